/* SPDX-License-Identifier: MIT */
/* The order of decisions is that of interop.md: unassigned, down, on the move, elsewhere. */
#include "cluster/route.h"

#include "base/assert.h"
#include "cluster/endpoint.h"
#include "cluster/facts.h"
#include "cluster/lease.h"
#include "cluster/moves.h"
#include "cluster/nodes.h"
#include "cluster/range_facts.h"
#include "cluster/slots.h"

static enum route_kind point_to(const struct cluster *c, const struct cluster_node *node,
                                enum route_kind kind, struct route_target *target)
{
    const char *host;

    ASSERT(node != NULL);
    host = endpoint_of(c, node);
    target->host = host != NULL ? host : "";
    target->port = node->address.port;
    return kind;
}

/* Down, but for reads where they are wanted all the same. */
static enum route_kind refuse_as_down(const struct cluster *c, const struct route_request *request)
{
    if (!c->config.allow_reads_when_down) {
        return ROUTE_CLUSTERDOWN_STATE;
    }
    return request->is_write ? ROUTE_CLUSTERDOWN_READONLY : ROUTE_SERVE;
}

static enum route_kind route_migrating(const struct cluster *c, const struct route_request *request,
                                       const struct slot_move *move, struct route_target *target)
{
    const struct cluster_node *peer = moves_peer(c, move);

    ASSERT(!move->is_import);
    switch (request->keys) {
    case ROUTE_KEYS_NOT_LOOKED:
        return ROUTE_LOOK;
    case ROUTE_KEYS_ALL_HERE:
        return ROUTE_SERVE;
    case ROUTE_KEYS_SOME_MISSING:
        return ROUTE_TRYAGAIN;
    case ROUTE_KEYS_ALL_MISSING:
        /* Who has them, perhaps, was removed: to go on without them would hide what was acknowledged. */
        return peer == NULL ? ROUTE_CLUSTERDOWN_SLOT : point_to(c, peer, ROUTE_ASK, target);
    }
    return ROUTE_SERVE;
}

static enum route_kind route_importing(const struct route_request *request)
{
    if (!request->has_many_keys) {
        return ROUTE_SERVE;
    }
    switch (request->keys) {
    case ROUTE_KEYS_NOT_LOOKED:
        return ROUTE_LOOK;
    case ROUTE_KEYS_ALL_HERE:
        return ROUTE_SERVE;
    case ROUTE_KEYS_SOME_MISSING:
    case ROUTE_KEYS_ALL_MISSING:
        return ROUTE_TRYAGAIN;
    }
    return ROUTE_SERVE;
}

static enum route_kind route_elsewhere(const struct cluster *c, struct mono_time now,
                                       const struct route_request *request,
                                       struct route_target *target)
{
    const struct cluster_node *owner = c->owner[request->slot];
    const struct slot_move *move = slots_find_move(c, request->slot);

    ASSERT(owner != NULL && owner != c->me);
    if (move != NULL && move->is_import && request->is_asking) {
        if (!cluster_has_lease(c, now)) {
            return refuse_as_down(c, request);
        }
        return route_importing(request);
    }
    if (move != NULL && !move->is_import && node_is_primary(c->me) &&
        moves_peer(c, move) == owner && !moves_is_claimed(c, request->slot)) {
        return point_to(c, owner, ROUTE_ASK, target); /* given, and not taken yet */
    }
    if (request->is_readonly_session && !request->is_write &&
        cluster_id_equal(&owner->id, &c->me->primary)) {
        return ROUTE_SERVE;
    }
    return point_to(c, owner, ROUTE_MOVED, target);
}

/* Ours as soon as that is agreed. */
static enum route_kind route_taken(const struct cluster *c, struct mono_time now,
                                   const struct route_request *request,
                                   const struct slot_move *move, struct route_target *target)
{
    const struct cluster_node *giver = moves_peer(c, move);

    if (request->is_asking && cluster_has_lease(c, now)) {
        return route_importing(request);
    }
    return giver != NULL && giver != c->me ? point_to(c, giver, ROUTE_MOVED, target)
                                           : refuse_as_down(c, request);
}

bool cluster_routes_plainly(const struct cluster *cluster, struct mono_time now)
{
    return cluster->is_map_ok && cluster_has_lease(cluster, now);
}

bool cluster_serves_plainly(const struct cluster *cluster, uint16_t slot)
{
    ASSERT(slot < SLOT_COUNT);
    return bitset_has(cluster->agreed, slot) && cluster->owner[slot] == cluster->me &&
           !bitset_has(cluster->moving, slot);
}

enum route_kind cluster_route(const struct cluster *cluster, struct mono_time now,
                              const struct route_request *request, struct route_target *target)
{
    const struct cluster *c = cluster;
    const struct cluster_node *owner;
    const struct slot_move *move;

    ASSERT(request->slot < SLOT_COUNT);
    owner = c->owner[request->slot];
    if (owner == NULL) {
        return ROUTE_CLUSTERDOWN_SLOT;
    }
    if (request->is_message) {
        return owner == c->me ? ROUTE_SERVE : route_elsewhere(c, now, request, target);
    }
    if (ranges_await(c, now, request->slot)) {
        return ROUTE_AWAIT;
    }
    move = slots_find_move(c, request->slot);
    if (request->is_migrate && move != NULL) {
        return ROUTE_SERVE;
    }
    if (owner == c->me && move != NULL && move->is_import &&
        !bitset_has(c->agreed, request->slot)) {
        return route_taken(c, now, request, move, target);
    }
    if (owner == c->me && lease_is_awaited(c, now)) {
        return ROUTE_AWAIT;
    }
    if (!(owner == c->me ? cluster_is_ok(c, now) && bitset_has(c->agreed, request->slot)
                         : c->is_map_ok)) {
        enum route_kind kind = refuse_as_down(c, request);

        if (kind != ROUTE_SERVE) {
            return kind;
        }
    }
    if (owner != c->me) {
        return route_elsewhere(c, now, request, target);
    }
    if (move != NULL && !move->is_import) {
        return route_migrating(c, request, move, target);
    }
    return ROUTE_SERVE;
}
