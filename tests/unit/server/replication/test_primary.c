/* SPDX-License-Identifier: MIT */
#include "replication/primary.h"

#include <criterion/criterion.h>

#include <stdarg.h>
#include <string.h>

#define OURS        "1111111111111111111111111111111111111111"
#define BEFORE      "2222222222222222222222222222222222222222"
#define LONG_BEFORE "4444444444444444444444444444444444444444"
#define FOREIGN     "3333333333333333333333333333333333333333"

static const struct mono_time start = {.us = 1000000};

static struct mono_time after(int64_t ms)
{
    return mono_add_ms(start, ms);
}

/* REPLCONF with up to four words. */
static enum feed_result replconf(struct feed *feed, struct errmsg *error, const char *const w[4])
{
    struct bytes words[4];
    size_t count = 0;

    while (count < 4 && w[count] != NULL) {
        words[count] = bytes_from_text(w[count]);
        count++;
    }
    return feed_take_replconf(feed, after(5), words, count, error);
}

static struct feed feed_online_at(uint64_t acked, int64_t at_ms)
{
    struct feed feed;
    struct buf out = {0};
    struct replication_position position = {.history = {OURS}, .offset = acked};

    feed_init(&feed, start, BYTES_LITERAL("10.0.0.9"));
    feed_start_continue(&feed, after(at_ms), &position, &out);
    buf_deinit(&out);
    return feed;
}

Test(psync, goes_on_where_history_and_offset_allow_it)
{
    static const struct lineage lineage = {
        .items = {{{LONG_BEFORE}, 300}, {{BEFORE}, 500}},
          .count = 2
    };
    static const struct feed_log_facts facts = {
        .history = {OURS}, .lineage = &lineage, .start = 100, .end = 900};
    static const struct {
        const char *id;
        const char *offset;
        enum psync_decision expected;
        uint64_t from;
    } cases[] = {
        {OURS,        "901", PSYNC_CONTINUE, 900},
        {OURS,        "101", PSYNC_CONTINUE, 100},
        {OURS,        "100", PSYNC_FULL,     0  },
        {OURS,        "902", PSYNC_FULL,     0  },
        {BEFORE,      "501", PSYNC_CONTINUE, 500},
        {BEFORE,      "502", PSYNC_FULL,     0  },
        {BEFORE,      "101", PSYNC_CONTINUE, 100},
        {LONG_BEFORE, "301", PSYNC_CONTINUE, 300},
        {LONG_BEFORE, "302", PSYNC_FULL,     0  },
        {FOREIGN,     "200", PSYNC_FULL,     0  },
        {"?",         "-1",  PSYNC_FULL,     0  },
        {OURS,        "0",   PSYNC_FULL,     0  },
        {OURS,        "-5",  PSYNC_FULL,     0  },
        {OURS,        "abc", PSYNC_INVALID,  0  },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t from = 0;
        struct errmsg reason = {0};

        cr_expect_eq(psync_decide(&facts, bytes_from_text(cases[i].id),
                                  bytes_from_text(cases[i].offset), &from, &reason),
                     cases[i].expected, "case %zu", i);
        cr_expect(cases[i].expected != PSYNC_CONTINUE || from == cases[i].from, "case %zu", i);
        cr_expect(cases[i].expected == PSYNC_CONTINUE || reason.text[0] != '\0', "case %zu", i);
    }
}

Test(psync, leads_back_who_went_on_in_a_history_that_was_left)
{
    static const struct lineage lineage = {
        .items = {{{LONG_BEFORE}, 90}, {{BEFORE}, 500}},
          .count = 2
    };
    struct feed_log_facts facts = {
        .history = {OURS}, .lineage = &lineage, .start = 100, .end = 900, .takes_rewind = true};
    uint64_t to = 0;

    cr_expect_eq(psync_decide(&facts, bytes_from_text(BEFORE), BYTES_LITERAL("601"), &to, NULL),
                 PSYNC_REWIND);
    cr_expect_eq(to, 500);
    /* What is no longer kept is no way. */
    cr_expect_eq(
        psync_decide(&facts, bytes_from_text(LONG_BEFORE), BYTES_LITERAL("201"), &to, NULL),
        PSYNC_FULL);
    facts.takes_rewind = false;
    cr_expect_eq(psync_decide(&facts, bytes_from_text(BEFORE), BYTES_LITERAL("601"), &to, NULL),
                 PSYNC_FULL);
}

