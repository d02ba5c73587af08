/* SPDX-License-Identifier: MIT */
/* The key space against a naive model: an array of records, one for each key of each database.
 *
 * Random operations grow and shrink the key space by phases, so that shards split and merge, while
 * a scan and a walk are under way.  Now and then most keys go at once, so that what is left is
 * compacted meanwhile.  Checked all the time:
 *   - the key space holds what the model holds
 *   - a scan visits each entry that stays exactly once
 *   - a walk hands over each entry that was there at its start exactly once, as it was then */
#include "base/buf.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/rng.h"
#include "store/keyspace_state.h"
#include "store/walk.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DATABASES = 3,
    KEYS = 30000, /* of each database */
    STEPS = 120000,
    PHASE_STEPS = 30000,
    CHANGES = 3, /* in a step */
    KEY_TEXT = 1600,
    VALUE_MAX = 9000,
    ARENA_BYTES = 1 << 30,
};

struct record {
    bool is_there;
    bool is_integer;
    int64_t integer;
    struct buf value; /* when it is no integer */
    int64_t expire_at_ms;
    bool was_there_all_scan;
    uint8_t scan_visits;
    bool is_in_image;
    bool is_handed;
    uint64_t image;
};

struct model {
    uint64_t seed;
    struct rng rng;
    struct keyspace *ks;
    bool is_cluster;
    unsigned databases;
    int64_t now_ms;
    struct record *records;
    bool is_scanning;
    unsigned scan_db;
    uint64_t scan_cursor;
    uint64_t image_count;
    uint64_t handed_count;
};

#define EXPECT(model, condition)                                                                   \
    cr_assert(condition,                                                                           \
              "run again with: STARLING_SEED=%llu build/release/tests/model/run --filter "         \
              "'keyspace_model/*'",                                                                \
              (unsigned long long)(model)->seed)

/* ---- keys and values ------------------------------------------------------------------------ */

/* Some keys are long, and in a cluster every fourth is in one hot slot. */
static struct bytes key_text(const struct model *m, unsigned index, char *out)
{
    size_t padding = index % 97 == 0 ? 1500 : index % 31 == 0 ? 300 : 0;
    const char *tag = m->is_cluster && index % 4 == 0 ? "{hot}" : "";
    int len;

    memset(out, 'p', padding);
    len = snprintf(out + padding, KEY_TEXT - padding, "%s:%u", tag, index);
    return bytes_make(out, padding + (size_t)len);
}

static unsigned index_of_key(struct bytes key)
{
    char text[16] = {0};
    size_t start = key.len;

    while (key.data[start - 1] != ':') {
        start--;
    }
    memcpy(text, key.data + start, key.len - start);
    return (unsigned)strtoul(text, NULL, 10);
}

static struct record *record_at(const struct model *m, unsigned db, unsigned index)
{
    return &m->records[(size_t)db * KEYS + index];
}

static struct bytes record_value(const struct record *r, char *scratch)
{
    if (r->is_integer) {
        return bytes_make(scratch, num_format_i64(scratch, r->integer));
    }
    return buf_bytes(&r->value);
}

static uint64_t image_of(struct bytes value, int64_t expire_at_ms)
{
    return hash_bytes(value, (uint64_t)expire_at_ms);
}

static void put_text(struct record *r, struct bytes value)
{
    buf_clear(&r->value);
    r->is_integer = num_parse_i64(value, &r->integer);
    if (!r->is_integer) {
        buf_append_bytes(&r->value, value);
    }
}

static void forget(struct record *r)
{
    r->is_there = false;
    r->was_there_all_scan = false;
    r->is_integer = false;
    buf_deinit(&r->value);
}

static size_t random_len(struct model *m)
{
    switch (rng_below(&m->rng, 20)) {
    case 0:
        return rng_below(&m->rng, VALUE_MAX);
    case 1:
        return 1000 + rng_below(&m->rng, 50);
    case 2:
    case 3:
    case 4:
        return rng_below(&m->rng, 60);
    default: /* most are of one size, so that it fills many pages */
        return 24 + rng_below(&m->rng, 4);
    }
}

