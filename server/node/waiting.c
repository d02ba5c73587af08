/* SPDX-License-Identifier: MIT */
/* The one waiting rule: a session is held until what its reply depends on has come, or its
 * deadline has.  While it is held nothing of it is executed; afterwards it goes on where it
 * stopped. */
#include "node/state.h"

#include "base/assert.h"
#include "base/num.h"

#define TIMEOUT_MAX_MS (INT64_MAX / 4000) /* can be added to any time in microseconds */

void waiting_hold(struct node *node, struct session *s, enum session_hold hold,
                  struct mono_time until)
{
    ASSERT(!(s->flags & SESSION_HELD));
    s->flags |= SESSION_HELD;
    s->hold = hold;
    list_add_tail(&node->held, &s->held);
    if (until.us != INT64_MAX) {
        heap_push(&node->deadlines, &s->deadline, until.us);
    }
}

void waiting_release(struct node *node, struct session *s)
{
    ASSERT(s->flags & SESSION_HELD);
    s->flags &= ~(uint32_t)SESSION_HELD;
    s->hold = HOLD_NONE;
    list_remove(&s->held);
    heap_remove(&node->deadlines, &s->deadline);
    if (!(s->flags & SESSION_RESUMED)) {
        s->flags |= SESSION_RESUMED;
        list_add_tail(&node->resumed, &s->resumed);
    }
    node->has_work = true;
}

static void answer_wait(struct node *node, struct session *s)
{
    struct resp_writer reply = session_writer(s);

    resp_write_integer(&reply, (int64_t)primary_acked_count(node, s->wait_offset));
    node_touch(node, s);
    waiting_release(node, s);
}

void waiting_on_acks(struct node *node)
{
    LIST_FOR_EACH_SAFE (item, &node->held) {
        struct session *s = CONTAINER_OF(item, struct session, held);

        if (s->hold == HOLD_WAIT && primary_acked_count(node, s->wait_offset) >= s->wait_replicas) {
            answer_wait(node, s);
        }
    }
}

void waiting_on_time(struct node *node)
{
    struct heap_node *first;

    while ((first = heap_peek(&node->deadlines)) != NULL && first->key <= node->now.mono.us) {
        struct session *s = CONTAINER_OF(first, struct session, deadline);

        ASSERT(s->hold == HOLD_WAIT);
        answer_wait(node, s);
    }
    for (int reason = 0; reason < PAUSE_REASONS; reason++) {
        const struct pause *pause = &node->pauses.by_reason[reason];

        if (pause->scope != PAUSE_NOTHING && mono_is_due(pause->until, node->now.mono)) {
            waiting_unpause(node, (enum pause_reason)reason);
        }
    }
}

void waiting_on_file(struct node *node, enum session_hold hold, const char *problem)
{
    LIST_FOR_EACH_SAFE (item, &node->held) {
        struct session *s = CONTAINER_OF(item, struct session, held);
        struct resp_writer reply = session_writer(s);

        if (s->hold != hold) {
            continue;
        }
        if (problem == NULL) {
            resp_write_ok(&reply);
        } else {
            resp_write_error(&reply, "ERR %s", problem);
        }
        node_touch(node, s);
        waiting_release(node, s);
    }
}

void waiting_on_demotion(struct node *node)
{
    LIST_FOR_EACH_SAFE (item, &node->held) {
        struct session *s = CONTAINER_OF(item, struct session, held);
        struct resp_writer reply = session_writer(s);

        if (s->hold == HOLD_WAIT) {
            resp_write_error(&reply, "UNBLOCKED force unblock from blocking operation, instance "
                                     "state changed (master -> replica?)");
            node_touch(node, s);
            waiting_release(node, s);
        }
    }
}

static void sum_up(struct pauses *pauses)
{
    pauses->scope = PAUSE_NOTHING;
    pauses->until = MONO_NEVER;
    for (int reason = 0; reason < PAUSE_REASONS; reason++) {
        const struct pause *pause = &pauses->by_reason[reason];

        if (pause->scope != PAUSE_NOTHING) {
            pauses->scope = pause->scope > pauses->scope ? pause->scope : pauses->scope;
            pauses->until = mono_earlier(pauses->until, pause->until);
        }
    }
}

void waiting_pause(struct node *node, enum pause_reason reason, struct mono_time until,
                   enum pause_scope scope)
{
    struct pause *pause = &node->pauses.by_reason[reason];

    if (pause->scope == PAUSE_NOTHING || mono_is_before(pause->until, until)) {
        pause->until = until;
    }
    pause->scope = scope > pause->scope ? scope : pause->scope;
    sum_up(&node->pauses);
}

void waiting_unpause(struct node *node, enum pause_reason reason)
{
    node->pauses.by_reason[reason] = (struct pause){0};
    sum_up(&node->pauses);
    /* Whom another pause concerns is held again when its request is read again. */
    LIST_FOR_EACH_SAFE (item, &node->held) {
        struct session *s = CONTAINER_OF(item, struct session, held);

        if (s->hold == HOLD_PAUSE) {
            waiting_release(node, s);
        }
    }
}

bool waiting_is_paused_for(const struct node *node, const struct command_spec *spec)
{
    switch (node->pauses.scope) {
    case PAUSE_NOTHING:
        return false;
    case PAUSE_WRITES:
        return (spec->flags & COMMAND_FLAG_WRITE) != 0;
    case PAUSE_ALL:
        /* What a replica says before it is one is no request of a client. */
        return spec->id != COMMAND_REPLCONF && spec->id != COMMAND_PSYNC;
    }
    return false;
}

bool timeout_argument(struct node *node, struct call *call, size_t index, int64_t *ms)
{
    if (!num_parse_i64(call->args[index], ms)) {
        reply_error(node, call, "ERR timeout is not an integer or out of range");
        return false;
    }
    if (*ms < 0) {
        reply_error(node, call, "ERR timeout is negative");
        return false;
    }
    if (*ms > TIMEOUT_MAX_MS) {
        reply_error(node, call, "ERR timeout is out of range");
        return false;
    }
    return true;
}

void control_wait(struct node *node, struct call *call)
{
    struct session *s = call->session;
    struct mono_time until = MONO_NEVER;
    int64_t replicas;
    int64_t timeout_ms;

    if (!node->is_primary) {
        reply_error(
            node, call,
            "ERR WAIT cannot be used with replica instances. Please also note that since "
            "Redis 4.0 if a replica is configured to be writable (which is not the default) "
            "writes to replicas are just local and are not propagated.");
        return;
    }
    if (!num_parse_i64(call->args[1], &replicas)) {
        reply_error(node, call, "ERR value is not an integer or out of range");
        return;
    }
    if (!timeout_argument(node, call, 2, &timeout_ms)) {
        return;
    }
    if (replicas <= 0 || primary_acked_count(node, s->last_write_offset) >= (uint64_t)replicas) {
        resp_write_integer(call->reply, (int64_t)primary_acked_count(node, s->last_write_offset));
        return;
    }
    if (timeout_ms > 0) {
        until = mono_add_ms(node->now.mono, timeout_ms);
    }
    s->wait_offset = s->last_write_offset;
    s->wait_replicas = replicas < INT32_MAX ? (uint32_t)replicas : INT32_MAX;
    node->wants_acks = true;
    waiting_hold(node, s, HOLD_WAIT, until);
}
