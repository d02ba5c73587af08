/* SPDX-License-Identifier: MIT */
/* The list of our replicas. */
#include "node/inside.h"
#include "tests/alone/alone.h"
#include "tests/unit/answers.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static void send(struct alone *a, size_t client, const char *lines)
{
    alone_pass(a, 1000, client, bytes_from_text(lines));
    alone_settle(a, 100);
}

/* The client becomes a replica, and follows the stream. */
static struct session *follow(struct alone *a, size_t client)
{
    send(a, client, "REPLCONF capa eof capa psync2\r\nPSYNC ? -1\r\n");
    send(a, client, "REPLCONF ACK 0\r\n");
    cr_assert_eq(a->clients[client].session->feed->phase, FEED_ONLINE);
    return a->clients[client].session;
}

static void acknowledge(struct alone *a, size_t client, uint64_t offset)
{
    char line[64];

    snprintf(line, sizeof(line), "REPLCONF ACK %llu\r\n", (unsigned long long)offset);
    send(a, client, line);
}

Test(replicas, have_one_feed_for_a_session)
{
    struct alone *a = answers_start(NULL, 0);
    struct session *s = a->clients[0].session;
    struct feed *feed = replicas_get(a->node, s);

    cr_assert_eq(replicas_get(a->node, s), feed);
    cr_assert_eq(s->feed, feed);
    cr_assert_eq(replicas_session(feed), s);
    cr_assert_eq(&replicas_outgoing(feed)->feed, feed);
    cr_assert_eq(a->node->replicas.count, 1);
    replicas_check(a->node);
    alone_free(a);
}

Test(replicas, stay_until_their_session_is_gone)
{
    struct alone *a = answers_start(NULL, 0);

    for (size_t i = 0; i < 3; i++) {
        (void)replicas_get(a->node, a->clients[i].session);
    }
    node_close_session(a->node, a->clients[1].session, false);
    cr_assert_eq(a->node->replicas.count, 3);
    replicas_check(a->node);
    alone_disconnect(a, 1);
    cr_assert_eq(a->node->replicas.count, 2);
    replicas_check(a->node);
    replicas_remove(a->node, a->clients[3].session); /* which is none */
    cr_assert_eq(a->node->replicas.count, 2);
    alone_free(a);
}

Test(replicas, count_when_they_have_acknowledged_so_much)
{
    struct alone *a = answers_start(NULL, 0);
    uint64_t end;

    follow(a, 0);
    follow(a, 1);
    send(a, 2, "SET k v\r\n");
    end = oplog_end(a->node->journal.log);
    cr_assert_gt(end, 0);
    cr_assert_eq(replicas_count_acked(a->node, end), 0);
    cr_assert_eq(replicas_count_lagging(a->node), 2);
    acknowledge(a, 1, end);
    cr_assert_eq(replicas_count_acked(a->node, end), 1);
    cr_assert_eq(replicas_count_lagging(a->node), 1);
    acknowledge(a, 0, end - 1);
    cr_assert_eq(replicas_count_acked(a->node, end), 1);
    cr_assert_eq(replicas_count_acked(a->node, end - 1), 2);
    alone_free(a);
}

Test(replicas, count_as_good_while_they_are_heard_of)
{
    struct alone *a = answers_start(NULL, 0);

    send(a, 2, "CONFIG SET min-replicas-max-lag 10\r\n");
    follow(a, 0);
    cr_assert_eq(replicas_count_good(a->node), 1);
    alone_pass(a, 11 * INT64_C(1000000), ALONE_CLIENTS, (struct bytes){0});
    cr_assert_eq(replicas_count_good(a->node), 0);
    acknowledge(a, 0, 0);
    cr_assert_eq(replicas_count_good(a->node), 1);
    alone_free(a);
}

Test(replicas, that_stand_still_are_slow_first_and_then_not_waited_for)
{
    struct alone *a = answers_start(NULL, 0);
    uint64_t end;

    follow(a, 0);
    send(a, 2, "SET k v\r\n");
    end = oplog_end(a->node->journal.log);
    cr_expect_not(replicas_all_have(a->node, end));
    cr_expect_not(replicas_are_slow(a->node));
    alone_pass(a, 2 * INT64_C(1000000), ALONE_CLIENTS, (struct bytes){0});
    cr_expect_not(replicas_all_have(a->node, end));
    cr_expect(replicas_are_slow(a->node));
    alone_pass(a, REPLICAS_SILENT_MS * INT64_C(1000), ALONE_CLIENTS, (struct bytes){0});
    cr_expect(replicas_all_have(a->node, end));
    cr_expect_not(replicas_are_slow(a->node));
    acknowledge(a, 0, end - 1);
    cr_expect_not(replicas_all_have(a->node, end));
    acknowledge(a, 0, end);
    cr_expect(replicas_all_have(a->node, end));
    alone_free(a);
}

Test(replicas, need_the_log_from_the_oldest_place_of_all)
{
    struct alone *a = answers_start(NULL, 0);

    cr_assert_eq(replicas_keep_from(a->node), UINT64_MAX);
    follow(a, 0);
    send(a, 2, "SET k v\r\n");
    cr_assert_leq(replicas_keep_from(a->node), oplog_end(a->node->journal.log));
    follow(a, 1)->feed->cursor = 0;
    cr_assert_eq(replicas_keep_from(a->node), 0);
    alone_free(a);
}

Test(replicas, that_are_dropped_are_closed_and_told_once)
{
    struct alone *a = answers_start(NULL, 0);

    follow(a, 0);
    follow(a, 1);
    send(a, 2, "SET k v\r\n");
    cr_assert_eq(replicas_count_lagging(a->node), 2);
    replicas_drop_all(a->node, "of a test");
    cr_assert(a->clients[0].session->flags & SESSION_CLOSE_NOW);
    cr_assert(a->clients[1].session->flags & SESSION_CLOSE_NOW);
    cr_assert_eq(replicas_count_lagging(a->node), 0, "who closes does not lag");
    cr_assert_eq(a->node->replicas.count, 2);
    alone_pass(a, 1000, ALONE_CLIENTS, (struct bytes){0});
    cr_assert_eq(a->node->replicas.count, 0);
    alone_free(a);
}

Test(replicas, keep_the_log_no_longer_once_they_are_dropped)
{
    struct alone *a = answers_start(NULL, 0);

    follow(a, 0);
    send(a, 1, "SET k v\r\n");
    cr_assert_eq(replicas_keep_from(a->node), oplog_end(a->node->journal.log));
    replicas_drop_all(a->node, "for a test");
    cr_assert_eq(replicas_keep_from(a->node), UINT64_MAX);
    /* Their place may lie behind the end of the history that takes the place of ours. */
    oplog_restart(a->node->journal.log, history_id_make(&a->node->rng), 1);
    upkeep_trim_log(a->node);
    alone_free(a);
}

Test(replicas, are_not_found_among_sessions_that_are_closed, .signal = SIGABRT)
{
    struct alone *a = answers_start(NULL, 0);

    a->clients[0].session->flags |= SESSION_CLOSED;
    (void)replicas_get(a->node, a->clients[0].session);
}

Test(replicas, know_the_feed_of_their_session, .signal = SIGABRT)
{
    struct alone *a = answers_start(NULL, 0);

    (void)replicas_get(a->node, a->clients[0].session);
    a->clients[0].session->feed = NULL;
    replicas_check(a->node);
}
