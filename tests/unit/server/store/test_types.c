/* SPDX-License-Identifier: MIT */
/* Values of a type that is no string, in everything the key space does: tests/types/byte_list.h. */
#include "store/walk.h"

#include "base/bitset.h"
#include "base/mem.h"
#include "store/entry.h"
#include "tests/types/byte_list.h"
#include "tests/unit/server/store/space.h"

#include <criterion/criterion.h>
#include <signal.h>

enum {
    LONG = 5000, /* elements: more than are freed at once */
    MANY = 2000, /* keys */
};

static struct key_ref ref_of(const struct keyspace *ks, const char *key)
{
    return keyspace_ref(ks, 0, bytes_from_text(key));
}

static bool has_list(struct keyspace *ks, unsigned db, const char *key, const char *elements)
{
    const struct entry *e = space_find(ks, db, key);

    return e != NULL && entry_type(e) == BYTE_LIST &&
           bytes_equal_text(byte_list_elements(e), elements);
}

static void put(struct keyspace *ks, const char *key, const char *elements)
{
    struct key_ref ref = ref_of(ks, key);

    byte_list_put(ks, &ref, elements);
}

/* A list of count elements. */
static void put_long(struct keyspace *ks, const char *key, size_t count)
{
    struct key_ref ref = ref_of(ks, key);
    struct value_edit edit;

    byte_list_put(ks, &ref, "");
    keyspace_open(ks, &ref, keyspace_find_any(ks, &ref), BYTE_LIST, &edit);
    for (size_t i = 0; i < count; i++) {
        byte_list_append(&edit.draft, (char)('a' + i % 26));
    }
    keyspace_close(ks, &edit);
}

static size_t large_bytes(const struct keyspace *ks)
{
    struct keyspace_memory memory;

    keyspace_memory(ks, &memory);
    return memory.large_bytes;
}

static size_t pending_bytes(const struct keyspace *ks)
{
    struct keyspace_memory memory;

    keyspace_memory(ks, &memory);
    return memory.pending_bytes;
}

Test(types, a_value_is_found_as_it_was_set_with_its_type)
{
    struct keyspace *ks = space_new(false);

    put(ks, "k", "abc");
    cr_assert(has_list(ks, 0, "k", "abc"));
    cr_assert_eq(entry_encoding(space_find(ks, 0, "k")), VALUE_OBJECT);
    cr_assert_null(entry_string_block(space_find(ks, 0, "k")));
    cr_assert_str_eq(value_kind_of(keyspace_types(ks), space_find(ks, 0, "k"))->name, "bytes");
    space_free(ks);
}

Test(types, a_value_replaces_one_of_another_type_in_either_direction)
{
    static const char *const strings[] = {"7", "text"};
    struct keyspace *ks = space_new(false);
    struct key_ref ref = ref_of(ks, "k");

    for (size_t i = 0; i < ARRAY_COUNT(strings); i++) {
        space_set(ks, 0, "k", strings[i]);
        put(ks, "k", "abc");
        cr_assert(has_list(ks, 0, "k", "abc"));
        put(ks, "k", "abcdef");
        cr_assert(has_list(ks, 0, "k", "abcdef"));
        space_set(ks, 0, "k", strings[i]);
        cr_assert(space_has(ks, 0, "k", strings[i]));
        cr_assert_eq(large_bytes(ks), 0);
    }
    put(ks, "k", "abc");
    keyspace_set_integer(ks, &ref, 9, EXPIRE_NEVER);
    cr_assert(space_has(ks, 0, "k", "9"));
    space_edit(ks, &ref, 5000);
    put(ks, "k", "abc");
    cr_assert_eq(keyspace_count_all(ks), 1);
    space_free(ks);
}

Test(types, a_change_is_counted_when_the_value_is_closed)
{
    struct keyspace *ks = space_new(false);
    struct key_ref ref = ref_of(ks, "k");
    struct value_edit edit;
    size_t before;

    put(ks, "k", "abcd");
    before = large_bytes(ks);
    keyspace_open(ks, &ref, keyspace_find_any(ks, &ref), BYTE_LIST, &edit);
    byte_list_append(&edit.draft, 'e');
    keyspace_close(ks, &edit);
    cr_assert(has_list(ks, 0, "k", "abcde"));
    cr_assert_eq(large_bytes(ks), before + 4);
    cr_assert_geq(keyspace_entry_bytes(ks, space_find(ks, 0, "k")), before + 4);
    space_free(ks);
}

