/* SPDX-License-Identifier: MIT */
#include "tests/bench/measure.h"

#include <stdio.h>

enum {
    WARM_UP_PART = 10, /* of the measured requests */
    STEADY_MS = 500,
    STEADY_TRIES = 20,
};

/* In a closed loop with one request for each connection, each sends one. */
static bool greet(struct load *load, size_t connection_count, const struct load_task *task,
                  struct errmsg *error)
{
    struct load_task greeting = {.request = task->greeting,
                                 .pipeline = 1,
                                 .request_count = connection_count,
                                 .key_count = 1};
    struct load_result result;

    return task->greeting == NULL || load_run(load, &greeting, &result, error);
}

bool measure_cost(const struct server *server, size_t connection_count,
                  const struct load_task *task, double out[METRIC_COUNT], struct errmsg *error)
{
    struct load *load = load_open(server->port, connection_count, error);
    struct load_task warm_up = *task;
    struct load_result result;
    uint64_t cpu_ns;
    uint64_t wait_ns;
    bool is_ok;

    warm_up.request_count = task->request_count / WARM_UP_PART;
    is_ok = load != NULL && greet(load, connection_count, task, error) &&
            load_run(load, &warm_up, &result, error);
    cpu_ns = server_cpu_ns(server);
    wait_ns = server_wait_ns(server);
    is_ok = is_ok && load_run(load, task, &result, error);
    if (is_ok) {
        double cpu_us = (double)(server_cpu_ns(server) - cpu_ns) / 1000.0;
        double wait_us = (double)(server_wait_ns(server) - wait_ns) / 1000.0;

        out[CPU_US] = cpu_us / (double)result.request_count;
        out[THOUSANDS] = (double)result.request_count * 1000.0 / (double)result.wall_us;
        out[BUSY] = 100.0 * cpu_us / (double)result.wall_us;
        out[WAITED] = 100.0 * wait_us / (double)result.wall_us;
    }
    load_close(load);
    return is_ok;
}

uint64_t measure_settled_bytes(const struct server *server)
{
    uint64_t before = 0;
    uint64_t now = server_resident_bytes(server);

    for (int i = 0; i < STEADY_TRIES && now != before; i++) {
        before = now;
        support_pause_ms(STEADY_MS);
        now = server_resident_bytes(server);
    }
    return now;
}

void measure_name_ratios(struct report *report, const struct peers *peers)
{
    for (size_t a = 0; a < peers->count; a++) {
        for (size_t b = 0; b < peers->count; b++) {
            char name[2 * PEER_NAME_MAX];

            if (peers->items[a].kind == PEER_OURS && peers->items[b].kind == PEER_REDIS) {
                snprintf(name, sizeof(name), "%s/%s", peers->items[a].name, peers->items[b].name);
                report_add_column(report, name);
            }
        }
    }
}

void measure_add_ratios(struct report *report, const struct peers *peers, size_t row, size_t column)
{
    for (size_t a = 0; a < peers->count; a++) {
        for (size_t b = 0; b < peers->count; b++) {
            if (peers->items[a].kind == PEER_OURS && peers->items[b].kind == PEER_REDIS) {
                report->cells[row][column++] = report->cells[row][a] / report->cells[row][b];
            }
        }
    }
}
