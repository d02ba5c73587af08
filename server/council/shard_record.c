/* SPDX-License-Identifier: MIT */
#include "council/shard_record.h"

#include "base/assert.h"

#include <string.h>

enum {
    RANGES_MAX = 512 /* above it the bits take less */
};

/* Of the sections behind the slots. */
enum section_tag {
    SECTION_MOVES = 0,
    SECTION_RANGES = 1,
    SECTION_SYNC = 2,
};

bool shard_record_has_holder(const struct shard_record *record, const struct cluster_id *node)
{
    ASSERT(record->holder_count <= SHARD_HOLDERS_MAX);
    for (size_t i = 0; i < record->holder_count; i++) {
        if (cluster_id_equal(&record->holders[i], node)) {
            return true;
        }
    }
    return false;
}

static void encode_history(struct buf *out, const struct history_id *history)
{
    size_t len = strlen(history->text);

    ASSERT(len > 0 && len <= HISTORY_ID_LEN);
    encode_u8(out, (uint8_t)len);
    buf_append(out, history->text, len);
}

static void decode_history(struct decoder *d, struct history_id *out)
{
    if (!history_id_parse_any(decode_bytes(d, decode_u8(d)), out)) {
        d->failed = true;
    }
}

/* From the first slot at or behind *slot that is in the set to the last that follows it; false: there is none. */
static bool next_range(const uint64_t *slots, uint32_t *slot, uint16_t *first)
{
    *slot = (uint32_t)bitset_next(slots, SLOT_COUNT, *slot, true);
    if (*slot == SLOT_COUNT) {
        return false;
    }
    *first = (uint16_t)*slot;
    *slot = (uint32_t)bitset_next(slots, SLOT_COUNT, *slot, false);
    return true;
}

void shard_slots_encode(struct buf *out, const uint64_t slots[SHARD_SLOT_WORDS])
{
    uint16_t count = 0;
    uint16_t first;

    for (uint32_t slot = 0; next_range(slots, &slot, &first);) {
        count++;
    }
    if (count > RANGES_MAX) {
        encode_u16_be(out, UINT16_MAX);
        for (size_t i = 0; i < SHARD_SLOT_WORDS; i++) {
            encode_u64_le(out, slots[i]);
        }
        return;
    }
    encode_u16_be(out, count);
    for (uint32_t slot = 0; next_range(slots, &slot, &first);) {
        encode_u16_be(out, first);
        encode_u16_be(out, (uint16_t)(slot - 1));
    }
}

static void decode_ranges(struct decoder *d, size_t count, uint64_t *slots)
{
    uint32_t next = 0; /* the first slot that a range may begin with */

    for (size_t i = 0; i < count; i++) {
        uint32_t first = decode_u16_be(d);
        uint32_t last = decode_u16_be(d);

        if (!decoder_is_ok(d) || first < next || last < first || last >= SLOT_COUNT) {
            d->failed = true;
            return;
        }
        for (uint32_t slot = first; slot <= last; slot++) {
            bitset_add(slots, slot);
        }
        next = last + 2;
    }
}

void shard_slots_decode(struct decoder *d, uint64_t slots[SHARD_SLOT_WORDS])
{
    uint16_t count = decode_u16_be(d);

    memset(slots, 0, SHARD_SLOT_WORDS * sizeof(slots[0]));
    if (count <= RANGES_MAX) {
        decode_ranges(d, count, slots);
        return;
    }
    if (count != UINT16_MAX) {
        d->failed = true;
    }
    for (size_t i = 0; i < SHARD_SLOT_WORDS; i++) {
        slots[i] = decode_u64_le(d);
    }
}

bool shard_slots_overlap(struct bytes encoded, const uint64_t slots[SHARD_SLOT_WORDS])
{
    struct decoder d = decoder_make(encoded);
    uint16_t count = decode_u16_be(&d);
    bool is_any = false;

    for (size_t i = 0; i < count && count <= RANGES_MAX && !is_any; i++) {
        uint32_t first = decode_u16_be(&d);
        uint32_t last = decode_u16_be(&d);

        is_any = bitset_next(slots, last + 1, first, true) <= last;
    }
    for (size_t i = 0; i < SHARD_SLOT_WORDS && count > RANGES_MAX && !is_any; i++) {
        is_any = (decode_u64_le(&d) & slots[i]) != 0;
    }
    ASSERT(decoder_is_ok(&d));
    return is_any;
}

static void encode_moves(struct buf *out, const struct shard_record *record)
{
    encode_u8(out, (uint8_t)record->move_count);
    for (size_t i = 0; i < record->move_count; i++) {
        encode_u16_be(out, record->moves[i].slot);
        encode_u8(out, (uint8_t)record->moves[i].kind);
        cluster_id_encode(out, &record->moves[i].peer);
    }
}

/* A record without any is as it was before there were sections.  Moves are fewer than 256, so that their number, once two
 * bytes, is a tag and one byte. */
static void encode_sections(struct buf *out, const struct shard_record *record)
{
    if (record->move_count > 0) {
        encode_u8(out, SECTION_MOVES);
        encode_moves(out, record);
    }
    if (record->ranges.count > 0) {
        encode_u8(out, SECTION_RANGES);
        shard_ranges_encode(out, &record->ranges);
    }
    if (record->sync.required > 0) {
        encode_u8(out, SECTION_SYNC);
        shard_sync_encode(out, &record->sync);
    }
}

