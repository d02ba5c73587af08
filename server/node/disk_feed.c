/* SPDX-License-Identifier: MIT */
#include "node/disk_feed.h"

#include "base/assert.h"
#include "node/inside.h"

enum {
    PIECE_BYTES = 128 * 1024,
};

/* Do the segments lead up to what memory has? */
static bool is_connected(const struct node *node)
{
    const struct disk_log *d = &node->disk_log;

    return disk_log_is_on(d) && !d->is_anew && !d->is_held &&
           d->generation == oplog_generation(node->journal.log);
}

uint64_t disk_feed_start(const struct node *node)
{
    uint64_t start = oplog_start(node->journal.log);
    uint64_t first = segment_list_first_offset(&node->disk_log.segments);

    return is_connected(node) && first < start ? first : start;
}

bool disk_feed_has(const struct node *node, uint64_t offset)
{
    return offset >= oplog_start(node->journal.log) ||
           (offset >= disk_feed_start(node) &&
            segment_list_find(&node->disk_log.segments, oplog_history_at(node->journal.log, offset),
                              offset) != SIZE_MAX);
}

static bool open_at(struct node *node, struct disk_feed *feed, uint64_t offset)
{
    const struct disk_log *d = &node->disk_log;

    segment_reader_init(&feed->reader, &d->source, &d->segments, false);
    feed->is_open = true;
    if (segment_reader_seek(&feed->reader, oplog_history_at(node->journal.log, offset), offset)) {
        return true;
    }
    disk_feed_close(feed);
    return false;
}

bool disk_feed_read(struct node *node, struct disk_feed *feed, uint64_t offset, struct bytes *out,
                    struct errmsg *error)
{
    ASSERT(offset < oplog_start(node->journal.log)); /* (1) */
    *out = (struct bytes){0};
    if (!disk_feed_has(node, offset) ||
        ((!feed->is_open || feed->reader.offset != offset) && !open_at(node, feed, offset))) {
        errmsg_set(error, "the log does not go back to offset %llu any more",
                   (unsigned long long)offset);
        return false;
    }
    switch (segment_reader_next(&feed->reader, PIECE_BYTES, out, error)) {
    case SEGMENT_READING_OK:
    case SEGMENT_READING_FORK:
        return true;
    case SEGMENT_READING_END:
        errmsg_set(error, "the log on disk ends at offset %llu",
                   (unsigned long long)feed->reader.offset);
        return false;
    case SEGMENT_READING_GONE:
    case SEGMENT_READING_DAMAGED:
    case SEGMENT_READING_FAILED:
        return false;
    }
    return false;
}

void disk_feed_close(struct disk_feed *feed)
{
    if (feed->is_open) {
        segment_reader_deinit(&feed->reader);
        feed->is_open = false;
    }
}
