/* SPDX-License-Identifier: MIT */
/* Finding the keys of requests: rows of the table, and one row of each form. */
#include "spec/command.h"

#include "base/attr.h"
#include "base/buf.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const struct command_spec *find(const char *name)
{
    return command_find(bytes_from_text(name));
}

enum {
    WORDS_MAX = 16
};

/* The keys of a request written with blanks between its words; '' is an empty one. */
static void expect_keys(const struct command_spec *spec, const char *request, const char *expected)
{
    struct bytes words[WORDS_MAX];
    struct bytes rest = bytes_from_text(request);
    struct bytes word;
    struct command_keys keys;
    struct buf found = {0};
    size_t count = 0;

    while ((word = bytes_next_word(&rest, ' ')).len > 0) {
        cr_assert_lt(count, WORDS_MAX);
        words[count++] = bytes_equal_text(word, "''") ? (struct bytes){0} : word;
    }
    keys = command_keys(spec, words, count);
    for (size_t i = 0; i < keys.count; i++) {
        cr_assert_lt(command_key_at(&keys, i), count, "%s", request);
        buf_append_text(&found, i == 0 ? "" : " ");
        buf_append_bytes(&found, words[command_key_at(&keys, i)]);
    }
    buf_append(&found, "", 1);
    cr_expect_str_eq(found.data, expected, "%s: '%s', not '%s'", request, found.data, expected);
    buf_deinit(&found);
}

struct keys_case {
    const char *request;
    const char *keys;
};

static void expect_all(const struct command_spec *spec, const struct keys_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        expect_keys(spec, cases[i].request, cases[i].keys);
    }
}

Test(command_keys, keys_are_where_the_table_says)
{
    static const struct {
        const char *name;
        size_t words;
        struct command_keys keys;
    } cases[] = {
        {"get",    2, {1, 1, 1, 2}},
        {"del",    4, {1, 3, 1, 2}},
        {"mset",   5, {1, 2, 2, 3}},
        {"mset",   3, {1, 1, 2, 3}},
        {"mset",   4, {1, 2, 2, 3}},
        {"rename", 3, {1, 2, 1, 2}},
        {"ping",   2, {0, 0, 0, 0}},
        {"keys",   2, {0, 0, 0, 0}},
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct command_keys keys = command_keys(find(cases[i].name), NULL, cases[i].words);

        cr_assert_eq(keys.first, cases[i].keys.first, "%s", cases[i].name);
        cr_assert_eq(keys.count, cases[i].keys.count, "%s", cases[i].name);
        cr_assert_eq(keys.step, cases[i].keys.step, "%s", cases[i].name);
        cr_assert_eq(keys.rest, cases[i].keys.rest, "%s", cases[i].name);
    }
}

Test(command_keys, every_key_is_a_word_of_the_request_however_short_it_is)
{
    struct bytes ones[8];

    for (size_t i = 0; i < ARRAY_COUNT(ones); i++) {
        ones[i] = BYTES_LITERAL("1");
    }
    for (int id = 0; id < COMMAND_COUNT; id++) {
        const struct command_spec *spec = command_spec((enum command_id)id);

        for (size_t words = 0; words < ARRAY_COUNT(ones); words++) {
            struct command_keys keys = command_keys(spec, ones, words);

            for (size_t i = 0; i < keys.count; i++) {
                cr_assert_lt(command_key_at(&keys, i), words, "%s", spec->name);
                cr_assert_gt(command_key_at(&keys, i), 0, "%s", spec->name);
            }
            cr_assert(spec->key_form != KEY_FORM_RANGE || keys.count > 0 ||
                          words <= (size_t)(spec->first_key -
                                            (spec->last_key < 0) * (spec->last_key + 1)),
                      "%s has no key in %zu words", spec->name, words);
        }
    }
}

Test(command_keys, the_one_key_of_a_request_is_there_when_the_arity_fits)
{
    for (int id = 0; id < COMMAND_COUNT; id++) {
        const struct command_spec *spec = command_spec((enum command_id)id);

        cr_assert(!command_has_one_key(spec) ||
                      (spec->first_key > 0 && spec->first_key < abs(spec->arity)),
                  "%s", spec->name);
    }
}

