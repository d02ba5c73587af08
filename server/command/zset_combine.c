/* SPDX-License-Identifier: MIT */
/* Unions, intersections and differences of sorted sets. */
#include "base/vec.h"
#include "command/functions.h"
#include "command/lookup.h"
#include "command/zset_result.h"
#include "command/zset_source.h"

#include <math.h>
#include <stdlib.h>

enum combination {
    COMBINE_UNION,
    COMBINE_INTER,
    COMBINE_DIFF,
};

enum aggregate {
    AGGREGATE_SUM,
    AGGREGATE_MIN,
    AGGREGATE_MAX,
    AGGREGATE_COUNT, /* each occurrence counts its weight, whatever its score is */
};

struct combine {
    enum combination kind;
    bool stores;
    bool only_counts; /* ZINTERCARD */
    bool with_scores;
    enum aggregate aggregate;
    uint64_t limit; /* 0: none */
    VEC(struct zset_source) sources;
};

/* ---- arguments ------------------------------------------------------------------------------------- */

/* The keys behind their number, which is that argument; the one behind them.  0 after an error reply. */
static size_t open_sources(struct exec *x, struct combine *c, size_t number)
{
    int64_t count;

    if (!argument_i64(x, number, &count)) {
        return 0;
    }
    if (count < 1) {
        resp_write_error(x->reply, "ERR at least 1 input key is needed for '%s' command",
                         x->spec->name);
        return 0;
    }
    if ((uint64_t)count > x->arg_count - number - 1) {
        reply_syntax_error(x);
        return 0;
    }
    VEC_RESERVE(&c->sources, (size_t)count);
    for (size_t i = number + 1; i <= number + (size_t)count; i++) {
        struct zset_source source;

        if (!zset_source_open(x, i, &source)) {
            return 0;
        }
        source.number = i;
        VEC_PUSH(&c->sources, source);
    }
    return number + (size_t)count + 1;
}

static bool read_weights(struct exec *x, struct combine *c, size_t first)
{
    for (size_t i = 0; i < c->sources.count; i++) {
        if (!num_parse_f64(x->args[first + i], &c->sources.items[i].weight)) {
            resp_write_error(x->reply, "ERR weight value is not a float");
            return false;
        }
    }
    return true;
}

static bool read_aggregate(struct exec *x, size_t index, enum aggregate *out)
{
    static const char *const names[] = {[AGGREGATE_SUM] = "SUM",
                                        [AGGREGATE_MIN] = "MIN",
                                        [AGGREGATE_MAX] = "MAX",
                                        [AGGREGATE_COUNT] = "COUNT"};

    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (argument_is(x, index, names[i])) {
            *out = (enum aggregate)i;
            return true;
        }
    }
    reply_syntax_error(x);
    return false;
}

static bool read_limit(struct exec *x, size_t index, uint64_t *out)
{
    int64_t limit;

    if (!num_parse_i64(x->args[index], &limit) || limit < 0) {
        resp_write_error(x->reply, "ERR LIMIT can't be negative");
        return false;
    }
    *out = (uint64_t)limit;
    return true;
}

static bool read_options(struct exec *x, struct combine *c, size_t first)
{
    bool aggregates = c->kind != COMBINE_DIFF && !c->only_counts;

    for (size_t i = first; i < x->arg_count; i++) {
        size_t behind = x->arg_count - i - 1;
        bool is_read = true;

        if (aggregates && behind >= c->sources.count && argument_is(x, i, "WEIGHTS")) {
            is_read = read_weights(x, c, i + 1);
            i += c->sources.count;
        } else if (aggregates && behind > 0 && argument_is(x, i, "AGGREGATE")) {
            is_read = read_aggregate(x, ++i, &c->aggregate);
        } else if (!c->stores && !c->only_counts && argument_is(x, i, "WITHSCORES")) {
            c->with_scores = true;
        } else if (c->only_counts && behind > 0 && argument_is(x, i, "LIMIT")) {
            is_read = read_limit(x, ++i, &c->limit);
        } else {
            reply_syntax_error(x);
            is_read = false;
        }
        if (!is_read) {
            return false;
        }
    }
    return true;
}

