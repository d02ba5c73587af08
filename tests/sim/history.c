/* SPDX-License-Identifier: MIT */
/* After Wing and Gong, with a memory of where the search has been: a place is which operations are done, and what the key is
 * then.  All places are visited, since what the key can have been matters for the next reign. */
#include "tests/sim/history.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/vec.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    PLACES_MAX = 200000, /* of one search */
    WINDOW = 64,         /* operations behind the first that is not done */
    UNANSWERED_MAX = 64, /* in one reign */
    TABLE_FIRST = 256,
};

/* What the key can have been, and when the latest operation that can have made it so was answered. */
struct state {
    uint64_t value;
    int64_t made_us;
};

struct states {
    VEC(struct state) list;
};

struct place {
    uint32_t front;  /* all answered ones before are done, this one is not; */
    uint64_t done;   /* of those from there on these are, */
    uint64_t others; /* of the unanswered ones these are */
    uint64_t value;
};

struct search {
    VEC(const struct history_op *) answered;   /* in the order in which they were sent */
    VEC(const struct history_op *) unanswered; /* that change the key */
    VEC(struct place) places;
    uint32_t *table; /* index + 1 in places, by hash */
    size_t table_size;
    bool is_too_much;
};

/* ---- what the key can have been ---------------------------------------------------------------- */

static void add_state(struct states *states, uint64_t value, int64_t made_us)
{
    for (size_t i = 0; i < states->list.count; i++) {
        struct state *s = &states->list.items[i];

        if (s->value == value) {
            s->made_us = made_us > s->made_us ? made_us : s->made_us;
            return;
        }
    }
    VEC_PUSH(&states->list, ((struct state){.value = value, .made_us = made_us}));
}

/* ---- where the search has been ------------------------------------------------------------------ */

static uint64_t hash_of(const struct place *p)
{
    uint64_t h = p->front * UINT64_C(0x9e3779b97f4a7c15);

    h = (h ^ p->done) * UINT64_C(0xbf58476d1ce4e5b9);
    h = (h ^ (h >> 29) ^ p->others) * UINT64_C(0x94d049bb133111eb);
    h = (h ^ (h >> 31) ^ p->value) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ (h >> 32);
}

static bool is_same(const struct place *a, const struct place *b)
{
    return a->front == b->front && a->done == b->done && a->others == b->others &&
           a->value == b->value;
}

static void put_in_table(struct search *s, size_t index)
{
    size_t at = hash_of(&s->places.items[index]) % s->table_size;

    while (s->table[at] != 0) {
        at = (at + 1) % s->table_size;
    }
    s->table[at] = (uint32_t)index + 1;
}

static void grow_table(struct search *s)
{
    size_t size = s->table_size == 0 ? TABLE_FIRST : 4 * s->table_size;

    mem_free(MEM_TEST, s->table);
    s->table = mem_alloc_zeroed(MEM_TEST, size * sizeof(*s->table));
    s->table_size = size;
    for (size_t i = 0; i < s->places.count; i++) {
        put_in_table(s, i);
    }
}

static void visit(struct search *s, struct place place)
{
    while (place.done & 1) {
        place.done >>= 1;
        place.front++;
    }
    if (2 * s->places.count >= s->table_size) {
        grow_table(s);
    }
    for (size_t at = hash_of(&place) % s->table_size; s->table[at] != 0;
         at = (at + 1) % s->table_size) {
        if (is_same(&s->places.items[s->table[at] - 1], &place)) {
            return;
        }
    }
    if (s->places.count >= PLACES_MAX) {
        s->is_too_much = true;
        return;
    }
    VEC_PUSH(&s->places, place);
    put_in_table(s, s->places.count - 1);
}

/* ---- one reign ----------------------------------------------------------------------------------- */

/* What the operation makes of the key; false: it cannot have been answered so. */
static bool apply(const struct history_op *op, uint64_t *value)
{
    switch (op->kind) {
    case HISTORY_READ:
        return op->value == *value;
    case HISTORY_SET:
        *value = op->value;
        return true;
    case HISTORY_ADD:
        *value += 1;
        return !op->is_answered || op->value == *value;
    }
    return false;
}

