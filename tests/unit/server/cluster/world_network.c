/* SPDX-License-Identifier: MIT */
/* The network of the cluster tests: connections, and frames that take a millisecond. */
#include "tests/unit/server/cluster/world.h"

#include <string.h>

bool world_can_talk(const struct world *w, int a, int b)
{
    return w->members[a].is_running && w->members[b].is_running &&
           w->members[a].side == w->members[b].side && !w->is_apart[a][b];
}

static void deliver(struct world *w, enum cluster_event_type type, size_t connection,
                    bool is_to_opener, struct bytes frame)
{
    struct delivery delivery = {.at = mono_add_ms(w->now, 1),
                                .type = type,
                                .connection = connection,
                                .is_to_opener = is_to_opener};

    buf_append_bytes(&delivery.frame, frame);
    VEC_PUSH(&w->deliveries, delivery);
}

static int find_by_address(const struct world *w, const struct cluster_address *address)
{
    for (int i = 0; i < w->count; i++) {
        bool is_named =
            address->hostname[0] != '\0' && strcmp(address->hostname, w->members[i].hostname) == 0;
        bool is_there = strcmp(address->ip, w->members[i].ip) == 0;

        if (is_named || (address->hostname[0] == '\0' && is_there)) {
            return i;
        }
    }
    return NOBODY;
}

void world_open(struct world *w, int from, const struct cluster_action *action)
{
    struct connection connection = {.from = from, .number = action->link.number};
    int to = find_by_address(w, &action->address);

    if (to == NOBODY || !w->members[to].is_running) {
        connection.to = NOBODY;
    } else {
        connection.to = to;
        connection.incoming = (uint32_t)w->connections.count + 1;
    }
    VEC_PUSH(&w->connections, connection);
    if (to != NOBODY && w->members[to].is_running && w->members[to].side != w->members[from].side) {
        return; /* a black hole */
    }
    deliver(w, connection.to == NOBODY ? CLUSTER_EVENT_LINK_DOWN : CLUSTER_EVENT_LINK_UP,
            w->connections.count - 1, true, (struct bytes){0});
}

/* The newest connection that the member knows under this link. */
static size_t find_connection(const struct world *w, int member, struct cluster_link link)
{
    for (size_t i = w->connections.count; i-- > 0;) {
        const struct connection *c = &w->connections.items[i];

        if (link.is_incoming ? c->to == member && c->incoming == link.number
                             : c->from == member && c->number == link.number) {
            return i;
        }
    }
    return SIZE_MAX;
}

static void close_connection(struct world *w, int member, size_t index)
{
    struct connection *c;

    if (index == SIZE_MAX || w->connections.items[index].is_closed) {
        return;
    }
    c = &w->connections.items[index];
    c->is_closed = true;
    if (c->to == NOBODY || !world_can_talk(w, c->from, c->to)) {
        return;
    }
    if (c->from == member) {
        deliver(w, CLUSTER_EVENT_INCOMING_CLOSED, index, false, (struct bytes){0});
    } else {
        deliver(w, CLUSTER_EVENT_LINK_DOWN, index, true, (struct bytes){0});
    }
}

void world_send(struct world *w, int member, const struct cluster_action *action)
{
    struct bytes frame = cluster_action_bytes(&w->members[member].actions, action);
    size_t index = find_connection(w, member, action->link);

    if (index != SIZE_MAX && w->connections.items[index].is_up &&
        !w->connections.items[index].is_closed) {
        deliver(w, CLUSTER_EVENT_FRAME, index, action->link.is_incoming, frame);
    }
}

static void hand_over(struct world *w, struct delivery *d)
{
    struct connection *c = &w->connections.items[d->connection];
    int to = d->is_to_opener ? c->from : c->to;
    int other = d->is_to_opener ? c->to : c->from;
    struct cluster_event event = {
        .type = d->type,
        .link = {.is_incoming = !d->is_to_opener,
                 .number = d->is_to_opener ? c->number : c->incoming},
        .frame = buf_bytes(&d->frame),
        .peer_ip = other == NOBODY ? "" : w->members[other].ip,
        .local_ip = to == NOBODY ? "" : w->members[to].ip,
        .reason = "refused or reset",
    };

    if (to == NOBODY || !w->members[to].is_running ||
        (other != NOBODY && d->type == CLUSTER_EVENT_FRAME && !world_can_talk(w, to, other))) {
        return;
    }
    if (d->type == CLUSTER_EVENT_LINK_UP) {
        c->is_up = true;
    }
    if (c->is_closed && (d->type == CLUSTER_EVENT_FRAME || d->type == CLUSTER_EVENT_LINK_UP)) {
        return;
    }
    world_step(w, to, &event);
}

static bool is_held(const struct world *w, const struct delivery *d)
{
    const struct connection *c = &w->connections.items[d->connection];
    int to = d->is_to_opener ? c->from : c->to;

    return to != NOBODY && w->members[to].is_paused;
}

void world_deliver_due(struct world *w)
{
    for (size_t i = 0; i < w->deliveries.count;) {
        struct delivery d = w->deliveries.items[i];

        if (!mono_is_due(d.at, w->now) || is_held(w, &d)) {
            i++;
            continue;
        }
        for (size_t k = i + 1; k < w->deliveries.count; k++) {
            w->deliveries.items[k - 1] = w->deliveries.items[k];
        }
        w->deliveries.count--;
        hand_over(w, &d);
        buf_deinit(&d.frame);
    }
}

void world_close(struct world *w, int member, struct cluster_link link)
{
    close_connection(w, member, find_connection(w, member, link));
}

void world_close_all(struct world *w, int member)
{
    for (size_t i = 0; i < w->connections.count; i++) {
        const struct connection *c = &w->connections.items[i];

        if (!c->is_closed && (c->from == member || c->to == member)) {
            close_connection(w, member, i);
        }
    }
}

void world_break(struct world *w, int member)
{
    for (size_t i = 0; i < w->connections.count; i++) {
        struct connection *c = &w->connections.items[i];

        if (!c->is_closed && c->to != NOBODY && (c->from == member || c->to == member)) {
            c->is_closed = true;
            deliver(w, CLUSTER_EVENT_INCOMING_CLOSED, i, false, (struct bytes){0});
            deliver(w, CLUSTER_EVENT_LINK_DOWN, i, true, (struct bytes){0});
        }
    }
}

void world_cut_off(struct world *w, int member, int side)
{
    w->members[member].side = side;
}

void world_part(struct world *w, int a, int b, bool is_apart)
{
    w->is_apart[a][b] = is_apart;
    w->is_apart[b][a] = is_apart;
}

void world_part_from_all_but(struct world *w, int member, int other, bool is_apart)
{
    for (int i = 0; i < w->count; i++) {
        if (i != member && i != other) {
            world_part(w, member, i, is_apart);
        }
    }
}
