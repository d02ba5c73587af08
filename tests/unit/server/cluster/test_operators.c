/* SPDX-License-Identifier: MIT */
/* What operators say of slots when little is left of the cluster. */
#include "tests/unit/server/cluster/world.h"

#include "cluster/nodes.h"
#include "council/record_table.h"

#include <criterion/criterion.h>

/* It had promised the record to somebody before it heard what was agreed, and so has accepted none. */
Test(cluster_operators, whoever_is_the_council_by_itself_has_slots_let_go_by_a_record_that_it_only_knows)
{
    struct world *w = world_three_and_three();
    uint16_t slot = world_first_slot(2);
    struct cluster_call call;
    struct record_state *r;

    world_run(w, 3 * WORLD_TIMEOUT_MS);
    for (int i = 0; i < w->count; i++) {
        if (i != 1) {
            world_kill(w, i);
        }
    }
    world_run(w, 3 * WORLD_TIMEOUT_MS);
    call = world_call(w, 1, NULL);
    cr_assert(cluster_failover(w->members[1].core, &call, CLUSTER_FAILOVER_TAKEOVER));
    world_carry_out(w, 1);
    world_run(w, 3 * WORLD_TIMEOUT_MS);
    r = record_find(w->members[1].core->council,
                    &nodes_find(w->members[1].core, &w->members[2].id)->shard);
    r->accepted = (struct ballot){0};
    buf_clear(&r->value);
    call = world_call(w, 1, NULL);
    cr_assert(cluster_del_slots(w->members[1].core, &call, &slot, 1));
    world_carry_out(w, 1);
    call = world_call(w, 1, NULL);
    cr_assert(cluster_add_slots(w->members[1].core, &call, &slot, 1));
    world_carry_out(w, 1);
    world_run(w, 3 * WORLD_TIMEOUT_MS);
    cr_expect_eq(world_server_of(w, slot), 1);
    world_free(w);
}
