/* SPDX-License-Identifier: MIT */
/* An action is added with its bytes, if it has any, behind those of the others. */
#include "cluster/emit.h"

#include "base/assert.h"
#include "cluster/facts.h"
#include "cluster/message_part.h"

#include <stdarg.h>

static struct cluster_action *add(struct cluster *c, enum cluster_action_type type,
                                  struct bytes text)
{
    struct cluster_action *action;

    ASSERT(c->out != NULL);
    action = actions_add(c->out, &cluster_actions_kind);
    action->type = type;
    if (text.len > 0) {
        action->bytes = actions_keep(c->out, text);
    }
    ASSERT(action->bytes.len == text.len);
    return action;
}

void emit_open(struct cluster *c, const struct cluster_node *node)
{
    struct cluster_action *action = add(c, CLUSTER_ACTION_OPEN, (struct bytes){0});

    ASSERT(node != c->me);
    ASSERT(node->link == LINK_OPENING);
    ASSERT(node->address.bus_port != 0);
    action->link = (struct cluster_link){.number = node->number};
    action->address = node->address;
    if (node->is_ip_next && node->address.ip[0] != '\0') {
        action->address.hostname[0] = '\0';
    }
    action->id = node->id;
}

void emit_close(struct cluster *c, struct cluster_link link)
{
    ASSERT(link.number != 0 || link.is_incoming);
    add(c, CLUSTER_ACTION_CLOSE, (struct bytes){0})->link = link;
}

void emit_send(struct cluster *c, struct cluster_link link, struct bytes frame)
{
    ASSERT(link.number != 0 || link.is_incoming);
    ASSERT(frame.len > 0 && frame.len <= FRAME_MAX_BYTES);
    add(c, CLUSTER_ACTION_SEND, frame)->link = link;
}

void emit_send_message(struct cluster *c, struct cluster_link link, struct bytes frame,
                       size_t queue_bytes)
{
    struct cluster_action *action = add(c, CLUSTER_ACTION_SEND, frame);

    ASSERT(frame.len <= FRAME_MAX_BYTES);
    ASSERT(queue_bytes > 0);
    action->link = link;
    action->queue_bytes = queue_bytes;
}

void emit_message(struct cluster *c, enum message_kind kind, const struct cluster_node *sender,
                  struct bytes whole)
{
    struct cluster_action *action = add(c, CLUSTER_ACTION_MESSAGE, whole);

    ASSERT(whole.len <= MESSAGE_MAX_BYTES);
    action->message_kind = kind;
    action->id = sender->id;
}

void emit_file(struct cluster *c, uint64_t sequence, struct bytes text)
{
    ASSERT(sequence > c->file_written);
    ASSERT(text.len > 0);
    ASSERT(sequence == c->file_sequence);
    add(c, CLUSTER_ACTION_WRITE_FILE, text)->sequence = sequence;
}

void emit_follow(struct cluster *c, const struct cluster_node *primary)
{
    struct cluster_action *action = add(c, CLUSTER_ACTION_FOLLOW, (struct bytes){0});

    ASSERT(primary != c->me);
    ASSERT(!node_is_primary(c->me));
    ASSERT(!primary->is_in_handshake);
    action->address = primary->address;
    action->id = primary->id;
}

void emit_become_primary(struct cluster *c)
{
    struct cluster_action *action = add(c, CLUSTER_ACTION_BECOME_PRIMARY, (struct bytes){0});

    ASSERT(node_is_primary(c->me));
    action->drops_data = c->drops_data;
    action->doubts_data = c->doubts_data;
}

void emit_slots_changed(struct cluster *c, bool loses_slots)
{
    ASSERT(!loses_slots || node_is_primary(c->me));
    add(c, CLUSTER_ACTION_SLOTS_CHANGED, (struct bytes){0})->loses_slots = loses_slots;
}

void emit_state_changed(struct cluster *c, bool is_ok)
{
    add(c, CLUSTER_ACTION_STATE_CHANGED, (struct bytes){0})->is_ok = is_ok;
}

void emit_pause(struct cluster *c, int64_t pause_ms, bool holds_reads)
{
    struct cluster_action *action = add(c, CLUSTER_ACTION_PAUSE_WRITES, (struct bytes){0});

    ASSERT(pause_ms > 0);
    action->pause_ms = pause_ms;
    action->holds_reads = holds_reads;
}

void emit_data_complete(struct cluster *c)
{
    ASSERT(c->data.is_complete);
    add(c, CLUSTER_ACTION_DATA_COMPLETE, (struct bytes){0});
}

void emit_resume(struct cluster *c)
{
    add(c, CLUSTER_ACTION_RESUME_WRITES, (struct bytes){0});
}

void emit_log(struct cluster *c, enum log_level level, const char *format, ...)
{
    struct cluster_action *action = add(c, CLUSTER_ACTION_LOG, (struct bytes){0});
    va_list args;

    action->level = level;
    va_start(args, format);
    action->bytes = actions_keep_vprintf(c->out, format, args);
    va_end(args);
}
