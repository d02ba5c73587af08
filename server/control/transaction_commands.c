/* SPDX-License-Identifier: MIT */
/* Transactions: MULTI, EXEC, DISCARD, WATCH, UNWATCH. */
#include "control/control.h"
#include "node/inside.h"
#include "session/queue.h"

static bool is_in_multi(const struct request *request)
{
    return (request->session->flags & SESSION_IN_MULTI) != 0;
}

void control_multi(struct node *node, struct request *request)
{
    (void)node;
    if (is_in_multi(request)) {
        reply_error(request, "ERR MULTI calls can not be nested");
        return;
    }
    queue_begin(request->session);
    resp_write_ok(request->reply);
}

void control_exec(struct node *node, struct request *request)
{
    if (!is_in_multi(request)) {
        reply_error(request, "ERR EXEC without MULTI");
        return;
    }
    transaction_run(node, request);
}

void control_discard(struct node *node, struct request *request)
{
    if (!is_in_multi(request)) {
        reply_error(request, "ERR DISCARD without MULTI");
        return;
    }
    transaction_drop(node, request->session);
    resp_write_ok(request->reply);
}

void control_watch(struct node *node, struct request *request)
{
    if (is_in_multi(request)) {
        reply_error(request, "ERR WATCH inside MULTI is not allowed");
        return;
    }
    watching_add(node, request->session, request->args + 1, request->arg_count - 1);
    resp_write_ok(request->reply);
}

void control_unwatch(struct node *node, struct request *request)
{
    watching_leave(node, request->session);
    resp_write_ok(request->reply);
}
