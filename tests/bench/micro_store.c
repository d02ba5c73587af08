/* SPDX-License-Identifier: MIT */
/* The key space and its memory, without anything around them. */
#include "tests/bench/micro.h"

#include "base/assert.h"
#include "base/hist.h"
#include "base/mem.h"
#include "base/rng.h"
#include "store/keyspace.h"
#include "store/slab.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum {
    HASH_SEED = 42,
    NOW_MS = 1,
    DIGITS_AT = 4,
    LIVE_OBJECTS = 1 << 16, /* of the slab */
};

#define ARENA_BYTES (UINT64_C(8) << 30)

/* Larger than any number of keys: so its multiples visit each of them once. */
#define STRIDE UINT64_C(115249999)

struct table_state {
    struct keyspace *ks;
    uint64_t key_count;
    struct rng rng;
    char key[LOAD_KEY_BYTES];
};

/* ---- keys -------------------------------------------------------------------------------------*/

static struct key_ref ref_of(struct table_state *t, uint64_t number)
{
    load_put_digits(t->key + DIGITS_AT, (uint32_t)number);
    return keyspace_ref(t->ks, 0, bytes_make(t->key, sizeof(t->key)));
}

static struct key_ref random_ref(struct table_state *t)
{
    return ref_of(t, ((rng_u64(&t->rng) >> 32) * t->key_count) >> 32);
}

static void set(struct table_state *t, const struct key_ref *ref)
{
    keyspace_set(t->ks, ref, load_value(LOAD_VALUE_MAX), EXPIRE_NEVER);
}

static struct table_state *new_table(void)
{
    struct table_state *t = mem_alloc_zeroed(MEM_TEST, sizeof(*t));

    t->ks = keyspace_new(&(struct keyspace_options){
        .database_count = 16, .hash_seed = HASH_SEED, .arena_bytes = ARENA_BYTES});
    rng_init(&t->rng, HASH_SEED);
    memcpy(t->key, "key:000000000000", sizeof(t->key));
    return t;
}

static void *begin_table(const struct micro *micro, uint64_t key_count)
{
    struct table_state *t = new_table();

    (void)micro;
    t->key_count = key_count;
    for (uint64_t i = 0; i < key_count; i++) {
        struct key_ref ref = ref_of(t, i);

        set(t, &ref);
    }
    return t;
}

static void end_table(void *context)
{
    struct table_state *t = context;

    keyspace_free(t->ks);
    mem_free(MEM_TEST, t);
}

/* ---- operations on the table ------------------------------------------------------------------*/

static void run_ref(void *context, uint64_t count)
{
    uint64_t sum = 0;

    for (uint64_t i = 0; i < count; i++) {
        sum += random_ref(context).hash;
    }
    ASSERT(count == 0 || sum != 0);
}

static void run_find(void *context, uint64_t count)
{
    struct table_state *t = context;

    for (uint64_t i = 0; i < count; i++) {
        struct key_ref ref = random_ref(t);
        const struct entry *e = keyspace_find(t->ks, &ref, NOW_MS);

        ASSERT(e != NULL);
    }
}

static void run_miss(void *context, uint64_t count)
{
    struct table_state *t = context;

    memcpy(t->key, "not:", DIGITS_AT);
    for (uint64_t i = 0; i < count; i++) {
        struct key_ref ref = random_ref(t);
        const struct entry *e = keyspace_find(t->ks, &ref, NOW_MS);

        ASSERT(e == NULL);
    }
    memcpy(t->key, "key:", DIGITS_AT);
}

static void run_set(void *context, uint64_t count)
{
    struct table_state *t = context;

    for (uint64_t i = 0; i < count; i++) {
        struct key_ref ref = random_ref(t);

        set(t, &ref);
    }
}

static void run_insert(void *context, uint64_t count)
{
    struct table_state *t = context;

    for (uint64_t i = 0; i < count; i++) {
        struct key_ref ref = ref_of(t, t->key_count + i);

        set(t, &ref);
    }
}

static void run_remove(void *context, uint64_t count)
{
    struct table_state *t = context;

    ASSERT(count <= t->key_count);
    for (uint64_t i = 0; i < count; i++) {
        struct key_ref ref = ref_of(t, i * STRIDE % t->key_count);
        bool was_there = keyspace_remove(t->ks, &ref);

        ASSERT(was_there);
    }
}

