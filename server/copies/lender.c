/* SPDX-License-Identifier: MIT */
#include "copies/lender.h"

#include "base/assert.h"
#include "base/mem.h"

#include <string.h>

struct lent_key {
    struct hashtable_node by_name;
    uint64_t peers; /* a bit for each that has it */
    struct buf name;
};

static uint64_t bit_of(size_t peer)
{
    return UINT64_C(1) << peer;
}

void lender_init(struct lender *l, uint64_t seed)
{
    *l = (struct lender){.keys.seed = seed};
}

static void free_key(struct lender *l, struct lent_key *key)
{
    hashtable_remove(&l->keys, &key->by_name);
    buf_deinit(&key->name);
    mem_free(MEM_NODE, key);
}

void lender_deinit(struct lender *l)
{
    while (l->keys.count > 0) {
        free_key(l, CONTAINER_OF(hashtable_next(&l->keys, NULL), struct lent_key, by_name));
    }
    for (size_t i = 0; i < LENDER_PEERS_MAX; i++) {
        VEC_DEINIT(&l->peers[i].unacked);
    }
    hashtable_deinit(&l->keys);
    mem_free(MEM_NODE, l->offsets);
    VEC_DEINIT(&l->outbox);
    buf_deinit(&l->outbox_keys);
    *l = (struct lender){0};
}

/* ---- peers -------------------------------------------------------------------------------------- */

static bool has_lease(const struct lender_peer *peer, struct mono_time now)
{
    return mono_is_before(now, peer->until);
}

/* It has no copy of anything any more. */
static void clear_bits(struct lender *l, uint64_t bits)
{
    struct hashtable_node *next;

    for (struct hashtable_node *n = hashtable_next(&l->keys, NULL); n != NULL; n = next) {
        struct lent_key *key = CONTAINER_OF(n, struct lent_key, by_name);

        next = hashtable_next(&l->keys, n);
        key->peers &= ~bits;
        if (key->peers == 0) {
            free_key(l, key);
        }
    }
}

static void end_pending(struct lender *l, size_t index)
{
    l->peers[index].unacked.count = 0;
    l->pending &= ~bit_of(index);
}

static void forget(struct lender *l, int index)
{
    clear_bits(l, bit_of((size_t)index));
    end_pending(l, (size_t)index);
    VEC_DEINIT(&l->peers[index].unacked);
    l->peers[index] = (struct lender_peer){0};
    l->peer_count--;
}

void lender_leave(struct lender *l, uint64_t link, struct mono_time now)
{
    int index = lender_find_link(l, link);

    if (index == LENDER_NOBODY) {
        return;
    }
    l->peers[index].link = 0;
    if (!has_lease(&l->peers[index], now)) {
        forget(l, index);
    }
}

int lender_find(const struct lender *l, const struct cluster_id *node)
{
    for (int i = 0; i < LENDER_PEERS_MAX; i++) {
        if (l->peers[i].link != 0 && cluster_id_equal(&l->peers[i].node, node)) {
            return i;
        }
    }
    return LENDER_NOBODY;
}

int lender_find_link(const struct lender *l, uint64_t link)
{
    for (int i = 0; i < LENDER_PEERS_MAX && link != 0; i++) {
        if (l->peers[i].link == link) {
            return i;
        }
    }
    return LENDER_NOBODY;
}

int lender_join(struct lender *l, const struct cluster_id *node, uint64_t link)
{
    int old = lender_find(l, node);

    ASSERT(link != 0);
    if (old != LENDER_NOBODY) { /* (7) else it would be told of what the new one has */
        l->peers[old].link = 0;
    }
    for (int i = 0; i < LENDER_PEERS_MAX; i++) {
        if (!l->peers[i].is_used) {
            l->peers[i] = (struct lender_peer){.is_used = true, .node = *node, .link = link};
            l->peer_count++;
            return i;
        }
    }
    return LENDER_NOBODY;
}

bool lender_has_lease_of(const struct lender *l, const struct cluster_id *node,
                         struct mono_time now)
{
    int peer = lender_find(l, node);

    return peer != LENDER_NOBODY && has_lease(&l->peers[peer], now);
}

