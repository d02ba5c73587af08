/* SPDX-License-Identifier: MIT */
/* Ctrl-C as something to wait for, not as a signal handler: while it is open, SIGINT and SIGTERM
 * are held back and arrive here. */
#ifndef STARLING_CLI_INTERRUPT_H
#define STARLING_CLI_INTERRUPT_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct interrupt {
    int fd; /* -1: cannot be watched, signals end the program as usual */
    sigset_t before;
};

enum interrupt_wait {
    INTERRUPT_READY,   /* the descriptor is ready */
    INTERRUPT_TIMEOUT, /* nothing happened */
    INTERRUPT_CAME,    /* Ctrl-C, or a request to end */
};

void interrupt_open(struct interrupt *interrupt);
void interrupt_close(struct interrupt *interrupt);
/* Wait for the descriptor (-1: none) to be ready; timeout_ms -1: without end.  interrupt may be
 * NULL. */
enum interrupt_wait interrupt_wait(const struct interrupt *interrupt, int fd, bool for_write,
                                   int64_t timeout_ms);
/* Sleep; false when interrupted. */
bool interrupt_sleep(const struct interrupt *interrupt, int64_t ms);

#endif
