/* SPDX-License-Identifier: MIT */
/* Messages to those who listen here, and everything else that a session is told without having asked.
 *
 * A message is encoded once for each version of the protocol, and copied into the outputs; a long one is a
 * block that all of them hold.  What is pushed to the session whose request is running comes behind its
 * reply, so that it does not stand in the midst of it.
 *
 * Invariant:  (1) nothing waits behind a reply unless a request is running
 * Owns who listens. */
#ifndef STARLING_NODE_PUBLISH_H
#define STARLING_NODE_PUBLISH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "resp/writer.h"
#include "session/pubsub.h"

struct node;
struct session;

struct publish {
    struct pubsub pubsub;
    struct session *answering; /* whose request is running */
    struct buf behind;         /* what it is told behind its reply */
};

void publish_init(struct node *node);
void publish_deinit(struct node *node);

/* ---- around every request of a client ---------------------------------------------------------*/

void publish_give_behind(struct node *node, struct session *s);

static inline void publish_begin_answer(struct publish *publish, struct session *s)
{
    publish->answering = s;
}

static inline bool publish_end_answer(struct publish *publish)
{
    publish->answering = NULL;
    return UNLIKELY(publish->behind.len > 0);
}

/* ---- messages ---------------------------------------------------------------------------------*/

/* Tell those who listen to the channel, and to patterns that it matches; PUBSUB_SHARD: to a shard's channel.
 * Returns to how many it went. */
size_t publish_deliver(struct node *node, enum pubsub_kind kind, struct bytes channel,
                       struct bytes message);
/* Write text, which is whole in the session's version of the protocol, to its output. */
void publish_push(struct node *node, struct session *s, struct bytes text);

/* ---- who listens ------------------------------------------------------------------------------*/

void publish_subscribe(struct node *node, struct session *s, enum pubsub_kind kind,
                       struct bytes name, struct resp_writer *reply);
/* It is told so whether it did listen or not. */
void publish_unsubscribe(struct node *node, struct session *s, enum pubsub_kind kind,
                         struct bytes name, struct resp_writer *reply);
/* To all of a kind; it is told of each, or that there was none. */
void publish_unsubscribe_all(struct node *node, struct session *s, enum pubsub_kind kind,
                             struct resp_writer *reply);
/* To everything, without a word: RESET, or it is about to go. */
void publish_leave(struct node *node, struct session *s);
/* A slice of what those who left have left behind; true when there is more. */
bool publish_free_step(struct node *node);
/* Those who listen to channels of slots that are not their shard's any more are told, and do so no longer. */
void publish_look_at_slots(struct node *node);

void publish_check(const struct node *node);

#endif
