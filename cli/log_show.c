/* SPDX-License-Identifier: MIT */
#include "cli/log_show.h"

#include "cli/print.h"
#include "cli/quoted.h"
#include "segment/segment_reader.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    PIECE_BYTES = 256 * 1024,
    WORD_BYTES = 40, /* of a word that are shown, */
    WORDS_SHOWN = 8, /* and words of a request */
};

static const struct resp_limits limits = {
    .max_args = 1024 * 1024,
    .max_bulk_bytes = UINT64_C(4) * 1024 * 1024 * 1024,
    .max_inline_bytes = 64 * 1024,
    .max_depth = 8,
};

static bool is_in_range(const struct log_range *range, uint64_t offset, int64_t unix_ms)
{
    const struct log_place *from = &range->from;
    const struct log_place *to = &range->to;

    if (range->has_from && (from->is_time ? unix_ms < from->unix_ms : offset < from->offset)) {
        return false;
    }
    return !range->has_to || (to->is_time ? unix_ms <= to->unix_ms : offset < to->offset);
}

static void write_line(const struct bytes *words, size_t count, uint64_t offset, int64_t unix_ms,
                       struct buf *out)
{
    char time[LOG_PLACE_TIME_SIZE];

    log_place_format_time(unix_ms, time);
    buf_printf(out, "%12" PRIu64 "  %s ", offset, time);
    for (size_t i = 0; i < count && i < WORDS_SHOWN; i++) {
        buf_append_byte(out, ' ');
        quoted_encode(
            out, bytes_prefix(words[i], words[i].len < WORD_BYTES ? words[i].len : WORD_BYTES));
        if (words[i].len > WORD_BYTES) {
            buf_printf(out, "...(%zu bytes)", words[i].len);
        }
    }
    if (count > WORDS_SHOWN) {
        buf_printf(out, " ... (%zu words)", count);
    }
    buf_append_byte(out, '\n');
}

bool log_lines_add(struct log_lines *lines, struct bytes piece, int64_t unix_ms, struct buf *out,
                   struct errmsg *error)
{
    size_t taken = 0;

    buf_append_bytes(&lines->in, piece);
    while (taken < lines->in.len) {
        struct resp_request request;
        enum resp_status status =
            resp_read_request(&lines->reader, bytes_from(buf_bytes(&lines->in), taken), &limits,
                              &lines->words, &request, error);

        if (status == RESP_MORE) {
            break;
        }
        if (status == RESP_ERROR) {
            errmsg_wrap(error, "what is at offset %" PRIu64 " is no request",
                        lines->offset + taken);
            return false;
        }
        if (request.word_count > 0 && is_in_range(&lines->range, lines->offset + taken, unix_ms)) {
            write_line(lines->words.items + request.first_word, request.word_count,
                       lines->offset + taken, unix_ms, out);
        }
        taken += request.raw.len;
        lines->words.count = 0;
        resp_reader_recycle(&lines->reader);
    }
    buf_consume(&lines->in, taken);
    lines->offset += taken;
    return true;
}

void log_lines_deinit(struct log_lines *lines)
{
    resp_reader_deinit(&lines->reader);
    VEC_DEINIT(&lines->words);
    buf_deinit(&lines->in);
    *lines = (struct log_lines){0};
}

bool log_show_print(const struct log_check *check, const struct segment_source *source,
                    const struct log_range *range, struct errmsg *error)
{
    struct log_lines lines = {.range = *range, .offset = check->start_offset};
    struct segment_reader reader;
    struct buf out = {0};
    bool is_ok = true;

    segment_reader_init(&reader, source, &check->list, true);
    if (check->is_recovered &&
        segment_reader_seek(&reader, &check->start_history, check->start_offset)) {
        while (is_ok && reader.offset < check->offset && ferror(stdout) == 0) {
            enum segment_reading reading;
            struct bytes piece;

            reading = segment_reader_next(&reader, PIECE_BYTES, &piece, error);
            if (reading != SEGMENT_READING_OK && reading != SEGMENT_READING_FORK) {
                break; /* the check has said it */
            }
            is_ok = log_lines_add(&lines, piece, reader.written_unix_ms, &out, error);
            print_buf(&out);
            buf_clear(&out);
        }
    }
    buf_deinit(&out);
    log_lines_deinit(&lines);
    segment_reader_deinit(&reader);
    return is_ok;
}
