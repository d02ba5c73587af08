/* SPDX-License-Identifier: MIT */
/* What the slow log (stats/slowlog.h) is told of requests. */
#ifndef STARLING_NODE_SLOW_H
#define STARLING_NODE_SLOW_H

#include <stdint.h>

struct node;
struct request;

/* By the options as they are now. */
void slow_configure(struct node *node);
/* The command took so long. */
void slow_note_request(struct node *node, const struct request *request, int64_t duration_us);
/* The batch has run and is still there. */
void slow_end_run(struct node *node);

#endif
