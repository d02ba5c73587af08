/* SPDX-License-Identifier: MIT */
/* Who we are: a primary, or a replica of some primary.  Both changes in one place, since nearly
 * every part of a node cares.
 *
 * Invariant:  (1) pending_host is only set while the file at start is being loaded */
#ifndef STARLING_NODE_ROLE_H
#define STARLING_NODE_ROLE_H

#include <stdbool.h>
#include <stdint.h>

struct node;

enum {
    ROLE_HOST_SIZE = 256,
};

struct role {
    bool is_primary;
    char pending_host[ROLE_HOST_SIZE]; /* to follow once the file at start is loaded */
    uint16_t pending_port;
};

/* At birth: nothing follows from it yet. */
void role_init(struct node *node, bool is_primary);
/* What clients are told.  One whose place was taken in a cluster, by a node that is not in it any more, is a replica that has nobody to
 * follow, and serves nothing: it goes on with its own log only if it is agreed to be primary again. */
bool role_is_replica(const struct node *node);
void node_follow(struct node *node, const char *host, uint16_t port);
/* With a history of its own.  In a cluster that is so too for one that is a primary already: it was told that what it would go
 * on with is another one's. */
void node_become_primary(struct node *node);
/* The file at start is loaded: follow whom we were told to meanwhile, or by the configuration. */
void node_follow_loaded(struct node *node);

/* Our primary has told that we went on where nobody else did (node/rewind.h). */
void node_go_back_when_wanted(struct node *node);

void node_check_role(const struct node *node);

#endif
