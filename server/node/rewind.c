/* SPDX-License-Identifier: MIT */
#include "node/rewind.h"

#include "base/assert.h"
#include "node/inside.h"

void rewind_want(struct node *node, const struct replication_position *to)
{
    ASSERT(!node->role.is_primary);
    node->rewind.is_wanted = true;
    node->rewind.to = *to;
    pass_note_work(&node->pass);
}

void rewind_forget(struct node *node)
{
    node->rewind.is_wanted = false;
}

/* The snapshot that would be read may be newer than the manifest has it: the power went between the two. */
static bool is_snapshot_behind(const struct node *node, uint64_t offset)
{
    return node->disk_base.manifest.base_offset > offset ||
           (node->loading.has_position && node->loading.position.offset > offset);
}

enum rewind_chance rewind_chance(const struct node *node)
{
    const struct replication_position *to = &node->rewind.to;
    const struct disk_log *d = &node->disk_log;
    uint64_t end;

    ASSERT(node->rewind.is_wanted);
    if (to->offset == 0) {
        return REWIND_NEVER; /* nothing would be left; and to the replay it is no limit */
    }
    if (!disk_log_is_on(d) || !d->is_based || disk_log_is_broken(d) ||
        d->generation != oplog_generation(node->journal.log) ||
        !oplog_history_end(node->journal.log, &to->history, &end) || to->offset > end ||
        is_snapshot_behind(node, to->offset)) {
        return REWIND_NEVER;
    }
    if (node->saving.phase != SAVING_IDLE || node->saving.outcome != SAVING_NO_OUTCOME ||
        files_is_writing(node, FILE_MANIFEST) ||
        node->env.fs->write_queued(node->env.fs->ctx, FS_LANE_GROWING) > 0 ||
        node->loading.phase != LOAD_IDLE || log_retention_is_removing(node) ||
        node->ending.phase != ENDING_NOT) {
        return REWIND_LATER;
    }
    return REWIND_NOW;
}

void rewind_begin(struct node *node)
{
    struct replication_position to = node->rewind.to;
    struct errmsg error = {0};

    ASSERT(rewind_chance(node) == REWIND_NOW);
    node_log(node, LOG_NOTICE,
             "going back to offset %llu from %llu: what is behind it never was our primary's",
             (unsigned long long)to.offset, (unsigned long long)oplog_end(node->journal.log));
    rewind_forget(node);
    image_cancel(node, "the data goes back");
    move_image_cancel(node);
    replicas_drop_all(node, "the data goes back");
    data_replace(node, data_new_keyspace(node));
    data_set_complete(node, false);
    data_turn_memory(node);
    own_expiry_forget_all(node);
    apply_replaced(node);
    apply_restart(node, 0);
    disk_log_stop(node);
    disk_base_forget(node);
    replay_set_until(node, to.offset);
    if (!load_begin(node, &error)) {
        node_log(node, LOG_WARNING, "the log cannot be read again: %s", error.text);
        life_exit(node, 1);
    }
}
