/* SPDX-License-Identifier: MIT */
/* The lease's end is the majority-th newest of the voters' grants; our own counts for ever. */
#include "cluster/lease.h"

#include "base/assert.h"
#include "cluster/emit.h"
#include "cluster/facts.h"
#include "cluster/slots.h"

#include <stdlib.h>

/* What a grant is good for, of the node timeout that it was asked with. */
#define GRANT_MS(timeout_ms) ((timeout_ms)*9 / 10)

/* Why the sender, which asks for its lease, is to have none from us; NULL: it is to have it. */
static const char *find_objection(const struct cluster *c, const struct cluster_node *sender,
                                  const struct frame *ping)
{
    ASSERT(node_is_voter(c->me) && node_is_voter(sender));
    if (!slots_agree(sender, ping->slots)) {
        return "it claims slots of others";
    }
    if ((ping->flags & FRAME_COMPLETE) == 0) {
        return "its data is not complete"; /* it could not use it, and is to be replaced soon */
    }
    if (node_contested_epoch(sender) != 0) {
        return "there was a vote to replace it"; /* rule (4) of cluster.h */
    }
    if (!mono_is_due(sender->word.blocked_until, c->now)) {
        return "another node may have its slots";
    }
    if (!mono_is_due(sender->word.withheld_until, c->now)) {
        return "an operator forces its replacement";
    }
    return NULL;
}

static bool asks_for_lease(const struct cluster *c, const struct cluster_node *sender,
                           const struct frame *ping)
{
    return ping->type == FRAME_PING && node_is_voter(c->me) && node_is_voter(sender) &&
           (ping->flags & FRAME_PRIMARY) != 0 && ping->timeout_ms <= CLUSTER_NODE_TIMEOUT_MAX_MS;
}

/* Pings are many: what changes is told. */
static void log_answer(struct cluster *c, struct cluster_node *sender, const char *objection)
{
    const char *answer = objection != NULL ? objection : "granted";

    ASSERT(sender != c->me);
    if (sender->lease_answer == answer) {
        return;
    }
    sender->lease_answer = answer;
    emit_log(c, LOG_VERBOSE, "%s for node %s%s%s", objection == NULL ? "lease" : "no lease",
             sender->id.text, objection == NULL ? "" : ": ", objection == NULL ? "" : objection);
}

void lease_block(const struct cluster *c, struct cluster_node *primary, int64_t timeout_ms)
{
    struct mono_time until = mono_add_ms(c->now, timeout_ms);

    ASSERT(timeout_ms >= 0 && timeout_ms <= CLUSTER_NODE_TIMEOUT_MAX_MS);
    if (mono_is_before(primary->word.blocked_until, until)) {
        primary->word.blocked_until = until;
    }
}

void lease_promise(const struct cluster *c, struct cluster_node *primary, int64_t timeout_ms)
{
    struct mono_time until = mono_add_ms(c->now, timeout_ms);

    ASSERT(timeout_ms >= 0 && timeout_ms <= CLUSTER_NODE_TIMEOUT_MAX_MS);
    if (mono_is_before(primary->word.promised_until, until)) {
        primary->word.promised_until = until;
    }
}

bool lease_grant(struct cluster *c, struct cluster_node *sender, const struct frame *ping)
{
    const char *objection;

    ASSERT(cluster_id_equal(&sender->id, &ping->sender));
    ASSERT(sender != c->me);
    if (!asks_for_lease(c, sender, ping)) {
        return false;
    }
    objection = find_objection(c, sender, ping);
    log_answer(c, sender, objection);
    if (objection != NULL) {
        return false;
    }
    lease_promise(c, sender, ping->timeout_ms);
    return true;
}

static void take_grant(struct cluster *c, struct cluster_node *voter, int64_t sent_us)
{
    struct mono_time sent = {.us = sent_us};
    struct mono_time until = mono_add_ms(sent, GRANT_MS(c->config.node_timeout_ms));

    ASSERT(voter != c->me);
    /* Not a time at which this process could have asked; or it asked for another length. */
    if (sent.us > c->now.us || sent.us < c->started_at.us ||
        mono_is_due(sent, c->timeout_changed_at)) {
        return;
    }
    if (mono_is_before(voter->granted_until, until)) {
        voter->granted_until = until;
        c->is_lease_stale = true;
    }
}

void lease_take_answer(struct cluster *c, struct cluster_node *voter, const struct frame *pong)
{
    ASSERT(pong->type == FRAME_PONG);
    ASSERT(cluster_id_equal(&pong->subject, &c->me->id));
    if (pong->voted_epoch > c->me->word.contested_epoch) {
        c->me->word.contested_epoch = pong->voted_epoch;
    }
    if ((pong->flags & FRAME_GRANTED) != 0 && node_is_primary(c->me)) {
        take_grant(c, voter, pong->echo_us);
    }
}

void lease_take_vote(struct cluster *c, struct cluster_node *voter, int64_t sent_us)
{
    ASSERT(voter->vote_epoch == c->election.epoch);
    take_grant(c, voter, sent_us);
}

