/* SPDX-License-Identifier: MIT */
/* The image: every sink gets all of it, none disturbs the others. */
#include "node/inside.h"
#include "persist/rdb.h"
#include "store/value_space.h"
#include "tests/alone/alone.h"

#include "base/rng.h"
#include "tests/unit/seed.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

struct taker {
    struct image_sink sink;
    struct buf bytes;
    size_t takes;
    size_t most_bytes; /* in one of them */
    unsigned ends;
    unsigned cancels;
    bool is_full;
};

static void take(struct node *node, struct image_sink *sink, struct buf *bytes)
{
    struct taker *t = CONTAINER_OF(sink, struct taker, sink);

    (void)node;
    t->takes++;
    t->most_bytes = bytes->len > t->most_bytes ? bytes->len : t->most_bytes;
    buf_append_bytes(&t->bytes, buf_bytes(bytes));
}

static bool has_room(const struct node *node, const struct image_sink *sink)
{
    (void)node;
    return !CONTAINER_OF_CONST(sink, struct taker, sink)->is_full;
}

static void end(struct node *node, struct image_sink *sink)
{
    (void)node;
    CONTAINER_OF(sink, struct taker, sink)->ends++;
}

static void cancel(struct node *node, struct image_sink *sink, const char *reason)
{
    (void)node;
    cr_expect_str_not_empty(reason);
    CONTAINER_OF(sink, struct taker, sink)->cancels++;
}

static const struct image_sink_verbs verbs = {
    .take = take, .has_room = has_room, .end = end, .cancel = cancel};

enum {
    TAKERS = 3,
};

struct world {
    struct alone *alone;
    struct node *node;
    struct taker takers[TAKERS];
};

/* Many keys, and an image that all takers have joined. */
static struct world *start(void)
{
    static struct world w;

    w.alone = alone_new(&(struct alone_option){"enable-debug-command", "yes"}, 1);
    w.node = w.alone->node;
    alone_connect(w.alone, 0);
    alone_pass(w.alone, 0, 0, BYTES_LITERAL("DEBUG POPULATE 30000 key 100\r\n"));
    image_begin(w.node);
    for (size_t i = 0; i < TAKERS; i++) {
        image_join(w.node, &w.takers[i].sink, &verbs);
    }
    image_check(w.node);
    return &w;
}

static void finish(struct world *w)
{
    image_check(w->node);
    for (size_t i = 0; i < TAKERS; i++) {
        buf_deinit(&w->takers[i].bytes);
    }
    alone_free(w->alone);
}

static void step_to_the_end(struct world *w)
{
    while (image_step(w->node)) {
        image_check(w->node);
    }
}

static void count_record(void *context, const struct rdb_record *record)
{
    (void)record;
    ++*(size_t *)context;
}

/* How many records are in a whole and undamaged image. */
static size_t records_in(struct bytes bytes)
{
    size_t count = 0;
    size_t consumed;
    struct errmsg error;
    struct value_space space;
    struct rdb_reader *reader = rdb_reader_new(&(struct rdb_reader_options){
        .on_record = count_record,
        .context = &count,
        .database_count = 16,
        .max_value_bytes = 1024,
        .space = &space,
    });

    value_space_init(&space, &value_types_builtin, 1, 1 << 26);
    cr_assert_eq(rdb_reader_feed(reader, bytes, &consumed, &error), RDB_OK);
    cr_assert_eq(consumed, bytes.len);
    rdb_reader_free(reader);
    value_space_deinit(&space);
    return count;
}

Test(image, gives_all_sinks_the_same_bytes_and_each_one_end)
{
    struct world *w = start();

    step_to_the_end(w);
    cr_assert_not(w->node->image.is_on);
    cr_assert_gt(w->takers[0].takes, 10);
    cr_assert_eq(records_in(buf_bytes(&w->takers[0].bytes)), 30000);
    for (size_t i = 0; i < TAKERS; i++) {
        cr_assert(bytes_equal(buf_bytes(&w->takers[i].bytes), buf_bytes(&w->takers[0].bytes)));
        cr_assert(w->takers[i].ends == 1 && w->takers[i].cancels == 0);
    }
    finish(w);
}

Test(image, has_what_was_there_when_it_began_whatever_changes_meanwhile)
{
    struct world *w = start();

    cr_assert(image_step(w->node));
    alone_pass(w->alone, 0, 0, BYTES_LITERAL("SET new 1\r\nDEL key:1 key:2\r\nFLUSHALL\r\n"));
    step_to_the_end(w);
    cr_assert_eq(records_in(buf_bytes(&w->takers[0].bytes)), 30000);
    cr_assert_eq(keyspace_count_all(w->node->data.keyspace), 0);
    finish(w);
}

