/* SPDX-License-Identifier: MIT */
#include "council/reseat.h"

#include "base/assert.h"
#include "council/member.h"
#include "council/post.h"
#include "council/proposal.h"
#include "council/record_table.h"
#include "council/settling.h"

enum {
    PULLS_PER_TIMEOUT =
        4, /* at first: answers wait for disks, and who asks again gives up what it asked before */
    PULL_BACKOFF_STEPS = 2,
    SEATS_USUAL = 7, /* of a large cluster */
    BACKOFF_STEPS = 6,
    BACKOFF_PART = 8, /* of a timeout */
};

static bool is_member(const struct council *c)
{
    return seat_set_find(&c->seats.members, &c->me) != NULL &&
           seats_has_key(&c->seats, &c->me, c->seat_key);
}

/* ---- taking over what was agreed ----------------------------------------------------------------- */

static struct pull *find_pull(struct council *c, const struct cluster_id *from,
                              const struct council_message *m)
{
    for (size_t i = 0; i < c->reseat.pull_count; i++) {
        struct pull *pull = &c->reseat.pulls[i];

        if (cluster_id_equal(&pull->from, from) && pull->sent_us == m->sent_us &&
            m->generation == c->seats.generation &&
            cluster_id_equal(&m->council, &c->seats.council)) {
            return pull;
        }
    }
    return NULL;
}

static void pull_from(struct council *c, const struct cluster_id *node)
{
    struct council_message m = {.type = COUNCIL_PULL, .sent_us = c->now.us};

    if (cluster_id_equal(node, &c->me)) {
        seats_count_vote(&c->seats, node, &c->reseat.pulled); /* what we have we have */
        return;
    }
    ASSERT(c->reseat.pull_count < COUNCIL_ASKED_MAX);
    c->reseat.pulls[c->reseat.pull_count++] = (struct pull){.from = *node, .sent_us = c->now.us};
    post_send(c, node, &m, 0);
}

static void pull(struct council *c)
{
    for (struct record_state *r = record_next(c, NULL); r != NULL; r = record_next(c, r)) {
        r->told_by = 0;
    }
    c->reseat.pull_count = 0;
    c->reseat.pull_turns += c->reseat.pull_turns < PULL_BACKOFF_STEPS ? 1 : 0;
    for (size_t i = 0; i < c->seats.previous.count; i++) {
        const struct cluster_id *node = &c->seats.previous.items[i].node;

        if (!seats_has_voted(&c->seats, node, &c->reseat.pulled)) {
            pull_from(c, node);
        }
    }
}

static void tell_ready(struct council *c)
{
    size_t count = seats_count(&c->seats);

    for (size_t i = 0; i < count; i++) {
        struct council_message m = {.type = COUNCIL_READY};

        post_send(c, &seats_at(&c->seats, i)->node, &m, c->reseat.ready_change);
    }
}

static void become_ready(struct council *c)
{
    if (!c->reseat.is_ready &&
        seats_have_majority(&c->seats, &c->seats.previous, &c->reseat.pulled)) {
        c->reseat.is_ready = true;
        c->reseat.ready_change = c->changes;
        c->reseat.pull_turns = 0;
        tell_ready(c);
    }
}

static void note_told(struct council *c, const struct pull *pull)
{
    if (pull->is_all_known && pull->told == pull->all) {
        seats_count_vote(&c->seats, &pull->from, &c->reseat.pulled);
        become_ready(c);
    }
}

void reseat_take_state(struct council *c, const struct cluster_id *from,
                       const struct council_message *m)
{
    struct pull *pull = find_pull(c, from, m);
    struct decoder d = decoder_make(m->claims);
    uint64_t claims[SHARD_SLOT_WORDS];
    struct shard_record value;
    struct record_state *r;
    uint32_t bit;

    shard_slots_decode(&d, claims);
    if (pull == NULL || cluster_id_is_none(&m->record) || !decoder_is_ok(&d) ||
        (m->value.len > 0 && !record_value_is_valid(c, &m->record, m->value, &value)) ||
        (m->value.len > 0) == ballot_is_none(&m->accepted)) {
        return;
    }
    r = record_get(c, &m->record);
    record_copy(c, r, &m->accepted, m->value, claims);
    member_take_promise(c, r, m);
    bit = UINT32_C(1) << (pull - c->reseat.pulls);
    pull->told += (r->told_by & bit) == 0 ? 1 : 0;
    r->told_by |= bit;
    note_told(c, pull);
}

void reseat_take_state_end(struct council *c, const struct cluster_id *from,
                           const struct council_message *m)
{
    struct pull *pull = find_pull(c, from, m);

    if (pull == NULL || m->answer != COUNCIL_YES) {
        return;
    }
    member_note_length(c, m->length_ms);
    member_has_forgotten(c, m->wait_ms);
    pull->all = m->version;
    pull->is_all_known = true;
    note_told(c, pull);
}

