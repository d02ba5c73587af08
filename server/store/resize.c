/* SPDX-License-Identifier: MIT */
/* Steps of growth.
 *
 * The entries of the shards concerned are listed as (reference, tag) in a scratch array, then
 * filled into fresh bucket arrays.  Lengthening, shortening and merging need the tags alone;
 * splitting needs one bit more of each hash and reads the keys for it. */
#include "store/resize.h"

#include "base/assert.h"
#include "base/mem.h"
#include "store/walk_marks.h"

enum {
    FILL_MAX_PERCENT = 84,   /* of a table: above, it grows */
    FILL_MIN_PERCENT = 60,   /* below, it shrinks */
    FILL_NEW_PERMILLE = 790, /* of a shard that was just resized */
    TINY_BUCKETS = 3,        /* a shard up to here may be full to the last place */
    CROWDED_PERCENT = 94,
    DEPTH_MAX = 33,         /* bits that can name a shard */
    SPLIT_MEAN = 700,       /* entries per shard on average, above which shards are split */
    MERGE_MEAN = 250,       /* below which they are merged */
    SWEEP_LOOKS = 4,        /* shards looked at in a step */
    LONG_SHARD = 2500,      /* entries that a shard has only when keys do not come at random */
    RELIEF_BUDGET = 1500,   /* entries moved by splits out of turn, at one insert */
    RELIEF_SPLIT_COST = 30, /* of one that moves none */
    RELIEF_SHARDS_PER_ENTRY = 8,
    PREFETCH_AHEAD = 12,
    AHEAD_FACTOR = 8, /* of the entries that are there: as many are believed to come */
};

/* ---- bucket arrays -------------------------------------------------------------------------- */

/* What the slab would hand out anyway. */
static uint32_t rounded_buckets(uint32_t wanted)
{
    ASSERT(wanted <= UINT16_MAX);
    if (wanted > TABLE_SLAB_BUCKETS) {
        return wanted;
    }
    return (uint32_t)(slab_rounded_size((size_t)wanted * BUCKET_BYTES) / BUCKET_BYTES);
}

static uint32_t buckets_for(uint32_t count)
{
    uint32_t per_thousand = BUCKET_PLACES * FILL_NEW_PERMILLE;

    if (count <= TINY_BUCKETS * BUCKET_PLACES) {
        return (count + BUCKET_PLACES - 1) / BUCKET_PLACES;
    }
    return rounded_buckets((uint32_t)(((uint64_t)count * 1000 + per_thousand - 1) / per_thousand));
}

/* How many entries the table is made for: those that are there, or that are likely to be. */
static uint64_t likely_count(const struct table *table)
{
    uint64_t most = table->count * AHEAD_FACTOR;
    uint64_t likely = table->expected_count < most ? table->expected_count : most;

    return likely > table->count ? likely : table->count;
}

/* What a shard will have in the mean, where entries are to come; else 0. */
static uint32_t buckets_ahead(const struct table *table)
{
    uint64_t mean;

    if (LIKELY(table->expected_count <= table->count)) {
        return 0;
    }
    mean = likely_count(table) / table->shard_count;
    return buckets_for(mean < SPLIT_MEAN ? (uint32_t)mean : SPLIT_MEAN);
}

static void free_buckets(struct table_shared *shared, struct table *table, struct shard *shard)
{
    size_t bytes = BUCKET_BYTES * (size_t)shard->bucket_count;

    if (shard->bucket_count > TABLE_SLAB_BUCKETS) {
        shared->long_bytes -= bytes;
        table->long_bucket_count -= shard->bucket_count;
        mem_free(MEM_STORE, shard->buckets);
    } else if (shard->bucket_count > 0) {
        slab_free(&shared->slab, slab_ref(&shared->slab, shard->buckets));
    }
    table->bucket_count -= shard->bucket_count;
    shard->buckets = NULL;
    shard->bucket_count = 0;
    shard->home_count = 0;
}

