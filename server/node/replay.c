/* SPDX-License-Identifier: MIT */
#include "node/replay.h"

#include "base/assert.h"
#include "node/inside.h"

enum {
    PIECE_BYTES = 256 * 1024,
    PROGRESS_MS = 5000,
};

/* What is known of histories from before the snapshot's place. */
static void recall_lineage(struct node *node)
{
    const struct lineage *known = &node->disk_base.manifest.lineage;
    struct replication_position position = journal_position(node);
    struct lineage lineage = {0};

    for (size_t i = 0; i < known->count; i++) {
        if (known->items[i].end <= position.offset &&
            !history_id_equal(&known->items[i].history, &position.history)) {
            lineage_add(&lineage, &known->items[i].history, known->items[i].end);
        }
    }
    journal_set_lineage(node, &lineage);
}

/* Does the manifest name this very place, and nothing was durable yet behind it?  The snapshot there may be one from before
 * there was a log. */
static bool is_base_alone(const struct node *node)
{
    const struct manifest *manifest = &node->disk_base.manifest;
    struct replication_position position = journal_position(node);

    return manifest->first == 0 && manifest->base_offset == position.offset &&
           history_id_equal(&manifest->base_history, &position.history);
}

/* Is the snapshot newer than the manifest?  One that is made while the log begins anew is on disk before the manifest. */
static bool is_newer(const struct node *node)
{
    const struct manifest *manifest = &node->disk_base.manifest;
    const struct loading *loading = &node->loading;

    return loading->file_size > 0 && !history_id_is_empty(&loading->log) &&
           history_id_equal(&loading->log, &manifest->log) &&
           loading->save_number > manifest->save_number;
}

bool replay_begin(struct node *node, struct errmsg *error)
{
    struct replay *replay = &node->replay;
    const struct manifest *manifest = &node->disk_base.manifest;
    struct replication_position position = journal_position(node);

    ASSERT(!replay->is_on);
    ASSERT(disk_base_has_log(node));
    recall_lineage(node);
    replay->is_behind = false;
    replay->has_fork = false;
    replay->is_written = false;
    replay->tail = (struct segment_tail){0};
    replay->from = position.offset;
    replay->end = position.offset;
    replay->started_at = node->now.mono;
    replay->told_at = node->now.mono;
    replay->total_bytes = segment_list_size(&node->disk_log.segments);
    segment_reader_init(&replay->reader, &node->disk_log.source, &node->disk_log.segments, true);
    if (segment_reader_seek(&replay->reader, &position.history, position.offset)) {
        replay->is_on = true;
        replay->last_segment = replay->reader.number;
        /* It may stand in one that was being begun, whose head is not there. */
        replay->has_hole = segment_list_find(&node->disk_log.segments, &position.history,
                                             position.offset) == SIZE_MAX;
        return true;
    }
    segment_reader_deinit(&replay->reader);
    replay->last_segment = 0;
    if (is_base_alone(node) || is_newer(node)) {
        replay->has_hole = true;
        return true;
    }
    errmsg_set(error,
               "%s is at offset %llu of history %s, which the log in %s has nothing to do with. "
               "Put the snapshot back that it goes on from (%s at offset %llu of %s), or move %s "
               "away to start from the snapshot alone.",
               disk_base_snapshot(node), (unsigned long long)position.offset, position.history.text,
               node->config.appenddirname, manifest->base[0] != '\0' ? manifest->base : "none",
               (unsigned long long)manifest->base_offset, manifest->base_history.text,
               node->config.appenddirname);
    return false;
}

static void tell_progress(struct node *node)
{
    struct replay *replay = &node->replay;

    if (mono_ms_between(replay->told_at, node->now.mono) < PROGRESS_MS ||
        replay->total_bytes == 0) {
        return;
    }
    replay->told_at = node->now.mono;
    node_log(node, LOG_NOTICE, "replaying the log: offset %llu, %llu%%",
             (unsigned long long)oplog_end(node->journal.log),
             (unsigned long long)(replay->read_bytes * 100 / replay->total_bytes));
}

