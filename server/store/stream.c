/* SPDX-License-Identifier: MIT */
/* Entries of streams: what is known of them, reading, changing.  Groups are in stream_group.c, what a value needs
 * besides in value_stream.c. */
#include "store/stream.h"

#include "base/assert.h"
#include "base/mem.h"
#include "store/stream_state.h"
#include "store/value_space.h"

enum {
    FREE_AT_ONCE = 32,        /* nodes: those above are freed after the close */
    STOCK_HEAD_BYTES = 6 + 1, /* around the elements of a node elsewhere, which limits count */
};

/* ---- streams of drafts ------------------------------------------------------------------------------------- */

static struct piece *node_piece(const void *item)
{
    return &((const struct stream_node_ref *)item)->node->piece;
}

static size_t node_size(const void *item)
{
    return ((const struct stream_node_ref *)item)->size;
}

static void free_node(const void *item)
{
    stream_node_free(((const struct stream_node_ref *)item)->node);
}

static const struct id_children nodes_of_index = {
    .piece = node_piece,
    .size = node_size,
    .free = free_node,
};

struct stream *stream_new(void)
{
    struct stream *s = mem_alloc_zeroed(MEM_STORE, sizeof(*s));

    id_index_init(&s->nodes, sizeof(struct stream_node_ref), &nodes_of_index);
    return s;
}

const struct stream *stream_open(struct value_draft *draft)
{
    if (draft->memory == NULL) {
        draft->memory = stream_new();
        draft->is_changed = true;
    }
    return draft->memory;
}

struct stream *stream_change(struct value_draft *draft)
{
    (void)stream_open(draft);
    draft->is_changed = true;
    return draft->memory;
}

struct stream *stream_dropped(struct value_draft *draft)
{
    if (draft->dropped == NULL) {
        struct stream *dropped = stream_new();

        /* What it lets go of may be an image's. */
        dropped->pool.holder = ((const struct stream *)draft->memory)->pool.holder;
        draft->dropped = dropped;
    }
    return draft->dropped;
}

/* ---- what is known ----------------------------------------------------------------------------------------- */

static const struct stream_node_ref *ref_at(const struct id_index *nodes, struct id_at at)
{
    return id_index_get(nodes, at);
}

uint64_t stream_count(const struct stream *s)
{
    return s->count;
}

struct stream_marks stream_marks(const struct stream *s)
{
    return s->marks;
}

uint64_t stream_node_count(const struct stream *s)
{
    return s->nodes.count;
}

struct stream_id stream_first_id(const struct stream *s)
{
    const struct stream_node_ref *ref;
    struct stream_node_entry first;

    if (s->count == 0) {
        return STREAM_ID_MIN;
    }
    ref = ref_at(&s->nodes, (struct id_at){0});
    stream_node_read(ref->node, ref->id, stream_node_begin(ref->node), &first);
    return first.entry.id;
}

bool stream_number_of(const struct stream *s, struct stream_id id, uint64_t *out)
{
    int to_last = stream_id_compare(id, s->marks.last_id);
    struct stream_id first = stream_first_id(s);
    int to_first = stream_id_compare(id, first);
    bool is_whole = stream_id_is_zero(s->marks.max_deleted_id) ||
                    stream_id_compare(s->marks.max_deleted_id, first) < 0;

    if (s->marks.entries_added == 0) {
        *out = 0;
        return true;
    }
    if (to_last == 0 || (s->count == 0 && to_last < 0)) {
        *out = s->marks.entries_added;
        return true;
    }
    if (to_last > 0 || to_first > 0 || !is_whole || s->marks.entries_added < s->count) {
        return false;
    }
    *out = s->marks.entries_added - s->count + (to_first == 0 ? 1 : 0);
    return true;
}

bool stream_has_gap_from(const struct stream *s, struct stream_id from)
{
    /* Of what was removed in front of the first entry nothing is missing behind it. */
    return s->count > 0 && !stream_id_is_zero(s->marks.max_deleted_id) &&
           stream_id_compare(from, s->marks.max_deleted_id) <= 0 &&
           stream_id_compare(stream_first_id(s), s->marks.max_deleted_id) <= 0;
}

/* ---- reading ----------------------------------------------------------------------------------------------- */

static void stand_in_node(struct stream_reader *r, struct id_at at)
{
    r->leaf = at.leaf;
    r->item = at.item;
    r->node = ref_at(r->nodes, at)->node;
    r->place = r->range.is_reverse ? stream_node_end(r->node) : stream_node_begin(r->node);
}

void stream_read(const struct stream *s, const struct stream_range *range,
                 struct stream_reader *out)
{
    struct id_at at;

