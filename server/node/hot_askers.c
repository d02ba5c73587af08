/* SPDX-License-Identifier: MIT */
#include "node/hot_askers.h"

#include "base/codec.h"
#include "base/hash.h"
#include "node/inside.h"

enum {
    ANY_SEED = 1,      /* the same on all nodes, */
    NAMELESS_SEED = 2, /* and of those who have not named their library */
};

static uint64_t *place_of(struct hot_askers *askers, uint64_t hash)
{
    return &askers->hashes[hash / 2 % HOT_ASKERS];
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

static void note(struct hot_askers *askers, uint64_t hash)
{
    uint64_t *place = place_of(askers, hash);

    if (*place != hash) {
        *place = hash;
        askers->has_new = true;
    }
}

void hot_askers_note(struct node *node, const struct session *s)
{
    note(&node->hot_askers, hash_of(s, ANY_SEED));
    if (s->lib_name.len == 0) {
        note(&node->hot_askers, hash_of(s, NAMELESS_SEED));
    }
}

static bool have(const struct hot_askers *askers, uint64_t hash)
{
    return askers->hashes[hash / 2 % HOT_ASKERS] == hash;
}

bool hot_askers_have(const struct node *node, const struct session *s)
{
    return have(&node->hot_askers, hash_of(s, ANY_SEED));
}

bool hot_askers_have_nameless(const struct node *node, const struct session *s)
{
    return have(&node->hot_askers, hash_of(s, NAMELESS_SEED));
}

bool hot_askers_take_new(struct node *node, struct buf *out)
{
    struct hot_askers *askers = &node->hot_askers;

    if (!askers->has_new) {
        return false;
    }
    askers->has_new = false;
    for (size_t i = 0; i < HOT_ASKERS; i++) {
        if (askers->hashes[i] != 0) {
            encode_u64_be(out, askers->hashes[i]);
        }
    }
    return true;
}

void hot_askers_hear(struct node *node, struct bytes hashes)
{
    struct decoder d = decoder_make(hashes);

    while (decoder_left(&d) >= sizeof(uint64_t)) {
        uint64_t hash = decode_u64_be(&d);

        *place_of(&node->hot_askers, hash) = hash;
    }
}
