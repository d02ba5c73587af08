/* SPDX-License-Identifier: MIT */
#include "node/copy_owners.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/num.h"
#include "cluster/report.h"
#include "node/inside.h"
#include "store/value.h"

enum {
    RETRY_MS = 200,
    CONNECT_MS = 1000, /* an attempt takes no longer */
};

/* ---- owners ------------------------------------------------------------------------------------- */

static struct copy_owner *find(const struct node *node, const struct cluster_id *id)
{
    for (size_t i = 0; i < node->copy_owners.count; i++) {
        if (cluster_id_equal(&node->copy_owners.items[i]->address.node, id)) {
            return node->copy_owners.items[i];
        }
    }
    return NULL;
}

static struct copy_owner *add(struct node *node, const struct cluster_id *id)
{
    struct copy_owners *b = &node->copy_owners;
    struct copy_owner *owner;

    if (b->count == COPY_OWNERS_MAX) {
        return NULL;
    }
    owner = mem_alloc_zeroed(MEM_NODE, sizeof(*owner));
    owner->address.node = *id;
    borrower_init(&owner->borrower, node->data.hash_seed);
    b->items[b->count++] = owner;
    return owner;
}

struct copy_owner *copy_owners_get(struct node *node, const struct cluster_id *id)
{
    struct copy_owner *owner = find(node, id);

    return owner != NULL ? owner : add(node, id);
}

/* Where it is by now; false: that is not known. */
static bool look_up(const struct node *node, struct peer_address *address)
{
    struct cluster_node_view view;
    size_t index;

    if (!cluster_find_node(node->cluster, bytes_make(address->node.text, CLUSTER_ID_LEN), &index)) {
        return false;
    }
    cluster_node_at(node->cluster, index, node->now, &view);
    if (view.is_replica || view.is_in_handshake || view.is_failed || view.port == 0 ||
        (view.ip[0] == '\0' && view.hostname[0] == '\0')) {
        return false;
    }
    address->shard = *view.shard_id;
    address->port = view.port;
    bytes_to_text(bytes_from_text(view.ip[0] != '\0' ? view.ip : view.hostname), address->host,
                  sizeof(address->host));
    return true;
}

static void note_failing(struct copy_owner *owner, struct mono_time since)
{
    if (owner->failing_since.us == 0) {
        owner->failing_since = since;
    }
}

static void note_failure(const struct node *node, struct copy_owner *owner)
{
    owner->retry_at = mono_add_ms(node->now.mono, RETRY_MS);
    note_failing(owner, node->now.mono);
}

/* Since then, has a client waited for as long as it is told to? */
static bool is_too_long_since(const struct node *node, struct mono_time since)
{
    return mono_ms_between(since, node->now.mono) >=
           COPY_OWNERS_LOST_TIMEOUTS * node->config.cluster_node_timeout_ms;
}

bool copy_owners_is_lost(const struct node *node, const struct copy_owner *owner)
{
    return owner->failing_since.us != 0 && is_too_long_since(node, owner->failing_since);
}

void copy_owners_open(struct node *node, struct copy_owner *owner)
{
    if (owner->control.phase != PEER_LANE_CLOSED ||
        mono_is_before(node->now.mono, owner->retry_at)) {
        return;
    }
    if (!look_up(node, &owner->address)) {
        note_failure(node, owner);
        return;
    }
    peer_lane_open(node, &owner->control, &owner->address);
    peer_lane_open(node, &owner->data, &owner->address);
    owner->data_version = 2;
}

/* Nobody knows what became of what it was asked.  What only reads is done again, wherever that is by then. */
static void fail_call(struct node *node, const struct peer_answer *answer, struct bytes request)
{
    struct session *s = session_find(&node->sessions, answer->session);

    if (s == NULL || s->hold.kind != HOLD_FORWARD || answer->is_ignored) {
        return;
    }
    if (s->hold.may_write) {
        waiting_release(node, s);
        node_close_session(node, s, false);
    } else if (request.len > 0) {
        input_put_back_first(&s->input, request);
        waiting_release(node, s);
    } else {
        waiting_on_forwarded(node, s,
                             BYTES_LITERAL("-CLUSTERDOWN The node that serves this slot cannot be "
                                           "reached\r\n"),
                             request);
    }
}

