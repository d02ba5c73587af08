/* SPDX-License-Identifier: MIT */
#include "node/borrowing.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/num.h"
#include "cluster/report.h"
#include "node/inside.h"
#include "session/queue.h"
#include "spec/slot.h"
#include "store/value.h"

enum {
    RETRY_MS = 200,
    CONNECT_MS = 1000,  /* an attempt takes no longer */
    SILENT_MS = 5000,   /* an owner that answers nothing for so long is given up */
    WORK_BUDGET = 1000, /* of freeing copies, in a pass */
};

void borrowing_init(struct node *node)
{
    node->borrowing = (struct borrowing){0};
}

/* ---- copies ------------------------------------------------------------------------------------- */

static void remove_copy(struct node *node, struct bytes key)
{
    struct key_ref ref = keyspace_ref(node->borrowing.copies, 0, key);

    (void)keyspace_remove(node->borrowing.copies, &ref);
}

static void remove_if_valid(struct node *node, const struct borrowed *key)
{
    if (key != NULL && key->state == BORROWED_VALID) {
        invalidation_key_lost(node, buf_bytes(&key->name));
        remove_copy(node, buf_bytes(&key->name));
    }
}

static void remove_all_of(struct node *node, struct borrowing_owner *owner)
{
    HASHTABLE_FOR_EACH (n, &owner->borrower.keys) {
        remove_if_valid(node, CONTAINER_OF_CONST(n, struct borrowed, by_name));
    }
}

size_t borrowing_bytes(const struct node *node)
{
    size_t bytes = 0;

    for (size_t i = 0; i < node->borrowing.count; i++) {
        bytes += node->borrowing.owners[i]->borrower.bytes;
    }
    return bytes;
}

size_t borrowing_copy_count(const struct node *node)
{
    return node->borrowing.copies != NULL ? (size_t)keyspace_count_all(node->borrowing.copies) : 0;
}

/* The one that has not been read for longest among the oldest of each owner goes first: of the owner that has most. */
static void make_room(struct node *node)
{
    while (borrowing_bytes(node) > (size_t)node->config.hot_copies_max_memory) {
        struct borrowing_owner *largest = node->borrowing.owners[0];
        const struct borrowed *oldest;

        for (size_t i = 1; i < node->borrowing.count; i++) {
            if (node->borrowing.owners[i]->borrower.bytes > largest->borrower.bytes) {
                largest = node->borrowing.owners[i];
            }
        }
        oldest = borrower_oldest(&largest->borrower);
        if (oldest == NULL) {
            return;
        }
        remove_if_valid(node, oldest);
        borrower_drop(&largest->borrower, buf_bytes(&oldest->name));
    }
}

/* ---- owners ------------------------------------------------------------------------------------- */

static struct borrowing_owner *find_owner(const struct node *node, const struct cluster_id *id)
{
    for (size_t i = 0; i < node->borrowing.count; i++) {
        if (cluster_id_equal(&node->borrowing.owners[i]->address.node, id)) {
            return node->borrowing.owners[i];
        }
    }
    return NULL;
}

static struct borrowing_owner *add_owner(struct node *node, const struct cluster_id *id)
{
    struct borrowing *b = &node->borrowing;
    struct borrowing_owner *owner;

