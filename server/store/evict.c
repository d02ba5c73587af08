/* SPDX-License-Identifier: MIT */
#include "store/evict.h"

#include "base/assert.h"
#include "store/keyspace_state.h"

enum {
    LOOK_BUCKETS = 128, /* looked through in one call */
    LOOK_STEPS = 1024,  /* shards and tables passed by */
};

/* One look for victims. */
struct look {
    struct keyspace *ks;
    const struct evict_rule *rule;
    struct rng *rng;
    size_t left;    /* samples still wanted */
    size_t buckets; /* and steps: what may still be looked at */
    size_t steps;
    uint32_t table; /* where it is */
    uint64_t position;
    uint32_t bucket;
    uint64_t any; /* EVICT_ANY: what was found */
};

/* ---- who is a better victim ----------------------------------------------------------------- */

static int64_t rank_of(const struct keyspace *ks, enum evict_order order, const struct entry *e)
{
    switch (order) {
    case EVICT_LEAST_RECENT:
        /* A point in time, which stays true while the clock goes on. */
        return ks->usage.now_ms / 1000 - entry_idle_seconds(e, ks->usage.now_ms);
    case EVICT_LEAST_FREQUENT:
        return keyspace_frequency(ks, e);
    case EVICT_SOONEST:
        return entry_expire_at_ms(e);
    case EVICT_ANY:
        break;
    }
    return 0;
}

static bool may_go(const struct evict_rule *rule, const struct entry *e)
{
    return !rule->only_volatile || entry_expire_at_ms(e) != EXPIRE_NEVER;
}

/* ---- the pool ------------------------------------------------------------------------------- */

static void pool_drop_first(struct evict_pool *pool)
{
    ASSERT(pool->count > 0);
    pool->count--;
    memmove(pool->seen, pool->seen + 1, pool->count * sizeof(pool->seen[0]));
}

static bool pool_has(const struct evict_pool *pool, const struct evict_seen *seen)
{
    for (size_t i = 0; i < pool->count; i++) {
        if (pool->seen[i].hash == seen->hash && pool->seen[i].table == seen->table) {
            return true;
        }
    }
    return false;
}

static void pool_add(struct evict_pool *pool, const struct evict_seen *seen)
{
    size_t at = pool->count;

    while (at > 0 && pool->seen[at - 1].rank > seen->rank) {
        at--;
    }
    ASSERT(at < EVICT_POOL);
    if (pool->count == EVICT_POOL) {
        pool->count--; /* the worst is forgotten */
    }
    memmove(pool->seen + at + 1, pool->seen + at, (pool->count - at) * sizeof(*seen));
    pool->seen[at] = *seen;
    pool->count++;
}

static void consider(struct look *look, uint64_t ref)
{
    struct keyspace *ks = look->ks;
    struct evict_pool *pool = &ks->evict;
    const struct entry *e = table_entry(&ks->shared, ref);
    struct evict_seen seen = {.rank = rank_of(ks, look->rule->order, e), .table = look->table};

    if (pool->count == EVICT_POOL && pool->seen[EVICT_POOL - 1].rank <= seen.rank) {
        return;
    }
    seen.hash = table_entry_hash(&ks->shared, ref);
    if (!pool_has(pool, &seen)) {
        pool_add(pool, &seen);
    }
}

/* ---- sampling ------------------------------------------------------------------------------- */

static void look_at_bucket(struct look *look, const struct bucket *bucket)
{
    const struct table_shared *shared = &look->ks->shared;
    unsigned first = (unsigned)rng_below(look->rng, BUCKET_PLACES);

    for (unsigned i = 0; i < BUCKET_PLACES; i++) {
        prefetch(slab_at(&shared->slab, bucket_ref(bucket, i)));
    }
    /* Places are filled from the first on: to begin there would never see some of them. */
    for (unsigned i = 0; i < BUCKET_PLACES && look->left > 0; i++) {
        uint64_t ref = bucket_ref(bucket, (first + i) % BUCKET_PLACES);

        if (ref == 0 || !may_go(look->rule, table_entry(shared, ref))) {
            continue;
        }
        look->left--;
        if (look->rule->order == EVICT_ANY) {
            look->any = ref;
        } else {
            consider(look, ref);
        }
    }
    look->buckets--;
}

/* Look through the table from where the look is on, once round at most. */
static void look_at_table(struct look *look, const struct table *table)
{
    struct table_span span;
    uint64_t end;

    if (keyspace_hides(look->ks, look->table)) {
        return;
    }
    if (!table_span_at(table, look->position, &span)) {
        return;
    }
    end = span.start;
    do {
        bool has_any =
            look->rule->only_volatile ? span.shard->volatile_count > 0 : span.shard->count > 0;

        while (has_any && look->bucket < span.shard->bucket_count) {
            if (look->left == 0 || look->buckets == 0) {
                return;
            }
            look_at_bucket(look, shard_bucket(span.shard, look->bucket++));
        }
        look->bucket = 0;
        look->position = span.next;
        look->steps--;
        ASSERT(table_span_at(table, span.next, &span));
    } while (span.start != end && look->left > 0 && look->steps > 0);
}

