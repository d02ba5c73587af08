/* SPDX-License-Identifier: MIT */
#include "store/stream_group.h"

#include "base/assert.h"
#include "store/stream_state.h"

enum {
    LOOK_AT_ALL = 16, /* of all pending entries one that goes, or more: then all are looked at */
};

/* What a change of the group has cost since is the stream's cost, too. */
static void account(struct stream *s, const struct stream_group *g, struct id_pool before)
{
    s->pool.bytes += g->pool.bytes - before.bytes;
    s->pool.piece_count += g->pool.piece_count - before.piece_count;
}

/* ---- groups -------------------------------------------------------------------------------------------------- */

size_t stream_group_count(const struct stream *s)
{
    return s->groups.count;
}

struct stream_group *stream_group_at(const struct stream *s, size_t place)
{
    ASSERT(place < s->groups.count);
    return (struct stream_group *)s->groups.items[place];
}

struct stream_group *stream_group_find(const struct stream *s, struct bytes name)
{
    return (struct stream_group *)stream_names_find(&s->groups, name);
}

struct bytes stream_group_name(const struct stream_group *g)
{
    return g->named.name;
}

struct stream_id stream_group_last_id(const struct stream_group *g)
{
    return g->last_id;
}

uint64_t stream_group_entries_read(const struct stream_group *g)
{
    return g->entries_read;
}

uint64_t stream_group_pending_count(const struct stream_group *g)
{
    return g->pending.count;
}

uint64_t stream_group_released_count(const struct stream_group *g)
{
    return g->released_count;
}

size_t stream_group_consumer_count(const struct stream_group *g)
{
    return g->consumers.count;
}

bool stream_group_lag(const struct stream *s, const struct stream_group *g, int64_t *out)
{
    uint64_t added = s->marks.entries_added;
    uint64_t number;

    *out = 0;
    if (added == 0) {
        return true;
    }
    if (g->entries_read != STREAM_READ_UNKNOWN && !stream_has_gap_from(s, g->last_id)) {
        *out = (int64_t)(added - g->entries_read);
        return true;
    }
    if (!stream_number_of(s, g->last_id, &number)) {
        return false;
    }
    *out = (int64_t)(added - number);
    return true;
}

struct stream_group *stream_group_add(struct stream *s, struct bytes name)
{
    struct stream_group *g;

    if (stream_group_find(s, name) != NULL) {
        return NULL;
    }
    g = (struct stream_group *)stream_names_add(&s->groups, name, sizeof(*g), &s->pool);
    id_index_init(&g->pending, sizeof(struct stream_pending_ref), NULL);
    g->pool.holder = s->pool.holder;
    g->entries_read = STREAM_READ_UNKNOWN;
    g->idle_since_ms = INT64_MAX;
    return g;
}

struct stream_group *stream_group_create(struct value_draft *draft, struct bytes name,
                                         struct stream_id last_id, uint64_t entries_read)
{
    const struct stream *s = stream_open(draft);
    struct stream_group *g;

    if (stream_group_find(s, name) != NULL) {
        return NULL;
    }
    g = stream_group_add(stream_change(draft), name);
    g->last_id = last_id;
    g->entries_read = entries_read;
    return g;
}

void stream_group_set(struct value_draft *draft, struct stream_group *g, struct stream_id last_id,
                      uint64_t entries_read)
{
    g->last_id = last_id;
    g->entries_read = entries_read;
    draft->is_changed = true;
}

void stream_group_advance(struct value_draft *draft, struct stream_group *g, struct stream_id id)
{
    const struct stream *s = stream_change(draft);

    ASSERT(stream_id_compare(id, g->last_id) > 0);
    if (g->entries_read != STREAM_READ_UNKNOWN && !stream_has_gap_from(s, id)) {
        g->entries_read += g->entries_read < STREAM_COUNTER_MAX ? 1 : 0;
    } else if (!stream_number_of(s, id, &g->entries_read)) {
        g->entries_read = STREAM_READ_UNKNOWN;
    }
    g->last_id = id;
}

/* ---- consumers ----------------------------------------------------------------------------------------------- */

struct stream_consumer *stream_consumer_at(const struct stream_group *g, size_t place)
{
    ASSERT(place < g->consumers.count);
    return (struct stream_consumer *)g->consumers.items[place];
}

