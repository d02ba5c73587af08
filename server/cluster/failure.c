/* SPDX-License-Identifier: MIT */
/* A node that does not answer for node_timeout looks failing to us; it has failed when a
 * majority of the council says so within twice that time. */
#include "cluster/failure.h"

#include "base/assert.h"
#include "cluster/bus.h"
#include "cluster/emit.h"
#include "cluster/facts.h"
#include "cluster/nodes.h"

enum {
    REPORT_VALID_TIMEOUTS = 2,
    UNDO_TIMEOUTS = 2, /* a failed primary that is back, and that nobody replaced */
    REJOIN_MIN_MS = 50,
    REJOIN_MAX_MS = 1000,
    COVER_STILL_MS = 500, /* who has just joined has heard of all slots by then */
};

static bool is_report_valid(const struct cluster *c, const struct failure_report *report,
                            struct mono_time now)
{
    return mono_ms_between(report->at, now) <= REPORT_VALID_TIMEOUTS * c->config.node_timeout_ms;
}

size_t failure_count_reports(const struct cluster *c, const struct cluster_node *node,
                             struct mono_time now)
{
    size_t count = 0;

    ASSERT(node->reports.count <= c->nodes.count);
    for (size_t i = 0; i < node->reports.count; i++) {
        const struct failure_report *report = &node->reports.items[i];
        const struct cluster_node *reporter = nodes_find(c, &report->reporter);

        if (reporter != NULL && facts_is_member(c, reporter) && is_report_valid(c, report, now)) {
            count++;
        }
    }
    return count;
}

void failure_take_report(struct cluster *c, const struct cluster_node *reporter,
                         struct cluster_node *node, bool is_unreachable)
{
    struct failure_report report = {.reporter = reporter->id, .at = c->now};

    ASSERT(reporter != node);
    ASSERT(node != c->me);
    ASSERT(!node->is_in_handshake);
    for (size_t i = node->reports.count; i-- > 0;) {
        if (cluster_id_equal(&node->reports.items[i].reporter, &reporter->id)) {
            VEC_REMOVE_AT(&node->reports, i);
        }
    }
    if (is_unreachable && facts_is_member(c, reporter)) {
        VEC_PUSH(&node->reports, report);
    }
    if (is_unreachable && node->is_failing) {
        c->is_tick_wanted = true;
    }
    ASSERT(node->reports.count <= c->nodes.count);
}

void failure_mark_failed(struct cluster *c, struct cluster_node *node)
{
    ASSERT(!node->is_in_handshake);
    ASSERT(node != c->me);
    if (node->is_failed) {
        return;
    }
    nodes_set_health(c, node, NODE_FAILED);
    node->failed_at = c->now;
    emit_log(c, LOG_NOTICE, "node %s has failed: a majority cannot reach it", node->id.text);
    if (cluster_id_equal(&c->me->primary, &node->id)) {
        const char *why_not = facts_why_not_eligible(c);

        emit_log(c, LOG_NOTICE, "it is our primary; this replica can%s take over%s%s",
                 why_not == NULL ? "" : "not", why_not == NULL ? "" : ": ",
                 why_not == NULL ? "" : why_not);
    }
    c->is_routing_changed = true;
    c->is_tick_wanted = true;
    ASSERT(!node->is_failing);
}

static void suspect(struct cluster *c, struct cluster_node *node)
{
    ASSERT(node != c->me && !node->is_in_handshake);
    ASSERT(!node->is_failing && !node->is_failed);
    nodes_set_health(c, node, NODE_FAILING);
    emit_log(c, LOG_VERBOSE, "node %s does not answer", node->id.text);
    bus_announce_to_council(c);
}

static void judge(struct cluster *c, struct cluster_node *node)
{
    const struct seat_set *members = &council_seats(c->council)->members;
    size_t reports =
        failure_count_reports(c, node, c->now) + (council_is_member(c->council) ? 1 : 0);

    ASSERT(node->is_failing);
    if (members->count > 0 && reports >= seat_set_majority(members)) {
        failure_mark_failed(c, node);
        bus_broadcast_failed(c, node);
    }
}

static void consider_return(struct cluster *c, struct cluster_node *node)
{
    bool is_answering = node->link == LINK_UP && node->has_answered &&
                        mono_is_before(node->failed_at, node->pong_at);
    bool may_return = !node_owns_slots(node) || mono_ms_between(node->failed_at, c->now) >
                                                    UNDO_TIMEOUTS * c->config.node_timeout_ms;

    ASSERT(node->is_failed && !node->is_failing);
    if (is_answering && may_return &&
        mono_ms_between(node->pong_at, c->now) < c->config.node_timeout_ms) {
        nodes_set_health(c, node, NODE_WELL);
        c->is_routing_changed = true;
        emit_log(c, LOG_NOTICE, "node %s is back", node->id.text);
    }
}

void failure_tick(struct cluster *c)
{
    ASSERT(c->out != NULL);
    for (size_t i = 1; i < c->nodes.count; i++) {
        struct cluster_node *node = c->nodes.items[i];

        if (node->is_in_handshake) {
            continue;
        }
        if (node->is_failed) {
            consider_return(c, node);
            continue;
        }
        if (!node->is_failing && mono_is_before(node->unanswered_since, c->now) &&
            mono_ms_between(node->unanswered_since, c->now) >= c->config.node_timeout_ms) {
            suspect(c, node);
        }
        if (node->is_failing) {
            judge(c, node);
        }
    }
}

