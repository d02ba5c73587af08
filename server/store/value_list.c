/* SPDX-License-Identifier: MIT */
#include "store/value_list.h"

#include "base/assert.h"
#include "base/hash.h"
#include "base/mem.h"
#include "store/entry.h"
#include "store/foreign.h"
#include "store/list_image.h"
#include "store/value_space.h"

enum {
    STEP_COUNT = 0, /* of the serialized form: how many there are, */
    STEP_FORM,      /* how the next one is kept, */
    STEP_ELEMENT,   /* an element, */
    STEP_PIECE,     /* several in a compact form */

    FREE_AT_ONCE = 64, /* elements that may have as many chunks */

    FORM_PLAIN = 1, /* what STEP_FORM reads */
    FORM_PACKED = 2,

    PACK_BYTES =
        VALUE_PACKED_MAX / 2, /* a list in chunks that has no more goes back to its entry */
    STOCK_HEAD_BYTES = 7,     /* of a listpack, which the directive counts */
    STOCK_SAFE_BYTES = 8192,  /* where the directive is about elements */
};

static const struct chunks *chunks_of(const struct value *list)
{
    return list->memory;
}

uint64_t list_count(const struct value *list)
{
    return list->memory != NULL ? chunks_of(list)->count : packed_count(list->inlined);
}

/* ---- reading ------------------------------------------------------------------------------------- */

static void stand_in_chunk(struct list_reader *r)
{
    struct bytes elements = chunk_bytes(chunks_get(r->chunks, r->at));

    r->begin = (const uint8_t *)elements.data;
    r->end = r->begin + elements.len;
}

/* The place before element `index` of `total` that lie between begin and end. */
static const uint8_t *place_of(const struct list_reader *r, uint64_t index, uint64_t total)
{
    const uint8_t *at = r->end;

    if (index <= total / 2) {
        return packed_skip(r->begin, index);
    }
    for (uint64_t i = index; i < total; i++) {
        at = packed_previous(at);
    }
    return at;
}

void list_read(const struct value *list, uint64_t index, bool is_leftward, struct list_reader *out)
{
    uint64_t total = list_count(list);

    ASSERT(index < total);
    *out = (struct list_reader){.chunks = list->memory, .is_leftward = is_leftward};
    if (out->chunks != NULL) {
        out->at = chunks_find(out->chunks, index, &index);
        total = chunks_count_at(out->chunks, out->at);
        stand_in_chunk(out);
    } else {
        out->begin = packed_begin(list->inlined);
        out->end = packed_end(list->inlined);
    }
    out->place = place_of(out, index, total);
    if (is_leftward) {
        out->place = packed_next(out->place);
    }
}

static bool next_leftward(struct list_reader *r, struct packed_item *out)
{
    if (r->place == r->begin) {
        if (r->chunks == NULL || !chunks_previous(r->chunks, &r->at)) {
            return false;
        }
        stand_in_chunk(r);
        r->place = r->end;
    }
    r->place = packed_previous(r->place);
    (void)packed_read(r->place, out);
    return true;
}

bool list_next(struct list_reader *r, struct packed_item *out)
{
    if (r->is_leftward) {
        return next_leftward(r, out);
    }
    if (r->place == r->end) {
        if (r->chunks == NULL || !chunks_next(r->chunks, &r->at)) {
            return false;
        }
        stand_in_chunk(r);
        r->place = r->begin;
    }
    r->place = packed_read(r->place, out);
    return true;
}

/* ---- between the two forms ------------------------------------------------------------------------- */

static size_t data_bytes(const struct value_draft *draft)
{
    const struct chunks *chunks = draft->memory;

    return chunks != NULL ? chunks->sums.data_bytes : draft->packed->len;
}

static struct chunks *unpack(struct value_draft *draft)
{
    struct chunks *chunks = mem_alloc_zeroed(MEM_STORE, sizeof(*chunks));
    struct bytes packed = buf_bytes(draft->packed);
    const uint8_t *at = packed_begin(packed);
    bool has_large = false;

    while (at < packed_end(packed) && !has_large) {
        const uint8_t *next = packed_next(at);

        has_large = next - at > CHUNK_ELEMENT_MAX;
        at = next;
    }
    if (!has_large && packed.len > 0) {
        chunks_append_packed(chunks, bytes_from(packed, PACKED_HEAD_BYTES), packed_count(packed));
    }
    for (at = packed_begin(packed); has_large && at < packed_end(packed);) {
        struct packed_item item;

        at = packed_read(at, &item);
        chunks_insert(chunks, chunks->count, &item);
    }
    draft->memory = chunks;
    buf_clear(draft->packed);
    return chunks;
}

