/* SPDX-License-Identifier: MIT */
/* From bytes to requests: everything that arrived in a pass is split first and executed
 * together, so that work over many requests (hashing, prefetching) can be done between.
 *
 * A lookup waits for memory three or four times in a row, for longer than all the rest of a
 * request takes.  So requests go through in small windows, each of three stages at a time: while
 * those of one window are executed, the entries of the next are on their way, and the buckets
 * of the one behind it.
 *
 * Words are borrowed from the shell's buffers or from session->in; neither may move until
 * the batch has run. */
#include "node/state.h"

#include "base/assert.h"
#include "base/mem.h"
#include "cluster/route.h"

enum {
    WORDS_KEPT = 4096, /* more room than this is given back after a batch */
};

static const struct resp_limits *limits_for(const struct node *node, const struct session *s)
{
    return (s->flags & SESSION_AUTHENTICATED) != 0 ? &node->batch.limits
                                                   : &node->batch.stranger_limits;
}

void batch_configure(struct node *node)
{
    node->batch.limits = RESP_LIMITS_DEFAULT;
    node->batch.limits.max_bulk_bytes = (uint64_t)node->config.proto_max_bulk_len;
    node->batch.stranger_limits = RESP_LIMITS_UNAUTHENTICATED;
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

/* Hash the request's keys, and see whether it can be executed without asking the gates. */
static void prepare_request(const struct node *node, struct batch *batch, struct request *r)
{
    const struct bytes *words = batch->words.items + r->first_word;
    struct command_keys keys;

    r->key_count = 0;
    r->db = r->session->db;
    r->is_plain = false;
    if (r->spec == NULL || !r->spec->is_data || !command_arity_fits(r->spec, r->word_count)) {
        return;
    }
    r->is_plain = true;
    keys = command_keys(r->spec, r->word_count);
    if (keys.count == 0) {
        return;
    }
    r->first_key = (uint32_t)batch->key_count;
    if (keys.count > BATCH_KEYS - batch->key_count) {
        r->is_plain = node->cluster == NULL; /* its slots were not looked at */
        return;
    }
    words += keys.first;
    for (size_t i = 0; i < keys.count; i++, words += keys.step) {
        batch->keys[batch->key_count++] = keyspace_ref(node->keyspace, r->db, *words);
    }
    r->key_count = (uint32_t)keys.count;
    if (node->cluster != NULL) {
        const struct key_ref *first = &batch->keys[r->first_key];

        r->is_plain = cluster_serves_plainly(node->cluster, (uint16_t)first->table);
        for (size_t i = 1; i < r->key_count; i++) {
            r->is_plain = r->is_plain && first[i].table == first->table;
        }
    }
}

/* How far the work on a batch has come. */
struct stage {
    size_t request;
    size_t key;
};

/* Prepare some requests from there on, and have the buckets of their keys fetched into the
 * processor's caches. */
static struct stage prepare(const struct node *node, struct batch *batch, struct stage from)
{
    struct stage to = from;

    while (to.request < batch->count && to.key - from.key < BATCH_WINDOW_KEYS) {
        prepare_request(node, batch, &batch->requests[to.request++]);
        to.key = batch->key_count;
    }
    if (batch->key_count > 1) {
        keyspace_prefetch_buckets(node->keyspace, batch->keys + from.key, to.key - from.key);
    }
    return to;
}

/* Have the entries of keys fetched whose buckets were. */
static void fetch(const struct node *node, const struct batch *batch, struct stage from,
                  struct stage to)
{
    if (batch->key_count > 1) {
        keyspace_prefetch_entries(node->keyspace, batch->keys + from.key, to.key - from.key);
    }
}

static void run_request(struct node *node, const struct request *request)
{
    struct session *s = request->session;

    if (UNLIKELY(session_output_pending(s) > NODE_OUTPUT_FULL) &&
        !(s->flags & (SESSION_HELD | SESSION_REPLICA))) {
        waiting_hold(node, s, HOLD_OUTPUT, MONO_NEVER);
    }
    if (UNLIKELY(s->flags & SESSION_HELD)) {
        buf_append_bytes(&s->stash, request->raw);
    } else if (!session_is_closing(s)) {
        execute_request(node, request);
    }
}

void batch_run(struct node *node)
{
    struct batch *batch = &node->batch;
    struct stage near = {0}; /* buckets are on their way up to here, */
    struct stage fetched;    /* entries up to here, */
    size_t ready = 0;        /* and were long enough ago up to here */

    if (batch->count == 0) {
        compact_inputs(batch);
        return;
    }
    execute_begin(node);
    timing_run_begin(&node->timing, batch->count, node->stats.net_input_bytes);
    batch->key_count = 0;
    fetched = prepare(node, batch, near);
    fetch(node, batch, near, fetched);
    near = prepare(node, batch, fetched);
    for (size_t i = 0; i < batch->count; i++) {
        if (i == ready) {
            ready = fetched.request;
            fetch(node, batch, fetched, near);
            fetched = near;
            near = prepare(node, batch, near);
        }
        batch->running = &batch->requests[i];
        run_request(node, batch->running);
    }
    batch->running = NULL;
    slowlog_end_run(node);
    for (size_t i = 0; i < batch->count; i++) {
        if (UNLIKELY(batch->requests[i].is_inline)) {
            resp_reader_recycle(&batch->requests[i].session->reader);
        }
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
    struct resp_writer reply = session_writer(s);

    /* Earlier requests of the pipeline are answered first. */
    batch_run(node);
    if (!session_is_closing(s)) {
        resp_write_error(&reply, "%s", reason);
        timing_refused(&node->timing, bytes_from_text(reason));
        node_log(node, LOG_VERBOSE, "client %s: %s", s->peer.address, reason);
        node_close_session(node, s, true);
    }
}

static void add_request(struct node *node, struct session *s, const struct resp_request *read)
{
    struct batch *batch = &node->batch;
    struct request *r = &batch->requests[batch->count++];

    ASSERT(batch->words.items != NULL && read->word_count > 0);
    r->session = s;
    r->spec = command_index_find(&node->commands, batch->words.items[read->first_word]);
    r->raw = read->raw;
    r->first_word = (uint32_t)read->first_word;
    r->word_count = (uint32_t)read->word_count;
    r->is_inline = read->is_inline;
}

/* Split requests off the front of in until it ends, running the batch whenever it is full.
 * Returns how many bytes were taken. */
static size_t split(struct node *node, struct session *s, struct bytes in)
{
    struct batch *batch = &node->batch;
    const struct resp_limits *limits = limits_for(node, s);
    size_t taken = 0;

    while (taken < in.len && !session_is_closing(s)) {
        struct resp_request read;
        struct errmsg error;
        enum resp_status status = resp_read_request(&s->reader, bytes_from(in, taken), limits,
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
        add_request(node, s, &read);
        /* What an unauthenticated client sends first decides what it may send next. */
        if (batch->count == BATCH_REQUESTS || !(s->flags & SESSION_AUTHENTICATED)) {
            batch_run(node);
            limits = limits_for(node, s);
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

    node->has_input = true;
    node->stats.net_input_bytes += input.len;
    node->stats.reads++;
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
