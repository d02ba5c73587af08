/* SPDX-License-Identifier: MIT */
/* Whoever started the process and waits for it: the shell that ran it with daemonize, systemd, upstart.
 *
 * A daemon's parent stays until the child serves or has ended, and ends with 0 or with its code;
 * until then what the child says on standard error goes where the parent's does. */
#ifndef STARLING_NET_SUPERVISOR_H
#define STARLING_NET_SUPERVISOR_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/errmsg.h"

/* Values of the directive supervised. */
enum supervised {
    SUPERVISED_NO,
    SUPERVISED_UPSTART,
    SUPERVISED_SYSTEMD,
    SUPERVISED_AUTO,
};

struct supervisor {
    enum supervised kind; /* never AUTO */
    int parent_fd;        /* of a daemon, until it serves; else -1 */
    bool is_stopping;
};

/* Find out who supervises. */
struct supervisor supervisor_find(enum supervised wanted);
/* Leave the terminal: returns in a child; the parent waits for it and ends. */
MUST_USE bool supervisor_daemonize(struct supervisor *supervisor, struct errmsg *error);
/* The process serves clients from now on. */
void supervisor_ready(struct supervisor *supervisor, const char *status);
/* What it is doing, in words. */
void supervisor_status(const struct supervisor *supervisor, const char *status);
/* It has been asked to end. */
void supervisor_stopping(struct supervisor *supervisor);

#endif
