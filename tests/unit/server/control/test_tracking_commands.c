/* SPDX-License-Identifier: MIT */
/* Client-side caching, as clients of one node see it. */
#include "base/attr.h"
#include "node/inside.h"
#include "tests/unit/answers.h"

enum {
    A,
    B,
    W, /* who writes */
};

#define TOLD(key)  ">2|$10|invalidate|[*]1|$1|" key "|"
#define TOLD_FLUSH ">2|$10|invalidate|_|"
#define MODE_FIXED                                                                                 \
    "-ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then " \
    "re-enabling it with a different mode.|"

static void play(const struct answers_step *steps, size_t count)
{
    struct alone *a = answers_start(NULL, 0);

    answers_play(a, steps, count);
    alone_free(a);
}

Test(tracking_commands, who_has_read_a_key_is_told_once_that_it_has_changed)
{
    static const struct answers_step steps[] = {
        {A, "HELLO 3",             "%7|*"             },
        {A, "CLIENT TRACKING ON",  "+OK|"             },
        {A, "GET k",               "_|"               },
        {W, "SET k 1",             "+OK|"             },
        {A, NULL,                  TOLD("k")          },
        {W, "SET k 2",             "+OK|"             },
        {A, NULL,                  ""                 },
        {A, "MGET k j k",          "[*]3|*"           },
        {W, "MSET k 1 j 2",        "+OK|"             },
        {A, NULL,                  TOLD("k") TOLD("j")},
        {A, "GET k",               "$1|1|"            },
        {W, "EXPIRE k 100",        ":1|"              },
        {A, NULL,                  TOLD("k")          },
        {A, "GET k",               "$1|1|"            },
        {W, "DEL k",               ":1|"              },
        {A, NULL,                  TOLD("k")          },
        {A, "EXISTS k",            ":0|"              },
        {W, "RENAME j k",          "+OK|"             },
        {A, NULL,                  TOLD("k")          },
        {A, "SMEMBERS s",          "~0|"              },
        {W, "SADD s x",            ":1|"              },
        {A, NULL,                  TOLD("s")          },
        {A, "SISMEMBER s x",       ":1|"              },
        {W, "SADD s x",            ":0|"              }, /* nothing has changed */
        {A, NULL,                  ""                 },
        {A, "CLIENT TRACKING OFF", "+OK|"             },
        {W, "SADD s y",            ":1|"              },
        {A, NULL,                  ""                 },
    };

    play(steps, ARRAY_COUNT(steps));
}

Test(tracking_commands,
     who_changes_itself_what_it_has_read_is_told_behind_the_reply_unless_it_wants_no_loop)
{
    static const struct answers_step steps[] = {
        {A, "HELLO 3",                   "%7|*"          },
        {A, "CLIENT TRACKING ON",        "+OK|"          },
        {A, "GET k",                     "_|"            },
        {A, "SET k 1",                   "+OK|" TOLD("k")},
        {A, "CLIENT TRACKING ON NOLOOP", "+OK|"          },
        {A, "GET k",                     "$1|1|"         },
        {A, "SET k 2",                   "+OK|"          },
        {W, "SET k 3",                   "+OK|"          }, /* that it had the key is forgotten all the same */
        {A, NULL,                        ""              },
        {A, "GET k",                     "$1|3|"         },
        {W, "SET k 4",                   "+OK|"          },
        {A, NULL,                        TOLD("k")       },
    };

    play(steps, ARRAY_COUNT(steps));
}

Test(tracking_commands, with_optin_and_optout_what_is_remembered_is_said_before)
{
    static const struct answers_step steps[] = {
        {A, "HELLO 3",                   "%7|*"                                           },
        {A, "CLIENT TRACKING ON OPTIN",  "+OK|"                                           },
        {A, "GET k",                     "_|"                                             },
        {W, "SET k 1",                   "+OK|"                                           },
        {A, NULL,                        ""                                               },
        {A, "CLIENT CACHING YES",        "+OK|"                                           },
        {A, "CLIENT TRACKINGINFO",       "%3|$5|flags|~3|$2|on|$5|optin|$11|caching-yes|*"},
        {A, "GET k",                     "$1|1|"                                          },
        {W, "SET k 2",                   "+OK|"                                           },
        {A, NULL,                        TOLD("k")                                        },
        {A, "CLIENT CACHING YES",        "+OK|"                                           },
        {A, "PING",                      "+PONG|"                                         },
        {A, "GET k",                     "$1|2|"                                          },
        {W, "SET k 3",                   "+OK|"                                           },
        {A, NULL,                        ""                                               },
        {A, "CLIENT CACHING YES",        "+OK|"                                           },
        {A, "MULTI",                     "+OK|"                                           },
        {A, "GET k",                     "+QUEUED|"                                       },
        {A, "GET j",                     "+QUEUED|"                                       },
        {A, "EXEC",                      "[*]2|*"                                         },
        {W, "MSET k 4 j 4",              "+OK|"                                           },
        {A, NULL,                        TOLD("k") TOLD("j")                              },
        {A, "CLIENT TRACKING OFF",       "+OK|"                                           },
        {A, "CLIENT TRACKING ON OPTOUT", "+OK|"                                           },
        {A, "CLIENT CACHING NO",         "+OK|"                                           },
        {A, "GET k",                     "$1|4|"                                          },
        {W, "SET k 5",                   "+OK|"                                           },
        {A, NULL,                        ""                                               },
        {A, "GET k",                     "$1|5|"                                          },
        {W, "SET k 6",                   "+OK|"                                           },
        {A, NULL,                        TOLD("k")                                        },
    };

    play(steps, ARRAY_COUNT(steps));
}

