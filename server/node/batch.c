/* SPDX-License-Identifier: MIT */
#include "node/batch.h"

#include "base/assert.h"
#include "base/mem.h"
#include "cluster/route.h"
#include "node/inside.h"
#include "session/queue.h"

enum {
    WORDS_KEPT = 4096,                    /* more room than this is given back after a batch */
    FETCH_AHEAD_KEYS = 1000,              /* fewer are in the processor's caches anyway */
    STRANGER_INPUT_BYTES = 1024 * 1024,   /* of clients that are not authenticated */
    OUTPUT_FULL_BYTES = 32 * 1024 * 1024, /* unread output at which a client is executed no more */
};

static const struct resp_limits *limits_for(const struct node *node, const struct session *s)
{
    return (s->flags & SESSION_AUTHENTICATED) != 0 ? &node->batch.limits
                                                   : &node->batch.stranger_limits;
}

void batch_configure(struct node *node)
{
    ASSERT(node->config.proto_max_bulk_len > 0);
    node->batch.limits = RESP_LIMITS_DEFAULT;
    node->batch.limits.max_bulk_bytes = (uint64_t)node->config.proto_max_bulk_len;
    node->batch.stranger_limits = RESP_LIMITS_UNAUTHENTICATED;
    batch_watch_next(node); /* that may be another one now */
}

static void compact_inputs(struct batch *batch)
{
    for (size_t i = 0; i < batch->compact_count; i++) {
        ASSERT(batch->compact[i]->input.consumed > 0);
        input_compact(&batch->compact[i]->input);
    }
    batch->compact_count = 0;
}

/* Are the keys all of one slot, which is served here without further questions? */
static bool are_served_plainly(const struct node *node, const struct key_ref *refs, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (refs[i].table != refs[0].table) {
            return false;
        }
    }
    return cluster_serves_plainly(node->cluster, (uint16_t)refs[0].table);
}

/* The word of the request that names a member of the value under its key; 0 for none. */
static size_t member_word(const struct request *r)
{
    if (r->key_count != 1 || r->spec->group < COMMAND_GROUP_HASH ||
        r->spec->group > COMMAND_GROUP_SORTED_SET || r->arg_count < 3) {
        return 0;
    }
    /* Behind options and a score; where there are several members, the last one. */
    return r->spec->id == COMMAND_ZADD || r->spec->id == COMMAND_ZINCRBY ? r->arg_count - 1 : 2;
}

/* Hash the request's keys, and see whether it can be executed without asking the gates. */
static void prepare_request(struct node *node, struct batch *batch, struct request *r)
{
    struct key_ref *refs = &batch->keys[batch->key_count];
    const struct bytes *word;
    size_t count = 1;
    size_t step = 1;

    r->args = batch->words.items + r->read.first_word;
    r->key_count = 0;
    r->db = r->session->db;
    r->is_counted = false;
    r->is_for_owner = false;
    r->is_plain = false;
    if (r->spec == NULL || !r->spec->is_data || !command_arity_fits(r->spec, r->arg_count)) {
        batch->has_others = true;
        return;
    }
    r->is_plain = true;
    word = r->args + r->spec->first_key;
    if (!command_has_one_key(r->spec)) {
        struct command_keys keys = command_keys(r->spec, r->args, r->arg_count);

        if (keys.count == 0) {
            /* What writes without naming keys writes to all slots, also those that come in just now; what must not be in a
             * transaction (CLUSTERSCAN) has gates of its own. */
            r->is_plain = (r->spec->flags & COMMAND_FLAG_NO_MULTI) == 0 &&
                          (node->cluster == NULL || (r->spec->flags & COMMAND_FLAG_WRITE) == 0);
            return;
        }
        word = r->args + keys.first;
        step = keys.step;
        count = command_moves_keys(r->spec) ? SIZE_MAX : keys.count; /* such are not hashed here */
    }
    r->first_key = (uint32_t)batch->key_count;
    if (count > BATCH_KEYS - batch->key_count) {
        r->is_plain = node->cluster == NULL; /* its slots were not looked at */
        return;
    }
    for (size_t i = 0; i < count; i++, word += step) {
        refs[i] = keyspace_ref(node->data.keyspace, r->db, *word);
    }
    if (node->cluster != NULL) {
        r->is_plain = are_served_plainly(node, refs, count) &&
                      (LIKELY(hot_copies_own_count(&node->hot_copies) == 0) ||
                       !hot_readers_count(node, r->session, (uint16_t)refs[0].table));
    }
    batch->key_count += count;
    r->key_count = (uint32_t)count;
    if (UNLIKELY(hot_side_may_count(&node->hot, &refs[0])) && !batch->has_others) {
        r->is_counted = gates_are_open_for(node, r) && hot_side_count(node, r, &refs[0]);
    }
    if (UNLIKELY(member_word(r) != 0)) {
        batch->has_members = true;
    }
}

