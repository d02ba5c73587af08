/* SPDX-License-Identifier: MIT */
/* Events in the key space as messages (node/notify): who is told of them, when, and when nobody is. */
#include "base/attr.h"
#include "node/inside.h"
#include "tests/unit/answers.h"

#include <stdio.h>

enum {
    A, /* who listens */
    B,
    W, /* who writes */
};

#define ALL   "PSUBSCRIBE __key*"
#define TO(n) "[*]4|$8|pmessage|$6|__key[*]|$" #n "|"
/* What a listener to all is told of an event of a key of one byte. */
#define EVENT(event_len, event, total, key)                                                        \
    "[*]4|$8|pmessage|$6|__key[*]|$16|__keyspace@0__:" key "|$" #event_len "|" event "|"           \
    "[*]4|$8|pmessage|$6|__key[*]|$" #total "|__keyevent@0__:" event "|$1|" key "|"
#define SET_K   EVENT(3, "set", 18, "k")
#define DEL_K   EVENT(3, "del", 18, "k")
#define RPUSH_K EVENT(5, "rpush", 20, "k")
#define LPOP_K  EVENT(4, "lpop", 19, "k")

static void play(const char *classes, const struct answers_step *steps, size_t count)
{
    const struct alone_option options[] = {
        {"notify-keyspace-events", classes},
        {"enable-debug-command",   "yes"  },
    };
    struct alone *a = answers_start(options, ARRAY_COUNT(options));

    answers_play(a, steps, count);
    alone_free(a);
}

Test(event_messages, the_channel_of_the_key_is_told_the_event_and_then_that_of_the_event_the_key)
{
    static const struct answers_step steps[] = {
        {A, ALL,                            "[*]3|*"                                      },
        {B, "SUBSCRIBE __keyspace@0__:k",   "[*]3|*"                                      },
        {W, "SET k v",                      "+OK|"                                        },
        {A, NULL,                           SET_K                                         },
        {B, NULL,                           "[*]3|$7|message|$16|__keyspace@0__:k|$3|set|"},
        {W, "SET l v",                      "+OK|"                                        },
        {B, NULL,                           ""                                            },
        {B, "SUBSCRIBE __keyevent@0__:del", "[*]3|*"                                      },
        {W, "DEL l",                        ":1|"                                         },
        {B, NULL,                           "[*]3|$7|message|$18|__keyevent@0__:del|$1|l|"},
    };

    play("KEA", steps, ARRAY_COUNT(steps));
}

Test(event_messages, only_what_is_asked_for_is_told_and_only_where)
{
    static const struct answers_step steps[] = {
        {A, ALL,                                      "[*]3|*"                                     },
        {W, "SET k v",                                "+OK|"                                       },
        {A, NULL,                                     ""                                           },
        {W, "CONFIG SET notify-keyspace-events $l",   "+OK|"                                       },
        {W, "SET k v",                                "+OK|"                                       },
        {A, NULL,                                     ""                                           },
        {W, "CONFIG SET notify-keyspace-events K$",   "+OK|"                                       },
        {W, "SET k v",                                "+OK|"                                       },
        {A, NULL,                                     TO(16) "__keyspace@0__:k|$3|set|"            },
        {W, "DEL k",                                  ":1|"                                        },
        {A, NULL,                                     ""                                           },
        {W, "CONFIG SET notify-keyspace-events Eg",   "+OK|"                                       },
        {W, "SET k v EX 100",                         "+OK|"                                       },
        {A, NULL,                                     TO(21) "__keyevent@0__:expire|$1|k|"         },
        {W, "CONFIG SET notify-keyspace-events En",   "+OK|"                                       },
        {W, "SET fresh v",                            "+OK|"                                       },
        {A, NULL,                                     TO(18) "__keyevent@0__:new|$5|fresh|"        },
        {W, "CONFIG SET notify-keyspace-events Em",   "+OK|"                                       },
        {W, "GET missing",                            "$-1|"                                       },
        {A, NULL,                                     TO(22) "__keyevent@0__:keymiss|$7|missing|"  },
        {W, "CONFIG SET notify-keyspace-events Eoc",  "+OK|"                                       },
        {W, "SET fresh v",                            "+OK|"                                       },
        {A, NULL,                                     TO(26) "__keyevent@0__:overwritten|$5|fresh|"},
        {W, "CONFIG SET notify-keyspace-events \"\"", "+OK|"                                       },
        {W, "DEL k",                                  ":1|"                                        },
        {A, NULL,                                     ""                                           },
        {W, "CONFIG SET notify-keyspace-events KEY",
         "-ERR CONFIG SET failed (possibly related to argument 'notify-keyspace-events') - Invalid "
         "event class character. Use 'Ag$lshzxetdnKEmoc'.|"                                        },
    };

    play("", steps, ARRAY_COUNT(steps));
}

