/* SPDX-License-Identifier: MIT */
/* ACL and its subcommands, and what users may do once they have logged in. */
#include "base/attr.h"
#include "base/rng.h"
#include "node/inside.h"
#include "spec/command_docs.h"
#include "tests/alone/words.h"
#include "tests/unit/answers.h"
#include "tests/unit/seed.h"

Test(acl_commands, answer_wrong_words_with_the_reason)
{
    static const struct answers_case cases[] = {
        {"ACL",                              "-ERR wrong number of arguments for 'acl' command|"            },
        {"ACL foo",                          "-ERR unknown subcommand 'foo'. Try ACL HELP.|"                },
        {"ACL SETUSER",                      "-ERR wrong number of arguments for 'acl|setuser' command|"    },
        {"ACL SETUSER \"a b\" on",           "-ERR Usernames can't contain spaces or null characters|"      },
        {"ACL SETUSER \"a\\x00\" on",        "-ERR Usernames can't contain spaces or null characters|"      },
        {"ACL SETUSER u foo",                "-ERR Error in ACL SETUSER modifier 'foo': Syntax error|"      },
        {"ACL SETUSER u (a",                 "-ERR Unmatched parenthesis in acl selector starting at '(a'.|"},
        {"ACL DELUSER default",              "-ERR The 'default' user cannot be removed|"                   },
        {"ACL DELUSER nosuch",               ":0|"                                                          },
        {"ACL GETUSER nosuch",               "$-1|"                                                         },
        {"ACL CAT foo",                      "-ERR Unknown category 'foo'|"                                 },
        {"ACL CAT a b",
         "-ERR unknown subcommand or wrong number of arguments for 'CAT'. Try ACL HELP.|"                   },
        {"ACL GENPASS x",                    "-ERR value is not an integer or out of range|"                },
        {"ACL GENPASS 0",                    "-ERR ACL GENPASS argument must be the number of bits *"       },
        {"ACL GENPASS 4097",                 "-ERR ACL GENPASS argument must be the number of bits *"       },
        {"ACL GENPASS 9223372036854775808",  "-ERR value is not an integer or out of range|"                },
        {"ACL GENPASS 1 2",                  "-ERR unknown subcommand or wrong number of arguments *"       },
        {"ACL LOG x",                        "-ERR value is not an integer or out of range|"                },
        {"ACL LOG -1",                       "[*]0|"                                                        },
        {"ACL LOG 1 2",                      "-ERR unknown subcommand or wrong number of arguments *"       },
        {"ACL LOAD",
         "-ERR This Redis instance is not configured to use an ACL file. You may want *"                    },
        {"ACL SAVE",
         "-ERR This Redis instance is not configured to use an ACL file. You may want *"                    },
        {"ACL DRYRUN nosuch get k",          "-ERR User 'nosuch' not found|"                                },
        {"ACL DRYRUN default nosuch",        "-ERR Command 'nosuch' not found|"                             },
        {"ACL DRYRUN default config nosuch", "-ERR Command 'config' not found|"                             },
        {"ACL DRYRUN default get",           "-ERR wrong number of arguments for 'get' command|"            },
        {"ACL DRYRUN default config",        "-ERR wrong number of arguments for 'config' command|"         },
        {"ACL WHOAMI",                       "$7|default|"                                                  },
        {"ACL LIST",                         "[*]1|$34|user default on nopass ~[*] &[*] +@all|"             },
        {"ACL USERS",                        "[*]1|$7|default|"                                             },
    };
    struct alone *a = answers_start(NULL, 0);

    answers_expect_all(a, cases, ARRAY_COUNT(cases));
    alone_free(a);
}

