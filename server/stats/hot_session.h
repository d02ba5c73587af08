/* SPDX-License-Identifier: MIT */
/* A session of HOTKEYS START: while it is on, every command is measured, and the keys that take most processor
 * time and most bytes are found among all of them, or those of some slots, or one in so many.
 *
 * What is read back of a session that has ended stays until it is freed.
 *
 * Invariants:  (1) sampled <= selected <= all, of time as of bytes
 *              (2) a key that is listed was used by a command that was selected and sampled
 * Pure: clocks and counters are handed in.  Owns nothing.  Loop thread only. */
#ifndef STARLING_STATS_HOT_SESSION_H
#define STARLING_STATS_HOT_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/rng.h"
#include "stats/top_keys.h"

enum {
    HOT_SESSION_SLOTS = 16384,
    HOT_SESSION_MOST_KEYS = 64,
    HOT_SESSION_KEYS = 10, /* unless it is told how many */
};

struct hot_session_options {
    bool has_cpu, has_net; /* what is measured of keys */
    size_t key_count;      /* listed */
    int64_t duration_ms;   /* 0: until it is stopped */
    uint64_t ratio;        /* one command in so many is looked at, 1: all */
    bool has_slots;        /* only those of slots count */
    uint8_t slots[HOT_SESSION_SLOTS / 8];
};

/* Of the process: what it has used so far. */
struct hot_session_process {
    int64_t user_us, system_us;
    uint64_t net_bytes;
};

struct hot_session_sums {
    uint64_t sampled, selected, all;
};

struct hot_session {
    bool is_active;
    struct hot_session_options options;
    int64_t began_unix_ms;
    int64_t began_ms, ended_ms; /* of the monotonic clock */
    struct hot_session_process before, after;
    struct hot_session_sums ns, bytes;
    struct rng rng;
    struct top_keys by_ns, by_bytes;
};

/* What a command took, of which the keys are names. */
struct hot_session_use {
    uint64_t ns, bytes;
    bool is_within; /* another one, which is measured as well: EXEC */
    const struct top_key_name *names;
    size_t name_count;
};

void hot_session_begin(struct hot_session *session, const struct hot_session_options *options,
                       const struct hot_session_process *process, uint64_t seed);
void hot_session_end(struct hot_session *session, const struct hot_session_process *process,
                     int64_t now_ms);
/* Has it been on for as long as it should? */
bool hot_session_is_over(const struct hot_session *session, int64_t now_ms);
void hot_session_add(struct hot_session *session, const struct hot_session_use *use);

static inline bool hot_session_has_slot(const struct hot_session_options *options, uint32_t slot)
{
    return (options->slots[slot / 8] & (1U << (slot % 8))) != 0;
}

static inline void hot_session_add_slot(struct hot_session_options *options, uint32_t slot)
{
    options->slots[slot / 8] |= (uint8_t)(1U << (slot % 8));
}

#endif
