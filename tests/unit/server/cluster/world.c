/* SPDX-License-Identifier: MIT */
/* The clock and the disks of the cluster tests, and what becomes of what members decide. */
#include "tests/unit/server/cluster/world.h"

#include "cluster/message.h"
#include "cluster/state.h"

#include "base/assert.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BASE_PORT = 7000,
    BASE_BUS_PORT = 17000,
    STATUS_PERIOD_MS = 20,
};

uint16_t world_first_slot(int primary)
{
    return (uint16_t)(primary * SLOT_COUNT / WORLD_SHARDS);
}

static void take_message(struct member *m, struct bytes whole)
{
    struct bytes channel;
    struct bytes message;

    cluster_message_split(whole, &channel, &message);
    buf_append_bytes(&m->messages, channel);
    buf_append_byte(&m->messages, '=');
    buf_append_bytes(&m->messages, message);
    buf_append_byte(&m->messages, ' ');
}

static void write_file(struct world *w, int member)
{
    struct member *m = &w->members[member];
    struct cluster_event written = {.type = CLUSTER_EVENT_FILE_WRITTEN,
                                    .sequence = m->sequence_waiting};

    if (m->is_disk_stuck || m->sequence_waiting == 0 || !mono_is_due(m->file_due_at, w->now)) {
        return;
    }
    buf_clear(&m->file);
    buf_append_bytes(&m->file, buf_bytes(&m->file_waiting));
    m->sequence_waiting = 0;
    world_step(w, member, &written);
}

static int find_member(const struct world *w, const struct cluster_id *id)
{
    for (int i = 0; i < w->count; i++) {
        if (cluster_id_equal(&w->members[i].id, id)) {
            return i;
        }
    }
    return NOBODY;
}

/* The same question is asked again and again, and the answer is the same. */
static bool is_repeated(const struct member *m, struct bytes line)
{
    return memmem(line.data, line.len, "is not to take over", strlen("is not to take over")) !=
               NULL &&
           memmem(m->told.data, m->told.len, line.data, line.len) != NULL;
}

/* Ids are drawn at random: tell whose they are. */
static void take_down(struct world *w, int member, struct bytes line)
{
    struct member *m = &w->members[member];
    struct buf said = {0};

    while (line.len > 0) {
        struct cluster_id id;
        int whose = NOBODY;

        if (cluster_id_parse(bytes_prefix(line, CLUSTER_ID_LEN), &id)) {
            whose = find_member(w, &id);
        }
        if (whose != NOBODY) {
            buf_printf(&said, "<%d>", whose);
        } else {
            buf_append_byte(&said, line.data[0]);
        }
        line = bytes_from(line, whose != NOBODY ? CLUSTER_ID_LEN : 1);
    }
    if (!is_repeated(m, buf_bytes(&said))) {
        buf_append_bytes(&m->told, buf_bytes(&said));
    }
    buf_deinit(&said);
}

static void take_down_action(struct world *w, int member, size_t index)
{
    struct member *m = &w->members[member];
    const struct cluster_action *action = cluster_action_at(&m->actions, index);
    struct buf line = {0};

    switch (action->type) {
    case CLUSTER_ACTION_OPEN:
    case CLUSTER_ACTION_CLOSE:
    case CLUSTER_ACTION_SEND:
    case CLUSTER_ACTION_WRITE_FILE:
    case CLUSTER_ACTION_SLOTS_CHANGED:
    case CLUSTER_ACTION_MESSAGE:
        return;
    case CLUSTER_ACTION_FOLLOW:
    case CLUSTER_ACTION_BECOME_PRIMARY:
    case CLUSTER_ACTION_STATE_CHANGED:
    case CLUSTER_ACTION_PAUSE_WRITES:
    case CLUSTER_ACTION_RESUME_WRITES:
    case CLUSTER_ACTION_DATA_COMPLETE:
        buf_append_text(&line, "-> ");
        actions_describe(&m->actions, index, &line);
        break;
    case CLUSTER_ACTION_LOG:
        buf_append_bytes(&line, cluster_action_bytes(&m->actions, action));
        buf_append_byte(&line, '\n');
        break;
    }
    if (!bytes_has_prefix(buf_bytes(&line), "link to node")) {
        take_down(w, member, buf_bytes(&line));
    }
    buf_deinit(&line);
}

