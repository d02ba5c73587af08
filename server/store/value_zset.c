/* SPDX-License-Identifier: MIT */
/* The operations of sorted sets (store/zset.h). */
#include "base/assert.h"
#include "base/hash.h"
#include "base/mem.h"
#include "store/entry.h"
#include "store/members_image.h"
#include "store/value_codec.h"
#include "store/value_compact.h"
#include "store/zset_forms.h"

#include <math.h>

enum {
    STEP_COUNT = 0, /* of the serialized form: how many members there are, */
    STEP_MEMBER,    /* and each of them */
    SCORE_BYTES = 8,
    NODE_MEMBERS =
        64, /* freeing a node of the tree costs as much as a member: there is one in so many */
};

/* Scores as text: lengths that stand for what is none. */
enum {
    TEXT_NAN = 253,
    TEXT_INFINITE = 254,
    TEXT_MINUS_INFINITE = 255,
};

static void check_packed(struct bytes packed)
{
    struct zset_view view = {.packed = packed};
    struct zset_cursor cursor;
    struct zset_element element;
    uint64_t rank = 0;

    ASSERT(packed.len > 0 && packed.len <= VALUE_PACKED_MAX);
    zset_seek(&view, 0, &cursor);
    while (zset_next(&cursor, &element)) {
        struct rank_bound bound = rank_bound_member(element.score, element.name, false);

        ASSERT(!isnan(element.score));
        ASSERT(zset_count_before(&view, &bound) == rank);
        rank++;
    }
    ASSERT(rank <= ZSET_PACKED_COUNT_MAX && rank == packed_count(packed));
}

/* ---- memory of its own ------------------------------------------------------------------------- */

static size_t zset_bytes(const void *memory)
{
    const struct zset *large = memory;

    return sizeof(*large) + members_bytes(&large->members) + (size_t)large->tree.bytes;
}

static size_t zset_spare_bytes(const void *memory)
{
    (void)memory;
    return 0;
}

static void check_score(void *context, const struct member *m)
{
    const struct zset *large = context;
    struct rank_bound bound = rank_bound_member(member_score(m), member_name(m), false);
    struct rank_cursor cursor;

    ASSERT(!isnan(member_score(m)));
    cursor = rank_tree_seek(&large->tree, rank_tree_count_before(&large->tree, &bound));
    ASSERT(rank_cursor_next(&cursor) == m);
}

static void zset_check(const void *memory)
{
    struct zset large = *(const struct zset *)memory;
    uint64_t position = 0;

    members_check(&large.members);
    rank_tree_check(&large.tree);
    ASSERT(large.tree.count > 0 && large.tree.count == members_count(&large.members));
    do {
        position = members_scan(&large.members, position, SIZE_MAX, check_score, &large);
    } while (position != 0);
}

static void *zset_copy(const void *memory)
{
    const struct zset *from = memory;
    struct zset *to = zset_new_large(from->members.space);
    struct rank_cursor cursor = rank_tree_seek(&from->tree, 0);
    const struct member *m;

    while ((m = rank_cursor_next(&cursor)) != NULL) {
        zset_add_member(to, member_name(m), member_score(m));
    }
    return to;
}

static size_t zset_free_cost(const void *memory)
{
    const struct zset *large = memory;

    return (size_t)(members_count(&large->members) + large->tree.count / NODE_MEMBERS);
}

static struct members *large_members(void *memory)
{
    return &((struct zset *)memory)->members;
}

static bool zset_free(void **memory, size_t *budget)
{
    struct zset *large = *memory;

    ASSERT(*budget > 0);
    if (!rank_tree_free(&large->tree, budget) || *budget == 0 ||
        !members_free(&large->members, budget)) {
        return false;
    }
    mem_free(MEM_STORE, large);
    *memory = NULL;
    return true;
}

/* ---- the value of an entry --------------------------------------------------------------------- */

static const char *zset_encoding_name(const struct entry *e)
{
    return entry_was_edited(e) ? "skiplist" : "listpack";
}

static uint64_t zset_digest(const struct entry *e, uint64_t seed)
{
    struct zset_view view = zset_view_of(e);
    struct zset_cursor cursor;
    struct zset_element element;
    uint64_t digest = VALUE_ZSET;

    zset_seek(&view, 0, &cursor);
    while (zset_next(&cursor, &element)) {
        uint64_t image = rank_image(element.score);

        digest += hash_bytes(bytes_make(&image, sizeof(image)), hash_bytes(element.name, seed));
    }
    return digest;
}

struct walk_visit {
    value_visit_fn *visit;
    void *context;
};

static void visit_member(void *context, const struct member *m)
{
    const struct walk_visit *to = context;

    to->visit(to->context,
              &(struct value_element){.name = member_name(m), .score = member_score(m)});
}

/* A packed one is small enough to be visited at once. */
static uint64_t zset_walk(const struct entry *e, uint64_t cursor, size_t count,
                          value_visit_fn *visit, void *context)
{
    struct zset_view view = zset_view_of(e);
    struct walk_visit to = {visit, context};
    struct zset_cursor at;
    struct zset_element element;

    ASSERT(count > 0);
    if (view.large != NULL) {
        return members_scan(&view.large->members, cursor, count, visit_member, &to);
    }
    zset_seek(&view, 0, &at);
    while (zset_next(&at, &element)) {
        visit(context, &(struct value_element){.name = element.name, .score = element.score});
    }
    return 0;
}

