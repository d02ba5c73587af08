/* SPDX-License-Identifier: MIT */
/* Time, events, and the life of simulated processes. */
#include "tests/sim/world.h"

#include "base/assert.h"
#include "base/mem.h"
#include "control/control.h"
#include "node/inside.h"
#include "spec/slot.h"
#include "store/keyspace_state.h"

#include <stdarg.h>
#include <stdio.h>

enum {
    SIM_ARENA_BYTES = 64 * 1024 * 1024,
};

#define EVENTS_MAX    (INT64_C(1) << 32) /* in one run: the lower part of an event's key */
#define EMPTY_BYTES   (sizeof(struct keyspace) + SLOT_COUNT * sizeof(struct table))
#define UNIX_EPOCH_MS INT64_C(1700000000000)

enum {
    TIMEOUT_MS = 1000,
    FULL_BYTES = 60 * 1000, /* of data, where memory is limited */
};

struct moment sim_node_clock(const struct sim_node *n)
{
    int64_t us = n->clock_offset_us + (int64_t)((double)n->world->now_us * n->clock_rate);

    return (struct moment){.mono = {.us = us}, .unix_ms = UNIX_EPOCH_MS + n->world->now_us / 1000};
}

uint64_t world_upsets(const struct world *world)
{
    return world->takeovers + world->kills;
}

bool sim_node_runs(const struct sim_node *n)
{
    return n->node != NULL && !n->is_in_pass && n->paused_until_us <= n->world->now_us;
}

void world_fail(struct world *world, const char *format, ...)
{
    va_list args;
    int len;

    if (world->failure[0] != '\0') {
        return;
    }
    va_start(args, format);
    len = vsnprintf(world->failure, sizeof(world->failure), format, args);
    va_end(args);
    if (len > 0 && (size_t)len < sizeof(world->failure)) {
        snprintf(world->failure + len, sizeof(world->failure) - (size_t)len, " (at %.3f s)",
                 (double)world->now_us / 1e6);
    }
}

/* ---- events ----------------------------------------------------------------------------------- */

struct sim_event *world_schedule(struct world *world, int64_t at_us, sim_event_fn *run)
{
    struct sim_event *event = mem_alloc_zeroed(MEM_TEST, sizeof(*event));

    if (at_us <= world->now_us) {
        at_us = world->now_us + 1;
    }
    event->run = run;
    /* Events of one microsecond run in the order in which they were scheduled. */
    heap_push(&world->events, &event->at, at_us * EVENTS_MAX + world->sequence++);
    ASSERT(world->sequence < EVENTS_MAX);
    return event;
}

static void free_event(struct sim_event *event)
{
    buf_deinit(&event->bytes);
    mem_free(MEM_TEST, event);
}

void world_run_until(struct world *world, int64_t until_us)
{
    struct heap_node *first;

    while (world->failure[0] == '\0' && (first = heap_peek(&world->events)) != NULL &&
           first->key / EVENTS_MAX <= until_us) {
        struct sim_event *event = CONTAINER_OF(first, struct sim_event, at);

        world->now_us = first->key / EVENTS_MAX;
        heap_remove(&world->events, first);
        event->run(world, event);
        free_event(event);
    }
    if (world->failure[0] == '\0' && world->now_us < until_us) {
        world->now_us = until_us;
    }
}

/* ---- passes ----------------------------------------------------------------------------------- */

static void wake(struct world *world, struct sim_event *event)
{
    struct sim_node *n = &world->nodes[event->node];

    /* An earlier one was queued after this, and has been: otherwise each of them would be followed by others. */
    if (n->life != event->life || n->node == NULL || n->wake_event_us != world->now_us) {
        return;
    }
    n->wake_event_us = INT64_MAX;
    sim_node_pass(world, n, NULL, NULL);
}

/* The node's own clock says when; ours when that is. */
static void schedule_wake(struct world *world, struct sim_node *n)
{
    struct mono_time at = node_wake_at(n->node);
    int64_t local_now = sim_node_clock(n).mono.us;
    int64_t delay_us = at.us == INT64_MAX ? 1000000 : at.us - local_now;
    int64_t global;

    if (delay_us > 1000000) {
        delay_us = 1000000;
    }
    global = world->now_us + (delay_us > 0 ? (int64_t)((double)delay_us / n->clock_rate) + 1 : 20);
    if (global < n->paused_until_us) {
        global = n->paused_until_us;
    }
    if (global < n->wake_event_us) {
        struct sim_event *event = world_schedule(world, global, wake);

        event->node = n->index;
        event->life = n->life;
        n->wake_event_us = global;
    }
}

