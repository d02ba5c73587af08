/* SPDX-License-Identifier: MIT */
/* Who is there to confirm writes of our shard, besides its primary: the holders of its record. */
#ifndef STARLING_CLUSTER_HOLDERS_H
#define STARLING_CLUSTER_HOLDERS_H

#include "base/attr.h"
#include "cluster/state.h"

/* All whom we know now. */
void holders_note(const struct cluster *c, struct shard_record *record);
/* Has somebody come or gone?  The council is told, though not for each of many at once. */
MUST_USE bool holders_are_others(const struct cluster *c, const struct shard_record *record);

#endif
