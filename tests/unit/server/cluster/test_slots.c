/* SPDX-License-Identifier: MIT */
#include "cluster/slots.h"

#include "tests/unit/server/cluster/world.h"

#include "cluster/nodes.h"

#include <criterion/criterion.h>

/* One of another council may have been made primary of our shard there, in whatever epoch. */
Test(cluster_slots, who_is_agreed_to_be_primary_gives_no_slot_to_one_who_only_says_to_be_it)
{
    struct world *w = world_three_and_three();
    struct cluster *core = w->members[0].core;
    const struct cluster_node *replica = nodes_find(core, &w->members[3].id);
    uint64_t claim[FRAME_SLOT_WORDS] = {0};
    uint64_t heard[FRAME_SLOT_WORDS];

    cr_assert(cluster_id_equal(&replica->shard, &core->me->shard));
    bitset_add(claim, world_first_slot(0));
    slots_leave_out_agreed(core, replica, claim, heard);
    cr_expect_eq(bitset_count(heard, FRAME_SLOT_WORDS), 0);
    core = w->members[2].core;
    replica = nodes_find(core, &w->members[3].id);
    slots_leave_out_agreed(core, replica, claim, heard);
    cr_expect_eq(bitset_count(heard, FRAME_SLOT_WORDS), 1,
                 "others may not know of the agreement yet");
    world_free(w);
}
