/* SPDX-License-Identifier: MIT */
#include "node/role.h"

#include "base/assert.h"
#include "base/num.h"
#include "node/inside.h"

void role_init(struct node *node, bool is_primary)
{
    ASSERT(node->loading.phase == LOAD_IDLE);
    ASSERT(node->role.pending_host[0] == '\0');
    node->role.is_primary = is_primary;
}

bool role_is_replica(const struct node *node)
{
    return !node->role.is_primary || (node->cluster != NULL && cluster_is_replica(node->cluster));
}

void node_follow(struct node *node, const char *host, uint16_t port)
{
    ASSERT(port != 0);
    if (load_is_at_start(&node->loading)) {
        bytes_to_text(bytes_from_text(host), node->role.pending_host,
                      sizeof(node->role.pending_host));
        node->role.pending_port = port;
        node->role.is_primary = false;
        return;
    }
    if (node->role.is_primary) {
        node->role.is_primary = false;
        /* What we have may hold writes that the new primary has never seen. */
        data_set_complete(node, false);
        apply_restart(node, node->journal.stream_db > 0 ? (unsigned)node->journal.stream_db : 0);
        waiting_on_demotion(node);
        release_on_demotion(node);
        lending_reset(node);
        if (node->cluster != NULL) {
            sync_side_look(node);
        }
    }
    apply_forgive(node);
    node_log(node, LOG_NOTICE, "following the primary %s:%u", host, (unsigned)port);
    replica_side_follow(node, host, port);
    ASSERT(!node->role.is_primary);
}

void node_become_primary(struct node *node)
{
    struct history_id history;

    if (node->role.is_primary && node->cluster == NULL) {
        return;
    }
    if (!node->role.is_primary) {
        replica_side_stop(node);
        load_resync_abort(node);
    }
    history = journal_fork(node);
    node->role.is_primary = true;
    apply_forgive(node);
    own_expiry_forget_all(node);
    data_set_complete(node, true);
    /* Our replicas learn the new history by asking again; nothing is sent twice. */
    replicas_drop_all(node, "this node became a primary, with a new history");
    ASSERT(node->loading.phase != LOAD_RESYNC);
    ASSERT(node->role.is_primary && node->upstream.link == 0);
    node_log(node, LOG_NOTICE, "now a primary, history %s from offset %llu", history.text,
             (unsigned long long)oplog_end(node->journal.log));
}

static void follow_config(struct node *node)
{
    struct bytes rest = bytes_from_text(node->config.replicaof);
    struct bytes word = bytes_next_word(&rest, ' ');
    char host[ROLE_HOST_SIZE];
    int64_t port;

    if (word.len == 0 || !num_parse_i64(bytes_trim(rest), &port) || port < 1 || port > UINT16_MAX) {
        return;
    }
    bytes_to_text(word, host, sizeof(host));
    node_follow(node, host, (uint16_t)port);
}

void node_follow_loaded(struct node *node)
{
    ASSERT(!load_is_at_start(&node->loading));
    if (!node->role.is_primary && node->role.pending_host[0] != '\0') {
        node_follow(node, node->role.pending_host, node->role.pending_port);
    } else if (node->cluster == NULL && node->config.replicaof[0] != '\0') {
        follow_config(node);
    } else if (node->cluster == NULL) {
        data_set_complete(node, true);
    }
    node->role.pending_host[0] = '\0';
}

void node_go_back_when_wanted(struct node *node)
{
    struct replica_report primary;
    char host[ROLE_HOST_SIZE];

    if (LIKELY(!node->rewind.is_wanted)) {
        return;
    }
    if (node->role.is_primary) {
        rewind_forget(node);
        return;
    }
    switch (rewind_chance(node)) {
    case REWIND_LATER:
        break;
    case REWIND_NEVER:
        rewind_forget(node);
        replica_side_resync_fully(node);
        break;
    case REWIND_NOW:
        primary = replica_get_report(node->upstream.replica);
        bytes_to_text(bytes_from_text(primary.host), host, sizeof(host));
        replica_side_stop(node);
        rewind_begin(node);
        if (!node->life.has_exited) {
            node_follow(node, host, primary.port); /* once the data is there */
        }
        break;
    }
}

void node_check_role(const struct node *node)
{
    const struct role *role = &node->role;

    ASSERT(role->pending_host[0] == '\0' || load_is_at_start(&node->loading)); /* (1) */
    ASSERT(role->pending_host[0] == '\0' || role->pending_port != 0);
    ASSERT(!role->is_primary || node->loading.phase != LOAD_RESYNC);
}
