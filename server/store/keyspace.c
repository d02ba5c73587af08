/* SPDX-License-Identifier: MIT */
/* The key space, one key at a time: finding, setting, changing, removing. */
#include "store/keyspace.h"

#include "base/assert.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/num.h"
#include "store/keyspace_state.h"
#include "store/walk_marks.h"

enum {
    GROWTH_MAX = 1024 * 1024, /* spare room of a string that grows is at most this */
};

struct keyspace *keyspace_new(const struct keyspace_options *options)
{
    struct keyspace *ks = mem_alloc_zeroed(MEM_STORE, sizeof(*ks));
    size_t words;

    ASSERT(options->database_count > 0);
    ASSERT(!options->is_cluster || options->database_count == 1);
    ks->is_cluster = options->is_cluster;
    ks->table_count = options->is_cluster ? SLOT_COUNT : options->database_count;
    ks->position_bits = options->is_cluster ? POSITION_BITS_CLUSTER : POSITION_BITS_PLAIN;
    ks->tables = mem_alloc_zeroed(MEM_STORE, ks->table_count * sizeof(struct table));
    for (uint32_t i = 0; i < ks->table_count; i++) {
        ks->tables[i].number = i;
    }
    words = BITSET_WORDS((size_t)ks->table_count);
    ks->occupied = mem_alloc_zeroed(MEM_STORE, words * sizeof(uint64_t));
    ks->volatiles = mem_alloc_zeroed(MEM_STORE, words * sizeof(uint64_t));
    ks->group_counts = mem_alloc_zeroed(MEM_STORE, SLOT_GROUPS * sizeof(uint64_t));
    slab_init(&ks->shared.slab, options->arena_bytes);
    ks->shared.hash_seed = options->hash_seed;
    ks->shared.depth_max = ks->position_bits - TABLE_TAG_BITS - 1;
    return ks;
}

void keyspace_free(struct keyspace *ks)
{
    if (ks == NULL) {
        return;
    }
    for (uint32_t i = 0; i < ks->table_count; i++) {
        reclaim_table(ks, &ks->tables[i]);
    }
    reclaim_all(ks);
    VEC_DEINIT(&ks->shared.scratch);
    slab_deinit(&ks->shared.slab);
    mem_free(MEM_STORE, ks->tables);
    mem_free(MEM_STORE, ks->occupied);
    mem_free(MEM_STORE, ks->volatiles);
    mem_free(MEM_STORE, ks->group_counts);
    mem_free(MEM_STORE, ks);
}

void keyspace_set_clock(struct keyspace *ks, int64_t now_ms)
{
    ks->clock_s = (uint32_t)(now_ms / 1000);
}

struct key_ref keyspace_ref(const struct keyspace *ks, unsigned db, struct bytes key)
{
    ASSERT(db < ks->table_count && (!ks->is_cluster || db == 0));
    return (struct key_ref){
        .bytes = key,
        .hash = hash_bytes(key, ks->shared.hash_seed),
        .table = ks->is_cluster ? slot_of_key(key) : db,
    };
}

/* ---- lookups -------------------------------------------------------------------------------- */

void keyspace_prefetch_buckets(const struct keyspace *ks, const struct key_ref *refs, size_t count)
{
    if (ks->is_cluster) {
        for (size_t i = 0; i < count; i++) {
            prefetch(&ks->tables[refs[i].table]);
        }
    }
    for (size_t i = 0; i < count; i++) {
        table_prefetch_shard(&ks->tables[refs[i].table], refs[i].hash);
    }
    for (size_t i = 0; i < count; i++) {
        table_prefetch_bucket(&ks->tables[refs[i].table], refs[i].hash);
    }
}

void keyspace_prefetch_entries(const struct keyspace *ks, const struct key_ref *refs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        table_prefetch_entry(&ks->shared, &ks->tables[refs[i].table], refs[i].hash);
    }
}

static bool find_place(const struct keyspace *ks, const struct key_ref *ref,
                       struct table_place *out)
{
    ASSERT(ref->table < ks->table_count);
    return table_find(&ks->shared, &ks->tables[ref->table], ref->hash, ref->bytes, out);
}

static struct table_place get_place(const struct keyspace *ks, const struct key_ref *ref)
{
    struct table_place place = {0};
    bool is_there = find_place(ks, ref, &place);