    if (b->count == BORROWING_OWNERS_MAX) {
        return NULL;
    }
    owner = mem_alloc_zeroed(MEM_NODE, sizeof(*owner));
    owner->address.node = *id;
    borrower_init(&owner->borrower, node->data.hash_seed);
    b->owners[b->count++] = owner;
    return owner;
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

static void open_lanes(struct node *node, struct borrowing_owner *owner)
{
    if (owner->control.phase != PEER_LANE_CLOSED ||
        mono_is_before(node->now.mono, owner->retry_at)) {
        return;
    }
    if (!look_up(node, &owner->address)) {
        owner->is_failing = true;
        owner->retry_at = mono_add_ms(node->now.mono, RETRY_MS);
        return;
    }
    peer_lane_open(node, &owner->control, &owner->address);
    peer_lane_open(node, &owner->data, &owner->address);
    owner->data_version = 2;
}

/* Nobody knows what became of what it was asked. */
static void fail_call(struct node *node, const struct peer_answer *answer)
{
    struct session *s = session_find(&node->sessions, answer->session);

    if (s == NULL || s->hold.kind != HOLD_FORWARD || answer->is_ignored) {
        return;
    }
    if (s->hold.may_write) {
        waiting_release(node, s);
        node_close_session(node, s, false);
        return;
    }
    waiting_on_forwarded(node, s,
                         BYTES_LITERAL("-CLUSTERDOWN The node that serves this slot "
                                       "cannot be reached\r\n"));
}

static void fail_calls(struct node *node, struct borrowing_owner *owner)
{
    for (size_t i = owner->data.first; i < owner->data.answers.count; i++) {
        const struct peer_answer answer = owner->data.answers.items[i];

        if (answer.kind == PEER_ANSWER_CALL) {
            fail_call(node, &answer);
        }
    }
}

static void drop_lanes(struct node *node, struct borrowing_owner *owner, const char *why)
{
    if (owner->control.phase == PEER_LANE_CLOSED && owner->data.phase == PEER_LANE_CLOSED) {
        return;
    }
    node_log(node, LOG_VERBOSE, "copies: the link to node %s is gone: %s", owner->address.node.text,
             why);
    fail_calls(node, owner);
    remove_all_of(node, owner);
    borrower_link_down(&owner->borrower);
    peer_lane_close(node, &owner->control);
    peer_lane_close(node, &owner->data);
    owner->is_failing = true;
    owner->retry_at = mono_add_ms(node->now.mono, RETRY_MS);
    waiting_on_copies(node);
}

static void remove_owner(struct node *node, size_t index)
{
    struct borrowing_owner *owner = node->borrowing.owners[index];

    drop_lanes(node, owner, "it is not needed any more");
    borrower_deinit(&owner->borrower);
    mem_free(MEM_NODE, owner);
    node->borrowing.owners[index] = node->borrowing.owners[--node->borrowing.count];
}

void borrowing_deinit(struct node *node)
{
    while (node->borrowing.count > 0) {
        struct borrowing_owner *owner = node->borrowing.owners[--node->borrowing.count];

        peer_lane_close(node, &owner->control);
        peer_lane_close(node, &owner->data);
        borrower_deinit(&owner->borrower);
        mem_free(MEM_NODE, owner);
    }
    if (node->borrowing.copies != NULL) {
        keyspace_free(node->borrowing.copies);
    }
}

/* ---- requests ----------------------------------------------------------------------------------- */

static void begin_serving(struct node *node, const struct session *s)
{
    node->borrowing.is_serving = true;
    node->borrowing.reads++;
    node->borrowing.reader = s->id;
    call_on_copies(node, node->borrowing.copies);
}

void borrowing_end_serving(struct node *node)
{
    if (node->borrowing.is_serving) {
        node->borrowing.is_serving = false;
        call_begin(node);
    }
}

static void note_use(struct borrowing_owner *owner, uint16_t slot)
{
    for (size_t i = 0; i < owner->use_count; i++) {
        if (owner->uses[i].slot == slot) {
            owner->uses[i].reads++;
            return;
        }
    }
    if (owner->use_count < ARRAY_COUNT(owner->uses)) {
        owner->uses[owner->use_count++] = (struct borrowed_use){.slot = slot, .reads = 1};
    }
}

/* It tells of time, or of more than the value. */
static bool is_never_served(const struct command_spec *spec)
{
    switch ((int)spec->id) {
    case COMMAND_EXPIRETIME:
    case COMMAND_PEXPIRETIME:
    case COMMAND_TOUCH:
    case COMMAND_XREAD:
        return true;
    default:
        return !spec->is_data || (spec->flags & COMMAND_FLAG_READONLY) == 0 ||
               spec->kind == COMMAND_SUB;
    }
}

static bool is_stateful(const struct command_spec *spec)
{
    return spec->id == COMMAND_WATCH || spec->id == COMMAND_MIGRATE ||
           (spec->flags & (COMMAND_FLAG_BLOCKING | COMMAND_FLAG_PUBSUB)) != 0;
}

static void put_back(struct node *node, struct request *request)
{
    waiting_put_back(node, request, HOLD_COPY);
}

static void fetch(struct node *node, struct borrowing_owner *owner, struct bytes key)
{
    const struct bytes words[] = {BYTES_LITERAL("CLUSTER"), BYTES_LITERAL("COPIES"),
                                  BYTES_LITERAL("FETCH"), key};
    const struct peer_answer answer = {
        .kind = PEER_ANSWER_VALUE, .key_len = key.len, .asked_at = node->now.mono};

    borrower_note_wanted(&owner->borrower, key);
    peer_lane_ask(node, &owner->data, words, ARRAY_COUNT(words), &answer);
    node->borrowing.fetches++;
}

/* By a clock that was read after the request was: nobody was told of anything newer before. */
static enum borrowed_state look_at_keys(struct node *node, struct borrowing_owner *owner,
                                        const struct request *request,
                                        const struct command_keys *keys)
{
    struct mono_time now = node->env.now(node->env.context).mono;
    enum borrowed_state least = BORROWED_VALID;

    if (!borrower_has_lease(&owner->borrower, now)) {
        return BORROWED_REFUSED;
    }
    for (size_t i = 0; i < keys->count; i++) {
        struct bytes key = request->args[command_key_at(keys, i)];
        enum borrowed_state state = borrower_look(&owner->borrower, now, key);

        if (state == BORROWED_REFUSED) {
            return state;
        }
        if (state == BORROWED_NOT) {
            remove_if_valid(node, borrower_find(&owner->borrower, key)); /* it has expired */
            fetch(node, owner, key);
        }
        least = state != BORROWED_VALID ? BORROWED_ASKED : least;
    }
    return least;
}

/* The data lane is to speak the client's version. */
static void speak(struct node *node, struct borrowing_owner *owner, int version)
{
    const struct bytes words[] = {BYTES_LITERAL("HELLO"),
                                  version == 3 ? BYTES_LITERAL("3") : BYTES_LITERAL("2")};
    const struct peer_answer answer = {.kind = PEER_ANSWER_SKIP, .asked_at = node->now.mono};

    if (owner->data_version != version) {
        peer_lane_ask(node, &owner->data, words, ARRAY_COUNT(words), &answer);
        owner->data_version = version;
    }
}

static void hold(struct node *node, struct session *s, bool may_write)
{
    waiting_hold(node, s, HOLD_FORWARD, MONO_NEVER);
    s->hold.may_write = may_write;
}

static struct peer_answer answer_for(const struct node *node, const struct session *s)
{
    return (struct peer_answer){
        .kind = PEER_ANSWER_CALL, .session = s->id, .asked_at = node->now.mono};
}

static void send_words(struct node *node, struct borrowing_owner *owner, const struct bytes *words,
                       size_t count, bool is_inline, struct bytes raw,
                       const struct peer_answer *answer)
{
    if (is_inline) {
        peer_lane_ask(node, &owner->data, words, count, answer);
    } else {
        peer_lane_pass_on(node, &owner->data, raw, answer);
    }
}

static void forward(struct node *node, struct borrowing_owner *owner, struct request *request)
{
    const struct peer_answer answer = answer_for(node, request->session);

    speak(node, owner, request->session->protocol);
    send_words(node, owner, request->args, request->arg_count, request->read.is_inline,
               request->read.raw, &answer);
    hold(node, request->session, (request->spec->flags & COMMAND_FLAG_READONLY) == 0);
    owner->forwards++;
    node->borrowing.forwards++;
}

/* Is the owner there?  Else the client waits for it, or was told that it cannot be reached. */
static bool is_reached(struct node *node, struct borrowing_owner *owner, struct request *request)
{
    if (owner->data.phase == PEER_LANE_OPEN) {
        return true;
    }
    if (owner->is_failing && owner->control.phase == PEER_LANE_CLOSED) {
        reply_error(request, "CLUSTERDOWN The node that serves this slot cannot be reached");
    } else {
        put_back(node, request);
    }
    return false;
}

static void tell_stateful(struct node *node, struct borrowing_owner *owner, uint16_t slot)
{
    char text[8];
    const struct bytes words[] = {BYTES_LITERAL("CLUSTER"), BYTES_LITERAL("COPIES"),
                                  BYTES_LITERAL("STATEFUL"),
                                  bytes_make(text, num_format_u64(text, slot))};
    const struct peer_answer answer = {.kind = PEER_ANSWER_SKIP, .asked_at = node->now.mono};

    if (owner->control.phase == PEER_LANE_OPEN) {
        peer_lane_ask(node, &owner->control, words, ARRAY_COUNT(words), &answer);
    }
}

/* Whose the slot is, if we serve it besides; NULL if not.  is_over: it is hot no more, clients may still come. */
static struct borrowing_owner *owner_of(struct node *node, uint16_t slot, bool *is_over)
{
    const struct hot_slot *hot = hot_copies_accepted(node, slot);
    struct borrowing_owner *owner;

