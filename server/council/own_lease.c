/* SPDX-License-Identifier: MIT */
#include "council/own_lease.h"

#include "base/assert.h"
#include "council/post.h"
#include "council/proposal.h"
#include "council/record_table.h"
#include "council/tell.h"

enum {
    ASKS_PER_TIMEOUT = 5,
    ASK_AGAIN_MS = 5, /* however little a member says there is to wait for */
};

static bool is_ours(const struct council *c)
{
    return !ballot_is_none(&c->lease.ballot) && !c->lease.is_handed_over;
}

static bool is_of_seat(const struct grant *grant, const struct seat *seat)
{
    return grant->seat_key == seat->key && cluster_id_equal(&grant->member, &seat->node);
}

/* Of those that have left the council, or sit on another seat of it, nothing is needed. */
static bool is_void(const struct council *c, const struct grant *grant)
{
    return !seats_has_key(&c->seats, &grant->member, grant->seat_key);
}

static struct grant *get_grant(struct council *c, const struct seat *seat)
{
    const struct grant none = {
        .member = seat->node, .seat_key = seat->key, .until = COUNCIL_LONG_AGO};
    struct lease *lease = &c->lease;

    for (size_t i = 0; i < lease->grant_count; i++) {
        if (is_of_seat(&lease->grants[i], seat)) {
            return &lease->grants[i];
        }
    }
    for (size_t i = 0; i < lease->grant_count; i++) {
        if (is_void(c, &lease->grants[i])) {
            lease->grants[i] = none;
            return &lease->grants[i];
        }
    }
    ASSERT(lease->grant_count < COUNCIL_ASKED_MAX);
    lease->grants[lease->grant_count] = none;
    return &lease->grants[lease->grant_count++];
}

static void note_grant(struct council *c, const struct grant *given)
{
    struct seat seat = {.node = given->member, .key = given->seat_key};
    struct grant *grant;

    if (is_void(c, given)) {
        return;
    }
    grant = get_grant(c, &seat);
    if (mono_is_before(grant->until, given->until)) {
        grant->until = given->until;
    }
}

/* Until when have this many of the set granted? */
static struct mono_time end_of(const struct council *c, const struct seat_set *set)
{
    struct mono_time ends[COUNCIL_SEATS_MAX];
    size_t majority = seat_set_majority(set);

    for (size_t i = 0; i < set->count; i++) {
        ends[i] = COUNCIL_LONG_AGO;
        for (size_t j = 0; j < c->lease.grant_count; j++) {
            if (is_of_seat(&c->lease.grants[j], &set->items[i])) {
                ends[i] = c->lease.grants[j].until;
            }
        }
        /* Latest first. */
        for (size_t j = i; j > 0 && mono_is_before(ends[j - 1], ends[j]); j--) {
            struct mono_time earlier = ends[j - 1];

            ends[j - 1] = ends[j];
            ends[j] = earlier;
        }
    }
    return set->count == 0 ? COUNCIL_LONG_AGO : ends[majority - 1];
}

void own_lease_update(struct council *c)
{
    c->lease.end = COUNCIL_LONG_AGO;
    if (!is_ours(c)) {
        return;
    }
    c->lease.end = end_of(c, &c->seats.members);
    if (seats_is_handing_over(&c->seats)) {
        c->lease.end = mono_earlier(c->lease.end, end_of(c, &c->seats.previous));
    }
}

void own_lease_take_grants(struct council *c, const struct grant *grants, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        note_grant(c, &grants[i]);
    }
    own_lease_update(c);
}

/* A member cannot grant before a promise of it is over, of which it says when that is: who serves nothing until then asks again at
 * once. */
static void ask_when_it_can(struct council *c, const struct council_message *m)
{
    int64_t wait_ms = m->wait_ms > ASK_AGAIN_MS ? m->wait_ms : ASK_AGAIN_MS;

    own_lease_update(c);
    if (mono_is_due(c->lease.end, c->now)) {
        c->lease.ask_at = mono_earlier(c->lease.ask_at, mono_add_ms(c->now, wait_ms));
    }
}

/* A greater ballot of our own that still goes on becomes the lease's when it is agreed.  After one that was given up nobody knows
 * whether what it said is agreed, though the lease is granted meanwhile: the record is to be agreed anew, as behind any other's. */
static bool is_being_proposed(const struct council *c, const struct ballot *ballot)
{
    return c->proposal.phase != PROPOSAL_IDLE && ballot_equal(ballot, &c->proposal.ballot) &&
           cluster_id_equal(&c->proposal.record, &c->lease.shard);
}

