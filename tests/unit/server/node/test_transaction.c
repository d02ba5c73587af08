/* SPDX-License-Identifier: MIT */
/* What a node makes of transactions: pieces of log, all or nothing, slots, pauses, limits, statistics. */
#include "base/attr.h"
#include "cluster/council_side.h"
#include "node/inside.h"
#include "tests/unit/answers.h"

#include <string.h>

static void expect_log(struct alone *a, uint64_t from, const char *text)
{
    struct buf log = {0};
    struct bytes part;

    while (oplog_read(a->node->journal.log, from + log.len, SIZE_MAX, &part) == OPLOG_OK &&
           part.len > 0) {
        buf_append_bytes(&log, part);
    }
    cr_expect_str_eq(buf_text(&log), text);
    buf_deinit(&log);
}

static uint64_t log_end(const struct alone *a)
{
    return oplog_end(a->node->journal.log);
}

#define SET_A  "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n"
#define SET_B  "*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$1\r\n1\r\n"
#define MULTI  "*1\r\n$5\r\nMULTI\r\n"
#define EXEC   "*1\r\n$4\r\nEXEC\r\n"
#define SELECT "*2\r\n$6\r\nSELECT\r\n$1\r\n"

Test(transaction, is_one_piece_of_the_log_however_many_requests_it_has)
{
    static const struct {
        const char *requests;
        const char *log;
    } cases[] = {
        {MULTI SET_A SET_B EXEC,                                                                MULTI SET_A SET_B EXEC},
        {MULTI SET_A EXEC,                                                                      SET_A                 },
        {MULTI "PING\r\nGET a\r\n" EXEC,                                                        ""                    },
        {MULTI SET_A "DISCARD\r\n",                                                             ""                    },
        {MULTI SET_A "NOSUCH\r\n" EXEC,                                                         ""                    },
        {"WATCH w\r\nSET w 1\r\nUNWATCH\r\nWATCH w\r\nDEL w\r\n" MULTI SET_A EXEC "DEL no\r\n",
         "*3\r\n$3\r\nSET\r\n$1\r\nw\r\n$1\r\n1\r\n*2\r\n$3\r\nDEL\r\n$1\r\nw\r\n"                                    },
        {MULTI SET_A "SELECT 2\r\n" SET_B "SELECT 0\r\n" EXEC "SELECT 0\r\n",
         MULTI SET_A SELECT "2\r\n" SET_B EXEC                                                                        },
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct alone *a = answers_start(NULL, 0);
        uint64_t from;

        answers_send(a, 0, "SET first 1\r\n");
        from = log_end(a);
        answers_send(a, 0, cases[i].requests);
        expect_log(a, from, cases[i].log);
        node_check(a->node);
        alone_free(a);
    }
}

Test(transaction, is_paused_with_the_writes_that_it_has)
{
    struct alone *a = answers_start(NULL, 0);

    answers_send(a, 0, "MULTI\r\nSET k 1\r\n");
    answers_send(a, 1, "MULTI\r\nGET k\r\n");
    answers_send(a, 2, "CLIENT PAUSE 100000 WRITE\r\n");
    answers_send(a, 0, "EXEC\r\n");
    answers_match(a, 0, "+OK|+QUEUED|");
    answers_send(a, 1, "EXEC\r\n");
    answers_match(a, 1, "+OK|+QUEUED|[*]1|$-1|");
    answers_send(a, 2, "CLIENT UNPAUSE\r\n");
    alone_settle(a, ANSWERS_PASSES);
    answers_match(a, 0, "[*]1|+OK|");
    node_check(a->node);
    alone_free(a);
}

Test(transaction, does_nothing_when_the_node_may_not_write_any_more)
{
    static const struct {
        const char *meanwhile;
        const char *answer;
    } cases[] = {
        {"REPLICAOF 127.0.0.1 1\r\n",              "-EXECABORT Transaction discarded because of: READONLY You "
                                      "can't write against a read only "
                                      "replica.|"},
        {"CONFIG SET min-replicas-to-write 1\r\n",
         "-EXECABORT Transaction discarded because of: NOREPLICAS Not enough good replicas to "
         "write.|"                                                                    },
        {"PING\r\n",                               "[*]2|$-1|+OK|"                    },
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct alone *a = answers_start(NULL, 0);

        answers_send(a, 0, "MULTI\r\nGET k\r\nSET k 1\r\n");
        answers_match(a, 0, "+OK|+QUEUED|+QUEUED|");
        answers_send(a, 1, cases[i].meanwhile);
        answers_send(a, 0, "EXEC\r\n");
        answers_match(a, 0, cases[i].answer);
        answers_send(a, 0, "EXEC\r\n");
        answers_match(a, 0, "-ERR EXEC without MULTI|");
        node_check(a->node);
        alone_free(a);
    }
}

