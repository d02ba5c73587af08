/* SPDX-License-Identifier: MIT */
/* Where clients are sent for a hot slot: each to one of those that serve it, the owner among them.
 *
 * Cluster clients believe that a slot has one primary.  So each is told of one, and different ones are told of different ones: by
 * rendezvous hashing of who asks and the slot, weighted by the room that each has (copies/spread.h), so that all nodes tell the
 * same client the same, and few are sent elsewhere when members come or go, or serve more or less.
 *
 * What a client library bears was tried or read in their sources:
 *
 *     by connection    draws for each connection: the libraries take what the last reply says
 *     by address       all from one address see the same, whatever anybody serves: those compare replies of several nodes
 *     as it is         tools: they are to see the truth
 *
 * CLUSTER NODES tells everybody the truth: it is what tools read.
 *
 * Pure. */
#ifndef STARLING_COPIES_VIEW_H
#define STARLING_COPIES_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/cluster_id.h"
#include "copies/hot_slots.h"

enum view_kind {
    VIEW_AS_IT_IS,
    VIEW_BY_ADDRESS,
    VIEW_BY_CONNECTION,
};

/* By CLIENT SETINFO LIB-NAME; empty: it has said nothing. */
enum view_kind view_kind_of(struct bytes lib_name);
/* Does a client of this library keep to what one MOVED tells it, when the map agrees? */
bool view_can_be_taught(struct bytes lib_name);

/* Who asks: "ip:port" of the client. */
struct view_client {
    enum view_kind kind;
    struct bytes address;
};

/* Where that client is sent: a member that is ready, or the owner. */
const struct cluster_id *view_draw(const struct hot_slot *hot, const struct view_client *client);

#endif
