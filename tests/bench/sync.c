/* SPDX-License-Identifier: MIT */
/* What sync-replicas 1 costs those who write, beside the same primary and replica without it.
 *
 *     sync [--keys N] [--requests N] [--singles N] [--rounds N]
 *
 * One primary with one replica, in cluster mode.  In each round the mode is off and on in turn: SETs of fifty clients in
 * pipelines of 16, then of one client that waits for each reply.  Printed are medians of the rounds: thousands of requests
 * a second, and how long one reply took. */
#include "base/mem.h"
#include "tests/bench/load.h"
#include "tests/bench/options.h"
#include "tests/bench/report.h"
#include "tests/support/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NODE_TIMEOUT_MS "5000" /* a busy machine is no failure */

enum {
    ROUNDS_MAX = 15,
    CONNECTIONS = 50,
    PIPELINE = 16,
    WARM_UP_PART = 10,
    WAIT_MS = 60000,
};

enum figure {
    THOUSANDS,
    SINGLE_P50_US,
    SINGLE_P99_US,
    FIGURE_COUNT,
};

struct bench {
    uint64_t keys;
    uint64_t requests;
    uint64_t singles;
    uint64_t rounds;
    struct server primary;
    struct server replica;
    double samples[2][FIGURE_COUNT][ROUNDS_MAX]; /* off, on */
    struct errmsg error;
};

/* Wait until the server answers with the words. */
static bool wait_for(struct bench *b, const struct server *server, const char *line,
                     const char *words)
{
    struct client *client = server_connect(server, &b->error);
    bool is_there = client != NULL && server_await(client, line, words, WAIT_MS, &b->error);

    client_close(client);
    return is_there;
}

static bool start_one(struct bench *b, struct server *server)
{
    char program[SERVER_PATH_MAX];

    snprintf(program, sizeof(program), "%s/starling-server", server_bin_dir());
    if (!server_prepare(server, program, &b->error)) {
        return false;
    }
    server_add_arg(server, "--cluster-enabled");
    server_add_arg(server, "yes");
    server_add_arg(server, "--cluster-node-timeout");
    server_add_arg(server, NODE_TIMEOUT_MS);
    server_add_arg(server, "--appendonly");
    server_add_arg(server, "no");
    server_add_arg(server, "--save");
    server_add_arg(server, "");
    return server_start(server, &b->error);
}

static bool start(struct bench *b)
{
    char line[128];
    char id[64] = "";
    struct resp_value value;
    struct client *client;

    if (!start_one(b, &b->primary) || !start_one(b, &b->replica) ||
        !wait_for(b, &b->primary, "CLUSTER ADDSLOTSRANGE 0 16383\r\n", "OK")) {
        return false;
    }
    snprintf(line, sizeof(line), "CLUSTER MEET 127.0.0.1 %u\r\n", (unsigned)b->replica.port);
    if (!wait_for(b, &b->primary, line, "OK") ||
        !wait_for(b, &b->replica, "CLUSTER INFO\r\n", "cluster_slots_assigned:16384")) {
        return false;
    }
    client = server_connect(&b->primary, &b->error);
    if (client == NULL) {
        return false;
    }
    client_send_texts(client, 2, "CLUSTER", "MYID");
    if (client_read(client, &value, &b->error) == CLIENT_OK) {
        bytes_to_text(resp_value_bytes(&value), id, sizeof(id));
        resp_value_deinit(&value);
    }
    client_close(client);
    snprintf(line, sizeof(line), "CLUSTER REPLICATE %s\r\n", id);
    return wait_for(b, &b->replica, line, "OK") &&
           wait_for(b, &b->replica, "INFO replication\r\n", "master_link_status:up") &&
           wait_for(b, &b->primary, "CLUSTER INFO\r\n", "cluster_state:ok");
}

static bool turn(struct bench *b, bool is_on)
{
    return wait_for(b, &b->primary,
                    is_on ? "CONFIG SET sync-replicas 1\r\n" : "CONFIG SET sync-replicas 0\r\n",
                    "OK") &&
           wait_for(b, &b->primary, "CLUSTER INFO\r\n", "cluster_state:ok") &&
           (!is_on || wait_for(b, &b->primary, "CLUSTER INFO\r\n",
                               "cluster_sync_replicas:1\r\ncluster_sync_set_size:1"));
}

