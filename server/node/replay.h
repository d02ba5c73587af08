/* SPDX-License-Identifier: MIT */
/* What the log on disk has behind the snapshot, executed again at start.
 *
 *     (snapshot loaded) --> begin --> step ... --> the log in memory ends where the last whole request does
 *
 * A transaction that is not there as a whole is not executed.  A torn tail is told and passed over; damage ends
 * the start. */
#ifndef STARLING_NODE_REPLAY_H
#define STARLING_NODE_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/errmsg.h"
#include "segment/segment_reader.h"

struct node;

enum replay_status {
    REPLAY_MORE,
    REPLAY_DONE,
    REPLAY_FAILED, /* error says why */
};

struct replay {
    bool is_on;
    bool is_clean; /* the last run came to an orderly end, and nothing is missing */
    struct segment_reader reader;
    bool has_hole;           /* the snapshot is further than what was found of the log */
    uint64_t until;          /* offset at which it ends; 0: where the log does, or the undo wants */
    bool is_behind;          /* with an undo: there is something behind that place */
    bool has_fork;           /* and that is of another history, */
    struct history_id fork;  /* which is this one */
    bool is_written;         /* something was replayed, */
    int64_t written_unix_ms; /* the last of which was written then */
    uint64_t last_segment;   /* number of the one that the log ends in; 0: none */
    struct segment_tail tail; /* where reading has ended */
    uint64_t from;            /* offsets that were replayed: from, */
    uint64_t end;             /* and up to */
    uint64_t total_bytes;     /* of segments, for progress, */
    uint64_t read_bytes;      /* and read of them */
    struct mono_time started_at;
    struct mono_time told_at;
};

/* The next one goes no further than this offset, where a request ends. */
void replay_set_until(struct node *node, uint64_t offset);
/* The snapshot's data is there, and the log in memory stands at its place.  False when the log has nothing to do with that
 * place. */
MUST_USE bool replay_begin(struct node *node, struct errmsg *error);
/* One piece. */
MUST_USE enum replay_status replay_step(struct node *node, struct errmsg *error);
void replay_deinit(struct node *node);

#endif
