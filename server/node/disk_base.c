/* SPDX-License-Identifier: MIT */
#include "node/disk_base.h"

#include "base/assert.h"
#include "node/inside.h"

enum {
    RETRY_MS = 1000, /* when the disk refuses the manifest */
};

static void manifest_path(const struct node *node, char path[SEGMENT_PATH_SIZE])
{
    segment_files_path(&node->disk_log.files, MANIFEST_NAME, path);
}

/* ---- at start --------------------------------------------------------------------------------- */

static bool read_manifest(const struct node *node, struct manifest *out, bool *is_there,
                          struct errmsg *error)
{
    char path[SEGMENT_PATH_SIZE];
    struct buf text = {0};
    enum fs_status status;
    bool is_ok = false;

    manifest_path(node, path);
    status = node->env.fs->read_file(node->env.fs->ctx, path, MANIFEST_MAX_BYTES, &text, error);
    if (status == FS_OK) {
        is_ok = manifest_parse(buf_bytes(&text), out, error) == SEGMENT_OK;
        *is_there = is_ok;
    } else {
        is_ok = status == FS_MISSING;
    }
    if (!is_ok) {
        errmsg_wrap(error, "the log's manifest %s", path);
    }
    buf_deinit(&text);
    return is_ok;
}

bool disk_base_has_log(const struct node *node)
{
    return node->disk_base.is_there && !node->disk_base.manifest.is_off;
}

bool disk_base_read(struct node *node, struct errmsg *error)
{
    const struct disk_log *d = &node->disk_log;

    ASSERT(!node->disk_base.is_there);
    if (!disk_log_look(node, error)) {
        errmsg_wrap(error, "the log in %s", node->config.appenddirname);
        return false;
    }
    if (!read_manifest(node, &node->disk_base.manifest, &node->disk_base.is_there, error)) {
        return false;
    }
    if (d->segments.count > 0 && !node->disk_base.is_there) {
        errmsg_set(error,
                   "the log in %s has segments and no manifest, so nobody knows what they go on "
                   "from. starling-cli --check-log looks at them; move the folder away to start "
                   "from the snapshot alone.",
                   node->config.appenddirname);
        return false;
    }
    return true;
}

const char *disk_base_snapshot(const struct node *node)
{
    const struct manifest *manifest = &node->disk_base.manifest;

    return disk_base_has_log(node) && manifest->base[0] != '\0' ? manifest->base
                                                                : node->config.dbfilename;
}

/* The index of the segment that has the snapshot's place, or SIZE_MAX. */
static size_t first_segment(const struct node *node)
{
    const struct manifest *manifest = &node->disk_base.manifest;

    return segment_list_find(&node->disk_log.segments, &manifest->base_history,
                             manifest->base_offset);
}

/* Would a power cut leave it? */
static bool is_durable(const struct node *node, size_t index)
{
    const struct disk_log *d = &node->disk_log;

    return index < d->segments.count && (index + 1 < d->segments.count || d->is_last_durable);
}

static void format(struct node *node, struct buf *out)
{
    struct manifest *manifest = &node->disk_base.manifest;

    size_t first = first_segment(node);

    if (node->disk_base.generation == oplog_generation(node->journal.log)) {
        manifest->lineage = *oplog_lineage(node->journal.log);
    }
    manifest->first = is_durable(node, first) ? node->disk_log.segments.items[first].number : 0;
    manifest_format(manifest, out);
}

/* Before anything is written to the log, the end of the last run is taken back. */
static bool write_at_start(struct node *node, struct errmsg *error)
{
    const struct fs *fs = node->env.fs;
    char path[SEGMENT_PATH_SIZE];
    struct buf text = {0};
    bool is_ok = fs->make_directory(fs->ctx, node->config.appenddirname, error) == FS_OK;

    manifest_path(node, path);
    format(node, &text);
    is_ok = is_ok && fs->write_whole(fs->ctx, path, buf_bytes(&text), error) == FS_OK;
    buf_deinit(&text);
    if (!is_ok) {
        errmsg_wrap(error, "the log in %s cannot be written", node->config.appenddirname);
        return false;
    }
    log_retention_need(node, node->disk_base.manifest.first);
    return true;
}

/* What is behind the place that was gone back to is about to go: an end that the last run has named is no longer one. */
static bool take_back_end(struct node *node, struct errmsg *error)
{
    const struct fs *fs = node->env.fs;
    char path[SEGMENT_PATH_SIZE];
    struct buf text = {0};
    bool is_ok;

    node->disk_base.manifest.has_end = false;
    manifest_path(node, path);
    manifest_format(&node->disk_base.manifest, &text);
    is_ok = fs->write_whole(fs->ctx, path, buf_bytes(&text), error) == FS_OK;
    buf_deinit(&text);
    return is_ok;
}

