/* SPDX-License-Identifier: MIT */
#include "node/move_side.h"

#include "base/assert.h"
#include "base/mem.h"
#include "cluster/range_admin.h"
#include "node/inside.h"

enum {
    CLEAR_KEYS = 256, /* removed in a pass */
    LINE_MAX_BYTES = 64 * 1024,
};

static const struct resp_limits answer_limits = {
    .max_args = 16,
    .max_bulk_bytes = UINT64_C(4) * 1024 * 1024 * 1024,
    .max_inline_bytes = 64 * 1024,
    .max_depth = 2,
};

static struct move_import *find_link(const struct node *node, uint64_t link)
{
    for (size_t i = 0; i < node->move_side.count; i++) {
        if (node->move_side.items[i]->link == link) {
            return node->move_side.items[i];
        }
    }
    return NULL;
}

static struct move_import *find(const struct node *node, const struct cluster_id *id)
{
    for (size_t i = 0; i < node->move_side.count; i++) {
        if (cluster_id_equal(&node->move_side.items[i]->range.id, id)) {
            return node->move_side.items[i];
        }
    }
    return NULL;
}

/* ---- the link ----------------------------------------------------------------------------------- */

static void forget_link(struct move_import *m)
{
    m->link = 0;
    m->greeting = MOVE_GREETING_NONE;
    m->scan = (struct resp_value_scan){0};
    buf_deinit(&m->in);
}

static void close_link(struct node *node, struct move_import *m)
{
    if (m->link != 0) {
        node->env.link_close(node->env.context, m->link);
        forget_link(m);
    }
}

static void send_words(struct node *node, const struct move_import *m, const struct bytes *words,
                       size_t count)
{
    struct buf out = {0};

    resp_write_request(&out, words, count);
    node->env.link_send(node->env.context, m->link, buf_bytes(&out));
    buf_deinit(&out);
}

static void ask(struct node *node, const struct move_import *m, const char *what)
{
    const struct bytes words[] = {BYTES_LITERAL("CLUSTER"), BYTES_LITERAL("SYNCSLOTS"),
                                  bytes_from_text(what), bytes_from_text(m->range.id.text)};

    send_words(node, m, words, ARRAY_COUNT(words));
}

static void ask_to_begin(struct node *node, const struct move_import *m)
{
    struct bytes words[4 + SLOT_RUNS_MAX] = {BYTES_LITERAL("CLUSTER"), BYTES_LITERAL("SYNCSLOTS"),
                                             BYTES_LITERAL("BEGIN"),
                                             bytes_from_text(m->range.id.text)};
    char texts[SLOT_RUNS_MAX][16];

    for (size_t i = 0; i < m->range.run_count; i++) {
        int len = snprintf(texts[i], sizeof(texts[i]), "%u-%u", m->range.runs[i].first,
                           m->range.runs[i].last);

        words[4 + i] = bytes_make(texts[i], (size_t)len);
    }
    send_words(node, m, words, 4 + m->range.run_count);
}

/* ---- what the machine wants ---------------------------------------------------------------------- */

static void step(struct node *node, struct move_import *m, const struct receiver_event *event);

static void step_simple(struct node *node, struct move_import *m, enum receiver_event_type type,
                        const char *reason)
{
    const struct receiver_event event = {.type = type, .reason = reason};

    step(node, m, &event);
}

/* Where the source is by now; 0: that is not known. */
static uint16_t look_up_peer(const struct node *node, struct move_import *m, char *host,
                             size_t host_size)
{
    for (size_t i = 0; i < cluster_range_count(node->cluster); i++) {
        struct cluster_range_view view;

        cluster_range_at(node->cluster, i, &view);
        if (cluster_id_equal(&view.range->id, &m->range.id) && view.is_peer_known) {
            m->peer = view.peer;
            bytes_to_text(bytes_from_text(view.host), host, host_size);
            return view.port;
        }
    }
    return 0;
}

