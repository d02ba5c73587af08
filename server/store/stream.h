/* SPDX-License-Identifier: MIT */
/* Streams: entries in the order of their ids, each a list of pairs of name and value; and groups of consumers
 * that read them (store/stream_group.h).
 *
 * Entries are packed into nodes (store/stream_node.h), some hundred in each, which lie in an index by id
 * (store/id_index.h).  An entry that is deleted in the midst of a node is only marked; a node without
 * entries goes.  Limits of nodes are those of value_space.limits, but never above STREAM_NODE_BYTES_MAX, so that
 * looking through one is short.
 *
 * A stream is always memory of its own, also when it is empty: it stays a key.  So a draft becomes a stream
 * by stream_open, and looking for one, changing nothing, leaves the draft as it is.
 *
 * Invariants:  (1) ids rise, and none is above last_id
 *              (2) count is that of entries which are there, without deleted ones
 *              (3) every pending entry of a group is one of exactly one of its consumers
 * What changes a stream takes the draft, marks it as changed, and leaves what takes long to free to the close of the
 * draft.  What is read is borrowed until the next change; changes of groups leave entries alone, so that what was read
 * of those stays.  Names and values to be written must not lie in the stream.  Loop thread only. */
#ifndef STARLING_STORE_STREAM_H
#define STARLING_STORE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "store/packed.h"
#include "store/stream_id.h"
#include "store/value.h"

enum {
    STREAM_ENTRY_BYTES_MAX = 1024 * 1024 * 1024, /* names and values of one entry, together */
    STREAM_NODE_BYTES_MAX = 64 * 1024,
};

struct stream;
struct stream_node;
struct id_index;

/* The stream behind a key: an entry's value, or a draft's. */
static inline const struct stream *stream_of(const struct value *value)
{
    return value->memory;
}
/* The draft's stream; a new, empty one when it has none. */
const struct stream *stream_open(struct value_draft *draft);

/* ---- what is known of a stream ------------------------------------------------------------------------ */

/* What is not told by its entries. */
struct stream_marks {
    struct stream_id last_id;        /* the greatest that it ever had */
    struct stream_id max_deleted_id; /* the greatest that stream_delete took out; 0-0: none */
    uint64_t entries_added;          /* ever */
};

uint64_t stream_count(const struct stream *s);
struct stream_marks stream_marks(const struct stream *s);
/* Of the entries that are there; 0-0 when it is empty. */
struct stream_id stream_first_id(const struct stream *s);
uint64_t stream_node_count(const struct stream *s);
/* The number that the entry with this id has among all that were ever added, counted from 1; for an id between
 * two, how many were added before.  False when deletions have made that unknown. */
MUST_USE bool stream_number_of(const struct stream *s, struct stream_id id, uint64_t *out);
/* Could entries from this id on have been deleted? */
bool stream_has_gap_from(const struct stream *s, struct stream_id from);

/* ---- reading ----------------------------------------------------------------------------------------- */

/* An entry, with its pairs to come. */
struct stream_entry {
    struct stream_id id;
    uint64_t pair_count;
    /* For stream_entry_next alone: */
    uint64_t left;
    const uint8_t
        *names; /* the next name, of those that the node's entries share; NULL: beside its value */
    const uint8_t *values; /* the next value, or the next pair */
};

/* Entries from first to last, both included, one after the other; in reverse from last to first. */
struct stream_range {
    struct stream_id first;
    struct stream_id last;
    bool is_reverse;
};

struct stream_reader {
    const struct id_index *nodes;
    const struct stream_node *node; /* NULL: no more */
    uint32_t leaf;                  /* where it is in the index */
    uint32_t item;
    const uint8_t *place; /* the next entry; in reverse, the end of the next one */
    struct stream_range range;
};

/* Stand before the first entry of the range, or in reverse behind the last. */
void stream_read(const struct stream *s, const struct stream_range *range,
                 struct stream_reader *out);
/* The next entry, or false behind the last of the range. */
bool stream_next(struct stream_reader *r, struct stream_entry *out);
/* Its next name and value, or false behind the last. */
bool stream_entry_next(struct stream_entry *e, struct packed_item *name, struct packed_item *value);
/* The entry with this id; false when there is none.  out may be NULL. */
bool stream_find(const struct stream *s, struct stream_id id, struct stream_entry *out);

/* ---- changing ---------------------------------------------------------------------------------------- */

/* Behind all others: the id is above last_id, and becomes it.  `pairs` are pair_count names, each with its value
 * behind it, STREAM_ENTRY_BYTES_MAX together at most. */
void stream_append(struct value_draft *draft, struct stream_id id, const struct bytes *pairs,
                   size_t pair_count);
/* All that `tail` has comes behind what is there: its entries, its marks in place of those of before, its groups.  False, and
 * nothing is changed, when its first entry is not behind the last, its last id is below that, or there are groups already. */
MUST_USE bool stream_join(struct value_draft *draft, const struct stream *tail);
/* Take the entry out; false when there is none. */
bool stream_delete(struct value_draft *draft, struct stream_id id);

/* Told of an entry that is about to go; the draft's groups may change, its entries may not. */
typedef void stream_leave_fn(void *context, struct stream_id id);

/* Which of the oldest entries go. */
struct stream_trim {
    bool is_by_id;
    uint64_t max_count;      /* so many stay at most, */
    struct stream_id min_id; /* or those from here on */
    bool is_approximate;     /* whole nodes only: more may stay */
    uint64_t limit; /* whole nodes go only while they have no more entries together; 0: none */
    stream_leave_fn *on_leave; /* told of each; NULL: nobody is, which is faster */
    void *context;
};

/* How many went. */
uint64_t stream_trim(struct value_draft *draft, const struct stream_trim *trim);
/* last_id must not be below the last entry. */
void stream_put_marks(struct value_draft *draft, const struct stream_marks *marks);

#endif
