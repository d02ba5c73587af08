/* SPDX-License-Identifier: MIT */
/* The entry: key, value and perhaps an expiry in one piece of memory.
 *
 *     0      type (high four bits), encoding (low four)
 *     1      flags: width of the expiry, of the lengths, is the key out of line, ...
 *     2..4   how much it is used, 24 bits (store/usage.h)
 *     then   [expiry: 6 bytes, or 8 when it needs them]
 *            key length: 1 byte, or 4
 *            [value length: 1 byte, or 2; inline strings only]
 *            key bytes, or the address of a block
 *            value: bytes; or 8 bytes of integer; or the address of memory of its own
 *
 * A small entry costs 7 bytes beside key and value, 13 with an expiry.  Keys and strings above
 * ENTRY_INLINE_MAX are blocks of their own; a small value of any other type is inline, packed, a
 * large one an object (store/value.h).
 * Numbers are in the machine's own byte order: an
 * entry never leaves the process.
 *
 * Nothing here allocates or frees entries; that is the key space's task. */
#ifndef STARLING_STORE_ENTRY_H
#define STARLING_STORE_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/attr.h"
#include "base/block.h"
#include "base/bytes.h"
#include "store/keyspace.h"

enum {
    ENTRY_INLINE_MAX = 1024, /* bytes of a key or value */
    ENTRY_HEAD_BYTES = 5,
    ENTRY_EXPIRY_BYTES = 6,
    ENTRY_EXPIRY_WIDE_BYTES = 8,
};

enum entry_flags {
    ENTRY_HAS_EXPIRY = 1 << 0,
    ENTRY_EXPIRY_WIDE = 1 << 1, /* 8 bytes instead of 6; with HAS_EXPIRY only */
    ENTRY_KEY_WIDE = 1 << 2,    /* the key's length takes 4 bytes */
    ENTRY_KEY_OUT = 1 << 3,     /* the key is in a block */
    ENTRY_VALUE_WIDE = 1 << 4,  /* the value's length takes 2 bytes */
    ENTRY_EDITED = 1 << 5,      /* a string: was changed in place, so no longer what SET made of it;
                                 * a collection: has outgrown what counts as small */
    ENTRY_VOLATILE = 1 << 6,    /* some of its fields expire; kept by keyspace_note_fields alone */
};

struct entry {
    uint8_t kind;
    uint8_t flags;
    uint8_t last_used[3];
    uint8_t rest[];
};

/* Where the parts of an entry are, relative to its start. */
struct entry_layout {
    size_t key_at;
    size_t key_len; /* of the key itself */
    size_t value_at;
    size_t value_len; /* inline bytes; 8 for an integer or an address */
};

/* What an entry is to be: either value (inline), integer or memory counts, by encoding. */
struct entry_plan {
    struct bytes key;
    struct block *key_block; /* when key.len > ENTRY_INLINE_MAX */
    enum value_type type;
    enum value_encoding encoding;
    struct bytes value; /* VALUE_INLINE: a string, or a packed collection */
    int64_t integer;    /* VALUE_INT */
    void *memory;       /* VALUE_RAW: a block; VALUE_OBJECT */
    int64_t expire_at_ms;
    uint32_t last_used_s;
    bool is_edited;
};

static inline uint16_t entry_read_u16(const void *at)
{
    uint16_t value;

    memcpy(&value, at, sizeof(value));
    return value;
}

static inline uint32_t entry_read_u32(const void *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof(value));
    return value;
}

static inline size_t entry_expiry_bytes(uint8_t flags)
{
    if ((flags & ENTRY_HAS_EXPIRY) == 0) {
        return 0;
    }
    return (flags & ENTRY_EXPIRY_WIDE) != 0 ? ENTRY_EXPIRY_WIDE_BYTES : ENTRY_EXPIRY_BYTES;
}

/* Of the field that tells an inline string's length. */
static inline size_t entry_value_len_bytes(const struct entry *e)
{
    if ((e->kind & 15) != VALUE_INLINE) {
        return 0;
    }
    return (e->flags & ENTRY_VALUE_WIDE) != 0 ? sizeof(uint16_t) : 1;
}

