/* SPDX-License-Identifier: MIT */
#include "store/stream_node.h"

#include "base/assert.h"
#include "base/mem.h"

#include <string.h>

enum {
    FLAG_DELETED = 1,
    FLAG_SAME_NAMES = 2,

    ELEMENTS_BEFORE_PAIRS = 3, /* flags and the two parts of an id */
};

/* ---- making nodes ---------------------------------------------------------------------------------------- */

static struct stream_node *allocate(size_t capacity)
{
    struct stream_node *node = mem_alloc(MEM_STORE, sizeof(*node) + capacity);

    ASSERT(capacity <= UINT32_MAX);
    *node = (struct stream_node){.capacity = (uint32_t)capacity};
    return node;
}

struct stream_node *stream_node_new(const struct bytes *pairs, size_t pair_count)
{
    struct packed_item count = packed_item_integer((int64_t)pair_count);
    struct packed_item end = packed_item_integer(0);
    size_t size = packed_size(&count) + packed_size(&end);
    struct stream_node *node;
    uint8_t *at;

    for (size_t i = 0; i < pair_count; i++) {
        struct packed_item name = packed_item(pairs[2 * i]);

        size += packed_size(&name);
    }
    node = allocate(size);
    at = packed_write(node->data, &count);
    for (size_t i = 0; i < pair_count; i++) {
        struct packed_item name = packed_item(pairs[2 * i]);

        at = packed_write(at, &name);
    }
    at = packed_write(at, &end);
    node->used = node->from = node->entries_at = (uint32_t)(at - node->data);
    return node;
}

/* The first entry that is there may be behind some that are deleted. */
static void pass_deleted(struct stream_node *node)
{
    while (node->from < node->used && (node->data[node->from] & FLAG_DELETED) != 0) {
        struct stream_node_entry passed;

        stream_node_read(node, STREAM_ID_MIN, stream_node_begin(node), &passed);
        node->from = (uint32_t)(passed.end - node->data);
        node->passed++;
    }
}

struct stream_node *stream_node_adopt(struct bytes data, size_t entries_at, uint64_t entry_count)
{
    struct stream_node *node = allocate(data.len);

    ASSERT(entries_at <= data.len && entry_count <= UINT32_MAX);
    memcpy(node->data, data.data, data.len);
    node->entry_count = (uint32_t)entry_count;
    node->from = node->entries_at = (uint32_t)entries_at;
    node->used = (uint32_t)data.len;
    pass_deleted(node);
    return node;
}

void stream_node_free(struct stream_node *node)
{
    mem_free(MEM_STORE, node);
}

struct stream_node *stream_node_resize(struct stream_node *node, size_t capacity)
{
    ASSERT(capacity >= node->used && capacity <= UINT32_MAX);
    ASSERT(!piece_is_shared(&node->piece));
    node = mem_realloc(MEM_STORE, node, sizeof(*node) + capacity);
    node->capacity = (uint32_t)capacity;
    return node;
}

struct stream_node *stream_node_copy(const struct stream_node *node)
{
    struct stream_node *twin = allocate(node->used);

    memcpy(twin, node, sizeof(*node) + node->used);
    twin->capacity = node->used;
    twin->piece = (struct piece){0};
    return twin;
}

/* ---- appending --------------------------------------------------------------------------------------------- */

/* Are the names of the pairs those of the head? */
static bool has_names(const struct stream_node *node, const struct bytes *pairs, size_t pair_count)
{
    const uint8_t *at = node->data;
    struct packed_item item = packed_item_integer((int64_t)pair_count);

    if (!packed_is(at, &item)) {
        return false;
    }
    for (size_t i = 0; i < pair_count; i++) {
        at = packed_next(at);
        item = packed_item(pairs[2 * i]);
        if (!packed_is(at, &item)) {
            return false;
        }
    }
    return true;
}

struct stream_new_entry stream_node_plan(const struct stream_node *node, struct stream_id node_id,
                                         struct stream_id id, const struct bytes *pairs,
                                         size_t pair_count)
{
    return (struct stream_new_entry){
  /* Sequences may be smaller than that of the node, once milliseconds are more. */
        .offset = {id.ms - node_id.ms, id.sequence - node_id.sequence},
        .pairs = pairs,
        .pair_count = pair_count,
        .has_same_names = has_names(node, pairs, pair_count),
    };
}

static size_t integer_size(uint64_t integer)
{
    struct packed_item item = packed_item_integer((int64_t)integer);

    return packed_size(&item);
}

static uint8_t *write_integer(uint8_t *at, uint64_t integer)
{
    struct packed_item item = packed_item_integer((int64_t)integer);

    return packed_write(at, &item);
}

static uint64_t element_count(const struct stream_new_entry *entry)
{
    return ELEMENTS_BEFORE_PAIRS +
           (entry->has_same_names ? entry->pair_count : 1 + 2 * entry->pair_count);
}

