/* SPDX-License-Identifier: MIT */
#include "node/borrowing.h"

#include "base/assert.h"
#include "base/num.h"
#include "node/inside.h"
#include "session/hot_reads.h"
#include "session/queue.h"
#include "spec/slot.h"

/* ---- requests ----------------------------------------------------------------------------------- */

static void begin_serving(struct node *node, const struct session *s)
{
    node->borrowing.is_serving = true;
    node->borrowing.reads++;
    node->borrowing.reader = s->id;
    call_on_copies(node, node->copy_values.keyspace);
}

void borrowing_end_serving(struct node *node)
{
    if (node->borrowing.is_serving) {
        node->borrowing.is_serving = false;
        call_on_data(node);
    }
}

/* It tells of time, which a copy does not know, or of more than the value: other keys that its elements name, or a place in the
 * table of the owner, where the next step of a scan may be asked. */
static bool is_never_served(const struct command_spec *spec)
{
    switch ((int)spec->id) {
    case COMMAND_CLUSTERSCAN:
    case COMMAND_EXPIRETIME:
    case COMMAND_HSCAN:
    case COMMAND_TTL:
    case COMMAND_PTTL:
    case COMMAND_PEXPIRETIME:
    case COMMAND_SORT_RO:
    case COMMAND_SSCAN:
    case COMMAND_TOUCH:
    case COMMAND_XREAD:
    case COMMAND_ZSCAN:
        return true;
    default:
        return !spec->is_data || (spec->flags & COMMAND_FLAG_READONLY) == 0 ||
               spec->kind == COMMAND_SUB;
    }
}

/* Streams are read with BLOCK or without; what it may be that is called so is not looked at closer. */
static bool may_block(const struct request *request)
{
    if (request->spec->id != COMMAND_XREAD && request->spec->id != COMMAND_XREADGROUP) {
        return (request->spec->flags & COMMAND_FLAG_BLOCKING) != 0;
    }
    for (size_t i = 1; i < request->arg_count; i++) {
        if (bytes_equal_nocase(request->args[i], "STREAMS")) {
            return false;
        }
        if (bytes_equal_nocase(request->args[i], "BLOCK")) {
            return true;
        }
    }
    return false;
}

static bool is_stateful(const struct request *request)
{
    return request->spec->id == COMMAND_WATCH || request->spec->id == COMMAND_MIGRATE ||
           (request->spec->flags & COMMAND_FLAG_PUBSUB) != 0 || may_block(request);
}

static void put_back(struct node *node, struct request *request)
{
    waiting_put_back(node, request, HOLD_COPY);
}

static void fetch(struct node *node, struct copy_owner *owner, struct bytes key)
{
    const struct peer_answer answer = {
        .kind = PEER_ANSWER_VALUE, .kept_len = key.len, .asked_at = node->now.mono};

    borrower_note_wanted(&owner->borrower, key);
    copy_owners_ask(node, &owner->data, "FETCH", key, &answer);
    node->borrowing.fetches++;
}

/* A replica is asked in two ways, by who has said READONLY and who has not. */
static void note_again(struct node *node, struct copy_owner *owner, uint16_t slot,
                       struct mono_time now)
{
    if (node->role.is_primary && !hot_readers_are_counted(node, slot)) {
        node->borrowing.again = owner;
        node->borrowing.again_slot = slot;
        node->borrowing.again_now = now;
    }
}

void borrowing_forget(struct node *node)
{
    node->borrowing.again = NULL;
}

/* The keys of a batch are hashed as those of its owners are: by one seed. */
bool borrowing_serves_again(struct node *node, const struct request *request)
{
    struct borrowing *b = &node->borrowing;
    const struct key_ref *ref = &node->batch.keys[request->first_key];

    if (b->again == NULL || request->key_count != 1 || ref->table != b->again_slot ||
        is_never_served(request->spec) ||
        !borrower_serves(&b->again->borrower, b->again_now, ref->bytes, ref->hash)) {
        return false;
    }
    copy_uses_note(&b->again->uses, b->again_slot);
    begin_serving(node, request->session);
    return true;
}

/* By a clock that was read after the request was: nobody was told of anything newer before. */
static enum borrowed_state look_at_keys(struct node *node, struct copy_owner *owner,
                                        const struct request *request,
                                        const struct command_keys *keys, struct mono_time now)
{
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
        if (state == BORROWED_NOT && copy_owners_can_ask(owner)) {
            copy_values_drop(node, borrower_find(&owner->borrower, key)); /* it has expired */
            fetch(node, owner, key);
        }
        least = state != BORROWED_VALID ? BORROWED_ASKED : least;
    }
    return least;
}

/* The data lane is to speak the client's version. */
static void speak(struct node *node, struct copy_owner *owner, int version)
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

