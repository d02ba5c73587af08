/* SPDX-License-Identifier: MIT */
/* Nodes are in an array in the order in which they were learned, and in two hash tables. */
#include "cluster/nodes.h"

#include "base/assert.h"
#include "base/mem.h"
#include "cluster/emit.h"
#include "cluster/facts.h"
#include "cluster/partial.h"
#include "cluster/slots.h"

#include <string.h>

static struct bytes id_key(const struct cluster_id *id)
{
    return bytes_make(id->text, CLUSTER_ID_LEN);
}

struct cluster_node *nodes_add(struct cluster *c, const struct cluster_id *id,
                               const struct cluster_address *address)
{
    struct cluster_node *node;

    ASSERT(!cluster_id_is_none(id));
    ASSERT(nodes_find(c, id) == NULL);
    if (c->nodes.count >= CLUSTER_NODES_MAX) {
        return NULL;
    }
    node = mem_alloc_zeroed(MEM_CLUSTER, sizeof(*node));
    node->number = ++c->last_number;
    node->id = *id;
    node->shard = *id;
    node->address = *address;
    node->known_since = c->now;
    node->next_ping_at = c->now;
    node->link_retry_at = c->now;
    node->unanswered_since = MONO_NEVER;
    node->pong_at = MONO_LONG_AGO;
    node->heard_at = MONO_LONG_AGO;
    node->silent_since = MONO_NEVER;
    node->orphaned_since = MONO_NEVER;
    node->failed_at = MONO_LONG_AGO;
    VEC_PUSH(&c->nodes, node);
    hashtable_add(&c->by_id, &node->by_id, id_key(&node->id));
    hashtable_add(&c->by_number, &node->by_number, bytes_make(&node->number, sizeof(node->number)));
    return node;
}

static void release(struct cluster *c, struct cluster_node *node)
{
    hashtable_remove(&c->by_id, &node->by_id);
    hashtable_remove(&c->by_number, &node->by_number);
    VEC_DEINIT(&node->reports);
    partial_forget(c, node);
    mem_free(MEM_CLUSTER, node);
}

static bool is_ailing(const struct cluster_node *node)
{
    return node->is_failing || node->is_failed;
}

void nodes_set_health(struct cluster *c, struct cluster_node *node, enum node_health health)
{
    bool was_ailing = is_ailing(node);

    node->is_failing = health == NODE_FAILING;
    node->is_failed = health == NODE_FAILED;
    if (is_ailing(node) && !was_ailing) {
        VEC_PUSH(&c->ailing, node);
    }
    for (size_t i = c->ailing.count; was_ailing && !is_ailing(node) && i-- > 0;) {
        if (c->ailing.items[i] == node) {
            VEC_REMOVE_AT(&c->ailing, i);
        }
    }
}

static void drop_reports_of(struct cluster *c, const struct cluster_id *reporter)
{
    for (size_t i = 0; i < c->nodes.count; i++) {
        struct cluster_node *node = c->nodes.items[i];

        for (size_t k = node->reports.count; k-- > 0;) {
            if (cluster_id_equal(&node->reports.items[k].reporter, reporter)) {
                VEC_REMOVE_AT(&node->reports, k);
            }
        }
    }
}

void nodes_remove(struct cluster *c, struct cluster_node *node)
{
    size_t index = 0;

    ASSERT(node != c->me);
    if (node->link != LINK_CLOSED) {
        emit_close(c, (struct cluster_link){.number = node->number});
    }
    slots_unbind_all(c, node);
    nodes_set_health(c, node, NODE_WELL);
    drop_reports_of(c, &node->id);
    while (c->nodes.items[index] != node) {
        index++;
    }
    for (; index + 1 < c->nodes.count; index++) {
        c->nodes.items[index] = c->nodes.items[index + 1];
    }
    c->nodes.count--;
    release(c, node);
    nodes_changed(c);
}

void nodes_free_all(struct cluster *c)
{
    while (c->nodes.count > 0) {
        release(c, VEC_POP(&c->nodes));
    }
    VEC_DEINIT(&c->nodes);
    VEC_DEINIT(&c->ailing);
    hashtable_deinit(&c->by_id);
    hashtable_deinit(&c->by_number);
}

