/* SPDX-License-Identifier: MIT */
#include "control/metrics_collect.h"

#include "base/mem.h"
#include "cluster/report.h"
#include "control/replication_report.h"
#include "node/inside.h"
#include "node/version.h"

/* ---- sections --------------------------------------------------------------------------------- */

#if defined(__GNUC__) && !defined(__clang__)
#define COMPILER_VERSION __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__
#else
#define COMPILER_VERSION 0, 0, 0
#endif

static void collect_server(struct node *node, struct metrics *m, struct buf *lines)
{
    const struct env_process *process = node->env.process;
    int64_t uptime_s = mono_ms_between(node->life.started_at, node->now.mono) / 1000;

    m->redis_version = STARLING_REDIS_VERSION;
    m->starling_version = STARLING_VERSION;
    m->redis_git_sha1 = "00000000";
    m->redis_build_id = STARLING_BUILD_ID;
    m->redis_mode = node->cluster != NULL ? "cluster" : "standalone";
    m->os = process != NULL ? process->os : "";
    m->arch_bits = (int64_t)sizeof(void *) * 8;
    m->monotonic_clock = "POSIX clock_gettime";
    m->multiplexing_api = "epoll";
    m->atomicvar_api = "c11-builtin";
    buf_printf(lines, "%d.%d.%d", COMPILER_VERSION);
    m->gcc_version = buf_text(lines);
    m->process_id = (int64_t)node->life.pid;
    m->process_supervised = process != NULL ? process->supervised : "no";
    m->run_id = node->life.run_id;
    m->tcp_port = node->config.port;
    m->server_time_usec = moment_unix_us(node->env.now(node->env.context));
    m->uptime_in_seconds = uptime_s;
    m->uptime_in_days = uptime_s / 86400;
    m->hz = node->config.hz;
    m->configured_hz = node->config.hz;
    m->lru_clock = (node->now.unix_ms / 1000) & 0xffffff;
    m->executable = process != NULL ? process->executable : "";
    m->config_file = node->config.file;
}

static void collect_clients(struct node *node, struct metrics *m, struct buf *lines)
{
    (void)lines;
    m->tracking_clients = (int64_t)node->invalidation.tracking.tracker_count;
    m->pubsub_clients = (int64_t)node->publish.pubsub.listener_count;
    m->total_blocking_keys = (int64_t)node->blocked.keys.count;
    LIST_FOR_EACH (item, &node->sessions.all) {
        const struct session *s = CONTAINER_OF(item, struct session, all);
        int64_t in = (int64_t)s->input.buf.len;
        int64_t out = (int64_t)s->output.buf.len;

        m->connected_clients += (s->flags & SESSION_REPLICA) == 0;
        m->blocked_clients += (s->flags & SESSION_HELD) != 0;
        if (in > m->client_recent_max_input_buffer) {
            m->client_recent_max_input_buffer = in;
        }
        if (out > m->client_recent_max_output_buffer) {
            m->client_recent_max_output_buffer = out;
        }
    }
    m->cluster_connections = node->cluster != NULL ? (int64_t)node->bus.count : 0;
    m->maxclients = node->config.maxclients;
    m->clients_in_timeout_table = (int64_t)node->holds.deadlines.count;
}

static double percent(int64_t part, int64_t whole)
{
    return whole > 0 ? 100.0 * (double)part / (double)whole : 0.0;
}

static double ratio(int64_t larger, int64_t smaller)
{
    return smaller > 0 ? (double)larger / (double)smaller : 0.0;
}

static void collect_allocators(int64_t used, int64_t resident, const struct keyspace_memory *memory,
                               struct metrics *m)
{
    m->allocator_active = used;
    m->allocator_allocated = used - (int64_t)(memory->slab_bytes - memory->entry_bytes);
    m->allocator_resident = resident;
    m->allocator_frag_ratio = ratio(m->allocator_active, m->allocator_allocated);
    m->allocator_frag_bytes = m->allocator_active - m->allocator_allocated;
    m->allocator_rss_ratio = ratio(resident, m->allocator_active);
    m->allocator_rss_bytes = resident - m->allocator_active;
    m->rss_overhead_ratio = ratio(resident, m->allocator_resident);
    m->mem_fragmentation_ratio = ratio(resident, used);
    m->mem_fragmentation_bytes = resident - used;
    m->mem_allocator = "starling-slab+libc";
}

