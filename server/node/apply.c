/* SPDX-License-Identifier: MIT */
#include "node/apply.h"

#include "base/assert.h"
#include "base/num.h"
#include "node/inside.h"

enum {
    MULTI_MAX_BYTES = 1024 * 1024 * 1024, /* bytes of a transaction */
    RESYNC_AGAIN_MS = 60 * 60 * 1000,
    AHEAD = 32,       /* requests that are read before the first is executed */
    MANY_KEYS = 1000, /* fewer are in the processor's caches anyhow */
};

static const struct resp_limits stream_limits = {
    .max_args = 1024 * 1024,
    .max_bulk_bytes = UINT64_C(4) * 1024 * 1024 * 1024,
    .max_inline_bytes = 64 * 1024,
    .max_depth = 8,
};

static void refuse(struct node *node, struct bytes name, const char *why)
{
    char shown[65];

    bytes_to_text(name, shown, sizeof(shown));
    ASSERT(node->apply.refusal.text[0] == '\0'); /* nothing is executed behind a refusal */
    errmsg_set(&node->apply.refusal, "%s '%s', %s",
               node->loading.phase == LOAD_LOG ? "there is" : "the primary sent", shown, why);
}

/* Does the request concern data at all? */
static bool is_about_data(struct bytes name)
{
    static const char *const others[] = {"ping",  "replconf", "publish",  "spublish",
                                         "multi", "exec",     "function", "script"};

    for (size_t i = 0; i < ARRAY_COUNT(others); i++) {
        if (bytes_equal_nocase(name, others[i])) {
            return false;
        }
    }
    return true;
}

static bool select_db(struct node *node, const struct bytes *args, size_t count)
{
    int64_t db;

    ASSERT(count > 0);
    if (count != 2 || !num_parse_i64(args[1], &db) || db < 0 || db >= node->config.databases) {
        refuse(node, args[0], "of a database that is not here: see databases");
        return false;
    }
    node->apply.db = (unsigned)db;
    journal_set_db(node, (int)db);
    return true;
}

/* What the request calls, a subcommand where its first word has some; NULL when nothing here does that. */
static const struct command_spec *find_spec(const struct node *node, const struct bytes *args,
                                            size_t count)
{
    return command_called(command_index_find(&node->stream_commands, args[0]), args, count);
}

/* Would run know what to do?  For the requests of a transaction, before the first is executed. */
static bool is_known(struct node *node, const struct bytes *args, size_t count)
{
    const struct command_spec *spec = find_spec(node, args, count);
    bool is_known_here = spec != NULL && (spec->is_data || spec->id == COMMAND_SELECT) &&
                         command_arity_fits(spec, count);

    if (is_about_data(args[0]) && !is_known_here) {
        refuse(node, args[0], "which is not known here");
        return false;
    }
    return true;
}

/* What was published at the primary reaches those who listen here. */
static void deliver_message(struct node *node, const struct bytes *args, size_t count)
{
    if (count == 3 && bytes_equal_nocase(args[0], "PUBLISH")) {
        (void)publish_deliver(node, PUBSUB_CHANNEL, args[1], args[2]);
    } else if (count == 3 && bytes_equal_nocase(args[0], "SPUBLISH")) {
        (void)publish_deliver(node, PUBSUB_SHARD, args[1], args[2]);
    }
}

static bool execute(struct node *node, const struct bytes *args, size_t count)
{
    const struct command_spec *spec = find_spec(node, args, count);
    struct buf *replies = &node->apply.replies;
    struct resp_writer reply = {.out = replies, .version = 2};
    struct streamed_command command = {
        .spec = spec, .args = args, .arg_count = count, .db = node->apply.db};
    bool is_done = true;

    if (!is_about_data(args[0])) {
        deliver_message(node, args, count);
        return true;
    }
    if (!is_known(node, args, count)) {
        return false;
    }
    if (spec->id == COMMAND_SELECT) {
        return select_db(node, args, count);
    }
    ASSERT(node->apply.running == NULL);
    node->apply.running = args;
    node->apply.running_count = count;
    call_for_primary(node, &command, &reply);
    node->apply.running = NULL;
    counters_command(&node->counters);
    timing_count(&node->timing, spec->id);
    if (replies->len > 2 && replies->data[0] == '-') {
        char why[128];

        bytes_to_text(bytes_make(replies->data + 1, replies->len - 3), why, sizeof(why));
        refuse(node, args[0], why);
        node->apply.needs_resync = true;
        is_done = false;
    }
    buf_clear(replies);
    buf_shrink_when_empty(replies, 64 * 1024);
    return is_done;
}

