/* SPDX-License-Identifier: MIT */
#include "node/primary_side.h"

#include "base/assert.h"
#include "base/num.h"
#include "node/inside.h"

enum {
    GATHER_BYTES = 64 * 1024,
    GATHER_US = 250,
    READS_MAX = 4, /* from disk, for one replica in a pass */
};

void primary_session_closed(struct node *node, struct session *s)
{
    ASSERT(s->flags & SESSION_CLOSED);
    if (s->feed != NULL) {
        image_leave(&replicas_outgoing(s->feed)->sink);
        replicas_remove(node, s);
    }
    ASSERT(s->feed == NULL);
}

/* ---- what replicas ask ------------------------------------------------------------------------ */

static void introduce(struct node *node, struct request *request, struct feed *feed)
{
    struct introduction_self self = replicas_introduction(node);
    struct buf line = {0};

    introduction_take(&feed->introduction, &self, request->args + 1, request->arg_count - 1,
                      &node->rng, &line);
    if (line.data[0] == '+') {
        resp_write_simple(request->reply, buf_text(&line) + 1);
    } else {
        reply_error(request, "%s", buf_text(&line) + 1);
        node_log(node, LOG_WARNING, "replica %s refused: %s", request->session->peer.address,
                 buf_text(&line) + 1);
    }
    buf_deinit(&line);
}

void primary_take_replconf(struct node *node, struct request *request)
{
    struct feed *feed = replicas_get(node, request->session);
    struct errmsg error;
    bool was_online = feed->phase == FEED_ONLINE;

    ASSERT(request->session->feed == feed);
    ASSERT(request->arg_count > 0);
    if (node->cluster != NULL && introduction_is(request->args + 1, request->arg_count - 1)) {
        introduce(node, request, feed);
        return;
    }
    switch (feed_take_replconf(feed, node->now.mono, request->args + 1, request->arg_count - 1,
                               &error)) {
    case FEED_REPLY_OK:
        resp_write_ok(request->reply);
        break;
    case FEED_REPLY_NONE:
        if (!was_online && feed->phase == FEED_ONLINE) {
            node_log(node, LOG_NOTICE, "replica %s has loaded the snapshot",
                     request->session->peer.address);
        }
        waiting_on_acks(node);
        break;
    case FEED_REPLY_ERROR:
        reply_error(request, "ERR %s", error.text);
        break;
    }
}

static struct feed_log_facts log_facts(const struct node *node)
{
    return (struct feed_log_facts){
        .history = *oplog_history(node->journal.log),
        .lineage = oplog_lineage(node->journal.log),
        .start = disk_feed_start(node),
        .end = oplog_end(node->journal.log),
    };
}

/* Why a replica cannot be served just now, or NULL. */
static const char *reason_to_wait(const struct node *node)
{
    if (!node->role.is_primary && !upstream_is_up(&node->upstream)) {
        return "NOMASTERLINK Can't SYNC while not connected with my master";
    }
    if (node->role.is_primary && !node->data.is_complete) {
        return "NOMASTERLINK My replicas have newer data than I found on disk: one of them is to "
               "take over";
    }
    return NULL;
}

static void begin_feeding(struct node *node, struct session *s)
{
    ASSERT(!(s->flags & SESSION_REPLICA));
    ASSERT(s->feed != NULL && s->feed->phase != FEED_HANDSHAKE);
    s->flags |= SESSION_REPLICA;
    s->flags &= ~(uint32_t)(SESSION_REPLY_OFF | SESSION_REPLY_SKIP);
    pass_note_work(&node->pass);
    node_touch(node, s);
}

/* Segments may begin in a history that is not known here any more. */
static struct feed_log_facts facts_for(const struct node *node, const struct feed *feed,
                                       struct bytes offset)
{
    struct feed_log_facts facts = log_facts(node);
    int64_t wanted;

    facts.takes_rewind = (feed->capabilities & FEED_CAPA_REWIND) != 0;
    if (num_parse_i64(offset, &wanted) && wanted > 0 &&
        !disk_feed_has(node, (uint64_t)wanted - 1)) {
        facts.start = oplog_start(node->journal.log);
    }
    return facts;
}

