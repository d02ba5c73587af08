/* SPDX-License-Identifier: MIT */
/* The key space: databases, or in cluster mode slots, of entries.
 *
 * An entry is a key, a value, perhaps an expiry, in one allocation when small.  The key space
 * knows no client, socket, clock, log or reply: what the time is, is handed in.
 *
 * Addressing: outside cluster mode a key lives in one of database_count numbered databases.
 * In cluster mode there is database 0 alone, and it is divided into 16384 slots, each a table
 * of its own, so that a slot's keys are found without a second index.
 *
 * Invariants:  (1) every entry is referenced by exactly one bucket
 *              (2) while a walk is on (store/walk.h), an entry that the walk has not reached is
 *                  handed to it before it is changed or removed
 *              (3) an expired entry stays until somebody removes it: lookups take `now` and hide it
 *              (4) at most one value is open for change; until it is closed nothing else changes
 *              (5) each observer is told of every change, once
 * Owns everything in it.  Loop thread only. */
#ifndef STARLING_STORE_KEYSPACE_H
#define STARLING_STORE_KEYSPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/rng.h"
#include "store/value.h"

struct keyspace;
struct entry;
struct value_limits;
struct table;
struct block;

enum {
    EXPIRE_NEVER = -1, /* for expire_at_ms */
};

struct keyspace_options {
    bool is_cluster;
    unsigned database_count; /* 1 in cluster mode */
    uint64_t hash_seed;
    size_t arena_bytes; /* address space reserved for small entries; 0 for the default */
    const struct value_types *types; /* that it can hold, borrowed; NULL for value_types_builtin */
};

/* A key on its way: computed once, used for all lookups of a request. */
struct key_ref {
    struct bytes bytes;
    uint64_t hash;
    unsigned table; /* database number, or slot in cluster mode */
};

struct keyspace *keyspace_new(const struct keyspace_options *options);
void keyspace_free(struct keyspace *ks);

/* The time at which entries are used, and set, from now on (store/usage.h). */
void keyspace_set_clock(struct keyspace *ks, int64_t now_ms);

const struct value_types *keyspace_types(const struct keyspace *ks);
/* Where values for this key space are made (store/value_space.h). */
struct value_space *keyspace_values(struct keyspace *ks);
/* From now on these count; what has outgrown others already stays as it is. */
void keyspace_set_limits(struct keyspace *ks, const struct value_limits *limits);

/* db is 0 in cluster mode. */
struct key_ref keyspace_ref(const struct keyspace *ks, unsigned db, struct bytes key);

/* So many keys are about to come into the database, which makes room for them as they do; 0: no more.  It may be wrong: then
 * some time or memory is spent in vain, in proportion to the keys that are there (store/resize.h).  In cluster mode
 * nothing comes of it. */
void keyspace_expect(struct keyspace *ks, unsigned db, uint64_t count);

/* ---- lookups: a borrow is valid until the next change of the key space ---------------------- */

/* Hints for the processor: what lookups of these keys will read is fetched, all at the same time
 * instead of one after the other.  First the buckets; once they are there, the entries that they
 * name.  Never needed for correctness. */
void keyspace_prefetch_buckets(const struct keyspace *ks, const struct key_ref *refs, size_t count);
void keyspace_prefetch_entries(const struct keyspace *ks, const struct key_ref *refs, size_t count);

/* The same one floor lower: where a member of a large value is looked for. */
struct member_hint {
    const struct table *table; /* NULL: there is nothing to fetch */
    uint64_t hash;
};

/* The key's entry should have been fetched.  Its bucket is, and then what the bucket names. */
struct member_hint keyspace_prefetch_member_bucket(const struct keyspace *ks,
                                                   const struct key_ref *ref, struct bytes member);
void keyspace_prefetch_member(const struct keyspace *ks, struct member_hint hint);

/* The entry whether expired or not, or NULL. */
struct entry *keyspace_find_any(const struct keyspace *ks, const struct key_ref *ref);
/* The entry unless it has expired at now_ms. */
struct entry *keyspace_find(const struct keyspace *ks, const struct key_ref *ref, int64_t now_ms);

