/* SPDX-License-Identifier: MIT */
/* What ROLE and INFO replication tell. */
#include "base/attr.h"
#include "node/inside.h"
#include "tests/unit/answers.h"

#include <stdio.h>

/* Client 3 becomes a replica that has everything. */
static void attach_replica(struct alone *a)
{
    struct buf out;

    answers_send(a, 3,
                 "REPLCONF listening-port 7001 capa eof capa psync2\r\n"
                 "PSYNC ? -1\r\n");
    alone_settle(a, ANSWERS_PASSES);
    answers_send(a, 3, "REPLCONF ACK 0\r\n");
    out = alone_take(a, 3);
    buf_deinit(&out);
}

Test(replication_report, a_primary_tells_of_replicas_that_are_online)
{
    struct alone *a = answers_start(NULL, 0);

    answers_expect(a, "ROLE", "[*]3|$6|master|:0|[*]0|");
    attach_replica(a);
    answers_expect(a, "ROLE", "[*]3|$6|master|:*|[*]1|[*]3|$9|127.0.0.1|$4|7001|$1|0|");
    answers_expect(a, "INFO replication",
                   "*|role:master|connected_slaves:1|slave0:ip=127.0.0.1,port=7001,state=online,"
                   "offset=0,lag=0|*");
    alone_disconnect(a, 3);
    answers_expect(a, "INFO replication", "*|connected_slaves:0|*");
    alone_free(a);
}

Test(replication_report, who_has_only_said_something_of_itself_is_no_replica_yet)
{
    struct alone *a = answers_start(NULL, 0);

    answers_send(a, 3, "REPLCONF listening-port 7001\r\n");
    answers_expect(a, "INFO replication", "*|connected_slaves:0|*");
    alone_free(a);
}

Test(replication_report, a_replica_tells_of_the_link_to_its_primary)
{
    struct alone *a = answers_start(&(struct alone_option){"replicaof", "127.0.0.1 7000"}, 1);

    answers_expect(a, "ROLE", "[*]5|$5|slave|$9|127.0.0.1|:7000|$*|connect*|:*|");
    answers_expect(a, "INFO replication",
                   "*|role:slave|master_host:127.0.0.1|master_port:7000|master_link_status:down|*");
    cr_assert(alone_lead(a));
    answers_expect(a, "ROLE", "[*]5|$5|slave|$9|127.0.0.1|:7000|$9|connected|:*|");
    answers_expect(a, "INFO replication", "*|master_link_status:up|*");
    alone_free(a);
}

Test(replication_report, offsets_are_those_of_the_log)
{
    struct alone *a = answers_start(NULL, 0);
    struct node_facts facts;
    char pattern[128];

    answers_expect(a, "SET k v", "+OK|");
    node_facts(a->node, &facts);
    cr_assert_gt(facts.offset, 0);
    snprintf(pattern, sizeof(pattern), "*|master_replid:%s|*|master_repl_offset:%llu|*",
             facts.history.text, (unsigned long long)facts.offset);
    answers_expect(a, "INFO replication", pattern);
    alone_free(a);
}
