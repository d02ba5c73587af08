/* SPDX-License-Identifier: MIT */
#include "move/receiver.h"

#include "base/assert.h"
#include "base/phases.h"

#include <string.h>

enum {
    BACKOFF_FIRST_MS = 100,
    BACKOFF_MAX_MS = 2000,
    ANSWER_MS = 10000, /* an attempt whose questions are not answered so long is given up */
    TURN_MS = 100,     /* until it is asked again whether the image has begun */
    IDLE_MS = 20,      /* until what is new is asked for, when it is not the time to hold */
    RETRY_HOLD_MS = 500,
};

#define LINKED_TO                                                                                  \
    (PHASE_TO(RECEIVER_WAITING) | PHASE_TO(RECEIVER_CANCELLING) | PHASE_TO(RECEIVER_UNDOING) |     \
     PHASE_TO(RECEIVER_DONE))

static const uint32_t allowed[RECEIVER_PHASES] = {
    [RECEIVER_AGREEING] =
        PHASE_TO(RECEIVER_WAITING) | PHASE_TO(RECEIVER_UNDOING) | PHASE_TO(RECEIVER_DONE),
    [RECEIVER_WAITING] =
        PHASE_TO(RECEIVER_CONNECTING) | PHASE_TO(RECEIVER_UNDOING) | PHASE_TO(RECEIVER_DONE),
    [RECEIVER_CONNECTING] = LINKED_TO | PHASE_TO(RECEIVER_ASKING),
    [RECEIVER_ASKING] = LINKED_TO | PHASE_TO(RECEIVER_CLEARING) | PHASE_TO(RECEIVER_TAKING),
    [RECEIVER_CLEARING] = LINKED_TO | PHASE_TO(RECEIVER_COPYING),
    [RECEIVER_COPYING] = LINKED_TO | PHASE_TO(RECEIVER_FOLLOWING),
    [RECEIVER_FOLLOWING] = LINKED_TO | PHASE_TO(RECEIVER_HOLDING),
    [RECEIVER_HOLDING] = LINKED_TO | PHASE_TO(RECEIVER_FOLLOWING) | PHASE_TO(RECEIVER_CONFIRMING),
    [RECEIVER_CONFIRMING] =
        LINKED_TO | PHASE_TO(RECEIVER_FOLLOWING) | PHASE_TO(RECEIVER_COMMITTING),
    [RECEIVER_COMMITTING] = LINKED_TO | PHASE_TO(RECEIVER_FOLLOWING) | PHASE_TO(RECEIVER_TAKING),
    [RECEIVER_TAKING] = PHASE_TO(RECEIVER_WAITING) | PHASE_TO(RECEIVER_DONE),
    [RECEIVER_CANCELLING] = LINKED_TO | PHASE_TO(RECEIVER_TAKING),
    [RECEIVER_UNDOING] = PHASE_TO(RECEIVER_DONE),
    [RECEIVER_DONE] = 0,
};

const char *receiver_phase_name(enum receiver_phase phase)
{
    static const char *const names[RECEIVER_PHASES] = {
        "agreeing", "waiting",    "connecting", "asking", "clearing",   "copying", "following",
        "holding",  "confirming", "committing", "taking", "cancelling", "undoing", "done",
    };

    return names[phase];
}

static void move(struct receiver *r, enum receiver_phase to)
{
    ASSERT(r->phase < RECEIVER_PHASES && to < RECEIVER_PHASES);
    ASSERT(allowed[r->phase] & PHASE_TO(to));
    r->phase = to;
    r->wake_at = MONO_NEVER;
    r->is_next_due = false;
}

static void add(struct receiver_actions *actions, enum receiver_action action)
{
    ASSERT(actions->count < RECEIVER_ACTIONS_MAX);
    actions->items[actions->count++] = action;
}

bool receiver_has_link(const struct receiver *receiver)
{
    switch (receiver->phase) {
    case RECEIVER_CONNECTING:
    case RECEIVER_ASKING:
    case RECEIVER_CLEARING:
    case RECEIVER_COPYING:
    case RECEIVER_FOLLOWING:
    case RECEIVER_HOLDING:
    case RECEIVER_CONFIRMING:
    case RECEIVER_COMMITTING:
    case RECEIVER_CANCELLING:
        return true;
    case RECEIVER_AGREEING:
    case RECEIVER_WAITING:
    case RECEIVER_TAKING:
    case RECEIVER_UNDOING:
    case RECEIVER_DONE:
    case RECEIVER_PHASES:
        break;
    }
    return false;
}

void receiver_init(struct receiver *receiver, struct mono_time now, bool is_asked_for, bool is_new)
{
    *receiver = (struct receiver){
        .phase = RECEIVER_AGREEING,
        .is_asked_for = is_asked_for,
        .may_be_given = !is_new,
        .backoff_ms = BACKOFF_FIRST_MS,
        .wake_at = MONO_NEVER,
        .hold_at = now,
    };
}

