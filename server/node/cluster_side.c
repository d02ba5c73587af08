/* SPDX-License-Identifier: MIT */
/* The cluster core's hands: its actions become links, frames, files and changes of role; what
 * happens to those becomes events. */
#include "node/state.h"

#include "base/assert.h"
#include "base/mem.h"
#include "cluster/frame.h"
#include "cluster/report.h"
#include "spec/slot.h"

enum {
    NODES_FILE_MAX_BYTES = 16 * 1024 * 1024,
    BUS_QUEUE_BYTES = 8 * 1024 * 1024, /* frames beyond are dropped: the peer does not read */
    CLEAN_SLICE_KEYS = 512,
    UNPROVEN_MAX = 256, /* incoming links that nobody has proven to be a node's */
    UNPROVEN_MS = 5000, /* and how long they may take for it */
};

/* A connection of the bus, outgoing or incoming. */
struct bus_link {
    uint64_t link; /* of env */
    struct cluster_link id;
    struct buf in; /* the beginning of a frame */
    char peer_ip[CLUSTER_IP_SIZE];
    char local_ip[CLUSTER_IP_SIZE];
    struct mono_time accepted_at; /* of an incoming one */
    bool is_proven;               /* it has brought a frame that was accepted */
};

static struct cluster_settings settings_of(const struct node *node)
{
    const struct config *config = &node->config;
    int64_t port = config->cluster_announce_port;
    int64_t bus_port = config->cluster_announce_bus_port;

    return (struct cluster_settings){
        .announce_ip = config->cluster_announce_ip,
        .announce_hostname = config->cluster_announce_hostname,
        .port = (uint16_t)(port != 0 ? port : config->port),
        .bus_port = bus_port != 0 ? (uint16_t)bus_port : config_bus_port(config),
        .node_timeout_ms = config->cluster_node_timeout_ms,
        .secret = bytes_from_text(config->cluster_secret),
        .require_full_coverage = config->cluster_require_full_coverage,
        .allow_reads_when_down = config->cluster_allow_reads_when_down,
        .replica_no_failover = config->cluster_replica_no_failover,
        .replica_validity_factor = config->cluster_replica_validity,
        .replica_ping_period_ms = config->repl_ping_period_s * 1000,
        .preferred_endpoint = (enum cluster_endpoint_type)config->cluster_preferred_endpoint,
    };
}

/* ---- links ------------------------------------------------------------------------------------ */

static struct bus_link *find_link(const struct node *node, uint64_t link)
{
    for (size_t i = 0; i < node->bus_link_count; i++) {
        if (node->bus_links[i]->link == link) {
            return node->bus_links[i];
        }
    }
    return NULL;
}

static struct bus_link *find_by_id(const struct node *node, struct cluster_link id)
{
    for (size_t i = 0; i < node->bus_link_count; i++) {
        struct bus_link *bus = node->bus_links[i];

        if (bus->id.is_incoming == id.is_incoming && bus->id.number == id.number) {
            return bus;
        }
    }
    return NULL;
}

static struct bus_link *add_link(struct node *node, uint64_t link, struct cluster_link id)
{
    struct bus_link *bus = mem_alloc_zeroed(MEM_CLUSTER, sizeof(*bus));

    bus->link = link;
    bus->id = id;
    if (node->bus_link_count == node->bus_link_cap) {
        node->bus_links = vec_grow(node->bus_links, &node->bus_link_cap, node->bus_link_count + 1,
                                   sizeof(struct bus_link *));
    }
    node->bus_links[node->bus_link_count++] = bus;
    return bus;
}

static void remove_link(struct node *node, struct bus_link *bus)
{
    for (size_t i = 0; i < node->bus_link_count; i++) {
        if (node->bus_links[i] == bus) {
            node->bus_links[i] = node->bus_links[--node->bus_link_count];
            break;
        }
    }
    buf_deinit(&bus->in);
    mem_free(MEM_CLUSTER, bus);
}

size_t cluster_side_link_count(const struct node *node)
{
    return node->bus_link_count;
}

size_t cluster_side_link_memory(const struct node *node)
{
    size_t bytes = 0;

    for (size_t i = 0; i < node->bus_link_count; i++) {
        const struct bus_link *bus = node->bus_links[i];

        bytes += sizeof(*bus) + bus->in.cap;
        bytes += node->env.link_queued(node->env.context, bus->link);
    }
    return bytes;
}

/* ---- actions ---------------------------------------------------------------------------------- */

static void open_link(struct node *node, const struct cluster_action *action)
{
    const struct cluster_address *address = &action->address;
    struct bus_link *old = find_by_id(node, action->link);
    uint64_t link = node->next_link++;

    if (old != NULL) {
        node->env.link_close(node->env.context, old->link);
        remove_link(node, old);
    }
    add_link(node, link, action->link);
    node->env.link_open(node->env.context, link, ENV_LINK_BUS,
                        address->hostname[0] != '\0' ? address->hostname : address->ip,
                        address->bus_port);
}

