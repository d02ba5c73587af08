/* SPDX-License-Identifier: MIT */
/* The rules are a list of checks; each gives its reason for a refusal, or NULL. */
#include "cluster/vote.h"

#include "base/assert.h"
#include "base/bitset.h"
#include "cluster/bus.h"
#include "cluster/emit.h"
#include "cluster/facts.h"
#include "cluster/lease.h"
#include "cluster/nodes.h"

#include <inttypes.h>
#include <string.h>

enum {
    WITHHOLD_TIMEOUTS = 2 /* how long a forced replacement stops leases to the primary */
};

struct asking {
    struct cluster_link link;
    struct cluster_node *candidate;
    struct cluster_node *primary; /* whom it would replace; itself for a confirmation */
    const struct frame *request;
};

static bool is_confirmation(const struct asking *a)
{
    return a->candidate == a->primary;
}

static const char *check_standing(struct cluster *c, const struct asking *a)
{
    if (!node_is_voter(c->me)) {
        return "this node is no voter";
    }
    if (a->primary == NULL) {
        return "the primary is unknown here";
    }
    if (!is_confirmation(a) && !cluster_id_equal(&a->candidate->primary, &a->primary->id)) {
        return "the candidate is no replica of that primary";
    }
    return NULL;
}

static const char *check_epoch(struct cluster *c, const struct asking *a)
{
    ASSERT(c->last_vote_epoch <= c->current_epoch);
    if (a->request->subject_epoch <= c->last_vote_epoch) {
        return "the vote of that epoch is given";
    }
    if (a->request->subject_epoch > c->current_epoch) {
        return "that epoch is not known here";
    }
    return NULL;
}

/* Rules (5) and (7) of cluster.h. */
static const char *check_memory(struct cluster *c, const struct asking *a)
{
    struct mono_time end = mono_add_ms(c->forgot_at, c->config.node_timeout_ms);
    struct mono_time heir_end = mono_add_ms(c->took_over_at, c->config.node_timeout_ms);

    ASSERT(a->primary != NULL);
    if (mono_is_before(c->now, end)) {
        return "this voter restarted or was reset just now";
    }
    if ((a->request->flags & FRAME_AGREED) == 0 && !is_confirmation(a) &&
        mono_is_before(c->now, heir_end)) {
        return "this voter took over just now";
    }
    return NULL;
}

static const char *check_candidate(struct cluster *c, const struct asking *a)
{
    ASSERT(a->request->type == FRAME_VOTE_REQUEST);
    (void)c;
    if (a->request->timeout_ms > CLUSTER_NODE_TIMEOUT_MAX_MS) {
        return "the candidate's node timeout is not possible";
    }
    if (!is_confirmation(a) && (a->request->flags & FRAME_COMPLETE) == 0) {
        return "the candidate's data is not complete";
    }
    return NULL;
}

/* Of those that could take over from us the one with most data comes first; of equals the
 * smaller id.  They order themselves in the same way. */
static bool is_best_heir(const struct cluster *c, const struct cluster_node *candidate)
{
    ASSERT(candidate != c->me);
    ASSERT(node_is_primary(c->me));
    for (size_t i = 1; i < c->nodes.count; i++) {
        const struct cluster_node *node = c->nodes.items[i];

        if (node != candidate && cluster_id_equal(&node->primary, &c->me->id) &&
            node_is_reachable(node) && node->has_answered && node->is_eligible &&
            (node->offset > candidate->offset ||
             (node->offset == candidate->offset &&
              memcmp(node->id.text, candidate->id.text, CLUSTER_ID_LEN) < 0))) {
            return false;
        }
    }
    return true;
}

/* We would replace ourselves: only for whom we agreed with, or at an operator's word. */
static const char *check_own_agreement(struct cluster *c, const struct asking *a)
{
    bool is_paused_for_it =
        c->manual.phase == MANUAL_PAUSED && cluster_id_equal(&c->manual.peer, &a->candidate->id);

    ASSERT(a->primary == c->me);
    /* If we agreed with another one before, it may have won unheard of.  Our vote says so, and
     * then does not count among the majority: the others' votes alone decide. */
    if ((a->request->flags & FRAME_FORCED) != 0 || is_paused_for_it) {
        return NULL;
    }
    if (facts_is_complete(c)) {
        return "this primary works";
    }
    return is_best_heir(c, a->candidate) ? NULL : "another replica comes first";
}

static const char *check_primary(struct cluster *c, const struct asking *a)
{
    ASSERT(a->primary != NULL);
    if (is_confirmation(a)) {
        return NULL;
    }
    if (a->primary == c->me) {
        return check_own_agreement(c, a);
    }
    if ((a->request->flags & FRAME_AGREED) != 0) {
        return NULL; /* it counts only together with the primary's own vote */
    }
    if ((a->request->flags & FRAME_FORCED) != 0) {
        a->primary->word.withheld_until =
            mono_add_ms(c->now, WITHHOLD_TIMEOUTS * c->config.node_timeout_ms);
    } else if (!a->primary->is_failed) {
        return "the primary has not failed";
    }
    if (mono_is_before(c->now, a->primary->word.promised_until)) {
        return "the primary's lease has not run out";
    }
    return NULL;
}

/* Whoever we voted for has our word for a node timeout. */
static const char *check_other_vote(struct cluster *c, const struct asking *a)
{
    struct mono_time end = mono_add_ms(a->primary->word.voted_at, c->config.node_timeout_ms);

    if (mono_is_before(c->now, end) &&
        !cluster_id_equal(&a->primary->word.voted_for, &a->candidate->id)) {
        return "another candidate was voted for just now";
    }
    return NULL;
}