static void psync(struct node *node, struct request *request, struct bytes id, struct bytes offset)
{
    struct session *s = request->session;
    struct feed *feed = replicas_get(node, s);
    struct feed_log_facts facts = facts_for(node, feed, offset);
    struct replication_position position = journal_position(node);
    struct errmsg reason = {0};
    uint64_t from = 0;

    ASSERT(!node->journal.is_in_transaction);
    switch (psync_decide(&facts, id, offset, &from, &reason)) {
    case PSYNC_INVALID:
        reply_error(request, "ERR %s", reason.text);
        return;
    case PSYNC_CONTINUE:
        ASSERT(from >= facts.start && from <= facts.end);
        ASSERT(disk_feed_has(node, from));
        position.offset = from;
        feed_start_continue(feed, node->now.mono, &position, &s->output.buf);
        counters_partial_sync(&node->counters);
        node_log(node, LOG_NOTICE, "replica %s goes on from offset %llu", s->peer.address,
                 (unsigned long long)from);
        break;
    case PSYNC_REWIND:
        reply_error(request, "REWIND %.*s %llu", BYTES_ARGS(id), (unsigned long long)from);
        node_log(node, LOG_NOTICE, "replica %s is to go back to offset %llu", s->peer.address,
                 (unsigned long long)from);
        return;
    case PSYNC_FULL:
        feed_start_full(feed, node->now.mono);
        counters_full_sync(&node->counters, !bytes_equal_text(id, "?"));
        node_log(node, LOG_NOTICE, "replica %s asks for a full resync: %s", s->peer.address,
                 reason.text);
        break;
    }
    begin_feeding(node, s);
}

void primary_take_psync(struct node *node, struct request *request)
{
    const char *wait = reason_to_wait(node);

    ASSERT(request->arg_count >= 3);
    if (request->session->flags & SESSION_REPLICA) {
        return; /* it is one already: nothing may be put into its stream */
    }
    if (wait != NULL) {
        reply_error(request, "%s", wait);
        return;
    }
    if (!introduction_permits(&replicas_get(node, request->session)->introduction)) {
        reply_error(request, "OTHERNODE it was not proven that this replica is ours");
        return;
    }
    psync(node, request, request->args[1], request->args[2]);
}

void primary_take_sync(struct node *node, struct request *request)
{
    const char *wait = reason_to_wait(node);
    struct feed *feed;

    if (request->session->flags & SESSION_REPLICA) {
        return;
    }
    feed = replicas_get(node, request->session);
    if (wait != NULL) {
        reply_error(request, "%s", wait);
    } else {
        feed_start_full(feed, node->now.mono);
        replicas_outgoing(feed)->is_old_sync = true;
        counters_full_sync(&node->counters, false);
        begin_feeding(node, request->session);
    }
}

/* ---- the image for all who wait ----------------------------------------------------------------- */

enum {
    /* Unsent bytes at which the walk waits for a replica: what its socket holds keeps it busy, and a buffer of
     * megabytes would be copied when it grows, in one step. */
    SINK_QUEUE_BYTES = 256 * 1024,
};

static struct outgoing *outgoing_of(struct image_sink *sink)
{
    return CONTAINER_OF(sink, struct outgoing, sink);
}

static void take(struct node *node, struct image_sink *sink, struct buf *bytes)
{
    struct session *s = outgoing_of(sink)->session;

    ASSERT(s->flags & SESSION_REPLICA);
    ASSERT(s->feed->phase == FEED_SNAPSHOT);
    buf_append_bytes(&s->output.buf, buf_bytes(bytes));
    node_touch(node, s);
}

static bool has_room(const struct node *node, const struct image_sink *sink)
{
    const struct outgoing *outgoing = CONTAINER_OF_CONST(sink, struct outgoing, sink);

    (void)node;
    return session_output_pending(outgoing->session) <= SINK_QUEUE_BYTES;
}

static void end(struct node *node, struct image_sink *sink)
{
    struct outgoing *outgoing = outgoing_of(sink);

    ASSERT(outgoing->feed.phase == FEED_SNAPSHOT);
    ASSERT(outgoing->feed.is_eof_payload);
    buf_append(&outgoing->session->output.buf, node->primary_side.marker, FEED_MARKER_LEN);
    feed_end_snapshot(&outgoing->feed, node->now.mono);
    node_touch(node, outgoing->session);
}

