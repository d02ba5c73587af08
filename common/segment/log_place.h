/* SPDX-License-Identifier: MIT */
/* A place in the log as people name it: an offset of the stream, or a point in time.
 *
 *     1234                        before the byte at this offset
 *     @1764250000, @1764250000.5  behind all that was written until then, Unix seconds
 *     2026-11-27T13:26:40Z        the same as a date, UTC, with up to three decimals of the seconds if need be
 *
 * Pure.  Times are Unix ms of the clock of the machine that wrote the log (segment/segment.h). */
#ifndef STARLING_SEGMENT_LOG_PLACE_H
#define STARLING_SEGMENT_LOG_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "base/errmsg.h"

enum {
    LOG_PLACE_TIME_SIZE = 32, /* of a time as text, with its terminator */
};

struct log_place {
    bool is_time;
    uint64_t offset; /* unless is_time */
    int64_t unix_ms; /* if is_time; not negative */
};

/* False, and what is wrong, when the text names no place; *out is untouched then. */
MUST_USE bool log_place_parse(struct bytes text, struct log_place *out, struct errmsg *error);
/* "2026-11-27T13:26:40.123Z"; "-" for a time that is before 1970 or behind 9999. */
void log_place_format_time(int64_t unix_ms, char out[LOG_PLACE_TIME_SIZE]);

#endif