/* ---- ways from many phases ------------------------------------------------------------------------ */

static void close_link(struct receiver *r, struct receiver_actions *actions)
{
    if (receiver_has_link(r)) {
        add(actions, RECEIVER_ACTION_CLOSE);
    }
}

static void retry(struct receiver *r, struct mono_time now)
{
    move(r, RECEIVER_WAITING);
    r->wake_at = mono_add_ms(now, r->backoff_ms);
    r->backoff_ms = r->backoff_ms * 2 < BACKOFF_MAX_MS ? r->backoff_ms * 2 : BACKOFF_MAX_MS;
}

static void undo(struct receiver *r, struct receiver_actions *actions)
{
    close_link(r, actions);
    move(r, RECEIVER_UNDOING);
    add(actions, RECEIVER_ACTION_CLEAR);
}

/* Only the source can say that it has not given, or is to know. */
static bool needs_word(const struct receiver *r)
{
    return r->may_be_given || r->is_asked_for;
}

static void note_problem(struct receiver *r, const char *reason)
{
    if (reason != NULL) {
        errmsg_set(&r->problem, "%s", reason);
    }
}

static void await(struct receiver *r, struct mono_time now, enum receiver_phase phase)
{
    move(r, phase);
    r->wake_at = mono_add_ms(now, ANSWER_MS);
}

static void ask_next(struct receiver *r, struct mono_time now, int64_t delay_us,
                     struct receiver_actions *actions)
{
    if (delay_us > 0) {
        r->is_next_due = true;
        r->wake_at = (struct mono_time){.us = now.us + delay_us};
    } else {
        r->is_next_due = false;
        r->wake_at = mono_add_ms(now, ANSWER_MS);
        add(actions, RECEIVER_ACTION_NEXT);
    }
}

/* It does not work out, but was not given: the source is told, on the link that is there. */
static void fail(struct receiver *r, struct mono_time now, struct receiver_actions *actions)
{
    r->is_unwanted = true;
    r->is_failed = true;
    await(r, now, RECEIVER_CANCELLING);
    add(actions, RECEIVER_ACTION_CANCEL);
}

static void take(struct receiver *r, struct mono_time now, struct receiver_actions *actions)
{
    close_link(r, actions);
    move(r, RECEIVER_TAKING);
    r->may_be_given = true;
    r->wake_at = mono_add_ms(now, RECEIVER_TAKE_MS);
}

/* ---- events --------------------------------------------------------------------------------------- */

static void on_cancel(struct receiver *r, struct mono_time now, const struct receiver_event *event,
                      struct receiver_actions *actions)
{
    if (event->type == RECEIVER_EVENT_WITHDRAWN) {
        r->is_asked_for = false;
    }
    r->is_unwanted = true;
    switch (r->phase) {
    case RECEIVER_AGREEING:
    case RECEIVER_WAITING:
        if (!needs_word(r)) {
            undo(r, actions);
        } else if (r->phase == RECEIVER_WAITING) {
            r->wake_at = now;
        }
        break;
    case RECEIVER_CONNECTING:
    case RECEIVER_ASKING:
    case RECEIVER_CLEARING:
    case RECEIVER_COPYING:
    case RECEIVER_FOLLOWING:
    case RECEIVER_HOLDING:
    case RECEIVER_CONFIRMING:
        if (!needs_word(r)) {
            undo(r, actions);
            break;
        }
        close_link(r, actions);
        move(r, RECEIVER_WAITING);
        r->wake_at = now;
        break;
    case RECEIVER_COMMITTING: /* too late, unless the source says otherwise */
    case RECEIVER_TAKING:
    case RECEIVER_CANCELLING:
    case RECEIVER_UNDOING:
    case RECEIVER_DONE:
    case RECEIVER_PHASES:
        break;
    }
}

static void on_tick(struct receiver *r, struct mono_time now, struct receiver_actions *actions)
{
    if (!mono_is_due(r->wake_at, now)) {
        return;
    }
    if (r->phase == RECEIVER_WAITING) {
        r->attempts++;
        await(r, now, RECEIVER_CONNECTING);
        add(actions, RECEIVER_ACTION_CONNECT);
    } else if (r->phase == RECEIVER_CONFIRMING) { /* rule (4) */
        note_problem(r, "our replicas did not confirm in time");
        move(r, RECEIVER_FOLLOWING);
        r->hold_at = mono_add_ms(now, RETRY_HOLD_MS);
        ask_next(r, now, 0, actions);
    } else if (r->phase == RECEIVER_TAKING) {
        retry(r, now); /* its successor may not have given */
    } else if (r->is_next_due) {
        ask_next(r, now, 0, actions);
    } else if (receiver_has_link(r)) {
        note_problem(r, "the source does not answer");
        close_link(r, actions);
        retry(r, now);
    }
}

