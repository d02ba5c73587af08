/* SPDX-License-Identifier: MIT */
/* The doors.  Each does its work, then heeds what this node says to itself, then tells what came of its proposals. */
#include "council/council.h"

#include "base/assert.h"
#include "council/learn.h"
#include "council/member.h"
#include "council/own_lease.h"
#include "council/post.h"
#include "council/proposal.h"
#include "council/record_table.h"
#include "council/reseat.h"
#include "council/settling.h"
#include "council/tell.h"

enum {
    SEIZED_GENERATIONS = 1000000 /* more than those who are given up can have come to meanwhile */
};

struct council *council_new(const struct council_options *options, struct mono_time now)
{
    struct council *c = mem_alloc_zeroed(MEM_CLUSTER, sizeof(*c));
    struct cluster_id id = {0};

    ASSERT(!cluster_id_is_none(&options->me));
    ASSERT(options->timeout_ms > 0);
    c->me = options->me;
    rng_init(&c->rng, options->seed);
    c->timeout_ms = options->timeout_ms;
    c->now = now;
    rng_hex(&c->rng, id.text, CLUSTER_ID_LEN);
    c->start = rng_u64(&c->rng);
    c->record_cache = mem_alloc_zeroed(MEM_CLUSTER, sizeof(*c->record_cache));
    c->seat_key = rng_u64(&c->rng) | 1;
    c->seats = seats_found(&id, &(struct seat){.node = c->me, .key = c->seat_key});
    c->seats_ballot = (struct ballot){.round = 1, .by = c->me};
    c->round = 1;
    c->own_record.promised_until = COUNCIL_LONG_AGO;
    c->own_record.former_until = COUNCIL_LONG_AGO;
    c->own_record.forced_until = COUNCIL_LONG_AGO;
    c->forgotten_until = COUNCIL_LONG_AGO;
    c->recent_at = now;
    c->lease.end = COUNCIL_LONG_AGO;
    c->reseat.act_at = now;
    c->reseat.pull_at = now;
    c->reseat.ours_at = now;
    settling_wait(c);
    council_changed(c);
    return c;
}

void council_free(struct council *c)
{
    if (c == NULL) {
        return;
    }
    record_free_all(c);
    proposal_deinit(&c->proposal);
    proposal_deinit(&c->council_proposal);
    reseat_deinit(c);
    post_deinit(c);
    mem_free(MEM_CLUSTER, c);
}

void council_set_timeout(struct council *c, int64_t timeout_ms)
{
    ASSERT(timeout_ms > 0 && timeout_ms <= COUNCIL_LENGTH_MAX_MS);
    c->timeout_ms = timeout_ms;
}

static void heed(struct council *c, const struct cluster_id *from, const struct council_message *m)
{
    switch (m->type) {
    case COUNCIL_POLL:
        member_take_poll(c, from, m);
        break;
    case COUNCIL_PREPARE:
        member_take_prepare(c, from, m);
        break;
    case COUNCIL_ACCEPT:
        member_take_accept(c, from, m);
        break;
    case COUNCIL_LEASE:
        member_take_lease(c, from, m);
        break;
    case COUNCIL_PULL:
        member_take_pull(c, from, m);
        break;
    case COUNCIL_OPINION:
    case COUNCIL_PROMISE:
    case COUNCIL_ACCEPTED:
        proposal_take_answer(
            c, cluster_id_is_none(&m->record) ? &c->council_proposal : &c->proposal, from, m);
        break;
    case COUNCIL_GRANT:
        own_lease_take_answer(c, from, m);
        break;
    case COUNCIL_LEARN:
        learn_take(c, from, m);
        break;
    case COUNCIL_ASK:
        learn_take_ask(c, from, m);
        break;
    case COUNCIL_STATE:
        reseat_take_state(c, from, m);
        break;
    case COUNCIL_STATE_END:
        reseat_take_state_end(c, from, m);
        break;
    case COUNCIL_READY:
        reseat_take_ready(c, from, m);
        break;
    case COUNCIL_TYPE_END:
        break;
    }
    if (m->answer == COUNCIL_BEHIND && !cluster_id_equal(from, &c->me)) {
        tell_seats(c, from);
    }
}

/* ---- what came of our proposals ------------------------------------------------------------------ */

static void on_agreed(struct council *c)
{
    struct proposal *p = &c->proposal;
    struct decoder d = decoder_make(buf_bytes(&p->value));
    struct shard_record record;

    shard_record_decode(&d, &record);
    ASSERT(decoder_is_ok(&d));
    learn_record(c, &p->ballot, &record, buf_bytes(&p->value));
    if (cluster_id_equal(&record.primary, &c->me)) {
        own_lease_take_grants(c, p->grants, p->grant_count);
    }
    tell_everybody(c, &record.shard);
}