static void cancel(struct node *node, struct image_sink *sink, const char *reason)
{
    (void)reason; /* it was logged with the image */
    ASSERT(outgoing_of(sink)->feed.phase == FEED_SNAPSHOT);
    node_close_session(node, outgoing_of(sink)->session, false);
}

static const struct image_sink_verbs sink_verbs = {
    .take = take, .has_room = has_room, .end = end, .cancel = cancel};

/* Whoever tells that it takes any size when its file is being written already gets the file. */
static bool takes_any_size(struct feed *feed)
{
    return feed->phase == FEED_WAIT_SNAPSHOT && (feed->capabilities & FEED_CAPA_EOF) != 0 &&
           !replicas_outgoing(feed)->is_by_file;
}

static void join(struct node *node, struct feed *feed)
{
    struct outgoing *outgoing = replicas_outgoing(feed);
    struct payload_head head = {
        .position = node->image.position,
        .size = REPLICATION_SIZE_UNKNOWN,
        .marker = bytes_make(node->primary_side.marker, FEED_MARKER_LEN),
    };

    ASSERT(!outgoing->is_by_file);
    replicas_begin_payload(node, feed, &head);
    image_join(node, &outgoing->sink, &sink_verbs);
    node_log(node, LOG_NOTICE, "full resync of replica %s begins at offset %llu",
             outgoing->session->peer.address, (unsigned long long)head.position.offset);
}

/* All waiting feeds join one image. */
bool primary_start_image_when_wanted(struct node *node)
{
    bool is_waited_for = false;

    ASSERT(!node->image.is_on);
    ASSERT(!node->journal.is_in_transaction);
    for (size_t i = 0; i < node->replicas.count; i++) {
        is_waited_for = is_waited_for || takes_any_size(node->replicas.items[i]);
    }
    if (!is_waited_for) {
        return false;
    }
    image_begin_resync(node);
    rng_hex(&node->rng, node->primary_side.marker, FEED_MARKER_LEN);
    for (size_t i = 0; i < node->replicas.count; i++) {
        if (takes_any_size(node->replicas.items[i])) {
            join(node, node->replicas.items[i]);
        }
    }
    return true;
}

/* ---- the stream ------------------------------------------------------------------------------- */

/* What memory has no more; false when the replica had to be given up. */
static bool read_from_disk(struct node *node, struct feed *feed, struct bytes *piece)
{
    struct session *s = replicas_session(feed);
    struct errmsg error = {0};

    if (disk_feed_read(node, &replicas_outgoing(feed)->disk, feed->cursor, piece, &error)) {
        return true;
    }
    node_log(node, LOG_WARNING, "replica %s fell behind what the log holds: %s", s->peer.address,
             error.text);
    node_close_session(node, s, false);
    return false;
}

static void fill_one(struct node *node, struct feed *feed)
{
    struct session *s = replicas_session(feed);
    struct bytes piece;

    ASSERT(feed->phase == FEED_ONLINE);
    ASSERT(s->flags & SESSION_REPLICA);
    for (int reads = 0; session_output_pending(s) < NODE_FEED_BUFFER;) {
        if (feed->cursor < oplog_start(node->journal.log)) {
            if (reads++ == READS_MAX) {
                pass_note_work(&node->pass);
                return;
            }
            if (!read_from_disk(node, feed, &piece)) {
                return;
            }
        } else {
            enum oplog_status status =
                oplog_read(node->journal.log, feed->cursor, NODE_FEED_BUFFER, &piece);

            ASSERT(status == OPLOG_OK);
            disk_feed_close(&replicas_outgoing(feed)->disk);
            if (piece.len == 0) {
                return;
            }
        }
        buf_append_bytes(&s->output.buf, piece);
        feed->cursor += piece.len;
        ASSERT(feed->cursor <= oplog_end(node->journal.log));
        node_touch(node, s);
    }
}

/* Each send to a replica costs as much as some fifty small writes and wakes it up.  So where clients may hear of a write
 * before a replica does (repl-send-before-reply no), and while they keep this node busy, what is new is gathered for a
 * moment: until the next look at the sockets finds none ready, there is enough of it, or the moment is over.  Who waits for
 * replicas does not wait for that. */
