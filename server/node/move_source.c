/* SPDX-License-Identifier: MIT */
#include "node/move_source.h"

#include "base/assert.h"
#include "base/mem.h"
#include "cluster/range_admin.h"
#include "node/inside.h"

enum {
    ANSWER_BYTES = 64 * 1024, /* of requests in an answer, about */
    LOG_BYTES = 256 * 1024,   /* of the log looked through for one, at most */
    READS_MAX = 4,            /* from disk, for one */
    SILENT_MS_MIN = 10000,
};

static struct move_attempt *find(const struct node *node, const struct cluster_id *id)
{
    for (size_t i = 0; i < node->move_source.count; i++) {
        if (cluster_id_equal(&node->move_source.items[i]->range.id, id)) {
            return node->move_source.items[i];
        }
    }
    return NULL;
}

const struct move_attempt *move_source_find(const struct node *node, const struct cluster_id *id)
{
    return find(node, id);
}

/* Whoever waited for writes to be held no longer is read again: it is told where the slots are, or goes on. */
static void sum_up_holds(struct node *node)
{
    struct move_source *source = &node->move_source;
    bool was_holding = source->is_holding;

    memset(source->held, 0, sizeof(source->held));
    source->is_holding = false;
    for (size_t i = 0; i < source->count; i++) {
        if (giver_holds(&source->items[i]->giver)) {
            source->is_holding = true;
            shard_range_add_to(&source->items[i]->range, source->held);
        }
    }
    if (was_holding) {
        waiting_on_moving(node);
        pass_note_work(&node->pass);
    }
}

static void note_hold_over(struct node *node, const struct move_attempt *a)
{
    int64_t held_us = node->now.mono.us - a->held_at.us;

    node->move_source.held_us += held_us;
    if (held_us > node->move_source.longest_held_us) {
        node->move_source.longest_held_us = held_us;
    }
}

static void step(struct node *node, struct move_attempt *a, enum giver_event event, bool *is_done)
{
    bool was_holding = giver_holds(&a->giver);

    *is_done = giver_step(&a->giver, node->now.mono, event);
    if (was_holding && !giver_holds(&a->giver)) {
        note_hold_over(node, a);
    }
    if (was_holding != giver_holds(&a->giver)) {
        sum_up_holds(node);
    }
}

static void remove_attempt(struct node *node, struct move_attempt *a)
{
    struct move_source *source = &node->move_source;
    bool was_holding = giver_holds(&a->giver);
    size_t at = 0;

    while (at < source->count && source->items[at] != a) {
        at++;
    }
    ASSERT(at < source->count);
    source->items[at] = source->items[--source->count];
    if (node->move_image.owner == a) {
        move_image_cancel(node);
    }
    disk_feed_close(&a->disk);
    filter_deinit(&a->filter);
    mem_free(MEM_NODE, a);
    if (was_holding) {
        sum_up_holds(node);
    }
}

static void break_attempt(struct node *node, struct move_attempt *a, const char *reason)
{
    bool was_holding = giver_holds(&a->giver);

    a->is_broken = true;
    errmsg_set(&a->problem, "%s", reason);
    if (node->move_image.owner == a) {
        move_image_cancel(node);
    }
    disk_feed_close(&a->disk);
    giver_init(&a->giver, node->now.mono);
    if (was_holding) {
        note_hold_over(node, a);
        sum_up_holds(node);
    }
}

/* ---- beginning and ending ---------------------------------------------------------------------- */

bool move_source_knows(struct request *request)
{
    if (!replicas_is_peer(request->session)) {
        reply_error(request, "NEVER it was not proven that the receiver is a node of this cluster");
        return false;
    }
    return true;
}

static struct cluster_call call_of(struct node *node, struct errmsg *error)
{
    return (struct cluster_call){
        .now = node->now.mono, .actions = cluster_side_actions(node), .error = error};
}

static void report(struct node *node, const struct move_attempt *a, enum receiver_outcome outcome)
{
    const struct move_report over = {
        .range = a->range,
        .outcome = outcome,
        .problem = a->problem,
        .began_unix_ms = a->began_unix_ms,
        .ended_unix_ms = node->now.unix_ms,
        .bytes = a->sent_bytes,
        .attempts = 1,
        .held_ms = a->held_at.us > 0 ? mono_ms_between(a->held_at, node->now.mono) : 0,
    };

    move_reports_add(&node->move_source.reports, &over);
}