Test(psync, never_matches_a_previous_history_that_there_is_not)
{
    static const struct lineage none;
    static const struct feed_log_facts facts = {
        .history = {OURS}, .lineage = &none, .start = 0, .end = 900};
    uint64_t from;

    cr_expect_eq(psync_decide(&facts, BYTES_LITERAL(""), BYTES_LITERAL("1"), &from, NULL),
                 PSYNC_FULL);
}

Test(feed, learns_from_replconf)
{
    struct feed feed;
    struct errmsg error = {0};

    feed_init(&feed, start, BYTES_LITERAL("10.0.0.9"));
    cr_expect_eq(replconf(&feed, &error, (const char *const[4]){"listening-port", "6380"}),
                 FEED_REPLY_OK);
    cr_expect_eq(feed.listening_port, 6380);
    cr_expect_eq(replconf(&feed, &error, (const char *const[4]){"capa", "eof", "capa", "psync2"}),
                 FEED_REPLY_OK);
    cr_expect_eq(feed.capabilities, FEED_CAPA_EOF | FEED_CAPA_PSYNC2);
    cr_expect_eq(replconf(&feed, &error, (const char *const[4]){"CAPA", "rdb-channel-repl"}),
                 FEED_REPLY_OK);
    cr_expect_eq(replconf(&feed, &error, (const char *const[4]){"ip-address", "10.0.0.1"}),
                 FEED_REPLY_OK);
    cr_expect_str_eq(feed.announced_ip, "10.0.0.1");
    cr_expect_eq(replconf(&feed, &error, (const char *const[4]){"version", "8.1.0"}),
                 FEED_REPLY_OK);
}

Test(feed, refuses_a_replconf_that_is_wrong_with_a_reason)
{
    static const char *const wrong[][4] = {
        {"listening-port", "x"},
        {"listening-port"               },
        {"unheard-of", "1"},
        {NULL            }
    };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct feed feed;
        struct errmsg error = {0};

        if (wrong[i][0] == NULL) {
            continue;
        }
        feed_init(&feed, start, BYTES_LITERAL("10.0.0.9"));
        cr_expect_eq(replconf(&feed, &error, wrong[i]), FEED_REPLY_ERROR, "case %zu", i);
        cr_expect_neq(error.text[0], '\0');
    }
}

Test(feed, takes_acks_without_a_reply_and_never_backwards)
{
    struct feed feed = feed_online_at(100, 0);
    struct errmsg error = {0};

    feed.cursor = 300; /* sent so far */
    cr_expect_eq(replconf(&feed, &error, (const char *const[4]){"ACK", "250", "FACK", "200"}),
                 FEED_REPLY_NONE);
    cr_expect_eq(feed.acked_offset, 250);
    cr_expect_eq(feed.acked_synced_offset, 200);
    cr_expect_eq(replconf(&feed, &error, (const char *const[4]){"ack", "240"}), FEED_REPLY_NONE);
    cr_expect_eq(feed.acked_offset, 250);
    cr_expect_eq(replconf(&feed, &error, (const char *const[4]){"ACK", "301", "FACK", "301"}),
                 FEED_REPLY_NONE);
    cr_expect_eq(feed.acked_offset, 250, "what was not sent cannot have come");
    cr_expect_eq(feed.acked_synced_offset, 200);
}

Test(feed, with_a_sized_payload_goes_online_when_it_is_sent)
{
    struct feed feed;
    struct buf out = {0};
    struct replication_position position = {.history = {OURS}, .offset = 42};

    feed_init(&feed, start, BYTES_LITERAL("10.0.0.9"));
    feed_start_full(&feed, start);
    cr_expect_str_eq(feed_phase_name(feed.phase), "wait_bgsave");
    feed_start_snapshot(&feed, start, &position, &out);
    feed_format_payload_head(&feed, 1000, (struct bytes){0}, &out);
    cr_expect_str_eq(buf_text(&out), "+FULLRESYNC " OURS " 42\r\n$1000\r\n");
    cr_expect_eq(feed.cursor, 42);
    cr_expect_str_eq(feed_phase_name(feed.phase), "send_bulk");
    feed_end_snapshot(&feed, start);
    cr_expect_eq(feed.phase, FEED_ONLINE);
    buf_deinit(&out);
}

