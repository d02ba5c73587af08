/* SPDX-License-Identifier: MIT */
/* LMOVEM and BLMOVEM: which elements arrive in which order, and what travels. */
#include "base/attr.h"
#include "store/value.h"
#include "tests/unit/server/command/fixture.h"

#include <criterion/criterion.h>

#define WRONGTYPE "-WRONGTYPE Operation against a key holding the wrong kind of value|"
#define SYNTAX    "-ERR syntax error|"
#define NO_COUNT  "-ERR count should be greater than 0|"
#define NIL_ARRAY "*-1|"

/* From "a b c d" to "x y". */
Test(list_move_many, elements_arrive_one_by_one_or_in_the_order_that_they_have)
{
    static const struct {
        const char *request, *reply, *effects, *from, *to;
    } cases[] = {
        {"LEFT RIGHT COUNT 3 OBO",                    "*3|$1|a|$1|b|$1|c|",      "LPOP s 3; RPUSH d a b c",   "d",   "xyabc" },
        {"LEFT RIGHT COUNT 3 BULK",                   "*3|$1|a|$1|b|$1|c|",      "LPOP s 3; RPUSH d a b c",   "d",   "xyabc" },
        {"LEFT LEFT COUNT 3 OBO",                     "*3|$1|a|$1|b|$1|c|",      "LPOP s 3; LPUSH d a b c",   "d",   "cbaxy" },
        {"LEFT LEFT COUNT 3 BULK",                    "*3|$1|a|$1|b|$1|c|",      "LPOP s 3; LPUSH d c b a",   "d",   "abcxy" },
        {"RIGHT LEFT COUNT 3 OBO",                    "*3|$1|d|$1|c|$1|b|",      "RPOP s 3; LPUSH d d c b",   "a",   "bcdxy" },
        {"RIGHT LEFT BULK COUNT 3",                   "*3|$1|b|$1|c|$1|d|",      "RPOP s 3; LPUSH d d c b",   "a",   "bcdxy" },
        {"RIGHT RIGHT COUNT 3",                       "*3|$1|d|$1|c|$1|b|",      "RPOP s 3; RPUSH d d c b",   "a",   "xydcb" },
        {"RIGHT RIGHT COUNT 3 BULK",                  "*3|$1|b|$1|c|$1|d|",      "RPOP s 3; RPUSH d b c d",   "a",   "xybcd" },
        {"LEFT RIGHT EXACTLY 2",                      "*2|$1|a|$1|b|",           "LPOP s 2; RPUSH d a b",     "cd",  "xyab"  },
        {"LEFT RIGHT",                                "*1|$1|a|",                "LMOVE s d LEFT RIGHT",      "bcd", "xya"   },
        {"right left exactly 1 obo",                  "*1|$1|d|",                "LMOVE s d right left",      "abc", "dxy"   },
        {"LEFT RIGHT COUNT 9",                        "*4|$1|a|$1|b|$1|c|$1|d|", "LPOP s 4; RPUSH d a b c d", "",
         "xyabcd"                                                                                                            },
        {"LEFT RIGHT COUNT 9223372036854775807 BULK", "*4|$1|a|$1|b|$1|c|$1|d|",
         "LPOP s 4; RPUSH d a b c d",                                                                         "",    "xyabcd"},
    };

    for (int is_waiting = 0; is_waiting <= 1; is_waiting++) {
        for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
            struct fixture *f = fixture_new(false);
            struct buf request = {0};
            const char *ends = cases[i].request;
            size_t len = strcspn(ends, " ") + 1;

            len += strcspn(ends + len, " ");
            buf_printf(&request, "%s s d %.*s%s%s", is_waiting ? "BLMOVEM" : "LMOVEM", (int)len,
                       ends, is_waiting ? " 0" : "", ends + len);
            fixture_run(f, "RPUSH s a b c d");
            fixture_run(f, "RPUSH d x y");
            fixture_expect(f, buf_text(&request), cases[i].reply);
            cr_assert_str_eq(fixture_effects(f), cases[i].effects, "%s", cases[i].request);
            for (int key = 0; key <= 1; key++) {
                const char *elements = key == 0 ? cases[i].from : cases[i].to;
                struct buf expected = {0};

                buf_printf(&expected, "*%zu|", strlen(elements));
                for (const char *at = elements; *at != '\0'; at++) {
                    buf_printf(&expected, "$1|%c|", *at);
                }
                fixture_expect(f, key == 0 ? "LRANGE s 0 -1" : "LRANGE d 0 -1",
                               buf_text(&expected));
                buf_deinit(&expected);
            }
            buf_deinit(&request);
            fixture_free(f);
        }
    }
}

