/* SPDX-License-Identifier: MIT */
/* Messages between clients on the bus. */
#include "cluster/message.h"

#include "base/codec.h"
#include "cluster/frame.h"
#include "cluster/message_part.h"
#include "cluster/report.h"
#include "tests/unit/server/cluster/world.h"

#include <criterion/criterion.h>

#include <string.h>

enum {
    LONG_BYTES = 3 * MESSAGE_PART_MAX + 777,
    BURST_MS = 22,
    BURST_EACH = 500, /* in all more than frames may be apart on two links (receive.c) */
};

static bool publish(struct world *w, int member, bool is_sharded, struct bytes message)
{
    struct member *m = &w->members[member];
    bool is_sent =
        cluster_publish(m->core, w->now, is_sharded, BYTES_LITERAL("c"), message, &m->actions);

    world_carry_out(w, member);
    return is_sent;
}

static void expect_messages(struct world *w, const char *const *expected)
{
    for (int i = 0; i < w->count; i++) {
        cr_expect_str_eq(buf_text(&w->members[i].messages), expected[i], "member %d", i);
    }
}

Test(message, reaches_every_other_node_once)
{
    struct world *w = world_three_and_three();

    cr_assert(publish(w, 0, false, BYTES_LITERAL("one")));
    cr_assert(publish(w, 4, false, BYTES_LITERAL("two")));
    world_run(w, 3000);
    expect_messages(w, (const char *const[]){"c=two ", "c=one c=two ", "c=one c=two ",
                                             "c=one c=two ", "c=one ", "c=one c=two "});
    world_free(w);
}

Test(message, of_a_shard_reaches_its_nodes_alone)
{
    struct world *w = world_three_and_three();

    cr_assert(publish(w, 0, true, BYTES_LITERAL("one")));
    cr_assert(publish(w, 4, true, BYTES_LITERAL("two")));
    world_run(w, 3000);
    expect_messages(w, (const char *const[]){"", "c=two ", "", "c=one ", "", ""});
    cr_expect_eq(w->members[1].sharded, 1);
    cr_expect_eq(w->members[3].sharded, 1);
    world_free(w);
}

Test(message, may_be_empty_and_of_any_bytes)
{
    struct world *w = world_three_and_three();

    cr_assert(publish(w, 0, false, (struct bytes){0}));
    cr_assert(publish(w, 0, false, bytes_make("a\0b", 3)));
    world_run(w, 100);
    cr_expect_eq(w->members[5].messages.len, strlen("c= c=a") + 3);
    world_free(w);
}

Test(message, that_no_frame_can_hold_comes_in_parts_as_one)
{
    struct world *w = world_three_and_three();
    char *text = calloc(1, LONG_BYTES);

    memset(text, 'x', LONG_BYTES);
    cr_assert(publish(w, 0, false, bytes_make(text, LONG_BYTES)));
    cr_assert(publish(w, 0, false, BYTES_LITERAL("after")));
    world_run(w, 100);
    for (int i = 1; i < w->count; i++) {
        cr_expect_eq(w->members[i].messages.len, LONG_BYTES + strlen("c= c=after "));
    }
    free(text);
    world_free(w);
}

Test(message, that_is_too_long_for_the_bus_is_refused_as_a_whole)
{
    struct world *w = world_three_and_three();
    char *text = calloc(1, MESSAGE_MAX_BYTES);

    cr_assert_not(publish(w, 0, false, bytes_make(text, MESSAGE_MAX_BYTES)));
    world_run(w, 100);
    for (int i = 0; i < w->count; i++) {
        cr_expect_eq(w->members[i].messages.len, 0);
    }
    free(text);
    world_free(w);
}

Test(message, very_many_of_them_make_nobody_refuse_a_heartbeat)
{
    struct world *w = world_three_and_three();
    unsigned log_lines[WORLD_MEMBERS_MAX];

    for (int i = 0; i < w->count; i++) {
        log_lines[i] = w->members[i].log_lines;
    }
    for (int ms = 0; ms < BURST_MS; ms++) {
        for (int i = 0; i < BURST_EACH; i++) {
            (void)publish(w, 0, false, BYTES_LITERAL("m"));
        }
        world_run(w, 1);
    }
    world_run(w, 3000);
    for (int i = 1; i < w->count; i++) {
        cr_expect_eq(w->members[i].messages.len, (size_t)BURST_MS * BURST_EACH * strlen("c=m "));
        cr_expect_eq(w->members[i].log_lines, log_lines[i]);
    }
    world_free(w);
}

/* ---- parts, as others may send them -----------------------------------------------------------*/

static struct bytes part(struct buf *out, uint64_t number, uint32_t total, uint32_t before,
                         const char *text)
{
    buf_clear(out);
    encode_u64_be(out, number);
    encode_u32_be(out, total);
    encode_u32_be(out, before);
    buf_append_text(out, text);
    return buf_bytes(out);
}

static bool is_valid(struct bytes body)
{
    struct message_part part;

    return message_part_decode(body, &part);
}

/* They have no numbers of their own: there may be more of them than of all other frames. */
Test(message, however_many_were_sent_cluster_info_tells_of_them)
{
    struct world *w = world_three_and_three();
    struct buf text = {0};

    for (int i = 0; i < 2000; i++) {
        cr_assert(publish(w, 0, false, BYTES_LITERAL("one")));
    }
    world_run(w, 100);
    cluster_format_info(w->members[0].core, w->now, &text);
    cr_expect_not_null(strstr(buf_text(&text), "cluster_stats_messages_publish_sent:10000\r\n"));
    buf_deinit(&text);
    world_free(w);
}

Test(message, parts_that_cannot_be_are_refused)
{
    static const struct {
        uint32_t total;
        uint32_t before;
        const char *text;
        bool is_valid;
    } cases[] = {
        {4,                     0,          "abcd",  true }, /* a channel without a name */
        {9,                     4,          "abcde", true },
        {3,                     0,          "abc",   false}, /* no room for the length of a channel */
        {9,                     4,          "",      false},
        {9,                     5,          "abcde", false},
        {9,                     9,          "a",     false},
        {9,                     UINT32_MAX, "a",     false},
        {MESSAGE_MAX_BYTES,     0,          "a",     true },
        {MESSAGE_MAX_BYTES + 1, 0,          "a",     false},
        {UINT32_MAX,            0,          "a",     false},
    };
    struct buf body = {0};

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        cr_expect_eq(is_valid(part(&body, 1, cases[i].total, cases[i].before, cases[i].text)),
                     cases[i].is_valid, "case %zu", i);
    }
    cr_expect_not(is_valid(bytes_prefix(buf_bytes(&body), MESSAGE_HEAD_BYTES - 1)));
    cr_expect_not(is_valid((struct bytes){0}));
    buf_deinit(&body);
}
