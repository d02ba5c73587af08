/* SPDX-License-Identifier: MIT */
/* Snapshots and payloads of other servers, against what those servers said of each key. */
#include "persist/rdb.h"

#include "base/mem.h"
#include "base/num.h"
#include "store/value.h"
#include "tests/types/skipped.h"
#include "tests/unit/server/persist/sample.h"

#include <criterion/criterion.h>

#include <inttypes.h>

static const char *const names[] = {"redis7", "redis8dev", "valkey8dev"};

enum {
    KEYS_MAX = 64,
    RDB_TYPES = 32,
    DUMP_TRAILER = 2 + 8, /* of a payload: version and checksum */
};

/* One sample being read. */
struct reading {
    struct sample sample;
    struct skipped_types skipped;
    struct keyspace *ks;
    bool is_seen[KEYS_MAX];
    unsigned skip_counts[RDB_TYPES];
    unsigned compared;
};

static void reading_begin(struct reading *r, const char *name)
{
    struct keyspace_options options = {
        .database_count = 16, .arena_bytes = 64 << 20, .types = &r->skipped.types};

    *r = (struct reading){0};
    skipped_types_init(&r->skipped, &value_types_builtin);
    r->ks = keyspace_new(&options);
    sample_open(&r->sample, name);
    cr_assert_leq(r->sample.keys->count, KEYS_MAX);
}

static void reading_end(struct reading *r)
{
    keyspace_check(r->ks);
    keyspace_free(r->ks);
    sample_close(&r->sample);
}

static size_t find_key(const struct reading *r, struct bytes key)
{
    for (size_t i = 0; i < r->sample.keys->count; i++) {
        struct buf name = sample_key(&r->sample.keys->members[i]);
        bool is_found = bytes_equal(buf_bytes(&name), key);

        buf_deinit(&name);
        if (is_found) {
            return i;
        }
    }
    cr_assert_fail("%s: nothing is known of key %.*s", r->sample.name, BYTES_ARGS(key));
    return 0;
}

/* Put it into the key space, and compare it there. */
static void check_value(struct reading *r, struct bytes key, struct value *value,
                        const struct json_member *member)
{
    struct key_ref ref = keyspace_ref(r->ks, 0, key);

    keyspace_put(r->ks, &ref, value, EXPIRE_NEVER);
    sample_expect(keyspace_types(r->ks), keyspace_find_any(r->ks, &ref), member);
    r->compared++;
}

static void note_record(void *context, const struct rdb_record *record)
{
    struct reading *r = context;
    const struct json_member *member;
    const struct json *expiry;
    int64_t expire_at_ms = EXPIRE_NEVER;
    size_t index;

    if (record->db == 3) {
        cr_assert(bytes_equal_text(record->key, "other:db"));
        cr_assert(bytes_equal_text(record->value->inlined, "1"));
        return;
    }
    cr_assert_eq(record->db, 0);
    index = find_key(r, record->key);
    cr_assert_not(r->is_seen[index], "%.*s is there twice", BYTES_ARGS(record->key));
    r->is_seen[index] = true;
    member = &r->sample.keys->members[index];
    expiry = json_member(&member->value, "pexpiretime");
    if (expiry != NULL) {
        cr_assert(num_parse_i64(buf_bytes(&expiry->text), &expire_at_ms));
    }
    cr_assert_eq(record->expire_at_ms, expire_at_ms);
    if (record->value->type == SKIPPED) {
        r->skip_counts[skipped_rdb_type(record->value)]++;
    } else {
        check_value(r, record->key, record->value, member);
    }
}

/* Read the snapshot in pieces of that size. */
static void read_snapshot(struct reading *r, size_t step)
{
    struct rdb_reader_options options = {.on_record = note_record,
                                         .context = r,
                                         .database_count = 16,
                                         .max_value_bytes = 1024 * 1024,
                                         .space = keyspace_values(r->ks)};
    struct rdb_reader *reader = rdb_reader_new(&options);
    struct bytes in = buf_bytes(&r->sample.rdb);
    enum rdb_status status = RDB_MORE;
    struct errmsg error = {0};

    while (status == RDB_MORE && in.len > 0) {
        size_t used;

        status =
            rdb_reader_feed(reader, bytes_prefix(in, step < in.len ? step : in.len), &used, &error);
        in = bytes_from(in, used);
    }
    cr_assert_eq(status, RDB_OK, "%s: %s", r->sample.name, error.text);
    cr_assert_eq(in.len, 0);
    rdb_reader_free(reader);
    for (size_t i = 0; i < r->sample.keys->count; i++) {
        const struct buf *name = &r->sample.keys->members[i].name;

        cr_assert(r->is_seen[i], "%s: %.*s is missing", r->sample.name, (int)name->len, name->data);
    }
}

