/* SPDX-License-Identifier: MIT */
/* The handshake of a replica.  PING goes out alone; when it is answered, AUTH and all REPLCONF
 * go out together and their answers come in the same order; PSYNC goes last. */
#include "replication/handshake.h"

#include "base/assert.h"
#include "replication/replica_emit.h"
#include "replication/replica_link.h"
#include "resp/writer.h"

#include <inttypes.h>

bool handshake_is_awaiting(const struct replica *r)
{
    for (size_t i = 0; i < ANSWER_COUNT; i++) {
        if (r->is_awaited[i]) {
            return true;
        }
    }
    return false;
}

void handshake_begin(struct replica *r)
{
    struct bytes ping = BYTES_LITERAL("PING");

    ASSERT(r->phase == REPLICA_HANDSHAKE);
    for (size_t i = 0; i < ANSWER_COUNT; i++) {
        r->is_awaited[i] = false;
    }
    r->is_awaited[ANSWER_PING] = true;
    replica_emit_request(r, &ping, 1);
}

static void add(struct buf *out, const struct bytes *words, size_t count)
{
    ASSERT(count > 0);
    resp_write_request(out, words, count);
}

static void add_auth(struct replica *r, struct buf *out)
{
    struct bytes words[3] = {BYTES_LITERAL("AUTH")};
    size_t count = 1;

    ASSERT(!r->is_awaited[ANSWER_AUTH]);
    if (r->primary_auth.len == 0) {
        return;
    }
    if (r->primary_user.len > 0) {
        words[count++] = buf_bytes(&r->primary_user);
    }
    words[count++] = buf_bytes(&r->primary_auth);
    add(out, words, count);
    r->is_awaited[ANSWER_AUTH] = true;
}

static void add_option(struct replica *r, enum handshake_answer answer, const char *name,
                       struct bytes value, struct buf *out)
{
    struct bytes words[] = {BYTES_LITERAL("REPLCONF"), bytes_from_text(name), value};

    ASSERT(answer > ANSWER_AUTH && answer < ANSWER_PSYNC);
    if (value.len > 0) {
        add(out, words, ARRAY_COUNT(words));
        r->is_awaited[answer] = true;
    }
}

static struct introduction_self self_of(const struct replica *r)
{
    return (struct introduction_self){
        .node = r->node_id,
        .shard = r->shard_id,
        .secret = buf_bytes(&r->secret),
        .previous_secret = buf_bytes(&r->previous_secret),
    };
}

static void add_node(struct replica *r, struct buf *out)
{
    struct introduction_self self = self_of(r);

    r->introduction = (struct introduction){0};
    if (!cluster_id_is_none(&r->node_id)) {
        introduction_begin(&r->introduction, &self, &r->primary_id, &r->rng, out);
        r->is_awaited[ANSWER_NODE] = true;
    }
}

static void send_introduction(struct replica *r)
{
    static const char *const capa[] = {"REPLCONF", "capa", "eof",   "capa",
                                       "psync2",   "capa", "rewind"};
    size_t capa_count = r->settings.can_rewind ? ARRAY_COUNT(capa) : ARRAY_COUNT(capa) - 2;
    struct bytes words[ARRAY_COUNT(capa)];
    char port[NUM_I64_TEXT];
    struct buf out = {0};

    ASSERT(r->phase == REPLICA_HANDSHAKE);
    ASSERT(!handshake_is_awaiting(r)); /* PING was alone */
    add_auth(r, &out);
    add_option(r, ANSWER_PORT, "listening-port",
               bytes_make(port, num_format_u64(port, r->settings.announce_port)), &out);
    add_option(r, ANSWER_IP, "ip-address", buf_bytes(&r->announce_ip), &out);
    for (size_t i = 0; i < capa_count; i++) {
        words[i] = bytes_from_text(capa[i]);
    }
    add(&out, words, capa_count);
    r->is_awaited[ANSWER_CAPA] = true;
    add_option(r, ANSWER_VERSION, "version", buf_bytes(&r->version), &out);
    if (r->memory != 0) {
        add_option(r, ANSWER_MEMORY, "memory", bytes_make(port, num_format_u64(port, r->memory)),
                   &out);
    }
    add_node(r, &out);
    replica_emit_text(r, REPLICA_ACTION_SEND, buf_bytes(&out));
    buf_deinit(&out);
    ASSERT(r->is_awaited[ANSWER_CAPA] && !r->is_awaited[ANSWER_PSYNC]);
}

