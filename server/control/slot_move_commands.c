/* SPDX-License-Identifier: MIT */
/* CLUSTER subcommands about slots that move by themselves, in the words of both families that have them: MIGRATION is said to the
 * receiver, MIGRATESLOTS to the source; and what the two sides ask each other (node/move_source.h). */
#include "control/answer.h"
#include "control/control.h"
#include "node/inside.h"

#include "base/assert.h"
#include "base/num.h"
#include "base/vec.h"
#include "cluster/range_admin.h"
#include "cluster/report.h"
#include "spec/slot.h"

typedef uint64_t slot_set[BITSET_WORDS(SLOT_COUNT)];

static struct cluster_call call_of(struct node *node, struct errmsg *error)
{
    return (struct cluster_call){
        .now = node->now.mono,
        .actions = cluster_side_actions(node),
        .error = error,
        .has_keys = keyspace_count_all(node->data.keyspace) > 0,
    };
}

/* A pair of words as slots of the set; false after an error reply. */
static bool add_run(struct request *request, const struct bytes *words, uint64_t *slots)
{
    int64_t first;
    int64_t last;

    if (!num_parse_i64(words[0], &first) || !num_parse_i64(words[1], &last) || first < 0 ||
        last < 0 || first >= SLOT_COUNT || last >= SLOT_COUNT) {
        reply_error(request, "ERR Invalid or out of range slot");
        return false;
    }
    if (first > last) {
        reply_error(request, "ERR start slot number %lld is greater than end slot number %lld",
                    (long long)first, (long long)last);
        return false;
    }
    for (int64_t slot = first; slot <= last; slot++) {
        if (bitset_has(slots, (size_t)slot)) {
            reply_error(request, "ERR Slot %lld specified multiple times", (long long)slot);
            return false;
        }
        bitset_add(slots, (size_t)slot);
    }
    return true;
}

/* ---- how far they are ----------------------------------------------------------------------------- */

/* One move as both reports tell of it. */
struct view {
    const struct shard_range *range;
    bool is_import;
    const char *task_state; /* in the words of CLUSTER MIGRATION, */
    const char *job_state;  /* and of CLUSTER GETSLOTMIGRATIONS */
    const char *problem;
    unsigned attempts;
    int64_t began_unix_ms;
    int64_t heard_unix_ms;
    int64_t ended_unix_ms; /* -1: it is not over */
    int64_t held_ms;
    uint64_t bytes;
    uint64_t keys; /* that are here */
};

typedef void view_fn(struct node *node, struct request *request, const struct view *view);

static const char *task_state_of(enum receiver_phase phase)
{
    static const char *const names[RECEIVER_PHASES] = {
        [RECEIVER_AGREEING] = "none",
        [RECEIVER_WAITING] = "connecting",
        [RECEIVER_CONNECTING] = "handshake-reply",
        [RECEIVER_ASKING] = "syncslots-reply",
        [RECEIVER_CLEARING] = "init-rdbchannel",
        [RECEIVER_COPYING] = "accumulate-buffer",
        [RECEIVER_FOLLOWING] = "streaming-buffer",
        [RECEIVER_HOLDING] = "wait-stream-eof",
        [RECEIVER_CONFIRMING] = "wait-stream-eof",
        [RECEIVER_COMMITTING] = "takeover",
        [RECEIVER_TAKING] = "takeover",
        [RECEIVER_CANCELLING] = "canceling",
        [RECEIVER_UNDOING] = "canceling",
        [RECEIVER_DONE] = "completed",
    };

    return names[phase];
}

