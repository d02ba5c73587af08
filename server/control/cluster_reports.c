/* SPDX-License-Identifier: MIT */
/* CLUSTER subcommands that tell: NODES, INFO, SLOTS, SHARDS, LINKS and the like, in the shapes
 * that cluster clients parse. */
#include "control/answer.h"
#include "control/control.h"
#include "node/inside.h"

#include "cluster/report.h"
#include "spec/slot.h"

/* The node of an id given by the client. */
static bool find_node(struct node *node, struct request *request, struct bytes id, size_t *index)
{
    if (!cluster_find_node(node->cluster, id, index)) {
        reply_error(request, "ERR Unknown node %.*s", id.len < 64 ? (int)id.len : 64, id.data);
        return false;
    }
    return true;
}

void control_cluster_myid(struct node *node, struct request *request)
{
    if (answer_has_cluster(node, request)) {
        resp_write_bulk_text(request->reply, cluster_my_id(node->cluster)->text);
    }
}

void control_cluster_myshardid(struct node *node, struct request *request)
{
    if (answer_has_cluster(node, request)) {
        resp_write_bulk_text(request->reply, cluster_my_shard_id(node->cluster)->text);
    }
}

void control_cluster_nodes(struct node *node, struct request *request)
{
    struct buf text = {0};

    if (answer_has_cluster(node, request)) {
        cluster_format_nodes(node->cluster, node->now, &text);
        resp_write_verbatim(request->reply, "txt", buf_bytes(&text));
        buf_deinit(&text);
    }
}

void control_cluster_info(struct node *node, struct request *request)
{
    struct buf text = {0};

    if (answer_has_cluster(node, request)) {
        cluster_format_info(node->cluster, node->now.mono, &text);
        resp_write_verbatim(request->reply, "txt", buf_bytes(&text));
        buf_deinit(&text);
    }
}

void control_cluster_replicas(struct node *node, struct request *request)
{
    size_t primary;
    size_t found = 0;
    struct cluster_node_view view;

    if (!answer_has_cluster(node, request) ||
        !find_node(node, request, request->args[2], &primary)) {
        return;
    }
    cluster_node_at(node->cluster, primary, node->now, &view);
    if (view.is_replica) {
        reply_error(request, "ERR The specified node is not a master");
        return;
    }
    for (int pass = 0; pass < 2; pass++) {
        struct cluster_id id;

        cluster_node_at(node->cluster, primary, node->now, &view);
        id = *view.id;
        for (size_t i = 0; i < cluster_node_count(node->cluster); i++) {
            struct buf line = {0};

            cluster_node_at(node->cluster, i, node->now, &view);
            if (view.primary_id == NULL || !cluster_id_equal(view.primary_id, &id)) {
                continue;
            }
            if (pass == 0) {
                found++;
                continue;
            }
            cluster_format_node(node->cluster, i, node->now, &line);
            resp_write_bulk(request->reply, bytes_trim(buf_bytes(&line)));
            buf_deinit(&line);
        }
        if (pass == 0) {
            resp_write_array(request->reply, found);
        }
    }
}

void control_cluster_slaves(struct node *node, struct request *request)
{
    control_cluster_replicas(node, request);
}

void control_cluster_count_failure_reports(struct node *node, struct request *request)
{
    size_t index;

    if (answer_has_cluster(node, request) && find_node(node, request, request->args[2], &index)) {
        resp_write_integer(request->reply, (int64_t)cluster_failure_report_count(
                                               node->cluster, index, node->now.mono));
    }
}

void control_cluster_links(struct node *node, struct request *request)
{
    struct resp_writer *w = request->reply;
    size_t count;

    if (!answer_has_cluster(node, request)) {
        return;
    }
    count = cluster_link_count(node->cluster);
    resp_write_array(w, count);
    for (size_t i = 0; i < count; i++) {
        struct cluster_link_view view;

        cluster_link_at(node->cluster, i, node->now, &view);
        resp_write_map(w, 6);
        resp_write_bulk_text(w, "direction");
        resp_write_bulk_text(w, view.is_incoming ? "from" : "to");
        resp_write_bulk_text(w, "node");
        resp_write_bulk_text(w, view.id->text);
        resp_write_bulk_text(w, "create-time");
        resp_write_integer(w, view.created_unix_ms);
        resp_write_bulk_text(w, "events");
        resp_write_bulk_text(w, "r");
        resp_write_bulk_text(w, "send-buffer-allocated");
        resp_write_integer(w, 0);
        resp_write_bulk_text(w, "send-buffer-used");
        resp_write_integer(w, 0);
    }
}

