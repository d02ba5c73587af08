/* SPDX-License-Identifier: MIT */
#include "node/load.h"

#include "base/assert.h"
#include "base/phases.h"
#include "node/inside.h"

static const uint32_t allowed[] = {
    [LOAD_IDLE] =
        PHASE_TO(LOAD_FILE) | PHASE_TO(LOAD_LOG) | PHASE_TO(LOAD_RESYNC) | PHASE_TO(LOAD_AGAIN),
    [LOAD_FILE] = PHASE_TO(LOAD_IDLE),
    [LOAD_LOG] = PHASE_TO(LOAD_IDLE),
    [LOAD_RESYNC] = PHASE_TO(LOAD_IDLE),
    [LOAD_AGAIN] = PHASE_TO(LOAD_IDLE),
};

static void move(struct loading *loading, enum load_phase to)
{
    ASSERT(loading->phase < ARRAY_COUNT(allowed));
    ASSERT(allowed[loading->phase] & PHASE_TO(to));
    loading->phase = to;
}

enum {
    PIECE_BYTES = 256 * 1024,
    PROGRESS_MS = 5000,
    SLICE_MS = 5, /* requests in between are answered with LOADING */
};

static void on_record(void *context, const struct rdb_record *record)
{
    struct node *node = context;
    struct loading *loading = &node->loading;

    ASSERT(loading->phase != LOAD_IDLE);
    ASSERT(record->db < data_database_count(node));
    if (loading->only_looks) {
        struct key_ref ref = keyspace_ref(loading->target, record->db, record->key);

        loading->clash_count += keyspace_find_any(loading->target, &ref) != NULL;
        return;
    }
    load_batch_add(&loading->batch, loading->target, record);
    loading->key_count++;
    loading->expired_count +=
        record->expire_at_ms != EXPIRE_NEVER && record->expire_at_ms <= node->now.unix_ms;
}

/* Of a key space that has keys already it is not known how many of these are new. */
static void on_sizes(void *context, unsigned db, uint64_t count)
{
    struct node *node = context;
    struct loading *loading = &node->loading;

    ASSERT(db < data_database_count(node));
    if (!loading->only_looks && keyspace_count(loading->target, db) == 0) {
        keyspace_expect(loading->target, db, count);
    }
}

/* What was read lies in the key space then. */
static enum rdb_status feed(struct loading *loading, struct bytes in, size_t *consumed,
                            struct errmsg *error)
{
    enum rdb_status status = rdb_reader_feed(loading->reader, in, consumed, error);

    load_batch_flush(&loading->batch, loading->target);
    return status;
}

static void open_reader(struct node *node, enum load_phase phase, struct keyspace *target)
{
    struct loading *loading = &node->loading;
    struct rdb_reader_options options = {
        .on_record = on_record,
        .on_sizes = on_sizes,
        .context = node,
        .database_count = data_database_count(node),
        .max_value_bytes = (uint64_t)node->config.proto_max_bulk_len,
        .space = keyspace_values(target),
    };

    ASSERT(loading->reader == NULL);
    ASSERT(loading->target == NULL);
    ASSERT(target != NULL);
    move(loading, phase);
    loading->reader = rdb_reader_new(&options);
    loading->target = target;
    loading->started_at = node->now.mono;
    loading->key_count = 0;
    loading->expired_count = 0;
    loading->is_whole = false;
    keyspace_set_clock(target, node->now.unix_ms);
}

static void close_reader(struct node *node)
{
    struct loading *loading = &node->loading;

    ASSERT(loading->reader != NULL);
    ASSERT(loading->batch.count == 0);
    rdb_reader_free(loading->reader);
    load_batch_deinit(&loading->batch);
    for (unsigned db = 0; db < data_database_count(node); db++) {
        keyspace_expect(loading->target, db, 0);
    }
    loading->reader = NULL;
    loading->target = NULL;
    move(loading, LOAD_IDLE);
}

void load_deinit(struct node *node)
{
    struct loading *loading = &node->loading;
    struct keyspace *target = loading->target;

    replay_deinit(node);
    if (loading->reader != NULL) {
        close_reader(node);
        if (target != node->data.keyspace) {
            keyspace_free(target);
        }
    }
}

/* ---- the file at start ------------------------------------------------------------------------ */

