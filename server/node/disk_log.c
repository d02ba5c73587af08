/* SPDX-License-Identifier: MIT */
#include "node/disk_log.h"

#include "base/assert.h"
#include "base/phases.h"
#include "node/disk_head.h"
#include "node/inside.h"
#include "segment/segment.h"

enum {
    PASS_BYTES = 4 * 1024 * 1024,    /* handed over in one pass */
    GATHER_BYTES = 1024 * 1024,      /* handed over at once, */
    GATHER_MS = 5,                   /* or when it has waited so long */
    QUEUE_BYTES = 16 * 1024 * 1024,  /* unwritten bytes at which the log waits in memory */
    BEHIND_BYTES = 64 * 1024 * 1024, /* not yet durable: told */
    SYNC_EVERY_MS = 1000,
    RETRY_MS = 1000,
};

static const uint32_t allowed[] = {
    [DISK_LOG_OFF] = PHASE_TO(DISK_LOG_IDLE),
    [DISK_LOG_IDLE] = PHASE_TO(DISK_LOG_OPEN) | PHASE_TO(DISK_LOG_BROKEN) | PHASE_TO(DISK_LOG_OFF),
    [DISK_LOG_OPEN] = PHASE_TO(DISK_LOG_TURNING) | PHASE_TO(DISK_LOG_BROKEN) |
                      PHASE_TO(DISK_LOG_IDLE) | PHASE_TO(DISK_LOG_CLEARING) |
                      PHASE_TO(DISK_LOG_OFF),
    [DISK_LOG_TURNING] = PHASE_TO(DISK_LOG_IDLE) | PHASE_TO(DISK_LOG_BROKEN) |
                         PHASE_TO(DISK_LOG_CLEARING) | PHASE_TO(DISK_LOG_OFF),
    [DISK_LOG_CLEARING] =
        PHASE_TO(DISK_LOG_IDLE) | PHASE_TO(DISK_LOG_BROKEN) | PHASE_TO(DISK_LOG_OFF),
    [DISK_LOG_BROKEN] =
        PHASE_TO(DISK_LOG_IDLE) | PHASE_TO(DISK_LOG_REMOVING) | PHASE_TO(DISK_LOG_OFF),
    [DISK_LOG_REMOVING] =
        PHASE_TO(DISK_LOG_IDLE) | PHASE_TO(DISK_LOG_BROKEN) | PHASE_TO(DISK_LOG_OFF),
};

static void move(struct disk_log *d, enum disk_log_phase to)
{
    ASSERT(allowed[d->phase] & PHASE_TO(to));
    d->phase = to;
}

static bool is_strict(const struct node *node)
{
    return node->config.appendfsync == APPENDFSYNC_ALWAYS;
}

/* ---- at start --------------------------------------------------------------------------------- */

bool disk_log_look(struct node *node, struct errmsg *error)
{
    struct disk_log *d = &node->disk_log;

    ASSERT(d->phase == DISK_LOG_OFF);
    if (!segment_files_init(&d->files, node->env.fs, node->config.appenddirname)) {
        errmsg_set(error, "appenddirname is too long");
        return false;
    }
    d->source = segment_files_source(&d->files);
    segment_list_deinit(&d->segments);
    return segment_list_load(&d->segments, &d->source, error);
}

/* The newest first, so that what is left is a beginning of the chain whenever this is cut short. */
static bool remove_behind(struct node *node, uint64_t last_segment, struct errmsg *error)
{
    struct disk_log *d = &node->disk_log;

    while (d->segments.count > 0) {
        const struct segment_entry *entry = &d->segments.items[d->segments.count - 1];
        char path[SEGMENT_PATH_SIZE];

        if (entry->number <= last_segment && !entry->is_torn) {
            break;
        }
        segment_files_segment_path(&d->files, entry->number, path);
        if (node->env.fs->remove(node->env.fs->ctx, path, error) != FS_OK) {
            return false;
        }
        segment_list_remove_last(&d->segments);
    }
    return true;
}

/* Whatever comes next goes on where the log in memory stands. */
static void stand_at(struct node *node, uint64_t offset)
{
    struct disk_log *d = &node->disk_log;

    d->history = *oplog_history_at(node->journal.log, offset);
    d->generation = oplog_generation(node->journal.log);
    d->handed = offset;
    d->durable = offset;
    d->asked = offset;
}

