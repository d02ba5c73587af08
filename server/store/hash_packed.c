/* SPDX-License-Identifier: MIT */
#include "store/hash_packed.h"

#include "base/assert.h"
#include "store/value_hash.h"

enum {
    TRIPLE = 3,
    NEVER_BYTES = 2, /* of the expiry of a field that has none */
};

const uint8_t *hash_packed_read(struct bytes packed, const uint8_t *at, char *scratch,
                                struct value_element *out)
{
    struct packed_item item;

    at = packed_read(at, &item);
    out->name = packed_item_text(&item, scratch);
    at = packed_read(at, &item);
    out->value = packed_item_text(&item, scratch + PACKED_SCRATCH);
    out->expire_at_ms = 0;
    if (packed_mark(packed) == HASH_MARK_EXPIRIES) {
        at = packed_read(at, &item);
        out->expire_at_ms = item.integer;
    }
    return at;
}

int64_t hash_packed_expiry(struct bytes packed, const uint8_t *value_at)
{
    struct packed_item item;

    if (packed_mark(packed) == HASH_MARK_PAIRS) {
        return 0;
    }
    (void)packed_read(packed_next(value_at), &item);
    return item.integer;
}

int64_t hash_packed_next_expiry_ms(struct bytes packed)
{
    const uint8_t *at = packed_begin(packed);
    int64_t earliest = INT64_MAX;

    while (packed_mark(packed) == HASH_MARK_EXPIRIES && at < packed_end(packed)) {
        struct packed_item expiry;

        at = packed_read(packed_skip(at, HASH_PAIR), &expiry);
        earliest = expiry.integer != 0 && expiry.integer < earliest ? expiry.integer : earliest;
    }
    return earliest;
}

static size_t offset_of(const struct buf *packed, const uint8_t *at)
{
    return (size_t)(at - (const uint8_t *)packed->data);
}

/* Every field gets an expiry, which is never. */
static void add_expiries(struct buf *packed)
{
    const struct packed_item never = packed_item_integer(0);
    size_t at = PACKED_HEAD_BYTES;

    while (at < packed->len) {
        at = offset_of(packed, packed_skip((const uint8_t *)packed->data + at, HASH_PAIR));
        at = packed_insert(packed, at, &never, 1);
    }
    packed_put_head(packed, packed_count(buf_bytes(packed)), HASH_MARK_EXPIRIES);
}

/* An expiry went.  When none is left, the places for them go as well. */
static void settle(struct buf *packed)
{
    size_t at = PACKED_HEAD_BYTES;

    if (packed_mark(buf_bytes(packed)) == HASH_MARK_PAIRS ||
        hash_packed_next_expiry_ms(buf_bytes(packed)) != INT64_MAX) {
        return;
    }
    while (at < packed->len) {
        at = offset_of(packed, packed_skip((const uint8_t *)packed->data + at, HASH_PAIR));
        packed_erase(packed, at, at + NEVER_BYTES);
    }
    packed_put_head(packed, packed_count(buf_bytes(packed)), HASH_MARK_PAIRS);
}

/* Is there room for what is new, were the old value of the field kept? */
static bool has_room(const struct buf *packed, const struct packed_item *items, size_t count,
                     bool is_new)
{
    unsigned fields = packed_count(buf_bytes(packed));
    size_t size = 0;

    for (size_t i = is_new ? 0 : 1; i < count; i++) {
        size += packed_size(&items[i]);
    }
    if (count == TRIPLE && packed_mark(buf_bytes(packed)) == HASH_MARK_PAIRS) {
        size += (size_t)fields * NEVER_BYTES;
    }
    size += is_new ? (size_t)PACKED_HEAD_BYTES : 0;
    return packed->len + size <= VALUE_PACKED_MAX && !(is_new && fields == HASH_PACKED_FIELDS);
}