Test(transaction, has_keys_of_one_slot_in_cluster_mode)
{
    static const struct answers_case cases[] = {
        {"MULTI",              "+OK|"                                                         },
        {"SET {a}1 x",         "+QUEUED|"                                                     },
        {"SET {a}2 x",         "+QUEUED|"                                                     },
        {"MGET {a}1 {a}2",     "+QUEUED|"                                                     },
        {"PING",               "+QUEUED|"                                                     },
        {"EXEC",               "[*]4|+OK|+OK|[*]2|$1|x|$1|x|+PONG|"                           },
        {"MULTI",              "+OK|"                                                         },
        {"SET {a}1 y",         "+QUEUED|"                                                     },
        {"SET {b}1 y",         "+QUEUED|"                                                     },
        {"EXEC",               "-CROSSSLOT Keys in request don't hash to the same slot|"      },
        {"EXEC",               "-ERR EXEC without MULTI|"                                     },
        {"GET {a}1",           "$1|x|"                                                        },
        {"MULTI",              "+OK|"                                                         },
        {"MGET {a}1 {b}1",     "-CROSSSLOT Keys in request don't hash to the same slot|"      },
        {"EXEC",               "-EXECABORT Transaction discarded because of previous errors.|"},
        {"WATCH {a}1 {b}1",    "-CROSSSLOT Keys in request don't hash to the same slot|"      },
        {"WATCH {a}1",         "+OK|"                                                         },
        {"FLUSHALL",           "+OK|"                                                         },
        {"MULTI",              "+OK|"                                                         },
        {"EXEC",               "[*]-1|"                                                       },
        {"MULTI",              "+OK|"                                                         },
        {"CLUSTER FLUSHSLOTS", "-ERR Command not allowed inside a transaction|"               },
        {"DISCARD",            "+OK|"                                                         },
        {"MULTI",              "+OK|"                                                         },
        {"SET a 1",            "+QUEUED|"                                                     },
    };
    struct alone *a = answers_start_cluster();

    answers_expect_all(a, cases, ARRAY_COUNT(cases));
    answers_send(a, 1, "CLUSTER DELSLOTS 15495\r\n");
    alone_settle(a, ANSWERS_PASSES);
    answers_expect(a, "EXEC", "-CLUSTERDOWN *");
    answers_expect(a, "EXEC", "-ERR EXEC without MULTI|");
    node_check(a->node);
    alone_free(a);
}

