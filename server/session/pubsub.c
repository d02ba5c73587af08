/* SPDX-License-Identifier: MIT */
#include "session/pubsub.h"

#include "base/assert.h"
#include "base/mem.h"
#include "session/session.h"

#include <string.h>

enum {
    FREE_SLICE = 1024, /* subscriptions, some 0.2 ms */
};

void pubsub_init(struct pubsub *pubsub, uint64_t hash_seed)
{
    *pubsub = (struct pubsub){0};
    list_init(&pubsub->leaving);
    for (int kind = 0; kind < PUBSUB_KINDS; kind++) {
        pubsub->topics[kind].seed = hash_seed;
    }
}

void pubsub_deinit(struct pubsub *pubsub)
{
    while (pubsub_free_step(pubsub)) {
    }
    ASSERT(pubsub->listener_count == 0);
    ASSERT(pubsub->bytes == 0);
    for (int kind = 0; kind < PUBSUB_KINDS; kind++) {
        ASSERT(pubsub->topics[kind].count == 0);
        hashtable_deinit(&pubsub->topics[kind]);
    }
}

/* ---- topics -----------------------------------------------------------------------------------*/

struct pubsub_topic *pubsub_find(const struct pubsub *pubsub, enum pubsub_kind kind,
                                 struct bytes name)
{
    struct hashtable_node *found = hashtable_find(&pubsub->topics[kind], name);

    return found != NULL ? CONTAINER_OF(found, struct pubsub_topic, by_name) : NULL;
}

size_t pubsub_topic_count(const struct pubsub *pubsub, enum pubsub_kind kind)
{
    return pubsub->topics[kind].count;
}

static size_t bytes_of(const struct pubsub_topic *topic)
{
    return sizeof(*topic) + topic->by_name.key.len;
}

static struct pubsub_topic *get_topic(struct pubsub *pubsub, enum pubsub_kind kind,
                                      struct bytes name, uint64_t hash)
{
    struct hashtable *topics = &pubsub->topics[kind];
    struct hashtable_node *found = hashtable_find_hashed(topics, name, hash);
    struct pubsub_topic *topic;

    if (found != NULL) {
        return CONTAINER_OF(found, struct pubsub_topic, by_name);
    }
    topic = mem_alloc(MEM_SESSION, sizeof(*topic) + name.len);
    *topic = (struct pubsub_topic){0};
    list_init(&topic->subscriptions);
    if (name.len > 0) {
        memcpy(topic->name, name.data, name.len);
    }
    hashtable_add_hashed(topics, &topic->by_name, bytes_make(topic->name, name.len), hash);
    pubsub->bytes += bytes_of(topic);
    return topic;
}

static void drop_topic(struct pubsub *pubsub, enum pubsub_kind kind, struct pubsub_topic *topic)
{
    ASSERT(topic->count == 0 && list_is_empty(&topic->subscriptions));
    hashtable_remove(&pubsub->topics[kind], &topic->by_name);
    pubsub->bytes -= bytes_of(topic);
    mem_free(MEM_SESSION, topic);
}

/* ---- listeners --------------------------------------------------------------------------------*/

static struct pubsub_listener *get_listener(struct pubsub *pubsub, struct session *s)
{
    if (s->listener == NULL) {
        s->listener = mem_alloc_zeroed(MEM_SESSION, sizeof(*s->listener));
        s->listener->session = s;
        for (int kind = 0; kind < PUBSUB_KINDS; kind++) {
            list_init(&s->listener->all[kind]);
            s->listener->by_name[kind].seed = pubsub->topics[kind].seed;
        }
        s->flags |= SESSION_SUBSCRIBED;
        pubsub->listener_count++;
        pubsub->bytes += sizeof(*s->listener);
    }
    return s->listener;
}

static bool has_subscriptions(const struct pubsub_listener *listener)
{
    for (int kind = 0; kind < PUBSUB_KINDS; kind++) {
        if (!list_is_empty(&listener->all[kind])) {
            return true;
        }
    }
    return false;
}

static void detach(struct session *s)
{
    for (int kind = 0; kind < PUBSUB_KINDS; kind++) {
        hashtable_deinit(&s->listener->by_name[kind]);
    }
    s->listener->session = NULL;
    s->listener = NULL;
    s->flags &= ~(uint32_t)SESSION_SUBSCRIBED;
}

static void free_listener(struct pubsub *pubsub, struct pubsub_listener *listener)
{
    ASSERT(listener->session == NULL && !has_subscriptions(listener));
    list_remove(&listener->leaving);
    mem_free(MEM_SESSION, listener);
    pubsub->listener_count--;
    pubsub->bytes -= sizeof(*listener);
}

static struct pubsub_subscription *find_subscription(const struct session *s, enum pubsub_kind kind,
                                                     struct bytes name)
{
    struct hashtable_node *found =
        s->listener != NULL ? hashtable_find(&s->listener->by_name[kind], name) : NULL;

    return found != NULL ? CONTAINER_OF(found, struct pubsub_subscription, by_name) : NULL;
}

