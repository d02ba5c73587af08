/* SPDX-License-Identifier: MIT */
/* Full resyncs of peers that must be told the size of the payload before it begins: old replicas, and
 * tools that send a bare SYNC.
 *
 * The image goes to a file of its own first, of which the size is known, and from there to all who
 * waited when it began; so memory stays flat.  Who comes later waits for the next one.
 *
 *     NONE --> WALKING --> COMMITTING --> SENDING --> NONE
 *
 * The log is kept from the image on until they read it themselves.  The file has our process in its
 * name, as temporary files have: servers may share a folder. */
#include "node/state.h"

#include "base/assert.h"

#include <inttypes.h>
#include <stdio.h>

static struct outgoing *outgoing_of(struct feed *feed)
{
    return CONTAINER_OF(feed, struct outgoing, feed);
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

    if (fs->get_info(fs->ctx, node->sync_path, &info, &error) == FS_OK &&
        fs->remove(fs->ctx, node->sync_path, &error) != FS_OK) {
        node_log(node, LOG_WARNING, "%s stays: %s", node->sync_path, error.text);
    }
}

void sync_file_init(struct node *node)
{
    snprintf(node->sync_path, sizeof(node->sync_path), "temp-%" PRIu64 "-sync-payload.rdb",
             node->pid);
    remove_file(node);
}

void sync_file_deinit(struct node *node)
{
    if (node->sync_file.phase == SYNC_FILE_SENDING) {
        remove_file(node);
    }
}

bool sync_file_is_wanted(const struct node *node)
{
    for (size_t i = 0; i < node->feed_count && node->sync_file.phase == SYNC_FILE_NONE; i++) {
        if (needs_size(node->feeds[i])) {
            return true;
        }
    }
    return false;
}

const char *sync_file_begin(struct node *node)
{
    struct sync_file *sync = &node->sync_file;

    ASSERT(sync->phase == SYNC_FILE_NONE);
    sync->phase = SYNC_FILE_WALKING;
    sync->position = node_position(node);
    for (size_t i = 0; i < node->feed_count; i++) {
        outgoing_of(node->feeds[i])->is_by_file = needs_size(node->feeds[i]);
    }
    return node->sync_path;
}

void sync_file_commit(struct node *node, uint64_t file)
{
    node->sync_file.phase = SYNC_FILE_COMMITTING;
    node->sync_file.file = file;
    node->env.fs->write_commit(node->env.fs->ctx, file);
}

static void start_sending(struct node *node, struct feed *feed)
{
    struct session *s = feed_session(feed);
    size_t out_len = s->out.len;

    feed_start_snapshot(feed, node->now.mono, &node->sync_file.position, &s->out);
    if (outgoing_of(feed)->is_old_sync) {
        s->out.len = out_len; /* it expects the payload alone */
    }
    feed_format_payload_head(feed, node->sync_file.size, (struct bytes){0}, &s->out);
    outgoing_of(feed)->file_offset = 0;
    node_touch(node, s);
    node_log(node, LOG_NOTICE, "full resync of replica %s, from a file of %llu bytes",
             s->peer.address, (unsigned long long)node->sync_file.size);
}

void sync_file_done(struct node *node, bool is_ok, const struct errmsg *error)
{
    const struct fs *fs = node->env.fs;
    struct fs_info info = {0};
    struct errmsg problem = {0};

    if (!is_ok) {
        problem = *error;
    } else if (fs->get_info(fs->ctx, node->sync_path, &info, &problem) != FS_OK) {
        is_ok = false;
    }
    if (!is_ok) {
        node_log(node, LOG_WARNING, "no payload of a known size for replicas: %s", problem.text);
    }
    node->sync_file.phase = SYNC_FILE_SENDING;
    node->sync_file.size = info.size_bytes;
    for (size_t i = 0; i < node->feed_count; i++) {
        struct feed *feed = node->feeds[i];

        if (!outgoing_of(feed)->is_by_file || feed->phase != FEED_WAIT_SNAPSHOT) {
            continue;
        }
        if (is_ok) {
            start_sending(node, feed);
        } else {
            node_close_session(node, feed_session(feed), false);
        }
    }
    node->has_work = true;
}

/* Fill the output of one; false when it has all of the file. */
static bool send_piece(struct node *node, struct feed *feed)
{
    const struct fs *fs = node->env.fs;
    struct outgoing *outgoing = outgoing_of(feed);
    struct session *s = outgoing->session;
    struct errmsg error;

    while (outgoing->file_offset < node->sync_file.size) {
        size_t before = s->out.len;

        if (session_is_closing(s) || session_output_pending(s) >= NODE_FEED_BUFFER) {
            return true;
        }
        if (fs->read_piece(fs->ctx, node->sync_path, outgoing->file_offset, NODE_FEED_BUFFER,
                           &s->out, &error) != FS_OK ||
            s->out.len == before) {
            node_log(node, LOG_WARNING, "%s cannot be read on", node->sync_path);
            node_close_session(node, s, false);
            return true;
        }
        outgoing->file_offset += s->out.len - before;
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
    for (size_t i = 0; i < node->feed_count; i++) {
        struct feed *feed = node->feeds[i];

        if (!outgoing_of(feed)->is_by_file || feed->phase != FEED_SNAPSHOT) {
            continue;
        }
        if (send_piece(node, feed)) {
            sending++;
        } else {
            feed_end_snapshot(feed, node->now.mono);
            outgoing_of(feed)->is_by_file = false;
        }
    }
    if (sending == 0) {
        remove_file(node);
        node->sync_file = (struct sync_file){0};
        node->has_work = true;
    }
}

uint64_t sync_file_keeps_from(const struct node *node)
{
    bool is_pending =
        node->sync_file.phase == SYNC_FILE_WALKING || node->sync_file.phase == SYNC_FILE_COMMITTING;

    return is_pending ? node->sync_file.position.offset : UINT64_MAX;
}