Test(acl_commands, a_user_may_do_what_its_rules_say_and_is_told_what_it_may_not)
{
    static const struct answers_case cases[] = {
        {"ACL SETUSER w on >pw +@all -wait ~w* %R~r* &w*", "+OK|"                                                                },
        {"SET r1 5",                                       "+OK|"                                                                },
        {"AUTH w wrong",                                   "-WRONGPASS *"                                                        },
        {"AUTH w pw",                                      "+OK|"                                                                },
        {"ACL WHOAMI",                                     "$1|w|"                                                               },
        {"SET w1 v",                                       "+OK|"                                                                },
        {"GET r1",                                         "$1|5|"                                                               },
        {"SET r1 v",                                       "-NOPERM No permissions to access a key|"                             },
        {"GET other",                                      "-NOPERM No permissions to access a key|"                             },
        {"PUBLISH x y",                                    "-NOPERM No permissions to access a channel|"                         },
        {"PUBLISH wx y",                                   ":0|"                                                                 },
        {"WAIT 0 0",                                       "-NOPERM User w has no permissions to run the 'wait' command|"        },
        {"SORT w BY x_*",                                  "-ERR BY option of SORT denied due to insufficient ACL permissions.|" },
        {"SORT w GET #",                                   "-ERR GET option of SORT denied due to insufficient ACL permissions.|"},
        {"SORT w BY nosort",                               "[*]0|"                                                               },
        {"CLIENT INFO",                                    "*user=w *"                                                           },
        {"HELLO 2 AUTH default x",                         "*redis*"                                                             },
        {"ACL WHOAMI",                                     "$7|default|"                                                         },
        {"ACL SETUSER w reset",                            "+OK|"                                                                },
        {"AUTH w pw",                                      "-WRONGPASS *"                                                        },
        {"CLIENT KILL USER nosuch",                        "-ERR No such user 'nosuch'|"                                         },
        {"CLIENT KILL USER w",                             ":0|"                                                                 },
        {"INFO stats",                                     "*acl_access_denied_auth:2|acl_access_denied_cmd:1|"
                       "acl_access_denied_key:2|acl_access_denied_channel:1|*"                             },
        {"INFO errorstats",                                "*errorstat_NOPERM:count=4|*"                                         },
    };
    struct alone *a = answers_start(NULL, 0);

    answers_expect_all(a, cases, ARRAY_COUNT(cases));
    alone_free(a);
}

Test(acl_commands, getuser_tells_all_of_a_user_in_both_protocols)
{
    struct alone *a = answers_start(NULL, 0);

    answers_expect(a, "ACL SETUSER u on >a ~k %R~r &c db=1,0 +get (~s +set)", "+OK|");
    answers_expect(a, "ACL GETUSER u",
                   "[*]14|$5|flags|[*]1|$2|on|$9|passwords|[*]1|$64|ca978112ca1bbdcafac231b39a23dc4"
                   "da786eff8147c4e72b9807785afee48bb|$8|commands|$10|-@all +get|$4|keys|$7|~k "
                   "%R~r|$8|channels|$2|&c|$9|databases|$6|db=0,1|$9|selectors|[*]1|[*]8|$8|"
                   "commands|$10|-@all +set|$4|keys|$2|~s|$8|channels|$0||$9|databases|$6|alldbs|");
    answers_expect(a, "HELLO 3", "*");
    answers_expect(a, "ACL GETUSER u", "%7|$5|flags|~1|$2|on|*|[*]1|%4|*");
    answers_expect(a, "ACL GETUSER nosuch", "_|");
    alone_free(a);
}

Test(acl_commands, log_tells_what_was_refused_the_newest_first)
{
    struct alone *a = answers_start(NULL, 0);

    answers_expect(a, "ACL SETUSER u on nopass +get +acl|log ~k", "+OK|");
    answers_expect(a, "AUTH nobody x", "-WRONGPASS *");
    answers_expect(a, "AUTH u x", "+OK|");
    answers_expect(a, "GET other", "-NOPERM *");
    answers_expect(a, "GET other", "-NOPERM *");
    answers_expect(a, "ACL LOG 1",
                   "[*]1|[*]20|$5|count|:2|$6|reason|$3|key|$7|context|$8|toplevel|$6|object|$5|"
                   "other|$8|username|$1|u|$11|age-seconds|*|$11|client-info|*user=u *|$8|entry-id|"
                   ":1|$17|timestamp-created|:*|$22|timestamp-last-updated|:*|");
    answers_expect(a, "ACL LOG", "[*]2|*reason|$4|auth|*object|$4|AUTH|*username|$6|nobody|*");
    answers_expect(a, "ACL LOG RESET", "+OK|");
    answers_expect(a, "ACL LOG", "[*]0|");
    alone_free(a);
}

Test(acl_commands, log_tells_what_was_refused_within_a_transaction)
{
    struct alone *a = answers_start(NULL, 0);

    answers_expect(a, "ACL SETUSER u on nopass +get +@transaction ~k", "+OK|");
    answers_send(a, 1, "AUTH u x\r\nMULTI\r\nGET k\r\nAUTH no x\r\n");
    answers_match(a, 1, "+OK|+OK|+QUEUED|+QUEUED|");
    answers_send(a, 1, "SET k v\r\n");
    answers_match(a, 1, "-NOPERM *");
    answers_expect(a, "ACL LOG 1", "*reason|$7|command|$7|context|$5|multi|*object|$3|set|*");
    answers_send(a, 1, "DISCARD\r\nMULTI\r\nGET k\r\nAUTH no x\r\nEXEC\r\n");
    answers_match(a, 1, "+OK|+OK|+QUEUED|+QUEUED|[*]2|$-1|-WRONGPASS *");
    answers_expect(a, "ACL LOG 1", "*reason|$4|auth|$7|context|$5|multi|*object|$4|AUTH|*");
    alone_free(a);
}

