/* SPDX-License-Identifier: MIT */
/* Running a data command, and the expiry that the primary does on its own. */
#include "command/exec.h"

#include "base/assert.h"
#include "base/vec.h"
#include "command/events.h"
#include "command/functions.h"
#include "command/lookup.h"
#include "store/value_hash.h"

void exec_set_clock(const struct exec *x)
{
    keyspace_set_clock(x->keyspace, x->now.unix_ms);
}

enum exec_result exec_run(struct exec *x)
{
    ASSERT(x->spec->is_data);
    return function_of_command(x->spec->id)(x);
}

/* Names found, copied one behind the other: removing one may void the borrow of another. */
struct found_names {
    unsigned db; /* of keys */
    struct buf bytes;
    VEC(size_t) lengths;
};

static void collect(struct found_names *found, struct bytes name)
{
    buf_append_bytes(&found->bytes, name);
    VEC_PUSH(&found->lengths, name.len);
}

static void found_names_deinit(struct found_names *found)
{
    buf_deinit(&found->bytes);
    VEC_DEINIT(&found->lengths);
}

static void collect_key(void *context, unsigned db, struct bytes key)
{
    struct found_names *found = context;

    ASSERT(found->lengths.count == 0 || found->db == db);
    found->db = db;
    collect(found, key);
}

static void collect_field(void *context, const struct value_element *field)
{
    collect(context, field->name);
}

/* ---- expired fields -------------------------------------------------------------------------------- */

/* HDEL key field ...; as the last field goes, the key does. */
static void remove_fields(struct exec *x, struct value_edit *edit, const struct found_names *names)
{
    struct bytes left = buf_bytes(&names->bytes);
    VEC(struct bytes) words = {0};

    VEC_PUSH(&words, BYTES_LITERAL("HDEL"));
    VEC_PUSH(&words, edit->ref.bytes);
    for (size_t i = 0; i < names->lengths.count; i++) {
        struct bytes name = bytes_prefix(left, names->lengths.items[i]);
        bool was_there = hash_remove(&edit->draft, name);

        ASSERT(was_there);
        VEC_PUSH(&words, name);
        left = bytes_from(left, name.len);
    }
    if (names->lengths.count > 0) {
        effects_add(x->effects, words.items, words.count);
    }
    VEC_DEINIT(&words);
}

/* Remove expired fields of the hash e, at most search.max; how many.  *is_done: none is left. */
static size_t expire_fields(struct exec *x, const struct key_ref *ref, struct entry *e,
                            struct hash_search search, bool *is_done)
{
    struct found_names names = {0};
    struct value_edit edit;
    size_t count;
    bool is_there;

    keyspace_open(x->keyspace, ref, e, VALUE_HASH, &edit);
    count = hash_find_expired(&edit.draft, x->now.unix_ms, search, collect_field, &names);
    remove_fields(x, &edit, &names);
    *is_done = true;
    if (!value_draft_is_empty(&edit.draft)) {
        struct value hash = value_draft_view(&edit.draft);

        *is_done = hash_next_expiry_ms(&hash) > x->now.unix_ms;
    }
    is_there = keyspace_close(x->keyspace, &edit);
    if (count > 0) {
        notify_taken(x, EVENT_HASH, "hexpired", ref->bytes, is_there);
    }
    found_names_deinit(&names);
    x->stats->expired_fields += count;
    return count;
}

/* ---- expired keys ---------------------------------------------------------------------------------- */

/* Remove the key, or expired fields of it, at most search.max; how many of both. */
static size_t expire_one(struct exec *x, const struct key_ref *ref, struct hash_search search,
                         bool *is_done)
{
    struct entry *e = keyspace_find_any(x->keyspace, ref);

    ASSERT(e != NULL);
    if (!entry_is_expired(e, x->now.unix_ms)) {
        return expire_fields(x, ref, e, search, is_done);
    }
    (void)keyspace_remove_expired(x->keyspace, ref);
    effect_del(x, ref->bytes);
    x->stats->expired_keys++;
    *is_done = true;
    return 1;
}

size_t exec_expire(struct exec *x, size_t budget, size_t max, bool *has_more)
{
    struct found_names found = {0};
    size_t handed =
        keyspace_find_expired(x->keyspace, x->now.unix_ms, budget, max, collect_key, &found);
    struct bytes left = buf_bytes(&found.bytes);
    size_t count = 0;
    bool is_done = true;

    if (handed > 0) {
        x->db = found.db;
    }
    for (size_t i = 0; i < handed && is_done; i++) {
        struct bytes key = bytes_prefix(left, found.lengths.items[i]);
        struct key_ref ref = keyspace_ref(x->keyspace, x->db, key);

        if (count < max) {
            count += expire_one(x, &ref, (struct hash_search){budget, max - count}, &is_done);
        } else {
            is_done = false;
        }
        if (!is_done) {
            keyspace_find_expired_again(x->keyspace, &ref);
        }
        left = bytes_from(left, key.len);
    }
    *has_more = !is_done || handed == max;
    found_names_deinit(&found);
    return count;
}
