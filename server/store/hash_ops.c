/* SPDX-License-Identifier: MIT */
/* Hashes as values (store/value.h), and their serialized forms, by RDB type:
 *
 *     4    len fields; of each: string, string
 *     9, 13, 16    a blob of a compact form (store/foreign.h)
 *     22   as 4, and behind each field 8 bytes: its expiry, or -1; read only
 *     24   8 bytes: a time no later than any expiry, the base; len fields;
 *          of each: len expiry - base + 1, or 0 for never; string, string
 *     25   8 bytes: the same; a listpack of field, value, expiry or 0; read only
 *
 * Written are 4 and, while some field expires, 24.  Times are in unix ms, little-endian. */
#include "base/assert.h"
#include "base/hash.h"
#include "store/entry.h"
#include "store/hash_packed.h"
#include "store/members_image.h"
#include "store/members_value.h"
#include "store/value_compact.h"
#include "store/value_hash.h"

enum {
    STEP_BEGIN = 0, /* of the serialized form: what times count from, */
    STEP_COUNT,     /* how many fields there are, and of each */
    STEP_EXPIRY,
    STEP_FIELD,
    STEP_VALUE,
    STEP_TIME,
    ENCODE_STEP = 64, /* fields between looks at how much was written */
};

/* ---- as a whole ---------------------------------------------------------------------------------- */

static const char *encoding_name(const struct entry *e)
{
    if (entry_was_edited(e)) {
        return "hashtable";
    }
    return entry_is_volatile(e) ? "listpackex" : "listpack";
}

static uint64_t walk(const struct entry *e, uint64_t cursor, size_t count, value_visit_fn *visit,
                     void *context)
{
    struct value value = entry_value(e);

    return hash_walk(&value, cursor, count, visit, context);
}

struct digest_context {
    uint64_t seed;
    uint64_t sum;
};

static void digest_field(void *context, const struct value_element *pair)
{
    struct digest_context *to = context;

    uint64_t h = hash_bytes(pair->value, hash_bytes(pair->name, to->seed + 1));

    if (pair->expire_at_ms != 0) {
        h = hash_bytes(bytes_make(&pair->expire_at_ms, sizeof(pair->expire_at_ms)), h);
    }
    to->sum += h;
}

/* A sum: the order of fields does not matter. */
static uint64_t digest(const struct entry *e, uint64_t seed)
{
    struct digest_context to = {.seed = seed};
    uint64_t cursor = 0;

    do {
        cursor = walk(e, cursor, SIZE_MAX, digest_field, &to);
    } while (cursor != 0);
    return hash_bytes(bytes_make(&to.sum, sizeof(to.sum)), seed);
}

/* ---- writing ------------------------------------------------------------------------------------- */

static void encode_one(const struct member *m, struct buf *out)
{
    value_encode_string(out, member_name(m));
    value_encode_string(out, member_value(m));
}

struct encode_context {
    struct buf *out;
    int64_t base_ms; /* 0: no field expires */
};

static void encode_field(void *context, const struct value_element *field)
{
    const struct encode_context *to = context;

    if (UNLIKELY(to->base_ms != 0)) {
        value_encode_field_expiry(to->out, field->expire_at_ms, to->base_ms);
    }
    value_encode_string(to->out, field->name);
    value_encode_string(to->out, field->value);
}

/* Behind the number of fields the cursor is a position and one. */
static uint64_t encode(const struct entry *e, uint64_t cursor, size_t max_bytes, struct buf *out)
{
    struct value value = entry_value(e);
    struct encode_context to = {out, value.is_volatile ? hash_next_expiry_ms(&value) : 0};
    size_t start = out->len;
    uint64_t position = cursor > 0 ? cursor - 1 : 0;

    if (cursor == 0) {
        if (value.is_volatile) {
            encode_u64_le(out, (uint64_t)to.base_ms);
        }
        value_encode_len(out, hash_count(&value));
    }
    do {
        position = hash_walk(&value, position, ENCODE_STEP, encode_field, &to);
    } while (position != 0 && out->len - start < max_bytes);
    return position == 0 ? 0 : position + 1;
}

