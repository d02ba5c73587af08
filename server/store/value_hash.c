/* SPDX-License-Identifier: MIT */
#include "store/value_hash.h"

#include "base/assert.h"
#include "base/hash.h"
#include "store/entry.h"
#include "store/members_image.h"
#include "store/members_value.h"
#include "store/value_compact.h"

enum {
    PAIR = 2,
    STEP_COUNT = 0, /* of the serialized form: how many there are, */
    STEP_FIELD,
    STEP_VALUE,
    ENCODE_STEP = 64, /* fields between looks at how much was written */
};

static const struct members *members_of(const struct value *hash)
{
    return hash->memory;
}

/* ---- looking ------------------------------------------------------------------------------------- */

uint64_t hash_count(const struct value *hash)
{
    return hash->memory != NULL ? members_count(members_of(hash)) : packed_count(hash->inlined);
}

/* The place of the field's name, or NULL. */
static const uint8_t *find_packed(struct bytes packed, struct bytes field)
{
    struct packed_item item = packed_item(field);

    return packed_find(packed_begin(packed), packed_end(packed), &item, PAIR);
}

bool hash_find(const struct value *hash, struct bytes field, struct hash_found *out)
{
    const uint8_t *at;
    struct packed_item value;

    out->block = NULL;
    if (hash->memory != NULL) {
        const struct member *m = members_find(members_of(hash), field);

        if (m != NULL) {
            out->value = member_value(m);
            out->block = member_value_block(m);
        }
        return m != NULL;
    }
    at = find_packed(hash->inlined, field);
    if (at == NULL) {
        return false;
    }
    (void)packed_read(packed_next(at), &value);
    out->value = packed_item_text(&value, out->scratch);
    return true;
}

static const uint8_t *read_pair(const uint8_t *at, char *scratch, struct value_element *out)
{
    struct packed_item item;

    at = packed_read(at, &item);
    out->name = packed_item_text(&item, scratch);
    at = packed_read(at, &item);
    out->value = packed_item_text(&item, scratch + PACKED_SCRATCH);
    return at;
}

struct value_element hash_random(const struct value *hash, struct rng *rng, char *scratch)
{
    struct value_element element = {0};

    if (hash->memory != NULL) {
        const struct member *m = members_random(members_of(hash), rng);

        return (struct value_element){.name = member_name(m), .value = member_value(m)};
    }
    (void)read_pair(packed_skip(packed_begin(hash->inlined),
                                PAIR * rng_below(rng, packed_count(hash->inlined))),
                    scratch, &element);
    return element;
}

/* ---- many ----------------------------------------------------------------------------------------- */

struct walk_context {
    value_visit_fn *visit;
    void *context;
};

static void visit_member(void *context, const struct member *m)
{
    const struct walk_context *to = context;

    to->visit(to->context,
              &(struct value_element){.name = member_name(m), .value = member_value(m)});
}

/* Visit wanted fields of a small hash: each with the odds of what is wanted to what is left; all without
 * rng. */
static void sample_packed(struct bytes packed, struct rng *rng, uint64_t wanted,
                          value_visit_fn *visit, void *context)
{
    const uint8_t *at = packed_begin(packed);
    unsigned left = packed_count(packed);

    for (; left > 0 && wanted > 0; left--) {
        char scratch[2 * PACKED_SCRATCH];
        struct value_element pair = {0};

        at = read_pair(at, scratch, &pair);
        if (rng == NULL || wanted >= left || rng_below(rng, left) < wanted) {
            visit(context, &pair);
            wanted--;
        }
    }
}

void hash_sample(const struct value *hash, struct rng *rng, uint64_t count, value_visit_fn *visit,
                 void *context)
{
    struct walk_context to = {visit, context};

    if (hash->memory != NULL) {
        members_sample(members_of(hash), rng, count, visit_member, &to);
    } else {
        sample_packed(hash->inlined, rng, count, visit, context);
    }
}

uint64_t hash_walk(const struct value *hash, uint64_t cursor, size_t count, value_visit_fn *visit,
                   void *context)
{
    struct walk_context to = {visit, context};

    if (hash->memory != NULL) {
        return members_scan(members_of(hash), cursor, count, visit_member, &to);
    }
    sample_packed(hash->inlined, NULL, UINT64_MAX, visit, context);
    return 0;
}