Test(event_messages, channels_name_the_database)
{
    static const struct answers_step steps[] = {
        {A, ALL,         "[*]3|*"                                                                      },
        {W, "SELECT 3",  "+OK|"                                                                        },
        {W, "SET k v",   "+OK|"                                                                        },
        {A, NULL,        TO(16) "__keyspace@3__:k|$3|set|"                                             },
        {W, "MOVE k 12", ":1|"                                                                         },
        {A, NULL,        TO(16) "__keyspace@3__:k|$9|move_from|" TO(17) "__keyspace@12__:k|$7|move_to|"},
    };

    play("KA", steps, ARRAY_COUNT(steps));
}

Test(event_messages, in_a_transaction_each_request_is_told_of_before_the_next)
{
    static const struct answers_step steps[] = {
        {A, ALL,              "[*]3|*"                                          },
        {A, "PSUBSCRIBE own", "[*]3|*"                                          },
        {W, "MULTI",          "+OK|"                                            },
        {W, "SET k v",        "+QUEUED|"                                        },
        {W, "PUBLISH own x",  "+QUEUED|"                                        },
        {W, "DEL k",          "+QUEUED|"                                        },
        {A, NULL,             ""                                                },
        {W, "EXEC",           "[*]3|+OK|:1|:1|"                                 },
        {A, NULL,             SET_K "[*]4|$8|pmessage|$3|own|$3|own|$1|x|" DEL_K},
    };

    play("KEA", steps, ARRAY_COUNT(steps));
}

Test(event_messages, who_writes_is_told_behind_the_reply)
{
    static const struct answers_step steps[] = {
        {A, "HELLO 3",                      "%7|*"                                                    },
        {A, "SUBSCRIBE __keyevent@0__:set", ">3|*"                                                    },
        {A, "SET k v",                      "+OK|>3|$7|message|$18|__keyevent@0__:set|$1|k|"          },
        {A, "MULTI",                        "+OK|"                                                    },
        {A, "SET k v",                      "+QUEUED|"                                                },
        {A, "GET k",                        "+QUEUED|"                                                },
        {A, "EXEC",                         "[*]2|+OK|$1|v|>3|$7|message|$18|__keyevent@0__:set|$1|k|"},
    };

    play("KEA", steps, ARRAY_COUNT(steps));
}

Test(event_messages, who_waited_for_a_key_is_told_of_behind_who_brought_it)
{
    static const struct answers_step steps[] = {
        {A, ALL,         "[*]3|*"            },
        {B, "BLPOP k 0", ""                  },
        {W, "RPUSH k v", ":1|"               },
        {A, NULL,        RPUSH_K LPOP_K DEL_K},
        {B, NULL,        "[*]2|$1|k|$1|v|"   },
    };

    play("KEA", steps, ARRAY_COUNT(steps));
}

Test(event_messages, what_flushes_or_swaps_says_nothing_and_later_keys_are_new_again)
{
    static const struct answers_step steps[] = {
        {W, "SET k v",    "+OK|"                           },
        {A, ALL,          "[*]3|*"                         },
        {W, "SWAPDB 0 1", "+OK|"                           },
        {W, "FLUSHALL",   "+OK|"                           },
        {A, NULL,         ""                               },
        {W, "SET k v",    "+OK|"                           },
        {A, NULL,         TO(18) "__keyevent@0__:new|$1|k|"},
    };

    play("En", steps, ARRAY_COUNT(steps));
}

Test(event_messages, keys_that_are_loaded_are_not_new_and_those_behind_them_are)
{
    const struct alone_option options[] = {
        {"notify-keyspace-events", "En" },
        {"enable-debug-command",   "yes"},
    };
    struct alone *a = answers_start(options, ARRAY_COUNT(options));

    answers_expect(a, "SET k v", "+OK|");
    answers_send(a, B, ALL "\r\n");
    answers_match(a, B, "[*]3|*");
    answers_expect(a, "DEBUG RELOAD", "+OK|");
    answers_expect(a, "DEL k", ":1|");
    answers_expect(a, "DEBUG RELOAD NOSAVE NOFLUSH", "+OK|");
    answers_expect(a, "EXISTS k", ":1|");
    answers_match(a, B, "");
    answers_expect(a, "SET l v", "+OK|");
    answers_match(a, B, TO(18) "__keyevent@0__:new|$1|l|");
    node_check(a->node);
    alone_free(a);
}

