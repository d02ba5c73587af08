/* SPDX-License-Identifier: MIT */
/* What follows --bench on the command line. */
#ifndef STARLING_CLI_BENCH_OPTIONS_H
#define STARLING_CLI_BENCH_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/errmsg.h"
#include "cli/options.h"

enum {
    BENCH_OPTIONS_TABLES = 5 /* groups of flags */
};

struct bench_options {
    int64_t clients;
    int64_t requests;   /* 0: no bound but the time */
    int64_t seconds_ms; /* 0: no bound but the number */
    int64_t data_size;  /* bytes */
    int64_t pipeline;
    int64_t keyspace; /* random numbers are below; 0: always the same */
    int64_t hot;      /* percent of the requests that are of one key */
    int64_t threads;
    int64_t keepalive; /* 0: a connection for each batch of requests */
    int64_t precision; /* decimals of milliseconds */
    int64_t seed;
    const char *tests; /* comma separated, or NULL: all */
    bool is_quiet;
    bool is_endless; /* the tests again and again */
    bool is_idle;    /* only connections */
    bool is_cluster;
    bool shows_errors;
    bool is_help;
    char *const *words; /* a command of the user's own */
    size_t word_count;
};

/* Take options->words; flags of the connection go into options itself.  False, and a message,
 * when they make no sense. */
MUST_USE bool bench_options_parse(struct bench_options *bench, struct options *options,
                                  struct errmsg *error);
/* The groups of its flags, those of the connection among them. */
void bench_options_tables(struct flag_table out[BENCH_OPTIONS_TABLES]);
/* Append what --bench --help prints. */
void bench_options_write_help(struct buf *out);

#endif
