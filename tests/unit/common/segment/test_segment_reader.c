/* SPDX-License-Identifier: MIT */
/* segment/segment_reader, and what it judges by: segment/segment_scan. */
#include "segment/segment_reader.h"

#include "tests/unit/common/segment/folder.h"

#include <criterion/criterion.h>

#define HEAD  SEGMENT_HEAD_BYTES
#define FRAME SEGMENT_FRAME_HEAD_BYTES

static struct folder folder;
static struct segment_list list;
static struct segment_reader reader;
static struct errmsg error;

static void set_up(void)
{
    folder_init(&folder);
    list = (struct segment_list){0};
    reader = (struct segment_reader){0};
    error = (struct errmsg){0};
}

static void tear_down(void)
{
    segment_reader_deinit(&reader);
    segment_list_deinit(&list);
    folder_deinit(&folder);
}

TestSuite(segment_reader, .init = set_up, .fini = tear_down);

static bool begin(bool is_at_rest, char history, uint64_t offset)
{
    struct history_id id = folder_history(history);

    cr_assert(segment_list_load(&list, &folder.source, &error), "%s", error.text);
    segment_reader_deinit(&reader);
    segment_reader_init(&reader, &folder.source, &list, is_at_rest);
    return segment_reader_seek(&reader, &id, offset);
}

/* Read on until there is something else than bytes, which have to be those of the stream. */
static enum segment_reading read_all(size_t max_bytes)
{
    for (;;) {
        struct bytes out;
        uint64_t offset = reader.offset;
        enum segment_reading reading = segment_reader_next(&reader, max_bytes, &out, &error);

        if (reading != SEGMENT_READING_OK) {
            cr_assert_eq(out.len, 0);
            cr_assert_eq(reader.offset, offset);
            return reading;
        }
        cr_assert_leq(out.len, max_bytes);
        cr_assert_eq(reader.offset, offset + out.len);
        for (size_t i = 0; i < out.len; i++) {
            cr_assert_eq(out.data[i], folder_byte(offset + i), "%llu",
                         (unsigned long long)(offset + i));
        }
    }
}

static void expect_tail(uint64_t number, uint64_t place, uint64_t torn_bytes)
{
    struct segment_tail tail = segment_reader_tail(&reader);

    cr_expect_eq(tail.number, number);
    cr_expect_eq(tail.place, place);
    cr_expect_eq(tail.torn_bytes, torn_bytes);
}

/* Three segments of a, of two frames of 50 each; of the last one the first frame is durable. */
static void make_three(void)
{
    for (uint64_t number = 1; number <= 3; number++) {
        uint64_t start = (number - 1) * 100;

        folder_begin(&folder, number, 'a', '\0', start);
        folder_append(&folder, number, start, start + 50, start);
        folder_append(&folder, number, start + 50, start + 100, start + 50);
    }
}

/* ---- what is good ------------------------------------------------------------------------------- */

Test(segment_reader, reads_the_stream_across_segments_from_any_offset_in_pieces_of_any_size)
{
    static const size_t sizes[] = {1, 7, 50, 1000};

    make_three();
    for (uint64_t from = 0; from <= 300; from++) {
        for (size_t i = 0; i < 4; i++) {
            cr_assert(begin(true, 'a', from));
            cr_assert_eq(read_all(sizes[i]), SEGMENT_READING_END, "%s", error.text);
            cr_assert_eq(reader.offset, 300);
            expect_tail(3, HEAD + 2 * (FRAME + 50), 0);
            cr_assert_eq(read_all(sizes[i]), SEGMENT_READING_END, "again");
        }
    }
}

Test(segment_reader, says_when_what_it_hands_out_was_written)
{
    make_three();
    cr_assert(begin(true, 'a', 60));
    while (reader.offset < 300) {
        uint64_t offset = reader.offset;
        struct bytes out;

        cr_assert_eq(segment_reader_next(&reader, 7, &out, &error), SEGMENT_READING_OK);
        if (out.len > 0) { /* none while it passes over what is before */
            cr_assert_eq(reader.written_unix_ms, folder_time(offset / 50 * 50), "%llu",
                         (unsigned long long)offset);
        }
    }
}

