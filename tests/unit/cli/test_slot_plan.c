/* SPDX-License-Identifier: MIT */
/* cli/slot_plan and cli/slot_costs: which slots go where, and by what measure. */
#include "cli/slot_plan.h"

#include "base/mem.h"
#include "base/rng.h"
#include "cli/slot_costs.h"
#include "resp/value.h"
#include "tests/unit/seed.h"

#include <math.h>
#include <string.h>

enum {
    HOLDERS_MAX = 8,
};

struct holders {
    uint64_t slots[HOLDERS_MAX][SLOT_PLAN_WORDS];
    struct slot_holder items[HOLDERS_MAX];
    size_t count;
};

static void add(struct holders *h, size_t first, size_t end, double weight, bool gives)
{
    for (size_t slot = first; slot < end; slot++) {
        bitset_add(h->slots[h->count], slot);
    }
    h->items[h->count] = (struct slot_holder){h->slots[h->count], gives, weight};
    h->count++;
}

/* Carry it out, and see that each slot was where the plan takes it from. */
static void carry_out(struct holders *h, const struct slot_plan *plan)
{
    for (size_t i = 0; i < plan->moves.count; i++) {
        const struct slot_move *move = &plan->moves.items[i];

        cr_assert_eq(move->slot_count, bitset_count(move->slots, SLOT_PLAN_WORDS));
        cr_assert_gt(move->slot_count, 0);
        cr_assert_neq(move->from, move->to);
        for (size_t slot = 0; slot < SLOT_COUNT; slot++) {
            if (bitset_has(move->slots, slot)) {
                cr_assert(bitset_has(h->slots[move->from], slot));
                bitset_remove(h->slots[move->from], slot);
                bitset_add(h->slots[move->to], slot);
            }
        }
    }
}

static size_t count_of(const struct holders *h, size_t index)
{
    return bitset_count(h->slots[index], SLOT_PLAN_WORDS);
}

static double *costs_of(double each)
{
    double *costs = mem_alloc(MEM_CLI, SLOT_COUNT * sizeof(*costs));

    for (size_t slot = 0; slot < SLOT_COUNT; slot++) {
        costs[slot] = each;
    }
    return costs;
}

/* ---- so many to one ---------------------------------------------------------------------------- */

Test(slot_plan, the_target_gets_exactly_as_many_as_were_asked_for_in_proportion)
{
    const uint64_t seed = seed_get();
    struct rng rng;

    rng_init(&rng, seed);
    for (int round = 0; round < 200; round++) {
        struct holders h = {0};
        struct slot_plan plan = {0};
        struct errmsg error = {0};
        size_t before[HOLDERS_MAX];
        size_t from = 0;
        size_t total = 0;
        size_t wanted;

        for (size_t i = 0; i < 5; i++) {
            size_t end = i == 4 ? SLOT_COUNT : from + rng_below(&rng, 4000);

            add(&h, from, end, 1, i != 0);
            before[i] = end - from;
            total += i != 0 ? before[i] : 0;
            from = end;
        }
        wanted = rng_below(&rng, total + 1);
        cr_assert(slot_plan_reshard(&plan, h.items, h.count, 0, wanted, &error), "%s", error.text);
        carry_out(&h, &plan);
        SEED_ASSERT(count_of(&h, 0) == before[0] + wanted, seed);
        for (size_t i = 1; i < 5; i++) {
            double share = (double)wanted * (double)before[i] / (double)total;

            SEED_ASSERT(fabs((double)(before[i] - count_of(&h, i)) - share) <= 1.0, seed);
        }
        slot_plan_deinit(&plan);
    }
    cr_assert_eq(mem_used_total(), 0);
}

Test(slot_plan, the_lowest_slots_of_a_source_go)
{
    struct holders h = {0};
    struct slot_plan plan = {0};
    struct errmsg error = {0};

    add(&h, 0, 100, 1, false);
    add(&h, 500, 600, 1, true);
    cr_assert(slot_plan_reshard(&plan, h.items, h.count, 0, 2, &error));
    cr_assert_eq(plan.moves.count, 1);
    cr_assert(bitset_has(plan.moves.items[0].slots, 500));
    cr_assert(bitset_has(plan.moves.items[0].slots, 501));
    slot_plan_deinit(&plan);
}

