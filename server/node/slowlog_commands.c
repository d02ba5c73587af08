/* SPDX-License-Identifier: MIT */
/* SLOWLOG, and what gets into the slow log. */
#include "node/state.h"

#include "base/num.h"

enum {
    DEFAULT_COUNT = 10, /* of SLOWLOG GET */
};

void slowlog_configure(struct node *node)
{
    timing_set_threshold(&node->timing, node->config.slowlog_log_slower_than_us);
    slowlog_set_limit(&node->slowlog, (size_t)node->config.slowlog_max_len);
}

/* ---- what gets in ----------------------------------------------------------------------------- */

static void remember(struct node *node, const struct session *s, struct slowlog_note note)
{
    struct bytes shown[SLOWLOG_ARGS];
    size_t count = note.arg_count < SLOWLOG_ARGS ? note.arg_count : SLOWLOG_ARGS;

    memcpy(shown, note.args, count * sizeof(shown[0]));
    slowlog_redact(shown, count);
    note.args = shown;
    note.unix_ms = node->env.now(node->env.context).unix_ms;
    note.peer = bytes_from_text(s->peer.address);
    note.name = buf_bytes(&s->name);
    slowlog_add(&node->slowlog, &note);
}

static struct slowlog_note note_of(const struct node *node, const struct request *request,
                                   int64_t duration_us)
{
    return (struct slowlog_note){
        .duration_us = duration_us,
        .args = node->batch.words.items + request->first_word,
        .arg_count = request->word_count,
    };
}

void slowlog_note_request(struct node *node, const struct request *request, int64_t duration_us)
{
    remember(node, request->session, note_of(node, request, duration_us));
}

static bool is_small(const struct node *node, const struct request *request)
{
    const struct command_spec *spec = request->spec;

    return spec != NULL && !(request->session->flags & SESSION_HELD) &&
           timing_is_small(&node->timing, spec->id, request->raw.len, request->word_count);
}

/* Some small command took long, and it is not known which: the first is shown, and how many others
 * it may have been. */
void slowlog_end_run(struct node *node)
{
    const struct batch *batch = &node->batch;
    int64_t duration_us = timing_run_end(&node->timing, node->stats.net_input_bytes);
    const struct request *first = NULL;
    size_t suspects = 0;

    for (size_t i = 0; duration_us >= 0 && i < batch->count; i++) {
        if (is_small(node, &batch->requests[i])) {
            suspects += first != NULL;
            first = first != NULL ? first : &batch->requests[i];
        }
    }
    if (first != NULL) {
        struct slowlog_note note = note_of(node, first, duration_us);

        note.suspects = suspects;
        remember(node, first->session, note);
    }
}

/* ---- SLOWLOG ---------------------------------------------------------------------------------- */

void control_slowlog(struct node *node, struct call *call)
{
    reply_unknown_sub(node, call);
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

void control_slowlog_get(struct node *node, struct call *call)
{
    size_t len = node->slowlog.count;
    size_t count = DEFAULT_COUNT;
    int64_t number;

    if (call->arg_count > 3) {
        reply_error(node, call,
                    "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try SLOWLOG "
                    "HELP.",
                    BYTES_ARGS(call->args[1]));
        return;
    }
    if (call->arg_count == 3) {
        if (!num_parse_i64(call->args[2], &number) || number < -1) {
            reply_error(node, call, "ERR count should be greater than or equal to -1");
            return;
        }
        count = number < 0 ? len : (size_t)number;
    }
    count = count < len ? count : len;
    resp_write_array(call->reply, count);
    for (size_t i = 0; i < count; i++) {
        write_entry(call->reply, slowlog_at(&node->slowlog, i));
    }
}

void control_slowlog_len(struct node *node, struct call *call)
{
    resp_write_integer(call->reply, (int64_t)node->slowlog.count);
}

void control_slowlog_reset(struct node *node, struct call *call)
{
    slowlog_clear(&node->slowlog);
    resp_write_ok(call->reply);
}

void control_slowlog_help(struct node *node, struct call *call)
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
    reply_help(call, lines, ARRAY_COUNT(lines));
}
