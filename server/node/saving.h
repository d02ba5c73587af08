/* SPDX-License-Identifier: MIT */
/* Saving: the image goes to the file of snapshots, when somebody asks for it, by save points, at the
 * end.
 *
 *               image begun            walked            on disk, or not
 *     IDLE ------------------> WALKING ------> COMMITTING ----------------> IDLE
 *       ^                         |
 *       +-------------------------+  given up, or the disk refused
 *
 * Invariants:  (1) is_wanted asks for a save that begins after the one under way
 *              (2) no save begins before the outcome of the one before was taken
 *              (3) changes that an image has are taken off the journal's count once it is on disk */
#ifndef STARLING_NODE_SAVING_H
#define STARLING_NODE_SAVING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/errmsg.h"
#include "node/image.h"
#include "replication/position.h"

struct node;

enum saving_phase {
    SAVING_IDLE,
    SAVING_WALKING,
    SAVING_COMMITTING, /* the worker syncs and renames */
};

enum saving_outcome {
    SAVING_NO_OUTCOME,
    SAVING_WORKED,
    SAVING_FAILED,
};

struct saving {
    enum saving_phase phase;
    struct image_sink sink;
    bool is_wanted; /* as soon as no other image is being made */
    bool is_last_ok;
    enum saving_outcome outcome; /* of the last, until it is taken */
    int64_t last_save_unix_s;
    int64_t last_duration_s; /* -1: none yet */
    struct mono_time last_try_at;
    struct mono_time started_at;
    uint64_t changes_before;              /* of the image, */
    struct replication_position position; /* its place in the log, */
    uint64_t number;                      /* disk_base_new_save, */
    uint64_t bytes;                       /* its size, */
    char path[256];                       /* and its file */
    uint64_t save_count;
};

void saving_init(struct node *node);
/* Is a save under way, or wanted? */
bool saving_is_on(const struct node *node);
/* Begin to save now, or as soon as another image is done. */
void saving_save(struct node *node);
/* BGSAVE SCHEDULE: it begins when the image that is being made is done. */
void saving_want(struct node *node);
/* It is wanted, and nothing is in the way: true when an image was begun. */
bool saving_start_when_wanted(struct node *node);
/* Begin when a save point has been reached. */
void saving_check_points(struct node *node);
/* Everything was flushed. */
void saving_after_flush(struct node *node);
/* The file at start is loaded: the data is what was saved then. */
void saving_loaded(struct node *node, int64_t saved_unix_s);
/* The file is on disk, or will never be. */
void saving_file_done(struct node *node, bool is_ok, const struct errmsg *error);
/* What became of the last save, if nobody has asked since: those who waited are to be told. */
enum saving_outcome saving_take_outcome(struct node *node);

void saving_check(const struct node *node);

#endif
