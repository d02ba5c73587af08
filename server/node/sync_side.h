/* SPDX-License-Identifier: MIT */
/* sync-replicas: which replies of a primary wait until its in-sync set (council/shard_sync.h) has what they tell of.
 *
 * A write's reply waits for the end of its effects in the log; any other for the newest change that it can have shown: of
 * its keys, by a table of offsets by hash, or of all.  A barrier stands before it in the session's output
 * (session/output.h), and release opens it.  So sessions go on, and only what they are told waits, in order.
 *
 * shown is what all members of the set, and those who are about to be, have acknowledged: nothing of it can be lost by a
 * take-over, so anybody may be shown it.  safe is the same as long as the set has as many members as are required, and what was
 * there when it was turned on: writes up to there may be acknowledged when they may be shown.  Both only grow.
 *
 *     a member has not acknowledged for sync-timeout    it is late: writes are refused when fewer than required are
 *                                                       left, and the cluster takes it out when enough are
 *     for SYNC_GIVE_UP times as long                    it is gone; who waits is told that nobody knows
 *
 * While it is off nothing is noted, and requests pass by the same gates as ever (gates.h).
 *
 * Invariants:  (1) shown <= the end of the log
 *              (2) while it is on the key space is observed, and offsets are there; else neither
 *              (3) between requests no change is without its offset */
#ifndef STARLING_NODE_SYNC_SIDE_H
#define STARLING_NODE_SYNC_SIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "cluster/cluster.h"

struct node;
struct request;
struct session;

enum {
    SYNC_OFFSETS = 4096, /* keys of the same hash wait for one another */
    SYNC_CHANGED = 64,   /* keys that a request may change before all count as changed */
    SYNC_GIVE_UP = 5,    /* times sync-timeout */
};

/* When a member, or one who is about to be, had a link to us last. */
struct sync_watch {
    uint64_t memory;
    struct mono_time seen_at;
};

struct sync_side {
    bool is_on;
    bool refuses; /* writes: too few of the set answer */
    struct cluster_sync_view view;
    uint64_t shown;
    uint64_t safe;

    uint64_t *offsets;              /* of the last change, by hash; NULL while it is off */
    uint64_t floor;                 /* all keys may have changed here */
    uint64_t last_change;           /* of anything: the end of all effects in the log */
    uint16_t changed[SYNC_CHANGED]; /* by the request that runs: places in offsets */
    size_t changed_count;
    bool has_changed_all;

    bool is_marked; /* somebody has not acknowledged this offset, */
    uint64_t mark;
    struct mono_time marked_at; /* which was there then */
    uint64_t asked;             /* acknowledgements were asked for up to there, */
    struct mono_time asked_at;
    uint64_t looked_end; /* that of the effects when the cluster was told last, */
    bool has_looked;     /* since it was turned on or off */
    struct sync_watch watches[2 * SHARD_SYNC_MAX];
    size_t watch_count;
    char set_text[SHARD_SYNC_MAX * (CLUSTER_ID_LEN + 1) + 1]; /* ids of the members, with commas */
    uint64_t given_up; /* sessions that were told that nobody knows */
};

void sync_side_deinit(struct node *node);
/* The cluster has made a step: is the set another one? */
void sync_side_look(struct node *node);
/* There is another key space. */
void sync_side_data_replaced(struct node *node);
/* What there is to say of our replicas, true at this moment. */
void sync_side_tell(struct node *node, struct cluster_status *status);
/* Once in a pass, behind all that changes keys, before replicas are sent to. */
void sync_side_in_pass(struct node *node);

/* ---- replies; all while it is on -------------------------------------------------------------- */

/* The request has run, and what it was answered stands behind the place. */
void sync_side_note_reply(struct node *node, const struct request *request, uint64_t place);
/* What stands behind the place may tell of anything. */
void sync_side_bar_all(struct node *node, struct session *s, uint64_t place);
/* What may leave of the session tells of nothing behind this offset; any may while it is off. */
uint64_t sync_side_limit(const struct node *node, const struct session *s);
/* Has the in-sync set, with as many members as are required, everything up to the offset?  It is not asked while it is off. */
bool sync_side_has(const struct node *node, uint64_t offset);
/* Has somebody who waits since then waited long enough? */
bool sync_side_is_over(const struct node *node, struct mono_time since);
void sync_side_note_given_up(struct node *node);

void sync_side_check(const struct node *node);

#endif
