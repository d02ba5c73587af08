/* SPDX-License-Identifier: MIT */
/* Servers side by side: CPU per operation, requests per second, bytes per key.
 *
 *     compare [--rounds N] [--scale PERCENT] [--clients N] [--keys N] [--only TEXT]
 *             [--peers LIST] [--program [NAME=]PATH]... [--memory-keys N]
 *             [--no-memory | --memory-only]
 *
 * All servers run at once, each pinned to the same processor, and take turns: in every round each
 * operation is measured with each server before the next operation comes.  Printed are the medians
 * of the rounds.  "floor" reads and writes the same bytes and does nothing else: what is above it
 * is what a server does.  CPU of the server is the figure that other processes disturb least; how
 * much they did is printed, too.
 * --program may be given several times, to compare builds; --only takes a part of an operation's
 * name; --scale changes how many requests one measurement has. */
#include "base/mem.h"
#include "tests/bench/footprint.h"
#include "tests/bench/measure.h"
#include "tests/bench/options.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    ROUNDS_MAX = 31,
    VALUE_BYTES = LOAD_VALUE_MAX,
    KEYS_MAX = 50000000,
};

struct operation {
    const char *name;
    enum load_command command;
    size_t key_count;
    size_t pipeline;
    uint64_t request_count; /* about a second */
};

static const struct operation operations[] = {
    {"SET, pipeline 1",         LOAD_SET,  1,  1,  150000 },
    {"SET, pipeline 16",        LOAD_SET,  1,  16, 1000000},
    {"SET, pipeline 64",        LOAD_SET,  1,  64, 1000000},
    {"GET, pipeline 1",         LOAD_GET,  1,  1,  150000 },
    {"GET, pipeline 16",        LOAD_GET,  1,  16, 1000000},
    {"GET, pipeline 64",        LOAD_GET,  1,  64, 1000000},
    {"MGET of 10, pipeline 16", LOAD_GET,  10, 16, 250000 },
    {"MSET of 10, pipeline 16", LOAD_SET,  10, 16, 200000 },
    {"INCR, pipeline 16",       LOAD_INCR, 1,  16, 1000000},
};

struct options {
    uint64_t rounds;
    uint64_t scale_percent;
    uint64_t clients;
    uint64_t keys;
    uint64_t memory_keys;
    const char *only;
    const char *peers;
    struct option_texts programs;
    bool is_without_memory;
    bool is_memory_only;
};

struct compare {
    struct options options;
    struct peers peers;
    struct peer_cpus cpus;
    struct server servers[PEERS_MAX];
    double samples[ARRAY_COUNT(operations)][PEERS_MAX][METRIC_COUNT][ROUNDS_MAX];
};

/* ---- requests ---------------------------------------------------------------------------------*/

/* Counters begin where no server keeps ready-made objects and keep their length. */
static struct load_shape shape_of(enum load_command command, bool is_counter)
{
    struct load_shape shape = {.command = command};

    shape.value = is_counter ? BYTES_LITERAL("100000") : load_value(VALUE_BYTES);
    shape.prefix = is_counter ? "cnt:" : "key:";
    return shape;
}

static bool fill(const struct compare *c, size_t peer, bool is_counter, struct errmsg *error)
{
    struct load_shape shape = shape_of(LOAD_SET, is_counter);

    shape.protocol = peer_protocol(&c->peers.items[peer]);
    return load_fill(c->servers[peer].port, &shape, c->options.keys, error);
}

static bool start_all(struct compare *c, struct errmsg *error)
{
    struct peer_options options = {.cpu_mask = c->cpus.server};

    for (size_t i = 0; i < c->peers.count; i++) {
        const struct peer *peer = &c->peers.items[i];

        if (peer->kind == PEER_FLOOR) {
            continue; /* one for each operation, then */
        }
        if (!peer_start(peer, &options, &c->servers[i], error) || !fill(c, i, false, error) ||
            !fill(c, i, true, error)) {
            errmsg_wrap(error, "%s", peer->name);
            return false;
        }
    }
    return true;
}