bool pubsub_subscribe(struct pubsub *pubsub, struct session *s, enum pubsub_kind kind,
                      struct bytes name)
{
    struct pubsub_listener *listener = get_listener(pubsub, s);
    uint64_t hash = hashtable_hash(&pubsub->topics[kind], name);
    struct pubsub_subscription *subscription;

    if (hashtable_find_hashed(&listener->by_name[kind], name, hash) != NULL) {
        return false;
    }
    subscription = mem_alloc(MEM_SESSION, sizeof(*subscription));
    *subscription = (struct pubsub_subscription){.listener = listener,
                                                 .topic = get_topic(pubsub, kind, name, hash)};
    hashtable_add_hashed(&listener->by_name[kind], &subscription->by_name,
                         subscription->topic->by_name.key, hash);
    list_add_tail(&listener->all[kind], &subscription->of_listener);
    list_add_tail(&subscription->topic->subscriptions, &subscription->of_topic);
    subscription->topic->count++;
    pubsub->bytes += sizeof(*subscription);
    return true;
}

/* It is not found by its name any more. */
static void end_subscription(struct pubsub *pubsub, enum pubsub_kind kind,
                             struct pubsub_subscription *subscription)
{
    struct pubsub_topic *topic = subscription->topic;

    ASSERT(topic->count > 0);
    list_remove(&subscription->of_listener);
    list_remove(&subscription->of_topic);
    mem_free(MEM_SESSION, subscription);
    pubsub->bytes -= sizeof(*subscription);
    if (--topic->count == 0) {
        drop_topic(pubsub, kind, topic);
    }
}

bool pubsub_unsubscribe(struct pubsub *pubsub, struct session *s, enum pubsub_kind kind,
                        struct bytes name)
{
    struct pubsub_subscription *subscription = find_subscription(s, kind, name);
    struct pubsub_listener *listener;

    if (subscription == NULL) {
        return false;
    }
    listener = s->listener;
    hashtable_remove(&listener->by_name[kind], &subscription->by_name);
    end_subscription(pubsub, kind, subscription);
    if (!has_subscriptions(listener)) {
        detach(s);
        free_listener(pubsub, listener);
    }
    return true;
}

void pubsub_leave(struct pubsub *pubsub, struct session *s)
{
    if (s->listener != NULL) {
        list_add_tail(&pubsub->leaving, &s->listener->leaving);
        detach(s);
    }
}

bool pubsub_free_step(struct pubsub *pubsub)
{
    size_t budget = FREE_SLICE;

    while (budget > 0 && !list_is_empty(&pubsub->leaving)) {
        struct pubsub_listener *listener =
            CONTAINER_OF(pubsub->leaving.next, struct pubsub_listener, leaving);

        for (int kind = 0; kind < PUBSUB_KINDS; kind++) {
            struct list *all = &listener->all[kind];

            for (; budget > 0 && !list_is_empty(all); budget--) {
                end_subscription(pubsub, (enum pubsub_kind)kind,
                                 CONTAINER_OF(all->next, struct pubsub_subscription, of_listener));
            }
        }
        if (!has_subscriptions(listener)) {
            free_listener(pubsub, listener);
        }
    }
    return !list_is_empty(&pubsub->leaving);
}

size_t pubsub_count(const struct session *s, enum pubsub_kind kind)
{
    return s->listener != NULL ? s->listener->by_name[kind].count : 0;
}

struct bytes pubsub_oldest(const struct session *s, enum pubsub_kind kind)
{
    if (pubsub_count(s, kind) == 0) {
        return (struct bytes){0};
    }
    return CONTAINER_OF(s->listener->all[kind].next, struct pubsub_subscription, of_listener)
        ->topic->by_name.key;
}

/* ---- invariants -------------------------------------------------------------------------------*/

static size_t check_topic(const struct pubsub_topic *topic, enum pubsub_kind kind)
{
    size_t count = 0;

    ASSERT(topic->count > 0); /* (1) */
    LIST_FOR_EACH (item, &topic->subscriptions) {
        const struct pubsub_subscription *subscription =
            CONTAINER_OF_CONST(item, struct pubsub_subscription, of_topic);
        const struct session *s = subscription->listener->session;

        ASSERT(subscription->topic == topic);
        if (s != NULL) {
            ASSERT(s->flags & SESSION_SUBSCRIBED);                                  /* (3) */
            ASSERT(find_subscription(s, kind, topic->by_name.key) == subscription); /* (2) */
        }
        ASSERT((s == NULL) == list_is_linked(&subscription->listener->leaving)); /* (4) */
        count++;
    }
    ASSERT(count == topic->count);
    return count;
}

void pubsub_check(const struct pubsub *pubsub)
{
    size_t subscriptions = 0;

    for (int kind = 0; kind < PUBSUB_KINDS; kind++) {
        HASHTABLE_FOR_EACH (node, &pubsub->topics[kind]) {
            subscriptions += check_topic(CONTAINER_OF_CONST(node, struct pubsub_topic, by_name),
                                         (enum pubsub_kind)kind);
        }
    }
    ASSERT(subscriptions >= pubsub->listener_count);
    ASSERT((pubsub->bytes == 0) == (subscriptions == 0));
}
