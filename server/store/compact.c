/* SPDX-License-Identifier: MIT */
/* Sweeps over pages and shards.  Costs are in entries, about 50 ns each, as keyspace_work's. */
#include "store/compact.h"

#include "base/assert.h"
#include "base/hash.h"
#include "store/keyspace_state.h"

enum {
    SPARE_MIN = 4,          /* pages: for fewer it is not worth to begin */
    BEGIN_FRACTION = 5,     /* begin when 1 / so many pages of a class could be spared, */
    GOAL_FRACTION = 10,     /* end when fewer than 1 / so many could */
    PROGRESS_FRACTION = 16, /* a sweep that frees less of what it could was the last */
    BATCH = 16,             /* entries whose buckets are fetched together */
    PAGES_PER_ENTRY = 16,   /* looked at */
    LIST_COST = 200,        /* of finding what lives in a page, */
    FREE_PER_ENTRY = 2,     /* and of passing by what is free there */
    MOVE_COST = 5,
    SLOT_COST = 5,      /* more, where each slot has a table of its own */
    MOVE_BYTES = 256,   /* moved at the cost of an entry */
    HASHED_BYTES = 128, /* of a key, read at the cost of an entry */
    SHARD_COST = 4,
    KEY_MAX = 16 * 1024, /* an entry with a longer key is not moved: finding its bucket means
                            reading the key */
};

static void spend(size_t *budget, size_t cost)
{
    *budget -= cost < *budget ? cost : *budget;
}

/* ---- what is sparse ------------------------------------------------------------------------- */

/* Pages that would be empty if the others of the class were full. */
static uint32_t spare_pages(const struct slab *slab, enum slab_kind kind, unsigned class_index)
{
    const struct slab_class *class = &slab->classes[kind][class_index];
    uint32_t capacity = slab_capacity(class_index);

    return (uint32_t)(((uint64_t) class->pages * capacity - class->live) / capacity);
}

static bool is_worth_going_on(const struct slab *slab, enum slab_kind kind, unsigned class_index)
{
    return (uint64_t)spare_pages(slab, kind, class_index) * GOAL_FRACTION >
           slab->classes[kind][class_index].pages;
}

static bool is_worth_beginning(const struct keyspace *ks, enum slab_kind kind, unsigned class_index)
{
    const struct slab *slab = &ks->shared.slab;
    uint32_t spare = spare_pages(slab, kind, class_index);
    uint32_t left = ks->compact.left[kind][class_index];

    return spare >= SPARE_MIN + left + left / 2 &&
           (uint64_t)spare * BEGIN_FRACTION > slab->classes[kind][class_index].pages;
}

/* Is the page one whose objects are to move? */
static bool is_sparse(const struct keyspace *ks, uint32_t page)
{
    const struct slab *slab = &ks->shared.slab;
    const struct compact *c = &ks->compact;
    const struct slab_page *p = &slab->pages[page];
    const struct slab_class *class = &slab->classes[p->kind][p->class_index];

    return p->used > 0 && p->kind == (uint8_t)c->kind && bitset_has(c->wanted, p->class_index) &&
           (uint64_t)p->used * class->pages <= class->live &&
           is_worth_going_on(slab, c->kind, p->class_index);
}

/* ---- sweeps: begin and end ------------------------------------------------------------------ */

/* Choose the classes for a sweep of the kind; false when there are none. */
static bool begin_sweep(struct keyspace *ks, enum slab_kind kind, bool is_next)
{
    const struct slab *slab = &ks->shared.slab;
    struct compact *c = &ks->compact;
    uint32_t spare_sum = 0;

    for (unsigned i = 0; i < SLAB_CLASS_COUNT; i++) {
        uint32_t spare = spare_pages(slab, kind, i);
        uint32_t *left = &c->left[kind][i];

        *left = spare < *left ? spare : *left;
        if (is_next ? bitset_has(c->wanted, i) && is_worth_going_on(slab, kind, i)
                    : is_worth_beginning(ks, kind, i)) {
            bitset_add(c->wanted, i);
            spare_sum += spare;
        } else {
            bitset_remove(c->wanted, i);
        }
    }
    c->is_on = spare_sum > 0;
    c->kind = kind;
    c->spare_pages = spare_sum;
    c->freed_pages = 0;
    c->page = 1;
    c->object = 0;
    c->table = 0;
    c->position = 0;
    return c->is_on;
}