Test(segment_reader, goes_nowhere_where_no_segment_has_the_offset)
{
    struct history_id none = {0};
    struct history_id other = folder_history('b');

    folder_begin(&folder, 1, 'a', '\0', 100);
    folder_append(&folder, 1, 100, 200, 100);
    cr_assert(begin(true, 'a', 150));
    cr_expect_not(segment_reader_seek(&reader, &other, 150));
    cr_expect_not(segment_reader_seek(&reader, &none, 150));
    cr_expect_not(segment_reader_seek(&reader, &reader.history, 99));
    cr_expect_eq(reader.offset, 150, "where it stood before");
    cr_expect_eq(read_all(1000), SEGMENT_READING_END);
    cr_expect_eq(reader.offset, 200);
}

Test(segment_reader, ends_before_an_offset_that_was_never_reached)
{
    make_three();
    cr_assert(begin(true, 'a', 301));
    cr_expect_eq(read_all(1000), SEGMENT_READING_END);
    cr_expect_eq(reader.offset, 301);
    expect_tail(3, HEAD + 2 * (FRAME + 50), 0);
}

Test(segment_reader, takes_the_newest_segment_as_right)
{
    make_three();
    folder_begin(&folder, 4, 'a', '\0', 240);
    folder_append(&folder, 4, 240, 310, 240);
    folder_begin(&folder, 5, 'a', '\0', 240);
    folder_append(&folder, 5, 240, 260, 240);
    folder_append(&folder, 5, 260, 400, 240);
    for (uint64_t from = 0; from <= 400; from++) {
        cr_assert(begin(true, 'a', from));
        cr_assert_eq(read_all(33), SEGMENT_READING_END, "%s", error.text);
        cr_assert_eq(reader.offset, 400);
        expect_tail(5, HEAD + 2 * FRAME + 160, 0);
    }
}

Test(segment_reader, does_not_look_at_what_is_void)
{
    make_three();
    folder_segment(&folder, 3)->data[HEAD + 2 * FRAME + 60] ^= 1;
    folder_begin(&folder, 4, 'a', '\0', 250);
    folder_append(&folder, 4, 250, 260, 250);
    cr_assert(begin(true, 'a', 0));
    cr_expect_eq(read_all(1000), SEGMENT_READING_END, "%s", error.text);
    cr_expect_eq(reader.offset, 260);
}

Test(segment_reader, tells_a_new_history_before_its_first_byte)
{
    make_three();
    folder_begin(&folder, 4, 'b', 'a', 280);
    folder_append(&folder, 4, 280, 290, 280);
    folder_begin(&folder, 5, 'c', 'b', 290);
    cr_assert(begin(true, 'a', 70));
    cr_expect_eq(read_all(1000), SEGMENT_READING_FORK);
    cr_expect_eq(reader.offset, 280);
    cr_expect_str_eq(reader.history.text, "b");
    cr_expect_eq(read_all(1000), SEGMENT_READING_FORK);
    cr_expect_eq(reader.offset, 290);
    cr_expect_str_eq(reader.history.text, "c");
    cr_expect_eq(read_all(1000), SEGMENT_READING_END);
    expect_tail(5, HEAD, 0);
}

Test(segment_reader, tells_the_history_first_at_the_end_of_a_parent)
{
    folder_begin(&folder, 4, 'b', 'a', 280);
    folder_append(&folder, 4, 280, 290, 280);
    cr_assert(begin(true, 'a', 280));
    cr_expect_eq(read_all(1000), SEGMENT_READING_FORK);
    cr_expect_str_eq(reader.history.text, "b");
    cr_expect_eq(read_all(1000), SEGMENT_READING_END);
    cr_expect_eq(reader.offset, 290);
}

