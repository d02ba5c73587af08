/* SPDX-License-Identifier: MIT */
/* The rows of commands.def, and finding one by its name.
 *
 * Names are kept a second time as fixed fields of three words.  Read most significant byte first,
 * words compare as the text does, so a search halves a sorted range eight bytes at a time,
 * without a branch that depends on the name.  commands.def keeps each of its ranges (data,
 * control, the subcommands of a parent) sorted by name. */
#include "spec/command.h"

#include "base/assert.h"
#include "base/attr.h"

enum {
    NAME_WORDS = 3,
    NAME_BYTES = NAME_WORDS * 8,
};

/* Flags as commands.def spells them. */
enum {
    WRITE = COMMAND_FLAG_WRITE,
    READONLY = COMMAND_FLAG_READONLY,
    DENYOOM = COMMAND_FLAG_DENYOOM,
    ADMIN = COMMAND_FLAG_ADMIN,
    FAST = COMMAND_FLAG_FAST,
    LOADING = COMMAND_FLAG_LOADING,
    STALE = COMMAND_FLAG_STALE,
    NO_AUTH = COMMAND_FLAG_NO_AUTH,
    BLOCKING = COMMAND_FLAG_BLOCKING,
    DANGEROUS = COMMAND_FLAG_DANGEROUS,
};

/* A subcommand belongs to its parent's group. */
#define DATA(id, function, name, arity, flags, first, last, step, group, ...)
#define CONTROL(id, function, name, arity, flags, first, last, step, group, ...)                   \
    GROUP_OF_##id = COMMAND_GROUP_##group,
#define SUB(...)
#define DATA_SUB(...)
enum group_of {
#include "spec/commands.def"
};
#undef DATA
#undef CONTROL
#undef SUB
#undef DATA_SUB

#define ROW(row_id, row_kind, row_is_data, row_parent, row_group, row_name, row_arity, row_flags,  \
            first, last, step, row_since, row_arguments, row_summary)                              \
    {.id = (row_id),                                                                               \
     .kind = (row_kind),                                                                           \
     .is_data = (row_is_data),                                                                     \
     .parent = (row_parent),                                                                       \
     .group = (enum command_group)(row_group),                                                     \
     .name = (row_name),                                                                           \
     .arity = (row_arity),                                                                         \
     .flags = (uint32_t)(row_flags),                                                               \
     .first_key = (first),                                                                         \
     .last_key = (last),                                                                           \
     .key_step = (step),                                                                           \
     .since = (row_since),                                                                         \
     .arguments = (row_arguments),                                                                 \
     .summary = (row_summary)},
#define DATA(id, function, name, arity, flags, first, last, step, group, ...)                      \
    ROW(COMMAND_##id, COMMAND_DATA, true, COMMAND_##id, COMMAND_GROUP_##group, name, arity, flags, \
        first, last, step, __VA_ARGS__)
#define CONTROL(id, function, name, arity, flags, first, last, step, group, ...)                   \
    ROW(COMMAND_##id, COMMAND_CONTROL, false, COMMAND_##id, COMMAND_GROUP_##group, name, arity,    \
        flags, first, last, step, __VA_ARGS__)
#define SUB(of, id, function, name, arity, flags, first, last, step, ...)                          \
    ROW(COMMAND_##of##_##id, COMMAND_SUB, false, COMMAND_##of, GROUP_OF_##of, name, arity, flags,  \
        first, last, step, __VA_ARGS__)
#define DATA_SUB(of, id, function, name, arity, flags, first, last, step, ...)                     \
    ROW(COMMAND_##of##_##id, COMMAND_SUB, true, COMMAND_##of, GROUP_OF_##of, name, arity, flags,   \
        first, last, step, __VA_ARGS__)
static const struct command_spec rows[COMMAND_COUNT] = {
#include "spec/commands.def"
};
#undef DATA
#undef CONTROL
#undef SUB
#undef DATA_SUB
#undef ROW

/* The names as fields, padded with zeros. */
#define DATA(id, function, name, ...)        {name},
#define CONTROL(id, function, name, ...)     {name},
#define SUB(parent, id, function, name, ...) {name},
#define DATA_SUB                             SUB
static const struct {
    char text[NAME_BYTES];
} names[COMMAND_COUNT] = {
#include "spec/commands.def"
};
#undef DATA
#undef CONTROL
#undef SUB
#undef DATA_SUB

