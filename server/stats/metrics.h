/* SPDX-License-Identifier: MIT */
/* What the server tells about itself: metrics.def as a struct that somebody fills in, and its texts.
 *
 * A metric is declared in one line of metrics.def and filled in at one place; whoever shows metrics
 * (INFO, docs/metrics.md) walks the table.
 * A value; all-zero shows zeros.  Texts and lines are borrowed until it is shown. */
#ifndef STARLING_STATS_METRICS_H
#define STARLING_STATS_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"

enum metric_section {
#define SECTION(id, ...) METRICS_##id,
#define METRIC(...)
#include "stats/metrics.def"
#undef SECTION
#undef METRIC
    METRICS_SECTION_COUNT
};

enum metric_kind {
    METRIC_COUNTER,
    METRIC_GAUGE,
    METRIC_RATIO,
    METRIC_SECONDS,
    METRIC_HUMAN,
    METRIC_TEXT,
    METRIC_LINES,
    METRIC_TALLY,
};

/* Conditions under which some metrics are shown: bits of metrics.holds. */
enum metric_when {
    METRIC_WHEN_ALWAYS = 0,
    METRIC_WHEN_LOADING = 1 << 0,       /* the file at the start is being loaded */
    METRIC_WHEN_REPLICA = 1 << 1,       /* we follow a primary */
    METRIC_WHEN_SYNCING = 1 << 2,       /* and load a full resync */
    METRIC_WHEN_LINK_DOWN = 1 << 3,     /* or have no link */
    METRIC_WHEN_MIN_REPLICAS = 1 << 4,  /* min-replicas-to-write is set */
    METRIC_WHEN_LINK_ERROR = 1 << 5,    /* our primary sent what cannot be executed here */
    METRIC_WHEN_SYNC_REPLICAS = 1 << 6, /* sync-replicas is set, or agreed */
};

#define METRIC_FIELD_COUNTER(name) uint64_t name;
#define METRIC_FIELD_GAUGE(name)   int64_t name;
#define METRIC_FIELD_RATIO(name)   double name;
#define METRIC_FIELD_SECONDS(name) int64_t name; /* microseconds */
#define METRIC_FIELD_HUMAN(name)   int64_t name;
#define METRIC_FIELD_TEXT(name)    const char *name;
#define METRIC_FIELD_LINES(name)   struct bytes name; /* each ends with \r\n */
#define METRIC_FIELD_TALLY(name)   struct bytes name;
struct metrics {
    uint32_t holds;
#define SECTION(...)
#define METRIC(section, kind, name, ...) METRIC_FIELD_##kind(name)
#include "stats/metrics.def"
#undef SECTION
#undef METRIC
};

/* One row of the table. */
struct metric {
    enum metric_section section;
    enum metric_kind kind;
    enum metric_when when;
    size_t field; /* offset in struct metrics */
    const char *name;
    const char *unit;
    const char *sentence;
};

struct metric_section_info {
    const char *name;  /* as INFO takes it */
    const char *title; /* as INFO shows it */
    bool is_default;
};

/* The table in its order; NULL behind the end. */
const struct metric *metric_at(size_t index);
struct metric_section_info metric_section_info(enum metric_section section);
/* Append one section as INFO shows it, title and all. */
void metrics_write_section(const struct metrics *metrics, enum metric_section section,
                           struct buf *out);

#endif