    ASSERT(is_there);
    return place;
}

struct entry *keyspace_find_any(const struct keyspace *ks, const struct key_ref *ref)
{
    struct table_place place;

    return find_place(ks, ref, &place) ? table_entry(&ks->shared, place.ref) : NULL;
}

struct entry *keyspace_find(const struct keyspace *ks, const struct key_ref *ref, int64_t now_ms)
{
    struct entry *e = keyspace_find_any(ks, ref);

    return e != NULL && !entry_is_expired(e, now_ms) ? e : NULL;
}

size_t keyspace_entry_bytes(const struct keyspace *ks, const struct entry *e)
{
    const struct block *key = entry_key_block(e);
    size_t bytes = slab_object_size(&ks->shared.slab, slab_ref(&ks->shared.slab, e));

    bytes += key != NULL ? block_bytes(key) : 0;
    bytes += entry_encoding(e) == VALUE_RAW ? block_bytes(entry_value_block(e)) : 0;
    /* Its place in a bucket that is filled as usual. */
    return bytes + BUCKET_BYTES / (BUCKET_PLACES - 1);
}

/* ---- counts --------------------------------------------------------------------------------- */

/* The counts of a table before a change. */
struct counts {
    uint64_t entries;
    uint64_t volatiles;
};

static struct counts counts_of(const struct table *table)
{
    return (struct counts){table->count, table->volatile_count};
}

static void recount(struct keyspace *ks, const struct table *table, struct counts before)
{
    uint32_t number = table->number;

    ks->count += table->count - before.entries;
    ks->volatile_count += table->volatile_count - before.volatiles;
    if (ks->is_cluster) {
        ks->group_counts[number >> SLOT_GROUP_BITS] += table->count - before.entries;
    }
    if (table->count > 0) {
        bitset_add(ks->occupied, number);
    } else {
        bitset_remove(ks->occupied, number);
    }
    if (table->volatile_count > 0) {
        bitset_add(ks->volatiles, number);
    } else {
        bitset_remove(ks->volatiles, number);
    }
}

static void count_block(struct keyspace *ks, struct table *table, const struct block *block)
{
    if (block != NULL) {
        table->large_bytes += block_bytes(block);
        ks->large_bytes += block_bytes(block);
    }
}

static void uncount_block(struct keyspace *ks, struct table *table, const struct block *block)
{
    if (block != NULL) {
        table->large_bytes -= block_bytes(block);
        ks->large_bytes -= block_bytes(block);
    }
}

/* ---- setting -------------------------------------------------------------------------------- */

static uint64_t new_object(struct keyspace *ks, struct table *table, size_t size)
{
    uint64_t ref = slab_alloc(&ks->shared.slab, SLAB_ENTRIES, size);

    table->entry_bytes += slab_object_size(&ks->shared.slab, ref);
    return ref;
}

static void free_object(struct keyspace *ks, struct table *table, uint64_t ref)
{
    table->entry_bytes -= slab_object_size(&ks->shared.slab, ref);
    slab_free(&ks->shared.slab, ref);
}

static void add_entry(struct keyspace *ks, struct table *table, const struct key_ref *ref,
                      struct entry_plan *plan)
{
    uint64_t object;

    if (plan->key.len > ENTRY_INLINE_MAX) {
        plan->key_block = block_new(plan->key, plan->key.len);
    }
    object = new_object(ks, table, entry_plan_bytes(plan));
    entry_write(table_entry(&ks->shared, object), plan);
    count_block(ks, table, plan->key_block);
    count_block(ks, table, plan->value_block);
    table_insert(&ks->shared, table, ref->hash, object, plan->expire_at_ms);
}

/* Make the entry at place what plan says; its key stays, its old value block is let go unless the
 * plan keeps it. */
static void replace_entry(struct keyspace *ks, struct table *table, struct table_place *place,
                          struct entry_plan *plan)
{
    struct entry *old = table_entry(&ks->shared, place->ref);
    struct block *old_block = entry_string_block(old);
    int64_t old_expiry = entry_expire_at_ms(old);
    uint64_t old_ref = place->ref;
    size_t size;

