/* SPDX-License-Identifier: MIT */
/* Short words for the tests of the key space in this folder. */
#ifndef STARLING_TESTS_STORE_SPACE_H
#define STARLING_TESTS_STORE_SPACE_H

#include "store/keyspace.h"

enum {
    SPACE_KEY_TEXT = 32,
};

/* Sixteen databases, or a cluster's slots, in an arena of 512 MB. */
struct keyspace *space_new(bool is_cluster);
/* Check every invariant, then free. */
void space_free(struct keyspace *ks);
/* "key:<number>"; out has SPACE_KEY_TEXT bytes. */
struct bytes space_key(unsigned number, char *out);
unsigned space_key_number(struct bytes key);
void space_set(struct keyspace *ks, unsigned db, const char *key, const char *value);
/* Keys from first on, count of them, each with its key as value. */
void space_set_many(struct keyspace *ks, unsigned db, unsigned first, unsigned count,
                    int64_t expire_at_ms);
void space_remove_many(struct keyspace *ks, unsigned db, unsigned first, unsigned count);
struct entry *space_find(struct keyspace *ks, unsigned db, const char *key);
/* Make the string at least len bytes long, with a # in front. */
void space_edit(struct keyspace *ks, const struct key_ref *ref, size_t len);
/* Is the value that text?  No when there is none. */
bool space_has(struct keyspace *ks, unsigned db, const char *key, const char *value);

#endif
