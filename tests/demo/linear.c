/* SPDX-License-Identifier: MIT */
#include "tests/demo/linear.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/vec.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
    BEFORE_US = 10000, /* a violation: what was going on, */
    AFTER_US = 5000,   /* and what came then */
    AROUND_MAX = 100,
};

/* The verdict so far. */
struct verdict {
    const struct linear_op *ops; /* by the time of sending */
    size_t count;
    size_t broken;
    struct buf *why;
    int64_t *at_us;
};

static int compare(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int by_number(const void *a, const void *b)
{
    return compare(*(const int64_t *)a, *(const int64_t *)b);
}

static int by_sent(const void *a, const void *b)
{
    return compare(((const struct linear_op *)a)->sent_us, ((const struct linear_op *)b)->sent_us);
}

static int by_answer(const void *a, const void *b)
{
    const struct linear_op *const *x = a;
    const struct linear_op *const *y = b;

    return compare((*x)->answered_us, (*y)->answered_us);
}

static int by_value(const void *a, const void *b)
{
    const struct linear_op *const *x = a;
    const struct linear_op *const *y = b;

    return compare((*x)->value, (*y)->value);
}

static void sort(void *items, size_t count, size_t size, int (*order)(const void *, const void *))
{
    if (count > 1) {
        qsort(items, count, size, order);
    }
}

static bool is_answered(const struct linear_op *op)
{
    return op->answered_us != LINEAR_NEVER;
}

/* ---- saying so ---------------------------------------------------------------------------------- */

static void print_op(struct buf *out, const struct linear_op *op)
{
    buf_printf(out, "    %.6f - ", (double)op->sent_us / 1e6);
    if (is_answered(op)) {
        buf_printf(out, "%.6f", (double)op->answered_us / 1e6);
    } else {
        buf_append_text(out, "(no answer)");
    }
    buf_printf(out, "  client %u at node %u %s %" PRId64 "\n", op->client, op->node,
               op->is_write ? "wrote" : "read", op->value);
}

/* Op breaks the rule; the other ones, which may be NULL, show why. */
static void accuse(struct verdict *v, const char *rule, const struct linear_op *op,
                   const struct linear_op *first, const struct linear_op *second)
{
    int printed = 0;

    ASSERT(op != NULL);
    if (v->broken++ > 0) {
        return;
    }
    *v->at_us = op->sent_us;
    buf_printf(v->why, "%s\n", rule);
    print_op(v->why, op);
    if (first != NULL) {
        buf_append_text(v->why, "  given\n");
        print_op(v->why, first);
    }
    if (second != NULL) {
        print_op(v->why, second);
    }
    buf_append_text(v->why, "  Around it, by the time of sending:\n");
    for (size_t i = 0; i < v->count && printed < AROUND_MAX; i++) {
        if (v->ops[i].sent_us >= op->sent_us - BEFORE_US &&
            v->ops[i].sent_us <= op->sent_us + AFTER_US) {
            print_op(v->why, &v->ops[i]);
            printed++;
        }
    }
}

/* ---- a register --------------------------------------------------------------------------------- */

/* Of a value: forward when first_us < last_us. */
struct zone {
    int64_t first_us;              /* the first answer that tells of it, */
    int64_t last_us;               /* and the last sending */
    const struct linear_op *first; /* NULL: it is there from the beginning */
    const struct linear_op *last;
};

struct zones {
    VEC(struct zone) forward;
    VEC(struct zone) backward;
};

/* All that tells of one value. */
static void take_value(struct verdict *v, struct zones *zones, const struct linear_op **ops,
                       size_t count)
{
    const struct linear_op *set = NULL;
    struct zone zone = {.first_us = INT64_MAX, .last_us = INT64_MIN};
    size_t answers = 0;

    for (size_t i = 0; i < count; i++) {
        set = ops[i]->is_write ? ops[i] : set;
        answers += is_answered(ops[i]);
        if (ops[i]->answered_us < zone.first_us) {
            zone.first_us = ops[i]->answered_us;
            zone.first = ops[i];
        }
        if (ops[i]->sent_us > zone.last_us) {
            zone.last_us = ops[i]->sent_us;
            zone.last = ops[i];
        }
    }
    if (answers == 0) {
        return; /* it need not have been done */
    }
    if (ops[0]->value == 0) {
        zone.first_us = INT64_MIN;
        zone.first = NULL;
    } else if (set == NULL || set->sent_us > zone.first_us) {
        accuse(v, "what nobody had written:", zone.first, set, NULL);
        return;
    }
    if (zone.first_us < zone.last_us) {
        VEC_PUSH(&zones->forward, zone);
    } else {
        VEC_PUSH(&zones->backward, zone);
    }
}

static int by_first(const void *a, const void *b)
{
    return compare(((const struct zone *)a)->first_us, ((const struct zone *)b)->first_us);
}

/* The last of the forward zones that begins before; NULL when none does. */
static const struct zone *zone_before(const struct zones *zones, int64_t at_us)
{
    size_t low = 0;
    size_t high = zones->forward.count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (zones->forward.items[middle].first_us < at_us) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low > 0 ? &zones->forward.items[low - 1] : NULL;
}

static void compare_zones(struct verdict *v, struct zones *zones)
{
    const struct zone *longest = NULL;

    sort(zones->forward.items, zones->forward.count, sizeof(struct zone), by_first);
    for (size_t i = 0; i < zones->forward.count; i++) {
        const struct zone *zone = &zones->forward.items[i];

        if (longest != NULL && zone->first_us < longest->last_us) {
            accuse(v, "what was shown already is shown after something else:", longest->last,
                   zone->first, longest->first);
        }
        longest = longest == NULL || zone->last_us > longest->last_us ? zone : longest;
    }
    for (size_t i = 0; i < zones->backward.count; i++) {
        const struct zone *zone = &zones->backward.items[i];
        const struct zone *around = zone_before(zones, zone->last_us);

        if (around != NULL && zone->first_us < around->last_us) {
            accuse(v, "what was shown already is shown after something else:", around->last,
                   zone->first, around->first);
        }
    }
}

static void check_register(struct verdict *v)
{
    const struct linear_op **ops = mem_alloc_zeroed(MEM_TEST, (v->count + 1) * sizeof(*ops));
    struct zones zones = {0};
    size_t end;

    for (size_t i = 0; i < v->count; i++) {
        ops[i] = &v->ops[i];
    }
    sort(ops, v->count, sizeof(*ops), by_value);
    for (size_t at = 0; at < v->count; at = end) {
        end = at;
        while (end < v->count && ops[end]->value == ops[at]->value) {
            end++;
        }
        take_value(v, &zones, &ops[at], end - at);
    }
    compare_zones(v, &zones);
    VEC_DEINIT(&zones.forward);
    VEC_DEINIT(&zones.backward);
    mem_free(MEM_TEST, ops);
}

/* ---- a counter ---------------------------------------------------------------------------------- */

/* Sorted columns of the history. */
struct columns {
    const struct linear_op **answered; /* those with an answer, by that one's time */
    size_t answered_count;
    int64_t *sums; /* of additions with an answer, */
    size_t sum_count;
    int64_t *maybe_us; /* when those without one were sent */
    size_t maybe_count;
};

static void build(struct columns *c, const struct verdict *v)
{
    *c = (struct columns){
        .answered = mem_alloc_zeroed(MEM_TEST, (v->count + 1) * sizeof(*c->answered)),
        .sums = mem_alloc_zeroed(MEM_TEST, (v->count + 1) * sizeof(*c->sums)),
        .maybe_us = mem_alloc_zeroed(MEM_TEST, (v->count + 1) * sizeof(*c->maybe_us)),
    };
    for (size_t i = 0; i < v->count; i++) {
        const struct linear_op *op = &v->ops[i];

        if (is_answered(op)) {
            c->answered[c->answered_count++] = op;
        }
        if (op->is_write && is_answered(op)) {
            c->sums[c->sum_count++] = op->value;
        } else if (op->is_write) {
            c->maybe_us[c->maybe_count++] = op->sent_us;
        }
    }
    sort(c->answered, c->answered_count, sizeof(c->answered[0]), by_answer);
    sort(c->sums, c->sum_count, sizeof(c->sums[0]), by_number);
}

static void release(struct columns *c)
{
    mem_free(MEM_TEST, c->answered);
    mem_free(MEM_TEST, c->sums);
    mem_free(MEM_TEST, c->maybe_us);
}

/* How many of the sorted numbers are not greater. */
static int64_t count_up_to(const int64_t *numbers, size_t count, int64_t limit)
{
    size_t low = 0;
    size_t high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (numbers[middle] <= limit) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return (int64_t)low;
}

/* Are there additions for all numbers up to this one? */
static bool had_been_added(const struct columns *c, const struct linear_op *op)
{
    int64_t missing = op->value - count_up_to(c->sums, c->sum_count, op->value);

    return missing <= count_up_to(c->maybe_us, c->maybe_count, op->answered_us);
}

static bool is_added_twice(const struct columns *c, const struct linear_op *op)
{
    return op->is_write && count_up_to(c->sums, c->sum_count, op->value) -
                                   count_up_to(c->sums, c->sum_count, op->value - 1) >
                               1;
}

static void check_counter(struct verdict *v)
{
    const struct linear_op *highest = NULL; /* of those answered before this one was sent */
    struct columns c;
    size_t at = 0;

    build(&c, v);
    for (size_t i = 0; i < v->count; i++) {
        const struct linear_op *op = &v->ops[i];

        while (at < c.answered_count && c.answered[at]->answered_us < op->sent_us) {
            if (highest == NULL || c.answered[at]->value > highest->value) {
                highest = c.answered[at];
            }
            at++;
        }
        if (!is_answered(op)) {
            continue;
        }
        if (highest != NULL && op->value < highest->value + (op->is_write ? 1 : 0)) {
            accuse(v, "less than what was shown before:", op, highest, NULL);
        } else if (is_added_twice(&c, op)) {
            accuse(v, "two additions that show the same:", op, NULL, NULL);
        } else if (!had_been_added(&c, op)) {
            accuse(v, "more than what had been added:", op, NULL, NULL);
        }
    }
    release(&c);
}

size_t linear_check(enum linear_key key, struct linear_op *ops, size_t count, struct buf *why,
                    int64_t *at_us)
{
    struct verdict v = {.ops = ops, .count = count, .why = why, .at_us = at_us};

    sort(ops, count, sizeof(*ops), by_sent);
    if (key == LINEAR_REGISTER) {
        check_register(&v);
    } else {
        check_counter(&v);
    }
    return v.broken;
}

/* ---- by hand ------------------------------------------------------------------------------------ */

enum {
    OPS_MAX = 6
};

#define READ(of, sent, answered)                                                                   \
    {                                                                                              \
        .value = (of), .sent_us = (sent), .answered_us = (answered)                                \
    }
#define WRITE(of, sent, answered)                                                                  \
    {                                                                                              \
        .value = (of), .sent_us = (sent), .answered_us = (answered), .is_write = true              \
    }

struct example {
    const char *name;
    enum linear_key key;
    bool is_broken;
    struct linear_op ops[OPS_MAX];
};

/* clang-format off */
static const struct example examples[] = {
    {"a read behind a write shows it", LINEAR_REGISTER, false, {WRITE(7, 10, 20), READ(7, 30, 40)}},
    {"a read behind a write shows that there is nothing", LINEAR_REGISTER, true,
     {WRITE(7, 10, 20), READ(0, 30, 40)}},
    {"a read behind a write shows the write before it", LINEAR_REGISTER, true,
     {WRITE(7, 10, 20), WRITE(8, 30, 40), READ(7, 50, 60)}},
    {"a read beside a write shows either", LINEAR_REGISTER, false,
     {WRITE(7, 10, 50), READ(0, 20, 30), READ(7, 25, 30)}},
    {"a read goes back behind another", LINEAR_REGISTER, true,
     {WRITE(7, 10, 60), READ(7, 20, 30), READ(0, 40, 50)}},
    {"a read goes back behind another, and forth", LINEAR_REGISTER, true,
     {WRITE(7, 10, 20), WRITE(8, 30, 90), READ(8, 40, 50), READ(7, 60, 70), READ(8, 75, 80)}},
    {"a read shows what is written later", LINEAR_REGISTER, true, {READ(7, 10, 20), WRITE(7, 30, 40)}},
    {"a read shows what nobody wrote", LINEAR_REGISTER, true, {WRITE(7, 10, 20), READ(8, 30, 40)}},
    {"a write without an answer may have been done", LINEAR_REGISTER, false,
     {WRITE(7, 10, LINEAR_NEVER), READ(0, 20, 30), READ(7, 40, 50)}},
    {"a write without an answer need not have been done", LINEAR_REGISTER, false,
     {WRITE(7, 10, LINEAR_NEVER), READ(0, 20, 30), WRITE(8, 40, 50), READ(8, 60, 70)}},
    {"a write without an answer comes late", LINEAR_REGISTER, false,
     {WRITE(7, 10, LINEAR_NEVER), WRITE(8, 20, 30), READ(8, 40, 50), READ(7, 60, 70)}},
    {"a write without an answer goes away again", LINEAR_REGISTER, true,
     {WRITE(7, 10, LINEAR_NEVER), WRITE(8, 20, 30), READ(7, 40, 50), READ(8, 60, 70)}},
    {"two writes at a time, and all see them in one order", LINEAR_REGISTER, false,
     {WRITE(7, 10, 50), WRITE(8, 10, 50), READ(8, 20, 25), READ(7, 30, 35), READ(7, 60, 70)}},
    {"two writes at a time, in two orders", LINEAR_REGISTER, true,
     {WRITE(7, 10, 90), WRITE(8, 10, 90), READ(8, 20, 25), READ(7, 30, 35), READ(8, 40, 45)}},
    {"two count to two", LINEAR_COUNTER, false, {WRITE(2, 10, 20), WRITE(1, 10, 20), READ(2, 30, 40)}},
    {"two count to one", LINEAR_COUNTER, true, {WRITE(1, 10, 20), WRITE(1, 15, 25)}},
    {"a count is lost", LINEAR_COUNTER, true, {WRITE(1, 10, 20), WRITE(1, 30, 40)}},
    {"a count is lost to who reads", LINEAR_COUNTER, true,
     {WRITE(1, 10, 20), WRITE(2, 30, 40), READ(1, 50, 60)}},
    {"a count is done twice", LINEAR_COUNTER, true, {WRITE(1, 10, 20), READ(2, 30, 40)}},
    {"a count without an answer explains a number", LINEAR_COUNTER, false,
     {WRITE(0, 10, LINEAR_NEVER), WRITE(2, 20, 30), READ(2, 40, 50)}},
    {"a count without an answer comes late", LINEAR_COUNTER, false,
     {WRITE(0, 10, LINEAR_NEVER), WRITE(1, 20, 30), READ(1, 40, 50), READ(2, 60, 70)}},
    {"a count without an answer explains but one", LINEAR_COUNTER, true,
     {WRITE(0, 10, LINEAR_NEVER), WRITE(3, 20, 30)}},
    {"a count without an answer explains nothing before it", LINEAR_COUNTER, true,
     {READ(1, 10, 20), WRITE(0, 30, LINEAR_NEVER), READ(1, 40, 50)}},
};
/* clang-format on */

bool linear_check_itself(const char **which)
{
    for (size_t i = 0; i < ARRAY_COUNT(examples); i++) {
        struct example e = examples[i];
        struct buf why = {0};
        int64_t at_us;
        size_t count = 0;
        size_t broken;

        while (count < OPS_MAX && e.ops[count].sent_us > 0) {
            count++;
        }
        broken = linear_check(e.key, e.ops, count, &why, &at_us);
        buf_deinit(&why);
        if ((broken > 0) != e.is_broken) {
            *which = e.name;
            return false;
        }
    }
    return true;
}