/* After elements were taken out of chunks. */
static void settle(struct value_draft *draft)
{
    struct chunks *chunks = draft->memory;
    struct chunk_at at = {0};
    size_t budget = SIZE_MAX;
    bool is_freed;

    if (chunks->sums.data_bytes > PACK_BYTES) {
        return;
    }
    ASSERT(draft->packed->len == 0);
    if (chunks->count > 0) {
        packed_put_head(draft->packed, (unsigned)chunks->count, 0);
        do {
            buf_append_bytes(draft->packed, chunk_bytes(chunks_get(chunks, at)));
        } while (chunks_next(chunks, &at));
    }
    is_freed = chunks_free(chunks, &budget);
    ASSERT(is_freed);
    mem_free(MEM_STORE, chunks);
    draft->memory = NULL;
}

/* What clients are told goes by the directive; once outgrown, always outgrown. */
static void note_size(struct value_draft *draft)
{
    static const size_t sizes[] = {4096, 8192, 16384, 32768, 65536};
    int64_t limit = draft->space->limits.list_max_listpack_size;
    struct value now = value_draft_view(draft);
    size_t bytes = data_bytes(draft) + STOCK_HEAD_BYTES;

    if (limit < 0) {
        size_t index =
            limit < -(int64_t)ARRAY_COUNT(sizes) ? ARRAY_COUNT(sizes) - 1 : (size_t)(-limit - 1);

        draft->has_outgrown = draft->has_outgrown || bytes > sizes[index];
    } else if (list_count(&now) > (uint64_t)limit || bytes > STOCK_SAFE_BYTES) {
        draft->has_outgrown = true;
    }
}

/* ---- changing ------------------------------------------------------------------------------------ */

/* The place of element `index` of a packed list, or its end. */
static size_t packed_place(const struct buf *packed, uint64_t index)
{
    struct bytes view = buf_bytes(packed);
    struct list_reader r = {.begin = packed_begin(view), .end = packed_end(view)};

    return (size_t)(place_of(&r, index, packed_count(view)) - (const uint8_t *)view.data);
}

static bool has_packed_room(const struct value_draft *draft, size_t size)
{
    return draft->packed->len + PACKED_HEAD_BYTES + size <= VALUE_PACKED_MAX;
}

void list_insert(struct value_draft *draft, uint64_t index, struct bytes element)
{
    struct packed_item item = packed_item(element);
    struct buf *packed = draft->packed;

    if (draft->memory == NULL && has_packed_room(draft, packed_size(&item))) {
        unsigned count = packed_count(buf_bytes(packed));
        size_t at = index < count ? packed_place(packed, index) : packed->len;

        packed_put_head(packed, count + 1, 0);
        (void)packed_insert(packed, at > 0 ? at : PACKED_HEAD_BYTES, &item, 1);
    } else {
        struct chunks *chunks = draft->memory != NULL ? draft->memory : unpack(draft);

        chunks_insert(chunks, index, &item);
    }
    draft->is_changed = true;
    note_size(draft);
}

void list_push(struct value_draft *draft, enum list_end end, struct bytes element)
{
    struct value now = value_draft_view(draft);

    list_insert(draft, end == LIST_LEFT ? 0 : list_count(&now), element);
}

void list_set(struct value_draft *draft, uint64_t index, struct bytes element)
{
    struct packed_item item = packed_item(element);
    struct buf *packed = draft->packed;

    if (draft->memory == NULL && has_packed_room(draft, packed_size(&item))) {
        (void)packed_replace(packed, packed_place(packed, index), &item);
    } else {
        chunks_replace(draft->memory != NULL ? draft->memory : unpack(draft), index, &item);
        settle(draft);
    }
    draft->is_changed = true;
    note_size(draft);
}

static void remove_packed(struct buf *packed, uint64_t index, uint64_t count)
{
    unsigned total = packed_count(buf_bytes(packed));
    size_t from = packed_place(packed, index);
    size_t to = index + count == total ? packed->len : packed_place(packed, index + count);

    if (count == total) {
        buf_clear(packed);
        return;
    }
    packed_erase(packed, from, to);
    packed_put_head(packed, total - (unsigned)count, 0);
}

/* Many chunks are not freed at once, but handed over to be freed in slices. */
static void remove_from_chunks(struct value_draft *draft, uint64_t index, uint64_t count)
{
    struct chunks *dropped = draft->dropped;

    if (count > FREE_AT_ONCE && dropped == NULL) {
        dropped = mem_alloc_zeroed(MEM_STORE, sizeof(*dropped));
        draft->dropped = dropped;
    }
    chunks_remove(draft->memory, index, count, count > FREE_AT_ONCE ? dropped : NULL);
}

