/* SPDX-License-Identifier: MIT */
/* What a node counts. */
#include "node/counters.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

static struct mono_time at_ms(int64_t ms)
{
    return (struct mono_time){.us = ms * 1000};
}

Test(counters, add_up_what_they_are_told)
{
    struct counters c;

    counters_init(&c, at_ms(0));
    counters_read(&c, 10);
    counters_read(&c, 5);
    counters_write(&c, 7);
    counters_read_from_primary(&c, 3);
    counters_write_to_replica(&c, 4);
    counters_rejected_call(&c, COMMAND_GET);
    counters_expired_key(&c);
    cr_assert(c.reads == 2 && c.net_input_bytes == 15);
    cr_assert(c.writes == 1 && c.net_output_bytes == 7);
    cr_assert(c.repl_input_bytes == 3 && c.repl_output_bytes == 4);
    cr_assert(c.rejected_calls[COMMAND_GET] == 1 && c.rejected_calls[COMMAND_SET] == 0);
    cr_assert_eq(c.exec.expired_keys, 1);
    counters_check(&c, at_ms(0));
}

Test(counters, tell_vain_hopes_of_a_partial_resync_from_full_ones)
{
    struct counters c;

    counters_init(&c, at_ms(0));
    counters_full_sync(&c, false);
    counters_full_sync(&c, true);
    counters_partial_sync(&c);
    cr_assert_eq(c.sync_full, 2);
    cr_assert_eq(c.sync_partial_err, 1);
    cr_assert_eq(c.sync_partial_ok, 1);
}

Test(counters, begin_anew_when_they_are_reset)
{
    struct counters c;

    counters_init(&c, at_ms(0));
    counters_command(&c);
    counters_connection(&c);
    counters_rejected_connection(&c);
    counters_output_limit(&c);
    counters_query_limit(&c);
    counters_lease_dropped(&c);
    counters_init(&c, at_ms(50));
    cr_assert(c.commands == 0 && c.connections == 0 && c.rejected_connections == 0);
    cr_assert(c.output_limit_disconnections == 0 && c.query_limit_disconnections == 0);
    cr_assert_eq(c.lease_dropped, 0);
    cr_assert_eq(c.rates_at.us, at_ms(50).us);
}

Test(counters, tell_how_fast_they_grow)
{
    struct counters c;

    counters_init(&c, at_ms(0));
    for (int tenth = 1; tenth <= 40; tenth++) {
        for (int i = 0; i < 20; i++) {
            counters_command(&c);
            counters_read(&c, 100);
        }
        counters_look(&c, at_ms(tenth * 100));
    }
    cr_assert_eq(rate_per_second(&c.commands_rate), 200);
    cr_assert_eq(rate_per_second(&c.input_rate), 20000);
    cr_assert_eq(rate_per_second(&c.output_rate), 0);
}

Test(counters, are_looked_at_ten_times_a_second_at_most)
{
    struct counters c;

    counters_init(&c, at_ms(0));
    counters_look(&c, at_ms(99));
    cr_assert_eq(c.rates_at.us, 0);
    counters_look(&c, at_ms(100));
    cr_assert_eq(c.rates_at.us, at_ms(100).us);
}

Test(counters, are_not_looked_at_backwards_in_time, .signal = SIGABRT)
{
    struct counters c;

    counters_init(&c, at_ms(100));
    counters_look(&c, at_ms(99));
}
