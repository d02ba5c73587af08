/* SPDX-License-Identifier: MIT */
/* One measurement of one server: what a load costs it, and how much it grows by one. */
#ifndef STARLING_TESTS_BENCH_MEASURE_H
#define STARLING_TESTS_BENCH_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "tests/bench/load.h"
#include "tests/bench/peers.h"
#include "tests/bench/report.h"

enum metric {
    CPU_US,    /* of the server, per operation */
    THOUSANDS, /* of requests per second */
    BUSY,      /* part of the time that the server was on its processor, in percent */
    WAITED,    /* part of the time that others had the server's processor, in percent */
    METRIC_COUNT,
};

/* Run the task over fresh connections, a tenth of it first to warm up. */
MUST_USE bool measure_cost(const struct server *server, size_t connection_count,
                           const struct load_task *task, double out[METRIC_COUNT],
                           struct errmsg *error);
/* Resident bytes once they stay the same: a server may tidy up for a while after a load. */
uint64_t measure_settled_bytes(const struct server *server);

/* ---- each of ours divided by each redis -------------------------------------------------------------- */

void measure_name_ratios(struct report *report, const struct peers *peers);
/* From the figures of the row in the first columns, one for each peer; the ratios from `column` on. */
void measure_add_ratios(struct report *report, const struct peers *peers, size_t row,
                        size_t column);

#endif
