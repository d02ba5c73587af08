/* SPDX-License-Identifier: MIT */
/* Values are compared as lists of elements: those that an entry is walked to have, and those in the
 * JSON, both sorted where the type has no order. */
#include "tests/unit/server/persist/sample.h"

#include "base/mem.h"
#include "base/num.h"
#include "base/vec.h"
#include "store/foreign.h"
#include "store/foreign_stream.h"
#include "store/value.h"
#include "tests/unit/server/persist/sample_stream.h"

#include <criterion/criterion.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    RDB_STREAM = 15,
    RDB_STREAM_2 = 19,
    RDB_STREAM_3 = 21,
    RDB_LIST = 18,
    RDB_HASH_WITH_TIMES = 25,
    RDB_PLAIN_PIECE = 1, /* of a list: no blob, but one element */
};

/* ---- files --------------------------------------------------------------------------------------- */

static struct buf read_file(const char *name, const char *suffix)
{
    char path[128];
    struct buf out = {0};
    FILE *file;
    size_t got;

    snprintf(path, sizeof(path), "tests/samples/%s.%s", name, suffix);
    file = fopen(path, "re");
    cr_assert_not_null(file, "%s: run it from the top folder", path);
    while ((got = fread(buf_reserve(&out, 65536), 1, 65536, file)) > 0) {
        out.len += got;
    }
    fclose(file);
    return out;
}

void sample_open(struct sample *s, const char *name)
{
    struct buf text = read_file(name, "json");
    struct errmsg error = {0};

    *s = (struct sample){.name = name, .rdb = read_file(name, "rdb")};
    cr_assert(json_parse(buf_bytes(&text), &s->json, &error), "%s.json: %s", name, error.text);
    s->keys = json_member(&s->json, "keys");
    cr_assert(s->keys != NULL && s->keys->count > 40);
    buf_deinit(&text);
}

void sample_close(struct sample *s)
{
    buf_deinit(&s->rdb);
    json_deinit(&s->json);
}

/* ---- bytes --------------------------------------------------------------------------------------- */

struct buf sample_base64(struct bytes text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    struct buf out = {0};
    uint32_t bits = 0;
    unsigned count = 0;

    while (text.len > 0 && text.data[text.len - 1] == '=') {
        text.len--;
    }
    for (size_t i = 0; i < text.len; i++) {
        const char *digit = strchr(digits, text.data[i]);

        cr_assert(digit != NULL && *digit != '\0', "this is no base64");
        bits = bits << 6 | (uint32_t)(digit - digits);
        count += 6;
        if (count >= 8) {
            count -= 8;
            buf_append_byte(&out, (char)(bits >> count));
        }
    }
    return out;
}

struct buf sample_bytes(const struct json *value)
{
    struct buf out = {0};

    if (value->kind == JSON_OBJECT) {
        return sample_base64(buf_bytes(&json_member(value, "base64")->text));
    }
    cr_assert_eq(value->kind, JSON_STRING);
    buf_append_bytes(&out, buf_bytes(&value->text));
    return out;
}

/* UTF-8 of code points up to 255, which are the bytes. */
struct buf sample_key(const struct json_member *member)
{
    struct bytes text = buf_bytes(&member->name);
    struct buf out = {0};

    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.data[i];

        if (byte >= 0x80) {
            cr_assert(byte == 0xc2 || byte == 0xc3);
            byte = (unsigned char)(byte << 6 | (text.data[++i] & 0x3f));
        }
        buf_append_byte(&out, (char)byte);
    }
    return out;
}

/* ---- elements ------------------------------------------------------------------------------------ */

struct element {
    struct buf name;
    struct buf value;
    double score;
};

struct elements {
    struct element *items;
    size_t count;
    size_t cap;
};

/* How values of a type stand in the JSON, and are walked. */
static const struct shape {
    const char *type;
    bool is_single; /* the element itself, no array of them */
    bool has_value; /* pairs of name and value */
    bool has_score; /* pairs of name and score */
    bool is_sorted; /* the order means something */
} shapes[] = {
    {.type = "string",   .is_single = true},
    {.type = "list",     .is_sorted = true},
    {.type = "set"     },
    {.type = "hash", .has_value = true                 },
    {.type = "zset", .has_score = true},
};

static const struct shape *shape_of(const char *type)
{
    for (size_t i = 0; i < ARRAY_COUNT(shapes); i++) {
        if (strcmp(shapes[i].type, type) == 0) {
            return &shapes[i];
        }
    }
    cr_assert_fail("say here how values of type %s are compared", type);
    return NULL;
}

static void note_element(void *context, const struct value_element *element)
{
    struct elements *all = context;
    struct element copy = {.score = element->score};

    buf_append_bytes(&copy.name, element->name);
    buf_append_bytes(&copy.value, element->value);
    VEC_PUSH(all, copy);
}

static struct element element_of_json(const struct shape *shape, const struct json *json)
{
    struct element element = {0};
    const struct json *second;

