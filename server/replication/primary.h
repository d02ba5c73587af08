/* SPDX-License-Identifier: MIT */
/* The primary side of replication: what is known of each replica, and what it is due.
 *
 * A struct feed belongs to one replica's session.  It holds facts and makes decisions; moving
 * bytes from the log or the snapshot into the session's output is the node's.
 *
 *                  PSYNC: full                   first byte of it      all sent ($<n>)
 *     HANDSHAKE ---------------> WAIT_SNAPSHOT ------------------> SNAPSHOT --------> ONLINE
 *         |                                                          | all sent ($EOF)   ^
 *         | PSYNC: continue                                          v                   |
 *         |                                                      WAIT_ACK ---------------+
 *         |                                                               first ACK      |
 *         +------------------------------------------------------------------------------+
 *
 * Offsets are those of the log: the number of bytes before a place.  On the wire PSYNC names the
 * first byte wanted, counted from 1, which is one more.
 *
 * Invariants:  (1) phases change as drawn, and never go back
 *              (2) what a replica has acknowledged, or has on disk, was sent to it
 *              (3) nothing is acknowledged before the log is read for it */
#ifndef STARLING_REPLICATION_PRIMARY_H
#define STARLING_REPLICATION_PRIMARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/errmsg.h"
#include "base/lineage.h"
#include "replication/introduction.h"
#include "replication/position.h"

enum {
    FEED_IP_SIZE = 256,
    FEED_MARKER_LEN = 40, /* of an $EOF payload */
};

enum feed_phase {
    FEED_HANDSHAKE,
    FEED_WAIT_SNAPSHOT,
    FEED_SNAPSHOT,
    FEED_WAIT_ACK,
    FEED_ONLINE,
};

enum feed_capabilities {
    FEED_CAPA_EOF = 1 << 0,    /* takes a payload of unknown size */
    FEED_CAPA_PSYNC2 = 1 << 1, /* takes +CONTINUE with an id */
    FEED_CAPA_REWIND = 1 << 2, /* takes -REWIND: one of ours */
    FEED_CAPA_BACKUP = 1 << 3, /* no replica: whoever keeps the stream confirms nothing with that */
};

struct feed {
    enum feed_phase phase;
    uint32_t capabilities;
    bool is_eof_payload;
    uint16_t listening_port; /* 0 when not told */
    char announced_ip[FEED_IP_SIZE];
    char version[32];                 /* as told by REPLCONF version */
    char peer_ip[FEED_IP_SIZE];       /* where its connection comes from */
    struct introduction introduction; /* of a node of our cluster */
    uint64_t memory; /* REPLCONF memory: what it has is told by this number; 0: not told */
    bool is_over;    /* what it is sent is not our history any more: it confirms nothing */
    uint64_t cursor; /* next byte of the log to send; the node advances it */
    uint64_t acked_offset;
    uint64_t acked_synced_offset; /* FACK: what it has on disk */
    struct mono_time acked_at;    /* last ACK, or when it came online */
    struct mono_time heard_at;    /* last byte of any kind */
    struct mono_time newline_at;  /* last keepalive before the payload */
};

/* peer_ip: where its connection comes from. */
void feed_init(struct feed *feed, struct mono_time now, struct bytes peer_ip);

/* What to do with a REPLCONF of a replica. */
enum feed_result {
    FEED_REPLY_OK = 0, /* +OK */
    FEED_REPLY_NONE,   /* an ACK: no reply */
    FEED_REPLY_ERROR,  /* -ERR and the message */
};
/* words: everything behind REPLCONF, pairs of option and value.  Unknown capabilities are
 * ignored; an unknown option is an error.  An ACK that completes a transfer puts the feed
 * online. */
MUST_USE enum feed_result feed_take_replconf(struct feed *feed, struct mono_time now,
                                             const struct bytes *words, size_t count,
                                             struct errmsg *error);
/* A byte came from the replica (bare newlines while it loads, too). */
void feed_heard(struct feed *feed, struct mono_time now);

