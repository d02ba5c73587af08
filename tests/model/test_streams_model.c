/* SPDX-License-Identifier: MIT */
/* Streams and their groups against a naive model: arrays of ids, and of what is pending.
 *
 * What the pairs of an entry are follows from a number that the model keeps with the id.  Nodes are made small in some
 * of the runs, so that their ends are crossed all the time.  Now and then the stream is dumped, restored and copied, and
 * has to be what it was; and images are taken, two at a time, whose bytes have to be those of their begin. */
#include "base/mem.h"
#include "base/rng.h"
#include "store/keyspace.h"
#include "store/stream.h"
#include "store/stream_group.h"
#include "store/value_image.h"
#include "store/value_space.h"
#include "tests/unit/seed.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum {
    ENTRIES = 4000,
    PENDING = 3000,
    STEPS = 9000,
    CHECK_EVERY = 60,
    DUMP_EVERY = 600,
    GROUPS = 3,
    CONSUMERS = 4,
    PAIRS_MAX = 6,
    TEXT_MAX = 3000,
    IMAGES = 2,
    RELEASED = CONSUMERS, /* in place of a consumer; the time then is the place in the order */
};

/* An image on its way; all-zero: none. */
struct shot {
    struct value_image *image;
    struct buf expected;
    struct buf written;
};

struct pending {
    struct stream_id id;
    unsigned consumer; /* or RELEASED */
    int64_t time;
    uint64_t deliveries;
};

struct group {
    bool is_there;
    bool has_consumer[CONSUMERS];
    struct stream_id last_id;
    struct pending pending[PENDING]; /* in the order of ids */
    size_t pending_count;
    int64_t last_release;
};

struct world {
    struct keyspace *ks;
    struct key_ref ref;
    struct value_edit edit;
    struct rng rng;
    struct stream_id ids[ENTRIES];
    uint64_t shapes[ENTRIES];
    size_t count;
    struct stream_marks marks;
    struct group groups[GROUPS];
    int64_t now_ms;
    struct shot shots[IMAGES];
};

static char filler[TEXT_MAX];

static struct value_draft *open_stream(struct world *w)
{
    keyspace_open(w->ks, &w->ref, keyspace_find_any(w->ks, &w->ref), VALUE_STREAM, &w->edit);
    (void)stream_open(&w->edit.draft);
    return &w->edit.draft;
}

static void close_stream(struct world *w)
{
    cr_assert(keyspace_close(w->ks, &w->edit));
}

static const struct stream *view(const struct world *w)
{
    struct value value = entry_value(keyspace_find_any(w->ks, &w->ref));

    return stream_of(&value);
}

static void begin(struct world *w, const struct value_limits *limits)
{
    uint64_t seed = seed_get();

    memset(w, 0, sizeof(*w));
    memset(filler, 'x', sizeof(filler));
    rng_init(&w->rng, seed);
    w->ks = keyspace_new(&(struct keyspace_options){.database_count = 1, .hash_seed = seed});
    keyspace_set_limits(w->ks, limits);
    w->ref = keyspace_ref(w->ks, 0, BYTES_LITERAL("stream"));
    w->now_ms = 1000;
    (void)open_stream(w);
    close_stream(w);
}

static void end(struct world *w)
{
    keyspace_check(w->ks);
    (void)keyspace_remove(w->ks, &w->ref);
    while (keyspace_work(w->ks, 10)) {
    }
    keyspace_free(w->ks);
    cr_assert_eq(mem_used_total(), 0);
}

/* ---- entries ------------------------------------------------------------------------------------------- */

/* The pairs of a shape: mostly few names, the same again and again; texts and numbers of all kinds. */
static size_t pairs_of(uint64_t shape, struct bytes *out, char *scratch)
{
    static const char *const names[] = {"a", "field", "17", "", "another field"};
    size_t count = shape % 5 == 0 ? 1 + shape / 5 % PAIRS_MAX : 2;
    char *text = scratch;

    for (size_t i = 0; i < count; i++) {
        uint64_t kind = (shape >> 8) + i * 7;
        const char *name = names[shape % 5 == 0 ? kind % 5 : i];

        out[2 * i] = bytes_from_text(name);
        if (kind % 3 == 0) {
            int len = snprintf(text, 32, "%lld", (long long)(kind * 1000003 % 2000000) - 1000000);

            out[2 * i + 1] = bytes_make(text, (size_t)len);
            text += 32;
        } else {
            out[2 * i + 1] = bytes_make(filler, kind % 97 == 1 ? TEXT_MAX : kind % 70);
        }
    }
    return count;
}

