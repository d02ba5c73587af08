/* SPDX-License-Identifier: MIT */
/* Where to listen: the addresses of bind for clients and for the bus, a unix socket, and
 * metrics-bind for Prometheus.
 *
 * A change opens all that is new before it closes what is old, so that it can be taken back. */
#include "net/state.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/num.h"
#include "net/absolute_path.h"

#include <stdlib.h>
#include <unistd.h>

static bool contains(const struct listen_set *set, const struct listener *listener)
{
    for (size_t i = 0; i < set->count; i++) {
        if (set->items[i] == listener) {
            return true;
        }
    }
    return false;
}

static void close_listener(struct shell *shell, struct listener *listener)
{
    loop_unwatch(shell->loop, &listener->watch);
    sock_close(listener->watch.fd);
    mem_free(MEM_NET, listener);
}

/* One that is open already and not yet part of next. */
static struct listener *find_open(struct shell *shell, const struct listen_set *next,
                                  const struct addr *at, int kind)
{
    for (size_t i = 0; i < shell->listening.count; i++) {
        struct listener *listener = shell->listening.items[i];

        if (listener->watch.kind == kind && addr_equal(&listener->at, at) &&
            !contains(next, listener)) {
            return listener;
        }
    }
    return NULL;
}

static bool open_at(struct shell *shell, const struct addr *at, int kind,
                    const struct sock_listen_options *options, struct listen_set *next,
                    struct errmsg *error)
{
    struct listener *listener = find_open(shell, next, at, kind);
    int fd;

    if (next->count == LISTENERS_MAX) {
        errmsg_set(error, "more than %d addresses to listen on", LISTENERS_MAX);
        return false;
    }
    if (listener == NULL) {
        fd = sock_listen(at, options, error);
        if (fd < 0) {
            return false;
        }
        listener = mem_alloc_zeroed(MEM_NET, sizeof(*listener));
        listener->at = *at;
        listener->is_unix = addr_is_unix(at);
        listener->watch =
            (struct loop_watch){.fd = fd, .events = LOOP_READ, .owner = listener, .kind = kind};
        if (!loop_watch(shell->loop, &listener->watch, error)) {
            close_listener(shell, listener);
            return false;
        }
    }
    next->items[next->count++] = listener;
    return true;
}

/* What one kind of socket shall listen on. */
struct wish {
    const struct config *config;
    const char *bind; /* words */
    uint16_t port;
    int kind;
};

static bool open_host(struct shell *shell, const struct wish *wish, const char *host,
                      struct listen_set *next, struct errmsg *error)
{
    struct sock_listen_options options = {.backlog = (int)wish->config->tcp_backlog};
    struct addr at;

    return addr_resolve(host, wish->port, &at, 1, error) > 0 &&
           open_at(shell, &at, wish->kind, &options, next, error);
}

/* One word of bind; a leading '-' forgives an address that this machine does not have. */
static bool open_word(struct shell *shell, const struct wish *wish, struct bytes word,
                      struct listen_set *next, struct errmsg *error)
{
    bool is_optional = word.len > 0 && word.data[0] == '-';
    char host[ADDR_HOST_TEXT];

    if (is_optional) {
        word = bytes_from(word, 1);
    }
    bytes_to_text(word, host, sizeof(host));
    if (strcmp(host, "*") == 0) {
        if (!open_host(shell, wish, "0.0.0.0", next, error)) {
            return false;
        }
        is_optional = true;
        memcpy(host, "::", 3);
    }
    if (strcmp(host, "::*") == 0) {
        memcpy(host, "::", 3);
    }
    return open_host(shell, wish, host, next, error) || is_optional;
}

static bool open_tcp(struct shell *shell, const struct wish *wish, struct listen_set *next,
                     struct errmsg *error)
{
    struct bytes rest = bytes_from_text(wish->bind);
    size_t before = next->count;

    for (struct bytes word = bytes_next_word(&rest, ' '); word.len > 0;
         word = bytes_next_word(&rest, ' ')) {
        if (!open_word(shell, wish, word, next, error)) {
            return false;
        }
    }
    if (next->count == before && wish->bind[0] != '\0') {
        errmsg_wrap(error, "no address of bind could be used");
        return false;
    }
    return true;
}

static bool open_unix(struct shell *shell, const struct config *config, struct listen_set *next,
                      struct errmsg *error)
{
    struct sock_listen_options options = {
        .backlog = (int)config->tcp_backlog,
        .unix_mode = (uint32_t)strtoul(config->unixsocketperm, NULL, 8),
    };
    struct addr at;

    if (!addr_from_path(&at, config->unixsocket)) {
        errmsg_set(error, "unixsocket: the path is too long");
        return false;
    }
    if (!open_at(shell, &at, WATCH_CLIENT_LISTENER, &options, next, error)) {
        return false;
    }
    if (shell->unix_path == NULL && stat(config->unixsocket, &shell->unix_info) == 0) {
        shell->unix_path = absolute_path_make(config->unixsocket);
    }
    return true;
}

void listen_discard(struct shell *shell, struct listen_set *next)
{
    for (size_t i = 0; i < next->count; i++) {
        if (!contains(&shell->listening, next->items[i])) {
            close_listener(shell, next->items[i]);
        }
    }
    next->count = 0;
}

bool listen_open(struct shell *shell, const struct config *config, struct listen_set *next,
                 struct errmsg *error)
{
    struct wish clients = {.config = config,
                           .bind = config->bind,
                           .port = (uint16_t)config->port,
                           .kind = WATCH_CLIENT_LISTENER};
    struct wish bus = {.config = config,
                       .bind = config->bind,
                       .port = config_bus_port(config),
                       .kind = WATCH_BUS_LISTENER};
    struct wish metrics = {.config = config,
                           .bind = config->metrics_bind,
                           .port = (uint16_t)config->metrics_port,
                           .kind = WATCH_METRICS_LISTENER};
    bool is_ok = clients.port == 0 || open_tcp(shell, &clients, next, error);

    is_ok = is_ok && (bus.port == 0 || open_tcp(shell, &bus, next, error));
    is_ok = is_ok && (metrics.port == 0 || open_tcp(shell, &metrics, next, error));
    is_ok = is_ok && (config->unixsocket[0] == '\0' || open_unix(shell, config, next, error));
    if (!is_ok) {
        listen_discard(shell, next);
    }
    return is_ok;
}

void listen_adopt(struct shell *shell, const struct listen_set *next)
{
    for (size_t i = 0; i < shell->listening.count; i++) {
        if (!contains(next, shell->listening.items[i])) {
            close_listener(shell, shell->listening.items[i]);
        }
    }
    shell->listening = *next;
}

/* Unless another file has taken its place meanwhile. */
static void remove_unix_path(struct shell *shell)
{
    struct stat now;

    if (shell->unix_path != NULL && stat(shell->unix_path, &now) == 0 &&
        now.st_dev == shell->unix_info.st_dev && now.st_ino == shell->unix_info.st_ino) {
        unlink(shell->unix_path);
    }
    mem_free(MEM_NET, shell->unix_path);
    shell->unix_path = NULL;
}

void listen_close(struct shell *shell)
{
    const struct listen_set none = {0};

    listen_adopt(shell, &none);
    remove_unix_path(shell);
}
