/* SPDX-License-Identifier: MIT */
/* Two ends of a connection over loopback, and the socket that listens, for tests of this room. */
#ifndef STARLING_TESTS_UNIT_COMMON_IO_PAIR_H
#define STARLING_TESTS_UNIT_COMMON_IO_PAIR_H

#include <criterion/criterion.h>

#include "io/sock.h"

enum {
    PATIENCE_MS = 10000, /* for what must happen, but not at once */
};

static inline int pair_listen(const char *host, struct addr *at)
{
    struct sock_listen_options options = {.backlog = 16};
    struct errmsg error = {0};
    int fd;

    cr_assert(addr_parse(at, host, 0));
    fd = sock_listen(at, &options, &error);
    cr_assert_geq(fd, 0, "%s", error.text);
    cr_assert(sock_local_addr(fd, at));
    return fd;
}

static inline int pair_accept(int listen_fd)
{
    struct errmsg error = {0};
    int fd = -1;

    cr_assert(sock_wait(listen_fd, true, false, PATIENCE_MS));
    cr_assert_eq(sock_accept(listen_fd, &fd, NULL, &error), SOCK_OK, "%s", error.text);
    return fd;
}

static inline int pair_connect(const struct addr *to)
{
    struct errmsg error = {0};
    int fd = -1;
    enum sock_status status = sock_connect_start(to, NULL, &fd, &error);

    if (status == SOCK_AGAIN) {
        cr_assert(sock_wait(fd, false, true, PATIENCE_MS));
        status = sock_connect_outcome(fd, &error);
    }
    cr_assert_eq(status, SOCK_OK, "%s", error.text);
    return fd;
}

/* Everything up to len bytes; the peer must send that many. */
static inline void pair_read_exactly(int fd, struct buf *out, size_t len)
{
    struct errmsg error = {0};

    while (out->len < len) {
        size_t got;
        enum sock_status status = sock_read_append(fd, out, len - out->len, &got, &error);

        cr_assert(status == SOCK_OK || status == SOCK_AGAIN, "%s", error.text);
        if (status == SOCK_AGAIN) {
            cr_assert(sock_wait(fd, true, false, PATIENCE_MS));
        }
    }
}

#endif
