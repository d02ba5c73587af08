/* SPDX-License-Identifier: MIT */
/* Who watches which key: sessions that said WATCH, until they run or drop their transaction.
 *
 * A watch is broken when its key changes, comes or goes.  What has expired is not there: a key that had at
 * WATCH may be removed meanwhile without anything having changed.  So it is with the fields of a hash, but that the removal
 * of such as had expired at WATCH is a change.  The first broken watch marks the session
 * (SESSION_WATCH_BROKEN); EXEC asks for no more.
 *
 * Invariants:  (1) a session watches a key once, however often it says so
 *              (2) somebody watches every key that is known here
 *              (3) to touch a key costs a lookup, and a step for each who watches it
 *              (4) a session that watches nothing takes nothing here
 *              (5) to watch one more key takes as long whoever else watches it, and however many s watches:
 *                  only keys that many watch have a table of those who do
 * Owns what it keeps of keys; sessions must be forgotten (watch_leave) before they go. */
#ifndef STARLING_SESSION_WATCH_H
#define STARLING_SESSION_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/hashtable.h"
#include "base/list.h"

struct session;

/* The keys of one database, or of a slot in cluster mode, that are watched. */
struct watch_table {
    struct hashtable_node by_number;
    unsigned number;
    struct list keys;
};

struct watch_key {
    struct hashtable_node by_name; /* the number of its table, then its name */
    struct watch_table *table;
    struct list of_table;
    struct list watchers; /* struct watch_item, of_key */
    size_t watcher_count;
    struct hashtable *by_session; /* struct watch_link; NULL while there are few */
    char name[];
};

/* That one session watches one key. */
struct watch_item {
    struct list of_key;
    struct watch_key *key;
    struct session *session;
    uint64_t field_count; /* at WATCH, of a hash whose fields expire: those that had not */
    bool was_there;       /* at WATCH, and not expired */
    bool may_be_there;    /* all tables were replaced since, perhaps by one with such a key */
};

/* Items of a session that were made one after the other; they go together. */
struct watch_chunk {
    struct watch_chunk *next;
    size_t count;
    size_t cap;
    struct watch_item items[];
};

/* The part of a session that watches something. */
struct watcher {
    struct watch_chunk *first, *last; /* in the order of WATCH */
    size_t count;
    size_t bytes;
};

struct watch {
    struct hashtable keys;
    struct hashtable tables;
    size_t watcher_count;
    struct buf name; /* scratch */
};

/* hash_seed: a secret. */
void watch_init(struct watch *watch, uint64_t hash_seed);
/* Nobody may watch any more. */
void watch_deinit(struct watch *watch);

/* From now on s watches the key; what is known of that, or NULL, and nothing changes, when it does already. */
struct watch_item *watch_add(struct watch *watch, struct session *s, unsigned table,
                             struct bytes key, bool is_there);
/* Hints for the processor before many are added: first this for all, which returns what is handed to the other. */
uint64_t watch_prefetch_bucket(struct watch *watch, unsigned table, struct bytes key);
void watch_prefetch_key(const struct watch *watch, uint64_t hash);
/* s watches nothing any more, and nothing of it is broken. */
void watch_leave(struct watch *watch, struct session *s);

/* The key came or changed. */
void watch_key_changed(struct watch *watch, unsigned table, struct bytes key);
/* The key was removed: nothing has changed for those for whom it was not there. */
void watch_key_went(struct watch *watch, unsigned table, struct bytes key);
/* All keys of the table were removed. */
void watch_table_went(struct watch *watch, unsigned table);
/* The table has other keys now: is one of this name among them? */
typedef bool watch_look_fn(void *context, unsigned table, struct bytes key);
void watch_table_replaced(struct watch *watch, unsigned table, watch_look_fn *is_there,
                          void *context);
/* Every table has, or will have: whoever runs a transaction has to look for its keys. */
void watch_all_replaced(struct watch *watch);

/* How many keys s watches, and the memory for that. */
size_t watch_count(const struct session *s);
size_t watch_memory(const struct session *s);
unsigned watch_item_table(const struct watch_item *item);
struct bytes watch_item_name(const struct watch_item *item);

void watch_check(const struct watch *watch);

#endif