static void keep_bytes(struct sim_node *n, struct sim_event *event)
{
    if (event != NULL && event->bytes.len > 0) {
        VEC_PUSH(&n->pass_bytes, buf_steal(&event->bytes));
    }
}

static void drop_bytes(struct sim_node *n)
{
    for (size_t i = 0; i < n->pass_bytes.count; i++) {
        buf_deinit(&n->pass_bytes.items[i]);
    }
    n->pass_bytes.count = 0;
}

static void finish_pass(struct world *world, struct sim_node *n)
{
    network_flush_sessions(world, n);
    check_after_pass(world, n);
    drop_bytes(n);
    if (n->has_asked_to_exit && n->may_exit) {
        fault_on_exit(world, n->index);
    } else if (n->has_asked_to_exit) {
        world_fail(world, "node %d ended by itself", n->index);
    } else {
        schedule_wake(world, n);
    }
}

static void end_pass(struct world *world, struct sim_node *n)
{
    node_end_pass(n->node);
    check_lines(world, n); /* before it counts as the one that serves */
    (void)shared_note_reigns(world, n);
    shared_note_executed(world, n);
}

static void go_on(struct world *world, struct sim_event *event)
{
    struct sim_node *n = &world->nodes[event->node];

    if (n->life != event->life || n->node == NULL) {
        return;
    }
    n->is_in_pass = false;
    if (!n->is_flush_due) {
        end_pass(world, n);
    }
    finish_pass(world, n);
}

static struct sim_event *stand_still(struct world *world, struct sim_node *n, sim_event_fn *then)
{
    struct sim_event *later;

    n->is_in_pass = true;
    n->paused_until_us = world->now_us + n->stop_ms * 1000;
    n->stop_ms = 0;
    later = world_schedule(world, n->paused_until_us, then);
    later->node = n->index;
    later->life = n->life;
    return later;
}

/* The process stands still in the midst of a pass: before its commands are executed, or before what they said is written. */
static void stop(struct world *world, struct sim_node *n, struct sim_event *event)
{
    n->is_flush_due = rng_one_in(&world->rng, 2);
    if (n->is_flush_due) {
        end_pass(world, n);
    }
    keep_bytes(n, event);
    (void)stand_still(world, n, go_on);
}

void sim_node_close_pass(struct world *world, struct sim_node *n)
{
    if (n->is_pass_open) {
        n->is_pass_open = false;
        end_pass(world, n);
        finish_pass(world, n);
    }
}

static void close_pass(struct world *world, struct sim_event *event)
{
    struct sim_node *n = &world->nodes[event->node];

    if (n->life == event->life && n->node != NULL) {
        sim_node_close_pass(world, n);
    }
}

/* What came while it stood still is at the sockets now, and read in the same pass. */
static void read_on(struct world *world, struct sim_event *event)
{
    struct sim_node *n = &world->nodes[event->node];
    struct sim_event *later;

    if (n->life != event->life || n->node == NULL) {
        return;
    }
    n->is_in_pass = false;
    n->is_pass_open = true;
    n->held_deliver(n, event);
    keep_bytes(n, event);
    later = world_schedule(world, world->now_us, close_pass);
    later->node = n->index;
    later->life = n->life;
}

/* It stands still before it reads what it was woken for. */
static void stop_before_reading(struct world *world, struct sim_node *n,
                                void (*deliver)(struct sim_node *n, struct sim_event *event),
                                struct sim_event *event)
{
    struct sim_event *later = stand_still(world, n, read_on);

    n->held_deliver = deliver;
    if (n->word != SIM_WORD_NONE) {
        last_word_await(world, n);
    }
    later->conn = event->conn;
    later->to_end = event->to_end;
    later->number = event->number;
    later->bytes = buf_steal(&event->bytes);
}

