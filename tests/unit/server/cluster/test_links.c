/* SPDX-License-Identifier: MIT */
/* What a node that hears old frames, copies of a node, other versions and other secrets makes of them. */
#include "cluster/frame.h"
#include "tests/unit/server/cluster/core.h"
#include "tests/unit/server/cluster/world.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

enum {
    ORIGINAL = 0,
    WITNESS = 1,
    STRANGER = 9000, /* numbers of links that no member has opened, from here on */
    RECORDED_MAX = 200,
    TYPE_AT = 5, /* frame.h */
    VERSION_AT = 4,
};

struct recording {
    struct buf frames[RECORDED_MAX];
    size_t count;
};

/* What the two say to each other in so many milliseconds. */
static void record(struct world *w, int ms, struct recording *out)
{
    for (int i = 0; i < ms; i++) {
        world_run(w, 1);
        for (size_t k = 0; k < w->deliveries.count && out->count < RECORDED_MAX; k++) {
            const struct delivery *d = &w->deliveries.items[k];
            const struct connection *c = &w->connections.items[d->connection];

            if (d->type == CLUSTER_EVENT_FRAME && mono_ms_between(w->now, d->at) == 1 &&
                (d->is_to_opener ? c->to : c->from) == ORIGINAL) {
                buf_append_bytes(&out->frames[out->count++], buf_bytes(&d->frame));
            }
        }
    }
}

static void play(struct world *w, const struct recording *recording, bool is_on_one_link)
{
    for (size_t i = 0; i < recording->count; i++) {
        struct cluster_event event = {
            .type = CLUSTER_EVENT_FRAME,
            .link = {.is_incoming = true,
                     .number = STRANGER + (is_on_one_link ? 0 : (uint32_t)i + 1)},
            .frame = buf_bytes(&recording->frames[i]),
            .peer_ip = "10.0.0.1",
        };

        cluster_step(w->members[WITNESS].core, w->now, &event, &w->members[WITNESS].actions);
        world_carry_out(w, WITNESS);
        cr_expect_not(cluster_link_is_proven(w->members[WITNESS].core, event.link.number));
    }
}

static void recording_deinit(struct recording *recording)
{
    for (size_t i = 0; i < recording->count; i++) {
        buf_deinit(&recording->frames[i]);
    }
}

Test(cluster_links, frames_of_any_earlier_life_that_are_played_again_make_nobody_deaf)
{
    struct world *w = world_three_and_three();
    struct recording recording = {0};

    for (int life = 0; life < 4; life++) {
        world_kill(w, ORIGINAL);
        world_start(w, ORIGINAL);
        record(w, 100, &recording);
        world_run(w, 3 * WORLD_TIMEOUT_MS);
    }
    cr_assert_gt(recording.count, 20);
    for (int i = 0; i < 2; i++) {
        uint64_t refused = cluster_get_stats(w->members[WITNESS].core).refused_frames;

        play(w, &recording, i == 1);
        cr_expect_gt(cluster_get_stats(w->members[WITNESS].core).refused_frames, refused);
        for (int ms = 0; ms < 2 * WORLD_TIMEOUT_MS; ms++) {
            world_run(w, 1);
            cr_assert(world_is_ok(w), "after %d ms", ms);
        }
    }
    recording_deinit(&recording);
    world_free(w);
}

Test(cluster_links, a_copied_folder_gets_no_lease_beside_the_one_it_was_copied_from)
{
    struct world *w = world_three_and_three();
    int copy;
    int lost = 0;

    world_listen(w);
    copy = world_copy(w, ORIGINAL);
    for (int ms = 0; ms < 10 * WORLD_TIMEOUT_MS; ms++) {
        world_run(w, 1); /* asserts that one at most holds it */
        lost += !world_has_lease(w, ORIGINAL);
        cr_assert_not(world_has_lease(w, copy));
    }
    cr_expect_eq(lost, 0, "the original was without its lease for %d ms", lost);
    for (int i = 1; i < copy; i++) {
        cr_expect_not_null(strstr(world_told(w, i), "node <0> runs twice, at 10.0.0.1:7000 and at "
                                                    "10.0.0.7:7006"),
                           "member %d:\n%s", i, world_told(w, i));
    }
    cr_expect_not_null(strstr(world_told(w, copy), "another process runs as this node"), "%s",
                       world_told(w, copy));
    world_free(w);
}

