/* SPDX-License-Identifier: MIT */
/* Reports are computed when asked for; nothing is kept for them but counters. */
#include "cluster/report.h"

#include "base/assert.h"
#include "base/bitset.h"
#include "cluster/endpoint.h"
#include "cluster/facts.h"
#include "cluster/failure.h"
#include "cluster/links.h"
#include "cluster/nodes.h"
#include "cluster/nodes_file.h"

#include <inttypes.h>

/* 0 for what never was. */
static int64_t unix_ms_of(struct mono_time at, struct moment now)
{
    if (at.us <= MONO_LONG_AGO.us || at.us >= MONO_NEVER.us) {
        return 0;
    }
    return now.unix_ms - mono_ms_between(at, now.mono);
}

size_t cluster_node_count(const struct cluster *cluster)
{
    return cluster->nodes.count;
}

static enum cluster_health health_of(const struct cluster_node *node)
{
    if (node->is_failed) {
        return CLUSTER_HEALTH_FAIL;
    }
    if (!node_is_primary(node) && !node->is_complete) {
        return CLUSTER_HEALTH_LOADING;
    }
    return CLUSTER_HEALTH_ONLINE;
}

static void view_self(const struct cluster *c, struct cluster_node_view *out)
{
    ASSERT(!c->me->is_in_handshake);
    out->is_me = true;
    out->is_linked = true;
    out->offset = c->status.offset;
    out->health =
        out->is_replica && !facts_is_complete(c) ? CLUSTER_HEALTH_LOADING : CLUSTER_HEALTH_ONLINE;
}

void cluster_node_at(const struct cluster *cluster, size_t index, struct moment now,
                     struct cluster_node_view *out)
{
    const struct cluster *c = cluster;
    const struct cluster_node *node;
    const struct cluster_node *primary;

    ASSERT(index < c->nodes.count);
    node = c->nodes.items[index];
    primary = nodes_primary_of(c, node);
    *out = (struct cluster_node_view){
        .id = &node->id,
        .shard_id = &node->shard,
        .primary_id = node_is_primary(node) ? NULL : &node->primary,
        .ip = node->address.ip,
        .hostname = node->address.hostname,
        .endpoint = endpoint_of(c, node),
        .port = node->address.port,
        .bus_port = node->address.bus_port,
        .is_replica = !node_is_primary(node),
        .is_failing = node->is_failing,
        .is_failed = node->is_failed,
        .is_in_handshake = node->is_in_handshake,
        .is_complete = node->is_complete,
        .is_linked = node->link == LINK_UP,
        .ping_sent_unix_ms = unix_ms_of(node->unanswered_since, now),
        .pong_unix_ms = unix_ms_of(node->pong_at, now),
        .config_epoch = primary != NULL ? primary->config_epoch : node->config_epoch,
        .offset = node->data.offset,
        .slot_count = node->slot_count,
        .health = health_of(node),
    };
    if (node == c->me) {
        view_self(c, out);
    }
    ASSERT(out->is_me == (index == 0));
    ASSERT(out->is_replica == (out->primary_id != NULL));
}

static bool index_of(const struct cluster *c, const struct cluster_node *node, size_t *out_index)
{
    ASSERT(node != NULL);
    for (size_t i = 0; i < c->nodes.count; i++) {
        if (c->nodes.items[i] == node) {
            *out_index = i;
            return true;
        }
    }
    return false;
}

bool cluster_find_node(const struct cluster *cluster, struct bytes id, size_t *out_index)
{
    const struct cluster_node *node = nodes_find_text(cluster, id);

    return node != NULL && index_of(cluster, node, out_index);
}

bool cluster_next_range(const struct cluster *cluster, size_t owner_index, uint32_t *slot,
                        struct cluster_slot_range *out)
{
    const struct cluster *c = cluster;
    const struct cluster_node *wanted = NULL;
    const struct cluster_node *owner;
    uint32_t at = *slot;

    ASSERT(*slot <= SLOT_COUNT);
    if (owner_index != SIZE_MAX) {
        ASSERT(owner_index < c->nodes.count);
        wanted = c->nodes.items[owner_index];
    }
    if (wanted != NULL && wanted->slot_count == 0) {
        at = SLOT_COUNT;
    }
    while (at < SLOT_COUNT &&
           (c->owner[at] == NULL || (wanted != NULL && c->owner[at] != wanted))) {
        at++;
    }
    if (at >= SLOT_COUNT) {
        *slot = SLOT_COUNT;
        return false;
    }
    owner = c->owner[at];
    out->first = (uint16_t)at;
    while (at < SLOT_COUNT && c->owner[at] == owner) {
        at++;
    }
    out->last = (uint16_t)(at - 1);
    ASSERT(out->first <= out->last);
    *slot = at;
    return index_of(c, owner, &out->owner_index);
}

