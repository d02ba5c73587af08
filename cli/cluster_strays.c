/* SPDX-License-Identifier: MIT */
#include "cli/cluster_strays.h"

#include "base/mem.h"
#include "base/num.h"
#include "cli/connect.h"
#include "cli/quoted.h"
#include "io/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    LOT = 1024, /* slots that are asked about at once */
    STUCK_ROUNDS = 100,
};

/* ---- what there is ------------------------------------------------------------------------------- */

static void ask_count(struct client *client, size_t slot)
{
    char number[NUM_I64_TEXT + 1];

    snprintf(number, sizeof(number), "%zu", slot);
    client_send_texts(client, 3, "CLUSTER", "COUNTKEYSINSLOT", number);
}

/* One reply; false after an error, which is the first that came. */
static bool read_count(struct client *client, bool is_ok, int64_t *count, struct errmsg *error)
{
    struct errmsg problem = {0};
    struct resp_value reply;

    *count = 0;
    if (client_read(client, &reply, &problem) != CLIENT_OK) {
        if (is_ok) {
            errmsg_set(error, "%s",
                       problem.text[0] != '\0' ? problem.text : "the connection was closed");
        }
        return false;
    }
    if (reply.type == RESP_INTEGER) {
        *count = reply.integer;
    } else if (is_ok) {
        struct bytes text = resp_value_bytes(&reply);

        errmsg_set(error, "%.*s", BYTES_ARGS(text));
        is_ok = false;
    }
    resp_value_deinit(&reply);
    return is_ok;
}

/* The keys that the node has of each of these slots; those with any are appended to strays, unless that is NULL. */
static bool count_keys(const struct view_node *node, const uint64_t *slots, struct strays *strays,
                       int64_t *sum, struct errmsg *error)
{
    size_t slot = bitset_next(slots, SLOT_COUNT, 0, true);
    bool is_ok = true;

    *sum = 0;
    while (slot < SLOT_COUNT && is_ok) {
        size_t at = slot;

        for (size_t i = 0; i < LOT && slot < SLOT_COUNT; i++) {
            ask_count(node->client, slot);
            slot = bitset_next(slots, SLOT_COUNT, slot + 1, true);
        }
        for (; at < slot; at = bitset_next(slots, SLOT_COUNT, at + 1, true)) {
            struct stray found = {.slot = at};

            is_ok = read_count(node->client, is_ok, &found.count, error);
            if (found.count > 0 && strays != NULL) {
                VEC_PUSH(&strays->items, found);
            }
            *sum += found.count;
        }
    }
    return is_ok;
}

static bool count_all(const struct view_node *node, int64_t *count, struct errmsg *error)
{
    static const char *const words[] = {"DBSIZE"};
    struct resp_value reply;

    if (!connect_call(node->client, words, ARRAY_COUNT(words), &reply, error)) {
        return false;
    }
    *count = reply.integer;
    resp_value_deinit(&reply);
    return true;
}

/* Its own, and those that are on the move to it. */
static void note_known(const struct view_node *node, uint64_t known[SLOT_PLAN_WORDS])
{
    map_node_add_slots(&node->info, known);
    for (size_t i = 0; i < node->map.open_slots.count; i++) {
        if (cluster_map_is_own(&node->map, &node->map.open_slots.items[i])) {
            bitset_add(known, node->map.open_slots.items[i].slot);
        }
    }
}

bool strays_find(struct strays *strays, const struct view_node *node, bool is_brief,
                 struct errmsg *error)
{
    uint64_t known[SLOT_PLAN_WORDS] = {0};
    int64_t all;
    int64_t sum = 0;

    if (!count_all(node, &all, error)) {
        return false;
    }
    note_known(node, known);
    if (is_brief && all > 0 && !count_keys(node, known, NULL, &sum, error)) {
        return false;
    }
    if (all == 0 || (is_brief && sum >= all)) {
        return true;
    }
    for (size_t i = 0; i < SLOT_PLAN_WORDS; i++) {
        known[i] = ~known[i];
    }
    return count_keys(node, known, strays, &sum, error);
}

/* ---- keys that both have ------------------------------------------------------------------------- */

/* A node that imports a slot answers for it to those who ask. */
static bool ask(const struct view_node *node, bool is_asking, const char *command, struct bytes key,
                struct resp_value *out, struct errmsg *error)
{
    const struct bytes words[] = {bytes_from_text(command), key};
    struct resp_value leave;
    bool is_ok;

