/* SPDX-License-Identifier: MIT */
/* persist/rdb: the writer, the reader, and both against each other. */
#include "persist/rdb.h"

#include "base/codec.h"
#include "base/crc.h"
#include "base/mem.h"
#include "base/rng.h"
#include "store/value_hash.h"
#include "store/value_space.h"
#include "tests/types/byte_list.h"
#include "tests/unit/server/persist/stock_dump.h"

#include "tests/unit/seed.h"

#include <inttypes.h>
#include <stdio.h>

/* Records as lines: "db key value-length:value expiry". */
static void note_record(void *context, const struct rdb_record *record)
{
    struct buf *lines = context;
    struct bytes value = record->value->inlined;

    buf_printf(lines, "%u ", record->db);
    buf_append_bytes(lines, record->key);
    buf_printf(lines, " %zu:", value.len);
    buf_append_bytes(lines, bytes_prefix(value, value.len < 30 ? value.len : 30));
    buf_printf(lines, " %" PRId64 "\n", record->expire_at_ms);
}

enum {
    SPACE_BYTES = 1 << 26, /* address space for large values */
};

struct reading {
    rdb_sizes_fn *on_sizes;
    struct value_space space;
    struct buf lines;
    struct rdb_reader *reader;
    struct errmsg error;
    size_t consumed;
};

static struct reading start_reading(void)
{
    return (struct reading){0};
}

static void open_reader(struct reading *r)
{
    value_space_init(&r->space, &value_types_builtin, 1, SPACE_BYTES);
    struct rdb_reader_options options = {.on_record = note_record,
                                         .on_sizes = r->on_sizes,
                                         .context = &r->lines,
                                         .database_count = 16,
                                         .max_value_bytes = 1024 * 1024,
                                         .space = &r->space};

    r->reader = rdb_reader_new(&options);
}

static void finish(struct reading *r)
{
    rdb_reader_free(r->reader);
    value_space_deinit(&r->space);
    buf_deinit(&r->lines);
}

/* Feed all of it, in pieces of the given size. */
static enum rdb_status feed(struct reading *r, struct bytes in, size_t step)
{
    enum rdb_status status = RDB_MORE;
    size_t total = 0;

    while (status == RDB_MORE && in.len > 0) {
        size_t len = step < in.len ? step : in.len;

        status = rdb_reader_feed(r->reader, bytes_prefix(in, len), &r->consumed, &r->error);
        total += r->consumed;
        in = bytes_from(in, r->consumed);
    }
    r->consumed = total;
    return status;
}

static const char stock_lines[] = "0 int 10:2147483647 -1\n"
                                  "0 leading 3:007 -1\n"
                                  "0 expiring 4:soon 4102444800123\n"
                                  "0 empty 0: -1\n"
                                  "0 packed 320:abcdefghabcdefghabcdefghabcdef -1\n"
                                  "0 short 5:-1000 -1\n"
                                  "0 tiny 1:7 -1\n"
                                  "0 text 11:hello world -1\n"
                                  "0 wide 11:12345678901 -1\n"
                                  "3 other 14:third database -1\n"
                                  "9 12 5:ninth 4102444800000\n"
                                  "9 packed2 600:zzzzzzzzzzzzzzzzzzzzzzzzzzzzzz -1\n";

Test(rdb, a_stock_snapshot_is_read_in_pieces_of_any_size)
{
    struct bytes in = bytes_make(stock_dump, sizeof(stock_dump));

    for (size_t step = 1; step <= in.len; step++) {
        struct reading r = start_reading();

        open_reader(&r);
        cr_assert_eq(feed(&r, in, step), RDB_OK, "%s", r.error.text);
        cr_assert_eq(r.consumed, in.len);
        cr_assert_str_eq(buf_text(&r.lines), stock_lines);
        cr_assert_eq(rdb_reader_info(r.reader)->created_unix_s, 0x6b04878d);
        cr_assert(!rdb_reader_info(r.reader)->has_history);
        finish(&r);
    }
    cr_assert_eq(mem_used_total(), 0);
}

