/* SPDX-License-Identifier: MIT */
/* Lists against a naive model, an array of texts, packed and in chunks, and what they promise about memory. */
#include "store/value_list.h"

#include "base/mem.h"
#include "base/rng.h"
#include "store/entry.h"
#include "store/value_space.h"
#include "tests/unit/seed.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum {
    MODEL_MAX = 6000,
    MODEL_STEPS = 12000,
};

struct model {
    struct keyspace *ks;
    struct key_ref ref;
    struct value_edit edit;
    struct rng rng;
    struct buf texts[MODEL_MAX];
    size_t count;
};

static struct value now(const struct model *m)
{
    struct entry *e = keyspace_find_any(m->ks, &m->ref);

    return e != NULL ? entry_value(e) : (struct value){.type = VALUE_LIST};
}

static struct value_draft *open_list(struct model *m)
{
    keyspace_open(m->ks, &m->ref, keyspace_find_any(m->ks, &m->ref), VALUE_LIST, &m->edit);
    return &m->edit.draft;
}

static void close_list(struct model *m)
{
    keyspace_close(m->ks, &m->edit);
}

static void model_init(struct model *m, uint64_t seed)
{
    const struct keyspace_options options = {.database_count = 1, .arena_bytes = 64 << 20};

    *m = (struct model){.ks = keyspace_new(&options)};
    rng_init(&m->rng, seed);
    m->ref = keyspace_ref(m->ks, 0, bytes_from_text("list"));
}

static void model_deinit(struct model *m)
{
    for (size_t i = 0; i < m->count; i++) {
        buf_deinit(&m->texts[i]);
    }
    keyspace_check(m->ks);
    keyspace_free(m->ks);
    cr_assert_eq(mem_used_total(), 0);
}

/* Few different short texts, so that equal ones are found; integers; and some that are long. */
static void random_text(struct model *m, struct buf *out)
{
    static const size_t lengths[] = {0, 3, 10, 62, 64, 200, 1000, 1030, 5000, 20000};
    size_t len = lengths[rng_below(&m->rng, rng_one_in(&m->rng, 20) ? 10 : 4)];

    buf_clear(out);
    if (rng_one_in(&m->rng, 3)) {
        buf_append_i64(out, (int64_t)rng_below(&m->rng, 20) * 4001 - 20000);
        return;
    }
    while (out->len < len) {
        buf_append_byte(out, (char)('a' + rng_below(&m->rng, out->len < 1 ? 3 : 1)));
    }
}

static void insert_text(struct model *m, size_t index, struct bytes text)
{
    memmove(&m->texts[index + 1], &m->texts[index], (m->count - index) * sizeof(m->texts[0]));
    m->texts[index] = (struct buf){0};
    buf_append_bytes(&m->texts[index], text);
    m->count++;
}

static void remove_texts(struct model *m, size_t index, size_t count)
{
    for (size_t i = index; i < index + count; i++) {
        buf_deinit(&m->texts[i]);
    }
    m->count -= count;
    memmove(&m->texts[index], &m->texts[index + count], (m->count - index) * sizeof(m->texts[0]));
}

static size_t remove_equal_texts(struct model *m, struct bytes text, size_t limit, bool from_right)
{
    size_t removed = 0;

    for (size_t i = 0; i < m->count && removed < limit;) {
        size_t at = from_right ? m->count - 1 - i : i;

        if (bytes_equal(buf_bytes(&m->texts[at]), text)) {
            remove_texts(m, at, 1);
            removed++;
        } else {
            i++;
        }
    }
    return removed;
}

static void step(struct model *m, bool is_growing)
{
    struct buf text = {0};
    size_t index = m->count == 0 ? 0 : rng_below(&m->rng, m->count);
    unsigned kind = (unsigned)rng_below(&m->rng, is_growing ? 7 : 10);
    size_t count = rng_below(&m->rng, rng_one_in(&m->rng, 30) ? 2000 : 8);

    random_text(m, &text);
    if (kind < 6 && m->count < MODEL_MAX) {
        size_t places[] = {0, m->count, index};

        index = places[kind % 3];
        list_insert(open_list(m), index, buf_bytes(&text));
        insert_text(m, index, buf_bytes(&text));
    } else if (kind == 6 && m->count > 0) {
        list_set(open_list(m), index, buf_bytes(&text));
        buf_clear(&m->texts[index]);
        buf_append_bytes(&m->texts[index], buf_bytes(&text));
    } else if (kind == 7) {
        size_t removed = list_remove_equal(open_list(m), buf_bytes(&text), count, count % 2 == 0);

        cr_assert_eq(removed, remove_equal_texts(m, buf_bytes(&text), count, count % 2 == 0));
    } else {
        count = count < m->count - index ? count : m->count - index;
        index = kind == 8 ? 0 : index;
        list_remove(open_list(m), index, count);
        remove_texts(m, index, count);
    }
    close_list(m);
    buf_deinit(&text);
}

