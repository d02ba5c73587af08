/* SPDX-License-Identifier: MIT */
/* The replica side as a state machine; the diagram is in replica.h.  Handshake lines are in
 * handshake.c, the payload's framing in payload.c, moves of the link in replica_link.c. */
#include "replication/replica.h"

#include "base/assert.h"
#include "base/mem.h"
#include "replication/handshake.h"
#include "replication/replica_emit.h"
#include "replication/replica_link.h"

#include <inttypes.h>

enum {
    NEWLINE_PERIOD_MS = 1000,
    INTRODUCTION_MAX_MS = 5000, /* to connect and to shake hands, or repl-timeout when shorter */
};

/* ---- orders and the link ------------------------------------------------------------------ */

static void on_start(struct replica *r, const struct replica_event *event)
{
    ASSERT(event->host != NULL);
    if (r->phase != REPLICA_IDLE) {
        link_drop(r, false);
        link_move(r, REPLICA_IDLE);
    }
    bytes_to_text(bytes_from_text(event->host), r->host, sizeof(r->host));
    r->port = event->port;
    r->backoff_ms = REPLICA_BACKOFF_FIRST_MS;
    r->link_down_since = r->now;
    r->has_streamed = false;
    r->last_io_at = MONO_NEVER;
    replica_log(r, LOG_NOTICE, "following the primary %s:%u", r->host, r->port);
    link_connect(r);
    ASSERT(r->phase == REPLICA_CONNECTING);
}

static void on_stop(struct replica *r)
{
    if (r->phase != REPLICA_IDLE) {
        link_drop(r, false);
        link_move(r, REPLICA_IDLE);
    }
    ASSERT(r->phase == REPLICA_IDLE);
}

/* Who we are and whom we expect is as it is now: roles and secrets change. */
static void take_self(struct replica *r, const struct replica_event *event)
{
    struct introduction_self none = {0};
    const struct introduction_self *self = event->self != NULL ? event->self : &none;

    r->node_id = self->node;
    r->shard_id = self->shard;
    r->primary_id = event->primary_id;
    buf_clear(&r->secret);
    buf_append_bytes(&r->secret, self->secret);
    buf_clear(&r->previous_secret);
    buf_append_bytes(&r->previous_secret, self->previous_secret);
}

static void on_link_up(struct replica *r, const struct replica_event *event)
{
    if (r->phase != REPLICA_CONNECTING) {
        return;
    }
    link_move(r, REPLICA_HANDSHAKE);
    r->last_heard_at = r->now;
    r->offer = event->position;
    r->memory = event->memory;
    take_self(r, event);
    handshake_begin(r);
    ASSERT(handshake_is_awaiting(r));
}

static void on_link_down(struct replica *r, const struct replica_event *event)
{
    if (!link_is_there(r)) {
        return;
    }
    replica_log(r, LOG_NOTICE, "link to the primary %s:%u is down: %s", r->host, r->port,
                event->reason != NULL ? event->reason : "closed");
    link_retry_later(r, true);
}

/* ---- the stream --------------------------------------------------------------------------- */

static void give_stream(struct replica *r, struct bytes bytes)
{
    ASSERT(r->phase == REPLICA_STREAMING);
    if (bytes.len > 0) {
        replica_emit(r, REPLICA_ACTION_STREAM)->bytes.borrowed = bytes;
    }
}

static void on_loaded(struct replica *r, const struct replica_event *event)
{
    if (r->phase != REPLICA_LOADING || !r->is_loading_whole) {
        return;
    }
    r->is_loading_whole = false;
    replica_log(r, LOG_NOTICE, "full resync done: history %s from offset %" PRIu64,
                r->snapshot.history.text, r->snapshot.offset);
    link_begin_streaming(r, event->position.offset);
    /* What followed the payload on the wire was kept; it is borrowed until the next step. */
    buf_deinit(&r->early_given);
    r->early_given = buf_steal(&r->early);
    give_stream(r, buf_bytes(&r->early_given));
}

