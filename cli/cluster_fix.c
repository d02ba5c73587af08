/* SPDX-License-Identifier: MIT */
/* In order: moves that were broken off, slots with more than one owner (when asked for), slots without one; then a check.
 *
 * A move that was broken off is brought to its end when both sides know of it, or when the target has any of the keys;
 * else it is taken back.  Keys that are at both sides are taken from the owner: it has served them until now. */
#include "cli/cluster_fix.h"

#include "base/num.h"
#include "base/vec.h"
#include "cli/connect.h"
#include "cli/slot_mover.h"
#include "io/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    ROUND_MS = 200,
    GIVE_TRIES = 30, /* ROUND_MS each */
};

struct fixing {
    const struct options *options;
    struct cluster_view view;
    struct slot_mover mover;
    VEC(int64_t) keys; /* of the slot that was looked at last, at each node */
    bool is_interrupted;
    size_t
        takers[SLOT_COUNT]; /* of slots that nobody has: who is to; the count of nodes for nobody */
};

static struct view_node *node_at(const struct fixing *f, size_t index)
{
    return &f->view.nodes.items[index];
}

/* A primary that can be told things. */
static bool is_usable(const struct fixing *f, size_t index)
{
    return node_at(f, index)->client != NULL && view_is_data_primary(&node_at(f, index)->info);
}

static bool say_failed(const struct errmsg *error)
{
    view_say(VIEW_BAD, "%s", error->text);
    return false;
}

/* ---- what there is ----------------------------------------------------------------------------- */

/* What a node says of a slot of its own that is on the move; NULL: nothing. */
static const struct map_open_slot *find_open(const struct fixing *f, size_t index, size_t slot,
                                             bool is_migrating)
{
    const struct cluster_map *map = &node_at(f, index)->map;

    for (size_t i = 0; i < map->open_slots.count; i++) {
        const struct map_open_slot *open = &map->open_slots.items[i];

        if (open->slot == slot && open->is_migrating == is_migrating &&
            cluster_map_is_own(map, open)) {
            return open;
        }
    }
    return NULL;
}

static bool count_keys(const struct fixing *f, size_t index, size_t slot, int64_t *count,
                       struct errmsg *error)
{
    char number[NUM_I64_TEXT + 1];
    const char *const words[] = {"CLUSTER", "COUNTKEYSINSLOT", number};
    struct resp_value reply;

    *count = 0;
    snprintf(number, sizeof(number), "%zu", slot);
    if (!is_usable(f, index)) {
        return true;
    }
    if (!connect_call(node_at(f, index)->client, words, ARRAY_COUNT(words), &reply, error)) {
        errmsg_wrap(error,
                    "Slot %zu is left as it is: node %s:%u cannot say how many of its keys it has",
                    slot, node_at(f, index)->info.host, node_at(f, index)->info.port);
        return false;
    }
    *count = reply.integer;
    resp_value_deinit(&reply);
    return true;
}

/* Who has keys of the slot?  A node that does not say may have them all: then nothing is decided. */
static bool look_for_keys(struct fixing *f, size_t slot)
{
    struct errmsg error = {0};
    bool is_ok = true;

    f->keys.count = 0;
    for (size_t i = 0; is_ok && i < f->view.nodes.count; i++) {
        int64_t count;

        is_ok = count_keys(f, i, slot, &count, &error) || say_failed(&error);
        VEC_PUSH(&f->keys, count);
    }
    return is_ok;
}

/* The next node from `from` on that says the slot is its own; the count of nodes when there is none. */
static size_t next_owner(const struct fixing *f, size_t slot, size_t from)
{
    while (from < f->view.nodes.count &&
           (!is_usable(f, from) || !bitset_has(node_at(f, from)->info.slots, slot))) {
        from++;
    }
    return from;
}

/* Who has most keys of the slot that was looked for; the count of nodes with none anywhere.  *count: at how many are any? */
static size_t richest(const struct fixing *f, size_t *count)
{
    size_t found = f->view.nodes.count;
    int64_t most = 0;

    *count = 0;
    for (size_t i = 0; i < f->view.nodes.count; i++) {
        *count += f->keys.items[i] > 0 ? 1 : 0;
        if (f->keys.items[i] > most) {
            most = f->keys.items[i];
            found = i;
        }
    }
    return found;
}

/* ---- doing ------------------------------------------------------------------------------------- */

