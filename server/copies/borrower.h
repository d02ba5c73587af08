/* SPDX-License-Identifier: MIT */
/* A member's side of copies: what it has from one owner, and until when it may serve that.  The values themselves are the
 * node's; here is what is known of them.
 *
 *     none --- asked for ---> ASKED --- the value comes ---> VALID --- INVALIDATE, or dropped ---> none
 *                               |  ^                         |
 *                               |  +-- INVALIDATE: what is   | dropped to make room, soon after it came
 *                               |      on its way may be     |
 *                               |      older than that       v
 *                               +--- it is not lent, or too large ---> REFUSED, for a while
 *
 * Rules:  (1) A copy is served only before the lease is over, by a clock read after the request was.
 *         (2) The lease counts from when it was asked for, and for less time than was granted: clocks may differ in
 *             rate by 1 percent.
 *         (3) A value that comes is taken only if no INVALIDATE of a later version came since it was asked for.  Versions of a
 *             key that are served never go back.
 *         (4) INVALIDATE is acknowledged when nothing older can be served any more.
 *         (5) When the connection is gone all copies are: what was sent meanwhile nobody knows.  While it is there they
 *             outlast the lease, since INVALIDATE comes before the next grant.
 *         (6) What expires is not served from then on, and the owner is asked.
 *         (7) What there is no room for is REFUSED: else it would be fetched again and again, and whoever wants several keys
 *             that are too large together would never have them all.
 *
 * Pure: times and events come in.  All-zero is empty but for borrower_init. */
#ifndef STARLING_COPIES_BORROWER_H
#define STARLING_COPIES_BORROWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/hashtable.h"
#include "base/list.h"

enum {
    BORROWER_LEASE_MS = 250, /* asked for */
    BORROWER_RENEWALS = 4,   /* within that */
    BORROWER_DRIFT_PART =
        50, /* one part in so many of a lease is given away, for clocks that differ */
    BORROWER_REFUSED_MS = 1000, /* a key that is not lent is not asked for again */
};

enum borrowed_state {
    BORROWED_NOT,
    BORROWED_ASKED,
    BORROWED_VALID,
    BORROWED_REFUSED,
};

struct borrowed {
    struct hashtable_node by_name;
    struct list listed; /* VALID: by use; REFUSED: by end of that */
    enum borrowed_state state;
    uint64_t version;       /* VALID: of the value */
    uint64_t least;         /* what comes must be of this version at least */
    struct mono_time until; /* VALID: it expires; REFUSED: it may be asked for again; else never */
    struct mono_time came_at; /* VALID: since then */
    size_t bytes;             /* VALID: about what it takes */
    struct buf name;
};

/* What comes of one: whatever it is, its version, until when it may be served, and about what it takes. */
struct borrowed_value {
    uint64_t version;
    struct mono_time expires;
    size_t bytes;
};

struct borrower {
    struct hashtable keys;
    struct list by_use; /* what is VALID, least recently used first, */
    struct list
        refused; /* and what is REFUSED: what is over first comes first, so that the others need not be looked at */
    size_t bytes; /* of all that are VALID */
    bool is_linked;
    struct mono_time until; /* of the lease */
    bool is_asking;         /* for a lease, */
    struct mono_time asked_at;
    uint64_t invalidated; /* ever */
    uint64_t too_old;     /* values that were not taken (3) */
};

void borrower_init(struct borrower *b, uint64_t seed);
void borrower_deinit(struct borrower *b);

/* ---- the connection and the lease --------------------------------------------------------------- */

void borrower_link_up(struct borrower *b);
/* All copies are gone: the node drops its values. */
void borrower_link_down(struct borrower *b);
/* Is it time to ask for a lease? */
bool borrower_is_to_ask(const struct borrower *b, struct mono_time now);
struct mono_time borrower_ask_at(const struct borrower *b);
void borrower_note_asked(struct borrower *b, struct mono_time now);
void borrower_take_lease(struct borrower *b, int64_t granted_ms);
bool borrower_has_lease(const struct borrower *b, struct mono_time now);

/* ---- keys --------------------------------------------------------------------------------------- */

/* What there is of the key; VALID only under the lease, and then it counts as used. */
enum borrowed_state borrower_look(struct borrower *b, struct mono_time now, struct bytes key);
/* Is it VALID, and then used?  The hash is that of hash_bytes, with the seed that borrower_init was given. */
bool borrower_serves(struct borrower *b, struct mono_time now, struct bytes key, uint64_t hash);
/* It is asked for from now on.  It must not be already. */
void borrower_note_wanted(struct borrower *b, struct bytes key);
/* A value has come.  False: it is too old, or nobody waits for it; then it is neither served nor kept. */
MUST_USE bool borrower_take_value(struct borrower *b, struct mono_time now, struct bytes key,
                                  const struct borrowed_value *value);
/* The owner does not lend it, or it is too large to be kept. */
void borrower_take_refusal(struct borrower *b, struct mono_time now, struct bytes key);
/* The key changed in this version; then the acknowledgement may go. */
void borrower_invalidate(struct borrower *b, struct bytes key, uint64_t version);
void borrower_invalidate_all(struct borrower *b, uint64_t version);
/* The copy is dropped: somebody else lends it. */
void borrower_drop(struct borrower *b, struct bytes key);
/* It is VALID, and is dropped to make room (7). */
void borrower_evict(struct borrower *b, struct mono_time now, struct bytes key);
/* The one that was used least recently, or NULL. */
const struct borrowed *borrower_oldest(const struct borrower *b);
const struct borrowed *borrower_find(const struct borrower *b, struct bytes key);
/* Forget refusals that are over. */
void borrower_tick(struct borrower *b, struct mono_time now);
void borrower_check(const struct borrower *b);

#endif
