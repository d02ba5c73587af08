/* SPDX-License-Identifier: MIT */
/* SORT: elements of a list, a set or a sorted set in an order, and what other keys have for them.
 *
 * Elements are copied, weighed by a number or by a text, and sorted; equal ones by their own bytes, so that there
 * is one order.  What STORE makes travels as DEL and RPUSH: a replica need not have the keys that patterns led
 * to, nor sort as we do. */
#include "base/assert.h"
#include "base/attr.h"
#include "base/vec.h"
#include "command/events.h"
#include "command/functions.h"
#include "command/hash_open.h"
#include "command/list_open.h"
#include "command/lookup.h"
#include "spec/slot.h"
#include "store/value_hash.h"
#include "store/value_set.h"
#include "store/zset.h"

#include <ctype.h>
#include <stdlib.h>

enum {
    TEXT_BLOCK = 16 * 1024,
    SCAN_STEP = 64,
};

/* A key, or a field of a hash, for each element: its text takes the place of the star.  "#" is the
 * element itself, and without a star there is nothing. */
struct pattern {
    bool is_element;
    bool has_star;
    struct bytes prefix;
    struct bytes suffix;
    struct bytes field; /* empty: the key is of a string */
};

struct options {
    bool is_descending;
    bool is_alpha;
    bool is_unsorted; /* BY something without a star: in the order in which they come */
    bool has_weights; /* BY a pattern */
    struct pattern by;
    int64_t first;
    int64_t count; /* negative: all */
    size_t store;  /* argument; 0: none */
    VEC(struct pattern) gets;
};

struct item {
    struct bytes text;
    double number;       /* what it weighs, */
    struct bytes weight; /* or with ALPHA */
    bool has_weight;     /* a key for it is there */
};

struct sorting {
    struct exec *x;
    struct options options;
    VEC(struct item) items;
    uint64_t first; /* of the items, what is replied or stored */
    uint64_t count;
    VEC(struct buf) texts; /* what items borrow: a buffer does not grow any more once it is full */
    struct buf name;       /* scratch */
};

/* ---- words ------------------------------------------------------------------------------------------- */

static size_t find_text(struct bytes in, const char *wanted, size_t from)
{
    size_t len = strlen(wanted);

    for (size_t i = from; i + len <= in.len; i++) {
        if (memcmp(in.data + i, wanted, len) == 0) {
            return i;
        }
    }
    return in.len;
}

static struct pattern parse_pattern(struct bytes text)
{
    size_t star = find_text(text, "*", 0);
    size_t arrow = find_text(text, "->", star);
    struct pattern pattern = {.is_element = bytes_equal_text(text, "#"),
                              .has_star = star < text.len};

    if (pattern.has_star) {
        if (arrow + 2 < text.len) {
            pattern.field = bytes_from(text, arrow + 2);
            text = bytes_prefix(text, arrow);
        }
        pattern.prefix = bytes_prefix(text, star);
        pattern.suffix = bytes_from(text, star + 1);
    }
    return pattern;
}

/* In a cluster: are all keys that the pattern leads to in the slot of the key to sort?  They are when a hash tag
 * stands in front of the star. */
static bool stays_in_slot(const struct exec *x, const struct pattern *pattern)
{
    struct bytes tag = slot_hash_tag(pattern->prefix);

    return !x->is_cluster || !pattern->has_star ||
           (tag.len < pattern->prefix.len &&
            slot_of_key(pattern->prefix) == slot_of_key(x->args[1]));
}

static bool read_pattern(struct exec *x, size_t index, const char *word, struct pattern *out)
{
    *out = parse_pattern(x->args[index]);
    if (!stays_in_slot(x, out)) {
        resp_write_error(x->reply,
                         "ERR %s option of SORT denied in Cluster mode when keys formed by the "
                         "pattern may be in different slots.",
                         word);
        return false;
    }
    return true;
}

