/* SPDX-License-Identifier: MIT */
/* Changing an entry in place: opening its value for change, and its expiry. */
#include "base/assert.h"
#include "base/num.h"
#include "store/keyspace_state.h"
#include "store/walk_marks.h"

enum {
    GROWTH_MAX = 1024 * 1024, /* spare room of a string that grows is at most this */
};

/* The walk sees the entry as it was; the observer is told when the change is done. */
static void before_change(struct keyspace *ks, const struct table *table,
                          const struct table_place *place)
{
    DEBUG_ASSERT(ks->open_edit == NULL);
    if (UNLIKELY(ks->shared.listeners != 0)) {
        table_before_change(&ks->shared, table, place);
    }
}

/* A block for the string that is to have len bytes, with room to grow. */
static struct block *grown_block(struct bytes old, size_t len)
{
    size_t spare = len < GROWTH_MAX ? len : GROWTH_MAX;
    struct block *block = block_new(old, len + spare);

    memset(block->data + old.len, 0, len - old.len);
    block->len = len;
    return block;
}

/* Grow the value block of the entry at place to len bytes. */
static void edit_block(struct keyspace *ks, struct table *table, struct entry *e, size_t len)
{
    struct block *block = entry_value_block(e);

    e->flags |= ENTRY_EDITED;
    if (block->holders > 1) {
        /* It is still being sent: those bytes must stay as they are. */
        len = len > block->len ? len : block->len;
        keyspace_uncount_memory(ks, table, &value_string, block);
        entry_put_memory(e, grown_block(block_contents(block), len));
        block_release(block);
        keyspace_count_memory(ks, table, &value_string, entry_value_block(e));
        return;
    }
    if (len <= block->len) {
        return;
    }
    if (len > block->capacity_bytes) {
        size_t spare = len < GROWTH_MAX ? len : GROWTH_MAX;

        keyspace_uncount_memory(ks, table, &value_string, block);
        block = block_resize(block, len + spare);
        keyspace_count_memory(ks, table, &value_string, block);
        entry_put_memory(e, block);
    }
    memset(block->data + block->len, 0, len - block->len);
    block->len = len;
}

/* Make the string at place, which is no block, at least len bytes long. */
static void edit_small(struct keyspace *ks, struct table *table, struct table_place *place,
                       size_t len)
{
    const struct entry *e = table_entry(&ks->shared, place->ref);
    char scratch[NUM_I64_TEXT + 1];
    char copy[ENTRY_INLINE_MAX] = {0};
    struct bytes old = entry_string(e, scratch);
    struct entry_plan plan = {.expire_at_ms = entry_expire_at_ms(e),
                              .last_used_s = entry_last_used_s(e),
                              .is_edited = true};

    len = len > old.len ? len : old.len;
    if (len > ENTRY_INLINE_MAX) {
        plan.encoding = VALUE_RAW;
        plan.memory = grown_block(old, len);
    } else {
        memcpy(copy, old.data, old.len);
        plan.encoding = VALUE_INLINE;
        plan.value = bytes_make(copy, len);
    }
    keyspace_replace_entry(ks, table, place, &plan);
}

void keyspace_open_string(struct keyspace *ks, const struct key_ref *ref, size_t len,
                          struct value_edit *out)
{
    struct table *table = &ks->tables[ref->table];
    struct table_place place = keyspace_get_place(ks, ref);
    struct entry *e = table_entry(&ks->shared, place.ref);

    ASSERT(ks->open_edit == NULL && entry_type(e) == VALUE_STRING);
    before_change(ks, table, &place);
    *out = (struct value_edit){.ref = *ref, .old_len = entry_string_len(e)};
    if (entry_encoding(e) == VALUE_RAW) {
        edit_block(ks, table, e, len);
    } else {
        edit_small(ks, table, &place, len);
    }
    out->entry = table_entry(&ks->shared, place.ref);
    if (entry_encoding(out->entry) == VALUE_RAW) {
        struct block *block = entry_value_block(out->entry);

        out->data = block->data;
        out->len = block->len;
    } else {
        struct entry_layout layout = entry_layout(out->entry);

        out->data = (char *)out->entry + layout.value_at;
        out->len = layout.value_len;
    }
    ks->open_edit = out;
}

void keyspace_open(struct keyspace *ks, const struct key_ref *ref, struct entry *e,
                   enum value_type type, struct value_edit *out)
{
    struct table *table = &ks->tables[ref->table];
    struct value value;

    ASSERT(ks->open_edit == NULL && type != VALUE_STRING);
    DEBUG_ASSERT(e == NULL || e == keyspace_find_any(ks, ref));
    buf_clear(&ks->packed);
    *out = (struct value_edit){
        .ref = *ref, .draft = {.space = &ks->values, .type = type, .packed = &ks->packed}
    };
    ks->open_edit = out;
    if (e == NULL) {
        return;
    }
    ASSERT(entry_type(e) == type);
    if (UNLIKELY(ks->shared.listeners != 0)) {
        struct table_place place = keyspace_get_place(ks, ref);

        table_before_change(&ks->shared, table, &place);
    }
    value = entry_value(e);
    out->entry = e;
    out->draft.memory = value.memory;
    out->draft.has_outgrown = value.has_outgrown;
    out->draft.is_volatile = value.is_volatile;
    if (value.memory == NULL) {
        buf_append_bytes(&ks->packed, value.inlined);
    } else {
        keyspace_uncount_memory(ks, table, value_ops_of(ks->shared.types, e), value.memory);
    }
}

