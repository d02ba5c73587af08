/* SPDX-License-Identifier: MIT */
/* The primaries whose hot keys this node has copies of: two connections to each, its lease (copies/borrower.h), and the
 * copies themselves, which are a key space of their own that nobody lists, saves or counts among the data.
 *
 * An owner is connected to as soon as it announces this node as a member, and given up when no slot of it is accepted any
 * more.  What it is asked, and how it answers, is in node/lending.h; node/borrowing.h decides what it is asked for.
 *
 * An owner is silent when its control lane awaits an answer, and nothing has come on either lane for as long as a client is told to
 * wait (COPY_OWNERS_LOST_TIMEOUTS): then both are closed.  The lease is asked for several times a second, so that an owner that
 * lives is heard.  What it then does not answer on the data lane it holds, as CLIENT PAUSE and WAIT have it: whoever asked waits
 * for as long as they like.  What they leave there when they go is limited: beyond that others wait here.
 *
 * Invariants:  (1) what is in the key space of copies is VALID in its owner's borrower
 *              (2) a key is VALID in one borrower at most: who owned its slot before a take-over may still be connected */
#ifndef STARLING_NODE_COPY_OWNERS_H
#define STARLING_NODE_COPY_OWNERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "copies/borrower.h"
#include "copies/hot_slots.h"
#include "node/copy_uses.h"
#include "node/peer_lane.h"

struct keyspace;
struct node;

enum {
    COPY_OWNERS_MAX = 32,
    COPY_OWNERS_LOST_TIMEOUTS = 2, /* of a node */
};

struct copy_owner {
    struct peer_address address;
    struct borrower borrower;
    struct peer_lane control;
    struct peer_lane data;
    int data_version;          /* of RESP, on the data lane */
    bool is_data_full;         /* and who asks waits until there is room */
    struct mono_time heard_at; /* when anything came last, on either lane */
    struct mono_time retry_at; /* it is not tried again before */
    struct mono_time
        failing_since; /* it has granted nothing since; 0: since the last failure it has */
    struct copy_uses uses;
    bool is_refusing;    /* as whom we log in may not ask for copies: clients ask it themselves */
    bool has_told_lapse; /* copy_lapses.h */
};

struct copy_owners {
    struct copy_owner *items[COPY_OWNERS_MAX];
    size_t count;
    uint64_t seen_changes; /* of what is hot: who waits for a copy was told */
};

void copy_owners_deinit(struct node *node);
/* That node as an owner; NULL when there are too many. */
struct copy_owner *copy_owners_get(struct node *node, const struct cluster_id *id);
/* Whose data lane the link is, if it is open; else NULL. */
struct copy_owner *copy_owners_find_data(const struct node *node, uint64_t link);
/* Begin to connect, if that is not done yet, and not too soon after an attempt that failed. */
void copy_owners_open(struct node *node, struct copy_owner *owner);
/* Has it been out of reach for so long that clients are told so?  Before that they wait: somebody may take over. */
bool copy_owners_is_lost(const struct node *node, const struct copy_owner *owner);
/* May it be asked for more on the data lane?  Else clients wait, and are told when there is room. */
bool copy_owners_can_ask(struct copy_owner *owner);
/* CLUSTER COPIES <what> <about>, on an open lane of an owner. */
void copy_owners_ask(struct node *node, struct peer_lane *lane, const char *what,
                     struct bytes about, const struct peer_answer *answer);
/* The owner has announced a slot: begin to connect to it at once, if we are a member. */
void copy_owners_hear_of(struct node *node, const struct cluster_id *id);

/* What happened on a link; false: it is none of ours. */
MUST_USE bool copy_owners_link_up(struct node *node, uint64_t link);
MUST_USE bool copy_owners_link_input(struct node *node, uint64_t link, struct bytes input);
MUST_USE bool copy_owners_link_down(struct node *node, uint64_t link);
void copy_owners_tick(struct node *node);
struct mono_time copy_owners_wake_at(const struct node *node);

void copy_owners_check(const struct node *node);

#endif
