/* SPDX-License-Identifier: MIT */
/* Makes a damaged log one that a server starts with again, with what can be had: the damaged segment is cut at its last
 * good frame, later ones are moved aside, and the manifest says no more than what is left.
 *
 * Nothing is removed: what a file was is afterwards found under its name with ".damaged-<unix time>" behind it.  A repair
 * that is broken off can be begun again. */
#ifndef STARLING_CLI_LOG_REPAIR_H
#define STARLING_CLI_LOG_REPAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/errmsg.h"
#include "cli/log_check.h"

struct log_plan {
    const uint64_t *numbers; /* of the segments in the folder, borrowed from the check */
    size_t number_count;
    bool is_oldest_first; /* the order in which they are moved */
    uint64_t first_aside; /* segments from this number on are moved aside, */
    uint64_t last_aside;  /* up to this one; none when it is smaller */
    uint64_t cut_number;  /* of the segment that is cut; 0: none */
    uint64_t cut_bytes;   /* what is left of it */
    bool has_manifest;    /* a new one is written */
    struct manifest manifest;
};

/* False, and the reason, when nothing is damaged, or nothing of this kind helps. */
MUST_USE bool log_repair_plan(const struct log_check *check, struct log_plan *plan,
                              struct errmsg *error);
/* Append what will be done, for people. */
void log_repair_write_plan(const struct log_plan *plan, struct buf *out);
/* Do it, in the folder at path.  False, and a message, when the file system refuses: begin again then. */
MUST_USE bool log_repair_run(const struct log_plan *plan, const char *path, int64_t unix_s,
                             struct errmsg *error);

#endif
