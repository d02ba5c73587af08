/* SPDX-License-Identifier: MIT */
/* The cluster core: who is there, who owns which slots, who may serve, who takes over.
 *
 * A pure state machine: time and events come in, actions go out as data (actions.h).  It sees
 * no socket, no file, no clock; the same events in the same order give the same actions.
 *
 * Rules that everything here keeps:
 * (1) Identity is the node id.  Addresses are learned, gossiped and replaced.
 * (2) Who is primary of a shard, with which slots, is a record that the council agrees on
 *     (council/council.h).  The table of nodes follows it; what nodes say of themselves is news of it.
 * (3) A primary serves only under a lease that the council grants, only the slots of its agreed record, and only
 *     with complete data.
 * (4) A primary ends its lease before it proposes that another one shall be primary; a replica proposes itself when
 *     the council has promised it the record, which is when the primary's lease is over.
 * (5) Who takes over has asked the other replicas that can be reached what they have, after that lease was over.
 * (6) Of two claims to a slot the one with the greater config epoch is the newer.
 *
 * Related headers: actions.h (what comes out), admin.h (CLUSTER subcommands that change
 * something), report.h (those that tell), route.h (may we serve this), frame.h (the bus).
 *
 * Owns everything inside; borrows nothing beyond a call.  One thread at a time. */
#ifndef STARLING_CLUSTER_CLUSTER_H
#define STARLING_CLUSTER_CLUSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/errmsg.h"
#include "base/history.h"
#include "base/lineage.h"
#include "cluster/actions.h"
#include "cluster/identity.h"
#include "council/shard_sync.h"

enum {
    CLUSTER_NODE_TIMEOUT_MIN_MS = 50,
    CLUSTER_NODE_TIMEOUT_MAX_MS = 10 * 60 * 1000,
    CLUSTER_MANUAL_TIMEOUT_MS = 5000,            /* CLUSTER FAILOVER gives up */
    CLUSTER_MANUAL_PAUSE_MS = 10000,             /* longest pause of writes for it */
    CLUSTER_OFFER_MS = 2000,                     /* a primary that ends waits for an heir */
    CLUSTER_FORGOTTEN_MS = 7 * 24 * 3600 * 1000, /* CLUSTER FORGET is remembered */
};

/* Which address of a node clients are told. */
enum cluster_endpoint_type {
    CLUSTER_ENDPOINT_IP,
    CLUSTER_ENDPOINT_HOSTNAME, /* "?" when a node has none */
    CLUSTER_ENDPOINT_UNKNOWN,  /* empty: the host that the client is connected to */
};

/* What CONFIG SET can change. */
struct cluster_settings {
    const char *announce_ip;       /* "" or NULL: learned from other nodes */
    const char *announce_hostname; /* "" or NULL: none */
    const char *seeds;             /* "" or NULL: none; else as seeds.h has it */
    uint16_t port;                 /* as announced */
    uint16_t bus_port;
    int64_t node_timeout_ms;      /* the same on all nodes */
    struct bytes secret;          /* empty: links are not authenticated */
    struct bytes previous_secret; /* accepted from others as well, if not empty */
    bool require_full_coverage;
    bool allow_reads_when_down;
    bool replica_no_failover;
    bool is_arbiter;                 /* a seat in the council, and neither slots nor a primary */
    bool allow_migration;            /* our replica may move to a primary without one, */
    int64_t migration_barrier;       /* if its own keeps so many */
    int64_t replica_validity_factor; /* 0: data is never too old */
    int64_t replica_ping_period_ms;  /* repl-ping-replica-period, part of the data age limit */
    int64_t sync_replicas;           /* as primary: replies wait for so many; 0: for nobody */
    enum cluster_endpoint_type preferred_endpoint;
};

#define CLUSTER_SETTINGS_DEFAULT                                                                   \
    ((struct cluster_settings){.port = 6379,                                                       \
                               .bus_port = 16379,                                                  \
                               .node_timeout_ms = 1000,                                            \
                               .require_full_coverage = true,                                      \
                               .allow_migration = true,                                            \
                               .migration_barrier = 1,                                             \
                               .replica_validity_factor = 10,                                      \
                               .replica_ping_period_ms = 10000})

