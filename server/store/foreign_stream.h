/* SPDX-License-Identifier: MIT */
/* The nodes of streams of other servers, in their RDB files and DUMP payloads: an id that its entries
 * count from, of 16 bytes (milliseconds, then sequence, big-endian), and a listpack (foreign.h):
 *
 *     head    entries that live, deleted ones, count of names, the names, 0
 *     entry   flags, milliseconds and sequence from the id on,
 *             values, one for each name of the head; or, without SAME_NAMES,
 *             count, and so many pairs of name and value;
 *             how many elements stand before this one in the entry
 *
 * Nothing is trusted: a node is checked whole before its first entry is given out.
 *
 * Invariants:  (1) ids rise from entry to entry, deleted ones included; how they lie to those of other nodes
 *                  is for the stream to check
 *              (2) after foreign_node_open exactly live_count + deleted_count entries come
 *              (3) names and values are given as foreign_next gives elements
 * Borrows the listpack, which names and values point into.  No allocation, no state elsewhere. */
#ifndef STARLING_STORE_FOREIGN_STREAM_H
#define STARLING_STORE_FOREIGN_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "base/errmsg.h"
#include "store/packed.h"
#include "store/stream_id.h"

enum {
    FOREIGN_FLAGS_KNOWN = 3, /* of an entry: deleted, and that its names are those of the head */
};

struct foreign_node {
    struct stream_id id;
    uint64_t live_count;
    uint64_t deleted_count;
    uint64_t name_count; /* of the head */
    struct bytes names;  /* where they begin */
    struct bytes rest;   /* the entries to come */
    bool is_canonical;   /* as packed_check has it */
};

struct foreign_entry {
    struct stream_id id;
    bool is_deleted;
    bool has_own_names;
    uint64_t left;       /* pairs to come */
    struct bytes names;  /* where the next name is, if they are the head's, */
    struct bytes values; /* and the next value, else the next pair */
};

/* Check all of the node, then stand before its first entry. */
MUST_USE bool foreign_node_open(struct foreign_node *n, struct bytes id, struct bytes listpack,
                                struct errmsg *error);
/* The next entry, or false behind the last. */
bool foreign_node_next(struct foreign_node *n, struct foreign_entry *out);
/* Its next name and value, or false behind the last. */
bool foreign_entry_next(struct foreign_entry *e, struct packed_item *name,
                        struct packed_item *value);

#endif
