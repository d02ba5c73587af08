/* SPDX-License-Identifier: MIT */
#include "base/crc.h"
#include "base/mem.h"
#include "base/rng.h"
#include "store/entry.h"
#include "store/value_space.h"
#include "store/zset.h"

#include "tests/unit/seed.h"
#include "tests/unit/server/store/space.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdio.h>

enum {
    NAME_TEXT = 32,
    MANY = 5000,
    MODEL_NAMES = 300,
    MODEL_STEPS = 20000,
    LONG = 3000,
};

static struct keyspace *ks;
static struct key_ref ref;
static char text[NAME_TEXT];

static void begin(void)
{
    ks = space_new(false);
    ref = keyspace_ref(ks, 0, BYTES_LITERAL("z"));
}

static void end(void)
{
    space_free(ks);
}

TestSuite(zset, .init = begin, .fini = end);

static enum zset_change put(struct bytes name, double score)
{
    struct value_edit edit;
    enum zset_change change;

    keyspace_open(ks, &ref, keyspace_find_any(ks, &ref), VALUE_ZSET, &edit);
    change = zset_put(&edit.draft, name, score);
    cr_assert(keyspace_close(ks, &edit));
    return change;
}

static enum zset_change put_text(const char *name, double score)
{
    return put(bytes_from_text(name), score);
}

static bool take(struct bytes name)
{
    struct value_edit edit;
    bool was_there;

    keyspace_open(ks, &ref, keyspace_find_any(ks, &ref), VALUE_ZSET, &edit);
    was_there = zset_remove(&edit.draft, name);
    (void)keyspace_close(ks, &edit);
    return was_there;
}

static struct zset_view view(void)
{
    return zset_view_of(keyspace_find_any(ks, &ref));
}

static bool is_large(void)
{
    return view().large != NULL;
}

static struct bytes name_of(unsigned number)
{
    return bytes_make(text, (size_t)snprintf(text, sizeof(text), "member:%u", number));
}

static void put_many(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        put(name_of(i), (i * 7919) % count);
    }
}

static void expect_order(const char *expected)
{
    char order[512] = "";
    size_t len = 0;
    struct zset_view v = view();
    struct zset_cursor cursor;
    struct zset_element element;

    zset_seek(&v, 0, &cursor);
    while (zset_next(&cursor, &element)) {
        len += (size_t)snprintf(order + len, sizeof(order) - len, "%s%.*s=%.17g",
                                len == 0 ? "" : " ", BYTES_ARGS(element.name), element.score);
    }
    cr_assert_str_eq(order, expected);
}

Test(zset, members_are_kept_in_the_order_of_scores_then_names)
{
    cr_assert_eq(put_text("c", 2), ZSET_ADDED);
    cr_assert_eq(put_text("b", 1.5), ZSET_ADDED);
    cr_assert_eq(put_text("a", 2), ZSET_ADDED);
    cr_assert_eq(put_text("", (double)-INFINITY), ZSET_ADDED);
    cr_assert_eq(put_text("12", (double)INFINITY), ZSET_ADDED);
    cr_assert_eq(put_text("7", 2), ZSET_ADDED);
    expect_order("=-inf b=1.5 7=2 a=2 c=2 12=inf");
    cr_assert_eq(put_text("c", 2), ZSET_SAME);
    cr_assert_eq(put_text("c", -3), ZSET_UPDATED);
    expect_order("=-inf c=-3 b=1.5 7=2 a=2 12=inf");
    cr_assert(take(BYTES_LITERAL("7")));
    cr_assert(!take(BYTES_LITERAL("8")));
    expect_order("=-inf c=-3 b=1.5 a=2 12=inf");
}

static const char *encoding(void)
{
    return value_zset.encoding_name(keyspace_find_any(ks, &ref));
}

static bool has_minus_zero(const char *name_text)
{
    struct zset_view v = view();
    double score;
    bool is_there = zset_find(&v, bytes_from_text(name_text), &score);

    cr_assert(is_there && score == 0);
    return signbit(score);
}

Test(zset, minus_zero_is_zero_in_a_small_one)
{
    put_text("a", -0.0);
    cr_assert(!has_minus_zero("a"));
    cr_assert_eq(put_text("a", 0.0), ZSET_SAME);
}

Test(zset, minus_zero_keeps_its_sign_once_what_is_small_is_outgrown)
{
    put_text("small", -0.0);
    put_many(127);
    cr_assert(!is_large());
    put_text("small", -0.0);
    put_text("outgrows", -0.0);
    cr_assert(is_large());
    cr_assert(!has_minus_zero("small") && has_minus_zero("outgrows"));
    cr_assert_eq(put_text("outgrows", 0.0), ZSET_SAME);
    for (unsigned i = 0; i < 127; i++) {
        take(name_of(i));
    }
    put_text("later", -0.0);
    expect_order("later=-0 outgrows=-0 small=0");
    keyspace_check(ks);
}