static void settle_shard(struct council *c)
{
    struct proposal *p = &c->proposal;
    struct council_news news = {
        .shard = p->record, .answer = p->answer, .wait_ms = p->wait_ms, .taken_by = p->taken_by};

    switch (proposal_take_outcome(p)) {
    case PROPOSAL_PENDING:
        return;
    case PROPOSAL_READ:
        news.type = COUNCIL_NEWS_READ;
        break;
    case PROPOSAL_AGREED:
        news.type = COUNCIL_NEWS_AGREED;
        on_agreed(c);
        break;
    case PROPOSAL_FAILED:
        news.type = COUNCIL_NEWS_FAILED;
        break;
    }
    post_news(c, &news);
}

/* What the council's record says that we have not heard of was agreed by others, or half: it is proposed again. */
static bool read_seats(struct council *c, struct seats *out)
{
    struct proposal *p = &c->council_proposal;
    struct decoder d = decoder_make(buf_bytes(&p->read));

    if (p->read.len == 0) {
        return false;
    }
    seats_decode(&d, out);
    return decoder_is_ok(&d) && cluster_id_equal(&out->council, &c->seats.council) &&
           out->generation > c->seats.generation;
}

static struct seats choose_seats(struct council *c)
{
    struct seats next;

    if (read_seats(c, &next)) {
        return next;
    }
    if (!cluster_id_is_none(&c->going_over_to)) {
        return learn_may_go_over(c) && !cluster_id_equal(&c->going_over_to, &c->seats.council)
                   ? seats_ended(&c->seats, &c->going_over_to)
                   : c->seats;
    }
    return reseat_choose(c);
}

static void put_seats(struct council *c)
{
    struct seats next = choose_seats(c);
    struct buf value = {0};

    if (next.generation == c->seats.generation) {
        proposal_give_up(&c->council_proposal);
        c->going_over_to = (struct cluster_id){0};
        return;
    }
    seats_encode(&value, &next);
    c->proposed_seats = next;
    proposal_put(c, &c->council_proposal, buf_bytes(&value));
    buf_deinit(&value);
}

static void settle_council(struct council *c)
{
    struct proposal *p = &c->council_proposal;

    switch (proposal_take_outcome(p)) {
    case PROPOSAL_PENDING:
        break;
    case PROPOSAL_READ:
        put_seats(c);
        break;
    case PROPOSAL_AGREED:
        if (c->proposed_seats.generation > c->seats.generation) {
            learn_seats(c, &c->proposed_seats, &p->ballot);
            tell_everybody(c, &(struct cluster_id){0});
        }
        c->going_over_to = (struct cluster_id){0};
        break;
    case PROPOSAL_FAILED:
        c->going_over_to = (struct cluster_id){0};
        reseat_proposal_failed(c);
        break;
    }
}

static void settle(struct council *c)
{
    struct buf own = {0};

    settle_shard(c);
    settle_council(c);
    while (post_next_own(c, &own)) {
        struct council_message m;
        bool is_ok = council_message_decode(buf_bytes(&own), &m);

        ASSERT(is_ok);
        heed(c, &c->me, &m);
        settle_shard(c);
        settle_council(c);
    }
    buf_deinit(&own);
#ifdef STARLING_DEBUG
    council_check(c);
#endif
}

/* ---- doors --------------------------------------------------------------------------------------- */

static void set_now(struct council *c, struct mono_time now)
{
    c->now = mono_is_before(now, c->now) ? c->now : now;
}

/* What no honest node says is not heard: numbers without a successor, and one new shard after the other. */
static bool is_heard(const struct council *c, const struct council_message *m)
{
    return m->ballot.round < BALLOT_ROUND_MAX && m->accepted.round < BALLOT_ROUND_MAX &&
           (cluster_id_is_none(&m->record) || c->records.count < COUNCIL_RECORDS_MAX ||
            record_find(c, &m->record) != NULL);
}

void council_receive(struct council *c, struct mono_time now, const struct cluster_id *from,
                     struct bytes message)
{
    struct council_message m;

    set_now(c, now);
    if (council_message_decode(message, &m) && !cluster_id_equal(from, &c->me) && is_heard(c, &m)) {
        heed(c, from, &m);
    }
    settle(c);
}

bool council_is_takeover(struct bytes message)
{
    struct council_message m;

    return council_message_decode(message, &m) && !m.is_own && !m.is_forced &&
           !cluster_id_is_none(&m.record) && (m.type == COUNCIL_POLL || m.type == COUNCIL_PREPARE);
}

bool council_is_about_lease(struct bytes message)
{
    struct council_message m;

    return council_message_decode(message, &m) &&
           (m.type == COUNCIL_LEASE || m.type == COUNCIL_GRANT);
}

void council_defer(struct council *c, struct mono_time now, const struct cluster_id *from,
                   struct bytes message, int64_t wait_ms)
{
    struct council_message m;

    ASSERT(council_is_takeover(message));
    set_now(c, now);
    if (council_message_decode(message, &m)) {
        member_defer(c, from, &m, wait_ms);
    }
    settle(c);
}