Test(acl_commands, cat_lists_the_categories_and_their_commands)
{
    struct alone *a = answers_start(NULL, 0);

    answers_expect(a, "ACL CAT", "[*]21|$8|keyspace|$4|read|*$11|transaction|$9|scripting|");
    answers_expect(a, "ACL CAT HyperLogLog", "[*]*|*pfadd|*pfcount|*");
    answers_expect(a, "ACL CAT dangerous", "*config|set|*");
    answers_expect(a, "ACL CAT admin", "*acl|setuser|*client|kill|*");
    alone_free(a);
}

Test(acl_commands, genpass_gives_so_many_bits_and_others_each_time)
{
    struct alone *a = answers_start(NULL, 0);
    struct buf first;
    struct buf second;

    answers_expect(a, "ACL GENPASS 1", "$1|?|");
    answers_expect(a, "ACL GENPASS 5", "$2|??|");
    answers_expect(a, "ACL GENPASS 4096", "$1024|*|");
    answers_send(a, 0, "ACL GENPASS\r\n");
    first = answers_take(a, 0);
    answers_send(a, 0, "ACL GENPASS\r\n");
    second = answers_take(a, 0);
    cr_expect_eq(first.len, second.len);
    cr_expect_not(bytes_equal(buf_bytes(&first), buf_bytes(&second)));
    buf_deinit(&first);
    buf_deinit(&second);
    alone_free(a);
}

Test(acl_commands, who_is_removed_or_may_not_listen_any_more_loses_the_connection)
{
    struct alone *a = answers_start(NULL, 0);

    answers_expect(a, "ACL SETUSER u on nopass &* +@all", "+OK|");
    answers_expect(a, "ACL SETUSER v on nopass &* +@all", "+OK|");
    answers_send(a, 1, "AUTH u x\r\nSUBSCRIBE a b\r\n");
    answers_send(a, 2, "AUTH v x\r\n");
    answers_send(a, 3, "AUTH u x\r\nPSUBSCRIBE a*\r\n");
    answers_expect(a, "ACL SETUSER u resetchannels &a* &b", "+OK|");
    cr_expect(a->clients[1].session != NULL && a->clients[3].session != NULL);
    answers_expect(a, "ACL SETUSER u resetchannels &a &b", "+OK|");
    cr_expect(a->clients[1].session != NULL && a->clients[3].session == NULL);
    answers_expect(a, "ACL DELUSER v nosuch", ":1|");
    cr_expect_null(a->clients[2].session);
    answers_send(a, 1, "ACL WHOAMI\r\n");
    answers_expect(a, "ACL DELUSER u", ":1|");
    cr_expect_null(a->clients[1].session);
    alone_free(a);
}

Test(acl_commands, the_default_user_and_requirepass_are_one)
{
    static const struct answers_case cases[] = {
        {"CONFIG SET requirepass x",    "+OK|"                                       },
        {"ACL LIST",                    "*user default on #2d711642b726b04401627ca9*"},
        {"ACL SETUSER default nopass",  "+OK|"                                       },
        {"CONFIG SET requirepass x",    "+OK|"                                       },
        {"ACL LIST",                    "*user default on #2d711642b726b04401627ca9*"},
        {"RESET",                       "+RESET|"                                    },
        {"GET k",                       "-NOAUTH Authentication required.|"          },
        {"AUTH x",                      "+OK|"                                       },
        {"CONFIG SET requirepass \"\"", "+OK|"                                       },
        {"ACL SETUSER default off",     "+OK|"                                       },
        {"RESET",                       "+RESET|"                                    },
        {"AUTH default x",              "-WRONGPASS *"                               },
    };
    struct alone *a = answers_start(NULL, 0);

    answers_expect_all(a, cases, ARRAY_COUNT(cases));
    alone_free(a);
}

Test(acl_commands, wrong_passwords_are_answered_later_after_ten_of_an_address)
{
    struct alone *a = answers_start(NULL, 0);

    for (int i = 0; i < 10; i++) {
        answers_expect(a, "AUTH u x", "-WRONGPASS *");
    }
    answers_send(a, 0, "AUTH u x\r\nPING\r\n");
    answers_match(a, 0, "");
    answers_idle(a, 1, 90);
    answers_match(a, 0, "");
    answers_idle(a, 2, 20);
    answers_match(a, 0, "-WRONGPASS *|+PONG|");
    answers_send(a, 0, "HELLO 3 AUTH u x\r\n");
    answers_idle(a, 1, 150);
    answers_match(a, 0, "");
    answers_idle(a, 2, 60);
    answers_match(a, 0, "-WRONGPASS *");
    answers_idle(a, 1, 61000);
    answers_expect(a, "AUTH u x", "-WRONGPASS *");
    alone_free(a);
}

/* ---- DRYRUN says what happens ----------------------------------------------------------------- */

