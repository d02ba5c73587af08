/* SPDX-License-Identifier: MIT */
/* What memory the key space has, and what for. */
#include "base/assert.h"
#include "store/keyspace_state.h"

enum {
    SAMPLE = 2000, /* entries: so many are looked at to learn what all are like */
};

void keyspace_memory(const struct keyspace *ks, struct keyspace_memory *out)
{
    const struct slab *slab = &ks->shared.slab;

    *out = (struct keyspace_memory){
        .entry_bytes = slab->object_bytes[SLAB_ENTRIES],
        .slab_bytes = slab->page_bytes[SLAB_ENTRIES] + slab_idle_bytes(slab),
        .table_bytes =
            slab->page_bytes[SLAB_BUCKETS] + ks->shared.directory_bytes + ks->shared.long_bytes,
        .large_bytes = ks->large_bytes,
        .pending_bytes = ks->pending_bytes + ks->values.kept_bytes,
        .arena_bytes = slab->page_bytes[SLAB_ENTRIES] + slab->page_bytes[SLAB_BUCKETS] +
                       slab_idle_bytes(slab) + slab_overhead_bytes(slab) +
                       value_space_bytes(&ks->values),
    };
}

size_t keyspace_live_bytes(const struct keyspace *ks)
{
    const struct slab *slab = &ks->shared.slab;

    ASSERT(ks->dead_entry_bytes <= slab->object_bytes[SLAB_ENTRIES]);
    return sizeof(*ks) + ks->table_count * sizeof(struct table) + slab->object_bytes[SLAB_ENTRIES] -
           ks->dead_entry_bytes + slab->object_bytes[SLAB_BUCKETS] + ks->shared.directory_bytes +
           ks->shared.long_bytes + ks->large_bytes;
}

size_t keyspace_pending_bytes(const struct keyspace *ks)
{
    return ks->pending_bytes + ks->values.kept_bytes;
}

/* What a sample of entries was found to be: bytes used, of bytes taken. */
struct sample {
    const struct keyspace *ks;
    uint64_t payload;
    uint64_t objects;
    uint64_t spare;
    uint64_t blocks;
};

static void add_memory(struct sample *s, const struct value_ops *ops, const void *memory)
{
    if (memory != NULL) {
        s->spare += ops->spare_bytes(memory);
        s->blocks += ops->bytes(memory);
    }
}

static void add_entry(void *context, const struct entry *e)
{
    struct sample *s = context;
    const struct slab *slab = &s->ks->shared.slab;

    s->payload += entry_bytes(e);
    s->objects += slab_object_size(slab, slab_ref(slab, e));
    add_memory(s, &value_string, entry_key_block(e));
    add_memory(s, value_ops_of(s->ks->shared.types, e), entry_memory(e));
}

/* Look at all entries of the database when they are few, else at some of them. */
static struct sample take_sample(struct keyspace *ks, unsigned db, struct rng *rng)
{
    struct sample s = {.ks = ks};
    uint64_t count = keyspace_count(ks, db);

    if (ks->count <= SAMPLE) {
        (void)keyspace_scan(ks, db, 0, SIZE_MAX, add_entry, &s);
        return s;
    }
    for (uint64_t i = 0; count > 0 && i <= SAMPLE * count / ks->count; i++) {
        add_entry(&s, keyspace_random(ks, db, rng, INT64_MIN));
    }
    return s;
}

static size_t part_of(uint64_t whole, uint64_t part, uint64_t of)
{
    return of == 0 ? 0 : (size_t)((double)whole * ((double)part / (double)of));
}

/* Divide up what the entries of a database, or all of a cluster's, take. */
static void explain_entries(struct keyspace *ks, unsigned db, const struct table *sums,
                            struct rng *rng, size_t parts[KEYSPACE_PART_COUNT])
{
    struct sample s = take_sample(ks, db, rng);
    size_t payload = part_of(sums->entry_bytes, s.payload, s.objects);
    size_t spare = part_of(sums->large_bytes, s.spare, s.blocks);

    parts[KEYSPACE_ENTRIES] += payload;
    parts[KEYSPACE_ENTRIES_ROUNDING] += (size_t)sums->entry_bytes - payload;
    parts[KEYSPACE_LARGE] += (size_t)sums->large_bytes - spare;
    parts[KEYSPACE_LARGE_SPARE] += spare;
}

