/* SPDX-License-Identifier: MIT */
/* Each answer begins at one gate: does who asks know the same seats as we do, and do we sit on one of them? */
#include "council/member.h"

#include "base/assert.h"
#include "council/post.h"
#include "council/record_table.h"
#include "council/settling.h"
#include "council/tell.h"

enum {
    FORCED_TIMEOUTS = 2,
    YOUNG_PARTS = 10,
};

static enum council_answer gate(const struct council *c, const struct council_message *m)
{
    bool is_seated = seats_has_key(&c->seats, &c->me, c->seat_key);

    if (!is_seated || !cluster_id_equal(&m->council, &c->seats.council) ||
        m->generation > c->seats.generation || !cluster_id_is_none(&c->seats.gone_over_to)) {
        return COUNCIL_BEHIND;
    }
    return m->generation < c->seats.generation ? COUNCIL_OLDER : COUNCIL_YES;
}

static void answer(struct council *c, const struct cluster_id *to, const struct council_message *m,
                   struct council_message *reply, uint64_t after)
{
    reply->record = m->record;
    reply->ballot = m->ballot;
    reply->sent_us = m->sent_us;
    reply->start = m->start;
    if (reply->answer == COUNCIL_OLDER && m->generation < c->seats.generation) {
        tell_seats(c, to); /* who knows older seats is told the newer ones */
    }
    post_send(c, to, reply, after);
}

/* What is said of a record waits for the disk until it is there, and for nothing that came later: else a question that is asked again
 * would wait for ever longer, where a slow disk has always something else to write. */
static uint64_t said_by(const struct council *c, const struct record_state *r)
{
    uint64_t change = r->said_change;

    change = change > c->seats_change ? change : c->seats_change;
    return change > c->longest_change ? change : c->longest_change;
}

static int64_t longer(const struct council *c, struct mono_time until, int64_t wait_ms)
{
    int64_t rest_ms =
        mono_is_due(until, c->now) ? 0 : mono_ms_between(c->now, until) + 1; /* not too early */

    rest_ms = rest_ms > COUNCIL_LENGTH_MAX_MS ? COUNCIL_LENGTH_MAX_MS : rest_ms;
    return rest_ms > wait_ms ? rest_ms : wait_ms;
}

/* How long promises keep us from this one. */
static int64_t wait_ms_for(const struct council *c, const struct record_state *r,
                           const struct cluster_id *from, const struct council_message *m)
{
    bool is_same_node = cluster_id_equal(&r->holder, from);
    int64_t wait_ms = 0;

    if (cluster_id_is_none(&r->id)) {
        return 0;
    }
    if (!m->is_own) {
        wait_ms = longer(c, r->former_until, longer(c, c->forgotten_until, 0));
        return is_same_node && r->holder_start == m->start ? wait_ms
                                                           : longer(c, r->promised_until, wait_ms);
    }
    if (!cluster_id_equal(&r->forced_by, from)) {
        wait_ms = longer(c, r->forced_until, 0);
    }
    /* Another start of the same node must not come before the promise to the one before is over. */
    return is_same_node && r->holder_start != m->start ? longer(c, r->promised_until, wait_ms)
                                                       : wait_ms;
}

/* Who only polls has no ballot yet: it learns which one it needs. */
static enum council_answer judge_prepare(const struct council *c, const struct record_state *r,
                                         const struct cluster_id *from,
                                         const struct council_message *m, int64_t *wait_ms)
{
    if (m->type == COUNCIL_PREPARE && ballot_is_above(&r->promised, &m->ballot)) {
        return COUNCIL_OUTBID;
    }
    if (m->is_own && !ballot_is_none(&r->known_ballot) &&
        !cluster_id_equal(&r->known_primary, from)) {
        return COUNCIL_OLDER;
    }
    *wait_ms = wait_ms_for(c, r, from, m);
    return *wait_ms > 0 ? COUNCIL_WAIT : COUNCIL_YES;
}

void member_take_poll(struct council *c, const struct cluster_id *from,
                      const struct council_message *m)
{
    struct council_message opinion = {.type = COUNCIL_OPINION, .answer = gate(c, m)};

    if (opinion.answer == COUNCIL_YES) {
        struct record_state *r = record_get(c, &m->record);

        opinion.answer = judge_prepare(c, r, from, m, &opinion.wait_ms);
        opinion.accepted = r->promised;
    }
    answer(c, from, m, &opinion, 0);
}