/* How many rows of each kind there are. */
#define DATA(...)    +1
#define CONTROL(...) +0
#define SUB(...)     +0
#define DATA_SUB     SUB
enum {
    DATA_COUNT = 0
#include "spec/commands.def"
};
#undef DATA
#undef CONTROL
#define DATA(...)    +0
#define CONTROL(...) +1
enum {
    CONTROL_COUNT = 0
#include "spec/commands.def"
};
#undef DATA
#undef CONTROL
#undef SUB
#undef DATA_SUB

struct name {
    uint64_t words[NAME_WORDS];
};

/* Eight bytes, most significant first, upper case made lower. */
static uint64_t folded_word(const char *text)
{
    const uint64_t high_bits = UINT64_C(0x8080808080808080);
    uint64_t word = 0;
    uint64_t low;
    uint64_t is_upper;

    for (int i = 0; i < 8; i++) {
        word = (word << 8) | (unsigned char)text[i];
    }
    low = word & ~high_bits;
    is_upper = (low + UINT64_C(0x3f3f3f3f3f3f3f3f)) & ~(low + UINT64_C(0x2525252525252525)) &
               ~word & high_bits;
    return word | (is_upper >> 2);
}

static struct name folded_name(struct bytes text)
{
    char padded[NAME_BYTES] = {0};
    struct name name;

    memcpy(padded, text.data, text.len);
    for (size_t i = 0; i < NAME_WORDS; i++) {
        name.words[i] = folded_word(padded + 8 * i);
    }
    return name;
}

static bool is_row_name(int row, const struct name *name)
{
    return folded_word(names[row].text) == name->words[0] &&
           folded_word(names[row].text + 8) == name->words[1] &&
           folded_word(names[row].text + 16) == name->words[2];
}

/* The row among count from first on, sorted by name; NULL when there is none. */
static const struct command_spec *find_row(int first, int count, struct bytes text)
{
    struct name name;
    int end = first + count;
    int row = first;

    /* A zero at the end would pass for padding. */
    if (text.len == 0 || text.len >= NAME_BYTES || text.data[text.len - 1] == '\0') {
        return NULL;
    }
    name = folded_name(text);
    while (count > 0) {
        int half = count / 2;

        row += folded_word(names[row + half].text) < name.words[0] ? count - half : 0;
        count = half;
    }
    while (row < end && folded_word(names[row].text) == name.words[0]) {
        if (is_row_name(row, &name)) {
            return &rows[row];
        }
        row++;
    }
    return NULL;
}

const struct command_spec *command_spec(enum command_id id)
{
    ASSERT(id < COMMAND_COUNT);
    return &rows[id];
}

const struct command_spec *command_find(struct bytes name)
{
    const struct command_spec *spec = find_row(0, DATA_COUNT, name);

    return spec != NULL ? spec : find_row(DATA_COUNT, CONTROL_COUNT, name);
}

const struct command_spec *command_find_sub(const struct command_spec *parent, struct bytes name)
{
    int first = DATA_COUNT + CONTROL_COUNT;
    int count = 0;

    while (first < COMMAND_COUNT && rows[first].parent != parent->id) {
        first++;
    }
    while (first + count < COMMAND_COUNT && rows[first + count].parent == parent->id) {
        count++;
    }
    return find_row(first, count, name);
}

bool command_has_subcommands(const struct command_spec *spec)
{
    if (spec->kind != COMMAND_CONTROL) {
        return false;
    }
    for (int row = DATA_COUNT + CONTROL_COUNT; row < COMMAND_COUNT; row++) {
        if (rows[row].parent == spec->id) {
            return true;
        }
    }
    return false;
}

bool command_arity_fits(const struct command_spec *spec, size_t word_count)
{
    if (spec->arity >= 0) {
        return word_count == (size_t)spec->arity;
    }
    return word_count >= (size_t)-spec->arity;
}

struct command_keys command_keys(const struct command_spec *spec, size_t word_count)
{
    size_t first = (size_t)spec->first_key;
    size_t step = (size_t)spec->key_step;
    size_t end; /* behind the last word that may be a key */

    if (first == 0 || first >= word_count) {
        return (struct command_keys){0};
    }
    if (spec->first_key == spec->last_key) {
        return (struct command_keys){.first = first, .count = 1, .step = step};
    }
    if (spec->last_key >= 0) {
        end = (size_t)spec->last_key + 1;
        end = end < word_count ? end : word_count;
    } else {
        end = word_count >= (size_t)-spec->last_key ? word_count + 1 - (size_t)-spec->last_key : 0;
    }
    if (first >= end) {
        return (struct command_keys){0};
    }
    return (struct command_keys){
        .first = first, .count = (end - first - 1) / step + 1, .step = step};
}
