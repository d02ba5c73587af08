/* SPDX-License-Identifier: MIT */
/* The primary's stream: what it sends is appended to our log byte for byte, at the same offsets, and
 * executed without being judged: the primary has decided.
 *
 * A request is appended when it is executed, and a transaction as a whole, so that the log's
 * end always tells what the key space holds.
 *
 * What cannot be executed here (a command of a newer server, a type that we do not have) is refused,
 * and with it all that comes behind: the data would differ from then on, and nobody would know.  The
 * log ends before it, and the link stays down until somebody says what to follow. */
#include "node/state.h"

#include "base/assert.h"
#include "base/num.h"

enum {
    STREAM_MULTI_MAX = 1024 * 1024 * 1024, /* bytes of a transaction */
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
    errmsg_set(&node->stream.refusal, "the primary sent '%s', %s", shown, why);
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

    if (count != 2 || !num_parse_i64(args[1], &db) || db < 0 || db >= node->config.databases) {
        refuse(node, args[0], "of a database that is not here: see databases");
        return false;
    }
    node->stream.db = (unsigned)db;
    node->stream_db = (int)db;
    return true;
}

/* Would run know what to do?  For the requests of a transaction, before the first is executed. */
static bool is_known(struct node *node, const struct bytes *args, size_t count)
{
    const struct command_spec *spec = command_index_find(&node->stream_commands, args[0]);
    bool is_known_here = spec != NULL && (spec->is_data || spec->id == COMMAND_SELECT) &&
                         command_arity_fits(spec, count);

    if (is_about_data(args[0]) && !is_known_here) {
        refuse(node, args[0], "which is not known here");
        return false;
    }
    return true;
}

/* False when it cannot be executed here: then nothing has happened. */
static bool run(struct node *node, const struct bytes *args, size_t count)
{
    const struct command_spec *spec = command_index_find(&node->stream_commands, args[0]);
    struct buf *replies = &node->stream.replies;
    struct resp_writer reply = {.out = replies, .version = 2};
    struct exec x = node_exec(node, node->stream.db);
    enum exec_result result;
    bool is_done = true;

    if (!is_about_data(args[0])) {
        return true;
    }
    if (!is_known(node, args, count)) {
        return false;
    }
    if (spec->id == COMMAND_SELECT) {
        return select_db(node, args, count);
    }
    effects_begin(&node->effects, (struct bytes){0}, args, count);
    x.spec = spec;
    x.args = args;
    x.arg_count = count;
    x.from_primary = true;
    x.reply = &reply;
    exec_set_clock(&x);
    node->stream.running = args;
    node->stream.running_count = count;
    result = exec_run(&x);
    ASSERT(result == EXEC_DONE); /* the primary has waited for us */
    node->stream.running = NULL;
    node->stats.commands++;
    node->timing.commands[spec->id].calls++;
    if (replies->len > 2 && replies->data[0] == '-') {
        char why[128];

        bytes_to_text(bytes_make(replies->data + 1, replies->len - 3), why, sizeof(why));
        refuse(node, args[0], why);
        is_done = false;
    }
    buf_clear(replies);
    buf_shrink_when_empty(replies, 64 * 1024);
    node->saving.changes++;
    if (spec->id == COMMAND_FLUSHALL) {
        snapshot_after_flush(node);
    }
    return is_done;
}

/* Each request of the transaction in stream.multi, until visit says no. */
static bool each_request(struct node *node,
                         bool (*visit)(struct node *node, const struct bytes *args, size_t count))
{
    struct stream *stream = &node->stream;
    struct bytes rest = buf_bytes(&stream->multi);
    struct resp_reader reader = {0};
    size_t words_before = stream->words.count;
    bool is_fine = true;

    while (rest.len > 0 && is_fine) {
        struct resp_request request;
        struct errmsg error;
        enum resp_status status =
            resp_read_request(&reader, rest, &stream_limits, &stream->words, &request, &error);

        ASSERT(status == RESP_OK); /* it was read once already */
        is_fine = request.word_count == 0 ||
                  visit(node, stream->words.items + request.first_word, request.word_count);
        stream->words.count = words_before;
        rest = bytes_from(rest, request.raw.len);
    }
    resp_reader_deinit(&reader);
    return is_fine;
}

