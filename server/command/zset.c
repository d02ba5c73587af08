/* SPDX-License-Identifier: MIT */
/* Members of sorted sets: adding and removing them, their scores and ranks. */
#include "store/zset.h"
#include "base/assert.h"
#include "command/events.h"
#include "command/functions.h"
#include "command/lookup.h"
#include "command/zset_result.h"
#include "command/zset_source.h"

#include <math.h>

/* ---- ZADD, ZINCRBY ------------------------------------------------------------------------------- */

struct add_options {
    bool only_new;      /* NX */
    bool only_existing; /* XX */
    bool only_greater;  /* GT */
    bool only_less;     /* LT */
    bool count_changed; /* CH */
    bool is_increment;  /* INCR */
};

/* Options stand before the first score; where that is. */
static size_t read_options(const struct exec *x, struct add_options *out)
{
    size_t i = 2;

    for (; i < x->arg_count; i++) {
        if (argument_is(x, i, "NX")) {
            out->only_new = true;
        } else if (argument_is(x, i, "XX")) {
            out->only_existing = true;
        } else if (argument_is(x, i, "GT")) {
            out->only_greater = true;
        } else if (argument_is(x, i, "LT")) {
            out->only_less = true;
        } else if (argument_is(x, i, "CH")) {
            out->count_changed = true;
        } else if (argument_is(x, i, "INCR")) {
            out->is_increment = true;
        } else {
            break;
        }
    }
    return i;
}

/* Do options and pairs, which begin at the argument, go together?  False after an error reply. */
static bool check_options(struct exec *x, const struct add_options *options, size_t first)
{
    size_t words = x->arg_count - first;
    bool compares = options->only_greater || options->only_less;

    if (words == 0 || words % 2 != 0) {
        reply_syntax_error(x);
        return false;
    }
    if (options->only_new && options->only_existing) {
        resp_write_error(x->reply, "ERR XX and NX options at the same time are not compatible");
        return false;
    }
    if ((compares && options->only_new) || (options->only_greater && options->only_less)) {
        resp_write_error(x->reply,
                         "ERR GT, LT, and/or NX options at the same time are not compatible");
        return false;
    }
    if (options->is_increment && words > 2) {
        resp_write_error(x->reply, "ERR INCR option supports a single increment-element pair");
        return false;
    }
    return true;
}

static bool check_scores(struct exec *x, size_t first)
{
    for (size_t i = first; i < x->arg_count; i += 2) {
        double score;

        if (!num_parse_f64(x->args[i], &score)) {
            resp_write_error(x->reply, "ERR value is not a valid float");
            return false;
        }
    }
    return true;
}

/* A score that was checked. */
static double score_at(const struct exec *x, size_t index)
{
    double score = 0;
    bool is_score = num_parse_f64(x->args[index], &score);

    ASSERT(is_score);
    return score;
}

/* May the member get that score? */
static bool is_wanted(const struct add_options *options, bool is_there, double old, double score)
{
    if (!is_there) {
        return !options->only_existing;
    }
    return !options->only_new && !(options->only_less && score >= old) &&
           !(options->only_greater && score <= old);
}

static void add_pairs(struct exec *x, const struct add_options *options, struct entry *e,
                      size_t first)
{
    struct key_ref ref = lookup_ref(x, 1);
    struct value_edit edit;
    uint64_t added = 0;
    uint64_t updated = 0;

    keyspace_open(x->keyspace, &ref, e, VALUE_ZSET, &edit);
    for (size_t i = first; i < x->arg_count; i += 2) {
        enum zset_change change = ZSET_SAME;
        double old = 0;
        double score = score_at(x, i);
        bool is_there = false;

        if (options->only_new || options->only_existing || options->only_greater ||
            options->only_less) {
            struct zset_view view = zset_view_of_draft(&edit.draft);

            is_there = zset_find(&view, x->args[i + 1], &old);
            if (!is_wanted(options, is_there, old, score)) {
                continue;
            }
        }
        change = zset_put(&edit.draft, x->args[i + 1], score);
        added += change == ZSET_ADDED;
        updated += change == ZSET_UPDATED;
    }
    (void)keyspace_close(x->keyspace, &edit);
    if (added + updated > 0) {
        effects_add_verbatim(x->effects);
        notify(x, EVENT_ZSET, "zadd", ref.bytes);
    }
    resp_write_integer(x->reply, (int64_t)(options->count_changed ? added + updated : added));
}

