/* SPDX-License-Identifier: MIT */
/* Several cluster cores wired together in memory: frames take a millisecond, time is stepped,
 * members can be killed, paused, cut off, moved and started again.
 *
 * After every millisecond the world asserts what must hold always: no slot is served
 * under a lease by two members at once, and the state that a member tells is what it does. */
#ifndef STARLING_TESTS_UNIT_CLUSTER_WORLD_H
#define STARLING_TESTS_UNIT_CLUSTER_WORLD_H

#include "base/buf.h"
#include "base/vec.h"
#include "cluster/admin.h"
#include "cluster/cluster.h"
#include "cluster/report.h"
#include "cluster/route.h"
#include "spec/slot.h"

enum {
/* Where moments are tried one after the other, each in a world of its own: each, or every so many under the sanitizers, where it costs
 * ten times as much. */
#ifdef __SANITIZE_ADDRESS__
    WORLD_EACH = 3,
#else
    WORLD_EACH = 1,
#endif
    WORLD_MEMBERS_MAX = 12,
    WORLD_SHARDS = 3,
    WORLD_TIMEOUT_MS = 1000,
    NOBODY = -1,
};

struct member {
    struct cluster *core;
    struct cluster_id id;
    struct actions actions;
    struct mono_time wake_at;
    char ip[CLUSTER_IP_SIZE];
    char hostname[CLUSTER_HOSTNAME_SIZE];
    char secret[32];
    char previous_secret[32];
    char seeds[64];
    int sync_replicas;
    bool is_running;
    bool is_paused;
    bool is_disk_stuck; /* files are not written until it is not */
    int side;           /* of a partition: only members of one side hear each other */
    struct buf file;    /* what is on its disk */
    struct buf file_waiting;
    uint64_t sequence_waiting;
    struct mono_time file_due_at;
    struct cluster_status status;
    int follows;       /* a member, or NOBODY: it is a primary */
    uint32_t own_slot; /* the first that was found to be its own: where the next look begins */
    bool is_write_paused;
    bool loses_data; /* its next start finds less on disk than it should have */
    bool is_frozen;  /* its offset does not follow its primary's */
    unsigned promotions;
    bool has_forked; /* promoted: its log goes on under a new history */
    unsigned state_changes;
    unsigned log_lines;
    struct buf told;     /* what it said and decided since world_listen, a line each */
    struct buf messages; /* what clients published elsewhere: "channel=message " for each, */
    unsigned sharded;    /* and how many were of its shard alone */
};

struct connection {
    int from;
    uint32_t number; /* from's number of the node it goes to */
    int to;
    uint32_t incoming; /* to's number of it */
    bool is_up;
    bool is_closed;
};

struct delivery {
    struct mono_time at;
    enum cluster_event_type type;
    size_t connection;
    bool is_to_opener;
    struct buf frame;
};

struct world {
    unsigned histories; /* so many were begun */
    struct member members[WORLD_MEMBERS_MAX];
    int count;
    struct mono_time now;
    uint64_t seed;
    bool is_apart[WORLD_MEMBERS_MAX]
                 [WORLD_MEMBERS_MAX]; /* these two alone do not hear each other */
    int64_t disk_ms;                  /* what writing a nodes file takes */
    VEC(struct connection) connections;
    VEC(struct delivery) deliveries;
};

/* count members, not connected, each with an ip 10.0.0.<n> and a hostname node<n>. */
struct world *world_new(int count);
void world_free(struct world *w);
/* The usual: 3 primaries 0 1 2 with a third of the slots each, replicas 3 4 5 of them. */
struct world *world_three_and_three(void);
/* So many primaries that have met, and have neither slots nor records. */
struct world *world_without_slots(int count);
/* CLUSTER SETSLOT at the member, of another one's id; false when it is refused. */
MUST_USE bool world_set_slot(struct world *w, int member, uint16_t slot,
                             enum cluster_setslot_kind kind, int other);
/* The usual with so many replicas, dealt to 0 1 2 in turn. */
struct world *world_of_replicas(int replicas);
void world_run(struct world *w, int64_t ms);

/* Kill: connections break.  Start: from its nodes file. */
void world_kill(struct world *w, int member);
void world_start(struct world *w, int member);
/* Its connections alone. */
void world_break(struct world *w, int member);
void world_pause(struct world *w, int member);
void world_resume(struct world *w, int member);
void world_cut_off(struct world *w, int member, int side);
void world_part(struct world *w, int a, int b, bool is_apart);
/* It keeps no link but that to this other one, which may be itself. */
void world_part_from_all_but(struct world *w, int member, int other, bool is_apart);
/* Start a copy of the member's folder at another address; its number.  The member itself runs on. */
int world_copy(struct world *w, int member);
/* CONFIG SET of the secrets. */
void world_set_secrets(struct world *w, int member, const char *secret, const char *previous);
/* As cluster-replica-no-failover does. */
void world_forbid_failover(struct world *w, int member);
/* As CONFIG SET sync-replicas does. */
void world_set_sync(struct world *w, int member, int replicas);
void world_set_status(struct world *w, int member);
void world_tick(struct world *w, int member);

/* Begin to take down what members say and decide, with "<2>" for the id of member 2. */
void world_listen(struct world *w);
/* What this one did since; links, files and frames left out. */
const char *world_told(struct world *w, int member);

/* A call of admin.h on a member; carries out what it wants. */
struct cluster_call world_call(struct world *w, int member, struct errmsg *error);
void world_carry_out(struct world *w, int member);

bool world_has_lease(const struct world *w, int member);
/* The member that serves the slot under its lease, or NOBODY. */
int world_server_of(const struct world *w, uint16_t slot);
bool world_is_replica_of(const struct world *w, int member, int primary);
/* Everybody who runs: state ok. */
bool world_is_ok(const struct world *w);
size_t world_known_nodes(const struct world *w, int member);
uint16_t world_first_slot(int primary);

/* ---- between the files of a world */

/* An event for a member, and what it decides. */
void world_step(struct world *w, int member, const struct cluster_event *event);

/* ---- world_network.c */
/* Are both there, and is nothing between them? */
bool world_can_talk(const struct world *w, int a, int b);
/* What a member has decided: a connection is opened, closed, sent on. */
void world_open(struct world *w, int from, const struct cluster_action *action);
void world_close(struct world *w, int member, struct cluster_link link);
void world_close_all(struct world *w, int member);
void world_send(struct world *w, int member, const struct cluster_action *action);
/* What has come is handed over. */
void world_deliver_due(struct world *w);

/* ---- world_checks.c */
/* Asserts what must hold: no two leases for a shard by the word of one council, and a state that is what a request would get. */
void world_check(struct world *w);

#endif
