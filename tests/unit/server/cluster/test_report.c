/* SPDX-License-Identifier: MIT */
#include "tests/unit/server/cluster/world.h"

#include <criterion/criterion.h>

#include <string.h>

static struct moment moment_of(const struct world *w)
{
    return (struct moment){.mono = w->now, .unix_ms = 1700000000000};
}

Test(cluster_report, info_has_the_fields_that_tools_read)
{
    struct world *w = world_three_and_three();
    struct buf text = {0};
    static const char *const expected[] = {
        "cluster_state:ok\r\n",         "cluster_slots_assigned:16384\r\n",
        "cluster_slots_ok:16384\r\n",   "cluster_slots_pfail:0\r\n",
        "cluster_slots_fail:0\r\n",     "cluster_known_nodes:6\r\n",
        "cluster_size:3\r\n",           "cluster_current_epoch:",
        "cluster_my_epoch:1\r\n",       "cluster_stats_messages_ping_sent:",
        "cluster_stats_messages_sent:", "cluster_stats_messages_received:",
    };

    cluster_format_info(w->members[3].core, w->now, &text);
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        cr_expect_not_null(strstr(buf_text(&text), expected[i]), "%s", expected[i]);
    }
    buf_deinit(&text);
    world_free(w);
}

Test(cluster_report, nodes_has_one_line_a_node_in_the_usual_form)
{
    struct world *w = world_three_and_three();
    struct buf text = {0};
    size_t lines = 0;

    cluster_format_nodes(w->members[0].core, moment_of(w), &text);
    for (size_t i = 0; i < text.len; i++) {
        lines += text.data[i] == '\n';
    }
    cr_expect_eq(lines, 6);
    cr_expect_not_null(strstr(buf_text(&text), " 10.0.0.1:7000@17000,node0 myself,master - 0 0 1 "
                                               "connected 0-5460\n"));
    cr_expect_not_null(strstr(text.data, " 10.0.0.6:7005@17005,node5 slave "));
    buf_deinit(&text);
    world_free(w);
}

Test(cluster_report, a_failed_node_is_flagged_and_its_reports_are_counted)
{
    struct world *w = world_three_and_three();
    struct cluster_node_view view;
    size_t index;

    world_kill(w, 5);
    world_run(w, 2000);
    cr_assert(
        cluster_find_node(w->members[0].core, bytes_from_text(w->members[5].id.text), &index));
    cluster_node_at(w->members[0].core, index, moment_of(w), &view);
    cr_expect(view.is_failed);
    cr_expect_not(view.is_linked);
    cr_expect_eq(view.health, CLUSTER_HEALTH_FAIL);
    cr_expect_geq(cluster_failure_report_count(w->members[0].core, index, w->now), 2);
    world_start(w, 5);
    world_run(w, 500);
    cluster_node_at(w->members[0].core, index, moment_of(w), &view);
    cr_expect_not(view.is_failed);
    world_free(w);
}

Test(cluster_report, ranges_cover_each_slot_once_with_its_owner)
{
    struct world *w = world_three_and_three();
    struct cluster_slot_range range;
    uint32_t slot = 0;
    uint32_t covered = 0;
    size_t count = 0;

    while (cluster_next_range(w->members[4].core, SIZE_MAX, &slot, &range)) {
        covered += (uint32_t)(range.last - range.first) + 1;
        count++;
    }
    cr_expect_eq(covered, SLOT_COUNT);
    cr_expect_eq(count, 3);
    slot = 0;
    cr_assert(cluster_next_range(w->members[1].core, 0, &slot, &range));
    cr_expect_eq(range.first, world_first_slot(1));
    cr_expect_eq(range.owner_index, 0);
    cr_expect_not(cluster_next_range(w->members[1].core, 0, &slot, &range));
    world_free(w);
}