/* When the newest of what was loaded was written. */
static int64_t written_at(const struct node *node)
{
    int64_t saved_ms = node->loading.saved_unix_s * 1000;

    return node->replay.written_unix_ms > saved_ms ? node->replay.written_unix_ms : saved_ms;
}

/* The data is there.  A primary begins a new history that goes on from what was found, since it may have written
 * more, unless it came to an orderly end; a replica goes on where that ends. */
static bool settle(struct node *node, bool has_place, struct errmsg *error)
{
    if (node->undo.is_wanted && !undo_set_aside(node, error)) {
        return false;
    }
    if (node->role.is_primary) {
        journal_set_db(node, -1);
    }
    if (has_place && !node->role.is_primary) {
        data_set_complete_as_of(node, written_at(node));
    } else if (has_place && !node->replay.is_clean) {
        (void)journal_fork(node);
    }
    if (!disk_base_begin(node, node->loading.file_size, error)) {
        return false;
    }
    if (node->undo.is_wanted) {
        undo_tell(node);
    }
    return true;
}

/* What the log has behind the snapshot comes next. */
static bool begin_log(struct node *node, struct errmsg *error)
{
    if (!replay_begin(node, error)) {
        return false;
    }
    move(&node->loading, LOAD_LOG);
    pass_note_work(&node->pass);
    return true;
}

static bool begin_without_file(struct node *node, struct errmsg *error)
{
    const struct manifest *manifest = &node->disk_base.manifest;

    if (!disk_base_has_log(node)) {
        return settle(node, false, error);
    }
    if (manifest->base[0] != '\0') {
        errmsg_set(error,
                   "the snapshot %s is missing, which the log in %s goes on from: put it back, or "
                   "move the folder away to start with nothing",
                   manifest->base, node->config.appenddirname);
        return false;
    }
    journal_restart(node, manifest->base_history, manifest->base_offset);
    return begin_log(node, error);
}

bool node_is_loading(const struct node *node)
{
    return load_is_at_start(&node->loading);
}

bool load_begin(struct node *node, struct errmsg *error)
{
    struct loading *loading = &node->loading;
    const char *name;
    struct fs_info info;
    enum fs_status status;

    ASSERT(loading->phase == LOAD_IDLE);
    ASSERT(keyspace_count_all(node->data.keyspace) == 0);
    if (!disk_base_read(node, error) || (node->undo.is_wanted && !undo_can_begin(node, error))) {
        return false;
    }
    name = disk_base_snapshot(node);
    status = node->env.fs->get_info(node->env.fs->ctx, name, &info, error);
    if (status == FS_MISSING) {
        return begin_without_file(node, error);
    }
    if (status != FS_OK) {
        errmsg_wrap(error, "cannot read the snapshot %s", name);
        return false;
    }
    open_reader(node, LOAD_FILE, node->data.keyspace);
    bytes_to_text(bytes_from_text(name), loading->path, sizeof(loading->path));
    loading->file_size = info.size_bytes;
    loading->file_offset = 0;
    loading->told_at = node->now.mono;
    node_log(node, LOG_NOTICE, "loading %s, %llu bytes", loading->path,
             (unsigned long long)loading->file_size);
    pass_note_work(&node->pass);
    return true;
}

static void refuse_file(struct node *node, const char *reason)
{
    ASSERT(reason[0] != '\0');
    node_log(
        node, LOG_WARNING,
        "the snapshot %s cannot be loaded: %s.  It is left as it is; move it away or replace it "
        "to start.",
        node->loading.path, reason);
    close_reader(node);
    life_exit(node, 1);
}

static void refuse_log(struct node *node, const struct errmsg *error)
{
    node_log(node, LOG_WARNING, "cannot start: %s", error->text);
    life_exit(node, 1);
}

static void adopt_file(struct node *node)
{
    const struct rdb_info *info = rdb_reader_info(node->loading.reader);
    struct loading *loading = &node->loading;

    ASSERT(loading->target == node->data.keyspace);
    loading->has_position = info->has_history;
    loading->log = info->log;
    loading->save_number = info->save_number;
    if (info->has_history) {
        loading->position.history = info->history;
        loading->position.offset = info->offset;
        journal_restart(node, info->history, info->offset);
        apply_restart(node, info->stream_db > 0 ? (unsigned)info->stream_db : 0);
    }
    loading->saved_unix_s = info->created_unix_s;
    node_log(node, LOG_NOTICE, "loaded %llu keys in %lld ms from %s",
             (unsigned long long)loading->key_count,
             (long long)mono_ms_between(loading->started_at, node->env.now(node->env.context).mono),
             loading->path);
    close_reader(node);
}