struct stream_consumer *stream_consumer_find(const struct stream_group *g, struct bytes name)
{
    return (struct stream_consumer *)stream_names_find(&g->consumers, name);
}

struct bytes stream_consumer_name(const struct stream_consumer *c)
{
    return c->named.name;
}

int64_t stream_consumer_seen_at_ms(const struct stream_consumer *c)
{
    return c->seen_at_ms;
}

int64_t stream_consumer_active_at_ms(const struct stream_consumer *c)
{
    return c->active_at_ms;
}

uint64_t stream_consumer_pending_count(const struct stream_consumer *c)
{
    return c->ids.count;
}

struct stream_consumer *stream_consumer_add(struct stream *s, struct stream_group *g,
                                            struct bytes name)
{
    struct id_pool before = g->pool;
    struct stream_consumer *c;

    if (stream_consumer_find(g, name) != NULL) {
        return NULL;
    }
    c = (struct stream_consumer *)stream_names_add(&g->consumers, name, sizeof(*c), &g->pool);
    id_index_init(&c->ids, sizeof(struct stream_id), NULL);
    c->active_at_ms = STREAM_NEVER;
    account(s, g, before);
    return c;
}

struct stream_consumer *stream_consumer_create(struct value_draft *draft, struct stream_group *g,
                                               struct bytes name, int64_t now_ms)
{
    struct stream_consumer *c = stream_consumer_add(draft->memory, g, name);

    if (c != NULL) {
        c->seen_at_ms = now_ms;
        draft->is_changed = true;
    }
    return c;
}

void stream_consumer_put_times(struct stream_consumer *c, int64_t seen_at_ms, int64_t active_at_ms)
{
    c->seen_at_ms = seen_at_ms;
    c->active_at_ms = active_at_ms;
}

/* ---- pending entries ------------------------------------------------------------------------------------------- */

static const struct stream_pending_ref *pending_at(const struct stream_group *g, struct id_at at)
{
    return id_index_get(&g->pending, at);
}

static void tell_pending(const struct stream_pending_ref *ref, struct stream_pending *out)
{
    *out = (struct stream_pending){
        .id = ref->id,
        .consumer = ref->consumer,
        .delivered_at_ms = ref->delivered_at_ms,
        .delivery_count = ref->delivery_count,
    };
}

bool stream_pending_find(const struct stream_group *g, struct stream_id id,
                         struct stream_pending *out)
{
    struct id_at at;

    if (!id_index_find(&g->pending, id, &at)) {
        return false;
    }
    if (out != NULL) {
        tell_pending(pending_at(g, at), out);
    }
    return true;
}

static void take_from_consumer(struct stream_group *g, struct stream_consumer *c,
                               struct stream_id id)
{
    struct id_at at;
    bool is_there = id_index_find(&c->ids, id, &at);

    ASSERT(is_there);
    id_index_remove(&c->ids, at, &g->pool);
}

/* It is among what is pending, and was delivered at this time. */
static void note_delivered(struct stream_group *g, struct stream_id id, int64_t at_ms)
{
    id_index_note_low(&g->pending, id, at_ms);
    g->idle_since_ms = at_ms < g->idle_since_ms ? at_ms : g->idle_since_ms;
}

/* It is no longer pending of its consumer, or released. */
static void disown(struct stream_group *g, const struct stream_pending_ref *ref)
{
    if (ref->consumer != NULL) {
        take_from_consumer(g, ref->consumer, ref->id);
        return;
    }
    ASSERT(g->released_count > 0);
    g->released_count--;
    g->last_release = g->released_count > 0 ? g->last_release : 0;
}

/* The ref, of nobody, gets what is told; the last of those released when that is of nobody. */
static void own(struct stream_group *g, struct stream_pending_ref *ref,
                const struct stream_pending *pending)
{
    ref->consumer = pending->consumer;
    ref->delivered_at_ms = pending->delivered_at_ms;
    ref->delivery_count = pending->delivery_count;
    if (pending->consumer != NULL) {
        note_delivered(g, pending->id, pending->delivered_at_ms);
    } else {
        ASSERT(g->last_release < INT64_MAX);
        g->released_count++;
        ref->delivered_at_ms = ++g->last_release;
        id_index_note_low(&g->pending, pending->id, INT64_MIN);
    }
}