static void compare(struct model *m, size_t from, bool is_leftward)
{
    struct value value = now(m);
    struct list_reader r;
    struct packed_item item;
    char scratch[PACKED_SCRATCH];
    size_t count = is_leftward ? from + 1 : m->count - from;

    cr_assert_eq(list_count(&value), m->count);
    if (m->count == 0) {
        return;
    }
    list_read(&value, from, is_leftward, &r);
    for (size_t i = 0; i < count; i++) {
        size_t at = is_leftward ? from - i : from + i;

        cr_assert(list_next(&r, &item));
        cr_assert(bytes_equal(packed_item_text(&item, scratch), buf_bytes(&m->texts[at])));
    }
    cr_assert_not(list_next(&r, &item));
}

static void run_model(uint64_t seed)
{
    struct model m;
    bool was_packed = false;
    bool was_chunks = false;
    size_t crossings = 0;

    model_init(&m, seed);
    for (size_t i = 0; i < MODEL_STEPS; i++) {
        bool is_packed;

        step(&m, i / 1500 % 2 == 0);
        is_packed = now(&m).memory == NULL;
        crossings += i > 0 && is_packed != was_packed;
        was_packed = is_packed;
        was_chunks = was_chunks || !is_packed;
        if (i % 64 == 0) {
            size_t from = m.count == 0 ? 0 : rng_below(&m.rng, m.count);

            compare(&m, from, false);
            compare(&m, from, true);
            keyspace_check(m.ks);
        }
    }
    cr_assert(was_chunks);
    cr_assert_geq(crossings, 4, "only %zu changes between packed and chunks", crossings);
    model_deinit(&m);
}

Test(value_list, random_changes_give_what_an_array_gives)
{
    run_model(1);
    run_model(2);
    run_model(seed_get());
}

static void push_many(struct model *m, size_t count, enum list_end end)
{
    struct value_draft *draft = open_list(m);
    char text[24];

    for (size_t i = 0; i < count; i++) {
        int len = snprintf(text, sizeof(text), "e%09zu", i);

        list_push(draft, end, bytes_make(text, (size_t)len));
    }
    close_list(m);
}

static double bytes_per_element(struct model *m)
{
    struct keyspace_memory memory;

    keyspace_memory(m->ks, &memory);
    return (double)memory.large_bytes /
           (double)list_count(&(struct value){.type = VALUE_LIST, .memory = now(m).memory});
}

Test(value_list, elements_of_ten_bytes_take_less_than_thirteen)
{
    struct model m;

    for (int end = LIST_LEFT; end <= LIST_RIGHT; end++) {
        model_init(&m, 1);
        push_many(&m, 300000, (enum list_end)end);
        cr_assert_lt(bytes_per_element(&m), 12.7, "%f", bytes_per_element(&m));
        model_deinit(&m);
    }
}

Test(value_list, a_large_list_has_leaves_that_split_in_the_middle_and_at_both_ends)
{
    struct bytes text = {0};
    struct model m;
    struct buf large = {0};

    for (size_t i = 0; i < 1100; i++) {
        buf_append_byte(&large, 'x');
    }
    text = buf_bytes(&large);
    model_init(&m, 1);
    for (size_t i = 0; i < 3000; i++) {
        struct value value = now(&m);
        uint64_t count = list_count(&value);
        uint64_t places[] = {0, count, count / 2};

        list_insert(open_list(&m), places[i % 3], text);
        close_list(&m);
    }
    cr_assert_eq(((const struct chunks *)now(&m).memory)->sums.chunk_count, 3000);
    cr_assert_geq(((const struct chunks *)now(&m).memory)->root.count, 6);
    keyspace_check(m.ks);
    list_remove(open_list(&m), 700, 2000);
    close_list(&m);
    keyspace_check(m.ks);
    buf_deinit(&large);
    model_deinit(&m);
}

Test(value_list, neighbours_that_became_small_are_merged)
{
    struct model m;
    uint64_t before;
    const struct chunks *chunks;

    model_init(&m, 1);
    push_many(&m, 100000, LIST_RIGHT);
    chunks = now(&m).memory;
    before = chunks->sums.chunk_count;
    for (uint64_t i = 0; i < 9000; i++) {
        list_remove(open_list(&m), i + 1, 10);
        close_list(&m);
    }
    chunks = now(&m).memory;
    cr_assert_eq(chunks->count, 10000);
    cr_assert_lt(chunks->sums.chunk_count, before / 4);
    cr_assert_gt(chunks->sums.data_bytes * 100, chunks->sums.room_bytes * 25);
    model_deinit(&m);
}