static void random_value(struct model *m, struct buf *out)
{
    size_t len = random_len(m);
    char byte = (char)('a' + rng_below(&m->rng, 26));

    buf_clear(out);
    if (rng_one_in(&m->rng, 4)) {
        buf_append_i64(out, (int64_t)rng_u64(&m->rng));
        return;
    }
    for (size_t i = 0; i < len; i++) {
        buf_append_byte(out, byte);
    }
}

static int64_t random_expiry(struct model *m)
{
    if (!rng_one_in(&m->rng, 3)) {
        return EXPIRE_NEVER;
    }
    if (rng_one_in(&m->rng, 50)) {
        return INT64_MAX - (int64_t)rng_below(&m->rng, 1000);
    }
    return m->now_ms + 1 + (int64_t)rng_below(&m->rng, 100000);
}

/* ---- operations ----------------------------------------------------------------------------- */

static void do_set(struct model *m, struct key_ref *ref, struct record *r)
{
    struct buf value = {0};

    r->expire_at_ms = random_expiry(m);
    r->is_there = true;
    random_value(m, &value);
    put_text(r, buf_bytes(&value));
    if (r->is_integer && rng_one_in(&m->rng, 2)) {
        keyspace_set_integer(m->ks, ref, r->integer, r->expire_at_ms);
    } else {
        keyspace_set(m->ks, ref, buf_bytes(&value), r->expire_at_ms);
    }
    buf_deinit(&value);
}

static void do_edit(struct model *m, struct key_ref *ref, struct record *r)
{
    char scratch[NUM_I64_TEXT + 1];
    struct buf edited = {0};
    size_t len = random_len(m);
    struct value_edit edit;

    buf_append_bytes(&edited, record_value(r, scratch));
    keyspace_open_string(m->ks, ref, len, &edit);
    EXPECT(m, edit.old_len == edited.len);
    EXPECT(m, edit.len == (len > edited.len ? len : edited.len));
    EXPECT(m, edit.old_len == 0 || memcmp(edit.data, edited.data, edit.old_len) == 0);
    while (edited.len < len) {
        EXPECT(m, edit.data[edited.len] == '\0');
        buf_append_byte(&edited, '\0');
    }
    if (len > 0) {
        edit.data[len - 1] = 'E';
        edited.data[len - 1] = 'E';
    }
    keyspace_close(m->ks, &edit);
    buf_deinit(&r->value);
    r->value = edited;
    r->is_integer = false;
}

static void do_add(struct model *m, struct key_ref *ref, struct record *r)
{
    r->integer = r->is_integer ? (int64_t)((uint64_t)r->integer + 1) : 7;
    r->is_integer = true;
    keyspace_set_integer(m->ks, ref, r->integer, r->expire_at_ms);
}

static void do_move(struct model *m, struct key_ref *from, struct record *r)
{
    char text[KEY_TEXT];
    unsigned db = (unsigned)rng_below(&m->rng, m->databases);
    unsigned index = (unsigned)rng_below(&m->rng, KEYS);
    struct record *target = record_at(m, db, index);
    struct key_ref to = keyspace_ref(m->ks, db, key_text(m, index, text));

    if (target == r) {
        return;
    }
    keyspace_move(m->ks, from, &to);
    buf_deinit(&target->value);
    target->is_there = true;
    target->is_integer = r->is_integer;
    target->integer = r->integer;
    target->value = buf_steal(&r->value);
    target->expire_at_ms = r->expire_at_ms;
    forget(r);
}