Test(cluster_report, a_replica_shares_the_shard_of_its_primary)
{
    struct world *w = world_three_and_three();

    cr_expect(cluster_id_equal(cluster_my_shard_id(w->members[0].core),
                               cluster_my_shard_id(w->members[3].core)));
    cr_expect_not(cluster_id_equal(cluster_my_shard_id(w->members[0].core),
                                   cluster_my_shard_id(w->members[4].core)));
    world_free(w);
}

Test(cluster_report, links_are_listed_in_both_directions)
{
    struct world *w = world_three_and_three();
    struct cluster_link_view view;
    size_t count = cluster_link_count(w->members[0].core);
    size_t incoming = 0;

    cr_expect_geq(count, 10);
    for (size_t i = 0; i < count; i++) {
        cluster_link_at(w->members[0].core, i, moment_of(w), &view);
        incoming += view.is_incoming ? 1 : 0;
        cr_expect_gt(view.created_unix_ms, 0);
    }
    cr_expect_eq(count - incoming, 5);
    world_free(w);
}

Test(cluster_actions, are_described_in_one_line_each)
{
    struct world *w = world_new(1);
    struct cluster_call call = world_call(w, 0, NULL);
    struct actions *actions = &w->members[0].actions;
    struct buf text = {0};
    size_t lines = 0;

    cr_assert(cluster_meet(w->members[0].core, &call, BYTES_LITERAL("10.0.0.9"), 7009, 0));
    for (size_t i = 0; i < actions->count; i++) {
        actions_describe(actions, i, &text);
    }
    for (size_t i = 0; i < text.len; i++) {
        lines += text.data[i] == '\n';
    }
    cr_expect_eq(lines, actions->count);
    cr_expect_not_null(strstr(buf_text(&text), "10.0.0.9:17009\n"));
    actions_clear(actions);
    buf_deinit(&text);
    world_free(w);
}

static void announce(struct world *w, int member, const char *hostname)
{
    struct cluster_settings settings = CLUSTER_SETTINGS_DEFAULT;
    struct errmsg error;

    settings.port = (uint16_t)(7000 + member);
    settings.bus_port = (uint16_t)(17000 + member);
    settings.node_timeout_ms = WORLD_TIMEOUT_MS;
    settings.announce_hostname = hostname;
    cr_assert(cluster_configure(w->members[member].core, &settings, &error));
    world_tick(w, member);
}

static void expect_hostname(const struct world *w, int of, const char *hostname)
{
    for (int i = 0; i < w->count; i++) {
        struct cluster_node_view view;
        size_t index;

        cr_assert(
            cluster_find_node(w->members[i].core, bytes_from_text(w->members[of].id.text), &index));
        cluster_node_at(w->members[i].core, index, (struct moment){.mono = w->now}, &view);
        cr_expect_str_eq(view.hostname, hostname, "member %d says '%s'", i, view.hostname);
    }
}

Test(cluster_report, a_hostname_that_is_no_longer_announced_is_gone_everywhere)
{
    struct world *w = world_three_and_three();

    expect_hostname(w, 4, "node4");
    announce(w, 4, "");
    world_run(w, 500);
    expect_hostname(w, 4, "");
    for (int i = 0; i < 4; i++) {
        world_kill(w, i);
        world_start(w, i);
    }
    announce(w, 4, "node4");
    world_run(w, 2000);
    expect_hostname(w, 4, "node4");
    announce(w, 4, NULL);
    world_run(w, 500);
    expect_hostname(w, 4, "");
    world_free(w);
}

Test(cluster_report, links_come_node_by_node_to_it_and_from_it)
{
    struct world *w = world_three_and_three();
    const struct cluster *c = w->members[0].core;

    cr_assert_eq(cluster_link_count(c), 10);
    for (size_t i = 0; i < 10; i += 2) {
        struct cluster_link_view to;
        struct cluster_link_view from;

        cluster_link_at(c, i, (struct moment){.mono = w->now}, &to);
        cluster_link_at(c, i + 1, (struct moment){.mono = w->now}, &from);
        cr_expect(!to.is_incoming && from.is_incoming && cluster_id_equal(to.id, from.id));
    }
    world_free(w);
}