    if (hot == NULL) {
        return NULL;
    }
    *is_over = hot->member_count == 0;
    owner = find_owner(node, &hot->owner);
    return owner != NULL ? owner : add_owner(node, &hot->owner);
}

static bool may_wait(const struct request *request)
{
    return request->reply->out == &request->session->output.buf && request->read.raw.len > 0;
}

enum borrowing_answer borrowing_take(struct node *node, struct request *request, uint16_t slot,
                                     const struct command_keys *keys)
{
    bool is_over = false;
    struct borrowing_owner *owner = owner_of(node, slot, &is_over);

    if (owner == NULL || !may_wait(request) || (is_over && is_stateful(request->spec))) {
        return BORROWING_NOT_OURS;
    }
    if (transaction_takes(request)) {
        return BORROWING_QUEUE;
    }
    open_lanes(node, owner);
    if (is_stateful(request->spec)) {
        tell_stateful(node, owner, slot);
        put_back(node, request);
        return BORROWING_TAKEN;
    }
    if (!is_reached(node, owner, request)) {
        return BORROWING_TAKEN;
    }
    if (!is_never_served(request->spec)) {
        enum borrowed_state state = look_at_keys(node, owner, request, keys);

        if (state == BORROWED_VALID) {
            note_use(owner, slot);
            begin_serving(node, request->session);
            return BORROWING_SERVE;
        }
        if (state == BORROWED_ASKED) {
            put_back(node, request);
            return BORROWING_TAKEN;
        }
    }
    forward(node, owner, request);
    return BORROWING_TAKEN;
}

/* ---- transactions ------------------------------------------------------------------------------- */

static struct request as_request(struct request *exec, const struct queue_item *item,
                                 struct bytes *words)
{
    queue_words(exec->session->queue, item, words);
    return (struct request){
        .session = exec->session, .spec = item->spec, .args = words, .arg_count = item->word_count};
}

/* The one slot of all that is queued; SLOT_NONE when there is none, or several. */
static uint16_t slot_of_queue(struct request *exec)
{
    const struct queue *queue = exec->session->queue;
    uint16_t slot = SLOT_NONE;
    VEC(struct bytes) words = {0};

    for (size_t i = 0; i < queue->items.count; i++) {
        const struct queue_item *item = &queue->items.items[i];
        struct request request;
        struct command_keys keys;

        VEC_RESERVE(&words, item->word_count);
        request = as_request(exec, item, words.items);
        keys = request_keys(&request);
        for (size_t k = 0; k < keys.count; k++) {
            uint16_t own = slot_of_key(request.args[command_key_at(&keys, k)]);

            if (slot != SLOT_NONE && own != slot) {
                VEC_DEINIT(&words);
                return SLOT_NONE;
            }
            slot = own;
        }
    }
    VEC_DEINIT(&words);
    return slot;
}

static void pass_on_word(struct node *node, struct borrowing_owner *owner, struct session *s,
                         struct bytes word, bool is_ignored)
{
    struct peer_answer answer = answer_for(node, s);

