/* SPDX-License-Identifier: MIT */
/* The slow log and the statistics of commands in a whole node. */
#include "base/attr.h"
#include "node/inside.h"
#include "tests/unit/server/node/lone_node.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define MS INT64_C(1000000) /* in nanoseconds */

/* So many times the same lines. */
static const char *ask_times(struct lone_node *w, const char *line, int count)
{
    struct buf lines = {0};
    const char *answer;

    for (int i = 0; i < count; i++) {
        buf_append_text(&lines, line);
    }
    answer = lone_node_send(w, buf_bytes(&lines));
    buf_deinit(&lines);
    return answer;
}

/* The clock is read for a lone sample first, so that none is due. */
static struct lone_node *start(void)
{
    struct lone_node *w = lone_node_new();

    lone_node_expect(w, "PING\r\n", "+PONG|");
    w->readings = 0;
    return w;
}

Test(slow, a_slow_command_is_logged_with_its_duration)
{
    struct lone_node *w = start();

    lone_node_expect(w, "CLIENT SETNAME app\r\nINFO memory\r\n", "+OK|*");
    w->memory_cost_ns = 25 * MS;
    lone_node_ask(w, "GET a\r\nINFO memory\r\nGET b\r\n");
    w->memory_cost_ns = 0;
    lone_node_expect(w, "SLOWLOG LEN\r\n", ":1|");
    lone_node_expect(w, "SLOWLOG GET\r\n",
                     "*1|*6|:0|:1700000001|:25000|*2|$4|INFO|$6|memory|$13|10.0.0.1:5000|$3|app|");
    lone_node_free(w);
}

Test(slow, a_command_just_below_the_threshold_is_not_logged)
{
    struct lone_node *w = start();

    w->memory_cost_ns = 10 * MS - 1000;
    lone_node_ask(w, "INFO memory\r\n");
    lone_node_expect(w, "SLOWLOG LEN\r\n", ":0|");
    w->memory_cost_ns = 10 * MS;
    lone_node_ask(w, "INFO memory\r\n");
    lone_node_expect(w, "SLOWLOG LEN\r\n", ":1|");
    lone_node_free(w);
}

Test(slow, a_batch_of_fast_ones_reads_the_clock_once)
{
    static const char *const lines[] = {"GET k\r\n", "SET k v\r\n", "INCR n\r\n", "DEL k\r\n"};

    for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
        struct lone_node *w = start();

        ask_times(w, lines[i], 64);
        cr_expect_eq(w->readings, 1, "%s: %d readings", lines[i], w->readings);
        lone_node_free(w);
    }
}

Test(slow, a_lone_small_command_that_takes_long_is_logged_for_certain)
{
    struct lone_node *w = start();

    w->both_cost_ns = 20 * MS;
    lone_node_ask(w, "TIME\r\n");
    w->both_cost_ns = 0;
    lone_node_expect(w, "SLOWLOG GET\r\n", "*1|*6|:0|:*|:20000|*1|$4|TIME|$13|10.0.0.1:5000|$0||");
    lone_node_free(w);
}

Test(slow, one_of_many_small_commands_that_takes_long_is_logged_with_a_remark)
{
    struct lone_node *w = start();

    w->both_cost_ns = 20 * MS;
    lone_node_ask(w, "CLIENT ID\r\nGET a\r\nTIME\r\nGET b\r\nNOSUCH\r\n");
    w->both_cost_ns = 0;
    lone_node_expect(w, "SLOWLOG GET\r\n",
                     "*1|*6|:0|:*|:20000|*3|$3|GET|$1|a|$32|... (or one of 2 other commands)|*");
    lone_node_free(w);
}

Test(slow, a_long_reply_tells_which_small_command_took_long)
{
    struct lone_node *w = start();

    lone_node_expect(w, "SETRANGE big 19999 x\r\nSET a 1\r\n", ":20000|+OK|");
    w->reading_cost_ns = 15 * MS;
    lone_node_ask(w, "GET a\r\nGET big\r\n");
    w->reading_cost_ns = 0;
    lone_node_expect(w, "SLOWLOG GET\r\n", "*1|*6|:0|:*|:15000|*2|$3|GET|$3|big|*");
    lone_node_free(w);
}

