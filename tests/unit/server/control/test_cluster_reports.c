/* SPDX-License-Identifier: MIT */
/* CLUSTER subcommands that tell: of nodes, slots, shards, links. */
#include "base/attr.h"
#include "node/inside.h"
#include "tests/unit/answers.h"

#include <stdio.h>
#include <string.h>

static struct alone *start(void)
{
    return answers_start(&(struct alone_option){"cluster-enabled", "yes"}, 1);
}

/* Client 0 is answered by format with the id of the node in it. */
static void expect_with_id(struct alone *a, const char *line, const char *format)
{
    struct node_facts facts;
    char pattern[512];
    const char *at = strchr(format, '@');
    int before = (int)(at - format);

    node_facts(a->node, &facts);
    snprintf(pattern, sizeof(pattern), "%.*s%s%s", before, format, facts.id, at + 1);
    answers_expect(a, line, pattern);
}

Test(cluster_reports, a_node_tells_its_id_and_its_shard_s)
{
    struct alone *a = start();

    expect_with_id(a, "CLUSTER MYID", "$40|@|");
    answers_expect(a, "CLUSTER MYSHARDID", "$40|????????????????????????????????????????|");
    alone_free(a);
}

Test(cluster_reports, nodes_and_slots_and_shards_tell_the_same_ranges)
{
    struct alone *a = start();

    answers_expect(a, "CLUSTER ADDSLOTSRANGE 0 99 200 200", "+OK|");
    expect_with_id(a, "CLUSTER NODES", "$*|@ *myself,master - 0 0 * connected 0-99 200|");
    expect_with_id(a, "CLUSTER SLOTS", "[*]2|[*]3|:0|:99|[*]4|*|$40|@|[*]0|[*]3|:200|:200|[*]4|*");
    expect_with_id(a, "CLUSTER SHARDS",
                   "[*]1|[*]4|$5|slots|[*]4|:0|:99|:200|:200|$5|nodes|[*]1|*|$40|@|*|$6|master|*");
    alone_free(a);
}

Test(cluster_reports, info_counts_slots_and_nodes)
{
    struct alone *a = start();

    answers_expect(a, "CLUSTER INFO",
                   "$*|cluster_state:fail|cluster_slots_assigned:0|*|cluster_known_nodes:1|"
                   "cluster_size:0|*");
    answers_expect(a, "CLUSTER ADDSLOTSRANGE 0 99", "+OK|");
    answers_expect(a, "CLUSTER INFO", "*|cluster_slots_assigned:100|*|cluster_size:1|*");
    alone_free(a);
}

Test(cluster_reports, of_a_node_that_nobody_knows_nothing_is_told)
{
    static const struct answers_case cases[] = {
        {"CLUSTER REPLICAS nobody",              "-ERR Unknown node nobody|"},
        {"CLUSTER SLAVES nobody",                "-ERR Unknown node nobody|"},
        {"CLUSTER COUNT-FAILURE-REPORTS nobody", "-ERR Unknown node nobody|"},
        {"CLUSTER LINKS",                        "[*]0|"                    },
    };
    struct alone *a = start();
    struct node_facts facts;
    char line[128];

    answers_expect_all(a, cases, ARRAY_COUNT(cases));
    node_facts(a->node, &facts);
    snprintf(line, sizeof(line), "CLUSTER REPLICAS %s", facts.id);
    answers_expect(a, line, "[*]0|");
    snprintf(line, sizeof(line), "CLUSTER COUNT-FAILURE-REPORTS %s", facts.id);
    answers_expect(a, line, ":0|");
    alone_free(a);
}
