/* SPDX-License-Identifier: MIT */
/* Texts are terminated, so that a host can be handed to the system as it is. */
#include "replication/replica_emit.h"

#include "base/assert.h"
#include "resp/writer.h"

#include <stdarg.h>

struct replica_action *replica_emit(struct replica *r, enum replica_action_type type)
{
    struct replica_actions *list = r->out;
    struct replica_action *action;

    ASSERT(list != NULL);
    ASSERT(list->count < REPLICA_ACTIONS_MAX);
    action = &list->items[list->count++];
    *action = (struct replica_action){.type = type, .text_start = list->text.len};
    return action;
}

struct replica_action *replica_emit_text(struct replica *r, enum replica_action_type type,
                                         struct bytes text)
{
    struct replica_action *action = replica_emit(r, type);

    buf_append_bytes(&r->out->text, text);
    buf_append_byte(&r->out->text, '\0');
    action->text_len = text.len;
    return action;
}

void replica_emit_request(struct replica *r, const struct bytes *words, size_t count)
{
    struct buf request = {0};

    resp_write_request(&request, words, count);
    replica_emit_text(r, REPLICA_ACTION_SEND, buf_bytes(&request));
    buf_deinit(&request);
}

void replica_log(struct replica *r, enum log_level level, const char *format, ...)
{
    struct buf line = {0};
    va_list args;

    va_start(args, format);
    buf_vprintf(&line, format, args);
    va_end(args);
    replica_emit_text(r, REPLICA_ACTION_LOG, buf_bytes(&line))->level = level;
    buf_deinit(&line);
}