struct cluster_options {
    struct cluster_settings settings; /* texts are copied */
    const char *node_id;              /* 40 hex, or NULL: made from the seed.  A nodes file wins */
    uint64_t seed;                    /* from the kernel, unless in a test */
    struct bytes nodes_file;          /* empty: a node that was never in a cluster */
};

/* What a primary sees of one of its replicas, by whose word replies leave (sync_set.h). */
enum cluster_sync_state {
    CLUSTER_SYNC_IN_STEP, /* at this moment it has everything that was ever let go */
    CLUSTER_SYNC_LATE,    /* it has not answered for sync-timeout */
    CLUSTER_SYNC_GONE,    /* for so long that replies that waited for it were given up */
};

struct cluster_sync_fact {
    struct shard_sync_member member;
    enum cluster_sync_state state;
};

/* What this node knows of its own data and its replication link. */
struct cluster_status {
    struct history_id history;
    struct lineage lineage; /* the histories that it has grown from */
    uint64_t offset;        /* of the end of our log */
    bool is_loading;        /* a file or a snapshot: what there is so far is not to be served */
    /* The node knows its data to be whole: it followed a primary, never had any, or was told so
     * (CLUSTER_ACTION_DATA_COMPLETE).  Else this machine judges (data.h).  Without complete data a
     * replica is never promoted, and a primary holds no lease, and its replicas take over with its
     * agreement; it should refuse to synchronise replicas meanwhile. */
    bool is_data_complete;
    /* Which of the slots on the move have keys here, a bit each; NULL: none.  Borrowed for the step. */
    const uint64_t *filled_slots;
    /* Of a replica: is its link to the primary up, and if not, since when; and was it up before? */
    bool is_link_up;
    struct mono_time link_down_since;
    bool is_link_broken;
    /* It has not followed its primary since it started: its data are as they were then. */
    bool is_from_disk;
    struct mono_time data_as_of;
    uint64_t memory; /* another number whenever what was here is not any more: shard_sync.h */
    /* Of a primary: what there is to say of its replicas, and whether replies wait for them. */
    struct cluster_sync_fact sync_facts[SHARD_SYNC_MAX];
    size_t sync_fact_count;
    bool holds_replies;
    bool lends_copies; /* other nodes may serve what is in our slots (copies/lender.h) */
};

enum cluster_event_type {
    CLUSTER_EVENT_TICK,
    CLUSTER_EVENT_LINK_UP,         /* link (outgoing), peer_ip: the address it was reached at */
    CLUSTER_EVENT_LINK_DOWN,       /* link (outgoing), reason: could not connect, or broke */
    CLUSTER_EVENT_FRAME,           /* link, frame, peer_ip, local_ip: one whole frame */
    CLUSTER_EVENT_INCOMING_CLOSED, /* link (incoming) */
    CLUSTER_EVENT_FILE_WRITTEN,    /* sequence: this nodes file, or a newer one, is on disk */
    CLUSTER_EVENT_FILE_FAILED,     /* sequence: it is not; it will be asked for again */
    CLUSTER_EVENT_STATUS,          /* status: at start, at each change of role, history or link
                                      state, and before ticks so that offsets are fresh */
};

struct cluster_event {
    enum cluster_event_type type;
    struct cluster_link link;
    struct bytes frame;
    const char *peer_ip;  /* may be NULL */
    const char *local_ip; /* may be NULL: our side of the connection */
    const char *reason;
    uint64_t sequence;
    const struct cluster_status *status;
};

struct cluster;

/* NULL when the nodes file is damaged or an option is wrong; error then says what, with the
 * number of the line.  Call cluster_step with a tick directly afterwards. */
MUST_USE struct cluster *cluster_new(const struct cluster_options *options, struct mono_time now,
                                     struct errmsg *error);
void cluster_free(struct cluster *cluster);
/* Takes effect with the next step, which should follow directly.  False, and nothing changed,
 * when a setting is wrong. */
MUST_USE bool cluster_configure(struct cluster *cluster, const struct cluster_settings *settings,
                                struct errmsg *error);

