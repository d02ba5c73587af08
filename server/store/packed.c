/* SPDX-License-Identifier: MIT */
#include "store/packed.h"

#include "base/assert.h"

#include <string.h>

enum {
    HEAD_7_BIT_MAX = 0x7f,
    HEAD_STRING_6 = 0x80,
    HEAD_INTEGER_13 = 0xc0,
    HEAD_STRING_12 = 0xe0,
    HEAD_STRING_32 = 0xf0,
    HEAD_INTEGER_16 = 0xf1,
    HEAD_INTEGER_24 = 0xf2,
    HEAD_INTEGER_32 = 0xf3,
    HEAD_INTEGER_64 = 0xf4,

    INTEGER_13_MIN = -4096,
    INTEGER_13_MAX = 4095,
    INTEGER_24_MIN = -(1 << 23),
    INTEGER_24_MAX = (1 << 23) - 1,

    BACK_BITS = 7,
    BACK_MORE = 0x80,
    BACK_BYTES_MAX = 5,
};

/* ---- items ----------------------------------------------------------------------------------- */

struct packed_item packed_item(struct bytes text)
{
    struct packed_item item = {.text = text};

    /* Most texts are no integers, which their first byte tells. */
    if (text.len > 0 && text.len <= NUM_I64_TEXT &&
        (text.data[0] == '-' || (unsigned char)(text.data[0] - '0') <= 9)) {
        item.is_integer = num_parse_i64(text, &item.integer);
    }
    return item;
}

struct packed_item packed_item_integer(int64_t integer)
{
    return (struct packed_item){.integer = integer, .is_integer = true};
}

struct bytes packed_item_text(const struct packed_item *item, char *scratch)
{
    if (item->is_integer) {
        return bytes_make(scratch, num_format_i64(scratch, item->integer));
    }
    return item->text;
}

bool packed_item_equals(const struct packed_item *a, const struct packed_item *b)
{
    if (a->is_integer || b->is_integer) {
        return a->is_integer && b->is_integer && a->integer == b->integer;
    }
    return bytes_equal(a->text, b->text);
}

/* ---- sizes ----------------------------------------------------------------------------------- */

static size_t integer_bytes(int64_t value)
{
    if (value >= 0 && value <= HEAD_7_BIT_MAX) {
        return 1;
    }
    if (value >= INTEGER_13_MIN && value <= INTEGER_13_MAX) {
        return 2;
    }
    if (value >= INT16_MIN && value <= INT16_MAX) {
        return 3;
    }
    if (value >= INTEGER_24_MIN && value <= INTEGER_24_MAX) {
        return 4;
    }
    return value >= INT32_MIN && value <= INT32_MAX ? 5 : 9;
}

static size_t string_head_bytes(size_t len)
{
    if (len <= PACKED_STRING_6_MAX) {
        return 1;
    }
    return len <= PACKED_STRING_12_MAX ? 2 : 5;
}

/* Of the size at the end.  The bounds are those that other servers keep to. */
static size_t back_bytes(size_t size)
{
    if (size <= 127) {
        return 1;
    }
    if (size < 16383) {
        return 2;
    }
    if (size < 2097151) {
        return 3;
    }
    return size < 268435455 ? 4 : 5;
}

/* Of head and data. */
static size_t front_size(const struct packed_item *item)
{
    return item->is_integer ? integer_bytes(item->integer)
                            : string_head_bytes(item->text.len) + item->text.len;
}

size_t packed_size(const struct packed_item *item)
{
    size_t size = front_size(item);

    return size + back_bytes(size);
}

/* ---- writing --------------------------------------------------------------------------------- */

static uint8_t *put_little(uint8_t *at, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        *at++ = (uint8_t)(value >> (8 * i));
    }
    return at;
}

static uint8_t *put_integer(uint8_t *at, int64_t value)
{
    uint64_t bits = (uint64_t)value;

    switch (integer_bytes(value)) {
    case 1:
        *at++ = (uint8_t)value;
        return at;
    case 2:
        *at++ = (uint8_t)(HEAD_INTEGER_13 | ((bits >> 8) & 0x1f));
        *at++ = (uint8_t)bits;
        return at;
    case 3:
        *at++ = HEAD_INTEGER_16;
        return put_little(at, bits, 2);
    case 4:
        *at++ = HEAD_INTEGER_24;
        return put_little(at, bits, 3);
    case 5:
        *at++ = HEAD_INTEGER_32;
        return put_little(at, bits, 4);
    default:
        *at++ = HEAD_INTEGER_64;
        return put_little(at, bits, 8);
    }
}

