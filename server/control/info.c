/* SPDX-License-Identifier: MIT */
#include "control/info.h"

#include "control/metrics_collect.h"
#include "node/inside.h"
#include "stats/prometheus.h"

static bool is_wanted(const struct metric_section_info *section, const struct bytes *words,
                      size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes_equal_nocase(words[i], section->name) || bytes_equal_nocase(words[i], "all") ||
            bytes_equal_nocase(words[i], "everything") ||
            (bytes_equal_nocase(words[i], "default") && section->is_default)) {
            return true;
        }
    }
    return count == 0 && section->is_default;
}

void info_write(struct node *node, const struct bytes *words, size_t count, struct buf *out)
{
    struct buf lines = {0};

    for (int i = 0; i < METRICS_SECTION_COUNT; i++) {
        enum metric_section section = (enum metric_section)i;
        struct metric_section_info info = metric_section_info(section);
        struct metrics metrics;

        if (is_wanted(&info, words, count)) {
            buf_append_text(out, out->len > 0 ? "\r\n" : "");
            lines.len = 0;
            metrics_collect(node, section, &metrics, &lines);
            metrics_write_section(&metrics, section, out);
        }
    }
    buf_deinit(&lines);
}

void info_describe(struct node *node, struct buf *out)
{
    info_write(node, NULL, 0, out);
}

void info_write_metrics(struct node *node, struct buf *out)
{
    struct buf lines = {0};

    for (int i = 0; i < METRICS_SECTION_COUNT; i++) {
        struct metrics metrics;

        lines.len = 0;
        metrics_collect(node, (enum metric_section)i, &metrics, &lines);
        prometheus_write_section(&metrics, (enum metric_section)i, out);
    }
    buf_deinit(&lines);
}
