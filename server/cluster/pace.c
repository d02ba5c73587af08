/* SPDX-License-Identifier: MIT */
#include "cluster/pace.h"

#include "base/assert.h"
#include "cluster/facts.h"

enum {
    INTERVAL_MAX_MS = 1000,
    INTERVAL_MIN_MS = 10,
    PINGS_PER_TIMEOUT = 5,
    NODES_PER_MEMBER_PING =
        200, /* so many more nodes, and a member is greeted once a node timeout less */
    OTHERS_PER_S = 4,
    OTHERS_PER_S_OF_MEMBER = 50,
    LARGE_NODES = 200,
    SELDOMER_OF_PRIMARY = 5, /* it is heard by its asking for a lease */
    GOSSIP_OF_SMALL = 20,
    GOSSIP_OF_LARGE = 5,
};

static bool is_small(const struct cluster *c)
{
    return c->nodes.count <= PACE_SMALL_NODES;
}

static int64_t shortest_ms(const struct cluster *c)
{
    int64_t interval_ms = cluster_timeout_part(c, PINGS_PER_TIMEOUT);

    ASSERT(c->config.node_timeout_ms >= CLUSTER_NODE_TIMEOUT_MIN_MS);
    if (interval_ms > INTERVAL_MAX_MS) {
        return INTERVAL_MAX_MS;
    }
    return interval_ms < INTERVAL_MIN_MS ? INTERVAL_MIN_MS : interval_ms;
}

bool pace_is_large(const struct cluster *c)
{
    return c->nodes.count > LARGE_NODES;
}

static bool is_close(const struct cluster *c, const struct cluster_node *node)
{
    return is_small(c) || node->is_in_handshake || node->is_failing ||
           cluster_id_equal(&node->shard, &c->me->shard);
}

bool pace_is_in_turn(const struct cluster *c, const struct cluster_node *node)
{
    return !is_close(c, node) && !facts_is_member(c, node);
}

int64_t pace_turn_ms(const struct cluster *c)
{
    return 1000 / (council_is_member(c->council) ? OTHERS_PER_S_OF_MEMBER : OTHERS_PER_S);
}

int64_t pace_interval_ms(const struct cluster *c, const struct cluster_node *node)
{
    int64_t interval_ms = shortest_ms(c);
    int64_t count = (int64_t)c->nodes.count;
    int64_t slower_ms;

    if (is_close(c, node)) {
        return interval_ms;
    }
    if (facts_is_member(c, node)) {
        slower_ms = c->config.node_timeout_ms * (1 + count / NODES_PER_MEMBER_PING) *
                    (node_owns_slots(c->me) && pace_is_large(c) ? SELDOMER_OF_PRIMARY : 1);
    } else {
        slower_ms = 2 * count * pace_turn_ms(c); /* its turn comes before that */
    }
    return slower_ms > interval_ms ? slower_ms : interval_ms;
}

bool pace_is_overdue(const struct cluster *c, const struct cluster_node *node)
{
    return council_is_member(c->council) && node_owns_slots(node) && !node->is_failed &&
           mono_is_before(c->now, node->unanswered_since) &&
           mono_ms_between(node->heard_at, c->now) >= cluster_timeout_part(c, 2);
}

size_t pace_gossip_count(const struct cluster *c)
{
    return is_small(c) ? GOSSIP_OF_SMALL : GOSSIP_OF_LARGE;
}
