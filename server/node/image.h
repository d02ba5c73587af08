/* SPDX-License-Identifier: MIT */
/* The image: one walk over the key space, encoded once, for all sinks that have joined.
 *
 * The walk goes on in slices, and only as fast as the slowest sink takes the bytes; entries that
 * are about to change are written early by the store.  Nothing is copied, nothing forks.
 *
 * A large value is a record that takes many slices (store/value_image.h).  While one is being written,
 * entries that come early wait aside until its end, the large ones among them as images of their own.
 *
 *     begin --> sinks join --> slices --> end        (or cancel, from anywhere in between)
 *
 * Invariants:  (1) at most one image at a time
 *              (2) every sink gets all bytes of the image, in order, then exactly one of end and cancel
 *              (3) sinks join before the first slice
 * A sink is owned by who joined; the image borrows it until end or cancel was called, or it left. */
#ifndef STARLING_NODE_IMAGE_H
#define STARLING_NODE_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/buf_queue.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/vec.h"
#include "persist/rdb.h"
#include "replication/replica.h"

struct image_sink;
struct node;
struct value_image;

struct image_sink_verbs {
    /* Take what was encoded.  Only a sink that joined alone may steal the buffer's memory. */
    void (*take)(struct node *node, struct image_sink *sink, struct buf *bytes);
    /* False: it has more than enough to write already. */
    bool (*has_room)(const struct node *node, const struct image_sink *sink);
    void (*end)(struct node *node, struct image_sink *sink);
    void (*cancel)(struct node *node, struct image_sink *sink, const char *reason);
};

struct image_sink {
    const struct image_sink_verbs *verbs;
    struct list item; /* image.sinks */
};

/* A large value whose turn has not come, or not ended. */
struct image_value {
    struct value_image *image;
    unsigned db;
    uint8_t type;
    int64_t expire_at_ms;
    struct buf key;
    bool has_begun; /* its record's head was written */
};

/* Records that came while a large one was being written. */
struct image_aside {
    struct rdb_writer writer; /* knows the database that the last one is of */
    struct buf_queue records;
};

struct image {
    bool is_on;
    struct list sinks;
    struct rdb_writer writer;
    struct buf out;                       /* encoded, not yet handed over */
    size_t slice_end;                     /* of out: the slice ends when there is so much */
    struct image_aside aside;             /* what waits for the end of a large record */
    VEC(struct image_value) values;       /* large values: the first is being written, once begun */
    struct replication_position position; /* of the image in the log */
    uint64_t changes_before;              /* changes when it began: they are in it */
    uint64_t key_count;                   /* for progress: keys when it began, */
    uint64_t written_count;               /* and those written so far */
};

void image_init(struct node *node);
void image_deinit(struct node *node);
/* No image may be on.  Its position is our log's. */
void image_begin(struct node *node);
/* For replicas.  A primary's stream behind the image begins with a SELECT, since a replica that has loaded
 * may have any database selected. */
void image_begin_resync(struct node *node);
void image_join(struct node *node, struct image_sink *sink, const struct image_sink_verbs *verbs);
/* The sink is no more: it gets no end.  Without sinks the image is given up with its next slice. */
void image_leave(struct image_sink *sink);
/* One slice; true when there is more to do at once. */
bool image_step(struct node *node);
void image_cancel(struct node *node, const char *reason);
/* The offset that the log is needed from; UINT64_MAX for none. */
uint64_t image_keep_from(const struct node *node);

void image_check(const struct node *node);

#endif
