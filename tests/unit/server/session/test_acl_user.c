/* SPDX-License-Identifier: MIT */
/* Users and their rules: what words make of them, how they are written, what they may do. */
#include "session/acl_user.h"

#include "base/attr.h"
#include "base/rng.h"
#include "base/split.h"
#include "tests/unit/seed.h"

#include <criterion/criterion.h>

/* A user made by a line of words, quoted as on the wire; NULL, with the reason, when it is refused. */
static struct acl_user *make(const char *line, struct errmsg *error)
{
    struct acl_user *user = acl_user_new(BYTES_LITERAL("u"), false);
    struct split split = {0};
    bool is_fine;

    cr_assert(split_line(&split, bytes_from_text(line)));
    is_fine = acl_user_set_all(user, split.words.items, split.words.count, false, error);
    split_deinit(&split);
    acl_user_check(user);
    if (is_fine) {
        return user;
    }
    acl_user_free(user);
    return NULL;
}

static void expect_text(const char *line, const char *text)
{
    struct errmsg error = {0};
    struct acl_user *user = make(line, &error);
    struct buf out = {0};

    cr_assert_not_null(user, "%s: %s", line, error.text);
    acl_user_format(user, &out);
    cr_expect_str_eq(buf_text(&out), text, "%s gives %s", line, buf_text(&out));
    buf_deinit(&out);
    acl_user_free(user);
}

Test(acl_user, is_written_as_the_words_that_make_it)
{
    static const char *const cases[][2] = {
        {"",                                       "off resetchannels -@all"                      },
        {"on nopass ~* &* +@all",                  "on nopass ~* &* +@all"                        },
        {"ON AllKeys ALLCHANNELS AllCommands",     "on ~* &* +@all"                               },
        {"~x ~*",                                  "off ~* resetchannels -@all"                   },
        {"%R~a %W~a",                              "off ~a resetchannels -@all"                   },
        {"%r~a %wr~b %W~c",                        "off %R~a ~b %W~c resetchannels -@all"         },
        {"%R~b %RW~*",                             "off %R~b %RW~* resetchannels -@all"           },
        {"%R",                                     "off %R~ resetchannels -@all"                  },
        {"%R~ ~",                                  "off ~ resetchannels -@all"                    },
        {"~a ~a &x &x",                            "off ~a resetchannels &x -@all"                },
        {"&x &*",                                  "off &* -@all"                                 },
        {"&* resetchannels &y",                    "off resetchannels &y -@all"                   },
        {"+GET +set +get",                         "off resetchannels -@all +set +get"            },
        {"+config|get -config",                    "off resetchannels -@all -config"              },
        {"+get -get",                              "off resetchannels -@all -get"                 },
        {"+@Read -@read +get",                     "off resetchannels -@all -@read +get"          },
        {"+@read +@all -get",                      "off resetchannels +@all -get"                 },
        {"+SELECT|Foo +select|b",                  "off resetchannels -@all +select|foo +select|b"},
        {"+select|0 +select",                      "off resetchannels -@all +select"              },
        {"db=3,1,1",                               "off resetchannels db=1,3 -@all"               },
        {"db=3 db=0",                              "off resetchannels db=0 -@all"                 },
        {"db=3 alldbs",                            "off resetchannels -@all"                      },
        {"resetdbs",                               "off resetchannels resetdbs -@all"             },
        {"(~a +get) ( ~b  +set )",                 "off resetchannels -@all (~a resetchannels -@all +get) (~b "
                                   "resetchannels -@all +set)"  },
        {"() (~* &* db=2 +@all)",
         "off resetchannels -@all (resetchannels -@all) (~* &* db=2 +@all)"                       },
        {"(~a) clearselectors",                    "off resetchannels -@all"                      },
        {"on >a ~* (~a) reset",                    "off sanitize-payload resetchannels -@all"     },
        {"sanitize-payload skip-sanitize-payload", "off skip-sanitize-payload resetchannels -@all"},
        {">a >a nopass",                           "off nopass resetchannels -@all"               },
        {"nopass >a",                              "off #ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb "
                      "resetchannels -@all"                                  },
        {">a >b <a",                               "off #3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d "
                     "resetchannels -@all"                                    },
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        expect_text(cases[i][0], cases[i][1]);
    }
}

