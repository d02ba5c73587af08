/* SPDX-License-Identifier: MIT */
/* Owners announce slots over connections that are slow and break, to nodes that stand still, and clients ask any of them for
 * the map.  Whoever is advertised for a slot accepts it, and no client is sent on more than twice in an epoch: once by who
 * was a member long ago, once by the owner, which teaches it.  The epoch is that of the announcement by which a node sends a client
 * on: one that hears late goes by an older one than others do by then.
 *
 * A member is ready for a slot when it has heard of it and its lease goes on, as the owner finds in each look. */
#include "copies/hot_slots.h"
#include "copies/spread.h"
#include "copies/view.h"

#include "base/rng.h"
#include "base/vec.h"
#include "tests/unit/seed.h"

#include <stdio.h>

enum {
    NODES = 6,
    SLOTS = 3, /* node s % 2 owns slot s */
    CLIENTS = 24,
    STEP_MS = 50,
    STEPS = 12000,
    LOOK_STEPS = 1000 / STEP_MS,
    LEASE_MS = 250,
    FEW = 2,    /* redirections */
    EPOCHS = 8, /* by which nodes may go at a time */
    NOBODY = -1,
};

struct letter {
    struct hot_slot hot;
    int64_t at_ms; /* it arrives */
};

/* From one node to another, in order. */
struct lane {
    VEC(struct letter) letters;
    int64_t last_ms;
    int64_t down_until_ms;
};

struct node {
    struct cluster_id id;
    struct hot_slots table;
    int64_t stands_until_ms;
};

/* As its owner has it. */
struct own {
    struct hot_slot hot; /* member_count 0: not hot */
    struct spread_rounds rounds;
    int64_t lease_until_ms[NODES];
};

struct sent {
    uint64_t epoch;
    unsigned count;
};

struct client {
    char address[32];
    enum view_kind kind;
    int believes[SLOTS];
    struct spread_reader readers[NODES][SLOTS]; /* its connections */
    struct sent sent[SLOTS][EPOCHS];            /* the last epochs in which it was, and how often */
};

struct world {
    uint64_t seed;
    struct rng rng;
    int64_t now_ms;
    struct node nodes[NODES];
    struct lane lanes[NODES][NODES];
    struct own own[SLOTS];
    struct client clients[CLIENTS];
    uint64_t advertised, served_by_members, redirections, sent_on, sent_home;
};

static const struct cluster_id none;

static struct mono_time now_of(const struct world *w)
{
    return (struct mono_time){.us = w->now_ms * 1000};
}

static int owner_of(int slot)
{
    return slot % 2;
}

static bool stands(const struct world *w, int n)
{
    return w->nodes[n].stands_until_ms > w->now_ms;
}

static bool is_down(const struct world *w, int from, int to)
{
    return w->lanes[from][to].down_until_ms > w->now_ms;
}

static int node_of(const struct world *w, const struct cluster_id *id)
{
    for (int n = 0; n < NODES; n++) {
        if (cluster_id_equal(&w->nodes[n].id, id)) {
            return n;
        }
    }
    return NOBODY;
}

/* ---- announcements ------------------------------------------------------------------------------ */

static void announce(struct world *w, int slot)
{
    const struct hot_slot *hot = &w->own[slot].hot;
    int from = owner_of(slot);

    hot_slots_take(&w->nodes[from].table, now_of(w), hot, &w->nodes[from].id, &none);
    for (int to = 0; to < NODES; to++) {
        struct lane *lane = &w->lanes[from][to];
        int64_t late_ms = (int64_t)rng_below(&w->rng, rng_one_in(&w->rng, 20) ? 4000 : 100);

        if (to != from && !is_down(w, from, to)) {
            int64_t at_ms = w->now_ms + late_ms;

            lane->last_ms = at_ms > lane->last_ms ? at_ms : lane->last_ms;
            VEC_PUSH(&lane->letters, ((struct letter){.hot = *hot, .at_ms = lane->last_ms}));
        }
    }
}

