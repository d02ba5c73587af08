/* SPDX-License-Identifier: MIT */
/* Disks that are full, broken or hang, and folders that are lost, older than they were, or in two places. */
#include "tests/sim/faults.h"

#include "cluster/report.h"
#include "cluster/state.h"
#include "node/inside.h"

#define NODES_FILE "nodes.conf"

static bool is_data(const struct disk_file *file)
{
    return strcmp(file->name, NODES_FILE) != 0;
}

/* ---- a disk that does not do what it is asked to ------------------------------------------------ */

static void end_fault(struct world *world, struct sim_event *event)
{
    world->nodes[event->node].disk.fault = DISK_WELL;
}

static void set_fault(struct world *world, int node, enum disk_fault fault, const char *name)
{
    int64_t ms = fault_ms(world, 100, 3000);

    if (world->nodes[node].node != NULL) {
        fault_note(world, name, node, ms);
        world->nodes[node].disk.fault = fault;
        fault_later(world, node, ms, end_fault);
    }
}

void fault_full_disk(struct world *world, int node)
{
    set_fault(world, node, DISK_FULL, "full disk of");
}

void fault_broken_disk(struct world *world, int node)
{
    set_fault(world, node, DISK_BROKEN, "broken disk of");
}

void fault_hung_disk(struct world *world, int node)
{
    int64_t ms = fault_ms(world, 100, 4000);

    fault_note(world, "hung disk of", node, ms);
    world->nodes[node].disk_hangs_until_us = world->now_us + ms * 1000;
}

/* ---- folders -------------------------------------------------------------------------------------- */

static void drop_files(struct disk *disk, bool all)
{
    for (size_t i = disk->files.count; i-- > 0;) {
        if (all || is_data(&disk->files.items[i])) {
            buf_deinit(&disk->files.items[i].content);
            VEC_REMOVE_AT(&disk->files, i);
        }
    }
    if (all) {
        disk->fault = DISK_WELL; /* there is room again */
    }
}

static void copy_files(struct disk *to, const struct disk *from, bool all)
{
    for (size_t i = 0; i < from->files.count; i++) {
        struct disk_file file = from->files.items[i];

        if (all || is_data(&file)) {
            file.content = (struct buf){0};
            buf_append_bytes(&file.content, buf_bytes(&from->files.items[i].content));
            VEC_PUSH(&to->files, file);
        }
    }
}

void fault_lost_data(struct world *world, int node)
{
    if (fault_cut_power(world, node, fault_ms(world, 20, 3000))) {
        fault_note(world, "without its data comes back", node, 0);
        drop_files(&world->nodes[node].disk, false);
        /* It is another disk: where there never was a log and none can be begun, no node starts. */
        world->nodes[node].disk.fault = DISK_WELL;
    }
}

/* A replica follows anew, and what it is sent comes so late that clients do not wait for it. */
void fault_late_snapshot(struct world *world, int node)
{
    int replica = fault_choose(world, check_replicas_of(world, node));

    if (replica >= 0) {
        network_hold_snapshot(world, node, replica, fault_ms(world, 200, 900));
        fault_lost_data(world, replica);
    }
}

/* What there is now of the data comes back when it fails. */
static void put_back_older(struct world *world, struct sim_event *event)
{
    struct sim_node *n = &world->nodes[event->node];

    if (n->kept.files.count > 0 && !n->is_clone && !world->has_healed &&
        fault_cut_power(world, event->node, fault_ms(world, 20, 2000))) {
        fault_note(world, "with older data comes back", event->node, 0);
        drop_files(&n->disk, false);
        copy_files(&n->disk, &n->kept, false);
    }
    if (!n->is_clone) {
        drop_files(&n->kept, true);
    }
}

void fault_older_data(struct world *world, int node)
{
    struct sim_node *n = &world->nodes[node];

    if (n->node != NULL && n->kept.files.count == 0) {
        copy_files(&n->kept, &n->disk, true);
        fault_later(world, node, fault_ms(world, 500, 4000), put_back_older);
    }
}

/* It comes back as somebody whom nobody knows; the operator lets it in (operator_mend). */
void fault_lost_folder(struct world *world, int node)
{
    struct sim_node *n = &world->nodes[node];

    /* More at a time could be a majority of the council, or all of a shard: that is for the operator to decide. */
    if (!world->has_lost_folder && n->node != NULL && cluster_is_replica(n->node->cluster) &&
        fault_cut_power(world, node, fault_ms(world, 20, 2000))) {
        world->has_lost_folder = true;
        fault_note(world, "without anything comes back", node, 0);
        drop_files(&world->nodes[node].disk, true);
    }
}

/* ---- one folder at two machines ------------------------------------------------------------------- */

void fault_mend_disk(struct world *world, int node)
{
    struct sim_node *n = &world->nodes[node];

    n->disk.fault = DISK_WELL;
    if (n->is_clone) {
        drop_files(&n->disk, true);
        copy_files(&n->disk, &n->kept, true);
        drop_files(&n->kept, true);
        n->is_clone = false;
    }
}

/* The one that was copied is started again, too: its peers have heard of a later start than its own. */
void fault_end_clone(struct world *world, int node)
{
    struct sim_node *n = &world->nodes[node];

    (void)fault_cut_power(world, node, fault_ms(world, 20, 1000));
    (void)fault_cut_power(world, n->clone_of, fault_ms(world, 20, 1000));
    fault_mend_disk(world, node);
}

static void end_clone(struct world *world, struct sim_event *event)
{
    if (world->nodes[event->node].is_clone) {
        fault_end_clone(world, event->node);
    }
}

/* A member of the council that is there twice can decide twice when its two ends meet different others (docs/cluster.md). */
static bool can_be_cloned(const struct world *world, int node)
{
    const struct sim_node *n = &world->nodes[node];

    return n->node != NULL && !n->is_clone && !council_is_member(n->node->cluster->council);
}

/* The machine of node starts with a copy of another one's folder, while that one runs. */
void fault_clone(struct world *world, int node)
{
    struct sim_node *n = &world->nodes[node];
    int other = fault_other(world, node);

    if (n->kept.files.count > 0 || !can_be_cloned(world, other) ||
        !fault_cut_power(world, node, 50)) {
        return;
    }
    fault_note(world, "with a copy of another one's folder comes back", node, other);
    copy_files(&n->kept, &n->disk, true);
    drop_files(&n->disk, true);
    copy_files(&n->disk, &world->nodes[other].disk, true);
    n->is_clone = true;
    n->clone_of = other;
    world->has_clones = true;
    fault_later(world, node, fault_ms(world, 500, 4000), end_clone);
}
