/* SPDX-License-Identifier: MIT */
#include "cli/import_stream.h"

#include "base/num.h"
#include "resp/writer.h"
#include "spec/command.h"
#include "spec/slot.h"

#include <inttypes.h>

enum {
    NAME_SHOWN = 40,
    KEY_SHOWN = 60,
};

void import_stream_deinit(struct import_stream *stream)
{
    buf_deinit(&stream->in);
    resp_reader_deinit(&stream->reader);
    VEC_DEINIT(&stream->words);
    *stream = (struct import_stream){0};
}

static struct bytes shown(struct bytes word, size_t most)
{
    return bytes_prefix(word, word.len < most ? word.len : most);
}

/* What says nothing about data. */
static bool is_for_the_link(struct bytes name)
{
    static const char *const names[] = {"ping",     "replconf", "multi",  "exec",  "publish",
                                        "spublish", "function", "script", "select"};

    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (bytes_equal_nocase(name, names[i])) {
            return true;
        }
    }
    return false;
}

static void write(struct import_stream *stream, const struct bytes *words, size_t count,
                  struct buf *out)
{
    resp_write_request(out, words, count);
    stream->made++;
}

static bool is_removal(struct bytes name)
{
    return bytes_equal_nocase(name, "DEL") || bytes_equal_nocase(name, "UNLINK");
}

/* The first key whose slot is another one than that of the first; 0: there is none. */
static size_t find_stranger(const struct command_keys *keys, const struct bytes *words)
{
    for (size_t i = 1; i < keys->count; i++) {
        if (slot_of_key(words[command_key_at(keys, i)]) != slot_of_key(words[keys->first])) {
            return i;
        }
    }
    return 0;
}

static struct command_keys keys_of(const struct bytes *words, size_t count)
{
    const struct command_spec *spec = command_find(words[0]);

    if (spec != NULL && command_has_subcommands(spec)) {
        const struct command_spec *sub = count > 1 ? command_find_sub(spec, words[1]) : NULL;

        spec = sub != NULL ? sub : spec;
    }
    return spec != NULL ? command_keys(spec, words, count) : (struct command_keys){0};
}

static bool refuse(struct errmsg *error, const struct bytes *words, const struct command_keys *keys,
                   size_t stranger)
{
    struct bytes name = shown(words[0], NAME_SHOWN);

    if (keys->count == 0) {
        errmsg_set(error,
                   "the source sent %.*s, which names no key that is known here: it cannot be "
                   "spread over a cluster",
                   BYTES_ARGS(name));
    } else {
        struct bytes first = shown(words[keys->first], KEY_SHOWN);
        struct bytes other = shown(words[command_key_at(keys, stranger)], KEY_SHOWN);

        errmsg_set(error,
                   "the source sent %.*s with keys of several slots, '%.*s' and '%.*s': a cluster "
                   "cannot do that at once",
                   BYTES_ARGS(name), BYTES_ARGS(first), BYTES_ARGS(other));
    }
    return false;
}

static bool take_one(struct import_stream *stream, const struct bytes *words, size_t count,
                     struct buf *out, struct errmsg *error)
{
    struct command_keys keys;
    size_t stranger;

    if (bytes_equal_nocase(words[0], "SELECT") && count > 1) {
        return num_parse_i64(words[1], &stream->db);
    }
    if (is_for_the_link(words[0])) {
        return true;
    }
    if (stream->db != 0) {
        errmsg_set(error,
                   "the source writes to database %" PRId64 ", and a cluster has database 0 alone",
                   stream->db);
        return false;
    }
    keys = keys_of(words, count);
    stranger = find_stranger(&keys, words);
    if (keys.count > 0 && stranger == 0) {
        write(stream, words, count, out);
        return true;
    }
    if (keys.count == 0 || !is_removal(words[0])) {
        return refuse(error, words, &keys, stranger);
    }
    for (size_t i = 1; i < count; i++) {
        const struct bytes one[] = {words[0], words[i]};

        write(stream, one, 2, out);
    }
    return true;
}

bool import_stream_take(struct import_stream *stream, struct bytes bytes, struct buf *out,
                        struct errmsg *error)
{
    const struct resp_limits limits = RESP_LIMITS_DEFAULT;
    enum resp_status status = RESP_OK;
    bool is_ok = true;
    size_t at = 0;

    buf_append_bytes(&stream->in, bytes);
    while (is_ok && at < stream->in.len) {
        struct resp_request request;

        stream->words.count = 0;
        status = resp_read_request(&stream->reader, bytes_from(buf_bytes(&stream->in), at), &limits,
                                   &stream->words, &request, error);
        if (status != RESP_OK) {
            break;
        }
        is_ok =
            request.word_count == 0 || take_one(stream, stream->words.items + request.first_word,
                                                request.word_count, out, error);
        at += request.raw.len;
        resp_reader_recycle(&stream->reader);
    }
    stream->taken_bytes += at;
    buf_consume(&stream->in, at);
    if (is_ok && status == RESP_ERROR) {
        errmsg_wrap(error, "what the source sends is no request");
        return false;
    }
    return is_ok;
}
