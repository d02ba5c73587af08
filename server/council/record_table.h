/* SPDX-License-Identifier: MIT */
/* The records that a node knows, and what it did with them as a member.
 *
 * Invariants:  (1) a record is found by its id; that of the council is apart and has none
 *              (2) what was accepted was promised: accepted never exceeds promised
 *              (3) claims are the slots of the newest agreed record and of all accepted after it
 *              (4) what is kept decoded is what the bytes say
 *              (5) who was promised a lease was so at a ballot that is not above promised */
#ifndef STARLING_COUNCIL_RECORD_TABLE_H
#define STARLING_COUNCIL_RECORD_TABLE_H

#include "council/state.h"

/* NULL: nothing was ever heard of it. */
struct record_state *record_find(const struct council *c, const struct cluster_id *id);
/* The same, and one of which nothing is known when there is none. */
struct record_state *record_get(struct council *c, const struct cluster_id *id);
/* Start with NULL; shards only. */
struct record_state *record_next(const struct council *c, struct record_state *previous);

/* Is a value what the record should have: a shard's own record, or seats that follow ours? */
bool record_value_is_valid(const struct council *c, const struct cluster_id *record,
                           struct bytes value, struct shard_record *out);
/* As a member: no smaller ballot from now on. */
void record_promise(struct council *c, struct record_state *r, const struct ballot *ballot);
/* As a member; of a shard's record the value has been looked at.  False: another value has this ballot, which no
 * honest node does. */
MUST_USE bool record_accept(struct council *c, struct record_state *r, const struct ballot *ballot,
                            struct bytes value, const struct shard_record *shard);
/* What another member had accepted, copied for a change of seats: it says nothing against what was promised since. */
void record_copy(struct council *c, struct record_state *r, const struct ballot *accepted,
                 struct bytes value, const uint64_t *claims);
/* This was agreed.  True when it is newer than what we knew. */
bool record_learn(struct council *c, struct record_state *r, const struct ballot *ballot,
                  const struct shard_record *shard, struct bytes value);
/* The newest that was agreed, of whatever council; NULL: none.  Valid until records are tidied. */
const struct shard_record *record_known(const struct council *c, struct record_state *r);
void record_set_known(struct council *c, struct record_state *r, const struct shard_record *shard);
/* Forget what is decoded, but of this shard, when it is more than a few; NULL: all of it. */
void record_tidy(struct council *c, const struct cluster_id *but);
/* The set of slots that it claims, encoded. */
struct bytes record_claims(const struct record_state *r);
void record_set_claims(struct record_state *r, const uint64_t claims[SHARD_SLOT_WORDS]);
/* Which other shard claims one of these slots, NULL: none. */
const struct record_state *record_find_claim(const struct council *c,
                                             const struct shard_record *shard);
/* Forget what was said as a member, keep what is known. */
void record_forget_promises(struct council *c);
void record_free_all(struct council *c);
void record_check(const struct council *c);

#endif
