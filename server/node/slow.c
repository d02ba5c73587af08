/* SPDX-License-Identifier: MIT */
#include "node/slow.h"

#include "base/assert.h"
#include "node/inside.h"
#include "stats/secrets.h"

enum {
    NOT_TIMED = -1,
};

static bool logs(const struct node *node, int64_t duration_us)
{
    int64_t threshold_us = node->config.slowlog_log_slower_than_us;

    return threshold_us >= 0 && duration_us >= threshold_us;
}

/* Commands are looked at from the lower of the two thresholds on. */
void slow_configure(struct node *node)
{
    int64_t log_us = node->config.slowlog_log_slower_than_us;
    int64_t latency_ms = node->config.latency_monitor_threshold_ms;
    int64_t latency_us = latency_ms > INT64_MAX / 1000 ? INT64_MAX : latency_ms * 1000;
    bool is_lower = latency_ms > 0 && (log_us < 0 || latency_us < log_us);

    ASSERT(node->config.slowlog_max_len >= 0);
    ASSERT(latency_ms >= 0);
    node->latency.threshold_ms = latency_ms;
    timing_set_threshold(&node->timing, is_lower ? latency_us : log_us);
    timing_set_histograms(&node->timing, node->config.latency_tracking);
    slowlog_set_limit(&node->slowlog, (size_t)node->config.slowlog_max_len);
}

static void remember(struct node *node, const struct request *request, struct slowlog_note note)
{
    const struct session *s = request->session;
    struct bytes shown[SLOWLOG_ARGS];
    size_t count = note.arg_count < SLOWLOG_ARGS ? note.arg_count : SLOWLOG_ARGS;

    ASSERT(note.arg_count > 0);
    ASSERT(note.duration_us >= 0);
    note.unix_ms = node->env.now(node->env.context).unix_ms;
    latency_add(&node->latency,
                (request->spec->flags & COMMAND_FLAG_FAST) ? LATENCY_FAST_COMMAND : LATENCY_COMMAND,
                note.unix_ms / 1000, note.duration_us / 1000);
    if (!logs(node, note.duration_us)) {
        return;
    }
    memcpy(shown, note.args, count * sizeof(shown[0]));
    secrets_redact(request->spec, shown, count);
    note.args = shown;
    note.peer = bytes_from_text(s->peer.address);
    note.name = buf_bytes(&s->name);
    slowlog_add(&node->slowlog, &note);
}

static struct slowlog_note note_of(const struct request *request, int64_t duration_us)
{
    return (struct slowlog_note){
        .duration_us = duration_us,
        .args = request->args,
        .arg_count = request->arg_count,
    };
}

void slow_note_request(struct node *node, const struct request *request, int64_t duration_us)
{
    ASSERT(request->args != NULL);
    remember(node, request, note_of(request, duration_us));
}

static bool is_small(const struct node *node, const struct request *request)
{
    const struct command_spec *spec = request->spec;

    ASSERT(request->arg_count > 0);
    return spec != NULL && !(request->session->flags & SESSION_HELD) &&
           timing_is_small(&node->timing, spec->id, request->read.raw.len, request->arg_count);
}

/* Some small command took long, and it is not known which: the first is shown, and how many others
 * it may have been. */
void slow_end_run(struct node *node)
{
    const struct batch *batch = &node->batch;
    int64_t duration_us = timing_run_end(&node->timing, node->counters.net_input_bytes);
    const struct request *first = NULL;
    size_t suspects = 0;

    for (size_t i = 0; duration_us >= 0 && i < batch->count; i++) {
        if (is_small(node, &batch->requests[i])) {
            suspects += first != NULL;
            first = first != NULL ? first : &batch->requests[i];
        }
    }
    if (first != NULL) {
        struct slowlog_note note = note_of(first, duration_us);

        ASSERT(suspects < batch->count);
        note.suspects = suspects;
        remember(node, first, note);
    }
}

/* ---- other work ------------------------------------------------------------------------------- */

int64_t slow_begin_work(const struct node *node)
{
    return node->latency.threshold_ms > 0 ? node->env.mono_ns(node->env.context) : NOT_TIMED;
}

void slow_end_work(struct node *node, enum latency_event event, int64_t began_ns)
{
    if (began_ns != NOT_TIMED) {
        slow_note_work(node, event, node->env.mono_ns(node->env.context) - began_ns);
    }
}

void slow_note_work(struct node *node, enum latency_event event, int64_t took_ns)
{
    ASSERT(took_ns >= 0);
    latency_add(&node->latency, event, node->now.unix_ms / 1000, took_ns / (1000 * 1000));
}
