/* SPDX-License-Identifier: MIT */
/* DEBUG, as test suites for Redis use it. */
#include "base/attr.h"
#include "base/glob.h"
#include "tests/alone/alone.h"
#include "tests/unit/answers.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define NO_SUCH(name)                                                                              \
    "-ERR unknown subcommand or wrong number of arguments for '" name "'. Try DEBUG HELP.|"
#define ZEROS "0000000000000000000000000000000000000000"

static struct alone *start(void)
{
    return answers_start(&(struct alone_option){"enable-debug-command", "yes"}, 1);
}

Test(debug_commands, replies_as_suites_expect)
{
    static const char *const cases[][2] = {
        {"DEBUG POPULATE 3",                   "+OK|"                                           },
        {"DEBUG POPULATE 1 q 10",              "+OK|"                                           },
        {"MGET key:0 key:2 key:3",             "[*]3|$7|value:0|$7|value:2|$-1|"                },
        {"STRLEN q:0",                         ":10|"                                           },
        {"DEBUG POPULATE 1 key 20",            "+OK|"                                           },
        {"GET key:0",                          "$7|value:0|"                                    },
        {"DEBUG POPULATE -1",                  "-ERR value is out of range, must be positive|"  },
        {"DEBUG POPULATE 1 w x",               "-ERR value is out of range, must be positive|"  },
        {"DEBUG OBJECT key:0",
         "+Value at:0x* refcount:1 encoding:embstr serializedlength:8 lru:* lru_seconds_idle:0|"},
        {"DEBUG OBJECT none",                  "-ERR no such key|"                              },
        {"DEBUG DIGEST-VALUE none",            "[*]1|+" ZEROS "|"                               },
        {"DEBUG ERROR \"WHAT is this\"",       "-WHAT is this|"                                 },
        {"DEBUG ERROR \"\"",                   "-ERR|"                                          },
        {"DEBUG ERROR \"\\x00x\"",             "-ERR|"                                          },
        {"DEBUG LOG hello",                    "+OK|"                                           },
        {"DEBUG STRINGMATCH-LEN 1000 *a*b",    "+OK|"                                           },
        {"DEBUG SET-DISABLE-DENY-SCRIPTS 1",   "+OK|"                                           },
        {"DEBUG QUICKLIST-PACKED-THRESHOLD 1", "+OK|"                                           },
        {"DEBUG REPLYBUFFER RESIZING 0",       "+OK|"                                           },
        {"DEBUG REPLYBUFFER FOO 0",            NO_SUCH("REPLYBUFFER")                           },
        {"DEBUG LISTPACK key:0",               "-ERR Not a listpack encoded object.|"           },
        {"DEBUG HTSTATS 0",                    "$*|?Dictionary HT]* number of elements: 4*"     },
        {"DEBUG HTSTATS 99",                   "-ERR Out of range database|"                    },
        {"DEBUG RELOAD FOO",                   "-ERR DEBUG RELOAD only supports the MERGE, *"   },
        {"DEBUG SLEEP",                        NO_SUCH("SLEEP")                                 },
        {"DEBUG nosuch",                       NO_SUCH("nosuch")                                },
        {"DEBUG HELP",                         "[*]*|+SEGFAULT|*"                               },
        {"FLUSHALL",                           "+OK|"                                           },
        {"DEBUG DIGEST",                       "+" ZEROS "|"                                    },
    };
    struct alone *a = start();

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        answers_expect(a, cases[i][0], cases[i][1]);
    }
    alone_free(a);
}

Test(debug_commands, protocol_has_every_kind_of_reply_in_both_versions)
{
    static const char *const cases[][3] = {
        {"string",   "$11|Hello World|",                             "$11|Hello World|"                 },
        {"integer",  ":12345|",                                      ":12345|"                          },
        {"double",   "$5|3.141|",                                    ",3.141|"                          },
        {"null",     "$-1|",                                         "_|"                               },
        {"array",    "[*]3|:0|:1|:2|",                               "[*]3|:0|:1|:2|"                   },
        {"set",      "[*]3|:0|:1|:2|",                               "~3|:0|:1|:2|"                     },
        {"map",      "[*]6|:0|:0|:1|:1|:2|:0|",                      "%3|:0|#f|:1|#t|:2|#f|"            },
        {"attrib",   "$39|Some real reply following the attribute|", "|1|$14|key-popularity|*"          },
        {"push",     "-ERR RESP2 is not supported by this command|",
         ">2|$16|server-cpu-usage|:42|$40|*"                                                            },
        {"verbatim", "$25|This is a verbatimstring|",                "=29|txt:This is a verbatimstring|"},
        {"true",     ":1|",                                          "#t|"                              },
        {"bignum",   "$37|1234567999999999999999999999999999999|",   "(1234567*|"                       },
    };
    struct alone *a = start();
    char line[64];

    for (int version = 2; version <= 3; version++) {
        snprintf(line, sizeof(line), "HELLO %d", version);
        answers_expect(a, line, "*");
        for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
            snprintf(line, sizeof(line), "DEBUG PROTOCOL %s", cases[i][0]);
            answers_expect(a, line, cases[i][version - 1]);
        }
    }
    alone_free(a);
}