/* The last run may have written more than is found here: unless it has said where its end is. */
static bool has_orderly_end(const struct node *node)
{
    const struct manifest *manifest = &node->disk_base.manifest;
    struct replication_position position = journal_position(node);

    return manifest->has_end && history_id_equal(&manifest->end_history, &position.history) &&
           manifest->end_offset == position.offset;
}

/* What an orderly end has said to be there must be. */
static bool is_short(const struct node *node, struct errmsg *error)
{
    const struct manifest *manifest = &node->disk_base.manifest;
    uint64_t end = oplog_end(node->journal.log);

    if (node->replay.until > 0 || !manifest->has_end || end >= manifest->end_offset) {
        return false;
    }
    errmsg_set(
        error,
        "the log in %s ends at offset %llu, and had come to an orderly end at %llu: files of "
        "it are missing or cut off. starling-cli --check-log tells what is there.",
        node->config.appenddirname, (unsigned long long)end,
        (unsigned long long)manifest->end_offset);
    return true;
}

/* What was undone is void: the newest segment that has something before the end is the last one that counts. */
static uint64_t last_that_counts(const struct node *node)
{
    const struct segment_list *segments = &node->disk_log.segments;
    size_t index = segment_list_index(segments, node->replay.last_segment);

    ASSERT(index != SIZE_MAX);
    while (index > 0 && segments->items[index].head.start >= oplog_end(node->journal.log) &&
           segment_list_is_continued(segments, index - 1)) {
        index--;
    }
    return segments->items[index].number;
}

/* Of a request that was not whole at the end there may be more than the end of one segment: those that begin within it have
 * nothing that counts, and what is written next begins before them.  The one that the log ends in stays, also with nothing in it:
 * what it makes void stays so. */
static uint64_t last_that_begins_in(const struct node *node, uint64_t number)
{
    const struct segment_list *segments = &node->disk_log.segments;
    size_t index = segment_list_index(segments, number);

    while (index != SIZE_MAX && index > 0 &&
           segments->items[index].head.start > oplog_end(node->journal.log) &&
           segment_list_is_continued(segments, index - 1)) {
        index--;
    }
    return index != SIZE_MAX ? segments->items[index].number : number;
}

static void finish(struct node *node)
{
    struct replay *replay = &node->replay;

    if (replay->is_on && replay->is_behind) {
        replay->last_segment = last_that_counts(node);
        segment_reader_deinit(&replay->reader);
        replay->is_on = false;
    }
    if (replay->is_on) {
        struct segment_tail tail = segment_reader_tail(&replay->reader);

        replay->tail = tail;
        replay->last_segment = last_that_begins_in(node, tail.number);
        if (tail.torn_bytes > 0 && replay->until == 0) {
            node_log(node, LOG_WARNING,
                     "the log ends in the middle: segment %llu is cut off at byte %llu, and %llu "
                     "bytes behind it, which were never durable, are passed over",
                     (unsigned long long)tail.number, (unsigned long long)tail.place,
                     (unsigned long long)tail.torn_bytes);
        }
        replay->has_hole = replay->has_hole || replay->reader.next < replay->reader.offset;
        segment_reader_deinit(&replay->reader);
        replay->is_on = false;
    }
    replay->end = oplog_end(node->journal.log);
    replay->is_clean = !replay->is_behind && has_orderly_end(node);
    replay->until = 0;
    apply_restart(node, node->apply.db);
    node_log(node, LOG_NOTICE, "replayed the log from offset %llu to %llu in %lld ms%s",
             (unsigned long long)replay->from, (unsigned long long)replay->end,
             (long long)mono_ms_between(replay->started_at, node->env.now(node->env.context).mono),
             replay->is_clean ? "" : "; there was no orderly end");
}

static enum replay_status take(struct node *node, struct bytes bytes, struct errmsg *error)
{
    struct replay *replay = &node->replay;

