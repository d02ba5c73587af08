/* SPDX-License-Identifier: MIT */
#include "spec/syntax.h"

#include "base/buf.h"
#include "spec/command.h"

#include <criterion/criterion.h>
#include <stdlib.h>

/* A tree on one line: "key value? EX=seconds (a b)+ {NX / XX}?". */
static void describe(const struct syntax *syntax, int at, const char *between, struct buf *out)
{
    bool is_first = true;

    for (; at != SYNTAX_NONE; at = syntax->nodes[at].next) {
        const struct syntax_node *node = &syntax->nodes[at];

        buf_append_text(out, is_first ? "" : between);
        is_first = false;
        buf_append_bytes(out, node->token);
        buf_append_text(out, node->token.len > 0 && node->kind != SYNTAX_TOKEN ? "=" : "");
        buf_append_bytes(out, node->name);
        if (node->kind == SYNTAX_BLOCK || node->kind == SYNTAX_ONEOF) {
            bool is_block = node->kind == SYNTAX_BLOCK;

            buf_append_text(out, is_block ? "(" : "{");
            describe(syntax, node->first_child, is_block ? " " : " / ", out);
            buf_append_text(out, is_block ? ")" : "}");
        }
        buf_append_text(out, node->is_optional ? "?" : "");
        buf_append_text(out, node->is_multiple ? "+" : "");
    }
}

Test(syntax, a_text_becomes_the_tree_that_it_shows)
{
    static const struct {
        const char *text, *tree;
    } cases[] = {
        {"",                                                   ""                                         },
        {"key",                                                "key"                                      },
        {"key value",                                          "key value"                                },
        {"key [key ...]",                                      "key+"                                     },
        {"key value [key value ...]",                          "(key value)+"                             },
        {"start end [start end ...] [LAST]",                   "(start end)+ LAST?"                       },
        {"[name ...]",                                         "name?+"                                   },
        {"[section [section ...]]",                            "section?+"                                },
        {"[subcommand [argument ...]]",                        "(subcommand argument?+)?"                 },
        {"key [NX|XX] [GET]",                                  "key {NX / XX}? GET?"                      },
        {"[EX seconds|PX ms|KEEPTTL]",                         "{EX=seconds / PX=ms / KEEPTTL}?"          },
        {"[TYPE <NORMAL|MASTER>]",                             "TYPE={NORMAL / MASTER}?"                  },
        {"[FILTERBY <MODULE name|ACLCAT category>]",           "FILTERBY={MODULE=name / ACLCAT=category}?"},
        {"host port | NO ONE",                                 "{(host port) / (NO ONE)}"                 },
        {"ON|OFF|SKIP",                                        "{ON / OFF / SKIP}"                        },
        {"[protover [AUTH username password] [SETNAME name]]",
         "(protover AUTH=(username password)? SETNAME=name?)?"                                            },
        {"ip:port | [ID id] [USER name]",                      "{ip:port / (ID=id? USER=name?)}"          },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct syntax syntax;
        struct buf tree = {0};

        cr_assert(syntax_parse(cases[i].text, &syntax), "'%s'", cases[i].text);
        describe(&syntax, syntax.first, " ", &tree);
        cr_expect(bytes_equal_text(buf_bytes(&tree), cases[i].tree), "'%s' gives '%.*s', not '%s'",
                  cases[i].text, BYTES_ARGS(buf_bytes(&tree)), cases[i].tree);
        buf_deinit(&tree);
    }
}

Test(syntax, a_text_that_does_not_follow_the_grammar_is_refused)
{
    static const char *const texts[] = {
        "[",     "]",     "key [", "key ]", "[key", "<key",          "<key]",
        "key |", "| key", "[|]",   "[]",    "<>",   "[TOKEN x ...]", "[[[[[[[[a]]]]]]]]"};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct syntax syntax;

        cr_expect_not(syntax_parse(texts[i], &syntax), "'%s'", texts[i]);
    }
}

Test(syntax, a_text_with_more_than_fits_is_refused)
{
    struct buf text = {0};
    struct syntax syntax;

    for (int i = 0; i <= SYNTAX_NODES_MAX; i++) {
        buf_append_text(&text, "a ");
    }
    buf_append_byte(&text, '\0');
    cr_assert_not(syntax_parse(text.data, &syntax));
    buf_deinit(&text);
}

static int count_keys(const struct syntax *syntax)
{
    int count = 0;

    for (int i = 0; i < syntax->count; i++) {
        const struct syntax_node *node = &syntax->nodes[i];

        count += node->kind == SYNTAX_WORD && node->name.len > 0 &&
                 syntax_type_of(node->name) == SYNTAX_KEY;
    }
    return count;
}

Test(syntax, the_arguments_of_every_command_can_be_read_and_name_its_keys)
{
    for (int id = 0; id < COMMAND_COUNT; id++) {
        const struct command_spec *spec = command_spec((enum command_id)id);
        struct syntax syntax;

        cr_assert(syntax_parse(spec->arguments, &syntax), "%s: '%s'", spec->name, spec->arguments);
        if (command_has_keys(spec) && (spec->first_access & KEY_ACCESS_NOT_KEY) == 0) {
            cr_expect_gt(count_keys(&syntax), 0, "%s names no key", spec->name);
        }
    }
}