    answer.is_ignored = is_ignored;
    peer_lane_ask(node, &owner->data, &word, 1, &answer);
}

static void pass_on_queue(struct node *node, struct borrowing_owner *owner, struct request *exec)
{
    const struct queue *queue = exec->session->queue;
    VEC(struct bytes) words = {0};

    speak(node, owner, exec->session->protocol);
    pass_on_word(node, owner, exec->session, BYTES_LITERAL("MULTI"), true);
    for (size_t i = 0; i < queue->items.count; i++) {
        const struct queue_item *item = &queue->items.items[i];
        struct peer_answer answer = answer_for(node, exec->session);

        answer.is_ignored = true;
        VEC_RESERVE(&words, item->word_count);
        queue_words(queue, item, words.items);
        send_words(node, owner, words.items, item->word_count, item->is_inline,
                   queue_raw(queue, item), &answer);
    }
    VEC_DEINIT(&words);
    pass_on_word(node, owner, exec->session, BYTES_LITERAL("EXEC"), false);
}

bool borrowing_take_exec(struct node *node, struct request *request)
{
    struct session *s = request->session;
    bool is_over = false;
    struct borrowing_owner *owner;
    uint16_t slot;

    if ((s->flags & SESSION_IN_MULTI) == 0 || s->queue->items.count == 0 || s->queue->is_spoiled) {
        return false;
    }
    slot = slot_of_queue(request);
    owner = slot != SLOT_NONE && !cluster_owns_slot(node->cluster, slot)
                ? owner_of(node, slot, &is_over)
                : NULL;
    if (owner == NULL) {
        return false;
    }
    if (s->watcher != NULL) {
        transaction_drop(node, s);
        reply_error(request, "CROSSSLOT Keys in request don't hash to the same slot");
        return true;
    }
    open_lanes(node, owner);
    if (!is_reached(node, owner, request)) {
        if ((s->flags & SESSION_HELD) == 0) {
            transaction_drop(node, s);
        }
        return true;
    }
    pass_on_queue(node, owner, request);
    hold(node, s, (s->queue->command_flags & COMMAND_FLAG_WRITE) != 0);
    transaction_drop(node, s);
    owner->forwards++;
    node->borrowing.forwards++;
    return true;
}

/* ---- answers ------------------------------------------------------------------------------------ */

static struct keyspace *copies_of(struct node *node)
{
    if (node->borrowing.copies == NULL) {
        node->borrowing.copies = data_new_keyspace(node);
    }
    return node->borrowing.copies;
}

/* False: that is no value. */
static bool put_copy(struct node *node, struct bytes key, struct bytes payload, int64_t ttl_ms,
                     size_t *bytes)
{
    struct keyspace *copies = copies_of(node);
    struct key_ref ref = keyspace_ref(copies, 0, key);
    struct value_reader reader = {0};
    struct value value;
    bool is_ok = value_restore(keyspace_values(copies), payload, &reader, NULL);

    if (is_ok) {
        value = value_reader_take(&reader);
        keyspace_put(copies, &ref, &value, ttl_ms < 0 ? EXPIRE_NEVER : node->now.unix_ms + ttl_ms);
        *bytes = keyspace_entry_bytes(copies, keyspace_find_any(copies, &ref));
    }
    value_reader_deinit(&reader);
    return is_ok;
}

static void take_value(struct node *node, struct borrowing_owner *owner, struct bytes bytes,
                       const struct peer_answer *answer)
{
    struct resp_value value = {0};
    struct errmsg error = {0};
    struct buf key = {0};
    size_t consumed = 0;
    struct resp_limits limits = {.max_args = 16,
                                 .max_bulk_bytes = UINT64_C(4) * 1024 * 1024 * 1024,
                                 .max_inline_bytes = 64 * 1024,
                                 .max_depth = 2};

    peer_lane_take_key(&owner->data, answer->key_len, &key);
    if (resp_value_read(bytes, &limits, &value, &consumed, &error) == RESP_OK &&
        value.type == RESP_ARRAY && value.child_count == 3 &&
        value.children[0].type == RESP_INTEGER && value.children[1].type == RESP_INTEGER) {
        int64_t ttl_ms = value.children[1].integer;
        struct mono_time expires =
            ttl_ms < 0 ? MONO_NEVER : mono_add_ms(answer->asked_at, ttl_ms); /* early, never late */
        size_t size = buf_bytes(&key).len;
        bool is_there = value.children[2].type == RESP_BULK;

        if (is_there &&
            !put_copy(node, buf_bytes(&key), resp_value_bytes(&value.children[2]), ttl_ms, &size)) {
            borrower_take_refusal(&owner->borrower, node->now.mono, buf_bytes(&key));
        } else if (!borrower_take_value(&owner->borrower, buf_bytes(&key),
                                        (uint64_t)value.children[0].integer, expires, size) &&
                   is_there) {
            remove_copy(node, buf_bytes(&key));
        }
    } else {
        borrower_take_refusal(&owner->borrower, node->now.mono, buf_bytes(&key));
    }
    resp_value_deinit(&value);
    buf_deinit(&key);
    (void)copies_of(node); /* of a key that is not there, too */
    make_room(node);
    waiting_on_copies(node);
}

static void take_call(struct node *node, const struct peer_answer *answer, struct bytes bytes)
{
    struct session *s = session_find(&node->sessions, answer->session);

    if (s != NULL && !answer->is_ignored && s->hold.kind == HOLD_FORWARD) {
        waiting_on_forwarded(node, s, bytes);
    }
}

/* ":ms" */
static bool take_grant(struct borrowing_owner *owner, struct bytes bytes)
{
    int64_t ms;

    if (bytes.data[0] != ':' || !num_parse_i64(bytes_trim(bytes_from(bytes, 1)), &ms)) {
        return false;
    }
    borrower_take_lease(&owner->borrower, ms);
    return true;
}

/* False: the owner does not want us. */
static bool take_answer(struct node *node, struct borrowing_owner *owner,
                        const struct peer_answer *answer, struct bytes bytes)
{
    switch (answer->kind) {
    case PEER_ANSWER_SKIP:
        return bytes.data[0] != '-';
    case PEER_ANSWER_GRANT:
        return take_grant(owner, bytes);
    case PEER_ANSWER_VALUE:
        take_value(node, owner, bytes, answer);
        return true;
    case PEER_ANSWER_CALL:
        take_call(node, answer, bytes);
        return true;
    }
    return false;
}

static void acknowledge(struct node *node, struct borrowing_owner *owner, uint64_t version)
{
    char text[24];
    const struct bytes words[] = {BYTES_LITERAL("CLUSTER"), BYTES_LITERAL("COPIES"),
                                  BYTES_LITERAL("ACK"),
                                  bytes_make(text, num_format_u64(text, version))};
    const struct peer_answer answer = {.kind = PEER_ANSWER_SKIP, .asked_at = node->now.mono};

    peer_lane_ask(node, &owner->control, words, ARRAY_COUNT(words), &answer);
}

/* invalidate <version> <key or null>: whoever keeps what it has read here is told before the owner is answered. */
static bool take_push(struct node *node, struct borrowing_owner *owner, struct bytes bytes)
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

