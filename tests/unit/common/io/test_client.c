/* SPDX-License-Identifier: MIT */
/* io/client against a server end in the same test. */
#include "io/client.h"

#include "base/mem.h"
#include "tests/unit/common/io/pair.h"

#include <pthread.h>
#include <string.h>
#include <sys/socket.h>

struct fixture {
    int listener;
    int server;
    struct client *client;
};

static struct fixture start(int64_t timeout_ms)
{
    struct fixture f;
    struct errmsg error = {0};
    struct addr at;
    struct client_options options = {.host = "127.0.0.1", .timeout_ms = timeout_ms};

    f.listener = pair_listen("127.0.0.1", &at);
    options.port = addr_port(&at);
    f.client = client_open(&options, &error);
    cr_assert_not_null(f.client, "%s", error.text);
    f.server = pair_accept(f.listener);
    return f;
}

static void stop(struct fixture *f)
{
    client_close(f->client);
    sock_close(f->server);
    sock_close(f->listener);
    cr_assert_eq(mem_used_total(), 0);
}

static void serve(const struct fixture *f, const char *text)
{
    size_t written;

    cr_assert_eq(sock_write(f->server, bytes_from_text(text), &written, NULL), SOCK_OK);
    cr_assert_eq(written, strlen(text));
}

Test(client, requests_are_sent_as_resp_and_replies_come_in_order)
{
    static const char expected[] = "*1\r\n$4\r\nPING\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\nraw\r\n";
    struct fixture f = start(PATIENCE_MS);
    struct buf seen = {0};
    struct resp_value value;

    client_send_texts(f.client, 1, "PING");
    client_send_texts(f.client, 2, "GET", "k");
    client_send_raw(f.client, BYTES_LITERAL("raw\r\n"));
    cr_assert(client_has_output(f.client));
    cr_assert_eq(client_flush(f.client, NULL), CLIENT_OK);
    cr_assert(!client_has_output(f.client));
    pair_read_exactly(f.server, &seen, sizeof(expected) - 1);
    cr_assert(bytes_equal_text(buf_bytes(&seen), expected));
    buf_deinit(&seen);
    serve(&f, "+PONG\r\n$1\r\nv\r\n");
    cr_assert_eq(client_read(f.client, &value, NULL), CLIENT_OK);
    cr_assert(resp_value_is_text(&value, "PONG"));
    resp_value_deinit(&value);
    cr_assert_eq(client_read(f.client, &value, NULL), CLIENT_OK);
    cr_assert(resp_value_is_text(&value, "v"));
    resp_value_deinit(&value);
    stop(&f);
}

Test(client, a_reply_in_pieces_is_read_whole)
{
    struct fixture f = start(1);
    struct resp_value value;
    struct errmsg error = {0};

    serve(&f, "*2\r\n$5\r\nhe");
    cr_assert_eq(client_read(f.client, &value, &error), CLIENT_TIMEOUT);
    cr_assert_str_eq(error.text, "timed out");
    client_set_timeout_ms(f.client, PATIENCE_MS);
    serve(&f, "llo\r\n:7\r\n");
    cr_assert_eq(client_read(f.client, &value, &error), CLIENT_OK);
    cr_assert(resp_value_is_text(&value.children[0], "hello"));
    cr_assert_eq(value.children[1].integer, 7);
    resp_value_deinit(&value);
    stop(&f);
}

Test(client, the_last_words_of_a_server_are_heard)
{
    struct fixture f = start(PATIENCE_MS);
    struct resp_value value;

    serve(&f, "-ERR max number of clients reached\r\n");
    sock_close(f.server);
    f.server = -1;
    cr_assert_eq(client_read(f.client, &value, NULL), CLIENT_OK);
    cr_assert_eq(value.type, RESP_FAILURE);
    resp_value_deinit(&value);
    cr_assert_eq(client_read(f.client, &value, NULL), CLIENT_CLOSED);
    stop(&f);
}

Test(client, what_is_no_reply_is_an_error)
{
    struct fixture f = start(PATIENCE_MS);
    struct resp_value value;
    struct errmsg error = {0};

    serve(&f, "HTTP/1.1 400 Bad Request\r\n");
    cr_assert_eq(client_read(f.client, &value, &error), CLIENT_ERROR);
    cr_assert_not_null(strstr(error.text, "0x48"), "%s", error.text);
    stop(&f);
}

