/* SPDX-License-Identifier: MIT */
/* Keys with an expiry that clients write to a replica, and FLUSHALL with save points. */
#include "base/attr.h"
#include "node/inside.h"
#include "tests/alone/alone.h"
#include "tests/unit/answers.h"

#include <criterion/criterion.h>
#include <string.h>

#define SECOND_US INT64_C(1000000)

static void pass_seconds(struct alone *a, int seconds)
{
    for (int i = 0; i < seconds; i++) {
        alone_pass(a, SECOND_US, ALONE_CLIENTS, (struct bytes){0});
    }
}

Test(own_expiry, a_writable_replica_removes_what_its_clients_let_expire)
{
    const struct alone_option options[] = {
        {"replicaof",         "127.0.0.1 7000"},
        {"replica-read-only", "no"            }
    };
    struct alone *a = alone_new(options, ARRAY_COUNT(options));

    cr_assert(alone_lead(a));
    alone_connect(a, 0);
    answers_exactly(a, 1000,
                    "SET mine v EX 1\r\nSET later v EX 100\r\nSET k v\r\nPEXPIRE k 500\r\n",
                    "+OK\r\n+OK\r\n+OK\r\n:1\r\n");
    answers_exactly(a, 1000, "SET moved v PX 500\r\nMOVE moved 3\r\nDBSIZE\r\n",
                    "+OK\r\n:1\r\n:3\r\n");
    alone_primary_sends(a, BYTES_LITERAL("*5\r\n$3\r\nSET\r\n$6\r\ntheirs\r\n$1\r\nv\r\n"
                                         "$4\r\nPXAT\r\n$1\r\n1\r\n"));
    pass_seconds(a, 3);
    answers_exactly(a, 1000, "DBSIZE\r\n",
                    ":2\r\n"); /* later; the primary's key is hidden, and stays */
    answers_exactly(a, 1000, "SELECT 3\r\nDBSIZE\r\n", "+OK\r\n:0\r\n");
    answers_exactly(a, 1000, "SELECT 0\r\nGET later\r\nPERSIST later\r\nGET theirs\r\n",
                    "+OK\r\n$1\r\nv\r\n:1\r\n$-1\r\n");
    pass_seconds(a, 3);
    answers_exactly(a, 1000, "DBSIZE\r\nREPLICAOF NO ONE\r\n", ":2\r\n+OK\r\n");
    pass_seconds(a, 3);
    answers_exactly(a, 1000, "DBSIZE\r\n", ":1\r\n");
    alone_free(a);
}

static bool info_has(struct alone *a, const char *line)
{
    struct buf out;
    bool found;

    alone_pass(a, 1000, 0, BYTES_LITERAL("INFO persistence\r\n"));
    out = alone_take(a, 0);
    found = strstr(buf_text(&out), line) != NULL;
    buf_deinit(&out);
    return found;
}

Test(flushall, replaces_the_file_when_there_are_save_points)
{
    struct alone *a = alone_new(&(struct alone_option){"save", "1000 1000"}, 1);

    alone_connect(a, 0);
    answers_exactly(a, 1000, "MSET a 1 b 2\r\nSET c 3\r\n", "+OK\r\n+OK\r\n");
    cr_assert(info_has(a, "rdb_changes_since_last_save:2\r\n"));
    answers_exactly(a, 1000, "FLUSHALL\r\n", "+OK\r\n");
    alone_settle(a, 50);
    cr_assert(info_has(a, "rdb_changes_since_last_save:0\r\n"));
    cr_assert(info_has(a, "rdb_saves:1\r\n"));
    alone_free(a);

    a = alone_new(NULL, 0);
    alone_connect(a, 0);
    answers_exactly(a, 1000, "SET c 3\r\nFLUSHALL\r\n", "+OK\r\n+OK\r\n");
    alone_settle(a, 50);
    cr_assert(info_has(a, "rdb_saves:0\r\n"), "nothing is saved without save points");
    alone_free(a);
}

static struct alone *start_replica(void)
{
    const struct alone_option options[] = {
        {"replicaof",         "127.0.0.1 7000"},
        {"replica-read-only", "no"            }
    };
    struct alone *a = alone_new(options, ARRAY_COUNT(options));

    cr_assert(alone_lead(a));
    alone_connect(a, 0);
    return a;
}

Test(own_expiry, remembers_a_key_once_however_often_it_is_written)
{
    struct alone *a = start_replica();

    answers_exactly(a, 1000, "SET k v EX 100\r\nSET k w EX 200\r\nSET l v\r\n",
                    "+OK\r\n+OK\r\n+OK\r\n");
    own_expiry_check(a->node);
    cr_expect_eq(a->node->own_expiry.names.count, 1);
    alone_free(a);
}

Test(own_expiry, forgets_keys_that_are_gone_or_live_forever)
{
    struct alone *a = start_replica();

    answers_exactly(a, 1000, "SET a v EX 100\r\nSET b v EX 100\r\nSET c v EX 100\r\n",
                    "+OK\r\n+OK\r\n+OK\r\n");
    answers_exactly(a, 1000, "DEL a\r\nPERSIST b\r\n", ":1\r\n:1\r\n");
    own_expiry_round(a->node);
    own_expiry_check(a->node);
    cr_expect_eq(a->node->own_expiry.names.count, 1);
    alone_free(a);
}

Test(own_expiry, of_a_primary_is_nothing)
{
    struct alone *a = start_replica();

    answers_exactly(a, 1000, "SET a v EX 100\r\n", "+OK\r\n");
    cr_assert_eq(a->node->own_expiry.names.count, 1);
    answers_exactly(a, 1000, "REPLICAOF NO ONE\r\nSET b v EX 100\r\n", "+OK\r\n+OK\r\n");
    cr_expect_eq(a->node->own_expiry.names.count, 0);
    alone_free(a);
}

Test(own_expiry, tells_nobody_of_what_it_removes)
{
    struct alone *a = start_replica();
    struct node_facts before;
    struct node_facts after;

    answers_exactly(a, 1000, "SET a v PX 10\r\n", "+OK\r\n");
    node_facts(a->node, &before);
    pass_seconds(a, 3);
    node_facts(a->node, &after);
    cr_expect_eq(after.key_count, 0);
    cr_expect_eq(after.offset, before.offset);
    alone_free(a);
}
