/* SPDX-License-Identifier: MIT */
/* One request: judged by the gates, executed, committed, answered. */
#include "node/state.h"

#include "base/assert.h"

static control_fn *const control_functions[COMMAND_COUNT] = {
#define DATA(...)
#define CONTROL(id, function, ...)     [COMMAND_##id] = control_##function,
#define SUB(parent, id, function, ...) [COMMAND_##parent##_##id] = control_##function,
#define DATA_SUB(...)
#include "spec/commands.def"
#undef DATA
#undef CONTROL
#undef SUB
#undef DATA_SUB
};

struct exec node_exec(struct node *node, unsigned db)
{
    return (struct exec){
        .keyspace = node->keyspace,
        .db = db,
        .database_count = (unsigned)node->config.databases,
        /* While writes are paused nothing may be removed either, expired or not. */
        .is_primary = node->is_primary && node->pauses.scope == PAUSE_NOTHING,
        .is_cluster = node->config.cluster_enabled,
        .now = node->now,
        .rng = &node->rng,
        .effects = &node->effects,
        .stats = &node->stats.exec,
    };
}

void execute_begin(struct node *node)
{
    struct batch *batch = &node->batch;

    batch->exec = node_exec(node, 0);
    batch->exec.window = &batch->window;
    exec_set_clock(&batch->exec);
    batch->open_for = gates_open_for(node);
}

/* A control command may have changed anything. */
static void look_again(struct node *node)
{
    execute_begin(node);
    if (node->cluster != NULL) {
        node->batch.open_for = 0; /* slots of requests already prepared may be served no more */
    }
}

/* Something was changed by a client of this primary. */
static void commit(struct node *node, struct session *s, const struct exec *x)
{
    commit_effects(node, &node->effects, s->db);
    s->last_write_offset = oplog_end(node->log);
    /* A node without slots writes to the whole key space without a lease, since nobody else has its
     * keys: such a reply needs none either. */
    if (LIKELY(x->key_count > 0) || commit_needs_lease(node)) {
        s->flags |= SESSION_WROTE;
        node->has_writes = true;
    }
}

static void run_data(struct node *node, const struct request *request,
                     const struct command_spec *spec, struct resp_writer *reply)
{
    struct batch *batch = &node->batch;
    struct session *s = request->session;
    struct exec *x = &batch->exec;
    struct bytes raw = {0}; /* an inline request has no form that could travel */
    enum exec_result result;

    x->spec = spec;
    x->args = batch->words.items + request->first_word;
    x->arg_count = request->word_count;
    x->db = s->db;
    x->keys = batch->keys + request->first_key;
    x->key_count = s->db == request->db ? request->key_count : 0;
    x->no_touch = (s->flags & SESSION_NO_TOUCH) != 0;
    x->reply = reply;
    if (x->key_count == 0) {
        batch->window.count = 0;
    }
    if (!request->is_inline) {
        raw = request->raw;
    }
    effects_begin(&node->effects, raw, x->args, x->arg_count);
    result = exec_run(x);
    ASSERT(result == EXEC_DONE); /* no command of the table waits for keys yet */
    if (node->effects.count > 0) {
        if (LIKELY(node->is_primary)) {
            commit(node, s, x);
        } else {
            node->saving.changes += node->effects.count;
            own_expiry_note(node, x);
        }
        if (UNLIKELY(spec->id == COMMAND_FLUSHALL)) {
            snapshot_after_flush(node);
        }
    }
}

/* Run what nothing stands in the way of: the request's command, or the subcommand it turned out to
 * be.  call is needed for what is no data command. */
static void run(struct node *node, const struct request *request, const struct command_spec *spec,
                struct resp_writer *reply, struct call *call)
{
    struct session *s = request->session;
    size_t out_before = s->out.len;
    int64_t began_ns = timing_begin(&node->timing, spec->id, request->raw.len, request->word_count);
    int64_t slow_us;

    s->last_command = spec;
    s->command_count++;
    node->stats.commands++;
    if (spec->is_data) {
        run_data(node, request, spec, reply);
    } else {
        control_functions[spec->id](node, call);
        look_again(node);
    }
    slow_us =
        timing_end(&node->timing, spec->id, began_ns, bytes_from(buf_bytes(&s->out), out_before));
    if (UNLIKELY(slow_us >= 0)) {
        slowlog_note_request(node, request, slow_us);
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

/* The long way: every gate is asked, and control commands are known. */
static void execute_asking(struct node *node, const struct request *request)
{
    struct session *s = request->session;
    size_t out_before = s->out.len;
    bool is_heard = takes_reply(s);
    struct resp_writer reply = session_writer(s);
    struct call call = {
        .session = s,
        .spec = request->spec,
        .args = node->batch.words.items + request->first_word,
        .arg_count = request->word_count,
        .raw = request->raw,
        .is_inline = request->is_inline,
        .reply = &reply,
    };

    if (gates_pass(node, &call)) {
        run(node, request, call.spec, &reply, &call);
        if (call.spec->id != COMMAND_ASKING) {
            s->flags &= ~(uint32_t)SESSION_ASKING;
        }
    } else {
        timing_refused(&node->timing, bytes_from(buf_bytes(&s->out), out_before));
    }
    if (call.spec != NULL && call.spec->id == COMMAND_CLIENT_REPLY) {
        is_heard = true; /* ON is answered though silence was the rule so far */
    }
    if (!is_heard && (s->flags & SESSION_REPLICA) == 0) {
        session_output_cut(s, s->out_sent > out_before ? s->out_sent : out_before);
        s->flags &= ~(uint32_t)SESSION_REPLY_SKIP;
    }
}

void execute_request(struct node *node, const struct request *request)
{
    struct session *s = request->session;

    s->active_at = node->now.mono;
    session_take_buffer(&node->sessions, s);
    if (LIKELY(request->is_plain && (request->spec->flags & node->batch.open_for) != 0 &&
               (s->flags & SESSION_SPECIAL) == SESSION_AUTHENTICATED)) {
        struct resp_writer reply = session_writer(s);

        run(node, request, request->spec, &reply, NULL);
    } else {
        execute_asking(node, request);
    }
    if (s->out.len > s->out_sent) {
        node_touch(node, s);
    }
}
