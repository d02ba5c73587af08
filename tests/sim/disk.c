/* SPDX-License-Identifier: MIT */
/* When the disk of a simulated node does what it was asked to: what was committed stays, what was not is gone
 * or torn after a power cut (tests/disk/disk.h). */
#include "tests/sim/world.h"

static void on_performed(struct world *world, struct sim_event *event);

/* event->bytes are empty when all went well; event->conn has the bytes that are durable of a file that grows. */
static void tell_done(struct sim_node *n, struct sim_event *event)
{
    struct errmsg error = {0};

    if (event->conn > 0) {
        node_file_synced(n->node, event->number, event->conn);
        return;
    }
    bytes_to_text(buf_bytes(&event->bytes), error.text, sizeof(error.text));
    node_file_done(n->node, event->number, event->bytes.len == 0, &error);
}

static void on_told(struct world *world, struct sim_event *event)
{
    struct sim_node *n = &world->nodes[event->node];
    struct sim_event *later;

    if (n->node == NULL || n->life != event->life) {
        return;
    }
    if (!sim_node_runs(n)) {
        later = world_schedule(world, n->paused_until_us, on_told);
        later->node = event->node;
        later->life = event->life;
        later->number = event->number;
        later->conn = event->conn;
        later->bytes = buf_steal(&event->bytes);
        return;
    }
    sim_node_pass(world, n, tell_done, event);
}

static void on_performed(struct world *world, struct sim_event *event)
{
    struct sim_node *n = &world->nodes[event->node];
    struct fs_completion completion;

    if (n->node == NULL || n->life != event->life ||
        !disk_perform(&n->disk, event->number, &completion)) {
        return;
    }
    event->number = completion.id;
    event->conn = completion.durable_bytes;
    if (completion.status != FS_OK) {
        buf_append_bytes(&event->bytes, bytes_from_text(completion.error.text));
    }
    on_told(world, event);
}

static void on_queued(void *owner, uint64_t number)
{
    struct sim_node *n = owner;
    struct world *world = n->world;
    int64_t us = 200 + (int64_t)rng_below(&world->rng, 5000);
    int64_t *lane_at_us = &n->lane_at_us[disk_lane(&n->disk, number)];
    struct sim_event *event;

    if (rng_one_in(&world->rng, 20)) {
        us += (int64_t)rng_below(&world->rng, 200000); /* the disk is busy */
    }
    if (n->disk_hangs_until_us > world->now_us) {
        us += n->disk_hangs_until_us - world->now_us;
    }
    /* Of events at one time the one that was scheduled first runs first. */
    *lane_at_us = world->now_us + us > *lane_at_us ? world->now_us + us : *lane_at_us;
    event = world_schedule(world, *lane_at_us, on_performed);
    event->node = n->index;
    event->life = n->life;
    event->number = number;
}

void sim_disk_attach(struct sim_node *n)
{
    if (n->disk.owner == NULL) {
        disk_init(&n->disk, on_queued, n);
    }
}
