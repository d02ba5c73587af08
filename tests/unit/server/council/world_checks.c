/* SPDX-License-Identifier: MIT */
/* What must hold after each step of a world of councils: looked for is the danger, not the accident that it could lead to. */
#include "tests/unit/server/council/world.h"

#include "council/record_table.h"

#include <inttypes.h>
#include <string.h>

static void check_leases(struct world *w)
{
    for (size_t shard = 0; shard < w->shard_count; shard++) {
        size_t first = world_holder(w, shard);

        for (size_t i = first + 1; first != SIZE_MAX && i < w->node_count; i++) {
            if (w->nodes[i].shard == shard && world_serves(w, i)) {
                world_fail(w,
                           "nodes %zu and %zu both hold the lease of shard %zu at %" PRId64 " us",
                           first, i, shard, w->now_us);
            }
        }
    }
}

/* In real time. */
static int64_t real_us(const struct world *w, size_t node, struct mono_time at)
{
    const struct world_node *n = &w->nodes[node];

    return (int64_t)((double)(at.us - n->offset_us) / (1.0 + (double)n->rate_ppm / 1e6));
}

/* Until when does this member let nobody take the place of the node? */
static struct mono_time promised_until(const struct council *c, const struct council *of)
{
    const struct record_state *r = record_find(c, &of->lease.shard);
    struct mono_time until = c->forgotten_until;

    if (r != NULL && mono_is_before(until, r->former_until)) {
        until = r->former_until;
    }
    if (r != NULL && mono_is_before(until, r->promised_until) &&
        (cluster_id_equal(&r->holder, &of->me) || cluster_id_is_none(&r->holder))) {
        until = r->promised_until;
    }
    return until;
}

/* INT64_MAX: it does not sit where it sat when it granted. */
static int64_t promised_us(const struct world *w, size_t member, size_t node)
{
    const struct council *c = w->nodes[member].council;
    const struct council *of = w->nodes[node].council;

    if (!seats_has_key(&of->seats, &c->me, c->seat_key) ||
        !cluster_id_equal(&c->seats.council, &of->seats.council)) {
        return INT64_MAX;
    }
    return real_us(w, member, promised_until(c, of));
}

/* A promise is never shorter than the part of the lease that rests on it, for each member. */
static void check_grants(struct world *w, size_t node)
{
    const struct council *c = w->nodes[node].council;

    for (size_t i = 0; i < c->lease.grant_count; i++) {
        const struct grant *grant = &c->lease.grants[i];
        size_t member = (size_t)(world_find(w, &grant->member) - w->nodes);

        if (w->nodes[member].council != NULL &&
            mono_is_before(world_clock(w, node), grant->until) &&
            promised_us(w, member, node) < real_us(w, node, grant->until)) {
            world_fail(w,
                       "node %zu counts on a grant of node %zu until %" PRId64
                       " us, which has promised until %" PRId64,
                       node, member, real_us(w, node, grant->until), promised_us(w, member, node));
        }
    }
}

/* Another start of a node is granted nothing while the promise to the one before lasts.  While seats change a member may hear of a
 * grant of others to whom it had promised less. */
static void check_starts(struct world *w, size_t member)
{
    struct world_node *n = &w->nodes[member];

    for (size_t shard = 0; shard < w->shard_count; shard++) {
        const struct record_state *r = record_find(n->council, &w->shards[shard]);
        struct world_promise *before = &n->promises[shard];

        if (r == NULL) {
            continue;
        }
        if (cluster_id_equal(&before->holder, &r->holder) && before->start != r->holder_start &&
            !cluster_id_is_none(&r->holder) && mono_is_before(n->council->now, before->until) &&
            !n->was_handing_over && !seats_is_handing_over(&n->council->seats)) {
            world_fail(w,
                       "node %zu grants shard %zu to another start while its promise to one lasts",
                       member, shard);
        }
        *before = (struct world_promise){
            .holder = r->holder, .start = r->holder_start, .until = r->promised_until};
    }
    n->was_handing_over = seats_is_handing_over(&n->council->seats);
}

