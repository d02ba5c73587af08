/* SPDX-License-Identifier: MIT */
/* cli/pipe_cluster: where a request belongs.  Whole transfers are in tests/wire/pipe_cluster.wire. */
#include "cli/pipe_cluster.h"

#include "spec/slot.h"

#include <criterion/criterion.h>

static uint32_t slot_of(const char *line)
{
    struct bytes rest = bytes_from_text(line);
    struct bytes words[8];
    size_t count = 0;

    while ((words[count] = bytes_next_word(&rest, ' ')).len > 0) {
        count++;
    }
    return pipe_cluster_slot(words, count);
}

Test(pipe_cluster, a_request_belongs_to_the_slot_of_its_first_key)
{
    uint32_t foo = slot_of_key(BYTES_LITERAL("foo"));

    cr_assert_eq(slot_of("set foo 1"), foo);
    cr_assert_eq(slot_of("MSET {foo}a 1 {foo}b 2"), foo);
    cr_assert_eq(slot_of("object encoding foo"), foo);
    cr_assert_eq(slot_of("SELDOMHEARDOF foo 1"), foo);
}

Test(pipe_cluster, a_request_without_a_key_belongs_nowhere)
{
    cr_assert_eq(slot_of("ping"), SLOT_COUNT);
    cr_assert_eq(slot_of("client list"), SLOT_COUNT);
    cr_assert_eq(slot_of("get"), SLOT_COUNT);
    cr_assert_eq(slot_of("seldomheardof"), SLOT_COUNT);
}

Test(pipe_cluster, what_holds_for_a_connection_cannot_be_spread)
{
    cr_assert(pipe_cluster_is_bound(BYTES_LITERAL("Multi")));
    cr_assert(pipe_cluster_is_bound(BYTES_LITERAL("SUBSCRIBE")));
    cr_assert_not(pipe_cluster_is_bound(BYTES_LITERAL("set")));
    cr_assert_not(pipe_cluster_is_bound(BYTES_LITERAL("ping")));
}
