/* SPDX-License-Identifier: MIT */
/* cli/cluster_moves: what both sides say of moves that go by themselves, put together. */
#include "cli/cluster_moves.h"

#include "base/mem.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum {
    COLUMNS = 7,
};

/* name, operation, state, message, slots, source, target; the number of keys goes with each */
struct row {
    const char *words[COLUMNS];
    int keys;
};

static void hear(struct cluster_moves *moves, const struct row *rows, size_t count)
{
    static const char *const names[COLUMNS] = {
        "name", "operation", "state", "message", "slot_ranges", "source_node", "target_node"};
    const struct resp_limits limits = RESP_LIMITS_DEFAULT;
    struct resp_value reply;
    struct buf wire = {0};
    size_t consumed;

    buf_printf(&wire, "*%zu\r\n", count);
    for (size_t i = 0; i < count; i++) {
        buf_printf(&wire, "*%d\r\n$4\r\nkeys\r\n:%d\r\n", 2 + 2 * COLUMNS, rows[i].keys);
        for (size_t j = 0; j < COLUMNS; j++) {
            buf_printf(&wire, "$%zu\r\n%s\r\n$%zu\r\n%s\r\n", strlen(names[j]), names[j],
                       strlen(rows[i].words[j]), rows[i].words[j]);
        }
    }
    cr_assert_eq(resp_value_read(buf_bytes(&wire), &limits, &reply, &consumed, NULL), RESP_OK);
    cluster_moves_add(moves, &reply);
    resp_value_deinit(&reply);
    buf_deinit(&wire);
}

/* a at h:1 and b at h:2; b has the slots 0 to 9. */
static void see(struct cluster_view *view)
{
    static const char *const ids[] = {"a", "b"};

    for (size_t i = 0; i < 2; i++) {
        struct view_node node = {
            .info = {.host = "h", .port = (uint16_t)(i + 1)}
        };

        snprintf(node.info.id, sizeof(node.info.id), "%s", ids[i]);
        for (size_t slot = 0; i == 1 && slot < 10; slot++) {
            bitset_add(node.info.slots, slot);
        }
        VEC_PUSH(&view->nodes, node);
    }
}

static void expect(struct cluster_moves *moves, const char *const *lines, size_t count)
{
    struct cluster_view view = {0};

    see(&view);
    cluster_moves_settle(moves, &view);
    cr_assert_eq(moves->items.count, count);
    for (size_t i = 0; i < count; i++) {
        struct buf line = {0};

        cluster_move_write(&moves->items.items[i], &line);
        cr_assert_str_eq(buf_text(&line), lines[i]);
        buf_deinit(&line);
    }
    VEC_DEINIT(&view.nodes);
    cluster_moves_deinit(moves);
    cr_assert_eq(mem_used_total(), 0);
}

/* One line, whoever is asked first. */
static void expect_of_both(const struct row *source, const struct row *target,
                           const char *const line[1])
{
    struct cluster_moves moves = {0};

    hear(&moves, source, 1);
    hear(&moves, target, 1);
    expect(&moves, line, 1);
    hear(&moves, target, 1);
    hear(&moves, source, 1);
    expect(&moves, line, 1);
}

Test(cluster_moves, a_move_of_which_both_sides_tell_is_there_once_whoever_is_asked_first)
{
    static const struct row source = {
        {"x", "EXPORT", "snapshotting", "", "20-29 40", "a", "b"},
        12
    };
    static const struct row target = {
        {"x", "IMPORT", "receiving-snapshot", "", "20-29 40", "a", "b"},
        5
    };
    static const char *const line[] = {"h:1 -> h:2: 11 slots, receiving-snapshot, 5 of 12 keys"};

    expect_of_both(&source, &target, line);
}

Test(cluster_moves, one_side_is_enough_and_what_is_over_is_left_out)
{
    static const struct row rows[] = {
        {{"x", "EXPORT", "connecting", "no primary", "20", "a", "gone-for-good"}, 12},
        {{"y", "IMPORT", "replicating", "", "30-31", "b", "a"},                   5 },
        {{"z", "EXPORT", "success", "", "40", "a", "b"},                          0 },
        {{"w", "EXPORT", "failed", "no room", "41", "a", "b"},                    1 },
        {{"v", "IMPORT", "cancelled", "", "42", "b", "a"},                        1 },
        {{"u", "EXPORT", "connecting", "", "nonsense", "a", "b"},                 1 },
    };
    static const char *const lines[] = {
        "h:1 -> node gone-for: 1 slots, connecting; last trouble: no primary",
        "h:2 -> h:1: 2 slots, replicating, 5 keys so far"};
    struct cluster_moves moves = {0};

    hear(&moves, rows, 6);
    expect(&moves, lines, 2);
}

Test(cluster_moves, slots_that_are_there_already_are_not_on_the_move)
{
    static const struct row rows[] = {
        {{"x", "EXPORT", "failover-granted", "", "0-9", "a", "b"},  12},
        {{"y", "EXPORT", "failover-granted", "", "8-11", "a", "b"}, 0 },
    };
    static const char *const lines[] = {"h:1 -> h:2: 2 slots, failover-granted"};
    struct cluster_moves moves = {0};

    hear(&moves, rows, 2);
    expect(&moves, lines, 1);
}

Test(cluster_moves, who_has_taken_the_place_of_a_side_is_known_by_that_side)
{
    static const struct row source = {
        {"x", "EXPORT", "connecting", "silent", "20", "a", "before-b"},
        12
    };
    static const struct row target = {
        {"x", "IMPORT", "waiting-for-ack", "", "20", "before-a", "b"},
        0
    };
    static const char *const line[] = {
        "h:1 -> h:2: 1 slots, waiting-for-ack, 0 of 12 keys; last trouble: silent"};

    expect_of_both(&source, &target, line);
}
