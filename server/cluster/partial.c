/* SPDX-License-Identifier: MIT */
#include "cluster/partial.h"

#include "base/assert.h"
#include "cluster/message_part.h"
#include "cluster/state.h"

void partial_forget(struct cluster *c, struct cluster_node *sender)
{
    struct partial *partial = &sender->partial;

    ASSERT(c->partial_bytes >= partial->bytes.len);
    c->partial_bytes -= partial->bytes.len;
    buf_deinit(&partial->bytes);
}

/* Nodes that never end what they have begun take no room from those that do. */
static void make_room(struct cluster *c, size_t wanted)
{
    ASSERT(wanted <= PARTIAL_MAX_BYTES);
    while (c->partial_bytes > PARTIAL_MAX_BYTES - wanted) {
        struct cluster_node *oldest = NULL;

        for (size_t i = 0; i < c->nodes.count; i++) {
            struct cluster_node *node = c->nodes.items[i];

            if (node->partial.bytes.len > 0 &&
                (oldest == NULL || node->partial.turn < oldest->partial.turn)) {
                oldest = node;
            }
        }
        ASSERT(oldest != NULL);
        partial_forget(c, oldest);
    }
}

static bool rises(const struct partial *partial, uint64_t start, const struct message_part *part)
{
    if (partial->start != start) {
        return true;
    }
    return part->number > partial->number ||
           (part->number == partial->number && part->before > partial->before);
}

bool partial_take(struct cluster *c, struct cluster_node *sender, uint64_t start,
                  const struct message_part *part, struct bytes *whole)
{
    struct partial *partial = &sender->partial;
    bool continues = part->before > 0 && partial->start == start &&
                     partial->number == part->number && partial->bytes.len == part->before &&
                     partial->total == part->total;

    if (!rises(partial, start, part)) {
        return false;
    }
    partial->start = start;
    partial->number = part->number;
    partial->before = part->before;
    partial->total = part->total;
    partial->turn = ++c->partial_turn;
    if (!continues) {
        partial_forget(c, sender);
    }
    if (part->before > 0 && !continues) {
        return false;
    }
    if (part->bytes.len == part->total) {
        *whole = part->bytes;
        return true;
    }
    make_room(c, part->bytes.len);
    buf_append_bytes(&partial->bytes, part->bytes);
    c->partial_bytes += part->bytes.len;
    *whole = buf_bytes(&partial->bytes);
    return partial->bytes.len == part->total;
}

void partial_check(const struct cluster *c)
{
    size_t bytes = 0;

    for (size_t i = 0; i < c->nodes.count; i++) {
        const struct partial *partial = &c->nodes.items[i]->partial;

        ASSERT(partial->total <= MESSAGE_MAX_BYTES);
        ASSERT(partial->bytes.len == 0 || partial->bytes.len < partial->total); /* (2) */
        ASSERT(partial->turn <= c->partial_turn);
        bytes += partial->bytes.len;
    }
    ASSERT(bytes == c->partial_bytes);
    ASSERT(bytes <= PARTIAL_MAX_BYTES); /* (1) */
}
