/* SPDX-License-Identifier: MIT */
#include "cli/cluster_cover.h"

#include "base/num.h"
#include "cli/cluster_left.h"
#include "cli/cluster_strays.h"
#include "cli/connect.h"
#include "io/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    ROUND_MS = 200,
};

/* Who is to have the slots that nobody has. */
struct gift {
    uint64_t missing[SLOT_PLAN_WORDS];
    uint64_t unknown
        [SLOT_PLAN_WORDS]; /* some node does not say whether it has keys of it: given to nobody */
    uint64_t shared[SLOT_PLAN_WORDS]; /* several have keys of it */
    int64_t most[SLOT_COUNT];         /* keys at the taker */
    size_t takers[SLOT_COUNT];        /* the count of nodes: nobody has keys of it */
};

static size_t find_missing(const struct fixing *f, uint64_t missing[SLOT_PLAN_WORDS])
{
    uint64_t covered[SLOT_PLAN_WORDS] = {0};

    for (size_t i = 0; i < f->view.nodes.count; i++) {
        const struct cluster_map *map = &fixing_node(f, i)->map;

        map_node_add_slots(&fixing_node(f, i)->info, covered);
        for (size_t j = 0; j < map->open_slots.count; j++) {
            bitset_add(covered, map->open_slots.items[j].slot); /* was looked at before */
        }
    }
    for (size_t i = 0; i < SLOT_PLAN_WORDS; i++) {
        missing[i] = ~covered[i];
    }
    return bitset_count(missing, SLOT_PLAN_WORDS);
}

/* ---- what is left of a shard ------------------------------------------------------------------- */

static bool has_taken_over(const struct cluster_view *view, const char *id, bool *has_slots)
{
    size_t index = cluster_view_find(view, id);
    const struct view_node *other;

    if (index == view->nodes.count || view->nodes.items[index].client == NULL ||
        !view_is_data_primary(&view->nodes.items[index].info)) {
        return false;
    }
    *has_slots = view->nodes.items[index].info.slot_count > 0;
    return cluster_view_agrees(view, &other);
}

/* Until it serves and all know it: from then on f sees the cluster so.  ROLE would not tell: a replica without a primary calls
 * itself one there. */
static bool wait_until_served(struct fixing *f, const struct map_node *node)
{
    struct mono_time start = clock_mono_now();
    bool has_slots = false;

    while (!fixing_is_over(f) &&
           mono_ms_between(start, clock_mono_now()) < f->options->cluster_timeout_ms) {
        struct cluster_view view = {0};
        struct errmsg ignored = {0};

        if (cluster_view_open(&view, f->options, f->target->host, f->target->port, &ignored) &&
            has_taken_over(&view, node->id, &has_slots) && has_slots) {
            fixing_take_view(f, &view);
            return true;
        }
        cluster_view_close(&view);
        interrupt_sleep(NULL, ROUND_MS);
    }
    if (!f->is_interrupted) {
        view_say(VIEW_BAD,
                 "Node %s:%u does not serve slots that all know of yet: its log says why.",
                 node->host, node->port);
    }
    return false;
}

enum taking {
    TAKING_DONE,
    TAKING_REFUSED, /* nothing was begun */
    TAKING_OPEN,    /* it was begun, and may come to its end yet: nobody else is to */
};

static enum taking take_over(struct fixing *f, const struct left_replica *replica)
{
    static const char *const words[] = {"CLUSTER", "FAILOVER", "TAKEOVER"};
    const struct map_node *node = &replica->info;
    size_t index = cluster_view_find(&f->view, node->id);
    struct resp_value reply;
    struct errmsg error = {0};
    char question[128 + ADDR_HOST_TEXT];

    snprintf(question, sizeof(question), "Have %s:%u take over, with what it has?", node->host,
             node->port);
    if (index == f->view.nodes.count || !view_confirm(f->options, question)) {
        return TAKING_REFUSED;
    }
    if (fixing_call(f, index, words, ARRAY_COUNT(words), &reply, &error)) {
        resp_value_deinit(&reply);
    } else if (strstr(error.text, "should send CLUSTER FAILOVER to a replica") == NULL) {
        errmsg_wrap(&error, "CLUSTER FAILOVER TAKEOVER at %s:%u", node->host, node->port);
        view_say(VIEW_BAD, "%s", error.text);
        return fixing_is_lost(error.text) ? TAKING_OPEN : TAKING_REFUSED;
    } /* else it was asked again after the connection broke, and is none any more */
    if (!wait_until_served(f, node)) {
        return TAKING_OPEN;
    }
    view_say(VIEW_STEP, "%s:%u has taken over, and serves %zu slots", node->host, node->port,
             fixing_node(f, cluster_view_find(&f->view, node->id))->info.slot_count);
    return TAKING_DONE;
}

