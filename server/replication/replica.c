/* SPDX-License-Identifier: MIT */
/* The machine of a replica: one function a kind of event, all moves through move(). */
#include "replication/replica.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/rng.h"
#include "resp/writer.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum {
    MARKER_LEN = 40,
    LINE_MAX_BYTES = 4096,       /* longest answer during the handshake */
    HANDSHAKE_TIMEOUT_MS = 5000, /* or repl-timeout when that is shorter */
    BACKOFF_FIRST_MS = 100,
    BACKOFF_MOST_MS = 1600,
    ACK_PERIOD_MS = 1000,
    AWAITED_MAX = 8,
};

enum awaited {
    AWAIT_PING,
    AWAIT_AUTH,
    AWAIT_REPLCONF,
    AWAIT_PSYNC,
};

struct texts {
    char *announce_ip;
    char *primary_user;
    char *primary_auth;
    char *version;
};

struct replica {
    enum replica_phase phase;
    int64_t timeout_ms;
    uint16_t announce_port;
    struct texts texts;
    struct rng rng;
    char *host;
    uint16_t port;
    struct replication_position position; /* as of LINK_UP */
    enum awaited awaited[AWAITED_MAX];    /* answers still to come, in order */
    size_t awaited_count;
    struct buf in;   /* unfinished lines; while a snapshot comes, what may be its marker */
    struct buf work; /* bytes that actions of the running step borrow */

    struct replication_position snapshot; /* what it stands for */
    uint64_t snapshot_size;
    uint64_t snapshot_received;
    char marker[MARKER_LEN];
    bool is_payload_whole; /* waiting for LOADED or FAILED */

    int64_t backoff_ms;
    struct mono_time retry_at;
    struct mono_time ack_at;
    struct mono_time heard_at;
    bool was_heard;
    struct mono_time down_since;
};

/* ---- actions ---------------------------------------------------------------------------------- */

void replica_actions_deinit(struct replica_actions *actions)
{
    buf_deinit(&actions->text);
    actions->count = 0;
}

void replica_actions_clear(struct replica_actions *actions)
{
    actions->count = 0;
    buf_clear(&actions->text);
}

struct bytes replica_action_bytes(const struct replica_actions *actions,
                                  const struct replica_action *action)
{
    if (action->borrowed.data != NULL) {
        return action->borrowed;
    }
    return bytes_make(actions->text.data + action->text_start, action->text_len);
}

static struct replica_action *add(struct replica_actions *actions, enum replica_action_type type)
{
    struct replica_action *action;

    ASSERT(actions->count < REPLICA_ACTIONS_MAX);
    action = &actions->items[actions->count++];
    *action = (struct replica_action){.type = type, .text_start = actions->text.len};
    return action;
}

static void add_log(struct replica_actions *actions, enum log_level level, const char *format, ...)
    PRINTF_LIKE(3, 4);

static void add_log(struct replica_actions *actions, enum log_level level, const char *format, ...)
{
    struct replica_action *action = add(actions, REPLICA_ACTION_LOG);
    va_list args;

    va_start(args, format);
    buf_vprintf(&actions->text, format, args);
    va_end(args);
    action->level = level;
    action->text_len = actions->text.len - action->text_start;
}

static void add_borrowed(struct replica_actions *actions, enum replica_action_type type,
                         struct bytes bytes)
{
    if (bytes.len > 0) {
        add(actions, type)->borrowed = bytes;
    }
}

/* One request of up to six words; NULL ends them early. */
static void add_request(struct replica_actions *actions, const char *const words[6])
{
    struct replica_action *action = add(actions, REPLICA_ACTION_SEND);
    struct bytes given[6];
    size_t count = 0;

    while (count < 6 && words[count] != NULL) {
        given[count] = bytes_from_text(words[count]);
        count++;
    }
    resp_write_request(&actions->text, given, count);
    action->text_len = actions->text.len - action->text_start;
}