void member_defer(struct council *c, const struct cluster_id *from, const struct council_message *m,
                  int64_t wait_ms)
{
    struct council_message reply = {
        .type = m->type == COUNCIL_POLL ? COUNCIL_OPINION : COUNCIL_PROMISE,
        .answer = COUNCIL_WAIT,
        .wait_ms = wait_ms,
    };

    answer(c, from, m, &reply, 0);
}

/* From now on the primary's lease is not granted any more, though nobody else may have its place yet. */
static void force(struct council *c, struct record_state *r, const struct cluster_id *from,
                  const struct council_message *m)
{
    r->forced_by = *from;
    r->forced_until = mono_add_ms(c->now, FORCED_TIMEOUTS * c->timeout_ms);
    record_promise(c, r, &m->ballot);
}

void member_take_prepare(struct council *c, const struct cluster_id *from,
                         const struct council_message *m)
{
    struct council_message promise = {.type = COUNCIL_PROMISE, .answer = gate(c, m)};
    struct record_state *r;

    if (promise.answer != COUNCIL_YES) {
        answer(c, from, m, &promise, 0);
        return;
    }
    r = record_get(c, &m->record);
    promise.answer = judge_prepare(c, r, from, m, &promise.wait_ms);
    promise.accepted = r->promised;
    if (promise.answer == COUNCIL_YES) {
        record_promise(c, r, &m->ballot);
        promise.accepted = r->accepted;
        promise.value = buf_bytes(&r->value);
        ASSERT(ballot_equal(&r->promised, &m->ballot));
    } else if (promise.answer == COUNCIL_WAIT && m->is_forced) {
        force(c, r, from, m);
    }
    answer(c, from, m, &promise, said_by(c, r));
    if (promise.answer == COUNCIL_OLDER) {
        tell_record(c, from, r);
    }
}

/* Was the greater ballot that was promised the holder's own, who goes on to change its record and stays its primary?  Of the same start,
 * since of another one nobody knows what it proposes.  Nobody but the holder had anything agreed in between: before this member
 * promises another one a ballot the promise of the lease is over, and after that it is that one's ballot that is refused here, or what
 * was accepted at it is found. */
static bool is_own_change(const struct record_state *r, const struct cluster_id *from,
                          const struct council_message *m)
{
    struct decoder d = decoder_make(buf_bytes(&r->value));
    struct shard_record accepted;

    if (!cluster_id_equal(&r->promised.by, from) || !cluster_id_equal(&r->holder, from) ||
        r->holder_start != m->start) {
        return false;
    }
    if (r->value.len == 0) {
        return true;
    }
    shard_record_decode(&d, &accepted);
    ASSERT(decoder_is_ok(&d));
    return cluster_id_equal(&accepted.primary, from);
}

/* Ballots alone decide.  Who has one at which it was made primary, and finds nobody else promised a greater one, is the
 * primary: a majority has accepted that ballot, or a later one. */
static enum council_answer judge_lease(const struct council *c, const struct record_state *r,
                                       const struct cluster_id *from,
                                       const struct council_message *m, int64_t *wait_ms)
{
    bool is_other_start = cluster_id_equal(&r->holder, from) && r->holder_start != m->start;

    if (ballot_is_above(&r->promised, &m->ballot) && !is_own_change(r, from, m)) {
        return COUNCIL_OUTBID;
    }
    if (!cluster_id_equal(&c->me, from)) {
        *wait_ms = longer(c, c->forgotten_until, *wait_ms);
    }
    if (is_other_start) {
        *wait_ms = longer(c, r->promised_until, *wait_ms);
    }
    return *wait_ms > 0 ? COUNCIL_WAIT : COUNCIL_YES;
}

/* Who held it before may count on our promise until it is over, and become primary again meanwhile. */
static void set_holder(struct record_state *r, const struct cluster_id *holder,
                       const struct ballot *ballot, uint64_t start)
{
    bool is_other = !cluster_id_equal(&r->holder, holder) || r->holder_start != start;

    if (is_other && mono_is_before(r->former_until, r->promised_until)) {
        r->former_until = r->promised_until;
    }
    r->holder = *holder;
    r->holder_ballot = *ballot;
    r->holder_start = start;
}

/* A ballot at which a lease is granted was agreed.  What older ones say, and comes late, counts no more: neither that
 * another is primary, nor that this one's lease has ended. */
