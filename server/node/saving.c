/* SPDX-License-Identifier: MIT */
#include "node/saving.h"

#include "base/assert.h"
#include "base/phases.h"
#include "node/inside.h"

enum {
    RETRY_MS = 5000, /* after a save that failed */
};

static const uint32_t allowed[] = {
    [SAVING_IDLE] = PHASE_TO(SAVING_WALKING),
    [SAVING_WALKING] = PHASE_TO(SAVING_COMMITTING) | PHASE_TO(SAVING_IDLE),
    [SAVING_COMMITTING] = PHASE_TO(SAVING_IDLE),
};

static void move(struct saving *saving, enum saving_phase to)
{
    ASSERT(allowed[saving->phase] & PHASE_TO(to));
    saving->phase = to;
}

void saving_init(struct node *node)
{
    ASSERT(node->saving.phase == SAVING_IDLE);
    ASSERT(!files_is_writing(node, FILE_SAVE));
    node->saving = (struct saving){
        .is_last_ok = true,
        .last_duration_s = -1,
        .last_save_unix_s = node->now.unix_ms / 1000,
    };
}

bool saving_is_on(const struct node *node)
{
    return node->saving.phase != SAVING_IDLE || node->saving.is_wanted;
}

static void finished(struct node *node, bool is_ok, const char *reason)
{
    struct saving *saving = &node->saving;
    int64_t took_ms = mono_ms_between(saving->started_at, node->now.mono);

    ASSERT(saving->outcome == SAVING_NO_OUTCOME);
    ASSERT(!files_is_writing(node, FILE_SAVE));
    move(saving, SAVING_IDLE);
    saving->is_last_ok = is_ok;
    saving->last_duration_s = took_ms / 1000;
    saving->outcome = is_ok ? SAVING_WORKED : SAVING_FAILED;
    if (is_ok) {
        journal_saved(node, saving->changes_before);
        saving->last_save_unix_s = node->now.unix_ms / 1000;
        saving->save_count++;
        disk_base_saved(node, &saving->position, saving->path, saving->number, saving->bytes);
        node_log(node, LOG_NOTICE, "saved in %lld ms", (long long)took_ms);
    } else {
        node_log(node, LOG_WARNING, "saving failed: %s", reason);
    }
    waiting_on_file(node, HOLD_SAVE, is_ok ? NULL : "saving failed, see the server's log");
}

/* ---- the sink of the image -------------------------------------------------------------------- */

static void take(struct node *node, struct image_sink *sink, struct buf *bytes)
{
    ASSERT(sink == &node->saving.sink);
    ASSERT(node->saving.phase == SAVING_WALKING);
    node->saving.bytes += bytes->len;
    files_append(node, FILE_SAVE, bytes);
}

static bool has_room(const struct node *node, const struct image_sink *sink)
{
    ASSERT(sink == &node->saving.sink);
    return !files_are_backed_up(node);
}

static void end(struct node *node, struct image_sink *sink)
{
    ASSERT(sink == &node->saving.sink);
    move(&node->saving, SAVING_COMMITTING);
    files_commit(node, FILE_SAVE);
}

static void cancel(struct node *node, struct image_sink *sink, const char *reason)
{
    ASSERT(sink == &node->saving.sink);
    ASSERT(node->saving.phase == SAVING_WALKING);
    files_abort(node, FILE_SAVE);
    finished(node, false, reason);
}

static const struct image_sink_verbs sink_verbs = {
    .take = take, .has_room = has_room, .end = end, .cancel = cancel};

/* ---- beginning -------------------------------------------------------------------------------- */

static bool can_start(const struct node *node)
{
    return !node->image.is_on && !node->move_image.is_on && node->saving.phase == SAVING_IDLE &&
           node->saving.outcome == SAVING_NO_OUTCOME && !load_is_at_start(&node->loading);
}

static void start(struct node *node)
{
    struct saving *saving = &node->saving;

    ASSERT(can_start(node));
    ASSERT(saving->is_wanted);
    node_log(node, LOG_NOTICE, "saving %llu keys to %s",
             (unsigned long long)keyspace_count_all(node->data.keyspace), node->config.dbfilename);
    move(saving, SAVING_WALKING);
    saving->is_wanted = false;
    saving->started_at = node->now.mono;
    saving->last_try_at = node->now.mono;
    bytes_to_text(bytes_from_text(node->config.dbfilename), saving->path, sizeof(saving->path));
    files_begin(node, FILE_SAVE, saving->path);
    image_begin(node);
    saving->changes_before = node->image.changes_before;
    saving->position.history = *oplog_root_at(node->journal.log, node->image.position.offset);
    saving->position.offset = node->image.position.offset;
    saving->number = node->disk_base.save_number;
    saving->bytes = 0;
    image_join(node, &saving->sink, &sink_verbs);
    ASSERT(list_is_linked(&saving->sink.item));
}