void council_tick(struct council *c, struct mono_time now)
{
    set_now(c, now);
    proposal_tick(c, &c->proposal);
    proposal_tick(c, &c->council_proposal);
    own_lease_tick(c);
    member_tick(c);
    reseat_tick(c);
    settle(c);
}

struct mono_time council_wake_at(const struct council *c)
{
    struct mono_time at =
        mono_earlier(proposal_wake_at(&c->proposal), proposal_wake_at(&c->council_proposal));

    return mono_earlier(at, mono_earlier(own_lease_wake_at(c), reseat_wake_at(c)));
}

uint64_t council_changes(const struct council *c)
{
    return c->changes;
}

bool council_waits_for_disk(const struct council *c)
{
    return c->saved < c->key_change || post_waits_for_disk(c);
}

void council_saved(struct council *c, struct mono_time now, uint64_t changes)
{
    ASSERT(changes <= c->changes);
    set_now(c, now);
    if (changes > c->saved) {
        c->saved = changes;
    }
    settle(c);
}

void council_propose(struct council *c, struct mono_time now, const struct cluster_id *shard,
                     enum council_change change)
{
    ASSERT(!cluster_id_is_none(shard));
    set_now(c, now);
    council_give_up(c);
    proposal_start(c, &c->proposal, shard, change);
    settle(c);
}

bool council_is_proposing(const struct council *c)
{
    return c->proposal.phase != PROPOSAL_IDLE;
}

bool council_read(const struct council *c, struct shard_record *out)
{
    const struct proposal *p = &c->proposal;
    struct decoder d = decoder_make(buf_bytes(&p->read));

    *out = (struct shard_record){0};
    if (p->phase != PROPOSAL_READING) {
        return false;
    }
    if (p->read.len > 0) {
        shard_record_decode(&d, out);
    }
    return true;
}

void council_put(struct council *c, struct mono_time now, const struct shard_record *record)
{
    struct buf value = {0};
    struct shard_record read;
    bool is_reading = council_read(c, &read);

    ASSERT(is_reading);
    ASSERT(cluster_id_equal(&record->shard, &c->proposal.record));
    ASSERT(record->version >= read.version && record->version > 0);
    set_now(c, now);
    if (cluster_id_equal(&record->shard, &c->lease.shard) &&
        !cluster_id_equal(&record->primary, &c->me)) {
        own_lease_hand_over(c); /* rule (5) */
    }
    shard_record_encode(&value, record);
    proposal_put(c, &c->proposal, buf_bytes(&value));
    buf_deinit(&value);
    settle(c);
}

void council_give_up(struct council *c)
{
    proposal_give_up(&c->proposal);
    post_drop_news_of_proposal(c);
}

void council_seize(struct council *c, struct mono_time now)
{
    struct seat me = {.node = c->me, .key = c->seat_key};
    struct ballot ballot;
    struct seats seats;

    set_now(c, now);
    if (c->seats.generation == 0) {
        return;
    }
    seats = seats_found(&c->seats.council, &me);
    /* Two who do so at once come to different ones: that of the greater holds. */
    seats.generation =
        c->seats.generation + SEIZED_GENERATIONS + rng_below(&c->rng, SEIZED_GENERATIONS);
    ballot = proposal_next_ballot(c);
    learn_seats(c, &seats, &ballot);
    settle(c);
}

const struct seats *council_seats(const struct council *c)
{
    return &c->seats;
}

bool council_is_member(const struct council *c)
{
    return seats_has_key(&c->seats, &c->me, c->seat_key);
}

const struct shard_record *council_find(const struct council *c, const struct cluster_id *shard)
{
    struct record_state *r = record_find(c, shard);

    return r == NULL ? NULL : record_known(c, r);
}

void council_tidy(struct council *c, const struct cluster_id *shard)
{
    record_tidy(c, shard);
}

bool council_has_moves(const struct council *c)
{
    return c->moving_count > 0;
}

bool council_is_agreed(const struct council *c, const struct cluster_id *shard)
{
    const struct record_state *r = record_find(c, shard);

    return r != NULL && !ballot_is_none(&r->known_ballot);
}

const struct shard_record *council_find_claim(const struct council *c,
                                              const uint64_t slots[SHARD_SLOT_WORDS],
                                              const struct cluster_id *but)
{
    for (struct record_state *r = record_next(c, NULL); r != NULL; r = record_next(c, r)) {
        if (!cluster_id_equal(&r->id, but) && !ballot_is_none(&r->known_ballot) &&
            shard_slots_overlap(buf_bytes(&r->known_slots), slots)) {
            return record_known(c, r);
        }
    }
    return NULL;
}

void council_check(const struct council *c)
{
    ASSERT(c->saved <= c->changes);
    ASSERT(c->round <= c->reserved_round || ballot_is_none(&c->proposal.ballot) ||
           c->proposal.ballot.round <= c->reserved_round);
    ASSERT(c->seats.generation == 0 || seats_makes_sense(&c->seats));
    record_check(c);
    proposal_check(c, &c->proposal);
    proposal_check(c, &c->council_proposal);
    own_lease_check(c);
    reseat_check(c);
}
