/* SPDX-License-Identifier: MIT */
/* Sets.
 *
 * Small ones lie in their entry: integers alone as a sorted array, all 2, 4 or 8 bytes wide, others packed
 * in the order in which they came.  Larger ones are members (store/members.h).
 *
 *     mark 0     head | element | element | ...
 *     mark 1     head | width: 1 byte | integer | integer | ...    little-endian, ascending
 *
 * Invariants:  (1) a member is there once
 *              (2) packed: at most SET_PACKED_MEMBERS, in VALUE_PACKED_MAX bytes as integers are
 * What is found is borrowed until the next change. */
#ifndef STARLING_STORE_VALUE_SET_H
#define STARLING_STORE_VALUE_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"
#include "store/packed.h"
#include "store/value.h"

enum {
    SET_PACKED_MEMBERS = 128, /* above, a search costs more than a table's */
};

typedef void set_visit_fn(void *context, struct bytes member);

uint64_t set_count(const struct value *set);
bool set_has(const struct value *set, struct bytes member);
/* Any member, each about as likely; the set is not empty.  scratch: PACKED_SCRATCH bytes. */
struct bytes set_random(const struct value *set, struct rng *rng, char *scratch);
/* Visit count different members, or all. */
void set_sample(const struct value *set, struct rng *rng, uint64_t count, set_visit_fn *visit,
                void *context);
/* Visit about count members from the cursor on (0 starts); the next one, 0 at the end.  Those of a small
 * set come all at once. */
uint64_t set_scan(const struct value *set, uint64_t cursor, size_t count, set_visit_fn *visit,
                  void *context);

/* True when it is new. */
bool set_add(struct value_draft *draft, struct bytes member);
/* False when it was not there. */
bool set_remove(struct value_draft *draft, struct bytes member);

#endif
