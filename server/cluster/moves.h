/* SPDX-License-Identifier: MIT */
/* Slots that go from one primary to another, as CLUSTER SETSLOT says.
 *
 * A slot stands in one record only, so it goes in two steps, each agreed by itself:
 *
 *     source's record                  target's record
 *     has the slot, OUT to target      IN from source        keys go one by one
 *     has the slot, OUT to target      TAKE from source      SETSLOT NODE at the target
 *     OUT to target                    TAKE from source      no key is left: the source gives it up
 *     OUT to target                    has the slot          the target takes it
 *     -                                has the slot          with the source's next change, or a node timeout later
 *
 * The source gives up a slot of which it has no key, and then to the shard that its record names alone; the target takes
 * what was given to it, whether or not it was told.  So it is the same whom a tool tells first, and whoever starts anew, or takes
 * over in between, goes on from the records.  While nobody has the slot, clients are served all the same: the source
 * answers ASK, the target serves who asks (route.h).
 *
 * A move names a node; when that one was replaced, its shard's primary is meant, and named as soon as that is heard. */
#ifndef STARLING_CLUSTER_MOVES_H
#define STARLING_CLUSTER_MOVES_H

#include "cluster/state.h"
#include "council/shard_record.h"

/* Whom the slot goes to or comes from now, or NULL. */
struct cluster_node *moves_peer(const struct cluster *c, const struct slot_move *move);
/* Our moves, for our record. */
void moves_put(const struct cluster *c, struct shard_record *record);
/* Does our record say what we do?  It may still name what we gave, and what has arrived. */
bool moves_are_agreed(const struct cluster *c, const struct shard_record *record);
/* Does it?  The next change leaves that out, whatever it is made for. */
bool moves_have_leftovers(const struct cluster *c, const struct shard_record *record);
/* Tell the council who gave us what our next record has: a member that has not heard of it would say that it is theirs. */
void moves_tell_givers(struct cluster *c);
/* We became primary of the shard: its moves are ours. */
void moves_adopt(struct cluster *c, const struct shard_record *record);
/* These slots go from us, at an operator's word.  Who gave them to us by hand may say so for a node timeout more: they are not taken
 * again for that. */
void moves_decline(struct cluster *c, const uint64_t slots[FRAME_SLOT_WORDS]);
/* A record is news: it may let us go on. */
void moves_note_record(struct cluster *c, const struct shard_record *record);
/* Of which of the slots on the move are keys here?  NULL: of none. */
void moves_note_keys(struct cluster *c, const uint64_t *filled);
/* Give and take what is due. */
void moves_tick(struct cluster *c);
/* Begin to give the slot up: its owner is us and its last key is gone. */
void moves_give(struct cluster *c, uint16_t slot, struct cluster_node *taker);
/* Ours from now on, as soon as that is agreed; its source is still told to clients that do not ask. */
void moves_take(struct cluster *c, uint16_t slot, const struct cluster_node *giver);
/* A slot that was given to another shard, which has not taken it yet, as far as we know. */
struct slot_giving {
    const struct cluster_node *giver; /* the primary of who gave it, perhaps we */
    bool is_by_hand;                  /* by SETSLOT, else in a range */
    bool is_taker_gone;               /* no node of that shard is left */
};
/* False: the owner that the table names has not given it, and neither have we. */
bool moves_find_giving(const struct cluster *c, uint16_t slot, struct slot_giving *out);
/* Is the slot in the agreed record of another shard, as far as we know? */
bool moves_is_claimed(const struct cluster *c, uint16_t slot);

#endif
