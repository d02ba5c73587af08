/* SPDX-License-Identifier: MIT */
/* The composition of a node and the order of a pass. */
#include "node/node.h"

#include "base/assert.h"
#include "base/mem.h"
#include "cluster/report.h"
#include "node/copy_lapses.h"
#include "node/inside.h"
#include "spec/slot.h"

enum {
    HELD_INPUT_BYTES = 64 * 1024,   /* a held client's bytes beyond stay in its socket */
    OUTPUT_LOW_BYTES = 1024 * 1024, /* of output at which one that did not read goes on */
};

/* ---- birth and end ---------------------------------------------------------------------------- */

/* The file at start has been loaded, or there was none. */
static void loaded(struct node *node)
{
    ASSERT(node->loading.phase == LOAD_IDLE);
    saving_loaded(node, node->loading.saved_unix_s);
    if (node->cluster != NULL) {
        cluster_side_status(node);
    }
    node_follow_loaded(node);
    pass_note_work(&node->pass);
}

/* Every control command must have its function before the first client comes. */
static void check_controls(const struct node_controls *controls)
{
    ASSERT(controls != NULL);
    ASSERT(controls->describe != NULL);
    for (int id = 0; id < COMMAND_COUNT; id++) {
        ASSERT(command_spec((enum command_id)id)->is_data == (controls->run[id] == NULL));
    }
}

static struct node *create(const struct node_options *options)
{
    struct node *node = mem_alloc_zeroed(MEM_NODE, sizeof(*node));

    check_controls(options->controls);
    node->env = *options->env;
    node->controls = options->controls;
    node->config = *options->config;
    *options->config = (struct config){0};
    node->now = options->now;
    rng_init(&node->rng, options->seed);
    life_init(node, options->pid);
    counters_init(&node->counters, options->now.mono);
    timing_init(&node->timing, node->env.mono_ns, node->env.context);
    slow_configure(node);
    hot_side_init(node);
    slot_report_configure(node);
    command_index_init(&node->commands);
    command_index_init(&node->stream_commands);
    session_table_init(&node->sessions);
    holds_init(&node->holds);
    data_init(node, options->arena_bytes);
    journal_init(node);
    own_expiry_init(node);
    publish_init(node);
    users_init(node);
    monitor_init(node);
    image_init(node);
    waiting_init(node);
    blocked_init(node);
    watching_init(node);
    invalidation_init(node);
    notify_init(node);
    release_init(node);
    lending_init(node);
    saving_init(node);
    upkeep_init(node);
    role_init(node, node->config.replicaof[0] == '\0');
    undo_want(node, options->until);
    return node;
}

static bool rename_commands(struct node *node, struct errmsg *error)
{
    for (size_t i = 0; i < node->config.renames.count; i++) {
        const struct config_rename *rename = &node->config.renames.items[i];

        ASSERT(rename->from != NULL && rename->to != NULL);
        if (!command_index_rename(&node->commands, rename->from, rename->to, error)) {
            return false;
        }
    }
    return true;
}

/* Whatever may fail; the node can be freed after any of it. */
static bool start(struct node *node, struct errmsg *error)
{
    ASSERT(node->sessions.count == 0);
    if (!rename_commands(node, error) || !users_start(node, error)) {
        return false;
    }
    if (node->config.cluster_enabled && !cluster_side_start(node, error)) {
        return false;
    }
    data_note_startup(node);
    sync_file_init(node);
    return load_begin(node, error);
}

struct node *node_new(const struct node_options *options, struct errmsg *error)
{
    struct node *node = create(options);

    ASSERT(options->config->file == NULL); /* adopted */
    replica_side_configure(node);
    batch_configure(node);
    if (!start(node, error)) {
        node_free(node);
        return NULL;
    }
    ASSERT(node->loading.phase == LOAD_IDLE || load_is_at_start(&node->loading));
    if (node->loading.phase == LOAD_IDLE) {
        loaded(node);
    }
    return node;
}

