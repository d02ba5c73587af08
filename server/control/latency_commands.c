/* SPDX-License-Identifier: MIT */
/* LATENCY: what node/slow.h has remembered of work that took long, and how long commands take. */
#include "control/answer.h"
#include "control/control.h"
#include "control/latency_graph.h"
#include "node/inside.h"

void control_latency(struct node *node, struct request *request)
{
    (void)node;
    reply_unknown_sub(request);
}

static int64_t now_unix_s(const struct node *node)
{
    return node->now.unix_ms / 1000;
}

/* ---- events ----------------------------------------------------------------------------------- */

void control_latency_latest(struct node *node, struct request *request)
{
    const struct latency *latency = &node->latency;
    struct resp_writer *w = request->reply;
    size_t count = 0;

    for (int event = 0; event < LATENCY_EVENT_COUNT; event++) {
        count += latency->series[event] != NULL;
    }
    resp_write_array(w, count);
    for (int event = 0; event < LATENCY_EVENT_COUNT; event++) {
        const struct latency_series *series = latency->series[event];

        if (series != NULL) {
            const struct latency_sample *newest = latency_sample_at(series, series->count - 1);

            resp_write_array(w, 4);
            resp_write_bulk_text(w, latency_event_name((enum latency_event)event));
            resp_write_integer(w, newest->unix_s);
            resp_write_integer(w, newest->ms);
            resp_write_integer(w, series->max_ms);
        }
    }
}

/* NULL when there is no such kind, or none of it was remembered. */
static const struct latency_series *find_series(const struct node *node, struct bytes name)
{
    enum latency_event event = latency_event_find(name);

    return event != LATENCY_EVENT_COUNT ? node->latency.series[event] : NULL;
}

void control_latency_history(struct node *node, struct request *request)
{
    const struct latency_series *series = find_series(node, request->args[2]);
    struct resp_writer *w = request->reply;
    size_t count = series != NULL ? series->count : 0;

    resp_write_array(w, count);
    for (size_t i = 0; i < count; i++) {
        const struct latency_sample *sample = latency_sample_at(series, i);

        resp_write_array(w, 2);
        resp_write_integer(w, sample->unix_s);
        resp_write_integer(w, sample->ms);
    }
}

void control_latency_graph(struct node *node, struct request *request)
{
    const struct latency_series *series = find_series(node, request->args[2]);
    struct buf text = {0};

    if (series == NULL) {
        reply_error(request, "ERR No samples available for event '%.*s'",
                    request->args[2].len < 128 ? (int)request->args[2].len : 128,
                    request->args[2].data);
        return;
    }
    latency_graph_draw(series, latency_event_find(request->args[2]), now_unix_s(node), &text);
    resp_write_verbatim(request->reply, "txt", buf_bytes(&text));
    buf_deinit(&text);
}

void control_latency_reset(struct node *node, struct request *request)
{
    int64_t count = 0;

    for (int event = 0; request->arg_count == 2 && event < LATENCY_EVENT_COUNT; event++) {
        count += latency_reset(&node->latency, (enum latency_event)event);
    }
    for (size_t i = 2; i < request->arg_count; i++) {
        enum latency_event event = latency_event_find(request->args[i]);

        count += event != LATENCY_EVENT_COUNT && latency_reset(&node->latency, event);
    }
    resp_write_integer(request->reply, count);
}

/* ---- in words --------------------------------------------------------------------------------- */

/* What to look at when events of the kind are many or long. */
static const char *advice_for(enum latency_event event)
{
    switch (event) {
    case LATENCY_COMMAND:
    case LATENCY_FAST_COMMAND:
        return "SLOWLOG GET has the commands themselves. Those that look at many elements take as "
               "long as there are elements: ask for less at a time (SCAN, ranges, COUNT).";
    case LATENCY_EXPIRE_CYCLE:
    case LATENCY_KEY_SPACE_WORK:
    case LATENCY_LOG_TRIM:
    case LATENCY_IMAGE_SLICE:
        return "Work of this kind is done in slices of a fraction of a millisecond. When one takes "
               "longer, the system has usually stopped the process: look for swap, stolen "
               "processor time, and others on the same processor.";
    case LATENCY_FILE_SYNC:
        return "The disk is slow to take a file. Nobody waits for it but replies that say a file "
               "is on disk.";
    case LATENCY_LOG_SYNC:
        return "The disk is slow to take the log. With appendfsync always every write waits for "
               "it; with everysec nobody does but WAITAOF, and a crash loses more.";
    case LATENCY_EVENT_LOOP:
        return "Passes of the loop, by the clock. Where event-loop-cpu has nothing of the same "
               "second, others had the processor, or memory came from swap: look for busy "
               "neighbours, stolen processor time.";
    case LATENCY_EVENT_LOOP_CPU:
        return "Passes of the loop, by the processor time of its thread: its own work. The other "
               "events of the same second say which; if none does, very many requests came at "
               "once.";
    case LATENCY_EVENT_COUNT:
        break;
    }
    return "";
}

/* Of the longest pass one can say whose it was. */
static void describe_longest_pass(const struct node *node, struct buf *out)
{
    const struct passes *passes = &node->counters.passes;

    if (passes->longest_us > 0 && passes->longest_cpu_us != PASSES_CPU_UNKNOWN) {
        buf_printf(out,
                   "The longest pass since CONFIG RESETSTAT took %.1f ms; the processor was at it "
                   "for %.1f ms.\n",
                   (double)passes->longest_us / 1000, (double)passes->longest_cpu_us / 1000);
    }
}

