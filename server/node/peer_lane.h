/* SPDX-License-Identifier: MIT */
/* A connection to another primary on which requests are answered in order, and what is to be done with each answer.
 *
 *     closed --- open ---> connecting --- up ---> greeting: who both are is proven --- joined ---> open
 *
 * Invariant:  (1) answers are awaited on an open lane only, first asked first */
#ifndef STARLING_NODE_PEER_LANE_H
#define STARLING_NODE_PEER_LANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/cluster_id.h"
#include "base/vec.h"
#include "replication/introduction.h"
#include "resp/value.h"

struct node;

enum peer_answer_kind {
    PEER_ANSWER_SKIP,  /* +OK, to something that cannot go wrong; an error closes the lane */
    PEER_ANSWER_GRANT, /* of a lease */
    PEER_ANSWER_VALUE, /* of a key: what was asked for */
    PEER_ANSWER_CALL,  /* of a client's request: it goes to the session as it is */
};

struct peer_answer {
    enum peer_answer_kind kind;
    uint64_t session;   /* CALL: whose it is */
    bool is_ignored;    /* CALL: only the last of several answers is the session's */
    size_t kept_len;    /* of what is kept for it: a VALUE's key, the request of a CALL that only
                       * reads, or that somebody is to be told the keys of */
    size_t asked_bytes; /* set when it is sent */
    struct mono_time asked_at;
};

enum peer_lane_phase {
    PEER_LANE_CLOSED,
    PEER_LANE_CONNECTING,
    PEER_LANE_AUTH, /* answers that are awaited */
    PEER_LANE_NODE,
    PEER_LANE_PROOF,
    PEER_LANE_OPEN,
};

struct peer_lane {
    enum peer_lane_phase phase;
    uint64_t link;
    struct mono_time opened_at;
    struct introduction introduction;
    struct buf in;
    struct resp_value_scan scan;
    VEC(struct peer_answer) answers;
    size_t first;         /* of those that are awaited */
    size_t awaited_bytes; /* of the requests that they are to */
    struct buf kept;      /* for the answers that are awaited, first asked first */
};

/* Of a node's: where it is. */
struct peer_address {
    struct cluster_id node;
    struct cluster_id shard;
    char host[256];
    uint16_t port;
};

void peer_lane_open(struct node *node, struct peer_lane *lane, const struct peer_address *to);
void peer_lane_close(struct node *node, struct peer_lane *lane);
/* The connection is gone. */
void peer_lane_forget(struct peer_lane *lane);
void peer_lane_up(struct node *node, struct peer_lane *lane, const struct peer_address *to);
void peer_lane_input(struct peer_lane *lane, struct bytes input);

enum peer_lane_news {
    PEER_LANE_NOTHING, /* more has to come */
    PEER_LANE_OPENED,
    PEER_LANE_ANSWER, /* *bytes is the next answer, as it came, to *answer; key: VALUE's */
    PEER_LANE_PUSH,   /* *bytes came without having been asked for */
    PEER_LANE_BROKEN, /* close it: error says why */
};
/* What came next of what there is.  *bytes is valid until peer_lane_take is called; then it is over. */
enum peer_lane_news peer_lane_next(struct node *node, struct peer_lane *lane,
                                   const struct peer_address *to, struct bytes *bytes,
                                   struct peer_answer *answer, struct errmsg *error);
void peer_lane_take(struct peer_lane *lane, struct bytes bytes);

/* Send a request, or bytes that are one, on an open lane. */
void peer_lane_ask(struct node *node, struct peer_lane *lane, const struct bytes *words,
                   size_t count, const struct peer_answer *answer);
void peer_lane_pass_on(struct node *node, struct peer_lane *lane, struct bytes request,
                       const struct peer_answer *answer);
/* The same, which is kept until it is answered. */
void peer_lane_pass_on_kept(struct node *node, struct peer_lane *lane, struct bytes request,
                            struct peer_answer answer);
/* What was kept for the answer that came, or will not come, first: it is taken away. */
void peer_lane_take_kept(struct peer_lane *lane, size_t len, struct buf *out);
size_t peer_lane_awaited(const struct peer_lane *lane);
/* Is so much awaited that no more is to be asked?  What a client has asked stays behind when it goes. */
bool peer_lane_is_full(const struct peer_lane *lane);
/* Has much of that been answered since, so that it is worth while to ask again? */
bool peer_lane_has_room(const struct peer_lane *lane);

#endif
