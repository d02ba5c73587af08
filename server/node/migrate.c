/* SPDX-License-Identifier: MIT */
#include "node/migrate.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/num.h"
#include "node/inside.h"

enum {
    IDLE_MS = 10000,
    LINKS_MAX = 64,
    LINE_MAX = 64 * 1024,
    HOST_SIZE = 256,
};

enum phase {
    MIGRATE_CONNECTING,
    MIGRATE_SENDING,
    MIGRATE_IDLE,
};

struct moving_key {
    struct hashtable_node by_name; /* linked until it is known what became of it; never of a copy */
    bool is_linked;
    bool is_sent;
    struct buf name;
};

struct migrate_link {
    uint64_t link;
    enum phase phase;
    char host[HOST_SIZE];
    uint16_t port;
    int64_t db;                /* the one that is selected there */
    struct mono_time deadline; /* of the next answer, or of being idle */
    struct buf in;

    struct session *session; /* who waits; NULL: it has gone */
    unsigned source_db;
    int64_t wanted_db;
    int64_t timeout_ms;
    bool is_copy;
    bool is_replace;
    bool is_old;    /* it was idle before: the other side may have closed it meanwhile */
    bool has_heard; /* anything, for this call */
    bool has_removed;
    struct buf login;     /* the request that is sent first, or empty */
    size_t other_answers; /* that come before those of the keys */
    struct moving_key *keys;
    size_t key_count;
    size_t answered; /* keys up to here */
    struct buf problem;
};

/* ---- links ------------------------------------------------------------------------------------ */

static struct migrate_link *find(const struct node *node, uint64_t link)
{
    for (size_t i = 0; i < node->migrate.count; i++) {
        if (node->migrate.links[i]->link == link) {
            return node->migrate.links[i];
        }
    }
    return NULL;
}

static void unlink_key(struct node *node, struct moving_key *key)
{
    if (key->is_linked) {
        hashtable_remove(&node->migrate.moving, &key->by_name);
        key->is_linked = false;
    }
}

/* What was under way is over, whatever became of it. */
static void clear_call(struct node *node, struct migrate_link *m)
{
    for (size_t i = 0; i < m->key_count; i++) {
        unlink_key(node, &m->keys[i]);
        buf_deinit(&m->keys[i].name);
    }
    mem_free(MEM_NODE, m->keys);
    m->keys = NULL;
    m->key_count = 0;
    m->answered = 0;
    m->other_answers = 0;
    m->session = NULL;
    m->has_removed = false;
    buf_deinit(&m->login);
    buf_deinit(&m->problem);
}

static void remove_link(struct node *node, struct migrate_link *m)
{
    struct migrate *migrate = &node->migrate;
    size_t at = 0;

    while (at < migrate->count && migrate->links[at] != m) {
        at++;
    }
    ASSERT(at < migrate->count);
    migrate->links[at] = migrate->links[--migrate->count];
    clear_call(node, m);
    buf_deinit(&m->in);
    mem_free(MEM_NODE, m);
}

static struct migrate_link *find_idle(const struct node *node, const struct migrate_call *call)
{
    for (size_t i = 0; i < node->migrate.count; i++) {
        struct migrate_link *m = node->migrate.links[i];

        if (m->phase == MIGRATE_IDLE && m->port == call->port &&
            bytes_equal(bytes_from_text(m->host), call->host)) {
            return m;
        }
    }
    return NULL;
}

static void close_idle(struct node *node, struct mono_time due_at)
{
    for (size_t i = node->migrate.count; i-- > 0;) {
        struct migrate_link *m = node->migrate.links[i];

        if (m->phase == MIGRATE_IDLE && mono_is_due(m->deadline, due_at)) {
            node->env.link_close(node->env.context, m->link);
            remove_link(node, m);
        }
    }
}

