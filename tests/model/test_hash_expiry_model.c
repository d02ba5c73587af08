/* SPDX-License-Identifier: MIT */
/* Hashes whose fields expire against a model: an array of fields with the length of their value and their
 * expiry, and a clock.
 *
 * The hash grows and shrinks through the sizes where its form changes; it is renamed, copied, dumped and
 * restored, and the search for what has expired runs in slices of any size. */
#include "base/mem.h"
#include "base/num.h"
#include "base/rng.h"
#include "store/keyspace.h"
#include "store/value_hash.h"
#include "store/value_space.h"
#include "tests/unit/seed.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum {
    FIELDS = 500,
    STEPS = 40000,
    PHASE = 4000, /* steps in which fields mostly come, or mostly go */
    FIELD_TEXT = 24,
    VALUE_MAX = 40,
    KEY_TEXT = 8,
    KEYS = 5, /* other hashes, with one field that expires each */
};

struct field {
    int len;        /* of its value; -1: absent */
    int64_t expiry; /* 0 for never */
};

struct world {
    struct keyspace *ks;
    struct rng rng;
    uint64_t seed;
    int64_t now_ms;
    struct key_ref ref;
    char key[KEY_TEXT];
    struct field fields[FIELDS];
    unsigned most;
};

static char filler[VALUE_MAX];

static void choose_key(struct world *w)
{
    int len = snprintf(w->key, sizeof(w->key), "k%u", (unsigned)rng_below(&w->rng, 1000));

    w->ref = keyspace_ref(w->ks, 0, bytes_make(w->key, (size_t)len));
}

static struct bytes name_of(unsigned number, char *text)
{
    if (number % 3 == 0) {
        return bytes_make(text, num_format_i64(text, (int64_t)number << (number % 5 * 10)));
    }
    return bytes_make(text, (size_t)snprintf(text, FIELD_TEXT, "field:%u", number));
}

static bool is_seen(const struct world *w, const struct field *f)
{
    return f->len >= 0 && (f->expiry == 0 || f->expiry > w->now_ms);
}

static unsigned count(const struct world *w, bool only_seen)
{
    unsigned sum = 0;

    for (unsigned i = 0; i < FIELDS; i++) {
        sum += only_seen ? is_seen(w, &w->fields[i]) : w->fields[i].len >= 0;
    }
    return sum;
}

/* One of few times, near and far. */
static int64_t some_time(struct world *w)
{
    return w->now_ms + 1 + (int64_t)rng_below(&w->rng, rng_below(&w->rng, 4) == 0 ? 3000 : 50);
}

static void step_field(struct world *w, bool is_growing)
{
    unsigned number = (unsigned)rng_below(&w->rng, FIELDS);
    struct field *f = &w->fields[number];
    bool was_seen = is_seen(w, f);
    uint64_t what = rng_below(&w->rng, 10);
    char text[FIELD_TEXT];
    struct value_element element = {.name = name_of(number, text)};
    struct value_edit edit;

    element.value = bytes_make(filler, rng_below(&w->rng, VALUE_MAX));
    keyspace_open(w->ks, &w->ref, keyspace_find_any(w->ks, &w->ref), VALUE_HASH, &edit);
    edit.draft.now_ms = w->now_ms;
    if (is_growing ? what < 7 : what < 2) {
        element.expire_at_ms = rng_below(&w->rng, 3) == 0 ? some_time(w) : 0;
        SEED_ASSERT(hash_put(&edit.draft, &element) == !was_seen, w->seed);
        *f = (struct field){(int)element.value.len, element.expire_at_ms};
    } else if (what < 9 && f->len >= 0 && is_growing) {
        f->expiry = rng_below(&w->rng, 3) == 0 ? 0 : some_time(w);
        hash_set_expiry(&edit.draft, element.name, f->expiry);
    } else {
        SEED_ASSERT(hash_remove(&edit.draft, element.name) == (f->len >= 0), w->seed);
        *f = (struct field){.len = -1};
    }
    (void)keyspace_close(w->ks, &edit);
}

/* ---- what has expired ------------------------------------------------------------------------------ */

struct found {
    char text[FIELDS + KEYS][FIELD_TEXT];
    size_t lens[FIELDS + KEYS];
    size_t count;
};

