/* SPDX-License-Identifier: MIT */
/* The orderly end: what is saved, who is waited for, who is answered. */
#include "base/attr.h"
#include "node/inside.h"
#include "tests/alone/alone.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define SECOND_US INT64_C(1000000)

static struct alone *start(const struct alone_option *options, size_t count)
{
    struct alone *a = alone_new(options, count);

    for (size_t i = 0; i < ALONE_CLIENTS; i++) {
        alone_connect(a, i);
    }
    return a;
}

static void send(struct alone *a, size_t client, const char *request)
{
    alone_pass(a, 1000, client, bytes_from_text(request));
}

/* What the client was sent begins with reply; "" is nothing at all. */
static void expect_reply(struct alone *a, size_t client, const char *reply)
{
    struct buf out = alone_take(a, client);

    cr_expect(reply[0] != '\0' ? bytes_has_prefix(buf_bytes(&out), reply) : out.len == 0,
              "'%s', not '%s'", buf_text(&out), reply);
    buf_deinit(&out);
}

static bool file_has(const struct alone *a, const char *text)
{
    const struct disk_file *file = disk_find(&a->disk, "dump.rdb");

    return file != NULL &&
           memmem(file->content.data, file->content.len, text, strlen(text)) != NULL;
}

/* Client 3 becomes a replica that has everything so far. */
static void attach_replica(struct alone *a)
{
    struct buf out;

    send(a, 3, "REPLCONF capa eof capa psync2\r\nPSYNC ? -1\r\n");
    alone_settle(a, 50);
    send(a, 3, "REPLCONF ACK 0\r\n");
    out = alone_take(a, 3);
    buf_deinit(&out);
}

static void acknowledge(struct alone *a)
{
    struct node_facts facts;
    char line[64];

    node_facts(a->node, &facts);
    snprintf(line, sizeof(line), "REPLCONF ACK %llu\r\n", (unsigned long long)facts.offset);
    send(a, 3, line);
}

Test(ending, a_shutdown_that_ends_the_server_is_not_answered)
{
    static const char *const requests[] = {"SHUTDOWN\r\n", "SHUTDOWN NOSAVE\r\n",
                                           "SHUTDOWN SAVE\r\n", "SHUTDOWN NOW FORCE\r\n"};

    for (size_t i = 0; i < ARRAY_COUNT(requests); i++) {
        struct alone *a = start(NULL, 0);

        send(a, 0, "SET k kept\r\n");
        expect_reply(a, 0, "+OK");
        send(a, 0, requests[i]);
        alone_settle(a, 50);
        expect_reply(a, 0, "");
        cr_expect(a->has_exited && a->exit_code == 0, "%s", requests[i]);
        cr_expect_eq(file_has(a, "kept"), i == 2, "%s", requests[i]);
        alone_free(a);
    }
}

Test(ending, a_shutdown_refuses_options_that_contradict_each_other)
{
    static const char *const requests[] = {
        "SHUTDOWN SAVE NOSAVE\r\n", "SHUTDOWN NOSAVE NOW SAVE\r\n",
        "SHUTDOWN ABORT NOW\r\n",   "SHUTDOWN NOW ABORT\r\n",
        "SHUTDOWN FOO\r\n",
    };
    struct alone *a = start(NULL, 0);

    for (size_t i = 0; i < ARRAY_COUNT(requests); i++) {
        send(a, 0, requests[i]);
        expect_reply(a, 0, "-ERR syntax error");
    }
    send(a, 0, "SHUTDOWN ABORT ABORT\r\n");
    expect_reply(a, 0, "-ERR No shutdown in progress.");
    cr_assert_not(a->has_exited);
    alone_free(a);
}

Test(ending, a_shutdown_that_cannot_save_goes_on_unless_it_is_forced)
{
    struct alone *a = start(NULL, 0);

    a->disk.fault = DISK_BROKEN;
    send(a, 0, "SHUTDOWN SAVE\r\n");
    send(a, 1, "SET k v\r\n");
    alone_settle(a, 50);
    expect_reply(a, 0, "-ERR Errors trying to SHUTDOWN. Check logs.");
    expect_reply(a, 1, "+OK");
    cr_assert_not(a->has_exited);
    send(a, 0, "SHUTDOWN SAVE FORCE\r\n");
    alone_settle(a, 50);
    expect_reply(a, 0, "");
    cr_assert(a->has_exited);
    alone_free(a);
}

