/* SPDX-License-Identifier: MIT */
/* The rows of metrics.def, and how each kind is shown. */
#include "stats/metrics.h"

#include "base/assert.h"
#include "base/num.h"

#include <inttypes.h>

#define SECTION(id, section_name, section_title, is_shown)                                         \
    {.name = (section_name), .title = (section_title), .is_default = (is_shown)},
#define METRIC(...)
static const struct metric_section_info sections[METRICS_SECTION_COUNT] = {
#include "stats/metrics.def"
};
#undef SECTION
#undef METRIC

#define SECTION(...)
#define METRIC(row_section, row_kind, row_name, row_when, row_unit, row_sentence)                  \
    {.section = METRICS_##row_section,                                                             \
     .kind = METRIC_##row_kind,                                                                    \
     .when = METRIC_WHEN_##row_when,                                                               \
     .field = offsetof(struct metrics, row_name),                                                  \
     .name = #row_name,                                                                            \
     .unit = (row_unit),                                                                           \
     .sentence = (row_sentence)},
static const struct metric rows[] = {
#include "stats/metrics.def"
};
#undef SECTION
#undef METRIC

const struct metric *metric_at(size_t index)
{
    return index < ARRAY_COUNT(rows) ? &rows[index] : NULL;
}

struct metric_section_info metric_section_info(enum metric_section section)
{
    ASSERT(section < METRICS_SECTION_COUNT);
    return sections[section];
}

static void write_human(const char *name, int64_t bytes, struct buf *out)
{
    char human[32];

    num_format_size(human, sizeof(human), bytes > 0 ? (uint64_t)bytes : 0);
    buf_printf(out, "%s:%s\r\n", name, human);
}

static void write_metric(const struct metrics *metrics, const struct metric *row, struct buf *out)
{
    const void *field = (const char *)metrics + row->field;

    switch (row->kind) {
    case METRIC_COUNTER:
        buf_printf(out, "%s:%" PRIu64 "\r\n", row->name, *(const uint64_t *)field);
        break;
    case METRIC_GAUGE:
        buf_printf(out, "%s:%" PRId64 "\r\n", row->name, *(const int64_t *)field);
        break;
    case METRIC_RATIO:
        buf_printf(out, "%s:%.2f%s\r\n", row->name, *(const double *)field,
                   row->unit[0] == '%' ? "%" : "");
        break;
    case METRIC_SECONDS:
        buf_printf(out, "%s:%" PRId64 ".%06" PRId64 "\r\n", row->name,
                   *(const int64_t *)field / 1000000, *(const int64_t *)field % 1000000);
        break;
    case METRIC_HUMAN:
        write_human(row->name, *(const int64_t *)field, out);
        break;
    case METRIC_TEXT: {
        const char *text = *(const char *const *)field;

        buf_printf(out, "%s:%s\r\n", row->name, text != NULL ? text : "");
        break;
    }
    case METRIC_LINES:
    case METRIC_TALLY:
        buf_append_bytes(out, *(const struct bytes *)field);
        break;
    }
}

void metrics_write_section(const struct metrics *metrics, enum metric_section section,
                           struct buf *out)
{
    ASSERT(section < METRICS_SECTION_COUNT);
    buf_printf(out, "# %s\r\n", sections[section].title);
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        const struct metric *row = &rows[i];

        if (row->section == section &&
            (row->when == METRIC_WHEN_ALWAYS || (metrics->holds & row->when) != 0)) {
            write_metric(metrics, row, out);
        }
    }
}
