/* SPDX-License-Identifier: MIT */
/* The inside of struct keyspace, for the files of this room that make it up: keyspace.c (one
 * key), edit.c (changes in place), fields.c (fields that expire), many.c (counts, random), memory.c, scan.c, expire.c, walk.c, reclaim.c and compact.c. */
#ifndef STARLING_STORE_KEYSPACE_STATE_H
#define STARLING_STORE_KEYSPACE_STATE_H

#include "base/bitset.h"
#include "base/vec.h"
#include "spec/slot.h"
#include "store/compact.h"
#include "store/entry.h"
#include "store/evict.h"
#include "store/keyspace.h"
#include "store/table.h"
#include "store/usage.h"
#include "store/value_space.h"

enum {
    SLOT_GROUP_BITS = 6, /* slots are counted in groups of 64, for random choice */
    SLOT_GROUPS = SLOT_COUNT >> SLOT_GROUP_BITS,
    POSITION_BITS_PLAIN = 48,   /* of a scan cursor: a prefix of the hash */
    POSITION_BITS_CLUSTER = 39, /* and the slot above it: 53 bits in all, exact in a double */
};

/* A table that was flushed: its entries are still to be freed. */
struct reclaim_table {
    struct table table;
    uint64_t position;
    uint32_t bucket;
};

/* Memory of a value, or of a key, that is still to be freed. */
struct reclaim_value {
    const struct value_ops *ops;
    void *memory;
};

/* Where the search for expired entries goes on. */
struct expire_place {
    uint32_t table;
    uint64_t position;
    uint32_t bucket;
};

/* The counts of a table before a change. */
struct table_counts {
    uint64_t entries;
    uint64_t volatiles;
};

static inline struct table_counts table_counts(const struct table *table)
{
    return (struct table_counts){table->count, table->volatile_count};
}

struct keyspace {
    bool is_cluster;
    uint32_t table_count;
    unsigned position_bits;
    struct table *tables;
    uint64_t *occupied;     /* bitset: tables with entries */
    uint64_t *volatiles;    /* bitset: tables with expiries */
    uint64_t *hidden;       /* cluster mode, bitset: slots that nobody is to see; NULL: none */
    uint64_t *field_counts; /* by table: entries whose fields expire; NULL until there is one */
    uint64_t field_count;   /* of all tables */
    uint64_t *group_counts; /* cluster mode: entries in each group of slots */
    uint64_t count;
    uint64_t volatile_count;
    size_t large_bytes;
    struct table_shared shared;
    struct value_space values;
    struct usage usage;
    struct evict_pool evict;
    struct expire_place expire;
    struct compact compact;
    VEC(struct reclaim_table) dead_tables;
    VEC(struct reclaim_value) dead_values;
    size_t pending_bytes;
    size_t dead_entry_bytes; /* of dead tables: slab objects */
    struct keyspace_observer observers[OBSERVER_PLACES];
    const struct value_edit *open_edit; /* NULL: no value is open for change */
    struct buf packed;                  /* of a packed collection that is open for change */
};

/* First table from number on whose bit is set, or table_count. */
uint32_t keyspace_next_table(const struct keyspace *ks, const uint64_t *bits, uint32_t number);

/* The same without hidden ones. */
uint32_t keyspace_next_seen(const struct keyspace *ks, const uint64_t *bits, uint32_t number);
/* Keys in hidden slots that expire. */
uint64_t keyspace_hidden_expire_count(const struct keyspace *ks);

static inline bool keyspace_hides(const struct keyspace *ks, uint32_t table)
{
    return UNLIKELY(ks->hidden != NULL) && bitset_has(ks->hidden, table);
}

/* ---- one entry (keyspace.c), for those who change it in place (edit.c) ------------------------- */

/* The place of a key that is there. */
struct table_place keyspace_get_place(const struct keyspace *ks, const struct key_ref *ref);
/* Make the entry at place what plan says; its key stays, memory of its old value is let go unless the
 * plan keeps it. */
void keyspace_replace_entry(struct keyspace *ks, struct table *table, struct table_place *place,
                            struct entry_plan *plan);
/* The same where the memory of the old and the new value is the caller's matter. */
void keyspace_rewrite_entry(struct keyspace *ks, struct table *table, struct table_place *place,
                            struct entry_plan *plan);
/* A slab object for an entry of the table. */
uint64_t keyspace_new_object(struct keyspace *ks, struct table *table, size_t size);
void keyspace_free_object(struct keyspace *ks, struct table *table, uint64_t ref);
/* Memory of its own that an entry of the table has got, or has no more; NULL: none. */
void keyspace_count_memory(struct keyspace *ks, struct table *table, const struct value_ops *ops,
                           const void *memory);
void keyspace_uncount_memory(struct keyspace *ks, struct table *table, const struct value_ops *ops,
                             const void *memory);
/* Look anew what is to be noted of the key's entry, which is a hash, and recount. */
void keyspace_renew_fields(struct keyspace *ks, const struct key_ref *ref);
/* The table's counts have changed from what they were before. */
void keyspace_recount(struct keyspace *ks, const struct table *table, struct table_counts before);

/* ---- entries whose fields expire (fields.c) ---------------------------------------------------- */

/* The entry of that key has fields of which none expires before due_ms; INT64_MAX: it has none that
 * expire.  The table's counts change: the caller recounts. */
void keyspace_note_fields(struct keyspace *ks, const struct key_ref *ref, struct entry *e,
                          int64_t due_ms);
/* A table has no entries any more; two tables were exchanged. */
void keyspace_forget_fields_of(struct keyspace *ks, uint32_t table);
void keyspace_swap_fields(struct keyspace *ks, uint32_t a, uint32_t b);

/* The entry is about to go, or to become another. */
static inline void keyspace_forget_fields(struct keyspace *ks, const struct key_ref *ref,
                                          struct entry *e)
{
    if (UNLIKELY(entry_is_volatile(e))) {
        keyspace_note_fields(ks, ref, e, INT64_MAX);
    }
}

static inline bool keyspace_has_observer(const struct keyspace *ks)
{
    for (size_t i = 0; i < OBSERVER_PLACES; i++) {
        if (ks->observers[i].on != NULL) {
            return true;
        }
    }
    return false;
}

void keyspace_tell_all(const struct keyspace *ks, enum keyspace_event event, uint32_t table,
                       struct bytes key);

/* Tell the observers, if there are any. */
static inline void keyspace_tell(const struct keyspace *ks, enum keyspace_event event,
                                 uint32_t table, struct bytes key)
{
    if (UNLIKELY((ks->shared.listeners & LISTENER_OBSERVER) != 0)) {
        keyspace_tell_all(ks, event, table, key);
    }
}

/* ---- what is freed by and by (reclaim.c) ------------------------------------------------------- */

/* Let go of memory; when nobody else holds it, it is freed now if that costs little, else by and by. */
void reclaim_memory(struct keyspace *ks, const struct value_ops *ops, void *memory);
/* The entries of the table are freed by and by; the table is empty afterwards. */
void reclaim_table(struct keyspace *ks, struct table *table);
/* Free all that waits but slab objects: the arena is about to go. */
void reclaim_all(struct keyspace *ks);

#endif
