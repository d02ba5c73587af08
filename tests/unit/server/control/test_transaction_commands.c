/* SPDX-License-Identifier: MIT */
/* MULTI, EXEC, DISCARD, WATCH and UNWATCH, as clients see them. */
#include "base/attr.h"
#include "node/inside.h"
#include "tests/unit/answers.h"

enum {
    A,
    B,
};

struct step {
    size_t client;
    const char *request;
    const char *told;
};

static void play_on(struct alone *a, const struct step *steps, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct buf line = {0};

        buf_printf(&line, "%s\r\n", steps[i].request);
        answers_send(a, steps[i].client, buf_text(&line));
        answers_match(a, steps[i].client, steps[i].told);
        node_check(a->node);
        buf_deinit(&line);
    }
}

static void play(const struct step *steps, size_t count)
{
    struct alone *a = answers_start(NULL, 0);

    play_on(a, steps, count);
    alone_free(a);
}

#define ABORTED "-EXECABORT Transaction discarded because of previous errors.|"
#define EXEC_ARITY                                                                                 \
    "-EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command|"
#define REFUSED "-ERR Command not allowed inside a transaction|"

Test(transaction_commands, what_is_queued_runs_at_exec_and_not_before)
{
    static const struct step steps[] = {
        {A, "MULTI",         "+OK|"                 },
        {A, "SET k 1",       "+QUEUED|"             },
        {A, "incr k",        "+QUEUED|"             },
        {A, "GET k",         "+QUEUED|"             },
        {B, "GET k",         "$-1|"                 },
        {A, "EXEC",          "[*]3|+OK|:2|$1|2|"    },
        {B, "GET k",         "$1|2|"                },
        {A, "GET k",         "$1|2|"                },
        {A, "MULTI",         "+OK|"                 },
        {A, "EXEC",          "[*]0|"                },
        {A, "MULTI",         "+OK|"                 },
        {A, "LPUSH k x",     "+QUEUED|"             },
        {A, "DEL k",         "+QUEUED|"             },
        {A, "EXEC",          "[*]2|-WRONGTYPE *|:1|"},
        {A, "MULTI",         "+OK|"                 },
        {A, "SET k 1",       "+QUEUED|"             },
        {A, "DISCARD",       "+OK|"                 },
        {A, "GET k",         "$-1|"                 },
        {A, "SELECT 0",      "+OK|"                 },
        {A, "MULTI",         "+OK|"                 },
        {A, "SELECT 3",      "+QUEUED|"             },
        {A, "SET \"\" \"\"", "+QUEUED|"             },
        {A, "EXEC",          "[*]2|+OK|+OK|"        },
        {A, "EXISTS \"\"",   ":1|"                  },
        {B, "EXISTS \"\"",   ":0|"                  },
    };

    play(steps, ARRAY_COUNT(steps));
}

Test(transaction_commands, whatever_is_refused_while_queueing_makes_exec_do_nothing)
{
    static const struct answers_case refused[] = {
        {"NOSUCH a b",            "-ERR unknown command 'NOSUCH', with args beginning with: 'a' 'b' |"},
        {"GET",                   "-ERR wrong number of arguments for 'get' command|"                 },
        {"WATCH",                 "-ERR wrong number of arguments for 'watch' command|"               },
        {"MULTI x",               "-ERR wrong number of arguments for 'multi' command|"               },
        {"DISCARD x",             "-ERR wrong number of arguments for 'discard' command|"             },
        {"UNWATCH x",             "-ERR wrong number of arguments for 'unwatch' command|"             },
        {"CONFIG NOSUCH",         "-ERR unknown subcommand 'NOSUCH'. Try CONFIG HELP.|"               },
        {"SAVE",                  REFUSED                                                             },
        {"SHUTDOWN",              REFUSED                                                             },
        {"SYNC",                  REFUSED                                                             },
        {"PSYNC ? -1",            REFUSED                                                             },
        {"CONFIG REWRITE",        REFUSED                                                             },
        {"REPLICAOF 127.0.0.1 1", REFUSED                                                             },
        {"SLAVEOF NO ONE",        REFUSED                                                             },
        {"REPLCONF ACK 1",        REFUSED                                                             },
    };
    struct alone *a = answers_start(NULL, 0);

    for (size_t i = 0; i < ARRAY_COUNT(refused); i++) {
        const struct answers_case around[] = {
            {"MULTI",         "+OK|"                    },
            {"SET k 1",       "+QUEUED|"                },
            {refused[i].line, refused[i].pattern        },
            {"SET k 2",       "+QUEUED|"                },
            {"EXEC",          ABORTED                   },
            {"EXISTS k",      ":0|"                     },
            {"EXEC",          "-ERR EXEC without MULTI|"},
        };

        answers_expect_all(a, around, ARRAY_COUNT(around));
    }
    alone_free(a);
}