    *out = (struct stream_reader){.nodes = &s->nodes, .range = *range};
    if (s->count == 0) {
        return;
    }
    if (id_index_seek_back(&s->nodes, range->is_reverse ? range->last : range->first, &at)) {
        stand_in_node(out, at);
    } else if (!range->is_reverse) {
        stand_in_node(out, (struct id_at){0});
    }
}

/* Go on to the next node; false when there is none. */
static bool next_node(struct stream_reader *r)
{
    struct id_at at = {r->leaf, r->item};
    bool has_next =
        r->range.is_reverse ? id_index_previous(r->nodes, &at) : id_index_next(r->nodes, &at);

    if (!has_next) {
        r->node = NULL;
        return false;
    }
    stand_in_node(r, at);
    return true;
}

/* The next entry of this node, deleted or not; false at its end. */
static bool next_in_node(struct stream_reader *r, struct stream_node_entry *out)
{
    struct stream_id node_id = ref_at(r->nodes, (struct id_at){r->leaf, r->item})->id;

    if (r->range.is_reverse) {
        if (r->place == stream_node_begin(r->node)) {
            return false;
        }
        stream_node_read_back(r->node, node_id, r->place, out);
        r->place = out->start;
    } else {
        if (r->place == stream_node_end(r->node)) {
            return false;
        }
        stream_node_read(r->node, node_id, r->place, out);
        r->place = out->end;
    }
    return true;
}

bool stream_next(struct stream_reader *r, struct stream_entry *out)
{
    while (r->node != NULL) {
        struct stream_node_entry read;

        if (!next_in_node(r, &read)) {
            (void)next_node(r);
            continue;
        }
        bool is_low = stream_id_compare(read.entry.id, r->range.first) < 0;
        bool is_high = stream_id_compare(read.entry.id, r->range.last) > 0;

        if (r->range.is_reverse ? is_low : is_high) {
            r->node = NULL;
            return false;
        }
        if (!read.is_deleted && !is_low && !is_high) {
            *out = read.entry;
            return true;
        }
    }
    return false;
}

bool stream_find(const struct stream *s, struct stream_id id, struct stream_entry *out)
{
    struct stream_range range = {.first = id, .last = id};
    struct stream_reader r;
    struct stream_entry found;

    stream_read(s, &range, &r);
    if (!stream_next(&r, &found)) {
        return false;
    }
    if (out != NULL) {
        *out = found;
    }
    return true;
}

/* ---- nodes that change --------------------------------------------------------------------------------------- */

/* The node, with its memory, that the reference had is no longer held. */
static void let_go_of_node(struct stream *s, const struct stream_node_ref *ref)
{
    if (piece_let_go(&ref->node->piece, &s->pool.holder, ref->size)) {
        stream_node_free(ref->node);
    }
}

/* The one way to a node that is about to change, and to what is known of it. */
static struct stream_node_ref *change_node(struct stream *s, struct id_at at)
{
    struct stream_node_ref *ref = id_index_change(&s->nodes, at, &s->pool);

    if (UNLIKELY(piece_is_shared(&ref->node->piece))) {
        struct stream_node_ref old = *ref;

        ref->node = stream_node_copy(old.node);
        ref->size = (uint32_t)stream_node_size(ref->node);
        s->pool.bytes += ref->size;
        s->pool.bytes -= old.size;
        let_go_of_node(s, &old);
    }
    return ref;
}

static void resize_node(struct stream *s, struct id_at at, size_t capacity)
{
    struct stream_node_ref *ref = change_node(s, at);

    ref->node = stream_node_resize(ref->node, capacity);
    s->pool.bytes -= ref->size;
    ref->size = (uint32_t)stream_node_size(ref->node);
    s->pool.bytes += ref->size;
}

void stream_add_node(struct stream *s, struct stream_id id, struct stream_node *node, uint32_t live)
{
    struct stream_node_ref *ref = id_index_insert(&s->nodes, id, &s->pool);

    ref->node = node;
    ref->live = live;
    ref->size = (uint32_t)stream_node_size(node);
    id_pool_add(&s->pool, ref->size);
    s->count += live;
}

/* It is no longer one of ours. */
static struct stream_node_ref unlink_node(struct stream *s, struct id_at at)
{
    struct stream_node_ref ref = *ref_at(&s->nodes, at);

    s->count -= ref.live;
    id_pool_subtract(&s->pool, ref.size);
    id_index_remove(&s->nodes, at, &s->pool);
    return ref;
}

static void remove_node(struct stream *s, struct id_at at)
{
    struct stream_node_ref ref = unlink_node(s, at);

    let_go_of_node(s, &ref);
}

/* ---- appending ----------------------------------------------------------------------------------------------- */

static size_t node_bytes_max(const struct value_limits *limits)
{
    uint64_t max = limits->stream_node_max_bytes;

    return max == 0 || max > STREAM_NODE_BYTES_MAX ? STREAM_NODE_BYTES_MAX : (size_t)max;
}