static void on_agreed(struct receiver *r, struct mono_time now)
{
    if (r->phase == RECEIVER_AGREEING) {
        move(r, RECEIVER_WAITING);
        r->wake_at = now;
    }
}

static void on_ready(struct receiver *r, struct mono_time now, struct receiver_actions *actions)
{
    if (r->phase != RECEIVER_CONNECTING) {
        return;
    }
    await(r, now, r->is_unwanted ? RECEIVER_CANCELLING : RECEIVER_ASKING);
    add(actions, r->is_unwanted ? RECEIVER_ACTION_CANCEL : RECEIVER_ACTION_BEGIN);
}

static void on_yes(struct receiver *r, struct receiver_actions *actions)
{
    if (r->phase == RECEIVER_ASKING) {
        r->may_be_given = false;
        move(r, RECEIVER_CLEARING);
        add(actions, RECEIVER_ACTION_CLEAR);
    } else if (r->phase == RECEIVER_CANCELLING) {
        r->may_be_given = false;
        r->is_asked_for = false;
        undo(r, actions);
    }
}

/* How long to wait for the sake of the bandwidth. */
static int64_t pace_us(const struct receiver_event *event)
{
    return event->limit_bytes_s <= 0 ? 0
                                     : (int64_t)event->byte_count * 1000000 / event->limit_bytes_s;
}

static void follow(struct receiver *r, struct mono_time now, const struct receiver_event *event,
                   struct receiver_actions *actions)
{
    int64_t delay_us = pace_us(event);

    if (event->behind_bytes > RECEIVER_CLOSE_BYTES) {
        ask_next(r, now, delay_us, actions);
    } else if (event->has_slow_replicas || !mono_is_due(r->hold_at, now)) {
        note_problem(r, event->has_slow_replicas ? event->reason : NULL);
        ask_next(r, now, delay_us > IDLE_MS * 1000 ? delay_us : IDLE_MS * 1000, actions);
    } else {
        await(r, now, RECEIVER_HOLDING);
        r->held_at = now;
        add(actions, RECEIVER_ACTION_HOLD);
    }
}

static void on_data(struct receiver *r, struct mono_time now, const struct receiver_event *event,
                    struct receiver_actions *actions)
{
    r->received_bytes += event->byte_count;
    r->backoff_ms = BACKOFF_FIRST_MS;
    if (r->phase == RECEIVER_COPYING && event->stage >= RECEIVER_STAGE_LOG) {
        move(r, RECEIVER_FOLLOWING);
    }
    switch (r->phase) {
    case RECEIVER_COPYING:
        ask_next(r, now, event->stage == RECEIVER_STAGE_TURN ? TURN_MS * 1000 : pace_us(event),
                 actions);
        break;
    case RECEIVER_FOLLOWING:
        follow(r, now, event, actions);
        break;
    case RECEIVER_HOLDING:
        if (event->stage == RECEIVER_STAGE_END) {
            move(r, RECEIVER_CONFIRMING);
            r->wake_at = mono_add_ms(r->held_at, RECEIVER_HOLD_MS);
            add(actions, RECEIVER_ACTION_AWAIT_ACKS);
        } else {
            ask_next(r, now, 0, actions);
        }
        break;
    case RECEIVER_AGREEING:
    case RECEIVER_WAITING:
    case RECEIVER_CONNECTING:
    case RECEIVER_ASKING:
    case RECEIVER_CLEARING:
    case RECEIVER_CONFIRMING:
    case RECEIVER_COMMITTING:
    case RECEIVER_TAKING:
    case RECEIVER_CANCELLING:
    case RECEIVER_UNDOING:
    case RECEIVER_DONE:
    case RECEIVER_PHASES:
        break;
    }
}

static void on_later(struct receiver *r, struct mono_time now, const struct receiver_event *event,
                     struct receiver_actions *actions)
{
    note_problem(r, event->reason);
    if (r->phase == RECEIVER_HOLDING || r->phase == RECEIVER_COMMITTING) {
        r->may_be_given = false; /* it says that it has not */
        move(r, RECEIVER_FOLLOWING);
        r->hold_at = mono_add_ms(now, RETRY_HOLD_MS);
        ask_next(r, now, IDLE_MS * 1000, actions);
    } else if (receiver_has_link(r)) {
        close_link(r, actions);
        retry(r, now);
    }
}

/* Rule (6).  It was no word of the source either, whatever it was asked. */
static void on_lost(struct receiver *r, struct mono_time now, const struct receiver_event *event,
                    struct receiver_actions *actions)
{
    if (receiver_has_link(r)) {
        note_problem(r, event->reason);
        close_link(r, actions);
        retry(r, now);
    }
}