    if (!shape->has_value && !shape->has_score) {
        element.name = sample_bytes(json);
        return element;
    }
    cr_assert(json->kind == JSON_ARRAY && json->count == 2);
    element.name = sample_bytes(&json->members[0].value);
    second = &json->members[1].value;
    if (shape->has_value) {
        element.value = sample_bytes(second);
    } else {
        struct buf text = sample_bytes(second);

        element.score = strtod(buf_text(&text), NULL);
        buf_deinit(&text);
    }
    return element;
}

static struct elements elements_of_json(const struct shape *shape, const struct json *json)
{
    struct elements all = {0};

    if (shape->is_single) {
        VEC_PUSH(&all, element_of_json(shape, json));
        return all;
    }
    cr_assert_eq(json->kind, JSON_ARRAY);
    for (size_t i = 0; i < json->count; i++) {
        VEC_PUSH(&all, element_of_json(shape, &json->members[i].value));
    }
    return all;
}

static int compare_names(const void *a, const void *b)
{
    return bytes_compare(buf_bytes(&((const struct element *)a)->name),
                         buf_bytes(&((const struct element *)b)->name));
}

static void elements_deinit(struct elements *all)
{
    for (size_t i = 0; i < all->count; i++) {
        buf_deinit(&all->items[i].name);
        buf_deinit(&all->items[i].value);
    }
    VEC_DEINIT(all);
}

/* Sorts both, and drops them. */
static void expect_same(const struct shape *shape, struct elements *found,
                        const struct json_member *member)
{
    struct elements expected = elements_of_json(shape, json_member(&member->value, "value"));
    const char *key = member->name.data;
    int len = (int)member->name.len;

    if (!shape->is_sorted) {
        qsort(expected.items, expected.count, sizeof(expected.items[0]), compare_names);
        qsort(found->items, found->count, sizeof(found->items[0]), compare_names);
    }
    cr_assert_eq(found->count, expected.count, "%.*s: %zu elements, not %zu", len, key,
                 found->count, expected.count);
    for (size_t i = 0; i < found->count; i++) {
        const struct element *a = &found->items[i];
        const struct element *b = &expected.items[i];

        cr_assert(bytes_equal(buf_bytes(&a->name), buf_bytes(&b->name)), "%.*s: name %zu", len, key,
                  i);
        cr_assert(bytes_equal(buf_bytes(&a->value), buf_bytes(&b->value)), "%.*s: value %zu", len,
                  key, i);
        cr_assert(memcmp(&a->score, &b->score, sizeof(a->score)) == 0, "%.*s: score %zu", len, key,
                  i);
    }
    elements_deinit(found);
    elements_deinit(&expected);
}

struct times {
    const struct json *expected; /* NULL: no field has one */
    size_t count;
};

static void check_time(void *context, const struct value_element *field)
{
    struct times *times = context;
    struct buf name = {0};
    const struct json *time;
    int64_t expire_at_ms = 0;

    buf_append_bytes(&name, field->name);
    time = times->expected != NULL ? json_member(times->expected, buf_text(&name)) : NULL;
    if (time != NULL) {
        cr_assert(num_parse_i64(buf_bytes(&time->text), &expire_at_ms));
        times->count++;
    }
    cr_assert_eq(field->expire_at_ms, expire_at_ms, "field %.*s", BYTES_ARGS(field->name));
    buf_deinit(&name);
}

/* Those fields expire, then, and no others. */
static void expect_times(const struct value_types *types, const struct entry *e,
                         const struct json_member *member)
{
    struct times times = {.expected = json_member(&member->value, "field_pexpiretime")};
    uint64_t cursor = 0;

    do {
        cursor = value_ops_of(types, e)->walk(e, cursor, 10, check_time, &times);
    } while (cursor != 0);
    cr_assert_eq(times.count, times.expected != NULL ? times.expected->count : 0);
}

void sample_expect(const struct value_types *types, const struct entry *e,
                   const struct json_member *member)
{
    const char *type = value_kind_of(types, e)->name;
    struct elements found = {0};
    uint64_t cursor = 0;

    cr_assert(bytes_equal_text(buf_bytes(&json_member(&member->value, "type")->text), type),
              "%.*s is no %s", (int)member->name.len, member->name.data, type);
    if (entry_type(e) == VALUE_STREAM) {
        struct value value = entry_value(e);

        sample_expect_stream_value(stream_of(&value), member);
        return;
    }
    do {
        cursor = value_ops_of(types, e)->walk(e, cursor, 10, note_element, &found);
    } while (cursor != 0);
    expect_same(shape_of(type), &found, member);
    expect_times(types, e, member);
}

/* ---- compact forms --------------------------------------------------------------------------------- */

static struct buf next_text(struct foreign *f)
{
    char scratch[PACKED_SCRATCH];
    struct packed_item item;
    struct buf out = {0};

    cr_assert(foreign_next(f, &item));
    buf_append_bytes(&out, packed_item_text(&item, scratch));
    return out;
}

static void note_blob(const struct shape *shape, uint8_t rdb_type, struct bytes blob,
                      struct elements *all)
{
    struct errmsg error = {0};
    struct foreign f;

