/* SPDX-License-Identifier: MIT */
/* Hashes: fields with values, some of which expire.
 *
 * Small ones are packed (store/hash_packed.h), in the order in which they came.  Larger ones are
 * members (store/members.h), a field, its value and its expiry in one allocation.
 *
 * A field that has expired stays until somebody removes it.  Who reads sets `now_ms` of the value or the
 * draft, and does not see it then; only hash_count counts it.
 *
 * Invariants:  (1) a field is there once
 *              (2) an expiry is more than 0 and at most HASH_EXPIRY_MAX
 *              (3) the value and the draft of a hash with fields that expire are volatile
 * Expiries are in unix ms, 0 for never.  What is found is borrowed until the next change. */
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

#define HASH_EXPIRY_MAX ((INT64_C(1) << 48) - 1) /* what a member has room for */

/* A field's value: in a block, or bytes.  An integer's text is in scratch. */
struct hash_found {
    struct bytes value;
    struct block *block; /* NULL: none */
    int64_t expire_at_ms;
    char scratch[PACKED_SCRATCH];
};

/* How far to look for what has expired. */
struct hash_search {
    size_t budget;
    size_t max;
};

/* Of all fields, and of those that are seen: that may mean looking at each. */
uint64_t hash_count(const struct value *hash);
uint64_t hash_seen_count(const struct value *hash);
bool hash_find(const struct value *hash, struct bytes field, struct hash_found *out);
/* Any field that is seen, each about as likely, and its value; false when none is.  Texts of integers are
 * written to scratch, which has room for two. */
bool hash_random(const struct value *hash, struct rng *rng, char *scratch,
                 struct value_element *out);
/* Visit count different fields, or all that are seen. */
void hash_sample(const struct value *hash, struct rng *rng, uint64_t count, value_visit_fn *visit,
                 void *context);
/* Visit about count fields from the cursor on (0 starts); the next one, 0 at the end.  Those of a small
 * hash come all at once. */
uint64_t hash_walk(const struct value *hash, uint64_t cursor, size_t count, value_visit_fn *visit,
                   void *context);

/* The field has no expiry afterwards.  True when it is new. */
bool hash_set(struct value_draft *draft, struct bytes field, struct bytes value);
/* The same with the expiry that it is given; its score does not matter. */
bool hash_put(struct value_draft *draft, const struct value_element *field);
/* Another expiry for a field that is there. */
void hash_set_expiry(struct value_draft *draft, struct bytes field, int64_t expire_at_ms);
/* False when there was none, expired or not. */
bool hash_remove(struct value_draft *draft, struct bytes field);

/* No field expires before; INT64_MAX when none does. */
int64_t hash_next_expiry_ms(const struct value *hash);
/* Visit at most max fields that have expired at now_ms, looking at about budget of them; how many.  A look
 * at all makes hash_next_expiry_ms exact. */
size_t hash_find_expired(struct value_draft *draft, int64_t now_ms, struct hash_search search,
                         value_visit_fn *visit, void *context);

#endif
