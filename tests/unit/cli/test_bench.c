/* SPDX-License-Identifier: MIT */
/* cli/bench_*: prepared requests, replies measured without reading them, tags, reports. */
#include "cli/bench_report.h"

#include "base/mem.h"
#include "cli/bench_intro.h"
#include "cli/bench_nodes.h"
#include "cli/bench_request.h"
#include "cli/bench_threads.h"

#include <criterion/criterion.h>

static const struct bytes words[] = {BYTES_LITERAL("SET"), BYTES_LITERAL("k:{tag}:__rand_int__"),
                                     BYTES_LITERAL("<__data__>")};

Test(bench_request, placeholders_become_digits_data_and_tags)
{
    struct bench_request request = {0};

    bench_request_build(&request, words, 3, BYTES_LITERAL("xxx"), true);
    cr_assert_str_eq(buf_text(&request.bytes),
                     "*3\r\n$3\r\nSET\r\n$21\r\nk:{aaaa}:000000000000\r\n$5\r\n<xxx>\r\n");
    bench_request_build(&request, words, 3, BYTES_LITERAL("xxx"), false);
    cr_assert_str_eq(buf_text(&request.bytes),
                     "*3\r\n$3\r\nSET\r\n$15\r\nk::000000000000\r\n$5\r\n<xxx>\r\n");
    bench_request_deinit(&request);
    cr_assert_eq(mem_used_total(), 0);
}

Test(bench_request, only_digits_and_tag_are_patched)
{
    struct bench_request request = {0};
    struct rng rng;
    char copy[64];
    char wanted[64];

    rng_init(&rng, 1);
    bench_request_build(&request, words, 3, BYTES_LITERAL("xxx"), true);
    memcpy(copy, buf_text(&request.bytes), request.bytes.len + 1);
    bench_request_patch(&request, copy, &rng, 1, "zq7b");
    cr_assert_str_eq(copy, "*3\r\n$3\r\nSET\r\n$21\r\nk:{zq7b}:000000000000\r\n$5\r\n<xxx>\r\n");
    memcpy(wanted, copy, sizeof(copy));
    bench_request_patch(&request, copy, &rng, 1000, NULL);
    cr_assert_neq(memcmp(copy, wanted, request.bytes.len), 0);
    memcpy(copy + request.digits_at.items[0], "000000000000", BENCH_DIGITS);
    cr_assert_str_eq(copy, wanted);
    bench_request_deinit(&request);
}

Test(bench_request, random_numbers_stay_below_the_keyspace)
{
    struct bench_request request = {0};
    struct rng rng;
    char copy[64];

    rng_init(&rng, 7);
    bench_request_build(&request, words, 3, BYTES_LITERAL(""), false);
    memcpy(copy, request.bytes.data, request.bytes.len);
    for (int i = 0; i < 1000; i++) {
        bench_request_patch(&request, copy, &rng, 100, NULL);
        cr_assert_eq(memcmp(copy + request.digits_at.items[0], "0000000000", 10), 0);
    }
    bench_request_deinit(&request);
}

Test(bench_request, the_one_key_is_the_same_whatever_the_copy_was)
{
    struct bench_request request = {0};
    struct rng rng;
    char copy[64];

    rng_init(&rng, 3);
    bench_request_build(&request, words, 3, BYTES_LITERAL("xxx"), true);
    memcpy(copy, buf_text(&request.bytes), request.bytes.len + 1);
    for (int i = 0; i < 10; i++) {
        bench_request_patch(&request, copy, &rng, 1000000, "zq7b");
        bench_request_patch_hot(&request, copy);
        cr_assert_str_eq(copy,
                         "*3\r\n$3\r\nSET\r\n$21\r\nk:{star}:000000000000\r\n$5\r\n<xxx>\r\n");
    }
    bench_request_deinit(&request);
}

Test(bench_request, the_length_of_a_whole_reply_is_found)
{
    static const struct {
        const char *in;
        size_t len;
    } cases[] = {
        {"+OK\r\n+OK\r\n",      5       },
        {"-ERR x\r\n",          8       },
        {":12\r\n",             5       },
        {"$-1\r\n$1\r\na\r\n",  5       },
        {"$3\r\nabc\r\n+",      9       },
        {"$0\r\n\r\n",          6       },
        {"$3\r\nabc\r",         0       },
        {"$3\r\n",              0       },
        {"+O",                  0       },
        {"+OK\r",               0       },
        {"*1\r\n:1\r\n",        SIZE_MAX},
        {"%0\r\n",              SIZE_MAX},
        {"$x\r\nabc\r\n",       SIZE_MAX},
        {"$99999999999999\r\n", SIZE_MAX},
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        cr_assert_eq(bench_reply_len(bytes_from_text(cases[i].in)), cases[i].len, "case %zu", i);
    }
}