static const char *job_state_of(enum receiver_phase phase)
{
    static const char *const names[RECEIVER_PHASES] = {
        [RECEIVER_AGREEING] = "waiting-for-ack",      [RECEIVER_WAITING] = "waiting-for-ack",
        [RECEIVER_CONNECTING] = "waiting-for-ack",    [RECEIVER_ASKING] = "waiting-for-ack",
        [RECEIVER_CLEARING] = "cleaning-up",          [RECEIVER_COPYING] = "receiving-snapshot",
        [RECEIVER_FOLLOWING] = "replicating",         [RECEIVER_HOLDING] = "waiting-for-paused",
        [RECEIVER_CONFIRMING] = "waiting-for-paused", [RECEIVER_COMMITTING] = "failover-requested",
        [RECEIVER_TAKING] = "failover-granted",       [RECEIVER_CANCELLING] = "cleaning-up",
        [RECEIVER_UNDOING] = "cleaning-up",           [RECEIVER_DONE] = "success",
    };

    return names[phase];
}

static void view_imports(struct node *node, struct request *request, view_fn *visit)
{
    for (size_t i = 0; i < node->move_side.count; i++) {
        const struct move_import *m = node->move_side.items[i];

        visit(node, request,
              &(struct view){
                  .range = &m->range,
                  .is_import = true,
                  .task_state = task_state_of(m->receiver.phase),
                  .job_state = job_state_of(m->receiver.phase),
                  .problem = m->receiver.problem.text,
                  .attempts = m->receiver.attempts,
                  .began_unix_ms = m->began_unix_ms,
                  .heard_unix_ms = m->heard_unix_ms,
                  .ended_unix_ms = -1,
                  .bytes = m->receiver.received_bytes,
                  .keys = move_side_key_count(node, &m->range),
              });
    }
}

static const char *job_state_of_giver(enum giver_phase phase)
{
    static const char *const names[GIVER_PHASES] = {
        [GIVER_TURN] = "waiting-to-snapshot", [GIVER_IMAGE] = "snapshotting",
        [GIVER_LOG] = "replicating",          [GIVER_HOLDING] = "waiting-to-pause",
        [GIVER_HELD] = "failover-paused",     [GIVER_GIVEN] = "failover-granted",
    };

    return names[phase];
}

static const char *task_state_of_giver(enum giver_phase phase)
{
    static const char *const names[GIVER_PHASES] = {
        [GIVER_TURN] = "wait-bgsave-start", [GIVER_IMAGE] = "send-bulk-and-stream",
        [GIVER_LOG] = "send-stream",        [GIVER_HOLDING] = "handoff-prep",
        [GIVER_HELD] = "handoff",           [GIVER_GIVEN] = "stream-eof",
    };

    return names[phase];
}

static void view_attempts(struct node *node, struct request *request, view_fn *visit)
{
    for (size_t i = 0; i < node->move_source.count; i++) {
        const struct move_attempt *a = node->move_source.items[i];

        if (a->is_withdrawn) {
            continue; /* among the reports */
        }
        visit(node, request,
              &(struct view){
                  .range = &a->range,
                  .task_state = task_state_of_giver(a->giver.phase),
                  .job_state = job_state_of_giver(a->giver.phase),
                  .problem = a->problem.text,
                  .attempts = 1,
                  .began_unix_ms = a->began_unix_ms,
                  .heard_unix_ms =
                      node->now.unix_ms - mono_ms_between(a->giver.heard_at, node->now.mono),
                  .ended_unix_ms = -1,
                  .bytes = a->sent_bytes,
                  .keys = move_side_key_count(node, &a->range),
              });
    }
}

/* Those that we ask for and nobody fetches just now, and those whose keys are still to go. */
static void view_ranges(struct node *node, struct request *request, view_fn *visit)
{
    for (size_t i = 0; i < cluster_range_count(node->cluster); i++) {
        struct cluster_range_view range;
        bool is_given;

        cluster_range_at(node->cluster, i, &range);
        is_given = range.range->kind == SHARD_RANGE_GIVEN;
        if (shard_range_is_import(range.range) ||
            move_source_find(node, &range.range->id) != NULL) {
            continue;
        }
        visit(node, request,
              &(struct view){
                  .range = range.range,
                  .task_state = is_given ? "stream-eof" : "none",
                  .job_state = is_given ? "failover-granted" : "connecting",
                  .problem = !is_given && range.is_peer_down ? MOVE_SOURCE_NOBODY : "",
                  .began_unix_ms = -1,
                  .heard_unix_ms = -1,
                  .ended_unix_ms = -1,
                  .keys = move_side_key_count(node, range.range),
              });
    }
}