Test(types, no_value_is_opened_while_another_is_open, .signal = SIGABRT)
{
    struct keyspace *ks = space_new(false);
    struct key_ref ref = ref_of(ks, "k");
    struct value_edit first;
    struct value_edit second;

    put(ks, "k", "a");
    keyspace_open(ks, &ref, keyspace_find_any(ks, &ref), BYTE_LIST, &first);
    keyspace_open(ks, &ref, keyspace_find_any(ks, &ref), BYTE_LIST, &second);
}

#ifdef STARLING_DEBUG
Test(types, nothing_else_changes_while_a_value_is_open, .signal = SIGABRT)
{
    struct keyspace *ks = space_new(false);
    struct key_ref ref = ref_of(ks, "k");
    struct value_edit edit;

    put(ks, "k", "a");
    keyspace_open(ks, &ref, keyspace_find_any(ks, &ref), BYTE_LIST, &edit);
    space_set(ks, 0, "other", "v");
}
#endif

Test(types, an_expiry_leaves_the_value_alone)
{
    struct keyspace *ks = space_new(false);
    struct key_ref ref = ref_of(ks, "k");

    put(ks, "k", "abc");
    keyspace_set_expiry(ks, &ref, 1000);
    cr_assert(has_list(ks, 0, "k", "abc"));
    cr_assert_null(keyspace_find(ks, &ref, 1000));
    keyspace_set_expiry(ks, &ref, EXPIRE_NEVER);
    cr_assert(has_list(ks, 0, "k", "abc"));
    cr_assert(keyspace_remove_expired(ks, &ref));
    cr_assert_eq(large_bytes(ks), 0);
    space_free(ks);
}

Test(types, moving_takes_the_memory_along)
{
    struct keyspace *ks = space_new(false);
    struct key_ref from = ref_of(ks, "from");
    struct key_ref to = keyspace_ref(ks, 1, BYTES_LITERAL("to"));
    const void *memory;

    put(ks, "from", "abc");
    memory = entry_memory(space_find(ks, 0, "from"));
    space_set(ks, 1, "to", "old");
    keyspace_move(ks, &from, &to);
    cr_assert_null(space_find(ks, 0, "from"));
    cr_assert(has_list(ks, 1, "to", "abc"));
    cr_assert_eq(entry_memory(space_find(ks, 1, "to")), memory);
    space_free(ks);
}

Test(types, a_copy_is_another_value)
{
    struct keyspace *ks = space_new(false);
    struct key_ref from = ref_of(ks, "from");
    struct key_ref to = ref_of(ks, "to");

    put(ks, "from", "abc");
    keyspace_set_expiry(ks, &from, 77);
    keyspace_copy(ks, space_find(ks, 0, "from"), &to);
    put_long(ks, "from", 10);
    cr_assert(has_list(ks, 0, "to", "abc"));
    cr_assert_eq(entry_expire_at_ms(space_find(ks, 0, "to")), 77);
    space_free(ks);
}

Test(types, a_long_value_is_freed_in_slices_and_a_short_one_at_once)
{
    struct keyspace *ks = space_new(false);
    struct key_ref ref = ref_of(ks, "k");
    size_t left;
    int slices = 0;

    put(ks, "k", "abc");
    cr_assert(keyspace_remove(ks, &ref));
    cr_assert_eq(pending_bytes(ks), 0);
    put_long(ks, "k", LONG);
    cr_assert(keyspace_remove(ks, &ref));
    cr_assert(large_bytes(ks) == 0 && pending_bytes(ks) >= LONG);
    do {
        left = pending_bytes(ks);
        slices++;
        (void)keyspace_work(ks, 100);
    } while (pending_bytes(ks) < left);
    cr_assert_eq(pending_bytes(ks), 0);
    cr_assert_geq(slices, LONG / 100);
    space_free(ks);
}

