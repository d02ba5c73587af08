/* SPDX-License-Identifier: MIT */
/* Items of one size behind one another in a growing array, their bytes in one buffer. */
#include "base/actions.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/vec.h"

#include <string.h>

static char *item_at(const struct actions *list, size_t index)
{
    return (char *)list->items + index * list->kind->item_size;
}

void actions_deinit(struct actions *list)
{
    ASSERT(!list->is_in_step);
    buf_deinit(&list->bytes);
    mem_free(MEM_BASE, list->items);
    *list = (struct actions){0};
}

void actions_clear(struct actions *list)
{
    ASSERT(!list->is_in_step);
    list->count = 0;
    buf_clear(&list->bytes);
    buf_shrink_when_empty(&list->bytes, ACTIONS_KEPT_BYTES);
}

void actions_begin_step(struct actions *list, const struct actions_kind *kind)
{
    ASSERT(!list->is_in_step);
    ASSERT(kind->item_size > 0 && kind->max_in_step > 0);
    ASSERT(list->kind == NULL || list->kind == kind);
    list->kind = kind;
    list->step_start = list->count;
    list->is_in_step = true;
}

void actions_end_step(struct actions *list, struct mono_time wake_at)
{
    ASSERT(list->is_in_step);
    ASSERT(list->count - list->step_start <= list->kind->max_in_step);
    list->wake_at = wake_at;
    list->is_in_step = false;
    actions_check(list);
}

void *actions_add(struct actions *list, const struct actions_kind *kind)
{
    char *item;

    ASSERT(list->is_in_step);
    ASSERT(list->kind == kind);
    ASSERT(list->count - list->step_start < kind->max_in_step);
    if (list->count == list->cap) {
        list->items = vec_grow(list->items, &list->cap, list->count + 1, kind->item_size);
    }
    item = item_at(list, list->count++);
    memset(item, 0, kind->item_size);
    return item;
}

struct action_bytes actions_keep(struct actions *list, struct bytes text)
{
    struct action_bytes kept = {.start = list->bytes.len, .len = text.len};

    ASSERT(list->is_in_step);
    buf_append_bytes(&list->bytes, text);
    buf_append_byte(&list->bytes, '\0');
    return kept;
}

struct action_bytes actions_keep_vprintf(struct actions *list, const char *format, va_list args)
{
    struct action_bytes kept = {.start = list->bytes.len};

    ASSERT(list->is_in_step);
    buf_vprintf(&list->bytes, format, args);
    kept.len = list->bytes.len - kept.start;
    buf_append_byte(&list->bytes, '\0');
    return kept;
}

const void *actions_at(const struct actions *list, const struct actions_kind *kind, size_t index)
{
    ASSERT(index < list->count);
    ASSERT(list->kind == kind);
    return item_at(list, index);
}

struct bytes actions_bytes(const struct actions *list, const struct action_bytes *bytes)
{
    if (bytes->borrowed.len > 0) {
        ASSERT(bytes->len == 0);
        return bytes->borrowed;
    }
    ASSERT(bytes->len <= list->bytes.len);
    ASSERT(bytes->start <= list->bytes.len - bytes->len);
    if (bytes->len == 0) {
        return (struct bytes){0};
    }
    return bytes_make(list->bytes.data + bytes->start, bytes->len);
}

void actions_describe(const struct actions *list, size_t index, struct buf *out)
{
    size_t before = out->len;

    ASSERT(index < list->count);
    list->kind->describe(list, item_at(list, index), out);
    ASSERT(out->len > before && out->data[out->len - 1] == '\n');
}

void actions_take(struct actions *from, struct actions *into)
{
    struct actions empty = *into;

    ASSERT(!from->is_in_step && !into->is_in_step);
    ASSERT(into->count == 0 && into->bytes.len == 0);
    ASSERT(into->kind == NULL || from->kind == NULL || into->kind == from->kind);
    *into = *from;
    *from = empty;
    from->kind = into->kind;
    from->wake_at = into->wake_at;
}

void actions_check(const struct actions *list)
{
    ASSERT(list->count <= list->cap);
    ASSERT(list->count == 0 || list->kind != NULL);
    ASSERT(list->step_start <= list->count || !list->is_in_step);
    ASSERT((list->cap == 0) == (list->items == NULL));
}