Test(segment_reader, finds_damage_where_the_next_segment_is_of_another_log)
{
    make_three();
    folder_begin(&folder, 4, 'x', '\0', 5000);
    folder_append(&folder, 4, 5000, 5010, 5000);
    cr_assert(begin(true, 'a', 0));
    cr_expect_eq(read_all(1000), SEGMENT_READING_DAMAGED);
    cr_expect_eq(reader.offset, 300);
    cr_expect_str_eq(error.text,
                     "0000000000000004.log does not go on from 0000000000000003.log, at "
                     "offset 300: files were mixed up, or are of another log");
    cr_assert(begin(false, 'a', 0));
    cr_expect_eq(read_all(1000), SEGMENT_READING_END, "live: who reads has come to its end");
    cr_assert(begin(true, 'x', 5003));
    cr_expect_eq(read_all(1000), SEGMENT_READING_END);
    cr_expect_eq(reader.offset, 5010);
}

/* The file of one segment under the name of another. */
static void copy_segment(uint64_t from, uint64_t to)
{
    struct buf copy = {0};

    buf_append_bytes(&copy, buf_bytes(folder_segment(&folder, from)));
    buf_clear(folder_segment(&folder, to));
    buf_append_bytes(folder_segment(&folder, to), buf_bytes(&copy));
    buf_deinit(&copy);
}

Test(segment_reader, finds_damage_where_files_have_got_the_names_of_others)
{
    static const struct {
        uint64_t from, to;
        uint64_t good; /* what is read of the log that begins at 0 */
    } cases[] = {
        {1, 3, 0  },
        {1, 4, 0  },
        {2, 4, 300},
        {3, 2, 100},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        make_three();
        copy_segment(cases[i].from, cases[i].to);
        cr_assert(begin(true, 'a', 0));
        cr_expect_eq(read_all(1000), SEGMENT_READING_DAMAGED, "%zu", i);
        cr_expect_eq(reader.offset, cases[i].good, "%zu", i);
        tear_down();
        set_up();
    }
}

Test(segment_reader, reads_the_largest_frames)
{
    folder_begin(&folder, 1, 'a', '\0', 0);
    folder_append(&folder, 1, 0, SEGMENT_FRAME_MAX, 0);
    folder_append(&folder, 1, SEGMENT_FRAME_MAX, SEGMENT_FRAME_MAX + 1, 0);
    folder_append(&folder, 1, SEGMENT_FRAME_MAX + 1, 2 * SEGMENT_FRAME_MAX + 1, 0);
    cr_assert(begin(true, 'a', 5));
    cr_expect_eq(read_all(100000), SEGMENT_READING_END);
    cr_expect_eq(reader.offset, 2 * SEGMENT_FRAME_MAX + 1);
    cr_expect_lt(reader.buffer.cap, 2 * SEGMENT_FRAME_MAX, "memory is bounded");
}

static void append_zeros(struct buf *file, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buf_append_byte(file, '\0');
    }
}

/* ---- what is torn ------------------------------------------------------------------------------- */

/* Zeros at the end of what is left of a frame cannot be told from room. */
static size_t torn_between(const struct buf *file, size_t begin, size_t end)
{
    while (end > begin && file->data[end - 1] == '\0') {
        end--;
    }
    return end - begin;
}

Test(segment_reader, takes_any_cut_of_the_last_segment_as_a_torn_tail)
{
    struct buf *last;
    size_t whole;

    make_three();
    last = folder_segment(&folder, 3);
    whole = last->len;
    for (size_t len = HEAD; len <= whole; len++) {
        uint64_t frames = (len - HEAD) / (FRAME + 50);
        size_t place = HEAD + (size_t)frames * (FRAME + 50);

        last->len = len;
        cr_assert(begin(true, 'a', 0));
        cr_assert_eq(read_all(64), SEGMENT_READING_END, "%s", error.text);
        cr_expect_eq(reader.offset, 200 + frames * 50);
        expect_tail(3, place, torn_between(last, place, len));
    }
}

Test(segment_reader, takes_zeros_garbage_and_later_frames_that_nobody_synced_as_a_torn_tail)
{
    struct buf *last;

    make_three();
    last = folder_segment(&folder, 3);
    append_zeros(last, 5000);
    /* The pages of a frame came to the disk, and those before it did not. */
    folder_append(&folder, 3, 350, 400, 300);
    for (size_t i = 0; i < 500; i++) {
        buf_append_byte(last, (char)(i * i));
    }
    cr_assert(begin(true, 'a', 0));
    cr_expect_eq(read_all(1000), SEGMENT_READING_END, "%s", error.text);
    cr_expect_eq(reader.offset, 300);
    expect_tail(3, HEAD + 2 * (FRAME + 50), 5000 + FRAME + 50 + 500);
}

