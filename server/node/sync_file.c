/* SPDX-License-Identifier: MIT */
#include "node/sync_file.h"

#include "base/assert.h"
#include "base/phases.h"
#include "node/inside.h"

#include <inttypes.h>
#include <stdio.h>

static const uint32_t allowed[] = {
    [SYNC_FILE_NONE] = PHASE_TO(SYNC_FILE_WALKING),
    [SYNC_FILE_WALKING] = PHASE_TO(SYNC_FILE_COMMITTING) | PHASE_TO(SYNC_FILE_SENDING),
    [SYNC_FILE_COMMITTING] = PHASE_TO(SYNC_FILE_SENDING),
    [SYNC_FILE_SENDING] = PHASE_TO(SYNC_FILE_NONE),
};

static void move(struct node *node, enum sync_file_phase to)
{
    ASSERT(allowed[node->sync_file.phase] & PHASE_TO(to));
    node->sync_file.phase = to;
}

static bool needs_size(const struct feed *feed)
{
    return feed->phase == FEED_WAIT_SNAPSHOT && !(feed->capabilities & FEED_CAPA_EOF);
}

static void remove_file(struct node *node)
{
    const struct fs *fs = node->env.fs;
    struct fs_info info;
    struct errmsg error;

    ASSERT(node->sync_file.path[0] != '\0');
    ASSERT(!files_is_writing(node, FILE_SYNC_PAYLOAD));
    if (fs->get_info(fs->ctx, node->sync_file.path, &info, &error) == FS_OK &&
        fs->remove(fs->ctx, node->sync_file.path, &error) != FS_OK) {
        node_log(node, LOG_WARNING, "%s stays: %s", node->sync_file.path, error.text);
    }
}

void sync_file_init(struct node *node)
{
    ASSERT(node->sync_file.phase == SYNC_FILE_NONE);
    ASSERT(node->sync_file.path[0] == '\0');
    snprintf(node->sync_file.path, sizeof(node->sync_file.path),
             "temp-%" PRIu64 "-sync-payload.rdb", node->life.pid);
    remove_file(node);
}

void sync_file_deinit(struct node *node)
{
    ASSERT(node->life.is_freeing);
    if (node->sync_file.phase == SYNC_FILE_SENDING) {
        remove_file(node);
    }
}

/* ---- the sink of the image -------------------------------------------------------------------- */

static void take(struct node *node, struct image_sink *sink, struct buf *bytes)
{
    ASSERT(sink == &node->sync_file.sink);
    ASSERT(node->sync_file.phase == SYNC_FILE_WALKING);
    files_append(node, FILE_SYNC_PAYLOAD, bytes);
}

static bool has_room(const struct node *node, const struct image_sink *sink)
{
    ASSERT(sink == &node->sync_file.sink);
    return !files_are_backed_up(node);
}

static void end(struct node *node, struct image_sink *sink)
{
    ASSERT(sink == &node->sync_file.sink);
    move(node, SYNC_FILE_COMMITTING);
    files_commit(node, FILE_SYNC_PAYLOAD);
}

static void finished(struct node *node, bool is_ok, const char *reason);

static void cancel(struct node *node, struct image_sink *sink, const char *reason)
{
    ASSERT(sink == &node->sync_file.sink);
    ASSERT(node->sync_file.phase == SYNC_FILE_WALKING);
    files_abort(node, FILE_SYNC_PAYLOAD);
    finished(node, false, reason);
}

static const struct image_sink_verbs sink_verbs = {
    .take = take, .has_room = has_room, .end = end, .cancel = cancel};

static bool is_wanted(const struct node *node)
{
    for (size_t i = 0; i < node->replicas.count && node->sync_file.phase == SYNC_FILE_NONE; i++) {
        if (needs_size(node->replicas.items[i])) {
            return true;
        }
    }
    return false;
}

bool sync_file_start_when_wanted(struct node *node)
{
    struct sync_file *sync = &node->sync_file;

    ASSERT(!node->image.is_on);
    if (!is_wanted(node)) {
        return false;
    }
    move(node, SYNC_FILE_WALKING);
    files_begin(node, FILE_SYNC_PAYLOAD, sync->path);
    image_begin_resync(node);
    image_join(node, &sync->sink, &sink_verbs);
    sync->position = node->image.position;
    for (size_t i = 0; i < node->replicas.count; i++) {
        struct feed *feed = node->replicas.items[i];

        replicas_outgoing(feed)->is_by_file = needs_size(feed);
    }
    return true;
}

/* ---- sending ---------------------------------------------------------------------------------- */

static void start_sending(struct node *node, struct feed *feed)
{
    struct payload_head head = {.position = node->sync_file.position, .size = node->sync_file.size};

    ASSERT(replicas_outgoing(feed)->is_by_file);
    replicas_begin_payload(node, feed, &head);
    replicas_outgoing(feed)->file_offset = 0;
    node_log(node, LOG_NOTICE, "full resync of replica %s, from a file of %llu bytes",
             replicas_session(feed)->peer.address, (unsigned long long)head.size);
}

