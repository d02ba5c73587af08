/* SPDX-License-Identifier: MIT */
/* An action is added with its bytes, if it has any. */
#include "replication/replica_emit.h"

#include "base/assert.h"
#include "resp/writer.h"

#include <stdarg.h>

struct replica_action *replica_emit(struct replica *r, enum replica_action_type type)
{
    struct replica_action *action;

    ASSERT(r->out != NULL);
    action = actions_add(r->out, &replica_actions_kind);
    action->type = type;
    return action;
}

struct replica_action *replica_emit_text(struct replica *r, enum replica_action_type type,
                                         struct bytes text)
{
    struct replica_action *action = replica_emit(r, type);

    action->bytes = actions_keep(r->out, text);
    ASSERT(action->bytes.len == text.len);
    return action;
}

void replica_emit_request(struct replica *r, const struct bytes *words, size_t count)
{
    struct buf request = {0};

    ASSERT(count > 0);
    resp_write_request(&request, words, count);
    replica_emit_text(r, REPLICA_ACTION_SEND, buf_bytes(&request));
    buf_deinit(&request);
}

void replica_log(struct replica *r, enum log_level level, const char *format, ...)
{
    struct replica_action *action = replica_emit(r, REPLICA_ACTION_LOG);
    va_list args;

    action->level = level;
    va_start(args, format);
    action->bytes = actions_keep_vprintf(r->out, format, args);
    va_end(args);
}
