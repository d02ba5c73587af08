/* SPDX-License-Identifier: MIT */
#include "command/events.h"

enum {
    KEPT_BYTES = 16 * 1024, /* of keys, when there are none */
    KEPT_EVENTS = 512,
};

void events_note(struct events *events, enum keyspace_event event, unsigned table, struct bytes key)
{
    unsigned db = events->is_cluster ? 0 : table;

    switch (event) {
    case KEYSPACE_KEY_CAME:
        events_add(events, db, EVENT_NEW, "new", key);
        break;
    case KEYSPACE_KEY_EXPIRED:
        events_add(events, db, EVENT_EXPIRED, "expired", key);
        break;
    case KEYSPACE_KEY_EVICTED:
        events_add(events, db, EVENT_EVICTED, "evicted", key);
        break;
    case KEYSPACE_KEY_CHANGED: /* commands know more about these */
    case KEYSPACE_KEY_WENT:
    case KEYSPACE_TABLE_FLUSHED:
    case KEYSPACE_TABLE_SWAPPED:
        break;
    }
}

void events_add(struct events *events, unsigned db, enum event_class class, const char *name,
                struct bytes key)
{
    struct event event = {.name = name, .db = db};

    if ((events->classes & (uint32_t) class) == 0) {
        return;
    }
    buf_append_bytes(&events->keys, key);
    event.key_end = events->keys.len;
    VEC_PUSH(&events->list, event);
}

void events_clear(struct events *events)
{
    buf_clear(&events->keys);
    buf_shrink_when_empty(&events->keys, KEPT_BYTES);
    if (events->list.count > KEPT_EVENTS) {
        VEC_DEINIT(&events->list);
    }
    events->list.count = 0;
}

void events_deinit(struct events *events)
{
    buf_deinit(&events->keys);
    VEC_DEINIT(&events->list);
}
