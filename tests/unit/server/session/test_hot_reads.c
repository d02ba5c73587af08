/* SPDX-License-Identifier: MIT */
/* session/hot_reads: what a connection has asked of hot slots. */
#include "session/hot_reads.h"

#include <criterion/criterion.h>

Test(hot_reads, who_asks_for_no_hot_slot_has_nothing)
{
    struct hot_reads *reads = NULL;

    cr_expect_eq(hot_reads_bytes(reads), 0);
    hot_reads_free(&reads);
    cr_expect_null(reads);
}

Test(hot_reads, each_slot_has_a_record_of_its_own)
{
    struct hot_reads *reads = NULL;

    for (uint16_t i = 0; i < HOT_READS_MAX; i++) {
        struct spread_reader *read = hot_reads_get(&reads, (uint16_t)(4 * i));

        cr_assert_eq(read->judged + read->counted + read->requests, 0);
        read->judged = i + 1U;
    }
    for (uint16_t i = 0; i < HOT_READS_MAX; i++) {
        cr_expect_eq(hot_reads_get(&reads, (uint16_t)(4 * i))->judged, i + 1U);
    }
    cr_expect_eq(reads->count, HOT_READS_MAX);
    hot_reads_free(&reads);
    cr_expect_null(reads);
    cr_expect_eq(hot_reads_get(&reads, 0)->judged, 0, "it is forgotten");
    hot_reads_free(&reads);
}

Test(hot_reads, of_too_many_slots_the_first_are_forgotten_and_memory_stays_small)
{
    struct hot_reads *reads = NULL;
    size_t bytes;

    for (uint16_t i = 0; i < HOT_READS_MAX; i++) {
        hot_reads_get(&reads, i)->requests = 7;
    }
    bytes = hot_reads_bytes(reads);
    cr_expect_leq(bytes, 1024);
    for (uint16_t i = HOT_READS_MAX; i < HOT_READS_MAX + 5; i++) {
        cr_expect_eq(hot_reads_get(&reads, i)->requests, 0);
    }
    cr_expect_eq(hot_reads_bytes(reads), bytes);
    cr_expect_eq(hot_reads_get(&reads, 5)->requests, 7);
    cr_expect_eq(hot_reads_get(&reads, 4)->requests, 0);
    hot_reads_free(&reads);
}