static void connect_to(struct node *node, struct move_import *m)
{
    char host[256];
    uint16_t port = look_up_peer(node, m, host, sizeof(host));

    ASSERT(m->link == 0);
    m->link = life_new_link(node);
    if (port != 0 && host[0] != '\0') {
        node->env.link_open(node->env.context, m->link, ENV_LINK_MOVE, host, port);
    } /* else the attempt's time runs out */
}

static void end_range(struct node *node, const struct move_import *m)
{
    struct errmsg error = {0};
    struct cluster_call call = {
        .now = node->now.mono, .actions = cluster_side_actions(node), .error = &error};

    if (cluster_end_range(node->cluster, &call, &m->range.id)) {
        cluster_side_act(node);
    }
}

static void carry_out(struct node *node, struct move_import *m, enum receiver_action action)
{
    switch (action) {
    case RECEIVER_ACTION_CONNECT:
        connect_to(node, m);
        break;
    case RECEIVER_ACTION_CLOSE:
        close_link(node, m);
        break;
    case RECEIVER_ACTION_BEGIN:
        ask_to_begin(node, m);
        break;
    case RECEIVER_ACTION_NEXT:
        ask(node, m, "NEXT");
        break;
    case RECEIVER_ACTION_HOLD:
        ask(node, m, "HOLD");
        break;
    case RECEIVER_ACTION_COMMIT:
        ask(node, m, "COMMIT");
        break;
    case RECEIVER_ACTION_CANCEL:
        ask(node, m, "CANCEL");
        break;
    case RECEIVER_ACTION_CLEAR:
        m->is_clearing = true;
        m->clear_slot = 0;
        pass_note_work(&node->pass);
        break;
    case RECEIVER_ACTION_AWAIT_ACKS:
        m->is_awaiting_acks = true;
        m->ack_offset = journal_effects_end(&node->journal);
        pass_want_acks(&node->pass);
        pass_note_work(&node->pass);
        break;
    case RECEIVER_ACTION_END:
        end_range(node, m);
        break;
    }
}

static void log_move(const struct node *node, const struct move_import *m,
                     enum receiver_phase before)
{
    const struct receiver *r = &m->receiver;

    if (before == r->phase) {
        return;
    }
    node_log(node, LOG_VERBOSE, "move %.8s: %s -> %s%s%s", m->range.id.text,
             receiver_phase_name(before), receiver_phase_name(r->phase),
             r->problem.text[0] != '\0' ? "; last trouble: " : "", r->problem.text);
}

/* Carrying an action out steps no machine: what happens comes back by links and passes. */
static void step(struct node *node, struct move_import *m, const struct receiver_event *event)
{
    enum receiver_phase before = m->receiver.phase;
    struct receiver_actions actions;

    receiver_step(&m->receiver, node->now.mono, event, &actions);
    if (m->receiver.phase != RECEIVER_CONFIRMING) {
        m->is_awaiting_acks = false;
    }
    if (m->receiver.phase != RECEIVER_CLEARING && m->receiver.phase != RECEIVER_UNDOING) {
        m->is_clearing = false;
    }
    for (size_t i = 0; i < actions.count; i++) {
        carry_out(node, m, actions.items[i]);
    }
    log_move(node, m, before);
}

/* ---- answers -------------------------------------------------------------------------------------- */

static struct introduction_self self_of(const struct node *node, const struct move_import *m)
{
    struct introduction_self self = replicas_introduction(node);

    self.shard = m->range.shard; /* whose data are wanted */
    return self;
}

static void greet(struct node *node, struct move_import *m)
{
    const struct config *config = &node->config;
    struct introduction_self self = self_of(node, m);
    struct bytes words[3] = {BYTES_LITERAL("AUTH")};
    struct buf out = {0};
    size_t count = 1;

    m->greeting = MOVE_GREETING_NODE;
    if (config->primaryauth[0] != '\0') {
        if (config->primaryuser[0] != '\0') {
            words[count++] = bytes_from_text(config->primaryuser);
        }
        words[count++] = bytes_from_text(config->primaryauth);
        resp_write_request(&out, words, count);
        m->greeting = MOVE_GREETING_AUTH;
    }
    introduction_begin(&m->introduction, &self, &m->peer, &node->rng, &out);
    node->env.link_send(node->env.context, m->link, buf_bytes(&out));
    buf_deinit(&out);
}

