/* SPDX-License-Identifier: MIT */
/* Moving slots between two nodes of a running cluster: by themselves, where the servers can do that (slot_migration.h), or
 * slot by slot, as any server of the kind allows:
 *
 *     SETSLOT IMPORTING at the target, MIGRATING at the source
 *     GETKEYSINSLOT and MIGRATE, until there are no keys
 *     SETSLOT NODE at the target, the source, and the other primaries
 *
 * Ctrl-C takes back a move that goes by itself, and is looked for between slots otherwise: the cluster is whole whenever a move
 * returns.  A move slot by slot that fails leaves its slot on the move, and says so: --cluster fix brings it to its end.
 *
 * A move shows one line: on a terminal it is renewed while the move goes on. */
#ifndef STARLING_CLI_SLOT_MOVER_H
#define STARLING_CLI_SLOT_MOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/errmsg.h"
#include "cli/cluster_view.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/slot_plan.h"

enum slot_mover_status {
    SLOT_MOVER_OK = 0,
    SLOT_MOVER_FAILED,
    SLOT_MOVER_INTERRUPTED, /* by Ctrl-C; the slots before are moved, the others where they were */
};

/* What all moves of one run have in common.  Borrows what it points to. */
struct slot_mover {
    const struct options *options;
    const struct cluster_view *view;
    struct interrupt interrupt;
    bool goes_by_slot; /* though servers could do it by themselves */
    bool replaces;     /* keys that the target has, too */
    size_t slots;      /* moved so far, */
    uint64_t keys;     /* with so many keys */
};

void slot_mover_open(struct slot_mover *mover, const struct options *options,
                     const struct cluster_view *view);
void slot_mover_close(struct slot_mover *mover);
/* Both must be connected primaries of the view. */
MUST_USE enum slot_mover_status
slot_mover_move(struct slot_mover *mover, const struct view_node *from, const struct view_node *to,
                const uint64_t slots[SLOT_PLAN_WORDS], struct errmsg *error);
/* Only the keys of a slot; what clients are told of it stays as it is. */
MUST_USE bool slot_mover_move_keys(struct slot_mover *mover, const struct view_node *from,
                                   const struct view_node *to, size_t slot, struct errmsg *error);
/* Up to `count` of the keys that a node has of a slot; the caller releases *out when true is returned. */
MUST_USE bool slot_mover_fetch_keys(const struct view_node *node, size_t slot, int64_t count,
                                    struct resp_value *out, struct errmsg *error);
/* Is that the reply of a node that serves nobody for the moment, or of one that had it from the target of its MIGRATE?  Nothing was
 * done. */
bool slot_mover_is_refused_for_now(const char *text);
/* MIGRATE of these keys at once. */
MUST_USE bool slot_mover_migrate(const struct slot_mover *mover, const struct view_node *from,
                                 const struct view_node *to, const struct bytes *keys,
                                 size_t key_count, struct errmsg *error);
/* CLUSTER SETSLOT slot how [id]. */
bool slot_mover_set(const struct view_node *node, size_t slot, const char *how, const char *id,
                    struct errmsg *error);

#endif
