/* SPDX-License-Identifier: MIT */
/* Messages between clients of one node. */
#include "base/attr.h"
#include "node/inside.h"
#include "tests/unit/answers.h"

enum {
    A,
    B,
    P, /* who publishes */
};

#define CONTEXT_ERROR(name)                                                                        \
    "-ERR Can't execute '" name "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / "       \
    "RESET are allowed in this context|"

Test(pubsub_commands, who_listens_is_told_what_is_published)
{
    static const struct answers_step steps[] = {
        {A, "SUBSCRIBE c d c",
         "[*]3|$9|subscribe|$1|c|:1|[*]3|$9|subscribe|$1|d|:2|"
         "[*]3|$9|subscribe|$1|c|:2|"                                                                    },
        {A, "PSUBSCRIBE c* z?",   "[*]3|$10|psubscribe|$2|c[*]|:3|[*]3|$10|psubscribe|$2|z[?]|:4|"       },
        {B, "HELLO 3",            "%7|*"                                                                 },
        {B, "SUBSCRIBE c",        ">3|$9|subscribe|$1|c|:1|"                                             },
        {P, "PUBLISH c hello",    ":3|"                                                                  },
        {A, NULL,                 "[*]3|$7|message|$1|c|$5|hello|[*]4|$8|pmessage|$2|c[*]|$1|c|$5|hello|"},
        {B, NULL,                 ">3|$7|message|$1|c|$5|hello|"                                         },
        {P, "PUBLISH nobody x",   ":0|"                                                                  },
        {P, "PUBLISH \"\" x",     ":0|"                                                                  },
        {A, NULL,                 ""                                                                     },
        {A, "UNSUBSCRIBE nope c", "[*]3|$11|unsubscribe|$4|nope|:4|[*]3|$11|unsubscribe|$1|c|:3|"        },
        {P, "PUBLISH c x",        ":2|"                                                                  },
        {A, NULL,                 "[*]4|$8|pmessage|*"                                                   },
        {A, "PUNSUBSCRIBE",       "[*]3|$12|punsubscribe|$2|c[*]|:2|[*]3|$12|punsubscribe|$2|z[?]|:1|"   },
        {A, "UNSUBSCRIBE",        "[*]3|$11|unsubscribe|$1|d|:0|"                                        },
        {A, "UNSUBSCRIBE",        "[*]3|$11|unsubscribe|$-1|:0|"                                         },
        {A, "GET k",              "$-1|"                                                                 },
    };
    struct alone *a = answers_start(NULL, 0);

    answers_play(a, steps, ARRAY_COUNT(steps));
    alone_free(a);
}

Test(pubsub_commands, an_empty_name_is_a_name)
{
    static const struct answers_step steps[] = {
        {A, "PSUBSCRIBE \"\"",   "[*]3|$10|psubscribe|$0||:1|"                            },
        {A, "SUBSCRIBE \"\"",    "[*]3|$9|subscribe|$0||:2|"                              },
        {P, "PUBLISH \"\" x",    ":2|"                                                    },
        {A, NULL,                "[*]3|$7|message|$0||$1|x|[*]4|$8|pmessage|$0||$0||$1|x|"},
        {P, "PUBLISH \"\" \"\"", ":2|"                                                    },
        {A, NULL,                "[*]3|$7|message|$0||$0||[*]4|$8|pmessage|$0||$0||$0||"  },
        {A, "UNSUBSCRIBE \"\"",  "[*]3|$11|unsubscribe|$0||:1|"                           },
        {A, "PUNSUBSCRIBE",      "[*]3|$12|punsubscribe|$0||:0|"                          },
        {A, "SSUBSCRIBE \"\"",   "[*]3|$10|ssubscribe|$0||:1|"                            },
        {P, "SPUBLISH \"\" x",   ":1|"                                                    },
        {A, NULL,                "[*]3|$8|smessage|$0||$1|x|"                             },
        {A, "SUNSUBSCRIBE",      "[*]3|$12|sunsubscribe|$0||:0|"                          },
    };
    struct alone *a = answers_start(NULL, 0);

    answers_play(a, steps, ARRAY_COUNT(steps));
    alone_free(a);
}

