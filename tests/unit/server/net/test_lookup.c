/* SPDX-License-Identifier: MIT */
/* Lookups on threads of their own; only names that need no name server. */
#include "net/lookup.h"

#include <criterion/criterion.h>
#include <pthread.h>

struct answers {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int counts[100]; /* per id */
    size_t found;
    int total;
};

static void on_done(void *context, uint64_t id, const struct lookup_outcome *outcome)
{
    struct answers *answers = context;

    pthread_mutex_lock(&answers->lock);
    answers->counts[id]++;
    answers->found += outcome->count;
    answers->total++;
    pthread_cond_signal(&answers->changed);
    pthread_mutex_unlock(&answers->lock);
}

static void init(struct answers *answers)
{
    *answers = (struct answers){0};
    pthread_mutex_init(&answers->lock, NULL);
    pthread_cond_init(&answers->changed, NULL);
}

static void wait_for(struct answers *answers, int total)
{
    pthread_mutex_lock(&answers->lock);
    while (answers->total < total) {
        pthread_cond_wait(&answers->changed, &answers->lock);
    }
    pthread_mutex_unlock(&answers->lock);
}

Test(lookup, every_id_is_answered_once)
{
    struct answers answers;
    struct lookups *lookups;

    init(&answers);
    lookups = lookups_new(on_done, &answers);
    for (uint64_t id = 0; id < 100; id++) {
        lookups_ask(lookups, id, id % 3 == 0 ? "127.0.0.1" : "127.0.0.2", (uint16_t)(id % 7 + 1));
    }
    wait_for(&answers, 100);
    lookups_free(lookups);
    for (int id = 0; id < 100; id++) {
        cr_assert_eq(answers.counts[id], 1, "id %d: %d answers", id, answers.counts[id]);
    }
    cr_assert_eq(answers.found, 100);
}

Test(lookup, what_is_no_name_is_answered_without_addresses)
{
    struct answers answers;
    struct lookups *lookups;

    init(&answers);
    lookups = lookups_new(on_done, &answers);
    lookups_ask(lookups, 5, "", 6379);
    wait_for(&answers, 1);
    lookups_free(lookups);
    cr_assert_eq(answers.counts[5], 1);
    cr_assert_eq(answers.found, 0);
}

Test(lookup, may_be_freed_with_lookups_under_way)
{
    struct answers answers;

    init(&answers);
    for (int round = 0; round < 100; round++) {
        struct lookups *lookups = lookups_new(on_done, &answers);

        lookups_ask(lookups, 1, "127.0.0.1", 6379);
        lookups_ask(lookups, 2, "127.0.0.2", 6379);
        lookups_free(lookups);
    }
    cr_assert_leq(answers.total, 200);
}
