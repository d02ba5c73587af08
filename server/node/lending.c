/* SPDX-License-Identifier: MIT */
#include "node/lending.h"

#include "base/assert.h"
#include "node/inside.h"
#include "store/value.h"

void lending_init(struct node *node)
{
    lender_init(&node->lending.lender, node->data.hash_seed);
    node->lending.limit = UINT64_MAX;
}

void lending_deinit(struct node *node)
{
    lender_deinit(&node->lending.lender);
    buf_deinit(&node->lending.changed_keys);
    VEC_DEINIT(&node->lending.changed);
}

/* ---- what changes ------------------------------------------------------------------------------- */

static void on_change(void *context, enum keyspace_event event, unsigned table, struct bytes key)
{
    struct node *node = context;
    struct lending *lending = &node->lending;

    (void)table;
    if (!keyspace_event_is_of_key(event)) {
        lending->has_changed_all = true;
    } else if (lender_has_lent(&lending->lender, key)) {
        VEC_PUSH(&lending->changed,
                 ((struct lending_change){.at = lending->changed_keys.len, .len = key.len}));
        buf_append_bytes(&lending->changed_keys, key);
    }
}

static void observe(struct node *node, bool is_on)
{
    const struct keyspace_observer observer = {.on = on_change, .context = node};

    keyspace_observe(node->data.keyspace, OBSERVER_OF_COPIES, is_on ? &observer : NULL);
}

static void turn_on(struct node *node)
{
    if (!node->lending.is_on) {
        node->lending.is_on = true;
        node->lending.limit = UINT64_MAX;
        observe(node, true);
    }
}

static void turn_off(struct node *node)
{
    ASSERT(node->lending.changed.count == 0 && !node->lending.has_changed_all);
    node->lending.is_on = false;
    observe(node, false);
}

/* To its connection, which is to carry it before anything that is said there later. */
static void send(struct node *node, const struct lender_message *message)
{
    const struct lender *l = &node->lending.lender;
    struct session *s = session_find(&node->sessions, message->link);
    struct buf out = {0};
    struct resp_writer w = {.out = &out, .version = 3};

    if (s != NULL) {
        resp_write_push(&w, 3);
        resp_write_bulk_text(&w, "invalidate");
        resp_write_integer(&w, (int64_t)message->version);
        if (message->is_all) {
            resp_write_null(&w);
        } else {
            resp_write_bulk(&w,
                            bytes_make(l->outbox_keys.data + message->key_at, message->key_len));
        }
        publish_push(node, s, buf_bytes(&out));
        buf_deinit(&out);
    }
}

static void send_outbox(struct node *node)
{
    struct lender *l = &node->lending.lender;

    for (size_t i = 0; i < l->outbox.count; i++) {
        send(node, &l->outbox.items[i]);
    }
    lender_clear_outbox(l);
}

static uint64_t newest_version(const struct node *node)
{
    return lender_version_at(journal_effects_end(&node->journal));
}

static bool has_changed(const struct lending *lending)
{
    return lending->changed.count > 0 || lending->has_changed_all;
}

/* What was changed stands in the log now, before its end: that is its version.  Who has a copy is told at once. */
static void settle(struct node *node)
{
    struct lending *lending = &node->lending;
    uint64_t version;

    if (LIKELY(!has_changed(lending))) {
        return;
    }
    version = newest_version(node);
    for (size_t i = 0; i < lending->changed.count; i++) {
        const struct lending_change *change = &lending->changed.items[i];

        (void)lender_note_change(&lending->lender, node->now.mono,
                                 bytes_make(lending->changed_keys.data + change->at, change->len),
                                 version);
    }
    if (lending->has_changed_all) {
        (void)lender_note_all_changed(&lending->lender, node->now.mono, version);
    }
    lending->changed.count = 0;
    buf_clear(&lending->changed_keys);
    lending->has_changed_all = false;
    send_outbox(node);
}

void lending_data_replaced(struct node *node)
{
    if (node->lending.is_on) {
        observe(node, true);
        node->lending.has_changed_all = true;
    }
}

void lending_reset(struct node *node)
{
    struct lending *lending = &node->lending;

    lending->changed.count = 0;
    buf_clear(&lending->changed_keys);
    lending->has_changed_all = false;
    if (lending->is_on) {
        turn_off(node);
    }
    lender_deinit(&lending->lender);
    lender_init(&lending->lender, node->data.hash_seed);
}