static void note(struct found *found, struct bytes name)
{
    memcpy(found->text[found->count], name.data, name.len);
    found->lens[found->count++] = name.len;
}

static void note_key(void *context, unsigned db, struct bytes key)
{
    cr_assert_eq(db, 0);
    note(context, key);
}

static void note_name(void *context, const struct value_element *field)
{
    note(context, field->name);
}

/* The model's field of that name goes; it has to be due. */
static void forget(struct world *w, struct bytes name)
{
    for (unsigned i = 0; i < FIELDS; i++) {
        char text[FIELD_TEXT];

        if (bytes_equal(name_of(i, text), name)) {
            SEED_ASSERT(w->fields[i].len >= 0 && !is_seen(w, &w->fields[i]), w->seed);
            w->fields[i] = (struct field){.len = -1};
            return;
        }
    }
    SEED_ASSERT(false, w->seed);
}

static void expire_in(struct world *w, const struct key_ref *ref)
{
    static struct found found;
    bool is_ours = bytes_equal(ref->bytes, w->ref.bytes);
    struct hash_search search = {1 + rng_below(&w->rng, 1000), 1 + rng_below(&w->rng, 30)};
    struct value_edit edit;

    found.count = 0;
    keyspace_open(w->ks, ref, keyspace_find_any(w->ks, ref), VALUE_HASH, &edit);
    SEED_ASSERT(hash_find_expired(&edit.draft, w->now_ms, search, note_name, &found) <= search.max,
                w->seed);
    for (size_t i = 0; i < found.count; i++) {
        struct bytes name = bytes_make(found.text[i], found.lens[i]);

        SEED_ASSERT(hash_remove(&edit.draft, name), w->seed);
        if (is_ours) {
            forget(w, name);
        }
    }
    (void)keyspace_close(w->ks, &edit);
}

static void expire(struct world *w)
{
    static struct found found;

    found.count = 0;
    (void)keyspace_find_expired(w->ks, w->now_ms, 10000, 3, note_key, &found);
    for (size_t i = 0; i < found.count; i++) {
        struct key_ref ref = keyspace_ref(w->ks, 0, bytes_make(found.text[i], found.lens[i]));

        expire_in(w, &ref);
        if (rng_below(&w->rng, 3) == 0) {
            keyspace_find_expired_again(w->ks, &ref);
        }
    }
}

/* After the search has gone round often enough nothing that has expired is left. */
static void expire_all(struct world *w)
{
    for (int i = 0; i < 2000 && count(w, false) != count(w, true); i++) {
        expire(w);
    }
    SEED_ASSERT(count(w, false) == count(w, true), w->seed);
}

/* ---- the hash as a whole --------------------------------------------------------------------------- */

static uint64_t digest_of(const struct world *w, const struct key_ref *ref)
{
    const struct entry *e = keyspace_find_any(w->ks, ref);

    return e != NULL ? value_ops_of(keyspace_types(w->ks), e)->digest(e, w->seed) : 0;
}

/* Out of the key, through one of several ways, and back into one. */
static void move_whole(struct world *w)
{
    struct key_ref old = w->ref;
    char old_key[KEY_TEXT];
    uint64_t digest = digest_of(w, &old);
    struct value_reader reader = {0};
    struct buf payload = {0};
    struct value value;

    memcpy(old_key, w->key, sizeof(old_key));
    old.bytes.data = old_key;
    do {
        choose_key(w);
    } while (keyspace_find_any(w->ks, &w->ref) != NULL);
    switch (rng_below(&w->rng, 3)) {
    case 0:
        keyspace_move(w->ks, &old, &w->ref);
        break;
    case 1:
        keyspace_copy(w->ks, keyspace_find_any(w->ks, &old), &w->ref);
        SEED_ASSERT(keyspace_remove(w->ks, &old), w->seed);
        break;
    default:
        value_dump(keyspace_types(w->ks), keyspace_find_any(w->ks, &old), &payload);
        SEED_ASSERT(keyspace_remove(w->ks, &old), w->seed);
        SEED_ASSERT(value_restore(keyspace_values(w->ks), buf_bytes(&payload), &reader, NULL),
                    w->seed);
        value = value_reader_take(&reader);
        keyspace_put(w->ks, &w->ref, &value, EXPIRE_NEVER);
        value_reader_deinit(&reader);
        buf_deinit(&payload);
        break;
    }
    SEED_ASSERT(digest_of(w, &w->ref) == digest, w->seed);
}

