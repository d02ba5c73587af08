/* SPDX-License-Identifier: MIT */
#include "node/copy_uses.h"

#include "node/inside.h"

/* That of the slot, with no reads at first; NULL: there is no place for it. */
static struct copy_use *get(struct copy_uses *uses, uint16_t slot)
{
    for (size_t i = 0; i < uses->count; i++) {
        if (uses->items[i].slot == slot) {
            return &uses->items[i];
        }
    }
    if (uses->count == COPY_USES_MAX) {
        return NULL;
    }
    uses->items[uses->count] = (struct copy_use){.slot = slot};
    return &uses->items[uses->count++];
}

void copy_uses_note(struct copy_uses *uses, uint16_t slot)
{
    struct copy_use *use = get(uses, slot);

    if (use != NULL) {
        use->reads++;
    }
}

static void gather(const struct node *node, const struct cluster_id *owner, bool is_hot,
                   struct copy_uses *uses)
{
    const struct hot_slots *known = &node->hot_copies.known;

    for (size_t i = 0; i < known->count; i++) {
        const struct hot_slot *hot = &known->items[i]->hot;

        if ((hot->member_count > 0) == is_hot && cluster_id_equal(&hot->owner, owner) &&
            hot_copies_accepted(node, hot->slot) != NULL) {
            (void)get(uses, hot->slot);
        }
    }
}

void copy_uses_gather(const struct node *node, const struct cluster_id *owner,
                      struct copy_uses *uses)
{
    gather(node, owner, true, uses);
    gather(node, owner, false, uses);
}
