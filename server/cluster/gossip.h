/* SPDX-License-Identifier: MIT */
/* The body of frames that tell about third nodes: a count (2 bytes), then per node: id (20), flags
 * (2), client port (2), bus port (2), ip, hostname.
 *
 * A body is built by adding entries behind each other and read one entry at a time.
 *
 * Invariants:  (1) the count is that of the entries, and at most GOSSIP_ENTRIES_MAX
 *              (2) nothing is told about no node */
#ifndef STARLING_CLUSTER_GOSSIP_H
#define STARLING_CLUSTER_GOSSIP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/codec.h"
#include "cluster/identity.h"
#include "cluster/identity_codec.h"

enum {
    GOSSIP_ENTRIES_MAX = 100, /* nodes told about in one frame */
    GOSSIP_ENTRY_BYTES_MAX = CLUSTER_RAW_ID_BYTES + 6 + CLUSTER_RAW_NAMES_MAX,
    GOSSIP_BYTES_MAX = 2 + GOSSIP_ENTRIES_MAX * GOSSIP_ENTRY_BYTES_MAX,
};

enum gossip_flags {
    GOSSIP_PRIMARY = 1 << 0,
    GOSSIP_REPLICA = 1 << 1,
    GOSSIP_FAILING = 1 << 2, /* the sender cannot reach it */
    GOSSIP_FAILED = 1 << 3,
};

/* What the sender tells about a third node. */
struct gossip_entry {
    struct cluster_id id;
    struct cluster_address address;
    uint16_t flags;
};

/* Append a body without entries. */
void gossip_begin(struct buf *body);
/* body: begun, and nothing in front of it. */
void gossip_add(struct buf *body, const struct gossip_entry *entry);
size_t gossip_count(struct bytes body);
/* Is it a body from its first to its last byte? */
bool gossip_is_valid(struct bytes body);

/* Entries of a valid body (or an empty one, which has none) in their order. */
struct gossip_reader {
    struct decoder decoder;
    size_t left;
};
struct gossip_reader gossip_read(struct bytes body);
/* False behind the last one. */
MUST_USE bool gossip_next(struct gossip_reader *reader, struct gossip_entry *out);

#endif
