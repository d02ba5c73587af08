/* SPDX-License-Identifier: MIT */
/* Saving, ending, time, OBJECT HELP. */
#include "base/attr.h"
#include "tests/alone/alone.h"
#include "tests/unit/answers.h"
#include "tests/unit/server/node/lone_node.h"

#include <criterion/criterion.h>

Test(server_commands, object_is_a_container_like_others)
{
    struct lone_node *w = lone_node_new();

    lone_node_expect(w, "SET i 12\r\nOBJECT ENCODING i\r\nOBJECT encoding none\r\n",
                     "+OK|$3|int|$-1|");
    lone_node_expect(w, "OBJECT\r\n", "-ERR wrong number of arguments for 'object' command|");
    lone_node_expect(w, "OBJECT foo i\r\n", "-ERR unknown subcommand 'foo'. Try OBJECT HELP.|");
    lone_node_expect(w, "OBJECT ENCODING\r\n",
                     "-ERR wrong number of arguments for 'object|encoding' command|");
    lone_node_expect(w, "OBJECT HELP more\r\n",
                     "-ERR wrong number of arguments for 'object|help' command|");
    lone_node_expect(w, "OBJECT HELP\r\n", "[*]11|+OBJECT <subcommand>*");
    lone_node_expect(w, "COMMAND GETKEYS OBJECT FREQ i\r\n", "[*]1|$1|i|");
    lone_node_expect(w, "COMMAND GETKEYS OBJECT HELP\r\n", "-ERR The command has no key*");
    lone_node_free(w);
}

Test(server_commands, object_subcommands_are_routed_by_their_key)
{
    static const char *const requests[] = {"OBJECT ENCODING k\r\n", "OBJECT IDLETIME k\r\n",
                                           "MEMORY USAGE k\r\n", "MEMORY USAGE k SAMPLES 0\r\n"};
    struct alone *a = alone_new(&(struct alone_option){"cluster-enabled", "yes"}, 1);

    alone_connect(a, 0);
    for (size_t i = 0; i < ARRAY_COUNT(requests); i++) {
        struct buf out;

        alone_pass(a, 1000, 0, bytes_from_text(requests[i]));
        out = alone_take(a, 0);
        cr_assert(bytes_has_prefix(buf_bytes(&out), "-CLUSTERDOWN Hash slot not served"), "%s: %s",
                  requests[i], buf_text(&out));
        buf_deinit(&out);
    }
    alone_free(a);
}

Test(server_commands, time_is_told_in_microseconds)
{
    struct lone_node *w = lone_node_new();

    w->now_ns += 123456789;
    lone_node_expect(w, "TIME\r\n", "*2|$10|*|$6|*456|");
    lone_node_free(w);
}

Test(server_commands, bgsave_goes_on_beside_others_and_save_is_answered_when_it_is_over)
{
    static const struct answers_case cases[] = {
        {"BGSAVE NOW",        "-ERR syntax error|"            },
        {"BGSAVE SCHEDULE x", "-ERR syntax error|"            },
        {"SHUTDOWN NOSAVE x", "-ERR syntax error|"            },
        {"SHUTDOWN ABORT",    "-ERR No shutdown in progress.|"},
        {"LASTSAVE",          ":1700000001|"                  },
    };
    struct alone *a = answers_start(NULL, 0);

    answers_expect_all(a, cases, ARRAY_COUNT(cases));
    a->is_disk_slow = true;
    answers_send(a, 0, "BGSAVE\r\n");
    answers_match(a, 0, "+Background saving started|");
    answers_send(a, 1, "SAVE\r\nBGSAVE\r\n");
    answers_match(a, 1,
                  "-ERR Background save already in progress|"
                  "-ERR Background save already in progress|");
    a->is_disk_slow = false;
    alone_settle(a, ANSWERS_PASSES);
    a->is_disk_slow = true;
    answers_send(a, 0, "SAVE\r\n");
    answers_idle(a, 3, 10);
    answers_match(a, 0, "");
    a->is_disk_slow = false;
    alone_settle(a, ANSWERS_PASSES);
    answers_match(a, 0, "+OK|");
    alone_free(a);
}
