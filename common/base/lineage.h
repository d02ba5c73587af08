/* SPDX-License-Identifier: MIT */
/* The histories that one has grown from, and where each was left: a position in one of them, before it was left, is a
 * position in all that come after it.
 *
 *     history A  --------------+            (left at 700)
 *     history B                +-----+      (left at 900)
 *     ours                           +------------------>
 *
 * Invariants:  (1) ends ascend from the oldest to the newest
 *              (2) no id is empty, and none comes twice
 * The oldest is forgotten when there is no room.  Plain value: copied, never shared. */
#ifndef STARLING_BASE_LINEAGE_H
#define STARLING_BASE_LINEAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/history.h"

enum {
    LINEAGE_MAX = 64,
};

struct ancestor {
    struct history_id history;
    uint64_t end; /* it is ours up to here */
};

struct lineage {
    struct ancestor items[LINEAGE_MAX]; /* oldest first */
    size_t count;
};

/* The history was left at end.  What was remembered behind end is forgotten: nobody goes on from there; so is when
 * the same history was left before.  That one of no name was left says nothing. */
void lineage_add(struct lineage *lineage, const struct history_id *history, uint64_t end);
/* Up to which offset is this history ours?  False, and *end untouched, when it is none of them. */
bool lineage_find(const struct lineage *lineage, const struct history_id *history, uint64_t *end);
void lineage_check(const struct lineage *lineage);

#endif