/* After a mere kill it may be in the system's memory alone, and a segment begins only when all before it is durable; so
 * is a torn tail.  Also when nothing in it is needed: the next one has the next number. */
static bool sync_what_was_found(struct node *node, struct errmsg *error)
{
    struct disk_log *d = &node->disk_log;
    const struct segment_tail *tail = &node->replay.tail;
    struct segment_entry *last = &d->segments.items[d->segments.count - 1];
    bool has_tail = tail->number == last->number && tail->place >= SEGMENT_HEAD_BYTES;
    char path[SEGMENT_PATH_SIZE];

    ASSERT(!has_tail || tail->place <= last->size_bytes);
    segment_files_segment_path(&d->files, last->number, path);
    if (node->env.fs->truncate(node->env.fs->ctx, path, has_tail ? tail->place : last->size_bytes,
                               error) != FS_OK) {
        errmsg_wrap(error, "the log's segment %s cannot be synced", path);
        return false;
    }
    last->size_bytes = has_tail ? tail->place : last->size_bytes;
    return true;
}

void disk_log_begin(struct node *node)
{
    struct disk_log *d = &node->disk_log;

    ASSERT(d->phase == DISK_LOG_OFF && d->file == FS_NO_FILE);
    move(d, DISK_LOG_IDLE);
    stand_at(node, oplog_end(node->journal.log));
    d->is_anew = node->replay.has_hole;
    d->is_last_durable = d->segments.count > 0;
    d->syncs.began_at = node->now.mono;
}

bool disk_log_tidy(struct node *node, uint64_t last_segment, struct errmsg *error)
{
    struct disk_log *d = &node->disk_log;

    ASSERT(d->phase == DISK_LOG_IDLE || d->is_held);
    if (!remove_behind(node, last_segment, error) ||
        (d->segments.count > 0 && !sync_what_was_found(node, error))) {
        return false;
    }
    d->is_last_durable = d->segments.count > 0;
    return true;
}

static bool is_removing(const struct disk_log *d)
{
    return d->phase == DISK_LOG_REMOVING || d->phase == DISK_LOG_CLEARING;
}

/* The open segment gets nothing more. */
static void leave_file(struct node *node)
{
    struct disk_log *d = &node->disk_log;

    if (d->file != FS_NO_FILE && !is_removing(d)) {
        node->env.fs->append_close(node->env.fs->ctx, d->file);
    }
    d->file = FS_NO_FILE;
    d->file_bytes = 0;
    d->is_syncing = false;
}

void disk_log_stop(struct node *node)
{
    struct disk_log *d = &node->disk_log;

    if (d->phase == DISK_LOG_OFF) {
        return;
    }
    leave_file(node);
    move(d, DISK_LOG_OFF);
    d->is_held = false;
    d->is_lost = false;
    d->is_based = false;
    d->is_sync_wanted = false;
    d->problem = (struct errmsg){0};
}

void disk_log_deinit(struct node *node)
{
    disk_log_stop(node);
    segment_list_deinit(&node->disk_log.segments);
    buf_deinit(&node->disk_log.out);
}

/* ---- segments --------------------------------------------------------------------------------- */

/* Up to where bytes of the open segment's history, or of the next one, can be had. */
static uint64_t limit(const struct node *node)
{
    uint64_t end = 0;
    bool is_there = oplog_history_end(node->journal.log, &node->disk_log.history, &end);

    ASSERT(is_there);
    return end;
}

/* The last segment, of which nothing is durable, goes: its name is needed, nothing must be taken for good that is in it,
 * and a power cut could leave a gap in its place. */
static void remove_last(struct node *node, enum disk_log_phase phase)
{
    struct disk_log *d = &node->disk_log;
    char path[SEGMENT_PATH_SIZE];

    ASSERT(!d->is_last_durable && d->segments.count > 0);
    ASSERT(d->file == FS_NO_FILE);
    segment_files_segment_path(&d->files, d->segments.items[d->segments.count - 1].number, path);
    move(d, phase);
    d->file = node->env.fs->remove_later(node->env.fs->ctx, path);
}

/* The data was replaced, and with it the log in memory: what is on disk has nothing to do with it.  A disk that refuses
 * is tried again as before: its last segment may not be there at all. */