/* A folder keeps the id of its log, also when that is turned off and on: so the numbers of snapshots ascend, of one that was
 * begun before, too. */
static struct history_id log_id(struct node *node)
{
    const struct history_id *id = &node->disk_base.manifest.log;

    return history_id_is_empty(id) ? history_id_make(&node->rng) : *id;
}

/* What the log goes on from when there was none before: the snapshot that was loaded, or nothing.  Data without a
 * place in a history (a file of another server's) is not what a log can go on from: a snapshot of our own is
 * wanted first. */
static void take_new_base(struct node *node, uint64_t snapshot_bytes)
{
    struct manifest *manifest = &node->disk_base.manifest;
    bool has_position = snapshot_bytes > 0 && node->loading.has_position;
    struct replication_position position =
        has_position ? node->loading.position : journal_position(node);

    *manifest = (struct manifest){
        .base_history = position.history,
        .base_offset = position.offset,
        .is_off = snapshot_bytes > 0 && !has_position,
        .log = log_id(node),
        .save_number = manifest->save_number,
    };
    if (snapshot_bytes > 0) {
        bytes_to_text(bytes_from_text(node->config.dbfilename), manifest->base,
                      sizeof(manifest->base));
    }
}

/* What was found may be in the system's memory alone, after a mere kill; a power cut would bring back the one before. */
static void make_durable(struct node *node, uint64_t snapshot_bytes)
{
    const struct fs *fs = node->env.fs;
    struct errmsg error = {0};

    if (snapshot_bytes > 0 &&
        fs->truncate(fs->ctx, node->config.dbfilename, snapshot_bytes, &error) != FS_OK) {
        node_log(node, LOG_WARNING, "the snapshot %s cannot be synced: %s", node->config.dbfilename,
                 error.text);
    }
}

/* The manifest that says off is made durable: what comes next must not meet the one before. */
static bool stay_off(struct node *node, struct errmsg *error)
{
    const struct fs *fs = node->env.fs;
    char path[SEGMENT_PATH_SIZE];
    struct fs_info info;

    manifest_path(node, path);
    if (fs->get_info(fs->ctx, path, &info, error) != FS_OK ||
        fs->truncate(fs->ctx, path, info.size_bytes, error) != FS_OK) {
        errmsg_wrap(error, "the log's manifest %s cannot be synced", path);
        return false;
    }
    return true;
}

/* All that has to be on disk before the log is written. */
static bool write_first(struct node *node, uint64_t last_segment, struct errmsg *error)
{
    return (!node->undo.is_wanted || take_back_end(node, error)) &&
           disk_log_tidy(node, last_segment, error) &&
           (!node->undo.is_wanted || disk_log_begin_history(node, error)) &&
           write_at_start(node, error);
}

static void try_put_off(struct node *node)
{
    struct disk_base *base = &node->disk_base;
    struct errmsg error = {0};

    if (!write_first(node, base->last_segment, &error)) {
        disk_log_hold(node, &error);
        return;
    }
    base->is_put_off = false;
    base->is_wanted = false;
    disk_log_go_on(node);
    if (base->generation == node->disk_log.generation) {
        disk_log_set_based(node, !base->manifest.is_off);
    }
}

/* appendonly says whether the log goes on. */
static void take_appendonly(struct node *node)
{
    struct disk_base *base = &node->disk_base;

    if (!base->is_leaving && !node->config.appendonly) {
        base->leave_from = oplog_end(node->journal.log);
        base->leave_generation = oplog_generation(node->journal.log);
    }
    base->is_leaving = !node->config.appendonly;
}

bool disk_base_promises(const struct node *node)
{
    return disk_log_is_on(&node->disk_log) && !node->disk_base.is_leaving;
}

