/* SPDX-License-Identifier: MIT */
/* The composition of a node and the order of a pass. */
#include "node/node.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/num.h"
#include "cluster/report.h"
#include "node/state.h"

enum {
    HELD_INPUT_BYTES = 64 * 1024, /* a held client's bytes beyond stay in its socket */
    LOG_SLACK_BYTES = 256 * 1024, /* beyond the backlog, at which the log is trimmed at once */
};

struct keyspace *node_new_keyspace(struct node *node)
{
    struct keyspace_options options = {
        .is_cluster = node->config.cluster_enabled,
        .database_count = node->config.cluster_enabled ? 1 : (unsigned)node->config.databases,
        .hash_seed = node->hash_seed,
        .arena_bytes = node->arena_bytes,
    };

    return keyspace_new(&options);
}

static void start_following_config(struct node *node)
{
    struct bytes rest = bytes_from_text(node->config.replicaof);
    struct bytes word = bytes_next_word(&rest, ' ');
    char host[256];
    int64_t port;

    if (word.len == 0 || !num_parse_i64(bytes_trim(rest), &port) || port < 1 || port > 65535) {
        return;
    }
    bytes_to_text(word, host, sizeof(host));
    node_follow(node, host, (uint16_t)port);
}

void node_loaded(struct node *node)
{
    node->saving.changes = 0;
    if (node->cluster != NULL) {
        cluster_side_status(node);
        if (!node->is_primary && node->pending_host[0] != '\0') {
            node_follow(node, node->pending_host, node->pending_port);
        }
    } else if (node->config.replicaof[0] != '\0') {
        start_following_config(node);
    } else {
        node->is_data_complete = true;
    }
    node->has_work = true;
}

static struct node *create(const struct node_options *options)
{
    struct node *node = mem_alloc_zeroed(MEM_NODE, sizeof(*node));

    node->env = *options->env;
    node->config = *options->config;
    *options->config = (struct config){0};
    node->now = options->now;
    node->started_at = options->now.mono;
    node->pid = options->pid;
    node->arena_bytes = options->arena_bytes;
    rng_init(&node->rng, options->seed);
    rng_hex(&node->rng, node->run_id, sizeof(node->run_id) - 1);
    node->hash_seed = rng_u64(&node->rng);
    node->log = oplog_new(history_id_make(&node->rng), 0);
    node->keyspace = node_new_keyspace(node);
    node->stream_db = -1;
    session_table_init(&node->sessions);
    command_index_init(&node->commands);
    command_index_init(&node->stream_commands);
    list_init(&node->touched);
    list_init(&node->resumed);
    list_init(&node->held);
    list_init(&node->own_keys);
    node->is_active_expire_on = true;
    node->saving.is_last_ok = true;
    node->saving.last_duration_s = -1;
    node->saving.last_save_unix_s = options->now.unix_ms / 1000;
    node->stats.rates_at = options->now.mono;
    node->next_link = 1;
    node->replica_actions.wake_at = MONO_NEVER;
    node->cluster_wake_at = MONO_NEVER;
    node->pauses.until = MONO_NEVER;
    node->is_primary = node->config.replicaof[0] == '\0';
    timing_init(&node->timing, node->env.mono_ns, node->env.context);
    slowlog_configure(node);
    return node;
}

static bool rename_commands(struct node *node, struct errmsg *error)
{
    for (size_t i = 0; i < node->config.renames.count; i++) {
        const struct config_rename *rename = &node->config.renames.items[i];

        if (!command_index_rename(&node->commands, rename->from, rename->to, error)) {
            return false;
        }
    }
    return true;
}

struct node *node_new(const struct node_options *options, struct errmsg *error)
{
    struct node *node = create(options);

    if (!rename_commands(node, error)) {
        node_free(node);
        return NULL;
    }
    replica_side_configure(node);
    batch_configure(node);
    if (node->config.cluster_enabled && !cluster_side_start(node, error)) {
        node_free(node);
        return NULL;
    }
    node->startup_memory = node_used_memory(node);
    sync_file_init(node);
    if (!load_begin(node, error)) {
        node_free(node);
        return NULL;
    }
    if (!node->loading.is_on) {
        node_loaded(node);
    }
    return node;
}