/* Everything between MULTI and EXEC, both included, lies in stream.multi. */
static bool run_transaction(struct node *node)
{
    struct stream *stream = &node->stream;

    if (!each_request(node, is_known)) {
        return false;
    }
    /* Should one of them fail here, those before it have happened, and the log does not have them:
     * to go on from its end would make them happen twice. */
    stream->is_torn = true;
    if (!each_request(node, run)) {
        return false;
    }
    stream->is_torn = false;
    oplog_append(node->log, buf_bytes(&stream->multi));
    buf_clear(&stream->multi);
    stream->is_in_multi = false;
    return true;
}

static bool is_get_ack(const struct bytes *args, size_t count)
{
    return count >= 2 && bytes_equal_nocase(args[0], "REPLCONF") &&
           bytes_equal_nocase(args[1], "GETACK");
}

static bool take(struct node *node, const struct resp_request *request)
{
    struct stream *stream = &node->stream;
    const struct bytes *args;

    if (request->word_count == 0) {
        oplog_append(node->log, request->raw); /* a bare line end counts, too */
        return true;
    }
    args = stream->words.items + request->first_word;
    if (stream->is_in_multi) {
        if (stream->multi.len + request->raw.len > STREAM_MULTI_MAX) {
            refuse(node, args[0], "in a transaction that does not end");
            return false;
        }
        buf_append_bytes(&stream->multi, request->raw);
        return !bytes_equal_nocase(args[0], "EXEC") || run_transaction(node);
    }
    if (bytes_equal_nocase(args[0], "MULTI")) {
        stream->is_in_multi = true;
        buf_append_bytes(&stream->multi, request->raw);
        return true;
    }
    if (is_get_ack(args, request->word_count)) {
        stream->wants_ack = true;
        stream->ack_offset = oplog_end(node->log);
    }
    if (!run(node, args, request->word_count)) {
        return false;
    }
    oplog_append(node->log, request->raw);
    return true;
}

bool stream_apply(struct node *node, struct bytes bytes, struct errmsg *error)
{
    struct stream *stream = &node->stream;
    size_t taken = 0;

    buf_append_bytes(&stream->in, bytes);
    while (taken < stream->in.len) {
        struct resp_request request;
        enum resp_status status =
            resp_read_request(&stream->reader, bytes_from(buf_bytes(&stream->in), taken),
                              &stream_limits, &stream->words, &request, error);

        if (status == RESP_MORE) {
            break;
        }
        if (status == RESP_ERROR) {
            return false;
        }
        if (!take(node, &request)) {
            *error = stream->refusal;
            return false;
        }
        taken += request.raw.len;
        stream->words.count = 0;
        resp_reader_recycle(&stream->reader);
    }
    buf_consume(&stream->in, taken);
    buf_shrink_when_empty(&stream->in, 256 * 1024);
    return true;
}

void stream_restart(struct node *node, unsigned db)
{
    struct stream *stream = &node->stream;

    resp_reader_deinit(&stream->reader);
    buf_deinit(&stream->in);
    buf_deinit(&stream->multi);
    stream->words.count = 0;
    stream->is_in_multi = false;
    stream->wants_ack = false;
    stream->db = db < (unsigned)node->config.databases ? db : 0;
    node->stream_db = (int)stream->db;
}

void stream_deinit(struct stream *stream)
{
    resp_reader_deinit(&stream->reader);
    VEC_DEINIT(&stream->words);
    buf_deinit(&stream->in);
    buf_deinit(&stream->multi);
    buf_deinit(&stream->replies);
}
