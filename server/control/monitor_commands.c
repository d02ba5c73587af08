/* SPDX-License-Identifier: MIT */
/* MONITOR: what node/monitor.h shows. */
#include "control/control.h"
#include "node/inside.h"

void control_monitor(struct node *node, struct request *request)
{
    struct session *s = request->session;

    if (node->transaction.is_on) {
        reply_error(request, "ERR MONITOR isn't allowed for DENY BLOCKING client");
        return;
    }
    if (s->flags & (SESSION_MONITOR | SESSION_REPLICA)) {
        return; /* it is one already, and a replica has nothing but the stream in its output */
    }
    monitor_begin(node, s);
    resp_write_ok(request->reply);
}