/* ---- moves ------------------------------------------------------------------------------------ */

#define TO(phase) (1U << (phase))

static const uint32_t allowed[] = {
    [REPLICA_IDLE] = TO(REPLICA_CONNECTING),
    [REPLICA_WAITING] = TO(REPLICA_IDLE) | TO(REPLICA_CONNECTING),
    [REPLICA_CONNECTING] = TO(REPLICA_IDLE) | TO(REPLICA_WAITING) | TO(REPLICA_CONNECTING) |
                           TO(REPLICA_HANDSHAKE),
    [REPLICA_HANDSHAKE] = TO(REPLICA_IDLE) | TO(REPLICA_WAITING) | TO(REPLICA_CONNECTING) |
                          TO(REPLICA_WAIT_SNAPSHOT) | TO(REPLICA_STREAMING),
    [REPLICA_WAIT_SNAPSHOT] = TO(REPLICA_IDLE) | TO(REPLICA_WAITING) | TO(REPLICA_CONNECTING) |
                              TO(REPLICA_LOADING),
    [REPLICA_LOADING] = TO(REPLICA_IDLE) | TO(REPLICA_WAITING) | TO(REPLICA_CONNECTING) |
                        TO(REPLICA_STREAMING),
    [REPLICA_STREAMING] = TO(REPLICA_IDLE) | TO(REPLICA_WAITING) | TO(REPLICA_CONNECTING),
};

static void move(struct replica *r, enum replica_phase to, struct mono_time now)
{
    ASSERT(allowed[r->phase] & TO(to));
    if (r->phase == REPLICA_STREAMING) {
        r->down_since = now;
    }
    r->phase = to;
}

static bool has_link(const struct replica *r)
{
    return r->phase != REPLICA_IDLE && r->phase != REPLICA_WAITING;
}

/* Leave whatever goes on with the primary, but for the phase. */
static void drop(struct replica *r, struct replica_actions *actions, bool link_is_there)
{
    if (r->phase == REPLICA_LOADING) {
        add(actions, REPLICA_ACTION_SNAPSHOT_ABORT);
    }
    if (link_is_there && has_link(r)) {
        add(actions, REPLICA_ACTION_CLOSE);
    }
    buf_deinit(&r->in);
    r->awaited_count = 0;
    r->is_payload_whole = false;
}

static void fail(struct replica *r, struct mono_time now, struct replica_actions *actions,
                 const char *reason)
{
    int64_t jitter_ms = (int64_t)rng_below(&r->rng, (uint64_t)r->backoff_ms / 4 + 1);

    add_log(actions, LOG_NOTICE, "link to %s:%u: %s", r->host, (unsigned)r->port, reason);
    drop(r, actions, true);
    move(r, REPLICA_WAITING, now);
    r->retry_at = mono_add_ms(now, r->backoff_ms + jitter_ms);
    r->backoff_ms = r->backoff_ms * 2 < BACKOFF_MOST_MS ? r->backoff_ms * 2 : BACKOFF_MOST_MS;
}

static void start_connect(struct replica *r, struct mono_time now, struct replica_actions *actions)
{
    struct replica_action *action = add(actions, REPLICA_ACTION_CONNECT);

    action->port = r->port;
    action->text_len = strlen(r->host);
    buf_append(&actions->text, r->host, action->text_len + 1);
    move(r, REPLICA_CONNECTING, now);
    r->heard_at = now;
}

/* ---- the handshake ---------------------------------------------------------------------------- */

static void await(struct replica *r, enum awaited what)
{
    ASSERT(r->awaited_count < AWAITED_MAX);
    r->awaited[r->awaited_count++] = what;
}

static bool is_set(const char *text)
{
    return text != NULL && text[0] != '\0';
}

