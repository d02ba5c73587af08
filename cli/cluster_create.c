/* SPDX-License-Identifier: MIT */
/* In order: look at every node, plan, ask, give slots and epochs, let the nodes meet, wait until
 * they know each other, attach the replicas, wait until all agree, check. */
#include "cli/cluster_create.h"

#include "cli/cluster_check.h"
#include "cli/cluster_newcomer.h"
#include "cli/cluster_plan.h"
#include "cli/cluster_view.h"
#include "cli/connect.h"
#include "cli/interrupt.h"
#include "io/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    ROUND_MS = 100,
    DOT_MS = 1000,
    NUMBER_TEXT = 24,
};

/* Nodes of the plan and of the view have the same indexes. */
struct creation {
    const struct options *options;
    struct cluster_plan plan;
    struct cluster_view view;
};

static const struct plan_node *plan_at(const struct creation *c, size_t i)
{
    return &c->plan.nodes.items[i];
}

static bool fail(const struct plan_node *node, const struct errmsg *error)
{
    view_say(VIEW_BAD, "Node %s:%u: %s", node->host, node->port, error->text);
    return false;
}

/* ---- looking ----------------------------------------------------------------------------------- */

static bool take_addresses(struct creation *c, char *const *addresses, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct plan_node node = {0};

        if (!addr_split(bytes_from_text(addresses[i]), node.host, &node.port) ||
            node.host[0] == '\0' || node.port == 0) {
            view_say(VIEW_BAD, "Invalid address format: '%s' is not host:port", addresses[i]);
            return false;
        }
        for (size_t j = 0; j < i; j++) {
            if (node.port == plan_at(c, j)->port && strcmp(node.host, plan_at(c, j)->host) == 0) {
                view_say(VIEW_BAD, "Node %s is given twice.", addresses[i]);
                return false;
            }
        }
        VEC_PUSH(&c->plan.nodes, node);
    }
    return true;
}

static bool look_at_node(struct creation *c, struct plan_node *planned)
{
    struct view_node node = {0};

    if (!cluster_newcomer_open(&node, c->options, planned->host, planned->port)) {
        return false;
    }
    planned->is_arbiter = (node.info.flags & MAP_ARBITER) != 0;
    VEC_PUSH(&c->view.nodes, node);
    return true;
}

static bool look(struct creation *c)
{
    for (size_t i = 0; i < c->plan.nodes.count; i++) {
        if (!look_at_node(c, &c->plan.nodes.items[i])) {
            return false;
        }
        for (size_t j = 0; j < i; j++) {
            if (strcmp(c->view.nodes.items[i].info.id, c->view.nodes.items[j].info.id) == 0) {
                view_say(VIEW_BAD, "%s:%u and %s:%u are the same node: it is given twice.",
                         plan_at(c, j)->host, plan_at(c, j)->port, plan_at(c, i)->host,
                         plan_at(c, i)->port);
                return false;
            }
        }
    }
    return true;
}

/* ---- showing the plan -------------------------------------------------------------------------- */

static void show_allocation(const struct creation *c)
{
    const struct cluster_plan *plan = &c->plan;

    view_say(VIEW_STEP, "Performing hash slots allocation on %zu nodes...",
             plan->primaries.count + plan->replicas.count);
    for (size_t i = 0; i < plan->primaries.count; i++) {
        const struct plan_node *node = plan_at(c, plan->primaries.items[i]);

        printf("Master[%zu] -> Slots %u - %u\n", i, node->first_slot, node->last_slot);
    }
    for (size_t i = 0; i < plan->replicas.count; i++) {
        const struct plan_node *node = plan_at(c, plan->replicas.items[i]);
        const struct plan_node *primary = plan_at(c, node->primary);

        printf("Adding replica %s:%u to %s:%u\n", node->host, node->port, primary->host,
               primary->port);
    }
    if (plan->shared_hosts > 0) {
        view_say(VIEW_WARN, "Some replicas are on the same host as their master");
    }
}

/* Write the plan into the nodes' descriptions and print them. */
static void show_nodes(struct creation *c)
{
    for (size_t i = 0; i < c->plan.nodes.count; i++) {
        const struct plan_node *planned = plan_at(c, i);
        struct map_node *info = &c->view.nodes.items[i].info;

        if (planned->is_arbiter) {
            printf("A: %s %s:%u\n   arbiter\n", info->id, info->host, info->port);
            continue;
        }
        if (!planned->is_primary) {
            printf("S: %s %s:%u\n   replicates %s\n", info->id, info->host, info->port,
                   c->view.nodes.items[planned->primary].info.id);
            continue;
        }
        for (uint32_t slot = planned->first_slot; slot <= planned->last_slot; slot++) {
            bitset_add(info->slots, slot);
        }
        info->slot_count = (size_t)planned->last_slot - planned->first_slot + 1;
        view_print_node(info, 0);
    }
}

