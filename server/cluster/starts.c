/* SPDX-License-Identifier: MIT */
#include "cluster/starts.h"

#include "base/assert.h"
#include "cluster/emit.h"

enum {
    TWICE_LOG_PAUSE_MS = 60 * 1000,
    SILENT_TIMEOUTS = 2, /* of the start that is heeded, before another one is */
};

static void switch_to(struct cluster *c, struct cluster_node *node, uint64_t start)
{
    struct node_starts *s = &node->starts;

    ASSERT(start != 0 && start != node->heard.start);
    s->other = node->heard.start;
    s->other_address = node->address;
    s->since_turn = c->turn;
    s->heard_at = c->now;
    node->heard = (struct last_heard){.start = start};
}

static void tell_twice(struct cluster *c, struct cluster_node *node,
                       const struct cluster_address *heeded, const struct cluster_address *other)
{
    struct node_starts *s = &node->starts;

    if (s->is_twice && mono_is_before(c->now, mono_add_ms(s->told_at, TWICE_LOG_PAUSE_MS))) {
        return;
    }
    s->told_at = c->now;
    emit_log(c, LOG_WARNING,
             "node %s runs twice, at %s:%u and at %s:%u, as if its folder had been copied: the "
             "one at %s:%u is heeded; end the other, and remove the nodes file of its folder",
             node->id.text, heeded->ip, heeded->port, other->ip, other->port, heeded->ip,
             heeded->port);
}

static bool is_silent(const struct cluster *c, const struct node_starts *s)
{
    return mono_ms_between(s->heard_at, c->now) > SILENT_TIMEOUTS * c->config.node_timeout_ms;
}

enum starts_verdict starts_heed(struct cluster *c, struct cluster_node *node, uint64_t start,
                                uint64_t turn, const struct cluster_address *address)
{
    struct node_starts *s = &node->starts;

    ASSERT(node != c->me);
    ASSERT(turn <= c->turn);
    if (node->heard.start == start) {
        s->heard_at = c->now;
        return STARTS_HEEDED;
    }
    if (turn <= s->since_turn) {
        return STARTS_ENDED;
    }
    if (start == s->other && s->is_twice) {
        if (!is_silent(c, s)) {
            tell_twice(c, node, &node->address, address);
            return STARTS_TWICE;
        }
        s->is_twice = false; /* the one that was heeded may be gone */
    } else if (start == s->other) {
        tell_twice(c, node, &s->other_address, &node->address);
        s->is_twice = true;
    }
    switch_to(c, node, start);
    return STARTS_HEEDED;
}

void starts_note_double(struct cluster *c, const struct cluster_id *teller,
                        const struct cluster_address *address)
{
    bool is_it = cluster_id_equal(teller, &c->me->id);

    if (mono_is_before(c->now, mono_add_ms(c->twice_at, TWICE_LOG_PAUSE_MS))) {
        return;
    }
    c->twice_at = c->now;
    emit_log(c, LOG_WARNING,
             "another process runs as this node%s %s, at %s:%u: end one of the two, and remove the "
             "nodes file of its folder if that is a copy",
             is_it ? "" : " and is heeded instead, says node", is_it ? "" : teller->text,
             address->ip, address->port);
}

void starts_check(const struct cluster *c)
{
    for (size_t i = 1; i < c->nodes.count; i++) {
        const struct cluster_node *node = c->nodes.items[i];

        ASSERT(node->starts.other == 0 || node->starts.other != node->heard.start); /* (1) */
        ASSERT(node->starts.since_turn <= c->turn);                                 /* (2) */
    }
}