static bool is_done(const struct place *p, size_t index)
{
    return index < p->front ||
           (index - p->front < WINDOW && ((p->done >> (index - p->front)) & 1) != 0);
}

/* Whatever is next takes effect before the first answer to what is not done, and after the last was sent that is. */
static void find_bounds(const struct search *s, const struct place *p, int64_t *from_us,
                        int64_t *until_us)
{
    size_t end = p->front + WINDOW < s->answered.count ? p->front + WINDOW : s->answered.count;

    *until_us = INT64_MAX;
    *from_us = p->front > 0 ? s->answered.items[p->front - 1]->sent_us : INT64_MIN;
    for (size_t i = p->front; i < end; i++) {
        const struct history_op *op = s->answered.items[i];

        if (is_done(p, i)) {
            *from_us = op->sent_us;
        } else if (op->returned_us < *until_us) {
            *until_us = op->returned_us;
        }
    }
}

static void go_on_from(struct search *s, struct place p, struct states *seen)
{
    int64_t from_us;
    int64_t until_us;

    find_bounds(s, &p, &from_us, &until_us);
    for (size_t i = p.front; i < s->answered.count && s->answered.items[i]->sent_us <= until_us;
         i++) {
        const struct history_op *op = s->answered.items[i];
        struct place next = p;

        if (i - p.front >= WINDOW) {
            s->is_too_much = true;
            return;
        }
        if (is_done(&p, i) || !apply(op, &next.value)) {
            continue;
        }
        if (op->kind != HISTORY_READ) {
            add_state(seen, next.value, op->returned_us);
        }
        next.done |= UINT64_C(1) << (i - p.front);
        visit(s, next);
    }
    for (size_t i = 0; i < s->unanswered.count; i++) {
        const struct history_op *op = s->unanswered.items[i];
        struct place next = p;

        if (((p.others >> i) & 1) == 0 && op->sent_us <= until_us && op->returned_us >= from_us) {
            (void)apply(op, &next.value);
            add_state(seen, next.value, INT64_MAX);
            next.others |= UINT64_C(1) << i;
            visit(s, next);
        }
    }
}

/* Is its value told by any read?  Else it need not have been. */
static bool is_read(const struct history_op *op, const struct history_op *ops, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (ops[i].kind == HISTORY_READ && ops[i].is_answered && ops[i].value == op->value) {
            return true;
        }
    }
    return false;
}

static void add_unanswered(struct search *s, const struct history_op *op)
{
    if (s->unanswered.count == UNANSWERED_MAX) {
        s->is_too_much = true;
        return;
    }
    VEC_PUSH(&s->unanswered, op);
}

static int by_sent(const void *a, const void *b)
{
    const struct history_op *const *x = a;
    const struct history_op *const *y = b;

    return ((*x)->sent_us > (*y)->sent_us) - ((*x)->sent_us < (*y)->sent_us);
}

struct reign_range {
    size_t index;
    const struct history_reign *reign;
    int64_t end_us;
};

static void gather(struct search *s, const struct history_op *ops, size_t count,
                   const struct reign_range *range)
{
    for (size_t i = 0; i < count; i++) {
        const struct history_op *op = &ops[i];
        bool may_be_here = (op->is_passed_on || op->node == range->reign->node) &&
                           op->sent_us <= range->end_us &&
                           op->returned_us >= range->reign->began_us;

        if (op->is_answered && op->reign == range->index) {
            VEC_PUSH(&s->answered, op);
        } else if (!op->is_answered && may_be_here && op->kind != HISTORY_READ &&
                   (op->kind == HISTORY_ADD || is_read(op, ops, count))) {
            add_unanswered(s, op);
        }
    }
    if (s->answered.count > 1) {
        qsort(s->answered.items, s->answered.count, sizeof(s->answered.items[0]), by_sent);
    }
}

static void deinit(struct search *s)
{
    VEC_DEINIT(&s->answered);
    VEC_DEINIT(&s->unanswered);
    VEC_DEINIT(&s->places);
    mem_free(MEM_TEST, s->table);
}

