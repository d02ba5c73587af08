/* SPDX-License-Identifier: MIT */
/* Values by kind: what a text means, and how it is shown. */
#include "config/option.h"

#include "base/assert.h"
#include "base/num.h"

static bool parse_number(const struct option *option, struct bytes value, int64_t *out,
                         struct errmsg *error)
{
    uint64_t size;

    if (option->kind == KIND_SIZE) {
        if (!num_parse_size(value, &size) || size > INT64_MAX) {
            errmsg_set(error, "argument must be a memory value");
            return false;
        }
        *out = (int64_t)size;
    } else if (!num_parse_i64(value, out)) {
        errmsg_set(error, "argument couldn't be parsed into an integer");
        return false;
    }
    if (*out < option->least || *out > option->greatest) {
        errmsg_set(error, "argument must be between %lld and %lld inclusive",
                   (long long)option->least, (long long)option->greatest);
        return false;
    }
    return true;
}

static bool equal_nocase(struct bytes a, struct bytes b)
{
    char text[64];

    if (a.len != b.len || b.len >= sizeof(text)) {
        return false;
    }
    bytes_to_text(b, text, sizeof(text));
    return bytes_equal_nocase(a, text);
}

static bool has_words_of(struct bytes a, struct bytes b)
{
    for (struct bytes word = bytes_next_word(&a, ' '); word.len > 0;
         word = bytes_next_word(&a, ' ')) {
        struct bytes rest = b;
        struct bytes other = bytes_next_word(&rest, ' ');

        while (other.len > 0 && !equal_nocase(word, other)) {
            other = bytes_next_word(&rest, ' ');
        }
        if (other.len == 0) {
            return false;
        }
    }
    return true;
}

/* Words that may be combined may be so in any order. */
static bool is_choice(struct bytes value, struct bytes choice)
{
    return value.len == choice.len && has_words_of(value, choice) && has_words_of(choice, value);
}

static bool parse_choice(const struct option *option, struct bytes value, int64_t *out,
                         struct errmsg *error)
{
    struct bytes words = bytes_from_text(option->words);
    struct buf list = {0};

    *out = 0;
    for (struct bytes word = bytes_next_word(&words, '|'); word.len > 0;
         word = bytes_next_word(&words, '|'), ++*out) {
        if (is_choice(value, word)) {
            buf_deinit(&list);
            return true;
        }
        buf_printf(&list, "%s%.*s", *out > 0 ? ", " : "", BYTES_ARGS(word));
    }
    errmsg_set(error, "argument(s) must be one of the following: %s", buf_text(&list));
    buf_deinit(&list);
    return false;
}

static bool parse_text(const struct option *option, struct bytes value, struct buf *out,
                       struct errmsg *error)
{
    if (bytes_find_byte(value, '\0') != SIZE_MAX) {
        errmsg_set(error, "argument must not hold zero bytes");
        return false;
    }
    if (option->kind != KIND_WORDS) {
        buf_append_bytes(out, value);
        if (option->kind == KIND_NAME && value.len == 0) {
            errmsg_set(error, "argument must not be empty");
            return false;
        }
        return true;
    }
    for (struct bytes word = bytes_next_word(&value, ' '); word.len > 0;
         word = bytes_next_word(&value, ' ')) {
        buf_printf(out, "%s%.*s", out->len > 0 ? " " : "", BYTES_ARGS(word));
    }
    return true;
}

bool option_parse(const struct option *option, struct bytes value, struct option_value *out,
                  struct errmsg *error)
{
    switch (option->kind) {
    case KIND_BOOL:
        if (!bytes_equal_nocase(value, "yes") && !bytes_equal_nocase(value, "no")) {
            errmsg_set(error, "argument must be 'yes' or 'no'");
            return false;
        }
        out->number = bytes_equal_nocase(value, "yes");
        return true;
    case KIND_NUMBER:
    case KIND_SIZE:
        return parse_number(option, value, &out->number, error);
    case KIND_CHOICE:
        return parse_choice(option, value, &out->number, error);
    case KIND_TEXT:
    case KIND_NAME:
    case KIND_WORDS:
        return parse_text(option, value, &out->text, error);
    }
    ASSERT(false);
    return false;
}

void option_format(const struct option *option, int64_t number, struct buf *out)
{
    struct bytes words = bytes_from_text(option->words);

    switch (option->kind) {
    case KIND_BOOL:
        buf_append_text(out, number != 0 ? "yes" : "no");
        break;
    case KIND_NUMBER:
    case KIND_SIZE:
        buf_append_i64(out, number);
        break;
    case KIND_CHOICE:
        for (; number > 0; number--) {
            bytes_next_word(&words, '|');
        }
        buf_append_bytes(out, bytes_next_word(&words, '|'));
        break;
    case KIND_TEXT:
    case KIND_NAME:
    case KIND_WORDS:
        ASSERT(false);
        break;
    }
}
