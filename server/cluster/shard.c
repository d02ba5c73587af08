/* SPDX-License-Identifier: MIT */
#include "cluster/shard.h"

#include "base/assert.h"
#include "cluster/bus.h"
#include "cluster/emit.h"
#include "cluster/facts.h"
#include "cluster/forgotten.h"
#include "cluster/holders.h"
#include "cluster/keeper.h"
#include "cluster/moves.h"
#include "cluster/nodes.h"
#include "cluster/ranges.h"
#include "cluster/refusal.h"
#include "cluster/role.h"
#include "cluster/slots.h"
#include "cluster/sync_set.h"

#include <inttypes.h>
#include <string.h>

enum {
    RETRIES_PER_TIMEOUT = 5,
    ASKS_PER_TIMEOUT = 4,
    ASKING_TIMEOUTS = 5, /* of a council that we have joined, what it knows of us */
};

/* ---- what was agreed stands in the table --------------------------------------------------------- */

static void learn_epoch(struct cluster *c, uint64_t epoch)
{
    if (c->current_epoch < epoch) {
        c->current_epoch = epoch;
        nodes_learned(c);
    }
}

/* The slots come with the record: the primary before us may have said already that it is none any more, and then the table has
 * nothing that could be handed over. */
static void take_slots(struct cluster *c, const struct shard_record *record)
{
    for (uint32_t slot = 0; slot < SLOT_COUNT; slot++) {
        const struct cluster_node *owner = c->owner[slot];

        if (bitset_has(record->slots, slot) && owner != c->me &&
            (owner == NULL || owner->config_epoch < record->epoch)) {
            slots_clear_move(c, (uint16_t)slot);
            slots_bind(c, (uint16_t)slot, c->me);
        }
    }
}

/* We asked for it ourselves, or the primary before us waited until we had everything.  Otherwise it may have been agreed before
 * this start, which has less: then our data are judged as those of any primary that was started anew. */
static bool was_chosen_for_its_data(const struct cluster *c)
{
    return c->takeover.phase == TAKEOVER_AGREEING || c->manual.phase == MANUAL_READY;
}

static void become_primary(struct cluster *c, const struct shard_record *record)
{
    if (!node_is_primary(c->me)) {
        c->doubts_data = !was_chosen_for_its_data(c);
        role_take_over(c, record->epoch);
        take_slots(c, record);
        moves_adopt(c, record);
        ranges_adopt(c, record);
    } else if (c->me->config_epoch < record->epoch) {
        role_set_config_epoch(c, record->epoch);
    }
}

static void follow(struct cluster *c, struct cluster_node *primary,
                   const struct shard_record *record)
{
    bool is_mine = cluster_id_equal(&record->shard, &c->me->shard);

    if (primary->config_epoch > record->epoch) {
        return; /* it has said more since */
    }
    primary->config_epoch = record->epoch;
    primary->shard = record->shard; /* unless it has left it, and says so with its next heartbeat */
    if (!node_is_primary(primary)) {
        nodes_set_primary(c, primary);
    }
    nodes_learned(c);
    (void)role_take_claim(c, primary, record->slots);
    slots_take_agreed(c, primary, record->slots);
    if (is_mine && !cluster_id_equal(&c->me->primary, &primary->id)) {
        emit_log(c, LOG_NOTICE, "node %s is the primary of this shard now, following it",
                 primary->id.text);
        slots_unbind_all(c, c->me);
        role_follow(c, &primary->id);
    }
}

/* Who took our place, and was taken out of the cluster before we heard of it, leads nowhere.  Its replicas are who may take its
 * place in turn: we are one of them. */
static void follow_removed(struct cluster *c, const struct shard_record *record)
{
    c->is_record_pending = false;
    if (cluster_id_equal(&c->me->primary, &record->primary)) {
        return;
    }
    emit_log(c, LOG_WARNING,
             "node %s is agreed to be the primary of this shard, and is no longer in the cluster: "
             "this node serves nothing unless it is agreed to take its place",
             record->primary.text);
    slots_unbind_all(c, c->me);
    role_follow(c, &record->primary);
}

/* An operator alone can say that it will never be met, as after a RESET HARD that gave it another id; told once of each, whatever
 * else was waited for before. */
