/* SPDX-License-Identifier: MIT */
#include "tests/unit/server/cluster/core.h"

#include "cluster/nodes.h"
#include "council/message.h"
#include "spec/slot.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#define MYSELF                                                                                     \
    CORE_ID " 10.0.0.1:6379@16379,me.example,shard-id=" CORE_ID                                    \
            " myself,master - 0 0 3 connected 0-99 200\n"
#define OTHER                                                                                      \
    OTHER_ID " fe80::2:6380@16380,,shard-id=" OTHER_ID ""                                          \
             " master - 0 0 4 connected 300-16383\n"
#define GHOST_ID "1111111111111111111111111111111111111111"
#define VARS     "vars currentEpoch 5 lastVoteEpoch 4\n"

static const char *text_of(const struct core *core, struct buf *out)
{
    struct moment now = {.mono = core->now, .unix_ms = 1};

    buf_clear(out);
    cluster_format_nodes(core->cluster, now, out);
    return buf_text(out);
}

static void expect_refused(const char *file, const char *reason)
{
    struct core core = core_new(file);

    cr_expect_null(core.cluster, "accepted: %s", file);
    cr_expect_not_null(strstr(core.error.text, reason), "said: %s", core.error.text);
    core_deinit(&core);
}

Test(nodes_file, is_read_and_told_again)
{
    struct core core = core_new(MYSELF OTHER VARS);
    struct buf text = {0};

    cr_assert_not_null(core.cluster);
    cr_expect_str_eq(cluster_my_id(core.cluster)->text, CORE_ID);
    cr_expect(core_tells(&core, "cluster_current_epoch:5"));
    cr_expect(cluster_owns_slot(core.cluster, 200));
    cr_expect_not(cluster_owns_slot(core.cluster, 300));
    cr_expect_not_null(strstr(text_of(&core, &text), " fe80::2:6380@16380 master - "));
    cr_expect_not_null(strstr(text.data, " 4 disconnected 300-16383\n"));
    cr_expect_not_null(strstr(text.data, "myself,master - 0 0 3 connected 0-99 200\n"));
    buf_deinit(&text);
    core_deinit(&core);
}

Test(nodes_file, written_by_one_life_is_understood_by_the_next)
{
    struct core first = core_new(MYSELF OTHER VARS);
    struct core second;
    struct cluster_call call = core_call(&first);
    struct buf file = {0};
    struct bytes written;

    cr_assert(cluster_save_config(first.cluster, &call));
    written = cluster_action_bytes(&first.actions, core_find(&first, CLUSTER_ACTION_WRITE_FILE));
    buf_append_bytes(&file, written);
    second = core_new(buf_text(&file));
    cr_assert_not_null(second.cluster, "%s", second.error.text);
    call = core_call(&second);
    cr_assert(cluster_save_config(second.cluster, &call));
    written = cluster_action_bytes(&second.actions, core_find(&second, CLUSTER_ACTION_WRITE_FILE));
    cr_expect(bytes_equal(written, buf_bytes(&file)), "%.*s\n-\n%s", BYTES_ARGS(written),
              buf_text(&file));
    cr_expect_not_null(strstr(buf_text(&file), "council seats "));
    buf_deinit(&file);
    core_deinit(&first);
    core_deinit(&second);
}

Test(nodes_file, of_a_replica_makes_it_follow_its_primary)
{
    struct core core =
        core_new(CORE_ID " :6379@16379, myself,slave " OTHER_ID " 0 0 0 connected\n" OTHER_ID
                         " 10.0.0.2:6380@16380, master - 0 0 4 connected 0-16383\n" VARS);
    const struct cluster_action *follow;
    struct cluster_slot_range range;
    uint32_t slot = 0;

    cr_assert_not_null(core.cluster, "%s", core.error.text);
    core_tick(&core, 0);
    follow = core_find(&core, CLUSTER_ACTION_FOLLOW);
    cr_assert_not_null(follow);
    cr_expect_str_eq(follow->id.text, OTHER_ID);
    cr_expect_str_eq(follow->address.ip, "10.0.0.2");
    cr_expect_eq(follow->address.port, 6380);
    cr_expect(cluster_next_range(core.cluster, 1, &slot, &range));
    cr_expect_eq(range.first, 0);
    cr_expect_eq(range.last, SLOT_COUNT - 1);
    cr_expect_not(cluster_owns_slot(core.cluster, 5));
    core_deinit(&core);
}

Test(nodes_file, cut_anywhere_is_refused)
{
    static const char whole[] = MYSELF OTHER VARS;

    for (size_t len = 1; len < sizeof(whole) - 1; len++) {
        struct cluster_options options = {.settings = CLUSTER_SETTINGS_DEFAULT,
                                          .nodes_file = bytes_make(whole, len)};
        struct errmsg error = {0};

        cr_assert_null(cluster_new(&options, (struct mono_time){0}, &error), "at %zu", len);
        cr_expect_not_null(strstr(error.text, "nodes file, line "));
    }
}

