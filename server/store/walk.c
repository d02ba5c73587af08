/* SPDX-License-Identifier: MIT */
/* The walk, and the handing over before changes.  The marks are explained in walk_marks.h. */
#include "store/walk.h"

#include "base/assert.h"
#include "store/keyspace_state.h"
#include "store/walk_marks.h"

/* Have the entries of a bucket that will be handed over fetched into the processor's caches. */
static void prefetch_entries(const struct table_shared *shared, const struct shard *shard,
                             uint32_t bucket)
{
    if (bucket >= shard->bucket_count) {
        return;
    }
    for (unsigned i = 0; i < BUCKET_PLACES; i++) {
        prefetch(slab_at(&shared->slab, bucket_ref(shard_bucket(shard, bucket), i)));
    }
}

uint32_t walk_hand_bucket(struct table_shared *shared, const struct table *table,
                          struct shard *shard, uint32_t bucket)
{
    struct walk *walk = &shared->walk;
    struct bucket *at = shard_bucket(shard, bucket);
    uint32_t count = 0;

    if (shard->walk_epoch != walk->epoch) {
        for (uint32_t b = 0; b < shard->bucket_count; b++) {
            shard_bucket(shard, b)->meta &= (uint8_t)~BUCKET_WALKED;
        }
        shard->walk_epoch = walk->epoch;
        shard->is_walked = false;
    }
    if (shard->is_walked || bucket_is_walked(at)) {
        return 0;
    }
    at->meta |= BUCKET_WALKED;
    prefetch_entries(shared, shard, bucket); /* for a change; a walk has done so */
    for (unsigned i = 0; i < BUCKET_PLACES; i++) {
        uint64_t ref = bucket_ref(at, i);

        if (ref != 0) {
            walk->hand(shared, table->number, ref);
            count++;
        }
    }
    return count;
}

uint32_t walk_go_through(struct table_shared *shared, const struct table *table,
                         struct shard *shard, uint32_t bucket)
{
    prefetch_entries(shared, shard, bucket + 1);
    return walk_hand_bucket(shared, table, shard, bucket);
}

/* The shard has nothing left for this walk. */
static void mark_shard(const struct table_shared *shared, struct shard *shard)
{
    shard->walk_epoch = shared->walk.epoch;
    shard->is_walked = true;
}

void walk_hand_shard(struct table_shared *shared, const struct table *table, struct shard *shard)
{
    if (shard->walk_epoch == shared->walk.epoch && shard->is_walked) {
        return;
    }
    for (uint32_t b = 0; b < shard->bucket_count; b++) {
        (void)walk_go_through(shared, table, shard, b);
    }
    mark_shard(shared, shard);
}

void walk_hand_table(struct table_shared *shared, const struct table *table)
{
    struct table_span span;
    uint64_t position = 0;

    if (!walk_covers(&shared->walk, table->number)) {
        return;
    }
    while (table_span_at(table, position, &span)) {
        walk_hand_shard(shared, table, span.shard);
        position = span.next;
        if (position == 0) {
            return;
        }
    }
}

static void hand_entry(struct table_shared *shared, uint32_t number, uint64_t ref)
{
    struct walk *walk = &shared->walk;

    walk->sink(walk->context, walk->is_cluster ? 0 : number, table_entry(shared, ref));
}

void walk_start(struct keyspace *ks, const struct walk_options *options)
{
    struct walk *walk = &ks->shared.walk;

    ASSERT(!walk->is_on);
    ASSERT(options->slots == NULL || ks->is_cluster);
    *walk = (struct walk){
        .is_on = true,
        .is_cluster = ks->is_cluster,
        .epoch = walk->epoch + 1,
        .slots = options->slots,
        .hand = hand_entry,
        .sink = options->sink,
        .context = options->context,
    };
    ks->shared.listeners |= LISTENER_WALK;
    /* Images of single values that this walk brings about have marks of their own. */
    ASSERT(ks->values.image_count == 0);
    ks->values.members.walk.epoch++;
}

static void end_walk(struct keyspace *ks)
{
    ks->shared.walk.is_on = false;
    ks->shared.listeners &= ~(uint32_t)LISTENER_WALK;
}

bool walk_is_on(const struct keyspace *ks)
{
    return ks->shared.walk.is_on;
}

/* Go on in the shard under the walk; false when the budget ended before the shard did. */
static bool step_shard(struct table_shared *shared, const struct table *table, struct shard *shard,
                       size_t *budget)
{
    struct walk *walk = &shared->walk;

    if (shard->walk_epoch == walk->epoch && shard->is_walked) {
        return true;
    }
    while (walk->bucket < shard->bucket_count) {
        uint32_t cost;

        if (*budget == 0 || walk->has_enough) {
            return false;
        }
        cost = walk_go_through(shared, table, shard, walk->bucket++);
        cost = cost > 0 ? cost : 1;
        *budget -= cost < *budget ? cost : *budget;
    }
    mark_shard(shared, shard);
    return true;
}

bool walk_step(struct keyspace *ks, size_t budget)
{
    struct walk *walk = &ks->shared.walk;

    ASSERT(walk->is_on);
    walk->has_enough = false;
    for (;;) {
        struct table_span span;
        uint32_t number = keyspace_next_table(ks, ks->occupied, walk->table);

        if (number != walk->table) {
            walk->table = number;
            walk->position = 0;
            walk->bucket = 0;
        }
        if (number == ks->table_count) {
            end_walk(ks);
            return true;
        }
        if (walk_covers(walk, number) &&
            table_span_at(&ks->tables[number], walk->position, &span)) {
            if (!step_shard(&ks->shared, &ks->tables[number], span.shard, &budget)) {
                return false;
            }
            walk->bucket = 0;
            walk->position = span.next;
            if (span.next != 0) {
                continue;
            }
        }
        walk->table = number + 1;
        walk->position = 0;
        walk->bucket = 0;
    }
}

void walk_end_step(struct keyspace *ks)
{
    ks->shared.walk.has_enough = true;
}

void walk_cancel(struct keyspace *ks)
{
    end_walk(ks);
}
