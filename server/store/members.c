/* SPDX-License-Identifier: MIT */
#include "store/members.h"

#include "base/assert.h"
#include "base/hash.h"
#include "base/mem.h"

enum {
    POSITION_SHIFT = 16, /* positions have 48 bits, hashes 64 */
    SAMPLE_PART = 3,     /* from this part of all on, a sample is chosen in one go over all */
    SAMPLE_TABLE_MIN = 16,
    SKIPS_PER_LOOK = 64, /* shards that are skipped cost this part of a look at a member */
};

#define SAMPLE_ODD UINT64_C(0x9e3779b97f4a7c15)

static uint64_t hash_of(const struct members *members, struct bytes name)
{
    return hash_bytes(name, members->space->members.hash_seed);
}

static struct member *at_ref(const struct members *members, uint64_t ref)
{
    return slab_at(&members->space->members.slab, ref);
}

static bool find_place(const struct members *members, struct bytes name, uint64_t hash,
                       struct table_place *out)
{
    return table_find_member(&members->space->members, &members->table, hash, name, out);
}

struct member *members_find(const struct members *members, struct bytes name)
{
    struct table_place place;

    return find_place(members, name, hash_of(members, name), &place) ? at_ref(members, place.ref)
                                                                     : NULL;
}

/* ---- changes ----------------------------------------------------------------------------------- */

/* Take over what the plan says into an object of its own. */
static uint64_t new_member(struct members *members, const struct member_plan *plan)
{
    struct table_shared *shared = &members->space->members;
    struct member_plan whole = *plan;
    uint64_t ref;

    whole.name_block = NULL;
    whole.value_block = NULL;
    if (plan->name.len > MEMBER_INLINE_MAX) {
        whole.name_block = block_new(plan->name, plan->name.len);
        members->table.large_bytes += block_bytes(whole.name_block);
    }
    if (plan->has_value && plan->value.len > MEMBER_INLINE_MAX) {
        whole.value_block = block_new(plan->value, plan->value.len);
        members->table.large_bytes += block_bytes(whole.value_block);
    }
    ref = slab_alloc(&shared->slab, SLAB_ENTRIES, member_plan_bytes(&whole));
    member_write(at_ref(members, ref), &whole);
    members->table.entry_bytes += slab_object_size(&shared->slab, ref);
    return ref;
}

static void free_block(struct members *members, struct block *block)
{
    if (block != NULL) {
        members->table.large_bytes -= block_bytes(block);
        block_release(block);
    }
}

static void free_member(struct members *members, uint64_t ref)
{
    struct table_shared *shared = &members->space->members;
    const struct member *m = at_ref(members, ref);

    free_block(members, member_name_block(m));
    free_block(members, member_value_block(m));
    members->table.entry_bytes -= slab_object_size(&shared->slab, ref);
    slab_free(&shared->slab, ref);
}

/* Another value where it takes memory of the same size and lies in the object: the usual change. */
static bool rewrite(struct members *members, uint64_t ref, const struct member_plan *plan)
{
    struct member *m = at_ref(members, ref);

    if ((m->flags & (MEMBER_NAME_OUT | MEMBER_VALUE_OUT)) != 0 ||
        (plan->has_value && plan->value.len > MEMBER_INLINE_MAX) ||
        slab_rounded_size(member_plan_bytes(plan)) !=
            slab_object_size(&members->space->members.slab, ref)) {
        return false;
    }
    member_write(m, plan);
    return true;
}

/* A member is about to get this expiry. */
static void note_due(struct members *members, int64_t expire_at_ms)
{
    if (UNLIKELY(expire_at_ms != EXPIRE_NEVER) && expire_at_ms < members_next_expiry_ms(members)) {
        members->due_ms = expire_at_ms;
    }
}

bool members_put(struct members *members, const struct member_plan *plan, struct member **out)
{
    struct table_shared *shared = &members->space->members;
    uint64_t hash = hash_of(members, plan->name);
    struct table_place place;
    uint64_t ref;

    if (!find_place(members, plan->name, hash, &place)) {
        ref = new_member(members, plan);
        note_due(members, plan->expire_at_ms);
        table_insert(shared, &members->table, hash, ref, plan->expire_at_ms);
        *out = at_ref(members, ref);
        return true;
    }
    table_before_change(shared, &members->table, &place);
    note_due(members, plan->expire_at_ms);
    table_note_expiry(&members->table, place.shard, table_expire_at_ms(shared, place.ref),
                      plan->expire_at_ms);
    ref = place.ref;
    if (!rewrite(members, place.ref, plan)) {
        ref = new_member(members, plan);
        table_put_ref(&place, ref);
        free_member(members, place.ref);
    }
    *out = at_ref(members, ref);
    return false;
}

