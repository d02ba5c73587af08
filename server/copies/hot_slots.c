/* SPDX-License-Identifier: MIT */
#include "copies/hot_slots.h"

#include "base/assert.h"
#include "base/codec.h"
#include "base/mem.h"

#include <string.h>

void hot_slots_deinit(struct hot_slots *table)
{
    for (size_t i = 0; i < table->count; i++) {
        mem_free(MEM_NODE, table->items[i]);
    }
    *table = (struct hot_slots){0};
}

void hot_slot_encode(const struct hot_slot *hot, struct buf *out)
{
    ASSERT(hot->member_count <= HOT_MEMBERS_MAX);
    encode_u16_be(out, hot->slot);
    encode_u64_be(out, hot->epoch);
    encode_u32_be(out, hot->owner_reads);
    encode_u8(out, (uint8_t)hot->member_count);
    for (size_t i = 0; i < hot->member_count; i++) {
        cluster_id_encode(out, &hot->members[i].node);
        encode_u8(out, hot->members[i].is_ready);
        encode_u32_be(out, hot->members[i].reads);
    }
}

bool hot_slot_decode(struct bytes bytes, struct hot_slot *out)
{
    struct decoder d = decoder_make(bytes);

    *out = (struct hot_slot){.slot = decode_u16_be(&d), .epoch = decode_u64_be(&d)};
    out->owner_reads = decode_u32_be(&d);
    out->member_count = decode_u8(&d);
    if (out->member_count > HOT_MEMBERS_MAX) {
        return false;
    }
    for (size_t i = 0; i < out->member_count; i++) {
        cluster_id_decode(&d, &out->members[i].node);
        out->members[i].is_ready = decode_u8(&d) != 0;
        out->members[i].reads = decode_u32_be(&d);
        if (cluster_id_is_none(&out->members[i].node)) {
            return false; /* nobody: whoever follows no primary would take itself for it */
        }
    }
    return decoder_is_ok(&d) && decoder_left(&d) == 0;
}

static struct hot_known *find(const struct hot_slots *table, uint16_t slot)
{
    for (size_t i = 0; i < table->count; i++) {
        if (table->slots[i] == slot) {
            return table->items[i];
        }
    }
    return NULL;
}

/* Its owner has said nothing for so long that what it said is over. */
static bool is_silent(const struct hot_known *known, struct mono_time now)
{
    return mono_ms_between(known->heard_at, now) >= HOT_LAPSE_MS;
}

static bool is_over(const struct hot_known *known, struct mono_time now)
{
    return known->hot.member_count == 0 || is_silent(known, now);
}

const struct hot_member *hot_slot_member(const struct hot_slot *hot, const struct cluster_id *node)
{
    for (size_t i = 0; i < hot->member_count; i++) {
        if (cluster_id_equal(&hot->members[i].node, node)) {
            return &hot->members[i];
        }
    }
    return NULL;
}

size_t hot_slot_ready_count(const struct hot_slot *hot)
{
    size_t count = 0;

    for (size_t i = 0; i < hot->member_count; i++) {
        count += hot->members[i].is_ready;
    }
    return count;
}

static struct hot_known *add(struct hot_slots *table, const struct hot_slot *hot)
{
    struct hot_known *known;

    if (table->count == HOT_SLOTS_MAX || hot->member_count == 0) {
        return NULL;
    }
    known = mem_alloc_zeroed(MEM_NODE, sizeof(*known));
    table->slots[table->count] = hot->slot;
    table->items[table->count++] = known;
    return known;
}

void hot_slots_take(struct hot_slots *table, struct mono_time now, const struct hot_slot *hot,
                    const struct cluster_id *me, const struct cluster_id *primary)
{
    struct hot_known *known = find(table, hot->slot);
    uint32_t number;

    if (known == NULL) {
        known = add(table, hot);
    } else if (cluster_id_equal(&known->hot.owner, &hot->owner) && hot->epoch < known->hot.epoch &&
               !is_silent(known, now)) {
        return; /* it was overtaken on its way */
    }
    if (known == NULL) {
        return;
    }
    number = known->hot.number;
    if (known->hot.epoch != hot->epoch || !cluster_id_equal(&known->hot.owner, &hot->owner)) {
        table->changes++;
        number = ++table->last_number;
        known->epoch_heard_at = now;
        known->sent_on = 0;
        known->send_on_at = (struct mono_time){0};
    }
    known->hot = *hot;
    known->hot.number = number;
    known->heard_at = now;
    known->has_lapsed = false;
    if (hot_slot_member(hot, me) != NULL || hot_slot_member(hot, primary) != NULL) {
        known->accepted_until = mono_add_ms(now, HOT_LAPSE_MS + HOT_GRACE_MS);
    }
}

struct hot_known *hot_slots_known(const struct hot_slots *table, struct mono_time now,
                                  uint16_t slot)
{
    struct hot_known *known = table->count > 0 ? find(table, slot) : NULL;

    return known != NULL && !is_over(known, now) ? known : NULL;
}

const struct hot_slot *hot_slots_find(const struct hot_slots *table, struct mono_time now,
                                      uint16_t slot)
{
    const struct hot_known *known = hot_slots_known(table, now, slot);

    return known != NULL ? &known->hot : NULL;
}

const struct hot_slot *hot_slots_accepted(const struct hot_slots *table, struct mono_time now,
                                          uint16_t slot)
{
    const struct hot_known *known = table->count > 0 ? find(table, slot) : NULL;

    return known != NULL && mono_is_before(now, known->accepted_until) ? &known->hot : NULL;
}

bool hot_slots_sends_home(const struct hot_slots *table, struct mono_time now, uint16_t slot,
                          const struct cluster_id *me, const struct cluster_id *primary)
{
    const struct hot_known *known = find(table, slot);

    if (known == NULL || known->has_lapsed || !mono_is_before(now, known->accepted_until)) {
        return false;
    }
    if (known->hot.member_count == 0) {
        return true;
    }
    return !is_over(known, now) && hot_slot_member(&known->hot, me) == NULL &&
           hot_slot_member(&known->hot, primary) == NULL;
}

void hot_slots_tick(struct hot_slots *table, struct mono_time now)
{
    for (size_t i = table->count; i-- > 0;) {
        struct hot_known *known = table->items[i];

        if (is_over(known, now) && known->hot.member_count > 0) {
            table->changes++;
            known->hot.member_count = 0;
            known->has_lapsed = true;
        }
        if (known->hot.member_count == 0 && !mono_is_before(now, known->accepted_until)) {
            mem_free(MEM_NODE, known);
            table->count--;
            table->items[i] = table->items[table->count];
            table->slots[i] = table->slots[table->count];
        }
    }
}