static void describe_event(const struct node *node, enum latency_event event, struct buf *out)
{
    const struct latency_series *series = node->latency.series[event];
    struct latency_summary summary = latency_summarise(series, now_unix_s(node));

    buf_printf(out,
               "%s: in %zu of the seconds remembered, %lld ms in the mean (off by %lld ms), one "
               "in %.2f s; the worst since the last reset took %lld ms.\n  %s\n",
               latency_event_name(event), series->count, (long long)summary.mean_ms,
               (long long)summary.deviation_ms, summary.period_s, (long long)series->max_ms,
               advice_for(event));
}

void control_latency_doctor(struct node *node, struct request *request)
{
    int64_t threshold_ms = node->latency.threshold_ms;
    int64_t slow_us = node->config.slowlog_log_slower_than_us;
    struct buf text = {0};

    for (int event = 0; event < LATENCY_EVENT_COUNT; event++) {
        if (node->latency.series[event] != NULL) {
            describe_event(node, (enum latency_event)event, &text);
        }
    }
    if (text.len > 0) {
        describe_longest_pass(node, &text);
    }
    if (threshold_ms == 0) {
        buf_append_text(&text, "Nothing is being remembered now: CONFIG SET "
                               "latency-monitor-threshold <milliseconds> begins it.\n");
    } else if (text.len == 0) {
        buf_printf(&text, "Nothing has taken %lld ms or longer.\n", (long long)threshold_ms);
    } else if (slow_us < 0 || slow_us / 1000 > threshold_ms) {
        buf_printf(&text,
                   "The slow log keeps fewer commands than are counted here: CONFIG SET "
                   "slowlog-log-slower-than %lld would make it keep them all.\n",
                   (long long)threshold_ms * 1000);
    }
    resp_write_verbatim(request->reply, "txt", buf_bytes(&text));
    buf_deinit(&text);
}

/* ---- how long commands take ------------------------------------------------------------------- */

enum {
    BOUNDS = 32, /* powers of two, the first of 1024 ns: what takes longer counts under the last */
};

/* As histograms of two digits have it: the highest of the values that count as equal to the bound. */
static int64_t bound_us(int i)
{
    int64_t bound_ns = INT64_C(1024) << i;

    return (bound_ns + bound_ns / 128 - 1) / 1000;
}

static uint64_t count_up_to(const struct hist *times, int i)
{
    return i < BOUNDS - 1 ? hist_count_below(times, INT64_C(1024) << i) : times->count;
}

static void write_histogram(struct resp_writer *w, const struct hist *times)
{
    uint64_t before = 0;
    size_t steps = 0;

    for (int i = 0; i < BOUNDS; i++) {
        steps += count_up_to(times, i) > (i > 0 ? count_up_to(times, i - 1) : 0);
    }
    resp_write_map(w, 2);
    resp_write_bulk_text(w, "calls");
    resp_write_integer(w, (int64_t)times->count);
    resp_write_bulk_text(w, "histogram_usec");
    resp_write_map(w, steps);
    for (int i = 0; i < BOUNDS; i++) {
        uint64_t count = count_up_to(times, i);

        if (count > before) {
            resp_write_integer(w, bound_us(i));
            resp_write_integer(w, (int64_t)count);
        }
        before = count;
    }
}

/* Which commands the request asks for: a container stands for its subcommands. */
static bool is_asked_for(const struct command_spec *asked, const struct command_spec *spec)
{
    return asked == NULL || spec == asked ||
           (spec->kind == COMMAND_SUB && asked->id == spec->parent);
}

/* The commands that were called and timed; asked is NULL for all.  Written when w is not NULL; how many there are. */
static size_t write_commands(const struct node *node, const struct command_spec *asked,
                             struct resp_writer *w)
{
    size_t count = 0;

    for (int id = 0; id < COMMAND_COUNT; id++) {
        const struct command_spec *spec = command_spec((enum command_id)id);
        const struct hist *times = node->timing.commands[id].times_ns;
        char name[COMMAND_FULL_NAME_SIZE];

        if (times == NULL || !is_asked_for(asked, spec)) {
            continue;
        }
        count++;
        if (w != NULL) {
            command_full_name(spec, name, sizeof(name));
            resp_write_bulk_text(w, name);
            write_histogram(w, times);
        }
    }
    return count;
}

/* The same for the words of the request. */
static size_t write_asked(const struct node *node, const struct request *request,
                          struct resp_writer *w)
{
    size_t count = 0;

    if (!node->config.latency_tracking) {
        return 0;
    }
    if (request->arg_count == 2) {
        return write_commands(node, NULL, w);
    }
    for (size_t i = 2; i < request->arg_count; i++) {
        const struct command_spec *asked = command_find_full(request->args[i]);

        count += asked != NULL ? write_commands(node, asked, w) : 0;
    }
    return count;
}

void control_latency_histogram(struct node *node, struct request *request)
{
    resp_write_map(request->reply, write_asked(node, request, NULL));
    (void)write_asked(node, request, request->reply);
}

void control_latency_help(struct node *node, struct request *request)
{
    static const char *const lines[] = {
        "LATENCY <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "DOCTOR",
        "    Say in words what took long and what to do about it.",
        "GRAPH <event>",
        "    Draw how long the newest events of a kind took.",
        "HISTORY <event>",
        "    Return seconds and milliseconds of the newest events of a kind.",
        "LATEST",
        "    Return the newest event of each kind: its name, when it was, its milliseconds,",
        "    and the most milliseconds of all of its kind.",
        "RESET [<event> ...]",
        "    Forget the events of these kinds (default: of all).",
        "HISTOGRAM [<command> ...]",
        "    Return how many calls took up to how many microseconds (default: of all commands).",
        "HELP",
        "    Print this help.",
    };

    (void)node;
    answer_help(request, lines, ARRAY_COUNT(lines));
}