/* The snapshot is there: is there a log behind it? */
static void go_on_behind_file(struct node *node)
{
    struct errmsg error = {0};

    adopt_file(node);
    if (disk_base_has_log(node) ? !begin_log(node, &error)
                                : !settle(node, node->loading.has_position, &error)) {
        refuse_log(node, &error);
    }
}

/* One piece of the log; true when there is more. */
static bool replay_piece(struct node *node)
{
    struct errmsg error = {0};

    switch (replay_step(node, &error)) {
    case REPLAY_MORE:
        return true;
    case REPLAY_DONE:
        move(&node->loading, LOAD_IDLE);
        if (!settle(node, true, &error)) {
            refuse_log(node, &error);
        }
        return false;
    case REPLAY_FAILED:
        replay_deinit(node);
        move(&node->loading, LOAD_IDLE);
        refuse_log(node, &error);
        return false;
    }
    return false;
}

/* One piece; true when there is more. */
static bool load_piece(struct node *node)
{
    struct loading *loading = &node->loading;
    const struct fs *fs = node->env.fs;
    struct buf piece = {0};
    struct errmsg error = {0};
    size_t consumed = 0;
    enum rdb_status status = RDB_ERROR;

    if (fs->read_piece(fs->ctx, loading->path, loading->file_offset, PIECE_BYTES, &piece, &error) ==
        FS_OK) {
        if (piece.len == 0) {
            errmsg_set(&error, "offset %llu: the file ends here, in the middle",
                       (unsigned long long)loading->file_offset);
        } else {
            status = feed(loading, buf_bytes(&piece), &consumed, &error);
        }
    }
    ASSERT(consumed <= piece.len);
    loading->file_offset += consumed;
    buf_deinit(&piece);
    if (status == RDB_ERROR) {
        refuse_file(node, error.text);
        return false;
    }
    if (status == RDB_OK) {
        go_on_behind_file(node);
        return loading->phase == LOAD_LOG;
    }
    return true;
}

static void tell_progress(struct node *node)
{
    struct loading *loading = &node->loading;

    if (mono_ms_between(loading->told_at, node->now.mono) < PROGRESS_MS ||
        loading->file_size == 0) {
        return;
    }
    loading->told_at = node->now.mono;
    node_log(node, LOG_NOTICE, "loading %s: %llu keys, %llu%%", loading->path,
             (unsigned long long)loading->key_count,
             (unsigned long long)(loading->file_offset * 100 / loading->file_size));
}

bool load_step(struct node *node)
{
    struct moment start = node->env.now(node->env.context);

    ASSERT(load_is_at_start(&node->loading));
    pass_note_work(&node->pass);
    if (node->loading.phase == LOAD_FILE) {
        tell_progress(node);
    }
    while (node->loading.phase == LOAD_LOG ? replay_piece(node) : load_piece(node)) {
        if (mono_ms_between(start.mono, node->env.now(node->env.context).mono) >= SLICE_MS) {
            return false;
        }
    }
    return !node->life.has_exited;
}

/* The whole file into target. */
static bool read_all(struct node *node, struct keyspace *target, bool only_looks,
                     struct errmsg *error)
{
    struct loading *loading = &node->loading;
    const struct fs *fs = node->env.fs;
    enum rdb_status status = RDB_MORE;
    struct buf piece = {0};

    ASSERT(!only_looks || target == node->data.keyspace);
    open_reader(node, LOAD_AGAIN, target);
    loading->only_looks = only_looks;
    loading->clash_count = 0;
    for (uint64_t offset = 0; status == RDB_MORE; offset += piece.len) {
        size_t consumed;

        buf_clear(&piece);
        if (fs->read_piece(fs->ctx, node->config.dbfilename, offset, PIECE_BYTES, &piece, error) !=
            FS_OK) {
            status = RDB_ERROR;
        } else if (piece.len == 0) {
            errmsg_set(error, "the file ends in the middle");
            status = RDB_ERROR;
        } else {
            status = feed(loading, buf_bytes(&piece), &consumed, error);
        }
    }
    ASSERT(status == RDB_OK || error->text[0] != '\0');
    buf_deinit(&piece);
    loading->only_looks = false;
    close_reader(node);
    return status == RDB_OK;
}

