/* SPDX-License-Identifier: MIT */
/* LATENCY. */
#include "base/attr.h"
#include "node/inside.h"
#include "tests/unit/answers.h"
#include "tests/unit/server/node/lone_node.h"

#include <criterion/criterion.h>

#define MS INT64_C(1000000) /* in nanoseconds */

/* A node that remembers what takes 20 ms. */
static struct lone_node *start(void)
{
    struct lone_node *w = lone_node_new();

    lone_node_expect(w, "CONFIG SET latency-monitor-threshold 20\r\n", "+OK|");
    return w;
}

/* INFO memory asks the system, which takes so long. */
static void take(struct lone_node *w, int64_t ms)
{
    w->memory_cost_ns = ms * MS;
    (void)lone_node_ask(w, "INFO memory\r\n");
    w->memory_cost_ns = 0;
    w->now_ns += 1000 * MS;
}

struct latency_case {
    const char *lines;
    const char *pattern;
};

static void expect_all(struct lone_node *w, const struct latency_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        lone_node_expect(w, cases[i].lines, cases[i].pattern);
    }
}

Test(latency_commands, what_takes_the_threshold_is_remembered_second_by_second)
{
    static const struct latency_case cases[] = {
        {"LATENCY LATEST\r\n",                    "[*]1|[*]4|$7|command|:1700000004|:25|:70|"},
        {"LATENCY HISTORY command\r\n",
         "[*]3|[*]2|:1700000001|:20|[*]2|:1700000002|:70|[*]2|:1700000004|:25|"              },
        {"LATENCY HISTORY fast-command\r\n",      "[*]0|"                                    },
        {"LATENCY HISTORY nosuch\r\n",            "[*]0|"                                    },
        {"LATENCY HISTORY COMMAND\r\n",           "[*]0|"                                    },
        {"SLOWLOG LEN\r\n",                       ":4|"                                      },
        {"LATENCY RESET nosuch fast-command\r\n", ":0|"                                      },
        {"LATENCY RESET command command\r\n",     ":1|"                                      },
        {"LATENCY LATEST\r\n",                    "[*]0|"                                    },
        {"LATENCY RESET\r\n",                     ":0|"                                      },
    };
    struct lone_node *w = start();

    take(w, 20);
    take(w, 70);
    take(w, 19);
    take(w, 25);
    expect_all(w, cases, ARRAY_COUNT(cases));
    lone_node_free(w);
}

Test(latency_commands, events_need_no_slow_log_and_the_slow_log_no_events)
{
    struct lone_node *w = start();

    lone_node_expect(w, "CONFIG SET slowlog-log-slower-than -1\r\n", "+OK|");
    take(w, 25);
    lone_node_expect(w, "SLOWLOG LEN\r\n", ":0|");
    lone_node_expect(w, "LATENCY RESET\r\n", ":1|");
    lone_node_expect(w, "CONFIG SET slowlog-log-slower-than 100000\r\n", "+OK|");
    take(w, 99);
    lone_node_expect(w, "SLOWLOG LEN\r\n", ":0|");
    lone_node_expect(w, "LATENCY LATEST\r\n", "[*]1|[*]4|$7|command|*|:99|:99|");
    take(w, 100);
    lone_node_expect(w, "SLOWLOG LEN\r\n", ":1|");
    lone_node_expect(w, "CONFIG SET latency-monitor-threshold 0\r\n", "+OK|");
    take(w, 200);
    lone_node_expect(w, "SLOWLOG LEN\r\n", ":2|");
    lone_node_expect(w, "LATENCY LATEST\r\n", "[*]1|[*]4|$7|command|*|:100|:100|");
    lone_node_free(w);
}

Test(latency_commands, small_commands_that_took_long_are_events_of_their_own)
{
    struct lone_node *w = start();

    w->reading_cost_ns = 30 * MS;
    (void)lone_node_ask(w, "GET a\r\nGET b\r\n");
    w->reading_cost_ns = 0;
    lone_node_expect(w, "LATENCY HISTORY fast-command\r\n", "[*]1|[*]2|*|:*|");
    lone_node_free(w);
}

