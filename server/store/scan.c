/* SPDX-License-Identifier: MIT */
/* Scanning in the order of hashes.
 *
 * A cursor is a position: the entries with a smaller hash have been visited.  Whatever resizing
 * does to the shards in between, each entry is on the side of the cursor that it was on.  A home
 * bucket is visited whole, so entries of equal tags are never parted; when the shard has been
 * merged meanwhile and the position lies within a tag, the full hashes decide. */
#include "base/assert.h"
#include "store/keyspace_state.h"

enum {
    BUCKETS_PER_ENTRY = 10, /* empty buckets that count as an entry would */
};

struct scan {
    const struct table_shared *shared;
    table_visit_fn *visit;
    void *context;
    size_t entries_left;
    size_t buckets_left;
};

/* Visit the entries whose home is the bucket and whose hash is position or above. */
static void visit_home(struct scan *scan, const struct table_span *span, uint32_t home,
                       uint64_t position)
{
    const struct table_shared *shared = scan->shared;
    const struct shard *shard = span->shard;
    uint16_t first_tag = position > span->start ? table_tag(position, span->level) : 0;
    uint64_t tag_start = span->start | ((uint64_t)first_tag << (48 - span->level));
    bool is_within_tag = position > tag_start;

    for (uint32_t b = home; b < shard->bucket_count; b++) {
        const struct bucket *bucket = shard_bucket(shard, b);

        for (unsigned i = 0; i < BUCKET_PLACES; i++) {
            uint64_t ref = bucket_ref(bucket, i);
            uint16_t tag = bucket->tags[i];

            if (ref == 0 || tag < first_tag || table_home(shard, tag) != home) {
                continue;
            }
            if (is_within_tag && tag == first_tag && table_entry_hash(shared, ref) < position) {
                continue;
            }
            scan->visit(scan->context, ref);
            scan->entries_left -= scan->entries_left > 0 ? 1 : 0;
        }
        if (bucket_passed(bucket) == 0) {
            return;
        }
    }
}

/* Scan on from position in the shard; the position where to go on, span->next when it is done. */
static uint64_t scan_shard(struct scan *scan, const struct table_span *span, uint64_t position)
{
    const struct shard *shard = span->shard;
    uint32_t home;

    if (shard->bucket_count == 0) {
        scan->buckets_left -= scan->buckets_left > 0 ? 1 : 0;
        return span->next;
    }
    home = table_home(shard, table_tag(position, span->level));
    for (;;) {
        uint64_t first_tag;

        visit_home(scan, span, home, position);
        scan->buckets_left -= scan->buckets_left > 0 ? 1 : 0;
        home++;
        if (home == shard->home_count) {
            return span->next;
        }
        /* The smallest tag whose home is this bucket. */
        first_tag =
            (((uint64_t)home << TABLE_TAG_BITS) + shard->home_count - 1) / shard->home_count;
        position = span->start | (first_tag << (48 - span->level));
        if (scan->entries_left == 0 || scan->buckets_left == 0) {
            return position;
        }
    }
}

/* Scan a table from position on; where to go on, 0 at its end. */
static uint64_t scan_table(struct scan *scan, const struct table *table, uint64_t position)
{
    struct table_span span;

    while (table_span_at(table, position, &span)) {
        position = scan_shard(scan, &span, position);
        if (position == 0 || scan->entries_left == 0 || scan->buckets_left == 0) {
            return position;
        }
    }
    return 0;
}

static struct scan scan_begin(const struct table_shared *shared, size_t count,
                              table_visit_fn *visit, void *context)
{
    size_t entries = count > 0 ? count : 1;

    return (struct scan){
        .shared = shared,
        .visit = visit,
        .context = context,
        .entries_left = entries,
        .buckets_left =
            entries < SIZE_MAX / BUCKETS_PER_ENTRY ? entries * BUCKETS_PER_ENTRY : SIZE_MAX,
    };
}

uint64_t table_scan(const struct table_shared *shared, const struct table *table, uint64_t position,
                    size_t count, table_visit_fn *visit, void *context)
{
    struct scan scan = scan_begin(shared, count, visit, context);

    return scan_table(&scan, table, position);
}

/* Who visits the entries of a key space. */
struct entry_visit {
    const struct table_shared *shared;
    keyspace_visit_fn *visit;
    void *context;
};

static void visit_entry(void *context, uint64_t ref)
{
    const struct entry_visit *to = context;

    to->visit(to->context, table_entry(to->shared, ref));
}

static uint64_t scan_cluster(const struct keyspace *ks, struct scan *scan, uint64_t cursor)
{
    unsigned shift = 64 - ks->position_bits;
    uint64_t slot = cursor >> ks->position_bits;
    uint64_t position = cursor << shift;
    uint32_t number;

    if (slot >= ks->table_count) {
        return 0;
    }
    number = (uint32_t)slot;
    position = keyspace_hides(ks, number) ? 0 : scan_table(scan, &ks->tables[number], position);
    while (position == 0) {
        number = keyspace_next_seen(ks, ks->occupied, number + 1);
        if (number == ks->table_count) {
            return 0;
        }
        if (scan->entries_left == 0 || scan->buckets_left == 0) {
            break;
        }
        position = scan_table(scan, &ks->tables[number], 0);
    }
    return ((uint64_t)number << ks->position_bits) | (position >> shift);
}

uint64_t keyspace_scan(const struct keyspace *ks, unsigned db, uint64_t cursor, size_t count,
                       keyspace_visit_fn *visit, void *context)
{
    struct entry_visit to = {&ks->shared, visit, context};
    struct scan scan = scan_begin(&ks->shared, count, visit_entry, &to);

    if (ks->is_cluster) {
        return scan_cluster(ks, &scan, cursor);
    }
    ASSERT(db < ks->table_count);
    return keyspace_scan_slot(ks, db, cursor, count, visit, context);
}

uint64_t keyspace_scan_slot(const struct keyspace *ks, unsigned slot, uint64_t cursor, size_t count,
                            keyspace_visit_fn *visit, void *context)
{
    struct entry_visit to = {&ks->shared, visit, context};
    struct scan scan = scan_begin(&ks->shared, count, visit_entry, &to);
    unsigned shift = 64 - ks->position_bits;

    ASSERT(slot < ks->table_count);
    if (cursor >> ks->position_bits != 0) {
        return 0;
    }
    return scan_table(&scan, &ks->tables[slot], cursor << shift) >> shift;
}