static void fail_calls(struct node *node, struct copy_owner *owner)
{
    for (size_t i = owner->data.first; i < owner->data.answers.count; i++) {
        const struct peer_answer answer = owner->data.answers.items[i];
        struct buf kept = {0};

        peer_lane_take_kept(&owner->data, answer.kept_len, &kept);
        if (answer.kind == PEER_ANSWER_CALL) {
            fail_call(node, &answer, buf_bytes(&kept));
        }
        buf_deinit(&kept);
    }
}

static void drop_lanes(struct node *node, struct copy_owner *owner, const char *why)
{
    if (owner->control.phase == PEER_LANE_CLOSED && owner->data.phase == PEER_LANE_CLOSED) {
        return;
    }
    node_log(node, LOG_VERBOSE, "copies: the link to node %s is gone: %s", owner->address.node.text,
             why);
    fail_calls(node, owner);
    copy_values_drop_all_of(node, owner);
    borrower_link_down(&owner->borrower);
    peer_lane_close(node, &owner->control);
    peer_lane_close(node, &owner->data);
    owner->is_data_full = false;
    note_failure(node, owner);
    waiting_on_copies(node);
}

static void remove_owner(struct node *node, size_t index)
{
    struct copy_owner *owner = node->copy_owners.items[index];

    drop_lanes(node, owner, "it is not needed any more");
    borrower_deinit(&owner->borrower);
    mem_free(MEM_NODE, owner);
    node->copy_owners.items[index] = node->copy_owners.items[--node->copy_owners.count];
}

void copy_owners_deinit(struct node *node)
{
    while (node->copy_owners.count > 0) {
        struct copy_owner *owner = node->copy_owners.items[--node->copy_owners.count];

        peer_lane_close(node, &owner->control);
        peer_lane_close(node, &owner->data);
        borrower_deinit(&owner->borrower);
        mem_free(MEM_NODE, owner);
    }
    copy_values_deinit(node);
}

/* ---- asking ------------------------------------------------------------------------------------- */

bool copy_owners_can_ask(struct copy_owner *owner)
{
    owner->is_data_full = owner->is_data_full || peer_lane_is_full(&owner->data);
    return !owner->is_data_full;
}

static void look_for_room(struct node *node, struct copy_owner *owner)
{
    if (owner->is_data_full && peer_lane_has_room(&owner->data)) {
        owner->is_data_full = false;
        waiting_on_copies(node);
    }
}

void copy_owners_ask(struct node *node, struct peer_lane *lane, const char *what,
                     struct bytes about, const struct peer_answer *answer)
{
    const struct bytes words[] = {BYTES_LITERAL("CLUSTER"), BYTES_LITERAL("COPIES"),
                                  bytes_from_text(what), about};

    peer_lane_ask(node, lane, words, ARRAY_COUNT(words), answer);
}

/* ---- answers ------------------------------------------------------------------------------------ */

static void take_call(struct node *node, struct copy_owner *owner, const struct peer_answer *answer,
                      struct bytes bytes)
{
    struct session *s = session_find(&node->sessions, answer->session);
    struct buf request = {0};

    peer_lane_take_kept(&owner->data, answer->kept_len, &request);
    if (s != NULL && !answer->is_ignored && s->hold.kind == HOLD_FORWARD) {
        waiting_on_forwarded(node, s, bytes, buf_bytes(&request));
    }
    buf_deinit(&request);
}

/* ":ms"; an owner that lends nothing any more says so instead, and answers what it was asked all the same. */
static bool take_grant(struct copy_owner *owner, struct bytes bytes)
{
    int64_t ms;

    owner->failing_since = (struct mono_time){0};
    owner->is_refusing = false;
    if (bytes.data[0] == '-') {
        borrower_take_lease(&owner->borrower, 0);
        return true;
    }
    if (bytes.data[0] != ':' || !num_parse_i64(bytes_trim(bytes_from(bytes, 1)), &ms)) {
        return false;
    }
    borrower_take_lease(&owner->borrower, ms);
    return true;
}

/* False: the owner does not want us. */
static bool take_answer(struct node *node, struct copy_owner *owner,
                        const struct peer_answer *answer, struct bytes bytes)
{
    switch (answer->kind) {
    case PEER_ANSWER_SKIP:
        return bytes.data[0] != '-';
    case PEER_ANSWER_GRANT:
        return take_grant(owner, bytes);
    case PEER_ANSWER_VALUE:
        copy_values_take(node, owner, bytes, answer);
        return true;
    case PEER_ANSWER_CALL:
        take_call(node, owner, answer, bytes);
        return true;
    }
    return false;
}