static void carry_out_one(struct world *w, int member, size_t index)
{
    struct member *m = &w->members[member];
    const struct cluster_action *action = cluster_action_at(&m->actions, index);

    take_down_action(w, member, index);
    switch (action->type) {
    case CLUSTER_ACTION_OPEN:
        world_open(w, member, action);
        break;
    case CLUSTER_ACTION_CLOSE:
        world_close(w, member, action->link);
        break;
    case CLUSTER_ACTION_SEND:
        world_send(w, member, action);
        break;
    case CLUSTER_ACTION_WRITE_FILE:
        buf_clear(&m->file_waiting);
        buf_append_bytes(&m->file_waiting, cluster_action_bytes(&m->actions, action));
        m->sequence_waiting = action->sequence;
        m->file_due_at = mono_add_ms(w->now, w->disk_ms);
        break;
    case CLUSTER_ACTION_FOLLOW:
        m->follows = find_member(w, &action->id);
        m->status.is_link_up = false;
        m->status.is_link_broken = false;
        m->status.link_down_since = w->now;
        ASSERT(m->follows != member);
        break;
    case CLUSTER_ACTION_BECOME_PRIMARY:
        m->follows = NOBODY;
        m->promotions++;
        m->has_forked = true;
        m->status.is_data_complete = m->status.is_data_complete && !action->doubts_data;
        break;
    case CLUSTER_ACTION_STATE_CHANGED:
        m->state_changes++;
        break;
    case CLUSTER_ACTION_PAUSE_WRITES:
        m->is_write_paused = true;
        break;
    case CLUSTER_ACTION_RESUME_WRITES:
        m->is_write_paused = false;
        break;
    case CLUSTER_ACTION_MESSAGE:
        take_message(m, cluster_action_bytes(&m->actions, action));
        m->sharded += action->message_kind == MESSAGE_FOR_SHARD;
        break;
    case CLUSTER_ACTION_DATA_COMPLETE:
        m->status.is_data_complete = true;
        break;
    case CLUSTER_ACTION_SLOTS_CHANGED:
        break;
    case CLUSTER_ACTION_LOG:
        m->log_lines++;
        if (getenv("WORLD_LOG") != NULL) {
            struct bytes line = cluster_action_bytes(&m->actions, action);

            fprintf(stderr, "%6" PRId64 " node%d %.*s\n", w->now.us / 1000, member,
                    BYTES_ARGS(line));
        }
        break;
    }
}

static void begin_history(struct world *w, struct member *m)
{
    int len =
        snprintf(m->status.history.text, sizeof(m->status.history.text), "h%039u", ++w->histories);

    ASSERT(len == HISTORY_ID_LEN);
}

void world_carry_out(struct world *w, int member)
{
    struct member *m = &w->members[member];
    bool was_paused = m->is_write_paused;

    for (size_t i = 0; i < m->actions.count; i++) {
        carry_out_one(w, member, i);
    }
    m->wake_at = m->actions.wake_at;
    actions_clear(&m->actions);
    if (m->has_forked) {
        m->has_forked = false;
        lineage_add(&m->status.lineage, &m->status.history, m->status.offset);
        begin_history(w, m);
        world_set_status(w, member);
    }
    if (!was_paused && m->is_write_paused) {
        world_set_status(w, member);
    }
    write_file(w, member);
}

void world_step(struct world *w, int member, const struct cluster_event *event)
{
    struct member *m = &w->members[member];

    cluster_step(m->core, w->now, event, &m->actions);
    world_carry_out(w, member);
}

void world_tick(struct world *w, int member)
{
    struct cluster_event tick = {.type = CLUSTER_EVENT_TICK};

    world_step(w, member, &tick);
}

void world_set_status(struct world *w, int member)
{
    struct cluster_event event = {.type = CLUSTER_EVENT_STATUS,
                                  .status = &w->members[member].status};

    world_step(w, member, &event);
}

struct cluster_call world_call(struct world *w, int member, struct errmsg *error)
{
    return (struct cluster_call){
        .now = w->now, .actions = &w->members[member].actions, .error = error};
}

bool world_set_slot(struct world *w, int member, uint16_t slot, enum cluster_setslot_kind kind,
                    int other)
{
    struct cluster_call call = world_call(w, member, NULL);
    bool is_done = cluster_set_slot(w->members[member].core, &call, slot, kind,
                                    bytes_from_text(w->members[other].id.text));

    world_carry_out(w, member);
    return is_done;
}

