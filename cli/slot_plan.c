/* SPDX-License-Identifier: MIT */
/* Shares in whole slots are rounded so that their sum is right.  Even shares are found by giving the most costly slots
 * first, each to whoever lacks most, as long as neither side overshoots. */
#include "cli/slot_plan.h"

#include "base/assert.h"

#include <math.h>
#include <stdlib.h>

/* So that slots without a cost that have to go are dealt to all in turn. */
#define NEARLY_NOTHING 1e-9

void slot_plan_deinit(struct slot_plan *plan)
{
    VEC_DEINIT(&plan->moves);
}

static size_t count_slots(const struct slot_holder *holder)
{
    return bitset_count(holder->slots, SLOT_PLAN_WORDS);
}

static void move_slot(struct slot_plan *plan, size_t from, size_t to, size_t slot)
{
    struct slot_move *move = NULL;

    for (size_t i = 0; i < plan->moves.count; i++) {
        if (plan->moves.items[i].from == from && plan->moves.items[i].to == to) {
            move = &plan->moves.items[i];
        }
    }
    if (move == NULL) {
        struct slot_move fresh = {.from = from, .to = to};

        VEC_PUSH(&plan->moves, fresh);
        move = &plan->moves.items[plan->moves.count - 1];
    }
    ASSERT(!bitset_has(move->slots, slot));
    bitset_add(move->slots, slot);
    move->slot_count++;
}

/* ---- so many to one ---------------------------------------------------------------------------- */

struct giver {
    size_t holder;
    size_t has;
    size_t gives;
    double rest; /* what rounding down has left */
};

static int by_rest(const void *a, const void *b)
{
    const struct giver *left = a;
    const struct giver *right = b;

    if (left->rest != right->rest) {
        return left->rest < right->rest ? 1 : -1;
    }
    return left->holder < right->holder ? -1 : 1;
}

static int by_holder(const void *a, const void *b)
{
    return ((const struct giver *)a)->holder < ((const struct giver *)b)->holder ? -1 : 1;
}

/* Shares of count in proportion to what each has: rounded down, and what is missing to those with the largest rests. */
static void share_out(struct giver *givers, size_t giver_count, size_t total, size_t count)
{
    size_t given = 0;

    for (size_t i = 0; i < giver_count; i++) {
        double exact = (double)count * (double)givers[i].has / (double)total;

        givers[i].gives = (size_t)exact;
        givers[i].rest = exact - (double)givers[i].gives;
        given += givers[i].gives;
    }
    qsort(givers, giver_count, sizeof(*givers), by_rest);
    ASSERT(giver_count > 0);
    for (size_t i = 0; given < count; i = i + 1 < giver_count ? i + 1 : 0) {
        if (givers[i].gives < givers[i].has) {
            givers[i].gives++;
            given++;
        }
    }
    qsort(givers, giver_count, sizeof(*givers), by_holder);
}

bool slot_plan_reshard(struct slot_plan *plan, const struct slot_holder *holders,
                       size_t holder_count, size_t target, size_t count, struct errmsg *error)
{
    VEC(struct giver) givers = {0};
    size_t total = 0;

    for (size_t i = 0; i < holder_count; i++) {
        struct giver giver = {.holder = i, .has = count_slots(&holders[i])};

        if (holders[i].gives && i != target && giver.has > 0) {
            VEC_PUSH(&givers, giver);
            total += giver.has;
        }
    }
    if (count > total) {
        errmsg_set(error, "%zu slots shall move, but the sources have only %zu", count, total);
        VEC_DEINIT(&givers);
        return false;
    }
    if (count > 0) {
        share_out(givers.items, givers.count, total, count);
    }
    for (size_t i = 0; i < givers.count; i++) {
        size_t slot = SLOT_COUNT;

        for (size_t given = 0; given < givers.items[i].gives; given++) {
            slot = bitset_next(holders[givers.items[i].holder].slots, SLOT_COUNT,
                               given == 0 ? 0 : slot + 1, true);
            move_slot(plan, givers.items[i].holder, target, slot);
        }
    }
    VEC_DEINIT(&givers);
    return true;
}

/* ---- even shares ------------------------------------------------------------------------------- */

struct priced_slot {
    size_t slot;
    size_t from;
    bool has_to_go; /* its holder shall have none */
    double cost;
};

