/* SPDX-License-Identifier: MIT */
#include "store/value.h"
#include "store/value_space.h"

#include "base/attr.h"
#include "base/block.h"
#include "base/crc.h"
#include "base/mem.h"
#include "store/entry.h"
#include "store/keyspace.h"

#include <criterion/criterion.h>
#include <string.h>

/* ---- the table ------------------------------------------------------------------------------- */

/* For all tests of this file: strings need nothing of it. */
static struct value_space *values(void)
{
    static struct value_space space;

    if (space.types == NULL) {
        value_space_init(&space, &value_types_builtin, 1, 1 << 26);
    }
    return &space;
}

Test(value, every_line_of_the_table_is_a_whole_type)
{
    size_t count = 0;

    for (size_t i = 0; i < VALUE_TYPE_MAX; i++) {
        const struct value_kind *kind = &value_types_builtin.kinds[i];

        if (kind->ops == NULL) {
            continue;
        }
        count++;
        cr_assert(kind->type == (enum value_type)i && kind->name != NULL);
        cr_assert_eq(value_kind_by_name(&value_types_builtin, bytes_from_text(kind->name)), kind);
        cr_assert_eq(value_kind_by_rdb_type(&value_types_builtin, kind->rdb_type), kind);
        cr_assert_str_eq(value_rdb_type_name(kind->rdb_type), kind->name);
        cr_assert(kind->ops->encode != NULL && kind->ops->decode != NULL &&
                  kind->ops->free != NULL);
    }
    cr_assert_geq(count, 1);
}

Test(value, what_no_type_reads_has_a_name_all_the_same)
{
    cr_assert_null(value_kind_by_rdb_type(&value_types_builtin, 200));
    cr_assert_null(value_kind_by_name(&value_types_builtin, BYTES_LITERAL("none")));
    cr_assert_str_eq(value_rdb_type_name(15), "stream");
    cr_assert_str_eq(value_rdb_type_name(200), "unknown");
}

/* ---- strings in memory of their own ---------------------------------------------------------- */

enum {
    LARGE = 3 * 1024 * 1024,
};

Test(value, a_copied_block_is_an_equal_one_without_spare_room)
{
    void *memory = block_new(BYTES_LITERAL("abc"), 100);
    void *copy = value_string.copy(memory);
    size_t budget = 1;

    cr_assert(bytes_equal_text(block_contents(copy), "abc"));
    cr_assert_eq(value_string.spare_bytes(memory), 97);
    cr_assert_eq(value_string.spare_bytes(copy), 0);
    cr_assert(value_string.free(&memory, &budget) && memory == NULL && budget == 1);
    value_string.check(copy);
    cr_assert(value_string.free(&copy, &budget));
    cr_assert_eq(mem_used(MEM_STORE), 0);
}

Test(value, a_large_block_is_freed_in_as_many_slices_as_it_costs)
{
    void *memory = block_new((struct bytes){0}, LARGE);
    size_t cost = value_string.free_cost(memory);
    size_t budget = 1;
    size_t slices = 1;

    while (!value_string.free(&memory, &budget)) {
        cr_assert(budget == 0 && value_string.bytes(memory) < LARGE);
        budget = 1;
        slices++;
    }
    cr_assert(cost > 0 && slices == 3 && cost / slices >= 1000);
    cr_assert_eq(mem_used(MEM_STORE), 0);
}

Test(value, a_block_that_is_held_costs_nothing_and_stays)
{
    struct block *block = block_new((struct bytes){0}, LARGE);
    void *memory = block_hold(block);
    size_t budget = 1;

    cr_assert_eq(value_string.free_cost(memory), 0);
    cr_assert(value_string.free(&memory, &budget));
    cr_assert(block->holders == 1 && block->capacity_bytes == LARGE);
    block_release(block);
}

/* ---- DUMP and RESTORE ------------------------------------------------------------------------ */

static const char *const strings[] = {"",    "abc",    "0",     "-1",          "127",
                                      "128", "-32768", "32768", "-2147483648", "2147483648",
                                      "007", "-0",     "+1"};

