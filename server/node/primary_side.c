/* SPDX-License-Identifier: MIT */
/* Our replicas: their requests are taken in, decisions come from replication/primary.h, bytes go
 * from the log into their outputs as they drain. */
#include "node/state.h"

#include "base/assert.h"
#include "base/mem.h"

enum {
    GATHER_BYTES = 64 * 1024,
    GATHER_US = 250,
};

struct session *feed_session(const struct feed *feed)
{
    return CONTAINER_OF_CONST(feed, struct outgoing, feed)->session;
}

static const struct feed *const *feeds_of(const struct node *node)
{
    return (const struct feed *const *)node->feeds;
}

static struct feed *feed_of(struct node *node, struct session *s)
{
    struct outgoing *outgoing;

    if (s->feed != NULL) {
        return s->feed;
    }
    outgoing = mem_alloc_zeroed(MEM_REPLICATION, sizeof(*outgoing));
    outgoing->session = s;
    feed_init(&outgoing->feed, node->now.mono);
    s->feed = &outgoing->feed;
    if (node->feed_count == node->feed_cap) {
        node->feeds =
            vec_grow(node->feeds, &node->feed_cap, node->feed_count + 1, sizeof(struct feed *));
    }
    node->feeds[node->feed_count++] = s->feed;
    return s->feed;
}

void primary_session_closed(struct node *node, struct session *s)
{
    if (s->feed == NULL) {
        return;
    }
    for (size_t i = 0; i < node->feed_count; i++) {
        if (node->feeds[i] == s->feed) {
            node->feeds[i] = node->feeds[--node->feed_count];
            break;
        }
    }
    if (s->flags & SESSION_REPLICA) {
        node_log(node, LOG_NOTICE, "replica %s is gone", s->peer.address);
    }
    mem_free(MEM_REPLICATION, CONTAINER_OF(s->feed, struct outgoing, feed));
    s->feed = NULL;
}

void primary_drop_feeds(struct node *node, const char *reason)
{
    for (size_t i = 0; i < node->feed_count; i++) {
        struct session *s = feed_session(node->feeds[i]);

        if (!session_is_closing(s)) {
            node_log(node, LOG_NOTICE, "dropping replica %s: %s", s->peer.address, reason);
            node_close_session(node, s, false);
        }
    }
}

void control_replconf(struct node *node, struct call *call)
{
    struct feed *feed = feed_of(node, call->session);
    struct errmsg error;
    bool was_online = feed->phase == FEED_ONLINE;

    switch (feed_take_replconf(feed, node->now.mono, call->args + 1, call->arg_count - 1, &error)) {
    case FEED_REPLY_OK:
        resp_write_ok(call->reply);
        break;
    case FEED_REPLY_NONE:
        if (!was_online && feed->phase == FEED_ONLINE) {
            node_log(node, LOG_NOTICE, "replica %s has loaded the snapshot",
                     call->session->peer.address);
        }
        waiting_on_acks(node);
        break;
    case FEED_REPLY_ERROR:
        reply_error(node, call, "ERR %s", error.text);
        break;
    }
}

static struct feed_log_facts log_facts(const struct node *node)
{
    return (struct feed_log_facts){
        .history = *oplog_history(node->log),
        .previous_history = *oplog_previous_history(node->log),
        .previous_end = oplog_previous_end(node->log),
        .start = oplog_start(node->log),
        .end = oplog_end(node->log),
    };
}

/* Why a replica cannot be served just now, or NULL. */
static const char *reason_to_wait(const struct node *node)
{
    if (!node->is_primary && !replica_side_link_is_up(node)) {
        return "NOMASTERLINK Can't SYNC while not connected with my master";
    }
    if (node->is_primary && !node->is_data_complete) {
        return "NOMASTERLINK My replicas have newer data than I found on disk: one of them is to "
               "take over";
    }
    return NULL;
}

static void begin_feeding(struct node *node, struct session *s)
{
    s->flags |= SESSION_REPLICA;
    s->flags &= ~(uint32_t)(SESSION_REPLY_OFF | SESSION_REPLY_SKIP);
    node->has_work = true;
    node_touch(node, s);
}

static void psync(struct node *node, struct call *call, struct bytes id, struct bytes offset)
{
    struct session *s = call->session;
    struct feed *feed = feed_of(node, s);
    struct feed_log_facts facts = log_facts(node);
    struct replication_position position = node_position(node);
    struct errmsg reason = {0};
    uint64_t from = 0;

    switch (psync_decide(&facts, id, offset, &from, &reason)) {
    case PSYNC_INVALID:
        reply_error(node, call, "ERR %s", reason.text);
        return;
    case PSYNC_CONTINUE:
        position.offset = from;
        feed_start_continue(feed, node->now.mono, &position, &s->out);
        node->stats.sync_partial_ok++;
        node_log(node, LOG_NOTICE, "replica %s goes on from offset %llu", s->peer.address,
                 (unsigned long long)from);
        break;
    case PSYNC_FULL:
        if (!bytes_equal_text(id, "?")) {
            node->stats.sync_partial_err++;
        }
        feed_start_full(feed, node->now.mono);
        node->stats.sync_full++;
        node_log(node, LOG_NOTICE, "replica %s asks for a full resync: %s", s->peer.address,
                 reason.text);
        break;
    }
    begin_feeding(node, s);
}

