/* SPDX-License-Identifier: MIT */
/* How the two ends of a bus link prove to each other that they know the cluster-secret, here and now, and how each
 * frame shows afterwards that it belongs to this link.
 *
 *     opener                                    acceptor
 *        |-- HELLO    id, start, nonce ----------->|
 *        |<-- WELCOME id, start, nonce, proofs ----|   one by its secret, one by the previous secret if it has one
 *        |-- a frame, sealed --------------------->|   which is the opener's proof
 *
 * A key for each direction is made of the secret and of both greetings, byte for byte: of two fresh nonces, two node ids
 * and two starts.  A frame is sealed with a number that rises and an HMAC-SHA256 by that key.  So what was recorded on
 * another link, or on this one before, is worth nothing, and neither end can be shown what it has said itself.
 * Without a secret the same is done with an empty one; that tells starts apart, and keeps nobody out.
 *
 * A greeting, behind the head that all frames have (frame.h), whose flags say whether its sender has a secret:
 *
 *     12  20  sender id
 *     32   8  sender's start
 *     40  32  nonce
 *     72      of a WELCOME: one proof or two, 32 bytes each
 *
 * The seal of a frame, its last 40 bytes: 8 the number, 32 the HMAC of all before them and of the number.
 *
 * Invariants:  (1) keys are there from PROOF_GREETED on, of each secret that may yet be the one; in PROOF_DONE of one
 *              (2) the numbers of frames that were opened rise
 * Plain value; holds keys, no secret. */
#ifndef STARLING_CLUSTER_PROOF_H
#define STARLING_CLUSTER_PROOF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/cluster_id.h"
#include "base/errmsg.h"
#include "base/rng.h"
#include "base/sha256.h"

enum {
    PROOF_HELLO = 64, /* types of frames, besides those of messages.def */
    PROOF_WELCOME = 65,
    PROOF_HAS_SECRET = 1, /* flag of a greeting */
    PROOF_NONCE_BYTES = 32,
    PROOF_GREETING_BYTES = 72,
    PROOF_SECRETS_MAX = 2,
};

enum proof_phase {
    PROOF_NONE,
    PROOF_GREETED, /* opener: said HELLO; acceptor: said WELCOME */
    PROOF_DONE,
};

/* Who says it: a node in one of its lives. */
struct proof_self {
    struct cluster_id node;
    uint64_t start;
};

/* What a node proves itself with, and what it accepts of others as well while the secret is changed; empty: none. */
struct proof_secrets {
    struct bytes current;
    struct bytes previous;
};

struct proof_keys {
    uint8_t send[SHA256_SIZE];
    uint8_t receive[SHA256_SIZE];
    uint64_t mark; /* of the secret: proof_mark */
};

struct proof {
    enum proof_phase phase;
    struct proof_self peer;
    char greeting[PROOF_GREETING_BYTES]; /* an opener's HELLO */
    struct proof_keys keys[PROOF_SECRETS_MAX];
    size_t key_count;
    uint64_t sent;
    uint64_t received;
};

/* Begin anew as the opener: append a HELLO. */
void proof_greet(struct proof *proof, const struct proof_self *self,
                 const struct proof_secrets *secrets, struct rng *rng, struct buf *out);
/* Begin anew as the acceptor of a link on which this HELLO came: append the WELCOME.  False, with the reason, when it
 * is malformed, or when only one side has a secret. */
MUST_USE bool proof_answer(struct proof *proof, struct bytes hello, const struct proof_self *self,
                           const struct proof_secrets *secrets, struct rng *rng, struct buf *out,
                           struct errmsg *error);
/* The WELCOME to our HELLO: now the link is proven on this side.  False as above, or when none of our secrets is one
 * of the peer's. */
MUST_USE bool proof_take_welcome(struct proof *proof, struct bytes welcome,
                                 const struct proof_secrets *secrets, struct errmsg *error);

/* Append the seal to the frame that out ends with, from start on.  Of a link that is proven. */
void proof_seal(struct proof *proof, struct buf *out, size_t start);
/* Does the frame's seal show that the peer sent it on this link, and is it new?  The first one proves an acceptor's
 * link.  False with the reason. */
MUST_USE bool proof_open(struct proof *proof, struct bytes frame, struct errmsg *error);

/* A number by which keys of one secret are known from those of another. */
uint64_t proof_mark(struct bytes secret);
void proof_check(const struct proof *proof);

#endif