void reseat_take_ready(struct council *c, const struct cluster_id *from,
                       const struct council_message *m)
{
    if (m->generation == c->seats.generation && cluster_id_equal(&m->council, &c->seats.council)) {
        seats_count_vote(&c->seats, from, &c->reseat.ready);
    }
}

/* ---- whom to seat -------------------------------------------------------------------------------- */

static const struct council_candidate *find_candidate(const struct council *c,
                                                      const struct cluster_id *node)
{
    for (size_t i = 0; i < c->reseat.candidate_count; i++) {
        if (cluster_id_equal(&c->reseat.candidates[i].node, node)) {
            return &c->reseat.candidates[i];
        }
    }
    return NULL;
}

/* Of a node that was removed, or that has forgotten its seat, nothing is to be hoped for. */
static bool is_lost(const struct council *c, const struct seat *seat)
{
    const struct council_candidate *candidate = find_candidate(c, &seat->node);

    return candidate == NULL || candidate->is_gone || candidate->seat_key != seat->key;
}

size_t council_seats_for(size_t nodes)
{
    nodes = nodes > SEATS_USUAL ? SEATS_USUAL : nodes;
    return nodes % 2 == 0 && nodes > 0 ? nodes - 1 : nodes;
}

static size_t wanted_seats(const struct council *c)
{
    size_t nodes = 0;

    for (size_t i = 0; i < c->reseat.candidate_count; i++) {
        nodes += c->reseat.candidates[i].is_gone ? 0 : 1;
    }
    return council_seats_for(nodes);
}

static size_t seats_on_host(const struct council *c, uint64_t host)
{
    size_t count = 0;

    for (size_t i = 0; i < c->seats.members.count; i++) {
        const struct council_candidate *other = find_candidate(c, &c->seats.members.items[i].node);

        count += other != NULL && other->host == host ? 1 : 0;
    }
    return count;
}

/* On the host with fewest seats; of those a primary, which everybody speaks to; of those the smallest id. */
static bool is_better(const struct council *c, const struct council_candidate *a,
                      const struct council_candidate *b)
{
    size_t on_a = seats_on_host(c, a->host);
    size_t on_b = seats_on_host(c, b->host);

    if (on_a != on_b) {
        return on_a < on_b;
    }
    if (a->is_primary != b->is_primary) {
        return a->is_primary;
    }
    return memcmp(a->node.text, b->node.text, CLUSTER_ID_LEN) < 0;
}

static const struct council_candidate *best_candidate(const struct council *c)
{
    const struct council_candidate *best = NULL;

    for (size_t i = 0; i < c->reseat.candidate_count; i++) {
        const struct council_candidate *candidate = &c->reseat.candidates[i];

        if (candidate->is_reachable && !candidate->is_gone && candidate->seat_key != 0 &&
            !seats_has(&c->seats, &candidate->node) &&
            (best == NULL || is_better(c, candidate, best))) {
            best = candidate;
        }
    }
    return best;
}

static const struct seat *find_lost(const struct council *c)
{
    for (size_t i = 0; i < c->seats.members.count; i++) {
        if (is_lost(c, &c->seats.members.items[i])) {
            return &c->seats.members.items[i];
        }
    }
    return NULL;
}

static bool is_there(const struct council *c, const struct seat *seat)
{
    const struct council_candidate *candidate = find_candidate(c, &seat->node);

    return !is_lost(c, seat) && candidate->is_reachable;
}

/* Is a majority of these there now?  One that is thought gone and is not could agree to a change after which those who are lost for good
 * are too many; and who is not heard from may be lost without our knowing it. */
static bool can_decide(const struct council *c, const struct seats *seats)
{
    size_t count = 0;

    for (size_t i = 0; i < seats->members.count; i++) {
        count += is_there(c, &seats->members.items[i]) ? 1 : 0;
    }
    return count >= seat_set_majority(&seats->members);
}

/* A council of one sits on the primary: when the other node is gone nothing is lost with it. */
static bool should_move_to_primary(const struct council *c, const struct council_candidate *best)
{
    const struct council_candidate *only = find_candidate(c, &c->seats.members.items[0].node);

    return c->seats.members.count == 1 && wanted_seats(c) == 1 && best != NULL &&
           best->is_primary && only != NULL && !only->is_primary;
}

static const struct seat *surplus(const struct council *c)
{
    const struct seat *last = &c->seats.members.items[c->seats.members.count - 1];
    const struct seat *replica = NULL;

    for (size_t i = 0; i < c->seats.members.count; i++) {
        const struct council_candidate *other = find_candidate(c, &c->seats.members.items[i].node);

        if (other != NULL && !other->is_primary) {
            replica = &c->seats.members.items[i];
        }
    }
    return replica != NULL ? replica : last;
}

static struct seats choose(const struct council *c)
{
    const struct council_candidate *best = best_candidate(c);
    const struct seat *lost = find_lost(c);
    size_t count = c->seats.members.count;

