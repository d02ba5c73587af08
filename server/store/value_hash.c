/* SPDX-License-Identifier: MIT */
#include "store/value_hash.h"

#include "base/assert.h"
#include "base/hash.h"
#include "store/entry.h"
#include "store/hash_packed.h"
#include "store/members_value.h"

enum {
    RANDOM_DRAWS = 64, /* for a field that is seen, before all are looked at */
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

int64_t hash_next_expiry_ms(const struct value *hash)
{
    return hash->memory != NULL ? members_next_expiry_ms(members_of(hash))
                                : hash_packed_next_expiry_ms(hash->inlined);
}

/* Is there perhaps a field that is not seen? */
static bool hides(const struct value *hash)
{
    return UNLIKELY(hash->is_volatile) && hash->now_ms > 0 &&
           hash_next_expiry_ms(hash) <= hash->now_ms;
}

/* 0 for never. */
static int64_t expiry_of(const struct member *m)
{
    return LIKELY((m->flags & MEMBER_HAS_EXPIRY) == 0) ? 0 : member_expire_at_ms(m);
}

static bool is_hidden(int64_t expire_at_ms, int64_t now_ms)
{
    return UNLIKELY(expire_at_ms != 0) && expire_at_ms <= now_ms;
}

bool hash_find(const struct value *hash, struct bytes field, struct hash_found *out)
{
    const uint8_t *at;
    struct packed_item value;

    out->block = NULL;
    if (hash->memory != NULL) {
        const struct member *m = members_find(members_of(hash), field);

        if (m == NULL) {
            return false;
        }
        out->value = member_value(m);
        out->block = member_value_block(m);
        out->expire_at_ms = expiry_of(m);
        return !is_hidden(out->expire_at_ms, hash->now_ms);
    }
    at = hash_packed_find(hash->inlined, field);
    if (at == NULL) {
        return false;
    }
    at = packed_next(at);
    (void)packed_read(at, &value);
    out->value = packed_item_text(&value, out->scratch);
    out->expire_at_ms = hash_packed_expiry(hash->inlined, at);
    return !is_hidden(out->expire_at_ms, hash->now_ms);
}

/* ---- many ----------------------------------------------------------------------------------------- */

struct walk_context {
    value_visit_fn *visit;
    void *context;
    int64_t now_ms;
};

static struct value_element element_of(const struct member *m)
{
    return (struct value_element){
        .name = member_name(m), .value = member_value(m), .expire_at_ms = expiry_of(m)};
}

static void visit_member(void *context, const struct member *m)
{
    const struct walk_context *to = context;
    struct value_element field = element_of(m);

    if (!is_hidden(field.expire_at_ms, to->now_ms)) {
        to->visit(to->context, &field);
    }
}

static void walk_packed(const struct value *hash, value_visit_fn *visit, void *context)
{
    const uint8_t *at = packed_begin(hash->inlined);

    while (at < packed_end(hash->inlined)) {
        char scratch[2 * PACKED_SCRATCH];
        struct value_element field = {0};

        at = hash_packed_read(hash->inlined, at, scratch, &field);
        if (!is_hidden(field.expire_at_ms, hash->now_ms)) {
            visit(context, &field);
        }
    }
}

uint64_t hash_walk(const struct value *hash, uint64_t cursor, size_t count, value_visit_fn *visit,
                   void *context)
{
    struct walk_context to = {visit, context, hash->now_ms};

    if (hash->memory != NULL) {
        return members_scan(members_of(hash), cursor, count, visit_member, &to);
    }
    walk_packed(hash, visit, context);
    return 0;
}

static void walk_all(const struct value *hash, value_visit_fn *visit, void *context)
{
    uint64_t cursor = 0;

    do {
        cursor = hash_walk(hash, cursor, SIZE_MAX, visit, context);
    } while (cursor != 0);
}

static void count_field(void *context, const struct value_element *field)
{
    (void)field;
    ++*(uint64_t *)context;
}

uint64_t hash_seen_count(const struct value *hash)
{
    uint64_t count = 0;

    if (!hides(hash)) {
        return hash_count(hash);
    }
    walk_all(hash, count_field, &count);
    return count;
}

/* A choice of wanted out of those that are seen, left of which are still to come: each is taken with the
 * odds of what is wanted to what is left. */
struct choice {
    struct rng *rng;
    uint64_t wanted;
    uint64_t left;
    value_visit_fn *visit;
    void *context;
};

static void choose(void *context, const struct value_element *field)
{
    struct choice *choice = context;

    if (choice->wanted > 0 &&
        (choice->wanted >= choice->left || rng_below(choice->rng, choice->left) < choice->wanted)) {
        choice->visit(choice->context, field);
        choice->wanted--;
    }
    choice->left--;
}

void hash_sample(const struct value *hash, struct rng *rng, uint64_t count, value_visit_fn *visit,
                 void *context)
{
    struct walk_context to = {visit, context, 0};
    struct choice choice = {rng, count, 0, visit, context};

    if (hash->memory != NULL && !hides(hash)) {
        members_sample(members_of(hash), rng, count, visit_member, &to);
    } else {
        choice.left = hash_seen_count(hash);
        walk_all(hash, choose, &choice);
    }
}

struct copied_field {
    struct value_element *out;
    char *scratch;
};

/* Texts of integers are in the scratch of a walk. */
static void copy_field(void *context, const struct value_element *field)
{
    const struct copied_field *to = context;

    *to->out = *field;
    if (field->name.len < PACKED_SCRATCH) {
        memcpy(to->scratch, field->name.data, field->name.len);
        to->out->name.data = to->scratch;
    }
    if (field->value.len < PACKED_SCRATCH) {
        memcpy(to->scratch + PACKED_SCRATCH, field->value.data, field->value.len);
        to->out->value.data = to->scratch + PACKED_SCRATCH;
    }
}

bool hash_random(const struct value *hash, struct rng *rng, char *scratch,
                 struct value_element *out)
{
    struct copied_field to = {out, scratch};
    struct bytes packed = hash->inlined;