#define MODIFIER(word, why) "Error in ACL SETUSER modifier '" word "': " why
#define UNKNOWN             "Unknown command or category name in ACL"
#define HASH                                                                                       \
    "The password hash must be exactly 64 characters and contain only lowercase hexadecimal "      \
    "characters"

Test(acl_user, words_that_mean_nothing_are_refused_with_the_reason)
{
    static const char *const cases[][2] = {
        {"foo",                                                                  MODIFIER("foo",                                                               "Syntax error")},
        {"+foo",                                                                      MODIFIER("+foo",                                                                                                                                             UNKNOWN)},
        {"-foo",                                                              MODIFIER("-foo",UNKNOWN)},
        {"+",MODIFIER("+",                                                                 UNKNOWN)},
        {"+@",                                                                    MODIFIER("+@",                                                                                                                                           UNKNOWN)},
        {"-@foo",                                                                      MODIFIER("-@foo",                                                                                                                                               UNKNOWN)},
        {"-get|x",                                                              MODIFIER("-get|x",UNKNOWN)},
        {"+|x",MODIFIER("+|x",UNKNOWN)},
        {"+config|x",                                                               MODIFIER("+config|x",                                                             UNKNOWN)},
        {"+config|get|x",
         MODIFIER("+config|get|x",                                                                                                                                              "Allowing first-arg of a subcommand is not supported")},
        {"+config|",                                                              MODIFIER("+config|",                                                                                                                                                                                                                                    "Syntax error")},
        {"-config|",MODIFIER("-config|",UNKNOWN)},
        {"+get|",                                                        MODIFIER("+get|",                                                                                                                             "Syntax error")},
        {"\"+get|a b\"",                                                                      MODIFIER("+get|a b",                                                                                                                                         "Syntax error")},
        {"%~x",                                                       MODIFIER("%~x","Syntax error")},
        {"%",                                                                MODIFIER("%",                                                                                                                                         "Syntax error")},
        {"%X~x",                                                                MODIFIER("%X~x",                                                                     "Syntax error")},
        {"%RR~x",                                                                      MODIFIER("%RR~x",                                                                                                                                     "Syntax error")},
        {"\"~a b\"",                                                       MODIFIER("~a b","Syntax error")},
        {"\"&a\\x00\"",  MODIFIER("&a",                                                                                                                                                                "")},
        {"~* ~x",                                                                    MODIFIER("~x",                                                                     "Adding a pattern after the * pattern (or the 'allkeys' flag) is "
                                 "not valid and does not have any effect. Try 'resetkeys' to start "
                                 "with an empty list of patterns")},
        {"&* &x",
         MODIFIER("&x",                                                                                                                                             "Adding a pattern after the * pattern (or the 'allchannels' flag) "
                        "is not valid and does not have any effect. Try 'resetchannels' to "
                        "start with an empty list of channels")},
        {"<x",
         MODIFIER("<x",                                                               "The password you are trying to remove from the user does not exist")},
        {"#x",MODIFIER("#x",HASH)},
        {"!AB",                                                             MODIFIER("!AB",                                                                    HASH)},
        {"db=",                                                                      MODIFIER("db=",                                                                                                                                      "Syntax error")},
        {"db=1,",                                                                   MODIFIER("db=1,","Syntax error")},
        {"db=-1",MODIFIER("db=-1", "Syntax error")},
        {"db=9223372036854775808",                                                                MODIFIER("db=9223372036854775808",                                                                                                                                        "Syntax error")},
        {"(on)",                                                                      MODIFIER("(on)",                                                                                                                                               "Syntax error")},
        {"(>x)", MODIFIER("(>x)",               "Syntax error")},
        {"foo (~a",                                                                         "Unmatched parenthesis in acl selector starting at '(~a'."                                                                                                                                                                                                                                      },
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct errmsg error = {0};

        cr_expect_null(make(cases[i][0], &error), "%s", cases[i][0]);
        cr_expect_eq(strncmp(error.text, cases[i][1], strlen(cases[i][1]) - (i == 17)), 0, "%s: %s",
                     cases[i][0], error.text);
    }
}