void stream_pending_put(struct value_draft *draft, struct stream_group *g,
                        const struct stream_pending *pending)
{
    struct id_pool before = g->pool;
    struct stream_pending_ref *ref;
    bool is_moved = true; /* to another consumer, or from none, or to none */
    struct id_at at;

    if (id_index_find(&g->pending, pending->id, &at)) {
        ref = id_index_change(&g->pending, at, &g->pool);
        is_moved = ref->consumer == NULL || ref->consumer != pending->consumer;
        if (is_moved) {
            disown(g, ref);
        }
    } else {
        ref = id_index_insert(&g->pending, pending->id, &g->pool);
    }
    if (is_moved && pending->consumer != NULL) {
        (void)id_index_insert(&pending->consumer->ids, pending->id, &g->pool);
    }
    own(g, ref, pending);
    account(stream_change(draft), g, before);
}

bool stream_pending_add(struct stream *s, struct stream_group *g,
                        const struct stream_pending *pending)
{
    struct id_pool before = g->pool;
    struct stream_pending_ref *ref;
    struct id_at at;

    if (id_index_find(&g->pending, pending->id, &at)) {
        return false;
    }
    ref = id_index_insert(&g->pending, pending->id, &g->pool);
    note_delivered(g, pending->id, pending->delivered_at_ms);
    ref->delivered_at_ms = pending->delivered_at_ms;
    ref->delivery_count = pending->delivery_count;
    account(s, g, before);
    return true;
}

enum stream_pending_owned stream_pending_own(struct stream *s, struct stream_group *g,
                                             struct stream_id id, struct stream_consumer *consumer)
{
    struct id_pool before = g->pool;
    struct stream_pending_ref *ref;
    struct id_at at;

    if (!id_index_find(&g->pending, id, &at)) {
        return STREAM_PENDING_UNKNOWN;
    }
    ref = id_index_change(&g->pending, at, &g->pool);
    if (ref->consumer != NULL) {
        return STREAM_PENDING_TAKEN;
    }
    ref->consumer = consumer;
    (void)id_index_insert(&consumer->ids, id, &g->pool);
    account(s, g, before);
    return STREAM_PENDING_OWNED;
}

void stream_pending_note_released(struct stream_group *g, struct stream_id id)
{
    id_index_note_low(&g->pending, id, INT64_MIN);
}

void stream_group_put_released(struct stream_group *g, uint64_t count, int64_t last_release)
{
    ASSERT(g->released_count == 0 && count > 0 && last_release >= 1);
    g->released_count = count;
    g->last_release = last_release;
}

bool stream_pending_remove(struct value_draft *draft, struct stream_group *g, struct stream_id id)
{
    struct id_pool before = g->pool;
    struct id_at at;

    if (!id_index_find(&g->pending, id, &at)) {
        return false;
    }
    disown(g, pending_at(g, at));
    id_index_remove(&g->pending, at, &g->pool);
    account(stream_change(draft), g, before);
    return true;
}

void stream_pending_read(const struct stream_group *g, const struct stream_consumer *consumer,
                         struct stream_id first, struct stream_id last,
                         struct stream_pending_reader *out)
{
    struct id_at at;

    *out = (struct stream_pending_reader){
        .group = g,
        .ids = consumer != NULL ? &consumer->ids : &g->pending,
        .is_of_consumer = consumer != NULL,
        .last = last,
    };
    out->is_done = !id_index_seek(out->ids, first, &at);
    out->leaf = at.leaf;
    out->item = at.item;
}

bool stream_pending_next(struct stream_pending_reader *r, struct stream_pending *out)
{
    struct id_at at = {r->leaf, r->item};
    struct stream_id id;

    if (r->is_done) {
        return false;
    }
    id = *(const struct stream_id *)id_index_get(r->ids, at);
    if (stream_id_compare(id, r->last) > 0) {
        r->is_done = true;
        return false;
    }
    if (r->is_of_consumer) {
        bool is_there = stream_pending_find(r->group, id, out);

        ASSERT(is_there);
    } else {
        tell_pending(id_index_get(r->ids, at), out);
    }
    r->is_done = !id_index_next(r->ids, &at);
    r->leaf = at.leaf;
    r->item = at.item;
    return true;
}

bool stream_pending_edges(const struct stream_group *g, struct stream_id *first,
                          struct stream_id *last)
{
    struct id_at at;

