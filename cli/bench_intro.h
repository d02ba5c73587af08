/* SPDX-License-Identifier: MIT */
/* What a connection of the benchmark says before its first request. */
#ifndef STARLING_CLI_BENCH_INTRO_H
#define STARLING_CLI_BENCH_INTRO_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "cli/options.h"

/* Owns its bytes; all-zero is empty. */
struct bench_intro {
    struct buf bytes; /* AUTH, HELLO, SELECT; CLIENT SETINFO in a cluster */
    size_t count;     /* of replies */
    size_t optional;  /* of them, the last: a server need not know those requests */
};

/* A cluster is told who asks: it tells tools of owners alone, and clients of all who serve a slot. */
void bench_intro_build(struct bench_intro *intro, const struct options *options, bool is_cluster);
void bench_intro_deinit(struct bench_intro *intro);

#endif
