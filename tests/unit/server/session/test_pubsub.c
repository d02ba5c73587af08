/* SPDX-License-Identifier: MIT */
/* Who listens to what, against the header's promises. */
#include "session/pubsub.h"

#include "base/attr.h"
#include "base/rng.h"
#include "session/session.h"
#include "tests/unit/seed.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

enum {
    SESSIONS = 8,
    NAMES = 12,
    STEPS = 20000,
    MANY_NAMES = 10000,
};

struct listeners {
    struct session_table table;
    struct pubsub pubsub;
    struct session *sessions[SESSIONS];
};

static void begin(struct listeners *l)
{
    struct session_peer peer = {.address = "127.0.0.1:5000"};

    session_table_init(&l->table);
    pubsub_init(&l->pubsub, 1);
    for (int i = 0; i < SESSIONS; i++) {
        l->sessions[i] = session_new(&l->table, &peer, (struct mono_time){.us = 1});
    }
}

static void end(struct listeners *l)
{
    for (int i = 0; i < SESSIONS; i++) {
        pubsub_leave(&l->pubsub, l->sessions[i]);
        session_free(&l->table, l->sessions[i]);
    }
    pubsub_deinit(&l->pubsub);
    session_table_deinit(&l->table);
}

Test(pubsub, a_session_that_listens_is_marked_until_it_listens_to_nothing)
{
    struct listeners l;
    struct session *s;

    begin(&l);
    s = l.sessions[0];
    cr_assert(pubsub_subscribe(&l.pubsub, s, PUBSUB_CHANNEL, BYTES_LITERAL("c")));
    cr_assert(pubsub_subscribe(&l.pubsub, s, PUBSUB_SHARD, BYTES_LITERAL("c")));
    cr_assert(s->flags & SESSION_SUBSCRIBED);
    cr_assert(pubsub_unsubscribe(&l.pubsub, s, PUBSUB_CHANNEL, BYTES_LITERAL("c")));
    cr_assert(s->flags & SESSION_SUBSCRIBED);
    cr_assert(pubsub_unsubscribe(&l.pubsub, s, PUBSUB_SHARD, BYTES_LITERAL("c")));
    cr_assert_not(s->flags & SESSION_SUBSCRIBED);
    cr_assert_null(s->listener);
    cr_assert_eq(l.pubsub.listener_count, 0);
    end(&l);
}

Test(pubsub, a_second_subscription_to_the_same_changes_nothing)
{
    struct listeners l;

    begin(&l);
    cr_assert(pubsub_subscribe(&l.pubsub, l.sessions[0], PUBSUB_PATTERN, BYTES_LITERAL("p*")));
    cr_assert_not(pubsub_subscribe(&l.pubsub, l.sessions[0], PUBSUB_PATTERN, BYTES_LITERAL("p*")));
    cr_assert_eq(pubsub_find(&l.pubsub, PUBSUB_PATTERN, BYTES_LITERAL("p*"))->count, 1);
    cr_assert(pubsub_unsubscribe(&l.pubsub, l.sessions[0], PUBSUB_PATTERN, BYTES_LITERAL("p*")));
    cr_assert_not(
        pubsub_unsubscribe(&l.pubsub, l.sessions[0], PUBSUB_PATTERN, BYTES_LITERAL("p*")));
    end(&l);
}

Test(pubsub, kinds_have_names_of_their_own)
{
    struct listeners l;

    begin(&l);
    cr_assert(pubsub_subscribe(&l.pubsub, l.sessions[0], PUBSUB_CHANNEL, BYTES_LITERAL("n")));
    cr_assert_null(pubsub_find(&l.pubsub, PUBSUB_SHARD, BYTES_LITERAL("n")));
    cr_assert_null(pubsub_find(&l.pubsub, PUBSUB_PATTERN, BYTES_LITERAL("n")));
    cr_assert_not(pubsub_unsubscribe(&l.pubsub, l.sessions[0], PUBSUB_SHARD, BYTES_LITERAL("n")));
    cr_assert_eq(pubsub_count(l.sessions[0], PUBSUB_CHANNEL), 1);
    end(&l);
}

Test(pubsub, names_may_be_empty_and_of_any_bytes)
{
    struct listeners l;

    begin(&l);
    cr_assert(pubsub_subscribe(&l.pubsub, l.sessions[0], PUBSUB_CHANNEL, (struct bytes){0}));
    cr_assert(pubsub_subscribe(&l.pubsub, l.sessions[0], PUBSUB_CHANNEL, bytes_make("a\0b", 3)));
    cr_assert_null(pubsub_find(&l.pubsub, PUBSUB_CHANNEL, BYTES_LITERAL("a")));
    cr_assert_not_null(pubsub_find(&l.pubsub, PUBSUB_CHANNEL, (struct bytes){0}));
    end(&l);
}