    if (!id_index_last(&g->pending, &at)) {
        return false;
    }
    *last = pending_at(g, at)->id;
    *first = pending_at(g, (struct id_at){0})->id;
    return true;
}

/* ---- removing -------------------------------------------------------------------------------------------------- */

static bool is_of_consumer(const void *context, const void *item)
{
    return ((const struct stream_pending_ref *)item)->consumer == context;
}

/* Take what is pending of the consumer out of the group's index: by a look at all, or one by one. */
static void take_all_of_consumer(struct stream_group *g, const struct stream_consumer *c)
{
    struct id_at at = {0};
    bool has_more = c->ids.count > 0;

    if (c->ids.count > g->pending.count / LOOK_AT_ALL) {
        id_index_remove_if(&g->pending, is_of_consumer, c, &g->pool);
        return;
    }
    while (has_more) {
        struct id_at pending;

        has_more = id_index_find(&g->pending, *(const struct stream_id *)id_index_get(&c->ids, at),
                                 &pending);
        ASSERT(has_more);
        id_index_remove(&g->pending, pending, &g->pool);
        has_more = id_index_next(&c->ids, &at);
    }
}

bool stream_consumer_delete(struct value_draft *draft, struct stream_group *g, struct bytes name,
                            uint64_t *pending_count)
{
    struct id_pool before = g->pool;
    bool is_there;
    uint32_t place = stream_names_seek(&g->consumers, name, &is_there);
    struct stream_consumer *c;
    size_t budget = SIZE_MAX;

    *pending_count = 0;
    if (!is_there) {
        return false;
    }
    c = stream_consumer_at(g, place);
    *pending_count = c->ids.count;
    take_all_of_consumer(g, c);
    (void)id_index_free(&c->ids, &g->pool, &budget);
    stream_names_unlink(&g->consumers, place, &g->pool);
    stream_named_free(&c->named, sizeof(*c), &g->pool);
    account(stream_change(draft), g, before);
    return true;
}

bool stream_group_destroy(struct value_draft *draft, struct bytes name)
{
    struct stream *s = draft->memory;
    struct stream *dropped;
    struct id_pool moved;
    bool is_there;
    uint32_t place = stream_names_seek(&s->groups, name, &is_there);
    struct stream_group *g;

    if (!is_there) {
        return false;
    }
    g = stream_group_at(s, place);
    dropped = stream_dropped(draft);
    moved = g->pool;
    id_pool_add(&moved, sizeof(*g) + name.len);
    id_pool_move(&s->pool, &dropped->pool, moved);
    stream_names_unlink(&s->groups, place, &s->pool);
    stream_names_insert(&dropped->groups, dropped->groups.count, &g->named, &dropped->pool);
    draft->is_changed = true;
    return true;
}

/* ---- as a whole ------------------------------------------------------------------------------------------------ */

/* Free the last consumer, or what the budget is good for; true when it is gone. */
static bool free_last_consumer(struct stream_group *g, size_t *budget)
{
    uint32_t last = g->consumers.count - 1;
    struct stream_consumer *c = stream_consumer_at(g, last);

    if (!id_index_free(&c->ids, &g->pool, budget) || *budget == 0) {
        return false;
    }
    stream_names_unlink(&g->consumers, last, &g->pool);
    stream_named_free(&c->named, sizeof(*c), &g->pool);
    *budget -= ID_PIECE_COST < *budget ? ID_PIECE_COST : *budget;
    return true;
}

bool stream_group_free_last(struct stream *s, size_t *budget)
{
    uint32_t last = s->groups.count - 1;
    struct stream_group *g = stream_group_at(s, last);
    struct id_pool before = g->pool;
    bool is_empty = id_index_free(&g->pending, &g->pool, budget);

    while (is_empty && g->consumers.count > 0) {
        is_empty = free_last_consumer(g, budget);
    }
    account(s, g, before);
    if (!is_empty || *budget == 0) {
        return false;
    }
    stream_names_unlink(&s->groups, last, &s->pool);
    stream_named_free(&g->named, sizeof(*g), &s->pool);
    *budget -= ID_PIECE_COST < *budget ? ID_PIECE_COST : *budget;
    return true;
}

/* What is neither in an index nor of a consumer. */
static void copy_marks(const struct stream_group *from, struct stream_group *to)
{
    to->last_id = from->last_id;
    to->entries_read = from->entries_read;
    to->released_count = from->released_count;
    to->last_release = from->last_release;
    to->idle_since_ms = from->idle_since_ms;
}