Test(latency_commands, other_work_is_told_by_its_kind)
{
    struct lone_node *w = start();

    lone_node_expect(w, "SET k v PX 1\r\n", "+OK|");
    w->reading_cost_ns = 30 * MS;
    lone_node_idle(w);
    lone_node_idle(w);
    w->reading_cost_ns = 0;
    lone_node_expect(w, "LATENCY HISTORY expire-cycle\r\n", "[*]?|[*]2|:17000000*|:30|*");
    lone_node_expect(w, "LATENCY HISTORY key-space-work\r\n", "[*]?|[*]2|:17000000*|:30|*");
    lone_node_expect(w, "LATENCY HISTORY log-trim\r\n", "[*]?|[*]2|:17000000*|:30|*");
    lone_node_free(w);
}

/* Each reading is 30 ms after the one before. */
static int64_t late_ns(void *context)
{
    static int64_t now_ns;

    (void)context;
    now_ns += 30 * MS;
    return now_ns;
}

Test(latency_commands, slices_of_images_and_slow_disks_are_told_as_well)
{
    struct alone *a = answers_start(&(struct alone_option){"latency-monitor-threshold", "20"}, 1);

    a->is_disk_slow = true;
    answers_expect(a, "SET k v", "+OK|");
    a->node->env.mono_ns = late_ns;
    answers_expect(a, "BGSAVE", "+Background saving started|");
    answers_expect(a, "LATENCY HISTORY image-slice", "[*]1|[*]2|:17000000*|:30|");
    answers_expect(a, "LATENCY HISTORY file-sync", "[*]0|");
    answers_idle(a, 5, 100);
    a->is_disk_slow = false;
    answers_expect(a, "PING", "+PONG|");
    answers_expect(a, "LATENCY HISTORY file-sync", "[*]1|[*]2|:17000000*|:1???|");
    alone_free(a);
}

static int64_t some_cpu_ns(void *context)
{
    return ((struct lone_node *)context)->cpu_ns;
}

/* A pass of so many milliseconds, of which the processor was at it for so many. */
static void pass(struct lone_node *w, int64_t ms, int64_t cpu_ms)
{
    w->now_ns += 1000 * MS;
    node_begin_pass(w->node, w->env.now(w));
    w->now_ns += ms * MS;
    w->cpu_ns += cpu_ms * MS;
    node_end_pass(w->node);
    node_pass_over(w->node, (struct mono_time){w->now_ns / 1000});
}

Test(latency_commands, long_passes_are_told_with_the_work_that_was_in_them)
{
    static const struct latency_case cases[] = {
        {"LATENCY HISTORY event-loop\r\n",     "[*]2|[*]2|*|:50|[*]2|*|:40|"            },
        {"LATENCY HISTORY event-loop-cpu\r\n", "[*]1|[*]2|*|:30|"                       },
        {"LATENCY DOCTOR\r\n",                 "*longest pass * 50.0 ms; * for 2.0 ms.*"},
        {"INFO stats\r\n",                     "*|eventloop_longest_usec:50000|*"       },
        {"INFO stats\r\n",                     "*|eventloop_longest_cpu_usec:30000|*"   },
        {"INFO stats\r\n",                     "*|eventloop_cycles:3|*_sum:109000|*"    },
        {"CONFIG RESETSTAT\r\n",               "+OK|"                                   },
        {"INFO stats\r\n",                     "*|eventloop_cycles:0|*_longest_usec:0|*"},
    };
    struct lone_node *w = lone_node_new();

    w->node->env.loop_cpu_ns = some_cpu_ns;
    lone_node_expect(w, "CONFIG SET latency-monitor-threshold 20\r\n", "+OK|");
    pass(w, 50, 2);
    pass(w, 40, 30);
    pass(w, 19, 19);
    expect_all(w, cases, ARRAY_COUNT(cases));
    lone_node_free(w);
}

Test(latency_commands, nobody_asks_for_processor_time_while_nothing_is_remembered)
{
    struct lone_node *w = lone_node_new();

    w->node->env.loop_cpu_ns = some_cpu_ns;
    pass(w, 50, 2);
    lone_node_expect(w, "INFO stats\r\n", "*|eventloop_longest_usec:50000|*_cpu_usec:0|*");
    lone_node_expect(w, "LATENCY LATEST\r\n", "[*]0|");
    lone_node_free(w);
}

