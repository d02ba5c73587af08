/* SPDX-License-Identifier: MIT */
/* Each form has one function that takes an element off the front and believes nothing, and one that
 * checks what is around the elements and then takes them all. */
#include "store/foreign.h"

#include "base/assert.h"
#include "base/codec.h"

#include <inttypes.h>

enum {
    BLOB_END = 0xff,
    COUNT_UNKNOWN = 65535,

    LISTPACK_HEADER = 4 + 2,

    ZIPLIST_HEADER = 4 + 4 + 2,
    ZIPLIST_STRING_14 = 0x40,
    ZIPLIST_STRING_32 = 0x80,
    ZIPLIST_INTEGER_16 = 0xc0,
    ZIPLIST_INTEGER_32 = 0xd0,
    ZIPLIST_INTEGER_64 = 0xe0,
    ZIPLIST_INTEGER_24 = 0xf0,
    ZIPLIST_ZERO = 0xf1,
    ZIPLIST_TWELVE = 0xfd,
    ZIPLIST_INTEGER_8 = 0xfe,

    WIDE_LENGTH = 0xfe, /* four bytes of length follow; shorter ones are the byte itself */

    ZIPMAP_COUNT_UNKNOWN = 254,

    INTSET_HEADER = 4 + 4,
};

/* ---- shared parts ------------------------------------------------------------------------------ */

/* A signed integer of 1 to 8 bytes. */
static int64_t decode_signed(struct decoder *d, unsigned width)
{
    unsigned shift = 64 - 8 * width;
    uint64_t value = 0;

    for (unsigned i = 0; i < width; i++) {
        value |= (uint64_t)decode_u8(d) << (8 * i);
    }
    return (int64_t)(value << shift) >> shift;
}

/* One byte, or WIDE_LENGTH and four; BLOB_END is no length. */
static uint32_t decode_length(struct decoder *d)
{
    uint8_t first = decode_u8(d);

    if (first == BLOB_END) {
        d->failed = true;
    }
    return first == WIDE_LENGTH ? decode_u32_le(d) : first;
}

/* What lies between a header and the end, if the end is where it should be. */
static bool cut_frame(struct bytes blob, size_t header, struct bytes *out, struct errmsg *error)
{
    if (blob.len < header + 1) {
        errmsg_set(error, "%zu bytes are too few", blob.len);
        return false;
    }
    if ((uint8_t)blob.data[blob.len - 1] != BLOB_END) {
        errmsg_set(error, "the last byte is not the end");
        return false;
    }
    *out = bytes_make(blob.data + header, blob.len - header - 1);
    return true;
}

static bool check_total(uint32_t total, struct bytes blob, struct errmsg *error)
{
    if (total != blob.len) {
        errmsg_set(error, "%" PRIu32 " bytes are announced, %zu are there", total, blob.len);
        return false;
    }
    return true;
}

static bool check_count(uint64_t announced, uint64_t unknown, uint64_t count, struct errmsg *error)
{
    if (announced < unknown && announced != count) {
        errmsg_set(error, "%" PRIu64 " elements are announced, %" PRIu64 " are there", announced,
                   count);
        return false;
    }
    return true;
}

/* ---- listpack ---------------------------------------------------------------------------------- */

bool foreign_listpack(struct bytes blob, struct bytes *elements, uint64_t *count,
                      bool *is_canonical, struct errmsg *error)
{
    struct decoder d = decoder_make(blob);
    uint32_t total;
    uint16_t announced;

    if (!cut_frame(blob, LISTPACK_HEADER, elements, error)) {
        return false;
    }
    total = decode_u32_le(&d);
    announced = decode_u16_le(&d);
    return check_total(total, blob, error) && packed_check(*elements, count, is_canonical, error) &&
           check_count(announced, COUNT_UNKNOWN, *count, error);
}

static bool open_listpack(struct foreign *f, struct bytes blob, struct errmsg *error)
{
    bool is_canonical;

    return foreign_listpack(blob, &f->rest, &f->count, &is_canonical, error);
}

/* The elements have been checked. */
static bool take_listpack(struct foreign *f, struct packed_item *out)
{
    const uint8_t *at = (const uint8_t *)f->rest.data;
    size_t used = (size_t)(packed_read(at, out) - at);

    f->rest = bytes_from(f->rest, used);
    return true;
}

/* ---- ziplist ----------------------------------------------------------------------------------- */

