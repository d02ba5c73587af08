/* SPDX-License-Identifier: MIT */
/* Streams with their groups as a whole: freeing, images, copies, checks. */
#include "base/assert.h"
#include "base/mem.h"
#include "store/stream_state.h"

bool stream_free(struct stream *s, size_t *budget)
{
    bool is_empty = id_index_free(&s->nodes, &s->pool, budget);

    while (is_empty && s->groups.count > 0) {
        is_empty = *budget > 0 && stream_group_free_last(s, budget);
    }
    if (!is_empty || !stream_producers_free(s->producers, budget)) {
        return false;
    }
    mem_free(MEM_STORE, s);
    return true;
}

struct stream *stream_share(struct stream *s, size_t *kept_bytes)
{
    struct stream *image = stream_new();

    ASSERT(!s->pool.holder.is_image);
    s->pool.holder.kept_bytes = kept_bytes;
    *image = (struct stream){
        .pool = s->pool,
        .count = s->count,
        .marks = s->marks,
    };
    image->pool.holder.is_image = true;
    id_index_share(&s->nodes, &image->nodes);
    for (uint32_t i = 0; i < s->groups.count; i++) {
        stream_group_share(stream_group_at(s, i), image);
    }
    return image;
}

static void check_nodes(const struct stream *s, struct id_pool *sum)
{
    struct id_at at = {0};
    bool has_more = s->count > 0;
    struct stream_id last = STREAM_ID_MIN;
    uint64_t count = 0;

    ASSERT((s->count > 0) == (s->nodes.count > 0));
    while (has_more) {
        const struct stream_node_ref *ref = id_index_get(&s->nodes, at);

        ASSERT(ref->live > 0 && ref->live == stream_node_check(ref->node, ref->id));
        ASSERT(ref->size == stream_node_size(ref->node));
        ASSERT(count == 0 || stream_id_compare(ref->id, last) > 0);
        last = stream_node_last_id(ref->node, ref->id);
        count += ref->live;
        id_pool_add(sum, ref->size);
        has_more = id_index_next(&s->nodes, &at);
    }
    ASSERT(count == s->count);
    ASSERT(stream_id_compare(last, s->marks.last_id) <= 0);
}

void stream_check(const struct stream *s)
{
    struct id_pool sum = {.bytes = s->groups.cap * sizeof(struct stream_named *)};

    id_index_check(&s->nodes, &sum);
    check_nodes(s, &sum);
    for (uint32_t i = 0; i < s->groups.count; i++) {
        ASSERT(i == 0 || bytes_compare(s->groups.items[i - 1]->name, s->groups.items[i]->name) < 0);
        stream_group_check(stream_group_at(s, i), &sum);
    }
    stream_producers_check(s->producers);
    ASSERT(sum.bytes == s->pool.bytes && sum.piece_count == s->pool.piece_count);
}

/* Behind what is there already. */
static void add_copies(const struct stream *from, struct stream *to)
{
    struct id_at at = {0};
    bool has_more = from->count > 0;

    while (has_more) {
        const struct stream_node_ref *ref = id_index_get(&from->nodes, at);

        stream_add_node(to, ref->id, stream_node_copy(ref->node), ref->live);
        has_more = id_index_next(&from->nodes, &at);
    }
    to->marks = from->marks;
    for (uint32_t i = 0; i < from->groups.count; i++) {
        stream_group_copy(stream_group_at(from, i), to);
    }
}

struct stream *stream_copy(const struct stream *s)
{
    struct stream *twin = stream_new();

    add_copies(s, twin);
    twin->producers = stream_producers_copy(s->producers);
    return twin;
}

/* Of all entries, deleted or not. */
static struct stream_id last_entry(const struct stream *s)
{
    const struct stream_node_ref *ref;
    struct id_at at;

    if (!id_index_last(&s->nodes, &at)) {
        return STREAM_ID_MIN;
    }
    ref = id_index_get(&s->nodes, at);
    return stream_node_last_id(ref->node, ref->id);
}

static bool is_behind(const struct stream *tail, const struct stream *s)
{
    const struct stream_node_ref *first =
        tail->count > 0 ? id_index_get(&tail->nodes, (struct id_at){0}) : NULL;
    struct stream_id last = last_entry(s);

    return s->groups.count == 0 && stream_id_compare(tail->marks.last_id, last) >= 0 &&
           (s->count == 0 || first == NULL || stream_id_compare(first->id, last) > 0);
}

bool stream_join(struct value_draft *draft, const struct stream *tail)
{
    if (!is_behind(tail, stream_open(draft))) {
        return false;
    }
    add_copies(tail, stream_change(draft));
    return true;
}
