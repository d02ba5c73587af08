/* SPDX-License-Identifier: MIT */
#include "node/waiting.h"

#include "base/assert.h"
#include "cluster/admin.h"
#include "node/inside.h"
#include "session/queue.h"

#include <stdio.h>

enum {
    SLOT_WAIT_MS = CLUSTER_MANUAL_TIMEOUT_MS + 200, /* so that it is not taken behind the error */
    SLOT_HEAR_MS = 500,
};

void waiting_init(struct node *node)
{
    ASSERT(node->pauses.scope == PAUSE_NOTHING);
    node->pauses.until = MONO_NEVER;
}

/* ---- sessions --------------------------------------------------------------------------------- */

void waiting_hold(struct node *node, struct session *s, enum hold_kind kind, struct mono_time until)
{
    ASSERT(kind != HOLD_NONE);
    ASSERT(kind == HOLD_WAIT || kind == HOLD_LOGIN || kind == HOLD_SLOT ||
           until.us == MONO_NEVER.us); /* nobody else is answered by time */
    hold_begin(&node->holds, s, kind, until);
}

void waiting_release(struct node *node, struct session *s)
{
    ASSERT(s->flags & SESSION_HELD);
    hold_end(&node->holds, s);
    pass_note_work(&node->pass);
}

bool waiting_is_possible(const struct node *node, const struct session *s)
{
    const struct lineage *lineage = oplog_lineage(node->journal.log);

    if (s->last_write_offset == 0 ||
        s->last_write_mark == history_mark(oplog_history(node->journal.log))) {
        return true;
    }
    for (size_t i = 0; i < lineage->count; i++) {
        if (s->last_write_mark == history_mark(&lineage->items[i].history)) {
            return s->last_write_offset <= lineage->items[i].end;
        }
    }
    return false;
}

void waiting_for_acks(struct node *node, struct session *s, uint32_t replicas,
                      struct mono_time until)
{
    ASSERT(replicas > 0);
    waiting_hold(node, s, HOLD_WAIT, until);
    s->hold.offset = s->last_write_offset;
    s->hold.replicas = replicas;
    s->hold.is_for_disk = false;
    s->hold.is_for_own_disk = false;
    pass_want_acks(&node->pass);
}

void waiting_for_disks(struct node *node, struct session *s, bool is_for_own, uint32_t replicas,
                       struct mono_time until)
{
    waiting_hold(node, s, HOLD_WAIT, until);
    s->hold.offset = s->last_write_offset;
    s->hold.replicas = replicas;
    s->hold.is_for_disk = true;
    s->hold.is_for_own_disk = is_for_own;
    if (is_for_own) {
        disk_log_want_sync(node);
    }
    if (replicas > 0) {
        pass_want_acks(&node->pass);
    }
}

bool waiting_is_on_disk(const struct node *node, uint64_t offset)
{
    return disk_base_promises(node) && node->disk_log.is_based && disk_log_durable(node) >= offset;
}

void waiting_write_disks(struct node *node, uint64_t offset, struct resp_writer *reply)
{
    resp_write_array(reply, 2);
    resp_write_integer(reply, waiting_is_on_disk(node, offset));
    resp_write_integer(reply, (int64_t)replicas_count_synced(node, offset));
}

void waiting_for_nodes_file(struct node *node, struct session *s, uint64_t number,
                            const char *answer)
{
    ASSERT(number > 0);
    waiting_hold(node, s, HOLD_NODES, MONO_NEVER);
    s->hold.offset = number;
    bytes_to_text(bytes_from_text(answer), s->hold.answer, sizeof(s->hold.answer));
}

void waiting_for_slot(struct node *node, struct session *s, uint16_t slot, struct bytes owner,
                      uint64_t number, bool is_lenient)
{
    int64_t wait_ms = is_lenient ? SLOT_HEAR_MS : SLOT_WAIT_MS;

    ASSERT(owner.len < HOLD_ANSWER_SIZE);
    waiting_hold(node, s, HOLD_SLOT, mono_add_ms(node->now.mono, wait_ms));
    s->hold.slot = slot;
    s->hold.offset = number;
    s->hold.is_lenient = is_lenient;
    bytes_to_text(owner, s->hold.answer, sizeof(s->hold.answer));
}

