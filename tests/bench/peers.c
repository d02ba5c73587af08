/* SPDX-License-Identifier: MIT */
/* Flags of each kind of server; what is in PATH; versions as the programs print them. */
#include "tests/bench/peers.h"

#include "base/assert.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct peer_cpus peers_pin(void)
{
    struct peer_cpus cpus = {0};
    cpu_set_t allowed;
    unsigned found[2] = {0};
    unsigned count = 0;

    CPU_ZERO(&allowed);
    if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0) {
        for (unsigned cpu = 0; cpu < 64 && count < 2; cpu++) {
            if (CPU_ISSET(cpu, &allowed)) {
                found[count++] = cpu;
            }
        }
    }
    if (count < 2) {
        printf("There is one processor only: servers and load share it, nothing is pinned.\n");
        return cpus;
    }
    CPU_ZERO(&allowed);
    CPU_SET(found[1], &allowed);
    if (sched_setaffinity(0, sizeof(allowed), &allowed) != 0) {
        printf("The system refuses to pin: servers and load run anywhere.\n");
        return cpus;
    }
    cpus.server = UINT64_C(1) << found[0];
    cpus.load = UINT64_C(1) << found[1];
    return cpus;
}

void peers_pin_loop(const struct server *server, struct peer_cpus cpus)
{
    cpu_set_t allowed;

    CPU_ZERO(&allowed);
    for (unsigned cpu = 0; cpu < 64; cpu++) {
        if (cpus.server >> cpu & 1) {
            CPU_SET(cpu, &allowed);
        }
    }
    if (cpus.server != 0 && sched_setaffinity(server->pid, sizeof(allowed), &allowed) != 0) {
        printf("The system refuses to pin the server's loop: it runs beside the load.\n");
    }
}

/* ---- which there are --------------------------------------------------------------------------*/

/* The first line that the program prints about itself, without its end. */
static void read_version(struct peer *peer)
{
    char command[SERVER_PATH_MAX + 32];
    FILE *output;

    snprintf(command, sizeof(command), "'%s' --version 2>&1", peer->program);
    output = popen(command, "re");
    if (output == NULL || fgets(peer->version, sizeof(peer->version), output) == NULL) {
        snprintf(peer->version, sizeof(peer->version), "of unknown version");
    }
    peer->version[strcspn(peer->version, "\n")] = '\0';
    if (output != NULL) {
        pclose(output);
    }
}

static struct peer *add(struct peers *peers, enum peer_kind kind, const char *name)
{
    struct peer *peer = &peers->items[peers->count];

    ASSERT(peers->count < PEERS_MAX);
    peers->count++;
    *peer = (struct peer){.kind = kind};
    snprintf(peer->name, sizeof(peer->name), "%s", name);
    return peer;
}

static void add_floor(struct peers *peers)
{
    struct peer *peer = add(peers, PEER_FLOOR, "floor");
    char self[SERVER_PATH_MAX] = {0};
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
    char *slash = len > 0 ? strrchr(self, '/') : NULL;

    ASSERT(slash != NULL);
    *slash = '\0';
    snprintf(peer->program, sizeof(peer->program), "%.240s/floor", self);
    snprintf(peer->version, sizeof(peer->version), "reads and writes the same bytes, no more");
}

static void add_ours(struct peers *peers, const char *program)
{
    const char *equals = program != NULL ? strchr(program, '=') : NULL;
    struct peer *peer = add(peers, PEER_OURS, "starling");
    size_t earlier = 0;

    for (const struct peer *p = peers->items; p < peer; p++) {
        earlier += p->kind == PEER_OURS;
    }
    if (equals != NULL) {
        snprintf(peer->name, sizeof(peer->name), "%.*s", (int)(equals - program), program);
        program = equals + 1;
    } else if (earlier > 0) {
        snprintf(peer->name, sizeof(peer->name), "starling-%zu", earlier + 1);
    }
    if (program != NULL) {
        snprintf(peer->program, sizeof(peer->program), "%s", program);
    } else {
        snprintf(peer->program, sizeof(peer->program), "%s/starling-server", server_bin_dir());
    }
    read_version(peer);
}