/* As on the wire. */
static void take(struct world *w, int from, int to, const struct hot_slot *sent)
{
    struct buf bytes = {0};
    struct hot_slot hot;

    hot_slot_encode(sent, &bytes);
    SEED_ASSERT(hot_slot_decode(buf_bytes(&bytes), &hot), w->seed);
    buf_deinit(&bytes);
    hot.owner = w->nodes[from].id;
    hot_slots_take(&w->nodes[to].table, now_of(w), &hot, &w->nodes[to].id, &none);
}

static void deliver(struct world *w, int from, int to)
{
    struct lane *lane = &w->lanes[from][to];

    while (lane->letters.count > 0 && lane->letters.items[0].at_ms <= w->now_ms) {
        const struct letter letter = lane->letters.items[0];

        for (size_t i = 1; i < lane->letters.count; i++) {
            lane->letters.items[i - 1] = lane->letters.items[i];
        }
        lane->letters.count--;
        take(w, from, to, &letter.hot);
    }
}

/* Those who have heard that they are members have a lease of the owner. */
static void renew_leases(struct world *w, int slot)
{
    for (int n = 0; n < NODES; n++) {
        const struct hot_slot *hot =
            hot_slots_find(&w->nodes[n].table, now_of(w), w->own[slot].hot.slot);

        if (hot != NULL && hot_slot_member(hot, &w->nodes[n].id) != NULL && !stands(w, n) &&
            !is_down(w, owner_of(slot), n)) {
            w->own[slot].lease_until_ms[n] = w->now_ms + LEASE_MS;
        }
    }
}

/* ---- the owner's look --------------------------------------------------------------------------- */

static void raise_epoch(const struct world *w, struct hot_slot *hot)
{
    hot->epoch = (uint64_t)w->now_ms > hot->epoch ? (uint64_t)w->now_ms : hot->epoch + 1;
}

static void change_members(struct world *w, int slot)
{
    struct hot_slot *hot = &w->own[slot].hot;
    int n = (int)rng_below(&w->rng, NODES);
    const struct hot_member *member = hot_slot_member(hot, &w->nodes[n].id);

    if (n == owner_of(slot)) {
        hot->member_count = 0;
    } else if (member != NULL) {
        hot->members[member - hot->members] = hot->members[--hot->member_count];
    } else {
        hot->members[hot->member_count++] = (struct hot_member){.node = w->nodes[n].id};
    }
    spread_forget(hot);
    raise_epoch(w, hot);
    if (hot->member_count == 0) {
        announce(w, slot);
    }
}

/* Whoever serves how much: now this one, now that one serves most. */
static void serve(struct world *w, struct hot_slot *hot)
{
    hot->owner_served = rng_below(&w->rng, 2000);
    for (size_t i = 0; i < hot->member_count; i++) {
        hot->members[i].served = rng_below(&w->rng, 2000);
    }
}

static void look(struct world *w, int slot)
{
    struct own *own = &w->own[slot];
    bool has_changed = false;

    if (rng_one_in(&w->rng, own->hot.member_count == 0 ? 30 : 15)) {
        change_members(w, slot);
    }
    for (size_t i = 0; i < own->hot.member_count; i++) {
        struct hot_member *member = &own->hot.members[i];
        bool is_ready = own->lease_until_ms[node_of(w, &member->node)] > w->now_ms;

        has_changed |= member->is_ready != is_ready;
        member->is_ready = is_ready;
    }
    serve(w, &own->hot);
    if (spread_look(&own->hot, &own->rounds, now_of(w), 1000, has_changed)) {
        raise_epoch(w, &own->hot);
    }
    if (own->hot.member_count > 0) {
        announce(w, slot);
    }
}

/* ---- clients ------------------------------------------------------------------------------------ */

