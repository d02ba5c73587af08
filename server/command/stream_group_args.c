/* SPDX-License-Identifier: MIT */
#include "command/stream_group_args.h"

#include "base/num.h"
#include "command/events.h"
#include "command/lookup.h"
#include "command/stream_args.h"

static void find_in_stream(struct bytes name, struct stream_group_found *found)
{
    if (found->stream != NULL) {
        found->group = stream_group_find(found->stream, name);
    }
}

bool stream_group_lookup(struct exec *x, size_t key_word, struct bytes name,
                         struct stream_group_found *out)
{
    *out = (struct stream_group_found){.ref = lookup_ref(x, key_word)};
    if (!stream_lookup_entry(x, &out->ref, &out->e, &out->stream)) {
        return false;
    }
    find_in_stream(name, out);
    return true;
}

bool stream_group_lookup_write(struct exec *x, size_t key_word, struct bytes name,
                               struct stream_group_found *out)
{
    *out = (struct stream_group_found){.ref = lookup_ref(x, key_word)};
    if (!stream_lookup_write(x, &out->ref, &out->e, &out->stream)) {
        return false;
    }
    find_in_stream(name, out);
    return true;
}

bool stream_group_lookup_there(struct exec *x, size_t key_word, struct bytes name,
                               struct stream_group_found *out)
{
    return stream_group_lookup(x, key_word, name, out) && stream_group_is_there(x, name, out);
}

bool stream_group_is_there(struct exec *x, struct bytes name,
                           const struct stream_group_found *found)
{
    if (found->group == NULL) {
        resp_write_error(x->reply, "NOGROUP No such key '%.*s' or consumer group '%.*s'",
                         BYTES_ARGS(found->ref.bytes), BYTES_ARGS(name));
        return false;
    }
    return true;
}

void stream_group_open(struct exec *x, const struct stream_group_found *found,
                       struct value_edit *out)
{
    keyspace_open(x->keyspace, &found->ref, found->e, VALUE_STREAM, out);
}

struct stream_consumer *stream_consumer_see(struct exec *x, struct value_edit *edit,
                                            const struct stream_group_found *found,
                                            struct bytes name)
{
    struct stream_consumer *c = stream_consumer_find(found->group, name);

    if (c != NULL) {
        stream_consumer_put_times(c, x->now.unix_ms, stream_consumer_active_at_ms(c));
    } else {
        const struct bytes words[] = {BYTES_LITERAL("XGROUP"), BYTES_LITERAL("CREATECONSUMER"),
                                      found->ref.bytes, stream_group_name(found->group), name};

        c = stream_consumer_create(&edit->draft, found->group, name, x->now.unix_ms);
        effects_add(x->effects, words, ARRAY_COUNT(words));
        notify(x, EVENT_STREAM, "xgroup-createconsumer", found->ref.bytes);
    }
    return c;
}

void stream_consumer_note_active(struct exec *x, struct stream_consumer *c)
{
    stream_consumer_put_times(c, x->now.unix_ms, x->now.unix_ms);
}

void reply_stream_owner(struct exec *x, const struct stream_pending *pending)
{
    resp_write_bulk(x->reply, pending->consumer != NULL ? stream_consumer_name(pending->consumer)
                                                        : (struct bytes){0});
}

/* ---- effects ---------------------------------------------------------------------------------------- */

/* XCLAIM key group consumer 0 id TIME ms RETRYCOUNT count FORCE JUSTID LASTID id */
void effect_pending(struct exec *x, const struct stream_group_found *found,
                    const struct stream_pending *pending)
{
    char id[STREAM_ID_TEXT];
    char last_id[STREAM_ID_TEXT];
    char time[NUM_I64_TEXT];
    char count[NUM_I64_TEXT];
    const struct bytes words[] = {
        BYTES_LITERAL("XCLAIM"),
        found->ref.bytes,
        stream_group_name(found->group),
        stream_consumer_name(pending->consumer),
        BYTES_LITERAL("0"),
        stream_id_text(pending->id, id),
        BYTES_LITERAL("TIME"),
        bytes_make(time, num_format_i64(time, pending->delivered_at_ms)),
        BYTES_LITERAL("RETRYCOUNT"),
        bytes_make(count, num_format_u64(count, pending->delivery_count)),
        BYTES_LITERAL("FORCE"),
        BYTES_LITERAL("JUSTID"),
        BYTES_LITERAL("LASTID"),
        stream_id_text(stream_group_last_id(found->group), last_id),
    };

    effects_add(x->effects, words, ARRAY_COUNT(words));
}

void effect_acknowledged(struct exec *x, struct bytes key, const struct stream_group *group,
                         struct stream_id id)
{
    char text[STREAM_ID_TEXT];
    const struct bytes words[] = {BYTES_LITERAL("XACK"), key, stream_group_name(group),
                                  stream_id_text(id, text)};

    effects_add(x->effects, words, ARRAY_COUNT(words));
}

void effect_group(struct exec *x, const struct stream_group_found *found)
{
    char id[STREAM_ID_TEXT];
    char text[NUM_I64_TEXT];
    uint64_t read = stream_group_entries_read(found->group);
    const struct bytes words[] = {
        BYTES_LITERAL("XGROUP"),
        BYTES_LITERAL("SETID"),
        found->ref.bytes,
        stream_group_name(found->group),
        stream_id_text(stream_group_last_id(found->group), id),
        BYTES_LITERAL("ENTRIESREAD"),
        read == STREAM_READ_UNKNOWN ? BYTES_LITERAL("-1")
                                    : bytes_make(text, num_format_u64(text, read)),
    };

    effects_add(x->effects, words, ARRAY_COUNT(words));
}