static struct move_attempt *add(struct node *node, struct session *s)
{
    struct move_source *source = &node->move_source;
    struct move_attempt *a = mem_alloc_zeroed(MEM_NODE, sizeof(*a));

    ASSERT(source->count < SHARD_RANGES_MAX);
    a->session = s;
    a->began_unix_ms = node->now.unix_ms;
    giver_init(&a->giver, node->now.mono);
    source->items[source->count++] = a;
    pass_note_work(&node->pass);
    return a;
}

const struct move_attempt *move_source_of_slots(const struct node *node, const uint64_t *slots)
{
    for (size_t i = 0; i < node->move_source.count; i++) {
        const struct move_attempt *a = node->move_source.items[i];

        for (size_t word = 0; !a->is_withdrawn && word < BITSET_WORDS(SLOT_COUNT); word++) {
            if ((a->slots[word] & slots[word]) != 0) {
                return a;
            }
        }
    }
    return NULL;
}

void move_source_begin(struct node *node, struct request *request, const struct cluster_id *id,
                       const uint64_t *slots)
{
    struct errmsg error = {0};
    struct cluster_call call = call_of(node, &error);
    struct move_attempt *a = find(node, id);
    struct shard_range range;

    if (cluster_has_given(node->cluster, id)) {
        reply_error(request, "GIVEN");
        return;
    }
    if (a != NULL) {
        remove_attempt(node, a); /* the receiver has lost that connection, or has another primary */
    }
    move_source_session_closed(node, request->session);
    if (!cluster_check_giving(node->cluster, &call, id,
                              &request->session->feed->introduction.replica, slots, &range)) {
        bool is_final = node->role.is_primary && cluster_has_lease(node->cluster, node->now.mono);

        reply_error(request, "%s %s", is_final ? "NEVER" : "LATER", error.text);
        return;
    }
    if (node->move_source.count == SHARD_RANGES_MAX || move_source_of_slots(node, slots) != NULL) {
        reply_error(request, "LATER these slots, or too many others, are being fetched by another");
        return;
    }
    a = add(node, request->session);
    a->range = range;
    memcpy(a->slots, slots, sizeof(a->slots));
    filter_init(&a->filter, a->slots);
    node_log(node, LOG_NOTICE, "node %s fetches %zu slots, move %s", range.node.text,
             shard_range_slot_count(&range), range.id.text);
    resp_write_simple(request->reply, "YES");
}

void move_source_cancel(struct node *node, struct request *request, const struct cluster_id *id)
{
    struct errmsg error = {0};
    struct cluster_call call = call_of(node, &error);
    struct move_attempt *a = find(node, id);

    if (cluster_has_given(node->cluster, id)) {
        reply_error(request, "GIVEN");
        return;
    }
    if (!node->role.is_primary || !cluster_has_lease(node->cluster, node->now.mono)) {
        reply_error(request, "LATER this node does not serve as a primary just now");
        return;
    }
    if (a != NULL) {
        if (!a->is_withdrawn) {
            report(node, a, RECEIVER_CANCELLED);
        }
        remove_attempt(node, a);
    }
    if (cluster_end_range(node->cluster, &call, id)) {
        cluster_side_act(node);
        node_log(node, LOG_NOTICE, "move %s is given up by its receiver", id->text);
    }
    /* The receiver forgets the move then, and would not heed who takes over here and asks for it still. */
    if (!cluster_has_ended(node->cluster, id)) {
        reply_error(request, "LATER that the move is given up is not agreed yet");
        return;
    }
    resp_write_simple(request->reply, "YES");
}

void move_source_withdraw(struct node *node, const struct shard_range *range)
{
    static const char why[] = "the move was cancelled";
    struct move_attempt *a = find(node, &range->id);

    if (a == NULL) {
        struct move_report over = {.range = *range,
                                   .outcome = RECEIVER_CANCELLED,
                                   .began_unix_ms = -1,
                                   .ended_unix_ms = node->now.unix_ms};

        errmsg_set(&over.problem, "%s", why);
        move_reports_add(&node->move_source.reports, &over);
        return;
    }
    if (!a->is_broken) {
        break_attempt(node, a, why);
    }
    if (!a->is_withdrawn) {
        a->is_withdrawn = true; /* stays until the receiver has been told, whenever it asks */
        report(node, a, RECEIVER_CANCELLED);
    }
}

