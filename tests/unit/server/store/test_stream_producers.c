/* SPDX-License-Identifier: MIT */
/* What producers have added, against an array of it. */
#include "store/stream_producers.h"

#include "base/rng.h"
#include "base/vec.h"
#include "store/entry.h"
#include "store/stream_state.h"
#include "store/value_space.h"
#include "tests/unit/seed.h"
#include "tests/unit/server/store/space.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum {
    PRODUCERS = 6,
    IIDS = 20,
    STEPS = 5000,
    NAME_TEXT = 48,
    MANY = 20000,
};

struct known {
    unsigned producer;
    unsigned iid;
    struct stream_id id;
};

struct world {
    struct keyspace *ks;
    struct key_ref ref;
    VEC(struct known) known; /* in order, without what has expired */
    struct stream_producers_settings settings;
    uint64_t now_ms;
};

static void begin(struct world *w)
{
    *w = (struct world){
        .ks = space_new(false), .settings = {100, 100},
             .now_ms = 1000
    };
    w->ref = keyspace_ref(w->ks, 0, BYTES_LITERAL("s"));
}

static void end(struct world *w)
{
    VEC_DEINIT(&w->known);
    space_free(w->ks);
}

static const struct stream *stream_at(struct world *w)
{
    struct value value = entry_value(keyspace_find_any(w->ks, &w->ref));

    return stream_of(&value);
}

static struct bytes name_of(const char *kind, unsigned number, char *text)
{
    return bytes_make(text, (size_t)snprintf(text, NAME_TEXT, "%s:%u", kind, number));
}

static void change(struct world *w, struct value_edit *edit)
{
    keyspace_open(w->ks, &w->ref, keyspace_find_any(w->ks, &w->ref), VALUE_STREAM, edit);
}

/* It ends with a look at every invariant, memory included. */
static void close_and_check(struct world *w, struct value_edit *edit)
{
    (void)keyspace_close(w->ks, edit);
    keyspace_check(w->ks);
}

static void add_to_stream(struct value_draft *draft, unsigned producer, unsigned iid,
                          struct stream_id id)
{
    char pid[NAME_TEXT];
    char text[NAME_TEXT];

    stream_iid_add(draft, name_of("producer", producer, pid), name_of("iid", iid, text), id);
}

static bool forgets(const struct world *w, const struct known *item)
{
    return w->now_ms - item->id.ms >= UINT64_C(1000) * w->settings.duration_s;
}

/* Take out what the added one replaces, what is too old, and the oldest of the producer when it has too many. */
static void add_to_model(struct world *w, const struct known *added)
{
    unsigned of_producer = 0;
    size_t kept = 0;

    for (size_t i = 0; i < w->known.count; i++) {
        const struct known *item = &w->known.items[i];

        if (!forgets(w, item) && !(item->producer == added->producer && item->iid == added->iid)) {
            of_producer += item->producer == added->producer;
            w->known.items[kept++] = *item;
        }
    }
    w->known.count = kept;
    for (size_t i = 0; of_producer >= w->settings.max_count; i++) {
        if (w->known.items[i].producer == added->producer) {
            w->known.count--;
            memmove(&w->known.items[i], &w->known.items[i + 1],
                    (w->known.count - i) * sizeof(w->known.items[0]));
            break;
        }
    }
    VEC_PUSH(&w->known, *added);
}

static const struct known *find_in_model(const struct world *w, unsigned producer, unsigned iid)
{
    for (size_t i = 0; i < w->known.count; i++) {
        const struct known *item = &w->known.items[i];

        if (item->producer == producer && item->iid == iid && !forgets(w, item)) {
            return item;
        }
    }
    return NULL;
}

static void compare_all(struct world *w)
{
    for (unsigned p = 0; p < PRODUCERS; p++) {
        for (unsigned i = 0; i < IIDS; i++) {
            const struct known *expected = find_in_model(w, p, i);
            struct stream_id id;
            char pid[NAME_TEXT];
            char text[NAME_TEXT];
            bool is_known = stream_iid_find(stream_at(w), name_of("producer", p, pid),
                                            name_of("iid", i, text), (int64_t)w->now_ms, &id);

            cr_assert_eq(is_known, expected != NULL, "producer %u iid %u is %s", p, i,
                         is_known ? "known" : "not known");
            cr_assert(!is_known || stream_id_compare(id, expected->id) == 0);
        }
    }
}

