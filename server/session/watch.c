/* SPDX-License-Identifier: MIT */
#include "session/watch.h"

#include "base/assert.h"
#include "base/mem.h"
#include "session/session.h"

#include <string.h>

enum {
    FEW_WATCHERS = 8, /* of a key, which are looked through */
    FREED_TOGETHER = 16,
    CHUNK_MIN = 4,
    CHUNK_MAX = 512,
};

/* Of a key that many watch: that the session does. */
struct watch_link {
    struct hashtable_node by_session; /* the key is the pointer to it */
    struct session *session;
};

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
    ASSERT(key->watcher_count == 0);
    list_remove(&key->of_table);
    hashtable_remove(&watch->keys, &key->by_name);
    if (key->by_session != NULL) {
        hashtable_deinit(key->by_session);
        mem_free(MEM_SESSION, key->by_session);
    }
    mem_free(MEM_SESSION, key);
    if (list_is_empty(&table->keys)) {
        hashtable_remove(&watch->tables, &table->by_number);
        mem_free(MEM_SESSION, table);
    }
}

/* ---- who watches --------------------------------------------------------------------------------- */

static struct bytes session_bytes(struct session *const *s)
{
    return bytes_make(s, sizeof(*s));
}

static bool is_watched_by(const struct watch_key *key, struct session *s)
{
    if (key->by_session != NULL) {
        return hashtable_find(key->by_session, session_bytes(&s)) != NULL;
    }
    ASSERT(key->watcher_count <= FEW_WATCHERS);
    LIST_FOR_EACH (found, &key->watchers) {
        if (CONTAINER_OF(found, struct watch_item, of_key)->session == s) {
            return true;
        }
    }
    return false;
}

static void link_session(struct watch_key *key, struct session *s)
{
    struct watch_link *link = mem_alloc(MEM_SESSION, sizeof(*link));

    *link = (struct watch_link){.session = s};
    hashtable_add(key->by_session, &link->by_session, session_bytes(&link->session));
}

static void unlink_session(struct watch_key *key, struct session *s)
{
    struct hashtable_node *found = hashtable_find(key->by_session, session_bytes(&s));

    ASSERT(found != NULL);
    hashtable_remove(key->by_session, found);
    mem_free(MEM_SESSION, CONTAINER_OF(found, struct watch_link, by_session));
}

static void add_watcher(struct watch_key *key, struct watch_item *item)
{
    list_add_tail(&key->watchers, &item->of_key);
    key->watcher_count++;
    if (key->by_session != NULL) {
        link_session(key, item->session);
    } else if (key->watcher_count > FEW_WATCHERS) {
        key->by_session = mem_alloc_zeroed(MEM_SESSION, sizeof(*key->by_session));
        LIST_FOR_EACH (found, &key->watchers) {
            link_session(key, CONTAINER_OF(found, struct watch_item, of_key)->session);
        }
    }
}

static void remove_watcher(struct watch_key *key, struct watch_item *item)
{
    ASSERT(key->watcher_count > 0);
    list_remove(&item->of_key);
    key->watcher_count--;
    if (key->by_session != NULL) {
        unlink_session(key, item->session);
    }
}

/* Room for one more, which is the caller's to fill. */
static struct watch_item *push_item(struct watcher *watcher)
{
    struct watch_chunk *last = watcher->last;

    if (last == NULL || last->count == last->cap) {
        size_t cap = watcher->count < CHUNK_MIN   ? CHUNK_MIN
                     : watcher->count > CHUNK_MAX ? CHUNK_MAX
                                                  : watcher->count;
        size_t bytes = sizeof(*last) + cap * sizeof(struct watch_item);
        struct watch_chunk *chunk = mem_alloc(MEM_SESSION, bytes);

        *chunk = (struct watch_chunk){.cap = cap};
        *(last != NULL ? &last->next : &watcher->first) = chunk;
        watcher->last = last = chunk;
        watcher->bytes += bytes;
    }
    watcher->count++;
    return &last->items[last->count++];
}

static struct watcher *get_watcher(struct watch *watch, struct session *s)
{
    if (s->watcher == NULL) {
        s->watcher = mem_alloc_zeroed(MEM_SESSION, sizeof(*s->watcher));
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
    struct watch_key *watched = get_key(watch, table, name, hashtable_hash(&watch->keys, name));
    struct watch_item *item;

    if (is_watched_by(watched, s)) {
        return NULL;
    }
    item = push_item(watcher);
    *item = (struct watch_item){.key = watched, .session = s, .was_there = is_there};
    add_watcher(watched, item);
    watcher->bytes += sizeof(*watched) + name.len;
    return item;
}

uint64_t watch_prefetch_bucket(struct watch *watch, unsigned table, struct bytes key)
{
    uint64_t hash = hashtable_hash(&watch->keys, name_of(watch, table, key));

    hashtable_prefetch_bucket(&watch->keys, hash);
    return hash;
}

void watch_prefetch_key(const struct watch *watch, uint64_t hash)
{
    hashtable_prefetch_node(&watch->keys, hash);
}

/* Their keys are looked for at the same time. */
static void leave_some(struct watch *watch, struct watch_item *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        hashtable_prefetch_bucket(&watch->keys, items[i].key->by_name.hash);
    }
    for (size_t i = 0; i < count; i++) {
        hashtable_prefetch_node(&watch->keys, items[i].key->by_name.hash);
    }
    for (size_t i = 0; i < count; i++) {
        remove_watcher(items[i].key, &items[i]);
        free_key_when_unused(watch, items[i].key);
    }
}

static void leave_chunk(struct watch *watch, struct watch_chunk *chunk)
{
    for (size_t i = 0; i < chunk->count; i += FREED_TOGETHER) {
        size_t left = chunk->count - i;

        leave_some(watch, chunk->items + i, left < FREED_TOGETHER ? left : FREED_TOGETHER);
    }
    mem_free(MEM_SESSION, chunk);
}

void watch_leave(struct watch *watch, struct session *s)
{
    struct watcher *watcher = s->watcher;

    s->flags &= ~(uint32_t)SESSION_WATCH_BROKEN;
    if (watcher == NULL) {
        return;
    }
    while (watcher->first != NULL) {
        struct watch_chunk *next = watcher->first->next;

        leave_chunk(watch, watcher->first);
        watcher->first = next;
    }
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
    return s->watcher != NULL ? s->watcher->count : 0;
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

static void check_key(const struct watch_key *key)
{
    size_t watchers = 0;

    ASSERT(!list_is_empty(&key->watchers));
    LIST_FOR_EACH (found, &key->watchers) {
        const struct watch_item *item = CONTAINER_OF(found, struct watch_item, of_key);

        ASSERT(item->key == key);
        ASSERT(is_watched_by(key, item->session));
        watchers++;
    }
    ASSERT(watchers == key->watcher_count);
    ASSERT(key->by_session == NULL || key->by_session->count == watchers);
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
            check_key(key);
            keys++;
        }
    }
    ASSERT(keys == watch->keys.count);
    ASSERT(watch->watcher_count > 0 || keys == 0);
}
