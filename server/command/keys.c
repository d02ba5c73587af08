/* SPDX-License-Identifier: MIT */
/* Keys whatever their value: removing, counting, renaming, looking into. */
#include "command/events.h"
#include "command/functions.h"
#include "command/lookup.h"
#include "store/usage.h"

/* Remove all keys named; how many there were. */
static int64_t remove_keys(struct exec *x)
{
    int64_t count = 0;

    for (size_t i = 1; i < x->arg_count; i++) {
        struct key_ref ref = lookup_ref(x, i);

        if (lookup_write(x, &ref) != NULL) {
            keyspace_remove(x->keyspace, &ref);
            notify(x, EVENT_GENERIC, "del", ref.bytes);
            count++;
        }
    }
    return count;
}

enum exec_result cmd_del(struct exec *x)
{
    int64_t count = remove_keys(x);

    if (count > 0) {
        effects_add_verbatim(x->effects);
    }
    resp_write_integer(x->reply, count);
    return EXEC_DONE;
}

/* Travels as DEL, which is older. */
enum exec_result cmd_unlink(struct exec *x)
{
    int64_t count = remove_keys(x);

    if (count > 0) {
        effects_add_renamed(x->effects, BYTES_LITERAL("DEL"));
    }
    resp_write_integer(x->reply, count);
    return EXEC_DONE;
}

enum exec_result cmd_exists(struct exec *x)
{
    int64_t count = 0;

    for (size_t i = 1; i < x->arg_count; i++) {
        struct key_ref ref = lookup_ref(x, i);

        count += lookup_peek(x, &ref) != NULL ? 1 : 0;
    }
    resp_write_integer(x->reply, count);
    return EXEC_DONE;
}

enum exec_result cmd_touch(struct exec *x)
{
    int64_t count = 0;

    for (size_t i = 1; i < x->arg_count; i++) {
        struct key_ref ref = lookup_ref(x, i);
        struct entry *e = lookup_peek(x, &ref);

        if (e != NULL) {
            keyspace_touch(x->keyspace, e);
            count++;
        }
    }
    resp_write_integer(x->reply, count);
    return EXEC_DONE;
}

enum exec_result cmd_type(struct exec *x)
{
    struct key_ref ref = lookup_ref(x, 1);
    const struct entry *e = lookup_peek(x, &ref);

    resp_write_simple(x->reply,
                      e == NULL ? "none" : value_kind_of(keyspace_types(x->keyspace), e)->name);
    return EXEC_DONE;
}

/* What is in the way goes: the new key is a new one all the same. */
static void note_move(struct exec *x, const struct key_ref *from, const struct key_ref *to)
{
    if (UNLIKELY(x->events != NULL) && keyspace_find_any(x->keyspace, to) != NULL) {
        notify(x, EVENT_NEW, "new", to->bytes);
        note_replace(x, to, entry_type(keyspace_find_any(x->keyspace, from)));
    }
}

/* Rename; *out says whether it was done, or the destination in the way.  False after an error
 * reply. */
static bool rename_key(struct exec *x, bool keep_existing, bool *out)
{
    struct key_ref from = lookup_ref(x, 1);
    struct key_ref to = lookup_ref(x, 2);
    bool is_same = bytes_equal(from.bytes, to.bytes);

    *out = false;
    if (lookup_write(x, &from) == NULL) {
        resp_write_error(x->reply, "ERR no such key");
        return false;
    }
    if (is_same || (lookup_write(x, &to) != NULL && keep_existing)) {
        return true;
    }
    note_move(x, &from, &to);
    keyspace_move(x->keyspace, &from, &to);
    notify(x, EVENT_GENERIC, "rename_from", from.bytes);
    notify(x, EVENT_GENERIC, "rename_to", to.bytes);
    effects_add_verbatim(x->effects);
    *out = true;
    return true;
}

enum exec_result cmd_rename(struct exec *x)
{
    bool is_done;

    if (rename_key(x, false, &is_done)) {
        resp_write_ok(x->reply);
    }
    return EXEC_DONE;
}

enum exec_result cmd_renamenx(struct exec *x)
{
    bool is_done;

    if (rename_key(x, true, &is_done)) {
        resp_write_integer(x->reply, is_done ? 1 : 0);
    }
    return EXEC_DONE;
}

enum exec_result cmd_randomkey(struct exec *x)
{
    int64_t hidden_ms = x->from_primary ? INT64_MIN : x->now.unix_ms;
    const struct entry *e = keyspace_random(x->keyspace, x->db, x->rng, hidden_ms);

    if (e == NULL) {
        resp_write_null(x->reply);
    } else {
        resp_write_bulk(x->reply, entry_key(e));
    }
    return EXEC_DONE;
}

enum exec_result cmd_dbsize(struct exec *x)
{
    resp_write_integer(x->reply, (int64_t)keyspace_count(x->keyspace, x->db));
    return EXEC_DONE;
}

/* ---- OBJECT --------------------------------------------------------------------------------- */

/* The entry that a subcommand is about; NULL after the reply when there is none. */
static const struct entry *object_entry(struct exec *x)
{
    struct key_ref ref = lookup_ref(x, 2);
    const struct entry *e = lookup_peek_unheard(x, &ref);

    if (e == NULL) {
        resp_write_null(x->reply);
    }
    return e;
}

enum exec_result cmd_object_encoding(struct exec *x)
{
    const struct entry *e = object_entry(x);

    if (e != NULL) {
        resp_write_bulk_text(x->reply,
                             value_ops_of(keyspace_types(x->keyspace), e)->encoding_name(e));
    }
    return EXEC_DONE;
}

enum exec_result cmd_object_freq(struct exec *x)
{
    const struct entry *e = object_entry(x);

    if (e != NULL && keyspace_usage(x->keyspace)->is_frequency) {
        resp_write_integer(x->reply, keyspace_frequency(x->keyspace, e));
    } else if (e != NULL) {
        resp_write_error(
            x->reply, "ERR An LFU maxmemory policy is not selected, access frequency not tracked. "
                      "Please note that when switching between policies at runtime LRU and LFU "
                      "data will take some time to adjust.");
    }
    return EXEC_DONE;
}

enum exec_result cmd_object_idletime(struct exec *x)
{
    const struct entry *e = object_entry(x);

    if (e != NULL && keyspace_usage(x->keyspace)->is_frequency) {
        resp_write_error(
            x->reply, "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note "
                      "that when switching between policies at runtime LRU and LFU data will take "
                      "some time to adjust.");
    } else if (e != NULL) {
        resp_write_integer(x->reply, entry_idle_seconds(e, x->now.unix_ms));
    }
    return EXEC_DONE;
}

enum exec_result cmd_object_refcount(struct exec *x)
{
    if (object_entry(x) != NULL) {
        resp_write_integer(x->reply, 1);
    }
    return EXEC_DONE;
}