static void collect_links_memory(struct node *node, struct metrics *m)
{
    int64_t replica_output = 0;
    int64_t log = (int64_t)oplog_memory(node->journal.log);

    LIST_FOR_EACH (item, &node->sessions.all) {
        const struct session *s = CONTAINER_OF(item, struct session, all);

        if (s->flags & SESSION_REPLICA) {
            m->mem_clients_slaves += (int64_t)session_memory(s);
            replica_output += (int64_t)session_output_pending(s);
        } else {
            m->mem_clients_normal += (int64_t)session_memory(s);
        }
    }
    m->mem_replication_backlog = log;
    m->mem_total_replication_buffers = log + replica_output;
    m->mem_cluster_links = node->cluster != NULL ? (int64_t)bus_links_memory(node) : 0;
}

static void collect_memory(struct node *node, struct metrics *m, struct buf *lines)
{
    static const char *const policies[] = {
        [POLICY_VOLATILE_LRU] = "volatile-lru",       [POLICY_VOLATILE_LFU] = "volatile-lfu",
        [POLICY_VOLATILE_RANDOM] = "volatile-random", [POLICY_VOLATILE_TTL] = "volatile-ttl",
        [POLICY_ALLKEYS_LRU] = "allkeys-lru",         [POLICY_ALLKEYS_LFU] = "allkeys-lfu",
        [POLICY_ALLKEYS_RANDOM] = "allkeys-random",   [POLICY_NOEVICTION] = "noeviction",
    };
    int64_t used = (int64_t)data_note_memory(node);
    int64_t resident = (int64_t)node->env.resident_bytes(node->env.context);
    int64_t startup = (int64_t)node->data.startup_memory;
    struct keyspace_memory memory;
    int64_t counted;

    keyspace_memory(node->data.keyspace, &memory);
    m->used_memory = m->used_memory_human = used;
    m->used_memory_rss = m->used_memory_rss_human = resident;
    m->used_memory_peak = m->used_memory_peak_human = (int64_t)node->data.peak_memory;
    m->used_memory_peak_perc = percent(used, m->used_memory_peak);
    m->used_memory_dataset = (int64_t)(memory.slab_bytes + memory.large_bytes + memory.table_bytes);
    m->used_memory_overhead = used - m->used_memory_dataset;
    m->used_memory_startup = startup;
    m->used_memory_dataset_perc = percent(m->used_memory_dataset, used - startup);
    if (node->env.process != NULL) {
        m->total_system_memory = (int64_t)node->env.process->machine_memory_bytes;
        m->total_system_memory_human = m->total_system_memory;
    }
    m->maxmemory = m->maxmemory_human = node->config.maxmemory;
    m->maxmemory_policy = policies[node->config.maxmemory_policy];
    counted = (int64_t)account_for_limit(node);
    m->mem_not_counted_for_evict = used > counted ? used - counted : 0;
    collect_allocators(used, resident, &memory, m);
    collect_links_memory(node, m);
    m->lazyfree_pending_objects = memory.pending_bytes > 0;
    m->mem_entries = (int64_t)memory.entry_bytes;
    m->mem_entry_pages = (int64_t)memory.slab_bytes;
    m->mem_tables = (int64_t)memory.table_bytes;
    m->mem_large_values = (int64_t)memory.large_bytes;
    m->mem_to_be_freed = (int64_t)memory.pending_bytes;
    for (int tag = 0; tag < MEM_TAG_COUNT; tag++) {
        if (tag != MEM_CLI && tag != MEM_TEST) {
            buf_printf(lines, "mem_heap_%s:%zu\r\n", mem_tag_name((enum mem_tag)tag),
                       mem_used((enum mem_tag)tag));
        }
    }
    m->mem_heap = buf_bytes(lines);
}

