/* SPDX-License-Identifier: MIT */
#include "node/cluster_side.h"

#include "base/assert.h"
#include "cluster/frame.h"
#include "cluster/message.h"
#include "cluster/range_admin.h"
#include "cluster/report.h"
#include "node/inside.h"

enum {
    NODES_FILE_MAX_BYTES = 16 * 1024 * 1024,
};

static struct cluster_settings settings_of(const struct node *node)
{
    const struct config *config = &node->config;
    int64_t port = config->cluster_announce_port;
    int64_t bus_port = config->cluster_announce_bus_port;

    ASSERT(config->cluster_enabled);
    ASSERT(port >= 0 && port <= UINT16_MAX);
    ASSERT(bus_port >= 0 && bus_port <= UINT16_MAX);
    return (struct cluster_settings){
        .announce_ip = config->cluster_announce_ip,
        .announce_hostname = config->cluster_announce_hostname,
        .seeds = config->cluster_seeds,
        .port = (uint16_t)(port != 0 ? port : config->port),
        .bus_port = bus_port != 0 ? (uint16_t)bus_port : config_bus_port(config),
        .node_timeout_ms = config->cluster_node_timeout_ms,
        .secret = bytes_from_text(config->cluster_secret),
        .previous_secret = bytes_from_text(config->cluster_secret_previous),
        .require_full_coverage = config->cluster_require_full_coverage,
        .allow_reads_when_down = config->cluster_allow_reads_when_down,
        .replica_no_failover = config->cluster_replica_no_failover,
        .is_arbiter = config->cluster_arbiter,
        .allow_migration = config->cluster_allow_migration,
        .migration_barrier = config->cluster_migration_barrier,
        .replica_validity_factor = config->cluster_replica_validity,
        .replica_ping_period_ms = config_replica_ping_ms(config),
        .sync_replicas = config->sync_replicas,
        .preferred_endpoint = (enum cluster_endpoint_type)config->cluster_preferred_endpoint,
    };
}

/* ---- actions ---------------------------------------------------------------------------------- */

static void begin_write(struct node *node, uint64_t sequence, struct buf *text)
{
    ASSERT(sequence > node->cluster_side.nodes_sequence);
    ASSERT(text->len > 0);
    node->cluster_side.nodes_sequence = sequence;
    files_begin(node, FILE_NODES, node->config.cluster_config_file);
    files_append(node, FILE_NODES, text);
    files_commit(node, FILE_NODES);
}

/* One write at a time; of those that come meanwhile only the newest matters. */
static void write_nodes(struct node *node, uint64_t sequence, struct bytes text)
{
    ASSERT(sequence > node->cluster_side.nodes_next_sequence);
    buf_clear(&node->cluster_side.nodes_next);
    buf_append_bytes(&node->cluster_side.nodes_next, text);
    node->cluster_side.nodes_next_sequence = sequence;
    if (!files_is_writing(node, FILE_NODES)) {
        begin_write(node, sequence, &node->cluster_side.nodes_next);
        node->cluster_side.has_nodes_next = false;
    } else {
        node->cluster_side.has_nodes_next = true;
    }
    ASSERT(files_is_writing(node, FILE_NODES));
}

/* By its address when that is known: the core says so again when it changes, and no name server can
 * be in the way. */
static void follow(struct node *node, const struct cluster_address *address)
{
    ASSERT(node->cluster_side.machine.is_acting);
    node_follow(node, address->ip[0] != '\0' ? address->ip : address->hostname, address->port);
}

static void become_primary(struct node *node, const struct cluster_action *action)
{
    node_become_primary(node);
    ASSERT(node->role.is_primary);
    if (action->doubts_data) {
        data_set_complete(node, false);
    }
    if (action->drops_data) {
        call_flush_all(node);
        ASSERT(keyspace_count_all(node->data.keyspace) == 0);
    }
}