    plan->key = entry_key(old);
    plan->key_block = entry_key_block(old);
    size = entry_plan_bytes(plan);
    if (slab_rounded_size(size) == slab_object_size(&ks->shared.slab, old_ref)) {
        entry_overwrite(old, plan);
    } else {
        place->ref = new_object(ks, table, size);
        entry_write(table_entry(&ks->shared, place->ref), plan);
        table_put_ref(place, place->ref);
        free_object(ks, table, old_ref);
    }
    if (plan->value_block != old_block) {
        uncount_block(ks, table, old_block);
        count_block(ks, table, plan->value_block);
        reclaim_block(ks, old_block);
    }
    table_note_expiry(table, place->shard, old_expiry, plan->expire_at_ms);
}

static struct entry_plan plan_value(const struct keyspace *ks, struct bytes value,
                                    int64_t expire_at_ms)
{
    struct entry_plan plan = {.expire_at_ms = expire_at_ms, .last_used_s = ks->clock_s};

    if (num_parse_i64(value, &plan.integer)) {
        plan.encoding = VALUE_INT;
    } else if (value.len <= ENTRY_INLINE_MAX) {
        plan.encoding = VALUE_EMBSTR;
        plan.value = value;
    } else {
        plan.encoding = VALUE_RAW;
        plan.value_block = block_new(value, value.len);
    }
    return plan;
}

/* place is where the key is, or NULL when it is not there. */
static void put_plan(struct keyspace *ks, const struct key_ref *ref, struct table_place *place,
                     struct entry_plan *plan)
{
    struct table *table = &ks->tables[ref->table];
    struct counts before = counts_of(table);

    if (place != NULL) {
        table_before_change(&ks->shared, table, place);
        replace_entry(ks, table, place, plan);
    } else {
        plan->key = ref->bytes;
        add_entry(ks, table, ref, plan);
    }
    recount(ks, table, before);
}

/* What could be a canonical integer?  Most values are not, which their first byte tells. */
static bool may_be_integer(struct bytes value)
{
    return value.len > 0 && value.len <= NUM_I64_TEXT &&
           (value.data[0] == '-' || (unsigned char)(value.data[0] - '0') <= 9);
}

/* The usual change: a small string becomes another one that fits into its memory.  Nothing is
 * counted anew.  False when it is anything else. */
static bool replace_value(struct keyspace *ks, const struct table *table,
                          const struct table_place *place, struct bytes value)
{
    struct entry *e = table_entry(&ks->shared, place->ref);

    if (may_be_integer(value)) {
        return false;
    }
    /* Early is harmless: an entry may be handed over before any change or none. */
    table_before_change(&ks->shared, table, place);
    return entry_replace_value(e, value, ks->clock_s);
}

/* Do the bytes lie in the arena, so that rewriting an entry could change them? */
static bool is_in_arena(const struct keyspace *ks, struct bytes value)
{
    uintptr_t base = (uintptr_t)ks->shared.slab.base;
    uintptr_t at = (uintptr_t)value.data;

    return at >= base && at < base + ks->shared.slab.arena_bytes;
}

void keyspace_set(struct keyspace *ks, const struct key_ref *ref, struct bytes value,
                  int64_t expire_at_ms)
{
    char copy[ENTRY_INLINE_MAX];
    struct table_place place;
    struct entry_plan plan;
    bool is_there = find_place(ks, ref, &place);

    if (UNLIKELY(is_in_arena(ks, value))) {
        ASSERT(value.len <= sizeof(copy));
        memcpy(copy, value.data, value.len);
        value.data = copy;
    }
    if (is_there && expire_at_ms == EXPIRE_NEVER &&
        replace_value(ks, &ks->tables[ref->table], &place, value)) {
        return;
    }
    plan = plan_value(ks, value, expire_at_ms);
    put_plan(ks, ref, is_there ? &place : NULL, &plan);
}

void keyspace_set_integer(struct keyspace *ks, const struct key_ref *ref, int64_t value,
                          int64_t expire_at_ms)
{
    struct table *table = &ks->tables[ref->table];
    struct entry_plan plan = {.encoding = VALUE_INT,
                              .integer = value,
                              .expire_at_ms = expire_at_ms,
                              .last_used_s = ks->clock_s};
    struct table_place place;
    bool is_there = find_place(ks, ref, &place);

    if (is_there) {
        struct entry *e = table_entry(&ks->shared, place.ref);

        if (entry_encoding(e) == VALUE_INT && entry_expire_at_ms(e) == expire_at_ms) {
            table_before_change(&ks->shared, table, &place);
            entry_put_integer(e, value);
            return;
        }
    }
    put_plan(ks, ref, is_there ? &place : NULL, &plan);
}

