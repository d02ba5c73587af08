/* SPDX-License-Identifier: MIT */
/* cli/cluster_picture: what is drawn of nodes and slots. */
#include "cli/cluster_picture.h"

#include "base/mem.h"

#include <criterion/criterion.h>
#include <string.h>

#define ID(digit)   digit digit digit digit digit digit digit digit
#define ID40(digit) ID(digit) ID(digit) ID(digit) ID(digit) ID(digit)

static const char nodes_text[] =
    ID40("a") " h:1@2 myself,master - 0 0 1 connected 0-8191 [8000->-" ID40("b") "]\n" //
    ID40("b") " h:2@3 master - 0 0 2 connected 8192-16000\n"                           //
    ID40("c") " h:3@4 slave " ID40("a") " 0 0 1 connected\n"                           //
    ID40("d") " h:4@5 slave " ID40("b") " 0 0 2 connected\n"                           //
    ID40("e") " h:5@6 arbiter - 0 0 0 connected\n";

static void draw(struct cluster_map *map, struct picture_node nodes[5],
                 const struct cluster_moves *moves, struct buf *out)
{
    struct errmsg error = {0};

    cr_assert(cluster_map_parse_nodes(map, bytes_from_text(nodes_text), &error), "%s", error.text);
    for (size_t i = 0; i < 5; i++) {
        nodes[i].info = &map->nodes.items[i];
        nodes[i].map = i == 0 ? map : NULL;
    }
    map->nodes.items[4].flags |= MAP_ARBITER;
    picture_draw(nodes, 5, moves, false, out);
}

Test(picture, a_bar_shows_all_some_none_and_what_is_on_the_move)
{
    struct picture_node nodes[5] = {0};
    struct cluster_map map = {0};
    struct buf out = {0};

    nodes[0].facts = (struct picture_facts){true, 1234567, 5300000, 950, 5000, false};
    draw(&map, nodes, &(struct cluster_moves){0}, &out);
    /* slot 8000 is in the 32nd place of 256 slots each */
    cr_assert_not_null(strstr(buf_text(&out), "h:1                      "
                                              "###############################>"
                                              "................................  8192 slots"
                                              "    1.2M keys    5.3MB   950/s\n"),
                       "%s", buf_text(&out));
    /* 16000 is the 129th of the 63rd place */
    cr_assert_not_null(strstr(buf_text(&out), ".##############################+.  7809 slots"),
                       "%s", buf_text(&out));
    cr_assert_not_null(strstr(buf_text(&out), "5 nodes, 2 primaries, 16001 of 16384 slots covered, "
                                              "1 on the move\n"));
    buf_deinit(&out);
    cluster_map_deinit(&map);
    cr_assert_eq(mem_used_total(), 0);
}

static void add_move(struct cluster_moves *moves, size_t first, size_t last)
{
    struct cluster_move move = {
        .told = {.from_id = ID40("b"), .to_id = ID40("a"), .step = "receiving-snapshot"},
        .is_told_by_target = true,
        .keys_left = 12,
        .keys_come = 5,
        .from = "h:2",
        .to = "h:1"
    };

    for (size_t slot = first; slot <= last; slot++) {
        bitset_add(move.told.slots, slot);
    }
    VEC_PUSH(&moves->items, move);
}

Test(picture, slots_that_move_by_themselves_are_drawn_at_both_sides_and_counted_once)
{
    struct picture_node nodes[5] = {0};
    struct cluster_map map = {0};
    struct cluster_moves moves = {0};
    struct buf out = {0};

    add_move(&moves, 8500, 8703); /* of the 34th place, which ends so */
    add_move(&moves, 8700, 8709); /* some of them again */
    draw(&map, nodes, &moves, &out);
    cr_assert_not_null(strstr(buf_text(&out), "5 nodes, 2 primaries, 16001 of 16384 slots covered, "
                                              "211 on the move\n"),
                       "%s", buf_text(&out));
    cr_assert_not_null(strstr(buf_text(&out), "###############################>"
                                              ".<<............................."),
                       "%s", buf_text(&out));
    cr_assert_not_null(strstr(buf_text(&out), ".#>>###########################+.  7809 slots"),
                       "%s", buf_text(&out));
    cr_assert_not_null(strstr(buf_text(&out), "\nh:2 -> h:1: 204 slots, receiving-snapshot, "
                                              "5 of 12 keys\n"),
                       "%s", buf_text(&out));
    cluster_moves_deinit(&moves);
    buf_deinit(&out);
    cluster_map_deinit(&map);
    cr_assert_eq(mem_used_total(), 0);
}

Test(picture, replicas_stand_below_their_primary_with_their_lag)
{
    struct picture_node nodes[5] = {0};
    struct cluster_map map = {0};
    struct buf out = {0};
    const char *first;
    const char *replica;
    const char *second;

    nodes[0].facts = (struct picture_facts){true, 0, 0, 0, 5000, false};
    nodes[2].facts = (struct picture_facts){true, 0, 0, 7, 4900, true};
    nodes[3].facts = (struct picture_facts){true, 0, 0, 0, 0, false};
    draw(&map, nodes, &(struct cluster_moves){0}, &out);
    first = strstr(buf_text(&out), "\nh:1 ");
    replica = strstr(buf_text(&out), "\n  + h:3                  replica, 100B behind, 7/s\n");
    second = strstr(buf_text(&out), "\nh:2 ");
    cr_assert_not_null(first);
    cr_assert_not_null(replica, "%s", buf_text(&out));
    cr_assert_not_null(second);
    cr_assert(first < replica && replica < second);
    cr_assert_not_null(
        strstr(buf_text(&out), "  + h:4                  replica, NOT LINKED to its primary\n"));
    cr_assert_not_null(strstr(buf_text(&out), "h:5                      arbiter"));
    buf_deinit(&out);
    cluster_map_deinit(&map);
}

Test(picture, who_cannot_be_reached_is_said_to_be)
{
    struct picture_node nodes[5] = {0};
    struct cluster_map map = {0};
    struct buf out = {0};

    draw(&map, nodes, &(struct cluster_moves){0}, &out);
    cr_assert_not_null(strstr(buf_text(&out), " 8192 slots  CANNOT BE REACHED\n"));
    cr_assert_not_null(strstr(buf_text(&out), "h:3                    CANNOT BE REACHED\n"), "%s",
                       buf_text(&out));
    buf_deinit(&out);
    cluster_map_deinit(&map);
}