Test(rdb, bytes_behind_the_end_are_left_alone)
{
    struct reading r = start_reading();
    struct buf in = {0};

    buf_append(&in, stock_dump, sizeof(stock_dump));
    buf_append_text(&in, "*1\r\n$4\r\nPING\r\n");
    open_reader(&r);
    cr_assert_eq(feed(&r, buf_bytes(&in), in.len), RDB_OK);
    cr_assert_eq(r.consumed, sizeof(stock_dump));
    buf_deinit(&in);
    finish(&r);
}

Test(rdb, every_flipped_byte_is_noticed)
{
    struct buf in = {0};

    buf_append(&in, stock_dump, sizeof(stock_dump));
    for (size_t i = 0; i < in.len; i++) {
        struct reading r = start_reading();
        enum rdb_status status;

        in.data[i] ^= 0x20;
        open_reader(&r);
        status = feed(&r, buf_bytes(&in), in.len);
        cr_assert_neq(status, RDB_OK, "byte %zu", i);
        cr_assert(status == RDB_MORE || strncmp(r.error.text, "offset ", 7) == 0);
        in.data[i] ^= 0x20;
        finish(&r);
    }
    buf_deinit(&in);
}

/* ---- small snapshots made by hand ----------------------------------------------------------- */

/* The end of a snapshot without a checksum. */
#define TIME_5     "\5\0\0\0\0\0\0\0"
#define TIME_NEVER "\xff\xff\xff\xff\xff\xff\xff\xff"
#define END        "\xff\0\0\0\0\0\0\0\0"

