/* SPDX-License-Identifier: MIT */
#include "store/stream_codec.h"

#include "base/assert.h"
#include "base/codec.h"

enum {
    LISTPACK_HEAD_BYTES = 6,
    LISTPACK_COUNT_MAX = 65535, /* so many, or more */
    LISTPACK_END = 0xff,
    ID_BYTES = 16,
    COUNT_BYTES_MAX = 2 * 11, /* of the two counts that stand before the names */
};

static void encode_id(struct buf *out, struct stream_id id)
{
    encode_u64_be(out, id.ms);
    encode_u64_be(out, id.sequence);
}

static void encode_id_lens(struct buf *out, struct stream_id id)
{
    value_encode_len(out, id.ms);
    value_encode_len(out, id.sequence);
}

static size_t count_elements(const uint8_t *at, const uint8_t *end)
{
    size_t count = 0;

    while (at < end) {
        at = packed_next(at);
        count++;
    }
    return count;
}

/* What has been passed, as deleted, is left out. */
static void encode_node(struct buf *out, const struct stream_node_ref *ref)
{
    const struct stream_node *node = ref->node;
    uint64_t deleted = node->entry_count - node->passed - ref->live;
    struct packed_item live_item = packed_item_integer((int64_t)ref->live);
    struct packed_item deleted_item = packed_item_integer((int64_t)deleted);
    uint8_t counts[COUNT_BYTES_MAX];
    uint8_t *end = packed_write(packed_write(counts, &live_item), &deleted_item);
    struct bytes head = bytes_make(node->data, node->entries_at);
    struct bytes entries = bytes_make(stream_node_begin(node), node->used - node->from);
    size_t size = LISTPACK_HEAD_BYTES + (size_t)(end - counts) + head.len + entries.len + 1;
    size_t count = count_elements(counts, end) +
                   count_elements(node->data, node->data + node->entries_at) +
                   count_elements(stream_node_begin(node), stream_node_end(node));

    value_encode_len(out, ID_BYTES);
    encode_id(out, ref->id);
    value_encode_len(out, size);
    encode_u32_le(out, (uint32_t)size);
    encode_u16_le(out, (uint16_t)(count < LISTPACK_COUNT_MAX ? count : LISTPACK_COUNT_MAX));
    buf_append(out, counts, (size_t)(end - counts));
    buf_append_bytes(out, head);
    buf_append_bytes(out, entries);
    encode_u8(out, LISTPACK_END);
}

static void encode_marks(struct buf *out, const struct stream *s)
{
    value_encode_len(out, s->count);
    encode_id_lens(out, s->marks.last_id);
    encode_id_lens(out, stream_first_id(s));
    encode_id_lens(out, s->marks.max_deleted_id);
    value_encode_len(out, s->marks.entries_added);
    value_encode_len(out, s->groups.count);
}

static void encode_string(struct buf *out, struct bytes text)
{
    value_encode_string(out, text);
}

static void encode_group(struct buf *out, const struct stream_group *g)
{
    encode_string(out, g->named.name);
    encode_id_lens(out, g->last_id);
    value_encode_len(out, g->entries_read);
    value_encode_len(out, g->pending.count);
}

static void encode_pending(struct buf *out, const struct stream_pending_ref *ref)
{
    encode_id(out, ref->id);
    encode_u64_le(out, (uint64_t)ref->delivered_at_ms);
    value_encode_len(out, ref->delivery_count);
}

static void encode_consumer(struct buf *out, const struct stream_consumer *c)
{
    encode_string(out, c->named.name);
    encode_u64_le(out, (uint64_t)c->seen_at_ms);
    value_encode_len(out, c->ids.count);
}

/* What is released, as a consumer: its name is one that none has. */
static void encode_released(struct buf *out, const struct stream_group *g)
{
    struct buf name = {0};

    while (stream_consumer_find(g, buf_bytes(&name)) != NULL) {
        buf_append(&name, "", 1);
    }
    encode_string(out, buf_bytes(&name));
    encode_u64_le(out, (uint64_t)(-1 - g->last_release));
    value_encode_len(out, g->released_count);
    buf_deinit(&name);
}

/* ---- from unit to unit ----------------------------------------------------------------------------------------- */

static const struct stream_group *group_of(const struct stream_encoder *x)
{
    return stream_group_at(x->stream, x->group);
}

