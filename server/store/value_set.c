/* SPDX-License-Identifier: MIT */
#include "store/value_set.h"

#include "base/assert.h"
#include "base/hash.h"
#include "store/entry.h"
#include "store/members_image.h"
#include "store/members_value.h"
#include "store/set_integers.h"
#include "store/value_compact.h"

enum {
    STEP_COUNT = 0, /* of the serialized form: how many there are, */
    STEP_MEMBER,    /* and each of them */
    ENCODE_STEP = 64,
};

static const struct members *members_of(const struct value *set)
{
    return set->memory;
}

static bool is_integers(struct bytes packed)
{
    return packed_mark(packed) == SET_MARK_INTEGERS;
}

/* ---- looking ------------------------------------------------------------------------------------- */

uint64_t set_count(const struct value *set)
{
    return set->memory != NULL ? members_count(members_of(set)) : packed_count(set->inlined);
}

static bool has_packed(struct bytes packed, const struct packed_item *item)
{
    size_t index;

    if (is_integers(packed)) {
        return item->is_integer && integers_find(packed, item->integer, &index);
    }
    return packed_find(packed_begin(packed), packed_end(packed), item, 1) != NULL;
}

bool set_has(const struct value *set, struct bytes member)
{
    struct packed_item item;

    if (set->memory != NULL) {
        return members_find(members_of(set), member) != NULL;
    }
    item = packed_item(member);
    return has_packed(set->inlined, &item);
}

static struct bytes integer_text(struct bytes packed, size_t index, char *scratch)
{
    return bytes_make(scratch, num_format_i64(scratch, integers_at(packed, index)));
}

struct bytes set_random(const struct value *set, struct rng *rng, char *scratch)
{
    struct packed_item item;
    uint64_t index;

    if (set->memory != NULL) {
        return member_name(members_random(members_of(set), rng));
    }
    index = rng_below(rng, packed_count(set->inlined));
    if (is_integers(set->inlined)) {
        return integer_text(set->inlined, index, scratch);
    }
    (void)packed_read(packed_skip(packed_begin(set->inlined), index), &item);
    return packed_item_text(&item, scratch);
}

/* Visit wanted members of a small set: each with the odds of what is wanted to what is left; all without
 * rng. */
static void sample_packed(struct bytes packed, struct rng *rng, uint64_t wanted,
                          set_visit_fn *visit, void *context)
{
    const uint8_t *at = packed_begin(packed);
    unsigned count = packed_count(packed);

    for (unsigned i = 0; i < count && wanted > 0; i++) {
        char scratch[PACKED_SCRATCH];
        struct bytes member;

        if (is_integers(packed)) {
            member = integer_text(packed, i, scratch);
        } else {
            struct packed_item item;

            at = packed_read(at, &item);
            member = packed_item_text(&item, scratch);
        }
        if (rng == NULL || wanted >= count - i || rng_below(rng, count - i) < wanted) {
            visit(context, member);
            wanted--;
        }
    }
}

struct member_visit {
    set_visit_fn *visit;
    void *context;
};

static void visit_member(void *context, const struct member *m)
{
    const struct member_visit *to = context;

    to->visit(to->context, member_name(m));
}

void set_sample(const struct value *set, struct rng *rng, uint64_t count, set_visit_fn *visit,
                void *context)
{
    struct member_visit to = {visit, context};

    if (set->memory != NULL) {
        members_sample(members_of(set), rng, count, visit_member, &to);
    } else {
        sample_packed(set->inlined, rng, count, visit, context);
    }
}

uint64_t set_scan(const struct value *set, uint64_t cursor, size_t count, set_visit_fn *visit,
                  void *context)
{
    struct member_visit to = {visit, context};

    if (set->memory != NULL) {
        return members_scan(members_of(set), cursor, count, visit_member, &to);
    }
    sample_packed(set->inlined, NULL, UINT64_MAX, visit, context);
    return 0;
}

/* ---- changing ------------------------------------------------------------------------------------ */

static bool put_member(struct members *members, struct bytes name)
{
    const struct member_plan plan = {.name = name, .expire_at_ms = EXPIRE_NEVER};
    struct member *m;

    return members_put(members, &plan, &m);
}

static void add_to_members(void *context, struct bytes member)
{
    (void)put_member(context, member);
}

static void add_to_packed(void *context, struct bytes member)
{
    struct packed_item item = packed_item(member);

    packed_append(context, &item);
}