Test(nodes_file, that_is_damaged_is_refused_with_line_and_reason)
{
    expect_refused(MYSELF "what is this\n" VARS, "line 2: the node id");
    expect_refused(MYSELF MYSELF VARS, "line 2: the node is listed twice");
    expect_refused(OTHER VARS, "no node is flagged as myself");
    expect_refused(MYSELF OTHER_ID " 10.0.0.2 master - 0 0 4 connected\n" VARS, "bus port");
    expect_refused(MYSELF OTHER_ID " 10.0.0.2:99999@1, master - 0 0 4 connected\n" VARS, "port");
    expect_refused(MYSELF OTHER_ID " h#st:1@1, master - 0 0 4 connected\n" VARS, "address");
    expect_refused(MYSELF OTHER_ID " 10.0.0.2:1@1,b@d master - 0 0 4 connected\n" VARS, "hostname");
    expect_refused(MYSELF OTHER_ID " 10.0.0.2:1@1, lord - 0 0 4 connected\n" VARS, "flag");
    expect_refused(MYSELF OTHER_ID " 10.0.0.2:1@1, slave - 0 0 4 connected\n" VARS, "primary");
    expect_refused(MYSELF OTHER_ID " 10.0.0.2:1@1, master - 0 0 x connected\n" VARS, "epoch");
    expect_refused(MYSELF OTHER_ID " 10.0.0.2:1@1, master - 0 0 4 connected 50\n" VARS,
                   "two owners");
    expect_refused(MYSELF OTHER_ID " 10.0.0.2:1@1, master - 0 0 4 connected 16384\n" VARS,
                   "range of slots");
    expect_refused(MYSELF OTHER_ID " 10.0.0.2:1@1, slave " CORE_ID " 0 0 4 connected 500\n" VARS,
                   "replica has slots");
    expect_refused(MYSELF OTHER_ID " 10.0.0.2:1@1, master - 0 0 9 connected\n" VARS,
                   "beyond currentEpoch");
    expect_refused(MYSELF "council state zz\n" VARS, "council");
    expect_refused(MYSELF "council record 00\n" VARS, "council");
    expect_refused(MYSELF "council what\n" VARS, "council");
    expect_refused(MYSELF "vars currentEpoch 3 hello 4\n", "vars are malformed");
    expect_refused(MYSELF VARS OTHER, "behind the vars");
}

Test(nodes_file, that_cannot_be_written_is_asked_for_again)
{
    struct core core = core_new("");
    struct cluster_event failed = {.type = CLUSTER_EVENT_FILE_FAILED, .reason = "disk full"};
    const struct cluster_action *write;
    uint64_t sequence;

    core_tick(&core, 0);
    write = core_find(&core, CLUSTER_ACTION_WRITE_FILE);
    cr_assert_not_null(write);
    sequence = write->sequence;
    failed.sequence = sequence;
    actions_clear(&core.actions);
    cluster_step(core.cluster, core.now, &failed, &core.actions);
    cr_expect_null(core_find(&core, CLUSTER_ACTION_WRITE_FILE));
    core_tick(&core, 1000);
    write = core_find(&core, CLUSTER_ACTION_WRITE_FILE);
    cr_assert_not_null(write);
    cr_expect_gt(write->sequence, sequence);
    core_deinit(&core);
}

Test(nodes_file, has_what_was_learned_after_a_moment_and_in_one_file_with_what_came_since)
{
    struct core core = core_new(MYSELF OTHER VARS);

    core_settle(&core);
    core_tick(&core, 1000);
    core_save(&core);
    nodes_learned(core.cluster);
    core_tick(&core, 50);
    cr_expect_null(core_find(&core, CLUSTER_ACTION_WRITE_FILE));
    nodes_learned(core.cluster);
    core_tick(&core, 60);
    cr_expect_not_null(core_find(&core, CLUSTER_ACTION_WRITE_FILE));
    core_save(&core);
    core_tick(&core, 1000);
    cr_expect_null(core_find(&core, CLUSTER_ACTION_WRITE_FILE));
    core_deinit(&core);
}

Test(nodes_file, that_somebody_waits_for_is_written_at_once_and_with_what_was_learned)
{
    struct core core = core_new(MYSELF OTHER VARS);
    struct cluster_call call;

    core_settle(&core);
    core_tick(&core, 1000);
    core_save(&core);
    nodes_learned(core.cluster);
    actions_clear(&core.actions);
    call = core_call(&core);
    cr_assert(cluster_save_config(core.cluster, &call));
    cr_expect_not_null(core_find(&core, CLUSTER_ACTION_WRITE_FILE));
    core_save(&core);
    core_tick(&core, 1000);
    cr_expect_null(core_find(&core, CLUSTER_ACTION_WRITE_FILE));
    core_deinit(&core);
}

