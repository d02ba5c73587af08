/* SPDX-License-Identifier: MIT */
#include "cli/cluster_left.h"

#include "base/num.h"
#include "cli/connect.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    RANGES_SHOWN_MAX = 8,
};

void left_replicas_deinit(struct left_replicas *left)
{
    VEC_DEINIT(&left->items);
}

static bool ask_keys(struct client *client, int64_t *keys, struct errmsg *error)
{
    static const char *const words[] = {"DBSIZE"};
    struct resp_value reply;

    if (!connect_call(client, words, ARRAY_COUNT(words), &reply, error)) {
        return false;
    }
    *keys = reply.integer;
    resp_value_deinit(&reply);
    return true;
}

static bool ask_offset(struct client *client, int64_t *offset, struct errmsg *error)
{
    static const char *const words[] = {"INFO", "replication"};
    struct resp_value reply;
    struct bytes text;
    bool is_told;

    if (!connect_call(client, words, ARRAY_COUNT(words), &reply, error)) {
        return false;
    }
    is_told = view_find_field(resp_value_bytes(&reply), "master_repl_offset", &text) &&
              num_parse_i64(text, offset);
    if (!is_told) {
        errmsg_set(error, "INFO has no master_repl_offset");
    }
    resp_value_deinit(&reply);
    return is_told;
}

void left_replicas_find(struct left_replicas *left, const struct cluster_view *view)
{
    for (size_t i = 0; i < view->nodes.count; i++) {
        const struct view_node *node = &view->nodes.items[i];
        struct left_replica found = {.info = node->info, .error = node->error};

        if ((node->info.flags & MAP_REPLICA) == 0 ||
            cluster_view_find(view, node->info.primary_id) < view->nodes.count) {
            continue;
        }
        found.is_known = node->client != NULL && ask_keys(node->client, &found.keys, &found.error);
        if (found.is_known && found.keys == 0) {
            continue;
        }
        found.is_known = found.is_known && ask_offset(node->client, &found.offset, &found.error);
        VEC_PUSH(&left->items, found);
    }
    left_replicas_sort(left);
}

static int compare(const void *a, const void *b)
{
    const struct left_replica *one = a;
    const struct left_replica *other = b;
    int order = strcmp(one->info.primary_id, other->info.primary_id);

    if (order != 0) {
        return order;
    }
    if (one->is_known != other->is_known) {
        return one->is_known ? -1 : 1;
    }
    if (one->offset != other->offset) {
        return one->offset > other->offset ? -1 : 1;
    }
    return strcmp(one->info.id, other->info.id);
}

void left_replicas_sort(struct left_replicas *left)
{
    struct left_replica *items = left->items.items;

    if (left->items.count > 0) {
        qsort(items, left->items.count, sizeof(*items), compare);
    }
    for (size_t i = 0; i < left->items.count; i++) {
        items[i].is_best =
            items[i].is_known &&
            (i == 0 || strcmp(items[i].info.primary_id, items[i - 1].info.primary_id) != 0);
    }
}

void left_replica_write_slots(const uint64_t slots[SLOT_PLAN_WORDS], struct buf *out)
{
    size_t count = bitset_count(slots, SLOT_PLAN_WORDS);
    size_t first = bitset_next(slots, SLOT_COUNT, 0, true);

    for (int shown = 0; first < SLOT_COUNT; shown++) {
        size_t end = bitset_next(slots, SLOT_COUNT, first, false);

        if (shown == RANGES_SHOWN_MAX) {
            buf_printf(out, " and %zu more", count);
            return;
        }
        buf_printf(out, "%s%zu", shown > 0 ? ", " : "", first);
        if (end - first > 1) {
            buf_printf(out, "-%zu", end - 1);
        }
        count -= end - first;
        first = bitset_next(slots, SLOT_COUNT, end, true);
    }
}

void left_replica_say(const struct left_replica *replica, const uint64_t missing[SLOT_PLAN_WORDS])
{
    const struct map_node *info = &replica->info;
    struct buf slots = {0};

    left_replica_write_slots(missing, &slots);
    if (replica->is_known) {
        view_say(VIEW_WARN,
                 "Node %.8s at %s:%u has %" PRId64 " keys (offset %" PRId64
                 "), is a replica of %.8s, which is not in the cluster, and may be what is left of "
                 "slots %s.",
                 info->id, info->host, info->port, replica->keys, replica->offset, info->primary_id,
                 buf_text(&slots));
    } else {
        view_say(VIEW_WARN,
                 "Node %.8s at %s:%u, a replica of %.8s, which is not in the cluster, may be what "
                 "is left of slots %s, and cannot say what it has: %s",
                 info->id, info->host, info->port, info->primary_id, buf_text(&slots),
                 replica->error.text);
    }
    buf_deinit(&slots);
}
