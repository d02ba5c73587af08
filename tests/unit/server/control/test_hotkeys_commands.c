/* SPDX-License-Identifier: MIT */
/* HOTKEYS. */
#include "base/attr.h"
#include "tests/unit/answers.h"

static const struct alone_option cluster[] = {
    {"cluster-enabled", "yes"},
};

static void expect_times(struct alone *a, int times, const char *line, const char *answer)
{
    for (int i = 0; i < times; i++) {
        answers_expect(a, line, answer);
    }
}

Test(hotkeys_commands, get_has_the_hottest_first_with_database_reads_and_writes)
{
    struct alone *a = answers_start(NULL, 0);

    answers_expect(a, "HOTKEYS GET", "*0|");
    expect_times(a, 6, "GET often", "$-1|");
    expect_times(a, 4, "SET less x", "+OK|");
    expect_times(a, 2, "GET seldom", "$-1|");
    answers_expect(a, "HELLO 3", "%*");
    answers_expect(a, "HOTKEYS GET",
                   "*2|"
                   "%7|$3|key|$5|often|$2|db|:0|$3|qps|:12|$5|reads|:12|$6|writes|:0|"
                   "$5|bytes|:*|$10|key-length|:5|"
                   "%7|$3|key|$4|less|$2|db|:0|$3|qps|:8|$5|reads|:0|$6|writes|:8|"
                   "$5|bytes|:*|$10|key-length|:4|");
    answers_expect(a, "HELLO 2", "*");
    answers_expect(a, "HOTKEYS GET", "*2|*14|$3|key|$5|often|*");
    alone_free(a);
}

Test(hotkeys_commands, get_tells_databases_apart_and_has_all_keys_of_a_command)
{
    struct alone *a = answers_start(NULL, 0);

    expect_times(a, 3, "MSET a 1 b 2", "+OK|");
    answers_expect(a, "SELECT 5", "+OK|");
    expect_times(a, 4, "GET a", "$-1|");
    answers_expect(a, "HOTKEYS GET",
                   "*3|*14|$3|key|$1|a|$2|db|:5|*|*14|$3|key|$1|a|$2|db|:0|$3|qps|:6|$5|reads|:0|"
                   "$6|writes|:6|*|$3|key|$1|b|*");
    alone_free(a);
}

Test(hotkeys_commands, a_key_that_is_read_and_written_by_one_command_counts_as_each)
{
    struct alone *a = answers_start(NULL, 0);

    answers_expect(a, "SADD s x", ":1|");
    expect_times(a, 4, "SUNIONSTORE to s", ":1|");
    answers_expect(a, "HOTKEYS GET",
                   "*2|*14|$3|key|$1|s|$2|db|:0|$3|qps|:10|$5|reads|:8|$6|writes|:2|*"
                   "*14|$3|key|$2|to|$2|db|:0|$3|qps|:8|$5|reads|:0|$6|writes|:8|*");
    alone_free(a);
}

Test(hotkeys_commands, what_was_refused_or_queued_does_not_count_and_exec_does)
{
    struct alone *a = answers_start(NULL, 0);

    expect_times(a, 5, "GET a b", "-ERR wrong number*");
    answers_expect(a, "MULTI\r\nGET k\r\nGET k\r\nGET k\r\nGET k",
                   "+OK|+QUEUED|+QUEUED|+QUEUED|+QUEUED|");
    answers_expect(a, "DISCARD", "+OK|");
    answers_expect(a, "HOTKEYS GET", "*0|");
    answers_expect(a, "MULTI\r\nGET k\r\nGET k\r\nGET k\r\nGET k\r\nEXEC", "*");
    answers_expect(a, "HOTKEYS GET", "*1|*14|$3|key|$1|k|$2|db|:0|$3|qps|:8|*");
    alone_free(a);
}

