/* SPDX-License-Identifier: MIT */
/* What of a log concerns a set of slots: requests whose keys are in them, as they stand there.
 *
 * A transaction is cut to those of its requests that are, and is still one when more than one is left.  Requests without keys
 * change nothing in the slots (SELECT, PING, PUBLISH ...), but for those that remove everything (FLUSHALL, FLUSHDB): there
 * the filter ends, and whoever follows begins anew.
 *
 * Invariants:  (1) what comes out is whole requests, and whole transactions
 *              (2) nothing comes out behind a request that ends it
 * Owns what is incomplete of its input. */
#ifndef STARLING_MOVE_FILTER_H
#define STARLING_MOVE_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/errmsg.h"
#include "resp/request.h"

struct filter {
    const uint64_t *slots; /* borrowed: bitset of SLOT_COUNT bits */
    struct resp_reader reader;
    struct resp_words words;
    struct buf in;    /* the beginning of a request */
    struct buf multi; /* what passes of the open transaction */
    unsigned multi_count;
    bool is_in_multi;
};

enum filter_status {
    FILTER_OK = 0,
    FILTER_FLUSHED, /* everything was removed */
    FILTER_ERROR, /* with a reason: no requests, or one whose keys are within the slots and without */
};

void filter_init(struct filter *filter, const uint64_t *slots);
void filter_deinit(struct filter *filter);
/* The next bytes of the log: append what concerns the slots to out. */
MUST_USE enum filter_status filter_take(struct filter *filter, struct bytes log, struct buf *out,
                                        struct errmsg *error);
enum filter_verdict {
    FILTER_PASS,
    FILTER_DROP,
    FILTER_FLUSH,
    FILTER_MIXED, /* keys within and without */
};
/* What becomes of one request, which is no MULTI or EXEC. */
enum filter_verdict filter_judge(const uint64_t *slots, const struct bytes *words, size_t count);

#endif
