/* SPDX-License-Identifier: MIT */
/* Chained buckets, doubled when they hold one item each on average. */
#include "base/hashtable.h"

#include "base/assert.h"
#include "base/attr.h"
#include "base/hash.h"
#include "base/mem.h"

enum {
    FIRST_BUCKET_COUNT = 16
};

static struct hashtable_node **bucket_of(const struct hashtable *table, uint64_t hash)
{
    return &table->buckets[hash & (table->bucket_count - 1)];
}

static void grow(struct hashtable *table)
{
    struct hashtable bigger = {.count = table->count, .seed = table->seed};

    bigger.bucket_count = table->bucket_count > 0 ? table->bucket_count * 2 : FIRST_BUCKET_COUNT;
    bigger.buckets = mem_alloc_zeroed(MEM_BASE, bigger.bucket_count * sizeof(*bigger.buckets));
    for (size_t i = 0; i < table->bucket_count; i++) {
        struct hashtable_node *node = table->buckets[i];

        while (node != NULL) {
            struct hashtable_node *next = node->next;
            struct hashtable_node **bucket = bucket_of(&bigger, node->hash);

            node->next = *bucket;
            *bucket = node;
            node = next;
        }
    }
    mem_free(MEM_BASE, table->buckets);
    *table = bigger;
}

void hashtable_deinit(struct hashtable *table)
{
    mem_free(MEM_BASE, table->buckets);
    *table = (struct hashtable){.seed = table->seed};
}

uint64_t hashtable_hash(const struct hashtable *table, struct bytes key)
{
    return hash_bytes(key, table->seed);
}

void hashtable_add(struct hashtable *table, struct hashtable_node *node, struct bytes key)
{
    hashtable_add_hashed(table, node, key, hashtable_hash(table, key));
}

void hashtable_add_hashed(struct hashtable *table, struct hashtable_node *node, struct bytes key,
                          uint64_t hash)
{
    struct hashtable_node **bucket;

    DEBUG_ASSERT(hash == hashtable_hash(table, key));
    DEBUG_ASSERT(hashtable_find(table, key) == NULL);
    if (table->count >= table->bucket_count) {
        grow(table);
    }
    node->key = key;
    node->hash = hash;
    bucket = bucket_of(table, hash);
    node->next = *bucket;
    *bucket = node;
    table->count++;
}

void hashtable_remove(struct hashtable *table, struct hashtable_node *node)
{
    struct hashtable_node **link = bucket_of(table, node->hash);

    while (*link != node) {
        ASSERT(*link != NULL);
        link = &(*link)->next;
    }
    *link = node->next;
    node->next = NULL;
    table->count--;
}

struct hashtable_node *hashtable_find(const struct hashtable *table, struct bytes key)
{
    return table->count > 0 ? hashtable_find_hashed(table, key, hashtable_hash(table, key)) : NULL;
}

struct hashtable_node *hashtable_find_hashed(const struct hashtable *table, struct bytes key,
                                             uint64_t hash)
{
    if (table->count == 0) {
        return NULL;
    }
    for (struct hashtable_node *node = *bucket_of(table, hash); node != NULL; node = node->next) {
        if (node->hash == hash && bytes_equal(node->key, key)) {
            return node;
        }
    }
    return NULL;
}

void hashtable_prefetch_bucket(const struct hashtable *table, uint64_t hash)
{
    if (table->bucket_count > 0) {
        prefetch(bucket_of(table, hash));
    }
}

void hashtable_prefetch_node(const struct hashtable *table, uint64_t hash)
{
    if (table->bucket_count > 0) {
        prefetch(*bucket_of(table, hash));
    }
}

struct hashtable_node *hashtable_next(const struct hashtable *table,
                                      const struct hashtable_node *previous)
{
    size_t i = 0;

    if (previous != NULL) {
        if (previous->next != NULL) {
            return previous->next;
        }
        i = (size_t)(previous->hash & (table->bucket_count - 1)) + 1;
    }
    for (; i < table->bucket_count; i++) {
        if (table->buckets[i] != NULL) {
            return table->buckets[i];
        }
    }
    return NULL;
}
