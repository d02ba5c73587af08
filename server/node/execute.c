/* SPDX-License-Identifier: MIT */
/* One request: judged by the gates, executed, committed, answered. */
#include "node/state.h"

static control_fn *const control_functions[COMMAND_COUNT] = {
#define DATA(...)
#define CONTROL(id, function, ...)     [COMMAND_##id] = control_##function,
#define SUB(parent, id, function, ...) [COMMAND_##parent##_##id] = control_##function,
#include "spec/commands.def"
#undef DATA
#undef CONTROL
#undef SUB
};

struct exec node_exec(struct node *node, unsigned db)
{
    return (struct exec){
        .keyspace = node->keyspace,
        .db = db,
        .database_count = (unsigned)node->config.databases,
        .is_primary = node->is_primary,
        .is_cluster = node->config.cluster_enabled,
        .now = node->now,
        .rng = &node->rng,
        .effects = &node->effects,
        .stats = &node->stats.exec,
    };
}

static void run_data(struct node *node, struct call *call)
{
    struct session *s = call->session;
    struct exec x = node_exec(node, s->db);
    struct bytes raw = {0}; /* an inline request has no form that could travel */

    if (!call->is_inline) {
        raw = call->raw;
    }
    effects_begin(&node->effects, raw, call->args, call->arg_count);
    x.spec = call->spec;
    x.args = call->args;
    x.arg_count = call->arg_count;
    x.no_touch = (s->flags & SESSION_NO_TOUCH) != 0;
    x.reply = call->reply;
    exec_run(&x);
    if (node->effects.count > 0) {
        if (node->is_primary) {
            commit_effects(node, &node->effects, s->db);
            s->last_write_offset = oplog_end(node->log);
            s->flags |= SESSION_WROTE;
            node->has_writes = true;
        } else {
            node->saving.changes += node->effects.count;
        }
    }
}

/* CLIENT REPLY SKIP silences the next command, whatever it is. */
static bool takes_reply(struct session *s)
{
    if (s->flags & SESSION_REPLY_SKIP_NEXT) {
        s->flags = (s->flags & ~(uint32_t)SESSION_REPLY_SKIP_NEXT) | SESSION_REPLY_SKIP;
    }
    return (s->flags & (SESSION_REPLY_OFF | SESSION_REPLY_SKIP)) == 0;
}

void execute_request(struct node *node, const struct request *request)
{
    struct session *s = request->session;
    size_t out_before = s->out.len;
    bool is_heard = takes_reply(s);
    struct resp_writer reply = {.out = &s->out, .version = s->protocol};
    struct call call = {
        .session = s,
        .args = node->batch.words.items + request->first_word,
        .arg_count = request->word_count,
        .raw = request->raw,
        .is_inline = request->is_inline,
        .reply = &reply,
    };

    s->active_at = node->now.mono;
    if (gates_pass(node, &call)) {
        s->last_command = call.spec;
        s->command_count++;
        node->stats.commands++;
        node->stats.calls[call.spec->id]++;
        if (call.spec->kind == COMMAND_DATA) {
            run_data(node, &call);
        } else {
            control_functions[call.spec->id](node, &call);
        }
        if (call.spec->id != COMMAND_ASKING) {
            s->flags &= ~(uint32_t)SESSION_ASKING;
        }
    }
    if (call.spec != NULL && call.spec->id == COMMAND_CLIENT_REPLY) {
        is_heard = true; /* ON is answered though silence was the rule so far */
    }
    if (!is_heard && (s->flags & SESSION_REPLICA) == 0) {
        s->out.len = s->out_sent > out_before ? s->out_sent : out_before;
        s->flags &= ~(uint32_t)SESSION_REPLY_SKIP;
    }
    if (s->out.len > s->out_sent) {
        node_touch(node, s);
    }
}