/* ---- reading ------------------------------------------------------------------------------------- */

/* A field was read. */
static bool take_field(struct value_reader *r, const struct value_element *field,
                       struct errmsg *error)
{
    if (field->expire_at_ms > HASH_EXPIRY_MAX) {
        errmsg_set(error, "a field of a hash expires too late");
        return false;
    }
    if (!hash_put(&r->draft, field)) {
        errmsg_set(error, "a hash has a field twice");
        return false;
    }
    return true;
}

static bool take_elements(struct value_reader *r, struct foreign *f, struct errmsg *error)
{
    char scratch[2 * PACKED_SCRATCH];
    struct packed_item name;
    struct packed_item value;
    struct packed_item expiry = packed_item_integer(0);
    bool has_expiry = r->rdb_type == RDB_TYPE_HASH_VOLATILE_LISTPACK;
    bool is_there = foreign_next(f, &name) && foreign_next(f, &value) &&
                    (!has_expiry || foreign_next(f, &expiry));

    ASSERT(is_there);
    if (!expiry.is_integer || expiry.integer < 0) {
        errmsg_set(error, "the expiry of a field of a hash is no time");
        return false;
    }
    return take_field(r,
                      &(struct value_element){
                          .name = packed_item_text(&name, scratch),
                          .value = packed_item_text(&value, scratch + PACKED_SCRATCH),
                          .expire_at_ms = expiry.integer,
                      },
                      error);
}

/* Eight bytes. */
static enum value_codec_status decode_time(struct decoder *d, int64_t *out, uint64_t *needed)
{
    *needed = (uint64_t)d->at + sizeof(uint64_t);
    if (decoder_left(d) < sizeof(uint64_t)) {
        return VALUE_CODEC_MORE;
    }
    *out = (int64_t)decode_u64_le(d);
    return VALUE_CODEC_OK;
}

/* How far behind the base the field expires, and one; or 0. */
static enum value_codec_status decode_distance(struct value_reader *r, struct decoder *d,
                                               uint64_t *needed, struct errmsg *error)
{
    uint64_t distance;
    bool is_encoding;
    enum value_codec_status status = value_decode_len(d, &distance, &is_encoding);

    *needed = (uint64_t)d->in.len + 1;
    if (status == VALUE_CODEC_MORE) {
        return status;
    }
    if (status == VALUE_CODEC_ERROR || is_encoding || distance > (uint64_t)HASH_EXPIRY_MAX) {
        errmsg_set(error, "the expiry of a field of a hash is no time");
        return VALUE_CODEC_ERROR;
    }
    r->expire_at_ms = distance == 0 ? 0 : r->base_ms + (int64_t)distance - 1;
    if (distance != 0 && r->expire_at_ms == 0) {
        r->expire_at_ms = 1;
    }
    return VALUE_CODEC_OK;
}

/* The base of times, at the start of two of the forms. */
static enum value_codec_status decode_base(struct value_reader *r, struct decoder *d,
                                           uint64_t *needed, struct errmsg *error)
{
    enum value_codec_status status = decode_time(d, &r->base_ms, needed);

    if (status == VALUE_CODEC_OK && (r->base_ms < 0 || r->base_ms > HASH_EXPIRY_MAX)) {
        errmsg_set(error, "the first expiry of the fields of a hash is no time");
        return VALUE_CODEC_ERROR;
    }
    return status;
}

static enum value_codec_status decode_string(struct value_reader *r, struct decoder *d,
                                             uint64_t *needed, struct errmsg *error)
{
    struct buf *text = r->step == STEP_FIELD ? &r->text2 : &r->text;

    buf_clear(text);
    return value_decode_string(d, r->max_bytes, text, needed, error);
}

/* All of a field is there. */
static enum value_codec_status end_field(struct value_reader *r, struct errmsg *error)
{
    const struct value_element field = {.name = buf_bytes(&r->text2),
                                        .value = buf_bytes(&r->text),
                                        .expire_at_ms = r->expire_at_ms};

    r->is_done = --r->left == 0;
    return take_field(r, &field, error) ? VALUE_CODEC_OK : VALUE_CODEC_ERROR;
}