Test(segment_reader, takes_zeros_at_the_end_of_a_file_for_its_end)
{
    /* More than is read in one step, and as much as two steps read. */
    static const size_t lengths[] = {1, 31, 32, 33, 5000, 300 * 1024, 512 * 1024};

    for (size_t i = 0; i < ARRAY_COUNT(lengths); i++) {
        for (uint64_t number = 1; number <= 3; number++) {
            make_three();
            append_zeros(folder_segment(&folder, number), lengths[i]);
            cr_assert(begin(true, 'a', 0));
            cr_expect_eq(read_all(1000), SEGMENT_READING_END, "%s", error.text);
            cr_expect_eq(reader.offset, 300);
            expect_tail(3, HEAD + 2 * (FRAME + 50), 0);
            tear_down();
            set_up();
        }
    }
}

Test(segment_reader, does_not_count_zeros_at_the_end_as_torn)
{
    make_three();
    folder_segment(&folder, 3)->len -= 20;
    append_zeros(folder_segment(&folder, 3), 700 * 1024);
    cr_assert(begin(true, 'a', 0));
    cr_expect_eq(read_all(1000), SEGMENT_READING_END, "%s", error.text);
    cr_expect_eq(reader.offset, 250);
    expect_tail(3, HEAD + FRAME + 50, FRAME + 50 - 20);
}

Test(segment_reader, finds_damage_where_what_others_follow_is_zeros)
{
    struct buf *second;

    make_three();
    second = folder_segment(&folder, 2);
    memset(second->data + HEAD + FRAME + 50, 0, FRAME + 50);
    cr_assert(begin(true, 'a', 0));
    cr_expect_eq(read_all(1000), SEGMENT_READING_DAMAGED);
    cr_expect_eq(reader.offset, 150);
}

Test(segment_reader, finds_frames_that_were_durable_behind_zeros)
{
    struct buf *last;

    make_three();
    last = folder_segment(&folder, 3);
    folder_append(&folder, 3, 300, 350, 300);
    memset(last->data + HEAD + FRAME + 50, 0, FRAME + 50);
    cr_assert(begin(true, 'a', 0));
    cr_expect_eq(read_all(1000), SEGMENT_READING_DAMAGED);
    cr_expect_eq(reader.offset, 250);
}

Test(segment_reader, takes_a_last_segment_without_head_as_a_torn_tail)
{
    size_t whole;

    make_three();
    folder_begin(&folder, 4, 'a', '\0', 300);
    folder_append(&folder, 4, 300, 400, 300);
    whole = folder_segment(&folder, 4)->len;
    folder_segment(&folder, 4)->data[17] ^= 1;
    cr_assert(begin(true, 'a', 0));
    cr_expect_eq(read_all(1000), SEGMENT_READING_END, "%s", error.text);
    cr_expect_eq(reader.offset, 300);
    expect_tail(4, 0, whole);
}

Test(segment_reader, takes_a_tail_before_a_segment_without_head_as_torn)
{
    make_three(); /* a sync failed: the next segment goes on from the durable offset */
    folder_segment(&folder, 3)->data[HEAD + 2 * FRAME + 60] ^= 1;
    folder_begin(&folder, 4, 'a', '\0', 250);
    folder_append(&folder, 4, 250, 300, 250);
    folder_segment(&folder, 4)->data[17] ^= 1;
    cr_assert(begin(true, 'a', 0));
    cr_expect_eq(read_all(1000), SEGMENT_READING_END, "%s", error.text);
    cr_expect_eq(reader.offset, 250);
    expect_tail(3, HEAD + FRAME + 50, FRAME + 50);
}

