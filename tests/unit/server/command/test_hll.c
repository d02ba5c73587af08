/* SPDX-License-Identifier: MIT */
/* Values that redis-server 7.0 made, and the two forms against plain registers. */
#include "command/hll.h"

#include "base/attr.h"
#include "base/rng.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* PFADD of a, b and c: the value, before its count was computed. */
static const char abc[] =
    "HYLL\x01\0\0\0\0\0\0\0\0\0\0\x80\x60\xf3\x80\x50\xb1\x84\x4b\xfb\x80\x42\x5a";

enum {
    ROUNDS = 20,
    STEPS = 3000,
};

static struct bytes contents(const struct hll *h)
{
    return bytes_make(h->data, h->len);
}

static void expect_runs(struct bytes value, const char *expected)
{
    struct buf text = {0};

    hll_describe(value, &text);
    cr_expect_str_eq(buf_text(&text), expected);
    buf_deinit(&text);
}

static void add(struct hll *h, const char *element)
{
    hll_raise(h, hll_place(bytes_from_text(element)), 3000);
    hll_mark_outdated(h);
}

Test(hll, elements_belong_where_other_servers_put_them)
{
    static const struct {
        const char *element;
        const char *runs;
    } cases[] = {
        {"",            "Z:5938 v:2,1 Z:10445"},
        {"a",           "Z:12711 v:2,1 Z:3672"},
        {"abcdefgh",    "Z:1383 v:1,1 Z:15000"},
        {"abcdefghijk", "Z:14121 v:1,1 Z:2262"},
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct hll h;

        hll_init(&h);
        add(&h, cases[i].element);
        expect_runs(contents(&h), cases[i].runs);
    }
}

Test(hll, a_value_is_byte_for_byte_that_of_other_servers)
{
    struct hll h;

    hll_init(&h);
    expect_runs(contents(&h), "Z:16384");
    add(&h, "a");
    add(&h, "b");
    add(&h, "c");
    cr_assert(bytes_equal(contents(&h), bytes_make(abc, sizeof(abc) - 1)));
}

Test(hll, estimates_are_those_of_other_servers)
{
    static const struct {
        int elements;
        uint64_t count;
    } cases[] = {
        {1,      1     },
        {10,     10    },
        {100,    99    },
        {1000,   997   },
        {10000,  10017 },
        {100000, 100039},
    };
    static uint8_t registers[HLL_REGISTERS];
    int added = 0;

    cr_assert_eq(hll_count(registers), 0);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        for (; added < cases[i].elements; added++) {
            char element[32];
            struct hll_place place;

            snprintf(element, sizeof(element), "element:%d", added);
            place = hll_place(bytes_from_text(element));
            registers[place.index] =
                registers[place.index] > place.rank ? registers[place.index] : place.rank;
        }
        cr_expect_eq(hll_count(registers), cases[i].count, "%d", cases[i].elements);
    }
}

Test(hll, a_count_is_kept_until_a_register_rises)
{
    struct hll h;
    uint64_t count;

    hll_load(&h, bytes_make(abc, sizeof(abc) - 1));
    cr_assert_not(hll_cached_count(contents(&h), &count));
    hll_encode_count(h.data + HLL_COUNT_AT, UINT64_C(0x0102030405060708));
    cr_assert(hll_cached_count(contents(&h), &count));
    cr_assert_eq(count, UINT64_C(0x0102030405060708));
    cr_assert_eq(h.data[HLL_COUNT_AT], 8);
    hll_mark_outdated(&h);
    cr_assert_not(hll_cached_count(contents(&h), &count));
}

/* Ranks that are often equal, so that runs are split and merged, and now and then high. */
static struct hll_place random_place(struct rng *rng)
{
    uint64_t kind = rng_below(rng, 100);

    return (struct hll_place){.index =
                                  (uint16_t)(rng_below(rng, 4) == 0 ? rng_below(rng, HLL_REGISTERS)
                                                                    : 5000 + rng_below(rng, 300)),
                              .rank = (uint8_t)(1 + rng_below(rng, kind == 0 ? 33 : 3))};
}

