/* SPDX-License-Identifier: MIT */
/* What took long, or was large: the slow log (stats/slowlog.h) is told of requests, and LATENCY (stats/latency.h) of those and
 * of other work. */
#ifndef STARLING_NODE_SLOW_H
#define STARLING_NODE_SLOW_H

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "stats/latency.h"

struct node;
struct request;

/* By the options as they are now. */
void slow_configure(struct node *node);
/* The command took so long, or is worth a look for its size (negative: timing_end); its reply begins behind so
 * many bytes of its session's buffer. */
void slow_note_request(struct node *node, const struct request *request, int64_t duration_us,
                       size_t out_before);
/* The batch has run and is still there. */
void slow_end_run(struct node *node);

/* A pass begins; it is over: by that clock, and all that came of it was written. */
void slow_begin_pass(struct node *node);
void slow_end_pass(struct node *node, struct mono_time now);

/* Before and after work that is no command.  The clock is read only while somebody wants to know. */
int64_t slow_begin_work(const struct node *node);
void slow_end_work(struct node *node, enum latency_event event, int64_t began_ns);
/* The same for work whose time is known anyway. */
void slow_note_work(struct node *node, enum latency_event event, int64_t took_ns);

#endif