static void await_primary(struct cluster *c, const struct shard_record *record)
{
    if (!cluster_id_equal(&c->own.awaited, &record->primary)) {
        c->own.awaited = record->primary;
        emit_log(c, LOG_NOTICE,
                 "node %s is agreed to be the primary of this shard, and not known here yet "
                 "(CLUSTER FORGET "
                 "tells this node that it is gone for good)",
                 record->primary.text);
    }
    c->is_record_pending = true;
}

void shard_follow_record(struct cluster *c, const struct cluster_id *shard)
{
    const struct shard_record *record = council_find(c->council, shard);
    struct cluster_node *primary;
    bool is_mine = cluster_id_equal(shard, &c->me->shard);

    if (record == NULL || !council_is_agreed(c->council, shard)) {
        return;
    }
    learn_epoch(c, record->epoch);
    moves_note_record(c, record);
    primary = nodes_find(c, &record->primary);
    if (is_mine && primary == NULL && !forgotten_has(c, &record->primary)) {
        await_primary(c, record);
    } else if (is_mine) {
        c->is_record_pending = primary == NULL || primary->is_in_handshake;
    }
    ranges_note_record(c, record);
    if (primary == NULL) {
        if (is_mine && forgotten_has(c, &record->primary)) {
            follow_removed(c, record);
        }
        return;
    }
    if (primary == c->me && is_mine) {
        become_primary(c, record);
    } else if (primary != c->me && !primary->is_in_handshake) {
        follow(c, primary, record);
    }
}

/* The version of our shard's record, if it is for us to tell of; 0: it is not. */
static uint64_t version_to_tell(const struct cluster *c)
{
    const struct shard_record *record = council_find(c->council, &c->me->shard);

    return record != NULL && cluster_id_equal(&record->primary, &c->me->id) &&
                   council_is_agreed(c->council, &c->me->shard)
               ? record->version
               : 0;
}

static void tell(struct cluster *c, struct cluster_node *node, const struct cluster_id *shard)
{
    if (!node->is_in_handshake && node->link == LINK_UP) {
        council_tell(c->council, c->now, &node->id, shard);
        if (cluster_id_equal(shard, &c->me->shard) && c->file_written >= c->hold_sequence) {
            node->told_version = version_to_tell(c);
        }
    }
}

void shard_tell_everybody(struct cluster *c, const struct cluster_id *shard)
{
    for (size_t i = 1; i < c->nodes.count; i++) {
        tell(c, c->nodes.items[i], shard);
    }
}

/* Who could not be reached when it was agreed hears of our record as soon as it can: nobody else would tell it of what changes
 * neither primary nor slots. */
static void tell_who_missed_it(struct cluster *c)
{
    uint64_t version = version_to_tell(c);

    for (size_t i = 1; i < c->nodes.count && version > 0; i++) {
        if (c->nodes.items[i]->told_version != version) {
            tell(c, c->nodes.items[i], &c->me->shard);
        }
    }
}

/* ---- what the table says is agreed --------------------------------------------------------------- */

void shard_hand_over(struct cluster *c, const struct cluster_id *heir)
{
    c->own.heir = *heir;
}

void shard_keep_from(struct cluster *c, const struct cluster_id *heir)
{
    if (cluster_id_equal(&c->own.heir, heir)) {
        c->own.heir = (struct cluster_id){0};
    }
}

static bool could_be_heir(const struct cluster *c, const struct cluster_node *node)
{
    if (sync_set_find_witness(c) != SYNC_WITNESS_NEEDLESS && !sync_set_is_witness(c, node)) {
        return false; /* another one has all that was acknowledged */
    }
    return cluster_id_equal(&node->primary, &c->me->id) && node_is_reachable(node) &&
           node->has_answered && !node->is_loading && !node->is_no_failover;
}

/* While no majority could be asked an operator may have given it to another shard, or it may have ended: then nobody would serve until
 * it is replaced in turn. */
static void drop_lost_heir(struct cluster *c)
{
    const struct cluster_node *heir = nodes_find(c, &c->own.heir);
    bool has_left = heir == NULL || !cluster_id_equal(&heir->primary, &c->me->id);

    if (!cluster_id_is_none(&c->own.heir) && (has_left || !node_is_reachable(heir))) {
        emit_log(c, LOG_NOTICE, "replica %s %s: nothing is handed over to it", c->own.heir.text,
                 has_left ? "has left this shard" : "does not answer any more");
        c->own.heir = (struct cluster_id){0};
    }
}

/* Somebody who has more of the shard's data than we: who has lost its own makes it primary, be it with a tail that was given
 * up when there is nobody else who has as much. */
