/* SPDX-License-Identifier: MIT */
/* --check-log DIR --show: the requests that a start would replay, each a line with its offset and its time, so that a
 * place can be found to go back to. */
#ifndef STARLING_CLI_LOG_SHOW_H
#define STARLING_CLI_LOG_SHOW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/errmsg.h"
#include "cli/log_check.h"
#include "resp/request.h"
#include "segment/log_place.h"
#include "segment/segment_source.h"

/* What is to be shown; all-zero: everything. */
struct log_range {
    bool has_from;
    struct log_place
        from; /* requests that begin before that offset, or were written before that time, are not, */
    bool has_to;
    struct log_place
        to; /* nor those that begin at that offset or behind it, or were written after that time */
};

/* A stream that comes in pieces, on its way to lines.  All-zero is one that begins at offset 0. */
struct log_lines {
    struct log_range range;
    uint64_t offset; /* of the first byte of `in` */
    struct buf in;   /* of a request that is not whole yet */
    struct resp_reader reader;
    struct resp_words words;
};

/* Append a line for each request that ends in the piece, which was written then, and is to be shown.  False, and a
 * message, when that is no request. */
MUST_USE bool log_lines_add(struct log_lines *lines, struct bytes piece, int64_t unix_ms,
                            struct buf *out, struct errmsg *error);
void log_lines_deinit(struct log_lines *lines);

/* All that the check has found to be good, onto standard output. */
MUST_USE bool log_show_print(const struct log_check *check, const struct segment_source *source,
                             const struct log_range *range, struct errmsg *error);

#endif
