/* SPDX-License-Identifier: MIT */
/* The journal: effects of commands become log, in order, once.
 *
 * What belongs together travels together: effects of one command, and those of all commands between
 * journal_begin and journal_end, are wrapped in MULTI and EXEC when there are several.  A SELECT goes
 * before them when the reader of the log has another database selected.
 *
 * Invariants:  (1) only a primary commits; a replica's log is what its primary has sent; at start it is what the log on
 *                  disk has
 *              (2) while a transaction is open the log does not grow
 *              (3) stream_db is what a reader that has read everything has selected, or -1
 * Owns the log and what is not in it yet. */
#ifndef STARLING_NODE_JOURNAL_H
#define STARLING_NODE_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "command/effects.h"
#include "persist/oplog.h"
#include "replication/replica.h"
#include "session/session.h"

struct node;

struct journal {
    struct oplog *log;
    int stream_db;
    struct effects effects;     /* of the command that is running */
    struct buf transaction;     /* requests of the open one */
    uint64_t transaction_count; /* of effects among them */
    bool is_in_transaction;
    uint64_t plain_from; /* requests that are no effects stand from here */
    uint64_t plain_end;  /* to here, and perhaps at the log's end */
    uint64_t changes;    /* since the last save; see saving.h */
    bool was_flushed;    /* by FLUSHALL: a file with what is gone would bring it back */
};

void journal_init(struct node *node);
void journal_deinit(struct node *node);

/* Where a command that runs puts its effects, for journal_commit. */
struct effects *journal_effects(struct node *node);

/* ---- what a primary writes ------------------------------------------------------------------ */

/* May this node put something into its log on its own account?  A primary with slots may not without
 * its lease: it may have been replaced, and would go on in a history that nobody shares. */
bool journal_is_open(const struct node *node);
/* Is this a primary with slots, or with some on the move, whose writes (of keys or of everything) need its lease? */
bool journal_needs_lease(const struct node *node);
/* Put the effects, of database db, into the log or into the open transaction. */
void journal_commit(struct node *node, struct effects *effects, unsigned db);
/* The session has written what the log ends with now: WAIT is about that. */
static inline void journal_note_write(const struct journal *journal, struct session *s)
{
    s->last_write_offset = oplog_end(journal->log);
    s->last_write_mark = history_mark(oplog_history(journal->log));
    s->forwarded_link = 0;
}

/* Effects from here on are committed together, by journal_end. */
void journal_begin(struct node *node);
void journal_end(struct node *node);
/* Put a request that changes no data (PUBLISH) into the log or into the open transaction. */
void journal_append_message(struct node *node, const struct bytes *words, size_t count);
/* Put a request that is no effect into the log (PING, REPLCONF GETACK). */
void journal_append_plain(struct node *node, const char *word1, const char *word2,
                          const char *word3);

/* The end of the log without what journal_append_plain has put behind all effects. */
static inline uint64_t journal_effects_end(const struct journal *journal)
{
    uint64_t end = oplog_end(journal->log);

    return end == journal->plain_end ? journal->plain_from : end;
}

/* ---- what is not in the log, or was not put there by us ------------------------------------- */

/* Data was changed without effects for the log: by our primary, or on a writable replica. */
void journal_note_changes(struct node *node, uint64_t count);
/* A save has these in it. */
void journal_saved(struct node *node, uint64_t changes);
void journal_note_flush(struct node *node);
/* Was everything flushed since the last call? */
bool journal_take_flush(struct node *node);
/* What our primary sent, or the log on disk has, byte for byte. */
void journal_append_received(struct node *node, struct bytes bytes);

/* ---- histories ------------------------------------------------------------------------------ */

/* Where our log stands. */
struct replication_position journal_position(const struct node *node);
/* The reader has db selected (a full resync, the stream of our primary); -1: nobody knows. */
void journal_set_db(struct node *node, int db);
/* Nothing before offset is in it; the history has the given id. */
void journal_restart(struct node *node, struct history_id history, uint64_t offset);
/* Go on under a new id, which another node has given or which is made here. */
void journal_adopt(struct node *node, struct history_id history);
struct history_id journal_fork(struct node *node);
/* At start: from the end on it is that history; and what is known of those before. */
void journal_go_on_as(struct node *node, struct history_id history);
void journal_set_lineage(struct node *node, const struct lineage *lineage);
/* Begin a history of our own at the same offset, which shares nothing with the one before. */
void journal_begin_history(struct node *node);
/* Give up what is older than the backlog, and not needed from keep_from on. */
void journal_trim(struct node *node, uint64_t keep_from);

void journal_check(const struct node *node);

#endif