/* A row: the bytes, the status, and the records or the error. */
/* clang-format off */
static const struct {
    struct bytes body;
    enum rdb_status status;
    const char *outcome;
} bodies[] = {
    {BYTES_LITERAL("REDIS0009" END), RDB_OK, ""},
    {BYTES_LITERAL("REDIS0012" END), RDB_OK, ""},
    {BYTES_LITERAL("REDIS0004\x00\x01k\x01v\xff"), RDB_OK, "0 k 1:v -1\n"},
    {BYTES_LITERAL("REDIS0009\xfd\x10\0\0\0\x00\x01k\x01v\x00\x01m\x01w" END),
     RDB_OK, "0 k 1:v 16000\n0 m 1:w -1\n"},
    {BYTES_LITERAL("REDIS0009\xfc\xff\xff\xff\xff\xff\xff\xff\xff\x00\x01k\x01v" END),
     RDB_OK, "0 k 1:v 0\n"},
    {BYTES_LITERAL("REDIS0009\xf9\x07\x00\x01k\x01v\xf8\x41\x00\x00\x01m\x01w" END),
     RDB_OK, "0 k 1:v -1\n0 m 1:w -1\n"},
    {BYTES_LITERAL("REDIS0012\xfe\x00\xfb\x01\x00\xf4\x01\x02\x03\x00\x01k\x01v" END),
     RDB_OK, "0 k 1:v -1\n"},
    {BYTES_LITERAL("REDIS0010\xf5\x06#!lua \x00\x01k\x01v" END), RDB_OK, "0 k 1:v -1\n"},
    {BYTES_LITERAL("REDIS0009\xf7\x81\1\2\3\4\5\6\7\x08\x02\x02\x01\x07\x03" "abcd\x04"
                   "12345678" "\x05\x03xyz\x00\x00\x01k\x01v" END),
     RDB_OK, "0 k 1:v -1\n"},
    {BYTES_LITERAL("REDIS0009\x00\x01k\x01v"), RDB_MORE, "0 k 1:v -1\n"},
    {BYTES_LITERAL("REDIS0009\xff\x01\0\0\0\0\0\0\0"), RDB_ERROR, "offset 10: bad checksum"},
    {BYTES_LITERAL("REDIS0013\xff"),
     RDB_ERROR, "offset 0: snapshots of version 13 are not supported, only 1 to 12"},
    {BYTES_LITERAL("REDIS0000\xff"),
     RDB_ERROR, "offset 0: snapshots of version 0 are not supported, only 1 to 12"},
    {BYTES_LITERAL("REDIS00x9\xff"),
     RDB_ERROR, "offset 0: the version of the snapshot is not a number"},
    {BYTES_LITERAL("VALKEY080\x00\x01k\x01v" END), RDB_OK, "0 k 1:v -1\n"},
    {BYTES_LITERAL("VALKEY012\xff"),
     RDB_ERROR, "offset 0: snapshots of version 12 are not supported, only 1 to 12"},
    {BYTES_LITERAL("REDIS0080\xff"),
     RDB_ERROR, "offset 0: snapshots of version 80 are not supported, only 1 to 12"},
    {BYTES_LITERAL("VALKEY0x0\xff"),
     RDB_ERROR, "offset 0: the version of the snapshot is not a number"},
    {BYTES_LITERAL("VOLKEY080\xff"),
     RDB_ERROR, "offset 0: this is not a snapshot: it does not begin with REDIS"},
    {BYTES_LITERAL("REDIS0012\x16\x01h\x01\x01" "f\x01v" TIME_NEVER END),
     RDB_ERROR, "offset 9: type 22 (hash) is not supported by this version"},
    {BYTES_LITERAL("VALKEY080\x18\x01h" TIME_5 "\x01\x01\x01" "f\x01v" END),
     RDB_ERROR, "offset 9: type 24 (hash) is not supported by this version"},
    {BYTES_LITERAL("REDIS0012\x18\x01h" TIME_NEVER "\x01\x01\x01" "f\x01v" END),
     RDB_ERROR, "offset 12: the first expiry of the fields of a hash is no time"},
    {BYTES_LITERAL("REDIS0012\x18\x01h" TIME_5 "\x01\xc0\x01\x01" "f\x01v" END),
     RDB_ERROR, "offset 21: the expiry of a field of a hash is no time"},
    {BYTES_LITERAL("REDIS0012\x18\x01h" TIME_5 "\x01\x81\x00\x00\xff\xff\xff\xff\xff\xff\x01" "f\x01v" END),
     RDB_ERROR, "offset 32: a field of a hash expires too late"},
    {BYTES_LITERAL("REDIS0012\x18\x01h" TIME_5 "\x02\x00\x01" "f\x01v\x00\x01" "f\x01v" END),
     RDB_ERROR, "offset 29: a hash has a field twice"},
    {BYTES_LITERAL("REDIS0009\x00\x01k\x01v\x07\x01h"),
     RDB_ERROR, "offset 14: type 7 (module value) is not supported by this version"},
    {BYTES_LITERAL("REDIS0010\x08\x01l"),
     RDB_ERROR, "offset 9: type 8 (unknown) is not supported by this version"},
    {BYTES_LITERAL("REDIS0010\x63\x01l"),
     RDB_ERROR, "offset 9: type 99 (unknown) is not supported by this version"},
    {BYTES_LITERAL("REDIS0010\xf3"),
     RDB_ERROR, "offset 9: opcode 243 is not supported by this version"},
    {BYTES_LITERAL("REDIS0010\xf6"),
     RDB_ERROR, "offset 9: functions of a pre-release format are not supported"},
    {BYTES_LITERAL("REDIS0009\xfe\x10"),
     RDB_ERROR, "offset 10: database 16 is beyond the 16 that there are"},
    {BYTES_LITERAL("REDIS0009\xfe\xc0\x01"),
     RDB_ERROR, "offset 10: a length is not encoded as one"},
    {BYTES_LITERAL("REDIS0009\x00\x01k\x80\x40\0\0\0"),
     RDB_ERROR, "offset 12: a string of 1073741824 bytes is beyond the limit of 1048576"},
    {BYTES_LITERAL("REDIS0009\xf7\x01\x09"),
     RDB_ERROR, "offset 11: item 9 of a module's data is unknown"},
};
/* clang-format on */