Test(transaction_commands, what_is_misplaced_is_an_error_and_spoils_nothing)
{
    static const struct answers_case cases[] = {
        {"EXEC",    "-ERR EXEC without MULTI|"               },
        {"DISCARD", "-ERR DISCARD without MULTI|"            },
        {"EXEC x",  EXEC_ARITY                               },
        {"MULTI",   "+OK|"                                   },
        {"MULTI",   "-ERR MULTI calls can not be nested|"    },
        {"WATCH k", "-ERR WATCH inside MULTI is not allowed|"},
        {"SET k 1", "+QUEUED|"                               },
        {"EXEC",    "[*]1|+OK|"                              },
        {"MULTI",   "+OK|"                                   },
        {"SET k 2", "+QUEUED|"                               },
        {"EXEC x",  EXEC_ARITY                               },
        {"EXEC",    "-ERR EXEC without MULTI|"               },
        {"GET k",   "$1|1|"                                  },
        {"UNWATCH", "+OK|"                                   },
    };
    struct alone *a = answers_start(NULL, 0);

    answers_expect_all(a, cases, ARRAY_COUNT(cases));
    alone_free(a);
}

Test(transaction_commands, nothing_waits_within_a_transaction)
{
    static const struct answers_case cases[] = {
        {"MULTI",                     "+OK|"                                                                           },
        {"BLPOP l 0",                 "+QUEUED|"                                                                       },
        {"BRPOPLPUSH l m 0",          "+QUEUED|"                                                                       },
        {"BLMOVE l m LEFT LEFT 0",    "+QUEUED|"                                                                       },
        {"BZPOPMIN z 0",              "+QUEUED|"                                                                       },
        {"XREAD BLOCK 0 STREAMS s $", "+QUEUED|"                                                                       },
        {"WAIT 1 0",                  "+QUEUED|"                                                                       },
        {"WAIT x 0",                  "+QUEUED|"                                                                       },
        {"EXEC",                      "[*]7|[*]-1|$-1|$-1|[*]-1|[*]-1|:0|-ERR value is not an integer or out of range|"},
        {"PING",                      "+PONG|"                                                                         },
    };
    struct alone *a = answers_start(NULL, 0);

    answers_expect_all(a, cases, ARRAY_COUNT(cases));
    alone_free(a);
}

Test(transaction_commands, who_waits_for_a_key_is_served_after_the_transaction)
{
    static const struct step steps[] = {
        {B, "BLPOP l 0",   ""                     },
        {A, "MULTI",       "+OK|"                 },
        {A, "RPUSH l a b", "+QUEUED|"             },
        {A, "LPOP l",      "+QUEUED|"             },
        {A, "EXEC",        "[*]2|:2|$1|a|"        },
        {B, "PING",        "[*]2|$1|l|$1|b|+PONG|"},
        {A, "EXISTS l",    ":0|"                  },
    };

    play(steps, ARRAY_COUNT(steps));
}

Test(transaction_commands, commands_about_the_connection_work_within_a_transaction)
{
    static const struct step steps[] = {
        {A, "MULTI",             "+OK|"                                        },
        {A, "PING",              "+QUEUED|"                                    },
        {A, "CLIENT SETNAME me", "+QUEUED|"                                    },
        {A, "CLIENT GETNAME",    "+QUEUED|"                                    },
        {A, "CONFIG GET port",   "+QUEUED|"                                    },
        {A, "EXEC",              "[*]4|+PONG|+OK|$2|me|[*]2|$4|port|*"         },
        {A, "MULTI",             "+OK|"                                        },
        {A, "HELLO 3",           "+QUEUED|"                                    },
        {A, "GET nothing",       "+QUEUED|"                                    },
        {A, "EXEC",              "[*]2|%7|*|_|"                                },
        {A, "WATCH k",           "+OK|"                                        },
        {A, "SET k 1",           "+OK|"                                        },
        {A, "MULTI",             "+OK|"                                        },
        {A, "CLIENT INFO",       "+QUEUED|"                                    },
        {B, "CLIENT LIST",       "*flags=xd * multi=1 watch=1 * multi-mem=10 *"},
        {A, "EXEC",              "_|"                                          },
        {A, "MULTI",             "+OK|"                                        },
        {A, "SET k 2",           "+QUEUED|"                                    },
        {A, "RESET",             "+RESET|"                                     },
        {A, "EXEC",              "-ERR EXEC without MULTI|"                    },
        {A, "WATCH k",           "+OK|"                                        },
        {A, "RESET",             "+RESET|"                                     },
        {B, "SET k 3",           "+OK|"                                        },
        {A, "MULTI",             "+OK|"                                        },
        {A, "CLIENT REPLY SKIP", "+QUEUED|"                                    },
        {A, "GET k",             "+QUEUED|"                                    },
        {A, "EXEC",              "[*]2|$-1|$1|3|"                              },
        {A, "GET k",             ""                                            },
        {A, "GET k",             "$1|3|"                                       },
        {A, "MULTI",             "+OK|"                                        },
        {A, "CLIENT REPLY OFF",  "+QUEUED|"                                    },
        {A, "GET k",             "+QUEUED|"                                    },
        {A, "EXEC",              ""                                            },
        {A, "GET k",             ""                                            },
        {A, "CLIENT REPLY ON",   "+OK|"                                        },
        {A, "MULTI",             "+OK|"                                        },
        {A, "QUIT",              "+OK|"                                        },
    };

    play(steps, ARRAY_COUNT(steps));
}