static void close_link(struct node *node, struct cluster_link id)
{
    struct bus_link *bus = find_by_id(node, id);

    if (bus != NULL) {
        node->env.link_close(node->env.context, bus->link);
        remove_link(node, bus);
    }
}

static void send_frame(struct node *node, struct cluster_link id, struct bytes frame)
{
    struct bus_link *bus = find_by_id(node, id);

    if (bus != NULL && node->env.link_queued(node->env.context, bus->link) < BUS_QUEUE_BYTES) {
        node->env.link_send(node->env.context, bus->link, frame);
    }
}

static void begin_write(struct node *node, uint64_t sequence, struct buf *text)
{
    const struct fs *fs = node->env.fs;

    node->nodes_sequence = sequence;
    node->nodes_file = fs->write_begin(fs->ctx, node->config.cluster_config_file);
    fs->write_append(fs->ctx, node->nodes_file, text);
    fs->write_commit(fs->ctx, node->nodes_file);
}

/* One write at a time; of those that come meanwhile only the newest matters. */
static void write_nodes(struct node *node, uint64_t sequence, struct bytes text)
{
    buf_clear(&node->nodes_next);
    buf_append_bytes(&node->nodes_next, text);
    node->nodes_next_sequence = sequence;
    if (node->nodes_file == FS_NO_FILE) {
        begin_write(node, sequence, &node->nodes_next);
        node->has_nodes_next = false;
    } else {
        node->has_nodes_next = true;
    }
}

/* By its address when that is known: the core says so again when it changes, and no name server can
 * be in the way. */
static void follow(struct node *node, const struct cluster_address *address)
{
    node_follow(node, address->ip[0] != '\0' ? address->ip : address->hostname, address->port);
}

static void become_primary(struct node *node, bool drops_data)
{
    node_become_primary(node);
    if (drops_data) {
        struct bytes words[] = {BYTES_LITERAL("FLUSHALL")};

        keyspace_flush_all(node->keyspace);
        effects_begin(&node->effects, (struct bytes){0}, words, 1);
        effects_add(&node->effects, words, 1);
        commit_effects(node, &node->effects, 0);
    }
}

static void carry_out(struct node *node, const struct cluster_action *action)
{
    struct bytes bytes = cluster_action_bytes(&node->cluster_actions, action);

    switch (action->type) {
    case CLUSTER_ACTION_OPEN:
        open_link(node, action);
        break;
    case CLUSTER_ACTION_CLOSE:
        close_link(node, action->link);
        break;
    case CLUSTER_ACTION_SEND:
        send_frame(node, action->link, bytes);
        break;
    case CLUSTER_ACTION_WRITE_FILE:
        write_nodes(node, action->sequence, bytes);
        break;
    case CLUSTER_ACTION_FOLLOW:
        follow(node, &action->address);
        cluster_side_status(node);
        break;
    case CLUSTER_ACTION_BECOME_PRIMARY:
        become_primary(node, action->drops_data);
        cluster_side_status(node);
        break;
    case CLUSTER_ACTION_SLOTS_CHANGED:
        if (action->loses_slots) {
            node->loses_slots = true;
            node->clean_slot = 0;
            node->has_work = true;
        }
        break;
    case CLUSTER_ACTION_STATE_CHANGED:
        node_log(node, LOG_NOTICE, "cluster state: %s", action->is_ok ? "ok" : "fail");
        break;
    case CLUSTER_ACTION_PAUSE_WRITES:
        waiting_pause(node, PAUSE_FOR_TAKEOVER, mono_add_ms(node->now.mono, action->pause_ms),
                      PAUSE_WRITES);
        cluster_side_status(node);
        break;
    case CLUSTER_ACTION_RESUME_WRITES:
        waiting_unpause(node, PAUSE_FOR_TAKEOVER);
        break;
    case CLUSTER_ACTION_DATA_COMPLETE:
        node->is_data_complete = true;
        cluster_side_status(node);
        break;
    case CLUSTER_ACTION_LOG:
        node_log(node, action->level, "cluster: %.*s", BYTES_ARGS(bytes));
        break;
    }
}

/* Carrying out may step the core again; its actions are appended and come in their turn. */
void cluster_side_act(struct node *node)
{
    struct cluster_actions *actions = &node->cluster_actions;

    if (node->is_cluster_acting) {
        return;
    }
    node->is_cluster_acting = true;
    for (size_t i = 0; i < actions->count; i++) {
        struct cluster_action action = actions->items[i];

        carry_out(node, &action);
    }
    node->cluster_wake_at = actions->wake_at;
    cluster_actions_clear(actions);
    node->is_cluster_acting = false;
}

