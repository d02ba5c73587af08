/* SPDX-License-Identifier: MIT */
/* Who watches which key, against the header's promises and a naive model. */
#include "session/watch.h"

#include "base/attr.h"
#include "base/rng.h"
#include "session/session.h"
#include "tests/unit/seed.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    SESSIONS = 24, /* more than are looked through one by one (watch.c) */
    TABLES = 3,
    NAMES = 5,
    STEPS = 20000,
    MANY_KEYS = 200000,
};

struct watchers {
    struct session_table table;
    struct watch watch;
    struct session *sessions[SESSIONS];
};

static void begin(struct watchers *w)
{
    struct session_peer peer = {.address = "127.0.0.1:5000"};

    session_table_init(&w->table);
    watch_init(&w->watch, 1);
    for (int i = 0; i < SESSIONS; i++) {
        w->sessions[i] = session_new(&w->table, &peer, (struct mono_time){.us = 1});
    }
}

static void end(struct watchers *w)
{
    watch_check(&w->watch);
    for (int i = 0; i < SESSIONS; i++) {
        watch_leave(&w->watch, w->sessions[i]);
        session_free(&w->table, w->sessions[i]);
    }
    watch_deinit(&w->watch);
    session_table_deinit(&w->table);
}

static bool is_broken(const struct watchers *w, int session)
{
    return (w->sessions[session]->flags & SESSION_WATCH_BROKEN) != 0;
}

/* What happens to key k of table 1, which was there at WATCH or not, and whether that breaks the watch. */
enum happening {
    CHANGES,
    GOES,
    TABLE_GOES,
    TABLE_REPLACED_WITH_KEY,
    TABLE_REPLACED_WITHOUT,
    REPLACED_TWICE_WITHOUT,
    ALL_REPLACED,
    REPLACED_AND_GOES,
    OTHER_KEY_CHANGES,
    OTHER_TABLE_CHANGES,
    OTHER_TABLE_GOES,
};

static bool says_so(void *context, unsigned table, struct bytes key)
{
    (void)table;
    (void)key;
    return *(const bool *)context;
}

static void happen(struct watch *watch, enum happening what)
{
    struct bytes k = BYTES_LITERAL("k");
    bool is_there = true;
    bool is_not_there = false;

    switch (what) {
    case CHANGES:
        watch_key_changed(watch, 1, k);
        break;
    case GOES:
        watch_key_went(watch, 1, k);
        break;
    case TABLE_GOES:
        watch_table_went(watch, 1);
        break;
    case TABLE_REPLACED_WITH_KEY:
        watch_table_replaced(watch, 1, says_so, &is_there);
        break;
    case TABLE_REPLACED_WITHOUT:
        watch_table_replaced(watch, 1, says_so, &is_not_there);
        break;
    case REPLACED_TWICE_WITHOUT:
        watch_table_replaced(watch, 1, says_so, &is_not_there);
        watch_table_replaced(watch, 1, says_so, &is_not_there);
        break;
    case ALL_REPLACED:
        watch_all_replaced(watch);
        break;
    case REPLACED_AND_GOES:
        watch_all_replaced(watch);
        watch_key_went(watch, 1, k);
        break;
    case OTHER_KEY_CHANGES:
        watch_key_changed(watch, 1, BYTES_LITERAL("kk"));
        break;
    case OTHER_TABLE_CHANGES:
        watch_key_changed(watch, 2, k);
        break;
    case OTHER_TABLE_GOES:
        watch_table_went(watch, 2);
        break;
    }
}

Test(watch, every_state_meets_every_event)
{
    static const struct {
        bool was_there;
        enum happening what;
        bool breaks;
    } cases[] = {
        {true,  CHANGES,                 true },
        {true,  GOES,                    true },
        {true,  TABLE_GOES,              true },
        {true,  TABLE_REPLACED_WITH_KEY, true },
        {true,  TABLE_REPLACED_WITHOUT,  true },
        {true,  ALL_REPLACED,            true },
        {true,  REPLACED_AND_GOES,       true },
        {true,  OTHER_KEY_CHANGES,       false},
        {true,  OTHER_TABLE_CHANGES,     false},
        {true,  OTHER_TABLE_GOES,        false},
        {false, CHANGES,                 true },
        {false, GOES,                    false},
        {false, TABLE_GOES,              false},
        {false, TABLE_REPLACED_WITH_KEY, true },
        {false, TABLE_REPLACED_WITHOUT,  false},
        {false, REPLACED_TWICE_WITHOUT,  false},
        {false, ALL_REPLACED,            false},
        {false, REPLACED_AND_GOES,       true },
        {false, OTHER_KEY_CHANGES,       false},
        {false, OTHER_TABLE_CHANGES,     false},
        {false, OTHER_TABLE_GOES,        false},
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct watchers w;

        begin(&w);
        watch_add(&w.watch, w.sessions[0], 1, BYTES_LITERAL("k"), cases[i].was_there);
        watch_add(&w.watch, w.sessions[1], 0, BYTES_LITERAL("k"), false);
        happen(&w.watch, cases[i].what);
        cr_expect_eq(is_broken(&w, 0), cases[i].breaks, "case %zu", i);
        cr_expect_not(is_broken(&w, 1), "case %zu", i);
        end(&w);
    }
}