static void send_words(struct node *node, struct copy_owner *owner, const struct bytes *words,
                       size_t count, bool is_inline, struct bytes raw,
                       const struct peer_answer *answer)
{
    if (is_inline) {
        peer_lane_ask(node, &owner->data, words, count, answer);
    } else {
        peer_lane_pass_on(node, &owner->data, raw, answer);
    }
}

static void note_write(struct session *s, const struct copy_owner *owner, uint32_t flags)
{
    if ((flags & COMMAND_FLAG_WRITE) != 0) {
        s->forwarded_link = owner->data.link;
    }
}

static void forward(struct node *node, struct copy_owner *owner, struct request *request)
{
    const struct peer_answer answer = answer_for(node, request->session);
    bool is_read = (request->spec->flags & COMMAND_FLAG_READONLY) != 0;
    bool is_kept = is_read || (request->session->flags & SESSION_TRACKING) != 0;

    note_write(request->session, owner, request->spec->flags);
    speak(node, owner, request->session->protocol);
    if (is_kept && !request->read.is_inline) {
        peer_lane_pass_on_kept(node, &owner->data, request->read.raw, answer);
    } else {
        send_words(node, owner, request->args, request->arg_count, request->read.is_inline,
                   request->read.raw, &answer);
    }
    hold(node, request->session, !is_read);
    node->borrowing.forwards++;
}

/* Is there room for the request at the owner's data lane?  Else the client waits for it. */
static bool has_room(struct node *node, struct copy_owner *owner, struct request *request)
{
    if (copy_owners_can_ask(owner)) {
        return true;
    }
    put_back(node, request);
    return false;
}

/* Is the owner there?  Else the client waits for it, or was told that it cannot be reached. */
static bool is_reached(struct node *node, struct copy_owner *owner, struct request *request)
{
    if (owner->data.phase == PEER_LANE_OPEN) {
        return true;
    }
    if (copy_owners_is_lost(node, owner)) {
        reply_error(request, "CLUSTERDOWN The node that serves this slot cannot be reached");
    } else {
        put_back(node, request);
    }
    return false;
}

static void tell_stateful(struct node *node, struct copy_owner *owner, uint16_t slot)
{
    char text[8];
    const struct peer_answer answer = {.kind = PEER_ANSWER_SKIP, .asked_at = node->now.mono};

    if (owner->control.phase == PEER_LANE_OPEN) {
        copy_owners_ask(node, &owner->control, "STATEFUL",
                        bytes_make(text, num_format_u64(text, slot)), &answer);
    }
}

/* Whose the slot is, if we serve it besides, with its announcement; NULL if not. */
static struct copy_owner *owner_of(struct node *node, uint16_t slot, const struct hot_slot **hot)
{
    *hot = hot_copies_accepted(node, slot);
    return *hot != NULL ? copy_owners_get(node, &(*hot)->owner) : NULL;
}

/* Each connection once in an epoch, and only to an owner that is there. */
static bool is_sent_home(struct node *node, struct session *s, const struct copy_owner *owner,
                         const struct hot_slot *hot)
{
    struct spread_reader *reader;

    if (owner->data.phase != PEER_LANE_OPEN || (s->flags & SESSION_IN_MULTI) != 0 ||
        !hot_slots_sends_home(&node->hot_copies.known, node->now.mono, hot->slot,
                              cluster_my_id(node->cluster), cluster_my_primary_id(node->cluster))) {
        return false;
    }
    reader = hot_reads_get(&s->hot_reads, hot->slot);
    if (reader->judged >= hot->number) {
        return false;
    }
    reader->judged = hot->number;
    node->borrowing.sent_home++;
    return true;
}

