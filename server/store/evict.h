/* SPDX-License-Identifier: MIT */
/* Whom to give up when memory is short: victims, chosen by sampling.
 *
 * No list of all keys is kept in order.  Instead some entries that lie together by their hash, which
 * has nothing to do with their use, are looked at each time, and the best victims that were ever seen
 * are remembered: the pool.  The best of them is chosen if it is still what it was when it was seen.
 *
 *     key space   . . x . . . . . [. . . . .] . . . . . .      samples
 *     pool        [ oldest . . . . . . . . . . . . . newest ]  rank, hash, table
 *                   victim
 *
 * Invariants:  (1) the pool is in order, best first, and names no key twice
 *              (2) it names keys by their hashes and borrows nothing: what has gone or was used
 *                  meanwhile is dropped when its turn comes */
#ifndef STARLING_STORE_EVICT_H
#define STARLING_STORE_EVICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/rng.h"

struct keyspace;

enum {
    EVICT_POOL = 16,
    EVICT_SAMPLES_MAX = 64,
};

enum evict_order {
    EVICT_LEAST_RECENT,   /* by the second of their last use */
    EVICT_LEAST_FREQUENT, /* by how often they are used */
    EVICT_SOONEST,        /* by their expiry: only_volatile is set */
    EVICT_ANY,            /* at random */
};

struct evict_rule {
    enum evict_order order;
    bool only_volatile; /* keys with an expiry of their own */
    unsigned samples;   /* looked at for each victim, at most EVICT_SAMPLES_MAX */
};

/* A key that was seen; smaller ranks go first. */
struct evict_seen {
    int64_t rank;
    uint64_t hash;
    uint32_t table;
};

/* All-zero is an empty one. */
struct evict_pool {
    struct evict_rule rule; /* the ranks are by */
    struct evict_seen seen[EVICT_POOL];
    size_t count;
    bool is_going_on; /* the last look found nothing: the next one begins where it ended, */
    uint32_t table;   /* here */
    uint64_t position;
    uint32_t bucket;
};

struct evict_victim {
    unsigned db;      /* 0 in cluster mode */
    struct bytes key; /* a borrow until the next change */
};

/* Is there any key that the rule gives up? */
bool keyspace_can_evict(const struct keyspace *ks, const struct evict_rule *rule);
/* Choose one.  False when none was found within what one call may look at, some 20 us; the next call
 * looks further. */
bool keyspace_find_victim(struct keyspace *ks, const struct evict_rule *rule, struct rng *rng,
                          struct evict_victim *out);
/* Assert the invariants. */
void keyspace_check_evict(const struct keyspace *ks);

#endif