static void deliver_message(struct node *node, const struct cluster_action *action,
                            struct bytes whole)
{
    struct bytes channel;
    struct bytes message;

    cluster_message_split(whole, &channel, &message);
    switch (action->message_kind) {
    case MESSAGE_FOR_CHANNEL:
        (void)publish_deliver(node, PUBSUB_CHANNEL, channel, message);
        break;
    case MESSAGE_FOR_SHARD:
        (void)publish_deliver(node, PUBSUB_SHARD, channel, message);
        break;
    case MESSAGE_FOR_NODES:
        hot_copies_take(node, &action->id, message);
        copy_owners_hear_of(node, &action->id);
        waiting_on_copies(node);
        break;
    }
}

static void carry_out(void *context, const struct actions *list, size_t index)
{
    struct node *node = context;
    const struct cluster_action *action = cluster_action_at(list, index);
    struct bytes bytes = cluster_action_bytes(list, action);

    ASSERT(node->cluster_side.machine.is_acting);
    switch (action->type) {
    case CLUSTER_ACTION_OPEN:
        bus_links_open(node, action->link, &action->address);
        break;
    case CLUSTER_ACTION_CLOSE:
        bus_links_close(node, action->link);
        break;
    case CLUSTER_ACTION_SEND:
        bus_links_send(node, action->link, bytes, action->queue_bytes);
        break;
    case CLUSTER_ACTION_WRITE_FILE:
        write_nodes(node, action->sequence, bytes);
        break;
    case CLUSTER_ACTION_FOLLOW:
        follow(node, &action->address);
        cluster_side_status(node);
        break;
    case CLUSTER_ACTION_BECOME_PRIMARY:
        become_primary(node, action);
        cluster_side_status(node);
        break;
    case CLUSTER_ACTION_SLOTS_CHANGED:
        if (action->loses_slots) {
            slot_cleaning_begin(node);
            invalidation_slots_lost(node);
        }
        publish_look_at_slots(node);
        staging_refresh(node);
        waiting_on_moving(node);
        pass_note_work(&node->pass);
        break;
    case CLUSTER_ACTION_STATE_CHANGED:
        node_log(node, LOG_NOTICE, "cluster state: %s", action->is_ok ? "ok" : "fail");
        break;
    case CLUSTER_ACTION_PAUSE_WRITES:
        waiting_pause(node, PAUSE_FOR_TAKEOVER, mono_add_ms(node->now.mono, action->pause_ms),
                      action->holds_reads ? PAUSE_KEYS : PAUSE_WRITES);
        cluster_side_status(node);
        break;
    case CLUSTER_ACTION_RESUME_WRITES:
        waiting_unpause(node, PAUSE_FOR_TAKEOVER);
        break;
    case CLUSTER_ACTION_DATA_COMPLETE:
        data_set_complete(node, true);
        cluster_side_status(node);
        break;
    case CLUSTER_ACTION_MESSAGE:
        deliver_message(node, action, bytes);
        break;
    case CLUSTER_ACTION_LOG:
        node_log(node, action->level, "cluster: %.*s", BYTES_ARGS(bytes));
        break;
    }
}

struct actions *cluster_side_actions(struct node *node)
{
    return &node->cluster_side.machine.pending;
}

void cluster_side_act(struct node *node)
{
    release_note_lease(node);
    machine_act(&node->cluster_side.machine, carry_out, node);
    sync_side_look(node);
}

static void step_at(struct node *node, struct mono_time now, const struct cluster_event *event)
{
    cluster_step(node->cluster, now, event, cluster_side_actions(node));
    cluster_side_act(node);
}

static void step(struct node *node, const struct cluster_event *event)
{
    step_at(node, node->now.mono, event);
}

void cluster_side_publish(struct node *node, bool is_sharded, struct bytes channel,
                          struct bytes message)
{
    if (!cluster_publish(node->cluster, node->now.mono,
                         is_sharded ? MESSAGE_FOR_SHARD : MESSAGE_FOR_CHANNEL, channel, message,
                         cluster_side_actions(node))) {
        bus_links_note_drop(node);
    }
    cluster_side_act(node);
}