Test(slow, what_a_pass_did_before_its_commands_is_not_blamed_on_them)
{
    struct lone_node *w = start();
    struct session_peer peer = {.address = "10.0.0.2:5000", .is_loopback = true};
    struct bytes request = BYTES_LITERAL("GET k\r\n");

    node_begin_pass(w->node, w->env.now(w));
    node_session_open(w->node, &peer, NULL);
    w->now_ns += 50 * MS;
    node_session_input(w->node, w->client, request);
    node_end_pass(w->node);
    lone_node_expect(w, "SLOWLOG LEN\r\n", "*:0|");
    lone_node_free(w);
}

Test(slow, a_threshold_of_zero_logs_everything)
{
    struct lone_node *w = start();

    lone_node_expect(w, "CONFIG SET slowlog-log-slower-than 0\r\nGET a\r\nPING\r\n", "+OK|*");
    lone_node_expect(w, "SLOWLOG GET 2\r\n", "*2|*6|:2|*$4|PING|*|*6|:1|*$3|GET|$1|a|*");
    lone_node_expect(w, "SLOWLOG LEN\r\n", ":4|");
    lone_node_expect(w, "NOSUCH\r\nGET\r\nSLOWLOG LEN\r\n", "-*|-*|:5|");
    lone_node_free(w);
}

Test(slow, a_negative_threshold_logs_nothing)
{
    struct lone_node *w = start();

    lone_node_expect(w, "CONFIG SET slowlog-log-slower-than -1\r\n", "+OK|");
    w->memory_cost_ns = 10000 * MS;
    w->both_cost_ns = 10000 * MS;
    lone_node_ask(w, "INFO memory\r\nTIME\r\nTIME\r\n");
    lone_node_expect(w, "SLOWLOG LEN\r\n", ":0|");
    lone_node_free(w);
}

Test(slow, passwords_do_not_get_into_the_log)
{
    struct lone_node *w = start();
    const char *shown;

    lone_node_ask(w, "CONFIG SET slowlog-log-slower-than 0\r\n"
                     "CONFIG SET requirepass sesame masterauth sesame\r\n"
                     "AUTH sesame\r\nHELLO 2 AUTH default sesame\r\nAUTH default sesame2\r\n"
                     "HELLO 9 AUTH x sesame\r\nCONFIG SET nosuch 1 requirepass sesame\r\n");
    shown = lone_node_ask(w, "SLOWLOG GET -1\r\n");
    cr_assert(strstr(shown, "HELLO") != NULL);
    cr_assert(strstr(shown, "sesame") == NULL, "%s", shown);
    lone_node_free(w);
}

Test(slow, options_take_effect_while_the_server_runs)
{
    struct lone_node *w = start();

    w->memory_cost_ns = 5 * MS;
    lone_node_ask(w, "INFO memory\r\nCONFIG SET slowlog-log-slower-than 5000\r\nINFO memory\r\n"
                     "INFO memory\r\nINFO memory\r\n");
    lone_node_expect(w, "SLOWLOG LEN\r\n", ":3|");
    lone_node_expect(w, "CONFIG SET slowlog-max-len 2\r\nSLOWLOG LEN\r\n", "+OK|:2|");
    lone_node_expect(w, "CONFIG SET slowlog-max-len -1\r\n", "-ERR CONFIG SET failed*");
    lone_node_expect(w, "CONFIG SET slowlog-log-slower-than -2\r\n", "-ERR CONFIG SET failed*");
    lone_node_expect(w, "CONFIG GET slowlog-*\r\n",
                     "*4|$23|slowlog-log-slower-than|$4|5000|$15|slowlog-max-len|$1|2|");
    lone_node_expect(w, "SLOWLOG RESET\r\nSLOWLOG LEN\r\n", "+OK|:0|");
    lone_node_free(w);
}

