/* SPDX-License-Identifier: MIT */
/* Finding the keys of a request, by the form that its row tells.
 *
 * A node routes by what is found here, and its command works on what it finds itself: where the two could
 * differ, a request must be refused by the command. */
#include "spec/command.h"

#include "base/assert.h"
#include "base/attr.h"
#include "base/num.h"

/* Keys one behind the other, the first of them the first of the request. */
static struct command_keys row_of_keys(size_t first, size_t count, size_t step)
{
    struct command_keys keys = {0};

    if (count > 0) {
        keys.first = first;
        keys.count = count;
        keys.step = step;
        keys.rest = first + step;
    }
    return keys;
}

static struct command_keys range(const struct command_spec *spec, size_t word_count)
{
    size_t first = (size_t)spec->first_key;
    size_t step = (size_t)spec->key_step;
    size_t end; /* behind the last word that may be a key */

    if (first == 0 || first >= word_count) {
        return (struct command_keys){0};
    }
    if (spec->first_key == spec->last_key) {
        return row_of_keys(first, 1, step);
    }
    if (spec->last_key >= 0) {
        end = (size_t)spec->last_key + 1;
        end = end < word_count ? end : word_count;
    } else {
        end = word_count >= (size_t)-spec->last_key ? word_count + 1 - (size_t)-spec->last_key : 0;
    }
    return first < end ? row_of_keys(first, (end - first - 1) / step + 1, step)
                       : (struct command_keys){0};
}

static struct command_keys counted(const struct command_spec *spec, const struct bytes *words,
                                   size_t word_count)
{
    size_t number = (size_t)spec->key_number;
    size_t step = (size_t)spec->key_number_step;
    int64_t count;

    if (number >= word_count || !num_parse_i64(words[number], &count) || count <= 0 ||
        (uint64_t)count > (word_count - number - 1) / step) {
        return (struct command_keys){0};
    }
    if (spec->first_key == 0) {
        return row_of_keys(number + 1, (size_t)count, step);
    }
    return (struct command_keys){.first = (size_t)spec->first_key,
                                 .count = (size_t)count + 1,
                                 .step = step,
                                 .rest = number + 1};
}

static bool is_keyword(const struct command_spec *spec, struct bytes word)
{
    for (size_t i = 0; i < ARRAY_COUNT(spec->key_words); i++) {
        if (spec->key_words[i] != NULL && bytes_equal_nocase(word, spec->key_words[i])) {
            return true;
        }
    }
    return false;
}

/* How many words behind this one belong to it, and are no keywords whatever they read. */
static size_t words_of_option(struct bytes word)
{
    static const struct {
        const char *name;
        size_t words;
    } options[] = {
        {"BY",    1},
        {"GET",   1},
        {"LIMIT", 2},
        {"AUTH",  1},
        {"AUTH2", 2}
    };

    for (size_t i = 0; i < ARRAY_COUNT(options); i++) {
        if (bytes_equal_nocase(word, options[i].name)) {
            return options[i].words;
        }
    }
    return 0;
}

/* The keyword from word at on, behind which there is at least one more; 0: none. */
static size_t find_keyword(const struct command_spec *spec, const struct bytes *words,
                           size_t word_count, size_t at)
{
    while (at + 1 < word_count) {
        if (is_keyword(spec, words[at])) {
            return at;
        }
        at += 1 + words_of_option(words[at]);
    }
    return 0;
}

static struct command_keys half(const struct command_spec *spec, const struct bytes *words,
                                size_t word_count)
{
    size_t at = find_keyword(spec, words, word_count, (size_t)spec->key_words_from);

    return row_of_keys(at + 1, at == 0 ? 0 : (word_count - at - 1) / 2, 1);
}

/* Of an option that is there twice, the last counts. */
static struct command_keys with_option(const struct command_spec *spec, const struct bytes *words,
                                       size_t word_count)
{
    struct command_keys keys = range(spec, word_count);
    size_t at = (size_t)spec->key_words_from;

    while ((at = find_keyword(spec, words, word_count, at)) != 0) {
        keys.count = 2;
        keys.rest = at + 1;
        at += 2;
    }
    return keys;
}

static struct command_keys listed(const struct command_spec *spec, const struct bytes *words,
                                  size_t word_count)
{
    struct command_keys keys = range(spec, word_count);
    size_t at = find_keyword(spec, words, word_count, (size_t)spec->key_words_from);

    if (at == 0 || keys.count == 0) {
        return keys;
    }
    /* A key and a list of keys: the command refuses that. */
    return row_of_keys(at + 1, words[keys.first].len > 0 ? 0 : word_count - at - 1, 1);
}

struct command_keys command_keys(const struct command_spec *spec, const struct bytes *words,
                                 size_t word_count)
{
    switch (spec->key_form) {
    case KEY_FORM_RANGE:
        return range(spec, word_count);
    case KEY_FORM_COUNTED:
        return counted(spec, words, word_count);
    case KEY_FORM_HALF:
        return half(spec, words, word_count);
    case KEY_FORM_OPTION:
    case KEY_FORM_SORTING:
        return with_option(spec, words, word_count);
    case KEY_FORM_LISTED:
        return listed(spec, words, word_count);
    case KEY_FORM_NONE:
        break;
    }
    return (struct command_keys){0};
}

/* ---- what is done to them --------------------------------------------------------------------- */

/* SET overwrites, unless the old value is told or compared. */
static uint32_t access_of_set(const struct bytes *words, size_t word_count)
{
    static const char *const reading[] = {"GET", "IFEQ", "IFNE", "IFDEQ", "IFDNE"};

    for (size_t i = 3; i < word_count; i++) {
        for (size_t k = 0; k < ARRAY_COUNT(reading); k++) {
            if (bytes_equal_nocase(words[i], reading[k])) {
                return KEY_ACCESS_RW | KEY_ACCESS_ACCESS | KEY_ACCESS_UPDATE;
            }
        }
    }
    return KEY_ACCESS_OW | KEY_ACCESS_UPDATE;
}

/* BITFIELD with nothing but GET reads. */
static uint32_t access_of_bitfield(const struct bytes *words, size_t word_count)
{
    size_t i = 2;

    while (i < word_count) {
        if (bytes_equal_nocase(words[i], "GET")) {
            i += 3;
        } else if (bytes_equal_nocase(words[i], "OVERFLOW")) {
            i += 2;
        } else {
            return KEY_ACCESS_RW | KEY_ACCESS_ACCESS | KEY_ACCESS_UPDATE;
        }
    }
    return KEY_ACCESS_RO | KEY_ACCESS_ACCESS;
}

uint32_t command_key_access(const struct command_spec *spec, const struct bytes *words,
                            size_t word_count, size_t i)
{
    uint32_t access = i == 0 ? spec->first_access : spec->rest_access;

    if (!(access & KEY_ACCESS_VARIABLE)) {
        return access;
    }
    switch ((int)spec->id) {
    case COMMAND_SET:
        return access_of_set(words, word_count);
    case COMMAND_BITFIELD:
        return access_of_bitfield(words, word_count);
    default:
        return access & ~(uint32_t)KEY_ACCESS_VARIABLE;
    }
}