            remove_if_valid(node, borrower_find(&owner->borrower, key));
            borrower_invalidate(&owner->borrower, key, version);
        } else {
            remove_all_of(node, owner);
            borrower_invalidate_all(&owner->borrower, version);
        }
        acknowledge(node, owner, version);
    }
    resp_value_deinit(&value);
    return is_ok;
}

static void join(struct node *node, struct borrowing_owner *owner)
{
    const struct bytes words[] = {BYTES_LITERAL("CLUSTER"), BYTES_LITERAL("COPIES"),
                                  BYTES_LITERAL("JOIN")};
    const struct peer_answer answer = {.kind = PEER_ANSWER_SKIP, .asked_at = node->now.mono};

    peer_lane_ask(node, &owner->control, words, ARRAY_COUNT(words), &answer);
    borrower_link_up(&owner->borrower);
}

static void note_open(struct node *node, struct borrowing_owner *owner,
                      const struct peer_lane *lane)
{
    if (lane == &owner->control) {
        join(node, owner);
    } else {
        owner->is_failing = false;
        waiting_on_copies(node);
    }
}

/* What has come on a lane; false: the owner's lanes are to be closed. */
static bool read_lane(struct node *node, struct borrowing_owner *owner, struct peer_lane *lane,
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
            errmsg_set(error, "%.*s", bytes.len < 200 ? (int)bytes.len : 200, bytes.data);
            return false;
        }
        peer_lane_take(lane, bytes);
    }
}

