/* SPDX-License-Identifier: MIT */
#include "node/blocked.h"

#include "base/assert.h"
#include "base/mem.h"
#include "node/inside.h"

enum {
    TABLE_BYTES = sizeof(unsigned),
    ROUTES_EVERY_MS = 10,
};

void blocked_init(struct node *node)
{
    node->blocked.keys.seed = node->data.hash_seed;
    list_init(&node->blocked.ready);
    list_init(&node->blocked.all);
}

void blocked_deinit(struct node *node)
{
    ASSERT(node->blocked.count == 0 && node->blocked.keys.count == 0);
    hashtable_deinit(&node->blocked.keys);
    buf_deinit(&node->blocked.name);
}

/* ---- keys ---------------------------------------------------------------------------------------- */

unsigned blocked_key_table(const struct blocked_key *key)
{
    unsigned table;

    memcpy(&table, key->name, TABLE_BYTES);
    return table;
}

struct bytes blocked_key_name(const struct blocked_key *key)
{
    return bytes_from(key->by_name.key, TABLE_BYTES);
}

/* Under which it is found; borrowed until the next call. */
static struct bytes name_of(struct blocked *blocked, unsigned table, struct bytes key)
{
    buf_clear(&blocked->name);
    buf_append(&blocked->name, &table, TABLE_BYTES);
    buf_append_bytes(&blocked->name, key);
    return buf_bytes(&blocked->name);
}

static struct blocked_key *find_key(struct blocked *blocked, unsigned table, struct bytes key)
{
    struct hashtable_node *found = hashtable_find(&blocked->keys, name_of(blocked, table, key));

    return found != NULL ? CONTAINER_OF(found, struct blocked_key, by_name) : NULL;
}

static struct blocked_key *get_key(struct blocked *blocked, unsigned table, struct bytes name)
{
    struct blocked_key *key = find_key(blocked, table, name);
    struct bytes full = buf_bytes(&blocked->name);

    if (key == NULL) {
        key = mem_alloc_zeroed(MEM_NODE, sizeof(*key) + full.len);
        memcpy(key->name, full.data, full.len);
        list_init(&key->items);
        hashtable_add(&blocked->keys, &key->by_name, bytes_make(key->name, full.len));
    }
    return key;
}

static void free_key_when_unused(struct blocked *blocked, struct blocked_key *key)
{
    if (list_is_empty(&key->items) && !key->is_being_served) {
        list_remove(&key->ready);
        hashtable_remove(&blocked->keys, &key->by_name);
        mem_free(MEM_NODE, key);
    }
}

static void note_ready(struct node *node, struct blocked_key *key)
{
    if (!list_is_linked(&key->ready)) {
        list_add_tail(&node->blocked.ready, &key->ready);
    }
    if (node->pauses.scope == PAUSE_NOTHING) {
        pass_note_work(&node->pass);
    }
}

static void note_table_ready(struct node *node, unsigned table, bool is_every)
{
    HASHTABLE_FOR_EACH (found, &node->blocked.keys) {
        struct blocked_key *key = CONTAINER_OF(found, struct blocked_key, by_name);

        if (is_every || blocked_key_table(key) == table) {
            note_ready(node, key);
        }
    }
}

/* ---- what happens in the key space --------------------------------------------------------------- */

static void on_change(void *context, enum keyspace_event event, unsigned table, struct bytes key)
{
    struct node *node = context;
    struct blocked_key *found;

    if (!keyspace_event_is_of_key(event)) {
        note_table_ready(node, table, false);
        return;
    }
    found = find_key(&node->blocked, table, key);
    if (found != NULL) {
        note_ready(node, found);
    }
}

static void observe(struct node *node)
{
    const struct keyspace_observer observer = {.on = on_change, .context = node};
    struct blocked *blocked = &node->blocked;

    if (blocked->count > 0) {
        blocked->observed = node->data.keyspace;
        keyspace_observe(blocked->observed, OBSERVER_OF_WAITING, &observer);
    } else if (blocked->observed == node->data.keyspace) {
        keyspace_observe(blocked->observed, OBSERVER_OF_WAITING, NULL);
        blocked->observed = NULL;
    } else {
        blocked->observed = NULL; /* it went with the data that was replaced */
    }
}

void blocked_look_at_data(struct node *node)
{
    if (node->blocked.count > 0 && node->blocked.observed != node->data.keyspace) {
        observe(node);
        note_table_ready(node, 0, true);
    }
}

