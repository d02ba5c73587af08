/* SPDX-License-Identifier: MIT */
/* Effects become log: in order, once, wrapped in MULTI/EXEC when there are several, behind a SELECT when
 * the stream's database changes. */
#include "node/state.h"

#include "base/assert.h"
#include "base/num.h"
#include "cluster/cluster.h"

static void select_db(struct node *node, unsigned db)
{
    struct buf request = {0};
    char number[NUM_I64_TEXT];
    struct bytes words[2] = {BYTES_LITERAL("SELECT")};

    if (node->stream_db == (int)db) {
        return;
    }
    words[1] = bytes_make(number, num_format_u64(number, db));
    resp_write_request(&request, words, 2);
    oplog_append(node->log, buf_bytes(&request));
    buf_deinit(&request);
    node->stream_db = (int)db;
}

void commit_effects(struct node *node, struct effects *effects, unsigned db)
{
    ASSERT(node->is_primary);
    if (effects->count == 0) {
        return;
    }
    select_db(node, db);
    if (effects->count > 1) {
        oplog_append(node->log, BYTES_LITERAL("*1\r\n$5\r\nMULTI\r\n"));
    }
    oplog_append(node->log, effects_bytes(effects));
    if (effects->count > 1) {
        oplog_append(node->log, BYTES_LITERAL("*1\r\n$4\r\nEXEC\r\n"));
    }
    node->saving.changes += effects->count;
}

bool commit_needs_lease(const struct node *node)
{
    return node->cluster != NULL && node->is_primary && cluster_has_slots(node->cluster);
}

bool commit_is_allowed(const struct node *node)
{
    return node->is_primary &&
           (!commit_needs_lease(node) || cluster_has_lease(node->cluster, node->now.mono));
}

void commit_plain(struct node *node, const char *word1, const char *word2, const char *word3)
{
    struct buf request = {0};
    struct bytes words[3];
    size_t count = 0;

    ASSERT(node->is_primary);
    words[count++] = bytes_from_text(word1);
    if (word2 != NULL) {
        words[count++] = bytes_from_text(word2);
    }
    if (word3 != NULL) {
        words[count++] = bytes_from_text(word3);
    }
    resp_write_request(&request, words, count);
    oplog_append(node->log, buf_bytes(&request));
    buf_deinit(&request);
}

void commit_trim_log(struct node *node)
{
    uint64_t keep_from =
        feeds_oldest_cursor((const struct feed *const *)node->feeds, node->feed_count);

    if (node->snapshot.is_on && node->snapshot.offset < keep_from) {
        keep_from = node->snapshot.offset;
    }
    if (sync_file_keeps_from(node) < keep_from) {
        keep_from = sync_file_keeps_from(node);
    }
    oplog_trim(node->log, (uint64_t)node->config.repl_backlog_size, keep_from);
}