/* Has a node that is known proven itself on the incoming link? */
bool cluster_link_is_proven(const struct cluster *cluster, uint32_t number);
/* The one door.  Appends to actions and sets actions->wake_at. */
void cluster_step(struct cluster *cluster, struct mono_time now, const struct cluster_event *event,
                  struct actions *actions);

/* May this node, at exactly this time, answer for its slots as their primary?  Always false of a
 * replica and of a node without slots. */
bool cluster_has_lease(const struct cluster *cluster, struct mono_time now);
/* The same, also of one that has no slots any more, since it has given the last of them away: what it said while it had them
 * may be told. */
bool cluster_lease_lasts(const struct cluster *cluster, struct mono_time now);
/* Until when, as it is known now; 0 without one. */
struct mono_time cluster_lease_end(const struct cluster *cluster, struct mono_time now);
/* The nodes file as it should be on disk. */
void cluster_format_file(const struct cluster *cluster, struct buf *out);

const struct cluster_id *cluster_my_id(const struct cluster *cluster);
/* Of a replica: its primary's; none of a primary. */
const struct cluster_id *cluster_my_primary_id(const struct cluster *cluster);
bool cluster_is_replica(const struct cluster *cluster);
/* Is one of our replicas about to take over at our word, or has it just done so and does not serve yet? */
bool cluster_is_handing_over(const struct cluster *cluster);
/* Has this node a replica that has not failed, be it that it has not said yet what it has? */
bool cluster_may_have_heir(const struct cluster *cluster);
/* A replica that is to take over goes by the next status: report it as soon as the offset has moved. */
bool cluster_awaits_offset(const struct cluster *cluster);
/* Is this node alone the council, so that nobody can serve without it? */
bool cluster_is_whole_council(const struct cluster *cluster);
/* Are slots of ours, or all of them, about to be another node's?  That is proposed when nothing is lent any more. */
bool cluster_wants_copies_back(const struct cluster *cluster);
/* For how long from exactly this time the lease goes on; 0 without one. */
int64_t cluster_lease_left_ms(const struct cluster *cluster, struct mono_time now);
/* Whose the slot is, NULL for nobody's. */
const struct cluster_id *cluster_slot_owner(const struct cluster *cluster, uint16_t slot);
/* cluster_state:ok.  Of a primary with slots: would a request to them be served at exactly this
 * time?  cluster_route asks the same. */
bool cluster_is_ok(const struct cluster *cluster, struct mono_time now);
/* Does this node own any slot (as a primary)? */
bool cluster_has_slots(const struct cluster *cluster);
/* Does this node own the slot (as a primary)? */
bool cluster_owns_slot(const struct cluster *cluster, uint16_t slot);
/* Or the primary that this node follows? */
bool cluster_shard_owns_slot(const struct cluster *cluster, uint16_t slot);
/* Did another node take the slot from this one, so that its keys here are to go?  Not of a slot that
 * an operator took off the map: its keys stay, for whoever has a use for them. */
bool cluster_lost_slot(const struct cluster *cluster, uint16_t slot);
/* No slot of which that is said has a key here any more: they may come back. */
void cluster_note_cleaned(struct cluster *cluster);

/* By whose word replies of this primary leave. */
struct cluster_sync_view {
    struct shard_sync agreed;                         /* required is 0: by nobody's */
    struct shard_sync_member joining[SHARD_SYNC_MAX]; /* theirs are needed, too */
    size_t joining_count;
    bool is_settled;  /* what is agreed is on our disk, and all of it count: else nothing leaves */
    bool is_wanted;   /* there is to be such a set */
    uint64_t changes; /* proposed so far */
};
/* Is there anything to be seen in it? */
bool cluster_has_sync(const struct cluster *cluster);
void cluster_sync_view(const struct cluster *cluster, struct cluster_sync_view *out);
/* The number that this life of the node is told by: its memories are counted from there. */
uint64_t cluster_my_start(const struct cluster *cluster);

/* The next slot on the move from *index on, which is counted on; false: no more. */
bool cluster_next_move(const struct cluster *cluster, size_t *index, uint16_t *slot);

/* Assert every invariant; O(slots + nodes). */
void cluster_check(const struct cluster *cluster);

#endif
