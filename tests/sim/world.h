/* SPDX-License-Identifier: MIT */
/* A simulated world for whole nodes: one clock, one event queue, a network that delays, breaks and
 * partitions, disks that forget what was not synced, processes that pause and die.
 *
 * Everything that happens is an event at a simulated microsecond, and every choice comes from one
 * seed: the same seed gives the same run.  The nodes are the code that ships; only struct env is
 * ours.
 *
 * What goes wrong is a table (faults.c).  Each seed has its own choice of it.
 */
#ifndef STARLING_TESTS_SIM_WORLD_H
#define STARLING_TESTS_SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cluster_id.h"
#include "base/heap.h"
#include "base/lineage.h"
#include "base/rng.h"
#include "base/vec.h"
#include "node/node.h"
#include "resp/value.h"
#include "tests/disk/disk.h"
#include "tests/sim/history.h"

enum {
    SIM_NODES_MAX = 12,
    SIM_CLIENTS_MAX = 8,
    SIM_READERS_MAX = SIM_NODES_MAX,
    SIM_SHARDS_MAX = 4,
    SIM_RECORDS = 64,
    SIM_KEYS = 24, /* per client */
    SIM_ADRIFT = 16,
    SIM_WATCHED_CLIENT = 0,
    SIM_WATCHED_KEY = 0, /* a string: where one client is hasty it is hot, and readers keep it */
    SIM_SHARED = 8,      /* keys of all clients */
    SIM_MOVING_SLOTS = 4,
    SIM_MOVING_KEYS = 2 * SIM_MOVING_SLOTS,
    SIM_MOVING_NAME = 24,
    SIM_PORT = 7000, /* of clients: every node has an address of its own */
    SIM_BUS_PORT = 17000,
    SIM_ONE_WAY_US = 2050, /* what bytes take at most, unless they are delayed */
};

#define SIM_NO_REIGN SIZE_MAX /* it may not answer */

struct world;

enum end_kind {
    END_LINK,    /* a node's env link */
    END_SESSION, /* a node's session */
    END_CLIENT,  /* a simulated client */
    END_READER,
    END_STRANGER, /* who plays old frames */
};

struct sim_end {
    enum end_kind kind;
    int node;      /* index; of END_CLIENT and END_READER the index of that */
    uint32_t life; /* of the node, so that a dead one's ends are not taken for its heir's */
    uint64_t link; /* END_LINK */
    struct session *session; /* END_SESSION */
    int64_t last_at_us;      /* bytes towards this end arrive in order: */
    uint64_t sent_count;     /* pieces sent to it, */
    uint64_t taken_count;    /* and those that came */
};

struct sim_conn {
    uint64_t id;
    struct sim_end ends[2]; /* 0 opened it */
    bool is_open;
    bool is_bus;
    int64_t held_until_us; /* what is sent on it comes then */
};

/* Bytes that once were sent on a bus connection. */
struct sim_record {
    int from;
    struct buf bytes;
};

/* What of a node's data can have changed at all since a look at them: nothing changes without a new end of the log, a new
 * history, another number of keys or a load. */
struct sim_seen {
    struct history_id history;
    uint64_t offset;
    uint64_t key_count;
    uint32_t life;
    bool is_loading;
};

struct sim_event;

/* Whether the operator lets all slots of the node go in the pass that stands still: last_word.c. */
enum sim_word {
    SIM_WORD_NONE,
    SIM_WORD_WHEN_REPLACED, /* if another node has its place by then */
    SIM_WORD_ALWAYS,
};