static void new_buckets(struct table_shared *shared, struct table *table, struct shard *shard,
                        uint32_t count)
{
    struct slab *slab = &shared->slab;
    size_t bytes = BUCKET_BYTES * (size_t)count;

    if (count > TABLE_SLAB_BUCKETS) {
        shared->long_bytes += bytes;
        table->long_bucket_count += count;
        shard->buckets = mem_alloc_aligned(MEM_STORE, BUCKET_BYTES, bytes);
    } else {
        shard->buckets = slab_at(slab, slab_alloc(slab, SLAB_BUCKETS, bytes));
    }
    memset(shard->buckets, 0, bytes);
    shard->bucket_count = (uint16_t)count;
    table->bucket_count += count;
}

static bool put_item(struct shard *shard, uint64_t ref, uint16_t tag)
{
    uint32_t home = table_home(shard, tag);
    uint32_t b = home;

    while (b < shard->bucket_count) {
        unsigned place = bucket_empty_place(shard_bucket(shard, b));

        if (place < BUCKET_PLACES) {
            shard_bucket(shard, b)->tags[place] = tag;
            bucket_put_ref(shard_bucket(shard, b), place, ref);
            while (home < b) {
                bucket_add_passed(shard_bucket(shard, home++));
            }
            return true;
        }
        b++;
    }
    return false;
}

static bool put_items(struct shard *shard, const struct table_item *items, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!put_item(shard, items[i].ref, (uint16_t)items[i].hash)) {
            return false;
        }
    }
    return true;
}

/* A fresh array of at least wanted buckets that holds the items; the shard has none before.  Where
 * many tags crowd at the end, more buckets there, home to nobody, take them up. */
static void fill(struct table_shared *shared, struct table *table, struct shard *shard,
                 const struct table_item *items, uint32_t count, uint32_t wanted)
{
    uint32_t spill = 1;

    ASSERT(shard->buckets == NULL && count <= UINT16_MAX);
    shard->count = (uint16_t)count;
    if (wanted == 0) {
        return;
    }
    for (;;) {
        new_buckets(shared, table, shard, wanted);
        shard->home_count = (uint16_t)(wanted > spill ? wanted - spill : 1);
        if (put_items(shard, items, count)) {
            return;
        }
        free_buckets(shared, table, shard);
        wanted = rounded_buckets(wanted + wanted / 8 + 1);
        spill = wanted / 8 + 1;
    }
}

/* Append the shard's entries to the scratch array, and give up its buckets. */
static void list_items(struct table_shared *shared, struct table *table, struct shard *shard)
{
    VEC_RESERVE(&shared->scratch, shard->count);
    for (uint32_t b = 0; b < shard->bucket_count; b++) {
        const struct bucket *bucket = shard_bucket(shard, b);

        for (unsigned i = 0; i < BUCKET_PLACES; i++) {
            uint64_t ref = bucket_ref(bucket, i);

            if (ref != 0) {
                shared->scratch.items[shared->scratch.count++] =
                    (struct table_item){.ref = ref, .hash = bucket->tags[i]};
            }
        }
    }
    free_buckets(shared, table, shard);
}

static void resize_shard(struct table_shared *shared, struct table *table, struct shard *shard,
                         uint32_t wanted)
{
    uint32_t count = shard->count;

    walk_before_resize(shared, table, shard);
    shared->scratch.count = 0;
    list_items(shared, table, shard);
    ASSERT(shared->scratch.count == count);
    fill(shared, table, shard, shared->scratch.items, count, wanted);
}

bool resize_is_crowded(const struct shard *shard)
{
    uint64_t places = (uint64_t)shard->bucket_count * BUCKET_PLACES;

    if (shard->bucket_count <= TINY_BUCKETS) {
        return (uint64_t)shard->count + 1 > places;
    }
    return ((uint64_t)shard->count + 1) * 100 > places * CROWDED_PERCENT;
}

void resize_add(struct table_shared *shared, struct table *table, struct shard *shard,
                struct table_item item)
{
    uint32_t length = shard->bucket_count;
    uint32_t wanted = rounded_buckets(length + length / 8 + 1);
    uint32_t ahead = buckets_ahead(table);

