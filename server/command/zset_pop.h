/* SPDX-License-Identifier: MIT */
/* Taking members from an end of a sorted set. */
#ifndef STARLING_COMMAND_ZSET_POP_H
#define STARLING_COMMAND_ZSET_POP_H

#include <stdbool.h>
#include <stdint.h>

#include "command/exec.h"

enum zset_pop_found {
    ZSET_POP_FOUND,
    ZSET_POP_NONE,
    ZSET_POP_REFUSED, /* one that came earlier holds another type: -WRONGTYPE was replied */
};

/* The first of the keys, arguments from first_key on, that is a sorted set: all others before it are not
 * there.  Replies nothing unless it is refused. */
enum zset_pop_found zset_pop_find(struct exec *x, size_t first_key, size_t key_count,
                                  struct key_ref *out);

struct zset_pop {
    bool is_max;    /* from the high end */
    bool is_paired; /* members and scores are replied as pairs; else as pairs in RESP3 only */
    uint64_t count; /* at most */
};

/* Read "numkeys key [key ...] MIN|MAX [COUNT count]", the number being that argument; false after an error
 * reply. */
MUST_USE bool zset_pop_read(struct exec *x, size_t number, size_t *key_count, struct zset_pop *out);
/* Take members from the sorted set at the key, which is there: they are replied as an array, and the
 * effect is ZPOPMIN or ZPOPMAX. */
void zset_pop_take(struct exec *x, const struct key_ref *ref, struct zset_pop pop);
/* The same with one member, replied as its name and its score without an array around them. */
void zset_pop_take_one(struct exec *x, const struct key_ref *ref, bool is_max);

#endif
