/* SPDX-License-Identifier: MIT */
#include "node/slot_report.h"

#include "base/assert.h"
#include "node/inside.h"

void slot_report_configure(struct node *node)
{
    slot_usage_switch(&node->slot_usage,
                      node->config.cluster_enabled && node->config.cluster_slot_stats_enabled);
}

bool slot_report_covers(const struct node *node, unsigned slot)
{
    ASSERT(slot < SLOT_COUNT);
    return cluster_shard_owns_slot(node->cluster, (uint16_t)slot);
}

struct sample {
    const struct keyspace *keyspace;
    uint64_t bytes;
    size_t count;
    size_t wanted;
};

static void weigh(void *context, const struct entry *e)
{
    struct sample *sample = context;

    if (sample->count < sample->wanted) {
        sample->bytes += keyspace_entry_bytes(sample->keyspace, e);
        sample->count++;
    }
}

static uint64_t memory_of(const struct node *node, unsigned slot, size_t slot_count)
{
    uint64_t keys = keyspace_slot_count(node->data.keyspace, slot);
    struct sample sample = {.keyspace = node->data.keyspace,
                            .wanted = SLOT_REPORT_SAMPLES / (slot_count > 0 ? slot_count : 1) + 1};
    uint64_t cursor = 0;

    if (keys == 0) {
        return 0;
    }
    do {
        cursor = keyspace_scan_slot(node->data.keyspace, slot, cursor, sample.wanted - sample.count,
                                    weigh, &sample);
    } while (cursor != 0 && sample.count < sample.wanted);
    return sample.count > 0 ? sample.bytes * keys / sample.count : 0;
}

uint64_t slot_report_metric(const struct node *node, unsigned slot, enum slot_metric metric,
                            size_t slot_count)
{
    const struct slot_traffic *traffic =
        node->slot_usage.slots != NULL ? &node->slot_usage.slots[slot] : NULL;

    switch (metric) {
    case SLOT_METRIC_KEYS:
        return keyspace_slot_count(node->data.keyspace, slot);
    case SLOT_METRIC_MEMORY:
        return memory_of(node, slot, slot_count);
    case SLOT_METRIC_READS:
        return traffic != NULL ? traffic->reads : 0;
    case SLOT_METRIC_WRITES:
        return traffic != NULL ? traffic->writes : 0;
    case SLOT_METRIC_IN:
        return traffic != NULL ? traffic->in_bytes : 0;
    case SLOT_METRIC_OUT:
        return traffic != NULL ? traffic->out_bytes : 0;
    case SLOT_METRICS:
        break;
    }
    ASSERT(false);
    return 0;
}