struct sim_node {
    struct world *world;
    int index;
    struct node *node; /* NULL while dead */
    struct logger logger;
    struct env env;
    uint32_t life;
    double clock_rate;
    int64_t started_us;
    int64_t clock_offset_us;
    int64_t paused_until_us;
    struct disk disk;      /* outlives the node */
    int64_t wake_event_us; /* earliest wake-up that is queued */
    VEC(uint64_t) links;   /* connections that it opened in this life, by the number of the link */
    struct session **touched;
    size_t touched_count;
    size_t touched_cap;
    bool was_replica;
    struct history_id served_history; /* in which it had slots, as a primary */
    bool has_lost_memory;             /* and has not had the shard's data since */
    bool has_asked_to_exit;
    struct sim_seen pairs_seen;
    bool may_exit; /* it was asked to end */
    int clone_of;
    bool is_clone;    /* its folder is a copy of another node's, its own is kept */
    struct disk kept; /* files that are put back later */
    int64_t disk_hangs_until_us;
    int64_t lane_at_us[FS_LANE_COUNT]; /* when the last operation of the lane happens */
    int64_t stop_ms;            /* for so long its next pass that brings anything stands still, */
    enum sim_word word;         /* before it reads, */
    bool is_in_pass;            /* as it does now, */
    bool is_flush_due;          /* between its end and the writing */
    bool is_pass_open;          /* it has begun, stood still, and reads what came meanwhile */
    VEC(struct buf) pass_bytes; /* that it was given: the node reads them until the pass ends */
    void (*held_deliver)(struct sim_node *n, struct sim_event *event);
    int64_t timeout_ms;       /* of the cluster, as configured */
    uint32_t served_at_start; /* of the pass: shards, by bit */
    int64_t pass_began_us;
    int64_t lease_end_us;   /* of the lease that it held then, by its clock; 0: none */
    bool had_lease;         /* in the last look of calm.c */
    uint64_t elections_won; /* before this pass */
    bool has_decided;       /* before this pass, to propose itself as primary: */
    uint32_t better_known;  /* who had more then, as it had heard */
    int64_t no_primary_us;  /* when it last was none, or had no data yet: */
    bool may_have_old_keys; /* since then it may have keys of slots that its shard gave before */
};

/* Types of keys. */
enum sim_kind {
    SIM_STRING,
    SIM_HASH,
    SIM_LIST,
    SIM_ZSET,
    SIM_STREAM,
    SIM_SET,
    SIM_BITS,   /* the version is in seven bytes behind a zero */
    SIM_PLACES, /* a place for each version */
};

static inline enum sim_kind sim_kind_of_key(int key)
{
    return (enum sim_kind)(key % (SIM_PLACES + 1));
}

/* One key of a client: the client is its only writer, versions only rise.  Its number decides of which type it is
 * (check_peek). */
struct sim_key {
    uint64_t version;        /* last one sent */
    uint64_t acked_version;  /* last one answered with OK, */
    uint64_t acked_upsets;   /* and how often memory may have been lost before (world_upsets) */
    uint64_t waited_version; /* last one that WAIT confirmed */
    uint32_t acked_by;       /* nodes that had waited_version in their log when WAIT was answered */
    uint64_t sync_version;   /* last one acknowledged under sync-replicas, */
    uint32_t sync_holders;   /* and who had to have it then, and still has its memory */
    uint64_t adrift[SIM_ADRIFT]; /* versions given up that a node may have passed on (key_shows) */
    size_t adrift_count;         /* ever */
};

/* What a client waits for. */
enum sim_request {
    REQUEST_NONE,
    REQUEST_WRITE,       /* of a version of its pending key */
    REQUEST_WAIT,        /* WAIT for what it wrote there */
    REQUEST_PUSH,        /* an element for a queue, its own or another client's */
    REQUEST_POP,         /* the same taken out, or waited for */
    REQUEST_PAIR,        /* a version of two keys, by a transaction */
    REQUEST_FILL,        /* a large value that expires, where memory is limited */
    REQUEST_SHARED,      /* of a key that others read and write, too */
    REQUEST_SHARED_WAIT, /* WAIT for what it wrote there */
    REQUEST_PUBLISH,     /* a message for the readers */
    REQUEST_BRIEF,       /* something with keys that soon expire */
    REQUEST_FLEETING,    /* of a key that is copied, and soon expires */
    REQUEST_FAMILY,      /* a command of any family */
    REQUEST_MOVING,      /* one more, of a counter in slots that move */
};

