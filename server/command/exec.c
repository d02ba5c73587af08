/* SPDX-License-Identifier: MIT */
/* Running a data command, and the expiry that the primary does on its own. */
#include "command/exec.h"

#include "base/assert.h"
#include "base/vec.h"
#include "command/functions.h"
#include "command/lookup.h"

void exec_set_clock(const struct exec *x)
{
    keyspace_set_clock(x->keyspace, x->now.unix_ms);
}

enum exec_result exec_run(struct exec *x)
{
    ASSERT(x->spec->is_data);
    return function_of_command(x->spec->id)(x);
}

/* Keys found, copied one behind the other: removing one may void the borrow of another. */
struct found_keys {
    unsigned db;
    struct buf bytes;
    VEC(size_t) lengths;
};

static void collect_key(void *context, unsigned db, struct bytes key)
{
    struct found_keys *found = context;

    ASSERT(found->lengths.count == 0 || found->db == db);
    found->db = db;
    buf_append_bytes(&found->bytes, key);
    VEC_PUSH(&found->lengths, key.len);
}

size_t exec_expire(struct exec *x, size_t budget, size_t max)
{
    struct found_keys found = {0};
    struct bytes left;
    size_t count;

    keyspace_find_expired(x->keyspace, x->now.unix_ms, budget, max, collect_key, &found);
    count = found.lengths.count;
    left = buf_bytes(&found.bytes);
    if (count > 0) {
        x->db = found.db;
    }
    for (size_t i = 0; i < count; i++) {
        struct bytes key = bytes_prefix(left, found.lengths.items[i]);
        struct key_ref ref = keyspace_ref(x->keyspace, x->db, key);
        bool was_there = keyspace_remove_expired(x->keyspace, &ref);

        ASSERT(was_there);
        effect_del(x, key);
        x->stats->expired_keys++;
        left = bytes_from(left, key.len);
    }
    buf_deinit(&found.bytes);
    VEC_DEINIT(&found.lengths);
    return count;
}
