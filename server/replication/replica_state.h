/* SPDX-License-Identifier: MIT */
/* The inside of struct replica, for the files of this room alone. */
#ifndef STARLING_REPLICATION_REPLICA_STATE_H
#define STARLING_REPLICATION_REPLICA_STATE_H

#include "base/num.h"
#include "base/rng.h"
#include "replication/payload.h"
#include "replication/replica.h"

enum {
    REPLICA_BACKOFF_FIRST_MS = 100,
    REPLICA_BACKOFF_MAX_MS = 1600,
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
    ANSWER_MEMORY,
    ANSWER_NODE,  /* of a cluster: introduction.h */
    ANSWER_PROOF, /* sent when NODE is answered */
    ANSWER_PSYNC,
    ANSWER_COUNT
};

struct replica {
    enum replica_phase phase;
    struct {
        int64_t timeout_ms;
        uint16_t announce_port;
        bool can_rewind;
    } settings;
    struct buf announce_ip;
    struct buf primary_user;
    struct buf primary_auth;
    struct buf version;
    struct rng rng;
    char host[REPLICA_HOST_SIZE];
    uint16_t port;

    struct mono_time now;
    struct actions *out; /* during a step */

    int64_t backoff_ms;
    struct mono_time retry_at;
    struct mono_time last_heard_at; /* or when the attempt began */
    struct mono_time last_io_at;
    struct mono_time link_down_since;
    bool has_streamed; /* since following this primary began */
    struct mono_time ack_at;
    struct mono_time newline_at;

    struct buf line; /* the beginning of a line */
    bool is_awaited[ANSWER_COUNT];
    struct introduction introduction; /* not begun: not in a cluster */
    struct cluster_id node_id;        /* ours, ... */
    struct cluster_id shard_id;
    struct cluster_id primary_id; /* ... and who is expected */
    uint64_t memory;
    struct buf secret;
    struct buf previous_secret;
    struct replication_position offer;    /* what PSYNC asks to go on from */
    struct replication_position snapshot; /* what +FULLRESYNC promised */
    struct payload payload;
    bool is_loading_open;   /* SNAPSHOT_BEGIN went out, neither END nor ABORT did */
    bool is_loading_whole;  /* SNAPSHOT_END went out, the node is loading */
    struct buf early;       /* stream bytes that came before the snapshot was loaded */
    struct buf early_given; /* the same while they are lent out */
};

#endif
