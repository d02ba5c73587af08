/* SPDX-License-Identifier: MIT */
/* The inside of a node: what its files share.  For server/node alone.
 *
 * Each part below is changed by one file only, named beside it; others read it. */
#ifndef STARLING_NODE_STATE_H
#define STARLING_NODE_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/hashtable.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/rng.h"
#include "cluster/cluster.h"
#include "command/exec.h"
#include "config/config.h"
#include "node/env.h"
#include "node/node.h"
#include "persist/oplog.h"
#include "persist/rdb.h"
#include "replication/primary.h"
#include "replication/replica.h"
#include "resp/request.h"
#include "resp/writer.h"
#include "session/session.h"
#include "spec/command_index.h"
#include "stats/metrics.h"
#include "stats/rate.h"
#include "stats/slowlog.h"
#include "stats/timing.h"

enum {
    BATCH_REQUESTS = 64,   /* split before any of them is executed */
    BATCH_KEYS = 1024,     /* hashed before they are looked up; others are by the command itself */
    BATCH_WINDOW_KEYS = 8, /* fetched at a time: processors have two dozen lines under way */
    NODE_SLICE_US = 200,   /* of one kind of long work in a pass */
    NODE_OUTPUT_FULL = 32 * 1024 * 1024, /* unread output at which a client is executed no more */
    NODE_OUTPUT_LOW = 1024 * 1024,       /* and at which it goes on */
    NODE_FEED_BUFFER = 256 * 1024,       /* a replica's output is filled up to here */
};

/* ---- requests on their way (batch.c, execute.c) ------------------------------------------- */

struct request {
    struct session *session;
    const struct command_spec *spec; /* NULL: there is no such command */
    struct bytes raw;
    uint32_t first_word;
    uint32_t word_count;
    uint32_t first_key; /* its keys among those of the batch, hashed for database db */
    uint32_t key_count; /* 0: none, or too many to be prepared */
    unsigned db;
    bool is_inline;
    bool is_plain; /* a data command that only the open_for of the batch and its session may stop */
};

struct batch {
    struct request requests[BATCH_REQUESTS];
    size_t count;
    const struct request *running;      /* NULL between them */
    uint32_t open_for;                  /* command flags for which no gate has anything to say */
    struct exec exec;                   /* what is the same for all requests */
    struct resp_limits limits;          /* of what authenticated clients send, */
    struct resp_limits stranger_limits; /* and others */
    struct resp_words words;
    struct key_ref keys[BATCH_KEYS];
    size_t key_count;
    struct key_window window;
    struct session *compact[BATCH_REQUESTS]; /* whose input is to be moved up afterwards */
    size_t compact_count;
};

/* One request while it is judged and executed. */
struct call {
    struct session *session;
    const struct command_spec *spec;
    const struct bytes *args;
    size_t arg_count;
    struct bytes raw; /* as it came */
    bool is_inline;
    struct resp_writer *reply;
};

/* ---- long work ------------------------------------------------------------------------------ */

struct snapshot { /* snapshot.c */
    bool is_on;
    bool to_file;
    bool is_for_sync; /* the file is that of sync_file.c */
    bool is_walked;   /* the walk is over, the end was written */
    uint64_t file;    /* env.fs handle, while to_file */
    struct rdb_writer writer;
    struct buf out;          /* encoded, not yet handed to the sinks */
    uint64_t offset;         /* of the image in the log */
    uint64_t changes_before; /* changes when it began: they are saved */
    uint64_t key_count;      /* for progress: keys when it began, */
    uint64_t written_count;  /* and those written so far */
    struct mono_time started_at;
    char marker[41]; /* ends the payload for replicas */
};

enum sync_file_phase {
    SYNC_FILE_NONE,
    SYNC_FILE_WALKING,
    SYNC_FILE_COMMITTING,
    SYNC_FILE_SENDING,
};

