/* SPDX-License-Identifier: MIT */
/* The council: one to nine nodes by whose majority everything is decided that must not be decided twice, and who grant
 * the leases under which primaries serve.
 *
 * What is decided are records: one for each shard (shard_record.h), and the council's own (seats.h).  Records are
 * independent of one another; each is changed by ballots of its own (ballot.h):
 *
 *     proposer                      members of the council
 *        |-- POLL ------------------------->|   would you?  (of a take-over: nobody is disturbed in vain)
 *        |-- PREPARE, ballot -------------->|   a majority promises to heed no smaller ballot any more,
 *        |<-- PROMISE, what was accepted ---|   and tells what it accepted last: that is the record as it is
 *     the owner decides what it shall be
 *        |-- ACCEPT, ballot, value -------->|
 *        |<-- ACCEPTED ---------------------|   a majority has: it is agreed
 *        |-- LEARN ------------------------>|   everybody may know
 *
 * A primary whose change was agreed goes on in the same round (ballot.h): its next ACCEPT needs no PREPARE.
 *
 * Whatever a member says of this is on its disk first.
 *
 * A lease rests on promises: a member that answers LEASE with yes does not promise the record to anybody who would take
 * it over before length_ms have passed from when it read the question.  The primary counts the answer for 9/10 of
 * that from when it sent it: less by more than clocks drift apart in that time.  With the answers of a majority
 * it may serve.  Members judge by ballots alone: a lease is granted to whom the newest ballot they promised made primary.
 * So when a record with another primary is agreed, the lease of the one before is over, and none is granted to it again.
 *
 * Rules that everything here keeps:
 * (1) A value that a majority has accepted is never lost: every later one has grown from it.
 * (2) At no time do two nodes, or two starts of one node, hold leases for the same shard.
 * (3) A ballot is used once: rounds are reserved on disk ahead of their use.
 * (4) Promises of leases are in memory.  A member that was started anew grants none, and lets nobody take over, for as
 *     long as the longest of them lasts.  With the records they go over to new members.
 * (5) A primary that hands its record to another ends its lease before it says so.
 * (6) A node is a member by its seat and the seat's key, which it loses when it forgets what it promised.
 * (7) Every node begins as a council of its own.  One that nobody else has joined, and that has decided about nobody else, goes over
 *     to another when they meet: that with more seats, or that cannot go over itself, of equals that with the smaller id.
 *
 * A pure state machine: time, messages and what is on disk come in by calls; messages, news and the text for the disk are
 * taken out.  The messages that a call leaves behind are valid until the next call.
 *
 * Owns everything inside.  One thread at a time. */
#ifndef STARLING_COUNCIL_COUNCIL_H
#define STARLING_COUNCIL_COUNCIL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/cluster_id.h"
#include "base/errmsg.h"
#include "council/message.h"
#include "council/seats.h"
#include "council/shard_record.h"

struct council_options {
    struct cluster_id me;
    uint64_t seed;
    int64_t
        timeout_ms; /* how long promises last; the same on all nodes, or they wait for the longest */
};

struct council;

/* A node that founds a council of its own. */
MUST_USE struct council *council_new(const struct council_options *options, struct mono_time now);
void council_free(struct council *c);
void council_set_timeout(struct council *c, int64_t timeout_ms);

/* ---- the disk ------------------------------------------------------------------------------------ */

/* Lines of the nodes file, each with its end: all that has to outlive the process. */
void council_format(const struct council *c, struct buf *out);
/* One of these lines, without its end, into a council that is new.  False, with the reason, when it is wrong. */
MUST_USE bool council_parse_line(struct council *c, struct bytes line, struct errmsg *error);
/* All lines were parsed: this is a new start of a node that may have promised something. */
void council_restarted(struct council *c, struct mono_time now);
/* How many changes the text of council_format has; when it is on disk, so many are saved. */
uint64_t council_changes(const struct council *c);
/* Is there anything to be said that is not said before it is on disk? */
bool council_waits_for_disk(const struct council *c);
void council_saved(struct council *c, struct mono_time now, uint64_t changes);

/* ---- messages ------------------------------------------------------------------------------------ */

/* Of a node that is known, as the links prove; now was read after the message. */
void council_receive(struct council *c, struct mono_time now, const struct cluster_id *from,
                     struct bytes message);
/* The same, where the answer to one who would take over is to be that it waits so long, though no promise is in its way. */
void council_defer(struct council *c, struct mono_time now, const struct cluster_id *from,
                   struct bytes message, int64_t wait_ms);
/* Does the message ask for another node's place? */
bool council_is_takeover(struct bytes message);
/* Does it ask for a lease, or answer that? */
bool council_is_about_lease(struct bytes message);
void council_tick(struct council *c, struct mono_time now);
/* Tick at this time at the latest. */
struct mono_time council_wake_at(const struct council *c);
/* The next message that may leave, in the order in which they were made; false: there is none.  Valid until the
 * next call of anything but this. */
MUST_USE bool council_next_message(struct council *c, struct cluster_id *to, struct bytes *message);

/* ---- other nodes --------------------------------------------------------------------------------- */

/* What a node says of the council it knows, in heartbeats. */
enum {
    COUNCIL_HINT_STAYS =
        2, /* seats, as a council of one says that cannot go over to another any more */
};
struct council_hint {
    struct cluster_id council;
    uint64_t generation;
    uint64_t seat_key; /* 0: it was drawn anew, and is not on disk yet */
    uint8_t seat_count;
};
struct council_hint council_get_hint(const struct council *c);
void council_hear(struct council *c, struct mono_time now, const struct cluster_id *from,
                  const struct council_hint *hint);

