/* SPDX-License-Identifier: MIT */
/* What the cluster core wants done: data, in the order in which it is to be done.
 *
 * The caller owns the list, hands it to cluster_step (or to a call of admin.h), carries the
 * actions out, and clears it; an all-zero list is empty.  A step appends, so a list may gather
 * several steps before it is carried out.
 *
 * Links.  An outgoing link is named by the number of the node it goes to (numbers are given by
 * the core and never used twice in one life of it); an incoming link by a number that the shell
 * gave it.  After CLOSE the shell reports nothing more about that link; OPEN of the same
 * number is then a new connection.
 *
 * Bound: never more than CLUSTER_ACTIONS_MAX in one step. */
#ifndef STARLING_CLUSTER_ACTIONS_H
#define STARLING_CLUSTER_ACTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "cluster/identity.h"

enum {
    CLUSTER_ACTIONS_MAX = 16 * CLUSTER_NODES_MAX
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
                                      no longer there */
    CLUSTER_ACTION_WRITE_FILE,     /* sequence, bytes: replace the nodes file atomically and sync it
                                      (file and folder), then report FILE_WRITTEN(sequence); of
                                      several waiting the newest alone may be written */
    CLUSTER_ACTION_FOLLOW,         /* address, id: replicate from this primary from now on; also
                                      when it only moved to another address */
    CLUSTER_ACTION_BECOME_PRIMARY, /* stop following and fork the history; with drops_data
                                      also empty the key space (CLUSTER RESET) */
    CLUSTER_ACTION_SLOTS_CHANGED,  /* roles or owners of slots changed: routes may differ.  With
                                      loses_slots this node is a primary from which others
                                      took slots: drop the keys of those (cluster_lost_slot) */
    CLUSTER_ACTION_STATE_CHANGED,  /* is_ok: what CLUSTER INFO calls cluster_state */
    CLUSTER_ACTION_PAUSE_WRITES,   /* pause_ms: hold back writes of clients (and expiry) for a
                                      manual failover; then report STATUS at once: its offset is
                                      taken as the one at which writes stopped */
    CLUSTER_ACTION_RESUME_WRITES,  /* the pause above is over */
    CLUSTER_ACTION_DATA_COMPLETE,  /* of a primary: its data counts as whole from now on; say so in
                                      every STATUS */
    CLUSTER_ACTION_LOG,            /* level, bytes: a line without its end */
};

struct cluster_action {
    enum cluster_action_type type;
    struct cluster_link link;
    struct cluster_address address;
    struct cluster_id id;
    uint64_t sequence;
    int64_t pause_ms;
    enum log_level level;
    bool drops_data;
    bool loses_slots;
    bool is_ok;
    size_t text_start; /* for cluster_action_bytes */
    size_t text_len;
};

struct cluster_actions {
    struct cluster_action *items;
    size_t count;
    size_t cap;
    struct buf text; /* the bytes of all actions */
    /* Hand in a tick at this time at the latest.  Set by every step. */
    struct mono_time wake_at;
};

void cluster_actions_deinit(struct cluster_actions *actions);
/* Empty it, keeping its memory. */
void cluster_actions_clear(struct cluster_actions *actions);
/* The frame, file or line of an action of this list; valid until the list is appended to or
 * cleared. */
struct bytes cluster_action_bytes(const struct cluster_actions *actions,
                                  const struct cluster_action *action);

/* One line for traces and debugging, e.g. "send outgoing 3 120 bytes". */
void cluster_action_describe(const struct cluster_actions *actions,
                             const struct cluster_action *action, struct buf *out);

#endif