struct sync_file { /* sync_file.c */
    enum sync_file_phase phase;
    struct replication_position position; /* of the image */
    uint64_t file;                        /* that is being committed */
    uint64_t size;
};

struct saving {         /* snapshot.c */
    bool is_wanted;     /* as soon as no other image is being made */
    bool is_committing; /* the walk is over, the worker syncs and renames */
    bool is_last_ok;
    int64_t last_save_unix_s;
    int64_t last_duration_s; /* -1: none yet */
    struct mono_time last_try_at;
    uint64_t changes; /* since the last save */
    uint64_t file;    /* that is being committed */
    uint64_t changes_before;
    struct mono_time started_at;
    uint64_t save_count;
};

struct loading { /* load.c */
    bool is_on;  /* the file at start */
    char path[4096];
    uint64_t file_offset;
    uint64_t file_size;
    struct rdb_reader *reader;
    struct keyspace *target; /* new key space; the node's own while loading at start */
    int64_t now_ms;          /* expired keys are dropped on a primary */
    bool drops_expired;
    bool is_whole; /* the end has come and the checksum is right */
    struct mono_time started_at;
    struct mono_time told_at; /* of its progress */
    uint64_t key_count;
    uint64_t dropped_count;
    bool only_looks;      /* records are counted, */
    uint64_t clash_count; /* and those whose key is there already */
};

/* What becomes of the data that is there when the file is loaded again. */
enum load_mode {
    LOAD_REPLACE, /* it goes */
    LOAD_MERGE,   /* it stays where the file has no such key */
    LOAD_ADD,     /* it stays; the file may have none of its keys */
};

struct reload { /* debug_reload.c */
    bool is_on;
    unsigned options;
};

enum ending_phase {
    ENDING_NOT,
    ENDING_WAITING, /* for replicas */
    ENDING_SAVING,
};

enum ending_save {
    ENDING_DEFAULT, /* when there are save points */
    ENDING_SAVE,
    ENDING_NOSAVE,
};

struct ending { /* shutdown.c */
    enum ending_phase phase;
    enum ending_save save;
    bool is_now;    /* replicas are not waited for */
    bool is_forced; /* it ends although the data could not be saved */
    struct mono_time until;
};

/* The primary's bytes on their way into the log and the key space. */
struct stream { /* stream.c */
    struct resp_reader reader;
    struct resp_words words;
    struct buf in;    /* received, not yet applied */
    struct buf multi; /* requests from MULTI on, until EXEC */
    bool is_in_multi;
    unsigned db;                 /* selected in the stream */
    bool wants_ack;              /* REPLCONF GETACK came by */
    uint64_t ack_offset;         /* before it */
    struct buf replies;          /* thrown away */
    bool is_torn;                /* a part of a transaction was executed, which is not in the log */
    struct errmsg refusal;       /* why nothing more of the primary is executed; empty: it is */
    const struct bytes *running; /* words of the request that is being executed, or NULL */
    size_t running_count;
};

/* Why clients are held back.  Each reason has a pause of its own, so that the end of one does not end
 * the others. */
enum pause_reason {
    PAUSE_BY_CLIENT,    /* CLIENT PAUSE */
    PAUSE_FOR_TAKEOVER, /* one of our replicas is about to take over */
    PAUSE_FOR_END,      /* the last image is being made */
    PAUSE_FOR_RELOAD,   /* DEBUG RELOAD */
    PAUSE_REASONS
};

/* Wider ones are greater. */
enum pause_scope {
    PAUSE_NOTHING,
    PAUSE_WRITES, /* of clients, and what expiry would write */
    PAUSE_ALL,    /* every command of clients */
};

struct pause {
    enum pause_scope scope;
    struct mono_time until;
};

struct pauses { /* waiting.c */
    struct pause by_reason[PAUSE_REASONS];
    enum pause_scope scope; /* the widest of them */
    struct mono_time until; /* the first end of any of them; MONO_NEVER while there is none */
};