/* ---- peers -------------------------------------------------------------------------------------- */

bool lending_knows(const struct node *node, struct request *request)
{
    if (!replicas_is_peer(request->session)) {
        reply_error(request, "NOTLENT it was not proven that you are a node of this cluster");
        return false;
    }
    if (!node->role.is_primary || !cluster_has_lease(node->cluster, node->now.mono)) {
        reply_error(request, "NOTLENT this node does not serve as a primary just now");
        return false;
    }
    return true;
}

static int find_peer(struct node *node, struct request *request)
{
    int peer = lender_find_link(&node->lending.lender, request->session->id);

    if (peer == LENDER_NOBODY) {
        reply_error(request, "NOTLENT you have not joined");
    }
    return peer;
}

void lending_join(struct node *node, struct request *request)
{
    const struct cluster_id *id = &request->session->feed->introduction.replica;
    struct lender *l = &node->lending.lender;

    if (lender_find_link(l, request->session->id) == LENDER_NOBODY &&
        lender_join(l, id, request->session->id) == LENDER_NOBODY) {
        reply_error(request, "NOTLENT there are too many peers");
        return;
    }
    hot_copies_note_joined(node, id);
    node_log(node, LOG_VERBOSE, "node %s has joined as a holder of copies", id->text);
    resp_write_simple(request->reply, "OK");
}

/* Both times are read now: the pass may have begun long ago, and been stopped. */
void lending_grant(struct node *node, struct request *request, int64_t asked_ms)
{
    struct mono_time now = node->env.now(node->env.context).mono;
    int peer = find_peer(node, request);

    if (peer != LENDER_NOBODY) {
        settle(node);
        resp_write_integer(request->reply, lender_grant(&node->lending.lender, peer, now, asked_ms,
                                                        cluster_lease_left_ms(node->cluster, now)));
    }
}

void lending_take_ack(struct node *node, struct request *request, uint64_t version)
{
    int peer = find_peer(node, request);

    if (peer != LENDER_NOBODY) {
        lender_take_ack(&node->lending.lender, peer, version);
        resp_write_simple(request->reply, "OK");
    }
}

/* What stands behind the place tells of a change of this version. */
static void bar(struct node *node, struct session *s, uint64_t place, uint64_t version)
{
    struct lending *lending = &node->lending;
    uint64_t offset = lender_offset_of(version);

    if (offset > 0 && offset > lender_offset_of(lender_limit(&lending->lender, node->now.mono)) &&
        output_bar_behind(&s->output, place, offset, node->pass.number)) {
        lending->held++;
        pass_note_write(&node->pass);
    }
}

static size_t size_of(const struct node *node, const struct entry *e)
{
    return e != NULL ? keyspace_entry_bytes(node->data.keyspace, e) : 0;
}

/* Its time has come, and it was not removed yet: then others may have a copy, whose clocks are slower than ours, and are told
 * when that happens, as it does when the request itself comes here. */
static bool is_about_to_expire(const struct node *node, const struct key_ref *ref)
{
    return keyspace_find(node->data.keyspace, ref, node->now.unix_ms) == NULL &&
           keyspace_find_any(node->data.keyspace, ref) != NULL;
}

/* A key may be lent that is not there: then it is known that there is none. */
void lending_fetch(struct node *node, struct request *request, struct bytes key)
{
    struct lender *l = &node->lending.lender;
    struct key_ref ref = keyspace_ref(node->data.keyspace, 0, key);
    const struct entry *e = keyspace_find(node->data.keyspace, &ref, node->now.unix_ms);
    int peer = lender_find(l, &request->session->feed->introduction.replica);
    uint64_t place = output_end(&request->session->output);
    int64_t expire_at_ms;
    struct buf payload = {0};

    if (peer == LENDER_NOBODY || is_about_to_expire(node, &ref) ||
        !hot_copies_lends(node, (uint16_t)ref.table, e, size_of(node, e)) ||
        !lender_lend(l, peer, node->now.mono, key)) {
        reply_error(request, "NOTLENT it is not lent");
        return;
    }
    turn_on(node);
    settle(node);
    resp_write_array(request->reply, 3);
    resp_write_integer(request->reply, (int64_t)newest_version(node));
    expire_at_ms = e != NULL ? entry_expire_at_ms(e) : EXPIRE_NEVER;
    resp_write_integer(request->reply,
                       expire_at_ms == EXPIRE_NEVER ? -1 : expire_at_ms - node->now.unix_ms);
    if (e == NULL) {
        resp_write_null(request->reply);
    } else {
        value_dump(keyspace_types(node->data.keyspace), e, &payload);
        resp_write_bulk(request->reply, buf_bytes(&payload));
        buf_deinit(&payload);
    }
    bar(node, request->session, place, lender_change_of(l, lender_hash(l, key)));
}