    replay->read_bytes += bytes.len;
    replay->last_segment = replay->reader.number;
    replay->is_written = true;
    replay->written_unix_ms = replay->reader.written_unix_ms;
    if (replay->has_fork) {
        replay->has_fork = false;
        journal_go_on_as(node, replay->fork);
    }
    if (!apply_bytes(node, bytes, error)) {
        errmsg_wrap(error, "segment %llu of the log in %s, at offset %llu",
                    (unsigned long long)replay->reader.number, node->config.appenddirname,
                    (unsigned long long)oplog_end(node->journal.log));
        return REPLAY_FAILED;
    }
    journal_trim(node, UINT64_MAX);
    return REPLAY_MORE;
}

/* The bytes, or as many of them as are to be replayed. */
static enum replay_status take_wanted(struct node *node, struct bytes bytes, struct errmsg *error)
{
    struct replay *replay = &node->replay;

    if (node->undo.is_wanted) {
        size_t wanted = undo_count_before(node, bytes);

        replay->is_behind = wanted < bytes.len;
        bytes = bytes_prefix(bytes, wanted);
    }
    return bytes.len > 0 ? take(node, bytes, error) : REPLAY_MORE;
}

/* A history that begins where an undo ends is not ours. */
static enum replay_status take_fork(struct node *node, struct errmsg *error)
{
    struct replay *replay = &node->replay;

    if (replay->reader.offset != oplog_end(node->journal.log)) {
        errmsg_set(error, "the log changes its history in the midst of a request");
        return REPLAY_FAILED;
    }
    if (replay->has_fork) {
        journal_go_on_as(node, replay->fork); /* nothing was written in it */
    }
    replay->has_fork = true;
    replay->fork = replay->reader.history;
    return REPLAY_MORE;
}

static enum replay_status end(struct node *node, struct errmsg *error)
{
    struct replay *replay = &node->replay;

    if (replay->has_fork && !replay->is_behind) {
        replay->has_fork = false;
        journal_go_on_as(node, replay->fork);
        replay->last_segment = replay->reader.number;
    }
    finish(node);
    if (node->undo.is_wanted) {
        return undo_judge(node, error) ? REPLAY_DONE : REPLAY_FAILED;
    }
    return is_short(node, error) ? REPLAY_FAILED : REPLAY_DONE;
}

/* Damage behind the place that an undo goes back to does not count. */
static bool is_beyond_undo(const struct node *node)
{
    return node->undo.is_wanted && !node->undo.place.is_time &&
           node->replay.reader.offset >= node->undo.place.offset;
}

enum replay_status replay_step(struct node *node, struct errmsg *error)
{
    struct replay *replay = &node->replay;
    size_t most = PIECE_BYTES;
    struct bytes bytes = {0};

    if (replay->until > 0 && replay->until - replay->reader.offset < most) {
        most = (size_t)(replay->until - replay->reader.offset);
    }
    if (!replay->is_on || most == 0 || replay->is_behind) {
        return end(node, error);
    }
    tell_progress(node);
    switch (segment_reader_next(&replay->reader, most, &bytes, error)) {
    case SEGMENT_READING_OK:
        return take_wanted(node, bytes, error);
    case SEGMENT_READING_FORK:
        return take_fork(node, error);
    case SEGMENT_READING_END:
        return end(node, error);
    case SEGMENT_READING_DAMAGED:
        replay->is_behind = is_beyond_undo(node);
        return replay->is_behind ? REPLAY_MORE : REPLAY_FAILED;
    case SEGMENT_READING_GONE:
    case SEGMENT_READING_FAILED:
        return REPLAY_FAILED;
    }
    return REPLAY_FAILED;
}

void replay_set_until(struct node *node, uint64_t offset)
{
    ASSERT(!node->replay.is_on);
    node->replay.until = offset;
}

void replay_deinit(struct node *node)
{
    if (node->replay.is_on) {
        segment_reader_deinit(&node->replay.reader);
        node->replay.is_on = false;
    }
}
