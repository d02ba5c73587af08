/* SPDX-License-Identifier: MIT */
/* What the cluster core wants done: the actions of its list (base/actions.h), which every step
 * appends to.
 *
 * Links.  An outgoing link is named by the number of the node it goes to (numbers are given by
 * the core and never used twice in one life of it); an incoming link by a number that the shell
 * gave it.  After CLOSE the shell reports nothing more about that link; OPEN of the same
 * number is then a new connection. */
#ifndef STARLING_CLUSTER_ACTIONS_H
#define STARLING_CLUSTER_ACTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/actions.h"
#include "base/log.h"
#include "cluster/identity.h"

enum {
    CLUSTER_ACTIONS_MAX = 16 * CLUSTER_NODES_MAX /* in one step */
};

struct cluster_link {
    bool is_incoming;
    uint32_t number;
};

enum cluster_action_type {
    CLUSTER_ACTION_OPEN,           /* link, address: connect to the bus port.  Resolve
                                      address.hostname now when it is set, and fall back on
                                      address.ip when it does not resolve.  Report LINK_UP or
                                      LINK_DOWN */
    CLUSTER_ACTION_CLOSE,          /* link */
    CLUSTER_ACTION_SEND,           /* link, bytes: one frame.  Dropped silently when the link is
                                      no longer there; and, if queue_bytes > 0, when more than that
                                      waits on it already */
    CLUSTER_ACTION_WRITE_FILE,     /* sequence, bytes: replace the nodes file atomically and sync it
                                      (file and folder), then report FILE_WRITTEN(sequence); of
                                      several waiting the newest alone may be written */
    CLUSTER_ACTION_FOLLOW,         /* address, id: replicate from this primary from now on; also
                                      when it only moved to another address */
    CLUSTER_ACTION_BECOME_PRIMARY, /* stop following and fork the history; with drops_data
                                      also empty the key space (CLUSTER RESET); with
                                      doubts_data the data may be less than others have, as
                                      after a start: not whole before DATA_COMPLETE */
    CLUSTER_ACTION_SLOTS_CHANGED,  /* roles or owners of slots changed: routes may differ.  With
                                      loses_slots this node is a primary from which others
                                      took slots: drop the keys of those (cluster_lost_slot) */
    CLUSTER_ACTION_STATE_CHANGED,  /* is_ok: what CLUSTER INFO calls cluster_state */
    CLUSTER_ACTION_PAUSE_WRITES,   /* pause_ms: hold back writes of clients (and expiry) for a
                                      manual failover; then report STATUS at once: its offset is
                                      taken as the one at which writes stopped.  With holds_reads
                                      reads are held back as well */
    CLUSTER_ACTION_RESUME_WRITES,  /* the pause above is over */
    CLUSTER_ACTION_DATA_COMPLETE,  /* of a primary: its data counts as whole from now on; say so in
                                      every STATUS */
    CLUSTER_ACTION_MESSAGE,        /* message_kind, id: of the sender, bytes: for
                                      cluster_message_split (message.h); give it to whom it is for that listen here */
    CLUSTER_ACTION_LOG,            /* level, bytes: a line without its end */
};

/* Whom a message is for. */
enum message_kind {
    MESSAGE_FOR_CHANNEL, /* who listens to the channel, anywhere, */
    MESSAGE_FOR_SHARD,   /* or at the nodes of the sender's shard */
    MESSAGE_FOR_NODES,   /* the nodes themselves: the channel is empty */
};

struct cluster_action {
    enum cluster_action_type type;
    struct cluster_link link;
    struct cluster_address address;
    struct cluster_id id;
    uint64_t sequence;
    int64_t pause_ms;
    size_t queue_bytes;
    enum log_level level;
    bool drops_data;
    bool doubts_data;
    bool loses_slots;
    bool is_ok;
    enum message_kind message_kind;
    bool holds_reads;
    struct action_bytes bytes; /* for cluster_action_bytes */
};

extern const struct actions_kind cluster_actions_kind;

static inline const struct cluster_action *cluster_action_at(const struct actions *list,
                                                             size_t index)
{
    return actions_at(list, &cluster_actions_kind, index);
}

/* The frame, file or line of an action of this list; valid as long as the action is. */
static inline struct bytes cluster_action_bytes(const struct actions *list,
                                                const struct cluster_action *action)
{
    return actions_bytes(list, &action->bytes);
}

#endif