static void begin_anew(struct node *node)
{
    struct disk_log *d = &node->disk_log;

    node_log(node, LOG_NOTICE, "the log on disk begins anew: the data was replaced");
    d->is_based = false;
    d->is_anew = true;
    stand_at(node, oplog_start(node->journal.log));
    if (d->phase != DISK_LOG_OPEN && d->phase != DISK_LOG_TURNING) {
        return;
    }
    leave_file(node);
    if (d->is_last_durable) {
        move(d, DISK_LOG_IDLE);
    } else {
        remove_last(node, DISK_LOG_CLEARING);
    }
}

static uint64_t next_number(const struct disk_log *d)
{
    size_t count = d->segments.count;

    return count > 0 ? d->segments.items[count - 1].number + 1 : 1;
}

bool disk_log_begin_history(struct node *node, struct errmsg *error)
{
    struct disk_log *d = &node->disk_log;
    uint64_t number = next_number(d);
    struct segment_head head = disk_head_make(node);
    char path[SEGMENT_PATH_SIZE];
    struct buf out = {0};
    bool is_ok;

    ASSERT(d->phase == DISK_LOG_IDLE && !history_id_is_empty(&head.parent));
    segment_files_segment_path(&d->files, number, path);
    segment_write_head(&out, &head);
    is_ok = node->env.fs->write_whole(node->env.fs->ctx, path, buf_bytes(&out), error) == FS_OK;
    buf_deinit(&out);
    if (is_ok) {
        segment_list_add(&d->segments, number, &head);
        d->is_last_durable = true;
    }
    return is_ok;
}

static void open_segment(struct node *node)
{
    struct disk_log *d = &node->disk_log;
    uint64_t number = next_number(d);
    struct segment_head head = disk_head_make(node);
    struct buf out = {0};
    char path[SEGMENT_PATH_SIZE];

    segment_files_segment_path(&d->files, number, path);
    d->file = node->env.fs->append_open(node->env.fs->ctx, path, FS_APPEND_NEW);
    d->history = head.history;
    d->is_anew = false;
    move(d, DISK_LOG_OPEN);
    segment_list_add(&d->segments, number, &head);
    d->is_last_durable = false;
    segment_write_head(&out, &head);
    d->file_bytes = out.len;
    node->env.fs->append(node->env.fs->ctx, d->file, &out);
    buf_deinit(&out);
}

static bool is_full(const struct node *node)
{
    return node->disk_log.file_bytes >= (uint64_t)node->config.repl_log_segment_size;
}

static void hand_over(struct node *node)
{
    struct disk_log *d = &node->disk_log;
    uint64_t end = limit(node);
    struct buf *out = &d->out;

    ASSERT(d->handed <= end);
    ASSERT(out->len == 0);
    while (d->handed < end && out->len < PASS_BYTES && !is_full(node)) {
        struct segment_frame frame = {
            .start = d->handed, .durable = d->durable, .written_unix_ms = node->now.unix_ms};
        enum oplog_status status =
            oplog_read(node->journal.log, d->handed, SEGMENT_FRAME_MAX, &frame.bytes);
        uint64_t most = end - d->handed;

        ASSERT(status == OPLOG_OK && frame.bytes.len > 0); /* (4) */
        frame.bytes = bytes_prefix(frame.bytes, frame.bytes.len < most ? frame.bytes.len : most);
        segment_write_frame(out, &frame);
        d->handed += frame.bytes.len;
        d->file_bytes += segment_frame_size(&frame);
        segment_list_grow(&d->segments, segment_frame_size(&frame));
    }
    d->handed_at = node->now.mono;
    if (out->len > 0) {
        node->env.fs->append(node->env.fs->ctx, d->file, out);
    }
    pass_note_work_if(&node->pass, d->handed < end);
}

/* Handing over wakes the thread that writes, and what is written in one piece costs less: so what is new is gathered for
 * a moment, unless somebody waits for it or the segment ends.  What comes after a time without writes goes at once. */
static bool is_gathering(const struct node *node)
{
    const struct disk_log *d = &node->disk_log;
    uint64_t gathered = oplog_end(node->journal.log) - d->handed;

    return d->phase == DISK_LOG_OPEN && gathered > 0 && gathered < GATHER_BYTES &&
           mono_ms_between(d->handed_at, node->now.mono) < GATHER_MS && !is_strict(node) &&
           !d->is_sync_wanted &&
           d->file_bytes + gathered < (uint64_t)node->config.repl_log_segment_size &&
           history_id_equal(&d->history, oplog_history(node->journal.log));
}