static void on_load_failed(struct replica *r, const struct replica_event *event)
{
    if (r->phase == REPLICA_LOADING) {
        r->is_loading_open = false;
        link_fail(r, LOG_WARNING,
                  event->reason != NULL ? event->reason : "the snapshot could not be loaded");
    }
}

/* ---- input -------------------------------------------------------------------------------- */

static void begin_payload(struct replica *r)
{
    struct replica_action *action;

    ASSERT(!history_id_is_empty(&r->snapshot.history));
    link_move(r, REPLICA_LOADING);
    r->is_loading_open = true;
    action = replica_emit(r, REPLICA_ACTION_SNAPSHOT_BEGIN);
    action->position = r->snapshot;
    action->size = r->payload.size;
    r->newline_at = mono_add_ms(r->now, NEWLINE_PERIOD_MS);
}

static void give_payload(struct replica *r, struct bytes bytes)
{
    ASSERT(r->is_loading_open);
    if (bytes.len > 0) {
        replica_emit(r, REPLICA_ACTION_SNAPSHOT_BYTES)->bytes.borrowed = bytes;
    }
}

static void end_payload(struct replica *r)
{
    struct replica_action *action = replica_emit(r, REPLICA_ACTION_SNAPSHOT_END);

    ASSERT(r->is_loading_open);
    ASSERT(payload_is_whole(&r->payload));
    action->position = r->snapshot;
    action->size = r->payload.size;
    r->is_loading_open = false;
    r->is_loading_whole = true;
}

static void take_payload(struct replica *r, struct bytes *in)
{
    struct payload_pieces pieces = payload_take(&r->payload, in);

    give_payload(r, pieces.held_back);
    give_payload(r, pieces.direct);
    if (pieces.is_whole) {
        end_payload(r);
    }
}

/* Cut one line off the input; false when it is not whole yet. */
static bool take_line(struct replica *r, struct bytes *in, struct bytes *out_line)
{
    size_t end = bytes_find_byte(*in, '\n');
    size_t len = end == SIZE_MAX ? in->len : end + 1;

    if (r->line.len + len > REPLICA_LINE_MAX) {
        link_fail(r, LOG_WARNING, "it sent a line that is too long for the handshake");
        return false;
    }
    buf_append_bytes(&r->line, bytes_prefix(*in, len));
    *in = bytes_from(*in, len);
    if (end == SIZE_MAX) {
        return false;
    }
    *out_line = bytes_trim(buf_bytes(&r->line));
    return true;
}

static void take_payload_head(struct replica *r, struct bytes line)
{
    ASSERT(r->phase == REPLICA_WAIT_SNAPSHOT);
    if (bytes_has_prefix(line, "-")) {
        replica_log(r, LOG_WARNING, "the primary cannot send a snapshot: %.*s", BYTES_ARGS(line));
        link_fail(r, LOG_NOTICE, "no snapshot");
    } else if (!payload_begin(&r->payload, line)) {
        link_fail(r, LOG_WARNING, "it sent something else where a snapshot should begin");
    } else {
        begin_payload(r);
    }
}

static void take_one_line(struct replica *r, struct bytes *in)
{
    struct bytes line;

    ASSERT(in->len > 0);
    if (!take_line(r, in, &line)) {
        return;
    }
    /* A bare line end says "still at it", before and behind +FULLRESYNC alike. */
    if (line.len > 0) {
        if (r->phase == REPLICA_HANDSHAKE) {
            handshake_take_line(r, line);
        } else {
            take_payload_head(r, line);
        }
    }
    buf_clear(&r->line);
}