/* What a node would know of its replication link. */
static void follow_primary(struct world *w, int member)
{
    struct member *m = &w->members[member];
    bool is_up = m->follows == NOBODY ||
                 (world_can_talk(w, member, m->follows) && !w->members[m->follows].is_paused);

    if (m->status.is_link_up && !is_up) {
        m->status.is_link_broken = true;
        m->status.link_down_since = w->now;
    }
    m->status.is_link_up = is_up;
    m->status.is_link_broken = m->status.is_link_broken && !is_up;
    if (is_up && m->follows != NOBODY && !m->is_frozen) {
        const struct cluster_status *its = &w->members[m->follows].status;

        m->status.offset = its->offset;
        m->status.history = its->history;
        m->status.lineage = its->lineage;
    }
    world_set_status(w, member);
}

void world_run(struct world *w, int64_t ms)
{
    for (int64_t i = 0; i < ms; i++) {
        w->now = mono_add_ms(w->now, 1);
        world_deliver_due(w);
        for (int member = 0; member < w->count; member++) {
            struct member *m = &w->members[member];

            if (!m->is_running || m->is_paused) {
                continue;
            }
            write_file(w, member);
            if (w->now.us / 1000 % STATUS_PERIOD_MS == 0) {
                follow_primary(w, member);
            }
            if (mono_is_due(m->wake_at, w->now)) {
                world_set_status(w, member); /* as a node does */
                world_tick(w, member);
            }
        }
        world_check(w);
    }
}

static struct cluster_settings settings_of(const struct member *m, int member)
{
    struct cluster_settings settings = CLUSTER_SETTINGS_DEFAULT;

    settings.port = (uint16_t)(BASE_PORT + member);
    settings.bus_port = (uint16_t)(BASE_BUS_PORT + member);
    settings.announce_hostname = m->hostname;
    settings.seeds = m->seeds;
    settings.sync_replicas = m->sync_replicas;
    settings.node_timeout_ms = WORLD_TIMEOUT_MS;
    settings.secret = bytes_from_text(m->secret);
    settings.previous_secret = bytes_from_text(m->previous_secret);
    return settings;
}

void world_forbid_failover(struct world *w, int member)
{
    struct cluster_settings settings = settings_of(&w->members[member], member);
    struct errmsg error;
    bool is_ok;

    settings.replica_no_failover = true;
    is_ok = cluster_configure(w->members[member].core, &settings, &error);
    ASSERT(is_ok);
    world_tick(w, member);
}

void world_set_secrets(struct world *w, int member, const char *secret, const char *previous)
{
    struct member *m = &w->members[member];
    struct cluster_settings settings;
    struct errmsg error;
    bool is_ok;

    snprintf(m->secret, sizeof(m->secret), "%s", secret);
    snprintf(m->previous_secret, sizeof(m->previous_secret), "%s", previous);
    settings = settings_of(m, member);
    is_ok = cluster_configure(m->core, &settings, &error);
    ASSERT(is_ok);
    world_tick(w, member);
}

void world_set_sync(struct world *w, int member, int replicas)
{
    struct member *m = &w->members[member];
    struct cluster_settings settings;
    struct errmsg error;
    bool is_ok;

    m->sync_replicas = replicas;
    settings = settings_of(m, member);
    is_ok = cluster_configure(m->core, &settings, &error);
    ASSERT(is_ok);
    world_tick(w, member);
}

void world_start(struct world *w, int member)
{
    struct member *m = &w->members[member];
    struct errmsg error = {0};
    struct cluster_options options = {
        .settings = settings_of(m, member),
        .seed = ++w->seed,
        .nodes_file = buf_bytes(&m->file),
    };

    m->core = cluster_new(&options, w->now, &error);
    ASSERT(m->core != NULL);
    m->id = *cluster_my_id(m->core);
    m->is_running = true;
    m->is_paused = false;
    m->is_write_paused = false;
    m->sequence_waiting = 0;
    m->follows = NOBODY;
    m->status.is_data_complete = !m->loses_data;
    m->status.is_link_up = true;
    m->status.memory = cluster_my_start(m->core);
    m->status.sync_fact_count = 0;
    m->loses_data = false;
    world_set_status(w, member);
}

void world_kill(struct world *w, int member)
{
    struct member *m = &w->members[member];

    world_close_all(w, member);
    m->is_running = false;
    cluster_free(m->core);
    m->core = NULL;
    actions_clear(&m->actions);
}