enum value_type entry_type(const struct entry *e);
enum value_encoding entry_encoding(const struct entry *e);
struct bytes entry_key(const struct entry *e);
/* Of the key itself. */
int64_t entry_expire_at_ms(const struct entry *e);
bool entry_is_expired(const struct entry *e, int64_t now_ms);
/* The string value.  An integer is written as text into scratch (at least 21 bytes) and the
 * result points there. */
struct bytes entry_string(const struct entry *e, char *scratch);
/* The block that holds the value, or NULL when it has none.  Who wants the bytes for longer than a
 * borrow lasts holds the block. */
struct block *entry_string_block(const struct entry *e);
/* Changed by keyspace_open_string since it was set? */
bool entry_was_edited(const struct entry *e);
bool entry_integer(const struct entry *e, int64_t *out); /* true when the encoding is VALUE_INT */
size_t entry_string_len(const struct entry *e);
/* Where use is known by time (store/usage.h): seconds since it was last used; it was used at now_ms. */
int64_t entry_idle_seconds(const struct entry *e, int64_t now_ms);
void entry_touch(struct entry *e, int64_t now_ms);
/* All bytes spent on it, its part of the table included. */
size_t keyspace_entry_bytes(const struct keyspace *ks, const struct entry *e);

/* ---- changes -------------------------------------------------------------------------------- */

/* Set or replace.  value is copied; canonical integers take the integer form. */
void keyspace_set(struct keyspace *ks, const struct key_ref *ref, struct bytes value,
                  int64_t expire_at_ms);
void keyspace_set_integer(struct keyspace *ks, const struct key_ref *ref, int64_t value,
                          int64_t expire_at_ms);
/* The same for an entry that was just found, when it holds an integer and nobody needs to see it
 * before; else false, and nothing has happened. */
bool keyspace_update_integer(const struct keyspace *ks, struct entry *e, int64_t value);
/* Set or replace by a value of any type; what value has of its own is taken. */
void keyspace_put(struct keyspace *ks, const struct key_ref *ref, struct value *value_take,
                  int64_t expire_at_ms);
/* Set or replace by a copy of the value of e, an entry of another key; the expiry comes with it. */
void keyspace_copy(struct keyspace *ks, const struct entry *e, const struct key_ref *to);

/* A value that is open for change. */
struct value_edit {
    struct key_ref ref;       /* its key: the bytes are borrowed until the close */
    struct entry *entry;      /* NULL: there is none yet */
    struct value_draft draft; /* of a collection: what the type's functions change */
    char *data;               /* of a string: writable, len bytes */
    size_t len;               /* of a string, */
    size_t old_len;           /* and what it was before */
};

/* Open the collection of e, the key's entry as it was just found, for change: an active walk has then seen the
 * old one.  NULL: an empty one of the type, which takes the place of whatever the key is when it is closed
 * with something in it.  No other value may be open; nothing else is changed until the close. */
void keyspace_open(struct keyspace *ks, const struct key_ref *ref, struct entry *e,
                   enum value_type type, struct value_edit *out);
/* The same for a string, which grows with zeros to at least len.  It is no longer an integer. */
void keyspace_open_string(struct keyspace *ks, const struct key_ref *ref, size_t len,
                          struct value_edit *out);
/* The change is done: sizes are counted anew, the observer is told.  A collection that is empty now is no
 * key any more; where nothing was changed (draft.is_changed) nothing happens.  True when the key is
 * there. */
bool keyspace_close(struct keyspace *ks, struct value_edit *edit);

/* The key must exist. */
void keyspace_set_expiry(struct keyspace *ks, const struct key_ref *ref, int64_t expire_at_ms);
/* False when there was none. */
bool keyspace_remove(struct keyspace *ks, const struct key_ref *ref);
/* The same because its time has come: the observer is told so. */
bool keyspace_remove_expired(struct keyspace *ks, const struct key_ref *ref);
/* The same to make room. */
bool keyspace_remove_evicted(struct keyspace *ks, const struct key_ref *ref);
/* Rename: to becomes what from, which must exist, was, expiry included; from is gone.  They are
 * not the same key.  Large values are not copied. */
void keyspace_move(struct keyspace *ks, const struct key_ref *from, const struct key_ref *to);
/* The removed entries are freed in slices by keyspace_work, not at once. */
void keyspace_flush(struct keyspace *ks, unsigned db);
void keyspace_flush_all(struct keyspace *ks);
void keyspace_flush_slot(struct keyspace *ks, unsigned slot); /* cluster mode */
void keyspace_swap(struct keyspace *ks, unsigned db1, unsigned db2);