static void connect_to(struct node *node, struct migrate_link *m)
{
    m->link = life_new_link(node);
    m->phase = MIGRATE_CONNECTING;
    m->db = 0;
    m->is_old = false;
    m->deadline = mono_add_ms(node->now.mono, m->timeout_ms);
    buf_clear(&m->in);
    node->env.link_open(node->env.context, m->link, ENV_LINK_MOVE, m->host, m->port);
}

static struct migrate_link *add(struct node *node, const struct migrate_call *call)
{
    struct migrate *migrate = &node->migrate;
    struct migrate_link *m = mem_alloc_zeroed(MEM_NODE, sizeof(*m));

    if (migrate->count >= LINKS_MAX) {
        close_idle(node, MONO_NEVER);
    }
    bytes_to_text(call->host, m->host, sizeof(m->host));
    m->port = call->port;
    if (migrate->count == migrate->cap) {
        migrate->links = vec_grow(migrate->links, &migrate->cap, migrate->count + 1,
                                  sizeof(struct migrate_link *));
    }
    migrate->links[migrate->count++] = m;
    return m;
}

/* ---- the end of a call ------------------------------------------------------------------------ */

/* What was removed is to be known where it must be before the client hears of it, like any write. */
static void bar_reply(struct node *node, struct session *s)
{
    journal_note_write(&node->journal, s);
    if (node->cluster != NULL) {
        output_bar(&s->output, output_end(&s->output), s->last_write_offset, node->pass.number);
        pass_note_write(&node->pass);
    }
}

static void tell(struct node *node, struct migrate_link *m, const char *answer)
{
    struct session *s = m->session;

    m->session = NULL;
    if (s == NULL) {
        return;
    }
    if (m->has_removed) {
        bar_reply(node, s);
    }
    if (m->problem.len == 0) {
        bytes_to_text(bytes_from_text(answer), s->hold.answer, sizeof(s->hold.answer));
    }
    waiting_on_move(node, s, m->problem.len > 0 ? buf_text(&m->problem) : NULL);
}

static void note_problem(struct migrate_link *m, const char *text)
{
    if (m->problem.len == 0) {
        buf_append_text(&m->problem, text);
    }
}

static void finish(struct node *node, struct migrate_link *m, const char *answer)
{
    tell(node, m, answer);
    clear_call(node, m);
    m->phase = MIGRATE_IDLE;
    m->deadline = mono_add_ms(node->now.mono, IDLE_MS);
    waiting_on_moving(node);
}

/* Nothing more will be heard on this link. */
static void fail(struct node *node, struct migrate_link *m, const char *problem)
{
    note_problem(m, problem);
    tell(node, m, "");
    remove_link(node, m);
    waiting_on_moving(node);
}

/* ---- sending ---------------------------------------------------------------------------------- */

static const struct entry *look_up(struct node *node, unsigned db, struct bytes key)
{
    struct key_ref ref = keyspace_ref(node->data.keyspace, db, key);

    return keyspace_find(node->data.keyspace, &ref, node->now.unix_ms);
}

bool migrate_has_key(struct node *node, unsigned db, struct bytes key)
{
    struct key_ref ref = keyspace_ref(node->data.keyspace, db, key);

    if (look_up(node, db, key) != NULL) {
        return true;
    }
    if (keyspace_find_any(node->data.keyspace, &ref) != NULL && journal_is_open(node) &&
        node->pauses.scope == PAUSE_NOTHING) {
        call_remove(node, db, key);
    }
    return false;
}

