/* SPDX-License-Identifier: MIT */
/* The key space, one key at a time: finding, setting, changing, removing. */
#include "store/keyspace.h"

#include "base/assert.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/num.h"
#include "store/keyspace_state.h"
#include "store/members.h"
#include "store/walk_marks.h"

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
    rng_init(&ks->usage.rng, options->hash_seed);
    ks->shared.types = options->types != NULL ? options->types : &value_types_builtin;
    value_space_init(&ks->values, ks->shared.types, options->hash_seed, options->arena_bytes);
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
    value_space_deinit(&ks->values);
    buf_deinit(&ks->packed);
    VEC_DEINIT(&ks->shared.scratch);
    slab_deinit(&ks->shared.slab);
    mem_free(MEM_STORE, ks->tables);
    mem_free(MEM_STORE, ks->occupied);
    mem_free(MEM_STORE, ks->volatiles);
    mem_free(MEM_STORE, ks->field_counts);
    mem_free(MEM_STORE, ks->hidden);
    mem_free(MEM_STORE, ks->group_counts);
    mem_free(MEM_STORE, ks);
}

const struct value_types *keyspace_types(const struct keyspace *ks)
{
    return ks->shared.types;
}

struct value_space *keyspace_values(struct keyspace *ks)
{
    return &ks->values;
}

void keyspace_set_limits(struct keyspace *ks, const struct value_limits *limits)
{
    ks->values.limits = *limits;
}

/* Said to be inline for whoever links all of it at once: this is on the way of every request. */
inline struct key_ref keyspace_ref(const struct keyspace *ks, unsigned db, struct bytes key)
{
    ASSERT(db < ks->table_count && (!ks->is_cluster || db == 0));
    return (struct key_ref){
        .bytes = key,
        .hash = hash_bytes(key, ks->shared.hash_seed),
        .table = ks->is_cluster ? slot_of_key(key) : db,
    };
}

