/* SPDX-License-Identifier: MIT */
#include "cli/hot_table.h"

#include <criterion/criterion.h>
#include <string.h>

static bool add(struct hot_table *table, const char *node, const char *wire)
{
    struct resp_limits limits = RESP_LIMITS_DEFAULT;
    struct resp_value reply;
    struct errmsg error;
    size_t consumed;
    bool is_fine;

    cr_assert_eq(resp_value_read(bytes_from_text(wire), &limits, &reply, &consumed, &error),
                 RESP_OK);
    is_fine = hot_table_add_reply(table, node, &reply);
    resp_value_deinit(&reply);
    return is_fine;
}

Test(hot_table, has_keys_of_all_nodes_by_their_rates)
{
    struct hot_table table = {0};
    struct buf out = {0};

    cr_assert(add(&table, "a:1",
                  "*1\r\n*14\r\n$3\r\nkey\r\n$3\r\nlow\r\n$2\r\ndb\r\n:0\r\n$3\r\nqps\r\n:5\r\n"
                  "$5\r\nreads\r\n:5\r\n$6\r\nwrites\r\n:0\r\n$5\r\nbytes\r\n:99\r\n"
                  "$10\r\nkey-length\r\n:3\r\n"));
    cr_assert(
        add(&table, "b:2",
            "*1\r\n*6\r\n$3\r\nkey\r\n$4\r\nhi\n!\r\n$2\r\ndb\r\n:3\r\n$3\r\nqps\r\n:70\r\n"));
    hot_table_sort(&table);
    hot_table_write(&table, &out);
    cr_expect_not_null(
        strstr(buf_text(&out),
               "key\n        70          0          0            0 b:2                     3 "
               "\"hi\\n!\"\n         5          5          0           99 a:1                   "
               "  0 \"low\"\n"),
        "%s", buf_text(&out));
    buf_deinit(&out);
    hot_table_deinit(&table);
}

static void add_of_cluster(struct hot_table *table, const char *node, const char *reads)
{
    struct buf wire = {0};

    buf_printf(&wire,
               "*1\r\n*14\r\n$3\r\nkey\r\n$1\r\nk\r\n$2\r\ndb\r\n:0\r\n$3\r\nqps\r\n:%s\r\n"
               "$5\r\nreads\r\n:%s\r\n$4\r\nslot\r\n:7629\r\n$6\r\ncopied\r\n:2\r\n"
               "$6\r\nreason\r\n$6\r\ncopied\r\n",
               reads, reads);
    cr_assert(add(table, node, buf_text(&wire)));
    buf_deinit(&wire);
}

Test(hot_table, of_a_cluster_has_the_part_of_the_reads_that_each_node_serves_and_why_it_is_copied)
{
    struct hot_table table = {0};
    struct buf out = {0};

    add_of_cluster(&table, "a:1", "500");
    add_of_cluster(&table, "b:2", "250");
    add_of_cluster(&table, "c:3", "250");
    hot_table_sort(&table);
    hot_table_write(&table, &out);
    cr_expect_not_null(strstr(buf_text(&out), " db  slot share copied key  copying\n"), "%s",
                       buf_text(&out));
    cr_expect_not_null(strstr(buf_text(&out), "a:1                     0  7629   50%      2 "
                                              "\"k\"  copied\n"),
                       "%s", buf_text(&out));
    cr_expect_not_null(strstr(buf_text(&out), "c:3                     0  7629   25%      2 "),
                       "%s", buf_text(&out));
    buf_deinit(&out);
    hot_table_deinit(&table);
}

Test(hot_table, lists_nodes_that_have_to_do_with_copies_and_no_others)
{
    struct hot_table table = {0};
    struct buf out = {0};

    hot_table_add_info(&table, "a:1",
                       BYTES_LITERAL("# Hotcopies\r\nhot_slots:1\r\nhot_slots_promoted:9\r\n"
                                     "hot_lent_keys:3\r\nhot_node_busy_percent:61\r\n"));
    hot_table_add_info(&table, "b:2",
                       BYTES_LITERAL("hot_slots:0\r\nhot_copies:3\r\nhot_copies_bytes:99\r\n"
                                     "hot_copy_reads:12345\r\nhot_forwards:17"));
    hot_table_add_info(&table, "c:3", BYTES_LITERAL("hot_slots:0\r\nhot_slots_promoted:4\r\n"));
    hot_table_add_info(&table, "d:4", BYTES_LITERAL(""));
    cr_expect_eq(table.nodes.count, 2);
    hot_table_write(&table, &out);
    cr_expect_not_null(strstr(buf_text(&out),
                              "a:1                     61%          1          3          0 "
                              "           0            0\n"
                              "b:2                      0%          0          0          3 "
                              "       12345           17\n"),
                       "%s", buf_text(&out));
    buf_deinit(&out);
    hot_table_deinit(&table);
}

Test(hot_table, refuses_what_a_session_has_measured_and_errors)
{
    struct hot_table table = {0};

    cr_expect_not(add(&table, "a", "*1\r\n*2\r\n$15\r\ntracking-active\r\n:1\r\n"));
    cr_expect_not(add(&table, "a", "*1\r\n:1\r\n"));
    cr_expect_not(add(&table, "a", "-ERR no\r\n"));
    cr_expect_not(add(&table, "a", "$-1\r\n"));
    cr_expect(add(&table, "a", "*0\r\n"));
    cr_expect_eq(table.rows.count, 0);
    hot_table_deinit(&table);
}

Test(hot_table, says_so_when_there_is_none_and_lists_frequencies_as_other_clients_do)
{
    struct hot_table table = {0};
    struct buf out = {0};

    hot_table_write(&table, &out);
    cr_expect_str_eq(buf_text(&out), "No hot keys.\n");
    buf_clear(&out);
    hot_table_add(&table, "", BYTES_LITERAL("b"), 3);
    hot_table_add(&table, "", BYTES_LITERAL("a"), 3);
    hot_table_add(&table, "", BYTES_LITERAL("c"), 200);
    hot_table_sort(&table);
    hot_table_write_frequencies(&table, 2, &out);
    cr_expect_str_eq(buf_text(&out), "hot key found with counter: 200\tkeyname: \"c\"\n"
                                     "hot key found with counter: 3\tkeyname: \"a\"\n");
    buf_deinit(&out);
    hot_table_deinit(&table);
}
