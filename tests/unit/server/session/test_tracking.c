/* SPDX-License-Identifier: MIT */
/* Who is to be told of which keys, against a naive model. */
#include "session/tracking.h"

#include "base/attr.h"
#include "base/rng.h"
#include "session/session.h"
#include "tests/unit/seed.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

enum {
    SESSIONS = 6,
    NAMES = 10,
    STEPS = 20000,
};

struct trackers {
    struct session_table table;
    struct tracking tracking;
    struct session *sessions[SESSIONS];
};

static const struct tracking_options by_keys = {.mode = TRACKING_KEYS};

static void begin(struct trackers *t)
{
    struct session_peer peer = {.address = "127.0.0.1:5000"};

    session_table_init(&t->table);
    tracking_init(&t->tracking, 1);
    for (int i = 0; i < SESSIONS; i++) {
        t->sessions[i] = session_new(&t->table, &peer, (struct mono_time){.us = 1});
    }
}

static void end(struct trackers *t)
{
    for (int i = 0; i < SESSIONS; i++) {
        tracking_end(&t->tracking, t->sessions[i]);
        session_free(&t->table, t->sessions[i]);
    }
    tracking_deinit(&t->tracking);
    session_table_deinit(&t->table);
}

static struct bytes name_of(size_t which, char out[16])
{
    snprintf(out, 16, "name-%zu", which);
    return bytes_from_text(out);
}

Test(tracking, a_key_that_changes_is_due_with_those_who_have_read_it_and_by_whom)
{
    struct trackers t;
    struct tracked_key *key;

    begin(&t);
    for (int i = SESSIONS; i-- > 0;) {
        tracking_begin(&t.tracking, t.sessions[i], &by_keys);
        tracking_note_read(&t.tracking, t.sessions[i], BYTES_LITERAL("k"));
        tracking_note_read(&t.tracking, t.sessions[i], BYTES_LITERAL("k"));
    }
    tracking_check(&t.tracking);
    cr_expect_eq(t.tracking.item_count, SESSIONS);
    tracking_note_change(&t.tracking, BYTES_LITERAL("other"), 7);
    cr_expect_not(tracking_has_news(&t.tracking));
    tracking_note_change(&t.tracking, BYTES_LITERAL("k"), 7);
    cr_expect(tracking_has_news(&t.tracking));
    key = tracking_take_due(&t.tracking);
    cr_assert_not_null(key);
    cr_expect_eq(key->writer, 7);
    cr_expect_eq(key->count, SESSIONS);
    for (size_t i = 0; i < key->count; i++) {
        cr_expect_eq(tracked_key_id(key, i), t.sessions[i]->id);
    }
    tracking_free_key(&t.tracking, key);
    cr_expect_null(tracking_take_due(&t.tracking));
    end(&t);
}

Test(tracking, prefixes_overlap_when_one_begins_like_the_other)
{
    static const struct {
        const char *a;
        const char *b;
        bool overlaps;
    } cases[] = {
        {"",    "",    true },
        {"",    "a",   true },
        {"a",   "a",   true },
        {"a",   "ab",  true },
        {"ab",  "ac",  false},
        {"abc", "abd", false},
        {"b",   "ab",  false},
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct session s = {0};
        struct bytes both[] = {bytes_from_text(cases[i].a), bytes_from_text(cases[i].b)};
        struct bytes reversed[] = {both[1], both[0]};
        struct tracking_clash clash;

        cr_expect_eq(tracking_find_clash(&s, both, 2, &clash), cases[i].overlaps, "case %zu", i);
        cr_expect_eq(tracking_find_clash(&s, reversed, 2, &clash), cases[i].overlaps, "case %zu",
                     i);
    }
}