static const struct stream_consumer *consumer_of(const struct stream_encoder *x)
{
    return stream_consumer_at(group_of(x), x->consumer);
}

static uint64_t group_units(const struct stream_group *g)
{
    return 2 + 2 * g->pending.count + g->consumers.count + (g->released_count > 0 ? 1 : 0);
}

/* Parts without units are passed over. */
static void enter_group(struct stream_encoder *x)
{
    x->part = x->group < x->stream->groups.count ? STREAM_PART_GROUP : STREAM_PART_END;
    x->consumer = 0;
    x->at = (struct id_at){0};
}

/* Consumers, and behind them those who stand for what is released. */
static void enter_consumer(struct stream_encoder *x)
{
    x->at = (struct id_at){0};
    if (x->consumer < group_of(x)->consumers.count) {
        x->part = STREAM_PART_CONSUMER;
    } else if (x->consumer == group_of(x)->consumers.count && group_of(x)->released_count > 0) {
        x->part = STREAM_PART_RELEASED;
    } else {
        x->group++;
        enter_group(x);
    }
}

/* Go on to the next that is released, from where it stands; false when there is none. */
static bool find_released(struct stream_encoder *x)
{
    const struct id_index *pending = &group_of(x)->pending;

    do {
        const struct stream_pending_ref *ref = id_index_get(pending, x->at);

        if (ref->consumer == NULL) {
            return true;
        }
    } while (id_index_next(pending, &x->at));
    return false;
}

/* To that which so many others come before. */
static void seek_released(struct stream_encoder *x, uint64_t number)
{
    bool is_there = find_released(x);

    x->part = STREAM_PART_RELEASED_IDS;
    while (number-- > 0) {
        is_there = id_index_next(&group_of(x)->pending, &x->at) && find_released(x);
        ASSERT(is_there);
    }
    ASSERT(is_there);
}

/* In the group that it stands in. */
static void seek_in_group(struct stream_encoder *x, uint64_t unit)
{
    const struct stream_group *g = group_of(x);

    if (unit == 0) {
        return;
    }
    unit--;
    if (id_index_skip(&g->pending, unit, &x->at)) {
        x->part = STREAM_PART_PENDING;
        return;
    }
    unit -= g->pending.count;
    x->part = STREAM_PART_CONSUMERS;
    if (unit == 0) {
        return;
    }
    unit--;
    while (x->consumer < g->consumers.count && unit > consumer_of(x)->ids.count) {
        unit -= consumer_of(x)->ids.count + 1;
        x->consumer++;
    }
    enter_consumer(x);
    if (unit > 0 && x->part == STREAM_PART_RELEASED) {
        seek_released(x, unit - 1);
    } else if (unit > 0) {
        x->part = STREAM_PART_IDS;
        (void)id_index_skip(&consumer_of(x)->ids, unit - 1, &x->at);
    }
}

void stream_encoder_begin(struct stream_encoder *x, const struct stream *s, uint64_t unit)
{
    *x = (struct stream_encoder){.stream = s};
    if (id_index_skip(&s->nodes, unit, &x->at)) {
        return;
    }
    unit -= s->nodes.count;
    x->part = STREAM_PART_MARKS;
    if (unit == 0) {
        return;
    }
    unit--;
    enter_group(x);
    while (x->part != STREAM_PART_END && unit >= group_units(group_of(x))) {
        unit -= group_units(group_of(x));
        x->group++;
        enter_group(x);
    }
    if (x->part != STREAM_PART_END) {
        seek_in_group(x, unit);
    }
}

static void next_node(struct stream_encoder *x, struct buf *out)
{
    if (x->at.leaf == 0 && x->at.item == 0) {
        value_encode_len(out, x->stream->nodes.count);
    }
    encode_node(out, id_index_get(&x->stream->nodes, x->at));
    if (!id_index_next(&x->stream->nodes, &x->at)) {
        x->part = STREAM_PART_MARKS;
    }
}

static void next_pending(struct stream_encoder *x, struct buf *out)
{
    encode_pending(out, id_index_get(&group_of(x)->pending, x->at));
    if (!id_index_next(&group_of(x)->pending, &x->at)) {
        x->part = STREAM_PART_CONSUMERS;
    }
}

static void next_id(struct stream_encoder *x, struct buf *out)
{
    const struct id_index *ids = &consumer_of(x)->ids;

    encode_id(out, *(const struct stream_id *)id_index_get(ids, x->at));
    if (!id_index_next(ids, &x->at)) {
        x->consumer++;
        enter_consumer(x);
    }
}