static void on_never(struct receiver *r, struct mono_time now, const struct receiver_event *event,
                     struct receiver_actions *actions)
{
    note_problem(r, event->reason);
    if (r->phase == RECEIVER_CANCELLING || r->phase == RECEIVER_CONNECTING) {
        close_link(r, actions);
        retry(r, now);
    } else if (receiver_has_link(r)) {
        fail(r, now, actions);
    }
}

static void on_cleared(struct receiver *r, struct mono_time now, struct receiver_actions *actions)
{
    if (r->phase == RECEIVER_CLEARING) {
        move(r, RECEIVER_COPYING);
        ask_next(r, now, 0, actions);
    } else if (r->phase == RECEIVER_UNDOING) {
        move(r, RECEIVER_DONE);
        r->outcome = r->is_failed ? RECEIVER_FAILED : RECEIVER_CANCELLED;
        add(actions, RECEIVER_ACTION_END);
    }
}

static void on_link_down(struct receiver *r, struct mono_time now,
                         const struct receiver_event *event)
{
    if (receiver_has_link(r)) {
        note_problem(r, event->reason);
        retry(r, now);
    }
}

/* Whoever stands still keeps its connections: they are not waited for. */
static void on_replaced(struct receiver *r, struct mono_time now, struct receiver_actions *actions)
{
    if (receiver_has_link(r) || r->phase == RECEIVER_TAKING) {
        note_problem(r, "the source's shard has another primary");
        close_link(r, actions);
        r->backoff_ms = BACKOFF_FIRST_MS;
        retry(r, now);
    } else if (r->phase == RECEIVER_WAITING) {
        r->wake_at = now;
    }
}

static void on_taken(struct receiver *r, struct receiver_actions *actions)
{
    if (r->phase != RECEIVER_UNDOING && r->phase != RECEIVER_DONE) {
        close_link(r, actions);
        move(r, RECEIVER_DONE);
        r->outcome = RECEIVER_SUCCEEDED;
    }
}

void receiver_step(struct receiver *receiver, struct mono_time now,
                   const struct receiver_event *event, struct receiver_actions *actions)
{
    struct receiver *r = receiver;

    actions->count = 0;
    switch (event->type) {
    case RECEIVER_EVENT_TICK:
        on_tick(r, now, actions);
        break;
    case RECEIVER_EVENT_AGREED:
        on_agreed(r, now);
        break;
    case RECEIVER_EVENT_READY:
        on_ready(r, now, actions);
        break;
    case RECEIVER_EVENT_LINK_DOWN:
        on_link_down(r, now, event);
        break;
    case RECEIVER_EVENT_REPLACED:
        on_replaced(r, now, actions);
        break;
    case RECEIVER_EVENT_YES:
        on_yes(r, actions);
        break;
    case RECEIVER_EVENT_DATA:
        on_data(r, now, event, actions);
        break;
    case RECEIVER_EVENT_LATER:
        on_later(r, now, event, actions);
        break;
    case RECEIVER_EVENT_LOST:
        on_lost(r, now, event, actions);
        break;
    case RECEIVER_EVENT_NEVER:
        on_never(r, now, event, actions);
        break;
    case RECEIVER_EVENT_GIVEN:
        if (r->phase == RECEIVER_ASKING || r->phase == RECEIVER_COMMITTING ||
            r->phase == RECEIVER_CANCELLING) {
            take(r, now, actions);
        }
        break;
    case RECEIVER_EVENT_CLEARED:
        on_cleared(r, now, actions);
        break;
    case RECEIVER_EVENT_ACKED:
        if (r->phase == RECEIVER_CONFIRMING) {
            await(r, now, RECEIVER_COMMITTING);
            r->may_be_given = true;
            add(actions, RECEIVER_ACTION_COMMIT);
        }
        break;
    case RECEIVER_EVENT_CANCEL:
    case RECEIVER_EVENT_WITHDRAWN:
        note_problem(r, event->reason);
        on_cancel(r, now, event, actions);
        break;
    case RECEIVER_EVENT_TAKEN:
        on_taken(r, actions);
        break;
    case RECEIVER_EVENTS:
        break;
    }
    receiver_check(r);
}

void receiver_check(const struct receiver *receiver)
{
    const struct receiver *r = receiver;

    ASSERT(r->phase < RECEIVER_PHASES);
    ASSERT((r->outcome == RECEIVER_UNDER_WAY) == (r->phase != RECEIVER_DONE));
    ASSERT(r->phase != RECEIVER_UNDOING || !needs_word(r)); /* (2), (5) */
    ASSERT(r->phase < RECEIVER_CLEARING || r->phase > RECEIVER_CONFIRMING || !r->may_be_given);
    ASSERT(r->phase != RECEIVER_COMMITTING || r->may_be_given);
    ASSERT(!r->is_next_due || receiver_has_link(r));
}
