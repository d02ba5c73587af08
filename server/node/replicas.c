/* SPDX-License-Identifier: MIT */
#include "node/replicas.h"

#include "base/assert.h"
#include "base/mem.h"
#include "cluster/report.h"
#include "node/inside.h"

enum {
    SLOW_BYTES = 256 * 1024, /* of our log that one was not sent yet */
    QUIET_MS = 1500,
};

static const struct feed *const *feeds_of(const struct node *node)
{
    return (const struct feed *const *)node->replicas.items;
}

struct outgoing *replicas_outgoing(struct feed *feed)
{
    ASSERT(feed != NULL);
    return CONTAINER_OF(feed, struct outgoing, feed);
}

struct session *replicas_session(const struct feed *feed)
{
    ASSERT(feed != NULL);
    return CONTAINER_OF_CONST(feed, struct outgoing, feed)->session;
}

/* Its address without the port. */
static struct bytes host_of(const struct session *s)
{
    struct bytes address = bytes_from_text(s->peer.address);
    size_t len = address.len;

    while (len > 0 && address.data[len - 1] != ':') {
        len--;
    }
    return bytes_prefix(address, len > 0 ? len - 1 : 0);
}

bool replicas_is_peer(const struct session *s)
{
    return s->feed != NULL && s->feed->introduction.is_proven && (s->flags & SESSION_REPLICA) == 0;
}

struct feed *replicas_get(struct node *node, struct session *s)
{
    struct replicas *replicas = &node->replicas;
    struct outgoing *outgoing;

    if (s->feed != NULL) {
        ASSERT(replicas_session(s->feed) == s);
        return s->feed;
    }
    ASSERT(!(s->flags & SESSION_CLOSED));
    outgoing = mem_alloc_zeroed(MEM_REPLICATION, sizeof(*outgoing));
    outgoing->session = s;
    feed_init(&outgoing->feed, node->now.mono, host_of(s));
    s->feed = &outgoing->feed;
    if (replicas->count == replicas->cap) {
        replicas->items =
            vec_grow(replicas->items, &replicas->cap, replicas->count + 1, sizeof(struct feed *));
    }
    replicas->items[replicas->count++] = s->feed;
    return s->feed;
}

void replicas_remove(struct node *node, struct session *s)
{
    struct replicas *replicas = &node->replicas;
    size_t at = 0;

    if (s->feed == NULL) {
        return;
    }
    while (at < replicas->count && replicas->items[at] != s->feed) {
        at++;
    }
    ASSERT(at < replicas->count);
    ASSERT(!list_is_linked(&replicas_outgoing(s->feed)->sink.item)); /* it has left the image */
    replicas->items[at] = replicas->items[--replicas->count];
    if (s->flags & SESSION_REPLICA) {
        node_log(node, LOG_NOTICE, "replica %s is gone", s->peer.address);
    }
    disk_feed_close(&replicas_outgoing(s->feed)->disk);
    mem_free(MEM_REPLICATION, replicas_outgoing(s->feed));
    s->feed = NULL;
}

void replicas_deinit(struct node *node)
{
    ASSERT(node->replicas.count == 0);
    mem_free(MEM_BASE, node->replicas.items);
    node->replicas = (struct replicas){0};
}

void replicas_begin_payload(struct node *node, struct feed *feed, const struct payload_head *head)
{
    struct session *s = replicas_session(feed);
    size_t out_len = s->output.buf.len;

    ASSERT(s->flags & SESSION_REPLICA);
    feed_start_snapshot(feed, node->now.mono, &head->position, &s->output.buf);
    if (replicas_outgoing(feed)->is_old_sync) {
        s->output.buf.len = out_len;
    }
    feed_format_payload_head(feed, head->size, head->marker, &s->output.buf);
    node_touch(node, s);
}

void replicas_drop_all(struct node *node, const char *reason)
{
    for (size_t i = 0; i < node->replicas.count; i++) {
        struct session *s = replicas_session(node->replicas.items[i]);

        node->replicas.items[i]->is_over = true;
        if (!session_is_closing(s)) {
            node_log(node, LOG_NOTICE, "dropping replica %s: %s", s->peer.address, reason);
            node_close_session(node, s, false);
        }
    }
}

