/* SPDX-License-Identifier: MIT */
#include "persist/segment_files.h"

#include "base/assert.h"
#include "base/attr.h"
#include "segment/manifest.h"
#include "segment/segment.h"

#include <stdio.h>
#include <string.h>

bool segment_files_init(struct segment_files *files, const struct fs *fs, const char *folder)
{
    if (strlen(folder) >= sizeof(files->folder)) {
        return false;
    }
    ASSERT(folder[0] != '\0');
    files->fs = fs;
    memcpy(files->folder, folder, strlen(folder) + 1);
    return true;
}

void segment_files_path(const struct segment_files *files, const char *name,
                        char path[SEGMENT_PATH_SIZE])
{
    int len = snprintf(path, SEGMENT_PATH_SIZE, "%s/%s", files->folder, name);

    ASSERT(len > 0 && len < SEGMENT_PATH_SIZE); /* names of files have up to 255 bytes */
}

void segment_files_segment_path(const struct segment_files *files, uint64_t number,
                                char path[SEGMENT_PATH_SIZE])
{
    char name[SEGMENT_NAME_SIZE];

    segment_format_name(number, name);
    segment_files_path(files, name, path);
}

static bool is_gone(const struct segment_files *files, const char *name)
{
    char path[SEGMENT_PATH_SIZE];
    struct fs_info info;

    segment_files_path(files, name, path);
    return files->fs->get_info(files->fs->ctx, path, &info, NULL) == FS_MISSING;
}

bool segment_files_are_gone(const struct segment_files *files, uint64_t first, uint64_t last)
{
    const uint64_t numbers[] = {first, last};
    bool are_gone = is_gone(files, MANIFEST_NAME);

    for (size_t i = 0; i < ARRAY_COUNT(numbers) && !are_gone; i++) {
        char name[SEGMENT_NAME_SIZE];

        if (numbers[i] > 0) {
            segment_format_name(numbers[i], name);
            are_gone = is_gone(files, name);
        }
    }
    return are_gone;
}

static bool list(void *ctx, segment_name_fn *on_name, void *context, struct errmsg *error)
{
    const struct segment_files *files = ctx;
    enum fs_status status = files->fs->list(files->fs->ctx, files->folder, on_name, context, error);

    return status == FS_OK || status == FS_MISSING;
}

static bool size(void *ctx, const char *name, uint64_t *size_bytes, struct errmsg *error)
{
    const struct segment_files *files = ctx;
    struct fs_info info = {0};
    char path[SEGMENT_PATH_SIZE];

    segment_files_path(files, name, path);
    if (files->fs->get_info(files->fs->ctx, path, &info, error) != FS_OK) {
        return false;
    }
    *size_bytes = info.size_bytes;
    return true;
}

static bool read_from(void *ctx, const char *name, uint64_t place, size_t max_bytes,
                      struct buf *out, struct errmsg *error)
{
    const struct segment_files *files = ctx;
    char path[SEGMENT_PATH_SIZE];

    segment_files_path(files, name, path);
    return files->fs->read_piece(files->fs->ctx, path, place, max_bytes, out, error) == FS_OK;
}

struct segment_source segment_files_source(struct segment_files *files)
{
    ASSERT(files->fs != NULL);
    return (struct segment_source){.ctx = files, .list = list, .size = size, .read = read_from};
}
