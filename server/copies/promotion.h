/* SPDX-License-Identifier: MIT */
/* When a slot is to be hot, and for how long: what the owner decides once a second by what its keys are used for.
 *
 *     reads of a key      it pays when                                              else
 *     a second            reads >= min_reads, and the node is busy (min_busy),      left alone; `why` says so
 *                         and reads >= PROMOTION_READS_PER_WRITE * members * writes
 *
 * A member takes about min_reads of them, so there are reads / min_reads members, 1 at least, and no more than there
 * are other primaries.  When the reads of all of them together have been less than a third of what it took, or the
 * writes too many, for PROMOTION_LOW_MS, the slot is hot no more.
 * Slots that clients use with state (WATCH, blocking, sharded channels) are not hot for PROMOTION_BARRED_MS after that.
 *
 * Invariant:  (1) places are filled from the front; the last one comes to the place of one that ends, the others keep theirs
 * Pure; all-zero is empty. */
#ifndef STARLING_COPIES_PROMOTION_H
#define STARLING_COPIES_PROMOTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

enum {
    PROMOTION_SLOTS_MAX = 16, /* hot at a time, of one owner */
    PROMOTION_BARRED_MAX = 64,
    PROMOTION_READS_PER_WRITE =
        3, /* for each member: an invalidation, its acknowledgement, a value */
    PROMOTION_LOW_MS = 10000,
    PROMOTION_BARRED_MS = 10 * 60 * 1000,
};

struct promotion_rules {
    uint64_t min_reads; /* a second */
    unsigned min_busy;  /* percent of the loop's time; 0: whatever it is */
    size_t primaries;   /* others that could be members */
};

/* Of the hottest key of a slot. */
struct promotion_load {
    uint16_t slot;
    uint64_t reads; /* a second, by all who serve it */
    uint64_t writes;
    bool is_lendable; /* no larger than may be copied */
};

enum promotion_answer {
    PROMOTION_YES,
    PROMOTION_FEW_READS,
    PROMOTION_NOT_BUSY,
    PROMOTION_WRITTEN, /* too often */
    PROMOTION_LARGE,
    PROMOTION_STATEFUL,
    PROMOTION_ALONE, /* there is no other primary */
    PROMOTION_TOO_MANY,
    PROMOTION_NO_ROOM, /* all other primaries are busy (placement.h) */
};

struct promoted {
    uint16_t slot;
    uint16_t members;
    struct mono_time low_since; /* {0}: it is not low */
};

struct promotion_bar {
    uint16_t slot;
    struct mono_time until;
};

struct promotion {
    struct promoted items[PROMOTION_SLOTS_MAX];
    size_t count;
    struct promotion_bar bars[PROMOTION_BARRED_MAX];
    size_t bar_count;
};

/* For people. */
const char *promotion_answer_text(enum promotion_answer answer);
/* Would it be promoted, its node being busy to that percentage?  *members: to how many. */
enum promotion_answer promotion_judge(const struct promotion *p, struct mono_time now,
                                      const struct promotion_rules *rules,
                                      const struct promotion_load *load, unsigned busy,
                                      size_t *members);
/* It is hot from now on, or has that many members. */
void promotion_begin(struct promotion *p, uint16_t slot, size_t members);
const struct promoted *promotion_find(const struct promotion *p, uint16_t slot);
/* Its place among items; count: it is not hot.  What others keep of hot slots is found by it: each request asks. */
size_t promotion_place(const struct promotion *p, uint16_t slot);
/* Of a hot slot, once a second, with the loads of all who serve it: true when it is to be hot no more. */
bool promotion_is_over(struct promotion *p, struct mono_time now,
                       const struct promotion_rules *rules, const struct promotion_load *load);
void promotion_end(struct promotion *p, uint16_t slot);
/* Clients use the slot with state. */
void promotion_bar(struct promotion *p, struct mono_time now, uint16_t slot);

#endif
