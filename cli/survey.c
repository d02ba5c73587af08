/* SPDX-License-Identifier: MIT */
/* The lines of --bigkeys and --memkeys have the shape that scripts know from redis-cli. */
#include "cli/survey.h"

#include "base/assert.h"
#include "base/num.h"
#include "cli/quoted.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *type;
    const char *command;
    const char *unit;
} known[] = {
    {"string", "STRLEN", "bytes"  },
    {"list",   "LLEN",   "items"  },
    {"set",    "SCARD",  "members"},
    {"hash",   "HLEN",   "fields" },
    {"zset",   "ZCARD",  "members"},
    {"stream", "XLEN",   "entries"},
};

const char *survey_size_command(struct bytes type)
{
    for (size_t i = 0; i < ARRAY_COUNT(known); i++) {
        if (bytes_equal_text(type, known[i].type)) {
            return known[i].command;
        }
    }
    return NULL;
}

static struct survey_type *add_type(struct survey *survey, const char *name, const char *unit)
{
    struct survey_type *type = &survey->types[survey->type_count++];

    snprintf(type->name, sizeof(type->name), "%s", name);
    type->unit = unit;
    return type;
}

void survey_init(struct survey *survey, enum survey_kind kind, size_t top_wanted)
{
    *survey = (struct survey){.kind = kind, .top_wanted = top_wanted};
    ASSERT(top_wanted <= SURVEY_TOP_MAX);
    for (size_t i = 0; i < ARRAY_COUNT(known); i++) {
        (void)add_type(survey, known[i].type, known[i].unit);
    }
}

void survey_deinit(struct survey *survey)
{
    for (size_t i = 0; i < survey->type_count; i++) {
        buf_deinit(&survey->types[i].by_size.name);
        buf_deinit(&survey->types[i].by_memory.name);
    }
    for (size_t i = 0; i < survey->top_count; i++) {
        buf_deinit(&survey->top[i].name);
    }
}

/* ---- counting ------------------------------------------------------------------------------------ */

static struct survey_type *type_of(struct survey *survey, struct bytes name)
{
    char text[SURVEY_TYPE_NAME];

    for (size_t i = 0; i < survey->type_count; i++) {
        if (bytes_equal_text(name, survey->types[i].name)) {
            return &survey->types[i];
        }
    }
    if (survey->type_count == SURVEY_TYPES_MAX) {
        return &survey->types[SURVEY_TYPES_MAX - 1];
    }
    bytes_to_text(bytes_prefix(name, sizeof(text) - 1), text, sizeof(text));
    return add_type(survey, text, NULL);
}

static bool note_best(struct survey_best *best, struct bytes name, uint64_t amount)
{
    if (amount < best->amount || (amount == best->amount && best->name.len > 0)) {
        return false;
    }
    buf_clear(&best->name);
    buf_append_bytes(&best->name, name);
    best->amount = amount;
    return true;
}

static void note_top(struct survey *survey, const struct survey_key *key, size_t type)
{
    struct survey_top fresh = {.type = type, .size = key->size, .memory = key->memory};
    size_t at = survey->top_count;

    while (at > 0 && survey->top[at - 1].memory < key->memory) {
        at--;
    }
    if (at >= survey->top_wanted) {
        return;
    }
    if (survey->top_count == survey->top_wanted) {
        buf_deinit(&survey->top[--survey->top_count].name);
    }
    memmove(&survey->top[at + 1], &survey->top[at],
            (survey->top_count - at) * sizeof(survey->top[0]));
    buf_append_bytes(&fresh.name, key->name);
    survey->top[at] = fresh;
    survey->top_count++;
}

bool survey_add(struct survey *survey, const struct survey_key *key)
{
    struct survey_type *type = type_of(survey, key->type);
    bool is_largest_by_memory = note_best(&type->by_memory, key->name, key->memory);
    bool is_largest_by_size = note_best(&type->by_size, key->name, key->size);

    survey->count++;
    survey->name_bytes += key->name.len;
    type->count++;
    type->size += key->size;
    type->memory += key->memory;
    if (survey->kind == SURVEY_BOTH) {
        note_top(survey, key, (size_t)(type - survey->types));
        hist_add(&survey->memory, (int64_t)key->memory);
        hist_add(&survey->names, (int64_t)key->name.len);
    }
    return survey->kind == SURVEY_SIZES ? is_largest_by_size : is_largest_by_memory;
}

/* ---- text ---------------------------------------------------------------------------------------- */

static double part_of(uint64_t part, uint64_t all)
{
    return all > 0 ? (double)part / (double)all : 0;
}

static const char *unit_of(const struct survey *survey, const struct survey_type *type)
{
    if (survey->kind != SURVEY_SIZES) {
        return "bytes";
    }
    return type->unit != NULL ? type->unit : "?";
}

static void write_name(struct buf *out, struct bytes name)
{
    buf_append_byte(out, '\'');
    quoted_encode(out, name);
    buf_append_byte(out, '\'');
}