/* Something happens to key k between WATCH and EXEC; before WATCH the key was as setup leaves it. */
static const struct {
    const char *setup;
    const char *change; /* by another client */
    int64_t later_ms;
    bool breaks;
} watched[] = {
    {"SET k 1",                                      "PING",                                                                          0,   false},
    {"SET k 1",                                      "GET k",                                                                         0,   false},
    {"SET k 1",                                      "TTL k",                                                                         0,   false},
    {"SET k 1",                                      "SET k 1",                                                                       0,   true },
    {"SET k 1",                                      "SET k 2 NX",                                                                    0,   false},
    {"SET k 1",                                      "SET other 1",                                                                   0,   false},
    {"SET k 1",                                      "APPEND k x",                                                                    0,   true },
    {"SET k 1",                                      "INCR k",                                                                        0,   true },
    {"SET k 1",                                      "DEL k",                                                                         0,   true },
    {"SET k 1",                                      "EXPIRE k 100",                                                                  0,   true },
    {"SET k 1",                                      "PERSIST k",                                                                     0,   false},
    {"SET k 1",                                      "RENAME k j",                                                                    0,   true },
    {"SET k 1",                                      "MOVE k 1",                                                                      0,   true },
    {"SET k 1",                                      "COPY k j",                                                                      0,   false},
    {"SET k 1",                                      "FLUSHALL",                                                                      0,   true },
    {"SET k 1",                                      "FLUSHDB",                                                                       0,   true },
    {"SET k 1",                                      "SWAPDB 0 1",                                                                    0,   true },
    {"SET k 1",                                      "SWAPDB 1 2",                                                                    0,   false},
    {"SET k 1",                                      "SORT l STORE k",                                                                0,   true },
    {"SET k 1 PX 50",                                "PING",                                                                          100, true },
    {"SET k 1 PX 5000",                              "PING",                                                                          100, false},
    {"SADD k a",                                     "SADD k a",                                                                      0,   false},
    {"SADD k a",                                     "SREM k a",                                                                      0,   true },
    {"HSET k f v",                                   "HSET k f w",                                                                    0,   true },
    {"RPUSH k a",                                    "LPOP k",                                                                        0,   true },
    {"PING",                                         "DEL k",                                                                         0,   false},
    {"PING",                                         "FLUSHALL",                                                                      0,   false},
    {"PING",                                         "SWAPDB 0 1",                                                                    0,   false},
    {"PING",                                         "SWAPDB 0 1\r\nSWAPDB 0 1",                                                      0,   false},
    {"PING",                                         "SWAPDB 0 1\r\nFLUSHALL\r\nSWAPDB 0 2",                                          0,   false},
    {"PING",                                         "SELECT 1\r\nSET k 1\r\nSWAPDB 0 1",                                             0,   true },
    {"PING",                                         "SELECT 1\r\nSET k 1\r\nSWAPDB 0 1\r\nSWAPDB 0 1",                               0,   true },
    {"PING",                                         "SELECT 1\r\nSET k 1\r\nSWAPDB 0 1\r\nFLUSHALL",                                 0,   true },
    {"PING",                                         "SELECT 1\r\nSET k 1\r\nSWAPDB 1 2",                                             0,   false},
    {"HSET k f 1 g 1\r\nHPEXPIRE k 20 FIELDS 1 f",   "PING",                                                                          500, true },
    {"HSET k f 1 g 1\r\nHPEXPIRE k 2000 FIELDS 1 f", "PING",                                                                          500, false},
    {"PING",                                         "SET k 1",                                                                       0,   true },
    {"PING",                                         "SET k 1 PX 10",                                                                 100, true },
    {"SET j 1",                                      "RENAME j k",                                                                    0,   true },
    {"SET j 1",                                      "COPY j k",                                                                      0,   true },
    {"PING",                                         "RESTORE k 0 \"\\x00\\x01a\\x0b\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\"", 0,
     false                                                                                                                                      },
    {"PING",                                         "DEBUG RELOAD",                                                                  0,   false},
    {"SET k 1",                                      "DEBUG RELOAD",                                                                  0,   true },
};

