/* SPDX-License-Identifier: MIT */
#include "segment/segment_list.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/vec.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- loading ------------------------------------------------------------------------------------ */

static void collect(void *context, const char *name)
{
    struct segment_list *list = context;
    struct segment_entry entry = {0};

    if (segment_parse_name(bytes_from_text(name), &entry.number)) {
        VEC_PUSH(list, entry);
    }
}

static int compare_numbers(const void *a, const void *b)
{
    uint64_t first = ((const struct segment_entry *)a)->number;
    uint64_t second = ((const struct segment_entry *)b)->number;

    return first < second ? -1 : first > second;
}

static bool has_no_gap(const struct segment_list *list, struct errmsg *error)
{
    for (size_t i = 1; i < list->count; i++) {
        char missing[SEGMENT_NAME_SIZE];
        char next[SEGMENT_NAME_SIZE];

        if (list->items[i].number != list->items[i - 1].number + 1) {
            segment_format_name(list->items[i - 1].number + 1, missing);
            segment_format_name(list->items[i].number, next);
            errmsg_set(error, "%s is missing, and %s is there", missing, next);
            return false;
        }
    }
    return true;
}

/* Size and head; buffer is empty, and may be used. */
static bool load_entry(struct segment_entry *entry, const struct segment_source *source,
                       struct buf *buffer, bool is_last, struct errmsg *error)
{
    char name[SEGMENT_NAME_SIZE];
    enum segment_status status;

    segment_format_name(entry->number, name);
    buf_clear(buffer);
    if (!source->size(source->ctx, name, &entry->size_bytes, error) ||
        !source->read(source->ctx, name, 0, SEGMENT_HEAD_BYTES, buffer, error)) {
        errmsg_wrap(error, "%s", name);
        return false;
    }
    status = segment_read_head(buf_bytes(buffer), &entry->head, error);
    entry->is_torn = status == SEGMENT_MORE || status == SEGMENT_DAMAGED;
    if (status == SEGMENT_NEWER || (entry->is_torn && !is_last)) {
        errmsg_wrap(error, "%s", name);
        return false;
    }
    errmsg_set(error, "%s", "");
    return true;
}

bool segment_list_load(struct segment_list *list, const struct segment_source *source,
                       struct errmsg *error)
{
    struct buf buffer = {0};
    bool is_ok;

    segment_list_clear(list);
    is_ok = source->list(source->ctx, collect, list, error);
    if (list->count > 0) {
        qsort(list->items, list->count, sizeof(list->items[0]), compare_numbers);
    }
    is_ok = is_ok && has_no_gap(list, error);
    for (size_t i = 0; is_ok && i < list->count; i++) {
        is_ok = load_entry(&list->items[i], source, &buffer, i + 1 == list->count, error);
    }
    buf_deinit(&buffer);
    if (!is_ok) {
        segment_list_clear(list);
    }
    segment_list_check(list);
    return is_ok;
}

/* ---- changes ------------------------------------------------------------------------------------ */

void segment_list_add(struct segment_list *list, uint64_t number, const struct segment_head *head)
{
    struct segment_entry entry = {
        .number = number, .size_bytes = SEGMENT_HEAD_BYTES, .head = *head};

    ASSERT(list->count == 0 || list->items[list->count - 1].number + 1 == number);
    ASSERT(list->count == 0 || !list->items[list->count - 1].is_torn);
    VEC_PUSH(list, entry);
}

void segment_list_grow(struct segment_list *list, uint64_t more_bytes)
{
    ASSERT(list->count > 0);
    list->items[list->count - 1].size_bytes += more_bytes;
}

void segment_list_remove_first(struct segment_list *list)
{
    ASSERT(list->count > 0);
    list->count--;
    memmove(list->items, list->items + 1, list->count * sizeof(list->items[0]));
}

void segment_list_remove_last(struct segment_list *list)
{
    ASSERT(list->count > 0);
    list->count--;
}

