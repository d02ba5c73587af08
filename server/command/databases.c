/* SPDX-License-Identifier: MIT */
/* Whole databases, and keys between them: FLUSHALL, FLUSHDB, SWAPDB, MOVE, COPY. */
#include "command/events.h"
#include "command/functions.h"
#include "command/lookup.h"

/* ASYNC and SYNC are one here: what was removed is freed in slices in either case. */
static bool has_flush_options(struct exec *x)
{
    if (x->arg_count == 1 ||
        (x->arg_count == 2 && (argument_is(x, 1, "ASYNC") || argument_is(x, 1, "SYNC")))) {
        return true;
    }
    reply_syntax_error(x);
    return false;
}

enum exec_result cmd_flushall(struct exec *x)
{
    if (has_flush_options(x)) {
        keyspace_flush_all(x->keyspace);
        effects_add_verbatim(x->effects);
        resp_write_ok(x->reply);
    }
    return EXEC_DONE;
}

enum exec_result cmd_flushdb(struct exec *x)
{
    if (has_flush_options(x)) {
        keyspace_flush(x->keyspace, x->db);
        effects_add_verbatim(x->effects);
        resp_write_ok(x->reply);
    }
    return EXEC_DONE;
}

/* The number of a database for SWAPDB, which has its own words for what is no number. */
static bool swap_index(struct exec *x, size_t index, const char *which, int64_t *out)
{
    if (num_parse_i64(x->args[index], out) && *out >= INT32_MIN && *out <= INT32_MAX) {
        return true;
    }
    resp_write_error(x->reply, "ERR invalid %s DB index", which);
    return false;
}

enum exec_result cmd_swapdb(struct exec *x)
{
    int64_t db1;
    int64_t db2;

    if (x->is_cluster) {
        resp_write_error(x->reply, "ERR SWAPDB is not allowed in cluster mode");
        return EXEC_DONE;
    }
    if (!swap_index(x, 1, "first", &db1) || !swap_index(x, 2, "second", &db2)) {
        return EXEC_DONE;
    }
    if (db1 < 0 || db1 >= x->database_count || db2 < 0 || db2 >= x->database_count) {
        resp_write_error(x->reply, "ERR DB index is out of range");
        return EXEC_DONE;
    }
    keyspace_swap(x->keyspace, (unsigned)db1, (unsigned)db2);
    effects_add_verbatim(x->effects);
    resp_write_ok(x->reply);
    return EXEC_DONE;
}

/* An effect is for the selected database, so that an expired key in another one cannot get
 * its DEL.  *out is the key in database db; *was_expired says that one was in the way and
 * is removed, and that the effect has to replace it. */
static bool is_taken(struct exec *x, unsigned db, struct bytes key, struct key_ref *out,
                     bool *was_expired)
{
    const struct entry *e;

    *was_expired = false;
    *out = keyspace_ref(x->keyspace, db, key);
    if (db == x->db) {
        return lookup_write(x, out) != NULL;
    }
    e = keyspace_find_any(x->keyspace, out);
    if (e == NULL || lookup_is_visible(x, e)) {
        return e != NULL;
    }
    keyspace_remove_expired(x->keyspace, out);
    x->stats->expired_keys++;
    *was_expired = true;
    return false;
}

/* COPY from to DB db REPLACE */
static void effect_copy(struct exec *x, const struct key_ref *from, const struct key_ref *to,
                        unsigned db)
{
    char text[NUM_I64_TEXT];
    const struct bytes words[] = {
        BYTES_LITERAL("COPY"),
        from->bytes,
        to->bytes,
        BYTES_LITERAL("DB"),
        {text, num_format_u64(text, db)},
        BYTES_LITERAL("REPLACE")
    };

    effects_add(x->effects, words, ARRAY_COUNT(words));
}

enum exec_result cmd_move(struct exec *x)
{
    struct key_ref from;
    struct key_ref to;
    unsigned db;
    bool was_expired;

    if (x->is_cluster) {
        resp_write_error(x->reply, "ERR MOVE is not allowed in cluster mode");
        return EXEC_DONE;
    }
    if (!argument_db(x, 2, &db)) {
        return EXEC_DONE;
    }
    if (db == x->db) {
        resp_write_error(x->reply, "ERR source and destination objects are the same");
        return EXEC_DONE;
    }
    from = lookup_ref(x, 1);
    if (lookup_write(x, &from) == NULL || is_taken(x, db, x->args[1], &to, &was_expired)) {
        resp_write_integer(x->reply, 0);
        return EXEC_DONE;
    }
    keyspace_move(x->keyspace, &from, &to);
    notify(x, EVENT_GENERIC, "move_from", from.bytes);
    notify_in(x, db, EVENT_GENERIC, "move_to", to.bytes);
    if (was_expired) {
        effect_copy(x, &from, &to, db);
        effect_del(x, from.bytes);
    } else {
        effects_add_verbatim(x->effects);
    }
    resp_write_integer(x->reply, 1);
    return EXEC_DONE;
}

struct copy_options {
    unsigned db;
    bool replace;
};

/* False after an error reply. */
static bool read_copy(struct exec *x, struct copy_options *out)
{
    int64_t db;

    for (size_t i = 3; i < x->arg_count; i++) {
        if (argument_is(x, i, "REPLACE")) {
            out->replace = true;
        } else if (argument_is(x, i, "DB") && i + 1 < x->arg_count) {
            i++;
            if (x->is_cluster && num_parse_i64(x->args[i], &db) && db != 0) {
                resp_write_error(x->reply, "ERR Copying to another database is not allowed in "
                                           "cluster mode");
                return false;
            }
            if (!argument_db(x, i, &out->db)) {
                return false;
            }
        } else {
            reply_syntax_error(x);
            return false;
        }
    }
    return true;
}

/* What is in the way goes: the copy is a new key all the same. */
static void copy(struct exec *x, const struct key_ref *from, const struct key_ref *to, unsigned db)
{
    if (UNLIKELY(x->events != NULL) && keyspace_find_any(x->keyspace, to) != NULL) {
        notify_in(x, db, EVENT_NEW, "new", to->bytes);
        note_replace(x, to, entry_type(keyspace_find_any(x->keyspace, from)));
    }
    keyspace_copy(x->keyspace, keyspace_find_any(x->keyspace, from), to);
    notify_in(x, db, EVENT_GENERIC, "copy_to", to->bytes);
}

enum exec_result cmd_copy(struct exec *x)
{
    struct copy_options options = {.db = x->db};
    struct key_ref from = lookup_ref(x, 1);
    struct key_ref to;
    bool was_expired;

    if (!read_copy(x, &options)) {
        return EXEC_DONE;
    }
    if (options.db == x->db && bytes_equal(x->args[1], x->args[2])) {
        resp_write_error(x->reply, "ERR source and destination objects are the same");
        return EXEC_DONE;
    }
    if (lookup_read(x, &from) == NULL ||
        (is_taken(x, options.db, x->args[2], &to, &was_expired) && !options.replace)) {
        resp_write_integer(x->reply, 0);
        return EXEC_DONE;
    }
    copy(x, &from, &to, options.db);
    if (was_expired) {
        effect_copy(x, &from, &to, options.db);
    } else {
        effects_add_verbatim(x->effects);
    }
    resp_write_integer(x->reply, 1);
    return EXEC_DONE;
}