/* How far the work on a batch has come. */
struct stage {
    size_t request;
    size_t key;
};

/* Prepare some requests from there on, and have the buckets of their keys fetched into the
 * processor's caches. */
static struct stage prepare(struct node *node, struct batch *batch, struct stage from)
{
    struct stage to = from;

    while (to.request < batch->count && to.key - from.key < BATCH_WINDOW_KEYS) {
        prepare_request(node, batch, &batch->requests[to.request++]);
        to.key = batch->key_count;
    }
    if (batch->is_fetching && batch->key_count > 1) {
        keyspace_prefetch_buckets(node->data.keyspace, batch->keys + from.key, to.key - from.key);
    }
    return to;
}

/* Have the entries of keys fetched whose buckets were. */
static void fetch(const struct node *node, const struct batch *batch, struct stage from,
                  struct stage to)
{
    if (batch->is_fetching && batch->key_count > 1) {
        keyspace_prefetch_entries(node->data.keyspace, batch->keys + from.key, to.key - from.key);
    }
}

/* Of requests whose entries have been fetched: what they name in large values. */
struct member_hints {
    struct member_hint items[BATCH_WINDOW_KEYS];
    size_t count;
};

static void fetch_member_buckets(const struct node *node, const struct batch *batch, size_t first,
                                 size_t end, struct member_hints *hints)
{
    hints->count = 0;
    for (size_t i = first; i < end && hints->count < BATCH_WINDOW_KEYS; i++) {
        const struct request *r = &batch->requests[i];
        size_t word = r->spec != NULL ? member_word(r) : 0;

        if (word != 0) {
            hints->items[hints->count++] = keyspace_prefetch_member_bucket(
                node->data.keyspace, &batch->keys[r->first_key], r->args[word]);
        }
    }
}

static void fetch_members(const struct node *node, const struct member_hints *hints)
{
    for (size_t i = 0; i < hints->count; i++) {
        keyspace_prefetch_member(node->data.keyspace, hints->items[i]);
    }
}

static void run_request(struct node *node, struct request *request)
{
    struct session *s = request->session;

    if (UNLIKELY(session_output_pending(s) > OUTPUT_FULL_BYTES) &&
        !(s->flags & (SESSION_HELD | SESSION_REPLICA))) {
        waiting_hold(node, s, HOLD_OUTPUT, MONO_NEVER);
    }
    if (UNLIKELY(s->flags & SESSION_HELD)) {
        input_put_back(&s->input, request->read.raw);
    } else if (!session_is_closing(s)) {
        publish_begin_answer(&node->publish, s);
        execute_request(node, request);
        if (publish_end_answer(&node->publish)) {
            publish_give_behind(node, s);
        }
    }
}

/* How far a batch has come, with what is done ahead of its requests. */
struct progress {
    struct stage near;    /* buckets are on their way up to here, */
    struct stage fetched; /* entries up to here, */
    size_t ready;         /* and were long enough ago up to here */
    struct member_hints hints;
    bool is_watching; /* the request that has just run */
    struct hot_watch watch;
};

static void fetch_more(struct node *node, struct progress *p)
{
    struct batch *batch = &node->batch;
    size_t first = p->ready;

    p->ready = p->fetched.request;
    if (UNLIKELY(batch->has_members)) {
        fetch_member_buckets(node, batch, first, p->ready, &p->hints);
    }
    fetch(node, batch, p->fetched, p->near);
    p->fetched = p->near;
    p->near = prepare(node, batch, p->near);
    fetch_members(node, &p->hints);
}

/* The watched request has run, right before the one at the place. */
static void end_watch(struct node *node, struct progress *p, size_t place)
{
    if (p->is_watching) {
        p->is_watching = false;
        hot_side_end(node, &node->batch.requests[place - 1], &p->watch);
        node->batch.watched = place + hot_side_gap(&node->hot);
    }
}