/* A table, about as likely as it has keys that may go; there is one. */
static uint32_t random_table(const struct keyspace *ks, bool only_volatile, struct rng *rng)
{
    const uint64_t *bits = only_volatile ? ks->volatiles : ks->occupied;
    uint32_t number;
    uint64_t at;

    if (ks->is_cluster) {
        number = keyspace_next_table(ks, bits, (uint32_t)rng_below(rng, ks->table_count));
        return number < ks->table_count ? number : keyspace_next_table(ks, bits, 0);
    }
    at = rng_below(rng, only_volatile ? ks->volatile_count : ks->count);
    for (number = keyspace_next_table(ks, bits, 0); number < ks->table_count;
         number = keyspace_next_table(ks, bits, number + 1)) {
        const struct table *table = &ks->tables[number];
        uint64_t count = only_volatile ? table->volatile_count : table->count;

        if (at < count) {
            break;
        }
        at -= count;
    }
    ASSERT(number < ks->table_count);
    return number;
}

/* The table behind one that was looked through, round and round. */
static uint32_t next_table(const struct keyspace *ks, bool only_volatile, uint32_t number)
{
    const uint64_t *bits = only_volatile ? ks->volatiles : ks->occupied;
    uint32_t next = keyspace_next_table(ks, bits, number + 1);

    return next < ks->table_count ? next : keyspace_next_table(ks, bits, 0);
}

static void begin_anywhere(struct look *look)
{
    const struct keyspace *ks = look->ks;
    struct table_span span;

    look->table = random_table(ks, look->rule->only_volatile, look->rng);
    look->position = rng_u64(look->rng);
    if (table_span_at(&ks->tables[look->table], look->position, &span) &&
        span.shard->bucket_count > 0) {
        look->bucket = (uint32_t)rng_below(look->rng, span.shard->bucket_count);
    }
}

/* Where nothing was found, the next look goes on: keys that may go can be few among many others. */
static void look_around(struct look *look)
{
    struct evict_pool *pool = &look->ks->evict;
    size_t wanted = look->left;

    if (pool->is_going_on) {
        look->table = pool->table;
        look->position = pool->position;
        look->bucket = pool->bucket;
    } else {
        begin_anywhere(look);
    }
    while (look->left > 0 && look->buckets > 0 && look->steps > 0) {
        look_at_table(look, &look->ks->tables[look->table]);
        if (look->left > 0 && look->buckets > 0 && look->steps > 0) {
            look->table = next_table(look->ks, look->rule->only_volatile, look->table);
            look->position = 0;
            look->bucket = 0;
            look->steps--;
        }
    }
    pool->is_going_on = look->left == wanted;
    pool->table = look->table;
    pool->position = look->position;
    pool->bucket = look->bucket;
}

/* ---- the choice ----------------------------------------------------------------------------- */

bool keyspace_can_evict(const struct keyspace *ks, const struct evict_rule *rule)
{
    return rule->only_volatile ? ks->volatile_count > ks->field_count : ks->count > 0;
}

static bool take_victim(struct keyspace *ks, uint32_t table, const struct entry *e,
                        struct evict_victim *out)
{
    *out = (struct evict_victim){.db = ks->is_cluster ? 0 : table, .key = entry_key(e)};
    return true;
}

/* The best of the pool that is still there and was not used since. */
static bool take_from_pool(struct keyspace *ks, struct evict_victim *out)
{
    struct evict_pool *pool = &ks->evict;

    while (pool->count > 0) {
        struct evict_seen best = pool->seen[0];
        const struct entry *e = table_find_hash(&ks->shared, &ks->tables[best.table], best.hash);

        pool_drop_first(pool);
        if (e != NULL && !keyspace_hides(ks, best.table) && may_go(&pool->rule, e) &&
            rank_of(ks, pool->rule.order, e) <= best.rank) {
            return take_victim(ks, best.table, e, out);
        }
    }
    return false;
}

bool keyspace_find_victim(struct keyspace *ks, const struct evict_rule *rule, struct rng *rng,
                          struct evict_victim *out)
{
    struct evict_pool *pool = &ks->evict;
    struct look look = {.ks = ks,
                        .rule = rule,
                        .rng = rng,
                        .left = rule->order == EVICT_ANY ? 1 : rule->samples,
                        .buckets = LOOK_BUCKETS,
                        .steps = LOOK_STEPS};

    ASSERT(rule->order != EVICT_SOONEST || rule->only_volatile);
    ASSERT(rule->samples > 0 && rule->samples <= EVICT_SAMPLES_MAX);
    if (!keyspace_can_evict(ks, rule)) {
        return false;
    }
    if (pool->rule.order != rule->order || pool->rule.only_volatile != rule->only_volatile) {
        *pool = (struct evict_pool){0};
    }
    pool->rule = *rule;
    look_around(&look);
    if (rule->order != EVICT_ANY) {
        return take_from_pool(ks, out);
    }
    return look.any != 0 && take_victim(ks, look.table, table_entry(&ks->shared, look.any), out);
}

void keyspace_check_evict(const struct keyspace *ks)
{
    const struct evict_pool *pool = &ks->evict;

    ASSERT(pool->count <= EVICT_POOL);
    ASSERT(pool->table < ks->table_count);
    for (size_t i = 0; i < pool->count; i++) {
        ASSERT(pool->seen[i].table < ks->table_count);
        ASSERT(i == 0 || pool->seen[i - 1].rank <= pool->seen[i].rank);
        for (size_t j = 0; j < i; j++) {
            ASSERT(pool->seen[j].hash != pool->seen[i].hash ||
                   pool->seen[j].table != pool->seen[i].table);
        }
    }
}
