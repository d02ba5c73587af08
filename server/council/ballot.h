/* SPDX-License-Identifier: MIT */
/* Ballots: the order of those who want to change a record.
 *
 * A greater one outbids a smaller one.  Two nodes never use the same: a round is only used together with the id of the
 * node that chose it, and a node takes each round once.  All-zero is smaller than all, and nobody's.
 *
 * Who was promised a round, and had a value agreed in it, has it for all that it wants next: those are its steps, one value
 * each.  All steps of a round lie between the round and the next greater one of anybody, so a promise of what is greater
 * ends them all; and each value grows from that of the step before.
 *
 * Encoded, the step is in the upper 16 bits of the round: those are 0 in what was written before there were steps.
 *
 * Plain value.  From: Leslie Lamport, "The Part-Time Parliament" (1998), where a president goes on to have decrees passed
 * under one ballot; a record that can be changed again and again as in Denis Rystsov, "CASPaxos: Replicated State Machines
 * without logs" (2018). */
#ifndef STARLING_COUNCIL_BALLOT_H
#define STARLING_COUNCIL_BALLOT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cluster_id.h"

enum {
    BALLOT_STEP_MAX = UINT16_MAX,
};

/* Rounds that others name are below: beyond is no honest node's, and would leave no room for the next. */
#define BALLOT_ROUND_MAX (UINT64_C(1) << 47)

struct ballot {
    uint64_t round;
    uint16_t step;
    struct cluster_id by;
};

static inline bool ballot_is_none(const struct ballot *ballot)
{
    return ballot->round == 0;
}

static inline bool ballot_equal(const struct ballot *a, const struct ballot *b)
{
    return a->round == b->round && a->step == b->step && cluster_id_equal(&a->by, &b->by);
}

static inline bool ballot_is_above(const struct ballot *a, const struct ballot *b)
{
    int by = memcmp(a->by.text, b->by.text, CLUSTER_ID_LEN);

    if (a->round != b->round) {
        return a->round > b->round;
    }
    return by != 0 ? by > 0 : a->step > b->step;
}

void ballot_encode(struct buf *out, const struct ballot *ballot);
/* Fails on a ballot of nobody that has a round or a step, and on one of somebody that has no round. */
void ballot_decode(struct decoder *d, struct ballot *out);

#endif