/* There is something to do before the request at the place runs. */
static void make_stop(struct node *node, struct progress *p, size_t place)
{
    struct batch *batch = &node->batch;

    end_watch(node, p, place);
    if (place == p->ready) {
        fetch_more(node, p);
    }
    ASSERT(p->ready > place && batch->watched >= place);
    batch->stop = batch->watched < p->ready ? batch->watched : p->ready;
    if (batch->watched == place) {
        p->is_watching = true;
        hot_side_begin(node, batch->requests[place].session, false, &p->watch);
        batch->stop = place + 1;
    }
}

static void begin_progress(struct node *node, struct progress *p)
{
    struct batch *batch = &node->batch;

    p->near = (struct stage){0};
    p->ready = 0;
    p->hints.count = 0;
    p->is_watching = false;
    p->fetched = prepare(node, batch, p->near);
    fetch(node, batch, p->near, p->fetched);
    p->near = prepare(node, batch, p->fetched);
    batch->watched = hot_side_gap(&node->hot);
    batch->stop = 0;
}

void batch_watch_next(struct node *node)
{
    struct batch *batch = &node->batch;

    if (batch->running != NULL) {
        batch->watched = (size_t)(batch->running - batch->requests) + 1;
        batch->stop = batch->watched;
    }
}

void batch_run(struct node *node)
{
    struct batch *batch = &node->batch;
    struct progress p;

    if (batch->count == 0) {
        compact_inputs(batch);
        return;
    }
    execute_begin(node);
    timing_run_begin(&node->timing, batch->count, node->counters.net_input_bytes);
    batch->key_count = 0;
    batch->has_members = false;
    batch->has_others = false;
    batch->is_fetching = keyspace_count_all(node->data.keyspace) > FETCH_AHEAD_KEYS;
    begin_progress(node, &p);
    for (size_t i = 0; i < batch->count; i++) {
        if (UNLIKELY(i == batch->stop)) {
            make_stop(node, &p, i);
        }
        batch->running = &batch->requests[i];
        run_request(node, &batch->requests[i]);
        if (UNLIKELY(blocked_has_ready(&node->blocked))) {
            serve_ready(node);
        }
    }
    end_watch(node, &p, batch->count);
    if (!node->hot.watches_all) {
        hot_side_leave(&node->hot, batch->watched - batch->count);
    }
    batch->running = NULL;
    slow_end_run(node);
    for (size_t i = 0; i < batch->count; i++) {
        if (UNLIKELY(batch->requests[i].read.is_inline)) {
            resp_reader_recycle(&batch->requests[i].session->input.reader);
        }
    }
    batch->count = 0;
    batch->words.count = 0;
    if (batch->words.cap > WORDS_KEPT) {
        VEC_DEINIT(&batch->words);
    }
    compact_inputs(batch);
}

void batch_deinit(struct node *node)
{
    ASSERT(node->batch.running == NULL);
    VEC_DEINIT(&node->batch.words);
}

static void refuse_input(struct node *node, struct session *s, const char *reason)
{
    struct resp_writer reply = session_writer(s);

    /* Earlier requests of the pipeline are answered first. */
    batch_run(node);
    ASSERT(node->batch.count == 0);
    if (!session_is_closing(s)) {
        resp_write_error(&reply, "%s", reason);
        timing_refused(&node->timing, bytes_from_text(reason));
        node_log(node, LOG_VERBOSE, "client %s: %s", s->peer.address, reason);
        node_close_session(node, s, true);
    }
}

/* Read the request at the front of in into the next place of the batch, and look its command up. */
static enum resp_status read_next(struct node *node, struct session *s, struct bytes in,
                                  struct errmsg *error)
{
    struct batch *batch = &node->batch;
    struct request *r = &batch->requests[batch->count];
    const struct resp_limits *limits = limits_for(node, s);
    enum resp_status status;

