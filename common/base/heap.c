/* SPDX-License-Identifier: MIT */
/* The usual sift up and sift down; every move writes the node's place. */
#include "base/heap.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/vec.h"

static void place(struct heap *heap, size_t at, struct heap_node *node)
{
    heap->items[at] = node;
    node->index = at + 1;
}

static void sift_up(struct heap *heap, size_t at, struct heap_node *node)
{
    while (at > 0 && heap->items[(at - 1) / 2]->key > node->key) {
        place(heap, at, heap->items[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    place(heap, at, node);
}

static void sift_down(struct heap *heap, size_t at, struct heap_node *node)
{
    for (;;) {
        size_t child = 2 * at + 1;

        if (child + 1 < heap->count && heap->items[child + 1]->key < heap->items[child]->key) {
            child++;
        }
        if (child >= heap->count || heap->items[child]->key >= node->key) {
            break;
        }
        place(heap, at, heap->items[child]);
        at = child;
    }
    place(heap, at, node);
}

void heap_deinit(struct heap *heap)
{
    mem_free(MEM_BASE, heap->items);
    *heap = (struct heap){0};
}

void heap_push(struct heap *heap, struct heap_node *node, int64_t key)
{
    ASSERT(!heap_has(node));
    if (heap->count == heap->cap) {
        heap->items = vec_grow(heap->items, &heap->cap, heap->count + 1, sizeof(*heap->items));
    }
    node->key = key;
    sift_up(heap, heap->count++, node);
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
    struct heap_node *last;
    size_t at;

    if (!heap_has(node)) {
        return;
    }
    at = node->index - 1;
    ASSERT(heap->items[at] == node);
    node->index = 0;
    last = heap->items[--heap->count];
    if (last == node) {
        return;
    }
    if (at > 0 && heap->items[(at - 1) / 2]->key > last->key) {
        sift_up(heap, at, last);
    } else {
        sift_down(heap, at, last);
    }
}

struct heap_node *heap_peek(const struct heap *heap)
{
    return heap->count > 0 ? heap->items[0] : NULL;
}
