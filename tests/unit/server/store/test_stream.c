/* SPDX-License-Identifier: MIT */
/* What streams and their groups promise; random changes are in tests/model/test_streams_model.c. */
#include "store/stream.h"

#include "base/mem.h"
#include "store/entry.h"
#include "store/keyspace.h"
#include "store/stream_group.h"
#include "store/value_space.h"

#include <criterion/criterion.h>
#include <stdio.h>

struct world {
    struct keyspace *ks;
    struct key_ref ref;
    struct value_edit edit;
};

static const struct bytes pair[] = {
    {.data = "name",  .len = 4},
    {.data = "value", .len = 5},
};

static void begin(struct world *w)
{
    *w = (struct world){
        .ks = keyspace_new(&(struct keyspace_options){.database_count = 1, .hash_seed = 7})};
    w->ref = keyspace_ref(w->ks, 0, BYTES_LITERAL("stream"));
}

static void end(struct world *w)
{
    keyspace_check(w->ks);
    keyspace_free(w->ks);
    cr_assert_eq(mem_used_total(), 0);
}

static struct value_draft *open_stream(struct world *w)
{
    keyspace_open(w->ks, &w->ref, keyspace_find_any(w->ks, &w->ref), VALUE_STREAM, &w->edit);
    return &w->edit.draft;
}

static bool close_stream(struct world *w)
{
    return keyspace_close(w->ks, &w->edit);
}

static const struct stream *view(const struct world *w)
{
    struct value value = entry_value(keyspace_find_any(w->ks, &w->ref));

    return stream_of(&value);
}

static struct stream_id at(uint64_t ms)
{
    return (struct stream_id){ms, 0};
}

/* Entries first-0 to last-0. */
static void append(struct world *w, uint64_t first, uint64_t last)
{
    struct value_draft *draft = open_stream(w);

    for (uint64_t ms = first; ms <= last; ms++) {
        stream_append(draft, at(ms), pair, 1);
    }
    cr_assert(close_stream(w));
}

static void delete (struct world *w, uint64_t ms)
{
    cr_assert(stream_delete(open_stream(w), at(ms)));
    cr_assert(close_stream(w));
}

static uint64_t trim(struct world *w, const struct stream_trim *how)
{
    uint64_t count = stream_trim(open_stream(w), how);

    cr_assert(close_stream(w));
    return count;
}

/* ---- ids -------------------------------------------------------------------------------------------------------- */

Test(stream, ids_are_ordered_by_milliseconds_and_then_by_sequence)
{
    static const struct stream_id rising[] = {
        {0,          0         },
        {0,          1         },
        {0,          UINT64_MAX},
        {1,          0         },
        {1,          1         },
        {2,          0         },
        {UINT64_MAX, UINT64_MAX}
    };

    for (size_t i = 0; i < ARRAY_COUNT(rising); i++) {
        for (size_t j = 0; j < ARRAY_COUNT(rising); j++) {
            int order = stream_id_compare(rising[i], rising[j]);

            cr_assert_eq(order, i < j ? -1 : i > j);
        }
    }
}

Test(stream, the_id_behind_the_last_sequence_is_in_the_next_millisecond)
{
    struct stream_id id = {7, UINT64_MAX};
    struct stream_id last = STREAM_ID_MAX;
    struct stream_id zero = STREAM_ID_MIN;

    cr_assert(stream_id_next(&id) && id.ms == 8 && id.sequence == 0);
    cr_assert(stream_id_previous(&id) && id.ms == 7 && id.sequence == UINT64_MAX);
    cr_assert_not(stream_id_next(&last));
    cr_assert_eq(stream_id_compare(last, STREAM_ID_MAX), 0);
    cr_assert_not(stream_id_previous(&zero));
    cr_assert(stream_id_is_zero(zero));
}

/* ---- entries ---------------------------------------------------------------------------------------------------- */

Test(stream, it_stays_a_key_when_its_last_entry_goes)
{
    struct world w;

    begin(&w);
    append(&w, 5, 5);
    delete (&w, 5);
    cr_assert_eq(stream_count(view(&w)), 0);
    cr_assert_eq(stream_node_count(view(&w)), 0);
    cr_assert_eq(stream_marks(view(&w)).last_id.ms, 5);
    cr_assert(stream_id_is_zero(stream_first_id(view(&w))));
    end(&w);
}

