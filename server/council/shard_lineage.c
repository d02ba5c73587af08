/* SPDX-License-Identifier: MIT */
#include "council/shard_lineage.h"

#include "base/assert.h"

#include <string.h>

struct shard_data shard_data_make(const struct history_id *history, uint64_t offset,
                                  const struct lineage *lineage)
{
    struct shard_data data = {.history = *history, .offset = offset};
    size_t skipped =
        lineage->count > SHARD_DATA_ANCESTORS ? lineage->count - SHARD_DATA_ANCESTORS : 0;

    for (size_t i = skipped; i < lineage->count; i++) {
        data.ancestors[data.ancestor_count++] = lineage->items[i];
    }
    return data;
}

void shard_ancestors_encode(struct buf *out, const struct shard_data *data)
{
    ASSERT(data->ancestor_count <= SHARD_DATA_ANCESTORS);
    encode_u8(out, (uint8_t)data->ancestor_count);
    for (size_t i = 0; i < data->ancestor_count; i++) {
        buf_append(out, data->ancestors[i].history.text, HISTORY_ID_LEN);
        encode_u64_be(out, data->ancestors[i].end);
    }
}

static void decode_ancestor(struct decoder *d, struct shard_data *out)
{
    struct bytes field = decode_bytes(d, HISTORY_ID_LEN);
    uint64_t end = decode_u64_be(d);
    struct ancestor *ancestor = &out->ancestors[out->ancestor_count];
    size_t len = field.len == 0 ? 0 : strnlen(field.data, field.len);

    if (!decoder_is_ok(d) || !history_id_parse_any(bytes_prefix(field, len), &ancestor->history) ||
        (out->ancestor_count > 0 && ancestor[-1].end > end)) {
        d->failed = true;
        return;
    }
    ancestor->end = end;
    for (size_t i = 0; i < out->ancestor_count; i++) {
        if (history_id_equal(&out->ancestors[i].history, &ancestor->history)) {
            d->failed = true;
            return;
        }
    }
    out->ancestor_count++;
}

void shard_ancestors_decode(struct decoder *d, struct shard_data *out)
{
    size_t count = decode_u8(d);

    out->ancestor_count = 0;
    if (count > SHARD_DATA_ANCESTORS) {
        d->failed = true;
    }
    for (size_t i = 0; i < count && decoder_is_ok(d); i++) {
        decode_ancestor(d, out);
    }
}

static struct shard_place part_of(uint64_t offset, uint64_t end)
{
    return (struct shard_place){
        .offset = offset < end ? offset : end, .is_of_shard = true, .has_no_tail = offset <= end};
}

struct shard_place shard_place_of(const struct shard_record *record, const struct shard_data *data)
{
    uint64_t end;

    ASSERT(!shard_record_is_none(record));
    if (history_id_equal(&record->history, &data->history)) {
        return part_of(data->offset, UINT64_MAX);
    }
    if (lineage_find(&record->lineage, &data->history, &end)) {
        return part_of(data->offset, end);
    }
    for (size_t i = data->ancestor_count; i > 0; i--) {
        const struct ancestor *left = &data->ancestors[i - 1];

        if (history_id_equal(&record->history, &left->history)) {
            return part_of(left->end, UINT64_MAX);
        }
        if (lineage_find(&record->lineage, &left->history, &end)) {
            struct shard_place place = part_of(left->end, end);

            place.has_no_tail = false; /* they went another way from there */
            return place;
        }
    }
    return (struct shard_place){0};
}

/* Append those of the newer one from index on, as far as there is room. */
static void add_from(struct lineage *to, const struct lineage *from, size_t index)
{
    for (size_t i = index; i < from->count; i++) {
        lineage_add(to, &from->items[i].history, from->items[i].end);
    }
}

static bool index_of(const struct lineage *lineage, const struct history_id *history, size_t *index)
{
    for (size_t i = 0; i < lineage->count; i++) {
        if (history_id_equal(&lineage->items[i].history, history)) {
            *index = i;
            return true;
        }
    }
    return false;
}

static void keep_newest(struct lineage *lineage)
{
    size_t skipped =
        lineage->count > SHARD_RECORD_ANCESTORS ? lineage->count - SHARD_RECORD_ANCESTORS : 0;

    memmove(lineage->items, lineage->items + skipped,
            (lineage->count - skipped) * sizeof(lineage->items[0]));
    lineage->count -= skipped;
    lineage_check(lineage);
}

/* Data that went another way: what they share with the trunk, and then their own. */
static void branch_off(struct lineage *trunk, const struct lineage *own)
{
    size_t at;

    for (size_t i = own->count; i > 0; i--) {
        if (index_of(trunk, &own->items[i - 1].history, &at)) {
            trunk->count = at;
            add_from(trunk, own, i - 1);
            return;
        }
    }
    *trunk = *own;
}

void shard_record_grow(struct shard_record *record, const struct history_id *history,
                       const struct lineage *lineage)
{
    struct lineage *trunk = &record->lineage;
    size_t at;

    if (!history_id_equal(&record->history, history)) {
        if (index_of(lineage, &record->history, &at)) {
            add_from(trunk, lineage, at);
        } else if (index_of(trunk, history, &at)) {
            trunk->count = at;
        } else {
            branch_off(trunk, lineage);
        }
    }
    record->history = *history;
    keep_newest(trunk);
}