Test(rdb, every_opcode_is_eaten_or_refused_where_it_stands)
{
    for (size_t i = 0; i < ARRAY_COUNT(bodies); i++) {
        for (size_t step = 1; step < 64; step += 62) {
            struct reading r = start_reading();

            open_reader(&r);
            cr_assert_eq(feed(&r, bodies[i].body, step), bodies[i].status, "case %zu: %s", i,
                         r.error.text);
            cr_assert_str_eq(bodies[i].status == RDB_ERROR ? r.error.text : buf_text(&r.lines),
                             bodies[i].outcome, "case %zu: %s", i, r.error.text);
            finish(&r);
        }
    }
}

Test(rdb, function_libraries_are_counted_as_skipped)
{
    struct reading r = start_reading();

    open_reader(&r);
    cr_assert_eq(feed(&r, BYTES_LITERAL("REDIS0010\xf5\x01x\xf5\x01y\xff\0\0\0\0\0\0\0\0"), 100),
                 RDB_OK);
    cr_assert_eq(rdb_reader_info(r.reader)->skipped_libraries, 2);
    finish(&r);
}

Test(rdb, a_declared_size_takes_no_memory)
{
    struct reading r = start_reading();
    size_t before;

    open_reader(&r);
    before = mem_used_total();
    cr_assert_eq(feed(&r,
                      BYTES_LITERAL("REDIS0009\x00\x01k\x80\x00\x0f\xff\xff"
                                    "abc"),
                      100),
                 RDB_MORE);
    cr_assert_leq(mem_used_total(), before + 1000);
    finish(&r);
}

/* ---- written and read ----------------------------------------------------------------------- */

static const struct rdb_info written_info = {
    .history = {"0123456789abcdef0123456789abcdef01234567"},
    .offset = 123456789012,
    .stream_db = 3,
    .created_unix_s = 1700000000,
    .used_memory = 5000000000,
    .has_history = true,
};

Test(rdb, what_a_snapshot_says_about_itself_comes_back)
{
    struct reading r = start_reading();
    struct rdb_writer w;
    struct buf out = {0};
    const struct rdb_info *info;

    rdb_writer_begin(&w, &out, &written_info);
    rdb_writer_end(&w, &out);
    open_reader(&r);
    cr_assert_eq(feed(&r, buf_bytes(&out), out.len), RDB_OK, "%s", r.error.text);
    info = rdb_reader_info(r.reader);
    cr_assert(info->has_history);
    cr_assert_str_eq(info->history.text, written_info.history.text);
    cr_assert_eq(info->offset, written_info.offset);
    cr_assert_eq(info->stream_db, 3);
    cr_assert_eq(info->created_unix_s, 1700000000);
    cr_assert_eq(info->used_memory, 5000000000);
    buf_deinit(&out);
    finish(&r);
}

static void note_sizes(void *context, unsigned db, uint64_t count)
{
    buf_printf(context, "%u has %" PRIu64 "\n", db, count);
}

Test(rdb, how_many_records_follow_is_told_before_them)
{
    const struct rdb_sizes sizes[] = {
        {1,                 1    },
        {UINT64_C(1) << 60, 70000}
    };
    struct rdb_writer w;
    struct buf out = {0};

    rdb_writer_begin(&w, &out, &written_info);
    rdb_writer_sizes(&w, &out, 0, &sizes[0]);
    rdb_writer_sizes(&w, &out, 7, &sizes[1]);
    rdb_writer_end(&w, &out);
    for (size_t step = 1; step <= out.len; step++) {
        struct reading r = {.on_sizes = note_sizes};

        open_reader(&r);
        cr_assert_eq(feed(&r, buf_bytes(&out), step), RDB_OK, "%s", r.error.text);
        cr_assert_str_eq(buf_text(&r.lines), "0 has 1\n7 has 1152921504606846976\n");
        finish(&r);
    }
    buf_deinit(&out);
}

struct saving {
    struct rdb_writer writer;
    struct buf out;
    struct buf file; /* what was taken out of out */
    struct rng *rng;
};

/* Take some of the buffer away, as a socket or a file would. */
static void drain_some(struct saving *s)
{
    size_t take = rng_below(s->rng, s->out.len + 1);

    rdb_writer_flush(&s->writer, &s->out);
    buf_append(&s->file, s->out.data, take);
    buf_consume(&s->out, take);
}