bool hash_packed_set(struct buf *packed, const struct value_element *field)
{
    const struct packed_item items[TRIPLE] = {packed_item(field->name), packed_item(field->value),
                                              packed_item_integer(field->expire_at_ms)};
    unsigned width = field->expire_at_ms != 0 ? TRIPLE : hash_packed_width(buf_bytes(packed));
    const uint8_t *at = hash_packed_find(buf_bytes(packed), field->name);
    unsigned count = packed_count(buf_bytes(packed));
    size_t place;

    if (!has_room(packed, items, width, at == NULL)) {
        return false;
    }
    if (UNLIKELY(width == TRIPLE && packed_mark(buf_bytes(packed)) == HASH_MARK_PAIRS)) {
        add_expiries(packed);
        at = hash_packed_find(buf_bytes(packed), field->name);
    }
    if (at == NULL) {
        packed_put_head(packed, count + 1, width - HASH_PAIR);
        (void)packed_insert(packed, packed->len, items, width);
        return true;
    }
    place = packed_replace(packed, offset_of(packed, packed_next(at)), &items[1]);
    if (UNLIKELY(width == TRIPLE)) {
        (void)packed_replace(packed, place, &items[2]);
        settle(packed);
    }
    return true;
}

bool hash_packed_set_expiry(struct buf *packed, struct bytes field, int64_t expire_at_ms)
{
    const struct packed_item expiry = packed_item_integer(expire_at_ms);
    size_t size = packed_size(&expiry);
    const uint8_t *at;

    if (packed_mark(buf_bytes(packed)) == HASH_MARK_PAIRS) {
        size += packed_count(buf_bytes(packed)) * (size_t)NEVER_BYTES;
        if (expire_at_ms == 0) {
            return true;
        }
    }
    if (packed->len + size > VALUE_PACKED_MAX) {
        return false;
    }
    if (packed_mark(buf_bytes(packed)) == HASH_MARK_PAIRS) {
        add_expiries(packed);
    }
    at = hash_packed_find(buf_bytes(packed), field);
    ASSERT(at != NULL);
    (void)packed_replace(packed, offset_of(packed, packed_skip(at, HASH_PAIR)), &expiry);
    settle(packed);
    return true;
}

bool hash_packed_remove(struct buf *packed, struct bytes field)
{
    unsigned count = packed_count(buf_bytes(packed));
    unsigned width = hash_packed_width(buf_bytes(packed));
    const uint8_t *at = hash_packed_find(buf_bytes(packed), field);

    if (at == NULL) {
        return false;
    }
    if (count == 1) {
        buf_clear(packed);
        return true;
    }
    packed_erase(packed, offset_of(packed, at), offset_of(packed, packed_skip(at, width)));
    packed_put_head(packed, count - 1, width - HASH_PAIR);
    settle(packed);
    return true;
}

void hash_packed_check(struct bytes packed)
{
    struct bytes elements = bytes_from(packed, PACKED_HEAD_BYTES);
    unsigned width = hash_packed_width(packed);
    const uint8_t *at = packed_begin(packed);
    uint64_t count;
    bool is_canonical;
    bool is_sound = packed_check(elements, &count, &is_canonical, NULL);

    ASSERT(is_sound && is_canonical && packed_mark(packed) <= HASH_MARK_EXPIRIES);
    ASSERT(count == width * (uint64_t)packed_count(packed) && count > 0);
    ASSERT(packed_count(packed) <= HASH_PACKED_FIELDS);
    ASSERT(packed_mark(packed) == HASH_MARK_PAIRS ||
           hash_packed_next_expiry_ms(packed) != INT64_MAX);
    while (at < packed_end(packed)) {
        struct packed_item field;
        struct packed_item expiry = packed_item_integer(0);

        (void)packed_read(at, &field);
        if (width == TRIPLE) {
            (void)packed_read(packed_skip(at, HASH_PAIR), &expiry);
        }
        ASSERT(expiry.is_integer && expiry.integer >= 0 && expiry.integer <= HASH_EXPIRY_MAX);
        at = packed_skip(at, width);
        ASSERT(packed_find(at, packed_end(packed), &field, width) == NULL);
    }
}