void keyspace_expect(struct keyspace *ks, unsigned db, uint64_t count)
{
    ASSERT(db < ks->table_count);
    if (!ks->is_cluster) {
        ks->tables[db].expected_count = count;
    }
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

struct member_hint keyspace_prefetch_member_bucket(const struct keyspace *ks,
                                                   const struct key_ref *ref, struct bytes member)
{
    const struct entry *e = keyspace_find_any(ks, ref);
    struct member_hint hint = {0};
    const struct value_ops *ops;

    if (e == NULL || entry_encoding(e) != VALUE_OBJECT) {
        return hint;
    }
    ops = value_ops_of(ks->shared.types, e);
    if (ops->members != NULL) {
        hint.table = &ops->members(entry_memory(e))->table;
        hint.hash = hash_bytes(member, ks->values.members.hash_seed);
        table_prefetch_bucket(hint.table, hint.hash);
    }
    return hint;
}

void keyspace_prefetch_member(const struct keyspace *ks, struct member_hint hint)
{
    if (hint.table != NULL) {
        table_prefetch_entry(&ks->values.members, hint.table, hint.hash);
    }
}

static bool find_place(const struct keyspace *ks, const struct key_ref *ref,
                       struct table_place *out)
{
    ASSERT(ref->table < ks->table_count);
    return table_find(&ks->shared, &ks->tables[ref->table], ref->hash, ref->bytes, out);
}

struct table_place keyspace_get_place(const struct keyspace *ks, const struct key_ref *ref)
{
    struct table_place place = {0};
    bool is_there = find_place(ks, ref, &place);

    ASSERT(is_there);
    return place;
}

struct entry *keyspace_find_any(const struct keyspace *ks, const struct key_ref *ref)
{
    ASSERT(ref->table < ks->table_count);
    return table_find_entry(&ks->shared, &ks->tables[ref->table], ref->hash, ref->bytes);
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
    if (entry_memory(e) != NULL) {
        bytes += value_ops_of(ks->shared.types, e)->bytes(entry_memory(e));
    }
    /* Its place in a bucket that is filled as usual. */
    return bytes + BUCKET_BYTES / (BUCKET_PLACES - 1);
}

/* ---- counts --------------------------------------------------------------------------------- */

void keyspace_recount(struct keyspace *ks, const struct table *table, struct table_counts before)
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

void keyspace_count_memory(struct keyspace *ks, struct table *table, const struct value_ops *ops,
                           const void *memory)
{
    if (memory != NULL) {
        size_t bytes = ops->bytes(memory);

        table->large_bytes += bytes;
        ks->large_bytes += bytes;
    }
}

void keyspace_uncount_memory(struct keyspace *ks, struct table *table, const struct value_ops *ops,
                             const void *memory)
{
    if (memory != NULL) {
        size_t bytes = ops->bytes(memory);

        ASSERT(table->large_bytes >= bytes && ks->large_bytes >= bytes);
        table->large_bytes -= bytes;
        ks->large_bytes -= bytes;
    }
}

void keyspace_renew_fields(struct keyspace *ks, const struct key_ref *ref)
{
    const struct table *table = &ks->tables[ref->table];
    struct table_counts before = table_counts(table);
    struct entry *e = keyspace_find_any(ks, ref);
    struct value value;

    ASSERT(e != NULL);
    value = entry_value(e);
    keyspace_note_fields(ks, ref, e, value_ops_of(ks->shared.types, e)->next_expiry_ms(&value));
    keyspace_recount(ks, table, before);
}

/* ---- telling -------------------------------------------------------------------------------- */

static void tell_of_change(struct keyspace *ks, const struct table *table,
                           const struct table_place *place, enum keyspace_event event,
                           struct bytes key)
{
    table_before_change(&ks->shared, table, place);
    keyspace_tell(ks, event, table->number, key);
}

/* The entry is about to change or go: whoever listens is told.  Nearly always that is nobody. */
static inline void about_to_change(struct keyspace *ks, const struct table *table,
                                   const struct table_place *place, enum keyspace_event event,
                                   struct bytes key)
{
    DEBUG_ASSERT(ks->open_edit == NULL);
    if (UNLIKELY(ks->shared.listeners != 0)) {
        tell_of_change(ks, table, place, event, key);
    }
}

/* ---- setting -------------------------------------------------------------------------------- */

uint64_t keyspace_new_object(struct keyspace *ks, struct table *table, size_t size)
{
    uint64_t ref = slab_alloc(&ks->shared.slab, SLAB_ENTRIES, size);

    table->entry_bytes += slab_object_size(&ks->shared.slab, ref);
    return ref;
}

void keyspace_free_object(struct keyspace *ks, struct table *table, uint64_t ref)
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
    object = keyspace_new_object(ks, table, entry_plan_bytes(plan));
    entry_write(table_entry(&ks->shared, object), plan);
    keyspace_count_memory(ks, table, &value_string, plan->key_block);
    keyspace_count_memory(ks, table, ks->shared.types->kinds[plan->type].ops, plan->memory);
    table_insert(&ks->shared, table, ref->hash, object, plan->expire_at_ms);
}

/* The entry has the plan's memory now: the old value's is let go. */
static void replace_memory(struct keyspace *ks, struct table *table,
                           const struct value_ops *old_ops, void *old_memory,
                           const struct entry_plan *plan)
{
    keyspace_uncount_memory(ks, table, old_ops, old_memory);
    keyspace_count_memory(ks, table, ks->shared.types->kinds[plan->type].ops, plan->memory);
    reclaim_memory(ks, old_ops, old_memory);
}

void keyspace_rewrite_entry(struct keyspace *ks, struct table *table, struct table_place *place,
                            struct entry_plan *plan)
{
    struct entry *old = table_entry(&ks->shared, place->ref);
    int64_t old_expiry = entry_expire_at_ms(old);
    uint64_t old_ref = place->ref;
    size_t size;

    DEBUG_ASSERT(!entry_is_volatile(old));
    plan->key = entry_key(old);
    plan->key_block = entry_key_block(old);
    size = entry_plan_bytes(plan);
    if (slab_rounded_size(size) == slab_object_size(&ks->shared.slab, old_ref)) {
        entry_overwrite(old, plan);
    } else {
        place->ref = keyspace_new_object(ks, table, size);
        entry_write(table_entry(&ks->shared, place->ref), plan);
        table_put_ref(place, place->ref);
        keyspace_free_object(ks, table, old_ref);
    }
    table_note_expiry(table, place->shard, old_expiry, plan->expire_at_ms);
}

