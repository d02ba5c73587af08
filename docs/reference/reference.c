/* SPDX-License-Identifier: MIT */
/* Pages that are made from the tables of the source: what stands in a table is written once.
 *
 *     reference metrics      docs/metrics.md
 *
 * `make docs` writes the pages, `make lint` says when one is not what the tables say. */
#include "stats/metrics.h"

#include <stdio.h>
#include <string.h>

static const char *kind_name(enum metric_kind kind)
{
    static const char *const names[] = {
        [METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge", [METRIC_RATIO] = "gauge",
        [METRIC_SECONDS] = "counter", [METRIC_HUMAN] = "text",  [METRIC_TEXT] = "text",
        [METRIC_LINES] = "lines",
    };

    return names[kind];
}

static const char *when_text(enum metric_when when)
{
    switch (when) {
    case METRIC_WHEN_LOADING:
        return " (while loading)";
    case METRIC_WHEN_REPLICA:
        return " (replica)";
    case METRIC_WHEN_SYNCING:
        return " (during a full resync)";
    case METRIC_WHEN_LINK_DOWN:
        return " (replica without a link)";
    case METRIC_WHEN_MIN_REPLICAS:
        return " (with `min-replicas-to-write`)";
    case METRIC_WHEN_LINK_ERROR:
        return " (replica that stopped following)";
    case METRIC_WHEN_ALWAYS:
        break;
    }
    return "";
}

static void print_metrics_section(enum metric_section section)
{
    struct metric_section_info info = metric_section_info(section);
    bool has_rows = false;

    printf("\n## %s\n\n`INFO %s`%s\n", info.title, info.name,
           info.is_default ? "" : ", shown when asked for or with `INFO all`");
    for (size_t i = 0; metric_at(i) != NULL; i++) {
        const struct metric *row = metric_at(i);

        if (row->section != section) {
            continue;
        }
        if (!has_rows) {
            printf("\n| name | kind | unit | what it is |\n|---|---|---|---|\n");
            has_rows = true;
        }
        printf("| `%s%s` | %s | %s | %s%s |\n", row->name, row->kind == METRIC_LINES ? "…" : "",
               kind_name(row->kind), row->unit, row->sentence, when_text(row->when));
    }
    if (!has_rows) {
        printf("\nEmpty: the section is there for tools that look for it.\n");
    }
}

static void print_metrics(void)
{
    printf("# Metrics\n\n"
           "What `INFO` tells, section by section. Names are those of Redis where it has them. A "
           "counter\n"
           "only grows until the server ends or `CONFIG RESETSTAT`; a gauge goes up and down; "
           "lines are as\n"
           "many as there are things to tell of, each beginning with the name.\n\n"
           "This page is made from `server/stats/metrics.def`.\n");
    for (int section = 0; section < METRICS_SECTION_COUNT; section++) {
        print_metrics_section((enum metric_section)section);
    }
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "metrics") == 0) {
        print_metrics();
        return 0;
    }
    fprintf(stderr, "usage: reference metrics\n");
    return 2;
}
