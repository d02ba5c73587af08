/* SPDX-License-Identifier: MIT */
/* A node of a stream: entries in the order of their ids, packed (store/packed.h) behind a head of names.
 *
 *     head    count of names, the names, 0
 *     entry   flags, milliseconds and sequence from the node's id on,
 *             values, one for each name of the head; or, without SAME_NAMES,
 *             count, and so many pairs of name and value;
 *             how many elements stand before this one in the entry
 *
 * But for two counts, which are kept beside it, that is how other servers have it (store/foreign_stream.h), so
 * that their nodes are taken over and written as they are.  The names are those of the first entry; entries with
 * the same ones do without.
 *
 * Invariants:  (1) `from` is the place of the first entry that is there, or the end
 *              (2) ids rise from entry to entry, deleted ones included
 *              (3) flags take one byte and the one that every element has behind it
 * The id of a node, and how many of its entries are there, is known to its owner (store/stream.h).  A place in a node
 * is a pointer into its data. */
#ifndef STARLING_STORE_STREAM_NODE_H
#define STARLING_STORE_STREAM_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/piece.h"
#include "store/stream.h"

struct stream_node {
    struct piece piece;   /* that images may share */
    uint32_t entry_count; /* deleted ones included */
    uint32_t passed;      /* of these, those before `from`, which are deleted */
    uint32_t entries_at;  /* the first entry of all */
    uint32_t from;
    uint32_t used;
    uint32_t capacity;
    uint8_t data[];
};

/* One entry, as it lies there. */
struct stream_node_entry {
    struct stream_entry entry;
    const uint8_t *start; /* of its flags */
    const uint8_t *end;
    bool is_deleted;
};

static inline size_t stream_node_size(const struct stream_node *node)
{
    return sizeof(*node) + node->capacity;
}

static inline const uint8_t *stream_node_begin(const struct stream_node *node)
{
    return node->data + node->from;
}

static inline const uint8_t *stream_node_end(const struct stream_node *node)
{
    return node->data + node->used;
}

/* Without entries, with the names of these pairs. */
struct stream_node *stream_node_new(const struct bytes *pairs, size_t pair_count);
/* One whose data is there already, entry_count entries from entries_at on. */
struct stream_node *stream_node_adopt(struct bytes data, size_t entries_at, uint64_t entry_count);
void stream_node_free(struct stream_node *node);
/* The same, which is not shared, with another capacity, which is enough. */
struct stream_node *stream_node_resize(struct stream_node *node_take, size_t capacity);
/* An equal one, without room to grow. */
struct stream_node *stream_node_copy(const struct stream_node *node);

/* An entry that is to be appended. */
struct stream_new_entry {
    struct stream_id offset; /* from the node's id on */
    const struct bytes *pairs;
    size_t pair_count;
    bool has_same_names;
};

/* What the entry is to be in this node. */
struct stream_new_entry stream_node_plan(const struct stream_node *node, struct stream_id node_id,
                                         struct stream_id id, const struct bytes *pairs,
                                         size_t pair_count);
/* Bytes that it takes. */
size_t stream_node_entry_bytes(const struct stream_new_entry *entry);
/* Behind all others; there is room for it. */
void stream_node_append(struct stream_node *node, const struct stream_new_entry *entry);

/* Read the entry at the place, or, in reverse, the one that ends there. */
void stream_node_read(const struct stream_node *node, struct stream_id node_id,
                      const uint8_t *place, struct stream_node_entry *out);
void stream_node_read_back(const struct stream_node *node, struct stream_id node_id,
                           const uint8_t *place, struct stream_node_entry *out);
/* The entry that starts so many bytes from the data on is deleted, which it was not. */
void stream_node_mark(struct stream_node *node, size_t start);
/* The id of the last entry, deleted or not. */
struct stream_id stream_node_last_id(const struct stream_node *node, struct stream_id node_id);

/* Assert every invariant; how many of its entries are there. */
uint32_t stream_node_check(const struct stream_node *node, struct stream_id node_id);

#endif
