/* SPDX-License-Identifier: MIT */
#include "tests/unit/server/cluster/core.h"

#include "base/assert.h"
#include "spec/slot.h"

#include <string.h>

enum {
    FILES_MAX = 8,
    TICK_MS = 60,
};

struct core core_new_with(const char *file, const struct cluster_settings *settings)
{
    struct core core = {.now = {.us = 1000000}};
    struct cluster_options options = {
        .settings = *settings,
        .node_id = CORE_ID,
        .seed = 7,
        .nodes_file = bytes_from_text(file),
    };

    core.cluster = cluster_new(&options, core.now, &core.error);
    return core;
}

struct core core_new(const char *file)
{
    struct cluster_settings settings = CLUSTER_SETTINGS_DEFAULT;

    return core_new_with(file, &settings);
}

void core_deinit(struct core *core)
{
    cluster_free(core->cluster);
    actions_deinit(&core->actions);
}

struct cluster_call core_call(struct core *core)
{
    return (struct cluster_call){
        .now = core->now, .actions = &core->actions, .error = &core->error};
}

void core_tick(struct core *core, int64_t ms)
{
    struct cluster_event tick = {.type = CLUSTER_EVENT_TICK};

    core->now = mono_add_ms(core->now, ms);
    actions_clear(&core->actions);
    cluster_step(core->cluster, core->now, &tick, &core->actions);
}

const struct cluster_action *core_find(const struct core *core, enum cluster_action_type type)
{
    for (size_t i = core->actions.count; i-- > 0;) {
        const struct cluster_action *action = cluster_action_at(&core->actions, i);

        if (action->type == type) {
            return action;
        }
    }
    return NULL;
}

void core_save(struct core *core)
{
    const struct cluster_action *write = core_find(core, CLUSTER_ACTION_WRITE_FILE);

    if (write != NULL) {
        struct cluster_event event = {.type = CLUSTER_EVENT_FILE_WRITTEN,
                                      .sequence = write->sequence};

        cluster_step(core->cluster, core->now, &event, &core->actions);
    }
}

/* A change of the record takes three files: a round is reserved, promised, accepted. */
void core_settle(struct core *core)
{
    struct cluster_status status = {.is_data_complete = true};
    struct cluster_event event = {.type = CLUSTER_EVENT_STATUS, .status = &status};

    memset(status.history.text, 'h', HISTORY_ID_LEN);
    core_save(core);
    cluster_step(core->cluster, core->now, &event, &core->actions);
    for (int i = 0; i < FILES_MAX; i++) {
        core_save(core);
    }
    core_tick(core, TICK_MS);
    for (int i = 0; i < FILES_MAX; i++) {
        core_save(core);
    }
}

bool core_tells(const struct core *core, const char *line)
{
    struct buf info = {0};
    struct buf wanted = {0};
    bool is_there;

    buf_append_text(&info, "\r\n");
    cluster_format_info(core->cluster, core->now, &info);
    buf_printf(&wanted, "\r\n%s\r\n", line);
    is_there = strstr(buf_text(&info), buf_text(&wanted)) != NULL;
    buf_deinit(&info);
    buf_deinit(&wanted);
    return is_there;
}

void core_own_everything(struct core *core)
{
    uint16_t slots[SLOT_COUNT];
    struct cluster_call call = core_call(core);

    for (size_t i = 0; i < SLOT_COUNT; i++) {
        slots[i] = (uint16_t)i;
    }
    ASSERT(cluster_add_slots(core->cluster, &call, slots, SLOT_COUNT));
    core_settle(core);
}