/* Whoever has most may refuse, since its data cannot be told from another history's: then who has as much does as well; who has
 * less only when an operator says so. */
static bool use_one_of(struct fixing *f, const struct left_replica *best,
                       const struct left_replica *end)
{
    enum taking taking = TAKING_REFUSED;

    for (const struct left_replica *it = best;
         it < end && taking == TAKING_REFUSED && !fixing_is_over(f) && it->is_known &&
         strcmp(it->info.primary_id, best->info.primary_id) == 0;
         it++) {
        if (it->offset < best->offset) {
            view_say(VIEW_WARN, "Node %s:%u has less: its offset is %" PRId64 " behind.",
                     it->info.host, it->info.port, best->offset - it->offset);
        }
        if (it->offset < best->offset && f->options->cluster_yes) {
            break;
        }
        taking = take_over(f, it);
    }
    return taking == TAKING_DONE;
}

static bool use_replica(struct fixing *f, const struct left_replica *replica,
                        const struct left_replica *end)
{
    if (!replica->is_known && f->options->cluster_without_missing) {
        return true;
    }
    if (!replica->is_known) {
        view_say(VIEW_BAD,
                 "Start it again; or, when it is gone for good: CLUSTER FORGET %s at each "
                 "node, or pass --cluster-fix-with-unreachable-masters.",
                 replica->info.id);
        return false;
    }
    return !replica->is_best || use_one_of(f, replica, end);
}

/* Whoever may have the only copy serves it before anything is given out empty.  False: there is one that does not. */
static bool use_what_is_left(struct fixing *f, const uint64_t *missing)
{
    struct left_replicas left = {0};
    bool is_ok = true;

    left_replicas_find(&left, &f->view);
    for (size_t i = 0; i < left.items.count; i++) {
        left_replica_say(&left.items.items[i], missing);
    }
    for (size_t i = 0; i < left.items.count && !fixing_is_over(f); i++) {
        is_ok = use_replica(f, &left.items.items[i], left.items.items + left.items.count) && is_ok;
    }
    left_replicas_deinit(&left);
    return is_ok;
}

/* Only an operator may say so, and --cluster-yes is not meant for it. */
static bool may_give_empty(const struct fixing *f)
{
    if (f->options->cluster_yes) {
        view_say(VIEW_BAD, "Slots without an owner are left as they are: given out empty, what "
                           "these nodes have of them would be lost.");
        return false;
    }
    return view_confirm(f->options, "Give slots out empty all the same, and lose what these nodes "
                                    "may have of them?");
}

/* ---- who has keys ------------------------------------------------------------------------------ */

static void say_left(const uint64_t *slots, const struct errmsg *error)
{
    bool is_one = bitset_count(slots, SLOT_PLAN_WORDS) == 1;
    struct buf text = {0};

    left_replica_write_slots(slots, &text);
    view_say(VIEW_BAD, "%s %s %s: %s", is_one ? "Slot" : "Slots", buf_text(&text),
             is_one ? "is left as it is" : "are left as they are", error->text);
    buf_deinit(&text);
}

/* Who does not say of one slot is not asked for the others: it may have them all. */
static bool count_at(struct fixing *f, size_t index, struct gift *g)
{
    uint64_t rest[SLOT_PLAN_WORDS] = {0};

    for (size_t slot = bitset_next(g->missing, SLOT_COUNT, 0, true); slot < SLOT_COUNT;
         slot = bitset_next(g->missing, SLOT_COUNT, slot + 1, true)) {
        struct errmsg error = {0};
        int64_t count;

        if (!fixing_count_keys(f, index, slot, &count, &error)) {
            for (; slot < SLOT_COUNT; slot = bitset_next(g->missing, SLOT_COUNT, slot + 1, true)) {
                bitset_add(rest, slot);
                bitset_add(g->unknown, slot);
            }
            say_left(rest, &error);
            return false;
        }
        if (count > 0 && g->most[slot] > 0) {
            bitset_add(g->shared, slot);
        }
        if (count > g->most[slot]) {
            g->most[slot] = count;
            g->takers[slot] = index;
        }
    }
    return true;
}

