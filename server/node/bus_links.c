/* SPDX-License-Identifier: MIT */
#include "node/bus_links.h"

#include "base/assert.h"
#include "base/mem.h"
#include "cluster/message.h"
#include "node/inside.h"

enum {
    QUEUE_BYTES = 8 * 1024 * 1024, /* frames beyond are dropped: the peer does not read */
    UNPROVEN_MAX = 256,            /* incoming links that nobody has proven to be a node's */
    UNPROVEN_MS = 5000,            /* and how long they may take for it */
};

void bus_links_init(struct node *node)
{
    ASSERT(node->bus.count == 0);
    ASSERT(node->cluster != NULL);
    node->bus.next_number = 1;
}

void bus_links_deinit(struct node *node)
{
    while (node->bus.count > 0) {
        bus_links_remove(node, node->bus.items[0]);
    }
    mem_free(MEM_BASE, node->bus.items);
    node->bus = (struct bus_links){0};
}

struct bus_link *bus_links_find(const struct node *node, uint64_t link)
{
    for (size_t i = 0; i < node->bus.count; i++) {
        if (node->bus.items[i]->link == link) {
            return node->bus.items[i];
        }
    }
    return NULL;
}

struct bus_link *bus_links_find_by_id(const struct node *node, struct cluster_link id)
{
    for (size_t i = 0; i < node->bus.count; i++) {
        struct bus_link *bus = node->bus.items[i];

        if (bus->id.is_incoming == id.is_incoming && bus->id.number == id.number) {
            return bus;
        }
    }
    return NULL;
}

static struct bus_link *add(struct node *node, uint64_t link, struct cluster_link id)
{
    struct bus_links *links = &node->bus;
    struct bus_link *bus = mem_alloc_zeroed(MEM_CLUSTER, sizeof(*bus));

    ASSERT(link != 0 && bus_links_find(node, link) == NULL);
    ASSERT(bus_links_find_by_id(node, id) == NULL);
    ASSERT(id.is_incoming == (link >= ENV_LINK_INCOMING));
    bus->link = link;
    bus->id = id;
    if (links->count == links->cap) {
        links->items =
            vec_grow(links->items, &links->cap, links->count + 1, sizeof(struct bus_link *));
    }
    links->items[links->count++] = bus;
    return bus;
}

void bus_links_remove(struct node *node, struct bus_link *bus)
{
    struct bus_links *links = &node->bus;
    size_t at = 0;

    while (at < links->count && links->items[at] != bus) {
        at++;
    }
    ASSERT(at < links->count);
    links->items[at] = links->items[--links->count];
    ASSERT(bus_links_find(node, bus->link) == NULL);
    buf_deinit(&bus->in);
    mem_free(MEM_CLUSTER, bus);
}

static void close_now(struct node *node, struct bus_link *bus)
{
    node->env.link_close(node->env.context, bus->link);
    bus_links_remove(node, bus);
}

void bus_links_open(struct node *node, struct cluster_link id,
                    const struct cluster_address *address)
{
    uint64_t link = life_new_link(node);

    ASSERT(!id.is_incoming);
    bus_links_close(node, id);
    (void)add(node, link, id);
    node->env.link_open(node->env.context, link, ENV_LINK_BUS,
                        address->hostname[0] != '\0' ? address->hostname : address->ip,
                        address->bus_port);
    ASSERT(bus_links_find_by_id(node, id) != NULL);
}

void bus_links_close(struct node *node, struct cluster_link id)
{
    struct bus_link *bus = bus_links_find_by_id(node, id);

    if (bus != NULL) {
        close_now(node, bus);
    }
    ASSERT(bus_links_find_by_id(node, id) == NULL);
}

void bus_links_note_drop(struct node *node)
{
    node->bus.dropped++;
}

void bus_links_send(struct node *node, struct cluster_link id, struct bytes frame,
                    size_t queue_bytes)
{
    struct bus_link *bus = bus_links_find_by_id(node, id);
    size_t limit = queue_bytes > 0 ? queue_bytes : QUEUE_BYTES;

    ASSERT(frame.len > 0);
    if (bus == NULL) {
        return;
    }
    if (node->env.link_queued(node->env.context, bus->link) < limit) {
        node->env.link_send(node->env.context, bus->link, frame);
    } else {
        bus_links_note_drop(node);
    }
}

/* ---- those that nobody has proven to be a node's ---------------------------------------------- */

static bool is_unproven(const struct bus_link *bus)
{
    return bus->id.is_incoming && !bus->is_proven;
}

static void close_unproven(struct node *node, struct bus_link *bus)
{
    ASSERT(is_unproven(bus));
    node_log(node, LOG_DEBUG, "bus link of %s closed: no frame of a node came", bus->peer_ip);
    close_now(node, bus);
}

/* A stranger who opens connections and says nothing holds a bounded number of them. */
static void make_room_for_unproven(struct node *node)
{
    struct bus_link *oldest = NULL;
    size_t count = 0;

    for (size_t i = 0; i < node->bus.count; i++) {
        struct bus_link *bus = node->bus.items[i];

        if (is_unproven(bus)) {
            count++;
            oldest = oldest == NULL || bus->id.number < oldest->id.number ? bus : oldest;
        }
    }
    ASSERT(count <= UNPROVEN_MAX);
    if (count >= UNPROVEN_MAX) {
        close_unproven(node, oldest);
    }
}

void bus_links_accept(struct node *node, uint64_t link, const char *peer_ip)
{
    struct cluster_link id = {.is_incoming = true, .number = node->bus.next_number++};
    struct bus_link *bus;

    ASSERT(link >= ENV_LINK_INCOMING);
    make_room_for_unproven(node);
    bus = add(node, link, id);
    bus->accepted_at = node->now.mono;
    bytes_to_text(bytes_from_text(peer_ip), bus->peer_ip, sizeof(bus->peer_ip));
}

void bus_links_end_unproven(struct node *node)
{
    for (size_t i = node->bus.count; i-- > 0;) {
        struct bus_link *bus = node->bus.items[i];

        if (is_unproven(bus) &&
            mono_is_due(mono_add_ms(bus->accepted_at, UNPROVEN_MS), node->now.mono)) {
            close_unproven(node, bus);
        }
    }
}

size_t bus_links_memory(const struct node *node)
{
    size_t bytes = node->cluster != NULL ? cluster_message_bytes(node->cluster) : 0;

    for (size_t i = 0; i < node->bus.count; i++) {
        const struct bus_link *bus = node->bus.items[i];

        bytes += sizeof(*bus) + bus->in.cap;
        bytes += node->env.link_queued(node->env.context, bus->link);
    }
    return bytes;
}

void bus_links_check(const struct node *node)
{
    const struct bus_links *links = &node->bus;
    size_t unproven = 0;

    ASSERT(links->count <= links->cap);
    ASSERT(links->count == 0 || node->cluster != NULL);
    for (size_t i = 0; i < links->count; i++) {
        const struct bus_link *bus = links->items[i];

        ASSERT(bus_links_find(node, bus->link) == bus); /* (1) */
        ASSERT(bus_links_find_by_id(node, bus->id) == bus);
        ASSERT(bus->id.is_incoming == (bus->link >= ENV_LINK_INCOMING));
        ASSERT(!bus->id.is_incoming || bus->id.number < links->next_number);
        unproven += is_unproven(bus);
    }
    ASSERT(unproven <= UNPROVEN_MAX); /* (2) */
}
