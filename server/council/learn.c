/* SPDX-License-Identifier: MIT */
#include "council/learn.h"

#include "base/assert.h"
#include "council/own_lease.h"
#include "council/post.h"
#include "council/proposal.h"
#include "council/record_table.h"
#include "council/reseat.h"
#include "council/settling.h"
#include "council/tell.h"

enum {
    ASKS_PER_TIMEOUT = 20, /* of one node for its seats */
};

/* ---- records ------------------------------------------------------------------------------------- */

void learn_record(struct council *c, const struct ballot *ballot, const struct shard_record *record,
                  struct bytes value)
{
    struct record_state *r = record_get(c, &record->shard);

    proposal_note_round(c, ballot);
    if (record_learn(c, r, ballot, record, value)) {
        struct council_news news = {.type = COUNCIL_NEWS_RECORD, .shard = r->id};

        own_lease_on_record(c, r);
        post_news(c, &news);
    }
}

/* ---- seats --------------------------------------------------------------------------------------- */

static void seats_changed(struct council *c)
{
    struct council_news news = {.type = COUNCIL_NEWS_SEATS};

    council_changed(c);
    c->seats_change = c->changes;
    proposal_seats_changed(c, &c->proposal);
    proposal_seats_changed(c, &c->council_proposal);
    reseat_seats_changed(c);
    own_lease_seats_changed(c);
    post_news(c, &news);
}

/* What was promised as a member of a council that is over binds nobody; and a member's seat in another one is a new one. */
static void leave(struct council *c)
{
    c->ended = c->seats;
    c->seats = (struct seats){0};
    c->seats_ballot = (struct ballot){0};
    c->has_decided = false;
    record_forget_promises(c);
    own_lease_forget(c);
    c->seat_key = rng_u64(&c->rng) | 1;
    c->key_change = c->changes + 1; /* with the seats, by seats_changed */
}

void learn_seats(struct council *c, const struct seats *seats, const struct ballot *ballot)
{
    ASSERT(seats->generation > c->seats.generation);
    c->seats = *seats;
    c->seats_ballot = *ballot;
    if (ballot_is_above(ballot, &c->own_record.promised)) {
        c->own_record.promised = *ballot;
    }
    if (!cluster_id_is_none(&seats->gone_over_to)) {
        leave(c);
    }
    seats_changed(c);
}

/* The only one who could decide anything has left its seat, which nobody ever takes again. */
static bool is_deserted(const struct seats *seats, const struct cluster_id *node, uint64_t seat_key)
{
    return seats->members.count == 1 && !seats_is_handing_over(seats) && seats_has(seats, node) &&
           !seats_has_key(seats, node, seat_key);
}

/* Who has left a council does not come back to it, whoever still follows it. */
static bool should_follow(const struct council *c, const struct seats *seats)
{
    if (c->seats.generation == 0) {
        return seats->generation > 0 && cluster_id_is_none(&seats->gone_over_to) &&
               !cluster_id_equal(&seats->council, &c->ended.council) &&
               !is_deserted(seats, &c->me, c->seat_key);
    }
    return cluster_id_equal(&seats->council, &c->seats.council) &&
           seats->generation > c->seats.generation;
}

static void take_seats(struct council *c, const struct council_message *m)
{
    struct decoder d = decoder_make(m->value);
    struct seats seats;

    seats_decode(&d, &seats);
    if (decoder_is_ok(&d) && decoder_left(&d) == 0 && seats.generation < COUNCIL_NUMBER_MAX &&
        should_follow(c, &seats)) {
        learn_seats(c, &seats, &m->ballot);
    }
}

/* ---- messages ------------------------------------------------------------------------------------ */

/* A member that refuses us says by which record.  What we know that to be by now it may have heard of nobody, and would refuse us for
 * ever. */
static void tell_newer(struct council *c, const struct cluster_id *from,
                       const struct shard_record *record)
{
    const struct record_state *r = record_find(c, &record->shard);
    bool is_asking = c->proposal.phase == PROPOSAL_ACCEPTING || c->proposal.answer == COUNCIL_TAKEN;

    if (is_asking && r != NULL && r->known_version > record->version) {
        tell_record(c, from, r);
    }
}

void learn_take(struct council *c, const struct cluster_id *from, const struct council_message *m)
{
    struct shard_record record;

    if (cluster_id_is_none(&m->record)) {
        take_seats(c, m);
    } else if (cluster_id_equal(&m->council, &c->seats.council) && c->seats.generation > 0 &&
               !ballot_is_none(&m->ballot) &&
               record_value_is_valid(c, &m->record, m->value, &record)) {
        learn_record(c, &m->ballot, &record, m->value);
        tell_newer(c, from, &record);
    }
}

