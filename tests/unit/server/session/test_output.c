/* SPDX-License-Identifier: MIT */
/* What was answered and not yet sent: barriers, blocks, buffers that go round. */
#include "session/output.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

struct world {
    struct output output;
    struct output_spares spares;
    struct buf expected; /* all that was answered */
    struct buf seen;     /* all that was handed out and written */
};

static void answer(struct world *w, const char *text)
{
    output_take_buffer(&w->output, &w->spares);
    buf_append_text(&w->output.buf, text);
    buf_append_text(&w->expected, text);
}

static void answer_block(struct world *w, char content)
{
    struct resp_writer writer = {.out = &w->output.buf, .version = 2, .pieces = &w->output.pieces};
    struct resp_writer copier = {.out = &w->expected, .version = 2};
    struct block *block = block_new((struct bytes){0}, RESP_PIECE_MIN);

    output_take_buffer(&w->output, &w->spares);
    memset(block->data, content, RESP_PIECE_MIN);
    block->len = RESP_PIECE_MIN;
    resp_write_bulk_block(&writer, block);
    resp_write_bulk(&copier, block_contents(block));
    block_release(block);
}

/* Write at most len bytes of what may leave; how many were. */
static size_t write_some(struct world *w, size_t len)
{
    struct bytes pieces[3];
    size_t count = output_pieces(&w->output, pieces, 3);
    size_t done = 0;

    for (size_t i = 0; i < count && done < len; i++) {
        size_t part = pieces[i].len < len - done ? pieces[i].len : len - done;

        buf_append_bytes(&w->seen, bytes_prefix(pieces[i], part));
        done += part;
    }
    if (done > 0) {
        output_done(&w->output, &w->spares, done, false);
    }
    output_check(&w->output);
    output_spares_check(&w->spares);
    return done;
}

static void write_all(struct world *w, size_t step)
{
    while (write_some(w, step) > 0) {
    }
}

static void end(struct world *w)
{
    cr_assert_leq(w->seen.len, w->expected.len);
    cr_expect(bytes_equal(buf_bytes(&w->seen), bytes_prefix(buf_bytes(&w->expected), w->seen.len)));
    output_deinit(&w->output);
    output_spares_deinit(&w->spares);
    buf_deinit(&w->expected);
    buf_deinit(&w->seen);
}

Test(output, hands_out_exactly_what_is_before_a_barrier)
{
    struct world w = {0};

    answer(&w, "free");
    output_bar(&w.output, output_end(&w.output), 700, 1);
    answer(&w, "waits");
    cr_assert_eq(output_ready(&w.output), 4);
    cr_assert_eq(output_pending(&w.output), 9);
    write_all(&w, 3);
    cr_assert_str_eq(buf_text(&w.seen), "free");
    cr_assert_eq(output_ready(&w.output), 0);
    output_open(&w.output, 699);
    cr_assert_eq(write_some(&w, 9), 0);
    output_open(&w.output, 700);
    write_all(&w, 2);
    cr_assert_str_eq(buf_text(&w.seen), "freewaits");
    end(&w);
}

Test(output, opens_barriers_one_after_the_other)
{
    struct world w = {0};

    for (uint64_t i = 1; i <= 3; i++) {
        output_bar(&w.output, output_end(&w.output), i * 100, i);
        answer(&w, "ab");
    }
    output_check(&w.output);
    output_open(&w.output, 250);
    write_all(&w, 100);
    cr_assert_eq(w.seen.len, 4);
    cr_assert_eq(w.output.barriers.count, 1);
    output_open(&w.output, UINT64_MAX);
    write_all(&w, 100);
    cr_assert_eq(w.seen.len, 6);
    end(&w);
}

/* A reply, a block, a reply, a block; barriers at each border and within each part. */
Test(output, holds_back_at_every_place_among_blocks_however_little_is_written)
{
    static const size_t steps[] = {1000, 4096, RESP_PIECE_MIN, SIZE_MAX};

    for (size_t place = 0; place < (size_t)2 * RESP_PIECE_MIN + 60; place += 509) {
        struct world w = {0};

        answer(&w, "+small\r\n");
        answer_block(&w, 'x');
        answer(&w, "+other\r\n");
        answer_block(&w, 'y');
        output_bar(&w.output, place < w.expected.len ? place : w.expected.len, 5, 1);
        write_all(&w, steps[place % 4]);
        cr_assert_eq(w.seen.len, place < w.expected.len ? place : w.expected.len);
        output_open(&w.output, 5);
        write_all(&w, steps[place % 4]);
        cr_assert_eq(w.seen.len, w.expected.len);
        end(&w);
    }
}

Test(output, has_one_barrier_for_a_group_with_its_first_place_and_its_last_offset)
{
    struct world w = {0};

    answer(&w, "read");
    output_bar(&w.output, output_end(&w.output), 10, 7);
    answer(&w, "write");
    output_bar(&w.output, output_end(&w.output), 20, 7);
    answer(&w, "write");
    cr_assert_eq(w.output.barriers.count, 1);
    cr_assert_eq(output_ready(&w.output), 4);
    output_open(&w.output, 19);
    cr_assert_eq(output_ready(&w.output), 4);
    output_open(&w.output, 20);
    cr_assert_eq(output_ready(&w.output), 14);
    output_bar(&w.output, output_end(&w.output), 30, 8);
    output_bar(&w.output, output_end(&w.output), 40, 9);
    cr_assert_eq(w.output.barriers.count, 1, "those at one place are one as well");
    cr_assert_eq(w.output.barriers.items[0].offset, 40);
    end(&w);
}

