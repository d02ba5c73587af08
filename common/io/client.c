/* SPDX-License-Identifier: MIT */
/* The socket never blocks; poll does.  Input is taken off the front by moving an index, and the
 * buffer is packed when more comes. */
#include "io/client.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/mem.h"
#include "io/addr.h"
#include "io/clock.h"
#include "io/sock.h"
#include "resp/writer.h"

#include <stdarg.h>

enum {
    READ_STEP = 64 * 1024,
    ADDRESSES_MAX = 8,
    KEEP_BUFFER = 1024 * 1024,
};

struct client {
    int fd;
    int64_t timeout_ms;
    struct buf out;
    size_t out_at; /* bytes of out already written */
    struct buf in;
    size_t in_at; /* bytes of in already taken */
    struct resp_value_scan scan;
};

/* A client believes its server about sizes: memory is bounded by what really comes. */
static const struct resp_limits limits = {.max_args = UINT32_MAX,
                                          .max_bulk_bytes = UINT64_C(1) << 40,
                                          .max_inline_bytes = 1024 * 1024,
                                          .max_depth = RESP_DEPTH_MAX};

/* ---- connecting ------------------------------------------------------------------------------ */

static int64_t left_ms(struct mono_time deadline)
{
    struct mono_time now = clock_mono_now();

    if (deadline.us == MONO_NEVER.us) {
        return -1;
    }
    return mono_is_due(deadline, now) ? 0 : mono_ms_between(now, deadline) + 1;
}

static struct mono_time deadline_of(int64_t timeout_ms)
{
    return timeout_ms > 0 ? mono_add_ms(clock_mono_now(), timeout_ms) : MONO_NEVER;
}

static int connect_to(const struct addr *to, struct mono_time deadline, struct errmsg *error)
{
    int fd;
    enum sock_status status = sock_connect_start(to, NULL, &fd, error);

    if (status == SOCK_AGAIN) {
        status = SOCK_ERROR;
        if (!sock_wait(fd, false, true, left_ms(deadline))) {
            errmsg_set(error, "timed out");
        } else {
            status = sock_connect_outcome(fd, error);
        }
        if (status != SOCK_OK) {
            char where[ADDR_TEXT];

            addr_format(to, where);
            errmsg_wrap(error, "%s", where);
            sock_close(fd);
        }
    }
    return status == SOCK_OK ? fd : -1;
}

static int connect_any(const struct client_options *options, struct errmsg *error)
{
    struct mono_time deadline = deadline_of(options->timeout_ms);
    struct addr addresses[ADDRESSES_MAX];
    size_t count = 1;
    int fd = -1;

    if (options->unix_path != NULL) {
        if (!addr_from_path(&addresses[0], options->unix_path)) {
            errmsg_set(error, "%s is too long for the path of a socket", options->unix_path);
            return -1;
        }
    } else {
        count = addr_resolve(options->host, options->port, addresses, ADDRESSES_MAX, error);
    }
    for (size_t i = 0; i < count && fd < 0; i++) {
        fd = connect_to(&addresses[i], deadline, error);
    }
    return fd;
}

struct client *client_open(const struct client_options *options, struct errmsg *error)
{
    int fd = connect_any(options, error);
    struct client *client;

    if (fd < 0) {
        return NULL;
    }
    sock_set_nodelay(fd, true);
    client = mem_alloc_zeroed(MEM_CLI, sizeof(*client));
    client->fd = fd;
    client->timeout_ms = options->timeout_ms;
    return client;
}

void client_close(struct client *client)
{
    if (client == NULL) {
        return;
    }
    sock_close(client->fd);
    buf_deinit(&client->out);
    buf_deinit(&client->in);
    mem_free(MEM_CLI, client);
}

int client_fd(const struct client *client)
{
    return client->fd;
}

void client_set_timeout_ms(struct client *client, int64_t timeout_ms)
{
    client->timeout_ms = timeout_ms;
}

/* ---- sending --------------------------------------------------------------------------------- */

void client_send(struct client *client, const struct bytes *words, size_t word_count)
{
    resp_write_request(&client->out, words, word_count);
}

void client_send_texts(struct client *client, size_t word_count, ...)
{
    struct resp_writer w = {.out = &client->out, .version = 2};
    va_list args;

    resp_write_array(&w, word_count);
    va_start(args, word_count);
    for (size_t i = 0; i < word_count; i++) {
        resp_write_bulk_text(&w, va_arg(args, const char *));
    }
    va_end(args);
}

void client_send_raw(struct client *client, struct bytes bytes)
{
    buf_append_bytes(&client->out, bytes);
}

bool client_has_output(const struct client *client)
{
    return client->out_at < client->out.len;
}

/* ---- moving bytes ---------------------------------------------------------------------------- */