/* ---- links -------------------------------------------------------------------------------------- */

static struct borrowing_owner *find_link(const struct node *node, uint64_t link,
                                         struct peer_lane **lane)
{
    for (size_t i = 0; i < node->borrowing.count; i++) {
        struct borrowing_owner *owner = node->borrowing.owners[i];

        if (owner->control.link == link || owner->data.link == link) {
            *lane = owner->control.link == link ? &owner->control : &owner->data;
            return owner;
        }
    }
    return NULL;
}

bool borrowing_link_up(struct node *node, uint64_t link)
{
    struct peer_lane *lane;
    struct borrowing_owner *owner = find_link(node, link, &lane);

    if (owner != NULL) {
        peer_lane_up(node, lane, &owner->address);
    }
    return owner != NULL;
}

bool borrowing_link_input(struct node *node, uint64_t link, struct bytes input)
{
    struct peer_lane *lane;
    struct borrowing_owner *owner = find_link(node, link, &lane);
    struct errmsg error = {0};

    if (owner == NULL) {
        return false;
    }
    peer_lane_input(lane, input);
    if (!read_lane(node, owner, lane, &error)) {
        drop_lanes(node, owner, error.text);
    }
    return true;
}

bool borrowing_link_down(struct node *node, uint64_t link)
{
    struct peer_lane *lane;
    struct borrowing_owner *owner = find_link(node, link, &lane);

    if (owner != NULL) {
        drop_lanes(node, owner, "it was closed");
    }
    return owner != NULL;
}