static void grant(struct council *c, struct record_state *r, const struct cluster_id *to,
                  const struct council_message *m)
{
    struct mono_time until = mono_add_ms(c->now, m->length_ms);
    bool is_newest = !ballot_is_above(&r->promised, &m->ballot);

    if (is_newest) {
        record_promise(c, r, &m->ballot);
    }
    set_holder(r, to, is_newest ? &m->ballot : &r->holder_ballot, m->start);
    if (mono_is_before(r->promised_until, until)) {
        r->promised_until = until;
    }
    member_note_length(c, m->length_ms);
}

/* Is this council about to end?  What was accepted of that is agreed in the end, whatever comes between. */
static bool is_going_over(const struct council *c)
{
    struct decoder d = decoder_make(buf_bytes(&c->own_record.value));
    struct seats accepted = {0};

    if (!cluster_id_is_none(&c->going_over_to)) {
        return true;
    }
    if (c->own_record.value.len == 0) {
        return false;
    }
    seats_decode(&d, &accepted);
    return accepted.generation > c->seats.generation && !cluster_id_is_none(&accepted.gone_over_to);
}

/* A council of one that may still go over to another decides about nobody else. */
static bool is_too_young(const struct council *c, const struct shard_record *record)
{
    return c->seats.members.count == 1 && !seats_is_handing_over(&c->seats) &&
           !cluster_id_equal(&record->primary, &c->me) &&
           (!settling_is_over(c) || is_going_over(c));
}

/* What keeps the slots may be what was accepted long ago, copied with a seat: whoever knows what was agreed since is to say so, or we would
 * refuse them for ever. */
static void ask_what_was_agreed(struct council *c, const struct cluster_id *from,
                                const struct record_state *taken, const struct shard_record *shard)
{
    struct council_message m = {.type = COUNCIL_ASK, .record = taken->id};

    if (!ballot_is_none(&taken->known_ballot) &&
        shard_slots_overlap(buf_bytes(&taken->known_slots), shard->slots)) {
        return;
    }
    if (!seats_has(&c->seats, from)) {
        post_send(c, from, &m, 0);
    }
    council_ask(c, c->now, &taken->id);
}

/* Whoever is made primary by what it proposes has the first grant of its lease with it. */
static enum council_answer accept(struct council *c, const struct cluster_id *from,
                                  const struct council_message *m, struct council_message *reply)
{
    struct record_state *r = record_get(c, &m->record);
    bool is_shard = !cluster_id_is_none(&m->record);
    const struct record_state *taken;
    struct shard_record shard = {0};
    int64_t wait_ms = 0;

    reply->accepted = r->promised;
    if (ballot_is_above(&r->promised, &m->ballot) ||
        !record_value_is_valid(c, &m->record, m->value, &shard)) {
        return COUNCIL_OUTBID;
    }
    if (is_shard && is_too_young(c, &shard)) {
        reply->wait_ms = council_part_ms(c, YOUNG_PARTS);
        return COUNCIL_WAIT;
    }
    taken = is_shard ? record_find_claim(c, &shard) : NULL;
    if (taken != NULL) {
        tell_record(c, from, taken); /* it may not know whose they are */
        ask_what_was_agreed(c, from, taken, &shard);
        reply->holder = taken->id;
        return COUNCIL_TAKEN;
    }
    if (!record_accept(c, r, &m->ballot, m->value, is_shard ? &shard : NULL)) {
        return COUNCIL_OUTBID;
    }
    c->has_decided = c->has_decided || (is_shard && !cluster_id_equal(&shard.primary, &c->me));
    if (is_shard && cluster_id_equal(&shard.primary, from)) {
        if (judge_lease(c, r, from, m, &wait_ms) == COUNCIL_YES) {
            grant(c, r, from, m);
            reply->length_ms = m->length_ms;
        }
    } else if (is_shard && cluster_id_equal(&r->holder, from)) {
        r->promised_until = c->now; /* it has ended its lease: rule (5) */
    }
    ASSERT(ballot_equal(&r->accepted, &m->ballot));
    return COUNCIL_YES;
}

void member_take_accept(struct council *c, const struct cluster_id *from,
                        const struct council_message *m)
{
    struct council_message reply = {.type = COUNCIL_ACCEPTED, .answer = gate(c, m)};

    if (reply.answer != COUNCIL_YES) {
        answer(c, from, m, &reply, 0);
        return;
    }
    reply.answer = accept(c, from, m, &reply);
    answer(c, from, m, &reply, said_by(c, record_get(c, &m->record)));
}

