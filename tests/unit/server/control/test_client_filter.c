/* SPDX-License-Identifier: MIT */
/* Which clients are meant, against the header's promises. */
#include "control/client_filter.h"

#include "session/acl.h"

#include "base/attr.h"
#include "base/glob.h"
#include "base/split.h"
#include "node/request.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum {
    SESSIONS = 4,
    DATABASES = 16,
};

static const struct mono_time NOW = {.us = INT64_C(1000) * 1000000};

/* Session 1 asks.  2: named, silent for 50 s.  3: IPv6, db 3, a library, old.  4: a unix socket, flags T, e and r. */
struct room {
    struct session_table table;
    struct session *all[SESSIONS + 1];
};

static void enter(struct room *room, const char *address, int64_t age_s)
{
    struct session_peer peer = {0};
    size_t i = room->table.count + 1;

    snprintf(peer.address, sizeof(peer.address), "%s", address);
    snprintf(peer.local, sizeof(peer.local), "10.0.0.9:%zu", 6000 + i);
    room->all[i] =
        session_new(&room->table, &peer, (struct mono_time){.us = NOW.us - age_s * 1000000});
    room->all[i]->active_at = NOW;
}

static void open_room(struct room *room)
{
    session_table_init(&room->table);
    enter(room, "10.0.0.1:5001", 900);
    enter(room, "10.0.0.1:5002", 100);
    enter(room, "[::1]:5003", 500);
    enter(room, "/tmp/sock:0", 0);
    buf_append_text(&room->all[2]->name, "bob");
    room->all[2]->active_at.us -= 50 * 1000000;
    room->all[3]->db = 3;
    buf_append_text(&room->all[3]->lib_name, "lib");
    buf_append_text(&room->all[3]->lib_version, "1.2");
    room->all[4]->flags |= SESSION_NO_EVICT | SESSION_NO_TOUCH | SESSION_CAPA_REDIRECT;
}

static void close_room(struct room *room)
{
    for (int i = 1; i <= SESSIONS; i++) {
        session_free(&room->table, room->all[i]);
    }
    session_table_deinit(&room->table);
}

/* The ids that match, or the error. */
static void ask(struct room *room, const char *words, enum client_filter_use use, struct buf *out)
{
    struct acl acl;
    const struct client_filter_facts facts = {.database_count = DATABASES, .acl = &acl};
    struct client_filter filter = {0};
    struct split split = {0};
    struct resp_writer writer = {.out = out, .version = 2};
    struct request request = {.session = room->all[1], .reply = &writer};
    struct buf line = {0};

    buf_printf(&line, "CLIENT X %s", words);
    cr_assert(split_line(&split, buf_bytes(&line)));
    request.args = split.words.items;
    request.arg_count = split.words.count;
    acl_init(&acl, false, (struct bytes){0});
    if (client_filter_read(&filter, &request, use, &facts)) {
        cr_expect_eq(out->len, 0);
        for (int i = 1; i <= SESSIONS; i++) {
            if (client_filter_matches(&filter, room->all[i], room->all[1], NOW)) {
                buf_printf(out, "%d", i);
            }
        }
    } else {
        cr_assert_gt(out->len, 2, "%s", words);
        buf_consume(out, 1);
        out->len -= 2;
    }
    client_filter_deinit(&filter);
    acl_deinit(&acl);
    split_deinit(&split);
    buf_deinit(&line);
}

struct filter_case {
    const char *words;
    const char *expected;
};

static void expect_all(const struct filter_case *cases, size_t count, enum client_filter_use use)
{
    struct room room = {0};

    open_room(&room);
    for (size_t i = 0; i < count; i++) {
        struct buf out = {0};

        ask(&room, cases[i].words, use, &out);
        cr_expect(bytes_equal_text(buf_bytes(&out), cases[i].expected), "%s gives %.*s, not %s",
                  cases[i].words, (int)out.len, buf_text(&out), cases[i].expected);
        buf_deinit(&out);
    }
    close_room(&room);
}

Test(client_filter, each_term_has_the_clients_that_are_so)
{
    static const struct filter_case cases[] = {
        {"",                           "1234"},
        {"ID 2",                       "2"   },
        {"ID 4 2 99",                  "24"  },
        {"ID 4 ID 2",                  "24"  },
        {"id 4 2 name bob",            "2"   },
        {"TYPE normal",                "1234"},
        {"TYPE Master",                ""    },
        {"TYPE replica",               ""    },
        {"TYPE pubsub",                ""    },
        {"ADDR 10.0.0.1:5002",         "2"   },
        {"ADDR 10.0.0.1",              ""    },
        {"LADDR 10.0.0.9:6003",        "3"   },
        {"IP 10.0.0.1",                "12"  },
        {"IP ::1",                     "3"   },
        {"IP /tmp/sock",               "4"   },
        {"IP [::1]",                   ""    },
        {"USER default",               "1234"},
        {"NAME bob",                   "2"   },
        {"NAME bo",                    ""    },
        {"NAME \"\"",                  "134" },
        {"LIB-NAME lib",               "3"   },
        {"LIB-VER 1.2",                "3"   },
        {"LIB-VER \"\"",               "124" },
        {"FLAGS N",                    "123" },
        {"FLAGS e",                    "4"   },
        {"FLAGS Te",                   "4"   },
        {"FLAGS eN",                   ""    },
        {"FLAGS \"\"",                 "1234"},
        {"CAPA r",                     "4"   },
        {"DB 3",                       "3"   },
        {"DB 0",                       "124" },
        {"MAXAGE 100",                 "123" },
        {"MAXAGE 101",                 "13"  },
        {"MAXAGE 9223372036854775807", ""    },
        {"IDLE 50",                    "2"   },
        {"IDLE 51",                    ""    },
        {"SKIPME yes",                 "234" },
        {"SKIPME NO",                  "1234"},
        {"SKIPME yes SKIPME no",       "1234"},
        {"DB 3 DB 0",                  "124" },
    };

    expect_all(cases, ARRAY_COUNT(cases), CLIENT_FILTER_LIST);
    expect_all(cases, ARRAY_COUNT(cases), CLIENT_FILTER_KILL);
}