/* Of its council, of which this node is no member any more. */
static void tell_next_seats(struct core *core, const struct cluster_id *member)
{
    struct council *council = core->cluster->council;
    struct seats seats = *council_seats(council);
    struct council_message message = {
        .type = COUNCIL_LEARN, .ballot = {.round = 9, .by = *member}
    };
    struct buf value = {0};
    struct buf bytes = {0};

    seats.generation++;
    seats.members.items[0] = (struct seat){.node = *member, .key = 7};
    seats_encode(&value, &seats);
    message.value = buf_bytes(&value);
    council_message_encode(&bytes, &message);
    council_receive(council, core->now, member, buf_bytes(&bytes));
    buf_deinit(&value);
    buf_deinit(&bytes);
}

Test(nodes_file, of_a_large_cluster_makes_a_node_without_a_seat_tell_the_council_alone_of_new_seats)
{
    enum {
        COUNT = 250
    };
    struct buf file = {0};
    struct core core;
    size_t announced = 0;

    buf_append_text(&file, MYSELF);
    for (unsigned i = 1; i < COUNT; i++) {
        buf_printf(&file, "%040x 10.0.1.%u:6379@16379,,shard-id=%040x master - 0 0 1 connected\n",
                   i, i, i);
    }
    buf_append_text(&file, VARS);
    core = core_new(buf_text(&file));
    cr_assert_not_null(core.cluster, "%s", core.error.text);
    core_settle(&core);
    for (size_t i = 1; i < COUNT; i++) {
        core.cluster->nodes.items[i]->next_ping_at = MONO_NEVER;
    }
    tell_next_seats(&core, &core.cluster->nodes.items[5]->id);
    core_tick(&core, 1000);
    for (size_t i = 1; i < COUNT; i++) {
        announced += mono_is_due(core.cluster->nodes.items[i]->next_ping_at, core.now) ? 1 : 0;
    }
    cr_expect_eq(announced, 1);
    cr_expect(mono_is_due(core.cluster->nodes.items[5]->next_ping_at, core.now));
    buf_deinit(&file);
    core_deinit(&core);
}

Test(nodes_file, keeps_who_was_forgotten_and_let_in_again)
{
    static const char *const words[] = {"forgotten " GHOST_ID ":3:60000\n", ",admission=7 "};
    struct core core = core_new(
        MYSELF OTHER_ID " 10.0.0.2:6380@16380,,admission=7 master - 0 0 4 connected\n"
                        "vars currentEpoch 5 lastVoteEpoch 4 forgotten " GHOST_ID ":3:60000\n");
    struct buf file = {0};

    cr_assert_not_null(core.cluster, "%s", core.error.text);
    cluster_format_file(core.cluster, &file);
    for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
        cr_expect_not_null(strstr(buf_text(&file), words[i]), "%s", buf_text(&file));
    }
    buf_deinit(&file);
    core_deinit(&core);
}

Test(nodes_file, keeps_for_a_week_who_was_forgotten)
{
    struct core core = core_new(MYSELF OTHER_ID " 10.0.0.2:6380@16380 master - 0 0 4 connected\n"
                                                "vars currentEpoch 5 lastVoteEpoch 4\n");
    struct cluster_call call = core_call(&core);
    struct buf file = {0};

    cr_assert_not_null(core.cluster, "%s", core.error.text);
    cr_assert(cluster_forget(core.cluster, &call, BYTES_LITERAL(OTHER_ID)));
    core_tick(&core, 604800000 - 1);
    cluster_format_file(core.cluster, &file);
    cr_expect_not_null(strstr(buf_text(&file), "forgotten " OTHER_ID), "%s", buf_text(&file));
    core_tick(&core, 1);
    buf_clear(&file);
    cluster_format_file(core.cluster, &file);
    cr_expect_null(strstr(buf_text(&file), OTHER_ID), "%s", buf_text(&file));
    buf_deinit(&file);
    core_deinit(&core);
}

Test(nodes_file, with_a_malformed_record_of_a_forgotten_node_is_refused)
{
    static const char *const records[] = {"abc:1:5", GHOST_ID ":x:5", GHOST_ID ":1",
                                          GHOST_ID ":1:99999999999", GHOST_ID ":1:5:6"};

    for (size_t i = 0; i < ARRAY_COUNT(records); i++) {
        char file[1024];

        snprintf(file, sizeof(file), "%svars currentEpoch 5 lastVoteEpoch 4 forgotten %s\n", MYSELF,
                 records[i]);
        expect_refused(file, "a forgotten node is malformed");
    }
}