static struct stream_id random_next_id(struct world *w)
{
    struct stream_id id = w->marks.last_id;

    switch (rng_below(&w->rng, 4)) {
    case 0:
        id.sequence += 1 + rng_below(&w->rng, 3);
        return id;
    case 1:
        return (struct stream_id){id.ms + 1 + rng_below(&w->rng, 100000), rng_below(&w->rng, 9)};
    default:
        return (struct stream_id){id.ms + 1 + rng_below(&w->rng, 3), 0};
    }
}

static void append(struct world *w)
{
    struct bytes pairs[2 * PAIRS_MAX];
    char scratch[PAIRS_MAX * 32];
    uint64_t shape = rng_below(&w->rng, 1 << 20);
    struct stream_id id = random_next_id(w);

    if (w->count == ENTRIES) {
        return;
    }
    stream_append(open_stream(w), id, pairs, pairs_of(shape, pairs, scratch));
    close_stream(w);
    w->ids[w->count] = id;
    w->shapes[w->count] = shape;
    w->count++;
    w->marks.last_id = id;
    w->marks.entries_added++;
}

static void remove_model(struct world *w, size_t at, size_t count)
{
    memmove(w->ids + at, w->ids + at + count, (w->count - at - count) * sizeof(w->ids[0]));
    memmove(w->shapes + at, w->shapes + at + count, (w->count - at - count) * sizeof(w->shapes[0]));
    w->count -= count;
}

static void delete_one(struct world *w)
{
    size_t at = w->count > 0 ? rng_below(&w->rng, w->count) : 0;
    struct stream_id id = w->count > 0 ? w->ids[at] : (struct stream_id){5, 5};
    bool is_there = w->count > 0;

    if (rng_one_in(&w->rng, 5)) {
        id.sequence += 100;
        is_there = false;
    }
    cr_assert_eq(stream_delete(open_stream(w), id), is_there);
    close_stream(w);
    if (is_there) {
        remove_model(w, at, 1);
        if (stream_id_compare(id, w->marks.max_deleted_id) > 0) {
            w->marks.max_deleted_id = id;
        }
    }
}

static void trim(struct world *w)
{
    size_t few = rng_below(&w->rng, rng_one_in(&w->rng, 100) ? w->count + 1 : w->count / 20 + 1);
    struct stream_trim how = {
        .is_by_id = rng_one_in(&w->rng, 2),
        .max_count = w->count - few,
        .min_id = few < w->count ? w->ids[few] : STREAM_ID_MAX,
        .is_approximate = rng_one_in(&w->rng, 3),
    };
    uint64_t removed;

    how.limit = how.is_approximate && rng_one_in(&w->rng, 2) ? 1 + rng_below(&w->rng, 200) : 0;
    removed = stream_trim(open_stream(w), &how);
    close_stream(w);
    cr_assert_leq(removed, few);
    cr_assert(how.is_approximate || removed == few);
    cr_assert(how.limit == 0 || removed <= how.limit);
    remove_model(w, 0, removed);
}

static void check_entry(const struct world *w, size_t at, struct stream_entry *e)
{
    struct bytes pairs[2 * PAIRS_MAX];
    char scratch[PAIRS_MAX * 32];
    char text[PACKED_SCRATCH];
    size_t count = pairs_of(w->shapes[at], pairs, scratch);
    struct packed_item name;
    struct packed_item value;

    cr_assert_eq(stream_id_compare(e->id, w->ids[at]), 0);
    cr_assert_eq(e->pair_count, count);
    for (size_t i = 0; i < count; i++) {
        cr_assert(stream_entry_next(e, &name, &value));
        cr_assert(bytes_equal(packed_item_text(&name, text), pairs[2 * i]));
        cr_assert(bytes_equal(packed_item_text(&value, text), pairs[2 * i + 1]));
    }
    cr_assert_not(stream_entry_next(e, &name, &value));
}

