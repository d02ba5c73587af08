/* SPDX-License-Identifier: MIT */
/* Making snapshots: one walk over the key space feeds the file of a save, or the outputs of all
 * replicas that wait for a full resync, or both.
 *
 * The walk goes on in slices, and only as fast as the slowest sink takes the bytes; entries that
 * are about to change are written early by the store.  Nothing is copied, nothing forks. */
#include "node/debug.h"
#include "node/state.h"

#include "base/assert.h"
#include "base/mem.h"
#include "store/walk.h"

enum {
    SLICE_ENTRIES = 256,
    SINK_QUEUE_BYTES = 4 * 1024 * 1024, /* unsent bytes at which the walk waits for a sink */
    HAND_OVER_BYTES = 64 * 1024,
    SAVE_RETRY_MS = 5000,
};

bool snapshot_is_saving(const struct node *node)
{
    return (node->snapshot.is_on && node->snapshot.to_file && !node->snapshot.is_for_sync) ||
           node->saving.is_committing || node->saving.is_wanted;
}

static void on_entry(void *context, unsigned db, const struct entry *e)
{
    struct node *node = context;

    rdb_writer_entry(&node->snapshot.writer, &node->snapshot.out, db, e);
    node->snapshot.written_count++;
}

static bool is_sink(const struct feed *feed)
{
    return feed->phase == FEED_SNAPSHOT &&
           !CONTAINER_OF_CONST(feed, struct outgoing, feed)->is_by_file;
}

/* Give what was encoded to everybody who takes part. */
static void hand_over(struct node *node)
{
    struct snapshot *snapshot = &node->snapshot;

    if (snapshot->out.len == 0) {
        return;
    }
    rdb_writer_flush(&snapshot->writer, &snapshot->out);
    for (size_t i = 0; i < node->feed_count; i++) {
        if (is_sink(node->feeds[i])) {
            struct session *s = feed_session(node->feeds[i]);

            buf_append_bytes(&s->out, buf_bytes(&snapshot->out));
            node_touch(node, s);
        }
    }
    if (snapshot->to_file) {
        node->env.fs->write_append(node->env.fs->ctx, snapshot->file, &snapshot->out);
    }
    buf_clear(&snapshot->out);
}

static bool sinks_have_room(const struct node *node)
{
    if (node->snapshot.to_file &&
        node->env.fs->write_queued(node->env.fs->ctx) > SINK_QUEUE_BYTES) {
        return false;
    }
    for (size_t i = 0; i < node->feed_count; i++) {
        if (is_sink(node->feeds[i]) &&
            session_output_pending(feed_session(node->feeds[i])) > SINK_QUEUE_BYTES) {
            return false;
        }
    }
    return true;
}

static bool has_sinks(const struct node *node)
{
    for (size_t i = 0; i < node->feed_count; i++) {
        if (is_sink(node->feeds[i])) {
            return true;
        }
    }
    return node->snapshot.to_file;
}

enum walk_target {
    WALK_TO_REPLICAS,
    WALK_TO_SAVE,
    WALK_TO_SYNC_FILE,
};

static void start_walk(struct node *node, enum walk_target target)
{
    struct snapshot *snapshot = &node->snapshot;
    struct rdb_info info = {
        .history = *oplog_history(node->log),
        .offset = oplog_end(node->log),
        .stream_db = node->stream_db,
        .created_unix_s = node->now.unix_ms / 1000,
        .used_memory = node_used_memory(node),
        .has_history = true,
    };
    struct walk_options options = {.sink = on_entry, .context = node};

    ASSERT(!snapshot->is_on);
    *snapshot = (struct snapshot){
        .is_on = true,
        .to_file = target != WALK_TO_REPLICAS,
        .is_for_sync = target == WALK_TO_SYNC_FILE,
        .offset = info.offset,
        .changes_before = node->saving.changes,
        .key_count = keyspace_count_all(node->keyspace),
        .started_at = node->now.mono,
    };
    if (target == WALK_TO_SAVE) {
        node->saving.is_wanted = false;
        node->saving.started_at = node->now.mono;
        node->saving.last_try_at = node->now.mono;
        snapshot->file = node->env.fs->write_begin(node->env.fs->ctx, node->config.dbfilename);
    } else if (target == WALK_TO_SYNC_FILE) {
        snapshot->file = node->env.fs->write_begin(node->env.fs->ctx, sync_file_begin(node));
    }
    rdb_writer_begin(&snapshot->writer, &snapshot->out, &info);
    walk_start(node->keyspace, &options);
    node->has_work = true;
}

