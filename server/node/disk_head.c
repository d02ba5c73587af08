/* SPDX-License-Identifier: MIT */
#include "node/disk_head.h"

#include "base/assert.h"
#include "node/inside.h"

/* What the next segment goes on from.  The one before may be of a history that has nothing in it, and still is the one
 * that has to be continued. */
static const struct history_id *parent_at(const struct node *node, uint64_t offset)
{
    const struct disk_log *d = &node->disk_log;
    const struct history_id *root = oplog_root_at(node->journal.log, offset);
    const struct segment_head *last;

    if (d->is_anew || d->segments.count == 0) {
        return root;
    }
    last = &d->segments.items[d->segments.count - 1].head;
    return last->start != offset ||
                   history_id_equal(&last->history, oplog_history_at(node->journal.log, offset))
               ? root
               : &last->history;
}

struct segment_head disk_head_make(const struct node *node)
{
    const struct disk_log *d = &node->disk_log;
    const struct history_id *parent = parent_at(node, d->handed);
    struct segment_head head = {
        .history = *oplog_history_at(node->journal.log, d->handed),
        .start = d->handed,
        .durable = d->durable,
        .is_anew = d->is_anew,
        .begun_unix_ms = node->now.unix_ms,
    };

    ASSERT(d->durable == d->handed); /* (1) */
    if (!history_id_equal(parent, &head.history)) {
        head.parent = *parent;
        head.parent_end = head.start;
    }
    return head;
}
