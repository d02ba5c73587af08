/* SPDX-License-Identifier: MIT */
/* Reading and writing the parts of an entry. */
#include "store/entry.h"

#include "base/assert.h"
#include "base/num.h"
#include "store/slab.h"

enum {
    ENCODING_MASK = 15,
    TYPE_SHIFT = 4,
    LAST_USED_MASK = 0xffffff,
};

#define EXPIRY_NARROW_MAX ((INT64_C(1) << 48) - 1)

static uint8_t expiry_flags(int64_t expire_at_ms)
{
    if (expire_at_ms == EXPIRE_NEVER) {
        return 0;
    }
    if (expire_at_ms < 0 || expire_at_ms > EXPIRY_NARROW_MAX) {
        return ENTRY_HAS_EXPIRY | ENTRY_EXPIRY_WIDE;
    }
    return ENTRY_HAS_EXPIRY;
}

static uint8_t plan_flags(const struct entry_plan *plan)
{
    unsigned flags = expiry_flags(plan->expire_at_ms);

    flags |= plan->key.len > UINT8_MAX ? ENTRY_KEY_WIDE : 0U;
    flags |= plan->key_block != NULL ? ENTRY_KEY_OUT : 0U;
    if (plan->encoding == VALUE_INLINE) {
        flags |= plan->value.len > UINT8_MAX ? ENTRY_VALUE_WIDE : 0U;
    }
    flags |= plan->is_edited ? ENTRY_EDITED : 0U;
    return (uint8_t)flags;
}

static size_t head_bytes(uint8_t flags, enum value_encoding encoding)
{
    size_t bytes = ENTRY_HEAD_BYTES + entry_expiry_bytes(flags);

    bytes += (flags & ENTRY_KEY_WIDE) != 0 ? sizeof(uint32_t) : 1;
    if (encoding == VALUE_INLINE) {
        bytes += (flags & ENTRY_VALUE_WIDE) != 0 ? sizeof(uint16_t) : 1;
    }
    return bytes;
}

static size_t key_bytes(const struct entry_plan *plan)
{
    return plan->key_block != NULL ? sizeof(plan->key_block) : plan->key.len;
}

size_t entry_plan_bytes(const struct entry_plan *plan)
{
    size_t value_bytes = plan->encoding == VALUE_INLINE ? plan->value.len : 8;

    return head_bytes(plan_flags(plan), plan->encoding) + key_bytes(plan) + value_bytes;
}

size_t entry_bytes(const struct entry *e)
{
    struct entry_layout layout = entry_layout(e);

    return layout.value_at + layout.value_len;
}

/* The expiry lies at the same place in every entry. */
static void put_expiry(struct entry *e, int64_t expire_at_ms)
{
    uint32_t low = (uint32_t)(uint64_t)expire_at_ms;
    uint32_t high = (uint32_t)((uint64_t)expire_at_ms >> 32);
    uint16_t narrow_high = (uint16_t)high;

    if ((e->flags & ENTRY_HAS_EXPIRY) == 0) {
        return;
    }
    memcpy(e->rest, &low, sizeof(low));
    if ((e->flags & ENTRY_EXPIRY_WIDE) != 0) {
        memcpy(e->rest + sizeof(low), &high, sizeof(high));
    } else {
        memcpy(e->rest + sizeof(low), &narrow_high, sizeof(narrow_high));
    }
}

static void write_head(struct entry *e, const struct entry_plan *plan)
{
    uint8_t *base = (uint8_t *)e;
    uint32_t key_len = (uint32_t)plan->key.len;
    size_t at;

    e->kind = (uint8_t)(((unsigned)plan->type << TYPE_SHIFT) | (unsigned)plan->encoding);
    e->flags = plan_flags(plan);
    entry_put_last_used(e, plan->last_used_s);
    put_expiry(e, plan->expire_at_ms);
    at = ENTRY_HEAD_BYTES + entry_expiry_bytes(e->flags);
    if ((e->flags & ENTRY_KEY_WIDE) != 0) {
        memcpy(base + at, &key_len, sizeof(key_len));
        at += sizeof(key_len);
    } else {
        base[at++] = (uint8_t)key_len;
    }
    if (plan->encoding == VALUE_INLINE) {
        uint16_t value_len = (uint16_t)plan->value.len;

        if ((e->flags & ENTRY_VALUE_WIDE) != 0) {
            memcpy(base + at, &value_len, sizeof(value_len));
        } else {
            base[at] = (uint8_t)value_len;
        }
    }
}

