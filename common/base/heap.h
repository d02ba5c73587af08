/* SPDX-License-Identifier: MIT */
/* Intrusive binary min-heap over int64 keys: deadlines.
 *
 * Invariants:  (1) parent key <= child key
 *              (2) node->index is its place + 1; 0 means not in a heap
 * The heap owns its array of pointers; the nodes belong to the caller. */
#ifndef STARLING_BASE_HEAP_H
#define STARLING_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_node {
    int64_t key;
    size_t index;
};

struct heap {
    struct heap_node **items;
    size_t count;
    size_t cap;
};

void heap_deinit(struct heap *heap);
/* node must not be in a heap. */
void heap_push(struct heap *heap, struct heap_node *node, int64_t key);
/* Does nothing to a node that is in no heap. */
void heap_remove(struct heap *heap, struct heap_node *node);
/* The node with the smallest key, or NULL. */
struct heap_node *heap_peek(const struct heap *heap);

static inline bool heap_has(const struct heap_node *node)
{
    return node->index != 0;
}

#endif