static void put_many(struct keyspace *ks, unsigned count)
{
    char text[SPACE_KEY_TEXT];

    for (unsigned i = 0; i < count; i++) {
        struct key_ref ref = keyspace_ref(ks, 0, space_key(i, text));

        byte_list_put(ks, &ref, "abcdef");
    }
}

Test(types, flushed_values_are_freed_in_slices)
{
    struct keyspace *ks = space_new(false);
    size_t used = mem_used(MEM_STORE);
    int slices = 0;

    put_many(ks, MANY);
    put_long(ks, "long", LONG);
    keyspace_flush(ks, 0);
    cr_assert_eq(large_bytes(ks), 0);
    put(ks, "new", "a");
    while (pending_bytes(ks) > 0) {
        (void)keyspace_work(ks, 100);
        slices++;
    }
    /* Each value costs its elements and its entry; a slice ends with a bucket. */
    cr_assert_geq(slices, (MANY * 7 + LONG) / 180);
    cr_assert(has_list(ks, 0, "new", "a"));
    cr_assert_lt(mem_used(MEM_STORE), used + 10000);
    space_free(ks);
}

Test(types, a_key_space_is_freed_with_values_that_wait_to_be_freed)
{
    size_t used = mem_used(MEM_STORE);
    struct keyspace *ks = space_new(false);
    struct key_ref ref = ref_of(ks, "long");

    put_long(ks, "long", LONG);
    cr_assert(keyspace_remove(ks, &ref));
    put_many(ks, MANY);
    keyspace_flush_all(ks);
    put_long(ks, "long", LONG);
    space_free(ks);
    cr_assert_eq(mem_used(MEM_STORE), used);
}

Test(types, the_parts_of_memory_add_up_to_what_was_allocated)
{
    struct keyspace *ks = space_new(false);
    size_t parts[KEYSPACE_PART_COUNT];
    struct rng rng;

    rng_init(&rng, 1);
    put(ks, "short", "abcde");
    put_long(ks, "long", LONG);
    keyspace_explain(ks, &rng, parts);
    cr_assert_eq(parts[KEYSPACE_LARGE] + parts[KEYSPACE_LARGE_SPARE], large_bytes(ks));
    cr_assert_eq(parts[KEYSPACE_LARGE_SPARE], (8 - 5) + (8192 - LONG));
    space_free(ks);
}

/* ---- the walk -------------------------------------------------------------------------------- */

struct image {
    unsigned total;
    unsigned as_they_were;
};

static void take(void *context, unsigned db, const struct entry *e)
{
    struct image *image = context;

    image->total++;
    image->as_they_were +=
        db == 0 && entry_type(e) == BYTE_LIST && bytes_equal_text(byte_list_elements(e), "abcdef");
}

/* One change of each kind. */
static void change(struct keyspace *ks, unsigned number)
{
    char text[SPACE_KEY_TEXT];
    struct key_ref ref = keyspace_ref(ks, 0, space_key(number, text));
    struct key_ref other = keyspace_ref(ks, 1, ref.bytes);
    struct value_edit edit;

    switch (number % 5) {
    case 0:
        keyspace_open(ks, &ref, keyspace_find_any(ks, &ref), BYTE_LIST, &edit);
        byte_list_append(&edit.draft, 'g');
        keyspace_close(ks, &edit);
        break;
    case 1:
        (void)keyspace_remove(ks, &ref);
        break;
    case 2:
        byte_list_put(ks, &ref, "x");
        break;
    case 3:
        keyspace_move(ks, &ref, &other);
        break;
    default:
        keyspace_set(ks, &ref, BYTES_LITERAL("string"), EXPIRE_NEVER);
        break;
    }
}

Test(types, a_walk_sees_each_value_as_it_was_whatever_changes)
{
    struct keyspace *ks = space_new(false);
    struct image image = {0};

    put_many(ks, MANY);
    walk_start(ks, &(struct walk_options){.sink = take, .context = &image});
    for (unsigned i = 0; i < MANY; i++) {
        change(ks, i);
        if (i % 100 == 0 && walk_is_on(ks)) {
            (void)walk_step(ks, 5);
        }
    }
    while (walk_is_on(ks)) {
        (void)walk_step(ks, 100);
    }
    cr_assert_eq(image.total, MANY);
    cr_assert_eq(image.as_they_were, MANY);
    space_free(ks);
}

