/* SPDX-License-Identifier: MIT */
/* What has to be said on a fresh connection (AUTH, HELLO, SELECT), and waiting for replies that
 * the user may interrupt. */
#include "cli/connect.h"

#include "base/num.h"
#include "base/vec.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    NODE_TIMEOUT_MS = 5000, /* of management calls, unless -t says otherwise */
};

void connection_init(struct connection *connection, const struct options *options,
                     const struct interrupt *interrupt)
{
    *connection = (struct connection){
        .options = options,
        .interrupt = interrupt,
        .port = (uint16_t)options->port,
        .uses_path = options->unix_path != NULL,
        .db = options->db,
    };
    bytes_to_text(bytes_from_text(options->host), connection->host, sizeof(connection->host));
}

void connection_close(struct connection *connection)
{
    client_close(connection->client);
    connection->client = NULL;
}

void connection_move(struct connection *connection, const char *host, uint16_t port)
{
    char kept[ADDR_HOST_TEXT];

    connection_close(connection);
    bytes_to_text(bytes_from_text(host), kept, sizeof(kept)); /* host may be our own */
    bytes_to_text(bytes_from_text(kept), connection->host, sizeof(connection->host));
    connection->port = port;
    connection->uses_path = false;
}

void connection_format(const struct connection *connection, char out[ADDR_TEXT])
{
    if (connection->uses_path) {
        snprintf(out, ADDR_TEXT, "%s", connection->options->unix_path);
    } else {
        snprintf(out, ADDR_TEXT,
                 bytes_find_byte(bytes_from_text(connection->host), ':') == SIZE_MAX ? "%s:%u"
                                                                                     : "[%s]:%u",
                 connection->host, connection->port);
    }
}

/* ---- what is said first ------------------------------------------------------------------------ */

static bool call_texts(struct client *client, const struct bytes *words, size_t count,
                       struct resp_value *out, struct errmsg *error)
{
    enum client_status status = client_call(client, words, count, out, error);

    if (status == CLIENT_CLOSED) {
        errmsg_set(error, "Server closed the connection");
    }
    return status == CLIENT_OK;
}

/* What the server says against it becomes refusal; false only when the connection is of no use. */
static bool introduce(struct client *client, const struct bytes *words, size_t count,
                      struct errmsg *refusal, struct errmsg *error)
{
    bool is_secret = bytes_equal_text(words[0], "AUTH");
    struct resp_value reply;

    if (!call_texts(client, words, count, &reply, error)) {
        return false;
    }
    if (reply.type == RESP_FAILURE) {
        errmsg_set(refusal, "%s%s%s failed: %.*s", words[0].data, is_secret ? "" : " ",
                   is_secret ? "" : words[1].data, (int)reply.text.len, reply.text.data);
    }
    resp_value_deinit(&reply);
    return true;
}

static bool authenticate(struct client *client, const struct options *options,
                         struct errmsg *refusal, struct errmsg *error)
{
    struct bytes words[3] = {BYTES_LITERAL("AUTH")};
    size_t count = 1;

    if (options->password == NULL) {
        return true;
    }
    if (options->user != NULL) {
        words[count++] = bytes_from_text(options->user);
    }
    words[count++] = bytes_from_text(options->password);
    return introduce(client, words, count, refusal, error);
}

static bool choose_protocol(struct client *client, int64_t protocol, struct errmsg *refusal,
                            struct errmsg *error)
{
    struct bytes words[] = {BYTES_LITERAL("HELLO"),
                            protocol == 2 ? BYTES_LITERAL("2") : BYTES_LITERAL("3")};

    return protocol == 0 || introduce(client, words, ARRAY_COUNT(words), refusal, error);
}

static bool choose_db(struct client *client, int64_t db, struct errmsg *refusal,
                      struct errmsg *error)
{
    char text[NUM_I64_TEXT + 1];
    struct bytes words[] = {BYTES_LITERAL("SELECT"), {0}};

    snprintf(text, sizeof(text), "%" PRId64, db);
    words[1] = bytes_from_text(text);
    return db == 0 || introduce(client, words, ARRAY_COUNT(words), refusal, error);
}

/* Only the system's words: the address stands in front of them anyhow. */
static void keep_reason(struct errmsg *error)
{
    struct bytes text = bytes_from_text(error->text);
    struct errmsg reason = {0};

    for (size_t at = text.len; at > 2; at--) {
        if (text.data[at - 2] == ':' && text.data[at - 1] == ' ') {
            errmsg_set(&reason, "%s", text.data + at);
            *error = reason;
            return;
        }
    }
}

static void warn(const struct errmsg *refusal)
{
    if (refusal->text[0] != '\0') {
        fprintf(stderr, "%s\n", refusal->text);
    }
}