static bool is_over(struct fixing *f)
{
    if (!f->is_interrupted && interrupt_wait(&f->mover.interrupt, -1, false, 0) == INTERRUPT_CAME) {
        view_say(VIEW_WARN, "Interrupted: what is left is as it was.");
        f->is_interrupted = true;
    }
    return f->is_interrupted;
}

static bool finish_move(struct fixing *f, size_t slot, size_t from, size_t to)
{
    uint64_t slots[SLOT_PLAN_WORDS] = {0};
    struct errmsg error = {0};

    view_say(VIEW_STEP, "Moving slot %zu on from %s:%u to %s:%u", slot, node_at(f, from)->info.host,
             node_at(f, from)->info.port, node_at(f, to)->info.host, node_at(f, to)->info.port);
    bitset_add(slots, slot);
    return slot_mover_move(&f->mover, node_at(f, from), node_at(f, to), slots, &error) ==
               SLOT_MOVER_OK ||
           say_failed(&error);
}

static bool take_back(struct fixing *f, size_t slot, size_t index)
{
    struct errmsg error = {0};

    view_say(VIEW_STEP, "Slot %zu is no longer on the move at %s:%u", slot,
             node_at(f, index)->info.host, node_at(f, index)->info.port);
    return slot_mover_set(node_at(f, index), slot, "STABLE", NULL, &error) || say_failed(&error);
}

/* Keys of a slot that is another's: they may be sent from here while it is importing the slot. */
static bool collect_keys(struct fixing *f, size_t slot, size_t from, size_t owner)
{
    struct errmsg error = {0};

    view_say(VIEW_STEP, "Moving keys of slot %zu from %s:%u to %s:%u", slot,
             node_at(f, from)->info.host, node_at(f, from)->info.port, node_at(f, owner)->info.host,
             node_at(f, owner)->info.port);
    if (!slot_mover_set(node_at(f, from), slot, "IMPORTING", node_at(f, owner)->info.id, &error) ||
        !slot_mover_move_keys(&f->mover, node_at(f, from), node_at(f, owner), slot, &error)) {
        return say_failed(&error);
    }
    return take_back(f, slot, from);
}

/* ---- moves that were broken off ---------------------------------------------------------------- */

/* Where is the owner's slot going?  To whom it says, to whoever has taken that one's place, or to whoever else imports it. */
static size_t find_target(const struct fixing *f, size_t slot, size_t owner)
{
    const struct map_open_slot *out = find_open(f, owner, slot, true);
    size_t found = f->view.nodes.count;

    for (size_t i = 0; i < f->view.nodes.count; i++) {
        if (i == owner || !is_usable(f, i)) {
            continue;
        }
        if (out != NULL && strcmp(node_at(f, i)->info.id, out->peer_id) == 0) {
            return i;
        }
        if (find_open(f, i, slot, false) != NULL && found == f->view.nodes.count) {
            found = i;
        }
    }
    return found;
}

static bool fix_owned(struct fixing *f, size_t slot, size_t owner)
{
    const struct map_open_slot *out = find_open(f, owner, slot, true);
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
        return take_back(f, slot, owner);
    }
    is_known_to_both = out != NULL && find_open(f, target, slot, false) != NULL;
    if (!is_known_to_both && !count_keys(f, target, slot, &count, &error)) {
        return say_failed(&error);
    }
    if (is_known_to_both || count > 0) {
        return finish_move(f, slot, owner, target);
    }
    return (out == NULL || take_back(f, slot, owner)) &&
           (find_open(f, target, slot, false) == NULL || take_back(f, slot, target));
}