/* ---- a pass ------------------------------------------------------------------------------------- */

/* CLUSTER COPIES LEASE ms [slot reads] ... */
static void ask_for_lease(struct node *node, struct borrowing_owner *owner)
{
    struct bytes words[4 + 2 * ARRAY_COUNT(owner->uses)] = {
        BYTES_LITERAL("CLUSTER"), BYTES_LITERAL("COPIES"), BYTES_LITERAL("LEASE")};
    char texts[1 + 2 * ARRAY_COUNT(owner->uses)][24];
    struct mono_time now = node->env.now(node->env.context).mono;
    const struct peer_answer answer = {.kind = PEER_ANSWER_GRANT, .asked_at = now};
    size_t count = 3;

    words[count++] = bytes_make(texts[0], num_format_u64(texts[0], BORROWER_LEASE_MS));
    for (size_t i = 0; i < owner->use_count; i++) {
        char *slot = texts[1 + 2 * i];
        char *reads = texts[2 + 2 * i];

        words[count++] = bytes_make(slot, num_format_u64(slot, owner->uses[i].slot));
        words[count++] = bytes_make(reads, num_format_u64(reads, owner->uses[i].reads));
    }
    owner->use_count = 0;
    borrower_note_asked(&owner->borrower, node->now.mono);
    peer_lane_ask(node, &owner->control, words, count, &answer);
}