void snapshot_save(struct node *node)
{
    node->saving.is_wanted = true;
    node->has_work = true;
    if (!node->snapshot.is_on && !node->saving.is_committing && !node->loading.is_on) {
        node_log(node, LOG_NOTICE, "saving %llu keys to %s",
                 (unsigned long long)keyspace_count_all(node->keyspace), node->config.dbfilename);
        start_walk(node, WALK_TO_SAVE);
    }
}

void snapshot_after_flush(struct node *node)
{
    if (node->config.save_point_count > 0 && !node->loading.is_on) {
        snapshot_save(node);
    }
}

static bool takes_any_size(const struct feed *feed)
{
    return feed->phase == FEED_WAIT_SNAPSHOT && (feed->capabilities & FEED_CAPA_EOF) != 0;
}

/* All waiting feeds join one image.  The stream behind it begins with a SELECT, since a
 * replica that has loaded may have any database selected. */
static void start_for_replicas(struct node *node)
{
    struct replication_position position;

    if (node->is_primary) {
        node->stream_db = -1;
    }
    position = node_position(node);
    start_walk(node, WALK_TO_REPLICAS);
    rng_hex(&node->rng, node->snapshot.marker, FEED_MARKER_LEN);
    for (size_t i = 0; i < node->feed_count; i++) {
        struct feed *feed = node->feeds[i];
        struct session *s = feed_session(feed);

        if (takes_any_size(feed)) {
            size_t out_len = s->out.len;

            feed_start_snapshot(feed, node->now.mono, &position, &s->out);
            if (CONTAINER_OF(feed, struct outgoing, feed)->is_old_sync) {
                s->out.len = out_len;
            }
            feed_format_payload_head(feed, REPLICATION_SIZE_UNKNOWN,
                                     bytes_make(node->snapshot.marker, FEED_MARKER_LEN), &s->out);
            node_touch(node, s);
            node_log(node, LOG_NOTICE, "full resync of replica %s begins at offset %llu",
                     s->peer.address, (unsigned long long)position.offset);
        }
    }
}

void snapshot_start_when_wanted(struct node *node)
{
    bool is_waited_for = false;

    if (node->snapshot.is_on || node->loading.is_on || node->loading.target != NULL) {
        return;
    }
    for (size_t i = 0; i < node->feed_count; i++) {
        is_waited_for = is_waited_for || takes_any_size(node->feeds[i]);
    }
    if (is_waited_for) {
        start_for_replicas(node);
    } else if (sync_file_is_wanted(node)) {
        node->stream_db = node->is_primary ? -1 : node->stream_db;
        start_walk(node, WALK_TO_SYNC_FILE);
    } else if (node->saving.is_wanted && !node->saving.is_committing) {
        snapshot_save(node);
    }
}

static void finish(struct node *node)
{
    struct snapshot *snapshot = &node->snapshot;

    rdb_writer_end(&snapshot->writer, &snapshot->out);
    hand_over(node);
    for (size_t i = 0; i < node->feed_count; i++) {
        struct feed *feed = node->feeds[i];

        if (is_sink(feed)) {
            buf_append(&feed_session(feed)->out, snapshot->marker, FEED_MARKER_LEN);
            feed_end_snapshot(feed, node->now.mono);
            node_touch(node, feed_session(feed));
        }
    }
    if (snapshot->is_for_sync) {
        sync_file_commit(node, snapshot->file);
    } else if (snapshot->to_file) {
        node->saving.is_committing = true;
        node->saving.file = snapshot->file;
        node->saving.changes_before = snapshot->changes_before;
        node->env.fs->write_commit(node->env.fs->ctx, snapshot->file);
    }
    snapshot->is_on = false;
    buf_deinit(&snapshot->out);
}