static bool load(struct bench *b, size_t connections, size_t pipeline, uint64_t count,
                 struct load_result *result, struct hist *latency_us)
{
    struct load_shape shape = {.command = LOAD_SET, .value = load_value(LOAD_VALUE_MAX)};
    struct load *load = load_open(b->primary.port, connections, &b->error);
    struct load_request request;
    struct load_task task = {.request = &request,
                             .pipeline = pipeline,
                             .request_count = count / WARM_UP_PART,
                             .key_count = b->keys};
    bool is_ok;

    load_request_init(&request, &shape);
    is_ok = load != NULL && load_run(load, &task, result, &b->error);
    task.request_count = count;
    task.latency_us = latency_us;
    is_ok = is_ok && load_run(load, &task, result, &b->error);
    load_request_deinit(&request);
    load_close(load);
    return is_ok;
}

static bool measure(struct bench *b, uint64_t round, bool is_on)
{
    struct hist latency_us = {0};
    struct load_result result;

    if (!turn(b, is_on) || !load(b, CONNECTIONS, PIPELINE, b->requests, &result, NULL)) {
        return false;
    }
    b->samples[is_on][THOUSANDS][round] =
        (double)result.request_count * 1000.0 / (double)result.wall_us;
    if (!load(b, 1, 1, b->singles, &result, &latency_us)) {
        return false;
    }
    b->samples[is_on][SINGLE_P50_US][round] = (double)hist_quantile(&latency_us, 0.5);
    b->samples[is_on][SINGLE_P99_US][round] = (double)hist_quantile(&latency_us, 0.99);
    return true;
}

static void print(struct bench *b)
{
    double medians[2][FIGURE_COUNT];

    for (int on = 0; on < 2; on++) {
        for (int figure = 0; figure < FIGURE_COUNT; figure++) {
            medians[on][figure] = report_median(b->samples[on][figure], b->rounds);
        }
        printf("sync-replicas %d: %7.0f thousand SETs a second in pipelines of %d; one at a time: "
               "p50 %.0f us, p99 %.0f us\n",
               on, medians[on][THOUSANDS], PIPELINE, medians[on][SINGLE_P50_US],
               medians[on][SINGLE_P99_US]);
    }
    printf("ratio %.2f; one at a time %.0f us more, which is %.2f round trips without the mode\n",
           medians[1][THOUSANDS] / medians[0][THOUSANDS],
           medians[1][SINGLE_P50_US] - medians[0][SINGLE_P50_US],
           (medians[1][SINGLE_P50_US] - medians[0][SINGLE_P50_US]) / medians[0][SINGLE_P50_US]);
}

int main(int argc, char **argv)
{
    struct bench *b = mem_alloc_zeroed(MEM_TEST, sizeof(*b));
    const struct option_spec specs[] = {
        {.flag = "--keys",     .argument = "N", .number = &b->keys,     .most = 50000000  },
        {.flag = "--requests", .argument = "N", .number = &b->requests, .most = 100000000 },
        {.flag = "--singles",  .argument = "N", .number = &b->singles,  .most = 100000000 },
        {.flag = "--rounds",   .argument = "N", .number = &b->rounds,   .most = ROUNDS_MAX},
    };
    bool is_ok;

    b->keys = 100000;
    b->requests = 1000000;
    b->singles = 20000;
    b->rounds = 5;
    if (!options_parse("sync", specs, ARRAY_COUNT(specs), argc, argv)) {
        return 2;
    }
    is_ok = start(b);
    for (uint64_t round = 0; is_ok && round < b->rounds; round++) {
        is_ok = measure(b, round, false) && measure(b, round, true);
    }
    if (is_ok) {
        print(b);
    } else {
        fprintf(stderr, "sync: %s\n", b->error.text);
    }
    server_cleanup(&b->replica);
    server_cleanup(&b->primary);
    mem_free(MEM_TEST, b);
    return is_ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