Test(stream, a_draft_that_was_only_looked_at_makes_no_key)
{
    struct world w;

    begin(&w);
    cr_assert_not(stream_delete(open_stream(&w), at(1)));
    cr_assert_eq(stream_trim(&w.edit.draft, &(struct stream_trim){0}), 0);
    cr_assert_not(close_stream(&w));
    cr_assert_null(keyspace_find_any(w.ks, &w.ref));
    end(&w);
}

Test(stream, nodes_hold_as_many_entries_as_the_limits_say)
{
    static const struct {
        uint64_t max_bytes;
        uint64_t max_entries;
        uint64_t nodes;
    } cases[] = {
        {4096,       100,        10  },
        {4096,       7,          143 },
        {0,          100,        10  },
        {0,          0,          1   },
        {200,        0,          84  },
        {1,          0,          1000},
        {UINT64_MAX, UINT64_MAX, 1   },
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct value_limits limits = value_limits_default;
        struct world w;

        begin(&w);
        limits.stream_node_max_bytes = cases[i].max_bytes;
        limits.stream_node_max_entries = cases[i].max_entries;
        keyspace_set_limits(w.ks, &limits);
        append(&w, 1, 1000);
        cr_assert_eq(stream_node_count(view(&w)), cases[i].nodes, "%zu: %llu", i,
                     (unsigned long long)stream_node_count(view(&w)));
        end(&w);
    }
}

Test(stream, whatever_the_limits_a_node_does_not_become_long_to_look_through)
{
    struct value_limits limits = value_limits_default;
    struct world w;

    begin(&w);
    limits.stream_node_max_bytes = 0;
    limits.stream_node_max_entries = 0;
    keyspace_set_limits(w.ks, &limits);
    append(&w, 1, 20000);
    cr_assert_geq(stream_node_count(view(&w)), 3);
    end(&w);
}

Test(stream, an_entry_has_any_bytes_and_any_number_of_pairs)
{
    static char large[100000];
    struct bytes pairs[2000];
    struct stream_entry e;
    struct packed_item name;
    struct packed_item value;
    char scratch[PACKED_SCRATCH];
    struct world w;

    begin(&w);
    for (size_t i = 0; i < ARRAY_COUNT(pairs); i++) {
        pairs[i] = bytes_make(large, i % 7 == 0 ? 100 + i : i % 3);
    }
    pairs[1] = bytes_make(large, sizeof(large));
    stream_append(open_stream(&w), at(1), pairs, 0);
    stream_append(&w.edit.draft, at(2), pairs, 1000);
    stream_append(&w.edit.draft, at(3), pairs, 1);
    (void)close_stream(&w);
    cr_assert(stream_find(view(&w), at(1), &e) && e.pair_count == 0);
    cr_assert(stream_find(view(&w), at(2), &e) && e.pair_count == 1000);
    for (size_t i = 0; i < 1000; i++) {
        cr_assert(stream_entry_next(&e, &name, &value));
        cr_assert(bytes_equal(packed_item_text(&name, scratch), pairs[2 * i]));
        cr_assert(bytes_equal(packed_item_text(&value, scratch), pairs[2 * i + 1]));
    }
    cr_assert_not(stream_entry_next(&e, &name, &value));
    end(&w);
}

Test(stream, ids_may_be_as_far_apart_as_ids_can_be)
{
    static const struct stream_id ids[] = {
        {0,          1         },
        {0,          UINT64_MAX},
        {1,          0         },
        {INT64_MAX,  5         },
        {UINT64_MAX, 0         },
        {UINT64_MAX, UINT64_MAX}
    };
    struct stream_range all = {.last = STREAM_ID_MAX};
    struct stream_reader r;
    struct stream_entry e;
    struct world w;

    begin(&w);
    (void)open_stream(&w);
    for (size_t i = 0; i < ARRAY_COUNT(ids); i++) {
        stream_append(&w.edit.draft, ids[i], pair, 1);
    }
    (void)close_stream(&w);
    stream_read(view(&w), &all, &r);
    for (size_t i = 0; i < ARRAY_COUNT(ids); i++) {
        cr_assert(stream_next(&r, &e));
        cr_assert_eq(stream_id_compare(e.id, ids[i]), 0);
        cr_assert(stream_find(view(&w), ids[i], NULL));
    }
    end(&w);
}