static void write_value(struct entry *e, const struct entry_plan *plan)
{
    uint8_t *at = (uint8_t *)e + entry_layout(e).value_at;

    switch (plan->encoding) {
    case VALUE_INT:
        memcpy(at, &plan->integer, sizeof(plan->integer));
        break;
    case VALUE_INLINE:
        if (plan->value.len > 0) {
            memcpy(at, plan->value.data, plan->value.len);
        }
        break;
    case VALUE_RAW:
    case VALUE_OBJECT:
        memcpy(at, &plan->memory, sizeof(plan->memory));
        break;
    }
}

void entry_write(struct entry *e, const struct entry_plan *plan)
{
    uint8_t *key;

    ASSERT(plan->key.len <= UINT32_MAX);
    ASSERT((plan->key_block != NULL) == (plan->key.len > ENTRY_INLINE_MAX));
    write_head(e, plan);
    key = (uint8_t *)e + head_bytes(e->flags, plan->encoding);
    if (plan->key_block != NULL) {
        memcpy(key, &plan->key_block, sizeof(plan->key_block));
    } else if (plan->key.len > 0) {
        memcpy(key, plan->key.data, plan->key.len);
    }
    write_value(e, plan);
}

void entry_overwrite(struct entry *e, const struct entry_plan *plan)
{
    uint8_t *base = (uint8_t *)e;
    size_t old_key_at = entry_layout(e).key_at;
    size_t new_key_at = head_bytes(plan_flags(plan), plan->encoding);

    if (new_key_at != old_key_at) {
        memmove(base + new_key_at, base + old_key_at, key_bytes(plan));
    }
    write_head(e, plan);
    write_value(e, plan);
}

bool entry_replace_value(struct entry *e, struct bytes value, uint32_t last_used_s)
{
    const uint8_t small = ((unsigned)VALUE_STRING << TYPE_SHIFT) | (unsigned)VALUE_INLINE;
    uint8_t *key_len = e->rest;
    uint8_t *value_len = e->rest + 1;
    size_t value_at = ENTRY_HEAD_BYTES + 2 + (size_t)*key_len;

    if (e->kind != small || e->flags != 0 || value.len > UINT8_MAX) {
        return false;
    }
    if (*value_len != value.len &&
        slab_rounded_size(value_at + *value_len) != slab_rounded_size(value_at + value.len)) {
        return false;
    }
    *value_len = (uint8_t)value.len;
    entry_put_last_used(e, last_used_s);
    if (value.len > 0) { /* an empty one may have no address */
        memcpy((uint8_t *)e + value_at, value.data, value.len);
    }
    return true;
}

size_t entry_bytes_with_expiry(const struct entry *e, int64_t expire_at_ms)
{
    return entry_bytes(e) - entry_expiry_bytes(e->flags) +
           entry_expiry_bytes(expiry_flags(expire_at_ms));
}

void entry_copy_with_expiry(struct entry *to, const struct entry *from, int64_t expire_at_ms)
{
    const unsigned mask = ENTRY_HAS_EXPIRY | ENTRY_EXPIRY_WIDE;
    size_t old_width = entry_expiry_bytes(from->flags);
    size_t new_width = entry_expiry_bytes(expiry_flags(expire_at_ms));
    size_t tail = entry_bytes(from) - ENTRY_HEAD_BYTES - old_width;

    memmove(to->rest + new_width, from->rest + old_width, tail);
    if (to != from) {
        memcpy(to, from, ENTRY_HEAD_BYTES);
    }
    to->flags = (uint8_t)((to->flags & ~mask) | expiry_flags(expire_at_ms));
    put_expiry(to, expire_at_ms);
}

enum value_type entry_type(const struct entry *e)
{
    return (enum value_type)(e->kind >> TYPE_SHIFT);
}

enum value_encoding entry_encoding(const struct entry *e)
{
    return (enum value_encoding)(e->kind & ENCODING_MASK);
}

bool entry_was_edited(const struct entry *e)
{
    return (e->flags & ENTRY_EDITED) != 0;
}

struct bytes entry_key(const struct entry *e)
{
    struct entry_layout layout = entry_layout(e);

    return entry_key_at(e, &layout);
}

int64_t entry_expire_at_ms(const struct entry *e)
{
    uint64_t high;

    if ((e->flags & ENTRY_HAS_EXPIRY) == 0) {
        return EXPIRE_NEVER;
    }
    if ((e->flags & ENTRY_EXPIRY_WIDE) != 0) {
        high = entry_read_u32(e->rest + 4);
    } else {
        high = entry_read_u16(e->rest + 4);
    }
    return (int64_t)((high << 32) | entry_read_u32(e->rest));
}

bool entry_is_expired(const struct entry *e, int64_t now_ms)
{
    return (e->flags & ENTRY_HAS_EXPIRY) != 0 && entry_expire_at_ms(e) <= now_ms;
}

bool entry_integer(const struct entry *e, int64_t *out)
{
    if (entry_encoding(e) != VALUE_INT) {
        return false;
    }
    memcpy(out, (const uint8_t *)e + entry_layout(e).value_at, sizeof(*out));
    return true;
}