void cluster_side_announce(struct node *node)
{
    struct buf message = {0};

    while (hot_copies_take_outgoing(node, &message)) {
        if (!cluster_announce(node->cluster, node->now.mono, buf_bytes(&message),
                              cluster_side_actions(node))) {
            bus_links_note_drop(node);
        }
        cluster_side_act(node);
        buf_clear(&message);
    }
    buf_deinit(&message);
}

/* ---- events ----------------------------------------------------------------------------------- */

/* Keys of slots on the move only go: none comes in where clients are sent on, so the count may be a step old. */
static const uint64_t *filled_slots(struct node *node)
{
    uint64_t *filled = node->cluster_side.filled_slots;
    size_t index = 0;
    uint16_t slot;

    memset(filled, 0, sizeof(node->cluster_side.filled_slots));
    while (cluster_next_move(node->cluster, &index, &slot)) {
        bitset_add(filled, slot);
    }
    if (!cluster_given_slots(node->cluster, filled) && index == 0) {
        return NULL;
    }
    for (size_t at = bitset_next(filled, SLOT_COUNT, 0, true); at < SLOT_COUNT;
         at = bitset_next(filled, SLOT_COUNT, at + 1, true)) {
        if (keyspace_slot_count(node->data.keyspace, (unsigned)at) == 0) {
            bitset_remove(filled, at);
        }
    }
    return filled;
}

void cluster_side_status(struct node *node)
{
    struct cluster_status status = {
        .history = *oplog_history(node->journal.log),
        .lineage = *oplog_lineage(node->journal.log),
        .offset = oplog_end(node->journal.log),
        .is_loading = load_is_at_start(&node->loading),
        .is_data_complete = node->data.is_complete,
        .filled_slots = filled_slots(node),
        .memory = node->data.memory,
    };
    struct cluster_event event = {.type = CLUSTER_EVENT_STATUS, .status = &status};

    sync_side_tell(node, &status);
    lending_tell(node, &status);
    if (!node->role.is_primary) {
        struct replica_report report = replica_get_report(node->upstream.replica);

        status.is_link_up = report.is_link_up;
        status.link_down_since = report.link_down_since;
        status.is_link_broken = report.has_streamed && !report.is_link_up;
        status.is_from_disk = mono_is_before(node->data.as_of, MONO_NEVER);
        status.data_as_of = node->data.as_of;
    }
    step(node, &event);
}

void cluster_side_link_up(struct node *node, uint64_t link, const char *local_ip)
{
    struct bus_link *bus = bus_links_find(node, link);
    struct cluster_event event = {.type = CLUSTER_EVENT_LINK_UP};

    if (bus == NULL) {
        return;
    }
    ASSERT(!bus->id.is_incoming); /* those are up from the beginning */
    bytes_to_text(bytes_from_text(local_ip), bus->local_ip, sizeof(bus->local_ip));
    event.link = bus->id;
    event.local_ip = bus->local_ip;
    step(node, &event);
}

void cluster_side_tick(struct node *node)
{
    struct cluster_event tick = {.type = CLUSTER_EVENT_TICK};

    if (node->cluster == NULL) {
        return;
    }
    waiting_on_slots(node);
    if (!mono_is_due(machine_wake_at(&node->cluster_side.machine), node->now.mono)) {
        return;
    }
    bus_links_end_unproven(node);
    cluster_side_status(node);
    step(node, &tick);
    staging_refresh(node);
    waiting_on_slots(node);
}

bool cluster_side_link_is_proven(const struct node *node, uint64_t link)
{
    const struct bus_link *bus = bus_links_find(node, link);

    return bus != NULL && cluster_link_is_proven(node->cluster, bus->id.number);
}

