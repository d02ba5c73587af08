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

#include <stdio.h>

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
    NOSCRIPT = COMMAND_FLAG_NOSCRIPT,
    NO_ASYNC = COMMAND_FLAG_NO_ASYNC,
    NO_MULTI = COMMAND_FLAG_NO_MULTI,
    ALLOW_BUSY = COMMAND_FLAG_ALLOW_BUSY,
    NO_MANDATORY_KEYS = COMMAND_FLAG_NO_MANDATORY_KEYS,
    PUBSUB = COMMAND_FLAG_PUBSUB,
    SKIP_SLOWLOG = COMMAND_FLAG_SKIP_SLOWLOG,
};

/* What is done to keys, as commands.def spells it. */
enum {
    RO = KEY_ACCESS_RO,
    RW = KEY_ACCESS_RW,
    OW = KEY_ACCESS_OW,
    RM = KEY_ACCESS_RM,
    ACCESS = KEY_ACCESS_ACCESS,
    UPDATE = KEY_ACCESS_UPDATE,
    INSERT = KEY_ACCESS_INSERT,
    DELETE = KEY_ACCESS_DELETE,
    VARIABLE = KEY_ACCESS_VARIABLE,
    NOT_KEY = KEY_ACCESS_NOT_KEY,
};

/* A subcommand belongs to its parent's group. */
#define DATA(...)
#define CONTROL(id, function, name, arity, flags, keys, group, ...)                                \
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

#define FIXED_KEYS(form, first, last, step, access, then)                                          \
    .key_form = (form), .first_key = (first), .last_key = (last), .key_step = (step),              \
    .first_access = (access), .rest_access = (then)
#define KEYWORDS(from, word, other) .key_words = {(word), (other)}, .key_words_from = (from)
#define NO_KEYS                     .key_form = KEY_FORM_NONE
#define KEYS(first, last, step, access)                                                            \
    FIXED_KEYS(KEY_FORM_RANGE, first, last, step, access, access)
#define KEYS_THEN(first, last, step, access, then)                                                 \
    FIXED_KEYS(KEY_FORM_RANGE, first, last, step, access, then)
#define KEYNUM(number, step, access)                                                               \
    FIXED_KEYS(KEY_FORM_COUNTED, 0, 0, 0, access, access), .key_number = (number),                 \
                                                           .key_number_step = (step)
#define KEY_THEN_KEYNUM(first, number, step, access, then)                                         \
    FIXED_KEYS(KEY_FORM_COUNTED, first, first, 1, access, then), .key_number = (number),           \
                                                                 .key_number_step = (step)
#define KEYS_HALF(from, word, access)                                                              \
    FIXED_KEYS(KEY_FORM_HALF, 0, 0, 0, access, access), KEYWORDS(from, word, NULL)
#define KEY_THEN_OPTION(first, from, word, other, access, then)                                    \
    FIXED_KEYS(KEY_FORM_OPTION, first, first, 1, access, then), KEYWORDS(from, word, other)
#define KEY_SORTING(first, from, word, access, then)                                               \
    FIXED_KEYS(KEY_FORM_SORTING, first, first, 1, access, then), KEYWORDS(from, word, NULL)
#define KEY_OR_LISTED(first, from, word, access)                                                   \
    FIXED_KEYS(KEY_FORM_LISTED, first, first, 1, access, access), KEYWORDS(from, word, NULL)
#define HEAD(row_id, row_kind, row_is_data, row_parent, row_group, row_name, row_arity, row_flags) \
    .id = (row_id), .kind = (row_kind), .is_data = (row_is_data), .parent = (row_parent),          \
    .group = (enum command_group)(row_group), .name = (row_name), .arity = (row_arity),            \
    .flags = (uint32_t)(row_flags)
#define TAIL(row_since, row_arguments, row_summary)                                                \
    .since = (row_since), .arguments = (row_arguments), .summary = (row_summary)
#define DATA(id, function, name, arity, flags, keys, group, ...)                                   \
    {HEAD(COMMAND_##id, COMMAND_DATA, true, COMMAND_##id, COMMAND_GROUP_##group, name, arity,      \
          flags),                                                                                  \
     keys, TAIL(__VA_ARGS__)},
#define CONTROL(id, function, name, arity, flags, keys, group, ...)                                \
    {HEAD(COMMAND_##id, COMMAND_CONTROL, false, COMMAND_##id, COMMAND_GROUP_##group, name, arity,  \
          flags),                                                                                  \
     keys, TAIL(__VA_ARGS__)},
#define SUB(of, id, function, name, arity, flags, keys, ...)                                       \
    {HEAD(COMMAND_##of##_##id, COMMAND_SUB, false, COMMAND_##of, GROUP_OF_##of, name, arity,       \
          flags),                                                                                  \
     keys, TAIL(__VA_ARGS__)},
#define DATA_SUB(of, id, function, name, arity, flags, keys, ...)                                  \
    {HEAD(COMMAND_##of##_##id, COMMAND_SUB, true, COMMAND_##of, GROUP_OF_##of, name, arity,        \
          flags),                                                                                  \
     keys, TAIL(__VA_ARGS__)},
static const struct command_spec rows[COMMAND_COUNT] = {
#include "spec/commands.def"
};
#undef DATA
#undef CONTROL
#undef SUB
#undef HEAD
#undef TAIL
#undef FIXED_KEYS
#undef KEYWORDS
#undef NO_KEYS
#undef KEYS
#undef KEYS_THEN
#undef KEYNUM
#undef KEY_THEN_KEYNUM
#undef KEYS_HALF
#undef KEY_THEN_OPTION
#undef KEY_SORTING
#undef KEY_OR_LISTED
#undef DATA_SUB

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

size_t command_sub_count(const struct command_spec *spec)
{
    size_t count = 0;

    for (int row = DATA_COUNT + CONTROL_COUNT; row < COMMAND_COUNT; row++) {
        count += rows[row].parent == spec->id;
    }
    return count;
}

size_t command_top_count(void)
{
    return DATA_COUNT + CONTROL_COUNT;
}

void command_full_name(const struct command_spec *spec, char *out, size_t size)
{
    bool is_sub = spec->kind == COMMAND_SUB;

    snprintf(out, size, "%s%s%s", is_sub ? rows[spec->parent].name : "", is_sub ? "|" : "",
             spec->name);
}

const struct command_spec *command_called(const struct command_spec *spec,
                                          const struct bytes *words, size_t count)
{
    if (spec != NULL && command_has_subcommands(spec)) {
        return count > 1 ? command_find_sub(spec, words[1]) : NULL;
    }
    return spec;
}

const struct command_spec *command_find_full(struct bytes name)
{
    size_t bar = bytes_find_byte(name, '|');
    const struct command_spec *spec =
        command_find(bytes_prefix(name, bar < name.len ? bar : name.len));

    if (spec == NULL || bar >= name.len) {
        return spec;
    }
    return command_has_subcommands(spec) ? command_find_sub(spec, bytes_from(name, bar + 1)) : NULL;
}

bool command_arity_fits(const struct command_spec *spec, size_t word_count)
{
    if (spec->arity >= 0) {
        return word_count == (size_t)spec->arity;
    }
    return word_count >= (size_t)-spec->arity;
}