static void take_greeting(struct node *node, struct move_import *m, struct bytes line)
{
    struct introduction_self self = self_of(node, m);
    struct errmsg error = {0};
    struct buf out = {0};
    char text[256];

    if (!bytes_has_prefix(line, "+")) {
        bytes_to_text(bytes_from(line, 1), text, sizeof(text));
        step_simple(node, m, RECEIVER_EVENT_NEVER, text);
        return;
    }
    switch (m->greeting) {
    case MOVE_GREETING_AUTH:
        m->greeting = MOVE_GREETING_NODE;
        break;
    case MOVE_GREETING_NODE:
        if (!introduction_take_answer(&m->introduction, &self, line, &out, &error)) {
            step_simple(node, m, RECEIVER_EVENT_NEVER, error.text);
            break;
        }
        node->env.link_send(node->env.context, m->link, buf_bytes(&out));
        m->greeting = MOVE_GREETING_PROOF;
        break;
    case MOVE_GREETING_PROOF:
        m->greeting = MOVE_GREETING_DONE;
        step_simple(node, m, RECEIVER_EVENT_READY, NULL);
        break;
    case MOVE_GREETING_NONE:
    case MOVE_GREETING_DONE:
        break;
    }
    buf_deinit(&out);
}

static bool is_stage(struct bytes name, enum receiver_stage *out)
{
    static const char *const names[] = {
        [RECEIVER_STAGE_TURN] = "TURN",
        [RECEIVER_STAGE_IMAGE] = "IMAGE",
        [RECEIVER_STAGE_LOG] = "LOG",
        [RECEIVER_STAGE_END] = "END",
    };

    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (bytes_equal_text(name, names[i])) {
            *out = (enum receiver_stage)i;
            return true;
        }
    }
    return false;
}

/* Where nothing is ever evicted, what comes in must find room. */
static bool has_room(const struct node *node)
{
    const struct config *config = &node->config;

    return config->maxmemory == 0 || config->maxmemory_policy != POLICY_NOEVICTION ||
           account_for_limit(node) < (size_t)config->maxmemory;
}

static void take_data(struct node *node, struct move_import *m, const struct resp_value *value)
{
    struct receiver_event event = {.type = RECEIVER_EVENT_DATA,
                                   .limit_bytes_s = node->config.cluster_move_bandwidth};
    struct errmsg error = {0};
    struct bytes requests;

    if (value->child_count != 3 || value->children[2].type != RESP_BULK ||
        value->children[1].type != RESP_INTEGER ||
        !is_stage(resp_value_bytes(&value->children[0]), &event.stage)) {
        step_simple(node, m, RECEIVER_EVENT_NEVER, "the source's answer cannot be understood");
        return;
    }
    requests = resp_value_bytes(&value->children[2]);
    if (!journal_is_open(node)) {
        step_simple(node, m, RECEIVER_EVENT_LOST, "this node has no lease just now");
        return;
    }
    if (!has_room(node)) {
        step_simple(node, m, RECEIVER_EVENT_NEVER, "there is no memory left here (maxmemory)");
        return;
    }
    staging_refresh(node);
    if (!move_apply(node, m->slots, requests, &error)) {
        step_simple(node, m, RECEIVER_EVENT_NEVER, error.text);
        return;
    }
    m->heard_unix_ms = node->now.unix_ms;
    node->move_side.received_bytes += requests.len;
    event.byte_count = requests.len;
    event.behind_bytes = (uint64_t)value->children[1].integer;
    if (node->sync_side.refuses) {
        event.reason = "too few of our in-sync set answer (sync-replicas)";
    } else if (replicas_are_slow(node)) {
        event.reason = "our replicas are behind";
    }
    event.has_slow_replicas = event.reason != NULL;
    step(node, m, &event);
}

