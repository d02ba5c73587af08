/* SPDX-License-Identifier: MIT */
/* What can be seen of the members of a world. */
#include "tests/unit/server/cluster/world.h"

#include "cluster/state.h"

bool world_has_lease(const struct world *w, int member)
{
    return cluster_has_lease(w->members[member].core, w->now);
}

int world_server_of(const struct world *w, uint16_t slot)
{
    for (int i = 0; i < w->count; i++) {
        const struct member *m = &w->members[i];

        if (m->is_running && cluster_owns_slot(m->core, slot) &&
            bitset_has(m->core->agreed, slot) && world_has_lease(w, i)) {
            return i;
        }
    }
    return NOBODY;
}

bool world_is_replica_of(const struct world *w, int member, int primary)
{
    return cluster_is_replica(w->members[member].core) && w->members[member].follows == primary;
}

bool world_is_ok(const struct world *w)
{
    for (int i = 0; i < w->count; i++) {
        if (w->members[i].is_running && !cluster_is_ok(w->members[i].core, w->now)) {
            return false;
        }
    }
    return true;
}

size_t world_known_nodes(const struct world *w, int member)
{
    return cluster_node_count(w->members[member].core);
}

void world_listen(struct world *w)
{
    for (int i = 0; i < w->count; i++) {
        buf_clear(&w->members[i].told);
    }
}

const char *world_told(struct world *w, int member)
{
    return buf_text(&w->members[member].told);
}