static void format_flags(const struct cluster_node_view *view, const struct cluster_node *node,
                         bool is_no_failover, struct buf *out)
{
    ASSERT(!(view->is_failing && view->is_failed));
    buf_printf(out, "%s%s", view->is_me ? "myself," : "", view->is_replica ? "slave" : "master");
    buf_append_text(out, view->is_failing ? ",fail?" : "");
    buf_append_text(out, view->is_failed ? ",fail" : "");
    buf_append_text(out, view->is_in_handshake ? ",handshake" : "");
    buf_append_text(out, !view->is_me && view->bus_port == 0 ? ",noaddr" : "");
    buf_append_text(out, is_no_failover ? ",nofailover" : "");
    buf_append_text(out, node->is_arbiter ? ",arbiter" : "");
}

void cluster_format_node(const struct cluster *cluster, size_t index, struct moment now,
                         struct buf *out)
{
    const struct cluster *c = cluster;
    struct cluster_node_view view;
    const struct cluster_node *node;
    bool is_no_failover;

    ASSERT(index < cluster->nodes.count);
    cluster_node_at(c, index, now, &view);
    node = c->nodes.items[index];
    is_no_failover = view.is_me ? c->config.replica_no_failover : node->is_no_failover;
    buf_printf(out, "%s %s:%u@%u%s%s ", view.id->text, view.ip, view.port, view.bus_port,
               view.hostname[0] != '\0' ? "," : "", view.hostname);
    format_flags(&view, node, is_no_failover, out);
    buf_printf(out, " %s %" PRId64 " %" PRId64 " %" PRIu64 " %s",
               view.primary_id != NULL ? view.primary_id->text : "-", view.ping_sent_unix_ms,
               view.pong_unix_ms, view.config_epoch, view.is_linked ? "connected" : "disconnected");
    nodes_file_format_slots(c, node, out);
    buf_append_byte(out, '\n');
}

void cluster_format_nodes(const struct cluster *cluster, struct moment now, struct buf *out)
{
    for (size_t i = 0; i < cluster->nodes.count; i++) {
        cluster_format_node(cluster, i, now, out);
    }
}

static void format_message_counts(const struct cluster *c, struct buf *out)
{
    uint64_t sent = 0;
    uint64_t messages = 0; /* of them: they have no number of their own (message.h) */
    uint64_t received = 0;

    for (int type = 1; type < FRAME_TYPE_END; type++) {
        sent += c->sent[type];
        messages += frame_body_of((enum frame_type)type) == FRAME_BODY_MESSAGE ? c->sent[type] : 0;
        if (c->sent[type] > 0) {
            buf_printf(out, "cluster_stats_messages_%s_sent:%" PRIu64 "\r\n",
                       frame_type_name((enum frame_type)type), c->sent[type]);
        }
    }
    ASSERT(sent - messages <= c->sequence);
    buf_printf(out, "cluster_stats_messages_sent:%" PRIu64 "\r\n", sent);
    for (int type = 1; type < FRAME_TYPE_END; type++) {
        received += c->received[type];
        if (c->received[type] > 0) {
            buf_printf(out, "cluster_stats_messages_%s_received:%" PRIu64 "\r\n",
                       frame_type_name((enum frame_type)type), c->received[type]);
        }
    }
    buf_printf(out, "cluster_stats_messages_received:%" PRIu64 "\r\n", received);
}

static void format_council(const struct cluster *c, struct buf *out)
{
    const struct seats *seats = council_seats(c->council);

    buf_printf(out,
               "cluster_council_seats:%zu\r\n"
               "cluster_council_generation:%" PRIu64 "\r\n"
               "cluster_council_changing:%d\r\n"
               "cluster_council_member:%d\r\n"
               "cluster_links_by_previous_secret:%zu\r\n"
               "cluster_arbiter:%d\r\n",
               seats->members.count, seats->generation, seats_is_handing_over(seats) ? 1 : 0,
               council_is_member(c->council) ? 1 : 0, links_count_previous(c),
               c->config.is_arbiter ? 1 : 0);
}