static void on_bytes(struct replica *r, struct bytes in)
{
    ASSERT(r->out != NULL);
    r->last_heard_at = r->now;
    r->last_io_at = r->now;
    while (in.len > 0) {
        switch (r->phase) {
        case REPLICA_HANDSHAKE:
        case REPLICA_WAIT_SNAPSHOT:
            take_one_line(r, &in);
            break;
        case REPLICA_LOADING:
            if (r->is_loading_whole) {
                buf_append_bytes(&r->early, in);
                return;
            }
            take_payload(r, &in);
            break;
        case REPLICA_STREAMING:
            give_stream(r, in);
            return;
        case REPLICA_IDLE:
        case REPLICA_WAITING:
        case REPLICA_CONNECTING:
            return; /* of a link that was given up */
        }
    }
    /* An empty payload is whole without a byte. */
    if (r->phase == REPLICA_LOADING && !r->is_loading_whole && payload_is_whole(&r->payload)) {
        end_payload(r);
    }
}

/* ---- time --------------------------------------------------------------------------------- */

/* How long silence is borne.  An address that swallows packets is not waited for as long as a
 * primary that prepares a snapshot. */
static int64_t patience_ms(const struct replica *r)
{
    bool is_early = r->phase == REPLICA_CONNECTING || r->phase == REPLICA_HANDSHAKE;

    return is_early && r->settings.timeout_ms > INTRODUCTION_MAX_MS ? INTRODUCTION_MAX_MS
                                                                    : r->settings.timeout_ms;
}

static bool is_silent(const struct replica *r)
{
    /* While the snapshot is being loaded here, nothing is expected from there. */
    return link_is_there(r) && !r->is_loading_whole &&
           mono_ms_between(r->last_heard_at, r->now) > patience_ms(r);
}

static void on_tick(struct replica *r, const struct replica_event *event)
{
    if (is_silent(r)) {
        link_fail(r, LOG_WARNING,
                  r->phase == REPLICA_CONNECTING ? "it does not accept the connection in time"
                                                 : "it is silent for too long");
        return;
    }
    if (r->phase == REPLICA_WAITING && mono_is_due(r->retry_at, r->now)) {
        link_connect(r);
    } else if (r->phase == REPLICA_STREAMING && mono_is_due(r->ack_at, r->now)) {
        link_send_ack(r, event->position.offset, event->durable_offset);
    } else if (r->phase == REPLICA_LOADING && mono_is_due(r->newline_at, r->now)) {
        replica_emit_text(r, REPLICA_ACTION_SEND, BYTES_LITERAL("\n"));
        r->newline_at = mono_add_ms(r->now, NEWLINE_PERIOD_MS);
    }
}

static struct mono_time wake_at(const struct replica *r)
{
    struct mono_time silence = mono_add_ms(r->last_heard_at, patience_ms(r) + 1);

    switch (r->phase) {
    case REPLICA_IDLE:
        return MONO_NEVER;
    case REPLICA_WAITING:
        return r->retry_at;
    case REPLICA_CONNECTING:
    case REPLICA_HANDSHAKE:
    case REPLICA_WAIT_SNAPSHOT:
        return silence;
    case REPLICA_LOADING:
        return r->is_loading_whole ? r->newline_at : mono_earlier(r->newline_at, silence);
    case REPLICA_STREAMING:
        return mono_earlier(r->ack_at, silence);
    }
    return MONO_NEVER;
}

void replica_step(struct replica *replica, struct mono_time now, const struct replica_event *event,
                  struct actions *actions)
{
    struct replica *r = replica;

    ASSERT(r->out == NULL);
    r->now = now;
    r->out = actions;
    actions_begin_step(actions, &replica_actions_kind);
    switch (event->type) {
    case REPLICA_EVENT_START:
        on_start(r, event);
        break;
    case REPLICA_EVENT_STOP:
        on_stop(r);
        break;
    case REPLICA_EVENT_LINK_UP:
        on_link_up(r, event);
        break;
    case REPLICA_EVENT_LINK_DOWN:
        on_link_down(r, event);
        break;
    case REPLICA_EVENT_BYTES:
        on_bytes(r, event->bytes);
        break;
    case REPLICA_EVENT_SNAPSHOT_LOADED:
        on_loaded(r, event);
        break;
    case REPLICA_EVENT_SNAPSHOT_FAILED:
        on_load_failed(r, event);
        break;
    case REPLICA_EVENT_GETACK:
        if (r->phase == REPLICA_STREAMING) {
            link_send_ack(r, event->position.offset, event->durable_offset);
        }
        break;
    case REPLICA_EVENT_TICK:
        on_tick(r, event);
        break;
    }
    actions_end_step(actions, wake_at(r));
    r->out = NULL;
    replica_check(r);
}