/* A string that does not lie in the entry as it is. */
static NOINLINE struct bytes string_elsewhere(const struct entry *e, char *scratch)
{
    int64_t integer;

    if (entry_integer(e, &integer)) {
        return bytes_make(scratch, num_format_i64(scratch, integer));
    }
    return bytes_make(entry_value_block(e)->data, entry_value_block(e)->len);
}

struct bytes entry_string(const struct entry *e, char *scratch)
{
    if (LIKELY(entry_encoding(e) == VALUE_INLINE)) {
        struct entry_layout layout = entry_layout(e);

        return bytes_make((const uint8_t *)e + layout.value_at, layout.value_len);
    }
    return string_elsewhere(e, scratch);
}

struct value entry_value(const struct entry *e)
{
    struct value value = {.type = entry_type(e),
                          .has_outgrown = entry_was_edited(e),
                          .is_volatile = entry_is_volatile(e)};

    ASSERT(value.type != VALUE_STRING);
    if (entry_encoding(e) == VALUE_INLINE) {
        struct entry_layout layout = entry_layout(e);

        value.inlined = bytes_make((const uint8_t *)e + layout.value_at, layout.value_len);
    } else {
        value.memory = entry_memory(e);
    }
    return value;
}

struct block *entry_string_block(const struct entry *e)
{
    return entry_encoding(e) == VALUE_RAW ? entry_value_block(e) : NULL;
}

size_t entry_string_len(const struct entry *e)
{
    char scratch[NUM_I64_TEXT + 1];

    return entry_string(e, scratch).len;
}

void entry_put_integer(struct entry *e, int64_t value)
{
    ASSERT(entry_encoding(e) == VALUE_INT);
    memcpy((uint8_t *)e + entry_layout(e).value_at, &value, sizeof(value));
}

struct block *entry_value_block(const struct entry *e)
{
    ASSERT(entry_encoding(e) == VALUE_RAW);
    return entry_block_at(e, entry_layout(e).value_at);
}

void entry_put_memory(struct entry *e, void *memory)
{
    ASSERT(entry_encoding(e) >= VALUE_RAW && memory != NULL);
    memcpy((uint8_t *)e + entry_layout(e).value_at, &memory, sizeof(memory));
}

void entry_put_edited(struct entry *e, bool is_edited)
{
    e->flags =
        (uint8_t)((e->flags & ~(unsigned)ENTRY_EDITED) | (is_edited ? (unsigned)ENTRY_EDITED : 0U));
}

struct block *entry_key_block(const struct entry *e)
{
    if ((e->flags & ENTRY_KEY_OUT) == 0) {
        return NULL;
    }
    return entry_block_at(e, entry_layout(e).key_at);
}

uint32_t entry_last_used_s(const struct entry *e)
{
    return e->last_used[0] | ((uint32_t)e->last_used[1] << 8) | ((uint32_t)e->last_used[2] << 16);
}

void entry_put_last_used(struct entry *e, uint32_t second)
{
    e->last_used[0] = (uint8_t)second;
    e->last_used[1] = (uint8_t)(second >> 8);
    e->last_used[2] = (uint8_t)(second >> 16);
}

void entry_touch(struct entry *e, int64_t now_ms)
{
    entry_put_last_used(e, (uint32_t)(now_ms / 1000) & LAST_USED_MASK);
}

int64_t entry_idle_seconds(const struct entry *e, int64_t now_ms)
{
    return ((uint32_t)(now_ms / 1000) - entry_last_used_s(e)) & LAST_USED_MASK;
}

void entry_check(const struct entry *e, size_t size)
{
    struct entry_layout layout = entry_layout(e);

    ASSERT(entry_encoding(e) <= VALUE_OBJECT);
    ASSERT(entry_type(e) == VALUE_STRING
               ? entry_encoding(e) != VALUE_OBJECT
               : entry_encoding(e) == VALUE_INLINE || entry_encoding(e) == VALUE_OBJECT);
    ASSERT(layout.value_at + layout.value_len <= size);
    ASSERT(((e->flags & ENTRY_KEY_OUT) != 0) == (layout.key_len > ENTRY_INLINE_MAX));
    ASSERT(!entry_is_volatile(e) || entry_type(e) == VALUE_HASH);
    if (entry_encoding(e) == VALUE_INLINE) {
        ASSERT(layout.value_len <= (entry_type(e) == VALUE_STRING ? (size_t)ENTRY_INLINE_MAX
                                                                  : (size_t)VALUE_PACKED_MAX));
        ASSERT(entry_type(e) == VALUE_STRING || layout.value_len > 0);
    }
    if (entry_encoding(e) >= VALUE_RAW) {
        ASSERT(entry_memory(e) != NULL);
    }
}