bool load_file_again(struct node *node, enum load_mode mode, struct errmsg *error)
{
    struct keyspace *fresh;

    ASSERT(node->loading.phase == LOAD_IDLE);
    /* Whatever is wrong with the file is found before anything is changed. */
    if (mode != LOAD_REPLACE) {
        if (!read_all(node, node->data.keyspace, true, error)) {
            return false;
        }
        if (mode == LOAD_ADD && node->loading.clash_count > 0) {
            errmsg_set(error, "%llu keys of the file are there already",
                       (unsigned long long)node->loading.clash_count);
            return false;
        }
        return read_all(node, node->data.keyspace, false, error);
    }
    fresh = data_new_keyspace(node);
    if (!read_all(node, fresh, false, error)) {
        keyspace_free(fresh);
        return false;
    }
    image_cancel(node, "the data is loaded again");
    move_image_cancel(node);
    data_replace(node, fresh);
    staging_refresh(node);
    return true;
}

/* ---- a full resync ---------------------------------------------------------------------------- */

void load_resync_begin(struct node *node)
{
    load_resync_abort(node);
    ASSERT(!node->role.is_primary);
    open_reader(node, LOAD_RESYNC, data_new_keyspace(node));
    ASSERT(node->loading.target != node->data.keyspace);
}

bool load_resync_bytes(struct node *node, struct bytes bytes, struct errmsg *error)
{
    size_t consumed;

    if (node->loading.phase != LOAD_RESYNC) {
        errmsg_set(error, "no snapshot is being loaded");
        return false;
    }
    switch (feed(&node->loading, bytes, &consumed, error)) {
    case RDB_OK:
        /* Also when bytes come after the end: then none of them is consumed. */
        if (consumed < bytes.len) {
            errmsg_set(error, "bytes behind the end of the snapshot");
            return false;
        }
        node->loading.is_whole = true;
        return true;
    case RDB_MORE:
        return true;
    case RDB_ERROR:
        return false;
    }
    return false;
}

bool load_resync_end(struct node *node, struct errmsg *error)
{
    struct loading *loading = &node->loading;
    const struct rdb_info *info;

    if (loading->phase != LOAD_RESYNC || !loading->is_whole) {
        errmsg_set(error, "the snapshot ends too early");
        return false;
    }
    ASSERT(loading->target != node->data.keyspace);
    info = rdb_reader_info(loading->reader);
    image_cancel(node, "the data is replaced by a full resync");
    move_image_cancel(node);
    data_replace(node, loading->target);
    staging_refresh(node);
    own_expiry_forget_all(node);
    apply_replaced(node);
    apply_restart(node, info->stream_db > 0 ? (unsigned)info->stream_db : 0);
    journal_note_changes(node, 1);
    node_log(node, LOG_NOTICE, "full resync: loaded %llu keys in %lld ms",
             (unsigned long long)loading->key_count,
             (long long)mono_ms_between(loading->started_at, node->now.mono));
    close_reader(node);
    return true;
}

/* What the reader has begun to make lies in the target: it goes first. */
void load_resync_abort(struct node *node)
{
    struct loading *loading = &node->loading;
    struct keyspace *target = loading->target;

    if (loading->phase != LOAD_RESYNC) {
        return;
    }
    ASSERT(loading->target != node->data.keyspace);
    close_reader(node);
    keyspace_free(target);
}

void load_check(const struct node *node)
{
    const struct loading *loading = &node->loading;

    bool has_reader = loading->phase != LOAD_IDLE && loading->phase != LOAD_LOG;

    ASSERT(has_reader == (loading->reader != NULL)); /* (1) */
    ASSERT(has_reader == (loading->target != NULL));
    ASSERT((loading->phase == LOAD_LOG) || !node->replay.is_on);
    ASSERT(loading->phase != LOAD_AGAIN);
    ASSERT(loading->phase != LOAD_FILE || loading->target == node->data.keyspace);
    ASSERT(loading->phase != LOAD_RESYNC || loading->target != node->data.keyspace);
    ASSERT(!loading->only_looks);
}
