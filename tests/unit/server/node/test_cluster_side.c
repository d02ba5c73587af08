/* SPDX-License-Identifier: MIT */
/* What an operator is told of the map of the cluster is in the nodes file, or it is an error. */
#include "node/inside.h"
#include "tests/unit/answers.h"
#include "tests/unit/server/node/lone_node.h"

#include <criterion/criterion.h>

#include <string.h>

enum {
    TRIES = 20,
    FILES_MAX = 12,
};

static struct lone_node *start(void)
{
    struct errmsg error;
    struct lone_node *w = lone_node_new_clustered(false, &error);

    cr_assert_not_null(w);
    lone_node_ask(w, "");
    lone_node_file_done(w, true);
    return w;
}

Test(cluster_side, a_node_that_cannot_write_its_nodes_file_does_not_start)
{
    struct errmsg error = {0};

    cr_assert_null(lone_node_new_clustered(true, &error));
    cr_expect_str_eq(error.text, "cannot write the nodes file nodes.conf: no space left");
}

Test(cluster_side, a_node_that_has_its_nodes_file_starts_on_a_full_disk_and_not_on_a_broken_one)
{
    static const struct alone_option options[] = {
        {"cluster-enabled", "yes"}
    };

    for (int is_broken = 0; is_broken < 2; is_broken++) {
        struct alone *a = answers_start_cluster();
        struct alone_past past = {.disk = &a->disk, .seed = 5, .now_us = a->now_us};
        struct alone *next;

        a->disk.fault = is_broken ? DISK_BROKEN : DISK_FULL;
        next = alone_new_after(options, 1, &past);
        cr_expect_eq(next->has_exited, is_broken, "%s", buf_text(&next->warnings));
        cr_expect_not_null(strstr(buf_text(&next->warnings), "nodes.conf"));
        alone_free(next);
        alone_free(a);
    }
}

/* The file that the command waits for may be behind one that is being written. */
static const char *answer_on_disk(struct lone_node *w)
{
    const char *answer = "";

    for (int i = 0; i < FILES_MAX && answer[0] == '\0'; i++) {
        lone_node_file_done(w, true);
        answer = lone_node_ask(w, "");
    }
    return answer;
}

Test(cluster_side, commands_that_change_it_are_answered_when_it_is_on_disk)
{
    static const char *const commands[][2] = {
        {"CLUSTER ADDSLOTS 1 2\r\n",       "+OK|"      },
        {"CLUSTER ADDSLOTSRANGE 3 9\r\n",  "+OK|"      },
        {"CLUSTER DELSLOTS 2\r\n",         "+OK|"      },
        {"CLUSTER DELSLOTSRANGE 3 4\r\n",  "+OK|"      },
        {"CLUSTER SAVECONFIG\r\n",         "+OK|"      },
        {"CLUSTER SET-CONFIG-EPOCH 7\r\n", "+OK|"      },
        {"CLUSTER FLUSHSLOTS\r\n",         "+OK|"      },
        {"CLUSTER RESET HARD\r\n",         "+OK|"      },
        {"CLUSTER BUMPEPOCH\r\n",          "+BUMPED 1|"},
    };
    struct lone_node *w = start();

    for (size_t i = 0; i < ARRAY_COUNT(commands); i++) {
        cr_expect_str_eq(lone_node_ask(w, commands[i][0]), "", "%s", commands[i][0]);
        cr_expect_str_eq(answer_on_disk(w), commands[i][1], "%s", commands[i][0]);
    }
    lone_node_expect(w, "CLUSTER BUMPEPOCH\r\n", "+STILL 1|");
    lone_node_free(w);
}

Test(cluster_side, a_file_that_cannot_be_written_is_an_error_to_whoever_waits_for_it)
{
    struct lone_node *w = start();

    lone_node_ask(w, "CLUSTER ADDSLOTS 1\r\n");
    lone_node_file_done(w, false);
    lone_node_expect(w, "", "-ERR error saving the cluster node config: no space left|");
    lone_node_ask(w, "CLUSTER SAVECONFIG\r\n");
    lone_node_file_done(w, true);
    lone_node_expect(w, "", "+OK|");
    lone_node_free(w);
}

Test(cluster_side, one_that_fails_again_and_again_is_logged_once)
{
    struct lone_node *w = start();
    uint64_t first = w->last_file;

    w->warnings = 0;
    lone_node_ask(w, "CLUSTER ADDSLOTS 1\r\n");
    for (int i = 0; i < TRIES; i++) {
        lone_node_file_done(w, false);
        for (int k = 0; k < 3; k++) {
            lone_node_idle(w);
        }
    }
    cr_expect_geq(w->last_file - first, TRIES, "it is tried again");
    cr_expect_eq(w->warnings, 1);
    lone_node_free(w);
}
