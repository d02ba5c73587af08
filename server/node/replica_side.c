/* SPDX-License-Identifier: MIT */
#include "node/replica_side.h"

#include "base/assert.h"
#include "node/inside.h"
#include "node/version.h"

void replica_side_configure(struct node *node)
{
    const struct config *config = &node->config;
    int64_t port =
        config->replica_announce_port != 0 ? config->replica_announce_port : config->port;
    struct replica_settings settings = {
        .timeout_ms = config->repl_timeout_s * 1000,
        .announce_port = (uint16_t)port,
        .announce_ip = config->replica_announce_ip,
        .primary_user = config->primaryuser,
        .primary_auth = config->primaryauth,
        .version = STARLING_REDIS_VERSION,
        .can_rewind = config->appendonly,
    };

    if (node->upstream.replica == NULL) {
        ASSERT(node->upstream.link == 0);
        node->upstream.replica = replica_new(&settings, rng_u64(&node->rng));
        machine_wake_first_at(&node->upstream.machine, MONO_NEVER);
    } else {
        replica_configure(node->upstream.replica, &settings);
    }
}

/* What becomes of it is carried out when its turn comes (node/machine.h). */
static void step(struct node *node, const struct replica_event *event)
{
    replica_step(node->upstream.replica, node->now.mono, event, &node->upstream.machine.pending);
}

static void fail(struct node *node, enum replica_event_type type, const char *reason)
{
    struct replica_event event = {.type = type, .reason = reason};

    step(node, &event);
}

static void connect_to(struct node *node, const char *host, uint16_t port)
{
    ASSERT(node->upstream.link == 0);
    ASSERT(!node->role.is_primary);
    ASSERT(port != 0);
    node->upstream.link = life_new_link(node);
    node->env.link_open(node->env.context, node->upstream.link, ENV_LINK_PRIMARY, host, port);
}

static void close_link(struct node *node)
{
    if (node->upstream.link != 0) {
        node->env.link_close(node->env.context, node->upstream.link);
        node->upstream.link = 0;
    }
}

static void fail_snapshot(struct node *node, const char *reason)
{
    node_log(node, LOG_WARNING, "full resync failed, the old data is kept: %s", reason);
    load_resync_abort(node);
    fail(node, REPLICA_EVENT_SNAPSHOT_FAILED, reason);
}

static void snapshot_bytes(struct node *node, struct bytes bytes)
{
    struct errmsg error = {0};

    if (!load_resync_bytes(node, bytes, &error)) {
        fail_snapshot(node, error.text);
    }
}

static void snapshot_end(struct node *node, const struct replication_position *position)
{
    struct replica_event loaded = {.type = REPLICA_EVENT_SNAPSHOT_LOADED};
    struct errmsg error = {0};

    if (!load_resync_end(node, &error)) {
        fail_snapshot(node, error.text);
        return;
    }
    journal_restart(node, position->history, position->offset);
    ASSERT(journal_position(node).offset == position->offset);
    replicas_drop_all(node, "the data was replaced by a full resync");
    data_set_complete(node, true);
    data_turn_memory(node);
    node->upstream.needs_full = false;
    loaded.position = journal_position(node);
    step(node, &loaded);
}

/* The primary goes on where our log ends, perhaps under a new history. */
static void go_on(struct node *node, const struct replication_position *position)
{
    ASSERT(!node->apply.needs_resync); /* then only a full resync is asked for */
    if (!history_id_equal(&position->history, oplog_history(node->journal.log))) {
        journal_adopt(node, position->history);
        replicas_drop_all(node, "the history goes on under a new id");
    }
    apply_restart(node, node->apply.db);
    data_set_complete(node, true);
}

/* Trying again would bring the same request again, or end in one full resync after the other. */
static bool refuses(struct node *node)
{
    struct errmsg reason = node->apply.refusal;

    if (reason.text[0] == '\0') {
        return false;
    }
    if (apply_may_resync(node)) {
        node_log(node, LOG_WARNING,
                 "the data here differ from the primary's: %s. A full resync is asked for.",
                 reason.text);
        return false;
    }
    node_log(node, LOG_WARNING,
             "replication has stopped, the data is kept as it is: %s. REPLICAOF begins again.",
             reason.text);
    return true;
}

