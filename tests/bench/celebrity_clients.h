/* SPDX-License-Identifier: MIT */
/* Clients of tests/bench/celebrity.c: threads of them that read the key everybody reads, and one that writes it.
 *
 * A reader has one connection for the key, to the node that CLUSTER SLOTS names on it, follows MOVED, and has told its library
 * (CLIENT SETINFO LIB-NAME) as one that can be taught.  A placed one stays at a node whatever it is told, and reads no more when
 * that has ended.  In each
 * round all readers of a thread send their pipelines, and a quarter as many GETs of other keys to all nodes alike when they
 * are to; then all replies are awaited.  So of all reads the key has 80 percent.
 *
 * Invariants:  (1) every reply has its size, and begins as it must
 *              (2) of no reader the key's value goes back, whichever node it asks; else the readers are broken
 * Owns its threads and connections.  Counts may be looked at while they run. */
#ifndef STARLING_TESTS_BENCH_CELEBRITY_CLIENTS_H
#define STARLING_TESTS_BENCH_CELEBRITY_CLIENTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/errmsg.h"
#include "base/hist.h"
#include "tests/bench/celebrity_cluster.h"

enum {
    CELEBRITY_THREADS = 6,
};

struct celebrity_readers_options {
    size_t readers; /* as many for each thread */
    size_t threads;
    size_t pipeline;
    uint64_t rounds_a_second; /* of each thread; 0: as many as it can */
    bool is_placed;
    size_t first_node; /* reader number i begins at node first_node + i % node_count */
    size_t node_count;
};

struct celebrity_thread;

struct celebrity_readers {
    const struct celebrity_cluster *cluster;
    struct celebrity_readers_options options;
    struct celebrity_thread *threads[CELEBRITY_THREADS];
    size_t thread_count;
    atomic_bool is_to_stop;
    atomic_bool is_broken;
    atomic_bool reads_others;                     /* keys, besides the one */
    atomic_ullong hot[CELEBRITY_NODES];           /* reads of the key that were answered, by node */
    atomic_ullong moved;                          /* MOVED */
    atomic_uint_fast32_t placed[CELEBRITY_NODES]; /* readers, by node */
    pthread_mutex_t lock;                         /* of what follows */
    struct hist round_us;                         /* from the first write to the last reply */
    struct errmsg error;
};

/* They read until they are stopped; reads_others may be set meanwhile. */
MUST_USE bool celebrity_read(struct celebrity_readers *r, const struct celebrity_cluster *cluster,
                             const struct celebrity_readers_options *options, struct errmsg *error);
/* False with a reason when they have broken off. */
bool celebrity_end_reading(struct celebrity_readers *r, struct errmsg *error);
/* What it has gathered, which begins anew. */
void celebrity_take_rounds(struct celebrity_readers *r, struct hist *out);

struct celebrity_writer {
    const struct celebrity_cluster *cluster;
    uint64_t rate; /* a second; of more than 1000 so many go together each millisecond */
    pthread_t thread;
    atomic_bool is_to_stop;
    atomic_bool is_broken;
    atomic_ullong written;
    pthread_mutex_t lock;
    struct hist round_us;
    struct errmsg error;
};

/* Write the key at its owner, in a closed loop. */
MUST_USE bool celebrity_write(struct celebrity_writer *w, const struct celebrity_cluster *cluster,
                              uint64_t rate, struct errmsg *error);
bool celebrity_end_writing(struct celebrity_writer *w, struct errmsg *error);
void celebrity_take_writes(struct celebrity_writer *w, struct hist *out);

#endif