static bool begin(struct keyspace *ks)
{
    const struct slab *slab = &ks->shared.slab;

    for (int kind = 0; kind < SLAB_KIND_COUNT; kind++) {
        size_t unused = slab->page_bytes[kind] - slab->object_bytes[kind];

        if (unused / SLAB_PAGE_BYTES >= SPARE_MIN && begin_sweep(ks, (enum slab_kind)kind, false)) {
            return true;
        }
    }
    return false;
}

/* Another sweep while they help; else remember what they could not do. */
static void end_sweep(struct keyspace *ks)
{
    struct compact *c = &ks->compact;

    ASSERT(ks->shared.slab.closed_page == 0);
    if ((uint64_t)c->freed_pages * PROGRESS_FRACTION >= c->spare_pages) {
        (void)begin_sweep(ks, c->kind, true);
        return;
    }
    for (unsigned i = 0; i < SLAB_CLASS_COUNT; i++) {
        if (bitset_has(c->wanted, i)) {
            c->left[c->kind][i] = spare_pages(&ks->shared.slab, c->kind, i);
        }
    }
    c->is_on = false;
}

/* Where the object is now, or 0 when there is no room for it elsewhere. */
static uint64_t move_object(struct keyspace *ks, uint64_t ref)
{
    struct slab *slab = &ks->shared.slab;
    struct compact *c = &ks->compact;
    size_t bytes_before = slab->page_bytes[c->kind];
    uint64_t moved = slab_move(slab, ref);

    c->moved_objects += moved != 0;
    c->freed_pages += slab->page_bytes[c->kind] < bytes_before;
    return moved;
}

/* ---- entries -------------------------------------------------------------------------------- */

/* An entry that is about to move. */
struct mover {
    uint64_t ref;
    uint64_t hash;
    uint32_t table; /* where it is, or outside cluster mode perhaps is */
};

/* The entry as a mover; false when it is to stay. */
static bool prepare(const struct keyspace *ks, uint64_t ref, size_t *budget, struct mover *out)
{
    struct bytes key = entry_key(table_entry(&ks->shared, ref));

    spend(budget, MOVE_COST + key.len / HASHED_BYTES);
    if (ks->is_cluster) {
        spend(budget, SLOT_COST);
    }
    if (key.len > KEY_MAX) {
        return false;
    }
    *out = (struct mover){
        .ref = ref,
        .hash = hash_bytes(key, ks->shared.hash_seed),
        .table = ks->is_cluster ? slot_of_key(key) : ks->compact.last_table,
    };
    return true;
}

/* Up to BATCH movers of the closed page from the sweep's object on. */
static unsigned take_batch(struct keyspace *ks, size_t *budget, struct mover *batch)
{
    const struct slab *slab = &ks->shared.slab;
    struct compact *c = &ks->compact;
    uint32_t capacity = slab_capacity(slab->pages[slab->closed_page].class_index);
    unsigned count = 0;

    while (count < BATCH && c->object < capacity) {
        uint64_t bits = c->live[c->object / 64] >> (c->object % 64);

        if (bits == 0) {
            c->object = (c->object / 64 + 1) * 64;
            continue;
        }
        c->object += (uint32_t)__builtin_ctzll(bits);
        count +=
            prepare(ks, slab_object_ref(slab, slab->closed_page, c->object), budget, &batch[count]);
        c->object++;
    }
    for (unsigned i = 0; i < count; i++) {
        table_prefetch_bucket(&ks->tables[batch[i].table], batch[i].hash);
    }
    return count;
}

/* An entry does not know its database: the one that had the last, else all that have entries. */
static bool find_mover(struct keyspace *ks, const struct mover *m, size_t *budget,
                       struct table_place *out)
{
    uint32_t number;

    if (table_find_ref(&ks->tables[m->table], m->hash, m->ref, out)) {
        return true;
    }
    number = ks->is_cluster ? ks->table_count : keyspace_next_table(ks, ks->occupied, 0);
    while (number < ks->table_count) {
        spend(budget, 1);
        if (table_find_ref(&ks->tables[number], m->hash, m->ref, out)) {
            ks->compact.last_table = number;
            return true;
        }
        number = keyspace_next_table(ks, ks->occupied, number + 1);
    }
    return false;
}

/* False when there is no room for it elsewhere. */
static bool move_entry(struct keyspace *ks, const struct mover *m, size_t *budget)
{
    struct table_place place = {0};
    bool is_found = find_mover(ks, m, budget, &place);
    uint64_t moved = move_object(ks, m->ref);

    ASSERT(is_found);
    if (moved == 0) {
        return false;
    }
    table_put_ref(&place, moved);
    return true;
}