void stream_group_copy(const struct stream_group *from, struct stream *to)
{
    struct stream_group *twin = stream_group_add(to, from->named.name);
    struct id_pool before = twin->pool;

    copy_marks(from, twin);
    id_index_copy(&from->pending, &twin->pending, &twin->pool);
    account(to, twin, before);
    for (uint32_t i = 0; i < from->consumers.count; i++) {
        const struct stream_consumer *c = stream_consumer_at(from, i);
        struct stream_consumer *other = stream_consumer_add(to, twin, c->named.name);
        struct id_at at = {0};
        bool has_more = c->ids.count > 0;

        before = twin->pool;
        other->seen_at_ms = c->seen_at_ms;
        other->active_at_ms = c->active_at_ms;
        id_index_copy(&c->ids, &other->ids, &twin->pool);
        account(to, twin, before);
        while (has_more) {
            struct id_at pending;

            has_more = id_index_find(
                &twin->pending, *(const struct stream_id *)id_index_get(&c->ids, at), &pending);
            ASSERT(has_more);
            ((struct stream_pending_ref *)id_index_change(&twin->pending, pending, &twin->pool))
                ->consumer = other;
            has_more = id_index_next(&c->ids, &at);
        }
    }
}

void stream_group_share(struct stream_group *from, struct stream *to)
{
    struct stream_group *image = stream_group_add(to, from->named.name);

    from->pool.holder.kept_bytes = to->pool.holder.kept_bytes;
    copy_marks(from, image);
    id_index_share(&from->pending, &image->pending);
    for (uint32_t i = 0; i < from->consumers.count; i++) {
        const struct stream_consumer *c = stream_consumer_at(from, i);
        struct stream_consumer *other = stream_consumer_add(to, image, c->named.name);

        other->seen_at_ms = c->seen_at_ms;
        other->active_at_ms = c->active_at_ms;
        id_index_share(&c->ids, &other->ids);
    }
    image->pool = from->pool;
    image->pool.holder.is_image = true;
}

static size_t names_bytes(const struct stream_names *names)
{
    return names->cap * sizeof(struct stream_named *);
}

static void check_released(const struct stream_group *g)
{
    struct id_at at = {0};
    bool has_more = g->pending.count > 0;
    uint64_t count = 0;

    while (has_more) {
        const struct stream_pending_ref *ref = pending_at(g, at);

        ASSERT(id_index_low(&g->pending, at.leaf) <=
               (ref->consumer == NULL ? INT64_MIN : ref->delivered_at_ms));
        if (ref->consumer == NULL) {
            ASSERT(ref->delivered_at_ms >= 1 && ref->delivered_at_ms <= g->last_release);
            count++;
        } else {
            ASSERT(ref->delivered_at_ms >= g->idle_since_ms);
        }
        has_more = id_index_next(&g->pending, &at);
    }
    ASSERT(count == g->released_count && (count > 0 || g->last_release == 0));
}

void stream_group_check(const struct stream_group *g, struct id_pool *sum)
{
    struct id_pool own = {.bytes = names_bytes(&g->consumers)};
    uint64_t count = 0;

    id_index_check(&g->pending, &own);
    for (uint32_t i = 0; i < g->consumers.count; i++) {
        const struct stream_consumer *c = stream_consumer_at(g, i);
        struct id_at at = {0};
        bool has_more = c->ids.count > 0;

        ASSERT(i == 0 || bytes_compare(g->consumers.items[i - 1]->name, c->named.name) < 0);
        id_index_check(&c->ids, &own);
        id_pool_add(&own, sizeof(*c) + c->named.name.len);
        count += c->ids.count;
        while (has_more) {
            struct stream_pending pending;

            has_more = stream_pending_find(g, *(const struct stream_id *)id_index_get(&c->ids, at),
                                           &pending);
            ASSERT(has_more && pending.consumer == c);
            has_more = id_index_next(&c->ids, &at);
        }
    }
    ASSERT(count + g->released_count == g->pending.count);
    check_released(g);
    ASSERT(own.bytes == g->pool.bytes && own.piece_count == g->pool.piece_count);
    id_pool_add(sum, own.bytes + sizeof(*g) + g->named.name.len);
    sum->piece_count += own.piece_count;
}
