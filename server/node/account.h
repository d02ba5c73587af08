/* SPDX-License-Identifier: MIT */
/* What a node itself holds of memory, as against what its process does: many nodes may live in one, and
 * one must not give up data for what the others need.
 *
 * Invariant:  (1) every byte is counted under one part, and none of another node */
#ifndef STARLING_NODE_ACCOUNT_H
#define STARLING_NODE_ACCOUNT_H

#include <stddef.h>

struct node;

struct memory_account {
    size_t data;    /* key spaces: pages of entries and buckets, large values */
    size_t log;     /* the backlog, and what replicas still need */
    size_t clients; /* sessions and their buffers */
    size_t bus;     /* links of the cluster's bus */
};

/* What maxmemory is compared with, in constant time: what giving up keys makes less at once.  Free places
 * between entries, which new ones fill, and what is removed and not yet freed are not in it. */
size_t account_for_limit(const struct node *node);
/* All of it; visits each client. */
void account_take(const struct node *node, struct memory_account *out);
size_t account_sum(const struct memory_account *account);

#endif
