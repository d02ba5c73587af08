/* SPDX-License-Identifier: MIT */
/* Finding, adding and removing references. */
#include "store/table.h"

#include "base/assert.h"
#include "base/hash.h"
#include "store/member.h"
#include "store/resize.h"
#include "store/walk_marks.h"

enum {
    PREFETCH_BYTES_MAX = 256, /* of an entry; the processor follows longer ones by itself */
    DEPTH_LIMIT = 63,         /* bits of a hash that may name a shard */
    RANDOM_PLACES = 1024,     /* places drawn for one reference, before walking to the next */
};

static bool key_is(const struct entry *e, struct bytes key)
{
    struct entry_layout layout;

    /* Nearly all keys are short and in the entry: the length is one byte at a known place. */
    if (LIKELY((e->flags & (ENTRY_KEY_WIDE | ENTRY_KEY_OUT)) == 0)) {
        const uint8_t *len = e->rest + entry_expiry_bytes(e->flags);

        return *len == key.len && bytes_same(len + 1 + entry_value_len_bytes(e), key.data, key.len);
    }
    layout = entry_layout(e);
    return layout.key_len == key.len && bytes_equal(entry_key_at(e, &layout), key);
}

static bool is_entry(const struct table_shared *shared, uint64_t ref, struct bytes key)
{
    return key_is(table_entry(shared, ref), key);
}

static bool is_member(const struct table_shared *shared, uint64_t ref, struct bytes name)
{
    return member_has_name(slab_at(&shared->slab, ref), name);
}

typedef bool is_fn(const struct table_shared *shared, uint64_t ref, struct bytes key);

/* Inlined for each: `is` is a call in none of them, and a lookup of an entry needs nothing of the place
 * but its reference. */
ALWAYS_INLINE static inline bool find(const struct table_shared *shared, const struct table *table,
                                      uint64_t hash, struct bytes key, is_fn *is,
                                      struct table_place *out)
{
    unsigned level;
    struct shard *shard;
    uint16_t tag;

    if (table->count == 0) {
        return false;
    }
    shard = table_shard(table, hash, &level);
    tag = table_tag(hash, level);
    for (uint32_t b = table_home(shard, tag); b < shard->bucket_count; b++) {
        const struct bucket *bucket = shard_bucket(shard, b);

        for (unsigned matches = bucket_match(bucket, tag); matches != 0; matches &= matches - 1) {
            unsigned place = (unsigned)__builtin_ctz(matches);
            uint64_t ref = bucket_ref(bucket, place);

            if (ref != 0 && is(shared, ref, key)) {
                *out = (struct table_place){shard, b, place, ref};
                return true;
            }
        }
        if (bucket_passed(bucket) == 0) {
            return false;
        }
    }
    return false;
}

bool table_find(const struct table_shared *shared, const struct table *table, uint64_t hash,
                struct bytes key, struct table_place *out)
{
    return find(shared, table, hash, key, is_entry, out);
}

bool table_find_member(const struct table_shared *shared, const struct table *table, uint64_t hash,
                       struct bytes name, struct table_place *out)
{
    return find(shared, table, hash, name, is_member, out);
}

struct entry *table_find_entry(const struct table_shared *shared, const struct table *table,
                               uint64_t hash, struct bytes key)
{
    struct table_place place;

    return find(shared, table, hash, key, is_entry, &place) ? table_entry(shared, place.ref) : NULL;
}

bool table_find_ref(const struct table *table, uint64_t hash, uint64_t ref, struct table_place *out)
{
    unsigned level;
    struct shard *shard;
    uint16_t tag;

    if (table->count == 0) {
        return false;
    }
    shard = table_shard(table, hash, &level);
    tag = table_tag(hash, level);
    for (uint32_t b = table_home(shard, tag); b < shard->bucket_count; b++) {
        const struct bucket *bucket = shard_bucket(shard, b);

        for (unsigned matches = bucket_match(bucket, tag); matches != 0; matches &= matches - 1) {
            unsigned place = (unsigned)__builtin_ctz(matches);

            if (bucket_ref(bucket, place) == ref) {
                *out = (struct table_place){shard, b, place, ref};
                return true;
            }
        }
        if (bucket_passed(bucket) == 0) {
            return false;
        }
    }
    return false;
}