static uint8_t *put_string(uint8_t *at, struct bytes text)
{
    ASSERT(text.len <= UINT32_MAX);
    if (text.len <= PACKED_STRING_6_MAX) {
        *at++ = (uint8_t)(HEAD_STRING_6 | text.len);
    } else if (text.len <= PACKED_STRING_12_MAX) {
        *at++ = (uint8_t)(HEAD_STRING_12 | (text.len >> 8));
        *at++ = (uint8_t)text.len;
    } else {
        *at++ = HEAD_STRING_32;
        at = put_little(at, text.len, 4);
    }
    if (text.len > 0) {
        memcpy(at, text.data, text.len);
    }
    return at + text.len;
}

static uint8_t *put_back_size(uint8_t *at, size_t size)
{
    size_t bytes = back_bytes(size);

    for (size_t i = bytes; i > 0; i--) {
        at[i - 1] = (uint8_t)((size & 0x7f) | (i > 1 ? BACK_MORE : 0));
        size >>= BACK_BITS;
    }
    return at + bytes;
}

uint8_t *packed_write(uint8_t *at, const struct packed_item *item)
{
    uint8_t *end = item->is_integer ? put_integer(at, item->integer) : put_string(at, item->text);

    return put_back_size(end, (size_t)(end - at));
}

/* ---- reading --------------------------------------------------------------------------------- */

static uint64_t get_little(const uint8_t *at, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < bytes; i++) {
        value |= (uint64_t)at[i] << (8 * i);
    }
    return value;
}

/* Of the data behind a head of F1 to F4. */
static unsigned integer_width(uint8_t head)
{
    static const uint8_t widths[] = {2, 3, 4, 8};

    ASSERT(head >= HEAD_INTEGER_16 && head <= HEAD_INTEGER_64);
    return widths[head - HEAD_INTEGER_16];
}

/* Bytes of the head of a string, or 0 when it is an integer; *len of its data. */
static inline size_t string_head(const uint8_t *at, size_t *len)
{
    if (LIKELY((*at & 0xc0) == HEAD_STRING_6)) {
        *len = *at & 0x3f;
        return 1;
    }
    if ((*at & 0xf0) == HEAD_STRING_12) {
        *len = (size_t)(*at & 0x0f) << 8 | at[1];
        return 2;
    }
    if (*at == HEAD_STRING_32) {
        *len = (size_t)get_little(at + 1, 4);
        return 5;
    }
    return 0;
}

/* Bytes of the integer there, head included. */
static inline size_t integer_size(const uint8_t *at)
{
    if (*at <= HEAD_7_BIT_MAX) {
        return 1;
    }
    return (*at & 0xe0) == HEAD_INTEGER_13 ? 2 : 1 + integer_width(*at);
}

static int64_t get_integer(const uint8_t *at)
{
    unsigned shift;

    if (*at <= HEAD_7_BIT_MAX) {
        return *at;
    }
    if ((*at & 0xe0) == HEAD_INTEGER_13) {
        int64_t value = (int64_t)(*at & 0x1f) << 8 | at[1];

        return value > INTEGER_13_MAX ? value - 2 * (INTEGER_13_MAX + 1) : value;
    }
    shift = 64 - 8 * integer_width(*at);
    return (int64_t)(get_little(at + 1, integer_width(*at)) << shift) >> shift;
}

const uint8_t *packed_read(const uint8_t *at, struct packed_item *out)
{
    size_t len = 0;
    size_t head = string_head(at, &len);

    if (head > 0) {
        *out = (struct packed_item){.text = bytes_make(at + head, len)};
    } else {
        *out = packed_item_integer(get_integer(at));
        len = integer_size(at);
    }
    return at + head + len + back_bytes(head + len);
}

const uint8_t *packed_next(const uint8_t *at)
{
    size_t len = 0;
    size_t head = string_head(at, &len);

    len = head > 0 ? head + len : integer_size(at);
    return at + len + back_bytes(len);
}

const uint8_t *packed_previous(const uint8_t *at)
{
    size_t size = 0;
    unsigned shift = 0;

    do {
        at--;
        size |= (size_t)(*at & 0x7f) << shift;
        shift += BACK_BITS;
    } while ((*at & BACK_MORE) != 0);
    return at - size;
}

bool packed_is(const uint8_t *at, const struct packed_item *item)
{
    size_t len = 0;
    size_t head = string_head(at, &len);

    if (head == 0) {
        return item->is_integer && get_integer(at) == item->integer;
    }
    return !item->is_integer && len == item->text.len &&
           bytes_same((const char *)at + head, item->text.data, len);
}