/* Of this node's shard, as agreed; nothing while it has no synchronous mode. */
static void format_sync_set(const struct cluster *c, struct buf *out)
{
    const struct shard_record *record = council_find(c->council, &c->me->shard);

    if (record != NULL && record->sync.required > 0) {
        buf_printf(out,
                   "cluster_sync_replicas:%" PRIu32 "\r\n"
                   "cluster_sync_set_size:%zu\r\n",
                   record->sync.required, record->sync.count);
    }
}

void cluster_format_info(const struct cluster *cluster, struct mono_time now, struct buf *out)
{
    const struct cluster *c = cluster;
    const struct cluster_node *primary = nodes_primary_of(c, c->me);
    uint32_t failing = 0;
    uint32_t failed = 0;

    for (size_t i = 0; i < c->nodes.count; i++) {
        const struct cluster_node *node = c->nodes.items[i];

        failing += node->is_failing ? node->slot_count : 0;
        failed += node->is_failed ? node->slot_count : 0;
    }
    ASSERT(failing + failed <= c->assigned_count);
    buf_printf(out,
               "cluster_state:%s\r\n"
               "cluster_slots_assigned:%" PRIu32 "\r\n"
               "cluster_slots_ok:%" PRIu32 "\r\n"
               "cluster_slots_pfail:%" PRIu32 "\r\n"
               "cluster_slots_fail:%" PRIu32 "\r\n"
               "cluster_known_nodes:%zu\r\n"
               "cluster_size:%zu\r\n"
               "cluster_current_epoch:%" PRIu64 "\r\n"
               "cluster_my_epoch:%" PRIu64 "\r\n",
               cluster_is_ok(c, now) ? "ok" : "fail", c->assigned_count,
               c->assigned_count - failing - failed, failing, failed, c->nodes.count,
               nodes_count_owners(c), c->current_epoch,
               primary != NULL ? primary->config_epoch : c->me->config_epoch);
    format_council(c, out);
    format_sync_set(c, out);
    format_message_counts(c, out);
    buf_append_text(out, "total_cluster_links_buffer_limit_exceeded:0\r\n");
}

const struct cluster_id *cluster_my_shard_id(const struct cluster *cluster)
{
    return &cluster->me->shard;
}

size_t cluster_failure_report_count(const struct cluster *cluster, size_t index,
                                    struct mono_time now)
{
    ASSERT(index < cluster->nodes.count);
    return failure_count_reports(cluster, cluster->nodes.items[index], now);
}

/* Visit links in a fixed order, node by node, first ours and then theirs, and stop at the wanted
 * one; the number visited otherwise. */
static size_t walk_links(const struct cluster *c, size_t wanted, struct cluster_link_view *out,
                         struct mono_time *created_at)
{
    size_t count = 0;

    ASSERT(c->nodes.items[0] == c->me);
    for (size_t i = 1; i < c->nodes.count; i++) {
        const struct cluster_node *node = c->nodes.items[i];

        if (node->link == LINK_UP && !node->is_in_handshake && count++ == wanted) {
            *out = (struct cluster_link_view){.id = &node->id};
            *created_at = node->link_changed_at;
            return wanted;
        }
        HASHTABLE_FOR_EACH (at, &c->incoming) {
            const struct incoming_link *link = CONTAINER_OF(at, struct incoming_link, by_number);

            if (link->node_number == node->number && count++ == wanted) {
                *out = (struct cluster_link_view){.is_incoming = true, .id = &node->id};
                *created_at = link->created_at;
                return wanted;
            }
        }
    }
    return count;
}

size_t cluster_link_count(const struct cluster *cluster)
{
    struct cluster_link_view view;
    struct mono_time created_at;

    return walk_links(cluster, SIZE_MAX, &view, &created_at);
}

void cluster_link_at(const struct cluster *cluster, size_t index, struct moment now,
                     struct cluster_link_view *out)
{
    struct mono_time created_at = {0};

    *out = (struct cluster_link_view){0};
    (void)walk_links(cluster, index, out, &created_at);
    ASSERT(out->id != NULL);
    out->created_unix_ms = unix_ms_of(created_at, now);
}

struct cluster_stats cluster_get_stats(const struct cluster *cluster)
{
    struct cluster_stats stats = cluster->stats;

    ASSERT(stats.elections_won <= stats.elections_started);
    stats.links_by_previous_secret = links_count_previous(cluster);
    return stats;
}
