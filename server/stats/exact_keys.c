/* SPDX-License-Identifier: MIT */
#include "stats/exact_keys.h"

#include "base/assert.h"

#include <string.h>

/* A hash with equal bytes, none of which is the place. */
static uint64_t stranger(size_t place)
{
    return place == 0 ? UINT64_MAX : 0;
}

static void empty_places(uint64_t places[EXACT_KEYS_PLACES])
{
    for (size_t i = 0; i < EXACT_KEYS_PLACES; i++) {
        places[i] = stranger(i);
    }
}

void exact_keys_clear(struct exact_keys *exact)
{
    exact->byte = 0;
    exact->count = 0;
    memset(exact->at, 0, sizeof(exact->at));
    empty_places(exact->places);
}

static uint8_t byte_of(uint64_t hash, size_t byte)
{
    return ((const uint8_t *)&hash)[byte];
}

/* How many of the first keys have places of their own. */
static size_t count_apart(const struct exact_key *wanted, size_t count, size_t byte)
{
    bool is_taken[EXACT_KEYS_PLACES] = {false};
    size_t i = 0;

    while (i < count && !is_taken[byte_of(wanted[i].hash, byte)]) {
        is_taken[byte_of(wanted[i].hash, byte)] = true;
        i++;
    }
    return i;
}

static size_t best_byte(const struct exact_key *wanted, size_t count)
{
    size_t most = 0;
    size_t best = 0;

    for (size_t byte = 0; byte < sizeof(uint64_t); byte++) {
        size_t apart = count_apart(wanted, count, byte);

        if (apart > most) {
            most = apart;
            best = byte;
        }
    }
    return best;
}

void exact_keys_choose(struct exact_keys *exact, const struct exact_key *wanted, size_t count)
{
    struct exact_key next[EXACT_KEYS];
    size_t next_count = 0;
    size_t byte = best_byte(wanted, count);
    uint64_t places[EXACT_KEYS_PLACES];
    uint8_t at[EXACT_KEYS_PLACES] = {0};

    ASSERT(count <= EXACT_KEYS);
    empty_places(places);
    for (size_t i = 0; i < count; i++) {
        const struct exact_key *known = exact_keys_find(exact, wanted[i].hash, wanted[i].db);
        uint8_t place = byte_of(wanted[i].hash, byte);

        if (places[place] != stranger(place) || wanted[i].hash == stranger(place)) {
            continue;
        }
        next[next_count] = known != NULL ? *known : wanted[i];
        next[next_count].entry = wanted[i].entry;
        places[place] = wanted[i].hash;
        at[place] = (uint8_t)next_count++;
    }
    memcpy(exact->keys, next, next_count * sizeof(next[0]));
    memcpy(exact->places, places, sizeof(places));
    memcpy(exact->at, at, sizeof(at));
    exact->count = next_count;
    exact->byte = (uint8_t)byte;
}

const struct exact_key *exact_keys_find(const struct exact_keys *exact, uint64_t hash, uint32_t db)
{
    const struct exact_key *key = &exact->keys[exact->at[exact_keys_place(exact, &hash)]];

    return exact_keys_may_have(exact, &hash) && key->db == db ? key : NULL;
}

struct exact_key *exact_keys_edit(struct exact_keys *exact, uint64_t hash, uint32_t db)
{
    const struct exact_key *key = exact_keys_find(exact, hash, db);

    return key != NULL ? &exact->keys[key - exact->keys] : NULL;
}

void exact_keys_begin(struct exact_keys *exact)
{
    for (size_t i = 0; i < exact->count; i++) {
        struct exact_key *key = &exact->keys[i];

        key->prior_reads += key->reads;
        key->prior_writes += key->writes;
        key->reads = 0;
        key->writes = 0;
        key->ms = 0;
    }
}

void exact_keys_pass(struct exact_keys *exact, int64_t ms)
{
    ASSERT(ms >= 0);
    for (size_t i = 0; i < exact->count; i++) {
        exact->keys[i].ms += ms;
    }
}

void exact_keys_halve(struct exact_keys *exact)
{
    for (size_t i = 0; i < exact->count; i++) {
        exact->keys[i].prior_reads /= 2;
        exact->keys[i].prior_writes /= 2;
        exact->keys[i].prior_doubt /= 2;
        exact->keys[i].reads /= 2;
        exact->keys[i].writes /= 2;
        exact->keys[i].ms /= 2;
    }
}

void exact_keys_check(const struct exact_keys *exact)
{
    size_t found = 0;

    ASSERT(exact->count <= EXACT_KEYS);
    ASSERT(exact->byte < sizeof(uint64_t));
    for (size_t i = 0; i < EXACT_KEYS_PLACES; i++) {
        const uint64_t *hash = &exact->places[i];

        if (exact_keys_place(exact, hash) == i) {
            ASSERT(exact->keys[exact->at[i]].hash == *hash);
            found++;
        }
    }
    ASSERT(found == exact->count);
}