Test(command_keys, keys_of_subcommands_stand_behind_both_words)
{
    const struct command_spec *usage = command_find_sub(find("memory"), BYTES_LITERAL("usage"));
    const struct command_spec *encoding =
        command_find_sub(find("object"), BYTES_LITERAL("encoding"));

    cr_assert_eq(command_keys(usage, NULL, 3).first, 2);
    cr_assert_eq(command_keys(encoding, NULL, 3).count, 1);
    cr_assert(encoding->is_data && encoding->kind == COMMAND_SUB);
    cr_assert(!usage->is_data && !find("object")->is_data);
}

Test(command_keys, a_number_says_how_many_keys_follow_and_one_that_cannot_be_finds_none)
{
    static const struct command_spec counted = {
        .key_form = KEY_FORM_COUNTED, .key_number = 1, .key_number_step = 1};
    static const struct command_spec pairs = {
        .key_form = KEY_FORM_COUNTED, .key_number = 1, .key_number_step = 2};
    static const struct command_spec with_one_before = {.key_form = KEY_FORM_COUNTED,
                                                        .first_key = 1,
                                                        .last_key = 1,
                                                        .key_step = 1,
                                                        .key_number = 2,
                                                        .key_number_step = 1};
    static const struct keys_case cases[] = {
        {"c 1 a LEFT",               "a"  },
        {"c 2 a b",                  "a b"},
        {"c 2 a b c",                "a b"},
        {"c 3 a b",                  ""   },
        {"c 0 a",                    ""   },
        {"c -1 a",                   ""   },
        {"c x a",                    ""   },
        {"c 1",                      ""   },
        {"c",                        ""   },
        {"c 9223372036854775807 a",  ""   },
        {"c 18446744073709551617 a", ""   },
        {"c -9223372036854775808 a", ""   },
    };
    static const struct keys_case pair_cases[] = {
        {"c 1 a 1",                   "a"  },
        {"c 2 a 1 b 2",               "a b"},
        {"c 2 a 1 b",                 ""   },
        {"c 1 a 1 b 2",               "a"  },
        {"c 1 a",                     ""   },
        {"c 4611686018427387905 a 1", ""   },
    };
    static const struct keys_case before_cases[] = {
        {"c d 1 a",     "d a"  },
        {"c d 2 a b w", "d a b"},
        {"c d 0 a",     ""     },
        {"c d 3 a b",   ""     },
        {"c d",         ""     },
    };

    expect_all(&counted, cases, ARRAY_COUNT(cases));
    expect_all(&pairs, pair_cases, ARRAY_COUNT(pair_cases));
    expect_all(&with_one_before, before_cases, ARRAY_COUNT(before_cases));
}

Test(command_keys, behind_a_keyword_the_first_half_are_keys)
{
    static const struct command_spec spec = {
        .key_form = KEY_FORM_HALF, .key_words = {"STREAMS"}, .key_words_from = 4};
    static const struct keys_case cases[] = {
        {"c GROUP streams d streams a 1",       "a"      },
        {"c GROUP g d COUNT 2 Streams a b 1 2", "a b"    },
        {"c GROUP g d STREAMS streams 1",       "streams"},
        {"c GROUP g d STREAMS a b 1",           "a"      },
        {"c GROUP g d STREAMS a",               ""       },
        {"c GROUP g d STREAMS",                 ""       },
        {"c GROUP g d a 1",                     ""       },
        {"c",                                   ""       },
    };

    expect_all(&spec, cases, ARRAY_COUNT(cases));
}

