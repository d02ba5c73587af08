/* SPDX-License-Identifier: MIT */
/* Who writes faster than the disk does waits for it. */
#include "node/inside.h"
#include "tests/unit/answers.h"

#include <string.h>

enum {
    VALUE_BYTES = 700 * 1000,
};

static struct alone *start(void)
{
    const struct alone_option options[] = {
        {"appendonly",    "yes"     },
        {"appendfsync",   "everysec"},
        {"log-lag-limit", "1mb"     },
    };
    struct alone *a = answers_start(options, ARRAY_COUNT(options));

    a->is_disk_slow = true;
    return a;
}

/* Two values that are together beyond the limit. */
static void write_much(struct alone *a)
{
    struct buf request = {0};

    buf_printf(&request, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n", VALUE_BYTES);
    for (size_t i = 0; i < VALUE_BYTES; i++) {
        buf_append_byte(&request, 'x');
    }
    buf_append_text(&request, "\r\n");
    for (int i = 0; i < 2; i++) {
        alone_pass(a, 1000, 0, buf_bytes(&request));
        answers_match(a, 0, "+OK|");
    }
    buf_deinit(&request);
}

Test(disk_pressure, those_who_write_wait_until_the_disk_has_caught_up)
{
    struct alone *a = start();

    write_much(a);
    answers_send(a, 0, "INCR n\r\n");
    answers_match(a, 0, "");
    answers_idle(a, 3, 2000);
    answers_match(a, 0, "");
    a->is_disk_slow = false;
    answers_idle(a, 4, 1000);
    answers_match(a, 0, ":1|");
    answers_expect(a, "INCR n", ":2|");
    alone_free(a);
}

Test(disk_pressure, those_who_read_go_on)
{
    struct alone *a = start();

    write_much(a);
    answers_send(a, 0, "INCR n\r\n");
    answers_send(a, 1, "STRLEN k\r\n");
    answers_match(a, 1, ":700000|");
    answers_send(a, 1, "GET n\r\n");
    answers_match(a, 1, "$-1|");
    alone_free(a);
}

Test(disk_pressure, a_transaction_that_writes_waits_as_a_whole_and_one_that_reads_does_not)
{
    struct alone *a = start();

    write_much(a);
    answers_send(a, 0, "MULTI\r\nINCR n\r\nINCR n\r\n");
    answers_match(a, 0, "+OK|+QUEUED|+QUEUED|");
    answers_send(a, 0, "EXEC\r\n");
    answers_match(a, 0, "");
    answers_send(a, 1, "MULTI\r\nSTRLEN k\r\nEXEC\r\n");
    answers_match(a, 1, "+OK|+QUEUED|*1|:700000|");
    a->is_disk_slow = false;
    answers_idle(a, 4, 1000);
    answers_match(a, 0, "*2|:1|:2|");
    alone_free(a);
}

Test(disk_pressure, a_disk_that_refuses_is_told_to_those_who_waited)
{
    struct alone *a = start();

    write_much(a);
    answers_send(a, 0, "INCR n\r\n");
    answers_match(a, 0, "");
    a->disk.fault = DISK_BROKEN;
    a->is_disk_slow = false;
    answers_idle(a, 10, 1000);
    answers_match(a, 0, "-MISCONF Errors writing to the AOF file: *|");
    alone_free(a);
}

Test(disk_pressure, a_higher_limit_lets_them_go_on)
{
    struct alone *a = start();

    write_much(a);
    answers_send(a, 0, "INCR n\r\n");
    answers_match(a, 0, "");
    answers_send(a, 1, "CONFIG SET log-lag-limit 10mb\r\n");
    answers_match(a, 1, "+OK|");
    answers_idle(a, 1, 10);
    answers_match(a, 0, ":1|");
    alone_free(a);
}

Test(disk_pressure, who_goes_while_waiting_is_forgotten)
{
    struct alone *a = start();

    write_much(a);
    answers_send(a, 1, "INCR n\r\n");
    answers_match(a, 1, "");
    alone_disconnect(a, 1);
    a->is_disk_slow = false;
    answers_idle(a, 4, 1000);
    answers_expect(a, "GET n", "$-1|");
    alone_free(a);
}
