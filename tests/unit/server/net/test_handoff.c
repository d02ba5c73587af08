/* SPDX-License-Identifier: MIT */
/* Handing over between threads. */
#include "net/handoff.h"

#include "base/attr.h"

#include <criterion/criterion.h>
#include <pthread.h>

enum {
    GIVERS = 3,
    EACH = 20000,
};

struct thing {
    struct handoff_item item;
    int giver;
    int number;
};

Test(handoff, what_was_given_is_taken_oldest_first)
{
    struct handoff handoff = {0};
    struct thing things[3] = {{.number = 0}, {.number = 1}, {.number = 2}};
    struct handoff_item *taken;

    cr_assert_null(handoff_take(&handoff));
    for (int i = 0; i < 3; i++) {
        handoff_give(&handoff, &things[i].item);
    }
    taken = handoff_take(&handoff);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(taken, &things[i].item);
        taken = taken->next;
    }
    cr_assert_null(taken);
    cr_assert_null(handoff_take(&handoff));
}

struct giver {
    struct handoff *handoff;
    struct thing *things;
};

static void *give_all(void *context)
{
    struct giver *giver = context;

    for (int i = 0; i < EACH; i++) {
        handoff_give(giver->handoff, &giver->things[i].item);
    }
    return NULL;
}

Test(handoff, several_threads_lose_nothing_and_each_is_heard_in_order)
{
    static struct thing things[GIVERS][EACH];
    struct handoff handoff = {0};
    struct giver givers[GIVERS];
    pthread_t threads[GIVERS];
    int next[GIVERS] = {0};
    int count = 0;

    for (int g = 0; g < GIVERS; g++) {
        for (int i = 0; i < EACH; i++) {
            things[g][i] = (struct thing){.giver = g, .number = i};
        }
        givers[g] = (struct giver){&handoff, things[g]};
        cr_assert_eq(pthread_create(&threads[g], NULL, give_all, &givers[g]), 0);
    }
    while (count < GIVERS * EACH) {
        for (struct handoff_item *item = handoff_take(&handoff); item != NULL; item = item->next) {
            const struct thing *thing = CONTAINER_OF(item, struct thing, item);

            cr_assert_eq(thing->number, next[thing->giver]++);
            count++;
        }
    }
    for (int g = 0; g < GIVERS; g++) {
        pthread_join(threads[g], NULL);
    }
}
