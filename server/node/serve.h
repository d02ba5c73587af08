/* SPDX-License-Identifier: MIT */
/* Serving those who wait for keys (node/blocked.h): after each command that made a key ready, before the next
 * one, so that who waits comes first. */
#ifndef STARLING_NODE_SERVE_H
#define STARLING_NODE_SERVE_H

struct node;

/* Run the requests of those who wait for a ready key again, in order, until nothing can be taken or nobody waits.
 * What that makes ready is served, too.  Not while clients are paused, or data is loaded: then they wait on. */
void serve_ready(struct node *node);
/* The same, and what else a pass has to do for those who wait: the data may have been replaced, a slot may be
 * another node's now. */
void serve_in_pass(struct node *node);

#endif
