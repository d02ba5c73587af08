/* SPDX-License-Identifier: MIT */
/* Starting the servers, forming the cluster with our cli, asking nodes about themselves. */
#include "tests/demo/demo.h"

#include "base/assert.h"
#include "base/num.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    WORDS_MAX = 16,
    ASK_TIMEOUT_MS = 5000,
    POLL_MS = 5,
};

/* ---- servers ---------------------------------------------------------------------------------- */

bool demo_start_servers(struct demo *demo)
{
    char program[SERVER_PATH_MAX];
    char ports[DEMO_TEXT] = "";

    snprintf(program, sizeof(program), "%s/starling-server", server_bin_dir());
    for (size_t i = 0; i < demo->node_count; i++) {
        struct server *s = &demo->servers[i];
        size_t len = strlen(ports);

        if (!server_prepare(s, program, &demo->error)) {
            return false;
        }
        s->user = demo->user > 0 ? demo->user + (unsigned)i : 0;
        server_add_arg(s, "--enable-debug-command"); /* DIGEST */
        server_add_arg(s, "local");
        server_add_arg(s, "--cluster-enabled");
        server_add_arg(s, "yes");
        if (i >= demo->node_count - demo->arbiter_count) {
            server_add_arg(s, "--cluster-arbiter");
            server_add_arg(s, "yes");
        }
        for (size_t k = 0; demo->args != NULL && demo->args[k] != NULL; k++) {
            server_add_arg(s, demo->args[k]);
        }
        if (demo->sync_replicas > 0) {
            char replicas[NUM_I64_TEXT + 1];

            snprintf(replicas, sizeof(replicas), "%d", demo->sync_replicas);
            server_add_arg(s, "--sync-replicas");
            server_add_arg(s, replicas);
        }
        if (!server_start(s, &demo->error)) {
            errmsg_wrap(&demo->error, "server %zu", i + 1);
            return false;
        }
        snprintf(ports + len, sizeof(ports) - len, " %u", (unsigned)s->port);
    }
    demo_say(demo, "%zu servers run, on ports%s, each in a temporary folder.", demo->node_count,
             ports);
    return true;
}

void demo_clean_up(struct demo *demo)
{
    for (size_t i = 0; i < demo->node_count; i++) {
        demo_disconnect(demo, i);
        server_cleanup(&demo->servers[i]);
    }
}

/* ---- our cli ---------------------------------------------------------------------------------- */

static void read_all(int fd, struct buf *out)
{
    for (;;) {
        ssize_t got = read(fd, buf_reserve(out, 4096), 4096);

        if (got > 0) {
            out->len += (size_t)got;
        } else if (got == 0 || errno != EINTR) {
            return;
        }
    }
}

/* Run starling-cli with these words; what it printed goes to out.  True when it exits with 0. */
static bool run_cli(struct demo *demo, const char **words, struct buf *out)
{
    char program[SERVER_PATH_MAX];
    int ends[2];
    int status = 0;
    pid_t child;

    snprintf(program, sizeof(program), "%s/starling-cli", server_bin_dir());
    if (access(program, X_OK) != 0 || pipe(ends) != 0) {
        errmsg_set(&demo->error, "cannot run %s: %s", program, strerror(errno));
        return false;
    }
    child = fork();
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        execv(program, (char *const *)(void *)words);
        _exit(127);
    }
    close(ends[1]);
    if (child > 0) {
        read_all(ends[0], out);
    }
    close(ends[0]);
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status) ||
        WEXITSTATUS(status) != 0) {
        errmsg_set(&demo->error, "starling-cli %s %s failed:\n%.300s", words[1], words[2],
                   buf_text(out));
        return false;
    }
    return true;
}

/* Print the lines that begin so: the rest of what the cli says would only be noise here. */
static void show_lines(const struct demo *demo, struct bytes text, const char *prefix)
{
    while (text.len > 0) {
        size_t end = bytes_find_byte(text, '\n');
        struct bytes line = bytes_prefix(text, end < text.len ? end : text.len);

        if (bytes_has_prefix(line, prefix)) {
            demo_say(demo, "  %.*s", BYTES_ARGS(line));
        }
        text = bytes_from(text, end < text.len ? end + 1 : text.len);
    }
}