Test(slow, slowlog_refuses_what_it_does_not_understand)
{
    struct lone_node *w = start();

    lone_node_expect(w, "SLOWLOG GET -2\r\n", "-ERR count should be greater than or equal to -1|");
    lone_node_expect(w, "SLOWLOG GET abc\r\n", "-ERR count should be greater than or equal to -1|");
    lone_node_expect(w, "SLOWLOG GET 1 2\r\n",
                     "-ERR unknown subcommand or wrong number of arguments for 'GET'. Try SLOWLOG "
                     "HELP.|");
    lone_node_expect(w, "SLOWLOG FOO\r\n", "-ERR unknown subcommand 'FOO'. Try SLOWLOG HELP.|");
    lone_node_expect(w, "SLOWLOG LEN x\r\n",
                     "-ERR wrong number of arguments for 'slowlog|len' command|");
    lone_node_expect(w, "SLOWLOG\r\n", "-ERR wrong number of arguments for 'slowlog' command|");
    lone_node_expect(w, "SLOWLOG GET 0\r\n", "*0|");
    lone_node_free(w);
}

Test(slow, info_tells_calls_times_refusals_and_failures)
{
    struct lone_node *w = start();

    lone_node_ask(w, "CONFIG RESETSTAT\r\n");
    w->memory_cost_ns = 4 * MS;
    lone_node_ask(w, "INFO memory\r\nINFO memory\r\nGET\r\nSET s text\r\nINCR s\r\nNOSUCH\r\n");
    lone_node_expect(
        w, "INFO commandstats errorstats\r\n",
        "*cmdstat_get:calls=0,usec=0,usec_per_call=0.00,rejected_calls=1,failed_calls=0|"
        "cmdstat_incr:calls=1,usec=0,usec_per_call=0.00,rejected_calls=0,failed_calls=1|"
        "cmdstat_set:calls=1,usec=0,usec_per_call=0.00,rejected_calls=0,failed_calls=0|"
        "cmdstat_info:calls=2,usec=8000,usec_per_call=4000.00,rejected_calls=0,failed_calls=0|"
        "cmdstat_config|resetstat:calls=1,usec=0,usec_per_call=0.00,rejected_calls=0,"
        "failed_calls=0||# Errorstats|errorstat_ERR:count=3||");
    lone_node_expect(w, "INFO stats\r\n", "*total_error_replies:3|*");
    lone_node_expect(w, "CONFIG RESETSTAT\r\nINFO errorstats\r\n", "+OK|$14|# Errorstats||");
    lone_node_free(w);
}

Test(slow, info_tells_errors_beyond_a_bound_as_one)
{
    struct lone_node *w = start();

    for (int i = 0; i < ERROR_STATS_CODES + 2; i++) {
        char reply[32];

        snprintf(reply, sizeof(reply), "-X%d text", i);
        error_stats_count(&w->node->timing.errors, bytes_from_text(reply));
    }
    lone_node_expect(w, "INFO errorstats\r\n",
                     "*|errorstat_ERRORSTATS_OVERFLOW:count=2|errorstat_X0:*");
    lone_node_expect(w, "CONFIG RESETSTAT\r\nINFO errorstats\r\n", "+OK|$14|# Errorstats||");
    lone_node_free(w);
}

Test(slow, info_estimates_the_time_of_small_commands)
{
    struct lone_node *w = start();
    const char *shown;

    w->reading_cost_ns = 500; /* so long does a sampled command take */
    for (int i = 0; i < 1270; i++) {
        ask_times(w, "GET k\r\n", 10);
    }
    w->reading_cost_ns = 0;
    shown = lone_node_ask(w, "INFO commandstats\r\n");
    cr_assert(strstr(shown, "cmdstat_get:calls=12700,usec=63") != NULL, "%s", shown);
    cr_assert(strstr(shown, ",usec_per_call=0.50,rejected_calls=0") != NULL, "%s", shown);
    lone_node_free(w);
}
