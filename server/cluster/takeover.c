/* SPDX-License-Identifier: MIT */
#include "cluster/takeover.h"

#include "base/assert.h"
#include "base/bitset.h"
#include "base/phases.h"
#include "cluster/bus.h"
#include "cluster/data.h"
#include "cluster/emit.h"
#include "cluster/facts.h"
#include "cluster/failure.h"
#include "cluster/holders.h"
#include "cluster/nodes.h"
#include "cluster/refusal.h"
#include "cluster/shard.h"
#include "cluster/slots.h"
#include "cluster/sync_set.h"

#include <inttypes.h>
#include <string.h>

static void move(struct cluster *c, enum takeover_phase to)
{
    static const uint32_t allowed[] = {
        [TAKEOVER_IDLE] = PHASE_TO(TAKEOVER_WAITING),
        [TAKEOVER_WAITING] = PHASE_TO(TAKEOVER_PREPARING) | PHASE_TO(TAKEOVER_IDLE),
        [TAKEOVER_PREPARING] =
            PHASE_TO(TAKEOVER_ASKING) | PHASE_TO(TAKEOVER_WAITING) | PHASE_TO(TAKEOVER_IDLE),
        [TAKEOVER_ASKING] =
            PHASE_TO(TAKEOVER_AGREEING) | PHASE_TO(TAKEOVER_WAITING) | PHASE_TO(TAKEOVER_IDLE),
        [TAKEOVER_AGREEING] = PHASE_TO(TAKEOVER_WAITING) | PHASE_TO(TAKEOVER_IDLE),
    };

    ASSERT((allowed[c->takeover.phase] & PHASE_TO(to)) != 0);
    c->takeover.phase = to;
}

/* ---- is there a reason? -------------------------------------------------------------------------- */

/* It may be that we alone cannot reach it.  The council knows: to ask it costs nobody anything.  A link that breaks says
 * more than one that does not come to be: whoever was agreed on a moment ago may not have heard so yet, and has what we lack. */
static bool is_primary_silent(const struct cluster *c, const struct cluster_node *primary)
{
    bool is_unanswered =
        mono_is_before(primary->unanswered_since, c->now) &&
        mono_ms_between(primary->unanswered_since, c->now) >= cluster_timeout_part(c, 2);
    bool is_cut_off = c->has_status && !c->status.is_link_up &&
                      mono_ms_between(c->status.link_down_since, c->now) >=
                          cluster_timeout_part(c, c->status.is_link_broken ? 20 : 1);

    return primary->is_failed || primary->is_failing || is_unanswered || is_cut_off;
}

/* Of a slot that the table takes for nobody's the shard's record may say that it is ours: nobody else can serve it. */
static bool has_agreed_slots(const struct cluster *c)
{
    const struct shard_record *record = council_find(c->council, &c->me->shard);

    return record != NULL && bitset_count(record->slots, SHARD_SLOT_WORDS) > 0;
}

/* Of a part of an image, or of what is another shard's, nothing is ever served.  What may lack writes, or has some that were
 * given up, is a whole all the same, and perhaps all that is left. */
static bool is_worth_a_last_resort(const struct cluster *c)
{
    return c->has_status && (c->data.verdict == DATA_STALE || (c->data.verdict == DATA_FOREIGN &&
                                                               facts_place(c, c->me).is_of_shard));
}

const char *takeover_why_not(const struct cluster *c, bool goes_before_better)
{
    ASSERT(!node_is_primary(c->me));
    return facts_is_complete(c) || (goes_before_better && is_worth_a_last_resort(c))
               ? NULL
               : data_verdict_text(c->data.verdict);
}

static bool has_reason(const struct cluster *c)
{
    const struct cluster_node *primary = nodes_primary_of(c, c->me);

    if (node_is_primary(c->me) || council_seats(c->council)->generation == 0) {
        return false;
    }
    if (c->takeover.is_forced) {
        return takeover_why_not(c, c->takeover.goes_before_better) == NULL;
    }
    if (c->manual.phase != MANUAL_IDLE || !facts_is_eligible(c)) {
        return false;
    }
    return facts_has_primary_left(c) ||
           (primary != NULL && (primary->slot_count > 0 || has_agreed_slots(c)) &&
            is_primary_silent(c, primary));
}