void node_free(struct node *node)
{
    life_begin_to_free(node);
    LIST_FOR_EACH_SAFE (item, &node->sessions.all) {
        node_session_closed(node, CONTAINER_OF(item, struct session, all));
    }
    ASSERT(node->sessions.count == 0 && node->replicas.count == 0);
    hot_copies_deinit(node);
    copy_owners_deinit(node);
    move_side_deinit(node);
    move_source_deinit(node);
    cluster_side_deinit(node);
    sync_file_deinit(node);
    load_deinit(node);
    disk_log_deinit(node);
    disk_base_deinit(node);
    image_deinit(node);
    replica_side_deinit(node);
    apply_deinit(node);
    batch_deinit(node);
    blocked_deinit(node);
    watching_deinit(node);
    invalidation_deinit(node);
    notify_deinit(node);
    transaction_deinit(node);
    holds_deinit(&node->holds);
    session_table_deinit(&node->sessions);
    users_deinit(node);
    slowlog_deinit(&node->slowlog);
    slowlog_deinit(&node->large_requests);
    slowlog_deinit(&node->large_replies);
    latency_deinit(&node->latency);
    hot_side_deinit(node);
    slot_usage_deinit(&node->slot_usage);
    timing_deinit(&node->timing);
    command_index_deinit(&node->commands);
    command_index_deinit(&node->stream_commands);
    memory_limit_deinit(node);
    own_expiry_deinit(node);
    migrate_deinit(node);
    monitor_deinit(node);
    publish_deinit(node);
    replicas_deinit(node);
    sync_side_deinit(node);
    lending_deinit(node);
    journal_deinit(node);
    data_deinit(node);
    config_deinit(&node->config);
    mem_free(MEM_NODE, node);
}

/* ---- the pass --------------------------------------------------------------------------------- */

void node_begin_pass(struct node *node, struct moment now)
{
    ASSERT(now.mono.us >= node->now.mono.us);
    node->now = now;
    pass_begin(&node->pass);
    timing_pass_begin(&node->timing, now.mono.us * 1000, node->counters.net_input_bytes);
    slow_begin_pass(node);
    release_begin(node);
    copy_lapses_tell(node);
}

static void run_resumed(struct node *node)
{
    struct session *s;

    while ((s = holds_take_resumed(&node->holds)) != NULL) {
        ASSERT(!(s->flags & SESSION_CLOSED));
        if ((s->flags & SESSION_HELD) == 0) {
            timing_make_stale(&node->timing);
            batch_resume(node, s);
            batch_run(node);
        }
    }
}

/* Those who waited for the last save are told what became of it. */
static void tell_saved(struct node *node)
{
    enum saving_outcome outcome = saving_take_outcome(node);

    if (outcome != SAVING_NO_OUTCOME) {
        ASSERT(node->saving.phase == SAVING_IDLE);
        reload_saved(node, outcome == SAVING_WORKED);
        ending_saved(node, outcome == SAVING_WORKED);
    }
}

/* One image at a time; replicas come first. */
static void start_images(struct node *node)
{
    if (node->image.is_on || node->move_image.is_on || node->loading.phase != LOAD_IDLE) {
        return;
    }
    if (!primary_start_image_when_wanted(node) && !sync_file_start_when_wanted(node) &&
        !saving_start_when_wanted(node)) {
        (void)move_source_start_image_when_wanted(node);
    }
    ASSERT(!node->image.is_on || !list_is_empty(&node->image.sinks));
}

static void take_image_slice(struct node *node)
{
    int64_t began_ns = slow_begin_work(node);

    pass_note_work_if(&node->pass, image_step(node));
    slow_end_work(node, LATENCY_IMAGE_SLICE, began_ns);
}

static void run_slices(struct node *node)
{
    ASSERT(!node->journal.is_in_transaction);
    if (load_is_at_start(&node->loading) && load_step(node)) {
        loaded(node);
    }
    data_free_retired(node);
    tell_saved(node);
    if (journal_take_flush(node)) {
        saving_after_flush(node);
    }
    start_images(node);
    if (node->image.is_on) {
        take_image_slice(node);
    }
    pass_note_work_if(&node->pass, slot_cleaning_step(node));
    pass_note_work_if(&node->pass, publish_free_step(node));
}

/* What replicas are to hear of on top of what changed. */
static void append_get_ack(struct node *node)
{
    if (!waiting_is_end_fixed(node) && pass_take_acks(&node->pass) && node->replicas.count > 0 &&
        journal_is_open(node)) {
        ASSERT(node->role.is_primary);
        journal_append_plain(node, "REPLCONF", "GETACK", "*");
    }
}