struct sim_client {
    int index;
    int primaries[SIM_SHARDS_MAX]; /* nodes that it takes for them; MOVED tells when it is wrong */
    uint64_t conns[SIM_NODES_MAX]; /* 0: none */
    struct buf in;                 /* of the one to node */
    enum sim_request request;
    int shard; /* that it asked last, */
    int node;  /* there */
    int pending_key;
    size_t pending_op;       /* of a shared key */
    bool is_hasty;           /* it waits for a read, and not for long */
    size_t reigns_when_sent; /* of the shard of what it has asked of a shared key */
    bool is_passed_on;       /* its node waits for the answer of another one */
    bool is_by_member;       /* the last answer came by a node that serves a copy, or passes on, */
    bool is_of_copy;         /* and was read from a copy */
    uint64_t copies_read[SIM_NODES_MAX]; /* by nodes, when the last one was for it, */
    uint64_t copies_told[SIM_NODES_MAX]; /* and when that was answered */
    size_t copy_reign;                   /* in which that one was read, or SIM_NO_REIGN */
    size_t answer_reign;                 /* in which the last answer left, or SIM_NO_REIGN */
    uint64_t pair_version;               /* last one sent */
    int replies_left;                    /* of a transaction */
    uint64_t published;                  /* number of the last message */
    int64_t sent_at_us;
    uint64_t answer_upsets;  /* world_upsets when the answer left */
    uint32_t answer_holders; /* by sync-replicas: who has what it tells of; 0: there are none */
    uint64_t write_conn;     /* on which it sent its last write */
    uint64_t write_losses;   /* memory_losses when it sent its last write, */
    uint64_t write_memories[SIM_NODES_MAX]; /* and each node's memory, 0 for none */
    struct sim_key keys[SIM_KEYS];
    uint64_t ok_count;
    uint64_t error_count;
};

/* What a reader has been told of one key. */
struct sim_cached {
    bool is_cached;
    uint64_t version;
};

/* What the writer of a key knew when a reader began to ask whether its cache is right. */
struct sim_known {
    uint64_t acked_version;
    uint64_t acked_upsets;
    uint64_t waited_version;
};

enum sim_reader_phase {
    READER_AWAY,  /* no connection */
    READER_COMES, /* asks to be told of changes and messages */
    READER_IDLE,
    READER_READS,  /* a key that is not in its cache */
    READER_FENCES, /* the answer comes behind everything that it was told before */
};

/* A client that keeps what it has read until it is told that this has changed, and gets messages.  There
 * is one for each node, where it begins. */
struct sim_reader {
    int index;
    int node; /* it talks to */
    uint64_t conn;
    struct buf in;
    enum sim_reader_phase phase;
    int replies_left; /* while it comes */
    int client, key;  /* what it reads */
    int64_t sent_at_us;
    struct sim_cached cache[SIM_CLIENTS_MAX][SIM_KEYS];
    struct sim_known known[SIM_CLIENTS_MAX][SIM_KEYS]; /* when it began to fence */
    VEC(struct sim_message) messages;                  /* that came through its connection */
};

/* Who published it, and the how manieth of it. */
struct sim_message {
    uint64_t publisher;
    uint64_t number;
};

/* A key that all clients read and write, and who served the shards: shared.c. */
struct sim_shared {
    VEC(struct history_op) ops;
};

struct sim_reigns {
    VEC(struct history_reign) list;
    struct history_id
        history; /* of the last one: who was replaced and took over again has another */
};

/* The data of a shard, as who serves it had them last. */
struct sim_line {
    int node;
    uint32_t life; /* 0: nobody has served it yet */
    struct history_id history;
    struct lineage lineage;
};

/* Where a history began: at this place of the one before. */
struct sim_fork {
    struct history_id history;
    struct history_id from;
    uint64_t at;
};

