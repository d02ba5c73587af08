/* SPDX-License-Identifier: MIT */
#include "tests/unit/answers.h"

static void expect_silence_after(const char *lines)
{
    struct alone *a = answers_start_cluster();
    struct buf out;

    answers_expect(a, "SET k 1", "+OK|");
    alone_pass(a, 1000, 0, bytes_from_text(lines));
    out = alone_take(a, 0);
    cr_expect_eq(out.len, 0, "%s is answered %s", lines, buf_text(&out));
    cr_expect_null(a->clients[0].session, "%s: the connection is closed", lines);
    buf_deinit(&out);
    node_check(a->node);
    alone_free(a);
}

Test(release, a_primary_that_stood_still_for_longer_than_its_lease_answers_neither_writes_nor_reads)
{
    expect_silence_after("GET k\r\nDEBUG SLEEP 5\r\n");
    expect_silence_after("GET k\r\nDEBUG SLEEP 5\r\nGET k\r\n");
    expect_silence_after("SET k 2\r\nDEBUG SLEEP 5\r\n");
}

/* Else what it had read before would leave, as of a node that had no lease anyway. */
Test(release, one_whose_shard_ends_in_the_pass_in_which_it_stood_still_answers_nothing)
{
    struct alone *a = answers_start_cluster();
    struct session *s = a->clients[0].session;

    answers_expect(a, "SET k 1", "+OK|");
    node_begin_pass(a->node, a->env.now(a));
    node_session_input(a->node, s, BYTES_LITERAL("GET k\r\n"));
    a->now_us += 5000000; /* it stands still */
    node_session_input(a->node, a->clients[1].session,
                       BYTES_LITERAL("FLUSHALL\r\nCLUSTER RESET HARD\r\n"));
    node_end_pass(a->node);
    cr_assert_not(cluster_has_lease(a->node->cluster, a->node->now.mono));
    cr_expect_neq(s->flags & SESSION_CLOSE_NOW, 0);
    alone_pass(a, 1000, ALONE_CLIENTS, (struct bytes){0});
    alone_free(a);
}

/* What was read was read before that, and a client that only reads is not to see its connection end for it. */
Test(release, one_that_gives_its_last_slot_away_tells_what_it_has_read_in_the_same_pass)
{
    struct alone *a = answers_start_cluster();
    struct session *s = a->clients[0].session;
    struct buf out;

    answers_expect(a, "SET k 1", "+OK|");
    node_begin_pass(a->node, a->env.now(a));
    node_session_input(a->node, s, BYTES_LITERAL("GET k\r\n"));
    node_session_input(a->node, a->clients[1].session,
                       BYTES_LITERAL("CLUSTER DELSLOTSRANGE 0 16383\r\n"));
    node_end_pass(a->node);
    cr_assert_not(cluster_has_lease(a->node->cluster, a->node->now.mono));
    cr_expect(node_may_write(a->node));
    alone_pass(a, 1000, ALONE_CLIENTS, (struct bytes){0});
    out = alone_take(a, 0);
    cr_expect(bytes_equal(buf_bytes(&out), BYTES_LITERAL("$1\r\n1\r\n")), "answered %s",
              buf_text(&out));
    cr_expect_not_null(a->clients[0].session);
    buf_deinit(&out);
    alone_free(a);
}

static struct alone *start_always(void)
{
    const struct alone_option options[] = {
        {"cluster-enabled",      "yes"   },
        {"enable-debug-command", "yes"   },
        {"appendonly",           "yes"   },
        {"appendfsync",          "always"},
    };
    struct alone *a = answers_start(options, ARRAY_COUNT(options));

    answers_expect(a, "CLUSTER ADDSLOTSRANGE 0 16383", "+OK|");
    answers_idle(a, 20, 100);
    answers_expect(a, "SET k 1", "+OK|");
    return a;
}

/* It is acknowledged under the lease under which it was executed, whatever the node has when the disk has it. */
static void expect_of_a_write_that_waits(const char *last_word, const char *answer)
{
    struct alone *a = start_always();
    struct buf out;

    a->is_disk_held = true;
    alone_pass(a, 1000, 0, BYTES_LITERAL("SET k 2\r\n"));
    alone_pass(a, 1000, 1, BYTES_LITERAL("CLUSTER DELSLOTSRANGE 0 16383\r\n"));
    cr_assert_not(cluster_has_lease(a->node->cluster, a->node->now.mono));
    cr_assert(cluster_lease_lasts(a->node->cluster, a->node->now.mono));
    cr_assert_gt(a->node->release.waiting_count, 0);
    while (alone_disk_step(a)) {
    }
    alone_pass(a, 1000, 2, bytes_from_text(last_word));
    alone_settle(a, 10);
    out = alone_take(a, 0);
    cr_expect(bytes_equal(buf_bytes(&out), bytes_from_text(answer)), "%s: answered %s", last_word,
              buf_text(&out));
    cr_expect_eq(a->clients[0].session == NULL, answer[0] == '\0');
    buf_deinit(&out);
    alone_free(a);
}

Test(release,
     a_write_that_waits_for_the_disk_is_acknowledged_under_its_lease_though_the_last_slot_is_gone)
{
    expect_of_a_write_that_waits("PING\r\n", "+OK\r\n");
    expect_of_a_write_that_waits("DEBUG SLEEP 5\r\n", "");
}

Test(release, one_that_stood_still_for_less_answers)
{
    struct alone *a = answers_start_cluster();

    answers_expect(a, "SET k 1", "+OK|");
    answers_contain(a, 0, "GET k\r\nDEBUG SLEEP 0.01\r\n", "$1\r\n1\r\n+OK\r\n");
    alone_free(a);
}

Test(release, a_node_without_slots_answers_whatever_the_time)
{
    const struct alone_option options[] = {
        {"cluster-enabled",      "yes"},
        {"enable-debug-command", "yes"}
    };
    struct alone *a = answers_start(options, 2);

    answers_contain(a, 0, "PING\r\nDEBUG SLEEP 5\r\n", "+PONG\r\n+OK\r\n");
    alone_free(a);
}

Test(release, nothing_is_written_once_the_lease_is_over_but_to_replicas)
{
    struct alone *a = answers_start_cluster();
    struct session *s = a->clients[0].session;

    answers_expect(a, "SET k 1", "+OK|");
    cr_expect(node_may_write(a->node));
    node_begin_pass(a->node, a->env.now(a));
    node_session_input(a->node, s, BYTES_LITERAL("GET k\r\n"));
    node_end_pass(a->node);
    cr_expect(node_may_write(a->node));
    a->now_us += 5000000; /* it stands still */
    cr_expect_not(node_may_write(a->node));
    s->flags |= SESSION_REPLICA;
    node_session_withhold(a->node, s);
    cr_expect_eq(s->flags & SESSION_CLOSE_NOW, 0);
    s->flags &= ~(uint32_t)SESSION_REPLICA;
    node_session_withhold(a->node, s);
    cr_expect_neq(s->flags & SESSION_CLOSE_NOW, 0);
    cr_expect_eq(a->node->counters.lease_dropped, 1);
    alone_pass(a, 1000, ALONE_CLIENTS, (struct bytes){0});
    alone_free(a);
}