Test(pubsub_commands, channels_of_shards_are_counted_and_published_to_for_themselves)
{
    static const struct answers_step steps[] = {
        {A, "SUBSCRIBE c",               "[*]3|$9|subscribe|$1|c|:1|"                                  },
        {A, "SSUBSCRIBE c s",            "[*]3|$10|ssubscribe|$1|c|:1|[*]3|$10|ssubscribe|$1|s|:2|"    },
        {P, "SPUBLISH c x",              ":1|"                                                         },
        {A, NULL,                        "[*]3|$8|smessage|$1|c|$1|x|"                                 },
        {P, "PUBLISH c y",               ":1|"                                                         },
        {A, NULL,                        "[*]3|$7|message|$1|c|$1|y|"                                  },
        {P, "PUBSUB SHARDCHANNELS c*",   "[*]1|$1|c|"                                                  },
        {P, "PUBSUB SHARDNUMSUB s nope", "[*]4|$1|s|:1|$4|nope|:0|"                                    },
        {A, "SUNSUBSCRIBE q",            "[*]3|$12|sunsubscribe|$1|q|:2|"                              },
        {A, "SUNSUBSCRIBE",              "[*]3|$12|sunsubscribe|$1|c|:1|[*]3|$12|sunsubscribe|$1|s|:0|"},
        {A, "SUNSUBSCRIBE",              "[*]3|$12|sunsubscribe|$-1|:0|"                               },
    };
    struct alone *a = answers_start(NULL, 0);

    answers_play(a, steps, ARRAY_COUNT(steps));
    alone_free(a);
}

Test(pubsub_commands, in_resp2_who_listens_may_say_little_else)
{
    static const struct answers_step steps[] = {
        {A, "SUBSCRIBE c",     "[*]3|*"                  },
        {A, "GET k",           CONTEXT_ERROR("get")      },
        {A, "CLIENT ID",       CONTEXT_ERROR("client|id")},
        {A, "PUBLISH c x",     CONTEXT_ERROR("publish")  },
        {A, "SPUBLISH c x",    CONTEXT_ERROR("spublish") },
        {A, "NOSUCH",          "-ERR unknown command *"  },
        {A, "PING",            "[*]2|$4|pong|$0||"       },
        {A, "PING yo",         "[*]2|$4|pong|$2|yo|"     },
        {A, "RESET",           "+RESET|"                 },
        {A, "GET k",           "$-1|"                    },
        {P, "PUBSUB NUMSUB c", "[*]2|$1|c|:0|"           },
        {A, "HELLO 3",         "%7|*"                    },
        {A, "SUBSCRIBE c",     ">3|*"                    },
        {A, "GET k",           "_|"                      },
        {A, "PING",            "+PONG|"                  },
        {A, "HELLO 2",         "[*]14|*"                 },
        {A, "GET k",           CONTEXT_ERROR("get")      },
    };
    struct alone *a = answers_start(NULL, 0);

    answers_play(a, steps, ARRAY_COUNT(steps));
    alone_free(a);
}

Test(pubsub_commands, what_a_client_tells_itself_comes_behind_the_reply)
{
    static const struct answers_step steps[] = {
        {A, "HELLO 3",        "%7|*"                          },
        {A, "SUBSCRIBE c",    ">3|*"                          },
        {A, "PUBLISH c self", ":1|>3|$7|message|$1|c|$4|self|"},
    };
    struct alone *a = answers_start(NULL, 0);

    answers_play(a, steps, ARRAY_COUNT(steps));
    alone_free(a);
}