Test(image, goes_on_undisturbed_when_a_sink_leaves)
{
    struct world *w = start();

    cr_assert(image_step(w->node));
    image_leave(&w->takers[1].sink);
    step_to_the_end(w);
    cr_assert(w->takers[1].ends == 0 && w->takers[1].cancels == 0);
    cr_assert_lt(w->takers[1].bytes.len, w->takers[0].bytes.len);
    cr_assert_eq(records_in(buf_bytes(&w->takers[0].bytes)), 30000);
    cr_assert_eq(records_in(buf_bytes(&w->takers[2].bytes)), 30000);
    finish(w);
}

Test(image, is_given_up_when_the_last_sink_has_left)
{
    struct world *w = start();

    for (size_t i = 0; i < TAKERS; i++) {
        image_leave(&w->takers[i].sink);
    }
    cr_assert_not(image_step(w->node));
    cr_assert_not(w->node->image.is_on);
    cr_assert_eq(image_keep_from(w->node), UINT64_MAX);
    finish(w);
}

Test(image, is_not_walked_while_a_sink_has_no_room)
{
    struct world *w = start();
    uint64_t written;

    cr_assert(image_step(w->node));
    written = w->node->image.written_count;
    w->takers[2].is_full = true;
    for (int i = 0; i < 10; i++) {
        cr_assert_not(image_step(w->node));
    }
    cr_assert_eq(w->node->image.written_count, written);
    w->takers[2].is_full = false;
    step_to_the_end(w);
    cr_assert_eq(records_in(buf_bytes(&w->takers[2].bytes)), 30000);
    finish(w);
}

Test(image, that_is_cancelled_tells_every_sink_once_and_ends_none)
{
    struct world *w = start();

    cr_assert(image_step(w->node));
    image_cancel(w->node, "of a test");
    image_cancel(w->node, "of a test");
    cr_assert_not(image_step(w->node));
    for (size_t i = 0; i < TAKERS; i++) {
        cr_assert(w->takers[i].cancels == 1 && w->takers[i].ends == 0);
    }
    finish(w);
}

Test(image, keeps_the_log_from_where_it_stands)
{
    struct world *w = start();
    uint64_t began_at = oplog_end(w->node->journal.log);

    cr_assert_eq(image_keep_from(w->node), began_at);
    alone_pass(w->alone, 0, 0, BYTES_LITERAL("SET k v\r\n"));
    cr_assert_gt(oplog_end(w->node->journal.log), began_at);
    image_cancel(w->node, "of a test");
    cr_assert_eq(image_keep_from(w->node), UINT64_MAX);
    finish(w);
}

Test(image, is_one_at_a_time, .signal = SIGABRT)
{
    image_begin(start()->node);
}

Test(image, is_not_joined_after_its_first_slice, .signal = SIGABRT)
{
    struct world *w = start();
    struct taker late = {.takes = 0};

    cr_assert(image_step(w->node));
    image_join(w->node, &late.sink, &verbs);
}

Test(image, is_not_joined_before_it_begins, .signal = SIGABRT)
{
    struct alone *a = alone_new(NULL, 0);
    struct taker early = {.takes = 0};

    image_join(a->node, &early.sink, &verbs);
}

/* ---- large values ------------------------------------------------------------------------------- */

enum {
    LARGE_VALUES = 4, /* of each type */
    LARGE_COUNT = 10000,
    AT_ONCE = 10, /* members set in one request */
    SMALL_KEYS = 400,
    REQUEST_TEXT = 200,
};

#define FAR_MS 1900000000000ULL /* fields that expire do so then */

static void request(struct world *w, const char *format, ...) PRINTF_LIKE(2, 3);
static void request(struct world *w, const char *format, ...)
{
    char text[REQUEST_TEXT];
    va_list args;
    struct buf out;
    int len;

    va_start(args, format);
    len = vsnprintf(text, sizeof(text) - 2, format, args);
    va_end(args);
    memcpy(text + len, "\r\n", 3);
    alone_pass(w->alone, 1000, 0, bytes_from_text(text));
    out = alone_take(w->alone, 0);
    cr_assert_neq(out.data[0], '-', "%s: %s", text, buf_text(&out));
    buf_deinit(&out);
}

/* Something of each large value with this number. */
static void change_members(struct world *w, unsigned value, unsigned member)
{
    request(w, "HPEXPIREAT hash:%u %llu FIELDS 1 f%u", value, FAR_MS - member, member);
    request(w, "RPUSH list:%u a", value);
    request(w, "LSET list:%u -1 %u", value, member);
    request(w, "LINSERT list:%u BEFORE l%u new", value, member % 100);
    request(w, "LMOVE list:%u list:%u LEFT RIGHT", value, (value + 1) % LARGE_VALUES);
    request(w, "LPOP list:%u", value);
    request(w, "HSET hash:%u f%u %u", value, member, member + 7);
    request(w, "HDEL hash:%u f%u", value, member / 2);
    request(w, "SADD set:%u m%u", value, member);
    request(w, "SREM set:%u m%u", value, member / 2);
    request(w, "ZADD zset:%u %u z%u", value, member / 3, member);
    request(w, "ZREM zset:%u z%u", value, member / 2);
}

