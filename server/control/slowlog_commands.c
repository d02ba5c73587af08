/* SPDX-License-Identifier: MIT */
/* SLOWLOG: what node/slow.h has put into the slow log.  COMMANDLOG: that, and the logs of large requests and
 * replies. */
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
    resp_write_integer(w, entry->amount);
    resp_write_array(w, entry->arg_count);
    for (size_t i = 0; i < entry->arg_count; i++) {
        resp_write_bulk(w, entry->args[i]);
    }
    resp_write_bulk(w, entry->peer);
    resp_write_bulk(w, entry->name);
}

/* The newest entries, as many as the argument says, -1 for all. */
static void write_entries(struct request *request, const struct slowlog *log, size_t count)
{
    count = count < log->count ? count : log->count;
    resp_write_array(request->reply, count);
    for (size_t i = 0; i < count; i++) {
        write_entry(request->reply, slowlog_at(log, i));
    }
}

static bool read_entry_count(struct request *request, size_t *count)
{
    int64_t number;

    if (!num_parse_i64(request->args[2], &number) || number < -1) {
        reply_error(request, "ERR count should be greater than or equal to -1");
        return false;
    }
    *count = number < 0 ? SIZE_MAX : (size_t)number;
    return true;
}

void control_slowlog_get(struct node *node, struct request *request)
{
    size_t count = DEFAULT_COUNT;

    if (request->arg_count > 3) {
        reply_error(request,
                    "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try SLOWLOG "
                    "HELP.",
                    BYTES_ARGS(request->args[1]));
        return;
    }
    if (request->arg_count == 2 || read_entry_count(request, &count)) {
        write_entries(request, &node->slowlog, count);
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

/* ---- COMMANDLOG ------------------------------------------------------------------------------- */

void control_commandlog(struct node *node, struct request *request)
{
    (void)node;
    reply_unknown_sub(request);
}

/* The log that the word names; NULL after an error reply. */
static struct slowlog *find_log(struct node *node, struct request *request, size_t index)
{
    const struct {
        const char *name;
        struct slowlog *log;
    } logs[] = {
        {"slow",          &node->slowlog       },
        {"large-request", &node->large_requests},
        {"large-reply",   &node->large_replies },
    };

    for (size_t i = 0; i < ARRAY_COUNT(logs); i++) {
        if (bytes_equal_nocase(request->args[index], logs[i].name)) {
            return logs[i].log;
        }
    }
    reply_error(request,
                "ERR type should be one of the following: slow, large-request, large-reply");
    return NULL;
}

void control_commandlog_get(struct node *node, struct request *request)
{
    const struct slowlog *log;
    size_t count;

    if (!read_entry_count(request, &count)) {
        return;
    }
    log = find_log(node, request, 3);
    if (log != NULL) {
        write_entries(request, log, count);
    }
}

void control_commandlog_len(struct node *node, struct request *request)
{
    const struct slowlog *log = find_log(node, request, 2);

    if (log != NULL) {
        resp_write_integer(request->reply, (int64_t)log->count);
    }
}

void control_commandlog_reset(struct node *node, struct request *request)
{
    struct slowlog *log = find_log(node, request, 2);

    if (log != NULL) {
        slowlog_clear(log);
        resp_write_ok(request->reply);
    }
}

void control_commandlog_help(struct node *node, struct request *request)
{
    static const char *const lines[] = {
        "COMMANDLOG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "GET <count> <type>",
        "    Return the newest <count> entries of a log, -1 for all. Types are slow,",
        "    large-request and large-reply. Entries are made of:",
        "    id, timestamp, microseconds or bytes, arguments array, client IP and port,",
        "    client name",
        "LEN <type>",
        "    Return how many entries the log has.",
        "RESET <type>",
        "    Remove all entries of the log.",
        "HELP",
        "    Print this help.",
    };

    (void)node;
    answer_help(request, lines, ARRAY_COUNT(lines));
}
