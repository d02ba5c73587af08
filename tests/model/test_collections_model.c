/* SPDX-License-Identifier: MIT */
/* Hashes and sets against models: an array of names with what each should have.
 *
 * Counts go up and down through the sizes where the form in memory changes; values of all kinds of lengths
 * are among them, and images are taken meanwhile. */
#include "base/mem.h"
#include "base/rng.h"
#include "store/keyspace.h"
#include "store/packed.h"
#include "store/value_hash.h"
#include "store/value_set.h"
#include "store/value_space.h"
#include "tests/unit/seed.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum {
    NAMES = 700,
    STEPS = 24000,
    PHASE = 3000, /* steps in which things mostly come, or mostly go */
    LONG_VALUE = 1500,
    NAME_TEXT = 24,
};

struct world {
    struct keyspace *ks;
    struct key_ref ref;
    struct rng rng;
    uint64_t seed;
    bool only_integers; /* names of a set */
    int model[NAMES];   /* of a hash: length of the value; -1: absent */
    unsigned count;
};

static char filler[LONG_VALUE];

static void begin(struct world *w)
{
    *w = (struct world){.seed = seed_get()};
    memset(filler, 'v', sizeof(filler));
    rng_init(&w->rng, w->seed);
    w->ks = keyspace_new(&(struct keyspace_options){.database_count = 1, .hash_seed = w->seed});
    w->ref = keyspace_ref(w->ks, 0, BYTES_LITERAL("key"));
    for (int i = 0; i < NAMES; i++) {
        w->model[i] = -1;
    }
}

static void end(struct world *w)
{
    keyspace_check(w->ks);
    (void)keyspace_remove(w->ks, &w->ref);
    while (keyspace_work(w->ks, SIZE_MAX)) {
    }
    keyspace_free(w->ks);
}

static struct bytes name_of(const struct world *w, unsigned number, char *text)
{
    if (w->only_integers || number % 3 == 0) {
        /* Of all widths, and of both signs. */
        int64_t integer = (int64_t)number << (number % 5 * 10);

        return bytes_make(text, num_format_i64(text, number % 2 == 0 ? integer : -integer));
    }
    return bytes_make(text, (size_t)snprintf(text, NAME_TEXT, "name:%u", number));
}

static struct value view(const struct world *w, enum value_type type)
{
    const struct entry *e = keyspace_find_any(w->ks, &w->ref);

    return e != NULL ? entry_value(e) : (struct value){.type = type};
}

static bool wants_more(struct world *w, int step)
{
    return (step / PHASE) % 2 == 0 ? rng_below(&w->rng, 5) > 0 : rng_below(&w->rng, 5) == 0;
}

static void step_hash(struct world *w, int step)
{
    unsigned number = (unsigned)rng_below(&w->rng, NAMES);
    char text[NAME_TEXT];
    struct bytes name = name_of(w, number, text);
    struct value_edit edit;
    int *len = &w->model[number];

    keyspace_open(w->ks, &w->ref, keyspace_find_any(w->ks, &w->ref), VALUE_HASH, &edit);
    if (wants_more(w, step)) {
        size_t most = rng_below(&w->rng, 50) == 0 ? LONG_VALUE : 12;
        struct bytes value = bytes_make(filler, rng_below(&w->rng, most));

        SEED_ASSERT(hash_set(&edit.draft, name, value) == (*len < 0), w->seed);
        w->count += *len < 0;
        *len = (int)value.len;
    } else {
        SEED_ASSERT(hash_remove(&edit.draft, name) == (*len >= 0), w->seed);
        w->count -= *len >= 0;
        *len = -1;
    }
    SEED_ASSERT(keyspace_close(w->ks, &edit) == (w->count > 0), w->seed);
}

static void see_field(void *context, const struct value_element *pair)
{
    unsigned *seen = context;

    seen[0]++;
    seen[1] += (unsigned)pair->value.len;
}