Test(client_filter, not_leaves_out_the_clients_that_are_so)
{
    static const struct filter_case cases[] = {
        {"NOT-ID 2 3",              "14"  },
        {"not-id 2 NOT-ID 3",       "14"  },
        {"NOT-TYPE normal",         ""    },
        {"NOT-TYPE pubsub",         "1234"},
        {"NOT-ADDR 10.0.0.1:5002",  "134" },
        {"NOT-LADDR 10.0.0.9:6003", "124" },
        {"NOT-IP 10.0.0.1",         "34"  },
        {"NOT-USER default",        ""    },
        {"NOT-NAME bob",            "134" },
        {"NOT-LIB-NAME lib",        "124" },
        {"NOT-LIB-VER 1.2",         "124" },
        {"NOT-FLAGS N",             "4"   },
        {"NOT-FLAGS eN",            "1234"},
        {"NOT-CAPA r",              "123" },
        {"NOT-DB 0",                "3"   },
    };

    expect_all(cases, ARRAY_COUNT(cases), CLIENT_FILTER_LIST);
}

Test(client_filter, a_client_has_to_be_all_that_is_asked_for)
{
    static const struct filter_case cases[] = {
        {"IP 10.0.0.1 SKIPME yes",                "2" },
        {"IP 10.0.0.1 NOT-NAME bob",              "1" },
        {"ID 1 2 3 NOT-ID 3 NOT-DB 3 MAXAGE 200", "1" },
        {"NOT-NAME bob NOT-CAPA r",               "13"},
        {"NAME bob NOT-NAME bob",                 ""  },
    };

    expect_all(cases, ARRAY_COUNT(cases), CLIENT_FILTER_KILL);
}

Test(client_filter, what_is_not_understood_is_refused)
{
    static const struct filter_case cases[] = {
        {"x",                          "ERR syntax error"                                  },
        {"ID",                         "ERR syntax error"                                  },
        {"NAME",                       "ERR syntax error"                                  },
        {"ID 1 NAME",                  "ERR syntax error"                                  },
        {"SKIPME maybe",               "ERR syntax error"                                  },
        {"NOT-SKIPME yes",             "ERR syntax error"                                  },
        {"NOT-MAXAGE 5",               "ERR syntax error"                                  },
        {"NOT-IDLE 5",                 "ERR syntax error"                                  },
        {"NOT- 5",                     "ERR syntax error"                                  },
        {"NOT-NOT-ID 5",               "ERR syntax error"                                  },
        {"NAME bob x",                 "ERR syntax error"                                  },
        {"TYPE x",                     "ERR Unknown client type 'x'"                       },
        {"NOT-TYPE x",                 "ERR Unknown client type 'x'"                       },
        {"USER nobody",                "ERR No such user 'nobody'"                         },
        {"NOT-USER nobody",            "ERR No such user 'nobody'"                         },
        {"FLAGS eQ",                   "ERR Unknown flags found in the provided filter: eQ"},
        {"NOT-FLAGS \"\\x00\"",        "ERR Unknown flags found in the provided filter: "  },
        {"CAPA rx",                    "ERR Unknown capa found in the provided filter: rx" },
        {"DB x",                       "ERR value is not an integer or out of range"       },
        {"DB 16",                      "ERR DB index is out of range"                      },
        {"DB -1",                      "ERR DB index is out of range"                      },
        {"MAXAGE x",                   "ERR maxage is not an integer or out of range"      },
        {"MAXAGE 9223372036854775808", "ERR maxage is not an integer or out of range"      },
        {"MAXAGE 0",                   "ERR maxage should be greater than 0"               },
        {"MAXAGE -1",                  "ERR maxage should be greater than 0"               },
        {"IDLE 1.5",                   "ERR idle is not an integer or out of range"        },
        {"IDLE 0",                     "ERR idle should be greater than 0"                 },
    };

    expect_all(cases, ARRAY_COUNT(cases), CLIENT_FILTER_LIST);
    expect_all(cases, ARRAY_COUNT(cases), CLIENT_FILTER_KILL);
}

Test(client_filter, ids_that_cannot_be_are_refused_as_each_command_does)
{
    static const struct filter_case listed[] = {
        {"ID x",                   "ERR Invalid client ID"},
        {"ID 1 x",                 "ERR Invalid client ID"},
        {"ID 9223372036854775808", "ERR Invalid client ID"},
        {"ID 0",                   ""                     },
        {"ID -1",                  ""                     },
        {"ID 0 1",                 "1"                    },
        {"NOT-ID 0",               "1234"                 },
    };
    static const struct filter_case killed[] = {
        {"ID x",                   "ERR client-id should be greater than 0"},
        {"ID 0",                   "ERR client-id should be greater than 0"},
        {"ID 1 -1",                "ERR client-id should be greater than 0"},
        {"NOT-ID x",               "ERR client-id should be greater than 0"},
        {"ID 9223372036854775808", "ERR client-id should be greater than 0"},
        {"ID 1 x",                 "ERR syntax error"                      },
    };

    expect_all(listed, ARRAY_COUNT(listed), CLIENT_FILTER_LIST);
    expect_all(killed, ARRAY_COUNT(killed), CLIENT_FILTER_KILL);
}