bool connection_open(struct connection *connection, struct errmsg *error)
{
    const struct options *options = connection->options;
    struct client_options to = {
        .host = connection->host,
        .port = connection->port,
        .unix_path = connection->uses_path ? options->unix_path : NULL,
        .timeout_ms = options->timeout_ms,
    };
    struct errmsg refusals[3] = {0};
    char where[ADDR_TEXT];

    connection_close(connection);
    connection->client = client_open(&to, error);
    if (connection->client == NULL) {
        keep_reason(error);
    }
    if (connection->client == NULL ||
        !authenticate(connection->client, options, &refusals[0], error) ||
        !choose_protocol(connection->client, options->protocol, &refusals[1], error) ||
        !choose_db(connection->client, connection->db, &refusals[2], error)) {
        connection_close(connection);
        connection_format(connection, where);
        errmsg_wrap(error, "Could not connect to Starling at %s", where);
        return false;
    }
    error->text[0] = '\0'; /* of addresses tried before the one that answered */
    if (options->is_verbose) {
        connection_format(connection, where);
        fprintf(stderr, "Connected to %s\n", where);
    }
    for (size_t i = 0; i < ARRAY_COUNT(refusals); i++) {
        warn(&refusals[i]);
    }
    if (refusals[2].text[0] != '\0') {
        connection->db = 0;
    }
    return true;
}

/* ---- replies ----------------------------------------------------------------------------------- */

static enum connection_status lost(struct connection *connection)
{
    connection_close(connection);
    return CONNECTION_LOST;
}

enum connection_status connection_read(struct connection *connection, struct resp_value *out,
                                       struct errmsg *error)
{
    struct client *client = connection->client;
    int64_t timeout_ms = connection->options->timeout_ms;

    for (;;) {
        enum client_status pumped = client_pump(client, error);
        enum client_status status = client_try_read(client, out, error);

        if (status == CLIENT_OK) {
            return CONNECTION_OK;
        }
        if (pumped == CLIENT_CLOSED) {
            errmsg_set(error, "Server closed the connection");
        }
        if (pumped != CLIENT_OK || status != CLIENT_TIMEOUT) {
            return lost(connection);
        }
        switch (interrupt_wait(connection->interrupt, client_fd(client), client_has_output(client),
                               timeout_ms > 0 ? timeout_ms : -1)) {
        case INTERRUPT_READY:
            break;
        case INTERRUPT_TIMEOUT:
            errmsg_set(error, "Server did not answer within %" PRId64 " ms", timeout_ms);
            return lost(connection);
        case INTERRUPT_CAME:
            return CONNECTION_INTERRUPTED;
        }
    }
}

enum connection_status connection_call(struct connection *connection, const struct bytes *words,
                                       size_t word_count, struct resp_value *out,
                                       struct errmsg *error)
{
    client_send(connection->client, words, word_count);
    return connection_read(connection, out, error);
}

/* ---- management -------------------------------------------------------------------------------- */

/* A server without a password refuses AUTH, and serves all the same. */
static struct client *open_authenticated(const struct options *options,
                                         const struct client_options *to, struct errmsg *error)
{
    struct client *client = client_open(to, error);
    struct errmsg refusal = {0};

    if (client == NULL) {
        keep_reason(error);
    } else if (!authenticate(client, options, &refusal, error)) {
        client_close(client);
        client = NULL;
    }
    return client;
}

struct client *connection_open_second(const struct connection *connection, int64_t timeout_ms,
                                      struct errmsg *error)
{
    const struct client_options to = {
        .host = connection->host,
        .port = connection->port,
        .unix_path = connection->uses_path ? connection->options->unix_path : NULL,
        .timeout_ms = timeout_ms,
    };

    return open_authenticated(connection->options, &to, error);
}

int64_t connect_node_timeout_ms(const struct options *options)
{
    return options->timeout_ms > 0 ? options->timeout_ms : NODE_TIMEOUT_MS;
}

struct client *connect_node(const struct options *options, const char *host, uint16_t port,
                            struct errmsg *error)
{
    const struct client_options to = {
        .host = host,
        .port = port,
        .timeout_ms = connect_node_timeout_ms(options),
    };
    struct client *client = open_authenticated(options, &to, error);

    if (client == NULL) {
        errmsg_wrap(error, "Could not connect to Starling at %s:%u", host, port);
    } else if (options->is_verbose) {
        fprintf(stderr, "Connected to %s:%u\n", host, port);
    }
    return client;
}

static bool call_words(struct client *client, const struct bytes *words, size_t count,
                       struct resp_value *out, struct errmsg *error)
{
    if (!call_texts(client, words, count, out, error)) {
        return false;
    }
    if (out->type == RESP_FAILURE) {
        errmsg_set(error, "%.*s", (int)out->text.len, out->text.data);
        resp_value_deinit(out);
        return false;
    }
    return true;
}

bool connect_call(struct client *client, const char *const *words, size_t word_count,
                  struct resp_value *out, struct errmsg *error)
{
    VEC(struct bytes) sent = {0};
    bool is_ok;

    for (size_t i = 0; i < word_count; i++) {
        VEC_PUSH(&sent, bytes_from_text(words[i]));
    }
    is_ok = call_words(client, sent.items, sent.count, out, error);
    VEC_DEINIT(&sent);
    return is_ok;
}

bool connect_order(struct client *client, const char *const *words, size_t word_count,
                   struct errmsg *error)
{
    struct resp_value reply;

    if (!connect_call(client, words, word_count, &reply, error)) {
        return false;
    }
    resp_value_deinit(&reply);
    return true;
}

bool connect_order_words(struct client *client, const struct bytes *words, size_t word_count,
                         struct errmsg *error)
{
    struct resp_value reply;

    if (!call_words(client, words, word_count, &reply, error)) {
        return false;
    }
    resp_value_deinit(&reply);
    return true;
}