static void save_entry(struct saving *s, struct keyspace *ks, unsigned db, unsigned number)
{
    char key[32];
    char value[3000];
    size_t key_len = (size_t)snprintf(key, sizeof(key), "key:%u", number);
    size_t len = rng_below(s->rng, rng_one_in(s->rng, 10) ? sizeof(value) : 40);
    struct key_ref ref = keyspace_ref(ks, db, bytes_make(key, key_len));
    int64_t expiry = rng_one_in(s->rng, 2) ? EXPIRE_NEVER : (int64_t)rng_below(s->rng, 1000000);

    for (size_t i = 0; i < len; i++) {
        value[i] = (char)(rng_one_in(s->rng, 2) ? rng_u64(s->rng) : '1');
    }
    if (rng_one_in(s->rng, 3)) {
        keyspace_set_integer(ks, &ref, (int64_t)(rng_u64(s->rng) >> rng_below(s->rng, 64)), expiry);
    } else {
        keyspace_set(ks, &ref, bytes_make(value, len), expiry);
    }
    rdb_writer_entry(&s->writer, &s->out, db, keyspace_find_any(ks, &ref));
}

/* The line that note_record makes of an entry. */
static void expect_line(struct buf *lines, struct keyspace *ks, unsigned db, unsigned number)
{
    char key[32];
    char scratch[32];
    size_t key_len = (size_t)snprintf(key, sizeof(key), "key:%u", number);
    struct key_ref ref = keyspace_ref(ks, db, bytes_make(key, key_len));
    const struct entry *e = keyspace_find_any(ks, &ref);
    struct value value = {.inlined = entry_string(e, scratch)};
    struct rdb_record record = {.db = db,
                                .key = bytes_make(key, key_len),
                                .value = &value,
                                .expire_at_ms = entry_expire_at_ms(e)};

    note_record(lines, &record);
}

Test(rdb, what_was_written_is_read_however_it_was_taken_and_fed)
{
    struct keyspace_options options = {.database_count = 16};
    struct keyspace *ks = keyspace_new(&options);
    uint64_t seed = seed_get();
    struct rng rng;
    struct saving s = {.rng = &rng};
    struct reading r = start_reading();
    struct buf expected = {0};

    rng_init(&rng, seed);
    rdb_writer_begin(&s.writer, &s.out, &written_info);
    for (unsigned i = 0; i < 1000; i++) {
        unsigned db = (unsigned)rng_below(&rng, 100) / 7;

        save_entry(&s, ks, db, i);
        expect_line(&expected, ks, db, i);
        if (rng_one_in(&rng, 5)) {
            drain_some(&s);
        }
    }
    rdb_writer_end(&s.writer, &s.out);
    buf_append_bytes(&s.file, buf_bytes(&s.out));
    open_reader(&r);
    SEED_ASSERT(feed(&r, buf_bytes(&s.file), 1 + rng_below(&rng, 500)) == RDB_OK, seed);
    SEED_ASSERT(bytes_equal(buf_bytes(&r.lines), buf_bytes(&expected)), seed);
    buf_deinit(&s.out);
    buf_deinit(&s.file);
    buf_deinit(&expected);
    finish(&r);
    keyspace_free(ks);
}

/* ---- values that are no strings ---------------------------------------------------------------- */

static void put_record(void *context, const struct rdb_record *record)
{
    struct key_ref ref = keyspace_ref(context, record->db, record->key);

    keyspace_put(context, &ref, record->value, record->expire_at_ms);
}

static void drop_record(void *context, const struct rdb_record *record)
{
    *(unsigned *)context += record->value->memory != NULL;
}

/* A snapshot with the lists "", "a" and "abcdefghij" as k0 to k2, and a string. */
static struct buf snapshot_of_lists(void)
{
    static const char *const lists[] = {"", "a", "abcdefghij"};
    struct keyspace *ks =
        keyspace_new(&(struct keyspace_options){.database_count = 1, .types = &byte_list_types});
    struct rdb_writer writer;
    struct buf out = {0};