Test(zset, minus_zero_keeps_its_sign_under_a_long_name_though_packed)
{
    char *name = mem_alloc(MEM_TEST, 65);

    memset(name, 'n', 65);
    put(bytes_make(name, 65), -0.0);
    put_text("a", -0.0);
    cr_assert(!is_large() && has_minus_zero("a"));
    put_many(200);
    cr_assert(is_large() && has_minus_zero("a"));
    mem_free(MEM_TEST, name);
}

/* Put so many members with minus zero, as a whole. */
static void put_whole(unsigned count)
{
    struct value_edit edit;

    keyspace_open(ks, &ref, keyspace_find_any(ks, &ref), VALUE_ZSET, &edit);
    zset_begin_whole(&edit.draft);
    for (unsigned i = 0; i < count; i++) {
        (void)zset_put(&edit.draft, name_of(i), -0.0);
    }
    zset_end_whole(&edit.draft);
    (void)keyspace_close(ks, &edit);
    keyspace_check(ks);
}

Test(zset, one_that_is_put_as_a_whole_keeps_signs_of_zeros_unless_it_is_small)
{
    put_whole(128);
    cr_assert(!has_minus_zero("member:0") && !has_minus_zero("member:127"));
    cr_assert_str_eq(encoding(), "listpack");
    keyspace_remove(ks, &ref);
    put_whole(129);
    cr_assert(has_minus_zero("member:0") && has_minus_zero("member:128"));
    cr_assert_str_eq(encoding(), "skiplist");
    keyspace_values(ks)->limits.zset_max_listpack_entries = 1000;
    keyspace_remove(ks, &ref);
    put_whole(1000);
    cr_assert(is_large() && !has_minus_zero("member:999"));
    cr_assert_str_eq(encoding(), "listpack");
}

Test(zset, scores_of_all_kinds_read_back_as_they_were)
{
    static const double scores[] = {
        1e300, -1e300, DBL_TRUE_MIN, DBL_MAX, 0.1,          1.0 / 3, 9007199254740993.0,
        1e18,  -4097,  65536,        1e-5,    123456789.125};

    for (size_t i = 0; i < ARRAY_COUNT(scores); i++) {
        double score;
        struct zset_view v;

        put(name_of((unsigned)i), scores[i]);
        v = view();
        cr_assert(zset_find(&v, name_of((unsigned)i), &score) && score == scores[i]);
    }
}

Test(zset, the_last_member_takes_the_key_with_it)
{
    for (unsigned count = 1; count <= 1000; count += 999) {
        put_many(count);
        for (unsigned i = 0; i < count; i++) {
            cr_assert(take(name_of(i)));
        }
        cr_assert(keyspace_find_any(ks, &ref) == NULL);
    }
}

Test(zset, what_counts_as_small_goes_by_the_directives_alone)
{
    char *name = mem_alloc(MEM_TEST, LONG);

    memset(name, 'n', LONG);
    put_many(128);
    cr_assert_str_eq(encoding(), "listpack");
    put_text("one more", 0);
    cr_assert_str_eq(encoding(), "skiplist");
    cr_assert(take(BYTES_LITERAL("one more")));
    cr_assert_str_eq(encoding(), "skiplist");
    keyspace_remove(ks, &ref);
    put(bytes_make(name, 64), 1);
    cr_assert_str_eq(encoding(), "listpack");
    put(bytes_make(name, 65), 1);
    cr_assert_str_eq(encoding(), "skiplist");
    cr_assert(!is_large());
    put(bytes_make(name, LONG), 1);
    put(bytes_make(name, LONG - 1), 1);
    cr_assert(is_large());
    keyspace_values(ks)->limits.zset_max_listpack_entries = 1000;
    keyspace_remove(ks, &ref);
    put_many(1000);
    cr_assert(is_large());
    cr_assert_str_eq(encoding(), "listpack");
    mem_free(MEM_TEST, name);
}

static void expect_ranks(uint64_t count)
{
    struct zset_view v = view();
    struct zset_cursor forward;
    struct zset_cursor backward;
    struct zset_element element;

    cr_assert_eq(zset_count(&v), count);
    zset_seek(&v, 0, &forward);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t rank;
        double score;

        cr_assert(zset_next(&forward, &element));
        cr_assert(zset_find_rank(&v, element.name, &score, &rank));
        cr_assert(rank == i && score == element.score);
        zset_seek(&v, i, &backward);
        cr_assert(zset_previous(&backward, &element) && element.score == score);
    }
    cr_assert(!zset_next(&forward, &element));
    zset_seek(&v, count - 1, &backward);
    for (uint64_t i = 0; i < count; i++) {
        cr_assert(zset_previous(&backward, &element));
    }
    cr_assert(!zset_previous(&backward, &element));
    zset_seek(&v, count, &forward);
    cr_assert(!zset_next(&forward, &element));
}

