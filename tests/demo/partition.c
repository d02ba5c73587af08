/* SPDX-License-Identifier: MIT */
/* A network of our own, in which nodes cannot reach one another for a while.
 *
 * All servers are on the loopback of a network namespace, and each runs as a user of its own: that tells their packets apart,
 * and a rule of the routing tables (ip-rule(8): uidrange, dport, blackhole) lets those of one to the ports of another vanish.
 * What was sent is sent again by TCP and comes late, when the rule has gone; who connects meanwhile is refused at once.
 * Clients reach everybody.
 *
 * A rule stops what a node sends by connections that it opened.  By one that the other has opened it may send on, as far as
 * TCP goes without an acknowledgement: such a node is heard and cannot hear. */
#include "tests/demo/demo.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    USER = 30000, /* of the first server; the others follow */
    CUT_PRIORITY = 10,
    LOCAL_PRIORITY = 200, /* of the rule that finds addresses of our own, else the very first */
    BUS_PORT_ABOVE = 10000,
};

/* Lines for `ip -batch`. */
static bool run_ip(struct demo *demo, const char *lines)
{
    FILE *ip = popen("ip -batch -", "w");
    bool is_ok = ip != NULL && fputs(lines, ip) >= 0;

    is_ok = ip != NULL && pclose(ip) == 0 && is_ok;
    if (!is_ok) {
        errmsg_set(&demo->error, "ip(8) refuses: %s", lines);
    }
    return is_ok;
}

bool partition_prepare(struct demo *demo)
{
    char lines[DEMO_TEXT];

    if (geteuid() != 0 || unshare(CLONE_NEWNET) != 0) {
        errmsg_set(&demo->error, "partitions need a network namespace, which root can have: %s",
                   geteuid() != 0 ? "we are not root" : strerror(errno));
        return false;
    }
    snprintf(lines, sizeof(lines),
             "link set lo up\nrule del pref 0\nrule add pref %d lookup local\n", LOCAL_PRIORITY);
    demo->user = USER;
    return run_ip(demo, lines);
}

static bool cut(struct demo *demo, size_t from, size_t to)
{
    unsigned user = demo->user + (unsigned)from;
    unsigned port = demo->servers[to].port;
    char lines[DEMO_TEXT];

    snprintf(lines, sizeof(lines),
             "rule add pref %d uidrange %u-%u ipproto tcp dport %u blackhole\n"
             "rule add pref %d uidrange %u-%u ipproto tcp dport %u blackhole\n",
             CUT_PRIORITY, user, user, port, CUT_PRIORITY, user, user, port + BUS_PORT_ABOVE);
    return run_ip(demo, lines);
}

bool partition_cut(struct demo *demo, unsigned side, enum partition_ways ways)
{
    bool is_ok = true;

    for (size_t from = 0; is_ok && from < demo->node_count; from++) {
        for (size_t to = 0; is_ok && to < demo->node_count; to++) {
            bool is_out = (side >> from & 1) != 0 && (side >> to & 1) == 0;
            bool is_in = (side >> from & 1) == 0 && (side >> to & 1) != 0;

            if ((is_out && (ways & PARTITION_OUT) != 0) || (is_in && (ways & PARTITION_IN) != 0)) {
                demo->cut_count += 2;
                is_ok = cut(demo, from, to);
            }
        }
    }
    return is_ok;
}

bool partition_heal(struct demo *demo)
{
    char line[DEMO_TEXT];
    bool is_ok = true;

    snprintf(line, sizeof(line), "rule del pref %d\n", CUT_PRIORITY);
    for (; is_ok && demo->cut_count > 0; demo->cut_count--) {
        is_ok = run_ip(demo, line);
    }
    return is_ok;
}
