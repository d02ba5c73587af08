/* SPDX-License-Identifier: MIT */
/* One flag at a time: find the row, check the value, store it.  In help the names of a flag stand
 * together, and sentences are broken at blanks. */
#include "cli/flags.h"

#include "base/bytes.h"
#include "base/num.h"

#include <inttypes.h>
#include <string.h>

enum {
    HELP_COLUMN = 26, /* where sentences begin */
    HELP_WIDTH = 96,
    SECONDS_MAX = 1000 * 1000 * 1000,
};

static const struct flag_row *find(const struct flag_table *table, const char *name)
{
    for (size_t i = 0; i < table->count; i++) {
        if (strcmp(table->rows[i].name, name) == 0) {
            return &table->rows[i];
        }
    }
    return NULL;
}

static bool store_number(const struct flag_row *row, void *field, const char *value,
                         struct errmsg *error)
{
    int64_t number;

    if (!num_parse_i64(bytes_from_text(value), &number) || number < row->min || number > row->max) {
        if (row->max == INT64_MAX && row->min == INT64_MIN) {
            errmsg_set(error, "%s takes a number, not '%s'", row->name, value);
            return false;
        }
        if (row->max == INT64_MAX) {
            errmsg_set(error, "%s takes a number from %" PRId64 " on, not '%s'", row->name,
                       row->min, value);
        } else {
            errmsg_set(error, "%s takes a number from %" PRId64 " to %" PRId64 ", not '%s'",
                       row->name, row->min, row->max, value);
        }
        return false;
    }
    memcpy(field, &number, sizeof(number));
    return true;
}

static bool store_seconds(const struct flag_row *row, void *field, const char *value,
                          struct errmsg *error)
{
    double seconds;
    int64_t ms;

    if (!num_parse_f64(bytes_from_text(value), &seconds) || seconds < 0 || seconds > SECONDS_MAX) {
        errmsg_set(error, "%s takes seconds, such as 0.5, not '%s'", row->name, value);
        return false;
    }
    ms = (int64_t)(seconds * 1000 + 0.5);
    if (ms < row->min) {
        errmsg_set(error, "%s takes at least %" PRId64 " ms", row->name, row->min);
        return false;
    }
    memcpy(field, &ms, sizeof(ms));
    return true;
}

bool flags_store(const struct flag_row *row, void *options, const char *value, struct errmsg *error)
{
    void *field = (char *)options + row->field;
    const bool yes = true;

    switch (row->kind) {
    case FLAG_BOOL:
        memcpy(field, &yes, sizeof(yes));
        return true;
    case FLAG_TEXT:
        memcpy(field, &value, sizeof(value)); /* the pointer */
        return true;
    case FLAG_NUMBER:
        return store_number(row, field, value, error);
    case FLAG_SECONDS:
        return store_seconds(row, field, value, error);
    case FLAG_CALL:
    case FLAG_CALL_ALONE:
        break;
    }
    return row->call(options, value, error);
}

enum flag_outcome flags_take(const struct flag_table *table, void *options, struct flag_words *rest,
                             struct errmsg *error)
{
    const struct flag_row *row = find(table, rest->words[0]);
    bool has_value;

    if (row == NULL) {
        return FLAG_UNKNOWN;
    }
    has_value = row->kind != FLAG_BOOL && row->kind != FLAG_CALL_ALONE;
    if (has_value && rest->count < 2) {
        errmsg_set(error, "Unrecognized option or bad number of args for: '%s'", row->name);
        return FLAG_BAD;
    }
    if (!flags_store(row, options, has_value ? rest->words[1] : NULL, error)) {
        return FLAG_BAD;
    }
    rest->words += has_value ? 2 : 1;
    rest->count -= has_value ? 2 : 1;
    return FLAG_TAKEN;
}

/* ---- help -------------------------------------------------------------------------------------- */

static void pad_to(struct buf *out, size_t line_start, size_t column)
{
    while (out->len - line_start < column) {
        buf_append_byte(out, ' ');
    }
}

/* The sentence from HELP_COLUMN on; names that reach so far get a line of their own. */
static void write_sentence(struct buf *out, size_t line_start, const char *sentence)
{
    struct bytes rest = bytes_from_text(sentence);
    bool is_first = true;

    if (out->len - line_start + 1 > HELP_COLUMN) {
        buf_append_byte(out, '\n');
        line_start = out->len;
    }
    pad_to(out, line_start, HELP_COLUMN);
    while (rest.len > 0) {
        struct bytes word = bytes_next_word(&rest, ' ');

        if (!is_first && out->len - line_start + 1 + word.len > HELP_WIDTH) {
            buf_append_byte(out, '\n');
            line_start = out->len;
            pad_to(out, line_start, HELP_COLUMN);
        } else if (!is_first) {
            buf_append_byte(out, ' ');
        }
        buf_append_bytes(out, word);
        is_first = false;
    }
    buf_append_byte(out, '\n');
}

void flags_write_help(const struct flag_table *tables, size_t table_count, struct buf *out)
{
    for (size_t i = 0; i < table_count; i++) {
        const struct flag_table *table = &tables[i];

        if (i == 0 || strcmp(table->title, tables[i - 1].title) != 0) {
            buf_printf(out, "%s%s\n", i == 0 ? "" : "\n", table->title);
        }
        for (size_t at = 0; at < table->count;) {
            const struct flag_row *row = &table->rows[at];
            size_t line_start = out->len;

            buf_printf(out, "  %s", row->name);
            for (at++; at < table->count && table->rows[at].help == NULL; at++) {
                buf_printf(out, ", %s", table->rows[at].name);
            }
            if (row->value != NULL) {
                buf_printf(out, " %s", row->value);
            }
            write_sentence(out, line_start, row->help);
        }
    }
}
