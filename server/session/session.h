/* SPDX-License-Identifier: MIT */
/* What the server remembers about one client connection: who it is, how it wants to be
 * answered, what it has sent that was not yet executed, what it was answered that was not yet
 * written.
 *
 * A session knows no socket.  The shell that owns the connection appends input through the
 * node and takes output from session_output().
 *
 * Output is a buffer, with blocks (large values) that are to be sent in the midst of it.  A session
 * has a buffer only while there is something to send: buffers go round among all sessions, so those
 * that are idle cost none, and those that are busy find one that is warm.
 *
 * Invariants:  (1) out_sent <= out.len, and out_sent <= the first piece's place
 *              (2) while SESSION_HELD no request of this session is executed: what arrives
 *                  goes to stash, in order, and is read again on release
 * Owned by struct session_table.  Loop thread only. */
#ifndef STARLING_SESSION_SESSION_H
#define STARLING_SESSION_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/hashtable.h"
#include "base/heap.h"
#include "base/list.h"
#include "resp/request.h"
#include "resp/writer.h"
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
    SESSION_HELD = 1 << 11,    /* its reply waits: see enum session_hold */
    SESSION_TOUCHED = 1 << 12, /* is in the list of sessions with something to write */
    SESSION_RESUMED = 1 << 13, /* is in the list of sessions whose stash is to be read */
    SESSION_REPLICA = 1 << 14, /* said PSYNC or SYNC */
    SESSION_WROTE = 1 << 15,   /* changed data in this pass: its replies need a lease to leave */
    SESSION_CLOSED = 1 << 16,  /* the shell has dropped the connection */
};

enum {
    /* What makes a request of the session more than its command; authenticated is the usual. */
    SESSION_SPECIAL = SESSION_AUTHENTICATED | SESSION_ASKING | SESSION_REPLY_OFF |
                      SESSION_REPLY_SKIP_NEXT | SESSION_REPLY_SKIP | SESSION_REPLICA,
};

enum session_hold {
    HOLD_NONE,
    HOLD_WAIT,   /* WAIT: replicas' acknowledgements */
    HOLD_PAUSE,  /* CLIENT PAUSE or a manual failover */
    HOLD_SAVE,   /* SAVE: the file is on disk */
    HOLD_END,    /* SHUTDOWN: the end, or why it does not come */
    HOLD_RELOAD, /* DEBUG RELOAD: the data is back */
    HOLD_CONFIG, /* CONFIG REWRITE: the file is on disk */
    HOLD_NODES,  /* CLUSTER: the nodes file with the change is on disk */
    HOLD_OUTPUT, /* it does not read what it was answered */
};

enum {
    SESSION_ADDRESS_TEXT = 128,
};

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
    enum session_hold hold;
    struct buf out;
    size_t out_sent;            /* front part of out that was written */
    struct resp_pieces pieces;  /* blocks that are sent between parts of out */
    size_t piece_sent;          /* of the first one */
    struct buf in;              /* the beginning of a request that is not complete */
    size_t in_consumed;         /* front part of in that the running batch has split already */
    struct mono_time active_at; /* the last request */
    const struct command_spec *last_command;
    uint64_t command_count;
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t last_write_offset;
    struct list touched;
    struct feed *feed; /* replication, when it is a replica or about to be one; owned by node */
    void *shell;       /* the connection, for the shell alone */
    struct resp_reader reader;

    uint64_t id;
    struct buf stash; /* whole requests that arrived while held */
    struct buf name;
    struct buf lib_name;
    struct buf lib_version;
    struct heap_node deadline; /* of the hold, in ms of monotonic time */
    uint64_t wait_offset;      /* HOLD_WAIT; HOLD_NODES: number of the file */
    uint32_t wait_replicas;    /* HOLD_WAIT */
    struct mono_time created_at;
    struct mono_time over_soft_limit_at; /* when output passed the soft limit; 0 if it is below */
    struct hashtable_node by_id;
    struct list all;
    struct list resumed;
    struct list held;
    struct session_peer peer;
};

enum {
    SESSION_SPARE_BUFFERS = 64,
};

struct session_table {
    struct hashtable by_id;
    struct list all; /* oldest first */
    size_t count;
    uint64_t next_id;
    struct buf spare[SESSION_SPARE_BUFFERS]; /* empty output buffers; the last was used last */
    size_t spare_count;
};

void session_table_init(struct session_table *table);
/* Every session must have been removed. */
void session_table_deinit(struct session_table *table);
struct session *session_new(struct session_table *table, const struct session_peer *peer,
                            struct mono_time now);
void session_free(struct session_table *table, struct session *s);
struct session *session_find(const struct session_table *table, uint64_t id);

/* Before something is written to out: a buffer that is there already, when it has none. */
void session_take_buffer(struct session_table *table, struct session *s);
/* The writer of replies to s. */
struct resp_writer session_writer(struct session *s);
/* Bytes that are to be written, in at most max pieces; borrowed until the next change of the
 * session.  Returns how many pieces there are. */
size_t session_output(const struct session *s, struct bytes *pieces, size_t max);
/* The first len of them were written. */
void session_output_done(struct session_table *table, struct session *s, size_t len);
/* Take back what was written behind the first out_len bytes of out; none of it was sent. */
void session_output_cut(struct session *s, size_t out_len);
size_t session_output_pending(const struct session *s);
/* Bytes of input and output buffers. */
size_t session_memory(const struct session *s);
bool session_is_closing(const struct session *s);

/* Put what was stashed in front of the incomplete request, to be read again. */
void session_unstash(struct session *s);

/* One line as CLIENT LIST has it, without a line end. */
void session_describe(const struct session *s, struct mono_time now, struct buf *out);

#endif
