/* SPDX-License-Identifier: MIT */
/* Which commands count, and the line in the log about a key that takes much of a node. */
#include "node/hot_side.h"

#include "node/inside.h"
#include "tests/unit/server/node/lone_node.h"

#include <criterion/criterion.h>
#include <string.h>

static struct buf logged;
static unsigned lines;

static void note_line(void *context, enum log_level level, const char *line)
{
    (void)context;
    (void)level;
    if (strstr(line, "hot key") != NULL) {
        buf_clear(&logged);
        buf_append_text(&logged, line);
        lines++;
    }
}

static struct lone_node *begin(void)
{
    struct lone_node *w = lone_node_new();

    w->logger.sink = note_line;
    lines = 0;
    return w;
}

static void end(struct lone_node *w)
{
    node_check(w->node);
    lone_node_free(w);
    buf_deinit(&logged);
}

/* So many commands in the second that ends now; the key is used by one in so many. */
static void one_busy_second(struct lone_node *w, const char *command, int count, int one_in)
{
    struct buf text = {0};

    for (int i = 0; i < count; i++) {
        if (i % one_in == 0) {
            buf_printf(&text, "%s\r\n", command);
        } else {
            buf_printf(&text, "GET cold:%d\r\n", i);
        }
    }
    w->now_ns += INT64_C(1000000000);
    (void)lone_node_send(w, buf_bytes(&text));
    buf_deinit(&text);
}

/* And nothing in the next. */
static void one_second(struct lone_node *w, const char *command, int count, int one_in)
{
    one_busy_second(w, command, count, one_in);
    lone_node_idle(w);
}

Test(hot_side, a_key_that_takes_more_than_its_share_is_named_in_the_log_with_its_rates)
{
    struct lone_node *w = begin();

    for (int i = 0; i < 5; i++) {
        one_second(w, "GET \"a b\\x00\"", 20000, 2);
    }
    cr_expect_eq(lines, 1, "%u lines, not one a minute", lines);
    cr_expect_not_null(strstr(buf_text(&logged), "hot key \"a b\\x00\" in database 0 takes"), "%s",
                       buf_text(&logged));
    cr_expect_not_null(strstr(buf_text(&logged), " 0 writes"));
    end(w);
}

Test(hot_side, a_line_comes_again_after_a_minute)
{
    struct lone_node *w = begin();

    for (int i = 0; i < 4; i++) {
        one_second(w, "SET k v", 20000, 2);
    }
    cr_expect_eq(lines, 1);
    cr_expect_not_null(strstr(buf_text(&logged), " 0 reads"), "%s", buf_text(&logged));
    for (int i = 0; i < 70; i++) {
        one_second(w, "SET k v", 6000, 2);
    }
    cr_expect_geq(lines, 2);
    end(w);
}

Test(hot_side, a_key_below_the_share_is_not_named_nor_any_of_a_quiet_node)
{
    struct lone_node *w = begin();

    for (int i = 0; i < 5; i++) {
        one_second(w, "GET k", 20000, 10);
    }
    cr_expect_eq(lines, 0);
    for (int i = 0; i < 5; i++) {
        one_second(w, "GET k", 20, 1);
    }
    cr_expect_eq(lines, 0, "%s", lines > 0 ? buf_text(&logged) : "");
    end(w);
}

Test(hot_side, no_line_is_written_when_told_so_and_no_key_when_it_is_to_be_hidden)
{
    struct lone_node *w = begin();

    lone_node_expect(w, "CONFIG SET hot-key-log-share 0\r\n", "+OK|");
    for (int i = 0; i < 3; i++) {
        one_second(w, "GET secret", 20000, 1);
    }
    cr_expect_eq(lines, 0);
    lone_node_expect(w, "CONFIG SET hot-key-log-share 10 hide-user-data-from-log yes\r\n", "+OK|");
    for (int i = 0; i < 3; i++) {
        one_second(w, "GET secret", 20000, 1);
    }
    cr_expect_eq(lines, 1);
    cr_expect_null(strstr(buf_text(&logged), "secret"), "%s", buf_text(&logged));
    cr_expect_not_null(strstr(buf_text(&logged), "hot key of 6 bytes"));
    end(w);
}

Test(hot_side, counts_every_request_of_a_batch_while_there_are_few)
{
    struct lone_node *w = begin();
    const struct top_key *keys[2];

    (void)lone_node_ask(w, "GET k\r\nPING\r\nGET k\r\nSET k 1\r\nHOTKEYS GET\r\nGET k\r\n");
    cr_assert_eq(hot_keys_list(&w->node->hot.keys, keys, 2), 1);
    cr_expect_eq(keys[0]->reads, 3);
    cr_expect_eq(keys[0]->writes, 1);
    cr_expect_eq(keys[0]->bytes, 7 + 5 + 7 + 5 + 9 + 5 + 7 + 7);
    end(w);
}

Test(hot_side, a_command_of_very_many_keys_counts_each_of_some_for_several)
{
    struct lone_node *w = begin();
    struct buf text = {0};
    uint64_t weight = 0;

    buf_append_text(&text, "EXISTS");
    for (int i = 0; i < 160; i++) {
        buf_printf(&text, " key%d", i);
    }
    buf_append_text(&text, "\r\n");
    (void)lone_node_send(w, buf_bytes(&text));
    for (size_t i = 0; i < w->node->hot.keys.top.count; i++) {
        weight += top_key_weight(&w->node->hot.keys.top.entries[i]);
    }
    cr_expect_eq(w->node->hot.keys.top.count, HOT_KEYS_KEYS);
    cr_expect_eq(weight, 160);
    buf_deinit(&text);
    end(w);
}

Test(hot_side, every_use_of_a_hot_key_is_counted_but_none_that_was_refused)
{
    struct lone_node *w = begin();
    struct exact_keys *exact = &w->node->hot.keys.exact;
    uint64_t before;

    for (int i = 0; i < 3; i++) {
        one_busy_second(w, "GET k", 20000, 2);
    }
    cr_assert_geq(exact->count, 1);
    before = exact->keys[0].reads;
    (void)lone_node_ask(w,
                        "GET k\r\nGET other\r\nGET k\r\nMULTI\r\nGET k\r\nDISCARD\r\nGET k k\r\n");
    cr_expect_eq(exact->keys[0].reads, before + 2);
    cr_expect_eq(exact->keys[0].writes, 0);
    lone_node_expect(w, "SET k 1\r\nACL SETUSER default -get\r\nGET k\r\n", "+OK|+OK|-NOPERM*");
    cr_expect_eq(exact->keys[0].reads, before + 2);
    cr_expect_eq(exact->keys[0].writes, 1);
    end(w);
}
