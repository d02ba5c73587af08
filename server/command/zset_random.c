/* SPDX-License-Identifier: MIT */
/* Going through sorted sets in no particular order: ZRANDMEMBER and ZSCAN. */
#include "base/assert.h"
#include "base/vec.h"
#include "command/element_scan.h"
#include "command/functions.h"
#include "command/lookup.h"
#include "command/repeated.h"
#include "command/zset_result.h"

#include <stdlib.h>

enum {
    FEW = 3, /* of so many, one is picked at random; of fewer all are looked at */
};

/* ---- ZRANDMEMBER --------------------------------------------------------------------------------------- */

static void reply_at(struct exec *x, const struct zset_view *view, uint64_t rank, bool with_scores)
{
    struct zset_cursor cursor;
    struct zset_element element;
    bool is_there;

    zset_seek(view, rank, &cursor);
    is_there = zset_next(&cursor, &element);
    ASSERT(is_there);
    zset_reply_element(x, &element, with_scores);
}

static int compare_ranks(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* Different members, few of many: ranks are drawn until there are enough different ones. */
static void reply_few(struct exec *x, const struct zset_view *view, uint64_t count,
                      bool with_scores)
{
    VEC(uint64_t) ranks = {0};
    uint64_t size = zset_count(view);

    while (ranks.count < count) {
        size_t kept = 0;

        while (ranks.count < count) {
            VEC_PUSH(&ranks, rng_below(x->rng, size));
        }
        qsort(ranks.items, ranks.count, sizeof(ranks.items[0]), compare_ranks);
        for (size_t i = 0; i < ranks.count; i++) {
            if (i == 0 || ranks.items[i] != ranks.items[i - 1]) {
                ranks.items[kept++] = ranks.items[i];
            }
        }
        ranks.count = kept;
    }
    for (size_t i = 0; i < ranks.count; i++) {
        reply_at(x, view, ranks.items[i], with_scores);
    }
    VEC_DEINIT(&ranks);
}

/* Different members, many of all: each is taken with the chance that the rest has. */
static void reply_many(struct exec *x, const struct zset_view *view, uint64_t count,
                       bool with_scores)
{
    uint64_t left = zset_count(view);
    struct zset_cursor cursor;
    struct zset_element element;

    zset_seek(view, 0, &cursor);
    while (count > 0 && zset_next(&cursor, &element)) {
        if (rng_below(x->rng, left) < count) {
            zset_reply_element(x, &element, with_scores);
            count--;
        }
        left--;
    }
}

static void reply_random(struct exec *x, const struct zset_view *view, int64_t count,
                         bool with_scores)
{
    uint64_t size = zset_count(view);
    uint64_t wanted = count < 0 ? (uint64_t)-count : (uint64_t)count;
    struct repeated repeated;

    if (size == 0) {
        resp_write_array(x->reply, 0);
        return;
    }
    if (count >= 0) {
        wanted = wanted < size ? wanted : size;
    } else if (!repeated_begin(&repeated, x, wanted)) {
        return;
    }
    zset_reply_begin(x, wanted, with_scores);
    if (count < 0) {
        for (uint64_t i = 0; i < wanted && repeated_goes_on(&repeated); i++) {
            reply_at(x, view, rng_below(x->rng, size), with_scores);
        }
    } else if (wanted < size / FEW) {
        reply_few(x, view, wanted, with_scores);
    } else {
        reply_many(x, view, wanted, with_scores);
    }
}

/* Read the count and what is behind it; false after an error reply. */
static bool read_count(struct exec *x, int64_t *count, bool *with_scores)
{
    if (!argument_i64(x, 2, count)) {
        return false;
    }
    if (*count == INT64_MIN) {
        resp_write_error(x->reply, "ERR value is out of range, value must between "
                                   "-9223372036854775807 and 9223372036854775807");
        return false;
    }
    if (x->arg_count > 4 || (x->arg_count == 4 && !argument_is(x, 3, "WITHSCORES"))) {
        reply_syntax_error(x);
        return false;
    }
    *with_scores = x->arg_count == 4;
    if (*with_scores && (*count < -INT64_MAX / 2 || *count > INT64_MAX / 2)) {
        resp_write_error(x->reply, "ERR value is out of range");
        return false;
    }
    return true;
}

enum exec_result cmd_zrandmember(struct exec *x)
{
    struct key_ref ref = lookup_ref(x, 1);
    struct zset_view view;
    struct entry *e;
    int64_t count = 1;
    bool has_count = x->arg_count > 2;
    bool with_scores = false;

    if ((has_count && !read_count(x, &count, &with_scores)) ||
        !lookup_read_type(x, &ref, VALUE_ZSET, &e)) {
        return EXEC_DONE;
    }
    view = zset_view_of(e);
    if (has_count) {
        reply_random(x, &view, count, with_scores);
    } else if (e == NULL) {
        resp_write_null(x->reply);
    } else {
        reply_at(x, &view, rng_below(x->rng, zset_count(&view)), false);
    }
    return EXEC_DONE;
}

/* ---- ZSCAN --------------------------------------------------------------------------------------------- */

struct scan {
    struct element_scan options;
    struct reply_list list;
};

static void take_element(void *context, const struct value_element *element)
{
    struct scan *scan = context;
    char scratch[NUM_F64_TEXT];

    if (!element_scan_takes(&scan->options, element->name)) {
        return;
    }
    reply_list_add(&scan->list, element->name);
    if (!scan->options.only_names) {
        reply_list_add(&scan->list, bytes_make(scratch, num_format_f64(scratch, element->score)));
    }
}

enum exec_result cmd_zscan(struct exec *x)
{
    struct key_ref ref = lookup_ref(x, 1);
    struct scan scan = {0};
    struct entry *e;
    uint64_t cursor;

    if (!element_scan_read_cursor(x, &scan.options) || !lookup_read_type(x, &ref, VALUE_ZSET, &e)) {
        return EXEC_DONE;
    }
    if (e == NULL) {
        element_scan_reply_nothing(x);
        return EXEC_DONE;
    }
    if (!element_scan_read(x, "NOSCORES", &scan.options)) {
        return EXEC_DONE;
    }
    reply_list_begin(&scan.list, x);
    cursor = value_zset.walk(e, scan.options.cursor, scan.options.count, take_element, &scan);
    element_scan_reply(x, cursor, &scan.list);
    return EXEC_DONE;
}
