/* SPDX-License-Identifier: MIT */
#include "store/zset.h"

#include "base/assert.h"
#include "base/mem.h"
#include "store/keyspace.h"
#include "store/zset_forms.h"

#include <math.h>

/* ---- packed pairs ------------------------------------------------------------------------------ */

enum {
    SCORE_TEXT = NUM_F64_TEXT,
    PAIR = 2, /* elements of a pair */
};

struct pair {
    struct packed_item name;
    double score;
};

static const char *pair_next(const char *at)
{
    return (const char *)packed_skip((const uint8_t *)at, PAIR);
}

static const char *read_pair(const char *at, struct pair *out)
{
    struct packed_item score;
    const uint8_t *next = packed_read((const uint8_t *)at, &out->name);

    next = packed_read(next, &score);
    out->score = zset_score_of_item(&score);
    return (const char *)next;
}

bool zset_read_score(const struct packed_item *item, double *out)
{
    if (item->is_integer) {
        *out = (double)item->integer;
        return true;
    }
    return num_parse_f64(item->text, out);
}

double zset_score_of_item(const struct packed_item *item)
{
    double score = 0;
    bool is_score = zset_read_score(item, &score);

    ASSERT(is_score);
    return score;
}

/* As an integer if it is one that a double holds exactly, and no minus zero; text goes into scratch. */
static struct packed_item score_item(double score, char scratch[SCORE_TEXT])
{
    static const double integer_max = 9007199254740992.0; /* 2^53 */

    if (score >= -integer_max && score <= integer_max && (double)(int64_t)score == score &&
        (score != 0 || !signbit(score))) {
        return packed_item_integer((int64_t)score);
    }
    return packed_item(bytes_make(scratch, num_format_f64(scratch, score)));
}

/* Is the pair before the bound? */
static bool is_before(const struct pair *pair, const struct rank_bound *bound)
{
    uint64_t image = rank_image(pair->score);
    char scratch[PACKED_SCRATCH];
    int order;

    if (bound->order != RANK_BY_NAME && image != bound->image) {
        return image < bound->image;
    }
    if (bound->order == RANK_BY_SCORE) {
        return bound->is_after;
    }
    order = bytes_compare(packed_item_text(&pair->name, scratch), bound->name);
    return order < 0 || (order == 0 && bound->is_after);
}

static const char *first_pair(struct bytes packed)
{
    return (const char *)packed_begin(packed);
}

static const char *end_of_pairs(struct bytes packed)
{
    return packed.data + packed.len;
}

/* Pairs that stand before the place. */
static uint64_t count_pairs(struct bytes packed, const char *end)
{
    uint64_t count = 0;

    for (const char *at = first_pair(packed); at != end; at = pair_next(at)) {
        count++;
    }
    return count;
}

static const char *find_pair(struct bytes packed, struct bytes name)
{
    struct packed_item item = packed_item(name);

    if (packed.len == 0) {
        return NULL;
    }
    return (const char *)packed_find(packed_begin(packed), packed_end(packed), &item, PAIR);
}

/* The first pair that is not before the bound, or the end. */
static const char *find_place(struct bytes packed, const struct rank_bound *bound)
{
    const char *end = end_of_pairs(packed);
    const char *at = first_pair(packed);

    while (at != end) {
        struct pair pair;
        const char *next = read_pair(at, &pair);

        if (!is_before(&pair, bound)) {
            break;
        }
        at = next;
    }
    return at;
}

/* ---- looking ------------------------------------------------------------------------------------- */

struct zset_view zset_view_of(const struct entry *e)
{
    struct value value;

    if (e == NULL) {
        return (struct zset_view){
            .packed = {"", 0}
        };
    }
    value = entry_value(e);
    ASSERT(value.type == VALUE_ZSET);
    return (struct zset_view){.packed = value.inlined, .large = value.memory};
}

struct zset_view zset_view_of_draft(const struct value_draft *draft)
{
    return (struct zset_view){.packed = buf_bytes(draft->packed), .large = draft->memory};
}

uint64_t zset_count(const struct zset_view *view)
{
    return view->large != NULL ? view->large->tree.count : packed_count(view->packed);
}