/* What redis-server 7.0.15 answered to DUMP of eight letters forty times. */
static const char dumped_by_redis[] =
    "\x00\xc3\x13\x41\x40\x08\x61\x62\x63\x64\x65\x66\x67\x68\x61\xe0\xff\x07\xe1\x24\x07\x01\x67"
    "\x68\x0a\x00";

static struct buf payload(const char *body, size_t len)
{
    struct buf out = {0};

    buf_append(&out, body, len);
    encode_u64_le(&out, crc64(0, buf_bytes(&out)));
    return out;
}

Test(value, payloads_of_redis_are_restored)
{
    struct buf in = payload(dumped_by_redis, sizeof(dumped_by_redis) - 1);
    struct bytes value;
    struct value_reader out = {0};
    struct errmsg error = {0};

    cr_assert(value_restore(values(), buf_bytes(&in), &out, &error), "%s", error.text);
    value = value_reader_take(&out).inlined;
    cr_assert_eq(value.len, 320);
    for (size_t i = 0; i < value.len; i++) {
        cr_assert_eq(value.data[i], "abcdefgh"[i % 8]);
    }
    buf_deinit(&in);
    value_reader_deinit(&out);
}

static const struct {
    struct bytes body;
    const char *error;
} bad_payloads[] = {
    {{"", 0},                 "the payload is too short"                              },
    {{"\x00\x03"
      "abc\x0d\x00",
      7},
     "the payload has version 13, newer than 12"                                      },
    {{"\x07\x00\x09\x00", 4}, "type 7 (module value) is not supported by this version"},
    {{"\x00\x05"
      "abc\x09\x00",
      7},
     "the value is cut off"                                                           },
    {{"\x00\x02"
      "abc\x09\x00",
      7},
     "1 bytes are left behind the value"                                              },
    {{"\x00\xc7\x09\x00", 4}, "string encoding 7 is unknown"                          },
};

Test(value, bad_payloads_are_refused_with_a_reason)
{
    for (size_t i = 0; i < ARRAY_COUNT(bad_payloads); i++) {
        struct buf in = payload(bad_payloads[i].body.data, bad_payloads[i].body.len);
        struct value_reader out = {0};
        struct errmsg error = {0};

        cr_assert(!value_restore(values(), buf_bytes(&in), &out, &error), "case %zu", i);
        cr_assert_str_eq(error.text, bad_payloads[i].error);
        buf_deinit(&in);
        value_reader_deinit(&out);
    }
}

Test(value, one_flipped_bit_is_a_bad_checksum)
{
    struct buf in = payload("\x00\x03"
                            "abc\x09\x00",
                            7);
    struct value_reader out = {0};
    struct errmsg error = {0};

    in.data[3] ^= 1;
    cr_assert(!value_restore(values(), buf_bytes(&in), &out, &error));
    cr_assert_str_eq(error.text, "the payload has a bad checksum");
    buf_deinit(&in);
    value_reader_deinit(&out);
}

static void expect_round_trip(struct keyspace *ks, struct bytes value)
{
    struct key_ref ref = keyspace_ref(ks, 0, BYTES_LITERAL("k"));
    struct buf dump = {0};
    struct value_reader back = {0};
    struct errmsg error = {0};

    keyspace_set(ks, &ref, value, EXPIRE_NEVER);
    value_dump(&value_types_builtin, keyspace_find_any(ks, &ref), &dump);
    cr_assert(value_restore(values(), buf_bytes(&dump), &back, &error), "%s", error.text);
    cr_assert(bytes_equal(value_reader_take(&back).inlined, value));
    buf_deinit(&dump);
    value_reader_deinit(&back);
}

Test(value, entries_of_every_encoding_survive_dump_and_restore)
{
    struct keyspace_options options = {.database_count = 1};
    struct keyspace *ks = keyspace_new(&options);
    char *large = mem_alloc_zeroed(MEM_TEST, 100000);

    for (size_t i = 0; i < ARRAY_COUNT(strings); i++) {
        expect_round_trip(ks, bytes_from_text(strings[i]));
    }
    expect_round_trip(ks, BYTES_LITERAL("9223372036854775807"));
    expect_round_trip(ks, BYTES_LITERAL("binary \0\r\n\xff"));
    expect_round_trip(ks, bytes_make(large, 100000));
    mem_free(MEM_TEST, large);
    keyspace_free(ks);
}
