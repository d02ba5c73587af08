/* SPDX-License-Identifier: MIT */
#include "node/undo.h"

#include "base/assert.h"
#include "node/inside.h"

#include <stdio.h>

enum {
    NAMES_MAX = 1000, /* that are tried */
};

void undo_want(struct node *node, const struct log_place *place)
{
    ASSERT(!node->undo.is_wanted);
    node->undo.is_wanted = place != NULL;
    node->undo.place = place != NULL ? *place : (struct log_place){0};
}

/* ---- the folder ------------------------------------------------------------------------------- */

/* The path of a file of the log in the folder where all is set aside. */
static void path_aside(const struct node *node, const char *folder, const char *name,
                       char path[SEGMENT_PATH_SIZE])
{
    snprintf(path, SEGMENT_PATH_SIZE, "%s/%s/%s", folder, node->config.appenddirname, name);
}

static bool is_there(const struct node *node, const char *path)
{
    struct fs_info info;

    return node->env.fs->get_info(node->env.fs->ctx, path, &info, NULL) == FS_OK;
}

/* Was everything set aside in it (2)? */
static bool is_complete(const struct node *node, const char *folder)
{
    char path[SEGMENT_PATH_SIZE];

    path_aside(node, folder, MANIFEST_NAME, path);
    return is_there(node, path);
}

/* Names of the folder for the place: "undone-1234", "undone-20261127T132640.000Z", with "-2" and so on behind. */
static void format_folder(const struct node *node, unsigned number, char out[UNDO_FOLDER_SIZE])
{
    const struct log_place *place = &node->undo.place;
    char text[LOG_PLACE_TIME_SIZE];
    size_t len = 0;

    if (place->is_time) {
        log_place_format_time(place->unix_ms, text);
        for (const char *c = text; *c != '\0'; c++) {
            if (*c != '-' && *c != ':') {
                text[len++] = *c;
            }
        }
        text[len] = '\0';
    } else {
        snprintf(text, sizeof(text), "%llu", (unsigned long long)place->offset);
    }
    snprintf(out, UNDO_FOLDER_SIZE, number > 1 ? "undone-%s-%u" : "undone-%s", text, number);
}

/* The file in it that says so when all is done. */
static void done_path(const char *folder, char path[SEGMENT_PATH_SIZE])
{
    snprintf(path, SEGMENT_PATH_SIZE, "%s/undone.txt", folder);
}

/* Was the same wanted, and done, before (3)?  In that folder is what was undone then. */
static bool was_done(const struct node *node, char folder[UNDO_FOLDER_SIZE])
{
    char path[SEGMENT_PATH_SIZE];

    for (unsigned number = 1; number <= NAMES_MAX; number++) {
        format_folder(node, number, folder);
        done_path(folder, path);
        if (is_there(node, path)) {
            return true;
        }
        if (!is_complete(node, folder)) {
            return false;
        }
    }
    return false;
}

bool undo_can_begin(const struct node *node, struct errmsg *error)
{
    char folder[UNDO_FOLDER_SIZE];

    if (node->config.cluster_enabled) {
        errmsg_set(error, "--until cannot be used in cluster mode: the other nodes have what it "
                          "would undo, and the one with the most data is believed");
        return false;
    }
    if (!node->role.is_primary) {
        errmsg_set(error, "--until cannot be used on a replica: its primary would send it all "
                          "again. Use it on the primary, or without replicaof.");
        return false;
    }
    if (!disk_base_has_log(node)) {
        errmsg_set(error, "--until cannot be used: there is no log in %s in which it could go back",
                   node->config.appenddirname);
        return false;
    }
    if (was_done(node, folder)) {
        errmsg_set(error,
                   "--until: the server went back to this place before; what it undid then is in "
                   "%s. Start without --until; to go back there again, with what was written "
                   "since, rename that folder.",
                   folder);
        return false;
    }
    return true;
}

size_t undo_count_before(const struct node *node, struct bytes bytes)
{
    const struct log_place *place = &node->undo.place;
    const struct segment_reader *reader = &node->replay.reader;
    uint64_t at = reader->offset - bytes.len;

    ASSERT(node->undo.is_wanted);
    if (place->is_time) {
        return reader->written_unix_ms <= place->unix_ms ? bytes.len : 0;
    }
    if (place->offset <= at) {
        return 0;
    }
    return place->offset - at < bytes.len ? (size_t)(place->offset - at) : bytes.len;
}

/* ---- what was wanted? ------------------------------------------------------------------------- */

static void format_place(const struct log_place *place, char out[LOG_PLACE_TIME_SIZE])
{
    if (place->is_time) {
        log_place_format_time(place->unix_ms, out);
    } else {
        snprintf(out, LOG_PLACE_TIME_SIZE, "offset %llu", (unsigned long long)place->offset);
    }
}

/* A time before the first write behind the snapshot may be one at which the snapshot was not there yet. */
static bool is_before_snapshot(const struct node *node)
{
    const struct log_place *place = &node->undo.place;
    const struct replay *replay = &node->replay;

    if (!place->is_time) {
        return place->offset < replay->from;
    }
    return replay->end == replay->from && place->unix_ms / 1000 < node->loading.saved_unix_s;
}