void survey_write_head(const struct survey *survey, struct buf *out)
{
    static const char *const what[] = {
        "the biggest keys and the average sizes",
        "the keys that take most memory and the averages",
        "sizes and memory of keys",
    };

    buf_printf(out,
               "\n# Looking at every key for %s of each type.\n"
               "# -i 0.1 rests 0.1 s after every hundred steps of SCAN; Ctrl-C ends with what is "
               "known.\n\n",
               what[survey->kind]);
}

void survey_write_progress(const struct survey *survey, const struct survey_key *key,
                           uint64_t total, struct buf *out)
{
    const struct survey_type *type = NULL;
    uint64_t all = total > survey->count ? total : survey->count;

    for (size_t i = 0; i < survey->type_count; i++) {
        if (bytes_equal_text(key->type, survey->types[i].name)) {
            type = &survey->types[i];
        }
    }
    if (type == NULL) {
        return;
    }
    buf_printf(out, "[%05.2f%%] Biggest %-6s found so far ", 100 * part_of(survey->count, all),
               type->name);
    write_name(out, key->name);
    buf_printf(out, " with %" PRIu64 " %s\n",
               survey->kind == SURVEY_SIZES ? key->size : key->memory, unit_of(survey, type));
}

static void write_types(const struct survey *survey, struct buf *out)
{
    bool is_by_size = survey->kind == SURVEY_SIZES;

    for (size_t i = 0; i < survey->type_count; i++) {
        const struct survey_type *type = &survey->types[i];
        const struct survey_best *best = is_by_size ? &type->by_size : &type->by_memory;

        if (type->count > 0) {
            buf_printf(out, "Biggest %6s found ", type->name);
            write_name(out, buf_bytes(&best->name));
            buf_printf(out, " has %" PRIu64 " %s\n", best->amount, unit_of(survey, type));
        }
    }
    buf_append_byte(out, '\n');
    for (size_t i = 0; i < survey->type_count; i++) {
        const struct survey_type *type = &survey->types[i];
        uint64_t sum = is_by_size ? type->size : type->memory;

        buf_printf(out, "%" PRIu64 " %ss with %" PRIu64 " %s (%05.2f%% of keys, avg size %.2f)\n",
                   type->count, type->name, sum, unit_of(survey, type),
                   100 * part_of(type->count, survey->count), part_of(sum, type->count));
    }
}

static void write_top(const struct survey *survey, struct buf *out)
{
    buf_printf(out, "The %zu keys with most memory\n\n", survey->top_count);
    for (size_t i = 0; i < survey->top_count; i++) {
        const struct survey_top *top = &survey->top[i];
        const struct survey_type *type = &survey->types[top->type];
        char memory[32];

        num_format_size(memory, sizeof(memory), top->memory);
        buf_printf(out, "%4zu %9s %-7s ", i + 1, memory, type->name);
        quoted_encode(out, buf_bytes(&top->name));
        if (type->unit != NULL) {
            buf_printf(out, " (%" PRIu64 " %s)", top->size, type->unit);
        }
        buf_append_byte(out, '\n');
    }
}

static void write_table(const struct survey *survey, struct buf *out)
{
    buf_printf(out, "\n%-8s %12s %7s %9s %9s %16s %12s\n", "type", "keys", "of all", "memory",
               "avg", "size", "avg");
    for (size_t i = 0; i < survey->type_count; i++) {
        const struct survey_type *type = &survey->types[i];
        char memory[32];
        char average[32];

        if (type->count == 0) {
            continue;
        }
        num_format_size(memory, sizeof(memory), type->memory);
        num_format_size(average, sizeof(average), type->memory / type->count);
        buf_printf(out, "%-8s %12" PRIu64 " %6.2f%% %9s %9s ", type->name, type->count,
                   100 * part_of(type->count, survey->count), memory, average);
        if (type->unit != NULL) {
            buf_printf(out, "%16" PRIu64 " %12.2f %s\n", type->size,
                       part_of(type->size, type->count), type->unit);
        } else {
            buf_printf(out, "%16s %12s\n", "-", "-");
        }
    }
}

static void write_spread(const struct survey *survey, struct buf *out)
{
    static const double parts[] = {0.5, 0.9, 0.95, 0.99, 0.999, 1};

    buf_printf(out, "\n%-12s %12s %12s\n", "of all keys", "memory", "name bytes");
    for (size_t i = 0; i < ARRAY_COUNT(parts); i++) {
        char memory[32];

        num_format_size(memory, sizeof(memory), (uint64_t)hist_quantile(&survey->memory, parts[i]));
        buf_printf(out, "%9.1f%%   %12s %12" PRId64 "\n", 100 * parts[i], memory,
                   hist_quantile(&survey->names, parts[i]));
    }
}

void survey_write_summary(const struct survey *survey, struct buf *out)
{
    buf_printf(out,
               "\n-------- summary -------\n\n"
               "Sampled %" PRIu64 " keys in the keyspace!\n"
               "Total key length in bytes is %" PRIu64 " (avg len %.2f)\n\n",
               survey->count, survey->name_bytes, part_of(survey->name_bytes, survey->count));
    if (survey->kind != SURVEY_BOTH) {
        write_types(survey, out);
    } else if (survey->count > 0) {
        write_top(survey, out);
        write_table(survey, out);
        write_spread(survey, out);
    }
}