static bool is_gathering(const struct node *node)
{
    uint64_t gathered = oplog_end(node->journal.log) - node->primary_side.filled_offset;

    return !node->config.repl_send_before_reply && node->pass.has_input &&
           !node->pass.has_asked_acks && gathered > 0 && gathered < GATHER_BYTES &&
           node->now.mono.us - node->primary_side.filled_at.us < GATHER_US;
}

bool node_has_replicas(const struct node *node)
{
    return node->replicas.count > 0;
}

void primary_session_written(struct node *node, struct session *s, size_t len)
{
    struct feed *feed = s->feed;

    ASSERT(feed != NULL);
    counters_write_to_replica(&node->counters, len);
    if (feed->phase == FEED_SNAPSHOT) {
        feed_heard(feed, node->now.mono); /* it takes the payload: it lives */
    }
    pass_note_work_if(&node->pass,
                      feed->phase != FEED_ONLINE || feed->cursor < oplog_end(node->journal.log));
}

void primary_fill(struct node *node)
{
    if (node->replicas.count == 0) {
        return;
    }
    ASSERT(!node->journal.is_in_transaction);
    if (is_gathering(node)) {
        pass_note_work(&node->pass); /* look at the sockets without sleeping */
        return;
    }
    node->primary_side.filled_at = node->now.mono;
    node->primary_side.filled_offset = oplog_end(node->journal.log);
    for (size_t i = 0; i < node->replicas.count; i++) {
        struct feed *feed = node->replicas.items[i];

        if (feed->phase == FEED_ONLINE && !session_is_closing(replicas_session(feed))) {
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
                          : oplog_end(node->journal.log) - feed->cursor;

    return hard > 0 && behind > hard && behind > (uint64_t)node->config.repl_backlog_size &&
           !(disk_log_is_on(&node->disk_log) && disk_feed_has(node, feed->cursor));
}

void primary_tick(struct node *node)
{
    for (size_t i = 0; i < node->replicas.count; i++) {
        struct feed *feed = node->replicas.items[i];
        struct session *s = replicas_session(feed);

        if (!(s->flags & SESSION_REPLICA) || session_is_closing(s)) {
            continue;
        }
        if (is_over_limit(node, feed)) {
            counters_output_limit(&node->counters);
            node_log(node, LOG_WARNING, "replica %s is further behind than its output limit",
                     s->peer.address);
            node_close_session(node, s, false);
            continue;
        }
        switch (feed_tick(feed, node->now.mono, node->config.repl_timeout_s * 1000)) {
        case FEED_DUE_NOTHING:
            break;
        case FEED_DUE_NEWLINE:
            buf_append_byte(&s->output.buf, '\n');
            node_touch(node, s);
            break;
        case FEED_DUE_CLOSE:
            node_log(node, LOG_WARNING, "replica %s is silent for too long", s->peer.address);
            node_close_session(node, s, false);
            break;
        }
    }
    if (node->replicas.count > 0 && journal_is_open(node) && !waiting_is_end_fixed(node) &&
        primary_ping_is_due(&node->primary_side.ping_at, node->now.mono,
                            config_replica_ping_ms(&node->config))) {
        ASSERT(node->role.is_primary);
        journal_append_plain(node, "PING", NULL, NULL);
    }
}

void primary_check(const struct node *node)
{
    uint64_t end = oplog_end(node->journal.log);

    for (size_t i = 0; i < node->replicas.count; i++) {
        struct outgoing *outgoing = replicas_outgoing(node->replicas.items[i]);
        const struct feed *feed = &outgoing->feed;
        bool is_by_image = list_is_linked(&outgoing->sink.item);

        ASSERT((feed->phase != FEED_HANDSHAKE) ==
               ((outgoing->session->flags & SESSION_REPLICA) != 0));
        ASSERT(!is_by_image || (feed->phase == FEED_SNAPSHOT && !outgoing->is_by_file));
        /* When our own history is replaced all of them are closed. */
        ASSERT(session_is_closing(outgoing->session) || feed->phase != FEED_ONLINE ||
               feed->cursor <= end);
    }
}