static void explain_buckets(const struct keyspace *ks, const struct table *sums,
                            size_t parts[KEYSPACE_PART_COUNT])
{
    const struct slab *slab = &ks->shared.slab;
    size_t bucket_bytes = (size_t)(sums->bucket_count - sums->long_bucket_count) * BUCKET_BYTES;
    size_t used = (size_t)(sums->count * BUCKET_BYTES / BUCKET_PLACES);

    used = used < bucket_bytes ? used : bucket_bytes;

    parts[KEYSPACE_BUCKETS] = used;
    parts[KEYSPACE_BUCKETS_UNUSED] = bucket_bytes - used;
    parts[KEYSPACE_BUCKETS_DEAD] = slab->object_bytes[SLAB_BUCKETS] - bucket_bytes;
    parts[KEYSPACE_BUCKETS_FREE] = slab->page_bytes[SLAB_BUCKETS] -
                                   slab->object_bytes[SLAB_BUCKETS] -
                                   slab_untouched_bytes(slab, SLAB_BUCKETS);
}

/* What lies in pages was counted as parts of large values, most of them live ones. */
static void explain_members(const struct slab *slab, size_t parts[KEYSPACE_PART_COUNT])
{
    static const enum keyspace_part from[] = {KEYSPACE_LARGE, KEYSPACE_LARGE_SPARE,
                                              KEYSPACE_DEAD_LARGE};
    size_t left;

    for (int kind = 0; kind < SLAB_KIND_COUNT; kind++) {
        parts[KEYSPACE_MEMBERS] += slab->object_bytes[kind];
        parts[KEYSPACE_MEMBERS_FREE] += slab->page_bytes[kind] - slab->object_bytes[kind] -
                                        slab_untouched_bytes(slab, (enum slab_kind)kind);
    }
    left = parts[KEYSPACE_MEMBERS];
    for (size_t i = 0; i < ARRAY_COUNT(from); i++) {
        size_t part = left < parts[from[i]] ? left : parts[from[i]];

        parts[from[i]] -= part;
        left -= part;
    }
    parts[KEYSPACE_PAGES_IDLE] += slab_idle_bytes(slab);
    parts[KEYSPACE_PAGES_INDEX] += slab_overhead_bytes(slab);
}

void keyspace_explain(struct keyspace *ks, struct rng *rng, size_t parts[KEYSPACE_PART_COUNT])
{
    const struct slab *slab = &ks->shared.slab;
    struct table all = {0};

    memset(parts, 0, KEYSPACE_PART_COUNT * sizeof(*parts));
    for (uint32_t i = keyspace_next_table(ks, ks->occupied, 0); i < ks->table_count;
         i = keyspace_next_table(ks, ks->occupied, i + 1)) {
        const struct table *table = &ks->tables[i];

        all.count += table->count;
        all.bucket_count += table->bucket_count;
        all.long_bucket_count += table->long_bucket_count;
        all.entry_bytes += table->entry_bytes;
        all.large_bytes += table->large_bytes;
        if (!ks->is_cluster) {
            explain_entries(ks, i, table, rng, parts);
        }
    }
    if (ks->is_cluster) {
        explain_entries(ks, 0, &all, rng, parts);
    }
    explain_buckets(ks, &all, parts);
    parts[KEYSPACE_ENTRIES_FREE] = slab->page_bytes[SLAB_ENTRIES] -
                                   slab->object_bytes[SLAB_ENTRIES] -
                                   slab_untouched_bytes(slab, SLAB_ENTRIES);
    parts[KEYSPACE_PAGES_IDLE] = slab_idle_bytes(slab);
    parts[KEYSPACE_PAGES_INDEX] = slab_overhead_bytes(slab);
    parts[KEYSPACE_DIRECTORIES] = ks->shared.directory_bytes + ks->shared.long_bytes;
    parts[KEYSPACE_DEAD_ENTRIES] = slab->object_bytes[SLAB_ENTRIES] - (size_t)all.entry_bytes;
    parts[KEYSPACE_DEAD_LARGE] =
        ks->pending_bytes + ks->values.kept_bytes - parts[KEYSPACE_DEAD_ENTRIES];
    explain_members(&ks->values.members.slab, parts);
}

bool keyspace_size_class(const struct keyspace *ks, unsigned index, struct keyspace_size_class *out)
{
    const struct slab_class *class;
    uint8_t class_index = (uint8_t)(index % SLAB_CLASS_COUNT);

    if (index >= SLAB_KIND_COUNT * SLAB_CLASS_COUNT) {
        return false;
    }
    class = &ks->shared.slab.classes[index / SLAB_CLASS_COUNT][class_index];
    *out = (struct keyspace_size_class){
        .is_entries = index / SLAB_CLASS_COUNT == SLAB_ENTRIES,
        .object_bytes = slab_class_size(class_index),
        .capacity = slab_capacity(class_index),
        .pages = class->pages,
        .live = class->live,
    };
    return true;
}

void keyspace_release_memory(struct keyspace *ks)
{
    (void)slab_release_pages(&ks->shared.slab, SIZE_MAX);
}
