/* SPDX-License-Identifier: MIT */
/* A PING every 10 ms, until Ctrl-C or the end of the time asked for. */
#include "cli/latency.h"

#include "base/hist.h"
#include "base/mem.h"
#include "cli/connect.h"
#include "cli/interrupt.h"
#include "io/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum {
    SAMPLE_MS = 10,
    REDRAW_MS = 100,
    ONE_LINE_MS = 1000,     /* --latency without a terminal */
    HISTORY_MS = 15 * 1000, /* a line of --latency-history */
};

struct latency_run {
    struct connection connection;
    struct interrupt interrupt;
    struct hist *times_us;
    bool is_terminal; /* a line is drawn again and again */
    bool is_history;
    int64_t span_ms; /* of a line; 0: without end */
};

static double in_ms(double us)
{
    return us / 1000;
}

static void print_line(const struct latency_run *run, int64_t spent_ms)
{
    const struct hist *h = run->times_us;

    switch (run->connection.options->render.format) {
    case RENDER_TTY:
        printf("%smin: %.2f, max: %.2f, avg: %.2f (%" PRIu64 " samples)",
               run->is_terminal ? "\x1b[0G\x1b[2K" : "", in_ms((double)h->min),
               in_ms((double)h->max), in_ms(hist_mean(h)), h->count);
        if (run->is_history) {
            printf(" -- %.2f seconds range", (double)spent_ms / 1000);
        }
        if (!run->is_terminal) {
            puts("");
        }
        break;
    case RENDER_CSV:
        printf("%.2f,%.2f,%.2f,%" PRIu64 "\n", in_ms((double)h->min), in_ms((double)h->max),
               in_ms(hist_mean(h)), h->count);
        break;
    case RENDER_JSON:
    case RENDER_QUOTED_JSON:
        printf("{\"min\":%.2f,\"max\":%.2f,\"avg\":%.2f,\"count\":%" PRIu64 "}\n",
               in_ms((double)h->min), in_ms((double)h->max), in_ms(hist_mean(h)), h->count);
        break;
    case RENDER_RAW:
        printf("%.2f %.2f %.2f %" PRIu64 "\n", in_ms((double)h->min), in_ms((double)h->max),
               in_ms(hist_mean(h)), h->count);
        break;
    }
    fflush(stdout);
}

static enum connection_status sample(struct latency_run *run, struct errmsg *error)
{
    const struct bytes ping = BYTES_LITERAL("PING");
    struct mono_time start = clock_mono_now();
    struct resp_value reply;
    enum connection_status status = connection_call(&run->connection, &ping, 1, &reply, error);

    if (status == CONNECTION_OK) {
        hist_add(run->times_us, clock_mono_now().us - start.us);
        resp_value_deinit(&reply);
    }
    return status;
}

/* Fill one line; CONNECTION_INTERRUPTED when the user has had enough. */
static enum connection_status run_line(struct latency_run *run, struct errmsg *error)
{
    struct mono_time start = clock_mono_now();
    struct mono_time drawn_at = {0};
    enum connection_status status;

    *run->times_us = (struct hist){0};
    for (;;) {
        struct mono_time now;

        status = sample(run, error);
        now = clock_mono_now();
        if (status != CONNECTION_OK) {
            break;
        }
        if (run->is_terminal && mono_ms_between(drawn_at, now) >= REDRAW_MS) {
            print_line(run, mono_ms_between(start, now));
            drawn_at = now;
        }
        if (run->span_ms > 0 && mono_ms_between(start, now) >= run->span_ms) {
            break;
        }
        if (!interrupt_sleep(&run->interrupt, SAMPLE_MS)) {
            status = CONNECTION_INTERRUPTED;
            break;
        }
    }
    if (run->times_us->count > 0) {
        print_line(run, mono_ms_between(start, clock_mono_now()));
    }
    if (run->is_terminal) {
        puts("");
    }
    return status;
}

static int64_t span_of(const struct options *options, bool is_terminal)
{
    if (options->has_interval) {
        return options->interval_ms;
    }
    if (options->mode == OPTIONS_LATENCY_HISTORY) {
        return HISTORY_MS;
    }
    return is_terminal ? 0 : ONE_LINE_MS;
}

int latency_run(const struct options *options)
{
    bool is_terminal = isatty(STDOUT_FILENO) != 0 && options->render.format == RENDER_TTY;
    struct latency_run run = {
        .is_terminal = is_terminal,
        .is_history = options->mode == OPTIONS_LATENCY_HISTORY,
        .span_ms = span_of(options, is_terminal),
        .times_us = mem_alloc_zeroed(MEM_CLI, sizeof(struct hist)),
    };
    int64_t lines = run.is_history ? options->repeat : 1;
    struct errmsg error = {0};
    enum connection_status status = CONNECTION_LOST;

    interrupt_open(&run.interrupt);
    connection_init(&run.connection, options, &run.interrupt);
    if (connection_open(&run.connection, &error)) {
        status = CONNECTION_OK;
    }
    for (int64_t i = 0; status == CONNECTION_OK && ferror(stdout) == 0 && (lines < 0 || i < lines);
         i++) {
        status = run_line(&run, &error);
    }
    connection_close(&run.connection);
    interrupt_close(&run.interrupt);
    mem_free(MEM_CLI, run.times_us);
    if (status == CONNECTION_LOST) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    return 0;
}