bool zset_find(const struct zset_view *view, struct bytes name, double *score)
{
    struct pair pair;

    if (view->large != NULL) {
        const struct member *m = members_find(&view->large->members, name);

        *score = m != NULL ? member_score(m) : 0;
        return m != NULL;
    }
    {
        const char *at = find_pair(view->packed, name);

        if (at == NULL) {
            return false;
        }
        (void)read_pair(at, &pair);
    }
    *score = pair.score;
    return true;
}

bool zset_find_rank(const struct zset_view *view, struct bytes name, double *score, uint64_t *rank)
{
    struct rank_bound bound;

    if (view->large == NULL) {
        const char *at = find_pair(view->packed, name);
        struct pair pair;

        if (at == NULL) {
            return false;
        }
        (void)read_pair(at, &pair);
        *score = pair.score;
        *rank = count_pairs(view->packed, at);
        return true;
    }
    if (!zset_find(view, name, score)) {
        return false;
    }
    bound = rank_bound_member(*score, name, false);
    *rank = rank_tree_count_before(&view->large->tree, &bound);
    return true;
}

uint64_t zset_count_before(const struct zset_view *view, const struct rank_bound *bound)
{
    if (view->large != NULL) {
        return rank_tree_count_before(&view->large->tree, bound);
    }
    return count_pairs(view->packed, find_place(view->packed, bound));
}

void zset_seek(const struct zset_view *view, uint64_t rank, struct zset_cursor *out)
{
    out->view = *view;
    out->at = NULL;
    out->large = (struct rank_cursor){0};
    if (view->large != NULL) {
        if (rank < view->large->tree.count) {
            out->large = rank_tree_seek(&view->large->tree, rank);
        }
        return;
    }
    if (rank < packed_count(view->packed)) {
        out->at = (const char *)packed_skip(packed_begin(view->packed), (size_t)rank * PAIR);
    }
}

static bool take_member(const struct member *m, struct zset_element *out)
{
    if (m != NULL) {
        *out = (struct zset_element){member_name(m), member_score(m)};
    }
    return m != NULL;
}

/* Read the pair at the cursor; where the next one is. */
static const char *take_pair(struct zset_cursor *cursor, struct zset_element *out)
{
    struct pair pair;
    const char *next = read_pair(cursor->at, &pair);

    *out = (struct zset_element){packed_item_text(&pair.name, cursor->scratch), pair.score};
    return next;
}

bool zset_next(struct zset_cursor *cursor, struct zset_element *out)
{
    if (cursor->view.large != NULL) {
        return take_member(rank_cursor_next(&cursor->large), out);
    }
    if (cursor->at == NULL) {
        return false;
    }
    cursor->at = take_pair(cursor, out);
    if (cursor->at == end_of_pairs(cursor->view.packed)) {
        cursor->at = NULL;
    }
    return true;
}

bool zset_previous(struct zset_cursor *cursor, struct zset_element *out)
{
    if (cursor->view.large != NULL) {
        return take_member(rank_cursor_previous(&cursor->large), out);
    }
    if (cursor->at == NULL) {
        return false;
    }
    (void)take_pair(cursor, out);
    if (cursor->at == first_pair(cursor->view.packed)) {
        cursor->at = NULL;
    } else {
        cursor->at = (const char *)packed_previous(packed_previous((const uint8_t *)cursor->at));
    }
    return true;
}

/* ---- changing ------------------------------------------------------------------------------------ */

struct zset *zset_new_large(struct value_space *space)
{
    struct zset *large = mem_alloc(MEM_STORE, sizeof(*large));

    large->members = members_make(space);
    large->tree = rank_tree_make(space);
    return large;
}

void zset_add_member(struct zset *large, struct bytes name, double score)
{
    struct member_plan plan = {
        .name = name, .score = score, .has_score = true, .expire_at_ms = EXPIRE_NEVER};
    struct member *m;
    bool is_new = members_put(&large->members, &plan, &m);

    ASSERT(is_new);
    rank_tree_insert(&large->tree, m);
}

