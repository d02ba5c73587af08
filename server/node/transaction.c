/* SPDX-License-Identifier: MIT */
#include "node/transaction.h"

#include "base/assert.h"
#include "cluster/route.h"
#include "node/inside.h"
#include "session/queue.h"
#include "spec/slot.h"

void transaction_deinit(struct node *node)
{
    ASSERT(!node->transaction.is_on);
    VEC_DEINIT(&node->transaction.words);
}

/* ---- queueing ------------------------------------------------------------------------------------ */

void transaction_queue(struct request *request)
{
    queue_add(request->session, &(struct queue_request){
                                    .spec = request->spec,
                                    .words = request->args,
                                    .word_count = request->arg_count,
                                    .raw = request->read.raw,
                                    .is_inline = request->read.is_inline,
                                });
    request->session->last_command = request->spec;
    resp_write_simple(request->reply, "QUEUED");
}

void transaction_drop(struct node *node, struct session *s)
{
    if (s->flags & SESSION_IN_MULTI) {
        queue_end(s);
    }
    watching_leave(node, s);
}

/* The error, as it was written, becomes the reason why EXEC does nothing. */
static void abort_because(struct node *node, struct request *request, struct bytes error)
{
    struct buf reason = {0};

    ASSERT(error.len > 3 && error.data[0] == '-');
    buf_append_bytes(&reason, bytes_make(error.data + 1, error.len - 3));
    transaction_drop(node, request->session);
    reply_error(request, "EXECABORT Transaction discarded because of: %s",
                buf_text(&reason) + (bytes_has_prefix(buf_bytes(&reason), "ERR ") ? 4 : 0));
    buf_deinit(&reason);
}

/* Who is told where to ask instead can ask there: that is no reason, but the reply. */
static bool is_about_slots(struct bytes error)
{
    static const char *const words[] = {"-MOVED ", "-ASK ", "-TRYAGAIN ", "-CROSSSLOT ",
                                        "-CLUSTERDOWN "};

    for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
        if (bytes_has_prefix(error, words[i])) {
            return true;
        }
    }
    return false;
}

void transaction_refused(struct node *node, struct request *request, size_t out_before)
{
    struct session *s = request->session;
    struct buf error = {0};

    if (s->flags & (SESSION_HELD | SESSION_CLOSE_NOW)) {
        return; /* it is read again, or never */
    }
    if (request->spec == NULL || request->spec->id != COMMAND_EXEC) {
        if (s->flags & SESSION_IN_MULTI) {
            queue_spoil(s);
        }
        return;
    }
    buf_append_bytes(&error, bytes_from(buf_bytes(&s->output.buf), out_before));
    output_cut(&s->output, s->output.sent > out_before ? s->output.sent : out_before);
    abort_because(node, request, buf_bytes(&error));
    buf_deinit(&error);
    if (UNLIKELY(monitor_is_on(&node->monitors))) {
        monitor_show(node,
                     request); /* of all that is refused, this is shown: it has ended something */
    }
}

/* ---- running ------------------------------------------------------------------------------------- */

/* The item as a request of its own, whose words are borrowed until the next. */
static struct request request_of(struct node *node, const struct request *exec,
                                 const struct queue_item *item)
{
    struct transaction *transaction = &node->transaction;
    const struct queue *queue = exec->session->queue;

    transaction->words.count = 0;
    VEC_RESERVE(&transaction->words, item->word_count);
    queue_words(queue, item, transaction->words.items);
    return (struct request){
        .session = exec->session,
        .spec = item->spec,
        .args = transaction->words.items,
        .arg_count = item->word_count,
        .read = {.word_count = item->word_count,
                 .raw = queue_raw(queue, item),
                 .is_inline = item->is_inline},
        .reply = exec->reply,
        .db = exec->session->db,
    };
}

/* A slot that began to move, or went, since its requests were queued. */
static bool is_routed_plainly(const struct node *node, uint16_t slot)
{
    return node->cluster == NULL || slot == SLOT_NONE ||
           cluster_serves_plainly(node->cluster, slot);
}

/* Would each of them be executed now?  False after an error. */
static bool judge_all(struct node *node, struct request *exec, struct resp_writer *reply)
{
    const struct queue *queue = exec->session->queue;
    bool is_limited = (exec->session->flags & SESSION_LIMITED) != 0;
    uint16_t slot = SLOT_NONE;

    for (size_t i = 0; i < queue->items.count; i++) {
        const struct queue_item *item = &queue->items.items[i];
        bool is_open = gates_are_open_for_all(node, item->spec) && !is_limited;
        struct request request;

        if (LIKELY(is_open) && node->cluster == NULL) {
            continue;
        }
        request = request_of(node, exec, item);
        request.reply = reply;
        if ((node->cluster != NULL && !route_is_of_slot(&request, &slot)) ||
            (!(is_open && is_routed_plainly(node, slot)) && !gates_judge(node, &request))) {
            return false;
        }
    }
    return true;
}

static bool judge(struct node *node, struct request *exec)
{
    struct buf error = {0};
    struct resp_writer reply = {.out = &error, .version = exec->reply->version};
    bool is_fine = judge_all(node, exec, &reply);

    if (is_fine) {
        ASSERT(error.len == 0);
    } else if (is_about_slots(buf_bytes(&error))) {
        transaction_drop(node, exec->session);
        buf_append_bytes(exec->reply->out, buf_bytes(&error));
    } else {
        abort_because(node, exec, buf_bytes(&error));
    }
    buf_deinit(&error);
    return is_fine;
}

