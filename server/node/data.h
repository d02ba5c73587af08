/* SPDX-License-Identifier: MIT */
/* The data of a node: the key space that is served, the one that was given up, and what is known of
 * both.
 *
 * Invariants:  (1) keyspace is never NULL while the node lives
 *              (2) at most one key space is retired; it is freed at the end of the pass, since
 *                  something borrowed from it may be in use until then
 * Owns both. */
#ifndef STARLING_NODE_DATA_H
#define STARLING_NODE_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "store/keyspace.h"

struct node;

struct data {
    struct keyspace *keyspace;
    struct keyspace *retired;
    uint64_t hash_seed; /* secret, of all tables whose keys come from clients */
    size_t arena_bytes;
    size_t startup_memory; /* in use before any data came */
    size_t peak_memory;
    uint64_t memory;  /* in cluster mode: shard_sync.h */
    bool is_complete; /* the whole data of the shard, as far as is known */
    struct mono_time
        as_of; /* a replica's from disk: when it followed its primary last; else MONO_NEVER */
};

void data_init(struct node *node, size_t arena_bytes);
void data_deinit(struct node *node);
/* The configuration has changed: what counts as a small value, here and in what is being loaded. */
void data_configure(struct node *node);
/* An empty one of the same kind; the caller's until data_replace takes it. */
struct keyspace *data_new_keyspace(const struct node *node);
/* fresh takes the place of the key space, which retires. */
void data_replace(struct node *node, struct keyspace *fresh_take);
/* The end of a pass: nothing is borrowed from it any more. */
void data_free_retired(struct node *node);
void data_set_complete(struct node *node, bool is_complete);
/* In cluster mode: what is here is told by this number from now on; and by another one, since it is not what it was. */
void data_begin_memory(struct node *node, uint64_t memory);
void data_turn_memory(struct node *node);
/* A replica's, as they were found on disk: written last at this time, by the clock of the wall. */
void data_set_complete_as_of(struct node *node, int64_t unix_ms);

/* Bytes in use by the process, as INFO tells them; the second remembers the peak. */
size_t data_used_memory(const struct node *node);
size_t data_note_memory(struct node *node);
/* The node is there, and empty. */
void data_note_startup(struct node *node);

unsigned data_database_count(const struct node *node);

void data_check_keyspaces(const struct node *node);

#endif