static void collect_loading(const struct node *node, struct metrics *m)
{
    const struct loading *loading = &node->loading;
    int64_t ms = mono_ms_between(loading->started_at, node->now.mono);
    double left = (double)(loading->file_size - loading->file_offset);

    m->holds |= METRIC_WHEN_LOADING;
    m->loading_start_time = (node->now.unix_ms - ms) / 1000;
    m->loading_total_bytes = (int64_t)loading->file_size;
    m->loading_loaded_bytes = (int64_t)loading->file_offset;
    m->loading_loaded_perc = percent(m->loading_loaded_bytes, m->loading_total_bytes);
    m->loading_eta_seconds =
        loading->file_offset > 0
            ? (int64_t)(left * (double)ms / (double)loading->file_offset / 1000)
            : 1;
}

static void collect_log(const struct node *node, struct metrics *m)
{
    const struct disk_log *d = &node->disk_log;
    uint64_t end = oplog_end(node->journal.log);
    uint64_t first = segment_list_first_offset(&d->segments);

    m->aof_enabled = disk_log_is_on(d);
    m->aof_rewrite_in_progress = disk_log_is_on(d) && node->saving.phase != SAVING_IDLE;
    m->aof_rewrite_scheduled = disk_log_is_on(d) && node->saving.is_wanted;
    m->aof_last_rewrite_time_sec = disk_log_is_on(d) ? node->saving.last_duration_s : -1;
    m->aof_current_rewrite_time_sec =
        m->aof_rewrite_in_progress ? mono_ms_between(node->saving.started_at, node->now.mono) / 1000
                                   : -1;
    m->aof_last_bgrewrite_status = node->saving.is_last_ok ? "ok" : "err";
    m->aof_last_write_status = disk_log_is_broken(d) ? "err" : "ok";
    if (!disk_log_is_on(d)) {
        return;
    }
    m->aof_current_size = (int64_t)disk_base_grown_bytes(node);
    m->aof_base_size = (int64_t)node->disk_base.snapshot_bytes;
    m->aof_pending_rewrite = disk_base_needs_snapshot(node);
    m->aof_buffer_length = (int64_t)(end - d->handed);
    m->aof_pending_bio_fsync = d->is_syncing;
    m->log_durable_offset = (int64_t)disk_log_durable(node);
    m->log_lag_bytes = (int64_t)(end - d->durable);
    m->log_first_offset = first != UINT64_MAX ? (int64_t)first : 0;
    m->log_segments = (int64_t)d->segments.count;
    m->log_size = (int64_t)segment_list_size(&d->segments);
    m->log_syncs = d->syncs.count;
    m->log_last_sync_usec = d->syncs.last_us;
    m->log_failures = d->failure_count;
}

static void collect_persistence(struct node *node, struct metrics *m, struct buf *lines)
{
    const struct saving *saving = &node->saving;
    bool is_saving = saving_is_on(node);

    (void)lines;
    m->loading = load_is_at_start(&node->loading);
    m->async_loading = node->loading.target != NULL && !load_is_at_start(&node->loading);
    if (is_saving) {
        m->current_save_keys_processed = (int64_t)node->image.written_count;
        m->current_save_keys_total = (int64_t)node->image.key_count;
        m->current_fork_perc = percent(m->current_save_keys_processed, m->current_save_keys_total);
    }
    m->rdb_changes_since_last_save = (int64_t)node->journal.changes;
    m->rdb_bgsave_in_progress = is_saving;
    m->rdb_last_save_time = saving->last_save_unix_s;
    m->rdb_last_bgsave_status = saving->is_last_ok ? "ok" : "err";
    m->rdb_last_bgsave_time_sec = saving->last_duration_s;
    m->rdb_current_bgsave_time_sec =
        is_saving ? mono_ms_between(saving->started_at, node->now.mono) / 1000 : -1;
    m->rdb_saves = saving->save_count;
    m->rdb_last_load_keys_expired = (int64_t)node->loading.expired_count;
    m->rdb_last_load_keys_loaded = (int64_t)node->loading.key_count;
    collect_log(node, m);
    if (load_is_at_start(&node->loading)) {
        collect_loading(node, m);
    }
}

