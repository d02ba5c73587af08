/* SPDX-License-Identifier: MIT */
/* What the server remembers about one client connection: who it is, how it wants to be
 * answered, what it has sent that was not yet executed, what it was answered that was not yet
 * written.
 *
 * A session knows no socket.  The shell that owns the connection appends input through the
 * node and takes output from session_output().  Its parts are input, output and hold, with a header
 * each.
 *
 * Invariants:  (1) while SESSION_HELD no request of this session is executed: what arrives
 *                  is kept or put back, in order, and is read again on release
 *              (2) SESSION_TOUCHED is set exactly while the session is in the table's list touched
 *              (3) a session is found by its id, and ids ascend in the list all
 * Owned by struct session_table.  Loop thread only. */
#ifndef STARLING_SESSION_SESSION_H
#define STARLING_SESSION_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/hashtable.h"
#include "base/list.h"
#include "resp/writer.h"
#include "session/hold.h"
#include "session/input.h"
#include "session/output.h"
#include "spec/command.h"

enum session_flags {
    SESSION_AUTHENTICATED = 1 << 0,
    SESSION_CLUSTER_READONLY = 1 << 1, /* READONLY was said */
    SESSION_ASKING = 1 << 2,           /* for the next command */
    SESSION_REPLY_OFF = 1 << 3,
    SESSION_REPLY_SKIP_NEXT = 1 << 4, /* CLIENT REPLY SKIP was said: the next command is silent */
    SESSION_REPLY_SKIP = 1 << 5,      /* this command is silent */
    SESSION_CLOSE_AFTER_WRITE = 1 << 6,
    SESSION_CLOSE_NOW = 1 << 7,
    SESSION_UNIX = 1 << 8,
    SESSION_NO_EVICT = 1 << 9,
    SESSION_NO_TOUCH = 1 << 10,
    SESSION_HELD = 1 << 11,         /* its reply waits: see session/hold.h */
    SESSION_TOUCHED = 1 << 12,      /* is in the list of sessions with something to write */
    SESSION_RESUMED = 1 << 13,      /* is in the list of sessions whose input is to be read again */
    SESSION_REPLICA = 1 << 14,      /* said PSYNC or SYNC */
    SESSION_CLOSED = 1 << 15,       /* the shell has dropped the connection */
    SESSION_SUBSCRIBED = 1 << 16,   /* listens to channels or patterns: see session/pubsub.h */
    SESSION_IN_MULTI = 1 << 17,     /* what it sends is queued: see session/queue.h */
    SESSION_WATCH_BROKEN = 1 << 18, /* a key that it watches has changed: see session/watch.h */
    SESSION_TRACKING = 1 << 19,     /* is told what changes: see session/tracking.h */
    SESSION_CACHING = 1 << 20,      /* CLIENT CACHING was said: for the next command */
    SESSION_LIMITED = 1 << 21,      /* its user may not do everything: see session/acl.h */
    SESSION_MONITOR = 1 << 22,      /* is shown every command: see node/monitor.h */
    SESSION_CAPA_REDIRECT = 1 << 23, /* can follow REDIRECT errors of replicas outside a cluster */
    SESSION_AWAITS_DISK = 1 << 24,   /* with barred: what it is told has to be durable */
    SESSION_SENT_ON = 1 << 25,       /* by a MOVED to one that serves a hot slot, too */
};

enum {
    /* What makes a request of the session more than its command; authenticated is the usual. */
    SESSION_SPECIAL = SESSION_AUTHENTICATED | SESSION_ASKING | SESSION_REPLY_OFF |
                      SESSION_REPLY_SKIP_NEXT | SESSION_REPLY_SKIP | SESSION_REPLICA |
                      SESSION_SUBSCRIBED | SESSION_IN_MULTI | SESSION_CACHING | SESSION_LIMITED |
                      SESSION_MONITOR | SESSION_CAPA_REDIRECT,
};

enum {
    SESSION_ADDRESS_TEXT = 128,
};

struct acl_user;
struct blocked_wait;
struct hot_reads;
struct pubsub_listener;
struct tracker;
struct queue;
struct watcher;

struct session_peer {
    char address[SESSION_ADDRESS_TEXT]; /* "ip:port", or the path of a unix socket with ":0" */
    char local[SESSION_ADDRESS_TEXT];
    bool is_unix;
    bool is_loopback;
    int fd; /* for CLIENT LIST only */
};

