/* SPDX-License-Identifier: MIT */
#include "session/watch.h"

#include "base/assert.h"
#include "base/mem.h"
#include "session/session.h"

#include <string.h>

void watch_init(struct watch *watch, uint64_t hash_seed)
{
    *watch = (struct watch){.keys.seed = hash_seed};
}

void watch_deinit(struct watch *watch)
{
    ASSERT(watch->watcher_count == 0);
    ASSERT(watch->keys.count == 0 && watch->tables.count == 0);
    hashtable_deinit(&watch->keys);
    hashtable_deinit(&watch->tables);
    buf_deinit(&watch->name);
}

/* ---- keys ---------------------------------------------------------------------------------------- */

/* Under which a key is found; borrowed until the next call. */
static struct bytes name_of(struct watch *watch, unsigned table, struct bytes key)
{
    buf_clear(&watch->name);
    buf_append(&watch->name, &table, sizeof(table));
    buf_append_bytes(&watch->name, key);
    return buf_bytes(&watch->name);
}

static struct watch_key *find_key(const struct watch *watch, struct bytes name, uint64_t hash)
{
    struct hashtable_node *found = hashtable_find_hashed(&watch->keys, name, hash);

    return found != NULL ? CONTAINER_OF(found, struct watch_key, by_name) : NULL;
}

static struct watch_table *find_table(const struct watch *watch, unsigned number)
{
    struct hashtable_node *found =
        hashtable_find(&watch->tables, bytes_make(&number, sizeof(number)));

    return found != NULL ? CONTAINER_OF(found, struct watch_table, by_number) : NULL;
}

static struct watch_table *get_table(struct watch *watch, unsigned number)
{
    struct watch_table *table = find_table(watch, number);

    if (table == NULL) {
        table = mem_alloc_zeroed(MEM_SESSION, sizeof(*table));
        table->number = number;
        list_init(&table->keys);
        hashtable_add(&watch->tables, &table->by_number,
                      bytes_make(&table->number, sizeof(table->number)));
    }
    return table;
}

static struct watch_key *get_key(struct watch *watch, unsigned table, struct bytes name,
                                 uint64_t hash)
{
    struct watch_key *key = find_key(watch, name, hash);

    if (key == NULL) {
        key = mem_alloc(MEM_SESSION, sizeof(*key) + name.len);
        *key = (struct watch_key){0};
        memcpy(key->name, name.data, name.len);
        list_init(&key->watchers);
        key->table = get_table(watch, table);
        list_add_tail(&key->table->keys, &key->of_table);
        hashtable_add_hashed(&watch->keys, &key->by_name, bytes_make(key->name, name.len), hash);
    }
    return key;
}

static void free_key_when_unused(struct watch *watch, struct watch_key *key)
{
    struct watch_table *table = key->table;

    if (!list_is_empty(&key->watchers)) {
        return;
    }
    list_remove(&key->of_table);
    hashtable_remove(&watch->keys, &key->by_name);
    mem_free(MEM_SESSION, key);
    if (list_is_empty(&table->keys)) {
        hashtable_remove(&watch->tables, &table->by_number);
        mem_free(MEM_SESSION, table);
    }
}

/* ---- who watches --------------------------------------------------------------------------------- */

static struct watcher *get_watcher(struct watch *watch, struct session *s)
{
    if (s->watcher == NULL) {
        s->watcher = mem_alloc_zeroed(MEM_SESSION, sizeof(*s->watcher));
        list_init(&s->watcher->items);
        s->watcher->by_name.seed = watch->keys.seed;
        s->watcher->bytes = sizeof(*s->watcher);
        watch->watcher_count++;
    }
    return s->watcher;
}

struct watch_item *watch_add(struct watch *watch, struct session *s, unsigned table,
                             struct bytes key, bool is_there)
{
    struct watcher *watcher = get_watcher(watch, s);
    struct bytes name = name_of(watch, table, key);
    uint64_t hash = hashtable_hash(&watch->keys, name);
    struct watch_item *item;

    if (hashtable_find_hashed(&watcher->by_name, name, hash) != NULL) {
        return NULL;
    }
    item = mem_alloc(MEM_SESSION, sizeof(*item));
    *item = (struct watch_item){
        .key = get_key(watch, table, name, hash), .session = s, .was_there = is_there};
    list_add_tail(&item->key->watchers, &item->of_key);
    list_add_tail(&watcher->items, &item->of_session);
    hashtable_add_hashed(&watcher->by_name, &item->by_name, item->key->by_name.key, hash);
    watcher->bytes += sizeof(*item) + sizeof(*item->key) + name.len;
    return item;
}

