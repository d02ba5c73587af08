/* SPDX-License-Identifier: MIT */
/* What a growing table costs those who read meanwhile.
 *
 *     growth [--keys N] [--depth N] [--connections N] [--rounds N] [--peers LIST]
 *            [--program [NAME=]PATH]...
 *
 * Into a fresh server N keys are inserted in small pipelines while a probe sends one GET a
 * millisecond; then the same SETs are sent again, which overwrite and let nothing grow.  The second
 * is the reference for the first: the same load, the same probe, the same server.  Printed are
 * medians of the rounds, the slowest request of all rounds, and how long other processes kept the
 * server from its processor: figures of a disturbed server say little. */
#include "base/mem.h"
#include "tests/bench/load.h"
#include "tests/bench/peers.h"
#include "tests/bench/probe.h"
#include "tests/bench/report.h"

#include <stdio.h>

enum {
    ROUNDS_MAX = 15,
};

enum phase {
    INSERTING,
    OVERWRITING,
    PHASE_COUNT,
};

enum figure {
    P50,
    P99,
    P999,
    SLOWEST,
    THOUSANDS, /* of SETs a second */
    WAITED,    /* part of the time that others had the server's processor, in percent */
    FIGURE_COUNT,
};

struct growth {
    uint64_t keys;
    uint64_t depth;
    uint64_t connections;
    uint64_t rounds;
    const char *names;
    struct option_texts programs;
    struct peers peers;
    struct peer_cpus cpus;
    double samples[PEERS_MAX][PHASE_COUNT][FIGURE_COUNT][ROUNDS_MAX];
    struct hist latency_us;
};

/* All keys once, in order, with the probe beside. */
static bool run_phase(struct growth *g, struct load *load, const struct server *server,
                      double out[FIGURE_COUNT], struct errmsg *error)
{
    struct load_shape shape = {.command = LOAD_SET, .value = load_value(LOAD_VALUE_MAX)};
    struct load_request request;
    struct load_result result;
    struct load_task task = {.request = &request,
                             .pipeline = g->depth,
                             .request_count = g->keys,
                             .key_count = g->keys,
                             .is_in_order = true};
    struct probe *probe = probe_start(server->port, false, error);
    uint64_t waited_ns = server_wait_ns(server);
    bool is_ok;

    if (probe == NULL) {
        return false;
    }
    load_request_init(&request, &shape);
    is_ok = load_run(load, &task, &result, error);
    load_request_deinit(&request);
    if (!probe_stop(probe, &g->latency_us, error) || !is_ok) {
        return false;
    }
    out[P50] = (double)hist_quantile(&g->latency_us, 0.5) / 1000.0;
    out[P99] = (double)hist_quantile(&g->latency_us, 0.99) / 1000.0;
    out[P999] = (double)hist_quantile(&g->latency_us, 0.999) / 1000.0;
    out[SLOWEST] = (double)g->latency_us.max / 1000.0;
    out[THOUSANDS] = (double)result.request_count * 1000.0 / (double)result.wall_us;
    out[WAITED] = (double)(server_wait_ns(server) - waited_ns) / 10.0 / (double)result.wall_us;
    return true;
}

static bool run_peer(struct growth *g, size_t at, size_t round, struct errmsg *error)
{
    struct peer_options options = {.cpu_mask = g->cpus.server};
    struct server server;
    struct load *load = NULL;
    bool is_ok = peer_start(&g->peers.items[at], &options, &server, error);

    if (is_ok) {
        load = load_open(server.port, g->connections, error);
        is_ok = load != NULL;
    }
    for (int phase = 0; is_ok && phase < PHASE_COUNT; phase++) {
        double figures[FIGURE_COUNT];

        is_ok = run_phase(g, load, &server, figures, error);
        for (int figure = 0; is_ok && figure < FIGURE_COUNT; figure++) {
            g->samples[at][phase][figure][round] = figures[figure];
        }
    }
    load_close(load);
    server_cleanup(&server);
    if (!is_ok) {
        errmsg_wrap(error, "%s", g->peers.items[at].name);
    }
    return is_ok;
}

static void add_row(struct growth *g, struct report *report, size_t at, enum phase phase)
{
    char name[REPORT_NAME_MAX];
    double *slowest = g->samples[at][phase][SLOWEST];
    double most = 0;
    size_t row;

    snprintf(name, sizeof(name), "%s, %s", g->peers.items[at].name,
             phase == INSERTING ? "inserting" : "overwriting");
    row = report_add_row(report, name);
    for (size_t round = 0; round < g->rounds; round++) {
        most = slowest[round] > most ? slowest[round] : most;
    }
    for (int figure = 0; figure < FIGURE_COUNT; figure++) {
        report->cells[row][figure] = report_median(g->samples[at][phase][figure], g->rounds);
    }
    report->cells[row][FIGURE_COUNT] = most;
}

static void print(struct growth *g)
{
    static const char *const columns[FIGURE_COUNT + 1] = {
        "p50", "p99", "p99.9", "slowest", "1000 SET/s", "disturbed %", "slowest of all rounds"};
    struct report report = {.title = "a GET while keys are inserted or overwritten, milliseconds"};

    for (size_t i = 0; i < ARRAY_COUNT(columns); i++) {
        report_add_column(&report, columns[i]);
    }
    for (size_t at = 0; at < g->peers.count; at++) {
        add_row(g, &report, at, INSERTING);
        add_row(g, &report, at, OVERWRITING);
    }
    report_print(&report);
}

static bool parse_options(struct growth *g, int argc, char **argv)
{
    const struct option_spec specs[] = {
        {.flag = "--keys",           .argument = "N",     .number = &g->keys,                                  .most = 50000000},
        {.flag = "--depth",                          .argument = "N",                             .number = &g->depth,                                        .most = 1024},
        {.flag = "--connections",              .argument = "N",                                 .number = &g->connections,                       .most = 1000},
        {.flag = "--rounds", .argument = "N",.number = &g->rounds,     .most = ROUNDS_MAX},
        {.flag = "--peers",           .argument = "LIST",                                   .text = &g->names                                                               },
        {.flag = "--program",          .argument = "[NAME=]PATH", .texts = &g->programs},
    };

    return options_parse("growth", specs, ARRAY_COUNT(specs), argc, argv);
}

int main(int argc, char **argv)
{
    struct growth *g = mem_alloc_zeroed(MEM_TEST, sizeof(*g));
    struct errmsg error = {0};
    bool is_ok = true;

    g->keys = 10000000;
    g->depth = 16;
    g->connections = 4;
    g->rounds = 2;
    if (!parse_options(g, argc, argv)) {
        return 2;
    }
    peers_find(&g->peers, &(struct peer_choice){
                              .is_resp_only = true, .programs = &g->programs, .names = g->names});
    g->cpus = peers_pin();
    report_machine();
    printf("%llu keys, pipelines of %llu on %llu connections, %llu rounds\n",
           (unsigned long long)g->keys, (unsigned long long)g->depth,
           (unsigned long long)g->connections, (unsigned long long)g->rounds);
    peers_print(&g->peers);
    fflush(stdout);
    for (size_t round = 0; is_ok && round < g->rounds; round++) {
        for (size_t at = 0; is_ok && at < g->peers.count; at++) {
            is_ok = run_peer(g, at, round, &error);
        }
    }
    if (is_ok) {
        print(g);
    } else {
        fprintf(stderr, "growth: %s\n", error.text);
    }
    mem_free(MEM_TEST, g);
    return is_ok ? 0 : 1;
}
