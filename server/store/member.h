/* SPDX-License-Identifier: MIT */
/* A member of a large hash, set or sorted set: one object of the slab.
 *
 *     0      flags: what there is, how wide the lengths are
 *     then   [score: 8 bytes, a double]
 *            [expiry: 6 bytes, unix ms]
 *            name length: 1 byte, or 2; none when the name is in a block
 *            [value length: 1 byte, or 2; inline values only]
 *            name bytes, or the address of a block
 *            [value bytes, or the address of a block]
 *
 * Names and values above MEMBER_INLINE_MAX are blocks of their own.  Numbers are in the machine's own byte
 * order: a member never leaves the process.  Nothing here allocates. */
#ifndef STARLING_STORE_MEMBER_H
#define STARLING_STORE_MEMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/attr.h"
#include "base/block.h"
#include "base/bytes.h"

enum {
    MEMBER_INLINE_MAX = 1024,
    MEMBER_EXPIRY_BYTES = 6,
};

enum member_flags {
    MEMBER_NAME_WIDE = 1 << 0,
    MEMBER_NAME_OUT = 1 << 1, /* in a block */
    MEMBER_HAS_VALUE = 1 << 2,
    MEMBER_VALUE_WIDE = 1 << 3,
    MEMBER_VALUE_OUT = 1 << 4, /* in a block */
    MEMBER_HAS_SCORE = 1 << 5,
    MEMBER_HAS_EXPIRY = 1 << 6,
};

struct member {
    uint8_t flags;
    uint8_t rest[];
};

/* What a member is to be, or is.  Blocks are given by who writes one, see members.c. */
struct member_plan {
    struct bytes name;
    struct bytes value; /* with has_value */
    double score;       /* with has_score */
    int64_t expire_at_ms;
    bool has_value;
    bool has_score;
    struct block *name_block;
    struct block *value_block;
};

static inline size_t member_extra_bytes(uint8_t flags)
{
    return ((flags & MEMBER_HAS_SCORE) != 0 ? sizeof(double) : 0) +
           ((flags & MEMBER_HAS_EXPIRY) != 0 ? (size_t)MEMBER_EXPIRY_BYTES : 0);
}

/* Of the field that tells an inline value's length. */
static inline size_t member_value_len_bytes(uint8_t flags)
{
    if ((flags & (MEMBER_HAS_VALUE | MEMBER_VALUE_OUT)) != MEMBER_HAS_VALUE) {
        return 0;
    }
    return (flags & MEMBER_VALUE_WIDE) != 0 ? sizeof(uint16_t) : 1;
}

static inline bool member_has_name(const struct member *m, struct bytes name)
{
    const uint8_t *at = m->rest + member_extra_bytes(m->flags);

    if (LIKELY((m->flags & (MEMBER_NAME_WIDE | MEMBER_NAME_OUT)) == 0)) {
        return *at == name.len &&
               bytes_same(at + 1 + member_value_len_bytes(m->flags), name.data, name.len);
    }
    if ((m->flags & MEMBER_NAME_OUT) != 0) {
        struct block *block;

        memcpy(&block, at + member_value_len_bytes(m->flags), sizeof(block));
        return bytes_equal(block_contents(block), name);
    }
    return (at[0] | (unsigned)at[1] << 8) == name.len &&
           bytes_same(at + 2 + member_value_len_bytes(m->flags), name.data, name.len);
}

static inline double member_score(const struct member *m)
{
    double score;

    memcpy(&score, m->rest, sizeof(score));
    return score;
}

static inline void member_put_score(struct member *m, double score)
{
    memcpy(m->rest, &score, sizeof(score));
}

struct bytes member_name(const struct member *m);
/* EXPIRE_NEVER (store/keyspace.h) when it has none. */
int64_t member_expire_at_ms(const struct member *m);
/* The value's bytes, and its block if it has one; empty without. */
struct bytes member_value(const struct member *m);
struct block *member_value_block(const struct member *m);
struct block *member_name_block(const struct member *m);

/* Bytes that a member of this plan takes, blocks aside. */
size_t member_plan_bytes(const struct member_plan *plan);
/* Bytes that the member takes, blocks aside. */
size_t member_bytes(const struct member *m);
/* Write it into memory of at least member_plan_bytes. */
void member_write(struct member *m, const struct member_plan *plan);
/* Assert that the parts fit into size bytes. */
void member_check(const struct member *m, size_t size);

#endif