Test(tracking, a_key_that_several_change_for_those_with_prefixes_is_nobodys_change)
{
    struct trackers t;
    struct bytes prefix = BYTES_LITERAL("u:");
    const struct tracking_options options = {
        .mode = TRACKING_BCAST, .prefixes = &prefix, .prefix_count = 1};
    const struct tracking_change *change;

    begin(&t);
    tracking_begin(&t.tracking, t.sessions[0], &options);
    tracking_note_change(&t.tracking, BYTES_LITERAL("w"), 1);
    cr_expect_not(tracking_has_news(&t.tracking));
    tracking_note_change(&t.tracking, BYTES_LITERAL("u:1"), 1);
    tracking_note_change(&t.tracking, BYTES_LITERAL("u:1"), 1);
    change = CONTAINER_OF(t.tracking.changed.next, struct tracking_change, in_order);
    cr_expect_eq(change->writer, 1);
    tracking_note_change(&t.tracking, BYTES_LITERAL("u:1"), 2);
    cr_expect_eq(change->writer, 0);
    cr_expect_eq(t.tracking.changes.count, 1);
    tracking_forget_changes(&t.tracking);
    cr_expect_not(tracking_has_news(&t.tracking));
    end(&t);
}

Test(tracking, a_clash_is_found_among_many_prefixes_and_those_that_a_session_has)
{
    static const struct {
        const char *given[4];
        const char *prefix; /* NULL: there is none */
        const char *other;
        bool is_own;
    } cases[] = {
        {{"a:1", "a:2", "b"},      NULL,     NULL,     false},
        {{"b", "own:", "c"},       "own:",   "own:",   true },
        {{"b", "c", "own:1"},      "own:1",  "own:",   true },
        {{"b", "o", "c"},          "o",      "own:",   true },
        {{"foo", "x", "foobar"},   "foo",    "foobar", false},
        {{"foobar", "x", "foo"},   "foobar", "foo",    false},
        {{"x", "y", "x", "own:z"}, "x",      "x",      false},
        {{"", "y"},                "",       "own:",   true },
    };
    struct trackers t;
    struct bytes own = BYTES_LITERAL("own:");
    const struct tracking_options options = {
        .mode = TRACKING_BCAST, .prefixes = &own, .prefix_count = 1};

    begin(&t);
    tracking_begin(&t.tracking, t.sessions[0], &options);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct bytes given[4];
        size_t count = 0;
        struct tracking_clash clash = {0};

        while (count < 4 && cases[i].given[count] != NULL) {
            given[count] = bytes_from_text(cases[i].given[count]);
            count++;
        }
        cr_assert_eq(tracking_find_clash(t.sessions[0], given, count, &clash),
                     cases[i].prefix != NULL, "case %zu", i);
        if (cases[i].prefix != NULL) {
            cr_expect(bytes_equal_text(clash.prefix, cases[i].prefix), "case %zu", i);
            cr_expect(bytes_equal_text(clash.other, cases[i].other), "case %zu: %.*s", i,
                      BYTES_ARGS(clash.other));
            cr_expect_eq(clash.is_own, cases[i].is_own, "case %zu", i);
        }
    }
    end(&t);
}

/* Whose keys have changed, as names of prefixes and keys. */
static void expect_news(struct trackers *t, const char *expected)
{
    struct buf text = {0};

    LIST_FOR_EACH (item, &t->tracking.with_news) {
        const struct tracking_prefix *prefix =
            CONTAINER_OF_CONST(item, struct tracking_prefix, with_news);

        buf_printf(&text, "%.*s>", BYTES_ARGS(prefix->by_name.key));
        for (size_t i = 0; i < prefix->changes.count; i++) {
            buf_printf(&text, " %.*s", BYTES_ARGS(prefix->changes.items[i]->by_name.key));
        }
        buf_append_text(&text, "|");
    }
    cr_expect_str_eq(buf_text(&text), expected);
    tracking_check(&t->tracking);
    buf_deinit(&text);
}

