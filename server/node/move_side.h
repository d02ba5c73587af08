/* SPDX-License-Identifier: MIT */
/* Slots that we fetch from others: the machine of move/receiver.h decides, this carries its actions out.  The source's side
 * is node/move_source.h, which has the words they exchange.
 *
 * There is an import for each range that comes in (cluster/ranges.h); what became of those that are over is remembered for a
 * while, for reports.
 *
 * Invariants:  (1) link is 0 exactly while the machine has none
 *              (2) an answer is awaited on a link, or the next question waits for its time
 *              (3) only a primary has imports */
#ifndef STARLING_NODE_MOVE_SIDE_H
#define STARLING_NODE_MOVE_SIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/bitset.h"
#include "base/bytes.h"
#include "council/shard_ranges.h"
#include "move/receiver.h"
#include "node/move_report.h"
#include "replication/introduction.h"
#include "resp/value.h"
#include "spec/slot.h"

struct node;

/* Up to where both sides of a link have proven who they are. */
enum move_greeting {
    MOVE_GREETING_NONE,
    MOVE_GREETING_AUTH,
    MOVE_GREETING_NODE,
    MOVE_GREETING_PROOF,
    MOVE_GREETING_DONE,
};

struct move_import {
    struct shard_range range;
    uint64_t slots[BITSET_WORDS(SLOT_COUNT)];
    struct receiver receiver;
    uint64_t link;
    struct cluster_id peer; /* whom the link is to */
    enum move_greeting greeting;
    struct introduction introduction;
    struct buf in;
    struct resp_value_scan scan;
    bool is_clearing;
    uint32_t clear_slot; /* where that stands */
    bool is_awaiting_acks;
    uint64_t ack_offset;
    int64_t began_unix_ms;
    int64_t heard_unix_ms;
};

struct move_side {
    struct move_import *items[SHARD_RANGES_MAX];
    size_t count;
    struct move_reports reports;
    uint64_t received_bytes; /* ever */
    uint64_t succeeded;
    uint64_t failed;
    uint64_t cancelled;
};

/* Want the move no more: false, it is none of ours, or too late. */
MUST_USE bool move_side_cancel(struct node *node, const struct cluster_id *id);
/* Keys that are here of it. */
uint64_t move_side_key_count(const struct node *node, const struct shard_range *range);

/* What happened on a link; false: it is none of ours. */
MUST_USE bool move_side_link_up(struct node *node, uint64_t link);
MUST_USE bool move_side_link_input(struct node *node, uint64_t link, struct bytes input);
MUST_USE bool move_side_link_down(struct node *node, uint64_t link, const char *reason);
/* In each pass. */
void move_side_run(struct node *node);
struct mono_time move_side_wake_at(const struct node *node);
void move_side_deinit(struct node *node);
void move_side_check(const struct node *node);

#endif