void watch_leave(struct watch *watch, struct session *s)
{
    struct watcher *watcher = s->watcher;

    s->flags &= ~(uint32_t)SESSION_WATCH_BROKEN;
    if (watcher == NULL) {
        return;
    }
    LIST_FOR_EACH_SAFE (found, &watcher->items) {
        struct watch_item *item = CONTAINER_OF(found, struct watch_item, of_session);

        list_remove(&item->of_key);
        hashtable_remove(&watcher->by_name, &item->by_name);
        free_key_when_unused(watch, item->key);
        mem_free(MEM_SESSION, item);
    }
    hashtable_deinit(&watcher->by_name);
    mem_free(MEM_SESSION, watcher);
    s->watcher = NULL;
    ASSERT(watch->watcher_count > 0);
    watch->watcher_count--;
}

/* ---- what happens to keys ------------------------------------------------------------------------ */

enum event {
    KEY_CHANGED,
    KEY_WENT,
    KEY_REPLACED,
};

static void happen(const struct watch_key *key, enum event event)
{
    LIST_FOR_EACH (found, &key->watchers) {
        struct watch_item *item = CONTAINER_OF(found, struct watch_item, of_key);

        if (item->was_there || item->may_be_there || event == KEY_CHANGED) {
            item->session->flags |= SESSION_WATCH_BROKEN;
        }
        item->may_be_there = item->may_be_there || event == KEY_REPLACED;
    }
}

static void happen_to_key(struct watch *watch, unsigned table, struct bytes name, enum event event)
{
    struct bytes full = name_of(watch, table, name);
    const struct watch_key *key = find_key(watch, full, hashtable_hash(&watch->keys, full));

    if (key != NULL) {
        happen(key, event);
    }
}

void watch_key_changed(struct watch *watch, unsigned table, struct bytes key)
{
    happen_to_key(watch, table, key, KEY_CHANGED);
}

void watch_key_went(struct watch *watch, unsigned table, struct bytes key)
{
    happen_to_key(watch, table, key, KEY_WENT);
}

static void happen_to_table(const struct watch_table *table, enum event event)
{
    LIST_FOR_EACH (found, &table->keys) {
        happen(CONTAINER_OF(found, struct watch_key, of_table), event);
    }
}

void watch_table_went(struct watch *watch, unsigned table)
{
    const struct watch_table *found = find_table(watch, table);

    if (found != NULL) {
        happen_to_table(found, KEY_WENT);
    }
}

void watch_table_replaced(struct watch *watch, unsigned table, watch_look_fn *is_there,
                          void *context)
{
    const struct watch_table *found = find_table(watch, table);

    if (found == NULL) {
        return;
    }
    LIST_FOR_EACH (item, &found->keys) {
        const struct watch_key *key = CONTAINER_OF(item, struct watch_key, of_table);
        struct bytes name = bytes_from(key->by_name.key, sizeof(unsigned));

        happen(key, is_there(context, table, name) ? KEY_CHANGED : KEY_WENT);
    }
}

void watch_all_replaced(struct watch *watch)
{
    HASHTABLE_FOR_EACH (found, &watch->tables) {
        happen_to_table(CONTAINER_OF(found, struct watch_table, by_number), KEY_REPLACED);
    }
}

/* ---- facts --------------------------------------------------------------------------------------- */

size_t watch_count(const struct session *s)
{
    return s->watcher != NULL ? s->watcher->by_name.count : 0;
}

size_t watch_memory(const struct session *s)
{
    return s->watcher != NULL ? s->watcher->bytes : 0;
}

unsigned watch_item_table(const struct watch_item *item)
{
    return item->key->table->number;
}

struct bytes watch_item_name(const struct watch_item *item)
{
    return bytes_from(item->key->by_name.key, sizeof(unsigned));
}

void watch_check(const struct watch *watch)
{
    size_t keys = 0;

    HASHTABLE_FOR_EACH (found, &watch->tables) {
        const struct watch_table *table = CONTAINER_OF(found, struct watch_table, by_number);

        ASSERT(!list_is_empty(&table->keys));
        LIST_FOR_EACH (linked, &table->keys) {
            const struct watch_key *key = CONTAINER_OF(linked, struct watch_key, of_table);

            ASSERT(key->table == table);
            ASSERT(!list_is_empty(&key->watchers));
            keys++;
            LIST_FOR_EACH (watcher, &key->watchers) {
                const struct watch_item *item = CONTAINER_OF(watcher, struct watch_item, of_key);

                ASSERT(item->key == key);
                ASSERT(hashtable_find(&item->session->watcher->by_name, key->by_name.key) ==
                       &item->by_name);
            }
        }
    }
    ASSERT(keys == watch->keys.count);
    ASSERT(watch->watcher_count > 0 || keys == 0);
}