bool demo_form_cluster(struct demo *demo)
{
    char addresses[DEMO_NODES][32];
    char replicas[8];
    const char *create[DEMO_NODES + 8] = {"starling-cli", "--cluster", "create"};
    const char *wait[] = {"starling-cli", "--cluster", "wait", addresses[0], NULL};
    struct buf out = {0};
    size_t count = 3;
    bool is_ok;

    for (size_t i = 0; i < demo->node_count; i++) {
        snprintf(addresses[i], sizeof(addresses[i]), "127.0.0.1:%u",
                 (unsigned)demo->servers[i].port);
        create[count++] = addresses[i];
    }
    snprintf(replicas, sizeof(replicas), "%zu",
             (demo->node_count - demo->arbiter_count) / demo->primary_count - 1);
    create[count++] = "--cluster-replicas";
    create[count++] = replicas;
    create[count++] = "--cluster-yes";
    is_ok = run_cli(demo, create, &out);
    show_lines(demo, buf_bytes(&out), "[OK]");
    buf_clear(&out);
    is_ok = is_ok && run_cli(demo, wait, &out);
    buf_deinit(&out);
    return is_ok;
}

/* ---- questions -------------------------------------------------------------------------------- */

void demo_disconnect(struct demo *demo, size_t node)
{
    if (demo->clients[node] != NULL) {
        client_close(demo->clients[node]);
        demo->clients[node] = NULL;
    }
}

/* As a tool, which is told who owns a slot also when others serve it, too. */
static bool connect_to(struct demo *demo, size_t node)
{
    static const struct bytes words[] = {BYTES_LITERAL("CLIENT"), BYTES_LITERAL("SETINFO"),
                                         BYTES_LITERAL("LIB-NAME"), BYTES_LITERAL("starling-cli")};
    struct resp_value reply;

    demo->clients[node] = server_connect(&demo->servers[node], &demo->error);
    if (demo->clients[node] == NULL) {
        return false;
    }
    client_set_timeout_ms(demo->clients[node], ASK_TIMEOUT_MS);
    if (client_call(demo->clients[node], words, ARRAY_COUNT(words), &reply, &demo->error) !=
        CLIENT_OK) {
        demo_disconnect(demo, node);
        return false;
    }
    resp_value_deinit(&reply);
    return true;
}

static bool ask(struct demo *demo, size_t node, struct resp_value *out, size_t word_count,
                va_list args)
{
    struct bytes words[WORDS_MAX] = {{0}};
    enum client_status status;

    ASSERT(word_count >= 1 && word_count <= WORDS_MAX);
    for (size_t i = 0; i < word_count; i++) {
        words[i] = bytes_from_text(va_arg(args, const char *));
    }
    if (demo->clients[node] == NULL && !connect_to(demo, node)) {
        return false;
    }
    status = client_call(demo->clients[node], words, word_count, out, &demo->error);
    if (status != CLIENT_OK) {
        errmsg_set(&demo->error, "the server on port %u does not answer %.*s",
                   (unsigned)demo->servers[node].port, BYTES_ARGS(words[0]));
        demo_disconnect(demo, node);
        return false;
    }
    return true;
}

bool demo_ask(struct demo *demo, size_t node, struct resp_value *out, size_t word_count, ...)
{
    va_list args;
    bool is_answered;

    va_start(args, word_count);
    is_answered = ask(demo, node, out, word_count, args);
    va_end(args);
    return is_answered;
}

