/* SPDX-License-Identifier: MIT */
/* Each function is one system call and what its errors mean. */
#include "io/sock.h"

#include "base/assert.h"
#include "io/clock.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    KEEPALIVE_PROBES = 3,
    POLL_LIMIT_MS = 60 * 60 * 1000,
};

static void describe(struct errmsg *error, const char *what, int code)
{
    char reason[128];

    errmsg_set(error, "%s: %s", what, strerror_r(code, reason, sizeof(reason)));
}

/* For messages: a path has no port. */
static void format_where(const struct addr *a, char out[ADDR_TEXT])
{
    if (addr_is_unix(a)) {
        addr_format_host(a, out);
    } else {
        addr_format(a, out);
    }
}

static const struct sockaddr *generic(const struct addr *a)
{
    return (const struct sockaddr *)(const void *)&a->storage;
}

static bool set_option(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof(value)) == 0;
}

static int open_socket(const struct addr *a, struct errmsg *error)
{
    int fd = socket(a->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        describe(error, "cannot open a socket", errno);
    }
    return fd;
}

/* ---- listening ------------------------------------------------------------------------------- */

/* Remove a socket that an earlier process left at the path, and nothing else; false when somebody
 * listens on it. */
static bool remove_stale_socket(const struct addr *at, const char *path)
{
    struct stat info;
    bool is_alive;
    int probe;

    if (lstat(path, &info) != 0 || !S_ISSOCK(info.st_mode)) {
        return true;
    }
    probe = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (probe < 0) {
        return false;
    }
    /* EAGAIN: there is a listener, whose queue is full. */
    is_alive = connect(probe, generic(at), at->len) == 0 || errno == EAGAIN || errno == EINPROGRESS;
    close(probe);
    if (is_alive) {
        errno = EADDRINUSE;
        return false;
    }
    unlink(path);
    return true;
}

static bool bind_and_listen(int fd, const struct addr *at,
                            const struct sock_listen_options *options)
{
    char path[ADDR_HOST_TEXT];

    if (addr_is_unix(at)) {
        addr_format_host(at, path);
        if (!remove_stale_socket(at, path)) {
            return false;
        }
    } else if (!set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1)) {
        return false;
    }
    if (addr_is_ip6(at) && !set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)) {
        return false;
    }
    if (bind(fd, generic(at), at->len) != 0) {
        return false;
    }
    if (addr_is_unix(at) && options->unix_mode != 0 &&
        chmod(path, (mode_t)options->unix_mode) != 0) {
        return false;
    }
    return listen(fd, options->backlog) == 0;
}

int sock_listen(const struct addr *at, const struct sock_listen_options *options,
                struct errmsg *error)
{
    int fd = open_socket(at, error);

    if (fd < 0) {
        return -1;
    }
    if (!bind_and_listen(fd, at, options)) {
        char where[ADDR_TEXT];
        char what[ADDR_TEXT + 32];
        int code = errno;

        format_where(at, where);
        snprintf(what, sizeof(what), "cannot listen on %s", where);
        describe(error, what, code);
        close(fd);
        return -1;
    }
    return fd;
}

enum sock_status sock_accept(int listen_fd, int *out_fd, struct addr *peer, struct errmsg *error)
{
    for (;;) {
        struct addr from = {.len = sizeof(from.storage)};
        int fd = accept4(listen_fd, (struct sockaddr *)(void *)&from.storage, &from.len,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0) {
            *out_fd = fd;
            if (peer != NULL) {
                *peer = from;
            }
            return SOCK_OK;
        }
        /* A connection that went away while it waited is none; the next may be there. */
        if (errno == EINTR || errno == ECONNABORTED) {
            continue;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return SOCK_AGAIN;
        }
        describe(error, "cannot accept a connection", errno);
        return SOCK_ERROR;
    }
}

/* ---- connecting ------------------------------------------------------------------------------ */