/* False when it cannot be executed here: then nothing has happened. */
static bool run(struct node *node, const struct bytes *args, size_t count)
{
    if (!execute(node, args, count)) {
        return false;
    }
    if (UNLIKELY(monitor_is_on(&node->monitors))) {
        const struct streamed_command command = {.spec = find_spec(node, args, count),
                                                 .args = args,
                                                 .arg_count = count,
                                                 .db = node->apply.db};

        monitor_show_streamed(node, &command);
    }
    return true;
}

/* Each request of the transaction in apply.multi, until visit says no. */
static bool each_request(struct node *node,
                         bool (*visit)(struct node *node, const struct bytes *args, size_t count))
{
    struct apply *apply = &node->apply;
    struct bytes rest = buf_bytes(&apply->multi);
    struct resp_reader reader = {0};
    size_t words_before = apply->words.count;
    bool is_fine = true;

    while (rest.len > 0 && is_fine) {
        struct resp_request request;
        struct errmsg error;
        enum resp_status status =
            resp_read_request(&reader, rest, &stream_limits, &apply->words, &request, &error);

        ASSERT(status == RESP_OK); /* it was read once already */
        is_fine = request.word_count == 0 ||
                  visit(node, apply->words.items + request.first_word, request.word_count);
        apply->words.count = words_before;
        rest = bytes_from(rest, request.raw.len);
    }
    resp_reader_deinit(&reader);
    ASSERT(apply->words.count == words_before);
    return is_fine;
}

/* Everything between MULTI and EXEC, both included, lies in apply.multi. */
static bool run_transaction(struct node *node)
{
    struct apply *apply = &node->apply;

    ASSERT(apply->is_in_multi);
    ASSERT(apply->multi.len > 0);
    if (!each_request(node, is_known)) {
        return false;
    }
    /* Should one of them fail here, those before it have happened, and the log does not have them:
     * to go on from its end would make them happen twice. */
    apply->needs_resync = true;
    if (!each_request(node, run)) {
        return false;
    }
    apply->needs_resync = false;
    journal_append_received(node, buf_bytes(&apply->multi));
    buf_clear(&apply->multi);
    apply->is_in_multi = false;
    return true;
}

static bool is_get_ack(const struct bytes *args, size_t count)
{
    return count >= 2 && bytes_equal_nocase(args[0], "REPLCONF") &&
           bytes_equal_nocase(args[1], "GETACK");
}

static bool take(struct node *node, const struct resp_request *request)
{
    struct apply *apply = &node->apply;
    const struct bytes *args;

    if (request->word_count == 0) {
        journal_append_received(node, request->raw); /* a bare line end counts, too */
        return true;
    }
    ASSERT(request->first_word + request->word_count <= apply->words.count);
    args = apply->words.items + request->first_word;
    if (apply->is_in_multi) {
        if (apply->multi.len + request->raw.len > MULTI_MAX_BYTES) {
            refuse(node, args[0], "in a transaction that does not end");
            return false;
        }
        buf_append_bytes(&apply->multi, request->raw);
        return !bytes_equal_nocase(args[0], "EXEC") || run_transaction(node);
    }
    if (bytes_equal_nocase(args[0], "MULTI")) {
        ASSERT(apply->multi.len == 0);
        apply->is_in_multi = true;
        buf_append_bytes(&apply->multi, request->raw);
        return true;
    }
    if (is_get_ack(args, request->word_count)) {
        apply->wants_ack = true;
        apply->ack_offset = oplog_end(node->journal.log);
    }
    if (!run(node, args, request->word_count)) {
        return false;
    }
    journal_append_received(node, request->raw);
    return true;
}

/* What looking up their keys will read.  In all but few commands the key is the first argument; a wrong guess costs a
 * few nanoseconds. */
static void fetch_ahead(const struct node *node, const struct resp_request *requests, size_t count)
{
    const struct keyspace *ks = node->data.keyspace;
    const struct apply *apply = &node->apply;
    struct key_ref refs[AHEAD];
    size_t known = 0;

    if (count < 2 || keyspace_count_all(ks) < MANY_KEYS) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (requests[i].word_count > 1) {
            refs[known++] =
                keyspace_ref(ks, apply->db, apply->words.items[requests[i].first_word + 1]);
        }
    }
    keyspace_prefetch_buckets(ks, refs, known);
    keyspace_prefetch_entries(ks, refs, known);
}

