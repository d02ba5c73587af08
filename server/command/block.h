/* SPDX-License-Identifier: MIT */
/* What commands share that wait for a key. */
#ifndef STARLING_COMMAND_BLOCK_H
#define STARLING_COMMAND_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "command/exec.h"

enum {
    BLOCK_SECONDS = 1000,
};

/* Argument index as a timeout, which begins now; 0 is INT64_MAX, for ever.  False after an error reply. */
MUST_USE bool argument_timeout(struct exec *x, size_t index, int unit, int64_t *deadline_unix_ms);
/* The same as a whole number of milliseconds. */
MUST_USE bool argument_timeout_ms(struct exec *x, size_t index, int64_t *deadline_unix_ms);
/* Nothing can be taken: wait for one of these arguments to be a key of the type, or, where nobody waits, reply as
 * if the time was up. */
MUST_USE enum exec_result block_for_keys(struct exec *x, const struct exec_block *block);

#endif