/* The entries from number `first` on, up to `last`, in one direction or the other. */
static void check_range(const struct world *w, const struct stream *s, size_t first, size_t last)
{
    struct stream_range range = {w->ids[first], w->ids[last], false};
    struct stream_reader r;
    struct stream_entry e;

    if (w->count % 2 == 0 && first > 0) {
        /* From between two entries. */
        range.first = w->ids[first - 1];
        (void)stream_id_next(&range.first);
    }
    stream_read(s, &range, &r);
    for (size_t i = first; i <= last; i++) {
        cr_assert(stream_next(&r, &e));
        check_entry(w, i, &e);
    }
    cr_assert_not(stream_next(&r, &e));
    range.is_reverse = true;
    stream_read(s, &range, &r);
    for (size_t i = last + 1; i > first; i--) {
        cr_assert(stream_next(&r, &e));
        check_entry(w, i - 1, &e);
    }
    cr_assert_not(stream_next(&r, &e));
}

/* ---- groups -------------------------------------------------------------------------------------------- */

static struct bytes name_of(unsigned number, char *text)
{
    return bytes_make(text, (size_t)snprintf(text, 16, "name:%u", number));
}

static struct stream_group *handle(const struct world *w, unsigned g)
{
    char text[16];

    return stream_group_find(view(w), name_of(g, text));
}

static size_t pending_place(const struct group *g, struct stream_id id)
{
    size_t at = 0;

    while (at < g->pending_count && stream_id_compare(g->pending[at].id, id) < 0) {
        at++;
    }
    return at;
}

static void put_pending(struct world *w, struct group *g, const struct pending *p)
{
    size_t at = pending_place(g, p->id);

    (void)w;
    if (at == g->pending_count || stream_id_compare(g->pending[at].id, p->id) != 0) {
        memmove(g->pending + at + 1, g->pending + at,
                (g->pending_count - at) * sizeof(g->pending[0]));
        g->pending_count++;
    }
    g->pending[at] = *p;
}

static void remove_pending(struct group *g, size_t at)
{
    g->pending_count--;
    memmove(g->pending + at, g->pending + at + 1, (g->pending_count - at) * sizeof(g->pending[0]));
}

static void create_or_destroy(struct world *w, unsigned number)
{
    struct group *g = &w->groups[number];
    struct value_draft *draft = open_stream(w);
    char text[16];

    if (g->is_there && rng_one_in(&w->rng, 20)) {
        cr_assert(stream_group_destroy(draft, name_of(number, text)));
        memset(g, 0, sizeof(*g));
    } else {
        struct stream_id from =
            w->count > 0 ? w->ids[rng_below(&w->rng, w->count)] : w->marks.last_id;
        struct stream_group *made =
            stream_group_create(draft, name_of(number, text), from, STREAM_READ_UNKNOWN);

        cr_assert_eq(made == NULL, g->is_there);
        if (!g->is_there) {
            g->is_there = true;
            g->last_id = from;
        }
    }
    close_stream(w);
}

/* A consumer that is there afterwards. */
static struct stream_consumer *some_consumer(struct world *w, unsigned number, unsigned *out)
{
    struct group *g = &w->groups[number];
    char text[16];
    struct bytes name;

    *out = (unsigned)rng_below(&w->rng, CONSUMERS);
    name = name_of(*out, text);
    if (!g->has_consumer[*out]) {
        cr_assert_null(stream_consumer_find(handle(w, number), name));
        cr_assert_not_null(
            stream_consumer_create(&w->edit.draft, handle(w, number), name, w->now_ms));
        g->has_consumer[*out] = true;
    }
    return stream_consumer_find(handle(w, number), name);
}

