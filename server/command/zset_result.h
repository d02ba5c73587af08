/* SPDX-License-Identifier: MIT */
/* What commands about sorted sets answer, store, and tell replicas. */
#ifndef STARLING_COMMAND_ZSET_RESULT_H
#define STARLING_COMMAND_ZSET_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/num.h"
#include "command/exec.h"
#include "command/zset_range.h"
#include "store/zset.h"

enum {
    ZSET_SCORE_TEXT = NUM_F64_TEXT,
};

/* An array of so many members begins: each a name, or name and score; those are pairs of their own in
 * RESP3, or where that is always so. */
void zset_reply_begin(struct exec *x, uint64_t count, bool with_scores);
void zset_reply_element(struct exec *x, const struct zset_element *element, bool with_scores);
/* The whole array. */
void zset_reply_span(struct exec *x, const struct zset_view *view, struct zset_span span,
                     const struct zset_range *range, bool with_scores);

/* The score as text that replicas read back as the same; the length. */
struct bytes zset_score_text(char scratch[ZSET_SCORE_TEXT], double score);

/* A sorted set that a command makes; storing it empties it.  Owned. */
struct zset_result {
    struct value_draft draft;
    struct buf packed;
};

void zset_result_init(struct zset_result *result, struct exec *x);
void zset_result_deinit(struct zset_result *result);
/* It becomes the value of the key, whatever that was, and who listens is told of the event; an empty one removes
 * the key.  How many members it has.  For commands that replicas can do themselves: the request is the effect, or
 * DEL. */
uint64_t zset_result_store_verbatim(struct zset_result *result, struct exec *x,
                                    const struct key_ref *to, const char *event);
/* The same for those that they cannot: the effect is what the key becomes, as DEL and ZADD. */
uint64_t zset_result_store_explicit(struct zset_result *result, struct exec *x,
                                    const struct key_ref *to, const char *event);

/* ZADD key score member */
void effect_zadd(struct exec *x, struct bytes key, struct bytes name, double score);

#endif
