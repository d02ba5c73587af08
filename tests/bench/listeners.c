/* SPDX-License-Identifier: MIT */
#include "tests/bench/listeners.h"

#include "base/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    EVENTS_MAX = 256,
    WAIT_MS = 100, /* then it looks whether it shall end */
    ANSWER_MS = 10000,
};

struct listeners {
    int epoll;
    int *sockets;
    size_t count;
    pthread_t thread;
    bool has_thread;
    atomic_bool ends;
    _Atomic uint64_t bytes;
};

static void *drain(void *context)
{
    struct listeners *l = context;
    static char sink[256 * 1024];
    struct epoll_event events[EVENTS_MAX];

    while (!atomic_load(&l->ends)) {
        int count = epoll_wait(l->epoll, events, EVENTS_MAX, WAIT_MS);

        for (int i = 0; i < count; i++) {
            ssize_t got = recv(events[i].data.fd, sink, sizeof(sink), MSG_DONTWAIT);

            if (got > 0) {
                atomic_fetch_add(&l->bytes, (uint64_t)got);
            } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
                epoll_ctl(l->epoll, EPOLL_CTL_DEL, events[i].data.fd, NULL);
            }
        }
    }
    return NULL;
}

/* Connect one, and send its request. */
static int open_one(uint16_t port, struct bytes request)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd >= 0 && (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
                    send(fd, request.data, request.len, MSG_NOSIGNAL) != (ssize_t)request.len)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static bool is_answered(int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};

    return poll(&wait, 1, ANSWER_MS) == 1 && (wait.revents & POLLIN) != 0;
}

static bool open_all(struct listeners *l, uint16_t port, size_t count, struct bytes request)
{
    for (l->count = 0; l->count < count; l->count++) {
        struct epoll_event event = {.events = EPOLLIN};
        int fd = open_one(port, request);

        if (fd < 0) {
            return false;
        }
        l->sockets[l->count] = fd;
        event.data.fd = fd;
        if (!is_answered(fd) || epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
            l->count++;
            return false;
        }
    }
    return true;
}

struct listeners *listeners_open(uint16_t port, size_t count, struct bytes request,
                                 struct errmsg *error)
{
    struct listeners *l = mem_alloc_zeroed(MEM_TEST, sizeof(*l));

    l->sockets = mem_alloc_zeroed(MEM_TEST, count * sizeof(*l->sockets));
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (l->epoll < 0 || !open_all(l, port, count, request)) {
        errmsg_set(error, "listener %zu of %zu: %s", l->count, count, strerror(errno));
        listeners_close(l);
        return NULL;
    }
    l->has_thread = pthread_create(&l->thread, NULL, drain, l) == 0;
    if (!l->has_thread) {
        errmsg_set(error, "no thread for the listeners");
        listeners_close(l);
        return NULL;
    }
    return l;
}

uint64_t listeners_bytes(struct listeners *listeners)
{
    return atomic_load(&listeners->bytes);
}

void listeners_close(struct listeners *listeners)
{
    if (listeners == NULL) {
        return;
    }
    atomic_store(&listeners->ends, true);
    if (listeners->has_thread) {
        pthread_join(listeners->thread, NULL);
    }
    for (size_t i = 0; i < listeners->count; i++) {
        close(listeners->sockets[i]);
    }
    if (listeners->epoll >= 0) {
        close(listeners->epoll);
    }
    mem_free(MEM_TEST, listeners->sockets);
    mem_free(MEM_TEST, listeners);
}
