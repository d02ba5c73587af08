/* SPDX-License-Identifier: MIT */
#include "command/list_open.h"

#include "base/assert.h"
#include "base/vec.h"
#include "command/events.h"
#include "command/lookup.h"

enum {
    PUSH_WORDS = 1000, /* of one request that pushes */
};

bool list_lookup(struct exec *x, struct value *out)
{
    struct key_ref ref = lookup_ref(x, 1);
    struct entry *e;

    if (!lookup_read_type(x, &ref, VALUE_LIST, &e)) {
        return false;
    }
    *out = e != NULL ? entry_value(e) : (struct value){.type = VALUE_LIST};
    return true;
}

bool list_lookup_write(struct exec *x, const struct key_ref *ref, struct value *out)
{
    struct entry *e;

    if (!lookup_write_type(x, ref, VALUE_LIST, &e)) {
        return false;
    }
    *out = e != NULL ? entry_value(e) : (struct value){.type = VALUE_LIST};
    return true;
}

int64_t list_index(const struct value *list, int64_t index)
{
    return index < 0 ? index + (int64_t)list_count(list) : index;
}

bool argument_list_end(struct exec *x, size_t index, enum list_end *out)
{
    if (argument_is(x, index, "LEFT")) {
        *out = LIST_LEFT;
    } else if (argument_is(x, index, "RIGHT")) {
        *out = LIST_RIGHT;
    } else {
        reply_syntax_error(x);
        return false;
    }
    return true;
}

void reply_list_item(struct exec *x, const struct packed_item *item)
{
    char scratch[PACKED_SCRATCH];

    resp_write_bulk(x->reply, packed_item_text(item, scratch));
}

void notify_pushed(const struct exec *x, enum list_end end, struct bytes key)
{
    notify(x, EVENT_LIST, end == LIST_LEFT ? "lpush" : "rpush", key);
}

void notify_popped(const struct exec *x, enum list_end end, struct bytes key, bool is_there)
{
    notify_taken(x, EVENT_LIST, end == LIST_LEFT ? "lpop" : "rpop", key, is_there);
}

void list_pop_many(struct exec *x, const struct key_ref *ref, enum list_end end, uint64_t count)
{
    struct value list = entry_value(keyspace_find_any(x->keyspace, ref));
    uint64_t total = list_count(&list);
    struct list_reader r;
    struct packed_item item;
    struct value_edit edit;

    ASSERT(count <= total);
    resp_write_array(x->reply, (size_t)count);
    if (count == 0) {
        return;
    }
    list_read(&list, end == LIST_LEFT ? 0 : total - 1, end == LIST_RIGHT, &r);
    for (uint64_t i = 0; i < count; i++) {
        bool is_there = list_next(&r, &item);

        ASSERT(is_there);
        reply_list_item(x, &item);
    }
    if (count == total) {
        (void)keyspace_remove(x->keyspace, ref);
        notify_popped(x, end, ref->bytes, false);
        return;
    }
    lookup_open(x, ref, VALUE_LIST, &edit);
    list_remove(&edit.draft, end == LIST_LEFT ? 0 : total - count, count);
    (void)keyspace_close(x->keyspace, &edit);
    notify_popped(x, end, ref->bytes, true);
}

bool list_pop_one(struct exec *x, const struct key_ref *ref, enum list_end end, struct buf *out)
{
    char scratch[PACKED_SCRATCH];
    struct value_edit edit;
    struct value list;
    struct list_reader r;
    struct packed_item item;
    uint64_t index;
    bool is_there;

    lookup_open(x, ref, VALUE_LIST, &edit);
    list = value_draft_view(&edit.draft);
    index = end == LIST_LEFT ? 0 : list_count(&list) - 1;
    list_read(&list, index, false, &r);
    is_there = list_next(&r, &item);
    ASSERT(is_there);
    buf_append_bytes(out, packed_item_text(&item, scratch));
    list_remove(&edit.draft, index, 1);
    return keyspace_close(x->keyspace, &edit);
}

void list_add_push_effects(struct exec *x, enum list_end end, struct bytes key,
                           const struct value *list)
{
    VEC(struct bytes) words = {0};
    struct buf integers = {0};
    struct list_reader r;
    struct packed_item item;
    bool has_more;

    list_read(list, 0, false, &r);
    has_more = list_next(&r, &item);
    (void)buf_reserve(&integers, (size_t)PUSH_WORDS * PACKED_SCRATCH);
    while (has_more) {
        words.count = 0;
        buf_clear(&integers);
        VEC_PUSH(&words, bytes_from_text(end == LIST_LEFT ? "LPUSH" : "RPUSH"));
        VEC_PUSH(&words, key);
        while (has_more && words.count < PUSH_WORDS) {
            char *scratch = buf_room(&integers, PACKED_SCRATCH);

            integers.len += item.is_integer ? PACKED_SCRATCH : 0;
            VEC_PUSH(&words, packed_item_text(&item, scratch));
            has_more = list_next(&r, &item);
        }
        effects_add(x->effects, words.items, words.count);
    }
    buf_deinit(&integers);
    VEC_DEINIT(&words);
}