/* AUTH and all REPLCONFs go out together; their answers are read in order. */
static void introduce(struct replica *r, struct replica_actions *actions)
{
    char port[8];

    snprintf(port, sizeof(port), "%u", (unsigned)r->announce_port);
    if (is_set(r->texts.primary_auth)) {
        if (is_set(r->texts.primary_user)) {
            add_request(actions, (const char *const[6]){"AUTH", r->texts.primary_user,
                                                        r->texts.primary_auth});
        } else {
            add_request(actions, (const char *const[6]){"AUTH", r->texts.primary_auth});
        }
        await(r, AWAIT_AUTH);
    }
    add_request(actions, (const char *const[6]){"REPLCONF", "listening-port", port});
    await(r, AWAIT_REPLCONF);
    if (is_set(r->texts.announce_ip)) {
        add_request(actions,
                    (const char *const[6]){"REPLCONF", "ip-address", r->texts.announce_ip});
        await(r, AWAIT_REPLCONF);
    }
    add_request(actions, (const char *const[6]){"REPLCONF", "capa", "eof", "capa", "psync2"});
    await(r, AWAIT_REPLCONF);
    if (is_set(r->texts.version)) {
        add_request(actions, (const char *const[6]){"REPLCONF", "version", r->texts.version});
        await(r, AWAIT_REPLCONF);
    }
}

static void ask_for_stream(struct replica *r, struct replica_actions *actions)
{
    char offset[NUM_I64_TEXT + 4] = "-1";
    const char *history = "?";

    if (r->position.history[0] != '\0') {
        history = r->position.history;
        snprintf(offset, sizeof(offset), "%" PRIu64, r->position.offset + 1);
    }
    add_request(actions, (const char *const[6]){"PSYNC", history, offset});
    await(r, AWAIT_PSYNC);
}

static void send_ack(struct replica *r, struct mono_time now, uint64_t offset,
                     struct replica_actions *actions)
{
    char text[NUM_I64_TEXT + 1];

    text[num_format_u64(text, offset)] = '\0';
    add_request(actions, (const char *const[6]){"REPLCONF", "ACK", text});
    r->ack_at = mono_add_ms(now, ACK_PERIOD_MS);
}

static void start_streaming(struct replica *r, struct mono_time now,
                            struct replica_actions *actions, uint64_t offset)
{
    move(r, REPLICA_STREAMING, now);
    r->backoff_ms = BACKOFF_FIRST_MS;
    send_ack(r, now, offset, actions);
}

static void take_continue(struct replica *r, struct mono_time now, struct bytes id,
                          struct replica_actions *actions)
{
    struct replica_action *action = add(actions, REPLICA_ACTION_CONTINUE);

    id = bytes_trim(id);
    action->position = r->position;
    if (id.len == REPLICATION_HISTORY_LEN) {
        bytes_to_text(id, action->position.history, sizeof(action->position.history));
    }
    add_log(actions, LOG_NOTICE, "going on from offset %" PRIu64, r->position.offset);
    start_streaming(r, now, actions, r->position.offset);
}

/* "<id> <offset>" behind +FULLRESYNC. */
static bool take_full(struct replica *r, struct mono_time now, struct bytes rest,
                      struct replica_actions *actions)
{
    struct bytes id = bytes_next_word(&rest, ' ');

    if (id.len != REPLICATION_HISTORY_LEN ||
        !num_parse_u64(bytes_trim(rest), &r->snapshot.offset)) {
        return false;
    }
    bytes_to_text(id, r->snapshot.history, sizeof(r->snapshot.history));
    add_log(actions, LOG_NOTICE, "full resync from offset %" PRIu64 " of history %s",
            r->snapshot.offset, r->snapshot.history);
    move(r, REPLICA_WAIT_SNAPSHOT, now);
    return true;
}

static void take_psync_answer(struct replica *r, struct mono_time now, struct bytes line,
                              struct replica_actions *actions)
{
    char shown[256];

    if (bytes_has_prefix(line, "+CONTINUE")) {
        take_continue(r, now, bytes_from(line, 9), actions);
        return;
    }
    if (bytes_has_prefix(line, "+FULLRESYNC ") && take_full(r, now, bytes_from(line, 12), actions)) {
        return;
    }
    bytes_to_text(line, shown, sizeof(shown));
    fail(r, now, actions, shown);
}