bool members_set_expiry(struct members *members, struct bytes name, int64_t expire_at_ms)
{
    struct table_shared *shared = &members->space->members;
    struct table_place place;
    const struct member *m;
    struct member_plan plan;
    uint64_t ref;

    if (!find_place(members, name, hash_of(members, name), &place)) {
        return false;
    }
    table_before_change(shared, &members->table, &place);
    note_due(members, expire_at_ms);
    table_note_expiry(&members->table, place.shard, table_expire_at_ms(shared, place.ref),
                      expire_at_ms);
    m = at_ref(members, place.ref);
    plan = (struct member_plan){.name = member_name(m),
                                .value = member_value(m),
                                .has_value = (m->flags & MEMBER_HAS_VALUE) != 0,
                                .has_score = (m->flags & MEMBER_HAS_SCORE) != 0,
                                .expire_at_ms = expire_at_ms,
                                .name_block = member_name_block(m),
                                .value_block = member_value_block(m)};
    plan.score = plan.has_score ? member_score(m) : 0;
    /* The blocks go over to the new object. */
    ref = slab_alloc(&shared->slab, SLAB_ENTRIES, member_plan_bytes(&plan));
    member_write(at_ref(members, ref), &plan);
    members->table.entry_bytes += slab_object_size(&shared->slab, ref);
    members->table.entry_bytes -= slab_object_size(&shared->slab, place.ref);
    table_put_ref(&place, ref);
    slab_free(&shared->slab, place.ref);
    return true;
}

void members_before_change(struct members *members, struct bytes name)
{
    struct table_place place;

    if (members->space->members.listeners != 0 &&
        find_place(members, name, hash_of(members, name), &place)) {
        table_before_change(&members->space->members, &members->table, &place);
    }
}

bool members_remove(struct members *members, struct bytes name)
{
    struct table_shared *shared = &members->space->members;
    uint64_t hash = hash_of(members, name);
    struct table_place place;
    int64_t expiry;

    if (!find_place(members, name, hash, &place)) {
        return false;
    }
    table_before_change(shared, &members->table, &place);
    expiry = table_expire_at_ms(shared, place.ref);
    free_member(members, place.ref);
    table_remove(shared, &members->table, hash, &place, expiry);
    return true;
}

/* ---- many -------------------------------------------------------------------------------------- */

struct member *members_random(const struct members *members, struct rng *rng)
{
    ASSERT(members->table.count > 0);
    return at_ref(members, table_random(&members->table, rng));
}

struct member_visit {
    const struct members *members;
    members_visit_fn *visit;
    void *context;
};

static void visit_member(void *context, uint64_t ref)
{
    const struct member_visit *to = context;

    to->visit(to->context, at_ref(to->members, ref));
}

uint64_t members_scan(const struct members *members, uint64_t position, size_t count,
                      members_visit_fn *visit, void *context)
{
    struct member_visit to = {members, visit, context};

    if (position >> (64 - POSITION_SHIFT) != 0) {
        return 0;
    }
    return table_scan(&members->space->members, &members->table, position << POSITION_SHIFT, count,
                      visit_member, &to) >>
           POSITION_SHIFT;
}

/* ---- samples ------------------------------------------------------------------------------------- */

/* Choosing while all are looked at: each is taken with the odds of what is wanted to what is left. */
struct selection {
    const struct member_visit *to;
    struct rng *rng;
    uint64_t wanted;
    uint64_t left;
};

static void select_member(void *context, const struct member *m)
{
    struct selection *s = context;

    if (rng_below(s->rng, s->left) < s->wanted) {
        s->to->visit(s->to->context, m);
        s->wanted--;
    }
    s->left--;
}

/* Draw, and draw again what was drawn before: for counts that are a small part of all.  The drawn are
 * kept in a table of open addressing, half full at most. */
static void draw(const struct members *members, struct rng *rng, uint64_t count,
                 const struct member_visit *to)
{
    size_t size = SAMPLE_TABLE_MIN;
    uint64_t *drawn;

    while (size < 2 * count) {
        size *= 2;
    }
    drawn = mem_alloc_zeroed(MEM_STORE, size * sizeof(*drawn));
    while (count > 0) {
        uint64_t ref = table_random(&members->table, rng);
        size_t at = (size_t)hash_fold(ref, SAMPLE_ODD) & (size - 1);

        while (drawn[at] != 0 && drawn[at] != ref) {
            at = (at + 1) & (size - 1);
        }
        if (drawn[at] == 0) {
            drawn[at] = ref;
            to->visit(to->context, at_ref(members, ref));
            count--;
        }
    }
    mem_free(MEM_STORE, drawn);
}