/* Nothing is allocated in the closed page: what is known of it holds until something is freed. */
static void list_live(struct keyspace *ks, size_t *budget)
{
    const struct slab *slab = &ks->shared.slab;
    struct compact *c = &ks->compact;
    uint32_t used = slab->pages[slab->closed_page].used;

    if (c->live_count != used) {
        slab_find_live(slab, slab->closed_page, c->live);
        c->live_count = used;
        spend(budget, LIST_COST + (slab->pages[slab->closed_page].fresh - used) / FREE_PER_ENTRY);
    }
}

/* Move the entries of the closed page; open it again when some have to stay. */
static void empty_page(struct keyspace *ks, size_t *budget)
{
    struct slab *slab = &ks->shared.slab;
    struct mover batch[BATCH];

    list_live(ks, budget);
    while (slab->closed_page != 0 && *budget > 0) {
        unsigned count = take_batch(ks, budget, batch);
        unsigned moved = 0;

        while (moved < count && move_entry(ks, &batch[moved], budget)) {
            moved++;
        }
        ks->compact.live_count -= moved;
        if (count == 0 || moved < count) {
            slab_reopen_page(slab);
        }
    }
}

/* Close the next page that is to be emptied; false when the budget or the pages have ended. */
static bool close_next(struct keyspace *ks, size_t *budget)
{
    struct slab *slab = &ks->shared.slab;
    struct compact *c = &ks->compact;

    while (*budget > 0 && c->page < slab->page_end) {
        uint32_t page = c->page++;

        spend(budget, page % PAGES_PER_ENTRY == 0);
        if (is_sparse(ks, page)) {
            slab_close_page(slab, page);
            c->object = 0;
            c->live_count = 0;
            return true;
        }
    }
    return false;
}

/* True when the sweep has come to its end. */
static bool sweep_pages(struct keyspace *ks, size_t *budget)
{
    struct slab *slab = &ks->shared.slab;

    while (slab->closed_page != 0 || close_next(ks, budget)) {
        empty_page(ks, budget);
        if (*budget == 0) {
            break;
        }
    }
    return slab->closed_page == 0 && ks->compact.page >= slab->page_end;
}

/* ---- buckets -------------------------------------------------------------------------------- */

/* Where the object is now, when it lay in a sparse page. */
static void *moved_to(struct keyspace *ks, void *object, size_t *budget)
{
    struct slab *slab = &ks->shared.slab;
    uint64_t ref = slab_ref(slab, object);
    uint64_t moved;

    spend(budget, 1);
    if (!is_sparse(ks, slab_page_of(ref))) {
        return object;
    }
    spend(budget, MOVE_COST + slab_object_size(slab, ref) / MOVE_BYTES);
    moved = move_object(ks, ref);
    return moved != 0 ? slab_at(slab, moved) : object;
}

static void move_buckets(struct keyspace *ks, struct shard *shard, size_t *budget)
{
    spend(budget, SHARD_COST);
    if (shard->bucket_count > 0 && shard->bucket_count <= TABLE_SLAB_BUCKETS) {
        shard->buckets = moved_to(ks, shard->buckets, budget);
    }
}

/* True when the sweep has come to its end. */
static bool sweep_shards(struct keyspace *ks, size_t *budget)
{
    struct compact *c = &ks->compact;

    while (*budget > 0) {
        struct table_span span;
        uint32_t number = keyspace_next_table(ks, ks->occupied, c->table);

        if (number != c->table) {
            c->table = number;
            c->position = 0;
        }
        if (number == ks->table_count) {
            return true;
        }
        ASSERT(table_span_at(&ks->tables[number], c->position, &span));
        move_buckets(ks, span.shard, budget);
        c->position = span.next;
        c->table += span.next == 0;
    }
    return false;
}

bool compact_step(struct keyspace *ks, size_t *budget)
{
    struct compact *c = &ks->compact;

    if (ks->dead_tables.count > 0) {
        return c->is_on;
    }
    while (c->is_on || begin(ks)) {
        if (*budget == 0) {
            return true;
        }
        if (c->kind == SLAB_ENTRIES ? sweep_pages(ks, budget) : sweep_shards(ks, budget)) {
            end_sweep(ks);
        }
    }
    return false;
}
