/* SPDX-License-Identifier: MIT */
/* The inside of struct cluster, for the files of this room alone.
 *
 * During a step `now` and `out` are set; outside of one `out` is NULL.  Decisions only note what
 * has to go out (is_file_dirty, is_routing_changed, ...); cluster.c emits it once at the end.
 *
 * Invariants:  (1) nodes.items[0] is me, never in handshake
 *              (2) owner[s] is NULL or a known primary; its slots has the bit s; slot_count counts
 *              (3) a replica owns no slot
 *              (4) config_epoch never exceeds current_epoch (of me)
 *              (5) a frame leaves only when file_written >= hold_sequence */
#ifndef STARLING_CLUSTER_STATE_H
#define STARLING_CLUSTER_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/hashtable.h"
#include "base/history.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/vec.h"
#include "cluster/actions.h"
#include "cluster/cluster.h"
#include "cluster/frame.h"
#include "cluster/partial.h"
#include "cluster/proof.h"
#include "cluster/report.h"
#include "council/shard_lineage.h"
#include "spec/slot.h"

#define MONO_LONG_AGO ((struct mono_time){.us = INT64_MIN / 4})

enum {
    CLUSTER_PINGS_PER_TICK = 128,
    CLUSTER_FOREIGN_MAX = 32,
    CLUSTER_SEEDS_MAX = 16,
};

enum link_phase {
    LINK_CLOSED,
    LINK_OPENING,
    LINK_PROVING, /* connected; not known yet to whom */
    LINK_UP,
};

struct failure_report {
    struct cluster_id reporter;
    struct mono_time at;
};

/* The newest frame of a node that was heeded. */
struct last_heard {
    uint64_t start;
    uint64_t sequence;
};

/* Which of the starts of a node is heeded: starts.h. */
struct node_starts {
    uint64_t since_turn; /* the last challenge before it was */
    uint64_t other;      /* the one that was heeded before, or that is not: 0, none */
    struct cluster_address other_address;
    bool is_twice; /* both were alive at the same time */
    struct mono_time heard_at;
    struct mono_time told_at;
};

struct cluster_node {
    /* What each tick looks at, of each of perhaps a thousand nodes, side by side: heartbeats, failure, the link from us to it. */
    enum link_phase link;
    struct mono_time link_changed_at;
    struct mono_time link_retry_at;
    bool is_in_handshake;
    bool is_to_meet; /* greet with MEET instead of PING */
    bool is_seed;    /* in handshake: to find out who is there, and only that (seeds.h) */
    bool has_met;    /* it greeted us so */
    bool is_unmet;   /* that could not be done so far, and was logged */
    bool has_answered;
    bool is_failing;
    bool is_failed;
    struct mono_time known_since;
    struct mono_time next_ping_at;
    struct mono_time unanswered_since; /* MONO_NEVER: nothing is awaited */
    struct mono_time pong_at;          /* MONO_LONG_AGO: never */
    struct mono_time failed_at;
    struct mono_time silent_since; /* it cannot be reached; MONO_NEVER: it can */
    /* Of our shard's record, as it was told last on this link, in the council that the node says it follows. */
    uint64_t told_version;

    struct hashtable_node by_id;
    struct hashtable_node by_number;
    uint32_t number;
    struct cluster_id id;
    struct cluster_id shard;
    struct cluster_id primary; /* none of a primary */
    struct cluster_address address;
    bool is_named_by_itself; /* its hostname is what it announces, else one given to MEET */
    uint64_t admission;      /* times it was let in after it had been forgotten */
    uint64_t config_epoch;
    uint64_t slots[FRAME_SLOT_WORDS];
    uint32_t slot_count;

    /* As it said about itself. */
    struct shard_data data;
    bool is_loading;
    bool is_complete;
    bool is_eligible;
    bool is_no_failover;
    bool is_arbiter;
    uint64_t serving_epoch; /* of a primary that has its lease: its config epoch; else 0 */
    struct last_heard heard;
    size_t replica_count;      /* of a primary: those that work, as was seen last */
    struct mono_time heard_at; /* its last frame */
    bool has_claimed;          /* it has named its slots, and they are those that we know */

    /* The link from us to it, further. */
    bool
        is_ip_next; /* connect to its ip, else to its hostname: in turn, since either may mislead */
    struct proof proof;
    uint64_t proof_turn; /* which challenge it was */
    struct node_starts starts;
    struct partial partial;
    uint64_t told_claim; /* what we own, as it was told last on this link */