struct node_stats {
    struct exec_stats exec;
    uint64_t connections;
    uint64_t rejected_connections;
    uint64_t commands;
    uint64_t net_input_bytes, net_output_bytes;
    uint64_t sync_full, sync_partial_ok, sync_partial_err;
    uint64_t output_limit_disconnections;
    uint64_t query_limit_disconnections;
    uint64_t lease_dropped; /* replies withheld since the lease had run out */
    uint64_t rejected_calls[COMMAND_COUNT];
    uint64_t reads, writes; /* of sockets of sessions */
    uint64_t repl_input_bytes, repl_output_bytes;
    struct rate commands_rate, input_rate, output_rate, repl_input_rate, repl_output_rate;
    struct mono_time rates_at;   /* when they were looked at last */
    double expire_stale_percent; /* cron.c: of the last slice */
    uint64_t expire_cut_short;
    uint64_t expire_ns;
    size_t peak_memory;
};

struct node {
    struct env env;
    struct config config;
    struct moment now; /* of this pass */
    struct rng rng;
    struct mono_time started_at;
    uint64_t pid;
    char run_id[41];
    size_t arena_bytes;
    size_t startup_memory; /* in use before any data came */
    uint64_t hash_seed;

    struct keyspace *keyspace;
    struct keyspace *retired; /* given up after a full resync; freed at the end of the pass */
    struct oplog *log;
    int stream_db; /* that the log's reader has selected; -1: none */
    struct effects effects;
    bool is_primary; /* role.c */

    struct session_table sessions;
    struct command_index commands;        /* as clients name them; constant */
    struct command_index stream_commands; /* as primaries do: never renamed */
    struct list *next_checked; /* session whose turn it is, in sessions.all; NULL: the first */
    struct list touched, resumed, held;
    struct heap deadlines; /* of held sessions */
    struct batch batch;
    bool has_input;  /* this pass: a client has sent something */
    bool has_writes; /* this pass: replies need a lease to leave */
    bool wants_acks; /* a GETACK is due at the end of the pass */

    struct snapshot snapshot;
    struct sync_file sync_file;
    char sync_path[48];   /* of its file */
    struct list own_keys; /* own_expiry.c: each a struct own_key */
    struct hashtable own_names;
    struct saving saving;
    struct loading loading;
    struct reload reload;
    struct ending ending;
    struct pauses pauses;
    struct node_stats stats;
    struct timing timing;   /* execute.c, batch.c; told about time by node.c */
    struct slowlog slowlog; /* slowlog_commands.c */
    struct mono_time cron_at;
    bool has_work;   /* slices are waiting: do not sleep */
    bool has_upkeep; /* the key space has something to tidy up */
    bool is_active_expire_on;
    bool is_cron_paused; /* DEBUG PAUSE-CRON */
    bool is_freeing;
    bool has_exited;
    struct mono_time http_logged_at; /* gates.c; 0: never */

    /* primary_side.c: each is the feed of a struct outgoing */
    struct feed **feeds;
    size_t feed_count;
    size_t feed_cap;
    struct mono_time feeds_ping_at;
    struct mono_time filled_at; /* when replicas' outputs were filled last, */
    uint64_t filled_offset;     /* and up to where */
    bool has_asked_acks;        /* in this pass */

    /* replica_side.c */
    struct replica *replica;
    struct replica_actions replica_actions;
    uint64_t replica_link; /* env link, 0: none */
    uint64_t next_link;
    struct stream stream;   /* stream.c */
    bool is_data_complete;  /* whole data of the shard, as far as is known */
    char pending_host[256]; /* to follow once the file at start is loaded */
    uint16_t pending_port;

