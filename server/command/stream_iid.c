/* SPDX-License-Identifier: MIT */
#include "command/stream_iid.h"

#include "base/assert.h"
#include "base/buf.h"
#include "base/codec.h"
#include "base/xxh3.h"
#include "command/functions.h"
#include "command/lookup.h"
#include "command/stream_args.h"
#include "store/value_space.h"

#include <string.h>

static enum stream_iid_word refuse(struct exec *x, const char *option, const char *why)
{
    resp_write_error(x->reply, "ERR syntax error, %s %s", option, why);
    return STREAM_IID_REFUSED;
}

enum stream_iid_word stream_iid_read(struct exec *x, size_t *index,
                                     struct stream_iid_options *options)
{
    bool is_hashed = argument_is(x, *index, "IDMPAUTO");
    size_t words = is_hashed ? 2 : 3;
    const char *name = is_hashed ? "IDMPAUTO" : "IDMP";

    if ((!is_hashed && !argument_is(x, *index, "IDMP")) || x->arg_count - *index <= words) {
        return STREAM_IID_OTHER;
    }
    if (options->is_wanted) {
        return refuse(x, "IDMP/IDMPAUTO", "specified multiple times");
    }
    options->is_wanted = true;
    options->is_hashed = is_hashed;
    options->producer = x->args[*index + 1];
    if (!is_hashed) {
        options->iid = x->args[*index + 2];
    }
    if (options->producer.len == 0) {
        return refuse(x, name, "requires a non-empty producer ID");
    }
    if (!is_hashed && options->iid.len == 0) {
        return refuse(x, name, "requires a non-empty idempotent ID");
    }
    *index += words;
    return STREAM_IID_TAKEN;
}

bool stream_iid_check_id(struct exec *x, const struct stream_iid_options *options,
                         bool is_generated)
{
    if (!options->is_wanted || is_generated || x->from_primary) {
        return true;
    }
    (void)refuse(x, "IDMP/IDMPAUTO", "can be used only with auto-generated IDs");
    return false;
}

/* Each word behind its length, so that no other words give the same bytes; two hashes of them, as 64 bits alone can be met
 * by chance among very many entries. */
static void make_hash(const struct exec *x, struct stream_iid_options *options, size_t first)
{
    struct buf text = {0};
    struct buf hash = {0};

    for (size_t i = first; i < x->arg_count; i++) {
        encode_u64_le(&text, x->args[i].len);
        buf_append_bytes(&text, x->args[i]);
    }
    encode_u64_le(&hash, xxh3(buf_bytes(&text)));
    buf_append_byte(&text, 1);
    encode_u64_le(&hash, xxh3(buf_bytes(&text)));
    ASSERT(hash.len == sizeof(options->hash));
    memcpy(options->hash, hash.data, hash.len);
    options->iid = bytes_make(options->hash, sizeof(options->hash));
    buf_deinit(&hash);
    buf_deinit(&text);
}

bool stream_iid_reply_known(struct exec *x, struct stream_iid_options *options,
                            const struct stream *s, size_t first)
{
    struct stream_id id;

    if (!options->is_wanted) {
        return false;
    }
    if (options->is_hashed) {
        make_hash(x, options, first);
    }
    if (s == NULL || x->from_primary ||
        !stream_iid_find(s, options->producer, options->iid, x->now.unix_ms, &id)) {
        return false;
    }
    stream_iid_note_duplicate(s);
    reply_stream_id(x, id);
    return true;
}

/* Several effects travel as a transaction, which a command that an older server does not know would spoil: so this is one that
 * it knows, and refuses. */
static void effect_known(struct exec *x, struct bytes producer, struct bytes iid, struct bytes id)
{
    const struct bytes words[] = {
        BYTES_LITERAL("XADD"), x->args[1], BYTES_LITERAL("IDMP"), producer, iid, id};

    effects_add(x->effects, words, ARRAY_COUNT(words));
}

void stream_iid_note(struct exec *x, const struct stream_iid_options *options,
                     struct value_draft *draft, struct stream_id id, struct bytes id_text)
{
    if (options->is_wanted) {
        stream_iid_add(draft, options->producer, options->iid, id);
        effect_known(x, options->producer, options->iid, id_text);
    }
}

struct stream_producers_settings stream_iid_default_settings(const struct exec *x)
{
    const struct value_limits *limits = &keyspace_values(x->keyspace)->limits;

