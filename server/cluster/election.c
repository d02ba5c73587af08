/* SPDX-License-Identifier: MIT */
/* The candidate's side of an election; the voter's is in vote.c. */
#include "cluster/election.h"

#include "base/assert.h"
#include "base/phases.h"
#include "cluster/bus.h"
#include "cluster/emit.h"
#include "cluster/facts.h"
#include "cluster/gossip.h"
#include "cluster/lease.h"
#include "cluster/nodes.h"
#include "cluster/role.h"

#include <inttypes.h>
#include <string.h>

enum {
    RETRIES_AT_ONCE = 2
};

static void move(struct cluster *c, enum election_phase to)
{
    static const uint32_t allowed[] = {
        [ELECTION_IDLE] = PHASE_TO(ELECTION_WAITING),
        [ELECTION_WAITING] = PHASE_TO(ELECTION_SAVING) | PHASE_TO(ELECTION_IDLE),
        [ELECTION_SAVING] =
            PHASE_TO(ELECTION_ASKING) | PHASE_TO(ELECTION_IDLE) | PHASE_TO(ELECTION_WAITING),
        [ELECTION_ASKING] = PHASE_TO(ELECTION_WAITING) | PHASE_TO(ELECTION_IDLE),
    };

    ASSERT((allowed[c->election.phase] & PHASE_TO(to)) != 0);
    c->election.phase = to;
}

static const char *reason_text(enum election_reason reason)
{
    switch (reason) {
    case ELECTION_NONE:
        return "nothing is to be replaced";
    case ELECTION_FAILED:
        return "the primary has failed";
    case ELECTION_AGREED:
        return "the primary agrees";
    case ELECTION_FORCED:
        return "an operator insists";
    case ELECTION_CONFIRM:
        return "there was a vote to replace us";
    }
    ASSERT(false);
    return "";
}

static enum election_reason find_reason(const struct cluster *c)
{
    const struct cluster_node *primary = nodes_primary_of(c, c->me);

    if (node_is_primary(c->me)) {
        return lease_needs_confirmation(c) && facts_is_complete(c) ? ELECTION_CONFIRM
                                                                   : ELECTION_NONE;
    }
    if (primary == NULL || primary->slot_count == 0 || !facts_is_complete(c)) {
        return ELECTION_NONE;
    }
    if (c->manual.phase == MANUAL_READY) {
        return ELECTION_AGREED;
    }
    if (c->manual.phase == MANUAL_FORCED) {
        return ELECTION_FORCED;
    }
    if (c->manual.phase != MANUAL_IDLE || !facts_is_eligible(c)) {
        return ELECTION_NONE;
    }
    if (primary->is_failed) {
        return ELECTION_FAILED;
    }
    if (primary->has_answered && node_is_reachable(primary) && !primary->is_complete) {
        return ELECTION_AGREED; /* it has lost its data, we have ours */
    }
    return ELECTION_NONE;
}

/* Of equals the one with the smaller id goes first: two at once would split the votes. */
static bool is_ahead(const struct cluster *c, const struct cluster_node *sibling)
{
    ASSERT(sibling != c->me);
    return sibling->offset > c->status.offset ||
           (sibling->offset == c->status.offset &&
            memcmp(sibling->id.text, c->me->id.text, CLUSTER_ID_LEN) < 0);
}

/* How many siblings that could stand are ahead of us.  Offsets of different histories do not
 * compare strictly, but whoever has the greater one has mostly followed for longer. */
static unsigned find_rank(const struct cluster *c)
{
    unsigned rank = 0;

    ASSERT(!node_is_primary(c->me));
    for (size_t i = 1; i < c->nodes.count; i++) {
        const struct cluster_node *node = c->nodes.items[i];

        if (cluster_id_equal(&node->primary, &c->me->primary) && node_is_reachable(node) &&
            node->is_eligible && is_ahead(c, node)) {
            rank++;
        }
    }
    return rank;
}

static int64_t random_below_ms(struct cluster *c, int64_t bound_ms)
{
    ASSERT(bound_ms >= 0);
    return (int64_t)rng_below(&c->rng, (uint64_t)bound_ms + 1);
}

/* Whoever is behind lets the others go first; when the primary asks to be replaced there is time
 * enough for a whole election. */
