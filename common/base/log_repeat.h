/* SPDX-License-Identifier: MIT */
/* Keeps one message from filling a log: what comes again and again is counted and told once a
 * minute instead.
 *
 * Within a minute a line is written three times, and fifty times when only its numbers differ.
 * Messages are told apart by a small table; the one heard of longest ago makes room.
 *
 * A value, all-zero at first.  Owns nothing. */
#ifndef STARLING_BASE_LOG_REPEAT_H
#define STARLING_BASE_LOG_REPEAT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/log.h"

enum {
    LOG_REPEAT_MESSAGES = 16,
    LOG_REPEAT_WINDOW_MS = 60 * 1000,
    LOG_REPEAT_SAME_MAX = 3,
    LOG_REPEAT_ALIKE_MAX = 50,
    LOG_REPEAT_TEXT = 256,
};

struct log_repeat_entry {
    bool is_used;
    uint64_t alike;              /* hash of the line without its digits */
    uint64_t same;               /* hash of the line that came last */
    struct mono_time started_at; /* of the minute */
    struct mono_time heard_at;
    unsigned alike_count;
    unsigned same_count;
    uint64_t held_back;
    enum log_level level;
    char text[LOG_REPEAT_TEXT]; /* the newest that was held back */
};

struct log_repeat {
    struct log_repeat_entry entries[LOG_REPEAT_MESSAGES];
};

/* What was held back, for one message. */
struct log_repeated {
    uint64_t count;
    enum log_level level;
    char text[LOG_REPEAT_TEXT];
};

/* Is the line to be written?  Else it is counted. */
bool log_repeat_admit(struct log_repeat *repeat, struct mono_time now, enum log_level level,
                      const char *line);
/* The next message whose minute is over and of which lines were held back; with is_end, of which
 * any were. */
bool log_repeat_next(struct log_repeat *repeat, struct mono_time now, bool is_end,
                     struct log_repeated *out);

#endif
