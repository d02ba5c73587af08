/* SPDX-License-Identifier: MIT */
/* --cluster backup: an RDB file of each primary, and what the nodes are, in a folder.
 *
 * Each file is of a moment of its own: what is written to several shards at once may be in one and not in the other. */
#ifndef STARLING_CLI_CLUSTER_BACKUP_H
#define STARLING_CLI_CLUSTER_BACKUP_H

#include "base/buf.h"
#include "cli/cluster_check.h"
#include "cli/cluster_view.h"

/* Returns the exit code: 1 when a primary could not be saved, or something is wrong with the cluster. */
int cluster_backup(const struct cluster_target *target, const char *folder);

/* ---- for tests -------------------------------------------------------------------------------- */

/* What nodes.json says of the nodes. */
void cluster_backup_write_nodes(const struct cluster_view *view, struct buf *out);

#endif