static void do_change(struct model *m, struct key_ref *ref, struct record *r)
{
    switch (rng_below(&m->rng, 6)) {
    case 0:
        do_set(m, ref, r);
        break;
    case 1:
        do_edit(m, ref, r);
        break;
    case 2:
        do_add(m, ref, r);
        break;
    case 3:
        do_move(m, ref, r);
        break;
    default:
        r->expire_at_ms = random_expiry(m);
        keyspace_set_expiry(m->ks, ref, r->expire_at_ms);
        break;
    }
}

/* In a growing phase most keys are set, in a shrinking one most are removed. */
static void do_one_key(struct model *m, bool is_growing)
{
    char text[KEY_TEXT];
    unsigned db = (unsigned)rng_below(&m->rng, m->databases);
    unsigned index = (unsigned)rng_below(&m->rng, KEYS);
    struct record *r = record_at(m, db, index);
    struct key_ref ref = keyspace_ref(m->ks, db, key_text(m, index, text));
    uint64_t choice = rng_below(&m->rng, 10);

    if (choice < 7 && is_growing) {
        do_set(m, &ref, r);
    } else if (choice < 9 && r->is_there && (is_growing || choice < 2)) {
        do_change(m, &ref, r);
    } else if (choice == 9 || !is_growing) {
        EXPECT(m, keyspace_remove(m->ks, &ref) == r->is_there);
        forget(r);
    }
}

static void do_flush(struct model *m)
{
    unsigned db = (unsigned)rng_below(&m->rng, m->databases);

    keyspace_flush(m->ks, db);
    for (unsigned i = 0; i < KEYS; i++) {
        forget(record_at(m, db, i));
    }
}

/* Most keys of all databases go. */
static void do_thin(struct model *m)
{
    char text[KEY_TEXT];

    for (unsigned i = 0; i < m->databases * KEYS; i++) {
        struct record *r = &m->records[i];
        struct key_ref ref = keyspace_ref(m->ks, i / KEYS, key_text(m, i % KEYS, text));

        if (r->is_there && !rng_one_in(&m->rng, 10)) {
            EXPECT(m, keyspace_remove(m->ks, &ref));
            forget(r);
        }
    }
}

static void do_swap(struct model *m)
{
    unsigned db1 = (unsigned)rng_below(&m->rng, m->databases);
    unsigned db2 = (unsigned)rng_below(&m->rng, m->databases);

    keyspace_swap(m->ks, db1, db2);
    for (unsigned i = 0; i < KEYS && db1 != db2; i++) {
        struct record *a = record_at(m, db1, i);
        struct record *b = record_at(m, db2, i);
        struct record old = *a;

        a->is_there = b->is_there;
        a->is_integer = b->is_integer;
        a->integer = b->integer;
        a->value = b->value;
        a->expire_at_ms = b->expire_at_ms;
        b->is_there = old.is_there;
        b->is_integer = old.is_integer;
        b->integer = old.integer;
        b->value = old.value;
        b->expire_at_ms = old.expire_at_ms;
        a->was_there_all_scan = false;
        b->was_there_all_scan = false;
    }
}

struct expired {
    struct model *m;
    unsigned count;
    unsigned db;
    unsigned indexes[100];
};

static void on_expired(void *context, unsigned db, struct bytes key)
{
    struct expired *found = context;

    EXPECT(found->m, found->count == 0 || found->db == db);
    found->db = db;
    found->indexes[found->count++] = index_of_key(key);
}

static void do_expire(struct model *m)
{
    struct expired found = {.m = m};
    char text[KEY_TEXT];

    m->now_ms += (int64_t)rng_below(&m->rng, 2000);
    (void)keyspace_find_expired(m->ks, m->now_ms, 1 + rng_below(&m->rng, 5000), 100, on_expired,
                                &found);
    for (unsigned i = 0; i < found.count; i++) {
        struct record *r = record_at(m, found.db, found.indexes[i]);
        struct key_ref ref = keyspace_ref(m->ks, found.db, key_text(m, found.indexes[i], text));

        EXPECT(m, r->is_there && r->expire_at_ms != EXPIRE_NEVER && r->expire_at_ms <= m->now_ms);
        EXPECT(m, keyspace_remove(m->ks, &ref));
        forget(r);
    }
}

