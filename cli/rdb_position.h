/* SPDX-License-Identifier: MIT */
/* The place in a history that a snapshot says it has: its fields repl-id and repl-offset, which stand at its beginning. */
#ifndef STARLING_CLI_RDB_POSITION_H
#define STARLING_CLI_RDB_POSITION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "base/history.h"

enum {
    RDB_POSITION_BYTES = 4096 /* from the beginning of a file that are enough */
};

/* False when the bytes begin no snapshot, or one that says no place. */
MUST_USE bool rdb_position_read(struct bytes begin, struct history_id *history, uint64_t *offset);

#endif