/* ---- beginning and end --------------------------------------------------------------------------- */

static struct mono_time deadline_of(const struct node *node, int64_t unix_ms)
{
    int64_t left_ms = unix_ms - node->now.unix_ms;

    /* Some hundred thousand years are for ever. */
    if (unix_ms == INT64_MAX || left_ms > INT64_MAX / 2000) {
        return MONO_NEVER;
    }
    return mono_add_ms(node->now.mono, left_ms > 0 ? left_ms : 0);
}

static void keep_words(struct blocked_wait *wait, const struct bytes *words, size_t count)
{
    size_t at = 0;

    wait->word_count = count;
    wait->words = mem_alloc(MEM_NODE, count * sizeof(*wait->words));
    for (size_t i = 0; i < count; i++) {
        buf_append_bytes(&wait->text, words[i]);
    }
    for (size_t i = 0; i < count; i++) {
        wait->words[i] = bytes_make(wait->text.data + at, words[i].len);
        at += words[i].len;
    }
}

/* A key that is named twice is waited for once: who has just been added is its last. */
static bool waits_for(const struct blocked_key *key, const struct blocked_wait *wait)
{
    return !list_is_empty(&key->items) &&
           CONTAINER_OF(key->items.prev, struct blocked_item, in_key)->wait == wait;
}

static void add_items(struct node *node, struct blocked_wait *wait, const struct exec_block *block)
{
    wait->items = mem_alloc_zeroed(MEM_NODE, block->key_count * sizeof(*wait->items));
    for (size_t i = 0; i < block->key_count; i++) {
        struct key_ref ref =
            keyspace_ref(node->data.keyspace, wait->session->db, wait->words[block->first_key + i]);
        struct blocked_key *key = get_key(&node->blocked, ref.table, ref.bytes);
        struct blocked_item *item = &wait->items[wait->item_count];

        if (!waits_for(key, wait)) {
            *item = (struct blocked_item){.key = key, .wait = wait};
            list_add_tail(&key->items, &item->in_key);
            wait->item_count++;
        }
    }
}

/* Hold it until the next time at which something is to be done about it. */
static void hold(struct node *node, struct blocked_wait *wait, const struct exec_block *block)
{
    wait->wake = block->wake_unix_ms != 0 ? deadline_of(node, block->wake_unix_ms) : MONO_NEVER;
    hold_begin(&node->holds, wait->session, HOLD_KEYS, mono_earlier(wait->deadline, wait->wake));
}

void blocked_begin(struct node *node, const struct request *request, const struct exec_block *block)
{
    struct blocked *blocked = &node->blocked;
    struct session *s = request->session;
    struct blocked_wait *wait = blocked->running;

    if (wait != NULL && wait->session == s) {
        ASSERT(block->words == NULL);
        blocked->running = NULL;
        hold(node, wait, block);
        return;
    }
    ASSERT(s->waiting_for == NULL);
    wait = mem_alloc_zeroed(MEM_NODE, sizeof(*wait));
    wait->session = s;
    wait->spec = request->spec;
    wait->type = block->type;
    wait->is_told_of_loss = block->is_told_of_loss;
    wait->deadline = deadline_of(node, block->deadline_unix_ms);
    keep_words(wait, block->words != NULL ? block->words : request->args, request->arg_count);
    add_items(node, wait, block);
    list_add_tail(&blocked->all, &wait->all);
    s->waiting_for = wait;
    if (blocked->count++ == 0) {
        observe(node);
    }
    mem_free(MEM_BUFFER, block->words);
    hold(node, wait, block);
}

void blocked_end(struct node *node, struct session *s)
{
    struct blocked_wait *wait = s->waiting_for;

    if (wait == NULL) {
        return;
    }
    for (size_t i = 0; i < wait->item_count; i++) {
        list_remove(&wait->items[i].in_key);
        free_key_when_unused(&node->blocked, wait->items[i].key);
    }
    s->waiting_for = NULL;
    list_remove(&wait->all);
    buf_deinit(&wait->text);
    mem_free(MEM_NODE, wait->words);
    mem_free(MEM_NODE, wait->items);
    mem_free(MEM_NODE, wait);
    if (--node->blocked.count == 0) {
        observe(node);
    }
}