Test(tracking, a_change_stands_once_at_each_prefix_that_its_key_begins_with)
{
    struct trackers t;
    struct bytes first[] = {BYTES_LITERAL("a"), BYTES_LITERAL("bc")};
    struct bytes second[] = {BYTES_LITERAL("ab"), BYTES_LITERAL("c")};
    struct bytes late = BYTES_LITERAL("abc");

    begin(&t);
    tracking_begin(
        &t.tracking, t.sessions[0],
        &(struct tracking_options){.mode = TRACKING_BCAST, .prefixes = first, .prefix_count = 2});
    tracking_begin(
        &t.tracking, t.sessions[1],
        &(struct tracking_options){.mode = TRACKING_BCAST, .prefixes = second, .prefix_count = 2});
    tracking_note_change(&t.tracking, BYTES_LITERAL("abcd"), 1);
    tracking_note_change(&t.tracking, BYTES_LITERAL("x"), 1);
    tracking_note_change(&t.tracking, BYTES_LITERAL("b"), 1);
    tracking_note_change(&t.tracking, BYTES_LITERAL("a"), 1);
    tracking_note_change(&t.tracking, BYTES_LITERAL("abcd"), 1);
    expect_news(&t, "a> abcd a|ab> abcd|");
    /* Who comes in between has read what was written before, and not what is written now. */
    tracking_begin(
        &t.tracking, t.sessions[2],
        &(struct tracking_options){.mode = TRACKING_BCAST, .prefixes = &late, .prefix_count = 1});
    expect_news(&t, "a> abcd a|ab> abcd|");
    tracking_note_change(&t.tracking, BYTES_LITERAL("abcd"), 1);
    tracking_note_change(&t.tracking, BYTES_LITERAL("abcd"), 1);
    expect_news(&t, "a> abcd a|ab> abcd|abc> abcd|");
    tracking_end(&t.tracking, t.sessions[1]);
    expect_news(&t, "a> abcd a|abc> abcd|");
    tracking_forget_changes(&t.tracking);
    expect_news(&t, "");
    tracking_note_change(&t.tracking, BYTES_LITERAL("abcd"), 1);
    expect_news(&t, "a> abcd|abc> abcd|");
    tracking_forget_changes(&t.tracking);
    end(&t);
}

/* What the model knows: who has read what since it changed. */
struct model {
    bool is_on[SESSIONS];
    bool has[SESSIONS][NAMES];
    bool had[SESSIONS][NAMES]; /* and has stopped to track since: it may be told, too */
};

static void expect_due(struct trackers *t, struct model *m, size_t which, uint64_t seed)
{
    struct tracked_key *key = tracking_take_due(&t->tracking);

    for (int who = 0; who < SESSIONS; who++) {
        bool is_told = false;

        for (size_t i = 0; key != NULL && i < key->count; i++) {
            is_told = is_told || tracked_key_id(key, i) == t->sessions[who]->id;
        }
        SEED_ASSERT(is_told == (m->has[who][which] || m->had[who][which]), seed);
        m->has[who][which] = false;
        m->had[who][which] = false;
    }
    if (key != NULL) {
        tracking_free_key(&t->tracking, key);
    }
    SEED_ASSERT(tracking_take_due(&t->tracking) == NULL, seed);
}

static void stop(struct trackers *t, struct model *m, size_t who)
{
    tracking_end(&t->tracking, t->sessions[who]);
    m->is_on[who] = false;
    for (int which = 0; which < NAMES; which++) {
        m->had[who][which] = m->had[who][which] || m->has[who][which];
        m->has[who][which] = false;
    }
    if (t->tracking.tracker_count == 0) {
        memset(m->had, 0, sizeof(m->had)); /* with the last one all is forgotten */
    }
}

Test(tracking, whatever_is_read_and_changed_those_are_told_who_have_read_it_since)
{
    struct trackers t;
    struct model m = {{false}, {{false}}, {{false}}};
    struct rng rng;
    uint64_t seed = seed_get();

    begin(&t);
    rng_init(&rng, seed);
    for (int step = 0; step < STEPS; step++) {
        size_t who = rng_below(&rng, SESSIONS);
        size_t which = rng_below(&rng, NAMES);
        char name[16];

        switch (rng_below(&rng, 8)) {
        case 0:
            tracking_begin(&t.tracking, t.sessions[who], &by_keys);
            m.is_on[who] = true;
            break;
        case 1:
            if (rng_below(&rng, 4) == 0) {
                stop(&t, &m, who);
            }
            break;
        case 2:
        case 3:
            tracking_note_change(&t.tracking, name_of(which, name), 0);
            expect_due(&t, &m, which, seed);
            break;
        default:
            if (m.is_on[who]) {
                tracking_note_read(&t.tracking, t.sessions[who], name_of(which, name));
                m.has[who][which] = true;
            }
            break;
        }
        tracking_check(&t.tracking);
    }
    end(&t);
}
