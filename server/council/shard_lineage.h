/* SPDX-License-Identifier: MIT */
/* Are data the shard's, and how much of it?  Data are judged by the histories that they have grown from, and never by an
 * offset's number alone.
 *
 * The record of a shard names the history of its primary and those that it grew from, each with where it was left: the
 * trunk.  Offsets count on along it.  Data in these histories are a part of the trunk up to where theirs leaves it:
 *
 *     the record:    A ------+ 700
 *                    B       +-----+ 900
 *                    C             +-------------> its primary's
 *     A at 650       a part of it, 650 bytes
 *     A at 720       700 bytes of it, and a tail that was given up
 *     B at 800       a part of it, 800 bytes
 *     C at 950       a part of it, 950 bytes
 *     D that left C at 950, at 960
 *                    950 bytes of it, and what came after: a primary that has restarted goes on so, and answers for
 *                    nothing before its new history is agreed
 *     E              nothing of it: another shard's, or of a life that is over */
#ifndef STARLING_COUNCIL_SHARD_LINEAGE_H
#define STARLING_COUNCIL_SHARD_LINEAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/codec.h"
#include "base/lineage.h"
#include "council/shard_record.h"

enum {
    SHARD_DATA_ANCESTORS =
        3, /* so many of the newest go on the wire: more are left between two agreements by nobody */
    SHARD_RECORD_ANCESTORS =
        16, /* so many are kept in a record: who left before them starts anew */
};

/* Where somebody's data stand.  Plain value. */
struct shard_data {
    struct history_id history; /* empty: none */
    uint64_t offset;
    struct ancestor ancestors[SHARD_DATA_ANCESTORS]; /* the newest, oldest first */
    size_t ancestor_count;
};

struct shard_data shard_data_make(const struct history_id *history, uint64_t offset,
                                  const struct lineage *lineage);
/* 1 count, for each 40 history, zeros behind its end, and 8 end. */
void shard_ancestors_encode(struct buf *out, const struct shard_data *data);
/* Fails on more than there can be, on an empty history, one that comes twice, and ends that do not rise. */
void shard_ancestors_decode(struct decoder *d, struct shard_data *out);

/* What of them is the shard's. */
struct shard_place {
    uint64_t offset;  /* so much of the trunk: 0 when it is nothing */
    bool is_of_shard; /* they have a part of it, though it be empty */
    bool has_no_tail; /* nor anything that was given up: they may go on; implies is_of_shard */
};
struct shard_place shard_place_of(const struct shard_record *record, const struct shard_data *data);

/* The record's primary goes on in this history from what these data are: set its history and lineage. */
void shard_record_grow(struct shard_record *record, const struct history_id *history,
                       const struct lineage *lineage);

#endif