static int64_t rank_delay_ms(const struct cluster *c)
{
    int64_t step_ms = c->election.reason == ELECTION_AGREED ? 2 * c->config.node_timeout_ms
                                                            : cluster_timeout_part(c, 5);

    return (int64_t)c->election.rank * step_ms;
}

static void schedule(struct cluster *c, enum election_reason reason)
{
    struct election *e = &c->election;
    int64_t delay_ms = 0;

    ASSERT(reason != ELECTION_NONE);
    e->reason = reason;
    e->rank = 0;
    e->retries = 0;
    e->is_subject_contested = false;
    e->own_epoch = 0;
    if (reason == ELECTION_FAILED ||
        (reason == ELECTION_AGREED && c->manual.phase == MANUAL_IDLE)) {
        e->rank = find_rank(c);
        delay_ms = random_below_ms(c, cluster_timeout_part(c, 10)) + rank_delay_ms(c);
    } else if (reason == ELECTION_CONFIRM) {
        /* Whoever was voted for has its chance to show first. */
        delay_ms = c->config.node_timeout_ms + random_below_ms(c, cluster_timeout_part(c, 2));
    }
    e->at = mono_add_ms(c->now, delay_ms);
    move(c, ELECTION_WAITING);
    emit_log(c, LOG_VERBOSE, "standing for election: %s", reason_text(reason));
}

static bool has_voted(const struct cluster *c, const struct cluster_node *node)
{
    ASSERT(node != c->me);
    return node_is_voter(node) && node->vote_epoch == c->election.epoch;
}

/* Each round of asking renews the voters' word to us.  Two candidates that split the voters would
 * block each other for ever if neither paused for longer than that word lasts. */
static void retry(struct cluster *c)
{
    struct election *e = &c->election;
    size_t votes = 0;
    int64_t bound_ms =
        e->retries < RETRIES_AT_ONCE ? cluster_timeout_part(c, 5) : 3 * c->config.node_timeout_ms;

    ASSERT(e->phase == ELECTION_ASKING);
    for (size_t i = 1; i < c->nodes.count; i++) {
        votes += has_voted(c, c->nodes.items[i]) ? 1 : 0;
    }
    emit_log(c, LOG_VERBOSE, "not elected in epoch %" PRIu64 ": %zu votes of %zu voters", e->epoch,
             votes, nodes_count_voters(c));
    move(c, ELECTION_WAITING);
    e->retries++;
    e->at = mono_add_ms(c->now, random_below_ms(c, bound_ms) + rank_delay_ms(c));
}

/* Whom the election would replace: our primary, or ourselves for a confirmation. */
static const struct cluster_node *subject_of(const struct cluster *c)
{
    return c->election.reason == ELECTION_CONFIRM ? c->me : nodes_primary_of(c, c->me);
}

/* Votes in our own election before do not count against the subject: we know that we did not
 * win. */
static void note_contest(struct cluster *c)
{
    struct election *e = &c->election;
    const struct cluster_node *subject = subject_of(c);
    uint64_t contested = subject != NULL ? node_contested_epoch(subject) : 0;

    ASSERT(e->epoch == c->current_epoch);
    if (contested != 0 && contested != e->own_epoch) {
        e->is_subject_contested = true;
    }
    e->own_epoch = e->epoch;
}

static void start(struct cluster *c)
{
    struct election *e = &c->election;

    ASSERT(e->phase == ELECTION_WAITING);
    for (size_t i = 0; i < c->nodes.count; i++) {
        c->nodes.items[i]->vote_epoch = 0;
    }
    e->epoch = ++c->current_epoch;
    e->sequence = c->file_sequence + 1;
    e->rounds = 0;
    note_contest(c);
    nodes_changed(c);
    move(c, ELECTION_SAVING);
    c->stats.elections_started++;
    emit_log(c, LOG_NOTICE, "asking for votes in epoch %" PRIu64 ", rank %u, offset %" PRIu64,
             e->epoch, e->rank, c->status.offset);
}

