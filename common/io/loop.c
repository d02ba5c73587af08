/* SPDX-License-Identifier: MIT */
/* epoll carries the watch itself, so nothing is looked up.  The wake-up is an eventfd whose
 * watch is NULL. */
#include "io/loop.h"

#include "base/assert.h"
#include "base/mem.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    EVENTS_FIRST = 256,
    EVENTS_LIMIT = 16384, /* what is beyond comes with the next wait */
    WAIT_LIMIT_MS = 60 * 60 * 1000,
};

struct loop {
    int epoll_fd;
    int wake_fd;
    struct epoll_event *raw;
    struct loop_event *ready;
    size_t ready_count;
    size_t cap;
    uint32_t wait_number; /* of the last one; 0: none yet */
    bool is_woken;
};

static void refuse(struct errmsg *error, const char *what)
{
    int code = errno;
    char reason[128];

    errmsg_set(error, "%s: %s", what, strerror_r(code, reason, sizeof(reason)));
}

static uint32_t to_epoll(uint32_t events)
{
    return ((events & LOOP_READ) != 0 ? (uint32_t)EPOLLIN : 0) |
           ((events & LOOP_WRITE) != 0 ? (uint32_t)EPOLLOUT : 0);
}

static void resize(struct loop *loop, size_t cap)
{
    loop->raw = mem_realloc(MEM_NET, loop->raw, cap * sizeof(*loop->raw));
    loop->ready = mem_realloc(MEM_NET, loop->ready, cap * sizeof(*loop->ready));
    loop->cap = cap;
}

struct loop *loop_new(struct errmsg *error)
{
    struct loop *loop = mem_alloc_zeroed(MEM_NET, sizeof(*loop));
    struct epoll_event wake = {.events = EPOLLIN, .data.ptr = NULL};

    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (loop->epoll_fd < 0 || loop->wake_fd < 0 ||
        epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->wake_fd, &wake) != 0) {
        refuse(error, "cannot make an event loop");
        loop_free(loop);
        return NULL;
    }
    resize(loop, EVENTS_FIRST);
    return loop;
}

void loop_free(struct loop *loop)
{
    if (loop == NULL) {
        return;
    }
    if (loop->epoll_fd >= 0) {
        close(loop->epoll_fd);
    }
    if (loop->wake_fd >= 0) {
        close(loop->wake_fd);
    }
    mem_free(MEM_NET, loop->raw);
    mem_free(MEM_NET, loop->ready);
    mem_free(MEM_NET, loop);
}

bool loop_watch(struct loop *loop, struct loop_watch *watch, struct errmsg *error)
{
    struct epoll_event event = {.events = to_epoll(watch->events), .data.ptr = watch};

    ASSERT(!watch->is_watched);
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, watch->fd, &event) != 0) {
        refuse(error, "cannot watch a descriptor");
        return false;
    }
    watch->is_watched = true;
    watch->ready_in = 0;
    return true;
}

void loop_modify(struct loop *loop, struct loop_watch *watch, uint32_t events)
{
    struct epoll_event event = {.events = to_epoll(events), .data.ptr = watch};
    int result;

    ASSERT(watch->is_watched);
    if (watch->events == events) {
        return;
    }
    result = epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, watch->fd, &event);
    ASSERT(result == 0);
    watch->events = events;
}

void loop_unwatch(struct loop *loop, struct loop_watch *watch)
{
    int result;

    if (!watch->is_watched) {
        return;
    }
    result = epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
    ASSERT(result == 0);
    if (watch->ready_in == loop->wait_number && loop->wait_number > 0) {
        ASSERT(loop->ready[watch->ready_at].watch == watch);
        loop->ready[watch->ready_at].watch = NULL;
        watch->ready_in = 0;
    }
    watch->is_watched = false;
}

static void drain_wake(struct loop *loop)
{
    uint64_t count;

    loop->is_woken = true;
    while (read(loop->wake_fd, &count, sizeof(count)) > 0) {
    }
}

static uint32_t from_epoll(uint32_t raw, uint32_t watched)
{
    if (LIKELY(raw == EPOLLIN)) {
        return LOOP_READ;
    }
    if ((raw & (EPOLLERR | EPOLLHUP)) != 0) {
        return watched != 0 ? watched : LOOP_READ | LOOP_WRITE;
    }
    return ((raw & EPOLLIN) != 0 ? (uint32_t)LOOP_READ : 0) |
           ((raw & EPOLLOUT) != 0 ? (uint32_t)LOOP_WRITE : 0);
}

size_t loop_wait(struct loop *loop, int64_t timeout_ms, struct loop_event **out)
{
    int timeout =
        timeout_ms < 0 ? -1 : (int)(timeout_ms < WAIT_LIMIT_MS ? timeout_ms : WAIT_LIMIT_MS);
    int count;

    loop->ready_count = 0;
    /* What a watch knows of events before is over; 0 stays free for those that never had one. */
    loop->wait_number = loop->wait_number < UINT32_MAX ? loop->wait_number + 1 : 1;
    loop->is_woken = false;
    count = epoll_wait(loop->epoll_fd, loop->raw, (int)loop->cap, timeout);
    ASSERT(count >= 0 || errno == EINTR);
    for (int i = 0; i < count; i++) {
        struct loop_watch *watch = loop->raw[i].data.ptr;

        if (watch == NULL) {
            drain_wake(loop);
            continue;
        }
        loop->ready[loop->ready_count] = (struct loop_event){
            .watch = watch, .events = from_epoll(loop->raw[i].events, watch->events)};
        watch->ready_at = loop->ready_count++;
        watch->ready_in = loop->wait_number;
    }
    if (count == (int)loop->cap && loop->cap < EVENTS_LIMIT) {
        resize(loop, loop->cap * 2);
    }
    *out = loop->ready;
    return loop->ready_count;
}

bool loop_was_woken(const struct loop *loop)
{
    return loop->is_woken;
}

void loop_wake(struct loop *loop)
{
    uint64_t one = 1;
    /* Full means that a wake-up is pending already. */
    ssize_t ignored = write(loop->wake_fd, &one, sizeof(one));

    (void)ignored;
}
