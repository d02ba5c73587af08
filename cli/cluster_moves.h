/* SPDX-License-Identifier: MIT */
/* Moves of slots that servers carry out by themselves, as both sides tell of them while they are under way
 * (slot_migration.h).  CLUSTER NODES shows slots that are moved by hand only.
 *
 * Each move is there once, whichever side was asked.  Those that are over are not: their slots are served where they
 * went, though the old owner may be removing its keys still. */
#ifndef STARLING_CLI_CLUSTER_MOVES_H
#define STARLING_CLI_CLUSTER_MOVES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/errmsg.h"
#include "base/vec.h"
#include "cli/cluster_view.h"
#include "cli/slot_migration.h"
#include "io/addr.h"
#include "resp/value.h"

enum {
    CLUSTER_MOVE_NODE = ADDR_HOST_TEXT + 8, /* "host:port", terminated */
};

/* What one side of it has said, or both together: the receiver is believed where they differ, since it drives the move. */
struct cluster_move {
    struct slot_migration told;
    bool is_told_by_target;
    uint64_t keys_left; /* that the source has; 0 where it does not tell */
    uint64_t keys_come; /* that the receiver has */
    char from[CLUSTER_MOVE_NODE];
    char to[CLUSTER_MOVE_NODE];
};

/* All-zero is empty. */
struct cluster_moves {
    VEC(struct cluster_move) items;
};

void cluster_moves_deinit(struct cluster_moves *moves);
/* Ask all primaries of the view that were reached.  A server that does not know such moves has none.  False, and a message, when one
 * of the others cannot say; what the rest has said is there all the same. */
MUST_USE bool cluster_moves_look(struct cluster_moves *moves, const struct cluster_view *view,
                                 struct errmsg *error);
/* "h:1 -> h:2: 3 slots, receiving-snapshot, 10 of 12 keys". */
void cluster_move_write(const struct cluster_move *move, struct buf *out);

/* What one node has replied to CLUSTER GETSLOTMIGRATIONS. */
void cluster_moves_add(struct cluster_moves *moves, const struct resp_value *reply);
/* When all are added: name the sides as the view knows them, and leave out what the receiver calls its own already. */
void cluster_moves_settle(struct cluster_moves *moves, const struct cluster_view *view);

#endif