/* The entry of a value that was open becomes what the draft says.  Its old memory is not counted any
 * more, and is the draft's or gone. */
static void write_draft(struct keyspace *ks, struct table *table, const struct value_edit *edit)
{
    const struct value_draft *draft = &edit->draft;
    struct table_place place = keyspace_get_place(ks, &edit->ref);
    struct entry_plan plan = {
        .type = draft->type,
        .encoding = draft->memory != NULL ? VALUE_OBJECT : VALUE_INLINE,
        .memory = draft->memory,
        .is_edited = draft->has_outgrown,
        .expire_at_ms = entry_expire_at_ms(edit->entry),
        .last_used_s = entry_last_used_s(edit->entry),
    };

    if (draft->memory == NULL) {
        plan.value = buf_bytes(draft->packed);
        ASSERT(plan.value.len <= VALUE_PACKED_MAX);
    }
    keyspace_rewrite_entry(ks, table, &place, &plan);
}

static void close_collection(struct keyspace *ks, struct table *table, struct value_edit *edit)
{
    struct value_draft *draft = &edit->draft;
    bool had_memory = entry_encoding(edit->entry) == VALUE_OBJECT;

    if (UNLIKELY(entry_is_volatile(edit->entry))) {
        struct table_counts before = table_counts(table);

        keyspace_note_fields(ks, &edit->ref, edit->entry, INT64_MAX);
        keyspace_recount(ks, table, before);
    }
    if (had_memory && draft->memory != NULL) {
        entry_put_memory(edit->entry, draft->memory);
        entry_put_edited(edit->entry, draft->has_outgrown);
    } else if (draft->is_changed || had_memory != (draft->memory != NULL)) {
        /* A change that came to nothing may have changed the form all the same. */
        write_draft(ks, table, edit);
    }
    keyspace_count_memory(ks, table, ks->shared.types->kinds[draft->type].ops, draft->memory);
    if (value_draft_is_empty(draft)) {
        (void)keyspace_remove(ks, &edit->ref);
        return;
    }
    if (UNLIKELY(draft->is_volatile)) {
        keyspace_renew_fields(ks, &edit->ref);
    }
    if (draft->is_changed) {
        keyspace_tell(ks, KEYSPACE_KEY_CHANGED, table->number, edit->ref.bytes);
    }
}

bool keyspace_close(struct keyspace *ks, struct value_edit *edit)
{
    struct table *table = &ks->tables[edit->ref.table];
    bool is_there = true;

    ASSERT(ks->open_edit == edit);
    ks->open_edit = NULL;
    if (edit->data != NULL) {
        keyspace_tell(ks, KEYSPACE_KEY_CHANGED, table->number, edit->ref.bytes);
    } else {
        is_there = !value_draft_is_empty(&edit->draft);
        if (edit->entry != NULL) {
            close_collection(ks, table, edit);
        } else if (is_there) {
            struct value value = value_draft_view(&edit->draft);

            keyspace_put(ks, &edit->ref, &value, EXPIRE_NEVER);
        }
        reclaim_memory(ks, ks->shared.types->kinds[edit->draft.type].ops, edit->draft.dropped);
        buf_shrink_when_empty(&ks->packed, VALUE_PACKED_MAX * 4);
    }
    *edit = (struct value_edit){0};
    return is_there;
}

void keyspace_set_expiry(struct keyspace *ks, const struct key_ref *ref, int64_t expire_at_ms)
{
    struct table *table = &ks->tables[ref->table];
    struct table_counts before = table_counts(table);
    struct table_place place = keyspace_get_place(ks, ref);
    struct entry *e = table_entry(&ks->shared, place.ref);
    int64_t old_expiry = entry_expire_at_ms(e);
    size_t size = entry_bytes_with_expiry(e, expire_at_ms);

    before_change(ks, table, &place);
    if (slab_rounded_size(size) == slab_object_size(&ks->shared.slab, place.ref)) {
        entry_copy_with_expiry(e, e, expire_at_ms);
    } else {
        uint64_t moved = keyspace_new_object(ks, table, size);

        entry_copy_with_expiry(table_entry(&ks->shared, moved), e, expire_at_ms);
        table_put_ref(&place, moved);
        keyspace_free_object(ks, table, place.ref);
    }
    table_note_expiry(table, place.shard, old_expiry, expire_at_ms);
    keyspace_recount(ks, table, before);
    keyspace_tell(ks, KEYSPACE_KEY_CHANGED, table->number, ref->bytes);
}