    if (hash_count(hash) == 0) {
        return false;
    }
    for (unsigned i = 0; i < RANDOM_DRAWS; i++) {
        if (hash->memory != NULL) {
            *out = element_of(members_random(members_of(hash), rng));
        } else {
            uint64_t nth = rng_below(rng, packed_count(packed));

            (void)hash_packed_read(
                packed, packed_skip(packed_begin(packed), hash_packed_width(packed) * nth), scratch,
                out);
        }
        if (!is_hidden(out->expire_at_ms, hash->now_ms)) {
            return true;
        }
    }
    if (hash_seen_count(hash) == 0) {
        return false;
    }
    hash_sample(hash, rng, 1, copy_field, &to);
    return true;
}

/* ---- changing ------------------------------------------------------------------------------------ */

/* True when it is new. */
static bool put_member(struct members *members, const struct value_element *field, int64_t now_ms)
{
    const struct member_plan plan = {.name = field->name,
                                     .value = field->value,
                                     .has_value = true,
                                     .expire_at_ms = field->expire_at_ms != 0 ? field->expire_at_ms
                                                                              : EXPIRE_NEVER};
    struct member *m;
    bool was_hidden = false;

    if (UNLIKELY(members_volatile_count(members) > 0)) {
        m = members_find(members, field->name);
        was_hidden = m != NULL && is_hidden(expiry_of(m), now_ms);
    }
    return members_put(members, &plan, &m) || was_hidden;
}

static void put_field(void *context, const struct value_element *field)
{
    (void)put_member(context, field, 0);
}

/* From packed to members. */
static struct members *unpack(struct value_draft *draft)
{
    struct members *hash = members_value_new(draft->space);
    const struct value packed = {.type = VALUE_HASH, .inlined = buf_bytes(draft->packed)};

    walk_packed(&packed, put_field, hash);
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

/* The same for a packed one; false when there is no room. */
static bool put_packed(struct value_draft *draft, const struct value_element *field, bool *is_new)
{
    struct bytes packed = buf_bytes(draft->packed);
    unsigned count = packed_count(packed);
    bool was_hidden = false;

    if (UNLIKELY(packed_mark(packed) == HASH_MARK_EXPIRIES)) {
        const uint8_t *at = hash_packed_find(packed, field->name);

        was_hidden =
            at != NULL && is_hidden(hash_packed_expiry(packed, packed_next(at)), draft->now_ms);
    }
    if (!hash_packed_set(draft->packed, field)) {
        return false;
    }
    *is_new = packed_count(buf_bytes(draft->packed)) != count || was_hidden;
    return true;
}

bool hash_put(struct value_draft *draft, const struct value_element *field)
{
    bool is_new;
    struct value now;

    ASSERT(field->expire_at_ms >= 0 && field->expire_at_ms <= HASH_EXPIRY_MAX);
    draft->is_changed = true;
    if (UNLIKELY(field->expire_at_ms != 0)) {
        draft->is_volatile = true;
    }
    if (draft->memory != NULL) {
        is_new = put_member(draft->memory, field, draft->now_ms);
    } else if (!put_packed(draft, field, &is_new)) {
        is_new = put_member(unpack(draft), field, draft->now_ms);
    }
    now = value_draft_view(draft);
    note_size(draft, hash_count(&now), field->name.len, field->value.len);
    return is_new;
}

bool hash_set(struct value_draft *draft, struct bytes field, struct bytes value)
{
    return hash_put(draft, &(struct value_element){.name = field, .value = value});
}

void hash_set_expiry(struct value_draft *draft, struct bytes field, int64_t expire_at_ms)
{
    ASSERT(expire_at_ms >= 0 && expire_at_ms <= HASH_EXPIRY_MAX);
    draft->is_changed = true;
    draft->is_volatile = draft->is_volatile || expire_at_ms != 0;
    if (draft->memory == NULL && hash_packed_set_expiry(draft->packed, field, expire_at_ms)) {
        return;
    }
    if (draft->memory == NULL) {
        (void)unpack(draft);
    }
    ASSERT(
        members_set_expiry(draft->memory, field, expire_at_ms != 0 ? expire_at_ms : EXPIRE_NEVER));
}

bool hash_remove(struct value_draft *draft, struct bytes field)
{
    struct members *hash = draft->memory;

    if (hash == NULL) {
        if (!hash_packed_remove(draft->packed, field)) {
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

/* ---- what has expired ------------------------------------------------------------------------------ */

size_t hash_find_expired(struct value_draft *draft, int64_t now_ms, struct hash_search search,
                         value_visit_fn *visit, void *context)
{
    struct walk_context to = {visit, context, 0};
    struct bytes packed = buf_bytes(draft->packed);
    const uint8_t *at = packed_begin(packed);
    size_t found = 0;

    if (draft->memory != NULL) {
        return members_find_expired(draft->memory, now_ms, search.budget, search.max, visit_member,
                                    &to);
    }
    while (packed_mark(packed) == HASH_MARK_EXPIRIES && at < packed_end(packed) &&
           found < search.max) {
        char scratch[2 * PACKED_SCRATCH];
        struct value_element field = {0};

        at = hash_packed_read(packed, at, scratch, &field);
        if (is_hidden(field.expire_at_ms, now_ms)) {
            visit(context, &field);
            found++;
        }
    }
    return found;
}
