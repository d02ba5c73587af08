/* SPDX-License-Identifier: MIT */
/* Questions are sent again to those who have not answered, until enough have. */
#include "council/proposal.h"

#include "base/assert.h"
#include "base/phases.h"
#include "council/post.h"
#include "council/record_table.h"

enum {
    ROUNDS_RESERVED = 1000, /* at a time: a ballot seldom waits for the disk */
    SENDS_PER_TIMEOUT = 10,
    POLLS_PER_TIMEOUT = 50, /* at most, of those who said that we have to wait */
};

static void move(struct proposal *p, enum proposal_phase to)
{
    static const uint32_t allowed[] = {
        [PROPOSAL_IDLE] =
            PHASE_TO(PROPOSAL_POLLING) | PHASE_TO(PROPOSAL_PREPARING) | PHASE_TO(PROPOSAL_READING),
        [PROPOSAL_POLLING] = PHASE_TO(PROPOSAL_PREPARING) | PHASE_TO(PROPOSAL_IDLE),
        [PROPOSAL_PREPARING] = PHASE_TO(PROPOSAL_READING) | PHASE_TO(PROPOSAL_IDLE),
        [PROPOSAL_READING] = PHASE_TO(PROPOSAL_ACCEPTING) | PHASE_TO(PROPOSAL_IDLE),
        [PROPOSAL_ACCEPTING] = PHASE_TO(PROPOSAL_IDLE),
    };

    ASSERT((allowed[p->phase] & PHASE_TO(to)) != 0);
    p->phase = to;
}

static void end(struct proposal *p, enum proposal_outcome outcome)
{
    move(p, PROPOSAL_IDLE);
    p->outcome = outcome;
}

static void fail(struct proposal *p, enum council_answer answer)
{
    ASSERT(answer != COUNCIL_YES);
    p->answer = answer;
    end(p, PROPOSAL_FAILED);
}

/* Rule (3) of council.h. */
struct ballot proposal_next_ballot(struct council *c)
{
    c->round++;
    if (c->round > c->reserved_round) {
        c->reserved_round = c->round + ROUNDS_RESERVED;
        council_changed(c);
        c->round_change = c->changes;
    }
    return (struct ballot){.round = c->round, .by = c->me};
}

void proposal_note_round(struct council *c, const struct ballot *seen)
{
    /* One that is absurdly far ahead is no honest node's, and would leave no room for others. */
    if (seen->round > c->round && seen->round < BALLOT_ROUND_MAX) {
        c->round = seen->round;
    }
}

static void send(struct council *c, const struct proposal *p, const struct cluster_id *to)
{
    struct council_message m = {
        .record = p->record,
        .ballot = p->ballot,
        .is_own = p->change == COUNCIL_OWN || p->change == COUNCIL_HAND_OVER,
        .is_forced = p->change == COUNCIL_FORCE,
        .start = c->start,
        .sent_us = c->now.us,
    };

    switch (p->phase) {
    case PROPOSAL_POLLING:
        m.type = COUNCIL_POLL;
        break;
    case PROPOSAL_PREPARING:
        m.type = COUNCIL_PREPARE;
        break;
    case PROPOSAL_ACCEPTING:
        m.type = COUNCIL_ACCEPT;
        m.value = buf_bytes(&p->value);
        m.length_ms = c->timeout_ms;
        break;
    case PROPOSAL_IDLE:
    case PROPOSAL_READING:
        return;
    }
    post_send(c, to, &m, c->round_change);
}

static void ask(struct council *c, struct proposal *p)
{
    size_t count = seats_count(&c->seats);

    p->resend_at = mono_add_ms(c->now, council_part_ms(c, SENDS_PER_TIMEOUT));
    for (size_t i = 0; i < count; i++) {
        const struct cluster_id *node = &seats_at(&c->seats, i)->node;

        if (!seats_has_voted(&c->seats, node, &p->yes) &&
            !seats_has_voted(&c->seats, node, &p->no)) {
            send(c, p, node);
        }
    }
}

static void enter(struct council *c, struct proposal *p, enum proposal_phase phase)
{
    move(p, phase);
    p->yes = (struct seat_votes){0};
    p->no = (struct seat_votes){0};
    p->wait_ms = 0;
    p->again_at = MONO_NEVER;
    p->deadline = mono_add_ms(c->now, c->timeout_ms);
    if (phase == PROPOSAL_PREPARING) {
        p->ballot = proposal_next_ballot(c);
    }
    ask(c, p);
}

/* What we had agreed last is still the record: the members who accepted it promised its round to us, and none of them accepts a
 * further step once it has promised a greater one.  So should anybody have come in between, this fails, and we ask anew. */
