/* SPDX-License-Identifier: MIT */
#include "node/request.h"

#include "session/queue.h"
#include "spec/command.h"

uint32_t request_flags(const struct request *request)
{
    const struct session *s = request->session;

    return request->spec->id == COMMAND_EXEC && (s->flags & SESSION_IN_MULTI) != 0
               ? s->queue->command_flags
               : request->spec->flags;
}

struct command_keys request_keys(const struct request *request)
{
    return command_has_keys(request->spec)
               ? command_keys(request->spec, request->args, request->arg_count)
               : (struct command_keys){0};
}

bool request_would_change(const struct request *request, request_key_fn *is_meant,
                          const void *context)
{
    struct command_keys keys;

    if ((request_flags(request) & COMMAND_FLAG_WRITE) == 0) {
        return false;
    }
    keys = request_keys(request); /* of EXEC none */
    for (size_t i = 0; i < keys.count; i++) {
        if (is_meant(context, request->args[command_key_at(&keys, i)])) {
            return true;
        }
    }
    return keys.count == 0;
}

/* Of what holders of copies ask this alone: INVALIDATE must not come behind a reply that waits until it is acknowledged. */
static bool is_fetch(const struct request *request)
{
    return request->spec->id == COMMAND_CLUSTER_COPIES && request->arg_count > 2 &&
           bytes_equal_nocase(request->args[2], "FETCH");
}

bool request_tells_of_keys(const struct request *request)
{
    const struct command_spec *spec = request->spec;

    return spec->is_data || command_has_keys(spec) || spec->id == COMMAND_EXEC ||
           spec->id == COMMAND_CLUSTER_COUNTKEYSINSLOT ||
           spec->id == COMMAND_CLUSTER_GETKEYSINSLOT || is_fetch(request);
}

bool request_names_its_keys(const struct request *request)
{
    return command_has_keys(request->spec) && !command_has_hidden_keys(request->spec);
}

bool request_is_queued(const struct request *request)
{
    if (LIKELY((request->session->flags & SESSION_IN_MULTI) == 0)) {
        return false;
    }
    switch ((int)request->spec->id) {
    case COMMAND_EXEC:
    case COMMAND_DISCARD:
    case COMMAND_MULTI:
    case COMMAND_WATCH:
    case COMMAND_QUIT:
    case COMMAND_RESET:
        return false;
    default:
        return true;
    }
}

bool request_may_wait(const struct request *request)
{
    return request->reply->out == &request->session->output.buf && request->read.raw.len > 0;
}
