/* SPDX-License-Identifier: MIT */
#include "session/tracking.h"

#include "base/assert.h"
#include "base/mem.h"
#include "session/session.h"

#include <stdlib.h>
#include <string.h>

void tracking_init(struct tracking *tracking, uint64_t hash_seed)
{
    *tracking = (struct tracking){
        .keys.seed = hash_seed, .prefixes.seed = hash_seed, .changes.seed = hash_seed};
    list_init(&tracking->order);
    list_init(&tracking->due);
    list_init(&tracking->changed);
    list_init(&tracking->with_news);
}

static void drop_all_keys(struct tracking *tracking);

void tracking_deinit(struct tracking *tracking)
{
    struct tracked_key *key;

    ASSERT(tracking->tracker_count == 0);
    ASSERT(tracking->prefixes.count == 0);
    drop_all_keys(tracking);
    while ((key = tracking_take_due(tracking)) != NULL) {
        tracking_free_key(tracking, key);
    }
    tracking_forget_changes(tracking);
    ASSERT(tracking->bytes == 0 && tracking->item_count == 0);
    ASSERT(tracking->lengths.count == 0 && list_is_empty(&tracking->with_news));
    VEC_DEINIT(&tracking->lengths);
    hashtable_deinit(&tracking->keys);
    hashtable_deinit(&tracking->prefixes);
    hashtable_deinit(&tracking->changes);
}

/* ---- prefixes ---------------------------------------------------------------------------------*/

/* A prefix in the order of names, which puts one that another begins with right before those that do. */
struct sorted_prefix {
    struct bytes name;
    size_t number; /* SIZE_MAX: the session's own */
};

static int compare_prefixes(const void *a, const void *b)
{
    const struct sorted_prefix *first = a;
    const struct sorted_prefix *second = b;
    int order = bytes_compare(first->name, second->name);

    return order != 0 ? order : (first->number > second->number) - (first->number < second->number);
}

/* Fill in the clash of two neighbours: the first given is the prefix.  Returns its number. */
static size_t clash_of(const struct sorted_prefix *a, const struct sorted_prefix *b,
                       struct tracking_clash *out)
{
    const struct sorted_prefix *first = a->number < b->number ? a : b;
    const struct sorted_prefix *second = first == a ? b : a;

    *out = (struct tracking_clash){
        .prefix = first->name, .other = second->name, .is_own = second->number == SIZE_MAX};
    return first->number;
}

bool tracking_find_clash(const struct session *s, const struct bytes *prefixes, size_t count,
                         struct tracking_clash *out)
{
    const struct tracker *tracker = s->tracker;
    size_t own_count = tracker != NULL && count > 0 ? tracker->prefixes.count : 0;
    VEC(struct sorted_prefix) all = {0};
    size_t best = SIZE_MAX;

    VEC_RESERVE(&all, own_count + count);
    for (size_t i = 0; i < own_count; i++) {
        VEC_PUSH(&all, ((struct sorted_prefix){.name = tracker->prefixes.items[i]->by_name.key,
                                               .number = SIZE_MAX}));
    }
    for (size_t i = 0; i < count; i++) {
        VEC_PUSH(&all, ((struct sorted_prefix){.name = prefixes[i], .number = i}));
    }
    if (all.count > 1) {
        qsort(all.items, all.count, sizeof(*all.items), compare_prefixes);
    }
    for (size_t i = 1; i < all.count; i++) {
        struct tracking_clash clash;

        if (bytes_begins_with(all.items[i].name, all.items[i - 1].name)) {
            size_t number = clash_of(&all.items[i - 1], &all.items[i], &clash);

            if (number < best) {
                best = number;
                *out = clash;
            }
        }
    }
    VEC_DEINIT(&all);
    return best != SIZE_MAX;
}

/* Where the length is, or would be. */
static size_t place_of_length(const struct tracking *tracking, size_t len)
{
    size_t i = 0;

    while (i < tracking->lengths.count && tracking->lengths.items[i].len < len) {
        i++;
    }
    return i;
}

static void count_length(struct tracking *tracking, size_t len)
{
    size_t at = place_of_length(tracking, len);

    if (at == tracking->lengths.count || tracking->lengths.items[at].len != len) {
        VEC_PUSH(&tracking->lengths, ((struct tracking_length){0}));
        memmove(tracking->lengths.items + at + 1, tracking->lengths.items + at,
                (tracking->lengths.count - 1 - at) * sizeof(*tracking->lengths.items));
        tracking->lengths.items[at] = (struct tracking_length){.len = len};
    }
    tracking->lengths.items[at].count++;
}