bool keyspace_update_integer(const struct keyspace *ks, struct entry *e, int64_t value)
{
    if (ks->shared.walk.is_on || entry_encoding(e) != VALUE_INT) {
        return false;
    }
    entry_put_integer(e, value);
    return true;
}

/* ---- editing -------------------------------------------------------------------------------- */

/* A block for the string that is to have len bytes, with room to grow. */
static struct block *grown_block(struct bytes old, size_t len)
{
    size_t spare = len < GROWTH_MAX ? len : GROWTH_MAX;
    struct block *block = block_new(old, len + spare);

    memset(block->data + old.len, 0, len - old.len);
    block->len = len;
    return block;
}

/* Grow the value block of the entry at place to len bytes. */
static char *edit_block(struct keyspace *ks, struct table *table, struct entry *e, size_t len)
{
    struct block *block = entry_value_block(e);

    e->flags |= ENTRY_EDITED;
    if (block->holders > 1) {
        /* It is still being sent: those bytes must stay as they are. */
        len = len > block->len ? len : block->len;
        uncount_block(ks, table, block);
        entry_put_value_block(e, grown_block(block_contents(block), len));
        block_release(block);
        block = entry_value_block(e);
        count_block(ks, table, block);
        return block->data;
    }
    if (len <= block->len) {
        return block->data;
    }
    if (len > block->capacity_bytes) {
        size_t spare = len < GROWTH_MAX ? len : GROWTH_MAX;

        uncount_block(ks, table, block);
        block = block_resize(block, len + spare);
        count_block(ks, table, block);
        entry_put_value_block(e, block);
    }
    memset(block->data + block->len, 0, len - block->len);
    block->len = len;
    return block->data;
}

char *keyspace_edit(struct keyspace *ks, const struct key_ref *ref, size_t len, size_t *old_len)
{
    struct table *table = &ks->tables[ref->table];
    struct table_place place = get_place(ks, ref);
    struct entry *e = table_entry(&ks->shared, place.ref);
    char scratch[NUM_I64_TEXT + 1];
    char copy[ENTRY_INLINE_MAX] = {0};
    struct bytes old = entry_string(e, scratch);
    struct entry_plan plan = {.expire_at_ms = entry_expire_at_ms(e),
                              .last_used_s = entry_last_used_s(e),
                              .is_edited = true};

    table_before_change(&ks->shared, table, &place);
    *old_len = old.len;
    if (entry_encoding(e) == VALUE_RAW) {
        return edit_block(ks, table, e, len);
    }
    len = len > old.len ? len : old.len;
    if (len > ENTRY_INLINE_MAX) {
        plan.encoding = VALUE_RAW;
        plan.value_block = grown_block(old, len);
    } else {
        memcpy(copy, old.data, old.len);
        plan.encoding = VALUE_EMBSTR;
        plan.value = bytes_make(copy, len);
    }
    replace_entry(ks, table, &place, &plan);
    e = table_entry(&ks->shared, place.ref);
    if (plan.value_block != NULL) {
        return plan.value_block->data;
    }
    return (char *)e + entry_layout(e).value_at;
}

void keyspace_set_expiry(struct keyspace *ks, const struct key_ref *ref, int64_t expire_at_ms)
{
    struct table *table = &ks->tables[ref->table];
    struct counts before = counts_of(table);
    struct table_place place = get_place(ks, ref);
    struct entry *e = table_entry(&ks->shared, place.ref);
    int64_t old_expiry = entry_expire_at_ms(e);
    size_t size = entry_bytes_with_expiry(e, expire_at_ms);

    table_before_change(&ks->shared, table, &place);
    if (slab_rounded_size(size) == slab_object_size(&ks->shared.slab, place.ref)) {
        entry_copy_with_expiry(e, e, expire_at_ms);
    } else {
        uint64_t moved = new_object(ks, table, size);

        entry_copy_with_expiry(table_entry(&ks->shared, moved), e, expire_at_ms);
        table_put_ref(&place, moved);
        free_object(ks, table, place.ref);
    }
    table_note_expiry(table, place.shard, old_expiry, expire_at_ms);
    recount(ks, table, before);
}

