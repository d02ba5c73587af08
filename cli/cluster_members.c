/* SPDX-License-Identifier: MIT */
/* What is said follows redis-cli, and so does the order of steps. */
#include "cli/cluster_members.h"

#include "base/num.h"
#include "cli/cluster_newcomer.h"
#include "cli/connect.h"
#include "io/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    ROUND_MS = 100,
    NODE_TIMEOUT_MIN_MS = 100,
};

static bool fail_at(const struct view_node *node, const struct errmsg *error)
{
    view_say(VIEW_BAD, "Node %s:%u: %s", node->info.host, node->info.port, error->text);
    return false;
}

/* ---- add-node ---------------------------------------------------------------------------------- */

/* Index of the primary that the new replica shall have. */
static bool choose_primary(const struct options *options, const struct cluster_view *view,
                           size_t *out)
{
    size_t found = view->nodes.count;
    size_t fewest = SIZE_MAX;

    if (options->cluster_primary_id != NULL) {
        *out = cluster_view_find(view, options->cluster_primary_id);
        if (*out < view->nodes.count && view_is_data_primary(&view->nodes.items[*out].info)) {
            return true;
        }
        view_say(VIEW_BAD, "No such master ID %s", options->cluster_primary_id);
        return false;
    }
    for (size_t i = 0; i < view->nodes.count; i++) {
        const struct map_node *info = &view->nodes.items[i].info;
        size_t count = cluster_view_count_replicas(view, info->id);

        if (view_is_data_primary(info) && info->slot_count > 0 && count < fewest) {
            fewest = count;
            found = i;
        }
    }
    if (found == view->nodes.count) {
        view_say(VIEW_BAD, "No master with slots to be a replica of.");
        return false;
    }
    view_say(VIEW_STEP, "Automatically selected master %s:%u", view->nodes.items[found].info.host,
             view->nodes.items[found].info.port);
    *out = found;
    return true;
}

/* Does it know the id, not only as somebody whom it greets? */
static bool knows(struct view_node *node, const char *id, struct errmsg *error)
{
    const struct map_node *known;

    if (!cluster_view_fetch_map(node->client, &node->map, error)) {
        return false;
    }
    known = cluster_map_find(&node->map, id);
    errmsg_set(error, "it does not know node %s yet", id);
    return known != NULL && (known->flags & MAP_HANDSHAKE) == 0;
}

/* Until the newcomer is known to all and knows whom it has to. */
static bool wait_joined(const struct options *options, struct cluster_view *view,
                        struct view_node *newcomer, const char *primary_id)
{
    struct mono_time start = clock_mono_now();
    struct errmsg error = {0};

    for (;;) {
        bool is_joined =
            knows(newcomer, primary_id != NULL ? primary_id : view->nodes.items[0].info.id, &error);

        for (size_t i = 0; is_joined && i < view->nodes.count; i++) {
            is_joined = view->nodes.items[i].client == NULL ||
                        knows(&view->nodes.items[i], newcomer->info.id, &error);
        }
        if (is_joined) {
            return true;
        }
        if (mono_ms_between(start, clock_mono_now()) >= options->cluster_timeout_ms) {
            return fail_at(newcomer, &error);
        }
        interrupt_sleep(NULL, ROUND_MS);
    }
}

static bool add(const struct options *options, struct cluster_view *view,
                struct view_node *newcomer)
{
    struct errmsg error = {0};
    const struct map_node *first = &view->nodes.items[0].info;
    size_t primary = 0;

    if (options->cluster_as_replica && !choose_primary(options, view, &primary)) {
        return false;
    }
    view_say(VIEW_STEP, "Send CLUSTER MEET to node %s:%u to make it join the cluster.",
             newcomer->info.host, newcomer->info.port);
    if (!cluster_newcomer_meet(newcomer->client, first, &error)) {
        return fail_at(newcomer, &error);
    }
    puts("Waiting for the cluster to join");
    fflush(stdout);
    if (!wait_joined(options, view, newcomer,
                     options->cluster_as_replica ? view->nodes.items[primary].info.id : NULL)) {
        return false;
    }
    if (options->cluster_as_replica) {
        const struct map_node *info = &view->nodes.items[primary].info;
        const char *const words[] = {"CLUSTER", "REPLICATE", info->id};

        view_say(VIEW_STEP, "Configure node as replica of %s:%u.", info->host, info->port);
        if (!connect_order(newcomer->client, words, ARRAY_COUNT(words), &error)) {
            return fail_at(newcomer, &error);
        }
    }
    view_say(VIEW_GOOD, "New node added correctly.");
    return true;
}

