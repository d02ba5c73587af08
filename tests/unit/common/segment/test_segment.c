/* SPDX-License-Identifier: MIT */
/* segment/segment. */
#include "segment/segment.h"

#include "base/crc.h"

#include <criterion/criterion.h>

#define OURS "0123456789abcdef0123456789abcdef01234567"

Test(segment_name, has_sixteen_digits)
{
    char name[SEGMENT_NAME_SIZE];
    uint64_t number = 0;

    segment_format_name(1, name);
    cr_expect_str_eq(name, "0000000000000001.log");
    segment_format_name(SEGMENT_NUMBER_MAX + 1, name);
    cr_expect_str_eq(name, "1000000000000000.log");
    segment_format_name(SEGMENT_NUMBER_MAX, name);
    cr_expect(segment_parse_name(bytes_from_text(name), &number));
    cr_expect_eq(number, SEGMENT_NUMBER_MAX);
}

Test(segment_name, of_another_file_is_none)
{
    static const char *const names[] = {
        "",
        ".log",
        "manifest",
        "000000000000001.log",
        "00000000000000001.log",
        "0000000000000000.log",
        "1000000000000000.log",
        "9999999999999999.log",
        "000000000000000a.log",
        "-000000000000001.log",
        "0000000000000001.lo",
        "0000000000000001.log2",
        "0000000000000001.LOG",
        "0000000000000001.log.damaged-1700000000",
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        uint64_t number = 77;

        cr_expect_not(segment_parse_name(bytes_from_text(names[i]), &number), "%s", names[i]);
        cr_expect_eq(number, 77, "%s", names[i]);
    }
}

/* ---- heads -------------------------------------------------------------------------------------- */

static struct segment_head sample_head(void)
{
    return (struct segment_head){
        .history = {OURS},
        .parent = {"short"},
        .parent_end = 700,
        .start = UINT64_MAX,
        .durable = 699,
        .begun_unix_ms = -1,
    };
}

Test(segment_head, is_read_as_it_was_written)
{
    struct segment_head head = sample_head();
    struct segment_head again;
    struct errmsg error = {0};
    struct buf out = {0};

    buf_append_text(&out, "before");
    segment_write_head(&out, &head);
    cr_assert_eq(out.len, 6 + SEGMENT_HEAD_BYTES);
    buf_append_text(&out, "behind");
    cr_assert_eq(segment_read_head(bytes_from(buf_bytes(&out), 6), &again, &error), SEGMENT_OK);
    cr_expect(history_id_equal(&again.history, &head.history));
    cr_expect(history_id_equal(&again.parent, &head.parent));
    cr_expect_eq(again.parent_end, 700);
    cr_expect_eq(again.start, UINT64_MAX);
    cr_expect_eq(again.durable, 699);
    cr_expect_eq(again.begun_unix_ms, -1);
    cr_expect_str_empty(error.text);
    buf_deinit(&out);
}

