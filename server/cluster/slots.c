/* SPDX-License-Identifier: MIT */
/* Claims are compared with the table as words first: normally nothing differs, and nothing
 * is looked at slot by slot. */
#include "cluster/slots.h"

#include "base/assert.h"
#include "base/bitset.h"
#include "base/xxh3.h"
#include "cluster/facts.h"
#include "cluster/nodes.h"

#include <string.h>

uint64_t slots_hash(const struct cluster_node *node)
{
    return xxh3(bytes_make(node->slots, sizeof(node->slots))) | 1;
}

void slots_bind(struct cluster *c, uint16_t slot, struct cluster_node *owner)
{
    struct cluster_node *old = c->owner[slot];

    ASSERT(slot < SLOT_COUNT);
    ASSERT(owner == NULL || node_is_primary(owner));
    bitset_remove(c->disowned, slot);
    bitset_remove(c->ceded, slot);
    if (old == owner) {
        return;
    }
    if (old != NULL) {
        bitset_remove(old->slots, slot);
        old->slot_count--;
        c->assigned_count--;
    }
    if (owner != NULL) {
        bitset_add(owner->slots, slot);
        owner->slot_count++;
        c->assigned_count++;
    }
    if (old == c->me || owner == c->me) {
        c->own_slots_hash = 0;
    }
    c->owner[slot] = owner;
    if (owner == c->me) {
        bitset_remove(c->lost, slot);
    } else if (old == c->me && owner != NULL) {
        bitset_add(c->lost, slot);
        c->loses_slots = true;
    }
    c->is_routing_changed = true;
    if (old == c->me || owner == c->me) {
        nodes_changed(c);
    } else {
        nodes_learned(c);
    }
}

void slots_unbind_all(struct cluster *c, struct cluster_node *node)
{
    for (uint32_t slot = 0; node->slot_count > 0; slot++) {
        ASSERT(slot < SLOT_COUNT);
        if (c->owner[slot] == node) {
            slots_bind(c, (uint16_t)slot, NULL);
        }
    }
    ASSERT(node->slot_count == 0);
}

void slots_hand_over(struct cluster *c, struct cluster_node *from, struct cluster_node *to)
{
    ASSERT(from != to);
    for (uint32_t slot = 0; from->slot_count > 0; slot++) {
        ASSERT(slot < SLOT_COUNT);
        if (c->owner[slot] == from) {
            slots_bind(c, (uint16_t)slot, to);
        }
    }
    ASSERT(from->slot_count == 0);
}

/* Bind one claimed slot if the claim is good; true when it is and nothing stronger stands
 * against it. */
static bool take_slot(struct cluster *c, struct cluster_node *claimer, uint16_t slot)
{
    struct cluster_node *owner = c->owner[slot];

    ASSERT(claimer != c->me);
    if (owner == c->me && bitset_has(c->taken, slot)) {
        return true; /* it was given to us, which is not agreed yet: who had it before may say so still */
    }
    if (owner != NULL && owner != claimer && !bitset_has(c->disowned, slot) &&
        owner->config_epoch >= claimer->config_epoch) {
        return owner->config_epoch == claimer->config_epoch;
    }
    slots_bind(c, slot, claimer);
    if (owner == c->me && !bitset_has(c->moving, slot)) {
        bitset_add(c->ceded, slot);
    }
    return true;
}

static bool claims_word(struct cluster *c, struct cluster_node *claimer, size_t word,
                        uint64_t claim, struct cluster_node **stronger)
{
    uint64_t differing = claim ^ claimer->slots[word];
    bool took = false;

    ASSERT(word < FRAME_SLOT_WORDS);
    while (differing != 0) {
        uint16_t slot = (uint16_t)(word * 64 + (size_t)__builtin_ctzll(differing));

        differing &= differing - 1;
        if (!bitset_has(&claim, slot % 64)) {
            bitset_add(c->disowned, slot);
        } else if (!take_slot(c, claimer, slot)) {
            *stronger = c->owner[slot];
        } else {
            took = took || c->owner[slot] == claimer;
        }
    }
    /* What it claims again is no longer in doubt. */
    c->disowned[word] &= ~(claim & claimer->slots[word]);
    return took;
}

bool slots_take_claim(struct cluster *c, struct cluster_node *claimer, const uint64_t *claim,
                      struct cluster_node **stronger)
{
    bool took = false;

    ASSERT(node_is_primary(claimer));
    ASSERT(!claimer->is_in_handshake);
    ASSERT(claimer != c->me);
    *stronger = NULL;
    if (memcmp(claim, claimer->slots, sizeof(claimer->slots)) == 0) {
        for (size_t i = 0; i < FRAME_SLOT_WORDS; i++) {
            c->disowned[i] &= ~claim[i];
        }
        return false;
    }
    for (size_t i = 0; i < FRAME_SLOT_WORDS; i++) {
        if (claim[i] != claimer->slots[i]) {
            took = claims_word(c, claimer, i, claim[i], stronger) || took;
        }
    }
    return took;
}