/* A counter in slots that move: one client adds to it. */
struct sim_moving_key {
    char name[SIM_MOVING_NAME];
    uint64_t acked;        /* the last sum that was told, */
    uint64_t acked_upsets; /* and how often memory may have been lost before */
    uint64_t open;         /* additions without an answer, which may come or not */
    uint64_t kept;         /* by who served it last */
    uint64_t given_up;     /* the greatest sum that was told, and then was not there any more */
};

/* A key that expires, and is copied: one client writes it, each version once. */
struct sim_fleeting {
    uint64_t sent, acked; /* versions */
    int64_t acked_us;
    size_t acked_reigns; /* of its shard, so far */
    uint64_t gone;       /* the last version of which somebody was told that it is there no more, */
    int64_t gone_us;     /* and when */
    size_t gone_reigns;
};

struct sim_moves {
    unsigned first_slot;
    struct sim_moving_key keys[SIM_MOVING_KEYS];
    int keeper; /* who served them last, */
    uint32_t life;
    struct cluster_id shard;
    int64_t seen_us; /* and when; 0: nobody has */
};

typedef void sim_event_fn(struct world *world, struct sim_event *event);

struct sim_event {
    struct heap_node at;
    sim_event_fn *run;
    int node;
    uint32_t life;
    uint64_t conn;
    int to_end;
    uint64_t number;
    struct buf bytes; /* for a connection, or the reason of a failure */
};

struct sim_options {
    uint64_t seed;
    int primaries;
    int replicas_each;
    int clients;
    int64_t fault_ms;          /* how long faults go on */
    const char *only_fault;    /* NULL: all kinds, */
    const char *without_fault; /* but this one */
    bool has_secret;           /* frames are signed */
    bool has_copies; /* keys that are read often are copied, and clients ask any node for them */
    bool has_caches; /* readers keep what they have read: then nothing is told before they are */
    bool has_hasty_client; /* which reads copies, and waits for nobody long */
    bool has_unequal_timeouts;
    int sync_replicas;
    bool is_memory_limited; /* keys that expire are evicted, others never */
    bool is_verbose;
};

struct world {
    struct sim_options options;
    struct rng rng;
    int64_t now_us;
    struct heap events;
    struct sim_node nodes[SIM_NODES_MAX];
    int node_count;
    struct sim_conn **conns;
    size_t conn_count;
    size_t conn_cap;
    uint64_t next_conn;
    bool blocked[SIM_NODES_MAX][SIM_NODES_MAX]; /* from, to */
    /* What a primary sends to a replica comes piece by piece. */
    int64_t slow_until_us[SIM_NODES_MAX][SIM_NODES_MAX];
    int64_t snapshot_late_ms[SIM_NODES_MAX]
                            [SIM_NODES_MAX]; /* the next one of that primary to that replica */
    int address[SIM_NODES_MAX];              /* node i has 10.0.0.(address + 1) */
    struct sim_record records[SIM_RECORDS];
    uint64_t record_count;
    struct sim_client clients[SIM_CLIENTS_MAX];
    struct sim_reader readers[SIM_READERS_MAX]; /* one a node */
    struct sim_shared shared[SIM_SHARED];
    struct sim_reigns reigns[SIM_SHARDS_MAX];
    struct sim_moves moves;
    struct sim_fleeting fleeting;
    struct sim_line lines[SIM_SHARDS_MAX];
    VEC(struct sim_fork) forks;  /* by nodes that took over */
    uint64_t faults_left_out;    /* of the table, by bit: each seed has its own choice */
    uint64_t memory_losses;      /* by what befell a folder, or by an operator */
    int64_t last_disturbance_us; /* the last fault but ends of processes */
    unsigned spare_slot;         /* that an operator gives and takes away */
    uint64_t stream_id;          /* of the last entry that was sent for one */
    uint64_t shared_values;      /* set so far: no two are equal */
    bool has_lost_folder;        /* a node: once in a world */
    bool has_clones;             /* or had: two nodes may have one epoch */
    uint32_t removed;     /* nodes that an operator has removed anywhere, perhaps not for long */
    bool is_handing_over; /* as planned, and nothing fails: whoever serves next has everything */
    bool clients_run;
    bool only_shared;       /* keys are used by clients */
    bool epochs_are_raised; /* by an operator, who asks no majority: two nodes can take the same */
    bool has_healed;        /* faults that were to come later do not */
    bool is_calm;           /* no packet takes longer than SIM_ONE_WAY_US */
    int64_t sequence;
    int64_t served_after_ms;   /* all slots, from the end of the faults on */
    int64_t last_operation_us; /* when an operator said something */
    /* Who was seen to accept writes for a slot under an epoch: checks.c. */
    struct claim *claims;
    size_t claim_count;
    size_t claim_cap;
    char failure[4096];    /* the first broken promise; empty while all is well */
    uint64_t redirections; /* of clients */
    uint64_t shared_ops, histories_unknown, family_commands;
    uint64_t takeovers, kills, pauses, partitions, operations, waits_checked, evicted;
    uint64_t copy_reads;    /* answered from copies, */
    uint64_t passed_on;     /* or by the owner, through another node */
    uint64_t lost_shards;   /* that nobody could serve any more: what comes after is not judged */
    uint64_t syncs_checked; /* keys that have survived a change of who serves, by sync-replicas */
    uint64_t pairs_written; /* by transactions that were answered */
    uint64_t caches_checked, messages_taken;
    uint64_t expiries_seen; /* of a key that is copied */
    uint64_t flushed_copies;
    uint64_t moves_done; /* of slots, from one shard to another */
    uint64_t last_words; /* by which a node lost all its slots */
};