/* ---- removing and moving -------------------------------------------------------------------- */

/* Take the entry out; its blocks are the caller's to let go. */
static void remove_place(struct keyspace *ks, const struct key_ref *ref,
                         const struct table_place *place)
{
    struct table *table = &ks->tables[ref->table];
    struct counts before = counts_of(table);
    const struct entry *e = table_entry(&ks->shared, place->ref);
    int64_t expiry = entry_expire_at_ms(e);

    table_before_change(&ks->shared, table, place);
    uncount_block(ks, table, entry_key_block(e));
    uncount_block(ks, table, entry_string_block(e));
    free_object(ks, table, place->ref);
    table_remove(&ks->shared, table, ref->hash, place, expiry);
    recount(ks, table, before);
}

bool keyspace_remove(struct keyspace *ks, const struct key_ref *ref)
{
    struct table_place place;
    struct block *key_block;
    struct block *value_block;

    if (!find_place(ks, ref, &place)) {
        return false;
    }
    key_block = entry_key_block(table_entry(&ks->shared, place.ref));
    value_block = entry_string_block(table_entry(&ks->shared, place.ref));
    remove_place(ks, ref, &place);
    reclaim_block(ks, key_block);
    reclaim_block(ks, value_block);
    return true;
}

void keyspace_move(struct keyspace *ks, const struct key_ref *from, const struct key_ref *to)
{
    struct table_place place = get_place(ks, from);
    const struct entry *e = table_entry(&ks->shared, place.ref);
    struct block *key_block = entry_key_block(e);
    char copy[ENTRY_INLINE_MAX];
    char scratch[NUM_I64_TEXT + 1];
    struct entry_plan plan = {.encoding = entry_encoding(e),
                              .expire_at_ms = entry_expire_at_ms(e),
                              .last_used_s = entry_last_used_s(e),
                              .is_edited = entry_was_edited(e)};

    switch (plan.encoding) {
    case VALUE_INT:
        (void)entry_integer(e, &plan.integer);
        break;
    case VALUE_EMBSTR:
        plan.value = entry_string(e, scratch);
        memcpy(copy, plan.value.data, plan.value.len);
        plan.value.data = copy;
        break;
    case VALUE_RAW:
        plan.value_block = entry_value_block(e);
        break;
    }
    remove_place(ks, from, &place);
    put_plan(ks, to, find_place(ks, to, &place) ? &place : NULL, &plan);
    reclaim_block(ks, key_block);
}

static void flush_table(struct keyspace *ks, struct table *table)
{
    struct counts before = counts_of(table);

    walk_hand_table(&ks->shared, table);
    reclaim_table(ks, table);
    recount(ks, table, before);
}

void keyspace_flush(struct keyspace *ks, unsigned db)
{
    if (ks->is_cluster) {
        keyspace_flush_all(ks);
        return;
    }
    ASSERT(db < ks->table_count);
    flush_table(ks, &ks->tables[db]);
}

void keyspace_flush_slot(struct keyspace *ks, unsigned slot)
{
    ASSERT(ks->is_cluster && slot < ks->table_count);
    flush_table(ks, &ks->tables[slot]);
}

void keyspace_flush_all(struct keyspace *ks)
{
    uint32_t number = keyspace_next_table(ks, ks->occupied, 0);

    while (number < ks->table_count) {
        flush_table(ks, &ks->tables[number]);
        number = keyspace_next_table(ks, ks->occupied, number + 1);
    }
}

void keyspace_swap(struct keyspace *ks, unsigned db1, unsigned db2)
{
    struct table *a = &ks->tables[db1];
    struct table *b = &ks->tables[db2];
    struct table old_a = *a;

    ASSERT(!ks->is_cluster && db1 < ks->table_count && db2 < ks->table_count);
    if (db1 == db2) {
        return;
    }
    walk_hand_table(&ks->shared, a);
    walk_hand_table(&ks->shared, b);
    *a = *b;
    *b = old_a;
    a->number = db1;
    b->number = db2;
    recount(ks, a, counts_of(a));
    recount(ks, b, counts_of(b));
}