void member_take_lease(struct council *c, const struct cluster_id *from,
                       const struct council_message *m)
{
    struct council_message reply = {.type = COUNCIL_GRANT, .answer = gate(c, m)};
    struct record_state *r;

    if (cluster_id_is_none(&m->record) || ballot_is_none(&m->ballot)) {
        return;
    }
    if (reply.answer == COUNCIL_YES) {
        r = record_get(c, &m->record);
        reply.answer = judge_lease(c, r, from, m, &reply.wait_ms);
        reply.version = r->known_version;
        reply.accepted = r->promised;
        if (reply.answer == COUNCIL_YES) {
            grant(c, r, from, m);
            reply.length_ms = m->length_ms;
        } else if (reply.answer == COUNCIL_OUTBID && r->known_version > m->version) {
            tell_record(c, from, r);
        }
    }
    answer(c, from, m, &reply, c->longest_change);
}

static void tell_state(struct council *c, const struct cluster_id *to,
                       const struct council_message *m, const struct record_state *r)
{
    /* With nobody named whom it was made to, all wait for a promise. */
    const struct cluster_id nobody = {0};
    struct council_message state = {
        .type = COUNCIL_STATE,
        .record = r->id,
        .accepted = r->accepted,
        .sent_us = m->sent_us,
        .holder = mono_is_due(r->former_until, c->now) ? r->holder : nobody,
        .ballot = r->holder_ballot,
        .start = r->holder_start,
        .length_ms = longer(c, r->former_until, longer(c, r->promised_until, 0)),
    };

    state.value = buf_bytes(&r->value);
    state.claims = record_claims(r);
    post_send(c, to, &state, said_by(c, r));
}

void member_take_pull(struct council *c, const struct cluster_id *from,
                      const struct council_message *m)
{
    struct council_message end = {.type = COUNCIL_STATE_END, .answer = gate(c, m)};
    uint64_t after = 0;

    if (end.answer != COUNCIL_YES || !seats_has(&c->seats, from)) {
        answer(c, from, m, &end, 0);
        return;
    }
    for (struct record_state *r = record_next(c, NULL); r != NULL; r = record_next(c, r)) {
        tell_state(c, from, m, r);
        after = said_by(c, r) > after ? said_by(c, r) : after;
        end.version++;
    }
    end.length_ms = c->longest_ms;
    end.wait_ms = longer(c, c->forgotten_until, 0);
    answer(c, from, m, &end, after);
}

/* Of two promises the one that counts is that of the later ballot: when it was agreed, the lease of the one before was
 * over.  Not so when both are the same primary's, which counts on what it was granted at either. */
void member_take_promise(struct council *c, struct record_state *r,
                         const struct council_message *state)
{
    struct mono_time until = mono_add_ms(c->now, state->length_ms);
    bool is_later = ballot_is_above(&state->ballot, &r->holder_ballot) ||
                    (ballot_equal(&state->ballot, &r->holder_ballot) &&
                     mono_is_before(r->promised_until, until));
    bool is_same = cluster_id_equal(&r->holder, &state->holder);

    if (state->length_ms <= 0 || !(is_later || is_same)) {
        return;
    }
    if (is_later) {
        if (ballot_is_above(&state->ballot, &r->promised)) {
            record_promise(c, r, &state->ballot);
        }
        set_holder(r, &state->holder, &state->ballot, state->start);
    }
    if (!is_same || mono_is_before(r->promised_until, until)) {
        r->promised_until = until;
    }
}

void member_has_forgotten(struct council *c, int64_t length_ms)
{
    struct mono_time until = mono_add_ms(c->now, length_ms);

    if (mono_is_before(c->forgotten_until, until)) {
        c->forgotten_until = until;
    }
}

void member_tick(struct council *c)
{
    if (c->recent_ms < c->longest_ms &&
        mono_is_due(mono_add_ms(c->recent_at, c->longest_ms), c->now)) {
        c->longest_ms = c->recent_ms;
        council_changed(c);
    }
    if (mono_is_due(mono_add_ms(c->recent_at, c->longest_ms), c->now)) {
        c->recent_at = c->now;
        c->recent_ms = 0;
    }
}

void member_note_length(struct council *c, int64_t length_ms)
{
    c->recent_ms = length_ms > c->recent_ms ? length_ms : c->recent_ms;
    if (length_ms > c->longest_ms) {
        c->longest_ms = length_ms;
        council_changed(c);
        c->longest_change = c->changes;
    }
}