void node_free(struct node *node)
{
    node->is_freeing = true;
    LIST_FOR_EACH_SAFE (item, &node->sessions.all) {
        node_session_closed(node, CONTAINER_OF(item, struct session, all));
    }
    cluster_side_stop(node);
    sync_file_deinit(node);
    if (node->loading.reader != NULL) {
        rdb_reader_free(node->loading.reader);
        if (node->loading.target != node->keyspace) {
            keyspace_free(node->loading.target);
        }
    }
    if (node->snapshot.is_on) {
        buf_deinit(&node->snapshot.out);
    }
    replica_free(node->replica);
    replica_actions_deinit(&node->replica_actions);
    stream_deinit(&node->stream);
    effects_deinit(&node->effects);
    batch_deinit(&node->batch);
    heap_deinit(&node->deadlines);
    session_table_deinit(&node->sessions);
    slowlog_deinit(&node->slowlog);
    timing_deinit(&node->timing);
    command_index_deinit(&node->commands);
    own_expiry_forget_all(node);
    hashtable_deinit(&node->own_names);
    mem_free(MEM_BASE, node->feeds);
    keyspace_free(node->keyspace);
    oplog_free(node->log);
    config_deinit(&node->config);
    mem_free(MEM_NODE, node);
}

/* ---- the pass --------------------------------------------------------------------------------- */

void node_begin_pass(struct node *node, struct moment now)
{
    ASSERT(now.mono.us >= node->now.mono.us);
    node->now = now;
    node->has_work = false;
    node->has_input = false;
    node->has_writes = false;
    timing_pass_begin(&node->timing, now.mono.us * 1000, node->stats.net_input_bytes);
}

static void run_resumed(struct node *node)
{
    while (!list_is_empty(&node->resumed)) {
        struct session *s = CONTAINER_OF(node->resumed.next, struct session, resumed);

        list_remove(&s->resumed);
        s->flags &= ~(uint32_t)SESSION_RESUMED;
        if (s->flags & SESSION_HELD) {
            continue;
        }
        timing_make_stale(&node->timing);
        batch_resume(node, s);
        batch_run(node);
    }
}

/* A pass may have been stopped between its first command and now.  What was written without a lease
 * must not be acknowledged: those clients lose their connection instead of an answer. */
static void withhold_without_lease(struct node *node)
{
    struct moment now;

    if (!node->has_writes || node->cluster == NULL) {
        return;
    }
    now = node->env.now(node->env.context);
    LIST_FOR_EACH (item, &node->touched) {
        struct session *s = CONTAINER_OF(item, struct session, touched);

        if ((s->flags & SESSION_WROTE) && !cluster_has_lease(node->cluster, now.mono)) {
            node->stats.lease_dropped++;
            s->flags |= SESSION_CLOSE_NOW;
        }
        s->flags &= ~(uint32_t)SESSION_WROTE;
    }
}

static void hand_over_touched(struct node *node)
{
    while (!list_is_empty(&node->touched)) {
        struct session *s = CONTAINER_OF(node->touched.next, struct session, touched);

        list_remove(&s->touched);
        s->flags &= ~(uint32_t)(SESSION_TOUCHED | SESSION_WROTE);
        node_output_is_too_long(node, s);
        if (s->flags & SESSION_TOUCHED) {
            list_remove(&s->touched);
            s->flags &= ~(uint32_t)SESSION_TOUCHED;
        }
        node->env.session_touched(node->env.context, s);
    }
}

static void run_slices(struct node *node)
{
    if (node->loading.is_on) {
        load_step(node);
    }
    if (node->retired != NULL) {
        keyspace_free(node->retired);
        node->retired = NULL;
    }
    node->has_work = snapshot_step(node) || node->has_work;
    node->has_work = cluster_side_clean_slots(node) || node->has_work;
}

void node_end_pass(struct node *node)
{
    batch_run(node);
    waiting_on_time(node);
    shutdown_step(node);
    run_resumed(node);
    if (node->cluster != NULL) {
        cluster_side_tick(node);
    }
    replica_side_tick(node);
    cron_run(node);
    run_slices(node);
    node->has_asked_acks = node->wants_acks;
    if (node->wants_acks && node->feed_count > 0 && commit_is_allowed(node)) {
        commit_plain(node, "REPLCONF", "GETACK", "*");
    }
    node->wants_acks = false;
    if (oplog_end(node->log) - oplog_start(node->log) >
        (uint64_t)node->config.repl_backlog_size + LOG_SLACK_BYTES) {
        commit_trim_log(node);
    }
    sync_file_send(node);
    primary_fill(node);
    withhold_without_lease(node);
    hand_over_touched(node);
}

