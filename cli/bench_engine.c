/* SPDX-License-Identifier: MIT */
/* A lane is one connection: closed -> connecting -> ready, and back when it breaks.  A ready lane
 * has a batch under way or rests because no requests are left.
 *
 * In a cluster a lane that breaks, or whose node serves nothing any more, takes another node after
 * the slots were asked for again; otherwise the loss of a connection ends the run.
 *
 * With --hot in a cluster a client has two lanes that take turns, one batch a turn: one for keys of the lane's node, one for the
 * one key.  The latter is a client of its own to the cluster: it asks for the slots on its own connection, goes to where it is told
 * that the key's slot is, and asks again there when it is sent away by MOVED. */
#include "cli/bench_engine.h"

#include "base/assert.h"
#include "base/mem.h"
#include "cli/bench_intro.h"
#include "io/clock.h"
#include "io/loop.h"
#include "io/sock.h"
#include "resp/value.h"
#include "resp/writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    SCRATCH = 256 * 1024,
    READ_STEP = 1024 * 1024,
    PROGRESS_MS = 250,
    REFRESH_MS = 100,       /* between two questions for the slots */
    SILENCE_MS = 30 * 1000, /* of the whole cluster, or after the end of the time */
    ERROR_PRINT_MS = 1000,
};

enum lane_state {
    LANE_CLOSED,
    LANE_CONNECTING,
    LANE_READY,
};

enum watch_kind {
    WATCH_LANE,
    WATCH_INTERRUPT,
};

struct lane {
    struct loop_watch watch;
    enum lane_state state;
    size_t node;
    size_t intro_at;  /* bytes of the introduction written */
    size_t intro_due; /* replies to it still to come */
    struct buf block; /* as many copies of the request as the pipeline is long */
    size_t block_at;  /* bytes written */
    size_t block_end; /* bytes of this batch */
    uint64_t due;     /* replies still to come */
    struct mono_time sent_at;
    struct buf in; /* of a reply that is not whole */
    struct resp_value_scan scan;
    struct lane *other; /* of the same client; NULL: it has one lane */
    bool has_turn;      /* of the two exactly one has it */
    bool is_in_batch;
    /* Of the lane for the one key. */
    bool is_hot;
    bool is_asking;     /* for the slots; there is no batch meanwhile */
    bool was_sent_away; /* it is to ask */
    size_t question_at; /* bytes of the question written */
    size_t told;        /* the node that it was told; SIZE_MAX: none */
};

struct engine {
    const struct bench_job *job;
    struct bench_result *result;
    struct loop *loop;
    struct loop_watch interrupt_watch;
    struct lane *lanes;
    size_t lane_count;
    struct bench_intro intro;
    struct buf question; /* CLUSTER SLOTS */
    uint16_t hot_slot;
    char *scratch;
    uint64_t issued;
    uint64_t outstanding;
    bool is_stopping; /* the time is over: no more requests */
    bool wants_refresh;
    struct mono_time started_at;
    struct mono_time ends_at;
    struct mono_time refresh_at;
    struct mono_time last_reply_at;
    struct mono_time progress_at;
    struct mono_time error_print_at;
    uint64_t progress_replies; /* when the progress was shown last */
    struct mono_time progress_shown_at;
};

static const struct resp_limits limits = {.max_args = UINT32_MAX,
                                          .max_bulk_bytes = UINT64_C(1) << 40,
                                          .max_inline_bytes = 1024 * 1024,
                                          .max_depth = RESP_DEPTH_MAX};

/* ---- opening and closing lanes ----------------------------------------------------------------- */

static void close_lane(struct engine *engine, struct lane *lane)
{
    if (lane->state == LANE_CLOSED) {
        return;
    }
    loop_unwatch(engine->loop, &lane->watch);
    sock_close(lane->watch.fd);
    lane->state = LANE_CLOSED;
    engine->job->nodes->nodes.items[lane->node].client_count -= !lane->is_hot;
    engine->outstanding -= lane->due;
    engine->result->lost += lane->due;
    lane->due = 0;
    buf_clear(&lane->in);
    lane->scan = (struct resp_value_scan){0};
}

