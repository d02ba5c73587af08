/* SPDX-License-Identifier: MIT */
/* What a command changed, as commands that would change a copy in the same way.
 *
 * Effects are deterministic: no relative times, no random choice, no float arithmetic.  They
 * are what replicas receive; the node appends them to the log once, in order, wrapped in
 * MULTI/EXEC when there is more than one.  A command that changed nothing has none.
 *
 * The usual case, a request that travels as it came, is one flag and no copy. */
#ifndef STARLING_COMMAND_EFFECTS_H
#define STARLING_COMMAND_EFFECTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"

struct effects {
    uint32_t count;
    bool is_verbatim; /* count is 1: the request itself; bytes is empty */
    struct bytes raw; /* the request as RESP, borrowed; empty when it was inline */
    const struct bytes *args;
    size_t arg_count;
    struct buf bytes; /* the effects as RESP requests, one after the other */
};

/* Forget all; keep the buffer.  raw, args: of the request about to run. */
void effects_begin(struct effects *fx, struct bytes raw, const struct bytes *args,
                   size_t arg_count);
void effects_deinit(struct effects *fx);
/* The request as it is. */
void effects_add_verbatim(struct effects *fx);
/* The request under another command's name. */
void effects_add_renamed(struct effects *fx, struct bytes name);
void effects_add(struct effects *fx, const struct bytes *words, size_t word_count);
/* The effects as bytes for the log, without MULTI/EXEC; borrowed until effects_begin. */
struct bytes effects_bytes(struct effects *fx);

#endif
