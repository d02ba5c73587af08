/* SPDX-License-Identifier: MIT */
/* Values are compared as lists of elements: those that an entry is walked to have, and those in the
 * JSON, both sorted where the type has no order. */
#include "tests/unit/server/persist/sample.h"

#include "base/mem.h"
#include "base/vec.h"
#include "store/value.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>

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

void sample_expect(const struct value_types *types, const struct entry *e,
                   const struct json_member *member)
{
    const char *type = value_kind_of(types, e)->name;
    const struct shape *shape = shape_of(type);
    struct elements expected = elements_of_json(shape, json_member(&member->value, "value"));
    struct elements found = {0};
    const char *key = member->name.data;
    int len = (int)member->name.len;
    uint64_t cursor = 0;

    cr_assert(bytes_equal_text(buf_bytes(&json_member(&member->value, "type")->text), type),
              "%.*s is no %s", len, key, type);
    do {
        cursor = value_ops_of(types, e)->walk(e, cursor, 10, note_element, &found);
    } while (cursor != 0);
    if (!shape->is_sorted) {
        qsort(expected.items, expected.count, sizeof(expected.items[0]), compare_names);
        qsort(found.items, found.count, sizeof(found.items[0]), compare_names);
    }
    cr_assert_eq(found.count, expected.count, "%.*s: %zu elements, not %zu", len, key, found.count,
                 expected.count);
    for (size_t i = 0; i < found.count; i++) {
        const struct element *a = &found.items[i];
        const struct element *b = &expected.items[i];

        cr_assert(bytes_equal(buf_bytes(&a->name), buf_bytes(&b->name)), "%.*s: name %zu", len, key,
                  i);
        cr_assert(bytes_equal(buf_bytes(&a->value), buf_bytes(&b->value)), "%.*s: value %zu", len,
                  key, i);
        cr_assert(memcmp(&a->score, &b->score, sizeof(a->score)) == 0, "%.*s: score %zu", len, key,
                  i);
    }
    elements_deinit(&found);
    elements_deinit(&expected);
}