static void hand_over_when_due(struct node *node)
{
    struct disk_log *d = &node->disk_log;

    if (d->handed < limit(node) && !is_gathering(node) &&
        node->env.fs->write_queued(node->env.fs->ctx, FS_LANE_GROWING) <= QUEUE_BYTES) {
        hand_over(node);
    }
}

/* Has the history of the open segment ended, or has that enough in it? */
static bool is_over(const struct node *node)
{
    const struct disk_log *d = &node->disk_log;

    return is_full(node) || (d->handed == limit(node) &&
                             !history_id_equal(&d->history, oplog_history(node->journal.log)));
}

/* ---- syncing ---------------------------------------------------------------------------------- */

static bool expects_company(const struct node *node)
{
    const struct disk_log *d = &node->disk_log;

    return is_strict(node) && d->phase == DISK_LOG_OPEN && !d->is_sync_wanted &&
           log_syncs_expect_company(&d->syncs, node->now.mono, node->release.waiting_count);
}

static bool is_sync_due(const struct node *node)
{
    const struct disk_log *d = &node->disk_log;

    if (d->is_syncing || d->handed == d->durable) {
        return false;
    }
    if (d->phase == DISK_LOG_TURNING || d->is_sync_wanted || is_strict(node)) {
        return true;
    }
    return node->config.appendfsync == APPENDFSYNC_EVERYSEC &&
           mono_ms_between(d->syncs.began_at, node->now.mono) >= SYNC_EVERY_MS;
}

static void begin_sync(struct node *node)
{
    struct disk_log *d = &node->disk_log;

    ASSERT(d->file != FS_NO_FILE);
    d->is_syncing = true;
    d->asked = d->handed;
    d->syncs.began_at = node->now.mono;
    d->is_sync_wanted = d->handed < oplog_end(node->journal.log) && d->is_sync_wanted;
    node->env.fs->append_sync(node->env.fs->ctx, d->file);
}

static void close_segment(struct node *node)
{
    ASSERT(node->disk_log.durable == node->disk_log.handed);
    leave_file(node);
    move(&node->disk_log, DISK_LOG_IDLE);
    pass_note_work(&node->pass);
}

static void note_recovery(struct node *node)
{
    struct disk_log *d = &node->disk_log;

    if (d->problem.text[0] != '\0' && !d->is_lost && !d->is_held) {
        node_log(node, LOG_NOTICE, "the log can be written again");
        d->problem = (struct errmsg){0};
    }
}

bool disk_log_synced(struct node *node, uint64_t file, uint64_t durable_bytes)
{
    struct disk_log *d = &node->disk_log;

    if (file != d->file || !d->is_syncing) {
        return false;
    }
    ASSERT(durable_bytes <= d->file_bytes);
    ASSERT(d->asked >= d->durable);
    note_recovery(node);
    d->is_syncing = false;
    d->is_last_durable = true;
    d->durable = d->asked;
    log_syncs_end(&d->syncs, node->now.mono, node->release.waiting_count);
    if (d->handed == oplog_end(node->journal.log)) {
        buf_shrink_when_empty(&d->out, 0); /* it may be long until there is more */
    }
    slow_note_work(node, LATENCY_LOG_SYNC, d->syncs.last_us * 1000);
    pass_note_work(&node->pass);
    return true;
}

/* ---- when the disk refuses -------------------------------------------------------------------- */

static void broken(struct node *node, const struct errmsg *error)
{
    struct disk_log *d = &node->disk_log;

    d->failure_count++;
    if (d->problem.text[0] == '\0') {
        node_log(node, LOG_WARNING,
                 "the log cannot be written, and is tried again until it can; writes are refused "
                 "meanwhile: %s",
                 error->text);
    }
    d->problem = *error;
    d->file = FS_NO_FILE; /* after a failure the id means nothing */
    d->file_bytes = 0;
    d->is_syncing = false;
    d->handed = d->durable;
    d->retry_at = mono_add_ms(node->now.mono, RETRY_MS);
    move(d, DISK_LOG_BROKEN);
}