void sim_node_pass(struct world *world, struct sim_node *n,
                   void (*deliver)(struct sim_node *n, struct sim_event *event),
                   struct sim_event *event)
{
    if (!sim_node_runs(n)) {
        if (n->node != NULL) {
            schedule_wake(world, n);
        }
        return;
    }
    if (n->is_pass_open) {
        if (deliver != NULL) {
            deliver(n, event);
            keep_bytes(n, event);
        }
        return;
    }
    n->pass_began_us = world->now_us;
    n->served_at_start = shared_note_reigns(world, n);
    n->lease_end_us = cluster_lease_end(n->node->cluster, sim_node_clock(n).mono).us;
    node_begin_pass(n->node, sim_node_clock(n));
    if (deliver != NULL && event != NULL && n->stop_ms > 0 &&
        (n->word != SIM_WORD_NONE || rng_one_in(&world->rng, 3))) {
        stop_before_reading(world, n, deliver, event);
        return;
    }
    if (deliver != NULL) {
        deliver(n, event);
        if (n->stop_ms > 0 && event != NULL) {
            stop(world, n, event);
            return;
        }
    }
    end_pass(world, n);
    finish_pass(world, n);
}

/* ---- processes -------------------------------------------------------------------------------- */

static void env_exit(void *context, int code)
{
    struct sim_node *n = context;

    (void)code;
    n->has_asked_to_exit = true;
}

static size_t env_resident_bytes(void *context)
{
    (void)context;
    return 0;
}

static void env_memory(void *context, struct env_memory *out)
{
    (void)context;
    *out = (struct env_memory){0};
}

static void env_release_memory(void *context)
{
    (void)context;
}

static struct moment env_now(void *context)
{
    return sim_node_clock(context);
}

static int64_t env_mono_ns(void *context)
{
    return sim_node_clock(context).mono.us * 1000;
}

static void set(struct config *config, const char *name, const char *value)
{
    struct errmsg error;
    bool is_set = config_set(config, name, bytes_from_text(value), CONFIG_FROM_START, &error);

    ASSERT(is_set);
}

void sim_node_start(struct world *world, int index)
{
    struct sim_node *n = &world->nodes[index];
    struct config config;
    struct errmsg error = {0};
    char timeout[24];
    static const enum memory_policy policies[] = {POLICY_VOLATILE_LRU, POLICY_VOLATILE_LFU,
                                                  POLICY_VOLATILE_RANDOM, POLICY_VOLATILE_TTL};
    struct node_options options = {
        .config = &config, .env = &n->env, .controls = &control_table, .now = sim_node_clock(n)};

    ASSERT(n->node == NULL);
    n->life++;
    for (int c = 0; c < world->options.clients; c++) {
        world->clients[c].copies_read[n->index] = 0; /* it counts anew */
    }
    n->links.count = 0;
    n->wake_event_us = INT64_MAX;
    n->paused_until_us = 0;
    n->was_replica = false;
    n->has_asked_to_exit = false;
    n->started_us = world->now_us;
    n->may_have_old_keys = true;
    n->may_exit = false;
    n->stop_ms = 0;
    n->word = SIM_WORD_NONE;
    memset(n->lane_at_us, 0, sizeof(n->lane_at_us));
    n->env = (struct env){
        .context = n,
        .logger = &n->logger,
        .fs = &n->disk.fs,
        .now = env_now,
        .mono_ns = env_mono_ns,
        .exit = env_exit,
        .resident_bytes = env_resident_bytes,
        .memory = env_memory,
        .release_memory = env_release_memory,
    };
    network_attach_env(n);
    sim_disk_attach(n);
    config_init(&config);
    set(&config, "port", "7000");
    set(&config, "cluster-port", "17000");
    set(&config, "cluster-enabled", "yes");
    set(&config, "cluster-secret", world->options.has_secret ? "simulated" : "");
    set(&config, "save", rng_one_in(&world->rng, 2) ? "1 1" : "");
    set(&config, "repl-timeout", "5");
    set(&config, "sync-replicas",
        world->options.sync_replicas == 2   ? "2"
        : world->options.sync_replicas == 1 ? "1"
                                            : "0");
    set(&config, "sync-timeout", "300");
    set(&config, "hot-copies", world->options.has_copies ? "auto" : "off");
    set(&config, "hot-copies-min-rate", "5");
    set(&config, "hot-copies-min-busy", "0");
    snprintf(timeout, sizeof(timeout), "%lld", (long long)n->timeout_ms);
    set(&config, "cluster-node-timeout", timeout);
    options.seed = rng_u64(&world->rng);
    options.pid = (uint64_t)index + 1;
    options.arena_bytes = SIM_ARENA_BYTES;
    n->node = node_new(&options, &error);
    if (n->node != NULL && world->options.is_memory_limited) {
        n->node->config.maxmemory = EMPTY_BYTES + FULL_BYTES;
        n->node->config.maxmemory_policy = policies[rng_below(&world->rng, ARRAY_COUNT(policies))];
    }
    if (n->node == NULL) {
        config_deinit(&config);
        world_fail(world, "node %d does not start: %s", index, error.text);
        return;
    }
    schedule_wake(world, n);
}

