/* SPDX-License-Identifier: MIT */
/* Going back at start, as --until wants it: the log is replayed up to a place, and what is behind it is undone.
 *
 *     want --> (the snapshot is loaded, the log replayed up to the place) --> judge --> set_aside --> tell
 *                                                                                  |
 *                                      the log goes on in a history of its own  <--+
 *
 * Nothing is lost: whatever the folder had gets second names in a folder beside the log's, on which a server starts as
 * well.  In the log itself an empty segment says that what the one before has behind the place is void.  Others who know
 * more than that of the history before are told where both part.
 *
 * Invariants:  (1) until all is set aside, nothing that was there is changed
 *              (2) the manifest is the last thing that is set aside: before, no server starts on that folder
 *              (3) who asks for the same place again is refused: a command line that is repeated, by somebody
 *                  or by a supervisor, must not undo what came since */
#ifndef STARLING_NODE_UNDO_H
#define STARLING_NODE_UNDO_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "base/errmsg.h"
#include "segment/log_place.h"

struct node;

enum {
    UNDO_FOLDER_SIZE = 64,
};

struct undo {
    bool is_wanted;
    struct log_place place;
    char folder[UNDO_FOLDER_SIZE]; /* where all is set aside */
};

/* At birth; NULL: nothing is to be undone. */
void undo_want(struct node *node, const struct log_place *place);
/* The manifest was read.  False with a reason when this node cannot go back. */
MUST_USE bool undo_can_begin(const struct node *node, struct errmsg *error);
/* How many of the bytes that the replay has just read are before the place? */
size_t undo_count_before(const struct node *node, struct bytes bytes);
/* The replay has come to the place, or to the end of the log.  False with a reason when that is not what was wanted. */
MUST_USE bool undo_judge(const struct node *node, struct errmsg *error);
/* False, and nothing is changed, when that cannot be. */
MUST_USE bool undo_set_aside(struct node *node, struct errmsg *error);
/* It is done. */
void undo_tell(struct node *node);

#endif
