/* SPDX-License-Identifier: MIT */
/* Drawings of what took long. */
#include "control/latency_graph.h"

#include <criterion/criterion.h>
#include <string.h>

#define LINE "--------------------------------------------------------------------------------\n"

static const int64_t NOW_S = 1700000000;

struct point {
    int64_t age_s;
    int64_t ms;
};

static struct buf draw(const struct point *points, size_t count)
{
    struct latency latency = {.threshold_ms = 1};
    struct buf out = {0};

    for (size_t i = 0; i < count; i++) {
        latency_add(&latency, LATENCY_COMMAND, NOW_S - points[i].age_s, points[i].ms);
    }
    latency_graph_draw(latency.series[LATENCY_COMMAND], LATENCY_COMMAND, NOW_S, &out);
    latency_deinit(&latency);
    return out;
}

Test(latency_graph, columns_are_as_high_as_their_events_were_long)
{
    static const struct point points[] = {
        {7, 10 },
        {6, 40 },
        {5, 20 },
        {4, 80 },
        {3, 160},
        {2, 15 },
        {1, 300}
    };
    struct buf out = draw(points, 7);

    cr_expect_str_eq(buf_text(&out),
                     "command - high 300 ms, low 10 ms (all time high 300 ms)\n" LINE "      #\n"
                     "    _ |\n"
                     "    | |\n"
                     "_o_#|_|\n"
                     "       \n"
                     "7654321\n"
                     "sssssss\n",
                     "%s", buf_text(&out));
    buf_deinit(&out);
}

Test(latency_graph, labels_tell_how_long_ago_it_was)
{
    static const struct point points[] = {
        {1000000, 5},
        {7200,    5},
        {3599,    5},
        {60,      5},
        {59,      5},
        {0,       5}
    };
    struct buf out = draw(points, 6);

    cr_expect_str_eq(buf_text(&out),
                     "command - high 5 ms, low 5 ms (all time high 5 ms)\n" LINE "      \n"
                     "      \n"
                     "      \n"
                     "______\n"
                     "      \n"
                     "125150\n"
                     "1h9m9s\n"
                     "d m s \n",
                     "%s", buf_text(&out));
    buf_deinit(&out);
}

Test(latency_graph, more_than_eighty_columns_are_drawn_below_one_another)
{
    struct point points[LATENCY_SAMPLES];
    struct buf out;
    size_t lines = 0;
    size_t widest = 0;

    for (int i = 0; i < LATENCY_SAMPLES; i++) {
        points[i] = (struct point){LATENCY_SAMPLES - i, i + 1};
    }
    out = draw(points, LATENCY_SAMPLES);
    for (const char *line = buf_text(&out); *line != '\0'; lines++) {
        size_t len = strcspn(line, "\n");

        widest = len > widest ? len : widest;
        line += len + 1;
    }
    cr_expect_eq(widest, 80);
    cr_expect_eq(lines, 2 + (4 + 1 + 2) + 1 + (4 + 1 + 3), "%zu: %s", lines, buf_text(&out));
    buf_deinit(&out);
}