    cr_assert(foreign_open_rdb(&f, rdb_type, blob, &error), "%s", error.text);
    while (f.left > 0) {
        struct element element = {.name = next_text(&f)};

        if (shape->has_value) {
            element.value = next_text(&f);
        } else if (shape->has_score) {
            struct buf text = next_text(&f);

            element.score = strtod(buf_text(&text), NULL);
            buf_deinit(&text);
        }
        if (rdb_type == RDB_HASH_WITH_TIMES) {
            struct buf time = next_text(&f);

            buf_deinit(&time);
        }
        VEC_PUSH(all, element);
    }
}

static struct buf decode_string(struct decoder *d)
{
    struct buf out = {0};
    uint64_t needed;

    cr_assert_eq(value_decode_string(d, UINT32_MAX, &out, &needed, NULL), VALUE_CODEC_OK);
    return out;
}

static uint64_t decode_len(struct decoder *d)
{
    bool is_encoding;
    uint64_t len;

    cr_assert_eq(value_decode_len(d, &len, &is_encoding), VALUE_CODEC_OK);
    return len;
}

/* A list: each of its pieces is a blob, or an element by itself. */
static void note_pieces(const struct shape *shape, struct decoder *d, struct elements *all)
{
    for (uint64_t left = decode_len(d); left > 0; left--) {
        bool is_plain = decode_len(d) == RDB_PLAIN_PIECE;
        struct buf piece = decode_string(d);

        if (is_plain) {
            VEC_PUSH(all, ((struct element){.name = piece}));
        } else {
            note_blob(shape, RDB_LIST, buf_bytes(&piece), all);
            buf_deinit(&piece);
        }
    }
}

bool sample_expect_compact(uint8_t rdb_type, struct bytes body, const struct json_member *member)
{
    static const uint8_t one_blob[] = {11, 16, 17, 20, RDB_HASH_WITH_TIMES};
    struct buf type = {0};
    struct elements found = {0};
    struct decoder d = decoder_make(body);
    const struct shape *shape;

    if (rdb_type != RDB_LIST && memchr(one_blob, rdb_type, sizeof(one_blob)) == NULL) {
        return false;
    }
    buf_append_bytes(&type, buf_bytes(&json_member(&member->value, "type")->text));
    shape = shape_of(buf_text(&type));
    if (rdb_type == RDB_LIST) {
        note_pieces(shape, &d, &found);
    } else {
        struct buf blob;

        if (rdb_type == RDB_HASH_WITH_TIMES) {
            (void)decode_u64_le(&d); /* the earliest of the times */
        }
        blob = decode_string(&d);
        note_blob(shape, rdb_type, buf_bytes(&blob), &found);
        buf_deinit(&blob);
    }
    cr_assert(decoder_is_ok(&d) && decoder_left(&d) == 0);
    expect_same(shape, &found, member);
    buf_deinit(&type);
    return true;
}

/* ---- streams --------------------------------------------------------------------------------------- */

static void expect_text(const struct packed_item *item, const struct json *expected)
{
    char scratch[PACKED_SCRATCH];
    struct buf text = sample_bytes(expected);

    cr_assert(bytes_equal(packed_item_text(item, scratch), buf_bytes(&text)), "not \"%.*s\"",
              (int)text.len, text.data);
    buf_deinit(&text);
}

/* expected: the id, then names and values in turn. */
static void expect_entry(struct foreign_entry e, const struct json *expected)
{
    const struct json *pairs = &expected->members[1].value;
    struct packed_item name;
    struct packed_item value;
    char id[64];
    size_t i = 0;

    snprintf(id, sizeof(id), "%" PRIu64 "-%" PRIu64, e.id.ms, e.id.sequence);
    cr_assert(bytes_equal_text(buf_bytes(&expected->members[0].value.text), id), "%s", id);
    cr_assert_eq(2 * e.left, pairs->count, "%s", id);
    for (; foreign_entry_next(&e, &name, &value); i += 2) {
        expect_text(&name, &pairs->members[i].value);
        expect_text(&value, &pairs->members[i + 1].value);
    }
}

bool sample_expect_stream(uint8_t rdb_type, struct bytes body, const struct json_member *member)
{
    const struct json *expected = json_member(&member->value, "value");
    struct decoder d = decoder_make(body);
    size_t count = 0;

    if (rdb_type != RDB_STREAM && rdb_type != RDB_STREAM_2 && rdb_type != RDB_STREAM_3) {
        return false;
    }
    for (uint64_t left = decode_len(&d); left > 0; left--) {
        struct buf id = decode_string(&d);
        struct buf listpack = decode_string(&d);
        struct errmsg error = {0};
        struct foreign_node n;
        struct foreign_entry e;

        cr_assert(foreign_node_open(&n, buf_bytes(&id), buf_bytes(&listpack), &error), "%s",
                  error.text);
        while (foreign_node_next(&n, &e)) {
            if (!e.is_deleted) {
                cr_assert_lt(count, expected->count);
                expect_entry(e, &expected->members[count++].value);
            }
        }
        buf_deinit(&id);
        buf_deinit(&listpack);
    }
    cr_assert_eq(count, expected->count);
    return true;
}
