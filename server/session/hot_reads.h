/* SPDX-License-Identifier: MIT */
/* What a connection has asked of slots that are hot, a record for each: node/hot_readers.h says what for.
 *
 * Most connections ask for none, and have nothing of this but a pointer that is NULL.  Of those that ask for more than
 * HOT_READS_MAX at a time some records are forgotten, one after the other: then they are counted anew.
 *
 * Invariant:  (1) a slot has one record at most
 * Owned by whoever has the pointer.  Loop thread only. */
#ifndef STARLING_SESSION_HOT_READS_H
#define STARLING_SESSION_HOT_READS_H

#include <stddef.h>
#include <stdint.h>

#include "copies/spread.h"

enum {
    HOT_READS_MAX = 32,
};

struct hot_read {
    uint16_t slot;
    struct spread_reader reader;
};

struct hot_reads {
    uint32_t count;
    uint32_t capacity;
    uint32_t next; /* to be forgotten */
    struct hot_read items[];
};

/* That of the slot, all-zero at first.  Valid until the next call. */
struct spread_reader *hot_reads_get(struct hot_reads **reads, uint16_t slot);
/* None of them is known any more. */
void hot_reads_free(struct hot_reads **reads);
size_t hot_reads_bytes(const struct hot_reads *reads);

#endif