/* Where the node would send it. */
static int view_at(const struct world *w, int n, const struct client *c, int slot)
{
    const struct hot_slot *hot =
        hot_slots_find(&w->nodes[n].table, now_of(w), w->own[slot].hot.slot);
    const struct view_client who = {.kind = c->kind, .address = bytes_from_text(c->address)};

    return hot != NULL ? node_of(w, view_draw(hot, &who)) : owner_of(slot);
}

/* Where the client is sent since this node serves too much; NOBODY: it stays. */
static int sent_on_to(struct world *w, struct client *c, int n, int slot)
{
    uint16_t number = w->own[slot].hot.slot;
    struct hot_known *known = hot_slots_known(&w->nodes[n].table, now_of(w), number);
    struct spread_reader *reader = &c->readers[n][slot];
    int to;

    if (known == NULL || !spread_count(known, now_of(w), &w->nodes[n].id, reader)) {
        return NOBODY;
    }
    to = view_at(w, n, c, slot);
    if (to == n || !spread_sends_on(known, now_of(w), &w->nodes[n].id, reader, 0)) {
        reader->judged = known->hot.number;
        return NOBODY;
    }
    w->sent_on++;
    return to;
}

/* Where the node sends who asks it for the slot, NOBODY: it is served. */
static int ask(struct world *w, struct client *c, int n, int slot)
{
    const struct own *own = &w->own[slot];
    const struct hot_slot *hot = hot_slots_accepted(&w->nodes[n].table, now_of(w), own->hot.slot);
    uint32_t *judged = &c->readers[n][slot].judged;
    int to = sent_on_to(w, c, n, slot);

    if (to != NOBODY || n == owner_of(slot)) {
        return to;
    }
    if (hot != NULL &&
        hot_slots_sends_home(&w->nodes[n].table, now_of(w), hot->slot, &w->nodes[n].id, &none) &&
        *judged < hot->number) {
        *judged = hot->number;
        w->sent_home++;
        return owner_of(slot);
    }
    w->served_by_members += hot != NULL;
    return hot != NULL ? NOBODY : owner_of(slot);
}

/* By which the node has sent it on.  One that knows nothing of the slot goes by no announcement, as if that were an epoch. */
static uint64_t epoch_at(const struct world *w, int n, int slot)
{
    const struct hot_slot *hot =
        hot_slots_find(&w->nodes[n].table, now_of(w), w->own[slot].hot.slot);

    return hot != NULL ? hot->epoch : w->own[slot].hot.epoch;
}

/* The place of the epoch, or else of the oldest one. */
static struct sent *sent_in(struct sent sent[EPOCHS], uint64_t epoch)
{
    struct sent *oldest = &sent[0];

    for (int i = 0; i < EPOCHS; i++) {
        if (sent[i].epoch == epoch) {
            return &sent[i];
        }
        oldest = sent[i].epoch < oldest->epoch ? &sent[i] : oldest;
    }
    *oldest = (struct sent){.epoch = epoch};
    return oldest;
}

static void read_slot(struct world *w, struct client *c, int slot)
{
    int n = c->believes[slot];

    while (!stands(w, n) && n != NOBODY) {
        int at = n;

        c->believes[slot] = n;
        n = ask(w, c, n, slot);
        if (n != NOBODY) {
            w->redirections++;
            SEED_ASSERT(++sent_in(c->sent[slot], epoch_at(w, at, slot))->count <= FEW, w->seed);
        }
        if (n == NOBODY) {
            return;
        }
    }
    c->believes[slot] = n;
}

static void client_step(struct world *w, struct client *c)
{
    int slot = (int)rng_below(&w->rng, SLOTS);
    int asked = (int)rng_below(&w->rng, NODES);

    if (rng_one_in(&w->rng, 2000) && !stands(w, asked)) {
        for (int s = 0; s < SLOTS; s++) {
            c->believes[s] = view_at(w, asked, c, s);
        }
    }
    if (rng_one_in(&w->rng, 5)) {
        read_slot(w, c, slot);
    }
}

/* ---- all of it ---------------------------------------------------------------------------------- */

