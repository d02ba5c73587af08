/* SPDX-License-Identifier: MIT */
/* Slots that nobody has.  First whoever may be what is left of them takes over (cluster_left.h); then they are given: those of which
 * some primary has keys to the one that has most, the others to all primaries, so that they have as many, each a part in one piece.
 * Each piece is a change that the cluster agrees on: there are to be few. */
#ifndef STARLING_CLI_CLUSTER_COVER_H
#define STARLING_CLI_CLUSTER_COVER_H

#include "cli/cluster_fixing.h"

/* False, having said why, when slots are without an owner still. */
MUST_USE bool cluster_cover(struct fixing *f);

#endif
