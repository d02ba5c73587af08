/* SPDX-License-Identifier: MIT */
/* CLIENT and its subcommands. */
#include "base/attr.h"
#include "node/inside.h"
#include "tests/unit/answers.h"

static struct session *session_of(struct alone *a, size_t client)
{
    return a->clients[client].session;
}

Test(client_commands, what_a_client_says_of_itself_is_told_to_others)
{
    static const struct answers_case cases[] = {
        {"CLIENT GETNAME",               "$-1|"                                             },
        {"CLIENT SETNAME me",            "+OK|"                                             },
        {"CLIENT GETNAME",               "$2|me|"                                           },
        {"CLIENT SETNAME \"a b\"",       "-ERR Client names cannot contain spaces*"         },
        {"CLIENT GETNAME",               "$2|me|"                                           },
        {"CLIENT SETINFO LIB-NAME lib",  "+OK|"                                             },
        {"CLIENT SETINFO lib-ver 1.2",   "+OK|"                                             },
        {"CLIENT SETINFO LIB-VER \" \"", "-ERR lib-ver cannot contain spaces*"              },
        {"CLIENT SETINFO LIB x",         "-ERR Unrecognized option 'LIB'|"                  },
        {"CLIENT INFO",                  "$*|id=1 addr=*name=me *lib-name=lib lib-ver=1.2*|"},
        {"CLIENT ID",                    ":1|"                                              },
        {"CLIENT SETNAME \"\"",          "+OK|"                                             },
        {"CLIENT GETNAME",               "$-1|"                                             },
    };
    struct alone *a = answers_start(NULL, 0);

    answers_expect_all(a, cases, ARRAY_COUNT(cases));
    alone_free(a);
}

Test(client_commands, list_shows_those_that_are_asked_for)
{
    static const struct answers_case cases[] = {
        {"CLIENT LIST ID 2 3",          "$*|id=2 *id=3 *|"                  },
        {"CLIENT LIST ID 3 1 3",        "$*|id=3 *id=1 *id=3 *|"            },
        {"CLIENT LIST ID 99",           "$0||"                              },
        {"CLIENT LIST SKIPME yes",      "$*|id=2 *id=3 *id=4 *|"            },
        {"CLIENT LIST ID 2 3 NOT-ID 3", "$*|id=2 *|"                        },
        {"CLIENT LIST NAME me",         "$0||"                              },
        {"CLIENT LIST TYPE replica",    "$0||"                              },
        {"CLIENT LIST TYPE normal",     "$*|id=1 *id=2 *id=3 *id=4 *|"      },
        {"CLIENT LIST TYPE nobody",     "-ERR Unknown client type 'nobody'|"},
        {"CLIENT LIST ID 0",            "$0||"                              },
        {"CLIENT LIST ID x",            "-ERR Invalid client ID|"           },
        {"CLIENT LIST ID",              "-ERR syntax error|"                },
        {"CLIENT LIST NAME",            "-ERR syntax error|"                },
    };
    struct alone *a = answers_start(NULL, 0);

    answers_expect_all(a, cases, ARRAY_COUNT(cases));
    alone_free(a);
}

Test(client_commands, kill_closes_those_that_match_and_tells_how_many)
{
    static const struct answers_case cases[] = {
        {"CLIENT KILL 127.0.0.1:5001",   "+OK|"                                    },
        {"CLIENT KILL 127.0.0.1:5001",   "-ERR No such client|"                    },
        {"CLIENT KILL ADDR 127.0.0.1:1", ":0|"                                     },
        {"CLIENT KILL ID 3",             ":1|"                                     },
        {"CLIENT KILL ID 0",             "-ERR client-id should be greater than 0|"},
        {"CLIENT KILL MAXAGE 0",         "-ERR maxage should be greater than 0|"   },
        {"CLIENT KILL MAXAGE 9",         ":0|"                                     },
        {"CLIENT KILL USER nobody",      "-ERR No such user 'nobody'|"             },
        {"CLIENT KILL TYPE x",           "-ERR Unknown client type 'x'|"           },
        {"CLIENT KILL TYPE replica",     ":0|"                                     },
        {"CLIENT KILL SKIPME maybe",     "-ERR syntax error|"                      },
        {"CLIENT KILL ID 4 SKIPME",      "-ERR syntax error|"                      },
        {"CLIENT KILL USER default",     ":1|"                                     },
    };
    struct alone *a = answers_start(NULL, 0);

    answers_expect_all(a, cases, ARRAY_COUNT(cases));
    cr_expect_not_null(session_of(a, 0), "who kills spares himself");
    for (size_t i = 1; i < ALONE_CLIENTS; i++) {
        cr_expect_null(session_of(a, i), "%zu", i);
    }
    answers_expect(a, "CLIENT KILL SKIPME no", ":1|");
    cr_expect_null(session_of(a, 0), "and is answered before he goes");
    alone_free(a);
}

