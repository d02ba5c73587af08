/* SPDX-License-Identifier: MIT */
/* Who follows whom, and WAIT. */
#include "base/attr.h"
#include "node/inside.h"
#include "tests/unit/answers.h"

Test(replication_commands, replicaof_checks_host_and_port_and_changes_nothing_when_they_are_wrong)
{
    static const struct answers_case cases[] = {
        {"REPLICAOF host 0",        "-ERR Invalid master port|"},
        {"REPLICAOF host 65536",    "-ERR Invalid master port|"},
        {"REPLICAOF host x",        "-ERR Invalid master port|"},
        {"REPLICAOF \"\" 7000",     "-ERR Invalid master host|"},
        {"REPLICAOF \"a b\" 7000",  "-ERR Invalid master host|"},
        {"REPLICAOF \"a\\x00\" 70", "-ERR Invalid master host|"},
        {"SLAVEOF host x",          "-ERR Invalid master port|"},
    };
    struct alone *a = answers_start(NULL, 0);

    answers_expect_all(a, cases, ARRAY_COUNT(cases));
    cr_expect(a->node->role.is_primary);
    cr_expect_str_eq(a->node->config.replicaof, "");
    alone_free(a);
}

Test(replication_commands, replicaof_follows_and_no_one_makes_a_primary_again)
{
    struct alone *a = answers_start(NULL, 0);

    answers_expect(a, "REPLICAOF 127.0.0.1 7000", "+OK|");
    cr_expect_not(a->node->role.is_primary);
    cr_expect_str_eq(a->node->config.replicaof, "127.0.0.1 7000");
    answers_expect(a, "REPLICAOF 127.0.0.1 7000", "+OK Already connected to specified master|");
    answers_expect(a, "SET k v", "-READONLY *");
    answers_expect(a, "WAIT 1 0", "-ERR WAIT cannot be used with replica instances.*");
    answers_expect(a, "REPLICAOF NO ONE", "+OK|");
    cr_expect(a->node->role.is_primary);
    cr_expect_str_eq(a->node->config.replicaof, "");
    answers_expect(a, "SET k v", "+OK|");
    alone_free(a);
}

Test(replication_commands, in_a_cluster_the_cluster_decides_who_follows_whom)
{
    struct alone *a = answers_start(&(struct alone_option){"cluster-enabled", "yes"}, 1);

    answers_expect(a, "REPLICAOF 127.0.0.1 7000", "-ERR REPLICAOF not allowed in cluster mode.|");
    cr_expect(a->node->role.is_primary);
    alone_free(a);
}

Test(replication_commands, wait_is_answered_at_once_when_nobody_is_waited_for)
{
    struct alone *a = answers_start(NULL, 0);

    answers_expect(a, "WAIT 0 0", ":0|");
    answers_expect(a, "WAIT -3 0", ":0|");
    alone_free(a);
}

Test(replication_commands, wait_ends_with_its_time_and_never_without_one)
{
    struct alone *a = answers_start(NULL, 0);

    answers_send(a, 0, "SET k v\r\nWAIT 1 50\r\n");
    answers_send(a, 1, "SET k v\r\nWAIT 1 0\r\n");
    answers_match(a, 0, "+OK|");
    answers_match(a, 1, "+OK|");
    answers_idle(a, 1, 48);
    answers_match(a, 0, "");
    answers_idle(a, 1, 2);
    answers_match(a, 0, ":0|");
    answers_idle(a, 100, 10000);
    answers_match(a, 1, "");
    alone_free(a);
}

Test(replication_commands, waitaof_takes_what_makes_sense_and_waits_for_the_disk)
{
    static const struct answers_case wrong[] = {
        {"WAITAOF 1 0",                     "-ERR wrong number of arguments for 'waitaof' command|"},
        {"WAITAOF 2 0 0",                   "-ERR value is out of range, must be between 0 and 1|" },
        {"WAITAOF -1 0 0",                  "-ERR value is out of range, must be between 0 and 1|" },
        {"WAITAOF x 0 0",                   "-ERR value is out of range, must be between 0 and 1|" },
        {"WAITAOF 1 -1 0",                  "-ERR value is out of range, must be positive|"        },
        {"WAITAOF 1 x 0",                   "-ERR value is out of range, must be positive|"        },
        {"WAITAOF 0 9223372036854775808 0", "-ERR value is out of range, must be positive|"        },
        {"WAITAOF 1 0 -1",                  "-ERR timeout is negative|"                            },
        {"WAITAOF 1 0 x",                   "-ERR timeout is not an integer or out of range|"      },
    };
    struct alone *a = answers_start(&(struct alone_option){"appendonly", "yes"}, 1);
    struct alone *b = answers_start(NULL, 0);

    answers_expect_all(a, wrong, ARRAY_COUNT(wrong));
    answers_expect(a, "SET k v", "+OK|");
    answers_expect(a, "WAITAOF 0 0 0", "*2|:?|:0|");
    answers_expect(a, "WAITAOF 1 0 0", "*2|:1|:0|");
    answers_send(a, 0, "WAITAOF 1 1 50\r\n");
    answers_match(a, 0, "");
    answers_idle(a, 3, 60);
    answers_match(a, 0, "*2|:1|:0|");
    alone_free(a);
    answers_expect(b, "WAITAOF 1 0 0",
                   "-ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.|");
    answers_expect(b, "WAITAOF 0 0 0", "*2|:0|:0|");
    answers_expect(b, "REPLICAOF 127.0.0.1 7000", "+OK|");
    answers_expect(b, "WAITAOF 0 0 0", "-ERR WAITAOF cannot be used with replica instances.*");
    alone_free(b);
}