/* ---- changing ------------------------------------------------------------------------------------ */

static bool put_member(struct members *members, struct bytes field, struct bytes value)
{
    const struct member_plan plan = {
        .name = field, .value = value, .has_value = true, .expire_at_ms = EXPIRE_NEVER};
    struct member *m;

    return members_put(members, &plan, &m);
}

/* From packed to members. */
static struct members *unpack(struct value_draft *draft)
{
    struct members *hash = members_value_new(draft->space);
    struct bytes packed = buf_bytes(draft->packed);
    const uint8_t *at = packed_begin(packed);

    while (at < packed_end(packed)) {
        char scratch[2 * PACKED_SCRATCH];
        struct value_element pair = {0};

        at = read_pair(at, scratch, &pair);
        (void)put_member(hash, pair.name, pair.value);
    }
    draft->memory = hash;
    buf_clear(draft->packed);
    return hash;
}

static void note_size(struct value_draft *draft, uint64_t count, size_t field_len, size_t value_len)
{
    const struct value_limits *limits = &draft->space->limits;

    if (count > limits->hash_max_listpack_entries || field_len > limits->hash_max_listpack_value ||
        value_len > limits->hash_max_listpack_value) {
        draft->has_outgrown = true;
    }
}

/* Set the field of a packed hash; false when it has no room for it. */
static bool set_packed(struct value_draft *draft, struct bytes field, struct bytes value,
                       bool *is_new)
{
    struct buf *packed = draft->packed;
    struct packed_item items[] = {packed_item(field), packed_item(value)};
    unsigned count = packed_count(buf_bytes(packed));
    const uint8_t *at = find_packed(buf_bytes(packed), field);
    size_t size = packed_size(&items[1]);

    *is_new = at == NULL;
    size += *is_new ? packed_size(&items[0]) + PACKED_HEAD_BYTES : 0;
    if (packed->len + size > VALUE_PACKED_MAX || (*is_new && count == HASH_PACKED_FIELDS)) {
        return false;
    }
    if (*is_new) {
        packed_put_head(packed, count + 1, 0);
        (void)packed_insert(packed, packed->len, items, PAIR);
    } else {
        size_t place = (size_t)(packed_next(at) - (const uint8_t *)packed->data);

        (void)packed_replace(packed, place, &items[1]);
    }
    return true;
}

bool hash_set(struct value_draft *draft, struct bytes field, struct bytes value)
{
    bool is_new;
    struct value now;

    draft->is_changed = true;
    if (draft->memory != NULL) {
        struct members *hash = draft->memory;

        is_new = put_member(hash, field, value);
    } else if (!set_packed(draft, field, value, &is_new)) {
        is_new = put_member(unpack(draft), field, value);
    }
    now = value_draft_view(draft);
    note_size(draft, hash_count(&now), field.len, value.len);
    return is_new;
}

static bool remove_packed(struct buf *packed, struct bytes field)
{
    unsigned count = packed_count(buf_bytes(packed));
    const uint8_t *at = find_packed(buf_bytes(packed), field);
    const uint8_t *start = (const uint8_t *)packed->data;

    if (at == NULL) {
        return false;
    }
    if (count == 1) {
        buf_clear(packed);
        return true;
    }
    packed_erase(packed, (size_t)(at - start), (size_t)(packed_skip(at, PAIR) - start));
    packed_put_head(packed, count - 1, 0);
    return true;
}

bool hash_remove(struct value_draft *draft, struct bytes field)
{
    struct members *hash = draft->memory;

    if (hash == NULL) {
        if (!remove_packed(draft->packed, field)) {
            return false;
        }
    } else if (!members_remove(hash, field)) {
        return false;
    } else if (members_count(hash) == 0) {
        value_draft_clear(draft);
    }
    draft->is_changed = true;
    return true;
}

/* ---- memory -------------------------------------------------------------------------------------- */

