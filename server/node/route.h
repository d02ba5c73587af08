/* SPDX-License-Identifier: MIT */
/* The gate of cluster mode: are all keys of one slot, and is it ours to serve? */
#ifndef STARLING_NODE_ROUTE_H
#define STARLING_NODE_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

struct node;
struct request;

/* True when the request's keys are served here; else it was told where, or why not. */
bool route_keys(struct node *node, struct request *request);
/* The same for a scan (CLUSTERSCAN), whose cursor is in a slot; one that has not begun is served anywhere, and what is no cursor
 * is the command's own to refuse. */
bool route_cursor(struct node *node, struct request *request);
/* Are the request's keys of that slot, which is theirs when it is SLOT_NONE so far?  False after an error. */
bool route_is_of_slot(struct request *request, uint16_t *slot);

#endif