    wanted = ahead > wanted ? ahead : wanted;
    walk_before_resize(shared, table, shard);
    shared->scratch.count = 0;
    list_items(shared, table, shard);
    VEC_PUSH(&shared->scratch, item);
    fill(shared, table, shard, shared->scratch.items, (uint32_t)shared->scratch.count, wanted);
}

/* ---- directories of shards ------------------------------------------------------------------ */

static size_t segment_shards(uint32_t depth)
{
    return depth < TABLE_SEGMENT_BITS ? (size_t)1 << depth : TABLE_SEGMENT_SHARDS;
}

static size_t segment_count(uint32_t depth)
{
    ASSERT(depth <= DEPTH_MAX);
    return depth < TABLE_SEGMENT_BITS ? 1 : (size_t)1 << (depth - TABLE_SEGMENT_BITS);
}

static void *directory_alloc(struct table_shared *shared, size_t bytes)
{
    shared->directory_bytes += bytes;
    return mem_alloc_zeroed(MEM_STORE, bytes);
}

/* Aligned so that no shard lies across two cache lines. */
static struct shard *segment_alloc(struct table_shared *shared, size_t bytes)
{
    struct shard *segment = mem_alloc_aligned(MEM_STORE, sizeof(struct shard), bytes);

    shared->directory_bytes += bytes;
    memset(segment, 0, bytes);
    return segment;
}

static void directory_free(struct table_shared *shared, void *memory, size_t bytes)
{
    if (memory != NULL) {
        shared->directory_bytes -= bytes;
        mem_free(MEM_STORE, memory);
    }
}

static struct shard **new_directory(struct table_shared *shared, uint32_t depth)
{
    return directory_alloc(shared, segment_count(depth) * sizeof(struct shard *));
}

static void free_directory(struct table_shared *shared, struct shard **segments, uint32_t depth)
{
    directory_free(shared, segments, segment_count(depth) * sizeof(struct shard *));
}

/* The shard with that prefix of depth bits, empty, its segment allocated when needed. */
static struct shard *open_shard(struct table_shared *shared, const struct table *table,
                                struct shard **segments, uint32_t depth, uint64_t prefix)
{
    struct shard **segment = &segments[prefix >> TABLE_SEGMENT_BITS];
    struct shard *shard;

    if (*segment == NULL) {
        *segment = segment_alloc(shared, segment_shards(depth) * sizeof(struct shard));
    }
    shard = table_segment_at(segments, prefix);
    *shard = (struct shard){.next_expiry_ms = INT64_MAX};
    walk_mark_new(shared, table, shard);
    return shard;
}

static void free_segment(struct table_shared *shared, struct shard **segments, uint32_t depth,
                         uint64_t prefix)
{
    struct shard **segment = &segments[prefix >> TABLE_SEGMENT_BITS];

    directory_free(shared, *segment, segment_shards(depth) * sizeof(struct shard));
    *segment = NULL;
}

void resize_open(struct table_shared *shared, struct table *table)
{
    ASSERT(table->shard_count == 0 && table->lower == NULL);
    table->lower = new_directory(shared, 0);
    open_shard(shared, table, table->lower, 0, 0);
    table->shard_count = 1;
}

void table_clear(struct table_shared *shared, struct table *table)
{
    struct table_span span;
    uint64_t position = 0;
    uint32_t number = table->number;

    if (table->shard_count > 0) {
        do {
            ASSERT(table_span_at(table, position, &span));
            free_buckets(shared, table, span.shard);
            position = span.next;
        } while (position != 0);
    }
    for (uint64_t i = 0; table->lower != NULL && i < segment_count(table->depth); i++) {
        free_segment(shared, table->lower, table->depth, i << TABLE_SEGMENT_BITS);
    }
    for (uint64_t i = 0; table->upper != NULL && i < segment_count(table->depth + 1); i++) {
        free_segment(shared, table->upper, table->depth + 1, i << TABLE_SEGMENT_BITS);
    }
    free_directory(shared, table->lower, table->depth);
    free_directory(shared, table->upper, table->depth + 1);
    *table = (struct table){.number = number};
}

