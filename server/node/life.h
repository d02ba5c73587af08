/* SPDX-License-Identifier: MIT */
/* Birth, name and end of a node. */
#ifndef STARLING_NODE_LIFE_H
#define STARLING_NODE_LIFE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

struct node;

enum {
    RUN_ID_LEN = 40,
};

struct life {
    struct mono_time started_at;
    uint64_t pid; /* of the process */
    char run_id[RUN_ID_LEN + 1];
    uint64_t next_link; /* number of the next link that this node opens */
    bool is_freeing;    /* node_free is under way */
    bool has_exited;    /* env.exit was called: the process will end */
};

void life_init(struct node *node, uint64_t pid);
/* From here on sessions are only freed. */
void life_begin_to_free(struct node *node);
/* The process is to end with the code, once output is written. */
void life_exit(struct node *node, int code);
/* A name for a link that this node opens. */
uint64_t life_new_link(struct node *node);

#endif