/* ---- doing it ---------------------------------------------------------------------------------- */

static bool give_slots(struct creation *c, size_t index)
{
    const struct plan_node *node = plan_at(c, index);
    size_t count = (size_t)node->last_slot - node->first_slot + 1;
    char(*texts)[8] = mem_alloc(MEM_CLI, count * sizeof(*texts));
    VEC(const char *) words = {0};
    struct errmsg error = {0};
    bool is_ok;

    VEC_PUSH(&words, "CLUSTER");
    VEC_PUSH(&words, "ADDSLOTS");
    for (size_t i = 0; i < count; i++) {
        snprintf(texts[i], sizeof(texts[i]), "%u", (unsigned)(node->first_slot + i) % SLOT_COUNT);
        VEC_PUSH(&words, texts[i]);
    }
    is_ok = connect_order(c->view.nodes.items[index].client, words.items, words.count, &error);
    VEC_DEINIT(&words);
    mem_free(MEM_CLI, texts);
    return is_ok || fail(node, &error);
}

static bool configure(struct creation *c)
{
    for (size_t i = 0; i < c->plan.primaries.count; i++) {
        if (!give_slots(c, c->plan.primaries.items[i])) {
            return false;
        }
    }
    view_say(VIEW_STEP, "Nodes configuration updated");
    view_say(VIEW_STEP, "Assign a different config epoch to each node");
    for (size_t i = 0; i < c->plan.nodes.count; i++) {
        char epoch[NUMBER_TEXT];
        const char *const words[] = {"CLUSTER", "SET-CONFIG-EPOCH", epoch};
        struct errmsg error = {0};

        snprintf(epoch, sizeof(epoch), "%zu", i + 1);
        /* A node that has an epoch already keeps it: they need only differ. */
        if (!connect_order(c->view.nodes.items[i].client, words, ARRAY_COUNT(words), &error)) {
            view_say(VIEW_WARN, "Node %s:%u keeps its config epoch: %s", plan_at(c, i)->host,
                     plan_at(c, i)->port, error.text);
        }
    }
    return true;
}

static bool meet(struct creation *c)
{
    const struct map_node *first = &c->view.nodes.items[0].info;

    view_say(VIEW_STEP, "Sending CLUSTER MEET messages to join the cluster");
    for (size_t i = 1; i < c->plan.nodes.count; i++) {
        struct errmsg error = {0};

        if (!cluster_newcomer_meet(c->view.nodes.items[i].client, first, &error)) {
            return fail(plan_at(c, i), &error);
        }
    }
    return true;
}

/* Does every node know every other, and do they agree?  The message says what is missing. */
static bool has_joined(struct creation *c, struct errmsg *error)
{
    const struct view_node *other = NULL;

    for (size_t i = 0; i < c->view.nodes.count; i++) {
        struct view_node *node = &c->view.nodes.items[i];
        size_t known = 0;

        if (!cluster_view_fetch_map(node->client, &node->map, error)) {
            errmsg_wrap(error, "node %s:%u", plan_at(c, i)->host, plan_at(c, i)->port);
            return false;
        }
        for (size_t j = 0; j < node->map.nodes.count; j++) {
            known += (node->map.nodes.items[j].flags & MAP_HANDSHAKE) == 0 ? 1 : 0;
        }
        if (known < c->view.nodes.count) {
            errmsg_set(error, "node %s:%u knows %zu of %zu nodes", plan_at(c, i)->host,
                       plan_at(c, i)->port, known, c->view.nodes.count);
            return false;
        }
    }
    if (!cluster_view_agrees(&c->view, &other)) {
        errmsg_set(error, "nodes %s:%u and %s:%u do not agree yet", plan_at(c, 0)->host,
                   plan_at(c, 0)->port, other->info.host, other->info.port);
        return false;
    }
    return true;
}

static bool attach_replicas(struct creation *c, struct errmsg *error)
{
    for (size_t i = 0; i < c->plan.replicas.count; i++) {
        size_t index = c->plan.replicas.items[i];
        const struct plan_node *node = plan_at(c, index);
        const char *const words[] = {"CLUSTER", "REPLICATE",
                                     c->view.nodes.items[node->primary].info.id};

        if (!connect_order(c->view.nodes.items[index].client, words, ARRAY_COUNT(words), error)) {
            errmsg_wrap(error, "node %s:%u", node->host, node->port);
            return false;
        }
    }
    return true;
}

