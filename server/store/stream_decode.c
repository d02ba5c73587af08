/* SPDX-License-Identifier: MIT */
/* Reading what was serialized, item by item.  Nothing is trusted: what would make a stream that could not have come
 * about is refused. */
#include "store/stream_codec.h"

#include "base/assert.h"
#include "base/attr.h"
#include "base/codec.h"
#include "store/stream_adopt.h"

#include <inttypes.h>

enum {
    STEP_NODE_COUNT = 0,
    STEP_NODE,
    STEP_MARKS,
    STEP_GROUP,
    STEP_PENDING,
    STEP_CONSUMER_COUNT,
    STEP_CONSUMER,
    STEP_ID,
    STEP_RELEASED_ID,

    RAW_ID_BYTES = 16,

    GROUPS = 0, /* places in left_outside and inside */
    CONSUMERS = 1,
};

/* What is being read: a sequence of lengths, strings and raw numbers.  After the first that cannot be read the others
 * are nothing. */
struct item {
    struct value_reader *r;
    struct decoder *d;
    uint64_t *needed;
    struct errmsg *error;
    enum value_codec_status status;
};

static uint64_t take_len(struct item *item)
{
    uint64_t len = 0;
    bool is_encoding = false;

    if (item->status != VALUE_CODEC_OK) {
        return 0;
    }
    item->status = value_decode_len(item->d, &len, &is_encoding);
    *item->needed = (uint64_t)item->d->in.len + 1;
    if (item->status == VALUE_CODEC_ERROR || is_encoding) {
        errmsg_set(item->error, "a number of a stream is not encoded as one");
        item->status = VALUE_CODEC_ERROR;
    }
    return item->status == VALUE_CODEC_OK ? len : 0;
}

static struct stream_id take_id_lens(struct item *item)
{
    uint64_t ms = take_len(item);

    return (struct stream_id){ms, take_len(item)};
}

/* Are so many bytes there? */
static bool has_raw(struct item *item, size_t size)
{
    if (item->status == VALUE_CODEC_OK && decoder_left(item->d) < size) {
        *item->needed = (uint64_t)item->d->at + size;
        item->status = VALUE_CODEC_MORE;
    }
    return item->status == VALUE_CODEC_OK;
}

static struct stream_id take_raw_id(struct item *item)
{
    struct stream_id id = {0};

    if (has_raw(item, RAW_ID_BYTES)) {
        id.ms = decode_u64_be(item->d);
        id.sequence = decode_u64_be(item->d);
    }
    return id;
}

static int64_t take_time(struct item *item)
{
    return has_raw(item, sizeof(uint64_t)) ? (int64_t)decode_u64_le(item->d) : 0;
}

static void take_string(struct item *item, struct buf *out)
{
    size_t start = item->d->at;

    buf_clear(out);
    if (item->status != VALUE_CODEC_OK) {
        return;
    }
    item->status = value_decode_string(item->d, item->r->max_bytes, out, item->needed, item->error);
    if (item->status == VALUE_CODEC_MORE) {
        /* What is needed is counted from the start of the item. */
        *item->needed += start;
    }
}

static enum value_codec_status refuse(struct item *item, const char *why)
{
    errmsg_set(item->error, "%s", why);
    return VALUE_CODEC_ERROR;
}

/* ---- nodes and marks --------------------------------------------------------------------------------------------- */

static enum value_codec_status decode_node_count(struct item *item)
{
    struct value_reader *r = item->r;
    uint64_t count = take_len(item);

    if (item->status == VALUE_CODEC_OK) {
        (void)stream_open(&r->draft);
        r->left = count;
        r->step = count > 0 ? STEP_NODE : STEP_MARKS;
    }
    return item->status;
}

static enum value_codec_status decode_node(struct item *item)
{
    struct value_reader *r = item->r;

    take_string(item, &r->text2);
    take_string(item, &r->text);
    if (item->status != VALUE_CODEC_OK) {
        return item->status;
    }
    if (!stream_adopt_node(&r->draft, buf_bytes(&r->text2), buf_bytes(&r->text), item->error)) {
        return VALUE_CODEC_ERROR;
    }
    r->left--;
    r->step = r->left > 0 ? STEP_NODE : STEP_MARKS;
    return VALUE_CODEC_OK;
}

/* A number that is counted on from. */
static uint64_t take_counter(struct item *item)
{
    uint64_t counter = take_len(item);

    return counter < STREAM_COUNTER_MAX ? counter : STREAM_COUNTER_MAX;
}

/* The first id is told by the entries. */
static enum value_codec_status decode_marks(struct item *item)
{
    struct value_reader *r = item->r;
    struct stream *s = r->draft.memory;
    uint64_t count = take_len(item);
    struct stream_marks marks = {.last_id = take_id_lens(item), .entries_added = count};
    uint64_t group_count;

