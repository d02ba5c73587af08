/* SPDX-License-Identifier: MIT */
#include "node/disk_pressure.h"

#include "base/assert.h"
#include "node/inside.h"

static bool is_beyond(const struct node *node, uint64_t limit)
{
    return disk_log_is_on(&node->disk_log) && node->role.is_primary &&
           disk_log_refusal(node) == NULL &&
           oplog_end(node->journal.log) - node->disk_log.durable > limit;
}

void disk_pressure_look(struct node *node)
{
    node->disk_pressure.is_high = is_beyond(node, (uint64_t)node->config.log_lag_limit);
}

bool disk_pressure_hold(struct node *node, struct request *request)
{
    const struct session *s = request->session;
    bool is_queued = (s->flags & SESSION_IN_MULTI) != 0 && request->spec->id != COMMAND_EXEC;

    if (request->read.raw.len == 0 || is_queued || node->journal.is_in_transaction) {
        return false;
    }
    waiting_put_back(node, request, HOLD_DISK);
    node->disk_pressure.has_waiting = true;
    return true;
}

void disk_pressure_run(struct node *node)
{
    if (LIKELY(!node->disk_pressure.has_waiting) ||
        is_beyond(node, (uint64_t)node->config.log_lag_limit / 2)) {
        return;
    }
    node->disk_pressure.has_waiting = false;
    LIST_FOR_EACH_SAFE (item, &node->holds.held) {
        struct session *s = CONTAINER_OF(item, struct session, hold.held);

        if (s->hold.kind == HOLD_DISK) {
            waiting_release(node, s);
        }
    }
}

void disk_pressure_check(const struct node *node)
{
    LIST_FOR_EACH (item, &node->holds.held) {
        const struct session *s = CONTAINER_OF(item, const struct session, hold.held);

        ASSERT(s->hold.kind != HOLD_DISK || node->disk_pressure.has_waiting); /* (1) */
    }
}