Test(pubsub_commands, messages_reach_a_client_that_wants_no_replies)
{
    static const struct answers_step steps[] = {
        {A, "CLIENT REPLY OFF", ""                          },
        {A, "SUBSCRIBE c",      "[*]3|$9|subscribe|$1|c|:1|"},
        {P, "PUBLISH c x",      ":1|"                       },
        {A, NULL,               "[*]3|$7|message|$1|c|$1|x|"},
    };
    struct alone *a = answers_start(NULL, 0);

    answers_play(a, steps, ARRAY_COUNT(steps));
    alone_free(a);
}

Test(pubsub_commands, who_waits_for_a_key_is_told_all_the_same)
{
    static const struct answers_step steps[] = {
        {A, "HELLO 3",     "%7|*"           },
        {A, "SUBSCRIBE c", ">3|*"           },
        {A, "BLPOP k 0",   ""               },
        {P, "PUBLISH c x", ":1|"            },
        {A, NULL,          ">3|$7|message|*"},
        {P, "LPUSH k v",   ":1|"            },
        {A, NULL,          "[*]2|$1|k|$1|v|"},
    };
    struct alone *a = answers_start(NULL, 0);

    answers_play(a, steps, ARRAY_COUNT(steps));
    alone_free(a);
}

Test(pubsub_commands, a_long_message_is_whole_for_everybody)
{
    struct alone *a = answers_start(NULL, 0);
    struct buf request = {0};
    struct buf text = {0};
    struct buf expected = {0};

    for (int i = 0; i < 100000; i++) {
        buf_append_byte(&text, 'x');
    }
    buf_printf(&request, "*3\r\n$7\r\nPUBLISH\r\n$1\r\nc\r\n$%zu\r\n%s\r\n", text.len,
               buf_text(&text));
    buf_printf(&expected, ">3|$7|message|$1|c|$100000|%s|", buf_text(&text));
    answers_send(a, A, "SUBSCRIBE c\r\n");
    answers_send(a, B, "HELLO 3\r\nSUBSCRIBE c\r\n");
    answers_match(a, A, "*");
    answers_match(a, B, "*");
    answers_send(a, P, buf_text(&request));
    answers_match(a, P, ":2|");
    answers_match(a, B, buf_text(&expected));
    expected.data[0] = '?';
    answers_match(a, A, buf_text(&expected));
    /* It comes behind the reply to the one who sent it, too. */
    answers_send(a, B, buf_text(&request));
    buf_clear(&expected);
    buf_printf(&expected, ":2|>3|$7|message|$1|c|$100000|%s|", buf_text(&text));
    answers_match(a, B, buf_text(&expected));
    buf_deinit(&request);
    buf_deinit(&text);
    buf_deinit(&expected);
    alone_free(a);
}

Test(pubsub_commands, pubsub_tells_who_listens)
{
    static const struct answers_step steps[] = {
        {P, "PUBSUB CHANNELS",          "[*]0|"                                                        },
        {A, "SUBSCRIBE one",            "[*]3|*"                                                       },
        {B, "SUBSCRIBE one two",        "[*]3|*"                                                       },
        {B, "PSUBSCRIBE t* x",          "[*]3|*"                                                       },
        {P, "PUBSUB CHANNELS o*",       "[*]1|$3|one|"                                                 },
        {P, "PUBSUB CHANNELS",          "[*]2|*"                                                       },
        {P, "PUBSUB NUMSUB",            "[*]0|"                                                        },
        {P, "PUBSUB NUMSUB one two t*", "[*]6|$3|one|:2|$3|two|:1|$2|t[*]|:0|"                         },
        {P, "PUBSUB NUMPAT",            ":2|"                                                          },
        {P, "PUBSUB SHARDCHANNELS",     "[*]0|"                                                        },
        {P, "PUBSUB HELP",              "[*]13|+PUBSUB *"                                              },
        {P, "CLIENT LIST TYPE pubsub",
         "$*|id=1 *flags=P capa= db=0 sub=1 psub=0 ssub=0 *id=2 *sub=2 "
         "psub=2 ssub=0 *"                                                                             },
        {P, "INFO stats",               "*pubsub_channels:2|pubsub_patterns:2|pubsubshard_channels:0|*"},
        {P, "INFO clients",             "*pubsub_clients:2|*"                                          },
        {P, "CLIENT KILL TYPE pubsub",  ":2|"                                                          },
        {P, "PUBSUB CHANNELS",          "[*]0|"                                                        },
        {P, "PUBSUB NUMPAT",            ":0|"                                                          },
    };
    struct alone *a = answers_start(NULL, 0);

    answers_play(a, steps, ARRAY_COUNT(steps));
    alone_free(a);
}