void move_source_session_closed(struct node *node, struct session *s)
{
    for (size_t i = node->move_source.count; i-- > 0;) {
        if (node->move_source.items[i]->session == s) {
            remove_attempt(node, node->move_source.items[i]);
        }
    }
}

void move_source_deinit(struct node *node)
{
    while (node->move_source.count > 0) {
        remove_attempt(node, node->move_source.items[0]);
    }
}

/* ---- what is sent ------------------------------------------------------------------------------ */

bool move_source_start_image_when_wanted(struct node *node)
{
    for (size_t i = 0; i < node->move_source.count; i++) {
        struct move_attempt *a = node->move_source.items[i];
        bool is_begun;

        if (a->giver.phase == GIVER_TURN && !a->is_broken) {
            ASSERT(!node->journal.is_in_transaction);
            a->cursor = oplog_end(node->journal.log);
            move_image_begin(node, a, a->slots);
            step(node, a, GIVER_EVENT_WALK_BEGUN, &is_begun);
            ASSERT(is_begun);
            return true;
        }
    }
    return false;
}

static bool read_log(struct node *node, struct move_attempt *a, size_t max, struct bytes *piece)
{
    struct errmsg error = {0};

    if (a->cursor >= oplog_start(node->journal.log)) {
        disk_feed_close(&a->disk);
        return oplog_read(node->journal.log, a->cursor, max, piece) == OPLOG_OK;
    }
    if (disk_feed_read(node, &a->disk, a->cursor, piece, &error)) {
        return true;
    }
    break_attempt(node, a, error.text);
    return false;
}

/* Look through more of the log. */
static void read_on(struct node *node, struct move_attempt *a, struct buf *out)
{
    size_t looked = 0;

    for (int reads = 0; out->len < ANSWER_BYTES && looked < LOG_BYTES && reads < READS_MAX;
         reads++) {
        struct errmsg error = {0};
        struct bytes piece;

        if (!read_log(node, a, LOG_BYTES - looked, &piece)) {
            return;
        }
        if (piece.len == 0 && a->cursor == oplog_end(node->journal.log)) {
            break;
        }
        looked += piece.len;
        a->cursor += piece.len;
        switch (filter_take(&a->filter, piece, out, &error)) {
        case FILTER_OK:
            break;
        case FILTER_FLUSHED:
            break_attempt(node, a, "everything was removed here meanwhile");
            return;
        case FILTER_ERROR:
            break_attempt(node, a, error.text);
            return;
        }
    }
    if (a->giver.phase == GIVER_HOLDING && a->cursor >= a->hold_end) {
        bool is_out;

        step(node, a, GIVER_EVENT_LOG_OUT, &is_out);
    }
}

static void produce(struct node *node, struct move_attempt *a, struct buf *out)
{
    bool is_done;

    switch (a->giver.phase) {
    case GIVER_TURN:
    case GIVER_GIVEN:
    case GIVER_PHASES:
        break;
    case GIVER_IMAGE:
        if (node->move_image.owner != a) {
            break_attempt(node, a, "the image was given up"); /* the data were replaced */
            break;
        }
        if (move_image_read(node, ANSWER_BYTES, out)) {
            step(node, a, GIVER_EVENT_IMAGE_OUT, &is_done);
            ASSERT(is_done);
        }
        break;
    case GIVER_LOG:
    case GIVER_HOLDING:
    case GIVER_HELD:
        read_on(node, a, out);
        break;
    }
}

static const char *stage_name(const struct move_attempt *a, enum giver_phase before)
{
    if (a->giver.phase == GIVER_HELD) {
        return "END";
    }
    if (before == GIVER_TURN) {
        return "TURN";
    }
    return before == GIVER_IMAGE ? "IMAGE" : "LOG";
}