void sim_node_kill(struct world *world, int index, bool is_power_cut)
{
    struct sim_node *n = &world->nodes[index];

    if (n->node == NULL) {
        return;
    }
    network_node_died(world, index);
    if (is_power_cut) {
        disk_power_cut(&n->disk, &world->rng);
    } else {
        disk_kill(&n->disk, &world->rng);
    }
    world->evicted += n->node->counters.evicted_keys;
    node_free(n->node);
    n->node = NULL;
    n->life++;
    n->links.count = 0;
    n->touched_count = 0;
    n->is_in_pass = false;
    n->is_pass_open = false;
    drop_bytes(n);
    world->kills++;
}

void sim_node_pause(struct world *world, int index, int64_t for_ms)
{
    struct sim_node *n = &world->nodes[index];

    if (sim_node_runs(n)) {
        n->paused_until_us = world->now_us + for_ms * 1000;
        n->wake_event_us = INT64_MAX;
        schedule_wake(world, n);
        world->pauses++;
    }
}

/* ---- the world -------------------------------------------------------------------------------- */

static void print_line(void *context, enum log_level level, const char *line)
{
    struct sim_node *n = context;

    (void)level;
    printf("%10.4f  node %d: %s\n", (double)n->world->now_us / 1e6, n->index, line);
}

void world_init(struct world *world, const struct sim_options *options)
{
    *world = (struct world){.options = *options, .next_conn = 1};
    rng_init(&world->rng, options->seed);
    world->faults_left_out = rng_u64(&world->rng);
    world->node_count = options->primaries * (1 + options->replicas_each);
    ASSERT(world->node_count <= SIM_NODES_MAX && options->clients <= SIM_CLIENTS_MAX);
    world->spare_slot = check_find_spare_slot(world);
    moves_init(world);
    for (int i = 0; i < world->node_count; i++) {
        struct sim_node *n = &world->nodes[i];

        n->world = world;
        n->index = i;
        n->clock_rate = 1.0 + ((double)rng_below(&world->rng, 2001) - 1000.0) / 100000.0;
        world->address[i] = i;
        n->timeout_ms = TIMEOUT_MS;
        if (options->has_unequal_timeouts) {
            n->timeout_ms = TIMEOUT_MS / 2 + (int64_t)rng_below(&world->rng, TIMEOUT_MS);
        }
        n->clock_offset_us = (int64_t)rng_below(&world->rng, 1000000000) + 1000000;
        n->logger = (struct logger){
            .threshold = options->is_verbose ? LOG_DEBUG : (enum log_level)(LOG_WARNING + 1),
            .sink = print_line,
            .sink_context = n,
        };
        sim_node_start(world, i);
    }
}

void world_deinit(struct world *world)
{
    for (int i = 0; i < world->node_count; i++) {
        struct sim_node *n = &world->nodes[i];

        if (n->node != NULL) {
            node_free(n->node);
        }
        disk_deinit(&n->disk);
        disk_deinit(&n->kept);
        drop_bytes(n);
        VEC_DEINIT(&n->pass_bytes);
        VEC_DEINIT(&n->links);
        mem_free(MEM_BASE, n->touched);
    }
    for (struct heap_node *first; (first = heap_peek(&world->events)) != NULL;) {
        heap_remove(&world->events, first);
        free_event(CONTAINER_OF(first, struct sim_event, at));
    }
    heap_deinit(&world->events);
    for (size_t i = 0; i < world->conn_count; i++) {
        mem_free(MEM_TEST, world->conns[i]);
    }
    mem_free(MEM_BASE, world->conns);
    mem_free(MEM_BASE, world->claims);
    VEC_DEINIT(&world->forks);
    for (int i = 0; i < SIM_CLIENTS_MAX; i++) {
        buf_deinit(&world->clients[i].in);
    }
    for (size_t i = 0; i < SIM_RECORDS; i++) {
        buf_deinit(&world->records[i].bytes);
    }
    readers_deinit(world);
    shared_deinit(world);
}