Test(pubsub_commands, wrong_words_are_refused)
{
    static const struct answers_case cases[] = {
        {"SUBSCRIBE",                    "-ERR wrong number of arguments for 'subscribe' command|"    },
        {"PSUBSCRIBE",                   "-ERR wrong number of arguments for 'psubscribe' command|"   },
        {"SSUBSCRIBE",                   "-ERR wrong number of arguments for 'ssubscribe' command|"   },
        {"PUBLISH c",                    "-ERR wrong number of arguments for 'publish' command|"      },
        {"PUBLISH c a b",                "-ERR wrong number of arguments for 'publish' command|"      },
        {"SPUBLISH c",                   "-ERR wrong number of arguments for 'spublish' command|"     },
        {"PUBSUB",                       "-ERR wrong number of arguments for 'pubsub' command|"       },
        {"PUBSUB FOO",                   "-ERR unknown subcommand 'FOO'. Try PUBSUB HELP.|"           },
        {"PUBSUB CHANNELS a b",          "-ERR unknown subcommand or wrong number of arguments for "
                                "'CHANNELS'. Try PUBSUB HELP.|"        },
        {"PUBSUB NUMPAT x",              "-ERR wrong number of arguments for 'pubsub|numpat' command|"},
        {"COMMAND GETKEYS SPUBLISH c m", "-ERR The command has no key arguments|"                     },
        {"COMMAND INFO SSUBSCRIBE",
         "[*]1|[*]10|$10|ssubscribe|:-2|[*]4|*+pubsub|*:1|:-1|:1|*+not_key|*"                         },
    };
    struct alone *a = answers_start(NULL, 0);

    answers_expect_all(a, cases, ARRAY_COUNT(cases));
    alone_free(a);
}

Test(pubsub_commands, in_a_cluster_a_channel_of_a_shard_is_asked_for_where_its_slot_is)
{
    static const struct answers_case cases[] = {
        {"SSUBSCRIBE c{x} d{x}", "[*]3|$10|ssubscribe|$4|c{x}|:1|[*]3|*|:2|"              },
        {"SUNSUBSCRIBE",         "[*]3|*|:1|[*]3|*|:0|"                                   },
        {"SSUBSCRIBE a b",       "-CROSSSLOT Keys in request don't hash to the same slot|"},
        {"SUBSCRIBE a b",        "[*]3|*|:1|[*]3|*|:2|"                                   },
        {"RESET",                "+RESET|"                                                },
        {"SSUBSCRIBE c",         "[*]3|$10|ssubscribe|$1|c|:1|"                           },
    };
    struct alone *a = answers_start_cluster();

    answers_expect_all(a, cases, ARRAY_COUNT(cases));
    answers_send(a, P, "CLUSTER DELSLOTS 7365\r\n");
    alone_settle(a, ANSWERS_PASSES);
    answers_match(a, P, "+OK|");
    answers_match(a, 0, "[*]3|$12|sunsubscribe|$1|c|:0|");
    answers_expect(a, "SPUBLISH c m", "-CLUSTERDOWN Hash slot not served|");
    alone_free(a);
}
