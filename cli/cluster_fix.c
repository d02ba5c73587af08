/* SPDX-License-Identifier: MIT */
/* In order: moves that were broken off, slots with more than one owner (when asked for), slots without one, keys that are at another
 * node than their slot's owner; then a check.
 *
 * A move that was broken off is brought to its end when both sides know of it, or when the target has any of the keys;
 * else it is taken back.  Keys that are at both sides are taken from the owner: it has served them until now. */
#include "cli/cluster_fix.h"

#include "cli/cluster_cover.h"
#include "cli/cluster_differ.h"
#include "cli/cluster_fixing.h"
#include "cli/cluster_moves.h"
#include "cli/cluster_strays.h"
#include "io/clock.h"

#include <stdio.h>
#include <string.h>

enum {
    ROUND_MS = 200,
    UNCOVERED_MS = 3000,
};

/* ---- doing ------------------------------------------------------------------------------------- */

static bool finish_move(struct fixing *f, size_t slot, size_t from, size_t to)
{
    uint64_t slots[SLOT_PLAN_WORDS] = {0};
    struct errmsg error = {0};

    view_say(VIEW_STEP, "Moving slot %zu on from %s:%u to %s:%u", slot,
             fixing_node(f, from)->info.host, fixing_node(f, from)->info.port,
             fixing_node(f, to)->info.host, fixing_node(f, to)->info.port);
    bitset_add(slots, slot);
    return slot_mover_move(&f->mover, fixing_node(f, from), fixing_node(f, to), slots, &error) ==
               SLOT_MOVER_OK ||
           fixing_say_failed(&error);
}

/* ---- moves that were broken off ---------------------------------------------------------------- */

/* Where is the owner's slot going?  To whom it says, to whoever has taken that one's place, or to whoever else imports it. */
static size_t find_target(const struct fixing *f, size_t slot, size_t owner)
{
    const struct map_open_slot *out = fixing_find_open(f, owner, slot, true);
    size_t found = f->view.nodes.count;

    for (size_t i = 0; i < f->view.nodes.count; i++) {
        if (i == owner || !fixing_is_usable(f, i)) {
            continue;
        }
        if (out != NULL && strcmp(fixing_node(f, i)->info.id, out->peer_id) == 0) {
            return i;
        }
        if (fixing_find_open(f, i, slot, false) != NULL && found == f->view.nodes.count) {
            found = i;
        }
    }
    return found;
}

/* A slot goes to one node: whoever else imports it was to have it before, and may have some of its keys. */
static bool fetch_from_others(struct fixing *f, size_t slot, size_t owner, size_t target)
{
    bool is_ok = true;

    for (size_t i = 0; is_ok && i < f->view.nodes.count; i++) {
        if (i != owner && i != target && fixing_is_usable(f, i) &&
            fixing_find_open(f, i, slot, false) != NULL) {
            is_ok = strays_bring(f, slot, i, owner, STRAYS_OWNER_FIRST);
        }
    }
    return is_ok;
}

static bool fix_owned(struct fixing *f, size_t slot, size_t owner)
{
    const struct map_open_slot *out = fixing_find_open(f, owner, slot, true);
    size_t target = find_target(f, slot, owner);
    struct errmsg error = {0};
    bool is_known_to_both;
    int64_t count = 0;

    if (target == f->view.nodes.count) {
        if (out != NULL && !f->options->cluster_without_missing) {
            view_say(VIEW_BAD,
                     "Slot %zu is on its way to %.8s, which cannot be reached and may have "
                     "some of its keys: start it, or its replica, again.",
                     slot, out->peer_id);
            puts("   --cluster-fix-with-unreachable-masters gives up what it has.");
            return false;
        }
        return fixing_take_back(f, slot, owner);
    }
    if (!fetch_from_others(f, slot, owner, target)) {
        return false;
    }
    is_known_to_both = out != NULL && fixing_find_open(f, target, slot, false) != NULL;
    if (!is_known_to_both && !fixing_count_keys(f, target, slot, &count, &error)) {
        return fixing_say_failed(&error);
    }
    if (is_known_to_both || count > 0) {
        return finish_move(f, slot, owner, target);
    }
    return (out == NULL || fixing_take_back(f, slot, owner)) &&
           (fixing_find_open(f, target, slot, false) == NULL || fixing_take_back(f, slot, target));
}

