/* SPDX-License-Identifier: MIT */
/* The slow log: the newest commands that took long, as SLOWLOG GET shows them.  Logs of the same form keep the
 * newest of those that were large, or whose replies were (COMMANDLOG).
 *
 * Invariants:  (1) count <= limit
 *              (2) ids rise by one with every note, also when nothing is kept; clearing does not
 *                  start them again
 * Owns its entries: arguments are copied, cut to what is shown.  Knows no clock and no client.
 * All-zero is an empty log that keeps nothing.  Loop thread only. */
#ifndef STARLING_STATS_SLOWLOG_H
#define STARLING_STATS_SLOWLOG_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

enum {
    SLOWLOG_ARGS = 32,       /* shown of a command, the remark about the others included */
    SLOWLOG_ARG_BYTES = 128, /* shown of an argument, the remark about the others on top */
};

struct slowlog_entry {
    uint64_t id;
    int64_t unix_ms;
    int64_t amount; /* microseconds; of other logs bytes */
    struct bytes peer;
    struct bytes name;
    size_t arg_count;
    struct bytes args[];
};

struct slowlog {
    struct slowlog_entry **ring;
    size_t cap;
    size_t first; /* the oldest's place in the ring */
    size_t count;
    size_t limit;
    uint64_t next_id;
};

/* What is to be remembered; everything is copied. */
struct slowlog_note {
    int64_t unix_ms;
    int64_t amount;           /* microseconds; of other logs bytes */
    const struct bytes *args; /* the first SLOWLOG_ARGS of arg_count, or all when there are fewer */
    size_t arg_count;
    struct bytes peer; /* "ip:port" */
    struct bytes name; /* that the client gave itself */
    size_t suspects;   /* other commands that may have been the slow one; 0: it was this one */
};

/* Keep so many at most; the oldest ones beyond are dropped now. */
void slowlog_set_limit(struct slowlog *log, size_t limit);
void slowlog_add(struct slowlog *log, const struct slowlog_note *note);
/* 0 is the newest; valid until the next change. */
const struct slowlog_entry *slowlog_at(const struct slowlog *log, size_t index);
void slowlog_clear(struct slowlog *log);
/* Empty, and keeping nothing. */
void slowlog_deinit(struct slowlog *log);

#endif
