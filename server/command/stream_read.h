/* SPDX-License-Identifier: MIT */
/* What XREAD and XREADGROUP share: their options. */
#ifndef STARLING_COMMAND_STREAM_READ_H
#define STARLING_COMMAND_STREAM_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "command/exec.h"

/* [GROUP group consumer] [COUNT count] [BLOCK milliseconds] [CLAIM min-idle-time] [NOACK] STREAMS key [key ...] id [id ...] */
struct stream_read_options {
    uint64_t limit; /* of entries of a stream; UINT64_MAX: none */
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

/* False after an error reply. */
MUST_USE bool stream_read_options(struct exec *x, bool is_of_group,
                                  struct stream_read_options *out);
/* Nothing was there to read: wait, or reply so.  words and wake_unix_ms as in struct exec_block. */
MUST_USE enum exec_result stream_read_wait(struct exec *x,
                                           const struct stream_read_options *options,
                                           struct bytes *words_take, int64_t wake_unix_ms);

#endif