Test(stream, a_range_that_ends_before_it_begins_has_nothing)
{
    struct stream_range range = {
        .first = {9, 0},
          .last = {3, 0}
    };
    struct stream_reader r;
    struct stream_entry e;
    struct world w;

    begin(&w);
    append(&w, 1, 500);
    stream_read(view(&w), &range, &r);
    cr_assert_not(stream_next(&r, &e));
    range.is_reverse = true;
    stream_read(view(&w), &range, &r);
    cr_assert_not(stream_next(&r, &e));
    end(&w);
}

Test(stream, of_deleted_ids_the_greatest_is_known_but_not_of_trimmed_ones)
{
    struct world w;

    begin(&w);
    append(&w, 1, 300);
    cr_assert_eq(trim(&w, &(struct stream_trim){.max_count = 250}), 50);
    cr_assert(stream_id_is_zero(stream_marks(view(&w)).max_deleted_id));
    delete (&w, 200);
    delete (&w, 100);
    cr_assert_eq(stream_marks(view(&w)).max_deleted_id.ms, 200);
    cr_assert_eq(stream_marks(view(&w)).entries_added, 300);
    end(&w);
}

/* ---- trimming --------------------------------------------------------------------------------------------------- */

Test(stream, trimming_takes_the_oldest)
{
    static const struct {
        struct stream_trim how;
        uint64_t removed;
    } cases[] = {
        {{.max_count = 1000},                                            0   },
        {{.max_count = 999},                                             1   },
        {{.max_count = 0},                                               1000},
        {{.max_count = 850},                                             150 },
        {{.max_count = 850, .is_approximate = true},                     100 },
        {{.max_count = 901, .is_approximate = true},                     0   },
        {{.max_count = 100, .is_approximate = true, .limit = 350},       300 },
        {{.max_count = 100, .is_approximate = true, .limit = 99},        0   },
        {{.is_by_id = true, .min_id = {1, 0}},                           0   },
        {{.is_by_id = true, .min_id = {2, 0}},                           1   },
        {{.is_by_id = true, .min_id = {101, 0}},                         100 },
        {{.is_by_id = true, .min_id = {100, 1}},                         100 },
        {{.is_by_id = true, .min_id = {150, 0}, .is_approximate = true}, 100 },
        {{.is_by_id = true, .min_id = {UINT64_MAX, 0}},                  1000},
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct world w;

        begin(&w);
        append(&w, 1, 1000);
        cr_assert_eq(trim(&w, &cases[i].how), cases[i].removed, "case %zu", i);
        cr_assert_eq(stream_count(view(&w)), 1000 - cases[i].removed);
        end(&w);
    }
}

Test(stream, a_trim_of_very_many_entries_frees_them_after_the_close)
{
    struct world w;
    size_t before;

    begin(&w);
    append(&w, 1, 200000);
    before = mem_used(MEM_STORE);
    cr_assert_eq(trim(&w, &(struct stream_trim){.max_count = 10}), 199990);
    cr_assert_gt(mem_used(MEM_STORE), before / 2);
    while (keyspace_work(w.ks, 100)) {
    }
    cr_assert_lt(mem_used(MEM_STORE), before / 10);
    cr_assert_eq(stream_first_id(view(&w)).ms, 199991);
    end(&w);
}

/* ---- groups ----------------------------------------------------------------------------------------------------- */

/* A group of this name that begins at 0-0, and a consumer of the same name. */
static struct stream_group *create_group(struct world *w, const char *name)
{
    struct stream_group *g = stream_group_create(open_stream(w), bytes_from_text(name),
                                                 STREAM_ID_MIN, STREAM_READ_UNKNOWN);

    cr_assert_not_null(stream_consumer_create(&w->edit.draft, g, bytes_from_text(name), 1));
    (void)close_stream(w);
    return g;
}

