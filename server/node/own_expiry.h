/* SPDX-License-Identifier: MIT */
/* Keys with an expiry that clients have written to a replica.
 *
 * Expired keys of the primary are removed by it.  Of keys that only this writable replica has, nobody
 * else knows: it remembers them and removes them itself, telling nobody.  A client that gives one of
 * the primary's keys an expiry here has that removed as well: a replica that may be written to
 * differs from its primary.
 *
 * Each round looks at a few, from the front; those that live on go to the back.
 *
 * Invariant:  (1) a key is in both, the list and the table, or in neither */
#ifndef STARLING_NODE_OWN_EXPIRY_H
#define STARLING_NODE_OWN_EXPIRY_H

#include "base/hashtable.h"
#include "base/list.h"

struct exec;
struct node;

struct own_expiry {
    struct list keys; /* each a struct own_key */
    struct hashtable names;
};

void own_expiry_init(struct node *node);
void own_expiry_deinit(struct node *node);
/* A client has changed data on this replica. */
void own_expiry_note(struct node *node, const struct exec *x);
/* Remove some of those that have expired. */
void own_expiry_round(struct node *node);
/* This is no replica any more, or its data was replaced. */
void own_expiry_forget_all(struct node *node);

void own_expiry_check(const struct node *node);

#endif