/* What the user may do of the words of a request. */
static enum acl_verdict ask(const struct acl_user *user, const char *line, unsigned db)
{
    struct split split = {0};
    struct acl_question question = {.db = db};
    enum acl_verdict verdict;

    cr_assert(split_line(&split, bytes_from_text(line)));
    question.args = split.words.items;
    question.arg_count = split.words.count;
    question.spec = command_find(split.words.items[0]);
    if (command_has_subcommands(question.spec)) {
        question.spec = command_find_sub(question.spec, split.words.items[1]);
    }
    cr_assert(command_arity_fits(question.spec, question.arg_count), "%s", line);
    verdict = acl_user_ask(user, &question).verdict;
    split_deinit(&split);
    return verdict;
}

struct verdict_case {
    const char *rules;
    const char *request;
    enum acl_verdict verdict;
};

static void expect_verdicts(const struct verdict_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct errmsg error = {0};
        struct acl_user *user = make(cases[i].rules, &error);

        cr_assert_not_null(user, "%s", error.text);
        cr_expect_eq(ask(user, cases[i].request, 0), cases[i].verdict, "%s: %s gives %d",
                     cases[i].rules, cases[i].request, (int)ask(user, cases[i].request, 0));
        acl_user_free(user);
    }
}

Test(acl_user, runs_the_commands_that_the_last_word_about_them_allows)
{
    static const struct verdict_case cases[] = {
        {"~*",                  "GET a",          ACL_NO_COMMAND},
        {"~* +get",             "GET a",          ACL_ALLOWED   },
        {"~* +@read",           "GET a",          ACL_ALLOWED   },
        {"~* +@read -@string",  "GET a",          ACL_NO_COMMAND},
        {"~* +@read -@string",  "HGET a f",       ACL_ALLOWED   },
        {"~* +@all -get",       "GET a",          ACL_NO_COMMAND},
        {"+config",             "CONFIG GET x",   ACL_ALLOWED   },
        {"+config|get",         "CONFIG GET x",   ACL_ALLOWED   },
        {"+config|get",         "CONFIG SET x y", ACL_NO_COMMAND},
        {"+config -config|set", "CONFIG SET x y", ACL_NO_COMMAND},
        {"+@admin",             "CONFIG HELP",    ACL_NO_COMMAND},
        {"+select|0 +select|1", "SELECT 1",       ACL_ALLOWED   },
        {"+select|a",           "SELECT A",       ACL_ALLOWED   },
        {"+select|0",           "SELECT 2",       ACL_NO_COMMAND},
        {"+select|0 -select",   "SELECT 0",       ACL_NO_COMMAND},
        {"",                    "AUTH x",         ACL_ALLOWED   },
        {"",                    "RESET",          ACL_ALLOWED   },
        {"",                    "PING",           ACL_NO_COMMAND},
        {"(~* +get)",           "GET a",          ACL_ALLOWED   },
        {"+get (~* +set)",      "GET a",          ACL_NO_KEY    },
    };

    expect_verdicts(cases, ARRAY_COUNT(cases));
}

