/* SPDX-License-Identifier: MIT */
/* INFO: one function a section, lines as tools parse them. */
#include "node/state.h"

#include "base/mem.h"
#include "base/num.h"
#include "node/version.h"

#include <sys/resource.h>

typedef void section_fn(struct node *node, struct buf *out);

size_t node_used_memory(const struct node *node)
{
    struct keyspace_memory memory;

    keyspace_memory(node->keyspace, &memory);
    return mem_used_total() + memory.arena_bytes;
}

size_t node_note_memory(struct node *node)
{
    size_t used = node_used_memory(node);

    if (used > node->stats.peak_memory) {
        node->stats.peak_memory = used;
    }
    return used;
}

static void info_server(struct node *node, struct buf *out)
{
    int64_t uptime_s = mono_ms_between(node->started_at, node->now.mono) / 1000;

    buf_printf(out,
               "redis_version:%s\r\nstarling_version:%s\r\nredis_mode:%s\r\nos:Linux\r\n"
               "arch_bits:64\r\nmultiplexing_api:epoll\r\nprocess_id:%llu\r\nrun_id:%s\r\n"
               "tcp_port:%lld\r\nserver_time_usec:%lld\r\nuptime_in_seconds:%lld\r\n"
               "uptime_in_days:%lld\r\nhz:%lld\r\nconfig_file:%s\r\n",
               STARLING_REDIS_VERSION, STARLING_VERSION,
               node->cluster != NULL ? "cluster" : "standalone", (unsigned long long)node->pid,
               node->run_id, (long long)node->config.port, (long long)node->now.unix_ms * 1000,
               (long long)uptime_s, (long long)(uptime_s / 86400), (long long)node->config.hz,
               node->config.file != NULL ? node->config.file : "");
}

static void info_clients(struct node *node, struct buf *out)
{
    size_t blocked = 0;
    size_t replicas = 0;
    size_t most_in = 0;
    size_t most_out = 0;

    LIST_FOR_EACH (item, &node->sessions.all) {
        const struct session *s = CONTAINER_OF(item, struct session, all);

        blocked += (s->flags & SESSION_HELD) != 0;
        replicas += (s->flags & SESSION_REPLICA) != 0;
        most_in = s->in.len > most_in ? s->in.len : most_in;
        most_out = s->out.len > most_out ? s->out.len : most_out;
    }
    buf_printf(out,
               "connected_clients:%zu\r\ncluster_connections:%zu\r\nmaxclients:%lld\r\n"
               "client_recent_max_input_buffer:%zu\r\nclient_recent_max_output_buffer:%zu\r\n"
               "blocked_clients:%zu\r\n",
               node->sessions.count - replicas,
               node->cluster != NULL ? cluster_side_link_count(node) : 0,
               (long long)node->config.maxclients, most_in, most_out, blocked);
}

static void info_memory(struct node *node, struct buf *out)
{
    size_t used = node_note_memory(node);
    size_t resident = node->env.resident_bytes(node->env.context);
    struct keyspace_memory memory;
    char human[32];

    keyspace_memory(node->keyspace, &memory);
    num_format_size(human, sizeof(human), used);
    buf_printf(out, "used_memory:%zu\r\nused_memory_human:%s\r\nused_memory_rss:%zu\r\n", used,
               human, resident);
    num_format_size(human, sizeof(human), resident);
    buf_printf(out, "used_memory_rss_human:%s\r\nused_memory_peak:%zu\r\n", human,
               node->stats.peak_memory);
    num_format_size(human, sizeof(human), node->stats.peak_memory);
    buf_printf(out,
               "used_memory_peak_human:%s\r\nused_memory_dataset:%zu\r\nmaxmemory:0\r\n"
               "maxmemory_policy:noeviction\r\nmem_entries:%zu\r\nmem_entry_pages:%zu\r\n"
               "mem_tables:%zu\r\nmem_large_values:%zu\r\nmem_to_be_freed:%zu\r\n"
               "mem_fragmentation_ratio:%.2f\r\n",
               human, memory.slab_bytes + memory.large_bytes + memory.table_bytes,
               memory.entry_bytes, memory.slab_bytes, memory.table_bytes, memory.large_bytes,
               memory.pending_bytes, used > 0 ? (double)resident / (double)used : 0.0);
    for (int tag = 0; tag < MEM_TAG_COUNT; tag++) {
        if (tag != MEM_CLI && tag != MEM_TEST) {
            buf_printf(out, "mem_heap_%s:%zu\r\n", mem_tag_name((enum mem_tag)tag),
                       mem_used((enum mem_tag)tag));
        }
    }
}