/* ---- scores ------------------------------------------------------------------------------------------ */

/* Counts are no minus zero: they reach replicas member by member, which would lose the sign of some. */
static double weighted(const struct combine *c, const struct zset_source *source, double score)
{
    return c->aggregate == AGGREGATE_COUNT ? source->weight + 0.0 : source->weight * score;
}

/* Nothing times infinite, and plus and minus infinite together, is zero. */
static double number_or_zero(double value)
{
    return isnan(value) ? 0 : value;
}

/* b may be no number: then it is neither less nor greater. */
static double aggregated(const struct combine *c, double a, double b)
{
    switch (c->aggregate) {
    case AGGREGATE_MIN:
        return b < a ? b : a;
    case AGGREGATE_MAX:
        return b > a ? b : a;
    case AGGREGATE_SUM:
    case AGGREGATE_COUNT:
        break;
    }
    return number_or_zero(a + b);
}

/* ---- combining --------------------------------------------------------------------------------------- */

/* The fewest members first; in the order of the request where they have as many, so that sums are the same
 * everywhere. */
static int compare_sources(const void *a, const void *b)
{
    const struct zset_source *x = a;
    const struct zset_source *y = b;

    if (x->count != y->count) {
        return x->count < y->count ? -1 : 1;
    }
    return x->number < y->number ? -1 : 1;
}

static void sort_sources(struct combine *c)
{
    qsort(c->sources.items, c->sources.count, sizeof(c->sources.items[0]), compare_sources);
}

/* On the way through the members of one source. */
struct combining {
    const struct combine *c;
    const struct zset_source *source;
    struct value_draft *out; /* NULL: they are only counted, up to the limit */
    uint64_t count;
};

static bool unite_member(void *context, const struct zset_element *element)
{
    struct combining *to = context;
    struct zset_view view = zset_view_of_draft(to->out);
    double score = number_or_zero(weighted(to->c, to->source, element->score));
    double old;

    if (to->source != to->c->sources.items && zset_find(&view, element->name, &old)) {
        score = aggregated(to->c, old, score);
        if (score == old && signbit(score) != signbit(old)) {
            /* To zset_put both zeros are the same. */
            (void)zset_remove(to->out, element->name);
        }
    }
    (void)zset_put(to->out, element->name, score);
    return true;
}

static void unite(const struct combine *c, struct value_draft *out)
{
    for (size_t i = 0; i < c->sources.count; i++) {
        struct combining to = {.c = c, .source = &c->sources.items[i], .out = out};

        zset_source_visit(to.source, unite_member, &to);
    }
}

/* Is the name in all sources but the first?  *score, which is that of the first, becomes that of all. */
static bool is_in_all(const struct combine *c, struct bytes name, double *score)
{
    for (size_t i = 1; i < c->sources.count; i++) {
        double other;

        if (!zset_source_find(&c->sources.items[i], name, &other)) {
            return false;
        }
        *score = aggregated(c, *score, weighted(c, &c->sources.items[i], other));
    }
    return true;
}

static bool intersect_member(void *context, const struct zset_element *element)
{
    struct combining *to = context;
    double score = number_or_zero(weighted(to->c, to->source, element->score));

    if (!is_in_all(to->c, element->name, &score)) {
        return true;
    }
    to->count++;
    if (to->out != NULL) {
        (void)zset_put(to->out, element->name, score);
    }
    return to->out != NULL || to->count != to->c->limit;
}

/* How many; out may be NULL. */
static uint64_t intersect(const struct combine *c, struct value_draft *out)
{
    struct combining to = {.c = c, .source = &c->sources.items[0], .out = out};

    zset_source_visit(to.source, intersect_member, &to);
    return to.count;
}

