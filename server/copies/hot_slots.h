/* SPDX-License-Identifier: MIT */
/* Which slots are hot: served by more primaries than the one whose they are.  What owners announce to all nodes, as each node
 * knows it.
 *
 * An announcement names the slot's members, and which of them are ready: those have a lease, and clients are sent there.  It
 * is repeated once in HOT_REPEAT_MS; one that is not for HOT_LAPSE_MS is over.  A member accepts requests for the slot from
 * when it hears of it, and for HOT_GRACE_MS after it is over, since clients may still come: whoever is advertised never
 * sends anybody elsewhere.  Once the owner has said that it is a member no more it sends each connection home to the owner, once in an
 * epoch, and passes on what comes on it nevertheless: most learn at once, and nobody who is sent back by an old map
 * goes in circles.  Newer ones of an owner have a greater epoch, which rises over its restarts, unless the clock of its machine was set
 * back meanwhile: one with a lesser epoch was overtaken on its way, as long as others come; after HOT_LAPSE_MS without any
 * it is believed.  So what has been done in an epoch is noted by a number that this node gives it as it hears of it, and
 * which never goes back.  What each serves is told with the epoch, too, and stays as it is in that (copies/spread.h).
 *
 * Invariants:  (1) one entry a slot at most
 *              (2) no number is given twice
 * Pure; all-zero is empty. */
#ifndef STARLING_COPIES_HOT_SLOTS_H
#define STARLING_COPIES_HOT_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/cluster_id.h"

enum {
    HOT_MEMBERS_MAX = 31, /* besides the owner */
    HOT_SLOTS_MAX = 256,  /* that a node knows of */
    HOT_REPEAT_MS = 1000,
    HOT_LAPSE_MS = 5000,
    HOT_GRACE_MS = 60000,
};

struct hot_member {
    struct cluster_id node;
    bool
        is_ready; /* it has a lease, and has said that it accepts the slot: clients are sent there */
    uint32_t reads;    /* that it serves a second, as of the epoch (copies/spread.h) */
    bool has_accepted; /* the owner's own: it has said so, */
    uint64_t served;   /* and has served so many reads since the last look */
};

struct hot_slot {
    uint16_t slot;
    struct cluster_id owner;
    uint64_t epoch;
    uint32_t number; /* of the epoch, at this node: from 1; 0: it has not come from hot_slots */
    uint32_t owner_reads;  /* as a member's, */
    uint64_t owner_served; /* and the owner's own */
    size_t member_count;   /* 0: the slot is hot no more */
    struct hot_member members[HOT_MEMBERS_MAX];
};

/* As a node knows it. */
struct hot_known {
    struct hot_slot hot;
    struct mono_time heard_at;
    struct mono_time epoch_heard_at; /* for the first time */
    uint64_t sent_on; /* reads in 1000 seconds of those whom this node has sent on in this epoch, */
    struct mono_time send_on_at; /* and when the next one may be (copies/spread.h) */
    bool has_lapsed;             /* it is over since nothing was heard */
    struct mono_time
        accepted_until; /* of a node that is, or was, a member: after the end of that */
};

struct hot_slots {
    struct hot_known *items[HOT_SLOTS_MAX]; /* owned, */
    uint16_t slots[HOT_SLOTS_MAX]; /* and which slots those are of: a look-up reads these alone */
    size_t count;
    uint32_t last_number;
    uint64_t changes; /* counted on whenever views of the slots may be others */
};

void hot_slots_deinit(struct hot_slots *table);
/* As it goes over the bus: slot u16, epoch u64, the owner's reads u32, count u8, then for each a raw id, a byte, and reads u32. */
void hot_slot_encode(const struct hot_slot *hot, struct buf *out);
MUST_USE bool hot_slot_decode(struct bytes bytes, struct hot_slot *out); /* owner is the sender's */

/* The owner, which is hot->owner, has announced it; me is this node, primary whom it follows, if it does: replicas of
 * members are asked, too. */
void hot_slots_take(struct hot_slots *table, struct mono_time now, const struct hot_slot *hot,
                    const struct cluster_id *me, const struct cluster_id *primary);
/* What is known of the slot while it is hot, else NULL; and the slot alone. */
struct hot_known *hot_slots_known(const struct hot_slots *table, struct mono_time now,
                                  uint16_t slot);
const struct hot_slot *hot_slots_find(const struct hot_slots *table, struct mono_time now,
                                      uint16_t slot);
/* Is, or was, this node a member, so that it accepts requests?  Whose the slot is then, by what was announced; else NULL. */
const struct hot_slot *hot_slots_accepted(const struct hot_slots *table, struct mono_time now,
                                          uint16_t slot);
/* Of one that is accepted: has its owner said that this node, or the one that it follows, is a member no more?  Then clients
 * are sent home.  While the owner is silent it may advertise us yet. */
bool hot_slots_sends_home(const struct hot_slots *table, struct mono_time now, uint16_t slot,
                          const struct cluster_id *me, const struct cluster_id *primary);
/* Forget what is long over. */
void hot_slots_tick(struct hot_slots *table, struct mono_time now);
const struct hot_member *hot_slot_member(const struct hot_slot *hot, const struct cluster_id *node);
size_t hot_slot_ready_count(const struct hot_slot *hot);

#endif