/* ---- scans ---------------------------------------------------------------------------------- */

static void on_scan(void *context, const struct entry *e)
{
    struct model *m = context;

    record_at(m, m->scan_db, index_of_key(entry_key(e)))->scan_visits++;
}

static void scan_step(struct model *m)
{
    if (!m->is_scanning) {
        m->is_scanning = true;
        m->scan_db = (unsigned)rng_below(&m->rng, m->databases);
        m->scan_cursor = 0;
        for (unsigned i = 0; i < KEYS; i++) {
            struct record *r = record_at(m, m->scan_db, i);

            r->was_there_all_scan = r->is_there;
            r->scan_visits = 0;
        }
    }
    m->scan_cursor =
        keyspace_scan(m->ks, m->scan_db, m->scan_cursor, 1 + rng_below(&m->rng, 200), on_scan, m);
    EXPECT(m, m->scan_cursor < UINT64_C(1) << 53);
    if (m->scan_cursor == 0) {
        m->is_scanning = false;
        for (unsigned i = 0; i < KEYS; i++) {
            const struct record *r = record_at(m, m->scan_db, i);

            EXPECT(m, !r->was_there_all_scan || r->scan_visits == 1);
        }
    }
}

/* ---- walks ---------------------------------------------------------------------------------- */

static void on_walk(void *context, unsigned db, const struct entry *e)
{
    struct model *m = context;
    char scratch[NUM_I64_TEXT + 1];
    struct record *r = record_at(m, db, index_of_key(entry_key(e)));

    EXPECT(m, r->is_in_image && !r->is_handed);
    EXPECT(m, r->image == image_of(entry_string(e, scratch), entry_expire_at_ms(e)));
    r->is_handed = true;
    m->handed_count++;
}

static void walk_begin(struct model *m)
{
    char scratch[NUM_I64_TEXT + 1];

    m->image_count = 0;
    m->handed_count = 0;
    for (size_t i = 0; i < (size_t)m->databases * KEYS; i++) {
        struct record *r = &m->records[i];

        r->is_in_image = r->is_there;
        r->is_handed = false;
        if (r->is_there) {
            r->image = image_of(record_value(r, scratch), r->expire_at_ms);
            m->image_count++;
        }
    }
    walk_start(m->ks, &(struct walk_options){.sink = on_walk, .context = m});
}

static void walk_some(struct model *m)
{
    if (!walk_is_on(m->ks)) {
        if (rng_one_in(&m->rng, 4)) {
            walk_begin(m);
        }
        return;
    }
    if (rng_one_in(&m->rng, 100)) {
        walk_cancel(m->ks);
        return;
    }
    if (walk_step(m->ks, 1 + rng_below(&m->rng, 600))) {
        EXPECT(m, !walk_is_on(m->ks));
        EXPECT(m, m->handed_count == m->image_count);
    }
}

/* ---- the whole ------------------------------------------------------------------------------ */

static void expect_equal(const struct model *m)
{
    char text[KEY_TEXT];
    char scratch1[NUM_I64_TEXT + 1];
    char scratch2[NUM_I64_TEXT + 1];
    uint64_t count = 0;

    for (unsigned db = 0; db < m->databases; db++) {
        for (unsigned i = 0; i < KEYS; i++) {
            const struct record *r = record_at(m, db, i);
            struct key_ref ref = keyspace_ref(m->ks, db, key_text(m, i, text));
            const struct entry *e = keyspace_find_any(m->ks, &ref);

            EXPECT(m, (e != NULL) == r->is_there);
            if (e != NULL) {
                count++;
                EXPECT(m, entry_expire_at_ms(e) == r->expire_at_ms);
                EXPECT(m, bytes_equal(entry_key(e), ref.bytes));
                EXPECT(m, bytes_equal(entry_string(e, scratch1), record_value(r, scratch2)));
            }
        }
    }
    EXPECT(m, count == keyspace_count_all(m->ks));
    keyspace_check(m->ks);
}