    /* Where the careful way has begun on this request, its notes are its own to clear. */
    if (LIKELY(s->input.reader.at == 0 && s->input.reader.scanned == 0 &&
               in.len <= limits->max_bulk_bytes &&
               alike_read(&batch->alike, in, &batch->words, r))) {
        return RESP_OK;
    }
    status = resp_read_request(&s->input.reader, in, limits, &batch->words, &r->read, error);
    if (status == RESP_OK && r->read.word_count > 0) {
        r->spec = command_index_find(&node->commands, batch->words.items[r->read.first_word]);
        alike_note(&batch->alike, in, &batch->words, r);
    }
    return status;
}

/* Split requests off the front of in until it ends, running the batch whenever it is full.
 * Returns how many bytes were taken. */
static size_t split(struct node *node, struct session *s, struct bytes in)
{
    struct batch *batch = &node->batch;
    size_t taken = 0;

    while (taken < in.len && !session_is_closing(s)) {
        struct request *r = &batch->requests[batch->count];
        struct errmsg error;
        enum resp_status status = read_next(node, s, bytes_from(in, taken), &error);

        if (status == RESP_MORE) {
            break;
        }
        if (status == RESP_ERROR) {
            refuse_input(node, s, error.text);
            return in.len;
        }
        taken += r->read.raw.len;
        if (r->read.word_count == 0) {
            continue;
        }
        r->session = s;
        r->arg_count = r->read.word_count;
        batch->count++;
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
    size_t taken = split(node, s, buf_bytes(&s->input.buf));

    if (session_is_closing(s)) {
        taken = s->input.buf.len;
    }
    ASSERT(s->input.consumed == 0);
    ASSERT(taken <= s->input.buf.len);
    s->input.consumed = taken;
    if (taken > 0) {
        if (batch->count == 0 || batch->compact_count == BATCH_REQUESTS) {
            batch_run(node);
            input_compact(&s->input);
        } else {
            batch->compact[batch->compact_count++] = s;
        }
    }
}

static bool is_over_input_limit(const struct node *node, const struct session *s, size_t more)
{
    uint64_t limit = (s->flags & SESSION_AUTHENTICATED)
                         ? (uint64_t)node->config.client_query_buffer_limit
                         : STRANGER_INPUT_BYTES;

    /* What is queued behind MULTI, and what is watched, was sent as well. */
    return input_pending(&s->input) + queue_bytes(s) + watch_memory(s) + more > limit;
}

void batch_take_input(struct node *node, struct session *s, struct bytes input)
{
    size_t taken;

    ASSERT(!node->life.is_freeing);
    if (session_is_closing(s) || input.len == 0) {
        return;
    }
    if (is_over_input_limit(node, s, input.len)) {
        counters_query_limit(&node->counters);
        node_log(node, LOG_WARNING, "client %s exceeds the input limit", s->peer.address);
        node_close_session(node, s, false);
        return;
    }
    if (s->input.consumed > 0) {
        batch_run(node);
    }
    /* What was put back while it was held comes first: batch_resume. */
    if (s->flags & (SESSION_HELD | SESSION_RESUMED)) {
        input_append(&s->input, input);
        return;
    }
    if (s->input.buf.len > 0) {
        input_append(&s->input, input);
        split_own(node, s);
        return;
    }
    taken = split(node, s, input);
    if (!session_is_closing(s) && taken < input.len) {
        input_append(&s->input, bytes_from(input, taken));
    }
}

void batch_resume(struct node *node, struct session *s)
{
    if (s->input.consumed > 0) {
        batch_run(node);
    }
    ASSERT(s->input.consumed == 0);
    ASSERT(node->batch.running == NULL);
    input_rewind(&s->input);
    if (s->input.buf.len > 0 && !(s->flags & SESSION_HELD) && !session_is_closing(s)) {
        split_own(node, s);
    }
}

void batch_check(const struct node *node)
{
    const struct batch *batch = &node->batch;

    ASSERT(batch->count <= BATCH_REQUESTS);
    ASSERT(batch->key_count <= BATCH_KEYS);
    ASSERT(batch->compact_count <= BATCH_REQUESTS);
    ASSERT(batch->running == NULL || batch->count > 0);
    ASSERT(batch->count > 0 || batch->words.count == 0);
    for (size_t i = 0; i < batch->compact_count; i++) {
        ASSERT(batch->compact[i]->input.consumed > 0);
    }
    for (size_t i = 0; i < batch->count; i++) {
        ASSERT(batch->requests[i].session != NULL);
        ASSERT(batch->requests[i].arg_count > 0);
    }
}
