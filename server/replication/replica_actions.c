/* SPDX-License-Identifier: MIT */
/* How actions of the replica side are told. */
#include "replication/replica_actions.h"

#include "base/assert.h"

#include <inttypes.h>

/* A history id is known by its beginning. */
static void describe_position(const char *what, const struct replica_action *action,
                              struct buf *out)
{
    buf_printf(out, "%s: history %.8s at %" PRIu64, what, action->position.history.text,
               action->position.offset);
}

/* Requests are told by their words, passwords left out. */
static void describe_request(struct bytes request, struct buf *out)
{
    bool is_first = true;
    bool is_secret = false;

    ASSERT(request.len > 0);
    buf_append_text(out, "send");
    while (request.len > 0) {
        size_t newline = bytes_find_byte(request, '\n');
        size_t end = newline == SIZE_MAX ? request.len : newline + 1;
        struct bytes line = bytes_trim(bytes_prefix(request, end));

        if (line.len > 0 && line.data[0] == '*' && !is_first) {
            buf_append_byte(out, ';');
        } else if (line.len > 0 && line.data[0] != '$' && line.data[0] != '*') {
            buf_printf(out, " %.*s", BYTES_ARGS(is_secret ? BYTES_LITERAL("(secret)") : line));
            is_secret = is_secret || bytes_equal_text(line, "AUTH");
        } else if (line.len == 0) {
            buf_append_text(out, " a newline");
        }
        is_secret = is_secret && (line.len == 0 || line.data[0] != '*');
        is_first = false;
        request = bytes_from(request, end);
    }
}

/* E.g. "close" or "snapshot begins: history bbbb... at 9000, 10 bytes". */
static void describe(const struct actions *list, const void *item, struct buf *out)
{
    const struct replica_action *action = item;
    struct bytes bytes = replica_action_bytes(list, action);

    switch (action->type) {
    case REPLICA_ACTION_CONNECT:
        buf_printf(out, "connect %.*s:%u", BYTES_ARGS(bytes), action->port);
        break;
    case REPLICA_ACTION_CLOSE:
        buf_append_text(out, "close");
        break;
    case REPLICA_ACTION_SEND:
        describe_request(bytes, out);
        break;
    case REPLICA_ACTION_SNAPSHOT_BEGIN:
        describe_position("snapshot begins", action, out);
        if (action->size == REPLICATION_SIZE_UNKNOWN) {
            buf_append_text(out, ", up to a marker");
        } else {
            buf_printf(out, ", %" PRIu64 " bytes", action->size);
        }
        break;
    case REPLICA_ACTION_SNAPSHOT_BYTES:
        buf_printf(out, "snapshot: %zu bytes", bytes.len);
        break;
    case REPLICA_ACTION_SNAPSHOT_END:
        describe_position("snapshot is whole", action, out);
        break;
    case REPLICA_ACTION_SNAPSHOT_ABORT:
        buf_append_text(out, "snapshot is thrown away");
        break;
    case REPLICA_ACTION_CONTINUE:
        describe_position("go on", action, out);
        break;
    case REPLICA_ACTION_REWIND:
        describe_position("go back", action, out);
        break;
    case REPLICA_ACTION_STREAM:
        buf_printf(out, "stream: %zu bytes", bytes.len);
        break;
    case REPLICA_ACTION_LOG:
        buf_printf(out, "log %s %.*s", log_level_name(action->level), BYTES_ARGS(bytes));
        break;
    }
    buf_append_byte(out, '\n');
}

const struct actions_kind replica_actions_kind = {
    .name = "replica",
    .item_size = sizeof(struct replica_action),
    .max_in_step = REPLICA_ACTIONS_MAX,
    .describe = describe,
};