void shard_record_encode(struct buf *out, const struct shard_record *record)
{
    ASSERT(shard_record_makes_sense(record));
    cluster_id_encode(out, &record->shard);
    encode_u64_be(out, record->version);
    encode_u64_be(out, record->epoch);
    cluster_id_encode(out, &record->primary);
    encode_u8(out, (uint8_t)record->holder_count);
    for (size_t i = 0; i < record->holder_count; i++) {
        cluster_id_encode(out, &record->holders[i]);
    }
    encode_history(out, &record->history);
    encode_u8(out, (uint8_t)record->lineage.count);
    for (size_t i = 0; i < record->lineage.count; i++) {
        encode_history(out, &record->lineage.items[i].history);
        encode_u64_be(out, record->lineage.items[i].end);
    }
    encode_u8(out, record->is_begun ? 1 : 0);
    shard_slots_encode(out, record->slots);
    encode_sections(out, record);
}

static bool decode_bool(struct decoder *d)
{
    uint8_t byte = decode_u8(d);

    d->failed = d->failed || byte > 1;
    return byte == 1;
}

static void decode_lineage(struct decoder *d, struct lineage *out)
{
    size_t count = decode_u8(d);

    if (count > LINEAGE_MAX) {
        d->failed = true;
        return;
    }
    for (size_t i = 0; i < count && decoder_is_ok(d); i++) {
        struct history_id history = {0};
        uint64_t end;

        decode_history(d, &history);
        end = decode_u64_be(d);
        lineage_add(out, &history, end);
    }
    if (out->count != count) {
        d->failed = true; /* ends that do not rise, or a history that comes twice */
    }
}

static void decode_moves(struct decoder *d, struct shard_record *out)
{
    size_t count = decode_u8(d);

    if (count == 0 || count > SHARD_MOVES_MAX) {
        d->failed = true;
        return;
    }
    for (size_t i = 0; i < count && decoder_is_ok(d); i++) {
        out->moves[i].slot = decode_u16_be(d);
        out->moves[i].kind = (enum shard_move_kind)decode_u8(d);
        cluster_id_decode(d, &out->moves[i].peer);
    }
    out->move_count = count;
}

static void decode_sections(struct decoder *d, struct shard_record *out)
{
    int last = -1;

    while (decoder_is_ok(d) && decoder_left(d) > 0) {
        int tag = decode_u8(d);

        if (tag <= last) {
            d->failed = true;
        } else if (tag == SECTION_MOVES) {
            decode_moves(d, out);
        } else if (tag == SECTION_RANGES) {
            shard_ranges_decode(d, &out->ranges);
        } else if (tag == SECTION_SYNC) {
            shard_sync_decode(d, &out->sync);
        } else {
            d->failed = true; /* of a newer build: what it means is not known here */
        }
        last = tag;
    }
}

void shard_record_decode(struct decoder *d, struct shard_record *out)
{
    *out = (struct shard_record){0};
    cluster_id_decode(d, &out->shard);
    out->version = decode_u64_be(d);
    out->epoch = decode_u64_be(d);
    cluster_id_decode(d, &out->primary);
    out->holder_count = decode_u8(d);
    if (out->holder_count > SHARD_HOLDERS_MAX) {
        out->holder_count = 0;
        d->failed = true;
    }
    for (size_t i = 0; i < out->holder_count; i++) {
        cluster_id_decode(d, &out->holders[i]);
    }
    decode_history(d, &out->history);
    decode_lineage(d, &out->lineage);
    out->is_begun = decode_bool(d);
    shard_slots_decode(d, out->slots);
    decode_sections(d, out);
    if (!decoder_is_ok(d) || !shard_record_makes_sense(out)) {
        d->failed = true;
        *out = (struct shard_record){0};
    }
}

static bool moves_make_sense(const struct shard_record *record)
{
    for (size_t i = 0; i < record->move_count; i++) {
        const struct shard_move *move = &record->moves[i];

        if (move->slot >= SLOT_COUNT || (unsigned)move->kind >= SHARD_MOVE_KINDS ||
            cluster_id_is_none(&move->peer)) {
            return false;
        }
        for (size_t j = 0; j < i; j++) {
            if (record->moves[j].slot == move->slot) {
                return false;
            }
        }
    }
    return true;
}

static bool sync_makes_sense(const struct shard_record *record)
{
    for (size_t i = 0; i < record->sync.count; i++) {
        if (!shard_record_has_holder(record, &record->sync.members[i].node)) {
            return false;
        }
    }
    return shard_sync_makes_sense(&record->sync);
}

bool shard_record_makes_sense(const struct shard_record *record)
{
    if (cluster_id_is_none(&record->shard) || cluster_id_is_none(&record->primary) ||
        record->version == 0 || history_id_is_empty(&record->history) ||
        shard_record_has_holder(record, &record->primary) || !moves_make_sense(record) ||
        !shard_ranges_make_sense(&record->ranges) || !sync_makes_sense(record)) {
        return false;
    }
    for (size_t i = 0; i < record->holder_count; i++) {
        if (cluster_id_is_none(&record->holders[i])) {
            return false;
        }
        for (size_t j = 0; j < i; j++) {
            if (cluster_id_equal(&record->holders[i], &record->holders[j])) {
                return false;
            }
        }
    }
    return true;
}