static bool may_go_on(const struct council *c, const struct proposal *p,
                      const struct cluster_id *record, enum council_change change)
{
    const struct record_state *r =
        p->is_agreed && !cluster_id_is_none(record) ? record_find(c, record) : NULL;

    return r != NULL && change == COUNCIL_OWN && cluster_id_equal(record, &p->record) &&
           p->generation == c->seats.generation && ballot_equal(&r->known_ballot, &p->ballot) &&
           p->ballot.step < BALLOT_STEP_MAX && !c->lease.is_outbid && !c->lease.is_handed_over;
}

static void go_on(struct proposal *p)
{
    struct buf agreed = buf_steal(&p->value);

    ASSERT(agreed.len > 0);
    p->accepted = p->ballot;
    p->ballot.step++;
    buf_deinit(&p->read);
    p->read = agreed;
    move(p, PROPOSAL_READING);
    p->outcome = PROPOSAL_READ;
}

void proposal_start(struct council *c, struct proposal *p, const struct cluster_id *record,
                    enum council_change change)
{
    bool is_next_step = may_go_on(c, p, record, change);

    proposal_give_up(p);
    p->is_agreed = false;
    p->outcome = PROPOSAL_PENDING;
    p->answer = COUNCIL_YES;
    p->taken_by = (struct cluster_id){0};
    p->record = *record;
    p->change = change;
    p->generation = c->seats.generation;
    p->grant_count = 0;
    if (is_next_step) {
        go_on(p);
        return;
    }
    p->accepted = (struct ballot){0};
    p->ballot = (struct ballot){0};
    buf_clear(&p->read);
    buf_clear(&p->value);
    if (c->seats.generation == 0) {
        p->answer = COUNCIL_BEHIND;
        p->outcome = PROPOSAL_FAILED;
        return;
    }
    enter(c, p, change == COUNCIL_TAKE_OVER ? PROPOSAL_POLLING : PROPOSAL_PREPARING);
}

void proposal_put(struct council *c, struct proposal *p, struct bytes value)
{
    ASSERT(p->phase == PROPOSAL_READING);
    ASSERT(value.len > 0);
    buf_clear(&p->value);
    buf_append_bytes(&p->value, value);
    enter(c, p, PROPOSAL_ACCEPTING);
}

void proposal_give_up(struct proposal *p)
{
    if (p->phase != PROPOSAL_IDLE) {
        move(p, PROPOSAL_IDLE);
    }
    p->outcome = PROPOSAL_PENDING;
}

static void note_grant(const struct council *c, struct proposal *p, const struct cluster_id *from,
                       const struct council_message *m)
{
    if (m->length_ms > 0 && council_is_own_grant(c, m) && p->grant_count < COUNCIL_ASKED_MAX) {
        p->grants[p->grant_count++] = (struct grant){.member = *from,
                                                     .seat_key = seats_key_of(&c->seats, from),
                                                     .until = grant_end(m->sent_us, m->length_ms)};
    }
}

static void take_yes(struct council *c, struct proposal *p, const struct cluster_id *from,
                     const struct council_message *m)
{
    seats_count_vote(&c->seats, from, &p->yes);
    if (m->type == COUNCIL_PROMISE && ballot_is_above(&m->accepted, &p->accepted)) {
        p->accepted = m->accepted;
        buf_clear(&p->read);
        buf_append_bytes(&p->read, m->value);
    } else if (m->type == COUNCIL_ACCEPTED) {
        note_grant(c, p, from, m);
    }
}

/* Could those who did not say no still be enough? */
static bool is_possible(const struct council *c, const struct proposal *p)
{
    struct seat_votes others = {.bits = ~p->no.bits};

    return seats_is_quorum(&c->seats, &others);
}

/* A seat whose node is gone never answers: with it the promises that differ are no majority for yes and none for no.  Whoever
 * only has to wait is asked again when its promise is over. */
static void poll_again_later(struct council *c, struct proposal *p, int64_t wait_ms)
{
    int64_t least_ms = council_part_ms(c, POLLS_PER_TIMEOUT);

    if (p->phase == PROPOSAL_POLLING) {
        p->again_at =
            mono_earlier(p->again_at, mono_add_ms(c->now, wait_ms < least_ms ? least_ms : wait_ms));
    }
}

static void poll_again(struct council *c, struct proposal *p)
{
    p->again_at = MONO_NEVER;
    p->no = (struct seat_votes){0};
    p->wait_ms = 0;
    ask(c, p);
}

static void take_no(struct council *c, struct proposal *p, const struct cluster_id *from,
                    const struct council_message *m)
{
    switch (m->answer) {
    case COUNCIL_WAIT:
        p->wait_ms = p->wait_ms == 0 || m->wait_ms < p->wait_ms ? m->wait_ms : p->wait_ms;
        seats_count_vote(&c->seats, from, &p->no);
        poll_again_later(c, p, m->wait_ms);
        break;
    case COUNCIL_OUTBID:
    case COUNCIL_TAKEN:
        p->taken_by = m->holder;
        fail(p, m->answer);
        return;
    case COUNCIL_OLDER:
        seats_count_vote(&c->seats, from, &p->no);
        break;
    case COUNCIL_YES:
    case COUNCIL_BEHIND: /* it is told of our seats, and asked again */
    case COUNCIL_ANSWER_END:
        break;
    }
    if (!is_possible(c, p)) {
        fail(p, p->wait_ms > 0 ? COUNCIL_WAIT : COUNCIL_OLDER);
    }
}