Test(latency_commands, the_clock_is_not_read_for_other_work_while_nobody_wants_to_know)
{
    struct lone_node *w = lone_node_new();
    int off;

    lone_node_idle(w);
    w->readings = 0;
    lone_node_idle(w);
    off = w->readings;
    lone_node_expect(w, "CONFIG SET latency-monitor-threshold 20\r\n", "+OK|");
    lone_node_idle(w);
    w->readings = 0;
    lone_node_idle(w);
    cr_expect_eq(off, 0, "%d", off);
    cr_expect_gt(w->readings, 0);
    lone_node_free(w);
}

Test(latency_commands, the_doctor_tells_what_was_seen)
{
    struct lone_node *w = lone_node_new();

    lone_node_expect(w, "LATENCY DOCTOR\r\n", "$*|Nothing is being remembered now: *");
    lone_node_expect(w, "CONFIG SET latency-monitor-threshold 7\r\n", "+OK|");
    lone_node_expect(w, "LATENCY DOCTOR\r\n", "$*|Nothing has taken 7 ms or longer.*");
    take(w, 30);
    take(w, 40);
    lone_node_expect(w, "LATENCY DOCTOR\r\n",
                     "$*|command: in 2 of the seconds remembered, 35 ms in the mean (off by 5 ms), "
                     "one in 1.?? s; the worst since the last reset took 40 ms.*SLOWLOG GET *"
                     "slowlog-log-slower-than 7000 would*");
    lone_node_expect(w, "CONFIG SET slowlog-log-slower-than 7000\r\nLATENCY DOCTOR\r\n",
                     "+OK|$*|command: in 2 *(SCAN, ranges, COUNT).*");
    cr_expect_null(strstr(lone_node_ask(w, "LATENCY DOCTOR\r\n"), "slower-than"));
    lone_node_free(w);
}

Test(latency_commands, a_graph_is_a_text_that_resp3_says_is_one)
{
    struct lone_node *w = start();

    take(w, 30);
    lone_node_expect(w, "LATENCY GRAPH command\r\n",
                     "$*|command - high 30 ms, low 30 ms (all time high 30 ms)*_*1*s*");
    lone_node_expect(w, "HELLO 3\r\nLATENCY GRAPH command\r\n", "%7|*=*|txt:command - high *");
    lone_node_expect(w, "LATENCY DOCTOR\r\n", "=*|txt:command*");
    lone_node_free(w);
}

Test(latency_commands, a_histogram_counts_the_calls_up_to_each_power_of_two)
{
    static const struct latency_case cases[] = {
        {"LATENCY HISTOGRAM set\r\n",
         "[*]2|$3|set|[*]4|$5|calls|:3|$14|histogram_usec|[*]4|:8|:2|:132|:3|"                                    },
        {"LATENCY HISTOGRAM get nosuch SET\r\n",
         "[*]4|$3|get|[*]4|$5|calls|:1|$14|histogram_usec|[*]2|:132|:1|$3|set|*"                                  },
        {"LATENCY HISTOGRAM nosuch\r\n",                                 "[*]0|"                                  },
        {"LATENCY HISTOGRAM client\r\n",                                 "[*]4|$9|client|id|*$14|client|setname|*"},
        {"LATENCY HISTOGRAM client|id\r\n",                              "[*]2|$9|client|id|[*]4|$5|calls|:1|*"   },
        {"HELLO 3\r\nLATENCY HISTOGRAM get\r\n",
         "%7|*%1|$3|get|%2|$5|calls|:1|$14|histogram_usec|%1|:132|:1|"                                            },
        {"CONFIG SET latency-tracking no\r\nLATENCY HISTOGRAM\r\n",      "+OK|%0|"                                },
        {"CONFIG SET latency-tracking yes\r\nLATENCY HISTOGRAM set\r\n", "+OK|%1|$3|set|*"                        },
        {"CONFIG RESETSTAT\r\nLATENCY HISTOGRAM set\r\n",                "+OK|%0|"                                },
    };
    struct lone_node *w = lone_node_new();

    lone_node_expect(w, "CONFIG SET slowlog-log-slower-than 1\r\n", "+OK|");
    w->reading_cost_ns = 5000;
    lone_node_expect(w, "SET k v\r\nSET k v\r\n", "+OK|+OK|");
    w->reading_cost_ns = 100 * 1000;
    lone_node_expect(w, "SET k v\r\nGET k\r\nCLIENT ID\r\nCLIENT SETNAME x\r\n", "*");
    expect_all(w, cases, ARRAY_COUNT(cases));
    lone_node_free(w);
}

