/* SPDX-License-Identifier: MIT */
/* From bytes to requests: everything that arrived in a pass is split first and executed
 * together, so that work over many requests (hashing, prefetching) can be done between.
 *
 * Words are borrowed from the shell's buffers or from session->in; neither may move until
 * the batch has run. */
#include "node/state.h"

#include "base/assert.h"
#include "base/mem.h"

enum {
    WORDS_KEPT = 4096, /* more room than this is given back after a batch */
};

static struct resp_limits limits_for(const struct node *node, const struct session *s)
{
    struct resp_limits limits = RESP_LIMITS_UNAUTHENTICATED;

    if (s->flags & SESSION_AUTHENTICATED) {
        limits = RESP_LIMITS_DEFAULT;
        limits.max_bulk_bytes = (uint64_t)node->config.proto_max_bulk_len;
    }
    return limits;
}

static void compact_inputs(struct batch *batch)
{
    for (size_t i = 0; i < batch->compact_count; i++) {
        struct session *s = batch->compact[i];

        buf_consume(&s->in, s->in_consumed);
        s->in_consumed = 0;
        buf_shrink_when_empty(&s->in, 0);
    }
    batch->compact_count = 0;
}

/* Hashes first, then buckets, then entries: by the time a request runs, its memory is near. */
static void prefetch(const struct node *node, const struct batch *batch)
{
    struct key_ref refs[BATCH_REQUESTS];
    size_t count = 0;

    for (size_t i = 0; i < batch->count; i++) {
        const struct request *r = &batch->requests[i];

        /* Nearly every data command has its first key behind its name. */
        if (r->word_count >= 2) {
            refs[count] =
                keyspace_ref(node->keyspace, node->config.cluster_enabled ? 0 : r->session->db,
                             batch->words.items[r->first_word + 1]);
            keyspace_prefetch_bucket(node->keyspace, &refs[count]);
            count++;
        }
    }
    for (size_t i = 0; i < count; i++) {
        keyspace_prefetch_entry(node->keyspace, &refs[i]);
    }
}

void batch_run(struct node *node)
{
    struct batch *batch = &node->batch;

    if (batch->count > 2) {
        prefetch(node, batch);
    }
    for (size_t i = 0; i < batch->count; i++) {
        const struct request *request = &batch->requests[i];
        struct session *s = request->session;

        if (UNLIKELY(session_output_pending(s) > NODE_OUTPUT_FULL) &&
            !(s->flags & (SESSION_HELD | SESSION_REPLICA))) {
            waiting_hold(node, s, HOLD_OUTPUT, MONO_NEVER);
        }
        if (s->flags & SESSION_HELD) {
            buf_append_bytes(&s->stash, request->raw);
        } else if (!session_is_closing(s)) {
            execute_request(node, request);
        }
    }
    for (size_t i = 0; i < batch->count; i++) {
        resp_reader_recycle(&batch->requests[i].session->reader);
    }
    batch->count = 0;
    batch->words.count = 0;
    if (batch->words.cap > WORDS_KEPT) {
        VEC_DEINIT(&batch->words);
    }
    compact_inputs(batch);
}

void batch_deinit(struct batch *batch)
{
    VEC_DEINIT(&batch->words);
}

static void refuse_input(struct node *node, struct session *s, const char *reason)
{
    struct resp_writer reply = {.out = &s->out, .version = s->protocol};

    /* Earlier requests of the pipeline are answered first. */
    batch_run(node);
    if (!session_is_closing(s)) {
        resp_write_error(&reply, "%s", reason);
        node->stats.error_replies++;
        node_log(node, LOG_VERBOSE, "client %s: %s", s->peer.address, reason);
        node_close_session(node, s, true);
    }
}

/* Split requests off the front of in until it ends, running the batch whenever it is full.
 * Returns how many bytes were taken. */
static size_t split(struct node *node, struct session *s, struct bytes in)
{
    struct batch *batch = &node->batch;
    size_t taken = 0;

    while (taken < in.len && !session_is_closing(s)) {
        struct resp_limits limits = limits_for(node, s);
        struct resp_request read;
        struct errmsg error;
        enum resp_status status = resp_read_request(&s->reader, bytes_from(in, taken), &limits,
                                                    &batch->words, &read, &error);

        if (status == RESP_MORE) {
            break;
        }
        if (status == RESP_ERROR) {
            refuse_input(node, s, error.text);
            return in.len;
        }
        taken += read.raw.len;
        if (read.word_count == 0) {
            continue;
        }
        batch->requests[batch->count++] = (struct request){
            .session = s,
            .first_word = read.first_word,
            .word_count = read.word_count,
            .raw = read.raw,
            .is_inline = read.is_inline,
        };
        /* What an unauthenticated client sends first decides what it may send next. */
        if (batch->count == BATCH_REQUESTS || !(s->flags & SESSION_AUTHENTICATED)) {
            batch_run(node);
            if (s->flags & SESSION_HELD) {
                break;
            }
        }
    }
    return taken;
}

/* The session's own input buffer is the source: it is moved up once the batch has run. */
static void split_own(struct node *node, struct session *s)
{
    struct batch *batch = &node->batch;
    size_t taken = split(node, s, buf_bytes(&s->in));

    if (session_is_closing(s)) {
        taken = s->in.len;
    }
    s->in_consumed = taken;
    if (taken > 0) {
        if (batch->count == 0 || batch->compact_count == BATCH_REQUESTS) {
            batch_run(node);
            buf_consume(&s->in, s->in_consumed);
            s->in_consumed = 0;
            buf_shrink_when_empty(&s->in, 0);
        } else {
            batch->compact[batch->compact_count++] = s;
        }
    }
}

static bool is_over_input_limit(const struct node *node, const struct session *s, size_t more)
{
    uint64_t limit = (s->flags & SESSION_AUTHENTICATED)
                         ? (uint64_t)node->config.client_query_buffer_limit
                         : 1024 * 1024;

    return s->in.len + s->stash.len + more > limit;
}

void node_session_input(struct node *node, struct session *s, struct bytes input)
{
    size_t taken;

    node->stats.net_input_bytes += input.len;
    s->bytes_in += input.len;
    if (s->feed != NULL) {
        feed_heard(s->feed, node->now.mono);
    }
    if (session_is_closing(s) || input.len == 0) {
        return;
    }
    if (is_over_input_limit(node, s, input.len)) {
        node->stats.query_limit_disconnections++;
        node_log(node, LOG_WARNING, "client %s exceeds the input limit", s->peer.address);
        node_close_session(node, s, false);
        return;
    }
    if (s->in_consumed > 0) {
        batch_run(node);
    }
    if (s->flags & SESSION_HELD) {
        buf_append_bytes(&s->in, input);
        return;
    }
    if (s->in.len > 0) {
        buf_append_bytes(&s->in, input);
        split_own(node, s);
        return;
    }
    taken = split(node, s, input);
    if (!session_is_closing(s) && taken < input.len) {
        buf_append_bytes(&s->in, bytes_from(input, taken));
    }
}

void batch_resume(struct node *node, struct session *s)
{
    if (s->in_consumed > 0) {
        batch_run(node);
    }
    session_unstash(s);
    if (s->in.len > 0 && !(s->flags & SESSION_HELD) && !session_is_closing(s)) {
        split_own(node, s);
    }
}