static void info_persistence(struct node *node, struct buf *out)
{
    const struct saving *saving = &node->saving;
    bool is_saving = snapshot_is_saving(node);

    buf_printf(
        out,
        "loading:%d\r\nasync_loading:%d\r\nrdb_changes_since_last_save:%llu\r\n"
        "rdb_bgsave_in_progress:%d\r\nrdb_last_save_time:%lld\r\n"
        "rdb_last_bgsave_status:%s\r\nrdb_last_bgsave_time_sec:%lld\r\n"
        "rdb_current_bgsave_time_sec:%lld\r\nrdb_saves:%llu\r\n"
        "rdb_last_load_keys_expired:%llu\r\nrdb_last_load_keys_loaded:%llu\r\n"
        "aof_enabled:0\r\n",
        node->loading.is_on, node->loading.target != NULL && !node->loading.is_on,
        (unsigned long long)saving->changes, is_saving, (long long)saving->last_save_unix_s,
        saving->is_last_ok ? "ok" : "err", (long long)saving->last_duration_s,
        is_saving ? (long long)(mono_ms_between(saving->started_at, node->now.mono) / 1000) : -1LL,
        (unsigned long long)saving->save_count, (unsigned long long)node->loading.dropped_count,
        (unsigned long long)node->loading.key_count);
    if (node->loading.is_on) {
        buf_printf(out,
                   "loading_total_bytes:%llu\r\nloading_loaded_bytes:%llu\r\n"
                   "loading_loaded_perc:%.2f\r\n",
                   (unsigned long long)node->loading.file_size,
                   (unsigned long long)node->loading.file_offset,
                   node->loading.file_size > 0
                       ? 100.0 * (double)node->loading.file_offset / (double)node->loading.file_size
                       : 0.0);
    }
}

static uint64_t ops_per_second(const struct node *node)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < NODE_OPS_SAMPLES; i++) {
        sum += node->stats.ops_sample[i];
    }
    return sum / NODE_OPS_SAMPLES;
}

static void info_stats(struct node *node, struct buf *out)
{
    const struct node_stats *stats = &node->stats;

    buf_printf(
        out,
        "total_connections_received:%llu\r\ntotal_commands_processed:%llu\r\n"
        "instantaneous_ops_per_sec:%llu\r\ntotal_net_input_bytes:%llu\r\n"
        "total_net_output_bytes:%llu\r\nrejected_connections:%llu\r\nsync_full:%llu\r\n"
        "sync_partial_ok:%llu\r\nsync_partial_err:%llu\r\nexpired_keys:%llu\r\n"
        "evicted_keys:0\r\nkeyspace_hits:%llu\r\nkeyspace_misses:%llu\r\n",
        (unsigned long long)stats->connections, (unsigned long long)stats->commands,
        (unsigned long long)ops_per_second(node), (unsigned long long)stats->net_input_bytes,
        (unsigned long long)stats->net_output_bytes,
        (unsigned long long)stats->rejected_connections, (unsigned long long)stats->sync_full,
        (unsigned long long)stats->sync_partial_ok, (unsigned long long)stats->sync_partial_err,
        (unsigned long long)stats->exec.expired_keys, (unsigned long long)stats->exec.keyspace_hits,
        (unsigned long long)stats->exec.keyspace_misses);
    buf_printf(out,
               "pubsub_channels:0\r\npubsub_patterns:0\r\ntotal_error_replies:%llu\r\n"
               "client_query_buffer_limit_disconnections:%llu\r\n"
               "client_output_buffer_limit_disconnections:%llu\r\nlease_dropped_replies:%llu\r\n",
               (unsigned long long)node->timing.errors.total,
               (unsigned long long)stats->query_limit_disconnections,
               (unsigned long long)stats->output_limit_disconnections,
               (unsigned long long)stats->lease_dropped);
}