/* ---- who wants to know ---------------------------------------------------------------------- */

enum keyspace_event {
    KEYSPACE_KEY_CAME,      /* was not there before */
    KEYSPACE_KEY_CHANGED,   /* its value, which may be of another type now, or its expiry */
    KEYSPACE_KEY_WENT,      /* removed, or renamed */
    KEYSPACE_KEY_EXPIRED,   /* removed because its time had come */
    KEYSPACE_KEY_EVICTED,   /* removed to make room */
    KEYSPACE_TABLE_FLUSHED, /* a database or slot that had keys: all went; no key is given */
    KEYSPACE_TABLE_SWAPPED, /* a database has another one's keys; told of both, no key is given */
};

/* Is it about one key, which is given, or about all of a table? */
static inline bool keyspace_event_is_of_key(enum keyspace_event event)
{
    return event != KEYSPACE_TABLE_FLUSHED && event != KEYSPACE_TABLE_SWAPPED;
}

/* table: number of the database, or slot in cluster mode.  Called in the midst of the change: it must
 * not touch the key space, only note what it was told; key is valid during the call.  Of a swap it is told
 * when all has happened: then it may look for keys. */
typedef void keyspace_observer_fn(void *context, enum keyspace_event event, unsigned table,
                                  struct bytes key);

struct keyspace_observer {
    keyspace_observer_fn *on;
    void *context;
};

/* Each has a place of its own. */
enum keyspace_observer_place {
    OBSERVER_OF_WAITING,  /* for those who wait for keys */
    OBSERVER_OF_WATCHING, /* for those who watch keys */
    OBSERVER_OF_TRACKING, /* for those who are told what changes */
    OBSERVER_OF_EVENTS,   /* for those who listen to what happens */
    OBSERVER_OF_SYNC,     /* for replies that wait for replicas */
    OBSERVER_OF_COPIES,   /* for copies that other nodes serve */
    OBSERVER_PLACES,
};

/* From now on this one is told of changes, in place of who was there before; NULL: nobody.  It costs
 * nothing while there is none in any place. */
void keyspace_observe(struct keyspace *ks, enum keyspace_observer_place place,
                      const struct keyspace_observer *observer);

/* ---- many keys ------------------------------------------------------------------------------ */

uint64_t keyspace_count(const struct keyspace *ks, unsigned db);
uint64_t keyspace_count_all(const struct keyspace *ks);
uint64_t keyspace_expire_count(const struct keyspace *ks, unsigned db);
uint64_t keyspace_expire_count_all(const struct keyspace *ks);
/* Hashes of which some fields expire; their keys count above only when they expire as well. */
uint64_t keyspace_volatile_hash_count(const struct keyspace *ks, unsigned db);
/* Is there anything that expires, key or field? */
bool keyspace_can_expire(const struct keyspace *ks);
/* Mean of remaining time of keys with an expiry, sampled, in ms; 0 when there are none. */
int64_t keyspace_mean_ttl_ms(const struct keyspace *ks, unsigned db, int64_t now_ms);
uint64_t keyspace_slot_count(const struct keyspace *ks, unsigned slot); /* cluster mode */
/* A random entry that has not expired at now_ms, or NULL when none was found. */
struct entry *keyspace_random(struct keyspace *ks, unsigned db, struct rng *rng, int64_t now_ms);

/* ---- slots that nobody is to see (hidden.c) ------------------------------------------------- */

/* From now on these slots, a bit each, are hidden, and no others; NULL: none.  Their keys are looked up, changed and walked
 * as all others, but are left out of scans of the whole and of keyspace_count, are never chosen, expire and make
 * room by nobody's search, and no observer is told of them. */
void keyspace_hide_slots(struct keyspace *ks, const uint64_t *slots);
bool keyspace_is_hidden(const struct keyspace *ks, unsigned slot);
/* Keys in hidden slots, which keyspace_count leaves out. */
uint64_t keyspace_hidden_count(const struct keyspace *ks);

typedef void keyspace_visit_fn(void *context, const struct entry *e);
/* Visit about count entries from the cursor on (0 starts); the next cursor, 0 at the end.  An
 * entry that stays in the key space during the whole scan is visited exactly once. */