/* Inlined by order: as calls, the two that an INCR makes cost it 2 %. */
ALWAYS_INLINE static inline struct entry_layout entry_layout(const struct entry *e)
{
    const uint8_t *base = (const uint8_t *)e;
    size_t at = ENTRY_HEAD_BYTES + entry_expiry_bytes(e->flags);
    struct entry_layout layout;

    if ((e->flags & ENTRY_KEY_WIDE) != 0) {
        layout.key_len = entry_read_u32(base + at);
        at += sizeof(uint32_t);
    } else {
        layout.key_len = base[at++];
    }
    layout.value_len = 8;
    if ((e->kind & 15) == VALUE_INLINE) {
        if ((e->flags & ENTRY_VALUE_WIDE) != 0) {
            layout.value_len = entry_read_u16(base + at);
            at += sizeof(uint16_t);
        } else {
            layout.value_len = base[at++];
        }
    }
    layout.key_at = at;
    layout.value_at = at + ((e->flags & ENTRY_KEY_OUT) != 0 ? 8 : layout.key_len);
    return layout;
}

static inline struct block *entry_block_at(const struct entry *e, size_t at)
{
    struct block *block;

    memcpy(&block, (const uint8_t *)e + at, sizeof(block));
    return block;
}

/* The memory that the entry's value has of its own, or NULL. */
static inline void *entry_memory(const struct entry *e)
{
    return (e->kind & 15) >= VALUE_RAW ? entry_block_at(e, entry_layout(e).value_at) : NULL;
}

/* Do some of its fields expire? */
static inline bool entry_is_volatile(const struct entry *e)
{
    return (e->flags & ENTRY_VOLATILE) != 0;
}

/* Has its key or its value memory of its own? */
static inline bool entry_has_memory(const struct entry *e)
{
    return (e->kind & 15) >= VALUE_RAW || (e->flags & ENTRY_KEY_OUT) != 0;
}

static inline struct bytes entry_key_at(const struct entry *e, const struct entry_layout *layout)
{
    if ((e->flags & ENTRY_KEY_OUT) != 0) {
        return bytes_make(entry_block_at(e, layout->key_at)->data, layout->key_len);
    }
    return bytes_make((const uint8_t *)e + layout->key_at, layout->key_len);
}

/* Bytes that an entry of this plan takes, blocks aside. */
size_t entry_plan_bytes(const struct entry_plan *plan);
/* Bytes that the entry takes, blocks aside. */
size_t entry_bytes(const struct entry *e);
/* Write the entry into fresh memory of at least entry_plan_bytes. */
void entry_write(struct entry *e, const struct entry_plan *plan);
/* Make the entry what plan says, in memory large enough for both; the key stays, and plan->value
 * must not lie in the entry. */
void entry_overwrite(struct entry *e, const struct entry_plan *plan);
/* Another value for a small entry, in place: true when both the old and the new one are inline strings
 * with a length of one byte, nothing but the value differs, and it takes memory of the same size.
 * Else nothing has happened.  value must not lie in the entry. */
bool entry_replace_value(struct entry *e, struct bytes value, uint32_t last_used_s);
/* The bytes the entry would take with another expiry, and the change itself, from one memory
 * to another or in place (from == to). */
size_t entry_bytes_with_expiry(const struct entry *e, int64_t expire_at_ms);
void entry_copy_with_expiry(struct entry *to, const struct entry *from, int64_t expire_at_ms);
/* VALUE_INT only. */
void entry_put_integer(struct entry *e, int64_t value);
/* VALUE_RAW only. */
struct block *entry_value_block(const struct entry *e);
/* Of a value in memory of its own. */
void entry_put_memory(struct entry *e, void *memory);
/* The block of the key, or NULL. */
struct block *entry_key_block(const struct entry *e);
void entry_put_edited(struct entry *e, bool is_edited);
uint32_t entry_last_used_s(const struct entry *e);
void entry_put_last_used(struct entry *e, uint32_t second);
/* Assert that the parts fit into size bytes. */
void entry_check(const struct entry *e, size_t size);

#endif