Test(tracking_commands, what_is_said_of_the_next_command_ends_with_it_though_it_is_refused)
{
    static const struct answers_step steps[] = {
        {A, "HELLO 3",                   "%7|*"                            },
        {A, "CLIENT TRACKING ON OPTOUT", "+OK|"                            },
        {A, "CLIENT CACHING NO",         "+OK|"                            },
        {A, "GET",                       "-ERR wrong number*"              },
        {A, "GET k",                     "_|"                              },
        {W, "SET k 1",                   "+OK|"                            },
        {A, NULL,                        TOLD("k")                         },
        {A, "CLIENT CACHING NO",         "+OK|"                            },
        {A, "CLIENT FOO",                "-ERR unknown subcommand*"        },
        {A, "FOO",                       "-ERR unknown command*"           },
        {A, "CLIENT TRACKINGINFO",       "%3|$5|flags|~2|$2|on|$6|optout|*"},
        {A, "CLIENT CACHING NO",         "+OK|"                            },
        {A, "MULTI",                     "+OK|"                            },
        {A, "FOO",                       "-ERR unknown command*"           },
        {A, "EXEC",                      "-EXECABORT*"                     },
        {A, "GET k",                     "$1|1|"                           },
        {W, "SET k 2",                   "+OK|"                            },
        {A, NULL,                        TOLD("k")                         },
    };

    play(steps, ARRAY_COUNT(steps));
}

Test(tracking_commands, with_bcast_all_keys_that_begin_so_are_told_of)
{
    static const struct answers_step steps[] = {
        {A, "HELLO 3",                                      "%7|*"                                             },
        {A, "CLIENT TRACKING ON BCAST PREFIX u: PREFIX v:", "+OK|"                                             },
        {A, "CLIENT TRACKINGINFO",                          "%3|$5|flags|~2|$2|on|$5|bcast|*|[*]2|$2|u:|$2|v:|"},
        {W, "SET u:1 x",                                    "+OK|"                                             },
        {A, NULL,                                           ">2|$10|invalidate|[*]1|$3|u:1|"                   },
        {W, "SET w 1",                                      "+OK|"                                             },
        {A, NULL,                                           ""                                                 },
        {A, "CLIENT TRACKING ON BCAST PREFIX w",            "+OK|"                                             },
        {W, "MSET w 1 x 2",                                 "+OK|"                                             },
        {A, NULL,                                           TOLD("w")                                          },
        {A, "SET u:5 y",                                    "+OK|>2|$10|invalidate|[*]1|$3|u:5|"               },
        {W, "MULTI",                                        "+OK|"                                             },
        {W, "SET u:1 1",                                    "+QUEUED|"                                         },
        {W, "SET u:2 1",                                    "+QUEUED|"                                         },
        {W, "SET u:1 2",                                    "+QUEUED|"                                         },
        {W, "EXEC",                                         "[*]3|*"                                           },
        {A, NULL,                                           ">2|$10|invalidate|[*]2|$3|u:1|$3|u:2|"            },
        {A, "CLIENT TRACKING OFF",                          "+OK|"                                             },
        {A, "CLIENT TRACKING ON BCAST NOLOOP",              "+OK|"                                             },
        {A, "SET q 1",                                      "+OK|"                                             },
        {W, "SET q 1",                                      "+OK|"                                             },
        {A, NULL,                                           TOLD("q")                                          },
        {A, "CLIENT LIST ID 1",                             "*flags=tB *redir=0 *"                             },
        {W, "INFO stats",                                   "*tracking_total_prefixes:1|*"                     },
    };

    play(steps, ARRAY_COUNT(steps));
}