/* ---- whose turn is it? --------------------------------------------------------------------------- */

static bool is_sibling(const struct cluster *c, const struct cluster_node *node)
{
    return node != c->me && cluster_id_equal(&node->primary, &c->me->primary) &&
           node_is_reachable(node) && node->has_answered;
}

/* Of equals the one with the smaller id goes first. */
static bool is_ahead(const struct cluster *c, const struct cluster_node *sibling)
{
    uint64_t theirs = facts_place(c, sibling).offset;
    uint64_t ours = facts_place(c, c->me).offset;

    return theirs > ours ||
           (theirs == ours && memcmp(sibling->id.text, c->me->id.text, CLUSTER_ID_LEN) < 0);
}

static unsigned find_rank(const struct cluster *c)
{
    unsigned rank = 0;

    for (size_t i = 1; i < c->nodes.count; i++) {
        const struct cluster_node *node = c->nodes.items[i];

        rank += is_sibling(c, node) && node->is_eligible && is_ahead(c, node) ? 1 : 0;
    }
    return rank;
}

/* The best one goes at once; each behind it gives it the time of a few messages. */
static int64_t turn_ms(struct cluster *c)
{
    int64_t step_ms = cluster_timeout_part(c, 10);
    /* Who is not in the in-sync set as we know it, but may be: the record tells. */
    int64_t doubt_ms = sync_set_permits_us(c, council_find(c->council, &c->me->shard))
                           ? 0
                           : c->config.node_timeout_ms;

    c->takeover.rank = find_rank(c);
    return doubt_ms + (int64_t)c->takeover.rank * step_ms +
           (int64_t)rng_below(&c->rng, (uint64_t)cluster_timeout_part(c, 50) + 1);
}

static void wait_for_turn(struct cluster *c, int64_t delay_ms)
{
    if (c->takeover.phase != TAKEOVER_WAITING) {
        move(c, TAKEOVER_WAITING);
    }
    c->takeover.at = mono_add_ms(c->now, delay_ms);
}

static void end(struct cluster *c)
{
    if (c->takeover.phase != TAKEOVER_IDLE) {
        move(c, TAKEOVER_IDLE);
    }
    c->takeover = (struct takeover){0};
}

static void begin(struct cluster *c)
{
    move(c, TAKEOVER_PREPARING);
    c->stats.elections_started++;
    council_propose(c->council, c->now, &c->me->shard,
                    c->takeover.is_forced ? COUNCIL_FORCE : COUNCIL_TAKE_OVER);
}

void takeover_force(struct cluster *c, int64_t limit_ms, bool goes_before_better)
{
    ASSERT(!node_is_primary(c->me));
    if (c->takeover.phase > TAKEOVER_WAITING) {
        council_give_up(c->council);
    }
    end(c);
    c->takeover.is_forced = true;
    c->takeover.goes_before_better = goes_before_better;
    c->takeover.deadline = mono_add_ms(c->now, limit_ms);
    wait_for_turn(c, 0);
}

/* ---- what the other replicas have ---------------------------------------------------------------- */

/* Members that refuse a slot as another shard's hear soon when that one has given it up.  Where they do not, two records have it since a
 * TAKEOVER: it stays that one's. */
static void leave_out_taken(struct cluster *c, struct shard_record *record)
{
    uint32_t count;

    if (c->takeover.taken_since.us == 0 || !refusal_is_long(c, c->takeover.taken_since)) {
        return;
    }
    count = slots_leave_out_of(c, record);
    if (count > 0) {
        emit_log(c, LOG_WARNING,
                 "%" PRIu32 " slots of this shard are agreed to be other shards' as well: taking "
                 "over without them",
                 count);
    }
}

