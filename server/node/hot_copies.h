/* SPDX-License-Identifier: MIT */
/* Which slots are hot: ours, which we decide (copies/promotion.h) and announce, and those of others, as they announce them
 * (copies/hot_slots.h).  node/lending.h and node/borrowing.h do what follows from it; node/hot_readers.h sends clients there.
 *
 * Once a second the hottest keys are looked at.  Who is to be a member of a slot is asked in one look and chosen in the
 * next (node/hot_members.h).  A member is ready when it has a lease; it is announced as such with the
 * next look, and clients are sent there from then on.
 *
 * Invariants: (1) slots of ours that are hot have an entry in own, and are announced once in HOT_REPEAT_MS */
#ifndef STARLING_NODE_HOT_COPIES_H
#define STARLING_NODE_HOT_COPIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/cluster_id.h"
#include "copies/hot_slots.h"
#include "copies/promotion.h"
#include "copies/spread.h"

struct entry;
struct node;
struct top_key;

/* A hot slot of ours. */
struct hot_own {
    struct hot_slot hot;
    uint64_t member_reads; /* served by members since the last look, */
    uint64_t member_rate;  /* and a second, as of that */
    struct spread_rounds rounds;
};

struct hot_copies {
    struct hot_slots known;
    struct promotion promotion;
    bool is_without_room;                    /* the last slot that was to be hot found no member */
    struct hot_own own[PROMOTION_SLOTS_MAX]; /* of promotion.items, each at its place */
    struct buf outgoing; /* what is to be announced: its length in 4 bytes, and the message, each */
    uint64_t last_epoch; /* of what we have announced */
    struct mono_time looked_at;
    int64_t cpu_us; /* of the loop thread, at the last look */
    unsigned busy;  /* percent, between the last two */
    uint64_t promoted;
    uint64_t demoted;
};

/* How many slots of ours are hot. */
static inline size_t hot_copies_own_count(const struct hot_copies *hot)
{
    return hot->promotion.count;
}

static inline bool hot_copies_know_any(const struct hot_copies *hot)
{
    return hot->known.count > 0;
}

void hot_copies_deinit(struct node *node);
void hot_copies_configure(struct node *node);
void hot_copies_tick(struct node *node);
struct mono_time hot_copies_wake_at(const struct node *node);
/* What is to be announced next is appended to the message, and over; false: there is nothing. */
MUST_USE bool hot_copies_take_outgoing(struct node *node, struct buf *message);
/* Another node has announced something: slots of its own, or who has asked for the map. */
void hot_copies_take(struct node *node, const struct cluster_id *sender, struct bytes message);

/* ---- as an owner -------------------------------------------------------------------------------- */

/* May anything be lent? */
bool hot_copies_are_on(const struct node *node);
/* May a key of this slot be, with this value, of so many bytes (NULL: there is none)? */
bool hot_copies_lends(const struct node *node, uint16_t slot, const struct entry *value,
                      size_t bytes);
/* A member accepts the slot, and has served so many reads of it.  One that has joined anew has to say so again. */
void hot_copies_note_reads(struct node *node, const struct cluster_id *member, uint16_t slot,
                           uint64_t reads);
void hot_copies_note_joined(struct node *node, const struct cluster_id *member);
/* Its connection is gone: clients are sent there no more, from now on.  When it starts anew it knows of no slot, and answers
 * MOVED, until it has heard of it. */
void hot_copies_note_left(struct node *node, const struct cluster_id *member);
/* Clients use the slot with state. */
void hot_copies_note_stateful(struct node *node, uint16_t slot);
const struct hot_own *hot_copies_own(const struct node *node, uint16_t slot);
/* Would it be promoted now, or why not? */
enum promotion_answer hot_copies_judge(const struct node *node, const struct top_key *key);

/* ---- as a member -------------------------------------------------------------------------------- */

/* The slot's announcement, if this node, or the one that it follows, serves it besides, or did so a while ago; NULL if not. */
const struct hot_slot *hot_copies_accepted(const struct node *node, uint16_t slot);
/* Is any slot of that owner announced with us, or accepted? */
bool hot_copies_is_member_of(const struct node *node, const struct cluster_id *owner);
bool hot_copies_accepts_of(const struct node *node, const struct cluster_id *owner);

/* ---- readers (node/hot_readers.h) --------------------------------------------------------------- */

/* A request for the slot was read: true when it is one of our hot ones, which counts it. */
bool hot_copies_note_request(struct node *node, uint16_t slot);
/* A slot that is hot, whose ever it is; NULL: it is not. */
struct hot_known *hot_copies_known(const struct node *node, uint16_t slot);

#endif
