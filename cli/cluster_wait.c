/* SPDX-License-Identifier: MIT */
/* wait: the cluster is asked afresh a few times a second until nothing is amiss. */
#include "cli/cluster_check.h"

#include "base/num.h"
#include "cli/cluster_moves.h"
#include "cli/connect.h"
#include "cli/interrupt.h"
#include "io/clock.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    ROUND_MS = 250,
    DOT_MS = 1000,
    COUNCIL_SEATS_MIN = 3, /* of as many nodes or more */
};

/* The value of a field of a text reply; false, and a message, when it cannot be had. */
static bool has_field(struct client *client, const char *const words[2], const char *name,
                      const char *wanted, struct errmsg *error)
{
    struct resp_value reply;
    struct bytes value = {0};
    bool is_it;

    if (!connect_call(client, words, 2, &reply, error)) {
        return false;
    }
    is_it =
        view_find_field(resp_value_bytes(&reply), name, &value) && bytes_equal_text(value, wanted);
    if (!is_it) {
        errmsg_set(error, "%s is '%.*s', not '%s'", name, (int)value.len, value.data, wanted);
    }
    resp_value_deinit(&reply);
    return is_it;
}

bool cluster_node_is_ok(struct client *client, struct errmsg *error)
{
    static const char *const words[] = {"CLUSTER", "INFO"};

    return has_field(client, words, "cluster_state", "ok", error);
}

bool cluster_is_council_whole(struct bytes info, struct errmsg *error)
{
    struct bytes seats = {0};
    struct bytes changing = {0};
    int64_t count;
    bool is_enough = !view_find_field(info, "cluster_council_seats", &seats) ||
                     !num_parse_i64(seats, &count) || count >= COUNCIL_SEATS_MIN;
    bool is_changing = view_find_field(info, "cluster_council_changing", &changing) &&
                       bytes_equal_text(changing, "1");

    if (!is_enough || is_changing) {
        errmsg_set(error, "the council has %.*s seats%s", (int)seats.len, seats.data,
                   is_changing ? " and a change under way" : " yet");
    }
    return is_enough && !is_changing;
}

bool cluster_has_council(struct client *client, size_t node_count, struct errmsg *error)
{
    static const char *const words[] = {"CLUSTER", "INFO"};
    struct resp_value reply;
    bool is_whole;

    if (node_count < COUNCIL_SEATS_MIN) {
        return true;
    }
    if (!connect_call(client, words, ARRAY_COUNT(words), &reply, error)) {
        return false;
    }
    is_whole = cluster_is_council_whole(resp_value_bytes(&reply), error);
    resp_value_deinit(&reply);
    return is_whole;
}

static bool is_node_ready(const struct cluster_view *view, const struct view_node *node,
                          struct errmsg *error)
{
    static const char *const info_words[] = {"INFO", "replication"};
    bool is_ready;

    if (node->client == NULL) {
        *error = node->error;
        errmsg_wrap(error, "node %s:%u", node->info.host, node->info.port);
        return false;
    }
    if (cluster_map_count_covered(&node->map) != SLOT_COUNT) {
        errmsg_set(error, "only %zu of %d slots are covered", cluster_map_count_covered(&node->map),
                   SLOT_COUNT);
        is_ready = false;
    } else {
        is_ready = cluster_node_is_ok(node->client, error) &&
                   cluster_has_council(node->client, view->nodes.count, error) &&
                   ((node->info.flags & MAP_REPLICA) == 0 ||
                    has_field(node->client, info_words, "master_link_status", "up", error));
    }
    if (!is_ready) {
        errmsg_wrap(error, "node %s:%u", node->info.host, node->info.port);
    }
    return is_ready;
}

/* Whoever has slots, and can be asked, says that it serves.  Where slots have no owner nobody may, and no waiting
 * gives them one. */
