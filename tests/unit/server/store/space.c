/* SPDX-License-Identifier: MIT */
#include "tests/unit/server/store/space.h"

#include "base/num.h"
#include "store/evict.h"
#include "tests/types/byte_list.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    ARENA_BYTES = 1 << 29,
};

struct keyspace *space_new(bool is_cluster)
{
    return keyspace_new(&(struct keyspace_options){.is_cluster = is_cluster,
                                                   .database_count = is_cluster ? 1 : 16,
                                                   .hash_seed = 42,
                                                   .arena_bytes = ARENA_BYTES,
                                                   .types = &byte_list_types});
}

void space_free(struct keyspace *ks)
{
    keyspace_check(ks);
    keyspace_check_evict(ks);
    keyspace_free(ks);
}

struct bytes space_key(unsigned number, char *out)
{
    return bytes_make(out, (size_t)snprintf(out, SPACE_KEY_TEXT, "key:%u", number));
}

unsigned space_key_number(struct bytes key)
{
    char text[SPACE_KEY_TEXT];

    bytes_to_text(key, text, sizeof(text));
    return (unsigned)strtoul(text + 4, NULL, 10);
}

void space_set(struct keyspace *ks, unsigned db, const char *key, const char *value)
{
    struct key_ref ref = keyspace_ref(ks, db, bytes_from_text(key));

    keyspace_set(ks, &ref, bytes_from_text(value), EXPIRE_NEVER);
}

void space_set_many(struct keyspace *ks, unsigned db, unsigned first, unsigned count,
                    int64_t expire_at_ms)
{
    char text[SPACE_KEY_TEXT];

    for (unsigned i = first; i < first + count; i++) {
        struct key_ref ref = keyspace_ref(ks, db, space_key(i, text));

        keyspace_set(ks, &ref, ref.bytes, expire_at_ms);
    }
}

void space_remove_many(struct keyspace *ks, unsigned db, unsigned first, unsigned count)
{
    char text[SPACE_KEY_TEXT];

    for (unsigned i = first; i < first + count; i++) {
        struct key_ref ref = keyspace_ref(ks, db, space_key(i, text));

        (void)keyspace_remove(ks, &ref);
    }
}

struct entry *space_find(struct keyspace *ks, unsigned db, const char *key)
{
    struct key_ref ref = keyspace_ref(ks, db, bytes_from_text(key));

    return keyspace_find_any(ks, &ref);
}

void space_edit(struct keyspace *ks, const struct key_ref *ref, size_t len)
{
    struct value_edit edit;

    keyspace_open_string(ks, ref, len, &edit);
    edit.data[0] = '#';
    keyspace_close(ks, &edit);
}

bool space_has(struct keyspace *ks, unsigned db, const char *key, const char *value)
{
    char scratch[NUM_I64_TEXT + 1];
    const struct entry *e = space_find(ks, db, key);

    return e != NULL && bytes_equal_text(entry_string(e, scratch), value);
}