void waiting_for_transaction(struct node *node, struct session *s, uint64_t number)
{
    waiting_hold(node, s, HOLD_SLOT, mono_add_ms(node->now.mono, SLOT_WAIT_MS));
    s->hold.slot = 0; /* all of the shard's are to be agreed */
    s->hold.offset = number;
    s->hold.is_lenient = true;
    s->hold.answer[0] = '\0';
}

void waiting_put_back(struct node *node, struct request *request, enum hold_kind kind)
{
    ASSERT(kind == HOLD_MEMORY || kind == HOLD_MOVING || kind == HOLD_DISK || kind == HOLD_COPY ||
           (kind == HOLD_PAUSE && node->pauses.scope != PAUSE_NOTHING));
    ASSERT(request->read.raw.len > 0);
    input_put_back(&request->session->input, request->read.raw);
    waiting_hold(node, request->session, kind, MONO_NEVER);
}

/* ---- what they wait for has come -------------------------------------------------------------- */

/* Does the client want to read it?  CLIENT REPLY SKIP was about this one reply. */
static bool wants_reply(struct session *s)
{
    bool is_silent = (s->flags & (SESSION_REPLY_OFF | SESSION_REPLY_SKIP)) != 0;

    s->flags &= ~(uint32_t)SESSION_REPLY_SKIP;
    return !is_silent;
}

/* problem: an error reply, or NULL for what was to be answered when all goes well. */
static void answer(struct node *node, struct session *s, const char *problem)
{
    struct resp_writer reply = session_writer(s);
    bool is_wanted = wants_reply(s);

    ASSERT(s->hold.kind != HOLD_PAUSE && s->hold.kind != HOLD_OUTPUT &&
           s->hold.kind != HOLD_MEMORY && s->hold.kind != HOLD_MOVING &&
           s->hold.kind != HOLD_DISK && s->hold.kind != HOLD_COPY); /* those have no answer */
    if (is_wanted && problem != NULL) {
        resp_write_error(&reply, "%s", problem);
    } else if (is_wanted && s->queue != NULL && s->queue->kept.len > 0) {
        buf_append_bytes(reply.out, buf_bytes(&s->queue->kept));
    } else if (is_wanted) {
        resp_write_simple(&reply, s->hold.answer[0] != '\0' ? s->hold.answer : "OK");
    }
    if (s->queue != NULL) {
        buf_deinit(&s->queue->kept);
    }
    node_touch(node, s);
    waiting_release(node, s);
}

static void answer_wait(struct node *node, struct session *s)
{
    struct resp_writer reply = session_writer(s);

    ASSERT(s->hold.kind == HOLD_WAIT);
    if (!wants_reply(s)) {
        /* CLIENT REPLY was about this one */
    } else if (s->hold.is_for_disk) {
        waiting_write_disks(node, s->hold.offset, &reply);
    } else {
        resp_write_integer(&reply, (int64_t)replicas_count_acked(node, s->hold.offset));
    }
    node_touch(node, s);
    waiting_release(node, s);
}

static bool is_satisfied(const struct node *node, const struct hold *hold)
{
    if (hold->is_for_disk) {
        return replicas_count_synced(node, hold->offset) >= hold->replicas &&
               (!hold->is_for_own_disk || waiting_is_on_disk(node, hold->offset));
    }
    return replicas_count_acked(node, hold->offset) >= hold->replicas;
}

void waiting_on_acks(struct node *node)
{
    LIST_FOR_EACH_SAFE (item, &node->holds.held) {
        struct session *s = CONTAINER_OF(item, struct session, hold.held);

        if (s->hold.kind == HOLD_WAIT && is_satisfied(node, &s->hold)) {
            answer_wait(node, s);
        }
    }
}

void waiting_without_log(struct node *node)
{
    if (disk_base_promises(node)) {
        return;
    }
    LIST_FOR_EACH_SAFE (item, &node->holds.held) {
        struct session *s = CONTAINER_OF(item, struct session, hold.held);

        if (s->hold.kind == HOLD_WAIT && s->hold.is_for_own_disk) {
            answer(node, s, WAITING_NO_LOG);
        }
    }
}

