/* SPDX-License-Identifier: MIT */
/* Loading: the file at start, in slices, into the key space that is served, and what the log on disk has behind it; a
 * primary's image on a full resync, as it arrives, into a new key space that takes the old one's place
 * only when it has come whole and its checksum is right; the file again, at once, for DEBUG RELOAD.
 *
 *     IDLE --> FILE --> LOG --> IDLE        the node is there; without a log, or without a file, one of them
 *       |\---> RESYNC --> IDLE              the key space was replaced, or the old data is kept
 *       \----> AGAIN --> IDLE
 *
 * Keys and fields whose time has passed are loaded like all others, and go as they always do: by an effect in the
 * log.  The history goes on from the file, so others have them, and what comes next may speak of them.
 *
 * Invariants:  (1) a reader exists exactly while the phase is neither IDLE nor LOG
 *              (2) what fails leaves the data as it was; at start the process ends, and the file stays */
#ifndef STARLING_NODE_LOAD_H
#define STARLING_NODE_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/errmsg.h"
#include "node/load_batch.h"
#include "replication/position.h"

struct node;
struct rdb_reader;

enum load_phase {
    LOAD_IDLE,
    LOAD_FILE,   /* at start, */
    LOAD_LOG,    /* and what the log has behind it */
    LOAD_RESYNC, /* from our primary */
    LOAD_AGAIN,  /* DEBUG RELOAD: within one call */
};

/* What becomes of the data that is there when the file is loaded again. */
enum load_mode {
    LOAD_REPLACE, /* it goes */
    LOAD_MERGE,   /* it stays where the file has no such key */
    LOAD_ADD,     /* it stays; the file may have none of its keys */
};

struct loading {
    enum load_phase phase;
    char path[4096];
    uint64_t file_offset;
    uint64_t file_size;
    struct rdb_reader *reader;
    struct keyspace *target; /* the node's own, or a new one that we own */
    struct load_batch batch; /* records on their way there; empty between pieces */
    bool is_whole;           /* the end has come and the checksum is right */
    struct mono_time started_at;
    struct mono_time told_at; /* of its progress */
    uint64_t key_count;
    uint64_t expired_count; /* of those keys, whose time had passed */
    int64_t saved_unix_s;   /* when the file at start was made; 0: unknown */
    bool has_position;      /* the file at start has said which place in the log it stands for: */
    struct replication_position position;
    struct history_id log; /* the log on disk that it was made for, */
    uint64_t save_number;  /* and which of the snapshots for it */
    bool only_looks;       /* records are counted, */
    uint64_t clash_count;  /* and those whose key is there already */
};

/* Is the node not there yet? */
static inline bool load_is_at_start(const struct loading *loading)
{
    return loading->phase == LOAD_FILE || loading->phase == LOAD_LOG;
}

void load_deinit(struct node *node);

/* Begin with the file and the log at start, if there are any. */
bool load_begin(struct node *node, struct errmsg *error);
/* One slice; true when this was the last one, and the data is there. */
bool load_step(struct node *node);
/* Read the whole file now.  False with a reason, and the data as it was, when that cannot be. */
MUST_USE bool load_file_again(struct node *node, enum load_mode mode, struct errmsg *error);

/* A full resync: begin, bytes ..., end; or abort, which does nothing when none is under way. */
void load_resync_begin(struct node *node);
bool load_resync_bytes(struct node *node, struct bytes bytes, struct errmsg *error);
bool load_resync_end(struct node *node, struct errmsg *error);
void load_resync_abort(struct node *node);

void load_check(const struct node *node);

#endif