static void take_failure(struct node *node, struct move_import *m, struct bytes line)
{
    char text[256];

    bytes_to_text(line, text, sizeof(text));
    if (bytes_has_prefix(line, "GIVEN")) {
        step_simple(node, m, RECEIVER_EVENT_GIVEN, NULL);
    } else if (bytes_has_prefix(line, "NEVER ")) {
        step_simple(node, m, RECEIVER_EVENT_NEVER, text + strlen("NEVER "));
    } else if (bytes_has_prefix(line, "LATER ")) {
        step_simple(node, m, RECEIVER_EVENT_LATER, text + strlen("LATER "));
    } else {
        step_simple(node, m, RECEIVER_EVENT_LATER, text);
    }
}

static void take_answer(struct node *node, struct move_import *m, const struct resp_value *value)
{
    if (value->type == RESP_FAILURE) {
        take_failure(node, m, resp_value_bytes(value));
    } else if (value->type == RESP_ARRAY) {
        take_data(node, m, value);
    } else {
        step_simple(node, m, RECEIVER_EVENT_YES, NULL);
    }
}

/* One line of the greeting, or one answer; false: there is no whole one. */
static bool take_one(struct node *node, struct move_import *m)
{
    struct bytes in = buf_bytes(&m->in);
    struct resp_value value = {0};
    struct errmsg error = {0};
    enum resp_status status;
    size_t consumed = 0;

    if (m->greeting != MOVE_GREETING_DONE) {
        size_t end = bytes_find_byte(in, '\n');
        struct buf line = {0};

        if (end == SIZE_MAX && in.len < LINE_MAX_BYTES) {
            return false;
        }
        end = end == SIZE_MAX ? in.len - 1 : end;
        buf_append_bytes(&line, bytes_trim(bytes_prefix(in, end)));
        buf_consume(&m->in, end + 1);
        take_greeting(node, m, buf_bytes(&line));
        buf_deinit(&line);
        return true;
    }
    status = resp_value_scan(&m->scan, in, &answer_limits, &error);
    if (status == RESP_MORE) {
        return false;
    }
    if (status == RESP_OK) {
        status = resp_value_read(in, &answer_limits, &value, &consumed, &error);
    }
    m->scan = (struct resp_value_scan){0};
    if (status != RESP_OK) {
        resp_value_deinit(&value);
        step_simple(node, m, RECEIVER_EVENT_LOST, "the source's answer cannot be understood");
        return true;
    }
    buf_consume(&m->in, consumed);
    take_answer(node, m, &value);
    resp_value_deinit(&value);
    return true;
}

bool move_side_link_up(struct node *node, uint64_t link)
{
    struct move_import *m = find_link(node, link);

    if (m != NULL) {
        greet(node, m);
    }
    return m != NULL;
}

bool move_side_link_input(struct node *node, uint64_t link, struct bytes input)
{
    struct move_import *m = find_link(node, link);

    if (m == NULL) {
        return false;
    }
    buf_append_bytes(&m->in, input);
    while (m->link == link && m->in.len > 0 && take_one(node, m)) {
    }
    return true;
}

bool move_side_link_down(struct node *node, uint64_t link, const char *reason)
{
    struct move_import *m = find_link(node, link);

    if (m == NULL) {
        return false;
    }
    forget_link(m);
    step_simple(node, m, RECEIVER_EVENT_LINK_DOWN, reason);
    return true;
}

/* ---- a pass --------------------------------------------------------------------------------------- */