static size_t count_size(uint64_t count)
{
    struct packed_item item = packed_item_integer((int64_t)count);

    return packed_size(&item);
}

/* Is the node too full for one more entry with so many bytes of names and values?  It is counted as others do, so
 * that nodes begin at the same entries. */
static bool is_full(const struct stream_node_ref *ref, size_t data_bytes,
                    const struct value_limits *limits)
{
    const struct stream_node *node = ref->node;
    size_t used = STOCK_HEAD_BYTES + count_size(ref->live) +
                  count_size(node->entry_count - ref->live) + node->used;

    return used + data_bytes >= node_bytes_max(limits) ||
           (limits->stream_node_max_entries != 0 &&
            node->entry_count >= limits->stream_node_max_entries);
}

/* Where the last node is, which has a place for the entry. */
static struct id_at node_for_append(struct value_draft *draft, struct stream_id id,
                                    const struct bytes *pairs, size_t pair_count)
{
    struct stream *s = draft->memory;
    struct stream_node *node;
    struct id_at at;
    size_t data_bytes = 0;

    for (size_t i = 0; i < 2 * pair_count; i++) {
        data_bytes += pairs[i].len;
    }
    ASSERT(data_bytes <= STREAM_ENTRY_BYTES_MAX);
    if (id_index_last(&s->nodes, &at)) {
        node = ref_at(&s->nodes, at)->node;
        if (!is_full(ref_at(&s->nodes, at), data_bytes, &draft->space->limits)) {
            return at;
        }
        if (node->capacity > node->used) {
            resize_node(s, at, node->used);
        }
    }
    stream_add_node(s, id, stream_node_new(pairs, pair_count), 0);
    (void)id_index_last(&s->nodes, &at);
    return at;
}

/* Make the node larger by so many bytes at least: the first entry gets what it needs, those behind room to grow. */
static void grow_node(struct stream *s, struct id_at at, size_t size, size_t limit)
{
    const struct stream_node *node = ref_at(&s->nodes, at)->node;
    size_t needed = node->used + size;
    size_t capacity = node->entry_count == 0 ? needed : needed * 2;

    capacity = capacity < limit ? capacity : limit;
    resize_node(s, at, capacity > needed ? capacity : needed);
}

void stream_append(struct value_draft *draft, struct stream_id id, const struct bytes *pairs,
                   size_t pair_count)
{
    struct stream *s = stream_change(draft);
    struct id_at at = node_for_append(draft, id, pairs, pair_count);
    struct stream_node_ref *ref = change_node(s, at);
    struct stream_new_entry entry = stream_node_plan(ref->node, ref->id, id, pairs, pair_count);
    size_t size = stream_node_entry_bytes(&entry);

    ASSERT(stream_id_compare(id, s->marks.last_id) > 0);
    if (ref->node->capacity - ref->node->used < size) {
        grow_node(s, at, size, node_bytes_max(&draft->space->limits));
    }
    stream_node_append(ref->node, &entry);
    ref->live++;
    s->count++;
    s->marks.entries_added += s->marks.entries_added < STREAM_COUNTER_MAX ? 1 : 0;
    s->marks.last_id = id;
}

/* ---- deleting ------------------------------------------------------------------------------------------------ */

/* The entry of the node with this id, if it is there. */
static bool find_in_node(const struct stream_node_ref *ref, struct stream_id id,
                         struct stream_node_entry *out)
{
    const uint8_t *at = stream_node_begin(ref->node);

    while (at < stream_node_end(ref->node)) {
        int order;

        stream_node_read(ref->node, ref->id, at, out);
        order = stream_id_compare(out->entry.id, id);
        if (order >= 0) {
            return order == 0 && !out->is_deleted;
        }
        at = out->end;
    }
    return false;
}

/* Others of its node are there. */
static void mark_entry(struct stream *s, struct id_at at, const struct stream_node_entry *entry)
{
    size_t start = (size_t)(entry->start - ref_at(&s->nodes, at)->node->data);
    struct stream_node_ref *ref = change_node(s, at);

    ASSERT(ref->live > 1);
    stream_node_mark(ref->node, start);
    ref->live--;
    s->count--;
}

bool stream_delete(struct value_draft *draft, struct stream_id id)
{
    struct stream *s = draft->memory;
    struct stream_node_entry entry;
    struct id_at at;

    if (s == NULL || !id_index_seek_back(&s->nodes, id, &at) ||
        !find_in_node(ref_at(&s->nodes, at), id, &entry)) {
        return false;
    }
    if (ref_at(&s->nodes, at)->live == 1) {
        remove_node(s, at);
    } else {
        mark_entry(s, at, &entry);
    }
    if (stream_id_compare(id, s->marks.max_deleted_id) > 0) {
        s->marks.max_deleted_id = id;
    }
    draft->is_changed = true;
    return true;
}