void saving_want(struct node *node)
{
    node->saving.is_wanted = true;
    pass_note_work(&node->pass);
}

void saving_save(struct node *node)
{
    saving_want(node);
    if (can_start(node)) {
        start(node);
    }
    ASSERT(saving_is_on(node));
}

/* Not at once again when the last one failed. */
static bool may_try(const struct node *node)
{
    return node->saving.is_last_ok ||
           mono_ms_between(node->saving.last_try_at, node->now.mono) >= RETRY_MS;
}

bool saving_start_when_wanted(struct node *node)
{
    /* One that is under way may be what is needed. */
    if (!node->saving.is_wanted && can_start(node) && disk_base_needs_snapshot(node) &&
        may_try(node)) {
        node->saving.is_wanted = true;
    }
    if (node->saving.is_wanted && can_start(node)) {
        start(node);
    }
    return node->image.is_on;
}

/* With a log on disk the FLUSHALL is there, and with what was before it can be undone. */
void saving_after_flush(struct node *node)
{
    ASSERT(!node->journal.was_flushed);
    if (node->config.save_point_count > 0 && !load_is_at_start(&node->loading) &&
        !disk_log_is_on(&node->disk_log)) {
        saving_save(node);
    }
}

void saving_loaded(struct node *node, int64_t saved_unix_s)
{
    ASSERT(!load_is_at_start(&node->loading));
    ASSERT(node->saving.phase == SAVING_IDLE);
    journal_saved(node, node->journal.changes);
    ASSERT(node->journal.changes == 0);
    if (saved_unix_s > 0) {
        node->saving.last_save_unix_s = saved_unix_s;
    }
}

void saving_check_points(struct node *node)
{
    struct saving *saving = &node->saving;
    uint64_t changes = node->journal.changes;
    int64_t age_s = node->now.unix_ms / 1000 - saving->last_save_unix_s;

    if (saving_is_on(node) || load_is_at_start(&node->loading) || !may_try(node)) {
        return;
    }
    if (disk_base_wants_snapshot(node)) {
        node_log(node, LOG_NOTICE, "the log on disk has grown: saving");
        saving_save(node);
        return;
    }
    for (size_t i = 0; i < node->config.save_point_count; i++) {
        const struct save_point *point = &node->config.save_points[i];

        if (changes >= (uint64_t)point->changes && changes > 0 && age_s >= point->seconds) {
            node_log(node, LOG_NOTICE, "%llu changes in %lld seconds: saving",
                     (unsigned long long)changes, (long long)age_s);
            saving_save(node);
            return;
        }
    }
}

/* ---- the end ---------------------------------------------------------------------------------- */

void saving_file_done(struct node *node, bool is_ok, const struct errmsg *error)
{
    ASSERT(node->saving.phase != SAVING_IDLE);
    ASSERT(!is_ok || node->saving.phase == SAVING_COMMITTING);
    /* The disk refused before the walk was over. */
    if (node->saving.phase == SAVING_WALKING) {
        ASSERT(list_is_linked(&node->saving.sink.item));
        image_leave(&node->saving.sink);
    }
    finished(node, is_ok, is_ok ? "" : error->text);
}

enum saving_outcome saving_take_outcome(struct node *node)
{
    enum saving_outcome outcome = node->saving.outcome;

    ASSERT(outcome == SAVING_NO_OUTCOME || node->saving.phase == SAVING_IDLE);
    node->saving.outcome = SAVING_NO_OUTCOME;
    return outcome;
}

void saving_check(const struct node *node)
{
    const struct saving *saving = &node->saving;

    ASSERT((saving->phase != SAVING_IDLE) == files_is_writing(node, FILE_SAVE));
    ASSERT((saving->phase == SAVING_WALKING) == list_is_linked(&saving->sink.item));
    ASSERT(saving->phase != SAVING_WALKING || node->image.is_on);
    ASSERT(saving->outcome == SAVING_NO_OUTCOME || saving->phase == SAVING_IDLE); /* (2) */
    ASSERT(saving->phase == SAVING_IDLE ||
           saving->changes_before <= node->journal.changes); /* (3) */
}
