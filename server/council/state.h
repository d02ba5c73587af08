/* SPDX-License-Identifier: MIT */
/* The inside of struct council, for the files of this room alone.
 *
 * Each part belongs to one file, which alone changes it:
 *
 *     records    record_table.c   what is known of each record, and what a member said of it
 *     member     member.c         answers to others
 *     proposals  proposal.c       our own changes
 *     lease      own_lease.c      what others promised us
 *     reseat     reseat.c         changes of the seats
 *     post       post.c           messages and news on their way out
 *
 * tell.c and settling.c have no part of their own: what is said of records and seats, and whether the council is one to stay
 * with.  learn.c changes the seats.
 *
 * Invariants:  (1) changes counts up when anything of council_format changes; saved never exceeds it
 *              (2) a message leaves when what it says is saved */
#ifndef STARLING_COUNCIL_STATE_H
#define STARLING_COUNCIL_STATE_H

#include "base/hashtable.h"
#include "base/rng.h"
#include "base/vec.h"
#include "council/council.h"

#define COUNCIL_LONG_AGO ((struct mono_time){.us = INT64_MIN / 4})

enum {
    COUNCIL_ASKED_MAX = COUNCIL_SEATS_MAX + 1, /* nodes that one question goes to */
    COUNCIL_SEATS_ASKED_MAX = 16,              /* nodes that are asked for seats at a time */
    COUNCIL_CANDIDATES_MAX = 1000,
    COUNCIL_RECORDS_MAX = 4000, /* of shards that others name; those of shards that are gone stay */
};

/* Generations, versions and epochs that others name are below: beyond is no honest node's, and would leave no room
 * for the next. */
#define COUNCIL_NUMBER_MAX (UINT64_MAX / 2)

/* ---- records ------------------------------------------------------------------------------------- */

struct record_state {
    struct hashtable_node by_id;
    struct cluster_id id; /* of a shard; none: of the council itself */

    /* The newest that was agreed, as far as we have heard; of the council itself it is council.seats. */
    struct buf known;       /* encoded; empty: none */
    struct buf known_slots; /* its slots alone */
    uint64_t known_version;
    struct cluster_id known_primary;
    bool is_moving; /* it has slots or ranges on the move */
    struct ballot known_ballot;
    struct shard_record *decoded; /* for those who ask, while somebody does; else NULL */

    /* As a member.  What was accepted is as it was sent. */
    struct ballot promised;
    struct ballot accepted;
    struct buf value;
    struct buf claims; /* slots of all that may still be agreed, encoded; empty: those of known */
    uint32_t told_by;  /* in the pull that goes on, by index of pulls: a message may come twice */
    uint64_t said_change; /* the change that was the last to what is promised or accepted */

    /* As a member: whom we promised a lease, at which ballot.  Not saved. */
    struct cluster_id holder;
    struct ballot holder_ballot;
    uint64_t holder_start;
    struct mono_time promised_until;
    struct mono_time
        former_until; /* what was promised to who held it before: everybody waits for that */

    /* An operator wants this one to take over: the primary gets neither lease nor ballot meanwhile. */
    struct cluster_id forced_by;
    struct mono_time forced_until;
};

/* The records that are there decoded.  Apart, since it changes when somebody asks. */
struct record_cache {
    VEC(struct record_state *) decoded;
};

/* ---- proposals ----------------------------------------------------------------------------------- */

enum proposal_phase {
    PROPOSAL_IDLE,
    PROPOSAL_POLLING,
    PROPOSAL_PREPARING,
    PROPOSAL_READING, /* the owner is to say what the record shall be */
    PROPOSAL_ACCEPTING,
};

enum proposal_outcome {
    PROPOSAL_PENDING,
    PROPOSAL_READ,
    PROPOSAL_AGREED,
    PROPOSAL_FAILED,
};

/* A member's promise of our lease.  A node that has another seat since has forgotten it. */
struct grant {
    struct cluster_id member;
    uint64_t seat_key; /* of the seat on which it was given */
    struct mono_time until;
};

struct proposal {
    enum proposal_phase phase;
    enum proposal_outcome outcome; /* what its owner has not looked at yet */
    struct cluster_id record;
    enum council_change change;
    struct ballot ballot;
    bool is_agreed; /* value was, at this ballot: its round is ours until somebody outbids it */
    uint64_t generation; /* of the seats that are asked */
    struct seat_votes yes;
    struct seat_votes no;
    enum council_answer answer; /* why it failed */
    struct cluster_id
        taken_by;           /* the shard that has slots of it, as who refused it says; or none */
    int64_t wait_ms;        /* the shortest that a member named, or 0 */
    struct ballot accepted; /* the greatest of what was told */
    struct buf read;        /* its value */
    struct buf value;       /* what it shall be */
    struct grant grants[COUNCIL_ASKED_MAX];
    size_t grant_count;
    struct mono_time resend_at;
    struct mono_time again_at; /* of a poll: a promise that was in our way is over */
    struct mono_time deadline;
};

