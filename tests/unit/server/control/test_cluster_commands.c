/* SPDX-License-Identifier: MIT */
/* CLUSTER subcommands that change something, and those about slots and keys. */
#include "base/attr.h"
#include "node/inside.h"
#include "spec/slot.h"
#include "tests/unit/answers.h"

#include <stdio.h>

enum {
    LEASE_PASSES = 100, /* of 100 ms: a node alone grants itself its lease */
};

static struct alone *start(void)
{
    return answers_start(&(struct alone_option){"cluster-enabled", "yes"}, 1);
}

Test(cluster_commands, slots_are_added_and_given_up_all_or_none)
{
    static const struct answers_case cases[] = {
        {"CLUSTER ADDSLOTS 1 2 16384",  "-ERR Invalid or out of range slot|"   },
        {"CLUSTER ADDSLOTS -1",         "-ERR Invalid or out of range slot|"   },
        {"CLUSTER ADDSLOTS 1 1",        "-ERR Slot 1 specified multiple times|"},
        {"CLUSTER ADDSLOTSRANGE 1",
         "-ERR wrong number of arguments for 'cluster|addslotsrange' command|" },
        {"CLUSTER ADDSLOTSRANGE 1 2 3",
         "-ERR wrong number of arguments for 'cluster|addslotsrange' command|" },
        {"CLUSTER ADDSLOTSRANGE 5 3",
         "-ERR start slot number 5 is greater than end slot number 3|"         },
        {"CLUSTER DELSLOTS 1",          "-ERR Slot 1 is already unassigned|"   },
        {"CLUSTER ADDSLOTS 1 2",        "+OK|"                                 },
        {"CLUSTER ADDSLOTS 3 2",        "-ERR Slot 2 is already busy|"         },
        {"CLUSTER DELSLOTSRANGE 1 3",   "-ERR Slot 3 is already unassigned|"   },
    };
    struct alone *a = start();

    answers_expect_all(a, cases, ARRAY_COUNT(cases));
    for (unsigned slot = 0; slot < 5; slot++) {
        cr_expect_eq(node_owns_slot(a->node, slot), slot == 1 || slot == 2, "%u", slot);
    }
    answers_expect(a, "CLUSTER DELSLOTS 1", "+OK|");
    cr_expect_not(node_owns_slot(a->node, 1));
    answers_expect(a, "CLUSTER FLUSHSLOTS", "+OK|");
    cr_expect_not(node_owns_slot(a->node, 2));
    alone_free(a);
}

Test(cluster_commands, keys_of_a_slot_are_counted_and_listed)
{
    struct alone *a = answers_start_cluster();
    char line[64];

    snprintf(line, sizeof(line), "CLUSTER KEYSLOT {t}a");
    answers_expect(a, line, ":15891|");
    cr_assert_eq(slot_of_key(BYTES_LITERAL("{t}b")), 15891);
    answers_expect(a, "MSET {t}a 1 {t}b 2 {t}c 3", "+OK|");
    answers_expect(a, "CLUSTER COUNTKEYSINSLOT 15891", ":3|");
    answers_expect(a, "CLUSTER COUNTKEYSINSLOT 0", ":0|");
    answers_expect(a, "CLUSTER GETKEYSINSLOT 15891 2", "[*]2|$4|{t}?|$4|{t}?|");
    answers_expect(a, "CLUSTER GETKEYSINSLOT 15891 100", "[*]3|$4|{t}?|$4|{t}?|$4|{t}?|");
    answers_expect(a, "CLUSTER GETKEYSINSLOT 0 10", "[*]0|");
    alone_free(a);
}

Test(cluster_commands, say_what_is_wrong_with_a_slot_a_port_a_node)
{
    static const struct answers_case cases[] = {
        {"CLUSTER COUNTKEYSINSLOT x",     "-ERR value is not an integer or out of range|"      },
        {"CLUSTER COUNTKEYSINSLOT 16384", "-ERR Invalid slot|"                                 },
        {"CLUSTER GETKEYSINSLOT 0 x",     "-ERR value is not an integer or out of range|"      },
        {"CLUSTER GETKEYSINSLOT 0 -1",    "-ERR Invalid slot or number of keys|"               },
        {"CLUSTER GETKEYSINSLOT 16384 1", "-ERR Invalid slot or number of keys|"               },
        {"CLUSTER MEET 127.0.0.1 x",      "-ERR Invalid TCP base port specified: x|"           },
        {"CLUSTER MEET 127.0.0.1 1 x",    "-ERR Invalid TCP bus port specified: x|"            },
        {"CLUSTER MEET 127.0.0.1 0",      "-ERR Invalid node address specified: 127.0.0.1:0|"  },
        {"CLUSTER MEET 127.0.0.1 1 2 3",  "-ERR unknown subcommand or wrong number of *"       },
        {"CLUSTER FORGET nobody",         "-ERR Unknown node nobody|"                          },
        {"CLUSTER REPLICATE nobody",      "-ERR Unknown node nobody|"                          },
        {"CLUSTER FAILOVER",              "-ERR You should send CLUSTER FAILOVER to a replica|"},
        {"CLUSTER FAILOVER NOW",          "-ERR syntax error|"                                 },
        {"CLUSTER RESET NOW",             "-ERR syntax error|"                                 },
        {"CLUSTER SET-CONFIG-EPOCH -1",   "-ERR Invalid config epoch specified: -1|"           },
        {"CLUSTER NOSUCH",                "-ERR unknown subcommand 'NOSUCH'*"                  },
    };
    struct alone *a = start();

    answers_expect_all(a, cases, ARRAY_COUNT(cases));
    alone_free(a);
}

Test(cluster_commands, a_node_with_keys_cannot_be_reset)
{
    struct alone *a = answers_start_cluster();

    answers_expect(a, "SET k v", "+OK|");
    answers_expect(a, "CLUSTER RESET", "-ERR CLUSTER RESET can't be called with master nodes *");
    cr_expect(node_owns_slot(a->node, 0));
    answers_expect(a, "DEL k", ":1|");
    answers_expect(a, "CLUSTER RESET HARD", "+OK|");
    cr_expect_not(node_owns_slot(a->node, 0));
    alone_free(a);
}

Test(cluster_commands, an_answer_waits_for_the_nodes_file_that_has_the_change)
{
    struct alone *a = start();

    a->is_disk_slow = true;
    answers_send(a, 0, "CLUSTER ADDSLOTS 7\r\n");
    answers_idle(a, 5, 10);
    answers_match(a, 0, "");
    cr_expect(node_owns_slot(a->node, 7));
    a->is_disk_slow = false;
    answers_idle(a, 5, 10);
    answers_match(a, 0, "+OK|");
    alone_free(a);
}