/* Entries from first to last. */
static void deliver(struct world *w, struct stream_group *g, uint64_t first, uint64_t last)
{
    struct value_draft *draft = open_stream(w);

    for (uint64_t ms = first; ms <= last; ms++) {
        stream_group_advance(draft, g, at(ms));
        stream_pending_put(draft, g,
                           &(struct stream_pending){at(ms), stream_consumer_at(g, 0), 10, 1});
    }
    (void)close_stream(w);
}

Test(stream, groups_and_consumers_are_in_the_order_of_their_names)
{
    static const char *const names[] = {"b", "", "a", "ba", "\xff", "B"};
    static const char *const sorted[] = {"", "B", "a", "b", "ba", "\xff"};
    struct world w;

    begin(&w);
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        (void)create_group(&w, names[i]);
        cr_assert_null(stream_group_create(open_stream(&w), bytes_from_text(names[i]), at(1), 0));
        (void)close_stream(&w);
    }
    for (size_t i = 0; i < ARRAY_COUNT(sorted); i++) {
        cr_assert(bytes_equal_text(stream_group_name(stream_group_at(view(&w), i)), sorted[i]));
    }
    cr_assert(stream_group_destroy(open_stream(&w), BYTES_LITERAL("a")));
    cr_assert_not(stream_group_destroy(&w.edit.draft, BYTES_LITERAL("a")));
    (void)close_stream(&w);
    cr_assert_eq(stream_group_count(view(&w)), 5);
    end(&w);
}

Test(stream, a_group_with_many_pending_entries_is_freed_after_the_close)
{
    struct world w;
    size_t before;

    begin(&w);
    append(&w, 1, 100000);
    deliver(&w, create_group(&w, "g"), 1, 100000);
    before = mem_used(MEM_STORE);
    cr_assert(stream_group_destroy(open_stream(&w), BYTES_LITERAL("g")));
    (void)close_stream(&w);
    cr_assert_geq(mem_used(MEM_STORE), before);
    keyspace_check(w.ks);
    while (keyspace_work(w.ks, 100)) {
    }
    cr_assert_lt(mem_used(MEM_STORE), before / 2);
    end(&w);
}

Test(stream, what_is_pending_goes_with_its_consumer)
{
    struct world w;
    struct stream_group *g;
    uint64_t gone;

    begin(&w);
    append(&w, 1, 100);
    g = create_group(&w, "g");
    deliver(&w, g, 1, 100);
    cr_assert(stream_consumer_delete(open_stream(&w), g, BYTES_LITERAL("g"), &gone));
    cr_assert_eq(gone, 100);
    cr_assert_not(stream_consumer_delete(&w.edit.draft, g, BYTES_LITERAL("g"), &gone));
    (void)close_stream(&w);
    cr_assert_eq(gone, 0);
    cr_assert_eq(stream_group_pending_count(g), 0);
    cr_assert_not(stream_pending_find(g, at(5), NULL));
    end(&w);
}

/* Every sixth, and every hundredth, is another consumer's. */
Test(stream, what_is_pending_of_others_stays_when_a_consumer_goes)
{
    struct world w;
    struct stream_group *g;
    struct stream_consumer *others[2];
    uint64_t gone;

    begin(&w);
    append(&w, 1, 6000);
    g = create_group(&w, "g");
    deliver(&w, g, 1, 6000);
    others[0] = stream_consumer_create(open_stream(&w), g, BYTES_LITERAL("many"), 1);
    others[1] = stream_consumer_create(&w.edit.draft, g, BYTES_LITERAL("few"), 1);
    for (uint64_t ms = 6; ms <= 6000; ms += 6) {
        stream_pending_put(&w.edit.draft, g, &(struct stream_pending){at(ms), others[0], 20, 2});
    }
    for (uint64_t ms = 100; ms <= 6000; ms += 100) {
        stream_pending_put(&w.edit.draft, g, &(struct stream_pending){at(ms), others[1], 20, 2});
    }
    cr_assert(stream_consumer_delete(&w.edit.draft, g, BYTES_LITERAL("few"), &gone));
    (void)close_stream(&w);
    cr_assert_eq(gone, 60);
    keyspace_check(w.ks);
    cr_assert(stream_consumer_delete(open_stream(&w), g, BYTES_LITERAL("g"), &gone));
    (void)close_stream(&w);
    cr_assert_eq(gone, 6000 - 1000 - 40);
    cr_assert_eq(stream_group_pending_count(g), 1000 - 20);
    cr_assert(stream_pending_find(g, at(6), NULL));
    cr_assert_not(stream_pending_find(g, at(7), NULL));
    cr_assert_not(stream_pending_find(g, at(300), NULL));
    end(&w);
}