/* Who has keys of the slot without importing it has served them before the slot was let go: what it has is newer. */
static bool fetch_what_was_served(struct fixing *f, size_t slot, size_t taker)
{
    bool is_ok = fixing_look_for_keys(f, slot);

    for (size_t i = 0; is_ok && i < f->view.nodes.count; i++) {
        if (i != taker && f->keys.items[i] > 0) {
            is_ok = strays_bring(f, slot, i, taker,
                                 fixing_find_open(f, i, slot, false) != NULL ? STRAYS_OWNER_FIRST
                                                                             : STRAYS_HOLDER_FIRST);
        }
    }
    return is_ok;
}

/* The source has given it up, and the target has not taken it. */
static bool fix_given(struct fixing *f, size_t slot)
{
    for (size_t i = 0; i < f->view.nodes.count; i++) {
        struct errmsg error = {0};

        if (fixing_is_usable(f, i) && fixing_find_open(f, i, slot, false) != NULL) {
            view_say(VIEW_STEP, "Slot %zu is taken by %s:%u", slot, fixing_node(f, i)->info.host,
                     fixing_node(f, i)->info.port);
            return (slot_mover_set(fixing_node(f, i), slot, "NODE", fixing_node(f, i)->info.id,
                                   &error) ||
                    fixing_say_failed(&error)) &&
                   fetch_what_was_served(f, slot, i);
        }
    }
    return true; /* one without an owner */
}

static bool fix_open_slots(struct fixing *f)
{
    uint64_t open[SLOT_PLAN_WORDS] = {0};
    bool is_ok = true;

    view_say(VIEW_STEP, "Check for open slots...");
    for (size_t i = 0; i < f->view.nodes.count; i++) {
        const struct cluster_map *map = &fixing_node(f, i)->map;

        for (size_t j = 0; fixing_is_usable(f, i) && j < map->open_slots.count; j++) {
            if (cluster_map_is_own(map, &map->open_slots.items[j])) {
                bitset_add(open, map->open_slots.items[j].slot);
            }
        }
    }
    for (size_t slot = bitset_next(open, SLOT_COUNT, 0, true);
         slot < SLOT_COUNT && !fixing_is_over(f);
         slot = bitset_next(open, SLOT_COUNT, slot + 1, true)) {
        size_t owner = fixing_next_owner(f, slot, 0);

        is_ok &= owner < f->view.nodes.count ? fix_owned(f, slot, owner) : fix_given(f, slot);
    }
    return is_ok;
}

/* Those that go by themselves come to their end by themselves, whatever happens to either side. */
static void say_moves(const struct fixing *f)
{
    struct cluster_moves moves = {0};
    struct errmsg error = {0};

    if (!cluster_moves_look(&moves, &f->view, &error)) {
        view_say(VIEW_WARN, "%s", error.text);
    }
    for (size_t i = 0; i < moves.items.count; i++) {
        struct buf line = {0};

        cluster_move_write(&moves.items.items[i], &line);
        view_say(VIEW_STEP, "Left alone, since the servers go on with it: %s", buf_text(&line));
        buf_deinit(&line);
    }
    cluster_moves_deinit(&moves);
}

/* ---- owners ------------------------------------------------------------------------------------ */

static bool fix_owners_of(struct fixing *f, size_t slot)
{
    struct errmsg error = {0};
    size_t count;
    size_t winner;
    bool is_ok = true;

    if (!fixing_look_for_keys(f, slot)) {
        return false;
    }
    winner = fixing_find_richest(f, &count);
    if (count == 0) {
        winner = fixing_next_owner(f, slot, 0);
    }
    for (size_t i = 0; is_ok && i < f->view.nodes.count; i++) {
        if (i != winner && fixing_is_usable(f, i) &&
            bitset_has(fixing_node(f, i)->info.slots, slot)) {
            is_ok = slot_mover_set(fixing_node(f, i), slot, "NODE", fixing_node(f, winner)->info.id,
                                   &error) ||
                    fixing_say_failed(&error);
        }
        if (is_ok && i != winner && f->keys.items[i] > 0) {
            is_ok = strays_bring(f, slot, i, winner, STRAYS_OWNER_FIRST);
        }
    }
    return is_ok;
}

static bool fix_multiple_owners(struct fixing *f)
{
    bool is_ok = true;

    view_say(VIEW_STEP, "Check for multiple slot owners...");
    for (size_t slot = 0; slot < SLOT_COUNT && !fixing_is_over(f); slot++) {
        size_t first = fixing_next_owner(f, slot, 0);

        if (first < f->view.nodes.count &&
            fixing_next_owner(f, slot, first + 1) < f->view.nodes.count) {
            view_say(VIEW_WARN, "Slot %zu has several owners.", slot);
            is_ok &= fix_owners_of(f, slot);
        }
    }
    return is_ok;
}