/* Behind the encoding; false when it is none. */
static bool decode_ziplist_data(struct decoder *d, uint8_t encoding, struct packed_item *out)
{
    unsigned width;

    if (encoding >= ZIPLIST_ZERO && encoding <= ZIPLIST_TWELVE) {
        *out = packed_item_integer(encoding - ZIPLIST_ZERO);
        return true;
    }
    switch (encoding) {
    case ZIPLIST_STRING_32:
        out->text = decode_bytes(d, decode_u32_be(d));
        return true;
    case ZIPLIST_INTEGER_8:
        width = 1;
        break;
    case ZIPLIST_INTEGER_16:
        width = 2;
        break;
    case ZIPLIST_INTEGER_24:
        width = 3;
        break;
    case ZIPLIST_INTEGER_32:
        width = 4;
        break;
    case ZIPLIST_INTEGER_64:
        width = 8;
        break;
    default:
        if (encoding < ZIPLIST_STRING_14) {
            out->text = decode_bytes(d, encoding);
        } else if (encoding < ZIPLIST_STRING_32) {
            size_t high = encoding - ZIPLIST_STRING_14;

            out->text = decode_bytes(d, high << 8 | decode_u8(d));
        }
        return encoding < ZIPLIST_STRING_32;
    }
    *out = packed_item_integer(decode_signed(d, width));
    return true;
}

/* *before is what the element says about the size of the one before it. */
static bool take_ziplist_element(struct bytes *rest, uint32_t *before, struct packed_item *out)
{
    struct decoder d = decoder_make(*rest);

    *before = decode_length(&d);
    *out = (struct packed_item){0};
    if (!decode_ziplist_data(&d, decode_u8(&d), out) || !decoder_is_ok(&d)) {
        return false;
    }
    *rest = bytes_from(*rest, d.at);
    return true;
}

static bool take_ziplist(struct foreign *f, struct packed_item *out)
{
    uint32_t ignored;

    return take_ziplist_element(&f->rest, &ignored, out);
}

static bool open_ziplist(struct foreign *f, struct bytes blob, struct errmsg *error)
{
    struct decoder d = decoder_make(blob);
    struct bytes rest;
    uint32_t total;
    uint32_t tail;
    uint16_t announced;
    size_t last = ZIPLIST_HEADER;
    uint64_t size = 0; /* of the last element */

    if (!cut_frame(blob, ZIPLIST_HEADER, &f->rest, error)) {
        return false;
    }
    total = decode_u32_le(&d);
    tail = decode_u32_le(&d);
    announced = decode_u16_le(&d);
    for (rest = f->rest; rest.len > 0; f->count++) {
        struct packed_item ignored;
        uint32_t before;
        size_t left = rest.len;

        last = (size_t)(rest.data - blob.data);
        if (!take_ziplist_element(&rest, &before, &ignored)) {
            errmsg_set(error, "the element at %zu is cut off or of no known kind", last);
            return false;
        }
        if (before != size) {
            errmsg_set(error,
                       "the element at %zu says that %" PRIu32 " bytes lie before it, not %" PRIu64,
                       last, before, size);
            return false;
        }
        size = left - rest.len;
    }
    if (tail != last) {
        errmsg_set(error, "the last element is said to be at %" PRIu32 ", and is at %zu", tail,
                   last);
        return false;
    }
    return check_total(total, blob, error) &&
           check_count(announced, COUNT_UNKNOWN, f->count, error);
}

/* ---- zipmap ------------------------------------------------------------------------------------ */

/* A name when an even number of elements is left, else the value behind it. */
static bool take_zipmap(struct foreign *f, struct packed_item *out)
{
    bool is_value = f->left % 2 == 1;
    struct decoder d = decoder_make(f->rest);
    uint32_t length = decode_length(&d);
    bool is_shortest = d.at == 1 || length >= WIDE_LENGTH;
    uint8_t spare = is_value ? decode_u8(&d) : 0;

    *out = (struct packed_item){.text = decode_bytes(&d, length)};
    (void)decode_bytes(&d, spare);
    f->rest = bytes_from(f->rest, d.at);
    return decoder_is_ok(&d) && is_shortest;
}

static bool open_zipmap(struct foreign *f, struct bytes blob, struct errmsg *error)
{
    struct foreign walk = {.form = FOREIGN_ZIPMAP};

    if (!cut_frame(blob, 1, &f->rest, error)) {
        return false;
    }
    for (walk.rest = f->rest; walk.rest.len > 0 || f->count % 2 == 1; f->count++) {
        struct packed_item ignored;

        walk.left = f->count; /* of which only it matters whether it is even */
        if (!take_zipmap(&walk, &ignored)) {
            errmsg_set(error, "element %" PRIu64 " is cut off", f->count);
            return false;
        }
    }
    return check_count((uint8_t)blob.data[0], ZIPMAP_COUNT_UNKNOWN, f->count / 2, error);
}

/* ---- intset ------------------------------------------------------------------------------------ */