static void tell_cluster_of_data(struct node *node)
{
    bool has_new_link = pass_take_link(&node->pass);
    if (node->cluster != NULL && (has_new_link || cluster_awaits_offset(node->cluster))) {
        cluster_side_status(node);
    }
}

void node_end_pass(struct node *node)
{
    batch_run(node);
    waiting_on_time(node);
    serve_in_pass(node);
    ending_step(node);
    run_resumed(node);
    cluster_side_tick(node);
    migrate_tick(node);
    move_source_tick(node);
    move_side_run(node);
    lending_tick(node);
    copy_owners_tick(node);
    hot_copies_tick(node);
    cluster_side_announce(node);
    replica_side_tick(node);
    node_go_back_when_wanted(node);
    tell_cluster_of_data(node);
    upkeep_run(node);
    run_slices(node);
    sync_side_in_pass(node);
    lending_in_pass(node);
    append_get_ack(node);
    upkeep_trim_long_log(node);
    sync_file_send(node);
    primary_fill(node);
    disk_log_run(node);
    disk_pressure_run(node);
    disk_base_run(node);
    notify_tell(node, &node->notify);
    invalidation_tell(node);
    release_run(node);
}

void node_pass_over(struct node *node, struct mono_time now)
{
    slow_end_pass(node, now);
}

struct mono_time node_wake_at(const struct node *node)
{
    struct mono_time at = upkeep_wake_at(node);

    if (node->pass.has_work || !list_is_empty(&node->holds.resumed)) {
        return node->now.mono;
    }
    at = mono_earlier(at, machine_wake_at(&node->upstream.machine));
    if (node->cluster != NULL) {
        at = mono_earlier(at, machine_wake_at(&node->cluster_side.machine));
    }
    at = mono_earlier(at, mono_earlier(migrate_wake_at(node), holds_next_deadline(&node->holds)));
    at = mono_earlier(at, mono_earlier(move_source_wake_at(node), move_side_wake_at(node)));
    at = mono_earlier(at, mono_earlier(lending_wake_at(node), copy_owners_wake_at(node)));
    at = mono_earlier(at, copy_lapses_wake_at(node));
    at = mono_earlier(at, hot_copies_wake_at(node));
    at = mono_earlier(at, ending_wake_at(node));
    at = mono_earlier(at, mono_earlier(disk_log_wake_at(node), disk_base_wake_at(node)));
    return mono_earlier(at, node->pauses.until);
}

/* ---- sessions --------------------------------------------------------------------------------- */

struct session *node_session_open(struct node *node, const struct session_peer *peer,
                                  const char **refusal)
{
    struct session *s;
    const char *reason = NULL;

    ASSERT(!node->life.is_freeing);
    timing_make_stale(&node->timing);
    counters_connection(&node->counters);
    if (node->sessions.count >= (size_t)node->config.maxclients) {
        reason = "-ERR max number of clients reached\r\n";
    } else if (node->config.protected_mode && acl_is_open(&node->users.acl) && !peer->is_loopback &&
               !peer->is_unix) {
        reason = "-DENIED Starling is running in protected mode because protected mode is enabled "
                 "and no password is set for the default user. In this mode connections are only "
                 "accepted from the loopback interface. Set a password (requirepass), or disable "
                 "protected mode (protected-mode no) if the network is trusted.\r\n";
    }
    if (reason != NULL) {
        counters_rejected_connection(&node->counters);
        if (refusal != NULL) {
            *refusal = reason;
        }
        return NULL;
    }
    s = session_new(&node->sessions, peer, node->now.mono);
    s->flags |= peer->is_unix ? SESSION_UNIX : 0;
    users_log_out(node, s);
    return s;
}

void node_session_input(struct node *node, struct session *s, struct bytes input)
{
    pass_note_input(&node->pass);
    counters_read(&node->counters, input.len);
    s->bytes_in += input.len;
    if (UNLIKELY(s->feed != NULL)) {
        feed_heard(s->feed, node->now.mono);
    }
    batch_take_input(node, s, input);
}

bool node_session_wants_input(const struct node *node, const struct session *s)
{
    (void)node;
    return !session_is_closing(s) &&
           ((s->flags & SESSION_HELD) == 0 || input_pending(&s->input) <= HELD_INPUT_BYTES);
}

bool node_may_write(const struct node *node)
{
    return release_may_write(node);
}

void node_session_withhold(struct node *node, struct session *s)
{
    release_withhold(node, s);
}

