/* SPDX-License-Identifier: MIT */
#include "stats/latency.h"

#include "base/assert.h"
#include "base/attr.h"
#include "base/mem.h"

static const char *const names[LATENCY_EVENT_COUNT] = {
    [LATENCY_COMMAND] = "command",           [LATENCY_FAST_COMMAND] = "fast-command",
    [LATENCY_EXPIRE_CYCLE] = "expire-cycle", [LATENCY_FILE_SYNC] = "file-sync",
    [LATENCY_IMAGE_SLICE] = "image-slice",   [LATENCY_KEY_SPACE_WORK] = "key-space-work",
    [LATENCY_LOG_TRIM] = "log-trim",         [LATENCY_LOG_SYNC] = "log-sync",
    [LATENCY_EVENT_LOOP] = "event-loop",     [LATENCY_EVENT_LOOP_CPU] = "event-loop-cpu",
};

void latency_deinit(struct latency *latency)
{
    for (int event = 0; event < LATENCY_EVENT_COUNT; event++) {
        (void)latency_reset(latency, (enum latency_event)event);
    }
    *latency = (struct latency){0};
}

static size_t place(const struct latency_series *series, size_t i)
{
    return (series->first + i) % LATENCY_SAMPLES;
}

/* The sample of this second, which is the newest. */
static struct latency_sample *sample_of(struct latency_series *series, int64_t unix_s)
{
    struct latency_sample *newest;

    if (series->count > 0) {
        newest = &series->samples[place(series, series->count - 1)];
        if (newest->unix_s >= unix_s) {
            return newest;
        }
    }
    if (series->count == LATENCY_SAMPLES) {
        series->first = place(series, 1);
    } else {
        series->count++;
    }
    newest = &series->samples[place(series, series->count - 1)];
    *newest = (struct latency_sample){.unix_s = unix_s};
    return newest;
}

void latency_add(struct latency *latency, enum latency_event event, int64_t unix_s, int64_t ms)
{
    struct latency_series *series = latency->series[event];
    struct latency_sample *sample;

    ASSERT(event < LATENCY_EVENT_COUNT);
    ASSERT(ms >= 0);
    if (latency->threshold_ms == 0 || ms < latency->threshold_ms) {
        return;
    }
    if (series == NULL) {
        series = mem_alloc_zeroed(MEM_NODE, sizeof(*series));
        latency->series[event] = series;
    }
    sample = sample_of(series, unix_s);
    sample->ms = ms > sample->ms ? ms : sample->ms;
    series->max_ms = ms > series->max_ms ? ms : series->max_ms;
}

bool latency_reset(struct latency *latency, enum latency_event event)
{
    bool had_any = latency->series[event] != NULL;

    ASSERT(event < LATENCY_EVENT_COUNT);
    mem_free(MEM_NODE, latency->series[event]);
    latency->series[event] = NULL;
    return had_any;
}

const char *latency_event_name(enum latency_event event)
{
    ASSERT(event < LATENCY_EVENT_COUNT);
    return names[event];
}

enum latency_event latency_event_find(struct bytes name)
{
    int event = 0;

    while (event < LATENCY_EVENT_COUNT && !bytes_equal_text(name, names[event])) {
        event++;
    }
    return (enum latency_event)event;
}

const struct latency_sample *latency_sample_at(const struct latency_series *series, size_t i)
{
    ASSERT(i < series->count);
    return &series->samples[place(series, i)];
}

struct latency_summary latency_summarise(const struct latency_series *series, int64_t now_unix_s)
{
    int64_t count = (int64_t)series->count;
    int64_t age_s = now_unix_s - latency_sample_at(series, 0)->unix_s;
    struct latency_summary summary = {.low_ms = INT64_MAX};

    ASSERT(count > 0);
    for (size_t i = 0; i < series->count; i++) {
        int64_t ms = latency_sample_at(series, i)->ms;

        summary.mean_ms += ms;
        summary.low_ms = ms < summary.low_ms ? ms : summary.low_ms;
        summary.high_ms = ms > summary.high_ms ? ms : summary.high_ms;
    }
    summary.mean_ms /= count;
    for (size_t i = 0; i < series->count; i++) {
        int64_t off_ms = latency_sample_at(series, i)->ms - summary.mean_ms;

        summary.deviation_ms += off_ms < 0 ? -off_ms : off_ms;
    }
    summary.deviation_ms /= count;
    summary.period_s = age_s > 0 ? (double)age_s / (double)count : 0.0;
    return summary;
}