Test(ending, a_shutdown_holds_writes_until_the_last_image_is_on_disk)
{
    struct alone *a = start(NULL, 0);

    send(a, 0, "SET k before\r\n");
    a->is_disk_slow = true;
    send(a, 1, "SHUTDOWN SAVE\r\n");
    send(a, 0, "SET k after\r\n");
    send(a, 2, "GET k\r\n");
    expect_reply(a, 2, "$6\r\nbefore");
    expect_reply(a, 0, "+OK\r\n");
    a->is_disk_slow = false;
    alone_settle(a, 50);
    expect_reply(a, 0, "");
    cr_assert(a->has_exited && file_has(a, "before") && !file_has(a, "after"));
    alone_free(a);
}

Test(ending, a_shutdown_saves_again_what_was_written_beside_a_save_under_way)
{
    struct alone *a = start(NULL, 0);

    a->is_disk_slow = true;
    send(a, 0, "SET k old\r\nBGSAVE\r\n");
    send(a, 0, "SET k acknowledged\r\n");
    send(a, 1, "SHUTDOWN SAVE\r\n");
    a->is_disk_slow = false;
    alone_settle(a, 50);
    cr_assert(a->has_exited && file_has(a, "acknowledged"));
    alone_free(a);
}

Test(ending, a_shutdown_waits_for_replicas_for_as_long_as_it_may)
{
    struct alone *a = start(NULL, 0);

    attach_replica(a);
    send(a, 0, "SET k v\r\n");
    send(a, 1, "SHUTDOWN NOSAVE\r\n");
    cr_assert_not(a->has_exited);
    acknowledge(a);
    alone_settle(a, 50);
    cr_assert(a->has_exited, "the replica has everything");
    alone_free(a);

    a = start(NULL, 0);
    attach_replica(a);
    send(a, 0, "SET k v\r\n");
    send(a, 1, "SHUTDOWN NOSAVE\r\n");
    alone_pass(a, 9 * SECOND_US, ALONE_CLIENTS, (struct bytes){0});
    cr_assert_not(a->has_exited);
    alone_pass(a, 2 * SECOND_US, ALONE_CLIENTS, (struct bytes){0});
    cr_assert(a->has_exited, "shutdown-timeout is over");
    alone_free(a);

    a = start(NULL, 0);
    attach_replica(a);
    send(a, 0, "SET k v\r\n");
    send(a, 1, "SHUTDOWN NOSAVE NOW\r\n");
    cr_assert(a->has_exited, "NOW");
    alone_free(a);
}

Test(ending, a_shutdown_can_be_called_off_while_it_waits)
{
    struct alone *a = start(NULL, 0);

    attach_replica(a);
    send(a, 0, "SET k v\r\n");
    send(a, 1, "SHUTDOWN NOSAVE\r\n");
    send(a, 0, "SET k w\r\n");
    expect_reply(a, 0, "+OK\r\n");
    send(a, 2, "SHUTDOWN ABORT\r\n");
    expect_reply(a, 2, "+OK");
    expect_reply(a, 1, "-ERR Errors trying to SHUTDOWN.");
    alone_settle(a, 50);
    expect_reply(a, 0, "+OK");
    alone_pass(a, 20 * SECOND_US, ALONE_CLIENTS, (struct bytes){0});
    cr_assert_not(a->has_exited);
    alone_free(a);
}

static void signal_node(struct alone *a, bool is_interrupt)
{
    a->now_us += 1000;
    node_begin_pass(a->node, a->env.now(a));
    node_shutdown(a->node, is_interrupt);
    node_end_pass(a->node);
}

Test(ending, a_shutdown_by_a_signal_does_what_the_directives_say)
{
    const struct alone_option options[] = {
        {"shutdown-on-sigint",  "nosave now"},
        {"shutdown-on-sigterm", "save"      }
    };
    struct alone *a = start(options, ARRAY_COUNT(options));

    send(a, 0, "SET k kept\r\n");
    signal_node(a, true);
    cr_assert(a->has_exited && !file_has(a, "kept"));
    alone_free(a);

    a = start(options, ARRAY_COUNT(options));
    send(a, 0, "SET k kept\r\n");
    signal_node(a, false);
    alone_settle(a, 50);
    cr_assert(a->has_exited && file_has(a, "kept"));
    alone_free(a);

    a = start(options, ARRAY_COUNT(options));
    a->is_disk_slow = true;
    signal_node(a, false);
    cr_assert_not(a->has_exited);
    signal_node(a, true);
    cr_assert(a->has_exited, "an interrupt ends at once");
    alone_free(a);
}