int64_t lender_grant(struct lender *l, int peer, struct mono_time now, int64_t asked_ms,
                     int64_t own_ms)
{
    int64_t ms = asked_ms < own_ms ? asked_ms : own_ms;
    struct mono_time until;

    ASSERT(l->peers[peer].is_used && l->peers[peer].link != 0);
    if (ms <= 0) {
        return 0;
    }
    until = mono_add_ms(now, ms);
    if (mono_is_before(l->peers[peer].until, until)) {
        l->peers[peer].until = until;
    }
    return ms;
}

void lender_take_ack(struct lender *l, int peer, uint64_t version)
{
    struct lender_peer *p = &l->peers[peer];
    size_t count = 0;

    ASSERT(p->is_used);
    while (count < p->unacked.count && p->unacked.items[count] < version) {
        count++;
    }
    count += count < p->unacked.count && p->unacked.items[count] == version;
    p->unacked.count -= count;
    if (p->unacked.count > 0) {
        memmove(p->unacked.items, p->unacked.items + count,
                p->unacked.count * sizeof(p->unacked.items[0]));
    } else {
        end_pending(l, (size_t)peer);
    }
}

/* ---- keys --------------------------------------------------------------------------------------- */

static struct lent_key *find_key(const struct lender *l, struct bytes name)
{
    struct hashtable_node *n = l->keys.count > 0 ? hashtable_find(&l->keys, name) : NULL;

    return n != NULL ? CONTAINER_OF(n, struct lent_key, by_name) : NULL;
}

bool lender_lend(struct lender *l, int peer, struct mono_time now, struct bytes key)
{
    struct lent_key *lent = find_key(l, key);

    ASSERT(l->peers[peer].is_used);
    if (l->is_recalling || !has_lease(&l->peers[peer], now) ||
        (lent == NULL && l->keys.count >= LENDER_KEYS_MAX)) {
        return false;
    }
    if (l->offsets == NULL) {
        l->offsets = mem_alloc_zeroed(MEM_NODE, LENDER_OFFSETS * sizeof(*l->offsets));
    }
    if (lent == NULL) {
        lent = mem_alloc_zeroed(MEM_NODE, sizeof(*lent));
        buf_append_bytes(&lent->name, key);
        hashtable_add(&l->keys, &lent->by_name, buf_bytes(&lent->name));
    }
    lent->peers |= bit_of((size_t)peer);
    l->peers[peer].fetched++;
    l->lent++;
    return true;
}

bool lender_has_lent(const struct lender *l, struct bytes key)
{
    return find_key(l, key) != NULL;
}

static void send(struct lender *l, size_t index, struct mono_time now,
                 const struct lender_message *message)
{
    struct lender_peer *peer = &l->peers[index];

    if (peer->link != 0) {
        struct lender_message own = *message;

        own.link = peer->link;
        VEC_PUSH(&l->outbox, own);
    }
    if (has_lease(peer, now)) {
        VEC_PUSH(&peer->unacked, message->version);
        l->pending |= bit_of(index);
    }
}

static void send_to(struct lender *l, uint64_t peers, struct mono_time now,
                    const struct lender_message *message)
{
    ASSERT(message->version >= l->last_change);
    for (size_t i = 0; i < LENDER_PEERS_MAX; i++) {
        if ((peers & bit_of(i)) != 0) {
            send(l, i, now, message);
        }
    }
    l->last_change = message->version;
    l->invalidated++;
}

bool lender_note_change(struct lender *l, struct mono_time now, struct bytes key, uint64_t version)
{
    struct lent_key *lent = find_key(l, key);
    struct lender_message message = {
        .version = version, .key_at = l->outbox_keys.len, .key_len = key.len};

    if (lent == NULL) {
        return false;
    }
    buf_append_bytes(&l->outbox_keys, key);
    send_to(l, lent->peers, now, &message);
    l->offsets[lent->by_name.hash % LENDER_OFFSETS] = version;
    free_key(l, lent);
    return true;
}

bool lender_note_all_changed(struct lender *l, struct mono_time now, uint64_t version)
{
    struct lender_message message = {.version = version, .is_all = true};
    uint64_t peers = 0;

    HASHTABLE_FOR_EACH (n, &l->keys) {
        const struct lent_key *lent = CONTAINER_OF_CONST(n, struct lent_key, by_name);

        peers |= lent->peers;
        l->offsets[lent->by_name.hash % LENDER_OFFSETS] = version;
    }
    if (peers == 0) {
        return false;
    }
    send_to(l, peers, now, &message);
    clear_bits(l, UINT64_MAX);
    return true;
}