static void check(struct world *w, int n, int slot)
{
    const struct hot_slot *hot =
        hot_slots_find(&w->nodes[n].table, now_of(w), w->own[slot].hot.slot);

    for (size_t i = 0; hot != NULL && i < hot->member_count; i++) {
        int member = node_of(w, &hot->members[i].node);

        if (hot->members[i].is_ready) {
            w->advertised++;
            SEED_ASSERT(hot_slots_accepted(&w->nodes[member].table, now_of(w), hot->slot) != NULL,
                        w->seed);
        }
    }
}

static void fail_something(struct world *w)
{
    int n = (int)rng_below(&w->rng, NODES);
    int other = (int)rng_below(&w->rng, NODES);
    int64_t until_ms = w->now_ms + (int64_t)rng_below(&w->rng, 30000);

    if (rng_one_in(&w->rng, 2)) {
        w->nodes[n].stands_until_ms = until_ms;
    } else {
        w->lanes[n][other].down_until_ms = until_ms;
        w->lanes[n][other].letters.count = 0;
    }
}

static void nodes_step(struct world *w, int step)
{
    for (int n = 0; n < NODES; n++) {
        for (int from = 0; from < NODES && !stands(w, n); from++) {
            deliver(w, from, n);
        }
        if (step % LOOK_STEPS == n && !stands(w, n)) {
            hot_slots_tick(&w->nodes[n].table, now_of(w));
        }
    }
    for (int slot = 0; slot < SLOTS; slot++) {
        if (!stands(w, owner_of(slot))) {
            renew_leases(w, slot);
            if (step % LOOK_STEPS == owner_of(slot)) {
                look(w, slot);
            }
        }
    }
}

static void world_init(struct world *w, uint64_t seed)
{
    w->seed = seed;
    w->now_ms = 1000;
    rng_init(&w->rng, seed);
    for (int n = 0; n < NODES; n++) {
        snprintf(w->nodes[n].id.text, sizeof(w->nodes[n].id.text), "%040x", n + 1);
    }
    for (int slot = 0; slot < SLOTS; slot++) {
        w->own[slot].hot =
            (struct hot_slot){.slot = (uint16_t)slot, .owner = w->nodes[owner_of(slot)].id};
    }
    for (int i = 0; i < CLIENTS; i++) {
        struct client *c = &w->clients[i];

        snprintf(c->address, sizeof(c->address), "10.0.0.%d:%d", i / 3, 40000 + i);
        c->kind = i % 3 == 0 ? VIEW_BY_ADDRESS : VIEW_BY_CONNECTION;
        for (int slot = 0; slot < SLOTS; slot++) {
            c->believes[slot] = owner_of(slot);
        }
    }
}

static void world_deinit(struct world *w)
{
    for (int n = 0; n < NODES; n++) {
        hot_slots_deinit(&w->nodes[n].table);
        for (int to = 0; to < NODES; to++) {
            VEC_DEINIT(&w->lanes[n][to].letters);
        }
    }
}

Test(advertised, whoever_is_accepts_the_slot_and_no_client_is_sent_on_more_than_twice_in_an_epoch,
     .timeout = 120)
{
    struct world *w = calloc(1, sizeof(*w));

    world_init(w, seed_get());
    for (int step = 0; step < STEPS; step++) {
        w->now_ms += STEP_MS;
        nodes_step(w, step);
        for (int i = 0; i < CLIENTS; i++) {
            client_step(w, &w->clients[i]);
        }
        for (int n = 0; n < NODES * SLOTS; n++) {
            if (!stands(w, n / SLOTS)) {
                check(w, n / SLOTS, n % SLOTS);
            }
        }
        if (rng_one_in(&w->rng, 200)) {
            fail_something(w);
        }
    }
    SEED_ASSERT(w->advertised > 1000 && w->served_by_members > 100, w->seed);
    SEED_ASSERT(w->sent_home > 10, w->seed);
    SEED_ASSERT(w->sent_on > 10 && w->redirections > w->sent_on, w->seed);
    world_deinit(w);
    free(w);
}
