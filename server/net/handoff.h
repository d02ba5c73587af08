/* SPDX-License-Identifier: MIT */
/* What one thread hands over to another.  Who gives never waits for who takes, however long that one has not
 * been running: a lock, or a condition of pthreads, would make the loop wait for a thread that the system has
 * stopped while it held it.
 *
 * Any number of threads may give; one takes.  Items are the givers' until they give them, then the taker's. */
#ifndef STARLING_NET_HANDOFF_H
#define STARLING_NET_HANDOFF_H

#include <stdatomic.h>
#include <stddef.h>

struct handoff_item {
    struct handoff_item *next;
};

/* All-zero is empty. */
struct handoff {
    _Atomic(struct handoff_item *) newest;
};

static inline void handoff_give(struct handoff *handoff, struct handoff_item *item)
{
    struct handoff_item *newest = atomic_load_explicit(&handoff->newest, memory_order_relaxed);

    do {
        item->next = newest;
    } while (!atomic_compare_exchange_weak_explicit(&handoff->newest, &newest, item,
                                                    memory_order_release, memory_order_relaxed));
}

/* Everything that was given, the oldest first; NULL when there is nothing. */
static inline struct handoff_item *handoff_take(struct handoff *handoff)
{
    struct handoff_item *newest =
        atomic_exchange_explicit(&handoff->newest, NULL, memory_order_acquire);
    struct handoff_item *oldest = NULL;

    while (newest != NULL) {
        struct handoff_item *next = newest->next;

        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    return oldest;
}

#endif