static void run_one(struct node *node, struct request *request)
{
    struct session *s = request->session;
    uint64_t end_before = output_end(&s->output);
    size_t out_before = s->output.buf.len;
    int64_t began_ns =
        timing_begin(&node->timing, request->spec->id, request->read.raw.len, request->arg_count);
    int64_t slow_us;

    s->last_command = request->spec;
    s->command_count++;
    counters_command(&node->counters);
    if (request->spec->is_data) {
        call_for_client(node, request, NULL);
    } else {
        node->controls->run[request->spec->id](node, request);
        call_begin_transaction(node);
    }
    ASSERT(!(s->flags & SESSION_HELD));
    if (output_end(&s->output) == end_before) {
        resp_write_null(request->reply); /* CLIENT REPLY, REPLCONF ACK: the client counts replies */
    }
    slow_us = timing_end(&node->timing, request->spec->id, began_ns,
                         bytes_from(buf_bytes(&s->output.buf), out_before));
    if (UNLIKELY(slow_us != TIMING_NONE || s->output.pieces.count > 0)) {
        slow_note_request(node, request, slow_us, out_before);
    }
    if (UNLIKELY(monitor_is_on(&node->monitors))) {
        monitor_show(node, request);
    }
}

/* Did the client lose the right to it within the transaction: by SELECT, AUTH, ACL SETUSER?  Then it was told. */
static bool lost_right(struct node *node, struct request *request)
{
    struct session *s = request->session;
    size_t out_before = s->output.buf.len;

    if ((s->flags & SESSION_LIMITED) == 0 || users_allow(node, request)) {
        return false;
    }
    timing_refused(&node->timing, bytes_from(buf_bytes(&s->output.buf), out_before));
    return true;
}

static void run_watched(struct node *node, struct request *request)
{
    struct hot_watch watch;

    hot_side_begin(node, request->session, true, &watch);
    run_one(node, request);
    hot_side_end(node, request, &watch);
}

static void run_all(struct node *node, struct request *exec)
{
    const struct queue *queue = exec->session->queue;
    bool is_as_judged = true;

    resp_write_array(exec->reply, queue->items.count);
    call_begin_transaction(node);
    for (size_t i = 0; i < queue->items.count; i++) {
        struct request request = request_of(node, exec, &queue->items.items[i]);
        bool is_allowed;

        node->transaction.running = &request;
        is_allowed = is_as_judged || !lost_right(node, &request);
        if (is_allowed && UNLIKELY(hot_side_takes_queued(&node->hot))) {
            run_watched(node, &request);
        } else if (is_allowed) {
            run_one(node, &request);
        }
        node->transaction.running = NULL;
        is_as_judged = is_as_judged && request.spec->is_data;
    }
    call_begin(node);
}

/* Nothing of the reply leaves before all that it tells of is safe. */
static void commit(struct node *node, struct session *s, uint64_t reply_place,
                   uint64_t offset_before)
{
    journal_end(node);
    if (oplog_end(node->journal.log) == offset_before) {
        return;
    }
    journal_note_write(&node->journal, s);
    if (journal_needs_lease(node)) {
        output_bar(&s->output, reply_place, s->last_write_offset, node->pass.number);
        pass_note_write(&node->pass);
    }
}

void transaction_note_slots(struct node *node, uint64_t file_sequence)
{
    struct transaction *transaction = &node->transaction;

    ASSERT(transaction->is_on);
    transaction->changes_slots = true;
    if (transaction->file_sequence < file_sequence) {
        transaction->file_sequence = file_sequence;
    }
}

/* Who is told that slots are given goes on at once, at this node and others: the reply leaves when that is agreed.  One that has to
 * wait for the log as well, or has large values in it, is not kept back for it. */
static void keep_reply(struct node *node, struct session *s, size_t out_before, bool waits_for_log)
{
    struct output *output = &s->output;
    struct bytes reply = bytes_from(buf_bytes(&output->buf), out_before);

    if (waits_for_log || output->pieces.count > 0 || reply.len == 0) {
        return;
    }
    buf_append_bytes(&s->queue->kept, reply);
    output_cut(output, out_before);
    waiting_for_transaction(node, s, node->transaction.file_sequence);
}

/* What tells of keys may tell of a write that replicas, or holders of copies, do not have yet. */
static bool may_wait_for_log(const struct node *node, const struct queue *queue)
{
    return (queue->command_flags & (COMMAND_FLAG_WRITE | COMMAND_FLAG_READONLY)) != 0 &&
           (node->sync_side.is_on || node->lending.is_on);
}

void transaction_run(struct node *node, struct request *request)
{
    struct session *s = request->session;
    uint64_t reply_place = output_end(&s->output);
    size_t out_before = s->output.buf.len;
    uint64_t offset_before = oplog_end(node->journal.log);
    bool is_primary = node->role.is_primary;
    bool waits_for_log = may_wait_for_log(node, s->queue);

    ASSERT(s->flags & SESSION_IN_MULTI);
    if (s->queue->is_spoiled) {
        transaction_drop(node, s);
        reply_error(request, "EXECABORT Transaction discarded because of previous errors.");
        return;
    }
    if (!judge(node, request)) {
        return;
    }
    if (watching_is_broken(node, s)) {
        transaction_drop(node, s);
        resp_write_null_array(request->reply);
        return;
    }
    watching_leave(node, s);
    node->transaction.is_on = true;
    node->transaction.changes_slots = false;
    node->transaction.file_sequence = 0;
    if (is_primary) {
        journal_begin(node);
    }
    run_all(node, request);
    ASSERT(node->role.is_primary == is_primary);
    if (is_primary) {
        commit(node, s, reply_place, offset_before);
    }
    node->transaction.is_on = false;
    queue_end(s);
    if (node->transaction.changes_slots) {
        cluster_side_act(node); /* may make the node another one: behind all that was judged */
        waits_for_log = waits_for_log || oplog_end(node->journal.log) != offset_before;
        keep_reply(node, s, out_before, waits_for_log);
    }
}