static void step(struct world *w, struct rng *rng, uint64_t number)
{
    struct known added = {
        (unsigned)rng_below(rng, PRODUCERS), (unsigned)rng_below(rng, IIDS), {w->now_ms, number}
    };
    struct value_edit edit;

    change(w, &edit);
    if (rng_one_in(rng, 500)) {
        w->settings.duration_s = 1 + (uint32_t)rng_below(rng, 4);
        w->settings.max_count = 1 + (uint32_t)rng_below(rng, 8);
        stream_producers_set(&edit.draft, &w->settings);
        w->known.count = 0;
    } else {
        add_to_model(w, &added);
        add_to_stream(&edit.draft, added.producer, added.iid, added.id);
    }
    (void)keyspace_close(w->ks, &edit);
    w->now_ms += rng_below(rng, 300);
}

Test(stream_producers, pairs_are_known_as_a_model_knows_them)
{
    struct rng rng;
    struct world w;

    rng_init(&rng, seed_get());
    begin(&w);
    for (uint64_t i = 0; i < STEPS; i++) {
        step(&w, &rng, i);
        if (i % 50 == 0) {
            compare_all(&w);
            keyspace_check(w.ks);
        }
    }
    end(&w);
}

static void add_many(struct world *w, unsigned count)
{
    struct value_edit edit;

    change(w, &edit);
    for (unsigned i = 0; i < count; i++) {
        add_to_stream(&edit.draft, i, 0, (struct stream_id){w->now_ms, i});
    }
    close_and_check(w, &edit);
}

static struct stream_producers_facts facts_of(struct world *w)
{
    return stream_producers_facts(stream_at(w), &w->settings);
}

Test(stream_producers, many_producers_that_have_expired_go_while_others_come)
{
    struct world w;
    struct value_edit edit;

    begin(&w);
    add_many(&w, MANY);
    cr_assert_eq(facts_of(&w).producer_count, MANY);
    w.now_ms += 100 * 1000;
    change(&w, &edit);
    for (unsigned i = 0; i < MANY / 15; i++) {
        add_to_stream(&edit.draft, 7, i % 50, (struct stream_id){w.now_ms, i});
    }
    close_and_check(&w, &edit);
    cr_assert_eq(facts_of(&w).producer_count, 1);
    cr_assert_eq(facts_of(&w).iid_count, 50);
    end(&w);
}

Test(stream_producers, a_stream_with_many_is_freed_in_slices)
{
    struct stream_producers *copy;
    size_t slices = 0;
    size_t budget;
    struct world w;

    begin(&w);
    add_many(&w, MANY);
    copy = stream_producers_copy(stream_at(&w)->producers);
    cr_assert(stream_producers_free_cost(copy) >= MANY);
    cr_assert_eq(stream_producers_bytes(copy), stream_producers_bytes(stream_at(&w)->producers));
    do {
        budget = 100;
        slices++;
        stream_producers_check(copy);
    } while (!stream_producers_free(copy, &budget));
    cr_assert(slices >= MANY / 100);
    end(&w);
}

Test(stream_producers, settings_let_go_of_what_was_known_without_freeing_it_at_once)
{
    struct stream_producers_settings settings = {5, 6};
    struct world w;
    struct value_edit edit;

    begin(&w);
    add_many(&w, MANY);
    change(&w, &edit);
    stream_producers_set(&edit.draft, &settings);
    cr_assert(edit.draft.dropped != NULL);
    close_and_check(&w, &edit);
    cr_assert_eq(facts_of(&w).producer_count, 0);
    cr_assert_eq(facts_of(&w).added, MANY);
    cr_assert_eq(facts_of(&w).settings.duration_s, 5);
    end(&w);
}

Test(stream_producers, no_table_is_kept_for_a_stream_without_producers)
{
    struct world w;
    struct value_edit edit;

    begin(&w);
    change(&w, &edit);
    (void)stream_open(&edit.draft);
    close_and_check(&w, &edit);
    cr_assert(!stream_iid_find(stream_at(&w), BYTES_LITERAL("p"), BYTES_LITERAL("i"), 0, NULL));
    cr_assert(stream_at(&w)->producers == NULL);
    cr_assert_eq(facts_of(&w).settings.max_count, 100);
    end(&w);
}
