/* SPDX-License-Identifier: MIT */
#include "stats/prometheus.h"

#include "base/num.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    NAME_MAX_LEN = 128,
};

/* A name as Prometheus wants it, and what its values are divided by. */
struct family {
    char name[NAME_MAX_LEN];
    double divisor;
};

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text);
    size_t end_len = strlen(end);

    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static void cut_end(char *text, const char *end)
{
    if (ends_with(text, end)) {
        text[strlen(text) - strlen(end)] = '\0';
    }
}

static void add_end(struct family *family, const char *end)
{
    size_t len = strlen(family->name);

    snprintf(family->name + len, sizeof(family->name) - len, "%s", end);
}

static struct family name_family(const char *name, const char *unit, bool is_counter)
{
    struct family family = {.divisor = 1};
    const char *total = "total_";
    bool has_total = is_counter && strncmp(name, total, strlen(total)) == 0;

    snprintf(family.name, sizeof(family.name), "starling_%s",
             name + (has_total ? strlen(total) : 0));
    if (!is_counter) {
        cut_end(family.name, "_total"); /* readers take it for the end of a counter's name */
    }
    if (strcmp(unit, "us") == 0 || (unit[0] == '\0' && ends_with(name, "_usec"))) {
        cut_end(family.name, "_usec");
        add_end(&family, "_seconds");
        family.divisor = 1e6;
    } else if (strcmp(unit, "ms") == 0) {
        cut_end(family.name, "_milliseconds");
        add_end(&family, "_seconds");
        family.divisor = 1e3;
    } else if (strcmp(unit, "s") == 0) {
        cut_end(family.name, "_sec");
        add_end(&family, strstr(family.name, "seconds") != NULL ? "" : "_seconds");
    } else if (strcmp(unit, "bytes") == 0) {
        add_end(&family, strstr(family.name, "bytes") != NULL ? "" : "_bytes");
    }
    add_end(&family, is_counter ? "_total" : "");
    return family;
}

static void write_escaped(struct buf *out, struct bytes text, bool is_label)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];

        if (c == '\n') {
            buf_append_text(out, "\\n");
        } else if (c == '\\' || (c == '"' && is_label)) {
            buf_append_byte(out, '\\');
            buf_append_byte(out, (char)c);
        } else {
            buf_append_byte(out, c >= 0x80 || c < 0x20 ? '?' : (char)c);
        }
    }
}

static void write_head(struct buf *out, const char *family, const char *type, const char *help)
{
    buf_printf(out, "# HELP %s ", family);
    write_escaped(out, bytes_from_text(help), false);
    buf_printf(out, "\n# TYPE %s %s\n", family, type);
}

static void write_label(struct buf *out, const char *name, struct bytes value, bool is_first)
{
    buf_printf(out, "%s%s=\"", is_first ? "" : ",", name);
    write_escaped(out, value, true);
    buf_append_byte(out, '"');
}

/* ---- numbers ------------------------------------------------------------------------------------ */

static void write_number(const struct metrics *metrics, const struct metric *row, struct buf *out)
{
    const void *field = (const char *)metrics + row->field;
    bool is_counter = row->kind == METRIC_COUNTER || row->kind == METRIC_SECONDS;
    struct family family =
        name_family(row->name, row->kind == METRIC_SECONDS ? "us" : row->unit, is_counter);

    write_head(out, family.name, is_counter ? "counter" : "gauge", row->sentence);
    if (row->kind == METRIC_RATIO) {
        buf_printf(out, "%s %.17g\n", family.name, *(const double *)field);
    } else if (family.divisor > 1) {
        int64_t value = *(const int64_t *)field;

        buf_printf(out, "%s %.6f\n", family.name, (double)value / family.divisor);
    } else if (row->kind == METRIC_COUNTER) {
        buf_printf(out, "%s %" PRIu64 "\n", family.name, *(const uint64_t *)field);
    } else {
        buf_printf(out, "%s %" PRId64 "\n", family.name, *(const int64_t *)field);
    }
}

/* ---- lines -------------------------------------------------------------------------------------- */

/* The next "<name>_x:rest" of a text; false at its end. */
static bool next_line(struct bytes *text, const char *name, struct bytes *label, struct bytes *rest)
{
    struct bytes line;

    if (text->len == 0) {
        return false;
    }
    line = bytes_next_field(text, '\n');
    if (line.len > 0 && line.data[line.len - 1] == '\r') {
        line.len--;
    }
    line = bytes_from(line, strlen(name) < line.len ? strlen(name) : line.len);
    *rest = line;
    *label = bytes_next_field(rest, ':');
    if (label->len > 0 && label->data[0] == '_') {
        *label = bytes_from(*label, 1);
    }
    return true;
}

/* The pair number `index` of "a=1,b=2"; a text without a name has an empty key. */
static bool pair_at(struct bytes pairs, size_t index, struct bytes *key, struct bytes *value)
{
    for (size_t i = 0; pairs.len > 0; i++) {
        struct bytes pair = bytes_next_field(&pairs, ',');

        if (i == index) {
            *value = pair;
            *key = bytes_next_field(value, '=');
            if (value->len == 0) {
                *value = *key;
                *key = (struct bytes){0};
            }
            return true;
        }
    }
    return false;
}