/* ---- replies ------------------------------------------------------------------------------------ */

/* Keys that the batch has hashed it has hashed as the lender does. */
static uint64_t newest_of_keys(const struct node *node, const struct request *request)
{
    const struct lender *l = &node->lending.lender;
    struct command_keys keys;
    uint64_t newest = 0;

    if (request->is_plain && request->key_count == 1) {
        return lender_change_of(l, node->batch.keys[request->first_key].hash);
    }
    keys = command_keys(request->spec, request->args, request->arg_count);
    for (size_t i = 0; i < keys.count; i++) {
        uint64_t change =
            lender_change_of(l, lender_hash(l, request->args[command_key_at(&keys, i)]));

        newest = change > newest ? change : newest;
    }
    return newest;
}

void lending_note_reply(struct node *node, const struct request *request, uint64_t place)
{
    const struct lender *l = &node->lending.lender;

    settle(node);
    if (request_tells_of_keys(request)) {
        bar(node, request->session, place,
            request_names_its_keys(request) ? newest_of_keys(node, request) : l->last_change);
    }
}

/* ---- a pass ------------------------------------------------------------------------------------- */

/* Another node is about to serve, or may be: nothing is lent until that is decided. */
static bool is_to_recall(const struct node *node)
{
    return cluster_wants_copies_back(node->cluster) ||
           node->pauses.by_reason[PAUSE_FOR_TAKEOVER].scope != PAUSE_NOTHING ||
           !hot_copies_are_on(node);
}

static bool lends(const struct node *node)
{
    return node->lending.is_on && lender_is_lending(&node->lending.lender, node->now.mono);
}

void lending_tell(struct node *node, struct cluster_status *status)
{
    struct lending *lending = &node->lending;

    lending->is_told = lends(node);
    status->lends_copies = lending->is_told;
    status->holds_replies =
        status->holds_replies || (lending->is_on && node->release.waiting_count > 0);
}

void lending_tick(struct node *node)
{
    struct lending *lending = &node->lending;
    struct lender *l = &lending->lender;

    if (node->cluster == NULL || (l->peer_count == 0 && !l->is_recalling)) {
        return;
    }
    lender_tick(l, node->now.mono);
    if (is_to_recall(node)) {
        settle(node);
        lender_recall(l, node->now.mono, newest_version(node));
        send_outbox(node);
        if (lends(node) != lending->is_told) {
            pass_note_link(&node->pass); /* the cluster goes on when nothing is lent */
        }
    } else if (l->is_recalling) {
        lender_end_recall(l);
    }
}

void lending_in_pass(struct node *node)
{
    struct lending *lending = &node->lending;

    if (LIKELY(!lending->is_on)) {
        return;
    }
    settle(node);
    lending->limit = lender_offset_of(lender_limit(&lending->lender, node->now.mono));
    if (!lender_is_lending(&lending->lender, node->now.mono)) {
        turn_off(node);
    }
    if (lending->limit != UINT64_MAX && node->release.waiting_count > 0) {
        pass_note_write(&node->pass);
    }
}

struct mono_time lending_wake_at(const struct node *node)
{
    return lender_wake_at(&node->lending.lender, node->now.mono);
}

void lending_session_closed(struct node *node, struct session *s)
{
    struct lender *l = &node->lending.lender;
    int peer = lender_find_link(l, s->id);

    if (peer != LENDER_NOBODY) {
        const struct cluster_id id = l->peers[peer].node;

        lender_leave(l, s->id, node->now.mono);
        hot_copies_note_left(node, &id);
    }
}

bool lending_is_control(const struct node *node, const struct session *s)
{
    return node->lending.is_on && lender_find_link(&node->lending.lender, s->id) != LENDER_NOBODY;
}

void lending_check(const struct node *node)
{
    const struct lending *lending = &node->lending;

    lender_check(&lending->lender);
    ASSERT(lending->is_on || lending->lender.keys.count == 0);        /* (1) */
    ASSERT(lending->changed.count == 0 && !lending->has_changed_all); /* (2) */
    ASSERT(!lending->is_on || node->role.is_primary);
}