static bool take_intset(struct foreign *f, struct packed_item *out)
{
    struct decoder d = decoder_make(f->rest);

    *out = packed_item_integer(decode_signed(&d, f->width));
    f->rest = bytes_from(f->rest, d.at);
    return decoder_is_ok(&d);
}

static bool check_ascending(const struct foreign *f, struct errmsg *error)
{
    struct foreign walk = *f;
    int64_t previous = 0;

    for (uint64_t i = 0; i < f->count; i++) {
        struct packed_item item;
        bool is_taken = take_intset(&walk, &item);

        ASSERT(is_taken);
        if (i > 0 && item.integer <= previous) {
            errmsg_set(error, "the integers are not in ascending order");
            return false;
        }
        previous = item.integer;
    }
    return true;
}

static bool open_intset(struct foreign *f, struct bytes blob, struct errmsg *error)
{
    struct decoder d = decoder_make(blob);

    f->width = decode_u32_le(&d);
    f->count = decode_u32_le(&d);
    if (!decoder_is_ok(&d)) {
        errmsg_set(error, "%zu bytes are too few", blob.len);
        return false;
    }
    if (f->width != 2 && f->width != 4 && f->width != 8) {
        errmsg_set(error, "integers of %u bytes are unknown", f->width);
        return false;
    }
    if (blob.len - INTSET_HEADER != f->count * f->width) {
        errmsg_set(error, "%" PRIu64 " integers of %u bytes are announced, %zu bytes are there",
                   f->count, f->width, blob.len - INTSET_HEADER);
        return false;
    }
    f->rest = bytes_from(blob, INTSET_HEADER);
    return check_ascending(f, error);
}

/* ---- all of them --------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    bool (*open)(struct foreign *f, struct bytes blob, struct errmsg *error);
    bool (*take)(struct foreign *f, struct packed_item *out);
} forms[] = {
    [FOREIGN_LISTPACK] = {"listpack", open_listpack, take_listpack},
    [FOREIGN_ZIPLIST] = {"ziplist",  open_ziplist,  take_ziplist },
    [FOREIGN_ZIPMAP] = {"zipmap",   open_zipmap,   take_zipmap  },
    [FOREIGN_INTSET] = {"intset",   open_intset,   take_intset  },
};

bool foreign_open(struct foreign *f, enum foreign_form form, struct bytes blob,
                  struct errmsg *error)
{
    *f = (struct foreign){.form = form};
    if (!forms[form].open(f, blob, error)) {
        errmsg_wrap(error, "damaged %s", forms[form].name);
        return false;
    }
    f->left = f->count;
    return true;
}

bool foreign_open_rdb(struct foreign *f, uint8_t rdb_type, struct bytes blob, struct errmsg *error)
{
    /* How many elements belong together; 0: the type has no blobs. */
    static const struct {
        enum foreign_form form;
        unsigned together;
    } types[] = {
        [9] = {FOREIGN_ZIPMAP,   2}, /* hash */
        [10] = {FOREIGN_ZIPLIST,  1}, /* list */
        [11] = {FOREIGN_INTSET,   1}, /* set */
        [12] = {FOREIGN_ZIPLIST,  2}, /* sorted set */
        [13] = {FOREIGN_ZIPLIST,  2}, /* hash */
        [14] = {FOREIGN_ZIPLIST,  1}, /* a piece of a list */
        [16] = {FOREIGN_LISTPACK, 2}, /* hash */
        [17] = {FOREIGN_LISTPACK, 2}, /* sorted set */
        [18] = {FOREIGN_LISTPACK, 1}, /* a piece of a list */
        [20] = {FOREIGN_LISTPACK, 1}, /* set */
        [25] = {FOREIGN_LISTPACK, 3}, /* hash whose fields expire */
    };

    if (rdb_type >= ARRAY_COUNT(types) || types[rdb_type].together == 0) {
        errmsg_set(error, "type %u has no compact form", (unsigned)rdb_type);
        return false;
    }
    if (!foreign_open(f, types[rdb_type].form, blob, error)) {
        return false;
    }
    if (f->count == 0 || f->count % types[rdb_type].together != 0) {
        errmsg_set(error, "damaged %s: %" PRIu64 " elements are no whole value",
                   forms[f->form].name, f->count);
        return false;
    }
    return true;
}

bool foreign_next(struct foreign *f, struct packed_item *out)
{
    bool is_taken;

    if (f->left == 0) {
        return false;
    }
    is_taken = forms[f->form].take(f, out);
    ASSERT(is_taken);
    f->left--;
    if (!out->is_integer) {
        *out = packed_item(out->text);
    }
    return true;
}