    rdb_writer_begin(&writer, &out, &written_info);
    writer.types = &byte_list_types;
    for (size_t i = 0; i < ARRAY_COUNT(lists); i++) {
        char key[] = {'k', (char)('0' + i)};
        struct key_ref ref = keyspace_ref(ks, 0, bytes_make(key, 2));

        byte_list_put(ks, &ref, lists[i]);
        keyspace_set_expiry(ks, &ref, (int64_t)i);
        rdb_writer_entry(&writer, &out, 0, keyspace_find_any(ks, &ref));
        keyspace_set(ks, &ref, BYTES_LITERAL("text"), EXPIRE_NEVER);
        rdb_writer_entry(&writer, &out, 1, keyspace_find_any(ks, &ref));
    }
    rdb_writer_end(&writer, &out);
    keyspace_free(ks);
    return out;
}

/* Feed the snapshot in pieces of so many bytes; false when it is refused. */
static bool feed_pieces(const struct rdb_reader_options *options, struct bytes in, size_t piece,
                        struct errmsg *error)
{
    struct rdb_reader *reader = rdb_reader_new(options);
    enum rdb_status status = RDB_MORE;

    while (status == RDB_MORE && in.len > 0) {
        size_t used;

        status = rdb_reader_feed(reader, bytes_prefix(in, piece < in.len ? piece : in.len), &used,
                                 error);
        in = bytes_from(in, used);
    }
    rdb_reader_free(reader);
    return status == RDB_OK;
}

static bool has_list(struct keyspace *ks, const char *key, const char *elements)
{
    struct key_ref ref = keyspace_ref(ks, 0, bytes_from_text(key));
    const struct entry *e = keyspace_find_any(ks, &ref);

    return e != NULL && entry_type(e) == BYTE_LIST &&
           bytes_equal_text(byte_list_elements(e), elements);
}

Test(rdb, a_value_of_many_items_is_read_however_it_is_fed)
{
    struct buf snapshot = snapshot_of_lists();

    for (size_t piece = 1; piece < 20; piece++) {
        struct keyspace *ks = keyspace_new(
            &(struct keyspace_options){.database_count = 16, .types = &byte_list_types});
        struct rdb_reader_options options = {.on_record = put_record,
                                             .context = ks,
                                             .database_count = 16,
                                             .max_value_bytes = 100,
                                             .space = keyspace_values(ks)};

        cr_assert(feed_pieces(&options, buf_bytes(&snapshot), piece, NULL));
        cr_assert(has_list(ks, "k0", "") && has_list(ks, "k1", "a"));
        cr_assert(has_list(ks, "k2", "abcdefghij"));
        cr_assert(keyspace_count(ks, 1) == 3 && keyspace_expire_count_all(ks) == 3);
        keyspace_check(ks);
        keyspace_free(ks);
    }
    buf_deinit(&snapshot);
}

Test(rdb, a_value_that_nobody_takes_is_dropped)
{
    struct buf snapshot = snapshot_of_lists();
    size_t used = mem_used(MEM_STORE);
    struct value_space space;
    unsigned count = 0;
    struct rdb_reader_options options = {.on_record = drop_record,
                                         .context = &count,
                                         .database_count = 16,
                                         .max_value_bytes = 100,
                                         .space = &space};

    value_space_init(&space, &byte_list_types, 1, SPACE_BYTES);

    cr_assert(feed_pieces(&options, buf_bytes(&snapshot), 7, NULL));
    cr_assert_eq(count, 3);
    /* And one whose end never comes. */
    cr_assert_not(
        feed_pieces(&options, bytes_prefix(buf_bytes(&snapshot), snapshot.len - 40), 7, NULL));
    value_space_deinit(&space);
    cr_assert_eq(mem_used(MEM_STORE), used);
    buf_deinit(&snapshot);
}