/* ---- what is agreed ------------------------------------------------------------------------------ */

/* The slots of all agreed records but this shard's. */
static void add_agreed(const struct cluster *c, const struct cluster_id *but, uint64_t *out)
{
    for (size_t i = 0; i < c->nodes.count; i++) {
        const struct cluster_id *shard = &c->nodes.items[i]->shard;
        const struct shard_record *record =
            cluster_id_equal(shard, but) ? NULL : council_find(c->council, shard);

        if (record == NULL || !council_is_agreed(c->council, shard)) {
            continue;
        }
        for (size_t word = 0; word < FRAME_SLOT_WORDS; word++) {
            out[word] |= record->slots[word];
        }
    }
}

const struct shard_record *slots_find_agreed(const struct cluster *c, uint16_t slot)
{
    for (size_t i = 0; i < c->nodes.count; i++) {
        const struct cluster_id *shard = &c->nodes.items[i]->shard;
        const struct shard_record *record =
            cluster_id_equal(shard, &c->me->shard) ? NULL : council_find(c->council, shard);

        if (record != NULL && council_is_agreed(c->council, shard) &&
            bitset_has(record->slots, slot)) {
            return record;
        }
    }
    return NULL;
}

static bool is_moving_to(const struct cluster *c, const struct slot_move *move,
                         const struct cluster_node *node)
{
    return !move->is_import && cluster_id_equal(&move->peer, &node->id) &&
           c->owner[move->slot] == c->me;
}

/* It says to be the primary of our shard, as we are by its record: one of another council, which has agreed that there. */
static bool is_for_our_place(const struct cluster *c, const struct cluster_node *claimer)
{
    const struct shard_record *record = council_find(c->council, &c->me->shard);

    return node_is_primary(c->me) && cluster_id_equal(&claimer->shard, &c->me->shard) &&
           record != NULL && council_is_agreed(c->council, &c->me->shard) &&
           cluster_id_equal(&record->primary, &c->me->id);
}

static void add_own(const struct cluster *c, uint64_t *out)
{
    for (size_t word = 0; word < FRAME_SLOT_WORDS; word++) {
        out[word] |= c->me->slots[word];
    }
}

void slots_leave_out_agreed(const struct cluster *c, const struct cluster_node *claimer,
                            const uint64_t *claim, uint64_t out[FRAME_SLOT_WORDS])
{
    uint64_t agreed[FRAME_SLOT_WORDS] = {0};

    if (memcmp(claim, claimer->slots, sizeof(claimer->slots)) != 0) {
        add_agreed(c, &claimer->shard, agreed);
        if (is_for_our_place(c, claimer)) {
            add_own(c, agreed);
        }
    }
    for (size_t i = 0; i < c->moves.count; i++) {
        if (is_moving_to(c, &c->moves.items[i], claimer)) {
            bitset_remove(agreed, c->moves.items[i].slot);
        }
    }
    for (size_t i = 0; i < FRAME_SLOT_WORDS; i++) {
        out[i] = claim[i] & (~agreed[i] | claimer->slots[i]);
    }
}

void slots_take_agreed(struct cluster *c, struct cluster_node *primary, const uint64_t *slots)
{
    uint64_t others[FRAME_SLOT_WORDS] = {0};

    ASSERT(primary != c->me);
    if (memcmp(slots, primary->slots, sizeof(primary->slots)) == 0) {
        return;
    }
    add_agreed(c, &primary->shard, others);
    for (uint32_t slot = 0; slot < SLOT_COUNT; slot++) {
        if (bitset_has(slots, slot) && !bitset_has(others, slot) && c->owner[slot] != primary &&
            c->owner[slot] != c->me) {
            slots_bind(c, (uint16_t)slot, primary);
        }
    }
}

uint32_t slots_leave_out_of(const struct cluster *c, struct shard_record *record)
{
    size_t before = bitset_count(record->slots, SHARD_SLOT_WORDS);
    uint64_t others[FRAME_SLOT_WORDS] = {0};

    add_agreed(c, &record->shard, others);
    for (size_t i = 0; i < FRAME_SLOT_WORDS; i++) {
        record->slots[i] &= ~others[i];
    }
    return (uint32_t)(before - bitset_count(record->slots, SHARD_SLOT_WORDS));
}