void own_lease_take_answer(struct council *c, const struct cluster_id *from,
                           const struct council_message *m)
{
    struct lease *lease = &c->lease;

    if (m->generation != c->seats.generation || !is_ours(c) || !council_is_own_grant(c, m) ||
        !cluster_id_equal(&m->record, &lease->shard) || !ballot_equal(&m->ballot, &lease->ballot)) {
        return;
    }
    if (m->version < record_get(c, &lease->shard)->known_version &&
        (m->answer == COUNCIL_YES || m->answer == COUNCIL_WAIT)) {
        tell_record(c, from, record_get(c, &lease->shard));
    }
    if (m->answer == COUNCIL_YES) {
        struct grant grant = {.member = *from,
                              .seat_key = seats_key_of(&c->seats, from),
                              .until = grant_end(m->sent_us, m->length_ms)};

        note_grant(c, &grant);
    } else if (m->answer == COUNCIL_WAIT) {
        ask_when_it_can(c, m);
    }
    if ((m->answer == COUNCIL_YES || m->answer == COUNCIL_OUTBID) &&
        ballot_is_above(&m->accepted, &lease->ballot) && !is_being_proposed(c, &m->accepted)) {
        lease->is_outbid = true;
        proposal_note_round(c, &m->accepted);
    }
    own_lease_update(c);
}

void own_lease_on_record(struct council *c, const struct record_state *r)
{
    struct lease *lease = &c->lease;
    bool is_primary = cluster_id_equal(&r->known_primary, &c->me);

    if (!cluster_id_equal(&r->id, &lease->shard) ||
        ballot_equal(&r->known_ballot, &lease->ballot)) {
        return;
    }
    if (!is_primary || ballot_is_none(&r->known_ballot)) {
        lease->grant_count = 0;
        lease->ballot = (struct ballot){0};
    } else {
        lease->ballot = r->known_ballot;
    }
    lease->is_handed_over = false;
    lease->is_outbid = false;
    lease->ask_at = c->now;
    own_lease_update(c);
}

void own_lease_seats_changed(struct council *c)
{
    c->lease.ask_at = c->now;
    own_lease_update(c);
}

void own_lease_forget(struct council *c)
{
    c->lease.ballot = (struct ballot){0};
    c->lease.grant_count = 0;
    c->lease.is_outbid = false;
    own_lease_update(c);
}

void own_lease_hand_over(struct council *c)
{
    c->lease.is_handed_over = true;
    c->lease.grant_count = 0;
    own_lease_update(c);
    ASSERT(mono_is_due(c->lease.end, c->now));
}

void council_want_lease(struct council *c, struct mono_time now, const struct cluster_id *shard)
{
    struct record_state *r;

    c->now = now;
    if (cluster_id_equal(&c->lease.shard, shard)) {
        return;
    }
    c->lease = (struct lease){.shard = *shard,
                              .ask_at = now,
                              .is_asked_seldom = c->lease.is_asked_seldom,
                              .end = COUNCIL_LONG_AGO};
    r = cluster_id_is_none(shard) ? NULL : record_find(c, shard);
    if (r != NULL) {
        own_lease_on_record(c, r);
    }
}

void council_ask_seldom(struct council *c, bool is_seldom)
{
    c->lease.is_asked_seldom = is_seldom;
}

struct mono_time council_lease_end(const struct council *c)
{
    return c->lease.end;
}

bool council_is_outbid(const struct council *c)
{
    return c->lease.is_outbid;
}

bool council_has_handed_over(const struct council *c)
{
    return c->lease.is_handed_over;
}

void own_lease_tick(struct council *c)
{
    struct lease *lease = &c->lease;
    size_t count = seats_count(&c->seats);

    if (!is_ours(c) || !mono_is_due(lease->ask_at, c->now)) {
        return;
    }
    lease->ask_at = mono_add_ms(c->now, council_part_ms(c, ASKS_PER_TIMEOUT) *
                                            (lease->is_asked_seldom ? 2 : 1));
    for (size_t i = 0; i < count; i++) {
        struct council_message ask = {
            .type = COUNCIL_LEASE,
            .record = lease->shard,
            .ballot = lease->ballot,
            .version = record_get(c, &lease->shard)->known_version,
            .sent_us = c->now.us,
            .length_ms = c->timeout_ms,
            .start = c->start,
        };

        post_send(c, &seats_at(&c->seats, i)->node, &ask, 0);
    }
}

struct mono_time own_lease_wake_at(const struct council *c)
{
    return is_ours(c) ? c->lease.ask_at : MONO_NEVER;
}

void own_lease_check(const struct council *c)
{
    const struct lease *lease = &c->lease;
    struct mono_time latest = mono_add_ms(c->now, COUNCIL_LENGTH_MAX_MS);

    ASSERT(lease->grant_count <= COUNCIL_ASKED_MAX);
    for (size_t i = 0; i < lease->grant_count; i++) {
        ASSERT(mono_is_before(lease->grants[i].until, latest)); /* (1) */
    }
    ASSERT(is_ours(c) || mono_is_due(lease->end, c->now)); /* (2) */
}
