/* SPDX-License-Identifier: MIT */
/* How often which error was answered, by its code: the first word of the reply ("ERR", "MOVED").
 *
 * Invariants:  (1) codes are sorted, each is there once
 *              (2) total is the sum of all counts
 * A value; all-zero is empty.  Codes are few, since they come from our own replies; should there be
 * more than ERROR_STATS_CODES, the others are counted together as ERROR_STATS_OVERFLOW, as other servers
 * name it, whose scripts can make up codes at will. */
#ifndef STARLING_STATS_ERROR_STATS_H
#define STARLING_STATS_ERROR_STATS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"

enum {
    ERROR_STATS_CODES = 128,
    ERROR_STATS_CODE_BYTES = 32, /* with its end; what is longer is no code */
};

#define ERROR_STATS_OVERFLOW "ERRORSTATS_OVERFLOW"

struct error_count {
    char code[ERROR_STATS_CODE_BYTES];
    uint64_t count;
};

struct error_stats {
    uint64_t total;
    size_t code_count;
    struct error_count codes[ERROR_STATS_CODES + 1]; /* and one for the others */
};

/* reply is the error as it is sent, with or without its '-'.  Without a code it counts as ERR. */
void error_stats_count(struct error_stats *stats, struct bytes reply);
/* Lines as INFO errorstats has them. */
void error_stats_write(const struct error_stats *stats, struct buf *out);

#endif
