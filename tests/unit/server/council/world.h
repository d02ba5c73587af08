/* SPDX-License-Identifier: MIT */
/* A few councils in one process: nodes with clocks of their own, messages that are late, lost and doubled, disks that are
 * behind, and an owner of each shard's record who behaves as a node does.
 *
 * Node n is the first primary of shard n, for n below shards; every node may take over every shard.  Time goes on in steps of
 * a millisecond. */
#ifndef STARLING_TESTS_UNIT_COUNCIL_WORLD_H
#define STARLING_TESTS_UNIT_COUNCIL_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/rng.h"
#include "base/vec.h"
#include "council/council.h"

enum {
    WORLD_NODES_MAX = 12,
    WORLD_SHARDS_MAX = 4,
    WORLD_TIMEOUT_MS = 100,
    WORLD_VERSIONS_MAX = 100000,
};

struct world_message {
    int64_t at_us;
    size_t from;
    size_t to;
    struct buf bytes;
};

/* A text on its way to the disk. */
struct world_write {
    int64_t at_us; /* real time; 0: none */
    uint64_t changes;
    struct buf text;
};

struct world_promise {
    struct cluster_id holder;
    uint64_t start;
    struct mono_time until;
};

struct world_node {
    struct cluster_id id;
    struct council *council; /* NULL while it is down */
    bool is_paused;
    /* What it had promised of each shard in the last step: to whom, to which start, until when by its clock. */
    struct world_promise promises[WORLD_SHARDS_MAX];
    bool was_handing_over; /* seats, in the last step */
    bool was_primary;      /* of any shard, at any time */
    int64_t rate_ppm;      /* its clock runs so much faster than real time */
    int64_t offset_us;
    struct buf disk;
    struct world_write write;
    size_t shard;              /* whose record it would change */
    uint64_t version_at_start; /* that had been agreed when its proposal began */
    uint64_t version_agreed;   /* of its last change that was agreed */
    bool has_read_less;        /* its proposal did not read that version */
    bool is_taking_over;
    size_t hand_over_to; /* SIZE_MAX: nobody */
    int64_t idle_until_us;
    bool is_cut_from[WORLD_NODES_MAX]; /* its messages do not reach that one */
    int64_t down_since_us;
};

struct world {
    struct rng rng;
    int64_t now_us;
    size_t node_count;
    size_t shard_count;
    struct world_node nodes[WORLD_NODES_MAX];
    VEC(struct world_message) wire;
    struct cluster_id shards[WORLD_SHARDS_MAX];
    /* What was agreed: the value of each version of each shard, as a hash, 0 for none yet. */
    uint64_t agreed[WORLD_SHARDS_MAX][WORLD_VERSIONS_MAX];
    uint64_t newest[WORLD_SHARDS_MAX];
    size_t absent; /* the node that is not there, where it is restless */
    unsigned loss_percent;
    unsigned takeovers;
    unsigned agreements;
    unsigned seat_changes;
    bool crashes_behind_words; /* nodes crash when they have just said something; disks are slow */
    bool is_moving;            /* the council moves from node to node */
    bool is_restless;          /* it loses one member after the other; nobody crashes */
    bool is_calm;              /* no more faults, and nobody takes over from one who serves */
    char failure[640];         /* the first promise that was broken */
};

void world_init(struct world *w, uint64_t seed, size_t nodes, size_t shards);
void world_deinit(struct world *w);
/* A millisecond. */
void world_step(struct world *w);
void world_run(struct world *w, int64_t ms);
struct mono_time world_clock(const struct world *w, size_t node);
void world_crash(struct world *w, size_t node);
void world_start(struct world *w, size_t node);
/* Forget everything, as CLUSTER RESET does; not of a node that is, or was, somebody's primary. */
void world_wipe(struct world *w, size_t node);
/* Who may serve the shard now, SIZE_MAX: nobody. */
size_t world_holder(const struct world *w, size_t shard);
/* Do all nodes that are up know the same seats, of an odd number, none being handed over? */
bool world_is_settled(const struct world *w);
/* Does anybody propose other seats, or has accepted some that are not agreed yet?  They may be in the end. */
bool world_is_changing_seats(const struct world *w);
/* May the node serve its shard now? */
bool world_serves(const struct world *w, size_t node);
struct world_node *world_find(struct world *w, const struct cluster_id *id);
/* A promise is broken: the first one is kept as w->failure. */
void world_fail(struct world *w, const char *format, ...) PRINTF_LIKE(2, 3);
/* To stderr, for one who looks for the reason of a failure. */
void world_print(const struct world *w);

/* ---- world_checks.c */
/* After a step: never two leases for a shard, no promise shorter than the lease that rests on it, and nobody left to decide who has
 * promised nothing, or does not know what was agreed. */
void world_check(struct world *w);

#endif