static void finished(struct node *node, bool is_ok, const char *reason)
{
    ASSERT(!files_is_writing(node, FILE_SYNC_PAYLOAD));
    ASSERT(!list_is_linked(&node->sync_file.sink.item));
    if (!is_ok) {
        node_log(node, LOG_WARNING, "no payload of a known size for replicas: %s", reason);
    }
    move(node, SYNC_FILE_SENDING);
    for (size_t i = 0; i < node->replicas.count; i++) {
        struct feed *feed = node->replicas.items[i];

        if (!replicas_outgoing(feed)->is_by_file || feed->phase != FEED_WAIT_SNAPSHOT) {
            continue;
        }
        if (is_ok) {
            start_sending(node, feed);
        } else {
            node_close_session(node, replicas_session(feed), false);
        }
    }
    pass_note_work(&node->pass);
}

void sync_file_done(struct node *node, bool is_ok, const struct errmsg *error)
{
    const struct fs *fs = node->env.fs;
    struct fs_info info = {0};
    struct errmsg problem = {0};

    ASSERT(!is_ok || node->sync_file.phase == SYNC_FILE_COMMITTING);
    if (node->sync_file.phase == SYNC_FILE_WALKING) {
        image_leave(&node->sync_file.sink);
    }
    if (!is_ok) {
        problem = *error;
    } else if (fs->get_info(fs->ctx, node->sync_file.path, &info, &problem) != FS_OK) {
        is_ok = false;
    }
    node->sync_file.size = info.size_bytes;
    finished(node, is_ok, problem.text);
}

/* Fill the output of one; false when it has all of the file. */
static bool send_piece(struct node *node, struct feed *feed)
{
    const struct fs *fs = node->env.fs;
    struct outgoing *outgoing = replicas_outgoing(feed);
    struct session *s = outgoing->session;
    struct errmsg error;

    ASSERT(outgoing->is_by_file);
    ASSERT(outgoing->file_offset <= node->sync_file.size);
    while (outgoing->file_offset < node->sync_file.size) {
        size_t before = s->output.buf.len;

        if (session_is_closing(s) || session_output_pending(s) >= NODE_FEED_BUFFER) {
            return true;
        }
        if (fs->read_piece(fs->ctx, node->sync_file.path, outgoing->file_offset, NODE_FEED_BUFFER,
                           &s->output.buf, &error) != FS_OK ||
            s->output.buf.len == before) {
            node_log(node, LOG_WARNING, "%s cannot be read on", node->sync_file.path);
            node_close_session(node, s, false);
            return true;
        }
        outgoing->file_offset += s->output.buf.len - before;
        node_touch(node, s);
    }
    return false;
}

void sync_file_send(struct node *node)
{
    size_t sending = 0;

    if (node->sync_file.phase != SYNC_FILE_SENDING) {
        return;
    }
    for (size_t i = 0; i < node->replicas.count; i++) {
        struct feed *feed = node->replicas.items[i];

        if (!replicas_outgoing(feed)->is_by_file || feed->phase != FEED_SNAPSHOT) {
            continue;
        }
        if (send_piece(node, feed)) {
            sending++;
        } else {
            feed_end_snapshot(feed, node->now.mono);
            replicas_outgoing(feed)->is_by_file = false;
        }
    }
    if (sending == 0) {
        remove_file(node);
        move(node, SYNC_FILE_NONE);
        pass_note_work(&node->pass);
    }
}

/* The history of the image may be gone; then everybody who waited for it is being closed. */
static bool is_waited_for(const struct node *node)
{
    for (size_t i = 0; i < node->replicas.count; i++) {
        const struct feed *feed = node->replicas.items[i];

        if (replicas_outgoing(node->replicas.items[i])->is_by_file &&
            !session_is_closing(replicas_session(feed))) {
            return true;
        }
    }
    return false;
}

uint64_t sync_file_keep_from(const struct node *node)
{
    bool is_pending =
        node->sync_file.phase == SYNC_FILE_WALKING || node->sync_file.phase == SYNC_FILE_COMMITTING;

    return is_pending && is_waited_for(node) ? node->sync_file.position.offset : UINT64_MAX;
}

void sync_file_check(const struct node *node)
{
    const struct sync_file *sync = &node->sync_file;
    bool is_written = sync->phase == SYNC_FILE_WALKING || sync->phase == SYNC_FILE_COMMITTING;

    ASSERT(is_written == files_is_writing(node, FILE_SYNC_PAYLOAD));
    ASSERT((sync->phase == SYNC_FILE_WALKING) == list_is_linked(&sync->sink.item));
    for (size_t i = 0; i < node->replicas.count; i++) {
        struct outgoing *outgoing = replicas_outgoing(node->replicas.items[i]);

        /* (1); who was closed because the file failed keeps the mark until he is gone */
        ASSERT(!outgoing->is_by_file || sync->phase != SYNC_FILE_NONE ||
               session_is_closing(outgoing->session));
        ASSERT(!outgoing->is_by_file || outgoing->feed.phase == FEED_WAIT_SNAPSHOT ||
               outgoing->feed.phase == FEED_SNAPSHOT);
    }
}