void cluster_side_link_input(struct node *node, uint64_t link, struct bytes input)
{
    struct bus_link *bus = bus_links_find(node, link);
    /* A promise counts from when the question was read.  The pass may have begun long before, had it been stopped. */
    struct mono_time now = node->env.now(node->env.context).mono;
    struct buf in;
    size_t at = 0;

    if (bus == NULL) {
        return;
    }
    buf_append_bytes(&bus->in, input);
    /* A frame may close its own link, so the buffer is held here while it is read. */
    in = buf_steal(&bus->in);
    while (at < in.len) {
        struct cluster_event event = {.type = CLUSTER_EVENT_FRAME};
        struct errmsg error;
        size_t len = 0;
        enum frame_status status = frame_cut(bytes_from(buf_bytes(&in), at), &len, &error);

        if (status == FRAME_MORE) {
            break;
        }
        if (status == FRAME_INVALID) {
            len = in.len - at; /* no frame begins here: the core refuses it as it does others */
        }
        ASSERT(len > 0 && at + len <= in.len);
        event.link = bus->id;
        event.frame = bytes_prefix(bytes_from(buf_bytes(&in), at), len);
        event.peer_ip = bus->peer_ip;
        event.local_ip = bus->local_ip;
        step_at(node, now, &event);
        at += len;
        bus = bus_links_find(node, link);
        if (bus == NULL) {
            break; /* the frame was refused */
        }
        bus->is_proven =
            bus->id.is_incoming && cluster_link_is_proven(node->cluster, bus->id.number);
    }
    bus = bus_links_find(node, link);
    if (bus != NULL) {
        ASSERT(bus->in.len == 0);
        buf_consume(&in, at);
        bus->in = buf_steal(&in);
        buf_shrink_when_empty(&bus->in, 0);
    }
    buf_deinit(&in);
}

void cluster_side_link_down(struct node *node, uint64_t link, const char *reason)
{
    struct bus_link *bus = bus_links_find(node, link);
    struct cluster_event event = {.reason = reason};

    if (bus == NULL) {
        return;
    }
    event.link = bus->id;
    event.type = bus->id.is_incoming ? CLUSTER_EVENT_INCOMING_CLOSED : CLUSTER_EVENT_LINK_DOWN;
    bus_links_remove(node, bus);
    ASSERT(bus_links_find(node, link) == NULL);
    step(node, &event);
}

/* It is tried again and again: only what is new is logged. */
static void log_file(struct node *node, bool is_ok, const struct errmsg *error)
{
    ASSERT(is_ok || error != NULL);
    if (is_ok && node->cluster_side.is_nodes_file_failing) {
        node_log(node, LOG_NOTICE, "the nodes file %s is written again",
                 node->config.cluster_config_file);
    } else if (!is_ok && !node->cluster_side.is_nodes_file_failing) {
        node_log(node, LOG_WARNING,
                 "the nodes file %s cannot be written, and is tried again until it can: %s",
                 node->config.cluster_config_file, error->text);
    }
    node->cluster_side.is_nodes_file_failing = !is_ok;
}

void cluster_side_file_done(struct node *node, bool is_ok, const struct errmsg *error)
{
    struct cluster_event event = {
        .type = is_ok ? CLUSTER_EVENT_FILE_WRITTEN : CLUSTER_EVENT_FILE_FAILED,
        .sequence = node->cluster_side.nodes_sequence,
        .reason = is_ok ? NULL : error->text,
    };

    ASSERT(event.sequence > 0);
    ASSERT(!files_is_writing(node, FILE_NODES));
    log_file(node, is_ok, error);
    if (node->cluster_side.has_nodes_next) {
        node->cluster_side.has_nodes_next = false;
        begin_write(node, node->cluster_side.nodes_next_sequence, &node->cluster_side.nodes_next);
    }
    step(node, &event);
    waiting_on_nodes_file(node, event.sequence, is_ok ? NULL : error->text);
}

/* ---- start, stop, upkeep ---------------------------------------------------------------------- */

