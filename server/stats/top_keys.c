/* SPDX-License-Identifier: MIT */
/* A heap of counts that names entries, and chains by hash.  The heap holds the counts themselves, so that a
 * step down it reads one line of memory. */
#include "stats/top_keys.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/attr.h"

enum {
    WIDTH = 4, /* of the heap */
};

static size_t chain_of(uint64_t hash)
{
    return (size_t)(hash >> 32) % TOP_KEYS_CHAINS; /* tables go by the highest and lowest bits */
}

struct bytes top_key_bytes(const struct top_key *key)
{
    return bytes_make(key->key, key->key_len < TOP_KEYS_BYTES ? key->key_len : TOP_KEYS_BYTES);
}

uint64_t top_key_weight(const struct top_key *key)
{
    return key->reads + key->writes;
}

static bool is_key(const struct top_key *key, const struct top_key_name *name)
{
    return key->hash == name->hash && key->db == name->db && key->key_len == name->bytes.len &&
           bytes_equal(top_key_bytes(key), bytes_prefix(name->bytes, top_key_bytes(key).len));
}

uint64_t top_keys_lightest(const struct top_keys *top)
{
    return top->count < TOP_KEYS ? 0 : top->order[0].count;
}

struct top_key *top_keys_find(struct top_keys *top, const struct top_key_name *name)
{
    uint16_t at = top->chains[chain_of(name->hash)];

    while (at != 0 && !is_key(&top->entries[at - 1], name)) {
        at = top->entries[at - 1].next;
    }
    return at != 0 ? &top->entries[at - 1] : NULL;
}

/* ---- the heap --------------------------------------------------------------------------------- */

static void put(struct top_keys *top, size_t place, struct top_keys_place what)
{
    top->order[place] = what;
    top->entries[what.entry].place = (uint16_t)place;
}

/* Four below each: fewer steps than with two, and those below lie side by side. */
static size_t first_below(size_t place)
{
    return WIDTH * place + 1;
}

static size_t above(size_t place)
{
    return (place - 1) / WIDTH;
}

/* The lightest of those below, of which there is at least one. */
static size_t lightest_below(const struct top_keys *top, size_t place)
{
    size_t first = first_below(place);
    size_t end = first + WIDTH < top->count ? first + WIDTH : top->count;
    size_t best = first;

    if (LIKELY(end == first + WIDTH)) {
        const struct top_keys_place *four = &top->order[first];
        size_t left = four[1].count < four[0].count;
        size_t right = 2 + (size_t)(four[3].count < four[2].count);

        return first + (four[right].count < four[left].count ? right : left);
    }
    for (size_t i = first + 1; i < end; i++) {
        best = top->order[i].count < top->order[best].count ? i : best;
    }
    return best;
}

/* What is at the place has become heavier. */
static void sink(struct top_keys *top, size_t place)
{
    struct top_keys_place what = top->order[place];

    while (first_below(place) < top->count) {
        size_t below = lightest_below(top, place);

        if (top->order[below].count >= what.count) {
            break;
        }
        put(top, place, top->order[below]);
        place = below;
    }
    put(top, place, what);
}

static void rise(struct top_keys *top, size_t place)
{
    struct top_keys_place what = top->order[place];

    while (place > 0 && top->order[above(place)].count > what.count) {
        put(top, place, top->order[above(place)]);
        place = above(place);
    }
    put(top, place, what);
}

/* ---- entries ---------------------------------------------------------------------------------- */

static void unchain(struct top_keys *top, const struct top_key *key)
{
    uint16_t *at = &top->chains[chain_of(key->hash)];

    while (&top->entries[*at - 1] != key) {
        ASSERT(*at != 0);
        at = &top->entries[*at - 1].next;
        ASSERT(*at != 0);
    }
    *at = key->next;
}

/* The entry is the key's from now on, error being what it weighed before. */
static void name_entry(struct top_keys *top, struct top_key *key, const struct top_key_name *name,
                       uint64_t error)
{
    uint16_t *chain = &top->chains[chain_of(name->hash)];
    size_t kept = name->bytes.len < TOP_KEYS_BYTES ? name->bytes.len : TOP_KEYS_BYTES;

    key->hash = name->hash;
    key->error = error;
    key->reads = 0;
    key->writes = 0;
    key->bytes = 0;
    key->noted_ms = 0;
    key->db = name->db;
    key->slot = name->slot;
    key->key_len = name->bytes.len;
    if (kept > 0) {
        memcpy(key->key, name->bytes.data, kept);
    }
    key->next = *chain;
    *chain = (uint16_t)(key - top->entries + 1);
}