Test(pubsub, those_who_listen_to_a_topic_stand_in_the_order_in_which_they_came)
{
    struct listeners l;
    int at = SESSIONS;

    begin(&l);
    for (int i = SESSIONS; i-- > 0;) {
        pubsub_subscribe(&l.pubsub, l.sessions[i], PUBSUB_CHANNEL, BYTES_LITERAL("c"));
    }
    LIST_FOR_EACH (item,
                   &pubsub_find(&l.pubsub, PUBSUB_CHANNEL, BYTES_LITERAL("c"))->subscriptions) {
        cr_assert_eq(CONTAINER_OF(item, struct pubsub_subscription, of_topic)->listener->session,
                     l.sessions[--at]);
    }
    cr_assert_eq(at, 0);
    end(&l);
}

Test(pubsub, the_oldest_name_is_the_one_that_was_subscribed_to_first)
{
    struct listeners l;

    begin(&l);
    cr_assert_eq(pubsub_oldest(l.sessions[0], PUBSUB_CHANNEL).len, 0);
    pubsub_subscribe(&l.pubsub, l.sessions[0], PUBSUB_CHANNEL, BYTES_LITERAL("b"));
    pubsub_subscribe(&l.pubsub, l.sessions[0], PUBSUB_CHANNEL, BYTES_LITERAL("a"));
    cr_assert(bytes_equal_text(pubsub_oldest(l.sessions[0], PUBSUB_CHANNEL), "b"));
    end(&l);
}

Test(pubsub, whatever_is_subscribed_to_and_left_the_tables_agree_with_a_naive_model)
{
    struct listeners l;
    struct rng rng;
    uint64_t seed = seed_get();
    bool has[SESSIONS][PUBSUB_KINDS][NAMES] = {{{false}}};

    begin(&l);
    rng_init(&rng, seed);
    for (int step = 0; step < STEPS; step++) {
        size_t who = rng_below(&rng, SESSIONS);
        enum pubsub_kind kind = (enum pubsub_kind)rng_below(&rng, PUBSUB_KINDS);
        size_t which = rng_below(&rng, NAMES);
        char name[16];
        bool *is_there = &has[who][kind][which];

        snprintf(name, sizeof(name), "name-%zu", which);
        if (rng_below(&rng, 100) == 0) {
            pubsub_leave(&l.pubsub, l.sessions[who]);
            memset(has[who], 0, sizeof(has[who]));
        } else if (rng_below(&rng, 2) == 0) {
            SEED_ASSERT(pubsub_subscribe(&l.pubsub, l.sessions[who], kind, bytes_from_text(name)) !=
                            *is_there,
                        seed);
            *is_there = true;
        } else {
            SEED_ASSERT(pubsub_unsubscribe(&l.pubsub, l.sessions[who], kind,
                                           bytes_from_text(name)) == *is_there,
                        seed);
            *is_there = false;
        }
        if (rng_one_in(&rng, 100)) {
            (void)pubsub_free_step(&l.pubsub);
        }
        pubsub_check(&l.pubsub);
    }
    for (int who = 0; who < SESSIONS; who++) {
        for (int kind = 0; kind < PUBSUB_KINDS; kind++) {
            size_t count = 0;

            for (int which = 0; which < NAMES; which++) {
                count += has[who][kind][which];
            }
            SEED_ASSERT(pubsub_count(l.sessions[who], (enum pubsub_kind)kind) == count, seed);
        }
    }
    end(&l);
}

Test(pubsub, what_somebody_listened_to_who_left_is_freed_in_slices)
{
    struct listeners l;
    struct pubsub_topic *topic;
    int slices = 0;

    begin(&l);
    for (unsigned i = 0; i < MANY_NAMES; i++) {
        cr_assert(
            pubsub_subscribe(&l.pubsub, l.sessions[0], PUBSUB_CHANNEL, bytes_make(&i, sizeof(i))));
    }
    cr_assert(pubsub_subscribe(&l.pubsub, l.sessions[0], PUBSUB_SHARD, BYTES_LITERAL("last")));
    cr_assert(pubsub_subscribe(&l.pubsub, l.sessions[1], PUBSUB_SHARD, BYTES_LITERAL("last")));
    pubsub_leave(&l.pubsub, l.sessions[0]);
    cr_expect_not(l.sessions[0]->flags & SESSION_SUBSCRIBED);
    cr_expect_eq(pubsub_count(l.sessions[0], PUBSUB_CHANNEL), 0);
    pubsub_check(&l.pubsub);
    /* It may come again before that is done. */
    cr_assert(pubsub_subscribe(&l.pubsub, l.sessions[0], PUBSUB_SHARD, BYTES_LITERAL("last")));
    while (pubsub_free_step(&l.pubsub)) {
        size_t left = pubsub_topic_count(&l.pubsub, PUBSUB_CHANNEL);

        cr_assert(left > 0 && left < MANY_NAMES);
        slices++;
    }
    cr_expect_gt(slices, 5);
    pubsub_check(&l.pubsub);
    topic = pubsub_find(&l.pubsub, PUBSUB_SHARD, BYTES_LITERAL("last"));
    cr_expect_eq(topic->count, 2);
    cr_expect_eq(l.pubsub.listener_count, 2);
    end(&l);
}