static enum client_status status_of(enum sock_status status)
{
    switch (status) {
    case SOCK_OK:
    case SOCK_AGAIN:
        return CLIENT_OK;
    case SOCK_CLOSED:
        return CLIENT_CLOSED;
    case SOCK_ERROR:
        break;
    }
    return CLIENT_ERROR;
}

static enum client_status write_some(struct client *client, struct errmsg *error)
{
    enum sock_status status = SOCK_OK;

    while (status == SOCK_OK && client_has_output(client)) {
        size_t written;

        status = sock_write(client->fd, bytes_from(buf_bytes(&client->out), client->out_at),
                            &written, error);
        client->out_at += written;
    }
    if (!client_has_output(client)) {
        buf_clear(&client->out);
        buf_shrink_when_empty(&client->out, KEEP_BUFFER);
        client->out_at = 0;
    }
    return status_of(status);
}

static void pack_input(struct client *client)
{
    /* Moving at most as much as was taken keeps the cost of packing within that of reading. */
    if (client->in_at >= client->in.len - client->in_at) {
        buf_consume(&client->in, client->in_at);
        client->in_at = 0;
        buf_shrink_when_empty(&client->in, KEEP_BUFFER);
    }
}

static enum client_status read_some(struct client *client, struct errmsg *error)
{
    size_t got;

    pack_input(client);
    return status_of(sock_read_append(client->fd, &client->in, READ_STEP, &got, error));
}

enum client_status client_pump(struct client *client, struct errmsg *error)
{
    enum client_status status = write_some(client, error);

    /* A server that says why and closes is worth hearing, even when writing has failed. */
    return status == CLIENT_ERROR ? status : read_some(client, error);
}

static enum client_status timed_out(struct errmsg *error)
{
    errmsg_set(error, "timed out");
    return CLIENT_TIMEOUT;
}

enum client_status client_flush(struct client *client, struct errmsg *error)
{
    struct mono_time deadline = deadline_of(client->timeout_ms);

    for (;;) {
        enum client_status status = write_some(client, error);

        if (status != CLIENT_OK || !client_has_output(client)) {
            return status;
        }
        if (!sock_wait(client->fd, true, true, left_ms(deadline))) {
            return timed_out(error);
        }
        status = read_some(client, error);
        if (status != CLIENT_OK) {
            return status;
        }
    }
}

static enum client_status wait_and_read(struct client *client, struct mono_time deadline,
                                        struct errmsg *error)
{
    size_t before = client->in.len - client->in_at;

    for (;;) {
        enum client_status status = read_some(client, error);

        if (status != CLIENT_OK || client->in.len - client->in_at > before) {
            return status;
        }
        if (!sock_wait(client->fd, true, false, left_ms(deadline))) {
            return timed_out(error);
        }
    }
}

/* ---- reading values -------------------------------------------------------------------------- */

enum client_status client_try_read(struct client *client, struct resp_value *out,
                                   struct errmsg *error)
{
    struct bytes in = client_input(client);
    size_t consumed;
    enum resp_status status = resp_value_scan(&client->scan, in, &limits, error);

    if (status == RESP_OK) {
        status = resp_value_read(bytes_prefix(in, client->scan.at), &limits, out, &consumed, error);
        ASSERT(status != RESP_MORE);
    }
    switch (status) {
    case RESP_OK:
        client_consume(client, consumed);
        return CLIENT_OK;
    case RESP_MORE:
        return CLIENT_TIMEOUT;
    case RESP_ERROR:
        break;
    }
    return CLIENT_ERROR;
}

enum client_status client_read(struct client *client, struct resp_value *out, struct errmsg *error)
{
    struct mono_time deadline = deadline_of(client->timeout_ms);
    enum client_status status = client_flush(client, error);

    /* What the server said before it closed is still worth reading. */
    if (status == CLIENT_ERROR || status == CLIENT_TIMEOUT) {
        return status;
    }
    for (;;) {
        enum client_status got = client_try_read(client, out, error);

        if (got != CLIENT_TIMEOUT) {
            return got;
        }
        got = wait_and_read(client, deadline, error);
        if (got != CLIENT_OK) {
            return got;
        }
    }
}

enum client_status client_call(struct client *client, const struct bytes *words, size_t word_count,
                               struct resp_value *out, struct errmsg *error)
{
    client_send(client, words, word_count);
    return client_read(client, out, error);
}

/* ---- raw input ------------------------------------------------------------------------------- */

struct bytes client_input(const struct client *client)
{
    return bytes_from(buf_bytes(&client->in), client->in_at);
}

void client_consume(struct client *client, size_t len)
{
    ASSERT(len <= client->in.len - client->in_at);
    client->in_at += len;
    client->scan = (struct resp_value_scan){0};
}

enum client_status client_wait_input(struct client *client, struct errmsg *error)
{
    enum client_status status = client_flush(client, error);

    if (status != CLIENT_OK) {
        return status;
    }
    return wait_and_read(client, deadline_of(client->timeout_ms), error);
}
