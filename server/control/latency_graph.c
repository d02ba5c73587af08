/* SPDX-License-Identifier: MIT */
/* A column has four rows of three steps each, so twelve heights: the lowest sample is at the bottom of the first
 * row, the highest at the top of the last.
 *
 *     row 3        #      "_", "o" or "#" where the height ends,
 *     row 2    _   |      "|" below
 *     row 1    |   |
 *     row 0  _ | o |  */
#include "control/latency_graph.h"

#include "base/assert.h"

#include <stdio.h>
#include <string.h>

enum {
    COLUMNS = 80,
    ROWS = 4,
    STEPS = 3, /* in a row */
    LABEL_SIZE = 24,
};

struct graph {
    const struct latency_series *series;
    int64_t low_ms;
    int64_t range_ms; /* at least 1 */
    int64_t now_unix_s;
};

static int64_t height_of(const struct graph *graph, size_t i)
{
    const struct latency_sample *sample = latency_sample_at(graph->series, i);
    double part = (double)(sample->ms - graph->low_ms) / (double)graph->range_ms;
    int64_t height = (int64_t)(part * ROWS * STEPS);

    return height < ROWS * STEPS ? height : ROWS * STEPS - 1;
}

static char mark_at(int64_t height, int row)
{
    int64_t step = height - (int64_t)row * STEPS;

    if (step < 0) {
        return ' ';
    }
    return step < STEPS ? "_o#"[step] : '|';
}

static void write_label(const struct graph *graph, size_t i, char *label)
{
    static const struct {
        int64_t seconds;
        char unit;
    } units[] = {
        {24 * 60 * 60, 'd'},
        {60 * 60,      'h'},
        {60,           'm'},
        {1,            's'},
    };
    int64_t age_s = graph->now_unix_s - latency_sample_at(graph->series, i)->unix_s;
    size_t unit = 0;

    age_s = age_s > 0 ? age_s : 0;
    while (units[unit].seconds > 1 && age_s < units[unit].seconds) {
        unit++;
    }
    snprintf(label, LABEL_SIZE, "%lld%c", (long long)(age_s / units[unit].seconds),
             units[unit].unit);
}

static void draw_labels(const struct graph *graph, size_t first, size_t count, struct buf *out)
{
    char labels[COLUMNS][LABEL_SIZE];
    size_t longest = 0;

    for (size_t i = 0; i < count; i++) {
        write_label(graph, first + i, labels[i]);
        longest = strlen(labels[i]) > longest ? strlen(labels[i]) : longest;
    }
    for (size_t at = 0; at < longest; at++) {
        for (size_t i = 0; i < count; i++) {
            buf_append_byte(out, at < strlen(labels[i]) ? labels[i][at] : ' ');
        }
        buf_append_byte(out, '\n');
    }
}

static void draw_block(const struct graph *graph, size_t first, size_t count, struct buf *out)
{
    ASSERT(count > 0 && count <= COLUMNS);
    for (int row = ROWS - 1; row >= 0; row--) {
        for (size_t i = 0; i < count; i++) {
            buf_append_byte(out, mark_at(height_of(graph, first + i), row));
        }
        buf_append_byte(out, '\n');
    }
    for (size_t i = 0; i < count; i++) {
        buf_append_byte(out, ' ');
    }
    buf_append_byte(out, '\n');
    draw_labels(graph, first, count, out);
}

void latency_graph_draw(const struct latency_series *series, enum latency_event event,
                        int64_t now_unix_s, struct buf *out)
{
    struct latency_summary summary = latency_summarise(series, now_unix_s);
    struct graph graph = {.series = series,
                          .low_ms = summary.low_ms,
                          .range_ms = summary.high_ms - summary.low_ms,
                          .now_unix_s = now_unix_s};

    graph.range_ms = graph.range_ms > 0 ? graph.range_ms : 1;
    buf_printf(out, "%s - high %lld ms, low %lld ms (all time high %lld ms)\n",
               latency_event_name(event), (long long)summary.high_ms, (long long)summary.low_ms,
               (long long)series->max_ms);
    for (int i = 0; i < COLUMNS; i++) {
        buf_append_byte(out, '-');
    }
    buf_append_byte(out, '\n');
    for (size_t first = 0; first < series->count; first += COLUMNS) {
        size_t left = series->count - first;

        if (first > 0) {
            buf_append_byte(out, '\n');
        }
        draw_block(&graph, first, left < COLUMNS ? left : COLUMNS, out);
    }
}
