/* SPDX-License-Identifier: MIT */
/* Slots of other primaries that this node serves as well, since they are hot (copies/hot_slots.h): reads from copies
 * (copies/borrower.h), everything else by the owner, to which requests are passed on.  The owner's side is node/lending.h.
 *
 *     a read, and a valid copy                  executed here, on the copies
 *     a read, and no copy yet                   the value is asked for once, all who want it wait (HOLD_COPY)
 *     what the owner does not lend, a write     passed on; the client waits for the reply (HOLD_FORWARD)
 *     MULTI ... EXEC                            queued here, passed on as one
 *     WATCH, blocking, sharded channels         the owner is told, the slot is hot no more, the client is sent there
 *     anything, once we are a member no more    the client is sent to the owner; whatever comes on the same connection
 *                                               again is passed on
 *
 * While a client waits nothing else of it is executed, so it is answered in the order in which it asked.  When the
 * connection to the owner is gone nobody knows what became of what was passed on: reads are passed on again, or answered with
 * CLUSTERDOWN, and with a write the client's connection closes.  While it is there the owner may hold what was passed on
 * (CLIENT PAUSE), and the client waits; what is passed on behind that waits, too.
 *
 * Many requests of a batch are reads of the same hot key.  Once one has been served, whose the slot is and what may be
 * shown by the clock that was read for it holds for the rest of its batch: all of that was read before that
 * clock was, and neither messages of others nor time come in between.  So those need not ask anew (borrowing_serves_again).
 *
 * WAIT and WAITAOF behind a write that was passed on go the same way, for BORROWING_WAIT_MS at most.
 *
 * Invariants:  (1) a session is held by HOLD_FORWARD exactly while a lane awaits an answer for it
 *              (2) what holds for the rest of a batch is forgotten when the next begins, and behind a control command */
#ifndef STARLING_NODE_BORROWING_H
#define STARLING_NODE_BORROWING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/clock.h"
#include "spec/command.h"

struct copy_owner;
struct node;
struct request;

enum {
    BORROWING_WAIT_MS = 1000, /* requests of others stand behind it */
};

struct borrowing {
    bool is_serving;          /* the request that runs is executed on the copies */
    struct copy_owner *again; /* of the slot that was read last in this batch; NULL: of none */
    uint16_t again_slot;
    struct mono_time again_now; /* when it was */
    uint64_t reads;             /* served from copies, ever, */
    uint64_t reader;            /* the last one: id of the session */
    uint64_t fetches;
    uint64_t forwards;
    uint64_t sent_home; /* connections, by MOVED, once we were a member no more */
};

enum borrowing_answer {
    BORROWING_NOT_OURS, /* the slot is none that we serve: as if there were no copies */
    BORROWING_QUEUE,    /* it is part of a transaction */
    BORROWING_SERVE,    /* on the copies, at once */
    BORROWING_TAKEN,    /* its session waits, or has been answered */
};

/* A request about keys of a slot that is not ours. */
enum borrowing_answer borrowing_take(struct node *node, struct request *request, uint16_t slot,
                                     const struct command_keys *keys);
/* EXEC: false when it is to be executed here. */
MUST_USE bool borrowing_take_exec(struct node *node, struct request *request);
/* WAIT and WAITAOF of a session whose last write was passed on: so are they, to where that write is.  False: nobody is
 * there. */
MUST_USE bool borrowing_take_wait(struct node *node, struct request *request);
/* Of a read that no gate but that of routes could refuse: was another one in its batch served from copies of the same slot, and
 * so may this be?  Then it is executed on the copies, until borrowing_end_serving. */
bool borrowing_serves_again(struct node *node, const struct request *request);
/* What is known of the slot that was read last may be so no more. */
void borrowing_forget(struct node *node);
static inline bool borrowing_is_serving(const struct borrowing *borrowing)
{
    return borrowing->is_serving;
}
void borrowing_end_serving(struct node *node);

#endif
