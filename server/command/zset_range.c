/* SPDX-License-Identifier: MIT */
#include "command/zset_range.h"

#include "command/lookup.h"

#include <math.h>
#include <stdlib.h>

enum {
    SCORE_TEXT_MAX = 256,
};

/* A score as scripts give it: what is too large is infinite, and nothing is zero. */
static bool read_score(struct bytes text, double *out)
{
    char copy[SCORE_TEXT_MAX];
    char *end;

    if (num_parse_f64(text, out)) {
        return true;
    }
    if (text.len >= sizeof(copy) || bytes_find_byte(text, '\0') != SIZE_MAX) {
        return false;
    }
    bytes_to_text(text, copy, sizeof(copy));
    *out = strtod(copy, &end);
    return *end == '\0' && !isnan(*out);
}

/* "1.5", or "(1.5" for one that is not in the range itself. */
static bool read_score_edge(struct bytes text, bool is_low, struct zset_edge *out)
{
    bool is_exclusive = text.len > 0 && text.data[0] == '(';
    double score;

    if (!read_score(is_exclusive ? bytes_from(text, 1) : text, &score)) {
        return false;
    }
    *out = (struct zset_edge){.kind = ZSET_EDGE_BOUND,
                              .bound = rank_bound_score(score, is_low == is_exclusive)};
    return true;
}

/* "[name", "(name", "-" or "+". */
static bool read_name_edge(struct bytes text, bool is_low, struct zset_edge *out)
{
    bool is_exclusive = text.len > 0 && text.data[0] == '(';

    if (text.len == 1 && (text.data[0] == '-' || text.data[0] == '+')) {
        *out = (struct zset_edge){.kind = text.data[0] == '-' ? ZSET_EDGE_BEFORE_ALL
                                                              : ZSET_EDGE_AFTER_ALL};
        return true;
    }
    if (!is_exclusive && (text.len == 0 || text.data[0] != '[')) {
        return false;
    }
    *out =
        (struct zset_edge){.kind = ZSET_EDGE_BOUND,
                           .bound = rank_bound_name(bytes_from(text, 1), is_low == is_exclusive)};
    return true;
}

bool zset_read_range(struct exec *x, enum zset_range_kind kind, size_t low, size_t high,
                     struct zset_range *out)
{
    out->kind = kind;
    switch (kind) {
    case ZSET_RANGE_RANK:
        return argument_i64(x, low, &out->start) && argument_i64(x, high, &out->stop);
    case ZSET_RANGE_SCORE:
        if (read_score_edge(x->args[low], true, &out->low) &&
            read_score_edge(x->args[high], false, &out->high)) {
            return true;
        }
        resp_write_error(x->reply, "ERR min or max is not a float");
        return false;
    case ZSET_RANGE_NAME:
        if (read_name_edge(x->args[low], true, &out->low) &&
            read_name_edge(x->args[high], false, &out->high)) {
            return true;
        }
        resp_write_error(x->reply, "ERR min or max not valid string range item");
        return false;
    }
    return false;
}

/* ---- which members are in it --------------------------------------------------------------------- */

static uint64_t rank_of_edge(const struct zset_view *view, const struct zset_edge *edge)
{
    switch (edge->kind) {
    case ZSET_EDGE_BEFORE_ALL:
        return 0;
    case ZSET_EDGE_AFTER_ALL:
        return zset_count(view);
    case ZSET_EDGE_BOUND:
        break;
    }
    return zset_count_before(view, &edge->bound);
}

/* Ranks that may count from the end, cut to those that there are. */
static struct zset_span span_of_ranks(int64_t count, int64_t start, int64_t stop)
{
    start = start < 0 ? start + count : start;
    stop = stop < 0 ? stop + count : stop;
    start = start < 0 ? 0 : start;
    stop = stop >= count ? count - 1 : stop;
    if (start > stop) {
        return (struct zset_span){0};
    }
    return (struct zset_span){(uint64_t)start, (uint64_t)(stop - start) + 1};
}

/* Skip some members, from the side where the range begins, and cut the rest to the limit. */
static struct zset_span cut(struct zset_span span, const struct zset_range *range)
{
    uint64_t skip =
        range->skip < 0 || (uint64_t)range->skip > span.count ? span.count : (uint64_t)range->skip;
    uint64_t left = span.count - skip;
    uint64_t kept =
        range->limit < 0 || (uint64_t)range->limit > left ? left : (uint64_t)range->limit;

    return (struct zset_span){span.first + (range->is_reverse ? left - kept : skip), kept};
}

struct zset_span zset_resolve(const struct zset_view *view, const struct zset_range *range)
{
    struct zset_span span = {0};

    if (range->kind == ZSET_RANGE_RANK) {
        uint64_t count = zset_count(view);

        span = span_of_ranks((int64_t)count, range->start, range->stop);
        if (range->is_reverse) {
            span.first = count - span.first - span.count;
        }
        return span;
    }
    span.first = rank_of_edge(view, &range->low);
    span.count = rank_of_edge(view, &range->high);
    span.count = span.count > span.first ? span.count - span.first : 0;
    return cut(span, range);
}