/* ---- elements, digest, serialized form ------------------------------------------------------- */

static void collect(void *context, const struct value_element *element)
{
    buf_append_bytes(context, element->name);
}

Test(types, elements_are_walked_in_slices)
{
    struct keyspace *ks = space_new(false);
    struct buf seen = {0};
    uint64_t cursor = 0;
    int slices = 0;

    put(ks, "k", "abcdefg");
    do {
        const struct entry *e = space_find(ks, 0, "k");

        cursor = value_ops_of(keyspace_types(ks), e)->walk(e, cursor, 3, collect, &seen);
        slices++;
    } while (cursor != 0);
    cr_assert(slices == 3 && bytes_equal_text(buf_bytes(&seen), "abcdefg"));
    buf_clear(&seen);
    space_set(ks, 0, "s", "12");
    cr_assert_eq(value_string.walk(space_find(ks, 0, "s"), 0, 10, collect, &seen), 0);
    cr_assert(bytes_equal_text(buf_bytes(&seen), "12"));
    buf_deinit(&seen);
    space_free(ks);
}

static uint64_t digest_of(struct keyspace *ks, const char *key)
{
    const struct entry *e = space_find(ks, 0, key);

    return value_ops_of(keyspace_types(ks), e)->digest(e, 5);
}

Test(types, what_is_dumped_is_restored_with_the_same_digest)
{
    static const char *const lists[] = {"", "a", "1", "abcdefghij"};
    struct keyspace *ks = space_new(false);
    struct key_ref ref = ref_of(ks, "back");

    for (size_t i = 0; i < ARRAY_COUNT(lists); i++) {
        struct value_reader reader = {0};
        struct errmsg error = {0};
        struct buf dump = {0};
        struct value value;

        put(ks, "k", lists[i]);
        value_dump(keyspace_types(ks), space_find(ks, 0, "k"), &dump);
        cr_assert(value_restore(keyspace_values(ks), buf_bytes(&dump), &reader, &error), "%s",
                  error.text);
        value = value_reader_take(&reader);
        keyspace_put(ks, &ref, &value, EXPIRE_NEVER);
        cr_assert(has_list(ks, 0, "back", lists[i]));
        cr_assert_eq(digest_of(ks, "back"), digest_of(ks, "k"));
        value_reader_deinit(&reader);
        buf_deinit(&dump);
    }
    space_free(ks);
}

Test(types, the_serialized_form_can_be_had_in_slices)
{
    struct keyspace *ks = space_new(false);
    struct buf whole = {0};
    struct buf slices = {0};
    uint64_t cursor = 0;
    int count = 0;

    put(ks, "k", "abcdefghij");
    value_encode_body(keyspace_types(ks), space_find(ks, 0, "k"), &whole);
    do {
        const struct entry *e = space_find(ks, 0, "k");

        cursor = value_ops_of(keyspace_types(ks), e)->encode(e, cursor, 4, &slices);
        count++;
    } while (cursor != 0);
    cr_assert_geq(count, 5);
    cr_assert(bytes_equal(buf_bytes(&slices), buf_bytes(&whole)));
    buf_deinit(&whole);
    buf_deinit(&slices);
    space_free(ks);
}

Test(types, a_value_that_was_read_half_is_dropped)
{
    struct keyspace *ks = space_new(false);
    size_t used = mem_used(MEM_STORE);
    struct value_reader reader = {0};
    struct decoder d = decoder_make(BYTES_LITERAL("\x05"));
    uint64_t needed;

    cr_assert(value_reader_begin(&reader, keyspace_values(ks),
                                 (struct rdb_form){BYTE_LIST_RDB_TYPE, RDB_VERSION}, 100));
    cr_assert_eq(value_reader_step(&reader, &d, &needed, NULL), VALUE_CODEC_OK);
    cr_assert(!reader.is_done && mem_used(MEM_STORE) > used);
    value_reader_deinit(&reader);
    cr_assert_eq(mem_used(MEM_STORE), used);
    space_free(ks);
}
