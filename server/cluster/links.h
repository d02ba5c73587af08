/* SPDX-License-Identifier: MIT */
/* Connections: ours to each node, and theirs to us.  Each begins with a proof of both ends (proof.h); before, nothing
 * else is heeded on it, and nothing else sent.
 *
 * Invariants:  (1) a link that is not closed has an address to go to
 *              (2) from the moment a link is opened the silence of its node counts
 *              (3) incoming links are found by their number
 *              (4) a link that is up is proven
 * Owns the records of incoming links. */
#ifndef STARLING_CLUSTER_LINKS_H
#define STARLING_CLUSTER_LINKS_H

#include "cluster/state.h"

/* Where it is to be found: its hostname, or its address when it has none. */
const char *links_host(const struct cluster_node *node);

/* The proof of a link that is proven, else NULL. */
struct proof *links_proof(struct cluster *c, struct cluster_link link);
/* A greeting came, of a type of proof.h; peer is the node of an outgoing link, which may be up with it.  False, with
 * the reason, when it is none. */
MUST_USE bool links_take_greeting(struct cluster *c, struct cluster_link link,
                                  struct cluster_node *peer, uint8_t type, struct bytes greeting,
                                  struct errmsg *error);
/* The secrets are others: what is not proven by the new one is to be proven again. */
void links_prove_again(struct cluster *c);
/* Links that are proven by the secret that is on its way out. */
size_t links_count_previous(const struct cluster *c);

/* Open, give up and renew the link to a node as time demands. */
void links_tick(struct cluster *c, struct cluster_node *node);
/* Connected: it is greeted. */
void links_on_up(struct cluster *c, struct cluster_node *node, const char *peer_ip);
void links_on_down(struct cluster *c, struct cluster_node *node, const char *reason);
/* Close our link to the node; it is opened again after delay_ms. */
void links_close(struct cluster *c, struct cluster_node *node, int64_t delay_ms);

/* Find it, or note a new one. */
struct incoming_link *links_get_incoming(struct cluster *c, uint32_t number);
void links_drop_incoming(struct cluster *c, uint32_t number);
void links_free_all(struct cluster *c);

/* Adopt what was learned about the node's address; a changed one is connected to anew.
 * Empty fields of address leave what is known. */
void links_update_address(struct cluster *c, struct cluster_node *node,
                          const struct cluster_address *address);
void links_check(const struct cluster *c);

#endif
