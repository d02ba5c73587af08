/* SPDX-License-Identifier: MIT */
/* What connections cost that do nothing.
 *
 *     idle [--connections N] [--rounds N] [--peers LIST] [--program [NAME=]PATH]...
 *
 * 50 connections send GETs, one at a time each; then the same with N idle connections beside them,
 * in turn, round by round.  Printed are the medians of the rounds of p50 and p99 of a GET, of CPU
 * per GET, and resident bytes of the server for each idle connection: as it was accepted, and after
 * it has sent one command. */
#include "base/mem.h"
#include "base/vec.h"
#include "io/addr.h"
#include "io/sock.h"
#include "tests/bench/load.h"
#include "tests/bench/peers.h"
#include "tests/bench/report.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

enum {
    ROUNDS_MAX = 15,
    ACTIVE = 50,
    KEYS = 100000,
    REQUESTS = 200000,
    WARM_UP = 20000,
    PER_SOURCE = 5000, /* connections from one address: far fewer than it has ports */
    DESCRIPTORS_SPARE = 1000,
    WAIT_MS = 10000,
    SETTLE_MS = 3000, /* a server may give back buffers of those that stay silent */
};

enum figure {
    P50_ALONE,
    P50_BESIDE,
    P99_ALONE,
    P99_BESIDE,
    CPU_ALONE,
    CPU_BESIDE,
    WAITED,
    FIGURE_COUNT,
};

struct idle {
    uint64_t connections;
    uint64_t rounds;
    const char *names;
    struct option_texts programs;
    struct peers peers;
    struct peer_cpus cpus;
    struct server servers[PEERS_MAX];
    double samples[PEERS_MAX][FIGURE_COUNT][ROUNDS_MAX];
    double bytes_accepted[PEERS_MAX];
    double bytes_used[PEERS_MAX];
    struct hist latency_us;
};

/* Descriptors of connections that do nothing. */
struct crowd {
    int *items;
    size_t count;
    size_t cap;
};

/* ---- idle connections -------------------------------------------------------------------------*/

static bool raise_limit(uint64_t connections, struct errmsg *error)
{
    rlim_t wanted = connections + DESCRIPTORS_SPARE;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= wanted) {
        return true;
    }
    limit.rlim_cur = wanted;
    limit.rlim_max = limit.rlim_max > wanted ? limit.rlim_max : wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        errmsg_set(error, "the system allows too few descriptors: %s", strerror(errno));
        return false;
    }
    return true;
}

/* Addresses of loopback in turn, since each has its own ports. */
static bool join(struct crowd *crowd, uint16_t port, struct errmsg *error)
{
    char host[40];
    struct addr from;
    struct addr to;
    int fd = -1;
    enum sock_status status;

    snprintf(host, sizeof(host), "127.0.1.%zu", 1 + crowd->count / PER_SOURCE);
    if (!addr_parse(&from, host, 0) || !addr_parse(&to, "127.0.0.1", port)) {
        errmsg_set(error, "bad address %s", host);
        return false;
    }
    status = sock_connect_start(&to, &from, &fd, error);
    if (status == SOCK_AGAIN && sock_wait(fd, false, true, WAIT_MS)) {
        status = sock_connect_outcome(fd, error);
    }
    if (status != SOCK_OK) {
        errmsg_wrap(error, "idle connection %zu", crowd->count);
        return false;
    }
    VEC_PUSH(crowd, fd);
    return true;
}

/* One command on each, and its reply. */
static bool use(const struct crowd *crowd, struct errmsg *error)
{
    struct bytes request = BYTES_LITERAL("PING\r\n");

    for (size_t i = 0; i < crowd->count; i++) {
        int fd = crowd->items[i];
        char reply[64];
        size_t count = 0;

        if (sock_write(fd, request, &count, error) != SOCK_OK ||
            !sock_wait(fd, true, false, WAIT_MS) ||
            sock_read(fd, reply, sizeof(reply), &count, error) != SOCK_OK) {
            errmsg_wrap(error, "idle connection %zu", i);
            return false;
        }
        if (!bytes_equal_text(bytes_make(reply, count), "+PONG\r\n")) {
            errmsg_set(error, "idle connection %zu: '%.*s'", i, (int)count, reply);
            return false;
        }
    }
    return true;
}