Test(hotkeys_commands, top_k_says_how_many_and_zero_turns_it_off)
{
    struct alone *a = answers_start(NULL, 0);

    expect_times(a, 4, "GET a", "$-1|");
    expect_times(a, 5, "GET b", "$-1|");
    answers_expect(a, "CONFIG SET hotkeys-top-k 1", "+OK|");
    answers_expect(a, "HOTKEYS GET", "*1|*14|$3|key|$1|b|*");
    answers_expect(a, "CONFIG SET hotkeys-top-k 0", "+OK|");
    answers_expect(a, "HOTKEYS GET", "*0|");
    expect_times(a, 4, "GET c", "$-1|");
    answers_expect(a, "CONFIG SET hotkeys-top-k 10", "+OK|");
    expect_times(a, 4, "GET d", "$-1|");
    answers_expect(a, "HOTKEYS GET", "*1|*14|$3|key|$1|d|*");
    answers_expect(a, "HOTKEYS RESET", "+OK|");
    answers_expect(a, "HOTKEYS GET", "*0|");
    alone_free(a);
}

Test(hotkeys_commands, a_session_measures_every_command_from_start_to_stop)
{
    struct alone *a = answers_start(NULL, 0);

    answers_expect(a, "HOTKEYS STOP", "$-1|");
    answers_expect(a, "HELLO 3", "%*");
    answers_send(
        a, 1,
        "HOTKEYS START METRICS 1 NET\r\nSET k 1\r\nSET k 2\r\nGET l\r\nHOTKEYS STOP\r\nGET k\r\n");
    answers_match(a, 1, "+OK|+OK|+OK|$-1|+OK|$1|2|");
    answers_expect(a, "HOTKEYS GET",
                   "*1|%9|$15|tracking-active|:0|$12|sample-ratio|:1|"
                   "$14|selected-slots|*1|*2|:0|:16383|"
                   "$25|all-commands-all-slots-us|:*|"
                   "$32|net-bytes-all-commands-all-slots|:*|"
                   "$29|collection-start-time-unix-ms|:1700000*|$22|collection-duration-ms|:0|"
                   "$15|total-net-bytes|:*|"
                   "$12|by-net-bytes|*4|$1|k|:28|$1|l|:12|");
    answers_expect(a, "HOTKEYS RESET", "+OK|");
    answers_expect(a, "HOTKEYS GET", "*0|");
    alone_free(a);
}

Test(hotkeys_commands, a_session_with_both_metrics_lists_as_many_keys_as_it_is_told)
{
    struct alone *a = answers_start(NULL, 0);

    answers_expect(a, "hotkeys start count 1 metrics 3 cpu net other sample 1 duration 10", "+OK|");
    answers_expect(a, "SET long xxxxxxxxxxxxxxxxxxxx", "+OK|");
    answers_expect(a, "GET s", "$-1|");
    answers_expect(a, "HOTKEYS GET",
                   "*1|*24|$15|tracking-active|:1|*|$22|total-cpu-time-user-ms|:*|"
                   "$21|total-cpu-time-sys-ms|:*|$15|total-net-bytes|:*|"
                   "$14|by-cpu-time-us|*|$12|by-net-bytes|*2|$4|long|:*|");
    alone_free(a);
}

Test(hotkeys_commands, a_session_ends_after_its_duration_and_a_second_one_waits_for_that)
{
    struct alone *a = answers_start(NULL, 0);

    answers_expect(a, "HOTKEYS START METRICS 1 CPU DURATION 2", "+OK|");
    answers_expect(a, "HOTKEYS START METRICS 1 CPU",
                   "-ERR hotkey tracking session already in progress|");
    answers_expect(a, "HOTKEYS RESET",
                   "-ERR hotkey tracking session in progress, stop tracking first|");
    answers_idle(a, 30, 100);
    answers_expect(a, "HOTKEYS STOP", "$-1|");
    answers_expect(a, "HOTKEYS GET", "*1|*20|$15|tracking-active|:0|*");
    answers_expect(a, "HOTKEYS START METRICS 1 CPU", "+OK|");
    answers_expect(a, "HOTKEYS GET", "*1|*20|$15|tracking-active|:1|*");
    alone_free(a);
}