Test(value_list, a_queue_keeps_its_memory_small)
{
    struct model m;

    model_init(&m, 1);
    push_many(&m, 2000, LIST_RIGHT);
    for (size_t i = 0; i < 50000; i++) {
        struct value_draft *draft = open_list(&m);

        list_push(draft, i % 2000 < 1000 ? LIST_RIGHT : LIST_LEFT, bytes_from_text("0123456789"));
        list_remove(draft, i % 2000 < 1000 ? 0 : 1999, 1);
        close_list(&m);
    }
    keyspace_check(m.ks);
    cr_assert_lt(bytes_per_element(&m), 24, "%f", bytes_per_element(&m));
    model_deinit(&m);
}

Test(value_list, what_is_small_to_clients_goes_by_the_directive)
{
    static const struct {
        int64_t limit;
        size_t count;
        const char *name;
    } cases[] = {
        {-2, 600,   "listpack" },
        {-2, 700,   "quicklist"},
        {-1, 340,   "listpack" },
        {-1, 342,   "quicklist"},
        {-5, 5400,  "listpack" },
        {-9, 5500,  "quicklist"},
        {4,  4,     "listpack" },
        {4,  5,     "quicklist"},
        {-3, 1300,  "listpack" },
        {-4, 10000, "quicklist"},
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct value_limits limits = value_limits_default;
        struct model m;

        model_init(&m, 1);
        limits.list_max_listpack_size = cases[i].limit;
        keyspace_set_limits(m.ks, &limits);
        push_many(&m, cases[i].count, LIST_RIGHT);
        cr_assert_str_eq(value_list.encoding_name(keyspace_find_any(m.ks, &m.ref)), cases[i].name,
                         "case %zu", i);
        model_deinit(&m);
    }
}

Test(value_list, a_list_is_freed_in_slices_and_its_copy_lives_on)
{
    struct model m;
    struct key_ref other;
    size_t budget = 100;
    void *memory;

    model_init(&m, 1);
    push_many(&m, 200000, LIST_RIGHT);
    other = keyspace_ref(m.ks, 0, bytes_from_text("other"));
    keyspace_copy(m.ks, keyspace_find_any(m.ks, &m.ref), &other);
    memory = value_list.copy(now(&m).memory);
    cr_assert_not(value_list.free(&memory, &budget));
    cr_assert_eq(budget, 0);
    value_list.bytes(memory);
    budget = SIZE_MAX;
    cr_assert(value_list.free(&memory, &budget));
    keyspace_remove(m.ks, &m.ref);
    m.ref = other;
    cr_assert_eq(((const struct chunks *)now(&m).memory)->count, 200000);
    keyspace_check(m.ks);
    model_deinit(&m);
}

Test(value_list, what_is_cut_off_a_large_list_is_freed_in_slices)
{
    struct keyspace_memory memory;
    struct model m;

    model_init(&m, 1);
    push_many(&m, 200000, LIST_RIGHT);
    list_remove(open_list(&m), 50, 199900);
    close_list(&m);
    cr_assert_eq(packed_count(now(&m).inlined), 100);
    keyspace_check(m.ks);
    keyspace_memory(m.ks, &memory);
    cr_assert_gt(memory.pending_bytes, 2000000);
    cr_assert(keyspace_work(m.ks, 100));
    while (keyspace_work(m.ks, 100)) {
    }
    keyspace_memory(m.ks, &memory);
    cr_assert_eq(memory.pending_bytes, 0);
    model_deinit(&m);
}

Test(value_list, what_is_cut_off_a_large_list_goes_in_whole_leaves)
{
    struct model m;
    struct value_draft *draft;
    const struct chunks *chunks;
    const struct chunks *dropped;
    const void *second;

    model_init(&m, 1);
    push_many(&m, 1500000, LIST_RIGHT);
    draft = open_list(&m);
    chunks = draft->memory;
    cr_assert_geq(chunks->root.count, 4);
    second = chunk_slots_at(&chunks->root, 1)->child;
    list_remove(draft, 1000, 1400000);
    chunks_check(draft->memory);
    dropped = draft->dropped;
    chunks_check(dropped);
    cr_assert_leq(dropped->root.count, 5);
    cr_assert_eq(chunk_slots_at(&dropped->root, 1)->child, second, "it was taken apart");
    close_list(&m);
    keyspace_check(m.ks);
    model_deinit(&m);
}
