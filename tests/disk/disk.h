/* SPDX-License-Identifier: MIT */
/* A disk in memory that keeps the promises of persist/fs.h and no others: a power cut tears what was not
 * synced, or garbles it, or loses it.  For the simulator, tests/alone, and tests of whoever writes files.
 *
 * What is asked "later" is queued, and told to the owner, who says when it happens (disk_perform).  What a file
 * takes in before that is there for readers at once, as in a page cache.
 *
 * Two ways in which a process ends: the power is cut, or it is killed.  What a killed one had written is still there for
 * the next one, and no more durable than before: a power cut that comes later can still take it away.
 *
 * Invariants:  (1) of each file durable_len <= content.len
 *              (2) an operation is performed once; those of a power cut never
 * Names are paths as they were given; those without a slash are in ".". */
#ifndef STARLING_TESTS_DISK_DISK_H
#define STARLING_TESTS_DISK_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/rng.h"
#include "base/vec.h"
#include "persist/fs.h"

enum {
    DISK_NAME_MAX = 96,
};

enum disk_fault {
    DISK_WELL,
    DISK_FULL,   /* ENOSPC: nothing can be created or written, what was written can be synced */
    DISK_BROKEN, /* EIO: nothing can be synced, so nothing becomes durable */
};

struct disk_file {
    char name[DISK_NAME_MAX];
    struct buf content;
    size_t durable_len;   /* survives a power cut, */
    bool is_name_durable; /* if the name does */
    bool has_room;        /* zeros may be behind its content when all ends */
};

enum disk_op_kind {
    DISK_OP_COMMIT, /* of a file written as a whole */
    DISK_OP_SYNC,
    DISK_OP_FAILED, /* a file that grows could not be created or written */
    DISK_OP_RENAME,
    DISK_OP_REMOVE,
};

struct disk_op {
    uint64_t number;
    enum disk_op_kind kind;
    enum fs_lane lane;
    uint64_t id; /* of the file, or of the operation itself */
    size_t len;  /* of DISK_OP_SYNC: what the file had when it was asked */
    char from[DISK_NAME_MAX];
    char to[DISK_NAME_MAX];
    struct buf content; /* of DISK_OP_COMMIT */
    enum fs_status status;
    const char *reason;
};

struct disk_stream { /* a file written as a whole, or one that grows */
    uint64_t id;
    char name[DISK_NAME_MAX];
    enum fs_lane lane;
    bool is_failing; /* its last completion is on the way, or was there */
    struct buf content;
};

struct disk {
    struct fs fs;
    enum disk_fault fault;
    /* Operation number is to be performed, in the order of these calls in one lane (disk_lane). */
    void (*on_queued)(void *owner, uint64_t number);
    /* Before anything changes; may be NULL. */
    void (*on_change)(void *owner);
    void *owner;
    VEC(struct disk_file) files;
    VEC(struct disk_stream) streams;
    VEC(struct disk_op) ops;
    uint64_t next_id;
    uint64_t next_op;
};

void disk_init(struct disk *disk, void (*on_queued)(void *owner, uint64_t number), void *owner);
void disk_deinit(struct disk *disk);
/* False when there is no completion: a power cut came before, or the file was closed. */
bool disk_perform(struct disk *disk, uint64_t number, struct fs_completion *out);
/* Of an operation that is to be performed. */
enum fs_lane disk_lane(const struct disk *disk, uint64_t number);
/* What a process finds that starts after the power was cut.  rng NULL: nothing of what was not durable. */
void disk_power_cut(struct disk *disk, struct rng *rng);
/* What a process finds that starts after another was killed: of what was not durable and had perhaps not been written
 * yet, a part is missing; rng NULL: nothing. */
void disk_kill(struct disk *disk, struct rng *rng);
/* The same files, streams and operations; to is empty. */
void disk_copy(struct disk *to, const struct disk *from);
/* The file; NULL when there is none.  Until the next call of anything here. */
const struct disk_file *disk_find(const struct disk *disk, const char *name);

#endif
