/* SPDX-License-Identifier: MIT */
#include "node/execute.h"

#include "base/assert.h"
#include "node/inside.h"

void execute_begin(struct node *node)
{
    ASSERT(node->batch.running == NULL);
    borrowing_forget(node);
    call_begin(node);
    gates_look(node);
}

/* A control command may have changed anything. */
static void look_again(struct node *node)
{
    borrowing_forget(node);
    call_begin(node);
    gates_look_again(node);
}

/* What begins and drops transactions concerns its session alone. */
static bool leaves_node_alone(const struct command_spec *spec)
{
    return spec->group == COMMAND_GROUP_TRANSACTIONS && spec->id != COMMAND_EXEC;
}

/* Run what nothing stands in the way of: the request's command, or the subcommand it turned out to be. */
static void run(struct node *node, struct request *request)
{
    struct session *s = request->session;
    const struct command_spec *spec = request->spec;
    size_t out_before = s->output.buf.len;
    int64_t began_ns =
        timing_begin(&node->timing, spec->id, request->read.raw.len, request->arg_count);
    int64_t slow_us;

    s->last_command = spec;
    s->command_count++;
    counters_command(&node->counters);
    if (spec->is_data) {
        call_for_client(node, request, node->batch.keys + request->first_key);
    } else {
        ASSERT(node->controls->run[spec->id] != NULL);
        node->controls->run[spec->id](node, request);
        if (!leaves_node_alone(spec)) {
            look_again(node);
        }
    }
    slow_us = timing_end(&node->timing, spec->id, began_ns,
                         bytes_from(buf_bytes(&s->output.buf), out_before));
    /* Large values that were answered with are not in the buffer. */
    if (UNLIKELY(slow_us != TIMING_NONE || s->output.pieces.count > 0) &&
        (spec->flags & COMMAND_FLAG_SKIP_SLOWLOG) == 0) {
        slow_note_request(node, request, slow_us, out_before);
    }
}

/* CLIENT REPLY SKIP silences the next command, whatever it is. */
static bool takes_reply(struct session *s)
{
    if (s->flags & SESSION_REPLY_SKIP_NEXT) {
        s->flags = (s->flags & ~(uint32_t)SESSION_REPLY_SKIP_NEXT) | SESSION_REPLY_SKIP;
    }
    return (s->flags & (SESSION_REPLY_OFF | SESSION_REPLY_SKIP)) == 0;
}

/* What has run, and is heard by those who take no replies: CLIENT REPLY ON, which ends the silence; and what SUBSCRIBE
 * says, which is a message and no reply.  An error of theirs is a reply as any other. */
static bool is_always_heard(const struct request *request)
{
    const struct command_spec *spec = request->spec;

    if (spec->id == COMMAND_CLIENT_REPLY) {
        return (request->session->flags & (SESSION_REPLY_OFF | SESSION_REPLY_SKIP)) == 0;
    }
    return spec->group == COMMAND_GROUP_PUBSUB && (spec->flags & COMMAND_FLAG_NOSCRIPT);
}

/* CLIENT REPLY OFF within a transaction: whoever said so reads no more, the rest of EXEC's reply included. */
static bool fell_silent(const struct request *request)
{
    return request->spec->id == COMMAND_EXEC && (request->session->flags & SESSION_REPLY_OFF) != 0;
}

/* What was replied since is not sent. */
static void cut_reply(struct session *s, size_t out_before)
{
    output_cut(&s->output, s->output.sent > out_before ? s->output.sent : out_before);
}

/* ASKING is about the next command, whatever becomes of that; before MULTI it holds until EXEC.  What was put back is
 * still to come. */
static void end_asking(const struct request *request, bool was_put_back)
{
    struct session *s = request->session;
    bool is_asking = request->spec != NULL && request->spec->id == COMMAND_ASKING;

    if (!is_asking && !was_put_back && !(s->flags & SESSION_IN_MULTI)) {
        s->flags &= ~(uint32_t)SESSION_ASKING;
    }
}

/* CLIENT CACHING, too, is about the next command, whatever becomes of that, and before MULTI it holds until EXEC: what
 * comes behind a refusal would else be remembered, or not, against what the client takes for granted. */
static void end_caching(const struct request *request, bool was_put_back)
{
    struct session *s = request->session;
    bool is_of_client = request->spec != NULL && (request->spec->id == COMMAND_CLIENT ||
                                                  request->spec->parent == COMMAND_CLIENT);

    if (!is_of_client && !was_put_back && !(s->flags & SESSION_IN_MULTI)) {
        s->flags &= ~(uint32_t)SESSION_CACHING;
    }
}

