/* SPDX-License-Identifier: MIT */
/* From which addresses clients have asked for the map: there are cluster clients there, which can be sent elsewhere by a
 * MOVED.  A client asks one node for the map, and another one for keys: nodes tell one another (node/hot_copies.h), each what
 * clients have asked it, what is new first; and all of it again bit by bit, for nodes that have come later.
 *
 * A hash each, in one of HOT_ASKER_WAYS places that it may have, where a newer one may take it when they are full: who is forgotten
 * is not sent anywhere.  There are so many places that thousands of hosts are known at a time.
 *
 * Invariant:  (1) a hash stands in one place at most */
#ifndef STARLING_NODE_HOT_ASKERS_H
#define STARLING_NODE_HOT_ASKERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"

struct node;
struct session;

enum {
    HOT_ASKERS = 8192,
    HOT_ASKER_WAYS = 8,
    HOT_ASKERS_TOLD = 512,  /* at a time, */
    HOT_ASKERS_AGAIN = 128, /* and so many places are looked at for what is told again */
};

enum hot_asker_state {
    HOT_ASKER_HEARD,  /* of another node, */
    HOT_ASKER_TOLD,   /* or here, and the others know */
    HOT_ASKER_UNTOLD, /* or are to be told */
};

/* All-zero is empty. */
struct hot_askers {
    uint64_t hashes[HOT_ASKERS]; /* 0: none */
    uint8_t states[HOT_ASKERS];
    size_t untold; /* how many */
    size_t again;  /* the place from which on they are told again */
};

/* The client has asked us for the map. */
void hot_askers_note(struct node *node, const struct session *s);
/* Has somebody from the client's address? */
bool hot_askers_have(const struct node *node, const struct session *s);
/* And one who had not named its library? */
bool hot_askers_have_nameless(const struct node *node, const struct session *s);

/* Once a second: what the other nodes are to be told is appended; false: nothing. */
MUST_USE bool hot_askers_take_new(struct node *node, struct buf *out);
void hot_askers_hear(struct node *node, struct bytes hashes);
void hot_askers_check(const struct node *node);

#endif