static void stream(struct node *node, struct bytes bytes)
{
    struct errmsg error = {0};

    if (!apply_bytes(node, bytes, &error)) {
        close_link(node);
        fail(node, refuses(node) ? REPLICA_EVENT_STOP : REPLICA_EVENT_LINK_DOWN, error.text);
    }
}

/* What the machine gave up meanwhile, since an action before it failed, is passed over. */
static bool is_given_up(const struct node *node, enum replica_action_type type)
{
    switch (type) {
    case REPLICA_ACTION_SNAPSHOT_BYTES:
    case REPLICA_ACTION_SNAPSHOT_END:
        return replica_get_phase(node->upstream.replica) != REPLICA_LOADING;
    case REPLICA_ACTION_STREAM:
        return !upstream_is_up(&node->upstream);
    case REPLICA_ACTION_CONNECT:
    case REPLICA_ACTION_CLOSE:
    case REPLICA_ACTION_SEND:
    case REPLICA_ACTION_SNAPSHOT_BEGIN:
    case REPLICA_ACTION_SNAPSHOT_ABORT:
    case REPLICA_ACTION_CONTINUE:
    case REPLICA_ACTION_REWIND:
    case REPLICA_ACTION_LOG:
        return false;
    }
    return false;
}

static void carry_out(void *context, const struct actions *list, size_t index)
{
    struct node *node = context;
    const struct replica_action *action = replica_action_at(list, index);
    struct bytes bytes = replica_action_bytes(list, action);

    if (is_given_up(node, action->type)) {
        return;
    }
    switch (action->type) {
    case REPLICA_ACTION_CONNECT:
        connect_to(node, bytes.data, action->port);
        break;
    case REPLICA_ACTION_CLOSE:
        close_link(node);
        apply_restart(node, node->apply.db);
        break;
    case REPLICA_ACTION_SEND:
        ASSERT(node->upstream.link != 0);
        node->env.link_send(node->env.context, node->upstream.link, bytes);
        break;
    case REPLICA_ACTION_SNAPSHOT_BEGIN:
        load_resync_begin(node);
        break;
    case REPLICA_ACTION_SNAPSHOT_BYTES:
        snapshot_bytes(node, bytes);
        break;
    case REPLICA_ACTION_SNAPSHOT_END:
        snapshot_end(node, &action->position);
        break;
    case REPLICA_ACTION_SNAPSHOT_ABORT:
        load_resync_abort(node);
        break;
    case REPLICA_ACTION_CONTINUE:
        go_on(node, &action->position);
        break;
    case REPLICA_ACTION_REWIND:
        rewind_want(node, &action->position);
        break;
    case REPLICA_ACTION_STREAM:
        stream(node, bytes);
        break;
    case REPLICA_ACTION_LOG:
        node_log(node, action->level, "replication: %.*s", BYTES_ARGS(bytes));
        break;
    }
}

static void step_and_act(struct node *node, const struct replica_event *event)
{
    step(node, event);
    machine_act(&node->upstream.machine, carry_out, node);
}

/* Up to where our disk has it, and will have it. */
static uint64_t durable_offset(const struct node *node)
{
    return disk_base_promises(node) ? disk_log_durable(node) : 0;
}

/* The primary asked in the stream how far we are: it is told when the stream is executed. */
static void tell(struct node *node, const struct replica_event *event)
{
    bool was_up = upstream_is_up(&node->upstream);
    struct replica_event getack = {.type = REPLICA_EVENT_GETACK};

    step_and_act(node, event);
    getack.position = journal_position(node);
    getack.durable_offset = durable_offset(node);
    if (apply_take_ack(node, &getack.position.offset)) {
        node->upstream.owes_ack = true;
        step_and_act(node, &getack);
    }
    ASSERT(!node->role.is_primary || !upstream_is_up(&node->upstream));
    if (was_up != upstream_is_up(&node->upstream)) {
        pass_note_link(&node->pass);
    }
}

