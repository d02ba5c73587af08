/* SPDX-License-Identifier: MIT */
/* Who a node is, and where it was last found.
 *
 * Identity is the node id (base/cluster_id.h) and nothing else; addresses come and go.
 * All are plain values, terminated texts inside, so that they can be copied freely. */
#ifndef STARLING_CLUSTER_IDENTITY_H
#define STARLING_CLUSTER_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "base/cluster_id.h"

enum {
    CLUSTER_IP_SIZE = 46,        /* the longest IPv6 text and its NUL */
    CLUSTER_HOSTNAME_SIZE = 256, /* 255 characters and NUL */
    CLUSTER_NODES_MAX = 1000,    /* nodes in one table, ourselves included */
    CLUSTER_BUS_PORT_OFFSET = 10000,
};

struct cluster_address {
    char hostname[CLUSTER_HOSTNAME_SIZE]; /* empty when not known */
    char ip[CLUSTER_IP_SIZE];             /* empty when not known */
    uint16_t port;                        /* for clients */
    uint16_t bus_port;                    /* for other nodes */
};

/* Can text stand as a hostname: letters, digits, dots, hyphens, underscores, at most 255? */
bool cluster_hostname_is_valid(struct bytes text);
/* Could a name server know it: a hostname whose last label is not a number, which would be meant for
 * an address? */
bool cluster_hostname_may_resolve(struct bytes text);
/* Is text an IPv4 or IPv6 address?  (Whether it can be reached is for the shell to find out.) */
bool cluster_ip_is_valid(struct bytes text);
/* The same, and its usual form: "0:0::1" is "::1". */
MUST_USE bool cluster_ip_parse(struct bytes text, char out[CLUSTER_IP_SIZE]);
bool cluster_address_equal(const struct cluster_address *a, const struct cluster_address *b);

#endif
