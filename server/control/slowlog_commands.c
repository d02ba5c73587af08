/* SPDX-License-Identifier: MIT */
/* SLOWLOG: what node/slow.h has put into the slow log. */
#include "control/answer.h"
#include "control/control.h"
#include "node/inside.h"

#include "base/num.h"

enum {
    DEFAULT_COUNT = 10, /* of SLOWLOG GET */
};

/* ---- SLOWLOG ---------------------------------------------------------------------------------- */

void control_slowlog(struct node *node, struct request *request)
{
    (void)node;
    reply_unknown_sub(request);
}

static void write_entry(struct resp_writer *w, const struct slowlog_entry *entry)
{
    resp_write_array(w, 6);
    resp_write_integer(w, (int64_t)entry->id);
    resp_write_integer(w, entry->unix_ms / 1000);
    resp_write_integer(w, entry->duration_us);
    resp_write_array(w, entry->arg_count);
    for (size_t i = 0; i < entry->arg_count; i++) {
        resp_write_bulk(w, entry->args[i]);
    }
    resp_write_bulk(w, entry->peer);
    resp_write_bulk(w, entry->name);
}

void control_slowlog_get(struct node *node, struct request *request)
{
    size_t len = node->slowlog.count;
    size_t count = DEFAULT_COUNT;
    int64_t number;

    if (request->arg_count > 3) {
        reply_error(request,
                    "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try SLOWLOG "
                    "HELP.",
                    BYTES_ARGS(request->args[1]));
        return;
    }
    if (request->arg_count == 3) {
        if (!num_parse_i64(request->args[2], &number) || number < -1) {
            reply_error(request, "ERR count should be greater than or equal to -1");
            return;
        }
        count = number < 0 ? len : (size_t)number;
    }
    count = count < len ? count : len;
    resp_write_array(request->reply, count);
    for (size_t i = 0; i < count; i++) {
        write_entry(request->reply, slowlog_at(&node->slowlog, i));
    }
}

void control_slowlog_len(struct node *node, struct request *request)
{
    resp_write_integer(request->reply, (int64_t)node->slowlog.count);
}

void control_slowlog_reset(struct node *node, struct request *request)
{
    slowlog_clear(&node->slowlog);
    resp_write_ok(request->reply);
}

void control_slowlog_help(struct node *node, struct request *request)
{
    static const char *const lines[] = {
        "SLOWLOG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "GET [<count>]",
        "    Return top <count> entries from the slowlog (default: 10, -1 mean all).",
        "    Entries are made of:",
        "    id, timestamp, time in microseconds, arguments array, client IP and port,",
        "    client name",
        "LEN",
        "    Return the length of the slowlog.",
        "RESET",
        "    Reset the slowlog.",
        "HELP",
        "    Prints this help.",
    };

    (void)node;
    answer_help(request, lines, ARRAY_COUNT(lines));
}
