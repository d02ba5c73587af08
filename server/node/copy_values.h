/* SPDX-License-Identifier: MIT */
/* The values of the copies that owners have lent to this node: they stand in a key space of their own, beside that of the node, and
 * what is known of each stands in the borrower of its owner (node/copy_owners.h).
 *
 * Invariant:  their bytes, as the borrowers count them, are at most hot-copies-max-memory after each answer */
#ifndef STARLING_NODE_COPY_VALUES_H
#define STARLING_NODE_COPY_VALUES_H

#include <stddef.h>

#include "base/bytes.h"
#include "copies/borrower.h"

struct copy_owner;
struct keyspace;
struct node;
struct peer_answer;

struct copy_values {
    struct keyspace *keyspace; /* NULL until there was one */
};

void copy_values_deinit(struct node *node);
/* Free some of what was removed; the pass is told when there is more. */
void copy_values_work(struct node *node);

/* What an owner has answered to FETCH: the value, which takes the place of any other owner's, or that it does not lend it.  Who waits for
 * the key is told. */
void copy_values_take(struct node *node, struct copy_owner *owner, struct bytes bytes,
                      const struct peer_answer *answer);
/* The key, if there is a copy of it from that owner. */
const struct borrowed *copy_values_find(const struct copy_owner *owner, struct bytes key);
/* Remove the value of a copy, if there is one; the borrower forgets it next. */
void copy_values_drop(struct node *node, const struct borrowed *key);
void copy_values_drop_all_of(struct node *node, struct copy_owner *owner);

/* How many copies there are, and the bytes of them. */
size_t copy_values_count(const struct node *node);
size_t copy_values_bytes(const struct node *node);

#endif
