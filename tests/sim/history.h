/* SPDX-License-Identifier: MIT */
/* What clients asked of one key and what they were told, and whether one key that obeys its primaries can have told that.
 *
 * The key is a register (read, set) or a counter (read, add one); 0 is a key that is not there.  An operation takes effect at one
 * moment between when it was sent and when its answer came, as if nothing else were going on (linearizability).  One
 * without an answer may have taken effect at any moment until its connection was given up, or never.
 *
 * Replication does not wait for replicas, so a take-over may lose the newest writes.  How much is told by the reigns of the
 * key's shard: a reign is the time in which one start of one node serves the shard, as the simulator, which sees all leases,
 * has noted it; another start or another node begins the next one.
 *
 * Promises:  (1) in one reign the operations of the key are linearizable, none is lost, none is done twice
 *            (2) an operation is answered by the reign in which it took effect, and was sent before the next one began:
 *                nobody reads of two presents at a time
 *            (3) the next reign begins with what the one before ended with, when it keeps_all
 *            (4) otherwise with something that the key can have been at some moment before, but not with what it was before
 *                a write that was confirmed and is safe: one that WAIT has confirmed of all replicas of the shard, as long as no
 *                replica of then has lost its memory, nor any that the shard had since; and one that was answered, or read, under
 *                sync-replicas, as long as one of those who had to have it then has not
 *
 * Owns nothing.  Deterministic; the search is bounded (HISTORY_UNKNOWN). */
#ifndef STARLING_TESTS_SIM_HISTORY_H
#define STARLING_TESTS_SIM_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum history_kind {
    HISTORY_READ,
    HISTORY_SET, /* of a value that nothing else ever sets */
    HISTORY_ADD, /* one */
};

struct history_op {
    enum history_kind kind;
    int client;
    int node;            /* that was asked, */
    bool is_passed_on;   /* or another one: who serves, whichever that was */
    uint64_t value;      /* read, set, or the sum after adding */
    int64_t sent_us;     /* */
    int64_t returned_us; /* the answer's time, or when the connection was given up */
    bool is_answered;
    size_t reign;          /* of the answer, an index */
    int64_t confirmed_us;  /* by WAIT; 0: never */
    int64_t safe_until_us; /* then one of those who held it lost its memory; INT64_MAX: none did */
    bool is_by_set;        /* confirmed by sync-replicas, by WAIT otherwise */
    uint32_t
        holders; /* of the nodes that had it when WAIT was answered, those who still have their memory */
};

/* In the order in which they were; each lasts until the next one begins. */
struct history_reign {
    int node;
    uint32_t life;
    int64_t began_us;
    bool keeps_all; /* what the one before had */
};

enum history_verdict {
    HISTORY_SOUND,
    HISTORY_BROKEN,
    HISTORY_UNKNOWN, /* too many ways to look at */
};

/* Of one key; reigns of its shard, all that were until now.  Of one that is broken the operations that are needed to see it are
 * written to why. */
enum history_verdict history_check(const struct history_op *ops, size_t op_count,
                                   const struct history_reign *reigns, size_t reign_count,
                                   struct buf *why);

/* A few histories by hand are judged as they have to be: the checker is not blind.  False and the name of the one. */
bool history_check_itself(const char **which);

#endif