/* The connection broke: the end, but in a cluster, where another node may help. */
static bool lose_lane(struct engine *engine, struct lane *lane, struct errmsg *error)
{
    const struct bench_node *node = &engine->job->nodes->nodes.items[lane->node];
    const char *host = node->host[0] != '\0' ? node->host : engine->job->options->unix_path;
    bool was_connected = lane->state == LANE_READY;

    close_lane(engine, lane);
    lane->told = SIZE_MAX;
    if (engine->job->nodes->is_cluster) {
        engine->wants_refresh = true;
        return true;
    }
    errmsg_wrap(error,
                was_connected ? "Lost the connection to %s:%u"
                              : "Could not connect to Starling at %s:%u",
                host, node->port);
    return false;
}

static bool open_lane(struct engine *engine, struct lane *lane, struct errmsg *error)
{
    struct bench_nodes *nodes = engine->job->nodes;
    size_t index = !lane->is_hot            ? bench_nodes_choose(nodes)
                   : lane->told != SIZE_MAX ? lane->told
                                            : bench_nodes_next(nodes, lane->node);
    enum sock_status status;
    int fd;

    ASSERT(lane->state == LANE_CLOSED);
    if (index == SIZE_MAX) {
        engine->wants_refresh = true;
        return true;
    }
    lane->node = index;
    lane->intro_at = 0;
    lane->intro_due = engine->intro.count;
    lane->block_at = 0;
    lane->block_end = 0;
    lane->is_in_batch = false;
    lane->is_asking = lane->is_hot && lane->told == SIZE_MAX;
    lane->was_sent_away = false;
    lane->question_at = 0;
    status = sock_connect_start(&nodes->nodes.items[index].address, NULL, &fd, error);
    if (status != SOCK_OK && status != SOCK_AGAIN) {
        if (nodes->is_cluster) {
            lane->told = SIZE_MAX;
            engine->wants_refresh = true;
            return true;
        }
        errmsg_wrap(error, "Could not connect to Starling at %s:%u", nodes->nodes.items[index].host,
                    nodes->nodes.items[index].port);
        return false;
    }
    sock_set_nodelay(fd, true);
    lane->watch =
        (struct loop_watch){.fd = fd, .events = LOOP_WRITE, .owner = lane, .kind = WATCH_LANE};
    lane->state = LANE_CONNECTING;
    nodes->nodes.items[index].client_count += !lane->is_hot;
    if (!loop_watch(engine->loop, &lane->watch, error)) {
        close_lane(engine, lane);
        return false;
    }
    return true;
}

/* ---- sending ----------------------------------------------------------------------------------- */

/* Write piece from *at on: true as long as the connection lives. */
static bool write_piece(struct lane *lane, struct bytes piece, size_t *at, struct errmsg *error)
{
    while (*at < piece.len) {
        size_t written = 0;
        enum sock_status status =
            sock_write(lane->watch.fd, bytes_from(piece, *at), &written, error);

        *at += written;
        if (status == SOCK_AGAIN) {
            return true;
        }
        if (status != SOCK_OK) {
            return false;
        }
    }
    return true;
}

static bool write_lane(struct engine *engine, struct lane *lane, struct errmsg *error)
{
    struct bytes none = {0};
    struct bytes question = lane->is_asking ? buf_bytes(&engine->question) : none;
    struct bytes block = bytes_make(lane->block.data, lane->block_end);
    const struct {
        struct bytes bytes;
        size_t *at;
    } pieces[] = {
        {buf_bytes(&engine->intro.bytes), &lane->intro_at   },
        {question,                        &lane->question_at},
        {block,                           &lane->block_at   },
    };
    bool is_done = true;

    for (size_t i = 0; i < ARRAY_COUNT(pieces) && is_done; i++) {
        if (!write_piece(lane, pieces[i].bytes, pieces[i].at, error)) {
            errmsg_set(error, "the server closed the connection");
            return lose_lane(engine, lane, error);
        }
        is_done = *pieces[i].at >= pieces[i].bytes.len;
    }
    loop_modify(engine->loop, &lane->watch, is_done ? LOOP_READ : LOOP_READ | LOOP_WRITE);
    return true;
}

