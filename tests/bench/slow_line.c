/* SPDX-License-Identifier: MIT */
#include "tests/bench/slow_line.h"

#include "base/mem.h"
#include "tests/support/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    TICK_MS = 10,
    PIECE_BYTES = 256 * 1024,
    SLOW_ROOM_BYTES = 64 * 1024, /* of the socket that the server writes to */
};

struct slow_line {
    uint16_t server_port;
    uint16_t port;
    int listener;
    int client;
    int server;
    pthread_t thread;
    atomic_bool is_over;
    atomic_ulong limit;
    atomic_ulong connections;
    atomic_ulong bytes;
    char piece[PIECE_BYTES];
};

static void drop(struct slow_line *line)
{
    if (line->client >= 0) {
        close(line->client);
    }
    if (line->server >= 0) {
        close(line->server);
    }
    line->client = -1;
    line->server = -1;
}

static int connect_to(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int room = SLOW_ROOM_BYTES;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)) != 0 ||
                    connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static void take_client(struct slow_line *line)
{
    int fd = accept4(line->listener, NULL, NULL, SOCK_CLOEXEC);

    if (fd >= 0) {
        drop(line);
        line->client = fd;
        line->server = connect_to(line->server_port);
        atomic_fetch_add(&line->connections, 1);
    }
}

/* Pass at most so many bytes; the number, or -1 when one of both has gone. */
static ssize_t pass(struct slow_line *line, int from, int to, size_t max_bytes)
{
    size_t size = max_bytes < sizeof(line->piece) ? max_bytes : sizeof(line->piece);
    ssize_t got = recv(from, line->piece, size, MSG_DONTWAIT);

    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return 0;
    }
    if (got <= 0) {
        return -1;
    }
    for (ssize_t sent = 0; sent < got;) {
        ssize_t step = send(to, line->piece + sent, (size_t)(got - sent), MSG_NOSIGNAL);

        if (step < 0 && errno != EINTR) {
            return -1;
        }
        sent += step > 0 ? step : 0;
    }
    return got;
}

/* One step; bytes of the limit that are left are in *allowance. */
static void step(struct slow_line *line, uint64_t limit, uint64_t *allowance)
{
    bool may_pass = limit == 0 || *allowance > 0;
    struct pollfd waits[] = {
        {.fd = line->listener,                                    .events = POLLIN},
        {.fd = line->client,                                      .events = POLLIN},
        {.fd = may_pass && line->client >= 0 ? line->server : -1, .events = POLLIN},
    };
    ssize_t passed;

    if (poll(waits, 3, TICK_MS) <= 0) {
        return;
    }
    if (waits[0].revents != 0) {
        take_client(line);
        return;
    }
    if (line->server < 0 ||
        (waits[1].revents != 0 && pass(line, line->client, line->server, PIECE_BYTES) < 0)) {
        drop(line);
        return;
    }
    if (waits[2].revents == 0) {
        return;
    }
    passed = pass(line, line->server, line->client, limit == 0 ? PIECE_BYTES : *allowance);
    if (passed < 0) {
        drop(line);
        return;
    }
    atomic_fetch_add(&line->bytes, (uint64_t)passed);
    *allowance -= limit == 0 ? 0 : (uint64_t)passed;
}

static void *pass_all(void *context)
{
    struct slow_line *line = context;
    int64_t filled_at_ms = support_now_ms();
    uint64_t allowance = 0;

    while (!atomic_load(&line->is_over)) {
        uint64_t limit = atomic_load(&line->limit);
        int64_t now_ms = support_now_ms();

        if (now_ms - filled_at_ms >= TICK_MS) {
            allowance = limit * (uint64_t)(now_ms - filled_at_ms) / 1000;
            filled_at_ms = now_ms;
        }
        step(line, limit, &allowance);
        if (limit != 0 && allowance == 0) {
            support_pause_ms(1);
        }
    }
    drop(line);
    return NULL;
}

struct slow_line *slow_line_open(uint16_t server_port, struct errmsg *error)
{
    struct slow_line *line = mem_alloc_zeroed(MEM_TEST, sizeof(*line));
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof(address);

    line->server_port = server_port;
    line->client = -1;
    line->server = -1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    line->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (line->listener < 0 ||
        bind(line->listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(line->listener, 4) != 0 ||
        getsockname(line->listener, (struct sockaddr *)&address, &size) != 0 ||
        pthread_create(&line->thread, NULL, pass_all, line) != 0) {
        errmsg_set(error, "no slow line: %s", strerror(errno));
        if (line->listener >= 0) {
            close(line->listener);
        }
        mem_free(MEM_TEST, line);
        return NULL;
    }
    line->port = ntohs(address.sin_port);
    return line;
}

uint16_t slow_line_port(const struct slow_line *line)
{
    return line->port;
}

void slow_line_limit(struct slow_line *line, uint64_t bytes_per_second)
{
    atomic_store(&line->limit, bytes_per_second);
}

uint64_t slow_line_connections(struct slow_line *line)
{
    return atomic_load(&line->connections);
}

uint64_t slow_line_bytes(struct slow_line *line)
{
    return atomic_load(&line->bytes);
}

void slow_line_close(struct slow_line *line)
{
    if (line == NULL) {
        return;
    }
    atomic_store(&line->is_over, true);
    pthread_join(line->thread, NULL);
    close(line->listener);
    mem_free(MEM_TEST, line);
}