Test(segment_head, has_its_fields_where_the_format_says)
{
    struct segment_head head = sample_head();
    struct buf out = {0};
    static const char begin[] = "STARLING\1\0\0\0\0\0\0\0" OURS "short\0\0";

    segment_write_head(&out, &head);
    cr_expect_arr_eq(out.data, begin, sizeof(begin) - 1);
    cr_expect_arr_eq(out.data + 96, "\xbc\2\0\0\0\0\0\0", 8);
    cr_expect_arr_eq(out.data + 104, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
    cr_expect_arr_eq(out.data + 112, "\xbb\2\0\0\0\0\0\0", 8);
    cr_expect_arr_eq(out.data + 128, "\0\0\0\0", 4);
    buf_deinit(&out);
}

Test(segment_head, that_is_cut_off_wants_more)
{
    struct segment_head head = sample_head();
    struct segment_head again;
    struct buf out = {0};

    segment_write_head(&out, &head);
    for (size_t len = 0; len < out.len; len++) {
        cr_assert_eq(segment_read_head(bytes_prefix(buf_bytes(&out), len), &again, NULL),
                     SEGMENT_MORE, "%zu", len);
    }
    buf_deinit(&out);
}

Test(segment_head, with_any_bit_turned_is_none)
{
    struct segment_head head = sample_head();
    struct buf out = {0};

    segment_write_head(&out, &head);
    for (size_t bit = 0; bit < out.len * 8; bit++) {
        struct segment_head again = {.start = 5};
        struct errmsg error = {0};
        enum segment_status status;

        out.data[bit / 8] = (char)(out.data[bit / 8] ^ 1 << bit % 8);
        status = segment_read_head(buf_bytes(&out), &again, &error);
        out.data[bit / 8] = (char)(out.data[bit / 8] ^ 1 << bit % 8);
        cr_expect_eq(status, SEGMENT_DAMAGED, "%zu", bit);
        cr_expect_eq(again.start, 5, "untouched");
        cr_expect_str_not_empty(error.text);
    }
    buf_deinit(&out);
}

static enum segment_status read_patched(struct segment_head head, size_t at, char value,
                                        struct errmsg *error)
{
    struct buf out = {0};
    enum segment_status status;
    uint32_t sum;

    segment_write_head(&out, &head);
    out.data[at] = value;
    sum = crc32c(0, bytes_prefix(buf_bytes(&out), SEGMENT_HEAD_BYTES - 4));
    for (int i = 0; i < 4; i++) {
        out.data[SEGMENT_HEAD_BYTES - 4 + i] = (char)(sum >> 8 * i);
    }
    status = segment_read_head(buf_bytes(&out), &head, error);
    buf_deinit(&out);
    return status;
}

Test(segment_head, that_says_what_none_can_say_is_refused_with_a_reason)
{
    static const struct {
        size_t at;
        char value;
        enum segment_status status;
        const char *text;
    } cases[] = {
        {0,   's',    SEGMENT_DAMAGED, "it does not begin as a segment of the log"       },
        {8,   2,      SEGMENT_NEWER,   "it has version 2, and versions up to 1 are known"},
        {8,   0,      SEGMENT_DAMAGED, "its head says what no head can say"              },
        {12,  2,      SEGMENT_DAMAGED, "its head says what no head can say"              },
        {16,  '\0',   SEGMENT_DAMAGED, "its head says what no head can say"              },
        {20,  '-',    SEGMENT_DAMAGED, "its head says what no head can say"              },
        {95,  'x',    SEGMENT_DAMAGED, "its head says what no head can say"              },
        {58,  '\xff', SEGMENT_DAMAGED, "its head says what no head can say"              },
        {130, 1,      SEGMENT_DAMAGED, "its head says what no head can say"              },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct errmsg error = {0};

        cr_expect_eq(read_patched(sample_head(), cases[i].at, cases[i].value, &error),
                     cases[i].status, "%zu", i);
        cr_expect_str_eq(error.text, cases[i].text, "%zu", i);
    }
}

Test(segment_head, cannot_have_been_durable_behind_its_start)
{
    struct segment_head head = sample_head();

    head.start = head.durable;
    cr_expect_eq(read_patched(head, 112, '\xbb', NULL), SEGMENT_OK, "durable as it was, 699");
    cr_expect_eq(read_patched(head, 112, '\xbc', NULL), SEGMENT_DAMAGED, "700");
}

/* ---- frames ------------------------------------------------------------------------------------- */

static void write_sample(struct buf *out)
{
    segment_write_frame(
        out, &(struct segment_frame){5000, 4000, 1700000000123, BYTES_LITERAL("*1\r\n$4\r\nPING")});
}

Test(segment_frame, is_read_as_it_was_written)
{
    struct segment_frame frame;
    struct buf out = {0};

    buf_append_text(&out, "before");
    write_sample(&out);
    cr_expect_eq(out.len, 6 + SEGMENT_FRAME_HEAD_BYTES + 12);
    write_sample(&out);
    cr_assert_eq(segment_read_frame(bytes_from(buf_bytes(&out), 6), &frame), SEGMENT_OK);
    cr_expect_eq(frame.start, 5000);
    cr_expect_eq(frame.durable, 4000);
    cr_expect_eq(frame.written_unix_ms, 1700000000123);
    cr_expect_eq(segment_frame_size(&frame), SEGMENT_FRAME_HEAD_BYTES + 12);
    cr_expect(bytes_equal_text(frame.bytes, "*1\r\n$4\r\nPING"));
    cr_expect_eq(frame.bytes.data, out.data + 6 + SEGMENT_FRAME_HEAD_BYTES, "borrowed");
    buf_deinit(&out);
}

Test(segment_frame, has_its_fields_where_the_format_says)
{
    struct buf out = {0};

    write_sample(&out);
    cr_expect_arr_eq(out.data, "\14\0\0\0", 4);
    cr_expect_arr_eq(out.data + 8,
                     "\x88\x13\0\0\0\0\0\0\xa0\xf\0\0\0\0\0\0"
                     "\x7b\x68\xe5\xcf\x8b\x01\0\0*1",
                     26);
    buf_deinit(&out);
}

Test(segment_frame, that_is_cut_off_wants_more)
{
    struct segment_frame frame;
    struct buf out = {0};

    write_sample(&out);
    for (size_t len = 0; len < out.len; len++) {
        cr_assert_eq(segment_read_frame(bytes_prefix(buf_bytes(&out), len), &frame), SEGMENT_MORE,
                     "%zu", len);
    }
    buf_deinit(&out);
}

Test(segment_frame, with_any_bit_turned_is_none)
{
    struct buf out = {0};

    write_sample(&out);
    for (size_t bit = 0; bit < out.len * 8; bit++) {
        struct segment_frame frame = {.start = 1};

        out.data[bit / 8] = (char)(out.data[bit / 8] ^ 1 << bit % 8);
        cr_expect_neq(segment_read_frame(buf_bytes(&out), &frame), SEGMENT_OK, "%zu", bit);
        cr_expect_eq(frame.start, 1, "untouched");
        out.data[bit / 8] = (char)(out.data[bit / 8] ^ 1 << bit % 8);
    }
    buf_deinit(&out);
}

Test(segment_frame, of_any_possible_length_can_be_written)
{
    static char bytes[SEGMENT_FRAME_MAX];
    static const size_t lengths[] = {1, 2, 4095, SEGMENT_FRAME_MAX - 1, SEGMENT_FRAME_MAX};

    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        struct segment_frame frame = {.start = UINT64_MAX - lengths[i],
                                      .bytes = bytes_make(bytes, lengths[i])};
        struct buf out = {0};

        segment_write_frame(&out, &frame);
        cr_expect_eq(out.len, segment_frame_size(&frame));
        cr_assert_eq(segment_read_frame(buf_bytes(&out), &frame), SEGMENT_OK);
        cr_expect_eq(frame.bytes.len, lengths[i]);
        buf_deinit(&out);
    }
}

#define TIME "\1\0\0\0\0\0\0\0"
Test(segment_frame, that_cannot_be_is_damage_before_anything_is_summed)
{
    static const char *const heads[] = {
        "\0\0\0\0....\5\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" TIME,         /* no bytes */
        "\1\0\x10\0....\5\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" TIME,       /* too many */
        "\xff\xff\xff\xff....\5\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" TIME, /* far too many */
        "\1\0\0\0....\5\0\0\0\0\0\0\0\6\0\0\0\0\0\0\0" TIME,         /* durable behind the start */
        "\1\0\0\0....\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\0\0" TIME, /* no offset behind it */
    };

    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        struct bytes head = bytes_make(heads[i], SEGMENT_FRAME_HEAD_BYTES);
        struct segment_frame frame;

        cr_expect_eq(segment_peek_frame(head, &frame), 0, "%zu", i);
        cr_expect_eq(segment_read_frame(head, &frame), SEGMENT_DAMAGED, "%zu", i);
        if (i < 3) {
            cr_expect_eq(segment_read_frame(bytes_prefix(head, 4), &frame), SEGMENT_DAMAGED);
        }
    }
}