Test(transaction, that_takes_more_than_a_client_may_send_ends_the_connection)
{
    struct alone *a = answers_start(&(struct alone_option){"client-query-buffer-limit", "1mb"}, 1);
    struct buf request = {0};

    buf_append_text(&request, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100000\r\n");
    for (int i = 0; i < 100000; i++) {
        buf_append_byte(&request, 'x');
    }
    buf_append_text(&request, "\r\n");
    answers_send(a, 0, "MULTI\r\n");
    for (int i = 0; i < 10; i++) {
        alone_pass(a, 1000, 0, buf_bytes(&request));
    }
    cr_expect_not_null(a->clients[0].session);
    alone_pass(a, 1000, 0, buf_bytes(&request));
    alone_settle(a, ANSWERS_PASSES);
    cr_expect_null(a->clients[0].session);
    answers_send(a, 1, "EXISTS k\r\n");
    answers_match(a, 1, ":0|");
    buf_deinit(&request);
    alone_free(a);
}

Test(transaction, counts_each_of_its_commands_when_it_runs)
{
    struct alone *a = answers_start(NULL, 0);
    const struct command_stats *stats;

    answers_send(a, 0, "MULTI\r\nSET k 1\r\nINCRBY k x\r\nDISCARD\r\n");
    answers_send(a, 0, "MULTI\r\nSET k 1\r\nSET k 2\r\nINCRBY k x\r\nEXEC\r\n");
    stats = a->node->timing.commands;
    cr_expect_eq(stats[COMMAND_SET].calls, 2);
    cr_expect_eq(stats[COMMAND_INCRBY].calls, 1);
    cr_expect_eq(stats[COMMAND_INCRBY].failed_calls, 1);
    cr_expect_eq(stats[COMMAND_EXEC].calls, 1);
    cr_expect_eq(stats[COMMAND_EXEC].failed_calls, 0);
    cr_expect_eq(stats[COMMAND_MULTI].calls, 2);
    alone_free(a);
}

Test(transaction, a_save_that_it_asks_for_begins_after_it)
{
    struct alone *a = answers_start(NULL, 0);

    answers_send(a, 0, "MULTI\r\nSET a 1\r\nBGSAVE\r\nSET b 1\r\nEXEC\r\n");
    answers_match(a, 0, "+OK|+QUEUED|+QUEUED|+QUEUED|[*]3|+OK|+Background saving scheduled|+OK|");
    alone_settle(a, ANSWERS_PASSES);
    answers_idle(a, 5, 1000);
    cr_expect(answers_has_file(a, "dump.rdb"));
    node_check(a->node);
    alone_free(a);
}

Test(transaction, on_a_replica_reads_and_sees_what_the_primary_changes_while_it_watches)
{
    struct alone *a = alone_new(&(struct alone_option){"replicaof", "127.0.0.1 7000"}, 1);

    cr_assert(alone_lead(a));
    alone_connect(a, 0);
    answers_send(a, 0, "WATCH a\r\nMULTI\r\nGET a\r\nGET b\r\n");
    answers_match(a, 0, "+OK|+OK|+QUEUED|+QUEUED|");
    alone_primary_sends(a, BYTES_LITERAL(MULTI SET_A));
    alone_primary_sends(a, BYTES_LITERAL(SET_B));
    answers_send(a, 0, "EXEC\r\nMULTI\r\nGET a\r\nGET b\r\nEXEC\r\n");
    answers_match(a, 0, "[*]2|$-1|$-1|+OK|+QUEUED|+QUEUED|[*]2|$-1|$-1|");
    answers_send(a, 0, "WATCH a\r\nMULTI\r\nGET a\r\nGET b\r\n");
    answers_match(a, 0, "+OK|+OK|+QUEUED|+QUEUED|");
    alone_primary_sends(a, BYTES_LITERAL(EXEC));
    answers_send(a, 0, "EXEC\r\nMULTI\r\nGET a\r\nGET b\r\nEXEC\r\n");
    answers_match(a, 0, "[*]-1|+OK|+QUEUED|+QUEUED|[*]2|$1|1|$1|1|");
    node_check(a->node);
    alone_free(a);
}

Test(transaction, sees_that_a_field_has_expired_which_was_there_at_watch)
{
    static const struct alone_option debug = {"enable-debug-command", "yes"};
    struct alone *a = answers_start(&debug, 1);

    answers_expect(a, "DEBUG SET-ACTIVE-EXPIRE 0", "+OK|");
    answers_expect(a, "HSET h f 1 g 1 stays 1", ":3|");
    answers_expect(a, "HPEXPIRE h 20 FIELDS 1 f", "[*]1|:1|");
    answers_expect(a, "HPEXPIRE h 60000 FIELDS 1 g", "[*]1|:1|");
    answers_expect(a, "WATCH h", "+OK|");
    answers_expect(a, "MULTI", "+OK|");
    answers_expect(a, "EXEC", "[*]0|");
    answers_expect(a, "WATCH h", "+OK|");
    answers_idle(a, 1, 30);
    answers_expect(a, "MULTI", "+OK|");
    answers_expect(a, "EXEC", "[*]-1|");
    answers_expect(a, "HLEN h", ":3|");
    /* What had expired at WATCH is not missed. */
    answers_expect(a, "WATCH h", "+OK|");
    answers_idle(a, 1, 30);
    answers_expect(a, "MULTI", "+OK|");
    answers_expect(a, "EXEC", "[*]0|");
    node_check(a->node);
    alone_free(a);
}

Test(transaction, does_not_wait_for_a_file_or_a_password)
{
    static const struct answers_case cases[] = {
        {"MULTI",              "+OK|"                                          },
        {"ACL SAVE",           "-ERR Command not allowed inside a transaction|"},
        {"DISCARD",            "+OK|"                                          },
        {"MULTI",              "+OK|"                                          },
        {"AUTH u bad",         "+QUEUED|"                                      },
        {"HELLO 2 AUTH u bad", "+QUEUED|"                                      },
        {"EXEC",               "[*]2|-WRONGPASS *|-WRONGPASS *"                },
    };
    struct alone *a = answers_start(NULL, 0);

    answers_give_aclfile(a);
    for (int i = 0; i < 10; i++) {
        answers_expect(a, "AUTH u bad", "-WRONGPASS *");
    }
    answers_expect_all(a, cases, ARRAY_COUNT(cases));
    alone_free(a);
}

Test(transaction, is_no_place_to_guess_passwords_in)
{
    static const struct answers_case cases[] = {
        {"MULTI",        "+OK|"                         },
        {"AUTH u right", "+QUEUED|"                     },
        {"ACL WHOAMI",   "+QUEUED|"                     },
        {"EXEC",         "[*]2|-WRONGPASS *|$7|default|"},
    };
    static const struct answers_case afterwards[] = {
        {"MULTI",        "+OK|"          },
        {"AUTH u right", "+QUEUED|"      },
        {"ACL WHOAMI",   "+QUEUED|"      },
        {"EXEC",         "[*]2|+OK|$1|u|"},
    };
    struct alone *a = answers_start(NULL, 0);

    answers_expect(a, "ACL SETUSER u on >right +acl|whoami", "+OK|");
    for (int i = 0; i < 10; i++) {
        answers_expect(a, "AUTH u bad", "-WRONGPASS *");
    }
    answers_expect_all(a, cases, ARRAY_COUNT(cases));
    answers_idle(a, 1, 61000);
    answers_expect_all(a, afterwards, ARRAY_COUNT(afterwards));
    alone_free(a);
}

Test(transaction, refuses_in_its_midst_what_the_client_may_not_do_any_more)
{
    static const struct answers_case cases[] = {
        {"ACL SETUSER u on nopass ~* +@transaction +get +set +acl|setuser", "+OK|"                                                                         },
        {"ACL SETUSER u db=0 \"(db=5 +select +exec)\"",                     "+OK|"                                                                         },
        {"ACL SETUSER v on nopass ~* +get +exec",                           "+OK|"                                                                         },
        {"MULTI",                                                           "+OK|"                                                                         },
        {"SET a 1",                                                         "+QUEUED|"                                                                     },
        {"AUTH v x",                                                        "+QUEUED|"                                                                     },
        {"SET a 2",                                                         "+QUEUED|"                                                                     },
        {"GET a",                                                           "+QUEUED|"                                                                     },
        {"EXEC",                                                            "[*]4|+OK|+OK|-NOPERM User v has no permissions to run the 'set' command|$1|1|"},
        {"AUTH u x",                                                        "+OK|"                                                                         },
        {"MULTI",                                                           "+OK|"                                                                         },
        {"SELECT 5",                                                        "+QUEUED|"                                                                     },
        {"GET a",                                                           "+QUEUED|"                                                                     },
        {"EXEC",                                                            "[*]2|+OK|-NOPERM No permissions to access database|"                          },
        {"AUTH default x",                                                  "+OK|"                                                                         },
        {"SELECT 0",                                                        "+OK|"                                                                         },
        {"AUTH u x",                                                        "+OK|"                                                                         },
        {"MULTI",                                                           "+OK|"                                                                         },
        {"ACL SETUSER u -get",                                              "+QUEUED|"                                                                     },
        {"GET a",                                                           "+QUEUED|"                                                                     },
        {"SET a 3",                                                         "+QUEUED|"                                                                     },
        {"EXEC",                                                            "[*]3|+OK|-NOPERM User u has no permissions to run the 'get' command|+OK|"     },
    };
    struct alone *a = answers_start(NULL, 0);

    answers_expect_all(a, cases, ARRAY_COUNT(cases));
    node_check(a->node);
    alone_free(a);
}

Test(transaction, does_nothing_when_the_lease_has_run_out_meanwhile)
{
    struct alone *a = answers_start_cluster();
    struct buf out;

    answers_expect(a, "MULTI", "+OK|");
    answers_expect(a, "SET k 1", "+QUEUED|");
    answers_expect(a, "GET k", "+QUEUED|");
    council_side_found(a->node->cluster); /* a council that has granted nothing */
    answers_send(a, 0, "EXEC\r\n");
    out = answers_take(a, 0);
    cr_expect(bytes_has_prefix(buf_bytes(&out), "-CLUSTERDOWN "), "%s", buf_text(&out));
    buf_deinit(&out);
    answers_expect(a, "EXEC", "-ERR EXEC without MULTI|");
    cr_expect_eq(keyspace_count_all(a->node->data.keyspace), 0);
    node_check(a->node);
    alone_free(a);
}
