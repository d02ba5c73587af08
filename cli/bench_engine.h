/* SPDX-License-Identifier: MIT */
/* Load: many connections on one epoll loop, each sending its prepared requests again as soon as
 * all replies have come.  Nothing blocks but a refresh of the cluster's slots. */
#ifndef STARLING_CLI_BENCH_ENGINE_H
#define STARLING_CLI_BENCH_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/errmsg.h"
#include "base/hist.h"
#include "base/rng.h"
#include "cli/bench_nodes.h"
#include "cli/bench_options.h"
#include "cli/bench_request.h"
#include "cli/interrupt.h"
#include "cli/options.h"

/* One test; all is borrowed. */
struct bench_job {
    const char *title;
    const struct options *options;
    const struct bench_options *bench;
    const struct bench_request *request;
    struct bench_nodes *nodes;
    struct rng *rng;
    const struct interrupt *interrupt;
    bool shows_progress; /* a line on standard output, drawn again and again */
};

struct bench_result {
    uint64_t replies;
    uint64_t errors;       /* of them, but for redirections */
    uint64_t redirections; /* MOVED, ASK, TRYAGAIN, CLUSTERDOWN: the cluster was changing */
    uint64_t lost;         /* requests without a reply, as their connection broke */
    int64_t elapsed_us;
    bool was_interrupted;
    char first_error[200];
    struct hist latencies_us;
};

/* Run until the bounds of the options are reached.  False, and a message, when the load cannot be
 * kept up; what was measured until then is in *result. */
MUST_USE bool bench_engine_run(const struct bench_job *job, struct bench_result *result,
                               struct errmsg *error);

#endif
