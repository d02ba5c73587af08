/* SPDX-License-Identifier: MIT */
#include "node/call.h"

#include "base/assert.h"
#include "node/inside.h"
#include "spec/slot.h"

/* While writes are paused nothing may be removed either, expired or not. */
static bool may_remove(const struct node *node)
{
    return node->role.is_primary && node->pauses.scope == PAUSE_NOTHING;
}

static struct exec make_exec(struct node *node)
{
    return (struct exec){
        .keyspace = node->data.keyspace,
        .database_count = (unsigned)node->config.databases,
        .is_primary = may_remove(node),
        .is_cluster = node->config.cluster_enabled,
        .now = node->now,
        .rng = &node->rng,
        .effects = journal_effects(node),
        .events = notify_events(node),
        .stats = &node->counters.exec,
    };
}

void call_begin(struct node *node)
{
    struct exec *x = &node->door.exec;

    *x = make_exec(node);
    x->window = &node->door.window;
    exec_set_clock(x);
}

void call_begin_transaction(struct node *node)
{
    call_begin(node);
    node->door.exec.must_not_wait = true;
}

void call_on_copies(struct node *node, struct keyspace *copies)
{
    node->door.exec.keyspace = copies;
    node->door.exec.is_primary = false; /* what has expired goes when the owner says so */
    node->door.exec.events = NULL;
    node->door.exec.must_not_wait = true;
}

void call_on_data(struct node *node)
{
    node->door.exec.keyspace = node->data.keyspace;
    node->door.exec.is_primary = may_remove(node);
    node->door.exec.events = notify_events(node);
    node->door.exec.must_not_wait = false;
}

/* Whose reply depends on a write needs a lease to leave.  A node without slots writes to the whole key
 * space without one, since nobody else has its keys. */
static void commit_for_client(struct node *node, struct session *s)
{
    const struct exec *x = &node->door.exec;

    journal_commit(node, x->effects, x->db);
    if (UNLIKELY(node->journal.is_in_transaction)) {
        return; /* that is for the reply as a whole: transaction_run */
    }
    journal_note_write(&node->journal, s);
    if (UNLIKELY(output_end(&s->output) == node->door.reply_place)) {
        return; /* it waits for keys: what it is told in the end tells nothing of this write */
    }
    if (node->cluster != NULL && (LIKELY(x->key_count > 0) || journal_needs_lease(node))) {
        output_bar(&s->output, node->door.reply_place, s->last_write_offset, node->pass.number);
        pass_note_write(&node->pass);
    }
}

static void note_flush(struct node *node, const struct exec *x)
{
    if (UNLIKELY(x->spec->id == COMMAND_FLUSHALL)) {
        journal_note_flush(node);
    }
}

/* What a command leaves to be done behind it is apart: a read that leaves nothing saves no registers for it. */
static NOINLINE void settle_rest(struct node *node, const struct request *request,
                                 enum exec_result result)
{
    if (node->door.exec.events != NULL) {
        notify_tell(node, &node->notify);
    }
    if ((request->session->flags & SESSION_TRACKING) != 0) {
        invalidation_note_reads(node, request);
    }
    if (result == EXEC_BLOCK) {
        blocked_begin(node, request, &node->door.exec.block);
    }
}

/* The slot of a request whose keys the batch did not prepare; SLOT_NONE without keys. */
static unsigned find_slot(const struct request *request)
{
    struct command_keys keys = request_keys(request);

    return keys.count > 0 ? slot_of_key(request->args[command_key_at(&keys, 0)]) : SLOT_NONE;
}

static void note_slot(struct node *node, const struct request *request, const struct key_ref *keys)
{
    unsigned slot = node->door.exec.key_count > 0 ? keys[0].table : find_slot(request);

    if (slot != SLOT_NONE) {
        slot_usage_note(&node->slot_usage, slot, (request->spec->flags & COMMAND_FLAG_WRITE) != 0,
                        request->read.raw.len,
                        output_end(&request->session->output) - node->door.reply_place);
    }
}

static NOINLINE void settle_changes(struct node *node, struct session *s)
{
    const struct exec *x = &node->door.exec;

    if (LIKELY(node->role.is_primary)) {
        commit_for_client(node, s);
    } else {
        journal_note_changes(node, x->effects->count);
        own_expiry_note(node, x);
    }
    note_flush(node, x);
}

void call_for_client(struct node *node, const struct request *request, const struct key_ref *keys)
{
    struct session *s = request->session;
    struct exec *x = &node->door.exec;
    struct bytes raw = {0}; /* an inline request has no form that could travel */
    enum exec_result result;

    ASSERT(request->spec->is_data);
    x->spec = request->spec;
    x->args = request->args;
    x->arg_count = request->arg_count;
    x->db = s->db;
    x->keys = keys;
    x->key_count = s->db == request->db ? request->key_count : 0;
    x->no_touch = (s->flags & SESSION_NO_TOUCH) != 0;
    x->reply = request->reply;
    node->door.reply_place = output_end(&s->output);
    if (x->key_count == 0) {
        node->door.window.count = 0;
    }
    if (!request->read.is_inline) {
        raw = request->read.raw;
    }
    effects_begin(x->effects, raw, x->args, x->arg_count);
    result = exec_run(x);
    if (UNLIKELY(x->events != NULL) || UNLIKELY((s->flags & SESSION_TRACKING) != 0) ||
        UNLIKELY(result == EXEC_BLOCK)) {
        settle_rest(node, request, result);
    }
    if (UNLIKELY(node->slot_usage.slots != NULL)) {
        note_slot(node, request, keys);
    }
    if (x->effects->count > 0) {
        settle_changes(node, s);
    }
}

