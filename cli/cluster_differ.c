/* SPDX-License-Identifier: MIT */
/* Nodes are compared by id, and of each the first thing that differs is told: what a role that is
 * not agreed about makes of its slots needs no line of its own. */
#include "cli/cluster_differ.h"

#include <inttypes.h>
#include <string.h>

static void write_role(const struct map_node *node, struct buf *out)
{
    if ((node->flags & MAP_REPLICA) != 0) {
        buf_printf(out, "a replica of %.8s", node->primary_id);
    } else {
        buf_append_text(out, "a primary");
    }
}

static bool has_same_role(const struct map_node *a, const struct map_node *b)
{
    return (a->flags & MAP_REPLICA) == (b->flags & MAP_REPLICA) &&
           strcmp(a->primary_id, b->primary_id) == 0;
}

static void write_slots(const struct map_node *node, struct buf *out)
{
    if (node->slot_count == 0) {
        buf_append_text(out, "no slots");
        return;
    }
    buf_printf(out, "%zu slots ", node->slot_count);
    map_write_slots(node->slots, out);
}

static bool differ_about(struct told_map a, const struct map_node *of_a, struct told_map b,
                         const struct map_node *of_b, struct buf *out)
{
    if (!has_same_role(of_a, of_b)) {
        buf_printf(out, "node %.8s: %s says it is ", of_a->id, a.teller);
        write_role(of_a, out);
        buf_printf(out, ", %s says ", b.teller);
        write_role(of_b, out);
    } else if (memcmp(of_a->slots, of_b->slots, sizeof(of_a->slots)) != 0) {
        buf_printf(out, "node %.8s: %s gives it ", of_a->id, a.teller);
        write_slots(of_a, out);
        buf_printf(out, ", %s gives it ", b.teller);
        write_slots(of_b, out);
    } else if (of_a->config_epoch != of_b->config_epoch) {
        buf_printf(out, "node %.8s: %s says epoch %" PRIu64 ", %s says epoch %" PRIu64, of_a->id,
                   a.teller, of_a->config_epoch, b.teller, of_b->config_epoch);
    } else {
        return false;
    }
    buf_append_byte(out, '\n');
    return true;
}

static bool is_member(const struct map_node *node)
{
    return node != NULL && (node->flags & MAP_HANDSHAKE) == 0;
}

static void write_unknown(const struct map_node *node, struct told_map knower,
                          struct told_map other, struct buf *out)
{
    buf_printf(out, "node %.8s at %s:%u: known to %s, unknown to %s\n", node->id, node->host,
               node->port, knower.teller, other.teller);
}

size_t cluster_differ(struct told_map a, struct told_map b, struct buf *out)
{
    size_t count = 0;

    for (size_t i = 0; i < a.map->nodes.count; i++) {
        const struct map_node *of_a = &a.map->nodes.items[i];
        const struct map_node *of_b = cluster_map_find(b.map, of_a->id);

        if (!is_member(of_a)) {
            continue;
        }
        if (!is_member(of_b)) {
            write_unknown(of_a, a, b, out);
            count++;
        } else if (differ_about(a, of_a, b, of_b, out)) {
            count++;
        }
    }
    for (size_t i = 0; i < b.map->nodes.count; i++) {
        const struct map_node *of_b = &b.map->nodes.items[i];

        if (is_member(of_b) && !is_member(cluster_map_find(a.map, of_b->id))) {
            write_unknown(of_b, b, a, out);
            count++;
        }
    }
    return count;
}