Test(watch, a_key_is_watched_once_and_its_memory_is_counted_until_it_is_left)
{
    struct watchers w;
    size_t memory;

    begin(&w);
    cr_expect_eq(watch_memory(w.sessions[0]), 0);
    watch_add(&w.watch, w.sessions[0], 0, BYTES_LITERAL("k"), true);
    memory = watch_memory(w.sessions[0]);
    watch_add(&w.watch, w.sessions[0], 0, BYTES_LITERAL("k"), false);
    cr_expect_eq(watch_count(w.sessions[0]), 1);
    cr_expect_eq(watch_memory(w.sessions[0]), memory);
    watch_add(&w.watch, w.sessions[0], 1, BYTES_LITERAL("k"), true);
    cr_expect_eq(watch_count(w.sessions[0]), 2);
    watch_key_went(&w.watch, 0, BYTES_LITERAL("k"));
    cr_expect(is_broken(&w, 0));
    watch_leave(&w.watch, w.sessions[0]);
    cr_expect_not(is_broken(&w, 0));
    cr_expect_eq(watch_count(w.sessions[0]), 0);
    cr_expect_eq(w.watch.watcher_count, 0);
    end(&w);
}

struct model {
    bool watched[SESSIONS][TABLES][NAMES];
    bool was_there[SESSIONS][TABLES][NAMES];
    bool may_be_there[SESSIONS][TABLES][NAMES];
    bool broken[SESSIONS];
};

static void model_break(struct model *m, int table, int name, bool is_gone)
{
    for (int s = 0; s < SESSIONS; s++) {
        for (int n = 0; n < NAMES; n++) {
            if ((name < 0 || n == name) && m->watched[s][table][n] &&
                (m->was_there[s][table][n] || m->may_be_there[s][table][n] || !is_gone)) {
                m->broken[s] = true;
            }
        }
    }
}

static void model_add(struct model *m, int s, int table, int name, bool is_there)
{
    if (!m->watched[s][table][name]) {
        m->watched[s][table][name] = true;
        m->was_there[s][table][name] = is_there;
        m->may_be_there[s][table][name] = false;
    }
}

static void model_replace_all(struct model *m)
{
    for (int table = 0; table < TABLES; table++) {
        model_break(m, table, -1, true);
    }
    memset(m->may_be_there, true, sizeof(m->may_be_there));
}

static void model_leave(struct model *m, int s)
{
    memset(m->watched[s], 0, sizeof(m->watched[s]));
    m->broken[s] = false;
}

Test(watch, random_steps_give_what_a_naive_model_gives)
{
    struct watchers w;
    struct model m = {0};
    uint64_t seed = seed_get();
    struct rng rng;

    begin(&w);
    rng_init(&rng, seed);
    for (int step = 0; step < STEPS; step++) {
        int s = (int)rng_below(&rng, SESSIONS);
        int table = (int)rng_below(&rng, TABLES);
        int name = (int)rng_below(&rng, NAMES);
        bool is_there = rng_below(&rng, 2) == 0;
        char text[8];
        struct bytes key;

        snprintf(text, sizeof(text), "k%d", name);
        key = bytes_from_text(text);
        switch (rng_below(&rng, 12)) {
        case 0:
            watch_leave(&w.watch, w.sessions[s]);
            model_leave(&m, s);
            break;
        case 1:
            watch_key_changed(&w.watch, (unsigned)table, key);
            model_break(&m, table, name, false);
            break;
        case 2:
            watch_key_went(&w.watch, (unsigned)table, key);
            model_break(&m, table, name, true);
            break;
        case 3:
            watch_table_went(&w.watch, (unsigned)table);
            model_break(&m, table, -1, true);
            break;
        case 4:
            watch_table_replaced(&w.watch, (unsigned)table, says_so, &is_there);
            model_break(&m, table, -1, !is_there);
            break;
        case 5:
            if (rng_one_in(&rng, 20)) {
                watch_all_replaced(&w.watch);
                model_replace_all(&m);
            }
            break;
        default:
            watch_add(&w.watch, w.sessions[s], (unsigned)table, key, is_there);
            model_add(&m, s, table, name, is_there);
        }
        for (s = 0; s < SESSIONS; s++) {
            SEED_ASSERT(is_broken(&w, s) == m.broken[s], seed);
        }
    }
    end(&w);
}

/* Were each looked for among all keys of the session, or among all who watch it, this would take minutes. */
Test(watch, of_very_many_keys_and_by_many_takes_seconds)
{
    struct watchers w;
    clock_t began = clock();

    begin(&w);
    for (int round = 0; round < 2; round++) {
        for (unsigned i = 0; i < MANY_KEYS; i++) {
            (void)watch_add(&w.watch, w.sessions[0], 0, bytes_make(&i, sizeof(i)), true);
        }
        cr_expect_eq(watch_count(w.sessions[0]), MANY_KEYS);
    }
    for (unsigned i = 0; i < MANY_KEYS; i++) {
        (void)watch_add(&w.watch, w.sessions[1 + i % (SESSIONS - 1)], 0, BYTES_LITERAL("k"), true);
    }
    cr_expect_eq(w.watch.keys.count, MANY_KEYS + 1);
    watch_key_changed(&w.watch, 0, BYTES_LITERAL("k"));
    for (int s = 0; s < SESSIONS; s++) {
        cr_expect_eq(is_broken(&w, s), s != 0);
    }
    end(&w);
    cr_expect_lt(clock() - began, 10 * CLOCKS_PER_SEC);
}