static enum sock_status connect_failed(int fd, const struct addr *to, int code,
                                       struct errmsg *error)
{
    char where[ADDR_TEXT];
    char what[ADDR_TEXT + 32];

    format_where(to, where);
    snprintf(what, sizeof(what), "cannot connect to %s", where);
    describe(error, what, code);
    close(fd);
    return SOCK_ERROR;
}

enum sock_status sock_connect_start(const struct addr *to, const struct addr *source, int *out_fd,
                                    struct errmsg *error)
{
    int fd = open_socket(to, error);

    *out_fd = -1;
    if (fd < 0) {
        return SOCK_ERROR;
    }
    if (source != NULL && bind(fd, generic(source), source->len) != 0) {
        return connect_failed(fd, to, errno, error);
    }
    if (connect(fd, generic(to), to->len) == 0) {
        *out_fd = fd;
        return SOCK_OK;
    }
    /* Interrupted or not, it goes on by itself.  EAGAIN comes from a path with a full queue. */
    if (errno != EINPROGRESS && errno != EINTR) {
        return connect_failed(fd, to, errno, error);
    }
    *out_fd = fd;
    return SOCK_AGAIN;
}

enum sock_status sock_connect_outcome(int fd, struct errmsg *error)
{
    int code = 0;
    socklen_t len = sizeof(code);

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &len) != 0) {
        code = errno;
    }
    if (code != 0) {
        describe(error, "cannot connect", code);
        return SOCK_ERROR;
    }
    return SOCK_OK;
}

void sock_close(int fd)
{
    if (fd >= 0) {
        close(fd);
    }
}

/* ---- options --------------------------------------------------------------------------------- */

void sock_set_nodelay(int fd, bool on)
{
    (void)set_option(fd, IPPROTO_TCP, TCP_NODELAY, on ? 1 : 0);
}

void sock_set_keepalive(int fd, int idle_s)
{
    int interval_s = idle_s / 3 > 0 ? idle_s / 3 : 1;

    if (idle_s <= 0) {
        (void)set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 0);
        return;
    }
    (void)set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    (void)set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, idle_s);
    (void)set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, interval_s);
    (void)set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES);
}

bool sock_local_addr(int fd, struct addr *out)
{
    *out = (struct addr){.len = sizeof(out->storage)};
    return getsockname(fd, (struct sockaddr *)(void *)&out->storage, &out->len) == 0;
}

/* ---- bytes ----------------------------------------------------------------------------------- */

static enum sock_status transfer_failed(const char *what, struct errmsg *error)
{
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
        return SOCK_AGAIN;
    }
    describe(error, what, errno);
    return errno == EPIPE || errno == ECONNRESET ? SOCK_CLOSED : SOCK_ERROR;
}

/* recv and send without being points where a thread can be cancelled: in a process of several
 * threads libc brackets those with atomic operations, which nobody here needs.  On x86-64 the call is made
 * in place, which spares moving its arguments twice. */
#if defined(__x86_64__)
static inline ssize_t transfer(long number, int fd, const void *data, size_t size, long flags)
{
    register long arg4 __asm__("r10") = flags;
    register long arg5 __asm__("r8") = 0; /* no address */
    register long arg6 __asm__("r9") = 0;
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"((long)fd), "S"(data), "d"(size), "r"(arg4), "r"(arg5),
                       "r"(arg6)
                     : "rcx", "r11", "memory");
    if (UNLIKELY(result < 0)) {
        errno = (int)-result;
        return -1;
    }
    return result;
}
#else
static inline ssize_t transfer(long number, int fd, const void *data, size_t size, long flags)
{
    return syscall(number, fd, data, size, flags, NULL, 0);
}
#endif

static inline ssize_t receive(int fd, void *out, size_t size)
{
    return transfer(SYS_recvfrom, fd, out, size, 0);
}

static inline ssize_t transmit(int fd, struct bytes bytes)
{
    return transfer(SYS_sendto, fd, bytes.data, bytes.len, MSG_NOSIGNAL);
}