static uint64_t requests_left(const struct engine *engine)
{
    uint64_t bound = (uint64_t)engine->job->bench->requests;

    if (engine->is_stopping) {
        return 0;
    }
    return bound == 0 ? UINT64_MAX : bound - engine->issued;
}

static bool is_drawn_hot(const struct bench_job *job)
{
    return job->bench->hot > 0 && rng_below(job->rng, 100) < (uint64_t)job->bench->hot;
}

static void patch_request(const struct bench_job *job, const struct lane *lane, char *copy)
{
    if (lane->is_hot || (!job->nodes->is_cluster && is_drawn_hot(job))) {
        bench_request_patch_hot(job->request, copy);
    } else {
        bench_request_patch(job->request, copy, job->rng, (uint64_t)job->bench->keyspace,
                            bench_nodes_tag(job->nodes, lane->node, job->rng));
    }
}

/* Send the next batch, or rest when there is none. */
static bool begin_batch(struct engine *engine, struct lane *lane, struct mono_time now,
                        struct errmsg *error)
{
    const struct bench_job *job = engine->job;
    uint64_t left = requests_left(engine);
    uint64_t count = (uint64_t)job->bench->pipeline;
    size_t request_len = job->request->bytes.len;

    if (count > left) {
        count = left;
    }
    for (uint64_t i = 0; i < count; i++) {
        patch_request(job, lane, lane->block.data + i * request_len);
    }
    lane->block_at = 0;
    lane->block_end = (size_t)count * request_len;
    lane->due = count;
    lane->is_in_batch = true;
    lane->sent_at = now;
    engine->issued += count;
    engine->outstanding += count;
    return write_lane(engine, lane, error);
}

/* ---- replies ----------------------------------------------------------------------------------- */

static bool is_redirection(struct bytes text)
{
    return bytes_has_prefix(text, "MOVED ") || bytes_has_prefix(text, "ASK ") ||
           bytes_has_prefix(text, "TRYAGAIN") || bytes_has_prefix(text, "CLUSTERDOWN");
}

/* text begins behind the minus sign and has no line end. */
static void count_error(struct engine *engine, struct lane *lane, struct bytes text,
                        struct mono_time now)
{
    struct bench_result *result = engine->result;

    if (engine->job->nodes->is_cluster && is_redirection(text)) {
        result->redirections++;
        lane->was_sent_away = lane->is_hot;
        engine->wants_refresh = engine->wants_refresh || !lane->is_hot;
    } else {
        result->errors++;
    }
    if (result->first_error[0] == '\0') {
        bytes_to_text(text, result->first_error, sizeof(result->first_error));
    }
    if (engine->job->bench->shows_errors && mono_is_due(engine->error_print_at, now)) {
        fprintf(stderr, "Error from server: %.*s\n", text.len < 200 ? (int)text.len : 200,
                text.data);
        engine->error_print_at = mono_add_ms(now, ERROR_PRINT_MS);
    }
}

static bool take_reply(struct engine *engine, struct lane *lane, struct bytes reply,
                       struct mono_time now, struct errmsg *error)
{
    bool is_error = reply.data[0] == '-';
    struct bytes text = bytes_trim(bytes_from(reply, 1));

    if (lane->intro_due > 0) {
        bool is_optional = lane->intro_due-- <= engine->intro.optional;

        /* A server without a password refuses AUTH, and serves all the same. */
        if (is_error && !is_optional && !bytes_has_prefix(text, "ERR AUTH")) {
            errmsg_set(error, "The server refuses: %.*s", text.len < 200 ? (int)text.len : 200,
                       text.data);
            return false;
        }
        return true;
    }
    if (lane->is_asking) {
        lane->is_asking = false;
        lane->told = bench_nodes_serving(engine->job->nodes, reply, lane->node, engine->hot_slot);
        return true;
    }
    if (lane->due == 0) {
        errmsg_set(error, "The server sent a reply to no request");
        return false;
    }
    lane->due--;
    engine->outstanding--;
    engine->result->replies++;
    hist_add(&engine->result->latencies_us, now.us - lane->sent_at.us);
    if (UNLIKELY(is_error)) {
        count_error(engine, lane, text, now);
    }
    return true;
}

/* Take every whole reply off the front of in; *used says how many bytes that were. */
static bool take_replies(struct engine *engine, struct lane *lane, struct bytes in,
                         struct mono_time now, struct errmsg *error)
{
    size_t at = 0;