    return (struct stream_producers_settings){
        .duration_s = (uint32_t)limits->stream_idmp_duration,
        .max_count = (uint32_t)limits->stream_idmp_maxsize,
    };
}

/* ---- XIDMPRECORD ------------------------------------------------------------------------------------ */

bool stream_iid_record(struct exec *x, struct bytes producer, struct bytes iid, size_t id_word)
{
    struct key_ref ref = lookup_ref(x, 1);
    const struct stream *s;
    struct value_edit edit;
    struct stream_id id;
    struct entry *e;

    if (!argument_stream_id(x, id_word, 0, &id)) {
        return false;
    }
    if (producer.len == 0 || iid.len == 0) {
        resp_write_error(x->reply, "ERR producer and idempotent ID must not be empty");
        return false;
    }
    if (!stream_lookup_write(x, &ref, &e, &s)) {
        return false;
    }
    if (s == NULL) {
        resp_write_error(x->reply, "ERR no such key");
        return false;
    }
    if (stream_id_compare(id, stream_marks(s).last_id) > 0) {
        resp_write_error(x->reply, "ERR The ID specified in XIDMPRECORD is above the last one");
        return false;
    }
    keyspace_open(x->keyspace, &ref, e, VALUE_STREAM, &edit);
    stream_iid_add(&edit.draft, producer, iid, id);
    (void)keyspace_close(x->keyspace, &edit);
    effect_known(x, producer, iid, x->args[id_word]);
    return true;
}

enum exec_result cmd_xidmprecord(struct exec *x)
{
    if (stream_iid_record(x, x->args[2], x->args[3], 4)) {
        resp_write_ok(x->reply);
    }
    return EXEC_DONE;
}

/* ---- XCFGSET ---------------------------------------------------------------------------------------- */

/* The setting that the word names, and up to what it goes; NULL for another word. */
static uint32_t *setting_named(struct exec *x, size_t index,
                               struct stream_producers_settings *settings, int64_t *max)
{
    if (argument_is(x, index, "IDMP-DURATION")) {
        *max = STREAM_IID_SECONDS_MAX;
        return &settings->duration_s;
    }
    if (argument_is(x, index, "IDMP-MAXSIZE")) {
        *max = STREAM_IID_COUNT_MAX;
        return &settings->max_count;
    }
    return NULL;
}

/* What is not named is 0. */
static bool read_settings(struct exec *x, struct stream_producers_settings *out)
{
    if (x->arg_count == 2) {
        resp_write_error(x->reply, "ERR At least one parameter must be specified");
        return false;
    }
    for (size_t i = 2; i < x->arg_count; i += 2) {
        int64_t max = 0;
        int64_t number;
        uint32_t *setting = setting_named(x, i, out, &max);

        if (setting == NULL || i + 1 == x->arg_count) {
            reply_syntax_error(x);
            return false;
        }
        if (!argument_i64(x, i + 1, &number)) {
            return false;
        }
        if (number < 1 || number > max) {
            resp_write_error(x->reply,
                             setting == &out->duration_s
                                 ? "ERR IDMP-DURATION must be between 1 and 86400 seconds"
                                 : "ERR IDMP-MAXSIZE must be between 1 and 10000 entries");
            return false;
        }
        *setting = (uint32_t)number;
    }
    return true;
}

enum exec_result cmd_xcfgset(struct exec *x)
{
    struct stream_producers_settings settings = {0};
    struct stream_producers_settings otherwise = stream_iid_default_settings(x);
    struct key_ref ref = lookup_ref(x, 1);
    const struct stream *s;
    struct value_edit edit;
    struct entry *e;

    if (!read_settings(x, &settings) || !stream_lookup_write(x, &ref, &e, &s)) {
        return EXEC_DONE;
    }
    if (s == NULL) {
        resp_write_error(x->reply, "ERR no such key");
        return EXEC_DONE;
    }
    otherwise = stream_producers_facts(s, &otherwise).settings;
    settings.duration_s = settings.duration_s != 0 ? settings.duration_s : otherwise.duration_s;
    settings.max_count = settings.max_count != 0 ? settings.max_count : otherwise.max_count;
    keyspace_open(x->keyspace, &ref, e, VALUE_STREAM, &edit);
    stream_producers_set(&edit.draft, &settings);
    (void)keyspace_close(x->keyspace, &edit);
    effects_add_verbatim(x->effects);
    resp_write_ok(x->reply);
    return EXEC_DONE;
}
