/* SPDX-License-Identifier: MIT */
#include "cluster/moves.h"

#include "base/assert.h"
#include "base/bitset.h"
#include "cluster/emit.h"
#include "cluster/facts.h"
#include "cluster/nodes.h"
#include "cluster/range_facts.h"
#include "cluster/role.h"
#include "cluster/slots.h"

static const struct shard_record *record_of(const struct cluster *c,
                                            const struct cluster_node *node)
{
    return council_find(c->council, &node->shard);
}

struct cluster_node *moves_peer(const struct cluster *c, const struct slot_move *move)
{
    struct cluster_node *named = nodes_find(c, &move->peer);
    const struct shard_record *record = named != NULL ? record_of(c, named) : NULL;
    struct cluster_node *leader = record != NULL ? nodes_find(c, &record->primary) : NULL;

    if (leader == NULL || leader->is_in_handshake) {
        leader = named;
    }
    return leader != NULL && node_is_primary(leader) ? leader : NULL;
}

/* ---- our record ---------------------------------------------------------------------------------- */

/* What is ours already is kept only until that is agreed. */
static bool is_for_record(const struct cluster *c, const struct slot_move *move)
{
    return !move->is_import || c->owner[move->slot] != c->me;
}

static enum shard_move_kind kind_of(const struct slot_move *move)
{
    if (!move->is_import) {
        return SHARD_MOVE_OUT;
    }
    return move->is_taking ? SHARD_MOVE_TAKE : SHARD_MOVE_IN;
}

void moves_put(const struct cluster *c, struct shard_record *record)
{
    record->move_count = 0;
    for (size_t i = 0; i < c->moves.count && record->move_count < SHARD_MOVES_MAX; i++) {
        const struct slot_move *move = &c->moves.items[i];

        if (is_for_record(c, move)) {
            record->moves[record->move_count++] =
                (struct shard_move){.slot = move->slot, .kind = kind_of(move), .peer = move->peer};
        }
    }
}

static bool is_leftover(const struct cluster *c, const struct shard_record *record,
                        const struct shard_move *agreed)
{
    return agreed->kind == SHARD_MOVE_OUT && !bitset_has(record->slots, agreed->slot) &&
           c->owner[agreed->slot] != c->me && !bitset_has(c->moving, agreed->slot);
}

static size_t skip_leftovers(const struct cluster *c, const struct shard_record *record, size_t at)
{
    while (at < record->move_count && is_leftover(c, record, &record->moves[at])) {
        at++;
    }
    return at;
}

bool moves_are_agreed(const struct cluster *c, const struct shard_record *record)
{
    size_t count = 0;
    size_t at = skip_leftovers(c, record, 0);

    for (size_t i = 0; i < c->moves.count && count < SHARD_MOVES_MAX; i++) {
        const struct slot_move *move = &c->moves.items[i];
        const struct shard_move *agreed = &record->moves[at];

        if (!is_for_record(c, move)) {
            continue;
        }
        count++;
        if (at >= record->move_count || agreed->slot != move->slot ||
            agreed->kind != kind_of(move) || !cluster_id_equal(&agreed->peer, &move->peer)) {
            return false;
        }
        at = skip_leftovers(c, record, at + 1);
    }
    return at == record->move_count;
}

bool moves_have_leftovers(const struct cluster *c, const struct shard_record *record)
{
    for (size_t i = 0; i < record->move_count; i++) {
        if (is_leftover(c, record, &record->moves[i])) {
            return true;
        }
    }
    return false;
}

void moves_tell_givers(struct cluster *c)
{
    for (size_t i = 0; i < c->moves.count; i++) {
        const struct slot_move *move = &c->moves.items[i];
        const struct cluster_node *giver =
            move->is_import && c->owner[move->slot] == c->me ? nodes_find(c, &move->peer) : NULL;

        if (giver != NULL) {
            council_tell_members(c->council, c->now, &giver->shard);
        }
    }
}

void moves_adopt(struct cluster *c, const struct shard_record *record)
{
    ASSERT(node_is_primary(c->me));
    for (size_t i = 0; i < record->move_count; i++) {
        struct slot_move move = {
            .slot = record->moves[i].slot,
            .is_import = record->moves[i].kind != SHARD_MOVE_OUT,
            .is_taking = record->moves[i].kind == SHARD_MOVE_TAKE,
            .until = mono_add_ms(c->now, CLUSTER_MANUAL_TIMEOUT_MS),
            .peer = record->moves[i].peer,
        };

        slots_set_move(c, &move);
    }
}

/* ---- giving and taking --------------------------------------------------------------------------- */

static bool is_of_our_shard(const struct cluster *c, const struct cluster_id *id)
{
    const struct cluster_node *node = nodes_find(c, id);

    return node != NULL && cluster_id_equal(&node->shard, &c->me->shard);
}

