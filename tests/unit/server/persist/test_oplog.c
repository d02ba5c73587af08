/* SPDX-License-Identifier: MIT */
/* persist/oplog. */
#include "persist/oplog.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/rng.h"

#include "tests/unit/seed.h"

enum {
    BLOCK = 64 * 1024,
    MEGABYTE = 1024 * 1024,
};

static struct history_id history(char letter)
{
    struct history_id id = {{0}};

    memset(id.text, letter, HISTORY_ID_LEN);
    return id;
}

static void append_pattern(struct oplog *log, size_t len)
{
    char *bytes = mem_alloc(MEM_TEST, len);

    for (size_t i = 0; i < len; i++) {
        bytes[i] = (char)((oplog_end(log) + i) % 251);
    }
    oplog_append(log, bytes_make(bytes, len));
    mem_free(MEM_TEST, bytes);
}

static void expect_pattern(const struct oplog *log, uint64_t offset, uint64_t seed)
{
    struct bytes piece;

    while (offset < oplog_end(log)) {
        SEED_ASSERT(oplog_read(log, offset, SIZE_MAX, &piece) == OPLOG_OK, seed);
        SEED_ASSERT(piece.len > 0, seed);
        for (size_t i = 0; i < piece.len; i += 97) {
            SEED_ASSERT(piece.data[i] == (char)((offset + i) % 251), seed);
        }
        offset += piece.len;
    }
}

Test(oplog, offsets_go_on_from_where_it_was_begun)
{
    struct oplog *log = oplog_new(history('a'), 5000);
    struct bytes piece;

    oplog_append(log, BYTES_LITERAL("hello"));
    oplog_append(log, BYTES_LITERAL(" world"));
    cr_assert_eq(oplog_start(log), 5000);
    cr_assert_eq(oplog_end(log), 5011);
    cr_assert_eq(oplog_read(log, 5003, 4, &piece), OPLOG_OK);
    cr_assert(bytes_equal_text(piece, "lo w"));
    oplog_free(log);
    cr_assert_eq(mem_used(MEM_LOG), 0);
}

Test(oplog, readers_outside_are_told_on_which_side)
{
    struct oplog *log = oplog_new(history('a'), 100);
    struct bytes piece;

    oplog_append(log, BYTES_LITERAL("xy"));
    cr_assert_eq(oplog_read(log, 99, 10, &piece), OPLOG_GONE);
    cr_assert_eq(oplog_read(log, 102, 10, &piece), OPLOG_OK);
    cr_assert_eq(piece.len, 0);
    cr_assert_eq(oplog_read(log, 103, 10, &piece), OPLOG_BEYOND);
    oplog_free(log);
}

Test(oplog, what_was_appended_is_read_whatever_the_pieces)
{
    struct oplog *log = oplog_new(history('a'), 7);
    uint64_t seed = seed_get();
    struct rng rng;

    rng_init(&rng, seed);
    for (int step = 0; step < 2000; step++) {
        append_pattern(log, 1 + rng_below(&rng, rng_one_in(&rng, 20) ? 3 * BLOCK : 200));
        if (rng_one_in(&rng, 10)) {
            oplog_trim(log, rng_below(&rng, MEGABYTE), UINT64_MAX);
        }
        oplog_check(log);
        if (step % 100 == 0) {
            expect_pattern(log, oplog_start(log), seed);
        }
    }
    oplog_free(log);
}

Test(oplog, a_backlog_that_nobody_reads_stays_near_its_size)
{
    struct oplog *log = oplog_new(history('a'), 0);

    for (int i = 0; i < 500; i++) {
        append_pattern(log, 10000);
        oplog_trim(log, MEGABYTE, UINT64_MAX);
    }
    cr_assert_geq(oplog_end(log) - oplog_start(log), MEGABYTE);
    cr_assert_leq(oplog_end(log) - oplog_start(log), MEGABYTE + BLOCK);
    cr_assert_leq(oplog_memory(log), MEGABYTE + 3 * BLOCK);
    cr_assert_leq(mem_used(MEM_LOG), oplog_memory(log) + 4096);
    oplog_free(log);
}

Test(oplog, trimming_spares_what_is_still_wanted)
{
    struct oplog *log = oplog_new(history('a'), 0);

    append_pattern(log, 10 * BLOCK);
    oplog_trim(log, 0, 3 * BLOCK + 5);
    cr_assert_eq(oplog_start(log), 3 * BLOCK);
    oplog_trim(log, 5 * BLOCK, UINT64_MAX);
    cr_assert_eq(oplog_start(log), 5 * BLOCK);
    oplog_trim(log, UINT64_MAX, UINT64_MAX);
    cr_assert_eq(oplog_start(log), 5 * BLOCK);
    oplog_trim(log, 0, UINT64_MAX);
    cr_assert_eq(oplog_start(log), oplog_end(log));
    append_pattern(log, 100);
    expect_pattern(log, 10 * BLOCK, 0);
    oplog_free(log);
}

Test(oplog, after_a_takeover_the_old_history_is_good_up_to_the_fork)
{
    struct oplog *log = oplog_new(history('a'), 1000);

    append_pattern(log, 100);
    oplog_fork(log, history('b'));
    append_pattern(log, 50);
    cr_assert_str_eq(oplog_history(log)->text, history('b').text);
    cr_assert_str_eq(oplog_previous_history(log)->text, history('a').text);
    cr_assert_eq(oplog_previous_end(log), 1100);
    cr_assert(oplog_start(log) == 1000 && oplog_end(log) == 1150);
    oplog_free(log);
}

Test(oplog, adopting_the_same_history_changes_nothing)
{
    struct oplog *log = oplog_new(history('a'), 10);

    oplog_adopt(log, history('a'));
    cr_assert_str_eq(oplog_previous_history(log)->text, history('0').text);
    oplog_adopt(log, history('b'));
    cr_assert_str_eq(oplog_previous_history(log)->text, history('a').text);
    cr_assert_eq(oplog_previous_end(log), 10);
    oplog_free(log);
}

Test(oplog, a_restart_forgets_bytes_and_ancestry)
{
    struct oplog *log = oplog_new(history('a'), 0);

    append_pattern(log, 5 * BLOCK);
    oplog_fork(log, history('b'));
    oplog_restart(log, history('c'), 77);
    oplog_check(log);
    cr_assert(oplog_start(log) == 77 && oplog_end(log) == 77);
    cr_assert_str_eq(oplog_history(log)->text, history('c').text);
    cr_assert_str_eq(oplog_previous_history(log)->text, history('0').text);
    oplog_free(log);
}
