/* SPDX-License-Identifier: MIT */
/* The primary's stream: what it sends is appended to our log byte for byte, at the same offsets, and
 * executed without being judged: the primary has decided.
 *
 * A request is appended when it is executed, and a transaction as a whole, so that the log's
 * end always tells what the key space holds. */
#include "node/state.h"

#include "base/assert.h"
#include "base/num.h"

static const struct resp_limits stream_limits = {
    .max_args = UINT32_MAX,
    .max_bulk_bytes = UINT64_C(4) * 1024 * 1024 * 1024,
    .max_inline_bytes = 64 * 1024,
    .max_depth = 8,
};

static void select_db(struct node *node, const struct bytes *args, size_t count)
{
    int64_t db;

    if (count == 2 && num_parse_i64(args[1], &db) && db >= 0 && db < node->config.databases) {
        node->stream.db = (unsigned)db;
        node->stream_db = (int)db;
    } else {
        node_log(node, LOG_WARNING, "the primary selected a database that does not exist here");
    }
}

static void run(struct node *node, const struct bytes *args, size_t count)
{
    const struct command_spec *spec = command_index_find(&node->commands, args[0]);
    struct resp_writer reply = {.out = &node->stream.replies, .version = 2};
    struct exec x = node_exec(node, node->stream.db);

    if (spec != NULL && spec->id == COMMAND_SELECT) {
        select_db(node, args, count);
        return;
    }
    if (spec != NULL && (spec->id == COMMAND_PING || spec->id == COMMAND_REPLCONF)) {
        return;
    }
    if (spec == NULL || !spec->is_data || !command_arity_fits(spec, count)) {
        char name[65];

        bytes_to_text(args[0], name, sizeof(name));
        node_log(node, LOG_WARNING,
                 "the primary sent '%s', which is ignored: the data may differ from now on", name);
        return;
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
    exec_run(&x);
    node->stream.running = NULL;
    if (node->stream.replies.len > 0 && node->stream.replies.data[0] == '-') {
        node_log(node, LOG_WARNING, "a command of the primary failed here: %.*s",
                 (int)(node->stream.replies.len < 200 ? node->stream.replies.len - 2 : 200),
                 node->stream.replies.data);
    }
    buf_clear(&node->stream.replies);
    buf_shrink_when_empty(&node->stream.replies, 64 * 1024);
    node->saving.changes++;
    if (spec->id == COMMAND_FLUSHALL) {
        snapshot_after_flush(node);
    }
}

/* Everything between MULTI and EXEC, both included, lies in stream.multi. */
static void run_transaction(struct node *node)
{
    struct stream *stream = &node->stream;
    struct bytes rest = buf_bytes(&stream->multi);
    struct resp_reader reader = {0};
    size_t words_before = stream->words.count;

    while (rest.len > 0) {
        struct resp_request request;
        struct errmsg error;
        enum resp_status status =
            resp_read_request(&reader, rest, &stream_limits, &stream->words, &request, &error);

        ASSERT(status == RESP_OK); /* it was read once already */
        if (request.word_count > 0 &&
            !bytes_equal_nocase(stream->words.items[request.first_word], "MULTI") &&
            !bytes_equal_nocase(stream->words.items[request.first_word], "EXEC")) {
            run(node, stream->words.items + request.first_word, request.word_count);
        }
        stream->words.count = words_before;
        rest = bytes_from(rest, request.raw.len);
    }
    resp_reader_deinit(&reader);
    oplog_append(node->log, buf_bytes(&stream->multi));
    buf_clear(&stream->multi);
    stream->is_in_multi = false;
}

static bool is_get_ack(const struct bytes *args, size_t count)
{
    return count >= 2 && bytes_equal_nocase(args[0], "REPLCONF") &&
           bytes_equal_nocase(args[1], "GETACK");
}

static void take(struct node *node, const struct resp_request *request)
{
    struct stream *stream = &node->stream;
    const struct bytes *args = stream->words.items + request->first_word;

    if (request->word_count == 0) {
        oplog_append(node->log, request->raw); /* a bare line end counts, too */
    } else if (stream->is_in_multi) {
        buf_append_bytes(&stream->multi, request->raw);
        if (bytes_equal_nocase(args[0], "EXEC")) {
            run_transaction(node);
        }
    } else if (bytes_equal_nocase(args[0], "MULTI")) {
        stream->is_in_multi = true;
        buf_append_bytes(&stream->multi, request->raw);
    } else {
        if (is_get_ack(args, request->word_count)) {
            stream->wants_ack = true;
            stream->ack_offset = oplog_end(node->log);
        }
        run(node, args, request->word_count);
        oplog_append(node->log, request->raw);
    }
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
        take(node, &request);
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
