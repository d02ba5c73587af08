/* SPDX-License-Identifier: MIT */
/* A series of events as a drawing of characters, for LATENCY GRAPH. */
#ifndef STARLING_CONTROL_LATENCY_GRAPH_H
#define STARLING_CONTROL_LATENCY_GRAPH_H

#include <stdint.h>

#include "base/buf.h"
#include "stats/latency.h"

/* Append it: a heading, then columns for samples, the oldest first, 80 of them beside one another; under each is how
 * long ago it was, from top to bottom ("12s", "3m").  The series has a sample. */
void latency_graph_draw(const struct latency_series *series, enum latency_event event,
                        int64_t now_unix_s, struct buf *out);

#endif