/* From packed, of either kind, to members. */
static void unpack(struct value_draft *draft)
{
    struct members *set = members_value_new(draft->space);

    sample_packed(buf_bytes(draft->packed), NULL, UINT64_MAX, add_to_members, set);
    draft->memory = set;
    buf_clear(draft->packed);
}

/* From integers to packed elements, which the count allows. */
static void pack(struct buf *packed)
{
    unsigned count = packed_count(buf_bytes(packed));
    struct buf elements = {0};

    ASSERT(count <= SET_PACKED_MEMBERS);
    packed_put_head(&elements, count, SET_MARK_PACKED);
    sample_packed(buf_bytes(packed), NULL, UINT64_MAX, add_to_packed, &elements);
    buf_deinit(packed);
    *packed = elements;
}

/* What clients are told goes by the directives: a set that was once too large for its kind stays so. */
static void note_size(struct value_draft *draft, size_t len)
{
    const struct value_limits *limits = &draft->space->limits;
    struct value now = value_draft_view(draft);
    uint64_t count = set_count(&now);

    if (draft->memory == NULL && is_integers(now.inlined)) {
        draft->has_outgrown = draft->has_outgrown || count > limits->set_max_intset_entries;
    } else if (count > limits->set_max_listpack_entries || len > limits->set_max_listpack_value) {
        draft->has_outgrown = true;
    }
}

/* Add to a small set what is not in it; false when there is no room. */
static bool add_packed(struct value_draft *draft, const struct packed_item *item)
{
    struct buf *packed = draft->packed;
    unsigned count = packed_count(buf_bytes(packed));

    if (item->is_integer && (count == 0 || is_integers(buf_bytes(packed)))) {
        if (integers_size_with(buf_bytes(packed), item->integer) > VALUE_PACKED_MAX) {
            return false;
        }
        integers_add(packed, item->integer);
        return true;
    }
    if (count >= SET_PACKED_MEMBERS) {
        return false;
    }
    if (count > 0 && is_integers(buf_bytes(packed))) {
        pack(packed);
    }
    if (packed->len + PACKED_HEAD_BYTES + packed_size(item) > VALUE_PACKED_MAX) {
        return false;
    }
    packed_put_head(packed, count + 1, SET_MARK_PACKED);
    packed_append(packed, item);
    return true;
}

bool set_add(struct value_draft *draft, struct bytes member)
{
    struct members *set = draft->memory;

    if (set == NULL) {
        struct packed_item item = packed_item(member);

        if (has_packed(buf_bytes(draft->packed), &item)) {
            return false;
        }
        if (!add_packed(draft, &item)) {
            unpack(draft);
            set = draft->memory;
        }
    }
    if (set != NULL && !put_member(set, member)) {
        return false;
    }
    draft->is_changed = true;
    note_size(draft, member.len);
    return true;
}

static bool remove_packed(struct buf *packed, const struct packed_item *item)
{
    struct bytes view = buf_bytes(packed);
    unsigned count = packed_count(view);
    const uint8_t *at;
    size_t index;

    if (is_integers(view)) {
        if (!item->is_integer || !integers_find(view, item->integer, &index)) {
            return false;
        }
        integers_remove(packed, index);
        return true;
    }
    at = packed_find(packed_begin(view), packed_end(view), item, 1);
    if (at == NULL) {
        return false;
    }
    if (count == 1) {
        buf_clear(packed);
        return true;
    }
    packed_erase(packed, (size_t)(at - (const uint8_t *)view.data),
                 (size_t)(packed_next(at) - (const uint8_t *)view.data));
    packed_put_head(packed, count - 1, SET_MARK_PACKED);
    return true;
}

bool set_remove(struct value_draft *draft, struct bytes member)
{
    struct members *set = draft->memory;

    if (set == NULL) {
        struct packed_item item = packed_item(member);

        if (!remove_packed(draft->packed, &item)) {
            return false;
        }
    } else if (!members_remove(set, member)) {
        return false;
    } else if (members_count(set) == 0) {
        value_draft_clear(draft);
    }
    draft->is_changed = true;
    return true;
}

/* ---- memory -------------------------------------------------------------------------------------- */