void list_remove(struct value_draft *draft, uint64_t index, uint64_t count)
{
    if (count == 0) {
        return;
    }
    if (draft->memory == NULL) {
        remove_packed(draft->packed, index, count);
    } else {
        remove_from_chunks(draft, index, count);
        settle(draft);
    }
    draft->is_changed = true;
}

/* Of a packed list: one element after the other, from the right, so that places stay what they are. */
static uint64_t remove_equal_packed(struct buf *packed, const struct packed_item *item,
                                    uint64_t limit, bool is_from_right)
{
    struct bytes view = buf_bytes(packed);
    unsigned total = packed_count(view);
    uint64_t equal;
    uint64_t wanted;
    struct chunk *chunk;

    if (total == 0) {
        return 0;
    }
    equal = chunk_count_equal(bytes_from(view, PACKED_HEAD_BYTES), item);
    wanted = equal < limit ? equal : limit;
    if (wanted == total) {
        buf_clear(packed);
    }
    if (wanted == 0 || wanted == total) {
        return wanted;
    }
    chunk = chunk_new(view.len - PACKED_HEAD_BYTES, false);
    chunk->end = chunk->capacity;
    memcpy(chunk->data, packed_begin(view), chunk->capacity);
    (void)chunk_remove_equal(chunk, item, is_from_right ? equal - wanted : 0, wanted);
    packed->len = PACKED_HEAD_BYTES;
    packed_put_head(packed, total - (unsigned)wanted, 0);
    buf_append_bytes(packed, chunk_bytes(chunk));
    chunk_free(chunk);
    return wanted;
}

uint64_t list_remove_equal(struct value_draft *draft, struct bytes element, uint64_t limit,
                           bool is_from_right)
{
    struct packed_item item = packed_item(element);
    uint64_t removed;

    if (draft->memory == NULL) {
        removed = remove_equal_packed(draft->packed, &item, limit, is_from_right);
    } else {
        removed = chunks_remove_equal(draft->memory, &item, limit, is_from_right);
        settle(draft);
    }
    draft->is_changed = draft->is_changed || removed > 0;
    return removed;
}

/* ---- memory -------------------------------------------------------------------------------------- */

static size_t bytes(const void *memory)
{
    const struct chunks *chunks = memory;

    return sizeof(*chunks) + chunks->sums.bytes;
}

static size_t spare_bytes(const void *memory)
{
    const struct chunks *chunks = memory;

    return chunks->sums.room_bytes - chunks->sums.data_bytes;
}

static void check(const void *memory)
{
    const struct chunks *chunks = memory;

    ASSERT(chunks->sums.data_bytes > PACK_BYTES);
    chunks_check(chunks);
}

static void check_packed(struct bytes packed)
{
    uint64_t count;
    bool is_canonical;
    bool is_sound =
        packed_check(bytes_from(packed, PACKED_HEAD_BYTES), &count, &is_canonical, NULL);

    ASSERT(is_sound && is_canonical && packed_mark(packed) == 0);
    ASSERT(count == packed_count(packed) && count > 0);
}

static void *copy(const void *memory)
{
    struct chunks *twin = mem_alloc(MEM_STORE, sizeof(*twin));

    chunks_copy(memory, twin);
    return twin;
}

static size_t free_cost(const void *memory)
{
    return chunks_free_cost(memory);
}

static bool free_list(void **memory, size_t *budget)
{
    if (!chunks_free(*memory, budget)) {
        return false;
    }
    mem_free(MEM_STORE, *memory);
    *memory = NULL;
    return true;
}

/* ---- as a whole ---------------------------------------------------------------------------------- */

static const char *encoding_name(const struct entry *e)
{
    return entry_was_edited(e) ? "quicklist" : "listpack";
}

/* The cursor is the index of the next element. */
static uint64_t walk(const struct entry *e, uint64_t cursor, size_t count, value_visit_fn *visit,
                     void *context)
{
    struct value value = entry_value(e);
    struct list_reader r;
    struct packed_item item;

    list_read(&value, cursor, false, &r);
    for (size_t i = 0; i < count; i++, cursor++) {
        char scratch[PACKED_SCRATCH];
        struct value_element element = {0};

        if (!list_next(&r, &item)) {
            return 0;
        }
        element.name = packed_item_text(&item, scratch);
        visit(context, &element);
    }
    return cursor < list_count(&value) ? cursor : 0;
}