/* empty: those that nobody has any keys of. */
static bool find_takers(struct fixing *f, struct gift *g, uint64_t *empty)
{
    bool is_ok = true;

    for (size_t slot = 0; slot < SLOT_COUNT; slot++) {
        g->takers[slot] = f->view.nodes.count;
    }
    for (size_t i = 0; i < f->view.nodes.count && !fixing_is_over(f); i++) {
        is_ok = count_at(f, i, g) && is_ok;
    }
    for (size_t i = 0; i < SLOT_PLAN_WORDS; i++) {
        g->missing[i] &= ~g->unknown[i];
    }
    for (size_t slot = bitset_next(g->missing, SLOT_COUNT, 0, true); slot < SLOT_COUNT;
         slot = bitset_next(g->missing, SLOT_COUNT, slot + 1, true)) {
        if (g->takers[slot] == f->view.nodes.count) {
            bitset_add(empty, slot);
        } else {
            fixing_node(f, g->takers[slot])->info.slot_count++;
        }
    }
    return is_ok;
}

/* ---- shares ------------------------------------------------------------------------------------ */

static size_t find_poorest(const struct fixing *f)
{
    size_t found = f->view.nodes.count;

    for (size_t i = 0; i < f->view.nodes.count; i++) {
        if (fixing_is_usable(f, i) &&
            (found == f->view.nodes.count ||
             fixing_node(f, i)->info.slot_count < fixing_node(f, found)->info.slot_count)) {
            found = i;
        }
    }
    return found;
}

/* So many each primary should have in the end: those that have more already keep them. */
static size_t find_level(const struct fixing *f, size_t more)
{
    size_t level = SLOT_COUNT;
    size_t sum;
    size_t count;

    do {
        sum = more;
        count = 0;
        for (size_t i = 0; i < f->view.nodes.count; i++) {
            if (fixing_is_usable(f, i) && fixing_node(f, i)->info.slot_count <= level) {
                sum += fixing_node(f, i)->info.slot_count;
                count++;
            }
        }
        if (count == 0 || level == (sum + count - 1) / count) {
            return level;
        }
        level = (sum + count - 1) / count;
    } while (true);
}

static bool deal_empty(struct fixing *f, struct gift *g, const uint64_t *empty)
{
    size_t left = bitset_count(empty, SLOT_PLAN_WORDS);
    size_t level = find_level(f, left);
    size_t slot = bitset_next(empty, SLOT_COUNT, 0, true);

    while (left > 0) {
        size_t poorest = find_poorest(f);
        size_t has = poorest < f->view.nodes.count ? fixing_node(f, poorest)->info.slot_count : 0;
        size_t part = level > has && level - has < left ? level - has : left;

        if (poorest == f->view.nodes.count) {
            view_say(VIEW_BAD, "There is no primary that slots could be given to.");
            return false;
        }
        for (left -= part; part > 0; part--) {
            g->takers[slot] = poorest;
            fixing_node(f, poorest)->info.slot_count++;
            slot = bitset_next(empty, SLOT_COUNT, slot + 1, true);
        }
    }
    return true;
}

/* ---- giving ------------------------------------------------------------------------------------ */

/* Is it done already?  Its reply may have been lost. */
static bool owns_range(struct fixing *f, size_t index, size_t first, size_t last)
{
    struct client *client = fixing_node(f, index)->client;
    struct cluster_map map = {0};
    struct errmsg ignored = {0};
    bool owns = client != NULL && cluster_view_fetch_map(client, &map, &ignored);

    for (size_t slot = first; owns && slot <= last; slot++) {
        owns = bitset_has(cluster_map_myself(&map)->slots, slot);
    }
    cluster_map_deinit(&map);
    return owns;
}

