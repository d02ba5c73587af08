/* SPDX-License-Identifier: MIT */
/* CONFIG GET, SET, REWRITE, RESETSTAT. */
#include "base/attr.h"
#include "base/errmsg.h"
#include "base/mem.h"
#include "node/inside.h"
#include "tests/unit/answers.h"

Test(config_commands, get_has_each_directive_once_whatever_the_patterns)
{
    static const struct answers_case cases[] = {
        {"CONFIG GET maxclients",        "[*]2|$10|maxclients|$5|10000|"                    },
        {"CONFIG GET MAXCL* maxclients", "[*]2|$10|maxclients|$5|10000|"                    },
        {"CONFIG GET nosuch",            "[*]0|"                                            },
        {"CONFIG GET",                   "-ERR wrong number of arguments for 'config|get' *"},
    };
    struct alone *a = answers_start(NULL, 0);

    answers_expect_all(a, cases, ARRAY_COUNT(cases));
    alone_free(a);
}

Test(config_commands, set_changes_all_or_nothing)
{
    static const struct answers_case cases[] = {
        {"CONFIG SET timeout 7 hz nosuch",
         "-ERR CONFIG SET failed (possibly related to argument 'hz') - *"                                },
        {"CONFIG SET timeout 7 timeout 8",
         "-ERR CONFIG SET failed *'timeout') - duplicate parameter|"                                     },
        {"CONFIG SET timeout 7 nosuch 1",
         "-ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'|"                         },
        {"CONFIG SET timeout 7 dir /",
         "-ERR CONFIG SET failed *'dir') - can't set protected config|"                                  },
        {"CONFIG SET timeout",                 "-ERR wrong number of arguments for 'config|set' command|"},
        {"CONFIG GET timeout",                 "[*]2|$7|timeout|$1|0|"                                   },
        {"CONFIG SET timeout 7 maxclients 50", "+OK|"                                                    },
        {"CONFIG GET timeout maxclients",      "*|$2|50|*"                                               },
    };
    struct alone *a = answers_start(NULL, 0);

    answers_expect_all(a, cases, ARRAY_COUNT(cases));
    cr_expect_eq(node_config(a->node)->timeout_s, 7);
    cr_expect_eq(node_config(a->node)->maxclients, 50);
    alone_free(a);
}

static bool refuse(void *context, const struct config *now, struct config *next,
                   const char **culprit, struct errmsg *error)
{
    (void)context;
    (void)now;
    (void)next;
    *culprit = "port";
    errmsg_set(error, "it is in use");
    return false;
}

Test(config_commands, set_changes_nothing_that_the_world_does_not_take)
{
    struct alone *a = answers_start(NULL, 0);

    a->node->env.apply_config = refuse;
    answers_expect(a, "CONFIG SET timeout 7",
                   "-ERR CONFIG SET failed (possibly related to argument 'port') - it is in use|");
    cr_expect_eq(node_config(a->node)->timeout_s, 0);
    alone_free(a);
}

Test(config_commands, resetstat_forgets_what_was_counted)
{
    struct alone *a = answers_start(NULL, 0);

    answers_expect(a, "GET k\r\nINFO stats", "$-1|*|keyspace_misses:1|*");
    answers_expect(a, "CONFIG RESETSTAT", "+OK|");
    answers_expect(a, "INFO stats", "*|keyspace_misses:0|*");
    alone_free(a);
}

Test(config_commands, rewrite_needs_a_file_and_is_answered_when_it_is_on_disk)
{
    struct alone *a = answers_start(NULL, 0);

    answers_expect(a, "CONFIG REWRITE", "-ERR The server is running without a config file|");
    a->node->config.file = mem_strdup(MEM_NODE, "starling.conf");
    answers_expect(a, "CONFIG SET timeout 7", "+OK|");
    a->is_disk_slow = true;
    answers_send(a, 0, "CONFIG REWRITE\r\n");
    answers_idle(a, 3, 10);
    answers_match(a, 0, "");
    answers_send(a, 1, "CONFIG REWRITE\r\n");
    answers_match(a, 1, "-ERR Rewriting config file: already in progress|");
    a->is_disk_slow = false;
    answers_idle(a, 3, 10);
    answers_match(a, 0, "+OK|");
    cr_assert(answers_has_file(a, "starling.conf"));
    a->disk.fault = DISK_BROKEN;
    answers_expect(a, "CONFIG REWRITE", "-ERR Rewriting config file failed, see the server's log|");
    alone_free(a);
}
