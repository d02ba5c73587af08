/* SPDX-License-Identifier: MIT */
/* What a primary does when members refuse its record since slots of it are another shard's (COUNCIL_TAKEN).
 *
 * Without these slots its record can be agreed again.  What it serves already is not to wait for that; who serves nothing yet gives others
 * some time, five node timeouts, in which a slot that was given up is known to all.  In this order it lets go of
 *     what it was taking back, when a node is there that takes it, at once: some members may have accepted our record and some that
 *         one's, and neither be agreed ever.  What was given stays given, as our agreed record says it still;
 *     what is agreed to be another shard's;
 *     what it had begun to take, for a while (ranges.h);
 *     what was given to it by hand and no record has. */
#ifndef STARLING_CLUSTER_REFUSAL_H
#define STARLING_CLUSTER_REFUSAL_H

#include "base/attr.h"
#include "cluster/state.h"

/* Was a proposal refused for that? */
MUST_USE bool refusal_is(const struct council_news *news);
/* A proposal of our record has ended, so or otherwise. */
void refusal_note(struct cluster *c, const struct council_news *news);
/* Are slots refused as another shard's since then for longer than it takes until all members know of one that was given up? */
MUST_USE bool refusal_is_long(const struct cluster *c, struct mono_time since);

#endif