Test(slot_plan, more_slots_than_the_sources_have_are_refused)
{
    struct holders h = {0};
    struct slot_plan plan = {0};
    struct errmsg error = {0};

    add(&h, 0, 100, 1, true); /* the target gives nothing to itself */
    add(&h, 500, 600, 1, true);
    add(&h, 700, 800, 1, false);
    cr_assert_not(slot_plan_reshard(&plan, h.items, h.count, 0, 101, &error));
    cr_assert_str_eq(error.text, "101 slots shall move, but the sources have only 100");
    cr_assert_eq(plan.moves.count, 0);
}

/* ---- even shares ------------------------------------------------------------------------------- */

Test(slot_plan, a_new_node_gets_its_share_and_the_others_stay_even)
{
    struct holders h = {0};
    struct slot_plan plan = {0};
    double *costs = costs_of(1);

    add(&h, 0, 5461, 1, false);
    add(&h, 5461, 10922, 1, false);
    add(&h, 10922, SLOT_COUNT, 1, false);
    add(&h, 0, 0, 1, false);
    slot_plan_rebalance(&plan, h.items, h.count, costs, 2);
    carry_out(&h, &plan);
    for (size_t i = 0; i < h.count; i++) {
        cr_assert(count_of(&h, i) >= 4095 && count_of(&h, i) <= 4098, "%zu: %zu", i,
                  count_of(&h, i));
    }
    slot_plan_deinit(&plan);
    mem_free(MEM_CLI, costs);
    cr_assert_eq(mem_used_total(), 0);
}

Test(slot_plan, nothing_moves_within_the_threshold)
{
    struct holders h = {0};
    struct slot_plan plan = {0};
    double *costs = costs_of(1);

    add(&h, 0, 8100, 1, false);
    add(&h, 8100, SLOT_COUNT, 1, false);
    slot_plan_rebalance(&plan, h.items, h.count, costs, 2);
    cr_assert_eq(plan.moves.count, 0);
    slot_plan_rebalance(&plan, h.items, h.count, costs, 1);
    cr_assert_eq(plan.moves.count, 1);
    cr_assert_eq(plan.moves.items[0].slot_count, 92);
    slot_plan_deinit(&plan);
    mem_free(MEM_CLI, costs);
}

Test(slot_plan, a_node_of_weight_0_gives_up_every_slot_to_all_others)
{
    struct holders h = {0};
    struct slot_plan plan = {0};
    double *costs = costs_of(0); /* nothing in them */

    add(&h, 0, 6000, 1, false);
    add(&h, 6000, 12000, 1, false);
    add(&h, 12000, SLOT_COUNT, 0, false);
    slot_plan_rebalance(&plan, h.items, h.count, costs, 2);
    carry_out(&h, &plan);
    cr_assert_eq(count_of(&h, 2), 0);
    cr_assert_eq(count_of(&h, 0) + count_of(&h, 1), SLOT_COUNT);
    cr_assert_lt(count_of(&h, 0), 8300);
    cr_assert_lt(count_of(&h, 1), 8300);
    slot_plan_deinit(&plan);
    mem_free(MEM_CLI, costs);
}

static size_t count_ranges(const struct holders *h)
{
    size_t count = 0;

    for (size_t i = 0; i < h->count; i++) {
        for (size_t slot = 0; slot < SLOT_COUNT; slot++) {
            count +=
                bitset_has(h->slots[i], slot) && (slot == 0 || !bitset_has(h->slots[i], slot - 1));
        }
    }
    return count;
}

/* Who goes, and three who come: each map is fetched by every client. */
Test(slot_plan, neighbours_of_the_same_cost_stay_together)
{
    struct holders h = {0};
    struct slot_plan plan = {0};
    double *costs = costs_of(1);

    for (size_t i = 0; i < 4; i++) {
        add(&h, i * 4096, (i + 1) * 4096, i == 3 ? 0 : 1, false);
    }
    for (size_t i = 0; i < 3; i++) {
        add(&h, 0, 0, 1, false);
    }
    slot_plan_rebalance(&plan, h.items, h.count, costs, 2);
    carry_out(&h, &plan);
    cr_assert_eq(count_of(&h, 3), 0);
    for (size_t i = 0; i < h.count; i++) {
        cr_assert(i == 3 || (count_of(&h, i) >= 2728 && count_of(&h, i) <= 2733));
    }
    cr_assert_leq(count_ranges(&h), 16);
    slot_plan_deinit(&plan);
    mem_free(MEM_CLI, costs);
}