    struct cluster *cluster; /* cluster_side.c; NULL outside cluster mode */
    struct cluster_actions cluster_actions;
    bool is_cluster_acting; /* actions are being carried out: steps only append */
    struct mono_time cluster_wake_at;
    struct bus_link **bus_links;
    size_t bus_link_count;
    size_t bus_link_cap;
    uint32_t next_bus_number;
    uint64_t nodes_file; /* being written; 0: none */
    uint64_t nodes_sequence;
    struct buf nodes_next; /* to be written after that */
    uint64_t nodes_next_sequence;
    bool has_nodes_next;
    bool is_nodes_file_failing; /* the last try to write it failed */
    bool loses_slots;           /* keys of slots that others took are to be removed */
    unsigned clean_slot;        /* where that work stands */

    uint64_t rewrite_file; /* CONFIG REWRITE under way; 0: none */
};

/* A replica's session and what is known of it. */
struct outgoing {
    struct feed feed;
    struct session *session;
    bool is_old_sync;     /* asked by SYNC: gets no line before the payload */
    bool is_by_file;      /* its payload comes from a file: sync_file.c */
    uint64_t file_offset; /* so much of it has been put into the output */
};

/* ---- batch.c ---------------------------------------------------------------------------------- */
void batch_configure(struct node *node);
void batch_run(struct node *node);
void batch_deinit(struct batch *batch);
/* Read what a session has stashed or kept. */
void batch_resume(struct node *node, struct session *s);

/* ---- execute.c -------------------------------------------------------------------------------- */
/* Before the requests of a batch: look at what is the same for all of them. */
void execute_begin(struct node *node);
void execute_request(struct node *node, const struct request *request);

/* ---- slowlog_commands.c: what the slow log is told ------------------------------------------ */
/* By the options as they are now. */
void slowlog_configure(struct node *node);
/* The command took so long. */
void slowlog_note_request(struct node *node, const struct request *request, int64_t duration_us);
/* The batch has run and is still there. */
void slowlog_end_run(struct node *node);

