/* SPDX-License-Identifier: MIT */
/* One request: judged by the gates, executed, answered. */
#ifndef STARLING_NODE_EXECUTE_H
#define STARLING_NODE_EXECUTE_H

struct node;
struct request;

/* Before the requests of a batch: look at what is the same for all of them. */
void execute_begin(struct node *node);
/* Its session is neither held nor closing. */
void execute_request(struct node *node, struct request *request);
/* The same for one that has waited for a key and is run again: all gates are asked, and nothing is counted a second
 * time. */
void execute_again(struct node *node, struct request *request);

#endif