static void view_reports(struct node *node, struct request *request, bool is_import,
                         const struct move_reports *reports, view_fn *visit)
{
    for (size_t i = 0; i < move_reports_kept(reports); i++) {
        const struct move_report *report = move_reports_at(reports, i);
        bool is_fine = report->outcome == RECEIVER_SUCCEEDED;
        bool is_failed = report->outcome == RECEIVER_FAILED;

        visit(node, request,
              &(struct view){
                  .range = &report->range,
                  .is_import = is_import,
                  .task_state = is_fine ? "completed" : (is_failed ? "failed" : "canceled"),
                  .job_state = is_fine ? "success" : (is_failed ? "failed" : "cancelled"),
                  .problem = is_fine ? "" : report->problem.text,
                  .attempts = report->attempts,
                  .began_unix_ms = report->began_unix_ms,
                  .heard_unix_ms = report->ended_unix_ms,
                  .ended_unix_ms = report->ended_unix_ms,
                  .held_ms = report->held_ms,
                  .bytes = report->bytes,
                  .keys = move_side_key_count(node, &report->range),
              });
    }
}

static void view_all(struct node *node, struct request *request, view_fn *visit)
{
    view_imports(node, request, visit);
    view_attempts(node, request, visit);
    view_ranges(node, request, visit);
    view_reports(node, request, true, &node->move_side.reports, visit);
    view_reports(node, request, false, &node->move_source.reports, visit);
}

/* What is shown, gathered before its number is known. */
struct listing {
    struct buf text;
    struct resp_writer writer;
    struct bytes id; /* empty: all */
    size_t count;
};

static const char *source_of(const struct node *node, const struct view *view)
{
    return view->is_import ? view->range->node.text : cluster_my_id(node->cluster)->text;
}

static const char *target_of(const struct node *node, const struct view *view)
{
    return view->is_import ? cluster_my_id(node->cluster)->text : view->range->node.text;
}

static void write_slots(struct resp_writer *w, const struct shard_range *range)
{
    struct buf text = {0};

    shard_range_format(range, &text);
    resp_write_bulk(w, buf_bytes(&text));
    buf_deinit(&text);
}

static void write_pair(struct resp_writer *w, const char *name, const char *value)
{
    resp_write_bulk_text(w, name);
    resp_write_bulk_text(w, value);
}

static void write_number(struct resp_writer *w, const char *name, int64_t value)
{
    resp_write_bulk_text(w, name);
    resp_write_integer(w, value);
}

static void write_task(struct resp_writer *w, const struct node *node, const struct view *view)
{
    resp_write_map(w, 14);
    write_pair(w, "id", view->range->id.text);
    resp_write_bulk_text(w, "slots");
    write_slots(w, view->range);
    write_pair(w, "source", source_of(node, view));
    write_pair(w, "dest", target_of(node, view));
    write_pair(w, "operation", view->is_import ? "import" : "migrate");
    write_pair(w, "state", view->task_state);
    write_pair(w, "last_error", view->problem);
    write_number(w, "retries", view->attempts > 0 ? (int64_t)view->attempts - 1 : 0);
    write_number(w, "create_time", view->began_unix_ms);
    write_number(w, "start_time", view->began_unix_ms);
    write_number(w, "end_time", view->ended_unix_ms);
    write_number(w, "write_pause_ms", view->held_ms);
    write_number(w, "keys", (int64_t)view->keys);
    write_number(w, "bytes", (int64_t)view->bytes);
}

