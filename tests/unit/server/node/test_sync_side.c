/* SPDX-License-Identifier: MIT */
/* Replies that wait for an in-sync set.  The node is alone, so its agreed set is empty; where it is to have a member, one that
 * never answers is put there until the cluster is looked at again. */
#include "tests/unit/answers.h"

enum {
    TIMEOUT_MS = 100,
    GIVE_UP_MS = SYNC_GIVE_UP * TIMEOUT_MS,
};

static struct alone *start(void)
{
    struct alone *a = answers_start_cluster();

    answers_expect(a, "SET k 1", "+OK|");
    answers_expect(a, "CONFIG SET sync-timeout 100", "+OK|");
    answers_expect(a, "CONFIG SET sync-replicas 1", "+OK|");
    answers_idle(a, 20, 10);
    cr_assert(a->node->sync_side.is_on);
    cr_assert_eq(a->node->sync_side.view.agreed.required, 1);
    return a;
}

/* From now on a member is waited for; it acknowledges nothing. */
static void give_member(struct alone *a)
{
    struct shard_sync_member member = {.memory = 7};

    memset(member.node.text, 'a', CLUSTER_ID_LEN);
    cr_assert(shard_sync_add(&a->node->sync_side.view.agreed, &member));
    a->node->sync_side.watches[0] = (struct sync_watch){.memory = 7, .seen_at = a->node->now.mono};
    a->node->sync_side.watch_count = 1;
    a->node->sync_side.refuses = false;
}

/* The client sends it in a pass of no time, and is answered that within it. */
static void expect_now(struct alone *a, size_t client, const char *line, const char *expected)
{
    struct buf out;

    alone_pass(a, 0, client, bytes_from_text(line));
    out = answers_take(a, client);
    cr_expect_str_eq(buf_text(&out), expected, "%s is answered %s", line, buf_text(&out));
    buf_deinit(&out);
}

/* A write that was executed and waits, since the set has too few members. */
static struct alone *start_with_held(void)
{
    struct alone *a = start();

    a->node->sync_side.refuses = false;
    expect_now(a, 0, "SET k 2\r\nGET k\r\n", "");
    cr_assert_eq(a->node->release.waiting_count, 1);
    return a;
}

static void expect_then(struct alone *a, size_t client, const char *expected)
{
    struct buf out = answers_take(a, client);

    cr_expect(glob_match(bytes_from_text(expected), buf_bytes(&out)), "%s", buf_text(&out));
    buf_deinit(&out);
}

Test(sync_side, with_too_few_members_writes_are_refused_and_reads_are_served)
{
    struct alone *a = start();

    answers_expect(a, "SET k 2", "-NOREPLICAS Not enough good replicas to write.|");
    answers_expect(a, "GET k", "$1|1|");
    answers_expect(a, "MULTI\r\nSET k 2\r\nEXEC",
                   "+OK|-NOREPLICAS Not enough good replicas to write.|-EXECABORT Transaction "
                   "discarded because of previous errors.|");
    answers_expect(a, "CONFIG SET sync-replicas 0", "+OK|");
    answers_idle(a, 20, 10);
    answers_expect(a, "SET k 2", "+OK|");
    alone_free(a);
}

Test(sync_side, what_tells_of_a_change_waits_and_nothing_else_does)
{
    static const char *const waits[] = {"GET k\r\n",
                                        "DBSIZE\r\n",
                                        "SCAN 0\r\n",
                                        "EXISTS x k\r\n",
                                        "SORT_RO {k}list GET {k}*\r\n", /* whatever that names */
                                        "MULTI\r\nGET k\r\nEXEC\r\n"};
    static const char *const leaves[][2] = {
        {"PING\r\n",       "+PONG|"},
        {"GET other\r\n",  "$-1|"  },
        {"EXISTS a b\r\n", ""      }, /* of two slots: an error, which tells of nothing */
        {"ECHO x\r\n",     "$1|x|" },
    };

    for (size_t i = 0; i < ARRAY_COUNT(waits); i++) {
        struct alone *a = start();

        give_member(a);
        expect_now(a, 0, "SET k 2\r\n", "");
        alone_pass(a, 0, 1, bytes_from_text(waits[i]));
        expect_then(a, 1, waits[i][0] == 'M' ? "+OK|+QUEUED|" : waits[i][0] == 'E' ? "*" : "");
        cr_expect_eq(a->node->release.waiting_count, waits[i][0] == 'E' ? 1 : 2, "%s", waits[i]);
        node_check(a->node);
        alone_free(a);
    }
    for (size_t i = 0; i < ARRAY_COUNT(leaves); i++) {
        struct alone *a = start();

        give_member(a);
        expect_now(a, 0, "SET k 2\r\n", "");
        alone_pass(a, 0, 1, bytes_from_text(leaves[i][0]));
        expect_then(a, 1, leaves[i][1][0] != '\0' ? leaves[i][1] : "-CROSSSLOT*");
        alone_free(a);
    }
}