Test(cluster_links, a_copy_makes_nobody_deaf_for_anybody)
{
    struct world *w = world_three_and_three();

    (void)world_copy(w, ORIGINAL);
    world_run(w, 2 * WORLD_TIMEOUT_MS);
    world_kill(w, WITNESS);
    world_run(w, 4 * WORLD_TIMEOUT_MS);
    cr_expect_eq(world_server_of(w, world_first_slot(WITNESS)), WITNESS + 3);
    cr_expect_eq(world_server_of(w, world_first_slot(ORIGINAL)), ORIGINAL);
    world_free(w);
}

Test(cluster_links, a_copy_is_heeded_once_the_one_it_was_copied_from_is_gone)
{
    struct world *w = world_three_and_three();
    int copy = world_copy(w, 4); /* of a replica, so that nobody takes its place */

    world_run(w, 5 * WORLD_TIMEOUT_MS);
    world_kill(w, 4);
    world_run(w, 6 * WORLD_TIMEOUT_MS);
    cr_expect(world_is_replica_of(w, copy, 1));
    cr_expect(world_is_ok(w));
    world_kill(w, 1);
    world_run(w, 4 * WORLD_TIMEOUT_MS);
    cr_expect_eq(world_server_of(w, world_first_slot(1)), copy);
    world_free(w);
}

Test(cluster_links, a_node_that_is_started_again_at_once_is_no_copy)
{
    struct world *w = world_three_and_three();

    world_listen(w);
    for (int i = 0; i < 5; i++) {
        world_kill(w, ORIGINAL);
        world_start(w, ORIGINAL);
        world_run(w, 20);
    }
    world_run(w, 3 * WORLD_TIMEOUT_MS);
    for (int i = 1; i < w->count; i++) {
        cr_expect_null(strstr(world_told(w, i), "twice"), "%s", world_told(w, i));
    }
    cr_expect(world_is_ok(w));
    world_free(w);
}

static void run_with_leases(struct world *w, int ms)
{
    for (int i = 0; i < ms; i++) {
        world_run(w, 1);
        for (int primary = 0; primary < 3; primary++) {
            cr_assert(world_has_lease(w, primary), "member %d has lost its lease", primary);
        }
    }
}

static size_t count_previous(const struct world *w)
{
    size_t count = 0;

    for (int i = 0; i < w->count; i++) {
        count += cluster_get_stats(w->members[i].core).links_by_previous_secret;
    }
    return count;
}

Test(cluster_links, a_secret_is_changed_node_by_node_and_no_lease_is_lost)
{
    struct world *w = world_three_and_three();

    for (int round = 0; round < 3; round++) {
        char before[32];
        char after[32];

        snprintf(before, sizeof(before), "%s", w->members[0].secret);
        snprintf(after, sizeof(after), "secret %d", round);
        if (round == 0) { /* from none to one all change at once */
            for (int i = 0; i < w->count; i++) {
                world_set_secrets(w, i, after, before);
            }
            run_with_leases(w, WORLD_TIMEOUT_MS);
            continue;
        }
        for (int i = 0; i < w->count; i++) {
            world_set_secrets(w, i, after, before);
            run_with_leases(w, 150);
            cr_expect(i == w->count - 1 || count_previous(w) > 0);
        }
        run_with_leases(w, 2 * WORLD_TIMEOUT_MS);
        cr_expect_eq(count_previous(w), 0);
        for (int i = 0; i < w->count; i++) {
            world_set_secrets(w, i, after, "");
            run_with_leases(w, 150);
        }
        run_with_leases(w, 2 * WORLD_TIMEOUT_MS);
    }
    world_free(w);
}