void disk_log_hold(struct node *node, const struct errmsg *error)
{
    struct disk_log *d = &node->disk_log;

    ASSERT(d->phase == DISK_LOG_IDLE || d->is_held);
    if (!d->is_held) {
        d->is_held = true;
        broken(node, error);
    }
    d->problem = *error;
    d->retry_at = mono_add_ms(node->now.mono, RETRY_MS);
}

void disk_log_go_on(struct node *node)
{
    struct disk_log *d = &node->disk_log;

    ASSERT(d->is_held);
    move(d, DISK_LOG_IDLE);
    d->is_held = false;
    note_recovery(node);
    pass_note_work(&node->pass);
}

/* Who removes a folder leaves neither its first nor its last file. */
static bool are_files_gone(const struct node *node)
{
    const struct disk_log *d = &node->disk_log;
    uint64_t last = next_number(d) - 1;

    if (d->segments.count == 0 || (d->segments.count == 1 && !d->is_last_durable)) {
        return segment_files_are_gone(&d->files, 0, 0);
    }
    return segment_files_are_gone(&d->files, d->segments.items[0].number,
                                  d->is_last_durable ? last : last - 1);
}

bool disk_log_is_to_begin_again(const struct node *node)
{
    const struct disk_log *d = &node->disk_log;

    return d->is_lost && d->phase == DISK_LOG_BROKEN && mono_is_due(d->retry_at, node->now.mono);
}

void disk_log_begin_again(struct node *node, const struct errmsg *error)
{
    struct disk_log *d = &node->disk_log;

    ASSERT(d->phase == DISK_LOG_IDLE && !d->is_based);
    d->is_lost = true;
    d->is_anew = true;
    if (error != NULL) {
        d->problem = *error;
        d->retry_at = mono_add_ms(node->now.mono, RETRY_MS);
        move(d, DISK_LOG_BROKEN);
    } else {
        errmsg_set(&d->problem, "its files were gone, and the snapshot that it begins again with "
                                "is not there yet");
    }
}

static void try_again(struct node *node)
{
    struct disk_log *d = &node->disk_log;

    d->is_lost = d->is_lost || are_files_gone(node);
    if (d->is_lost) {
        return;
    }
    if (d->segments.count == 0 || d->is_last_durable) {
        move(d, DISK_LOG_IDLE);
    } else {
        remove_last(node, DISK_LOG_REMOVING);
    }
}

bool disk_log_file_done(struct node *node, uint64_t file, bool is_ok, const struct errmsg *error)
{
    struct disk_log *d = &node->disk_log;

    if (file != d->file || d->file == FS_NO_FILE) {
        return false;
    }
    if (!is_ok) {
        broken(node, error);
        return true;
    }
    ASSERT(is_removing(d));
    d->file = FS_NO_FILE;
    d->is_anew = d->is_anew || d->segments.items[d->segments.count - 1].head.is_anew;
    segment_list_remove_last(&d->segments);
    d->is_last_durable = d->segments.count > 0; /* (3) */
    move(d, DISK_LOG_IDLE);
    pass_note_work(&node->pass);
    return true;
}

/* ---- the pass --------------------------------------------------------------------------------- */

static bool still_follows(const struct node *node)
{
    return node->disk_log.generation == oplog_generation(node->journal.log);
}

/* Told once, until it has caught up. */
static void tell_when_behind(struct node *node)
{
    struct disk_log *d = &node->disk_log;
    uint64_t lag = oplog_end(node->journal.log) - d->durable;

    if (!d->is_behind && lag > BEHIND_BYTES && !disk_log_is_broken(d)) {
        node_log(node, LOG_WARNING,
                 "the disk is slower than the writes: %llu bytes of the log are not durable",
                 (unsigned long long)lag);
    }
    d->is_behind = lag > (d->is_behind ? BEHIND_BYTES / 4 : BEHIND_BYTES);
}