    if (r->rdb_type != RDB_TYPE_STREAM_OLD) {
        (void)take_id_lens(item);
        marks.max_deleted_id = take_id_lens(item);
        marks.entries_added = take_counter(item);
    }
    group_count = take_len(item);
    if (item->status != VALUE_CODEC_OK) {
        return item->status;
    }
    if (count != s->count) {
        errmsg_set(item->error, "a stream claims %" PRIu64 " entries, it has %" PRIu64, count,
                   s->count);
        return VALUE_CODEC_ERROR;
    }
    if (stream_id_compare(s->marks.last_id, marks.last_id) > 0) {
        return refuse(item, "a stream has entries behind its last id");
    }
    s->marks = marks;
    r->left_outside[GROUPS] = group_count;
    r->step = STEP_GROUP;
    r->is_done = group_count == 0;
    return VALUE_CODEC_OK;
}

/* ---- groups ------------------------------------------------------------------------------------------------------ */

static enum value_codec_status decode_group(struct item *item)
{
    struct value_reader *r = item->r;
    struct stream *s = r->draft.memory;
    struct stream_group *g;
    struct stream_id last_id;
    uint64_t entries_read = STREAM_READ_UNKNOWN;
    uint64_t pending_count;

    take_string(item, &r->text);
    last_id = take_id_lens(item);
    if (r->rdb_type != RDB_TYPE_STREAM_OLD) {
        entries_read = take_len(item);
        if (entries_read != STREAM_READ_UNKNOWN && entries_read > STREAM_COUNTER_MAX) {
            entries_read = STREAM_COUNTER_MAX;
        }
    } else if (!stream_number_of(s, last_id, &entries_read)) {
        entries_read = STREAM_READ_UNKNOWN;
    }
    pending_count = take_len(item);
    if (item->status != VALUE_CODEC_OK) {
        return item->status;
    }
    g = stream_group_add(s, buf_bytes(&r->text));
    if (g == NULL) {
        return refuse(item, "a stream has a group twice");
    }
    g->last_id = last_id;
    g->entries_read = entries_read;
    r->inside[GROUPS] = g;
    r->left = pending_count;
    r->step = pending_count > 0 ? STEP_PENDING : STEP_CONSUMER_COUNT;
    return VALUE_CODEC_OK;
}

static enum value_codec_status decode_pending(struct item *item)
{
    struct value_reader *r = item->r;
    struct stream_group *g = r->inside[GROUPS];
    struct stream_pending pending = {.id = take_raw_id(item)};

    pending.delivered_at_ms = take_time(item);
    pending.delivery_count = take_counter(item);
    if (item->status != VALUE_CODEC_OK) {
        return item->status;
    }
    if (!stream_pending_add(r->draft.memory, g, &pending)) {
        return refuse(item, "a group of a stream has a pending entry twice");
    }
    r->left--;
    r->step = r->left > 0 ? STEP_PENDING : STEP_CONSUMER_COUNT;
    return VALUE_CODEC_OK;
}

/* Whose pending entries are not all some consumer's, is refused. */
static enum value_codec_status end_group(struct item *item)
{
    struct value_reader *r = item->r;
    struct stream_group *g = r->inside[GROUPS];
    uint64_t owned = 0;

    for (uint32_t i = 0; i < g->consumers.count; i++) {
        owned += stream_consumer_pending_count(stream_consumer_at(g, i));
    }
    if (owned + g->released_count != g->pending.count) {
        return refuse(item, "a group of a stream has pending entries without a consumer");
    }
    r->left_outside[GROUPS]--;
    r->is_done = r->left_outside[GROUPS] == 0;
    r->step = STEP_GROUP;
    return VALUE_CODEC_OK;
}

static enum value_codec_status end_consumer(struct item *item)
{
    item->r->left_outside[CONSUMERS]--;
    item->r->step = STEP_CONSUMER;
    return item->r->left_outside[CONSUMERS] > 0 ? VALUE_CODEC_OK : end_group(item);
}

static enum value_codec_status decode_consumer_count(struct item *item)
{
    uint64_t count = take_len(item);

    if (item->status != VALUE_CODEC_OK) {
        return item->status;
    }
    item->r->left_outside[CONSUMERS] = count;
    item->r->step = STEP_CONSUMER;
    return count > 0 ? VALUE_CODEC_OK : end_group(item);
}

/* Does this consumer stand for what is released? */
static bool stands_for_released(const struct value_reader *r, struct bytes name, int64_t seen_at_ms)
{
    for (size_t i = 0; i < name.len; i++) {
        if (name.data[i] != 0) {
            return false;
        }
    }
    return r->rdb_type == RDB_TYPE_STREAM && r->left_outside[CONSUMERS] == 1 && seen_at_ms < -1;
}