static void deliver(struct world *w, unsigned number)
{
    struct group *g = &w->groups[number];
    struct stream_range range = {.first = g->last_id, .last = STREAM_ID_MAX};
    struct value_draft *draft = open_stream(w);
    struct pending p = {.time = w->now_ms, .deliveries = 1};
    struct stream_consumer *c = some_consumer(w, number, &p.consumer);
    struct stream_reader r;
    struct stream_entry e;

    if (stream_id_next(&range.first)) {
        stream_read(draft->memory, &range, &r);
        for (size_t n = rng_below(&w->rng, 30); n > 0 && stream_next(&r, &e); n--) {
            p.id = e.id;
            if (g->pending_count == PENDING) {
                break;
            }
            stream_group_advance(draft, handle(w, number), e.id);
            stream_pending_put(draft, handle(w, number),
                               &(struct stream_pending){e.id, c, w->now_ms, 1});
            put_pending(w, g, &p);
            g->last_id = e.id;
        }
    }
    close_stream(w);
}

static void claim_or_acknowledge(struct world *w, unsigned number)
{
    struct group *g = &w->groups[number];
    struct value_draft *draft = open_stream(w);
    size_t at = g->pending_count > 0 ? rng_below(&w->rng, g->pending_count) : 0;

    if (g->pending_count == 0) {
        cr_assert_not(stream_pending_remove(draft, handle(w, number), (struct stream_id){1, 1}));
    } else if (rng_one_in(&w->rng, 2)) {
        at = rng_one_in(&w->rng, 3) ? 0 : at;
        cr_assert(stream_pending_remove(draft, handle(w, number), g->pending[at].id));
        cr_assert_not(stream_pending_remove(draft, handle(w, number), g->pending[at].id));
        remove_pending(g, at);
    } else {
        struct pending *p = &g->pending[at];
        struct stream_consumer *c = some_consumer(w, number, &p->consumer);

        p->time = w->now_ms;
        p->deliveries += rng_below(&w->rng, 3);
        stream_pending_put(draft, handle(w, number),
                           &(struct stream_pending){p->id, c, p->time, p->deliveries});
    }
    close_stream(w);
}

static void release(struct world *w, unsigned number)
{
    struct group *g = &w->groups[number];
    struct pending *p = &g->pending[rng_below(&w->rng, g->pending_count)];
    uint64_t released = 0;

    /* Without others the order begins anew. */
    for (size_t i = 0; i < g->pending_count; i++) {
        released += g->pending[i].consumer == RELEASED && &g->pending[i] != p ? 1 : 0;
    }
    stream_pending_put(open_stream(w), handle(w, number),
                       &(struct stream_pending){.id = p->id, .delivery_count = p->deliveries});
    p->consumer = RELEASED;
    g->last_release = released > 0 ? g->last_release + 1 : 1;
    p->time = g->last_release;
    close_stream(w);
    cr_assert_eq(stream_group_released_count(handle(w, number)), released + 1);
}

static void delete_consumer(struct world *w, unsigned number)
{
    struct group *g = &w->groups[number];
    unsigned consumer = (unsigned)rng_below(&w->rng, CONSUMERS);
    uint64_t expected = 0;
    uint64_t gone;
    char text[16];

    for (size_t i = g->pending_count; i > 0; i--) {
        if (g->pending[i - 1].consumer == consumer) {
            remove_pending(g, i - 1);
            expected++;
        }
    }
    cr_assert_eq(
        stream_consumer_delete(open_stream(w), handle(w, number), name_of(consumer, text), &gone),
        g->has_consumer[consumer]);
    close_stream(w);
    cr_assert_eq(gone, expected);
    g->has_consumer[consumer] = false;
}