    while (at < in.len) {
        struct bytes rest = bytes_from(in, at);
        size_t len = bench_reply_len(rest);

        if (len == SIZE_MAX) {
            enum resp_status status = resp_value_scan(&lane->scan, rest, &limits, error);

            if (status == RESP_ERROR) {
                return false;
            }
            len = status == RESP_OK ? lane->scan.at : 0;
        }
        if (len == 0) {
            break;
        }
        lane->scan = (struct resp_value_scan){0};
        if (!take_reply(engine, lane, bytes_prefix(rest, len), now, error)) {
            return false;
        }
        at += len;
    }
    if (lane->in.len > 0) {
        buf_consume(&lane->in, at);
    } else {
        buf_append_bytes(&lane->in, bytes_from(in, at));
    }
    return true;
}

/* The one that has the turn sends as soon as it can. */
static bool go_on(struct engine *engine, struct lane *lane, struct mono_time now,
                  struct errmsg *error)
{
    if (lane->state == LANE_CLOSED) {
        return open_lane(engine, lane, error);
    }
    return lane->state == LANE_CONNECTING || lane->is_asking || lane->due > 0 ||
           begin_batch(engine, lane, now, error);
}

/* Is the lane where it can send?  Else it asks, or opens anew. */
static bool settle(struct engine *engine, struct lane *lane, bool has_ended, bool *out_is_settled,
                   struct errmsg *error)
{
    struct bench_nodes *nodes = engine->job->nodes;
    bool is_away =
        lane->is_hot ? lane->told != lane->node : !bench_nodes_is_of_use(nodes, lane->node);

    *out_is_settled = false;
    if (lane->was_sent_away) {
        lane->was_sent_away = false;
        lane->is_asking = true;
        lane->question_at = 0;
        return write_lane(engine, lane, error);
    }
    if (lane->is_hot && lane->told == SIZE_MAX) {
        close_lane(engine, lane); /* nobody serves the key now: ask the next one soon */
        engine->wants_refresh = true;
        return true;
    }
    if (is_away || (has_ended && engine->job->bench->keepalive == 0)) {
        close_lane(engine, lane);
        return open_lane(engine, lane, error);
    }
    *out_is_settled = true;
    return true;
}

/* All replies of a batch are here, or those to what came before the first one. */
static bool end_batch(struct engine *engine, struct lane *lane, struct mono_time now,
                      struct errmsg *error)
{
    bool has_ended = lane->is_in_batch;
    bool is_settled;

    lane->is_in_batch = false;
    if (requests_left(engine) == 0) {
        return true;
    }
    if (has_ended && lane->other != NULL) {
        lane->has_turn = is_drawn_hot(engine->job) == lane->is_hot;
        lane->other->has_turn = !lane->has_turn;
    }
    if (!settle(engine, lane, has_ended, &is_settled, error)) {
        return false;
    }
    if (lane->has_turn) {
        return !is_settled || go_on(engine, lane, now, error);
    }
    return !has_ended || go_on(engine, lane->other, now, error);
}

static bool read_lane(struct engine *engine, struct lane *lane, struct errmsg *error)
{
    struct mono_time now = clock_mono_now();
    struct bytes in;
    size_t got = 0;
    enum sock_status status;

    if (lane->in.len == 0) {
        status = sock_read(lane->watch.fd, engine->scratch, SCRATCH, &got, error);
        in = bytes_make(engine->scratch, got);
    } else {
        status = sock_read_append(lane->watch.fd, &lane->in, READ_STEP, &got, error);
        in = buf_bytes(&lane->in);
    }
    if (status == SOCK_AGAIN) {
        return true;
    }
    if (status != SOCK_OK) {
        if (lane->due == 0 && lane->intro_due == 0 && !lane->is_asking) {
            close_lane(engine, lane); /* at rest: nothing is lost */
            lane->told = SIZE_MAX;
            return true;
        }
        if (status == SOCK_CLOSED) {
            errmsg_set(error, "the server closed the connection");
        }
        return lose_lane(engine, lane, error);
    }
    engine->last_reply_at = now;
    if (!take_replies(engine, lane, in, now, error)) {
        return false;
    }
    return lane->due > 0 || lane->intro_due > 0 || lane->is_asking ||
           end_batch(engine, lane, now, error);
}

