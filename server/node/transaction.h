/* SPDX-License-Identifier: MIT */
/* Transactions: requests between MULTI and EXEC are judged by the gates as they come, and queued
 * (session/queue.h).  EXEC has all of them judged anew before the first one runs, so that a node that has
 * lost its lease, its role or its slots meanwhile does nothing of it; then they run one behind the other, and
 * what they change is one piece of the log.
 *
 * Invariants:  (1) between the first and the last request of a transaction nobody else's runs
 *              (2) all of its effects are in the log together, or none
 *              (3) EXEC answers with as many replies as there are requests
 *              (4) no request of a transaction waits, nor changes what the node is.  Those that change who has which slots
 *                  (CLUSTER ADDSLOTS, DELSLOTS, BUMPEPOCH, SETSLOT) are answered with the others, when that is agreed */
#ifndef STARLING_NODE_TRANSACTION_H
#define STARLING_NODE_TRANSACTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/vec.h"

struct command_spec;
struct node;
struct request;
struct session;

struct transaction {
    VEC(struct bytes) words;       /* of the request that is running */
    const struct request *running; /* for reports, or NULL */
    bool is_on;                    /* EXEC is running requests */
    bool changes_slots;            /* so that its reply waits, */
    uint64_t file_sequence;        /* for the nodes file of this number, too */
};

void transaction_deinit(struct node *node);

/* Queue it, and say so. */
void transaction_queue(struct request *request);
/* A gate has refused it, with what was written behind out_before: the transaction cannot run any more; of EXEC
 * it is over, and the reply says both. */
void transaction_refused(struct node *node, struct request *request, size_t out_before);

/* EXEC: run what is queued, or say why not. */
void transaction_run(struct node *node, struct request *request);
/* What is running changes slots, and is told by the nodes file of this number; 0: by that which there is. */
void transaction_note_slots(struct node *node, uint64_t file_sequence);
/* Drop what is queued, and watch nothing any more. */
void transaction_drop(struct node *node, struct session *s);

#endif
