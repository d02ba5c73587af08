/* SPDX-License-Identifier: MIT */
/* Attempts are spread at random, so that the replicas of a primary do not come back all at once. */
#include "replication/replica_link.h"

#include "base/assert.h"
#include "base/phases.h"
#include "replication/replica_emit.h"

enum {
    ACK_PERIOD_MS = 1000,
};

void link_move(struct replica *r, enum replica_phase to)
{
    static const uint32_t allowed[] = {
        [REPLICA_IDLE] = PHASE_TO(REPLICA_CONNECTING),
        [REPLICA_WAITING] = PHASE_TO(REPLICA_CONNECTING) | PHASE_TO(REPLICA_IDLE),
        [REPLICA_CONNECTING] =
            PHASE_TO(REPLICA_HANDSHAKE) | PHASE_TO(REPLICA_WAITING) | PHASE_TO(REPLICA_IDLE),
        [REPLICA_HANDSHAKE] = PHASE_TO(REPLICA_WAIT_SNAPSHOT) | PHASE_TO(REPLICA_STREAMING) |
                              PHASE_TO(REPLICA_WAITING) | PHASE_TO(REPLICA_IDLE),
        [REPLICA_WAIT_SNAPSHOT] =
            PHASE_TO(REPLICA_LOADING) | PHASE_TO(REPLICA_WAITING) | PHASE_TO(REPLICA_IDLE),
        [REPLICA_LOADING] =
            PHASE_TO(REPLICA_STREAMING) | PHASE_TO(REPLICA_WAITING) | PHASE_TO(REPLICA_IDLE),
        [REPLICA_STREAMING] = PHASE_TO(REPLICA_WAITING) | PHASE_TO(REPLICA_IDLE),
    };

    ASSERT((allowed[r->phase] & PHASE_TO(to)) != 0);
    if (r->phase == REPLICA_STREAMING) {
        r->link_down_since = r->now;
    }
    r->has_streamed = r->has_streamed || to == REPLICA_STREAMING;
    r->phase = to;
}

bool link_is_there(const struct replica *r)
{
    return r->phase != REPLICA_IDLE && r->phase != REPLICA_WAITING;
}

/* Leave no half of anything behind. */
void link_drop(struct replica *r, bool is_closed_already)
{
    if (r->is_loading_open) {
        replica_emit(r, REPLICA_ACTION_SNAPSHOT_ABORT);
        r->is_loading_open = false;
    }
    if (link_is_there(r) && !is_closed_already) {
        replica_emit(r, REPLICA_ACTION_CLOSE);
    }
    r->is_loading_whole = false;
    buf_clear(&r->line);
    buf_clear(&r->early);
    payload_clear(&r->payload);
    ASSERT(!r->is_loading_open && r->early.len == 0);
}

void link_retry_later(struct replica *r, bool is_closed_already)
{
    int64_t delay_ms =
        r->backoff_ms / 2 + (int64_t)rng_below(&r->rng, (uint64_t)r->backoff_ms / 2 + 1);

    ASSERT(delay_ms >= r->backoff_ms / 2 && delay_ms <= r->backoff_ms);
    link_drop(r, is_closed_already);
    r->backoff_ms =
        r->backoff_ms * 2 < REPLICA_BACKOFF_MAX_MS ? r->backoff_ms * 2 : REPLICA_BACKOFF_MAX_MS;
    r->retry_at = mono_add_ms(r->now, delay_ms);
    link_move(r, REPLICA_WAITING);
    ASSERT(r->backoff_ms <= REPLICA_BACKOFF_MAX_MS);
}

void link_fail(struct replica *r, enum log_level level, const char *reason)
{
    ASSERT(link_is_there(r));
    replica_log(r, level, "link to the primary %s:%u given up: %s", r->host, r->port, reason);
    link_retry_later(r, false);
    ASSERT(r->phase == REPLICA_WAITING);
}

void link_connect(struct replica *r)
{
    ASSERT(r->host[0] != '\0');
    link_move(r, REPLICA_CONNECTING);
    r->last_heard_at = r->now;
    replica_emit_text(r, REPLICA_ACTION_CONNECT, bytes_from_text(r->host))->port = r->port;
}

void link_send_ack(struct replica *r, uint64_t offset, uint64_t durable)
{
    char number[NUM_I64_TEXT + 1];
    char on_disk[NUM_I64_TEXT + 1];
    struct bytes words[] = {BYTES_LITERAL("REPLCONF"), BYTES_LITERAL("ACK"),
                            bytes_make(number, num_format_u64(number, offset)),
                            BYTES_LITERAL("FACK"),
                            bytes_make(on_disk, num_format_u64(on_disk, durable))};

    ASSERT(r->phase == REPLICA_STREAMING);
    replica_emit_request(r, words, durable > 0 ? 5 : 3);
    r->ack_at = mono_add_ms(r->now, ACK_PERIOD_MS);
}

void link_begin_streaming(struct replica *r, uint64_t offset)
{
    ASSERT(!r->is_loading_open && !r->is_loading_whole);
    link_move(r, REPLICA_STREAMING);
    r->backoff_ms = REPLICA_BACKOFF_FIRST_MS;
    link_send_ack(r, offset, 0);
    ASSERT(r->phase == REPLICA_STREAMING);
}