/* What is pending of all (consumer CONSUMERS) or of one, from a random id on. */
static void check_pending(struct world *w, const struct stream_group *handle, const struct group *g,
                          unsigned consumer)
{
    size_t at = g->pending_count > 0 ? rng_below(&w->rng, g->pending_count) : 0;
    struct stream_id from = g->pending_count > 0 ? g->pending[at].id : STREAM_ID_MIN;
    char text[16];
    struct stream_consumer *c =
        consumer < CONSUMERS ? stream_consumer_find(handle, name_of(consumer, text)) : NULL;
    struct stream_pending_reader r;
    struct stream_pending p;

    stream_pending_read(handle, c, from, STREAM_ID_MAX, &r);
    for (; at < g->pending_count; at++) {
        const struct pending *expected = &g->pending[at];

        if (c == NULL || expected->consumer == consumer) {
            cr_assert(stream_pending_next(&r, &p));
            cr_assert_eq(stream_id_compare(p.id, expected->id), 0);
            cr_assert(expected->consumer == RELEASED
                          ? p.consumer == NULL
                          : bytes_equal(stream_consumer_name(p.consumer),
                                        name_of(expected->consumer, text)));
            cr_assert_eq(p.delivered_at_ms, expected->time);
            cr_assert_eq(p.delivery_count, expected->deliveries);
        }
    }
    cr_assert_not(stream_pending_next(&r, &p));
}

static void check_group(struct world *w, const struct stream *s, unsigned number)
{
    const struct group *g = &w->groups[number];
    char text[16];
    const struct stream_group *handle = stream_group_find(s, name_of(number, text));
    size_t consumers = 0;

    cr_assert_eq(handle != NULL, g->is_there);
    if (handle == NULL) {
        return;
    }
    cr_assert_eq(stream_id_compare(stream_group_last_id(handle), g->last_id), 0);
    cr_assert_eq(stream_group_pending_count(handle), g->pending_count);
    for (unsigned i = 0; i < CONSUMERS; i++) {
        consumers += g->has_consumer[i] ? 1 : 0;
        if (g->has_consumer[i]) {
            check_pending(w, handle, g, i);
        }
    }
    cr_assert_eq(stream_group_consumer_count(handle), consumers);
    check_pending(w, handle, g, CONSUMERS);
}

/* ---- as a whole ------------------------------------------------------------------------------------------ */

static void check_all(struct world *w, const struct stream *s)
{
    struct stream_marks marks = stream_marks(s);

    cr_assert_eq(stream_count(s), w->count);
    cr_assert_eq(memcmp(&marks, &w->marks, sizeof(marks)), 0);
    cr_assert_eq(stream_id_compare(stream_first_id(s), w->count > 0 ? w->ids[0] : STREAM_ID_MIN),
                 0);
    if (w->count > 0) {
        size_t first = rng_below(&w->rng, w->count);

        check_range(w, s, 0, w->count - 1);
        check_range(w, s, first, first + rng_below(&w->rng, w->count - first));
    }
    for (unsigned i = 0; i < GROUPS; i++) {
        check_group(w, s, i);
    }
}

static void check_dump(struct world *w)
{
    const struct value_types *types = keyspace_types(w->ks);
    struct key_ref other = keyspace_ref(w->ks, 0, BYTES_LITERAL("other"));
    const struct entry *e = keyspace_find_any(w->ks, &w->ref);
    const struct value_ops *ops = value_ops_of(types, e);
    struct value_reader reader = {0};
    struct buf dump = {0};
    struct buf again = {0};
    struct errmsg error = {0};
    struct value value;
    uint64_t digest = ops->digest(e, 1);
    uint64_t cursor = 0;

    value_dump(types, e, &dump);
    do {
        cursor = ops->encode(e, cursor, 1 + rng_below(&w->rng, 5000), &again);
    } while (cursor != 0);
    cr_assert(bytes_equal(buf_bytes(&again), bytes_make(dump.data + 1, dump.len - 1 - 10)));
    cr_assert(value_restore(keyspace_values(w->ks), buf_bytes(&dump), &reader, &error), "%s",
              error.text);
    value = value_reader_take(&reader);
    keyspace_put(w->ks, &other, &value, EXPIRE_NEVER);
    cr_assert_eq(ops->digest(keyspace_find_any(w->ks, &other), 1), digest);
    value = (struct value){.type = VALUE_STREAM, .memory = ops->copy(view(w))};
    keyspace_put(w->ks, &other, &value, EXPIRE_NEVER);
    cr_assert_eq(ops->digest(keyspace_find_any(w->ks, &other), 1), digest);
    value = entry_value(keyspace_find_any(w->ks, &other));
    check_all(w, stream_of(&value));
    keyspace_check(w->ks);
    (void)keyspace_remove(w->ks, &other);
    value_reader_deinit(&reader);
    buf_deinit(&dump);
    buf_deinit(&again);
}

