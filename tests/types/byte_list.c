/* SPDX-License-Identifier: MIT */
/* Elements in an array that doubles. */
#include "tests/types/byte_list.h"

#include "base/assert.h"
#include "base/hash.h"
#include "base/mem.h"
#include "store/entry.h"

#include <string.h>

enum {
    FIRST_CAP = 4,
    STEP_COUNT = 0, /* of the serialized form: how many there are, */
    STEP_ELEMENT,   /* and each of them */
};

struct byte_list {
    size_t count;
    size_t cap;
    char elements[];
};

static struct byte_list *resize(struct byte_list *list, size_t cap)
{
    bool is_new = list == NULL;

    list = mem_realloc(MEM_STORE, list, sizeof(*list) + cap);
    list->cap = cap;
    list->count = is_new ? 0 : list->count;
    return list;
}

static void append(void **memory, char element)
{
    struct byte_list *list = *memory;

    if (list == NULL || list->count == list->cap) {
        list = resize(list, list == NULL ? FIRST_CAP : list->cap * 2);
    }
    list->elements[list->count++] = element;
    *memory = list;
}

void byte_list_append(struct value_draft *draft, char element)
{
    append(&draft->memory, element);
    draft->is_changed = true;
}

struct value byte_list_value(const char *elements)
{
    struct value value = {.type = BYTE_LIST, .memory = resize(NULL, FIRST_CAP)};

    while (*elements != '\0') {
        append(&value.memory, *elements++);
    }
    return value;
}

struct bytes byte_list_elements(const struct entry *e)
{
    const struct byte_list *list = entry_memory(e);

    ASSERT(entry_type(e) == BYTE_LIST);
    return bytes_make(list->elements, list->count);
}

void byte_list_put(struct keyspace *ks, const struct key_ref *ref, const char *elements)
{
    struct value value = byte_list_value(elements);

    keyspace_put(ks, ref, &value, EXPIRE_NEVER);
    ASSERT(value.memory == NULL);
}

/* ---- the table ------------------------------------------------------------------------------- */

static size_t list_bytes(const void *memory)
{
    return sizeof(struct byte_list) + ((const struct byte_list *)memory)->cap;
}

static size_t list_spare_bytes(const void *memory)
{
    const struct byte_list *list = memory;

    return list->cap - list->count;
}

static void list_check(const void *memory)
{
    const struct byte_list *list = memory;

    ASSERT(list->count <= list->cap);
}

static void *list_copy(const void *memory)
{
    const struct byte_list *list = memory;
    struct byte_list *copy = resize(NULL, list->cap);

    memcpy(copy->elements, list->elements, list->count);
    copy->count = list->count;
    return copy;
}

static size_t list_free_cost(const void *memory)
{
    return ((const struct byte_list *)memory)->count;
}

static bool list_free(void **memory, size_t *budget)
{
    struct byte_list *list = *memory;

    ASSERT(*budget > 0);
    if (list->count <= *budget) {
        *budget -= list->count;
        mem_free(MEM_STORE, list);
        *memory = NULL;
        return true;
    }
    list->count -= *budget;
    *budget = 0;
    *memory = resize(list, list->count);
    return false;
}

static const char *list_encoding_name(const struct entry *e)
{
    return byte_list_elements(e).len > FIRST_CAP ? "long" : "short";
}

static uint64_t list_digest(const struct entry *e, uint64_t seed)
{
    return hash_bytes(byte_list_elements(e), seed + 1);
}

static uint64_t list_walk(const struct entry *e, uint64_t cursor, size_t count,
                          value_visit_fn *visit, void *context)
{
    struct bytes elements = byte_list_elements(e);

    for (; count > 0 && cursor < elements.len; count--, cursor++) {
        visit(context, &(struct value_element){
                           .name = {elements.data + cursor, 1}
        });
    }
    return cursor < elements.len ? cursor : 0;
}

/* The cursor is the next element and one, as 0 stands for their number. */
static uint64_t list_encode(const struct entry *e, uint64_t cursor, size_t max_bytes,
                            struct buf *out)
{
    struct bytes elements = byte_list_elements(e);
    size_t start = out->len;

    if (cursor == 0) {
        value_encode_len(out, elements.len);
        cursor = 1;
    }
    while (cursor <= elements.len && out->len - start < max_bytes) {
        value_encode_string(out, bytes_make(elements.data + cursor - 1, 1));
        cursor++;
    }
    return cursor <= elements.len ? cursor : 0;
}

static enum value_codec_status list_decode(struct value_reader *r, struct decoder *d,
                                           uint64_t *needed, struct errmsg *error)
{
    enum value_codec_status status;
    bool is_encoding;

    if (r->step == STEP_COUNT) {
        *needed = (uint64_t)d->in.len + 1;
        status = value_decode_len(d, &r->left, &is_encoding);
        if (status == VALUE_CODEC_OK && !is_encoding) {
            r->draft.memory = resize(NULL, FIRST_CAP);
            r->step = STEP_ELEMENT;
            r->is_done = r->left == 0;
        } else if (status != VALUE_CODEC_MORE) {
            errmsg_set(error, "a list of bytes has no length");
            status = VALUE_CODEC_ERROR;
        }
        return status;
    }
    buf_clear(&r->text);
    status = value_decode_string(d, 1, &r->text, needed, error);
    if (status == VALUE_CODEC_OK && r->text.len != 1) {
        errmsg_set(error, "an element of a list of bytes is empty");
        return VALUE_CODEC_ERROR;
    }
    if (status == VALUE_CODEC_OK) {
        append(&r->draft.memory, r->text.data[0]);
        r->is_done = --r->left == 0;
    }
    return status;
}

static const struct value_ops byte_list = {
    .rdb_types_read = UINT32_C(1) << BYTE_LIST_RDB_TYPE,
    .bytes = list_bytes,
    .spare_bytes = list_spare_bytes,
    .check = list_check,
    .copy = list_copy,
    .free_cost = list_free_cost,
    .free = list_free,
    .encoding_name = list_encoding_name,
    .digest = list_digest,
    .walk = list_walk,
    .encode = list_encode,
    .decode = list_decode,
};

/* clang-format off */
const struct value_types byte_list_types = {{
#define VALUE_TYPE(id, operations, name, rdb_type)                                                 \
    [VALUE_##id] = {(name), VALUE_##id, (rdb_type), &(operations)},
#define VALUE_ENCODING(...)
#define RDB_TYPE(...)
#include "store/values.def"
#undef VALUE_TYPE
#undef VALUE_ENCODING
#undef RDB_TYPE
    [BYTE_LIST_NUMBER] = {"bytes", BYTE_LIST, BYTE_LIST_RDB_TYPE, &byte_list},
}};
/* clang-format on */