    /* A seat that is lost counts against a majority until another one has it: only then is it better gone. */
    if (lost != NULL && count > 1 && (best != NULL || count > wanted_seats(c))) {
        return seats_without(&c->seats, &lost->node);
    }
    if (best != NULL && count < COUNCIL_SEATS_MAX &&
        (count < wanted_seats(c) || should_move_to_primary(c, best))) {
        struct seat seat = {.node = best->node, .key = best->seat_key};

        return seats_with(&c->seats, &seat);
    }
    if (count > 1 && count > wanted_seats(c)) {
        return seats_without(&c->seats, &surplus(c)->node);
    }
    return c->seats;
}

struct seats reseat_choose(const struct council *c)
{
    struct seats next;

    if (seats_is_handing_over(&c->seats)) {
        return seats_have_majority(&c->seats, &c->seats.members, &c->reseat.ready)
                   ? seats_settled(&c->seats)
                   : c->seats;
    }
    if (!cluster_id_is_none(&c->seats.gone_over_to) || c->reseat.candidate_count == 0) {
        return c->seats;
    }
    next = choose(c);
    return can_decide(c, &next) ? next : c->seats;
}

/* ---- time ---------------------------------------------------------------------------------------- */

static size_t own_index(const struct council *c)
{
    size_t index = 0;

    while (index < c->seats.members.count &&
           !cluster_id_equal(&c->seats.members.items[index].node, &c->me)) {
        index++;
    }
    return index;
}

/* The first member acts first: two at once would outbid each other. */
static void schedule(struct council *c, int64_t delay_ms)
{
    int64_t rank_ms = (int64_t)own_index(c) * council_part_ms(c, 4);
    int64_t random_ms = (int64_t)rng_below(&c->rng, (uint64_t)council_part_ms(c, 50) + 1);

    c->reseat.act_at = mono_add_ms(c->now, delay_ms + rank_ms + random_ms);
}

/* Where disks are slow, members that all try again at once would outbid one another without end. */
void reseat_proposal_failed(struct council *c)
{
    struct reseat *r = &c->reseat;

    r->failures += r->failures < BACKOFF_STEPS ? 1 : 0;
    schedule(c, (int64_t)rng_below(&c->rng, (uint64_t)c->timeout_ms << r->failures) / BACKOFF_PART);
}

void reseat_seats_changed(struct council *c)
{
    struct reseat *r = &c->reseat;

    r->failures = 0;
    r->pull_count = 0;
    r->pull_turns = 0;
    r->pulled = (struct seat_votes){0};
    r->ready = (struct seat_votes){0};
    r->is_ready = false;
    r->pull_at = c->now;
    schedule(c, council_part_ms(c, 50));
}

static void tick_hand_over(struct council *c)
{
    if (!mono_is_due(c->reseat.pull_at, c->now)) {
        return;
    }
    c->reseat.pull_at =
        mono_add_ms(c->now, council_part_ms(c, PULLS_PER_TIMEOUT) << c->reseat.pull_turns);
    if (c->reseat.is_ready) {
        tell_ready(c);
    } else {
        pull(c);
        become_ready(c);
    }
}

void reseat_tick(struct council *c)
{
    struct cluster_id none = {0};
    struct seats next;

    if (!is_member(c)) {
        return;
    }
    if (seats_is_handing_over(&c->seats)) {
        tick_hand_over(c);
    }
    if (!mono_is_due(c->reseat.act_at, c->now)) {
        return;
    }
    schedule(c, council_part_ms(c, seats_is_handing_over(&c->seats) ? 20 : 4));
    if (c->seats.members.count == 1 && !settling_is_over(c)) {
        return;
    }
    next = reseat_choose(c);
    if (next.generation != c->seats.generation && c->council_proposal.phase == PROPOSAL_IDLE) {
        proposal_start(c, &c->council_proposal, &none, COUNCIL_OWN);
    }
}

struct mono_time reseat_wake_at(const struct council *c)
{
    if (!is_member(c)) {
        return MONO_NEVER;
    }
    return seats_is_handing_over(&c->seats) ? mono_earlier(c->reseat.act_at, c->reseat.pull_at)
                                            : c->reseat.act_at;
}

void council_set_candidates(struct council *c, const struct council_candidate *candidates,
                            size_t count)
{
    ASSERT(count <= COUNCIL_CANDIDATES_MAX);
    if (count > c->reseat.candidate_count) {
        settling_expect_more(c);
    }
    mem_free(MEM_CLUSTER, c->reseat.candidates);
    c->reseat.candidates = NULL;
    c->reseat.candidate_count = count;
    if (count > 0) {
        c->reseat.candidates = mem_alloc(MEM_CLUSTER, count * sizeof(*candidates));
        memcpy(c->reseat.candidates, candidates, count * sizeof(*candidates));
    }
}

void reseat_deinit(struct council *c)
{
    mem_free(MEM_CLUSTER, c->reseat.candidates);
    c->reseat.candidates = NULL;
    c->reseat.candidate_count = 0;
}

void reseat_check(const struct council *c)
{
    ASSERT(c->reseat.pull_count <= COUNCIL_ASKED_MAX);
    ASSERT(!c->reseat.is_ready || seats_is_handing_over(&c->seats));
}
