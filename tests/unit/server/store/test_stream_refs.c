/* SPDX-License-Identifier: MIT */
/* Taking entries out, with groups that know them, against arrays of what is there and what is pending. */
#include "store/stream_refs.h"

#include "base/mem.h"
#include "base/rng.h"
#include "store/keyspace.h"
#include "store/value_space.h"
#include "tests/unit/seed.h"

#include <criterion/criterion.h>

enum {
    IDS = 60, /* ids are 1-0 to 60-0 */
    GROUPS = 2,
};

struct world {
    struct keyspace *ks;
    struct value_edit edit;
    struct stream_group *groups[GROUPS];
    bool is_there[IDS + 1];
    bool is_pending[GROUPS][IDS + 1];
    unsigned delivered[GROUPS]; /* the last id */
    uint64_t count;
    uint64_t dropped; /* that we were told of */
    uint64_t deleted;
};

static const struct bytes pair[] = {
    {.data = "name",  .len = 4},
    {.data = "value", .len = 5},
};

static struct stream_id id_of(unsigned number)
{
    return (struct stream_id){number, 0};
}

static void begin(struct world *w, struct rng *rng)
{
    struct value_limits limits = value_limits_default;
    struct key_ref ref;

    *w = (struct world){
        .ks = keyspace_new(&(struct keyspace_options){.database_count = 1, .hash_seed = 1})};
    limits.stream_node_max_entries = 1 + rng_below(rng, 7);
    keyspace_set_limits(w->ks, &limits);
    ref = keyspace_ref(w->ks, 0, BYTES_LITERAL("s"));
    keyspace_open(w->ks, &ref, NULL, VALUE_STREAM, &w->edit);
    for (unsigned i = 1; i <= IDS; i++) {
        stream_append(&w->edit.draft, id_of(i), pair, 1);
        w->is_there[i] = true;
    }
    w->count = IDS;
    for (unsigned g = 0; g < GROUPS; g++) {
        w->delivered[g] = (unsigned)rng_below(rng, IDS + 1);
        w->groups[g] = stream_group_create(&w->edit.draft, bytes_make(g == 0 ? "a" : "b", 1),
                                           id_of(w->delivered[g]), STREAM_READ_UNKNOWN);
        (void)stream_consumer_create(&w->edit.draft, w->groups[g], BYTES_LITERAL("c"), 0);
        for (unsigned i = 1; i <= w->delivered[g]; i++) {
            w->is_pending[g][i] = rng_one_in(rng, 3);
            if (w->is_pending[g][i]) {
                stream_pending_put(
                    &w->edit.draft, w->groups[g],
                    &(struct stream_pending){
                        .id = id_of(i),
                        .consumer = rng_one_in(rng, 4) ? NULL : stream_consumer_at(w->groups[g], 0),
                        .delivered_at_ms = 5});
            }
        }
    }
}

static void end(struct world *w)
{
    (void)keyspace_close(w->ks, &w->edit);
    keyspace_check(w->ks);
    keyspace_free(w->ks);
    cr_assert_eq(mem_used_total(), 0);
}

static void note_dropped(void *context, struct stream_group *g, struct stream_id id)
{
    struct world *w = context;
    unsigned number = g == w->groups[0] ? 0 : 1;

    cr_assert(w->is_pending[number][id.ms]);
    w->dropped++;
}

static void note_deleted(void *context, struct stream_id id)
{
    struct world *w = context;

    cr_assert(w->is_there[id.ms]);
    w->deleted++;
}

static bool is_needed(const struct world *w, unsigned i)
{
    for (unsigned g = 0; g < GROUPS; g++) {
        if (i > w->delivered[g] || w->is_pending[g][i]) {
            return true;
        }
    }
    return false;
}

/* It goes, and with STREAM_REFS_DROP what is pending of it.  How much that was. */
static uint64_t take(struct world *w, unsigned i, enum stream_refs refs)
{
    uint64_t dropped = 0;

    w->is_there[i] = false;
    w->count--;
    for (unsigned g = 0; g < GROUPS && refs == STREAM_REFS_DROP; g++) {
        dropped += w->is_pending[g][i] ? 1 : 0;
        w->is_pending[g][i] = false;
    }
    return dropped;
}