static void run_against_registers(uint64_t seed, uint64_t sparse_max_bytes)
{
    static uint8_t wanted[HLL_REGISTERS];
    static uint8_t found[HLL_REGISTERS];
    struct hll h;
    struct rng rng;

    rng_init(&rng, seed);
    memset(wanted, 0, sizeof(wanted));
    hll_init(&h);
    for (int step = 0; step < STEPS; step++) {
        struct hll_place place = random_place(&rng);
        bool is_higher = place.rank > wanted[place.index];

        wanted[place.index] = is_higher ? place.rank : wanted[place.index];
        cr_assert_eq(hll_raise(&h, place, sparse_max_bytes), is_higher);
        cr_assert(hll_is_hll(contents(&h)) && hll_is_sound(contents(&h)));
        cr_assert(hll_is_dense(contents(&h)) || h.len <= sparse_max_bytes);
    }
    memset(found, 0, sizeof(found));
    hll_raise_to(found, contents(&h));
    cr_assert_eq(memcmp(found, wanted, sizeof(found)), 0, "seed %d", (int)seed);
}

Test(hll, both_forms_keep_the_highest_rank_of_each_register)
{
    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        run_against_registers(seed, seed % 2 == 0 ? 3000 : 400);
    }
}

Test(hll, registers_become_runs_when_those_are_allowed_and_short_enough)
{
    static uint8_t registers[HLL_REGISTERS];
    struct hll h;

    hll_init(&h);
    registers[0] = 3;
    registers[1] = 3;
    registers[70] = 32;
    hll_set_registers(&h, registers, false, 3000);
    expect_runs(contents(&h), "v:3,2 Z:68 v:32,1 Z:16313");
    hll_set_registers(&h, registers, true, 3000);
    cr_assert(hll_is_dense(contents(&h)) && h.len == HLL_DENSE_BYTES);
    cr_assert_eq(hll_dense_get(contents(&h), 70), 32);
    hll_set_registers(&h, registers, false, 10);
    cr_assert(hll_is_dense(contents(&h)));
    registers[70] = 33;
    hll_set_registers(&h, registers, false, 3000);
    cr_assert(hll_is_dense(contents(&h)));
    for (size_t i = 0; i < HLL_REGISTERS; i++) {
        registers[i] = (uint8_t)(i % 2);
    }
    hll_set_registers(&h, registers, false, UINT64_MAX);
    cr_assert(hll_is_sound(contents(&h)) && h.len == HLL_HEADER_BYTES + HLL_REGISTERS);
}

Test(hll, what_does_not_cover_each_register_once_is_not_sound)
{
#define SPARSE(body) BYTES_LITERAL("HYLL\x01\0\0\0\0\0\0\0\0\0\0\x80" body)
    static const struct {
        struct bytes value;
        bool is_hll, is_sound;
    } cases[] = {
        {SPARSE("\x7f\xff"),                                        true,  true },
        {SPARSE("\x7f\xfe\x80"),                                    true,  true },
        {SPARSE("\x80\x7f\xfe"),                                    true,  true },
        {SPARSE("\x7f\xff\x00"),                                    true,  false},
        {SPARSE("\x7f\xfe"),                                        true,  false},
        {SPARSE("\x7f"),                                            true,  false},
        {SPARSE("\x80\x7f\xff"),                                    true,  false},
        {SPARSE("\x7f\xfc\x83\x80"),                                true,  false},
        {SPARSE(""),                                                true,  false},
        {BYTES_LITERAL("HYLL\x02\0\0\0\0\0\0\0\0\0\0\x80\x7f\xff"), false, false},
        {BYTES_LITERAL("HYLX\x01\0\0\0\0\0\0\0\0\0\0\x80\x7f\xff"), false, false},
        {BYTES_LITERAL("HYLL\x00\0\0\0\0\0\0\0\0\0\0\x80\x7f\xff"), false, false},
        {BYTES_LITERAL("HYLL\x01\0\0\0"),                           false, false},
        {BYTES_LITERAL(""),                                         false, false},
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        cr_expect_eq(hll_is_hll(cases[i].value), cases[i].is_hll, "%zu", i);
        if (cases[i].is_hll) {
            cr_expect_eq(hll_is_sound(cases[i].value), cases[i].is_sound, "%zu", i);
        }
    }
}
