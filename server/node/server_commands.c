/* SPDX-License-Identifier: MIT */
/* Commands about the server as a whole: saving, time, information. */
#include "node/state.h"

void control_time(struct node *node, struct call *call)
{
    struct moment now = node->env.now(node->env.context);
    int64_t us = now.unix_ms * 1000;

    resp_write_array(call->reply, 2);
    resp_write_bulk_printf(call->reply, "%lld", (long long)(us / 1000000));
    resp_write_bulk_printf(call->reply, "%lld", (long long)(us % 1000000));
}

void control_save(struct node *node, struct call *call)
{
    if (snapshot_is_saving(node)) {
        reply_error(node, call, "ERR Background save already in progress");
        return;
    }
    snapshot_save(node);
    waiting_hold(node, call->session, HOLD_SAVE, MONO_NEVER);
}

void control_bgsave(struct node *node, struct call *call)
{
    bool is_scheduled = call->arg_count == 2 && bytes_equal_nocase(call->args[1], "SCHEDULE");

    if (call->arg_count > 2 || (call->arg_count == 2 && !is_scheduled)) {
        reply_error(node, call, "ERR syntax error");
        return;
    }
    if (snapshot_is_saving(node) && !is_scheduled) {
        reply_error(node, call, "ERR Background save already in progress");
        return;
    }
    if (node->snapshot.is_on) {
        node->saving.is_wanted = true;
        resp_write_simple(call->reply, "Background saving scheduled");
        return;
    }
    snapshot_save(node);
    resp_write_simple(call->reply, "Background saving started");
}

void control_lastsave(struct node *node, struct call *call)
{
    resp_write_integer(call->reply, node->saving.last_save_unix_s);
}

void control_info(struct node *node, struct call *call)
{
    struct buf text = {0};

    info_write(node, call->args + 1, call->arg_count - 1, &text);
    resp_write_verbatim(call->reply, "txt", buf_bytes(&text));
    buf_deinit(&text);
}

void control_object(struct node *node, struct call *call)
{
    reply_unknown_sub(node, call);
}

void control_object_help(struct node *node, struct call *call)
{
    static const char *const lines[] = {
        "OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "ENCODING <key>",
        "    Name the form in which the value of <key> is kept in memory.",
        "FREQ <key>",
        "    Tell how often <key> was used of late, on a logarithmic scale.",
        "IDLETIME <key>",
        "    Tell how many seconds have passed since <key> was last used.",
        "REFCOUNT <key>",
        "    Tell how many references the value of <key> has: always 1.",
        "HELP",
        "    Print this help.",
    };

    (void)node;
    reply_help(call, lines, ARRAY_COUNT(lines));
}