void learn_take_ask(struct council *c, const struct cluster_id *from,
                    const struct council_message *m)
{
    if (!cluster_id_is_none(&m->record)) {
        council_tell(c, c->now, from, &m->record);
    } else if (c->ended.generation > 0 && cluster_id_equal(&m->council, &c->ended.council)) {
        tell_these_seats(c, from, &c->ended, &c->seats_ballot);
    } else {
        tell_seats(c, from);
    }
}

/* ---- meeting other councils ---------------------------------------------------------------------- */

struct council_hint council_get_hint(const struct council *c)
{
    return (struct council_hint){
        .council = c->seats.council,
        .generation = c->seats.generation,
        .seat_key = c->saved >= c->key_change ? c->seat_key : 0,
        .seat_count =
            (uint8_t)(c->seats.members.count == 1 && c->has_decided ? COUNCIL_HINT_STAYS
                                                                    : c->seats.members.count),
    };
}

/* Its place, or else that of who was asked longest ago. */
static struct seats_asked *place_of(struct council *c, const struct cluster_id *node)
{
    struct seats_asked *first = &c->seats_asked[0];

    for (size_t i = 0; i < COUNCIL_SEATS_ASKED_MAX; i++) {
        struct seats_asked *asked = &c->seats_asked[i];

        if (cluster_id_equal(&asked->node, node)) {
            return asked;
        }
        first = mono_is_before(asked->again_at, first->again_at) ? asked : first;
    }
    return first;
}

/* Now and then: the answer is heard like all else, and where it changes nothing the question would follow upon it for ever. */
static void ask_seats(struct council *c, const struct cluster_id *to)
{
    struct council_message m = {.type = COUNCIL_ASK};
    struct seats_asked *asked = place_of(c, to);

    if (mono_is_due(asked->again_at, c->now)) {
        asked->node = *to;
        asked->again_at = mono_add_ms(c->now, council_part_ms(c, ASKS_PER_TIMEOUT));
        post_send(c, to, &m, 0);
    }
}

/* What another node was told of, and may go by, is not left behind, also when it has changed since. */
bool learn_may_go_over(const struct council *c)
{
    if (c->has_decided || c->seats.members.count != 1 || seats_is_handing_over(&c->seats) ||
        !seats_has_key(&c->seats, &c->me, c->seat_key)) {
        return false;
    }
    for (struct record_state *r = record_next(c, NULL); r != NULL; r = record_next(c, r)) {
        struct decoder d = decoder_make(buf_bytes(&r->value));
        struct shard_record value;

        if (r->value.len == 0) {
            continue;
        }
        shard_record_decode(&d, &value);
        if (!cluster_id_equal(&value.primary, &c->me)) {
            return false;
        }
    }
    return true;
}

bool council_stays_apart(const struct council *c, const struct council_hint *hint)
{
    return c->seats.generation > 0 && hint->generation > 0 && hint->seat_count > 1 &&
           !cluster_id_equal(&hint->council, &c->seats.council) && !learn_may_go_over(c);
}

static bool is_better(const struct council *c, const struct council_hint *hint)
{
    return hint->seat_count > 1 ||
           memcmp(hint->council.text, c->seats.council.text, CLUSTER_ID_LEN) < 0;
}

static void meet(struct council *c, const struct cluster_id *from, const struct council_hint *hint)
{
    struct cluster_id none = {0};

    if (seats_has(&c->seats, from)) {
        ask_seats(c, from); /* a member of ours that has gone over knows how ours ended */
        return;
    }
    if (!learn_may_go_over(c)) {
        return;
    }
    settling_wait(c);
    if (is_better(c, hint) && c->council_proposal.phase == PROPOSAL_IDLE) {
        c->going_over_to = hint->council;
        proposal_start(c, &c->council_proposal, &none, COUNCIL_OWN);
    }
}

void council_hear(struct council *c, struct mono_time now, const struct cluster_id *from,
                  const struct council_hint *hint)
{
    c->now = now;
    if (c->seats.generation > 0 && is_deserted(&c->seats, from, hint->seat_key)) {
        leave(c);
        seats_changed(c);
    }
    if (hint->generation == 0) {
        return;
    }
    if (c->seats.generation == 0) {
        ask_seats(c, from);
    } else if (!cluster_id_equal(&hint->council, &c->seats.council)) {
        meet(c, from, hint);
    } else if (hint->generation > c->seats.generation) {
        ask_seats(c, from);
    }
}