static void step(struct node *node, const struct cluster_event *event)
{
    cluster_step(node->cluster, node->now.mono, event, &node->cluster_actions);
    cluster_side_act(node);
}

/* ---- events ----------------------------------------------------------------------------------- */

void cluster_side_status(struct node *node)
{
    struct cluster_status status = {
        .history = *oplog_history(node->log),
        .offset = oplog_end(node->log),
        .is_loading = node->loading.is_on,
        .is_data_complete = node->is_data_complete,
    };
    struct cluster_event event = {.type = CLUSTER_EVENT_STATUS, .status = &status};

    if (!node->is_primary) {
        struct replica_report report = replica_get_report(node->replica);

        status.is_link_up = report.is_link_up;
        status.link_down_since = report.link_down_since;
    }
    step(node, &event);
}

void cluster_side_link_up(struct node *node, uint64_t link, const char *local_ip)
{
    struct bus_link *bus = find_link(node, link);
    struct cluster_event event = {.type = CLUSTER_EVENT_LINK_UP};

    if (bus == NULL) {
        return;
    }
    bytes_to_text(bytes_from_text(local_ip), bus->local_ip, sizeof(bus->local_ip));
    event.link = bus->id;
    event.local_ip = bus->local_ip;
    step(node, &event);
}

static bool is_unproven(const struct bus_link *bus)
{
    return bus->id.is_incoming && !bus->is_proven;
}

static void close_unproven(struct node *node, struct bus_link *bus)
{
    node_log(node, LOG_DEBUG, "bus link of %s closed: no frame of a node came", bus->peer_ip);
    node->env.link_close(node->env.context, bus->link);
    remove_link(node, bus);
}

/* A stranger who opens connections and says nothing holds a bounded number of them. */
static void make_room_for_unproven(struct node *node)
{
    struct bus_link *oldest = NULL;
    size_t count = 0;

    for (size_t i = 0; i < node->bus_link_count; i++) {
        struct bus_link *bus = node->bus_links[i];

        if (is_unproven(bus)) {
            count++;
            oldest = oldest == NULL || bus->id.number < oldest->id.number ? bus : oldest;
        }
    }
    if (count >= UNPROVEN_MAX) {
        close_unproven(node, oldest);
    }
}

static void end_unproven(struct node *node)
{
    for (size_t i = node->bus_link_count; i-- > 0;) {
        struct bus_link *bus = node->bus_links[i];

        if (is_unproven(bus) &&
            mono_is_due(mono_add_ms(bus->accepted_at, UNPROVEN_MS), node->now.mono)) {
            close_unproven(node, bus);
        }
    }
}

void cluster_side_tick(struct node *node)
{
    struct cluster_event tick = {.type = CLUSTER_EVENT_TICK};

    if (!mono_is_due(node->cluster_wake_at, node->now.mono)) {
        return;
    }
    end_unproven(node);
    cluster_side_status(node);
    step(node, &tick);
}

void node_link_accepted(struct node *node, uint64_t link, const char *peer_ip)
{
    struct cluster_link id = {.is_incoming = true, .number = node->next_bus_number++};
    struct bus_link *bus;

    ASSERT(node->cluster != NULL);
    make_room_for_unproven(node);
    bus = add_link(node, link, id);
    bus->accepted_at = node->now.mono;
    bytes_to_text(bytes_from_text(peer_ip), bus->peer_ip, sizeof(bus->peer_ip));
}

bool node_link_is_proven(const struct node *node, uint64_t link)
{
    const struct bus_link *bus = find_link(node, link);

    return bus != NULL && cluster_link_is_proven(node->cluster, bus->id.number);
}

void cluster_side_link_input(struct node *node, uint64_t link, struct bytes input)
{
    struct bus_link *bus = find_link(node, link);
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
        event.link = bus->id;
        event.frame = bytes_prefix(bytes_from(buf_bytes(&in), at), len);
        event.peer_ip = bus->peer_ip;
        event.local_ip = bus->local_ip;
        step(node, &event);
        at += len;
        bus = find_link(node, link);
        if (bus == NULL) {
            break; /* the frame was refused */
        }
        bus->is_proven = true;
    }
    bus = find_link(node, link);
    if (bus != NULL) {
        buf_consume(&in, at);
        bus->in = buf_steal(&in);
        buf_shrink_when_empty(&bus->in, 0);
    }
    buf_deinit(&in);
}

void cluster_side_link_down(struct node *node, uint64_t link, const char *reason)
{
    struct bus_link *bus = find_link(node, link);
    struct cluster_event event = {.reason = reason};

    if (bus == NULL) {
        return;
    }
    event.link = bus->id;
    event.type = bus->id.is_incoming ? CLUSTER_EVENT_INCOMING_CLOSED : CLUSTER_EVENT_LINK_DOWN;
    remove_link(node, bus);
    step(node, &event);
}