Test(ending, a_shutdown_is_not_cut_short_by_a_second_sigterm)
{
    struct alone *a = start(NULL, 0);

    send(a, 0, "SET k kept\r\n");
    attach_replica(a);
    send(a, 0, "SET k newer\r\n");
    send(a, 1, "SHUTDOWN SAVE\r\n"); /* waits for the replica */
    signal_node(a, false);
    signal_node(a, false);
    cr_assert_not(a->has_exited);
    alone_pass(a, 20 * SECOND_US, ALONE_CLIENTS, (struct bytes){0});
    alone_settle(a, 50);
    cr_assert(a->has_exited && file_has(a, "newer"));
    alone_free(a);
}

Test(ending, a_shutdown_cannot_be_called_off_when_it_has_come)
{
    struct alone *a = start(NULL, 0);

    send(a, 0, "SHUTDOWN NOSAVE\r\n");
    cr_assert(a->has_exited);
    send(a, 1, "SHUTDOWN ABORT\r\n");
    expect_reply(a, 1, "");
    alone_free(a);
}

Test(ending, words_set_the_options_that_they_name)
{
    struct ending_options options = {0};

    cr_expect(ending_read_word(BYTES_LITERAL("nosave"), &options));
    cr_expect(ending_read_word(BYTES_LITERAL("NOW"), &options));
    cr_expect(ending_read_word(BYTES_LITERAL("Force"), &options));
    cr_expect_eq(options.save, ENDING_NOSAVE);
    cr_expect(options.is_now && options.is_forced);
    cr_expect(ending_read_word(BYTES_LITERAL("save"), &options));
    cr_expect_eq(options.save, ENDING_SAVE);
    cr_expect_not(options.is_failover);
    cr_expect(ending_read_word(BYTES_LITERAL("failover"), &options));
    cr_expect(options.is_failover);
    cr_expect_not(ending_read_word(BYTES_LITERAL("later"), &options));
}

Test(ending, holds_writes_in_every_phase_and_lets_them_go_when_it_is_called_off)
{
    struct alone *a = start(NULL, 0);

    ending_check(a->node);
    attach_replica(a);
    send(a, 0, "SET k v\r\n");
    send(a, 0, "SHUTDOWN\r\n");
    cr_expect_eq(a->node->ending.phase, ENDING_WAITING);
    cr_expect_eq(a->node->pauses.scope, PAUSE_WRITES);
    cr_expect_leq(node_wake_at(a->node).us, ending_wake_at(a->node).us);
    ending_check(a->node);
    send(a, 1, "SHUTDOWN ABORT\r\n");
    cr_expect_eq(a->node->ending.phase, ENDING_NOT);
    cr_expect_eq(a->node->pauses.scope, PAUSE_NOTHING);
    cr_expect_eq(ending_wake_at(a->node).us, MONO_NEVER.us);
    ending_check(a->node);
    alone_free(a);
}

Test(ending, a_primary_of_a_cluster_that_nobody_can_replace_ends_as_any_other)
{
    const struct alone_option options[] = {
        {"cluster-enabled",     "yes"     },
        {"shutdown-on-sigterm", "failover"},
    };
    struct alone *a = start(options, ARRAY_COUNT(options));

    signal_node(a, false);
    alone_settle(a, 50);
    cr_assert(a->has_exited);
    alone_free(a);
}

Test(ending, a_primary_that_is_replaced_while_it_looks_for_an_heir_does_not_wait_for_one)
{
    const struct alone_option options[] = {
        {"cluster-enabled",     "yes"     },
        {"shutdown-on-sigterm", "failover"},
    };
    struct alone *a = start(options, ARRAY_COUNT(options));

    send(a, 0, "CLUSTER ADDSLOTSRANGE 0 16383\r\n");
    alone_settle(a, 50);
    expect_reply(a, 0, "+OK");
    attach_replica(a);
    acknowledge(a);
    signal_node(a, false);
    cr_assert_eq(a->node->ending.phase, ENDING_WAITING);
    node_follow(a->node, "127.0.0.1", 7000);
    cr_expect_leq(ending_wake_at(a->node).us, a->node->now.mono.us);
    alone_pass(a, 1000, ALONE_CLIENTS, (struct bytes){0});
    cr_expect_eq(a->node->ending.phase, ENDING_SENDING_ON);
    cr_expect_eq(a->node->pauses.scope, PAUSE_NOTHING);
    ending_check(a->node);
    alone_free(a);
}

Test(ending, a_shutdown_that_is_to_hand_over_needs_a_cluster)
{
    struct alone *a = start(NULL, 0);

    send(a, 0, "SHUTDOWN FAILOVER\r\n");
    expect_reply(a, 0, "-ERR SHUTDOWN FAILOVER needs a cluster");
    cr_expect_not(a->has_exited);
    alone_free(a);
}
