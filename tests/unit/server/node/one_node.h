/* SPDX-License-Identifier: MIT */
/* A node by itself, with one client and a made-up world: an empty disk, a clock that each request
 * moves on, a process whose memory is what the test says. */
#ifndef STARLING_TESTS_NODE_ONE_NODE_H
#define STARLING_TESTS_NODE_ONE_NODE_H

#include "node/node.h"
#include "resp/value.h"

struct one_node {
    struct node *node;
    struct session *client;
    struct fs fs;
    struct moment now;
    struct env_memory process; /* what env.memory tells */
    unsigned release_count;    /* calls of env.release_memory */
};

void one_node_start(struct one_node *one);
void one_node_stop(struct one_node *one);
/* The reply to an inline request; the caller's to release. */
struct resp_value one_node_ask(struct one_node *one, const char *request);
/* A pass in which nothing arrives. */
void one_node_pass(struct one_node *one);

#endif