/* ---- reply.c -----------------------------------------------------------------------------------*/
void node_log(const struct node *node, enum log_level level, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* Append an error reply. */
void reply_error(struct node *node, struct call *call, const char *format, ...) PRINTF_LIKE(3, 4);
void reply_unknown_sub(struct node *node, struct call *call);
/* There is no such subcommand, or not with these words: as CLUSTER and DEBUG say it. */
void reply_sub_misused(struct node *node, struct call *call);
/* Outside cluster mode: say so and return false. */
bool has_cluster(struct node *node, struct call *call);
void reply_help(struct call *call, const char *const *lines, size_t count);
/* Tell the shell that there is output, or that the session is to be closed. */
void node_touch(struct node *node, struct session *s);
void node_close_session(struct node *node, struct session *s, bool after_write);

/* ---- gates.c: true when the call may go on; else the answer was given ------------------------ */
bool gates_pass(struct node *node, struct call *call);
/* Flags of commands (read, write) for which no gate has anything to say just now, whoever asks, as
 * long as the arity fits, the client is authenticated and, in cluster mode, the slot is served
 * plainly.  True until a control command runs, or time passes. */
uint32_t gates_open_for(const struct node *node);
bool gate_route_keys(struct node *node, struct call *call); /* cluster_route.c */

/* ---- commit.c --------------------------------------------------------------------------------- */
/* Put the effects of database db into the log, in order, once. */
void commit_effects(struct node *node, struct effects *effects, unsigned db);
/* May this node put something into its log on its own account?  A primary with slots may not without
 * its lease: it may have been replaced, and would go on in a history that nobody shares. */
bool commit_is_allowed(const struct node *node);
/* Is this a primary with slots, whose writes (of keys or of everything) need its lease? */
bool commit_needs_lease(const struct node *node);
/* Put a request that is no effect into the log (PING, REPLCONF GETACK). */
void commit_plain(struct node *node, const char *word1, const char *word2, const char *word3);
void commit_trim_log(struct node *node);
struct exec node_exec(struct node *node, unsigned db);

/* ---- waiting.c: the one waiting rule -------------------------------------------------------- */
void waiting_hold(struct node *node, struct session *s, enum session_hold hold,
                  struct mono_time until);
void waiting_release(struct node *node, struct session *s);
/* Acknowledgements have come: release whom they satisfy. */
void waiting_on_acks(struct node *node);
void waiting_on_time(struct node *node);
/* A file that sessions wait for is on disk, or is not (problem says why). */
void waiting_on_file(struct node *node, enum session_hold hold, const char *problem);
void waiting_on_demotion(struct node *node);
/* Of two pauses for the same reason the later end and the wider scope count. */
void waiting_pause(struct node *node, enum pause_reason reason, struct mono_time until,
                   enum pause_scope scope);
void waiting_unpause(struct node *node, enum pause_reason reason);
/* Argument index as a time to wait; false after an error reply. */
bool timeout_argument(struct node *node, struct call *call, size_t index, int64_t *ms);
bool waiting_is_paused_for(const struct node *node, const struct command_spec *spec);

/* ---- snapshot.c, load.c ----------------------------------------------------------------------- */
bool snapshot_is_saving(const struct node *node);
/* Begin to save now, or as soon as an image for replicas is done. */
void snapshot_save(struct node *node);
/* Is the file ours?  It is on disk, or will never be. */
bool snapshot_file_done(struct node *node, uint64_t file, bool is_ok, const struct errmsg *error);
/* FLUSHALL: a file with what is gone would bring it back, so it is replaced at once. */
void snapshot_after_flush(struct node *node);
/* Feeds that wait for an image get one as soon as possible. */
void snapshot_start_when_wanted(struct node *node);
/* One slice; true when there is more to do at once. */
bool snapshot_step(struct node *node);
void snapshot_cancel(struct node *node, const char *reason);
void snapshot_check_save_points(struct node *node);

bool load_begin(struct node *node, struct errmsg *error);
void load_step(struct node *node);
/* Read the whole file now.  False with a reason, and the data as it was, when that cannot be. */
MUST_USE bool load_file_again(struct node *node, enum load_mode mode, struct errmsg *error);
struct keyspace *node_new_keyspace(struct node *node);
/* The file at start has been loaded, or there was none. */
void node_loaded(struct node *node);
void load_snapshot_begin(struct node *node);
bool load_snapshot_bytes(struct node *node, struct bytes bytes, struct errmsg *error);
bool load_snapshot_end(struct node *node, struct errmsg *error);
void load_snapshot_abort(struct node *node);

/* ---- own_expiry.c ----------------------------------------------------------------------------- */
/* A client has changed data on this replica. */
void own_expiry_note(struct node *node, const struct exec *x);
/* Remove some of those that have expired. */
void own_expiry_round(struct node *node);
/* This is no replica any more, or its data was replaced. */
void own_expiry_forget_all(struct node *node);

/* ---- shutdown.c ------------------------------------------------------------------------------- */
/* In each pass: what the end waits for may have come. */
void shutdown_step(struct node *node);
/* A save is over. */
void shutdown_saved(struct node *node, bool is_ok);

/* ---- sync_file.c ------------------------------------------------------------------------------ */
/* Remove what an earlier run with our process id has left. */
void sync_file_init(struct node *node);
/* Whoever is being sent the file will not get the rest. */
void sync_file_deinit(struct node *node);
/* Somebody waits for a payload of known size, and none is being made. */
bool sync_file_is_wanted(const struct node *node);
/* An image for all who wait is about to be made; the path of its file. */
const char *sync_file_begin(struct node *node);
/* It was written whole. */
void sync_file_commit(struct node *node, uint64_t file);
/* It is on disk, or will never be. */
void sync_file_done(struct node *node, bool is_ok, const struct errmsg *error);
/* Fill the outputs of those who take it. */
void sync_file_send(struct node *node);
/* The offset that the log is needed from; UINT64_MAX for none. */
uint64_t sync_file_keeps_from(const struct node *node);

/* ---- primary_side.c --------------------------------------------------------------------------- */
void primary_session_closed(struct node *node, struct session *s);
/* Fill the outputs of online replicas from the log. */
void primary_fill(struct node *node);
void primary_cron(struct node *node);
void primary_drop_feeds(struct node *node, const char *reason);
size_t primary_acked_count(const struct node *node, uint64_t offset);
size_t primary_good_replicas(const struct node *node);
struct session *feed_session(const struct feed *feed);

/* ---- replica_side.c --------------------------------------------------------------------------- */
void replica_side_event(struct node *node, const struct replica_event *event);
void replica_side_tick(struct node *node);
bool replica_side_link_is_up(const struct node *node);
void replica_side_configure(struct node *node);
/* Where our log stands. */
struct replication_position node_position(const struct node *node);

/* ---- stream.c --------------------------------------------------------------------------------- */
/* Append to the log and execute whatever is complete.  False with a reason when the bytes are no
 * requests, or, when stream.refusal has the same reason, one that cannot be executed here. */
bool stream_apply(struct node *node, struct bytes bytes, struct errmsg *error);
/* Drop what was not complete; db is selected from now on. */
void stream_restart(struct node *node, unsigned db);
void stream_deinit(struct stream *stream);

/* ---- role.c: who we are ----------------------------------------------------------------------- */
void node_follow(struct node *node, const char *host, uint16_t port);
void node_become_primary(struct node *node);

/* ---- cluster_side.c --------------------------------------------------------------------------- */
bool cluster_side_start(struct node *node, struct errmsg *error);
void cluster_side_stop(struct node *node);
void cluster_side_tick(struct node *node);
void cluster_side_file_done(struct node *node, bool is_ok, const struct errmsg *error);
/* cluster_commands.c: this nodes file, or a newer one, is on disk, or is not (problem says why). */
void cluster_commands_on_file(struct node *node, uint64_t sequence, const char *problem);
void cluster_side_link_up(struct node *node, uint64_t link, const char *local_ip);
void cluster_side_link_input(struct node *node, uint64_t link, struct bytes input);
void cluster_side_link_down(struct node *node, uint64_t link, const char *reason);
size_t cluster_side_link_count(const struct node *node);
/* Bytes of the links of the bus and what waits on them. */
size_t cluster_side_link_memory(const struct node *node);
/* Our own data or its link changed: the other nodes are to know. */
void cluster_side_status(struct node *node);
/* Carry out what a command of the cluster has asked for. */
void cluster_side_act(struct node *node);
/* One slice of removing keys of lost slots. */
bool cluster_side_clean_slots(struct node *node);
/* The options that CONFIG SET may have changed. */
void cluster_side_configure(struct node *node);

/* ---- cron.c, info.c, reports ------------------------------------------------------------------ */
void cron_run(struct node *node);
/* The session is about to go. */
void cron_forget_session(struct node *node, const struct session *s);
/* Remove some expired keys; true when there are more. */
bool node_expire_slice(struct node *node);
/* Close the session when its output is beyond its class' limit. */
bool node_output_is_too_long(struct node *node, struct session *s);
/* Fill in one section; lines is empty before, and what its metrics borrow afterwards. */
void metrics_collect(struct node *node, enum metric_section section, struct metrics *m,
                     struct buf *lines);
void replication_collect(struct node *node, struct metrics *m, struct buf *lines);
void info_write(struct node *node, const struct bytes *words, size_t count, struct buf *out);
size_t node_used_memory(const struct node *node);
/* The same; the peak is remembered. */
size_t node_note_memory(struct node *node);
void apply_config(struct node *node);
/* ---- control commands: one function a row of commands.def ----------------------------------- */
typedef void control_fn(struct node *node, struct call *call);

#define DATA(...)
#define CONTROL(id, function, ...)     control_fn control_##function;
#define SUB(parent, id, function, ...) control_fn control_##function;
#define DATA_SUB(...)
#include "spec/commands.def"
#undef DATA
#undef CONTROL
#undef SUB
#undef DATA_SUB

#endif
