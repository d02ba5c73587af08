/* SPDX-License-Identifier: MIT */
/* What every part of a node says: errors and help to clients, marks for the shell, lines for the
 * diary. */
#include "node/state.h"

#include <stdarg.h>
#include <stdio.h>

enum {
    DESCRIBED_WORDS = 16,
};

void node_log(const struct node *node, enum log_level level, const char *format, ...)
{
    char line[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    log_line(node->env.logger, level, "%s", line);
}

void node_touch(struct node *node, struct session *s)
{
    if (!(s->flags & (SESSION_TOUCHED | SESSION_CLOSED))) {
        s->flags |= SESSION_TOUCHED;
        list_add_tail(&node->touched, &s->touched);
    }
}

void node_close_session(struct node *node, struct session *s, bool after_write)
{
    s->flags |= after_write ? SESSION_CLOSE_AFTER_WRITE : SESSION_CLOSE_NOW;
    node_touch(node, s);
}

void reply_error(struct node *node, struct call *call, const char *format, ...)
{
    struct buf text = {0};
    va_list args;

    (void)node; /* errors are counted where replies are looked at: timing_end */
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    resp_write_error(call->reply, "%s", buf_text(&text));
    buf_deinit(&text);
}

/* The name of the command whose subcommand was asked for, as HELP has it. */
static void write_parent(const struct call *call, char *out, size_t size)
{
    const char *name = command_spec(call->spec->parent)->name;
    size_t i = 0;

    for (; name[i] != '\0' && i + 1 < size; i++) {
        out[i] = name[i] >= 'a' && name[i] <= 'z' ? (char)(name[i] - 'a' + 'A') : name[i];
    }
    out[i] = '\0';
}

void reply_sub_misused(struct node *node, struct call *call)
{
    char sub[129];
    char parent[32];

    bytes_to_text(call->args[1], sub, sizeof(sub));
    write_parent(call, parent, sizeof(parent));
    reply_error(node, call,
                "ERR unknown subcommand or wrong number of arguments for '%s'. Try %s HELP.", sub,
                parent);
}

void reply_unknown_sub(struct node *node, struct call *call)
{
    char sub[129];
    char parent[32];

    bytes_to_text(call->args[1], sub, sizeof(sub));
    write_parent(call, parent, sizeof(parent));
    reply_error(node, call, "ERR unknown subcommand '%s'. Try %s HELP.", sub, parent);
}

bool has_cluster(struct node *node, struct call *call)
{
    if (node->cluster == NULL) {
        reply_error(node, call, "ERR This instance has cluster support disabled");
        return false;
    }
    return true;
}

void reply_help(struct call *call, const char *const *lines, size_t count)
{
    resp_write_array(call->reply, count);
    for (size_t i = 0; i < count; i++) {
        resp_write_simple(call->reply, lines[i]);
    }
}

/* What was asked, without saying what with: words may be secrets. */
static void describe(const struct bytes *words, size_t count, struct buf *out)
{
    const struct command_spec *spec = command_find(words[0]);
    const struct command_spec *sub = NULL;

    if (spec != NULL && count > 1 && command_has_subcommands(spec)) {
        sub = command_find_sub(spec, words[1]);
    }
    buf_printf(out, "%s%s%s, %zu words of", spec != NULL ? spec->name : "an unknown command",
               sub != NULL ? "|" : "", sub != NULL ? sub->name : "", count);
    for (size_t i = 0; i < count && i < DESCRIBED_WORDS; i++) {
        buf_printf(out, " %zu", words[i].len);
    }
    buf_append_text(out, count > DESCRIBED_WORDS ? " ... bytes" : " bytes");
}

void node_describe_request(const struct node *node, struct buf *out)
{
    const struct request *r = node->batch.running;

    if (node->stream.running != NULL) {
        describe(node->stream.running, node->stream.running_count, out);
        buf_append_text(out, ", from our primary");
    } else if (r != NULL) {
        describe(node->batch.words.items + r->first_word, r->word_count, out);
        buf_printf(out, ", from client %llu at %s", (unsigned long long)r->session->id,
                   r->session->peer.address);
    } else {
        buf_append_text(out, "none");
    }
}