static void check_snapshots(size_t step)
{
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        struct reading r;

        reading_begin(&r, names[i]);
        read_snapshot(&r, step);
        /* Thirteen strings at least. */
        cr_assert_geq(r.compared, 13);
        reading_end(&r);
    }
    cr_assert_eq(mem_used_total(), 0);
}

Test(samples, snapshots_of_other_servers_have_the_values_that_those_servers_gave)
{
    check_snapshots(SIZE_MAX);
}

Test(samples, in_pieces_they_have_the_same, .timeout = 60)
{
    check_snapshots(997);
}

Test(samples, there_is_no_type_that_cannot_be_held)
{
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        struct reading r;

        reading_begin(&r, names[i]);
        read_snapshot(&r, SIZE_MAX);
        for (size_t type = 0; type < RDB_TYPES; type++) {
            cr_assert_eq(r.skip_counts[type], 0, "%s: %u records of RDB type %zu (%s) are not read",
                         names[i], r.skip_counts[type], type, value_rdb_type_name((uint8_t)type));
        }
        reading_end(&r);
    }
}

/* ---- DUMP ----------------------------------------------------------------------------------------- */

static struct value restore(struct reading *r, struct bytes payload, struct value_reader *reader)
{
    struct errmsg error = {0};

    cr_assert(value_restore(keyspace_values(r->ks), payload, reader, &error), "%s", error.text);
    return value_reader_take(reader);
}

/* What we dump of the value is equal to it. */
static void check_own_dump(struct reading *r, struct bytes key)
{
    struct key_ref ref = keyspace_ref(r->ks, 0, key);
    struct key_ref again = keyspace_ref(r->ks, 1, key);
    const struct value_types *types = keyspace_types(r->ks);
    struct value_reader reader = {0};
    struct buf payload = {0};
    struct value value;
    const struct entry *e = keyspace_find_any(r->ks, &ref);
    uint64_t digest = value_ops_of(types, e)->digest(e, 1);

    value_dump(types, e, &payload);
    value = restore(r, buf_bytes(&payload), &reader);
    keyspace_put(r->ks, &again, &value, EXPIRE_NEVER);
    e = keyspace_find_any(r->ks, &again);
    cr_assert_eq(value_ops_of(types, e)->digest(e, 1), digest, "%.*s", BYTES_ARGS(key));
    value_reader_deinit(&reader);
    buf_deinit(&payload);
}

static void check_payload(struct reading *r, const struct json_member *member, struct bytes payload)
{
    struct value_reader reader = {0};
    struct value value = restore(r, payload, &reader);
    struct buf key = sample_key(member);

    if (value.type == SKIPPED) {
        r->skip_counts[skipped_rdb_type(&value)]++;
        value_discard(keyspace_types(r->ks), &value);
    } else {
        check_value(r, buf_bytes(&key), &value, member);
        check_own_dump(r, buf_bytes(&key));
    }
    value_reader_deinit(&reader);
    buf_deinit(&key);
}

/* Call for every payload of every sample. */
static void each_payload(void (*check)(struct reading *r, const struct json_member *member,
                                       struct bytes payload),
                         unsigned compared_min)
{
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        struct reading r;

        reading_begin(&r, names[i]);
        for (size_t k = 0; k < r.sample.keys->count; k++) {
            const struct json_member *member = &r.sample.keys->members[k];
            const struct json *dump = json_member(&member->value, "dump");

            if (dump != NULL) {
                struct buf payload = sample_base64(buf_bytes(&dump->text));

                check(&r, member, buf_bytes(&payload));
                buf_deinit(&payload);
            }
        }
        cr_assert_geq(r.compared, compared_min);
        reading_end(&r);
    }
    cr_assert_eq(mem_used_total(), 0);
}

Test(samples, payloads_of_other_servers_have_the_values_that_those_servers_gave)
{
    each_payload(check_payload, 12);
}

static void check_compact(struct reading *r, const struct json_member *member, struct bytes payload)
{
    struct bytes body = bytes_make(payload.data + 1, payload.len - 1 - DUMP_TRAILER);

    r->compared += sample_expect_compact((uint8_t)payload.data[0], body, member) ? 1 : 0;
}

Test(samples, compact_forms_in_payloads_have_the_elements_that_those_servers_gave)
{
    each_payload(check_compact, 15);
}

static void check_stream(struct reading *r, const struct json_member *member, struct bytes payload)
{
    struct bytes body = bytes_make(payload.data + 1, payload.len - 1 - DUMP_TRAILER);

    r->compared += sample_expect_stream((uint8_t)payload.data[0], body, member) ? 1 : 0;
}

Test(samples, nodes_of_streams_in_payloads_have_the_entries_that_those_servers_gave)
{
    each_payload(check_stream, 6);
}