bool demo_ask_text(struct demo *demo, size_t node, char out[DEMO_TEXT], size_t word_count, ...)
{
    struct resp_value reply;
    va_list args;
    bool is_answered;

    va_start(args, word_count);
    is_answered = ask(demo, node, &reply, word_count, args);
    va_end(args);
    if (!is_answered) {
        return false;
    }
    if (reply.type == RESP_INTEGER) {
        snprintf(out, DEMO_TEXT, "%lld", (long long)reply.integer);
    } else {
        bytes_to_text(resp_value_bytes(&reply), out, DEMO_TEXT);
    }
    is_answered = reply.child_count == 0;
    resp_value_deinit(&reply);
    if (!is_answered) {
        errmsg_set(&demo->error, "an array came where a text was expected");
    }
    return is_answered;
}

/* The rest of the line "field:rest". */
static bool find_field(struct bytes text, const char *field, char out[DEMO_TEXT])
{
    size_t len = strlen(field);

    while (text.len > 0) {
        size_t end = bytes_find_byte(text, '\n');
        struct bytes line = bytes_prefix(text, end < text.len ? end : text.len);

        if (bytes_has_prefix(line, field) && line.len > len && line.data[len] == ':') {
            bytes_to_text(bytes_trim(bytes_from(line, len + 1)), out, DEMO_TEXT);
            return true;
        }
        text = bytes_from(text, end < text.len ? end + 1 : text.len);
    }
    return false;
}

bool demo_field(struct demo *demo, size_t node, const char *section, const char *field,
                char out[DEMO_TEXT])
{
    struct resp_value reply;
    bool is_found;

    if (!(section != NULL ? demo_ask(demo, node, &reply, 2, "INFO", section)
                          : demo_ask(demo, node, &reply, 2, "CLUSTER", "INFO"))) {
        return false;
    }
    is_found = find_field(resp_value_bytes(&reply), field, out);
    resp_value_deinit(&reply);
    if (!is_found) {
        errmsg_set(&demo->error, "the server on port %u tells no %s",
                   (unsigned)demo->servers[node].port, field);
    }
    return is_found;
}

bool demo_number(struct demo *demo, size_t node, const char *section, const char *field,
                 int64_t *out)
{
    char text[DEMO_TEXT];

    if (!demo_field(demo, node, section, field, text)) {
        return false;
    }
    if (!num_parse_i64(bytes_from_text(text), out)) {
        errmsg_set(&demo->error, "%s is '%s', which is no number", field, text);
        return false;
    }
    return true;
}

/* ---- the map ---------------------------------------------------------------------------------- */

size_t demo_node_of_port(const struct demo *demo, int64_t port)
{
    size_t node = 0;

    while (node < demo->node_count && demo->servers[node].port != port) {
        node++;
    }
    return node < demo->node_count ? node : DEMO_NODES;
}

size_t demo_moved_to(const struct demo *demo, struct bytes text)
{
    int64_t port;

    if (!bytes_has_prefix(text, "MOVED ")) {
        return DEMO_NODES;
    }
    for (size_t colon = bytes_find_byte(text, ':'); colon < text.len;
         colon = bytes_find_byte(text, ':')) {
        text = bytes_from(text, colon + 1);
    }
    return num_parse_i64(text, &port) ? demo_node_of_port(demo, port) : DEMO_NODES;
}

/* A node in CLUSTER SLOTS is [endpoint, port, id, ...]. */
static size_t node_of_value(const struct demo *demo, const struct resp_value *value)
{
    return value->child_count >= 2 ? demo_node_of_port(demo, value->children[1].integer)
                                   : DEMO_NODES;
}

static bool read_range(struct demo *demo, const struct resp_value *value, struct demo_range *out)
{
    if (value->child_count < 3) {
        errmsg_set(&demo->error, "CLUSTER SLOTS has a range without an owner");
        return false;
    }
    *out = (struct demo_range){
        .first_slot = value->children[0].integer,
        .last_slot = value->children[1].integer,
        .primary = node_of_value(demo, &value->children[2]),
        .replica = value->child_count > 3 ? node_of_value(demo, &value->children[3]) : DEMO_NODES,
    };
    if (out->primary == DEMO_NODES) {
        errmsg_set(&demo->error, "CLUSTER SLOTS names a node that is none of ours");
        return false;
    }
    return true;
}

