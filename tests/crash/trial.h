/* SPDX-License-Identifier: MIT */
/* One life of a node: from a start on what a disk has, until it ends in one way or another; and what must be true of the
 * next start.
 *
 * The history of a node's data is a row of states, one for each change that a client, or time, has made.  What a client
 * was promised moves the floor: a start must find one of the states from the floor on, and those behind the one that
 * was found have never been.
 *
 * Invariants:  (1) at most one change is made in a pass, so that each state has a place between two requests of the log
 *              (2) floor < states.count */
#ifndef STARLING_TESTS_CRASH_TRIAL_H
#define STARLING_TESTS_CRASH_TRIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rng.h"
#include "base/vec.h"
#include "tests/alone/alone.h"

enum {
    TRIAL_CLIENTS = 3,
    TRIAL_REASON = 1024,
};

enum trial_promise {
    PROMISE_NOTHING,
    PROMISE_WRITE, /* a reply that is no error; with appendfsync always it is durable by then */
    PROMISE_DISK,  /* WAITAOF 1 0 0 */
    PROMISE_OFF,   /* CONFIG SET appendonly no: from now on nothing is promised, */
    PROMISE_ON,    /* and after yes only what WAITAOF confirms, until it has confirmed something */
};

enum trial_end {
    END_POWER,  /* of what was not durable a part is left, such as it is, */
    END_FORGET, /* or nothing */
    END_KILL,   /* what was written is still there, not yet durable */
    END_ORDERLY,
};

struct state {
    uint64_t digest;
    uint64_t bare;         /* without the key that expires, */
    int64_t expires_at_ms; /* when it does; EXPIRE_NEVER without one */
};

struct timeline {
    VEC(struct state) states;
    size_t floor;
    bool is_certain; /* writes are promised to be in the log */
};

struct trial_client {
    bool is_waiting; /* for a reply, */
    enum trial_promise promise;
    bool has_changed;   /* any data, */
    size_t state;       /* which promises that one */
    size_t write_state; /* of its last write: what WAITAOF confirms */
    int queued;         /* commands of its MULTI, with that one */
};

struct trial {
    struct alone *a;
    struct timeline time;
    size_t found; /* state, at the start */
    struct trial_client clients[TRIAL_CLIENTS];
    struct rng rng;
    bool is_verbose; /* tells what is sent and answered */
    bool is_strict;  /* appendfsync always */
    int faults_left; /* events until the disk is well again */
    uint64_t volatile_keys;
    int64_t volatile_until_us;
    char failure[TRIAL_REASON]; /* empty: none */
};

/* An empty folder, and nothing was promised. */
void trial_init(struct trial *trial, bool is_strict);
void trial_deinit(struct trial *trial);
void timeline_copy(struct timeline *to, const struct timeline *from);
void timeline_deinit(struct timeline *timeline);

/* A node on what the disk has (NULL: nothing), at that time. */
void trial_begin(struct trial *trial, const struct disk *disk, uint64_t seed, int64_t now_us);
/* Wait until it is there; is_verbose: print what it has to say.  False, and failure says why, when it is not, or has not what it must have. */
bool trial_recover(struct trial *trial, bool is_verbose);
/* From now on the state that was found last has to be found again. */
void trial_pin(struct trial *trial);
/* A pass in which a client sends a request of one line, or nobody (TRIAL_CLIENTS) anything. */
void trial_pass(struct trial *trial, int64_t later_us, size_t client, enum trial_promise promise,
                const char *request);
/* The data may have changed: remember its state. */
void trial_note_state(struct trial *trial);
/* The first thing that the disk was asked to do. */
void trial_disk_step(struct trial *trial);
/* Bring the node to its orderly end.  False when it does not come. */
bool trial_shut_down(struct trial *trial, bool saves);
/* What the next start finds; disk is a copy. */
void trial_end_disk(struct disk *disk, enum trial_end end, struct rng *rng);
/* The node is gone; what clients waited for never comes. */
void trial_stop(struct trial *trial);

#endif
