/* SPDX-License-Identifier: MIT */
/* MONITOR: who asks for it is shown every command. */
#include "base/attr.h"
#include "node/inside.h"
#include "tests/unit/answers.h"

enum {
    M, /* who watches */
    A,
    B,
};

/* What a client asks, and is told in the same pass; then what the monitor is shown of it. */
struct step {
    size_t client;
    const char *request;
    const char *told;
    const char *shown;
};

static void play(struct alone *a, const struct step *steps, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct buf line = {0};

        buf_printf(&line, "%s\r\n", steps[i].request);
        answers_send(a, steps[i].client, buf_text(&line));
        answers_match(a, steps[i].client, steps[i].told);
        answers_match(a, M, steps[i].shown);
        buf_deinit(&line);
    }
    node_check(a->node);
}

static struct alone *start(void)
{
    struct alone *a = answers_start(NULL, 0);

    answers_send(a, M, "MONITOR\r\n");
    answers_match(a, M, "+OK|");
    return a;
}

#define LINE(db, words) "+17000000??.?????? [[]" db " 127.0.0.1:5001] " words "|"

Test(monitor_commands, every_command_is_shown_as_it_was_sent)
{
    static const struct step steps[] = {
        {A, "SET k v",           "+OK|",         LINE("0",          "\"SET\" \"k\" \"v\"")                           },
        {A, "gEt k",             "$1|v|",        LINE("0",          "\"gEt\" \"k\"")                                 },
        {A, "ECHO \"\"",         "$0||",         LINE("0",          "\"ECHO\" \"\"")                                 },
        {A, "LPUSH k x",         "-WRONGTYPE *", LINE("0",          "\"LPUSH\" \"k\" \"x\"")                         },
        {A, "SELECT 1",          "+OK|",         LINE("1",          "\"SELECT\" \"1\"")                              },
        {A, "GET k",             "$-1|",         LINE("1",          "\"GET\" \"k\"")                                 },
        {A, "CLIENT SETNAME me", "+OK|",         LINE("1",          "\"CLIENT\" \"SETNAME\" \"me\"")                 },
        {A, "PING\r\nPING",      "+PONG|+PONG|", LINE("1",          "\"PING\"") LINE("1",                              "\"PING\"")},
        {A, "CLIENT REPLY SKIP\r\nDBSIZE",                    "",     "*\"CLIENT\" \"REPLY\" \"SKIP\"|*\"DBSIZE\"|"},
        {A, "RESET",             "+RESET|",      LINE("0",          "\"RESET\"")},
    };
    struct alone *a = start();

    play(a, steps, ARRAY_COUNT(steps));
    alone_free(a);
}

Test(monitor_commands, a_line_is_that_of_stock_to_the_byte)
{
    static const char request[] =
        "*3\r\n$3\r\nset\r\n$14\r\na \"\\\n\r\t\a\b\0\xff\x7f~'\r\n$1\r\nv\r\n";
    struct alone *a = start();
    struct buf out;

    alone_pass(a, 1000, A, bytes_make(request, sizeof(request) - 1));
    out = alone_take(a, M);
    cr_assert_eq(out.len, strlen(buf_text(&out)));
    cr_expect_str_eq(buf_text(&out) + strlen("+1700000000.001000"),
                     " [0 127.0.0.1:5001] \"set\" "
                     "\"a \\\"\\\\\\n\\r\\t\\a\\b\\x00\\xff\\x7f~'\" \"v\"\r\n",
                     "%s", buf_text(&out));
    buf_deinit(&out);
    alone_free(a);
}

Test(monitor_commands, what_is_refused_and_what_administrators_do_is_not_shown)
{
    static const struct step steps[] = {
        {A, "NOSUCH",                        "-ERR unknown command *",                                ""               },
        {A, "GET",                           "-ERR wrong number *",                                   ""               },
        {A, "CONFIG GET hz",                 "[*]2|*",                                                ""               },
        {A, "CONFIG SET requirepass secret", "+OK|",                                                  ""               },
        {B, "GET k",                         "$-1|",                                                  "*\"GET\" \"k\"|"},
        {A, "CLIENT LIST",                   "$*",                                                    ""               },
        {A, "SLOWLOG LEN",                   ":0|",                                                   ""               },
        {A, "MONITOR x",                     "-ERR wrong number of arguments for 'monitor' command|", ""               },
        {A, "REPLCONF listening-port 1",     "+OK|",                                                  ""               },
    };
    struct alone *a = start();

    play(a, steps, ARRAY_COUNT(steps));
    alone_free(a);
}

