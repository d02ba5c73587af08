/* SPDX-License-Identifier: MIT */
/* Checksums of data, which do not depend on the order of keys. */
#ifndef STARLING_NODE_DIGEST_H
#define STARLING_NODE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct entry;
struct node;
struct value_types;

enum {
    DIGEST_LANES = 3, /* sums of 64 bits, of which DEBUG DIGEST shows the first 160 */
};

struct digest {
    const struct value_types *types; /* of the key space */
    uint64_t sums[DIGEST_LANES];
    size_t lanes; /* that are wanted */
    unsigned db;
    bool is_value_only; /* whatever the key */
};

/* Add one entry to a digest (its context); a visitor of keyspace_scan. */
void digest_entry(void *context, const struct entry *e);
/* Add all data of the node. */
void digest_all(const struct node *node, struct digest *digest);

#endif
