/* SPDX-License-Identifier: MIT */
/* A disk: what was committed stays, what was not is gone after a power cut; a commit under way
 * has either happened or not. */
#include "tests/sim/world.h"

#include "base/assert.h"
#include "base/mem.h"

#include <stdio.h>

static struct sim_file *find_file(struct sim_node *n, const char *name)
{
    for (int i = 0; i < SIM_FILES_MAX; i++) {
        if (n->files[i].exists && strcmp(n->files[i].name, name) == 0) {
            return &n->files[i];
        }
    }
    return NULL;
}

static struct sim_file *make_file(struct sim_node *n, const char *name)
{
    struct sim_file *file = find_file(n, name);

    for (int i = 0; file == NULL && i < SIM_FILES_MAX; i++) {
        if (!n->files[i].exists) {
            file = &n->files[i];
            file->exists = true;
            snprintf(file->name, sizeof(file->name), "%s", name);
        }
    }
    ASSERT(file != NULL);
    return file;
}

static struct sim_write *find_write(struct sim_node *n, uint64_t id)
{
    for (size_t i = 0; i < n->write_count; i++) {
        if (n->writes[i].id == id) {
            return &n->writes[i];
        }
    }
    return NULL;
}

static void forget_write(struct sim_node *n, uint64_t id)
{
    for (size_t i = 0; i < n->write_count; i++) {
        if (n->writes[i].id == id) {
            buf_deinit(&n->writes[i].content);
            n->writes[i] = n->writes[--n->write_count];
            return;
        }
    }
}

static enum fs_status read_file(void *ctx, const char *path, uint64_t max_bytes, struct buf *out,
                                struct errmsg *error)
{
    struct sim_file *file = find_file(ctx, path);

    if (file == NULL) {
        errmsg_set(error, "no such file");
        return FS_MISSING;
    }
    if (file->content.len > max_bytes) {
        errmsg_set(error, "too large");
        return FS_TOO_LARGE;
    }
    buf_append_bytes(out, buf_bytes(&file->content));
    return FS_OK;
}

static enum fs_status read_piece(void *ctx, const char *path, uint64_t offset, size_t max_bytes,
                                 struct buf *out, struct errmsg *error)
{
    struct sim_file *file = find_file(ctx, path);

    if (file == NULL) {
        errmsg_set(error, "no such file");
        return FS_MISSING;
    }
    if (offset < file->content.len) {
        struct bytes rest = bytes_from(buf_bytes(&file->content), (size_t)offset);

        buf_append_bytes(out, bytes_prefix(rest, rest.len < max_bytes ? rest.len : max_bytes));
    }
    return FS_OK;
}

static enum fs_status get_info(void *ctx, const char *path, struct fs_info *out,
                               struct errmsg *error)
{
    struct sim_file *file = find_file(ctx, path);

    if (file == NULL) {
        errmsg_set(error, "no such file");
        return FS_MISSING;
    }
    *out = (struct fs_info){.size_bytes = file->content.len};
    return FS_OK;
}

static enum fs_status list(void *ctx, const char *path, fs_name_fn *on_name, void *context,
                           struct errmsg *error)
{
    struct sim_node *n = ctx;

    (void)path;
    (void)error;
    for (int i = 0; i < SIM_FILES_MAX; i++) {
        if (n->files[i].exists) {
            on_name(context, n->files[i].name);
        }
    }
    return FS_OK;
}

static enum fs_status remove_file(void *ctx, const char *path, struct errmsg *error)
{
    struct sim_file *file = find_file(ctx, path);

    (void)error;
    if (file != NULL) {
        file->exists = false;
        buf_clear(&file->content);
    }
    return FS_OK;
}

static enum fs_status write_whole(void *ctx, const char *path, struct bytes bytes,
                                  struct errmsg *error)
{
    struct sim_file *file = make_file(ctx, path);

    (void)error;
    buf_clear(&file->content);
    buf_append_bytes(&file->content, bytes);
    return FS_OK;
}

static enum fs_status make_directory(void *ctx, const char *path, struct errmsg *error)
{
    (void)ctx;
    (void)path;
    (void)error;
    return FS_OK;
}

static uint64_t write_begin(void *ctx, const char *path)
{
    struct sim_node *n = ctx;
    struct sim_write write = {.id = n->next_write++};

    snprintf(write.name, sizeof(write.name), "%s", path);
    if (n->write_count == n->write_cap) {
        n->writes = vec_grow(n->writes, &n->write_cap, n->write_count + 1, sizeof(write));
    }
    n->writes[n->write_count++] = write;
    return write.id;
}

static void write_append(void *ctx, uint64_t id, struct buf *steal)
{
    struct sim_write *write = find_write(ctx, id);

    if (write != NULL) {
        buf_append_bytes(&write->content, buf_bytes(steal));
    }
    buf_deinit(steal);
}

static void tell_done(struct sim_node *n, struct sim_event *event)
{
    struct errmsg error = {0};

    node_file_done(n->node, event->number, true, &error);
}

static void take_effect(struct sim_node *n, uint64_t id)
{
    struct sim_write *write = find_write(n, id);
    struct sim_file *file;

    if (write != NULL) {
        file = make_file(n, write->name);
        buf_clear(&file->content);
        buf_append_bytes(&file->content, buf_bytes(&write->content));
        forget_write(n, id);
    }
}

static void on_committed(struct world *world, struct sim_event *event)
{
    struct sim_node *n = &world->nodes[event->node];

    if (n->node == NULL || n->life != event->life) {
        return;
    }
    take_effect(n, event->number);
    if (n->paused_until_us > world->now_us) {
        struct sim_event *later = world_schedule(world, n->paused_until_us, on_committed);

        later->node = event->node;
        later->life = event->life;
        later->number = event->number;
        return;
    }
    sim_node_pass(world, n, tell_done, event);
}

static void write_commit(void *ctx, uint64_t id)
{
    struct sim_node *n = ctx;
    struct world *world = n->world;
    struct sim_write *write = find_write(n, id);
    int64_t us = 200 + (int64_t)rng_below(&world->rng, 5000);
    struct sim_event *event;

    if (write == NULL) {
        return;
    }
    if (rng_one_in(&world->rng, 20)) {
        us += (int64_t)rng_below(&world->rng, 200000); /* the disk is busy */
    }
    event = world_schedule(world, world->now_us + us, on_committed);
    event->node = n->index;
    event->life = n->life;
    event->number = id;
}

static void write_abort(void *ctx, uint64_t id)
{
    forget_write(ctx, id);
}

static size_t write_queued(void *ctx)
{
    (void)ctx;
    return 0;
}

void disk_attach(struct sim_node *n)
{
    n->fs = (struct fs){
        .ctx = n,
        .read_file = read_file,
        .read_piece = read_piece,
        .get_info = get_info,
        .list = list,
        .write_whole = write_whole,
        .remove = remove_file,
        .make_directory = make_directory,
        .write_begin = write_begin,
        .write_append = write_append,
        .write_commit = write_commit,
        .write_abort = write_abort,
        .write_queued = write_queued,
    };
}

void disk_power_cut(struct sim_node *n)
{
    while (n->write_count > 0) {
        uint64_t id = n->writes[0].id;

        forget_write(n, id);
    }
}

void disk_deinit(struct sim_node *n)
{
    disk_power_cut(n);
    mem_free(MEM_BASE, n->writes);
    for (int i = 0; i < SIM_FILES_MAX; i++) {
        buf_deinit(&n->files[i].content);
    }
}