void slots_keep_agreed(struct cluster *c)
{
    const struct shard_record *record = council_find(c->council, &c->me->shard);
    uint64_t others[FRAME_SLOT_WORDS] = {0};

    if (record == NULL || !node_is_primary(c->me) ||
        !cluster_id_equal(&record->primary, &c->me->id)) {
        return;
    }
    add_agreed(c, &c->me->shard, others);
    for (uint32_t slot = 0; slot < SLOT_COUNT; slot++) {
        if (bitset_has(c->ceded, slot) && bitset_has(record->slots, slot) &&
            !bitset_has(others, slot)) {
            slots_bind(c, (uint16_t)slot, c->me);
        }
    }
}

static uint32_t give_up(struct cluster *c, const uint64_t *slots)
{
    uint32_t count = 0;

    for (uint32_t slot = 0; slot < SLOT_COUNT; slot++) {
        if (c->owner[slot] == c->me && bitset_has(slots, slot)) {
            slots_bind(c, (uint16_t)slot, NULL);
            count++;
        }
    }
    return count;
}

uint32_t slots_give_up_agreed(struct cluster *c)
{
    uint64_t others[FRAME_SLOT_WORDS] = {0};

    add_agreed(c, &c->me->shard, others);
    return give_up(c, others);
}

uint32_t slots_give_up_added(struct cluster *c)
{
    const struct shard_record *record = council_find(c->council, &c->me->shard);
    uint64_t added[FRAME_SLOT_WORDS] = {0};

    for (size_t i = 0; record != NULL && i < FRAME_SLOT_WORDS; i++) {
        added[i] = ~(record->slots[i] | c->taken[i] | c->moving[i]);
    }
    return give_up(c, added);
}

/* ---- slots on the move --------------------------------------------------------------------------- */

const struct slot_move *slots_find_move(const struct cluster *c, uint16_t slot)
{
    const struct slot_move *found = NULL;

    if (!bitset_has(c->moving, slot)) {
        return NULL;
    }
    for (size_t i = 0; i < c->moves.count && found == NULL; i++) {
        if (c->moves.items[i].slot == slot) {
            found = &c->moves.items[i];
        }
    }
    ASSERT(found != NULL);
    return found;
}

void slots_clear_move(struct cluster *c, uint16_t slot)
{
    const struct slot_move *move = slots_find_move(c, slot);

    if (move != NULL) {
        VEC_REMOVE_AT(&c->moves, (size_t)(move - c->moves.items));
        bitset_remove(c->moving, slot);
        nodes_changed(c);
    }
}

void slots_set_move(struct cluster *c, const struct slot_move *move)
{
    ASSERT(!cluster_id_is_none(&move->peer));
    ASSERT(move->slot < SLOT_COUNT);
    slots_clear_move(c, move->slot);
    VEC_PUSH(&c->moves, *move);
    bitset_add(c->moving, move->slot);
    if (move->is_import) {
        bitset_remove(c->lost, move->slot); /* its keys from now on are there to stay */
    }
    nodes_changed(c);
}

/* Most words of disowned, ceded and lost are 0: whole clusters of debug builds check at every step. */
static void check_word(const struct cluster *c, size_t word)
{
    uint64_t rare = c->disowned[word] | c->ceded[word] | c->lost[word];

    for (size_t slot = word * 64; slot < (word + 1) * 64; slot++) {
        ASSERT(c->owner[slot] == NULL || bitset_has(c->owner[slot]->slots, slot));
    }
    for (; rare != 0; rare &= rare - 1) {
        size_t slot = word * 64 + (size_t)__builtin_ctzll(rare);

        ASSERT(!bitset_has(c->disowned, slot) || c->owner[slot] != NULL);
        ASSERT(c->owner[slot] != c->me);
    }
}

void slots_check(const struct cluster *c)
{
    size_t owned = 0;

    for (size_t i = 0; i < c->nodes.count; i++) {
        const struct cluster_node *node = c->nodes.items[i];

        ASSERT(bitset_count(node->slots, FRAME_SLOT_WORDS) == node->slot_count);
        ASSERT(node->slot_count == 0 || node_is_primary(node));
        owned += node->slot_count;
    }
    ASSERT(owned == c->assigned_count);
    ASSERT(c->own_slots_hash == 0 || c->own_slots_hash == slots_hash(c->me));
    for (size_t i = 0; i < FRAME_SLOT_WORDS; i++) {
        check_word(c, i);
    }
    ASSERT(node_is_primary(c->me) || bitset_count(c->lost, FRAME_SLOT_WORDS) == 0);
    ASSERT(bitset_count(c->moving, FRAME_SLOT_WORDS) == c->moves.count);
    for (size_t i = 0; i < c->moves.count; i++) {
        ASSERT(bitset_has(c->moving, c->moves.items[i].slot));
    }
}