/* ---- SLOTS and SHARDS ------------------------------------------------------------------------- */

/* Whichever of ip and hostname is not the endpoint itself. */
static void write_metadata(struct node *node, struct resp_writer *w,
                           const struct cluster_node_view *view)
{
    bool has_ip = node->config.cluster_preferred_endpoint != ENDPOINT_IP;
    bool has_hostname =
        view->hostname[0] != '\0' && node->config.cluster_preferred_endpoint != ENDPOINT_HOSTNAME;

    resp_write_map(w, (size_t)has_ip + (size_t)has_hostname);
    if (has_ip) {
        resp_write_bulk_text(w, "ip");
        resp_write_bulk_text(w, view->ip);
    }
    if (has_hostname) {
        resp_write_bulk_text(w, "hostname");
        resp_write_bulk_text(w, view->hostname);
    }
}

static void write_slots_node(struct node *node, struct resp_writer *w,
                             const struct cluster_node_view *view)
{
    resp_write_array(w, 4);
    if (view->endpoint != NULL) {
        resp_write_bulk_text(w, view->endpoint);
    } else {
        resp_write_null(w);
    }
    resp_write_integer(w, view->port);
    resp_write_bulk_text(w, view->id->text);
    write_metadata(node, w, view);
}

/* Slots that this client is told to be another node's than their owner's (copies/view.h). */
struct slot_views {
    struct {
        uint16_t slot;
        size_t index; /* of the node */
    } items[HOT_SLOTS_MAX];
    size_t count;
};

static void make_views(struct node *node, const struct session *s, struct slot_views *views)
{
    const struct hot_slots *known = &node->hot_copies.known;

    hot_askers_note(node, s);
    views->count = 0;
    for (size_t i = 0; i < known->count; i++) {
        uint16_t slot = known->items[i]->hot.slot;
        const struct cluster_id *id = hot_readers_view(node, s, slot);
        size_t index;

        if (id != NULL && !cluster_id_equal(id, &known->items[i]->hot.owner) &&
            cluster_find_node(node->cluster, bytes_make(id->text, CLUSTER_ID_LEN), &index)) {
            views->items[views->count].slot = slot;
            views->items[views->count++].index = index;
        }
    }
}

/* The first slot of the range that is another's in these views, or what is behind the range. */
static uint32_t next_viewed(const struct slot_views *views, const struct cluster_slot_range *range)
{
    uint32_t next = (uint32_t)range->last + 1;

    for (size_t i = 0; i < views->count; i++) {
        if (views->items[i].slot >= range->first && views->items[i].slot < next) {
            next = views->items[i].slot;
        }
    }
    return next;
}

/* As cluster_next_range, without those slots. */
static bool next_own_range(struct node *node, const struct slot_views *views, size_t owner,
                           uint32_t *slot, struct cluster_slot_range *range)
{
    while (cluster_next_range(node->cluster, owner, slot, range)) {
        uint32_t next = next_viewed(views, range);

        if (next > range->last) {
            return true;
        }
        *slot = next + 1;
        if (next > range->first) {
            range->last = (uint16_t)(next - 1);
            return true;
        }
        *slot = next + 1;
    }
    return false;
}

/* Replicas of the node at index that clients may be sent to; written only when w is given. */
static size_t each_replica(struct node *node, size_t index, struct resp_writer *w)
{
    struct cluster_node_view primary;
    size_t count = 0;

    cluster_node_at(node->cluster, index, node->now, &primary);
    for (size_t i = 0; i < cluster_node_count(node->cluster); i++) {
        struct cluster_node_view view;

        cluster_node_at(node->cluster, i, node->now, &view);
        if (view.primary_id != NULL && cluster_id_equal(view.primary_id, primary.id) &&
            view.health == CLUSTER_HEALTH_ONLINE) {
            count++;
            if (w != NULL) {
                write_slots_node(node, w, &view);
            }
        }
    }
    return count;
}