uint64_t keyspace_scan(const struct keyspace *ks, unsigned db, uint64_t cursor, size_t count,
                       keyspace_visit_fn *visit, void *context);
/* The same over one slot of a cluster's key space. */
uint64_t keyspace_scan_slot(const struct keyspace *ks, unsigned slot, uint64_t cursor, size_t count,
                            keyspace_visit_fn *visit, void *context);

/* Look for expired entries, and for hashes with expired fields, where they are likely, visiting at most
 * budget entries, and hand up to max of their keys to visit, which must not change the key space: the
 * caller removes them or the fields afterwards.  That fields have expired is a guess, which looking for
 * them corrects (hash_find_expired).  Returns how many were handed over. */
size_t keyspace_find_expired(struct keyspace *ks, int64_t now_ms, size_t budget, size_t max,
                             void (*visit)(void *context, unsigned db, struct bytes key),
                             void *context);

/* The caller has not come to this key: the search goes on there. */
void keyspace_find_expired_again(struct keyspace *ks, const struct key_ref *ref);

/* Upkeep in slices: freeing of what was removed, emptying sparse pages, giving pages back.  budget
 * is in entries, about 50 ns each.  True when there is more to do. */
bool keyspace_work(struct keyspace *ks, size_t budget);

struct keyspace_memory {
    size_t entry_bytes;   /* live slab objects */
    size_t slab_bytes;    /* pages that hold them */
    size_t table_bytes;   /* buckets and directories */
    size_t large_bytes;   /* values in memory of their own */
    size_t pending_bytes; /* removed, not yet freed; part of it is in the sums above */
    size_t arena_bytes;   /* memory that mem_used(MEM_STORE) does not count */
};
void keyspace_memory(const struct keyspace *ks, struct keyspace_memory *out);
/* What the key space would take were there no free places between its objects, and nothing that was
 * removed and is not yet freed; and how much the latter is.  Both in constant time. */
size_t keyspace_live_bytes(const struct keyspace *ks);
size_t keyspace_pending_bytes(const struct keyspace *ks);

/* What the memory of a key space is for: parts that do not overlap, in bytes. */
enum keyspace_part {
    KEYSPACE_ENTRIES,          /* slab: headers, keys and values of entries */
    KEYSPACE_ENTRIES_ROUNDING, /* what their objects are larger */
    KEYSPACE_ENTRIES_FREE,     /* free objects between them */
    KEYSPACE_DEAD_ENTRIES,     /* of flushed databases, not yet freed */
    KEYSPACE_BUCKETS,          /* places in buckets that name an entry */
    KEYSPACE_BUCKETS_UNUSED,   /* and that name none */
    KEYSPACE_BUCKETS_DEAD,     /* buckets of flushed databases */
    KEYSPACE_BUCKETS_FREE,     /* free objects between them */
    KEYSPACE_MEMBERS,          /* what large collections are made of, in pages of their own, */
    KEYSPACE_MEMBERS_FREE,     /* and free objects between */
    KEYSPACE_PAGES_IDLE,       /* empty pages */
    KEYSPACE_PAGES_INDEX,      /* what is known about each page */
    KEYSPACE_DIRECTORIES,      /* mem_used(MEM_STORE), from here on: shards */
    KEYSPACE_LARGE,            /* keys and values in memory of their own */
    KEYSPACE_LARGE_SPARE,      /* room for such values to grow */
    KEYSPACE_DEAD_LARGE,       /* removed, not yet freed */
    KEYSPACE_PART_COUNT
};

/* How entries and large values divide up is estimated from a sample when there are many. */
void keyspace_explain(struct keyspace *ks, struct rng *rng, size_t parts[KEYSPACE_PART_COUNT]);

/* One size of slab objects. */
struct keyspace_size_class {
    bool is_entries; /* else buckets */
    size_t object_bytes;
    uint32_t capacity; /* objects in a page */
    uint32_t pages;    /* with live objects */
    uint64_t live;
};
/* Sizes by index; false behind the last. */
bool keyspace_size_class(const struct keyspace *ks, unsigned index,
                         struct keyspace_size_class *out);
/* Give all empty pages but a few back at once: some 10 us each. */
void keyspace_release_memory(struct keyspace *ks);

/* Assert every invariant; slow. */
void keyspace_check(const struct keyspace *ks);

#endif
