/* SPDX-License-Identifier: MIT */
#include "copies/placement.h"

#include "base/assert.h"
#include "base/codec.h"
#include "base/hash.h"

void placement_load_encode(const struct placement_load *load, struct buf *out)
{
    encode_u8(out, (uint8_t)(load->busy < 100 ? load->busy : 100));
    encode_u8(out, (uint8_t)(load->serves < UINT8_MAX ? load->serves : UINT8_MAX));
}

bool placement_load_decode(struct bytes bytes, struct placement_load *out)
{
    struct decoder d = decoder_make(bytes);

    *out = (struct placement_load){0};
    out->busy = decode_u8(&d);
    out->serves = decode_u8(&d);
    return decoder_is_ok(&d) && decoder_left(&d) == 0 && out->busy <= 100;
}

bool placement_has_room(unsigned busy)
{
    return busy < PLACEMENT_FULL;
}

static bool is_within(const struct placement *p, struct mono_time now, int64_t from_ms)
{
    int64_t ms = mono_ms_between(p->asked_at, now);

    return p->asked_at.us != 0 && ms >= from_ms && ms < PLACEMENT_LAPSE_MS;
}

bool placement_is_to_ask(const struct placement *p, struct mono_time now)
{
    return !is_within(p, now, 0);
}

void placement_note_asked(struct placement *p, struct mono_time now)
{
    p->count = 0;
    p->asked_at = now;
}

bool placement_is_known(const struct placement *p, struct mono_time now)
{
    return is_within(p, now, PLACEMENT_WAIT_MS);
}

void placement_take(struct placement *p, const struct placement_load *load)
{
    size_t i = 0;

    while (i < p->count && !cluster_id_equal(&p->loads[i].node, &load->node)) {
        i++;
    }
    if (i == PLACEMENT_LOADS_MAX || !placement_has_room(load->busy)) {
        return; /* (1), whoever says otherwise */
    }
    p->loads[i] = *load;
    p->count += i == p->count;
}

/* Smaller goes first. */
static bool is_before(uint16_t slot, const struct placement_load *a, const struct placement_load *b)
{
    if (a->busy / PLACEMENT_STEP != b->busy / PLACEMENT_STEP) {
        return a->busy < b->busy;
    }
    if (a->serves != b->serves) {
        return a->serves < b->serves;
    }
    return hash_bytes(bytes_make(a->node.text, CLUSTER_ID_LEN), slot) <
           hash_bytes(bytes_make(b->node.text, CLUSTER_ID_LEN), slot);
}

/* By insertion: there are few, and seldom. */
size_t placement_order(const struct placement *p, uint16_t slot, const struct cluster_id *out[])
{
    const struct placement_load *sorted[PLACEMENT_LOADS_MAX];

    for (size_t i = 0; i < p->count; i++) {
        size_t at = i;

        while (at > 0 && is_before(slot, &p->loads[i], sorted[at - 1])) {
            sorted[at] = sorted[at - 1];
            at--;
        }
        sorted[at] = &p->loads[i];
    }
    for (size_t i = 0; i < p->count; i++) {
        out[i] = &sorted[i]->node;
    }
    return p->count;
}