/* From what it can be at first to what it can be at last; seen: all that it can have been. */
static enum history_verdict search_reign(const struct history_op *ops, size_t count,
                                         const struct reign_range *range,
                                         const struct states *first, struct states *last,
                                         struct states *seen)
{
    struct search s = {0};
    enum history_verdict verdict = HISTORY_BROKEN;

    gather(&s, ops, count, range);
    for (size_t i = 0; i < first->list.count; i++) {
        visit(&s, (struct place){.value = first->list.items[i].value});
        add_state(seen, first->list.items[i].value, first->list.items[i].made_us);
    }
    for (size_t i = 0; i < s.places.count && !s.is_too_much; i++) {
        struct place p = s.places.items[i];

        if (p.front == s.answered.count) {
            verdict = HISTORY_SOUND;
            add_state(last, p.value, INT64_MAX);
        }
        go_on_from(&s, p, seen);
    }
    if (s.is_too_much) {
        verdict = HISTORY_UNKNOWN;
    }
    deinit(&s);
    return verdict;
}

/* ---- reign after reign --------------------------------------------------------------------------- */

/* When the last write was sent that must not be lost by what happens now. */
static int64_t find_safe_us(const struct history_op *ops, size_t count, int64_t now_us)
{
    int64_t safe_us = INT64_MIN;

    for (size_t i = 0; i < count; i++) {
        const struct history_op *op = &ops[i];

        if (op->kind != HISTORY_READ && op->confirmed_us > 0 && op->confirmed_us < now_us &&
            op->safe_until_us >= now_us && op->sent_us > safe_us) {
            safe_us = op->sent_us;
        }
    }
    return safe_us;
}

/* With what it can begin, by promises (3) and (4). */
static void begin_reign(const struct history_op *ops, size_t count,
                        const struct history_reign *reign, const struct states *seen,
                        struct states *now)
{
    int64_t safe_us = find_safe_us(ops, count, reign->began_us);

    if (reign->keeps_all) {
        return;
    }
    now->list.count = 0;
    for (size_t i = 0; i < seen->list.count; i++) {
        if (seen->list.items[i].made_us >= safe_us) {
            add_state(now, seen->list.items[i].value, seen->list.items[i].made_us);
        }
    }
}

/* Promise (2). */
static const struct history_op *find_late(const struct history_op *ops, size_t count,
                                          const struct reign_range *range)
{
    for (size_t i = 0; i < count; i++) {
        if (ops[i].is_answered && ops[i].reign == range->index && ops[i].sent_us > range->end_us) {
            return &ops[i];
        }
    }
    return NULL;
}

static void print_op(struct buf *out, const struct history_op *op)
{
    static const char *const names[] = {
        [HISTORY_READ] = "read", [HISTORY_SET] = "set", [HISTORY_ADD] = "added one:"};

    buf_printf(out, "\n    %.6f - %.6f client %d at node %d %s ", (double)op->sent_us / 1e6,
               (double)op->returned_us / 1e6, op->client, op->node, names[op->kind]);
    if (op->is_answered || op->kind == HISTORY_SET) {
        buf_printf(out, "%" PRIu64, op->value);
    }
    buf_printf(out, "%s%s", op->is_answered ? "" : " (no answer)",
               op->confirmed_us > 0 ? " (confirmed by all)" : "");
}

static bool is_still_broken(const struct history_op *ops, size_t count,
                            const struct reign_range *range, const struct states *first)
{
    struct states last = {0};
    struct states seen = {0};
    bool is_broken = search_reign(ops, count, range, first, &last, &seen) == HISTORY_BROKEN;

    VEC_DEINIT(&last.list);
    VEC_DEINIT(&seen.list);
    return is_broken;
}

/* Without what it was needed for it would say too much: a value that is read has to have been set, and sums have been counted. */
static bool is_needed(const struct history_op *ops, size_t count, size_t index)
{
    return ops[index].kind == HISTORY_ADD ||
           (ops[index].kind == HISTORY_SET && is_read(&ops[index], ops, count));
}

