/* SPDX-License-Identifier: MIT */
#include "cluster/orphans.h"

#include "base/assert.h"
#include "cluster/bus.h"
#include "cluster/emit.h"
#include "cluster/facts.h"
#include "cluster/nodes.h"
#include "cluster/role.h"

#include <string.h>

enum {
    DELAY_TIMEOUTS = 5, /* so long a primary is without a replica before one moves */
    LOOKS_PER_TIMEOUT = 4,
};

/* ---- who has how many ---------------------------------------------------------------------------- */

static bool is_working(const struct cluster *c, const struct cluster_node *replica)
{
    return replica == c->me || (node_is_reachable(replica) && replica->has_answered);
}

/* Of all primaries at once: the table may be one of a thousand nodes. */
static void count_replicas(struct cluster *c)
{
    for (size_t i = 0; i < c->nodes.count; i++) {
        c->nodes.items[i]->replica_count = 0;
    }
    for (size_t i = 0; i < c->nodes.count; i++) {
        const struct cluster_node *node = c->nodes.items[i];
        struct cluster_node *primary = nodes_primary_of(c, node);

        if (primary != NULL && is_working(c, node)) {
            primary->replica_count++;
        }
    }
}

static bool is_target(const struct cluster_node *node)
{
    return node_owns_slots(node) && node_is_reachable(node) && node->has_answered;
}

static bool is_smaller(const struct cluster_node *a, const struct cluster_node *b)
{
    return memcmp(a->id.text, b->id.text, CLUSTER_ID_LEN) < 0;
}

static bool is_due(const struct cluster *c, struct mono_time since)
{
    return mono_is_before(since, c->now) &&
           mono_ms_between(since, c->now) >= DELAY_TIMEOUTS * c->config.node_timeout_ms;
}

/* Since when everybody is an orphan; the richest have so many replicas. */
static size_t look_around(struct cluster *c)
{
    size_t most = 0;

    count_replicas(c);
    for (size_t i = 0; i < c->nodes.count; i++) {
        struct cluster_node *node = c->nodes.items[i];
        size_t count = is_target(node) ? node->replica_count : 0;

        most = count > most ? count : most;
        if (!is_target(node) || count > 0) {
            node->orphaned_since = MONO_NEVER;
        } else if (!mono_is_before(node->orphaned_since, c->now)) {
            node->orphaned_since = c->now;
        }
    }
    return most;
}

/* ---- moving -------------------------------------------------------------------------------------- */

/* Am I the one with the smallest id in the richest shards? */
static bool is_my_turn(const struct cluster *c, size_t most)
{
    for (size_t i = 1; i < c->nodes.count; i++) {
        const struct cluster_node *node = c->nodes.items[i];
        const struct cluster_node *primary = nodes_primary_of(c, node);

        if (primary != NULL && is_working(c, node) && is_target(primary) &&
            primary->replica_count == most && is_smaller(node, c->me)) {
            return false;
        }
    }
    return true;
}

static const struct cluster_node *find_orphan(const struct cluster *c)
{
    const struct cluster_node *found = NULL;

    for (size_t i = 1; i < c->nodes.count; i++) {
        const struct cluster_node *node = c->nodes.items[i];

        if (is_due(c, node->orphaned_since) && (found == NULL || is_smaller(node, found))) {
            found = node;
        }
    }
    return found;
}

static bool is_shard_well(const struct cluster *c, const struct cluster_node *primary)
{
    return primary != NULL && is_target(primary) && primary->link == LINK_UP &&
           c->takeover.phase == TAKEOVER_IDLE && c->manual.phase == MANUAL_IDLE &&
           c->status.is_link_up && facts_is_complete(c);
}

static void move_to(struct cluster *c, const struct cluster_node *primary)
{
    role_follow(c, &primary->id);
    bus_announce(c);
}

static void help_orphan(struct cluster *c, size_t most)
{
    const struct cluster_node *primary = nodes_primary_of(c, c->me);
    const struct cluster_node *orphan = find_orphan(c);
    size_t count;

    if (orphan == NULL || !is_shard_well(c, primary)) {
        return;
    }
    count = primary->replica_count;
    if (count < 2 || count < most || (int64_t)count <= c->config.migration_barrier ||
        !is_my_turn(c, most)) {
        return;
    }
    emit_log(c, LOG_NOTICE, "primary %s has no replica, ours has %zu: following it",
             orphan->id.text, count);
    move_to(c, orphan);
}

/* ---- a primary that was removed ------------------------------------------------------------------ */

static const struct cluster_node *find_poorest(const struct cluster *c)
{
    const struct cluster_node *found = NULL;
    size_t least = 0;

    for (size_t i = 1; i < c->nodes.count; i++) {
        const struct cluster_node *node = c->nodes.items[i];
        size_t count = is_target(node) ? node->replica_count : 0;

        if (is_target(node) &&
            (found == NULL || count < least || (count == least && is_smaller(node, found)))) {
            found = node;
            least = count;
        }
    }
    return found;
}

static void find_new_primary(struct cluster *c)
{
    const struct cluster_node *primary;

    if (nodes_primary_of(c, c->me) != NULL) {
        c->primary_gone_since = MONO_NEVER;
        return;
    }
    if (!mono_is_before(c->primary_gone_since, c->now)) {
        c->primary_gone_since = c->now;
    }
    primary = find_poorest(c);
    /* Our data may be all that is left of a shard that has slots: it takes its place, or people decide. */
    if (primary == NULL || !is_due(c, c->primary_gone_since) || facts_has_primary_left(c)) {
        return;
    }
    emit_log(c, LOG_NOTICE, "our primary is no longer in the cluster, following %s",
             primary->id.text);
    move_to(c, primary);
    c->primary_gone_since = MONO_NEVER;
}

void orphans_tick(struct cluster *c)
{
    size_t most;

    if (!mono_is_due(c->orphans_at, c->now)) {
        return;
    }
    c->orphans_at = mono_add_ms(c->now, cluster_timeout_part(c, LOOKS_PER_TIMEOUT));
    most = look_around(c);
    if (node_is_primary(c->me) || !c->config.allow_migration || !c->is_map_ok || !c->has_status) {
        return;
    }
    ASSERT(!c->config.is_arbiter);
    find_new_primary(c);
    help_orphan(c, most);
}