size_t stream_node_entry_bytes(const struct stream_new_entry *entry)
{
    size_t size = integer_size(0) + integer_size(entry->offset.ms) +
                  integer_size(entry->offset.sequence) + integer_size(element_count(entry));

    if (!entry->has_same_names) {
        size += integer_size(entry->pair_count);
    }
    for (size_t i = entry->has_same_names ? 1 : 0; i < 2 * entry->pair_count;
         i += entry->has_same_names ? 2 : 1) {
        struct packed_item item = packed_item(entry->pairs[i]);

        size += packed_size(&item);
    }
    return size;
}

void stream_node_append(struct stream_node *node, const struct stream_new_entry *entry)
{
    uint8_t *at = node->data + node->used;

    at = write_integer(at, entry->has_same_names ? FLAG_SAME_NAMES : 0);
    at = write_integer(at, entry->offset.ms);
    at = write_integer(at, entry->offset.sequence);
    if (!entry->has_same_names) {
        at = write_integer(at, entry->pair_count);
    }
    for (size_t i = entry->has_same_names ? 1 : 0; i < 2 * entry->pair_count;
         i += entry->has_same_names ? 2 : 1) {
        struct packed_item item = packed_item(entry->pairs[i]);

        at = packed_write(at, &item);
    }
    at = write_integer(at, element_count(entry));
    node->used = (uint32_t)(at - node->data);
    node->entry_count++;
    ASSERT(node->used <= node->capacity);
}

/* ---- reading ----------------------------------------------------------------------------------------------- */

static const uint8_t *read_integer(const uint8_t *at, uint64_t *out)
{
    struct packed_item item;

    at = packed_read(at, &item);
    DEBUG_ASSERT(item.is_integer);
    *out = (uint64_t)item.integer;
    return at;
}

void stream_node_read(const struct stream_node *node, struct stream_id node_id,
                      const uint8_t *place, struct stream_node_entry *out)
{
    uint64_t flags;
    uint64_t ms;
    uint64_t sequence;
    const uint8_t *at = read_integer(place, &flags);
    struct stream_entry *entry = &out->entry;

    at = read_integer(at, &ms);
    at = read_integer(at, &sequence);
    *out = (struct stream_node_entry){.start = place, .is_deleted = (flags & FLAG_DELETED) != 0};
    entry->id = (struct stream_id){node_id.ms + ms, node_id.sequence + sequence};
    if ((flags & FLAG_SAME_NAMES) != 0) {
        entry->names = read_integer(node->data, &entry->pair_count);
    } else {
        at = read_integer(at, &entry->pair_count);
    }
    entry->left = entry->pair_count;
    entry->values = at;
    at = packed_skip(at, entry->names != NULL ? entry->left : 2 * entry->left);
    out->end = packed_next(at);
}

void stream_node_read_back(const struct stream_node *node, struct stream_id node_id,
                           const uint8_t *place, struct stream_node_entry *out)
{
    const uint8_t *at = packed_previous(place);
    uint64_t elements;

    (void)read_integer(at, &elements);
    while (elements > 0) {
        at = packed_previous(at);
        elements--;
    }
    stream_node_read(node, node_id, at, out);
}

bool stream_entry_next(struct stream_entry *e, struct packed_item *name, struct packed_item *value)
{
    if (e->left == 0) {
        return false;
    }
    if (e->names != NULL) {
        e->names = packed_read(e->names, name);
    } else {
        e->values = packed_read(e->values, name);
    }
    e->values = packed_read(e->values, value);
    e->left--;
    return true;
}

struct stream_id stream_node_last_id(const struct stream_node *node, struct stream_id node_id)
{
    struct stream_node_entry last;

    stream_node_read_back(node, node_id, stream_node_end(node), &last);
    return last.entry.id;
}

void stream_node_mark(struct stream_node *node, size_t start)
{
    ASSERT(start >= node->from && start < node->used);
    ASSERT((node->data[start] & FLAG_DELETED) == 0);
    node->data[start] |= FLAG_DELETED;
    pass_deleted(node);
}

uint32_t stream_node_check(const struct stream_node *node, struct stream_id node_id)
{
    const uint8_t *at = node->data + node->entries_at;
    struct stream_id last = node_id;
    uint32_t count = 0;
    uint32_t live = 0;
    uint32_t passed = 0;
    uint64_t elements;
    bool is_canonical;
    bool is_sound =
        packed_check(bytes_make(node->data, node->used), &elements, &is_canonical, NULL);

    ASSERT(is_sound && is_canonical);
    ASSERT(node->used <= node->capacity && node->from <= node->used);
    while (at < stream_node_end(node)) {
        struct stream_node_entry read;

        ASSERT(*at <= (FLAG_DELETED | FLAG_SAME_NAMES));
        stream_node_read(node, node_id, at, &read);
        ASSERT(stream_id_compare(read.entry.id, last) >= (count == 0 ? 0 : 1));
        ASSERT(read.is_deleted || live > 0 || at == stream_node_begin(node));
        passed += at < stream_node_begin(node) ? 1 : 0;
        live += read.is_deleted ? 0 : 1;
        last = read.entry.id;
        at = read.end;
        count++;
    }
    ASSERT(at == stream_node_end(node));
    ASSERT(count == node->entry_count && passed == node->passed);
    return live;
}