static void run_steps(struct model *m)
{
    for (unsigned step = 0; step < STEPS; step++) {
        bool is_growing = step / PHASE_STEPS % 2 == 0;

        for (unsigned i = 0; i < CHANGES; i++) {
            do_one_key(m, is_growing);
        }
        if (rng_one_in(&m->rng, 20)) {
            scan_step(m);
        }
        if (rng_one_in(&m->rng, 10)) {
            walk_some(m);
        }
        if (rng_one_in(&m->rng, 50)) {
            do_expire(m);
            (void)keyspace_work(m->ks, rng_below(&m->rng, 3000));
        }
        if (rng_one_in(&m->rng, 8)) {
            (void)keyspace_work(m->ks, rng_below(&m->rng, 300));
        }
        if (rng_one_in(&m->rng, 2000)) {
            keyspace_check(m->ks);
        }
        if (rng_one_in(&m->rng, 15000)) {
            do_flush(m);
        }
        if (rng_one_in(&m->rng, 12000) || (is_growing && (step + 1) % PHASE_STEPS == 0)) {
            do_thin(m);
        }
        if (!m->is_cluster && rng_one_in(&m->rng, 8000)) {
            do_swap(m);
        }
        if (step % (PHASE_STEPS / 2) == 0) {
            expect_equal(m);
        }
    }
    expect_equal(m);
}

/* Remove all that is left, key by key; then nothing is owned any more. */
static void drain(struct model *m)
{
    char text[KEY_TEXT];
    struct keyspace_memory memory;

    for (unsigned i = 0; i < m->databases * KEYS; i++) {
        struct key_ref ref = keyspace_ref(m->ks, i / KEYS, key_text(m, i % KEYS, text));

        EXPECT(m, keyspace_remove(m->ks, &ref) == m->records[i].is_there);
        forget(&m->records[i]);
    }
    walk_cancel(m->ks);
    while (keyspace_work(m->ks, 10000)) {
    }
    keyspace_check(m->ks);
    keyspace_memory(m->ks, &memory);
    EXPECT(m, keyspace_count_all(m->ks) == 0);
    EXPECT(m, memory.entry_bytes == 0 && memory.table_bytes == 0 && memory.large_bytes == 0);
    EXPECT(m, memory.pending_bytes == 0);
}

static void run_model(bool is_cluster, uint64_t default_seed)
{
    const char *seed = getenv("STARLING_SEED");
    struct model m = {.is_cluster = is_cluster, .databases = is_cluster ? 1 : DATABASES};

    m.seed = seed != NULL ? strtoull(seed, NULL, 10) : default_seed;
    rng_init(&m.rng, m.seed);
    m.now_ms = 1700000000000;
    m.records = mem_alloc_zeroed(MEM_TEST, (size_t)m.databases * KEYS * sizeof(struct record));
    m.ks = keyspace_new(&(struct keyspace_options){.is_cluster = is_cluster,
                                                   .database_count = m.databases,
                                                   .hash_seed = rng_u64(&m.rng),
                                                   .arena_bytes = ARENA_BYTES});
    run_steps(&m);
    EXPECT(&m, m.ks->compact.moved_objects > 0);
    drain(&m);
    keyspace_free(m.ks);
    mem_free(MEM_TEST, m.records);
}

Test(keyspace_model, databases_behave_as_the_model_does)
{
    for (uint64_t seed = 1; seed <= 3; seed++) {
        run_model(false, seed);
    }
}

Test(keyspace_model, slots_behave_as_the_model_does)
{
    for (uint64_t seed = 11; seed <= 13; seed++) {
        run_model(true, seed);
    }
}