    if (is_asking) {
        client_send_texts(node->client, 1, "ASKING");
        if (client_read(node->client, &leave, error) != CLIENT_OK) {
            return false;
        }
        resp_value_deinit(&leave);
    }
    if (client_call(node->client, words, ARRAY_COUNT(words), out, error) != CLIENT_OK) {
        return false;
    }
    is_ok = out->type != RESP_FAILURE;
    if (!is_ok) {
        errmsg_set(error, "%s at %s:%u: %.*s", command, node->info.host, node->info.port,
                   BYTES_ARGS(resp_value_bytes(out)));
        resp_value_deinit(out);
    }
    return is_ok;
}

static bool has_key(const struct view_node *node, struct bytes key, bool *has, struct errmsg *error)
{
    struct resp_value reply;

    if (!ask(node, false, "EXISTS", key, &reply, error)) {
        return false;
    }
    *has = reply.type == RESP_INTEGER && reply.integer > 0;
    resp_value_deinit(&reply);
    return true;
}

static bool is_same(const struct view_node *from, const struct view_node *owner, struct bytes key,
                    bool *same, struct errmsg *error)
{
    struct resp_value ours;
    struct resp_value theirs;

    if (!ask(owner, false, "DUMP", key, &ours, error)) {
        return false;
    }
    if (!ask(from, true, "DUMP", key, &theirs, error)) {
        resp_value_deinit(&ours);
        return false;
    }
    *same = theirs.type == RESP_NULL || /* it has expired meanwhile */
            bytes_equal(resp_value_bytes(&ours), resp_value_bytes(&theirs));
    resp_value_deinit(&ours);
    resp_value_deinit(&theirs);
    return true;
}

static void say_dropped(const struct view_node *from, const struct view_node *owner, size_t slot,
                        struct bytes key)
{
    struct buf name = {0};

    quoted_encode(&name, key);
    view_say(VIEW_WARN,
             "Key %s of slot %zu: the value of its owner %s:%u stays, another one that %s:%u had "
             "is dropped.",
             buf_text(&name), slot, owner->info.host, owner->info.port, from->info.host,
             from->info.port);
    buf_deinit(&name);
}

static bool drop(const struct view_node *from, const struct view_node *owner, size_t slot,
                 struct bytes key, struct errmsg *error)
{
    struct resp_value reply;
    bool same;

    if (!is_same(from, owner, key, &same, error) || !ask(from, true, "DEL", key, &reply, error)) {
        return false;
    }
    resp_value_deinit(&reply);
    if (!same) {
        say_dropped(from, owner, slot, key);
    }
    return true;
}

/* ---- bringing them home -------------------------------------------------------------------------- */

/* Keys that the owner does not have go there, the others are dropped here.  *is_stuck: the owner was given one of them in between. */
static bool bring_some(const struct fixing *f, const struct view_node *from,
                       const struct view_node *owner, size_t slot, const struct resp_value *keys,
                       bool *is_stuck, struct errmsg *error)
{
    VEC(struct bytes) to_send = {0};
    bool is_ok = true;

    *is_stuck = false;
    for (size_t i = 0; is_ok && i < keys->child_count; i++) {
        struct bytes key = resp_value_bytes(&keys->children[i]);
        bool has = false;

        is_ok = has_key(owner, key, &has, error) && (!has || drop(from, owner, slot, key, error));
        if (is_ok && !has) {
            VEC_PUSH(&to_send, key);
        }
    }
    if (is_ok && to_send.count > 0) {
        is_ok = slot_mover_migrate(&f->mover, from, owner, to_send.items, to_send.count, error);
        *is_stuck = !is_ok && strstr(error->text, "BUSYKEY") != NULL;
    }
    VEC_DEINIT(&to_send);
    return is_ok || *is_stuck;
}

static bool bring_keys(struct fixing *f, const struct view_node *from,
                       const struct view_node *owner, size_t slot, struct errmsg *error)
{
    bool replaced = f->mover.replaces;
    bool is_ok = true;

    f->mover.replaces = false;
    for (size_t stuck = 0; is_ok && stuck < STUCK_ROUNDS && !fixing_is_over(f);) {
        struct resp_value keys;
        bool is_stuck = false;
        size_t count;

        is_ok = slot_mover_fetch_keys(from, slot, f->options->cluster_pipeline, &keys, error);
        if (!is_ok) {
            break;
        }
        count = keys.child_count;
        is_ok = bring_some(f, from, owner, slot, &keys, &is_stuck, error);
        stuck = is_stuck ? stuck + 1 : 0;
        resp_value_deinit(&keys);
        if (count == 0) {
            break;
        }
    }
    f->mover.replaces = replaced;
    return is_ok;
}