Test(hotkeys_commands, a_session_of_slots_shows_their_ranges_and_sums)
{
    struct alone *a = answers_start(cluster, ARRAY_COUNT(cluster));

    answers_expect(a, "HOTKEYS START METRICS 1 NET SAMPLE 2 SLOTS 4 1 2 16383 0", "+OK|");
    answers_expect(
        a, "HOTKEYS GET",
        "*1|*26|$15|tracking-active|:1|$12|sample-ratio|:2|"
        "$14|selected-slots|*2|*2|:0|:2|*2|:16383|:16383|"
        "$34|sampled-commands-selected-slots-us|:0|$30|all-commands-selected-slots-us|:0|"
        "$25|all-commands-all-slots-us|:*|"
        "$41|net-bytes-sampled-commands-selected-slots|:0|"
        "$37|net-bytes-all-commands-selected-slots|:0|"
        "$32|net-bytes-all-commands-all-slots|:*|*");
    alone_free(a);
}

Test(hotkeys_commands, get_tells_in_a_cluster_of_slots_and_why_keys_are_not_copied)
{
    struct alone *a = answers_start(cluster, ARRAY_COUNT(cluster));

    answers_expect(a, "CLUSTER ADDSLOTSRANGE 0 16383", "+OK|");
    answers_idle(a, 300, 10);
    expect_times(a, 4, "GET k", "$-1|");
    answers_expect(a, "HOTKEYS GET",
                   "*1|*20|$3|key|$1|k|*$10|key-length|:1|$4|slot|:7629|$6|copied|:0|"
                   "$6|reason|$25|there is no other primary|");
    answers_expect(a, "CONFIG SET hot-copies off", "+OK|");
    answers_expect(a, "HOTKEYS GET", "*$6|reason|$21|copies are turned off|");
    answers_expect(a, "HELLO 3", "%*");
    answers_expect(a, "HOTKEYS GET", "*1|%10|$3|key|$1|k|*");
    alone_free(a);
}