static void answer_slot(struct node *node, struct session *s, const char *problem)
{
    s->hold.answer[0] = '\0';
    answer(node, s, problem);
}

void waiting_on_slots(struct node *node)
{
    if (node->holds.slot_count == 0) {
        return;
    }
    LIST_FOR_EACH_SAFE (item, &node->holds.held) {
        struct session *s = CONTAINER_OF(item, struct session, hold.held);

        if (s->hold.kind == HOLD_SLOT &&
            cluster_slot_is_settled(node->cluster, node->now.mono, s->hold.slot,
                                    bytes_from_text(s->hold.answer), s->hold.offset)) {
            answer_slot(node, s, NULL);
        }
    }
}

static void slot_is_late(struct node *node, struct session *s)
{
    answer_slot(node, s,
                s->hold.is_lenient
                    ? NULL
                    : "ERR The change of the hash slot is not agreed: its owner still has keys of "
                      "it, or it or the majority of the council cannot be reached");
}

void waiting_on_move(struct node *node, struct session *s, const char *problem)
{
    uint64_t place = output_end(&s->output);

    ASSERT(s->hold.kind == HOLD_MOVE);
    answer(node, s, problem);
    if (UNLIKELY(node->sync_side.is_on)) {
        sync_side_bar_all(node, s, place);
    }
}

static void release_all(struct node *node, enum hold_kind kind)
{
    LIST_FOR_EACH_SAFE (item, &node->holds.held) {
        struct session *s = CONTAINER_OF(item, struct session, hold.held);

        if (s->hold.kind == kind) {
            waiting_release(node, s);
        }
    }
}

void waiting_on_moving(struct node *node)
{
    release_all(node, HOLD_MOVING);
}

void waiting_on_copies(struct node *node)
{
    release_all(node, HOLD_COPY);
}

void waiting_on_forwarded(struct node *node, struct session *s, struct bytes reply,
                          struct bytes request)
{
    ASSERT(s->hold.kind == HOLD_FORWARD);
    if (wants_reply(s)) {
        session_take_buffer(&node->sessions, s);
        buf_append_bytes(&s->output.buf, reply);
        if ((s->flags & SESSION_TRACKING) != 0) {
            invalidation_tell_passed_on(node, s, request);
        }
        node_touch(node, s);
    }
    waiting_release(node, s);
}

void waiting_on_time(struct node *node)
{
    struct session *s;

    while ((s = holds_due(&node->holds, node->now.mono)) != NULL) {
        if (s->hold.kind == HOLD_KEYS) {
            blocked_on_time(node, s);
        } else if (s->hold.kind == HOLD_LOGIN) {
            answer(node, s, USERS_WRONG_PASSWORD);
        } else if (s->hold.kind == HOLD_SLOT) {
            slot_is_late(node, s);
        } else {
            answer_wait(node, s);
        }
    }
    for (int reason = 0; reason < PAUSE_REASONS; reason++) {
        const struct pause *pause = &node->pauses.by_reason[reason];

        if (pause->scope != PAUSE_NOTHING && mono_is_due(pause->until, node->now.mono)) {
            waiting_unpause(node, (enum pause_reason)reason);
        }
    }
}

/* Everybody who is held for this, up to the offset. */
static void answer_all(struct node *node, enum hold_kind kind, uint64_t offset, const char *problem)
{
    LIST_FOR_EACH_SAFE (item, &node->holds.held) {
        struct session *s = CONTAINER_OF(item, struct session, hold.held);

        if (s->hold.kind == kind && s->hold.offset <= offset) {
            answer(node, s, problem);
        }
    }
}

void waiting_on_file(struct node *node, enum hold_kind kind, const char *problem)
{
    char text[256];

    ASSERT(kind != HOLD_NODES && kind != HOLD_WAIT);
    snprintf(text, sizeof(text), "ERR %s", problem != NULL ? problem : "");
    answer_all(node, kind, UINT64_MAX, problem != NULL ? text : NULL);
}

void waiting_on_nodes_file(struct node *node, uint64_t number, const char *problem)
{
    char text[512];

    ASSERT(number > 0);
    snprintf(text, sizeof(text), "ERR error saving the cluster node config: %s",
             problem != NULL ? problem : "");
    answer_all(node, HOLD_NODES, number, problem != NULL ? text : NULL);
}