/* More of a list than an element. */
static void change_list(struct world *w, struct rng *rng, unsigned value, unsigned member)
{
    switch (rng_below(rng, 6)) {
    case 0:
        request(w, "LTRIM list:%u 100 -%u", value, 1 + member);
        break;
    case 1:
        request(w, "COPY list:%u list:%u REPLACE", value, (value + 1) % LARGE_VALUES);
        break;
    case 2:
        request(w, "SET list:%u text", value);
        request(w, "DEL list:%u", value);
        break;
    case 3:
        request(w, "LREM list:%u 0 l%u", value, member % 100);
        break;
    case 4:
        request(w, "PEXPIREAT list:%u 1", value);
        break;
    default:
        request(w, "RPUSH list:%u l", (value + 1) % LARGE_VALUES);
        request(w, "RENAME list:%u list:%u", (value + 1) % LARGE_VALUES, value);
        break;
    }
}

/* A change of something, large values above all. */
static void change(struct world *w, struct rng *rng)
{
    unsigned value = (unsigned)rng_below(rng, LARGE_VALUES);
    unsigned member = (unsigned)rng_below(rng, LARGE_COUNT + LARGE_COUNT / 4);

    switch (rng_below(rng, 56)) {
    case 0:
        request(w, "DEL hash:%u", value);
        break;
    case 1:
        request(w, "COPY set:%u set:%u REPLACE", value, (value + 1) % LARGE_VALUES);
        break;
    case 2:
        request(w, "SET set:%u text", value);
        request(w, "DEL set:%u", value);
        break;
    case 3:
        request(w, "SUNIONSTORE set:%u set:%u set:%u", value, value, (value + 1) % LARGE_VALUES);
        break;
    case 4:
        request(w, "SWAPDB 0 1");
        break;
    case 5:
        request(w, "EXPIRE hash:%u 1000", value);
        break;
    case 6:
    case 7:
    case 8:
    case 9:
        request(w, "SET key:%u other", (unsigned)rng_below(rng, 2 * SMALL_KEYS));
        break;
    case 10:
    case 11:
        request(w, "SPOP set:%u 50", value);
        break;
    case 13:
        request(w, "ZREMRANGEBYRANK zset:%u 10 400", value);
        break;
    case 14:
        request(w, "ZREMRANGEBYRANK zset:%u 0 -1", value);
        break;
    case 12:
        request(w, "HSET hash:%u:new f %u", value, member);
        break;
    case 21:
        if (rng_one_in(rng, 40)) {
            request(w, "FLUSHALL");
        }
        break;
    case 22:
    case 23:
        request(w, "HSETEX hash:%u PXAT %llu FIELDS 1 f%u x", value, FAR_MS + member, member);
        request(w, "HPERSIST hash:%u FIELDS 1 f%u", value, member / 2);
        break;
    default:
        if (rng_one_in(rng, 6)) {
            change_list(w, rng, value, member);
        } else {
            change_members(w, value, member);
        }
        break;
    }
}

static void fill(struct world *w)
{
    for (unsigned value = 0; value < LARGE_VALUES; value++) {
        for (unsigned i = 0; i < LARGE_COUNT; i += AT_ONCE) {
            struct buf fields = {0};
            struct buf members = {0};
            struct buf scores = {0};
            struct buf elements = {0};

            for (unsigned j = i; j < i + AT_ONCE; j++) {
                buf_printf(&fields, " f%u %u", j, j);
                buf_printf(&members, " m%u", j);
                buf_printf(&scores, " %u.5 z%u", j % 1000, j);
                buf_printf(&elements, " l%u", j % 100);
            }
            request(w, "HSET hash:%u%s", value, buf_text(&fields));
            if (value % 2 == 0) {
                request(w, "HPEXPIREAT hash:%u %llu FIELDS 1 f%u", value, FAR_MS + i, i);
            }
            request(w, "SADD set:%u%s", value, buf_text(&members));
            request(w, "ZADD zset:%u%s", value, buf_text(&scores));
            request(w, "RPUSH list:%u%s", value, buf_text(&elements));
            buf_deinit(&elements);
            buf_deinit(&scores);
            buf_deinit(&fields);
            buf_deinit(&members);
        }
    }
    for (unsigned i = 0; i < SMALL_KEYS; i++) {
        request(w, "SET key:%u text", i);
        request(w, "HSET small:%u f v g w", i);
        request(w, "HPEXPIREAT small:%u %llu FIELDS 1 g", i, FAR_MS + i);
    }
}

