/* SPDX-License-Identifier: MIT */
/* The limits of memory: maxmemory, and what happens when the data is beyond it; maxmemory-clients.
 *
 * Compared with maxmemory is what the data takes (account_for_limit), which giving up keys can lower: no
 * buffers of clients, no log, and no free places between entries, which new ones fill.
 *
 *     data     ....................|=====|-------------->
 *                               near  limit      slack
 *              nobody is asked     |     |       |
 *                writes ask for room     |       |
 *                   each makes some first, in a bounded step; upkeep goes on in slices
 *                                       writes that need memory wait until the slices have made room
 *
 * Where no key may go (the policy, or nothing is left that it gives up), writes that need memory are refused
 * instead.  Victims go as DEL into the journal, so replicas, which never choose any, lose the same keys.
 *
 * Invariants:  (1) between two looks (memory_limit_look) it does not change whether a write asks for room
 *              (2) all steps of a pass take no longer than STEP_MAX_US, but for the few keys that each
 *                  write evicts in any case
 *              (3) clients_bytes is the sum of memory_counted of all sessions */
#ifndef STARLING_NODE_MEMORY_LIMIT_H
#define STARLING_NODE_MEMORY_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"

struct node;
struct request;
struct session;

struct memory_limit {
    bool is_near;                 /* writes ask for room */
    bool has_waiting;             /* perhaps sessions are held that wait for room */
    struct mono_time exceeded_at; /* since when it is exceeded; 0: it is not */
    uint64_t exceeded_us;         /* how long it was, before that */
    uint64_t pass;                /* in which keys were evicted last, */
    int64_t spent_ns;             /* and how long that took so far */
    size_t clients_bytes;
    struct buf key; /* of a victim */
};

enum room {
    ROOM_THERE,
    ROOM_NEVER, /* nothing can be given up: refuse */
    ROOM_LATER, /* the session is held, its request put back */
};

void memory_limit_deinit(struct node *node);
/* The configuration has changed from old. */
struct config;
void memory_limit_configure(struct node *node, const struct config *old);
/* Before a batch. */
void memory_limit_look(struct node *node);
/* The request, of a primary's client, may add data. */
enum room memory_limit_make_room(struct node *node, struct request *request);
/* In each pass: a slice of eviction; clients that are beyond their limit. */
void memory_limit_run(struct node *node);

/* Milliseconds above the limit: ever, and since it was exceeded last, 0 when it is not. */
int64_t memory_limit_exceeded_ms(const struct node *node);
int64_t memory_limit_exceeding_ms(const struct node *node);
/* CONFIG RESETSTAT. */
void memory_limit_reset_stats(struct node *node);

/* Look how much memory the session has; and it goes. */
void memory_limit_count_client(struct node *node, struct session *s);
void memory_limit_forget_client(struct node *node, struct session *s);

void memory_limit_check(const struct node *node);

#endif