static void agree(struct cluster *c, const struct shard_record *read)
{
    const struct cluster_node *primary = nodes_primary_of(c, c->me);
    struct shard_record record;

    shard_draft(c, read, &record);
    if (shard_record_is_none(read) && council_find(c->council, &c->me->shard) == NULL &&
        primary != NULL) {
        memcpy(record.slots, primary->slots, sizeof(record.slots));
    }
    leave_out_taken(c, &record);
    record.primary = c->me->id;
    /* Of the one that the primary took last we may not have heard. */
    record.epoch = (read->epoch > c->current_epoch ? read->epoch : c->current_epoch) + 1;
    holders_note(c, &record);
    sync_set_settle(&record);
    record.is_begun = false;
    shard_record_grow(&record, &c->status.history, &c->status.lineage);
    move(c, TAKEOVER_AGREEING);
    emit_log(c, LOG_NOTICE, "proposing to take over in epoch %" PRIu64 ", rank %u, offset %" PRIu64,
             record.epoch, c->takeover.rank, c->status.offset);
    council_put(c->council, c->now, &record);
}

/* Let the record be agreed as it is, so that it is not left half agreed. */
static void leave_as_it_is(struct cluster *c, const struct shard_record *read, int64_t delay_ms)
{
    if (shard_record_is_none(read)) {
        council_give_up(c->council);
    } else {
        council_put(c->council, c->now, read);
    }
    wait_for_turn(c, delay_ms);
}

static bool have_all_answered(const struct cluster *c)
{
    for (size_t i = 1; i < c->nodes.count; i++) {
        const struct cluster_node *node = c->nodes.items[i];

        if (is_sibling(c, node) && node->link == LINK_UP &&
            node->answered_us < c->takeover.asked_us) {
            return false;
        }
    }
    return true;
}

static void decide(struct cluster *c)
{
    const struct cluster_node *better;
    struct shard_place place;
    struct shard_record read;

    if (!shard_read(c, &c->me->shard, &read)) {
        wait_for_turn(c, turn_ms(c));
        return;
    }
    if (takeover_why_not(c, c->takeover.goes_before_better) != NULL) {
        emit_log(c, LOG_NOTICE, "not taking over: our data %s", data_verdict_text(c->data.verdict));
        leave_as_it_is(c, &read, c->config.node_timeout_ms);
        return;
    }
    place = facts_place_by(c, &read, c->me);
    if (!place.has_no_tail &&
        !((c->takeover.goes_before_better || facts_has_primary_left(c)) && place.is_of_shard)) {
        emit_log(c, LOG_NOTICE, "our data is not what was agreed to be the shard's");
        leave_as_it_is(c, &read, c->config.node_timeout_ms);
        return;
    }
    if (!c->takeover.goes_before_better && !sync_set_permits_us(c, &read)) {
        emit_log(c, LOG_NOTICE, "this replica is not of the shard's in-sync set");
        leave_as_it_is(c, &read, c->config.node_timeout_ms);
        return;
    }
    better = c->takeover.goes_before_better ? NULL : facts_find_better_sibling(c, &read, c->me);
    if (better != NULL) {
        emit_log(c, LOG_NOTICE, "replica %s has more data, and comes first", better->id.text);
        leave_as_it_is(c, &read, cluster_timeout_part(c, 2));
        return;
    }
    agree(c, &read);
}

static void look_at_answers(struct cluster *c)
{
    if (c->takeover.phase == TAKEOVER_ASKING &&
        (have_all_answered(c) || mono_is_due(c->takeover.at, c->now))) {
        decide(c);
    }
}

void takeover_on_answer(struct cluster *c)
{
    look_at_answers(c);
}

void takeover_on_read(struct cluster *c)
{
    struct shard_record read;
    bool is_read = shard_read(c, &c->me->shard, &read);

    if (!is_read || c->takeover.phase != TAKEOVER_PREPARING) {
        return;
    }
    if (!shard_record_is_none(&read) && !cluster_id_equal(&read.primary, &c->me->primary) &&
        !cluster_id_equal(&read.primary, &c->me->id)) {
        leave_as_it_is(c, &read,
                       c->config.node_timeout_ms); /* somebody else has its place already */
        return;
    }
    move(c, TAKEOVER_ASKING);
    c->takeover.asked_us = c->now.us;
    c->takeover.at = mono_add_ms(c->now, cluster_timeout_part(c, 4));
    for (size_t i = 1; i < c->nodes.count; i++) {
        if (is_sibling(c, c->nodes.items[i])) {
            bus_send_ping(c, c->nodes.items[i]);
        }
    }
    look_at_answers(c);
}

