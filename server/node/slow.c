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

/* Is something that small to be logged, of which timing does not tell by itself? */
static bool is_below(int64_t threshold_bytes, int64_t told_bytes)
{
    return threshold_bytes >= 0 && threshold_bytes <= told_bytes;
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
    timing_set_looking(&node->timing,
                       is_below(node->config.large_request_bytes, TIMING_REQUEST_BYTES) ||
                           is_below(node->config.large_reply_bytes, TIMING_REPLY_BYTES));
    timing_set_threshold(&node->timing, is_lower ? latency_us : log_us);
    timing_set_histograms(&node->timing, node->config.latency_tracking);
    slowlog_set_limit(&node->slowlog, (size_t)node->config.slowlog_max_len);
    slowlog_set_limit(&node->large_requests, (size_t)node->config.large_request_max_len);
    slowlog_set_limit(&node->large_replies, (size_t)node->config.large_reply_max_len);
}

static void add_to_log(struct node *node, struct slowlog *log, const struct request *request,
                       struct slowlog_note note)
{
    const struct session *s = request->session;
    struct bytes shown[SLOWLOG_ARGS];
    size_t count = note.arg_count < SLOWLOG_ARGS ? note.arg_count : SLOWLOG_ARGS;

    ASSERT(note.arg_count > 0);
    ASSERT(note.amount >= 0);
    if (note.unix_ms == 0) {
        note.unix_ms = node->env.now(node->env.context).unix_ms;
    }
    memcpy(shown, note.args, count * sizeof(shown[0]));
    secrets_redact(request->spec, shown, count);
    note.args = shown;
    note.peer = bytes_from_text(s->peer.address);
    note.name = buf_bytes(&s->name);
    slowlog_add(log, &note);
}

static void remember(struct node *node, const struct request *request, struct slowlog_note note)
{
    note.unix_ms = node->env.now(node->env.context).unix_ms;
    latency_add(&node->latency,
                (request->spec->flags & COMMAND_FLAG_FAST) ? LATENCY_FAST_COMMAND : LATENCY_COMMAND,
                note.unix_ms / 1000, note.amount / 1000);
    if (logs(node, note.amount)) {
        add_to_log(node, &node->slowlog, request, note);
    }
}

static struct slowlog_note note_of(const struct request *request, int64_t amount)
{
    return (struct slowlog_note){
        .amount = amount,
        .args = request->args,
        .arg_count = request->arg_count,
    };
}

static void note_size(struct node *node, struct slowlog *log, const struct request *request,
                      uint64_t bytes, int64_t threshold_bytes)
{
    if (threshold_bytes >= 0 && bytes >= (uint64_t)threshold_bytes) {
        add_to_log(node, log, request, note_of(request, (int64_t)bytes));
    }
}

/* In the buffer, and of large values beside it. */
static uint64_t reply_bytes(const struct output *output, size_t out_before)
{
    uint64_t bytes = output->buf.len - out_before;

    for (size_t i = output->pieces.count; i > 0 && output->pieces.items[i - 1].at > out_before;
         i--) {
        bytes += output->pieces.items[i - 1].block->len;
    }
    return bytes;
}

void slow_note_request(struct node *node, const struct request *request, int64_t duration_us,
                       size_t out_before)
{
    ASSERT(request->args != NULL);
    if (duration_us >= 0) {
        remember(node, request, note_of(request, duration_us));
    }
    note_size(node, &node->large_requests, request, request->read.raw.len,
              node->config.large_request_bytes);
    note_size(node, &node->large_replies, request,
              reply_bytes(&request->session->output, out_before), node->config.large_reply_bytes);
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

/* ---- passes ----------------------------------------------------------------------------------- */

static int64_t read_cpu(const struct node *node)
{
    return node->latency.threshold_ms > 0 && node->env.loop_cpu_ns != NULL
               ? node->env.loop_cpu_ns(node->env.context)
               : NOT_TIMED;
}

void slow_begin_pass(struct node *node)
{
    pass_note_cpu(&node->pass, read_cpu(node));
}

/* On a virtual machine a thread's processor time jumps at times, by what the machine itself did not have before: of a
 * pass there is never more of it than time has passed. */
void slow_end_pass(struct node *node, struct mono_time now)
{
    int64_t us = now.us - node->now.mono.us;
    int64_t cpu_ns = UNLIKELY(node->pass.cpu_began_ns >= 0) ? read_cpu(node) : NOT_TIMED;
    int64_t cpu_us = PASSES_CPU_UNKNOWN;

    ASSERT(us >= 0);
    if (UNLIKELY(node->latency.threshold_ms > 0)) {
        slow_note_work(node, LATENCY_EVENT_LOOP, us * 1000);
    }
    if (UNLIKELY(cpu_ns != NOT_TIMED)) {
        cpu_us = (cpu_ns - node->pass.cpu_began_ns) / 1000;
        cpu_us = cpu_us < us ? cpu_us : us;
        slow_note_work(node, LATENCY_EVENT_LOOP_CPU, cpu_us * 1000);
    }
    counters_pass(&node->counters, us, cpu_us);
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