Test(output, takes_back_barriers_with_what_was_behind_them)
{
    struct world w = {0};
    size_t mark;

    answer(&w, "kept");
    output_bar(&w.output, 2, 10, 1);
    mark = w.output.buf.len;
    answer(&w, "silenced");
    output_bar(&w.output, output_end(&w.output) - 3, 20, 2);
    answer_block(&w, 'x');
    output_cut(&w.output, mark);
    output_check(&w.output);
    cr_assert_eq(w.output.barriers.count, 1);
    cr_assert_eq(output_pending(&w.output), 4);
    cr_assert_eq(output_ready(&w.output), 2);
    output_open(&w.output, 10);
    write_all(&w, 100);
    cr_assert_str_eq(buf_text(&w.seen), "kept");
    end(&w);
}

Test(output, keeps_places_right_while_much_is_sent_and_moved_up)
{
    struct world w = {0};
    struct buf big = {0};

    for (int i = 0; i < 100 * 1024; i++) {
        buf_printf(&big, "%06d", i);
    }
    answer(&w, buf_text(&big));
    answer_block(&w, 'x');
    output_bar(&w.output, output_end(&w.output), 9, 1);
    answer(&w, "behind");
    write_all(&w, 7777);
    cr_assert_eq(w.seen.len, w.expected.len - 6);
    output_open(&w.output, 9);
    write_all(&w, 7777);
    cr_assert(bytes_equal(buf_bytes(&w.seen), buf_bytes(&w.expected)));
    buf_deinit(&big);
    end(&w);
}

Test(output, gives_its_buffer_to_the_next_unless_it_keeps_it)
{
    struct world w = {0};
    struct output other = {0};
    const char *warm;

    answer(&w, "x");
    warm = w.output.buf.data;
    output_done(&w.output, &w.spares, 1, true);
    cr_assert_eq(w.output.buf.data, warm, "it keeps it");
    answer(&w, "x");
    output_done(&w.output, &w.spares, 1, false);
    cr_assert_eq(w.output.buf.cap, 0);
    output_take_buffer(&other, &w.spares);
    cr_assert_eq(other.buf.data, warm);
    cr_assert_eq(w.spares.count, 0);
    output_deinit(&other);
    end(&w);
}

Test(output, cannot_send_what_is_behind_a_barrier, .signal = SIGABRT)
{
    struct world w = {0};

    answer(&w, "ab");
    output_bar(&w.output, 1, 10, 1);
    output_done(&w.output, &w.spares, 2, false);
}

Test(output, has_no_barrier_before_what_was_sent, .signal = SIGABRT)
{
    struct world w = {0};

    answer(&w, "ab");
    write_some(&w, 1);
    output_bar(&w.output, 0, 10, 1);
}

Test(output, has_barriers_whose_offsets_never_fall, .signal = SIGABRT)
{
    struct world w = {0};

    answer(&w, "ab");
    output_bar(&w.output, 0, 10, 1);
    output_bar(&w.output, 1, 9, 2);
}

/* What is behind the first barrier is taken back, blocks and all; what may leave does. */
static void expect_cut(const char *before, bool is_block_behind, const char *behind)
{
    struct world w = {0};
    size_t len;

    answer(&w, before);
    len = w.expected.len;
    output_bar(&w.output, len, 10, 1);
    answer(&w, behind);
    if (is_block_behind) {
        answer_block(&w, 'b');
        answer(&w, "rest");
    }
    output_bar(&w.output, output_end(&w.output), 20, 2);
    output_cut_barred(&w.output);
    output_check(&w.output);
    cr_expect_eq(output_pending(&w.output), len);
    write_all(&w, 3);
    cr_expect_eq(w.seen.len, len);
    cr_expect(len == 0 || memcmp(w.seen.data, w.expected.data, len) == 0);
    buf_clear(&w.expected);
    buf_append_bytes(&w.expected, buf_bytes(&w.seen));
    end(&w);
}

Test(output, takes_back_all_that_waits)
{
    expect_cut("sent", false, "held");
    expect_cut("sent", true, "held");
    expect_cut("", true, "held");
}

Test(output, keeps_a_block_before_the_barrier_and_takes_back_one_behind_it)
{
    struct world w = {0};
    size_t len;

    answer_block(&w, 'a');
    answer(&w, "x");
    len = w.expected.len;
    write_some(&w, 5);
    output_bar(&w.output, len, 10, 1);
    answer_block(&w, 'b');
    output_cut_barred(&w.output);
    output_check(&w.output);
    write_all(&w, 1000);
    cr_expect_eq(w.seen.len, len);
    w.expected.len = len;
    end(&w);
}