/* Do both councils stay what they are when they meet, since each has decided about more than its founder? */
bool council_stays_apart(const struct council *c, const struct council_hint *hint);

/* The nodes that could sit in the council, ourselves included, as far as this node sees. */
struct council_candidate {
    struct cluster_id node;
    uint64_t seat_key;
    uint64_t host; /* the same for nodes of one host */
    bool is_reachable;
    bool is_gone; /* for so long that its seat should be another one's */
    bool is_primary;
};
/* Tell who there is; looked at until it is told again. */
void council_set_candidates(struct council *c, const struct council_candidate *candidates,
                            size_t count);

/* ---- records ------------------------------------------------------------------------------------- */

const struct seats *council_seats(const struct council *c);
bool council_is_member(const struct council *c);
/* How many seats a cluster of so many nodes has when it has grown. */
size_t council_seats_for(size_t nodes);
/* May the council still be another one soon, so that what it has granted would end? */
bool council_is_forming(const struct council *c);
/* At an operator's word, when a majority is gone for good: the next generations of the council are this node alone.  Should the
 * majority not be gone, both decide from now on: this gives up everything that the council promises. */
void council_seize(struct council *c, struct mono_time now);
/* The newest agreed record of the shard that this node has heard of; NULL: none.  Valid until council_tidy; a newer one comes in
 * its place. */
const struct shard_record *council_find(const struct council *c, const struct cluster_id *shard);
/* Records are kept as they are encoded, since there may be many, and decoded when somebody looks at them: nobody does any more,
 * but at that of this shard.  Some few stay decoded all the same. */
void council_tidy(struct council *c, const struct cluster_id *shard);
/* Is there any, of whatever shard, with slots or ranges on the move? */
bool council_has_moves(const struct council *c);
/* Is that so in the council that we follow?  Else it is what another one agreed before, and is to be proposed again. */
bool council_is_agreed(const struct council *c, const struct cluster_id *shard);
/* One that is so of another shard, and has one of these slots; NULL: none. */
const struct shard_record *council_find_claim(const struct council *c,
                                              const uint64_t slots[SHARD_SLOT_WORDS],
                                              const struct cluster_id *but);
/* Send a node what is known of a shard. */
void council_tell(struct council *c, struct mono_time now, const struct cluster_id *to,
                  const struct cluster_id *shard);
/* And all members. */
void council_tell_members(struct council *c, struct mono_time now, const struct cluster_id *shard);

/* Ask the members for the record of a shard: a newer one comes as COUNCIL_NEWS_RECORD. */
void council_ask(struct council *c, struct mono_time now, const struct cluster_id *shard);

enum council_change {
    COUNCIL_OWN,       /* of its primary, or of a shard without a record */
    COUNCIL_HAND_OVER, /* the same, if another one may be made primary: a majority is asked first */
    COUNCIL_TAKE_OVER, /* by another node, when the primary's lease is over */
    COUNCIL_FORCE,     /* the same, and the primary's lease is not granted again meanwhile */
};

enum council_news_type {
    COUNCIL_NEWS_RECORD, /* shard: a newer record is known */
    COUNCIL_NEWS_SEATS,  /* the council is another one, or has another generation */
    COUNCIL_NEWS_READ,   /* shard: this is the record; say now or later what it shall be.  After a
                            change of our own it is as we had it agreed, and should somebody have
                            come in between, what we say is not agreed */
    COUNCIL_NEWS_AGREED, /* shard: it is as we proposed */
    COUNCIL_NEWS_FAILED, /* shard: it is not, as far as we know: answer, wait_ms */
};

struct council_news {
    enum council_news_type type;
    struct cluster_id shard;
    enum council_answer answer;
    int64_t wait_ms;
    struct cluster_id
        taken_by; /* of COUNCIL_TAKEN: the shard that has the slots, be it that what gives it them was only accepted */
};
MUST_USE bool council_next_news(struct council *c, struct council_news *out);

/* Begin to change the record of a shard: COUNCIL_NEWS_READ or _FAILED follows.  One at a time: one that is under way is
 * given up.  After a failure it may have been agreed all the same; whoever begins again will see. */
void council_propose(struct council *c, struct mono_time now, const struct cluster_id *shard,
                     enum council_change change);
bool council_is_proposing(const struct council *c);
/* After COUNCIL_NEWS_READ: the record that was read; none, with a version of 0, when there is none yet.  False when
 * the proposal has failed meanwhile. */
MUST_USE bool council_read(const struct council *c, struct shard_record *out);
/* What it shall be: of a greater version than what was read, and than all that is known; or what was read, as it is, which may
 * be agreed by nobody yet: who does not want to change it has to say so, or it may stay half agreed.  COUNCIL_NEWS_AGREED or _FAILED follows. */
void council_put(struct council *c, struct mono_time now, const struct shard_record *record);
/* No news of it comes any more. */
void council_give_up(struct council *c);

/* ---- the lease ----------------------------------------------------------------------------------- */

/* Ask for the lease of this shard from now on, whenever its record says that we are its primary; none: of no shard. */
void council_want_lease(struct council *c, struct mono_time now, const struct cluster_id *shard);
/* In a large cluster the members have many leases to grant: ask for ours half as often. */
void council_ask_seldom(struct council *c, bool is_seldom);
/* We may serve before this time.  MONO_LONG_AGO of everybody else. */
struct mono_time council_lease_end(const struct council *c);
/* Has a member promised the record to a greater ballot that is not under way, so that it must be agreed anew (COUNCIL_OWN)? */
bool council_is_outbid(const struct council *c);
/* Did we say that another node shall be primary, and do not know that it is: so that it must be agreed anew? */
bool council_has_handed_over(const struct council *c);

void council_check(const struct council *c);

#endif