/* ---- trimming ------------------------------------------------------------------------------------------------ */

/* Is the first node to go as a whole? */
static bool is_node_trimmed(const struct stream *s, const struct stream_trim *trim)
{
    struct id_at at = {0};
    const struct stream_node_ref *first = ref_at(&s->nodes, at);

    if (!trim->is_by_id) {
        return s->count - first->live >= trim->max_count;
    }
    /* Where the next node begins tells most of it. */
    if (id_index_next(&s->nodes, &at) &&
        stream_id_compare(ref_at(&s->nodes, at)->id, trim->min_id) <= 0) {
        return true;
    }
    return stream_id_compare(stream_node_last_id(first->node, first->id), trim->min_id) < 0;
}

/* Mark the oldest entries of the first node, some of which stay. */
static uint64_t trim_in_node(struct stream *s, const struct stream_trim *trim)
{
    struct id_at at = {0};
    uint64_t count = 0;

    while (trim->is_by_id || s->count > trim->max_count) {
        const struct stream_node_ref *ref = ref_at(&s->nodes, at);
        struct stream_node_entry first;

        stream_node_read(ref->node, ref->id, stream_node_begin(ref->node), &first);
        if (trim->is_by_id && stream_id_compare(first.entry.id, trim->min_id) >= 0) {
            return count;
        }
        count++;
        if (trim->on_leave != NULL) {
            trim->on_leave(trim->context, first.entry.id);
        }
        if (ref->live == 1) {
            /* Those behind it are deleted.  (Stock servers keep such a node, without entries.) */
            remove_node(s, at);
            return count;
        }
        mark_entry(s, at, &first);
    }
    return count;
}

/* Whoever wants to know is told of the entries of a node that goes. */
static void tell_of_node(const struct stream_trim *trim, const struct stream_node_ref *ref)
{
    const uint8_t *at = stream_node_begin(ref->node);

    while (trim->on_leave != NULL && at < stream_node_end(ref->node)) {
        struct stream_node_entry read;

        stream_node_read(ref->node, ref->id, at, &read);
        if (!read.is_deleted) {
            trim->on_leave(trim->context, read.entry.id);
        }
        at = read.end;
    }
}

/* Whole leaves of nodes that go are not touched one by one.  How many entries went. */
static uint64_t trim_leaf(struct value_draft *draft, const struct stream_trim *trim,
                          uint64_t removed)
{
    struct stream *s = draft->memory;
    struct stream *dropped;
    struct stream_id behind;
    struct id_pool moved = {0};
    uint64_t live = 0;
    size_t count;
    const struct stream_node_ref *refs = id_index_first_leaf(&s->nodes, &count, &behind);

    for (size_t i = 0; i < count; i++) {
        live += refs[i].live;
        id_pool_add(&moved, refs[i].size);
    }
    if ((trim->limit != 0 && removed + live > trim->limit) ||
        (trim->is_by_id ? s->nodes.count == count || stream_id_compare(behind, trim->min_id) > 0
                        : s->count - live < trim->max_count)) {
        return 0;
    }
    dropped = stream_dropped(draft);
    id_index_move_first_leaf(&s->nodes, &s->pool, &dropped->nodes, &dropped->pool);
    id_pool_move(&s->pool, &dropped->pool, moved);
    s->count -= live;
    dropped->count += live;
    return live;
}

uint64_t stream_trim(struct value_draft *draft, const struct stream_trim *trim)
{
    struct stream *s = draft->memory;
    uint64_t removed = 0;
    uint64_t nodes = 0;

    while (s != NULL && s->count > 0 && (trim->is_by_id || s->count > trim->max_count)) {
        struct stream_node_ref ref = *ref_at(&s->nodes, (struct id_at){0});
        bool may_take_leaf = nodes >= FREE_AT_ONCE && trim->on_leave == NULL;
        uint64_t in_leaf = may_take_leaf ? trim_leaf(draft, trim, removed) : 0;

        if (in_leaf > 0) {
            removed += in_leaf;
            continue;
        }
        if (trim->limit != 0 && removed + ref.live > trim->limit) {
            break;
        }
        if (!is_node_trimmed(s, trim)) {
            removed += trim->is_approximate ? 0 : trim_in_node(s, trim);
            break;
        }
        tell_of_node(trim, &ref);
        (void)unlink_node(s, (struct id_at){0});
        removed += ref.live;
        if (nodes++ < FREE_AT_ONCE) {
            let_go_of_node(s, &ref);
        } else {
            stream_add_node(stream_dropped(draft), ref.id, ref.node, ref.live);
        }
    }
    draft->is_changed = draft->is_changed || removed > 0;
    return removed;
}

void stream_put_marks(struct value_draft *draft, const struct stream_marks *marks)
{
    struct stream *s = stream_change(draft);

    s->marks = *marks;
}
