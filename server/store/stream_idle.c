/* SPDX-License-Identifier: MIT */
#include "store/stream_idle.h"

#include "base/assert.h"
#include "base/vec.h"
#include "store/stream_state.h"

#include <stdlib.h>

enum {
    FEW = 512, /* that may come in before the best of them are picked once more */
};

int64_t stream_idle_since_ms(const struct stream_group *g)
{
    if (g->pending.count == 0) {
        return INT64_MAX;
    }
    return g->released_count > 0 ? INT64_MIN : g->idle_since_ms;
}

/* As they are claimed. */
static int compare(const void *left, const void *right)
{
    const struct stream_pending *a = left;
    const struct stream_pending *b = right;

    if ((a->consumer == NULL) != (b->consumer == NULL)) {
        return a->consumer == NULL ? -1 : 1;
    }
    if (a->delivered_at_ms != b->delivered_at_ms) {
        return a->delivered_at_ms < b->delivered_at_ms ? -1 : 1;
    }
    return stream_id_compare(a->id, b->id);
}

static void pick(struct stream_idle *out, uint64_t limit)
{
    if (out->count > 0) {
        qsort(out->items, out->count, sizeof(out->items[0]), compare);
    }
    out->count = out->count < limit ? out->count : (size_t)limit;
}

/* ---- leaves in the order of their bounds -------------------------------------------------------------------- */

struct bound {
    int64_t low;
    uint32_t leaf; /* of the index of what is pending */
};

/* The least bound is the first: a heap. */
struct bounds {
    VEC(struct bound) items;
};

static bool is_less(const struct bound *a, const struct bound *b)
{
    return a->low != b->low ? a->low < b->low : a->leaf < b->leaf;
}

static void sift_down(struct bounds *bounds, size_t at)
{
    struct bound *items = bounds->items.items;

    for (;;) {
        size_t least = at;

        for (size_t child = 2 * at + 1; child <= 2 * at + 2; child++) {
            if (child < bounds->items.count && is_less(&items[child], &items[least])) {
                least = child;
            }
        }
        if (least == at) {
            return;
        }
        struct bound moved = items[at];

        items[at] = items[least];
        items[least] = moved;
        at = least;
    }
}

/* Of all leaves. */
static void make_bounds(const struct stream_group *g, struct bounds *out)
{
    for (uint32_t leaf = 0; leaf < id_index_leaf_count(&g->pending); leaf++) {
        VEC_PUSH(&out->items, ((struct bound){id_index_low(&g->pending, leaf), leaf}));
    }
    for (size_t at = out->items.count / 2; at-- > 0;) {
        sift_down(out, at);
    }
}

static void remove_least(struct bounds *bounds)
{
    bounds->items.items[0] = bounds->items.items[--bounds->items.count];
    sift_down(bounds, 0);
}

/* ---- collecting ----------------------------------------------------------------------------------------------- */

struct search {
    int64_t until_ms;
    uint64_t limit;
    struct stream_idle *out;
    bool is_full;
    struct stream_pending
        worst; /* of those that were picked, when they are as many as are wanted */
    uint32_t worst_leaf;
};

/* Nothing of the leaf with this bound, nor of those behind it, can be wanted. */
static bool is_done(const struct search *s, const struct bound *next)
{
    const struct bound worst = {s->worst.delivered_at_ms, s->worst_leaf};

    if (next->low == INT64_MIN) {
        return false;
    }
    return next->low > s->until_ms ||
           (s->is_full && (s->worst.consumer == NULL || is_less(&worst, next)));
}

static void take(struct search *s, const struct stream_pending_ref *ref)
{
    struct stream_pending pending = {
        .id = ref->id,
        .consumer = ref->consumer,
        .delivered_at_ms = ref->delivered_at_ms,
        .delivery_count = ref->delivery_count,
    };

    if ((pending.consumer == NULL || pending.delivered_at_ms <= s->until_ms) &&
        (!s->is_full || compare(&pending, &s->worst) < 0)) {
        VEC_PUSH(s->out, pending);
    }
}

/* The bound of the leaf is exact afterwards. */
static int64_t look_at_leaf(struct stream_group *g, uint32_t leaf, struct search *s)
{
    uint32_t count = id_index_leaf_items(&g->pending, leaf);
    int64_t low = INT64_MAX;

    for (uint32_t item = 0; item < count; item++) {
        const struct stream_pending_ref *ref =
            id_index_get(&g->pending, (struct id_at){leaf, item});
        int64_t since_ms = ref->consumer != NULL ? ref->delivered_at_ms : INT64_MIN;

        low = since_ms < low ? since_ms : low;
        if (s != NULL) {
            take(s, ref);
        }
    }
    id_index_put_low(&g->pending, leaf, low);
    return low;
}

/* So many have been found that the best can be told; not again for each few that come. */
static void pick_if_many(const struct stream_group *g, struct search *s)
{
    struct id_at at;
    bool is_there;

    if (s->out->count < s->limit || (s->is_full && s->out->count < s->limit + s->limit / 2 + FEW)) {
        return;
    }
    pick(s->out, s->limit);
    s->is_full = true;
    s->worst = s->out->items[s->out->count - 1];
    is_there = id_index_find(&g->pending, s->worst.id, &at);
    ASSERT(is_there);
    s->worst_leaf = at.leaf;
}

/* The least bound of all becomes exact. */
static void settle_least(struct stream_group *g)
{
    struct bounds bounds = {0};

    make_bounds(g, &bounds);
    while (bounds.items.count > 0) {
        struct bound *least = &bounds.items.items[0];
        int64_t low = look_at_leaf(g, least->leaf, NULL);

        if (low == least->low) {
            g->idle_since_ms = low;
            break;
        }
        least->low = low;
        sift_down(&bounds, 0);
    }
    VEC_DEINIT(&bounds.items);
}

void stream_idle_collect(struct stream_group *g, int64_t until_ms, uint64_t limit,
                         struct stream_idle *out)
{
    struct search search = {.until_ms = until_ms, .limit = limit, .out = out};
    struct bounds bounds = {0};

    ASSERT(out->count == 0);
    if (limit == 0 || stream_idle_since_ms(g) > until_ms) {
        return;
    }
    make_bounds(g, &bounds);
    while (bounds.items.count > 0 && !is_done(&search, &bounds.items.items[0])) {
        (void)look_at_leaf(g, bounds.items.items[0].leaf, &search);
        pick_if_many(g, &search);
        remove_least(&bounds);
    }
    VEC_DEINIT(&bounds.items);
    pick(out, limit);
    if (out->count == 0) {
        settle_least(g);
    }
}
