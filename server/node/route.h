/* SPDX-License-Identifier: MIT */
/* The gate of cluster mode: are all keys of one slot, and is it ours to serve? */
#ifndef STARLING_NODE_ROUTE_H
#define STARLING_NODE_ROUTE_H

#include <stdbool.h>

struct node;
struct request;

/* True when the request's keys are served here; else it was told where, or why not. */
bool route_keys(struct node *node, struct request *request);

#endif
