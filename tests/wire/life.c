/* SPDX-License-Identifier: MIT */
/* Verbs of wire scripts about the life of a server's process: its files, and who supervises it. */
#include "tests/wire/script.h"

#include "persist/posix_file.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    PATIENCE_MS = 15000,
    RETRY_MS = 20,
    FILE_MAX = 16 * 1024 * 1024,
};

static void read_file(const struct named_server *s, struct bytes name, struct buf *out)
{
    char path[2 * SERVER_PATH_MAX];

    snprintf(path, sizeof(path), "%s/%.*s", s->server.dir, BYTES_ARGS(name));
    buf_clear(out);
    if (posix_read_file(path, FILE_MAX, out, NULL) != FS_OK) {
        buf_append_text(out, access(path, F_OK) == 0 ? "(not to be read)" : "(no file)");
    }
}

void life_content(struct script *script, struct bytes rest)
{
    int64_t until = support_now_ms() + PATIENCE_MS;
    struct bytes request;
    struct bytes expected;
    struct named_server *s;
    struct buf text = {0};

    script_split_expectation(rest, &request, &expected);
    s = script_find_server(script, bytes_next_word(&request, ' '));
    request = bytes_trim(request);
    if (s == NULL || request.len == 0) {
        script_fail(script, "content needs a server and a name");
        return;
    }
    read_file(s, request, &text);
    while (!script_matches(script, expected, buf_bytes(&text)) && support_now_ms() < until) {
        support_pause_ms(RETRY_MS);
        read_file(s, request, &text);
    }
    if (!script_matches(script, expected, buf_bytes(&text))) {
        script_fail(script, "no %.*s in the file: %.600s", BYTES_ARGS(expected), buf_text(&text));
    }
    buf_deinit(&text);
}

void life_move(struct script *script, struct bytes rest)
{
    struct named_server *s = script_find_server(script, bytes_next_word(&rest, ' '));
    struct bytes from = bytes_next_word(&rest, ' ');
    struct bytes to = bytes_trim(rest);
    char old_path[2 * SERVER_PATH_MAX];
    char new_path[2 * SERVER_PATH_MAX];

    if (s == NULL || to.len == 0) {
        script_fail(script, "move needs a server and two names");
        return;
    }
    snprintf(old_path, sizeof(old_path), "%s/%.*s", s->server.dir, BYTES_ARGS(from));
    snprintf(new_path, sizeof(new_path), "%s/%.*s", s->server.dir, BYTES_ARGS(to));
    if (rename(old_path, new_path) != 0) {
        script_fail(script, "cannot move %s: %s", old_path, strerror(errno));
    }
}

void life_notify(struct script *script, struct named_server *s, struct bytes how)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    bool is_abstract = bytes_equal_text(how, "abstract");
    size_t len;

    snprintf(s->server.notify_socket, sizeof(s->server.notify_socket), "%s%.80s/notify",
             is_abstract ? "@" : "", s->server.dir);
    len = strlen(s->server.notify_socket);
    memcpy(at.sun_path, s->server.notify_socket, len);
    at.sun_path[0] = is_abstract ? '\0' : '/';
    s->notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (bind(s->notify_fd, (const struct sockaddr *)(const void *)&at,
             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) != 0) {
        script_fail(script, "cannot listen for notifications: %s", strerror(errno));
    }
}

static void receive(struct named_server *s)
{
    ssize_t got;

    do {
        got = recv(s->notify_fd, buf_reserve(&s->notified, 1024), 1024, 0);
        s->notified.len += got > 0 ? (size_t)got : 0;
    } while (got > 0);
}

void life_notified(struct script *script, struct bytes rest)
{
    int64_t until = support_now_ms() + PATIENCE_MS;
    struct bytes request;
    struct bytes expected;
    struct named_server *s;

    script_split_expectation(rest, &request, &expected);
    s = script_find_server(script, bytes_trim(request));
    if (s == NULL || s->notify_fd == 0) {
        script_fail(script, "notified needs a server that was started with notify");
        return;
    }
    receive(s);
    while (!script_matches(script, expected, buf_bytes(&s->notified)) && support_now_ms() < until) {
        support_pause_ms(RETRY_MS);
        receive(s);
    }
    if (!script_matches(script, expected, buf_bytes(&s->notified))) {
        script_fail(script, "expected %.*s, told was %.600s", BYTES_ARGS(expected),
                    buf_text(&s->notified));
    }
}

void life_forget(struct named_server *s)
{
    if (s->notify_fd != 0) {
        close(s->notify_fd);
    }
    buf_deinit(&s->notified);
}
