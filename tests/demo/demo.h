/* SPDX-License-Identifier: MIT */
/* The narrated tour: six real servers on loopback, and the steps that main.c strings together; and how long clients
 * go without an answer, in clusters of other shapes, too.
 *
 * cluster.c   starts them, forms the cluster with our cli, asks nodes questions
 * keys.c      writes and reads many keys, as a cluster client does
 * traffic.c   threads that write in the background and remember what was acknowledged
 * takeover.c  kills a primary, measures the take-over, brings the old primary back
 * moving.c    moves slots under writers, and kills the receiver
 * move_faults.c  kills and stops who takes part in a move, at many moments
 * appends.c   appends numbers while nodes are killed and stopped, with sync-replicas
 * partition.c a network in which nodes cannot reach one another
 * outage.c    ends primaries in several ways under a client that writes all the time
 * stops.c     stops a primary under hundreds of clients, and lets it go on when it is none any more
 * ending.c    cleans up when we are asked to end
 * celebrity.c a key that everybody reads is served by all primaries
 * copies.c    whether such copies are linearizable, while nodes are stopped and killed
 *
 * Every step returns false and fills demo->error when something did not happen as promised.
 * All but traffic's own threads belong to the main thread. */
#ifndef STARLING_TESTS_DEMO_DEMO_H
#define STARLING_TESTS_DEMO_DEMO_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/errmsg.h"
#include "base/rng.h"
#include "io/client.h"
#include "resp/value.h"
#include "tests/support/server.h"

enum {
    DEMO_PRIMARIES = 3,
    DEMO_NODES = 2 * DEMO_PRIMARIES,
    DEMO_HEAL_MS = 30000, /* everything that has to come back comes back in this time */
    DEMO_TEXT = 256,
};

struct demo_map;

struct demo {
    size_t node_count;       /* at most DEMO_NODES; the arbiters among them come last */
    size_t primary_count;    /* the others are replicas of these in equal parts, */
    size_t arbiter_count;    /* or arbiters */
    int sync_replicas;       /* of all servers */
    const char *const *args; /* more arguments of all servers, NULL behind the last; or NULL */
    struct server servers[DEMO_NODES];
    struct client *clients[DEMO_NODES]; /* NULL until asked for */
    unsigned user;    /* the first server's, the others' follow; 0: ours, and no partitions */
    size_t cut_count; /* rules of partition.c that hold */
    bool is_quiet;
    int chapter;
    struct rng rng;
    struct errmsg error;
};

/* ---- ending.c ----------------------------------------------------------------------------------- */

/* From now on a signal that asks us to end has the servers and their folders removed first. */
MUST_USE bool ending_watch(struct demo *demo);

/* ---- main.c ----------------------------------------------------------------------------------- */

/* Six servers become a cluster, the first chapter of all. */
MUST_USE bool demo_form(struct demo *demo, struct demo_map *map);

/* A line for the reader; none when quiet. */
void demo_say(const struct demo *demo, const char *format, ...) PRINTF_LIKE(2, 3);
void demo_chapter(struct demo *demo, const char *title);

/* ---- cluster.c -------------------------------------------------------------------------------- */

MUST_USE bool demo_start_servers(struct demo *demo);
MUST_USE bool demo_form_cluster(struct demo *demo);
void demo_clean_up(struct demo *demo);

/* One request to one node on the connection kept for it.  The caller releases *out. */
MUST_USE bool demo_ask(struct demo *demo, size_t node, struct resp_value *out, size_t word_count,
                       ...);
/* The same, the reply as text: an integer is written out, an aggregate is an error. */
MUST_USE bool demo_ask_text(struct demo *demo, size_t node, char out[DEMO_TEXT], size_t word_count,
                            ...);
/* A line of INFO <section>, or of CLUSTER INFO when section is NULL. */
MUST_USE bool demo_field(struct demo *demo, size_t node, const char *section, const char *field,
                         char out[DEMO_TEXT]);
/* The same as a number. */
MUST_USE bool demo_number(struct demo *demo, size_t node, const char *section, const char *field,
                          int64_t *out);
void demo_disconnect(struct demo *demo, size_t node);
/* The node with this port, DEMO_NODES when it is none of ours. */
size_t demo_node_of_port(const struct demo *demo, int64_t port);
/* Where an error sends a client, "MOVED 1234 127.0.0.1:7002"; DEMO_NODES when it is another error. */
size_t demo_moved_to(const struct demo *demo, struct bytes text);

/* Who serves what, as a node that runs tells it (CLUSTER SLOTS). */
enum {
    DEMO_RANGES_MAX = 64
};
struct demo_range {
    int64_t first_slot;
    int64_t last_slot;
    size_t primary;
    size_t replica; /* DEMO_NODES: none */
};
struct demo_map {
    struct demo_range ranges[DEMO_RANGES_MAX];
    size_t count;
};
MUST_USE bool demo_read_map(struct demo *demo, size_t via, struct demo_map *out);
/* Wait until the node tells of all shards, each with a replica when there are any. */
MUST_USE bool demo_wait_map(struct demo *demo, size_t via, struct demo_map *out);
/* NULL when nobody serves the slot. */
const struct demo_range *demo_find_range(const struct demo_map *map, int64_t slot);
/* Wait until all nodes see the cluster as whole: ok, every primary with its replica online when there are any. */
MUST_USE bool demo_wait_healthy(struct demo *demo);

/* ---- keys.c ----------------------------------------------------------------------------------- */