static void write_job(struct resp_writer *w, const struct node *node, const struct view *view)
{
    resp_write_map(w, 13);
    write_pair(w, "name", view->range->id.text);
    write_pair(w, "operation", view->is_import ? "IMPORT" : "EXPORT");
    resp_write_bulk_text(w, "slot_ranges");
    write_slots(w, view->range);
    write_pair(w, "target_node", target_of(node, view));
    write_pair(w, "source_node", source_of(node, view));
    write_number(w, "create_time", view->began_unix_ms / 1000);
    write_number(w, "last_update_time", view->heard_unix_ms / 1000);
    write_number(w, "last_ack_time", view->heard_unix_ms / 1000);
    write_pair(w, "state", view->job_state);
    write_pair(w, "message", view->problem);
    write_number(w, "cow_size", 0);
    write_number(w, "keys", (int64_t)view->keys);
    write_number(w, "bytes", (int64_t)view->bytes);
}

static struct listing *listing_of(struct request *request)
{
    return CONTAINER_OF(request->reply, struct listing, writer);
}

static void list_task(struct node *node, struct request *request, const struct view *view)
{
    struct listing *listing = listing_of(request);

    if (listing->id.len == 0 || bytes_equal_text(listing->id, view->range->id.text)) {
        write_task(&listing->writer, node, view);
        listing->count++;
    }
}

static void list_job(struct node *node, struct request *request, const struct view *view)
{
    struct listing *listing = listing_of(request);

    write_job(&listing->writer, node, view);
    listing->count++;
}

static void write_all(struct node *node, struct request *request, struct bytes id, view_fn *visit)
{
    struct listing listing = {.id = id};
    struct request inner = *request;

    listing.writer = (struct resp_writer){.out = &listing.text, .version = request->reply->version};
    inner.reply = &listing.writer;
    view_all(node, &inner, visit);
    resp_write_array(request->reply, listing.count);
    buf_append_bytes(request->reply->out, buf_bytes(&listing.text));
    buf_deinit(&listing.text);
}

/* ---- MIGRATION ------------------------------------------------------------------------------------ */

static void answer_id(struct request *request, const struct cluster_id *id)
{
    resp_write_bulk_text(request->reply, id->text);
}

static bool has_keys_of(const struct node *node, const uint64_t *slots)
{
    for (size_t slot = bitset_next(slots, SLOT_COUNT, 0, true); slot < SLOT_COUNT;
         slot = bitset_next(slots, SLOT_COUNT, slot + 1, true)) {
        if (keyspace_slot_count(node->data.keyspace, (unsigned)slot) > 0) {
            return true;
        }
    }
    return false;
}

static void import(struct node *node, struct request *request)
{
    struct errmsg error = {0};
    struct cluster_call call = call_of(node, &error);
    struct cluster_id id = {0};
    slot_set slots = {0};

    if (request->arg_count < 5 || request->arg_count % 2 == 0) {
        reply_sub_misused(request);
        return;
    }
    for (size_t i = 3; i < request->arg_count; i += 2) {
        if (!add_run(request, request->args + i, slots)) {
            return;
        }
    }
    if (!node->role.is_primary) {
        reply_error(request, "ERR slot migration not allowed on replica.");
        return;
    }
    call.has_keys = has_keys_of(node, slots);
    if (!cluster_import_slots(node->cluster, &call, slots, &id)) {
        cluster_side_act(node);
        reply_error(request, "ERR %s", error.text);
        return;
    }
    cluster_side_act(node);
    pass_note_work(&node->pass);
    answer_id(request, &id);
}

/* As its source: whoever was to have what we gave is gone before it took that. */
static bool take_back(struct node *node, const struct cluster_id *id, struct errmsg *error)
{
    struct cluster_call call = call_of(node, error);
    bool is_done = cluster_take_back_range(node->cluster, &call, id);

    if (is_done) {
        cluster_side_act(node);
        pass_note_work(&node->pass);
    }
    return is_done;
}

/* All that were given and can be taken back; *given: so many cannot, and the last reason why. */
static size_t take_back_all(struct node *node, size_t *given, struct errmsg *error)
{
    size_t count = 0;

    for (size_t i = cluster_range_count(node->cluster); i-- > 0;) {
        struct cluster_range_view view;
        struct cluster_id id;

        cluster_range_at(node->cluster, i, &view);
        id = view.range->id;
        if (view.range->kind != SHARD_RANGE_GIVEN) {
            continue;
        }
        if (take_back(node, &id, error)) {
            count++;
        } else {
            (*given)++;
        }
    }
    return count;
}