Test(command_keys, an_option_adds_a_key_and_words_of_other_options_are_not_taken_for_it)
{
    static const struct command_spec sort = {.key_form = KEY_FORM_SORTING,
                                             .first_key = 1,
                                             .last_key = 1,
                                             .key_step = 1,
                                             .key_words = {"STORE"},
                                             .key_words_from = 2};
    static const struct command_spec geo = {
        .key_form = KEY_FORM_OPTION,
        .first_key = 1,
        .last_key = 1,
        .key_step = 1,
        .key_words = {"STORE", "STOREDIST"},
        .key_words_from = 3
    };
    static const struct keys_case sort_cases[] = {
        {"c k",                                      "k"      },
        {"c k store a",                              "k a"    },
        {"c k BY store GET store LIMIT store store", "k"      },
        {"c k BY w STORE a LIMIT 0 1 STORE b GET x", "k b"    },
        {"c k STORE",                                "k"      },
        {"c k STORE STORE",                          "k STORE"},
        {"c k GET",                                  "k"      },
        {"c k LIMIT 1",                              "k"      },
        {"c store",                                  "store"  },
        {"c",                                        ""       },
    };
    static const struct keys_case geo_cases[] = {
        {"c k STORE",                 "k"  },
        {"c k m STORE a",             "k a"},
        {"c k m STORE a storedist b", "k b"},
        {"c k STORE m COUNT 1",       "k"  },
    };

    expect_all(&sort, sort_cases, ARRAY_COUNT(sort_cases));
    expect_all(&geo, geo_cases, ARRAY_COUNT(geo_cases));
}

Test(command_keys, an_empty_key_lets_a_list_of_keys_follow)
{
    static const struct command_spec spec = {.key_form = KEY_FORM_LISTED,
                                             .first_key = 3,
                                             .last_key = 3,
                                             .key_step = 1,
                                             .key_words = {"KEYS"},
                                             .key_words_from = 6};
    static const struct keys_case cases[] = {
        {"c h 1 k 0 10",                           "k"  },
        {"c h 1 k 0 10 COPY",                      "k"  },
        {"c h 1 '' 0 10 keys a b",                 "a b"},
        {"c h 1 '' 0 10 COPY AUTH keys KEYS a",    "a"  },
        {"c h 1 '' 0 10 AUTH2 keys keys KEYS a b", "a b"},
        {"c h 1 k 0 10 KEYS a",                    ""   },
        {"c h 1 '' 0 10 KEYS",                     ""   },
        {"c h 1",                                  ""   },
    };

    expect_all(&spec, cases, ARRAY_COUNT(cases));
}

static uint32_t access_of(const char *request)
{
    struct bytes words[WORDS_MAX];
    struct bytes rest = bytes_from_text(request);
    struct bytes word;
    size_t count = 0;

    while ((word = bytes_next_word(&rest, ' ')).len > 0) {
        words[count++] = word;
    }
    return command_key_access(command_find(words[0]), words, count, 0);
}

Test(command_keys, what_is_done_to_a_key_may_depend_on_the_options)
{
    const uint32_t overwrites = KEY_ACCESS_OW | KEY_ACCESS_UPDATE;
    const uint32_t changes = KEY_ACCESS_RW | KEY_ACCESS_ACCESS | KEY_ACCESS_UPDATE;
    const uint32_t reads = KEY_ACCESS_RO | KEY_ACCESS_ACCESS;
    const struct {
        const char *request;
        uint32_t access;
    } cases[] = {
        {"set k v",                               overwrites},
        {"set k get",                             overwrites},
        {"set k v EX 10 NX",                      overwrites},
        {"set k v EX 10 Get",                     changes   },
        {"set k v IFEQ w",                        changes   },
        {"bitfield k",                            reads     },
        {"bitfield k GET u8 0 OVERFLOW SAT",      reads     },
        {"bitfield k GET u8 0 get i8 0",          reads     },
        {"bitfield k GET SET 0",                  reads     },
        {"bitfield k GET u8 0 SET u8 0 1",        changes   },
        {"bitfield k OVERFLOW SAT INCRBY u8 0 1", changes   },
        {"bitfield k word",                       changes   },
        {"get k",                                 reads     },
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        cr_expect_eq(access_of(cases[i].request), cases[i].access, "%s", cases[i].request);
    }
}
