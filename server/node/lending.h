/* SPDX-License-Identifier: MIT */
/* Copies of our keys that other primaries serve: copies/lender.h decides, this gives it what happens and carries out what it
 * wants.  The other side is node/borrowing.h.
 *
 * A peer is a client that has proven which node it is (REPLCONF node, replication/introduction.h), on two connections:
 *
 *     control   CLUSTER COPIES JOIN                       +OK
 *               CLUSTER COPIES LEASE ms slot reads ...    :ms, and how much it has served since
 *               CLUSTER COPIES STATEFUL slot              +OK: clients use it in a way that members cannot serve
 *               CLUSTER COPIES ACK version                +OK
 *               >3 invalidate <version> <key>             from us; the key is null when it was all of them
 *     data      CLUSTER COPIES FETCH key                  [version, ms to live or -1, DUMP payload or null], or -NOTLENT
 *               any request of a client                   its reply
 *
 * What tells of a change to a key that was lent has a barrier in the session's output, as with sync-replicas
 * (node/sync_side.h), and release opens it when no peer can serve what was there before.
 *
 * Invariants:  (1) while it is on the key space is observed; else neither is it, nor is anything lent
 *              (2) between requests no change of a key that is lent is without its version */
#ifndef STARLING_NODE_LENDING_H
#define STARLING_NODE_LENDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/vec.h"
#include "copies/lender.h"

struct cluster_status;
struct node;
struct request;
struct session;

struct lending_change {
    size_t at; /* of the key, in the bytes */
    size_t len;
};

struct lending {
    struct lender lender;
    bool is_on;
    bool is_told;            /* what the cluster was told last: is anything lent? */
    uint64_t limit;          /* of this pass: what may be shown */
    struct buf changed_keys; /* by the request that runs */
    VEC(struct lending_change) changed;
    bool has_changed_all;
    uint64_t held; /* replies that had to wait, ever */
};

void lending_init(struct node *node);
void lending_deinit(struct node *node);
/* There is another key space. */
void lending_data_replaced(struct node *node);
/* This node is a replica from now on. */
void lending_reset(struct node *node);
void lending_tell(struct node *node, struct cluster_status *status);
/* In each pass, before the cluster is told of our state. */
void lending_tick(struct node *node);
/* Behind all that changes keys. */
void lending_in_pass(struct node *node);
struct mono_time lending_wake_at(const struct node *node);
void lending_session_closed(struct node *node, struct session *s);

/* ---- what peers ask; each answers --------------------------------------------------------------- */

/* Is the client a node of this cluster that has proven it, and are we a primary?  Else it was told so. */
bool lending_knows(const struct node *node, struct request *request);
void lending_join(struct node *node, struct request *request);
void lending_grant(struct node *node, struct request *request, int64_t asked_ms);
void lending_take_ack(struct node *node, struct request *request, uint64_t version);
void lending_fetch(struct node *node, struct request *request, struct bytes key);

/* ---- replies; all while it is on ---------------------------------------------------------------- */

/* The request has run, and what it was answered stands behind the place. */
void lending_note_reply(struct node *node, const struct request *request, uint64_t place);
/* What may leave tells of nothing behind this offset. */
static inline uint64_t lending_limit(const struct lending *lending)
{
    return lending->is_on ? lending->limit : UINT64_MAX;
}
/* Is this the connection on which a peer is told INVALIDATE?  What waits for the answer to that must not be before it. */
bool lending_is_control(const struct node *node, const struct session *s);
void lending_check(const struct node *node);

#endif