struct mono_time node_wake_at(const struct node *node)
{
    struct mono_time at = node->is_cron_paused ? MONO_NEVER : node->cron_at;
    struct heap_node *first = heap_peek(&node->deadlines);

    if (node->has_work || !list_is_empty(&node->resumed)) {
        return node->now.mono;
    }
    at = mono_earlier(at, node->replica_actions.wake_at);
    at = mono_earlier(at, node->cluster_wake_at);
    if (first != NULL) {
        at = mono_earlier(at, (struct mono_time){.us = first->key});
    }
    if (node->ending.phase == ENDING_WAITING) {
        at = mono_earlier(at, node->ending.until);
    }
    return mono_earlier(at, node->pauses.until);
}

/* ---- sessions and links ----------------------------------------------------------------------- */

struct session *node_session_open(struct node *node, const struct session_peer *peer,
                                  const char **refusal)
{
    struct session *s;
    const char *reason = NULL;

    timing_make_stale(&node->timing);
    node->stats.connections++;
    if (node->sessions.count >= (size_t)node->config.maxclients) {
        reason = "-ERR max number of clients reached\r\n";
    } else if (node->config.protected_mode && node->config.requirepass[0] == '\0' &&
               !peer->is_loopback && !peer->is_unix) {
        reason = "-DENIED Starling is running in protected mode because protected mode is enabled "
                 "and no password is set for the default user. In this mode connections are only "
                 "accepted from the loopback interface. Set a password (requirepass), or disable "
                 "protected mode (protected-mode no) if the network is trusted.\r\n";
    }
    if (reason != NULL) {
        node->stats.rejected_connections++;
        if (refusal != NULL) {
            *refusal = reason;
        }
        return NULL;
    }
    s = session_new(&node->sessions, peer, node->now.mono);
    s->flags |= peer->is_unix ? SESSION_UNIX : 0;
    s->flags |= node->config.requirepass[0] == '\0' ? SESSION_AUTHENTICATED : 0;
    return s;
}

void node_session_closed(struct node *node, struct session *s)
{
    if (!node->is_freeing) {
        batch_run(node);
    }
    timing_make_stale(&node->timing);
    s->flags |= SESSION_CLOSED;
    if (s->flags & SESSION_HELD) {
        heap_remove(&node->deadlines, &s->deadline);
    }
    primary_session_closed(node, s);
    cron_forget_session(node, s);
    session_free(&node->sessions, s);
}

bool node_session_wants_input(const struct node *node, const struct session *s)
{
    (void)node;
    if (session_is_closing(s)) {
        return false;
    }
    if ((s->flags & SESSION_HELD) && s->in.len + s->stash.len > HELD_INPUT_BYTES) {
        return false;
    }
    return true;
}

void node_session_written(struct node *node, struct session *s, size_t len)
{
    timing_make_stale(&node->timing);
    session_output_done(&node->sessions, s, len);
    node->stats.net_output_bytes += len;
    node->stats.writes++;
    if (s->hold == HOLD_OUTPUT && session_output_pending(s) < NODE_OUTPUT_LOW) {
        waiting_release(node, s);
    }
    if (s->feed != NULL && (s->flags & SESSION_REPLICA)) {
        node->stats.repl_output_bytes += len;
        if (s->feed->phase == FEED_SNAPSHOT) {
            feed_heard(s->feed, node->now.mono); /* it takes the payload: it lives */
        }
        node->has_work = node->has_work || s->feed->phase != FEED_ONLINE ||
                         s->feed->cursor < oplog_end(node->log);
    }
}

/* What PSYNC offers.  A primary that restarted has begun a history of its own; as long as nothing
 * was written in it, what it has is the end of the one before. */
static struct replication_position offered_position(const struct node *node)
{
    struct replication_position position = node_position(node);

    if (oplog_previous_end(node->log) == position.offset && position.offset > 0) {
        position.history = *oplog_previous_history(node->log);
    }
    if (node->stream.is_torn) {
        position = (struct replication_position){0}; /* only a full resync helps */
    }
    return position;
}

