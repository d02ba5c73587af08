/* SPDX-License-Identifier: MIT */
/* Finding expired entries, and hashes with expired fields, without an index.
 *
 * Each shard knows how many of its entries have an expiry and a bound before which none is due.
 * The search goes round over the shards, skips those whose bound lies ahead, and looks through the
 * others.  A shard looked through from end to end learns its bound anew. */
#include "base/assert.h"
#include "store/keyspace_state.h"

enum {
    MEAN_SHARDS = 8,
    MEAN_ENTRIES = 64,
};

struct expire_search {
    struct keyspace *ks;
    int64_t now_ms;
    size_t budget;
    size_t left; /* keys that may still be handed over */
    void (*visit)(void *context, unsigned db, struct bytes key);
    void *context;
};

static void spend(struct expire_search *s, size_t cost)
{
    s->budget -= cost < s->budget ? cost : s->budget;
}

static void prefetch_entries(const struct table_shared *shared, const struct shard *shard,
                             uint32_t b)
{
    for (unsigned i = 0; b < shard->bucket_count && i < BUCKET_PLACES; i++) {
        prefetch(slab_at(&shared->slab, bucket_ref(shard_bucket(shard, b), i)));
    }
}

/* When something of the entry expires first, it or a field of it. */
static int64_t due_at_ms(const struct table_shared *shared, uint64_t ref)
{
    int64_t own = entry_expire_at_ms(table_entry(shared, ref));
    int64_t fields = table_fields_due_ms(shared, ref);

    if (own == EXPIRE_NEVER || fields == EXPIRE_NEVER) {
        return own == EXPIRE_NEVER ? fields : own;
    }
    return own < fields ? own : fields;
}

/* Hand over the expired of one bucket; *earliest becomes the first expiry of those not handed. */
static void search_bucket(struct expire_search *s, const struct bucket *bucket, int64_t *earliest)
{
    struct keyspace *ks = s->ks;

    for (unsigned i = 0; i < BUCKET_PLACES; i++) {
        uint64_t ref = bucket_ref(bucket, i);
        int64_t expiry;

        if (ref == 0) {
            continue;
        }
        spend(s, 1);
        expiry = due_at_ms(&ks->shared, ref);
        if (expiry == EXPIRE_NEVER) {
            continue;
        }
        *earliest = expiry < *earliest ? expiry : *earliest;
        if (expiry <= s->now_ms && s->left > 0) {
            s->visit(s->context, ks->is_cluster ? 0 : ks->expire.table,
                     entry_key(table_entry(&ks->shared, ref)));
            s->left--;
        }
    }
}

/* Look through a shard from the bucket in ks->expire on; true when its end was reached.  The
 * bound is raised only by a look at all of it. */
static bool search_shard(struct expire_search *s, struct shard *shard)
{
    struct expire_place *at = &s->ks->expire;
    bool is_whole = at->bucket == 0;
    int64_t earliest = INT64_MAX;

    prefetch_entries(&s->ks->shared, shard, at->bucket);
    while (at->bucket < shard->bucket_count) {
        if (s->budget == 0 || s->left == 0) {
            return false;
        }
        prefetch_entries(&s->ks->shared, shard, at->bucket + 1);
        search_bucket(s, shard_bucket(shard, at->bucket), &earliest);
        at->bucket++;
    }
    if (is_whole) {
        shard->next_expiry_ms = earliest;
    }
    return true;
}

/* Go through the table under the search; true when its end was reached. */
static bool search_table(struct expire_search *s, const struct table *table)
{
    struct expire_place *at = &s->ks->expire;
    struct table_span span;

    while (table_span_at(table, at->position, &span)) {
        if (s->budget == 0 || s->left == 0) {
            return false;
        }
        spend(s, 1);
        if (span.shard->next_expiry_ms <= s->now_ms && !search_shard(s, span.shard)) {
            return false;
        }
        at->bucket = 0;
        at->position = span.next;
        if (span.next == 0) {
            return true;
        }
    }
    return true;
}

size_t keyspace_find_expired(struct keyspace *ks, int64_t now_ms, size_t budget, size_t max,
                             void (*visit)(void *context, unsigned db, struct bytes key),
                             void *context)
{
    struct expire_search s = {ks, now_ms, budget, max, visit, context};
    uint32_t first_table = ks->expire.table;
    bool has_wrapped = false;

    while (ks->volatile_count > 0 && s.budget > 0 && s.left > 0) {
        uint32_t number = keyspace_next_seen(ks, ks->volatiles, ks->expire.table);

        if (number != ks->expire.table) {
            ks->expire = (struct expire_place){.table = number};
        }
        if (number == ks->table_count) {
            ks->expire = (struct expire_place){0};
            /* What was handed over is still there: to go round again would find it twice. */
            if (has_wrapped || s.left < max) {
                break;
            }
            has_wrapped = true;
            continue;
        }
        spend(&s, 1);
        if (!search_table(&s, &ks->tables[number])) {
            break;
        }
        ks->expire = (struct expire_place){.table = number + 1};
        /* All keys of a call are of one database; and once round is enough. */
        if ((s.left < max && !ks->is_cluster) || (has_wrapped && number >= first_table)) {
            break;
        }
    }
    return max - s.left;
}

void keyspace_find_expired_again(struct keyspace *ks, const struct key_ref *ref)
{
    ks->expire = (struct expire_place){.table = ref->table, .position = ref->hash};
}

int64_t keyspace_mean_ttl_ms(const struct keyspace *ks, unsigned db, int64_t now_ms)
{
    uint32_t number = ks->is_cluster ? keyspace_next_seen(ks, ks->volatiles, 0) : db;
    struct table_span span;
    uint64_t position = 0;
    const int64_t longest = INT64_MAX / ((int64_t)MEAN_ENTRIES * 2); /* the sum must not overflow */
    int64_t sum = 0;
    int64_t count = 0;

    for (int looks = 0; looks < MEAN_SHARDS && number < ks->table_count; looks++) {
        if (!table_span_at(&ks->tables[number], position, &span)) {
            break;
        }
        for (uint32_t b = 0; b < span.shard->bucket_count && count < MEAN_ENTRIES; b++) {
            for (unsigned i = 0; i < BUCKET_PLACES; i++) {
                uint64_t ref = bucket_ref(shard_bucket(span.shard, b), i);
                int64_t expiry =
                    ref == 0 ? EXPIRE_NEVER : entry_expire_at_ms(table_entry(&ks->shared, ref));

                if (expiry != EXPIRE_NEVER) {
                    int64_t left = expiry > now_ms ? expiry - now_ms : 0;

                    sum += left < longest ? left : longest;
                    count++;
                }
            }
        }
        position = span.next;
        if (position == 0 && ks->is_cluster) {
            number = keyspace_next_seen(ks, ks->volatiles, number + 1);
        } else if (position == 0) {
            break;
        }
    }
    return count == 0 ? 0 : sum / count;
}