void nodes_rename(struct cluster *c, struct cluster_node *node, const struct cluster_id *id)
{
    ASSERT(!cluster_id_is_none(id));
    ASSERT(nodes_find(c, id) == NULL);
    hashtable_remove(&c->by_id, &node->by_id);
    node->id = *id;
    hashtable_add(&c->by_id, &node->by_id, id_key(&node->id));
    nodes_changed(c);
}

struct cluster_node *nodes_find_text(const struct cluster *c, struct bytes id)
{
    struct hashtable_node *found;

    if (id.len != CLUSTER_ID_LEN) {
        return NULL;
    }
    found = hashtable_find(&c->by_id, id);
    return found == NULL ? NULL : CONTAINER_OF(found, struct cluster_node, by_id);
}

struct cluster_node *nodes_find(const struct cluster *c, const struct cluster_id *id)
{
    return cluster_id_is_none(id) ? NULL : nodes_find_text(c, id_key(id));
}

struct cluster_node *nodes_find_number(const struct cluster *c, uint32_t number)
{
    struct hashtable_node *found =
        hashtable_find(&c->by_number, bytes_make(&number, sizeof(number)));

    return found == NULL ? NULL : CONTAINER_OF(found, struct cluster_node, by_number);
}

struct cluster_node *nodes_primary_of(const struct cluster *c, const struct cluster_node *node)
{
    return nodes_find(c, &node->primary);
}

size_t nodes_count_owners(const struct cluster *c)
{
    size_t count = 0;

    for (size_t i = 0; i < c->nodes.count; i++) {
        count += node_owns_slots(c->nodes.items[i]) ? 1 : 0;
    }
    return count;
}

static void note_role(struct cluster *c, const struct cluster_node *node)
{
    if (node == c->me) {
        nodes_changed(c);
    } else {
        nodes_learned(c);
    }
}

void nodes_set_primary(struct cluster *c, struct cluster_node *node)
{
    ASSERT(!node->is_in_handshake);
    if (node_is_primary(node)) {
        return;
    }
    node->primary = (struct cluster_id){0};
    c->is_routing_changed = true;
    note_role(c, node);
}

void nodes_set_replica(struct cluster *c, struct cluster_node *node,
                       const struct cluster_id *primary)
{
    const struct cluster_node *known = nodes_find(c, primary);

    ASSERT(!cluster_id_is_none(primary));
    ASSERT(!cluster_id_equal(&node->id, primary));
    slots_unbind_all(c, node);
    node->primary = *primary;
    if (known != NULL && node == c->me) {
        node->shard = known->shard;
    }
    if (node == c->me) {
        memset(c->lost, 0, sizeof(c->lost)); /* all of our data will be the primary's */
        memset(c->ceded, 0, sizeof(c->ceded));
    }
    c->is_routing_changed = true;
    note_role(c, node);
}

static void check_node(const struct cluster *c, const struct cluster_node *node)
{
    ASSERT(nodes_find(c, &node->id) == node);
    ASSERT(nodes_find_number(c, node->number) == node);
    ASSERT(node->number <= c->last_number);
    ASSERT(!cluster_id_equal(&node->primary, &node->id));
    ASSERT(!node->is_in_handshake || node->slot_count == 0);
    ASSERT(!node->is_failing || !node->is_failed);
    ASSERT(!node->is_failed || !mono_is_before(c->now, node->failed_at));
    ASSERT(!mono_is_before(c->now, node->pong_at));
}

void nodes_check(const struct cluster *c)
{
    const struct cluster_node *me = c->me;
    size_t ailing = 0;

    ASSERT(c->nodes.count > 0 && c->nodes.count <= CLUSTER_NODES_MAX);
    ASSERT(c->nodes.items[0] == me);
    ASSERT(!me->is_in_handshake && !me->is_failing && !me->is_failed);
    ASSERT(me->link == LINK_CLOSED);
    for (size_t i = 0; i < c->nodes.count; i++) {
        check_node(c, c->nodes.items[i]);
        ailing += is_ailing(c->nodes.items[i]) ? 1 : 0;
    }
    ASSERT(ailing == c->ailing.count); /* (5) */
    for (size_t i = 0; i < c->ailing.count; i++) {
        ASSERT(is_ailing(c->ailing.items[i]));
    }
}