bool disk_base_begin(struct node *node, uint64_t snapshot_bytes, struct errmsg *error)
{
    struct disk_base *base = &node->disk_base;
    bool had_log = disk_base_has_log(node);

    if (!had_log && !node->config.appendonly) {
        base->save_number = base->manifest.save_number;
        return !base->is_there || stay_off(node, error);
    }
    if (!had_log) {
        make_durable(node, snapshot_bytes);
        take_new_base(node, snapshot_bytes);
    }
    base->manifest.has_end = false;
    base->save_number = base->manifest.save_number;
    if (had_log && node->loading.save_number > base->save_number) {
        base->save_number = node->loading.save_number;
    }
    take_appendonly(node);
    base->last_segment = had_log ? node->replay.last_segment : 0;
    base->generation = oplog_generation(node->journal.log);
    base->snapshot_bytes = snapshot_bytes;
    disk_log_begin(node);
    base->is_put_off = !write_first(node, base->last_segment, error);
    if (base->is_put_off && (!had_log || node->undo.is_wanted)) {
        base->is_put_off = false;
        disk_log_stop(node);
        return false;
    }
    base->is_there = true;
    if (base->is_put_off) {
        disk_log_hold(node, error);
    } else {
        disk_log_set_based(node, !base->manifest.is_off);
    }
    return true;
}

/* ---- the manifest ----------------------------------------------------------------------------- */

static void begin_write(struct node *node)
{
    struct disk_base *base = &node->disk_base;
    char path[SEGMENT_PATH_SIZE];
    struct buf text = {0};

    ASSERT(!files_is_writing(node, FILE_MANIFEST)); /* (1) */
    base->is_wanted = false;
    manifest_path(node, path);
    format(node, &text);
    base->writing_first = base->manifest.first;
    base->writing_based = base->based;
    base->writing_off = base->manifest.is_off;
    if (base->writing_off) {
        disk_log_set_based(node, false); /* (3): it may be on disk at any moment from here on */
    }
    files_begin(node, FILE_MANIFEST, path);
    files_append(node, FILE_MANIFEST, &text);
    files_commit(node, FILE_MANIFEST);
    buf_deinit(&text);
}

static void want_write(struct node *node)
{
    node->disk_base.is_wanted = true;
    pass_note_work(&node->pass);
}

static void note_written(struct node *node)
{
    if (node->disk_base.is_refused) {
        node->disk_base.is_refused = false;
        node_log(node, LOG_NOTICE, "the log's manifest can be written again");
    }
}

/* Told once, until it can be written again. */
static void note_unwritten(struct node *node, const struct errmsg *error)
{
    if (!node->disk_base.is_refused) {
        node->disk_base.is_refused = true;
        node_log(node, LOG_WARNING, "the log's manifest cannot be written, and is tried again: %s",
                 error->text);
    }
    node->disk_base.retry_at = mono_add_ms(node->now.mono, RETRY_MS);
}

void disk_base_file_done(struct node *node, bool is_ok, const struct errmsg *error)
{
    struct disk_base *base = &node->disk_base;

    if (is_ok) {
        log_retention_need(node, base->writing_first);
        note_written(node);
        if (base->writing_based == node->disk_log.generation) {
            disk_log_set_based(node,
                               disk_log_is_on(&node->disk_log) && !base->writing_off); /* (3) */
        }
    } else {
        note_unwritten(node, error);
    }
    if (base->ending == DISK_BASE_ENDS_SOON && !base->is_wanted) {
        base->ending = is_ok ? DISK_BASE_ENDED : DISK_BASE_FAILED;
        pass_note_work(&node->pass);
    } else if (!is_ok) {
        base->is_wanted = true; /* after a while, with the next snapshot, or the end */
    } else if (base->is_leaving && base->manifest.is_off && !base->is_wanted) {
        disk_log_stop(node);
    }
}

/* ---- snapshots -------------------------------------------------------------------------------- */

uint64_t disk_base_grown_bytes(const struct node *node)
{
    const struct segment_list *segments = &node->disk_log.segments;
    uint64_t bytes = 0;

    /* A disk that is slow may not be as far as the snapshot: then nothing is behind it.  What is kept for replicas
     * alone is no growth. */
    for (size_t i = first_segment(node); i < segments->count; i++) {
        bytes += segments->items[i].size_bytes;
    }
    return bytes;
}

static bool has_grown(const struct node *node)
{
    const struct config *config = &node->config;
    uint64_t limit =
        node->disk_base.snapshot_bytes / 100 * (uint64_t)config->auto_rewrite_percentage;
    uint64_t grown = disk_base_grown_bytes(node);

    return config->auto_rewrite_percentage > 0 &&
           grown >= (uint64_t)config->auto_rewrite_min_size && grown >= limit;
}

/* There is one that the log goes on from, though the manifest may not say so yet. */
static bool has_snapshot(const struct node *node)
{
    return node->disk_log.is_based || node->disk_base.based == node->disk_log.generation;
}

