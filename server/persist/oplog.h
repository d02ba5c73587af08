/* SPDX-License-Identifier: MIT */
/* The operation log: the single ordered stream of everything that changed.
 *
 * Replication reads it, and what is kept of it in memory is the backlog.  An offset names a byte
 * since the birth of a history and never repeats within it.  end_offset is the offset of the next
 * byte to come; "replication offset" in INFO and ROLE is end_offset, as Redis counts it (the number
 * of bytes so far).
 *
 * A history id is 40 hex characters.  After a take-over the log has a new history, which goes on from where the one
 * before was left: its lineage (base/lineage.h) has those that it has grown from.
 *
 * Invariants:  (1) start_offset <= end_offset
 *              (2) [start_offset, end_offset) is in memory, without gaps
 *              (3) oplog_trim never drops a byte at or beyond the offset it is told to keep
 *
 * Owns its memory, in blocks, so that trimming and appending never move bytes.  Loop thread only. */
#ifndef STARLING_PERSIST_OPLOG_H
#define STARLING_PERSIST_OPLOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "base/history.h"
#include "base/lineage.h"

enum oplog_status {
    OPLOG_OK = 0,
    OPLOG_GONE,   /* trimmed: the reader needs a snapshot */
    OPLOG_BEYOND, /* never written: the reader has another history */
};

struct oplog;

struct oplog *oplog_new(struct history_id history, uint64_t end_offset);
void oplog_free(struct oplog *log);

const struct history_id *oplog_history(const struct oplog *log);
/* The history before the last take-over and the offset up to which it is ours; an id of
 * zeros ("000...") when there is none. */
const struct history_id *oplog_previous_history(const struct oplog *log);
uint64_t oplog_previous_end(const struct oplog *log);
/* The histories that this one has grown from. */
const struct lineage *oplog_lineage(const struct oplog *log);
/* In which of them, or in the present one, is the byte at offset, or will be? */
const struct history_id *oplog_history_at(const struct oplog *log, uint64_t offset);
/* Up to which offset is a history the log's?  The present one is up to its end.  False: not at all. */
MUST_USE bool oplog_history_end(const struct oplog *log, const struct history_id *history,
                                uint64_t *end);
/* In which of them is an offset best known to others?  The oldest one that was left there, since those after it have
 * nothing before it; or the one that it is in. */
const struct history_id *oplog_root_at(const struct oplog *log, uint64_t offset);
uint64_t oplog_start(const struct oplog *log);
uint64_t oplog_end(const struct oplog *log);

void oplog_append(struct oplog *log, struct bytes bytes);
/* Borrow up to max_bytes from offset on, never across a block, so possibly less; empty at the end.
 * Valid until the next trim. */
MUST_USE enum oplog_status oplog_read(const struct oplog *log, uint64_t offset, size_t max_bytes,
                                      struct bytes *out);
/* Drop what is both older than the newest keep_bytes and before keep_from; whole blocks only. */
void oplog_trim(struct oplog *log, uint64_t keep_bytes, uint64_t keep_from);

/* A new history that goes on from here: a take-over. */
void oplog_fork(struct oplog *log, struct history_id history);
/* Follow a primary that says our stream has gone on under another id (+CONTINUE newid). */
void oplog_adopt(struct oplog *log, struct history_id history);
/* Forget everything and start at end_offset of the given history: after a full resync or load. */
void oplog_restart(struct oplog *log, struct history_id history, uint64_t end_offset);
/* What is known from elsewhere of the histories before the present one, up to its end. */
void oplog_set_lineage(struct oplog *log, const struct lineage *lineage);
/* Which restart was the last: what was read before it is of another log. */
uint64_t oplog_generation(const struct oplog *log);
size_t oplog_memory(const struct oplog *log);
void oplog_check(const struct oplog *log);

#endif