int cluster_add_node(const struct cluster_target *target, const char *host, uint16_t port)
{
    struct cluster_view view = {0};
    struct view_node newcomer = {0};
    bool is_ok = false;

    view_say(VIEW_STEP, "Adding node %s:%u to cluster %s:%u", host, port, target->host,
             target->port);
    if (cluster_open(&view, target) && cluster_check_agreement(&view) &&
        cluster_newcomer_open(&newcomer, target->options, host, port)) {
        is_ok = add(target->options, &view, &newcomer);
        client_close(newcomer.client);
        cluster_map_deinit(&newcomer.map);
    }
    cluster_view_close(&view);
    return is_ok ? 0 : 1;
}

/* ---- del-node ---------------------------------------------------------------------------------- */

/* The primary with fewest replicas, but for the one that goes; NULL when there is none. */
static const struct map_node *find_new_primary(const struct cluster_view *view, size_t leaving)
{
    const struct map_node *found = NULL;
    size_t fewest = SIZE_MAX;

    for (size_t i = 0; i < view->nodes.count; i++) {
        const struct map_node *info = &view->nodes.items[i].info;
        size_t count = cluster_view_count_replicas(view, info->id);

        if (i != leaving && view_is_data_primary(info) && info->slot_count > 0 && count < fewest) {
            fewest = count;
            found = info;
        }
    }
    return found;
}

static bool move_replica(const struct cluster_view *view, size_t leaving, struct view_node *replica)
{
    const struct map_node *primary = find_new_primary(view, leaving);
    struct errmsg error = {0};
    const char *const words[] = {"CLUSTER", "REPLICATE", primary != NULL ? primary->id : ""};

    if (primary == NULL) {
        errmsg_set(&error, "there is no other primary that it could be a replica of");
        return fail_at(replica, &error);
    }
    view_say(VIEW_STEP, "%s:%u as replica of %s:%u", replica->info.host, replica->info.port,
             primary->host, primary->port);
    if (!connect_order(replica->client, words, ARRAY_COUNT(words), &error)) {
        return fail_at(replica, &error);
    }
    bytes_to_text(bytes_from_text(primary->id), replica->info.primary_id,
                  sizeof(replica->info.primary_id));
    return true;
}

static bool forget(struct cluster_view *view, size_t leaving)
{
    const char *const words[] = {"CLUSTER", "FORGET", view->nodes.items[leaving].info.id};
    struct errmsg error = {0};

    for (size_t i = 0; i < view->nodes.count; i++) {
        struct view_node *node = &view->nodes.items[i];

        if (i == leaving || node->client == NULL) {
            continue;
        }
        if (strcmp(node->info.primary_id, view->nodes.items[leaving].info.id) == 0 &&
            !move_replica(view, leaving, node)) {
            return false;
        }
        /* Whoever has heard of it from the others has forgotten it already. */
        if (!connect_order(node->client, words, ARRAY_COUNT(words), &error) &&
            strstr(error.text, "Unknown node") == NULL) {
            return fail_at(node, &error);
        }
    }
    return true;
}

