/* SPDX-License-Identifier: MIT */
/* Sampling, against streams whose rates are known. */
#include "stats/hot_keys.h"

#include "base/attr.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/num.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* A node whose clients send commands at a steady rate. */
struct load {
    struct hot_keys hot;
    int64_t now_ms;
    uint64_t commands;
    uint64_t samples;
    size_t gap;
};

static struct load *load_new(void)
{
    struct load *load = mem_alloc_zeroed(MEM_NODE, sizeof(*load));

    hot_keys_init(&load->hot, 1, 0);
    hot_keys_configure(&load->hot, true, 1000);
    return load;
}

static void load_free(struct load *load)
{
    hot_keys_check(&load->hot);
    mem_free(MEM_NODE, load);
}

static void command(struct load *load, const char *key, bool is_write)
{
    struct bytes bytes = bytes_from_text(key);
    struct top_key_name name = {.bytes = bytes, .hash = hash_bytes(bytes, 1)};
    bool is_counted;

    load->commands++;
    is_counted = exact_keys_may_have(&load->hot.exact, &name.hash);
    if (is_counted) {
        hot_keys_count(&load->hot, name.hash, 0, is_write);
    }
    if (load->gap-- > 0) {
        return;
    }
    load->gap = hot_keys_gap(&load->hot);
    load->samples++;
    hot_keys_add(&load->hot, &name,
                 &(struct hot_keys_use){
                     .is_write = is_write, .is_counted = is_counted, .times = 1, .bytes = 50});
}

/* So many milliseconds at a rate; a command in ten is a read of "hot", one in twenty a write of "warm". */
static void run(struct load *load, int ms, uint64_t per_second)
{
    uint64_t due = 0;

    for (int i = 0; i < ms; i++) {
        load->now_ms++;
        for (due += per_second; due >= 1000; due -= 1000) {
            char key[32];

            snprintf(key, sizeof(key), "cold:%llu", (unsigned long long)load->commands);
            command(load,
                    load->commands % 10 == 0   ? "hot"
                    : load->commands % 20 == 1 ? "warm"
                                               : key,
                    load->commands % 20 == 1);
        }
        if (hot_keys_look(&load->hot, load->commands, load->now_ms) &&
            hot_keys_is_due(&load->hot, load->now_ms)) {
            hot_keys_halve(&load->hot, load->now_ms);
        }
    }
}

static struct hot_keys_rate rate_at(const struct load *load, size_t place, const char *key)
{
    const struct top_key *list[TOP_KEYS];
    size_t count = hot_keys_list(&load->hot, list, TOP_KEYS);

    cr_assert_gt(count, place);
    cr_assert(bytes_equal_text(top_key_bytes(list[place]), key), "%.*s",
              (int)top_key_bytes(list[place]).len, list[place]->key);
    return hot_keys_rate(&load->hot, list[place], load->now_ms);
}

Test(hot_keys, have_rates_near_the_true_ones_at_any_load)
{
    static const struct {
        uint64_t per_second;
        double error; /* of the hottest, relative */
    } cases[] = {
        {1000,    0.05},
        {50000,   0.30},
        {200000,  0.20},
        {2000000, 0.10},
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct load *load = load_new();
        double hot = (double)cases[i].per_second / 10;
        struct hot_keys_rate rate;

        run(load, 2500, cases[i].per_second);
        rate = rate_at(load, 0, "hot");
        cr_expect_float_eq((double)rate.reads, hot, hot * cases[i].error, "%llu at %llu",
                           (unsigned long long)rate.reads, (unsigned long long)cases[i].per_second);
        cr_expect_eq(rate.writes, 0);
        cr_expect_float_eq((double)rate.bytes, 50 * hot, 50 * hot * cases[i].error);
        rate = rate_at(load, 1, "warm");
        cr_expect_eq(rate.reads, 0);
        cr_expect_gt(rate.writes, cases[i].per_second / 40);
        cr_expect_float_eq((double)hot_keys_total_rate(&load->hot), (double)cases[i].per_second,
                           (double)cases[i].per_second * 0.15);
        load_free(load);
    }
}

Test(hot_keys, takes_as_many_samples_as_the_header_says)
{
    static const struct {
        uint64_t per_second;
        uint64_t least, most; /* samples a second */
    } cases[] = {
        {500,     500,  500 },
        {20000,   800,  1250},
        {300000,  800,  1250},
        {4000000, 7000, 8700},
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct load *load = load_new();

        run(load, 20000000 / (int)cases[i].per_second + 500, cases[i].per_second);
        load->samples = 0;
        run(load, 1000, cases[i].per_second);
        cr_expect(load->samples >= cases[i].least && load->samples <= cases[i].most,
                  "%llu samples at %llu", (unsigned long long)load->samples,
                  (unsigned long long)cases[i].per_second);
        load_free(load);
    }
}

Test(hot_keys, bounds_what_a_burst_costs_before_the_load_is_known)
{
    struct load *load = load_new();

    run(load, 1000, 10);
    load->samples = 0;
    for (int i = 0; i < 64000; i++) { /* within one look */
        command(load, "k", false);
    }
    cr_expect_leq(load->samples, HOT_KEYS_BURST + 64000 / HOT_KEYS_SEARCH_MEAN * 2);
    cr_expect_geq(load->samples, HOT_KEYS_BURST);
    load_free(load);
}