static void check_packed(struct bytes packed)
{
    struct bytes elements = bytes_from(packed, PACKED_HEAD_BYTES);
    const uint8_t *at = packed_begin(packed);
    uint64_t count;
    bool is_canonical;
    bool is_sound = packed_check(elements, &count, &is_canonical, NULL);

    ASSERT(is_sound && is_canonical && packed_mark(packed) == 0);
    ASSERT(count == PAIR * (uint64_t)packed_count(packed) && count > 0);
    ASSERT(packed_count(packed) <= HASH_PACKED_FIELDS);
    while (at < packed_end(packed)) {
        struct packed_item field;

        (void)packed_read(at, &field);
        at = packed_skip(at, PAIR);
        ASSERT(packed_find(at, packed_end(packed), &field, PAIR) == NULL);
    }
}

static void encode_one(const struct member *m, struct buf *out)
{
    value_encode_string(out, member_name(m));
    value_encode_string(out, member_value(m));
}

/* ---- as a whole ---------------------------------------------------------------------------------- */

static const char *encoding_name(const struct entry *e)
{
    return entry_was_edited(e) ? "hashtable" : "listpack";
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

    to->sum += hash_bytes(pair->value, hash_bytes(pair->name, to->seed + 1));
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

static void encode_pair(void *context, const struct value_element *pair)
{
    struct buf *out = context;

    value_encode_string(out, pair->name);
    value_encode_string(out, pair->value);
}

/* Behind the number of fields the cursor is a position and one. */
static uint64_t encode(const struct entry *e, uint64_t cursor, size_t max_bytes, struct buf *out)
{
    struct value value = entry_value(e);
    size_t start = out->len;
    uint64_t position = cursor > 0 ? cursor - 1 : 0;

    if (cursor == 0) {
        value_encode_len(out, hash_count(&value));
    }
    do {
        position = walk(e, position, ENCODE_STEP, encode_pair, out);
    } while (position != 0 && out->len - start < max_bytes);
    return position == 0 ? 0 : position + 1;
}

/* ---- reading ------------------------------------------------------------------------------------- */

static bool take_pair(struct value_reader *r, struct foreign *f, struct errmsg *error)
{
    char scratch[2 * PACKED_SCRATCH];
    struct packed_item field;
    struct packed_item value;

    if (!foreign_next(f, &field) || !foreign_next(f, &value) ||
        !hash_set(&r->draft, packed_item_text(&field, scratch),
                  packed_item_text(&value, scratch + PACKED_SCRATCH))) {
        errmsg_set(error, "a hash has a field twice");
        return false;
    }
    return true;
}

static enum value_codec_status decode(struct value_reader *r, struct decoder *d, uint64_t *needed,
                                      struct errmsg *error)
{
    struct buf *text = r->step == STEP_FIELD ? &r->text2 : &r->text;
    enum value_codec_status status;

    if (r->rdb_type != RDB_TYPE_HASH) {
        return value_decode_compact(r, d, take_pair, needed, error);
    }
    if (r->step == STEP_COUNT) {
        status = value_decode_count(d, "a hash", &r->left, needed, error);
        r->step = status == VALUE_CODEC_OK ? STEP_FIELD : STEP_COUNT;
        return status;
    }
    buf_clear(text);
    status = value_decode_string(d, r->max_bytes, text, needed, error);
    if (status != VALUE_CODEC_OK) {
        return status;
    }
    if (r->step == STEP_FIELD) {
        r->step = STEP_VALUE;
        return status;
    }
    r->step = STEP_FIELD;
    if (!hash_set(&r->draft, buf_bytes(&r->text2), buf_bytes(&r->text))) {
        errmsg_set(error, "a hash has a field twice");
        return VALUE_CODEC_ERROR;
    }
    r->is_done = --r->left == 0;
    return status;
}

const struct value_ops value_hash = {
    .rdb_types_read = 1U << RDB_TYPE_HASH | 1U << RDB_TYPE_HASH_ZIPMAP |
                      1U << RDB_TYPE_HASH_ZIPLIST | 1U << RDB_TYPE_HASH_LISTPACK,
    .check_packed = check_packed,
    .bytes = members_value_bytes,
    .spare_bytes = members_value_spare_bytes,
    .check = members_value_check,
    .copy = members_value_copy,
    .free_cost = members_value_free_cost,
    .free = members_value_free,
    .image = &members_image_ops,
    .members = members_value_members,
    .encode_member = encode_one,
    .encoding_name = encoding_name,
    .digest = digest,
    .walk = walk,
    .encode = encode,
    .decode = decode,
};
