/* SPDX-License-Identifier: MIT */
/* From which addresses clients have asked for the map: there are cluster clients there, which can be sent elsewhere by a
 * MOVED.  A client asks one node for the map, and another one for keys: nodes tell one another (node/hot_copies.h).
 *
 * A hash each, in a place of its own, where a newer one may take it: who is forgotten is not sent anywhere. */
#ifndef STARLING_NODE_HOT_ASKERS_H
#define STARLING_NODE_HOT_ASKERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"

struct node;
struct session;

enum {
    HOT_ASKERS = 256,
};

struct hot_askers {
    uint64_t hashes[HOT_ASKERS]; /* 0: none */
    bool has_new;                /* since the others were told */
};

/* The client has asked us for the map. */
void hot_askers_note(struct node *node, const struct session *s);
/* Has somebody from the client's address? */
bool hot_askers_have(const struct node *node, const struct session *s);
/* And one who had not named its library? */
bool hot_askers_have_nameless(const struct node *node, const struct session *s);

/* All of them, appended for the other nodes; false: they know. */
MUST_USE bool hot_askers_take_new(struct node *node, struct buf *out);
void hot_askers_hear(struct node *node, struct bytes hashes);

#endif