bool moves_is_claimed(const struct cluster *c, uint16_t slot)
{
    const struct cluster_node *owner = c->owner[slot];
    const struct shard_record *record =
        owner != NULL && owner != c->me ? record_of(c, owner) : NULL;

    return record != NULL && bitset_has(record->slots, slot);
}

/* A node that was removed is of no shard that could take anything. */
static bool is_taker_gone(const struct cluster *c, const struct cluster_id *id)
{
    const struct cluster_node *taker = nodes_find(c, id);

    return taker == NULL || facts_is_shard_gone(c, &taker->shard);
}

static bool find_given(const struct cluster *c, const struct shard_record *record, uint16_t slot,
                       struct slot_giving *out)
{
    const struct shard_range *range = shard_ranges_of_slot(&record->ranges, slot);

    if (bitset_has(record->slots, slot)) {
        return false;
    }
    for (size_t i = 0; i < record->move_count; i++) {
        if (record->moves[i].slot == slot && record->moves[i].kind == SHARD_MOVE_OUT) {
            out->is_by_hand = true;
            out->is_taker_gone = is_taker_gone(c, &record->moves[i].peer);
            return true;
        }
    }
    if (range == NULL || range->kind != SHARD_RANGE_GIVEN) {
        return false;
    }
    out->is_by_hand = false;
    out->is_taker_gone = facts_is_shard_gone(c, &range->shard);
    return true;
}

bool moves_find_giving(const struct cluster *c, uint16_t slot, struct slot_giving *out)
{
    const struct shard_record *record =
        c->owner[slot] != NULL ? record_of(c, c->owner[slot]) : NULL;
    const struct shard_record *own = record_of(c, c->me);

    *out = (struct slot_giving){.giver = c->owner[slot]};
    if (record != NULL && find_given(c, record, slot, out)) {
        return true;
    }
    *out = (struct slot_giving){.giver = c->me};
    return own != NULL && c->owner[slot] != c->me && !moves_is_claimed(c, slot) &&
           (bitset_has(c->moving, slot) || ranges_have(c, slot)) && find_given(c, own, slot, out);
}

static void decline_moves(struct cluster *c, const struct shard_record *record,
                          const uint64_t *slots)
{
    for (size_t i = 0; i < record->move_count; i++) {
        const struct shard_move *move = &record->moves[i];

        if (move->kind == SHARD_MOVE_OUT && bitset_has(slots, move->slot) &&
            !bitset_has(record->slots, move->slot)) {
            c->declined[c->declined_next++ % DECLINED_MAX] = (struct declined){
                .slot = move->slot, .version = record->version, .shard = record->shard};
        }
    }
}

void moves_decline(struct cluster *c, const uint64_t slots[FRAME_SLOT_WORDS])
{
    for (size_t i = 1; i < c->nodes.count && council_has_moves(c->council); i++) {
        const struct cluster_node *node = c->nodes.items[i];
        const struct shard_record *record = node_is_primary(node) ? record_of(c, node) : NULL;

        if (record != NULL && !cluster_id_equal(&record->shard, &c->me->shard)) {
            decline_moves(c, record, slots);
        }
    }
}

static bool is_declined(const struct cluster *c, const struct shard_record *record, uint16_t slot)
{
    for (size_t i = 0; i < DECLINED_MAX; i++) {
        const struct declined *declined = &c->declined[i];

        if (declined->slot == slot && declined->version == record->version &&
            cluster_id_equal(&declined->shard, &record->shard)) {
            return true;
        }
    }
    return false;
}

void moves_give(struct cluster *c, uint16_t slot, struct cluster_node *taker)
{
    struct slot_move move = {.slot = slot, .peer = taker->id};
    uint64_t slots[FRAME_SLOT_WORDS] = {0};

    ASSERT(taker != c->me && node_is_primary(taker));
    bitset_add(slots, slot);
    moves_decline(c, slots);
    slots_set_move(c, &move);
    slots_bind(c, slot, taker);
    c->is_tick_wanted = true;
}

void moves_take(struct cluster *c, uint16_t slot, const struct cluster_node *giver)
{
    struct slot_move move = {.slot = slot, .is_import = true};

    slots_clear_move(c, slot);
    if (giver != NULL) {
        move.peer = giver->id;
        slots_set_move(c, &move);
    }
    slots_bind(c, slot, c->me);
    role_want_epoch(c, c->current_epoch + 1);
    c->is_tick_wanted = true;
}

/* From the first time on that the taker is heard of no new key comes in here, so that what is left can be counted. */
static void answer_taker(struct cluster *c, struct cluster_node *taker, uint16_t slot)
{
    const struct slot_move *known = slots_find_move(c, slot);
    struct slot_move move = {.slot = slot, .peer = taker->id};

    if (known == NULL && c->moves.count < SHARD_MOVES_MAX) {
        slots_set_move(c, &move);
        c->is_status_wanted = true;
    } else if (known != NULL && !known->is_import && moves_peer(c, known) == taker &&
               known->is_emptied && node_is_reachable(taker)) {
        emit_log(c, LOG_VERBOSE, "slot %u is given to node %s", slot, taker->id.text);
        moves_give(c, slot, taker);
    }
}