static void collect_messages(const struct node *node, struct metrics *m)
{
    const struct pubsub *pubsub = &node->publish.pubsub;
    const struct tracking *tracking = &node->invalidation.tracking;

    m->migrate_cached_sockets = (int64_t)node->migrate.count;
    m->pubsub_channels = (int64_t)pubsub_topic_count(pubsub, PUBSUB_CHANNEL);
    m->pubsub_patterns = (int64_t)pubsub_topic_count(pubsub, PUBSUB_PATTERN);
    m->pubsubshard_channels = (int64_t)pubsub_topic_count(pubsub, PUBSUB_SHARD);
    m->tracking_total_keys = (int64_t)tracking->keys.count;
    m->tracking_total_items = (int64_t)tracking->item_count;
    m->tracking_total_prefixes = (int64_t)tracking->prefixes.count;
    m->cluster_frames_dropped = node->bus.dropped;
}

static void collect_passes(const struct node *node, struct metrics *m)
{
    const struct passes *passes = &node->counters.passes;
    uint64_t commands_ns = 0;

    for (int id = 0; id < COMMAND_COUNT; id++) {
        commands_ns += node->timing.commands[id].ns;
    }
    m->eventloop_cycles = passes->count;
    m->eventloop_duration_sum = passes->sum_us;
    m->eventloop_duration_cmd_sum = commands_ns / 1000;
    m->instantaneous_eventloop_cycles_per_sec = (int64_t)rate_per_second(&passes->count_rate);
    m->instantaneous_eventloop_duration_usec = (int64_t)passes_mean_us(passes);
    m->eventloop_longest_usec = passes->longest_us;
    m->eventloop_longest_cpu_usec = passes->most_cpu_us;
}

static void collect_stats(struct node *node, struct metrics *m, struct buf *lines)
{
    const struct counters *stats = &node->counters;

    (void)lines;
    collect_messages(node, m);
    m->total_connections_received = stats->connections;
    m->total_commands_processed = stats->commands;
    m->instantaneous_ops_per_sec = (int64_t)rate_per_second(&stats->commands_rate);
    m->total_net_input_bytes = stats->net_input_bytes;
    m->total_net_output_bytes = stats->net_output_bytes;
    m->total_net_repl_input_bytes = stats->repl_input_bytes;
    m->total_net_repl_output_bytes = stats->repl_output_bytes;
    m->instantaneous_input_kbps = (double)rate_per_second(&stats->input_rate) / 1024;
    m->instantaneous_output_kbps = (double)rate_per_second(&stats->output_rate) / 1024;
    m->instantaneous_input_repl_kbps = (double)rate_per_second(&stats->repl_input_rate) / 1024;
    m->instantaneous_output_repl_kbps = (double)rate_per_second(&stats->repl_output_rate) / 1024;
    m->rejected_connections = stats->rejected_connections;
    m->acl_access_denied_auth = stats->acl_denied[ACL_REASON_AUTH];
    m->acl_access_denied_cmd = stats->acl_denied[ACL_REASON_COMMAND];
    m->acl_access_denied_key = stats->acl_denied[ACL_REASON_KEY];
    m->acl_access_denied_channel = stats->acl_denied[ACL_REASON_CHANNEL];
    m->acl_access_denied_db = stats->acl_denied[ACL_REASON_DATABASE];
    m->sync_full = stats->sync_full;
    m->sync_partial_ok = stats->sync_partial_ok;
    m->sync_partial_err = stats->sync_partial_err;
    m->evicted_keys = stats->evicted_keys;
    m->evicted_clients = stats->evicted_clients;
    m->total_eviction_exceeded_time = (uint64_t)memory_limit_exceeded_ms(node);
    m->current_eviction_exceeded_time = memory_limit_exceeding_ms(node);
    m->expired_subkeys = stats->exec.expired_fields;
    m->expired_keys = stats->exec.expired_keys;
    m->expired_stale_perc = node->upkeep.expire_stale_percent;
    m->expired_time_cap_reached_count = node->upkeep.expire_cut_short;
    m->expire_cycle_cpu_milliseconds = node->upkeep.expire_ns / 1000000;
    m->keyspace_hits = stats->exec.keyspace_hits;
    m->keyspace_misses = stats->exec.keyspace_misses;
    m->slave_expires_tracked_keys = (int64_t)node->own_expiry.names.count;
    m->total_error_replies = node->timing.errors.total;
    m->total_reads_processed = stats->reads;
    m->total_writes_processed = stats->writes;
    m->client_query_buffer_limit_disconnections = stats->query_limit_disconnections;
    m->client_output_buffer_limit_disconnections = stats->output_limit_disconnections;
    collect_passes(node, m);
    m->lease_dropped_replies = stats->lease_dropped;
}