/* It is tried again and again: only what is new is logged. */
static void log_file(struct node *node, bool is_ok, const struct errmsg *error)
{
    if (is_ok && node->is_nodes_file_failing) {
        node_log(node, LOG_NOTICE, "the nodes file %s is written again",
                 node->config.cluster_config_file);
    } else if (!is_ok && !node->is_nodes_file_failing) {
        node_log(node, LOG_WARNING,
                 "the nodes file %s cannot be written, and is tried again until it can: %s",
                 node->config.cluster_config_file, error->text);
    }
    node->is_nodes_file_failing = !is_ok;
}

void cluster_side_file_done(struct node *node, bool is_ok, const struct errmsg *error)
{
    struct cluster_event event = {
        .type = is_ok ? CLUSTER_EVENT_FILE_WRITTEN : CLUSTER_EVENT_FILE_FAILED,
        .sequence = node->nodes_sequence,
        .reason = is_ok ? NULL : error->text,
    };

    node->nodes_file = FS_NO_FILE;
    log_file(node, is_ok, error);
    if (node->has_nodes_next) {
        node->has_nodes_next = false;
        begin_write(node, node->nodes_next_sequence, &node->nodes_next);
    }
    step(node, &event);
    cluster_commands_on_file(node, event.sequence, is_ok ? NULL : error->text);
}

/* ---- start, stop, upkeep ---------------------------------------------------------------------- */

/* A node that could not keep what it promises is better not started. */
static bool write_file_at_start(struct node *node, struct errmsg *error)
{
    const struct fs *fs = node->env.fs;
    struct buf text = {0};
    bool is_ok;

    cluster_format_file(node->cluster, &text);
    is_ok = fs->write_whole(fs->ctx, node->config.cluster_config_file, buf_bytes(&text), error) ==
            FS_OK;
    buf_deinit(&text);
    if (!is_ok) {
        errmsg_wrap(error, "cannot write the nodes file %s", node->config.cluster_config_file);
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
    if (!write_file_at_start(node, error)) {
        return false;
    }
    node->next_bus_number = 1;
    node->is_primary = !cluster_is_replica(node->cluster);
    /* A node that was never in a cluster has nothing it could miss. */
    node->is_data_complete = node->is_primary && cluster_node_count(node->cluster) == 1;
    node->cluster_wake_at = node->now.mono;
    return true;
}

void cluster_side_stop(struct node *node)
{
    while (node->bus_link_count > 0) {
        remove_link(node, node->bus_links[0]);
    }
    mem_free(MEM_BASE, node->bus_links);
    node->bus_links = NULL;
    cluster_actions_deinit(&node->cluster_actions);
    buf_deinit(&node->nodes_next);
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

/* Keys cannot be removed while they are visited: length and bytes of each are noted first. */
static void collect(void *context, const struct entry *e)
{
    struct buf *keys = context;
    struct bytes key = entry_key(e);

    buf_append(keys, &key.len, sizeof(key.len));
    buf_append_bytes(keys, key);
}

static void remove_collected(struct node *node, struct buf *keys)
{
    struct bytes rest = buf_bytes(keys);

    while (rest.len > 0) {
        struct bytes words[2] = {BYTES_LITERAL("DEL")};
        struct key_ref ref;
        size_t len;

        memcpy(&len, rest.data, sizeof(len));
        words[1] = bytes_prefix(bytes_from(rest, sizeof(len)), len);
        rest = bytes_from(rest, sizeof(len) + len);
        ref = keyspace_ref(node->keyspace, 0, words[1]);
        effects_begin(&node->effects, (struct bytes){0}, words, 2);
        if (keyspace_remove(node->keyspace, &ref)) {
            effects_add(&node->effects, words, 2);
            commit_effects(node, &node->effects, 0);
        }
    }
    buf_deinit(keys);
}

/* Keys of slots that another node took from us.  Only a primary removes; a replica gets the DELs
 * in its stream. */
bool cluster_side_clean_slots(struct node *node)
{
    size_t budget = CLEAN_SLICE_KEYS;

    while (node->loses_slots && commit_is_allowed(node) && budget > 0) {
        struct buf keys = {0};

        if (node->clean_slot == SLOT_COUNT) {
            node->loses_slots = false;
        } else if (!cluster_lost_slot(node->cluster, (uint16_t)node->clean_slot) ||
                   keyspace_slot_count(node->keyspace, node->clean_slot) == 0) {
            node->clean_slot++;
        } else {
            keyspace_scan_slot(node->keyspace, node->clean_slot, 0, budget, collect, &keys);
            budget = 0;
            remove_collected(node, &keys);
        }
    }
    return node->loses_slots && commit_is_allowed(node);
}
