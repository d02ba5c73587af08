/* SPDX-License-Identifier: MIT */
/* Where to listen: the addresses of bind for clients and for the bus, and a unix socket. */
#include "net/state.h"

#include "base/num.h"

#include <stdlib.h>
#include <unistd.h>

static bool add_listener(struct shell *shell, int fd, int kind, bool is_unix, struct errmsg *error)
{
    struct listener *listener;

    if (shell->listener_count == LISTENERS_MAX) {
        errmsg_set(error, "more than %d addresses to listen on", LISTENERS_MAX);
        sock_close(fd);
        return false;
    }
    listener = &shell->listeners[shell->listener_count++];
    *listener = (struct listener){
        .watch = {.fd = fd, .events = LOOP_READ, .owner = listener, .kind = kind},
        .is_unix = is_unix,
    };
    return loop_watch(shell->loop, &listener->watch, error);
}

static bool listen_at(struct shell *shell, const struct config *config, const char *host,
                      uint16_t port, int kind, struct errmsg *error)
{
    struct sock_listen_options options = {.backlog = (int)config->tcp_backlog};
    struct addr at;
    int fd;

    if (addr_resolve(host, port, &at, 1, error) == 0) {
        return false;
    }
    fd = sock_listen(&at, &options, error);
    return fd >= 0 && add_listener(shell, fd, kind, false, error);
}

/* One word of bind; a leading '-' forgives an address that this machine does not have. */
static bool listen_word(struct shell *shell, const struct config *config, struct bytes word,
                        uint16_t port, int kind, struct errmsg *error)
{
    bool is_optional = word.len > 0 && word.data[0] == '-';
    char host[ADDR_HOST_TEXT];

    if (is_optional) {
        word = bytes_from(word, 1);
    }
    bytes_to_text(word, host, sizeof(host));
    if (strcmp(host, "*") == 0) {
        if (!listen_at(shell, config, "0.0.0.0", port, kind, error)) {
            return false;
        }
        is_optional = true;
        memcpy(host, "::", 3);
    }
    if (strcmp(host, "::*") == 0) {
        memcpy(host, "::", 3);
    }
    return listen_at(shell, config, host, port, kind, error) || is_optional;
}

static bool listen_tcp(struct shell *shell, const struct config *config, uint16_t port, int kind,
                       struct errmsg *error)
{
    struct bytes rest = bytes_from_text(config->bind[0] != '\0' ? config->bind : "*");
    size_t before = shell->listener_count;

    for (struct bytes word = bytes_next_word(&rest, ' '); word.len > 0;
         word = bytes_next_word(&rest, ' ')) {
        if (!listen_word(shell, config, word, port, kind, error)) {
            return false;
        }
    }
    if (shell->listener_count == before) {
        errmsg_wrap(error, "no address of bind could be used");
        return false;
    }
    return true;
}

static bool listen_unix(struct shell *shell, const struct config *config, struct errmsg *error)
{
    struct sock_listen_options options = {.backlog = (int)config->tcp_backlog};
    struct addr at;
    int fd;

    if (config->unixsocketperm[0] != '\0') {
        char *end;

        options.unix_mode = (uint32_t)strtoul(config->unixsocketperm, &end, 8);
        if (*end != '\0' || options.unix_mode > 0777) {
            errmsg_set(error, "unixsocketperm: '%s' is not an octal mode", config->unixsocketperm);
            return false;
        }
    }
    if (!addr_from_path(&at, config->unixsocket)) {
        errmsg_set(error, "unixsocket: the path is too long");
        return false;
    }
    fd = sock_listen(&at, &options, error);
    if (fd < 0) {
        return false;
    }
    bytes_to_text(bytes_from_text(config->unixsocket), shell->unix_path, sizeof(shell->unix_path));
    if (stat(shell->unix_path, &shell->unix_info) != 0) {
        shell->unix_path[0] = '\0';
    }
    return add_listener(shell, fd, WATCH_CLIENT_LISTENER, true, error);
}

bool listen_all(struct shell *shell, const struct config *config, uint16_t bus_port,
                struct errmsg *error)
{
    if (config->port != 0 &&
        !listen_tcp(shell, config, (uint16_t)config->port, WATCH_CLIENT_LISTENER, error)) {
        return false;
    }
    if (bus_port != 0 && !listen_tcp(shell, config, bus_port, WATCH_BUS_LISTENER, error)) {
        return false;
    }
    return config->unixsocket[0] == '\0' || listen_unix(shell, config, error);
}

/* Unless another file has taken its place meanwhile. */
static void remove_unix_path(struct shell *shell)
{
    struct stat now;

    if (shell->unix_path[0] != '\0' && stat(shell->unix_path, &now) == 0 &&
        now.st_dev == shell->unix_info.st_dev && now.st_ino == shell->unix_info.st_ino) {
        unlink(shell->unix_path);
    }
    shell->unix_path[0] = '\0';
}

void listen_close(struct shell *shell)
{
    for (size_t i = 0; i < shell->listener_count; i++) {
        loop_unwatch(shell->loop, &shell->listeners[i].watch);
        sock_close(shell->listeners[i].watch.fd);
    }
    shell->listener_count = 0;
    remove_unix_path(shell);
}