bool snapshot_step(struct node *node)
{
    struct snapshot *snapshot = &node->snapshot;
    bool is_done = false;

    if (!snapshot->is_on) {
        snapshot_start_when_wanted(node);
        return snapshot->is_on;
    }
    if (!has_sinks(node)) {
        snapshot_cancel(node, "nobody takes it any more");
        return false;
    }
    /* What commands wrote out early must not pile up while a sink is slow to come back. */
    if (snapshot->out.len >= HAND_OVER_BYTES) {
        hand_over(node);
    }
    if (!sinks_have_room(node)) {
        return false;
    }
    for (int i = 0; i < NODE_SLICE_US / 10 && !is_done && snapshot->out.len < HAND_OVER_BYTES;
         i++) {
        is_done = walk_step(node->keyspace, SLICE_ENTRIES);
    }
    if (is_done) {
        finish(node);
        return true;
    }
    if (snapshot->out.len >= HAND_OVER_BYTES) {
        hand_over(node);
    }
    return true;
}

void snapshot_cancel(struct node *node, const char *reason)
{
    struct snapshot *snapshot = &node->snapshot;

    if (!snapshot->is_on) {
        return;
    }
    node_log(node, LOG_NOTICE, "snapshot given up: %s", reason);
    walk_cancel(node->keyspace);
    snapshot->is_on = false;
    buf_deinit(&snapshot->out);
    for (size_t i = 0; i < node->feed_count; i++) {
        if (is_sink(node->feeds[i])) {
            node_close_session(node, feed_session(node->feeds[i]), false);
        }
    }
    if (snapshot->to_file) {
        struct errmsg error;

        node->env.fs->write_abort(node->env.fs->ctx, snapshot->file);
        errmsg_set(&error, "%s", reason);
        snapshot_file_done(node, snapshot->file, false, &error);
    }
}

static void save_finished(struct node *node, bool is_ok, const struct errmsg *error)
{
    struct saving *saving = &node->saving;

    saving->is_committing = false;
    saving->is_last_ok = is_ok;
    saving->last_duration_s = mono_ms_between(saving->started_at, node->now.mono) / 1000;
    if (is_ok) {
        saving->changes -=
            saving->changes_before < saving->changes ? saving->changes_before : saving->changes;
        saving->last_save_unix_s = node->now.unix_ms / 1000;
        saving->save_count++;
        node_log(node, LOG_NOTICE, "saved in %lld ms",
                 (long long)mono_ms_between(saving->started_at, node->now.mono));
    } else {
        node_log(node, LOG_WARNING, "saving failed: %s", error->text);
    }
    waiting_on_file(node, HOLD_SAVE, is_ok ? NULL : "saving failed, see the server's log");
    debug_reload_saved(node, is_ok);
    shutdown_saved(node, is_ok);
}

bool snapshot_file_done(struct node *node, uint64_t file, bool is_ok, const struct errmsg *error)
{
    struct snapshot *snapshot = &node->snapshot;
    bool is_of_walk = snapshot->to_file && file == snapshot->file;
    bool is_for_sync =
        is_of_walk ? snapshot->is_for_sync
                   : node->sync_file.phase == SYNC_FILE_COMMITTING && file == node->sync_file.file;

    if (!is_of_walk && !is_for_sync && !(node->saving.is_committing && file == node->saving.file)) {
        return false;
    }
    /* The disk refused before the walk was over. */
    if (is_of_walk && !is_ok) {
        snapshot->to_file = false;
    }
    if (is_for_sync) {
        sync_file_done(node, is_ok, error);
    } else {
        save_finished(node, is_ok, error);
    }
    return true;
}

void snapshot_check_save_points(struct node *node)
{
    struct saving *saving = &node->saving;
    int64_t age_s = node->now.unix_ms / 1000 - saving->last_save_unix_s;
    int64_t since_try_ms = mono_ms_between(saving->last_try_at, node->now.mono);

    if (snapshot_is_saving(node) || node->loading.is_on ||
        (!saving->is_last_ok && since_try_ms < SAVE_RETRY_MS)) {
        return;
    }
    for (size_t i = 0; i < node->config.save_point_count; i++) {
        const struct save_point *point = &node->config.save_points[i];

        if (saving->changes >= (uint64_t)point->changes && saving->changes > 0 &&
            age_s >= point->seconds) {
            node_log(node, LOG_NOTICE, "%llu changes in %lld seconds: saving",
                     (unsigned long long)saving->changes, (long long)age_s);
            snapshot_save(node);
            return;
        }
    }
}