static void check_hash(const struct world *w)
{
    struct value hash = view(w, VALUE_HASH);
    unsigned seen[2] = {0};
    unsigned bytes = 0;
    uint64_t cursor = 0;

    SEED_ASSERT(hash_count(&hash) == w->count, w->seed);
    for (unsigned i = 0; i < NAMES; i++) {
        char text[NAME_TEXT];
        struct hash_found found;
        bool is_there = hash_find(&hash, name_of(w, i, text), &found);

        SEED_ASSERT(is_there == (w->model[i] >= 0), w->seed);
        SEED_ASSERT(!is_there || found.value.len == (size_t)w->model[i], w->seed);
        bytes += is_there ? (unsigned)w->model[i] : 0;
    }
    do {
        cursor = w->count == 0 ? 0 : hash_walk(&hash, cursor, 10, see_field, seen);
    } while (cursor != 0);
    SEED_ASSERT(seen[0] == w->count && seen[1] == bytes, w->seed);
    keyspace_check(w->ks);
}

Test(collections_model, a_hash_is_what_its_model_is)
{
    struct world w;
    unsigned most = 0;

    begin(&w);
    for (int step = 0; step < STEPS; step++) {
        step_hash(&w, step);
        most = w.count > most ? w.count : most;
        if (step % 1000 == 0) {
            check_hash(&w);
        }
    }
    cr_assert_gt(most, 2 * HASH_PACKED_FIELDS);
    end(&w);
}

static void step_set(struct world *w, int step)
{
    unsigned number = (unsigned)rng_below(&w->rng, NAMES);
    char text[NAME_TEXT];
    struct bytes name = name_of(w, number, text);
    struct value_edit edit;
    bool is_there = w->model[number] >= 0;

    keyspace_open(w->ks, &w->ref, keyspace_find_any(w->ks, &w->ref), VALUE_SET, &edit);
    if (wants_more(w, step)) {
        SEED_ASSERT(set_add(&edit.draft, name) == !is_there, w->seed);
        w->count += !is_there;
        w->model[number] = 0;
    } else {
        SEED_ASSERT(set_remove(&edit.draft, name) == is_there, w->seed);
        w->count -= is_there;
        w->model[number] = -1;
    }
    SEED_ASSERT(keyspace_close(w->ks, &edit) == (w->count > 0), w->seed);
}

static void count_member(void *context, struct bytes member)
{
    (void)member;
    ++*(uint64_t *)context;
}

static void check_set(struct world *w)
{
    struct value set = view(w, VALUE_SET);
    uint64_t seen = 0;
    uint64_t drawn = 0;
    uint64_t cursor = 0;
    uint64_t wanted = w->count > 0 ? rng_below(&w->rng, w->count) : 0;

    SEED_ASSERT(set_count(&set) == w->count, w->seed);
    for (unsigned i = 0; i < NAMES; i++) {
        char text[NAME_TEXT];

        SEED_ASSERT(set_has(&set, name_of(w, i, text)) == (w->model[i] >= 0), w->seed);
    }
    do {
        cursor = w->count == 0 ? 0 : set_scan(&set, cursor, 10, count_member, &seen);
    } while (cursor != 0);
    SEED_ASSERT(seen == w->count, w->seed);
    if (w->count > 0) {
        set_sample(&set, &w->rng, wanted, count_member, &drawn);
    }
    SEED_ASSERT(drawn == wanted, w->seed);
    keyspace_check(w->ks);
}

static void run_set(bool only_integers, unsigned least_most)
{
    struct world w;
    unsigned most = 0;

    begin(&w);
    w.only_integers = only_integers;
    for (int step = 0; step < STEPS; step++) {
        step_set(&w, step);
        most = w.count > most ? w.count : most;
        if (step % 1000 == 0) {
            check_set(&w);
        }
    }
    cr_assert_gt(most, least_most);
    end(&w);
}

Test(collections_model, a_set_is_what_its_model_is)
{
    run_set(false, 2 * SET_PACKED_MEMBERS);
}

Test(collections_model, a_set_of_integers_is_what_its_model_is)
{
    run_set(true, 2 * SET_PACKED_MEMBERS);
}