static bool is_error(struct bytes line)
{
    return line.len > 0 && line.data[0] == '-';
}

/* Errors that only say "first log in". */
static bool is_pong(struct bytes line)
{
    return !is_error(line) || bytes_has_prefix(line, "-NOAUTH") ||
           bytes_has_prefix(line, "-NOPERM") ||
           bytes_has_prefix(line, "-ERR operation not permitted");
}

static void take_answer(struct replica *r, struct mono_time now, struct bytes line,
                        struct replica_actions *actions)
{
    enum awaited what = r->awaited[0];
    char shown[256];

    bytes_to_text(line, shown, sizeof(shown));
    r->awaited_count--;
    memmove(r->awaited, r->awaited + 1, r->awaited_count * sizeof(r->awaited[0]));
    switch (what) {
    case AWAIT_PING:
        if (!is_pong(line)) {
            fail(r, now, actions, shown);
            return;
        }
        introduce(r, actions);
        return;
    case AWAIT_AUTH:
        if (is_error(line)) {
            fail(r, now, actions, shown);
            return;
        }
        break;
    case AWAIT_REPLCONF:
        if (is_error(line)) {
            add_log(actions, LOG_VERBOSE, "the primary does not know a REPLCONF: %s", shown);
        }
        break;
    case AWAIT_PSYNC:
        take_psync_answer(r, now, line, actions);
        return;
    }
    if (r->awaited_count == 0) {
        ask_for_stream(r, actions);
    }
}

/* ---- the snapshot ----------------------------------------------------------------------------- */

/* "$<size>" or "$EOF:<marker>". */
static bool take_payload_head(struct replica *r, struct mono_time now, struct bytes line,
                              struct replica_actions *actions)
{
    struct replica_action *action;

    if (line.len < 2 || line.data[0] != '$') {
        return false;
    }
    if (bytes_has_prefix(line, "$EOF:")) {
        if (line.len != 5 + MARKER_LEN) {
            return false;
        }
        memcpy(r->marker, line.data + 5, MARKER_LEN);
        r->snapshot_size = REPLICATION_SIZE_UNKNOWN;
    } else if (!num_parse_u64(bytes_from(line, 1), &r->snapshot_size) ||
               r->snapshot_size == REPLICATION_SIZE_UNKNOWN) {
        return false;
    }
    r->snapshot_received = 0;
    r->is_payload_whole = false;
    move(r, REPLICA_LOADING, now);
    action = add(actions, REPLICA_ACTION_SNAPSHOT_BEGIN);
    action->position = r->snapshot;
    action->size = r->snapshot_size;
    return true;
}

static void end_payload(struct replica *r, struct replica_actions *actions)
{
    r->is_payload_whole = true;
    add(actions, REPLICA_ACTION_SNAPSHOT_END)->position = r->snapshot;
}

/* Of a payload of known size.  Returns how many bytes belong to it. */
static size_t take_sized(struct replica *r, struct bytes bytes, struct replica_actions *actions)
{
    uint64_t left = r->snapshot_size - r->snapshot_received;
    size_t taken = bytes.len < left ? bytes.len : (size_t)left;

    add_borrowed(actions, REPLICA_ACTION_SNAPSHOT_BYTES, bytes_prefix(bytes, taken));
    r->snapshot_received += taken;
    if (r->snapshot_received == r->snapshot_size) {
        end_payload(r, actions);
    }
    return taken;
}

/* Of a payload that ends with its marker: the last bytes are held back as long as they may be
 * the beginning of it. */
