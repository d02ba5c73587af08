/* SPDX-License-Identifier: MIT */
/* Owned, growing bytes.  All-zero is a valid empty buffer.
 *
 * Invariants:  (1) len <= cap
 *              (2) data is NULL exactly when cap is 0
 * Any append may move the bytes: what was borrowed before is then void. */
#ifndef STARLING_BASE_BUF_H
#define STARLING_BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/bytes.h"

struct buf {
    char *data;
    size_t len;
    size_t cap;
};

void buf_deinit(struct buf *buf);
void buf_clear(struct buf *buf);
/* Afterwards at least extra bytes behind len are writable without moving; returns their start. */
char *buf_reserve(struct buf *buf, size_t extra);
void buf_append(struct buf *buf, const void *data, size_t len);
void buf_append_bytes(struct buf *buf, struct bytes bytes);
void buf_append_text(struct buf *buf, const char *text);
void buf_append_byte(struct buf *buf, char byte);
void buf_append_i64(struct buf *buf, int64_t value);
void buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
void buf_vprintf(struct buf *buf, const char *format, va_list args) PRINTF_LIKE(2, 0);
/* Drop the first len bytes and move the rest to the front. */
void buf_consume(struct buf *buf, size_t len);
/* Give memory back when it is larger than limit and nothing is in it. */
void buf_shrink_when_empty(struct buf *buf, size_t limit);
/* Move everything into the returned buffer; this one is then empty. */
MUST_USE struct buf buf_steal(struct buf *buf);
/* Terminate with NUL behind len and return the data; valid until the next append. */
const char *buf_text(struct buf *buf);

/* The same as buf_reserve, at once when there is room already. */
static inline char *buf_room(struct buf *buf, size_t extra)
{
    return LIKELY(buf->cap - buf->len >= extra) ? buf->data + buf->len : buf_reserve(buf, extra);
}

static inline struct bytes buf_bytes(const struct buf *buf)
{
    return bytes_make(buf->data, buf->len);
}

#endif
