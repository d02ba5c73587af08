/* SPDX-License-Identifier: MIT */
/* Real servers for tests: on loopback, on ports found free, in a temporary folder each, ended by
 * their own pid, and by the kernel when the test dies. */
#ifndef STARLING_TESTS_SUPPORT_SERVER_H
#define STARLING_TESTS_SUPPORT_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/errmsg.h"
#include "io/client.h"

enum {
    SERVER_ARGS_MAX = 48,
    SERVER_PATH_MAX = 256,
};

struct server {
    char program[SERVER_PATH_MAX];
    char dir[SERVER_PATH_MAX]; /* temporary: its data and its log "log" */
    uint16_t port;
    pid_t pid; /* 0 while it does not run */
    char *args[SERVER_ARGS_MAX];
    size_t arg_count;
    /* May be changed between server_prepare and the first start. */
    const char *port_flag;               /* "--port" */
    const char *bind_flag;               /* "--bind" */
    char notify_socket[SERVER_PATH_MAX]; /* its $NOTIFY_SOCKET, when it is not empty */
    char config_file[SERVER_PATH_MAX];   /* the first argument, when it is not empty */
    uint64_t descriptors; /* how many it may have open, privileged or not; 0: as many as we */
    bool is_foreign;      /* speaks no RESP: it has started once it accepts a connection */
    uint64_t cpu_mask;    /* the processors it may use, bit 0 the first; 0: any */
    unsigned user;        /* who it runs as, which only root can choose; 0: we */
};

/* The folder of a flavour's programs, from the environment variable STARLING_BIN, else
 * build/release/bin. */
const char *server_bin_dir(void);

/* Of programs that run beside each other each takes ports that no other one of them does, also while its servers are stopped:
 * this is number index of so many. */
void server_take_share(unsigned index, unsigned count);
/* Choose a free port (with the one 10000 above free, too) and make the folder; does not start. */
MUST_USE bool server_prepare(struct server *s, const char *program, struct errmsg *error);
/* An argument for every start. */
void server_add_arg(struct server *s, const char *arg);
/* Start it, in the same folder on the same port as before; returns when it answers PING (or
 * accepts a connection, when it is foreign). */
MUST_USE bool server_start(struct server *s, struct errmsg *error);
/* Start it without waiting. */
MUST_USE bool server_launch(struct server *s, struct errmsg *error);
/* Send the signal and, unless it only pauses or resumes, wait for the end; the exit status. */
int server_signal(struct server *s, int number);
/* Wait until the process has ended; false after timeout_ms. */
bool server_wait_end(struct server *s, int64_t timeout_ms, int *status);
/* SIGKILL if it runs, and remove the folder with all that is in it. */
void server_cleanup(struct server *s);
MUST_USE struct client *server_connect(const struct server *s, struct errmsg *error);
/* Ask the request, a line, again and again until its reply, a text, has the words; false after limit_ms, or without a reply. */
MUST_USE bool server_await(struct client *client, const char *request, const char *words,
                           int64_t limit_ms, struct errmsg *error);
/* Resident bytes of the process. */
uint64_t server_resident_bytes(const struct server *s);
/* Microseconds of CPU it has used, in steps of the kernel's clock. */
uint64_t server_cpu_us(const struct server *s);
/* Nanoseconds of CPU that its living threads have used; exact for those that sleep. */
uint64_t server_cpu_ns(const struct server *s);
/* Nanoseconds that they were ready to run while others had the processor. */
uint64_t server_wait_ns(const struct server *s);

int64_t support_now_ms(void);
/* Give way for a moment between two looks at a condition. */
void support_pause_ms(int64_t ms);

#endif
