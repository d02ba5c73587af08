/* SPDX-License-Identifier: MIT */
#include "node/journal.h"

#include "base/assert.h"
#include "base/num.h"
#include "cluster/range_admin.h"
#include "node/inside.h"

void journal_init(struct node *node)
{
    ASSERT(node->journal.log == NULL);
    node->journal.log = oplog_new(history_id_make(&node->rng), 0);
    node->journal.stream_db = -1;
}

void journal_deinit(struct node *node)
{
    ASSERT(!node->journal.is_in_transaction);
    effects_deinit(&node->journal.effects);
    buf_deinit(&node->journal.transaction);
    oplog_free(node->journal.log);
    node->journal = (struct journal){0};
}

struct effects *journal_effects(struct node *node)
{
    return &node->journal.effects;
}

/* ---- what a primary writes -------------------------------------------------------------------- */

bool journal_needs_lease(const struct node *node)
{
    return node->cluster != NULL && node->role.is_primary &&
           (cluster_has_slots(node->cluster) || cluster_range_count(node->cluster) > 0);
}

bool journal_is_open(const struct node *node)
{
    return node->role.is_primary &&
           (!journal_needs_lease(node) || cluster_has_lease(node->cluster, node->now.mono));
}

static void append_select(struct buf *out, unsigned db)
{
    char number[NUM_I64_TEXT];
    struct bytes words[2] = {BYTES_LITERAL("SELECT")};

    words[1] = bytes_make(number, num_format_u64(number, db));
    resp_write_request(out, words, 2);
}

static void select_db(struct node *node, unsigned db)
{
    struct journal *journal = &node->journal;
    struct buf request = {0};

    if (LIKELY(journal->stream_db == (int)db)) {
        return;
    }
    ASSERT(db < data_database_count(node));
    append_select(&request, db);
    if (journal->is_in_transaction) {
        buf_append_bytes(&journal->transaction, buf_bytes(&request));
    } else {
        oplog_append(journal->log, buf_bytes(&request));
    }
    buf_deinit(&request);
    journal->stream_db = (int)db;
}

/* One piece of the log, which a reader executes as a whole. */
static void append_together(struct oplog *log, struct bytes requests, uint64_t effect_count)
{
    if (UNLIKELY(effect_count > 1)) {
        oplog_append(log, BYTES_LITERAL("*1\r\n$5\r\nMULTI\r\n"));
    }
    oplog_append(log, requests);
    if (UNLIKELY(effect_count > 1)) {
        oplog_append(log, BYTES_LITERAL("*1\r\n$4\r\nEXEC\r\n"));
    }
}

void journal_commit(struct node *node, struct effects *effects, unsigned db)
{
    struct journal *journal = &node->journal;

    ASSERT(node->role.is_primary);
    if (effects->count == 0) {
        return;
    }
    select_db(node, db);
    journal->changes += effects->count;
    if (UNLIKELY(journal->is_in_transaction)) {
        buf_append_bytes(&journal->transaction, effects_bytes(effects));
        journal->transaction_count += effects->count;
    } else {
        append_together(journal->log, effects_bytes(effects), effects->count);
    }
}

void journal_begin(struct node *node)
{
    ASSERT(node->role.is_primary);
    ASSERT(!node->journal.is_in_transaction);
    ASSERT(node->journal.transaction.len == 0);
    node->journal.is_in_transaction = true;
    node->journal.transaction_count = 0;
}

void journal_end(struct node *node)
{
    struct journal *journal = &node->journal;

    ASSERT(journal->is_in_transaction);
    ASSERT(journal->transaction.len > 0 || journal->transaction_count == 0);
    journal->is_in_transaction = false;
    if (journal->transaction.len > 0) {
        append_together(journal->log, buf_bytes(&journal->transaction), journal->transaction_count);
    }
    buf_clear(&journal->transaction);
    buf_shrink_when_empty(&journal->transaction, 0);
}

void journal_append_message(struct node *node, const struct bytes *words, size_t count)
{
    struct journal *journal = &node->journal;
    struct buf request = {0};

    ASSERT(node->role.is_primary);
    resp_write_request(&request, words, count);
    if (journal->is_in_transaction) {
        buf_append_bytes(&journal->transaction, buf_bytes(&request));
        journal->transaction_count++;
    } else {
        oplog_append(journal->log, buf_bytes(&request));
    }
    buf_deinit(&request);
}

