/* SPDX-License-Identifier: MIT */
/* What the command line leaves open is asked for, in the words of redis-cli. */
#include "cli/cluster_reshard.h"

#include "base/num.h"
#include "cli/cluster_carry_out.h"

#include <stdio.h>
#include <string.h>

enum {
    LINE_SIZE = 256,
};

struct resharding {
    const struct options *options;
    struct cluster_view view;
    VEC(struct slot_holder) holders; /* as nodes of the view */
    struct slot_plan plan;
    size_t slot_count;
    size_t target;
};

/* False at the end of the input. */
static bool ask(const char *question, char line[LINE_SIZE])
{
    fputs(question, stdout);
    fflush(stdout);
    if (fgets(line, LINE_SIZE, stdin) == NULL) {
        putchar('\n');
        return false;
    }
    line[strcspn(line, "\r\n")] = '\0';
    return true;
}

static bool choose_count(struct resharding *r)
{
    char line[LINE_SIZE];
    int64_t count = r->options->cluster_slots;

    while (count == 0) {
        if (!ask("How many slots do you want to move (from 1 to 16384)? ", line)) {
            return false;
        }
        if (!num_parse_i64(bytes_from_text(line), &count) || count < 1 || count > SLOT_COUNT) {
            count = 0;
        }
    }
    r->slot_count = (size_t)count;
    return true;
}

/* Index of a primary; SIZE_MAX, and said why. */
static size_t find_primary(const struct resharding *r, const char *id)
{
    size_t index = cluster_view_find(&r->view, id);

    if (index == r->view.nodes.count) {
        view_say(VIEW_BAD, "The specified node (%s) is not known or not a master, please retry.",
                 id);
        return SIZE_MAX;
    }
    if (!view_is_data_primary(&r->view.nodes.items[index].info)) {
        view_say(VIEW_BAD, "The specified node (%s) is not known or not a master, please retry.",
                 id);
        return SIZE_MAX;
    }
    return index;
}

static bool choose_target(struct resharding *r)
{
    char line[LINE_SIZE];

    if (r->options->cluster_to != NULL) {
        r->target = find_primary(r, r->options->cluster_to);
        return r->target != SIZE_MAX;
    }
    do {
        if (!ask("What is the receiving node ID? ", line)) {
            return false;
        }
        r->target = find_primary(r, line);
    } while (r->target == SIZE_MAX);
    return true;
}

static bool add_source(struct resharding *r, const char *id)
{
    size_t index = find_primary(r, id);

    if (index == SIZE_MAX) {
        return false;
    }
    if (index == r->target) {
        view_say(VIEW_BAD, "It is not possible to use the target node as source node.");
        return false;
    }
    r->holders.items[index].gives = true;
    return true;
}

static void add_all_sources(struct resharding *r)
{
    for (size_t i = 0; i < r->holders.count; i++) {
        r->holders.items[i].gives =
            i != r->target && view_is_data_primary(&r->view.nodes.items[i].info);
    }
}

static bool take_sources(struct resharding *r, struct bytes ids)
{
    if (bytes_equal_text(ids, "all")) {
        add_all_sources(r);
        return true;
    }
    for (struct bytes id; (id = bytes_next_word(&ids, ',')).len > 0;) {
        char text[LINE_SIZE];

        bytes_to_text(bytes_trim(id), text, sizeof(text));
        if (!add_source(r, text)) {
            return false;
        }
    }
    return true;
}

static bool choose_sources(struct resharding *r)
{
    char line[LINE_SIZE];

    if (r->options->cluster_from != NULL) {
        return take_sources(r, bytes_from_text(r->options->cluster_from));
    }
    puts("Please enter all the source node IDs.\n"
         "  Type 'all' to use all the nodes as source nodes for the hash slots.\n"
         "  Type 'done' once you entered all the source nodes IDs.");
    for (size_t count = 0;;) {
        char question[LINE_SIZE];

        snprintf(question, sizeof(question), "Source node #%zu: ", count + 1);
        if (!ask(question, line)) {
            return false;
        }
        if (strcmp(line, "all") == 0) {
            add_all_sources(r);
            return true;
        }
        if (strcmp(line, "done") == 0 && count > 0) {
            return true;
        }
        count += strcmp(line, "done") != 0 && add_source(r, line) ? 1 : 0;
    }
}

static void show(const struct resharding *r)
{
    printf("\nReady to move %zu slots.\n  Source nodes:\n", r->slot_count);
    for (size_t i = 0; i < r->holders.count; i++) {
        if (r->holders.items[i].gives) {
            const struct map_node *info = &r->view.nodes.items[i].info;

            view_print_node(info, cluster_view_count_replicas(&r->view, info->id));
        }
    }
    puts("  Destination node:");
    view_print_node(&r->view.nodes.items[r->target].info,
                    cluster_view_count_replicas(&r->view, r->view.nodes.items[r->target].info.id));
    puts("  Resharding plan:");
    cluster_show_plan(&r->view, &r->plan, true);
}

static int reshard(struct resharding *r)
{
    struct errmsg error = {0};

    if (!cluster_may_move(&r->view)) {
        return 1;
    }
    for (size_t i = 0; i < r->view.nodes.count; i++) {
        struct slot_holder holder = {.slots = r->view.nodes.items[i].info.slots};

        VEC_PUSH(&r->holders, holder);
    }
    if (!choose_count(r) || !choose_target(r) || !choose_sources(r)) {
        return 1;
    }
    if (!slot_plan_reshard(&r->plan, r->holders.items, r->holders.count, r->target, r->slot_count,
                           &error)) {
        view_say(VIEW_BAD, "%s", error.text);
        return 1;
    }
    show(r);
    if (r->options->cluster_dry_run) {
        return 0;
    }
    if (!view_confirm(r->options, "Do you want to proceed with the proposed reshard plan?")) {
        puts("Nothing was changed.");
        return 1;
    }
    return cluster_carry_out(r->options, &r->view, &r->plan);
}

int cluster_reshard(const struct cluster_target *target)
{
    struct resharding r = {.options = target->options};
    int exit_code = cluster_open(&r.view, target) ? reshard(&r) : 1;

    slot_plan_deinit(&r.plan);
    VEC_DEINIT(&r.holders);
    cluster_view_close(&r.view);
    return exit_code;
}