/* ---- birth, death, reports ---------------------------------------------------------------- */

static void copy_setting(struct buf *into, const char *text)
{
    buf_clear(into);
    buf_append_text(into, text != NULL ? text : "");
}

void replica_configure(struct replica *replica, const struct replica_settings *settings)
{
    struct replica *r = replica;

    ASSERT(settings->timeout_ms > 0);
    copy_setting(&r->announce_ip, settings->announce_ip);
    copy_setting(&r->primary_user, settings->primary_user);
    copy_setting(&r->primary_auth, settings->primary_auth);
    copy_setting(&r->version, settings->version);
    r->settings.timeout_ms = settings->timeout_ms;
    r->settings.announce_port = settings->announce_port;
    r->settings.can_rewind = settings->can_rewind;
}

struct replica *replica_new(const struct replica_settings *settings, uint64_t seed)
{
    struct replica *r = mem_alloc_zeroed(MEM_REPLICATION, sizeof(*r));

    rng_init(&r->rng, seed);
    r->backoff_ms = REPLICA_BACKOFF_FIRST_MS;
    r->last_io_at = MONO_NEVER;
    r->link_down_since = MONO_NEVER;
    replica_configure(r, settings);
    ASSERT(r->phase == REPLICA_IDLE && r->out == NULL);
    return r;
}

void replica_free(struct replica *replica)
{
    if (replica == NULL) {
        return;
    }
    ASSERT(replica->out == NULL);
    buf_deinit(&replica->announce_ip);
    buf_deinit(&replica->primary_user);
    buf_deinit(&replica->primary_auth);
    buf_deinit(&replica->version);
    buf_deinit(&replica->secret);
    buf_deinit(&replica->previous_secret);
    buf_deinit(&replica->line);
    buf_deinit(&replica->early);
    buf_deinit(&replica->early_given);
    payload_deinit(&replica->payload);
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
    return "connect";
}

struct replica_report replica_get_report(const struct replica *replica)
{
    return (struct replica_report){
        .phase = replica->phase,
        .role_state = role_state(replica->phase),
        .host = replica->host,
        .port = replica->port,
        .is_link_up = replica->phase == REPLICA_STREAMING,
        .last_io_at = replica->last_io_at,
        .link_down_since = replica->link_down_since,
        .has_streamed = replica->has_streamed,
        .snapshot_size = replica->payload.size,
        .snapshot_received = replica->payload.received,
    };
}

void replica_check(const struct replica *replica)
{
    ASSERT(!replica->is_loading_open || replica->phase == REPLICA_LOADING);
    ASSERT(!replica->is_loading_whole || replica->phase == REPLICA_LOADING);
    ASSERT(!(replica->is_loading_open && replica->is_loading_whole));
    ASSERT(replica->line.len <= REPLICA_LINE_MAX);
    ASSERT(replica->line.len == 0 || replica->phase == REPLICA_HANDSHAKE ||
           replica->phase == REPLICA_WAIT_SNAPSHOT);
    ASSERT(replica->early.len == 0 || replica->is_loading_whole);
    ASSERT(replica->phase != REPLICA_HANDSHAKE || handshake_is_awaiting(replica));
    ASSERT(replica->phase != REPLICA_LOADING || replica->is_loading_open ||
           replica->is_loading_whole);
    ASSERT(replica->backoff_ms >= REPLICA_BACKOFF_FIRST_MS);
    ASSERT(replica->backoff_ms <= REPLICA_BACKOFF_MAX_MS);
    ASSERT(replica->out == NULL);
    payload_check(&replica->payload);
    ASSERT(replica->phase == REPLICA_IDLE || replica->host[0] != '\0');
}