static void ask(struct cluster *c)
{
    const struct cluster_node *subject = subject_of(c);

    ASSERT(c->election.phase == ELECTION_ASKING);
    ASSERT(subject != NULL);
    for (size_t i = 1; i < c->nodes.count; i++) {
        struct cluster_node *node = c->nodes.items[i];

        if (node_is_voter(node) && node->vote_epoch != c->election.epoch) {
            bus_send_vote_request(c, node, subject);
        }
    }
    c->election.rounds++;
    c->election.at = mono_add_ms(c->now, cluster_timeout_part(c, 10));
}

void election_on_saved(struct cluster *c)
{
    struct election *e = &c->election;

    if (e->phase == ELECTION_SAVING && c->file_written >= e->sequence) {
        move(c, ELECTION_ASKING);
        e->deadline = mono_add_ms(c->now, c->config.node_timeout_ms);
        if (subject_of(c) == NULL) {
            move(c, ELECTION_IDLE);
        } else {
            ask(c);
        }
    }
    ASSERT(e->phase != ELECTION_SAVING || c->file_written < e->sequence);
}

/* Votes are grants of the lease, but only all of them together: before the election is won,
 * somebody else may hold the others. */
static void take_votes_as_grants(struct cluster *c)
{
    ASSERT(c->election.phase == ELECTION_ASKING);
    for (size_t i = 1; i < c->nodes.count; i++) {
        struct cluster_node *node = c->nodes.items[i];

        if (node->vote_epoch == c->election.epoch) {
            lease_take_vote(c, node, node->vote_sent_us);
        }
    }
}

static void win(struct cluster *c)
{
    uint64_t epoch = c->election.epoch;

    ASSERT(c->election.phase == ELECTION_ASKING);
    ASSERT(epoch <= c->current_epoch);
    c->stats.elections_won++;
    take_votes_as_grants(c);
    c->me->word.blocked_until = MONO_LONG_AGO; /* whom we voted for before has been outvoted */
    if (c->election.reason == ELECTION_CONFIRM) {
        emit_log(c, LOG_NOTICE, "confirmed as primary in epoch %" PRIu64, epoch);
        role_set_config_epoch(c, epoch);
    } else {
        role_take_over(c, epoch);
    }
    move(c, ELECTION_IDLE);
}

/* Rule (6) of cluster.h: a voter that may have been replaced does not count.  For the one that is
 * to be replaced here that means: by somebody else. */
static bool counts(const struct cluster *c, const struct cluster_node *node,
                   const struct cluster_node *subject)
{
    bool is_contested =
        node == subject ? c->election.is_subject_contested : node_contested_epoch(node) != 0;

    return has_voted(c, node) && !is_contested;
}

/* With every voter's word nobody is left who could have let somebody else take a voter's place, and
 * be heard of by none of them.  It is the way out when many are contested at once. */
static bool is_wanted_by_all(const struct cluster *c)
{
    size_t voters = 0;

    for (size_t i = 1; i < c->nodes.count; i++) {
        const struct cluster_node *node = c->nodes.items[i];

        if (node_is_voter(node) && !has_voted(c, node)) {
            return false;
        }
        voters += node_is_voter(node) ? 1 : 0;
    }
    return voters > 0;
}

static void count_votes(struct cluster *c)
{
    const struct cluster_node *subject = subject_of(c);
    size_t votes = 0;

    ASSERT(c->election.phase == ELECTION_ASKING);
    if (subject == NULL) {
        return;
    }
    for (size_t i = 1; i < c->nodes.count; i++) {
        votes += counts(c, c->nodes.items[i], subject) ? 1 : 0;
    }
    if (votes < nodes_majority(c) && !is_wanted_by_all(c)) {
        return;
    }
    /* With its agreement means with its vote: that ends its lease. */
    if (c->election.reason == ELECTION_AGREED && subject->vote_epoch != c->election.epoch) {
        return;
    }
    win(c);
}

/* Has this voter voted for somebody else in the same place before? */
static void note_other_votes(struct cluster *c, const struct frame *vote)
{
    const struct cluster_node *subject = subject_of(c);
    struct gossip_reader reader = gossip_read(vote->body);
    struct gossip_entry entry;

    ASSERT(vote->type == FRAME_VOTE);
    ASSERT(c->election.phase == ELECTION_ASKING);
    if (subject != NULL && cluster_id_equal(&vote->sender, &subject->id) &&
        vote->voted_epoch != 0) {
        c->election.is_subject_contested = true;
    }
    while (subject != NULL && gossip_next(&reader, &entry)) {
        if (cluster_id_equal(&entry.id, &subject->id) && entry.contested_epoch != 0 &&
            !cluster_id_equal(&vote->sender, &subject->id)) {
            c->election.is_subject_contested = true;
        }
    }
}