/* Read what is there of the next AHEAD requests, and execute them.  RESP_MORE: the last is cut off; RESP_ERROR: it is not
 * to go on.  *taken moves behind what is done with. */
static enum resp_status take_some(struct node *node, size_t *taken, struct errmsg *error)
{
    struct apply *apply = &node->apply;
    struct resp_request requests[AHEAD];
    enum resp_status status = RESP_OK;
    size_t end = *taken;
    size_t count = 0;

    while (count < AHEAD && status == RESP_OK && end < apply->in.len) {
        status = resp_read_request(&apply->reader, bytes_from(buf_bytes(&apply->in), end),
                                   &stream_limits, &apply->words, &requests[count], error);
        if (status == RESP_OK) {
            end += requests[count++].raw.len;
        }
    }
    fetch_ahead(node, requests, count);
    for (size_t i = 0; i < count; i++) {
        if (!take(node, &requests[i])) {
            ASSERT(apply->refusal.text[0] != '\0');
            *error = apply->refusal;
            return RESP_ERROR;
        }
        *taken += requests[i].raw.len;
    }
    apply->words.count = 0;
    resp_reader_recycle(&apply->reader);
    return status;
}

bool apply_bytes(struct node *node, struct bytes bytes, struct errmsg *error)
{
    struct apply *apply = &node->apply;
    enum resp_status status = RESP_OK;
    size_t taken = 0;

    ASSERT(!node->role.is_primary || node->loading.phase == LOAD_LOG);
    ASSERT(apply->refusal.text[0] == '\0');
    buf_append_bytes(&apply->in, bytes);
    while (taken < apply->in.len && status == RESP_OK) {
        status = take_some(node, &taken, error);
    }
    if (status == RESP_ERROR) {
        return false;
    }
    ASSERT(taken <= apply->in.len);
    buf_consume(&apply->in, taken);
    buf_shrink_when_empty(&apply->in, 256 * 1024);
    return true;
}

void apply_restart(struct node *node, unsigned db)
{
    struct apply *apply = &node->apply;

    ASSERT(apply->running == NULL);
    resp_reader_deinit(&apply->reader);
    buf_deinit(&apply->in);
    buf_deinit(&apply->multi);
    apply->words.count = 0;
    apply->is_in_multi = false;
    apply->wants_ack = false;
    apply->db = db < (unsigned)node->config.databases ? db : 0;
    journal_set_db(node, (int)apply->db);
}

void apply_forgive(struct node *node)
{
    node->apply.refusal = (struct errmsg){0};
}

bool apply_may_resync(struct node *node)
{
    struct apply *apply = &node->apply;

    ASSERT(apply->refusal.text[0] != '\0');
    if (!apply->needs_resync ||
        (apply->has_resynced &&
         mono_ms_between(apply->resynced_at, node->now.mono) < RESYNC_AGAIN_MS)) {
        return false;
    }
    apply->has_resynced = true;
    apply->resynced_at = node->now.mono;
    apply->refusal = (struct errmsg){0};
    return true;
}

void apply_replaced(struct node *node)
{
    node->apply.needs_resync = false;
}

bool apply_take_ack(struct node *node, uint64_t *offset)
{
    bool was_wanted = node->apply.wants_ack;

    node->apply.wants_ack = false;
    ASSERT(!was_wanted || node->apply.ack_offset <= oplog_end(node->journal.log));
    *offset = node->apply.ack_offset;
    return was_wanted;
}

void apply_deinit(struct node *node)
{
    struct apply *apply = &node->apply;

    ASSERT(apply->running == NULL);
    resp_reader_deinit(&apply->reader);
    VEC_DEINIT(&apply->words);
    buf_deinit(&apply->in);
    buf_deinit(&apply->multi);
    buf_deinit(&apply->replies);
}

void apply_check(const struct node *node)
{
    const struct apply *apply = &node->apply;

    ASSERT(apply->running == NULL);
    ASSERT(apply->is_in_multi == (apply->multi.len > 0));
    ASSERT(apply->db < (unsigned)node->config.databases);
    ASSERT(apply->replies.len == 0);
}