static void append_restore(struct node *node, const struct migrate_link *m, struct bytes key,
                           const struct entry *e, struct buf *out)
{
    int64_t expire_at_ms = entry_expire_at_ms(e);
    int64_t ttl_ms = expire_at_ms == EXPIRE_NEVER ? 0 : expire_at_ms - node->now.unix_ms;
    char text[NUM_I64_TEXT];
    struct buf payload = {0};
    struct bytes words[5] = {
        node->cluster != NULL ? BYTES_LITERAL("RESTORE-ASKING") : BYTES_LITERAL("RESTORE"), key};

    if (expire_at_ms != EXPIRE_NEVER && ttl_ms < 1) {
        ttl_ms = 1;
    }
    value_dump(keyspace_types(node->data.keyspace), e, &payload);
    words[2] = bytes_make(text, num_format_i64(text, ttl_ms));
    words[3] = buf_bytes(&payload);
    words[4] = BYTES_LITERAL("REPLACE");
    resp_write_request(out, words, m->is_replace ? 5 : 4);
    buf_deinit(&payload);
}

/* False: it is not there any more, or goes already. */
static bool send_key(struct node *node, struct migrate_link *m, struct moving_key *key,
                     struct buf *out)
{
    struct bytes name = buf_bytes(&key->name);
    const struct entry *e = look_up(node, m->source_db, name);

    if (e == NULL) {
        return false;
    }
    if (hashtable_find(&node->migrate.moving, name) != NULL) {
        note_problem(m, "ERR a key is on its way already, by another MIGRATE");
        return false;
    }
    append_restore(node, m, name, e, out);
    if (!m->is_copy) {
        hashtable_add(&node->migrate.moving, &key->by_name, name);
        key->is_linked = true;
    }
    return true;
}

static void append_select(struct migrate_link *m, struct buf *out)
{
    char text[NUM_I64_TEXT];
    struct bytes words[2] = {BYTES_LITERAL("SELECT")};

    words[1] = bytes_make(text, num_format_i64(text, m->wanted_db));
    resp_write_request(out, words, 2);
    m->db = m->wanted_db;
    m->other_answers++;
}

static void skip_unsent(struct migrate_link *m)
{
    while (m->answered < m->key_count && !m->keys[m->answered].is_sent) {
        m->answered++;
    }
}

static void send_keys(struct node *node, struct migrate_link *m)
{
    struct buf out = {0};
    size_t sent = 0;

    ASSERT(m->phase == MIGRATE_SENDING && m->other_answers == 0);
    for (size_t i = 0; i < m->key_count; i++) {
        m->keys[i].is_sent = send_key(node, m, &m->keys[i], &out);
        sent += m->keys[i].is_sent;
    }
    skip_unsent(m);
    if (sent > 0) {
        node->env.link_send(node->env.context, m->link, buf_bytes(&out));
    } else {
        finish(node, m, "NOKEY");
    }
    buf_deinit(&out);
}

/* No key is sent before the other side has taken the password and the database: it would go elsewhere. */
static void send_all(struct node *node, struct migrate_link *m)
{
    struct buf out = {0};

    ASSERT(m->phase != MIGRATE_IDLE || m->is_old);
    m->phase = MIGRATE_SENDING;
    m->has_heard = false;
    m->other_answers = m->login.len > 0 ? 1 : 0;
    m->deadline = mono_add_ms(node->now.mono, m->timeout_ms);
    buf_append_bytes(&out, buf_bytes(&m->login));
    if (m->db != m->wanted_db) {
        append_select(m, &out);
    }
    if (m->other_answers > 0) {
        node->env.link_send(node->env.context, m->link, buf_bytes(&out));
    } else {
        send_keys(node, m);
    }
    buf_deinit(&out);
}

static void copy_login(struct migrate_link *m, const struct migrate_call *call)
{
    struct bytes words[3] = {BYTES_LITERAL("AUTH")};
    size_t count = 1;

    if (!call->has_password) {
        return;
    }
    if (call->user.len > 0) {
        words[count++] = call->user;
    }
    words[count++] = call->password;
    resp_write_request(&m->login, words, count);
}