/* ---- the slab ---------------------------------------------------------------------------------*/

struct slab_state {
    struct slab slab;
    struct rng rng;
    uint64_t live[LIVE_OBJECTS];
};

static uint64_t allocate(struct slab_state *s, uint64_t random)
{
    return slab_alloc(&s->slab, SLAB_ENTRIES, 32 + SLAB_GRANULE * (size_t)(random >> 60));
}

static void *begin_slab(const struct micro *micro, uint64_t key_count)
{
    struct slab_state *s = mem_alloc_zeroed(MEM_TEST, sizeof(*s));

    (void)micro;
    (void)key_count;
    slab_init(&s->slab, ARENA_BYTES);
    rng_init(&s->rng, HASH_SEED);
    for (size_t i = 0; i < LIVE_OBJECTS; i++) {
        s->live[i] = allocate(s, rng_u64(&s->rng));
    }
    return s;
}

static void run_slab(void *context, uint64_t count)
{
    struct slab_state *s = context;

    for (uint64_t i = 0; i < count; i++) {
        uint64_t random = rng_u64(&s->rng);
        uint64_t *object = &s->live[random % LIVE_OBJECTS];

        slab_free(&s->slab, *object);
        *object = allocate(s, random);
    }
}

static void end_slab(void *context)
{
    struct slab_state *s = context;

    slab_deinit(&s->slab);
    mem_free(MEM_TEST, s);
}

const struct micro *micro_store_at(size_t index)
{
    static const struct micro all[] = {
        {"table-ref",    "make a random key and hash it",    20000000, begin_table, run_ref,    end_table, 0,
         0                                                                                                     },
        {"table-find",   "that, and find the key",           5000000,  begin_table, run_find,   end_table, 0, 0},
        {"table-miss",   "that, and find none",              5000000,  begin_table, run_miss,   end_table, 0, 0},
        {"table-set",    "that, and set the key anew",       3000000,  begin_table, run_set,    end_table, 0, 0},
        {"table-insert", "insert a key, growth included",    1000000,  begin_table, run_insert,
         end_table,                                                                                        0, 0},
        {"table-remove", "remove a key",                     500000,   begin_table, run_remove, end_table, 0, 0},
        {"slab",         "free an object, allocate another", 20000000, begin_slab,  run_slab,   end_slab,  0,
         0                                                                                                     },
    };

    return index < ARRAY_COUNT(all) ? &all[index] : NULL;
}

/* ---- growth -----------------------------------------------------------------------------------*/

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* How often others were given our processor. */
static long preemptions(void)
{
    struct rusage usage = {0};

    getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_nivcsw;
}

/* Steps are measured by the clock on the wall, which costs little; one that is longer than all
 * before is left out when somebody else had the processor meanwhile. */
void micro_growth(uint64_t key_count)
{
    static struct hist steps_ns; /* too large for a stack */
    struct table_state *t = new_table();
    long preempted = preemptions();
    int64_t longest_ns = 0;
    uint64_t left_out = 0;

    for (uint64_t i = 0; i < key_count; i++) {
        struct key_ref ref = ref_of(t, i);
        int64_t start_ns = now_ns();
        int64_t took_ns;

        set(t, &ref);
        took_ns = now_ns() - start_ns;
        if (took_ns > longest_ns) {
            long now = preemptions();

            if (now != preempted) {
                preempted = now;
                left_out++;
                continue;
            }
            longest_ns = took_ns;
        }
        hist_add(&steps_ns, took_ns);
    }
    printf("growth to %llu keys: an insert takes %.0f ns on average, p99 %.2f us, p99.9 %.2f us, "
           "p99.999 %.1f us, longest %.1f us (%llu disturbed ones left out)\n",
           (unsigned long long)key_count, hist_mean(&steps_ns),
           (double)hist_quantile(&steps_ns, 0.99) / 1e3,
           (double)hist_quantile(&steps_ns, 0.999) / 1e3,
           (double)hist_quantile(&steps_ns, 0.99999) / 1e3, (double)longest_ns / 1e3,
           (unsigned long long)left_out);
    end_table(t);
}
