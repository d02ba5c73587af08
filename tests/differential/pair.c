/* SPDX-License-Identifier: MIT */
#include "tests/differential/pair.h"

#include "base/assert.h"
#include "resp/limits.h"

#include <stdio.h>

enum {
    TIMEOUT_MS = 30000,
    WORDS_AT_ONCE = 8192,
};

const char *side_name(enum side side)
{
    return side == OURS ? "starling-server" : "the stock server";
}

/* The stock server keeps an append-only file, to be imported (check_import). */
static bool start_server(struct server *s, const char *program, bool has_aof, struct errmsg *error)
{
    if (!server_prepare(s, program, error)) {
        return false;
    }
    server_add_arg(s, "--save");
    server_add_arg(s, "");
    server_add_arg(s, "--appendonly");
    server_add_arg(s, has_aof ? "yes" : "no");
    return server_start(s, error);
}

static struct client *connect_in(const struct server *s, int protocol, struct errmsg *error)
{
    struct client *client = server_connect(s, error);
    struct resp_value value;

    if (client == NULL) {
        return NULL;
    }
    client_set_timeout_ms(client, TIMEOUT_MS);
    client_send_texts(client, 2, "HELLO", protocol == 3 ? "3" : "2");
    if (client_read(client, &value, error) != CLIENT_OK) {
        client_close(client);
        return NULL;
    }
    resp_value_deinit(&value);
    return client;
}

struct client *pair_connect(struct pair *pair, enum side side, struct errmsg *error)
{
    return connect_in(&pair->servers[side], 2, error);
}

bool pair_start(struct pair *pair, const char *stock_program, struct errmsg *error)
{
    char ours[SERVER_PATH_MAX];

    *pair = (struct pair){0};
    snprintf(ours, sizeof(ours), "%s/starling-server", server_bin_dir());
    if (!start_server(&pair->servers[OURS], ours, false, error) ||
        !start_server(&pair->servers[STOCK], stock_program, true, error)) {
        return false;
    }
    for (int side = OURS; side < SIDE_COUNT; side++) {
        for (int protocol = 2; protocol <= 3; protocol++) {
            struct client *client = connect_in(&pair->servers[side], protocol, error);

            pair->clients[side][protocol - 2] = client;
            if (client == NULL) {
                return false;
            }
        }
    }
    return true;
}

void pair_stop(struct pair *pair)
{
    for (int side = OURS; side < SIDE_COUNT; side++) {
        for (int i = 0; i < 2; i++) {
            if (pair->clients[side][i] != NULL) {
                client_close(pair->clients[side][i]);
            }
        }
        if (pair->servers[side].dir[0] != '\0') {
            server_cleanup(&pair->servers[side]);
        }
    }
}

static void send_commands(struct client *client, const struct command *commands, size_t count)
{
    struct bytes words[WORDS_AT_ONCE];

    for (size_t i = 0; i < count; i++) {
        ASSERT(commands[i].count <= WORDS_AT_ONCE);
        for (size_t w = 0; w < commands[i].count; w++) {
            words[w] = command_word(&commands[i], w);
        }
        client_send(client, words, commands[i].count);
    }
}

bool pair_read(struct client *client, struct buf *out, struct errmsg *error)
{
    struct resp_value_scan scan = {0};
    struct resp_limits limits = RESP_LIMITS_DEFAULT;
    enum resp_status status;

    while ((status = resp_value_scan(&scan, client_input(client), &limits, error)) == RESP_MORE) {
        enum client_status got = client_wait_input(client, error);

        if (got != CLIENT_OK) {
            if (got == CLIENT_TIMEOUT) {
                errmsg_set(error, "no reply came in %d s", TIMEOUT_MS / 1000);
            } else if (got == CLIENT_CLOSED) {
                errmsg_set(error, "it closed the connection");
            }
            return false;
        }
    }
    if (status != RESP_OK) {
        return false;
    }
    buf_append(out, client_input(client).data, scan.at);
    client_consume(client, scan.at);
    return true;
}

static bool read_replies(struct client *client, size_t count, struct replies *out,
                         struct errmsg *error)
{
    buf_clear(&out->bytes);
    for (out->count = 0; out->count < count; out->count++) {
        if (!pair_read(client, &out->bytes, error)) {
            return false;
        }
        out->ends[out->count] = out->bytes.len;
    }
    return true;
}

static struct client *start_asking(struct pair *pair, enum side side, int protocol,
                                   const struct command *commands, size_t count)
{
    struct client *client = pair->clients[side][protocol - 2];

    ASSERT(count <= REPLIES_MAX);
    send_commands(client, commands, count);
    return client;
}

bool pair_ask(struct pair *pair, enum side side, int protocol, const struct command *commands,
              size_t count, struct replies *out, struct errmsg *error)
{
    struct client *client = start_asking(pair, side, protocol, commands, count);

    if (client_flush(client, error) == CLIENT_OK && read_replies(client, count, out, error)) {
        return true;
    }
    errmsg_wrap(error, "%s", side_name(side));
    return false;
}

bool pair_ask_both(struct pair *pair, int protocol, const struct command *commands, size_t count,
                   struct replies out[SIDE_COUNT], struct errmsg *error)
{
    for (int side = OURS; side < SIDE_COUNT; side++) {
        if (client_flush(start_asking(pair, (enum side)side, protocol, commands, count), error) !=
            CLIENT_OK) {
            errmsg_wrap(error, "%s", side_name((enum side)side));
            return false;
        }
    }
    for (int side = OURS; side < SIDE_COUNT; side++) {
        if (!read_replies(pair->clients[side][protocol - 2], count, &out[side], error)) {
            errmsg_wrap(error, "%s", side_name((enum side)side));
            return false;
        }
    }
    return true;
}

struct bytes replies_at(const struct replies *replies, size_t index)
{
    size_t start = index > 0 ? replies->ends[index - 1] : 0;

    ASSERT(index < replies->count);
    return bytes_make(replies->bytes.data + start, replies->ends[index] - start);
}
