/* SPDX-License-Identifier: MIT */
/* Images of lists: what is written is, to the byte, what would have been written in one go at the begin. */
#include "store/list_image.h"

#include "base/mem.h"
#include "base/rng.h"
#include "store/entry.h"
#include "store/value_list.h"
#include "store/value_space.h"
#include "tests/unit/seed.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum {
    GROUPS = 700, /* of small elements, with a large one behind */
    OF_GROUP = 3,
    RUN = 3000, /* small elements at either end */
    LARGE = 1100,
    STEP = 100, /* elements */
};

static char large_text[LARGE];

struct world {
    struct keyspace *ks;
    struct key_ref ref;
    struct value_image *image;
    struct buf expected;
    struct buf written;
};

static struct entry *entry_of(const struct world *w)
{
    return keyspace_find_any(w->ks, &w->ref);
}

static uint64_t count_of(const struct world *w)
{
    struct entry *e = entry_of(w);
    struct value value;

    if (e == NULL) {
        return 0;
    }
    value = entry_value(e);
    return list_count(&value);
}

static size_t kept_bytes(const struct world *w)
{
    return keyspace_values(w->ks)->kept_bytes;
}

static void push_small(struct value_draft *draft, unsigned number)
{
    char text[24];
    int len = snprintf(text, sizeof(text), number % 3 == 0 ? "%u" : "e%u", number);

    list_push(draft, LIST_RIGHT, bytes_make(text, (size_t)len));
}

static void fill(struct world *w)
{
    struct value_edit edit;

    keyspace_open(w->ks, &w->ref, keyspace_find_any(w->ks, &w->ref), VALUE_LIST, &edit);
    for (unsigned i = 0; i < RUN; i++) {
        push_small(&edit.draft, i);
    }
    for (unsigned group = 0; group < GROUPS; group++) {
        for (unsigned i = 0; i < OF_GROUP; i++) {
            push_small(&edit.draft, group * i);
        }
        list_push(&edit.draft, LIST_RIGHT, bytes_make(large_text, LARGE));
    }
    for (unsigned i = 0; i < RUN; i++) {
        push_small(&edit.draft, i);
    }
    keyspace_close(w->ks, &edit);
}

static void start(struct world *w)
{
    memset(large_text, 'x', LARGE);
    *w = (struct world){.ks = keyspace_new(&(struct keyspace_options){.database_count = 2,
                                                                      .arena_bytes = 64 << 20})};
    w->ref = keyspace_ref(w->ks, 0, bytes_from_text("list"));
    fill(w);
}

static void begin_image(struct world *w)
{
    buf_clear(&w->expected);
    buf_clear(&w->written);
    value_encode_body(keyspace_types(w->ks), entry_of(w), &w->expected);
    cr_assert(value_image_is_wanted(w->ks, entry_of(w)));
    w->image = value_image_begin(w->ks, entry_of(w));
}

/* True when that was the last. */
static bool step_image(struct world *w, size_t elements)
{
    return value_image_step(w->image, &elements, &w->written);
}

static void end_image(struct world *w)
{
    value_image_end(w->ks, w->image);
    w->image = NULL;
}

/* Written to its end it is what it has to be. */
static void finish_image(struct world *w, const char *what)
{
    while (!step_image(w, STEP)) {
    }
    cr_assert(bytes_equal(buf_bytes(&w->written), buf_bytes(&w->expected)), "%s", what);
    end_image(w);
}

static void work(struct world *w)
{
    while (keyspace_work(w->ks, SIZE_MAX)) {
    }
}

static void stop(struct world *w)
{
    struct keyspace_memory memory;

    keyspace_check(w->ks);
    work(w);
    keyspace_memory(w->ks, &memory);
    cr_assert_eq(memory.pending_bytes, 0);
    buf_deinit(&w->expected);
    buf_deinit(&w->written);
    keyspace_free(w->ks);
    cr_assert_eq(mem_used_total(), 0);
}

/* ---- one change, everywhere ------------------------------------------------------------------------- */

static const struct change {
    const char *name;
    enum {
        INSERT,
        SET,
        REMOVE,
        REMOVE_EQUAL
    } kind;
    const char *text; /* NULL: the large one */
    uint64_t count;
} changes[] = {
    {"insert a small one",       INSERT,       "small", 0         },
    {"insert an integer",        INSERT,       "17",    0         },
    {"insert a large one",       INSERT,       NULL,    0         },
    {"set a small one",          SET,          "other", 0         },
    {"set an integer",           SET,          "5",     0         },
    {"set a large one",          SET,          NULL,    0         },
    {"remove one",               REMOVE,       "",      1         },
    {"remove a few",             REMOVE,       "",      40        },
    {"remove chunks",            REMOVE,       "",      900       },
    {"remove leaves",            REMOVE,       "",      5000      },
    {"remove the rest",          REMOVE,       "",      UINT64_MAX},
    {"remove one that is equal", REMOVE_EQUAL, "0",     1         },
    {"remove those that are",    REMOVE_EQUAL, "0",     UINT64_MAX},
    {"remove large ones",        REMOVE_EQUAL, NULL,    100       },
    {"remove what is not there", REMOVE_EQUAL, "none",  10        },
};

