/* SPDX-License-Identifier: MIT */
/* Slots of other primaries that this node serves as well, since they are hot (copies/hot_slots.h): reads from copies
 * (copies/borrower.h), everything else by the owner, to which requests are passed on.  The owner's side is node/lending.h.
 *
 *     a read, and a valid copy                  executed here, on the copies
 *     a read, and no copy yet                   the value is asked for once, all who want it wait (HOLD_COPY)
 *     what the owner does not lend, a write     passed on; the client waits for the reply (HOLD_FORWARD)
 *     MULTI ... EXEC                            queued here, passed on as one
 *     WATCH, blocking, sharded channels         the owner is told, the slot is hot no more, the client is sent there
 *
 * While a client waits nothing else of it is executed, so it is answered in the order in which it asked.  When the
 * connection to the owner is gone nobody knows what became of what was passed on: reads are answered with CLUSTERDOWN,
 * and with a write the client's connection closes.
 *
 * Invariants:  (1) what is in the key space of copies is VALID in its owner's borrower
 *              (2) a session is held by HOLD_FORWARD exactly while a lane awaits an answer for it */
#ifndef STARLING_NODE_BORROWING_H
#define STARLING_NODE_BORROWING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "copies/borrower.h"
#include "copies/hot_slots.h"
#include "node/peer_lane.h"
#include "spec/command.h"

struct keyspace;
struct node;
struct request;
struct session;

enum {
    BORROWING_OWNERS_MAX = 32,
};

/* Use of a slot since the owner was told last. */
struct borrowed_use {
    uint16_t slot;
    uint64_t reads;
};

struct borrowing_owner {
    struct peer_address address;
    struct borrower borrower;
    struct peer_lane control;
    struct peer_lane data;
    int data_version;          /* of RESP, on the data lane */
    struct mono_time retry_at; /* it is not tried again before */
    bool is_failing;           /* the last attempt did not succeed */
    struct borrowed_use uses[HOT_SLOTS_MAX / 8];
    size_t use_count;
    uint64_t forwards; /* ever */
};

struct borrowing {
    struct borrowing_owner *owners[BORROWING_OWNERS_MAX];
    size_t count;
    struct keyspace *copies; /* NULL until there was one */
    bool is_serving;         /* the request that runs is executed on the copies */
    uint64_t reads;          /* served from copies, ever, */
    uint64_t reader;         /* the last one: id of the session */
    uint64_t fetches;
    uint64_t forwards;
};

enum borrowing_answer {
    BORROWING_NOT_OURS, /* the slot is none that we serve: as if there were no copies */
    BORROWING_QUEUE,    /* it is part of a transaction */
    BORROWING_SERVE,    /* on the copies, at once */
    BORROWING_TAKEN,    /* its session waits, or has been answered */
};

void borrowing_init(struct node *node);
void borrowing_deinit(struct node *node);

/* A request about keys of a slot that is not ours. */
enum borrowing_answer borrowing_take(struct node *node, struct request *request, uint16_t slot,
                                     const struct command_keys *keys);
/* EXEC: false when it is to be executed here. */
MUST_USE bool borrowing_take_exec(struct node *node, struct request *request);
static inline bool borrowing_is_serving(const struct borrowing *borrowing)
{
    return borrowing->is_serving;
}
void borrowing_end_serving(struct node *node);

/* What happened on a link; false: it is none of ours. */
MUST_USE bool borrowing_link_up(struct node *node, uint64_t link);
MUST_USE bool borrowing_link_input(struct node *node, uint64_t link, struct bytes input);
MUST_USE bool borrowing_link_down(struct node *node, uint64_t link);
/* The owner has announced a slot: begin to connect to it at once. */
void borrowing_look_at_owner(struct node *node, const struct cluster_id *id);
void borrowing_tick(struct node *node);
struct mono_time borrowing_wake_at(const struct node *node);

/* How many copies there are, and the bytes of them. */
size_t borrowing_copy_count(const struct node *node);
size_t borrowing_bytes(const struct node *node);
void borrowing_check(const struct node *node);

#endif