static const struct cluster_node *find_heir(const struct cluster *c)
{
    const struct cluster_node *best = NULL;
    struct shard_place most = facts_place(c, c->me);

    if (c->data.verdict != DATA_BEHIND) {
        return NULL;
    }
    for (size_t i = 1; i < c->nodes.count; i++) {
        const struct cluster_node *node = c->nodes.items[i];
        struct shard_place place = facts_place(c, node);

        if (could_be_heir(c, node) && place.is_of_shard &&
            (place.offset > most.offset || (best != NULL && place.offset == most.offset &&
                                            place.has_no_tail && !most.has_no_tail))) {
            best = node;
            most = place;
        }
    }
    return best;
}

/* ---- changes of our own -------------------------------------------------------------------------- */

static bool is_agreed(const struct cluster *c, const struct shard_record *record)
{
    return record != NULL && council_is_agreed(c->council, &c->me->shard) &&
           cluster_id_equal(&record->primary, &c->me->id) && record->epoch >= c->own.epoch &&
           memcmp(record->slots, c->me->slots, sizeof(record->slots)) == 0 &&
           moves_are_agreed(c, record) && ranges_are_agreed(c, record) &&
           record->epoch >= c->me->config_epoch && record->is_begun &&
           history_id_equal(&record->history, &c->status.history) &&
           sync_set_is_agreed(c, record) &&
           !(holders_are_others(c, record) && mono_is_due(c->own.holders_at, c->now)) &&
           !(moves_have_leftovers(c, record) && mono_is_due(c->own.leftovers_at, c->now));
}

/* What it put before members may have accepted, and keep slots for it that it does not want any more. */
static bool has_nothing(const struct cluster *c)
{
    return !c->own.is_put && c->me->slot_count == 0 && c->moves.count == 0 && c->ranges.count == 0;
}

bool shard_is_settled(const struct cluster *c)
{
    const struct shard_record *record = council_find(c->council, &c->me->shard);

    if (record == NULL) {
        return has_nothing(c);
    }
    return !c->own.is_put && council_is_agreed(c->council, &c->me->shard) &&
           cluster_id_equal(&record->primary, &c->me->id) &&
           memcmp(record->slots, c->me->slots, sizeof(record->slots)) == 0 &&
           moves_are_agreed(c, record) && ranges_are_agreed(c, record);
}

static bool needs_change(const struct cluster *c)
{
    const struct shard_record *record = council_find(c->council, &c->me->shard);

    if (!node_is_primary(c->me) || c->me->is_in_handshake ||
        council_seats(c->council)->generation == 0 || !c->has_status || c->is_record_pending ||
        c->is_promotion_due) {
        return false;
    }
    if (!cluster_id_is_none(&c->own.heir)) {
        return true;
    }
    if (!facts_is_complete(c) || (record == NULL && has_nothing(c))) {
        return false; /* others may have more of what is agreed to be the shard's */
    }
    return !is_agreed(c, record) || c->own.is_put || council_is_outbid(c->council) ||
           council_has_handed_over(c->council);
}

/* The record has the history of the primary before us, and so has our log: nobody writes that on. */
static bool is_to_begin(const struct cluster *c, const struct shard_record *record)
{
    return node_is_primary(c->me) && c->has_status && facts_is_complete(c) &&
           !shard_record_is_none(record) && !record->is_begun &&
           cluster_id_equal(&record->primary, &c->me->id) &&
           history_id_equal(&record->history, &c->status.history);
}

static void begin_history(struct cluster *c)
{
    const struct shard_record *record = council_find(c->council, &c->me->shard);

    if (!c->is_promotion_due && record != NULL && is_to_begin(c, record)) {
        c->is_promotion_due = true;
    }
}

/* Whoever we follow is no primary.  It may be that we are, and have not heard of it. */
static bool is_leaderless(const struct cluster *c)
{
    const struct cluster_node *primary = nodes_primary_of(c, c->me);

    return !node_is_primary(c->me) && (primary == NULL || !node_is_primary(primary));
}

/* A primary that was reset knows nothing of its record, which nobody else changes while it is there. */
static bool may_have_forgotten(const struct cluster *c)
{
    return node_is_primary(c->me) && !council_is_agreed(c->council, &c->me->shard);
}

void shard_on_seats(struct cluster *c)
{
    const struct cluster_id *council = &council_seats(c->council)->council;

    if (!cluster_id_equal(&c->own.council, council)) {
        c->own.council = *council;
        c->own.ask_at = c->now;
        c->own.ask_until = mono_add_ms(c->now, ASKING_TIMEOUTS * c->config.node_timeout_ms);
    }
}