void keyspace_replace_entry(struct keyspace *ks, struct table *table, struct table_place *place,
                            struct entry_plan *plan)
{
    const struct entry *old = table_entry(&ks->shared, place->ref);
    enum value_type old_type = entry_type(old);
    void *old_memory = entry_memory(old);

    keyspace_rewrite_entry(ks, table, place, plan);
    if (plan->memory != old_memory) {
        replace_memory(ks, table, ks->shared.types->kinds[old_type].ops, old_memory, plan);
    }
}

static struct entry_plan plan_value(const struct keyspace *ks, struct bytes value,
                                    int64_t expire_at_ms)
{
    struct entry_plan plan = {.expire_at_ms = expire_at_ms, .last_used_s = ks->usage.fresh};

    if (num_parse_i64(value, &plan.integer)) {
        plan.encoding = VALUE_INT;
    } else if (value.len <= ENTRY_INLINE_MAX) {
        plan.encoding = VALUE_INLINE;
        plan.value = value;
    } else {
        plan.encoding = VALUE_RAW;
        plan.memory = block_new(value, value.len);
    }
    return plan;
}

/* Of what takes the entry's place: how often the key is used outlives its value. */
static uint32_t use_of_next(const struct keyspace *ks, const struct entry *e)
{
    return UNLIKELY(ks->usage.rule.is_frequency) ? entry_last_used_s(e) : ks->usage.fresh;
}

/* place is where the key is, or NULL when it is not there. */
static void put_plan(struct keyspace *ks, const struct key_ref *ref, struct table_place *place,
                     struct entry_plan *plan)
{
    struct table *table = &ks->tables[ref->table];
    struct table_counts before = table_counts(table);

    if (place != NULL) {
        about_to_change(ks, table, place, KEYSPACE_KEY_CHANGED, ref->bytes);
        plan->last_used_s = use_of_next(ks, table_entry(&ks->shared, place->ref));
        keyspace_forget_fields(ks, ref, table_entry(&ks->shared, place->ref));
        keyspace_replace_entry(ks, table, place, plan);
    } else {
        DEBUG_ASSERT(ks->open_edit == NULL);
        plan->key = ref->bytes;
        add_entry(ks, table, ref, plan);
        keyspace_tell(ks, KEYSPACE_KEY_CAME, table->number, ref->bytes);
    }
    keyspace_recount(ks, table, before);
}

/* What could be a canonical integer?  Most values are not, which their first byte tells. */
static bool may_be_integer(struct bytes value)
{
    return value.len > 0 && value.len <= NUM_I64_TEXT &&
           (value.data[0] == '-' || (unsigned char)(value.data[0] - '0') <= 9);
}

/* The usual change: a small string becomes another one that fits into its memory.  Nothing is
 * counted anew.  False when it is anything else. */
static bool replace_value(struct keyspace *ks, const struct key_ref *ref,
                          const struct table_place *place, struct bytes value)
{
    struct entry *e = table_entry(&ks->shared, place->ref);

    DEBUG_ASSERT(ks->open_edit == NULL);
    if (may_be_integer(value)) {
        return false;
    }
    /* Early is harmless: an entry may be handed over before any change or none. */
    if (UNLIKELY(ks->shared.listeners != 0)) {
        table_before_change(&ks->shared, &ks->tables[ref->table], place);
    }
    if (!entry_replace_value(e, value, use_of_next(ks, e))) {
        return false;
    }
    keyspace_tell(ks, KEYSPACE_KEY_CHANGED, ref->table, ref->bytes);
    return true;
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
    if (is_there && expire_at_ms == EXPIRE_NEVER && replace_value(ks, ref, &place, value)) {
        return;
    }
    plan = plan_value(ks, value, expire_at_ms);
    put_plan(ks, ref, is_there ? &place : NULL, &plan);
}

