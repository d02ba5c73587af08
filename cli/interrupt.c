/* SPDX-License-Identifier: MIT */
/* A signalfd among the descriptors of poll. */
#include "cli/interrupt.h"

#include "base/attr.h"
#include "base/clock.h"
#include "io/clock.h"

#include <limits.h>
#include <poll.h>
#include <stddef.h>
#include <sys/signalfd.h>
#include <unistd.h>

void interrupt_open(struct interrupt *interrupt)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, &interrupt->before);
    interrupt->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (interrupt->fd < 0) {
        sigprocmask(SIG_SETMASK, &interrupt->before, NULL);
    }
}

static bool came(const struct interrupt *interrupt)
{
    struct signalfd_siginfo info;

    return interrupt != NULL && interrupt->fd >= 0 &&
           read(interrupt->fd, &info, sizeof(info)) == (ssize_t)sizeof(info);
}

void interrupt_close(struct interrupt *interrupt)
{
    if (interrupt->fd >= 0) {
        while (came(interrupt)) {
            /* What is still held back has had its effect and must not end the program now. */
        }
        close(interrupt->fd);
        sigprocmask(SIG_SETMASK, &interrupt->before, NULL);
        interrupt->fd = -1;
    }
}

static int poll_timeout(int64_t left_ms)
{
    if (left_ms < 0) {
        return -1;
    }
    return left_ms > INT_MAX ? INT_MAX : (int)left_ms;
}

enum interrupt_wait interrupt_wait(const struct interrupt *interrupt, int fd, bool for_write,
                                   int64_t timeout_ms)
{
    struct mono_time deadline =
        timeout_ms < 0 ? MONO_NEVER : mono_add_ms(clock_mono_now(), timeout_ms);

    for (;;) {
        int64_t left_ms = -1;
        struct pollfd watched[] = {
            {.fd = interrupt != NULL ? interrupt->fd : -1, .events = POLLIN                               },
            {.fd = fd,                                     .events = for_write ? POLLIN | POLLOUT : POLLIN},
        };

        if (timeout_ms >= 0) {
            struct mono_time now = clock_mono_now();

            left_ms = mono_is_due(deadline, now) ? 0 : mono_ms_between(now, deadline) + 1;
        }
        if (poll(watched, ARRAY_COUNT(watched), poll_timeout(left_ms)) > 0) {
            if (came(interrupt)) {
                return INTERRUPT_CAME;
            }
            if (watched[1].revents != 0) {
                return INTERRUPT_READY;
            }
        }
        if (left_ms == 0) {
            return INTERRUPT_TIMEOUT;
        }
    }
}

bool interrupt_sleep(const struct interrupt *interrupt, int64_t ms)
{
    return interrupt_wait(interrupt, -1, false, ms) != INTERRUPT_CAME;
}
