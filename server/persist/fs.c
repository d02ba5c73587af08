/* SPDX-License-Identifier: MIT */
#include "persist/fs.h"

#include <string.h>

struct listing {
    const struct fs *fs;
    const char *directory;
    const char *prefix;
    fs_file_fn *on_file;
    void *context;
    enum fs_status status;
    struct errmsg *error;
};

static void on_name(void *context, const char *name)
{
    struct listing *listing = context;
    struct fs_info info;
    struct buf path = {0};
    enum fs_status status;

    if (listing->status != FS_OK || strncmp(name, listing->prefix, strlen(listing->prefix)) != 0) {
        return;
    }
    if (strcmp(listing->directory, ".") != 0) {
        buf_printf(&path, "%s/", listing->directory);
    }
    buf_append_text(&path, name);
    status = listing->fs->get_info(listing->fs->ctx, buf_text(&path), &info, listing->error);
    buf_deinit(&path);
    if (status == FS_OK && !info.is_directory) {
        listing->on_file(listing->context, name, info.size_bytes);
    }
    /* Somebody may have removed it meanwhile. */
    listing->status = status == FS_MISSING ? FS_OK : status;
}

enum fs_status fs_list_files(const struct fs *fs, const char *directory, const char *prefix,
                             fs_file_fn *on_file, void *context, struct errmsg *error)
{
    struct listing listing = {
        .fs = fs,
        .directory = directory,
        .prefix = prefix,
        .on_file = on_file,
        .context = context,
        .error = error,
    };
    enum fs_status status = fs->list(fs->ctx, directory, on_name, &listing, error);

    return status != FS_OK ? status : listing.status;
}