Test(transaction_commands, whatever_happens_to_a_watched_key_stops_exec)
{
    const struct alone_option options = {"enable-debug-command", "yes"};

    for (size_t i = 0; i < ARRAY_COUNT(watched); i++) {
        struct alone *a = answers_start(&options, 1);
        struct buf line = {0};
        struct buf out;

        answers_expect(a, watched[i].setup, "*");
        answers_expect(a, "WATCH k k j0", "+OK|");
        buf_printf(&line, "%s\r\n", watched[i].change);
        answers_send(a, B, buf_text(&line));
        alone_settle(a, ANSWERS_PASSES);
        answers_idle(a, 1, watched[i].later_ms);
        answers_send(a, A, "MULTI\r\nSET done 1\r\nEXEC\r\nEXISTS done\r\n");
        out = answers_take(a, A);
        cr_expect_str_eq(buf_text(&out),
                         watched[i].breaks ? "+OK|+QUEUED|*-1|:0|" : "+OK|+QUEUED|*1|+OK|:1|",
                         "%s, then %s: %s", watched[i].setup, watched[i].change, buf_text(&out));
        node_check(a->node);
        buf_deinit(&out);
        buf_deinit(&line);
        alone_free(a);
    }
}

Test(transaction_commands, a_key_that_had_expired_at_watch_may_be_removed_but_not_come_back)
{
    static const struct answers_case cases[] = {
        {"DEBUG SET-ACTIVE-EXPIRE 0", "+OK|"       },
        {"SET k 1 PX 1",              "+OK|"       },
        {"PING",                      "+PONG|"     },
        {"PING",                      "+PONG|"     },
        {"WATCH k",                   "+OK|"       },
        {"GET k",                     "$-1|"       },
        {"MULTI",                     "+OK|"       },
        {"PING",                      "+QUEUED|"   },
        {"EXEC",                      "[*]1|+PONG|"},
        {"WATCH k",                   "+OK|"       },
        {"SET k 2",                   "+OK|"       },
        {"MULTI",                     "+OK|"       },
        {"EXEC",                      "[*]-1|"     },
    };
    struct alone *a = answers_start(&(struct alone_option){"enable-debug-command", "yes"}, 1);

    answers_expect_all(a, cases, ARRAY_COUNT(cases));
    alone_free(a);
}

Test(transaction_commands, watches_end_with_exec_discard_unwatch_and_with_the_connection)
{
    static const struct step steps[] = {
        {A, "WATCH k",   "+OK|"     },
        {A, "SET k 1",   "+OK|"     },
        {A, "UNWATCH",   "+OK|"     },
        {A, "MULTI",     "+OK|"     },
        {A, "EXEC",      "[*]0|"    },
        {A, "WATCH k",   "+OK|"     },
        {A, "SET k 1",   "+OK|"     },
        {A, "MULTI",     "+OK|"     },
        {A, "DISCARD",   "+OK|"     },
        {A, "MULTI",     "+OK|"     },
        {A, "EXEC",      "[*]0|"    },
        {A, "WATCH k",   "+OK|"     },
        {A, "MULTI",     "+OK|"     },
        {A, "SET k 2",   "+QUEUED|" },
        {A, "EXEC",      "[*]1|+OK|"},
        {A, "MULTI",     "+OK|"     },
        {A, "UNWATCH",   "+QUEUED|" },
        {A, "EXEC",      "[*]1|+OK|"},
        {A, "WATCH k j", "+OK|"     },
    };
    struct alone *a = answers_start(NULL, 0);

    play_on(a, steps, ARRAY_COUNT(steps));
    alone_disconnect(a, A);
    cr_expect_eq(a->node->watching.watch.watcher_count, 0);
    node_check(a->node);
    alone_free(a);
}
