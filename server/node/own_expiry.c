/* SPDX-License-Identifier: MIT */
#include "node/own_expiry.h"

#include "base/assert.h"
#include "base/mem.h"
#include "node/inside.h"

enum {
    ROUND_KEYS = 400,
};

struct own_key {
    struct list item; /* own_expiry.keys */
    struct hashtable_node by_name;
    struct buf name; /* the number of its database, then its key */
    unsigned db;
};

static struct bytes key_of(const struct own_key *own)
{
    ASSERT(own->name.len >= sizeof(own->db));
    return bytes_from(buf_bytes(&own->name), sizeof(own->db));
}

static void forget(struct node *node, struct own_key *own)
{
    ASSERT(list_is_linked(&own->item));
    ASSERT(node->own_expiry.names.count > 0);
    list_remove(&own->item);
    hashtable_remove(&node->own_expiry.names, &own->by_name);
    buf_deinit(&own->name);
    mem_free(MEM_NODE, own);
}

static void remember(struct node *node, unsigned db, struct bytes key)
{
    struct key_ref ref = keyspace_ref(node->data.keyspace, db, key);
    const struct entry *e = keyspace_find_any(node->data.keyspace, &ref);
    struct own_key *own;
    struct buf name = {0};

    if (e == NULL || entry_expire_at_ms(e) == EXPIRE_NEVER) {
        return;
    }
    buf_append(&name, &db, sizeof(db));
    buf_append_bytes(&name, key);
    if (hashtable_find(&node->own_expiry.names, buf_bytes(&name)) != NULL) {
        buf_deinit(&name);
        return;
    }
    own = mem_alloc_zeroed(MEM_NODE, sizeof(*own));
    own->name = name;
    own->db = db;
    hashtable_add(&node->own_expiry.names, &own->by_name, buf_bytes(&own->name));
    list_add_tail(&node->own_expiry.keys, &own->item);
    ASSERT(bytes_equal(key_of(own), key));
}

void own_expiry_note(struct node *node, const struct exec *x)
{
    struct command_keys keys = command_keys(x->spec, x->args, x->arg_count);
    bool may_leave_db = x->spec->id == COMMAND_COPY || x->spec->id == COMMAND_MOVE;
    unsigned first = may_leave_db ? 0 : x->db;
    unsigned last = may_leave_db ? x->database_count - 1 : x->db;

    ASSERT(!node->role.is_primary);
    ASSERT(x->db < x->database_count);
    for (size_t i = 0; i < keys.count; i++) {
        for (unsigned db = first; db <= last; db++) {
            remember(node, db, x->args[command_key_at(&keys, i)]);
        }
    }
}

void own_expiry_round(struct node *node)
{
    size_t count = 0;

    LIST_FOR_EACH_SAFE (item, &node->own_expiry.keys) {
        struct own_key *own = CONTAINER_OF(item, struct own_key, item);
        struct key_ref ref = keyspace_ref(node->data.keyspace, own->db, key_of(own));
        const struct entry *e = keyspace_find_any(node->data.keyspace, &ref);

        if (count++ == ROUND_KEYS) {
            break;
        }
        if (e == NULL || entry_expire_at_ms(e) == EXPIRE_NEVER) {
            forget(node, own);
        } else if (entry_is_expired(e, node->now.unix_ms)) {
            keyspace_remove_expired(node->data.keyspace, &ref);
            counters_expired_key(&node->counters);
            forget(node, own);
        } else {
            list_remove(&own->item);
            list_add_tail(&node->own_expiry.keys, &own->item);
        }
    }
}

void own_expiry_forget_all(struct node *node)
{
    LIST_FOR_EACH_SAFE (item, &node->own_expiry.keys) {
        forget(node, CONTAINER_OF(item, struct own_key, item));
    }
    ASSERT(list_is_empty(&node->own_expiry.keys));
    ASSERT(node->own_expiry.names.count == 0);
}

void own_expiry_init(struct node *node)
{
    ASSERT(node->own_expiry.names.count == 0);
    list_init(&node->own_expiry.keys);
}

void own_expiry_deinit(struct node *node)
{
    own_expiry_forget_all(node);
    hashtable_deinit(&node->own_expiry.names);
}

void own_expiry_check(const struct node *node)
{
    size_t count = 0;

    LIST_FOR_EACH (item, &node->own_expiry.keys) {
        const struct own_key *own = CONTAINER_OF_CONST(item, struct own_key, item);

        ASSERT(hashtable_find(&node->own_expiry.names, buf_bytes(&own->name)) == &own->by_name);
        count++;
    }
    ASSERT(count == node->own_expiry.names.count); /* (1) */
    ASSERT(count == 0 || !node->role.is_primary);
}