bool disk_base_needs_snapshot(const struct node *node)
{
    const struct disk_base *base = &node->disk_base;
    const struct disk_log *d = &node->disk_log;

    return disk_log_is_on(d) && base->ending == DISK_BASE_RUNS && !base->is_put_off &&
           (!has_snapshot(node) || (base->is_leaving && !base->manifest.is_off));
}

bool disk_base_wants_snapshot(const struct node *node)
{
    return disk_log_is_on(&node->disk_log) && !node->disk_base.is_put_off && has_grown(node);
}

/* Can the log be replayed on the place? */
static bool leads_on(const struct node *node, const struct replication_position *position)
{
    const struct disk_log *d = &node->disk_log;
    uint64_t end;

    return d->generation == oplog_generation(node->journal.log) &&
           oplog_history_end(node->journal.log, &position->history, &end) &&
           position->offset <= end &&
           (position->offset >= d->handed ||
            segment_list_find(&d->segments, &position->history, position->offset) != SIZE_MAX);
}

/* Does a snapshot of the place have everything that was promised while the log counted? */
static bool can_end_with(const struct disk_base *base, const struct replication_position *position,
                         uint64_t generation)
{
    return base->is_leaving &&
           (base->leave_generation != generation || position->offset >= base->leave_from);
}

uint64_t disk_base_new_save(struct node *node)
{
    return ++node->disk_base.save_number;
}

void disk_base_saved(struct node *node, const struct replication_position *position,
                     const char *name, uint64_t number, uint64_t bytes)
{
    struct disk_base *base = &node->disk_base;
    struct manifest *manifest = &base->manifest;

    if (!disk_log_is_on(&node->disk_log)) {
        return;
    }
    base->snapshot_bytes = bytes;
    if (!leads_on(node, position)) {
        return; /* another one is wanted: what is on disk has begun anew meanwhile */
    }
    bytes_to_text(bytes_from_text(name), manifest->base, sizeof(manifest->base));
    manifest->base_history = position->history;
    manifest->base_offset = position->offset;
    manifest->save_number = number;
    manifest->is_off = can_end_with(base, position, node->disk_log.generation);
    base->based = node->disk_log.generation;
    base->generation = node->disk_log.generation;
    want_write(node);
}

/* ---- an orderly end --------------------------------------------------------------------------- */

void disk_base_end(struct node *node)
{
    struct disk_base *base = &node->disk_base;

    if (!disk_log_is_on(&node->disk_log)) {
        base->ending = DISK_BASE_ENDED;
        return;
    }
    base->ending = DISK_BASE_ENDS;
    disk_log_want_sync(node);
}

void disk_base_go_on(struct node *node)
{
    struct disk_base *base = &node->disk_base;

    if (base->manifest.has_end) {
        base->manifest.has_end = false;
        want_write(node);
    }
    base->ending = DISK_BASE_RUNS;
}

static void end_when_synced(struct node *node)
{
    struct disk_base *base = &node->disk_base;
    const struct disk_log *d = &node->disk_log;

    /* Without the snapshot that it goes on from the log is nothing: the next start is not to look for its end. */
    if (disk_log_is_broken(d) || !has_snapshot(node)) {
        base->ending = DISK_BASE_FAILED;
        pass_note_work(&node->pass);
        return;
    }
    if (d->durable < oplog_end(node->journal.log)) {
        disk_log_want_sync(node);
        return;
    }
    base->manifest.has_end = true;
    base->manifest.end_history = *oplog_history(node->journal.log);
    base->manifest.end_offset = oplog_end(node->journal.log);
    base->ending = DISK_BASE_ENDS_SOON;
    base->is_wanted = true;
    base->retry_at = node->now.mono;
}

/* ---- the pass --------------------------------------------------------------------------------- */

void disk_base_configure(struct node *node)
{
    struct disk_base *base = &node->disk_base;

    if (!disk_log_is_on(&node->disk_log)) {
        return;
    }
    take_appendonly(node);
    pass_note_work(&node->pass);
    /* It stays after all, and the manifest on disk may say already that it does not count. */
    if (!base->is_leaving && base->manifest.is_off && base->based == node->disk_log.generation) {
        base->manifest.is_off = false;
        disk_log_set_based(node, false);
        want_write(node);
    }
}

/* Nothing of it counts before a snapshot of the data is there. */
static void begin_without_snapshot(struct node *node)
{
    struct disk_base *base = &node->disk_base;
    struct history_id id = log_id(node);

    log_retention_need(node, 0);
    *base = (struct disk_base){
        .manifest = {.is_off = true, .log = id},
        .save_number = base->save_number,
    };
    base->manifest.base_history = *oplog_history(node->journal.log);
    base->manifest.base_offset = oplog_end(node->journal.log);
    base->generation = oplog_generation(node->journal.log);
    base->is_there = true;
}

