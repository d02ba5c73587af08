/* SPDX-License-Identifier: MIT */
/* Verbs of wire scripts that load a server: many requests unread, many connections at once. */
#include "tests/wire/script.h"

#include "base/mem.h"
#include "base/num.h"

#include <sys/resource.h>

enum {
    STRANGERS_MAX = 1200,
    STRANGERS_PATIENCE_MS = 20000,
};

void load_queue(struct script *script, struct bytes rest)
{
    struct buf storage[WORDS_MAX] = {{0}};
    struct bytes words[WORDS_MAX];
    struct named_server *s = script_find_server(script, bytes_next_word(&rest, ' '));
    struct bytes count = bytes_next_word(&rest, ' ');
    struct errmsg error;
    size_t word_count = script_split_words(rest, storage, words);

    if (s == NULL || script->queue != NULL || !num_parse_i64(count, &script->queued) ||
        word_count == 0 || (script->queue = server_connect(&s->server, &error)) == NULL) {
        script_fail(script, "queue needs a server, a number and a request");
    } else {
        for (int64_t i = 0; i < script->queued; i++) {
            client_send(script->queue, words, word_count);
        }
        if (client_flush(script->queue, &error) != CLIENT_OK) {
            script_fail(script, "queue: %s", error.text);
        }
    }
    script_free_words(storage);
}

/* Until all are answered, or the server closes the connection. */
void load_drain(struct script *script, struct bytes rest)
{
    struct bytes request;
    struct bytes expected;
    struct buf text = {0};
    struct errmsg error;
    int64_t ok = 0;

    script_split_expectation(rest, &request, &expected);
    for (int64_t i = 0; script->queue != NULL && i < script->queued; i++) {
        struct resp_value value;

        if (client_read(script->queue, &value, &error) != CLIENT_OK) {
            break;
        }
        ok += value.type == RESP_SIMPLE;
        resp_value_deinit(&value);
    }
    if (script->queue != NULL) {
        client_close(script->queue);
        script->queue = NULL;
    }
    buf_printf(&text, "%lld of %lld answered +OK", (long long)ok, (long long)script->queued);
    if (!script_matches(script, expected, buf_bytes(&text))) {
        script_fail(script, "expected %.*s, got %s", BYTES_ARGS(expected), buf_text(&text));
    }
    buf_deinit(&text);
}

static int64_t ping_all(struct client **clients, int64_t count)
{
    int64_t answered = 0;
    struct errmsg error;

    for (int64_t i = 0; i < count; i++) {
        if (clients[i] != NULL) {
            client_send_texts(clients[i], 1, "PING");
            if (client_flush(clients[i], &error) != CLIENT_OK) {
                return answered;
            }
        }
    }
    for (int64_t i = 0; i < count; i++) {
        struct resp_value value;

        if (clients[i] != NULL && client_read(clients[i], &value, &error) == CLIENT_OK) {
            answered += value.type == RESP_SIMPLE;
            resp_value_deinit(&value);
        }
    }
    return answered;
}

void load_crowd(struct script *script, struct bytes rest)
{
    struct bytes request;
    struct bytes expected;
    struct named_server *s;
    struct client **clients;
    struct buf text = {0};
    struct rlimit limit;
    int64_t count;

    script_split_expectation(rest, &request, &expected);
    s = script_find_server(script, bytes_next_word(&request, ' '));
    if (s == NULL || !num_parse_i64(bytes_trim(request), &count) || count < 1 || count > 20000) {
        script_fail(script, "crowd needs a server and a number");
        return;
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
        if (limit.rlim_max < (rlim_t)count + 200) {
            script->is_skipped = true;
            script_fail(script, "skipped: a process may have only %llu descriptors here",
                        (unsigned long long)limit.rlim_max);
            return;
        }
    }
    clients = mem_alloc_zeroed(MEM_TEST, (size_t)count * sizeof(*clients));
    for (int64_t i = 0; i < count; i++) {
        struct errmsg error;

        clients[i] = server_connect(&s->server, &error);
    }
    buf_printf(&text, "%lld answered", (long long)ping_all(clients, count));
    for (int64_t i = 0; i < count; i++) {
        if (clients[i] != NULL) {
            client_close(clients[i]);
        }
    }
    mem_free(MEM_TEST, clients);
    if (!script_matches(script, expected, buf_bytes(&text))) {
        script_fail(script, "expected %.*s, got %s", BYTES_ARGS(expected), buf_text(&text));
    }
    buf_deinit(&text);
}

static bool is_open(struct client *client)
{
    struct errmsg error;
    enum client_status status = client_wait_input(client, &error);

    return status == CLIENT_OK || status == CLIENT_TIMEOUT;
}

void load_strangers(struct script *script, struct bytes rest)
{
    int64_t until = support_now_ms() + STRANGERS_PATIENCE_MS;
    struct bytes request;
    struct bytes expected;
    struct named_server *s;
    struct client *clients[STRANGERS_MAX] = {NULL};
    struct buf text = {0};
    struct server bus;
    int64_t count;

    script_split_expectation(rest, &request, &expected);
    s = script_find_server(script, bytes_next_word(&request, ' '));
    if (s == NULL || !num_parse_i64(bytes_trim(request), &count) || count > STRANGERS_MAX) {
        script_fail(script, "strangers needs a server and a number up to %d", STRANGERS_MAX);
        return;
    }
    bus = s->server;
    bus.port = (uint16_t)(bus.port + 10000);
    for (int64_t i = 0; i < count; i++) {
        struct errmsg error;

        clients[i] = server_connect(&bus, &error);
    }
    do {
        int64_t open = 0;

        for (int64_t i = 0; i < count; i++) {
            if (clients[i] != NULL) {
                client_set_timeout_ms(clients[i], 1);
                open += is_open(clients[i]);
            }
        }
        buf_clear(&text);
        buf_printf(&text, "%lld stay open", (long long)open);
    } while (!script_matches(script, expected, buf_bytes(&text)) && support_now_ms() < until);
    if (!script_matches(script, expected, buf_bytes(&text))) {
        script_fail(script, "expected %.*s, got %s", BYTES_ARGS(expected), buf_text(&text));
    }
    for (int64_t i = 0; i < count; i++) {
        if (clients[i] != NULL) {
            client_close(clients[i]);
        }
    }
    buf_deinit(&text);
}

void load_descriptors(struct script *script, struct bytes rest)
{
    struct named_server *s = script_find_server(script, bytes_next_word(&rest, ' '));
    struct rlimit limit;
    uint64_t count;

    if (s == NULL || !num_parse_u64(bytes_trim(rest), &count) ||
        prlimit(s->server.pid, RLIMIT_NOFILE, NULL, &limit) != 0) {
        script_fail(script, "descriptors needs a server that runs and a number");
        return;
    }
    limit.rlim_cur = (rlim_t)count;
    if (prlimit(s->server.pid, RLIMIT_NOFILE, &limit, NULL) != 0) {
        script_fail(script, "the limit of descriptors cannot be set");
    }
}
