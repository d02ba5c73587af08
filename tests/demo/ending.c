/* SPDX-License-Identifier: MIT */
/* What asks us to end in the middle: Ctrl-C, kill, the end of our parent.
 *
 * A handler may do next to nothing, so it writes to a pipe, and a thread that reads from that cleans up.  The main thread may be
 * anywhere then; a server that it starts meanwhile ends with us (tests/support/server.h). */
#include "tests/demo/demo.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    EXIT_BY_SIGNAL = 128,
};

static volatile sig_atomic_t wake_fd = -1;

static void on_signal(int number)
{
    int saved = errno;
    char byte = (char)number;

    (void)!write(wake_fd, &byte, 1);
    errno = saved;
}

struct watch {
    struct demo *demo;
    int fd;
};

static void *watch(void *context)
{
    struct watch *w = context;
    char number = 0;

    while (read(w->fd, &number, 1) != 1) {
    }
    for (size_t i = 0; i < w->demo->node_count; i++) {
        server_cleanup(&w->demo->servers[i]); /* the clients are somebody else's */
    }
    _exit(EXIT_BY_SIGNAL + number);
}

bool ending_watch(struct demo *demo)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    static struct watch w;
    pthread_t thread;
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0) {
        errmsg_set(&demo->error, "cannot make a pipe: %s", strerror(errno));
        return false;
    }
    w = (struct watch){.demo = demo, .fd = ends[0]};
    wake_fd = ends[1];
    if (pthread_create(&thread, NULL, watch, &w) != 0) {
        errmsg_set(&demo->error, "cannot start a thread");
        return false;
    }
    pthread_detach(thread);
    for (size_t i = 0; i < ARRAY_COUNT(signals); i++) {
        sigaction(signals[i], &action, NULL);
    }
    return true;
}
