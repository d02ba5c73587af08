/* SPDX-License-Identifier: MIT */
/* How a replica and its primary, nodes of a cluster, make sure of each other before anything is synchronised.  Addresses
 * change: where our primary was another node may be now, and its data are not ours.
 *
 *     replica                                                          primary
 *        |-- REPLCONF node <id> node-shard <id> node-expects <id>            |
 *        |            node-nonce <hex> ------------------------------------->|   who I am, whom I expect
 *        |<-- +NODE <id> <nonce> <proof> [<proof>] --------------------------|   or -OTHERNODE, -OTHERSHARD
 *        |-- REPLCONF node-proof <proof> ----------------------------------->|
 *        |<-- +OK -----------------------------------------------------------|   or -OTHERSECRET
 *
 * A proof is an HMAC-SHA256 by the cluster-secret, in hex, over the other side's nonce and all three ids; of the primary there is a
 * second one by cluster-secret-previous if that is set.  Without a secret it is made with an empty one.
 * Replicas outside of a cluster, and tools, say nothing of all this.
 *
 * Plain values; secrets are borrowed for the time of a call. */
#ifndef STARLING_REPLICATION_INTRODUCTION_H
#define STARLING_REPLICATION_INTRODUCTION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/cluster_id.h"
#include "base/errmsg.h"
#include "base/rng.h"

enum {
    INTRODUCTION_NONCE_LEN = 64, /* hex */
};

/* What a node says of itself. */
struct introduction_self {
    struct cluster_id node;
    struct cluster_id shard;
    struct bytes secret;
    struct bytes previous_secret; /* accepted as well, if not empty */
};

/* One side's knowledge of a conversation. */
struct introduction {
    struct cluster_id replica;
    struct cluster_id shard;
    struct cluster_id primary;
    char nonce[INTRODUCTION_NONCE_LEN + 1]; /* ours */
    bool is_begun;
    bool is_proven; /* the other side is who it says */
};

/* ---- the replica ------------------------------------------------------------------------------ */

/* Append the first REPLCONF, as a request. */
void introduction_begin(struct introduction *in, const struct introduction_self *self,
                        const struct cluster_id *primary, struct rng *rng, struct buf *out);
/* The answer to it: append the second REPLCONF.  False, with the reason, when it is another node, or no answer. */
MUST_USE bool introduction_take_answer(struct introduction *in,
                                       const struct introduction_self *self, struct bytes line,
                                       struct buf *out, struct errmsg *error);

/* ---- the primary ------------------------------------------------------------------------------ */

/* Are these, everything behind REPLCONF, words of an introduction? */
bool introduction_is(const struct bytes *words, size_t count);
/* Take them: append the line to answer, without its end. */
void introduction_take(struct introduction *in, const struct introduction_self *self,
                       const struct bytes *words, size_t count, struct rng *rng, struct buf *out);
/* May whoever has said this be synchronised with? */
bool introduction_permits(const struct introduction *in);

#endif