static void remove_one(struct world *w, unsigned i, const struct stream_removal *removal)
{
    bool stays = removal->refs == STREAM_REFS_ACKED && is_needed(w, i);
    enum stream_removed expected = !w->is_there[i] ? STREAM_REMOVED_NONE
                                   : stays         ? STREAM_REMOVED_NEEDED
                                                   : STREAM_REMOVED;

    w->dropped = 0;
    cr_assert_eq(stream_remove(&w->edit.draft, id_of(i), removal), expected);
    if (expected == STREAM_REMOVED) {
        cr_assert_eq(w->dropped, take(w, i, removal->refs));
    }
}

static void trim(struct world *w, const struct stream_trim *how,
                 const struct stream_removal *removal)
{
    uint64_t expected = 0;
    uint64_t dropped = 0;
    uint64_t removed;

    w->dropped = 0;
    w->deleted = 0;
    removed = stream_trim_refs(&w->edit.draft, how, removal);
    for (unsigned i = 1; i <= IDS; i++) {
        bool is_wanted = how->is_by_id ? i < how->min_id.ms : w->count > how->max_count;

        if (is_wanted && w->is_there[i] &&
            (removal->refs != STREAM_REFS_ACKED || !is_needed(w, i))) {
            dropped += take(w, i, removal->refs);
            expected++;
        }
    }
    cr_assert_eq(removed, expected);
    cr_assert_eq(w->dropped, dropped);
    cr_assert_eq(w->deleted, removal->refs == STREAM_REFS_ACKED ? expected : 0);
}

static void check(const struct world *w)
{
    const struct stream *s = w->edit.draft.memory;

    cr_assert_eq(stream_count(s), w->count);
    for (unsigned i = 1; i <= IDS; i++) {
        cr_assert_eq(stream_find(s, id_of(i), NULL), w->is_there[i]);
        cr_assert_eq(stream_is_needed(s, id_of(i)), is_needed(w, i));
        for (unsigned g = 0; g < GROUPS; g++) {
            cr_assert_eq(stream_pending_find(w->groups[g], id_of(i), NULL), w->is_pending[g][i]);
        }
    }
}

Test(stream_refs, random_removals_and_trims_leave_what_the_arrays_have)
{
    uint64_t seed = seed_get();
    struct rng rng;

    rng_init(&rng, seed);
    for (int round = 0; round < 100; round++) {
        struct world w;

        begin(&w, &rng);
        for (int i = 0; i < 30; i++) {
            struct stream_removal removal = {
                .refs = (enum stream_refs)rng_below(&rng, STREAM_REFS_ACKED + 1),
                .on_dropped = note_dropped,
                .on_deleted = note_deleted,
                .context = &w,
            };
            struct stream_trim how = {
                .is_by_id = rng_one_in(&rng, 2),
                .min_id = id_of((unsigned)rng_below(&rng, IDS / 2)),
                .max_count = w.count - rng_below(&rng, w.count / 8 + 1),
            };

            if (rng_one_in(&rng, 8)) {
                trim(&w, &how, &removal);
            } else {
                remove_one(&w, 1 + (unsigned)rng_below(&rng, IDS), &removal);
            }
            check(&w);
        }
        end(&w);
    }
}

Test(stream_refs, an_approximate_trim_takes_what_is_acknowledged_up_to_its_limit)
{
    static const struct stream_trim how = {
        .is_by_id = true, .min_id = {50, 0},
             .is_approximate = true, .limit = 7
    };
    struct stream_removal removal = {.refs = STREAM_REFS_ACKED};
    struct rng rng;
    struct world w;

    rng_init(&rng, 1);
    begin(&w, &rng);
    for (unsigned g = 0; g < GROUPS; g++) {
        stream_group_set(&w.edit.draft, w.groups[g], id_of(IDS), STREAM_READ_UNKNOWN);
        for (unsigned i = 1; i <= IDS; i++) {
            (void)stream_pending_remove(&w.edit.draft, w.groups[g], id_of(i));
        }
    }
    cr_assert_eq(stream_trim_refs(&w.edit.draft, &how, &removal), 7);
    cr_assert_eq(stream_first_id(w.edit.draft.memory).ms, 8);
    end(&w);
}