static void send_psync(struct replica *r)
{
    bool has_history = !history_id_is_empty(&r->offer.history);
    char number[NUM_I64_TEXT];
    size_t len =
        has_history ? num_format_u64(number, r->offer.offset + 1) : num_format_i64(number, -1);
    struct bytes words[] = {BYTES_LITERAL("PSYNC"),
                            bytes_from_text(has_history ? r->offer.history.text : "?"),
                            bytes_make(number, len)};

    ASSERT(r->phase == REPLICA_HANDSHAKE);
    ASSERT(!handshake_is_awaiting(r));
    replica_emit_request(r, words, ARRAY_COUNT(words));
    r->is_awaited[ANSWER_PSYNC] = true;
    replica_log(r, LOG_NOTICE, "asking to go on from history %s, offset %" PRIu64,
                has_history ? r->offer.history.text : "?", has_history ? r->offer.offset : 0);
}

/* ---- answers ------------------------------------------------------------------------------ */

static void log_answer(struct replica *r, enum log_level level, const char *to, struct bytes line)
{
    replica_log(r, level, "the primary answered %s with: %.*s", to,
                (int)(line.len < 256 ? line.len : 256), line.data);
}

static bool is_try_later(struct bytes line)
{
    return bytes_has_prefix(line, "-NOMASTERLINK") || bytes_has_prefix(line, "-LOADING") ||
           bytes_has_prefix(line, "-MASTERDOWN");
}

static void take_ping(struct replica *r, struct bytes line)
{
    bool is_fine = bytes_has_prefix(line, "+") || bytes_has_prefix(line, "-NOAUTH") ||
                   bytes_has_prefix(line, "-NOPERM") ||
                   bytes_has_prefix(line, "-ERR operation not permitted");

    ASSERT(!handshake_is_awaiting(r));
    if (is_fine) {
        send_introduction(r);
        return;
    }
    log_answer(r, is_try_later(line) ? LOG_NOTICE : LOG_WARNING, "PING", line);
    link_fail(r, LOG_NOTICE, "it is not ready");
}

static void take_auth(struct replica *r, struct bytes line)
{
    ASSERT(line.len > 0);
    if (!bytes_has_prefix(line, "+")) {
        log_answer(r, LOG_WARNING, "AUTH", line);
        link_fail(r, LOG_WARNING, "it refused our password");
    }
}

/* An option that the primary does not know is none of our trouble. */
static void take_option(struct replica *r, struct bytes line)
{
    if (!bytes_has_prefix(line, "+")) {
        log_answer(r, LOG_VERBOSE, "REPLCONF", line);
    }
}

/* Somebody else's data are not for us, whatever we have. */
static void take_node(struct replica *r, struct bytes line)
{
    struct introduction_self self = self_of(r);
    struct errmsg error;
    struct buf out = {0};

    if (is_try_later(line)) {
        log_answer(r, LOG_NOTICE, "REPLCONF node", line);
        link_fail(r, LOG_NOTICE, "it will be ready later");
    } else if (!bytes_has_prefix(line, "+")) {
        log_answer(r, LOG_WARNING, "REPLCONF node", line);
        link_fail(r, LOG_WARNING, "it is not who is to be followed; our data stay as they are");
    } else if (!introduction_take_answer(&r->introduction, &self, line, &out, &error)) {
        link_fail(r, LOG_WARNING, error.text);
    } else {
        replica_emit_text(r, REPLICA_ACTION_SEND, buf_bytes(&out));
        r->is_awaited[ANSWER_PROOF] = true;
    }
    buf_deinit(&out);
}

static void take_proof(struct replica *r, struct bytes line)
{
    ASSERT(r->introduction.is_proven);
    if (!bytes_has_prefix(line, "+")) {
        log_answer(r, LOG_WARNING, "REPLCONF node-proof", line);
        link_fail(r, LOG_WARNING, "it does not believe who we are");
    }
}

