/* SPDX-License-Identifier: MIT */
#include "command/hash_fields.h"

#include "command/lookup.h"

enum {
    SHOWN_MAX = 128, /* bytes of a word in an error */
};

/* How many fields follow the number at index, each of width words. */
static bool read_count(struct exec *x, size_t index, size_t width, const char *error, size_t *out)
{
    int64_t count = 0;

    if (index >= x->arg_count || !num_parse_i64(x->args[index], &count) || count < 1) {
        resp_write_error(x->reply, "ERR %s", error);
        return false;
    }
    *out = (size_t)count;
    if (*out > (x->arg_count - index - 1) / width) {
        resp_write_error(x->reply,
                         "ERR The `numfields` parameter must match the number of arguments");
        return false;
    }
    return true;
}

bool hash_read_fields(struct exec *x, struct hash_request *out)
{
    *out = (struct hash_request){.first = 4};
    if (!argument_is(x, 2, "FIELDS")) {
        resp_write_error(x->reply, "ERR Mandatory argument FIELDS is missing or not at the right "
                                   "position");
        return false;
    }
    if (!read_count(x, 3, 1, "Number of fields must be a positive integer", &out->count)) {
        return false;
    }
    if (out->count != x->arg_count - out->first) {
        resp_write_error(x->reply,
                         "ERR The `numfields` parameter must match the number of arguments");
        return false;
    }
    return true;
}

bool hash_read_request(struct exec *x, const struct hash_syntax *syntax, struct hash_request *out)
{
    size_t i = syntax->from;

    *out = (struct hash_request){0};
    while (i < x->arg_count) {
        if (!argument_is(x, i, "FIELDS")) {
            if (!syntax->option(x, &i, out)) {
                return false;
            }
            continue;
        }
        if (out->count > 0) {
            resp_write_error(x->reply, "ERR FIELDS keyword specified multiple times");
            return false;
        }
        if (!read_count(x, i + 1, syntax->width, syntax->count_error, &out->count)) {
            return false;
        }
        out->first = i + 2;
        i = out->first + out->count * syntax->width;
    }
    if (out->count == 0) {
        resp_write_error(x->reply, "ERR missing FIELDS argument");
        return false;
    }
    return true;
}

void reply_unknown_argument(struct exec *x, size_t index)
{
    struct bytes word = bytes_prefix(
        x->args[index], x->args[index].len < SHOWN_MAX ? x->args[index].len : SHOWN_MAX);

    resp_write_error(x->reply, "ERR unknown argument: %.*s", BYTES_ARGS(word));
}

bool hash_read_time(struct exec *x, size_t index, enum expiry_kind kind, int64_t *out_ms)
{
    bool is_seconds = kind == EXPIRY_EX || kind == EXPIRY_EXAT;
    int64_t base_ms = kind == EXPIRY_EX || kind == EXPIRY_PX ? x->now.unix_ms : 0;
    int64_t value;

    if (!argument_i64(x, index, &value)) {
        return false;
    }
    if (value < 0) {
        resp_write_error(x->reply, "ERR invalid expire time, must be >= 0");
        return false;
    }
    if (value > (is_seconds ? HASH_TIME_MAX / 1000 : HASH_TIME_MAX) ||
        value * (is_seconds ? 1000 : 1) > HASH_TIME_MAX - base_ms) {
        resp_write_error(x->reply, "ERR invalid expire time in '%s' command", x->spec->name);
        return false;
    }
    value = value * (is_seconds ? 1000 : 1) + base_ms;
    *out_ms = value > 0 ? value : 1; /* 0 stands for never */
    return true;
}

bool hash_is_past(const struct exec *x, int64_t when_ms)
{
    return x->is_primary && when_ms <= x->now.unix_ms;
}

/* ---- effects --------------------------------------------------------------------------------------- */

/* The words of head, and then the fields. */
static void add_effect(struct exec *x, const struct bytes *head, size_t head_count,
                       hash_words *fields_take)
{
    hash_words words = {0};

    for (size_t i = 0; i < head_count; i++) {
        VEC_PUSH(&words, head[i]);
    }
    for (size_t i = 0; i < fields_take->count; i++) {
        VEC_PUSH(&words, fields_take->items[i]);
    }
    if (fields_take->count > 0) {
        effects_add(x->effects, words.items, words.count);
    }
    VEC_DEINIT(&words);
    VEC_DEINIT(fields_take);
}

void effect_hdel(struct exec *x, hash_words *fields_take)
{
    const struct bytes head[] = {BYTES_LITERAL("HDEL"), x->args[1]};

    add_effect(x, head, ARRAY_COUNT(head), fields_take);
}

void effect_hset(struct exec *x, hash_words *fields_take)
{
    const struct bytes head[] = {BYTES_LITERAL("HSET"), x->args[1]};

    add_effect(x, head, ARRAY_COUNT(head), fields_take);
}

void effect_fields(struct exec *x, const struct bytes *head, size_t head_count, size_t width,
                   hash_words *fields_take)
{
    char text[NUM_I64_TEXT];
    size_t len = num_format_i64(text, (int64_t)(fields_take->count / width));
    hash_words words = {0};

    for (size_t i = 0; i < head_count; i++) {
        VEC_PUSH(&words, head[i]);
    }
    VEC_PUSH(&words, BYTES_LITERAL("FIELDS"));
    VEC_PUSH(&words, bytes_make(text, len));
    add_effect(x, words.items, words.count, fields_take);
    VEC_DEINIT(&words);
}

void effect_hpexpireat(struct exec *x, int64_t when_ms, hash_words *fields_take)
{
    char text[NUM_I64_TEXT];
    const struct bytes head[] = {BYTES_LITERAL("HPEXPIREAT"), x->args[1],
                                 bytes_make(text, num_format_i64(text, when_ms))};

    effect_fields(x, head, ARRAY_COUNT(head), 1, fields_take);
}
