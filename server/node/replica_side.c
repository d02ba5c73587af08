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
    };

    if (node->upstream.replica == NULL) {
        ASSERT(node->upstream.link == 0);
        node->upstream.replica = replica_new(&settings, rng_u64(&node->rng));
        node->upstream.actions.wake_at = MONO_NEVER;
    } else {
        replica_configure(node->upstream.replica, &settings);
    }
}

/* What actions of one step ask to be told next: the machine is stepped again only when its
 * list has been carried out. */
struct follow_up {
    struct replica_event events[4];
    size_t count;
    struct errmsg reason;
};

static void ask(struct follow_up *next, struct replica_event event)
{
    ASSERT(next->count < ARRAY_COUNT(next->events));
    next->events[next->count++] = event;
}

static void fail(struct follow_up *next, enum replica_event_type type)
{
    ASSERT(next->reason.text[0] != '\0');
    ask(next, (struct replica_event){.type = type, .reason = next->reason.text});
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

static void snapshot_end(struct node *node, const struct replication_position *position,
                         struct follow_up *next)
{
    if (!load_resync_end(node, &next->reason)) {
        node_log(node, LOG_WARNING, "full resync failed, the old data is kept: %s",
                 next->reason.text);
        fail(next, REPLICA_EVENT_SNAPSHOT_FAILED);
        return;
    }
    journal_restart(node, position->history, position->offset);
    ASSERT(journal_position(node).offset == position->offset);
    replicas_drop_all(node, "the data was replaced by a full resync");
    data_set_complete(node, true);
    ask(next, (struct replica_event){.type = REPLICA_EVENT_SNAPSHOT_LOADED,
                                     .position = journal_position(node)});
}

/* The primary goes on where our log ends, perhaps under a new history. */
static void go_on(struct node *node, const struct replication_position *position)
{
    ASSERT(!node->apply.is_torn); /* then only a full resync is asked for */
    if (!history_id_equal(&position->history, oplog_history(node->journal.log))) {
        journal_adopt(node, position->history);
        replicas_drop_all(node, "the history goes on under a new id");
    }
    apply_restart(node, node->apply.db);
    data_set_complete(node, true);
}

/* Trying again would bring the same request again, or end in one full resync after the other. */
static bool refuses(const struct node *node)
{
    if (node->apply.refusal.text[0] == '\0') {
        return false;
    }
    node_log(node, LOG_WARNING,
             "replication has stopped, the data is kept as it is: %s. REPLICAOF begins again.",
             node->apply.refusal.text);
    return true;
}

static void carry_out(struct node *node, const struct replica_action *action,
                      struct follow_up *next)
{
    struct bytes bytes = replica_action_bytes(&node->upstream.actions, action);

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
        if (next->count == 0 && !load_resync_bytes(node, bytes, &next->reason)) {
            node_log(node, LOG_WARNING, "full resync failed, the old data is kept: %s",
                     next->reason.text);
            load_resync_abort(node);
            fail(next, REPLICA_EVENT_SNAPSHOT_FAILED);
        }
        break;
    case REPLICA_ACTION_SNAPSHOT_END:
        if (next->count == 0) {
            snapshot_end(node, &action->position, next);
        }
        break;
    case REPLICA_ACTION_SNAPSHOT_ABORT:
        load_resync_abort(node);
        break;
    case REPLICA_ACTION_CONTINUE:
        go_on(node, &action->position);
        break;
    case REPLICA_ACTION_STREAM:
        if (next->count == 0 && !apply_bytes(node, bytes, &next->reason)) {
            close_link(node);
            fail(next, refuses(node) ? REPLICA_EVENT_STOP : REPLICA_EVENT_LINK_DOWN);
        }
        break;
    case REPLICA_ACTION_LOG:
        node_log(node, action->level, "replication: %.*s", BYTES_ARGS(bytes));
        break;
    }
}

static void step(struct node *node, const struct replica_event *event, struct follow_up *next)
{
    struct replica_actions *actions = &node->upstream.actions;
    struct replication_position position;

    ASSERT(next->count == 0);
    replica_actions_clear(actions);
    replica_step(node->upstream.replica, node->now.mono, event, actions);
    for (size_t i = 0; i < actions->count; i++) {
        carry_out(node, &actions->items[i], next);
    }
    position = journal_position(node);
    if (apply_take_ack(node, &position.offset) && next->count == 0) {
        ask(next, (struct replica_event){.type = REPLICA_EVENT_GETACK, .position = position});
    }
}

/* Tell the machine, and what its actions ask to be told next. */
static void tell(struct node *node, const struct replica_event *event)
{
    bool was_up = upstream_is_up(&node->upstream);
    struct replica_event current = *event;
    struct errmsg reason;

    for (;;) {
        struct follow_up next = {0};

        step(node, &current, &next);
        ASSERT(next.count <= 1);
        if (next.count == 0) {
            break;
        }
        current = next.events[0];
        if (current.reason != NULL) {
            reason = next.reason;
            current.reason = reason.text;
        }
    }
    ASSERT(!node->role.is_primary || !upstream_is_up(&node->upstream));
    if (was_up != upstream_is_up(&node->upstream)) {
        pass_note_link(&node->pass);
    }
}

void replica_side_tick(struct node *node)
{
    if (mono_is_due(node->upstream.actions.wake_at, node->now.mono)) {
        struct replica_event tick = {.type = REPLICA_EVENT_TICK,
                                     .position = journal_position(node)};

        tell(node, &tick);
    }
}

void replica_side_deinit(struct node *node)
{
    ASSERT(node->life.is_freeing);
    replica_free(node->upstream.replica);
    replica_actions_deinit(&node->upstream.actions);
    node->upstream = (struct upstream){0};
}

void replica_side_follow(struct node *node, const char *host, uint16_t port)
{
    struct replica_event start = {.type = REPLICA_EVENT_START, .host = host, .port = port};

    ASSERT(!node->role.is_primary);
    ASSERT(node->loading.phase != LOAD_FILE);
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

/* What PSYNC offers.  A primary that restarted has begun a history of its own; as long as nothing
 * was written in it, what it has is the end of the one before. */
static struct replication_position offered_position(const struct node *node)
{
    struct replication_position position = journal_position(node);

    ASSERT(!node->role.is_primary);
    if (oplog_previous_end(node->journal.log) == position.offset && position.offset > 0) {
        position.history = *oplog_previous_history(node->journal.log);
    }
    if (node->apply.is_torn) {
        position = (struct replication_position){0}; /* only a full resync helps */
    }
    return position;
}

void replica_side_link_up(struct node *node)
{
    struct replica_event up = {.type = REPLICA_EVENT_LINK_UP, .position = offered_position(node)};

    ASSERT(node->upstream.link != 0);
    tell(node, &up);
}

void replica_side_link_input(struct node *node, struct bytes input)
{
    struct replica_event event = {.type = REPLICA_EVENT_BYTES, .bytes = input};

    ASSERT(node->upstream.link != 0);
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
