/* SPDX-License-Identifier: MIT */
/* cli/docs: what COMMAND DOCS says, as hints and help. */
#include "cli/docs.h"

#include "base/mem.h"

#include <criterion/criterion.h>

/* Written with blanks as a line of RESP2: words are bulk strings, *n begins an array. */
static void take(struct docs *docs, const char *text)
{
    const struct resp_limits limits = RESP_LIMITS_DEFAULT;
    struct bytes rest = bytes_from_text(text);
    struct bytes word;
    struct resp_value value;
    struct buf wire = {0};
    size_t consumed;

    while ((word = bytes_next_word(&rest, ' ')).len > 0) {
        if (word.data[0] == '*') {
            buf_append_bytes(&wire, word);
            buf_append_text(&wire, "\r\n");
        } else {
            buf_printf(&wire, "$%zu\r\n%.*s\r\n", word.len, BYTES_ARGS(word));
        }
    }
    cr_assert_eq(resp_value_read(buf_bytes(&wire), &limits, &value, &consumed, NULL), RESP_OK);
    cr_assert_eq(consumed, wire.len);
    docs_take(docs, &value);
    resp_value_deinit(&value);
    buf_deinit(&wire);
}

static void expect_arguments(const char *arguments, const char *text)
{
    struct docs docs = {0};
    struct buf reply = {0};

    buf_printf(&reply, "*2 LPOS *4 summary Words arguments %s", arguments);
    take(&docs, buf_text(&reply));
    cr_assert_eq(docs.entries.count, 1);
    cr_assert_str_eq(buf_text(&docs.entries.items[0].arguments), text);
    docs_deinit(&docs);
    buf_deinit(&reply);
    cr_assert_eq(mem_used_total(), 0);
}

Test(docs, arguments_become_one_text)
{
    expect_arguments("*0", "");
    expect_arguments("*2 *4 name key type key *4 name element type string", "key element");
    expect_arguments("*1 *6 name rank type integer token RANK", "RANK rank");
    expect_arguments("*1 *8 name rank type integer token RANK flags *1 optional", "[RANK rank]");
    expect_arguments("*1 *6 name key type key flags *1 multiple", "key [key ...]");
    expect_arguments("*1 *8 name get type pattern token GET flags *3 optional multiple "
                     "multiple_token",
                     "[GET get [GET get ...]]");
    expect_arguments("*1 *8 name by type oneof flags *1 optional arguments *2 "
                     "*6 name nx type pure-token token NX *6 name s type integer token EX",
                     "[NX|EX s]");
    expect_arguments("*1 *8 name data type block flags *1 multiple arguments *2 "
                     "*4 name score type double *4 name member type string",
                     "score member [score member ...]");
    expect_arguments("*1 *6 name a type string display_text shown", "shown");
}

Test(docs, hints_show_what_is_missing_of_a_command_or_subcommand)
{
    static const char *const cases[][2] = {
        {"lpush ",        "key element"},
        {"LPUSH k",       " element"   },
        {"lpush k v",     ""           },
        {"xgroup create", " key group" },
        {"xgroup",        ""           },
        {"nosuch ",       ""           },
        {"",              ""           },
    };
    struct docs docs = {0};

    take(&docs, "*4 lpush *2 arguments *2 *4 name key type key *4 name element type string "
                "xgroup *2 subcommands *2 xgroup|create *2 arguments *2 "
                "*4 name key type key *4 name group type string");
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct buf out = {0};

        docs_write_hint(&docs, bytes_from_text(cases[i][0]), &out);
        cr_assert_str_eq(buf_text(&out), cases[i][1], "%s", cases[i][0]);
        buf_deinit(&out);
    }
    docs_deinit(&docs);
    cr_assert_eq(mem_used_total(), 0);
}

Test(docs, help_tells_what_the_server_said)
{
    const struct bytes words[] = {BYTES_LITERAL("Xgroup"), BYTES_LITERAL("create")};
    const struct bytes unknown = BYTES_LITERAL("nosuch");
    struct docs docs = {0};
    struct buf out = {0};

    take(&docs, "*2 xgroup *2 subcommands *2 xgroup|create *8 summary Makes since 5.0.0 group "
                "stream arguments *1 *4 name key type key");
    cr_assert(docs_write_help(&docs, words, 2, &out));
    cr_assert_str_eq(buf_text(&out), "\n  XGROUP CREATE key\n  summary: Makes\n  since: 5.0.0\n"
                                     "  group: stream\n\n");
    cr_assert_not(docs_write_help(&docs, &unknown, 1, &out));
    buf_deinit(&out);
    docs_deinit(&docs);
}

Test(docs, a_reply_that_makes_no_sense_says_nothing_useful_and_breaks_nothing)
{
    static const char *const replies[] = {"*0",
                                          "text",
                                          "*1 x",
                                          "*2 x y",
                                          "*2 x *1 arguments",
                                          "*2 x *2 arguments y",
                                          "*2 x *2 arguments *1 *0",
                                          "*2 x *2 subcommands *1 y"};

    for (size_t i = 0; i < ARRAY_COUNT(replies); i++) {
        struct docs docs = {0};
        struct buf out = {0};

        take(&docs, replies[i]);
        docs_write_hint(&docs, BYTES_LITERAL("x "), &out);
        cr_assert_eq(out.len, 0, "%s", replies[i]);
        buf_deinit(&out);
        docs_deinit(&docs);
        cr_assert_eq(mem_used_total(), 0);
    }
}