void failure_forgive_silence(struct cluster *c)
{
    ASSERT(c->out != NULL);
    for (size_t i = 1; i < c->nodes.count; i++) {
        struct cluster_node *node = c->nodes.items[i];

        if (mono_is_before(node->unanswered_since, c->now)) {
            node->unanswered_since = c->now;
        }
        /* A fresh start for the link too: it may have been cut meanwhile. */
        if (node->link == LINK_UP) {
            node->next_ping_at = c->now;
        }
    }
}

void failure_on_answer(struct cluster *c, struct cluster_node *node)
{
    ASSERT(!node->is_in_handshake);
    ASSERT(node != c->me);
    node->pong_at = c->now;
    node->unanswered_since = MONO_NEVER;
    node->has_answered = true;
    if (node->is_failing) {
        nodes_set_health(c, node, NODE_WELL);
        emit_log(c, LOG_VERBOSE, "node %s answers again", node->id.text);
    }
    if (node->is_failed) {
        consider_return(c, node);
    }
}

static bool has_full_coverage(const struct cluster *c)
{
    if (c->assigned_count < SLOT_COUNT) {
        return false;
    }
    for (size_t i = 0; i < c->ailing.count; i++) {
        if (c->ailing.items[i]->is_failed && c->ailing.items[i]->slot_count > 0) {
            return false;
        }
    }
    return true;
}

static bool is_seat_there(const struct cluster *c, const struct seat *seat)
{
    const struct cluster_node *node = nodes_find(c, &seat->node);

    if (node == c->me) {
        return council_is_member(c->council);
    }
    return node != NULL && seat->key == node->hint.seat_key && node->has_answered &&
           node_is_reachable(node);
}

static bool sees_majority_of(const struct cluster *c, const struct seat_set *set)
{
    size_t count = 0;

    for (size_t i = 0; i < set->count; i++) {
        count += is_seat_there(c, &set->items[i]) ? 1 : 0;
    }
    return count >= seat_set_majority(set);
}

bool failure_sees_majority(const struct cluster *c)
{
    const struct seats *seats = council_seats(c->council);

    return seats->members.count > 0 && sees_majority_of(c, &seats->members) &&
           (!seats_is_handing_over(seats) || sees_majority_of(c, &seats->previous));
}

static int64_t rejoin_delay_ms(const struct cluster *c)
{
    int64_t delay_ms = cluster_timeout_part(c, 2);

    if (delay_ms < REJOIN_MIN_MS) {
        return REJOIN_MIN_MS;
    }
    return delay_ms > REJOIN_MAX_MS ? REJOIN_MAX_MS : delay_ms;
}

static size_t count_reachable(const struct cluster *c)
{
    size_t count = 1; /* ourselves */

    for (size_t i = 1; i < c->nodes.count; i++) {
        count += node_is_reachable(c->nodes.items[i]) && c->nodes.items[i]->has_answered ? 1 : 0;
    }
    return count;
}

static bool is_formed(const struct cluster *c)
{
    return c->has_formed || c->nodes.count == 1;
}

/* Before that the loss of one node could be that of the council.  Afterwards a council that changes is no reason to
 * stop. */
static bool has_formed(struct cluster *c)
{
    if (!c->has_formed && !seats_is_handing_over(council_seats(c->council)) &&
        !council_is_forming(c->council)) {
        c->has_formed =
            council_seats(c->council)->members.count >= council_seats_for(count_reachable(c));
    }
    return is_formed(c);
}

static void note_cover(struct cluster *c)
{
    bool is_covered = has_full_coverage(c);

    if (is_covered != c->is_covered || c->assigned_count != c->covered_count) {
        c->is_covered = is_covered;
        c->covered_count = c->assigned_count;
        c->cover_changed_at = c->now;
    }
}

bool failure_only_lacks_slots(const struct cluster *c, struct mono_time now)
{
    return is_formed(c) && failure_sees_majority(c) && !c->is_covered &&
           mono_is_due(mono_add_ms(c->cover_changed_at, COVER_STILL_MS), now);
}

void failure_update_state(struct cluster *c)
{
    bool is_ok;

    note_cover(c);
    is_ok = has_formed(c) && (!c->config.require_full_coverage || c->is_covered);
    if (!failure_sees_majority(c)) {
        is_ok = false;
        if (c->had_majority) {
            c->rejoin_at = mono_add_ms(c->now, rejoin_delay_ms(c));
        }
    } else {
        c->had_majority = true;
        if (node_owns_slots(c->me) && mono_is_before(c->now, c->rejoin_at)) {
            is_ok = false;
        }
    }
    c->is_map_ok = is_ok;
    is_ok = cluster_is_ok(c, c->now);
    if (is_ok != c->was_ok) {
        c->was_ok = is_ok;
        emit_state_changed(c, is_ok);
        if (is_ok && node_owns_slots(c->me)) {
            bus_announce(c); /* who handed over to us keeps its clients until we serve */
        }
    }
    ASSERT(c->was_ok == cluster_is_ok(c, c->now));
}

void failure_check(const struct cluster *c)
{
    for (size_t i = 0; i < c->nodes.count; i++) {
        const struct cluster_node *node = c->nodes.items[i];

        ASSERT(node->reports.count <= c->nodes.count);
        for (size_t k = 0; k < node->reports.count; k++) {
            ASSERT(!mono_is_before(c->now, node->reports.items[k].at));
        }
    }
    ASSERT(!c->is_map_ok || c->had_majority);
}