Test(segment_reader, goes_at_rest_to_a_last_segment_without_head_when_no_other_has_the_offset)
{
    folder_begin(&folder, 1, 'a', '\0', 700);
    folder_append(&folder, 1, 700, 800, 700);
    folder_segment(&folder, 1)->data[17] ^= 1;
    cr_expect_not(begin(false, 'a', 700));
    cr_assert(begin(true, 'a', 700));
    cr_expect_eq(read_all(1000), SEGMENT_READING_END);
    cr_expect_eq(reader.offset, 700);
    expect_tail(1, 0, HEAD + FRAME + 100);
    folder_append(&folder, 1, 800, 900, 701);
    cr_assert(begin(true, 'a', 700));
    cr_expect_eq(read_all(1000), SEGMENT_READING_DAMAGED);
    cr_expect_eq(reader.lost_end, 701);
    cr_assert(begin(true, 'a', 701));
    cr_expect_eq(read_all(1000), SEGMENT_READING_END, "that is in the base");
}

Test(segment_reader, misses_nothing_of_a_tail_that_the_base_has)
{
    make_three();
    folder_segment(&folder, 3)->data[HEAD + FRAME] ^= 1;
    cr_assert(begin(true, 'a', 249));
    cr_expect_eq(read_all(1000), SEGMENT_READING_DAMAGED);
    cr_assert(begin(true, 'a', 250));
    cr_expect_eq(read_all(1000), SEGMENT_READING_END);
    cr_expect_eq(reader.offset, 250);
    expect_tail(3, HEAD, 2 * (FRAME + 50));
}

/* ---- what is damaged ---------------------------------------------------------------------------- */

Test(segment_reader, finds_any_change_below_what_was_durable)
{
    make_three();
    for (uint64_t number = 1; number <= 3; number++) {
        struct buf *bytes = folder_segment(&folder, number);
        size_t end = number < 3 ? bytes->len : HEAD + FRAME + 50;

        for (size_t at = HEAD; at < end; at++) {
            bytes->data[at] ^= 0x10;
            cr_assert(begin(true, 'a', 0));
            cr_assert_eq(read_all(64), SEGMENT_READING_DAMAGED, "%zu", at);
            cr_expect_eq(reader.number, number);
            cr_expect_eq(reader.next, reader.offset);
            cr_expect_eq(reader.offset, (number - 1) * 100 + (at - HEAD) / (FRAME + 50) * 50);
            cr_expect_eq(reader.place, HEAD + (at - HEAD) / (FRAME + 50) * (FRAME + 50));
            cr_expect_eq(reader.lost_end, number < 3 ? number * 100 : 250);
            cr_assert_eq(read_all(64), SEGMENT_READING_DAMAGED, "again");
            bytes->data[at] ^= 0x10;
        }
    }
}

Test(segment_reader, finds_any_cut_of_a_segment_that_others_follow)
{
    make_three();
    for (size_t len = HEAD; len < HEAD + 2 * (FRAME + 50); len++) {
        folder_segment(&folder, 2)->len = len;
        cr_assert(begin(true, 'a', 0));
        cr_assert_eq(read_all(64), SEGMENT_READING_DAMAGED, "%zu", len);
        cr_expect_eq(reader.number, 2);
        cr_expect_eq(reader.lost_end, 200);
    }
}

Test(segment_reader, says_file_place_offset_and_loss)
{
    make_three();
    folder_segment(&folder, 2)->data[HEAD + 2 * FRAME + 60] ^= 1;
    cr_assert(begin(true, 'a', 0));
    cr_expect_eq(read_all(1000), SEGMENT_READING_DAMAGED);
    cr_expect_str_eq(error.text, "0000000000000002.log is damaged at byte 218, where offset 150 "
                                 "should be: the log had been on disk up to offset 200 at least, "
                                 "which is 50 more bytes");
}

Test(segment_reader, finds_damage_before_a_segment_of_another_log)
{
    make_three();
    folder_begin(&folder, 4, 'x', '\0', 5000);
    folder_segment(&folder, 3)->len--;
    cr_assert(begin(true, 'a', 0));
    cr_expect_eq(read_all(1000), SEGMENT_READING_DAMAGED);
    cr_expect_str_eq(error.text,
                     "0000000000000003.log is damaged at byte 218, where offset 250 should be: "
                     "segments begin when all before them is on disk");
}

