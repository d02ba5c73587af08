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
        waiting_unpause(node);
    }
    node_log(node, LOG_NOTICE, "following the primary %s:%u", host, (unsigned)port);
    replica_side_event(node, &start);
}

void node_become_primary(struct node *node)
{
    struct replica_event stop = {.type = REPLICA_EVENT_STOP};
    struct history_id history = {0};

    if (node->is_primary) {
        return;
    }
    replica_side_event(node, &stop);
    load_snapshot_abort(node);
    rng_hex(&node->rng, history.text, HISTORY_ID_LEN);
    oplog_fork(node->log, history);
    node->stream_db = -1;
    node->is_primary = true;
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
        resp_write_simple(call->reply, "OK");
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

        if (strcmp(report.host, host) == 0 && report.port == port) {
            resp_write_simple(call->reply, "OK Already connected to specified master");
            return;
        }
    }
    note_in_config(node, host, port);
    node_follow(node, host, (uint16_t)port);
    resp_write_simple(call->reply, "OK");
}

void control_slaveof(struct node *node, struct call *call)
{
    control_replicaof(node, call);
}

/* ---- ROLE and INFO replication ---------------------------------------------------------------- */

static const char *feed_ip(const struct feed *feed, char *out, size_t size)
{
    const struct session *s = feed_session(feed);
    struct bytes address = bytes_from_text(s->peer.address);
    size_t colon = 0;

    if (feed->announced_ip[0] != '\0') {
        return feed->announced_ip;
    }
    for (size_t i = 0; i < address.len; i++) {
        if (address.data[i] == ':') {
            colon = i;
        }
    }
    address = bytes_prefix(address, colon);
    if (address.len > 1 && address.data[0] == '[') { /* an IPv6 address beside a port */
        address = bytes_make(address.data + 1, address.len - 2);
    }
    bytes_to_text(address, out, size);
    return out;
}

static bool is_shown(const struct feed *feed)
{
    return feed->phase != FEED_HANDSHAKE && !session_is_closing(feed_session(feed));
}

void control_role(struct node *node, struct call *call)
{
    struct resp_writer *w = call->reply;
    size_t online = 0;
    char ip[SESSION_ADDRESS_TEXT];

    if (!node->is_primary) {
        struct replica_report report = replica_get_report(node->replica);

        resp_write_array(w, 5);
        resp_write_bulk_text(w, "slave");
        resp_write_bulk_text(w, report.host);
        resp_write_integer(w, report.port);
        resp_write_bulk_text(w, report.role_state);
        resp_write_integer(w, (int64_t)oplog_end(node->log));
        return;
    }
    for (size_t i = 0; i < node->feed_count; i++) {
        online += node->feeds[i]->phase == FEED_ONLINE && is_shown(node->feeds[i]);
    }
    resp_write_array(w, 3);
    resp_write_bulk_text(w, "master");
    resp_write_integer(w, (int64_t)oplog_end(node->log));
    resp_write_array(w, online);
    for (size_t i = 0; i < node->feed_count; i++) {
        const struct feed *feed = node->feeds[i];

        if (feed->phase == FEED_ONLINE && is_shown(feed)) {
            resp_write_array(w, 3);
            resp_write_bulk_text(w, feed_ip(feed, ip, sizeof(ip)));
            resp_write_bulk_printf(w, "%u", (unsigned)feed->listening_port);
            resp_write_bulk_printf(w, "%llu", (unsigned long long)feed->acked_offset);
        }
    }
}

static void info_primary_link(struct node *node, struct buf *out)
{
    struct replica_report report = replica_get_report(node->replica);
    int64_t io_s = report.last_io_at.us == INT64_MAX
                       ? -1
                       : mono_ms_between(report.last_io_at, node->now.mono) / 1000;
    unsigned long long offset = (unsigned long long)oplog_end(node->log);

    buf_printf(out,
               "master_host:%s\r\nmaster_port:%u\r\nmaster_link_status:%s\r\n"
               "master_last_io_seconds_ago:%lld\r\nmaster_sync_in_progress:%d\r\n"
               "slave_read_repl_offset:%llu\r\nslave_repl_offset:%llu\r\n",
               report.host, (unsigned)report.port, report.is_link_up ? "up" : "down",
               report.is_link_up ? (long long)io_s : -1LL,
               report.phase == REPLICA_WAIT_SNAPSHOT || report.phase == REPLICA_LOADING, offset,
               offset);
    if (report.phase == REPLICA_LOADING) {
        buf_printf(out, "master_sync_total_bytes:%lld\r\nmaster_sync_read_bytes:%llu\r\n",
                   report.snapshot_size == REPLICATION_SIZE_UNKNOWN
                       ? -1LL
                       : (long long)report.snapshot_size,
                   (unsigned long long)report.snapshot_received);
    }
    if (!report.is_link_up) {
        buf_printf(
            out, "master_link_down_since_seconds:%lld\r\n",
            report.link_down_since.us == INT64_MAX
                ? -1LL
                : (long long)(mono_ms_between(report.link_down_since, node->now.mono) / 1000));
    }
    buf_printf(out, "slave_priority:%lld\r\nslave_read_only:%d\r\nreplica_announced:1\r\n",
               (long long)node->config.replica_priority, node->config.replica_read_only);
}

static void info_feeds(struct node *node, struct buf *out)
{
    size_t count = 0;
    char ip[SESSION_ADDRESS_TEXT];

    for (size_t i = 0; i < node->feed_count; i++) {
        count += is_shown(node->feeds[i]);
    }
    buf_printf(out, "connected_slaves:%zu\r\n", count);
    if (node->config.min_replicas_to_write > 0) {
        buf_printf(out, "min_slaves_good_slaves:%zu\r\n", primary_good_replicas(node));
    }
    count = 0;
    for (size_t i = 0; i < node->feed_count; i++) {
        const struct feed *feed = node->feeds[i];

        if (is_shown(feed)) {
            buf_printf(out, "slave%zu:ip=%s,port=%u,state=%s,offset=%llu,lag=%lld\r\n", count++,
                       feed_ip(feed, ip, sizeof(ip)), (unsigned)feed->listening_port,
                       feed_phase_name(feed->phase), (unsigned long long)feed->acked_offset,
                       (long long)(mono_ms_between(feed->acked_at, node->now.mono) / 1000));
        }
    }
}

void info_replication(struct node *node, struct buf *out)
{
    const struct oplog *log = node->log;

    buf_printf(out, "role:%s\r\n", node->is_primary ? "master" : "slave");
    if (!node->is_primary) {
        info_primary_link(node, out);
    }
    info_feeds(node, out);
    buf_printf(out,
               "master_failover_state:no-failover\r\nmaster_replid:%s\r\nmaster_replid2:%s\r\n"
               "master_repl_offset:%llu\r\nsecond_repl_offset:%lld\r\nrepl_backlog_active:1\r\n"
               "repl_backlog_size:%lld\r\nrepl_backlog_first_byte_offset:%llu\r\n"
               "repl_backlog_histlen:%llu\r\n",
               oplog_history(log)->text, oplog_previous_history(log)->text,
               (unsigned long long)oplog_end(log),
               oplog_previous_end(log) > 0 ? (long long)oplog_previous_end(log) + 1 : -1LL,
               (long long)node->config.repl_backlog_size, (unsigned long long)oplog_start(log) + 1,
               (unsigned long long)(oplog_end(log) - oplog_start(log)));
}