/* Do all nodes say of every replica that it is one of the primary planned, can any of them be lost from now on, and does
 * each serve?  While the council grows a primary may be for a moment without its lease. */
static bool has_roles(struct creation *c, struct errmsg *error)
{
    if (!has_joined(c, error)) {
        return false;
    }
    for (size_t i = 0; i < c->view.nodes.count; i++) {
        struct client *client = c->view.nodes.items[i].client;

        if (!cluster_has_council(client, c->view.nodes.count, error) ||
            !cluster_node_is_ok(client, error)) {
            errmsg_wrap(error, "node %s:%u", plan_at(c, i)->host, plan_at(c, i)->port);
            return false;
        }
    }
    for (size_t i = 0; i < c->plan.replicas.count; i++) {
        size_t index = c->plan.replicas.items[i];
        const struct map_node *node =
            cluster_map_find(&c->view.nodes.items[0].map, c->view.nodes.items[index].info.id);
        const char *primary_id = c->view.nodes.items[plan_at(c, index)->primary].info.id;

        if (node == NULL || strcmp(node->primary_id, primary_id) != 0) {
            errmsg_set(error, "node %s:%u is not yet known as a replica", plan_at(c, index)->host,
                       plan_at(c, index)->port);
            return false;
        }
    }
    return true;
}

typedef bool condition_fn(struct creation *creation, struct errmsg *error);

/* A dot a second until it holds; false, and the reason printed, at the time limit. */
static bool wait_until(struct creation *c, condition_fn *holds)
{
    struct mono_time start = clock_mono_now();
    int64_t dots = 0;
    struct errmsg error = {0};

    while (!holds(c, &error)) {
        int64_t spent_ms = mono_ms_between(start, clock_mono_now());

        if (spent_ms >= c->options->cluster_timeout_ms) {
            puts("");
            view_say(VIEW_BAD,
                     "The cluster did not join within %.1f seconds: %s. The nodes are left as "
                     "they are; CLUSTER RESET makes them empty again.",
                     (double)spent_ms / 1000, error.text);
            return false;
        }
        for (; dots < spent_ms / DOT_MS; dots++) {
            putchar('.');
        }
        fflush(stdout);
        interrupt_sleep(NULL, ROUND_MS);
    }
    return true;
}

static bool join(struct creation *c)
{
    if (!meet(c)) {
        return false;
    }
    puts("Waiting for the cluster to join");
    fflush(stdout);
    if (!wait_until(c, has_joined) || !wait_until(c, attach_replicas) ||
        !wait_until(c, has_roles)) {
        return false;
    }
    puts("");
    return true;
}

/* The nodes' own words instead of the plan. */
static void take_words(struct creation *c)
{
    for (size_t i = 0; i < c->view.nodes.count; i++) {
        struct view_node *node = &c->view.nodes.items[i];

        node->info = *cluster_map_myself(&node->map);
        bytes_to_text(bytes_from_text(plan_at(c, i)->host), node->info.host,
                      sizeof(node->info.host));
        node->info.port = plan_at(c, i)->port;
    }
}

/* With sync-replicas a shard refuses writes until its replicas keep up.  What no replicas that we attach can bring about is
 * not waited for: the check tells of it. */
static bool has_sync_sets(struct creation *c, struct errmsg *error)
{
    for (size_t i = 0; i < c->view.nodes.count; i++) {
        const struct view_node *node = &c->view.nodes.items[i];
        int64_t required;
        int64_t size;

        if (!cluster_check_sync_set(node, &size, &required) &&
            required <= c->options->cluster_replicas) {
            errmsg_set(error, "the replicas of %s:%u are not in its in-sync set", node->info.host,
                       node->info.port);
            return false;
        }
    }
    return true;
}

static int create(struct creation *c, char *const *addresses, size_t count)
{
    struct errmsg error = {0};

    if (!take_addresses(c, addresses, count)) {
        return 1;
    }
    if (!look(c)) {
        return 1;
    }
    if (!cluster_plan_make(&c->plan, (size_t)c->options->cluster_replicas, &error)) {
        puts(error.text);
        return 1;
    }
    show_allocation(c);
    show_nodes(c);
    if (!view_confirm(c->options, "Can I set the above configuration?")) {
        puts("Nothing was changed.");
        return 1;
    }
    if (!configure(c) || !join(c)) {
        return 1;
    }
    take_words(c);
    return wait_until(c, has_sync_sets) ? cluster_check_view(&c->view) : 1;
}

int cluster_create(const struct options *options, char *const *addresses, size_t address_count)
{
    struct creation c = {.options = options};
    int exit_code = create(&c, addresses, address_count);

    cluster_plan_deinit(&c.plan);
    cluster_view_close(&c.view);
    return exit_code;
}