static void uncount_length(struct tracking *tracking, size_t len)
{
    size_t at = place_of_length(tracking, len);
    struct tracking_length *length = tracking->lengths.items + at;

    ASSERT(at < tracking->lengths.count && length->len == len);
    if (--length->count == 0) { /* the others stay in order */
        memmove(length, length + 1, (--tracking->lengths.count - at) * sizeof(*length));
    }
}

static struct tracking_prefix *get_prefix(struct tracking *tracking, struct bytes name)
{
    struct hashtable_node *found = hashtable_find(&tracking->prefixes, name);
    struct tracking_prefix *prefix;

    if (found != NULL) {
        return CONTAINER_OF(found, struct tracking_prefix, by_name);
    }
    prefix = mem_alloc_zeroed(MEM_SESSION, sizeof(*prefix) + name.len);
    if (name.len > 0) {
        memcpy(prefix->name, name.data, name.len);
    }
    hashtable_add(&tracking->prefixes, &prefix->by_name, bytes_make(prefix->name, name.len));
    prefix->born = tracking->newest_change;
    count_length(tracking, name.len);
    return prefix;
}

static void add_prefix(struct tracking *tracking, struct session *s, struct bytes name)
{
    struct tracking_prefix *prefix = get_prefix(tracking, name);

    VEC_PUSH(&prefix->sessions, s);
    VEC_PUSH(&s->tracker->prefixes, prefix);
}

static void forget_changes_of(struct tracking_prefix *prefix)
{
    if (prefix->changes.count > 0) {
        list_remove(&prefix->with_news);
    }
    VEC_DEINIT(&prefix->changes);
}

static void leave_prefix(struct tracking *tracking, struct tracking_prefix *prefix,
                         const struct session *s)
{
    for (size_t i = 0; i < prefix->sessions.count; i++) {
        if (prefix->sessions.items[i] == s) {
            VEC_REMOVE_AT(&prefix->sessions, i);
            break;
        }
    }
    if (prefix->sessions.count == 0) {
        uncount_length(tracking, prefix->by_name.key.len);
        hashtable_remove(&tracking->prefixes, &prefix->by_name);
        forget_changes_of(prefix);
        VEC_DEINIT(&prefix->sessions);
        mem_free(MEM_SESSION, prefix);
    }
}

/* ---- on and off -------------------------------------------------------------------------------*/

void tracking_begin(struct tracking *tracking, struct session *s,
                    const struct tracking_options *options)
{
    struct tracker *tracker = s->tracker;

    if (tracker == NULL) {
        tracker = mem_alloc_zeroed(MEM_SESSION, sizeof(*tracker));
        tracker->mode = options->mode;
        s->tracker = tracker;
        s->flags |= SESSION_TRACKING;
        tracking->tracker_count++;
    }
    ASSERT((tracker->mode == TRACKING_BCAST) == (options->mode == TRACKING_BCAST));
    tracker->mode = options->mode;
    tracker->is_noloop = options->is_noloop;
    tracker->is_broken = false;
    tracker->redirect = options->redirect;
    if (options->mode != TRACKING_BCAST) {
        ASSERT(options->prefix_count == 0);
        return;
    }
    for (size_t i = 0; i < options->prefix_count; i++) {
        add_prefix(tracking, s, options->prefixes[i]);
    }
    if (tracker->prefixes.count == 0) {
        add_prefix(tracking, s, (struct bytes){0});
    }
}

void tracking_end(struct tracking *tracking, struct session *s)
{
    struct tracker *tracker = s->tracker;

    if (tracker == NULL) {
        return;
    }
    for (size_t i = 0; i < tracker->prefixes.count; i++) {
        leave_prefix(tracking, tracker->prefixes.items[i], s);
    }
    VEC_DEINIT(&tracker->prefixes);
    mem_free(MEM_SESSION, tracker);
    s->tracker = NULL;
    s->flags &= ~(uint32_t)(SESSION_TRACKING | SESSION_CACHING);
    ASSERT(tracking->tracker_count > 0);
    if (--tracking->tracker_count == 0) {
        drop_all_keys(tracking);
    }
}

/* ---- keys that were read ----------------------------------------------------------------------*/

static size_t key_bytes(const struct tracked_key *key)
{
    return sizeof(*key) + key->by_name.key.len + key->cap * sizeof(*key->ids);
}

uint64_t tracked_key_id(const struct tracked_key *key, size_t i)
{
    ASSERT(i < key->count);
    return key->cap == 0 ? key->only : key->ids[i];
}

