/* SPDX-License-Identifier: MIT */
/* Each test says what is wrong; the exit code sums up. */
#include "cli/cluster_check.h"

#include "base/num.h"
#include "cli/cluster_differ.h"
#include "cli/cluster_left.h"
#include "cli/cluster_moves.h"
#include "cli/cluster_strays.h"
#include "cli/connect.h"
#include "cli/print.h"
#include "cli/render.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool cluster_open(struct cluster_view *view, const struct cluster_target *target)
{
    struct errmsg error = {0};

    if (!cluster_view_open(view, target->options, target->host, target->port, &error)) {
        view_say(VIEW_BAD, "%s", error.text);
        return false;
    }
    return true;
}

/* ---- info -------------------------------------------------------------------------------------- */

static bool count_keys(struct client *client, int64_t *out, struct errmsg *error)
{
    static const char *const words[] = {"DBSIZE"};
    struct resp_value reply;

    if (!connect_call(client, words, 1, &reply, error)) {
        return false;
    }
    *out = reply.integer;
    resp_value_deinit(&reply);
    return true;
}

static bool print_info(const struct cluster_view *view)
{
    int64_t key_sum = 0;
    size_t primary_count = 0;
    bool is_ok = true;

    for (size_t i = 0; i < view->nodes.count; i++) {
        const struct view_node *node = &view->nodes.items[i];
        struct errmsg error = node->error;
        int64_t keys = 0;

        if ((node->info.flags & MAP_REPLICA) != 0) {
            continue;
        }
        if (node->client == NULL || !count_keys(node->client, &keys, &error)) {
            view_say(VIEW_BAD, "Node %s:%u: %s", node->info.host, node->info.port, error.text);
            is_ok = false;
            continue;
        }
        printf("%s:%u (%.8s...) -> %" PRId64 " keys | %zu slots | %zu replicas.\n", node->info.host,
               node->info.port, node->info.id, keys, node->info.slot_count,
               cluster_view_count_replicas(view, node->info.id));
        key_sum += keys;
        primary_count++;
    }
    view_say(is_ok ? VIEW_GOOD : VIEW_WARN, "%" PRId64 " keys in %zu masters.", key_sum,
             primary_count);
    printf("%.2f keys per slot on average.\n", (double)key_sum / SLOT_COUNT);
    return is_ok;
}

int cluster_info(const struct cluster_target *target)
{
    struct cluster_view view = {0};
    bool is_ok = cluster_open(&view, target) && print_info(&view);

    cluster_view_close(&view);
    return is_ok ? 0 : 1;
}

/* ---- check ------------------------------------------------------------------------------------- */