int64_t demo_slot(const char *key);
/* Write or check the keys "tour:0" and so on. */
MUST_USE bool demo_write_keys(struct demo *demo, const struct demo_map *map, int count);
MUST_USE bool demo_check_keys(struct demo *demo, const struct demo_map *map, int count);
/* A word that, as a hash tag, lies in a slot of the range. */
void demo_tag_in(const struct demo_range *range, char out[32]);

/* ---- traffic.c -------------------------------------------------------------------------------- */

enum {
    TRAFFIC_WRITES_MAX = 20000, /* of one writer */
};

/* One writer thread: SET and WAIT 1 to keys of one shard until it is told to stop. */
struct writer {
    pthread_t thread;
    uint16_t ports[DEMO_NODES];
    uint16_t port; /* whom it thinks to be the primary */
    char tag[32];
    struct client *client;
    atomic_bool is_to_stop;
    atomic_int acknowledged_count;
    int write_count;
    int refused_count;
    bool acknowledged[TRAFFIC_WRITES_MAX];
};

struct traffic {
    struct writer writers[DEMO_PRIMARIES];
    size_t started_count;
};

MUST_USE bool traffic_start(struct demo *demo, struct traffic *traffic,
                            const struct demo_range *shards[DEMO_PRIMARIES]);
/* Wait until every writer in which_mask has so many acknowledged writes more than now. */
MUST_USE bool traffic_wait_for(struct demo *demo, struct traffic *traffic, unsigned which_mask,
                               int more);
void traffic_stop(struct traffic *traffic);
/* Every acknowledged write is there. */
MUST_USE bool traffic_check(struct demo *demo, const struct traffic *traffic,
                            const struct demo_map *map);

/* ---- outage.c --------------------------------------------------------------------------------- */

/* For each shape and each way of ending a primary so many rounds; a table of them. */
MUST_USE bool outage_measure(struct demo *demo, const char *shape, int rounds);

/* ---- stops.c ---------------------------------------------------------------------------------- */

/* So many rounds; false when an answer came that it should not have, or something acknowledged is gone. */
MUST_USE bool stops_run(struct demo *demo, int rounds);

/* ---- celebrity.c -------------------------------------------------------------------------------- */

/* Six primaries, and a load by our cli of which one key takes four fifths: what each node has to do before others serve copies and
 * with them, a write that all see, the death of a holder, the end of it.  All on servers that it starts. */
MUST_USE bool celebrity_run(struct demo *demo);

/* ---- copies.c ----------------------------------------------------------------------------------- */

/* So many rounds of so many seconds each, with a hot key of its own; the seed is the one of demo->rng, and is printed. */
MUST_USE bool copies_run(struct demo *demo, int rounds, int64_t seconds, uint64_t seed);

/* ---- partition.c -------------------------------------------------------------------------------- */

/* Of the nodes of a side: nothing of theirs goes out to the others, nothing of the others' comes in, or both. */
enum partition_ways {
    PARTITION_OUT = 1,
    PARTITION_IN = 2,
    PARTITION_BOTH = 3,
};

/* Before the servers are started, and before there are threads.  Needs root, and ip(8). */
MUST_USE bool partition_prepare(struct demo *demo);
/* A bit of side for each node.  Comes on top of what is cut already. */
MUST_USE bool partition_cut(struct demo *demo, unsigned side, enum partition_ways ways);
MUST_USE bool partition_heal(struct demo *demo);

/* ---- appends.c --------------------------------------------------------------------------------- */

/* Six servers with sync-replicas 1 for so long, killed and stopped, and cut off when wanted; nothing acknowledged is lost. */
MUST_USE bool appends_run(struct demo *demo, int64_t seconds, bool has_partitions);

/* ---- moving.c ----------------------------------------------------------------------------------- */

/* A thousand slots go from the map's first shard to the second under writes, and back; on the way back the first primary is killed. */
MUST_USE bool moving_run(struct demo *demo, const struct demo_map *map, struct traffic *traffic);

/* Have the range's primary move it to another node. */
MUST_USE bool moving_order(struct demo *demo, const struct demo_range *range, size_t to);
/* Who serves all of the range, as the node says; DEMO_NODES when that is nobody or several. */
size_t moving_server_of(struct demo *demo, size_t via, const struct demo_range *range);
/* Is no move on its way to or from the node any more, as it says itself? */
bool moving_has_ended(struct demo *demo, size_t node);
/* The same, and are keys that it gave away removed? */
bool moving_is_tidy(struct demo *demo, size_t node);

/* ---- move_faults.c ------------------------------------------------------------------------------ */

/* At so many moments of a move each its source, its receiver and their replicas are killed or stopped under clients that count. */
MUST_USE bool move_faults_run(struct demo *demo, int moments);

/* ---- takeover.c ------------------------------------------------------------------------------- */

struct takeover {
    size_t victim;
    size_t heir;        /* its replica */
    char tag[32];       /* of keys in one of its slots */
    int64_t elapsed_us; /* from the kill to the first accepted write */
};

/* Kill the primary of the range and wait until its replica accepts a write. */
MUST_USE bool takeover_run(struct demo *demo, const struct demo_range *range, struct takeover *out);
/* Start the killed server again; it has to come back as a replica that is in sync. */
MUST_USE bool takeover_bring_back(struct demo *demo, const struct takeover *takeover);
/* Both hold the same data. */
MUST_USE bool takeover_compare(struct demo *demo, const struct takeover *takeover,
                               char digest[DEMO_TEXT]);

#endif
