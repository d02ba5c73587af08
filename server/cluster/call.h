/* SPDX-License-Identifier: MIT */
/* How what an operator says (admin.h) is carried out: it is refused early, with a reason, or changes the state between call_begin and
 * call_end, so that its consequences go out like those of an event. */
#ifndef STARLING_CLUSTER_CALL_H
#define STARLING_CLUSTER_CALL_H

#include "base/assert.h"
#include "cluster/admin.h"
#include "cluster/state.h"
#include "cluster/step.h"

#define REFUSE(call, ...)                                                                          \
    do {                                                                                           \
        errmsg_set((call)->error, __VA_ARGS__);                                                    \
        return false;                                                                              \
    } while (0)

/* An operator does not wait for the next try to write the nodes file. */
static inline void call_begin(struct cluster *c, struct cluster_call *call)
{
    ASSERT(call->actions != NULL);
    ASSERT(c->out == NULL);
    step_begin(c, call->now, call->actions);
    c->file_retry_at = MONO_LONG_AGO;
    call->file_sequence = c->file_sequence;
}

static inline void call_end(struct cluster *c, struct cluster_call *call)
{
    ASSERT(c->out == call->actions);
    ASSERT(c->file_sequence >= call->file_sequence);
    step_end(c);
    call->file_sequence = c->file_sequence > call->file_sequence ? c->file_sequence : 0;
    ASSERT(c->out == NULL);
}

#endif