struct claim {
    unsigned slot;
    uint64_t epoch;
    int node;
};

/* ---- world.c */
void world_init(struct world *world, const struct sim_options *options);
void world_deinit(struct world *world);
/* Run events up to a time, or until something failed. */
void world_run_until(struct world *world, int64_t until_us);
struct sim_event *world_schedule(struct world *world, int64_t at_us, sim_event_fn *run);
void world_fail(struct world *world, const char *format, ...) PRINTF_LIKE(2, 3);
/* How often what was acknowledged may have been lost: by take-overs, and with memory that was not saved. */
uint64_t world_upsets(const struct world *world);
struct moment sim_node_clock(const struct sim_node *n);
bool sim_node_runs(const struct sim_node *n);
void sim_node_start(struct world *world, int index);
/* The power is cut, or the process alone is killed. */
void sim_node_kill(struct world *world, int index, bool is_power_cut);
void sim_node_pause(struct world *world, int index, int64_t for_ms);
/* A pass that is open ends. */
void sim_node_close_pass(struct world *world, struct sim_node *n);
/* Let the node do a pass in which deliver (may be NULL) hands it something. */
void sim_node_pass(struct world *world, struct sim_node *n,
                   void (*deliver)(struct sim_node *n, struct sim_event *event),
                   struct sim_event *event);

/* ---- network.c */
struct sim_conn *network_find(struct world *world, uint64_t id);
void network_attach_env(struct sim_node *n);
uint64_t network_open(struct world *world, struct sim_end from, int to_node, bool is_bus);
void network_send(struct world *world, struct sim_conn *conn, int from_end, struct bytes bytes);
/* Both ends learn of it, each in its own time. */
void network_break(struct world *world, struct sim_conn *conn, int except_end);
void network_node_died(struct world *world, int index);
/* What this primary sends to this replica comes so late. */
void network_hold_stream(struct world *world, int primary, int replica, int64_t until_us);
/* The next snapshot that it sends to that replica comes so much later than it is sent. */
void network_hold_snapshot(struct world *world, int primary, int replica, int64_t ms);
/* The same in small pieces, each with a delay, also on connections that are still to come. */
void network_slow_stream(struct world *world, int primary, int replica, int64_t until_us);
/* What is sent from now on comes in time again: where something is under way that does not, the connection breaks. */
void network_end_holds(struct world *world);
/* Who has the address "10.0.0.3", or -1. */
int network_node_at(const struct world *world, struct bytes host);
/* Somebody connects to the node's bus port and sends what once was sent there. */
void network_replay(struct world *world, int node);
void network_flush_sessions(struct world *world, struct sim_node *n);