void members_sample(const struct members *members, struct rng *rng, uint64_t count,
                    members_visit_fn *visit, void *context)
{
    struct member_visit to = {members, visit, context};
    struct selection selection = {&to, rng, count, members->table.count};

    if (count > members->table.count / SAMPLE_PART) {
        (void)members_scan(members, 0, SIZE_MAX, select_member, &selection);
    } else if (count > 0) {
        draw(members, rng, count, &to);
    }
}

/* ---- expiry ------------------------------------------------------------------------------------ */

static int64_t earliest_in(const struct members *members, const struct shard *shard)
{
    int64_t earliest = INT64_MAX;

    for (uint32_t b = 0; b < shard->bucket_count; b++) {
        for (unsigned i = 0; i < BUCKET_PLACES; i++) {
            uint64_t ref = bucket_ref(shard_bucket(shard, b), i);
            int64_t expiry =
                ref == 0 ? EXPIRE_NEVER : table_expire_at_ms(&members->space->members, ref);

            earliest = expiry != EXPIRE_NEVER && expiry < earliest ? expiry : earliest;
        }
    }
    return earliest;
}

static size_t find_expired_in(const struct members *members, struct shard *shard, int64_t now_ms,
                              size_t max, const struct member_visit *to)
{
    int64_t earliest = INT64_MAX;
    size_t found = 0;

    for (uint32_t b = 0; b < shard->bucket_count; b++) {
        for (unsigned i = 0; i < BUCKET_PLACES; i++) {
            uint64_t ref = bucket_ref(shard_bucket(shard, b), i);
            int64_t expiry =
                ref == 0 ? EXPIRE_NEVER : table_expire_at_ms(&members->space->members, ref);

            if (expiry == EXPIRE_NEVER) {
                continue;
            }
            earliest = expiry < earliest ? expiry : earliest;
            if (expiry <= now_ms && found < max) {
                to->visit(to->context, at_ref(members, ref));
                found++;
            }
        }
    }
    shard->next_expiry_ms = earliest;
    return found;
}

size_t members_find_expired(struct members *members, int64_t now_ms, size_t budget, size_t max,
                            members_visit_fn *visit, void *context)
{
    struct member_visit to = {members, visit, context};
    struct table_span span;
    uint64_t position = 0;
    int64_t earliest = INT64_MAX;
    size_t found = 0;
    size_t looked = 0;
    size_t skipped = 0;

    while (members->table.volatile_count > 0 && table_span_at(&members->table, position, &span)) {
        if (found == max || looked + skipped / SKIPS_PER_LOOK >= budget) {
            return found;
        }
        skipped++;
        if (span.shard->next_expiry_ms <= now_ms) {
            looked += span.shard->count;
            found += find_expired_in(members, span.shard, now_ms, max - found, &to);
        }
        if (span.shard->next_expiry_ms < earliest) {
            earliest = span.shard->next_expiry_ms;
        }
        position = span.next;
        if (position == 0) {
            members->due_ms = earliest;
            break;
        }
    }
    return found;
}

/* ---- memory ------------------------------------------------------------------------------------ */

size_t members_bytes(const struct members *members)
{
    const struct table *table = &members->table;

    return (size_t)(table->entry_bytes + table->large_bytes + table->bucket_count * BUCKET_BYTES +
                    table->shard_count * sizeof(struct shard));
}

/* False when the budget is spent.  The bucket itself goes with the table. */
static bool free_bucket(struct members *members, struct bucket *bucket, size_t *budget)
{
    for (unsigned i = 0; i < BUCKET_PLACES; i++) {
        uint64_t ref = bucket_ref(bucket, i);

        if (ref != 0) {
            free_member(members, ref);
            bucket_put_ref(bucket, i, 0);
            members->table.count--;
            *budget -= *budget > 0 ? 1 : 0;
        }
    }
    return *budget > 0;
}

bool members_free(struct members *members, size_t *budget)
{
    struct table_shared *shared = &members->space->members;
    struct table *table = &members->table;
    struct table_span span;

    /* sweep_position has no other use any more.  It goes round, from wherever it stood. */
    while (table->count > 0 && table_span_at(table, table->sweep_position, &span)) {
        for (uint32_t b = 0; b < span.shard->bucket_count; b++) {
            if (!free_bucket(members, shard_bucket(span.shard, b), budget)) {
                return false;
            }
        }
        table->sweep_position = span.next;
    }
    table_clear(shared, table);
    return true;
}

void members_check(const struct members *members)
{
    struct table_span span;
    uint64_t position = 0;

    table_check(&members->space->members, &members->table);
    while (members->table.volatile_count > 0 && table_span_at(&members->table, position, &span)) {
        ASSERT(span.shard->volatile_count == 0 ||
               members->due_ms <= earliest_in(members, span.shard));
        position = span.next;
        if (position == 0) {
            break;
        }
    }
}
