/* SPDX-License-Identifier: MIT */
/* Resident memory is what counts: overhead of allocators and tables included. */
#include "tests/bench/footprint.h"

#include "tests/bench/measure.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    TTL_SECONDS = 100000,
};

static bool measure(const struct peer *peer, const struct peer_options *options,
                    const struct load_shape *shape, uint64_t key_count, double *out,
                    struct errmsg *error)
{
    struct server server;
    bool is_ok = peer_start(peer, options, &server, error);
    uint64_t before = server_resident_bytes(&server);

    is_ok = is_ok && load_fill(server.port, shape, key_count, error);
    if (is_ok) {
        *out = ((double)measure_settled_bytes(&server) - (double)before) / (double)key_count;
    }
    server_cleanup(&server);
    return is_ok;
}

static bool measure_row(struct report *report, const struct peers *peers, uint64_t cpu_mask,
                        const struct load_shape *like, uint64_t key_count, struct errmsg *error)
{
    struct peer_options options = {.cpu_mask = cpu_mask};
    char name[REPORT_NAME_MAX];
    size_t row;

    snprintf(name, sizeof(name), "%zu-byte value%s", like->value.len,
             like->ttl_seconds > 0 ? ", with TTL" : "");
    row = report_add_row(report, name);
    for (size_t i = 0; i < peers->count; i++) {
        struct load_shape shape = *like;

        shape.protocol = peer_protocol(&peers->items[i]);
        if (!measure(&peers->items[i], &options, &shape, key_count, &report->cells[row][i],
                     error)) {
            errmsg_wrap(error, "%s, %s", peers->items[i].name, name);
            return false;
        }
    }
    measure_add_ratios(report, peers, row, peers->count);
    return true;
}

bool footprint_run(const struct peers *peers, uint64_t cpu_mask, uint64_t key_count,
                   struct errmsg *error)
{
    static const size_t sizes[] = {8, 32, LOAD_VALUE_MAX};
    struct report report = {.title = "memory, bytes per key"};
    struct peers measured = {0};

    for (size_t i = 0; i < peers->count; i++) {
        if (peers->items[i].kind != PEER_FLOOR) {
            measured.items[measured.count++] = peers->items[i];
            report_add_column(&report, peers->items[i].name);
        }
    }
    measure_name_ratios(&report, &measured);
    for (uint32_t ttl_seconds = 0; ttl_seconds <= TTL_SECONDS; ttl_seconds += TTL_SECONDS) {
        for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
            struct load_shape shape = {
                .command = LOAD_SET, .value = load_value(sizes[i]), .ttl_seconds = ttl_seconds};

            if (!measure_row(&report, &measured, cpu_mask, &shape, key_count, error)) {
                return false;
            }
        }
    }
    report_print(&report);
    return true;
}