/* Is it about keys that nobody is to see? */
static bool is_staged(const struct node *node, const struct streamed_command *command)
{
    struct command_keys keys = {0};

    if (command_has_keys(command->spec)) {
        keys = command_keys(command->spec, command->args, command->arg_count);
    }
    return keys.count > 0 &&
           staging_hides(&node->staging, slot_of_key(command->args[command_key_at(&keys, 0)]));
}

void call_for_primary(struct node *node, const struct streamed_command *command,
                      struct resp_writer *reply)
{
    struct exec x = make_exec(node);
    enum exec_result result;

    ASSERT(!node->role.is_primary || node->loading.phase == LOAD_LOG);
    ASSERT(command->spec->is_data);
    ASSERT(command->arg_count > 0);
    ASSERT(command->db < x.database_count);
    x.spec = command->spec;
    x.args = command->args;
    x.arg_count = command->arg_count;
    x.db = command->db;
    x.from_primary = true;
    x.is_primary = false; /* nor is this node while it replays its log: what has expired stays */
    if (UNLIKELY(node->staging.hides) && is_staged(node, command)) {
        x.events = NULL;
    }
    x.reply = reply;
    exec_set_clock(&x);
    effects_begin(x.effects, (struct bytes){0}, x.args, x.arg_count);
    result = exec_run(&x);
    ASSERT(result == EXEC_DONE); /* the primary has waited for us */
    journal_note_changes(node, 1);
    note_flush(node, &x);
    notify_tell(node, &node->notify);
}

void call_for_move(struct node *node, const struct streamed_command *command,
                   struct resp_writer *reply)
{
    struct exec x = make_exec(node);
    enum exec_result result;

    ASSERT(journal_is_open(node));
    ASSERT(command->spec->is_data);
    x.spec = command->spec;
    x.args = command->args;
    x.arg_count = command->arg_count;
    x.db = command->db;
    x.from_primary = true;
    x.is_primary = false; /* what has expired goes when the source says so */
    x.events = NULL;
    x.reply = reply;
    exec_set_clock(&x);
    effects_begin(x.effects, (struct bytes){0}, x.args, x.arg_count);
    result = exec_run(&x);
    ASSERT(result == EXEC_DONE);
    effects_begin(x.effects, (struct bytes){0}, command->args, command->arg_count);
    effects_add(x.effects, command->args, command->arg_count);
    journal_commit(node, x.effects, command->db);
}

size_t call_expire(struct node *node, size_t budget, size_t max, bool *has_more)
{
    struct exec x = make_exec(node);
    size_t removed;

    ASSERT(journal_is_open(node));
    effects_begin(x.effects, (struct bytes){0}, NULL, 0);
    removed = exec_expire(&x, budget, max, has_more);
    ASSERT(removed <= max);
    ASSERT(x.effects->count <= removed);
    journal_commit(node, x.effects, x.db);
    notify_tell(node, &node->notify);
    return removed;
}

void call_remove(struct node *node, unsigned db, struct bytes key)
{
    struct bytes words[2] = {BYTES_LITERAL("DEL"), key};
    struct effects *effects = journal_effects(node);
    struct key_ref ref = keyspace_ref(node->data.keyspace, db, key);

    ASSERT(journal_is_open(node));
    effects_begin(effects, (struct bytes){0}, words, 2);
    if (keyspace_remove(node->data.keyspace, &ref)) {
        ASSERT(effects->count == 0);
        effects_add(effects, words, 2);
        journal_commit(node, effects, db);
    }
}

void call_evict(struct node *node, unsigned db, struct bytes key)
{
    struct bytes words[2] = {BYTES_LITERAL("DEL"), key};
    struct effects *effects = journal_effects(node);
    struct key_ref ref = keyspace_ref(node->data.keyspace, db, key);
    bool was_there;

    ASSERT(journal_is_open(node));
    effects_begin(effects, (struct bytes){0}, words, 2);
    was_there = keyspace_remove_evicted(node->data.keyspace, &ref);
    ASSERT(was_there);
    effects_add(effects, words, 2);
    journal_commit(node, effects, db);
    notify_tell(node, &node->notify);
}

void call_flush_all(struct node *node)
{
    struct bytes words[] = {BYTES_LITERAL("FLUSHALL")};
    struct effects *effects = journal_effects(node);

    ASSERT(node->role.is_primary);
    keyspace_flush_all(node->data.keyspace);
    effects_begin(effects, (struct bytes){0}, words, 1);
    effects_add(effects, words, 1);
    journal_commit(node, effects, 0);
}