/* The draft, which is packed, becomes a large one. */
static void enlarge(struct value_draft *draft)
{
    struct zset *large = zset_new_large(draft->space);
    struct zset_view view = zset_view_of_draft(draft);
    struct zset_cursor cursor;
    struct zset_element element;

    zset_seek(&view, 0, &cursor);
    while (zset_next(&cursor, &element)) {
        zset_add_member(large, element.name, element.score);
    }
    draft->memory = large;
    buf_clear(draft->packed);
}

static enum zset_change put_large(struct zset *large, struct bytes name, double score)
{
    struct member *m = members_find(&large->members, name);

    if (m == NULL) {
        zset_add_member(large, name, score);
        return ZSET_ADDED;
    }
    if (member_score(m) == score) {
        return ZSET_SAME;
    }
    members_before_change(&large->members, name);
    rank_tree_remove(&large->tree, m);
    member_put_score(m, score);
    rank_tree_insert(&large->tree, m);
    return ZSET_UPDATED;
}

/* Take pairs out, and the head with the last of them. */
static void erase_pairs(struct buf *packed, const char *from, const char *to, unsigned count)
{
    unsigned left = packed_count(buf_bytes(packed)) - count;

    packed_erase(packed, (size_t)(from - packed->data), (size_t)(to - packed->data));
    if (left == 0) {
        buf_clear(packed);
    } else {
        packed_put_head(packed, left, 0);
    }
}

static void insert_pair(struct buf *packed, struct bytes name, double score)
{
    char scratch[SCORE_TEXT];
    const struct packed_item items[PAIR] = {packed_item(name), score_item(score, scratch)};
    struct rank_bound bound = rank_bound_member(score, name, false);
    unsigned count = packed_count(buf_bytes(packed));
    const char *place;

    packed_put_head(packed, count + 1, 0);
    place = find_place(buf_bytes(packed), &bound);
    (void)packed_insert(packed, (size_t)(place - packed->data), items, PAIR);
}

static enum zset_change put_packed(struct value_draft *draft, struct bytes name, double score)
{
    const char *old = find_pair(buf_bytes(draft->packed), name);
    enum zset_change change = ZSET_ADDED;

    if (old != NULL) {
        struct pair pair;
        const char *end = read_pair(old, &pair);

        if (pair.score == score) {
            return ZSET_SAME;
        }
        erase_pairs(draft->packed, old, end, 1);
        change = ZSET_UPDATED;
    }
    insert_pair(draft->packed, name, score);
    return change;
}

/* Has the draft, which is packed, room for one member more? */
static bool stays_packed(const struct value_draft *draft, struct bytes name)
{
    size_t pair_bytes = name.len + 2 * PACKED_OVERHEAD_MAX + SCORE_TEXT;

    return draft->packed->len + PACKED_HEAD_BYTES + pair_bytes <= VALUE_PACKED_MAX &&
           packed_count(buf_bytes(draft->packed)) < ZSET_PACKED_COUNT_MAX;
}

/* Is what is there, or a member of that name, more than what counts as small? */
static void note_size(struct value_draft *draft, struct bytes name)
{
    const struct value_limits *limits = &draft->space->limits;
    struct zset_view view;

    if (draft->has_outgrown) {
        return;
    }
    view = zset_view_of_draft(draft);
    draft->has_outgrown = name.len > limits->zset_max_listpack_value ||
                          zset_count(&view) > limits->zset_max_listpack_entries;
}

/* Is a minus zero of this name kept as one? */
static bool keeps_sign_of_zero(const struct value_draft *draft, struct bytes name)
{
    const struct value_limits *limits = &draft->space->limits;
    struct zset_view view;
    double old;

    if (draft->has_outgrown) {
        return true;
    }
    view = zset_view_of_draft(draft);
    return !zset_find(&view, name, &old) &&
           (name.len > limits->zset_max_listpack_value ||
            zset_count(&view) >= limits->zset_max_listpack_entries);
}

enum zset_change zset_put(struct value_draft *draft, struct bytes name, double score)
{
    enum zset_change change;