bool demo_read_map(struct demo *demo, size_t via, struct demo_map *out)
{
    struct resp_value reply;
    bool is_ok = true;

    *out = (struct demo_map){0};
    if (!demo_ask(demo, via, &reply, 2, "CLUSTER", "SLOTS")) {
        return false;
    }
    for (size_t i = 0; i < reply.child_count && is_ok && out->count < DEMO_RANGES_MAX; i++) {
        is_ok = read_range(demo, &reply.children[i], &out->ranges[out->count]);
        out->count += is_ok;
    }
    if (is_ok && out->count == 0) {
        errmsg_set(&demo->error, "CLUSTER SLOTS is empty");
        is_ok = false;
    }
    resp_value_deinit(&reply);
    return is_ok;
}

static bool are_there_replicas(const struct demo *demo)
{
    return demo->node_count - demo->arbiter_count > demo->primary_count;
}

static bool is_map_whole(const struct demo *demo, const struct demo_map *map)
{
    bool is_whole = map->count == demo->primary_count;

    for (size_t i = 0; i < map->count && are_there_replicas(demo); i++) {
        is_whole = is_whole && map->ranges[i].replica != DEMO_NODES;
    }
    return is_whole;
}

bool demo_wait_map(struct demo *demo, size_t via, struct demo_map *out)
{
    int64_t until = support_now_ms() + DEMO_HEAL_MS;

    while (!demo_read_map(demo, via, out) || !is_map_whole(demo, out)) {
        if (support_now_ms() > until) {
            errmsg_set(&demo->error, "CLUSTER SLOTS at port %u does not show %zu whole shards",
                       (unsigned)demo->servers[via].port, demo->primary_count);
            return false;
        }
        support_pause_ms(POLL_MS);
    }
    return true;
}

const struct demo_range *demo_find_range(const struct demo_map *map, int64_t slot)
{
    for (size_t i = 0; i < map->count; i++) {
        if (map->ranges[i].first_slot <= slot && slot <= map->ranges[i].last_slot) {
            return &map->ranges[i];
        }
    }
    return NULL;
}

/* ---- health ----------------------------------------------------------------------------------- */

/* A primary has one replica online, a replica its link up, and both see the cluster as ok and
 * nobody as failing.  A node that does not answer is not healthy. */
static bool is_healthy(struct demo *demo, size_t node)
{
    char text[DEMO_TEXT];
    struct resp_value nodes;
    bool is_somebody_failing;

    if (!demo_field(demo, node, NULL, "cluster_state", text) || strcmp(text, "ok") != 0 ||
        !demo_field(demo, node, "replication", "role", text)) {
        return false;
    }
    if (strcmp(text, "slave") == 0) {
        if (!demo_field(demo, node, "replication", "master_link_status", text) ||
            strcmp(text, "up") != 0) {
            return false;
        }
    } else if (are_there_replicas(demo) && node < demo->node_count - demo->arbiter_count &&
               (!demo_field(demo, node, "replication", "slave0", text) ||
                strstr(text, "state=online") == NULL)) {
        return false;
    }
    if (!demo_ask(demo, node, &nodes, 2, "CLUSTER", "NODES")) {
        return false;
    }
    is_somebody_failing = strstr(buf_text(&nodes.text), "fail") != NULL;
    resp_value_deinit(&nodes);
    return !is_somebody_failing;
}

bool demo_wait_healthy(struct demo *demo)
{
    int64_t until = support_now_ms() + DEMO_HEAL_MS;

    for (size_t i = 0; i < demo->node_count;) {
        if (is_healthy(demo, i)) {
            i++;
        } else if (support_now_ms() > until) {
            errmsg_set(&demo->error, "the node on port %u is not well after %d seconds",
                       (unsigned)demo->servers[i].port, DEMO_HEAL_MS / 1000);
            return false;
        } else {
            support_pause_ms(POLL_MS);
        }
    }
    return true;
}