static void stop_all(struct compare *c)
{
    for (size_t i = 0; i < c->peers.count; i++) {
        server_cleanup(&c->servers[i]);
    }
}

/* ---- measuring --------------------------------------------------------------------------------*/

static bool is_possible(const struct peer *peer, const struct operation *operation)
{
    return peer->kind != PEER_MEMCACHED || operation->key_count == 1 ||
           operation->command == LOAD_GET;
}

static bool measure(struct compare *c, const struct operation *operation, size_t at,
                    double out[METRIC_COUNT], struct errmsg *error)
{
    const struct peer *peer = &c->peers.items[at];
    struct load_shape shape = shape_of(operation->command, operation->command == LOAD_INCR);
    struct load_request request;
    struct load_task task = {.request = &request,
                             .pipeline = operation->pipeline,
                             .request_count =
                                 operation->request_count * c->options.scale_percent / 100,
                             .key_count = c->options.keys};
    bool is_ok = true;

    shape.protocol = peer_protocol(peer);
    shape.key_count = operation->key_count;
    load_request_init(&request, &shape);
    if (peer->kind == PEER_FLOOR) {
        struct peer_options options = {.cpu_mask = c->cpus.server, .answer = &request};

        is_ok = peer_start(peer, &options, &c->servers[at], error);
    }
    is_ok = is_ok && measure_cost(&c->servers[at], c->options.clients, &task, out, error);
    if (peer->kind == PEER_FLOOR) {
        server_cleanup(&c->servers[at]);
    }
    load_request_deinit(&request);
    return is_ok;
}

static bool is_chosen(const struct compare *c, const struct operation *operation)
{
    return c->options.only == NULL || strstr(operation->name, c->options.only) != NULL;
}

static bool run_round(struct compare *c, uint64_t round, struct errmsg *error)
{
    for (size_t i = 0; i < ARRAY_COUNT(operations); i++) {
        const struct operation *operation = &operations[i];

        for (size_t at = 0; at < c->peers.count && is_chosen(c, operation); at++) {
            double figures[METRIC_COUNT] = {NAN, NAN, NAN, NAN};

            if (is_possible(&c->peers.items[at], operation) &&
                !measure(c, operation, at, figures, error)) {
                errmsg_wrap(error, "%s, %s", c->peers.items[at].name, operation->name);
                return false;
            }
            for (int metric = 0; metric < METRIC_COUNT; metric++) {
                c->samples[i][at][metric][round] = figures[metric];
            }
        }
    }
    return true;
}

/* ---- reporting --------------------------------------------------------------------------------*/

static void print_metric(struct compare *c, enum metric metric, const char *title)
{
    struct report report = {.title = title};

    for (size_t at = 0; at < c->peers.count; at++) {
        report_add_column(&report, c->peers.items[at].name);
    }
    for (size_t i = 0; i < ARRAY_COUNT(operations); i++) {
        if (is_chosen(c, &operations[i])) {
            size_t row = report_add_row(&report, operations[i].name);

            for (size_t at = 0; at < c->peers.count; at++) {
                report.cells[row][at] = report_median(c->samples[i][at][metric], c->options.rounds);
            }
        }
    }
    report_print(&report);
}

/* Ours against the floor and against each redis. */
static bool is_pair(const struct compare *c, size_t ours, size_t other)
{
    enum peer_kind kind = c->peers.items[other].kind;

    return c->peers.items[ours].kind == PEER_OURS && (kind == PEER_FLOOR || kind == PEER_REDIS);
}

