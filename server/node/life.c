/* SPDX-License-Identifier: MIT */
#include "node/life.h"

#include "base/assert.h"
#include "node/inside.h"

void life_init(struct node *node, uint64_t pid)
{
    ASSERT(node->life.next_link == 0);
    node->life.started_at = node->now.mono;
    node->life.pid = pid;
    node->life.next_link = 1;
    rng_hex(&node->rng, node->life.run_id, RUN_ID_LEN);
}

void life_begin_to_free(struct node *node)
{
    ASSERT(!node->life.is_freeing);
    node->life.is_freeing = true;
}

void life_exit(struct node *node, int code)
{
    ASSERT(!node->life.is_freeing);
    ASSERT(code >= 0);
    node->life.has_exited = true;
    node->env.exit(node->env.context, code);
}

uint64_t life_new_link(struct node *node)
{
    ASSERT(node->life.next_link > 0 && node->life.next_link < ENV_LINK_INCOMING);
    return node->life.next_link++;
}