void blocked_answer(struct node *node, struct session *s, const char *error)
{
    struct resp_writer reply = session_writer(s);
    uint64_t place = output_end(&s->output);

    ASSERT(s->hold.kind == HOLD_KEYS);
    if ((s->flags & (SESSION_REPLY_OFF | SESSION_REPLY_SKIP)) == 0) {
        if (error != NULL) {
            resp_write_error(&reply, "%s", error);
        } else {
            resp_write_null_array(&reply);
        }
    }
    if (UNLIKELY(node->sync_side.is_on)) {
        sync_side_bar_all(node, s, place); /* that nothing came is told of the keys as they are */
    }
    s->flags &= ~(uint32_t)SESSION_REPLY_SKIP;
    s->active_at = node->now.mono; /* waiting was not idling */
    blocked_end(node, s);
    hold_end(&node->holds, s);
    pass_note_work(&node->pass);
    node_touch(node, s);
}

void blocked_on_time(struct node *node, struct session *s)
{
    struct blocked_wait *wait = s->waiting_for;

    if (mono_is_due(wait->deadline, node->now.mono)) {
        blocked_answer(node, s, NULL);
        return;
    }
    ASSERT(mono_is_due(wait->wake, node->now.mono));
    wait->wake = MONO_NEVER;
    hold_end(&node->holds, s);
    hold_begin(&node->holds, s, HOLD_KEYS, wait->deadline);
    for (size_t i = 0; i < wait->item_count; i++) {
        note_ready(node, wait->items[i].key);
    }
}

void blocked_answer_all(struct node *node, const char *error)
{
    LIST_FOR_EACH_SAFE (item, &node->blocked.all) {
        blocked_answer(node, CONTAINER_OF(item, struct blocked_wait, all)->session, error);
    }
}

/* ---- for whoever serves -------------------------------------------------------------------------- */

struct blocked_key *blocked_take_ready(struct node *node)
{
    struct blocked *blocked = &node->blocked;
    struct blocked_key *key;

    if (!blocked_has_ready(blocked)) {
        return NULL;
    }
    key = CONTAINER_OF(blocked->ready.next, struct blocked_key, ready);
    ASSERT(!key->is_being_served);
    list_remove(&key->ready);
    key->is_being_served = true;
    return key;
}

void blocked_served(struct node *node, struct blocked_key *key)
{
    ASSERT(key->is_being_served);
    key->is_being_served = false;
    free_key_when_unused(&node->blocked, key);
}

void blocked_run_begin(struct node *node, struct blocked_wait *wait)
{
    ASSERT(node->blocked.running == NULL);
    ASSERT(wait->session->hold.kind == HOLD_KEYS);
    hold_end(&node->holds, wait->session);
    node->blocked.running = wait;
}

void blocked_run_end(struct node *node)
{
    struct blocked_wait *wait = node->blocked.running;

    node->blocked.running = NULL;
    if (wait != NULL) {
        wait->session->flags &= ~(uint32_t)SESSION_REPLY_SKIP;
        blocked_end(node, wait->session);
        pass_note_work(&node->pass); /* what it has sent meanwhile is read on */
    }
}

bool blocked_take_routes_due(struct node *node)
{
    struct blocked *blocked = &node->blocked;

    if (blocked->count == 0 ||
        mono_ms_between(blocked->routes_seen_at, node->now.mono) < ROUTES_EVERY_MS) {
        return false;
    }
    blocked->routes_seen_at = node->now.mono;
    return true;
}

void blocked_check(const struct node *node)
{
    const struct blocked *blocked = &node->blocked;
    size_t count = 0;

    ASSERT(blocked->running == NULL);
    ASSERT((blocked->observed != NULL) == (blocked->count > 0));
    LIST_FOR_EACH (item, &blocked->all) {
        const struct blocked_wait *wait = CONTAINER_OF_CONST(item, struct blocked_wait, all);

        ASSERT(wait->session->waiting_for == wait);
        ASSERT(wait->session->hold.kind == HOLD_KEYS);
        ASSERT(wait->item_count > 0);
        count++;
    }
    ASSERT(count == blocked->count);
    HASHTABLE_FOR_EACH (found, &blocked->keys) {
        const struct blocked_key *key = CONTAINER_OF_CONST(found, struct blocked_key, by_name);

        ASSERT(!list_is_empty(&key->items) && !key->is_being_served);
    }
}