/* Of the council that the node follows. */
static const struct seats *newest_seats(const struct world *w, const struct council *of)
{
    const struct seats *newest = &of->seats;

    for (size_t i = 0; i < w->node_count; i++) {
        const struct council *c = w->nodes[i].council;

        if (c != NULL && cluster_id_equal(&c->seats.council, &newest->council) &&
            c->seats.generation > newest->generation) {
            newest = &c->seats;
        }
    }
    return newest;
}

static bool sits_on(const struct council *c, const struct seats *seats)
{
    return c != NULL && seats_equal(&c->seats, seats) && seats_has_key(seats, &c->me, c->seat_key);
}

/* Could those who decide now give the node's shard to another, while it serves?  That they do is rare: somebody has to ask just these at
 * just this time. */
static void check_deciders_promised(struct world *w, size_t node)
{
    const struct council *of = w->nodes[node].council;
    const struct seats *seats = newest_seats(w, of);
    struct seat_votes unbound = {0};

    for (size_t i = 0; i < w->node_count; i++) {
        const struct council *c = w->nodes[i].council;

        if (sits_on(c, seats) && mono_is_due(promised_until(c, of), world_clock(w, i))) {
            seats_count_vote(seats, &c->me, &unbound);
        }
    }
    if (seats->generation > 0 && seats_is_quorum(seats, &unbound)) {
        world_fail(w,
                   "node %zu serves shard %zu, and a majority of generation %" PRIu64
                   " has promised nothing",
                   node, w->nodes[node].shard, seats->generation);
    }
}

/* Could those who decide now miss what the node knows to be agreed? */
static void check_deciders_accepted(struct world *w, size_t node)
{
    const struct council *of = w->nodes[node].council;
    const struct seats *seats = newest_seats(w, of);

    for (size_t shard = 0; shard < w->shard_count; shard++) {
        const struct record_state *known = record_find(of, &w->shards[shard]);
        struct seat_votes without = {0};

        if (known == NULL || ballot_is_none(&known->known_ballot)) {
            continue;
        }
        for (size_t i = 0; i < w->node_count; i++) {
            const struct council *c = w->nodes[i].council;
            const struct record_state *r =
                sits_on(c, seats) ? record_find(c, &w->shards[shard]) : NULL;

            if (sits_on(c, seats) &&
                (r == NULL || ballot_is_above(&known->known_ballot, &r->accepted))) {
                seats_count_vote(seats, &c->me, &without);
            }
        }
        if (seats->generation > 0 && seats_is_quorum(seats, &without)) {
            world_fail(w,
                       "version %" PRIu64
                       " of shard %zu was agreed, and a majority of generation %" PRIu64
                       " has not accepted it",
                       known->known_version, shard, seats->generation);
        }
    }
}

static void check_promises(struct world *w)
{
    for (size_t i = 0; i < w->node_count; i++) {
        if (w->nodes[i].council == NULL) {
            memset(w->nodes[i].promises, 0, sizeof(w->nodes[i].promises));
            continue;
        }
        check_starts(w, i);
        if (world_serves(w, i)) {
            check_grants(w, i);
            check_deciders_promised(w, i);
        }
        check_deciders_accepted(w, i);
    }
}

void world_check(struct world *w)
{
    check_leases(w);
    check_promises(w);
}

bool world_is_changing_seats(const struct world *w)
{
    for (size_t i = 0; i < w->node_count; i++) {
        const struct council *c = w->nodes[i].council;
        struct seats accepted = {0};
        struct decoder d;

        if (c == NULL) {
            continue;
        }
        d = decoder_make(buf_bytes(&c->own_record.value));
        if (c->own_record.value.len > 0) {
            seats_decode(&d, &accepted);
        }
        if (c->council_proposal.phase != PROPOSAL_IDLE ||
            accepted.generation > c->seats.generation) {
            return true;
        }
    }
    return false;
}
