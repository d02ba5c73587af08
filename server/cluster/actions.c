/* SPDX-License-Identifier: MIT */
/* The list of actions: growing arrays, bytes behind one another in one buffer. */
#include "cluster/actions.h"

#include "base/assert.h"
#include "base/vec.h"
#include "cluster/emit.h"

#include <inttypes.h>
#include <stdarg.h>

void cluster_actions_deinit(struct cluster_actions *actions)
{
    buf_deinit(&actions->text);
    VEC_DEINIT(actions);
    actions->wake_at = (struct mono_time){0};
}

void cluster_actions_clear(struct cluster_actions *actions)
{
    actions->count = 0;
    buf_clear(&actions->text);
}

struct bytes cluster_action_bytes(const struct cluster_actions *actions,
                                  const struct cluster_action *action)
{
    ASSERT(action->text_start + action->text_len <= actions->text.len);
    if (action->text_len == 0) {
        return (struct bytes){0};
    }
    return bytes_make(actions->text.data + action->text_start, action->text_len);
}

static struct cluster_action *add(struct cluster *c, enum cluster_action_type type,
                                  struct bytes text)
{
    struct cluster_actions *list = c->out;
    struct cluster_action action = {.type = type};

    ASSERT(list != NULL);
    ASSERT(list->count - c->actions_at_start < CLUSTER_ACTIONS_MAX);
    action.text_start = list->text.len;
    action.text_len = text.len;
    buf_append_bytes(&list->text, text);
    VEC_PUSH(list, action);
    return &list->items[list->count - 1];
}

void emit_open(struct cluster *c, const struct cluster_node *node)
{
    struct cluster_action *action = add(c, CLUSTER_ACTION_OPEN, (struct bytes){0});

    action->link = (struct cluster_link){.number = node->number};
    action->address = node->address;
    if (node->is_ip_next && node->address.ip[0] != '\0') {
        action->address.hostname[0] = '\0';
    }
    action->id = node->id;
}

void emit_close(struct cluster *c, struct cluster_link link)
{
    add(c, CLUSTER_ACTION_CLOSE, (struct bytes){0})->link = link;
}

void emit_send(struct cluster *c, struct cluster_link link, struct bytes frame)
{
    add(c, CLUSTER_ACTION_SEND, frame)->link = link;
}

void emit_file(struct cluster *c, uint64_t sequence, struct bytes text)
{
    add(c, CLUSTER_ACTION_WRITE_FILE, text)->sequence = sequence;
}

void emit_follow(struct cluster *c, const struct cluster_node *primary)
{
    struct cluster_action *action = add(c, CLUSTER_ACTION_FOLLOW, (struct bytes){0});

    action->address = primary->address;
    action->id = primary->id;
}

void emit_become_primary(struct cluster *c, bool drops_data)
{
    add(c, CLUSTER_ACTION_BECOME_PRIMARY, (struct bytes){0})->drops_data = drops_data;
}

void emit_slots_changed(struct cluster *c, bool loses_slots)
{
    add(c, CLUSTER_ACTION_SLOTS_CHANGED, (struct bytes){0})->loses_slots = loses_slots;
}

void emit_state_changed(struct cluster *c, bool is_ok)
{
    add(c, CLUSTER_ACTION_STATE_CHANGED, (struct bytes){0})->is_ok = is_ok;
}

void emit_pause(struct cluster *c, int64_t pause_ms)
{
    add(c, CLUSTER_ACTION_PAUSE_WRITES, (struct bytes){0})->pause_ms = pause_ms;
}

void emit_resume(struct cluster *c)
{
    add(c, CLUSTER_ACTION_RESUME_WRITES, (struct bytes){0});
}

void emit_log(struct cluster *c, enum log_level level, const char *format, ...)
{
    struct buf line = {0};
    va_list args;

    va_start(args, format);
    buf_vprintf(&line, format, args);
    va_end(args);
    add(c, CLUSTER_ACTION_LOG, buf_bytes(&line))->level = level;
    buf_deinit(&line);
}

static const char *direction(const struct cluster_action *action)
{
    return action->link.is_incoming ? "incoming" : "outgoing";
}

void cluster_action_describe(const struct cluster_actions *actions,
                             const struct cluster_action *action, struct buf *out)
{
    struct bytes text = cluster_action_bytes(actions, action);

    switch (action->type) {
    case CLUSTER_ACTION_OPEN:
        buf_printf(out, "open %" PRIu32 " %s %s:%u\n", action->link.number,
                   action->address.hostname, action->address.ip, action->address.bus_port);
        break;
    case CLUSTER_ACTION_CLOSE:
        buf_printf(out, "close %s %" PRIu32 "\n", direction(action), action->link.number);
        break;
    case CLUSTER_ACTION_SEND:
        buf_printf(out, "send %s %" PRIu32 " %zu bytes\n", direction(action), action->link.number,
                   text.len);
        break;
    case CLUSTER_ACTION_WRITE_FILE:
        buf_printf(out, "write file %" PRIu64 "\n", action->sequence);
        break;
    case CLUSTER_ACTION_FOLLOW:
        buf_printf(out, "follow %s at %s:%u\n", action->id.text, action->address.ip,
                   action->address.port);
        break;
    case CLUSTER_ACTION_BECOME_PRIMARY:
        buf_printf(out, "become primary%s\n", action->drops_data ? ", drop data" : "");
        break;
    case CLUSTER_ACTION_SLOTS_CHANGED:
        buf_printf(out, "slots changed%s\n", action->loses_slots ? ", some lost" : "");
        break;
    case CLUSTER_ACTION_STATE_CHANGED:
        buf_printf(out, "state %s\n", action->is_ok ? "ok" : "fail");
        break;
    case CLUSTER_ACTION_PAUSE_WRITES:
        buf_printf(out, "pause writes %" PRId64 " ms\n", action->pause_ms);
        break;
    case CLUSTER_ACTION_RESUME_WRITES:
        buf_append_text(out, "resume writes\n");
        break;
    case CLUSTER_ACTION_LOG:
        buf_printf(out, "log %s %.*s\n", log_level_name(action->level), BYTES_ARGS(text));
        break;
    }
}
