/* SPDX-License-Identifier: MIT */
/* Which keys clients use most: stats/hot_keys.h is told of some of their commands, and stats/hot_session.h, while
 * somebody has asked for that, of all.
 *
 * The batch counts its requests, of which it has one watched now and then: what is not watched pays nothing.  A
 * request counts that was executed; what was refused, queued or held does not.  Requests of a transaction count
 * when EXEC runs them.  The stream of a primary does not count.
 *
 * Invariants:  (1) watches_all exactly while there is a session and it is active
 *              (2) a line in the log about a key comes once in HOT_LOG_PERIOD_MS at most */
#ifndef STARLING_NODE_HOT_SIDE_H
#define STARLING_NODE_HOT_SIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stats/hot_keys.h"
#include "stats/hot_session.h"
#include "store/keyspace.h"

struct node;
struct request;
struct session;

enum {
    HOT_LOG_PERIOD_MS = 60 * 1000,
    HOT_LOG_LEAST_RATE = 1000, /* commands a second of a node that says so */
};

struct hot_side {
    struct hot_keys keys;
    struct hot_session *session; /* NULL: none was started */
    bool watches_all;
    size_t left;        /* requests until the next sample, */
    size_t left_queued; /* and requests of transactions */
};

/* A request that is being watched. */
struct hot_watch {
    uint64_t out_before;
    uint64_t commands_before;
    int64_t began_ns; /* of a session */
    bool is_queued;
    bool is_due; /* it is a sample */
};

/* The time of hot keys and of sessions. */
int64_t hot_side_now_ms(const struct node *node);

void hot_side_init(struct node *node);
void hot_side_deinit(struct node *node);
/* By the options as they are now. */
void hot_side_configure(struct node *node);
/* Several times a second. */
void hot_side_tick(struct node *node);
void hot_side_check(const struct node *node);

/* How many requests need not be watched before the next one. */
static inline size_t hot_side_gap(const struct hot_side *hot)
{
    return hot->watches_all ? 0 : hot->left;
}

/* So many are left of them, after others have run. */
static inline void hot_side_leave(struct hot_side *hot, size_t left)
{
    hot->left = left;
}

/* Is the next request of a transaction to be watched? */
static inline bool hot_side_takes_queued(struct hot_side *hot)
{
    return hot->watches_all || hot->left_queued == 0 || hot->left_queued-- == 0;
}

/* Is the key of a request, which was hashed just now, perhaps one whose every use is counted? */
static inline bool hot_side_may_count(const struct hot_side *hot, const struct key_ref *ref)
{
    return exact_keys_may_have(&hot->keys.exact, &ref->hash);
}

/* Then this counts it, for a request that is about to be executed: nothing stands in its way (gates_are_open_for), and no control
 * command is before it in the batch.  True if so.  One that finds its session held by the one before is counted all the same. */
bool hot_side_count(struct node *node, const struct request *request, const struct key_ref *ref);

/* Before and after a request is executed. */
void hot_side_begin(struct node *node, const struct session *s, bool is_queued,
                    struct hot_watch *watch);
void hot_side_end(struct node *node, const struct request *request, const struct hot_watch *watch);

/* ---- for commands ----------------------------------------------------------------------------- */

/* There must be no active session; one that has ended is forgotten. */
void hot_side_start_session(struct node *node, const struct hot_session_options *options);
/* What the process has used so far. */
struct hot_session_process hot_side_process(const struct node *node);
/* There must be an active session. */
void hot_side_stop_session(struct node *node);
/* Forget the session, which must not be active, and all hot keys. */
void hot_side_reset(struct node *node);

#endif