/* ---- splitting and merging ------------------------------------------------------------------ */

/* Read the keys of the listed entries and move those with the bit after the prefix clear to the
 * front; returns how many.  The items' tags are those of the longer prefix then. */
static uint32_t part_items(struct table_shared *shared, uint32_t level)
{
    struct table_item *items = shared->scratch.items;
    size_t count = shared->scratch.count;
    uint32_t low = 0;

    for (size_t i = 0; i < count; i++) {
        struct table_item item = items[i];
        uint64_t hash;

        if (i + PREFETCH_AHEAD < count) {
            prefetch(table_entry(shared, items[i + PREFETCH_AHEAD].ref));
        }
        hash = table_entry_hash(shared, item.ref);
        item.hash = table_tag(hash, level + 1);
        if (((hash << level) >> 63) == 0) {
            items[i] = items[low];
            items[low++] = item;
        } else {
            items[i] = item;
        }
    }
    return low;
}

static void count_expiries(const struct table_shared *shared, struct shard *shard,
                           const struct table_item *items, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const int64_t times[] = {table_expire_at_ms(shared, items[i].ref),
                                 table_fields_due_ms(shared, items[i].ref)};

        for (size_t k = 0; k < ARRAY_COUNT(times); k++) {
            if (times[k] != EXPIRE_NEVER) {
                shard->volatile_count++;
                shard->next_expiry_ms =
                    times[k] < shard->next_expiry_ms ? times[k] : shard->next_expiry_ms;
            }
        }
    }
}

static void split_next(struct table_shared *shared, struct table *table)
{
    uint64_t prefix = table->split;
    struct shard *parent = table_segment_at(table->lower, prefix);
    struct shard *child;
    const struct table_item *items;
    uint32_t low;
    uint32_t high;

    if (table->upper == NULL) {
        table->upper = new_directory(shared, table->depth + 1);
    }
    walk_before_resize(shared, table, parent);
    shared->scratch.count = 0;
    list_items(shared, table, parent);
    low = part_items(shared, table->depth);
    high = (uint32_t)shared->scratch.count - low;
    items = shared->scratch.items;
    child = open_shard(shared, table, table->upper, table->depth + 1, 2 * prefix);
    fill(shared, table, child, items, low, buckets_for(low));
    count_expiries(shared, child, items, low);
    child = open_shard(shared, table, table->upper, table->depth + 1, 2 * prefix + 1);
    fill(shared, table, child, items + low, high, buckets_for(high));
    count_expiries(shared, child, items + low, high);
    table->split++;
    table->shard_count++;
    if (table->split % segment_shards(table->depth) == 0) {
        free_segment(shared, table->lower, table->depth, prefix);
    }
    if (table->split == 1U << table->depth) {
        free_directory(shared, table->lower, table->depth);
        table->lower = table->upper;
        table->upper = NULL;
        table->depth++;
        table->split = 0;
    }
}

/* How many entries the two shards have that merge_last would make one of. */
static uint32_t last_pair_count(const struct table *table)
{
    bool is_first = table->split == 0;
    struct shard **segments = is_first ? table->lower : table->upper;
    uint64_t prefix = (is_first ? (uint64_t)1 << (table->depth - 1) : table->split) - 1;

    return (uint32_t)table_segment_at(segments, 2 * prefix)->count +
           table_segment_at(segments, 2 * prefix + 1)->count;
}

