/* SPDX-License-Identifier: MIT */
#include "node/watching.h"

#include "base/assert.h"
#include "node/inside.h"
#include "store/entry.h"
#include "store/value_hash.h"

enum {
    ADDED_TOGETHER = 16,
};

void watching_init(struct node *node)
{
    watch_init(&node->watching.watch, node->data.hash_seed);
}

void watching_deinit(struct node *node)
{
    watch_deinit(&node->watching.watch);
}

/* ---- what happens in the key space --------------------------------------------------------------- */

/* Of the database, or of the one that there is in cluster mode. */
static struct key_ref ref_of(const struct node *node, unsigned db, struct bytes key)
{
    return keyspace_ref(node->data.keyspace, node->config.cluster_enabled ? 0 : db, key);
}

static bool is_there(const struct node *node, const struct key_ref *ref)
{
    return keyspace_find(node->data.keyspace, ref, node->now.unix_ms) != NULL;
}

/* How many fields the hash has that have not expired; 0 when none can, and for what is no hash. */
static uint64_t count_fields(const struct node *node, const struct entry *e)
{
    struct value hash;

    if (e == NULL || entry_type(e) != VALUE_HASH || !entry_is_volatile(e)) {
        return 0;
    }
    hash = entry_value(e);
    hash.now_ms = node->now.unix_ms;
    return hash_seen_count(&hash);
}

static bool is_in_table(void *context, unsigned table, struct bytes key)
{
    const struct node *node = context;
    struct key_ref ref = ref_of(node, table, key);

    return is_there(node, &ref);
}

static void on_change(void *context, enum keyspace_event event, unsigned table, struct bytes key)
{
    struct node *node = context;
    struct watch *watch = &node->watching.watch;

    switch (event) {
    case KEYSPACE_KEY_CAME:
    case KEYSPACE_KEY_CHANGED:
        watch_key_changed(watch, table, key);
        break;
    case KEYSPACE_KEY_WENT:
    case KEYSPACE_KEY_EXPIRED:
    case KEYSPACE_KEY_EVICTED:
        watch_key_went(watch, table, key);
        break;
    case KEYSPACE_TABLE_FLUSHED:
        watch_table_went(watch, table);
        break;
    case KEYSPACE_TABLE_SWAPPED:
        watch_table_replaced(watch, table, is_in_table, node);
        break;
    }
}

static void observe(struct node *node)
{
    struct watching *watching = &node->watching;
    const struct keyspace_observer observer = {.on = on_change, .context = node};
    bool is_needed = watching->watch.watcher_count > 0;

    if (is_needed != watching->is_observing) {
        keyspace_observe(node->data.keyspace, OBSERVER_OF_WATCHING, is_needed ? &observer : NULL);
        watching->is_observing = is_needed;
    }
}

void watching_data_replaced(struct node *node)
{
    node->watching.is_observing = false; /* the observer went with the old one */
    watch_all_replaced(&node->watching.watch);
    observe(node);
}

void watching_slot_went(struct node *node, unsigned slot)
{
    watch_table_went(&node->watching.watch, slot);
}

/* ---- who watches --------------------------------------------------------------------------------- */

static void add(struct node *node, struct session *s, const struct key_ref *ref)
{
    const struct entry *e = keyspace_find(node->data.keyspace, ref, node->now.unix_ms);
    struct watch_item *item =
        watch_add(&node->watching.watch, s, ref->table, ref->bytes, e != NULL);

    if (item != NULL) {
        item->field_count = count_fields(node, e);
    }
}

/* What is going to be read of all of them is fetched at the same time. */
static void fetch(struct node *node, const struct key_ref *refs, size_t count)
{
    struct watch *watch = &node->watching.watch;
    uint64_t hashes[ADDED_TOGETHER];

    ASSERT(count <= ADDED_TOGETHER);
    keyspace_prefetch_buckets(node->data.keyspace, refs, count);
    for (size_t i = 0; i < count; i++) {
        hashes[i] = watch_prefetch_bucket(watch, refs[i].table, refs[i].bytes);
    }
    keyspace_prefetch_entries(node->data.keyspace, refs, count);
    for (size_t i = 0; i < count; i++) {
        watch_prefetch_key(watch, hashes[i]);
    }
}

void watching_add(struct node *node, struct session *s, const struct bytes *keys, size_t count)
{
    struct key_ref refs[ADDED_TOGETHER];

    while (count > 0 && (s->flags & SESSION_WATCH_BROKEN) == 0) {
        size_t some = count < ADDED_TOGETHER ? count : ADDED_TOGETHER;

        for (size_t i = 0; i < some; i++) {
            refs[i] = ref_of(node, s->db, keys[i]);
        }
        fetch(node, refs, some);
        for (size_t i = 0; i < some; i++) {
            add(node, s, &refs[i]);
        }
        keys += some;
        count -= some;
    }
    observe(node);
}

void watching_leave(struct node *node, struct session *s)
{
    watch_leave(&node->watching.watch, s);
    observe(node);
}

/* Is what is there now what was there, as far as expiry goes? */
static bool is_as_it_was(const struct node *node, const struct watch_item *item)
{
    struct key_ref ref = ref_of(node, watch_item_table(item), watch_item_name(item));
    const struct entry *e = keyspace_find(node->data.keyspace, &ref, node->now.unix_ms);

    return (e != NULL) == item->was_there && count_fields(node, e) == item->field_count;
}

bool watching_is_broken(struct node *node, struct session *s)
{
    const struct watch_chunk *chunk = s->watcher != NULL ? s->watcher->first : NULL;

    for (; chunk != NULL && (s->flags & SESSION_WATCH_BROKEN) == 0; chunk = chunk->next) {
        for (size_t i = 0; i < chunk->count; i++) {
            if (!is_as_it_was(node, &chunk->items[i])) {
                s->flags |= SESSION_WATCH_BROKEN;
                break;
            }
        }
    }
    return (s->flags & SESSION_WATCH_BROKEN) != 0;
}

void watching_check(const struct node *node)
{
    const struct watching *watching = &node->watching;

    ASSERT(watching->is_observing == (watching->watch.watcher_count > 0));
    watch_check(&watching->watch);
}