static const char *check_claim(struct cluster *c, const struct asking *a)
{
    for (uint32_t slot = 0; slot < SLOT_COUNT; slot++) {
        const struct cluster_node *owner = c->owner[slot];

        if (owner == NULL || !bitset_has(a->request->slots, slot)) {
            continue;
        }
        if (owner->config_epoch > a->request->config_epoch) {
            bus_send_update(c, a->link, owner);
            return "a claimed slot has a newer owner";
        }
        /* Which of the two is newer they have to find out between them. */
        if (owner != a->primary && owner->config_epoch == a->request->config_epoch) {
            return "a claimed slot has another owner in the same epoch";
        }
    }
    return NULL;
}

static const char *check_siblings(struct cluster *c, const struct asking *a)
{
    if (is_confirmation(a) || (a->request->flags & (FRAME_FORCED | FRAME_AGREED)) != 0) {
        return NULL;
    }
    for (size_t i = 1; i < c->nodes.count; i++) {
        const struct cluster_node *node = c->nodes.items[i];

        if (node != a->candidate && cluster_id_equal(&node->primary, &a->primary->id) &&
            node_is_reachable(node) && node->has_answered && node->is_eligible &&
            history_id_equal(&node->history, &a->request->history) &&
            node->offset > a->request->offset) {
            return "a reachable sibling has more data";
        }
    }
    return NULL;
}

static const char *find_objection(struct cluster *c, const struct asking *a)
{
    static const char *(*const checks[])(struct cluster *, const struct asking *) = {
        check_standing, check_epoch,      check_memory, check_candidate,
        check_primary,  check_other_vote, check_claim,  check_siblings,
    };

    ASSERT(!c->vote.is_held || c->vote.epoch == c->last_vote_epoch);
    for (size_t i = 0; i < ARRAY_COUNT(checks); i++) {
        const char *objection = checks[i](c, a);

        if (objection != NULL) {
            return objection;
        }
    }
    return NULL;
}

static void give(struct cluster *c, const struct asking *a)
{
    uint64_t contested_before = node_contested_epoch(a->primary);

    ASSERT(node_is_voter(c->me));
    ASSERT(a->request->subject_epoch > c->last_vote_epoch);
    ASSERT(a->candidate != c->me);
    if (cluster_id_equal(&a->primary->word.voted_for, &a->candidate->id) &&
        a->primary->word.voted_against == contested_before) {
        contested_before = 0; /* that was for the same candidate: it knows that it did not win */
    }
    c->last_vote_epoch = a->request->subject_epoch;
    if (!is_confirmation(a)) {
        a->primary->word.voted_against = a->request->subject_epoch;
        lease_block(c, a->primary, a->request->timeout_ms);
    }
    /* The vote is the first grant of the candidate's lease: the promise that goes with one. */
    lease_promise(c, a->candidate, a->request->timeout_ms);
    /* Whatever put it out of its place before, now it is to have one. */
    a->candidate->word.withheld_until = MONO_LONG_AGO;
    a->candidate->word.blocked_until = MONO_LONG_AGO;
    a->primary->word.voted_at = c->now;
    a->primary->word.voted_for = a->candidate->id;
    c->vote = (struct held_vote){
        .is_held = true,
        .sequence = c->file_sequence + 1,
        .epoch = a->request->subject_epoch,
        .echo_us = a->request->sent_us,
        .link = a->link,
        .candidate = a->candidate->id,
        .primary = a->primary->id,
        .contested_before = contested_before,
    };
    c->is_lease_stale = true;
    c->stats.votes_given++;
    nodes_changed(c);
    emit_log(c, LOG_NOTICE, "voting for node %s in epoch %" PRIu64, a->candidate->id.text,
             a->request->subject_epoch);
}

/* The same question again: the answer was lost, or is still on its way to disk. */
static bool is_repeated(const struct cluster *c, const struct asking *a)
{
    return a->request->subject_epoch == c->vote.epoch &&
           cluster_id_equal(&a->candidate->id, &c->vote.candidate);
}

void vote_take_request(struct cluster *c, struct cluster_link link, struct cluster_node *candidate,
                       const struct frame *request)
{
    struct asking a = {
        .link = link,
        .candidate = candidate,
        .primary = nodes_find(c, &request->subject),
        .request = request,
    };
    const char *objection;

    ASSERT(candidate != c->me);
    ASSERT(request->type == FRAME_VOTE_REQUEST);
    if (is_repeated(c, &a)) {
        if (!c->vote.is_held) {
            c->vote.link = link;
            bus_send_vote(c, &c->vote);
        }
        return;
    }
    objection = find_objection(c, &a);
    if (objection != NULL) {
        emit_log(c, LOG_VERBOSE, "no vote for node %s in epoch %" PRIu64 ": %s", candidate->id.text,
                 request->subject_epoch, objection);
        return;
    }
    give(c, &a);
}

void vote_on_saved(struct cluster *c)
{
    if (c->vote.is_held && c->file_written >= c->vote.sequence) {
        c->vote.is_held = false;
        bus_send_vote(c, &c->vote);
    }
}

void vote_check(const struct cluster *c)
{
    ASSERT(c->last_vote_epoch <= c->current_epoch);
    ASSERT(c->vote.epoch <= c->last_vote_epoch);
    ASSERT(!c->vote.is_held || c->file_written < c->vote.sequence);
    ASSERT(!c->vote.is_held || !cluster_id_is_none(&c->vote.candidate));
    ASSERT(c->vote.sequence <= c->file_sequence + 1);
}