/* ---- time ---------------------------------------------------------------------------------------- */

void takeover_on_end(struct cluster *c, const struct council_news *news)
{
    if (c->takeover.phase <= TAKEOVER_WAITING) {
        return;
    }
    if (news->type == COUNCIL_NEWS_AGREED) {
        c->stats.elections_won += node_is_primary(c->me) ? 1 : 0;
        end(c);
        return;
    }
    if (!c->takeover.is_told) {
        c->takeover.is_told = true;
        emit_log(c, LOG_VERBOSE, "no take-over yet: %s, %" PRId64 " ms",
                 council_answer_name(news->answer), news->wait_ms);
    }
    switch (news->answer) {
    case COUNCIL_WAIT:
        wait_for_turn(c, news->wait_ms + turn_ms(c));
        break;
    case COUNCIL_OUTBID:
        wait_for_turn(c, turn_ms(c) +
                             (int64_t)rng_below(&c->rng, (uint64_t)cluster_timeout_part(c, 5) + 1));
        break;
    case COUNCIL_TAKEN:
        if (c->takeover.taken_since.us == 0) {
            c->takeover.taken_since = c->now;
        }
        wait_for_turn(c, cluster_timeout_part(c, 5) + turn_ms(c));
        break;
    case COUNCIL_YES:
    case COUNCIL_OLDER:
    case COUNCIL_BEHIND:
    case COUNCIL_ANSWER_END:
        wait_for_turn(c, cluster_timeout_part(c, 5) + turn_ms(c));
        break;
    }
}

void takeover_tick(struct cluster *c)
{
    struct takeover *t = &c->takeover;

    if (t->is_forced && mono_is_due(t->deadline, c->now)) {
        emit_log(c, LOG_WARNING, "manual failover given up: it took too long%s",
                 failure_sees_majority(c)
                     ? ""
                     : ", and no majority of the council can be reached: TAKEOVER does without");
        t->is_forced = false;
    }
    if (!has_reason(c)) {
        if (t->phase > TAKEOVER_WAITING) {
            council_give_up(c->council);
        }
        end(c);
        return;
    }
    switch (t->phase) {
    case TAKEOVER_IDLE:
        emit_log(c, LOG_VERBOSE, "our primary is silent, asking the council for its place");
        wait_for_turn(c, turn_ms(c));
        break;
    case TAKEOVER_WAITING:
        if (mono_is_due(t->at, c->now) && !council_is_proposing(c->council)) {
            begin(c);
        }
        break;
    case TAKEOVER_ASKING:
        look_at_answers(c);
        break;
    case TAKEOVER_PREPARING:
    case TAKEOVER_AGREEING:
        break;
    }
}

void takeover_settle(struct cluster *c)
{
    if (!node_is_primary(c->me) || c->takeover.phase == TAKEOVER_IDLE) {
        return;
    }
    /* Handed the shard before it was decided: what was read for that nobody puts any more.  What is being agreed already
     * comes to its end by itself. */
    if (c->takeover.phase == TAKEOVER_PREPARING || c->takeover.phase == TAKEOVER_ASKING) {
        council_give_up(c->council);
    }
    end(c);
}

struct mono_time takeover_wake_at(const struct cluster *c)
{
    bool is_timed = c->takeover.phase == TAKEOVER_WAITING || c->takeover.phase == TAKEOVER_ASKING;

    return is_timed ? c->takeover.at : MONO_NEVER;
}

void takeover_check(const struct cluster *c)
{
    struct shard_record read;

    ASSERT(!node_is_primary(c->me) || c->takeover.phase == TAKEOVER_IDLE);
    /* What was read for a change has somebody who puts it, or gives it up: the council takes no other one meanwhile. */
    ASSERT(c->takeover.phase > TAKEOVER_WAITING || !council_read(c->council, &read));
}
