/* SPDX-License-Identifier: MIT */
/* LPOS: where in a list an element is. */
#include "command/element_scan.h"
#include "command/functions.h"
#include "command/list_open.h"
#include "command/lookup.h"

struct search {
    int64_t rank;    /* the first match that counts, negative from the right */
    int64_t count;   /* matches wanted; 0: all */
    int64_t max_len; /* elements looked at; 0: all */
    bool has_count;
};

/* A number that is not negative. */
static bool read_size(struct exec *x, size_t index, const char *name, int64_t *out)
{
    if (num_parse_i64(x->args[index], out) && *out >= 0) {
        return true;
    }
    resp_write_error(x->reply, "ERR %s can't be negative", name);
    return false;
}

static bool read_rank(struct exec *x, size_t index, int64_t *out)
{
    if (!argument_random_count(x, index, out)) {
        return false;
    }
    if (*out == 0) {
        resp_write_error(x->reply,
                         "ERR RANK can't be zero: use 1 to start from the first match, 2 from the "
                         "second ... or use negative to start from the end of the list");
        return false;
    }
    return true;
}

static bool read_options(struct exec *x, struct search *out)
{
    *out = (struct search){.rank = 1, .count = 1};
    for (size_t i = 3; i < x->arg_count; i += 2) {
        bool is_fine;

        if (i + 1 == x->arg_count) {
            reply_syntax_error(x);
            return false;
        }
        if (argument_is(x, i, "RANK")) {
            is_fine = read_rank(x, i + 1, &out->rank);
        } else if (argument_is(x, i, "COUNT")) {
            is_fine = read_size(x, i + 1, "COUNT", &out->count);
            out->has_count = true;
        } else if (argument_is(x, i, "MAXLEN")) {
            is_fine = read_size(x, i + 1, "MAXLEN", &out->max_len);
        } else {
            reply_syntax_error(x);
            return false;
        }
        if (!is_fine) {
            return false;
        }
    }
    return true;
}

/* Look for matches from one end on, and hand each that counts to the reply.  How many there were. */
static size_t find_matches(const struct exec *x, const struct value *list,
                           const struct search *search, struct resp_writer *out)
{
    struct packed_item wanted = packed_item(x->args[2]);
    struct packed_item item;
    struct list_reader r;
    uint64_t total = list_count(list);
    uint64_t skip = (uint64_t)(search->rank < 0 ? -search->rank : search->rank) - 1;
    uint64_t limit = search->max_len == 0 ? UINT64_MAX : (uint64_t)search->max_len;
    uint64_t max = search->count == 0 ? UINT64_MAX : (uint64_t)search->count;
    bool is_leftward = search->rank < 0;
    size_t found = 0;

    if (total == 0) {
        return 0;
    }
    list_read(list, is_leftward ? total - 1 : 0, is_leftward, &r);
    for (uint64_t i = 0; i < limit && found < max && list_next(&r, &item); i++) {
        if (!packed_item_equals(&item, &wanted)) {
            continue;
        }
        if (skip > 0) {
            skip--;
            continue;
        }
        resp_write_integer(out, (int64_t)(is_leftward ? total - 1 - i : i));
        found++;
    }
    return found;
}

enum exec_result cmd_lpos(struct exec *x)
{
    struct reply_list found;
    struct search search;
    struct value list;

    if (!read_options(x, &search) || !list_lookup(x, &list)) {
        return EXEC_DONE;
    }
    if (!search.has_count) {
        if (find_matches(x, &list, &search, x->reply) == 0) {
            resp_write_null(x->reply);
        }
        return EXEC_DONE;
    }
    reply_list_begin(&found, x);
    found.count = find_matches(x, &list, &search, &found.writer);
    reply_list_end(&found, x, REPLY_LIST_ARRAY);
    return EXEC_DONE;
}
