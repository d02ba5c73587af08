/* SPDX-License-Identifier: MIT */
/* WATCH: which sessions watch which keys of the key space (session/watch.h), and whether a watch has been
 * broken by whoever changed data: clients, expiry, the stream of a primary, a key space put in place of
 * another.
 *
 * Invariants:  (1) the key space is observed exactly while somebody watches, so that changes cost nothing
 *                  otherwise
 *              (2) a watched key that has expired counts as gone, whether it has been removed or not */
#ifndef STARLING_NODE_WATCHING_H
#define STARLING_NODE_WATCHING_H

#include <stdbool.h>

#include "base/bytes.h"
#include "session/watch.h"

struct keyspace;
struct node;
struct session;

struct watching {
    struct watch watch;
    bool is_observing;
};

void watching_init(struct node *node);
void watching_deinit(struct node *node);

/* Once a watch is broken EXEC will do nothing, and no more are noted. */
void watching_add(struct node *node, struct session *s, const struct bytes *keys, size_t count);
/* s watches nothing any more. */
void watching_leave(struct node *node, struct session *s);
/* Has something happened to a key since s began to watch it? */
bool watching_is_broken(struct node *node, struct session *s);
/* Another node has the keys of the slot now, and may change them. */
void watching_slot_went(struct node *node, unsigned slot);
/* There is another key space now: what was in the one before has gone. */
void watching_data_replaced(struct node *node);

void watching_check(const struct node *node);

#endif
