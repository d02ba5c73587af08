/* SPDX-License-Identifier: MIT */
/* Our replicas: their requests are taken in, decisions come from replication/primary.h, bytes go
 * from the log into their outputs as they drain.
 *
 * Invariant:  (1) nothing but the stream is put into the output of a session that is a replica */
#ifndef STARLING_NODE_PRIMARY_SIDE_H
#define STARLING_NODE_PRIMARY_SIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "replication/primary.h"

struct node;
struct request;
struct session;

struct primary_side {
    struct mono_time ping_at;         /* of the last PING in the stream */
    struct mono_time filled_at;       /* when replicas' outputs were filled last, */
    uint64_t filled_offset;           /* and up to where */
    char marker[FEED_MARKER_LEN + 1]; /* ends the payload of the image that is being made */
};

/* ---- what replicas ask; each answers -------------------------------------------------------- */

void primary_take_replconf(struct node *node, struct request *request);
void primary_take_psync(struct node *node, struct request *request);
/* The older form: only the payload, no line before it.  Tools fetch a snapshot by it. */
void primary_take_sync(struct node *node, struct request *request);
/* The session, a replica's or not, is about to go. */
void primary_session_closed(struct node *node, struct session *s);

/* ---- what they are sent --------------------------------------------------------------------- */

/* Begin an image when somebody waits for one; true when one was begun. */
bool primary_start_image_when_wanted(struct node *node);
/* Fill the outputs of online replicas from the log. */
void primary_fill(struct node *node);
/* len bytes of the session's output were written, which is a replica's. */
void primary_session_written(struct node *node, struct session *s, size_t len);
/* Several times a second: PINGs, those that are silent or too far behind. */
void primary_tick(struct node *node);

void primary_check(const struct node *node);

#endif