Test(bench_nodes, every_slot_has_a_tag_that_hashes_to_it)
{
    char(*tags)[BENCH_TAG] = mem_alloc(MEM_CLI, SLOT_COUNT * sizeof(*tags));

    bench_nodes_make_tags(tags);
    for (size_t slot = 0; slot < SLOT_COUNT; slot++) {
        char key[BENCH_TAG + 10] = "k:{....}:1";

        memcpy(key + 3, tags[slot], BENCH_TAG);
        cr_assert_eq(slot_of_key(bytes_from_text(key)), slot);
    }
    mem_free(MEM_CLI, tags);
}

Test(bench_nodes, clients_are_spread_over_the_primaries)
{
    struct bench_nodes nodes = {.is_cluster = true};

    for (int i = 0; i < 3; i++) {
        struct bench_node node = {.port = (uint16_t)(i + 1)};

        VEC_PUSH(&nodes.nodes, node);
    }
    cr_assert_eq(bench_nodes_choose(&nodes), SIZE_MAX);
    VEC_PUSH(&nodes.nodes.items[0].slots, 1);
    VEC_PUSH(&nodes.nodes.items[2].slots, 2);
    nodes.nodes.items[0].client_count = 3;
    nodes.nodes.items[2].client_count = 2;
    cr_assert_eq(bench_nodes_choose(&nodes), 2);
    nodes.nodes.items[2].client_count = 4;
    cr_assert_eq(bench_nodes_choose(&nodes), 0);
    bench_nodes_deinit(&nodes);
    cr_assert_eq(mem_used_total(), 0);
}

Test(bench_nodes, of_those_of_use_each_is_next_in_turn)
{
    struct bench_nodes nodes = {.is_cluster = true};

    cr_assert_eq(bench_nodes_next(&nodes, 0), SIZE_MAX);
    for (int i = 0; i < 4; i++) {
        struct bench_node node = {.port = (uint16_t)(i + 1)};

        VEC_PUSH(&nodes.nodes, node);
    }
    cr_assert_eq(bench_nodes_next(&nodes, 0), SIZE_MAX);
    VEC_PUSH(&nodes.nodes.items[0].slots, 1);
    cr_assert_eq(bench_nodes_next(&nodes, 0), 0);
    VEC_PUSH(&nodes.nodes.items[2].slots, 2);
    cr_assert_eq(bench_nodes_next(&nodes, 0), 2);
    cr_assert_eq(bench_nodes_next(&nodes, 2), 0);
    cr_assert_eq(bench_nodes_next(&nodes, 77), 2);
    bench_nodes_deinit(&nodes);
}

/* One range of slots, at the host and port. */
#define SLOTS_REPLY(first, last, host, port)                                                       \
    "*3\r\n:" #first "\r\n:" #last "\r\n*2\r\n" host "\r\n:" #port "\r\n"

Test(bench_nodes, a_reply_about_slots_tells_who_serves_one)
{
    static const char reply[] =
        "*2\r\n" SLOTS_REPLY(0, 99, "$9\r\n127.0.0.1", 7001) SLOTS_REPLY(100, 199, "$-1", 7002);
    struct bench_nodes nodes = {.is_cluster = true};
    struct bench_node asked = {.host = "127.0.0.9", .port = 7009};

    VEC_PUSH(&nodes.nodes, asked);
    cr_assert_eq(bench_nodes_serving(&nodes, BYTES_LITERAL(reply), 0, 5), 1);
    cr_assert_eq(bench_nodes_serving(&nodes, BYTES_LITERAL(reply), 0, 99), 1, "it is known");
    cr_assert_eq(bench_nodes_serving(&nodes, BYTES_LITERAL(reply), 0, 100), 2);
    cr_assert_str_eq(nodes.nodes.items[2].host, "127.0.0.9", "without a host: the one asked");
    cr_assert_eq(bench_nodes_serving(&nodes, BYTES_LITERAL(reply), 0, 200), SIZE_MAX);
    cr_assert_eq(bench_nodes_serving(&nodes, BYTES_LITERAL("-LOADING\r\n"), 0, 5), SIZE_MAX);
    cr_assert_eq(bench_nodes_serving(&nodes, BYTES_LITERAL("*1\r\n:1\r\n"), 0, 5), SIZE_MAX);
    cr_assert_eq(nodes.nodes.count, 3);
    bench_nodes_deinit(&nodes);
    cr_assert_eq(mem_used_total(), 0);
}