/* Was it given to us, and have we not sent it on since?  While a range has it what is there of it is staged, and goes
 * when the range does: until then it is not taken. */
static bool is_given(const struct cluster *c, const struct shard_record *record, uint16_t slot)
{
    const struct slot_move *own = slots_find_move(c, slot);

    return !bitset_has(record->slots, slot) && c->owner[slot] != c->me && !ranges_have(c, slot) &&
           (own == NULL || own->is_import) && !moves_is_claimed(c, slot) &&
           !is_declined(c, record, slot);
}

static void look_at(struct cluster *c, struct cluster_node *node, const struct shard_record *record)
{
    for (size_t i = 0; i < record->move_count; i++) {
        const struct shard_move *move = &record->moves[i];

        if (!is_of_our_shard(c, &move->peer)) {
            continue;
        }
        if (move->kind == SHARD_MOVE_TAKE && c->owner[move->slot] == c->me) {
            answer_taker(c, node, move->slot);
        } else if (move->kind == SHARD_MOVE_OUT && is_given(c, record, move->slot)) {
            emit_log(c, LOG_VERBOSE, "slot %u is taken from node %s", move->slot, node->id.text);
            moves_take(c, move->slot, node);
        }
    }
}

/* Has the slot arrived, here or there, by an agreed record? */
static bool is_over(const struct cluster *c, const struct slot_move *move)
{
    const struct cluster_node *owner = c->owner[move->slot];
    const struct shard_record *record = owner != NULL ? record_of(c, owner) : NULL;
    bool has_arrived = move->is_import ? owner == c->me : owner != NULL && owner != c->me;

    return has_arrived && record != NULL && council_is_agreed(c->council, &owner->shard) &&
           bitset_has(record->slots, move->slot);
}

/* Does it want a slot of which we do not know yet that its last key is gone? */
static bool is_asked_for_unknown(const struct cluster *c, const struct shard_record *record)
{
    for (size_t i = 0; i < record->move_count; i++) {
        const struct slot_move *own = record->moves[i].kind == SHARD_MOVE_TAKE
                                          ? slots_find_move(c, record->moves[i].slot)
                                          : NULL;

        if (own != NULL && !own->is_import && !own->is_emptied) {
            return true;
        }
    }
    return false;
}

void moves_note_record(struct cluster *c, const struct shard_record *record)
{
    if (record->move_count > 0 || c->moves.count > 0) {
        c->is_tick_wanted = true;
    }
    c->is_status_wanted = c->is_status_wanted || is_asked_for_unknown(c, record);
}

void moves_note_keys(struct cluster *c, const uint64_t *filled)
{
    for (size_t i = 0; i < c->moves.count; i++) {
        struct slot_move *move = &c->moves.items[i];
        bool was_emptied = move->is_emptied;

        move->is_emptied = !move->is_import && (filled == NULL || !bitset_has(filled, move->slot));
        c->is_tick_wanted = c->is_tick_wanted || (move->is_emptied && !was_emptied);
    }
}

/* Who was replaced may be removed, or sent to another shard: then its name leads nowhere, or astray. */
static void name_leader(struct cluster *c, struct slot_move *move)
{
    const struct cluster_node *leader = moves_peer(c, move);

    if (leader != NULL && leader != c->me && !cluster_id_equal(&leader->id, &move->peer)) {
        move->peer = leader->id;
        c->is_tick_wanted = true; /* our record is to say so, too */
        nodes_changed(c);
    }
}

void moves_tick(struct cluster *c)
{
    if (!node_is_primary(c->me) || !facts_is_complete(c) || c->is_record_pending) {
        return;
    }
    for (size_t i = 1; i < c->nodes.count && council_has_moves(c->council); i++) {
        struct cluster_node *node = c->nodes.items[i];
        const struct shard_record *record = node_is_primary(node) && !node->is_in_handshake &&
                                                    !cluster_id_equal(&node->shard, &c->me->shard)
                                                ? record_of(c, node)
                                                : NULL;

        if (record != NULL && record->move_count > 0 &&
            cluster_id_equal(&record->primary, &node->id) &&
            council_is_agreed(c->council, &node->shard)) {
            look_at(c, node, record);
        }
    }
    for (size_t i = c->moves.count; i-- > 0;) {
        struct slot_move *move = &c->moves.items[i];

        name_leader(c, move);
        if (move->is_taking && mono_is_due(move->until, c->now)) {
            move->is_taking = false; /* its owner did not give it up: it is imported as before */
        }
        if (is_over(c, &c->moves.items[i])) {
            slots_clear_move(c, c->moves.items[i].slot);
        }
    }
}