static bool on_event(struct engine *engine, struct lane *lane, uint32_t events,
                     struct errmsg *error)
{
    if (lane->state == LANE_CONNECTING) {
        if (sock_connect_outcome(lane->watch.fd, error) != SOCK_OK) {
            return lose_lane(engine, lane, error);
        }
        lane->state = LANE_READY;
        return lane->has_turn && !lane->is_asking
                   ? begin_batch(engine, lane, clock_mono_now(), error)
                   : write_lane(engine, lane, error);
    }
    if ((events & LOOP_WRITE) != 0 && !write_lane(engine, lane, error)) {
        return false;
    }
    return (events & LOOP_READ) == 0 || lane->state != LANE_READY || read_lane(engine, lane, error);
}

/* ---- from pass to pass ------------------------------------------------------------------------- */

static bool refresh(struct engine *engine, struct mono_time now, struct errmsg *error)
{
    struct errmsg reason = {0};

    if (!engine->wants_refresh || !mono_is_due(engine->refresh_at, now)) {
        return true;
    }
    engine->refresh_at = mono_add_ms(now, REFRESH_MS);
    if (mono_ms_between(engine->last_reply_at, now) >= SILENCE_MS) {
        errmsg_set(error, "No node of the cluster answers");
        return false;
    }
    if (!bench_nodes_refresh(engine->job->nodes, engine->job->options, &reason)) {
        return true; /* again soon */
    }
    engine->wants_refresh = false;
    for (size_t i = 0; i < engine->lane_count; i++) {
        if (engine->lanes[i].state == LANE_CLOSED && requests_left(engine) > 0 &&
            !open_lane(engine, &engine->lanes[i], error)) {
            return false;
        }
    }
    return true;
}

static void show_progress(struct engine *engine, struct mono_time now)
{
    const struct bench_result *result = engine->result;
    double part_s;
    double all_s;

    if (!engine->job->shows_progress || !mono_is_due(engine->progress_at, now)) {
        return;
    }
    part_s = (double)(now.us - engine->progress_shown_at.us) / 1e6;
    all_s = (double)(now.us - engine->started_at.us) / 1e6;
    printf("\r\x1b[2K%s: rps=%.1f (overall: %.1f) avg_msec=%.3f (overall) errors=%" PRIu64,
           engine->job->title, (double)(result->replies - engine->progress_replies) / part_s,
           (double)result->replies / all_s, hist_mean(&result->latencies_us) / 1000,
           result->errors);
    fflush(stdout);
    engine->progress_replies = result->replies;
    engine->progress_shown_at = now;
    engine->progress_at = mono_add_ms(now, PROGRESS_MS);
}

/* Is there anything left to wait for?  False, and a message in error, when it takes too long. */
static bool check_time(struct engine *engine, struct mono_time now, struct errmsg *error)
{
    if (mono_is_due(engine->ends_at, now)) {
        engine->is_stopping = true;
        if (mono_ms_between(engine->ends_at, now) >= SILENCE_MS && engine->outstanding > 0) {
            errmsg_set(error, "%" PRIu64 " replies are still missing %d seconds after the end",
                       engine->outstanding, SILENCE_MS / 1000);
            return false;
        }
    }
    return true;
}

static bool is_over(const struct engine *engine)
{
    return engine->result->was_interrupted ||
           (engine->outstanding == 0 && requests_left(engine) == 0);
}

static bool run_loop(struct engine *engine, struct errmsg *error)
{
    while (!is_over(engine)) {
        struct loop_event *events;
        size_t count =
            loop_wait(engine->loop, engine->wants_refresh ? REFRESH_MS : PROGRESS_MS, &events);
        struct mono_time now;

        for (size_t i = 0; i < count; i++) {
            if (events[i].watch == NULL) {
                continue;
            }
            if (events[i].watch->kind == WATCH_INTERRUPT) {
                engine->result->was_interrupted = true;
                break;
            }
            if (!on_event(engine, events[i].watch->owner, events[i].events, error)) {
                return false;
            }
        }
        now = clock_mono_now();
        show_progress(engine, now);
        if (!check_time(engine, now, error) || !refresh(engine, now, error)) {
            return false;
        }
    }
    return true;
}

