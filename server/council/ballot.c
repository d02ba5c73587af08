/* SPDX-License-Identifier: MIT */
#include "council/ballot.h"

#include "base/assert.h"

enum {
    ROUND_BITS = 48,
};

void ballot_encode(struct buf *out, const struct ballot *ballot)
{
    ASSERT(ballot_is_none(ballot) == cluster_id_is_none(&ballot->by));
    encode_u64_be(out, ballot->round | (uint64_t)ballot->step << ROUND_BITS);
    cluster_id_encode(out, &ballot->by);
}

void ballot_decode(struct decoder *d, struct ballot *out)
{
    uint64_t both = decode_u64_be(d);

    out->round = both & ((UINT64_C(1) << ROUND_BITS) - 1);
    out->step = (uint16_t)(both >> ROUND_BITS);
    cluster_id_decode(d, &out->by);
    if (ballot_is_none(out) != cluster_id_is_none(&out->by) ||
        (ballot_is_none(out) && out->step != 0)) {
        d->failed = true;
    }
}