void lease_forget(struct cluster *c)
{
    for (size_t i = 0; i < c->nodes.count; i++) {
        c->nodes.items[i]->granted_until = MONO_LONG_AGO;
    }
    c->is_lease_stale = true;
}

static int newest_first(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a;
    const int64_t y = *(const int64_t *)b;

    return (x < y) - (x > y);
}

/* The only voter asks nobody; but after a restart others may know of a newer owner, so it
 * waits until each has been heard, or for as long as they would need to be heard. */
static struct mono_time lease_of_only_voter(const struct cluster *c)
{
    ASSERT(node_is_voter(c->me));
    if (!c->is_restarted ||
        mono_is_due(mono_add_ms(c->started_at, c->config.node_timeout_ms), c->now)) {
        return MONO_NEVER;
    }
    for (size_t i = 1; i < c->nodes.count; i++) {
        if (!c->nodes.items[i]->has_answered) {
            return MONO_LONG_AGO;
        }
    }
    return MONO_NEVER;
}

static struct mono_time compute_end(const struct cluster *c)
{
    int64_t ends[CLUSTER_NODES_MAX];
    size_t count = 0;
    size_t voters = 1;

    /* Others' votes to replace us show in what they no longer grant. */
    if (!node_is_voter(c->me) ||
        (c->me->word.voted_against != 0 && c->me->config_epoch <= c->me->word.voted_against)) {
        return MONO_LONG_AGO;
    }
    for (size_t i = 1; i < c->nodes.count; i++) {
        const struct cluster_node *node = c->nodes.items[i];

        if (node_is_voter(node)) {
            voters++;
            /* Rule (6): it may have been replaced already. */
            ends[count++] =
                node_contested_epoch(node) != 0 ? MONO_LONG_AGO.us : node->granted_until.us;
        }
    }
    if (voters == 1) {
        return lease_of_only_voter(c);
    }
    ASSERT(count < CLUSTER_NODES_MAX && voters == count + 1);
    qsort(ends, count, sizeof(ends[0]), newest_first);
    /* A majority is voters / 2 + 1, of which we are one. */
    return (struct mono_time){.us = ends[voters / 2 - 1]};
}

static const char *why_lost(const struct cluster *c)
{
    if (!facts_is_complete(c)) {
        return "our data is not complete";
    }
    if (!mono_is_due(c->me->word.blocked_until, c->now)) {
        return "we voted to be replaced";
    }
    if (c->file_written < c->hold_sequence) {
        return "our state has to be on disk first";
    }
    return "no majority of voters has answered";
}

void lease_update(struct cluster *c)
{
    bool has_lease;

    if (c->is_lease_stale || !mono_is_before(c->now, c->lease_end)) {
        c->lease_end = compute_end(c);
        c->is_lease_stale = false;
    }
    has_lease = cluster_has_lease(c, c->now);
    if (c->had_lease && !has_lease && node_is_voter(c->me)) {
        c->stats.lease_losses++;
        emit_log(c, LOG_WARNING, "the lease has run out: %s", why_lost(c));
    } else if (!c->had_lease && has_lease) {
        emit_log(c, LOG_VERBOSE, "the lease is held");
    }
    c->had_lease = has_lease;
    ASSERT(!c->is_lease_stale);
}

bool cluster_has_lease(const struct cluster *cluster, struct mono_time now)
{
    const struct cluster *c = cluster;

    return node_is_voter(c->me) && mono_is_before(now, c->lease_end) &&
           c->file_written >= c->hold_sequence && mono_is_due(c->me->word.blocked_until, now) &&
           facts_is_complete(c);
}

bool lease_needs_confirmation(const struct cluster *c)
{
    return node_is_voter(c->me) && node_contested_epoch(c->me) != 0;
}

static void check_word(const struct cluster *c, const struct voter_word *word)
{
    struct mono_time bound = mono_add_ms(c->now, CLUSTER_NODE_TIMEOUT_MAX_MS);

    ASSERT(!mono_is_before(bound, word->promised_until));
    ASSERT(!mono_is_before(bound, word->blocked_until));
    ASSERT(!mono_is_before(mono_add_ms(bound, CLUSTER_NODE_TIMEOUT_MAX_MS), word->withheld_until));
    ASSERT(!mono_is_before(c->now, word->voted_at));
}

void lease_check(const struct cluster *c)
{
    struct mono_time grant_bound = mono_add_ms(c->now, GRANT_MS(CLUSTER_NODE_TIMEOUT_MAX_MS));

    for (size_t i = 0; i < c->nodes.count; i++) {
        ASSERT(!mono_is_before(grant_bound, c->nodes.items[i]->granted_until));
        check_word(c, &c->nodes.items[i]->word);
    }
    ASSERT(!c->had_lease || node_is_voter(c->me));
    ASSERT(!c->had_lease || c->file_written >= c->hold_sequence);
    ASSERT(!c->had_lease || facts_is_complete(c));
}