/* The first answer that a lane awaits has been awaited for too long. */
static bool is_silent(const struct node *node, const struct peer_lane *lane)
{
    if (lane->phase != PEER_LANE_OPEN) {
        return lane->phase != PEER_LANE_CLOSED &&
               mono_ms_between(lane->opened_at, node->now.mono) >= CONNECT_MS;
    }
    return peer_lane_awaited(lane) > 0 &&
           mono_ms_between(lane->answers.items[lane->first].asked_at, node->now.mono) >= SILENT_MS;
}

static void look_at_owner(struct node *node, struct borrowing_owner *owner)
{
    if (is_silent(node, &owner->control) || is_silent(node, &owner->data)) {
        drop_lanes(node, owner, "it does not answer");
    }
    if (hot_copies_is_member_of(node, &owner->address.node)) {
        open_lanes(node, owner);
    }
    if (owner->control.phase == PEER_LANE_OPEN && owner->data.phase == PEER_LANE_OPEN &&
        borrower_is_to_ask(&owner->borrower, node->now.mono)) {
        ask_for_lease(node, owner);
    }
    borrower_tick(&owner->borrower, node->now.mono);
}

void borrowing_look_at_owner(struct node *node, const struct cluster_id *id)
{
    struct borrowing_owner *owner = find_owner(node, id);

    if (owner == NULL && hot_copies_is_member_of(node, id)) {
        owner = add_owner(node, id);
    }
    if (owner != NULL) {
        look_at_owner(node, owner);
    }
}

void borrowing_tick(struct node *node)
{
    struct borrowing *b = &node->borrowing;

    if (b->count == 0) {
        return;
    }
    for (size_t i = b->count; i-- > 0;) {
        look_at_owner(node, b->owners[i]);
        if (!hot_copies_accepts_of(node, &b->owners[i]->address.node)) {
            remove_owner(node, i);
        }
    }
    if (b->copies != NULL) {
        pass_note_work_if(&node->pass, keyspace_work(b->copies, WORK_BUDGET));
    }
}

struct mono_time borrowing_wake_at(const struct node *node)
{
    struct mono_time at = MONO_NEVER;

    for (size_t i = 0; i < node->borrowing.count; i++) {
        const struct borrowing_owner *owner = node->borrowing.owners[i];

        if (owner->control.phase == PEER_LANE_OPEN) {
            at = mono_earlier(at, borrower_ask_at(&owner->borrower));
        }
        at = mono_earlier(at, mono_add_ms(node->now.mono, RETRY_MS));
    }
    return at;
}

void borrowing_check(const struct node *node)
{
    size_t valid = 0;

    for (size_t i = 0; i < node->borrowing.count; i++) {
        const struct borrowing_owner *owner = node->borrowing.owners[i];

        borrower_check(&owner->borrower);
        HASHTABLE_FOR_EACH (n, &owner->borrower.keys) {
            const struct borrowed *key = CONTAINER_OF_CONST(n, struct borrowed, by_name);

            valid += key->state == BORROWED_VALID;
        }
    }
    ASSERT(borrowing_copy_count(node) <= valid); /* (1) */
    ASSERT(!node->borrowing.is_serving);
}