    ASSERT(score == score); /* no NaN */
    if (UNLIKELY(score == 0) && signbit(score) && !keeps_sign_of_zero(draft, name)) {
        score = 0;
    }
    if (draft->memory == NULL && !stays_packed(draft, name)) {
        enlarge(draft);
    }
    change = draft->memory != NULL ? put_large(draft->memory, name, score)
                                   : put_packed(draft, name, score);
    if (change == ZSET_ADDED) {
        note_size(draft, name);
    }
    draft->is_changed = draft->is_changed || change != ZSET_SAME;
    return change;
}

void zset_begin_whole(struct value_draft *draft)
{
    ASSERT(value_draft_is_empty(draft));
    draft->has_outgrown = true;
}

static bool is_within_limits(const struct value_draft *draft)
{
    const struct value_limits *limits = &draft->space->limits;
    struct zset_view view = zset_view_of_draft(draft);
    struct zset_cursor cursor;
    struct zset_element element;

    if (zset_count(&view) > limits->zset_max_listpack_entries) {
        return false;
    }
    zset_seek(&view, 0, &cursor);
    while (zset_next(&cursor, &element)) {
        if (element.name.len > limits->zset_max_listpack_value) {
            return false;
        }
    }
    return true;
}

/* Both zeros have the same rank, so that members stay where they are. */
static void drop_signs_of_zeros(struct value_draft *draft)
{
    struct zset_view view = zset_view_of_draft(draft);
    struct rank_bound bound = rank_bound_score(0, false);
    struct buf name = {0};
    struct zset_cursor cursor;
    struct zset_element element;

    for (uint64_t rank = zset_count_before(&view, &bound);; rank++) {
        view = zset_view_of_draft(draft);
        zset_seek(&view, rank, &cursor);
        if (!zset_next(&cursor, &element) || element.score != 0) {
            break;
        }
        if (signbit(element.score)) {
            buf_clear(&name);
            buf_append_bytes(&name, element.name);
            (void)zset_remove(draft, buf_bytes(&name));
            (void)zset_put(draft, buf_bytes(&name), 0);
        }
    }
    buf_deinit(&name);
}

void zset_end_whole(struct value_draft *draft)
{
    if (!value_draft_is_empty(draft) && is_within_limits(draft)) {
        drop_signs_of_zeros(draft);
        draft->has_outgrown = false;
    }
}

static bool remove_large(struct value_draft *draft, struct bytes name)
{
    struct zset *large = draft->memory;
    const struct member *m;

    ASSERT(large != NULL);
    m = members_find(&large->members, name);
    if (m == NULL) {
        return false;
    }
    rank_tree_remove(&large->tree, m);
    (void)members_remove(&large->members, name);
    if (large->tree.count == 0) {
        /* Not freed here: an image may be on its way. */
        value_draft_clear(draft);
    }
    return true;
}

static bool remove_packed(struct value_draft *draft, struct bytes name)
{
    struct bytes packed = buf_bytes(draft->packed);
    const char *at = find_pair(packed, name);

    if (at == NULL) {
        return false;
    }
    erase_pairs(draft->packed, at, pair_next(at), 1);
    return true;
}

bool zset_remove(struct value_draft *draft, struct bytes name)
{
    bool was_there = draft->memory != NULL ? remove_large(draft, name) : remove_packed(draft, name);

    draft->is_changed = draft->is_changed || was_there;
    return was_there;
}

void zset_remove_ranks(struct value_draft *draft, uint64_t first, uint64_t count)
{
    struct zset_view view = zset_view_of_draft(draft);

    ASSERT(count <= zset_count(&view) && first <= zset_count(&view) - count);
    draft->is_changed = draft->is_changed || count > 0;
    if (draft->memory == NULL) {
        const uint8_t *from = packed_skip(packed_begin(view.packed), (size_t)first * PAIR);
        const uint8_t *to = packed_skip(from, (size_t)count * PAIR);

        erase_pairs(draft->packed, (const char *)from, (const char *)to, (unsigned)count);
        return;
    }
    for (uint64_t i = 0; i < count; i++) {
        struct zset_cursor cursor;
        struct zset_element element;

        zset_seek(&view, first, &cursor);
        if (!zset_next(&cursor, &element) || !remove_large(draft, element.name)) {
            ASSERT(false);
        }
    }
}