/* One option from argument *at on, which is its last word afterwards. */
static bool read_option(struct exec *x, bool may_store, size_t *at, struct options *out)
{
    size_t i = *at;
    size_t left = x->arg_count - i - 1;

    if (argument_is(x, i, "ASC") || argument_is(x, i, "DESC")) {
        out->is_descending = argument_is(x, i, "DESC");
    } else if (argument_is(x, i, "ALPHA")) {
        out->is_alpha = true;
    } else if (argument_is(x, i, "LIMIT") && left >= 2) {
        *at += 2;
        return argument_i64(x, i + 1, &out->first) && argument_i64(x, i + 2, &out->count);
    } else if (may_store && argument_is(x, i, "STORE") && left >= 1) {
        *at += 1;
        out->store = i + 1;
    } else if (argument_is(x, i, "BY") && left >= 1) {
        *at += 1;
        /* One without a star is not undone by another one behind it. */
        out->is_unsorted = out->is_unsorted || !parse_pattern(x->args[i + 1]).has_star;
        out->has_weights = !out->is_unsorted;
        return read_pattern(x, i + 1, "BY", &out->by);
    } else if (argument_is(x, i, "GET") && left >= 1) {
        struct pattern pattern;

        *at += 1;
        if (!read_pattern(x, i + 1, "GET", &pattern)) {
            return false;
        }
        VEC_PUSH(&out->gets, pattern);
    } else {
        reply_syntax_error(x);
        return false;
    }
    return true;
}

static bool read_options(struct exec *x, bool may_store, struct options *out)
{
    *out = (struct options){.count = -1};
    for (size_t i = 2; i < x->arg_count; i++) {
        if (!read_option(x, may_store, &i, out)) {
            return false;
        }
    }
    return true;
}

/* ---- what patterns lead to ----------------------------------------------------------------------------- */

/* Texts of one lookup: what was found borrows from them, or from the key space. */
struct scratch {
    char integer[INTEGER_SCRATCH];
    struct hash_found found;
};

/* False when there is nothing for the element. */
static bool find_for(struct sorting *s, const struct pattern *pattern, struct bytes element,
                     struct scratch *scratch, struct bytes *out)
{
    struct key_ref ref;
    struct entry *e;
    struct value value;

    if (pattern->is_element) {
        *out = element;
        return true;
    }
    if (!pattern->has_star) {
        return false;
    }
    buf_clear(&s->name);
    buf_append_bytes(&s->name, pattern->prefix);
    buf_append_bytes(&s->name, element);
    buf_append_bytes(&s->name, pattern->suffix);
    ref = keyspace_ref(s->x->keyspace, s->x->db, buf_bytes(&s->name));
    e = lookup_read(s->x, &ref);
    if (e == NULL || entry_type(e) != (pattern->field.len > 0 ? VALUE_HASH : VALUE_STRING)) {
        return false;
    }
    if (pattern->field.len == 0) {
        *out = entry_string(e, scratch->integer);
        return true;
    }
    value = hash_of_entry(s->x, e);
    if (!hash_find(&value, pattern->field, &scratch->found)) {
        return false;
    }
    *out = scratch->found.value;
    return true;
}

/* ---- elements ------------------------------------------------------------------------------------------ */

static struct bytes keep_text(struct sorting *s, struct bytes text)
{
    struct buf *last;
    char *place;

    if (s->texts.count == 0 ||
        s->texts.items[s->texts.count - 1].cap - s->texts.items[s->texts.count - 1].len <
            text.len) {
        struct buf fresh = {0};

        (void)buf_reserve(&fresh, text.len > TEXT_BLOCK ? text.len : TEXT_BLOCK);
        VEC_PUSH(&s->texts, fresh);
    }
    last = &s->texts.items[s->texts.count - 1];
    place = last->data + last->len;
    buf_append_bytes(last, text);
    return bytes_make(place, text.len);
}

static void add_item(struct sorting *s, struct bytes text)
{
    struct item item = {.text = keep_text(s, text)};

    VEC_PUSH(&s->items, item);
}

static void add_member(void *context, struct bytes member)
{
    add_item(context, member);
}

/* Which of so many elements are asked for. */
static void clamp(struct sorting *s, uint64_t total)
{
    const struct options *options = &s->options;

    s->first = options->first > 0 ? (uint64_t)options->first : 0;
    s->first = s->first < total ? s->first : total;
    s->count = total - s->first;
    if (options->count >= 0 && (uint64_t)options->count < s->count) {
        s->count = (uint64_t)options->count;
    }
}

/* What is to be loaded of so many elements: all, or, when they stay in the order in which they come, those that
 * are asked for, which are then all there is. */
static void plan_load(struct sorting *s, uint64_t total, uint64_t *first, uint64_t *count)
{
    clamp(s, total);
    *first = 0;
    *count = total;
    if (s->options.is_unsorted) {
        *first = s->first;
        *count = s->count;
        s->first = 0;
    }
}