static void acknowledge(struct node *node, struct copy_owner *owner, uint64_t version)
{
    char text[24];
    const struct peer_answer answer = {.kind = PEER_ANSWER_SKIP, .asked_at = node->now.mono};

    copy_owners_ask(node, &owner->control, "ACK", bytes_make(text, num_format_u64(text, version)),
                    &answer);
}

/* invalidate <version> <key or null>: whoever keeps what it has read here is told before the owner is answered. */
static bool take_push(struct node *node, struct copy_owner *owner, struct bytes bytes)
{
    struct resp_value value = {0};
    struct errmsg error = {0};
    size_t consumed = 0;
    struct resp_limits limits = {.max_args = 16,
                                 .max_bulk_bytes = UINT64_C(1) << 30,
                                 .max_inline_bytes = 64 * 1024,
                                 .max_depth = 2};
    bool is_ok = resp_value_read(bytes, &limits, &value, &consumed, &error) == RESP_OK &&
                 value.child_count == 3 && value.children[1].type == RESP_INTEGER;

    if (is_ok) {
        uint64_t version = (uint64_t)value.children[1].integer;

        if (value.children[2].type == RESP_BULK) {
            struct bytes key = resp_value_bytes(&value.children[2]);

            copy_values_drop(node, borrower_find(&owner->borrower, key));
            borrower_invalidate(&owner->borrower, key, version);
        } else {
            copy_values_drop_all_of(node, owner);
            borrower_invalidate_all(&owner->borrower, version);
        }
        acknowledge(node, owner, version);
    }
    resp_value_deinit(&value);
    return is_ok;
}

static void join(struct node *node, struct copy_owner *owner)
{
    const struct bytes words[] = {BYTES_LITERAL("CLUSTER"), BYTES_LITERAL("COPIES"),
                                  BYTES_LITERAL("JOIN")};
    const struct peer_answer answer = {.kind = PEER_ANSWER_SKIP, .asked_at = node->now.mono};

    peer_lane_ask(node, &owner->control, words, ARRAY_COUNT(words), &answer);
    borrower_link_up(&owner->borrower);
}

static void note_open(struct node *node, struct copy_owner *owner, const struct peer_lane *lane)
{
    if (lane == &owner->control) {
        join(node, owner);
    } else {
        waiting_on_copies(node);
    }
}

/* Trying again does not help before somebody changes rights or passwords. */
static bool is_about_rights(const char *error)
{
    struct bytes text = bytes_from_text(error);

    return bytes_has_prefix(text, "-NOPERM ") || bytes_has_prefix(text, "-NOAUTH ") ||
           bytes_has_prefix(text, "-WRONGPASS ");
}

static void note_refusal(struct node *node, struct copy_owner *owner, const char *error)
{
    if (!owner->is_refusing && is_about_rights(error)) {
        owner->is_refusing = true;
        node_log(node, LOG_WARNING, "copies: node %s lends us nothing: %s",
                 owner->address.node.text, error);
    }
}

/* What has come on a lane; false: the owner's lanes are to be closed. */
static bool read_lane(struct node *node, struct copy_owner *owner, struct peer_lane *lane,
                      struct errmsg *error)
{
    bool was_open = lane->phase == PEER_LANE_OPEN;

    for (;;) {
        struct bytes bytes = {0};
        struct peer_answer answer;
        bool is_ok = true;

        switch (peer_lane_next(node, lane, &owner->address, &bytes, &answer, error)) {
        case PEER_LANE_NOTHING:
            return true;
        case PEER_LANE_OPENED:
            ASSERT(!was_open);
            note_open(node, owner, lane);
            was_open = true;
            continue;
        case PEER_LANE_ANSWER:
            is_ok = take_answer(node, owner, &answer, bytes);
            break;
        case PEER_LANE_PUSH:
            is_ok = lane == &owner->control && take_push(node, owner, bytes);
            break;
        case PEER_LANE_BROKEN:
            return false;
        }
        if (!is_ok) {
            bytes = bytes_trim(bytes);
            errmsg_set(error, "%.*s", bytes.len < 200 ? (int)bytes.len : 200, bytes.data);
            return false;
        }
        peer_lane_take(lane, bytes);
        look_for_room(node, owner);
    }
}