static void say_cure(const char *format, ...) PRINTF_LIKE(1, 2);
static void say_cure(const char *format, ...)
{
    va_list args;

    fputs("   cure: ", stdout);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

static bool check_reached(const struct cluster_view *view)
{
    bool is_ok = true;

    for (size_t i = 0; i < view->nodes.count; i++) {
        const struct view_node *node = &view->nodes.items[i];

        if (node->client == NULL) {
            view_say(VIEW_BAD, "Node %.8s at %s:%u cannot be asked: %s", node->info.id,
                     node->info.host, node->info.port, node->error.text);
            say_cure("start it again; or, when it is gone for good: CLUSTER FORGET %s at each node",
                     node->info.id);
            is_ok = false;
        }
    }
    for (size_t i = 0; i < view->nodes.items[0].map.nodes.count; i++) {
        const struct map_node *node = &view->nodes.items[0].map.nodes.items[i];

        if ((node->flags & (MAP_FAIL | MAP_PFAIL)) != 0) {
            view_say(VIEW_BAD, "Node %.8s at %s:%u is %s", node->id, node->host, node->port,
                     (node->flags & MAP_FAIL) != 0 ? "marked as failed"
                                                   : "suspected to have failed");
            say_cure("see whether it runs, and whether the others reach its bus port");
            is_ok = false;
        }
    }
    return is_ok;
}

bool cluster_check_agreement(const struct cluster_view *view)
{
    const struct view_node *first = &view->nodes.items[0];
    char first_name[ADDR_HOST_TEXT + 8];
    size_t count = 0;

    snprintf(first_name, sizeof(first_name), "%s:%u", first->info.host, first->info.port);
    for (size_t n = 1; n < view->nodes.count; n++) {
        const struct view_node *other = &view->nodes.items[n];
        char other_name[ADDR_HOST_TEXT + 8];
        struct buf lines = {0};
        struct bytes rest;

        if (other->client == NULL) {
            continue;
        }
        snprintf(other_name, sizeof(other_name), "%s:%u", other->info.host, other->info.port);
        count += cluster_differ((struct told_map){first_name, &first->map},
                                (struct told_map){other_name, &other->map}, &lines);
        rest = buf_bytes(&lines);
        for (struct bytes line; (line = bytes_next_word(&rest, '\n')).len > 0;) {
            view_say(VIEW_BAD, "Nodes don't agree about configuration: %.*s", BYTES_ARGS(line));
        }
        buf_deinit(&lines);
    }
    if (count > 0) {
        say_cure("nodes that hear each other agree within a second, the greatest epoch wins: see "
                 "that each reaches the bus port of each; CLUSTER MEET introduces who is unknown, "
                 "CLUSTER FORGET removes who does not belong");
    }
    return count == 0;
}

static bool check_agreement(const struct cluster_view *view)
{
    if (!cluster_check_agreement(view)) {
        return false;
    }
    view_say(VIEW_GOOD, "All nodes agree about slots configuration.");
    return true;
}

static bool check_open_slots(const struct cluster_view *view)
{
    bool is_ok = true;

    view_say(VIEW_STEP, "Check for open slots...");
    for (size_t i = 0; i < view->nodes.count; i++) {
        const struct view_node *node = &view->nodes.items[i];

        for (size_t j = 0; j < node->map.open_slots.count; j++) {
            const struct map_open_slot *open = &node->map.open_slots.items[j];

            if (cluster_map_is_own(&node->map, open)) {
                view_say(VIEW_WARN, "Node %s:%u has slot %u in %s state (%.8s).", node->info.host,
                         node->info.port, open->slot,
                         open->is_migrating ? "migrating" : "importing", open->peer_id);
                say_cure(
                    "wait when somebody is moving it; a move that was broken off is brought to "
                    "its end by --cluster fix");
                is_ok = false;
            }
        }
    }
    return is_ok;
}

/* They go on by themselves, and clients notice nothing: that is worth knowing, and not amiss. */
static void check_moves(const struct cluster_view *view)
{
    struct cluster_moves moves = {0};
    struct errmsg error = {0};

    if (!cluster_moves_look(&moves, view, &error)) {
        view_say(VIEW_WARN, "%s", error.text);
    }
    for (size_t i = 0; i < moves.items.count; i++) {
        struct buf line = {0};

        cluster_move_write(&moves.items.items[i], &line);
        view_say(VIEW_WARN, "On the move by themselves: %s", buf_text(&line));
        buf_clear(&line);
        map_write_slots(moves.items.items[i].told.slots, &line);
        printf("   slots:%s\n", buf_text(&line));
        say_cure("none is needed: --cluster wait waits until they are there; CLUSTER MIGRATION "
                 "CANCEL ID %s at %s takes them back",
                 moves.items.items[i].told.name, moves.items.items[i].to);
        buf_deinit(&line);
    }
    cluster_moves_deinit(&moves);
}

/* What nobody serves may be at a replica whose primary was removed. */
static void check_left(const struct cluster_view *view)
{
    struct left_replicas left = {0};
    uint64_t missing[SLOT_PLAN_WORDS] = {0};

    for (size_t i = 0; i < view->nodes.items[0].map.nodes.count; i++) {
        map_node_add_slots(&view->nodes.items[0].map.nodes.items[i], missing);
    }
    for (size_t i = 0; i < SLOT_PLAN_WORDS; i++) {
        missing[i] = ~missing[i];
    }
    left_replicas_find(&left, view);
    for (size_t i = 0; i < left.items.count; i++) {
        const struct left_replica *replica = &left.items.items[i];

        left_replica_say(replica, missing);
        if (!replica->is_known) {
            say_cure("start it again, or remove it, before these slots are given to others");
        } else if (replica->is_best) {
            say_cure("CLUSTER FAILOVER TAKEOVER there has it serve them, and so does --cluster "
                     "fix; once they are given to others, what it has is lost");
        } else {
            say_cure(
                "none: another replica of that primary has more, or as much, and is asked first");
        }
    }
    left_replicas_deinit(&left);
}

static bool check_coverage(const struct cluster_view *view)
{
    size_t covered = cluster_map_count_covered(&view->nodes.items[0].map);

    view_say(VIEW_STEP, "Check slots coverage...");
    if (covered == SLOT_COUNT) {
        view_say(VIEW_GOOD, "All %d slots covered.", SLOT_COUNT);
        return true;
    }
    view_say(VIEW_BAD, "Not all %d slots are covered by nodes: %zu are not.", SLOT_COUNT,
             SLOT_COUNT - covered);
    check_left(view);
    say_cure("bring back their owner; or, when it is gone: --cluster fix, which gives them to the "
             "others in few pieces; or CLUSTER ADDSLOTSRANGE <first> <last> at a primary");
    return false;
}

/* A number of INFO; 0 when it is not there. */
static int64_t number_of(struct bytes info, const char *name)
{
    struct bytes text;
    int64_t number;

    return view_find_field(info, name, &text) && num_parse_i64(text, &number) ? number : 0;
}

bool cluster_check_sync_set(const struct view_node *node, int64_t *size, int64_t *required)
{
    static const char *const words[] = {"INFO", "replication"};
    struct errmsg error;
    struct resp_value reply;

    *size = 0;
    *required = 0;
    if (node->client == NULL || !view_is_data_primary(&node->info) ||
        !connect_call(node->client, words, ARRAY_COUNT(words), &reply, &error)) {
        return true;
    }
    *required = number_of(resp_value_bytes(&reply), "sync_replicas");
    *size = number_of(resp_value_bytes(&reply), "sync_set_size");
    resp_value_deinit(&reply);
    return *size >= *required;
}

static bool check_sync_sets(const struct cluster_view *view)
{
    bool is_ok = true;

    for (size_t i = 0; i < view->nodes.count; i++) {
        const struct view_node *node = &view->nodes.items[i];
        int64_t required;
        int64_t size;

        if (!cluster_check_sync_set(node, &size, &required)) {
            view_say(VIEW_WARN,
                     "The shard of %s:%u has %" PRId64 " replicas in its in-sync set, "
                     "sync-replicas asks for %" PRId64 ": it refuses writes.",
                     node->info.host, node->info.port, size, required);
            say_cure("bring back its replicas, or add some: those that keep up join by themselves; "
                     "CONFIG SET sync-replicas at the primary asks for fewer");
            is_ok = false;
        }
    }
    return is_ok;
}

/* What a node has of slots that others own is served by nobody. */
static bool check_strays(const struct cluster_view *view)
{
    bool is_ok = true;

    for (size_t i = 0; i < view->nodes.count; i++) {
        const struct view_node *node = &view->nodes.items[i];
        struct strays strays = {0};
        struct errmsg error = {0};

        if (node->client != NULL && view_is_data_primary(&node->info) &&
            !strays_find(&strays, node, true, &error)) {
            view_say(VIEW_WARN, "Node %s:%u cannot say whether it has keys of others' slots: %s",
                     node->info.host, node->info.port, error.text);
        }
        for (size_t j = 0; j < strays.items.count; j++) {
            view_say(VIEW_WARN,
                     "Node %s:%u has %" PRId64
                     " keys of slot %zu, which is not its own: nobody is sent there for them.",
                     node->info.host, node->info.port, strays.items.items[j].count,
                     strays.items.items[j].slot);
            say_cure("--cluster fix brings them to the slot's owner");
            is_ok = false;
        }
        VEC_DEINIT(&strays.items);
    }
    return is_ok;
}

int cluster_check_view(const struct cluster_view *view)
{
    bool is_ok;

    view_say(VIEW_STEP, "Performing Cluster Check (using node %s:%u)",
             view->nodes.items[0].info.host, view->nodes.items[0].info.port);
    for (size_t i = 0; i < view->nodes.count; i++) {
        const struct map_node *info = &view->nodes.items[i].info;

        view_print_node(info, cluster_view_count_replicas(view, info->id));
    }
    is_ok = check_reached(view);
    is_ok &= check_agreement(view);
    is_ok &= check_open_slots(view);
    check_moves(view);
    is_ok &= check_coverage(view);
    is_ok &= check_sync_sets(view);
    return is_ok ? 0 : 1;
}

int cluster_check(const struct cluster_target *target)
{
    struct cluster_view view = {0};
    int exit_code = 1;

    if (cluster_open(&view, target)) {
        bool is_ok = print_info(&view);

        exit_code = cluster_check_view(&view);
        is_ok = check_strays(&view) && is_ok;
        exit_code = is_ok ? exit_code : 1;
    }
    cluster_view_close(&view);
    return exit_code;
}

/* ---- call -------------------------------------------------------------------------------------- */

static bool call_node(const struct view_node *node, const struct options *options,
                      const struct bytes *words, size_t word_count)
{
    struct errmsg error = node->error;
    struct resp_value reply;
    struct buf out = {0};
    bool is_ok;

    if (node->client == NULL ||
        client_call(node->client, words, word_count, &reply, &error) != CLIENT_OK) {
        printf("%s:%u: ", node->info.host, node->info.port);
        view_say(VIEW_BAD, "%s", error.text[0] != '\0' ? error.text : "the connection was closed");
        return false;
    }
    render_reply(&out, &reply, &options->render);
    printf("%s:%u: ", node->info.host, node->info.port);
    print_buf(&out);
    is_ok = reply.type != RESP_FAILURE;
    buf_deinit(&out);
    resp_value_deinit(&reply);
    return is_ok;
}

int cluster_call(const struct cluster_target *target, char *const *words, size_t word_count)
{
    struct cluster_view view = {0};
    VEC(struct bytes) sent = {0};
    struct buf line = {0};
    bool is_ok = cluster_open(&view, target);

    for (size_t i = 0; i < word_count; i++) {
        VEC_PUSH(&sent, bytes_from_text(words[i]));
        buf_printf(&line, " %s", words[i]);
    }
    if (is_ok) {
        view_say(VIEW_STEP, "Calling%s", buf_text(&line));
    }
    for (size_t i = 0; i < view.nodes.count; i++) {
        is_ok &= call_node(&view.nodes.items[i], target->options, sent.items, sent.count);
    }
    buf_deinit(&line);
    VEC_DEINIT(&sent);
    cluster_view_close(&view);
    return is_ok ? 0 : 1;
}
