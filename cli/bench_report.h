/* SPDX-License-Identifier: MIT */
/* What a benchmark test measured, as text. */
#ifndef STARLING_CLI_BENCH_REPORT_H
#define STARLING_CLI_BENCH_REPORT_H

#include "base/buf.h"
#include "cli/bench_engine.h"
#include "cli/bench_options.h"

enum bench_report_style {
    BENCH_REPORT_FULL,
    BENCH_REPORT_QUIET, /* one line */
    BENCH_REPORT_CSV,
};

/* The first line of CSV; nothing in other styles. */
void bench_report_write_head(struct buf *out, enum bench_report_style style);
void bench_report_write(struct buf *out, enum bench_report_style style, const char *title,
                        const struct bench_options *bench, const struct bench_result *result);

#endif