static void report(struct node *node, const struct move_import *m)
{
    struct move_side *side = &node->move_side;
    const struct receiver *r = &m->receiver;

    const struct move_report over = {
        .range = m->range,
        .outcome = r->outcome,
        .problem = r->problem,
        .began_unix_ms = m->began_unix_ms,
        .ended_unix_ms = node->now.unix_ms,
        .bytes = r->received_bytes,
        .attempts = r->attempts,
    };

    move_reports_add(&side->reports, &over);
    side->succeeded += r->outcome == RECEIVER_SUCCEEDED;
    side->failed += r->outcome == RECEIVER_FAILED;
    side->cancelled += r->outcome == RECEIVER_CANCELLED;
    node_log(node, r->outcome == RECEIVER_FAILED ? LOG_WARNING : LOG_NOTICE,
             "move %s of %zu slots %s%s%s", m->range.id.text, shard_range_slot_count(&m->range),
             r->outcome == RECEIVER_SUCCEEDED
                 ? "is done"
                 : (r->outcome == RECEIVER_FAILED ? "has failed" : "was cancelled"),
             r->problem.text[0] != '\0' && r->outcome != RECEIVER_SUCCEEDED ? ": " : "",
             r->outcome != RECEIVER_SUCCEEDED ? r->problem.text : "");
}

static void remove_import(struct node *node, struct move_import *m)
{
    struct move_side *side = &node->move_side;
    size_t at = 0;

    while (at < side->count && side->items[at] != m) {
        at++;
    }
    ASSERT(at < side->count);
    side->items[at] = side->items[--side->count];
    close_link(node, m);
    buf_deinit(&m->in);
    mem_free(MEM_NODE, m);
}

static void add(struct node *node, const struct cluster_range_view *view)
{
    struct move_side *side = &node->move_side;
    struct move_import *m = mem_alloc_zeroed(MEM_NODE, sizeof(*m));

    ASSERT(side->count < SHARD_RANGES_MAX);
    m->range = *view->range;
    shard_range_add_to(&m->range, m->slots);
    m->began_unix_ms = node->now.unix_ms;
    m->heard_unix_ms = node->now.unix_ms;
    receiver_init(&m->receiver, node->now.mono, view->range->kind == SHARD_RANGE_ASKED,
                  !view->is_agreed);
    side->items[side->count++] = m;
}

static void look_at_range(struct node *node, const struct cluster_range_view *view)
{
    struct move_import *m = find(node, &view->range->id);

    if (m == NULL) {
        add(node, view);
        m = find(node, &view->range->id);
    }
    if (view->is_agreed && m->receiver.phase == RECEIVER_AGREEING) {
        step_simple(node, m, RECEIVER_EVENT_AGREED, NULL);
    }
    if (m->receiver.is_asked_for && !m->receiver.is_unwanted &&
        view->word == CLUSTER_RANGE_ABSENT) {
        step_simple(node, m, RECEIVER_EVENT_WITHDRAWN, "the source wants it no more");
    }
    if (view->is_peer_known && m->receiver.attempts > 0 &&
        !cluster_id_equal(&view->peer, &m->peer)) {
        step_simple(node, m, RECEIVER_EVENT_REPLACED, NULL);
    }
}

static bool is_in_core(const struct node *node, const struct move_import *m)
{
    for (size_t i = 0; i < cluster_range_count(node->cluster); i++) {
        struct cluster_range_view view;

        cluster_range_at(node->cluster, i, &view);
        if (cluster_id_equal(&view.range->id, &m->range.id)) {
            return shard_range_is_import(view.range);
        }
    }
    return false;
}

/* Ranges that came, and those that went: taken, or ended. */
static void follow_core(struct node *node)
{
    for (size_t i = 0; node->role.is_primary && i < cluster_range_count(node->cluster); i++) {
        struct cluster_range_view view;

        cluster_range_at(node->cluster, i, &view);
        if (shard_range_is_import(view.range)) {
            look_at_range(node, &view);
        }
    }
    for (size_t i = node->move_side.count; i-- > 0;) {
        struct move_import *m = node->move_side.items[i];

        if (node->role.is_primary && is_in_core(node, m)) {
            continue;
        }
        if (node->role.is_primary && cluster_owns_slot(node->cluster, m->range.runs[0].first)) {
            step_simple(node, m, RECEIVER_EVENT_TAKEN, NULL);
        }
        if (m->receiver.phase == RECEIVER_DONE) {
            report(node, m);
        }
        remove_import(node, m);
    }
}

