/* SPDX-License-Identifier: MIT */
/* What a stream (store/stream.h) is as a value. */
#include "base/assert.h"
#include "base/hash.h"
#include "base/mem.h"
#include "store/entry.h"
#include "store/stream_codec.h"
#include "store/stream_image.h"
#include "store/stream_state.h"
#include "store/value.h"
#include "store/value_codec.h"

static const struct stream *stream_of_entry(const struct entry *e)
{
    struct value value = entry_value(e);

    return stream_of(&value);
}

/* ---- memory ------------------------------------------------------------------------------------------------- */

static size_t bytes(const void *memory)
{
    const struct stream *s = memory;

    return sizeof(*s) + s->pool.bytes + stream_producers_bytes(s->producers);
}

/* Nodes behind which there are others have none. */
static size_t spare_bytes(const void *memory)
{
    const struct stream *s = memory;
    const struct stream_node_ref *ref;
    struct id_at last;

    if (!id_index_last(&s->nodes, &last)) {
        return 0;
    }
    ref = id_index_get(&s->nodes, last);
    return ref->node->capacity - ref->node->used;
}

static void check(const void *memory)
{
    stream_check(memory);
}

static void *copy(const void *memory)
{
    return stream_copy(memory);
}

static size_t free_cost(const void *memory)
{
    const struct stream *s = memory;

    return (size_t)s->pool.piece_count * ID_PIECE_COST + stream_producers_free_cost(s->producers);
}

static bool free_stream(void **memory, size_t *budget)
{
    ASSERT(*budget > 0);
    if (!stream_free(*memory, budget)) {
        return false;
    }
    *memory = NULL;
    return true;
}

/* ---- the value of an entry ------------------------------------------------------------------------------------ */

static const char *encoding_name(const struct entry *e)
{
    (void)e;
    return "stream";
}

static void visit_node(const struct stream_node_ref *ref, value_visit_fn *visit, void *context)
{
    const uint8_t *at = stream_node_begin(ref->node);

    while (at < stream_node_end(ref->node)) {
        struct stream_node_entry read;
        struct packed_item name;
        struct packed_item value;

        stream_node_read(ref->node, ref->id, at, &read);
        while (!read.is_deleted && stream_entry_next(&read.entry, &name, &value)) {
            char scratch[PACKED_SCRATCH];
            char scratch2[PACKED_SCRATCH];

            visit(context, &(struct value_element){.name = packed_item_text(&name, scratch),
                                                   .value = packed_item_text(&value, scratch2)});
        }
        at = read.end;
    }
}

/* Elements are pairs of entries.  The cursor is how many nodes have been visited. */
static uint64_t walk(const struct entry *e, uint64_t cursor, size_t count, value_visit_fn *visit,
                     void *context)
{
    const struct stream *s = stream_of_entry(e);
    uint64_t visited = 0;
    struct id_at at;
    bool has_more = id_index_skip(&s->nodes, cursor, &at);

    while (has_more && visited < count) {
        const struct stream_node_ref *ref = id_index_get(&s->nodes, at);

        visit_node(ref, visit, context);
        visited += ref->live;
        cursor++;
        has_more = id_index_next(&s->nodes, &at);
    }
    return has_more ? cursor : 0;
}

static uint64_t digest_number(uint64_t number, uint64_t seed)
{
    return hash_bytes(bytes_make(&number, sizeof(number)), seed);
}

static uint64_t digest_id(struct stream_id id, uint64_t seed)
{
    return digest_number(id.sequence, digest_number(id.ms, seed));
}

static uint64_t digest_entries(const struct stream *s, uint64_t seed)
{
    struct stream_range all = {.last = STREAM_ID_MAX};
    struct stream_reader r;
    struct stream_entry entry;

    stream_read(s, &all, &r);
    while (stream_next(&r, &entry)) {
        struct packed_item name;
        struct packed_item value;

        seed = digest_id(entry.id, seed);
        while (stream_entry_next(&entry, &name, &value)) {
            char scratch[PACKED_SCRATCH];

            seed = hash_bytes(packed_item_text(&name, scratch), seed);
            seed = hash_bytes(packed_item_text(&value, scratch), seed);
        }
    }
    return seed;
}

/* When consumers were seen is left out: replicas are not told.  So are producers, as no snapshot has them. */
static uint64_t digest_group(const struct stream_group *g, uint64_t seed)
{
    struct stream_pending_reader r;
    struct stream_pending pending;

    seed = hash_bytes(g->named.name, seed);
    seed = digest_number(g->entries_read, digest_id(g->last_id, seed));
    seed = digest_number((uint64_t)g->last_release, seed);
    for (uint32_t i = 0; i < g->consumers.count; i++) {
        seed = hash_bytes(g->consumers.items[i]->name, seed);
    }
    stream_pending_read(g, NULL, STREAM_ID_MIN, STREAM_ID_MAX, &r);
    while (stream_pending_next(&r, &pending)) {
        seed = digest_id(pending.id, seed);
        seed = pending.consumer != NULL ? hash_bytes(pending.consumer->named.name, seed)
                                        : digest_number(UINT64_MAX, seed);
        seed = digest_number((uint64_t)pending.delivered_at_ms, seed);
        seed = digest_number(pending.delivery_count, seed);
    }
    return seed;
}

static uint64_t digest(const struct entry *e, uint64_t seed)
{
    const struct stream *s = stream_of_entry(e);

    seed = digest_entries(s, seed + VALUE_STREAM);
    seed = digest_id(s->marks.last_id, seed);
    seed = digest_id(s->marks.max_deleted_id, seed);
    seed = digest_number(s->marks.entries_added, seed);
    for (uint32_t i = 0; i < s->groups.count; i++) {
        seed = digest_group(stream_group_at(s, i), seed);
    }
    return seed;
}

/* The cursor is the number of the next unit. */
static uint64_t encode(const struct entry *e, uint64_t cursor, size_t max_bytes, struct buf *out)
{
    struct stream_encoder x;
    size_t start = out->len;
    bool has_more;

    stream_encoder_begin(&x, stream_of_entry(e), cursor);
    do {
        has_more = stream_encoder_next(&x, out);
        cursor++;
    } while (has_more && out->len - start < max_bytes);
    return has_more ? cursor : 0;
}

const struct value_ops value_stream = {
    .rdb_types_read =
        1U << RDB_TYPE_STREAM_OLD | 1U << RDB_TYPE_STREAM | 1U << RDB_TYPE_STREAM_ACTIVE,
    .bytes = bytes,
    .spare_bytes = spare_bytes,
    .check = check,
    .copy = copy,
    .free_cost = free_cost,
    .free = free_stream,
    .image = &stream_image_ops,
    .encoding_name = encoding_name,
    .digest = digest,
    .walk = walk,
    .encode = encode,
    .decode = stream_decode,
};
