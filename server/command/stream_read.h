/* SPDX-License-Identifier: MIT */
/* What XREAD and XREADGROUP share: their options. */
#ifndef STARLING_COMMAND_STREAM_READ_H
#define STARLING_COMMAND_STREAM_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "command/exec.h"
#include "store/stream.h"

/* [GROUP group consumer] [COUNT count] [MAXCOUNT count] [MAXSIZE bytes] [BLOCK milliseconds]
 * [CLAIM min-idle-time] [NOACK] STREAMS key [key ...] id [id ...] */
struct stream_read_options {
    uint64_t limit;     /* of entries of a stream; UINT64_MAX: none */
    uint64_t max_count; /* of entries of all streams together; the same */
    uint64_t max_bytes; /* of their ids, names and values; the same */
    bool has_block;
    int64_t deadline_unix_ms; /* with BLOCK */
    bool has_no_ack;
    bool has_claim;
    int64_t min_idle_ms; /* with CLAIM */
    struct bytes group;  /* of XREADGROUP */
    struct bytes consumer;
    bool has_group;
    size_t first_key; /* arguments: the keys, and behind them as many ids */
    size_t key_count;
};

/* What is left of the limits for all streams together. */
struct stream_budget {
    uint64_t count;
    uint64_t bytes;
    bool has_taken;
};

/* False after an error reply. */
MUST_USE bool stream_read_options(struct exec *x, bool is_of_group,
                                  struct stream_read_options *out);
struct stream_budget stream_budget_of(const struct stream_read_options *options);
/* Is one more entry within the limits?  The first one is, however large; behind one that is not there is none.  An id that
 * has no entry is one of nothing (NULL). */
bool stream_budget_take(struct stream_budget *budget, const struct stream_entry *entry);
/* How many entries of the range are, up to limit: they are taken. */
uint64_t stream_budget_take_range(struct stream_budget *budget, const struct stream *s,
                                  const struct stream_range *range, uint64_t limit);
/* Nothing was there to read: wait, or reply so.  words and wake_unix_ms as in struct exec_block. */
MUST_USE enum exec_result stream_read_wait(struct exec *x,
                                           const struct stream_read_options *options,
                                           struct bytes *words_take, int64_t wake_unix_ms);

#endif