/* Those that have to go first, then by cost, then by number. */
static int by_urgency(const void *a, const void *b)
{
    const struct priced_slot *left = a;
    const struct priced_slot *right = b;

    if (left->has_to_go != right->has_to_go) {
        return left->has_to_go ? -1 : 1;
    }
    if (left->cost != right->cost) {
        return left->cost < right->cost ? 1 : -1;
    }
    return left->slot < right->slot ? -1 : 1;
}

/* What each has beyond its share; negative: what it lacks. */
static double *find_surplus(const struct slot_holder *holders, size_t holder_count,
                            const double costs[SLOT_COUNT])
{
    double *surplus = mem_alloc(MEM_CLI, (holder_count + 1) * sizeof(*surplus));
    double total = 0;
    double weights = 0;

    for (size_t i = 0; i < holder_count; i++) {
        surplus[i] = 0;
        for (size_t slot = 0; slot < SLOT_COUNT; slot++) {
            surplus[i] += bitset_has(holders[i].slots, slot) ? costs[slot] : 0;
        }
        total += surplus[i];
        weights += holders[i].weight;
    }
    for (size_t i = 0; i < holder_count; i++) {
        surplus[i] -= weights > 0 ? total * holders[i].weight / weights : surplus[i];
    }
    return surplus;
}

static bool is_beyond(const struct slot_holder *holders, size_t holder_count, const double *surplus,
                      const double costs[SLOT_COUNT], double threshold_percent)
{
    for (size_t i = 0; i < holder_count; i++) {
        double has = 0;
        double share;

        for (size_t slot = 0; slot < SLOT_COUNT; slot++) {
            has += bitset_has(holders[i].slots, slot) ? costs[slot] : 0;
        }
        share = has - surplus[i];
        if (share <= 0 ? count_slots(&holders[i]) > 0
                       : fabs(surplus[i]) / share * 100 > threshold_percent) {
            return true;
        }
    }
    return false;
}

static size_t neediest(const struct slot_holder *holders, size_t holder_count,
                       const double *surplus, size_t not_this)
{
    size_t found = holder_count;

    for (size_t i = 0; i < holder_count; i++) {
        if (i != not_this && holders[i].weight > 0 &&
            (found == holder_count || surplus[i] < surplus[found])) {
            found = i;
        }
    }
    return found;
}

/* Slots that cost the same go to one until it has its share, so that neighbours stay neighbours: given out in turns they would
 * leave everybody with as many ranges as slots, in each map that a client fetches. */
static size_t choose_taker(const struct slot_holder *holders, size_t holder_count,
                           const double *surplus, const struct priced_slot *item,
                           const struct priced_slot *last, size_t last_to)
{
    bool goes_on = last != NULL && last_to != item->from && item->cost > 0 &&
                   item->cost == last->cost && item->cost <= -surplus[last_to];

    return goes_on ? last_to : neediest(holders, holder_count, surplus, item->from);
}

void slot_plan_rebalance(struct slot_plan *plan, const struct slot_holder *holders,
                         size_t holder_count, const double costs[SLOT_COUNT],
                         double threshold_percent)
{
    double *surplus = find_surplus(holders, holder_count, costs);
    const struct priced_slot *last = NULL;
    size_t last_to = holder_count;
    VEC(struct priced_slot) priced = {0};

    if (is_beyond(holders, holder_count, surplus, costs, threshold_percent)) {
        for (size_t i = 0; i < holder_count; i++) {
            for (size_t slot = 0; slot < SLOT_COUNT; slot++) {
                if (bitset_has(holders[i].slots, slot)) {
                    struct priced_slot item = {slot, i, holders[i].weight <= 0, costs[slot]};

                    VEC_PUSH(&priced, item);
                }
            }
        }
    }
    if (priced.count > 0) {
        qsort(priced.items, priced.count, sizeof(*priced.items), by_urgency);
    }
    for (size_t i = 0; i < priced.count; i++) {
        const struct priced_slot *item = &priced.items[i];
        size_t to = choose_taker(holders, holder_count, surplus, item, last, last_to);
        bool fits = to < holder_count && item->cost > 0 && item->cost <= surplus[item->from] &&
                    item->cost <= -surplus[to];

        if (to < holder_count && (item->has_to_go || fits)) {
            move_slot(plan, item->from, to, item->slot);
            surplus[item->from] -= item->cost;
            surplus[to] += fmax(item->cost, NEARLY_NOTHING);
            last = item;
            last_to = to;
        }
    }
    VEC_DEINIT(&priced);
    mem_free(MEM_CLI, surplus);
}