Test(zset, ranks_and_cursors_agree_in_both_forms)
{
    put_many(100);
    cr_assert(!is_large());
    expect_ranks(100);
    put_many(2000);
    cr_assert(is_large());
    expect_ranks(2000);
}

Test(zset, bounds_count_members_in_both_forms)
{
    for (unsigned count = 50; count <= 1000; count += 950) {
        struct rank_bound at = rank_bound_score(20, false);
        struct rank_bound behind = rank_bound_score(20, true);
        struct zset_view v;

        put_many(count);
        v = view();
        cr_assert_eq(zset_count_before(&v, &at), 20);
        cr_assert_eq(zset_count_before(&v, &behind), 21);
        keyspace_remove(ks, &ref);
    }
}

/* ---- as a value -------------------------------------------------------------------------------- */

static uint64_t digest_of(const struct entry *e)
{
    return value_ops_of(keyspace_types(ks), e)->digest(e, 5);
}

/* Write the value behind the key, read it under another one. */
static void expect_round_trip(void)
{
    struct key_ref other = keyspace_ref(ks, 0, BYTES_LITERAL("other"));
    struct value_reader reader = {0};
    struct errmsg error;
    struct buf out = {0};
    struct value value;

    value_dump(keyspace_types(ks), keyspace_find_any(ks, &ref), &out);
    cr_assert(value_restore(keyspace_values(ks), buf_bytes(&out), &reader, &error));
    value = value_reader_take(&reader);
    keyspace_put(ks, &other, &value, EXPIRE_NEVER);
    cr_assert_eq(digest_of(keyspace_find_any(ks, &ref)), digest_of(keyspace_find_any(ks, &other)));
    keyspace_check(ks);
    value_reader_deinit(&reader);
    buf_deinit(&out);
}

Test(zset, what_was_written_is_read_as_an_equal_value)
{
    put_text("inf", (double)INFINITY);
    put_text("-inf", (double)-INFINITY);
    put_text("1", 1.5);
    expect_round_trip();
    put_many(MANY);
    expect_round_trip();
}

Test(zset, digests_do_not_tell_how_a_value_lies_in_memory)
{
    uint64_t digest;

    put_many(20);
    digest = digest_of(keyspace_find_any(ks, &ref));
    put_many(2000);
    for (unsigned i = 20; i < 2000; i++) {
        cr_assert(take(name_of(i)));
    }
    for (unsigned i = 0; i < 20; i++) {
        put(name_of(i), (i * 7919) % 20);
    }
    cr_assert(is_large());
    cr_assert_eq(digest_of(keyspace_find_any(ks, &ref)), digest);
    put(name_of(3), 0.5);
    cr_assert_neq(digest_of(keyspace_find_any(ks, &ref)), digest);
}

Test(zset, a_copy_is_equal_and_its_own)
{
    struct key_ref other = keyspace_ref(ks, 0, BYTES_LITERAL("other"));
    struct zset_view v;

    put_many(MANY);
    keyspace_copy(ks, keyspace_find_any(ks, &ref), &other);
    cr_assert_eq(digest_of(keyspace_find_any(ks, &ref)), digest_of(keyspace_find_any(ks, &other)));
    keyspace_remove(ks, &ref);
    v = zset_view_of(keyspace_find_any(ks, &other));
    cr_assert_eq(zset_count(&v), MANY);
}

Test(zset, a_large_one_is_freed_in_slices)
{
    unsigned slices = 0;

    put_many(MANY);
    keyspace_remove(ks, &ref);
    while (keyspace_work(ks, 100)) {
        slices++;
        cr_assert_lt(slices, 10 * MANY);
    }
    cr_assert_gt(slices, MANY / 200);
}

static void count_visit(void *context, const struct value_element *element)
{
    unsigned *seen = context;
    char name[NAME_TEXT];
    unsigned number = 0;

    bytes_to_text(element->name, name, sizeof(name));
    cr_assert_eq(sscanf(name, "member:%u", &number), 1);
    cr_assert_eq(element->score, (number * 7919) % MANY);
    seen[number]++;
}

Test(zset, a_walk_sees_every_member_once)
{
    unsigned *seen = mem_alloc_zeroed(MEM_TEST, MANY * sizeof(*seen));
    uint64_t cursor = 0;
    unsigned calls = 0;

    put_many(MANY);
    do {
        cursor = value_zset.walk(keyspace_find_any(ks, &ref), cursor, 10, count_visit, seen);
        calls++;
    } while (cursor != 0);
    for (unsigned i = 0; i < MANY; i++) {
        cr_assert_eq(seen[i], 1);
    }
    cr_assert_gt(calls, MANY / 100);
    mem_free(MEM_TEST, seen);
}