/* ---- the lease ----------------------------------------------------------------------------------- */

struct lease {
    struct cluster_id shard; /* none: no lease is wanted */
    struct ballot ballot; /* of the agreed record that makes us its primary; none: nothing does */
    bool is_handed_over;  /* we said that another one shall be: no grant counts any more */
    bool is_outbid;
    struct grant grants[COUNCIL_ASKED_MAX];
    size_t grant_count;
    struct mono_time end;
    struct mono_time ask_at;
    bool is_asked_seldom;
};

/* ---- changes of the seats ------------------------------------------------------------------------ */

struct pull {
    struct cluster_id from;
    int64_t sent_us;
    uint64_t told; /* records that came since */
    uint64_t all;  /* how many there are, once that came */
    bool is_all_known;
};

/* Whom we have asked for seats, and from when on again. */
struct seats_asked {
    struct cluster_id node;
    struct mono_time again_at;
};

struct reseat {
    struct council_candidate *candidates;
    size_t candidate_count;
    struct pull pulls[COUNCIL_ASKED_MAX];
    size_t pull_count;
    unsigned pull_turns;
    struct seat_votes pulled; /* previous members who have told us everything */
    struct seat_votes ready;  /* members who know everything, ourselves included */
    bool is_ready;
    uint64_t ready_change; /* the last change that this rests on */
    struct mono_time pull_at;
    struct mono_time act_at;  /* the next change may be proposed */
    unsigned failures;        /* of proposals, one after the other */
    struct mono_time ours_at; /* then all may be there, if all that we know of are of our council */
    struct mono_time quiet_at; /* then nobody of another council was heard for long */
};

/* ---- messages and news on their way out ---------------------------------------------------------- */

struct letter {
    struct cluster_id to;
    enum council_message_type type;
    struct cluster_id record;
    uint64_t after; /* changes that have to be saved first */
    struct buf bytes;
};

struct post {
    VEC(struct letter) letters; /* oldest first */
    struct buf read;            /* what was handed out last */
    VEC(struct council_news) news;
    size_t next_news;
};

struct council {
    struct cluster_id me;
    uint64_t seat_key;
    uint64_t key_change; /* the change that drew it: nobody is told of a key before it is saved */
    uint64_t start;
    struct rng rng;
    int64_t timeout_ms;
    struct mono_time now;

    struct seats seats; /* agreed, the newest that we know; none: on the way to another council */
    struct ballot seats_ballot;
    struct seats ended; /* the one that we followed before, or none */
    struct seats proposed_seats;
    bool
        has_decided; /* about another node, as a member: on disk, until we leave for another council */
    struct cluster_id going_over_to; /* whom our council's record is being changed for, or none */
    struct record_state own_record;  /* of the council */
    struct hashtable records;        /* of shards */
    struct record_cache *record_cache;
    size_t moving_count; /* of them */

    uint64_t round;          /* of the last ballot we used, or saw */
    uint64_t reserved_round; /* saved: none above it was used */
    uint64_t round_change;   /* the change that reserved it */
    int64_t longest_ms;      /* saved: no promise that may still last was longer */
    int64_t recent_ms;       /* nor any than this since recent_at */
    struct mono_time recent_at;
    uint64_t longest_change; /* the change that said so */
    struct mono_time
        forgotten_until; /* promises that we gave and do not remember may last so long */

    uint64_t changes;
    uint64_t saved;
    uint64_t seats_change; /* the last of them that changed the seats */
    struct seats_asked seats_asked[COUNCIL_SEATS_ASKED_MAX];

    struct proposal proposal;         /* of a shard's record */
    struct proposal council_proposal; /* of the council's */
    struct lease lease;
    struct reseat reseat;
    struct post post;
};

/* A promise of so many ms, asked for at sent_us, counts until then: before the member's own clock has come so far. */
static inline struct mono_time grant_end(int64_t sent_us, int64_t length_ms)
{
    return (struct mono_time){.us = sent_us + length_ms * 900};
}

/* Did this start of us ask for it?  A time of an earlier one may be ahead of our clock, and what it was promised is not ours. */
static inline bool council_is_own_grant(const struct council *c, const struct council_message *m)
{
    return m->start == c->start && m->sent_us <= c->now.us;
}

static inline void council_changed(struct council *c)
{
    c->changes++;
}

/* A part of the timeout, at least a millisecond. */
static inline int64_t council_part_ms(const struct council *c, int64_t divisor)
{
    int64_t part = c->timeout_ms / divisor;

    return part > 0 ? part : 1;
}

#endif