/* ---- links -------------------------------------------------------------------------------------- */

static struct copy_owner *find_link(const struct node *node, uint64_t link, struct peer_lane **lane)
{
    for (size_t i = 0; i < node->copy_owners.count; i++) {
        struct copy_owner *owner = node->copy_owners.items[i];

        if (owner->control.link == link || owner->data.link == link) {
            *lane = owner->control.link == link ? &owner->control : &owner->data;
            return owner;
        }
    }
    return NULL;
}

struct copy_owner *copy_owners_find_data(const struct node *node, uint64_t link)
{
    struct peer_lane *lane;
    struct copy_owner *owner = link != 0 ? find_link(node, link, &lane) : NULL;

    return owner != NULL && lane == &owner->data && lane->phase == PEER_LANE_OPEN ? owner : NULL;
}

bool copy_owners_link_up(struct node *node, uint64_t link)
{
    struct peer_lane *lane;
    struct copy_owner *owner = find_link(node, link, &lane);

    if (owner != NULL) {
        peer_lane_up(node, lane, &owner->address);
    }
    return owner != NULL;
}

bool copy_owners_link_input(struct node *node, uint64_t link, struct bytes input)
{
    struct peer_lane *lane;
    struct copy_owner *owner = find_link(node, link, &lane);
    struct errmsg error = {0};

    if (owner == NULL) {
        return false;
    }
    owner->heard_at = node->now.mono;
    peer_lane_input(lane, input);
    if (!read_lane(node, owner, lane, &error)) {
        note_refusal(node, owner, error.text);
        drop_lanes(node, owner, error.text);
    }
    return true;
}

bool copy_owners_link_down(struct node *node, uint64_t link)
{
    struct peer_lane *lane;
    struct copy_owner *owner = find_link(node, link, &lane);

    if (owner != NULL) {
        drop_lanes(node, owner, "it was closed");
    }
    return owner != NULL;
}

/* ---- a pass ------------------------------------------------------------------------------------- */

/* CLUSTER COPIES LEASE ms [slot reads] ... */
static void ask_for_lease(struct node *node, struct copy_owner *owner)
{
    struct bytes words[4 + 2 * COPY_USES_MAX] = {BYTES_LITERAL("CLUSTER"), BYTES_LITERAL("COPIES"),
                                                 BYTES_LITERAL("LEASE")};
    char texts[1 + 2 * COPY_USES_MAX][24];
    const struct peer_answer answer = {.kind = PEER_ANSWER_GRANT, .asked_at = node->now.mono};
    size_t count = 3;

    copy_uses_gather(node, &owner->address.node, &owner->uses);
    words[count++] = bytes_make(texts[0], num_format_u64(texts[0], BORROWER_LEASE_MS));
    for (size_t i = 0; i < owner->uses.count; i++) {
        char *slot = texts[1 + 2 * i];
        char *reads = texts[2 + 2 * i];

        words[count++] = bytes_make(slot, num_format_u64(slot, owner->uses.items[i].slot));
        words[count++] = bytes_make(reads, num_format_u64(reads, owner->uses.items[i].reads));
    }
    owner->uses.count = 0;
    borrower_note_asked(&owner->borrower, node->now.mono);
    peer_lane_ask(node, &owner->control, words, count, &answer);
}

static bool connects_for_too_long(const struct node *node, const struct peer_lane *lane)
{
    return lane->phase != PEER_LANE_OPEN && lane->phase != PEER_LANE_CLOSED &&
           mono_ms_between(lane->opened_at, node->now.mono) >= CONNECT_MS;
}

/* Since when nothing has come of it, though it was asked on the control lane, where it holds nothing; never when it was not. */
static struct mono_time silent_since(const struct copy_owner *owner)
{
    const struct peer_lane *lane = &owner->control;
    struct mono_time asked_at;

    if (lane->phase != PEER_LANE_OPEN || peer_lane_awaited(lane) == 0) {
        return MONO_NEVER;
    }
    asked_at = lane->answers.items[lane->first].asked_at;
    return mono_is_before(asked_at, owner->heard_at) ? owner->heard_at : asked_at;
}

/* Who has waited for it meanwhile has waited for long enough. */
static void look_whether_it_is_silent(struct node *node, struct copy_owner *owner)
{
    struct mono_time since = silent_since(owner);

    if (since.us != MONO_NEVER.us && is_too_long_since(node, since)) {
        note_failing(owner, since);
        drop_lanes(node, owner, "it does not answer");
    }
}