static void shrink(struct history_op *ops, size_t *count, const struct reign_range *range,
                   const struct states *first)
{
    for (size_t i = *count; i-- > 0;) {
        struct history_op removed = ops[i];

        if (is_needed(ops, *count, i)) {
            continue;
        }
        memmove(&ops[i], &ops[i + 1], (*count - i - 1) * sizeof(*ops));
        (*count)--;
        if (!is_still_broken(ops, *count, range, first)) {
            memmove(&ops[i + 1], &ops[i], (*count - i) * sizeof(*ops));
            ops[i] = removed;
            (*count)++;
        }
    }
}

/* What was answered until then; the rest may have been or not. */
static size_t take_prefix(const struct history_op *ops, size_t count, size_t reign,
                          int64_t until_us, struct history_op *out)
{
    size_t taken = 0;

    for (size_t i = 0; i < count; i++) {
        if (ops[i].sent_us <= until_us && (!ops[i].is_answered || ops[i].reign == reign)) {
            out[taken] = ops[i];
            out[taken].is_answered = ops[i].is_answered && ops[i].returned_us <= until_us;
            taken++;
        }
    }
    return taken;
}

static void explain(const struct history_op *ops, size_t count, const struct reign_range *range,
                    const struct states *first, struct buf *why)
{
    struct history_op *some = mem_alloc_zeroed(MEM_TEST, (count + 1) * sizeof(*some));
    int64_t until_us = INT64_MAX;
    size_t taken;

    /* Until the first answer that cannot be. */
    for (size_t i = 0; i < count; i++) {
        if (ops[i].is_answered && ops[i].reign == range->index && ops[i].returned_us < until_us) {
            taken = take_prefix(ops, count, range->index, ops[i].returned_us, some);
            if (is_still_broken(some, taken, range, first)) {
                until_us = ops[i].returned_us;
            }
        }
    }
    taken = take_prefix(ops, count, range->index, until_us, some);
    shrink(some, &taken, range, first);
    buf_printf(
        why, "no order explains what node %d, which has served since %.6f, has told; it began with",
        range->reign->node, (double)range->reign->began_us / 1e6);
    if (first->list.count > 4) {
        buf_printf(why, " one of %zu values", first->list.count);
    }
    for (size_t i = 0; i < first->list.count && first->list.count <= 4; i++) {
        buf_printf(why, " %" PRIu64, first->list.items[i].value);
    }
    for (size_t i = 0; i < taken; i++) {
        print_op(why, &some[i]);
    }
    mem_free(MEM_TEST, some);
}

static enum history_verdict check_reign(const struct history_op *ops, size_t count,
                                        const struct reign_range *range, struct states *now,
                                        struct states *seen, struct buf *why)
{
    const struct history_op *late = find_late(ops, count, range);
    struct states last = {0};
    enum history_verdict verdict;

    if (late != NULL) {
        buf_printf(why, "node %d has answered what was asked when it had been replaced (%.6f)",
                   range->reign->node, (double)range->end_us / 1e6);
        print_op(why, late);
        return HISTORY_BROKEN;
    }
    begin_reign(ops, count, range->reign, seen, now);
    verdict = search_reign(ops, count, range, now, &last, seen);
    if (verdict == HISTORY_BROKEN) {
        explain(ops, count, range, now, why);
    }
    VEC_DEINIT(&now->list);
    *now = last;
    return verdict;
}

enum history_verdict history_check(const struct history_op *ops, size_t op_count,
                                   const struct history_reign *reigns, size_t reign_count,
                                   struct buf *why)
{
    struct states seen = {0};
    struct states now = {0};
    enum history_verdict verdict = HISTORY_SOUND;

    add_state(&now, 0, INT64_MIN);
    add_state(&seen, 0, INT64_MIN);
    for (size_t i = 0; i < reign_count && verdict == HISTORY_SOUND; i++) {
        struct reign_range range = {
            .index = i,
            .reign = &reigns[i],
            .end_us = i + 1 < reign_count ? reigns[i + 1].began_us : INT64_MAX,
        };

        verdict = check_reign(ops, op_count, &range, &now, &seen, why);
    }
    VEC_DEINIT(&seen.list);
    VEC_DEINIT(&now.list);
    return verdict;
}