void disk_log_run(struct node *node)
{
    struct disk_log *d = &node->disk_log;

    if (d->phase == DISK_LOG_OFF) {
        return;
    }
    ASSERT(!node->journal.is_in_transaction);
    if (!still_follows(node)) {
        begin_anew(node);
    }
    if (d->phase == DISK_LOG_BROKEN && !d->is_held && mono_is_due(d->retry_at, node->now.mono)) {
        try_again(node);
    }
    if (d->phase == DISK_LOG_IDLE && d->handed < oplog_end(node->journal.log)) {
        open_segment(node);
    }
    if (d->phase == DISK_LOG_OPEN) {
        hand_over_when_due(node);
        if (is_over(node)) {
            move(d, DISK_LOG_TURNING);
        }
    }
    if ((d->phase == DISK_LOG_OPEN || d->phase == DISK_LOG_TURNING) && is_sync_due(node)) {
        if (expects_company(node)) {
            pass_note_work(&node->pass); /* look at the sockets without sleeping */
        } else {
            begin_sync(node);
        }
    }
    if (d->phase == DISK_LOG_TURNING && d->handed == d->durable) {
        close_segment(node);
    }
    d->is_sync_wanted = d->is_sync_wanted && d->durable < oplog_end(node->journal.log);
    tell_when_behind(node);
}

void disk_log_want_sync(struct node *node)
{
    if (disk_log_is_on(&node->disk_log)) {
        node->disk_log.is_sync_wanted = true;
        pass_note_work(&node->pass);
    }
}

uint64_t disk_log_durable(const struct node *node)
{
    const struct disk_log *d = &node->disk_log;

    return disk_log_is_on(d) && d->is_based && still_follows(node) ? d->durable : 0;
}

bool disk_log_holds_replies(const struct node *node)
{
    const struct disk_log *d = &node->disk_log;

    return disk_log_is_on(d) && is_strict(node) && d->is_based && !disk_log_is_broken(d) &&
           still_follows(node) && d->durable < oplog_end(node->journal.log);
}

const char *disk_log_refusal(const struct node *node)
{
    const struct disk_log *d = &node->disk_log;

    return UNLIKELY(disk_log_is_broken(d) || d->is_lost) ? d->problem.text : NULL;
}

void disk_log_set_based(struct node *node, bool is_based)
{
    ASSERT(!is_based || disk_log_is_on(&node->disk_log));
    node->disk_log.is_based = is_based;
    node->disk_log.is_lost = node->disk_log.is_lost && !is_based;
}

void disk_log_forget_first(struct node *node)
{
    ASSERT(node->disk_log.segments.count > 1);
    segment_list_remove_first(&node->disk_log.segments);
}

uint64_t disk_log_keep_from(const struct node *node)
{
    const struct disk_log *d = &node->disk_log;

    return disk_log_is_on(d) && still_follows(node) ? d->durable : UINT64_MAX;
}

struct mono_time disk_log_wake_at(const struct node *node)
{
    const struct disk_log *d = &node->disk_log;
    struct mono_time at = MONO_NEVER;

    if (d->phase == DISK_LOG_BROKEN) {
        return d->retry_at;
    }
    if (d->phase == DISK_LOG_OPEN && !d->is_syncing && d->handed > d->durable &&
        node->config.appendfsync == APPENDFSYNC_EVERYSEC) {
        at = mono_add_ms(d->syncs.began_at, SYNC_EVERY_MS);
    }
    return is_gathering(node) ? mono_earlier(at, mono_add_ms(d->handed_at, GATHER_MS)) : at;
}

void disk_log_check(const struct node *node)
{
    const struct disk_log *d = &node->disk_log;
    bool has_file = d->phase == DISK_LOG_OPEN || d->phase == DISK_LOG_TURNING || is_removing(d);

    ASSERT(has_file == (d->file != FS_NO_FILE));
    ASSERT(!d->is_syncing || d->phase == DISK_LOG_OPEN || d->phase == DISK_LOG_TURNING);
    ASSERT(disk_log_is_on(d) || !d->is_based);
    ASSERT(!is_removing(d) || !d->is_last_durable);
    ASSERT(!d->is_held || d->phase == DISK_LOG_BROKEN);
    ASSERT(!d->is_lost || (disk_log_is_on(d) && !d->is_held));
    ASSERT(d->phase != DISK_LOG_IDLE || d->is_last_durable == (d->segments.count > 0)); /* (3) */
    segment_list_check(&d->segments);
    if (!disk_log_is_on(d) || !still_follows(node)) {
        return;
    }
    ASSERT(d->durable <= d->handed);                      /* (1) */
    ASSERT(d->handed <= oplog_end(node->journal.log));    /* (1) */
    ASSERT(d->durable >= oplog_start(node->journal.log)); /* (4) */
    ASSERT(!d->is_syncing || (d->asked >= d->durable && d->asked <= d->handed));
    ASSERT(!disk_log_is_broken(d) || d->problem.text[0] != '\0');
}