/* The sum travels, so that replicas need not add. */
static void increment(struct exec *x, const struct add_options *options, struct entry *e,
                      size_t first)
{
    struct key_ref ref = lookup_ref(x, 1);
    struct zset_view view = zset_view_of(e);
    struct bytes name = x->args[first + 1];
    struct value_edit edit;
    double old = 0;
    double score = score_at(x, first);
    bool is_there = zset_find(&view, name, &old);
    bool is_changed;

    if (is_there && options->only_new) {
        resp_write_null(x->reply);
        return;
    }
    score = is_there ? old + score : score;
    if (isnan(score)) {
        resp_write_error(x->reply, "ERR resulting score is not a number (NaN)");
        return;
    }
    if (!is_wanted(options, is_there, old, score)) {
        resp_write_null(x->reply);
        return;
    }
    keyspace_open(x->keyspace, &ref, e, VALUE_ZSET, &edit);
    is_changed = zset_put(&edit.draft, name, score) != ZSET_SAME;
    (void)keyspace_close(x->keyspace, &edit);
    if (is_changed) {
        effect_zadd(x, ref.bytes, name, score);
        notify(x, EVENT_ZSET, "zincr", ref.bytes);
    }
    resp_write_double(x->reply, score);
}

static void add(struct exec *x, struct add_options options)
{
    size_t first = read_options(x, &options);
    struct key_ref ref = lookup_ref(x, 1);
    struct entry *e;

    if (!check_options(x, &options, first) || !check_scores(x, first) ||
        !lookup_write_type(x, &ref, VALUE_ZSET, &e)) {
        return;
    }
    if (options.is_increment) {
        increment(x, &options, e, first);
    } else {
        add_pairs(x, &options, e, first);
    }
}

enum exec_result cmd_zadd(struct exec *x)
{
    add(x, (struct add_options){0});
    return EXEC_DONE;
}

enum exec_result cmd_zincrby(struct exec *x)
{
    add(x, (struct add_options){.is_increment = true});
    return EXEC_DONE;
}

enum exec_result cmd_zrem(struct exec *x)
{
    struct key_ref ref = lookup_ref(x, 1);
    struct value_edit edit;
    struct entry *e;
    int64_t removed = 0;
    bool is_there = false;

    if (!lookup_write_type(x, &ref, VALUE_ZSET, &e)) {
        return EXEC_DONE;
    }
    if (e != NULL) {
        lookup_open(x, &ref, VALUE_ZSET, &edit);
        for (size_t i = 2; i < x->arg_count && !value_draft_is_empty(&edit.draft); i++) {
            removed += zset_remove(&edit.draft, x->args[i]);
        }
        is_there = keyspace_close(x->keyspace, &edit);
    }
    if (removed > 0) {
        effects_add_verbatim(x->effects);
        notify_taken(x, EVENT_ZSET, "zrem", ref.bytes, is_there);
    }
    resp_write_integer(x->reply, removed);
    return EXEC_DONE;
}

/* ---- looking ------------------------------------------------------------------------------------- */

enum exec_result cmd_zcard(struct exec *x)
{
    struct zset_view view;

    if (zset_read(x, &view)) {
        resp_write_integer(x->reply, (int64_t)zset_count(&view));
    }
    return EXEC_DONE;
}

static void reply_score(struct exec *x, const struct zset_view *view, struct bytes name)
{
    double score;

    if (zset_find(view, name, &score)) {
        resp_write_double(x->reply, score);
    } else {
        resp_write_null(x->reply);
    }
}

enum exec_result cmd_zscore(struct exec *x)
{
    struct zset_view view;

    if (zset_read(x, &view)) {
        reply_score(x, &view, x->args[2]);
    }
    return EXEC_DONE;
}

enum exec_result cmd_zmscore(struct exec *x)
{
    struct zset_view view;

    if (zset_read(x, &view)) {
        resp_write_array(x->reply, x->arg_count - 2);
        for (size_t i = 2; i < x->arg_count; i++) {
            reply_score(x, &view, x->args[i]);
        }
    }
    return EXEC_DONE;
}

static void reply_rank(struct exec *x, bool from_end)
{
    struct zset_view view;
    bool with_score = x->arg_count > 3;
    uint64_t rank;
    double score;

    if (x->arg_count > 4) {
        resp_write_error(x->reply, "ERR wrong number of arguments for '%s' command", x->spec->name);
        return;
    }
    if (with_score && !argument_is(x, 3, "WITHSCORE")) {
        reply_syntax_error(x);
        return;
    }
    if (!zset_read(x, &view)) {
        return;
    }
    if (!zset_find_rank(&view, x->args[2], &score, &rank)) {
        if (with_score) {
            resp_write_null_array(x->reply);
        } else {
            resp_write_null(x->reply);
        }
        return;
    }
    rank = from_end ? zset_count(&view) - 1 - rank : rank;
    if (with_score) {
        resp_write_array(x->reply, 2);
    }
    resp_write_integer(x->reply, (int64_t)rank);
    if (with_score) {
        resp_write_double(x->reply, score);
    }
}

enum exec_result cmd_zrank(struct exec *x)
{
    reply_rank(x, false);
    return EXEC_DONE;
}

enum exec_result cmd_zrevrank(struct exec *x)
{
    reply_rank(x, true);
    return EXEC_DONE;
}
