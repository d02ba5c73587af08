/* SPDX-License-Identifier: MIT */
#include "node/digest.h"

#include "base/assert.h"
#include "base/hash.h"
#include "node/inside.h"
#include "spec/slot.h"
#include "store/value.h"

/* Summing up makes the order of keys irrelevant; an entry's own parts are chained. */
void digest_entry(void *context, const struct entry *e)
{
    struct digest *digest = context;
    const struct value_ops *ops = value_ops_of(digest->types, e);
    int64_t expire_at_ms = entry_expire_at_ms(e);

    ASSERT(digest->lanes > 0 && digest->lanes <= DIGEST_LANES);
    for (size_t lane = 0; lane < digest->lanes; lane++) {
        uint64_t h = lane << 32;

        if (!digest->is_value_only) {
            h = hash_bytes(entry_key(e), h + 1 + digest->db);
        }
        h = ops->digest(e, h);
        digest->sums[lane] += hash_bytes(bytes_make(&expire_at_ms, sizeof(expire_at_ms)), h);
    }
}

/* What nobody is to see is data all the same, which replicas have as their primary has it. */
static void digest_hidden(const struct node *node, struct digest *digest)
{
    const struct keyspace *ks = node->data.keyspace;

    digest->db = 0;
    for (unsigned slot = 0; node->cluster != NULL && slot < SLOT_COUNT; slot++) {
        uint64_t cursor = 0;

        while (keyspace_is_hidden(ks, slot) && keyspace_slot_count(ks, slot) > 0) {
            cursor = keyspace_scan_slot(ks, slot, cursor, 1000, digest_entry, digest);
            if (cursor == 0) {
                break;
            }
        }
    }
}

void digest_all(const struct node *node, struct digest *digest)
{
    unsigned databases = data_database_count(node);

    ASSERT(digest->types == keyspace_types(node->data.keyspace));
    for (digest->db = 0; digest->db < databases; digest->db++) {
        uint64_t cursor = 0;

        do {
            cursor =
                keyspace_scan(node->data.keyspace, digest->db, cursor, 1000, digest_entry, digest);
        } while (cursor != 0);
    }
    digest_hidden(node, digest);
}