/* ---- beginning and end ------------------------------------------------------------------------- */

/* A client's lanes stand one behind the other; the first turn is drawn like all others. */
static void pair_lanes(struct engine *engine)
{
    bool are_paired = engine->lane_count > (size_t)engine->job->bench->clients;

    for (size_t i = 0; i < engine->lane_count; i++) {
        struct lane *lane = &engine->lanes[i];

        lane->told = SIZE_MAX;
        lane->has_turn = true;
        if (are_paired && i % 2 == 1) {
            lane->is_hot = true;
            lane->node = i / 2; /* whom it asks is spread */
            lane->other = lane - 1;
            lane->other->other = lane;
            lane->has_turn = is_drawn_hot(engine->job);
            lane->other->has_turn = !lane->has_turn;
        }
    }
}

static bool begin(struct engine *engine, struct errmsg *error)
{
    const struct bench_job *job = engine->job;

    engine->loop = loop_new(error);
    if (engine->loop == NULL) {
        return false;
    }
    engine->interrupt_watch =
        (struct loop_watch){.fd = job->interrupt->fd, .events = LOOP_READ, .kind = WATCH_INTERRUPT};
    if (job->interrupt->fd >= 0 && !loop_watch(engine->loop, &engine->interrupt_watch, error)) {
        return false;
    }
    bench_intro_build(&engine->intro, job->options, job->nodes->is_cluster);
    resp_write_request_texts(&engine->question, 2, "CLUSTER", "SLOTS");
    engine->hot_slot = slot_of_key(BYTES_LITERAL(BENCH_HOT_TAG));
    pair_lanes(engine);
    engine->started_at = clock_mono_now();
    engine->last_reply_at = engine->started_at;
    engine->progress_shown_at = engine->started_at;
    engine->progress_at = mono_add_ms(engine->started_at, PROGRESS_MS);
    engine->ends_at = job->bench->seconds_ms > 0
                          ? mono_add_ms(engine->started_at, job->bench->seconds_ms)
                          : MONO_NEVER;
    for (size_t i = 0; i < engine->lane_count; i++) {
        for (int64_t copy = 0; copy < job->bench->pipeline; copy++) {
            buf_append_bytes(&engine->lanes[i].block, buf_bytes(&job->request->bytes));
        }
        if (!open_lane(engine, &engine->lanes[i], error)) {
            return false;
        }
    }
    return true;
}

static void end(struct engine *engine)
{
    for (size_t i = 0; i < engine->lane_count; i++) {
        close_lane(engine, &engine->lanes[i]);
        buf_deinit(&engine->lanes[i].block);
        buf_deinit(&engine->lanes[i].in);
    }
    if (engine->loop != NULL) {
        loop_unwatch(engine->loop, &engine->interrupt_watch);
        loop_free(engine->loop);
    }
    bench_intro_deinit(&engine->intro);
    buf_deinit(&engine->question);
    mem_free(MEM_CLI, engine->lanes);
    mem_free(MEM_CLI, engine->scratch);
}

bool bench_engine_run(const struct bench_job *job, struct bench_result *result,
                      struct errmsg *error)
{
    size_t lanes_each = job->bench->hot > 0 && job->nodes->is_cluster ? 2 : 1;
    struct engine engine = {
        .job = job,
        .result = result,
        .lane_count = lanes_each * (size_t)job->bench->clients,
        .lanes = mem_alloc_zeroed(MEM_CLI,
                                  lanes_each * (size_t)job->bench->clients * sizeof(struct lane)),
        .scratch = mem_alloc(MEM_CLI, SCRATCH),
    };
    uint64_t lost;
    bool is_ok;

    *result = (struct bench_result){0};
    is_ok = begin(&engine, error) && run_loop(&engine, error);
    result->elapsed_us = clock_mono_now().us - engine.started_at.us;
    lost = result->lost;
    end(&engine);
    if (is_ok) {
        result->lost = lost; /* what an interruption left under way is not lost */
    }
    if (job->shows_progress) {
        printf("\r\x1b[2K");
    }
    return is_ok;
}
