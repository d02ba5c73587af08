/* SPDX-License-Identifier: MIT */
/* How many descriptors the process may have open, and how many of them clients may take.
 *
 * Clients never get all: files, links to other servers and the bus need some at any time. */
#ifndef STARLING_NET_DESCRIPTORS_H
#define STARLING_NET_DESCRIPTORS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/errmsg.h"
#include "base/log.h"
#include "config/config.h"

enum {
    DESCRIPTORS_RESERVED = 32,      /* files, links of replication, the loop, listeners */
    DESCRIPTORS_RESERVED_BUS = 128, /* in cluster mode: two links a node besides */
};

/* At start: ask the system for as many as maxclients needs, else lower maxclients and say so.  False
 * when there would be none for clients at all. */
MUST_USE bool descriptors_fit(struct config *config, const struct logger *logger,
                              struct errmsg *error);
/* For CONFIG SET maxclients: false, and nothing changed, when the system does not grant enough. */
MUST_USE bool descriptors_raise(const struct config *config, struct errmsg *error);
/* The most that may be open now. */
uint64_t descriptors_limit(void);

#endif
