/* SPDX-License-Identifier: MIT */
/* Entries with fields that expire, for the search for what has expired (expire.c): such an entry is due
 * when its first field is.
 *
 * In its shard it counts among those with an expiry, beside its own, so that a shard without is skipped as
 * ever.  How many of a table's are due for their fields alone is counted here, in an array that is
 * not there before the first of them comes. */
#include "base/assert.h"
#include "base/mem.h"
#include "store/keyspace_state.h"

static void count(struct keyspace *ks, uint32_t table, bool is_more)
{
    if (ks->field_counts == NULL) {
        ks->field_counts = mem_alloc_zeroed(MEM_STORE, ks->table_count * sizeof(uint64_t));
    }
    ASSERT(is_more || (ks->field_counts[table] > 0 && ks->field_count > 0));
    ks->field_counts[table] += is_more ? 1 : UINT64_MAX;
    ks->field_count += is_more ? 1 : UINT64_MAX;
}

void keyspace_note_fields(struct keyspace *ks, const struct key_ref *ref, struct entry *e,
                          int64_t due_ms)
{
    struct table *table = &ks->tables[ref->table];
    bool was_volatile = entry_is_volatile(e);
    bool is_volatile = due_ms != INT64_MAX;
    unsigned level;

    table_note_expiry(table, table_shard(table, ref->hash, &level), was_volatile ? 0 : EXPIRE_NEVER,
                      is_volatile ? due_ms : EXPIRE_NEVER);
    if (was_volatile != is_volatile) {
        count(ks, ref->table, is_volatile);
        e->flags ^= ENTRY_VOLATILE;
    }
}

void keyspace_forget_fields_of(struct keyspace *ks, uint32_t table)
{
    if (ks->field_counts != NULL) {
        ks->field_count -= ks->field_counts[table];
        ks->field_counts[table] = 0;
    }
}

void keyspace_swap_fields(struct keyspace *ks, uint32_t a, uint32_t b)
{
    if (ks->field_counts != NULL) {
        uint64_t of_a = ks->field_counts[a];

        ks->field_counts[a] = ks->field_counts[b];
        ks->field_counts[b] = of_a;
    }
}