/* ---- disk.c */
void sim_disk_attach(struct sim_node *n);

/* ---- client.c */
void clients_start(struct world *world);
void client_input(struct world *world, int index, uint64_t conn, struct bytes bytes);
/* Where a node stands still all others soon wait for it: this one, which uses nothing but what is hot, goes on reading elsewhere. */
bool client_is_hasty(const struct world *world, const struct sim_client *client);
/* Does it wait for what comes on the connection?  Else that was given up, and tells it nothing. */
bool client_listens(const struct world *world, const struct sim_conn *conn);
/* Of the key of a client's pair, 'a' or 'b'. */
void client_pair_name(int client, char letter, char out[32]);
void client_conn_lost(struct world *world, int index, uint64_t conn);
/* Send one command to a node as an administrator and run the world until it is answered. */
bool admin_command(struct world *world, int node, const char *command, char *reply, size_t size);
/* The same without waiting for an answer, for use in an event; the node has to run. */
void admin_tell(struct world *world, int node, const char *command);

/* From now on it speaks to the primary of the key's shard. */
void client_turn_to(struct world *world, struct sim_client *client, const char *key);
/* Does the version that was found of the key tell that this one, which was acknowledged, is not lost?  A later one does, and one
 * that its client has given up and that a member has passed on since. */
bool key_shows(const struct sim_key *key, uint64_t found, uint64_t wanted);
/* So many words, as texts, to whom it has turned to. */
void client_send(struct world *world, struct sim_client *client, size_t count, ...);
void client_send_words(struct world *world, struct sim_client *client, const struct bytes *words,
                       size_t count);

/* ---- families.c: what nobody looks at but those who compare data */
void families_ask(struct world *world, struct sim_client *client);
/* Is the error what such a command may meet, and not one of the node? */
bool families_is_answer(struct bytes text);
void families_take_answer(struct world *world, struct sim_client *client);

/* ---- synchronous.c: sync-replicas */
/* Who has all that this node may tell of now; 0 without sync-replicas. */
uint32_t sync_holders(const struct world *world, const struct sim_node *n);
/* A write of the client's own key was acknowledged. */
void sync_note_ok(const struct sim_client *client, struct sim_key *key);
/* The node begins to serve the shard: it has all that was acknowledged, and can have been kept. */
void sync_check_kept(struct world *world, struct sim_node *n, int shard);
void sync_memory_lost(struct world *world, int node);

/* ---- shared.c */
/* Before anything leaves a node: which shards it serves, by bit. */
uint32_t shared_note_reigns(struct world *world, struct sim_node *n);
/* At the end of each pass: which clients wait for another node's answer by now, and who has read a copy. */
void shared_note_executed(struct world *world, const struct sim_node *n);
/* An answer to the client leaves the node. */
void shared_note_answer(struct world *world, struct sim_node *n, const struct session *s,
                        int client);
/* The answer to a WAIT of a client's own key leaves. */
void client_note_answer(struct world *world, struct sim_node *n, int client, struct bytes answer);
void shared_ask(struct world *world, struct sim_client *client);
void shared_give_up(struct world *world, struct sim_client *client);
void shared_take_refusal(struct world *world, struct sim_client *client);
void shared_take_answer(struct world *world, struct sim_client *client,
                        const struct resp_value *value);
void shared_take_waited(struct world *world, struct sim_client *client, int64_t count);
/* What the node had confirmed from memory is gone. */
void shared_memory_lost(struct world *world, int node);
/* Nobody is asked for what these have, by bit, of the primary's keys. */
void shared_excuse_removed(struct world *world, const struct sim_node *primary, uint32_t removed);
void shared_check(struct world *world);
void shared_deinit(struct world *world);

/* ---- reader.c */
void readers_start(struct world *world);
void readers_deinit(struct world *world);
void reader_input(struct world *world, int index, struct bytes bytes);
void reader_conn_lost(struct world *world, int index, uint64_t conn);
/* When nothing fails: what is published at any node comes to the readers at all, once. */
void readers_check_messages(struct world *world);

