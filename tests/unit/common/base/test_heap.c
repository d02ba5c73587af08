/* SPDX-License-Identifier: MIT */
/* base/heap against an array. */
#include "base/heap.h"

#include "base/rng.h"

#include "tests/unit/seed.h"

enum {
    NODES = 200
};

static int64_t naive_minimum(const struct heap_node *nodes)
{
    int64_t smallest = INT64_MAX;

    for (int i = 0; i < NODES; i++) {
        if (heap_has(&nodes[i]) && nodes[i].key < smallest) {
            smallest = nodes[i].key;
        }
    }
    return smallest;
}

Test(heap, the_smallest_is_always_on_top)
{
    struct heap_node nodes[NODES] = {0};
    struct heap heap = {0};
    uint64_t seed = seed_get();
    struct rng rng;

    rng_init(&rng, seed);
    for (int step = 0; step < 20000; step++) {
        struct heap_node *node = &nodes[rng_below(&rng, NODES)];

        if (heap_has(node)) {
            heap_remove(&heap, node);
        } else {
            heap_push(&heap, node, (int64_t)rng_below(&rng, 1000) - 500);
        }
        SEED_ASSERT((heap_peek(&heap) == NULL) == (heap.count == 0), seed);
        if (heap.count > 0) {
            SEED_ASSERT(heap_peek(&heap)->key == naive_minimum(nodes), seed);
        }
    }
    heap_deinit(&heap);
}

Test(heap, draining_gives_ascending_keys)
{
    struct heap_node nodes[NODES] = {0};
    struct heap heap = {0};
    int64_t last = INT64_MIN;

    for (int i = 0; i < NODES; i++) {
        heap_push(&heap, &nodes[i], (i * 7919) % 101);
    }
    for (int i = 0; i < NODES; i++) {
        struct heap_node *top = heap_peek(&heap);

        cr_assert_geq(top->key, last);
        last = top->key;
        heap_remove(&heap, top);
    }
    cr_assert_null(heap_peek(&heap));
    heap_deinit(&heap);
}

Test(heap, removing_what_is_not_in_does_nothing)
{
    struct heap_node inside = {0};
    struct heap_node outside = {0};
    struct heap heap = {0};

    heap_push(&heap, &inside, 1);
    heap_remove(&heap, &outside);
    cr_assert_eq(heap.count, 1);
    cr_assert_eq(heap_peek(&heap), &inside);
    heap_deinit(&heap);
}
