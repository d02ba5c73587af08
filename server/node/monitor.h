/* SPDX-License-Identifier: MIT */
/* Clients that are shown every command that runs here (MONITOR).
 *
 * A line is shown once the command has run: clients' requests, each request of a transaction, and what our
 * primary's stream says.  Commands of administrators are not shown, nor what a gate has refused, nor what a
 * node does on its own account (expiry); secrets are redacted.  A request that has waited for a key is not
 * shown again when it is run again.
 *
 * While somebody watches, gates are closed for requests that would be executed unasked (node/gates.h), so
 * that it costs nothing while nobody does.
 *
 * Invariants:  (1) SESSION_MONITOR is set exactly while the session is in the list
 *              (2) a monitor is no replica: its output has lines of text
 * Owns who watches. */
#ifndef STARLING_NODE_MONITOR_H
#define STARLING_NODE_MONITOR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/list.h"
#include "base/vec.h"

struct node;
struct request;
struct session;
struct streamed_command;

struct monitors {
    struct list all; /* sessions, in the order in which they came */
    size_t count;
    struct buf line;         /* the one being shown */
    VEC(struct bytes) words; /* of a request with secrets, without them */
};

void monitor_init(struct node *node);
/* Nobody may watch any more. */
void monitor_deinit(struct node *node);

/* From the next command on it is shown everything; it is neither a monitor nor a replica. */
void monitor_begin(struct node *node, struct session *s);
/* It is shown nothing any more, if it was. */
void monitor_end(struct node *node, struct session *s);

static inline bool monitor_is_on(const struct monitors *monitors)
{
    return monitors->count > 0;
}

/* Show a request that has run, its spec being that of the subcommand. */
void monitor_show(struct node *node, const struct request *request);
/* The same for a command of our primary's, on its database; its spec is NULL when it is none of ours. */
void monitor_show_streamed(struct node *node, const struct streamed_command *command);

void monitor_check(const struct node *node);

#endif
