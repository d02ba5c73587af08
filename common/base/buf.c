/* SPDX-License-Identifier: MIT */
/* Growth doubles up to a megabyte and then goes by a quarter, so that a very long
 * value does not hold twice its size. */
#include "base/buf.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/num.h"

#include <stdio.h>
#include <string.h>

enum {
    SMALLEST_CAP = 64,
    DOUBLING_LIMIT = 1024 * 1024,
};

static size_t grown_cap(size_t cap, size_t wanted)
{
    size_t next = cap < DOUBLING_LIMIT ? cap * 2 : cap + cap / 4;

    if (next < wanted) {
        next = wanted;
    }
    return next < SMALLEST_CAP ? SMALLEST_CAP : next;
}

void buf_deinit(struct buf *buf)
{
    mem_free(MEM_BUFFER, buf->data);
    *buf = (struct buf){0};
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
}

char *buf_reserve(struct buf *buf, size_t extra)
{
    ASSERT(buf->len <= buf->cap);
    if (UNLIKELY(buf->cap - buf->len < extra)) {
        buf->cap = grown_cap(buf->cap, buf->len + extra);
        buf->data = mem_realloc(MEM_BUFFER, buf->data, buf->cap);
    }
    return buf->data + buf->len;
}

void buf_append(struct buf *buf, const void *data, size_t len)
{
    if (len > 0) {
        memcpy(buf_reserve(buf, len), data, len);
        buf->len += len;
    }
}

void buf_append_bytes(struct buf *buf, struct bytes bytes)
{
    buf_append(buf, bytes.data, bytes.len);
}

void buf_append_text(struct buf *buf, const char *text)
{
    buf_append(buf, text, strlen(text));
}

void buf_append_byte(struct buf *buf, char byte)
{
    *buf_reserve(buf, 1) = byte;
    buf->len++;
}

void buf_append_i64(struct buf *buf, int64_t value)
{
    buf->len += num_format_i64(buf_reserve(buf, NUM_I64_TEXT), value);
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    buf_vprintf(buf, format, args);
    va_end(args);
}

void buf_vprintf(struct buf *buf, const char *format, va_list args)
{
    va_list again;
    int len;

    va_copy(again, args);
    len = vsnprintf(NULL, 0, format, args);
    ASSERT(len >= 0);
    /* One byte more than counted: vsnprintf terminates. */
    len = vsnprintf(buf_reserve(buf, (size_t)len + 1), (size_t)len + 1, format, again);
    buf->len += (size_t)len;
    va_end(again);
}

void buf_consume(struct buf *buf, size_t len)
{
    ASSERT(len <= buf->len);
    buf->len -= len;
    if (buf->len > 0 && len > 0) {
        memmove(buf->data, buf->data + len, buf->len);
    }
}

void buf_shrink_when_empty(struct buf *buf, size_t limit)
{
    if (buf->len == 0 && buf->cap > limit) {
        buf_deinit(buf);
    }
}

struct buf buf_steal(struct buf *buf)
{
    struct buf stolen = *buf;

    *buf = (struct buf){0};
    return stolen;
}

const char *buf_text(struct buf *buf)
{
    *buf_reserve(buf, 1) = '\0';
    return buf->data;
}
