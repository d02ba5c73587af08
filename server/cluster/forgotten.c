/* SPDX-License-Identifier: MIT */
/* Records of removed nodes are few, and looked at only for ids that are not in the table. */
#include "cluster/forgotten.h"

#include "base/assert.h"
#include "cluster/bus.h"
#include "cluster/emit.h"
#include "cluster/facts.h"
#include "cluster/nodes.h"

static struct forgotten *find(struct cluster *c, const struct cluster_id *id)
{
    ASSERT(!cluster_id_is_none(id));
    for (size_t i = c->forgotten.count; i-- > 0;) {
        if (mono_is_due(c->forgotten.items[i].until, c->now)) {
            VEC_REMOVE_AT(&c->forgotten, i);
        } else if (cluster_id_equal(&c->forgotten.items[i].id, id)) {
            return &c->forgotten.items[i];
        }
    }
    return NULL;
}

static void drop(struct cluster *c, const struct forgotten *record)
{
    ASSERT(record >= c->forgotten.items && record < c->forgotten.items + c->forgotten.count);
    VEC_REMOVE_AT(&c->forgotten, (size_t)(record - c->forgotten.items));
    nodes_changed(c);
}

void forgotten_note(struct cluster *c, const struct cluster_id *id, uint64_t admission,
                    struct mono_time until)
{
    struct forgotten record = {
        .id = *id,
        .admission = admission,
        .until = until,
        .told_at = MONO_LONG_AGO,
    };
    const struct forgotten *known = find(c, id);

    ASSERT(!cluster_id_is_none(id));
    if (known != NULL) {
        if (known->admission > admission || (known->admission == admission && known->is_admitted)) {
            return;
        }
        record.heard = known->heard;
        drop(c, known);
    }
    /* More than could ever be known at once need not be remembered. */
    if (c->forgotten.count < CLUSTER_NODES_MAX) {
        VEC_PUSH(&c->forgotten, record);
        nodes_changed(c);
    }
}

static void remove_as(struct cluster *c, struct cluster_node *node, uint64_t admission)
{
    struct cluster_id id = node->id;
    struct last_heard heard = node->heard;
    struct forgotten *record;

    ASSERT(node != c->me);
    ASSERT(admission > node->admission);
    nodes_remove(c, node);
    forgotten_note(c, &id, admission, mono_add_ms(c->now, CLUSTER_FORGOTTEN_MS));
    record = find(c, &id);
    if (record != NULL) {
        record->heard = heard;
    }
}

void forgotten_remove_node(struct cluster *c, struct cluster_node *node)
{
    ASSERT(!cluster_id_equal(&c->me->primary, &node->id));
    remove_as(c, node, node->admission + 1);
}

void forgotten_note_gone(struct cluster *c, const struct cluster_id *id)
{
    const struct forgotten *known = find(c, id);

    ASSERT(nodes_find(c, id) == NULL);
    forgotten_note(c, id, known != NULL ? known->admission + 1 : 1,
                   mono_add_ms(c->now, CLUSTER_FORGOTTEN_MS));
}

bool forgotten_may_learn(struct cluster *c, const struct cluster_id *id)
{
    const struct forgotten *record = find(c, id);

    return record == NULL || record->is_admitted;
}

void forgotten_tell(struct cluster *c, struct cluster_link link, const struct cluster_id *id)
{
    struct forgotten *record = find(c, id);

    ASSERT(nodes_find(c, id) == NULL);
    if (record == NULL || record->is_admitted ||
        mono_is_before(c->now, mono_add_ms(record->told_at, cluster_timeout_part(c, 10)))) {
        return;
    }
    record->told_at = c->now;
    bus_send_about(c, link, FRAME_FORGOTTEN, id, record->admission);
}

bool forgotten_may_return(struct cluster *c, const struct frame *meet)
{
    const struct forgotten *record = find(c, &meet->sender);

    ASSERT(meet->type == FRAME_MEET);
    if (record == NULL) {
        return true;
    }
    return record->heard.start != meet->start || meet->sequence > record->heard.sequence;
}

void forgotten_admit(struct cluster *c, struct cluster_node *node)
{
    const struct forgotten *record = find(c, &node->id);

    ASSERT(node->is_in_handshake);
    if (record != NULL) {
        node->admission = node->admission > record->admission ? node->admission : record->admission;
        node->heard = record->heard;
        drop(c, record);
    }
}

static bool may_let_go(const struct cluster *c, const struct cluster_node *node)
{
    bool is_followed = cluster_id_equal(&c->me->primary, &node->id);

    /* A replica that may move finds another one (orphans.h). */
    return node != c->me && !node_owns_slots(node) && (!is_followed || c->config.allow_migration);
}

static void take_removal(struct cluster *c, struct cluster_link link, const struct frame *frame)
{
    struct cluster_node *node = nodes_find(c, &frame->subject);

    ASSERT(frame->type == FRAME_FORGOTTEN);
    if (node == NULL) {
        forgotten_note(c, &frame->subject, frame->subject_epoch,
                       mono_add_ms(c->now, CLUSTER_FORGOTTEN_MS));
    } else if (node->admission >= frame->subject_epoch) {
        bus_send_about(c, link, FRAME_ADMITTED, &node->id, node->admission);
    } else if (may_let_go(c, node)) {
        emit_log(c, LOG_NOTICE, "forgetting node %s: it was removed at node %s", node->id.text,
                 frame->sender.text);
        remove_as(c, node, frame->subject_epoch);
    }
}

static void take_admission(struct cluster *c, const struct frame *frame)
{
    struct forgotten *record = find(c, &frame->subject);

    ASSERT(frame->type == FRAME_ADMITTED);
    if (record != NULL && record->admission <= frame->subject_epoch) {
        record->admission = frame->subject_epoch;
        record->is_admitted = true;
        nodes_changed(c);
    }
}

void forgotten_take_frame(struct cluster *c, struct cluster_link link, const struct frame *frame)
{
    ASSERT(frame->type == FRAME_FORGOTTEN || frame->type == FRAME_ADMITTED);
    if (frame->type == FRAME_FORGOTTEN) {
        take_removal(c, link, frame);
    } else {
        take_admission(c, frame);
    }
}

void forgotten_check(const struct cluster *c)
{
    ASSERT(c->forgotten.count <= CLUSTER_NODES_MAX);
    for (size_t i = 0; i < c->forgotten.count; i++) {
        const struct forgotten *record = &c->forgotten.items[i];

        ASSERT(!cluster_id_is_none(&record->id));
        ASSERT(!mono_is_before(mono_add_ms(c->now, CLUSTER_FORGOTTEN_MS), record->until));
        ASSERT(!mono_is_before(c->now, record->told_at));
    }
}