static void write_slots_row(struct node *node, struct resp_writer *w,
                            const struct cluster_slot_range *range)
{
    struct cluster_node_view owner;

    cluster_node_at(node->cluster, range->owner_index, node->now, &owner);
    resp_write_array(w, 3 + each_replica(node, range->owner_index, NULL));
    resp_write_integer(w, range->first);
    resp_write_integer(w, range->last);
    write_slots_node(node, w, &owner);
    each_replica(node, range->owner_index, w);
}

/* Every primary's own rows come first: clients take a node for what it is in the first row that names it. */
void control_cluster_slots(struct node *node, struct request *request)
{
    struct cluster_slot_range range;
    struct slot_views views;
    size_t count = 0;
    uint32_t slot = 0;

    if (!answer_has_cluster(node, request)) {
        return;
    }
    make_views(node, request->session, &views);
    while (next_own_range(node, &views, SIZE_MAX, &slot, &range)) {
        count++;
    }
    resp_write_array(request->reply, count + views.count);
    slot = 0;
    while (next_own_range(node, &views, SIZE_MAX, &slot, &range)) {
        write_slots_row(node, request->reply, &range);
    }
    for (size_t i = 0; i < views.count; i++) {
        range = (struct cluster_slot_range){.first = views.items[i].slot,
                                            .last = views.items[i].slot,
                                            .owner_index = views.items[i].index};
        write_slots_row(node, request->reply, &range);
    }
}

static void write_shard_node(struct resp_writer *w, const struct cluster_node_view *view)
{
    static const char *const healths[] = {
        [CLUSTER_HEALTH_ONLINE] = "online",
        [CLUSTER_HEALTH_LOADING] = "loading",
        [CLUSTER_HEALTH_FAIL] = "fail",
    };
    bool has_hostname = view->hostname[0] != '\0';

    resp_write_map(w, has_hostname ? 8 : 7);
    resp_write_bulk_text(w, "id");
    resp_write_bulk_text(w, view->id->text);
    resp_write_bulk_text(w, "port");
    resp_write_integer(w, view->port);
    resp_write_bulk_text(w, "ip");
    resp_write_bulk_text(w, view->ip);
    resp_write_bulk_text(w, "endpoint");
    resp_write_bulk_text(w, view->endpoint != NULL ? view->endpoint : "");
    if (has_hostname) {
        resp_write_bulk_text(w, "hostname");
        resp_write_bulk_text(w, view->hostname);
    }
    resp_write_bulk_text(w, "role");
    resp_write_bulk_text(w, view->is_replica ? "replica" : "master");
    resp_write_bulk_text(w, "replication-offset");
    resp_write_integer(w, (int64_t)view->offset);
    resp_write_bulk_text(w, "health");
    resp_write_bulk_text(w, healths[view->health]);
}

/* The ranges of the node at index, as this client is told; written only when w is given. */
static size_t each_range(struct node *node, const struct slot_views *views, size_t index,
                         struct resp_writer *w)
{
    struct cluster_slot_range range;
    uint32_t slot = 0;
    size_t count = 0;

    while (next_own_range(node, views, index, &slot, &range)) {
        count++;
        if (w != NULL) {
            resp_write_integer(w, range.first);
            resp_write_integer(w, range.last);
        }
    }
    for (size_t i = 0; i < views->count; i++) {
        if (views->items[i].index != index) {
            continue;
        }
        count++;
        if (w != NULL) {
            resp_write_integer(w, views->items[i].slot);
            resp_write_integer(w, views->items[i].slot);
        }
    }
    return count;
}

static void write_shard(struct node *node, struct resp_writer *w, const struct slot_views *views,
                        size_t primary_index)
{
    struct cluster_node_view primary;
    size_t members = 0;
    size_t total = cluster_node_count(node->cluster);

    cluster_node_at(node->cluster, primary_index, node->now, &primary);
    resp_write_map(w, 2);
    resp_write_bulk_text(w, "slots");
    resp_write_array(w, 2 * each_range(node, views, primary_index, NULL));
    each_range(node, views, primary_index, w);
    resp_write_bulk_text(w, "nodes");
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < total; i++) {
            struct cluster_node_view view;
            bool is_member;

            cluster_node_at(node->cluster, i, node->now, &view);
            is_member = i == primary_index ||
                        (view.primary_id != NULL && cluster_id_equal(view.primary_id, primary.id));
            if (is_member && pass == 0) {
                members++;
            } else if (is_member) {
                write_shard_node(w, &view);
            }
        }
        if (pass == 0) {
            resp_write_array(w, members);
        }
    }
}