void keyspace_set_integer(struct keyspace *ks, const struct key_ref *ref, int64_t value,
                          int64_t expire_at_ms)
{
    const struct table *table = &ks->tables[ref->table];
    struct entry_plan plan = {.encoding = VALUE_INT,
                              .integer = value,
                              .expire_at_ms = expire_at_ms,
                              .last_used_s = ks->usage.fresh};
    struct table_place place;
    bool is_there = find_place(ks, ref, &place);

    if (is_there) {
        struct entry *e = table_entry(&ks->shared, place.ref);

        if (entry_encoding(e) == VALUE_INT && entry_expire_at_ms(e) == expire_at_ms) {
            about_to_change(ks, table, &place, KEYSPACE_KEY_CHANGED, ref->bytes);
            entry_put_integer(e, value);
            return;
        }
    }
    put_plan(ks, ref, is_there ? &place : NULL, &plan);
}

bool keyspace_update_integer(const struct keyspace *ks, struct entry *e, int64_t value)
{
    DEBUG_ASSERT(ks->open_edit == NULL);
    if (ks->shared.listeners != 0 || entry_encoding(e) != VALUE_INT) {
        return false;
    }
    entry_put_integer(e, value);
    return true;
}

void keyspace_put(struct keyspace *ks, const struct key_ref *ref, struct value *value_take,
                  int64_t expire_at_ms)
{
    struct entry_plan plan = {.type = value_take->type,
                              .encoding = value_take->memory != NULL ? VALUE_OBJECT : VALUE_INLINE,
                              .memory = value_take->memory,
                              .value = value_take->inlined,
                              .is_edited = value_take->has_outgrown,
                              .expire_at_ms = expire_at_ms,
                              .last_used_s = ks->usage.fresh};
    struct table_place place;
    bool is_volatile = value_take->is_volatile;

    if (value_take->type == VALUE_STRING) {
        keyspace_set(ks, ref, value_take->inlined, expire_at_ms);
        return;
    }
    ASSERT(ks->shared.types->kinds[plan.type].ops != NULL);
    ASSERT(plan.memory != NULL || (plan.value.len > 0 && plan.value.len <= VALUE_PACKED_MAX));
    value_take->memory = NULL;
    put_plan(ks, ref, find_place(ks, ref, &place) ? &place : NULL, &plan);
    if (UNLIKELY(is_volatile)) {
        keyspace_renew_fields(ks, ref);
    }
}

void keyspace_copy(struct keyspace *ks, const struct entry *e, const struct key_ref *to)
{
    char scratch[NUM_I64_TEXT + 1];
    int64_t expire_at_ms = entry_expire_at_ms(e);
    struct value value = {.type = entry_type(e)};
    int64_t integer;

    if (entry_integer(e, &integer)) {
        keyspace_set_integer(ks, to, integer, expire_at_ms);
        return;
    }
    if (value.type == VALUE_STRING) {
        value.inlined = entry_string(e, scratch);
    } else {
        value = entry_value(e);
        if (value.memory != NULL) {
            value.memory = value_ops_of(ks->shared.types, e)->copy(value.memory);
        }
    }
    keyspace_put(ks, to, &value, expire_at_ms);
}

/* ---- removing and moving -------------------------------------------------------------------- */

/* Take the entry out; memory of its own is the caller's to let go. */
static void remove_place(struct keyspace *ks, const struct key_ref *ref,
                         const struct table_place *place, enum keyspace_event event)
{
    struct table *table = &ks->tables[ref->table];
    struct table_counts before = table_counts(table);
    struct entry *e = table_entry(&ks->shared, place->ref);
    int64_t expiry = entry_expire_at_ms(e);

    about_to_change(ks, table, place, event, ref->bytes);
    keyspace_forget_fields(ks, ref, e);
    if (entry_has_memory(e)) {
        keyspace_uncount_memory(ks, table, &value_string, entry_key_block(e));
        keyspace_uncount_memory(ks, table, value_ops_of(ks->shared.types, e), entry_memory(e));
    }
    keyspace_free_object(ks, table, place->ref);
    table_remove(&ks->shared, table, ref->hash, place, expiry);
    keyspace_recount(ks, table, before);
}