    VEC(struct failure_report) reports;

    struct council_hint hint;        /* of which council it is, as it says */
    int64_t answered_us;             /* our clock when we sent what it has answered last */
    struct mono_time orphaned_since; /* slots and no replica; MONO_NEVER: it is not so */
};

struct incoming_link {
    struct hashtable_node by_number;
    uint32_t number;
    uint32_t node_number; /* who is at the other end, 0 until known */
    struct mono_time created_at;
    struct proof proof;
    uint64_t proof_turn;
};

/* Where nodes of another version of the bus are, so that each is named once. */
struct foreign_version {
    char host[CLUSTER_HOSTNAME_SIZE];
    uint8_t version;
};

struct slot_move {
    uint16_t slot;
    bool is_import;
    bool is_taking;         /* an import: its owner is to give the slot up */
    bool is_emptied;        /* one that goes: no key of it is left here, and none can come */
    struct mono_time until; /* of one that is taken: then it is not any more */
    struct cluster_id peer;
};

/* A slot that was given to us by hand, and went from us since: it is not taken again because the giver's record still says so. */
struct declined {
    uint16_t slot;
    struct cluster_id shard; /* the giver's, */
    uint64_t version;        /* and of its record */
};

/* A node that an operator removed: forgotten.h. */
struct forgotten {
    struct cluster_id id;
    uint64_t admission; /* the next one's number */
    bool is_admitted;   /* another node let it in with that number: it may be learned again */
    struct mono_time until;
    struct mono_time told_at;
    struct last_heard heard; /* when it was removed here: its again when it returns */
};

enum takeover_phase {
    TAKEOVER_IDLE,
    TAKEOVER_WAITING,   /* for its turn */
    TAKEOVER_PREPARING, /* the council promises us the shard's record */
    TAKEOVER_ASKING,    /* the other replicas what they have */
    TAKEOVER_AGREEING,  /* the council accepts us as its primary */
};

/* A replica in place of its primary: takeover.h. */
struct takeover {
    enum takeover_phase phase;
    bool is_forced;
    bool goes_before_better; /* TAKEOVER: whatever other replicas have */
    bool is_told;            /* that it has to wait: once is enough */
    unsigned rank;
    int64_t asked_us;          /* since when the other replicas are asked */
    struct mono_time at;       /* begin when WAITING, stop waiting for answers when ASKING */
    struct mono_time deadline; /* of one that an operator wants */
    struct mono_time
        taken_since; /* slots are agreed to be another shard's, too; 0: not that we know */
};

/* Changes of our own shard's record, as its primary: shard.h. */
struct own_change {
    bool is_proposed;
    bool is_put;                   /* what was put last may still be agreed, or be so half */
    struct mono_time at;           /* not before */
    uint64_t epoch;                /* a greater config epoch is wanted: this one; 0: none */
    struct mono_time holders_at;   /* other holders are no reason before */
    struct mono_time leftovers_at; /* nor moves in our record that are over */
    struct cluster_id heir;        /* whom the shard is to be handed to, or none */
    struct mono_time ask_at;       /* a replica without a primary asks what was agreed, */
    struct mono_time ask_until;    /* a primary without a record often until then, */
    struct cluster_id council;     /* when it has come to this one */
    struct cluster_id awaited;     /* the last unknown primary that was told of */
    struct mono_time
        taken_since; /* slots of ours are another shard's; MONO_NEVER: not that we know */
    struct cluster_id taken_by; /* the last try: this shard has some of them; or none */
    bool is_keeper_taken; /* what a shard that is to let go for us keeps is another one's, too */
    struct cluster_id
        back_from; /* the shard that is gone, and what we had given to it is ours again; or none */
};

/* A nodes file on its way to the disk, and how many changes of the council are in it. */
struct council_file {
    uint64_t sequence;
    uint64_t changes;
    struct cluster_id shard; /* ours, */
    uint64_t version;        /* and of its record, of which we are the primary; 0: none */
};

/* A replica that is to be in the in-sync set of our shard: sync_set.h. */
struct sync_joiner {
    struct shard_sync_member member;
    bool is_put; /* into a record: that may be agreed, whatever we heard */
};