/* A node that could not keep what it promises is better not started.  Where there is no room for the file (of the length that was
 * read, 0: none) it does as it is, if it is durable: it says the same. */
static bool write_file_at_start(struct node *node, size_t read_bytes, struct errmsg *error)
{
    const struct fs *fs = node->env.fs;
    const char *path = node->config.cluster_config_file;
    struct buf text = {0};
    bool is_ok;

    ASSERT(!files_is_writing(node, FILE_NODES));
    cluster_format_file(node->cluster, &text);
    is_ok = fs->write_whole(fs->ctx, path, buf_bytes(&text), error) == FS_OK;
    buf_deinit(&text);
    if (!is_ok && read_bytes > 0) {
        log_file(node, false, error);
        is_ok = fs->truncate(fs->ctx, path, read_bytes, error) == FS_OK;
    }
    if (!is_ok) {
        errmsg_wrap(error, "cannot write the nodes file %s", path);
    }
    return is_ok;
}

bool cluster_side_start(struct node *node, struct errmsg *error)
{
    const struct fs *fs = node->env.fs;
    struct buf text = {0};
    struct cluster_options options = {
        .settings = settings_of(node),
        .seed = rng_u64(&node->rng),
    };
    enum fs_status status = fs->read_file(fs->ctx, node->config.cluster_config_file,
                                          NODES_FILE_MAX_BYTES, &text, error);
    size_t read_bytes = text.len;

    ASSERT(node->cluster == NULL);
    if (status != FS_OK && status != FS_MISSING) {
        errmsg_wrap(error, "cannot read the nodes file %s", node->config.cluster_config_file);
        return false;
    }
    options.nodes_file = buf_bytes(&text);
    node->cluster = cluster_new(&options, node->now.mono, error);
    buf_deinit(&text);
    if (node->cluster == NULL) {
        errmsg_wrap(error, "nodes file %s", node->config.cluster_config_file);
        return false;
    }
    if (!write_file_at_start(node, read_bytes, error)) {
        return false;
    }
    data_begin_memory(node, cluster_my_start(node->cluster));
    bus_links_init(node);
    role_init(node, !cluster_is_replica(node->cluster));
    /* A node that was never in a cluster has nothing it could miss. */
    data_set_complete(node, node->role.is_primary && cluster_node_count(node->cluster) == 1);
    machine_wake_first_at(&node->cluster_side.machine, node->now.mono);
    return true;
}

void cluster_side_deinit(struct node *node)
{
    ASSERT(node->life.is_freeing);
    ASSERT(!node->cluster_side.machine.is_acting);
    bus_links_deinit(node);
    machine_deinit(&node->cluster_side.machine);
    buf_deinit(&node->cluster_side.nodes_next);
    if (node->cluster != NULL) {
        cluster_free(node->cluster);
        node->cluster = NULL;
    }
}

void cluster_side_configure(struct node *node)
{
    struct cluster_settings settings;
    struct errmsg error = {0};
    struct cluster_event tick = {.type = CLUSTER_EVENT_TICK};

    if (node->cluster == NULL) {
        return;
    }
    settings = settings_of(node);
    if (!cluster_configure(node->cluster, &settings, &error)) {
        node_log(node, LOG_WARNING, "the cluster's settings stay as they were: %s", error.text);
    }
    step(node, &tick);
}

void cluster_side_check(const struct node *node)
{
    const struct cluster_side *side = &node->cluster_side;

    ASSERT((node->cluster != NULL) == node->config.cluster_enabled);
    ASSERT(!side->machine.is_acting);
    ASSERT(side->machine.pending.count == 0);                            /* (1) */
    ASSERT(!side->has_nodes_next || files_is_writing(node, FILE_NODES)); /* (2) */
    ASSERT(!side->has_nodes_next || side->nodes_next_sequence > side->nodes_sequence);
    if (node->cluster != NULL) {
        cluster_check(node->cluster);
    }
}
