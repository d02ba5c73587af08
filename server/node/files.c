/* SPDX-License-Identifier: MIT */
#include "node/files.h"

#include "base/assert.h"
#include "node/inside.h"

enum {
    QUEUE_BYTES = 4 * 1024 * 1024, /* unwritten bytes at which long files wait */
};

static enum fs_lane lane_of(enum file_kind kind)
{
    return kind == FILE_SAVE || kind == FILE_SYNC_PAYLOAD ? FS_LANE_LONG : FS_LANE_SMALL;
}

bool files_is_writing(const struct node *node, enum file_kind kind)
{
    ASSERT(kind < FILE_KIND_COUNT);
    return node->files.handles[kind] != FS_NO_FILE;
}

void files_begin(struct node *node, enum file_kind kind, const char *path)
{
    ASSERT(!files_is_writing(node, kind));
    ASSERT(path[0] != '\0');
    node->files.handles[kind] = node->env.fs->write_begin(node->env.fs->ctx, path, lane_of(kind));
    ASSERT(files_is_writing(node, kind));
}

void files_append(struct node *node, enum file_kind kind, struct buf *bytes)
{
    ASSERT(files_is_writing(node, kind));
    node->env.fs->write_append(node->env.fs->ctx, node->files.handles[kind], bytes);
    ASSERT(bytes->len == 0);
}

void files_commit(struct node *node, enum file_kind kind)
{
    ASSERT(files_is_writing(node, kind));
    node->files.committed_at[kind] = node->now.mono;
    node->env.fs->write_commit(node->env.fs->ctx, node->files.handles[kind]);
}

void files_abort(struct node *node, enum file_kind kind)
{
    ASSERT(files_is_writing(node, kind));
    node->env.fs->write_abort(node->env.fs->ctx, node->files.handles[kind]);
    node->files.handles[kind] = FS_NO_FILE;
}

bool files_are_backed_up(const struct node *node)
{
    return node->env.fs->write_queued(node->env.fs->ctx, FS_LANE_LONG) > QUEUE_BYTES;
}

enum file_kind files_take(struct node *node, uint64_t handle)
{
    ASSERT(handle != FS_NO_FILE);
    for (int kind = 0; kind < FILE_KIND_COUNT; kind++) {
        if (node->files.handles[kind] == handle) {
            node->files.handles[kind] = FS_NO_FILE;
            return (enum file_kind)kind;
        }
    }
    return FILE_KIND_COUNT;
}

void files_check(const struct node *node)
{
    const uint64_t *handles = node->files.handles;

    for (int kind = 0; kind < FILE_KIND_COUNT; kind++) {
        for (int other = 0; other < kind; other++) {
            ASSERT(handles[kind] == FS_NO_FILE || handles[kind] != handles[other]);
        }
    }
}
