/* SPDX-License-Identifier: MIT */
#include "node/copy_lapses.h"

#include "copies/borrower.h"
#include "node/inside.h"

/* Somebody may keep what it has read of a copy. */
static bool is_watched(const struct node *node, const struct copy_owner *owner)
{
    return !owner->has_told_lapse && tracking_is_on(&node->invalidation.tracking) &&
           borrower_oldest(&owner->borrower) != NULL;
}

void copy_lapses_tell(struct node *node)
{
    bool has_news = false;

    for (size_t i = 0; i < node->copy_owners.count; i++) {
        struct copy_owner *owner = node->copy_owners.items[i];

        if (borrower_has_lease(&owner->borrower, node->now.mono)) {
            owner->has_told_lapse = false;
        } else if (is_watched(node, owner)) {
            LIST_FOR_EACH (item, &owner->borrower.by_use) {
                invalidation_key_lost(
                    node, buf_bytes(&CONTAINER_OF(item, struct borrowed, listed)->name));
            }
            owner->has_told_lapse = true;
            has_news = true;
        }
    }
    if (has_news) {
        invalidation_tell(node);
    }
}

bool copy_lapses_are_due(const struct node *node)
{
    struct mono_time at = copy_lapses_wake_at(node);

    return mono_is_before(at, MONO_NEVER) && mono_is_due(at, node->env.now(node->env.context).mono);
}

struct mono_time copy_lapses_wake_at(const struct node *node)
{
    struct mono_time at = MONO_NEVER;

    for (size_t i = 0; i < node->copy_owners.count; i++) {
        const struct copy_owner *owner = node->copy_owners.items[i];

        at = is_watched(node, owner) ? mono_earlier(at, owner->borrower.until) : at;
    }
    return at;
}