static int64_t lag_of(struct world *w, const struct stream_group *g)
{
    int64_t lag;

    return stream_group_lag(view(w), g, &lag) ? lag : -1;
}

Test(stream, the_lag_is_known_while_nothing_is_missing_in_between)
{
    struct world w;
    struct stream_group *g;

    begin(&w);
    append(&w, 1, 10);
    g = create_group(&w, "g");
    cr_assert_eq(lag_of(&w, g), 10);
    deliver(&w, g, 1, 4);
    cr_assert_eq(stream_group_entries_read(g), 4);
    cr_assert_eq(lag_of(&w, g), 6);
    delete (&w, 2);
    cr_assert_eq(lag_of(&w, g), 6);
    delete (&w, 7);
    cr_assert_eq(lag_of(&w, g), -1);
    deliver(&w, g, 5, 6);
    cr_assert_eq(stream_group_entries_read(g), STREAM_READ_UNKNOWN);
    deliver(&w, g, 8, 10);
    cr_assert_eq(stream_group_entries_read(g), 10);
    cr_assert_eq(lag_of(&w, g), 0);
    end(&w);
}

Test(stream, a_group_that_claims_more_than_there_ever_was_lags_by_less_than_nothing)
{
    struct world w;
    struct stream_group *g;

    begin(&w);
    append(&w, 1, 10);
    g = create_group(&w, "g");
    stream_group_set(open_stream(&w), g, at(3), 15);
    (void)close_stream(&w);
    cr_assert_eq(lag_of(&w, g), -5);
    end(&w);
}

Test(stream, numbers_of_entries_are_known_at_the_ends)
{
    struct world w;
    uint64_t number;

    begin(&w);
    append(&w, 11, 20);
    cr_assert_eq(trim(&w, &(struct stream_trim){.max_count = 7}), 3);
    cr_assert(stream_number_of(view(&w), at(14), &number) && number == 4);
    cr_assert(stream_number_of(view(&w), at(5), &number) && number == 3);
    cr_assert(stream_number_of(view(&w), at(20), &number) && number == 10);
    cr_assert_not(stream_number_of(view(&w), at(15), &number));
    cr_assert_not(stream_number_of(view(&w), at(21), &number));
    end(&w);
}

Test(stream, an_entry_that_is_claimed_is_pending_of_its_new_consumer_alone)
{
    struct world w;
    struct stream_group *g;
    struct stream_consumer *other;
    struct stream_pending p;
    struct stream_pending_reader r;

    begin(&w);
    append(&w, 1, 3);
    g = create_group(&w, "g");
    deliver(&w, g, 1, 3);
    other = stream_consumer_create(open_stream(&w), g, BYTES_LITERAL("other"), 5);
    stream_pending_put(&w.edit.draft, g, &(struct stream_pending){at(2), other, 99, 7});
    (void)close_stream(&w);
    cr_assert_eq(stream_group_pending_count(g), 3);
    cr_assert_eq(stream_consumer_pending_count(other), 1);
    stream_pending_read(g, other, STREAM_ID_MIN, STREAM_ID_MAX, &r);
    cr_assert(stream_pending_next(&r, &p) && p.id.ms == 2 && p.delivery_count == 7);
    cr_assert_not(stream_pending_next(&r, &p));
    stream_pending_read(g, stream_consumer_find(g, BYTES_LITERAL("g")), at(2), at(3), &r);
    cr_assert(stream_pending_next(&r, &p) && p.id.ms == 3 && p.delivered_at_ms == 10);
    cr_assert_not(stream_pending_next(&r, &p));
    end(&w);
}