static bool refuse_before(const struct node *node, const char *wanted, struct errmsg *error)
{
    char time[LOG_PLACE_TIME_SIZE];

    log_place_format_time(node->loading.saved_unix_s * 1000, time);
    errmsg_set(
        error,
        "--until: %s is before the snapshot %s, which is of offset %llu and was begun at %s: "
        "the log goes on from there. Use the folder of an older backup.",
        wanted, disk_base_snapshot(node), (unsigned long long)node->replay.from, time);
    return false;
}

static bool refuse_behind(const struct node *node, const char *wanted, struct errmsg *error)
{
    char time[LOG_PLACE_TIME_SIZE];

    log_place_format_time(node->replay.is_written ? node->replay.written_unix_ms : -1, time);
    errmsg_set(error,
               "--until: nothing is behind %s that could be undone: the log ends at offset %llu, "
               "written at %s. Start without --until.",
               wanted, (unsigned long long)node->replay.end, time);
    return false;
}

bool undo_judge(const struct node *node, struct errmsg *error)
{
    char wanted[LOG_PLACE_TIME_SIZE];

    ASSERT(node->undo.is_wanted);
    format_place(&node->undo.place, wanted);
    if (is_before_snapshot(node)) {
        return refuse_before(node, wanted, error);
    }
    if (!node->replay.is_behind) {
        return refuse_behind(node, wanted, error);
    }
    return true;
}

/* ---- nothing is lost -------------------------------------------------------------------------- */

/* What an ended process had written may be in the system's memory alone. */
static bool set_file_aside(const struct node *node, const char *path, const char *second,
                           uint64_t size_bytes, struct errmsg *error)
{
    const struct fs *fs = node->env.fs;

    return fs->truncate(fs->ctx, path, size_bytes, error) == FS_OK &&
           fs->link(fs->ctx, path, second, error) == FS_OK;
}

static bool set_snapshot_aside(const struct node *node, const char *folder, struct errmsg *error)
{
    const char *name = node->disk_base.manifest.base;
    char second[SEGMENT_PATH_SIZE];

    if (name[0] == '\0' || node->loading.file_size == 0) {
        return true; /* the log goes on from nothing */
    }
    snprintf(second, sizeof(second), "%s/%s", folder, name);
    return set_file_aside(node, name, second, node->loading.file_size, error);
}

static bool set_segments_aside(const struct node *node, const char *folder, struct errmsg *error)
{
    const struct disk_log *d = &node->disk_log;

    for (size_t i = 0; i < d->segments.count; i++) {
        const struct segment_entry *entry = &d->segments.items[i];
        char name[SEGMENT_NAME_SIZE];
        char path[SEGMENT_PATH_SIZE];
        char second[SEGMENT_PATH_SIZE];

        segment_format_name(entry->number, name);
        segment_files_path(&d->files, name, path);
        path_aside(node, folder, name, second);
        if (!set_file_aside(node, path, second, entry->size_bytes, error)) {
            return false;
        }
    }
    return true;
}

static bool set_all_aside(const struct node *node, const char *folder, struct errmsg *error)
{
    const struct fs *fs = node->env.fs;
    char path[SEGMENT_PATH_SIZE];
    char second[SEGMENT_PATH_SIZE];

    snprintf(path, sizeof(path), "%s/%s", folder, node->config.appenddirname);
    if (fs->make_directory(fs->ctx, folder, error) != FS_OK ||
        fs->make_directory(fs->ctx, path, error) != FS_OK ||
        !set_snapshot_aside(node, folder, error) || !set_segments_aside(node, folder, error)) {
        return false;
    }
    segment_files_path(&node->disk_log.files, MANIFEST_NAME, path);
    path_aside(node, folder, MANIFEST_NAME, second);
    return fs->link(fs->ctx, path, second, error) == FS_OK;
}

bool undo_set_aside(struct node *node, struct errmsg *error)
{
    char *folder = node->undo.folder;
    unsigned number = 1;

    ASSERT(node->undo.is_wanted && node->replay.is_behind);
    format_folder(node, number, folder);
    while (is_complete(node, folder) && number < NAMES_MAX) {
        format_folder(node, ++number, folder);
    }
    if (!set_all_aside(node, folder, error)) {
        errmsg_wrap(error,
                    "--until: what is there cannot be set aside in %s, and nothing was changed",
                    folder);
        return false;
    }
    return true;
}

void undo_tell(struct node *node)
{
    const struct fs *fs = node->env.fs;
    const char *folder = node->undo.folder;
    char path[SEGMENT_PATH_SIZE];
    char time[LOG_PLACE_TIME_SIZE];
    struct errmsg error = {0};
    struct buf text = {0};

    log_place_format_time(node->replay.is_written ? node->replay.written_unix_ms : -1, time);
    buf_printf(&text,
               "What a start with --until has undone: it went back to offset %llu, written at %s.\n"
               "This folder has all that was there; starling-server --dir starts on it as well.\n",
               (unsigned long long)node->replay.end, time);
    done_path(folder, path);
    if (fs->write_whole(fs->ctx, path, buf_bytes(&text), &error) != FS_OK) {
        node_log(node, LOG_WARNING, "%s cannot be written: %s", path, error.text);
    }
    buf_deinit(&text);
    node_log(node, LOG_WARNING,
             "went back to offset %llu, written at %s: the data are as they were there. Nothing is "
             "lost: all that was in this folder is kept in %s, on which a server starts as well "
             "(--dir), also with --until for a later place. Remove that folder when it is not "
             "needed any more.",
             (unsigned long long)node->replay.end, time, folder);
    node->undo.is_wanted = false;
}
