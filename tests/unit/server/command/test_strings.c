/* SPDX-License-Identifier: MIT */
#include "base/attr.h"
#include "base/mem.h"
#include "tests/unit/server/command/fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum {
    MANY_KEYS = 300,
};

#define TOO_LONG "-ERR string exceeds maximum allowed size (proto-max-bulk-len)|"

Test(strings, parts_are_read_by_places_from_either_end)
{
    static const struct fixture_case cases[] = {
        {"SET k Hello",                                         "+OK|",                                          NULL},
        {"GETRANGE k 0 -1",                                     "$5|Hello|",                                     ""  },
        {"GETRANGE k 1 3",                                      "$3|ell|",                                       ""  },
        {"GETRANGE k -3 -2",                                    "$2|ll|",                                        ""  },
        {"GETRANGE k -100 1",                                   "$2|He|",                                        ""  },
        {"GETRANGE k 3 100",                                    "$2|lo|",                                        ""  },
        {"GETRANGE k 3 1",                                      "$0||",                                          ""  },
        {"GETRANGE k 5 9",                                      "$0||",                                          ""  },
        {"GETRANGE k -1 -5",                                    "$0||",                                          ""  },
        {"GETRANGE k 0 -100",                                   "$1|H|",                                         ""  },
        {"GETRANGE k -9223372036854775808 9223372036854775807", "$5|Hello|",                                     ""  },
        {"SUBSTR k 1 1",                                        "$1|e|",                                         ""  },
        {"GETRANGE none 0 1",                                   "$0||",                                          ""  },
        {"SET n 12345",                                         "+OK|",                                          NULL},
        {"GETRANGE n 1 2",                                      "$2|23|",                                        ""  },
        {"STRLEN n",                                            ":5|",                                           ""  },
        {"STRLEN none",                                         ":0|",                                           ""  },
        {"GETRANGE k a 1",                                      "-ERR value is not an integer or out of range|", ""  },
    };

    RUN_CASES(cases);
}

Test(strings, append_makes_or_lengthens)
{
    static const struct fixture_case cases[] = {
        {"APPEND k 12",   ":2|",      "APPEND k 12"},
        {"APPEND k 3",    ":3|",      "APPEND k 3" },
        {"INCR k",        ":124|",    "INCR k"     },
        {"APPEND k \"\"", ":3|",      NULL         },
        {"EXPIRE k 100",  ":1|",      NULL         },
        {"APPEND k x",    ":4|",      "APPEND k x" },
        {"GET k",         "$4|124x|", ""           },
        {"TTL k",         ":100|",    ""           },
    };

    RUN_CASES(cases);
}

Test(strings, setrange_overwrites_and_pads_with_zeros)
{
    static const struct fixture_case cases[] = {
        {"SET k Hello",                      "+OK|",                         NULL              },
        {"SETRANGE k 1 ipp",                 ":5|",                          "SETRANGE k 1 ipp"},
        {"GET k",                            "$5|Hippo|",                    ""                },
        {"SETRANGE k 4 y!",                  ":6|",                          "SETRANGE k 4 y!" },
        {"GET k",                            "$6|Hippy!|",                   ""                },
        {"SETRANGE k 100 \"\"",              ":6|",                          ""                },
        {"SETRANGE none 5 \"\"",             ":0|",                          ""                },
        {"EXISTS none",                      ":0|",                          ""                },
        {"SETRANGE new 3 x",                 ":4|",                          "SETRANGE new 3 x"},
        {"SETRANGE k -1 x",                  "-ERR offset is out of range|", ""                },
        {"SETRANGE k 536870912 x",           TOO_LONG,                       ""                },
        {"SETRANGE k 9223372036854775807 x", TOO_LONG,                       ""                },
        {"SETRANGE other 536870912 x",       TOO_LONG,                       ""                },
        {"EXISTS other",                     ":0|",                          ""                },
        {"OBJECT ENCODING k",                "$3|raw|",                      ""                },
    };

    RUN_CASES(cases);
}

Test(strings, a_value_may_be_any_bytes_of_any_length)
{
    struct fixture *f = fixture_new(false);
    char *value = mem_alloc_zeroed(MEM_TEST, 300000);
    struct bytes set[] = {
        BYTES_LITERAL("SET"), BYTES_LITERAL("k\r\n"), {value, 300000}
    };
    struct bytes get[] = {BYTES_LITERAL("GET"), BYTES_LITERAL("k\r\n")};

    value[1] = '\r';
    value[2] = '\n';
    value[299999] = 'z';
    fixture_run_words(f, set, 3);
    fixture_run_words(f, get, 2);
    cr_assert_eq(f->reply.len, 300000 + 11);
    cr_assert_eq(memcmp(f->reply.data + 9, value, 300000), 0);
    fixture_expect(f, "MGET a b", "*2|$-1|$-1|");
    mem_free(MEM_TEST, value);
    fixture_free(f);
}

/* The name, then "key:0" "key:1" ..., perhaps with the number behind each as its value. */
static size_t many_words(struct bytes *words, const char *name, char (*texts)[16], bool has_values)
{
    size_t count = 0;

    words[count++] = bytes_from_text(name);
    for (size_t i = 0; i < MANY_KEYS; i++) {
        snprintf(texts[i], sizeof(texts[i]), "key:%zu", i);
        words[count++] = bytes_from_text(texts[i]);
        if (has_values) {
            words[count++] = bytes_from(bytes_from_text(texts[i]), 4);
        }
    }
    return count;
}

Test(strings, requests_of_very_many_keys_meet_each_of_them)
{
    struct fixture *f = fixture_new(false);
    static struct key_window window;
    static char texts[MANY_KEYS][16];
    static struct bytes words[2 * MANY_KEYS + 1];
    struct buf expected = {0};

    f->x.window = &window;
    fixture_run_words(f, words, many_words(words, "MSET", texts, true));
    cr_assert_eq(keyspace_count(f->x.keyspace, 0), MANY_KEYS);
    window.count = 0;
    fixture_run_words(f, words, many_words(words, "MGET", texts, false));
    buf_printf(&expected, "*%d\r\n", MANY_KEYS);
    for (int i = 0; i < MANY_KEYS; i++) {
        buf_printf(&expected, "$%zu\r\n%s\r\n", strlen(texts[i] + 4), texts[i] + 4);
    }
    cr_assert(bytes_equal(buf_bytes(&f->reply), buf_bytes(&expected)));
    window.count = 0;
    fixture_run_words(f, words, many_words(words, "DEL", texts, false));
    cr_assert_eq(keyspace_count(f->x.keyspace, 0), 0);
    buf_deinit(&expected);
    fixture_free(f);
}