void tracking_free_key(struct tracking *tracking, struct tracked_key *key)
{
    tracking->item_count -= key->count;
    tracking->bytes -= key_bytes(key);
    mem_free(MEM_SESSION, key->ids);
    mem_free(MEM_SESSION, key);
}

static void make_due(struct tracking *tracking, struct tracked_key *key, uint64_t writer)
{
    hashtable_remove(&tracking->keys, &key->by_name);
    list_remove(&key->in_order);
    key->writer = writer;
    list_add_tail(&tracking->due, &key->in_order);
}

static void drop_all_keys(struct tracking *tracking)
{
    LIST_FOR_EACH_SAFE (item, &tracking->order) {
        struct tracked_key *key = CONTAINER_OF(item, struct tracked_key, in_order);

        hashtable_remove(&tracking->keys, &key->by_name);
        list_remove(&key->in_order);
        tracking_free_key(tracking, key);
    }
    ASSERT(tracking->keys.count == 0);
}

/* Where the id is among those of the key, or would be. */
static size_t place_of(const struct tracked_key *key, uint64_t id)
{
    size_t low = 0;
    size_t high = key->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (tracked_key_id(key, middle) < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void add_id(struct tracking *tracking, struct tracked_key *key, uint64_t id)
{
    size_t at = place_of(key, id);

    if (at < key->count && tracked_key_id(key, at) == id) {
        return;
    }
    tracking->item_count++;
    if (key->count == 0) {
        key->only = id;
        key->count = 1;
        return;
    }
    if (key->count >= key->cap) {
        size_t before = key->cap;

        key->ids = vec_grow(key->ids, &key->cap, key->count + 1, sizeof(*key->ids));
        tracking->bytes += (key->cap - before) * sizeof(*key->ids);
        if (before == 0) {
            key->ids[0] = key->only;
        }
    }
    memmove(key->ids + at + 1, key->ids + at, (key->count - at) * sizeof(*key->ids));
    key->ids[at] = id;
    key->count++;
}

static struct tracked_key *get_key(struct tracking *tracking, struct bytes name)
{
    struct hashtable_node *found = hashtable_find(&tracking->keys, name);
    struct tracked_key *key;

    if (found != NULL) {
        return CONTAINER_OF(found, struct tracked_key, by_name);
    }
    key = mem_alloc_zeroed(MEM_SESSION, sizeof(*key) + name.len);
    if (name.len > 0) {
        memcpy(key->name, name.data, name.len);
    }
    hashtable_add(&tracking->keys, &key->by_name, bytes_make(key->name, name.len));
    list_add_tail(&tracking->order, &key->in_order);
    tracking->bytes += key_bytes(key);
    return key;
}

bool tracking_remembers(const struct session *s)
{
    bool is_caching = (s->flags & SESSION_CACHING) != 0;

    switch (s->tracker->mode) {
    case TRACKING_KEYS:
        return true;
    case TRACKING_OPTIN:
        return is_caching;
    case TRACKING_OPTOUT:
        return !is_caching;
    case TRACKING_BCAST:
        break;
    }
    return false;
}

void tracking_note_read(struct tracking *tracking, const struct session *s, struct bytes key)
{
    ASSERT(s->tracker != NULL);
    add_id(tracking, get_key(tracking, key), s->id);
    while (tracking->max_keys > 0 && tracking->keys.count > tracking->max_keys) {
        make_due(tracking, CONTAINER_OF(tracking->order.next, struct tracked_key, in_order), 0);
    }
}

/* ---- changes ----------------------------------------------------------------------------------*/

static struct tracking_change *get_change(struct tracking *tracking, struct bytes name,
                                          uint64_t writer)
{
    struct hashtable_node *found = hashtable_find(&tracking->changes, name);
    struct tracking_change *change;

    if (found != NULL) {
        change = CONTAINER_OF(found, struct tracking_change, by_name);
        change->writer = change->writer == writer ? writer : 0;
        return change;
    }
    change = mem_alloc_zeroed(MEM_SESSION, sizeof(*change) + name.len);
    change->writer = writer;
    if (name.len > 0) {
        memcpy(change->name, name.data, name.len);
    }
    hashtable_add(&tracking->changes, &change->by_name, bytes_make(change->name, name.len));
    list_add_tail(&tracking->changed, &change->in_order);
    return change;
}

static void put_at_prefix(struct tracking *tracking, struct tracking_prefix *prefix,
                          const struct tracking_change *change)
{
    if (prefix->changes.count == 0) {
        list_add_tail(&tracking->with_news, &prefix->with_news);
    }
    VEC_PUSH(&prefix->changes, change);
}

/* At each prefix that the key begins with, unless it stands there already. */
static void note_for_prefixes(struct tracking *tracking, struct bytes name, uint64_t writer)
{
    struct tracking_change *change = NULL;

    for (size_t i = 0; i < tracking->lengths.count && tracking->lengths.items[i].len <= name.len;
         i++) {
        struct bytes start = bytes_prefix(name, tracking->lengths.items[i].len);
        struct hashtable_node *found = hashtable_find(&tracking->prefixes, start);

        if (found != NULL) {
            struct tracking_prefix *prefix = CONTAINER_OF(found, struct tracking_prefix, by_name);

            change = change != NULL ? change : get_change(tracking, name, writer);
            if (change->number == 0 || prefix->born >= change->number) {
                put_at_prefix(tracking, prefix, change);
            }
        }
    }
    if (change != NULL) {
        change->number = ++tracking->newest_change;
    }
}

void tracking_note_change(struct tracking *tracking, struct bytes key, uint64_t writer)
{
    struct hashtable_node *found = hashtable_find(&tracking->keys, key);

    if (found != NULL) {
        make_due(tracking, CONTAINER_OF(found, struct tracked_key, by_name), writer);
    }
    if (tracking->prefixes.count > 0) {
        note_for_prefixes(tracking, key, writer);
    }
}

void tracking_note_flush(struct tracking *tracking)
{
    drop_all_keys(tracking);
    tracking->was_flushed = true;
}

bool tracking_has_news(const struct tracking *tracking)
{
    return tracking->was_flushed || !list_is_empty(&tracking->due) ||
           !list_is_empty(&tracking->changed);
}

struct tracked_key *tracking_take_due(struct tracking *tracking)
{
    struct tracked_key *key;

    if (list_is_empty(&tracking->due)) {
        return NULL;
    }
    key = CONTAINER_OF(tracking->due.next, struct tracked_key, in_order);
    list_remove(&key->in_order);
    return key;
}

void tracking_forget_changes(struct tracking *tracking)
{
    while (!list_is_empty(&tracking->with_news)) {
        forget_changes_of(
            CONTAINER_OF(tracking->with_news.next, struct tracking_prefix, with_news));
    }
    LIST_FOR_EACH_SAFE (item, &tracking->changed) {
        struct tracking_change *change = CONTAINER_OF(item, struct tracking_change, in_order);

        hashtable_remove(&tracking->changes, &change->by_name);
        list_remove(&change->in_order);
        mem_free(MEM_SESSION, change);
    }
    tracking->was_flushed = false;
}

/* ---- invariants -------------------------------------------------------------------------------*/

static void check_key(const struct tracking *tracking, const struct tracked_key *key)
{
    ASSERT(hashtable_find(&tracking->keys, key->by_name.key) == &key->by_name);
    ASSERT(key->count > 0); /* (2) */
    for (size_t i = 1; i < key->count; i++) {
        ASSERT(tracked_key_id(key, i - 1) < tracked_key_id(key, i));
    }
}

void tracking_check(const struct tracking *tracking)
{
    size_t count = 0;
    size_t items = 0;

    LIST_FOR_EACH (item, &tracking->order) {
        const struct tracked_key *key = CONTAINER_OF_CONST(item, struct tracked_key, in_order);

        check_key(tracking, key);
        count++;
        items += key->count;
    }
    ASSERT(count == tracking->keys.count);
    LIST_FOR_EACH (item, &tracking->due) {
        items += CONTAINER_OF_CONST(item, struct tracked_key, in_order)->count;
    }
    ASSERT(items == tracking->item_count);
    ASSERT(tracking->keys.count == 0 || tracking->tracker_count > 0);
    count = 0;
    for (size_t i = 0; i < tracking->lengths.count; i++) {
        ASSERT(i == 0 || tracking->lengths.items[i - 1].len < tracking->lengths.items[i].len);
        count += tracking->lengths.items[i].count;
    }
    ASSERT(count == tracking->prefixes.count);
    HASHTABLE_FOR_EACH (found, &tracking->prefixes) {
        const struct tracking_prefix *prefix =
            CONTAINER_OF_CONST(found, struct tracking_prefix, by_name);

        ASSERT(prefix->sessions.count > 0); /* (4) */
        for (size_t i = 0; i < prefix->changes.count; i++) {
            ASSERT(bytes_begins_with(prefix->changes.items[i]->by_name.key, found->key)); /* (5) */
        }
        for (size_t i = 0; i < prefix->sessions.count; i++) {
            ASSERT(prefix->sessions.items[i]->flags & SESSION_TRACKING); /* (1) */
        }
    }
}
