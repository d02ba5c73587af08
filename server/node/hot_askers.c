/* SPDX-License-Identifier: MIT */
#include "node/hot_askers.h"

#include "base/assert.h"
#include "base/codec.h"
#include "base/hash.h"
#include "node/inside.h"

enum {
    ANY_SEED = 1,      /* the same on all nodes, */
    NAMELESS_SEED = 2, /* and of those who have not named their library */
};

/* The first of its places. */
static size_t places_of(uint64_t hash)
{
    return hash / 2 % (HOT_ASKERS / HOT_ASKER_WAYS) * HOT_ASKER_WAYS;
}

/* Where it stands; HOT_ASKERS: nowhere. */
static size_t find(const struct hot_askers *askers, uint64_t hash)
{
    size_t first = places_of(hash);

    for (size_t i = first; i < first + HOT_ASKER_WAYS; i++) {
        if (askers->hashes[i] == hash) {
            return i;
        }
    }
    return HOT_ASKERS;
}

static void set_state(struct hot_askers *askers, size_t place, enum hot_asker_state state)
{
    askers->untold -= askers->states[place] == HOT_ASKER_UNTOLD;
    askers->untold += state == HOT_ASKER_UNTOLD;
    askers->states[place] = (uint8_t)state;
}

/* An empty one of its places, or the one that its hash names. */
static size_t room_for(const struct hot_askers *askers, uint64_t hash)
{
    size_t first = places_of(hash);

    for (size_t i = first; i < first + HOT_ASKER_WAYS; i++) {
        if (askers->hashes[i] == 0) {
            return i;
        }
    }
    return first + (hash >> 32) % HOT_ASKER_WAYS;
}

/* Never 0. */
static uint64_t hash_of(const struct session *s, uint64_t seed)
{
    struct bytes address = bytes_from_text(s->peer.address);
    size_t len = address.len;

    while (len > 0 && address.data[len - 1] != ':') {
        len--;
    }
    return hash_bytes(bytes_prefix(address, len), seed) | 1;
}

/* One of which all have heard is told again by and by, since whoever told of it first may end. */
static void note(struct hot_askers *askers, uint64_t hash, enum hot_asker_state state)
{
    size_t place = find(askers, hash);

    if (place == HOT_ASKERS) {
        place = room_for(askers, hash);
        askers->hashes[place] = hash;
        set_state(askers, place, state);
    } else if (state == HOT_ASKER_UNTOLD && askers->states[place] == HOT_ASKER_HEARD) {
        set_state(askers, place, HOT_ASKER_TOLD);
    }
}

void hot_askers_note(struct node *node, const struct session *s)
{
    note(&node->hot_askers, hash_of(s, ANY_SEED), HOT_ASKER_UNTOLD);
    if (s->lib_name.len == 0) {
        note(&node->hot_askers, hash_of(s, NAMELESS_SEED), HOT_ASKER_UNTOLD);
    }
}

bool hot_askers_have(const struct node *node, const struct session *s)
{
    return find(&node->hot_askers, hash_of(s, ANY_SEED)) != HOT_ASKERS;
}

bool hot_askers_have_nameless(const struct node *node, const struct session *s)
{
    return find(&node->hot_askers, hash_of(s, NAMELESS_SEED)) != HOT_ASKERS;
}

static void tell_new(struct hot_askers *askers, struct buf *out)
{
    size_t left = askers->untold < HOT_ASKERS_TOLD ? askers->untold : HOT_ASKERS_TOLD;

    for (size_t i = 0; left > 0; i++) {
        if (askers->states[i] == HOT_ASKER_UNTOLD) {
            encode_u64_be(out, askers->hashes[i]);
            set_state(askers, i, HOT_ASKER_TOLD);
            left--;
        }
    }
}

static void tell_again(struct hot_askers *askers, struct buf *out)
{
    for (size_t i = 0; i < HOT_ASKERS_AGAIN; i++) {
        if (askers->states[askers->again] == HOT_ASKER_TOLD) {
            encode_u64_be(out, askers->hashes[askers->again]);
        }
        askers->again = (askers->again + 1) % HOT_ASKERS;
    }
}

bool hot_askers_take_new(struct node *node, struct buf *out)
{
    tell_again(&node->hot_askers, out);
    tell_new(&node->hot_askers, out);
    return out->len > 0;
}

void hot_askers_hear(struct node *node, struct bytes hashes)
{
    struct decoder d = decoder_make(hashes);

    while (decoder_left(&d) >= sizeof(uint64_t)) {
        uint64_t hash = decode_u64_be(&d);

        if (hash != 0) { /* which is no asker */
            note(&node->hot_askers, hash, HOT_ASKER_HEARD);
        }
    }
}

/* A few places each time: there are many, and it is called often. */
void hot_askers_check(const struct node *node)
{
    const struct hot_askers *askers = &node->hot_askers;

    ASSERT(askers->untold <= HOT_ASKERS && askers->again < HOT_ASKERS);
    for (size_t i = askers->again; i < askers->again + HOT_ASKER_WAYS && i < HOT_ASKERS; i++) {
        ASSERT(askers->hashes[i] != 0 || askers->states[i] == HOT_ASKER_HEARD);
        ASSERT(askers->hashes[i] == 0 || find(askers, askers->hashes[i]) == i); /* (1) */
    }
}