static void collect_cpu(struct node *node, struct metrics *m, struct buf *lines)
{
    struct env_cpu cpu = {0};

    (void)lines;
    if (node->env.cpu != NULL) {
        node->env.cpu(node->env.context, &cpu);
    }
    m->used_cpu_sys = cpu.system_us;
    m->used_cpu_user = cpu.user_us;
    m->used_cpu_sys_main_thread = cpu.loop_system_us;
    m->used_cpu_user_main_thread = cpu.loop_user_us;
}

static void collect_modules(struct node *node, struct metrics *m, struct buf *lines)
{
    (void)node;
    (void)m;
    (void)lines;
}

static void collect_commandstats(struct node *node, struct metrics *m, struct buf *lines)
{
    for (int id = 0; id < COMMAND_COUNT; id++) {
        const struct command_stats *stats = &node->timing.commands[id];
        char name[COMMAND_FULL_NAME_SIZE];
        double us = (double)stats->ns / 1000;

        if (stats->calls > 0 || node->counters.rejected_calls[id] > 0) {
            command_full_name(command_spec((enum command_id)id), name, sizeof(name));
            buf_printf(lines,
                       "cmdstat_%s:calls=%llu,usec=%llu,usec_per_call=%.2f,"
                       "rejected_calls=%llu,failed_calls=%llu\r\n",
                       name, (unsigned long long)stats->calls,
                       (unsigned long long)(stats->ns / 1000),
                       stats->timed_calls > 0 ? us / (double)stats->timed_calls : 0.0,
                       (unsigned long long)node->counters.rejected_calls[id],
                       (unsigned long long)stats->failed_calls);
        }
    }
    m->cmdstat = buf_bytes(lines);
}

static void collect_errorstats(struct node *node, struct metrics *m, struct buf *lines)
{
    error_stats_write(&node->timing.errors, lines);
    m->errorstat = buf_bytes(lines);
}

static double us_at(const struct hist *times, double part)
{
    return (double)hist_quantile(times, part) / 1000;
}

static void collect_latencystats(struct node *node, struct metrics *m, struct buf *lines)
{
    const struct config *config = &node->config;

    for (int id = 0; config->latency_tracking && id < COMMAND_COUNT; id++) {
        const struct hist *times = node->timing.commands[id].times_ns;
        char name[COMMAND_FULL_NAME_SIZE];

        if (times != NULL) {
            command_full_name(command_spec((enum command_id)id), name, sizeof(name));
            buf_printf(lines, "latency_percentiles_usec_%s:", name);
            for (size_t i = 0; i < config->percentile_count; i++) {
                double percent = config->percentiles[i];

                buf_printf(lines, "%sp%.8g=%.3f", i > 0 ? "," : "", percent,
                           us_at(times, percent / 100));
            }
            buf_append_text(lines, "\r\n");
        }
    }
    m->latency_percentiles_usec = buf_bytes(lines);
}