void migrate_begin(struct node *node, struct session *s, const struct migrate_call *call)
{
    struct migrate_link *m = find_idle(node, call);
    bool is_there = m != NULL;

    if (!is_there) {
        m = add(node, call);
    }
    ASSERT(m->key_count == 0);
    m->session = s;
    m->source_db = s->db;
    m->wanted_db = call->db;
    m->timeout_ms = call->timeout_ms;
    m->is_copy = call->is_copy;
    m->is_replace = call->is_replace;
    copy_login(m, call);
    m->keys = mem_alloc_zeroed(MEM_NODE, call->key_count * sizeof(*m->keys));
    m->key_count = call->key_count;
    for (size_t i = 0; i < call->key_count; i++) {
        buf_append_bytes(&m->keys[i].name, call->keys[i]);
    }
    waiting_hold(node, s, HOLD_MOVE, MONO_NEVER);
    if (is_there) {
        m->is_old = true;
        send_all(node, m);
    } else {
        connect_to(node, m);
    }
}

/* ---- answers ---------------------------------------------------------------------------------- */

static void take_refusal(struct migrate_link *m, struct bytes line)
{
    if (m->problem.len == 0) {
        buf_printf(&m->problem, "ERR Target instance replied with error: %.*s",
                   BYTES_ARGS(bytes_from(line, 1)));
    }
}

/* The other server has it. */
static void key_arrived(struct node *node, struct migrate_link *m, struct moving_key *key)
{
    unlink_key(node, key);
    if (m->is_copy) {
        return;
    }
    if (!journal_is_open(node)) {
        note_problem(m, "ERR the key was sent, but this node may not remove it just now");
        return;
    }
    call_remove(node, m->source_db, buf_bytes(&key->name));
    m->has_removed = true;
}

static void take_greeting(struct node *node, struct migrate_link *m, struct bytes line)
{
    m->other_answers--;
    if (line.data[0] == '-') {
        m->db = -1; /* who knows */
    }
    if (m->other_answers > 0) {
        return;
    }
    if (m->problem.len > 0) {
        m->answered = m->key_count; /* none was sent */
    } else {
        send_keys(node, m);
    }
}

/* One line is one answer; false: it is none that was to be expected. */
static bool take_line(struct node *node, struct migrate_link *m, struct bytes line)
{
    if (line.len == 0 || (line.data[0] != '+' && line.data[0] != '-')) {
        return false;
    }
    if (line.data[0] == '-') {
        take_refusal(m, line);
    }
    if (m->other_answers > 0) {
        take_greeting(node, m, line);
        return true;
    }
    if (m->answered == m->key_count) {
        return false;
    }
    if (line.data[0] == '+') {
        key_arrived(node, m, &m->keys[m->answered++]);
    } else {
        unlink_key(node, &m->keys[m->answered++]);
    }
    skip_unsent(m);
    return true;
}

static bool is_done(const struct migrate_link *m)
{
    return m->other_answers == 0 && m->answered == m->key_count;
}

static const char reading_failed[] = "IOERR error or timeout reading to target instance";
static const char connecting_failed[] = "IOERR error or timeout connecting to the client";

bool migrate_link_up(struct node *node, uint64_t link)
{
    struct migrate_link *m = find(node, link);

    if (m != NULL) {
        ASSERT(m->phase == MIGRATE_CONNECTING);
        send_all(node, m);
    }
    return m != NULL;
}

static void drop(struct node *node, struct migrate_link *m, const char *problem)
{
    node->env.link_close(node->env.context, m->link);
    fail(node, m, problem);
}

static void take_input(struct node *node, struct migrate_link *m, struct bytes input)
{
    size_t at = 0;

    if (m->phase != MIGRATE_SENDING) {
        drop(node, m, reading_failed); /* nothing was asked */
        return;
    }
    m->has_heard = true;
    m->deadline = mono_add_ms(node->now.mono, m->timeout_ms);
    buf_append_bytes(&m->in, input);
    while (!is_done(m)) {
        struct bytes rest = bytes_from(buf_bytes(&m->in), at);
        size_t end = bytes_find_byte(rest, '\n');

        if (end == SIZE_MAX) {
            break;
        }
        if (end == 0 || rest.data[end - 1] != '\r' ||
            !take_line(node, m, bytes_prefix(rest, end - 1))) {
            drop(node, m, reading_failed);
            return;
        }
        at += end + 1;
    }
    buf_consume(&m->in, at);
    if (m->in.len > LINE_MAX || (is_done(m) && m->in.len > 0)) {
        drop(node, m, reading_failed);
    } else if (is_done(m) && m->phase == MIGRATE_SENDING) {
        finish(node, m, "OK");
    }
}