static void merge_last(struct table_shared *shared, struct table *table)
{
    struct shard *low;
    struct shard *high;
    struct shard *merged;
    size_t low_count;
    uint64_t prefix;

    if (table->split == 0) {
        ASSERT(table->depth > 0 && table->upper == NULL);
        table->upper = table->lower;
        table->depth--;
        table->split = 1U << table->depth;
        table->lower = new_directory(shared, table->depth);
    }
    prefix = table->split - 1;
    low = table_segment_at(table->upper, 2 * prefix);
    high = table_segment_at(table->upper, 2 * prefix + 1);
    walk_before_resize(shared, table, low);
    walk_before_resize(shared, table, high);
    shared->scratch.count = 0;
    list_items(shared, table, low);
    low_count = shared->scratch.count;
    list_items(shared, table, high);
    for (size_t i = 0; i < shared->scratch.count; i++) {
        uint64_t bit = i < low_count ? 0 : 1U << (TABLE_TAG_BITS - 1);

        shared->scratch.items[i].hash = (shared->scratch.items[i].hash >> 1) | bit;
    }
    merged = open_shard(shared, table, table->lower, table->depth, prefix);
    merged->volatile_count = (uint16_t)(low->volatile_count + high->volatile_count);
    merged->next_expiry_ms =
        low->next_expiry_ms < high->next_expiry_ms ? low->next_expiry_ms : high->next_expiry_ms;
    fill(shared, table, merged, shared->scratch.items, (uint32_t)shared->scratch.count,
         buckets_for((uint32_t)shared->scratch.count));
    table->split--;
    table->shard_count--;
    if (2 * prefix % segment_shards(table->depth + 1) == 0) {
        free_segment(shared, table->upper, table->depth + 1, 2 * prefix);
    }
    if (table->split == 0) {
        free_directory(shared, table->upper, table->depth + 1);
        table->upper = NULL;
    }
}

/* ---- keeping the fill ----------------------------------------------------------------------- */

/* Resize the next shard in turn whose length is well off what its count asks for. */
static void sweep(struct table_shared *shared, struct table *table, bool grow)
{
    for (int look = 0; look < SWEEP_LOOKS; look++) {
        struct table_span span;
        uint32_t length;
        uint32_t wanted;

        ASSERT(table_span_at(table, table->sweep_position, &span));
        table->sweep_position = span.next;
        length = span.shard->bucket_count;
        wanted = buckets_for(span.shard->count);
        if (grow ? wanted > length + length / 16 : wanted < length - length / 8) {
            resize_shard(shared, table, span.shard, wanted);
            return;
        }
    }
}

/* Keys that come in the order of their hashes, as from a scan of a database of ours, all fall into
 * the same shard.  The others are split out of turn until it is its turn: they are short, as none
 * of the keys is theirs. */
static void relieve(struct table_shared *shared, struct table *table, uint64_t hash)
{
    uint32_t spent = 0;

    while (spent < RELIEF_BUDGET) {
        unsigned level;

        if (table_shard(table, hash, &level)->count <= LONG_SHARD ||
            table->depth == shared->depth_max ||
            table->shard_count >= RELIEF_SHARDS_PER_ENTRY * table->count) {
            return;
        }
        spent += RELIEF_SPLIT_COST + table_segment_at(table->lower, table->split)->count;
        split_next(shared, table);
    }
}

void resize_after_insert(struct table_shared *shared, struct table *table, uint64_t hash)
{
    uint64_t places = table->bucket_count * BUCKET_PLACES;
    unsigned level;

    if (UNLIKELY(table_shard(table, hash, &level)->count > LONG_SHARD)) {
        relieve(shared, table, hash);
    } else if (likely_count(table) > (uint64_t)table->shard_count * SPLIT_MEAN &&
               table->depth < shared->depth_max) {
        split_next(shared, table);
    } else if (table->count * 100 > places * FILL_MAX_PERCENT &&
               (table->shard_count > 1 || table->bucket_count > TINY_BUCKETS)) {
        sweep(shared, table, true);
    }
}

/* Keys that go in the order of their hashes, as expired ones do, leave the last shards full while the others
 * are empty: full ones are not merged, or each removal would move more entries than the one before. */
void resize_after_remove(struct table_shared *shared, struct table *table)
{
    uint64_t places = table->bucket_count * BUCKET_PLACES;

    if (table->count == 0) {
        table_clear(shared, table);
        return;
    }
    if (table->count * 100 >= places * FILL_MIN_PERCENT) {
        return;
    }
    if (table->shard_count > 1 && table->count < (uint64_t)table->shard_count * MERGE_MEAN &&
        last_pair_count(table) <= SPLIT_MEAN) {
        merge_last(shared, table);
    } else {
        sweep(shared, table, false);
    }
}
