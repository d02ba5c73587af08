/* SPDX-License-Identifier: MIT */
/* What the replica side wants done: data, in the order in which it is to be done.
 *
 * The caller owns the list, clears it, hands it to replica_step and carries the actions out; an
 * all-zero list is empty.
 *
 * Invariants:  (1) a list holds one step, at most REPLICA_ACTIONS_MAX actions
 *              (2) text_start and text_len lie within text
 * Borrowed bytes in actions are valid until the next step. */
#ifndef STARLING_REPLICATION_REPLICA_ACTIONS_H
#define STARLING_REPLICATION_REPLICA_ACTIONS_H

#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/log.h"
#include "replication/position.h"

enum replica_action_type {
    REPLICA_ACTION_CONNECT,        /* host, port: report LINK_UP or LINK_DOWN */
    REPLICA_ACTION_CLOSE,          /* drop the link, report nothing more about it */
    REPLICA_ACTION_SEND,           /* bytes */
    REPLICA_ACTION_SNAPSHOT_BEGIN, /* position: history and offset that it stands for; size or
                                      REPLICATION_SIZE_UNKNOWN.  Old data is kept meanwhile */
    REPLICA_ACTION_SNAPSHOT_BYTES, /* bytes, borrowed from the event or from the machine */
    REPLICA_ACTION_SNAPSHOT_END,   /* whole: check and load it, report LOADED or FAILED */
    REPLICA_ACTION_SNAPSHOT_ABORT, /* throw away what came so far, keep the old data */
    REPLICA_ACTION_CONTINUE,       /* the log goes on where it is; position.history is the
                                      primary's history: when it is not ours, adopt it */
    REPLICA_ACTION_STREAM,         /* bytes: append to the log and execute */
    REPLICA_ACTION_LOG,            /* level, bytes: a line without its end */
};

struct replica_action {
    enum replica_action_type type;
    uint16_t port;
    enum log_level level;
    uint64_t size;
    struct replication_position position;
    struct bytes borrowed; /* SNAPSHOT_BYTES and STREAM */
    size_t text_start;     /* the others: for replica_action_bytes */
    size_t text_len;
};

enum {
    REPLICA_ACTIONS_MAX = 32 /* in one step */
};

struct replica_actions {
    struct replica_action items[REPLICA_ACTIONS_MAX];
    size_t count;
    struct buf text;
    /* Hand in a tick at this time at the latest; MONO_NEVER when idle.  Set by every step. */
    struct mono_time wake_at;
};

void replica_actions_deinit(struct replica_actions *actions);
/* To be called before each step: unlike the cluster's, this list holds one step. */
void replica_actions_clear(struct replica_actions *actions);
/* The bytes of SEND, SNAPSHOT_BYTES, STREAM and LOG; the host of CONNECT, terminated by NUL. */
struct bytes replica_action_bytes(const struct replica_actions *actions,
                                  const struct replica_action *action);
/* One line for traces, e.g. "close" or "snapshot begins: history bbbb... at 9000, 10 bytes". */
void replica_action_describe(const struct replica_actions *actions,
                             const struct replica_action *action, struct buf *out);

#endif