/* Everything but bytes at the first try. */
static COLD enum sock_status read_again(int fd, void *out, size_t size, ssize_t result, size_t *got,
                                        struct errmsg *error)
{
    while (result < 0 && errno == EINTR) {
        result = receive(fd, out, size);
    }
    *got = result > 0 ? (size_t)result : 0;
    if (result < 0) {
        return transfer_failed("cannot read", error);
    }
    if (result == 0) {
        errmsg_set(error, "the connection was closed by the peer");
        return SOCK_CLOSED;
    }
    return SOCK_OK;
}

enum sock_status sock_read(int fd, void *out, size_t size, size_t *got, struct errmsg *error)
{
    ssize_t result = receive(fd, out, size);

    ASSERT(size > 0);
    if (UNLIKELY(result <= 0)) {
        return read_again(fd, out, size, result, got, error);
    }
    *got = (size_t)result;
    return SOCK_OK;
}

enum sock_status sock_read_append(int fd, struct buf *out, size_t max_bytes, size_t *got,
                                  struct errmsg *error)
{
    enum sock_status status = sock_read(fd, buf_reserve(out, max_bytes), max_bytes, got, error);

    out->len += *got;
    return status;
}

static COLD enum sock_status write_again(int fd, struct bytes bytes, size_t *written,
                                         struct errmsg *error)
{
    ssize_t result = -1;

    while (result < 0 && errno == EINTR) {
        result = transmit(fd, bytes);
    }
    *written = result > 0 ? (size_t)result : 0;
    return result < 0 ? transfer_failed("cannot write", error) : SOCK_OK;
}

enum sock_status sock_write(int fd, struct bytes bytes, size_t *written, struct errmsg *error)
{
    ssize_t result = transmit(fd, bytes);

    if (UNLIKELY(result < 0)) {
        return write_again(fd, bytes, written, error);
    }
    *written = (size_t)result;
    return SOCK_OK;
}

enum sock_status sock_write_pieces(int fd, const struct bytes *pieces, size_t count,
                                   size_t *written, struct errmsg *error)
{
    struct iovec vector[SOCK_WRITE_PIECES];
    struct msghdr message = {.msg_iov = vector};
    ssize_t result;

    *written = 0;
    for (size_t i = 0; i < count && i < SOCK_WRITE_PIECES; i++) {
        /* The kernel's type has no const, though it only reads. */
        memcpy(&vector[i].iov_base, &pieces[i].data, sizeof(pieces[i].data));
        vector[i].iov_len = pieces[i].len;
        message.msg_iovlen = i + 1;
    }
    do {
        result = sendmsg(fd, &message, MSG_NOSIGNAL);
    } while (result < 0 && errno == EINTR);
    if (result < 0) {
        return transfer_failed("cannot write", error);
    }
    *written = (size_t)result;
    return SOCK_OK;
}

bool sock_wait(int fd, bool readable, bool writable, int64_t timeout_ms)
{
    struct pollfd poll_fd = {.fd = fd};
    struct mono_time deadline = MONO_NEVER;

    ASSERT(readable || writable);
    poll_fd.events = (short)((readable ? POLLIN : 0) | (writable ? POLLOUT : 0));
    if (timeout_ms >= 0) {
        deadline = mono_add_ms(clock_mono_now(), timeout_ms);
    }
    for (;;) {
        int64_t left_ms =
            timeout_ms < 0 ? POLL_LIMIT_MS : mono_ms_between(clock_mono_now(), deadline) + 1;
        int result;

        if (timeout_ms == 0 || left_ms < 0) {
            left_ms = 0;
        }
        result = poll(&poll_fd, 1, (int)(left_ms < POLL_LIMIT_MS ? left_ms : POLL_LIMIT_MS));
        if (result > 0) {
            return true;
        }
        if (timeout_ms == 0 || (timeout_ms > 0 && mono_is_due(deadline, clock_mono_now()))) {
            return false;
        }
    }
}