static struct top_key *take_entry(struct top_keys *top, const struct top_key_name *name)
{
    struct top_key *key;

    if (top->count < TOP_KEYS) {
        size_t place = top->count++;

        key = &top->entries[place];
        name_entry(top, key, name, 0);
        top->order[place] = (struct top_keys_place){.entry = (uint16_t)place};
        rise(top, place);
        return key;
    }
    key = &top->entries[top->order[0].entry];
    unchain(top, key);
    name_entry(top, key, name, top->order[0].count);
    return key;
}

void top_keys_add(struct top_keys *top, const struct top_key_name *name,
                  struct top_keys_weight weight)
{
    struct top_key *key = top_keys_find(top, name);

    top_keys_add_to(top, key != NULL ? key : take_entry(top, name), weight);
}

void top_keys_add_to(struct top_keys *top, struct top_key *key, struct top_keys_weight weight)
{
    *(weight.is_write ? &key->writes : &key->reads) += weight.weight;
    key->bytes += weight.bytes;
    top->order[key->place].count += weight.weight;
    sink(top, key->place);
}

void top_keys_set(struct top_keys *top, struct top_key *key, uint64_t reads, uint64_t writes)
{
    key->reads = reads;
    key->writes = writes;
    top->order[key->place].count = key->error + reads + writes;
    sink(top, key->place);
    rise(top, key->place);
}

/* ---- all of them ------------------------------------------------------------------------------ */

void top_keys_halve(struct top_keys *top)
{
    for (size_t i = 0; i < top->count; i++) {
        struct top_key *key = &top->entries[i];

        key->error /= 2;
        key->reads /= 2;
        key->writes /= 2;
        key->bytes /= 2;
        top->order[key->place].count = key->error + top_key_weight(key);
    }
    /* Rounding may have changed who is lighter. */
    for (size_t i = top->count; i-- > 0;) {
        sink(top, i);
    }
}

void top_keys_clear(struct top_keys *top)
{
    top->count = 0;
    memset(top->chains, 0, sizeof(top->chains));
}

static int compare(const void *a, const void *b)
{
    const struct top_key *x = *(const struct top_key *const *)a;
    const struct top_key *y = *(const struct top_key *const *)b;
    uint64_t x_weight = top_key_weight(x);
    uint64_t y_weight = top_key_weight(y);

    if (x_weight != y_weight) {
        return x_weight > y_weight ? -1 : 1;
    }
    if (!bytes_equal(top_key_bytes(x), top_key_bytes(y))) {
        return bytes_compare(top_key_bytes(x), top_key_bytes(y));
    }
    return x < y ? -1 : x > y;
}

size_t top_keys_list(const struct top_keys *top, uint64_t least, const struct top_key **out,
                     size_t max)
{
    const struct top_key *all[TOP_KEYS] = {0};
    size_t count = 0;

    for (size_t i = 0; i < top->count; i++) {
        if (top_key_weight(&top->entries[i]) >= least) {
            all[count++] = &top->entries[i];
        }
    }
    qsort(all, count, sizeof(all[0]), compare);
    count = count < max ? count : max;
    memcpy(out, all, count * sizeof(all[0]));
    return count;
}

void top_keys_check(const struct top_keys *top)
{
    size_t found = 0;

    ASSERT(top->count <= TOP_KEYS);
    for (size_t i = 0; i < top->count; i++) {
        const struct top_key *key = &top->entries[top->order[i].entry];

        ASSERT(key->place == i);
        ASSERT(top->order[i].count == key->error + top_key_weight(key));
        ASSERT(i == 0 || top->order[above(i)].count <= top->order[i].count);
    }
    for (size_t chain = 0; chain < TOP_KEYS_CHAINS; chain++) {
        for (uint16_t at = top->chains[chain]; at != 0; at = top->entries[at - 1].next) {
            ASSERT(at <= top->count);
            ASSERT(chain_of(top->entries[at - 1].hash) == chain);
            found++;
            ASSERT(found <= top->count);
        }
    }
    ASSERT(found == top->count);
}