/* ---- lines.c */
/* What who serves has is noted, before anything leaves it. */
void check_note_line(struct world *world, struct sim_node *n, int shard);
void check_lines(struct world *world, struct sim_node *n);

/* ---- checks.c */
void check_after_pass(struct world *world, struct sim_node *n);
void check_replicas_equal(struct world *world);
/* The node that serves a slot, or -1 and why not. */
int check_only_owner(struct world *world, unsigned slot, char *reason, size_t size);
/* Is it a replica of the key's shard?  What was confirmed outlives the loss of the primary alone: of a replica that is started anew
 * with less, and takes over, nothing is promised, unless another one has it that can be asked (docs/cluster.md).  It need not be one
 * of those who had confirmed: the primary of then, which lost its memory and follows who took its place, is such a replica, too. */
bool check_may_replace(const struct sim_node *n, const char *key);

/* ---- healed.c */
/* Has everything settled: one owner a slot, all agree, replicas equal?  Otherwise why not. */
bool check_converged(struct world *world, char *reason, size_t size);

/* ---- map.c */
unsigned check_sample_slot(const struct world *world, int shard);
/* A slot without keys that are looked at, in the last shard. */
unsigned check_find_spare_slot(const struct world *world);
/* The first of so many in a row, in the first shard. */
unsigned check_find_free_slots(const struct world *world, unsigned count);
/* Whose slot the key is in: behind all shards those that move. */
int check_shard_of(const struct world *world, const char *key);
/* Its replicas that are alive, by bit. */
uint32_t check_replicas_of(const struct world *world, int primary);
/* The first of them; -1 for none. */
int check_first_replica_of(const struct world *world, int primary);
/* The other replicas of a replica's primary. */
uint32_t check_siblings_of(const struct world *world, int node);

/* ---- peek.c */
/* The version that a key holds in a node's memory; false when there is none. */
bool check_peek(const struct sim_node *n, const char *key, uint64_t *version);

/* ---- fleeting.c: copies of what expires, and of what is flushed */
void fleeting_ask(struct world *world, struct sim_client *client);
void fleeting_take_answer(struct world *world, struct sim_client *client,
                          const struct resp_value *value);
/* In the end, when nobody writes: what is flushed is shown by nobody. */
void fleeting_check_flush(struct world *world);

/* ---- moves.c: slots that go from shard to shard */
void moves_init(struct world *world);
bool moves_is_slot(const struct world *world, unsigned slot);
/* After a pass of the node. */
void moves_look(struct world *world, struct sim_node *n);
bool moves_are_settled(struct world *world, char *reason, size_t size);
void moves_ask(struct world *world, struct sim_client *client);
void moves_give_up(struct world *world, struct sim_client *client);
void moves_take_sum(struct world *world, struct sim_client *client, uint64_t sum);
/* When nothing fails they go where they are wanted. */
void moves_calm(struct world *world);

/* ---- calm.c: what must hold when nothing fails any more */
void calm_run(struct world *world);

/* ---- last_word.c */
/* In worlds that have it, drawn by a generator of its own: all others are as without it. */
void last_word_start(struct world *world, int64_t until_us);
/* The node stands still within a pass in which a last word is to be read. */
void last_word_await(struct world *world, struct sim_node *n);
/* When nothing fails: who lets its last slot go throws no answer away, and gets all back. */
void last_word_calm(struct world *world, int shard);

/* ---- faults.c */
void faults_start(struct world *world, int64_t until_us);
bool faults_has(const char *name);
void faults_list(void);
void faults_heal(struct world *world);
/* A node that was asked to has ended by itself. */
void fault_on_exit(struct world *world, int node);

/* ---- operator.c: one step towards a whole cluster, where some forgot others, or have no shard */
void operator_mend(struct world *world);
/* Slots that nobody serves though all nodes run go to who has most of their keys, as tools do it; were there any? */
bool operator_give_lost_slots(struct world *world);

#endif