static void answer(struct node *node, struct request *request, struct move_attempt *a)
{
    enum giver_phase before = a->giver.phase;
    struct buf out = {0};

    if (!a->is_broken) {
        produce(node, a, &out);
    }
    if (a->is_broken) {
        reply_error(request, "LATER %s", a->problem.text);
        remove_attempt(node, a);
    } else {
        uint64_t behind = a->giver.phase < GIVER_LOG ? 0 : oplog_end(node->journal.log) - a->cursor;

        resp_write_array(request->reply, 3);
        resp_write_simple(request->reply, stage_name(a, before));
        resp_write_integer(request->reply, (int64_t)behind);
        resp_write_bulk(request->reply, buf_bytes(&out));
        a->sent_bytes += out.len;
        node->move_source.sent_bytes += out.len;
    }
    buf_deinit(&out);
}

/* Its attempt, which this connection has begun; else it was told that there is none. */
static struct move_attempt *get(struct node *node, struct request *request,
                                const struct cluster_id *id)
{
    struct move_attempt *a = find(node, id);

    if (a == NULL || a->session != request->session) {
        reply_error(request, "LATER no such move is under way on this connection");
        return NULL;
    }
    return a;
}

void move_source_next(struct node *node, struct request *request, const struct cluster_id *id)
{
    struct move_attempt *a = get(node, request, id);
    bool is_heard;

    if (a != NULL) {
        step(node, a, GIVER_EVENT_NEXT, &is_heard);
        answer(node, request, a);
    }
}

/* Why writes cannot be held just now, or NULL. */
static const char *reason_not_to_hold(const struct node *node)
{
    if (migrate_is_moving(node)) {
        return "keys are on their way to another server by MIGRATE";
    }
    if (node->pauses.scope != PAUSE_NOTHING || cluster_is_handing_over(node->cluster)) {
        return "clients are paused";
    }
    if (!journal_is_open(node)) {
        return "this node does not serve as a primary just now";
    }
    return NULL;
}

void move_source_hold(struct node *node, struct request *request, const struct cluster_id *id)
{
    struct move_attempt *a = get(node, request, id);
    const char *reason = reason_not_to_hold(node);
    bool is_held;

    if (a == NULL) {
        return;
    }
    if (reason != NULL) {
        reply_error(request, "LATER %s", reason);
        return;
    }
    step(node, a, GIVER_EVENT_HOLD, &is_held);
    if (!is_held) {
        reply_error(request, "LATER writes cannot be held before everything else was sent");
        return;
    }
    a->held_at = node->now.mono;
    a->hold_end = oplog_end(node->journal.log);
    answer(node, request, a);
}

void move_source_commit(struct node *node, struct request *request, const struct cluster_id *id)
{
    struct errmsg error = {0};
    struct cluster_call call = call_of(node, &error);
    struct move_attempt *a;

    if (cluster_has_given(node->cluster, id)) {
        reply_error(request, "GIVEN");
        return;
    }
    a = get(node, request, id);
    if (a == NULL) {
        return;
    }
    if (a->giver.phase != GIVER_HELD || mono_is_due(a->giver.hold_until, node->now.mono)) {
        reply_error(request, "LATER writes are not held any more");
        return;
    }
    if (!cluster_give_range(node->cluster, &call, &a->range)) {
        reply_error(request, "LATER %s", error.text);
        return;
    }
    node_log(node, LOG_NOTICE, "%zu slots are given to shard %s, move %s: writes were held %lld ms",
             shard_range_slot_count(&a->range), a->range.shard.text, a->range.id.text,
             (long long)mono_ms_between(a->held_at, node->now.mono));
    note_hold_over(node, a);
    node->move_source.given++;
    report(node, a, RECEIVER_SUCCEEDED);
    remove_attempt(node, a);
    cluster_side_act(node);
    reply_error(request, "GIVEN");
}

/* ---- who has to wait ----------------------------------------------------------------------------- */

static bool is_held(const void *context, struct bytes key)
{
    const struct node *node = context;

    return bitset_has(node->move_source.held, slot_of_key(key));
}

bool move_source_is_in_the_way(const struct node *node, const struct request *request)
{
    return request_would_change(request, is_held, node);
}

static struct mono_time asked_since(const struct node *node, const struct cluster_id *id)
{
    for (size_t i = 0; i < node->move_source.ask_count; i++) {
        if (cluster_id_equal(&node->move_source.asks[i].id, id)) {
            return node->move_source.asks[i].since;
        }
    }
    return node->now.mono;
}

