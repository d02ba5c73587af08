/* SPDX-License-Identifier: MIT */
/* Nodes are asked one after the other; each call has the time limit of its connection. */
#include "cli/cluster_view.h"

#include "cli/connect.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool cluster_view_fetch_map(struct client *client, struct cluster_map *map, struct errmsg *error)
{
    static const char *const words[] = {"CLUSTER", "NODES"};
    struct resp_value reply;
    bool is_ok;

    if (!connect_call(client, words, ARRAY_COUNT(words), &reply, error)) {
        return false;
    }
    is_ok = cluster_map_parse_nodes(map, resp_value_bytes(&reply), error);
    resp_value_deinit(&reply);
    if (is_ok && cluster_map_myself(map) == NULL) {
        errmsg_set(error, "CLUSTER NODES does not say which node has answered");
        return false;
    }
    return is_ok;
}

static void keep_address(struct map_node *info, const char *host, uint16_t port)
{
    bytes_to_text(bytes_from_text(host), info->host, sizeof(info->host));
    info->port = port;
}

/* Is it who the first one knows there?  A node that has lost its folder comes back as another one, a
 * stranger to the cluster, and what it says of itself is no word of the node that was there. */
static bool is_who_is_known(const struct view_node *node, const struct map_node *known,
                            struct errmsg *error)
{
    const struct map_node *answering = cluster_map_myself(&node->map);

    if (strcmp(answering->id, known->id) == 0) {
        return true;
    }
    errmsg_set(error, "node %.8s answers at its address, which is another one", answering->id);
    return false;
}

static void give_up(struct view_node *node)
{
    cluster_map_deinit(&node->map);
    node->map = (struct cluster_map){0};
    client_close(node->client);
    node->client = NULL;
}

/* A node that the first one knows. */
static void add_known(struct cluster_view *view, const struct options *options,
                      const struct map_node *known)
{
    struct view_node node = {.info = *known};
    const char *host = known->host[0] != '\0' ? known->host : view->nodes.items[0].info.host;

    keep_address(&node.info, host, known->port);
    node.client = connect_node(options, node.info.host, known->port, &node.error);
    if (node.client != NULL && (!cluster_view_fetch_map(node.client, &node.map, &node.error) ||
                                !is_who_is_known(&node, known, &node.error))) {
        give_up(&node);
    }
    if (node.client != NULL) {
        struct map_node address = node.info;

        node.info = *cluster_map_myself(&node.map);
        keep_address(&node.info, address.host, address.port);
    }
    VEC_PUSH(&view->nodes, node);
}

bool cluster_view_open(struct cluster_view *view, const struct options *options, const char *host,
                       uint16_t port, struct errmsg *error)
{
    struct view_node first = {0};

    first.client = connect_node(options, host, port, error);
    if (first.client == NULL) {
        return false;
    }
    if (!cluster_view_fetch_map(first.client, &first.map, error)) {
        errmsg_wrap(error, "Node %s:%u", host, port);
        cluster_map_deinit(&first.map);
        client_close(first.client);
        return false;
    }
    first.info = *cluster_map_myself(&first.map);
    keep_address(&first.info, host, port);
    VEC_PUSH(&view->nodes, first);
    for (size_t i = 0; i < first.map.nodes.count; i++) {
        const struct map_node *known = &first.map.nodes.items[i];

        if ((known->flags & (MAP_MYSELF | MAP_HANDSHAKE | MAP_NOADDR)) == 0) {
            add_known(view, options, known);
        }
    }
    return true;
}

void cluster_view_close(struct cluster_view *view)
{
    for (size_t i = 0; i < view->nodes.count; i++) {
        cluster_map_deinit(&view->nodes.items[i].map);
        client_close(view->nodes.items[i].client);
    }
    VEC_DEINIT(&view->nodes);
}

