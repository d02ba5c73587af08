/* SPDX-License-Identifier: MIT */
/* The CLUSTER subcommands that change something.
 *
 * Each returns true when it was done, else false with call->error set to the text that the
 * user sees behind "ERR " (the texts of Redis 7).  Actions are appended to call->actions and
 * must be carried out like those of a step, wake_at included. */
#ifndef STARLING_CLUSTER_ADMIN_H
#define STARLING_CLUSTER_ADMIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/errmsg.h"
#include "cluster/cluster.h"

struct cluster_call {
    struct mono_time now;
    struct actions *actions;
    struct errmsg *error;
    bool has_keys; /* is anything in our key space? */
    /* Out: the nodes file that has what was changed, for whoever is to be told only when that
     * is on disk; 0 when nothing of it was changed. */
    uint64_t file_sequence;
};

enum cluster_failover_kind {
    CLUSTER_FAILOVER_AGREED,   /* CLUSTER FAILOVER: the primary pauses, nothing is lost */
    CLUSTER_FAILOVER_FORCE,    /* without the primary, once its lease has run out */
    CLUSTER_FAILOVER_TAKEOVER, /* without anybody: for when the majority is gone */
};

/* host is an address or a hostname; bus_port 0: port + 10000.  True means that it is tried. */
MUST_USE bool cluster_meet(struct cluster *cluster, struct cluster_call *call, struct bytes host,
                           int64_t port, int64_t bus_port);
MUST_USE bool cluster_forget(struct cluster *cluster, struct cluster_call *call, struct bytes id);
/* All slots or none. */
MUST_USE bool cluster_add_slots(struct cluster *cluster, struct cluster_call *call,
                                const uint16_t *slots, size_t count);
MUST_USE bool cluster_del_slots(struct cluster *cluster, struct cluster_call *call,
                                const uint16_t *slots, size_t count);
MUST_USE bool cluster_flush_slots(struct cluster *cluster, struct cluster_call *call);
MUST_USE bool cluster_replicate(struct cluster *cluster, struct cluster_call *call,
                                struct bytes id);
/* True means that it has begun; its outcome shows as a change of role. */
MUST_USE bool cluster_failover(struct cluster *cluster, struct cluster_call *call,
                               enum cluster_failover_kind kind);
/* SHUTDOWN FAILOVER: offer our place to the replica that has most.  True means that it has begun: then
 * cluster_is_handing_over until it is a replica's and that serves, or it was given up. */
MUST_USE bool cluster_hand_over(struct cluster *cluster, struct cluster_call *call);
MUST_USE bool cluster_reset(struct cluster *cluster, struct cluster_call *call, bool is_hard);
MUST_USE bool cluster_set_config_epoch(struct cluster *cluster, struct cluster_call *call,
                                       int64_t epoch);
/* *out_is_bumped: "BUMPED", else "STILL"; *out_epoch: our config epoch afterwards. */
MUST_USE bool cluster_bump_epoch(struct cluster *cluster, struct cluster_call *call,
                                 bool *out_is_bumped, uint64_t *out_epoch);
MUST_USE bool cluster_save_config(struct cluster *cluster, struct cluster_call *call);

/* CLUSTER SETSLOT, as used for moving slots key by key. */
enum cluster_setslot_kind {
    CLUSTER_SETSLOT_MIGRATING, /* id: the node it goes to */
    CLUSTER_SETSLOT_IMPORTING, /* id: the node it comes from */
    CLUSTER_SETSLOT_STABLE,    /* no id */
    CLUSTER_SETSLOT_NODE,      /* id: its owner from now on */
};
/* call->has_keys says here whether the slot holds keys on this node.  True means that it has begun: it is done when
 * the slot is settled.  A slot whose owner does not give it up within CLUSTER_MANUAL_TIMEOUT_MS stays where it is. */
MUST_USE bool cluster_set_slot(struct cluster *cluster, struct cluster_call *call, uint16_t slot,
                               enum cluster_setslot_kind kind, struct bytes id);
/* Is all that was said of the slot agreed, and is its owner this node, or whoever it is when the id is empty,
 * and is the nodes file of this number on disk?  What it is to serve from now on, it serves, or would if all slots had an owner. */
bool cluster_slot_is_settled(const struct cluster *cluster, struct mono_time now, uint16_t slot,
                             struct bytes owner, uint64_t file_sequence);

#endif