static size_t take_marked(struct replica *r, struct bytes bytes, struct replica_actions *actions)
{
    const char *found = memmem(bytes.data, bytes.len, r->marker, MARKER_LEN);
    size_t payload;

    if (found != NULL) {
        payload = (size_t)(found - bytes.data);
        add_borrowed(actions, REPLICA_ACTION_SNAPSHOT_BYTES, bytes_prefix(bytes, payload));
        r->snapshot_received += payload;
        end_payload(r, actions);
        return payload + MARKER_LEN;
    }
    payload = bytes.len >= MARKER_LEN ? bytes.len - (MARKER_LEN - 1) : 0;
    add_borrowed(actions, REPLICA_ACTION_SNAPSHOT_BYTES, bytes_prefix(bytes, payload));
    r->snapshot_received += payload;
    return payload;
}

/* ---- events ----------------------------------------------------------------------------------- */

/* Cut one line; false when it is not complete.  Empty lines are keepalives. */
static bool cut_line(struct bytes *in, struct bytes *line)
{
    size_t end = bytes_find_byte(*in, '\n');

    if (end == SIZE_MAX) {
        return false;
    }
    *line = bytes_prefix(*in, end);
    if (line->len > 0 && line->data[line->len - 1] == '\r') {
        line->len--;
    }
    *in = bytes_from(*in, end + 1);
    return true;
}

static void take_line(struct replica *r, struct mono_time now, struct bytes line,
                      struct replica_actions *actions)
{
    if (line.len == 0) {
        return;
    }
    if (r->phase == REPLICA_WAIT_SNAPSHOT) {
        if (!take_payload_head(r, now, line, actions)) {
            fail(r, now, actions, "that is no snapshot");
        }
    } else if (r->awaited_count == 0) {
        fail(r, now, actions, "an answer that nobody asked for");
    } else {
        take_answer(r, now, line, actions);
    }
}

static void on_bytes(struct replica *r, struct mono_time now, struct bytes bytes,
                     struct replica_actions *actions)
{
    struct bytes rest;

    if (!has_link(r) || r->phase == REPLICA_CONNECTING) {
        return;
    }
    r->heard_at = now;
    r->was_heard = true;
    if (r->phase == REPLICA_STREAMING) {
        add_borrowed(actions, REPLICA_ACTION_STREAM, bytes);
        return;
    }
    buf_append_bytes(&r->in, bytes);
    /* Actions may borrow these bytes until the next step. */
    buf_deinit(&r->work);
    r->work = buf_steal(&r->in);
    rest = buf_bytes(&r->work);
    while (rest.len > 0) {
        struct bytes line;

        if (r->phase == REPLICA_HANDSHAKE || r->phase == REPLICA_WAIT_SNAPSHOT) {
            if (!cut_line(&rest, &line)) {
                break;
            }
            take_line(r, now, line, actions);
        } else if (r->phase == REPLICA_LOADING && !r->is_payload_whole) {
            size_t taken = r->snapshot_size == REPLICATION_SIZE_UNKNOWN
                               ? take_marked(r, rest, actions)
                               : take_sized(r, rest, actions);

            rest = bytes_from(rest, taken);
            if (!r->is_payload_whole) {
                break;
            }
        } else {
            break;
        }
    }
    if (r->phase == REPLICA_STREAMING) {
        add_borrowed(actions, REPLICA_ACTION_STREAM, rest);
    } else if (has_link(r)) {
        buf_append_bytes(&r->in, rest);
        if (r->phase != REPLICA_LOADING && r->in.len > LINE_MAX_BYTES) {
            fail(r, now, actions, "an answer without end");
        }
    }
}

static void on_loaded(struct replica *r, struct mono_time now, struct replica_actions *actions)
{
    if (r->phase != REPLICA_LOADING || !r->is_payload_whole) {
        return;
    }
    r->is_payload_whole = false;
    start_streaming(r, now, actions, r->snapshot.offset);
    buf_deinit(&r->work);
    r->work = buf_steal(&r->in);
    add_borrowed(actions, REPLICA_ACTION_STREAM, buf_bytes(&r->work));
}

