/* SPDX-License-Identifier: MIT */
#include "node/slot_cleaning.h"

#include "base/assert.h"
#include "node/inside.h"
#include "spec/slot.h"

enum {
    SLICE_KEYS = 512,
};

/* Keys cannot be removed while they are visited: length and bytes of each are noted first. */
static void collect(void *context, const struct entry *e)
{
    struct buf *keys = context;
    struct bytes key = entry_key(e);

    ASSERT(keys != NULL);
    buf_append(keys, &key.len, sizeof(key.len));
    buf_append_bytes(keys, key);
}

static void remove_collected(struct node *node, struct buf *keys)
{
    struct bytes rest = buf_bytes(keys);

    while (rest.len > 0) {
        size_t len;

        ASSERT(rest.len >= sizeof(len));
        memcpy(&len, rest.data, sizeof(len));
        rest = bytes_from(rest, sizeof(len));
        ASSERT(len <= rest.len);
        call_remove(node, 0, bytes_prefix(rest, len));
        rest = bytes_from(rest, len);
    }
    buf_deinit(keys);
}

void slot_cleaning_remove_some(struct node *node, unsigned slot, size_t max)
{
    struct buf keys = {0};

    keyspace_scan_slot(node->data.keyspace, slot, 0, max, collect, &keys);
    remove_collected(node, &keys);
}

void slot_cleaning_begin(struct node *node)
{
    ASSERT(node->cluster != NULL);
    node->slot_cleaning.is_due = true;
    node->slot_cleaning.slot = 0;
    pass_note_work(&node->pass);
}

bool slot_cleaning_step(struct node *node)
{
    size_t budget = SLICE_KEYS;

    ASSERT(node->slot_cleaning.slot <= SLOT_COUNT);
    ASSERT(!node->journal.is_in_transaction);
    while (node->slot_cleaning.is_due && journal_is_open(node) && budget > 0) {
        if (node->slot_cleaning.slot == SLOT_COUNT) {
            node->slot_cleaning.is_due = false;
            cluster_note_cleaned(node->cluster);
        } else if (!cluster_lost_slot(node->cluster, (uint16_t)node->slot_cleaning.slot) ||
                   keyspace_slot_count(node->data.keyspace, node->slot_cleaning.slot) == 0) {
            node->slot_cleaning.slot++;
        } else {
            slot_cleaning_remove_some(node, node->slot_cleaning.slot, budget);
            budget = 0;
        }
    }
    return node->slot_cleaning.is_due && journal_is_open(node);
}

void slot_cleaning_check(const struct node *node)
{
    ASSERT(node->slot_cleaning.slot <= SLOT_COUNT);
    ASSERT(!node->slot_cleaning.is_due || node->cluster != NULL);
}
