/* SPDX-License-Identifier: MIT */
/* Events in the key space become messages: what happened to a key is published on the channel
 * __keyspace@<db>__:<key>, and to which key something happened on __keyevent@<db>__:<event>, as
 * notify-keyspace-events asks for it.
 *
 * They go to those who listen at this node alone, never over the bus: every node speaks of its own keys.  A
 * replica speaks of what the stream of its primary does.  Loading, and full resyncs, say nothing.
 *
 * Invariants:  (1) without a class that is wanted the key space is not observed
 *              (2) nothing is left to tell when the door is closed, or a pass has ended */
#ifndef STARLING_NODE_NOTIFY_H
#define STARLING_NODE_NOTIFY_H

#include <stdbool.h>

#include "base/attr.h"
#include "command/events.h"

struct node;

struct notify {
    struct events events;
    bool is_observing;
};

void notify_init(struct node *node);
void notify_deinit(struct node *node);
/* The directive that CONFIG SET may have changed. */
void notify_configure(struct node *node);
/* There is another key space now. */
void notify_data_replaced(struct node *node);

/* Where commands put events now; NULL: nobody wants any. */
struct events *notify_events(struct node *node);
/* Publish what was put there; there is something. */
void notify_publish(struct node *node);

static inline void notify_tell(struct node *node, const struct notify *notify)
{
    if (UNLIKELY(notify->events.list.count > 0)) {
        notify_publish(node);
    }
}

void notify_check(const struct node *node);

#endif