bool migrate_link_input(struct node *node, uint64_t link, struct bytes input)
{
    struct migrate_link *m = find(node, link);

    if (m != NULL) {
        take_input(node, m, input);
    }
    return m != NULL;
}

bool migrate_link_down(struct node *node, uint64_t link)
{
    struct migrate_link *m = find(node, link);

    if (m == NULL) {
        return false;
    }
    if (m->phase == MIGRATE_SENDING && m->is_old && !m->has_heard) {
        for (size_t i = 0; i < m->key_count; i++) {
            unlink_key(node, &m->keys[i]);
            m->keys[i].is_sent = false;
        }
        m->answered = 0;
        connect_to(node, m); /* it had been closed before we sent anything */
        waiting_on_moving(node);
    } else if (m->phase == MIGRATE_IDLE) {
        remove_link(node, m);
    } else {
        fail(node, m, m->phase == MIGRATE_CONNECTING ? connecting_failed : reading_failed);
    }
    return true;
}

/* ---- time, and whom it concerns --------------------------------------------------------------- */

void migrate_tick(struct node *node)
{
    close_idle(node, node->now.mono);
    for (size_t i = node->migrate.count; i-- > 0;) {
        struct migrate_link *m = node->migrate.links[i];

        if (m->phase != MIGRATE_IDLE && mono_is_due(m->deadline, node->now.mono)) {
            drop(node, m, m->phase == MIGRATE_CONNECTING ? connecting_failed : reading_failed);
        }
    }
}

struct mono_time migrate_wake_at(const struct node *node)
{
    struct mono_time at = MONO_NEVER;

    for (size_t i = 0; i < node->migrate.count; i++) {
        at = mono_earlier(at, node->migrate.links[i]->deadline);
    }
    return at;
}

void migrate_forget(struct node *node, const struct session *s)
{
    for (size_t i = 0; i < node->migrate.count; i++) {
        if (node->migrate.links[i]->session == s) {
            node->migrate.links[i]->session = NULL;
        }
    }
}

bool migrate_is_moving(const struct node *node)
{
    return node->migrate.moving.count > 0;
}

static bool is_on_its_way(const void *context, struct bytes key)
{
    const struct node *node = context;

    return hashtable_find(&node->migrate.moving, key) != NULL;
}

bool migrate_is_in_the_way(const struct node *node, const struct request *request)
{
    return request_would_change(request, is_on_its_way, node);
}

void migrate_deinit(struct node *node)
{
    while (node->migrate.count > 0) {
        remove_link(node, node->migrate.links[0]);
    }
    mem_free(MEM_BASE, node->migrate.links);
    hashtable_deinit(&node->migrate.moving);
    node->migrate = (struct migrate){0};
}

void migrate_check(const struct node *node)
{
    size_t linked = 0;

    for (size_t i = 0; i < node->migrate.count; i++) {
        const struct migrate_link *m = node->migrate.links[i];

        ASSERT(m->phase != MIGRATE_IDLE || (m->key_count == 0 && m->session == NULL)); /* (2) */
        for (size_t j = 0; j < m->key_count; j++) {
            linked += m->keys[j].is_linked;
            ASSERT(!m->keys[j].is_linked || m->phase == MIGRATE_SENDING); /* (1) */
        }
    }
    ASSERT(linked == node->migrate.moving.count);
}
