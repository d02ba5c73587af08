/* SPDX-License-Identifier: MIT */
/* Finding the cluster again when nobody is where the nodes file says. */
#include "base/attr.h"
#include "cluster/seeds.h"
#include "tests/unit/server/cluster/world.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

/* All nodes end, lose their names, and start at other addresses; member 5 is at 10.9.0.1. */
static struct world *move_house(const char *seeds)
{
    struct world *w = world_three_and_three();

    for (int i = 0; i < w->count; i++) {
        world_kill(w, i);
        w->members[i].hostname[0] = '\0';
    }
    for (int i = 0; i < w->count; i++) {
        snprintf(w->members[i].ip, sizeof(w->members[i].ip), "10.9.0.%d", 6 - i);
        snprintf(w->members[i].seeds, sizeof(w->members[i].seeds), "%s", seeds);
        world_start(w, i);
    }
    return w;
}

Test(cluster_seeds, nodes_that_moved_all_at_once_are_whole_again_within_two_timeouts)
{
    struct world *w = move_house("10.9.9.9:7001,10.9.0.1:7005");

    world_run(w, 2 * WORLD_TIMEOUT_MS);
    cr_expect(world_is_ok(w));
    for (int i = 0; i < 3; i++) {
        cr_expect_eq(world_server_of(w, world_first_slot(i)), i);
        cr_expect(world_is_replica_of(w, i + 3, i));
        cr_expect_eq(world_known_nodes(w, i), 6);
    }
    world_free(w);
}

Test(cluster_seeds, without_them_they_do_not_find_each_other)
{
    struct world *w = move_house("");

    world_run(w, 10 * WORLD_TIMEOUT_MS);
    cr_expect_not(world_is_ok(w));
    world_free(w);
}

Test(cluster_seeds, nobody_is_asked_while_most_nodes_are_heard)
{
    struct world *w = world_three_and_three();

    for (int i = 0; i < w->count; i++) {
        world_kill(w, i);
        snprintf(w->members[i].seeds, sizeof(w->members[i].seeds), "10.0.0.1:7000");
        world_start(w, i);
    }
    world_listen(w);
    world_run(w, 3 * WORLD_TIMEOUT_MS);
    world_kill(w, 5);
    world_run(w, 3 * WORLD_TIMEOUT_MS);
    cr_expect_null(strstr(world_told(w, 0), "seeds"));
    world_free(w);
}

Test(cluster_seeds, a_stranger_at_a_seed_is_not_let_in_and_lets_nobody_in)
{
    struct world *w = world_new(3);
    struct errmsg error = {0};
    struct cluster_call call = world_call(w, 0, &error);
    size_t index;

    cr_assert(
        cluster_meet(w->members[0].core, &call, bytes_from_text(w->members[1].ip), 7001, 17001));
    world_carry_out(w, 0);
    world_run(w, 2000);
    cr_assert_eq(world_known_nodes(w, 0), 2);
    world_kill(w, 0);
    world_kill(w, 1);
    snprintf(w->members[0].seeds, sizeof(w->members[0].seeds), "%s:7002", w->members[2].ip);
    world_start(w, 0);
    world_listen(w);
    world_run(w, 3 * WORLD_TIMEOUT_MS);
    cr_expect_not_null(
        strstr(world_told(w, 0), "node <2>, found at the seed 10.0.0.3:7002, is not known here"));
    cr_expect_not(
        cluster_find_node(w->members[0].core, bytes_from_text(w->members[2].id.text), &index));
    cr_expect_eq(world_known_nodes(w, 2), 1);
    world_free(w);
}

Test(cluster_seeds, are_hosts_with_ports)
{
    static const struct {
        const char *text;
        const char *error; /* NULL: taken */
    } cases[] = {
        {"",                                        NULL                                 },
        {"10.0.0.1:6379",                           NULL                                 },
        {"db-0.example:6379,db-1.example:6379@777", NULL                                 },
        {"[::1]:6379",                              NULL                                 },
        {"10.0.0.1",                                "cluster-seeds: '10.0.0.1' is not"   },
        {"10.0.0.1:",                               "cluster-seeds: '10.0.0.1:' is not"  },
        {"10.0.0.1:0",                              "cluster-seeds: '10.0.0.1:0' is not" },
        {"10.0.0.1:60000",                          "cluster-seeds: '10.0.0.1:60000' is" },
        {"no host:6379",                            "cluster-seeds: 'no host:6379' is"   },
        {"10.0.0.1:6379@x",                         "cluster-seeds: '10.0.0.1:6379@x' is"},
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct seed_list seeds;
        struct errmsg error = {0};
        bool is_ok = seeds_parse(bytes_from_text(cases[i].text), &seeds, &error);

        cr_expect_eq(is_ok, cases[i].error == NULL, "%s", cases[i].text);
        cr_expect(cases[i].error == NULL ||
                      strncmp(error.text, cases[i].error, strlen(cases[i].error)) == 0,
                  "%s: %s", cases[i].text, error.text);
    }
}
