/* SPDX-License-Identifier: MIT */
#include "tests/bench/longest.h"

#include <stdlib.h>
#include <string.h>

/* Nothing is that long: it watches, and remembers nothing. */
#define THRESHOLD "100000000"

static bool ask(struct client *client, size_t count, const char *const words[4],
                struct resp_value *out, struct errmsg *error)
{
    client_send_texts(client, count, words[0], words[1], words[2], words[3]);
    return client_read(client, out, error) == CLIENT_OK;
}

bool longest_begin(const struct server *server, struct errmsg *error)
{
    static const char *const watch[] = {"CONFIG", "SET", "latency-monitor-threshold", THRESHOLD};
    static const char *const reset[] = {"CONFIG", "RESETSTAT", NULL, NULL};
    struct client *client = server_connect(server, error);
    struct resp_value reply;
    bool is_ok = client != NULL;

    if (is_ok && (is_ok = ask(client, 4, watch, &reply, error))) {
        resp_value_deinit(&reply);
    }
    if (is_ok && (is_ok = ask(client, 2, reset, &reply, error))) {
        resp_value_deinit(&reply);
    }
    client_close(client);
    return is_ok;
}

static double field_ms(const struct resp_value *info, const char *field)
{
    const char *at = memmem(info->text.data, info->text.len, field, strlen(field));

    return at != NULL ? (double)strtoll(at + strlen(field), NULL, 10) / 1e3 : -1;
}

bool longest_end(const struct server *server, struct longest *out, struct errmsg *error)
{
    static const char *const info[] = {"INFO", "stats", NULL, NULL};
    struct client *client = server_connect(server, error);
    struct resp_value reply;
    bool is_ok = client != NULL && ask(client, 2, info, &reply, error);

    if (is_ok) {
        out->ms = field_ms(&reply, "eventloop_longest_usec:");
        out->cpu_ms = field_ms(&reply, "eventloop_longest_cpu_usec:");
        resp_value_deinit(&reply);
    }
    client_close(client);
    return is_ok;
}