static void on_start(struct replica *r, struct mono_time now, const struct replica_event *event,
                     struct replica_actions *actions)
{
    if (r->phase != REPLICA_STREAMING) {
        r->down_since = now;
    }
    drop(r, actions, true);
    if (r->phase != REPLICA_IDLE) {
        move(r, REPLICA_IDLE, now);
    }
    mem_free(MEM_REPLICATION, r->host);
    r->host = mem_strdup(MEM_REPLICATION, event->host);
    r->port = event->port;
    r->backoff_ms = BACKOFF_FIRST_MS;
    start_connect(r, now, actions);
}

static void on_stop(struct replica *r, struct mono_time now, struct replica_actions *actions)
{
    drop(r, actions, true);
    if (r->phase != REPLICA_IDLE) {
        move(r, REPLICA_IDLE, now);
    }
}

static void on_link_up(struct replica *r, struct mono_time now, const struct replica_event *event,
                       struct replica_actions *actions)
{
    if (r->phase != REPLICA_CONNECTING) {
        return;
    }
    move(r, REPLICA_HANDSHAKE, now);
    r->position = event->position;
    r->heard_at = now;
    add_request(actions, (const char *const[6]){"PING"});
    await(r, AWAIT_PING);
}

static void on_link_down(struct replica *r, struct mono_time now, const char *reason,
                         struct replica_actions *actions)
{
    if (has_link(r)) {
        fail(r, now, actions, reason != NULL ? reason : "closed");
    }
}

static int64_t silence_ms(const struct replica *r)
{
    bool is_early = r->phase == REPLICA_CONNECTING || r->phase == REPLICA_HANDSHAKE;

    return is_early && r->timeout_ms > HANDSHAKE_TIMEOUT_MS ? HANDSHAKE_TIMEOUT_MS : r->timeout_ms;
}

static void on_tick(struct replica *r, struct mono_time now, uint64_t offset,
                    struct replica_actions *actions)
{
    if (r->phase == REPLICA_WAITING && mono_is_due(r->retry_at, now)) {
        start_connect(r, now, actions);
    } else if (has_link(r) && mono_ms_between(r->heard_at, now) >= silence_ms(r)) {
        fail(r, now, actions, "silent for too long");
    } else if (r->phase == REPLICA_STREAMING && mono_is_due(r->ack_at, now)) {
        send_ack(r, now, offset, actions);
    } else if (r->phase == REPLICA_LOADING && mono_is_due(r->ack_at, now)) {
        struct replica_action *action = add(actions, REPLICA_ACTION_SEND);

        buf_append_byte(&actions->text, '\n');
        action->text_len = 1;
        r->ack_at = mono_add_ms(now, ACK_PERIOD_MS);
    }
}

static struct mono_time wake_time(const struct replica *r)
{
    struct mono_time at;

    if (r->phase == REPLICA_IDLE) {
        return MONO_NEVER;
    }
    if (r->phase == REPLICA_WAITING) {
        return r->retry_at;
    }
    at = mono_add_ms(r->heard_at, silence_ms(r));
    if (r->phase == REPLICA_STREAMING || r->phase == REPLICA_LOADING) {
        at = mono_earlier(at, r->ack_at);
    }
    return at;
}

void replica_step(struct replica *replica, struct mono_time now, const struct replica_event *event,
                  struct replica_actions *actions)
{
    switch (event->type) {
    case REPLICA_EVENT_START:
        on_start(replica, now, event, actions);
        break;
    case REPLICA_EVENT_STOP:
        on_stop(replica, now, actions);
        break;
    case REPLICA_EVENT_LINK_UP:
        on_link_up(replica, now, event, actions);
        break;
    case REPLICA_EVENT_LINK_DOWN:
        on_link_down(replica, now, event->reason, actions);
        break;
    case REPLICA_EVENT_BYTES:
        on_bytes(replica, now, event->bytes, actions);
        break;
    case REPLICA_EVENT_SNAPSHOT_LOADED:
        on_loaded(replica, now, actions);
        break;
    case REPLICA_EVENT_SNAPSHOT_FAILED:
        if (replica->phase == REPLICA_LOADING) {
            fail(replica, now, actions, event->reason != NULL ? event->reason : "not loaded");
        }
        break;
    case REPLICA_EVENT_GETACK:
        if (replica->phase == REPLICA_STREAMING) {
            send_ack(replica, now, event->position.offset, actions);
        }
        break;
    case REPLICA_EVENT_TICK:
        on_tick(replica, now, event->position.offset, actions);
        break;
    }
    actions->wake_at = wake_time(replica);
}