Test(segment_reader, finds_damage_before_and_in_a_last_segment_without_head)
{
    make_three();
    folder_begin(&folder, 4, 'a', '\0', 300);
    folder_append(&folder, 4, 300, 320, 300);
    folder_append(&folder, 4, 320, 340, 310);
    folder_segment(&folder, 4)->data[17] ^= 1;
    cr_assert(begin(true, 'a', 0));
    cr_expect_eq(read_all(1000), SEGMENT_READING_DAMAGED);
    cr_expect_eq(reader.number, 4);
    cr_expect_eq(reader.place, 0);
    cr_expect_eq(reader.lost_end, 310);
    folder_segment(&folder, 3)->len--;
    cr_assert(begin(true, 'a', 0));
    cr_expect_eq(read_all(1000), SEGMENT_READING_DAMAGED);
    cr_expect_eq(reader.number, 3);
    cr_expect_eq(reader.lost_end, 310);
}

Test(segment_reader, finds_a_gap_between_segments)
{
    make_three();
    folder_begin(&folder, 4, 'a', '\0', 310);
    folder_append(&folder, 4, 310, 320, 310);
    cr_assert(begin(true, 'a', 0));
    cr_expect_eq(read_all(1000), SEGMENT_READING_DAMAGED);
    cr_expect_eq(reader.next, 300);
    cr_expect_eq(reader.lost_end, 310);
    cr_assert(begin(true, 'a', 310));
    cr_expect_eq(read_all(1000), SEGMENT_READING_END);
}

Test(segment_reader, takes_a_good_frame_of_another_place_as_bad)
{
    folder_begin(&folder, 1, 'a', '\0', 0);
    folder_append(&folder, 1, 0, 50, 0);
    folder_append(&folder, 1, 51, 90, 0);
    cr_assert(begin(true, 'a', 0));
    cr_expect_eq(read_all(1000), SEGMENT_READING_END);
    cr_expect_eq(reader.offset, 50);
    folder_append(&folder, 1, 90, 100, 60);
    cr_assert(begin(true, 'a', 0));
    cr_expect_eq(read_all(1000), SEGMENT_READING_DAMAGED);
}

Test(segment_reader, does_not_believe_frames_that_are_farther_than_they_can_be)
{
    folder_begin(&folder, 1, 'a', '\0', 0);
    folder_append(&folder, 1, 0, 50, 0);
    buf_append_text(folder_segment(&folder, 1), "garbage");
    folder_append(&folder, 1, 58, 70, 55);
    cr_assert(begin(true, 'a', 0));
    cr_expect_eq(read_all(1000), SEGMENT_READING_END,
                 "eight bytes of the stream in seven of the file");
    folder_append(&folder, 1, 57, 70, 55);
    cr_assert(begin(true, 'a', 0));
    cr_expect_eq(read_all(1000), SEGMENT_READING_DAMAGED);
}

Test(segment_reader, finds_good_frames_behind_megabytes_of_garbage)
{
    struct buf *bytes;

    folder_begin(&folder, 1, 'a', '\0', 0);
    folder_append(&folder, 1, 0, 50, 0);
    bytes = folder_segment(&folder, 1);
    for (size_t i = 0; i < 9 * 1024 * 1024 + 77; i++) {
        buf_append_byte(bytes, (char)(i * 7 + i / 256));
    }
    cr_assert(begin(true, 'a', 0));
    cr_expect_eq(read_all(1000), SEGMENT_READING_END);
    folder_append(&folder, 1, 8000000, 9000000, 7999999);
    cr_assert(begin(true, 'a', 0));
    cr_expect_eq(read_all(1000), SEGMENT_READING_DAMAGED);
    cr_expect_eq(reader.lost_end, 7999999);
    for (size_t i = 0; i < 100; i++) {
        buf_append_byte(bytes, '\0');
    }
    folder_append(&folder, 1, 9000000, 9000001, 9000000);
    cr_assert(begin(true, 'a', 0));
    cr_expect_eq(read_all(1000), SEGMENT_READING_DAMAGED);
    cr_expect_eq(reader.lost_end, 9000000);
}