static void check_packed(struct bytes packed)
{
    const uint8_t *at = packed_begin(packed);
    uint64_t count;
    bool is_canonical;
    bool is_sound;

    if (is_integers(packed)) {
        integers_check(packed);
        return;
    }
    is_sound = packed_check(bytes_from(packed, PACKED_HEAD_BYTES), &count, &is_canonical, NULL);
    ASSERT(is_sound && is_canonical && packed_mark(packed) == SET_MARK_PACKED);
    ASSERT(count == packed_count(packed) && count > 0 && count <= SET_PACKED_MEMBERS);
    while (at < packed_end(packed)) {
        struct packed_item member;

        at = packed_read(at, &member);
        ASSERT(packed_find(at, packed_end(packed), &member, 1) == NULL);
    }
}

static void encode_one(const struct member *m, struct buf *out)
{
    value_encode_string(out, member_name(m));
}

/* ---- as a whole ---------------------------------------------------------------------------------- */

static const char *encoding_name(const struct entry *e)
{
    struct value value = entry_value(e);

    if (value.has_outgrown) {
        return "hashtable";
    }
    return value.memory == NULL && is_integers(value.inlined) ? "intset" : "listpack";
}

struct walk_context {
    value_visit_fn *visit;
    void *context;
};

static void visit_element(void *context, struct bytes member)
{
    const struct walk_context *to = context;

    to->visit(to->context, &(struct value_element){.name = member});
}

static uint64_t walk(const struct entry *e, uint64_t cursor, size_t count, value_visit_fn *visit,
                     void *context)
{
    struct value value = entry_value(e);
    struct walk_context to = {visit, context};

    return set_scan(&value, cursor, count, visit_element, &to);
}

struct digest_context {
    uint64_t seed;
    uint64_t sum;
};

static void digest_member(void *context, struct bytes member)
{
    struct digest_context *to = context;

    to->sum += hash_bytes(member, to->seed + 1);
}

/* A sum: the order of members does not matter. */
static uint64_t digest(const struct entry *e, uint64_t seed)
{
    struct value value = entry_value(e);
    struct digest_context to = {.seed = seed};
    uint64_t cursor = 0;

    do {
        cursor = set_scan(&value, cursor, SIZE_MAX, digest_member, &to);
    } while (cursor != 0);
    return hash_bytes(bytes_make(&to.sum, sizeof(to.sum)), seed);
}

static void encode_member(void *context, struct bytes member)
{
    value_encode_string(context, member);
}

/* Behind the number of members the cursor is a position and one. */
static uint64_t encode(const struct entry *e, uint64_t cursor, size_t max_bytes, struct buf *out)
{
    struct value value = entry_value(e);
    size_t start = out->len;
    uint64_t position = cursor > 0 ? cursor - 1 : 0;

    if (cursor == 0) {
        value_encode_len(out, set_count(&value));
    }
    do {
        position = set_scan(&value, position, ENCODE_STEP, encode_member, out);
    } while (position != 0 && out->len - start < max_bytes);
    return position == 0 ? 0 : position + 1;
}

/* ---- reading ------------------------------------------------------------------------------------- */

static bool take_member(struct value_reader *r, struct foreign *f, struct errmsg *error)
{
    char scratch[PACKED_SCRATCH];
    struct packed_item member;

    if (!foreign_next(f, &member) || !set_add(&r->draft, packed_item_text(&member, scratch))) {
        errmsg_set(error, "a set has a member twice");
        return false;
    }
    return true;
}

static enum value_codec_status decode(struct value_reader *r, struct decoder *d, uint64_t *needed,
                                      struct errmsg *error)
{
    enum value_codec_status status;

    if (r->rdb_type != RDB_TYPE_SET) {
        return value_decode_compact(r, d, take_member, needed, error);
    }
    if (r->step == STEP_COUNT) {
        status = value_decode_count(d, "a set", &r->left, needed, error);
        r->step = status == VALUE_CODEC_OK ? STEP_MEMBER : STEP_COUNT;
        return status;
    }
    buf_clear(&r->text);
    status = value_decode_string(d, r->max_bytes, &r->text, needed, error);
    if (status != VALUE_CODEC_OK) {
        return status;
    }
    if (!set_add(&r->draft, buf_bytes(&r->text))) {
        errmsg_set(error, "a set has a member twice");
        return VALUE_CODEC_ERROR;
    }
    r->is_done = --r->left == 0;
    return status;
}

const struct value_ops value_set = {
    .rdb_types_read = 1U << RDB_TYPE_SET | 1U << RDB_TYPE_SET_INTSET | 1U << RDB_TYPE_SET_LISTPACK,
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
