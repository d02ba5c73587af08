/* SPDX-License-Identifier: MIT */
/* A place in a history: which stream of changes, and how far.  Plain value. */
#ifndef STARLING_REPLICATION_POSITION_H
#define STARLING_REPLICATION_POSITION_H

#include <stdint.h>

#include "base/history.h"

/* What peers say beyond this is no offset: no log comes near it, and it can be added to. */
#define REPLICATION_OFFSET_MAX (UINT64_C(1) << 62)
/* Of a snapshot whose end is told by a marker. */
#define REPLICATION_SIZE_UNKNOWN UINT64_MAX

struct replication_position {
    struct history_id history; /* empty when there is none: nothing to go on from */
    uint64_t offset;           /* bytes so far: the end of the log */
};

#endif