Test(feed, with_a_marked_payload_goes_online_at_its_first_ack)
{
    struct feed feed;
    struct buf out = {0};
    struct errmsg error = {0};
    struct replication_position position = {.history = {OURS}, .offset = 42};

    feed_init(&feed, start, BYTES_LITERAL("10.0.0.9"));
    cr_assert_eq(replconf(&feed, &error, (const char *const[4]){"capa", "eof"}), FEED_REPLY_OK);
    feed_start_full(&feed, start);
    feed_start_snapshot(&feed, start, &position, &out);
    feed_format_payload_head(&feed, REPLICATION_SIZE_UNKNOWN, BYTES_LITERAL(FOREIGN), &out);
    cr_expect_not_null(strstr(buf_text(&out), "$EOF:" FOREIGN "\r\n"));
    feed_end_snapshot(&feed, start);
    cr_expect_eq(feed.phase, FEED_WAIT_ACK);
    cr_expect_eq(replconf(&feed, &error, (const char *const[4]){"ACK", "42"}), FEED_REPLY_NONE);
    cr_expect_eq(feed.phase, FEED_ONLINE);
    buf_deinit(&out);
}

Test(feed, is_told_the_history_only_when_it_can_take_it)
{
    struct replication_position position = {.history = {OURS}, .offset = 42};
    struct errmsg error = {0};
    struct feed feed;
    struct buf out = {0};

    feed_init(&feed, start, BYTES_LITERAL("10.0.0.9"));
    feed_start_continue(&feed, start, &position, &out);
    cr_expect_str_eq(buf_text(&out), "+CONTINUE\r\n");
    buf_clear(&out);
    feed_init(&feed, start, BYTES_LITERAL("10.0.0.9"));
    cr_assert_eq(replconf(&feed, &error, (const char *const[4]){"capa", "psync2"}), FEED_REPLY_OK);
    feed_start_continue(&feed, start, &position, &out);
    cr_expect_str_eq(buf_text(&out), "+CONTINUE " OURS "\r\n");
    cr_expect_eq(feed.cursor, 42);
    buf_deinit(&out);
}

Test(feed, gets_a_newline_each_second_while_it_waits_for_its_snapshot)
{
    struct feed feed;

    feed_init(&feed, start, BYTES_LITERAL("10.0.0.9"));
    feed_start_full(&feed, start);
    cr_expect_eq(feed_tick(&feed, after(500), 60000), FEED_DUE_NOTHING);
    cr_expect_eq(feed_tick(&feed, after(1000), 60000), FEED_DUE_NEWLINE);
    cr_expect_eq(feed_tick(&feed, after(1500), 60000), FEED_DUE_NOTHING);
    cr_expect_eq(feed_tick(&feed, after(2000), 60000), FEED_DUE_NEWLINE);
}

Test(feed, that_is_silent_for_longer_than_the_timeout_is_closed)
{
    struct feed feed = feed_online_at(1, 0);

    cr_expect_eq(feed_tick(&feed, after(900), 1000), FEED_DUE_NOTHING);
    feed_heard(&feed, after(900));
    cr_expect_eq(feed_tick(&feed, after(1800), 1000), FEED_DUE_NOTHING);
    cr_expect_eq(feed_tick(&feed, after(2000), 1000), FEED_DUE_CLOSE);
}

Test(feeds, are_counted_by_what_they_acknowledged_and_how_recently)
{
    struct feed near = feed_online_at(100, 0);
    struct feed far = feed_online_at(50, 9000);
    struct feed waiting;
    const struct feed *all[4] = {&near, &far, NULL, &waiting};

    feed_init(&waiting, start, BYTES_LITERAL("10.0.0.9"));
    waiting.acked_offset = 1000;
    near.acked_synced_offset = 100;
    cr_expect_eq(feeds_count_acked(all, 4, 50), 2);
    cr_expect_eq(feeds_count_acked(all, 4, 51), 1);
    cr_expect_eq(feeds_count_acked(all, 4, 101), 0);
    cr_expect_eq(feeds_count_synced(all, 4, 60), 1);
    cr_expect_eq(feeds_count_good(all, 4, after(9500), 5000), 1);
    cr_expect_eq(feeds_count_good(all, 4, after(9500), 10000), 2);
    cr_expect_eq(feeds_oldest_cursor(all, 4), 50);
    cr_expect_eq(feeds_oldest_cursor(all, 0), UINT64_MAX);
}