static void withdraw(struct node *node, const struct shard_range *range)
{
    struct errmsg error = {0};
    struct cluster_call call = call_of(node, &error);
    struct move_report over = {
        .range = *range,
        .outcome = RECEIVER_FAILED,
        .began_unix_ms = -1,
        .ended_unix_ms = node->now.unix_ms,
    };

    errmsg_set(&over.problem, "%s", MOVE_SOURCE_NOBODY);
    if (cluster_end_range(node->cluster, &call, &over.range.id)) {
        cluster_side_act(node);
        move_reports_add(&node->move_source.reports, &over);
        node_log(node, LOG_WARNING, "move %s is given up: %s", over.range.id.text,
                 MOVE_SOURCE_NOBODY);
    }
}

/* What we ask for and nobody could fetch, since when; one that has waited too long is given up. */
static void look_at_asks(struct node *node)
{
    struct move_source *source = &node->move_source;
    struct move_ask asks[SHARD_RANGES_MAX] = {{.since = {0}}};
    struct shard_range hopeless;
    bool is_any_hopeless = false;
    size_t count = 0;

    for (size_t i = 0; i < cluster_range_count(node->cluster); i++) {
        struct cluster_range_view view;

        cluster_range_at(node->cluster, i, &view);
        if (view.range->kind != SHARD_RANGE_OUT || !view.is_peer_down ||
            find(node, &view.range->id) != NULL) {
            continue;
        }
        asks[count] =
            (struct move_ask){.id = view.range->id, .since = asked_since(node, &view.range->id)};
        if (mono_ms_between(asks[count++].since, node->now.mono) >
            node->config.repl_timeout_s * 1000) {
            hopeless = *view.range;
            is_any_hopeless = true;
        }
    }
    memcpy(source->asks, asks, count * sizeof(asks[0]));
    source->ask_count = count;
    if (is_any_hopeless) {
        withdraw(node, &hopeless); /* others with the next tick */
    }
}

void move_source_tick(struct node *node)
{
    int64_t silent_ms = node->config.repl_timeout_s * 1000;
    bool is_awaiting = node->cluster != NULL && cluster_awaits_slots(node->cluster, node->now.mono);

    if (node->cluster != NULL && node->role.is_primary &&
        (node->move_source.ask_count > 0 || cluster_range_count(node->cluster) > 0)) {
        look_at_asks(node);
    }
    silent_ms = silent_ms > SILENT_MS_MIN ? silent_ms : SILENT_MS_MIN;
    if (node->move_source.was_awaiting && !is_awaiting) {
        waiting_on_moving(node);
    }
    node->move_source.was_awaiting = is_awaiting;
    for (size_t i = node->move_source.count; i-- > 0;) {
        struct move_attempt *a = node->move_source.items[i];
        bool is_over;

        step(node, a, GIVER_EVENT_TIME, &is_over);
        if (!node->role.is_primary && !a->is_broken) {
            break_attempt(node, a, "this node is no primary any more");
        } else if (mono_ms_between(a->giver.heard_at, node->now.mono) > silent_ms) {
            node_log(node, LOG_NOTICE, "move %s: its receiver is silent, phase %s",
                     a->range.id.text, giver_phase_name(a->giver.phase));
            node_close_session(node, a->session, false);
            remove_attempt(node, a);
        }
    }
}

struct mono_time move_source_wake_at(const struct node *node)
{
    struct mono_time at = MONO_NEVER;

    for (size_t i = 0; i < node->move_source.count; i++) {
        at = mono_earlier(at, node->move_source.items[i]->giver.hold_until);
    }
    return at;
}

void move_source_check(const struct node *node)
{
    const struct move_source *source = &node->move_source;
    uint64_t held[BITSET_WORDS(SLOT_COUNT)] = {0};

    ASSERT(source->count <= SHARD_RANGES_MAX);
    for (size_t i = 0; i < source->count; i++) {
        const struct move_attempt *a = source->items[i];

        for (size_t j = 0; j < i; j++) {
            ASSERT(a->session != source->items[j]->session); /* (1) */
            ASSERT(!cluster_id_equal(&a->range.id, &source->items[j]->range.id));
        }
        ASSERT(a->giver.phase == GIVER_IMAGE || node->move_image.owner != a);
        if (giver_holds(&a->giver)) {
            shard_range_add_to(&a->range, held);
        }
    }
    ASSERT(memcmp(held, source->held, sizeof(held)) == 0); /* (2) */
}
