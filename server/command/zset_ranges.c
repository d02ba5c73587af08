/* SPDX-License-Identifier: MIT */
/* Ranges of sorted sets: told, counted, stored and removed. */
#include "base/assert.h"
#include "command/events.h"
#include "command/functions.h"
#include "command/lookup.h"
#include "command/zset_result.h"

/* ---- ZRANGE and its older spellings ---------------------------------------------------------------- */

/* What a command of this family is: the newer ones take kind and direction as options. */
struct range_form {
    enum zset_range_kind kind;
    bool is_reverse;
    bool takes_kind;
    bool takes_direction;
    bool stores;
};

struct range_options {
    bool with_scores;
    bool has_limit;
    bool has_kind;
};

/* An option at *i that does not stand for itself alone: LIMIT, then two numbers. */
static bool read_limit(struct exec *x, size_t *i, struct zset_range *out)
{
    if (!argument_i64(x, *i + 1, &out->skip) || !argument_i64(x, *i + 2, &out->limit)) {
        return false;
    }
    *i += 2;
    return true;
}

static bool read_options(struct exec *x, const struct range_form *form, size_t first,
                         struct range_options *options, struct zset_range *range)
{
    for (size_t i = first; i < x->arg_count; i++) {
        if (!form->stores && argument_is(x, i, "WITHSCORES")) {
            options->with_scores = true;
        } else if (argument_is(x, i, "LIMIT") && i + 2 < x->arg_count) {
            if (!read_limit(x, &i, range)) {
                return false;
            }
        } else if (form->takes_direction && !range->is_reverse && argument_is(x, i, "REV")) {
            range->is_reverse = true;
        } else if (form->takes_kind && !options->has_kind && argument_is(x, i, "BYLEX")) {
            range->kind = ZSET_RANGE_NAME;
            options->has_kind = true;
        } else if (form->takes_kind && !options->has_kind && argument_is(x, i, "BYSCORE")) {
            range->kind = ZSET_RANGE_SCORE;
            options->has_kind = true;
        } else {
            reply_syntax_error(x);
            return false;
        }
    }
    return true;
}

/* Read what is behind the key, which stands before the argument `low`; false after an error reply. */
static bool read_request(struct exec *x, const struct range_form *form, size_t low,
                         struct zset_range *range, bool *with_scores)
{
    struct range_options options = {0};
    bool swaps;

    *range = (struct zset_range){.kind = form->kind, .is_reverse = form->is_reverse, .limit = -1};
    if (!read_options(x, form, low + 2, &options, range)) {
        return false;
    }
    if (range->limit != -1 && range->kind == ZSET_RANGE_RANK) {
        resp_write_error(x->reply, "ERR syntax error, LIMIT is only supported in combination with "
                                   "either BYSCORE or BYLEX");
        return false;
    }
    if (options.with_scores && range->kind == ZSET_RANGE_NAME) {
        resp_write_error(x->reply,
                         "ERR syntax error, WITHSCORES not supported in combination with BYLEX");
        return false;
    }
    *with_scores = options.with_scores;
    /* By score and name a range that goes down begins with its high end. */
    swaps = range->is_reverse && range->kind != ZSET_RANGE_RANK;
    return zset_read_range(x, range->kind, swaps ? low + 1 : low, swaps ? low : low + 1, range);
}

static enum exec_result reply_range(struct exec *x, struct range_form form)
{
    struct key_ref ref = lookup_ref(x, 1);
    struct zset_range range;
    struct zset_view view;
    struct entry *e;
    bool with_scores;

    if (read_request(x, &form, 2, &range, &with_scores) &&
        lookup_read_type(x, &ref, VALUE_ZSET, &e)) {
        view = zset_view_of(e);
        zset_reply_span(x, &view, zset_resolve(&view, &range), &range, with_scores);
    }
    return EXEC_DONE;
}

enum exec_result cmd_zrange(struct exec *x)
{
    return reply_range(x, (struct range_form){.takes_kind = true, .takes_direction = true});
}

enum exec_result cmd_zrevrange(struct exec *x)
{
    return reply_range(x, (struct range_form){.is_reverse = true});
}

enum exec_result cmd_zrangebyscore(struct exec *x)
{
    return reply_range(x, (struct range_form){.kind = ZSET_RANGE_SCORE});
}

enum exec_result cmd_zrevrangebyscore(struct exec *x)
{
    return reply_range(x, (struct range_form){.kind = ZSET_RANGE_SCORE, .is_reverse = true});
}

enum exec_result cmd_zrangebylex(struct exec *x)
{
    return reply_range(x, (struct range_form){.kind = ZSET_RANGE_NAME});
}

enum exec_result cmd_zrevrangebylex(struct exec *x)
{
    return reply_range(x, (struct range_form){.kind = ZSET_RANGE_NAME, .is_reverse = true});
}

/* A range of names means something where all scores are equal.  Where they are not, what is in it depends on how the set is
 * built, which replicas and a start may do in another way: they are told what came of it. */
static bool is_anyones_guess(const struct zset_view *view, enum zset_range_kind kind)
{
    struct zset_cursor cursor;
    struct zset_element first;
    struct zset_element last;

    if (kind != ZSET_RANGE_NAME || zset_count(view) < 2) {
        return false;
    }
    zset_seek(view, 0, &cursor);
    (void)zset_next(&cursor, &first);
    zset_seek(view, zset_count(view) - 1, &cursor);
    (void)zset_previous(&cursor, &last);
    return first.score < last.score;
}