bool cluster_view_agrees(const struct cluster_view *view, const struct view_node **out_other)
{
    struct buf first = {0};
    struct buf other = {0};
    bool is_same = true;

    cluster_map_write_signature(&view->nodes.items[0].map, &first);
    for (size_t i = 1; is_same && i < view->nodes.count; i++) {
        if (view->nodes.items[i].client != NULL) {
            buf_clear(&other);
            cluster_map_write_signature(&view->nodes.items[i].map, &other);
            is_same = bytes_equal(buf_bytes(&first), buf_bytes(&other));
            *out_other = &view->nodes.items[i];
        }
    }
    buf_deinit(&first);
    buf_deinit(&other);
    return is_same;
}

size_t cluster_view_count_replicas(const struct cluster_view *view, const char *primary_id)
{
    size_t count = 0;

    for (size_t i = 0; i < view->nodes.count; i++) {
        const struct map_node *info = &view->nodes.items[i].info;

        if ((info->flags & MAP_REPLICA) != 0 && strcmp(info->primary_id, primary_id) == 0) {
            count++;
        }
    }
    return count;
}

size_t cluster_view_find(const struct cluster_view *view, const char *id)
{
    size_t found = view->nodes.count;

    for (size_t i = 0; i < view->nodes.count; i++) {
        const char *known = view->nodes.items[i].info.id;

        if (strcmp(known, id) == 0) {
            return i;
        }
        if (id[0] != '\0' && strncmp(known, id, strlen(id)) == 0) {
            if (found < view->nodes.count) {
                return view->nodes.count; /* two begin so */
            }
            found = i;
        }
    }
    return found;
}

/* ---- printing ---------------------------------------------------------------------------------- */

void view_say(enum view_tone tone, const char *format, ...)
{
    static const struct {
        const char *colour;
        const char *mark;
    } tones[] = {
        [VIEW_STEP] = {"\x1b[29;1m", ">>> "      },
        [VIEW_GOOD] = {"\x1b[32;1m", "[OK] "     },
        [VIEW_WARN] = {"\x1b[33;1m", "[WARNING] "},
        [VIEW_BAD] = {"\x1b[31;1m", "[ERR] "    },
    };
    bool has_colour = isatty(STDOUT_FILENO) != 0;
    va_list args;

    fputs(has_colour ? tones[tone].colour : "", stdout);
    fputs(tones[tone].mark, stdout);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    fputs(has_colour ? "\x1b[0m\n" : "\n", stdout);
    fflush(stdout);
}

void view_print_node(const struct map_node *node, size_t replica_count)
{
    bool is_replica = (node->flags & MAP_REPLICA) != 0;
    struct buf slots = {0};

    map_write_slots(node->slots, &slots);
    printf("%s: %s %s:%u\n   slots:%s (%zu slots) %s\n", is_replica ? "S" : "M", node->id,
           node->host, node->port, buf_text(&slots), node->slot_count,
           is_replica ? "slave" : "master");
    if (is_replica) {
        printf("   replicates %s\n", node->primary_id);
    } else if (replica_count > 0) {
        printf("   %zu additional replica(s)\n", replica_count);
    }
    buf_deinit(&slots);
}

bool view_find_field(struct bytes text, const char *name, struct bytes *out)
{
    for (;;) {
        struct bytes line = bytes_next_word(&text, '\n');
        size_t colon;

        if (line.len == 0) {
            return false;
        }
        line = bytes_trim(line);
        colon = bytes_find_byte(line, ':');
        if (colon != SIZE_MAX && bytes_equal_text(bytes_prefix(line, colon), name)) {
            *out = bytes_from(line, colon + 1);
            return true;
        }
    }
}

bool view_confirm(const struct options *options, const char *question)
{
    char line[16];

    if (options->cluster_yes) {
        return true;
    }
    printf("%s (type 'yes' to accept): ", question);
    fflush(stdout);
    return fgets(line, sizeof(line), stdin) != NULL && strcmp(line, "yes\n") == 0;
}