static bool do_owners_serve(const struct cluster_target *target, struct errmsg *error)
{
    struct cluster_view view = {0};
    bool is_ok = cluster_view_open(&view, target->options, target->host, target->port, error);

    for (size_t i = 0; is_ok && i < view.nodes.count; i++) {
        const struct view_node *node = &view.nodes.items[i];

        if (node->client != NULL && view_is_data_primary(&node->info) &&
            cluster_map_count_covered(&node->map) == SLOT_COUNT &&
            !cluster_node_is_ok(node->client, error)) {
            errmsg_wrap(error, "node %s:%u", node->info.host, node->info.port);
            is_ok = false;
        }
    }
    cluster_view_close(&view);
    return is_ok;
}

bool cluster_wait_until_served(const struct cluster_target *target)
{
    struct mono_time start = clock_mono_now();
    struct errmsg error = {0};

    while (!do_owners_serve(target, &error)) {
        if (mono_ms_between(start, clock_mono_now()) >= target->options->cluster_timeout_ms ||
            !interrupt_sleep(NULL, ROUND_MS)) {
            view_say(VIEW_BAD, "The cluster does not serve yet: %s", error.text);
            return false;
        }
    }
    return true;
}

/* By themselves: those that are moved by hand wait for a hand. */
static bool has_moves(const struct cluster_view *view, struct errmsg *error)
{
    struct cluster_moves moves = {0};
    bool has_any = !cluster_moves_look(&moves, view, error);

    if (moves.items.count > 0) {
        struct buf line = {0};

        cluster_move_write(&moves.items.items[0], &line);
        if (moves.items.count > 1) {
            buf_printf(&line, ", and %zu moves more", moves.items.count - 1);
        }
        errmsg_set(error, "slots are on the move: %s", buf_text(&line));
        buf_deinit(&line);
        has_any = true;
    }
    cluster_moves_deinit(&moves);
    return has_any;
}

static bool is_ready(const struct cluster_target *target, struct errmsg *error)
{
    struct cluster_view view = {0};
    const struct view_node *other = NULL;
    bool is_ok = cluster_view_open(&view, target->options, target->host, target->port, error);

    for (size_t i = 0; is_ok && i < view.nodes.count; i++) {
        is_ok = is_node_ready(&view, &view.nodes.items[i], error);
    }
    if (is_ok && !cluster_view_agrees(&view, &other)) {
        errmsg_set(error, "nodes %s:%u and %s:%u do not agree about the cluster",
                   view.nodes.items[0].info.host, view.nodes.items[0].info.port, other->info.host,
                   other->info.port);
        is_ok = false;
    }
    is_ok = is_ok && !has_moves(&view, error);
    cluster_view_close(&view);
    return is_ok;
}

/* Who is in the way, and with what. */
static void explain(const struct cluster_target *target)
{
    struct cluster_view view = {0};
    struct errmsg error = {0};
    bool is_ok = cluster_view_open(&view, target->options, target->host, target->port, &error);

    for (size_t i = 0; is_ok && i < view.nodes.count; i++) {
        if (!is_node_ready(&view, &view.nodes.items[i], &error)) {
            view_say(VIEW_BAD, "%s", error.text);
        }
    }
    if (is_ok) {
        cluster_check_agreement(&view);
    }
    cluster_view_close(&view);
}

int cluster_wait(const struct cluster_target *target)
{
    struct mono_time start = clock_mono_now();
    int64_t limit_ms = target->options->cluster_timeout_ms;
    int64_t dots = 0;
    struct errmsg error = {0};

    printf("Waiting for the cluster to be ready");
    fflush(stdout);
    while (!is_ready(target, &error)) {
        int64_t spent_ms = mono_ms_between(start, clock_mono_now());

        if (spent_ms >= limit_ms) {
            puts("");
            view_say(VIEW_BAD, "The cluster is not ready after %.1f seconds: %s",
                     (double)spent_ms / 1000, error.text);
            explain(target);
            return 1;
        }
        for (; dots < spent_ms / DOT_MS; dots++) {
            putchar('.');
        }
        fflush(stdout);
        interrupt_sleep(NULL, ROUND_MS);
    }
    puts("");
    view_say(VIEW_GOOD, "All %d slots covered, all nodes agree, all replicas are connected.",
             SLOT_COUNT);
    return 0;
}