void segment_list_clear(struct segment_list *list)
{
    list->count = 0;
}

void segment_list_deinit(struct segment_list *list)
{
    VEC_DEINIT(list);
}

/* ---- questions ---------------------------------------------------------------------------------- */

bool segment_list_is_continued(const struct segment_list *list, size_t index)
{
    const struct segment_entry *entry = &list->items[index];
    const struct segment_entry *next = entry + 1;

    ASSERT(index < list->count);
    if (index + 1 == list->count || entry->is_torn || next->is_torn || next->head.is_anew ||
        next->head.start < entry->head.start) {
        return false;
    }
    return history_id_equal(&next->head.history, &entry->head.history) ||
           (history_id_equal(&next->head.parent, &entry->head.history) &&
            next->head.parent_end == next->head.start);
}

bool segment_list_is_misplaced(const struct segment_list *list, size_t index)
{
    const struct segment_entry *entry = &list->items[index];
    bool is_misplaced = false;

    ASSERT(index < list->count);
    if (index == 0 || entry->is_torn || entry->head.is_anew ||
        segment_list_is_continued(list, index - 1)) {
        return false;
    }
    for (size_t i = 0; i < index && !is_misplaced; i++) {
        is_misplaced = history_id_equal(&entry->head.history, &list->items[i].head.history) &&
                       entry->head.start < list->items[i].head.start;
    }
    return is_misplaced;
}

size_t segment_list_chain_end(const struct segment_list *list, size_t index)
{
    while (segment_list_is_continued(list, index)) {
        index++;
    }
    return index + 1;
}

/* Would the byte at offset of the history be in this one, by its head alone? */
static bool can_have(const struct segment_entry *entry, const struct history_id *history,
                     uint64_t offset)
{
    const struct segment_head *head = &entry->head;

    if (entry->is_torn) {
        return false;
    }
    return (history_id_equal(&head->history, history) && head->start <= offset) ||
           (history_id_equal(&head->parent, history) && head->start == offset &&
            head->parent_end == offset);
}

size_t segment_list_find(const struct segment_list *list, const struct history_id *history,
                         uint64_t offset)
{
    size_t index = list->count;
    size_t chain_end;

    if (history_id_is_empty(history)) {
        return SIZE_MAX;
    }
    while (index > 0 && !can_have(&list->items[index - 1], history, offset)) {
        index--;
    }
    if (index == 0) {
        return SIZE_MAX;
    }
    index--;
    chain_end = segment_list_chain_end(list, index);
    /* Another history has left this one before that byte. */
    for (size_t i = index + 1; i < chain_end; i++) {
        if (list->items[i].head.start < offset) {
            return SIZE_MAX;
        }
    }
    return index;
}

uint64_t segment_list_first_offset(const struct segment_list *list)
{
    size_t index = list->count;
    uint64_t first;

    if (index > 0 && list->items[index - 1].is_torn) {
        index--;
    }
    if (index == 0) {
        return UINT64_MAX;
    }
    index--;
    first = list->items[index].head.start;
    while (index > 0 && segment_list_is_continued(list, index - 1)) {
        index--;
        if (list->items[index].head.start < first) {
            first = list->items[index].head.start;
        }
    }
    return first;
}

size_t segment_list_index(const struct segment_list *list, uint64_t number)
{
    if (list->count == 0 || number < list->items[0].number ||
        number - list->items[0].number >= list->count) {
        return SIZE_MAX;
    }
    return (size_t)(number - list->items[0].number);
}

uint64_t segment_list_size(const struct segment_list *list)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < list->count; i++) {
        sum += list->items[i].size_bytes;
    }
    return sum;
}

void segment_list_check(const struct segment_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        ASSERT(i == 0 || list->items[i].number == list->items[i - 1].number + 1);
        ASSERT(i + 1 == list->count || !list->items[i].is_torn);
    }
}