Test(hotkeys_commands, refuses_words_that_it_does_not_understand)
{
    static const struct answers_case cases[] = {
        {"HOTKEYS",                                                  "-ERR wrong number of arguments for 'hotkeys' command|"      },
        {"HOTKEYS NOSUCH",                                           "-ERR unknown subcommand 'NOSUCH'. Try HOTKEYS HELP.|"       },
        {"HOTKEYS GET 1",                                            "-ERR wrong number of arguments for 'hotkeys|get' command|"  },
        {"HOTKEYS RESET x",                                          "-ERR wrong number of arguments for 'hotkeys|reset' command|"},
        {"HOTKEYS STOP x",                                           "-ERR wrong number of arguments for 'hotkeys|stop' command|" },
        {"HOTKEYS START",                                            "-ERR METRICS parameter is required|"                        },
        {"HOTKEYS START COUNT 5",                                    "-ERR METRICS parameter is required|"                        },
        {"HOTKEYS START METRICS",                                    "-ERR syntax error|"                                         },
        {"HOTKEYS START METRICS 1",                                  "-ERR syntax error|"                                         },
        {"HOTKEYS START METRICS 2 CPU",                              "-ERR syntax error|"                                         },
        {"HOTKEYS START METRICS 9223372036854775807 CPU",            "-ERR syntax error|"                                         },
        {"HOTKEYS START METRICS 9223372036854775808 CPU",
         "-ERR METRICS count must be between 1 and*"                                                                              },
        {"HOTKEYS START METRICS 0 CPU",                              "-ERR METRICS count must be between 1 and*"                  },
        {"HOTKEYS START METRICS -1 CPU",                             "-ERR METRICS count must be between 1 and*"                  },
        {"HOTKEYS START METRICS x CPU",                              "-ERR METRICS count must be between 1 and*"                  },
        {"HOTKEYS START METRICS 1 \"\"",
         "-ERR METRICS no valid metrics passed. Supported: CPU|NET|"                                                              },
        {"HOTKEYS START METRICS 1 MEM",
         "-ERR METRICS no valid metrics passed. Supported: CPU|NET|"                                                              },
        {"HOTKEYS START METRICS 1 CPU METRICS 1 NET",                "-ERR syntax error|"                                         },
        {"HOTKEYS START METRICS 1 CPU NET",                          "-ERR syntax error|"                                         },
        {"HOTKEYS START METRICS 1 CPU COUNT 0",                      "-ERR COUNT must be between 1 and 64|"                       },
        {"HOTKEYS START METRICS 1 CPU COUNT 65",                     "-ERR COUNT must be between 1 and 64|"                       },
        {"HOTKEYS START METRICS 1 CPU COUNT nan",                    "-ERR COUNT must be between 1 and 64|"                       },
        {"HOTKEYS START METRICS 1 CPU COUNT 1.5",                    "-ERR COUNT must be between 1 and 64|"                       },
        {"HOTKEYS START METRICS 1 CPU COUNT",                        "-ERR syntax error|"                                         },
        {"HOTKEYS START METRICS 1 CPU COUNT 5 COUNT 5",              "-ERR syntax error|"                                         },
        {"HOTKEYS START METRICS 1 CPU DURATION 0",                   "-ERR DURATION must be between 1 and 1000000|"               },
        {"HOTKEYS START METRICS 1 CPU DURATION inf",
         "-ERR DURATION must be between 1 and 1000000|"                                                                           },
        {"HOTKEYS START METRICS 1 CPU DURATION 9223372036854775807",
         "-ERR DURATION must be between 1 and 1000000|"                                                                           },
        {"HOTKEYS START METRICS 1 CPU SAMPLE 0",
         "-ERR SAMPLE ratio must be between 1 and 2147483647|"                                                                    },
        {"HOTKEYS START METRICS 1 CPU SAMPLE -9223372036854775808",
         "-ERR SAMPLE ratio must be between 1 and 2147483647|"                                                                    },
        {"HOTKEYS START METRICS 1 CPU SLOTS 1 5",
         "-ERR SLOTS parameter cannot be used in non-cluster mode|"                                                               },
        {"HOTKEYS STOP",                                             "$-1|"                                                       },
    };
    struct alone *a = answers_start(NULL, 0);

    answers_expect_all(a, cases, ARRAY_COUNT(cases));
    alone_free(a);
}

Test(hotkeys_commands, refuses_slots_that_are_none)
{
    static const struct answers_case cases[] = {
        {"HOTKEYS START METRICS 1 CPU SLOTS",         "-ERR syntax error|"                     },
        {"HOTKEYS START METRICS 1 CPU SLOTS 0",       "-ERR SLOTS count must be between 1 and*"},
        {"HOTKEYS START METRICS 1 CPU SLOTS 2 1",     "-ERR syntax error|"                     },
        {"HOTKEYS START METRICS 1 CPU SLOTS 1 16384", "-ERR Invalid or out of range slot|"     },
        {"HOTKEYS START METRICS 1 CPU SLOTS 1 -1",    "-ERR Invalid or out of range slot|"     },
        {"HOTKEYS START METRICS 1 CPU SLOTS 1 x",     "-ERR Invalid or out of range slot|"     },
        {"HOTKEYS START METRICS 1 CPU SLOTS 1 1 2",   "-ERR syntax error|"                     },
        {"HOTKEYS STOP",                              "$-1|"                                   },
    };
    struct alone *a = answers_start(cluster, ARRAY_COUNT(cluster));

    answers_expect_all(a, cases, ARRAY_COUNT(cases));
    alone_free(a);
}
