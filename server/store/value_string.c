/* SPDX-License-Identifier: MIT */
/* The operations of strings.  Memory of its own is a block, which replies may hold. */
#include "base/assert.h"
#include "base/block.h"
#include "base/hash.h"
#include "base/num.h"
#include "store/entry.h"
#include "store/value.h"

enum {
    AT_ONCE_BYTES = 64 * 1024, /* blocks up to here are freed at no cost worth counting */
    SLICE_BYTES = 1024 * 1024, /* cut off a large block in a step */
    SLICE_COST = 1000,         /* of such a step */
    EMBSTR_MAX = 44,           /* longest string that clients expect to be called embstr */
};

static size_t string_bytes(const void *memory)
{
    return block_bytes(memory);
}

static size_t string_spare_bytes(const void *memory)
{
    const struct block *block = memory;

    return block->capacity_bytes - block->len;
}

static void string_check(const void *memory)
{
    const struct block *block = memory;

    ASSERT(block->holders > 0);
    ASSERT(block->len <= block->capacity_bytes);
}

static void *string_copy(const void *memory)
{
    const struct block *block = memory;

    return block_new(block_contents(block), block->len);
}

static size_t string_free_cost(const void *memory)
{
    const struct block *block = memory;

    if (block->holders > 1 || block_bytes(block) <= AT_ONCE_BYTES) {
        return 0;
    }
    return (block->capacity_bytes / SLICE_BYTES + 1) * SLICE_COST;
}

static void spend(size_t *budget, size_t cost)
{
    *budget -= *budget < cost ? *budget : cost;
}

/* Shrinking gives the tail back to the system without moving the rest. */
static bool string_free(void **memory, size_t *budget)
{
    struct block *block = *memory;

    ASSERT(*budget > 0);
    if (string_free_cost(block) == 0) {
        block_release(block);
        *memory = NULL;
        return true;
    }
    while (*budget > 0 && block->capacity_bytes > SLICE_BYTES) {
        block->len = 0;
        block = block_resize(block, block->capacity_bytes - SLICE_BYTES);
        spend(budget, SLICE_COST);
    }
    *memory = block;
    if (*budget == 0) {
        return false;
    }
    spend(budget, SLICE_COST);
    block_release(block);
    *memory = NULL;
    return true;
}

static const char *string_encoding_name(const struct entry *e)
{
    enum value_encoding encoding = entry_encoding(e);

    if (encoding == VALUE_INLINE && (entry_was_edited(e) || entry_string_len(e) > EMBSTR_MAX)) {
        encoding = VALUE_RAW;
    }
    return value_form_name(encoding);
}

static uint64_t string_digest(const struct entry *e, uint64_t seed)
{
    char scratch[NUM_I64_TEXT + 1];

    return hash_bytes(entry_string(e, scratch), seed);
}

static uint64_t string_walk(const struct entry *e, uint64_t cursor, size_t count,
                            value_visit_fn *visit, void *context)
{
    char scratch[NUM_I64_TEXT + 1];

    ASSERT(cursor == 0 && count > 0);
    visit(context, &(struct value_element){.name = entry_string(e, scratch)});
    return 0;
}

static uint64_t string_encode(const struct entry *e, uint64_t cursor, size_t max_bytes,
                              struct buf *out)
{
    char scratch[NUM_I64_TEXT + 1];
    int64_t integer;

    ASSERT(cursor == 0 && max_bytes > 0);
    if (entry_integer(e, &integer)) {
        value_encode_integer(out, integer);
    } else {
        value_encode_string(out, entry_string(e, scratch));
    }
    return 0;
}

static enum value_codec_status string_decode(struct value_reader *r, struct decoder *d,
                                             uint64_t *needed, struct errmsg *error)
{
    enum value_codec_status status;

    ASSERT(r->text.len == 0);
    status = value_decode_string(d, r->max_bytes, &r->text, needed, error);
    r->is_done = status == VALUE_CODEC_OK;
    return status;
}

const struct value_ops value_string = {
    .rdb_types_read = 1U << RDB_TYPE_STRING,
    .bytes = string_bytes,
    .spare_bytes = string_spare_bytes,
    .check = string_check,
    .copy = string_copy,
    .free_cost = string_free_cost,
    .free = string_free,
    .encoding_name = string_encoding_name,
    .digest = string_digest,
    .walk = string_walk,
    .encode = string_encode,
    .decode = string_decode,
};
