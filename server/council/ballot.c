/* SPDX-License-Identifier: MIT */
#include "council/ballot.h"

#include "base/assert.h"

void ballot_encode(struct buf *out, const struct ballot *ballot)
{
    ASSERT(ballot_is_none(ballot) == cluster_id_is_none(&ballot->by));
    encode_u64_be(out, ballot->round);
    cluster_id_encode(out, &ballot->by);
}

void ballot_decode(struct decoder *d, struct ballot *out)
{
    out->round = decode_u64_be(d);
    cluster_id_decode(d, &out->by);
    if (ballot_is_none(out) != cluster_id_is_none(&out->by)) {
        d->failed = true;
    }
}