struct entry *table_find_hash(const struct table_shared *shared, const struct table *table,
                              uint64_t hash)
{
    unsigned level;
    const struct shard *shard;
    uint16_t tag;

    if (table->count == 0) {
        return NULL;
    }
    shard = table_shard(table, hash, &level);
    tag = table_tag(hash, level);
    for (uint32_t b = table_home(shard, tag); b < shard->bucket_count; b++) {
        const struct bucket *bucket = shard_bucket(shard, b);

        for (unsigned matches = bucket_match(bucket, tag); matches != 0; matches &= matches - 1) {
            uint64_t ref = bucket_ref(bucket, (unsigned)__builtin_ctz(matches));

            if (ref != 0 && table_entry_hash(shared, ref) == hash) {
                return table_entry(shared, ref);
            }
        }
        if (bucket_passed(bucket) == 0) {
            return NULL;
        }
    }
    return NULL;
}

void table_prefetch_shard(const struct table *table, uint64_t hash)
{
    unsigned level;

    if (table->count > 0) {
        prefetch(table_shard(table, hash, &level));
    }
}

/* The bucket where the search for a hash begins, and the tag to look for; NULL: there is none. */
static const struct bucket *home_bucket(const struct table *table, uint64_t hash, uint16_t *tag)
{
    const struct shard *shard;
    unsigned level;

    if (table->count == 0) {
        return NULL;
    }
    shard = table_shard(table, hash, &level);
    if (shard->bucket_count == 0) {
        return NULL;
    }
    *tag = table_tag(hash, level);
    return shard_bucket(shard, table_home(shard, *tag));
}

void table_prefetch_bucket(const struct table *table, uint64_t hash)
{
    uint16_t tag;
    const struct bucket *bucket = home_bucket(table, hash, &tag);

    if (bucket != NULL) {
        prefetch(bucket);
    }
}

static void prefetch_object(const struct slab *slab, uint64_t ref)
{
    const char *object = slab_at(slab, ref);
    size_t size = slab_object_size(slab, ref);

    size = size < PREFETCH_BYTES_MAX ? size : PREFETCH_BYTES_MAX;
    for (size_t at = 0; at < size; at += BUCKET_BYTES) {
        prefetch(object + at);
    }
    prefetch(object + size - 1);
}

void table_prefetch_entry(const struct table_shared *shared, const struct table *table,
                          uint64_t hash)
{
    uint16_t tag;
    const struct bucket *bucket = home_bucket(table, hash, &tag);
    unsigned matches;

    if (bucket == NULL) {
        return;
    }
    matches = bucket_match(bucket, tag);
    if (matches != 0) {
        prefetch_object(&shared->slab, bucket_ref(bucket, (unsigned)__builtin_ctz(matches)));
    } else if (bucket_passed(bucket) > 0) {
        prefetch(bucket + 1);
    }
}

void table_note_expiry(struct table *table, struct shard *shard, int64_t old_ms, int64_t new_ms)
{
    if (old_ms != EXPIRE_NEVER) {
        ASSERT(shard->volatile_count > 0);
        shard->volatile_count--;
        table->volatile_count--;
    }
    if (new_ms != EXPIRE_NEVER) {
        shard->volatile_count++;
        table->volatile_count++;
        shard->next_expiry_ms = new_ms < shard->next_expiry_ms ? new_ms : shard->next_expiry_ms;
    }
    if (shard->volatile_count == 0) {
        shard->next_expiry_ms = INT64_MAX;
    }
}

/* Put the reference into the first bucket with room from its home on; false when none is left. */
static bool put_new(struct table_shared *shared, const struct table *table, struct shard *shard,
                    const struct table_item *item)
{
    uint16_t tag = (uint16_t)item->hash;
    uint32_t home = table_home(shard, tag);
    uint32_t b = home;
    unsigned place = BUCKET_PLACES;

    while (b < shard->bucket_count) {
        place = bucket_empty_place(shard_bucket(shard, b));
        if (place < BUCKET_PLACES) {
            break;
        }
        b++;
    }
    if (b == shard->bucket_count) {
        return false;
    }
    walk_before_change(shared, table, shard, b);
    shard_bucket(shard, b)->tags[place] = tag;
    bucket_put_ref(shard_bucket(shard, b), place, item->ref);
    while (home < b) {
        bucket_add_passed(shard_bucket(shard, home++));
    }
    return true;
}