/* An entry goes that has memory of its own. */
static void remove_large(struct keyspace *ks, const struct key_ref *ref,
                         const struct table_place *place, enum keyspace_event event)
{
    const struct entry *e = table_entry(&ks->shared, place->ref);
    const struct value_ops *ops = value_ops_of(ks->shared.types, e);
    struct block *key_block = entry_key_block(e);
    void *memory = entry_memory(e);

    remove_place(ks, ref, place, event);
    reclaim_memory(ks, &value_string, key_block);
    reclaim_memory(ks, ops, memory);
}

static bool remove_key(struct keyspace *ks, const struct key_ref *ref, enum keyspace_event event)
{
    struct table_place place;

    if (!find_place(ks, ref, &place)) {
        return false;
    }
    if (entry_has_memory(table_entry(&ks->shared, place.ref))) {
        remove_large(ks, ref, &place, event);
    } else {
        remove_place(ks, ref, &place, event);
    }
    return true;
}

bool keyspace_remove(struct keyspace *ks, const struct key_ref *ref)
{
    return remove_key(ks, ref, KEYSPACE_KEY_WENT);
}

bool keyspace_remove_expired(struct keyspace *ks, const struct key_ref *ref)
{
    return remove_key(ks, ref, KEYSPACE_KEY_EXPIRED);
}

bool keyspace_remove_evicted(struct keyspace *ks, const struct key_ref *ref)
{
    return remove_key(ks, ref, KEYSPACE_KEY_EVICTED);
}

void keyspace_move(struct keyspace *ks, const struct key_ref *from, const struct key_ref *to)
{
    struct table_place place = keyspace_get_place(ks, from);
    const struct entry *e = table_entry(&ks->shared, place.ref);
    struct block *key_block = entry_key_block(e);
    bool is_volatile = entry_is_volatile(e);
    uint32_t use = entry_last_used_s(e);
    char copy[VALUE_PACKED_MAX];
    char scratch[NUM_I64_TEXT + 1];
    struct entry_plan plan = {.type = entry_type(e),
                              .encoding = entry_encoding(e),
                              .expire_at_ms = entry_expire_at_ms(e),
                              .last_used_s = use,
                              .is_edited = entry_was_edited(e)};

    switch (plan.encoding) {
    case VALUE_INT:
        (void)entry_integer(e, &plan.integer);
        break;
    case VALUE_INLINE:
        plan.value = plan.type == VALUE_STRING ? entry_string(e, scratch) : entry_value(e).inlined;
        memcpy(copy, plan.value.data, plan.value.len);
        plan.value.data = copy;
        break;
    case VALUE_RAW:
    case VALUE_OBJECT:
        plan.memory = entry_memory(e);
        break;
    }
    remove_place(ks, from, &place, KEYSPACE_KEY_WENT);
    put_plan(ks, to, find_place(ks, to, &place) ? &place : NULL, &plan);
    entry_put_last_used(keyspace_find_any(ks, to), use); /* its own, not that of what it replaced */
    if (UNLIKELY(is_volatile)) {
        keyspace_renew_fields(ks, to);
    }
    reclaim_memory(ks, &value_string, key_block);
}

static void flush_table(struct keyspace *ks, struct table *table)
{
    struct table_counts before = table_counts(table);

    DEBUG_ASSERT(ks->open_edit == NULL);
    if (before.entries == 0) {
        return;
    }
    walk_hand_table(&ks->shared, table);
    reclaim_table(ks, table);
    keyspace_forget_fields_of(ks, table->number);
    keyspace_tell(ks, KEYSPACE_TABLE_FLUSHED, table->number, (struct bytes){0});
    keyspace_recount(ks, table, before);
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
    DEBUG_ASSERT(ks->open_edit == NULL);
    walk_hand_table(&ks->shared, a);
    walk_hand_table(&ks->shared, b);
    *a = *b;
    *b = old_a;
    a->number = db1;
    b->number = db2;
    keyspace_swap_fields(ks, db1, db2);
    keyspace_recount(ks, a, table_counts(a));
    keyspace_recount(ks, b, table_counts(b));
    keyspace_tell(ks, KEYSPACE_TABLE_SWAPPED, db1, (struct bytes){0});
    keyspace_tell(ks, KEYSPACE_TABLE_SWAPPED, db2, (struct bytes){0});
}