/* ---- all of it --------------------------------------------------------------------------------- */

static bool has_all_primaries(const struct fixing *f)
{
    bool has_all = true;

    for (size_t i = 0; i < f->view.nodes.count; i++) {
        const struct view_node *node = fixing_node(f, i);

        if (node->client == NULL && view_is_data_primary(&node->info) &&
            node->info.slot_count > 0) {
            view_say(VIEW_WARN, "Node %.8s at %s:%u with %zu slots cannot be asked: %s",
                     node->info.id, node->info.host, node->info.port, node->info.slot_count,
                     node->error.text);
            has_all = false;
        }
    }
    if (!has_all && !f->options->cluster_without_missing) {
        view_say(VIEW_BAD, "Fixing without these nodes may lose what they have: start them again, "
                           "or pass --cluster-fix-with-unreachable-masters.");
        return false;
    }
    return true;
}

/* Whoever gave a slot knows at once who has it, and a moment later in which epoch: that differs, too, for those who check. */
static bool agrees_in_all(const struct cluster_view *view)
{
    const struct view_node *first = &view->nodes.items[0];
    struct buf ignored = {0};
    size_t count = 0;

    for (size_t i = 1; i < view->nodes.count && count == 0; i++) {
        const struct view_node *other = &view->nodes.items[i];

        if (other->client != NULL) {
            count += cluster_differ((struct told_map){"", &first->map},
                                    (struct told_map){"", &other->map}, &ignored);
        }
    }
    buf_deinit(&ignored);
    return count == 0;
}

/* What was agreed a moment ago is known to all a moment later.  False: not even then, or the cluster cannot be asked. */
static bool look_again(struct fixing *f, bool is_last, int64_t limit_ms)
{
    struct mono_time start = clock_mono_now();
    bool is_agreed = false;

    while (!is_agreed && !fixing_is_over(f) &&
           mono_ms_between(start, clock_mono_now()) < limit_ms) {
        struct cluster_view view = {0};
        const struct view_node *other;
        struct errmsg ignored = {0};

        is_agreed =
            cluster_view_open(&view, f->options, f->target->host, f->target->port, &ignored) &&
            cluster_view_agrees(&view, &other) && (!is_last || agrees_in_all(&view));
        if (is_agreed) {
            fixing_take_view(f, &view);
        } else {
            cluster_view_close(&view);
            interrupt_sleep(NULL, ROUND_MS);
        }
    }
    return is_agreed;
}

/* Of a slot that its owner let go of others show that owner for as long as it has no other: they do not come to agree about one that is
 * left so. */
static bool fix_strays(struct fixing *f, bool is_covered)
{
    int64_t limit_ms = f->options->cluster_timeout_ms;
    bool is_ok;

    if (!is_covered && limit_ms > UNCOVERED_MS) {
        limit_ms = UNCOVERED_MS;
    }
    if (!look_again(f, false, limit_ms)) {
        view_say(VIEW_BAD, "Nodes do not agree about slots yet: keys that are elsewhere than at "
                           "their slot's owner were not looked for.");
        return false;
    }
    is_ok = strays_bring_all(f);
    (void)look_again(f, true, limit_ms); /* what differs still is told by the check */
    return is_ok;
}

int cluster_fix(const struct cluster_target *target)
{
    struct fixing f = {.target = target, .options = target->options};
    bool is_ok = cluster_open(&f.view, target) && has_all_primaries(&f);

    if (is_ok) {
        slot_mover_open(&f.mover, f.options, &f.view);
        f.mover.replaces = true;
        f.mover.goes_by_slot = true; /* what was begun so */
        is_ok = fix_open_slots(&f);
        say_moves(&f);
        is_ok = (!f.options->cluster_joins_owners || fix_multiple_owners(&f)) && is_ok;
        is_ok = cluster_cover(&f) && is_ok;
        is_ok = fix_strays(&f, is_ok) && is_ok;
        slot_mover_close(&f.mover);
    }
    cluster_view_close(&f.view);
    VEC_DEINIT(&f.keys);
    VEC_DEINIT(&f.silent);
    if (!is_ok || f.is_interrupted || !cluster_wait_until_served(target)) {
        return 1;
    }
    return cluster_check(target);
}