void replica_side_tick(struct node *node)
{
    if (mono_is_due(machine_wake_at(&node->upstream.machine), node->now.mono)) {
        struct replica_event tick = {.type = REPLICA_EVENT_TICK,
                                     .position = journal_position(node),
                                     .durable_offset = durable_offset(node)};

        tell(node, &tick);
    }
}

void replica_side_synced(struct node *node)
{
    struct replica_event ack = {.type = REPLICA_EVENT_GETACK,
                                .position = journal_position(node),
                                .durable_offset = durable_offset(node)};

    if (node->upstream.owes_ack) {
        node->upstream.owes_ack = ack.durable_offset < ack.position.offset;
        tell(node, &ack);
    }
}

void replica_side_deinit(struct node *node)
{
    ASSERT(node->life.is_freeing);
    replica_free(node->upstream.replica);
    machine_deinit(&node->upstream.machine);
    node->upstream = (struct upstream){0};
}

void replica_side_follow(struct node *node, const char *host, uint16_t port)
{
    struct replica_event start = {.type = REPLICA_EVENT_START, .host = host, .port = port};

    ASSERT(!node->role.is_primary);
    ASSERT(!load_is_at_start(&node->loading));
    tell(node, &start);
    ASSERT(replica_get_phase(node->upstream.replica) != REPLICA_IDLE);
}

void replica_side_stop(struct node *node)
{
    struct replica_event stop = {.type = REPLICA_EVENT_STOP};

    tell(node, &stop);
    ASSERT(node->upstream.link == 0);
    ASSERT(replica_get_phase(node->upstream.replica) == REPLICA_IDLE);
}

void replica_side_resync_fully(struct node *node)
{
    node->upstream.needs_full = true;
}

/* What PSYNC offers.  A primary that restarted has begun a history of its own; as long as nothing
 * was written in it, what it has is the end of the one before. */
static struct replication_position offered_position(const struct node *node)
{
    struct replication_position position = journal_position(node);

    ASSERT(!node->role.is_primary);
    if (oplog_previous_end(node->journal.log) == position.offset && position.offset > 0) {
        position.history = *oplog_previous_history(node->journal.log);
    }
    if (node->apply.needs_resync || node->upstream.needs_full) {
        position = (struct replication_position){0}; /* only a full resync helps */
    }
    return position;
}

void replica_side_link_up(struct node *node)
{
    struct replica_event up = {.type = REPLICA_EVENT_LINK_UP, .position = offered_position(node)};
    struct introduction_self self;

    if (node->cluster != NULL) {
        self = replicas_introduction(node);
        up.self = &self;
        up.primary_id = *cluster_my_primary_id(node->cluster);
        up.memory = node->data.memory;
    }
    ASSERT(node->upstream.link != 0);
    tell(node, &up);
}

void replica_side_link_input(struct node *node, struct bytes input)
{
    struct replica_event event = {.type = REPLICA_EVENT_BYTES, .bytes = input};

    ASSERT(node->upstream.link != 0);
    ASSERT(!node->upstream.machine.is_acting); /* its actions would outlive the input they borrow */
    counters_read_from_primary(&node->counters, input.len);
    event.position = journal_position(node);
    tell(node, &event);
}

void replica_side_link_down(struct node *node, const char *reason)
{
    struct replica_event down = {.type = REPLICA_EVENT_LINK_DOWN, .reason = reason};

    ASSERT(node->upstream.link != 0);
    node->upstream.link = 0;
    apply_restart(node, node->apply.db);
    tell(node, &down);
    ASSERT(!upstream_is_up(&node->upstream));
}

void replica_side_check(const struct node *node)
{
    enum replica_phase phase = replica_get_phase(node->upstream.replica);
    bool is_linked = phase != REPLICA_IDLE && phase != REPLICA_WAITING;

    ASSERT(is_linked == (node->upstream.link != 0)); /* (2) */
    ASSERT(node->upstream.link < ENV_LINK_INCOMING);
    ASSERT(!node->role.is_primary || phase == REPLICA_IDLE);
    replica_check(node->upstream.replica);
}
