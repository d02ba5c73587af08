/* SPDX-License-Identifier: MIT */
#include "node/invalidation.h"

#include "base/assert.h"
#include "node/inside.h"

#define CHANNEL "__redis__:invalidate"

void invalidation_init(struct node *node)
{
    tracking_init(&node->invalidation.tracking, node->data.hash_seed);
    invalidation_configure(node);
}

void invalidation_deinit(struct node *node)
{
    tracking_deinit(&node->invalidation.tracking);
}

void invalidation_configure(struct node *node)
{
    node->invalidation.tracking.max_keys = (size_t)node->config.tracking_table_max_keys;
}

/* ---- what happens in the key space ------------------------------------------------------------*/

static void on_change(void *context, enum keyspace_event event, unsigned table, struct bytes key)
{
    struct node *node = context;
    const struct session *writer = node->publish.answering;

    (void)table;
    if (keyspace_event_is_of_key(event)) {
        tracking_note_change(&node->invalidation.tracking, key, writer != NULL ? writer->id : 0);
    } else {
        tracking_note_flush(&node->invalidation.tracking);
    }
}

static void observe(struct node *node)
{
    struct invalidation *invalidation = &node->invalidation;
    const struct keyspace_observer observer = {.on = on_change, .context = node};
    bool is_needed = tracking_is_on(&invalidation->tracking);

    if (is_needed != invalidation->is_observing) {
        keyspace_observe(node->data.keyspace, OBSERVER_OF_TRACKING, is_needed ? &observer : NULL);
        invalidation->is_observing = is_needed;
    }
}

static void note_that_all_may_differ(struct node *node)
{
    if (tracking_is_on(&node->invalidation.tracking)) {
        tracking_note_flush(&node->invalidation.tracking);
    }
}

void invalidation_data_replaced(struct node *node)
{
    node->invalidation.is_observing = false; /* the observer went with the old one */
    note_that_all_may_differ(node);
    observe(node);
}

void invalidation_slots_lost(struct node *node)
{
    note_that_all_may_differ(node);
}

void invalidation_key_lost(struct node *node, struct bytes key)
{
    if (tracking_is_on(&node->invalidation.tracking)) {
        tracking_note_change(&node->invalidation.tracking, key, 0);
    }
}

/* Who has none can have been replaced, and would not hear of it. */
static void look_at_lease(struct node *node)
{
    struct invalidation *invalidation = &node->invalidation;
    bool has_lease = node->role.is_primary && cluster_has_lease(node->cluster, node->now.mono);

    if (invalidation->had_lease && !has_lease) {
        note_that_all_may_differ(node);
    }
    invalidation->had_lease = has_lease;
}

/* ---- who tracks, and what ---------------------------------------------------------------------*/

void invalidation_begin(struct node *node, struct session *s,
                        const struct tracking_options *options)
{
    tracking_begin(&node->invalidation.tracking, s, options);
    observe(node);
}

void invalidation_end(struct node *node, struct session *s)
{
    tracking_end(&node->invalidation.tracking, s);
    observe(node);
}

void invalidation_note_reads(struct node *node, const struct request *request)
{
    const struct session *s = request->session;
    struct command_keys keys;

    if ((request->spec->flags & COMMAND_FLAG_READONLY) == 0 || !tracking_remembers(s)) {
        return;
    }
    keys = command_keys(request->spec, request->args, request->arg_count);
    for (size_t i = 0; i < keys.count; i++) {
        tracking_note_read(&node->invalidation.tracking, s,
                           request->args[command_key_at(&keys, i)]);
    }
}

/* ---- telling ----------------------------------------------------------------------------------*/

/* It cannot be told through whom it wanted. */
static void tell_broken(struct node *node, struct session *s)
{
    struct buf text = {0};
    struct resp_writer w = {.out = &text, .version = s->protocol};

    s->tracker->is_broken = true;
    if (s->protocol == 3) {
        resp_write_push(&w, 2);
        resp_write_bulk_text(&w, "tracking-redir-broken");
        resp_write_integer(&w, (int64_t)s->tracker->redirect);
        publish_push(node, s, buf_bytes(&text));
        session_touch_first(&node->sessions, s);
    }
    buf_deinit(&text);
}

/* Who is told in its place, or itself; NULL: there is nobody who understands. */
static struct session *receiver_of(struct node *node, struct session *s)
{
    struct session *receiver = s;

    if (s->tracker->redirect != 0) {
        receiver = session_find(&node->sessions, s->tracker->redirect);
        if (receiver == NULL) {
            tell_broken(node, s);
            return NULL;
        }
    }
    /* In RESP2 it has to look like a message; who is meant, be it the client itself, has to have been named. */
    if (receiver->protocol == 2 &&
        (s->tracker->redirect == 0 || (receiver->flags & SESSION_SUBSCRIBED) == 0)) {
        return NULL;
    }
    return receiver;
}

static void begin_message(const struct session *receiver, struct resp_writer *w)
{
    if (receiver->protocol == 3) {
        resp_write_push(w, 2);
        resp_write_bulk_text(w, "invalidate");
    } else {
        resp_write_push(w, 3);
        resp_write_bulk_text(w, "message");
        resp_write_bulk_text(w, CHANNEL);
    }
}

/* It may be told in the place of another session, and then track nothing itself. */
static void send(struct node *node, struct session *receiver, const struct buf *text)
{
    uint64_t place = output_end(&receiver->output);

    publish_push(node, receiver, buf_bytes(text));
    if (UNLIKELY(node->sync_side.is_on)) {
        sync_side_bar_all(node, receiver, place);
    }
    session_touch_first(&node->sessions, receiver);
}

