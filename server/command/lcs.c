/* SPDX-License-Identifier: MIT */
/* LCS: the longest sequence of bytes that two strings have in common, not necessarily in one piece.
 *
 * The classic table: cell (i, j) is the length for the first i bytes of one and the first j of the other.
 * Going back through it from the end, by one rule at each fork, gives one of the longest sequences. */
#include "base/assert.h"
#include "base/mem.h"
#include "base/vec.h"
#include "command/functions.h"
#include "command/lookup.h"

struct lcs_options {
    bool only_len;
    bool with_places; /* IDX */
    bool with_lengths;
    int64_t min_len; /* of a match that is told */
};

/* Bytes that stand one behind the other in both strings. */
struct match {
    uint32_t a, b; /* where it begins */
    uint32_t len;
};

struct lcs {
    struct bytes a, b;
    uint32_t *cells; /* (a.len + 1) rows of b.len + 1 */
};

static uint32_t *cell(const struct lcs *lcs, size_t i, size_t j)
{
    return &lcs->cells[i * (lcs->b.len + 1) + j];
}

static void fill_cells(struct lcs *lcs)
{
    for (size_t j = 0; j <= lcs->b.len; j++) {
        *cell(lcs, 0, j) = 0;
    }
    for (size_t i = 1; i <= lcs->a.len; i++) {
        const uint32_t *above = cell(lcs, i - 1, 0);
        uint32_t *row = cell(lcs, i, 0);
        char byte = lcs->a.data[i - 1];

        row[0] = 0;
        for (size_t j = 1; j <= lcs->b.len; j++) {
            uint32_t longer = above[j] > row[j - 1] ? above[j] : row[j - 1];

            row[j] = lcs->b.data[j - 1] == byte ? above[j - 1] + 1 : longer;
        }
    }
}

/* The sequence itself. */
static void reply_sequence(struct exec *x, const struct lcs *lcs)
{
    size_t len = *cell(lcs, lcs->a.len, lcs->b.len);
    char *text = mem_alloc(MEM_BUFFER, len + 1);
    size_t i = lcs->a.len;
    size_t j = lcs->b.len;
    size_t left = len;

    while (left > 0) {
        if (lcs->a.data[i - 1] == lcs->b.data[j - 1]) {
            text[--left] = lcs->a.data[i - 1];
            i--;
            j--;
        } else if (*cell(lcs, i - 1, j) > *cell(lcs, i, j - 1)) {
            i--;
        } else {
            j--;
        }
    }
    resp_write_bulk(x->reply, bytes_make(text, len));
    mem_free(MEM_BUFFER, text);
}

struct matches {
    VEC(struct match) list;
};

/* From the last match to the first, those that are long enough. */
static void find_matches(const struct lcs *lcs, uint32_t min_len, struct matches *out)
{
    struct match match = {0};
    size_t i = lcs->a.len;
    size_t j = lcs->b.len;

    while (i > 0 && j > 0) {
        bool is_equal = lcs->a.data[i - 1] == lcs->b.data[j - 1];

        if (is_equal) {
            i--;
            j--;
            match = (struct match){.a = (uint32_t)i, .b = (uint32_t)j, .len = match.len + 1};
        } else if (*cell(lcs, i - 1, j) > *cell(lcs, i, j - 1)) {
            i--;
        } else {
            j--;
        }
        if (match.len > 0 && (!is_equal || i == 0 || j == 0)) {
            if (match.len >= min_len) {
                VEC_PUSH(&out->list, match);
            }
            match.len = 0;
        }
    }
}

static void reply_span(struct exec *x, uint32_t start, uint32_t len)
{
    resp_write_array(x->reply, 2);
    resp_write_integer(x->reply, start);
    resp_write_integer(x->reply, (int64_t)start + len - 1);
}

