/* SPDX-License-Identifier: MIT */
/* Holding a session: nothing of it is executed until what its reply depends on has come, or its
 * deadline.
 *
 *     executed as usual --- hold_begin ---> held --- hold_end ---> resumed --- taken ---> as usual
 *                                            ^                        |
 *                                            +------ hold_begin ------+
 *
 * Invariants:  (1) SESSION_HELD is set exactly while the session is in holds.held
 *              (2) only a held session has a deadline
 *              (3) SESSION_RESUMED is set exactly while it is in holds.resumed
 * struct holds owns no session; who frees one calls hold_forget before. */
#ifndef STARLING_SESSION_HOLD_H
#define STARLING_SESSION_HOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/heap.h"
#include "base/list.h"

struct session;

enum hold_kind {
    HOLD_NONE,
    HOLD_WAIT,    /* WAIT, WAITAOF: acknowledgements of replicas, and of our disk */
    HOLD_PAUSE,   /* CLIENT PAUSE or a manual failover */
    HOLD_SAVE,    /* SAVE: the file is on disk */
    HOLD_END,     /* SHUTDOWN: the end, or why it does not come */
    HOLD_RELOAD,  /* DEBUG RELOAD: the data is back */
    HOLD_CONFIG,  /* CONFIG REWRITE: the file is on disk */
    HOLD_NODES,   /* CLUSTER: the nodes file with the change is on disk */
    HOLD_SLOT,    /* CLUSTER SETSLOT: what it said is agreed */
    HOLD_MOVE,    /* MIGRATE: its keys have gone */
    HOLD_MOVING,  /* it writes keys that are on their way to another server */
    HOLD_KEYS,    /* BLPOP and the like: something can be taken from a key */
    HOLD_ACL,     /* ACL SAVE: the file is on disk */
    HOLD_LOGIN,   /* a wrong password after many: it is told later */
    HOLD_OUTPUT,  /* it does not read what it was answered */
    HOLD_MEMORY,  /* what it writes needs room that is being made */
    HOLD_DISK,    /* it writes, and the disk is slower than the writes */
    HOLD_COPY,    /* it reads what a copy is being fetched of, or the owner is being connected to */
    HOLD_FORWARD, /* what it asked was passed on to the owner of the slot */
};

enum {
    HOLD_ANSWER_SIZE = 44,
};

/* The part of a session. */
struct hold {
    enum hold_kind kind;
    uint32_t replicas;    /* HOLD_WAIT: how many, */
    bool is_for_disk;     /* and have it on disk, */
    bool is_for_own_disk; /* as we are to have it */
    bool may_write;       /* HOLD_FORWARD: nobody may think that it was not done */
    uint16_t slot;        /* HOLD_SLOT: which, */
    bool is_lenient;      /* and it is OK, too, when the time is up */
    uint64_t offset;      /* HOLD_WAIT: of the log; HOLD_NODES, HOLD_SLOT: number of the file */
    char answer
        [HOLD_ANSWER_SIZE]; /* when all went well; empty: OK.  HOLD_SLOT: the owner that is waited for */
    struct heap_node deadline; /* in microseconds of monotonic time */
    struct list held;
    struct list resumed;
};

struct holds {
    struct list held;
    struct list resumed;
    struct heap deadlines;
    size_t slot_count; /* those held by HOLD_SLOT */
};

void holds_init(struct holds *holds);
/* Nobody may be held. */
void holds_deinit(struct holds *holds);

/* until may be MONO_NEVER. */
void hold_begin(struct holds *holds, struct session *s, enum hold_kind kind,
                struct mono_time until);
void hold_end(struct holds *holds, struct session *s);
/* The session is about to go. */
void hold_forget(struct holds *holds, struct session *s);

/* One whose deadline has come, or NULL; it stays held. */
struct session *holds_due(const struct holds *holds, struct mono_time now);
/* The next deadline, MONO_NEVER without any. */
struct mono_time holds_next_deadline(const struct holds *holds);
/* One that is to be read on, or NULL; it is no longer in the list, and may be held again. */
struct session *holds_take_resumed(struct holds *holds);

/* Assert the invariants. */
void holds_check(const struct holds *holds);

#endif
