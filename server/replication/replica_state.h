/* SPDX-License-Identifier: MIT */
/* The inside of struct replica, shared by replica.c and handshake.c alone. */
#ifndef STARLING_REPLICATION_REPLICA_STATE_H
#define STARLING_REPLICATION_REPLICA_STATE_H

#include "base/num.h"
#include "base/rng.h"
#include "replication/payload.h"
#include "replication/replica.h"

enum {
    REPLICA_LINE_MAX = 4096, /* a longer line is no answer of a handshake */
    REPLICA_HOST_SIZE = 256,
};

/* What the handshake waits for; PING is answered alone, the others are sent together. */
enum handshake_answer {
    ANSWER_PING,
    ANSWER_AUTH,
    ANSWER_PORT,
    ANSWER_IP,
    ANSWER_CAPA,
    ANSWER_VERSION,
    ANSWER_PSYNC,
    ANSWER_COUNT
};

struct replica {
    enum replica_phase phase;
    struct {
        int64_t timeout_ms;
        uint16_t announce_port;
    } settings;
    struct buf announce_ip;
    struct buf primary_user;
    struct buf primary_auth;
    struct buf version;
    struct rng rng;
    char host[REPLICA_HOST_SIZE];
    uint16_t port;

    struct mono_time now;
    struct replica_actions *out; /* during a step */

    int64_t backoff_ms;
    struct mono_time retry_at;
    struct mono_time last_heard_at; /* or when the attempt began */
    struct mono_time last_io_at;
    struct mono_time link_down_since;
    struct mono_time ack_at;
    struct mono_time newline_at;

    struct buf line; /* the beginning of a line */
    bool is_awaited[ANSWER_COUNT];
    struct replication_position offer;    /* what PSYNC asks to go on from */
    struct replication_position snapshot; /* what +FULLRESYNC promised */
    struct payload payload;
    bool is_loading_open;  /* SNAPSHOT_BEGIN went out, neither END nor ABORT did */
    bool is_loading_whole; /* SNAPSHOT_END went out, the node is loading */
    bool is_input_held;
    struct buf early;       /* stream bytes that came before the snapshot was loaded */
    struct buf early_given; /* the same while they are lent out */
};

/* replica.c */
void replica_move(struct replica *r, enum replica_phase to);
void replica_fail(struct replica *r, enum log_level level, const char *reason);
void replica_begin_streaming(struct replica *r, uint64_t offset);
struct replica_action *replica_emit(struct replica *r, enum replica_action_type type);
void replica_emit_text(struct replica *r, enum replica_action_type type, struct bytes text);
void replica_log(struct replica *r, enum log_level level, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* handshake.c */
void replica_send_request(struct replica *r, const struct bytes *words, size_t count);
void handshake_begin(struct replica *r);
/* One answer line, without its end, not empty. */
void handshake_take_line(struct replica *r, struct bytes line);

#endif
