/* SPDX-License-Identifier: MIT */
#include "node/log_retention.h"

#include "node/inside.h"

void log_retention_need(struct node *node, uint64_t first)
{
    node->log_retention.needed_from = first;
}

bool log_retention_is_removing(const struct node *node)
{
    return node->log_retention.removal != FS_NO_FILE;
}

/* The first segment, if nobody needs it and it is not to be kept. */
static const struct segment_entry *superfluous(const struct node *node)
{
    const struct segment_list *segments = &node->disk_log.segments;
    const struct segment_entry *first = segments->items;
    int64_t age_s;

    if (segments->count < 2 || node->log_retention.needed_from == 0 ||
        first->number >= node->log_retention.needed_from) {
        return NULL;
    }
    age_s = (node->now.unix_ms - segments->items[1].head.begun_unix_ms) / 1000;
    if (segment_list_is_continued(segments, 0) &&
        segment_list_size(segments) <= (uint64_t)node->config.repl_log_retention_size &&
        age_s <= node->config.repl_log_retention_time_s) {
        return NULL;
    }
    return first;
}

void log_retention_run(struct node *node)
{
    struct log_retention *kept = &node->log_retention;
    const struct segment_entry *first = superfluous(node);
    char path[SEGMENT_PATH_SIZE];

    if (first == NULL || kept->removal != FS_NO_FILE) {
        return;
    }
    segment_files_segment_path(&node->disk_log.files, first->number, path);
    kept->removal = node->env.fs->remove_later(node->env.fs->ctx, path);
}

bool log_retention_removed(struct node *node, uint64_t file, bool is_ok, const struct errmsg *error)
{
    struct log_retention *kept = &node->log_retention;

    if (file != kept->removal || file == FS_NO_FILE) {
        return false;
    }
    kept->removal = FS_NO_FILE;
    if (!is_ok) {
        node_log(node, LOG_WARNING, "an old segment of the log cannot be removed: %s", error->text);
        kept->needed_from = 0; /* until the manifest is written again */
        return true;
    }
    disk_log_forget_first(node);
    return true;
}
