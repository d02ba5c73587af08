/* SPDX-License-Identifier: MIT */
/* What must hold after each millisecond of a world of members. */
#include "tests/unit/server/cluster/world.h"

#include "base/assert.h"
#include "cluster/state.h"

enum {
    CHECK_PERIOD_MS = 25,          /* a debug build checks at every step */
    TAKEOVER_GENERATIONS = 100000, /* a TAKEOVER leaves more out */
};

static void check_cores(const struct world *w)
{
    for (int i = 0; i < w->count; i++) {
        if (w->members[i].is_running) {
            cluster_check(w->members[i].core);
        }
    }
}

/* A node that was reset is a cluster of its own until it is met again, and by TAKEOVER one becomes the council beside others. */
static bool is_one_council(const struct seats *a, const struct seats *b)
{
    return cluster_id_equal(&a->council, &b->council) &&
           a->generation / TAKEOVER_GENERATIONS == b->generation / TAKEOVER_GENERATIONS;
}

static void check_leases(const struct world *w)
{
    for (int shard = 0; shard < WORLD_SHARDS; shard++) {
        const struct seats *served_by = NULL; /* by whose word */

        for (int i = 0; i < w->count; i++) {
            const struct member *m = &w->members[i];

            if (m->is_running && cluster_has_lease(m->core, w->now) &&
                cluster_serves_plainly(m->core, (uint16_t)world_first_slot(shard))) {
                const struct seats *seats = council_seats(m->core->council);

                ASSERT(served_by == NULL || !is_one_council(served_by, seats));
                served_by = seats;
            }
        }
    }
}

/* What a member says of its state is what a request to a slot that it serves would get. */
static void check_states(struct world *w)
{
    for (int i = 0; i < w->count; i++) {
        struct member *m = &w->members[i];
        struct route_request request = {0};
        struct route_target target;
        uint32_t slot = m->own_slot;
        struct cluster_slot_range range;

        if (m->is_running && (cluster_next_range(m->core, 0, &slot, &range) ||
                              cluster_next_range(m->core, 0, &(uint32_t){0}, &range))) {
            m->own_slot = range.first;
            request.slot = range.first;
            ASSERT(
                (cluster_route(m->core, w->now, &request, &target) == ROUTE_SERVE) ==
                (cluster_is_ok(m->core, w->now) && cluster_serves_plainly(m->core, request.slot)));
        }
    }
}

void world_check(struct world *w)
{
    if (w->now.us / 1000 % CHECK_PERIOD_MS == 0) {
        check_cores(w);
    }
    check_leases(w);
    check_states(w);
}