/* ---- life and reports ------------------------------------------------------------------------- */

static void set_text(char **field, const char *text)
{
    char *copy = mem_strdup(MEM_REPLICATION, text != NULL ? text : "");

    mem_free(MEM_REPLICATION, *field);
    *field = copy;
}

void replica_configure(struct replica *replica, const struct replica_settings *settings)
{
    replica->timeout_ms = settings->timeout_ms;
    replica->announce_port = settings->announce_port;
    set_text(&replica->texts.announce_ip, settings->announce_ip);
    set_text(&replica->texts.primary_user, settings->primary_user);
    set_text(&replica->texts.primary_auth, settings->primary_auth);
    set_text(&replica->texts.version, settings->version);
}

struct replica *replica_new(const struct replica_settings *settings, uint64_t seed)
{
    struct replica *r = mem_alloc_zeroed(MEM_REPLICATION, sizeof(*r));

    rng_init(&r->rng, seed);
    r->backoff_ms = BACKOFF_FIRST_MS;
    r->down_since = MONO_NEVER;
    r->host = mem_strdup(MEM_REPLICATION, "");
    replica_configure(r, settings);
    return r;
}

void replica_free(struct replica *replica)
{
    if (replica == NULL) {
        return;
    }
    mem_free(MEM_REPLICATION, replica->texts.announce_ip);
    mem_free(MEM_REPLICATION, replica->texts.primary_user);
    mem_free(MEM_REPLICATION, replica->texts.primary_auth);
    mem_free(MEM_REPLICATION, replica->texts.version);
    mem_free(MEM_REPLICATION, replica->host);
    buf_deinit(&replica->in);
    buf_deinit(&replica->work);
    mem_free(MEM_REPLICATION, replica);
}

enum replica_phase replica_get_phase(const struct replica *replica)
{
    return replica->phase;
}

static const char *role_state(enum replica_phase phase)
{
    switch (phase) {
    case REPLICA_IDLE:
    case REPLICA_WAITING:
        return "connect";
    case REPLICA_CONNECTING:
        return "connecting";
    case REPLICA_HANDSHAKE:
        return "handshake";
    case REPLICA_WAIT_SNAPSHOT:
    case REPLICA_LOADING:
        return "sync";
    case REPLICA_STREAMING:
        return "connected";
    }
    ASSERT(false);
    return "";
}

struct replica_report replica_get_report(const struct replica *replica)
{
    return (struct replica_report){
        .phase = replica->phase,
        .role_state = role_state(replica->phase),
        .host = replica->host,
        .port = replica->port,
        .is_link_up = replica->phase == REPLICA_STREAMING,
        .last_io_at = replica->was_heard ? replica->heard_at : MONO_NEVER,
        .link_down_since = replica->down_since,
        .snapshot_size = replica->snapshot_size,
        .snapshot_received = replica->snapshot_received,
    };
}

void replica_check(const struct replica *replica)
{
    ASSERT(replica->phase <= REPLICA_STREAMING);
    ASSERT(!replica->is_payload_whole || replica->phase == REPLICA_LOADING);
    ASSERT(replica->awaited_count == 0 || replica->phase == REPLICA_HANDSHAKE);
    ASSERT(replica->backoff_ms >= BACKOFF_FIRST_MS && replica->backoff_ms <= BACKOFF_MOST_MS);
}