Test(monitor_commands, secrets_are_not_shown)
{
    static const struct step steps[] = {
        {A, "AUTH secret",                            "-ERR AUTH *",  "*] \"AUTH\" \"(redacted)\"|"               },
        {A, "AUTH me secret",                         "-WRONGPASS *", "*] \"AUTH\" \"(redacted)\" \"(redacted)\"|"},
        {A, "HELLO 2 AUTH default secret SETNAME me", "*",
         "*] \"HELLO\" \"2\" \"AUTH\" \"(redacted)\" \"(redacted)\" \"SETNAME\" \"me\"|"                          },
        {A, "HELLO 2",                                "*",            "*] \"HELLO\" \"2\"|"                       },
    };
    struct alone *a = start();

    play(a, steps, ARRAY_COUNT(steps));
    alone_free(a);
}

Test(monitor_commands, a_monitor_may_not_ask_about_data_and_sees_what_else_it_does)
{
    static const struct answers_case cases[] = {
        {"MONITOR",                  ""                                                   },
        {"PING",                     "+PONG|+17* \"PING\"|"                               },
        {"GET k",                    "-ERR Replica can't interact with the keyspace|"     },
        {"SET k v",                  "-ERR Replica can't interact with the keyspace|"     },
        {"KEYS *",                   "-ERR Replica can't interact with the keyspace|"     },
        {"PUBLISH c m",              "-ERR Replica can't interact with the keyspace|"     },
        {"PSYNC ? -1",               "-ERR Replica can't interact with the keyspace|"     },
        {"SYNC",                     "-ERR Replica can't interact with the keyspace|"     },
        {"CLIENT INFO",              "$*flags=O capa= db=0 *|+17* \"CLIENT\" \"INFO\"|"   },
        {"CLIENT LIST TYPE normal",  "$*id=1 *flags=O *id=2 *flags=N *"                   },
        {"CLIENT LIST TYPE replica", "$0||"                                               },
        {"SUBSCRIBE c",              "[*]3|$9|subscribe|$1|c|:1|+17* \"SUBSCRIBE\" \"c\"|"},
        {"GET k",                    "-ERR Can't execute 'get': only *"                   },
        {"RESET",                    "+RESET|"                                            },
        {"GET k",                    "$-1|"                                               },
        {"CLIENT INFO",              "$*flags=N capa= db=0 *|"                            },
        {"HELLO 3",                  "%7|*"                                               },
        {"MONITOR",                  "+OK|"                                               },
        {"PING",                     "+PONG|+17* \"PING\"|"                               },
    };
    struct alone *a = start();

    answers_expect_all(a, cases, ARRAY_COUNT(cases));
    node_check(a->node);
    alone_free(a);
}

Test(monitor_commands, a_transaction_is_shown_when_it_runs_and_exec_behind_it)
{
    struct alone *a = start();

    answers_send(a, A, "MULTI\r\nSET k v\r\nCONFIG GET hz\r\nMONITOR\r\nGET k\r\n");
    answers_match(a, A, "+OK|+QUEUED|+QUEUED|+QUEUED|+QUEUED|");
    answers_match(a, M, LINE("0", "\"MULTI\""));
    answers_send(a, A, "EXEC\r\n");
    answers_match(a, A,
                  "[*]4|+OK|[*]2|$2|hz|$2|10|"
                  "-ERR MONITOR isn't allowed for DENY BLOCKING client|$1|v|");
    answers_match(
        a, M, LINE("0", "\"SET\" \"k\" \"v\"") LINE("0", "\"GET\" \"k\"") LINE("0", "\"EXEC\""));
    answers_send(a, A, "MULTI\r\nGET k\r\nDISCARD\r\n");
    answers_match(a, A, "+OK|+QUEUED|+OK|");
    answers_match(a, M, LINE("0", "\"MULTI\"") LINE("0", "\"DISCARD\""));
    node_check(a->node);
    alone_free(a);
}