/* What it was answered may have to wait: for replicas, and for copies of what it changed. */
static void note_reply(struct node *node, const struct request *request, uint64_t place)
{
    if (UNLIKELY(node->sync_side.is_on)) {
        sync_side_note_reply(node, request, place);
    }
    if (UNLIKELY(node->lending.is_on)) {
        lending_note_reply(node, request, place);
    }
}

static NOINLINE void run_noted(struct node *node, struct request *request)
{
    uint64_t place = output_end(&request->session->output);

    run(node, request);
    note_reply(node, request, place);
}

/* The long way: every gate is asked, and control commands are known. */
static void execute_asking(struct node *node, struct request *request)
{
    struct session *s = request->session;
    size_t out_before = s->output.buf.len;
    bool is_heard = takes_reply(s);
    bool is_queued = false;
    bool has_run = false;
    bool was_put_back = false;

    ASSERT(!session_is_closing(s));
#ifdef STARLING_DEBUG
    if (gates_are_open_for_queue(node, request)) {
        gates_check(node, request);
    }
#endif
    if (gates_are_open_for_queue(node, request) || gates_pass(node, request)) {
        is_queued = request_is_queued(request);
        if (is_queued) {
            transaction_queue(request);
        } else {
            has_run = true;
            run_noted(node, request);
        }
        if (UNLIKELY(borrowing_is_serving(&node->borrowing))) {
            borrowing_end_serving(node);
        }
        if (UNLIKELY(monitor_is_on(&node->monitors)) && !is_queued) {
            monitor_show(node, request);
        }
    } else {
        was_put_back = (s->flags & SESSION_HELD) != 0;
        borrowing_end_serving(node);
        transaction_refused(node, request, out_before);
        timing_refused(&node->timing, bytes_from(buf_bytes(&s->output.buf), out_before));
    }
    end_asking(request, was_put_back);
    end_caching(request, was_put_back);
    if (request->spec != NULL && !is_queued) {
        is_heard = (has_run && is_always_heard(request)) || (is_heard && !fell_silent(request));
    }
    if (!is_heard && (s->flags & SESSION_REPLICA) == 0) {
        ASSERT(!(s->flags & SESSION_REPLY_SKIP_NEXT) || request->spec != NULL);
        cut_reply(s, out_before);
    }
    if ((s->flags & SESSION_HELD) == 0) {
        s->flags &= ~(uint32_t)SESSION_REPLY_SKIP; /* else its reply is still to come */
    }
}

/* Apart, so that the short way keeps its registers. */
static NOINLINE void execute_closed(struct node *node, struct request *request)
{
    if (gates_are_open_noted(node, request)) {
        run_noted(node, request);
    } else if (gates_are_open_for_copies(node, request) && borrowing_serves_again(node, request)) {
        run_noted(node, request);
        borrowing_end_serving(node);
    } else {
        execute_asking(node, request);
    }
}

void execute_request(struct node *node, struct request *request)
{
    struct session *s = request->session;
    struct resp_writer reply;

    ASSERT(!(s->flags & SESSION_HELD));
    s->active_at = node->now.mono;
    session_take_buffer(&node->sessions, s);
    reply = session_writer(s);
    request->reply = &reply;
    if (LIKELY(gates_are_open_for(node, request))) {
#ifdef STARLING_DEBUG
        gates_check(node, request);
#endif
        run(node, request);
    } else {
        execute_closed(node, request);
    }
    request->reply = NULL;
    if (s->output.buf.len > s->output.sent) {
        node_touch(node, s);
    }
}

void execute_again(struct node *node, struct request *request)
{
    struct session *s = request->session;
    size_t out_before;
    struct resp_writer reply;

    ASSERT(!(s->flags & SESSION_HELD));
    s->active_at = node->now.mono;
    session_take_buffer(&node->sessions, s);
    out_before = s->output.buf.len;
    reply = session_writer(s);
    request->reply = &reply;
    publish_begin_answer(&node->publish, s);
    call_begin(node);
    if (gates_pass(node, request)) {
        uint64_t place = output_end(&s->output);

        call_for_client(node, request, NULL);
        note_reply(node, request, place);
    } else {
        timing_refused(&node->timing, bytes_from(buf_bytes(&s->output.buf), out_before));
    }
    request->reply = NULL;
    if ((s->flags & (SESSION_REPLY_OFF | SESSION_REPLY_SKIP)) != 0) {
        cut_reply(s, out_before);
    }
    if (publish_end_answer(&node->publish)) {
        publish_give_behind(node, s);
    }
    if (s->output.buf.len > s->output.sent) {
        node_touch(node, s);
    }
}
