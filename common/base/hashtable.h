/* SPDX-License-Identifier: MIT */
/* Intrusive chained hash table keyed by bytes, for the control plane (node ids, options,
 * client ids).  The key space has its own table in server/store.
 *
 * The item embeds a struct hashtable_node and owns the key bytes, which must stay put and
 * unchanged while it is linked.  The table owns only its bucket array.  All-zero is empty.
 *
 * Who gives it keys that clients have chosen sets a secret seed while it is empty: nobody can then find keys
 * that share a bucket. */
#ifndef STARLING_BASE_HASHTABLE_H
#define STARLING_BASE_HASHTABLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

struct hashtable_node {
    struct hashtable_node *next;
    struct bytes key;
    uint64_t hash;
};

struct hashtable {
    struct hashtable_node **buckets;
    size_t bucket_count; /* a power of two, or 0 */
    size_t count;
    uint64_t seed;
};

/* Keeps its seed. */
void hashtable_deinit(struct hashtable *table);
/* The key must not be in the table. */
void hashtable_add(struct hashtable *table, struct hashtable_node *node, struct bytes key);
void hashtable_remove(struct hashtable *table, struct hashtable_node *node);
struct hashtable_node *hashtable_find(const struct hashtable *table, struct bytes key);
/* The same with the key's hash at hand, which tables of one seed share. */
uint64_t hashtable_hash(const struct hashtable *table, struct bytes key);
void hashtable_add_hashed(struct hashtable *table, struct hashtable_node *node, struct bytes key,
                          uint64_t hash);
struct hashtable_node *hashtable_find_hashed(const struct hashtable *table, struct bytes key,
                                             uint64_t hash);
/* Hints for the processor before many lookups: the buckets of all, and once they are there, the nodes that
 * they begin with.  Never needed for correctness. */
void hashtable_prefetch_bucket(const struct hashtable *table, uint64_t hash);
void hashtable_prefetch_node(const struct hashtable *table, uint64_t hash);
/* Walk in no promised order; start with NULL, ends with NULL.  Nothing may change meanwhile. */
struct hashtable_node *hashtable_next(const struct hashtable *table,
                                      const struct hashtable_node *previous);

#define HASHTABLE_FOR_EACH(node, table)                                                            \
    for (struct hashtable_node *node = hashtable_next(table, NULL); node != NULL;                  \
         node = hashtable_next(table, node))

#endif