static void see(void *context, const struct value_element *field)
{
    unsigned *seen = context;

    seen[0]++;
    seen[1] += (unsigned)field->value.len;
}

static void check(struct world *w)
{
    const struct entry *e = keyspace_find_any(w->ks, &w->ref);
    struct value hash = e != NULL ? entry_value(e) : (struct value){.type = VALUE_HASH};
    unsigned seen[2] = {0};
    unsigned bytes = 0;
    unsigned sampled[2] = {0};
    uint64_t wanted = rng_below(&w->rng, FIELDS);
    unsigned is_there = count(w, true);

    hash.now_ms = w->now_ms;
    SEED_ASSERT(hash_count(&hash) == count(w, false), w->seed);
    SEED_ASSERT(hash_seen_count(&hash) == is_there, w->seed);
    for (unsigned i = 0; i < FIELDS; i++) {
        char text[FIELD_TEXT];
        struct hash_found found;
        const struct field *f = &w->fields[i];

        SEED_ASSERT(hash_find(&hash, name_of(i, text), &found) == is_seen(w, f), w->seed);
        SEED_ASSERT(!is_seen(w, f) ||
                        ((int)found.value.len == f->len && found.expire_at_ms == f->expiry),
                    w->seed);
        SEED_ASSERT(f->len < 0 || f->expiry == 0 || f->expiry >= hash_next_expiry_ms(&hash),
                    w->seed);
        bytes += is_seen(w, f) ? (unsigned)f->len : 0;
    }
    for (uint64_t cursor = 0; e != NULL;) {
        cursor = hash_walk(&hash, cursor, 10, see, seen);
        if (cursor == 0) {
            break;
        }
    }
    SEED_ASSERT(seen[0] == is_there && seen[1] == bytes, w->seed);
    hash_sample(&hash, &w->rng, wanted, see, sampled);
    SEED_ASSERT(sampled[0] == (wanted < is_there ? wanted : is_there), w->seed);
    keyspace_check(w->ks);
}

/* Other hashes come and go by themselves. */
static void step_others(struct world *w)
{
    char key[KEY_TEXT];
    int len = snprintf(key, sizeof(key), "o%u", (unsigned)rng_below(&w->rng, KEYS));
    struct key_ref ref = keyspace_ref(w->ks, 0, bytes_make(key, (size_t)len));
    struct value_edit edit;

    keyspace_open(w->ks, &ref, keyspace_find_any(w->ks, &ref), VALUE_HASH, &edit);
    (void)hash_put(&edit.draft, &(struct value_element){.name = BYTES_LITERAL("f"),
                                                        .value = BYTES_LITERAL("v"),
                                                        .expire_at_ms = some_time(w)});
    (void)keyspace_close(w->ks, &edit);
}

Test(hash_expiry_model, a_hash_whose_fields_expire_is_what_its_model_is)
{
    static struct world w;

    w = (struct world){.seed = seed_get(), .now_ms = 1000000};
    memset(filler, 'v', sizeof(filler));
    rng_init(&w.rng, w.seed);
    w.ks = keyspace_new(&(struct keyspace_options){.database_count = 1, .hash_seed = w.seed});
    choose_key(&w);
    for (unsigned i = 0; i < FIELDS; i++) {
        w.fields[i].len = -1;
    }
    for (int step = 0; step < STEPS; step++) {
        unsigned there;

        step_field(&w, (step / PHASE) % 2 == 0);
        w.now_ms += rng_below(&w.rng, 20) == 0 ? (int64_t)rng_below(&w.rng, 10) : 0;
        if (rng_below(&w.rng, 30) == 0) {
            step_others(&w);
            expire(&w);
        }
        if (rng_below(&w.rng, 200) == 0 && keyspace_find_any(w.ks, &w.ref) != NULL) {
            move_whole(&w);
        }
        if (step % 500 == 0) {
            check(&w);
            expire_all(&w);
            check(&w);
        }
        there = count(&w, false);
        w.most = there > w.most ? there : w.most;
    }
    cr_assert_gt(w.most, HASH_PACKED_FIELDS);
    keyspace_flush_all(w.ks);
    cr_assert_not(keyspace_can_expire(w.ks));
    keyspace_free(w.ks);
}