static void encode_score(struct buf *out, double score)
{
    uint64_t bits;

    memcpy(&bits, &score, sizeof(bits));
    encode_u64_le(out, bits);
}

static void encode_member(const struct member *m, struct buf *out)
{
    value_encode_string(out, member_name(m));
    encode_score(out, member_score(m));
}

/* The cursor is the rank of the next member and one, as 0 stands for their number. */
static uint64_t zset_encode(const struct entry *e, uint64_t cursor, size_t max_bytes,
                            struct buf *out)
{
    struct zset_view view = zset_view_of(e);
    size_t start = out->len;
    struct zset_cursor at;
    struct zset_element element;

    if (cursor == 0) {
        value_encode_len(out, zset_count(&view));
        cursor = 1;
    }
    zset_seek(&view, cursor - 1, &at);
    while (out->len - start < max_bytes) {
        if (!zset_next(&at, &element)) {
            return 0;
        }
        value_encode_string(out, element.name);
        encode_score(out, element.score);
        cursor++;
    }
    return cursor;
}

/* ---- the serialized form ----------------------------------------------------------------------- */

/* A score as eight bytes. */
static enum value_codec_status decode_binary_score(struct decoder *d, uint64_t *needed, double *out)
{
    uint64_t bits;

    if (decoder_left(d) < SCORE_BYTES) {
        *needed = (uint64_t)d->at + SCORE_BYTES;
        return VALUE_CODEC_MORE;
    }
    bits = decode_u64_le(d);
    memcpy(out, &bits, sizeof(*out));
    return VALUE_CODEC_OK;
}

/* A score as text behind its length, which is a byte; NaN for what is none. */
static enum value_codec_status decode_text_score(struct decoder *d, uint64_t *needed, double *out)
{
    size_t start = d->at;
    uint8_t len;

    if (decoder_left(d) < 1) {
        *needed = (uint64_t)start + 1;
        return VALUE_CODEC_MORE;
    }
    len = decode_u8(d);
    if (len >= TEXT_NAN) {
        *out = len == TEXT_INFINITE         ? (double)INFINITY
               : len == TEXT_MINUS_INFINITE ? (double)-INFINITY
                                            : (double)NAN;
        return VALUE_CODEC_OK;
    }
    if (decoder_left(d) < len) {
        *needed = (uint64_t)start + 1 + len;
        return VALUE_CODEC_MORE;
    }
    if (!num_parse_f64(decode_bytes(d, len), out)) {
        *out = (double)NAN;
    }
    return VALUE_CODEC_OK;
}

static bool put_new(struct value_reader *r, struct bytes name, double score, struct errmsg *error)
{
    if (isnan(score)) {
        errmsg_set(error, "a member of a sorted set has a score that is not a number");
        return false;
    }
    if (zset_put(&r->draft, name, score) != ZSET_ADDED) {
        errmsg_set(error, "a sorted set has a member twice");
        return false;
    }
    return true;
}

/* A member and its score out of a blob. */
static bool take_pair(struct value_reader *r, struct foreign *f, struct errmsg *error)
{
    char scratch[PACKED_SCRATCH];
    struct packed_item name;
    struct packed_item item;
    double score;

    if (!foreign_next(f, &name) || !foreign_next(f, &item) || !zset_read_score(&item, &score)) {
        score = (double)NAN;
    }
    return put_new(r, packed_item_text(&name, scratch), score, error);
}

static enum value_codec_status zset_decode(struct value_reader *r, struct decoder *d,
                                           uint64_t *needed, struct errmsg *error)
{
    enum value_codec_status status;
    double score;

    if (r->rdb_type == RDB_TYPE_ZSET_ZIPLIST || r->rdb_type == RDB_TYPE_ZSET_LISTPACK) {
        return value_decode_compact(r, d, take_pair, needed, error);
    }
    if (r->step == STEP_COUNT) {
        status = value_decode_count(d, "a sorted set", &r->left, needed, error);
        if (status == VALUE_CODEC_OK) {
            zset_begin_whole(&r->draft);
            r->step = STEP_MEMBER;
        }
        return status;
    }
    buf_clear(&r->text);
    status = value_decode_string(d, r->max_bytes, &r->text, needed, error);
    if (status == VALUE_CODEC_OK) {
        status = r->rdb_type == RDB_TYPE_ZSET ? decode_binary_score(d, needed, &score)
                                              : decode_text_score(d, needed, &score);
    }
    if (status != VALUE_CODEC_OK) {
        return status;
    }
    if (!put_new(r, buf_bytes(&r->text), score, error)) {
        return VALUE_CODEC_ERROR;
    }
    r->is_done = --r->left == 0;
    if (r->is_done) {
        zset_end_whole(&r->draft);
    }
    return VALUE_CODEC_OK;
}

const struct value_ops value_zset = {
    .rdb_types_read = 1U << RDB_TYPE_ZSET | 1U << RDB_TYPE_ZSET_TEXT | 1U << RDB_TYPE_ZSET_ZIPLIST |
                      1U << RDB_TYPE_ZSET_LISTPACK,
    .check_packed = check_packed,
    .bytes = zset_bytes,
    .spare_bytes = zset_spare_bytes,
    .check = zset_check,
    .copy = zset_copy,
    .free_cost = zset_free_cost,
    .free = zset_free,
    .image = &members_image_ops,
    .members = large_members,
    .encode_member = encode_member,
    .encoding_name = zset_encoding_name,
    .digest = zset_digest,
    .walk = zset_walk,
    .encode = zset_encode,
    .decode = zset_decode,
};