static void advance(struct council *c, struct proposal *p)
{
    if (!seats_is_quorum(&c->seats, &p->yes)) {
        return;
    }
    switch (p->phase) {
    case PROPOSAL_POLLING:
        enter(c, p, PROPOSAL_PREPARING);
        break;
    case PROPOSAL_PREPARING:
        move(p, PROPOSAL_READING);
        p->outcome = PROPOSAL_READ;
        break;
    case PROPOSAL_ACCEPTING:
        p->is_agreed = true;
        end(p, PROPOSAL_AGREED);
        break;
    case PROPOSAL_IDLE:
    case PROPOSAL_READING:
        break;
    }
}

static bool is_awaited(const struct proposal *p, const struct council_message *m)
{
    switch (p->phase) {
    case PROPOSAL_POLLING:
        return m->type == COUNCIL_OPINION;
    case PROPOSAL_PREPARING:
        return m->type == COUNCIL_PROMISE && ballot_equal(&m->ballot, &p->ballot);
    case PROPOSAL_ACCEPTING:
        return m->type == COUNCIL_ACCEPTED && ballot_equal(&m->ballot, &p->ballot);
    case PROPOSAL_IDLE:
    case PROPOSAL_READING:
        break;
    }
    return false;
}

/* What was accepted is a value of this record; nothing was by nobody. */
static bool makes_sense(const struct council *c, const struct council_message *m)
{
    struct shard_record value;

    if (m->type != COUNCIL_PROMISE || m->answer != COUNCIL_YES) {
        return true;
    }
    return m->value.len == 0 ? ballot_is_none(&m->accepted)
                             : !ballot_is_none(&m->accepted) &&
                                   record_value_is_valid(c, &m->record, m->value, &value);
}

void proposal_take_answer(struct council *c, struct proposal *p, const struct cluster_id *from,
                          const struct council_message *m)
{
    proposal_note_round(c, &m->accepted);
    if (!is_awaited(p, m) || !cluster_id_equal(&m->record, &p->record) ||
        !seats_has(&c->seats, from) || !makes_sense(c, m)) {
        return;
    }
    if (m->answer != COUNCIL_YES) {
        take_no(c, p, from, m);
        return;
    }
    /* A yes of other seats than those that are counted says nothing. */
    if (m->generation != p->generation || seats_has_voted(&c->seats, from, &p->yes)) {
        return;
    }
    take_yes(c, p, from, m);
    advance(c, p);
}

void proposal_seats_changed(struct council *c, struct proposal *p)
{
    if (p->phase != PROPOSAL_IDLE && p->generation != c->seats.generation) {
        fail(p, COUNCIL_OLDER);
    }
}

void proposal_tick(struct council *c, struct proposal *p)
{
    if (p->phase == PROPOSAL_IDLE || p->phase == PROPOSAL_READING) {
        return;
    }
    if (mono_is_due(p->deadline, c->now)) {
        fail(p, p->wait_ms > 0 ? COUNCIL_WAIT : COUNCIL_BEHIND);
    } else if (mono_is_due(p->again_at, c->now)) {
        poll_again(c, p);
    } else if (mono_is_due(p->resend_at, c->now)) {
        ask(c, p);
    }
}

struct mono_time proposal_wake_at(const struct proposal *p)
{
    bool is_asking = p->phase != PROPOSAL_IDLE && p->phase != PROPOSAL_READING;

    return is_asking ? mono_earlier(p->again_at, mono_earlier(p->resend_at, p->deadline))
                     : MONO_NEVER;
}

enum proposal_outcome proposal_take_outcome(struct proposal *p)
{
    enum proposal_outcome outcome = p->outcome;

    p->outcome = PROPOSAL_PENDING;
    return outcome;
}

void proposal_deinit(struct proposal *p)
{
    buf_deinit(&p->read);
    buf_deinit(&p->value);
}

void proposal_check(const struct council *c, const struct proposal *p)
{
    ASSERT(p->phase == PROPOSAL_IDLE || p->generation == c->seats.generation); /* (1) */
    ASSERT(p->phase != PROPOSAL_ACCEPTING || p->value.len > 0);
    ASSERT(p->phase < PROPOSAL_PREPARING || cluster_id_equal(&p->ballot.by, &c->me));
    ASSERT(p->grant_count <= COUNCIL_ASKED_MAX);
}