Test(client, a_closed_port_is_explained)
{
    struct addr at;
    struct errmsg error = {0};
    struct client_options options = {.host = "127.0.0.1", .timeout_ms = PATIENCE_MS};

    sock_close(pair_listen("127.0.0.1", &at));
    options.port = addr_port(&at);
    cr_assert_null(client_open(&options, &error));
    cr_assert_not_null(strstr(error.text, "Connection refused"), "%s", error.text);
    cr_assert_not_null(strstr(error.text, "127.0.0.1:"), "%s", error.text);
}

Test(client, bytes_that_are_no_value_can_be_taken_raw)
{
    struct fixture f = start(PATIENCE_MS);
    struct resp_value value;

    serve(&f, "$5\r\nREDIS+OK\r\n");
    cr_assert_eq(client_wait_input(f.client, NULL), CLIENT_OK);
    while (client_input(f.client).len < 14) {
        cr_assert_eq(client_wait_input(f.client, NULL), CLIENT_OK);
    }
    cr_assert(bytes_has_prefix(client_input(f.client), "$5\r\nREDIS"));
    client_consume(f.client, 9);
    cr_assert_eq(client_read(f.client, &value, NULL), CLIENT_OK);
    cr_assert(resp_value_is_text(&value, "OK"));
    resp_value_deinit(&value);
    stop(&f);
}

Test(client, a_loop_can_drive_it_without_blocking)
{
    struct fixture f = start(PATIENCE_MS);
    struct resp_value value;
    enum client_status status;

    client_send_texts(f.client, 1, "PING");
    cr_assert_eq(client_pump(f.client, NULL), CLIENT_OK);
    cr_assert(!client_has_output(f.client));
    cr_assert_eq(client_try_read(f.client, &value, NULL), CLIENT_TIMEOUT);
    serve(&f, "+PONG\r\n");
    cr_assert(sock_wait(client_fd(f.client), true, false, PATIENCE_MS));
    cr_assert_eq(client_pump(f.client, NULL), CLIENT_OK);
    status = client_try_read(f.client, &value, NULL);
    cr_assert_eq(status, CLIENT_OK);
    resp_value_deinit(&value);
    stop(&f);
}

enum {
    BIG_COUNT = 64,
    BIG_SIZE = 512 * 1024,
};

/* Echo every byte, holding back no more than a little: so it stops reading when nobody reads it. */
static void *echo(void *fd_pointer)
{
    int fd = *(int *)fd_pointer;
    size_t left = (size_t)BIG_COUNT * (BIG_SIZE + 11);
    struct buf held = {0};
    size_t moved;

    while (left > 0) {
        if (held.len == 0 && sock_wait(fd, true, false, PATIENCE_MS)) {
            (void)!sock_read_append(fd, &held, 65536, &moved, NULL);
        }
        if (held.len > 0 && sock_wait(fd, false, true, PATIENCE_MS)) {
            (void)!sock_write(fd, buf_bytes(&held), &moved, NULL);
            buf_consume(&held, moved);
            left -= moved;
        }
    }
    buf_deinit(&held);
    return NULL;
}

Test(client, a_pipeline_larger_than_all_buffers_does_not_lock_up, .timeout = 60)
{
    struct fixture f = start(PATIENCE_MS);
    char *payload = mem_alloc_zeroed(MEM_TEST, BIG_SIZE);
    pthread_t thread;

    cr_assert_eq(pthread_create(&thread, NULL, echo, &f.server), 0);
    for (int i = 0; i < BIG_COUNT; i++) {
        client_send_raw(f.client, BYTES_LITERAL("$524288\r\n"));
        client_send_raw(f.client, bytes_make(payload, BIG_SIZE));
        client_send_raw(f.client, BYTES_LITERAL("\r\n"));
    }
    for (int i = 0; i < BIG_COUNT; i++) {
        struct resp_value value;

        cr_assert_eq(client_read(f.client, &value, NULL), CLIENT_OK);
        cr_assert_eq(value.text.len, BIG_SIZE);
        resp_value_deinit(&value);
    }
    pthread_join(thread, NULL);
    mem_free(MEM_TEST, payload);
    stop(&f);
}