static void info_cpu(struct node *node, struct buf *out)
{
    struct rusage usage;

    (void)node;
    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        buf_printf(out, "used_cpu_sys:%lld.%06lld\r\nused_cpu_user:%lld.%06lld\r\n",
                   (long long)usage.ru_stime.tv_sec, (long long)usage.ru_stime.tv_usec,
                   (long long)usage.ru_utime.tv_sec, (long long)usage.ru_utime.tv_usec);
    }
}

static void info_commandstats(struct node *node, struct buf *out)
{
    for (int id = 0; id < COMMAND_COUNT; id++) {
        const struct command_spec *spec = command_spec((enum command_id)id);
        const struct command_stats *stats = &node->timing.commands[id];
        bool is_sub = spec->kind == COMMAND_SUB;
        double us = (double)stats->ns / 1000;

        if (stats->calls > 0 || node->stats.rejected_calls[id] > 0) {
            buf_printf(out,
                       "cmdstat_%s%s%s:calls=%llu,usec=%llu,usec_per_call=%.2f,"
                       "rejected_calls=%llu,failed_calls=%llu\r\n",
                       is_sub ? command_spec(spec->parent)->name : "", is_sub ? "|" : "",
                       spec->name, (unsigned long long)stats->calls,
                       (unsigned long long)(stats->ns / 1000),
                       stats->timed_calls > 0 ? us / (double)stats->timed_calls : 0.0,
                       (unsigned long long)node->stats.rejected_calls[id],
                       (unsigned long long)stats->failed_calls);
        }
    }
}

static void info_errorstats(struct node *node, struct buf *out)
{
    error_stats_write(&node->timing.errors, out);
}

static void info_cluster(struct node *node, struct buf *out)
{
    buf_printf(out, "cluster_enabled:%d\r\n", node->cluster != NULL);
}

static void info_keyspace(struct node *node, struct buf *out)
{
    unsigned databases = node->cluster != NULL ? 1 : (unsigned)node->config.databases;

    for (unsigned db = 0; db < databases; db++) {
        uint64_t keys = keyspace_count(node->keyspace, db);

        if (keys > 0) {
            buf_printf(out, "db%u:keys=%llu,expires=%llu,avg_ttl=%lld\r\n", db,
                       (unsigned long long)keys,
                       (unsigned long long)keyspace_expire_count(node->keyspace, db),
                       (long long)keyspace_mean_ttl_ms(node->keyspace, db, node->now.unix_ms));
        }
    }
}

static const struct section {
    const char *name;
    const char *title;
    section_fn *write;
    bool is_default;
} sections[] = {
    {"server",       "Server",       info_server,       true },
    {"clients",      "Clients",      info_clients,      true },
    {"memory",       "Memory",       info_memory,       true },
    {"persistence",  "Persistence",  info_persistence,  true },
    {"stats",        "Stats",        info_stats,        true },
    {"replication",  "Replication",  info_replication,  true },
    {"cpu",          "CPU",          info_cpu,          true },
    {"commandstats", "Commandstats", info_commandstats, false},
    {"errorstats",   "Errorstats",   info_errorstats,   true },
    {"cluster",      "Cluster",      info_cluster,      true },
    {"keyspace",     "Keyspace",     info_keyspace,     true },
};

static bool is_wanted(const struct section *section, const struct bytes *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes_equal_nocase(words[i], section->name) || bytes_equal_nocase(words[i], "all") ||
            bytes_equal_nocase(words[i], "everything") ||
            (bytes_equal_nocase(words[i], "default") && section->is_default)) {
            return true;
        }
    }
    return count == 0 && section->is_default;
}

void node_describe(struct node *node, struct buf *out)
{
    info_write(node, NULL, 0, out);
}

void info_write(struct node *node, const struct bytes *words, size_t count, struct buf *out)
{
    for (size_t i = 0; i < ARRAY_COUNT(sections); i++) {
        if (is_wanted(&sections[i], words, count)) {
            buf_printf(out, "%s# %s\r\n", out->len > 0 ? "\r\n" : "", sections[i].title);
            sections[i].write(node, out);
        }
    }
}