static void ask_who_leads(struct cluster *c)
{
    bool is_urgent = is_leaderless(c) || mono_is_before(c->now, c->own.ask_until);

    if ((is_leaderless(c) || may_have_forgotten(c)) && mono_is_due(c->own.ask_at, c->now)) {
        c->own.ask_at =
            mono_add_ms(c->now, is_urgent ? cluster_timeout_part(c, ASKS_PER_TIMEOUT)
                                          : ASKING_TIMEOUTS * c->config.node_timeout_ms);
        council_ask(c->council, c->now, &c->me->shard);
    }
}

/* Will the next record that we agree on have another primary, or less slots, than the one before?  Copies that were lent
 * under the one before must be back by then: whoever serves next knows nothing of them. */
static bool is_giving(const struct cluster *c)
{
    const struct shard_record *record = council_find(c->council, &c->me->shard);

    if (!node_is_primary(c->me) || record == NULL ||
        !cluster_id_equal(&record->primary, &c->me->id)) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_COUNT(c->me->slots); i++) {
        if ((record->slots[i] & ~c->me->slots[i]) != 0) {
            return true;
        }
    }
    return !cluster_id_is_none(&c->own.heir);
}

bool cluster_wants_copies_back(const struct cluster *cluster)
{
    return cluster->is_giving;
}

void shard_on_status(struct cluster *c)
{
    c->is_tick_wanted = c->is_tick_wanted || (c->is_giving && !c->status.lends_copies);
}

static void propose(struct cluster *c)
{
    struct cluster_id keeper;

    c->own.is_proposed = true;
    if (keeper_find(c, &keeper)) {
        c->own.taken_by = (struct cluster_id){0}; /* then it is our turn again */
        council_propose(c->council, c->now, &keeper, COUNCIL_TAKE_OVER);
    } else {
        council_propose(c->council, c->now, &c->me->shard,
                        cluster_id_is_none(&c->own.heir) ? COUNCIL_OWN : COUNCIL_HAND_OVER);
    }
}

void shard_tick(struct cluster *c)
{
    const struct cluster_node *heir = node_is_primary(c->me) ? find_heir(c) : NULL;

    drop_lost_heir(c);
    if (heir != NULL && cluster_id_is_none(&c->own.heir)) {
        emit_log(c, LOG_NOTICE, "replica %s has more than this primary, which hands over to it",
                 heir->id.text);
        shard_hand_over(c, &heir->id);
    }
    if (c->is_record_pending) {
        shard_follow_record(c, &c->me->shard);
    }
    tell_who_missed_it(c);
    begin_history(c);
    moves_tick(c);
    ranges_tick(c);
    ask_who_leads(c);
    c->is_giving = is_giving(c);
    if (c->is_giving && c->status.lends_copies) {
        return;
    }
    if (!mono_is_due(c->own.at, c->now) || council_is_proposing(c->council) || !needs_change(c)) {
        return;
    }
    propose(c);
}

bool shard_read(const struct cluster *c, const struct cluster_id *shard, struct shard_record *out)
{
    const struct shard_record *known = council_find(c->council, shard);

    if (!council_read(c->council, out)) {
        return false;
    }
    if (known != NULL && council_is_agreed(c->council, shard) && known->version > out->version) {
        *out = *known;
    }
    return true;
}

void shard_draft(const struct cluster *c, const struct shard_record *read, struct shard_record *out)
{
    const struct shard_record *known = council_find(c->council, &c->me->shard);

    *out = shard_record_is_none(read) && known != NULL ? *known : *read;
    out->shard = c->me->shard;
    out->version = shard_record_next_version(read, known);
}

static uint64_t next_epoch(const struct cluster *c, bool is_handed_over)
{
    uint64_t epoch = c->own.epoch > c->me->config_epoch ? c->own.epoch : c->me->config_epoch;

    if (is_handed_over) {
        epoch = c->current_epoch + 1;
    }
    return epoch;
}

/* One that has lost its data gives its shard to whoever has most when nobody is left who has all of it. */
static bool may_be_heir(const struct cluster *c, const struct shard_record *read)
{
    return sync_set_permits(read, &c->own.heir) ||
           (c->data.verdict == DATA_BEHIND && sync_set_find_witness(c) == SYNC_WITNESS_NEEDLESS);
}

