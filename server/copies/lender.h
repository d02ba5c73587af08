/* SPDX-License-Identifier: MIT */
/* The owner's side of copies: which keys other primaries, its peers, have a copy of, and up to where what was changed since may
 * be shown.
 *
 * A peer serves a copy while its lease lasts.  A change is executed at once, and its version says how far the log goes behind
 * it; to call everything back is a version of its own, though it changes nothing.  But nobody is told of it, the one who wrote it included, before no peer can serve what was there before:
 *
 *     lend --------> lent --- the key changes: INVALIDATE is sent ---> pending --- acknowledged ---------> over
 *                                                                         |
 *                                                                         +--- its lease is over --------> over
 *
 * Rules:  (1) A key is noted as lent before its value leaves for the peer.
 *         (2) Behind a change every peer that has the key is sent INVALIDATE, in the order of versions, and has it no more.
 *         (3) What tells of a change stays here while any peer whose lease goes on has not acknowledged all of it, message by
 *             message: lender_limit.
 *         (4) A lease is granted on the connection that carries the INVALIDATEs: a peer reads all that were sent before
 *             the grant.  So one whose lease is over has to acknowledge nothing before the next.
 *         (5) No lease goes beyond our own.  A peer counts it from when it asked, and less of it than we do (borrower.h).
 *         (6) Nothing is lent while all is wanted back; then, once it is, another node may serve the slots.
 *         (7) A node has one connection, the newest: a peer closes the old one before, and we may hear of that later.  What
 *             it had by that one counts until its lease is over.
 *
 * Pure: times and events come in, messages go out by the outbox.  All-zero is empty but for lender_init. */
#ifndef STARLING_COPIES_LENDER_H
#define STARLING_COPIES_LENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/cluster_id.h"
#include "base/hashtable.h"
#include "base/vec.h"

enum {
    LENDER_PEERS_MAX = 64,  /* a bit each */
    LENDER_RECALLS = 1024,  /* at one place of the log: more of them are taken for one */
    LENDER_KEYS_MAX = 4096, /* others are not lent */
    LENDER_OFFSETS = 1024,  /* changed keys of the same hash wait for one another */
    LENDER_NOBODY = -1,
};

struct lender_peer {
    bool is_used;
    struct cluster_id node;
    uint64_t link; /* as the node calls its connection; 0: that is gone, and its lease may go on */
    struct mono_time until; /* of the lease, by our clock */
    VEC(uint64_t)
    unacked;          /* of each message that it has still to acknowledge the version, in order */
    uint64_t fetched; /* values that were lent to it, ever */
};

/* Sent over the link: this key, or all of them, changed in this version. */
struct lender_message {
    uint64_t link;
    uint64_t version;
    size_t key_at; /* in the outbox's bytes */
    size_t key_len;
    bool is_all;
};

struct lender {
    struct lender_peer peers[LENDER_PEERS_MAX];
    size_t peer_count;
    uint64_t pending; /* a bit for each peer that has something pending; its lease may be over */
    struct hashtable keys; /* struct lent_key */
    uint64_t *
        offsets; /* of the last change of a key that was lent, by hash; NULL: there never was one */
    uint64_t last_change;
    bool is_recalling;
    VEC(struct lender_message) outbox;
    struct buf outbox_keys;
    uint64_t lent; /* ever, */
    uint64_t invalidated;
};

/* What is read, or was changed, when the log ends there; and how much of the log a version needs. */
static inline uint64_t lender_version_at(uint64_t offset)
{
    return offset * LENDER_RECALLS;
}

static inline uint64_t lender_offset_of(uint64_t version)
{
    return version == UINT64_MAX ? UINT64_MAX : version / LENDER_RECALLS;
}

void lender_init(struct lender *l, uint64_t seed);
void lender_deinit(struct lender *l);

/* ---- peers -------------------------------------------------------------------------------------- */

/* A connection that has proven to be that node's; it has no copies, and any other of the node is left (7).  LENDER_NOBODY when
 * there are too many. */
int lender_join(struct lender *l, const struct cluster_id *node, uint64_t link);
/* The connection is gone. */
void lender_leave(struct lender *l, uint64_t link, struct mono_time now);
/* The peer with a connection that is that node's, or LENDER_NOBODY. */
int lender_find(const struct lender *l, const struct cluster_id *node);
int lender_find_link(const struct lender *l, uint64_t link);
/* Has that node joined, and a lease? */
bool lender_has_lease_of(const struct lender *l, const struct cluster_id *node,
                         struct mono_time now);
/* Grant it what it asks for, our own lease going on for own_ms: for how many ms, 0 for not at all. */
int64_t lender_grant(struct lender *l, int peer, struct mono_time now, int64_t asked_ms,
                     int64_t own_ms);
/* It has acknowledged a message of this version, and with that all before it: of one version there are as many as the request
 * changed keys that it has. */
void lender_take_ack(struct lender *l, int peer, uint64_t version);

/* ---- keys --------------------------------------------------------------------------------------- */

/* Its value is about to leave for the peer.  False: it must not. */
MUST_USE bool lender_lend(struct lender *l, int peer, struct mono_time now, struct bytes key);
bool lender_has_lent(const struct lender *l, struct bytes key);
/* What was done to the key, or to all, stands in the log before this offset.  True when anybody had it. */
bool lender_note_change(struct lender *l, struct mono_time now, struct bytes key, uint64_t version);
bool lender_note_all_changed(struct lender *l, struct mono_time now, uint64_t version);
/* Nothing is lent from now on, and everything is wanted back, of this version, which is the newest, or older; or it may be lent
 * again. */
void lender_recall(struct lender *l, struct mono_time now, uint64_t version);
void lender_end_recall(struct lender *l);
/* The messages were sent. */
void lender_clear_outbox(struct lender *l);

/* ---- what may be shown -------------------------------------------------------------------------- */

/* Is there anything lent, or anything that waits? */
bool lender_is_lending(const struct lender *l, struct mono_time now);
/* Whoever is told of keys with this hash, or of anything, is told of a change up to there; 0: of none. */
uint64_t lender_change_of(const struct lender *l, uint64_t hash);
uint64_t lender_hash(const struct lender *l, struct bytes key);
/* Changes up to there may be shown: UINT64_MAX when nothing waits. */
uint64_t lender_limit(const struct lender *l, struct mono_time now);
/* When time alone changes that. */
struct mono_time lender_wake_at(const struct lender *l, struct mono_time now);

/* Forget whose leases are over and whose connection is gone. */
void lender_tick(struct lender *l, struct mono_time now);
void lender_check(const struct lender *l);

#endif