enum {
    PAIRS = 2000, /* that are asked; other seeds ask others */
};

static bool is_fit(const struct command_spec *spec)
{
    switch ((int)spec->id) {
    case COMMAND_SHUTDOWN:
    case COMMAND_DEBUG:
    case COMMAND_QUIT:
    case COMMAND_RESET:
    case COMMAND_AUTH:
    case COMMAND_HELLO:
    case COMMAND_PSYNC:
    case COMMAND_SYNC:
    case COMMAND_REPLCONF:
    case COMMAND_REPLICAOF:
    case COMMAND_SLAVEOF:
    case COMMAND_CLIENT_REPLY:
    case COMMAND_CLIENT_PAUSE:
    case COMMAND_CLIENT_KILL:
    case COMMAND_SELECT:
    case COMMAND_WAIT:
    case COMMAND_ACL_SETUSER:
    case COMMAND_ACL_DELUSER:
        return false;
    default:
        return (spec->flags & (COMMAND_FLAG_BLOCKING | COMMAND_FLAG_PUBSUB)) == 0;
    }
}

static void random_rules(struct rng *rng, struct buf *out)
{
    static const char *const words[] = {
        "+@read",     "+@write",      "+@all",   "-@string",    "-@slow", "+get",
        "-set",       "+config",      "~k*",     "%R~n",        "%W~a*",  "~*",
        "(~n +@all)", "(+@read ~b*)", "+@admin", "-@dangerous", "db=1",   "db=0"};

    buf_clear(out);
    buf_append_text(out, "ACL SETUSER u reset on nopass\r\n");
    /* Each for itself: a pattern behind ~* is refused. */
    for (size_t i = 0; i < 4; i++) {
        buf_printf(out, "ACL SETUSER u %s\r\n", words[rng_below(rng, ARRAY_COUNT(words))]);
    }
}

/* The same words behind ACL DRYRUN u, and alone. */
static void ask_both(struct alone *a, const struct bytes *words, size_t count)
{
    struct bytes dry[16] = {BYTES_LITERAL("ACL"), BYTES_LITERAL("DRYRUN"), BYTES_LITERAL("u")};
    struct buf request = {0};
    struct buf said;
    struct buf happened;

    memcpy(dry + 3, words, count * sizeof(*words));
    resp_write_request(&request, dry, count + 3);
    alone_pass(a, 1000, 0, buf_bytes(&request));
    said = answers_take(a, 0);
    buf_clear(&request);
    resp_write_request(&request, words, count);
    alone_pass(a, 1000, 1, buf_bytes(&request));
    alone_settle(a, ANSWERS_PASSES);
    happened = answers_take(a, 1);
    cr_expect_eq(bytes_equal_text(buf_bytes(&said), "+OK|"),
                 !bytes_has_prefix(buf_bytes(&happened), "-NOPERM") &&
                     strstr(buf_text(&happened), "because of: NOPERM") == NULL &&
                     strstr(buf_text(&happened), "insufficient ACL permissions") == NULL,
                 "%s: DRYRUN says %s, it gives %s", buf_text(&request), buf_text(&said),
                 buf_text(&happened));
    buf_deinit(&request);
    buf_deinit(&said);
    buf_deinit(&happened);
}

Test(acl_commands, dryrun_says_what_happens)
{
    uint64_t seed = seed_get();
    struct alone *a = answers_start(NULL, 0);
    struct buf rules = {0};
    struct rng rng;

    rng_init(&rng, seed);
    for (int i = 0, asked = 0; asked < PAIRS; i++) {
        const struct command_spec *spec =
            command_spec((enum command_id)rng_below(&rng, COMMAND_COUNT));
        struct bytes words[12];
        size_t count = 0;

        if (i % 20 == 0 || a->clients[1].session == NULL) {
            random_rules(&rng, &rules);
            answers_send(a, 0, buf_text(&rules));
            alone_connect(a, 1);
            answers_send(a, 1, "AUTH u x\r\n");
            alone_settle(a, ANSWERS_PASSES);
            answers_match(a, 0, "*");
            answers_match(a, 1, "*");
        }
        if (!is_fit(spec) || command_has_subcommands(spec)) {
            continue;
        }
        if (spec->kind == COMMAND_SUB) {
            words[count++] = bytes_from_text(command_spec(spec->parent)->name);
        }
        words[count++] = bytes_from_text(spec->name);
        while (count < 7 && (!command_arity_fits(spec, count) || rng_one_in(&rng, 2)) &&
               !(spec->arity >= 0 && count == (size_t)spec->arity)) {
            words[count++] = words_at((size_t)rng_u64(&rng));
        }
        if (command_arity_fits(spec, count)) {
            ask_both(a, words, count);
            asked++;
        }
    }
    buf_deinit(&rules);
    alone_free(a);
}