const uint8_t *packed_skip(const uint8_t *at, size_t count)
{
    while (count-- > 0) {
        at = packed_next(at);
    }
    return at;
}

const uint8_t *packed_find(const uint8_t *at, const uint8_t *end, const struct packed_item *item,
                           unsigned step)
{
    while (at < end) {
        if (packed_is(at, item)) {
            return at;
        }
        at = packed_skip(at, step);
    }
    return NULL;
}

/* ---- in a buffer ------------------------------------------------------------------------------- */

/* Make room for `size` bytes in place of `old_size` bytes there. */
static uint8_t *open_gap(struct buf *buf, size_t at, size_t old_size, size_t size)
{
    size_t tail = buf->len - at - old_size;

    ASSERT(at + old_size <= buf->len);
    if (size > old_size) {
        (void)buf_room(buf, size - old_size);
    }
    if (tail > 0 && size != old_size) {
        memmove(buf->data + at + size, buf->data + at + old_size, tail);
    }
    buf->len = at + size + tail;
    return (uint8_t *)buf->data + at;
}

size_t packed_insert(struct buf *buf, size_t at, const struct packed_item *items, size_t count)
{
    size_t size = 0;
    uint8_t *to;

    for (size_t i = 0; i < count; i++) {
        size += packed_size(&items[i]);
    }
    to = open_gap(buf, at, 0, size);
    for (size_t i = 0; i < count; i++) {
        to = packed_write(to, &items[i]);
    }
    return at + size;
}

void packed_append(struct buf *buf, const struct packed_item *item)
{
    size_t size = packed_size(item);

    (void)packed_write((uint8_t *)buf_room(buf, size), item);
    buf->len += size;
}

size_t packed_replace(struct buf *buf, size_t at, const struct packed_item *item)
{
    const uint8_t *old = (const uint8_t *)buf->data + at;
    size_t size = packed_size(item);
    uint8_t *to = open_gap(buf, at, (size_t)(packed_next(old) - old), size);

    (void)packed_write(to, item);
    return at + size;
}

void packed_erase(struct buf *buf, size_t from, size_t to)
{
    ASSERT(from <= to);
    (void)open_gap(buf, from, to - from, 0);
}

void packed_put_head(struct buf *packed, unsigned count, unsigned mark)
{
    ASSERT(count <= PACKED_COUNT_MAX && mark <= 3);
    if (packed->len == 0) {
        (void)buf_room(packed, PACKED_HEAD_BYTES);
        packed->len = PACKED_HEAD_BYTES;
    }
    packed->data[0] = (char)(count & 0xff);
    packed->data[1] = (char)((count >> 8) | mark << (PACKED_COUNT_BITS - 8));
}

/* ---- what others wrote --------------------------------------------------------------------------- */

/* The size of head and data of the element that begins the bytes; 0 when it is cut off or no
 * element. */
static size_t checked_front(struct bytes in)
{
    const uint8_t *at = (const uint8_t *)in.data;
    size_t head_bytes = 1;
    size_t len = 0;

    if ((*at & 0xf0) == HEAD_STRING_12 || (*at & 0xe0) == HEAD_INTEGER_13) {
        head_bytes = 2;
    } else if (*at == HEAD_STRING_32) {
        head_bytes = 5;
    } else if (*at >= HEAD_INTEGER_16 && *at <= HEAD_INTEGER_64) {
        head_bytes = 1 + integer_width(*at);
    } else if (*at > HEAD_INTEGER_64) {
        return 0;
    }
    if (in.len < head_bytes) {
        return 0;
    }
    if (string_head(at, &len) > 0) {
        return len <= in.len - head_bytes ? head_bytes + len : 0;
    }
    return head_bytes;
}

bool packed_check(struct bytes elements, uint64_t *count, bool *is_canonical, struct errmsg *error)
{
    size_t at = 0;

    *count = 0;
    *is_canonical = true;
    while (at < elements.len) {
        size_t front = checked_front(bytes_from(elements, at));
        uint8_t back[BACK_BYTES_MAX];
        struct packed_item item;

        if (front == 0 || back_bytes(front) > elements.len - at - front) {
            errmsg_set(error, "a packed element is cut off");
            return false;
        }
        (void)put_back_size(back, front);
        if (memcmp(back, elements.data + at + front, back_bytes(front)) != 0) {
            errmsg_set(error, "the size behind a packed element is wrong");
            return false;
        }
        (void)packed_read((const uint8_t *)elements.data + at, &item);
        if (!item.is_integer && packed_item(item.text).is_integer) {
            *is_canonical = false;
        }
        at += front + back_bytes(front);
        (*count)++;
    }
    return true;
}
