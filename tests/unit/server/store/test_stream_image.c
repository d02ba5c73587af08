/* SPDX-License-Identifier: MIT */
/* Images of streams: what is written is, to the byte, what would have been written in one go at the begin.  Random
 * changes meanwhile are in tests/model/test_streams_model.c. */
#include "store/stream_image.h"

#include "base/mem.h"
#include "store/entry.h"
#include "store/stream.h"
#include "store/stream_group.h"
#include "store/value_space.h"

#include <criterion/criterion.h>

enum {
    ENTRIES = 60000, /* more nodes than one leaf has */
    PENDING = 3000,
};

struct world {
    struct keyspace *ks;
    struct key_ref ref;
    struct value_edit edit;
    struct value_image *image;
    struct buf expected;
    struct buf written;
};

static const struct bytes pair[] = {
    {.data = "name",  .len = 4},
    {.data = "value", .len = 5},
};

static struct value_draft *open_stream(struct world *w)
{
    keyspace_open(w->ks, &w->ref, keyspace_find_any(w->ks, &w->ref), VALUE_STREAM, &w->edit);
    return &w->edit.draft;
}

static void close_stream(struct world *w)
{
    (void)keyspace_close(w->ks, &w->edit);
}

static struct stream_group *group(struct world *w)
{
    return stream_group_at(stream_open(&w->edit.draft), 0);
}

static void put_pending(struct world *w, uint64_t ms, int64_t time)
{
    stream_pending_put(&w->edit.draft, group(w),
                       &(struct stream_pending){
                           {ms, 0},
                           stream_consumer_at(group(w), 0), time, 1
    });
}

static void begin(struct world *w)
{
    struct value_draft *draft;

    *w = (struct world){
        .ks = keyspace_new(&(struct keyspace_options){.database_count = 1, .hash_seed = 7})};
    w->ref = keyspace_ref(w->ks, 0, BYTES_LITERAL("stream"));
    draft = open_stream(w);
    for (uint64_t ms = 1; ms <= ENTRIES; ms++) {
        stream_append(draft, (struct stream_id){ms, 0}, pair, 1);
    }
    (void)stream_group_create(draft, BYTES_LITERAL("g"), STREAM_ID_MIN, 0);
    (void)stream_consumer_create(draft, group(w), BYTES_LITERAL("c"), 1);
    for (uint64_t ms = 1; ms <= PENDING; ms++) {
        put_pending(w, ms, 5);
    }
    for (uint64_t ms = PENDING; ms > PENDING / 2; ms -= 2) {
        stream_pending_put(&w->edit.draft, group(w),
                           &(struct stream_pending){
                               .id = {ms, 0},
                                 .delivery_count = 1
        });
    }
    close_stream(w);
    value_encode_body(keyspace_types(w->ks), keyspace_find_any(w->ks, &w->ref), &w->expected);
    cr_assert(value_image_is_wanted(w->ks, keyspace_find_any(w->ks, &w->ref)));
    w->image = value_image_begin(w->ks, keyspace_find_any(w->ks, &w->ref));
}

/* So many slices of it. */
static void write_slices(struct world *w, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t budget = 100;

        cr_assert_not(value_image_step(w->image, &budget, &w->written));
    }
}

static void end(struct world *w)
{
    size_t budget = 100;

    while (!value_image_step(w->image, &budget, &w->written)) {
        budget = 100;
    }
    cr_assert(bytes_equal(buf_bytes(&w->written), buf_bytes(&w->expected)));
    keyspace_check(w->ks);
    value_image_end(w->ks, w->image);
    while (keyspace_work(w->ks, 50)) {
    }
    cr_assert_eq(keyspace_values(w->ks)->kept_bytes, 0);
    keyspace_check(w->ks);
    keyspace_free(w->ks);
    buf_deinit(&w->expected);
    buf_deinit(&w->written);
    cr_assert_eq(mem_used_total(), 0);
}

Test(stream_image, it_is_written_in_slices)
{
    struct world w;
    size_t budget = 100;

    begin(&w);
    cr_assert_not(value_image_step(w.image, &budget, &w.written));
    cr_assert_eq(budget, 0);
    cr_assert_lt(w.written.len, 100 * 256 + 4096);
    end(&w);
}

Test(stream_image, it_costs_little_until_something_changes)
{
    struct world w;

    begin(&w);
    cr_assert_eq(keyspace_values(w.ks)->kept_bytes, 0);
    (void)open_stream(&w);
    put_pending(&w, 5, 99);
    close_stream(&w);
    cr_assert_gt(keyspace_values(w.ks)->kept_bytes, 0);
    cr_assert_lt(keyspace_values(w.ks)->kept_bytes, 40 * 1024);
    end(&w);
}

Test(stream_image, entries_that_come_in_or_go_meanwhile_do_not_matter)
{
    struct world w;

    begin(&w);
    write_slices(&w, 3);
    (void)open_stream(&w);
    stream_append(&w.edit.draft, (struct stream_id){ENTRIES + 1, 0}, pair, 1);
    for (uint64_t ms = 1; ms <= ENTRIES; ms += 7) {
        cr_assert(stream_delete(&w.edit.draft, (struct stream_id){ms, 0}));
    }
    close_stream(&w);
    end(&w);
}

Test(stream_image, a_stream_that_is_trimmed_to_nothing_is_written_as_it_was)
{
    struct world w;

    begin(&w);
    write_slices(&w, 3);
    cr_assert_eq(stream_trim(open_stream(&w), &(struct stream_trim){0}), ENTRIES);
    close_stream(&w);
    while (keyspace_work(w.ks, 50)) {
    }
    cr_assert_gt(keyspace_values(w.ks)->kept_bytes, ENTRIES);
    end(&w);
}

Test(stream_image, a_group_that_is_destroyed_is_written_as_it_was)
{
    struct world w;

    begin(&w);
    write_slices(&w, 1);
    cr_assert(stream_group_destroy(open_stream(&w), BYTES_LITERAL("g")));
    close_stream(&w);
    while (keyspace_work(w.ks, 50)) {
    }
    end(&w);
}

Test(stream_image, what_is_pending_may_be_acknowledged_and_its_consumer_deleted)
{
    struct world w;
    uint64_t gone;

    begin(&w);
    (void)open_stream(&w);
    for (uint64_t ms = 1; ms <= PENDING; ms += 2) {
        cr_assert(stream_pending_remove(&w.edit.draft, group(&w), (struct stream_id){ms, 0}));
    }
    cr_assert(stream_consumer_delete(&w.edit.draft, group(&w), BYTES_LITERAL("c"), &gone));
    close_stream(&w);
    cr_assert_eq(gone, PENDING / 4); /* as many again were released */
    end(&w);
}

Test(stream_image, a_stream_that_is_removed_is_written_as_it_was)
{
    struct world w;

    begin(&w);
    write_slices(&w, 3);
    (void)keyspace_remove(w.ks, &w.ref);
    while (keyspace_work(w.ks, 50)) {
    }
    end(&w);
}

Test(stream_image, one_that_ends_early_leaves_nothing_behind)
{
    struct world w;

    begin(&w);
    write_slices(&w, 3);
    (void)keyspace_remove(w.ks, &w.ref);
    value_image_end(w.ks, w.image);
    while (keyspace_work(w.ks, 50)) {
    }
    cr_assert_eq(keyspace_values(w.ks)->kept_bytes, 0);
    keyspace_free(w.ks);
    buf_deinit(&w.expected);
    buf_deinit(&w.written);
    cr_assert_eq(mem_used_total(), 0);
}