void table_insert(struct table_shared *shared, struct table *table, uint64_t hash, uint64_t ref,
                  int64_t expire_at_ms)
{
    unsigned level;
    struct shard *shard;
    struct table_item item = {.ref = ref};

    if (table->shard_count == 0) {
        resize_open(shared, table);
    }
    shard = table_shard(table, hash, &level);
    item.hash = table_tag(hash, level);
    if (resize_is_crowded(shard) || !put_new(shared, table, shard, &item)) {
        resize_add(shared, table, shard, item);
    } else {
        shard->count++;
    }
    table->count++;
    table_note_expiry(table, shard, EXPIRE_NEVER, expire_at_ms);
    resize_after_insert(shared, table, hash);
}

void table_remove(struct table_shared *shared, struct table *table, uint64_t hash,
                  const struct table_place *place, int64_t expire_at_ms)
{
    struct shard *shard = place->shard;
    unsigned level;
    uint32_t home;

    ASSERT(table_shard(table, hash, &level) == shard);
    home = table_home(shard, table_tag(hash, level));
    ASSERT(home <= place->bucket && shard->count > 0);
    bucket_put_ref(shard_bucket(shard, place->bucket), place->place, 0);
    while (home < place->bucket) {
        bucket_remove_passed(shard_bucket(shard, home++));
    }
    shard->count--;
    table->count--;
    table_note_expiry(table, shard, expire_at_ms, EXPIRE_NEVER);
    resize_after_remove(shared, table);
}

void table_put_ref(const struct table_place *place, uint64_t ref)
{
    bucket_put_ref(shard_bucket(place->shard, place->bucket), place->place, ref);
}

void table_before_change(struct table_shared *shared, const struct table *table,
                         const struct table_place *place)
{
    walk_before_change(shared, table, place->shard, place->bucket);
}

bool table_span_at(const struct table *table, uint64_t position, struct table_span *out)
{
    unsigned shift;

    if (table->shard_count == 0) {
        return false;
    }
    out->shard = table_shard(table, position, &out->level);
    if (out->level == 0) {
        out->start = 0;
        out->next = 0;
        return true;
    }
    ASSERT(out->level <= DEPTH_LIMIT);
    shift = 64 - out->level;
    out->start = position >> shift << shift;
    out->next = out->start + (UINT64_C(1) << shift); /* wraps to 0 behind the last */
    return true;
}

uint64_t table_entry_hash(const struct table_shared *shared, uint64_t ref)
{
    if (shared->has_members) {
        return hash_bytes(member_name(slab_at(&shared->slab, ref)), shared->hash_seed);
    }
    return hash_bytes(entry_key(table_entry(shared, ref)), shared->hash_seed);
}

int64_t table_expire_at_ms(const struct table_shared *shared, uint64_t ref)
{
    return shared->has_members ? member_expire_at_ms(slab_at(&shared->slab, ref))
                               : entry_expire_at_ms(table_entry(shared, ref));
}

int64_t table_fields_due_ms(const struct table_shared *shared, uint64_t ref)
{
    const struct entry *e = table_entry(shared, ref);
    struct value value;

    if (shared->has_members || LIKELY(!entry_is_volatile(e))) {
        return EXPIRE_NEVER;
    }
    value = entry_value(e);
    return value_ops_of(shared->types, e)->next_expiry_ms(&value);
}

uint64_t table_random(const struct table *table, struct rng *rng)
{
    struct table_span span = {0};
    uint64_t ref = 0;

    for (int tries = 0; tries < RANDOM_PLACES; tries++) {
        ASSERT(table_span_at(table, rng_u64(rng), &span));
        if (span.shard->count == 0) {
            continue;
        }
        ref = bucket_ref(shard_bucket(span.shard, rng_below(rng, span.shard->bucket_count)),
                         (unsigned)rng_below(rng, BUCKET_PLACES));
        if (ref != 0) {
            return ref;
        }
    }
    while (span.shard->count == 0) {
        ASSERT(table_span_at(table, span.next, &span));
    }
    for (uint32_t b = 0; ref == 0; b++) {
        for (unsigned i = 0; i < BUCKET_PLACES && ref == 0; i++) {
            ref = bucket_ref(shard_bucket(span.shard, b), i);
        }
    }
    return ref;
}

/* Invariant 1 for one entry. */
static void check_entry(const struct shard *shard, uint32_t b, uint16_t tag)
{
    uint32_t home = table_home(shard, tag);

    ASSERT(home <= b);
    while (home < b) {
        ASSERT(bucket_passed(shard_bucket(shard, home++)) > 0);
    }
}