Test(event_messages, a_key_whose_time_has_come_is_told_of_when_it_goes)
{
    const struct alone_option option = {"notify-keyspace-events", "Exh"};
    struct alone *a = answers_start(&option, 1);

    answers_send(a, A, ALL "\r\n");
    answers_match(a, A, "[*]3|*");
    answers_send(a, W, "SET k v PX 50\r\nHSETEX h PX 50 FIELDS 1 f v\r\n");
    answers_match(a, A, TO(19) "__keyevent@0__:hset|$1|h|" TO(22) "__keyevent@0__:hexpire|$1|h|");
    answers_idle(a, 40, 100);
    answers_match(a, A, "*__keyevent@0__:expired|$1|k|*");
    answers_send(a, W, "DBSIZE\r\n");
    answers_match(a, W, "*:0|");
    node_check(a->node);
    alone_free(a);
}

Test(event_messages, fields_that_expire_on_their_own_are_told_and_the_key_that_goes_with_them)
{
    const struct alone_option option = {"notify-keyspace-events", "Eghx"};
    struct alone *a = answers_start(&option, 1);

    answers_send(a, W, "HSETEX h PX 50 FIELDS 1 f v\r\n");
    answers_send(a, A, ALL "\r\n");
    answers_match(a, A, "[*]3|*");
    answers_idle(a, 40, 100);
    answers_match(a, A, TO(23) "__keyevent@0__:hexpired|$1|h|" TO(18) "__keyevent@0__:del|$1|h|");
    alone_free(a);
}

Test(event_messages, what_is_evicted_is_told)
{
    const struct alone_option options[] = {
        {"notify-keyspace-events", "Ee"            },
        {"maxmemory-policy",       "allkeys-random"},
    };
    struct alone *a = answers_start(options, ARRAY_COUNT(options));

    answers_send(a, A, ALL "\r\n");
    answers_match(a, A, "[*]3|*");
    for (int i = 0; i < 200; i++) {
        char line[64];

        snprintf(line, sizeof(line), "SETRANGE k%d 10000 x\r\n", i);
        answers_send(a, W, line);
    }
    answers_match(a, A, "");
    answers_send(a, W, "CONFIG SET maxmemory 1mb\r\n");
    answers_idle(a, 50, 100);
    answers_match(a, A, TO(22) "__keyevent@0__:evicted|$*|k*|*__keyevent@0__:evicted|*");
    answers_send(a, W, "FLUSHALL\r\n");
    answers_match(a, A, "");
    alone_free(a);
}

Test(event_messages, a_replica_tells_what_the_stream_of_its_primary_does)
{
    const struct alone_option options[] = {
        {"notify-keyspace-events", "KEA"          },
        {"replicaof",              "10.0.0.9 6379"},
    };
    struct alone *a = answers_start(options, ARRAY_COUNT(options));

    cr_assert(alone_lead(a));
    answers_send(a, A, ALL "\r\n");
    answers_match(a, A, "[*]3|*");
    alone_primary_sends(a, BYTES_LITERAL("*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n"
                                         "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n"));
    answers_match(a, A, SET_K);
    alone_primary_sends(a, BYTES_LITERAL("*2\r\n$3\r\nDEL\r\n$1\r\nk\r\n"));
    answers_match(a, A, DEL_K);
    alone_free(a);
}

Test(event_messages, nobody_is_told_and_nothing_kept_while_nobody_listens)
{
    static const struct answers_step steps[] = {
        {W, "SET k v PX 1",                "+OK|"   },
        {W, "GET k",                       "*"      },
        {A, "SSUBSCRIBE __keyspace@0__:k", "[*]3|*" },
        {W, "SET k v",                     "+OK|"   },
        {A, NULL,                          ""       },
        {B, ALL,                           "[*]3|*" },
        {W, "SET k v",                     "+OK|"   },
        {B, NULL,                          SET_K    },
        {B, "RESET",                       "+RESET|"},
        {W, "SET k v",                     "+OK|"   },
        {B, NULL,                          ""       },
    };

    play("KEA", steps, ARRAY_COUNT(steps));
}

Test(event_messages, keys_may_be_long_or_hold_any_bytes)
{
    const struct alone_option option = {"notify-keyspace-events", "K$"};
    struct alone *a = answers_start(&option, 1);
    struct buf request = {0};

    answers_send(a, A, ALL "\r\n");
    answers_match(a, A, "[*]3|*");
    buf_append_text(&request, "*3\r\n$3\r\nSET\r\n$70000\r\n");
    for (int i = 0; i < 70000; i++) {
        buf_append_byte(&request, (char)('a' + i % 26));
    }
    buf_append_text(&request, "\r\n$1\r\nv\r\n");
    alone_pass(a, 1000, W, buf_bytes(&request));
    answers_match(a, A, TO(70015) "__keyspace@0__:abc*xyz*|$3|set|");
    alone_pass(a, 1000, W, BYTES_LITERAL("*3\r\n$3\r\nSET\r\n$0\r\n\r\n$1\r\nv\r\n"));
    answers_match(a, A, TO(15) "__keyspace@0__:|$3|set|");
    buf_deinit(&request);
    alone_free(a);
}
