/* SPDX-License-Identifier: MIT */
#include "node/watching.h"

#include "base/assert.h"
#include "node/inside.h"
#include "store/entry.h"
#include "store/value_hash.h"

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

/* ---- who watches --------------------------------------------------------------------------------- */

void watching_add(struct node *node, struct session *s, struct bytes key)
{
    struct key_ref ref = ref_of(node, s->db, key);
    const struct entry *e = keyspace_find(node->data.keyspace, &ref, node->now.unix_ms);
    struct watch_item *item = watch_add(&node->watching.watch, s, ref.table, key, e != NULL);

    if (item != NULL) {
        item->field_count = count_fields(node, e);
    }
    observe(node);
}

void watching_leave(struct node *node, struct session *s)
{
    watch_leave(&node->watching.watch, s);
    observe(node);
}

bool watching_is_broken(struct node *node, struct session *s)
{
    if ((s->flags & SESSION_WATCH_BROKEN) != 0 || s->watcher == NULL) {
        return (s->flags & SESSION_WATCH_BROKEN) != 0;
    }
    LIST_FOR_EACH (found, &s->watcher->items) {
        const struct watch_item *item = CONTAINER_OF_CONST(found, struct watch_item, of_session);
        struct key_ref ref = ref_of(node, watch_item_table(item), watch_item_name(item));

        const struct entry *e = keyspace_find(node->data.keyspace, &ref, node->now.unix_ms);

        if ((e != NULL) != item->was_there || count_fields(node, e) != item->field_count) {
            s->flags |= SESSION_WATCH_BROKEN;
            return true;
        }
    }
    return false;
}

void watching_check(const struct node *node)
{
    const struct watching *watching = &node->watching;

    ASSERT(watching->is_observing == (watching->watch.watcher_count > 0));
    watch_check(&watching->watch);
}