static void apply(struct world *w, const struct change *change, uint64_t index)
{
    struct bytes text =
        change->text != NULL ? bytes_from_text(change->text) : bytes_make(large_text, LARGE);
    uint64_t count = count_of(w);
    struct value_edit edit;

    index = index < count ? index : count - 1;
    keyspace_open(w->ks, &w->ref, keyspace_find_any(w->ks, &w->ref), VALUE_LIST, &edit);
    switch (change->kind) {
    case INSERT:
        list_insert(&edit.draft, index, text);
        break;
    case SET:
        list_set(&edit.draft, index, text);
        break;
    case REMOVE:
        count -= index;
        list_remove(&edit.draft, index, change->count < count ? change->count : count);
        break;
    case REMOVE_EQUAL:
        (void)list_remove_equal(&edit.draft, text, change->count, index % 2 == 0);
        break;
    }
    keyspace_close(w->ks, &edit);
}

Test(list_image, is_what_was_there_whatever_changes_wherever)
{
    for (unsigned progress = 0; progress < 4; progress++) {
        for (unsigned place = 0; place <= 16; place++) {
            for (size_t i = 0; i < ARRAY_COUNT(changes); i++) {
                struct world w;
                uint64_t count;
                char what[100];

                start(&w);
                count = count_of(&w);
                begin_image(&w);
                (void)step_image(&w, count * progress / 4 + 1);
                apply(&w, &changes[i], place == 16 ? count - 1 : count * place / 16);
                if (count_of(&w) > 0) {
                    keyspace_check(w.ks);
                }
                (void)snprintf(what, sizeof(what), "%s at %u after %u", changes[i].name, place,
                               progress);
                finish_image(&w, what);
                stop(&w);
            }
        }
    }
}

Test(list_image, is_what_was_there_when_every_element_changes_in_every_step)
{
    struct world w;
    uint64_t index = 0;
    bool is_last = false;

    start(&w);
    begin_image(&w);
    while (!is_last) {
        struct value_edit edit;

        is_last = step_image(&w, STEP);
        keyspace_open(w.ks, &w.ref, keyspace_find_any(w.ks, &w.ref), VALUE_LIST, &edit);
        for (unsigned i = 0; i < 3 * STEP; i++, index++) {
            list_set(&edit.draft, index % count_of(&w), bytes_from_text("changed"));
        }
        keyspace_close(w.ks, &edit);
    }
    finish_image(&w, "changes everywhere");
    stop(&w);
}

/* ---- the value as a whole ----------------------------------------------------------------------------- */

static void remove_key(struct world *w)
{
    (void)keyspace_remove(w->ks, &w->ref);
}

static void overwrite(struct world *w)
{
    keyspace_set(w->ks, &w->ref, bytes_from_text("text"), EXPIRE_NEVER);
}

static void rename_key(struct world *w)
{
    struct key_ref other = keyspace_ref(w->ks, 0, bytes_from_text("other"));

    keyspace_move(w->ks, &w->ref, &other);
    (void)keyspace_remove(w->ks, &other);
}

static void copy_and_change(struct world *w)
{
    struct key_ref other = keyspace_ref(w->ks, 0, bytes_from_text("other"));

    keyspace_copy(w->ks, entry_of(w), &other);
    apply(w, &changes[10], 1);
    w->ref = other;
    apply(w, &changes[3], 5000);
}

static void flush(struct world *w)
{
    keyspace_flush(w->ks, 0);
}

static void swap(struct world *w)
{
    keyspace_swap(w->ks, 0, 1);
    w->ref = keyspace_ref(w->ks, 1, bytes_from_text("list"));
    apply(w, &changes[9], 1000);
}

Test(list_image, is_what_was_there_whatever_becomes_of_the_value)
{
    static const struct {
        const char *name;
        void (*run)(struct world *w);
    } cases[] = {
        {"removed",          remove_key     },
        {"overwritten",      overwrite      },
        {"renamed",          rename_key     },
        {"copied",           copy_and_change},
        {"flushed",          flush          },
        {"swapped, changed", swap           },
    };

    for (unsigned progress = 0; progress < 5; progress++) {
        for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
            struct world w;

            start(&w);
            begin_image(&w);
            (void)step_image(&w, count_of(&w) * progress / 5 + 1);
            cases[i].run(&w);
            work(&w);
            finish_image(&w, cases[i].name);
            stop(&w);
        }
    }
}

Test(list_image, keeps_what_a_removed_value_had_and_counts_it)
{
    struct world w;
    struct keyspace_memory memory;
    size_t bytes;

    start(&w);
    begin_image(&w);
    keyspace_memory(w.ks, &memory);
    bytes = memory.large_bytes;
    cr_assert_eq(kept_bytes(&w), 0);
    remove_key(&w);
    work(&w);
    keyspace_memory(w.ks, &memory);
    cr_assert_eq(memory.large_bytes, 0);
    cr_assert_gt(memory.pending_bytes, bytes - bytes / 50);
    cr_assert_leq(memory.pending_bytes, bytes);
    finish_image(&w, "removed");
    work(&w);
    cr_assert_eq(kept_bytes(&w), 0);
    stop(&w);
}

