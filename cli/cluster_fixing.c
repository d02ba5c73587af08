/* SPDX-License-Identifier: MIT */
#include "cli/cluster_fixing.h"

#include "base/num.h"
#include "cli/connect.h"
#include "io/clock.h"

#include <stdio.h>
#include <string.h>

enum {
    RETRY_MS = 200,
    RETRIES_MS = 6000, /* a node that has lost its lease serves again, or is replaced */
};

static bool is_silent(const struct fixing *f, size_t index)
{
    for (size_t i = 0; i < f->silent.count; i++) {
        if (f->silent.items[i] == index) {
            return true;
        }
    }
    return false;
}

bool fixing_is_usable(const struct fixing *f, size_t index)
{
    return fixing_node(f, index)->client != NULL && !is_silent(f, index) &&
           view_is_data_primary(&fixing_node(f, index)->info);
}

const struct map_open_slot *fixing_find_open(const struct fixing *f, size_t index, size_t slot,
                                             bool is_migrating)
{
    const struct cluster_map *map = &fixing_node(f, index)->map;

    for (size_t i = 0; i < map->open_slots.count; i++) {
        const struct map_open_slot *open = &map->open_slots.items[i];

        if (open->slot == slot && open->is_migrating == is_migrating &&
            cluster_map_is_own(map, open)) {
            return open;
        }
    }
    return NULL;
}

size_t fixing_next_owner(const struct fixing *f, size_t slot, size_t from)
{
    while (from < f->view.nodes.count &&
           (!fixing_is_usable(f, from) || !bitset_has(fixing_node(f, from)->info.slots, slot))) {
        from++;
    }
    return from;
}

bool fixing_is_over(struct fixing *f)
{
    if (!f->is_interrupted && interrupt_wait(&f->mover.interrupt, -1, false, 0) == INTERRUPT_CAME) {
        view_say(VIEW_WARN, "Interrupted: what is left is as it was.");
        f->is_interrupted = true;
    }
    return f->is_interrupted;
}

bool fixing_say_failed(const struct errmsg *error)
{
    view_say(VIEW_BAD, "%s", error->text);
    return false;
}

void fixing_take_view(struct fixing *f, struct cluster_view *view)
{
    cluster_view_close(&f->view);
    f->view = *view;
    *view = (struct cluster_view){0};
    f->silent.count = 0;
}

/* ---- again and again --------------------------------------------------------------------------- */

/* Replies of servers begin with a code. */
bool fixing_is_lost(const char *text)
{
    size_t code = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

    return code == 0 || text[code] != ' ';
}

bool fixing_is_passing(const char *text)
{
    static const char *const words[] = {
        "not yet",
        "try again",
        "its data is not known", /* of a replica whose primary has changed a moment ago */
        "its data is being loaded",
    };

    for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
        if (strstr(text, words[i]) != NULL) {
            return true;
        }
    }
    return slot_mover_is_refused_for_now(text) || fixing_is_lost(text);
}

bool fixing_try(struct fixing *f, size_t index, const char *const *words, size_t count,
                struct resp_value *out, bool *is_passing, struct errmsg *error)
{
    struct view_node *node = fixing_node(f, index);

    *is_passing = false;
    if (node->client == NULL) {
        node->client = connect_node(f->options, node->info.host, node->info.port, error);
    }
    if (node->client != NULL && connect_call(node->client, words, count, out, error)) {
        return true;
    }
    *is_passing = fixing_is_passing(error->text);
    if (*is_passing) {
        client_close(node->client); /* it may be of no use any more */
        node->client = NULL;
    }
    return false;
}

bool fixing_wait_to_retry(struct fixing *f, struct mono_time start)
{
    if (fixing_is_over(f) || mono_ms_between(start, clock_mono_now()) >= RETRIES_MS) {
        return false;
    }
    interrupt_sleep(NULL, RETRY_MS);
    return true;
}

bool fixing_call(struct fixing *f, size_t index, const char *const *words, size_t count,
                 struct resp_value *out, struct errmsg *error)
{
    struct mono_time start = clock_mono_now();
    bool is_passing;

    if (is_silent(f, index)) {
        *error = fixing_node(f, index)->error;
        return false;
    }
    do {
        if (fixing_try(f, index, words, count, out, &is_passing, error)) {
            return true;
        }
    } while (is_passing && fixing_wait_to_retry(f, start));
    if (is_passing) {
        fixing_node(f, index)->error = *error;
        VEC_PUSH(&f->silent, index);
    }
    return false;
}

/* ---- keys -------------------------------------------------------------------------------------- */

/* Who was not reached from the start is passed over, which has_all_primaries has let be; who has fallen silent is not. */
bool fixing_count_keys(struct fixing *f, size_t index, size_t slot, int64_t *count,
                       struct errmsg *error)
{
    char number[NUM_I64_TEXT + 1];
    const char *const words[] = {"CLUSTER", "COUNTKEYSINSLOT", number};
    struct resp_value reply;

    *count = 0;
    snprintf(number, sizeof(number), "%zu", slot);
    if (!fixing_is_usable(f, index) && !is_silent(f, index)) {
        return true;
    }
    if (!fixing_call(f, index, words, ARRAY_COUNT(words), &reply, error)) {
        errmsg_wrap(error, "node %s:%u cannot say how many of its keys it has",
                    fixing_node(f, index)->info.host, fixing_node(f, index)->info.port);
        return false;
    }
    *count = reply.integer;
    resp_value_deinit(&reply);
    return true;
}

bool fixing_look_for_keys(struct fixing *f, size_t slot)
{
    struct errmsg error = {0};

    f->keys.count = 0;
    for (size_t i = 0; i < f->view.nodes.count; i++) {
        int64_t count;

        if (!fixing_count_keys(f, i, slot, &count, &error)) {
            errmsg_wrap(&error, "Slot %zu is left as it is", slot);
            return fixing_say_failed(&error);
        }
        VEC_PUSH(&f->keys, count);
    }
    return true;
}

size_t fixing_find_richest(const struct fixing *f, size_t *count)
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

bool fixing_take_back(struct fixing *f, size_t slot, size_t index)
{
    struct view_node *node = fixing_node(f, index);
    struct errmsg error = {0};

    view_say(VIEW_STEP, "Slot %zu is no longer on the move at %s:%u", slot, node->info.host,
             node->info.port);
    return slot_mover_set(node, slot, "STABLE", NULL, &error) || fixing_say_failed(&error);
}