void control_psync(struct node *node, struct call *call)
{
    const char *wait = reason_to_wait(node);

    if (call->session->flags & SESSION_REPLICA) {
        return; /* it is one already: nothing may be put into its stream */
    }
    if (wait != NULL) {
        reply_error(node, call, "%s", wait);
        return;
    }
    psync(node, call, call->args[1], call->args[2]);
}

/* The older form: only the payload, no line before it.  Tools fetch a snapshot by it. */
void control_sync(struct node *node, struct call *call)
{
    const char *wait = reason_to_wait(node);
    struct feed *feed;

    if (call->session->flags & SESSION_REPLICA) {
        return;
    }
    feed = feed_of(node, call->session);
    if (wait != NULL) {
        reply_error(node, call, "%s", wait);
    } else {
        feed_start_full(feed, node->now.mono);
        CONTAINER_OF(feed, struct outgoing, feed)->is_old_sync = true;
        node->stats.sync_full++;
        begin_feeding(node, call->session);
    }
}

static void fill_one(struct node *node, struct feed *feed)
{
    struct session *s = feed_session(feed);
    struct bytes piece;

    while (session_output_pending(s) < NODE_FEED_BUFFER) {
        enum oplog_status status = oplog_read(node->log, feed->cursor, NODE_FEED_BUFFER, &piece);

        if (status != OPLOG_OK) {
            node_log(node, LOG_WARNING, "replica %s fell behind what the log holds",
                     s->peer.address);
            node_close_session(node, s, false);
            return;
        }
        if (piece.len == 0) {
            return;
        }
        buf_append_bytes(&s->out, piece);
        feed->cursor += piece.len;
        node_touch(node, s);
    }
}

/* Each send to a replica costs as much as some fifty small writes and wakes it up.  So while
 * clients keep this node busy, what is new is gathered for a moment: until the next look at the sockets
 * finds none ready, there is enough of it, or the moment is over.  Who waits for replicas does not
 * wait for that. */
static bool is_gathering(const struct node *node)
{
    uint64_t gathered = oplog_end(node->log) - node->filled_offset;

    return node->has_input && !node->has_asked_acks && gathered > 0 && gathered < GATHER_BYTES &&
           node->now.mono.us - node->filled_at.us < GATHER_US;
}

void primary_fill(struct node *node)
{
    if (node->feed_count == 0) {
        return;
    }
    if (is_gathering(node)) {
        node->has_work = true; /* look at the sockets without sleeping */
        return;
    }
    node->filled_at = node->now.mono;
    node->filled_offset = oplog_end(node->log);
    for (size_t i = 0; i < node->feed_count; i++) {
        struct feed *feed = node->feeds[i];

        if (feed->phase == FEED_ONLINE && !session_is_closing(feed_session(feed))) {
            fill_one(node, feed);
        }
    }
}

/* What the log holds for one slow replica counts as its output. */
static bool is_over_limit(const struct node *node, const struct feed *feed)
{
    uint64_t hard = node->config.output_limits[OUTPUT_REPLICA].hard_bytes;
    uint64_t behind = feed->phase == FEED_HANDSHAKE || feed->phase == FEED_WAIT_SNAPSHOT
                          ? 0
                          : oplog_end(node->log) - feed->cursor;

    return hard > 0 && behind > hard && behind > (uint64_t)node->config.repl_backlog_size;
}

void primary_cron(struct node *node)
{
    for (size_t i = 0; i < node->feed_count; i++) {
        struct feed *feed = node->feeds[i];
        struct session *s = feed_session(feed);

        if (!(s->flags & SESSION_REPLICA) || session_is_closing(s)) {
            continue;
        }
        if (is_over_limit(node, feed)) {
            node->stats.output_limit_disconnections++;
            node_log(node, LOG_WARNING, "replica %s is further behind than its output limit",
                     s->peer.address);
            node_close_session(node, s, false);
            continue;
        }
        switch (feed_tick(feed, node->now.mono, node->config.repl_timeout_s * 1000)) {
        case FEED_DUE_NOTHING:
            break;
        case FEED_DUE_NEWLINE:
            buf_append_byte(&s->out, '\n');
            node_touch(node, s);
            break;
        case FEED_DUE_CLOSE:
            node_log(node, LOG_WARNING, "replica %s is silent for too long", s->peer.address);
            node_close_session(node, s, false);
            break;
        }
    }
    if (node->feed_count > 0 && commit_is_allowed(node) &&
        primary_ping_is_due(&node->feeds_ping_at, node->now.mono,
                            node->config.repl_ping_period_s * 1000)) {
        commit_plain(node, "PING", NULL, NULL);
    }
}

size_t primary_acked_count(const struct node *node, uint64_t offset)
{
    return feeds_count_acked(feeds_of(node), node->feed_count, offset);
}

size_t primary_good_replicas(const struct node *node)
{
    return feeds_count_good(feeds_of(node), node->feed_count, node->now.mono,
                            node->config.min_replicas_max_lag_s * 1000);
}
