/* SPDX-License-Identifier: MIT */
/* Going through all keys: SCAN and KEYS. */
#include "base/glob.h"
#include "base/vec.h"
#include "command/functions.h"
#include "command/lookup.h"

enum {
    SCAN_COUNT_DEFAULT = 10,
};

/* The keys found: borrowed, for nothing changes before they are in the reply. */
struct found {
    const struct exec *x;
    struct bytes pattern;
    bool has_pattern;
    const struct value_kind
        *kind;        /* the type that was asked for; NULL: any, or one that no entry has */
    bool is_excluded; /* the latter */
    VEC(struct bytes) keys;
};

static void take_key(void *context, const struct entry *e)
{
    struct found *found = context;
    struct bytes key = entry_key(e);

    if (found->is_excluded || (found->kind != NULL && entry_type(e) != found->kind->type) ||
        !lookup_is_visible(found->x, e) ||
        (found->has_pattern && !glob_match(found->pattern, key))) {
        return;
    }
    VEC_PUSH(&found->keys, key);
}

static void reply_keys(struct exec *x, const struct found *found)
{
    resp_write_array(x->reply, found->keys.count);
    for (size_t i = 0; i < found->keys.count; i++) {
        resp_write_bulk(x->reply, found->keys.items[i]);
    }
}

static void use_pattern(struct found *found, struct bytes pattern)
{
    found->pattern = pattern;
    found->has_pattern = !bytes_equal_text(pattern, "*");
}

/* Read the options behind the cursor; false after an error reply. */
static bool read_scan(struct exec *x, struct found *found, int64_t *count)
{
    for (size_t i = 2; i < x->arg_count; i += 2) {
        if (i + 1 >= x->arg_count) {
            reply_syntax_error(x);
            return false;
        }
        if (argument_is(x, i, "COUNT")) {
            if (!argument_i64(x, i + 1, count)) {
                return false;
            }
            if (*count < 1) {
                reply_syntax_error(x);
                return false;
            }
        } else if (argument_is(x, i, "MATCH")) {
            use_pattern(found, x->args[i + 1]);
        } else if (argument_is(x, i, "TYPE")) {
            found->kind = value_kind_by_name(keyspace_types(x->keyspace), x->args[i + 1]);
            found->is_excluded = found->kind == NULL;
        } else {
            reply_syntax_error(x);
            return false;
        }
    }
    return true;
}

enum exec_result cmd_scan(struct exec *x)
{
    struct found found = {.x = x};
    int64_t count = SCAN_COUNT_DEFAULT;
    uint64_t cursor;

    if (!num_parse_u64(x->args[1], &cursor)) {
        resp_write_error(x->reply, "ERR invalid cursor");
        return EXEC_DONE;
    }
    if (!read_scan(x, &found, &count)) {
        return EXEC_DONE;
    }
    cursor = keyspace_scan(x->keyspace, x->db, cursor, (size_t)count, take_key, &found);
    resp_write_array(x->reply, 2);
    resp_write_bulk_printf(x->reply, "%llu", (unsigned long long)cursor);
    reply_keys(x, &found);
    VEC_DEINIT(&found.keys);
    return EXEC_DONE;
}

enum exec_result cmd_keys(struct exec *x)
{
    struct found found = {.x = x};
    uint64_t cursor = 0;

    use_pattern(&found, x->args[1]);
    do {
        cursor = keyspace_scan(x->keyspace, x->db, cursor, SIZE_MAX, take_key, &found);
    } while (cursor != 0);
    reply_keys(x, &found);
    VEC_DEINIT(&found.keys);
    return EXEC_DONE;
}
