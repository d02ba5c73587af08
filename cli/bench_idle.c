/* SPDX-License-Identifier: MIT */
/* A line says how many connections there are, whenever that has changed.  One that the server
 * closes is not opened again: that it did is what is to be seen. */
#include "cli/bench_idle.h"

#include "base/mem.h"
#include "base/vec.h"
#include "cli/connect.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

struct idle {
    struct connection *connections;
    size_t count;               /* of connections; those that ended have no client */
    VEC(struct pollfd) watched; /* the interruption, then each connection, -1 when it has ended */
    size_t open_count;
};

static void print_count(const struct idle *idle)
{
    bool is_terminal = isatty(STDOUT_FILENO) != 0;

    printf("%sclients: %zu%s", is_terminal ? "\r\x1b[2K" : "", idle->open_count,
           is_terminal ? "" : "\n");
    fflush(stdout);
}

static bool open_all(struct idle *idle, const struct options *options, struct errmsg *error)
{
    for (size_t i = 0; i < idle->count; i++) {
        struct connection *connection = &idle->connections[i];

        connection_init(connection, options, NULL);
        if (!connection_open(connection, error)) {
            return false;
        }
        idle->open_count++;
        VEC_PUSH(&idle->watched,
                 ((struct pollfd){.fd = client_fd(connection->client), .events = POLLIN}));
    }
    return true;
}

/* Has one ended?  What a server says to an idle client is passed over. */
static bool look(struct idle *idle)
{
    bool has_changed = false;

    for (size_t i = 0; i < idle->count; i++) {
        struct pollfd *watched = &idle->watched.items[i + 1];
        struct client *client = idle->connections[i].client;
        struct errmsg error;

        if (watched->fd < 0 || watched->revents == 0) {
            continue;
        }
        if (client_pump(client, &error) == CLIENT_OK) {
            client_consume(client, client_input(client).len);
            continue;
        }
        connection_close(&idle->connections[i]);
        watched->fd = -1;
        idle->open_count--;
        has_changed = true;
    }
    return has_changed;
}

/* False when all have ended by themselves. */
static bool wait_for_end(struct idle *idle)
{
    print_count(idle);
    while (idle->open_count > 0) {
        (void)poll(idle->watched.items, idle->watched.count, -1);
        if (idle->watched.items[0].revents != 0) {
            return true;
        }
        if (look(idle)) {
            print_count(idle);
        }
    }
    return false;
}

int bench_idle_run(const struct options *options, const struct bench_options *bench,
                   const struct interrupt *interrupt)
{
    struct idle idle = {.count = (size_t)bench->clients};
    struct errmsg error = {0};
    int exit_code = 1;

    printf("Creating %" PRId64 " idle connections and waiting forever (Ctrl+C when done)\n",
           bench->clients);
    fflush(stdout);
    idle.connections = mem_alloc_zeroed(MEM_CLI, idle.count * sizeof(*idle.connections));
    VEC_PUSH(&idle.watched, ((struct pollfd){.fd = interrupt->fd, .events = POLLIN}));
    if (!open_all(&idle, options, &error)) {
        fprintf(stderr, "%s\n", error.text);
    } else if (!wait_for_end(&idle)) {
        fputs("The server has closed all connections\n", stderr);
    } else {
        exit_code = 0;
    }
    for (size_t i = 0; i < idle.count; i++) {
        connection_close(&idle.connections[i]);
    }
    VEC_DEINIT(&idle.watched);
    mem_free(MEM_CLI, idle.connections);
    return exit_code;
}
