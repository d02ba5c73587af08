/* SPDX-License-Identifier: MIT */
#include "store/stream_idle.h"

#include "base/vec.h"
#include "store/stream_state.h"

#include <stdlib.h>

enum {
    FEW = 64, /* of which the best are not picked before the end */
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

void stream_idle_collect(struct stream_group *g, int64_t until_ms, uint64_t limit,
                         struct stream_idle *out)
{
    struct stream_pending_reader reader;
    struct stream_pending pending;
    struct stream_pending worst = {
        0}; /* of those that were picked, which are as many as are wanted */
    bool is_full = false;
    int64_t since_ms = INT64_MAX;

    if (limit == 0 || stream_idle_since_ms(g) > until_ms) {
        return;
    }
    stream_pending_read(g, NULL, STREAM_ID_MIN, STREAM_ID_MAX, &reader);
    while (stream_pending_next(&reader, &pending)) {
        if (pending.consumer != NULL && pending.delivered_at_ms < since_ms) {
            since_ms = pending.delivered_at_ms;
        }
        if (pending.consumer != NULL && pending.delivered_at_ms > until_ms) {
            continue;
        }
        if (is_full && compare(&pending, &worst) > 0) {
            continue;
        }
        VEC_PUSH(out, pending);
        if (out->count >= FEW && out->count / 2 > limit) {
            pick(out, limit);
            worst = out->items[out->count - 1];
            is_full = true;
        }
    }
    g->idle_since_ms = since_ms;
    pick(out, limit);
}