static void collect_cluster(struct node *node, struct metrics *m, struct buf *lines)
{
    (void)lines;
    m->cluster_enabled = node->cluster != NULL;
    m->cluster_slot_imports = (int64_t)node->move_side.count;
    m->cluster_slot_exports = (int64_t)node->move_source.count;
    m->cluster_slot_imports_done = node->move_side.succeeded;
    m->cluster_slot_imports_failed = node->move_side.failed + node->move_side.cancelled;
    m->cluster_slot_exports_done = node->move_source.given;
    m->cluster_slot_import_bytes = node->move_side.received_bytes;
    m->cluster_slot_export_bytes = node->move_source.sent_bytes;
    m->cluster_slot_hold_longest_us = node->move_source.longest_held_us;
}

static void collect_hotcopies(struct node *node, struct metrics *m, struct buf *lines)
{
    (void)lines;
    m->hot_slots = (int64_t)hot_copies_own_count(&node->hot_copies);
    m->hot_slots_promoted = node->hot_copies.promoted;
    m->hot_slots_demoted = node->hot_copies.demoted;
    m->hot_peers = (int64_t)node->lending.lender.peer_count;
    m->hot_lent_keys = (int64_t)node->lending.lender.keys.count;
    m->hot_lent_values = node->lending.lender.lent;
    m->hot_invalidations = node->lending.lender.invalidated;
    m->hot_held_replies = node->lending.held;
    m->hot_taught_clients = node->hot_readers.sent_on;
    m->hot_node_busy_percent = node->hot_copies.busy;
    m->hot_foreign_slots =
        (int64_t)(node->hot_copies.known.count - hot_copies_own_count(&node->hot_copies));
    m->hot_copies = (int64_t)copy_values_count(node);
    m->hot_copies_bytes = (int64_t)copy_values_bytes(node);
    m->hot_copy_reads = node->borrowing.reads;
    m->hot_copy_fetches = node->borrowing.fetches;
    m->hot_forwards = node->borrowing.forwards;
    m->hot_sent_home = node->borrowing.sent_home;
}

static void collect_keyspace(struct node *node, struct metrics *m, struct buf *lines)
{
    unsigned databases = node->cluster != NULL ? 1 : (unsigned)node->config.databases;

    for (unsigned db = 0; db < databases; db++) {
        uint64_t keys = keyspace_count(node->data.keyspace, db);

        uint64_t hashes = keyspace_volatile_hash_count(node->data.keyspace, db);

        if (keys > 0) {
            buf_printf(lines, "db%u:keys=%llu,expires=%llu,avg_ttl=%lld", db,
                       (unsigned long long)keys,
                       (unsigned long long)keyspace_expire_count(node->data.keyspace, db),
                       (long long)keyspace_mean_ttl_ms(node->data.keyspace, db, node->now.unix_ms));
            if (hashes > 0) {
                buf_printf(lines, ",subexpiry=%llu", (unsigned long long)hashes);
            }
            buf_append_text(lines, "\r\n");
        }
    }
    m->db = buf_bytes(lines);
}

void metrics_collect(struct node *node, enum metric_section section, struct metrics *m,
                     struct buf *lines)
{
    static void (*const collect[METRICS_SECTION_COUNT])(struct node *, struct metrics *,
                                                        struct buf *) = {
        [METRICS_SERVER] = collect_server,
        [METRICS_CLIENTS] = collect_clients,
        [METRICS_MEMORY] = collect_memory,
        [METRICS_PERSISTENCE] = collect_persistence,
        [METRICS_STATS] = collect_stats,
        [METRICS_REPLICATION] = replication_collect,
        [METRICS_CPU] = collect_cpu,
        [METRICS_MODULES] = collect_modules,
        [METRICS_COMMANDSTATS] = collect_commandstats,
        [METRICS_ERRORSTATS] = collect_errorstats,
        [METRICS_LATENCYSTATS] = collect_latencystats,
        [METRICS_CLUSTER] = collect_cluster,
        [METRICS_HOTCOPIES] = collect_hotcopies,
        [METRICS_KEYSPACE] = collect_keyspace,
    };

    *m = (struct metrics){0};
    collect[section](node, m, lines);
}
