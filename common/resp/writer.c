/* SPDX-License-Identifier: MIT */
/* Headers are built in place: one reservation per value, no formatted printing on hot paths. */
#include "resp/writer.h"

#include "base/assert.h"
#include "base/num.h"
#include "base/vec.h"

#include <stdarg.h>

enum {
    HEADER_LIMIT = 1 + NUM_I64_TEXT + 2, /* type byte, number, line end */
};

static inline char *put_line_end(char *at)
{
    *at++ = '\r';
    *at++ = '\n';
    return at;
}

static inline char *put_header(char *at, char type, uint64_t count)
{
    *at++ = type;
    if (LIKELY(count < 10)) {
        *at++ = (char)('0' + count);
    } else if (LIKELY(count < 100)) {
        *at++ = (char)('0' + count / 10);
        *at++ = (char)('0' + count % 10);
    } else {
        at += num_format_u64(at, count);
    }
    return put_line_end(at);
}

/* Most values are short: two copies that overlap cost less than a call. */
static inline char *put_bytes(char *at, struct bytes bytes)
{
    const char *from = bytes.data;
    size_t len = bytes.len;

    if (len >= 8 && len <= 16) {
        memcpy(at, from, 8);
        memcpy(at + len - 8, from + len - 8, 8);
    } else if (len >= 4 && len < 8) {
        memcpy(at, from, 4);
        memcpy(at + len - 4, from + len - 4, 4);
    } else if (len > 16) {
        memcpy(at, from, len);
    } else {
        for (size_t i = 0; i < len; i++) {
            at[i] = from[i];
        }
    }
    return at + len;
}

static void append_header(struct buf *out, char type, uint64_t count)
{
    char *start = buf_room(out, HEADER_LIMIT);

    out->len += (size_t)(put_header(start, type, count) - start);
}

static void append_bulk(struct buf *out, struct bytes value)
{
    char *start = buf_room(out, HEADER_LIMIT + value.len + 2);
    char *at = put_line_end(put_bytes(put_header(start, '$', value.len), value));

    out->len += (size_t)(at - start);
}

static void append_line(struct buf *out, char type, struct bytes text)
{
    char *start = buf_room(out, text.len + 3);
    char *at = start;

    *at++ = type;
    at = put_line_end(put_bytes(at, text));
    out->len += (size_t)(at - start);
}

void resp_write_simple(struct resp_writer *w, const char *text)
{
    append_line(w->out, '+', bytes_from_text(text));
}

void resp_write_ok(struct resp_writer *w)
{
    append_line(w->out, '+', BYTES_LITERAL("OK"));
}

void resp_write_error(struct resp_writer *w, const char *format, ...)
{
    size_t start;
    va_list args;

    buf_append_byte(w->out, '-');
    start = w->out->len;
    va_start(args, format);
    buf_vprintf(w->out, format, args);
    va_end(args);
    for (size_t i = start; i < w->out->len; i++) {
        if (w->out->data[i] == '\r' || w->out->data[i] == '\n') {
            w->out->data[i] = ' ';
        }
    }
    buf_append(w->out, "\r\n", 2);
}

void resp_write_integer(struct resp_writer *w, int64_t value)
{
    char *start = buf_room(w->out, HEADER_LIMIT);
    char *at = start;

    *at++ = ':';
    at += num_format_i64(at, value);
    *at++ = '\r';
    *at++ = '\n';
    w->out->len += (size_t)(at - start);
}

void resp_write_bulk(struct resp_writer *w, struct bytes value)
{
    append_bulk(w->out, value);
}

void resp_write_bulk_block(struct resp_writer *w, struct block *block)
{
    if (w->pieces == NULL || block->len < RESP_PIECE_MIN) {
        append_bulk(w->out, block_contents(block));
        return;
    }
    append_header(w->out, '$', block->len);
    VEC_PUSH(w->pieces, ((struct resp_piece){.at = w->out->len, .block = block_hold(block)}));
    w->pieces->bytes += block->len;
    buf_append(w->out, "\r\n", 2);
}

void resp_write_bulk_text(struct resp_writer *w, const char *text)
{
    append_bulk(w->out, bytes_from_text(text));
}

void resp_write_bulk_printf(struct resp_writer *w, const char *format, ...)
{
    struct buf text = {0};
    va_list args;

    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    append_bulk(w->out, buf_bytes(&text));
    buf_deinit(&text);
}

void resp_write_null(struct resp_writer *w)
{
    buf_append_text(w->out, w->version >= 3 ? "_\r\n" : "$-1\r\n");
}

void resp_write_null_array(struct resp_writer *w)
{
    buf_append_text(w->out, w->version >= 3 ? "_\r\n" : "*-1\r\n");
}

void resp_write_boolean(struct resp_writer *w, bool value)
{
    if (w->version >= 3) {
        buf_append_text(w->out, value ? "#t\r\n" : "#f\r\n");
    } else {
        resp_write_integer(w, value ? 1 : 0);
    }
}

void resp_write_double(struct resp_writer *w, double value)
{
    char text[NUM_F64_TEXT];

    resp_write_double_text(w, bytes_make(text, num_format_f64(text, value)));
}

void resp_write_double_text(struct resp_writer *w, struct bytes text)
{
    if (w->version >= 3) {
        append_line(w->out, ',', text);
    } else {
        append_bulk(w->out, text);
    }
}

void resp_write_verbatim(struct resp_writer *w, const char type[3], struct bytes text)
{
    if (w->version < 3) {
        append_bulk(w->out, text);
        return;
    }
    append_header(w->out, '=', (uint64_t)text.len + 4);
    buf_append(w->out, type, 3);
    buf_append_byte(w->out, ':');
    buf_append_bytes(w->out, text);
    buf_append(w->out, "\r\n", 2);
}

void resp_write_array(struct resp_writer *w, size_t count)
{
    append_header(w->out, '*', count);
}

void resp_write_map(struct resp_writer *w, size_t pair_count)
{
    if (w->version >= 3) {
        append_header(w->out, '%', pair_count);
    } else {
        append_header(w->out, '*', 2 * (uint64_t)pair_count);
    }
}

void resp_write_set(struct resp_writer *w, size_t count)
{
    append_header(w->out, w->version >= 3 ? '~' : '*', count);
}

void resp_write_push(struct resp_writer *w, size_t count)
{
    append_header(w->out, w->version >= 3 ? '>' : '*', count);
}

void resp_write_request(struct buf *out, const struct bytes *words, size_t word_count)
{
    append_header(out, '*', word_count);
    for (size_t i = 0; i < word_count; i++) {
        append_bulk(out, words[i]);
    }
}

void resp_write_request_texts(struct buf *out, size_t word_count, ...)
{
    va_list args;

    append_header(out, '*', word_count);
    va_start(args, word_count);
    for (size_t i = 0; i < word_count; i++) {
        append_bulk(out, bytes_from_text(va_arg(args, const char *)));
    }
    va_end(args);
}
