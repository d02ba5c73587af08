/* SPDX-License-Identifier: MIT */
/* What all steps of --cluster fix have in common: the cluster as it was found, and questions to its nodes that are put again for
 * some seconds.  A primary that is without its lease for a moment closes its connections, and a map may not have reached it yet.
 *
 * Who does not answer in the end is silent from then on: what it has is unknown, never taken for nothing. */
#ifndef STARLING_CLI_CLUSTER_FIXING_H
#define STARLING_CLI_CLUSTER_FIXING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/errmsg.h"
#include "base/vec.h"
#include "cli/cluster_check.h"
#include "cli/cluster_view.h"
#include "cli/slot_mover.h"

struct fixing {
    const struct cluster_target *target;
    const struct options *options;
    struct cluster_view view;
    struct slot_mover mover;
    VEC(int64_t) keys;  /* of the slot that was looked at last, at each node */
    VEC(size_t) silent; /* nodes of the view that did not answer in the end; their error says why */
    bool is_interrupted;
};

static inline struct view_node *fixing_node(const struct fixing *f, size_t index)
{
    return &f->view.nodes.items[index];
}

/* A primary that can be told things. */
bool fixing_is_usable(const struct fixing *f, size_t index);
/* What such a primary says of a slot of its own that is on the move; NULL: nothing. */
const struct map_open_slot *fixing_find_open(const struct fixing *f, size_t index, size_t slot,
                                             bool is_migrating);
/* The next node from `from` on that says the slot is its own; the count of nodes when there is none. */
size_t fixing_next_owner(const struct fixing *f, size_t slot, size_t from);
/* Has Ctrl-C come?  It is said once. */
bool fixing_is_over(struct fixing *f);
/* False, having said it. */
bool fixing_say_failed(const struct errmsg *error);
/* Go on with another view of the same cluster. */
void fixing_take_view(struct fixing *f, struct cluster_view *view);

/* Connect when there is no connection, and call.  *is_passing: it has failed, and may succeed a moment later. */
MUST_USE bool fixing_try(struct fixing *f, size_t index, const char *const *words, size_t count,
                         struct resp_value *out, bool *is_passing, struct errmsg *error);
/* The same, again and again while it may succeed later, for some seconds. */
MUST_USE bool fixing_call(struct fixing *f, size_t index, const char *const *words, size_t count,
                          struct resp_value *out, struct errmsg *error);
/* Wait until the next try; false when they have gone on for long enough since start, or are interrupted. */
MUST_USE bool fixing_wait_to_retry(struct fixing *f, struct mono_time start);
/* Is that the text of a failure that passes by itself: of the connection, or of a node that is not ready yet? */
MUST_USE bool fixing_is_passing(const char *text);
/* Of the connection: what was asked for may have been done. */
MUST_USE bool fixing_is_lost(const char *text);

/* How many keys of the slot a node has: none when it is no primary. */
MUST_USE bool fixing_count_keys(struct fixing *f, size_t index, size_t slot, int64_t *count,
                                struct errmsg *error);
/* Who has keys of the slot, into f->keys; false, having said why, when a node does not say. */
MUST_USE bool fixing_look_for_keys(struct fixing *f, size_t slot);
/* Who has most of the keys that were looked for; the count of nodes with none anywhere.  *count: at how many are any? */
size_t fixing_find_richest(const struct fixing *f, size_t *count);
/* SETSLOT STABLE. */
MUST_USE bool fixing_take_back(struct fixing *f, size_t slot, size_t index);

#endif
