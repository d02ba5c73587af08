/* SPDX-License-Identifier: MIT */
#include "node/account.h"

#include "base/assert.h"
#include "node/inside.h"

static size_t bytes_of(const struct keyspace *ks)
{
    struct keyspace_memory memory;

    if (ks == NULL) {
        return 0;
    }
    keyspace_memory(ks, &memory);
    ASSERT(memory.entry_bytes <= memory.slab_bytes + memory.table_bytes);
    return memory.slab_bytes + memory.table_bytes + memory.large_bytes;
}

static size_t bytes_of_data(const struct node *node)
{
    const struct loading *loading = &node->loading;
    size_t bytes = bytes_of(node->data.keyspace) + bytes_of(node->data.retired);

    ASSERT(node->data.keyspace != node->data.retired);
    if (loading->target != node->data.keyspace) {
        bytes += bytes_of(loading->target);
    }
    return bytes;
}

size_t account_for_limit(const struct node *node)
{
    return keyspace_live_bytes(node->data.keyspace);
}

void account_take(const struct node *node, struct memory_account *out)
{
    *out = (struct memory_account){
        .data = bytes_of_data(node),
        .log = oplog_memory(node->journal.log),
        .bus = bus_links_memory(node),
    };
    LIST_FOR_EACH (item, &node->sessions.all) {
        out->clients += session_memory(CONTAINER_OF(item, struct session, all));
    }
}

size_t account_sum(const struct memory_account *account)
{
    return account->data + account->log + account->clients + account->bus;
}