struct introduction_self replicas_introduction(const struct node *node)
{
    ASSERT(node->cluster != NULL);
    return (struct introduction_self){
        .node = *cluster_my_id(node->cluster),
        .shard = *cluster_my_shard_id(node->cluster),
        .secret = bytes_from_text(node->config.cluster_secret),
        .previous_secret = bytes_from_text(node->config.cluster_secret_previous),
    };
}

size_t replicas_count_acked(const struct node *node, uint64_t offset)
{
    size_t count = feeds_count_acked(feeds_of(node), node->replicas.count, offset);

    ASSERT(count <= node->replicas.count);
    return count;
}

size_t replicas_count_synced(const struct node *node, uint64_t offset)
{
    size_t count = feeds_count_synced(feeds_of(node), node->replicas.count, offset);

    ASSERT(count <= node->replicas.count);
    return count;
}

size_t replicas_count_good(const struct node *node)
{
    return feeds_count_good(feeds_of(node), node->replicas.count, node->now.mono,
                            node->config.min_replicas_max_lag_s * 1000);
}

size_t replicas_count_lagging(const struct node *node)
{
    uint64_t end = oplog_end(node->journal.log);
    size_t count = 0;

    for (size_t i = 0; i < node->replicas.count; i++) {
        const struct feed *feed = node->replicas.items[i];

        count += feed_is_replica(feed) && !session_is_closing(replicas_session(feed)) &&
                 feed->acked_offset < end;
    }
    ASSERT(count <= node->replicas.count);
    return count;
}

/* Online, and heard of: one that stands still keeps its connection. */
static bool is_there(const struct node *node, const struct feed *feed)
{
    return feed_is_replica(feed) && !session_is_closing(replicas_session(feed)) &&
           mono_ms_between(feed->heard_at, node->now.mono) < REPLICAS_SILENT_MS;
}

bool replicas_all_have(const struct node *node, uint64_t offset)
{
    for (size_t i = 0; i < node->replicas.count; i++) {
        const struct feed *feed = node->replicas.items[i];

        if (is_there(node, feed) && feed->acked_offset < offset) {
            return false;
        }
    }
    return true;
}

bool replicas_are_slow(const struct node *node)
{
    uint64_t end = oplog_end(node->journal.log);

    for (size_t i = 0; i < node->replicas.count; i++) {
        const struct feed *feed = node->replicas.items[i];

        if (is_there(node, feed) && (end - feed->cursor > SLOW_BYTES ||
                                     mono_ms_between(feed->heard_at, node->now.mono) > QUIET_MS)) {
            return true;
        }
    }
    return false;
}

uint64_t replicas_keep_from(const struct node *node)
{
    uint64_t oldest = UINT64_MAX;

    for (size_t i = 0; i < node->replicas.count; i++) {
        const struct feed *feed = node->replicas.items[i];
        uint64_t cursor = feeds_oldest_cursor(&feed, 1);

        /* Who is closing is given nothing any more, and may stand in a history that is gone. */
        if (cursor < oldest && !session_is_closing(replicas_session(feed))) {
            oldest = cursor;
        }
    }
    return oldest;
}

void replicas_check(const struct node *node)
{
    size_t marked = 0;

    ASSERT(node->replicas.count <= node->replicas.cap);
    for (size_t i = 0; i < node->replicas.count; i++) {
        const struct feed *feed = node->replicas.items[i];

        ASSERT(replicas_session(feed)->feed == feed);
        feed_check(feed);
        ASSERT(feed->phase != FEED_ONLINE || session_is_closing(replicas_session(feed)) ||
               feed->cursor <= oplog_end(node->journal.log));
        for (size_t j = 0; j < i; j++) {
            ASSERT(node->replicas.items[j] != feed);
        }
        marked += (replicas_session(feed)->flags & SESSION_REPLICA) != 0;
    }
    LIST_FOR_EACH (item, &node->sessions.all) {
        const struct session *s = CONTAINER_OF_CONST(item, struct session, all);

        marked -= (s->flags & SESSION_REPLICA) != 0;
    }
    ASSERT(marked == 0);
}
