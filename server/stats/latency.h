/* SPDX-License-Identifier: MIT */
/* What has held up the loop for long, by kinds of work: the newest moments of each, as LATENCY shows them.
 *
 * An event is remembered when it took the threshold or longer.  Of events of one kind in one second the
 * longest is kept.
 *
 * Invariants:  (1) a series has LATENCY_SAMPLES samples at most, whose seconds rise
 *              (2) max_ms is that of all events since the series began, and at least that of each sample
 * Owns its series.  Knows no clock.  All-zero is empty, and remembers nothing.  Loop thread only. */
#ifndef STARLING_STATS_LATENCY_H
#define STARLING_STATS_LATENCY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

enum latency_event {
    LATENCY_COMMAND,      /* one that may take long */
    LATENCY_FAST_COMMAND, /* one with the flag fast */
    LATENCY_EXPIRE_CYCLE, /* expired keys and fields were removed */
    LATENCY_FILE_SYNC, /* the disk took so long to sync a file: it holds up nobody but who waits for that */
    LATENCY_IMAGE_SLICE,    /* of a save, or of a full resync */
    LATENCY_KEY_SPACE_WORK, /* tables grew, what was removed was freed, memory was compacted */
    LATENCY_LOG_TRIM,       /* the old end of the log was freed */
    LATENCY_LOG_SYNC,       /* the disk took so long to sync the log */
    LATENCY_EVENT_LOOP,     /* a pass of the loop, by the clock */
    LATENCY_EVENT_LOOP_CPU, /* the same, by the processor time of its thread */
    LATENCY_EVENT_COUNT
};

enum {
    LATENCY_SAMPLES = 160,
};

struct latency_sample {
    int64_t unix_s;
    int64_t ms;
};

struct latency_series {
    struct latency_sample samples[LATENCY_SAMPLES]; /* a ring */
    size_t first;                                   /* the oldest's place */
    size_t count;
    int64_t max_ms;
};

struct latency {
    int64_t threshold_ms;                               /* 0: nothing is remembered */
    struct latency_series *series[LATENCY_EVENT_COUNT]; /* NULL: there was none */
};

void latency_deinit(struct latency *latency);

/* unix_s does not go back, or the sample counts as one of the newest second. */
void latency_add(struct latency *latency, enum latency_event event, int64_t unix_s, int64_t ms);
/* Forget the events of a kind; false when there were none. */
bool latency_reset(struct latency *latency, enum latency_event event);

/* "fast-command" and so on. */
const char *latency_event_name(enum latency_event event);
/* The kind of this name, case matters; LATENCY_EVENT_COUNT when there is none. */
enum latency_event latency_event_find(struct bytes name);
/* Number i < count from the oldest on. */
const struct latency_sample *latency_sample_at(const struct latency_series *series, size_t i);

/* What a series looks like; it has a sample. */
struct latency_summary {
    int64_t mean_ms;
    int64_t deviation_ms; /* from it, in the mean */
    int64_t low_ms;
    int64_t high_ms;
    double period_s; /* between two samples, up to now */
};
struct latency_summary latency_summarise(const struct latency_series *series, int64_t now_unix_s);

#endif
