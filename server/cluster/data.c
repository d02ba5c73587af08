/* SPDX-License-Identifier: MIT */
/* Facts are gathered from the table of nodes, then judged without looking at anything else. */
#include "cluster/data.h"

#include "base/assert.h"
#include "cluster/bus.h"
#include "cluster/emit.h"
#include "cluster/facts.h"
#include "cluster/nodes.h"
#include "cluster/sync_set.h"

enum data_verdict data_judge(const struct data_facts *facts)
{
    ASSERT(facts->timeout_ms > 0);
    ASSERT(facts->waited_ms >= 0);
    if (facts->is_loading) {
        return DATA_LOADING;
    }
    if (!facts->is_primary && facts->is_foreign) {
        return facts->has_more ? DATA_MORE_THAN_PRIMARY : DATA_FOREIGN;
    }
    if (facts->is_whole) {
        return DATA_WHOLE;
    }
    if (!facts->is_primary) {
        return facts->has_more ? DATA_MORE_THAN_PRIMARY : DATA_STALE;
    }
    if (facts->is_behind && (facts->is_bound || facts->waited_ms < DATA_WAIT_MAX_MS)) {
        return DATA_BEHIND;
    }
    if (facts->is_bound || (facts->misses_replica && facts->waited_ms < DATA_WAIT_MAX_MS)) {
        return DATA_REPLICA_UNHEARD;
    }
    if (facts->misses_node && facts->waited_ms < DATA_WAIT_TIMEOUTS * facts->timeout_ms) {
        return DATA_NODE_UNHEARD;
    }
    return facts->is_behind ? DATA_GIVEN_UP : DATA_UNDISPUTED;
}

bool data_verdict_is_complete(enum data_verdict verdict)
{
    switch (verdict) {
    case DATA_WHOLE:
    case DATA_MORE_THAN_PRIMARY:
    case DATA_UNDISPUTED:
    case DATA_GIVEN_UP:
        return true;
    case DATA_UNKNOWN:
    case DATA_LOADING:
    case DATA_FOREIGN:
    case DATA_STALE:
    case DATA_BEHIND:
    case DATA_REPLICA_UNHEARD:
    case DATA_NODE_UNHEARD:
        break;
    }
    return false;
}

const char *data_verdict_text(enum data_verdict verdict)
{
    switch (verdict) {
    case DATA_UNKNOWN:
        return "is not known";
    case DATA_LOADING:
        return "is being loaded";
    case DATA_WHOLE:
        return "is whole";
    case DATA_FOREIGN:
        return "is not what was agreed to be the shard's";
    case DATA_STALE:
        return "may lack writes of the primary";
    case DATA_MORE_THAN_PRIMARY:
        return "is more than the primary has, which lost its own";
    case DATA_BEHIND:
        return "is less than a replica has, which is to take over";
    case DATA_REPLICA_UNHEARD:
        return "may be less than a replica has that was not heard yet";
    case DATA_NODE_UNHEARD:
        return "may be less than a node has that was not heard yet";
    case DATA_UNDISPUTED:
        return "is not less than that of any replica";
    case DATA_GIVEN_UP:
        return "is less than a replica has, but none took over: going on with what was found on "
               "disk";
    }
    ASSERT(false);
    return "";
}

/* Our primary says that it lost its data, or it has left with them; ours may be older than what it had, but is better
 * than nothing: it may be handed the shard. */
static bool has_more_than_primary(const struct cluster *c)
{
    const struct cluster_node *primary = nodes_primary_of(c, c->me);
    struct shard_place place = facts_place(c, c->me);

    if (facts_has_primary_left(c)) {
        return place.is_of_shard;
    }
    return primary != NULL && node_is_primary(primary) && facts_was_heard(primary) &&
           !primary->is_complete && !primary->is_loading && place.is_of_shard &&
           facts_place(c, primary).offset < place.offset;
}

/* May it have data of our shard? Those do whose confirmation counted, and those who follow us. */
static bool could_have_data(const struct cluster *c, const struct cluster_node *node)
{
    const struct shard_record *record = council_find(c->council, &c->me->shard);

    return cluster_id_equal(&node->primary, &c->me->id) ||
           (record != NULL && shard_record_has_holder(record, &node->id) &&
            cluster_id_equal(&node->shard, &c->me->shard));
}

/* What a primary that restarted has heard so far about data that is fuller than its own. */
static void listen_around(const struct cluster *c, struct data_facts *facts)
{
    uint64_t ours = facts_place(c, c->me).offset;

    ASSERT(!facts->is_whole);
    for (size_t i = 1; i < c->nodes.count; i++) {
        const struct cluster_node *node = c->nodes.items[i];
        bool is_holder = could_have_data(c, node);

        if (!facts_was_heard(node) || (is_holder && node->is_loading)) {
            facts->misses_replica = facts->misses_replica || is_holder;
            facts->misses_node = true;
        } else if (is_holder && facts_place(c, node).offset > ours) {
            facts->is_behind = true;
            facts->is_bound = facts->is_bound || sync_set_is_witness(c, node);
        }
    }
    facts->is_bound = facts->is_bound || sync_set_find_witness(c) == SYNC_WITNESS_AWAITED;
}

static void note(struct cluster *c, enum data_verdict verdict)
{
    bool is_accepted = verdict == DATA_UNDISPUTED || verdict == DATA_GIVEN_UP;

    if (verdict == c->data.verdict) {
        return;
    }
    c->data.verdict = verdict;
    c->data.is_complete = data_verdict_is_complete(verdict);
    emit_log(c, verdict == DATA_GIVEN_UP ? LOG_WARNING : LOG_VERBOSE, "our data %s",
             data_verdict_text(verdict));
    ASSERT(!is_accepted || c->data.is_complete);
    ASSERT(!is_accepted || node_is_primary(c->me));
    if (is_accepted) {
        emit_data_complete(c);
        bus_announce(c); /* before a replica stands for election in our place */
    }
}

void data_update(struct cluster *c)
{
    struct data_facts facts = {
        .is_primary = node_is_primary(c->me),
        .is_loading = c->status.is_loading,
        .is_whole = c->status.is_data_complete && !c->doubts_data,
        .waited_ms = mono_ms_between(c->started_at, c->now),
        .timeout_ms = c->config.node_timeout_ms,
    };

    if (!c->has_status) {
        return;
    }
    if (facts.is_primary && !facts.is_whole) {
        listen_around(c, &facts);
    }
    if (!facts.is_primary) {
        facts.is_foreign = !facts_place(c, c->me).has_no_tail;
        facts.has_more = has_more_than_primary(c);
    }
    note(c, data_judge(&facts));
}

void data_take_status(struct cluster *c, const struct cluster_status *status)
{
    bool is_other_history = !history_id_equal(&c->status.history, &status->history);

    ASSERT(c->out != NULL);
    c->status = *status;
    c->has_status = true;
    if (is_other_history && node_is_primary(c->me)) {
        c->is_tick_wanted = true; /* nothing is served before it is agreed */
    }
    data_update(c);
    ASSERT(c->data.verdict != DATA_UNKNOWN);
}

void data_forget(struct cluster *c)
{
    c->has_status = false;
    c->data = (struct own_data){.verdict = DATA_UNKNOWN};
}

void data_check(const struct cluster *c)
{
    ASSERT(c->data.is_complete == data_verdict_is_complete(c->data.verdict));
    ASSERT((c->data.verdict == DATA_UNKNOWN) == !c->has_status);
    ASSERT(!c->data.is_complete || !c->status.is_loading);
}