static void load_list(struct sorting *s, const struct value *list)
{
    bool is_leftward = s->options.is_unsorted && s->options.is_descending;
    uint64_t total = list_count(list);
    struct list_reader r;
    struct packed_item item;
    uint64_t first;
    uint64_t count;

    plan_load(s, total, &first, &count);
    if (count == 0) {
        return;
    }
    list_read(list, is_leftward ? total - 1 - first : first, is_leftward, &r);
    for (uint64_t i = 0; i < count && list_next(&r, &item); i++) {
        char scratch[PACKED_SCRATCH];

        add_item(s, packed_item_text(&item, scratch));
    }
}

static void load_zset(struct sorting *s, const struct zset_view *view)
{
    bool is_downward = s->options.is_unsorted && s->options.is_descending;
    uint64_t total = zset_count(view);
    struct zset_cursor cursor;
    struct zset_element element;
    uint64_t first;
    uint64_t count;

    plan_load(s, total, &first, &count);
    if (count == 0) {
        return;
    }
    zset_seek(view, is_downward ? total - 1 - first : first, &cursor);
    for (uint64_t i = 0; i < count; i++) {
        bool is_there =
            is_downward ? zset_previous(&cursor, &element) : zset_next(&cursor, &element);

        ASSERT(is_there);
        add_item(s, element.name);
    }
}

/* All of them: they come in no order that could be counted off. */
static void load_set(struct sorting *s, const struct value *set)
{
    uint64_t cursor = 0;

    if (s->options.is_unsorted && s->options.store > 0) {
        /* What is stored has an order, and a set has none. */
        s->options.is_unsorted = false;
        s->options.is_alpha = true;
    }
    do {
        cursor = set_scan(set, cursor, SCAN_STEP, add_member, s);
    } while (cursor != 0);
    clamp(s, s->items.count);
}

static void load(struct sorting *s, const struct entry *e)
{
    struct value value = entry_value(e);
    struct zset_view view;

    if (value.type == VALUE_LIST) {
        load_list(s, &value);
    } else if (value.type == VALUE_SET) {
        load_set(s, &value);
    } else {
        view = zset_view_of(e);
        load_zset(s, &view);
    }
}

/* ---- sorting ------------------------------------------------------------------------------------------- */

/* As C's own texts of numbers: blanks may stand in front, a zero byte ends it, and nothing is 0. */
static bool parse_weight(struct bytes text, double *out)
{
    size_t end = bytes_find_byte(text, 0);

    text = end != SIZE_MAX ? bytes_prefix(text, end) : text;
    if (text.len == 0) {
        *out = 0;
        return true;
    }
    while (text.len > 0 && isspace((unsigned char)text.data[0]) != 0) {
        text = bytes_from(text, 1);
    }
    return num_parse_f64(text, out);
}

/* False after an error reply. */
static bool weigh(struct sorting *s)
{
    const struct options *options = &s->options;
    bool is_number = true;

    for (size_t i = 0; i < s->items.count; i++) {
        struct item *item = &s->items.items[i];
        struct scratch scratch;
        struct bytes weight = item->text;

        item->has_weight =
            !options->has_weights || find_for(s, &options->by, item->text, &scratch, &weight);
        if (!item->has_weight) {
            continue;
        }
        if (!options->is_alpha) {
            is_number = parse_weight(weight, &item->number) && is_number;
        } else {
            item->weight = options->has_weights ? keep_text(s, weight) : weight;
        }
    }
    if (!is_number) {
        resp_write_error(s->x->reply, "ERR One or more scores can't be converted into double");
    }
    return is_number;
}

static int compare_numbers(const void *a, const void *b)
{
    const struct item *x = a;
    const struct item *y = b;

    if (x->number != y->number) {
        return x->number < y->number ? -1 : 1;
    }
    return bytes_compare(x->text, y->text);
}

/* What weighs nothing comes first. */
static int compare_texts(const void *a, const void *b)
{
    const struct item *x = a;
    const struct item *y = b;
    int order = (int)x->has_weight - (int)y->has_weight;

    order = order != 0 ? order : bytes_compare(x->weight, y->weight);
    return order != 0 ? order : bytes_compare(x->text, y->text);
}

static bool sort_items(struct sorting *s)
{
    if (s->options.is_unsorted || s->items.count == 0) {
        return true;
    }
    if (!weigh(s)) {
        return false;
    }
    qsort(s->items.items, s->items.count, sizeof(s->items.items[0]),
          s->options.is_alpha ? compare_texts : compare_numbers);
    return true;
}