Test(acl_user, uses_keys_and_channels_for_what_their_patterns_are_for)
{
    static const struct verdict_case cases[] = {
        {"+@all ~a*",       "MGET a ab b",         ACL_NO_KEY    },
        {"+@all ~a* ~b",    "MGET a ab b",         ACL_ALLOWED   },
        {"+@all ~a\\*",     "GET a*",              ACL_ALLOWED   },
        {"+@all ~a\\*",     "GET ab",              ACL_NO_KEY    },
        {"+@all ~ab*",      "GET a",               ACL_NO_KEY    },
        {"+@all ~",         "GET \"\"",            ACL_ALLOWED   },
        {"+@all %R~a",      "GET a",               ACL_ALLOWED   },
        {"+@all %R~a",      "SET a 1",             ACL_NO_KEY    },
        {"+@all %W~a",      "SET a 1",             ACL_ALLOWED   },
        {"+@all %W~a",      "SET a 1 GET",         ACL_NO_KEY    },
        {"+@all %W~a",      "EXISTS a",            ACL_ALLOWED   },
        {"+@all %R~a %W~b", "COPY a b",            ACL_ALLOWED   },
        {"+@all %R~a %W~b", "COPY b a",            ACL_NO_KEY    },
        {"+@all %R~a*",     "BITFIELD a GET u8 0", ACL_ALLOWED   },
        {"+@all %R~a*",     "ZUNION 2 a b",        ACL_NO_KEY    },
        {"+@all ~*",        "PUBLISH x m",         ACL_NO_CHANNEL},
        {"+@all &x*",       "PUBLISH xy m",        ACL_ALLOWED   },
        {"+@all &x*",       "SUBSCRIBE xy z",      ACL_NO_CHANNEL},
        {"+@all &x*",       "PSUBSCRIBE xy",       ACL_NO_CHANNEL},
        {"+@all &x*",       "PSUBSCRIBE x*",       ACL_ALLOWED   },
        {"+@all &x*",       "SSUBSCRIBE z",        ACL_NO_CHANNEL},
        {"+@all",           "UNSUBSCRIBE z",       ACL_ALLOWED   },
        {"+@all",           "PUBSUB CHANNELS",     ACL_ALLOWED   },
    };

    expect_verdicts(cases, ARRAY_COUNT(cases));
}

Test(acl_user, works_in_the_databases_that_it_has)
{
    static const struct verdict_case cases[] = {
        {"+@all ~* db=0",     "GET a",                                      ACL_ALLOWED    },
        {"+@all ~* db=1",     "GET a",                                      ACL_NO_DATABASE},
        {"+@all ~* db=1",     "DBSIZE",                                     ACL_NO_DATABASE},
        {"+@all ~* db=1",     "PING",                                       ACL_ALLOWED    },
        {"+@all ~* db=1",     "MIGRATE h 1 a 1 0",                          ACL_NO_DATABASE},
        {"+@all ~* db=1",     "WATCH a",                                    ACL_NO_DATABASE},
        {"+@all ~* db=1",     "MEMORY USAGE a",                             ACL_NO_DATABASE},
        {"+@all ~* db=0",     "MEMORY USAGE a",                             ACL_ALLOWED    },
        {"+@all &* db=1",     "SPUBLISH a b",                               ACL_ALLOWED    },
        {"+@all ~* db=0",     "CLUSTER MIGRATESLOTS SLOTSRANGE 0 1 NODE x", ACL_NO_DATABASE},
        {"+@all ~* db=0",     "CLUSTER CANCELSLOTMIGRATIONS",               ACL_NO_DATABASE},
        {"+@all ~* db=0",     "CLUSTER MIGRATION IMPORT 0 1",               ACL_NO_DATABASE},
        {"+@all ~* db=0",     "CLUSTER NODES",                              ACL_ALLOWED    },
        {"+@all ~* db=1",     "SELECT 1",                                   ACL_ALLOWED    },
        {"+@all ~* db=1",     "SELECT 0",                                   ACL_NO_DATABASE},
        {"+@all ~* db=1",     "SELECT x",                                   ACL_ALLOWED    },
        {"+@all ~* db=0,1",   "MOVE a 1",                                   ACL_ALLOWED    },
        {"+@all ~* db=0",     "MOVE a 1",                                   ACL_NO_DATABASE},
        {"+@all ~* db=0,1",   "SWAPDB 0 1",                                 ACL_ALLOWED    },
        {"+@all ~* db=0",     "SWAPDB 0 1",                                 ACL_NO_DATABASE},
        {"+@all ~* db=1",     "SWAPDB 0 1",                                 ACL_NO_DATABASE},
        {"+@all ~* db=0",     "COPY a b DB 1",                              ACL_NO_DATABASE},
        {"+@all ~* db=0,1",   "COPY a b DB 1",                              ACL_ALLOWED    },
        {"+@all ~* db=0,1",   "FLUSHALL",                                   ACL_NO_DATABASE},
        {"+@all ~* db=0",     "FLUSHDB",                                    ACL_ALLOWED    },
        {"+@all ~* resetdbs", "GET a",                                      ACL_NO_DATABASE},
    };

    expect_verdicts(cases, ARRAY_COUNT(cases));
}