struct session {
    /* What every request touches comes first. */
    uint32_t flags;
    unsigned db;
    int protocol; /* 2 or 3 */
    struct output output;
    struct input input;
    struct mono_time active_at; /* the last request */
    const struct command_spec *last_command;
    uint64_t command_count;
    uint64_t bytes_in;
    uint64_t last_write_offset; /* of the log after its last write, */
    uint64_t last_write_mark;   /* and of which history that was: history_mark */
    struct list touched;
    struct blocked_wait *waiting_for; /* with HOLD_KEYS; owned by node */
    struct feed *feed; /* replication, when it is a replica or about to be one; owned by node */
    void *shell;       /* the connection, for the shell alone */
    struct tracker *tracker;          /* with SESSION_TRACKING; owned by session/tracking.h */
    struct pubsub_listener *listener; /* with SESSION_SUBSCRIBED; owned by session/pubsub.h */
    struct queue *queue;              /* NULL until the first MULTI */
    struct watcher *watcher;          /* while it watches keys; owned by session/watch.h */

    const struct acl_user *user; /* as whom it acts; "default" before it has said; owned by node */
    uint64_t id;
    struct hold hold;
    struct buf name;
    struct buf lib_name;
    struct buf lib_version;
    struct mono_time created_at;
    uint64_t
        forwarded_link; /* its last write was passed on there, to the owner of a slot; 0: not */
    struct hot_reads *hot_reads;         /* what it has asked of hot slots; NULL: nothing */
    size_t memory_counted;               /* of what maxmemory-clients limits; node's */
    struct mono_time over_soft_limit_at; /* when output passed the soft limit; 0 if it is below */
    struct hashtable_node by_id;
    struct list all;
    struct list monitoring;     /* with SESSION_MONITOR: among those who are shown everything */
    struct list barred;         /* among those whose output waits for the disk, or for replicas, */
    struct mono_time barred_at; /* since some of it left last, or since it began to */
    struct session_peer peer;
};

struct session_table {
    struct hashtable by_id;
    struct list all; /* oldest first */
    size_t count;
    uint64_t next_id;
    struct list touched; /* those with something to write, or to be closed */
    struct output_spares spares;
};

void session_table_init(struct session_table *table);
/* Every session must have been removed. */
void session_table_deinit(struct session_table *table);
struct session *session_new(struct session_table *table, const struct session_peer *peer,
                            struct mono_time now);
void session_free(struct session_table *table, struct session *s);
struct session *session_find(const struct session_table *table, uint64_t id);

/* Put it into the list of those that the shell is to look at. */
void session_touch(struct session_table *table, struct session *s);
/* The same, before all that are in it: what it has to write leaves before their replies. */
void session_touch_first(struct session_table *table, struct session *s);
/* One of them, or NULL; it is no longer in the list. */
struct session *session_take_touched(struct session_table *table);

/* Before something is written to its output: a buffer that is there already, when it has none. */
void session_take_buffer(struct session_table *table, struct session *s);
/* The writer of replies to s. */
struct resp_writer session_writer(struct session *s);
/* Bytes that are to be written, in at most max pieces; borrowed until the next change of the
 * session.  Returns how many pieces there are. */
size_t session_output(const struct session *s, struct bytes *pieces, size_t max);
/* The first len of them were written. */
void session_output_done(struct session_table *table, struct session *s, size_t len);
/* All that was not written; and what of it may leave now. */
static inline size_t session_output_pending(const struct session *s)
{
    return output_pending(&s->output);
}

static inline size_t session_output_ready(const struct session *s)
{
    return output_ready(&s->output);
}

/* Bytes of input and output buffers, of queued requests and watched keys. */
size_t session_memory(const struct session *s);
static inline bool session_is_closing(const struct session *s)
{
    return (s->flags & (SESSION_CLOSE_AFTER_WRITE | SESSION_CLOSE_NOW | SESSION_CLOSED)) != 0;
}

/* The id of the session that is told of changes in its place: 0 none, -1 it is not told of any. */
int64_t session_redirection(const struct session *s);
/* One line as CLIENT LIST has it, without a line end. */
void session_describe(const struct session *s, struct mono_time now, struct buf *out);

/* Its flags, as letters of that line; and what it can do. */
void session_describe_flags(const struct session *s, struct buf *out);
const char *session_capabilities(const struct session *s);

/* Assert the invariants of the table and of all its sessions, their parts included. */
void session_table_check(const struct session_table *table);

#endif