/* Begin an image, or write some more of it. */
static void work_on_image(struct world *w, struct shot *shot)
{
    size_t budget = 1 + rng_below(&w->rng, 300);
    bool is_done;

    if (shot->image == NULL) {
        struct entry *e = keyspace_find_any(w->ks, &w->ref);

        if (value_image_is_wanted(w->ks, e)) {
            value_encode_body(keyspace_types(w->ks), e, &shot->expected);
            shot->image = value_image_begin(w->ks, e);
        }
        return;
    }
    is_done = value_image_step(shot->image, &budget, &shot->written);
    if (!is_done && !rng_one_in(&w->rng, 100)) {
        return;
    }
    cr_assert_eq(is_done, shot->written.len == shot->expected.len);
    cr_assert(bytes_equal(buf_bytes(&shot->written),
                          bytes_prefix(buf_bytes(&shot->expected), shot->written.len)));
    value_image_end(w->ks, shot->image);
    shot->image = NULL;
    buf_clear(&shot->expected);
    buf_clear(&shot->written);
}

/* Without images, and when what was left has been freed, images keep nothing. */
static void end_images(struct world *w)
{
    for (size_t i = 0; i < IMAGES; i++) {
        if (w->shots[i].image != NULL) {
            value_image_end(w->ks, w->shots[i].image);
        }
        buf_deinit(&w->shots[i].expected);
        buf_deinit(&w->shots[i].written);
        w->shots[i] = (struct shot){0};
    }
    while (keyspace_work(w->ks, 10)) {
    }
    cr_assert_eq(keyspace_values(w->ks)->kept_bytes, 0);
}

static void step(struct world *w, bool is_growing)
{
    unsigned number = (unsigned)rng_below(&w->rng, GROUPS);

    w->now_ms++;
    switch (rng_below(&w->rng, is_growing ? 14 : 11)) {
    case 0:
    case 1:
    case 2:
        delete_one(w);
        return;
    case 3:
        trim(w);
        return;
    case 4:
        create_or_destroy(w, number);
        return;
    case 5:
        if (w->groups[number].is_there && rng_one_in(&w->rng, 20)) {
            delete_consumer(w, number);
        }
        return;
    case 6:
    case 7:
        if (w->groups[number].is_there) {
            deliver(w, number);
        }
        return;
    case 8:
    case 9:
        if (w->groups[number].pending_count > 0 && rng_one_in(&w->rng, 4)) {
            release(w, number);
        } else if (w->groups[number].is_there) {
            claim_or_acknowledge(w, number);
        }
        return;
    default:
        for (int i = 0; i < 8; i++) {
            append(w);
        }
        return;
    }
}

static void run(const struct value_limits *limits)
{
    static struct world w;

    begin(&w, limits);
    for (int i = 0; i < STEPS; i++) {
        step(&w, i / 1500 % 2 == 0);
        work_on_image(&w, &w.shots[i % IMAGES]);
        if (i % CHECK_EVERY == 0) {
            check_all(&w, view(&w));
            keyspace_check(w.ks);
        }
        if (i % DUMP_EVERY == 0) {
            check_dump(&w);
        }
        if (i % 2000 == 0) {
            end_images(&w);
        }
    }
    end_images(&w);
    end(&w);
}

Test(streams_model, random_changes_give_what_the_model_gives)
{
    run(&value_limits_default);
}

Test(streams_model, small_nodes_give_what_the_model_gives)
{
    struct value_limits limits = value_limits_default;

    limits.stream_node_max_entries = 3;
    run(&limits);
}

Test(streams_model, nodes_without_limits_give_what_the_model_gives)
{
    struct value_limits limits = value_limits_default;

    limits.stream_node_max_entries = 0;
    limits.stream_node_max_bytes = 0;
    run(&limits);
}