static size_t cancel_all(struct node *node)
{
    struct errmsg ignored = {0};
    size_t given = 0;
    size_t count = take_back_all(node, &given, &ignored);

    for (size_t i = 0; i < node->move_side.count; i++) {
        count += move_side_cancel(node, &node->move_side.items[i]->range.id);
    }
    return count;
}

static void cancel(struct node *node, struct request *request, struct bytes id_text)
{
    struct errmsg ignored = {0};
    struct cluster_id id;

    if (id_text.len == 0) {
        resp_write_integer(request->reply, (int64_t)cancel_all(node));
    } else {
        resp_write_integer(request->reply,
                           cluster_id_parse(id_text, &id) &&
                               (move_side_cancel(node, &id) || take_back(node, &id, &ignored)));
    }
}

void control_cluster_migration(struct node *node, struct request *request)
{
    const struct bytes *args = request->args;
    bool is_status = bytes_equal_nocase(args[2], "STATUS");
    struct bytes id = {0};

    if (!answer_has_cluster(node, request)) {
        return;
    }
    if (bytes_equal_nocase(args[2], "IMPORT")) {
        import(node, request);
        return;
    }
    if (!is_status && !bytes_equal_nocase(args[2], "CANCEL")) {
        reply_sub_misused(request);
        return;
    }
    if (request->arg_count == 5 && bytes_equal_nocase(args[3], "ID") && args[4].len > 0) {
        id = args[4];
    } else if (request->arg_count != 4 || !bytes_equal_nocase(args[3], "ALL")) {
        reply_sub_misused(request);
        return;
    }
    if (is_status) {
        write_all(node, request, id, list_task);
    } else {
        cancel(node, request, id);
    }
}

/* ---- MIGRATESLOTS --------------------------------------------------------------------------------- */

/* SLOTSRANGE a b ... NODE id, from word *at on, which is then behind it; false after an error reply. */
static bool read_job(struct request *request, size_t *at, uint64_t *slots, struct bytes *target)
{
    const struct bytes *args = request->args;
    size_t i = *at;

    if (!bytes_equal_nocase(args[i++], "SLOTSRANGE")) {
        reply_error(request, "ERR syntax error");
        return false;
    }
    while (i + 1 < request->arg_count && !bytes_equal_nocase(args[i], "NODE")) {
        if (!add_run(request, args + i, slots)) {
            return false;
        }
        i += 2;
    }
    if (i + 1 >= request->arg_count || bitset_count(slots, BITSET_WORDS(SLOT_COUNT)) == 0) {
        reply_error(request, "ERR syntax error");
        return false;
    }
    *target = args[i + 1];
    *at = i + 2;
    return true;
}

static bool begin_job(struct node *node, struct request *request, size_t *at, struct cluster_id *id)
{
    struct errmsg error = {0};
    struct cluster_call call = call_of(node, &error);
    slot_set slots = {0};
    const struct move_attempt *attempt;
    struct bytes target;

    if (!read_job(request, at, slots, &target)) {
        return false;
    }
    /* Each would keep the other from its end. */
    attempt = move_source_of_slots(node, slots);
    if (attempt != NULL) {
        reply_error(request, "ERR Slots are being fetched by node %s already, move %s",
                    attempt->range.node.text, attempt->range.id.text);
        return false;
    }
    if (!cluster_export_slots(node->cluster, &call, slots, target, id)) {
        reply_error(request, "ERR %s", error.text);
        return false;
    }
    return true;
}