Test(client_commands, a_line_tells_what_a_client_has_sent_and_was_sent)
{
    static const struct answers_case cases[] = {
        {"PING",                   "+PONG|"                                                   },
        {"CLIENT INFO",
         "$*|id=1 *flags=N capa= db=0 *lib-name= lib-ver= tot-net-in=19 tot-net-out=7 "
         "tot-cmds=2|"                                                                        },
        {"CLIENT CAPA nosuch",     "+OK|"                                                     },
        {"CLIENT INFO",            "*flags=N capa= db=0 *"                                    },
        {"CLIENT CAPA x REDIRECT", "+OK|"                                                     },
        {"CLIENT INFO",            "*flags=N capa=r db=0 *"                                   },
        {"CLIENT CAPA",            "-ERR wrong number of arguments for 'client|capa' command|"},
        {"CLIENT LIST CAPA r",     "$*|id=1 *"                                                },
    };
    struct alone *a = answers_start(NULL, 0);

    answers_expect_all(a, cases, ARRAY_COUNT(cases));
    alone_free(a);
}

Test(client_commands, who_can_follow_is_led_from_a_replica_to_its_primary)
{
    static const struct answers_case cases[] = {
        {"GET k",                "$-1|"                                            },
        {"SET k v",              "-READONLY *"                                     },
        {"READONLY",             "-ERR This instance has cluster support disabled|"},
        {"CLIENT CAPA redirect", "+OK|"                                            },
        {"GET k",                "-REDIRECT 10.0.0.9:7000|"                        },
        {"SET k v",              "-REDIRECT 10.0.0.9:7000|"                        },
        {"KEYS *",               "-REDIRECT 10.0.0.9:7000|"                        },
        {"PING",                 "+PONG|"                                          },
        {"READONLY",             "+OK|"                                            },
        {"GET k",                "$-1|"                                            },
        {"SET k v",              "-REDIRECT 10.0.0.9:7000|"                        },
        {"READWRITE",            "+OK|"                                            },
        {"GET k",                "-REDIRECT 10.0.0.9:7000|"                        },
        {"REPLICAOF NO ONE",     "+OK|"                                            },
        {"SET k v",              "+OK|"                                            },
    };
    struct alone *a = answers_start(&(struct alone_option){"replicaof", "10.0.0.9 7000"}, 1);

    cr_assert(alone_lead(a));
    answers_expect_all(a, cases, ARRAY_COUNT(cases));
    alone_free(a);
}

Test(client_commands, replies_can_be_switched_off_and_skipped)
{
    struct alone *a = answers_start(NULL, 0);

    answers_expect(a, "CLIENT REPLY SKIP\r\nPING a\r\nPING b", "$1|b|");
    answers_expect(a, "CLIENT REPLY OFF\r\nPING a\r\nNOSUCH", "");
    answers_expect(a, "CLIENT REPLY SKIP\r\nPING\r\nCLIENT REPLY ON\r\nPING b", "+OK|$1|b|");
    answers_expect(a, "CLIENT REPLY SKIP\r\nCLIENT REPLY x\r\nPING b", "$1|b|");
    answers_expect(a, "CLIENT REPLY OFF\r\nCLIENT REPLY x\r\nCLIENT REPLY\r\nSUBSCRIBE\r\nPING",
                   "");
    answers_expect(a, "CLIENT REPLY ON", "+OK|");
    answers_expect(a, "CLIENT REPLY", "-ERR wrong number of arguments for 'client|reply'*");
    answers_expect(a, "CLIENT REPLY x", "-ERR syntax error|");
    alone_free(a);
}

Test(client_commands, flags_are_set_and_taken_back)
{
    struct alone *a = answers_start(NULL, 0);

    answers_expect(a, "CLIENT NO-EVICT on\r\nCLIENT NO-TOUCH ON", "+OK|+OK|");
    cr_expect(session_of(a, 0)->flags & SESSION_NO_EVICT);
    cr_expect(session_of(a, 0)->flags & SESSION_NO_TOUCH);
    cr_expect_not(session_of(a, 1)->flags & SESSION_NO_EVICT);
    answers_expect(a, "CLIENT NO-EVICT off\r\nCLIENT NO-TOUCH x", "+OK|-ERR syntax error|");
    cr_expect_not(session_of(a, 0)->flags & SESSION_NO_EVICT);
    cr_expect(session_of(a, 0)->flags & SESSION_NO_TOUCH);
    alone_free(a);
}

Test(client_commands, pause_and_unpause_change_the_pause_of_clients_alone)
{
    struct alone *a = answers_start(NULL, 0);
    const struct pauses *pauses = &a->node->pauses;

    answers_expect(a, "CLIENT PAUSE 100000 WRITE", "+OK|");
    cr_expect_eq(pauses->by_reason[PAUSE_BY_CLIENT].scope, PAUSE_WRITES);
    cr_expect_eq(pauses->by_reason[PAUSE_FOR_END].scope, PAUSE_NOTHING);
    answers_expect(a, "CLIENT UNPAUSE", "+OK|");
    cr_expect_eq(pauses->scope, PAUSE_NOTHING);
    answers_expect(a, "CLIENT PAUSE -1", "-ERR timeout is negative|");
    cr_expect_eq(pauses->scope, PAUSE_NOTHING);
    alone_free(a);
}
