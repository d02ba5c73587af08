/* SPDX-License-Identifier: MIT */
/* Hashes: fields with values.
 *
 * Small ones are packed: field, value, field, value, in the order in which they came.  Larger ones are
 * members (store/members.h), a field and its value in one allocation.
 *
 * Invariants:  (1) a field is there once
 *              (2) packed: at most HASH_PACKED_FIELDS fields in VALUE_PACKED_MAX bytes
 * What is found is borrowed until the next change. */
#ifndef STARLING_STORE_VALUE_HASH_H
#define STARLING_STORE_VALUE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/block.h"
#include "base/rng.h"
#include "store/packed.h"
#include "store/value.h"

enum {
    HASH_PACKED_FIELDS = 128, /* above, a search costs more than a table's */
};

/* A field's value: in a block, or bytes.  An integer's text is in scratch. */
struct hash_found {
    struct bytes value;
    struct block *block; /* NULL: none */
    char scratch[PACKED_SCRATCH];
};

uint64_t hash_count(const struct value *hash);
bool hash_find(const struct value *hash, struct bytes field, struct hash_found *out);
/* Any field, each about as likely, and its value; the hash is not empty.  Texts of integers are written to
 * scratch, which has room for two. */
struct value_element hash_random(const struct value *hash, struct rng *rng, char *scratch);
/* Visit count different fields, or all. */
void hash_sample(const struct value *hash, struct rng *rng, uint64_t count, value_visit_fn *visit,
                 void *context);
/* Visit about count fields from the cursor on (0 starts); the next one, 0 at the end.  Those of a small
 * hash come all at once. */
uint64_t hash_walk(const struct value *hash, uint64_t cursor, size_t count, value_visit_fn *visit,
                   void *context);

/* True when the field is new. */
bool hash_set(struct value_draft *draft, struct bytes field, struct bytes value);
/* False when there was none. */
bool hash_remove(struct value_draft *draft, struct bytes field);

#endif