/* It may still be removing what it had of the slot: then there is nothing to bring a moment later. */
static bool open_slot(struct fixing *f, size_t slot, size_t from, size_t owner, bool *is_needed)
{
    struct mono_time start = clock_mono_now();
    struct errmsg error = {0};
    int64_t count = 0;

    *is_needed = true;
    do {
        struct errmsg ignored = {0};

        if (slot_mover_set(fixing_node(f, from), slot, "IMPORTING", fixing_node(f, owner)->info.id,
                           &error)) {
            return true;
        }
        if (fixing_count_keys(f, from, slot, &count, &ignored) && count == 0) {
            *is_needed = false;
            return true;
        }
    } while (fixing_is_passing(error.text) && fixing_wait_to_retry(f, start));
    return fixing_say_failed(&error);
}

bool strays_bring(struct fixing *f, size_t slot, size_t from, size_t owner,
                  enum strays_precedence precedence)
{
    struct view_node *source = fixing_node(f, from);
    struct view_node *target = fixing_node(f, owner);
    struct errmsg error = {0};
    bool is_needed;
    bool is_ok;

    view_say(VIEW_STEP, "Moving keys of slot %zu from %s:%u to %s:%u", slot, source->info.host,
             source->info.port, target->info.host, target->info.port);
    if (!open_slot(f, slot, from, owner, &is_needed)) {
        return false;
    }
    if (!is_needed) {
        return true;
    }
    is_ok = precedence == STRAYS_OWNER_FIRST
                ? bring_keys(f, source, target, slot, &error)
                : slot_mover_move_keys(&f->mover, source, target, slot, &error);
    if (!is_ok) {
        errmsg_wrap(&error, "Slot %zu stays on the move", slot);
        return fixing_say_failed(&error);
    }
    return !f->is_interrupted && fixing_take_back(f, slot, from);
}

/* Is it on the move at any node still?  Why was said. */
static bool is_open(const struct fixing *f, size_t slot)
{
    for (size_t i = 0; i < f->view.nodes.count; i++) {
        if (fixing_is_usable(f, i) && (fixing_find_open(f, i, slot, true) != NULL ||
                                       fixing_find_open(f, i, slot, false) != NULL)) {
            return true;
        }
    }
    return false;
}

static bool bring_home(struct fixing *f, const struct stray *stray, size_t from)
{
    const struct view_node *node = fixing_node(f, from);
    size_t owner = fixing_next_owner(f, stray->slot, 0);

    if (owner == f->view.nodes.count || is_open(f, stray->slot)) {
        view_say(
            VIEW_WARN, "%s:%u has %" PRId64 " keys of slot %zu, which %s: they are left there.",
            node->info.host, node->info.port, stray->count, stray->slot,
            owner == f->view.nodes.count ? "has no owner that can be reached" : "is on the move");
        return false;
    }
    view_say(VIEW_WARN,
             "%s:%u has %" PRId64 " keys of slot %zu, which is %s:%u's: nobody is sent there for "
             "them.",
             node->info.host, node->info.port, stray->count, stray->slot,
             fixing_node(f, owner)->info.host, fixing_node(f, owner)->info.port);
    return strays_bring(f, stray->slot, from, owner, STRAYS_OWNER_FIRST);
}

bool strays_bring_all(struct fixing *f)
{
    bool is_ok = true;

    view_say(VIEW_STEP, "Check for keys that are not at the owner of their slot...");
    for (size_t i = 0; i < f->view.nodes.count && !fixing_is_over(f); i++) {
        struct strays strays = {0};
        struct errmsg error = {0};

        if (!fixing_is_usable(f, i)) {
            continue;
        }
        if (!strays_find(&strays, fixing_node(f, i), false, &error)) {
            errmsg_wrap(&error, "Node %s:%u cannot say whether it has keys of others' slots",
                        fixing_node(f, i)->info.host, fixing_node(f, i)->info.port);
            is_ok = fixing_say_failed(&error);
        }
        for (size_t j = 0; j < strays.items.count && !fixing_is_over(f); j++) {
            is_ok = bring_home(f, &strays.items.items[j], i) && is_ok;
        }
        VEC_DEINIT(&strays.items);
    }
    return is_ok;
}
