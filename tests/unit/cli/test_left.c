/* SPDX-License-Identifier: MIT */
/* cli/cluster_left and cli/cluster_fixing: who may be what is left of a shard, and what passes by itself. */
#include "cli/cluster_left.h"

#include "base/mem.h"
#include "cli/cluster_fixing.h"
#include "tests/unit/seed.h"

#include <stdio.h>

static void add(struct left_replicas *left, const char *id, const char *primary, int64_t offset,
                bool is_known)
{
    struct left_replica replica = {.is_known = is_known, .keys = 1, .offset = offset};

    snprintf(replica.info.id, sizeof(replica.info.id), "%s", id);
    snprintf(replica.info.primary_id, sizeof(replica.info.primary_id), "%s", primary);
    VEC_PUSH(&left->items, replica);
}

Test(cluster_left, of_each_primary_the_replica_with_the_greatest_offset_goes_first)
{
    static const struct {
        const char *id;
        bool is_best;
    } expected[] = {
        {"y", true },
        {"z", false},
        {"x", false},
        {"w", false},
        {"v", true },
        {"u", false},
        {"t", false}
    };
    struct left_replicas left = {0};

    left_replicas_sort(&left); /* of none */
    add(&left, "x", "a", 7, true);
    add(&left, "v", "b", 3, true);
    add(&left, "z", "a", 9, true);
    add(&left, "y", "a", 9, true);
    add(&left, "w", "a", 5, true);
    add(&left, "u", "b", 20, false); /* what it has it does not say */
    add(&left, "t", "c", 0, false);
    left_replicas_sort(&left);
    for (size_t i = 0; i < ARRAY_COUNT(expected); i++) {
        cr_expect_str_eq(left.items.items[i].info.id, expected[i].id);
        cr_expect_eq(left.items.items[i].is_best, expected[i].is_best, "%zu", i);
    }
    left_replicas_deinit(&left);
    cr_assert_eq(mem_used_total(), 0);
}

Test(cluster_left, slots_are_told_as_ranges_and_very_many_are_cut)
{
    uint64_t slots[SLOT_PLAN_WORDS] = {0};
    struct buf text = {0};

    bitset_add(slots, 0);
    bitset_add(slots, 1);
    bitset_add(slots, SLOT_COUNT - 1);
    left_replica_write_slots(slots, &text);
    cr_expect_str_eq(buf_text(&text), "0-1, 16383");
    buf_clear(&text);
    for (size_t slot = 10; slot < 1000; slot += 2) {
        bitset_add(slots, slot);
    }
    left_replica_write_slots(slots, &text);
    cr_expect_str_eq(buf_text(&text), "0-1, 10, 12, 14, 16, 18, 20, 22 and 489 more");
    buf_deinit(&text);
    cr_assert_eq(mem_used_total(), 0);
}

Test(cluster_fixing, broken_connections_and_nodes_that_are_not_ready_are_asked_again)
{
    static const struct {
        const char *text;
        bool is_passing;
    } cases[] = {
        {"Server closed the connection",                                    true },
        {"Could not connect to Starling at [::1]:7000: Connection refused", true },
        {"CLUSTERDOWN The cluster is down",                                 true },
        {"TRYAGAIN Multiple keys request during rehashing of slot",         true },
        {"LOADING Starling is loading the dataset in memory",               true },
        {"ERR This node is not yet known to the others",                    true },
        {"ERR Keys are still being removed, try again",                     true },
        {"ERR This replica cannot take over, its data is not known",        true },
        {"NOPERM User default has no permissions",                          false},
        {"ERR A replica cannot own slots",                                  false},
        {"NOAUTH Authentication required.",                                 false},
    };

    cr_expect(fixing_is_lost(cases[0].text) && !fixing_is_lost(cases[2].text));
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        cr_expect_eq(fixing_is_passing(cases[i].text), cases[i].is_passing, "%s", cases[i].text);
    }
}
