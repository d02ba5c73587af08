/* SPDX-License-Identifier: MIT */
#include "node/data.h"

#include "base/assert.h"
#include "base/mem.h"
#include "node/inside.h"
#include "store/evict.h"
#include "store/usage.h"
#include "store/value_space.h"

void data_init(struct node *node, size_t arena_bytes)
{
    ASSERT(node->data.keyspace == NULL);
    node->data.arena_bytes = arena_bytes;
    node->data.as_of = MONO_NEVER;
    node->data.hash_seed = rng_u64(&node->rng);
    if (node->env.secret_bytes != NULL) { /* ids that everybody sees come from the same generator */
        node->env.secret_bytes(node->env.context, &node->data.hash_seed,
                               sizeof(node->data.hash_seed));
    }
    node->data.keyspace = data_new_keyspace(node);
}

void data_deinit(struct node *node)
{
    ASSERT(node->data.keyspace != NULL);
    data_free_retired(node);
    keyspace_free(node->data.keyspace);
    node->data = (struct data){0};
}

unsigned data_database_count(const struct node *node)
{
    ASSERT(node->config.databases > 0);
    return node->config.cluster_enabled ? 1 : (unsigned)node->config.databases;
}

static void set_limits(const struct node *node, struct keyspace *ks)
{
    const struct config *config = &node->config;
    const struct value_limits limits = {
        .hash_max_listpack_entries = (uint64_t)config->hash_max_listpack_entries,
        .hash_max_listpack_value = (uint64_t)config->hash_max_listpack_value,
        .list_max_listpack_size = (int64_t)config->list_max_listpack_size,
        .set_max_intset_entries = (uint64_t)config->set_max_intset_entries,
        .set_max_listpack_entries = (uint64_t)config->set_max_listpack_entries,
        .set_max_listpack_value = (uint64_t)config->set_max_listpack_value,
        .zset_max_listpack_entries = (uint64_t)config->zset_max_listpack_entries,
        .zset_max_listpack_value = (uint64_t)config->zset_max_listpack_value,
        .hll_sparse_max_bytes = (uint64_t)config->hll_sparse_max_bytes,
        .stream_node_max_bytes = (uint64_t)config->stream_node_max_bytes,
        .stream_node_max_entries = (uint64_t)config->stream_node_max_entries,
        .stream_idmp_duration = (uint64_t)config->stream_idmp_duration,
        .stream_idmp_maxsize = (uint64_t)config->stream_idmp_maxsize,
    };

    keyspace_set_limits(ks, &limits);
}

static bool is_by_frequency(const struct config *config)
{
    return config->maxmemory_policy == POLICY_ALLKEYS_LFU ||
           config->maxmemory_policy == POLICY_VOLATILE_LFU;
}

/* What is kept about the use of keys, by the policy. */
static void set_usage(const struct node *node, struct keyspace *ks)
{
    const struct usage_rule rule = {
        .is_frequency = is_by_frequency(&node->config),
        .log_factor = (uint32_t)node->config.lfu_log_factor,
        .decay_minutes = (uint32_t)node->config.lfu_decay_time_minutes,
    };

    keyspace_set_usage(ks, &rule);
}

void data_configure(struct node *node)
{
    set_limits(node, node->data.keyspace);
    set_usage(node, node->data.keyspace);
    if (node->loading.target != NULL) {
        set_limits(node, node->loading.target);
        set_usage(node, node->loading.target);
    }
}

struct keyspace *data_new_keyspace(const struct node *node)
{
    struct keyspace_options options = {
        .is_cluster = node->config.cluster_enabled,
        .database_count = data_database_count(node),
        .hash_seed = node->data.hash_seed,
        .arena_bytes = node->data.arena_bytes,
    };
    struct keyspace *ks = keyspace_new(&options);

    set_limits(node, ks);
    set_usage(node, ks);
    return ks;
}

/* The old one may be in use until the end of the pass, but not the one before it: a DEBUG RELOAD and a
 * full resync can come in the same pass. */
void data_replace(struct node *node, struct keyspace *fresh_take)
{
    ASSERT(fresh_take != NULL && fresh_take != node->data.keyspace);
    data_free_retired(node);
    node->data.retired = node->data.keyspace;
    node->data.keyspace = fresh_take;
    watching_data_replaced(node);
    invalidation_data_replaced(node);
    notify_data_replaced(node);
    sync_side_data_replaced(node);
    lending_data_replaced(node);
}

void data_free_retired(struct node *node)
{
    ASSERT(node->data.retired == NULL || node->data.retired != node->data.keyspace);
    if (node->data.retired != NULL) {
        keyspace_free(node->data.retired);
        node->data.retired = NULL;
    }
}

void data_set_complete(struct node *node, bool is_complete)
{
    node->data.is_complete = is_complete;
    node->data.as_of = MONO_NEVER;
}

void data_begin_memory(struct node *node, uint64_t memory)
{
    ASSERT(memory != 0);
    node->data.memory = memory;
}

void data_turn_memory(struct node *node)
{
    node->data.memory += node->data.memory != 0 ? 1 : 0;
}

void data_set_complete_as_of(struct node *node, int64_t unix_ms)
{
    int64_t age_ms = node->now.unix_ms > unix_ms ? node->now.unix_ms - unix_ms : 0;

    data_set_complete(node, true);
    node->data.as_of = mono_add_ms(node->now.mono, -age_ms);
}

size_t data_used_memory(const struct node *node)
{
    struct keyspace_memory memory;

    keyspace_memory(node->data.keyspace, &memory);
    ASSERT(memory.entry_bytes <= memory.slab_bytes);
    return mem_used_total() + memory.arena_bytes;
}

size_t data_note_memory(struct node *node)
{
    size_t used = data_used_memory(node);

    if (used > node->data.peak_memory) {
        node->data.peak_memory = used;
    }
    ASSERT(node->data.peak_memory >= used);
    return used;
}

void data_note_startup(struct node *node)
{
    ASSERT(node->data.startup_memory == 0);
    ASSERT(keyspace_count_all(node->data.keyspace) == 0);
    node->data.startup_memory = data_used_memory(node);
}

void data_check_keyspaces(const struct node *node)
{
    const struct data *data = &node->data;

    ASSERT(data->keyspace != NULL);
    ASSERT(data->retired != data->keyspace);
    keyspace_check(data->keyspace);
    keyspace_check_evict(data->keyspace);
    if (data->retired != NULL) {
        keyspace_check(data->retired);
    }
}