Test(monitor_commands, an_exec_that_is_refused_is_shown_and_what_was_queued_is_not)
{
    static const struct step steps[] = {
        {A,       "MULTI\r\nSET a 1",                                    "+OK|+QUEUED|",                                              LINE("0",    "\"MULTI\"")       },
        {A,       "EXEC now",                                            "-EXECABORT *wrong number of arguments for 'exec' command|",
         LINE("0",                                                                                                                                 "\"EXEC\" \"now\"")},
        {A,       "MULTI\r\nSET a",                                      "+OK|-ERR *|",                                               LINE("0",    "\"MULTI\"")       },
        {A,       "EXEC",                                                "-EXECABORT *previous errors.|",                             LINE("0",    "\"EXEC\"")        },
        {A,       "MULTI\r\nSET a 1",                                    "+OK|+QUEUED|",                                              LINE("0",    "\"MULTI\"")       },
        {B,       "CONFIG SET maxmemory 1",                              "+OK|",                                                      ""         },
        {A, "EXEC", "-EXECABORT Transaction discarded because of: OOM *|",                                                    LINE("0", "\"EXEC\"")                   },
    };
    struct alone *a = start();

    play(a, steps, ARRAY_COUNT(steps));
    alone_free(a);
}

Test(monitor_commands, who_waits_for_a_key_is_shown_once)
{
    static const struct step steps[] = {
        {A, "BLPOP k 0", "",                      "*] \"BLPOP\" \"k\" \"0\"|"},
        {B, "LPUSH k v", ":1|",                   "*] \"LPUSH\" \"k\" \"v\"|"},
        {A, "PING",      "[*]2|$1|k|$1|v|+PONG|", "*] \"PING\"|"             },
    };
    struct alone *a = start();

    play(a, steps, ARRAY_COUNT(steps));
    alone_free(a);
}

Test(monitor_commands, what_the_node_removes_by_itself_is_not_shown)
{
    struct alone *a = start();

    answers_send(a, A, "SET k v PX 20\r\nSET q v PX 20\r\n");
    answers_match(a, M, "*\"SET\" \"k\" \"v\" \"PX\" \"20\"|*\"SET\" \"q\" *|");
    answers_idle(a, 10, 100);
    cr_expect_eq(keyspace_count_all(a->node->data.keyspace), 0);
    answers_match(a, M, "");
    alone_free(a);
}

Test(monitor_commands, nothing_is_asked_for_once_nobody_watches)
{
    struct alone *a = start();

    answers_send(a, B, "MONITOR\r\n");
    cr_expect_eq(a->node->gates.open_for, 0);
    alone_disconnect(a, M);
    answers_send(a, A, "GET k\r\n");
    answers_match(a, B, "+OK|+17* \"GET\" \"k\"|");
    answers_send(a, A, "CLIENT KILL TYPE normal\r\n");
    answers_match(a, A, "$-1|:2|");
    answers_send(a, A, "GET k\r\n");
    cr_expect_neq(a->node->gates.open_for, 0);
    cr_expect_eq(a->node->monitors.count, 0);
    node_check(a->node);
    alone_free(a);
}

Test(monitor_commands, who_reads_too_slowly_is_closed_as_the_limit_of_clients_says)
{
    struct alone *a =
        answers_start(&(struct alone_option){"client-output-buffer-limit", "normal 100000 0 0"}, 1);
    struct buf word = {0};
    struct buf request = {0};

    for (int i = 0; i < 200000; i++) {
        buf_append_byte(&word, 'x');
    }
    buf_printf(&request, "*2\r\n$4\r\nECHO\r\n$%zu\r\n%s\r\n", word.len, buf_text(&word));
    answers_send(a, M, "MONITOR\r\n");
    cr_expect_not_null(a->clients[M].session);
    answers_send(a, A, "CLIENT REPLY OFF\r\n");
    answers_send(a, A, buf_text(&request));
    cr_expect_null(a->clients[M].session);
    cr_expect_not_null(a->clients[A].session);
    buf_deinit(&word);
    buf_deinit(&request);
    alone_free(a);
}

Test(monitor_commands, a_replica_shows_what_its_primary_says)
{
    static const char stream[] =
        "*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n"
        "*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n*1\r\n$4\r\nPING\r\n";
    struct alone *a = answers_start(&(struct alone_option){"replicaof", "10.0.0.9 7000"}, 1);

    cr_assert(alone_lead(a));
    answers_send(a, M, "MONITOR\r\n");
    answers_match(a, M, "+OK|");
    alone_primary_sends(a, bytes_make(stream, sizeof(stream) - 1));
    answers_match(a, M,
                  "+17*.?????? [[]3 10.0.0.9:7000] \"SELECT\" \"3\"|"
                  "+17*.?????? [[]3 10.0.0.9:7000] \"SET\" \"k\" \"v\"|"
                  "+17*.?????? [[]3 10.0.0.9:7000] \"PING\"|");
    alone_free(a);
}