/* Ports are free again at once: the connections are reset, not closed. */
static void disperse(struct crowd *crowd)
{
    struct linger linger = {.l_onoff = 1};

    for (size_t i = 0; i < crowd->count; i++) {
        setsockopt(crowd->items[i], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
        sock_close(crowd->items[i]);
    }
    VEC_DEINIT(crowd);
}

/* ---- measuring --------------------------------------------------------------------------------*/

/* Begins with requests that do not count, which also outlast what the server still has to tidy. */
static bool measure(struct idle *t, const struct server *server, double *p50, double *p99,
                    double *cpu_us, struct errmsg *error)
{
    struct load_shape shape = {.command = LOAD_GET, .value = load_value(LOAD_VALUE_MAX)};
    struct load *load = load_open(server->port, ACTIVE, error);
    struct load_request request;
    struct load_result result;
    struct load_task task = {
        .request = &request, .pipeline = 1, .request_count = WARM_UP, .key_count = KEYS};
    uint64_t cpu_ns;
    bool is_ok;

    load_request_init(&request, &shape);
    is_ok = load != NULL && load_run(load, &task, &result, error);
    memset(&t->latency_us, 0, sizeof(t->latency_us));
    task.request_count = REQUESTS;
    task.latency_us = &t->latency_us;
    cpu_ns = server_cpu_ns(server);
    is_ok = is_ok && load_run(load, &task, &result, error);
    *cpu_us = (double)(server_cpu_ns(server) - cpu_ns) / 1000.0 / REQUESTS;
    *p50 = (double)hist_quantile(&t->latency_us, 0.5);
    *p99 = (double)hist_quantile(&t->latency_us, 0.99);
    load_request_deinit(&request);
    load_close(load);
    return is_ok;
}

static double bytes_each(const struct server *server, uint64_t before, size_t count)
{
    return ((double)server_resident_bytes(server) - (double)before) / (double)count;
}

static bool gather(const struct idle *t, const struct server *server, struct crowd *crowd,
                   struct errmsg *error)
{
    while (crowd->count < t->connections) {
        if (!join(crowd, server->port, error)) {
            return false;
        }
    }
    return true;
}

/* Once for a server: later it has memory to use again. */
static bool weigh(struct idle *t, size_t at, struct errmsg *error)
{
    const struct server *server = &t->servers[at];
    struct crowd crowd = {0};
    uint64_t before = server_resident_bytes(server);
    bool is_ok = gather(t, server, &crowd, error);

    support_pause_ms(SETTLE_MS);
    t->bytes_accepted[at] = bytes_each(server, before, crowd.count);
    is_ok = is_ok && use(&crowd, error);
    support_pause_ms(SETTLE_MS);
    t->bytes_used[at] = bytes_each(server, before, crowd.count);
    disperse(&crowd);
    return is_ok;
}

static bool run_once(struct idle *t, size_t at, size_t round, struct errmsg *error)
{
    const struct server *server = &t->servers[at];
    struct crowd crowd = {0};
    double figures[FIGURE_COUNT] = {0};
    uint64_t waited_ns = server_wait_ns(server);
    int64_t start_ms = support_now_ms();
    bool is_ok =
        measure(t, server, &figures[P50_ALONE], &figures[P99_ALONE], &figures[CPU_ALONE], error) &&
        gather(t, server, &crowd, error) &&
        measure(t, server, &figures[P50_BESIDE], &figures[P99_BESIDE], &figures[CPU_BESIDE], error);

    disperse(&crowd);
    figures[WAITED] = (double)(server_wait_ns(server) - waited_ns) / 10000.0 /
                      (double)(support_now_ms() - start_ms);
    for (int figure = 0; figure < FIGURE_COUNT; figure++) {
        t->samples[at][figure][round] = figures[figure];
    }
    if (!is_ok) {
        errmsg_wrap(error, "%s", t->peers.items[at].name);
    }
    return is_ok;
}

static bool start_all(struct idle *t, struct errmsg *error)
{
    struct load_shape shape = {.command = LOAD_SET, .value = load_value(LOAD_VALUE_MAX)};
    char limit[24];
    const char *const args[] = {"--maxclients", limit, "--protected-mode", "no"};
    struct peer_options options = {
        .cpu_mask = t->cpus.server, .args = args, .arg_count = ARRAY_COUNT(args)};

    snprintf(limit, sizeof(limit), "%llu", (unsigned long long)t->connections + 100);
    for (size_t at = 0; at < t->peers.count; at++) {
        if (!peer_start(&t->peers.items[at], &options, &t->servers[at], error) ||
            !load_fill(t->servers[at].port, &shape, KEYS, error) || !weigh(t, at, error)) {
            errmsg_wrap(error, "%s", t->peers.items[at].name);
            return false;
        }
    }
    return true;
}

static void print(struct idle *t)
{
    static const char *const columns[FIGURE_COUNT] = {"p50 alone",  "p50 beside", "p99 alone",
                                                      "p99 beside", "CPU alone",  "CPU beside",
                                                      "disturbed %"};
    char title[128];
    struct report latency = {.title = title};
    struct report memory = {.title = "resident bytes for each idle connection"};

    snprintf(title, sizeof(title), "a GET alone and beside %llu idle connections, microseconds",
             (unsigned long long)t->connections);
    for (size_t figure = 0; figure < FIGURE_COUNT; figure++) {
        report_add_column(&latency, columns[figure]);
    }
    report_add_column(&memory, "accepted");
    report_add_column(&memory, "after a command");
    for (size_t at = 0; at < t->peers.count; at++) {
        size_t row = report_add_row(&latency, t->peers.items[at].name);

        for (size_t figure = 0; figure < FIGURE_COUNT; figure++) {
            latency.cells[row][figure] = report_median(t->samples[at][figure], t->rounds);
        }
        report_add_row(&memory, t->peers.items[at].name);
        memory.cells[row][0] = t->bytes_accepted[at];
        memory.cells[row][1] = t->bytes_used[at];
    }
    report_print(&latency);
    report_print(&memory);
}

static bool run(struct idle *t, struct errmsg *error)
{
    bool is_ok = raise_limit(t->connections, error) && start_all(t, error);

    for (size_t round = 0; is_ok && round < t->rounds; round++) {
        for (size_t at = 0; is_ok && at < t->peers.count; at++) {
            is_ok = run_once(t, at, round, error);
        }
    }
    for (size_t at = 0; at < t->peers.count; at++) {
        server_cleanup(&t->servers[at]);
    }
    return is_ok;
}

static bool parse_options(struct idle *t, int argc, char **argv)
{
    const struct option_spec specs[] = {
        {.flag = "--connections", .argument = "N", .number = &t->connections, .most = 100000},
        {.flag = "--rounds",                       .argument = "N",                     .number = &t->rounds,         .most = ROUNDS_MAX},
        {.flag = "--peers",     .argument = "LIST",                    .text = &t->names                    },
        {.flag = "--program",      .argument = "[NAME=]PATH",  .texts = &t->programs},
    };

    return options_parse("idle", specs, ARRAY_COUNT(specs), argc, argv);
}

int main(int argc, char **argv)
{
    struct idle *t = mem_alloc_zeroed(MEM_TEST, sizeof(*t));
    struct errmsg error = {0};
    bool is_ok;

    t->connections = 10000;
    t->rounds = 3;
    if (!parse_options(t, argc, argv)) {
        return 2;
    }
    peers_find(&t->peers, &(struct peer_choice){
                              .is_resp_only = true, .programs = &t->programs, .names = t->names});
    t->cpus = peers_pin();
    report_machine();
    peers_print(&t->peers);
    fflush(stdout);
    is_ok = run(t, &error);
    if (is_ok) {
        print(t);
    } else {
        fprintf(stderr, "idle: %s\n", error.text);
    }
    mem_free(MEM_TEST, t);
    return is_ok ? 0 : 1;
}