void control_cluster_shards(struct node *node, struct request *request)
{
    struct slot_views views;
    size_t total;
    size_t primaries = 0;

    if (!answer_has_cluster(node, request)) {
        return;
    }
    make_views(node, request->session, &views);
    total = cluster_node_count(node->cluster);
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < total; i++) {
            struct cluster_node_view view;

            cluster_node_at(node->cluster, i, node->now, &view);
            if (view.is_replica || view.is_in_handshake) {
                continue;
            }
            if (pass == 0) {
                primaries++;
            } else {
                write_shard(node, request->reply, &views, i);
            }
        }
        if (pass == 0) {
            resp_write_array(request->reply, primaries);
        }
    }
}

void control_cluster_help(struct node *node, struct request *request)
{
    static const char *const lines[] = {
        "CLUSTER <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "ADDSLOTS <slot> [<slot> ...]",
        "    Assign slots to current node.",
        "ADDSLOTSRANGE <start slot> <end slot> [<start slot> <end slot> ...]",
        "    Assign slots which are between <start-slot> and <end-slot> to current node.",
        "BUMPEPOCH",
        "    Advance the cluster config epoch.",
        "CANCELSLOTMIGRATIONS",
        "    Cancel all moves of slots that this node asked for.",
        "COUNT-FAILURE-REPORTS <node-id>",
        "    Return number of failure reports for <node-id>.",
        "COUNTKEYSINSLOT <slot>",
        "    Return the number of keys in <slot>.",
        "DELSLOTS <slot> [<slot> ...]",
        "    Delete slots information from current node.",
        "DELSLOTSRANGE <start slot> <end slot> [<start slot> <end slot> ...]",
        "    Delete slots information which are between <start-slot> and <end-slot>.",
        "FAILOVER [FORCE|TAKEOVER]",
        "    Promote current replica node to being a primary.",
        "FLUSHSLOTS",
        "    Delete current node own slots information.",
        "FORGET <node-id>",
        "    Remove a node from the cluster.",
        "GETKEYSINSLOT <slot> <count>",
        "    Return key names stored by current node in a slot.",
        "GETSLOTMIGRATIONS",
        "    Return moves of slots to and from this node.",
        "INFO",
        "    Return information about the cluster.",
        "KEYSLOT <key>",
        "    Return the hash slot for <key>.",
        "LINKS",
        "    Return information about all network links between this node and its peers.",
        "MEET <ip> <port> [<bus-port>]",
        "    Connect nodes into a working cluster.",
        "MIGRATESLOTS SLOTSRANGE <start slot> <end slot> [...] NODE <node-id> [SLOTSRANGE ...]",
        "    Have slots of this node fetched by others.",
        "MIGRATION IMPORT <start slot> <end slot> [<start slot> <end slot> ...]",
        "    Fetch slots with their keys from another node.",
        "MIGRATION <STATUS|CANCEL> <ID <task-id>|ALL>",
        "    Tell of moves of slots, or cancel those to this node.",
        "MYID",
        "    Return the node id.",
        "MYSHARDID",
        "    Return the node's shard id.",
        "NODES",
        "    Return cluster configuration seen by node.",
        "REPLICAS <node-id>",
        "    Return <node-id> replicas.",
        "REPLICATE <node-id>",
        "    Configure current node as replica to <node-id>.",
        "RESET [HARD|SOFT]",
        "    Reset current node (default: soft).",
        "SAVECONFIG",
        "    Force saving cluster configuration on disk.",
        "SET-CONFIG-EPOCH <epoch>",
        "    Set config epoch of current node.",
        "SHARDS",
        "    Return information about slot range mappings and the nodes associated with them.",
        "SLOT-STATS <SLOTSRANGE start end|ORDERBY metric [LIMIT n] [ASC|DESC]>",
        "    Return keys, memory and use of slots.",
        "SLOTS",
        "    Return information about slots range mappings.",
    };

    (void)node;
    answer_help(request, lines, ARRAY_COUNT(lines));
}
