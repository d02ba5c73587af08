/* SPDX-License-Identifier: MIT */
/* The shell around a node: real sockets, files, clocks and signals.
 *
 * Owns the loop, the worker, all descriptors and the node.  One per process. */
#ifndef STARLING_NET_SHELL_H
#define STARLING_NET_SHELL_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/errmsg.h"
#include "base/log.h"
#include "config/config.h"

struct log_place;
struct node_controls;
struct shell;

struct shell_options {
    struct config *config;                /* adopted */
    const struct node_controls *controls; /* for the node */
    struct logger *logger;                /* its threshold follows loglevel */
    const struct log_place *until;        /* for the node, or NULL */
    /* Told of the process's life, on the loop thread; each may be NULL. */
    void (*on_second)(void *context); /* and soon after shell_call */
    void (*on_ready)(void *context);  /* data are loaded: clients are served from now on */
    void (*on_ending)(void *context); /* asked to end */
    void *context;
};

/* Listen and make the node.  NULL when that cannot be: error says why. */
MUST_USE struct shell *shell_new(const struct shell_options *options, struct errmsg *error);
/* Run until the node ends; the exit code of the process. */
int shell_run(struct shell *shell);
void shell_free(struct shell *shell);
/* Have on_second called soon.  May be called from a signal handler. */
void shell_call(struct shell *shell);
/* SIGTERM or SIGINT has come.  May be called from a signal handler. */
void shell_ask_to_end(struct shell *shell, int number);

#endif
