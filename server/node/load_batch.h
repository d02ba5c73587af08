/* SPDX-License-Identifier: MIT */
/* Records on their way into a key space, some dozens at a time, so that the memory which finding the place of one needs
 * is fetched while others are put into theirs.
 *
 * Invariants:  (1) records are put in the order in which they came
 *              (2) what a batch holds is of one key space, and the caller has it flushed before anything else looks there
 * Owns copies of keys and small values, and the large values that it has taken.  All-zero is an empty one. */
#ifndef STARLING_NODE_LOAD_BATCH_H
#define STARLING_NODE_LOAD_BATCH_H

#include <stddef.h>
#include <stdint.h>

#include "persist/rdb.h"
#include "store/keyspace.h"

enum {
    LOAD_BATCH_RECORDS = 32,
    LOAD_BATCH_BYTES = 16 * 1024, /* of keys and small values: a part of the fastest cache */
};

struct load_batch {
    struct key_ref refs[LOAD_BATCH_RECORDS];
    struct value values[LOAD_BATCH_RECORDS];
    int64_t expire_at_ms[LOAD_BATCH_RECORDS];
    size_t count;
    char *bytes; /* LOAD_BATCH_BYTES, when there was anything to keep in them */
    size_t used;
};

/* It is empty. */
void load_batch_deinit(struct load_batch *batch);
/* Take the record's value; the key space has it at once or with the next flush. */
void load_batch_add(struct load_batch *batch, struct keyspace *target,
                    const struct rdb_record *record);
void load_batch_flush(struct load_batch *batch, struct keyspace *target);

#endif
