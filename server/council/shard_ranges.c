/* SPDX-License-Identifier: MIT */
#include "council/shard_ranges.h"

#include "base/assert.h"

#include <string.h>

const struct shard_range *shard_ranges_find(const struct shard_ranges *ranges,
                                            const struct cluster_id *id)
{
    ASSERT(ranges->count <= SHARD_RANGES_MAX);
    for (size_t i = 0; i < ranges->count; i++) {
        if (cluster_id_equal(&ranges->items[i].id, id)) {
            return &ranges->items[i];
        }
    }
    return NULL;
}

const struct shard_range *shard_ranges_of_slot(const struct shard_ranges *ranges, uint16_t slot)
{
    for (size_t i = 0; i < ranges->count; i++) {
        if (shard_range_has(&ranges->items[i], slot)) {
            return &ranges->items[i];
        }
    }
    return NULL;
}

static bool range_equal(const struct shard_range *a, const struct shard_range *b)
{
    return cluster_id_equal(&a->id, &b->id) && a->kind == b->kind &&
           cluster_id_equal(&a->shard, &b->shard) && cluster_id_equal(&a->node, &b->node) &&
           a->run_count == b->run_count &&
           memcmp(a->runs, b->runs, a->run_count * sizeof(a->runs[0])) == 0;
}

bool shard_ranges_equal(const struct shard_ranges *a, const struct shard_ranges *b)
{
    if (a->count != b->count) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (!range_equal(&a->items[i], &b->items[i])) {
            return false;
        }
    }
    return true;
}

void shard_ranges_remove(struct shard_ranges *ranges, const struct cluster_id *id)
{
    const struct shard_range *found = shard_ranges_find(ranges, id);
    size_t at;

    if (found == NULL) {
        return;
    }
    at = (size_t)(found - ranges->items);
    ranges->count--;
    memmove(ranges->items + at, ranges->items + at + 1,
            (ranges->count - at) * sizeof(ranges->items[0]));
}

/* ---- its slots ------------------------------------------------------------------------------------ */

void shard_range_add_to(const struct shard_range *range, uint64_t slots[BITSET_WORDS(SLOT_COUNT)])
{
    for (size_t i = 0; i < range->run_count; i++) {
        for (uint32_t slot = range->runs[i].first; slot <= range->runs[i].last; slot++) {
            bitset_add(slots, slot);
        }
    }
}

bool shard_range_set_slots(struct shard_range *range,
                           const uint64_t slots[BITSET_WORDS(SLOT_COUNT)])
{
    size_t slot = bitset_next(slots, SLOT_COUNT, 0, true);

    range->run_count = 0;
    while (slot < SLOT_COUNT) {
        size_t end = bitset_next(slots, SLOT_COUNT, slot, false);

        if (range->run_count == SLOT_RUNS_MAX) {
            return false;
        }
        range->runs[range->run_count++] =
            (struct slot_run){.first = (uint16_t)slot, .last = (uint16_t)(end - 1)};
        slot = bitset_next(slots, SLOT_COUNT, end, true);
    }
    return range->run_count > 0;
}

size_t shard_range_slot_count(const struct shard_range *range)
{
    size_t count = 0;

    for (size_t i = 0; i < range->run_count; i++) {
        count += (size_t)(range->runs[i].last - range->runs[i].first) + 1;
    }
    return count;
}

void shard_range_format(const struct shard_range *range, struct buf *out)
{
    for (size_t i = 0; i < range->run_count; i++) {
        const struct slot_run *run = &range->runs[i];

        buf_printf(out, i == 0 ? "%u" : " %u", run->first);
        if (run->last > run->first) {
            buf_printf(out, "-%u", run->last);
        }
    }
}

/* ---- bytes ---------------------------------------------------------------------------------------- */

static void encode_range(struct buf *out, const struct shard_range *range)
{
    cluster_id_encode(out, &range->id);
    encode_u8(out, (uint8_t)range->kind);
    cluster_id_encode(out, &range->shard);
    cluster_id_encode(out, &range->node);
    encode_u8(out, (uint8_t)range->run_count);
    for (size_t i = 0; i < range->run_count; i++) {
        encode_u16_be(out, range->runs[i].first);
        encode_u16_be(out, range->runs[i].last);
    }
}

void shard_ranges_encode(struct buf *out, const struct shard_ranges *ranges)
{
    ASSERT(ranges->count <= SHARD_RANGES_MAX);
    encode_u8(out, (uint8_t)ranges->count);
    for (size_t i = 0; i < ranges->count; i++) {
        encode_range(out, &ranges->items[i]);
    }
}

static void decode_range(struct decoder *d, struct shard_range *out)
{
    cluster_id_decode(d, &out->id);
    out->kind = (enum shard_range_kind)decode_u8(d);
    cluster_id_decode(d, &out->shard);
    cluster_id_decode(d, &out->node);
    out->run_count = decode_u8(d);
    if (out->run_count > SLOT_RUNS_MAX) {
        out->run_count = 0;
        d->failed = true;
    }
    for (size_t i = 0; i < out->run_count; i++) {
        out->runs[i].first = decode_u16_be(d);
        out->runs[i].last = decode_u16_be(d);
    }
}

void shard_ranges_decode(struct decoder *d, struct shard_ranges *out)
{
    size_t count = decode_u8(d);

    *out = (struct shard_ranges){0};
    if (count > SHARD_RANGES_MAX) {
        d->failed = true;
        return;
    }
    for (size_t i = 0; i < count && decoder_is_ok(d); i++) {
        decode_range(d, &out->items[i]);
    }
    out->count = decoder_is_ok(d) ? count : 0;
    if (!shard_ranges_make_sense(out)) {
        d->failed = true;
        *out = (struct shard_ranges){0};
    }
}

static bool runs_make_sense(const struct shard_range *range)
{
    uint32_t next = 0; /* the first slot that a run may begin with */

    for (size_t i = 0; i < range->run_count; i++) {
        const struct slot_run *run = &range->runs[i];

        if (run->first < next || run->last < run->first || run->last >= SLOT_COUNT) {
            return false;
        }
        next = (uint32_t)run->last + 2;
    }
    return range->run_count > 0;
}

static bool overlap(const struct shard_range *a, const struct shard_range *b)
{
    for (size_t i = 0; i < a->run_count; i++) {
        for (size_t j = 0; j < b->run_count; j++) {
            if (a->runs[i].first <= b->runs[j].last && b->runs[j].first <= a->runs[i].last) {
                return true;
            }
        }
    }
    return false;
}

bool shard_ranges_make_sense(const struct shard_ranges *ranges)
{
    for (size_t i = 0; i < ranges->count; i++) {
        const struct shard_range *range = &ranges->items[i];

        if (cluster_id_is_none(&range->id) || cluster_id_is_none(&range->shard) ||
            cluster_id_is_none(&range->node) || (unsigned)range->kind >= SHARD_RANGE_KINDS ||
            !runs_make_sense(range)) {
            return false;
        }
        for (size_t j = 0; j < i; j++) {
            if (cluster_id_equal(&ranges->items[j].id, &range->id) ||
                overlap(&ranges->items[j], range)) {
                return false;
            }
        }
    }
    return true;
}
