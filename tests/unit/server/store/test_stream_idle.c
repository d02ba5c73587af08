/* SPDX-License-Identifier: MIT */
/* What can be claimed, against all that is pending, sorted by whoever asks. */
#include "store/stream_idle.h"

#include "base/mem.h"
#include "base/rng.h"
#include "base/vec.h"
#include "store/keyspace.h"
#include "store/stream.h"
#include "tests/unit/seed.h"

#include <criterion/criterion.h>

enum {
    ENTRIES = 2500, /* several leaves of the index */
    TIMES = 50,
};

static struct keyspace *ks;
static struct key_ref ref;
static struct value_edit edit;

static struct value_draft *open_stream(void)
{
    keyspace_open(ks, &ref, keyspace_find_any(ks, &ref), VALUE_STREAM, &edit);
    (void)stream_open(&edit.draft);
    return &edit.draft;
}

static struct stream_group *begin(void)
{
    struct stream_group *g;

    ks = keyspace_new(&(struct keyspace_options){.database_count = 1, .hash_seed = 1});
    ref = keyspace_ref(ks, 0, BYTES_LITERAL("s"));
    g = stream_group_create(open_stream(), BYTES_LITERAL("g"), STREAM_ID_MIN, 0);
    (void)stream_consumer_create(&edit.draft, g, BYTES_LITERAL("c"), 0);
    return g;
}

static void end(void)
{
    (void)keyspace_close(ks, &edit);
    keyspace_check(ks);
    keyspace_free(ks);
    cr_assert_eq(mem_used_total(), 0);
}

static void put(struct stream_group *g, uint64_t ms, bool is_released, int64_t at_ms)
{
    struct stream_pending pending = {
        .id = {ms, 0},
        .consumer = is_released ? NULL : stream_consumer_at(g, 0),
        .delivered_at_ms = at_ms,
    };

    stream_pending_put(&edit.draft, g, &pending);
}

static void expect(struct stream_group *g, int64_t until_ms, uint64_t limit, const uint64_t *ms)
{
    struct stream_idle found = {0};

    stream_idle_collect(g, until_ms, limit, &found);
    for (size_t i = 0; i < found.count; i++) {
        cr_assert_eq(found.items[i].id.ms, ms[i], "place %zu", i);
    }
    cr_assert_eq(ms[found.count], 0, "there are %zu", found.count);
    VEC_DEINIT(&found);
}

#define EXPECT(g, until_ms, limit, ...)                                                            \
    expect((g), (until_ms), (limit), (uint64_t[]){__VA_ARGS__ 0})

Test(stream_idle, released_ones_come_first_then_those_who_have_waited_longest)
{
    struct stream_group *g = begin();

    put(g, 1, false, 30);
    put(g, 2, false, 10);
    put(g, 3, false, 20);
    put(g, 4, true, 0);
    put(g, 5, false, 10);
    put(g, 1, true, 0);
    EXPECT(g, 20, 10, 4, 1, 2, 5, 3, );
    EXPECT(g, 19, 10, 4, 1, 2, 5, );
    EXPECT(g, 20, 3, 4, 1, 2, );
    EXPECT(g, 20, 0, );
    EXPECT(g, 9, 10, 4, 1, );
    put(g, 4, true, 0);
    EXPECT(g, 9, 10, 1, 4, );
    end();
}

Test(stream_idle, the_bound_is_exact_once_nothing_was_found)
{
    struct stream_group *g = begin();

    cr_assert_eq(stream_idle_since_ms(g), INT64_MAX);
    put(g, 1, false, 30);
    put(g, 2, false, 10);
    cr_assert_eq(stream_idle_since_ms(g), 10);
    put(g, 2, false, 40);
    cr_assert_leq(stream_idle_since_ms(g), 30);
    EXPECT(g, 29, 10, );
    cr_assert_eq(stream_idle_since_ms(g), 30);
    put(g, 3, true, 0);
    cr_assert_eq(stream_idle_since_ms(g), INT64_MIN);
    EXPECT(g, 29, 10, 3, );
    cr_assert(stream_pending_remove(&edit.draft, g, (struct stream_id){3, 0}));
    cr_assert_eq(stream_idle_since_ms(g), 30);
    end();
}

/* The longest first, without looking at bounds. */
static size_t find_naively(const int64_t *times, int64_t until_ms, uint64_t *out)
{
    size_t count = 0;

    for (int64_t time = 1; time <= until_ms; time++) {
        for (uint64_t ms = 1; ms < ENTRIES; ms++) {
            if (times[ms] == time) {
                out[count++] = ms;
            }
        }
    }
    return count;
}

Test(stream_idle, random_deliveries_are_found_up_to_any_limit)
{
    struct stream_group *g = begin();
    int64_t times[ENTRIES] = {0}; /* 0: not pending */
    uint64_t seed = seed_get();
    struct rng rng;

    rng_init(&rng, seed);
    for (int i = 0; i < 20000; i++) {
        uint64_t ms = 1 + rng_below(&rng, ENTRIES - 1);
        uint64_t expected[ENTRIES + 1] = {0};
        int64_t until_ms = 1 + (int64_t)rng_below(&rng, TIMES);
        uint64_t limit = 1 + rng_below(&rng, rng_one_in(&rng, 3) ? ENTRIES : 90);

        times[ms] = rng_one_in(&rng, 4) ? 0 : 1 + (int64_t)rng_below(&rng, TIMES);
        if (times[ms] > 0) {
            put(g, ms, false, times[ms]);
        } else {
            (void)stream_pending_remove(&edit.draft, g, (struct stream_id){ms, 0});
        }
        if (find_naively(times, until_ms, expected) > limit) {
            expected[limit] = 0;
        }
        if (i % 50 == 0) {
            expect(g, until_ms, limit, expected);
        }
    }
    end();
}

Test(stream_idle, released_ones_are_found_in_whichever_leaf_they_are)
{
    struct stream_group *g = begin();

    for (uint64_t ms = 1; ms < ENTRIES; ms++) {
        put(g, ms, false, 1000 + (int64_t)ms);
    }
    put(g, 2400, true, 0);
    put(g, 3, true, 0);
    put(g, 1300, true, 0);
    EXPECT(g, 1002, 2, 2400, 3, );
    EXPECT(g, 1002, 10, 2400, 3, 1300, 1, 2, );
    put(g, 2400, false, 5);
    put(g, 3, false, 3000);
    EXPECT(g, 1002, 10, 1300, 2400, 1, 2, );
    put(g, 1300, false, 5000);
    EXPECT(g, 4, 10, );
    cr_assert_eq(stream_idle_since_ms(g), 5);
    put(g, 2400, false, 5000);
    EXPECT(g, 1000, 10, );
    cr_assert_eq(stream_idle_since_ms(g), 1001);
    end();
}

Test(stream_idle, equal_times_come_in_the_order_of_ids_across_leaves)
{
    struct stream_group *g = begin();

    for (uint64_t ms = ENTRIES; ms > 0; ms--) {
        put(g, ms, false, 7);
    }
    EXPECT(g, 7, 3, 1, 2, 3, );
    EXPECT(g, 6, 3, );
    end();
}
