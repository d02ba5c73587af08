/* SPDX-License-Identifier: MIT */
/* What the kernel alone costs: a server that understands nothing.
 *
 *     floor --port N --bind ADDRESS --request BYTES --reply TEXT
 *
 * Every BYTES bytes that a connection has sent are a request, and each is answered with TEXT (\r
 * and \n are written so).  One thread; each turn waits once, reads each ready connection once, and
 * writes to each once what is due.  No server that answers the same bytes over the same sockets
 * with read and send can take less CPU, whatever it does in between. */
#include "base/buf.h"
#include "base/errmsg.h"
#include "base/num.h"
#include "io/addr.h"
#include "io/sock.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    EVENTS_MAX = 256,
    READ_BYTES = 65536,
    CONNECTIONS_MAX = 65536, /* descriptors above are refused */
    REPLIES_AT_ONCE = 1024,
};

struct floor_server {
    int epoll;
    int listener;
    uint64_t request_bytes;
    size_t reply_bytes;
    struct buf replies;                   /* the reply, REPLIES_AT_ONCE times */
    uint64_t unanswered[CONNECTIONS_MAX]; /* bytes received, by descriptor */
    char input[READ_BYTES];
};

static void must(bool is_ok, const char *what)
{
    if (!is_ok) {
        fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
        exit(1);
    }
}

static void watch(struct floor_server *f, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

    must(epoll_ctl(f->epoll, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
}

static void accept_all(struct floor_server *f)
{
    int fd;

    while ((fd = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        if (fd >= CONNECTIONS_MAX) {
            close(fd);
            continue;
        }
        sock_set_nodelay(fd, true);
        f->unanswered[fd] = 0;
        watch(f, fd);
    }
}

/* False when there is nothing to answer. */
static bool read_once(struct floor_server *f, int fd)
{
    ssize_t got = recv(fd, f->input, READ_BYTES, MSG_DONTWAIT);

    if (got <= 0) {
        if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
            close(fd);
        }
        return false;
    }
    f->unanswered[fd] += (uint64_t)got;
    return f->unanswered[fd] >= f->request_bytes;
}

/* The socket blocks: those who load us read at all times. */
static void answer(struct floor_server *f, int fd)
{
    uint64_t due = f->unanswered[fd] / f->request_bytes;

    f->unanswered[fd] %= f->request_bytes;
    while (due > 0) {
        uint64_t count = due < REPLIES_AT_ONCE ? due : REPLIES_AT_ONCE;

        if (send(fd, f->replies.data, count * f->reply_bytes, MSG_NOSIGNAL) < 0) {
            return; /* the next read says that the connection is gone */
        }
        due -= count;
    }
}

static void serve(struct floor_server *f)
{
    struct epoll_event events[EVENTS_MAX];

    for (;;) {
        int count = epoll_wait(f->epoll, events, EVENTS_MAX, -1);
        int due_count = 0;
        int due[EVENTS_MAX];

        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == f->listener) {
                accept_all(f);
            } else if (read_once(f, events[i].data.fd)) {
                due[due_count++] = events[i].data.fd;
            }
        }
        for (int i = 0; i < due_count; i++) {
            answer(f, due[i]);
        }
    }
}

/* Text with \r and \n written out. */
static void unescape(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (text[0] == '\\' && (text[1] == 'r' || text[1] == 'n')) {
            buf_append_byte(out, *++text == 'r' ? '\r' : '\n');
        } else {
            buf_append_byte(out, *text);
        }
    }
}

static void listen_at(struct floor_server *f, const char *host, uint64_t port)
{
    struct sock_listen_options options = {.backlog = 1024};
    struct errmsg error;
    struct addr at;

    f->epoll = epoll_create1(EPOLL_CLOEXEC);
    must(f->epoll >= 0, "epoll_create1");
    must(addr_parse(&at, host, (uint16_t)port), "address");
    f->listener = sock_listen(&at, &options, &error);
    must(f->listener >= 0, "listen");
    watch(f, f->listener);
}

int main(int argc, char **argv)
{
    static struct floor_server f; /* too large for a stack */
    struct buf reply = {0};
    const char *host = "127.0.0.1";
    uint64_t port = 0;

    for (int i = 1; i + 1 < argc; i += 2) {
        struct bytes value = bytes_from_text(argv[i + 1]);

        if (strcmp(argv[i], "--bind") == 0) {
            host = argv[i + 1];
        } else if (strcmp(argv[i], "--reply") == 0) {
            unescape(&reply, argv[i + 1]);
        } else if (!(strcmp(argv[i], "--port") == 0 && num_parse_u64(value, &port)) &&
                   !(strcmp(argv[i], "--request") == 0 && num_parse_u64(value, &f.request_bytes))) {
            reply.len = 0;
            break;
        }
    }
    if (reply.len == 0 || port == 0 || port > UINT16_MAX || f.request_bytes == 0) {
        fprintf(stderr, "usage: floor --port N [--bind ADDRESS] --request BYTES --reply TEXT\n");
        return 2;
    }
    f.reply_bytes = reply.len;
    for (int i = 0; i < REPLIES_AT_ONCE; i++) {
        buf_append_bytes(&f.replies, buf_bytes(&reply));
    }
    signal(SIGPIPE, SIG_IGN);
    listen_at(&f, host, port);
    serve(&f);
}
