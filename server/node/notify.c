/* SPDX-License-Identifier: MIT */
#include "node/notify.h"

#include "base/assert.h"
#include "node/inside.h"

enum {
    OBSERVED = EVENT_NEW | EVENT_EXPIRED | EVENT_EVICTED,
};

/* Classes that go anywhere. */
static uint32_t classes_wanted(const struct node *node)
{
    uint32_t classes = node->config.event_classes;

    return (classes & (EVENT_KEYSPACE | EVENT_KEYEVENT)) != 0 ? classes : 0;
}

static void on_change(void *context, enum keyspace_event event, unsigned table, struct bytes key)
{
    struct node *node = context;

    /* What is loaded was there before. */
    if (node->loading.phase == LOAD_IDLE || node->loading.target != node->data.keyspace) {
        events_note(&node->notify.events, event, table, key);
    }
}

static void observe(struct node *node)
{
    struct notify *notify = &node->notify;
    const struct keyspace_observer observer = {.on = on_change, .context = node};
    bool is_needed = (classes_wanted(node) & OBSERVED) != 0;

    if (is_needed != notify->is_observing) {
        keyspace_observe(node->data.keyspace, OBSERVER_OF_EVENTS, is_needed ? &observer : NULL);
        notify->is_observing = is_needed;
    }
}

void notify_init(struct node *node)
{
    node->notify.events.is_cluster = node->config.cluster_enabled;
    observe(node);
}

void notify_deinit(struct node *node)
{
    events_deinit(&node->notify.events);
}

void notify_configure(struct node *node)
{
    observe(node);
}

void notify_data_replaced(struct node *node)
{
    node->notify.is_observing = false; /* the observer went with the old one */
    observe(node);
}

static bool is_anybody_there(const struct node *node)
{
    const struct hashtable *topics = node->publish.pubsub.topics;

    return topics[PUBSUB_CHANNEL].count + topics[PUBSUB_PATTERN].count > 0;
}

struct events *notify_events(struct node *node)
{
    struct events *events = &node->notify.events;

    /* What control commands did to keys is told before anything else happens. */
    notify_tell(node, &node->notify);
    events->classes = 0;
    if (UNLIKELY(node->config.event_classes != 0) && is_anybody_there(node)) {
        events->classes = classes_wanted(node);
    }
    return events->classes != 0 ? events : NULL;
}

static void publish(struct node *node, const struct event *event, struct bytes key,
                    struct buf *channel)
{
    uint32_t classes = node->notify.events.classes;

    if ((classes & EVENT_KEYSPACE) != 0) {
        buf_clear(channel);
        buf_printf(channel, "__keyspace@%u__:", event->db);
        buf_append_bytes(channel, key);
        (void)publish_deliver(node, PUBSUB_CHANNEL, buf_bytes(channel),
                              bytes_from_text(event->name));
    }
    if ((classes & EVENT_KEYEVENT) != 0) {
        buf_clear(channel);
        buf_printf(channel, "__keyevent@%u__:%s", event->db, event->name);
        (void)publish_deliver(node, PUBSUB_CHANNEL, buf_bytes(channel), key);
    }
}

void notify_publish(struct node *node)
{
    struct events *events = &node->notify.events;
    struct buf channel = {0};
    size_t start = 0;

    for (size_t i = 0; i < events->list.count; i++) {
        const struct event *event = &events->list.items[i];

        ASSERT(start <= event->key_end);
        publish(node, event, bytes_make(events->keys.data + start, event->key_end - start),
                &channel);
        start = event->key_end;
    }
    buf_deinit(&channel);
    events_clear(events);
}

void notify_check(const struct node *node)
{
    const struct notify *notify = &node->notify;

    ASSERT(notify->is_observing == ((classes_wanted(node) & OBSERVED) != 0)); /* (1) */
    ASSERT(notify->events.list.count == 0);                                   /* (2) */
}