static bool subtract_member(void *context, const struct zset_element *element)
{
    struct combining *to = context;
    double score;

    for (size_t i = 1; i < to->c->sources.count; i++) {
        if (zset_source_find(&to->c->sources.items[i], element->name, &score)) {
            return true;
        }
    }
    (void)zset_put(to->out, element->name, element->score);
    return true;
}

/* What is empty takes nothing away, and each member would be looked for in it. */
static void leave_out_empty(struct combine *c)
{
    size_t kept = 1;

    for (size_t i = 1; i < c->sources.count; i++) {
        if (c->sources.items[i].count > 0) {
            c->sources.items[kept++] = c->sources.items[i];
        }
    }
    c->sources.count = kept;
}

static void subtract(const struct combine *c, struct value_draft *out)
{
    struct combining to = {.c = c, .source = &c->sources.items[0], .out = out};

    zset_source_visit(to.source, subtract_member, &to);
}

/* ---- commands ------------------------------------------------------------------------------------------ */

static void make_result(struct combine *c, struct zset_result *result)
{
    switch (c->kind) {
    case COMBINE_UNION:
        sort_sources(c);
        unite(c, &result->draft);
        break;
    case COMBINE_INTER:
        sort_sources(c);
        (void)intersect(c, &result->draft);
        break;
    case COMBINE_DIFF:
        leave_out_empty(c);
        subtract(c, &result->draft);
        break;
    }
}

static const char *const store_events[] = {
    [COMBINE_UNION] = "zunionstore",
    [COMBINE_INTER] = "zinterstore",
    [COMBINE_DIFF] = "zdiffstore",
};

/* The key of the result is looked up last: an expired one that is a source as well was removed before. */
static void finish(struct exec *x, const struct combine *c, struct zset_result *result)
{
    const struct zset_range forward = {.limit = -1};
    struct zset_view view = zset_view_of_draft(&result->draft);
    const char *event = store_events[c->kind];
    struct key_ref to;

    if (!c->stores) {
        zset_reply_span(x, &view, (struct zset_span){.count = zset_count(&view)}, &forward,
                        c->with_scores);
        return;
    }
    to = lookup_ref(x, 1);
    resp_write_integer(x->reply,
                       (int64_t)(c->aggregate == AGGREGATE_COUNT
                                     ? zset_result_store_explicit(result, x, &to, event)
                                     : zset_result_store_verbatim(result, x, &to, event)));
}

static enum exec_result combine(struct exec *x, struct combine c)
{
    size_t options = open_sources(x, &c, c.stores ? 2 : 1);
    struct zset_result result;

    if (options > 0 && read_options(x, &c, options)) {
        if (c.only_counts) {
            sort_sources(&c);
            resp_write_integer(x->reply, (int64_t)intersect(&c, NULL));
        } else {
            zset_result_init(&result, x);
            zset_begin_whole(&result.draft);
            make_result(&c, &result);
            finish(x, &c, &result);
            zset_result_deinit(&result);
        }
    }
    VEC_DEINIT(&c.sources);
    return EXEC_DONE;
}

enum exec_result cmd_zunion(struct exec *x)
{
    return combine(x, (struct combine){.kind = COMBINE_UNION});
}

enum exec_result cmd_zinter(struct exec *x)
{
    return combine(x, (struct combine){.kind = COMBINE_INTER});
}

enum exec_result cmd_zdiff(struct exec *x)
{
    return combine(x, (struct combine){.kind = COMBINE_DIFF});
}

enum exec_result cmd_zintercard(struct exec *x)
{
    return combine(x, (struct combine){.kind = COMBINE_INTER, .only_counts = true});
}

enum exec_result cmd_zunionstore(struct exec *x)
{
    return combine(x, (struct combine){.kind = COMBINE_UNION, .stores = true});
}

enum exec_result cmd_zinterstore(struct exec *x)
{
    return combine(x, (struct combine){.kind = COMBINE_INTER, .stores = true});
}

enum exec_result cmd_zdiffstore(struct exec *x)
{
    return combine(x, (struct combine){.kind = COMBINE_DIFF, .stores = true});
}