Test(feeds, of_backups_are_no_replicas_and_keep_the_log)
{
    struct feed backup = feed_online_at(100, 0);
    const struct feed *all[1] = {&backup};
    struct errmsg error;

    cr_assert_eq(replconf(&backup, &error, (const char *const[4]){"capa", "backup"}),
                 FEED_REPLY_OK);
    backup.acked_synced_offset = 100;
    cr_expect_eq(feeds_count_acked(all, 1, 1), 0);
    cr_expect_eq(feeds_count_synced(all, 1, 1), 0);
    cr_expect_eq(feeds_count_good(all, 1, after(1), 10000), 0);
    cr_expect_eq(feeds_oldest_cursor(all, 1), 100);
}

Test(primary, pings_once_a_period)
{
    struct mono_time last = start;

    cr_expect_not(primary_ping_is_due(&last, after(9999), 10000));
    cr_expect(primary_ping_is_due(&last, after(10000), 10000));
    cr_expect_not(primary_ping_is_due(&last, after(10001), 10000));
    cr_expect(primary_ping_is_due(&last, after(20000), 10000));
}

static struct feed feed_of_node(const char *id, uint64_t acked)
{
    struct feed feed = feed_online_at(acked, 0);

    memset(feed.introduction.replica.text, id[0], CLUSTER_ID_LEN);
    feed.introduction.is_begun = true;
    feed.introduction.is_proven = true;
    return feed;
}

Test(feeds, a_dead_connection_and_its_successor_of_one_node_count_once)
{
    struct feed dead = feed_of_node("a", 100);
    struct feed successor = feed_of_node("a", 50);
    struct feed other = feed_of_node("b", 50);
    const struct feed *all[] = {&dead, &successor, &other};

    cr_expect_eq(feeds_count_acked(all, 3, 50), 2);
    cr_expect_eq(feeds_count_acked(all, 3, 51), 1, "the one that has more counts");
    cr_expect_eq(feeds_count_good(all, 3, after(1), 10000), 2);
    cr_expect_eq(feeds_count_synced(all, 3, 0), 2);
}

Test(feeds, that_name_no_node_count_by_what_they_announce_and_else_by_connection)
{
    static const struct {
        const char *ip_a, *ip_b;
        uint16_t port_a, port_b;
        size_t nodes;
    } cases[] = {
        {"10.0.0.1", "10.0.0.1", 7000, 7000, 1},
        {"10.0.0.1", "10.0.0.1", 7000, 7001, 2},
        {"10.0.0.1", "10.0.0.2", 7000, 7000, 2},
        {"",         "",         7000, 7000, 1}, /* from one address */
        {"",         "",         0,    0,    2}, /* who knows */
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct feed a = feed_online_at(100, 0);
        struct feed b = feed_online_at(100, 0);
        const struct feed *all[] = {&a, &b};

        bytes_to_text(bytes_from_text(cases[i].ip_a), a.announced_ip, sizeof(a.announced_ip));
        bytes_to_text(bytes_from_text(cases[i].ip_b), b.announced_ip, sizeof(b.announced_ip));
        a.listening_port = cases[i].port_a;
        b.listening_port = cases[i].port_b;
        cr_expect_eq(feeds_count_acked(all, 2, 100), cases[i].nodes, "case %zu", i);
    }
}

Test(feeds, of_a_history_that_was_given_up_confirm_nothing)
{
    struct feed feed = feed_online_at(100, 0);
    const struct feed *all[] = {&feed};

    cr_expect_eq(feeds_count_acked(all, 1, 100), 1);
    feed.is_over = true;
    cr_expect_eq(feeds_count_acked(all, 1, 100), 0);
    cr_expect_eq(feeds_count_good(all, 1, after(1), 10000), 0);
}
