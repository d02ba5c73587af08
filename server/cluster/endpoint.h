/* SPDX-License-Identifier: MIT */
/* What clients are told about where a node is. */
#ifndef STARLING_CLUSTER_ENDPOINT_H
#define STARLING_CLUSTER_ENDPOINT_H

#include "cluster/state.h"

/* NULL: on purpose nothing; the client goes on with the host it knows. */
static inline const char *endpoint_of(const struct cluster *c, const struct cluster_node *node)
{
    switch (c->config.preferred_endpoint) {
    case CLUSTER_ENDPOINT_IP:
        return node->address.ip;
    case CLUSTER_ENDPOINT_HOSTNAME:
        return node->address.hostname[0] != '\0' ? node->address.hostname : "?";
    case CLUSTER_ENDPOINT_UNKNOWN:
        return NULL;
    }
    return NULL;
}

#endif
