/* SPDX-License-Identifier: MIT */
/* Values in serialized form: DUMP and RESTORE. */
#include "base/crc.h"
#include "command/events.h"
#include "command/functions.h"
#include "command/lookup.h"
#include "store/stream.h"
#include "store/usage.h"
#include "store/value.h"

enum exec_result cmd_dump(struct exec *x)
{
    struct key_ref ref = lookup_ref(x, 1);
    const struct entry *e = lookup_peek(x, &ref);
    struct buf payload = {0};

    if (e == NULL) {
        resp_write_null(x->reply);
        return EXEC_DONE;
    }
    value_dump(keyspace_types(x->keyspace), e, &payload);
    resp_write_bulk(x->reply, buf_bytes(&payload));
    buf_deinit(&payload);
    return EXEC_DONE;
}

enum {
    HINT_UNSET = -1,
    PAYLOAD_TRAILER = 10, /* version and checksum */
};

struct restore_options {
    bool replace;
    bool appends;      /* APPEND: to the stream that is there */
    bool is_absolute;  /* ABSTTL: the expiry is a point in time */
    int64_t frequency; /* hints; HINT_UNSET: not given */
    int64_t idle_s;
};

/* IDLETIME or FREQ and its number at argument index; false after an error reply. */
static bool read_hint(struct exec *x, size_t index, struct restore_options *out)
{
    bool is_idle = argument_is(x, index, "IDLETIME");
    int64_t value;

    if (!argument_i64(x, index + 1, &value)) {
        return false;
    }
    if (is_idle && value < 0) {
        resp_write_error(x->reply, "ERR Invalid IDLETIME value, must be >= 0");
        return false;
    }
    if (!is_idle && (value < 0 || value > 255)) {
        resp_write_error(x->reply, "ERR Invalid FREQ value, must be >= 0 and <= 255");
        return false;
    }
    if (is_idle) {
        out->idle_s = value;
    } else {
        out->frequency = value;
    }
    return true;
}

static bool read_restore(struct exec *x, struct restore_options *out)
{
    for (size_t i = 4; i < x->arg_count; i++) {
        bool has_number = i + 1 < x->arg_count;

        if (argument_is(x, i, "REPLACE")) {
            out->replace = true;
        } else if (argument_is(x, i, "ABSTTL")) {
            out->is_absolute = true;
        } else if (argument_is(x, i, "APPEND")) {
            out->appends = true;
        } else if (has_number && ((argument_is(x, i, "IDLETIME") && out->frequency == HINT_UNSET) ||
                                  (argument_is(x, i, "FREQ") && out->idle_s == HINT_UNSET))) {
            if (!read_hint(x, i, out)) {
                return false;
            }
            i++;
        } else {
            reply_syntax_error(x);
            return false;
        }
    }
    if (out->replace && out->appends) {
        reply_syntax_error(x);
        return false;
    }
    return true;
}

/* The expiry in unix ms, or EXPIRE_NEVER; false after an error reply. */
static bool read_ttl(struct exec *x, const struct restore_options *options, int64_t *out)
{
    int64_t ttl_ms;

    if (!argument_i64(x, 2, &ttl_ms)) {
        return false;
    }
    if (ttl_ms < 0) {
        resp_write_error(x->reply, "ERR Invalid TTL value, must be >= 0");
        return false;
    }
    if (ttl_ms == 0) {
        *out = EXPIRE_NEVER;
    } else if (options->is_absolute) {
        *out = ttl_ms;
    } else {
        *out = ttl_ms < INT64_MAX - x->now.unix_ms ? ttl_ms + x->now.unix_ms : INT64_MAX;
    }
    return true;
}

/* RESTORE key ms payload ABSTTL REPLACE */
static void effect_restore(struct exec *x, int64_t expire_at_ms)
{
    char text[NUM_I64_TEXT];
    int64_t ms = expire_at_ms == EXPIRE_NEVER ? 0 : expire_at_ms;
    const struct bytes words[] = {
        BYTES_LITERAL("RESTORE"),         x->args[1],
        {text, num_format_i64(text, ms)},
                 x->args[3],
        BYTES_LITERAL("ABSTTL"),          BYTES_LITERAL("REPLACE")
    };

    effects_add(x->effects, words, ARRAY_COUNT(words));
}

/* A hint that is not by the rule which counts is of no use. */
static void note_use(const struct exec *x, struct entry *e, const struct restore_options *options)
{
    bool is_frequency = keyspace_usage(x->keyspace)->is_frequency;

    if (is_frequency && options->frequency != HINT_UNSET) {
        keyspace_put_frequency(x->keyspace, e, (unsigned)options->frequency);
    } else if (!is_frequency && options->idle_s != HINT_UNSET) {
        int64_t idle_ms =
            options->idle_s < x->now.unix_ms / 1000 ? options->idle_s * 1000 : x->now.unix_ms;

        entry_touch(e, x->now.unix_ms - idle_ms);
    }
}

