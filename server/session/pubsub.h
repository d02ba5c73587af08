/* SPDX-License-Identifier: MIT */
/* Who listens to what: channels, patterns of channels, and shard channels, each with those that
 * have subscribed to it, in the order in which they came.
 *
 * A topic is there while somebody listens to it.  A session that listens to nothing has no listener
 * and costs nothing.
 *
 * A session that leaves hears nothing from then on; what it listened to is freed in slices, and counts until then.
 *
 * Invariants:  (1) every topic has a subscription
 *              (2) a subscription is in its topic's list, and under its listener, once
 *              (3) SESSION_SUBSCRIBED is set exactly while the session has a listener, which has at
 *                  least one subscription
 *              (4) a listener whose session has left is in the list of those, and no other is
 * struct pubsub owns topics, listeners and subscriptions; who frees a session calls pubsub_leave before.
 * Loop thread only. */
#ifndef STARLING_SESSION_PUBSUB_H
#define STARLING_SESSION_PUBSUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/hashtable.h"
#include "base/list.h"

struct session;

enum pubsub_kind {
    PUBSUB_CHANNEL,
    PUBSUB_PATTERN, /* of names of channels, as base/glob.h has it */
    PUBSUB_SHARD,   /* a channel of the shard that has its slot */
    PUBSUB_KINDS
};

struct pubsub_topic {
    struct hashtable_node by_name;
    struct list subscriptions; /* struct pubsub_subscription, of_topic */
    size_t count;
    char name[]; /* the key of by_name */
};

struct pubsub_subscription {
    struct list of_topic;
    struct list of_listener;
    struct hashtable_node by_name; /* among those of its listener; the key is the topic's name */
    struct pubsub_topic *topic;
    struct pubsub_listener *listener;
};

/* The part of a session that listens to something. */
struct pubsub_listener {
    struct session *session; /* NULL: it has left */
    struct list leaving;
    struct hashtable by_name[PUBSUB_KINDS];
    struct list all[PUBSUB_KINDS]; /* oldest first */
};

struct pubsub {
    struct hashtable topics[PUBSUB_KINDS];
    struct list leaving; /* struct pubsub_listener */
    size_t listener_count;
    size_t bytes; /* that all of it takes, but for tables of topics */
};

/* hash_seed: a secret. */
void pubsub_init(struct pubsub *pubsub, uint64_t hash_seed);
/* Nobody may listen any more. */
void pubsub_deinit(struct pubsub *pubsub);

/* False: it listens to that already, or it did not; nothing has changed. */
bool pubsub_subscribe(struct pubsub *pubsub, struct session *s, enum pubsub_kind kind,
                      struct bytes name);
bool pubsub_unsubscribe(struct pubsub *pubsub, struct session *s, enum pubsub_kind kind,
                        struct bytes name);
/* The session listens to nothing any more, and may go. */
void pubsub_leave(struct pubsub *pubsub, struct session *s);
/* Free a slice of what those who left listened to; true when there is more. */
bool pubsub_free_step(struct pubsub *pubsub);

/* How many of a kind a session listens to. */
size_t pubsub_count(const struct session *s, enum pubsub_kind kind);
/* The name that it has listened to longest, borrowed until it ends; empty when there is none. */
struct bytes pubsub_oldest(const struct session *s, enum pubsub_kind kind);

/* NULL when nobody listens. */
struct pubsub_topic *pubsub_find(const struct pubsub *pubsub, enum pubsub_kind kind,
                                 struct bytes name);
size_t pubsub_topic_count(const struct pubsub *pubsub, enum pubsub_kind kind);

static inline struct pubsub_topic *pubsub_topic_of(struct hashtable_node *node)
{
    return (struct pubsub_topic *)(void *)((char *)node - offsetof(struct pubsub_topic, by_name));
}

/* Assert the invariants, as far as topics lead. */
void pubsub_check(const struct pubsub *pubsub);

#endif