Test(hot_keys, are_gone_some_seconds_after_nobody_asks_for_them)
{
    struct load *load = load_new();
    const struct top_key *list[4];

    run(load, 1000, 10000);
    cr_expect_gt(hot_keys_list(&load->hot, list, 4), 0);
    run(load, 20000, 0);
    cr_expect_eq(hot_keys_list(&load->hot, list, 4), 0);
    load_free(load);
}

Test(hot_keys, are_not_sampled_while_it_is_off_and_forgotten_when_told)
{
    struct load *load = load_new();
    const struct top_key *list[4];

    run(load, 1000, 1000);
    hot_keys_reset(&load->hot, load->now_ms);
    cr_expect_eq(hot_keys_list(&load->hot, list, 4), 0);
    hot_keys_configure(&load->hot, false, 1000);
    load->gap = hot_keys_gap(&load->hot);
    cr_expect_eq(load->gap, HOT_KEYS_OFF);
    run(load, 1000, 1000);
    cr_expect_eq(hot_keys_list(&load->hot, list, 4), 0);
    load_free(load);
}

Test(hot_keys, survive_a_counter_of_commands_that_was_reset)
{
    struct load *load = load_new();

    run(load, 1000, 10000);
    load->commands = 0;
    run(load, 1000, 10000);
    cr_expect_lt(hot_keys_total_rate(&load->hot), 11000);
    load_free(load);
}

/* Keys by Zipf's law (exponent 0.99), whose tenth and eleventh differ by a tenth. */
static size_t draw(struct rng *rng, const double *sums, size_t count)
{
    double u = (double)(rng_u64(rng) >> 11) / 9007199254740992.0 * sums[count - 1];
    size_t low = 0;
    size_t high = count - 1;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (sums[middle] < u) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static size_t count_found(struct load *load, const uint32_t *used, size_t count)
{
    const struct top_key *list[10];
    uint32_t least[11] = {0};
    size_t found = 0;

    for (size_t i = 0; i < count; i++) {
        for (size_t place = 0; place < 10; place++) {
            if (used[i] > least[place]) {
                memmove(&least[place + 1], &least[place], (9 - place) * sizeof(least[0]));
                least[place] = used[i];
                break;
            }
        }
    }
    hot_keys_settle(&load->hot, load->now_ms);
    cr_assert_eq(hot_keys_list(&load->hot, list, 10), 10);
    for (size_t i = 0; i < 10; i++) {
        uint64_t key = 0;

        cr_assert(num_parse_u64(top_key_bytes(list[i]), &key));
        found += used[key] >= least[9];
    }
    return found;
}

/* Rounds of a second, so many uses in each of its milliseconds; in how many of them the ten hottest were all named. */
static int count_whole_rounds(const int per_ms[1000], int rounds)
{
    enum {
        KEYS = 100000
    };
    double *sums = mem_alloc(MEM_NODE, KEYS * sizeof(*sums));
    struct load *load = load_new();
    struct rng rng;
    int wholly = 0;

    rng_init(&rng, 7);
    for (size_t i = 0; i < KEYS; i++) {
        sums[i] = (i > 0 ? sums[i - 1] : 0) + pow((double)i + 1, -0.99);
    }
    for (int round = 0; round < rounds; round++) {
        uint32_t *used = mem_alloc_zeroed(MEM_NODE, KEYS * sizeof(*used));

        hot_keys_reset(&load->hot, load->now_ms);
        for (int ms = 0; ms < 1000; ms++) {
            for (int i = 0; i < per_ms[ms]; i++) {
                size_t key = draw(&rng, sums, KEYS);
                char text[24];

                used[key]++;
                snprintf(text, sizeof(text), "%zu", key);
                command(load, text, false);
            }
            load->now_ms++;
            (void)hot_keys_look(&load->hot, load->commands, load->now_ms);
        }
        wholly += count_found(load, used, KEYS) == 10;
        mem_free(MEM_NODE, used);
    }
    mem_free(MEM_NODE, sums);
    load_free(load);
    return wholly;
}

Test(hot_keys, the_hottest_ten_are_named_after_a_second_whatever_the_chance_in_samples)
{
    enum {
        ROUNDS = 20
    };
    int per_ms[1000];
    int wholly;

    for (int ms = 0; ms < 1000; ms++) {
        per_ms[ms] = 300;
    }
    wholly = count_whole_rounds(per_ms, ROUNDS);
    cr_expect_eq(wholly, ROUNDS, "%d of %d", wholly, ROUNDS);
}

Test(hot_keys, that_were_found_are_not_lost_to_the_rarer_samples_of_a_load_that_grows)
{
    enum {
        ROUNDS = 20,
        SLOW_MS = 300
    };
    int per_ms[1000];
    int wholly;

    for (int ms = 0; ms < 1000; ms++) {
        per_ms[ms] = ms < SLOW_MS ? 30 : 300;
    }
    wholly = count_whole_rounds(per_ms, ROUNDS);
    cr_expect_geq(wholly, ROUNDS - 1, "%d of %d", wholly, ROUNDS);
}
