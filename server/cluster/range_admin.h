/* SPDX-License-Identifier: MIT */
/* What the node asks of the core about ranges of slots on the move (ranges.h), and what it is told of them.
 *
 * Calls are like those of admin.h: true when it was done, else false with call->error. */
#ifndef STARLING_CLUSTER_RANGE_ADMIN_H
#define STARLING_CLUSTER_RANGE_ADMIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "cluster/admin.h"
#include "council/shard_ranges.h"

/* Slots as a set: bitset of SLOT_COUNT bits. */

/* As the receiver: have them fetched from the one shard whose they are.  *out_id: of the new move. */
MUST_USE bool cluster_import_slots(struct cluster *cluster, struct cluster_call *call,
                                   const uint64_t *slots, struct cluster_id *out_id);
/* As the source: ask the shard of node id to fetch them.  It is not asked before cluster_begin_exports, so that several are begun,
 * or, with cluster_drop_export, none, in one step: what a step has proposed cannot be taken back. */
MUST_USE bool cluster_export_slots(struct cluster *cluster, struct cluster_call *call,
                                   const uint64_t *slots, struct bytes id,
                                   struct cluster_id *out_id);
void cluster_begin_exports(struct cluster *cluster, struct cluster_call *call);
void cluster_drop_export(struct cluster *cluster, const struct cluster_id *id);
/* Of an import whose staged keys are gone, or of an export that was not given yet: it is over. */
MUST_USE bool cluster_end_range(struct cluster *cluster, struct cluster_call *call,
                                const struct cluster_id *id);
/* Of a move that was given, agreed as such, to a shard of which no node is left, and that it has not taken, as far as is known: the slots
 * are ours again, with the keys that are here still, as soon as that is agreed.  They stay the other shard's when it had them after all. */
MUST_USE bool cluster_take_back_range(struct cluster *cluster, struct cluster_call *call,
                                      const struct cluster_id *id);
/* As the source: these slots, all ours, are the other shard's from now on, which has their keys. */
MUST_USE bool cluster_give_range(struct cluster *cluster, struct cluster_call *call,
                                 const struct shard_range *range);
/* Could they be given to that node's shard?  *out is the move as it would be given. */
MUST_USE bool cluster_check_giving(const struct cluster *cluster, struct cluster_call *call,
                                   const struct cluster_id *id, const struct cluster_id *taker,
                                   const uint64_t *slots, struct shard_range *out);

/* What the other side's agreed record says of the move. */
enum cluster_range_word {
    CLUSTER_RANGE_UNKNOWN, /* nothing is known of that record */
    CLUSTER_RANGE_ABSENT,
    CLUSTER_RANGE_ASKED_FOR, /* OUT */
    CLUSTER_RANGE_GIVEN,
};

struct cluster_range_view {
    const struct shard_range *range; /* valid until the next step */
    bool is_agreed;                  /* it stands so in our agreed record */
    enum cluster_range_word word;
    bool is_peer_known;
    bool is_peer_down;      /* it is not known, or has failed */
    struct cluster_id peer; /* who is primary of the other shard now, */
    char host[256];         /* where clients find it, */
    uint16_t port;
};
size_t cluster_range_count(const struct cluster *cluster);
void cluster_range_at(const struct cluster *cluster, size_t index, struct cluster_range_view *out);
/* Has the move been given, as the source? */
bool cluster_has_given(const struct cluster *cluster, const struct cluster_id *id);
/* Under the lease, so that our record is the newest: does it have the move no more?  Then whoever takes over does not find it. */
bool cluster_has_ended(const struct cluster *cluster, const struct cluster_id *id);
/* Are keys being staged here, or about to be? */
bool cluster_is_importing(const struct cluster *cluster);
/* Slots whose keys here are for nobody to see: of moves that come in, and that were given.  *out is all zero before. */
void cluster_hidden_slots(const struct cluster *cluster, uint64_t *out);
/* Slots of moves that were given: the core is to know whether keys of them are here.  False: there are none. */
bool cluster_given_slots(const struct cluster *cluster, uint64_t *out);
/* Is anybody kept waiting for slots that change hands? */
bool cluster_awaits_slots(const struct cluster *cluster, struct mono_time now);

#endif