struct sync_state {
    struct sync_joiner joiners[SHARD_SYNC_MAX];
    size_t joiner_count;
    struct cluster_id saved_shard; /* our record that is on our disk */
    uint64_t saved_version;
    bool is_overruled; /* an operator takes what is here for all that there is */
    uint64_t changes;
};

enum data_verdict {
    DATA_UNKNOWN, /* no status has come yet */
    DATA_LOADING,
    DATA_WHOLE,
    DATA_FOREIGN,           /* a replica's, of another history than was agreed for its shard */
    DATA_STALE,             /* a replica that has not caught up since it started */
    DATA_MORE_THAN_PRIMARY, /* a replica that has, but its primary has even less */
    DATA_BEHIND,
    DATA_REPLICA_UNHEARD,
    DATA_NODE_UNHEARD,
    DATA_UNDISPUTED, /* a primary's: nobody has more */
    DATA_GIVEN_UP,   /* a primary's: a replica has more, and does not take over */
};

/* What we think of our own data: data.h. */
struct own_data {
    enum data_verdict verdict;
    bool is_complete;
};

enum manual_phase {
    MANUAL_IDLE,
    MANUAL_ASKED,        /* replica: the primary was asked to pause */
    MANUAL_CATCHING_UP,  /* replica: the primary paused at `offset` */
    MANUAL_READY,        /* replica: everything is here; the primary is told */
    MANUAL_PAUSING,      /* primary: the pause was ordered */
    MANUAL_PAUSED,       /* primary: writes stand still at status.offset */
    MANUAL_HANDING_OVER, /* primary: the replica is to be agreed on */
    MANUAL_HANDED_OVER,  /* replica: it was primary; its heir is to serve */
};

struct manual {
    enum manual_phase phase;
    bool is_offered; /* replica: it has not asked for it */
    bool was_outbid; /* primary: its first proposal */
    struct cluster_id peer;
    uint64_t offset;
    struct mono_time deadline;
    struct mono_time resend_at;
};

enum {
    DECLINED_MAX = 128,
    RANGES_ENDED_MAX =
        16, /* moves that ended here are remembered, so that none begins again at once */
};

struct seed_list {
    struct cluster_address items[CLUSTER_SEEDS_MAX];
    size_t count;
};

struct cluster_config {
    char announce_ip[CLUSTER_IP_SIZE];
    char announce_hostname[CLUSTER_HOSTNAME_SIZE];
    int64_t node_timeout_ms;
    bool require_full_coverage;
    bool allow_reads_when_down;
    bool replica_no_failover;
    bool is_arbiter;
    bool allow_migration;
    int64_t migration_barrier;
    int64_t replica_validity_factor;
    int64_t replica_ping_period_ms;
    int64_t sync_replicas;
    enum cluster_endpoint_type preferred_endpoint;
};

struct cluster {
    struct cluster_config config;
    struct buf secret;
    struct buf previous_secret;
    bool is_secret_changed; /* links that are proven otherwise are to be proven again */
    struct rng rng;
    uint64_t start;    /* drawn at random: this life of ours */
    uint64_t sequence; /* of the last frame sent */
    uint64_t
        turn; /* challenges so far: of what was proven by a later one it is known when that was */
    struct foreign_version foreign[CLUSTER_FOREIGN_MAX];
    size_t foreign_count;      /* in all; the newest are kept */
    struct mono_time twice_at; /* we were told last that another one runs as us */

    struct mono_time now;
    struct actions *out;
    struct buf frame_bytes;   /* scratch */
    struct buf body_bytes;    /* scratch: the body of the frame that is filled */
    struct buf message_bytes; /* scratch: a whole message */
    uint64_t message_number;  /* of the last one that was sent */
    size_t partial_bytes;     /* of messages that have come in part, of all nodes, */
    uint64_t partial_turn;    /* and how many parts that was */
    struct buf prepared;      /* by bus_prepare_message, without a seal, and what it is */
    enum frame_type prepared_type;

    struct mono_time started_at;
    struct mono_time stepped_at;
    struct mono_time next_tick_at;
    bool is_started; /* the first step was made */
    bool is_tick_wanted;
    bool is_status_wanted; /* at once: whether keys are left of a slot that is to be given up */