static void event_time(struct alone *a)
{
    answers_idle(a, 12, GIVE_UP_MS / 10);
}

Test(sync_side, who_has_waited_too_long_is_told_so_at_once_while_somebody_tracks)
{
    struct alone *a = start();

    alone_pass(a, 0, 1, BYTES_LITERAL("HELLO 3\r\nCLIENT TRACKING ON\r\nGET k\r\n"));
    cr_assert_eq(a->node->invalidation.tracking.tracker_count, 1);
    a->node->sync_side.refuses = false;
    expect_now(a, 0, "SET k 2\r\n", "");
    event_time(a);
    expect_then(a, 0, "-UNKNOWN *closed.|");
    cr_expect_null(a->clients[0].session);
    alone_free(a);
}

Test(sync_side, who_is_told_nothing_of_keys_does_not_wait_while_somebody_tracks)
{
    struct alone *a = start();

    give_member(a);
    alone_pass(a, 0, 1, BYTES_LITERAL("HELLO 3\r\nCLIENT TRACKING ON\r\nGET k\r\n"));
    expect_then(a, 1, "*$1|1|");
    expect_now(a, 0, "SET k 2\r\n", "");
    expect_now(a, 2, "PING\r\n", "+PONG|");
    alone_pass(a, 0, 2, BYTES_LITERAL("INFO replication\r\n"));
    expect_then(a, 2, "*sync_held_clients:2|*"); /* the writer, and whose cache has the key */
    expect_now(a, 2, "GET other\r\n", "");
    expect_now(a, 1, "PING\r\n", "");
    node_check(a->node);
    alone_free(a);
}

static void event_some_time(struct alone *a)
{
    answers_idle(a, 8, GIVE_UP_MS / 10);
}

static void event_off(struct alone *a)
{
    alone_pass(a, 0, 1, BYTES_LITERAL("CONFIG SET sync-replicas 0\r\n"));
    answers_idle(a, 20, 10);
}

static void event_no_lease(struct alone *a)
{
    alone_pass(a, 0, 1, BYTES_LITERAL("DEBUG SLEEP 5\r\n"));
}

static void event_demotion(struct alone *a)
{
    node_follow(a->node, "127.0.0.1", 1);
    alone_pass(a, 0, ALONE_CLIENTS, (struct bytes){0});
}

Test(sync_side, what_is_held_leaves_or_nobody_knows)
{
    static const struct {
        const char *name;
        void (*event)(struct alone *a);
        const char *told;
        bool is_closed;
    } rows[] = {
        {"not yet",                 event_some_time, "",                   false},
        {"its time is over",        event_time,      "-UNKNOWN *closed.|", true },
        {"the mode is off",         event_off,       "+OK|$1|2|",          false},
        {"the lease is over",       event_no_lease,  "",                   true },
        {"another one is followed", event_demotion,  "",                   true },
    };

    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct alone *a = start_with_held();

        rows[i].event(a);
        expect_then(a, 0, rows[i].told);
        cr_expect_eq(a->clients[0].session == NULL, rows[i].is_closed, "%s", rows[i].name);
        cr_expect_eq(a->node->release.waiting_count, rows[i].told[0] == '\0' && !rows[i].is_closed,
                     "%s", rows[i].name);
        if (a->node->role.is_primary) {
            node_check(a->node);
        }
        alone_free(a);
    }
}
