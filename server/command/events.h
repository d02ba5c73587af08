/* SPDX-License-Identifier: MIT */
/* What commands say of what they did to keys, for those who listen (notify-keyspace-events).
 *
 * Names and order of events are those that clients know from other servers: a command may say more than
 * one, and says them where it knows that it did something.  What nobody wants is not kept.
 *
 * Invariant:  (1) every event kept is of a class that is wanted
 * Owns the keys, which are copied: what is said of one may outlive it.  Names are constants. */
#ifndef STARLING_COMMAND_EVENTS_H
#define STARLING_COMMAND_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/vec.h"
#include "command/exec.h"
#include "spec/event_class.h"

struct event {
    const char *name;
    unsigned db;
    size_t key_end; /* in events.keys, where its key ends and that of the next one begins */
};

struct events {
    uint32_t classes; /* that are wanted */
    bool is_cluster;  /* tables of the key space are slots, not databases */
    VEC(struct event) list;
    struct buf keys;
};

/* What the key space says by itself: which keys are new, have expired or were evicted (keyspace_observe). */
void events_note(struct events *events, enum keyspace_event event, unsigned table,
                 struct bytes key);
void events_add(struct events *events, unsigned db, enum event_class class, const char *name,
                struct bytes key);
/* Forget all; keep the memory, but for what is more than usual. */
void events_clear(struct events *events);
void events_deinit(struct events *events);

/* Say that something happened to a key of the selected database, */
static inline void notify(const struct exec *x, enum event_class class, const char *name,
                          struct bytes key)
{
    if (UNLIKELY(x->events != NULL)) {
        events_add(x->events, x->db, class, name, key);
    }
}

/* or of another one; */
static inline void notify_in(const struct exec *x, unsigned db, enum event_class class,
                             const char *name, struct bytes key)
{
    if (UNLIKELY(x->events != NULL)) {
        events_add(x->events, db, class, name, key);
    }
}

/* that an element went, and with the last one the key unless is_there. */
static inline void notify_taken(const struct exec *x, enum event_class class, const char *name,
                                struct bytes key, bool is_there)
{
    notify(x, class, name, key);
    if (!is_there) {
        notify(x, EVENT_GENERIC, "del", key);
    }
}

#endif