    struct cluster_node *me;
    VEC(struct cluster_node *) nodes;
    VEC(struct cluster_node *) ailing; /* of them: those that are failing or have failed */
    struct hashtable by_id;
    struct hashtable by_number;
    uint32_t last_number;
    size_t ping_cursor;
    size_t turn_cursor;
    struct mono_time turn_at; /* the next of those that are greeted in turn: pace.h */
    size_t gossip_cursor;
    struct hashtable incoming;
    VEC(struct forgotten) forgotten;

    struct cluster_node *owner[SLOT_COUNT];
    uint64_t disowned[FRAME_SLOT_WORDS]; /* bound to an owner that no longer claims them */
    uint64_t ceded[FRAME_SLOT_WORDS];  /* left to its owner at that one's word: slots_keep_agreed */
    uint64_t lost[FRAME_SLOT_WORDS];   /* went from us to another node: their keys go, too */
    uint64_t moving[FRAME_SLOT_WORDS]; /* has an entry in moves */
    VEC(struct slot_move) moves;
    struct declined declined[DECLINED_MAX]; /* a ring */
    size_t declined_next;
    uint32_t assigned_count;

    /* Ranges of slots that move by themselves: ranges.h. */
    struct shard_ranges ranges;
    struct mono_time
        ranges_adopted_at; /* from our record: others' may not be known yet as they are */
    bool are_ranges_known; /* since this start, or since we became primary */
    bool
        are_ranges_recalled; /* since this start: from the record in the nodes file, perhaps not the newest */
    struct cluster_id emptied[SHARD_RANGES_MAX]; /* those of which no key is here */
    size_t emptied_count;
    struct cluster_id ended_ranges[RANGES_ENDED_MAX];
    size_t ended_next;
    uint64_t taken[FRAME_SLOT_WORDS]; /* ours as soon as that is agreed */
    bool has_taken;
    struct mono_time await_until;   /* who asks for slots that change hands waits till then */
    struct mono_time take_again_at; /* what was given to us is not taken before */

    uint64_t current_epoch;
    uint64_t own_slots_hash; /* 0: to be taken anew */

    struct council *council;
    uint64_t council_changes;               /* of those that were asked to be saved */
    VEC(struct council_file) council_files; /* oldest first */
    struct own_change own;
    struct sync_state sync;
    struct takeover takeover;
    struct mono_time doubted_at;         /* records that stand against a claim were asked for */
    struct mono_time orphans_at;         /* primaries without a replica are looked for then */
    struct mono_time primary_gone_since; /* the one we follow is not known; MONO_NEVER: it is */
    bool is_record_pending; /* the record of our shard names a node that we do not know yet */

    struct cluster_status status;
    bool has_status;
    struct own_data data;

    struct seed_list seeds;
    struct mono_time seeds_at; /* to be asked then; MONO_NEVER: most nodes are heard */

    bool is_file_dirty;
    struct mono_time file_due_at; /* of one that is: not before */
    uint64_t file_sequence;
    uint64_t file_written;
    uint64_t file_reported; /* the last of which it is known what came of it */
    uint64_t hold_sequence; /* no frame and no lease before this file is on disk */
    struct mono_time file_retry_at;

    bool is_routing_changed;
    bool loses_slots;
    bool is_giving; /* slots of ours are about to be another node's: nothing is to be lent */
    bool is_follow_due;
    bool is_promotion_due; /* BECOME_PRIMARY once the file is written */
    bool drops_data;
    bool doubts_data; /* until then: who made us primary did not go by the data of this start */

    bool is_map_ok; /* slots are covered as configured, a majority can be reached */
    bool was_ok;    /* as told last: cluster_is_ok */
    bool had_majority;
    bool has_formed;            /* its council had as many seats once as it should have */
    struct mono_time rejoin_at; /* not ok before: we were in a minority */
    bool is_covered;            /* each slot has an owner that has not failed */
    uint32_t covered_count;     /* slots that have one of whatever kind */
    struct mono_time cover_changed_at;

    bool
        is_record_ours; /* the agreed record of our shard has us as primary, in the history we write */
    bool is_record_served; /* the same, and there is something to serve */
    uint64_t
        agreed[FRAME_SLOT_WORDS]; /* its slots: no others are served; none while it is not ours */
    bool had_lease;
    struct mono_time
        lease_awaited_until; /* by clients, of who has just taken over; 0: they do not wait */
    struct mono_time refusal_logged_at;

    struct manual manual;

    uint64_t sent[FRAME_TYPE_END];
    uint64_t received[FRAME_TYPE_END];
    struct cluster_stats stats;
};

#endif