/* What the entry has in memory of its own is as it should be; how many bytes it takes. */
static size_t check_memory(const struct table_shared *shared, const struct entry *e)
{
    const struct value_ops *ops = value_ops_of(shared->types, e);
    const struct block *key = entry_key_block(e);
    const void *memory = entry_memory(e);
    size_t bytes = key != NULL ? block_bytes(key) : 0;

    if (entry_type(e) != VALUE_STRING && memory == NULL) {
        ops->check_packed(entry_value(e).inlined);
    }

    if (ops->next_expiry_ms != NULL) {
        struct value value = entry_value(e);

        ASSERT((ops->next_expiry_ms(&value) != INT64_MAX) == entry_is_volatile(e));
    }
    if (memory != NULL) {
        ASSERT(ops->bytes(memory) > 0);
        ops->check(memory);
        bytes += ops->bytes(memory);
    }
    return bytes;
}

/* The same for whatever is there. */
static size_t check_object(const struct table_shared *shared, uint64_t ref)
{
    size_t size = slab_object_size(&shared->slab, ref);
    const struct member *m;
    size_t bytes = 0;

    if (!shared->has_members) {
        entry_check(table_entry(shared, ref), size);
        return check_memory(shared, table_entry(shared, ref));
    }
    m = slab_at(&shared->slab, ref);
    member_check(m, size);
    bytes += member_name_block(m) != NULL ? block_bytes(member_name_block(m)) : 0;
    bytes += member_value_block(m) != NULL ? block_bytes(member_value_block(m)) : 0;
    return bytes;
}

/* Adds to *large_bytes what memory of their own the entries have. */
static void check_shard(const struct table_shared *shared, const struct table_span *span,
                        uint64_t *large_bytes)
{
    const struct shard *shard = span->shard;
    uint32_t count = 0;
    uint32_t volatile_count = 0;

    ASSERT((shard->buckets == NULL) == (shard->bucket_count == 0));
    ASSERT(shard->home_count <= shard->bucket_count);
    for (uint32_t b = 0; b < shard->bucket_count; b++) {
        const struct bucket *bucket = shard_bucket(shard, b);

        for (unsigned i = 0; i < BUCKET_PLACES; i++) {
            uint64_t ref = bucket_ref(bucket, i);
            int64_t expiry;

            if (ref == 0) {
                continue;
            }
            ASSERT(table_tag(table_entry_hash(shared, ref), span->level) == bucket->tags[i]);
            check_entry(shard, b, bucket->tags[i]);
            *large_bytes += check_object(shared, ref);
            expiry = table_expire_at_ms(shared, ref);
            ASSERT(expiry == EXPIRE_NEVER || expiry >= shard->next_expiry_ms);
            volatile_count += expiry != EXPIRE_NEVER;
            expiry = table_fields_due_ms(shared, ref);
            ASSERT(expiry == EXPIRE_NEVER ||
                   (expiry >= shard->next_expiry_ms && expiry < INT64_MAX));
            volatile_count += expiry != EXPIRE_NEVER;
            count++;
        }
    }
    ASSERT(count == shard->count && volatile_count == shard->volatile_count);
}

void table_check(const struct table_shared *shared, const struct table *table)
{
    struct table_span span;
    uint64_t position = 0;
    uint64_t shards = 0;
    uint64_t count = 0;
    uint64_t buckets = 0;
    uint64_t volatile_count = 0;
    uint64_t large_bytes = 0;

    if (table->shard_count == 0) {
        ASSERT(table->count == 0 && table->bucket_count == 0);
        ASSERT(table->lower == NULL && table->upper == NULL);
        return;
    }
    ASSERT(table->count > 0 && table->shard_count == (1U << table->depth) + table->split);
    do {
        ASSERT(table_span_at(table, position, &span));
        check_shard(shared, &span, &large_bytes);
        shards++;
        count += span.shard->count;
        buckets += span.shard->bucket_count;
        volatile_count += span.shard->volatile_count;
        position = span.next;
    } while (position != 0);
    ASSERT(shards == table->shard_count && count == table->count);
    ASSERT(large_bytes == table->large_bytes);
    ASSERT(buckets == table->bucket_count && volatile_count == table->volatile_count);
}
