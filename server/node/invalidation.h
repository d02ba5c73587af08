/* SPDX-License-Identifier: MIT */
/* Client-side caching: sessions with CLIENT TRACKING are told which keys have changed (session/tracking.h
 * knows which, and whom it concerns), whoever changed them: clients, expiry, the stream of a primary, a key
 * space put in place of another.
 *
 * They are told at the end of the pass, and before any reply of the pass leaves: so nobody can have heard of a
 * write while a cache still has what was there before.  Where others may write from now on, since the lease of a
 * primary has run out or slots have gone to another node, all are told that nothing is as it was: so a node that
 * answers has told, too, whatever kept it from hearing of those writes.
 *
 * Invariants:  (1) the key space is observed exactly while somebody tracks, so that changes cost nothing
 *                  otherwise
 *              (2) between passes there is nothing left to tell */
#ifndef STARLING_NODE_INVALIDATION_H
#define STARLING_NODE_INVALIDATION_H

#include <stdbool.h>

#include "session/tracking.h"

struct node;
struct request;
struct session;

struct invalidation {
    struct tracking tracking;
    bool is_observing;
    bool
        had_lease; /* at the end of the last pass, of a node of a cluster with somebody who tracks */
};

void invalidation_init(struct node *node);
void invalidation_deinit(struct node *node);
/* The directives that CONFIG SET may have changed. */
void invalidation_configure(struct node *node);

void invalidation_begin(struct node *node, struct session *s,
                        const struct tracking_options *options);
void invalidation_end(struct node *node, struct session *s);

/* A session that tracks has read the keys of its request. */
void invalidation_note_reads(struct node *node, const struct request *request);
/* There is another key space now. */
void invalidation_data_replaced(struct node *node);
/* Slots of this node are another's now. */
void invalidation_slots_lost(struct node *node);
/* A copy of the key is not valid here any more. */
void invalidation_key_lost(struct node *node, struct bytes key);
/* What the session was answered last another node has answered: it may change and nobody here will hear of it, so it is not to be kept.
 * request: as the session has asked, empty when that is not known. */
void invalidation_tell_passed_on(struct node *node, struct session *s, struct bytes request);
/* Tell whom it concerns what has changed in this pass. */
void invalidation_tell(struct node *node);

void invalidation_check(const struct node *node);

#endif