Test(acl_user, admits_who_knows_a_password_while_it_is_on)
{
    struct errmsg error = {0};
    struct acl_user *user = make("on >a >b", &error);

    cr_expect(acl_user_admits(user, BYTES_LITERAL("a")) &&
              acl_user_admits(user, BYTES_LITERAL("b")));
    cr_expect_not(acl_user_admits(user, BYTES_LITERAL("c")));
    cr_expect_not(acl_user_admits(user, BYTES_LITERAL("")));
    acl_user_free(user);
    user = make(">a", &error);
    cr_expect_not(acl_user_admits(user, BYTES_LITERAL("a")));
    acl_user_free(user);
    user = make("on nopass", &error);
    cr_expect(acl_user_admits(user, BYTES_LITERAL("anything")));
    cr_expect_not(user->is_unlimited);
    acl_user_free(user);
}

static const char *const random_words[] = {
    "+@all",         "-@all",     "+@read",
    "-@read",        "+@write",   "-@dangerous",
    "+@admin",       "+get",      "-get",
    "+set",          "+config",   "-config|set",
    "+config|get",   "+select|0", "~*",
    "resetkeys",     "~a*",       "%R~b",
    "%W~c*",         "%RW~*",     "&*",
    "resetchannels", "&x*",       "db=0,2",
    "alldbs",        "resetdbs",  "on",
    "off",           ">p",        "nopass",
    "reset",         "(~a +get)", "clearselectors",
    "(db=1 +@all)",
};

/* The same user, from how it is written. */
static struct acl_user *reread(struct acl_user *user)
{
    struct buf text = {0};
    struct errmsg error = {0};
    struct acl_user *copy;

    acl_user_format(user, &text);
    copy = make(buf_text(&text), &error);
    cr_assert_not_null(copy, "%s: %s", buf_text(&text), error.text);
    buf_deinit(&text);
    return copy;
}

Test(acl_user, written_and_read_again_is_the_same_whatever_the_words_were)
{
    uint64_t seed = seed_get();
    struct rng rng;

    rng_init(&rng, seed);
    for (int round = 0; round < 500; round++) {
        struct acl_user *user = acl_user_new(BYTES_LITERAL("u"), rng_one_in(&rng, 2));
        struct acl_user *copy;
        struct buf a = {0};
        struct buf b = {0};

        for (size_t i = 0; i < 12; i++) {
            struct bytes word =
                bytes_from_text(random_words[rng_below(&rng, ARRAY_COUNT(random_words))]);
            struct errmsg error;
            bool is_fine = acl_user_set_all(user, &word, 1, false, &error);

            (void)is_fine; /* a pattern behind ~* is refused, and changes nothing */
            acl_user_check(user);
        }
        copy = reread(user);
        acl_user_format(user, &a);
        acl_user_format(copy, &b);
        SEED_ASSERT(bytes_equal(buf_bytes(&a), buf_bytes(&b)), seed);
        SEED_ASSERT(
            memcmp(user->rules.commands, copy->rules.commands, sizeof(user->rules.commands)) == 0,
            seed);
        buf_deinit(&a);
        buf_deinit(&b);
        acl_user_free(copy);
        acl_user_free(user);
    }
}