static void restore_value(struct exec *x, const struct restore_options *options,
                          struct value_reader *reader, int64_t expire_at_ms)
{
    struct key_ref ref = lookup_ref(x, 1);
    struct value value;

    if (x->is_primary && expire_at_ms != EXPIRE_NEVER && expire_at_ms <= x->now.unix_ms) {
        if (keyspace_remove(x->keyspace, &ref)) {
            effect_del(x, ref.bytes);
            notify(x, EVENT_GENERIC, "del", ref.bytes);
        }
        return;
    }
    value = value_reader_take(reader);
    if (UNLIKELY(x->events != NULL) && keyspace_find_any(x->keyspace, &ref) != NULL) {
        notify(x, EVENT_NEW, "new", ref.bytes); /* what is in the way goes before */
        note_replace(x, &ref, value.type);
    }
    keyspace_put(x->keyspace, &ref, &value, expire_at_ms);
    note_use(x, keyspace_find_any(x->keyspace, &ref), options);
    effect_restore(x, expire_at_ms);
    notify(x, EVENT_GENERIC, "restore", ref.bytes);
}

/* Is it what some DUMP wrote, whether or not we understand the value?  Chooses the error. */
static bool is_payload_sound(struct bytes payload)
{
    struct decoder d;
    uint16_t version;

    if (payload.len < PAYLOAD_TRAILER) {
        return false;
    }
    d = decoder_make(bytes_from(payload, payload.len - PAYLOAD_TRAILER));
    version = decode_u16_le(&d);
    return (version == 0 || rdb_version_is_known(version)) &&
           decode_u64_le(&d) == crc64(0, bytes_prefix(payload, payload.len - 8));
}

/* RESTORE key 0 payload APPEND */
static void effect_append(struct exec *x)
{
    const struct bytes words[] = {BYTES_LITERAL("RESTORE"), x->args[1], BYTES_LITERAL("0"),
                                  x->args[3], BYTES_LITERAL("APPEND")};

    effects_add(x->effects, words, ARRAY_COUNT(words));
}

static void append_value(struct exec *x, const struct value_reader *reader)
{
    struct key_ref ref = lookup_ref(x, 1);
    struct value_edit edit;
    struct entry *e;
    bool is_behind;

    if (!lookup_write_type(x, &ref, VALUE_STREAM, &e)) {
        return;
    }
    if (reader->kind->type != VALUE_STREAM) {
        resp_write_error(x->reply, "ERR APPEND takes the payload of a stream");
        return;
    }
    keyspace_open(x->keyspace, &ref, e, VALUE_STREAM, &edit);
    is_behind = stream_join(&edit.draft, reader->draft.memory);
    (void)keyspace_close(x->keyspace, &edit);
    if (!is_behind) {
        resp_write_error(x->reply, "ERR APPEND takes what is behind a stream without groups");
        return;
    }
    effect_append(x);
    notify(x, EVENT_GENERIC, "restore", ref.bytes);
    resp_write_ok(x->reply);
}

enum exec_result cmd_restore(struct exec *x)
{
    struct key_ref ref = lookup_ref(x, 1);
    struct restore_options options = {.frequency = HINT_UNSET, .idle_s = HINT_UNSET};
    struct value_reader reader = {0};
    int64_t expire_at_ms;

    if (!read_restore(x, &options)) {
        return EXEC_DONE;
    }
    if (!options.replace && !options.appends && lookup_write(x, &ref) != NULL) {
        resp_write_error(x->reply, "BUSYKEY Target key name already exists.");
        return EXEC_DONE;
    }
    if (!read_ttl(x, &options, &expire_at_ms)) {
        return EXEC_DONE;
    }
    if (options.appends && expire_at_ms != EXPIRE_NEVER) {
        resp_write_error(x->reply, "ERR Invalid TTL value, must be 0 with APPEND");
        return EXEC_DONE;
    }
    if (value_restore(keyspace_values(x->keyspace), x->args[3], &reader, NULL)) {
        if (options.appends) {
            append_value(x, &reader);
        } else {
            restore_value(x, &options, &reader, expire_at_ms);
            resp_write_ok(x->reply);
        }
    } else if (is_payload_sound(x->args[3])) {
        resp_write_error(x->reply, "ERR Bad data format");
    } else {
        resp_write_error(x->reply, "ERR DUMP payload version or checksum are wrong");
    }
    value_reader_deinit(&reader);
    return EXEC_DONE;
}