/* keys NULL: none of them is as it was. */
static void tell(struct node *node, struct session *s, const struct bytes *keys, size_t count)
{
    struct session *receiver = receiver_of(node, s);
    struct buf text = {0};
    struct resp_writer w = {.out = &text};

    if (receiver == NULL) {
        return;
    }
    w.version = receiver->protocol;
    begin_message(receiver, &w);
    if (keys == NULL) {
        resp_write_null(&w);
    } else {
        resp_write_array(&w, count);
        for (size_t i = 0; i < count; i++) {
            resp_write_bulk(&w, keys[i]);
        }
    }
    send(node, receiver, &text);
    buf_deinit(&text);
}

static void tell_keys_of(struct node *node, struct session *s, const struct request *request)
{
    struct command_keys keys = request_keys(request);
    VEC(struct bytes) names = {0};

    for (size_t i = 0; i < keys.count; i++) {
        VEC_PUSH(&names, request->args[command_key_at(&keys, i)]);
    }
    if (names.count > 0) {
        tell(node, s, names.items, names.count);
    }
    VEC_DEINIT(&names);
}

/* With NOLOOP a write ends what is known of who has read the key, and the writer itself is not told of that.  In BCAST it would be told
 * of what others write later, and here it would not: so it is not to keep the key. */
static bool is_own_loop(const struct session *s, const struct request *request)
{
    return s->tracker->is_noloop && s->tracker->mode != TRACKING_BCAST &&
           (request->spec->flags & COMMAND_FLAG_WRITE) != 0;
}

/* False: it is not known which keys it is about. */
static bool read_passed_on(struct bytes bytes, struct resp_reader *reader, struct resp_words *words,
                           struct request *out)
{
    const struct resp_limits limits = {.max_args = SIZE_MAX / 2,
                                       .max_bulk_bytes = UINT64_C(4) * 1024 * 1024 * 1024,
                                       .max_inline_bytes = 64 * 1024};
    struct errmsg error;

    if (bytes.len == 0 ||
        resp_read_request(reader, bytes, &limits, words, &out->read, &error) != RESP_OK ||
        words->count == 0) {
        return false;
    }
    out->args = words->items;
    out->arg_count = words->count;
    out->spec = command_called(command_find(words->items[0]), words->items, words->count);
    return out->spec != NULL && request_names_its_keys(out);
}

void invalidation_tell_passed_on(struct node *node, struct session *s, struct bytes request)
{
    struct resp_reader reader = {0};
    struct resp_words words = {0};
    struct request asked = {.session = s};

    if (s->tracker == NULL) {
        return;
    }
    if (!read_passed_on(request, &reader, &words, &asked)) {
        tell(node, s, NULL, 0);
    } else if (!is_own_loop(s, &asked)) {
        tell_keys_of(node, s, &asked);
    }
    VEC_DEINIT(&words);
    resp_reader_deinit(&reader);
}

static bool is_told_by(const struct session *s, uint64_t writer)
{
    return !s->tracker->is_noloop || writer != s->id;
}

static void tell_due(struct node *node)
{
    struct tracking *tracking = &node->invalidation.tracking;
    struct tracked_key *key;

    while ((key = tracking_take_due(tracking)) != NULL) {
        for (size_t i = 0; i < key->count; i++) {
            struct session *s = session_find(&node->sessions, tracked_key_id(key, i));

            if (s != NULL && s->tracker != NULL && s->tracker->mode != TRACKING_BCAST &&
                is_told_by(s, key->writer)) {
                tell(node, s, &key->by_name.key, 1);
            }
        }
        tracking_free_key(tracking, key);
    }
}

static void tell_one_of_prefix(struct node *node, const struct tracking_prefix *prefix,
                               struct session *s)
{
    VEC(struct bytes) keys = {0};

    VEC_RESERVE(&keys, prefix->changes.count);
    for (size_t i = 0; i < prefix->changes.count; i++) {
        const struct tracking_change *change = prefix->changes.items[i];

        if (is_told_by(s, change->writer)) {
            VEC_PUSH(&keys, change->by_name.key);
        }
    }
    if (keys.count > 0) {
        tell(node, s, keys.items, keys.count);
    }
    VEC_DEINIT(&keys);
}

static void tell_by_prefixes(struct node *node)
{
    LIST_FOR_EACH (item, &node->invalidation.tracking.with_news) {
        const struct tracking_prefix *prefix =
            CONTAINER_OF_CONST(item, struct tracking_prefix, with_news);

        for (size_t i = 0; i < prefix->sessions.count; i++) {
            tell_one_of_prefix(node, prefix, prefix->sessions.items[i]);
        }
    }
}

static void tell_all(struct node *node)
{
    LIST_FOR_EACH (item, &node->sessions.all) {
        struct session *s = CONTAINER_OF(item, struct session, all);

        if (s->tracker != NULL) {
            tell(node, s, NULL, 0);
        }
    }
}

void invalidation_tell(struct node *node)
{
    struct tracking *tracking = &node->invalidation.tracking;

    ASSERT(node->publish.answering == NULL);
    if (node->cluster != NULL && tracking_is_on(tracking)) {
        look_at_lease(node);
    }
    if (LIKELY(!tracking_has_news(tracking))) {
        return;
    }
    if (tracking->was_flushed) {
        tell_all(node);
    }
    tell_due(node);
    tell_by_prefixes(node);
    tracking_forget_changes(tracking);
}

void invalidation_check(const struct node *node)
{
    const struct invalidation *invalidation = &node->invalidation;

    ASSERT(invalidation->is_observing == tracking_is_on(&invalidation->tracking));
    tracking_check(&invalidation->tracking);
}