/* Whatever we want by the time that it is agreed. */
static void put(struct cluster *c, const struct shard_record *record)
{
    c->own.is_put = true;
    council_put(c->council, c->now, record);
}

void shard_on_read(struct cluster *c, const struct cluster_id *shard)
{
    struct shard_record read;
    struct shard_record record;
    bool is_handed_over;

    drop_lost_heir(c);
    is_handed_over = !cluster_id_is_none(&c->own.heir);
    if (!shard_read(c, shard, &read)) {
        return;
    }
    if (!cluster_id_equal(shard, &c->me->shard)) {
        keeper_let_go(c, &read);
        return;
    }
    if (!node_is_primary(c->me)) {
        council_give_up(c->council);
        return;
    }
    if (!shard_record_is_none(&read) && !cluster_id_equal(&read.primary, &c->me->id)) {
        put(c, &read); /* somebody else is its primary: let that be agreed */
        return;
    }
    if (is_handed_over && !may_be_heir(c, &read)) {
        emit_log(c, LOG_WARNING,
                 "replica %s is not of this shard's in-sync set: nothing is handed "
                 "over to it",
                 c->own.heir.text);
        c->own.heir = (struct cluster_id){0};
        put(c, &read);
        return;
    }
    if (is_to_begin(c, &read)) {
        put(c, &read);
        return;
    }
    ranges_note_read(c, &read);
    if (is_giving(c) && (c->status.lends_copies || !c->is_giving)) {
        council_give_up(c->council); /* that came up meanwhile: once more, when all is back */
        c->is_tick_wanted = true;
        return;
    }
    shard_draft(c, &read, &record);
    record.is_begun = !is_handed_over;
    record.primary = is_handed_over ? c->own.heir : c->me->id;
    record.epoch = next_epoch(c, is_handed_over);
    memcpy(record.slots, c->me->slots, sizeof(record.slots));
    moves_put(c, &record);
    ranges_put(c, &record);
    holders_note(c, &record);
    if (is_handed_over) {
        sync_set_settle(&record);
    } else {
        sync_set_put(c, &record);
    }
    if (facts_is_complete(c)) {
        shard_record_grow(&record, &c->status.history, &c->status.lineage);
    }
    c->own.holders_at = mono_add_ms(c->now, c->config.node_timeout_ms);
    c->own.leftovers_at = c->own.holders_at;
    c->own.heir = (struct cluster_id){0};
    moves_tell_givers(c);
    put(c, &record);
}

/* Clients are held, and now we know the ballot that was greater than ours: once more, at once. */
static bool try_again_at_once(struct cluster *c, const struct council_news *news)
{
    if (news->type != COUNCIL_NEWS_FAILED || news->answer != COUNCIL_OUTBID ||
        c->manual.phase != MANUAL_HANDING_OVER || c->manual.was_outbid) {
        return false;
    }
    c->manual.was_outbid = true;
    c->is_tick_wanted = true;
    return true;
}

void shard_on_end(struct cluster *c, const struct council_news *news)
{
    if (!c->own.is_proposed) {
        return;
    }
    c->own.is_proposed = false;
    c->own.at = c->now;
    if (!cluster_id_equal(&news->shard, &c->me->shard)) {
        c->is_tick_wanted = true; /* ours comes next */
        c->own.is_keeper_taken = refusal_is(news);
    } else {
        if (news->type == COUNCIL_NEWS_AGREED) {
            c->own.is_put = false;
            slots_keep_agreed(c);
            sync_set_on_agreed(c);
            keeper_note_agreed(c);
        }
        c->own.taken_by = news->taken_by;
        refusal_note(c, news);
    }
    if (try_again_at_once(c, news)) {
        return;
    }
    if (news->type == COUNCIL_NEWS_FAILED) {
        int64_t pause_ms = cluster_timeout_part(c, RETRIES_PER_TIMEOUT);

        pause_ms = news->wait_ms > pause_ms ? news->wait_ms : pause_ms;
        if (news->answer == COUNCIL_OUTBID || news->answer == COUNCIL_TAKEN) {
            pause_ms /= 4; /* a member may not have heard yet that a slot was given up */
        }
        c->own.at =
            mono_add_ms(c->now, (int64_t)rng_below(&c->rng, (uint64_t)pause_ms / 4 + 1) + pause_ms);
        emit_log(c, LOG_VERBOSE, "the record of this shard was not agreed: %s",
                 council_answer_name(news->answer));
    }
}
