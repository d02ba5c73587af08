/* SPDX-License-Identifier: MIT */
/* The wall clock jumps by a day, forth or back: only what is said in its time goes by it. */
#include "base/attr.h"
#include "node/inside.h"
#include "tests/unit/answers.h"

enum {
    A,
    B,
    DAY_MS = 24 * 3600 * 1000,
};

static const int64_t jumps[] = {DAY_MS, -DAY_MS};

static void jump(struct alone *a, int64_t ms)
{
    a->wall_jump_ms += ms;
    answers_idle(a, 1, 1);
    node_check(a->node);
}

Test(clock_jumps, who_waits_for_a_key_waits_as_long_as_was_said)
{
    static const char *const waits[] = {
        "BLPOP nobody 10\r\n",
        "BZPOPMIN nobody 10\r\n",
        "XREAD BLOCK 10000 STREAMS nobody $\r\n",
    };

    for (size_t i = 0; i < ARRAY_COUNT(jumps); i++) {
        for (size_t wait = 0; wait < ARRAY_COUNT(waits); wait++) {
            struct alone *a = answers_start(NULL, 0);

            answers_send(a, A, waits[wait]);
            jump(a, jumps[i]);
            answers_idle(a, 99, 100);
            answers_match(a, A, "");
            answers_idle(a, 2, 100);
            answers_match(a, A, "[*]-1|");
            alone_free(a);
        }
    }
}

Test(clock_jumps, a_pause_and_a_wait_for_replicas_end_when_they_would_have)
{
    for (size_t i = 0; i < ARRAY_COUNT(jumps); i++) {
        struct alone *a = answers_start(NULL, 0);

        answers_send(a, A, "CLIENT PAUSE 10000 WRITE\r\n");
        answers_match(a, A, "+OK|");
        answers_send(a, A, "SET k v\r\n");
        answers_send(a, B, "WAIT 1 5000\r\n");
        jump(a, jumps[i]);
        answers_idle(a, 40, 100);
        answers_match(a, A, "");
        answers_match(a, B, "");
        answers_idle(a, 15, 100);
        answers_match(a, B, ":0|");
        answers_idle(a, 60, 100);
        answers_match(a, A, "+OK|");
        alone_free(a);
    }
}

Test(clock_jumps, what_expires_goes_by_the_wall_and_comes_back_with_it_unless_it_was_removed)
{
    struct alone *a = answers_start(NULL, 0);

    answers_expect(a, "SET a v EX 3600", "+OK|");
    answers_expect(a, "HSET h f v", ":1|");
    answers_expect(a, "HPEXPIRE h 3600000 FIELDS 1 f", "[*]1|:1|");
    jump(a, -DAY_MS);
    answers_expect(a, "TTL a", ":90000|");
    answers_expect(a, "HTTL h FIELDS 1 f", "[*]1|:90000|");
    jump(a, 2 * DAY_MS);
    answers_idle(a, 20, 100); /* fields are removed a little later */
    answers_expect(a, "GET a", "$-1|");
    answers_expect(a, "EXISTS h", ":0|");
    jump(a, -DAY_MS);
    answers_expect(a, "GET a", "$-1|");
    answers_expect(a, "DBSIZE", ":0|");
    alone_free(a);
}

Test(clock_jumps, ids_of_streams_rise_all_the_same)
{
    struct alone *a = answers_start(NULL, 0);

    answers_expect(a, "XADD s 1700086500000-7 a 1", "$15|1700086500000-7|");
    jump(a, -DAY_MS);
    answers_expect(a, "XADD s * a 1", "$15|1700086500000-8|");
    answers_expect(a, "XGROUP CREATE s g 0", "+OK|");
    answers_expect(a, "XREADGROUP GROUP g c STREAMS s >", "*1700086500000-8|*");
    jump(a, -DAY_MS);
    answers_expect(a, "XPENDING s g IDLE 0 - + 10 c", "*");
    answers_expect(a, "XCLAIM s g c 0 1700086500000-7 JUSTID", "[*]1|$15|1700086500000-7|");
    answers_expect(a, "XAUTOCLAIM s g d 0 0 JUSTID", "*1700086500000-8|*");
    jump(a, 3 * (int64_t)DAY_MS);
    answers_expect(a, "XINFO CONSUMERS s g", "*");
    alone_free(a);
}

Test(clock_jumps, a_search_for_hot_keys_and_reports_of_latency_go_on)
{
    for (size_t i = 0; i < ARRAY_COUNT(jumps); i++) {
        struct alone *a = answers_start(NULL, 0);

        answers_expect(a, "CONFIG SET latency-monitor-threshold 1", "+OK|");
        answers_expect(a, "HOTKEYS START METRICS 1 CPU DURATION 10", "+OK|");
        answers_expect(a, "SET k v", "+OK|");
        latency_add(&a->node->latency, LATENCY_COMMAND, a->node->now.unix_ms / 1000, 5);
        jump(a, jumps[i]);
        answers_idle(a, 90, 100);
        answers_expect(a, "HOTKEYS GET", "[*]*tracking-active|:1|*");
        answers_idle(a, 12, 100);
        answers_expect(a, "HOTKEYS GET", "[*]*tracking-active|:0|*collection-duration-ms|:10*");
        latency_add(&a->node->latency, LATENCY_COMMAND, a->node->now.unix_ms / 1000, 6);
        answers_expect(a, "LATENCY HISTORY command", "*|:6|");
        answers_expect(a, "LATENCY LATEST", "*|:6|:6|");
        answers_expect(a, "LATENCY DOCTOR", "*");
        answers_expect(a, "LATENCY GRAPH command", "*");
        answers_expect(a, "OBJECT IDLETIME k", ":*");
        answers_expect(a, "INFO", "*uptime_in_seconds:1?|*");
        alone_free(a);
    }
}

Test(clock_jumps, a_cluster_of_one_keeps_its_lease)
{
    for (size_t i = 0; i < ARRAY_COUNT(jumps); i++) {
        struct alone *a = answers_start_cluster();

        answers_expect(a, "SET k v", "+OK|");
        jump(a, jumps[i]);
        answers_expect(a, "SET k v", "+OK|");
        answers_idle(a, 20, 100);
        answers_expect(a, "SET k v", "+OK|");
        alone_free(a);
    }
}
