/* SPDX-License-Identifier: MIT */
/* How actions of the core are told. */
#include "cluster/actions.h"

#include "base/assert.h"

#include <inttypes.h>

static const char *direction(const struct cluster_action *action)
{
    return action->link.is_incoming ? "incoming" : "outgoing";
}

/* E.g. "send outgoing 3 120 bytes". */
static void describe(const struct actions *list, const void *item, struct buf *out)
{
    const struct cluster_action *action = item;
    struct bytes text = cluster_action_bytes(list, action);

    ASSERT(text.len == action->bytes.len);
    switch (action->type) {
    case CLUSTER_ACTION_OPEN:
        buf_printf(out, "open %" PRIu32 " %s %s:%u\n", action->link.number,
                   action->address.hostname, action->address.ip, action->address.bus_port);
        break;
    case CLUSTER_ACTION_CLOSE:
        buf_printf(out, "close %s %" PRIu32 "\n", direction(action), action->link.number);
        break;
    case CLUSTER_ACTION_SEND:
        buf_printf(out, "send %s %" PRIu32 " %zu bytes\n", direction(action), action->link.number,
                   text.len);
        break;
    case CLUSTER_ACTION_WRITE_FILE:
        buf_printf(out, "write file %" PRIu64 "\n", action->sequence);
        break;
    case CLUSTER_ACTION_FOLLOW:
        buf_printf(out, "follow %s at %s:%u\n", action->id.text, action->address.ip,
                   action->address.port);
        break;
    case CLUSTER_ACTION_BECOME_PRIMARY:
        buf_printf(out, "become primary%s%s\n", action->drops_data ? ", drop data" : "",
                   action->doubts_data ? ", doubt data" : "");
        break;
    case CLUSTER_ACTION_SLOTS_CHANGED:
        buf_printf(out, "slots changed%s\n", action->loses_slots ? ", some lost" : "");
        break;
    case CLUSTER_ACTION_STATE_CHANGED:
        buf_printf(out, "state %s\n", action->is_ok ? "ok" : "fail");
        break;
    case CLUSTER_ACTION_MESSAGE:
        buf_printf(out, "message %zu bytes%s\n", text.len,
                   action->message_kind == MESSAGE_FOR_SHARD ? ", sharded" : "");
        break;
    case CLUSTER_ACTION_PAUSE_WRITES:
        buf_printf(out, "pause writes%s %" PRId64 " ms\n", action->holds_reads ? " and reads" : "",
                   action->pause_ms);
        break;
    case CLUSTER_ACTION_RESUME_WRITES:
        buf_append_text(out, "resume writes\n");
        break;
    case CLUSTER_ACTION_DATA_COMPLETE:
        buf_append_text(out, "data complete\n");
        break;
    case CLUSTER_ACTION_LOG:
        buf_printf(out, "log %s %.*s\n", log_level_name(action->level), BYTES_ARGS(text));
        break;
    }
}

const struct actions_kind cluster_actions_kind = {
    .name = "cluster",
    .item_size = sizeof(struct cluster_action),
    .max_in_step = CLUSTER_ACTIONS_MAX,
    .describe = describe,
};