static unsigned first_step(const struct value_reader *r)
{
    return r->rdb_type == RDB_TYPE_HASH_VOLATILE ? STEP_EXPIRY : STEP_FIELD;
}

/* Behind its value a field has ended, or its time comes: -1 for never, and 0 for the past. */
static enum value_codec_status end_value(struct value_reader *r, struct errmsg *error)
{
    if (r->rdb_type == RDB_TYPE_HASH_TIMES) {
        r->step = STEP_TIME;
        return VALUE_CODEC_OK;
    }
    r->step = first_step(r);
    return end_field(r, error);
}

static enum value_codec_status end_time(struct value_reader *r, int64_t time, struct errmsg *error)
{
    r->expire_at_ms = time > 0 ? time : time == -1 ? 0 : 1;
    r->step = first_step(r);
    return end_field(r, error);
}

static enum value_codec_status decode_step(struct value_reader *r, struct decoder *d,
                                           uint64_t *needed, struct errmsg *error)
{
    enum value_codec_status status;
    int64_t time;

    switch (r->step) {
    case STEP_BEGIN:
        status = decode_base(r, d, needed, error);
        r->step = status == VALUE_CODEC_OK ? STEP_COUNT : STEP_BEGIN;
        return status;
    case STEP_COUNT:
        status = value_decode_count(d, "a hash", &r->left, needed, error);
        r->step = status == VALUE_CODEC_OK ? first_step(r) : STEP_COUNT;
        return status;
    case STEP_EXPIRY:
        status = decode_distance(r, d, needed, error);
        r->step = status == VALUE_CODEC_OK ? STEP_FIELD : STEP_EXPIRY;
        return status;
    case STEP_FIELD:
        status = decode_string(r, d, needed, error);
        r->step = status == VALUE_CODEC_OK ? STEP_VALUE : STEP_FIELD;
        return status;
    case STEP_VALUE:
        status = decode_string(r, d, needed, error);
        return status == VALUE_CODEC_OK ? end_value(r, error) : status;
    default:
        ASSERT(r->step == STEP_TIME);
        status = decode_time(d, &time, needed);
        return status == VALUE_CODEC_OK ? end_time(r, time, error) : status;
    }
}

static enum value_codec_status decode(struct value_reader *r, struct decoder *d, uint64_t *needed,
                                      struct errmsg *error)
{
    switch (r->rdb_type) {
    case RDB_TYPE_HASH:
    case RDB_TYPE_HASH_TIMES:
        r->step = r->step == STEP_BEGIN ? STEP_COUNT : r->step;
        return decode_step(r, d, needed, error);
    case RDB_TYPE_HASH_VOLATILE:
        return decode_step(r, d, needed, error);
    case RDB_TYPE_HASH_VOLATILE_LISTPACK:
        if (r->step == STEP_BEGIN) {
            return decode_step(r, d, needed, error);
        }
        return value_decode_compact(r, d, take_elements, needed, error);
    default:
        return value_decode_compact(r, d, take_elements, needed, error);
    }
}

const struct value_ops value_hash = {
    .rdb_types_read = 1U << RDB_TYPE_HASH | 1U << RDB_TYPE_HASH_ZIPMAP |
                      1U << RDB_TYPE_HASH_ZIPLIST | 1U << RDB_TYPE_HASH_LISTPACK |
                      1U << RDB_TYPE_HASH_TIMES | 1U << RDB_TYPE_HASH_VOLATILE |
                      1U << RDB_TYPE_HASH_VOLATILE_LISTPACK,
    .check_packed = hash_packed_check,
    .bytes = members_value_bytes,
    .spare_bytes = members_value_spare_bytes,
    .check = members_value_check,
    .copy = members_value_copy,
    .free_cost = members_value_free_cost,
    .free = members_value_free,
    .image = &members_image_ops,
    .members = members_value_members,
    .encode_member = encode_one,
    .next_expiry_ms = hash_next_expiry_ms,
    .encoding_name = encoding_name,
    .digest = digest,
    .walk = walk,
    .encode = encode,
    .decode = decode,
};
