/* SPDX-License-Identifier: MIT */
/* Commands about replication: who follows whom, what replicas ask, WAIT. */
#include "control/control.h"

#include "base/num.h"
#include "control/answer.h"
#include "node/inside.h"

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

void control_replicaof(struct node *node, struct request *request)
{
    char host[256];
    int64_t port;

    if (node->cluster != NULL) {
        reply_error(request, "ERR REPLICAOF not allowed in cluster mode.");
        return;
    }
    if (bytes_equal_nocase(request->args[1], "no") && bytes_equal_nocase(request->args[2], "one")) {
        node_become_primary(node);
        note_in_config(node, "", 0);
        resp_write_ok(request->reply);
        return;
    }
    if (!num_parse_i64(request->args[2], &port) || port < 1 || port > 65535) {
        reply_error(request, "ERR Invalid master port");
        return;
    }
    if (request->args[1].len == 0 || request->args[1].len >= sizeof(host) ||
        bytes_find_byte(request->args[1], '\0') != SIZE_MAX ||
        bytes_find_byte(request->args[1], ' ') != SIZE_MAX) {
        reply_error(request, "ERR Invalid master host");
        return;
    }
    bytes_to_text(request->args[1], host, sizeof(host));
    if (!node->role.is_primary) {
        struct replica_report report = replica_get_report(node->upstream.replica);

        if (node->apply.refusal.text[0] == '\0' && strcmp(report.host, host) == 0 &&
            report.port == port) {
            resp_write_simple(request->reply, "OK Already connected to specified master");
            return;
        }
    }
    note_in_config(node, host, port);
    node_follow(node, host, (uint16_t)port);
    resp_write_ok(request->reply);
}

void control_slaveof(struct node *node, struct request *request)
{
    control_replicaof(node, request);
}

void control_replconf(struct node *node, struct request *request)
{
    primary_take_replconf(node, request);
}

void control_psync(struct node *node, struct request *request)
{
    primary_take_psync(node, request);
}

void control_sync(struct node *node, struct request *request)
{
    primary_take_sync(node, request);
}

/* What was written last is at the owner of another slot.  When the way there is gone nobody knows how many have it. */
static void answer_for_owner(struct node *node, struct request *request)
{
    if (borrowing_take_wait(node, request)) {
        return;
    }
    if (request->spec->id == COMMAND_WAITAOF) {
        resp_write_array(request->reply, 2);
        resp_write_integer(request->reply, 0);
    }
    resp_write_integer(request->reply, 0);
}

void control_wait(struct node *node, struct request *request)
{
    struct session *s = request->session;
    struct mono_time until = MONO_NEVER;
    int64_t replicas;
    int64_t timeout_ms;

    if (s->forwarded_link != 0) {
        answer_for_owner(node, request);
        return;
    }
    if (!node->role.is_primary) {
        reply_error(
            request,
            "ERR WAIT cannot be used with replica instances. Please also note that since "
            "Redis 4.0 if a replica is configured to be writable (which is not the default) "
            "writes to replicas are just local and are not propagated.");
        return;
    }
    if (!num_parse_i64(request->args[1], &replicas)) {
        reply_error(request, "ERR value is not an integer or out of range");
        return;
    }
    if (!answer_read_timeout(request, 2, &timeout_ms)) {
        return;
    }
    if (!waiting_is_possible(node, s)) {
        resp_write_integer(request->reply, 0);
        return;
    }
    if (replicas <= 0 || node->transaction.is_on ||
        replicas_count_acked(node, s->last_write_offset) >= (uint64_t)replicas) {
        resp_write_integer(request->reply,
                           (int64_t)replicas_count_acked(node, s->last_write_offset));
        return;
    }
    if (timeout_ms > 0) {
        until = mono_add_ms(node->now.mono, timeout_ms);
    }
    waiting_for_acks(node, s, replicas < INT32_MAX ? (uint32_t)replicas : INT32_MAX, until);
}

static bool read_disks(struct node *node, struct request *request, int64_t *own, int64_t *replicas)
{
    if (!num_parse_i64(request->args[1], own) || *own < 0 || *own > 1) {
        reply_error(request, "ERR value is out of range, must be between 0 and 1");
        return false;
    }
    if (!num_parse_i64(request->args[2], replicas) || *replicas < 0) {
        reply_error(request, "ERR value is out of range, must be positive");
        return false;
    }
    if (*own > 0 && !disk_base_promises(node)) {
        reply_error(request, WAITING_NO_LOG);
        return false;
    }
    return true;
}

void control_waitaof(struct node *node, struct request *request)
{
    struct session *s = request->session;
    struct mono_time until = MONO_NEVER;
    int64_t own;
    int64_t replicas;
    int64_t timeout_ms;

    if (s->forwarded_link != 0) {
        answer_for_owner(node, request);
        return;
    }
    if (!node->role.is_primary) {
        reply_error(request, "ERR WAITAOF cannot be used with replica instances. Please also note "
                             "that writes to replicas are just local and are not propagated.");
        return;
    }
    if (!read_disks(node, request, &own, &replicas) ||
        !answer_read_timeout(request, 3, &timeout_ms)) {
        return;
    }
    if (!waiting_is_possible(node, s)) {
        waiting_write_disks(node, UINT64_MAX, request->reply);
        return;
    }
    if (node->transaction.is_on ||
        ((own == 0 || waiting_is_on_disk(node, s->last_write_offset)) &&
         replicas_count_synced(node, s->last_write_offset) >= (uint64_t)replicas)) {
        waiting_write_disks(node, s->last_write_offset, request->reply);
        return;
    }
    if (timeout_ms > 0) {
        until = mono_add_ms(node->now.mono, timeout_ms);
    }
    waiting_for_disks(node, s, own > 0, replicas < INT32_MAX ? (uint32_t)replicas : INT32_MAX,
                      until);
}
