/* SPDX-License-Identifier: MIT */
/* The loop over redirections is bounded; a subscription ends by an interruption only. */
#include "cli/execute.h"

#include "base/num.h"
#include "cli/print.h"
#include "resp/writer.h"
#include "spec/slot.h"

#include <stdio.h>

enum {
    REDIRECTIONS_MAX = 16,
};

void executor_deinit(struct executor *executor)
{
    buf_deinit(&executor->out);
}

/* ---- what the words say ------------------------------------------------------------------------ */

bool execute_parse_redirection(struct bytes error, struct redirection *out)
{
    struct bytes rest = error;
    struct bytes kind = bytes_next_word(&rest, ' ');
    struct bytes slot_text = bytes_next_word(&rest, ' ');
    struct bytes address = bytes_next_word(&rest, ' ');
    uint64_t slot;

    *out = (struct redirection){.is_ask = bytes_equal_text(kind, "ASK")};
    if (!out->is_ask && !bytes_equal_text(kind, "MOVED")) {
        return false;
    }
    if (!num_parse_u64(slot_text, &slot) || slot >= SLOT_COUNT) {
        return false;
    }
    out->slot = (uint16_t)slot;
    /* ":port" alone: the host we talk to already. */
    if (bytes_has_prefix(address, ":") &&
        bytes_find_byte(bytes_from(address, 1), ':') == SIZE_MAX) {
        uint64_t port;

        if (!num_parse_u64(bytes_from(address, 1), &port) || port == 0 || port > 65535) {
            return false;
        }
        out->port = (uint16_t)port;
        return true;
    }
    return addr_split(address, out->host, &out->port) && out->port != 0;
}

static bool is_word(const struct bytes *words, size_t count, size_t at, const char *text)
{
    return at < count && bytes_equal_nocase(words[at], text);
}

bool execute_is_plain_text(const struct bytes *words, size_t word_count)
{
    static const char *const pairs[][2] = {
        {"cluster", "nodes"       },
        {"cluster", "info"        },
        {"client",  "list"        },
        {"client",  "info"        },
        {"debug",   "htstats"     },
        {"debug",   "htstats-key" },
        {"memory",  "doctor"      },
        {"memory",  "malloc-stats"},
        {"latency", "graph"       },
        {"latency", "doctor"      },
    };

    if (is_word(words, word_count, 0, "info") || is_word(words, word_count, 0, "lolwut")) {
        return true;
    }
    for (size_t i = 0; i < ARRAY_COUNT(pairs); i++) {
        if (is_word(words, word_count, 0, pairs[i][0]) &&
            is_word(words, word_count, 1, pairs[i][1])) {
            return true;
        }
    }
    return false;
}

static bool is_endless(const struct bytes *words, size_t count)
{
    return is_word(words, count, 0, "subscribe") || is_word(words, count, 0, "psubscribe") ||
           is_word(words, count, 0, "ssubscribe") || is_word(words, count, 0, "monitor");
}

/* ---- printing ---------------------------------------------------------------------------------- */

static void print_reply(struct executor *executor, const struct resp_value *reply, bool is_plain)
{
    const struct render_options *how = &executor->options->render;

    if (executor->splits_errors && reply->type == RESP_FAILURE) {
        fflush(stdout);
        fprintf(stderr, "%.*s\n", (int)reply->text.len, reply->text.data);
        return;
    }
    buf_clear(&executor->out);
    (is_plain ? render_plain_text : render_reply)(&executor->out, reply, how);
    print_buf(&executor->out);
    buf_shrink_when_empty(&executor->out, 1024 * 1024);
}

/* The next value that is no push; pushes on the way are shown or dropped. */
static enum connection_status read_reply(struct executor *executor, struct resp_value *reply,
                                         struct errmsg *error)
{
    for (;;) {
        enum connection_status status = connection_read(executor->connection, reply, error);

        if (status != CONNECTION_OK || reply->type != RESP_PUSH) {
            return status;
        }
        if (executor->options->shows_pushes) {
            print_reply(executor, reply, false);
        }
        resp_value_deinit(reply);
    }
}

/* ---- sending ----------------------------------------------------------------------------------- */

static enum execute_status connect_if_needed(struct executor *executor, struct errmsg *error)
{
    if (executor->connection->client == NULL) {
        executor->is_in_transaction = false;
        if (!connection_open(executor->connection, error)) {
            return EXECUTE_LOST;
        }
    }
    return EXECUTE_OK;
}

static enum execute_status status_of(struct executor *executor, enum connection_status status)
{
    switch (status) {
    case CONNECTION_OK:
        return EXECUTE_OK;
    case CONNECTION_LOST:
        return EXECUTE_LOST;
    case CONNECTION_INTERRUPTED:
        break;
    }
    connection_close(executor->connection); /* a late reply must not be taken for another's */
    return EXECUTE_INTERRUPTED;
}