void node_session_written(struct node *node, struct session *s, size_t len)
{
    timing_make_stale(&node->timing);
    session_output_done(&node->sessions, s, len);
    counters_write(&node->counters, len);
    if (UNLIKELY(s->hold.kind == HOLD_OUTPUT) && session_output_pending(s) < OUTPUT_LOW_BYTES) {
        waiting_release(node, s);
    }
    if (UNLIKELY(s->flags & SESSION_REPLICA)) {
        primary_session_written(node, s, len);
    }
}

void node_session_closed(struct node *node, struct session *s)
{
    ASSERT(!(s->flags & SESSION_CLOSED));
    if (!node->life.is_freeing) {
        batch_run(node);
    }
    timing_make_stale(&node->timing);
    s->flags |= SESSION_CLOSED;
    blocked_end(node, s);
    hold_forget(&node->holds, s);
    move_source_session_closed(node, s);
    lending_session_closed(node, s);
    primary_session_closed(node, s);
    upkeep_forget_session(node, s);
    release_forget(node, s);
    migrate_forget(node, s);
    memory_limit_forget_client(node, s);
    publish_leave(node, s);
    monitor_end(node, s);
    watching_leave(node, s);
    invalidation_end(node, s);
    session_free(&node->sessions, s);
}

/* ---- links and files -------------------------------------------------------------------------- */

void node_link_accepted(struct node *node, uint64_t link, const char *peer_ip)
{
    ASSERT(node->cluster != NULL);
    ASSERT(link >= ENV_LINK_INCOMING);
    bus_links_accept(node, link, peer_ip);
}

bool node_link_is_proven(const struct node *node, uint64_t link)
{
    ASSERT(node->cluster != NULL);
    return cluster_side_link_is_proven(node, link);
}

void node_link_up(struct node *node, uint64_t link, const char *local_ip)
{
    ASSERT(link != 0 && link < ENV_LINK_INCOMING);
    timing_make_stale(&node->timing);
    if (link == node->upstream.link) {
        replica_side_link_up(node);
    } else if (!migrate_link_up(node, link) && !move_side_link_up(node, link) &&
               !copy_owners_link_up(node, link) && node->cluster != NULL) {
        cluster_side_link_up(node, link, local_ip);
    }
}

void node_link_input(struct node *node, uint64_t link, struct bytes input)
{
    ASSERT(link != 0);
    timing_make_stale(&node->timing);
    if (link == node->upstream.link) {
        replica_side_link_input(node, input);
    } else if (!migrate_link_input(node, link, input) && !move_side_link_input(node, link, input) &&
               !copy_owners_link_input(node, link, input) && node->cluster != NULL) {
        cluster_side_link_input(node, link, input);
    }
}

void node_link_down(struct node *node, uint64_t link, const char *reason)
{
    ASSERT(link != 0);
    timing_make_stale(&node->timing);
    if (link == node->upstream.link) {
        replica_side_link_down(node, reason);
    } else if (!migrate_link_down(node, link) && !move_side_link_down(node, link, reason) &&
               !copy_owners_link_down(node, link) && node->cluster != NULL) {
        cluster_side_link_down(node, link, reason);
    }
}

static void config_written(struct node *node, bool is_ok, const struct errmsg *error)
{
    ASSERT(!files_is_writing(node, FILE_CONFIG));
    node_log(node, is_ok ? LOG_NOTICE : LOG_WARNING, "CONFIG REWRITE: %s",
             is_ok ? "the file was written" : error->text);
    waiting_on_file(node, HOLD_CONFIG,
                    is_ok ? NULL : "Rewriting config file failed, see the server's log");
}

/* Those whose replies depend on the disk are looked at again; the others when the pass ends. */
static void log_done(struct node *node)
{
    waiting_on_acks(node);
    replica_side_synced(node);
    pass_note_work(&node->pass);
}

void node_file_synced(struct node *node, uint64_t file, uint64_t durable_bytes)
{
    timing_make_stale(&node->timing);
    if (disk_log_synced(node, file, durable_bytes)) {
        log_done(node);
    }
}