Test(debug_commands, digest_is_that_of_the_data_whatever_the_order)
{
    struct alone *a = start();
    struct buf first;
    struct buf second;

    answers_expect(a, "MSET a 1 b 2 c 3", "+OK|");
    alone_pass(a, 0, 0, BYTES_LITERAL("DEBUG DIGEST\r\n"));
    first = answers_take(a, 0);
    cr_assert_eq(first.len, 42);
    answers_expect(a, "FLUSHALL", "+OK|");
    answers_expect(a, "MSET c 3 b 2 a 1", "+OK|");
    alone_pass(a, 0, 0, BYTES_LITERAL("DEBUG DIGEST\r\n"));
    second = answers_take(a, 0);
    cr_assert(bytes_equal(buf_bytes(&first), buf_bytes(&second)));
    answers_expect(a, "SET a 2", "+OK|");
    answers_expect(a, "DEBUG DIGEST-VALUE a b", "[*]2|+*|+*|");
    buf_deinit(&first);
    buf_deinit(&second);
    alone_free(a);
}

Test(debug_commands, reload_brings_the_data_back_from_the_file)
{
    struct alone *a = start();

    answers_expect(a, "MSET a 1 b 2", "+OK|");
    answers_expect(a, "DEBUG RELOAD", "+OK|");
    answers_expect(a, "MGET a b", "[*]2|$1|1|$1|2|");
    answers_expect(a, "SET c 3", "+OK|");
    answers_expect(a, "DEBUG RELOAD NOSAVE", "+OK|");
    answers_expect(a, "MGET a b c", "[*]3|$1|1|$1|2|$-1|");
    answers_expect(a, "MSET a new c 3", "+OK|");
    answers_expect(a, "DEBUG RELOAD NOSAVE NOFLUSH",
                   "-ERR Error trying to load the RDB dump, check *");
    answers_expect(a, "MGET a b c", "[*]3|$3|new|$1|2|$1|3|");
    answers_expect(a, "DEBUG RELOAD NOSAVE NOFLUSH MERGE", "+OK|");
    answers_expect(a, "MGET a b c", "[*]3|$1|1|$1|2|$1|3|");
    a->disk.fault = DISK_BROKEN;
    answers_expect(a, "DEBUG RELOAD", "-ERR saving failed*");
    answers_expect(a, "MGET a b c", "[*]3|$1|1|$1|2|$1|3|");
    alone_free(a);
}

Test(debug_commands, nobody_writes_while_the_data_is_reloaded)
{
    struct alone *a = start();
    struct buf out;

    answers_expect(a, "SET a 1", "+OK|");
    a->is_disk_slow = true;
    alone_pass(a, 0, 0, BYTES_LITERAL("DEBUG RELOAD\r\n"));
    alone_pass(a, 0, 1, BYTES_LITERAL("APPEND a 2\r\n"));
    out = answers_take(a, 1);
    cr_assert_eq(out.len, 0);
    a->is_disk_slow = false;
    alone_settle(a, 50);
    out = answers_take(a, 1);
    cr_assert(bytes_equal_text(buf_bytes(&out), ":2|"));
    buf_deinit(&out);
    out = answers_take(a, 0);
    cr_assert(bytes_equal_text(buf_bytes(&out), "+OK|"));
    buf_deinit(&out);
    answers_expect(a, "GET a", "$2|12|");
    alone_free(a);
}

Test(debug_commands, sleep_and_pause_cron_do_what_they_say)
{
    struct alone *a = start();
    int64_t before_us = a->now_us;

    answers_expect(a, "DEBUG SLEEP 1.5", "+OK|");
    cr_assert_geq(a->now_us - before_us, 1500000);
    answers_expect(a, "SET k v PX 100", "+OK|");
    answers_expect(a, "DEBUG PAUSE-CRON 1", "+OK|");
    alone_pass(a, 1000000, ALONE_CLIENTS, (struct bytes){0});
    answers_expect(a, "DBSIZE", ":1|");
    answers_expect(a, "DEBUG PAUSE-CRON 0", "+OK|");
    alone_pass(a, 1000000, ALONE_CLIENTS, (struct bytes){0});
    answers_expect(a, "DBSIZE", ":0|");
    alone_free(a);
}
