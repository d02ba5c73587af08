/* SPDX-License-Identifier: MIT */
/* Commands about the server as a whole: saving, ending, time, information. */
#include "control/answer.h"
#include "control/control.h"
#include "control/info.h"
#include "node/inside.h"

void control_time(struct node *node, struct request *request)
{
    struct moment now = node->env.now(node->env.context);
    int64_t us = moment_unix_us(now);

    resp_write_array(request->reply, 2);
    resp_write_bulk_printf(request->reply, "%lld", (long long)(us / 1000000));
    resp_write_bulk_printf(request->reply, "%lld", (long long)(us % 1000000));
}

void control_save(struct node *node, struct request *request)
{
    if (saving_is_on(node)) {
        reply_error(request, "ERR Background save already in progress");
        return;
    }
    saving_save(node);
    waiting_hold(node, request->session, HOLD_SAVE, MONO_NEVER);
}

void control_bgsave(struct node *node, struct request *request)
{
    bool is_scheduled = request->arg_count == 2 && bytes_equal_nocase(request->args[1], "SCHEDULE");

    if (request->arg_count > 2 || (request->arg_count == 2 && !is_scheduled)) {
        reply_error(request, "ERR syntax error");
        return;
    }
    if (saving_is_on(node) && !is_scheduled) {
        reply_error(request, "ERR Background save already in progress");
        return;
    }
    /* A file made in the midst of a transaction would have a half of it. */
    if (node->image.is_on || node->transaction.is_on) {
        saving_want(node);
        resp_write_simple(request->reply, "Background saving scheduled");
        return;
    }
    saving_save(node);
    resp_write_simple(request->reply, "Background saving started");
}

/* The same file serves both. */
void control_bgrewriteaof(struct node *node, struct request *request)
{
    if (saving_is_on(node) || node->image.is_on || node->transaction.is_on) {
        saving_want(node);
        resp_write_simple(request->reply, "Background append only file rewriting scheduled");
        return;
    }
    saving_save(node);
    resp_write_simple(request->reply, "Background append only file rewriting started");
}

void control_shutdown(struct node *node, struct request *request)
{
    struct ending_options options = {0};
    enum ending_save first = ENDING_DEFAULT;
    size_t aborts = 0;

    for (size_t i = 1; i < request->arg_count; i++) {
        bool is_abort = bytes_equal_nocase(request->args[i], "ABORT");

        if ((!is_abort && !ending_read_word(request->args[i], &options)) ||
            (first != ENDING_DEFAULT && options.save != first)) {
            reply_error(request, "ERR syntax error");
            return;
        }
        first = options.save;
        aborts += is_abort;
    }
    if (aborts > 0 && aborts < request->arg_count - 1) {
        reply_error(request, "ERR syntax error");
        return;
    }
    if (options.is_failover && node->cluster == NULL) {
        reply_error(request, "ERR SHUTDOWN FAILOVER needs a cluster: cluster-enabled is no");
        return;
    }
    if (aborts == 0) {
        ending_asked(node, request->session, &options);
    } else if (!ending_abort(node, request->session)) {
        reply_error(request, "ERR No shutdown in progress.");
    } else if ((request->session->flags & SESSION_HELD) == 0) {
        resp_write_ok(request->reply);
    }
}

void control_lastsave(struct node *node, struct request *request)
{
    resp_write_integer(request->reply, node->saving.last_save_unix_s);
}

void control_info(struct node *node, struct request *request)
{
    struct buf text = {0};

    info_write(node, request->args + 1, request->arg_count - 1, &text);
    resp_write_verbatim(request->reply, "txt", buf_bytes(&text));
    buf_deinit(&text);
}

void control_xgroup(struct node *node, struct request *request)
{
    (void)node;
    reply_unknown_sub(request);
}

void control_xgroup_help(struct node *node, struct request *request)
{
    static const char *const lines[] = {
        "XGROUP <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "CREATE <key> <group> <id|$> [MKSTREAM] [ENTRIESREAD <n>]",
        "    Make a group that begins behind <id>, or behind the last entry. Options:",
        "    * MKSTREAM",
        "      Make the stream when there is none.",
        "    * ENTRIESREAD <n>",
        "      Say how many entries the group counts as having read.",
        "CREATECONSUMER <key> <group> <consumer>",
        "    Make a consumer in the group.",
        "DELCONSUMER <key> <group> <consumer>",
        "    Remove a consumer, and what is pending of it, from the group.",
        "DESTROY <key> <group>",
        "    Remove the group.",
        "SETID <key> <group> <id|$> [ENTRIESREAD <n>]",
        "    Go on behind <id>, or behind the last entry.",
        "HELP",
        "    Print this help.",
    };

    (void)node;
    answer_help(request, lines, ARRAY_COUNT(lines));
}

void control_xinfo(struct node *node, struct request *request)
{
    (void)node;
    reply_unknown_sub(request);
}

void control_xinfo_help(struct node *node, struct request *request)
{
    static const char *const lines[] = {
        "XINFO <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "CONSUMERS <key> <group>",
        "    Tell about the consumers of the group.",
        "GROUPS <key>",
        "    Tell about the groups of the stream.",
        "STREAM <key> [FULL [COUNT <count>]]",
        "    Tell about the stream; with FULL, show entries, groups and what is pending, too.",
        "HELP",
        "    Print this help.",
    };

    (void)node;
    answer_help(request, lines, ARRAY_COUNT(lines));
}

void control_object(struct node *node, struct request *request)
{
    (void)node;
    reply_unknown_sub(request);
}

void control_object_help(struct node *node, struct request *request)
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
    answer_help(request, lines, ARRAY_COUNT(lines));
}