/* Put them in the order in which they are asked for: which zeros keep their signs depends on it. */
static void fill(struct zset_result *result, const struct zset_view *view, struct zset_span span,
                 bool is_reverse)
{
    struct zset_cursor cursor;
    struct zset_element element;

    if (span.count == 0) {
        return;
    }
    zset_seek(view, is_reverse ? span.first + span.count - 1 : span.first, &cursor);
    for (uint64_t i = 0; i < span.count; i++) {
        bool is_there =
            is_reverse ? zset_previous(&cursor, &element) : zset_next(&cursor, &element);

        ASSERT(is_there);
        (void)zset_put(&result->draft, element.name, element.score);
    }
}

enum exec_result cmd_zrangestore(struct exec *x)
{
    const struct range_form form = {.takes_kind = true, .takes_direction = true, .stores = true};
    struct key_ref to = lookup_ref(x, 1);
    struct key_ref from = lookup_ref(x, 2);
    struct zset_range range;
    struct zset_span span;
    struct zset_result result;
    struct zset_view view;
    struct entry *e;
    bool with_scores;
    bool is_unclear;

    if (!read_request(x, &form, 3, &range, &with_scores) ||
        !lookup_read_type(x, &from, VALUE_ZSET, &e)) {
        return EXEC_DONE;
    }
    view = zset_view_of(e);
    span = zset_resolve(&view, &range);
    is_unclear = is_anyones_guess(&view, range.kind);
    zset_result_init(&result, x);
    if (range.kind == ZSET_RANGE_RANK &&
        span.count > keyspace_values(x->keyspace)->limits.zset_max_listpack_entries) {
        /* Ranks tell a stock server as well before that it is not going to be small. */
        zset_begin_whole(&result.draft);
    }
    fill(&result, &view, span, range.is_reverse);
    resp_write_integer(x->reply, (int64_t)(is_unclear ? zset_result_store_explicit
                                                      : zset_result_store_verbatim)(&result, x, &to,
                                                                                    "zrangestore"));
    zset_result_deinit(&result);
    return EXEC_DONE;
}

/* ---- counted --------------------------------------------------------------------------------------- */

static enum exec_result count_range(struct exec *x, enum zset_range_kind kind)
{
    struct key_ref ref = lookup_ref(x, 1);
    struct zset_range range = {.limit = -1};
    struct zset_view view;
    struct entry *e;

    if (zset_read_range(x, kind, 2, 3, &range) && lookup_read_type(x, &ref, VALUE_ZSET, &e)) {
        view = zset_view_of(e);
        resp_write_integer(x->reply, (int64_t)zset_resolve(&view, &range).count);
    }
    return EXEC_DONE;
}

enum exec_result cmd_zcount(struct exec *x)
{
    return count_range(x, ZSET_RANGE_SCORE);
}

enum exec_result cmd_zlexcount(struct exec *x)
{
    return count_range(x, ZSET_RANGE_NAME);
}

/* ---- removed --------------------------------------------------------------------------------------- */

static const char *const removal_events[] = {
    [ZSET_RANGE_RANK] = "zremrangebyrank",
    [ZSET_RANGE_SCORE] = "zremrangebyscore",
    [ZSET_RANGE_NAME] = "zremrangebylex",
};

/* ZREMRANGEBYRANK key first last */
static void effect_remove(struct exec *x, struct bytes key, struct zset_span span)
{
    char first[NUM_I64_TEXT];
    char last[NUM_I64_TEXT];
    const struct bytes words[] = {
        BYTES_LITERAL("ZREMRANGEBYRANK"), key, bytes_make(first, num_format_u64(first, span.first)),
        bytes_make(last, num_format_u64(last, span.first + span.count - 1))};

    effects_add(x->effects, words, ARRAY_COUNT(words));
}

static enum exec_result remove_range(struct exec *x, enum zset_range_kind kind)
{
    struct key_ref ref = lookup_ref(x, 1);
    struct zset_range range = {.limit = -1};
    struct zset_span span;
    struct zset_view view;
    struct value_edit edit;
    struct entry *e;
    uint64_t total;
    bool is_unclear;

    if (!zset_read_range(x, kind, 2, 3, &range) || !lookup_write_type(x, &ref, VALUE_ZSET, &e)) {
        return EXEC_DONE;
    }
    view = zset_view_of(e);
    total = zset_count(&view);
    span = zset_resolve(&view, &range);
    is_unclear = is_anyones_guess(&view, kind);
    if (span.count > 0 && span.count == total) {
        /* All of a large one is freed in slices. */
        keyspace_remove(x->keyspace, &ref);
    } else if (span.count > 0) {
        lookup_open(x, &ref, VALUE_ZSET, &edit);
        zset_remove_ranks(&edit.draft, span.first, span.count);
        (void)keyspace_close(x->keyspace, &edit);
    }
    if (span.count > 0) {
        if (is_unclear) {
            effect_remove(x, ref.bytes, span);
        } else {
            effects_add_verbatim(x->effects);
        }
        notify_taken(x, EVENT_ZSET, removal_events[kind], ref.bytes, span.count < total);
    }
    resp_write_integer(x->reply, (int64_t)span.count);
    return EXEC_DONE;
}

enum exec_result cmd_zremrangebyrank(struct exec *x)
{
    return remove_range(x, ZSET_RANGE_RANK);
}

enum exec_result cmd_zremrangebyscore(struct exec *x)
{
    return remove_range(x, ZSET_RANGE_SCORE);
}

enum exec_result cmd_zremrangebylex(struct exec *x)
{
    return remove_range(x, ZSET_RANGE_NAME);
}
