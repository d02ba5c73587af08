/* SPDX-License-Identifier: MIT */
/* Who we are: a primary, or a replica of some primary.  Both changes in one place, since nearly
 * every part of a node cares. */
#include "node/state.h"

#include "base/num.h"

void node_follow(struct node *node, const char *host, uint16_t port)
{
    struct replica_event start = {.type = REPLICA_EVENT_START, .host = host, .port = port};

    if (node->loading.is_on) {
        bytes_to_text(bytes_from_text(host), node->pending_host, sizeof(node->pending_host));
        node->pending_port = port;
        node->is_primary = false;
        return;
    }
    if (node->is_primary) {
        node->is_primary = false;
        /* What we have may hold writes that the new primary has never seen. */
        node->is_data_complete = false;
        stream_restart(node, node->stream_db > 0 ? (unsigned)node->stream_db : 0);
        waiting_on_demotion(node);
        waiting_unpause(node, PAUSE_FOR_TAKEOVER);
    }
    node->stream.refusal = (struct errmsg){0};
    node_log(node, LOG_NOTICE, "following the primary %s:%u", host, (unsigned)port);
    replica_side_event(node, &start);
}

void node_become_primary(struct node *node)
{
    struct replica_event stop = {.type = REPLICA_EVENT_STOP};
    struct history_id history;

    if (node->is_primary) {
        return;
    }
    replica_side_event(node, &stop);
    load_snapshot_abort(node);
    history = history_id_make(&node->rng);
    oplog_fork(node->log, history);
    node->stream_db = -1;
    node->is_primary = true;
    node->stream.refusal = (struct errmsg){0};
    own_expiry_forget_all(node);
    node->is_data_complete = true;
    /* Our replicas learn the new history by asking again; nothing is sent twice. */
    primary_drop_feeds(node, "this node became a primary, with a new history");
    node_log(node, LOG_NOTICE, "now a primary, history %s from offset %llu", history.text,
             (unsigned long long)oplog_end(node->log));
}

/* So that INFO and CONFIG REWRITE tell what is. */
static void note_in_config(struct node *node, const char *host, int64_t port)
{
    struct buf text = {0};
    struct errmsg error = {0};

    if (host[0] != '\0') {
        buf_printf(&text, "%s %lld", host, (long long)port);
    }
    if (!config_set(&node->config, "replicaof", buf_bytes(&text), CONFIG_FROM_START, &error)) {
        node_log(node, LOG_WARNING, "replicaof is not noted: %s", error.text);
    }
    buf_deinit(&text);
}

void control_replicaof(struct node *node, struct call *call)
{
    char host[256];
    int64_t port;

    if (node->cluster != NULL) {
        reply_error(node, call, "ERR REPLICAOF not allowed in cluster mode.");
        return;
    }
    if (bytes_equal_nocase(call->args[1], "no") && bytes_equal_nocase(call->args[2], "one")) {
        node_become_primary(node);
        note_in_config(node, "", 0);
        resp_write_ok(call->reply);
        return;
    }
    if (!num_parse_i64(call->args[2], &port) || port < 1 || port > 65535) {
        reply_error(node, call, "ERR Invalid master port");
        return;
    }
    if (call->args[1].len == 0 || call->args[1].len >= sizeof(host) ||
        bytes_find_byte(call->args[1], '\0') != SIZE_MAX ||
        bytes_find_byte(call->args[1], ' ') != SIZE_MAX) {
        reply_error(node, call, "ERR Invalid master host");
        return;
    }
    bytes_to_text(call->args[1], host, sizeof(host));
    if (!node->is_primary) {
        struct replica_report report = replica_get_report(node->replica);

        if (node->stream.refusal.text[0] == '\0' && strcmp(report.host, host) == 0 &&
            report.port == port) {
            resp_write_simple(call->reply, "OK Already connected to specified master");
            return;
        }
    }
    note_in_config(node, host, port);
    node_follow(node, host, (uint16_t)port);
    resp_write_ok(call->reply);
}

void control_slaveof(struct node *node, struct call *call)
{
    control_replicaof(node, call);
}