/* ---- what it costs -------------------------------------------------------------------------------------- */

Test(list_image, takes_memory_for_what_changes_only)
{
    struct world w;
    size_t leaf_bytes = sizeof(struct chunk_slot) * CHUNKS_OF_LEAF * 2;
    size_t begun;

    start(&w);
    begin_image(&w);
    begun = mem_used_total();
    for (unsigned i = 0; i < 1000; i++) {
        apply(&w, &changes[3], 10);
        apply(&w, &changes[3], 20);
    }
    cr_assert_gt(mem_used_total(), begun);
    cr_assert_lt(mem_used_total(), begun + leaf_bytes + 2 * CHUNK_BYTES);
    cr_assert_lt(kept_bytes(&w), leaf_bytes + 2 * CHUNK_BYTES);
    finish_image(&w, "two chunks changed");
    stop(&w);
}

Test(list_image, begins_with_a_copy_of_the_root_alone)
{
    struct world w;
    const struct chunks *chunks;
    size_t before;

    start(&w);
    chunks = entry_memory(entry_of(&w));
    cr_assert_geq(chunks->root.count, 3);
    before = mem_used_total();
    w.image = value_image_begin(w.ks, entry_of(&w));
    cr_assert_lt(mem_used_total() - before, chunks->root.cap * sizeof(struct chunk_slot) + 600);
    end_image(&w);
    stop(&w);
}

Test(list_image, writes_no_more_in_a_step_than_it_may)
{
    struct world w;
    size_t before = 0;

    start(&w);
    begin_image(&w);
    while (!step_image(&w, 10)) {
        cr_assert_leq(w.written.len - before, 10 * (LARGE + 5));
        before = w.written.len;
    }
    finish_image(&w, "small steps");
    stop(&w);
}

Test(list_image, is_freed_in_slices_when_it_is_given_up)
{
    struct world w;

    start(&w);
    begin_image(&w);
    (void)step_image(&w, RUN + GROUPS);
    remove_key(&w);
    work(&w);
    end_image(&w);
    cr_assert_gt(kept_bytes(&w), 0);
    cr_assert(keyspace_work(w.ks, 100));
    cr_assert_gt(kept_bytes(&w), 0);
    work(&w);
    cr_assert_eq(kept_bytes(&w), 0);
    stop(&w);
}

/* ---- several -------------------------------------------------------------------------------------------- */

Test(list_image, that_follows_one_that_was_given_up_is_as_whole)
{
    struct world w;

    start(&w);
    for (unsigned i = 0; i < 5; i++) {
        begin_image(&w);
        (void)step_image(&w, 1000 * i);
        apply(&w, &changes[i], 1500 * i);
        end_image(&w);
        /* Of its remains some are still to be freed. */
        (void)keyspace_work(w.ks, 20);
        apply(&w, &changes[i + 1], 900 * i);
        begin_image(&w);
        apply(&w, &changes[i + 7], 800 * i);
        finish_image(&w, "the second one");
    }
    stop(&w);
}

Test(list_image, of_another_time_may_be_on_beside_it)
{
    struct world w;
    struct world other;

    start(&w);
    begin_image(&w);
    (void)step_image(&w, 500);
    apply(&w, &changes[3], 700);
    other = w;
    other.expected = other.written = (struct buf){0};
    begin_image(&other);
    apply(&w, &changes[3], 701);
    apply(&w, &changes[9], 1000);
    finish_image(&w, "the first one");
    apply(&other, &changes[10], 100);
    finish_image(&other, "the second one");
    buf_deinit(&other.expected);
    buf_deinit(&other.written);
    stop(&w);
}

Test(list_image, is_what_was_there_whatever_happens_at_random)
{
    uint64_t seed = seed_get();
    struct rng rng;
    struct world w;
    unsigned finished = 0;

    rng_init(&rng, seed);
    start(&w);
    for (unsigned i = 0; i < 30000; i++) {
        const struct change *change = &changes[rng_below(&rng, ARRAY_COUNT(changes))];

        if (count_of(&w) < 2000) {
            fill(&w);
        }
        if (change->count < UINT64_MAX || rng_one_in(&rng, 500)) {
            apply(&w, change, rng_below(&rng, count_of(&w)));
        }
        if (w.image == NULL && count_of(&w) >= 2000) {
            begin_image(&w);
        } else if (w.image != NULL && rng_one_in(&rng, 200)) {
            end_image(&w);
        } else if (w.image != NULL && step_image(&w, rng_below(&rng, STEP))) {
            SEED_ASSERT(bytes_equal(buf_bytes(&w.written), buf_bytes(&w.expected)), seed);
            end_image(&w);
            finished++;
        }
        (void)keyspace_work(w.ks, 5);
        if (i % 500 == 0) {
            keyspace_check(w.ks);
        }
    }
    if (w.image != NULL) {
        end_image(&w);
    }
    SEED_ASSERT(finished > 5, seed);
    stop(&w);
}