static void put_record(void *context, const struct rdb_record *record)
{
    struct keyspace *ks = context;
    struct key_ref ref = keyspace_ref(ks, record->db, record->key);

    cr_assert_null(keyspace_find_any(ks, &ref), "a key comes twice");
    keyspace_put(ks, &ref, record->value, record->expire_at_ms);
}

static uint64_t digest_of(struct keyspace *ks)
{
    struct digest digest = {.types = keyspace_types(ks), .lanes = 1};

    for (digest.db = 0; digest.db < 2; digest.db++) {
        (void)keyspace_scan(ks, digest.db, 0, SIZE_MAX, digest_entry, &digest);
    }
    keyspace_check(ks);
    return digest.sums[0];
}

static uint64_t digest_of_image(struct bytes bytes)
{
    struct keyspace *ks = keyspace_new(&(struct keyspace_options){.database_count = 16});
    struct rdb_reader *reader = rdb_reader_new(&(struct rdb_reader_options){
        .on_record = put_record,
        .context = ks,
        .database_count = 16,
        .max_value_bytes = 1024,
        .space = keyspace_values(ks),
    });
    struct errmsg error = {0};
    size_t consumed;
    uint64_t sum;

    cr_assert_eq(rdb_reader_feed(reader, bytes, &consumed, &error), RDB_OK, "%s", error.text);
    rdb_reader_free(reader);
    sum = digest_of(ks);
    keyspace_free(ks);
    return sum;
}

Test(image, has_large_values_as_they_were_whatever_changes_meanwhile)
{
    static struct world w;
    uint64_t seed = seed_get();
    struct rng rng;
    uint64_t before;
    uint64_t steps = 0;

    rng_init(&rng, seed);
    w.alone = alone_new(NULL, 0);
    w.node = w.alone->node;
    alone_connect(w.alone, 0);
    for (int round = 0; round < 6; round++) {
        fill(&w);
        before = digest_of(w.node->data.keyspace);
        image_begin(w.node);
        image_join(w.node, &w.takers[0].sink, &verbs);
        do {
            /* Slices are taken here, and not by the passes of the requests. */
            w.takers[0].is_full = true;
            for (uint64_t i = rng_below(&rng, 30); i > 0; i--) {
                change(&w, &rng);
            }
            w.takers[0].is_full = false;
            image_check(w.node);
            steps++;
        } while (image_step(w.node));
        SEED_ASSERT(w.takers[0].ends == (unsigned)round + 1, seed);
        SEED_ASSERT(digest_of_image(buf_bytes(&w.takers[0].bytes)) == before, seed);
        buf_clear(&w.takers[0].bytes);
        w.takers[0].takes = 0;
    }
    cr_assert_gt(steps, 40);
    buf_deinit(&w.takers[0].bytes);
    alone_free(w.alone);
}

/* A change to every field of a large value whose turn has not come, and to many keys, all while another large value is
 * being written. */
Test(image, what_came_early_is_handed_over_in_parts)
{
    static struct world w;
    uint64_t before;
    size_t early;

    w.alone = alone_new(&(struct alone_option){"enable-debug-command", "yes"}, 1);
    w.node = w.alone->node;
    alone_connect(w.alone, 0);
    request(&w, "DEBUG POPULATE 20000 key 60");
    for (unsigned i = 0; i < 10000; i++) {
        request(&w, "HSET a f%u value:%u", i, i);
        request(&w, "HSET b f%u value:%u", i, i);
    }
    before = digest_of(w.node->data.keyspace);
    image_begin(w.node);
    image_join(w.node, &w.takers[0].sink, &verbs);
    w.takers[0].is_full = true;
    request(&w, "HSET a f0 changed");
    request(&w, "HSET b f0 changed");
    w.takers[0].is_full = false;
    cr_assert(image_step(w.node));
    w.takers[0].is_full = true;
    for (unsigned i = 0; i < 20000; i++) {
        request(&w, "HSET b f%u changed", i);
        request(&w, "SET key:%u changed", i);
    }
    early = (w.node->image.aside.records.parts.count - 1) * BUF_QUEUE_PART;
    cr_assert_gt(early, 1000000);
    w.takers[0].is_full = false;
    while (image_step(w.node)) {
        image_check(w.node);
    }
    cr_expect_lt(w.takers[0].most_bytes, 128 * 1024);
    cr_assert_eq(w.takers[0].ends, 1);
    cr_expect_eq(digest_of_image(buf_bytes(&w.takers[0].bytes)), before);
    buf_deinit(&w.takers[0].bytes);
    alone_free(w.alone);
}