/* Nobody can move what is at a node that is not there. */
static void say_dead_owner(const struct cluster_view *view, const struct view_node *node)
{
    view_say(VIEW_BAD, "Node %s:%u has %zu slots, and cannot be asked: %s", node->info.host,
             node->info.port, node->info.slot_count, node->error.text);
    puts("   Start it again, and reshard its data away. When it is gone for good:");
    for (size_t i = 0; i < view->nodes.count; i++) {
        const struct view_node *replica = &view->nodes.items[i];

        if (replica->client != NULL && strcmp(replica->info.primary_id, node->info.id) == 0) {
            printf("   CLUSTER FAILOVER TAKEOVER at its replica %s:%u has that one serve them, "
                   "with what it has; then try again.\n",
                   replica->info.host, replica->info.port);
            return;
        }
    }
    printf("   CLUSTER FORGET %s at each node, then --cluster fix gives its slots to the others, "
           "without its data.\n",
           node->info.id);
}

static bool delete (struct cluster_view *view, const char *id)
{
    static const char *const words[] = {"CLUSTER", "RESET", "SOFT"};
    size_t leaving = cluster_view_find(view, id);
    struct errmsg error = {0};
    struct view_node *node;

    if (leaving == view->nodes.count) {
        view_say(VIEW_BAD, "No such node ID %s", id);
        return false;
    }
    node = &view->nodes.items[leaving];
    if (node->info.slot_count > 0 && node->client == NULL) {
        say_dead_owner(view, node);
        return false;
    }
    if (node->info.slot_count > 0) {
        view_say(VIEW_BAD, "Node %s:%u is not empty! Reshard data away and try again.",
                 node->info.host, node->info.port);
        return false;
    }
    view_say(VIEW_STEP, "Sending CLUSTER FORGET messages to the cluster...");
    if (!forget(view, leaving)) {
        return false;
    }
    if (node->client == NULL) {
        view_say(VIEW_WARN,
                 "The node itself cannot be asked (%s): send it CLUSTER RESET should it "
                 "come back.",
                 node->error.text);
        return true;
    }
    view_say(VIEW_STEP, "Sending CLUSTER RESET SOFT to the deleted node.");
    return connect_order(node->client, words, ARRAY_COUNT(words), &error) || fail_at(node, &error);
}

int cluster_del_node(const struct cluster_target *target, const char *id)
{
    struct cluster_view view = {0};
    bool is_ok;

    view_say(VIEW_STEP, "Removing node %s from cluster %s:%u", id, target->host, target->port);
    is_ok = cluster_open(&view, target) && delete (&view, id);
    cluster_view_close(&view);
    return is_ok ? 0 : 1;
}

/* ---- set-timeout ------------------------------------------------------------------------------- */

static bool set_timeout(struct view_node *node, const char *milliseconds)
{
    const char *const set[] = {"CONFIG", "SET", "cluster-node-timeout", milliseconds};
    static const char *const rewrite[] = {"CONFIG", "REWRITE"};
    struct errmsg error = node->error;

    if (node->client == NULL || !connect_order(node->client, set, ARRAY_COUNT(set), &error)) {
        return fail_at(node, &error);
    }
    if (!connect_order(node->client, rewrite, ARRAY_COUNT(rewrite), &error)) {
        view_say(VIEW_WARN, "Node %s:%u has it until it restarts: %s", node->info.host,
                 node->info.port, error.text);
    } else {
        printf("*** New timeout set for %s:%u\n", node->info.host, node->info.port);
    }
    return true;
}

int cluster_set_timeout(const struct cluster_target *target, const char *milliseconds)
{
    struct cluster_view view = {0};
    int64_t ms;
    size_t done = 0;

    if (!num_parse_i64(bytes_from_text(milliseconds), &ms) || ms < NODE_TIMEOUT_MIN_MS) {
        view_say(VIEW_BAD, "Setting a node timeout of less than %d milliseconds is a bad idea.",
                 NODE_TIMEOUT_MIN_MS);
        return 1;
    }
    if (cluster_open(&view, target)) {
        view_say(VIEW_STEP, "Reconfiguring node timeout in every cluster node...");
        for (size_t i = 0; i < view.nodes.count; i++) {
            done += set_timeout(&view.nodes.items[i], milliseconds) ? 1 : 0;
        }
        view_say(VIEW_STEP, "New node timeout set. %zu OK, %zu ERR.", done,
                 view.nodes.count - done);
    }
    cluster_view_close(&view);
    return done > 0 && done == view.nodes.count ? 0 : 1;
}