/* What the log has. */
struct feed_log_facts {
    struct history_id history;
    const struct lineage *lineage; /* borrowed: the histories before */
    uint64_t start;                /* first byte still kept */
    uint64_t end;
    bool takes_rewind; /* the replica does */
};

enum psync_decision {
    PSYNC_CONTINUE, /* *out_offset: send the log from here */
    PSYNC_FULL,     /* send a snapshot */
    PSYNC_REWIND, /* *out_offset: its history is ours up to here only; it is to go back and ask again */
    PSYNC_INVALID, /* not a PSYNC: reply -ERR and the message */
};
/* Decide about PSYNC <id> <offset>.  reason (may be NULL) is told why it is full, for the log. */
MUST_USE enum psync_decision psync_decide(const struct feed_log_facts *facts, struct bytes id,
                                          struct bytes offset, uint64_t *out_offset,
                                          struct errmsg *reason);

/* Moves; each also sets cursor and times.  full and continue also append the line to send. */
void feed_start_full(struct feed *feed, struct mono_time now);
/* The snapshot was begun: history and offset that it stands for.  The live stream
 * will start at offset. */
void feed_start_snapshot(struct feed *feed, struct mono_time now,
                         const struct replication_position *position, struct buf *out);
void feed_start_continue(struct feed *feed, struct mono_time now,
                         const struct replication_position *position, struct buf *out);
/* Append the head of the payload: "$<size>", or with REPLICATION_SIZE_UNKNOWN "$EOF:<marker>"
 * (marker: FEED_MARKER_LEN random bytes, which the node sends again behind the payload). */
void feed_format_payload_head(struct feed *feed, uint64_t size, struct bytes marker,
                              struct buf *out);
/* Everything of the payload is in the output.  Afterwards the feed is online, or waits for
 * the replica's first ACK. */
void feed_end_snapshot(struct feed *feed, struct mono_time now);

/* Called at least once a second for each feed. */
enum feed_due {
    FEED_DUE_NOTHING,
    FEED_DUE_NEWLINE, /* send a bare "\n": it is waiting for its snapshot */
    FEED_DUE_CLOSE,   /* silent for too long: close its session */
};
enum feed_due feed_tick(struct feed *feed, struct mono_time now, int64_t timeout_ms);

/* Is it time for a PING in the stream?  Sets *last_ping_at when it is. */
bool primary_ping_is_due(struct mono_time *last_ping_at, struct mono_time now, int64_t period_ms);

/* Over the feeds of all replicas (NULL entries and backups are skipped): how many nodes are online and have
 * acknowledged offset (or have it on disk), and how many are online and were heard of
 * within max_lag_ms.  A node counts once, though a connection of it that is dead may still be there beside its successor: it
 * is told by its id, or else by the address and port that it announces; one that announces no port is told by its
 * connection. */
size_t feeds_count_acked(const struct feed *const *feeds, size_t count, uint64_t offset);
size_t feeds_count_synced(const struct feed *const *feeds, size_t count, uint64_t offset);
size_t feeds_count_good(const struct feed *const *feeds, size_t count, struct mono_time now,
                        int64_t max_lag_ms);
/* Up to where has the node acknowledged, with this memory (synced: what it has on disk)?  False: no replica of ours
 * is that. */
MUST_USE bool feeds_find_acked(const struct feed *const *feeds, size_t count,
                               const struct cluster_id *node, uint64_t memory, bool synced,
                               uint64_t *out);
/* Is it that of a replica which receives the stream? */
bool feed_is_replica(const struct feed *feed);
/* The smallest cursor of all feeds, UINT64_MAX without any: the log must be kept from there. */
uint64_t feeds_oldest_cursor(const struct feed *const *feeds, size_t count);
/* wait_bgsave, send_bulk or online: the state in INFO replication. */
const char *feed_phase_name(enum feed_phase phase);
void feed_check(const struct feed *feed);

#endif