/* All jobs or none: nothing begins before all are in order. */
static bool begin_jobs(struct node *node, struct request *request)
{
    struct errmsg ignored = {0};
    struct cluster_call call = call_of(node, &ignored);
    VEC(struct cluster_id) begun = {0};
    bool is_ok = true;

    for (size_t at = 2; is_ok && at < request->arg_count;) {
        struct cluster_id id;

        is_ok = begin_job(node, request, &at, &id);
        if (is_ok) {
            VEC_PUSH(&begun, id);
        }
    }
    for (size_t i = 0; !is_ok && i < begun.count; i++) {
        cluster_drop_export(node->cluster, &begun.items[i]);
    }
    VEC_DEINIT(&begun);
    if (is_ok) {
        cluster_begin_exports(node->cluster, &call);
        cluster_side_act(node);
    }
    return is_ok;
}

void control_cluster_migrateslots(struct node *node, struct request *request)
{
    if (answer_has_cluster(node, request) && begin_jobs(node, request)) {
        resp_write_ok(request->reply);
    }
}

void control_cluster_getslotmigrations(struct node *node, struct request *request)
{
    if (answer_has_cluster(node, request)) {
        write_all(node, request, (struct bytes){0}, list_job);
    }
}

void control_cluster_cancelslotmigrations(struct node *node, struct request *request)
{
    struct errmsg why = {0};
    size_t count = 0;
    size_t given = 0;

    if (!answer_has_cluster(node, request)) {
        return;
    }
    count += take_back_all(node, &given, &why);
    for (size_t i = cluster_range_count(node->cluster); i-- > 0;) {
        struct errmsg error = {0};
        struct cluster_call call = call_of(node, &error);
        struct cluster_range_view view;
        struct shard_range range;

        cluster_range_at(node->cluster, i, &view);
        range = *view.range;
        if (range.kind == SHARD_RANGE_OUT && cluster_end_range(node->cluster, &call, &range.id)) {
            cluster_side_act(node);
            move_source_withdraw(node, &range);
            count++;
        }
    }
    if (count > 0) {
        resp_write_ok(request->reply);
    } else if (given > 0) {
        reply_error(request, "ERR Too late to cancel: the slots were given to their new owner (%s)",
                    why.text);
    } else {
        reply_error(request, "ERR No migrations ongoing");
    }
}

/* ---- SYNCSLOTS ------------------------------------------------------------------------------------ */

/* "first-last" */
static bool add_run_word(struct bytes word, uint64_t *slots)
{
    size_t dash = bytes_find_byte(word, '-');
    int64_t first;
    int64_t last;

    if (dash == SIZE_MAX || !num_parse_i64(bytes_prefix(word, dash), &first) ||
        !num_parse_i64(bytes_from(word, dash + 1), &last) || first < 0 || last < first ||
        last >= SLOT_COUNT) {
        return false;
    }
    for (int64_t slot = first; slot <= last; slot++) {
        bitset_add(slots, (size_t)slot);
    }
    return true;
}

static void begin(struct node *node, struct request *request, const struct cluster_id *id)
{
    slot_set slots = {0};

    for (size_t i = 4; i < request->arg_count; i++) {
        if (!add_run_word(request->args[i], slots)) {
            reply_error(request, "NEVER these are no slots");
            return;
        }
    }
    move_source_begin(node, request, id, slots);
}

void control_cluster_syncslots(struct node *node, struct request *request)
{
    static const struct {
        const char *word;
        void (*run)(struct node *node, struct request *request, const struct cluster_id *id);
    } forms[] = {
        {"BEGIN",  begin             },
        {"NEXT",   move_source_next  },
        {"HOLD",   move_source_hold  },
        {"COMMIT", move_source_commit},
        {"CANCEL", move_source_cancel},
    };
    struct cluster_id id;

    if (!answer_has_cluster(node, request) || !move_source_knows(request)) {
        return;
    }
    if (!cluster_id_parse(request->args[3], &id)) {
        reply_error(request, "NEVER that is no move");
        return;
    }
    for (size_t i = 0; i < ARRAY_COUNT(forms); i++) {
        if (bytes_equal_nocase(request->args[2], forms[i].word)) {
            forms[i].run(node, request, &id);
            return;
        }
    }
    reply_sub_misused(request);
}
