/* SPDX-License-Identifier: MIT */
/* A place in a history: which stream of changes, and how far.  Plain value. */
#ifndef STARLING_REPLICATION_HISTORY_H
#define STARLING_REPLICATION_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/bytes.h"

enum {
    REPLICATION_HISTORY_LEN = 40
};

/* What peers say beyond this is no offset: no log comes near it, and it can be added to. */
#define REPLICATION_OFFSET_MAX (UINT64_C(1) << 62)
/* Of a snapshot whose end is told by a marker. */
#define REPLICATION_SIZE_UNKNOWN UINT64_MAX

struct replication_position {
    char history[REPLICATION_HISTORY_LEN + 1]; /* "" when there is none: nothing to go on from */
    uint64_t offset;                           /* bytes so far: the end of the log */
};

/* Forty letters and digits. */
MUST_USE bool replication_history_is_valid(struct bytes text);

#endif
