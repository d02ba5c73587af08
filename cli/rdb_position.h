/* SPDX-License-Identifier: MIT */
/* The place in a history that a snapshot says it has: its fields repl-id and repl-offset, which stand at its beginning;
 * and for which log it was made. */
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

struct rdb_position {
    struct history_id history;
    uint64_t offset;
    struct history_id log; /* id of the log that it was made for; empty: none */
    uint64_t save_number;  /* among the snapshots for it */
};

/* False when the bytes begin no snapshot, or one that says no place. */
MUST_USE bool rdb_position_read(struct bytes begin, struct rdb_position *out);

#endif
