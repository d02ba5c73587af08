/* SPDX-License-Identifier: MIT */
/* Our primary: the machine of replication/replica.h decides, this carries its actions out. */
#include "node/state.h"

#include "base/assert.h"
#include "node/version.h"

struct replication_position node_position(const struct node *node)
{
    return (struct replication_position){
        .history = *oplog_history(node->log),
        .offset = oplog_end(node->log),
    };
}

bool replica_side_link_is_up(const struct node *node)
{
    return replica_get_phase(node->replica) == REPLICA_STREAMING;
}

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

    if (node->replica == NULL) {
        node->replica = replica_new(&settings, rng_u64(&node->rng));
    } else {
        replica_configure(node->replica, &settings);
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
    ask(next, (struct replica_event){.type = type, .reason = next->reason.text});
}

static void connect_to(struct node *node, const char *host, uint16_t port)
{
    node->replica_link = node->next_link++;
    node->env.link_open(node->env.context, node->replica_link, ENV_LINK_PRIMARY, host, port);
}

static void close_link(struct node *node)
{
    if (node->replica_link != 0) {
        node->env.link_close(node->env.context, node->replica_link);
        node->replica_link = 0;
    }
}

static void snapshot_end(struct node *node, const struct replication_position *position,
                         struct follow_up *next)
{
    if (!load_snapshot_end(node, &next->reason)) {
        node_log(node, LOG_WARNING, "full resync failed, the old data is kept: %s",
                 next->reason.text);
        fail(next, REPLICA_EVENT_SNAPSHOT_FAILED);
        return;
    }
    oplog_restart(node->log, position->history, position->offset);
    primary_drop_feeds(node, "the data was replaced by a full resync");
    node->is_data_complete = true;
    ask(next, (struct replica_event){.type = REPLICA_EVENT_SNAPSHOT_LOADED,
                                     .position = node_position(node)});
}

/* The primary goes on where our log ends, perhaps under a new history. */
static void go_on(struct node *node, const struct replication_position *position)
{
    if (!history_id_equal(&position->history, oplog_history(node->log))) {
        oplog_adopt(node->log, position->history);
        primary_drop_feeds(node, "the history goes on under a new id");
    }
    stream_restart(node, node->stream.db);
    node->is_data_complete = true;
}

/* Trying again would bring the same request again, or end in one full resync after the other. */
static bool refuses(const struct node *node)
{
    if (node->stream.refusal.text[0] == '\0') {
        return false;
    }
    node_log(node, LOG_WARNING,
             "replication has stopped, the data is kept as it is: %s. REPLICAOF begins again.",
             node->stream.refusal.text);
    return true;
}

static void carry_out(struct node *node, const struct replica_action *action,
                      struct follow_up *next)
{
    struct bytes bytes = replica_action_bytes(&node->replica_actions, action);

    switch (action->type) {
    case REPLICA_ACTION_CONNECT:
        connect_to(node, bytes.data, action->port);
        break;
    case REPLICA_ACTION_CLOSE:
        close_link(node);
        stream_restart(node, node->stream.db);
        break;
    case REPLICA_ACTION_SEND:
        node->env.link_send(node->env.context, node->replica_link, bytes);
        break;
    case REPLICA_ACTION_SNAPSHOT_BEGIN:
        load_snapshot_begin(node);
        break;
    case REPLICA_ACTION_SNAPSHOT_BYTES:
        if (next->count == 0 && !load_snapshot_bytes(node, bytes, &next->reason)) {
            node_log(node, LOG_WARNING, "full resync failed, the old data is kept: %s",
                     next->reason.text);
            load_snapshot_abort(node);
            fail(next, REPLICA_EVENT_SNAPSHOT_FAILED);
        }
        break;
    case REPLICA_ACTION_SNAPSHOT_END:
        if (next->count == 0) {
            snapshot_end(node, &action->position, next);
        }
        break;
    case REPLICA_ACTION_SNAPSHOT_ABORT:
        load_snapshot_abort(node);
        break;
    case REPLICA_ACTION_CONTINUE:
        go_on(node, &action->position);
        break;
    case REPLICA_ACTION_STREAM:
        if (next->count == 0 && !stream_apply(node, bytes, &next->reason)) {
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
    struct replica_actions *actions = &node->replica_actions;

    replica_actions_clear(actions);
    replica_step(node->replica, node->now.mono, event, actions);
    for (size_t i = 0; i < actions->count; i++) {
        carry_out(node, &actions->items[i], next);
    }
    if (node->stream.wants_ack) {
        struct replication_position position = node_position(node);

        position.offset = node->stream.ack_offset;
        node->stream.wants_ack = false;
        if (next->count == 0) {
            ask(next, (struct replica_event){.type = REPLICA_EVENT_GETACK, .position = position});
        }
    }
}

void replica_side_event(struct node *node, const struct replica_event *event)
{
    bool was_up = replica_side_link_is_up(node);
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
    if (node->cluster != NULL && was_up != replica_side_link_is_up(node)) {
        cluster_side_status(node);
    }
}

void replica_side_tick(struct node *node)
{
    if (mono_is_due(node->replica_actions.wake_at, node->now.mono)) {
        struct replica_event tick = {.type = REPLICA_EVENT_TICK, .position = node_position(node)};

        replica_side_event(node, &tick);
    }
}
