/* SPDX-License-Identifier: MIT */
/* The primary's stream: what it sends is appended to our log byte for byte, at the same offsets, and
 * executed without being judged: the primary has decided.
 *
 * Invariants:  (1) a request is appended when it is executed, and a transaction as a whole, so that the
 *                  log's end always tells what the key space holds
 *              (2) what cannot be executed here (a command of a newer server, a type that we do not have)
 *                  is refused, and with it all that comes behind: the data would differ from then on, and
 *                  nobody would know.  The log ends before it, and the link stays down until somebody
 *                  says what to follow
 *              (3) is_torn only after a transaction failed in its midst: then only a full resync helps */
#ifndef STARLING_NODE_APPLY_H
#define STARLING_NODE_APPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/errmsg.h"
#include "resp/request.h"

struct node;

/* The primary's bytes on their way into the log and the key space. */
struct apply {
    struct resp_reader reader;
    struct resp_words words;
    struct buf in;    /* received, not yet applied */
    struct buf multi; /* requests from MULTI on, until EXEC */
    bool is_in_multi;
    unsigned db;                 /* selected in the stream */
    bool wants_ack;              /* REPLCONF GETACK came by */
    uint64_t ack_offset;         /* before it */
    struct buf replies;          /* thrown away */
    bool is_torn;                /* a part of a transaction was executed, which is not in the log */
    struct errmsg refusal;       /* why nothing more of the primary is executed; empty: it is */
    const struct bytes *running; /* words of the request that is being executed, or NULL */
    size_t running_count;
};

/* Append to the log and execute whatever is complete.  False with a reason when the bytes are no
 * requests, or, when there is a refusal with the same reason, one that cannot be executed here. */
MUST_USE bool apply_bytes(struct node *node, struct bytes bytes, struct errmsg *error);
/* Drop what was not complete; db is selected from now on. */
void apply_restart(struct node *node, unsigned db);
/* Somebody has said anew what to follow: nothing is refused any more. */
void apply_forgive(struct node *node);
/* A full resync has replaced the data. */
void apply_replaced(struct node *node);
/* Was an acknowledgement asked for?  At which offset?  Tells it once. */
bool apply_take_ack(struct node *node, uint64_t *offset);
void apply_deinit(struct node *node);

void apply_check(const struct node *node);

#endif