static void reply_places(struct exec *x, const struct lcs *lcs, const struct lcs_options *options)
{
    int64_t min_len = options->min_len < UINT32_MAX ? options->min_len : UINT32_MAX;
    struct matches matches = {0};

    find_matches(lcs, (uint32_t)(min_len < 0 ? 0 : min_len), &matches);
    resp_write_map(x->reply, 2);
    resp_write_bulk_text(x->reply, "matches");
    resp_write_array(x->reply, matches.list.count);
    for (size_t i = 0; i < matches.list.count; i++) {
        const struct match *match = &matches.list.items[i];

        resp_write_array(x->reply, options->with_lengths ? 3 : 2);
        reply_span(x, match->a, match->len);
        reply_span(x, match->b, match->len);
        if (options->with_lengths) {
            resp_write_integer(x->reply, match->len);
        }
    }
    resp_write_bulk_text(x->reply, "len");
    resp_write_integer(x->reply, *cell(lcs, lcs->a.len, lcs->b.len));
    VEC_DEINIT(&matches.list);
}

static bool read_options(struct exec *x, struct lcs_options *out)
{
    for (size_t i = 3; i < x->arg_count; i++) {
        if (argument_is(x, i, "IDX")) {
            out->with_places = true;
        } else if (argument_is(x, i, "LEN")) {
            out->only_len = true;
        } else if (argument_is(x, i, "WITHMATCHLEN")) {
            out->with_lengths = true;
        } else if (argument_is(x, i, "MINMATCHLEN") && i + 1 < x->arg_count) {
            if (!argument_i64(x, ++i, &out->min_len)) {
                return false;
            }
        } else {
            reply_syntax_error(x);
            return false;
        }
    }
    if (out->with_places && out->only_len) {
        resp_write_error(x->reply, "ERR If you want both the length and indexes, please just use "
                                   "IDX.");
        return false;
    }
    return true;
}

/* Is what the keys hold, or do not, strings?  What has expired is removed here; the values are read
 * afterwards, as that voids borrows. */
static bool are_strings(struct exec *x)
{
    bool is_ok = true;

    for (size_t i = 1; i <= 2; i++) {
        struct key_ref ref = lookup_ref(x, i);
        const struct entry *e = lookup_read(x, &ref);

        is_ok = is_ok && (e == NULL || entry_type(e) == VALUE_STRING);
    }
    if (!is_ok) {
        resp_write_error(x->reply, "ERR The specified keys must contain string values");
    }
    return is_ok;
}

static struct bytes read_string(const struct exec *x, size_t index, char *scratch)
{
    struct key_ref ref = lookup_ref(x, index);
    const struct entry *e = keyspace_find_any(x->keyspace, &ref);

    return e != NULL && lookup_is_visible(x, e) ? entry_string(e, scratch) : (struct bytes){0};
}

static bool is_size_allowed(struct exec *x, const struct lcs *lcs)
{
    if ((lcs->a.len + 1) <= STRING_MAX_BYTES / sizeof(*lcs->cells) / (lcs->b.len + 1)) {
        return true;
    }
    resp_write_error(x->reply, "ERR Insufficient memory, transient memory for LCS exceeds "
                               "proto-max-bulk-len");
    return false;
}

enum exec_result cmd_lcs(struct exec *x)
{
    struct lcs_options options = {0};
    char scratch_a[INTEGER_SCRATCH];
    char scratch_b[INTEGER_SCRATCH];
    struct lcs lcs = {0};

    if (!are_strings(x) || !read_options(x, &options)) {
        return EXEC_DONE;
    }
    lcs.a = read_string(x, 1, scratch_a);
    lcs.b = read_string(x, 2, scratch_b);
    if (!is_size_allowed(x, &lcs)) {
        return EXEC_DONE;
    }
    lcs.cells = mem_alloc(MEM_BUFFER, (lcs.a.len + 1) * (lcs.b.len + 1) * sizeof(*lcs.cells));
    fill_cells(&lcs);
    if (options.with_places) {
        reply_places(x, &lcs, &options);
    } else if (options.only_len) {
        resp_write_integer(x->reply, *cell(&lcs, lcs.a.len, lcs.b.len));
    } else {
        reply_sequence(x, &lcs);
    }
    mem_free(MEM_BUFFER, lcs.cells);
    return EXEC_DONE;
}
