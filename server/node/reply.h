/* SPDX-License-Identifier: MIT */
/* What every file of a node says: errors to clients, marks for the shell, lines for the log. */
#ifndef STARLING_NODE_REPLY_H
#define STARLING_NODE_REPLY_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/log.h"

struct node;
struct request;
struct session;

void node_log(const struct node *node, enum log_level level, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* Append an error reply. */
void reply_error(struct request *request, const char *format, ...) PRINTF_LIKE(2, 3);
/* There is no such subcommand. */
void reply_unknown_sub(struct request *request);
/* There is none, or not with these words: as CLUSTER and DEBUG say it. */
void reply_sub_misused(struct request *request);
/* Tell the shell that there is output, or that the session is to be closed. */
void node_touch(struct node *node, struct session *s);
void node_close_session(struct node *node, struct session *s, bool after_write);

#endif