/* ---- a live server ------------------------------------------------------------------------------ */

Test(segment_reader, waits_live_for_what_is_not_whole)
{
    struct buf *bytes;
    size_t whole;

    folder_begin(&folder, 1, 'a', '\0', 0);
    bytes = folder_segment(&folder, 1);
    cr_assert(begin(false, 'a', 0));
    cr_expect_eq(read_all(1000), SEGMENT_READING_END);
    folder_append(&folder, 1, 0, 50, 0);
    folder_append(&folder, 1, 50, 100, 0);
    whole = bytes->len;
    for (size_t len = HEAD; len < whole; len++) {
        bytes->len = len;
        cr_assert_eq(read_all(1000), SEGMENT_READING_END);
        cr_assert_eq(reader.offset, (len - HEAD) / (FRAME + 50) * 50);
    }
    bytes->data[whole - 1] ^= 1; /* still in the hands of another thread */
    bytes->len = whole;
    cr_assert_eq(read_all(1000), SEGMENT_READING_END);
    bytes->data[whole - 1] ^= 1;
    cr_assert_eq(read_all(1000), SEGMENT_READING_END);
    cr_expect_eq(reader.offset, 100);
}

Test(segment_reader, goes_on_live_in_segments_that_are_begun_meanwhile)
{
    make_three();
    cr_assert(begin(false, 'a', 0));
    cr_expect_eq(read_all(1000), SEGMENT_READING_END);
    folder_begin(&folder, 4, 'a', '\0', 280);
    folder_append(&folder, 4, 280, 350, 280);
    segment_list_add(&list, 4, &(struct segment_head){.history = reader.history, .start = 280});
    cr_expect_eq(read_all(1000), SEGMENT_READING_END);
    cr_expect_eq(reader.offset, 350);
    segment_list_remove_first(&list);
    segment_list_remove_first(&list);
    segment_list_remove_first(&list);
    folder_append(&folder, 4, 350, 360, 280);
    cr_expect_eq(read_all(1000), SEGMENT_READING_END);
    cr_expect_eq(reader.offset, 360);
}

Test(segment_reader, is_told_live_when_its_segment_is_gone)
{
    struct bytes out;

    make_three();
    cr_assert(begin(false, 'a', 0));
    cr_expect_eq(segment_reader_next(&reader, 10, &out, &error), SEGMENT_READING_OK);
    segment_list_remove_first(&list);
    cr_expect_eq(read_all(1000), SEGMENT_READING_GONE);
    cr_expect_str_eq(error.text, "the segment was removed");
}

Test(segment_reader, is_told_live_when_what_it_has_read_is_void)
{
    struct segment_head head = {
        .history = folder_history('b'),
        .parent = folder_history('a'),
        .parent_end = 290,
        .start = 290,
    };

    make_three();
    cr_assert(begin(false, 'a', 0));
    cr_expect_eq(read_all(1000), SEGMENT_READING_END);
    segment_list_add(&list, 4, &head);
    cr_expect_eq(read_all(1000), SEGMENT_READING_GONE);
    cr_expect_str_eq(error.text, "the log goes on from offset 290 with another history");
}

Test(segment_reader, finds_damage_live_below_the_last_segment)
{
    make_three();
    folder_segment(&folder, 2)->data[HEAD + FRAME] ^= 1;
    cr_assert(begin(false, 'a', 0));
    cr_expect_eq(read_all(1000), SEGMENT_READING_DAMAGED);
    cr_expect_eq(reader.offset, 100);
}

Test(segment_reader, says_which_file_it_cannot_read)
{
    make_three();
    cr_assert(begin(true, 'a', 0));
    folder.bad_name = "0000000000000002.log";
    cr_expect_eq(read_all(1000), SEGMENT_READING_FAILED);
    cr_expect_str_eq(error.text, "0000000000000002.log: the file is bad");
    cr_expect_eq(reader.offset, 100);
    folder.bad_name = NULL;
    cr_expect_eq(read_all(1000), SEGMENT_READING_END);
    cr_expect_eq(reader.offset, 300);
}