void journal_append_plain(struct node *node, const char *word1, const char *word2,
                          const char *word3)
{
    const char *texts[] = {word1, word2, word3};
    struct buf request = {0};
    struct bytes words[3];
    size_t count = 0;

    ASSERT(node->role.is_primary);
    ASSERT(!node->journal.is_in_transaction);
    while (count < ARRAY_COUNT(texts) && texts[count] != NULL) {
        words[count] = bytes_from_text(texts[count]);
        count++;
    }
    ASSERT(count > 0);
    resp_write_request(&request, words, count);
    node->journal.plain_from = journal_effects_end(&node->journal);
    oplog_append(node->journal.log, buf_bytes(&request));
    node->journal.plain_end = oplog_end(node->journal.log);
    buf_deinit(&request);
}

/* ---- what is not in the log, or was not put there by us --------------------------------------- */

void journal_note_changes(struct node *node, uint64_t count)
{
    node->journal.changes += count;
}

void journal_saved(struct node *node, uint64_t changes)
{
    uint64_t *rest = &node->journal.changes;

    ASSERT(!node->journal.is_in_transaction);
    *rest -= changes < *rest ? changes : *rest;
}

void journal_note_flush(struct node *node)
{
    node->journal.was_flushed = true;
}

bool journal_take_flush(struct node *node)
{
    bool was_flushed = node->journal.was_flushed;

    node->journal.was_flushed = false;
    return was_flushed;
}

void journal_append_received(struct node *node, struct bytes bytes)
{
    ASSERT(!node->role.is_primary || node->loading.phase == LOAD_LOG);
    ASSERT(bytes.len > 0);
    oplog_append(node->journal.log, bytes);
}

/* ---- histories -------------------------------------------------------------------------------- */

struct replication_position journal_position(const struct node *node)
{
    return (struct replication_position){
        .history = *oplog_history(node->journal.log),
        .offset = oplog_end(node->journal.log),
    };
}

void journal_set_db(struct node *node, int db)
{
    ASSERT(db >= -1 && db < node->config.databases);
    node->journal.stream_db = db;
}

void journal_restart(struct node *node, struct history_id history, uint64_t offset)
{
    ASSERT(!node->journal.is_in_transaction);
    node->journal.plain_end = UINT64_MAX; /* an offset may come again */
    oplog_restart(node->journal.log, history, offset);
}

void journal_adopt(struct node *node, struct history_id history)
{
    ASSERT(!node->role.is_primary);
    oplog_adopt(node->journal.log, history);
    ASSERT(history_id_equal(oplog_history(node->journal.log), &history));
}

struct history_id journal_fork(struct node *node)
{
    struct history_id history = history_id_make(&node->rng);

    ASSERT(!node->journal.is_in_transaction);
    oplog_fork(node->journal.log, history);
    node->journal.stream_db = -1;
    return history;
}

void journal_go_on_as(struct node *node, struct history_id history)
{
    ASSERT(node->loading.phase == LOAD_LOG);
    oplog_adopt(node->journal.log, history);
}

void journal_set_lineage(struct node *node, const struct lineage *lineage)
{
    ASSERT(load_is_at_start(&node->loading) || node->loading.phase == LOAD_IDLE);
    oplog_set_lineage(node->journal.log, lineage);
}

void journal_begin_history(struct node *node)
{
    ASSERT(node->role.is_primary);
    journal_restart(node, history_id_make(&node->rng), oplog_end(node->journal.log));
    node->journal.stream_db = -1;
}

void journal_trim(struct node *node, uint64_t keep_from)
{
    uint64_t start = oplog_start(node->journal.log);

    ASSERT(node->config.repl_backlog_size >= 0);
    oplog_trim(node->journal.log, (uint64_t)node->config.repl_backlog_size, keep_from);
    ASSERT(oplog_start(node->journal.log) <= keep_from || oplog_start(node->journal.log) == start);
}

void journal_check(const struct node *node)
{
    const struct journal *journal = &node->journal;

    oplog_check(journal->log);
    ASSERT(journal->is_in_transaction || journal->transaction.len == 0);
    ASSERT(!journal->is_in_transaction || node->role.is_primary);
    ASSERT(!journal->is_in_transaction || journal->transaction_count > 0 ||
           journal->transaction.len == 0);
    ASSERT(journal->stream_db >= -1 && journal->stream_db < node->config.databases);
}