Test(cluster_links, a_node_that_keeps_the_old_secret_is_left_out_when_it_is_accepted_no_more)
{
    struct world *w = world_three_and_three();

    for (int i = 0; i < w->count; i++) {
        world_set_secrets(w, i, "old", "");
    }
    world_run(w, 2 * WORLD_TIMEOUT_MS);
    for (int i = 1; i < w->count; i++) {
        world_set_secrets(w, i, "new", "old");
    }
    world_run(w, 2 * WORLD_TIMEOUT_MS);
    cr_expect(world_has_lease(w, 0), "its secret is still accepted");
    for (int i = 1; i < w->count; i++) {
        world_set_secrets(w, i, "new", "");
    }
    world_run(w, 4 * WORLD_TIMEOUT_MS);
    cr_expect_not(world_has_lease(w, 0));
    cr_expect_eq(world_server_of(w, world_first_slot(0)), 3);
    world_free(w);
}

Test(cluster_links, another_version_of_the_bus_is_named_once_for_each_address)
{
    struct core core = core_new("");
    char frame[FRAME_HEAD_BYTES] = {'S', 'T', 'R', 'L', 2, 1, 0, 0, 0, 0, 0, FRAME_HEAD_BYTES};
    static const struct {
        const char *ip;
        const char *told;
    } cases[] = {
        {"10.0.0.9", "a node at 10.0.0.9 speaks version 2 of the cluster bus"},
        {"10.0.0.9", NULL                                                    },
        {"10.0.0.8", "a node at 10.0.0.8 speaks version 2 of the cluster bus"},
        {"10.0.0.9", NULL                                                    },
    };

    core_tick(&core, 1);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct cluster_event event = {
            .type = CLUSTER_EVENT_FRAME,
            .link = {.is_incoming = true, .number = (uint32_t)i + 1},
            .frame = bytes_make(frame, sizeof(frame)),
            .peer_ip = cases[i].ip,
        };
        const struct cluster_action *line;

        actions_clear(&core.actions);
        cluster_step(core.cluster, core.now, &event, &core.actions);
        cr_expect_not_null(core_find(&core, CLUSTER_ACTION_CLOSE));
        line = core_find(&core, CLUSTER_ACTION_LOG);
        cr_assert_eq(line != NULL, cases[i].told != NULL, "case %zu: %.*s", i,
                     BYTES_ARGS(line != NULL ? cluster_action_bytes(&core.actions, line)
                                             : (struct bytes){0}));
        cr_expect(line == NULL ||
                  bytes_has_prefix(cluster_action_bytes(&core.actions, line), cases[i].told));
    }
    core_deinit(&core);
}

/* The connection that the member has to the other one now; SIZE_MAX: none. */
static size_t open_to(const struct world *w, int member, int other)
{
    for (size_t i = w->connections.count; i-- > 0;) {
        const struct connection *c = &w->connections.items[i];

        if (c->from == member && c->to == other && !c->is_closed) {
            return i;
        }
    }
    return SIZE_MAX;
}

Test(cluster_links, one_that_is_not_answered_is_closed_after_a_node_timeout_and_opened_anew)
{
    struct world *w = world_three_and_three();
    size_t open = SIZE_MAX;
    size_t opened = 0;
    int old_ms = 0;

    world_cut_off(w, 5, 1);
    for (int ms = 0; ms < 10 * WORLD_TIMEOUT_MS; ms++) {
        size_t now_open = open_to(w, 0, 5);

        opened += now_open != SIZE_MAX && now_open != open ? 1 : 0;
        old_ms = now_open != SIZE_MAX && now_open == open ? old_ms + 1 : 0;
        open = now_open;
        cr_assert_leq(old_ms, WORLD_TIMEOUT_MS + 1);
        world_run(w, 1);
    }
    cr_expect_geq(opened, 8, "%zu", opened);
    world_free(w);
}