/* Nodes were asked, and none said that it has the slot: one that says now that another has it has not heard yet. */
static bool is_behind(const struct errmsg *error)
{
    return strstr(error->text, "is already busy") != NULL ||
           strstr(error->text, "is agreed to be another shard's") != NULL;
}

static bool give_range(struct fixing *f, size_t to, size_t first, size_t last)
{
    const struct map_node *info = &fixing_node(f, to)->info;
    struct mono_time start = clock_mono_now();
    char first_text[NUM_I64_TEXT + 1];
    char last_text[NUM_I64_TEXT + 1];
    const char *const words[] = {"CLUSTER", "ADDSLOTSRANGE", first_text, last_text};
    uint64_t slots[SLOT_PLAN_WORDS] = {0};
    struct errmsg error = {0};
    struct resp_value reply;
    bool is_passing;

    snprintf(first_text, sizeof(first_text), "%zu", first);
    snprintf(last_text, sizeof(last_text), "%zu", last);
    do {
        bool is_done = fixing_try(f, to, words, ARRAY_COUNT(words), &reply, &is_passing, &error);

        if (is_done) {
            resp_value_deinit(&reply);
        }
        if (is_done || owns_range(f, to, first, last)) {
            view_say(VIEW_STEP, "Slots %zu-%zu are given to %s:%u", first, last, info->host,
                     info->port);
            return true;
        }
    } while ((is_passing || is_behind(&error)) && fixing_wait_to_retry(f, start));
    for (size_t slot = first; slot <= last; slot++) {
        bitset_add(slots, slot);
    }
    errmsg_wrap(&error, "node %s:%u", info->host, info->port);
    say_left(slots, &error);
    return false;
}

/* Neighbours that the same node is to have in one piece. */
static bool give_missing(struct fixing *f, const struct gift *g)
{
    bool is_ok = true;

    for (size_t first = bitset_next(g->missing, SLOT_COUNT, 0, true);
         first < SLOT_COUNT && !fixing_is_over(f);) {
        size_t taker = g->takers[first];
        size_t last = first;

        while (last + 1 < SLOT_COUNT && bitset_has(g->missing, last + 1) &&
               g->takers[last + 1] == taker) {
            last++;
        }
        is_ok = taker < f->view.nodes.count && give_range(f, taker, first, last) && is_ok;
        first = bitset_next(g->missing, SLOT_COUNT, last + 1, true);
    }
    return is_ok;
}

static bool collect_shared(struct fixing *f, const struct gift *g)
{
    bool is_ok = true;

    for (size_t slot = bitset_next(g->shared, SLOT_COUNT, 0, true);
         slot < SLOT_COUNT && !fixing_is_over(f);
         slot = bitset_next(g->shared, SLOT_COUNT, slot + 1, true)) {
        bool is_known = bitset_has(g->missing, slot) && fixing_look_for_keys(f, slot);

        for (size_t i = 0; is_known && i < f->view.nodes.count; i++) {
            if (i != g->takers[slot] && f->keys.items[i] > 0) {
                is_known = strays_bring(f, slot, i, g->takers[slot], STRAYS_OWNER_FIRST);
            }
        }
        is_ok = is_known && is_ok;
    }
    return is_ok;
}

/* ---- all of it --------------------------------------------------------------------------------- */

bool cluster_cover(struct fixing *f)
{
    struct gift g = {0};
    uint64_t empty[SLOT_PLAN_WORDS] = {0};
    char question[128];
    bool is_ok;

    view_say(VIEW_STEP, "Check slots coverage...");
    if (find_missing(f, g.missing) == 0 || fixing_is_over(f)) {
        return true;
    }
    if (!use_what_is_left(f, g.missing) && (fixing_is_over(f) || !may_give_empty(f))) {
        return false;
    }
    if (find_missing(f, g.missing) == 0 || fixing_is_over(f)) {
        return true;
    }
    snprintf(
        question, sizeof(question),
        "%zu slots have no owner. Give each to the primary that has its keys, or has fewest slots?",
        bitset_count(g.missing, SLOT_PLAN_WORDS));
    if (!view_confirm(f->options, question)) {
        return false;
    }
    is_ok = find_takers(f, &g, empty);
    is_ok = !fixing_is_over(f) && deal_empty(f, &g, empty) && is_ok;
    return give_missing(f, &g) && collect_shared(f, &g) && is_ok;
}
