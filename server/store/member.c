/* SPDX-License-Identifier: MIT */
#include "store/member.h"

#include "base/assert.h"
#include "store/keyspace.h"

/* Where the parts are, from the start of the member. */
struct layout {
    size_t name_at;
    size_t name_len; /* inline bytes; 8 for an address */
    size_t value_at;
    size_t value_len;
};

static size_t read_len(const uint8_t *at, bool is_wide)
{
    return is_wide ? at[0] | (size_t)at[1] << 8 : at[0];
}

static struct layout layout_of(const struct member *m)
{
    const uint8_t *base = (const uint8_t *)m;
    size_t at = 1 + member_extra_bytes(m->flags);
    struct layout layout = {.name_len = sizeof(struct block *)};

    if ((m->flags & MEMBER_NAME_OUT) == 0) {
        layout.name_len = read_len(base + at, (m->flags & MEMBER_NAME_WIDE) != 0);
        at += (m->flags & MEMBER_NAME_WIDE) != 0 ? 2 : 1;
    }
    if (member_value_len_bytes(m->flags) > 0) {
        layout.value_len = read_len(base + at, (m->flags & MEMBER_VALUE_WIDE) != 0);
        at += member_value_len_bytes(m->flags);
    } else if ((m->flags & MEMBER_VALUE_OUT) != 0) {
        layout.value_len = sizeof(struct block *);
    }
    layout.name_at = at;
    layout.value_at = at + layout.name_len;
    return layout;
}

static struct block *block_at(const struct member *m, size_t at)
{
    struct block *block;

    memcpy(&block, (const uint8_t *)m + at, sizeof(block));
    return block;
}

struct block *member_name_block(const struct member *m)
{
    return (m->flags & MEMBER_NAME_OUT) != 0 ? block_at(m, layout_of(m).name_at) : NULL;
}

struct block *member_value_block(const struct member *m)
{
    return (m->flags & MEMBER_VALUE_OUT) != 0 ? block_at(m, layout_of(m).value_at) : NULL;
}

struct bytes member_name(const struct member *m)
{
    struct layout layout = layout_of(m);

    if ((m->flags & MEMBER_NAME_OUT) != 0) {
        return block_contents(block_at(m, layout.name_at));
    }
    return bytes_make((const uint8_t *)m + layout.name_at, layout.name_len);
}

struct bytes member_value(const struct member *m)
{
    struct layout layout = layout_of(m);

    if ((m->flags & MEMBER_VALUE_OUT) != 0) {
        return block_contents(block_at(m, layout.value_at));
    }
    return bytes_make((const uint8_t *)m + layout.value_at, layout.value_len);
}

int64_t member_expire_at_ms(const struct member *m)
{
    const uint8_t *at = m->rest + ((m->flags & MEMBER_HAS_SCORE) != 0 ? sizeof(double) : 0);
    uint64_t ms = 0;

    if ((m->flags & MEMBER_HAS_EXPIRY) == 0) {
        return EXPIRE_NEVER;
    }
    for (unsigned i = 0; i < MEMBER_EXPIRY_BYTES; i++) {
        ms |= (uint64_t)at[i] << (8 * i);
    }
    return (int64_t)ms;
}

static uint8_t plan_flags(const struct member_plan *plan)
{
    unsigned flags = 0;

    if (plan->name_block != NULL) {
        flags |= MEMBER_NAME_OUT;
    } else if (plan->name.len > UINT8_MAX) {
        flags |= MEMBER_NAME_WIDE;
    }
    if (plan->has_value) {
        flags |= MEMBER_HAS_VALUE;
        if (plan->value_block != NULL) {
            flags |= MEMBER_VALUE_OUT;
        } else if (plan->value.len > UINT8_MAX) {
            flags |= MEMBER_VALUE_WIDE;
        }
    }
    flags |= plan->has_score ? (unsigned)MEMBER_HAS_SCORE : 0U;
    flags |= plan->expire_at_ms != EXPIRE_NEVER ? (unsigned)MEMBER_HAS_EXPIRY : 0U;
    return (uint8_t)flags;
}

static size_t head_bytes(uint8_t flags)
{
    size_t bytes = 1 + member_extra_bytes(flags) + member_value_len_bytes(flags);

    if ((flags & MEMBER_NAME_OUT) == 0) {
        bytes += (flags & MEMBER_NAME_WIDE) != 0 ? 2 : 1;
    }
    return bytes;
}

size_t member_plan_bytes(const struct member_plan *plan)
{
    size_t bytes = head_bytes(plan_flags(plan));

    bytes += plan->name_block != NULL ? sizeof(plan->name_block) : plan->name.len;
    if (plan->has_value) {
        bytes += plan->value_block != NULL ? sizeof(plan->value_block) : plan->value.len;
    }
    return bytes;
}

size_t member_bytes(const struct member *m)
{
    struct layout layout = layout_of(m);

    return layout.value_at + layout.value_len;
}

static uint8_t *put_len(uint8_t *at, size_t len, bool is_wide)
{
    *at++ = (uint8_t)len;
    if (is_wide) {
        *at++ = (uint8_t)(len >> 8);
    }
    return at;
}

static uint8_t *put_text(uint8_t *at, struct bytes text, const struct block *block)
{
    if (block != NULL) {
        memcpy(at, &block, sizeof(block));
        return at + sizeof(block);
    }
    if (text.len > 0) {
        memcpy(at, text.data, text.len);
    }
    return at + text.len;
}

void member_write(struct member *m, const struct member_plan *plan)
{
    uint8_t *at = m->rest;

    ASSERT((plan->name_block != NULL) == (plan->name.len > MEMBER_INLINE_MAX));
    ASSERT(plan->value_block != NULL || plan->value.len <= MEMBER_INLINE_MAX);
    m->flags = plan_flags(plan);
    if (plan->has_score) {
        memcpy(at, &plan->score, sizeof(plan->score));
        at += sizeof(plan->score);
    }
    if (plan->expire_at_ms != EXPIRE_NEVER) {
        for (unsigned i = 0; i < MEMBER_EXPIRY_BYTES; i++) {
            *at++ = (uint8_t)((uint64_t)plan->expire_at_ms >> (8 * i));
        }
    }
    if (plan->name_block == NULL) {
        at = put_len(at, plan->name.len, (m->flags & MEMBER_NAME_WIDE) != 0);
    }
    if (member_value_len_bytes(m->flags) > 0) {
        at = put_len(at, plan->value.len, (m->flags & MEMBER_VALUE_WIDE) != 0);
    }
    at = put_text(at, plan->name, plan->name_block);
    if (plan->has_value) {
        (void)put_text(at, plan->value, plan->value_block);
    }
}

void member_check(const struct member *m, size_t size)
{
    ASSERT(member_bytes(m) <= size);
    ASSERT((member_name_block(m) != NULL) == (member_name(m).len > MEMBER_INLINE_MAX));
    ASSERT((m->flags & MEMBER_HAS_VALUE) != 0 || (m->flags & MEMBER_VALUE_OUT) == 0);
}
