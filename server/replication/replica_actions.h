/* SPDX-License-Identifier: MIT */
/* What the replica side wants done: the actions of its list (base/actions.h), which every step
 * appends to.
 *
 * A step made while an action is carried out may find that the machine gives up what the actions behind
 * it go on with: a snapshot's bytes and end, and the stream, are for whoever still has that snapshot
 * or stream open, and are passed over otherwise. */
#ifndef STARLING_REPLICATION_REPLICA_ACTIONS_H
#define STARLING_REPLICATION_REPLICA_ACTIONS_H

#include <stdint.h>

#include "base/actions.h"
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
    REPLICA_ACTION_REWIND, /* position: our history is the primary's up to here only; the next offer
                                      is to be of no more than that, or of nothing */
    REPLICA_ACTION_STREAM, /* bytes: append to the log and execute */
    REPLICA_ACTION_LOG,    /* level, bytes: a line without its end */
};

struct replica_action {
    enum replica_action_type type;
    uint16_t port;
    enum log_level level;
    uint64_t size;
    struct replication_position position;
    struct action_bytes bytes; /* for replica_action_bytes */
};

enum {
    REPLICA_ACTIONS_MAX = 32 /* in one step */
};

extern const struct actions_kind replica_actions_kind;

static inline const struct replica_action *replica_action_at(const struct actions *list,
                                                             size_t index)
{
    return actions_at(list, &replica_actions_kind, index);
}

/* The bytes of SEND, SNAPSHOT_BYTES, STREAM and LOG; the host of CONNECT, terminated by NUL.  Those of
 * SNAPSHOT_BYTES and STREAM are borrowed from the event or the machine, until its next step. */
static inline struct bytes replica_action_bytes(const struct actions *list,
                                                const struct replica_action *action)
{
    return actions_bytes(list, &action->bytes);
}

#endif