enum borrowing_answer borrowing_take(struct node *node, struct request *request, uint16_t slot,
                                     const struct command_keys *keys)
{
    const struct hot_slot *hot;
    struct copy_owner *owner = owner_of(node, slot, &hot);

    if (owner == NULL || owner->is_refusing || !request_may_wait(request) ||
        is_sent_home(node, request->session, owner, hot) ||
        (hot->member_count == 0 && is_stateful(request))) {
        return BORROWING_NOT_OURS;
    }
    if (request_is_queued(request)) {
        return BORROWING_QUEUE;
    }
    copy_owners_open(node, owner);
    if (is_stateful(request)) {
        tell_stateful(node, owner, slot);
        put_back(node, request);
        return BORROWING_TAKEN;
    }
    if (!is_reached(node, owner, request)) {
        return BORROWING_TAKEN;
    }
    if (!is_never_served(request->spec)) {
        struct mono_time now = node->env.now(node->env.context).mono;
        enum borrowed_state state = look_at_keys(node, owner, request, keys, now);

        if (state == BORROWED_VALID) {
            copy_uses_note(&owner->uses, slot);
            begin_serving(node, request->session);
            note_again(node, owner, slot, now);
            return BORROWING_SERVE;
        }
        if (state == BORROWED_ASKED) {
            put_back(node, request);
            return BORROWING_TAKEN;
        }
    }
    if (has_room(node, owner, request)) {
        forward(node, owner, request);
    }
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
        ASSERT(words.items != NULL); /* each has a name */
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

/* The owner runs what is passed on for somebody else, on a connection of many: what is said of a connection, or to the node
 * itself, is not for that. */
static bool can_be_passed_on(const struct command_spec *spec)
{
    switch ((int)spec->id) {
    case COMMAND_ECHO:
    case COMMAND_PING:
    case COMMAND_PUBLISH:
    case COMMAND_SPUBLISH:
    case COMMAND_TIME:
        return true;
    default:
        return spec->is_data ||
               (command_has_keys(spec) && (spec->flags & COMMAND_FLAG_PUBSUB) == 0);
    }
}

static bool all_can_be_passed_on(const struct queue *queue)
{
    for (size_t i = 0; i < queue->items.count; i++) {
        if (!can_be_passed_on(queue->items.items[i].spec)) {
            return false;
        }
    }
    return true;
}

/* May the client still ask for all of it?  The owner does not know for whom it runs them.  False after an error. */
static bool is_still_allowed(struct node *node, struct request *exec)
{
    const struct queue *queue = exec->session->queue;
    bool is_allowed = true;
    VEC(struct bytes) words = {0};

    if ((exec->session->flags & SESSION_LIMITED) == 0) {
        return true;
    }
    for (size_t i = 0; i < queue->items.count && is_allowed; i++) {
        const struct queue_item *item = &queue->items.items[i];
        struct request request;

        VEC_RESERVE(&words, item->word_count);
        request = as_request(exec, item, words.items);
        request.reply = exec->reply;
        is_allowed = users_allow(node, &request);
    }
    VEC_DEINIT(&words);
    return is_allowed;
}

static void pass_on_word(struct node *node, struct copy_owner *owner, struct session *s,
                         struct bytes word, bool is_ignored)
{
    struct peer_answer answer = answer_for(node, s);

    answer.is_ignored = is_ignored;
    peer_lane_ask(node, &owner->data, &word, 1, &answer);
}

static void pass_on_queue(struct node *node, struct copy_owner *owner, struct request *exec)
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

static void drop_queue(struct node *node, struct session *s)
{
    queue_end(s);
    watching_leave(node, s);
}

bool borrowing_take_exec(struct node *node, struct request *request)
{
    struct session *s = request->session;
    const struct hot_slot *hot;
    struct copy_owner *owner;
    bool is_stranger; /* something in it needs the owner's own connection */
    uint16_t slot;

    if ((s->flags & SESSION_IN_MULTI) == 0 || s->queue->items.count == 0 || s->queue->is_spoiled) {
        return false;
    }
    slot = slot_of_queue(request);
    owner = slot != SLOT_NONE && !cluster_owns_slot(node->cluster, slot)
                ? owner_of(node, slot, &hot)
                : NULL;
    is_stranger = owner != NULL && !all_can_be_passed_on(s->queue);
    if (owner == NULL || owner->is_refusing || (is_stranger && hot->member_count == 0)) {
        return false;
    }
    if (s->watcher != NULL) {
        drop_queue(node, s);
        reply_error(request, "CROSSSLOT Keys in request don't hash to the same slot");
        return true;
    }
    copy_owners_open(node, owner);
    if (is_stranger) {
        tell_stateful(node, owner, slot);
        put_back(node, request);
        return true;
    }
    if (!is_reached(node, owner, request)) {
        if ((s->flags & SESSION_HELD) == 0) {
            drop_queue(node, s);
        }
        return true;
    }
    if (!has_room(node, owner, request) || !is_still_allowed(node, request)) {
        return true;
    }
    pass_on_queue(node, owner, request);
    hold(node, s, (s->queue->command_flags & COMMAND_FLAG_WRITE) != 0);
    note_write(s, owner, s->queue->command_flags);
    drop_queue(node, s);
    node->borrowing.forwards++;
    return true;
}

/* ---- WAIT --------------------------------------------------------------------------------------- */

/* The last word is how long it may take. */
bool borrowing_take_wait(struct node *node, struct request *request)
{
    struct session *s = request->session;
    struct copy_owner *owner = copy_owners_find_data(node, s->forwarded_link);
    const struct peer_answer answer = answer_for(node, s);
    struct bytes words[4];
    char text[24];
    int64_t ms;

    if (owner == NULL || !request_may_wait(request)) {
        return false;
    }
    if (!has_room(node, owner, request)) {
        return true;
    }
    ASSERT(request->arg_count <= ARRAY_COUNT(words));
    memcpy(words, request->args, request->arg_count * sizeof(words[0]));
    if (num_parse_i64(words[request->arg_count - 1], &ms) && (ms == 0 || ms > BORROWING_WAIT_MS)) {
        words[request->arg_count - 1] = bytes_make(text, num_format_u64(text, BORROWING_WAIT_MS));
    }
    peer_lane_ask(node, &owner->data, words, request->arg_count, &answer);
    hold(node, s, false);
    return true;
}