static enum execute_status follow(struct executor *executor, const struct redirection *to,
                                  struct errmsg *error)
{
    struct connection *connection = executor->connection;
    char where[ADDR_TEXT];
    enum execute_status status;

    connection_move(connection, to->host[0] != '\0' ? to->host : connection->host, to->port);
    connection_format(connection, where);
    if (executor->options->render.format == RENDER_TTY) {
        printf("-> Redirected to slot [%d] located at %s\n", to->slot, where);
        fflush(stdout);
    }
    status = connect_if_needed(executor, error);
    if (status == EXECUTE_OK && to->is_ask) {
        const struct bytes asking = BYTES_LITERAL("ASKING");
        struct resp_value reply;

        client_send(connection->client, &asking, 1);
        status = status_of(executor, read_reply(executor, &reply, error));
        if (status == EXECUTE_OK) {
            resp_value_deinit(&reply);
        }
    }
    return status;
}

/* Send the words, again as long as the reply is a redirection. */
static enum execute_status call(struct executor *executor, const struct bytes *words,
                                size_t word_count, struct resp_value *reply, struct errmsg *error)
{
    enum execute_status status = connect_if_needed(executor, error);

    for (int i = 0; status == EXECUTE_OK; i++) {
        struct redirection to;

        client_send(executor->connection->client, words, word_count);
        status = status_of(executor, read_reply(executor, reply, error));
        if (status != EXECUTE_OK || !executor->options->follows_redirects ||
            i == REDIRECTIONS_MAX || reply->type != RESP_FAILURE ||
            !execute_parse_redirection(resp_value_bytes(reply), &to)) {
            break;
        }
        resp_value_deinit(reply);
        status = follow(executor, &to, error);
    }
    return status;
}

/* Messages of a subscription, or of MONITOR, for as long as they come. */
static enum execute_status stream(struct executor *executor, const struct bytes *words,
                                  size_t word_count, struct errmsg *error)
{
    enum execute_status status = connect_if_needed(executor, error);
    bool has_failed = false;

    if (status != EXECUTE_OK) {
        return status;
    }
    if (executor->options->render.format != RENDER_RAW &&
        !is_word(words, word_count, 0, "monitor")) {
        puts("Reading messages... (press Ctrl-C to quit)");
        fflush(stdout);
    }
    client_send(executor->connection->client, words, word_count);
    while (status == EXECUTE_OK && !has_failed) {
        struct resp_value value;

        status = status_of(executor, connection_read(executor->connection, &value, error));
        if (status == EXECUTE_OK) {
            print_reply(executor, &value, false);
            has_failed = value.type == RESP_FAILURE;
            resp_value_deinit(&value);
        }
        if (status == EXECUTE_OK && ferror(stdout) != 0) { /* nobody reads any more */
            errmsg_set(error, "cannot write to standard output");
            connection_close(executor->connection);
            status = EXECUTE_LOST;
        }
    }
    executor->was_error = has_failed;
    return status;
}

/* What a successful command changes about the connection. */
static void remember(struct executor *executor, const struct bytes *words, size_t count)
{
    int64_t db;

    if (is_word(words, count, 0, "select") && count == 2 && !executor->is_in_transaction &&
        num_parse_i64(words[1], &db)) {
        executor->connection->db = db;
    } else if (is_word(words, count, 0, "multi")) {
        executor->is_in_transaction = true;
    } else if (is_word(words, count, 0, "exec") || is_word(words, count, 0, "discard")) {
        executor->is_in_transaction = false;
    } else if (is_word(words, count, 0, "reset")) {
        executor->is_in_transaction = false;
        executor->connection->db = 0;
    }
}

enum execute_status execute(struct executor *executor, const struct bytes *words, size_t word_count,
                            struct errmsg *error)
{
    struct resp_value reply;
    enum execute_status status;

    executor->was_error = false;
    if (is_endless(words, word_count)) {
        return stream(executor, words, word_count, error);
    }
    status = call(executor, words, word_count, &reply, error);
    if (status != EXECUTE_OK) {
        executor->is_in_transaction = false;
        /* SHUTDOWN has no reply but the end of the connection. */
        return status == EXECUTE_LOST && is_word(words, word_count, 0, "shutdown") &&
                       executor->connection->client == NULL
                   ? EXECUTE_OK
                   : status;
    }
    executor->was_error = reply.type == RESP_FAILURE;
    if (!executor->was_error) {
        remember(executor, words, word_count);
    } else if (is_word(words, word_count, 0, "exec")) {
        executor->is_in_transaction = false;
    }
    print_reply(executor, &reply, execute_is_plain_text(words, word_count));
    resp_value_deinit(&reply);
    return EXECUTE_OK;
}