void node_link_up(struct node *node, uint64_t link, const char *local_ip)
{
    timing_make_stale(&node->timing);
    if (link == node->replica_link) {
        struct replica_event up = {.type = REPLICA_EVENT_LINK_UP,
                                   .position = offered_position(node)};

        replica_side_event(node, &up);
    } else if (node->cluster != NULL) {
        cluster_side_link_up(node, link, local_ip);
    }
}

void node_link_input(struct node *node, uint64_t link, struct bytes input)
{
    timing_make_stale(&node->timing);
    if (link == node->replica_link) {
        struct replica_event event = {.type = REPLICA_EVENT_BYTES, .bytes = input};

        node->stats.repl_input_bytes += input.len;
        event.position = node_position(node);
        replica_side_event(node, &event);
    } else if (node->cluster != NULL) {
        cluster_side_link_input(node, link, input);
    }
}

void node_link_down(struct node *node, uint64_t link, const char *reason)
{
    timing_make_stale(&node->timing);
    if (link == node->replica_link) {
        struct replica_event down = {.type = REPLICA_EVENT_LINK_DOWN, .reason = reason};

        node->replica_link = 0;
        stream_restart(node, node->stream.db);
        replica_side_event(node, &down);
    } else if (node->cluster != NULL) {
        cluster_side_link_down(node, link, reason);
    }
}

void node_file_done(struct node *node, uint64_t file, bool is_ok, const struct errmsg *error)
{
    timing_make_stale(&node->timing);
    if (node->nodes_file != FS_NO_FILE && file == node->nodes_file) {
        cluster_side_file_done(node, is_ok, error);
    } else if (node->rewrite_file != FS_NO_FILE && file == node->rewrite_file) {
        node->rewrite_file = FS_NO_FILE;
        node_log(node, is_ok ? LOG_NOTICE : LOG_WARNING, "CONFIG REWRITE: %s",
                 is_ok ? "the file was written" : error->text);
        waiting_on_file(node, HOLD_CONFIG,
                        is_ok ? NULL
                              : "Rewriting config file failed, see the "
                                "server's log");
    } else {
        (void)snapshot_file_done(node, file, is_ok, error);
    }
}

/* ---- facts ------------------------------------------------------------------------------------ */

struct session *node_any_session(struct node *node)
{
    if (list_is_empty(&node->sessions.all)) {
        return NULL;
    }
    return CONTAINER_OF(node->sessions.all.next, struct session, all);
}

bool node_needs_folder(const struct node *node)
{
    return node->loading.is_on || node->sync_file.phase != SYNC_FILE_NONE;
}

bool node_is_loading(const struct node *node)
{
    return node->loading.is_on;
}

const struct config *node_config(const struct node *node)
{
    return &node->config;
}

void apply_config(struct node *node)
{
    replica_side_configure(node);
    batch_configure(node);
    cluster_side_configure(node);
    commit_trim_log(node);
    slowlog_configure(node);
}

void node_facts(const struct node *node, struct node_facts *out)
{
    *out = (struct node_facts){
        .is_primary = node->is_primary,
        .may_write = node->is_primary && !node->loading.is_on &&
                     (node->cluster == NULL || cluster_has_lease(node->cluster, node->now.mono)),
        .cluster_ok = node->cluster != NULL && cluster_is_ok(node->cluster, node->now.mono),
        .history = *oplog_history(node->log),
        .offset = oplog_end(node->log),
        .link_up = !node->is_primary && replica_side_link_is_up(node),
        .key_count = keyspace_count_all(node->keyspace),
        .sync_full = node->stats.sync_full,
        .sync_partial_ok = node->stats.sync_partial_ok,
        .sync_partial_err = node->stats.sync_partial_err,
    };
    if (node->cluster != NULL) {
        struct cluster_node_view me;

        cluster_node_at(node->cluster, 0, node->now, &me);
        out->config_epoch = me.config_epoch;
        memcpy(out->id, me.id->text, sizeof(out->id));
        if (me.primary_id != NULL) {
            memcpy(out->primary_id, me.primary_id->text, sizeof(out->primary_id));
        }
    }
}

bool node_owns_slot(const struct node *node, unsigned slot)
{
    return node->cluster != NULL && cluster_owns_slot(node->cluster, (uint16_t)slot);
}

void node_check(const struct node *node)
{
    keyspace_check(node->keyspace);
    oplog_check(node->log);
    replica_check(node->replica);
    if (node->cluster != NULL) {
        cluster_check(node->cluster);
    }
    ASSERT(node->batch.count <= BATCH_REQUESTS);
}