static bool is_number(struct bytes text, bool *is_whole)
{
    double number;
    int64_t whole;

    *is_whole = num_parse_i64(text, &whole);
    return *is_whole || num_parse_f64(text, &number);
}

static double number_of(struct bytes text)
{
    double number = 0;
    int64_t whole = 0;

    if (num_parse_i64(text, &whole)) {
        return (double)whole;
    }
    return num_parse_f64(text, &number) ? number : 0;
}

/* The numbers of one place in all lines: a family. */
static void write_place(const struct metric *row, struct bytes text, size_t index, struct buf *out)
{
    struct bytes label;
    struct bytes rest;
    struct bytes key;
    struct bytes value;
    struct family family = {{0}, 0};

    while (next_line(&text, row->name, &label, &rest)) {
        bool is_whole;

        if (!pair_at(rest, index, &key, &value) || !is_number(value, &is_whole)) {
            continue;
        }
        if (family.divisor == 0) {
            bool is_counter = row->kind == METRIC_TALLY && is_whole;
            char name[NAME_MAX_LEN];

            snprintf(name, sizeof(name), "%s%s%.*s", row->name, key.len > 0 ? "_" : "",
                     BYTES_ARGS(key));
            for (char *at = strchr(name, '.'); at != NULL; at = strchr(at, '.')) {
                *at = '_'; /* p99.9 */
            }
            family = name_family(name, key.len > 0 ? "" : row->unit, is_counter);
            write_head(out, family.name, is_counter ? "counter" : "gauge", row->sentence);
        }
        buf_printf(out, "%s{", family.name);
        write_label(out, row->name, label, true);
        buf_printf(out, "} %.17g\n", number_of(value) / family.divisor);
    }
}

/* Are there words in the lines?  Then each line has them as labels. */
static void write_words(const struct metric *row, struct bytes text, struct buf *out)
{
    struct bytes label;
    struct bytes rest;
    struct bytes key;
    struct bytes value;
    struct buf samples = {0};
    bool has_words = false;

    while (next_line(&text, row->name, &label, &rest)) {
        buf_printf(&samples, "starling_%s_info{", row->name);
        write_label(&samples, row->name, label, true);
        for (size_t i = 0; pair_at(rest, i, &key, &value); i++) {
            char name[NAME_MAX_LEN];
            bool is_whole;

            if (key.len > 0 && !is_number(value, &is_whole)) {
                has_words = true;
                bytes_to_text(key, name, sizeof(name));
                write_label(&samples, name, value, false);
            }
        }
        buf_append_text(&samples, "} 1\n");
    }
    if (has_words) {
        char name[NAME_MAX_LEN];

        snprintf(name, sizeof(name), "starling_%s_info", row->name);
        write_head(out, name, "gauge", row->sentence);
        buf_append_bytes(out, buf_bytes(&samples));
    }
    buf_deinit(&samples);
}

static void write_lines(const struct metrics *metrics, const struct metric *row, struct buf *out)
{
    struct bytes text = *(const struct bytes *)(const void *)((const char *)metrics + row->field);
    struct bytes rest_of_text = text;
    struct bytes label;
    struct bytes rest;
    struct bytes key;
    struct bytes value;

    if (!next_line(&rest_of_text, row->name, &label, &rest)) {
        return;
    }
    for (size_t i = 0; pair_at(rest, i, &key, &value); i++) {
        write_place(row, text, i, out);
    }
    write_words(row, text, out);
}

/* ---- sections ------------------------------------------------------------------------------------ */

static bool is_shown(const struct metrics *metrics, const struct metric *row,
                     enum metric_section section)
{
    return row->section == section &&
           (row->when == METRIC_WHEN_ALWAYS || (metrics->holds & row->when) != 0);
}

static void write_info(const struct metrics *metrics, enum metric_section section, struct buf *out)
{
    const char *section_name = metric_section_info(section).name;
    char family[NAME_MAX_LEN];
    const struct metric *row;
    bool is_first = true;

    snprintf(family, sizeof(family), "starling_%s_info", section_name);
    for (size_t i = 0; (row = metric_at(i)) != NULL; i++) {
        const char *text;

        if (row->kind != METRIC_TEXT || !is_shown(metrics, row, section)) {
            continue;
        }
        if (is_first) {
            write_head(out, family, "gauge", "What INFO tells in words, as labels");
            buf_printf(out, "%s{", family);
        }
        text = *(const char *const *)(const void *)((const char *)metrics + row->field);
        write_label(out, row->name, bytes_from_text(text != NULL ? text : ""), is_first);
        is_first = false;
    }
    if (!is_first) {
        buf_append_text(out, "} 1\n");
    }
}

void prometheus_write_section(const struct metrics *metrics, enum metric_section section,
                              struct buf *out)
{
    const struct metric *row;

    write_info(metrics, section, out);
    for (size_t i = 0; (row = metric_at(i)) != NULL; i++) {
        if (!is_shown(metrics, row, section)) {
            continue;
        }
        switch (row->kind) {
        case METRIC_COUNTER:
        case METRIC_GAUGE:
        case METRIC_RATIO:
        case METRIC_SECONDS:
            write_number(metrics, row, out);
            break;
        case METRIC_LINES:
        case METRIC_TALLY:
            write_lines(metrics, row, out);
            break;
        case METRIC_HUMAN:
        case METRIC_TEXT:
            break;
        }
    }
}