Test(latency_commands, percentiles_are_those_that_are_asked_for)
{
    static const struct latency_case cases[] = {
        {"CONFIG SET latency-tracking-info-percentiles \"0 33.333 1e2\"\r\n", "+OK|"                                     },
        {"CONFIG GET latency-tracking-info-percentiles\r\n",                  "*|$12|0 33.333 100|"                      },
        {"INFO latencystats\r\n",                                             "*_set:p0=5.0??,p33.333=5.0??,p100=5.0??|*"},
        {"CONFIG SET latency-tracking-info-percentiles \"\"\r\n",             "+OK|"                                     },
        {"INFO latencystats\r\n",                                             "*_set:|*"                                 },
        {"CONFIG SET latency-tracking-info-percentiles 101\r\n",
         "-ERR CONFIG SET failed (possibly related to argument "
         "'latency-tracking-info-percentiles') - "
         "latency-tracking-info-percentiles parameters should sit between [[]0.0,100.0]|"                                },
        {"CONFIG SET latency-tracking-info-percentiles -1\r\n",               "-ERR *should sit between *"               },
        {"CONFIG SET latency-tracking-info-percentiles \"50 inf\"\r\n",
         "-ERR *should sit between *"                                                                                    },
        {"CONFIG SET latency-tracking-info-percentiles \"50 x\"\r\n",
         "-ERR *Invalid latency-tracking-info-percentiles parameters|"                                                   },
        {"CONFIG SET latency-tracking-info-percentiles nan\r\n",
         "-ERR *Invalid latency-tracking-info-percentiles parameters|"                                                   },
        {"CONFIG SET latency-tracking-info-percentiles \"1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 "
         "17\"\r\n",                                                 "-ERR *more than 16 percentiles|"          },
        {"CONFIG GET latency-tracking-info-percentiles\r\n",                  "*|$0||"                                   },
        {"CONFIG SET latency-tracking no\r\nINFO latencystats\r\n",           "+OK|$*|# Latencystats||"                  },
    };
    struct lone_node *w = lone_node_new();

    lone_node_expect(w, "CONFIG SET slowlog-log-slower-than 1\r\n", "+OK|");
    w->reading_cost_ns = 5000;
    lone_node_expect(w, "SET k v\r\n", "+OK|");
    expect_all(w, cases, ARRAY_COUNT(cases));
    lone_node_free(w);
}

Test(latency_commands, wrong_words_are_refused)
{
    static const struct latency_case cases[] = {
        {"LATENCY\r\n",                                 "-ERR wrong number of arguments for 'latency' command|"        },
        {"LATENCY NOSUCH\r\n",                          "-ERR unknown subcommand 'NOSUCH'. Try LATENCY HELP.|"         },
        {"LATENCY HISTORY\r\n",                         "-ERR wrong number of arguments for 'latency|history' command|"},
        {"LATENCY HISTORY a b\r\n",
         "-ERR wrong number of arguments for 'latency|history' command|"                                               },
        {"LATENCY GRAPH\r\n",                           "-ERR wrong number of arguments for 'latency|graph' command|"  },
        {"LATENCY GRAPH nosuch\r\n",                    "-ERR No samples available for event 'nosuch'|"                },
        {"LATENCY GRAPH command\r\n",                   "-ERR No samples available for event 'command'|"               },
        {"LATENCY GRAPH \"\"\r\n",                      "-ERR No samples available for event ''|"                      },
        {"LATENCY LATEST x\r\n",                        "-ERR wrong number of arguments for 'latency|latest' command|" },
        {"LATENCY DOCTOR x\r\n",                        "-ERR wrong number of arguments for 'latency|doctor' command|" },
        {"LATENCY HELP\r\n",                            "[*]16|+LATENCY *|+HELP|*"                                     },
        {"CONFIG SET latency-monitor-threshold -1\r\n",
         "-ERR *between 0 and 9223372036854775807 inclusive|"                                                          },
    };
    struct lone_node *w = lone_node_new();

    expect_all(w, cases, ARRAY_COUNT(cases));
    lone_node_free(w);
}
