/* SPDX-License-Identifier: MIT */
/* Ballots: the order of those who want to change a record.
 *
 * A greater one outbids a smaller one.  Two nodes never use the same: a round is only used together with the id of the
 * node that chose it, and a node takes each round once.  All-zero is smaller than all, and nobody's.
 *
 * Plain value.  From: Leslie Lamport, "The Part-Time Parliament" (1998); a record that can be changed again and again as
 * in Denis Rystsov, "CASPaxos: Replicated State Machines without logs" (2018). */
#ifndef STARLING_COUNCIL_BALLOT_H
#define STARLING_COUNCIL_BALLOT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cluster_id.h"

struct ballot {
    uint64_t round;
    struct cluster_id by;
};

static inline bool ballot_is_none(const struct ballot *ballot)
{
    return ballot->round == 0;
}

static inline bool ballot_equal(const struct ballot *a, const struct ballot *b)
{
    return a->round == b->round && cluster_id_equal(&a->by, &b->by);
}

static inline bool ballot_is_above(const struct ballot *a, const struct ballot *b)
{
    return a->round != b->round ? a->round > b->round
                                : memcmp(a->by.text, b->by.text, CLUSTER_ID_LEN) > 0;
}

void ballot_encode(struct buf *out, const struct ballot *ballot);
/* Fails on a ballot of nobody that has a round, and on one of somebody that has none. */
void ballot_decode(struct decoder *d, struct ballot *out);

#endif