Test(tracking_commands, what_expires_or_goes_with_all_others_is_told)
{
    static const struct answers_step steps[] = {
        {A, "HELLO 3",            "%7|*" },
        {A, "CLIENT TRACKING ON", "+OK|" },
        {W, "SET k 1 PX 50",      "+OK|" },
        {A, "GET k",              "$1|1|"},
    };
    static const struct answers_step later[] = {
        {A, NULL,          TOLD("k") },
        {A, "GET k",       "_|"      },
        {W, "SET other 1", "+OK|"    },
        {W, "FLUSHALL",    "+OK|"    },
        {A, NULL,          TOLD_FLUSH},
        {W, "SET k 1",     "+OK|"    },
        {A, NULL,          ""        }, /* nothing is remembered any more */
        {W, "SWAPDB 0 1",  "+OK|"    },
        {A, NULL,          TOLD_FLUSH},
    };
    struct alone *a = answers_start(NULL, 0);

    answers_play(a, steps, ARRAY_COUNT(steps));
    answers_idle(a, 5, 200);
    answers_play(a, later, ARRAY_COUNT(later));
    alone_free(a);
}

Test(tracking_commands, another_connection_may_be_told_in_place_of_this_one)
{
    static const struct answers_step steps[] = {
        {B, "SUBSCRIBE __redis__:invalidate", "[*]3|*"                                                   },
        {A, "CLIENT TRACKING ON REDIRECT 2",  "+OK|"                                                     },
        {A, "CLIENT GETREDIR",                ":2|"                                                      },
        {A, "CLIENT TRACKINGINFO",            "[*]6|$5|flags|[*]1|$2|on|$8|redirect|:2|$8|prefixes|[*]0|"},
        {A, "GET k",                          "$-1|"                                                     },
        {W, "SET k 1",                        "+OK|"                                                     },
        {A, NULL,                             ""                                                         },
        {B, NULL,                             "[*]3|$7|message|$20|__redis__:invalidate|[*]1|$1|k|"      },
        {W, "FLUSHALL",                       "+OK|"                                                     },
        {B, NULL,                             "[*]3|$7|message|$20|__redis__:invalidate|$-1|"            },
        {A, "HELLO 3",                        "%7|*"                                                     },
        {A, "GET k",                          "_|"                                                       },
        {W, "CLIENT KILL ID 2",               ":1|"                                                      },
        {W, "SET k 2",                        "+OK|"                                                     },
        {A, NULL,                             ">2|$21|tracking-redir-broken|:2|"                         },
        {A, "CLIENT TRACKINGINFO",            "%3|$5|flags|~2|$2|on|$15|broken_redirect|$8|redirect|:2|*"},
        {A, "CLIENT LIST ID 1",               "*flags=tR *redir=2 *"                                     },
        {A, "RESET",                          "+RESET|"                                                  },
        {A, "CLIENT GETREDIR",                ":-1|"                                                     },
    };

    play(steps, ARRAY_COUNT(steps));
}

Test(tracking_commands, who_reads_by_resp2_and_redirects_to_nobody_is_told_nothing)
{
    static const struct answers_step steps[] = {
        {A, "CLIENT TRACKING ON", "+OK|"},
        {A, "GET k",              "$-1|"},
        {W, "SET k 1",            "+OK|"},
        {A, NULL,                 ""    },
    };

    play(steps, ARRAY_COUNT(steps));
}

Test(tracking_commands, who_redirects_to_itself_is_told_by_messages_while_it_listens)
{
    static const struct answers_step steps[] = {
        {A, "CLIENT TRACKING ON BCAST REDIRECT 1", "+OK|"                                               },
        {W, "SET k 1",                             "+OK|"                                               },
        {A, NULL,                                  ""                                                   },
        {A, "SUBSCRIBE __redis__:invalidate",      "[*]3|*|:1|"                                         },
        {W, "SET k 2",                             "+OK|"                                               },
        {A, NULL,                                  "[*]3|$7|message|$20|__redis__:invalidate|[*]1|$1|k|"},
        {W, "FLUSHALL",                            "+OK|"                                               },
        {A, NULL,                                  "[*]3|$7|message|$20|__redis__:invalidate|$-1|"      },
    };

    play(steps, ARRAY_COUNT(steps));
}

Test(tracking_commands, keys_beyond_the_limit_are_told_of_and_forgotten)
{
    static const struct answers_step steps[] = {
        {A, "HELLO 3",                              "%7|*"                                           },
        {A, "CLIENT TRACKING ON",                   "+OK|"                                           },
        {W, "CONFIG SET tracking-table-max-keys 2", "+OK|"                                           },
        {A, "GET a",                                "_|"                                             },
        {A, "GET b",                                "_|"                                             },
        {W, "INFO stats",                           "*tracking_total_keys:2|tracking_total_items:2|*"},
        {A, "GET c",                                "_|" TOLD("a")                                   },
        {A, "GET c",                                "_|"                                             },
        {W, "INFO stats",                           "*tracking_total_keys:2|tracking_total_items:2|*"},
        {W, "SET a 1",                              "+OK|"                                           },
        {A, NULL,                                   ""                                               },
        {W, "SET c 1",                              "+OK|"                                           },
        {A, NULL,                                   TOLD("c")                                        },
        {W, "INFO clients",                         "*tracking_clients:1|*"                          },
    };

    play(steps, ARRAY_COUNT(steps));
}