static void next_released(struct stream_encoder *x, struct buf *out)
{
    const struct id_index *pending = &group_of(x)->pending;

    encode_id(out, *(const struct stream_id *)id_index_get(pending, x->at));
    if (!id_index_next(pending, &x->at) || !find_released(x)) {
        x->consumer++;
        enter_consumer(x);
    }
}

bool stream_encoder_next(struct stream_encoder *x, struct buf *out)
{
    switch (x->part) {
    case STREAM_PART_NODES:
        next_node(x, out);
        break;
    case STREAM_PART_MARKS:
        if (x->stream->nodes.count == 0) {
            value_encode_len(out, 0);
        }
        encode_marks(out, x->stream);
        enter_group(x);
        break;
    case STREAM_PART_GROUP:
        encode_group(out, group_of(x));
        x->part = group_of(x)->pending.count > 0 ? STREAM_PART_PENDING : STREAM_PART_CONSUMERS;
        break;
    case STREAM_PART_PENDING:
        next_pending(x, out);
        break;
    case STREAM_PART_CONSUMERS:
        value_encode_len(out, (uint64_t)group_of(x)->consumers.count +
                                  (group_of(x)->released_count > 0 ? 1 : 0));
        enter_consumer(x);
        break;
    case STREAM_PART_CONSUMER:
        encode_consumer(out, consumer_of(x));
        if (consumer_of(x)->ids.count > 0) {
            x->part = STREAM_PART_IDS;
        } else {
            x->consumer++;
            enter_consumer(x);
        }
        break;
    case STREAM_PART_IDS:
        next_id(x, out);
        break;
    case STREAM_PART_RELEASED:
        encode_released(out, group_of(x));
        seek_released(x, 0);
        break;
    case STREAM_PART_RELEASED_IDS:
        next_released(x, out);
        break;
    case STREAM_PART_END:
        break;
    }
    return x->part != STREAM_PART_END;
}

/* ---- in pieces ------------------------------------------------------------------------------------------------- */

/* Of what was encoded here: it can end too early, and be nothing else wrong. */
static bool decode_len(struct decoder *d, uint64_t *out)
{
    bool is_encoding;
    enum value_codec_status status = value_decode_len(d, out, &is_encoding);

    ASSERT(status != VALUE_CODEC_ERROR);
    ASSERT(status != VALUE_CODEC_OK || !is_encoding);
    return status == VALUE_CODEC_OK;
}

/* Its id, then its listpack, of which the first element is how many entries live. */
bool stream_decode_node(struct decoder *d, struct bytes *node, uint64_t *entries)
{
    size_t begin = d->at;
    struct packed_item live;
    uint64_t len = 0;

    for (int i = 0; i < 2; i++) {
        if (!decode_len(d, &len) || decoder_left(d) < len) {
            d->at = begin;
            return false;
        }
        d->at += (size_t)len;
    }
    (void)packed_read((const uint8_t *)d->in.data + d->at - len + LISTPACK_HEAD_BYTES, &live);
    ASSERT(live.is_integer);
    *node = bytes_make(d->in.data + begin, d->at - begin);
    *entries = (uint64_t)live.integer;
    return true;
}

void stream_encode_nodes(struct bytes nodes, uint64_t count, uint64_t entries, struct buf *out)
{
    struct stream_id none = {0};

    ASSERT(count > 0);
    value_encode_len(out, count);
    buf_append_bytes(out, nodes);
    value_encode_len(out, entries);
    encode_id_lens(out,
                   (struct stream_id){.ms = UINT64_MAX, .sequence = UINT64_MAX}); /* the last */
    encode_id_lens(out, none);                                                    /* the first */
    encode_id_lens(out, none); /* the greatest that was deleted */
    value_encode_len(out, 0);  /* how many were added */
    value_encode_len(out, 0);  /* groups */
}

void stream_encode_rest(struct bytes marks_and_groups, struct buf *out)
{
    struct decoder d = decoder_make(marks_and_groups);
    uint64_t entries;
    bool is_there = decode_len(&d, &entries);

    ASSERT(is_there);
    value_encode_len(out, 0); /* nodes */
    value_encode_len(out, 0); /* entries */
    buf_append_bytes(out, bytes_from(marks_and_groups, d.at));
}