static void look_at_owner(struct node *node, struct copy_owner *owner)
{
    look_whether_it_is_silent(node, owner);
    if (connects_for_too_long(node, &owner->control) || connects_for_too_long(node, &owner->data)) {
        drop_lanes(node, owner, "it does not answer");
    }
    if (owner->control.phase == PEER_LANE_CLOSED && owner->failing_since.us != 0 &&
        mono_is_due(owner->retry_at, node->now.mono)) {
        waiting_on_copies(node); /* they try again, or have waited for long enough */
    }
    if (hot_copies_is_member_of(node, &owner->address.node)) {
        copy_owners_open(node, owner);
    }
    if (owner->control.phase == PEER_LANE_OPEN && owner->data.phase == PEER_LANE_OPEN &&
        borrower_is_to_ask(&owner->borrower, node->now.mono)) {
        ask_for_lease(node, owner);
    }
    borrower_tick(&owner->borrower, node->now.mono);
}

void copy_owners_hear_of(struct node *node, const struct cluster_id *id)
{
    struct copy_owner *owner = find(node, id);

    if (owner == NULL && hot_copies_is_member_of(node, id)) {
        owner = add(node, id);
    }
    if (owner != NULL) {
        look_at_owner(node, owner);
    }
}

/* Who waits for the end of a slot waits for no message: an owner that has started anew does not know that it was hot, and what
 * it said before lapses. */
static void tell_of_changes(struct node *node)
{
    if (node->copy_owners.seen_changes != node->hot_copies.known.changes) {
        node->copy_owners.seen_changes = node->hot_copies.known.changes;
        waiting_on_copies(node);
    }
}

/* What it was asked for slots that others have taken over is not waited for when it has failed: it may never answer. */
static bool is_needed(const struct node *node, const struct copy_owner *owner)
{
    struct cluster_node_view view;
    size_t index;

    if (hot_copies_accepts_of(node, &owner->address.node)) {
        return true;
    }
    if (peer_lane_awaited(&owner->data) == 0 ||
        !cluster_find_node(node->cluster, bytes_make(owner->address.node.text, CLUSTER_ID_LEN),
                           &index)) {
        return false;
    }
    cluster_node_at(node->cluster, index, node->now, &view);
    return !view.is_failed;
}

void copy_owners_tick(struct node *node)
{
    struct copy_owners *owners = &node->copy_owners;

    tell_of_changes(node);
    if (owners->count == 0) {
        return;
    }
    for (size_t i = owners->count; i-- > 0;) {
        look_at_owner(node, owners->items[i]);
        if (!is_needed(node, owners->items[i])) {
            remove_owner(node, i);
        }
    }
    copy_values_work(node);
}

struct mono_time copy_owners_wake_at(const struct node *node)
{
    struct mono_time at = MONO_NEVER;

    for (size_t i = 0; i < node->copy_owners.count; i++) {
        const struct copy_owner *owner = node->copy_owners.items[i];

        if (owner->control.phase == PEER_LANE_OPEN) {
            at = mono_earlier(at, borrower_ask_at(&owner->borrower));
        }
        at = mono_earlier(at, mono_add_ms(node->now.mono, RETRY_MS));
    }
    return at;
}

/* Is the key VALID in none of the owners from there on? */
static bool is_nowhere_from(const struct node *node, size_t first, struct bytes key)
{
    for (size_t i = first; i < node->copy_owners.count; i++) {
        if (copy_values_find(node->copy_owners.items[i], key) != NULL) {
            return false;
        }
    }
    return true;
}

void copy_owners_check(const struct node *node)
{
    size_t valid = 0;

    for (size_t i = 0; i < node->copy_owners.count; i++) {
        const struct copy_owner *owner = node->copy_owners.items[i];

        borrower_check(&owner->borrower);
        HASHTABLE_FOR_EACH (n, &owner->borrower.keys) {
            const struct borrowed *key = CONTAINER_OF_CONST(n, struct borrowed, by_name);

            valid += key->state == BORROWED_VALID;
            ASSERT(key->state != BORROWED_VALID ||
                   is_nowhere_from(node, i + 1, buf_bytes(&key->name))); /* (2) */
        }
    }
    ASSERT(copy_values_count(node) <= valid); /* (1) */
}
