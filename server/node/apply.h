/* SPDX-License-Identifier: MIT */
/* The primary's stream: what it sends is appended to our log byte for byte, at the same offsets, and
 * executed without being judged: the primary has decided.  At start, what the log on disk has, likewise.
 *
 * Invariants:  (1) a request is appended when it is executed, and a transaction as a whole, so that the
 *                  log's end always tells what the key space holds
 *              (2) what cannot be executed here (a command of a newer server, a type that we do not have)
 *                  is refused, and with it all that comes behind: the data would differ from then on, and
 *                  nobody would know.  The log ends before it, and the link stays down until somebody
 *                  says what to follow
 *              (3) needs_resync only after a request that is known here failed, since the data differ, or is in the
 *                  midst of a transaction: then only a full resync helps.  One is asked for; when the same
 *                  happens within an hour again, it was no help, and the link stays down as with (2) */
#ifndef STARLING_NODE_APPLY_H
#define STARLING_NODE_APPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/clock.h"
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
    unsigned db;                  /* selected in the stream */
    bool wants_ack;               /* REPLCONF GETACK came by */
    uint64_t ack_offset;          /* before it */
    struct buf replies;           /* thrown away */
    bool needs_resync;            /* the data are not those of the log's end */
    bool has_resynced;            /* for that reason, */
    struct mono_time resynced_at; /* at */
    struct errmsg refusal;        /* why nothing more of the primary is executed; empty: it is */
    const struct bytes *running;  /* words of the request that is being executed, or NULL */
    size_t running_count;
};

/* Append to the log and execute whatever is complete.  False with a reason when the bytes are no
 * requests, or, when there is a refusal with the same reason, one that cannot be executed here. */
MUST_USE bool apply_bytes(struct node *node, struct bytes bytes, struct errmsg *error);
/* Drop what was not complete; db is selected from now on. */
void apply_restart(struct node *node, unsigned db);
/* Somebody has said anew what to follow: nothing is refused any more. */
void apply_forgive(struct node *node);
/* May a full resync be asked for by ourselves, since what was refused says that the data differ?  Forgives it
 * then. */
bool apply_may_resync(struct node *node);
/* A full resync has replaced the data. */
void apply_replaced(struct node *node);
/* Was an acknowledgement asked for?  At which offset?  Tells it once. */
bool apply_take_ack(struct node *node, uint64_t *offset);
void apply_deinit(struct node *node);

void apply_check(const struct node *node);

#endif