void election_take_vote(struct cluster *c, struct cluster_node *voter, const struct frame *vote)
{
    ASSERT(vote->type == FRAME_VOTE);
    ASSERT(voter != c->me);
    if (c->election.phase != ELECTION_ASKING || vote->subject_epoch != c->election.epoch ||
        !cluster_id_equal(&vote->subject, &c->me->id) || !node_is_voter(voter)) {
        return;
    }
    voter->vote_epoch = vote->subject_epoch;
    voter->vote_sent_us = vote->echo_us;
    note_other_votes(c, vote);
    count_votes(c);
}

static void tick_asking(struct cluster *c)
{
    struct election *e = &c->election;
    bool is_overtaken = c->current_epoch > e->epoch && e->rounds > 2;

    ASSERT(c->file_written >= e->sequence);
    if (!mono_is_due(e->at, c->now)) {
        return;
    }
    if (is_overtaken || mono_is_due(e->deadline, c->now)) {
        retry(c);
        return;
    }
    ask(c);
}

/* What it was about is over, or another reason has come. */
static void stand_down(struct cluster *c, enum election_reason reason)
{
    ASSERT(reason != c->election.reason);
    emit_log(c, LOG_VERBOSE, "standing for election no longer: %s", reason_text(reason));
    move(c, ELECTION_IDLE);
}

void election_tick(struct cluster *c)
{
    struct election *e = &c->election;
    enum election_reason reason = find_reason(c);

    if (e->phase != ELECTION_IDLE && reason != e->reason) {
        stand_down(c, reason);
    }
    if (reason == ELECTION_NONE) {
        return;
    }
    switch (e->phase) {
    case ELECTION_IDLE:
        schedule(c, reason);
        if (!mono_is_due(e->at, c->now)) {
            break;
        }
        start(c);
        break;
    case ELECTION_WAITING:
        if (mono_is_due(e->at, c->now)) {
            start(c);
        } else if (reason == ELECTION_FAILED && find_rank(c) > e->rank) {
            /* Others turned out to be ahead. */
            e->at = mono_add_ms(e->at, cluster_timeout_part(c, 5));
            e->rank++;
        }
        break;
    case ELECTION_SAVING:
        break;
    case ELECTION_ASKING:
        tick_asking(c);
        break;
    }
}

void election_settle(struct cluster *c)
{
    enum election_reason reason = find_reason(c);

    if (c->election.phase != ELECTION_IDLE && reason != c->election.reason) {
        stand_down(c, reason);
    }
    ASSERT(c->election.phase == ELECTION_IDLE || c->election.reason == reason);
}

struct mono_time election_wake_at(const struct cluster *c)
{
    switch (c->election.phase) {
    case ELECTION_WAITING:
    case ELECTION_ASKING:
        return c->election.at;
    case ELECTION_IDLE:
    case ELECTION_SAVING:
        break;
    }
    return MONO_NEVER;
}

void election_check(const struct cluster *c)
{
    const struct election *e = &c->election;

    if (e->phase == ELECTION_IDLE) {
        return;
    }
    ASSERT(e->reason != ELECTION_NONE);
    ASSERT((e->reason == ELECTION_CONFIRM) == node_is_primary(c->me));
    ASSERT(e->epoch <= c->current_epoch);
    ASSERT(e->phase != ELECTION_SAVING || c->file_written < e->sequence);
    ASSERT(e->phase != ELECTION_ASKING || c->file_written >= e->sequence);
    ASSERT(e->phase != ELECTION_ASKING || e->epoch > 0);
    ASSERT(e->phase != ELECTION_ASKING || e->rounds > 0);
    for (size_t i = 0; i < c->nodes.count; i++) {
        ASSERT(c->nodes.items[i]->vote_epoch <= e->epoch);
    }
}