static void take_full(struct replica *r, struct bytes rest)
{
    struct bytes id = bytes_next_word(&rest, ' ');
    struct bytes offset = bytes_next_word(&rest, ' ');

    if (!history_id_parse(id, &r->snapshot.history) ||
        !num_parse_u64(offset, &r->snapshot.offset) ||
        r->snapshot.offset > REPLICATION_OFFSET_MAX) {
        link_fail(r, LOG_WARNING, "its FULLRESYNC cannot be understood");
        return;
    }
    replica_log(r, LOG_NOTICE, "full resync: history %s from offset %" PRIu64,
                r->snapshot.history.text, r->snapshot.offset);
    link_move(r, REPLICA_WAIT_SNAPSHOT);
    ASSERT(!history_id_is_empty(&r->snapshot.history));
    payload_clear(&r->payload);
}

static void take_continue(struct replica *r, struct bytes rest)
{
    struct bytes id = bytes_next_word(&rest, ' ');
    struct history_id named = r->offer.history;
    struct replica_action *action;

    if (history_id_is_empty(&r->offer.history) || (id.len > 0 && !history_id_parse(id, &named))) {
        link_fail(r, LOG_WARNING, "its CONTINUE cannot be understood");
        return;
    }
    if (!history_id_equal(&named, &r->offer.history)) {
        replica_log(r, LOG_NOTICE, "the history goes on as %s from offset %" PRIu64, named.text,
                    r->offer.offset);
        r->offer.history = named;
    } else {
        replica_log(r, LOG_NOTICE, "partial resync from offset %" PRIu64, r->offer.offset);
    }
    action = replica_emit(r, REPLICA_ACTION_CONTINUE);
    action->position = r->offer;
    link_begin_streaming(r, r->offer.offset);
    ASSERT(r->phase == REPLICA_STREAMING);
}

/* We have gone on in a history that the others have left. */
static void take_rewind(struct replica *r, struct bytes rest)
{
    struct bytes id = bytes_next_word(&rest, ' ');
    struct bytes offset = bytes_next_word(&rest, ' ');
    struct replication_position to = {0};

    if (!history_id_parse(id, &to.history) || !num_parse_u64(offset, &to.offset) ||
        !r->settings.can_rewind || !history_id_equal(&to.history, &r->offer.history) ||
        to.offset >= r->offer.offset) {
        link_fail(r, LOG_WARNING, "its REWIND cannot be understood");
        return;
    }
    replica_emit(r, REPLICA_ACTION_REWIND)->position = to;
    link_fail(r, LOG_NOTICE, "what we have goes further than what it knows");
}

static void take_psync(struct replica *r, struct bytes line)
{
    ASSERT(!handshake_is_awaiting(r));
    if (bytes_has_prefix(line, "+FULLRESYNC ")) {
        take_full(r, bytes_from(line, strlen("+FULLRESYNC ")));
    } else if (bytes_equal_text(line, "+CONTINUE") || bytes_has_prefix(line, "+CONTINUE ")) {
        take_continue(r, bytes_from(line, strlen("+CONTINUE")));
    } else if (bytes_has_prefix(line, "-REWIND ")) {
        take_rewind(r, bytes_from(line, strlen("-REWIND ")));
    } else if (is_try_later(line)) {
        log_answer(r, LOG_NOTICE, "PSYNC", line);
        link_fail(r, LOG_NOTICE, "it will be ready later");
    } else {
        log_answer(r, LOG_WARNING, "PSYNC", line);
        link_fail(r, LOG_WARNING, "it refused to synchronise");
    }
}

void handshake_take_line(struct replica *r, struct bytes line)
{
    enum handshake_answer answer = ANSWER_PING;

    ASSERT(r->phase == REPLICA_HANDSHAKE);
    ASSERT(line.len > 0);
    while (answer < ANSWER_COUNT && !r->is_awaited[answer]) {
        answer++;
    }
    ASSERT(answer < ANSWER_COUNT);
    r->is_awaited[answer] = false;
    switch (answer) {
    case ANSWER_PING:
        take_ping(r, line);
        return;
    case ANSWER_AUTH:
        take_auth(r, line);
        break;
    case ANSWER_PORT:
    case ANSWER_IP:
    case ANSWER_CAPA:
    case ANSWER_VERSION:
    case ANSWER_MEMORY:
        take_option(r, line);
        break;
    case ANSWER_NODE:
        take_node(r, line);
        break;
    case ANSWER_PROOF:
        take_proof(r, line);
        break;
    case ANSWER_PSYNC:
        take_psync(r, line);
        return;
    case ANSWER_COUNT:
        break;
    }
    if (r->phase == REPLICA_HANDSHAKE && !handshake_is_awaiting(r)) {
        send_psync(r);
    }
}
