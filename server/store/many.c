/* SPDX-License-Identifier: MIT */
/* The key space as a whole: counts, a random key, the check of everything. */
#include "base/assert.h"
#include "store/keyspace_state.h"

enum {
    RANDOM_TRIES = 64, /* entries drawn, before expired ones only are given up on */
};

uint32_t keyspace_next_table(const struct keyspace *ks, const uint64_t *bits, uint32_t number)
{
    size_t words = BITSET_WORDS((size_t)ks->table_count);
    size_t i = number / 64;
    uint64_t word;

    if (number >= ks->table_count) {
        return ks->table_count;
    }
    word = bits[i] & (UINT64_MAX << (number % 64));
    while (word == 0) {
        if (++i == words) {
            return ks->table_count;
        }
        word = bits[i];
    }
    return (uint32_t)(i * 64) + (uint32_t)__builtin_ctzll(word);
}

uint32_t keyspace_next_seen(const struct keyspace *ks, const uint64_t *bits, uint32_t number)
{
    number = keyspace_next_table(ks, bits, number);
    while (number < ks->table_count && keyspace_hides(ks, number)) {
        number = keyspace_next_table(ks, bits, number + 1);
    }
    return number;
}

uint64_t keyspace_count(const struct keyspace *ks, unsigned db)
{
    if (ks->is_cluster) {
        return ks->count - keyspace_hidden_count(ks);
    }
    ASSERT(db < ks->table_count);
    return ks->tables[db].count;
}

uint64_t keyspace_count_all(const struct keyspace *ks)
{
    return ks->count;
}

uint64_t keyspace_volatile_hash_count(const struct keyspace *ks, unsigned db)
{
    if (ks->is_cluster) {
        ASSERT(db == 0);
        return ks->field_count;
    }
    ASSERT(db < ks->table_count);
    return ks->field_counts != NULL ? ks->field_counts[db] : 0;
}

bool keyspace_can_expire(const struct keyspace *ks)
{
    return ks->volatile_count > 0;
}

uint64_t keyspace_expire_count(const struct keyspace *ks, unsigned db)
{
    if (ks->is_cluster) {
        return ks->volatile_count - ks->field_count - keyspace_hidden_expire_count(ks);
    }
    ASSERT(db < ks->table_count);
    return ks->tables[db].volatile_count - keyspace_volatile_hash_count(ks, db);
}

uint64_t keyspace_expire_count_all(const struct keyspace *ks)
{
    return ks->volatile_count - ks->field_count;
}

uint64_t keyspace_slot_count(const struct keyspace *ks, unsigned slot)
{
    ASSERT(ks->is_cluster && slot < ks->table_count);
    return ks->tables[slot].count;
}

/* A table, each as likely as it has entries. */
static const struct table *random_table(const struct keyspace *ks, unsigned db, struct rng *rng)
{
    uint64_t left;
    uint32_t group = 0;
    uint32_t number;

    if (!ks->is_cluster) {
        return &ks->tables[db];
    }
    left = rng_below(rng, ks->count);
    while (left >= ks->group_counts[group]) {
        left -= ks->group_counts[group++];
    }
    number = group << SLOT_GROUP_BITS;
    while (left >= ks->tables[number].count) {
        left -= ks->tables[number++].count;
    }
    return &ks->tables[number];
}

/* A table with keys that may be seen, of which there is one: while slots move, not each key is as likely. */
static const struct table *random_seen_table(const struct keyspace *ks, struct rng *rng)
{
    uint32_t number =
        keyspace_next_seen(ks, ks->occupied, (uint32_t)rng_below(rng, ks->table_count));

    number = number < ks->table_count ? number : keyspace_next_seen(ks, ks->occupied, 0);
    ASSERT(number < ks->table_count);
    return &ks->tables[number];
}

struct entry *keyspace_random(struct keyspace *ks, unsigned db, struct rng *rng, int64_t now_ms)
{
    if (keyspace_count(ks, db) == 0) {
        return NULL;
    }
    for (int tries = 0; tries < RANDOM_TRIES; tries++) {
        const struct table *table = random_table(ks, db, rng);
        struct entry *e;

        if (keyspace_hides(ks, table->number)) {
            table = random_seen_table(ks, rng);
        }
        e = table_entry(&ks->shared, table_random(table, rng));
        if (!entry_is_expired(e, now_ms)) {
            return e;
        }
    }
    return NULL;
}

/* Which entries have fields that expire is known. */
static uint64_t count_volatile(const struct table_shared *shared, const struct shard *shard)
{
    uint64_t volatile_count = 0;

    for (uint32_t b = 0; b < shard->bucket_count; b++) {
        for (unsigned i = 0; i < BUCKET_PLACES; i++) {
            uint64_t ref = bucket_ref(shard_bucket(shard, b), i);

            volatile_count += ref != 0 && entry_is_volatile(table_entry(shared, ref)) ? 1 : 0;
        }
    }
    return volatile_count;
}

static void check_fields(const struct keyspace *ks)
{
    uint64_t all = 0;

    for (uint32_t i = 0; i < ks->table_count; i++) {
        struct table_span span;
        uint64_t position = 0;
        uint64_t in_table = 0;

        while (table_span_at(&ks->tables[i], position, &span)) {
            in_table += count_volatile(&ks->shared, span.shard);
            position = span.next;
            if (position == 0) {
                break;
            }
        }
        ASSERT(in_table == (ks->field_counts != NULL ? ks->field_counts[i] : 0));
        all += in_table;
    }
    ASSERT(all == ks->field_count);
}

void keyspace_check(const struct keyspace *ks)
{
    uint64_t count = 0;
    uint64_t volatile_count = 0;
    uint64_t large_bytes = 0;

    ASSERT(ks->open_edit == NULL);
    ASSERT(((ks->shared.listeners & LISTENER_WALK) != 0) == ks->shared.walk.is_on);
    ASSERT(((ks->shared.listeners & LISTENER_OBSERVER) != 0) == keyspace_has_observer(ks));
    for (uint32_t i = 0; i < ks->table_count; i++) {
        const struct table *table = &ks->tables[i];

        ASSERT(table->number == i);
        ASSERT(bitset_has(ks->occupied, i) == (table->count > 0));
        ASSERT(bitset_has(ks->volatiles, i) == (table->volatile_count > 0));
        table_check(&ks->shared, table);
        count += table->count;
        volatile_count += table->volatile_count;
        large_bytes += table->large_bytes;
    }
    ASSERT(count == ks->count && volatile_count == ks->volatile_count);
    ASSERT(large_bytes == ks->large_bytes);
    for (uint32_t group = 0; ks->is_cluster && group < SLOT_GROUPS; group++) {
        uint64_t in_group = 0;

        for (uint32_t i = 0; i < 1U << SLOT_GROUP_BITS; i++) {
            in_group += ks->tables[(group << SLOT_GROUP_BITS) + i].count;
        }
        ASSERT(in_group == ks->group_counts[group]);
    }
    check_fields(ks);
    slab_check(&ks->shared.slab);
    slab_check(&ks->values.members.slab);
}
