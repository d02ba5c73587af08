/* SPDX-License-Identifier: MIT */
/* Latencies are microseconds inside and milliseconds in every report. */
#include "cli/bench_report.h"

#include <inttypes.h>

struct figures {
    double rps;
    double avg, min, p50, p95, p99, p999, max; /* ms */
    int precision;
};

static double quantile_ms(const struct hist *hist, double part)
{
    return (double)hist_quantile(hist, part) / 1000;
}

static struct figures figures_of(const struct bench_options *bench,
                                 const struct bench_result *result)
{
    const struct hist *hist = &result->latencies_us;
    double seconds = (double)result->elapsed_us / 1e6;

    return (struct figures){
        .rps = seconds > 0 ? (double)result->replies / seconds : 0,
        .avg = hist_mean(hist) / 1000,
        .min = (double)hist->min / 1000,
        .p50 = quantile_ms(hist, 0.5),
        .p95 = quantile_ms(hist, 0.95),
        .p99 = quantile_ms(hist, 0.99),
        .p999 = quantile_ms(hist, 0.999),
        .max = (double)hist->max / 1000,
        .precision = (int)bench->precision,
    };
}

/* A line about what went wrong, when something did. */
static void write_trouble(struct buf *out, const char *indent, const struct bench_result *result)
{
    if (result->errors + result->redirections + result->lost == 0) {
        return;
    }
    buf_printf(out,
               "%s%" PRIu64 " error replies, %" PRIu64 " redirections, %" PRIu64
               " requests without reply",
               indent, result->errors, result->redirections, result->lost);
    if (result->first_error[0] != '\0') {
        buf_printf(out, "; first error: %s", result->first_error);
    }
    buf_append_byte(out, '\n');
}

static void write_percentiles(struct buf *out, const struct bench_result *result, int precision)
{
    static const double parts[] = {0,         0.5,       0.75,     0.875, 0.9375, 0.96875, 0.984375,
                                   0.9921875, 0.9960938, 0.998047, 0.999, 0.9999, 1};

    buf_append_text(out, "\nLatency by percentile distribution:\n");
    for (size_t i = 0; i < ARRAY_COUNT(parts); i++) {
        const struct hist *hist = &result->latencies_us;
        double ms = parts[i] > 0 ? quantile_ms(hist, parts[i]) : (double)hist->min / 1000;

        buf_printf(out, "%.3f%% <= %.*f milliseconds\n", parts[i] * 100, precision, ms);
    }
}

static void write_full(struct buf *out, const char *title, const struct bench_options *bench,
                       const struct bench_result *result)
{
    struct figures f = figures_of(bench, result);
    int digits = f.precision;

    buf_printf(out,
               "====== %s ======\n"
               "  %" PRIu64 " requests completed in %.2f seconds\n"
               "  %" PRId64 " parallel clients\n"
               "  %" PRId64 " bytes payload\n"
               "  keep alive: %" PRId64 "\n",
               title, result->replies, (double)result->elapsed_us / 1e6, bench->clients,
               bench->data_size, bench->keepalive);
    if (bench->pipeline > 1) {
        buf_printf(out, "  pipeline: %" PRId64 "\n", bench->pipeline);
    }
    if (bench->threads > 1) {
        buf_printf(out, "  threads: %" PRId64 "\n", bench->threads);
    }
    if (bench->hot > 0) {
        buf_printf(out, "  of one key: %" PRId64 "%%\n", bench->hot);
    }
    write_trouble(out, "  ", result);
    write_percentiles(out, result, digits);
    buf_printf(out,
               "\nSummary:\n"
               "  throughput summary: %.2f requests per second\n"
               "  latency summary (msec):\n"
               "          avg       min       p50       p95       p99     p99.9       max\n"
               "    %9.*f %9.*f %9.*f %9.*f %9.*f %9.*f %9.*f\n\n",
               f.rps, digits, f.avg, digits, f.min, digits, f.p50, digits, f.p95, digits, f.p99,
               digits, f.p999, digits, f.max);
}

static void write_quiet(struct buf *out, const char *title, const struct bench_options *bench,
                        const struct bench_result *result)
{
    struct figures f = figures_of(bench, result);
    int digits = f.precision;

    buf_printf(out,
               "%s: %.2f requests per second, p50=%.*f msec, p95=%.*f, p99=%.*f, p99.9=%.*f, "
               "max=%.*f\n",
               title, f.rps, digits, f.p50, digits, f.p95, digits, f.p99, digits, f.p999, digits,
               f.max);
    write_trouble(out, "  ", result);
}

static void write_csv(struct buf *out, const char *title, const struct bench_options *bench,
                      const struct bench_result *result)
{
    struct figures f = figures_of(bench, result);
    const double columns[] = {f.avg, f.min, f.p50, f.p95, f.p99, f.max, f.p999};

    buf_append_byte(out, '"');
    for (const char *at = title; *at != '\0'; at++) {
        buf_append_text(out, *at == '"' ? "\"" : "");
        buf_append_byte(out, *at);
    }
    buf_printf(out, "\",\"%.2f\"", f.rps);
    for (size_t i = 0; i < ARRAY_COUNT(columns); i++) {
        buf_printf(out, ",\"%.*f\"", f.precision, columns[i]);
    }
    buf_printf(out, ",\"%" PRIu64 "\"\n", result->errors + result->redirections + result->lost);
}

void bench_report_write_head(struct buf *out, enum bench_report_style style)
{
    if (style == BENCH_REPORT_CSV) {
        buf_append_text(out, "\"test\",\"rps\",\"avg_latency_ms\",\"min_latency_ms\","
                             "\"p50_latency_ms\",\"p95_latency_ms\",\"p99_latency_ms\","
                             "\"max_latency_ms\",\"p99.9_latency_ms\",\"errors\"\n");
    }
}

void bench_report_write(struct buf *out, enum bench_report_style style, const char *title,
                        const struct bench_options *bench, const struct bench_result *result)
{
    switch (style) {
    case BENCH_REPORT_FULL:
        write_full(out, title, bench, result);
        break;
    case BENCH_REPORT_QUIET:
        write_quiet(out, title, bench, result);
        break;
    case BENCH_REPORT_CSV:
        write_csv(out, title, bench, result);
        break;
    }
}