/* Number i of what is replied or stored. */
static struct bytes result_at(const struct sorting *s, uint64_t i)
{
    bool is_backward = s->options.is_descending && !s->options.is_unsorted;
    uint64_t at = s->first + i;

    return s->items.items[is_backward ? s->items.count - 1 - at : at].text;
}

/* ---- results ------------------------------------------------------------------------------------------- */

static void reply_results(struct sorting *s)
{
    struct resp_writer *w = s->x->reply;
    size_t gets = s->options.gets.count;

    resp_write_array(w, (size_t)s->count * (gets > 0 ? gets : 1));
    for (uint64_t i = 0; i < s->count; i++) {
        struct bytes element = result_at(s, i);

        if (gets == 0) {
            resp_write_bulk(w, element);
        }
        for (size_t j = 0; j < gets; j++) {
            struct scratch scratch;
            struct bytes found;

            if (find_for(s, &s->options.gets.items[j], element, &scratch, &found)) {
                resp_write_bulk(w, found);
            } else {
                resp_write_null(w);
            }
        }
    }
}

/* What becomes of the list that is stored, and of its effects. */
struct storing {
    struct value_draft draft;
    struct buf packed;
    uint64_t count;
};

static void store_text(struct storing *to, struct bytes text)
{
    list_push(&to->draft, LIST_RIGHT, text);
    to->count++;
}

static void collect_results(struct sorting *s, struct storing *to)
{
    size_t gets = s->options.gets.count;

    for (uint64_t i = 0; i < s->count; i++) {
        struct bytes element = result_at(s, i);

        if (gets == 0) {
            store_text(to, element);
        }
        for (size_t j = 0; j < gets; j++) {
            struct scratch scratch;
            struct bytes found = {0};

            (void)find_for(s, &s->options.gets.items[j], element, &scratch, &found);
            store_text(to, found);
        }
    }
}

static void store_results(struct sorting *s)
{
    struct exec *x = s->x;
    struct key_ref to = keyspace_ref(x->keyspace, x->db, x->args[s->options.store]);
    struct storing result = {
        .draft = {.space = keyspace_values(x->keyspace), .type = VALUE_LIST}
    };
    struct value list;

    result.draft.packed = &result.packed;
    collect_results(s, &result);
    resp_write_integer(x->reply, (int64_t)result.count);
    if (lookup_write(x, &to) != NULL) {
        effect_del(x, to.bytes);
        if (result.count == 0) {
            keyspace_remove(x->keyspace, &to);
            notify(x, EVENT_GENERIC, "del", to.bytes);
        }
    }
    if (result.count > 0) {
        list = value_draft_view(&result.draft);
        list_add_push_effects(x, LIST_RIGHT, to.bytes, &list);
        note_replace(x, &to, VALUE_LIST);
        keyspace_put(x->keyspace, &to, &list, EXPIRE_NEVER);
        notify(x, EVENT_LIST, "sortstore", to.bytes);
    }
    buf_deinit(&result.packed);
}

static bool is_sortable(const struct entry *e)
{
    return e == NULL || entry_type(e) == VALUE_LIST || entry_type(e) == VALUE_SET ||
           entry_type(e) == VALUE_ZSET;
}

static void run(struct sorting *s)
{
    struct exec *x = s->x;
    struct key_ref ref = lookup_ref(x, 1);
    struct entry *e = lookup_read(x, &ref);

    if (!is_sortable(e)) {
        reply_wrong_type(x);
        return;
    }
    if (e != NULL) {
        load(s, e);
    }
    if (!sort_items(s)) {
        return;
    }
    if (s->options.store > 0) {
        store_results(s);
    } else {
        reply_results(s);
    }
}

static enum exec_result sort(struct exec *x, bool may_store)
{
    struct sorting s = {.x = x};

    if (read_options(x, may_store, &s.options)) {
        run(&s);
    }
    for (size_t i = 0; i < s.texts.count; i++) {
        buf_deinit(&s.texts.items[i]);
    }
    VEC_DEINIT(&s.texts);
    VEC_DEINIT(&s.items);
    VEC_DEINIT(&s.options.gets);
    buf_deinit(&s.name);
    return EXEC_DONE;
}

enum exec_result cmd_sort(struct exec *x)
{
    return sort(x, true);
}

enum exec_result cmd_sort_ro(struct exec *x)
{
    return sort(x, false);
}