/* Some of the keys that are staged; true when there are none left. */
static bool clear_some(struct node *node, struct move_import *m)
{
    while (m->clear_slot < SLOT_COUNT) {
        m->clear_slot = (uint32_t)bitset_next(m->slots, SLOT_COUNT, m->clear_slot, true);
        if (m->clear_slot == SLOT_COUNT) {
            break;
        }
        if (keyspace_slot_count(node->data.keyspace, m->clear_slot) > 0) {
            slot_cleaning_remove_some(node, m->clear_slot, CLEAR_KEYS);
            return false;
        }
        m->clear_slot++;
    }
    return true;
}

/* Of replicas that are there, that is.  One that took over is there no more, and may lack it: by then our lease is over. */
static bool do_replicas_have(const struct node *node, uint64_t offset)
{
    return replicas_all_have(node, offset) && sync_side_has(node, offset) &&
           cluster_has_lease(node->cluster, node->env.now(node->env.context).mono);
}

static void look_at_import(struct node *node, struct move_import *m)
{
    if (m->is_clearing && journal_is_open(node)) {
        pass_note_work(&node->pass);
        staging_refresh(node);
        if (clear_some(node, m)) {
            m->is_clearing = false;
            step_simple(node, m, RECEIVER_EVENT_CLEARED, NULL);
        }
    }
    if (m->is_awaiting_acks && do_replicas_have(node, m->ack_offset)) {
        m->is_awaiting_acks = false;
        step_simple(node, m, RECEIVER_EVENT_ACKED, NULL);
    }
    if (mono_is_due(m->receiver.wake_at, node->now.mono)) {
        step_simple(node, m, RECEIVER_EVENT_TICK, NULL);
    }
}

void move_side_run(struct node *node)
{
    if (node->cluster == NULL ||
        (node->move_side.count == 0 && cluster_range_count(node->cluster) == 0)) {
        return;
    }
    follow_core(node);
    if (load_is_at_start(&node->loading)) {
        return;
    }
    for (size_t i = 0; i < node->move_side.count; i++) {
        look_at_import(node, node->move_side.items[i]);
    }
}

struct mono_time move_side_wake_at(const struct node *node)
{
    struct mono_time at = MONO_NEVER;

    for (size_t i = 0; i < node->move_side.count; i++) {
        at = mono_earlier(at, node->move_side.items[i]->receiver.wake_at);
    }
    return at;
}

/* ---- for commands --------------------------------------------------------------------------------- */

bool move_side_cancel(struct node *node, const struct cluster_id *id)
{
    struct move_import *m = find(node, id);

    if (m == NULL || m->receiver.phase == RECEIVER_TAKING ||
        m->receiver.phase == RECEIVER_COMMITTING) {
        return false;
    }
    step_simple(node, m, RECEIVER_EVENT_CANCEL, NULL);
    pass_note_work(&node->pass);
    return true;
}

uint64_t move_side_key_count(const struct node *node, const struct shard_range *range)
{
    uint64_t count = 0;

    for (size_t i = 0; i < range->run_count; i++) {
        for (uint32_t slot = range->runs[i].first; slot <= range->runs[i].last; slot++) {
            count += keyspace_slot_count(node->data.keyspace, slot);
        }
    }
    return count;
}

void move_side_deinit(struct node *node)
{
    while (node->move_side.count > 0) {
        remove_import(node, node->move_side.items[0]);
    }
}

void move_side_check(const struct node *node)
{
    for (size_t i = 0; i < node->move_side.count; i++) {
        const struct move_import *m = node->move_side.items[i];

        receiver_check(&m->receiver);
        ASSERT((m->link != 0) == receiver_has_link(&m->receiver)); /* (1) */
        ASSERT(m->link == 0 || m->greeting == MOVE_GREETING_DONE ||
               m->receiver.phase == RECEIVER_CONNECTING);
    }
}