/* The source has given it up, and the target has not taken it. */
static bool fix_given(struct fixing *f, size_t slot)
{
    for (size_t i = 0; i < f->view.nodes.count; i++) {
        struct errmsg error = {0};

        if (is_usable(f, i) && find_open(f, i, slot, false) != NULL) {
            view_say(VIEW_STEP, "Slot %zu is taken by %s:%u", slot, node_at(f, i)->info.host,
                     node_at(f, i)->info.port);
            return slot_mover_set(node_at(f, i), slot, "NODE", node_at(f, i)->info.id, &error) ||
                   say_failed(&error);
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
        const struct cluster_map *map = &node_at(f, i)->map;

        for (size_t j = 0; is_usable(f, i) && j < map->open_slots.count; j++) {
            if (cluster_map_is_own(map, &map->open_slots.items[j])) {
                bitset_add(open, map->open_slots.items[j].slot);
            }
        }
    }
    for (size_t slot = bitset_next(open, SLOT_COUNT, 0, true); slot < SLOT_COUNT && !is_over(f);
         slot = bitset_next(open, SLOT_COUNT, slot + 1, true)) {
        size_t owner = next_owner(f, slot, 0);

        is_ok &= owner < f->view.nodes.count ? fix_owned(f, slot, owner) : fix_given(f, slot);
    }
    return is_ok;
}

/* ---- owners ------------------------------------------------------------------------------------ */

static bool fix_owners_of(struct fixing *f, size_t slot)
{
    struct errmsg error = {0};
    size_t count;
    size_t winner;
    bool is_ok = true;

    if (!look_for_keys(f, slot)) {
        return false;
    }
    winner = richest(f, &count);
    if (count == 0) {
        winner = next_owner(f, slot, 0);
    }
    for (size_t i = 0; is_ok && i < f->view.nodes.count; i++) {
        if (i != winner && is_usable(f, i) && bitset_has(node_at(f, i)->info.slots, slot)) {
            is_ok =
                slot_mover_set(node_at(f, i), slot, "NODE", node_at(f, winner)->info.id, &error) ||
                say_failed(&error);
        }
        if (is_ok && i != winner && f->keys.items[i] > 0) {
            is_ok = collect_keys(f, slot, i, winner);
        }
    }
    return is_ok;
}

static bool fix_multiple_owners(struct fixing *f)
{
    bool is_ok = true;

    view_say(VIEW_STEP, "Check for multiple slot owners...");
    for (size_t slot = 0; slot < SLOT_COUNT && !is_over(f); slot++) {
        size_t first = next_owner(f, slot, 0);

        if (first < f->view.nodes.count && next_owner(f, slot, first + 1) < f->view.nodes.count) {
            view_say(VIEW_WARN, "Slot %zu has several owners.", slot);
            is_ok &= fix_owners_of(f, slot);
        }
    }
    return is_ok;
}

/* ---- slots that nobody has --------------------------------------------------------------------- */

/* Who has keys of a slot is to have it.  empty: those that nobody has any of; shared: those of which several have some. */
static bool find_takers(struct fixing *f, const uint64_t *missing, uint64_t *empty,
                        uint64_t *shared)
{
    bool is_ok = true;

    for (size_t slot = bitset_next(missing, SLOT_COUNT, 0, true); slot < SLOT_COUNT && !is_over(f);
         slot = bitset_next(missing, SLOT_COUNT, slot + 1, true)) {
        size_t count = 0;

        if (!look_for_keys(f, slot)) {
            is_ok = false;
            continue;
        }
        f->takers[slot] = richest(f, &count);
        if (count == 0) {
            bitset_add(empty, slot);
        } else {
            node_at(f, f->takers[slot])->info.slot_count++;
        }
        if (count > 1) {
            bitset_add(shared, slot);
        }
    }
    return is_ok;
}

static size_t find_poorest(const struct fixing *f)
{
    size_t found = f->view.nodes.count;

    for (size_t i = 0; i < f->view.nodes.count; i++) {
        if (is_usable(f, i) &&
            (found == f->view.nodes.count ||
             node_at(f, i)->info.slot_count < node_at(f, found)->info.slot_count)) {
            found = i;
        }
    }
    return found;
}

/* So many each primary should have in the end. */
static size_t fair_share(const struct fixing *f, size_t more)
{
    size_t primaries = 0;

    for (size_t i = 0; i < f->view.nodes.count; i++) {
        if (is_usable(f, i)) {
            primaries++;
            more += node_at(f, i)->info.slot_count;
        }
    }
    return primaries > 0 ? (more + primaries - 1) / primaries : 0;
}

/* Slots without keys are dealt out so that all primaries have as many, each a part of them in one piece. */
static bool deal_empty(struct fixing *f, const uint64_t *empty)
{
    size_t left = bitset_count(empty, SLOT_PLAN_WORDS);
    size_t share = fair_share(f, left);
    size_t slot = bitset_next(empty, SLOT_COUNT, 0, true);

    while (left > 0) {
        size_t poorest = find_poorest(f);
        size_t has = poorest < f->view.nodes.count ? node_at(f, poorest)->info.slot_count : 0;
        size_t part = share > has && share - has < left ? share - has : left;

        if (poorest == f->view.nodes.count) {
            view_say(VIEW_BAD, "There is no primary that slots could be given to.");
            return false;
        }
        for (left -= part; part > 0; part--) {
            f->takers[slot] = poorest;
            node_at(f, poorest)->info.slot_count++;
            slot = bitset_next(empty, SLOT_COUNT, slot + 1, true);
        }
    }
    return true;
}

/* A node may be without its lease for a moment, and closes connections then: it is asked again.  What it was asked before may have
 * been done. */
static bool give_range(struct fixing *f, struct view_node *to, size_t first, size_t last)
{
    char from_text[NUM_I64_TEXT + 1];
    char to_text[NUM_I64_TEXT + 1];
    const char *const words[] = {"CLUSTER", "ADDSLOTSRANGE", from_text, to_text};
    struct errmsg error = {0};

    snprintf(from_text, sizeof(from_text), "%zu", first);
    snprintf(to_text, sizeof(to_text), "%zu", last);
    for (int tries = 0; tries < GIVE_TRIES && !is_over(f); tries++) {
        if (to->client != NULL && connect_order(to->client, words, ARRAY_COUNT(words), &error)) {
            view_say(VIEW_STEP, "Slots %zu-%zu are given to %s:%u", first, last, to->info.host,
                     to->info.port);
            return true;
        }
        if (tries > 0 && strstr(error.text, "is already busy") != NULL) {
            return true;
        }
        if (to->client != NULL && strncmp(error.text, "ERR ", 4) == 0) {
            break;
        }
        if (to->client != NULL) {
            client_close(to->client);
        }
        interrupt_sleep(NULL, ROUND_MS);
        to->client = connect_node(f->options, to->info.host, to->info.port, &error);
    }
    errmsg_wrap(&error, "Slots %zu-%zu, node %s:%u", first, last, to->info.host, to->info.port);
    return say_failed(&error);
}

/* Neighbours that the same node is to have in one piece: each piece is agreed by the cluster. */
static bool give_missing(struct fixing *f, const uint64_t *missing)
{
    bool is_ok = true;

    for (size_t first = bitset_next(missing, SLOT_COUNT, 0, true);
         first < SLOT_COUNT && !is_over(f);) {
        size_t taker = f->takers[first];
        size_t last = first;

        while (last + 1 < SLOT_COUNT && bitset_has(missing, last + 1) &&
               f->takers[last + 1] == taker) {
            last++;
        }
        is_ok =
            taker < f->view.nodes.count && give_range(f, node_at(f, taker), first, last) && is_ok;
        first = bitset_next(missing, SLOT_COUNT, last + 1, true);
    }
    return is_ok;
}

static bool collect_shared(struct fixing *f, const uint64_t *shared)
{
    bool is_ok = true;

    for (size_t slot = bitset_next(shared, SLOT_COUNT, 0, true); slot < SLOT_COUNT && !is_over(f);
         slot = bitset_next(shared, SLOT_COUNT, slot + 1, true)) {
        bool is_known = look_for_keys(f, slot);

        for (size_t i = 0; is_known && i < f->view.nodes.count; i++) {
            if (i != f->takers[slot] && f->keys.items[i] > 0) {
                is_known = collect_keys(f, slot, i, f->takers[slot]);
            }
        }
        is_ok = is_known && is_ok;
    }
    return is_ok;
}

static bool cover(struct fixing *f, const uint64_t *missing)
{
    uint64_t empty[SLOT_PLAN_WORDS] = {0};
    uint64_t shared[SLOT_PLAN_WORDS] = {0};
    bool is_ok;

    for (size_t slot = 0; slot < SLOT_COUNT; slot++) {
        f->takers[slot] = f->view.nodes.count;
    }
    is_ok = find_takers(f, missing, empty, shared);
    is_ok = !is_over(f) && deal_empty(f, empty) && is_ok;
    return give_missing(f, missing) && collect_shared(f, shared) && is_ok;
}

static bool has_slots(const struct view_node *node)
{
    struct cluster_map map = {0};
    struct errmsg ignored = {0};
    const struct map_node *myself =
        cluster_view_fetch_map(node->client, &map, &ignored) ? cluster_map_myself(&map) : NULL;
    bool has = myself != NULL && view_is_data_primary(myself) && myself->slot_count > 0;

    cluster_map_deinit(&map);
    return has;
}

/* Until it says that slots are its own.  ROLE calls it a master before: it follows nobody who is there. */
static bool wait_until_primary(struct fixing *f, const struct view_node *node)
{
    for (int tries = 0; tries < GIVE_TRIES && !is_over(f); tries++) {
        if (has_slots(node)) {
            return true;
        }
        interrupt_sleep(NULL, ROUND_MS);
    }
    view_say(VIEW_BAD, "Node %s:%u has not taken over: its log says why.", node->info.host,
             node->info.port);
    return false;
}

/* Replicas of a primary that was removed may have what the slots held: they serve it before anything is given out empty.  *is_any:
 * there are such. */
static bool let_left_take_over(struct fixing *f, bool *is_any)
{
    const char *const words[] = {"CLUSTER", "FAILOVER", "TAKEOVER"};
    bool is_ok = true;

    *is_any = false;
    for (size_t i = 0; i < f->view.nodes.count && !is_over(f); i++) {
        struct view_node *node = node_at(f, i);
        struct errmsg error = {0};
        int64_t keys;

        if (!cluster_view_is_left(&f->view, node, &keys)) {
            continue;
        }
        *is_any = true;
        view_say_left(node, keys);
        if (!view_confirm(f->options, "Have it take over, with what it has?")) {
            is_ok = false;
        } else if (!connect_order(node->client, words, ARRAY_COUNT(words), &error)) {
            errmsg_wrap(&error, "CLUSTER FAILOVER TAKEOVER at %s:%u", node->info.host,
                        node->info.port);
            is_ok = say_failed(&error);
        } else {
            is_ok = wait_until_primary(f, node) && is_ok;
        }
    }
    return is_ok;
}

static bool fix_coverage(struct fixing *f)
{
    uint64_t covered[SLOT_PLAN_WORDS] = {0};
    size_t missing;
    bool is_any_left;
    bool is_ok;
    char question[128];

    view_say(VIEW_STEP, "Check slots coverage...");
    for (size_t i = 0; i < f->view.nodes.count; i++) {
        map_node_add_slots(&node_at(f, i)->info, covered);
    }
    for (size_t i = 0; i < f->view.nodes.count; i++) {
        const struct cluster_map *map = &node_at(f, i)->map;

        for (size_t j = 0; j < map->open_slots.count; j++) {
            bitset_add(covered, map->open_slots.items[j].slot); /* was looked at above */
        }
    }
    missing = SLOT_COUNT - bitset_count(covered, SLOT_PLAN_WORDS);
    if (missing == 0 || is_over(f)) {
        return true;
    }
    is_ok = let_left_take_over(f, &is_any_left);
    if (is_any_left) {
        return is_ok; /* what is without an owner then, the check tells */
    }
    snprintf(
        question, sizeof(question),
        "%zu slots have no owner. Give each to the primary that has its keys, or has fewest slots?",
        missing);
    if (!view_confirm(f->options, question)) {
        return false;
    }
    for (size_t i = 0; i < SLOT_PLAN_WORDS; i++) {
        covered[i] = ~covered[i];
    }
    return cover(f, covered);
}

/* ---- all of it --------------------------------------------------------------------------------- */

static bool has_all_primaries(const struct fixing *f)
{
    bool has_all = true;

    for (size_t i = 0; i < f->view.nodes.count; i++) {
        const struct view_node *node = node_at(f, i);

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

/* What was agreed a moment ago is known to all a moment later. */
static void wait_until_agreed(const struct cluster_target *target)
{
    struct mono_time start = clock_mono_now();

    for (bool is_agreed = false; !is_agreed && mono_ms_between(start, clock_mono_now()) <
                                                   target->options->cluster_timeout_ms;) {
        struct cluster_view view = {0};
        const struct view_node *other;
        struct errmsg ignored = {0};

        is_agreed =
            cluster_view_open(&view, target->options, target->host, target->port, &ignored) &&
            cluster_view_agrees(&view, &other);
        cluster_view_close(&view);
        if (!is_agreed) {
            interrupt_sleep(NULL, ROUND_MS);
        }
    }
}

int cluster_fix(const struct cluster_target *target)
{
    struct fixing f = {.options = target->options};
    bool is_ok = cluster_open(&f.view, target) && has_all_primaries(&f);

    if (is_ok) {
        slot_mover_open(&f.mover, f.options, &f.view);
        f.mover.replaces = true;
        f.mover.goes_by_slot = true; /* what was begun so */
        is_ok = fix_open_slots(&f);
        is_ok = (!f.options->cluster_joins_owners || fix_multiple_owners(&f)) && is_ok;
        is_ok = fix_coverage(&f) && is_ok;
        slot_mover_close(&f.mover);
    }
    cluster_view_close(&f.view);
    VEC_DEINIT(&f.keys);
    if (!is_ok || f.is_interrupted) {
        return 1;
    }
    wait_until_agreed(target);
    return cluster_check(target);
}
