/* SPDX-License-Identifier: MIT */
/* Which segments of the log on disk go.
 *
 * A start needs those from the one on that the manifest on disk names.  What is before that is kept for replicas that are far behind,
 * up to repl-log-retention-size and -time, whichever is reached first.  One goes at a time, the oldest. */
#ifndef STARLING_NODE_LOG_RETENTION_H
#define STARLING_NODE_LOG_RETENTION_H

#include <stdbool.h>
#include <stdint.h>

struct errmsg;
struct node;

struct log_retention {
    uint64_t
        needed_from;  /* the first segment that the manifest on disk names; 0: it names none yet */
    uint64_t removal; /* of env.fs: a segment that is going */
};

/* The manifest on disk names this segment as the first; 0: nobody knows, and nothing goes. */
void log_retention_need(struct node *node, uint64_t first);
bool log_retention_is_removing(const struct node *node);
/* In a pass: remove the first segment if its time has come. */
void log_retention_run(struct node *node);
/* The segment that was to go is gone, or could not be removed; true when the file is ours. */
bool log_retention_removed(struct node *node, uint64_t file, bool is_ok,
                           const struct errmsg *error);

#endif
