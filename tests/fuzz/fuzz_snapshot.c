/* SPDX-License-Identifier: MIT */
/* Snapshots and payloads of RESTORE: whatever the bytes, they are read the same in pieces as
 * whole, what is held stays in proportion to what came, and nothing outside is touched.
 *
 * Input: one byte that seeds the places of the cuts, then the snapshot; the same bytes then serve
 * as a payload, as they are and with right trailers. */
#include "tests/fuzz/fuzz.h"

#include "base/assert.h"
#include "base/codec.h"
#include "base/crc.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/rng.h"
#include "persist/rdb.h"
#include "store/value.h"
#include "store/value_space.h"

#include <stdlib.h>

enum {
    MAX_VALUE = 64 * 1024,
    EXPANSION = 100, /* a little more than compression can reach */
    OVERHEAD = 8 * 1024,
};

struct outcome {
    enum rdb_status status;
    struct errmsg error;
    uint64_t records;
    uint64_t sum;
    uint64_t consumed;
};

/* However it came about, what was accepted is sound. */
static void check_memory(const struct value *value)
{
    const struct value_ops *ops = value_types_builtin.kinds[value->type].ops;

    if (value->memory != NULL && ops->check != NULL) {
        ops->check(value->memory);
    }
}

static void note_record(void *context, const struct rdb_record *record)
{
    struct outcome *o = context;

    ASSERT(record->db < 16);
    ASSERT(record->expire_at_ms >= EXPIRE_NEVER);
    ASSERT(record->key.len <= MAX_VALUE && record->value->inlined.len <= MAX_VALUE);
    check_memory(record->value);
    o->sum = hash_bytes(record->key, o->sum + record->db);
    o->sum = hash_bytes(record->value->inlined, o->sum + (uint64_t)record->expire_at_ms);
    o->records++;
}

/* One for all inputs. */
static struct value_space *values(void)
{
    static struct value_space space;

    if (space.types == NULL) {
        value_space_init(&space, &value_types_builtin, 1, 0);
    }
    return &space;
}

static struct outcome read_snapshot(struct bytes in, size_t step, uint64_t seed)
{
    struct outcome o = {.status = RDB_MORE};
    struct rdb_reader_options options = {.on_record = note_record,
                                         .context = &o,
                                         .database_count = 16,
                                         .max_value_bytes = MAX_VALUE,
                                         .space = values()};
    struct rdb_reader *reader = rdb_reader_new(&options);
    struct rng rng;

    rng_init(&rng, seed);
    while (o.status == RDB_MORE && in.len > 0) {
        size_t len = 1 + rng_below(&rng, step < in.len ? step : in.len);
        char *copy = malloc(len);
        size_t used;

        ASSERT(copy != NULL);
        memcpy(copy, in.data, len);
        o.status = rdb_reader_feed(reader, bytes_make(copy, len), &used, &o.error);
        ASSERT(used <= len && (o.status != RDB_MORE || used == len));
        free(copy);
        o.consumed += used;
        in = bytes_from(in, used);
        ASSERT(mem_used_total() <= OVERHEAD + 4 * o.consumed + EXPANSION * o.consumed);
    }
    rdb_reader_free(reader);
    return o;
}

static void check_snapshot(struct bytes in, uint64_t seed)
{
    struct outcome whole = read_snapshot(in, SIZE_MAX, 0);

    for (size_t step = 1; step <= 64; step *= 8) {
        struct outcome pieces = read_snapshot(in, step, seed);

        ASSERT(pieces.status == whole.status);
        ASSERT(pieces.records == whole.records && pieces.sum == whole.sum);
        ASSERT(strcmp(pieces.error.text, whole.error.text) == 0);
        ASSERT(whole.status == RDB_ERROR || pieces.consumed == whole.consumed);
    }
}

static void check_payload(struct bytes payload)
{
    struct value_reader reader = {0};
    struct errmsg error = {0};
    bool is_good = value_restore(values(), payload, &reader, &error);

    ASSERT(is_good == (error.text[0] == '\0'));
    ASSERT(reader.text.cap <= OVERHEAD + EXPANSION * payload.len);
    if (is_good) {
        /* What was read can be written and read again. */
        struct value value = value_reader_take(&reader);
        struct buf again = {0};
        struct buf back = {0};
        struct decoder d;
        uint64_t needed;

        value_encode_string(&again, value.inlined);
        d = decoder_make(buf_bytes(&again));
        ASSERT(value_decode_string(&d, value.inlined.len, &back, &needed, NULL) == VALUE_CODEC_OK ||
               value.inlined.len == 0);
        ASSERT(bytes_equal(buf_bytes(&back), value.inlined));
        buf_deinit(&again);
        buf_deinit(&back);
        check_memory(&value);
        value_discard(&value_types_builtin, &value);
    }
    value_reader_deinit(&reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint16_t versions[] = {RDB_VERSION, RDB_VERSION_VALKEY};
    struct bytes in;
    struct buf payload = {0};

    if (size < 1) {
        return 0;
    }
    in = bytes_make(data + 1, size - 1);
    check_snapshot(in, data[0]);
    check_payload(in);
    for (size_t i = 0; i < ARRAY_COUNT(versions); i++) {
        buf_clear(&payload);
        buf_append_bytes(&payload, in);
        encode_u16_le(&payload, versions[i]);
        encode_u64_le(&payload, crc64(0, buf_bytes(&payload)));
        check_payload(buf_bytes(&payload));
    }
    buf_deinit(&payload);
    ASSERT(mem_used_total() == 0);
    return 0;
}