static enum value_codec_status decode_released(struct item *item, int64_t last_release,
                                               uint64_t count)
{
    struct value_reader *r = item->r;

    if (count == 0 || last_release == INT64_MAX) {
        return refuse(item, "a stream claims that nothing, or too much, was released");
    }
    stream_group_put_released(r->inside[GROUPS], count, last_release);
    r->inside[CONSUMERS] = NULL;
    r->left = count;
    r->step = STEP_RELEASED_ID;
    return VALUE_CODEC_OK;
}

static enum value_codec_status decode_consumer(struct item *item)
{
    struct value_reader *r = item->r;
    struct stream_consumer *c;
    int64_t seen_at_ms;
    int64_t active_at_ms;
    uint64_t pending_count;

    take_string(item, &r->text);
    seen_at_ms = take_time(item);
    active_at_ms = r->rdb_type == RDB_TYPE_STREAM_ACTIVE ? take_time(item) : seen_at_ms;
    pending_count = take_len(item);
    if (item->status != VALUE_CODEC_OK) {
        return item->status;
    }
    if (stands_for_released(r, buf_bytes(&r->text), seen_at_ms)) {
        return decode_released(item, -1 - seen_at_ms, pending_count);
    }
    c = stream_consumer_add(r->draft.memory, r->inside[GROUPS], buf_bytes(&r->text));
    if (c == NULL) {
        return refuse(item, "a group of a stream has a consumer twice");
    }
    c->seen_at_ms = seen_at_ms;
    c->active_at_ms = active_at_ms;
    r->inside[CONSUMERS] = c;
    r->left = pending_count;
    r->step = STEP_ID;
    return pending_count > 0 ? VALUE_CODEC_OK : end_consumer(item);
}

static enum value_codec_status decode_id(struct item *item)
{
    struct value_reader *r = item->r;
    struct stream_id id = take_raw_id(item);

    if (item->status != VALUE_CODEC_OK) {
        return item->status;
    }
    switch (stream_pending_own(r->draft.memory, r->inside[GROUPS], id, r->inside[CONSUMERS])) {
    case STREAM_PENDING_UNKNOWN:
        return refuse(item, "a consumer of a stream has a pending entry that its group has not");
    case STREAM_PENDING_TAKEN:
        return refuse(item, "a pending entry of a stream is of two consumers");
    case STREAM_PENDING_OWNED:
        break;
    }
    r->left--;
    return r->left > 0 ? VALUE_CODEC_OK : end_consumer(item);
}

/* It stays of nobody.  They come in the order of ids, so that none comes twice; the scratch has the one before. */
static enum value_codec_status decode_released_id(struct item *item)
{
    struct value_reader *r = item->r;
    struct stream_group *g = r->inside[GROUPS];
    struct stream_id id = take_raw_id(item);
    struct stream_pending pending;
    struct stream_id before;

    if (item->status != VALUE_CODEC_OK) {
        return item->status;
    }
    if (r->left < g->released_count) {
        memcpy(&before, r->text.data, sizeof(before));
        if (stream_id_compare(id, before) <= 0) {
            return refuse(item, "what is released in a group of a stream is not in order");
        }
    }
    if (!stream_pending_find(g, id, &pending) || pending.consumer != NULL) {
        return refuse(item, "what is released in a group of a stream is not pending there");
    }
    if (pending.delivered_at_ms < 1 || pending.delivered_at_ms > g->last_release) {
        return refuse(item, "what is released in a group of a stream has no place in the order");
    }
    stream_pending_note_released(g, id);
    buf_clear(&r->text);
    buf_append(&r->text, &id, sizeof(id));
    r->left--;
    return r->left > 0 ? VALUE_CODEC_OK : end_consumer(item);
}

enum value_codec_status stream_decode(struct value_reader *r, struct decoder *d, uint64_t *needed,
                                      struct errmsg *error)
{
    static enum value_codec_status (*const steps[])(struct item * item) = {
        [STEP_NODE_COUNT] = decode_node_count,
        [STEP_NODE] = decode_node,
        [STEP_MARKS] = decode_marks,
        [STEP_GROUP] = decode_group,
        [STEP_PENDING] = decode_pending,
        [STEP_CONSUMER_COUNT] = decode_consumer_count,
        [STEP_CONSUMER] = decode_consumer,
        [STEP_ID] = decode_id,
        [STEP_RELEASED_ID] = decode_released_id,
    };
    struct item item = {.r = r, .d = d, .needed = needed, .error = error};

    ASSERT(r->step < ARRAY_COUNT(steps));
    return steps[r->step](&item);
}
