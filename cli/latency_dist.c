/* SPDX-License-Identifier: MIT */
/* Each line is a spectrum: a cell for each range of times, its background the brighter the more
 * samples of this line lie there. */
#include "cli/latency_dist.h"

#include "base/attr.h"
#include "cli/connect.h"
#include "cli/interrupt.h"
#include "io/clock.h"

#include <stdio.h>
#include <string.h>

enum {
    SAMPLE_MS = 1,
    LINE_MS = 1000,
    LEGEND_EVERY = 20, /* lines */
};

struct range {
    int64_t max_us; /* -1: all that is left */
    char sign;
};

static const struct range ranges[] = {
    {10,       '.'},
    {125,      '-'},
    {250,      '*'},
    {500,      '#'},
    {1000,     '1'},
    {2000,     '2'},
    {3000,     '3'},
    {4000,     '4'},
    {5000,     '5'},
    {6000,     '6'},
    {7000,     '7'},
    {8000,     '8'},
    {9000,     '9'},
    {10000,    'A'},
    {20000,    'B'},
    {30000,    'C'},
    {40000,    'D'},
    {50000,    'E'},
    {100000,   'F'},
    {200000,   'G'},
    {300000,   'H'},
    {400000,   'I'},
    {500000,   'J'},
    {1000000,  'K'},
    {2000000,  'L'},
    {4000000,  'M'},
    {8000000,  'N'},
    {16000000, 'O'},
    {30000000, 'P'},
    {60000000, 'Q'},
    {-1,       '?'},
};

/* Of the palette of 256 colours, from black by grey and yellow to red. */
static const int colours[] = {0,   233, 234, 235, 237, 239, 241, 243, 245, 247,
                              144, 143, 142, 184, 226, 214, 208, 202, 196};

struct dist {
    uint64_t counts[ARRAY_COUNT(ranges)];
    uint64_t total;
};

static void add(struct dist *dist, int64_t us)
{
    size_t i = 0;

    while (ranges[i].max_us >= 0 && us > ranges[i].max_us) {
        i++;
    }
    dist->counts[i]++;
    dist->total++;
}

static void print_legend(void)
{
    puts("---------------------------------------------\n"
         ". - * #          .01 .125 .25 .5 milliseconds\n"
         "1,2,3,...,9      from 1 to 9     milliseconds\n"
         "A,B,C,D,E        10,20,30,40,50  milliseconds\n"
         "F,G,H,I,J        .1,.2,.3,.4,.5       seconds\n"
         "K,L,M,N,O,P,Q,?  1,2,4,8,16,30,60,>60 seconds");
    fputs("From 0 to 100%: ", stdout);
    for (size_t i = 0; i < ARRAY_COUNT(colours); i++) {
        printf("\x1b[48;5;%dm ", colours[i]);
    }
    puts("\x1b[0m\n---------------------------------------------");
}

static void print_spectrum(const struct dist *dist)
{
    const size_t brightest = ARRAY_COUNT(colours) - 1;

    fputs("\x1b[38;5;0m", stdout);
    for (size_t i = 0; i < ARRAY_COUNT(ranges); i++) {
        double part = dist->total > 0 ? (double)dist->counts[i] / (double)dist->total : 0;
        size_t colour = (size_t)(part * (double)brightest + 0.999);

        printf("\x1b[48;5;%dm%c", colours[colour], ranges[i].sign);
    }
    puts("\x1b[0m");
    fflush(stdout);
}

/* The samples of one line; CONNECTION_INTERRUPTED when the user has had enough. */
static enum connection_status collect(struct connection *connection, int64_t span_ms,
                                      struct dist *dist, struct errmsg *error)
{
    const struct bytes ping = BYTES_LITERAL("PING");
    struct mono_time end = mono_add_ms(clock_mono_now(), span_ms);

    *dist = (struct dist){0};
    do {
        struct mono_time start = clock_mono_now();
        struct resp_value reply;
        enum connection_status status = connection_call(connection, &ping, 1, &reply, error);

        if (status != CONNECTION_OK) {
            return status;
        }
        add(dist, clock_mono_now().us - start.us);
        resp_value_deinit(&reply);
        if (!interrupt_sleep(connection->interrupt, SAMPLE_MS)) {
            return CONNECTION_INTERRUPTED;
        }
    } while (!mono_is_due(end, clock_mono_now()));
    return CONNECTION_OK;
}

int latency_dist_run(const struct options *options)
{
    struct interrupt interrupt;
    struct connection connection;
    struct errmsg error = {0};
    int64_t span_ms = options->has_interval ? options->interval_ms : LINE_MS;
    enum connection_status status = CONNECTION_LOST;

    interrupt_open(&interrupt);
    connection_init(&connection, options, &interrupt);
    if (connection_open(&connection, &error)) {
        status = CONNECTION_OK;
    }
    for (int64_t i = 0; status == CONNECTION_OK && ferror(stdout) == 0 &&
                        (options->repeat < 0 || i < options->repeat);
         i++) {
        struct dist dist;

        if (i % LEGEND_EVERY == 0) {
            print_legend();
        }
        status = collect(&connection, span_ms, &dist, &error);
        if (status != CONNECTION_LOST) {
            print_spectrum(&dist);
        }
    }
    connection_close(&connection);
    interrupt_close(&interrupt);
    if (status == CONNECTION_LOST) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    return 0;
}