/* ---- what others wrote --------------------------------------------------------------------------- */

/* Read the body, to which version and checksum are added.  The error, or NULL. */
static const char *read_body(struct bytes body)
{
    static struct errmsg error;
    struct value_reader reader = {0};
    struct buf out = {0};
    bool is_read;

    buf_append_bytes(&out, body);
    encode_u16_le(&out, RDB_VERSION);
    encode_u64_le(&out, crc64(0, buf_bytes(&out)));
    is_read = value_restore(keyspace_values(ks), buf_bytes(&out), &reader, &error);
    if (is_read) {
        struct value value = value_reader_take(&reader);

        keyspace_put(ks, &ref, &value, EXPIRE_NEVER);
    }
    value_reader_deinit(&reader);
    buf_deinit(&out);
    return is_read ? NULL : error.text;
}

Test(zset, scores_may_be_text_in_old_files)
{
    cr_assert(read_body(BYTES_LITERAL("\3\4\1a\0011\1b\0041.5e\1c\376\1d\377")) != NULL);
    cr_assert(read_body(BYTES_LITERAL("\3\4\1a\0011\1b\003.5e\1c\376\1d\377")) != NULL);
    cr_assert(read_body(BYTES_LITERAL("\3\4\1a\0011\1b\0041.25\1c\376\1d\377")) == NULL);
    expect_order("d=-inf a=1 b=1.25 c=inf");
}

Test(zset, damaged_values_are_refused_with_the_reason)
{
    static const struct {
        const char *body;
        size_t len;
        const char *error;
    } cases[] = {
        {"\5\0",                                            2,  "a sorted set has no number of elements"                   },
        {"\5\300\0",                                        3,  "a sorted set has no number of elements"                   },
        {"\5",                                              1,  "the value is cut off"                                     },
        {"\5\2\1a\0\0\0\0\0\0\360\77",                      12, "the value is cut off"                                     },
        {"\5\1\1a\0\0\0\0\0\0\360",                         11, "the value is cut off"                                     },
        {"\5\1\1a\0\0\0\0\0\0\370\177",                     12,
         "a member of a sorted set has a score that is not a number"                                                       },
        {"\5\2\1a\0\0\0\0\0\0\360\77\1a\0\0\0\0\0\0\0\100", 22, "a sorted set has a member twice"                          },
        {"\3\1\1a\375",                                     5,  "a member of a sorted set has a score that is not a number"},
        {"\3\1\1a\3xyz",                                    8,  "a member of a sorted set has a score that is not a number"},
        {"\3\1\1a\3xy",                                     7,  "the value is cut off"                                     },
        {"\3\1\1a",                                         4,  "the value is cut off"                                     },
        {"\5\1\1a\0\0\0\0\0\0\360\77z",                     13, "1 bytes are left behind the value"                        },
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        const char *error = read_body(bytes_make(cases[i].body, cases[i].len));

        cr_assert(error != NULL, "case %zu", i);
        cr_assert_str_eq(error, cases[i].error, "case %zu: %s", i, error);
    }
}

/* ---- against an array by name --------------------------------------------------------------------- */

static double model[MODEL_NAMES];
static bool has_model[MODEL_NAMES];

static double random_score(struct rng *rng)
{
    return rng_one_in(rng, 3) ? (double)rng_below(rng, 20) - 10
                              : (double)(int64_t)rng_u64(rng) / 1e10;
}

static void model_step(struct rng *rng, uint64_t seed)
{
    unsigned number = (unsigned)rng_below(rng, MODEL_NAMES);

    if (rng_one_in(rng, 2)) {
        double score = random_score(rng);
        enum zset_change expected = !has_model[number]       ? ZSET_ADDED
                                    : model[number] == score ? ZSET_SAME
                                                             : ZSET_UPDATED;

        SEED_ASSERT(put(name_of(number), score) == expected, seed);
        model[number] = score;
        has_model[number] = true;
    } else {
        SEED_ASSERT(take(name_of(number)) == has_model[number], seed);
        has_model[number] = false;
    }
}

Test(zset, it_holds_what_a_naive_one_holds)
{
    const uint64_t seed = seed_get();
    struct rng rng;

    rng_init(&rng, seed);
    for (unsigned i = 0; i < MODEL_STEPS; i++) {
        model_step(&rng, seed);
        if (i % 1000 == 0) {
            keyspace_check(ks);
            for (unsigned number = 0; number < MODEL_NAMES; number++) {
                struct zset_view v = view();
                double score;

                SEED_ASSERT(zset_find(&v, name_of(number), &score) == has_model[number], seed);
                SEED_ASSERT(!has_model[number] || score == model[number], seed);
            }
        }
    }
}