Test(rdb, a_type_that_is_not_held_is_refused_with_its_number_and_name)
{
    struct buf snapshot = snapshot_of_lists();
    struct errmsg error = {0};
    unsigned count = 0;
    struct value_space space;
    struct rdb_reader_options options = {.on_record = drop_record,
                                         .context = &count,
                                         .database_count = 16,
                                         .max_value_bytes = 100,
                                         .space = &space};

    value_space_init(&space, &value_types_builtin, 1, SPACE_BYTES);

    cr_assert_not(feed_pieces(&options, buf_bytes(&snapshot), 1000, &error));
    cr_assert(strstr(error.text, "type 30 (unknown) is not supported by this version") != NULL,
              "%s", error.text);
    value_space_deinit(&space);
    buf_deinit(&snapshot);
}

/* ---- hashes whose fields expire -------------------------------------------------------------------- */

static void note_field(void *context, const struct value_element *field)
{
    buf_printf(context, " %.*s=%.*s@%" PRId64, BYTES_ARGS(field->name), BYTES_ARGS(field->value),
               field->expire_at_ms);
}

/* The fields of the only key after the snapshot was read. */
static struct buf read_fields(struct bytes snapshot, size_t step)
{
    struct keyspace *ks = keyspace_new(&(struct keyspace_options){.database_count = 16});
    struct rdb_reader_options options = {.on_record = put_record,
                                         .context = ks,
                                         .database_count = 16,
                                         .max_value_bytes = 1000,
                                         .space = keyspace_values(ks)};
    struct rdb_reader *reader = rdb_reader_new(&options);
    struct key_ref ref = keyspace_ref(ks, 0, BYTES_LITERAL("h"));
    const struct entry *e;
    struct buf out = {0};

    while (snapshot.len > 0) {
        struct errmsg error = {0};
        size_t used;

        step = step < snapshot.len ? step : snapshot.len;
        cr_assert_neq(rdb_reader_feed(reader, bytes_prefix(snapshot, step), &used, &error),
                      RDB_ERROR, "%s", error.text);
        snapshot = bytes_from(snapshot, used);
    }
    e = keyspace_find_any(ks, &ref);
    if (e != NULL) {
        struct value hash = entry_value(e);

        (void)hash_walk(&hash, 0, SIZE_MAX, note_field, &out);
    }
    keyspace_check(ks);
    rdb_reader_free(reader);
    keyspace_free(ks);
    return out;
}

/* clang-format off: see bodies */
static const struct {
    struct bytes snapshot;
    const char *fields;
} volatile_hashes[] = {
    {BYTES_LITERAL("REDIS0012\x18\x01h" TIME_5 "\x03\x00\x01"
                   "a\x01"
                   "1\x01\x01"
                   "b\x01"
                   "2\x0a\x01"
                   "c\x01"
                   "3" END),
     " a=1@0 b=2@5 c=3@14"},
    {BYTES_LITERAL("REDIS0012\x18\x01h" TIME_5 "\x01\x01\x01"
                   "b\x01"
                   "2" END),
     " b=2@5"             },
    {BYTES_LITERAL("VALKEY080\x16\x01h\x03\x01"
                   "a\x01"
                   "1" TIME_NEVER "\x01"
                   "b\x01"
                   "2" TIME_5 "\x01"
                   "c\x01"
                   "3\0\0\0\0\0\0\0\0" END),
     " a=1@0 b=2@5 c=3@1" },
    {BYTES_LITERAL("VALKEY080\x16\x01h\x01\x01"
                   "b\x01"
                   "2" TIME_5 END),
     " b=2@5"             },
 /* field b, value 2, expiry 5, in a listpack */
    {BYTES_LITERAL("REDIS0012\x19\x01h" TIME_5 "\x0e\x0e\0\0\0\3\0\x81"
                   "b\2\2\1\5\1\xff" END),
     " b=2@5"             },
};
/* clang-format on */

Test(rdb, fields_of_hashes_expire_as_each_form_of_them_says)
{
    for (size_t i = 0; i < ARRAY_COUNT(volatile_hashes); i++) {
        for (size_t step = 1; step < 64; step += 62) {
            struct buf fields = read_fields(volatile_hashes[i].snapshot, step);

            cr_assert_str_eq(buf_text(&fields), volatile_hashes[i].fields, "case %zu", i);
            buf_deinit(&fields);
        }
    }
}
