/* SPDX-License-Identifier: MIT */
#include "node/copy_values.h"

#include "node/inside.h"
#include "store/value.h"

enum {
    WORK_BUDGET = 1000, /* of freeing copies, in a pass */
};

static void remove_copy(struct node *node, struct bytes key)
{
    struct key_ref ref = keyspace_ref(node->copy_values.keyspace, 0, key);

    (void)keyspace_remove(node->copy_values.keyspace, &ref);
}

void copy_values_drop(struct node *node, const struct borrowed *key)
{
    if (key != NULL && key->state == BORROWED_VALID) {
        invalidation_key_lost(node, buf_bytes(&key->name));
        remove_copy(node, buf_bytes(&key->name));
    }
}

void copy_values_drop_all_of(struct node *node, struct copy_owner *owner)
{
    HASHTABLE_FOR_EACH (n, &owner->borrower.keys) {
        copy_values_drop(node, CONTAINER_OF_CONST(n, struct borrowed, by_name));
    }
}

size_t copy_values_bytes(const struct node *node)
{
    size_t bytes = 0;

    for (size_t i = 0; i < node->copy_owners.count; i++) {
        bytes += node->copy_owners.items[i]->borrower.bytes;
    }
    return bytes;
}

size_t copy_values_count(const struct node *node)
{
    return node->copy_values.keyspace != NULL
               ? (size_t)keyspace_count_all(node->copy_values.keyspace)
               : 0;
}

/* The one that has not been read for longest among the oldest of each owner goes first: of the owner that has most. */
static void make_room(struct node *node)
{
    while (copy_values_bytes(node) > (size_t)node->config.hot_copies_max_memory) {
        struct copy_owner *largest = node->copy_owners.items[0];
        const struct borrowed *oldest;

        for (size_t i = 1; i < node->copy_owners.count; i++) {
            if (node->copy_owners.items[i]->borrower.bytes > largest->borrower.bytes) {
                largest = node->copy_owners.items[i];
            }
        }
        oldest = borrower_oldest(&largest->borrower);
        if (oldest == NULL) {
            return;
        }
        copy_values_drop(node, oldest);
        borrower_evict(&largest->borrower, node->now.mono, buf_bytes(&oldest->name));
    }
}

static struct keyspace *copies_of(struct node *node)
{
    if (node->copy_values.keyspace == NULL) {
        node->copy_values.keyspace = data_new_keyspace(node);
    }
    return node->copy_values.keyspace;
}

/* False: that is no value. */
static bool put_copy(struct node *node, struct bytes key, struct bytes payload, size_t *bytes)
{
    struct keyspace *copies = copies_of(node);
    struct key_ref ref = keyspace_ref(copies, 0, key);
    struct value_reader reader = {0};
    struct value value;
    bool is_ok = value_restore(keyspace_values(copies), payload, &reader, NULL);

    if (is_ok) {
        value = value_reader_take(&reader);
        keyspace_put(copies, &ref, &value, EXPIRE_NEVER); /* the borrower knows when */
        *bytes = keyspace_entry_bytes(copies, keyspace_find_any(copies, &ref));
    }
    value_reader_deinit(&reader);
    return is_ok;
}

/* The key, if there is a copy of it from that owner. */
const struct borrowed *copy_values_find(const struct copy_owner *owner, struct bytes key)
{
    const struct borrowed *found = borrower_find(&owner->borrower, key);

    return found != NULL && found->state == BORROWED_VALID ? found : NULL;
}

/* A value of this owner takes the place of what others have lent (2). */
static void drop_elsewhere(struct node *node, const struct copy_owner *owner, struct bytes key)
{
    for (size_t i = 0; i < node->copy_owners.count; i++) {
        struct copy_owner *other = node->copy_owners.items[i];
        const struct borrowed *found = other != owner ? copy_values_find(other, key) : NULL;

        if (found != NULL) {
            copy_values_drop(node, found);
            borrower_drop(&other->borrower, key);
        }
    }
}

/* What was read of an answer to FETCH: the version, milliseconds to live or -1, and the payload, or null when there is no such
 * key.  False: it is not kept. */
static bool take_fetched(struct node *node, struct copy_owner *owner, struct bytes key,
                         const struct resp_value *parts, struct mono_time asked_at)
{
    int64_t ttl_ms = parts[1].integer;
    struct borrowed_value value = {
        .version = (uint64_t)parts[0].integer,
        .expires = ttl_ms < 0 ? MONO_NEVER : mono_add_ms(asked_at, ttl_ms), /* early, never late */
        .bytes = key.len};
    bool is_there = parts[2].type == RESP_BULK;

    drop_elsewhere(node, owner, key);
    if (is_there && !put_copy(node, key, resp_value_bytes(&parts[2]), &value.bytes)) {
        return false;
    }
    if (value.bytes <= (size_t)node->config.hot_copies_max_memory &&
        borrower_take_value(&owner->borrower, node->now.mono, key, &value)) {
        return true;
    }
    if (is_there) {
        remove_copy(node, key);
    }
    return false;
}

void copy_values_take(struct node *node, struct copy_owner *owner, struct bytes bytes,
                      const struct peer_answer *answer)
{
    struct resp_value value = {0};
    struct errmsg error = {0};
    struct buf key = {0};
    size_t consumed = 0;
    struct resp_limits limits = {.max_args = 16,
                                 .max_bulk_bytes = UINT64_C(4) * 1024 * 1024 * 1024,
                                 .max_inline_bytes = 64 * 1024,
                                 .max_depth = 2};
    bool is_value;

    peer_lane_take_kept(&owner->data, answer->kept_len, &key);
    is_value = resp_value_read(bytes, &limits, &value, &consumed, &error) == RESP_OK &&
               value.type == RESP_ARRAY && value.child_count == 3 &&
               value.children[0].type == RESP_INTEGER && value.children[1].type == RESP_INTEGER;
    if (!is_value ||
        !take_fetched(node, owner, buf_bytes(&key), value.children, answer->asked_at)) {
        borrower_take_refusal(&owner->borrower, node->now.mono, buf_bytes(&key));
    }
    resp_value_deinit(&value);
    buf_deinit(&key);
    (void)copies_of(node); /* of a key that is not there, too */
    make_room(node);
    waiting_on_copies(node);
}

void copy_values_work(struct node *node)
{
    if (node->copy_values.keyspace != NULL) {
        pass_note_work_if(&node->pass, keyspace_work(node->copy_values.keyspace, WORK_BUDGET));
    }
}

void copy_values_deinit(struct node *node)
{
    if (node->copy_values.keyspace != NULL) {
        keyspace_free(node->copy_values.keyspace);
        node->copy_values.keyspace = NULL;
    }
}
