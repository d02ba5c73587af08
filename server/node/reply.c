/* SPDX-License-Identifier: MIT */
#include "node/reply.h"

#include "base/assert.h"
#include "node/inside.h"

#include <stdarg.h>
#include <stdio.h>

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
    session_touch(&node->sessions, s);
}

void node_close_session(struct node *node, struct session *s, bool after_write)
{
    ASSERT(list_is_linked(&s->all));
    s->flags |= after_write ? SESSION_CLOSE_AFTER_WRITE : SESSION_CLOSE_NOW;
    node_touch(node, s);
}

void reply_error(struct request *request, const char *format, ...)
{
    struct buf text = {0};
    va_list args;

    ASSERT(request->reply != NULL); /* errors are counted where replies are looked at: timing_end */
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    ASSERT(text.len > 0);
    resp_write_error(request->reply, "%s", buf_text(&text));
    buf_deinit(&text);
}

/* The name of the command whose subcommand was asked for, as HELP has it. */
static void write_parent(const struct request *request, char *out, size_t size)
{
    const char *name = command_spec(request->spec->parent)->name;
    size_t i = 0;

    ASSERT(size > 0);
    for (; name[i] != '\0' && i + 1 < size; i++) {
        out[i] = name[i] >= 'a' && name[i] <= 'z' ? (char)(name[i] - 'a' + 'A') : name[i];
    }
    out[i] = '\0';
}

/* wrong: what is wrong with it besides being unknown, if anything. */
static void refuse_sub(struct request *request, const char *wrong)
{
    char sub[129];
    char parent[32];

    ASSERT(request->arg_count >= 2);
    bytes_to_text(request->args[1], sub, sizeof(sub));
    write_parent(request, parent, sizeof(parent));
    reply_error(request, "ERR unknown subcommand%s '%s'. Try %s HELP.", wrong, sub, parent);
}

void reply_sub_misused(struct request *request)
{
    refuse_sub(request, " or wrong number of arguments for");
}

void reply_unknown_sub(struct request *request)
{
    refuse_sub(request, "");
}