struct digest_context {
    uint64_t seed;
};

static void digest_element(void *context, const struct value_element *element)
{
    struct digest_context *to = context;

    to->seed = hash_bytes(element->name, to->seed);
}

/* A chain: the order of elements matters. */
static uint64_t digest(const struct entry *e, uint64_t seed)
{
    struct digest_context to = {.seed = seed + 1};

    (void)walk(e, 0, SIZE_MAX, digest_element, &to);
    return to.seed;
}

static uint64_t encode(const struct entry *e, uint64_t cursor, size_t max_bytes, struct buf *out)
{
    struct value value = entry_value(e);
    size_t start = out->len;
    struct list_reader r;
    struct packed_item item;

    if (cursor == 0) {
        value_encode_len(out, list_count(&value));
    }
    list_read(&value, cursor, false, &r);
    do {
        if (!list_next(&r, &item)) {
            return 0;
        }
        value_encode_item(out, &item);
        cursor++;
    } while (out->len - start < max_bytes);
    return cursor < list_count(&value) ? cursor : 0;
}

/* ---- reading what was serialized ------------------------------------------------------------------- */

static enum value_codec_status decode_count(struct value_reader *r, struct decoder *d,
                                            uint64_t *needed, struct errmsg *error)
{
    enum value_codec_status status = value_decode_count(d, "a list", &r->left, needed, error);

    if (status == VALUE_CODEC_OK) {
        r->step = r->rdb_type == RDB_TYPE_LIST            ? STEP_ELEMENT
                  : r->rdb_type == RDB_TYPE_LIST_ZIPLISTS ? STEP_PIECE
                                                          : STEP_FORM;
    }
    return status;
}

static enum value_codec_status decode_form(struct value_reader *r, struct decoder *d,
                                           uint64_t *needed, struct errmsg *error)
{
    uint64_t form;
    enum value_codec_status status =
        value_decode_count(d, "a piece of a list", &form, needed, error);

    if (status != VALUE_CODEC_OK) {
        return status;
    }
    if (form != FORM_PLAIN && form != FORM_PACKED) {
        errmsg_set(error, "a piece of a list is of an unknown form");
        return VALUE_CODEC_ERROR;
    }
    r->step = form == FORM_PLAIN ? STEP_ELEMENT : STEP_PIECE;
    return status;
}

static bool take_piece(struct value_reader *r, struct errmsg *error)
{
    struct foreign f;
    struct packed_item item;

    if (!foreign_open_rdb(&f, r->rdb_type, buf_bytes(&r->text), error)) {
        return false;
    }
    while (foreign_next(&f, &item)) {
        char scratch[PACKED_SCRATCH];

        list_push(&r->draft, LIST_RIGHT, packed_item_text(&item, scratch));
    }
    return true;
}

static enum value_codec_status decode(struct value_reader *r, struct decoder *d, uint64_t *needed,
                                      struct errmsg *error)
{
    enum value_codec_status status;

    if (r->step == STEP_COUNT && r->rdb_type == RDB_TYPE_LIST_ZIPLIST) {
        r->left = 1;
        r->step = STEP_PIECE;
    }
    if (r->step == STEP_COUNT) {
        return decode_count(r, d, needed, error);
    }
    if (r->step == STEP_FORM) {
        return decode_form(r, d, needed, error);
    }
    buf_clear(&r->text);
    status = value_decode_string(d, r->max_bytes, &r->text, needed, error);
    if (status != VALUE_CODEC_OK) {
        return status;
    }
    if (r->step == STEP_ELEMENT) {
        list_push(&r->draft, LIST_RIGHT, buf_bytes(&r->text));
    } else if (!take_piece(r, error)) {
        return VALUE_CODEC_ERROR;
    }
    if (r->rdb_type == RDB_TYPE_LIST_LISTPACKS) {
        r->step = STEP_FORM;
    }
    r->is_done = --r->left == 0;
    return status;
}

const struct value_ops value_list = {
    .rdb_types_read = 1U << RDB_TYPE_LIST | 1U << RDB_TYPE_LIST_ZIPLIST |
                      1U << RDB_TYPE_LIST_ZIPLISTS | 1U << RDB_TYPE_LIST_LISTPACKS,
    .check_packed = check_packed,
    .bytes = bytes,
    .spare_bytes = spare_bytes,
    .check = check,
    .copy = copy,
    .free_cost = free_cost,
    .free = free_list,
    .image = &list_image_ops,
    .encoding_name = encoding_name,
    .digest = digest,
    .walk = walk,
    .encode = encode,
    .decode = decode,
};