void waiting_on_demotion(struct node *node)
{
    static const char demoted[] = "UNBLOCKED force unblock from blocking operation, instance state "
                                  "changed (master -> replica?)";

    ASSERT(!node->role.is_primary);
    answer_all(node, HOLD_WAIT, UINT64_MAX, demoted);
    LIST_FOR_EACH_SAFE (item, &node->holds.held) {
        struct session *s = CONTAINER_OF(item, struct session, hold.held);

        if (s->hold.kind == HOLD_SLOT) {
            answer_slot(node, s, demoted);
        }
    }
    blocked_answer_all(node, demoted);
}

bool waiting_unblock(struct node *node, struct session *s, bool is_error)
{
    const char *error = is_error ? "UNBLOCKED client unblocked via CLIENT UNBLOCK" : NULL;

    if (s->hold.kind == HOLD_KEYS) {
        blocked_answer(node, s, error);
    } else if (s->hold.kind == HOLD_WAIT && is_error) {
        answer(node, s, error);
    } else if (s->hold.kind == HOLD_WAIT) {
        answer_wait(node, s);
    } else {
        return false;
    }
    return true;
}

/* ---- pauses ----------------------------------------------------------------------------------- */

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
    ASSERT(pauses->scope != PAUSE_NOTHING || pauses->until.us == MONO_NEVER.us);
}

void waiting_pause(struct node *node, enum pause_reason reason, struct mono_time until,
                   enum pause_scope scope)
{
    struct pause *pause = &node->pauses.by_reason[reason];

    ASSERT(reason < PAUSE_REASONS);
    ASSERT(scope != PAUSE_NOTHING);
    if (pause->scope == PAUSE_NOTHING || mono_is_before(pause->until, until)) {
        pause->until = until;
    }
    pause->scope = scope > pause->scope ? scope : pause->scope;
    sum_up(&node->pauses);
    ASSERT(node->pauses.scope >= scope);
}

void waiting_unpause(struct node *node, enum pause_reason reason)
{
    ASSERT(reason < PAUSE_REASONS);
    node->pauses.by_reason[reason] = (struct pause){0};
    sum_up(&node->pauses);
    /* Whom another pause concerns is held again when its request is read again. */
    LIST_FOR_EACH_SAFE (item, &node->holds.held) {
        struct session *s = CONTAINER_OF(item, struct session, hold.held);

        if (s->hold.kind == HOLD_PAUSE) {
            waiting_release(node, s);
        }
    }
}

bool waiting_is_end_fixed(const struct node *node)
{
    return node->pauses.by_reason[PAUSE_FOR_TAKEOVER].scope != PAUSE_NOTHING;
}

uint32_t waiting_paused_flags(const struct node *node)
{
    switch (node->pauses.scope) {
    case PAUSE_NOTHING:
        break;
    case PAUSE_WRITES:
        return COMMAND_FLAG_WRITE;
    case PAUSE_KEYS:
    case PAUSE_ALL:
        return COMMAND_FLAG_WRITE | COMMAND_FLAG_READONLY;
    }
    return 0;
}

bool waiting_is_paused_for(const struct node *node, const struct command_spec *spec)
{
    switch (node->pauses.scope) {
    case PAUSE_NOTHING:
    case PAUSE_WRITES:
    case PAUSE_KEYS:
        return (spec->flags & waiting_paused_flags(node)) != 0;
    case PAUSE_ALL:
        /* What a replica says before it is one is no request of a client. */
        return spec->id != COMMAND_REPLCONF && spec->id != COMMAND_PSYNC;
    }
    return false;
}

void waiting_check(const struct node *node)
{
    struct pauses summed = node->pauses;

    sum_up(&summed);
    ASSERT(summed.scope == node->pauses.scope);
    ASSERT(summed.until.us == node->pauses.until.us);
    LIST_FOR_EACH (item, &node->holds.held) {
        const struct session *s = CONTAINER_OF_CONST(item, struct session, hold.held);

        ASSERT(s->flags & SESSION_HELD);
        ASSERT(s->hold.kind != HOLD_NONE);
        ASSERT(s->hold.kind != HOLD_PAUSE || node->pauses.scope != PAUSE_NOTHING);
    }
}