Test(list_move_many, within_one_list_elements_are_turned_around)
{
    static const struct fixture_case cases[] = {
        {"RPUSH l a b c d",                   ":4|",                     NULL                       },
        {"LMOVEM l l LEFT RIGHT COUNT 3",     "*3|$1|a|$1|b|$1|c|",      "LPOP l 3; RPUSH l a b c"  },
        {"LRANGE l 0 -1",                     "*4|$1|d|$1|a|$1|b|$1|c|", ""                         },
        {"LMOVEM l l RIGHT RIGHT COUNT 9",    "*4|$1|c|$1|b|$1|a|$1|d|", "RPOP l 4; RPUSH l c b a d"},
        {"LRANGE l 0 -1",                     "*4|$1|c|$1|b|$1|a|$1|d|", ""                         },
        {"LMOVEM l l LEFT LEFT BULK COUNT 9", "*4|$1|c|$1|b|$1|a|$1|d|",
         "LPOP l 4; LPUSH l d a b c"                                                                },
        {"LRANGE l 0 -1",                     "*4|$1|c|$1|b|$1|a|$1|d|", ""                         },
    };

    RUN_CASES(cases);
}

Test(list_move_many, nothing_moves_when_there_is_not_enough)
{
    static const struct fixture_case cases[] = {
        {"RPUSH l a b",                     ":2|",     NULL},
        {"LMOVEM none d LEFT LEFT",         NIL_ARRAY, ""  },
        {"LMOVEM none d LEFT LEFT COUNT 2", NIL_ARRAY, ""  },
        {"LMOVEM l d LEFT LEFT EXACTLY 3",  NIL_ARRAY, ""  },
        {"LLEN l",                          ":2|",     ""  },
        {"SET s v",                         "+OK|",    NULL},
        {"LMOVEM none s LEFT LEFT",         NIL_ARRAY, ""  },
        {"LMOVEM l s LEFT LEFT EXACTLY 3",  NIL_ARRAY, ""  },
        {"LMOVEM l s LEFT LEFT EXACTLY 2",  WRONGTYPE, ""  },
        {"LMOVEM s l LEFT LEFT",            WRONGTYPE, ""  },
        {"LLEN l",                          ":2|",     ""  },
    };

    RUN_CASES(cases);
}

Test(list_move_many, what_is_wrong_with_a_request_is_said)
{
    static const struct fixture_case cases[] = {
        {"RPUSH l a b",                                    ":2|",                                          NULL},
        {"LMOVEM l d UP LEFT",                             SYNTAX,                                         ""  },
        {"LMOVEM l d LEFT DOWN",                           SYNTAX,                                         ""  },
        {"LMOVEM l d LEFT LEFT COUNT",                     SYNTAX,                                         ""  },
        {"LMOVEM l d LEFT LEFT COUNT 0",                   NO_COUNT,                                       ""  },
        {"LMOVEM l d LEFT LEFT EXACTLY -1",                NO_COUNT,                                       ""  },
        {"LMOVEM l d LEFT LEFT COUNT x",                   NO_COUNT,                                       ""  },
        {"LMOVEM l d LEFT LEFT COUNT 9223372036854775808", NO_COUNT,                                       ""  },
        {"LMOVEM l d LEFT LEFT COUNT 1 EXACTLY 1",         SYNTAX,                                         ""  },
        {"LMOVEM l d LEFT LEFT COUNT 1 COUNT 1",           SYNTAX,                                         ""  },
        {"LMOVEM l d LEFT LEFT OBO BULK",                  SYNTAX,                                         ""  },
        {"LMOVEM l d LEFT LEFT 0",                         SYNTAX,                                         ""  },
        {"BLMOVEM l d LEFT LEFT x",                        "-ERR timeout is not a float or out of range|", ""  },
        {"BLMOVEM l d LEFT LEFT -1",                       "-ERR timeout is negative|",                    ""  },
        {"BLMOVEM l d LEFT LEFT x COUNT 0",                NO_COUNT,                                       ""  },
        {"BLMOVEM l d LEFT LEFT COUNT 2 0",                SYNTAX,                                         ""  },
        {"LLEN l",                                         ":2|",                                          ""  },
    };

    RUN_CASES(cases);
}

Test(list_move_many, who_has_not_enough_waits)
{
    static const char *const requests[] = {
        "BLMOVEM none d LEFT LEFT 1.5 COUNT 2",
        "BLMOVEM l d LEFT LEFT 1.5 EXACTLY 3",
    };

    for (size_t i = 0; i < ARRAY_COUNT(requests); i++) {
        struct fixture *f = fixture_new(false);
        const struct exec_block *block = &f->x.block;

        fixture_run(f, "RPUSH l a b");
        fixture_run(f, requests[i]);
        cr_assert_eq(f->result, EXEC_BLOCK);
        cr_assert_str_eq(fixture_reply(f), "");
        cr_assert_str_eq(fixture_effects(f), "");
        cr_assert(block->type == VALUE_LIST && block->first_key == 1 && block->key_count == 1);
        cr_assert_eq(block->deadline_unix_ms, f->x.now.unix_ms + 1500);
        f->x.must_not_wait = true;
        fixture_expect(f, requests[i], NIL_ARRAY);
        fixture_free(f);
    }
}