static void print_ratios(struct compare *c)
{
    struct report report = {.title = "server CPU per operation, ratios"};
    size_t pairs[REPORT_COLUMNS_MAX][2];

    for (size_t a = 0; a < c->peers.count; a++) {
        for (size_t b = 0; b < c->peers.count; b++) {
            char name[2 * PEER_NAME_MAX];

            if (is_pair(c, a, b) && report.column_count < REPORT_COLUMNS_MAX) {
                snprintf(name, sizeof(name), "%s/%s", c->peers.items[a].name,
                         c->peers.items[b].name);
                pairs[report.column_count][0] = a;
                pairs[report.column_count][1] = b;
                report_add_column(&report, name);
            }
        }
    }
    for (size_t i = 0; i < ARRAY_COUNT(operations) && report.column_count > 0; i++) {
        if (is_chosen(c, &operations[i])) {
            size_t row = report_add_row(&report, operations[i].name);

            for (size_t p = 0; p < report.column_count; p++) {
                double *ours = c->samples[i][pairs[p][0]][CPU_US];
                double *other = c->samples[i][pairs[p][1]][CPU_US];

                report.cells[row][p] = report_median(ours, c->options.rounds) /
                                       report_median(other, c->options.rounds);
            }
        }
    }
    if (report.column_count > 0) {
        report_print(&report);
    }
}

static void print_header(const struct compare *c)
{
    const struct options *o = &c->options;

    report_machine();
    printf("%llu rounds, %llu connections, %llu keys of 16 bytes, values of %d bytes\n",
           (unsigned long long)o->rounds, (unsigned long long)o->clients,
           (unsigned long long)o->keys, (int)VALUE_BYTES);
    peers_print(&c->peers);
    fflush(stdout);
}

static bool compare_speed(struct compare *c, struct errmsg *error)
{
    bool is_ok = start_all(c, error);

    for (uint64_t round = 0; is_ok && round < c->options.rounds; round++) {
        is_ok = run_round(c, round, error);
    }
    stop_all(c);
    if (is_ok) {
        print_metric(c, CPU_US, "server CPU, microseconds per operation");
        print_metric(c, THOUSANDS, "thousands of requests per second");
        print_metric(c, BUSY, "server on its processor, percent of the time");
        print_metric(c, WAITED, "server disturbed: others had its processor, percent of the time");
        print_ratios(c);
    }
    return is_ok;
}

/* ---- options ----------------------------------------------------------------------------------*/

static bool parse_options(struct options *o, int argc, char **argv)
{
    const struct option_spec specs[] = {
        {.flag = "--rounds",     .argument = "N",                .number = &o->rounds, .most = ROUNDS_MAX},
        {.flag = "--scale",    .argument = "PERCENT",                                  .number = &o->scale_percent, .most = 100000},
        {.flag = "--clients",.argument = "N",.number = &o->clients, .most = 10000},
        {.flag = "--keys",                      .argument = "N",                                  .number = &o->keys, .most = KEYS_MAX},
        {.flag = "--only", .argument = "TEXT",                                                   .text = &o->only},
        {.flag = "--peers",       .argument = "LIST", .text = &o->peers},
        {.flag = "--program",      .argument = "[NAME=]PATH",                                    .texts = &o->programs},
        {.flag = "--memory-keys",    .argument = "N",.number = &o->memory_keys, .most = KEYS_MAX},
        {.flag = "--no-memory",      .is_set = &o->is_without_memory           },
        {.flag = "--memory-only",                      .is_set = &o->is_memory_only                                 },
    };

    return options_parse("compare", specs, ARRAY_COUNT(specs), argc, argv);
}

int main(int argc, char **argv)
{
    struct compare *c = mem_alloc_zeroed(MEM_TEST, sizeof(*c));
    struct errmsg error = {0};
    bool is_ok;

    c->options = (struct options){
        .rounds = 3, .scale_percent = 100, .clients = 50, .keys = 1000000, .memory_keys = 5000000};
    if (!parse_options(&c->options, argc, argv)) {
        return 2;
    }
    peers_find(&c->peers, &(struct peer_choice){.has_floor = true,
                                                .programs = &c->options.programs,
                                                .names = c->options.peers});
    c->cpus = peers_pin();
    print_header(c);
    is_ok = (c->options.is_memory_only || compare_speed(c, &error)) &&
            (c->options.is_without_memory ||
             footprint_run(&c->peers, c->cpus.server, c->options.memory_keys, &error));
    if (!is_ok) {
        fprintf(stderr, "compare: %s\n", error.text);
    }
    mem_free(MEM_TEST, c);
    return is_ok ? 0 : 1;
}
