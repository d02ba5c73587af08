/* SPDX-License-Identifier: MIT */
/* A replica's half of SYNC: what is said before it, and the snapshot that follows.
 *
 * The payload comes with its size in front ($<bytes>) or with a mark of SYNC_MARK bytes behind it
 * ($EOF:<mark>); empty lines keep the connection alive while the primary prepares it.
 * Borrows the client.  All-zero is a sync that was not begun. */
#ifndef STARLING_CLI_SYNC_H
#define STARLING_CLI_SYNC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "base/errmsg.h"
#include "base/history.h"
#include "io/client.h"

enum {
    SYNC_MARK = 40
};

struct sync {
    struct client *client;
    bool has_mark;
    char mark[SYNC_MARK];
    uint64_t total_bytes; /* of the payload, when there is no mark */
    uint64_t taken_bytes; /* of it, so far */
    bool is_over;         /* all of it was taken; what follows is the stream */
};

/* REPLCONF name value.  What the server has against it is said on standard error; *is_refused may
 * be NULL.  False, and a message, when the connection is of no use. */
MUST_USE bool sync_configure(struct sync *sync, const char *name, const char *value,
                             bool *is_refused, struct errmsg *error);
/* A place in the stream: so many bytes of a history. */
struct sync_place {
    struct history_id history; /* empty: none */
    uint64_t offset;
};

/* Send PSYNC, to go on from the place or, when that is none, with a snapshot; wait for the answer.  *from is the place that
 * the stream goes on from: *is_full, and that of a snapshot that comes first, when the server cannot do what was asked.
 * False, and a message, when it refuses. */
MUST_USE bool sync_ask(struct sync *sync, const struct sync_place *have, bool *is_full,
                       struct sync_place *from, struct errmsg *error);
/* After a full answer: wait until the payload begins. */
MUST_USE bool sync_begin_payload(struct sync *sync, struct errmsg *error);
/* Send SYNC, wait until the payload begins. */
MUST_USE bool sync_begin(struct sync *sync, struct errmsg *error);
/* Wait for the next piece of the payload: empty, with is_over, at its end.  *piece is valid until
 * the next call. */
MUST_USE bool sync_next(struct sync *sync, struct bytes *piece, struct errmsg *error);

#endif