Test(tracking_commands, what_changes_leaves_before_any_reply_of_the_pass)
{
    struct alone *a = answers_start(NULL, 0);
    const struct session *first;

    answers_send(a, A, "HELLO 3\r\nCLIENT TRACKING ON\r\nGET k\r\n");
    answers_match(a, A, "*");
    /* The writer is answered, and so is the one who is told, but not in the order in which they came. */
    node_begin_pass(a->node, a->env.now(a->env.context));
    node_session_input(a->node, a->clients[W].session, BYTES_LITERAL("PING\r\nSET k 1\r\n"));
    batch_run(a->node);
    invalidation_tell(a->node);
    first = CONTAINER_OF(a->node->sessions.touched.next, struct session, touched);
    cr_expect_eq(first, a->clients[A].session);
    node_end_pass(a->node);
    answers_idle(a, 1, 1);
    answers_match(a, A, TOLD("k"));
    alone_free(a);
}

Test(tracking_commands, wrong_wishes_are_refused)
{
    static const struct answers_step steps[] = {
        {A, "CLIENT TRACKING",                                   "-ERR wrong number of arguments for 'client|tracking' command|"},
        {A, "CLIENT TRACKING maybe",                             "-ERR syntax error|"                                           },
        {A, "CLIENT TRACKING ON foo",                            "-ERR syntax error|"                                           },
        {A, "CLIENT TRACKING ON REDIRECT",                       "-ERR syntax error|"                                           },
        {A, "CLIENT TRACKING ON PREFIX",                         "-ERR syntax error|"                                           },
        {A, "CLIENT TRACKING ON REDIRECT x",                     "-ERR value is not an integer or out of range|"                },
        {A, "CLIENT TRACKING ON REDIRECT 999999",
         "-ERR The client ID you want redirect to does not exist|"                                                              },
        {A, "CLIENT TRACKING ON REDIRECT -1",
         "-ERR The client ID you want redirect to does not exist|"                                                              },
        {A, "CLIENT TRACKING ON REDIRECT 2 REDIRECT 2",
         "-ERR A client can only redirect to a single other client|"                                                            },
        {A, "CLIENT TRACKING ON OPTIN OPTOUT",
         "-ERR You can't specify both OPTIN mode and OPTOUT mode|"                                                              },
        {A, "CLIENT TRACKING ON BCAST OPTIN",
         "-ERR OPTIN and OPTOUT are not compatible with BCAST|"                                                                 },
        {A, "CLIENT TRACKING ON PREFIX x",                       "-ERR PREFIX option requires BCAST mode to be enabled|"        },
        {A, "CLIENT TRACKING ON BCAST PREFIX foo PREFIX foobar",
         "-ERR Prefix 'foo' overlaps with another provided prefix 'foobar'. Prefixes for a single "
         "client "
         "must not overlap.|"                                                                                                   },
        {A, "CLIENT GETREDIR",                                   ":-1|"                                                         },
        {A, "CLIENT TRACKINGINFO",                               "[*]6|$5|flags|[*]1|$3|off|$8|redirect|:-1|$8|prefixes|[*]0|"  },
        {A, "CLIENT CACHING YES",
         "-ERR CLIENT CACHING can be called only when the client is in "
         "tracking mode with OPTIN or OPTOUT mode enabled|"                                                                     },
        {A, "CLIENT TRACKING ON",                                "+OK|"                                                         },
        {A, "CLIENT TRACKING ON BCAST",                          MODE_FIXED                                                     },
        {A, "CLIENT CACHING x",                                  "-ERR syntax error|"                                           },
        {A, "CLIENT CACHING YES",
         "-ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.|"                                       },
        {A, "CLIENT CACHING NO",
         "-ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.|"                                       },
        {A, "CLIENT TRACKING ON OPTIN",                          "+OK|"                                                         },
        {A, "CLIENT TRACKING ON OPTOUT",
         "-ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and "
         "then "
         "re-enabling it with a different mode.|"                                                                               },
        {A, "CLIENT TRACKING OFF",                               "+OK|"                                                         },
        {A, "CLIENT TRACKING ON BCAST PREFIX u:",                "+OK|"                                                         },
        {A, "CLIENT TRACKING ON BCAST PREFIX u:1",
         "-ERR Prefix 'u:1' overlaps with an existing prefix 'u:'. Prefixes for a single client "
         "must "
         "not overlap.|"                                                                                                        },
        {A, "CLIENT TRACKING ON",                                MODE_FIXED                                                     },
    };

    play(steps, ARRAY_COUNT(steps));
}