void world_pause(struct world *w, int member)
{
    w->members[member].is_paused = true;
}

void world_resume(struct world *w, int member)
{
    w->members[member].is_paused = false;
}

static void place(struct world *w, int member)
{
    struct member *m = &w->members[member];

    snprintf(m->ip, sizeof(m->ip), "10.0.0.%d", member + 1);
    snprintf(m->hostname, sizeof(m->hostname), "node%d", member);
}

int world_copy(struct world *w, int member)
{
    const struct member *from = &w->members[member];
    struct member *copy = &w->members[w->count];

    ASSERT(w->count < WORLD_MEMBERS_MAX);
    place(w, w->count);
    copy->status = from->status;
    buf_append_bytes(&copy->file, buf_bytes(&from->file));
    world_start(w, w->count++);
    return w->count - 1;
}

struct world *world_new(int count)
{
    struct world *w = mem_alloc_zeroed(MEM_TEST, sizeof(*w));
    const char *seed = getenv("STARLING_SEED");

    ASSERT(count <= WORLD_MEMBERS_MAX);
    w->seed = seed != NULL ? strtoull(seed, NULL, 10) * 1000 : 1000;
    w->now = (struct mono_time){.us = 5000000};
    w->count = count;
    for (int i = 0; i < count; i++) {
        struct member *m = &w->members[i];

        place(w, i);
        begin_history(w, m);
        world_start(w, i);
    }
    return w;
}

void world_free(struct world *w)
{
    for (int i = 0; i < w->count; i++) {
        cluster_free(w->members[i].core);
        actions_deinit(&w->members[i].actions);
        buf_deinit(&w->members[i].file);
        buf_deinit(&w->members[i].file_waiting);
        buf_deinit(&w->members[i].told);
        buf_deinit(&w->members[i].messages);
    }
    for (size_t i = 0; i < w->deliveries.count; i++) {
        buf_deinit(&w->deliveries.items[i].frame);
    }
    VEC_DEINIT(&w->deliveries);
    VEC_DEINIT(&w->connections);
    mem_free(MEM_TEST, w);
}

static void give_slots(struct world *w, int member)
{
    struct cluster_call call = world_call(w, member, NULL);
    uint16_t slots[SLOT_COUNT];
    size_t count = 0;

    for (uint32_t slot = world_first_slot(member); slot < world_first_slot(member + 1); slot++) {
        slots[count++] = (uint16_t)slot;
    }
    ASSERT(cluster_add_slots(w->members[member].core, &call, slots, count));
    world_carry_out(w, member);
}

struct world *world_without_slots(int count)
{
    struct world *w = world_new(count);

    for (int i = 1; i < count; i++) {
        struct cluster_call call = world_call(w, 0, NULL);

        ASSERT(cluster_meet(w->members[0].core, &call, bytes_from_text(w->members[i].ip),
                            BASE_PORT + i, BASE_BUS_PORT + i));
        world_carry_out(w, 0);
    }
    world_run(w, 3 * WORLD_TIMEOUT_MS);
    return w;
}

struct world *world_three_and_three(void)
{
    return world_of_replicas(WORLD_SHARDS);
}

struct world *world_of_replicas(int replicas)
{
    struct world *w = world_new(WORLD_SHARDS + replicas);

    for (int i = 0; i < w->count; i++) {
        struct cluster_call call = world_call(w, i, NULL);

        if (i < WORLD_SHARDS) {
            ASSERT(cluster_set_config_epoch(w->members[i].core, &call, i + 1));
            world_carry_out(w, i);
            give_slots(w, i);
        }
        if (i > 0) {
            call = world_call(w, 0, NULL);
            ASSERT(cluster_meet(w->members[0].core, &call, bytes_from_text(w->members[i].ip),
                                BASE_PORT + i, BASE_BUS_PORT + i));
            world_carry_out(w, 0);
        }
    }
    world_run(w, 2000);
    for (int i = WORLD_SHARDS; i < w->count; i++) {
        struct cluster_call call = world_call(w, i, NULL);
        const struct cluster_id *id = &w->members[(i - WORLD_SHARDS) % WORLD_SHARDS].id;

        ASSERT(cluster_replicate(w->members[i].core, &call, bytes_from_text(id->text)));
        world_carry_out(w, i);
    }
    world_run(w, 2000);
    return w;
}
