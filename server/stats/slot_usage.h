/* SPDX-License-Identifier: MIT */
/* What clients did to each slot: commands that read, commands that write, and their bytes.
 *
 * Counted are data commands of clients with keys, by their first one; of a transaction each by itself, as
 * EXEC runs it.  What was refused, queued or held does not count, nor does the stream of a primary.  Bytes are those of
 * requests and replies as they are on the wire, without large values that leave from where they are.
 *
 * Memory is there only while it is on: 512 KB. */
#ifndef STARLING_STATS_SLOT_USAGE_H
#define STARLING_STATS_SLOT_USAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spec/slot.h"

struct slot_traffic {
    uint64_t reads;
    uint64_t writes;
    uint64_t in_bytes;
    uint64_t out_bytes;
};

/* All-zero is off. */
struct slot_usage {
    struct slot_traffic *slots; /* SLOT_COUNT of them; NULL: off */
};

void slot_usage_deinit(struct slot_usage *usage);
/* Switched on it begins at 0. */
void slot_usage_switch(struct slot_usage *usage, bool is_on);
void slot_usage_reset(struct slot_usage *usage);

/* A command on a key of the slot; it must be on. */
static inline void slot_usage_note(struct slot_usage *usage, unsigned slot, bool is_write,
                                   uint64_t in_bytes, uint64_t out_bytes)
{
    struct slot_traffic *traffic = &usage->slots[slot];

    traffic->reads += is_write ? 0 : 1;
    traffic->writes += is_write ? 1 : 0;
    traffic->in_bytes += in_bytes;
    traffic->out_bytes += out_bytes;
}

#endif
