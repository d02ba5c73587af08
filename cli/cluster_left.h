/* SPDX-License-Identifier: MIT */
/* Replicas whose primary is not in the cluster any more.  Where nobody serves some slots, they may be all that is left of them:
 * they are named, and may take over, before anything is given out empty. */
#ifndef STARLING_CLI_CLUSTER_LEFT_H
#define STARLING_CLI_CLUSTER_LEFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/errmsg.h"
#include "base/vec.h"
#include "cli/cluster_view.h"
#include "cli/slot_plan.h"

/* A copy: the view it was found in may be closed. */
struct left_replica {
    struct map_node info;
    bool is_known; /* else it cannot say what it has, and error tells why */
    bool is_best;  /* the first that is known of its primary's: none has received more */
    int64_t keys;
    int64_t offset;
    struct errmsg error;
};

/* All-zero is empty. */
struct left_replicas {
    VEC(struct left_replica) items;
};

void left_replicas_deinit(struct left_replicas *left);
/* All of them but those that say they have no keys. */
void left_replicas_find(struct left_replicas *left, const struct cluster_view *view);
/* Those of a primary stand together, those that are known first, and of these whoever has received most. */
void left_replicas_sort(struct left_replicas *left);
/* A line that says what it is, and that it may be what is left of these slots. */
void left_replica_say(const struct left_replica *replica, const uint64_t missing[SLOT_PLAN_WORDS]);
/* "0-5460, 7000"; of very many only the first. */
void left_replica_write_slots(const uint64_t slots[SLOT_PLAN_WORDS], struct buf *out);

#endif
