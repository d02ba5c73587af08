/* SPDX-License-Identifier: MIT */
/* Who is told of what happens in a key space. */
#include "base/assert.h"
#include "store/keyspace.h"
#include "store/keyspace_state.h"

void keyspace_observe(struct keyspace *ks, enum keyspace_observer_place place,
                      const struct keyspace_observer *observer)
{
    ASSERT(place < OBSERVER_PLACES);
    ks->observers[place] = observer != NULL ? *observer : (struct keyspace_observer){0};
    ks->shared.listeners &= ~(uint32_t)LISTENER_OBSERVER;
    ks->shared.listeners |= keyspace_has_observer(ks) ? (uint32_t)LISTENER_OBSERVER : 0;
}

void keyspace_tell_all(const struct keyspace *ks, enum keyspace_event event, uint32_t table,
                       struct bytes key)
{
    if (keyspace_hides(ks, table)) {
        return;
    }
    for (size_t i = 0; i < OBSERVER_PLACES; i++) {
        if (ks->observers[i].on != NULL) {
            ks->observers[i].on(ks->observers[i].context, event, table, key);
        }
    }
}