static bool find_in_path(const char *name, char out[SERVER_PATH_MAX])
{
    const char *path = getenv("PATH");
    struct bytes rest = bytes_from_text(path != NULL ? path : "");

    for (;;) {
        struct bytes folder = bytes_next_word(&rest, ':');

        if (folder.len == 0) {
            return false;
        }
        snprintf(out, SERVER_PATH_MAX, "%.*s/%s", BYTES_ARGS(folder), name);
        if (access(out, X_OK) == 0) {
            return true;
        }
    }
}

static void add_others(struct peers *peers)
{
    static const struct {
        const char *name;
        enum peer_kind kind;
    } others[] = {
        {"redis-server",  PEER_REDIS    },
        {"valkey-server", PEER_REDIS    },
        {"memcached",     PEER_MEMCACHED},
    };

    for (size_t i = 0; i < ARRAY_COUNT(others); i++) {
        char program[SERVER_PATH_MAX];

        if (find_in_path(others[i].name, program)) {
            struct peer *peer = add(peers, others[i].kind, others[i].name);

            snprintf(peer->program, sizeof(peer->program), "%s", program);
            read_version(peer);
        }
    }
}

void peers_find(struct peers *out, const struct peer_choice *choice)
{
    struct peers all = {0};

    add_floor(&all);
    for (size_t i = 0; i < choice->programs->count; i++) {
        add_ours(&all, choice->programs->items[i]);
    }
    if (choice->programs->count == 0) {
        add_ours(&all, NULL);
    }
    add_others(&all);
    *out = (struct peers){0};
    for (size_t i = 0; i < all.count; i++) {
        const struct peer *peer = &all.items[i];

        if ((choice->has_floor || peer->kind != PEER_FLOOR) &&
            !(choice->is_resp_only && peer->kind == PEER_MEMCACHED) &&
            (choice->names == NULL || options_list_has(choice->names, peer->name))) {
            out->items[out->count++] = *peer;
        }
    }
}

void peers_print(const struct peers *peers)
{
    for (size_t i = 0; i < peers->count; i++) {
        printf("  %-14s %s\n", peers->items[i].name, peers->items[i].version);
    }
}

/* ---- starting one -----------------------------------------------------------------------------*/

enum load_protocol peer_protocol(const struct peer *peer)
{
    return peer->kind == PEER_MEMCACHED ? LOAD_MEMCACHED : LOAD_RESP;
}

static void add_args(struct server *server, const char *const *args, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        server_add_arg(server, args[i]);
    }
}

static void configure_floor(struct server *server, const struct load_request *request)
{
    struct buf reply = {0};

    for (size_t i = 0; i < request->reply.len; i++) {
        char byte = request->reply.data[i];

        if (byte == '\r' || byte == '\n') {
            buf_append_text(&reply, byte == '\r' ? "\\r" : "\\n");
        } else {
            buf_append_byte(&reply, byte);
        }
    }
    server_add_arg(server, "--reply");
    server_add_arg(server, buf_text(&reply));
    buf_clear(&reply);
    buf_printf(&reply, "%zu", request->text.len);
    server_add_arg(server, "--request");
    server_add_arg(server, buf_text(&reply));
    buf_deinit(&reply);
    server->is_foreign = true;
}

static void configure_memcached(struct server *server)
{
    static const char *const args[] = {"-t", "1", "-m", "4096", "-c", "1024", "-U", "0"};
    static const char *const as_root[] = {"-u", "root"};

    server->port_flag = "-p";
    server->bind_flag = "-l";
    server->is_foreign = true;
    add_args(server, args, ARRAY_COUNT(args));
    if (geteuid() == 0) {
        add_args(server, as_root, ARRAY_COUNT(as_root));
    }
}

bool peer_start(const struct peer *peer, const struct peer_options *options, struct server *out,
                struct errmsg *error)
{
    static const char *const no_persistence[] = {"--save", "", "--appendonly", "no"};

    if (!server_prepare(out, peer->program, error)) {
        return false;
    }
    out->cpu_mask = options->cpu_mask;
    switch (peer->kind) {
    case PEER_FLOOR:
        configure_floor(out, options->answer);
        break;
    case PEER_OURS:
    case PEER_REDIS:
        add_args(out, no_persistence, ARRAY_COUNT(no_persistence));
        add_args(out, options->args, options->arg_count);
        break;
    case PEER_MEMCACHED:
        configure_memcached(out);
        break;
    }
    return server_start(out, error);
}