/* Somebody has removed the log's folder, or files in it: all that there is, is in memory. */
static void begin_again(struct node *node)
{
    struct disk_base *base = &node->disk_base;
    struct errmsg error = {0};
    bool is_ok;

    if (files_is_writing(node, FILE_MANIFEST) || log_retention_is_removing(node) ||
        base->ending != DISK_BASE_RUNS) {
        return; /* it comes back */
    }
    disk_log_stop(node);
    is_ok = disk_log_look(node, &error);
    begin_without_snapshot(node);
    take_appendonly(node);
    disk_log_begin(node);
    is_ok = is_ok && disk_log_tidy(node, 0, &error) && write_at_start(node, &error);
    disk_log_begin_again(node, is_ok ? NULL : &error);
    if (is_ok) {
        node_log(node, LOG_WARNING,
                 "files of the log in %s were gone: it begins again, with a snapshot; writes are "
                 "refused until that is there",
                 node->config.appenddirname);
    }
    pass_note_work(&node->pass);
}

/* The folder may be another one than at the start, and have the log of another server: that one is not ours to end. */
static bool has_no_other_log(const struct node *node, struct errmsg *error)
{
    struct manifest manifest = {0};
    bool is_there = false;

    if (!read_manifest(node, &manifest, &is_there, error)) {
        return false;
    }
    if (is_there && !manifest.is_off) {
        errmsg_set(error,
                   "the folder %s has a log of other data: start a server on it, or move it away",
                   node->config.appenddirname);
        return false;
    }
    return true;
}

bool disk_base_turn_on(struct node *node, struct errmsg *error)
{
    if (disk_log_is_on(&node->disk_log)) {
        return true;
    }
    if (!disk_log_look(node, error) || !has_no_other_log(node, error)) {
        return false;
    }
    begin_without_snapshot(node);
    disk_log_begin(node);
    if (!disk_log_tidy(node, 0, error) || !write_at_start(node, error)) {
        disk_log_stop(node);
        return false;
    }
    pass_note_work(&node->pass);
    return true;
}

static bool is_write_due(const struct node *node)
{
    return node->disk_base.is_wanted && !files_is_writing(node, FILE_MANIFEST) &&
           mono_is_due(node->disk_base.retry_at, node->now.mono);
}

/* What was not refused is written in the pass that wants it; and while the log is refused as well, that one's next attempt brings the
 * pass. */
struct mono_time disk_base_wake_at(const struct node *node)
{
    const struct disk_base *base = &node->disk_base;

    return disk_log_is_on(&node->disk_log) && !disk_log_is_broken(&node->disk_log) &&
                   base->is_refused && base->is_wanted && !files_is_writing(node, FILE_MANIFEST)
               ? base->retry_at
               : MONO_NEVER;
}

void disk_base_run(struct node *node)
{
    struct disk_base *base = &node->disk_base;

    if (!disk_log_is_on(&node->disk_log)) {
        return;
    }
    if (base->ending == DISK_BASE_ENDS) {
        end_when_synced(node);
    }
    if (base->is_put_off) {
        if (mono_is_due(node->disk_log.retry_at, node->now.mono)) {
            try_put_off(node);
        }
        return;
    }
    if (disk_log_is_to_begin_again(node)) {
        begin_again(node);
        return;
    }
    if (base->manifest.first == 0 && is_durable(node, first_segment(node))) {
        base->is_wanted = true; /* what is needed can be named now */
    }
    if (is_write_due(node)) {
        begin_write(node);
    }
    log_retention_run(node);
}

void disk_base_forget(struct node *node)
{
    ASSERT(!disk_log_is_on(&node->disk_log));
    ASSERT(!files_is_writing(node, FILE_MANIFEST));
    node->disk_base = (struct disk_base){0};
    log_retention_need(node, 0);
}

void disk_base_deinit(struct node *node)
{
    node->disk_base = (struct disk_base){0};
}

void disk_base_check(const struct node *node)
{
    const struct disk_base *base = &node->disk_base;

    ASSERT(base->ending != DISK_BASE_ENDED || !base->is_wanted);
    ASSERT(base->is_put_off == node->disk_log.is_held);
    ASSERT(!log_retention_is_removing(node) || node->disk_log.segments.count > 0);
    ASSERT(!base->manifest.has_end || base->ending != DISK_BASE_RUNS ||
           !disk_log_is_on(&node->disk_log)); /* (4) */
}