void lender_recall(struct lender *l, struct mono_time now, uint64_t version)
{
    uint64_t own = (version > l->last_change ? version : l->last_change) + 1;

    l->is_recalling = true;
    /* Of the same version as what is on its way it would not be kept out by it; nor would it be known whether the answer is to
     * the change before. */
    (void)lender_note_all_changed(
        l, now, lender_offset_of(own) == lender_offset_of(version) ? own : own - 1);
}

void lender_end_recall(struct lender *l)
{
    l->is_recalling = false;
}

void lender_clear_outbox(struct lender *l)
{
    l->outbox.count = 0;
    buf_clear(&l->outbox_keys);
}

/* ---- what may be shown -------------------------------------------------------------------------- */

static bool is_pending(const struct lender_peer *peer, struct mono_time now)
{
    return peer->unacked.count > 0 && has_lease(peer, now);
}

bool lender_is_lending(const struct lender *l, struct mono_time now)
{
    return l->keys.count > 0 || lender_limit(l, now) != UINT64_MAX;
}

uint64_t lender_change_of(const struct lender *l, uint64_t hash)
{
    return l->offsets != NULL ? l->offsets[hash % LENDER_OFFSETS] : 0;
}

uint64_t lender_hash(const struct lender *l, struct bytes key)
{
    return hashtable_hash(&l->keys, key);
}

uint64_t lender_limit(const struct lender *l, struct mono_time now)
{
    uint64_t limit = UINT64_MAX;

    for (size_t i = 0; i < LENDER_PEERS_MAX && l->pending >> i != 0; i++) {
        if (is_pending(&l->peers[i], now) && l->peers[i].unacked.items[0] - 1 < limit) {
            limit = l->peers[i].unacked.items[0] - 1;
        }
    }
    return limit;
}

struct mono_time lender_wake_at(const struct lender *l, struct mono_time now)
{
    struct mono_time at = MONO_NEVER;

    for (size_t i = 0; i < LENDER_PEERS_MAX && l->peer_count > 0; i++) {
        const struct lender_peer *peer = &l->peers[i];

        if (is_pending(peer, now) || (peer->is_used && peer->link == 0)) {
            at = mono_earlier(at, peer->until);
        }
    }
    return at;
}

void lender_tick(struct lender *l, struct mono_time now)
{
    for (int i = 0; i < LENDER_PEERS_MAX && l->peer_count > 0; i++) {
        struct lender_peer *peer = &l->peers[i];

        if (!peer->is_used || has_lease(peer, now)) {
            continue;
        }
        end_pending(l, (size_t)i); /* (4) */
        if (peer->link == 0) {
            forget(l, i);
        }
    }
}

void lender_check(const struct lender *l)
{
    size_t count = 0;

    for (size_t i = 0; i < LENDER_PEERS_MAX; i++) {
        const struct lender_peer *peer = &l->peers[i];

        count += peer->is_used;
        ASSERT(peer->is_used || (peer->link == 0 && peer->unacked.items == NULL));
        ASSERT(peer->unacked.items != NULL || peer->unacked.count == 0);
        for (size_t k = 1; k < peer->unacked.count; k++) {
            ASSERT(peer->unacked.items[k - 1] <= peer->unacked.items[k]);
        }
        ASSERT(((l->pending & bit_of(i)) != 0) == (peer->unacked.count > 0));
    }
    ASSERT(count == l->peer_count);
    ASSERT(l->keys.count <= LENDER_KEYS_MAX);
    ASSERT(l->keys.count == 0 || (l->offsets != NULL && !l->is_recalling));
    HASHTABLE_FOR_EACH (n, &l->keys) {
        const struct lent_key *lent = CONTAINER_OF_CONST(n, struct lent_key, by_name);

        ASSERT(lent->peers != 0);
        for (size_t i = 0; i < LENDER_PEERS_MAX; i++) {
            ASSERT((lent->peers & bit_of(i)) == 0 || l->peers[i].is_used);
        }
    }
}
