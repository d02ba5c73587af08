/* SPDX-License-Identifier: MIT */
/* Hot keys of several nodes, sorted, as text.  Pure; owns copies of what it is told; all-zero is empty. */
#ifndef STARLING_CLI_HOT_TABLE_H
#define STARLING_CLI_HOT_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/vec.h"
#include "resp/value.h"

struct hot_row {
    struct buf key;
    struct buf node;
    uint64_t db, rate, reads, writes, bytes;
    bool is_of_cluster; /* then there are: */
    uint64_t slot, copied;
    struct buf reason;
};

/* What a node does with copies of hot keys: the lines of its INFO hotcopies. */
struct hot_node {
    struct buf node;
    uint64_t hot_slots, lent_keys, copies, copy_reads, forwards, busy_percent;
};

struct hot_table {
    VEC(struct hot_row) rows;
    VEC(struct hot_node) nodes;
};

/* The reply of a node to HOTKEYS GET.  False when it has another form: that of a session. */
MUST_USE bool hot_table_add_reply(struct hot_table *table, const char *node,
                                  const struct resp_value *reply);
void hot_table_add(struct hot_table *table, const char *node, struct bytes key, uint64_t rate);
/* The reply of a node to INFO hotcopies; one that has nothing to do with copies is left out. */
void hot_table_add_info(struct hot_table *table, const char *node, struct bytes info);
/* The highest rates first. */
void hot_table_sort(struct hot_table *table);
/* In a cluster with the part of the key's reads that each node serves, and with what nodes do with copies. */
void hot_table_write(const struct hot_table *table, struct buf *out);
/* Only key and frequency, as it is known from OBJECT FREQ; the first max rows. */
void hot_table_write_frequencies(const struct hot_table *table, size_t max, struct buf *out);
void hot_table_deinit(struct hot_table *table);

#endif
