/* SPDX-License-Identifier: MIT */
/* The replica side of replication: from "follow that primary" to a stream of its bytes.
 *
 * A pure state machine: time and events in, actions out.  It speaks the handshake, cuts the
 * snapshot out of the connection and paces acknowledgements and retries; executing the
 * stream and loading the snapshot are the node's.
 *
 *            start               link up               +FULLRESYNC
 *     IDLE ---------> CONNECTING --------> HANDSHAKE ---------------> WAIT_SNAPSHOT
 *      ^               ^   |                |  |                          | $<n> or $EOF:
 *      | stop          |   | any failure    |  | +CONTINUE                v
 *      | (from         |   v                |  +----------> STREAMING <- LOADING
 *      |  anywhere)   WAITING <-------------+------------------+-----------+
 *                      (backoff)             any failure
 *
 * Offsets.  The node's log end is what Redis calls the replication offset.  PSYNC asks for the
 * first byte wanted in Redis' counting, which is log end + 1.
 *
 * Invariants:  (1) stream bytes go out only while STREAMING, in order, each once
 *              (2) between SNAPSHOT_BEGIN and SNAPSHOT_END or SNAPSHOT_ABORT all payload bytes
 *                  go out in order; the marker of an $EOF payload never does
 *              (3) an answer is never held back for more input
 *              (4) while shaking hands some answer is awaited
 *              (5) stream bytes are kept only while the snapshot before them is being loaded
 *              (6) an attempt is waited for between 100 ms and 1600 ms, with growing patience
 * Owns copies of what it is told; what it wants done is in replica_actions.h. */
#ifndef STARLING_REPLICATION_REPLICA_H
#define STARLING_REPLICATION_REPLICA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "replication/introduction.h"
#include "replication/position.h"
#include "replication/replica_actions.h"

enum replica_phase {
    REPLICA_IDLE,
    REPLICA_WAITING, /* until the next attempt */
    REPLICA_CONNECTING,
    REPLICA_HANDSHAKE,
    REPLICA_WAIT_SNAPSHOT, /* full resync agreed, payload not begun */
    REPLICA_LOADING,       /* payload is coming in, or is whole and being loaded */
    REPLICA_STREAMING,
};

struct replica_settings {
    int64_t timeout_ms;       /* repl-timeout: silence after which the link counts as dead */
    uint16_t announce_port;   /* REPLCONF listening-port */
    const char *announce_ip;  /* REPLCONF ip-address; NULL or "": not sent */
    const char *primary_user; /* masteruser; NULL or "": none */
    const char *primary_auth; /* masterauth; NULL or "": no AUTH */
    const char *version;      /* REPLCONF version a.b.c; NULL or "": not sent */
    bool can_rewind;          /* REPLCONF capa rewind */
};

enum replica_event_type {
    REPLICA_EVENT_START, /* host, port: follow this primary, or another one than so far */
    REPLICA_EVENT_STOP,
    REPLICA_EVENT_LINK_UP,         /* position: what our log has; self, primary_id: of a node of a
                                      cluster */
    REPLICA_EVENT_LINK_DOWN,       /* reason */
    REPLICA_EVENT_BYTES,           /* bytes from the primary */
    REPLICA_EVENT_SNAPSHOT_LOADED, /* position after it: offset as in SNAPSHOT_BEGIN */
    REPLICA_EVENT_SNAPSHOT_FAILED, /* reason: it could not be stored or loaded */
    REPLICA_EVENT_GETACK,          /* position.offset: before the bytes of REPLCONF GETACK */
    REPLICA_EVENT_TICK,            /* position.offset: what was executed so far */
};

struct replica_event {
    enum replica_event_type type;
    const char *host;
    uint16_t port;
    struct replication_position position;
    uint64_t
        durable_offset; /* TICK, GETACK: so far our log is on disk; 0: nothing is known of it */
    struct bytes bytes;
    const char *reason;
    const struct introduction_self *self; /* NULL: not in a cluster */
    uint64_t memory; /* LINK_UP: the primary is to know what we have by this number; 0: by none */
    struct cluster_id primary_id; /* who is expected there */
};

struct replica;

struct replica *replica_new(const struct replica_settings *settings, uint64_t seed);
void replica_free(struct replica *replica);
/* Texts are copied; the handshake under way is not begun again. */
void replica_configure(struct replica *replica, const struct replica_settings *settings);

void replica_step(struct replica *replica, struct mono_time now, const struct replica_event *event,
                  struct actions *actions);

enum replica_phase replica_get_phase(const struct replica *replica);
/* For INFO and ROLE.  Times: MONO_NEVER when it never happened. */
struct replica_report {
    enum replica_phase phase;
    const char *role_state; /* connect, connecting, handshake, sync, connected */
    const char *host;
    uint16_t port;
    bool is_link_up; /* master_link_status: streaming */
    struct mono_time last_io_at;
    struct mono_time link_down_since; /* when streaming ended, or when following began */
    bool has_streamed;                /* since following this primary began */
    uint64_t snapshot_size;           /* or REPLICATION_SIZE_UNKNOWN */
    uint64_t snapshot_received;
};
struct replica_report replica_get_report(const struct replica *replica);
void replica_check(const struct replica *replica);

#endif