Test(bench_intro, a_cluster_is_told_who_asks)
{
    struct bench_intro intro = {0};
    struct options options = {.password = "x", .protocol = 3, .db = 2};

    bench_intro_build(&intro, &options, false);
    cr_assert_eq(intro.count, 3);
    cr_assert_eq(intro.optional, 0);
    cr_assert_null(strstr(buf_text(&intro.bytes), "SETINFO"));
    bench_intro_deinit(&intro);
    intro = (struct bench_intro){0};
    bench_intro_build(&intro, &options, true);
    cr_assert_eq(intro.count, 5);
    cr_assert_eq(intro.optional, 2, "a server of long ago serves all the same");
    cr_assert_not_null(strstr(buf_text(&intro.bytes), "LIB-NAME\r\n$14\r\nstarling-bench\r\n"));
    bench_intro_deinit(&intro);
    cr_assert_eq(mem_used_total(), 0);
}

/* 100 replies of 1 ms each in one second. */
static void make_result(struct bench_result *result)
{
    *result = (struct bench_result){.replies = 100, .elapsed_us = 1000000};
    for (int i = 0; i < 100; i++) {
        hist_add(&result->latencies_us, 1000);
    }
}

static void expect_report(enum bench_report_style style, const char *wanted)
{
    struct bench_options bench = {.clients = 2, .data_size = 3, .keepalive = 1, .precision = 1};
    struct bench_result *result = mem_alloc(MEM_TEST, sizeof(*result));
    struct buf out = {0};

    make_result(result);
    bench_report_write(&out, style, "SET", &bench, result);
    cr_assert_not_null(strstr(buf_text(&out), wanted), "%s", buf_text(&out));
    buf_deinit(&out);
    mem_free(MEM_TEST, result);
    cr_assert_eq(mem_used_total(), 0);
}

Test(bench_report, every_style_has_rate_and_latencies)
{
    expect_report(BENCH_REPORT_QUIET, "SET: 100.00 requests per second, p50=1.0 msec, p95=1.0");
    expect_report(BENCH_REPORT_CSV, "\"SET\",\"100.00\",\"1.0\",\"1.0\",\"1.0\"");
    expect_report(BENCH_REPORT_FULL, "throughput summary: 100.00 requests per second");
    expect_report(BENCH_REPORT_FULL, "  100 requests completed in 1.00 seconds");
}

Test(bench_report, trouble_is_told)
{
    struct bench_options bench = {.precision = 3};
    struct bench_result *result = mem_alloc(MEM_TEST, sizeof(*result));
    struct buf out = {0};

    make_result(result);
    result->errors = 7;
    bytes_to_text(BYTES_LITERAL("ERR why"), result->first_error, sizeof(result->first_error));
    bench_report_write(&out, BENCH_REPORT_QUIET, "SET", &bench, result);
    cr_assert_not_null(strstr(buf_text(&out), "7 error replies"));
    cr_assert_not_null(strstr(buf_text(&out), "ERR why"));
    buf_deinit(&out);
    mem_free(MEM_TEST, result);
}

Test(bench_threads, shares_add_up_and_differ_by_one_at_most)
{
    for (int64_t total = 0; total < 40; total++) {
        int64_t sum = 0;

        for (int64_t i = 0; i < 7; i++) {
            int64_t share = bench_threads_share(total, 7, i);

            cr_assert(share == total / 7 || share == total / 7 + 1);
            sum += share;
        }
        cr_assert_eq(sum, total);
    }
}

Test(bench_threads, results_of_threads_are_one_result_over_the_longest_time)
{
    struct bench_result all = {0};
    struct bench_result one = {0};

    one.replies = 3;
    one.errors = 1;
    one.elapsed_us = 50;
    hist_add_many(&one.latencies_us, 10, 3);
    bytes_to_text(BYTES_LITERAL("ERR x"), one.first_error, sizeof(one.first_error));
    bench_threads_merge(&all, &one);
    one.elapsed_us = 20;
    bytes_to_text(BYTES_LITERAL("ERR y"), one.first_error, sizeof(one.first_error));
    bench_threads_merge(&all, &one);
    cr_assert_eq(all.replies, 6);
    cr_assert_eq(all.errors, 2);
    cr_assert_eq(all.elapsed_us, 50);
    cr_assert_eq(all.latencies_us.count, 6);
    cr_assert_str_eq(all.first_error, "ERR x");
}