/* Whatever the costs: no node is further from its share afterwards than before, and no further than one slot of those
 * that could go. */
Test(slot_plan, shares_of_any_cost_come_nearer_to_the_weights)
{
    const uint64_t seed = seed_get();
    struct rng rng;

    rng_init(&rng, seed);
    for (int round = 0; round < 50; round++) {
        struct holders h = {0};
        struct slot_plan plan = {0};
        double *costs = costs_of(0);
        double total = 0;
        double weights = 0;
        double before = 0;
        double after = 0;

        for (size_t slot = 0; slot < SLOT_COUNT; slot++) {
            costs[slot] = (double)rng_below(&rng, 4) == 0 ? (double)rng_below(&rng, 1000) : 0;
            total += costs[slot];
        }
        add(&h, 0, 3000, 1, false);
        add(&h, 3000, 12000, 2, false);
        add(&h, 12000, SLOT_COUNT, 0.5, false);
        for (size_t pass = 0; pass < 2; pass++) {
            double *sum = pass == 0 ? &before : &after;

            weights = 3.5;
            for (size_t i = 0; i < h.count; i++) {
                double has = 0;

                for (size_t slot = 0; slot < SLOT_COUNT; slot++) {
                    has += bitset_has(h.slots[i], slot) ? costs[slot] : 0;
                }
                *sum += fabs(has - total * h.items[i].weight / weights);
            }
            if (pass == 0) {
                slot_plan_rebalance(&plan, h.items, h.count, costs, 1);
                carry_out(&h, &plan);
            }
        }
        SEED_ASSERT(after <= before, seed);
        SEED_ASSERT(after < 3 * 1000.0, seed);
        slot_plan_deinit(&plan);
        mem_free(MEM_CLI, costs);
    }
}

/* ---- CLUSTER SLOT-STATS ------------------------------------------------------------------------ */

static struct resp_value parsed(const char *wire)
{
    const struct resp_limits limits = RESP_LIMITS_DEFAULT;
    struct resp_value value;
    size_t consumed;

    cr_assert_eq(resp_value_read(bytes_from_text(wire), &limits, &value, &consumed, NULL), RESP_OK);
    return value;
}

Test(slot_costs, a_measure_finds_its_number_in_whatever_order_they_come)
{
    struct resp_value reply =
        parsed("*1\r\n*2\r\n:7\r\n*8\r\n$6\r\nwrites\r\n:3\r\n$9\r\nkey-count"
               "\r\n:5\r\n$5\r\nreads\r\n:10\r\n$12\r\nmemory-bytes\r\n:900\r\n");
    double *costs = costs_of(0);
    struct errmsg error = {0};

    cr_assert(slot_costs_parse(&reply, CLUSTER_BY_KEYS, costs, &error));
    cr_assert_float_eq(costs[7], 5, 1e-9);
    cr_assert(slot_costs_parse(&reply, CLUSTER_BY_MEMORY, costs, &error));
    cr_assert_float_eq(costs[7], 900, 1e-9);
    cr_assert(slot_costs_parse(&reply, CLUSTER_BY_LOAD, costs, &error));
    cr_assert_float_eq(costs[7], 13, 1e-9);
    resp_value_deinit(&reply);
    mem_free(MEM_CLI, costs);
}

Test(slot_costs, what_the_server_does_not_tell_is_said_and_not_taken_for_0)
{
    struct resp_value reply = parsed("*1\r\n*2\r\n:7\r\n*2\r\n$9\r\nkey-count\r\n:5\r\n");
    double *costs = costs_of(0);
    struct errmsg error = {0};

    cr_assert_not(slot_costs_parse(&reply, CLUSTER_BY_LOAD, costs, &error));
    cr_assert_not_null(strstr(error.text, "cluster-slot-stats-enabled"));
    resp_value_deinit(&reply);
    mem_free(MEM_CLI, costs);
}
