/* SPDX-License-Identifier: MIT */
/* What ROLE and INFO replication tell: of our primary, of our replicas, of the log. */
#include "control/replication_report.h"

#include "control/control.h"
#include "node/inside.h"

static const char *feed_ip(const struct feed *feed, char *out, size_t size)
{
    const struct session *s = replicas_session(feed);
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
    return feed->phase != FEED_HANDSHAKE && !session_is_closing(replicas_session(feed));
}

void control_role(struct node *node, struct request *request)
{
    struct resp_writer *w = request->reply;
    size_t online = 0;
    char ip[SESSION_ADDRESS_TEXT];

    if (role_is_replica(node)) {
        struct replica_report report = replica_get_report(node->upstream.replica);

        resp_write_array(w, 5);
        resp_write_bulk_text(w, "slave");
        resp_write_bulk_text(w, report.host);
        resp_write_integer(w, report.port);
        resp_write_bulk_text(w, report.role_state);
        resp_write_integer(w, (int64_t)oplog_end(node->journal.log));
        return;
    }
    for (size_t i = 0; i < node->replicas.count; i++) {
        online +=
            node->replicas.items[i]->phase == FEED_ONLINE && is_shown(node->replicas.items[i]);
    }
    resp_write_array(w, 3);
    resp_write_bulk_text(w, "master");
    resp_write_integer(w, (int64_t)oplog_end(node->journal.log));
    resp_write_array(w, online);
    for (size_t i = 0; i < node->replicas.count; i++) {
        const struct feed *feed = node->replicas.items[i];

        if (feed->phase == FEED_ONLINE && is_shown(feed)) {
            resp_write_array(w, 3);
            resp_write_bulk_text(w, feed_ip(feed, ip, sizeof(ip)));
            resp_write_bulk_printf(w, "%u", (unsigned)feed->listening_port);
            resp_write_bulk_printf(w, "%llu", (unsigned long long)feed->acked_offset);
        }
    }
}

static void collect_primary_link(const struct node *node, const struct replica_report *report,
                                 struct metrics *m)
{
    int64_t io_s = report->last_io_at.us == INT64_MAX
                       ? -1
                       : mono_ms_between(report->last_io_at, node->now.mono) / 1000;

    m->holds |= METRIC_WHEN_REPLICA;
    m->master_host = report->host;
    m->master_port = report->port;
    m->master_link_status = report->is_link_up ? "up" : "down";
    m->master_last_io_seconds_ago = report->is_link_up ? io_s : -1;
    m->master_sync_in_progress =
        report->phase == REPLICA_WAIT_SNAPSHOT || report->phase == REPLICA_LOADING;
    m->slave_read_repl_offset = (int64_t)oplog_end(node->journal.log);
    m->slave_repl_offset = (int64_t)oplog_end(node->journal.log);
    if (report->phase == REPLICA_LOADING) {
        m->holds |= METRIC_WHEN_SYNCING;
        m->master_sync_total_bytes =
            report->snapshot_size == REPLICATION_SIZE_UNKNOWN ? -1 : (int64_t)report->snapshot_size;
        m->master_sync_read_bytes = (int64_t)report->snapshot_received;
    }
    if (!report->is_link_up) {
        m->holds |= METRIC_WHEN_LINK_DOWN;
        m->master_link_down_since_seconds =
            report->link_down_since.us == INT64_MAX
                ? -1
                : mono_ms_between(report->link_down_since, node->now.mono) / 1000;
    }
    if (node->apply.refusal.text[0] != '\0') {
        m->holds |= METRIC_WHEN_LINK_ERROR;
        m->master_link_error = node->apply.refusal.text;
    }
    m->slave_priority = node->config.replica_priority;
    m->slave_read_only = node->config.replica_read_only;
    m->replica_announced = 1;
}

static void collect_feeds(struct node *node, struct metrics *m, struct buf *lines)
{
    char ip[SESSION_ADDRESS_TEXT];

    if (node->config.min_replicas_to_write > 0) {
        m->holds |= METRIC_WHEN_MIN_REPLICAS;
        m->min_slaves_good_slaves = (int64_t)replicas_count_good(node);
    }
    for (size_t i = 0; i < node->replicas.count; i++) {
        const struct feed *feed = node->replicas.items[i];

        if (is_shown(feed)) {
            buf_printf(lines, "slave%lld:ip=%s,port=%u,state=%s,offset=%llu,lag=%lld\r\n",
                       (long long)m->connected_slaves++, feed_ip(feed, ip, sizeof(ip)),
                       (unsigned)feed->listening_port, feed_phase_name(feed->phase),
                       (unsigned long long)feed->acked_offset,
                       (long long)(mono_ms_between(feed->acked_at, node->now.mono) / 1000));
        }
    }
    m->slave = buf_bytes(lines);
}

static void collect_sync(struct node *node, struct metrics *m)
{
    const struct sync_side *sync = &node->sync_side;

    if (!sync->is_on && node->config.sync_replicas == 0) {
        return;
    }
    m->holds |= METRIC_WHEN_SYNC_REPLICAS;
    m->sync_replicas = sync->view.agreed.required;
    m->sync_set = sync->set_text;
    m->sync_set_size = (int64_t)sync->view.agreed.count;
    m->sync_joining = (int64_t)sync->view.joining_count;
    m->sync_refuses_writes = sync->refuses;
    m->sync_held_clients = (int64_t)node->release.waiting_count;
    m->sync_held_oldest_ms = release_oldest_ms(node);
    m->sync_set_changes = sync->view.changes;
    m->sync_given_up = sync->given_up;
}

void replication_collect(struct node *node, struct metrics *m, struct buf *lines)
{
    const struct oplog *log = node->journal.log;
    struct replica_report report;

    m->role = role_is_replica(node) ? "slave" : "master";
    if (role_is_replica(node)) {
        report = replica_get_report(node->upstream.replica);
        collect_primary_link(node, &report, m);
    }
    collect_feeds(node, m, lines);
    collect_sync(node, m);
    m->master_failover_state = "no-failover";
    m->master_replid = oplog_history(log)->text;
    m->master_replid2 = oplog_previous_history(log)->text;
    m->master_repl_offset = (int64_t)oplog_end(log);
    m->second_repl_offset = oplog_previous_end(log) > 0 ? (int64_t)oplog_previous_end(log) + 1 : -1;
    m->repl_backlog_active = 1;
    m->repl_backlog_size = node->config.repl_backlog_size;
    m->repl_backlog_first_byte_offset = (int64_t)oplog_start(log) + 1;
    m->repl_backlog_histlen = (int64_t)(oplog_end(log) - oplog_start(log));
}