void node_file_done(struct node *node, uint64_t file, bool is_ok, const struct errmsg *error)
{
    enum file_kind kind;

    ASSERT(is_ok || error != NULL);
    timing_make_stale(&node->timing);
    if (disk_log_file_done(node, file, is_ok, error) ||
        log_retention_removed(node, file, is_ok, error)) {
        return;
    }
    kind = files_take(node, file);
    if (is_ok && kind != FILE_KIND_COUNT) {
        slow_note_work(node, LATENCY_FILE_SYNC,
                       (node->now.mono.us - node->files.committed_at[kind].us) * 1000);
    }
    switch (kind) {
    case FILE_SAVE:
        saving_file_done(node, is_ok, error);
        tell_saved(node);
        break;
    case FILE_SYNC_PAYLOAD:
        sync_file_done(node, is_ok, error);
        break;
    case FILE_NODES:
        cluster_side_file_done(node, is_ok, error);
        break;
    case FILE_CONFIG:
        config_written(node, is_ok, error);
        break;
    case FILE_ACL:
        users_saved(node, is_ok, error);
        break;
    case FILE_MANIFEST:
        disk_base_file_done(node, is_ok, error);
        log_done(node); /* it may be one that can be recovered only now */
        break;
    case FILE_KIND_COUNT:
        break; /* given up meanwhile */
    }
}

/* ---- what the process asks for ---------------------------------------------------------------- */

void node_shutdown(struct node *node, bool is_interrupt)
{
    ending_signalled(node, is_interrupt);
}

void node_take_config(struct node *node, struct config *next)
{
    struct config old = node->config;

    node->config = *next;
    *next = old;
    ASSERT(next->cluster_enabled == node->config.cluster_enabled);
    ASSERT(next->databases == node->config.databases);
    replica_side_configure(node);
    batch_configure(node);
    data_configure(node);
    cluster_side_configure(node);
    invalidation_configure(node);
    notify_configure(node);
    memory_limit_configure(node, next);
    upkeep_trim_log(node);
    disk_base_configure(node);
    waiting_without_log(node);
    slow_configure(node);
    hot_side_configure(node);
    slot_report_configure(node);
    hot_copies_configure(node);
    users_configure(node);
}

void node_reset_stats(struct node *node)
{
    counters_init(&node->counters, node->now.mono);
    upkeep_reset_stats(node);
    memory_limit_reset_stats(node);
    timing_reset_stats(&node->timing);
    slot_usage_reset(&node->slot_usage);
}

struct session *node_any_session(struct node *node)
{
    if (list_is_empty(&node->sessions.all)) {
        return NULL;
    }
    return CONTAINER_OF(node->sessions.all.next, struct session, all);
}

bool node_needs_folder(const struct node *node)
{
    return load_is_at_start(&node->loading) || node->sync_file.phase != SYNC_FILE_NONE ||
           disk_log_is_on(&node->disk_log);
}

const struct config *node_config(const struct node *node)
{
    return &node->config;
}

/* ---- what is told about it ---------------------------------------------------------------------- */

void node_describe(struct node *node, struct buf *out)
{
    node->controls->describe(node, out);
}

void node_write_metrics(struct node *node, struct buf *out)
{
    if (node->controls->write_metrics != NULL) {
        node->controls->write_metrics(node, out);
    }
}

/* ---- for tests and the simulator -------------------------------------------------------------- */

void node_check(const struct node *node)
{
    data_check_keyspaces(node);
    journal_check(node);
    replicas_check(node);
    files_check(node);
    image_check(node);
    apply_check(node);
    counters_check(&node->counters, node->now.mono);
    waiting_check(node);
    blocked_check(node);
    watching_check(node);
    invalidation_check(node);
    notify_check(node);
    load_check(node);
    batch_check(node);
    hot_side_check(node);
    holds_check(&node->holds);
    session_table_check(&node->sessions);
    saving_check(node);
    disk_log_check(node);
    disk_pressure_check(node);
    disk_base_check(node);
    release_check(node);
    sync_side_check(node);
    lending_check(node);
    copy_owners_check(node);
    hot_askers_check(node);
    sync_file_check(node);
    primary_check(node);
    replica_side_check(node);
    node_check_role(node);
    cluster_side_check(node);
    bus_links_check(node);
    slot_cleaning_check(node);
    migrate_check(node);
    move_image_check(node);
    move_source_check(node);
    move_side_check(node);
    upkeep_check(node);
    memory_limit_check(node);
    own_expiry_check(node);
    publish_check(node);
    users_check(node);
    monitor_check(node);
    reload_check(node);
    ending_check(node);
}
