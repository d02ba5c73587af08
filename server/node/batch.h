/* SPDX-License-Identifier: MIT */
/* From bytes to requests: everything that arrived in a pass is split first and executed
 * together, so that work over many requests (hashing, prefetching) can be done between.
 *
 * A lookup waits for memory three or four times in a row, for longer than all the rest of a
 * request takes.  So requests go through in small windows, each of three stages at a time: while
 * those of one window are executed, the entries of the next are on their way, and the buckets
 * of the one behind it.  Members of large values are fetched in the same way, between the stages.
 *
 * Invariants:  (1) words are borrowed from the shell's buffers or from the session's input; neither
 *                  moves until the batch has run
 *              (2) requests of a session are executed in the order in which they were sent */
#ifndef STARLING_NODE_BATCH_H
#define STARLING_NODE_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/alike.h"
#include "node/request.h"
#include "resp/request.h"
#include "store/keyspace.h"

struct node;
struct session;

enum {
    BATCH_REQUESTS = 64,   /* split before any of them is executed */
    BATCH_KEYS = 1024,     /* hashed before they are looked up; others are by the command itself */
    BATCH_WINDOW_KEYS = 8, /* fetched at a time: processors have two dozen lines under way */
};

struct batch {
    struct request requests[BATCH_REQUESTS];
    size_t count;
    const struct request *running;      /* NULL between them */
    size_t watched;                     /* the next request that hot_side watches */
    size_t stop;                        /* the next one before which there is something to do */
    struct resp_limits limits;          /* of what authenticated clients send, */
    struct resp_limits stranger_limits; /* and others */
    struct resp_words words;
    struct alike alike;
    struct key_ref keys[BATCH_KEYS];
    size_t key_count;
    bool is_fetching;                        /* what keys name is fetched ahead */
    bool has_others;                         /* a control command, which may change its session */
    bool has_members;                        /* some requests name a member of a value */
    struct session *compact[BATCH_REQUESTS]; /* whose input is to be moved up afterwards */
    size_t compact_count;
};

void batch_configure(struct node *node);
void batch_deinit(struct node *node);
/* Split what a client has sent; what is complete runs now or with batch_run. */
void batch_take_input(struct node *node, struct session *s, struct bytes input);
void batch_run(struct node *node);
/* Within a batch: the next request is watched (node/hot_side.h), and then those that are due. */
void batch_watch_next(struct node *node);
/* Read again what was put back, and what came while the session was held. */
void batch_resume(struct node *node, struct session *s);
void batch_check(const struct node *node);

#endif
