/* SPDX-License-Identifier: MIT */
#include "cli/backup_folder.h"

#include "base/assert.h"
#include "cli/log_folder.h"
#include "cli/rdb_position.h"
#include "segment/manifest.h"
#include "segment/segment_list.h"
#include "segment/segment_reader.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FOLDER_MODE = 0755,
    FILE_MODE = 0600,
    PIECE_BYTES = 256 * 1024,
    NAME_SIZE = 256,
    SEGMENT_FULL = 64 * 1024 * 1024,
};

static const char snapshot_name[] = "dump.rdb";
static const char partial_name[] = "dump.rdb.partial";
static const char lock_name[] = "." LOG_FOLDER_NAME ".lock";

static bool fail(const struct backup_folder *folder, const char *doing, const char *name,
                 struct errmsg *error)
{
    errmsg_set(error, "%s %s in %s: %s", doing, name, folder->path, strerror(errno));
    return false;
}

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
    *fd = -1;
}

static bool write_all(int fd, struct bytes bytes)
{
    while (bytes.len > 0) {
        ssize_t written = write(fd, bytes.data, bytes.len);

        if (written < 0 && errno != EINTR) {
            return false;
        }
        bytes = bytes_from(bytes, written > 0 ? (size_t)written : 0);
    }
    return true;
}

/* A small file, as a whole or not at all, durable. */
static bool write_file(const struct backup_folder *folder, int dir, const char *name,
                       struct bytes bytes, struct errmsg *error)
{
    char partial[NAME_SIZE];
    int fd;
    bool is_ok;

    snprintf(partial, sizeof(partial), "%s.partial", name);
    fd = openat(dir, partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, FILE_MODE);
    is_ok = fd >= 0 && write_all(fd, bytes) && fsync(fd) == 0 &&
            renameat(dir, partial, dir, name) == 0 && fsync(dir) == 0;
    if (!is_ok) {
        fail(folder, "writing", name, error);
    }
    close_fd(&fd);
    return is_ok;
}

static bool write_state(const struct backup_folder *folder, struct errmsg *error)
{
    struct buf text = {0};
    bool is_ok;

    backup_state_format(&folder->state, &text);
    is_ok = write_file(folder, folder->home, BACKUP_STATE_NAME, buf_bytes(&text), error);
    buf_deinit(&text);
    return is_ok;
}

/* ---- looking ------------------------------------------------------------------------------------ */

/* Is there nothing that matters?  The name of something, if there is. */
static bool is_empty(const struct backup_folder *folder, char found[NAME_SIZE])
{
    DIR *dir = opendir(folder->path);
    const struct dirent *entry;
    bool is_free = true;

    while (dir != NULL && is_free && (entry = readdir(dir)) != NULL) {
        is_free = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
                  strcmp(entry->d_name, lock_name) == 0 ||
                  strcmp(entry->d_name, BACKUP_STATE_NAME ".partial") == 0;
        snprintf(found, NAME_SIZE, "%s", entry->d_name);
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return is_free;
}

/* *is_there: there is one.  False when it cannot be read. */
static bool read_state(struct backup_folder *folder, bool *is_there, struct errmsg *error)
{
    int fd = openat(folder->home, BACKUP_STATE_NAME, O_RDONLY | O_CLOEXEC);
    char text[BACKUP_STATE_MAX_BYTES];
    ssize_t got;
    bool is_ok;

    *is_there = fd >= 0;
    if (fd < 0) {
        return errno == ENOENT || fail(folder, "opening", BACKUP_STATE_NAME, error);
    }
    got = read(fd, text, sizeof(text));
    is_ok = got >= 0 && backup_state_parse(bytes_make(text, (size_t)got), &folder->state, error);
    if (got < 0) {
        fail(folder, "reading", BACKUP_STATE_NAME, error);
    } else if (!is_ok) {
        errmsg_wrap(error, "%s/%s", folder->path, BACKUP_STATE_NAME);
    }
    close(fd);
    return is_ok;
}

/* Where the log in the folder ends: read from the beginning of its last segment. */
static bool find_end(struct backup_folder *folder, const struct log_folder *files,
                     struct segment_list *list, struct errmsg *error)
{
    struct segment_reader reader;
    enum segment_reading reading = SEGMENT_READING_OK;
    const struct segment_entry *last;
    bool is_ok = false;

    /* A head that is not whole belongs to a segment that a run was just beginning: nothing is in it. */
    if (list->count > 0 && list->items[list->count - 1].is_torn) {
        segment_list_remove_last(list);
    }
    if (list->count == 0) {
        errmsg_set(error, "the backup in %s has no segments any more", folder->path);
        return false;
    }
    last = &list->items[list->count - 1];
    folder->number = last->number;
    folder->history = last->head.history;
    segment_reader_init(&reader, &files->source, list, true);
    is_ok = segment_reader_seek(&reader, &last->head.history, last->head.start);
    while (is_ok && reading == SEGMENT_READING_OK) {
        struct bytes piece;

        reading = segment_reader_next(&reader, PIECE_BYTES, &piece, error);
    }
    folder->written = reader.offset;
    segment_reader_deinit(&reader);
    if (!is_ok || reading != SEGMENT_READING_END) {
        errmsg_wrap(error, "the backup in %s cannot be gone on from", folder->path);
        return false;
    }
    return true;
}

/* What the last run has left is what has to be there. */
static bool look_at_log(struct backup_folder *folder, struct errmsg *error)
{
    const struct sync_place *end = &folder->state.end;
    struct log_folder files;
    struct segment_list list = {0};
    bool is_ok = log_folder_open(&files, folder->path, error) &&
                 segment_list_load(&list, &files.source, error) &&
                 find_end(folder, &files, &list, error);

    segment_list_deinit(&list);
    log_folder_close(&files);
    if (!is_ok) {
        return false;
    }
    if (!history_id_equal(&folder->history, &end->history) || folder->written < end->offset) {
        errmsg_set(error,
                   "the backup in %s was left at offset %" PRIu64
                   " of history %s, and its log ends at %" PRIu64
                   " of %s: a server has written there since, or files are missing. Make a new "
                   "backup in another folder; this one is left as it is",
                   folder->path, end->offset, end->history.text, folder->written,
                   folder->history.text);
        return false;
    }
    return true;
}

static bool take_lock(struct backup_folder *folder, struct errmsg *error)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    folder->lock = openat(folder->home, lock_name, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
    if (folder->lock < 0) {
        return fail(folder, "opening", lock_name, error);
    }
    if (fcntl(folder->lock, F_SETLK, &whole) != 0) {
        errmsg_set(error, "another process, a server or a backup, is at work in %s", folder->path);
        return false;
    }
    return true;
}

bool backup_folder_open(struct backup_folder *folder, const char *path, const char *source,
                        struct errmsg *error)
{
    char found[NAME_SIZE];
    bool is_there;

    *folder = (struct backup_folder){
        .path = path, .home = -1, .log = -1, .lock = -1, .snapshot = -1, .segment = -1};
    if (mkdir(path, FOLDER_MODE) != 0 && errno != EEXIST) {
        errmsg_set(error, "making %s: %s", path, strerror(errno));
        return false;
    }
    folder->home = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder->home < 0) {
        errmsg_set(error, "opening %s: %s", path, strerror(errno));
        return false;
    }
    if (!read_state(folder, &is_there, error)) {
        return false;
    }
    if (!is_there && !is_empty(folder, found)) {
        errmsg_set(error,
                   "%s holds something that is no backup (%s): name a folder that is empty or not "
                   "there",
                   path, found);
        return false;
    }
    if (!take_lock(folder, error) ||
        (backup_state_is_whole(&folder->state) && !look_at_log(folder, error))) {
        return false;
    }
    bytes_to_text(bytes_from_text(source), folder->state.source, sizeof(folder->state.source));
    if (!is_there && !write_state(folder, error)) {
        return false;
    }
    if (mkdirat(folder->home, LOG_FOLDER_NAME, FOLDER_MODE) != 0 && errno != EEXIST) {
        return fail(folder, "making", LOG_FOLDER_NAME, error);
    }
    folder->log = openat(folder->home, LOG_FOLDER_NAME, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return folder->log >= 0 || fail(folder, "opening", LOG_FOLDER_NAME, error);
}

void backup_folder_close(struct backup_folder *folder)
{
    close_fd(&folder->segment);
    close_fd(&folder->snapshot);
    close_fd(&folder->log);
    close_fd(&folder->home);
    close_fd(&folder->lock); /* last: until then nobody else is at work */
}

/* ---- the first part ----------------------------------------------------------------------------- */

static bool remove_file(const struct backup_folder *folder, int dir, const char *name,
                        struct errmsg *error)
{
    return unlinkat(dir, name, 0) == 0 || errno == ENOENT || fail(folder, "removing", name, error);
}

/* The manifest first: without it nothing counts. */
static bool remove_unfinished(const struct backup_folder *folder, struct errmsg *error)
{
    DIR *dir;
    const struct dirent *entry;
    bool is_ok = remove_file(folder, folder->log, MANIFEST_NAME, error) &&
                 remove_file(folder, folder->home, snapshot_name, error) &&
                 remove_file(folder, folder->home, partial_name, error);
    struct buf path = {0};

    buf_printf(&path, "%s/%s", folder->path, LOG_FOLDER_NAME);
    dir = opendir(buf_text(&path));
    buf_deinit(&path);
    while (is_ok && dir != NULL && (entry = readdir(dir)) != NULL) {
        uint64_t number;

        if (segment_parse_name(bytes_from_text(entry->d_name), &number)) {
            is_ok = remove_file(folder, folder->log, entry->d_name, error);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return is_ok;
}

bool backup_folder_begin(struct backup_folder *folder, const struct sync_place *place,
                         struct errmsg *error)
{
    ASSERT(!backup_state_is_whole(&folder->state));
    if (!remove_unfinished(folder, error)) {
        return false;
    }
    folder->begun = *place;
    folder->written = place->offset;
    folder->durable = place->offset;
    folder->snapshot =
        openat(folder->home, partial_name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, FILE_MODE);
    return folder->snapshot >= 0 || fail(folder, "opening", partial_name, error);
}

bool backup_folder_add_snapshot(struct backup_folder *folder, struct bytes piece,
                                struct errmsg *error)
{
    rdb_check_add(&folder->check, piece);
    return write_all(folder->snapshot, piece) || fail(folder, "writing", partial_name, error);
}

bool backup_folder_end_snapshot(struct backup_folder *folder, struct errmsg *error)
{
    char begin[RDB_POSITION_BYTES];
    struct rdb_position position;
    ssize_t got;

    if (!rdb_check_finish(&folder->check, error)) {
        errmsg_wrap(error, "what came is no whole snapshot");
        return false;
    }
    got = pread(folder->snapshot, begin, sizeof(begin), 0);
    if (got < 0) {
        return fail(folder, "reading", partial_name, error);
    }
    if (!rdb_position_read(bytes_make(begin, (size_t)got), &position) ||
        !history_id_equal(&position.history, &folder->begun.history) ||
        position.offset != folder->begun.offset) {
        errmsg_set(error, "the server's snapshot does not say its place in the stream: --rdb "
                          "fetches it, but no log can go on from it");
        return false;
    }
    if (fsync(folder->snapshot) != 0) {
        return fail(folder, "syncing", partial_name, error);
    }
    close_fd(&folder->snapshot);
    return true;
}

/* The log is on disk: now all of it becomes a backup. */
static bool finish_first_part(struct backup_folder *folder, struct errmsg *error)
{
    struct manifest manifest = {.base_history = folder->begun.history,
                                .base_offset = folder->begun.offset,
                                .first = 1,
                                .log = folder->begun.history}; /* as unique as it has to be */
    struct buf text = {0};
    bool is_ok;

    if (renameat(folder->home, partial_name, folder->home, snapshot_name) != 0 ||
        fsync(folder->home) != 0) {
        return fail(folder, "renaming", partial_name, error);
    }
    bytes_to_text(bytes_from_text(snapshot_name), manifest.base, sizeof(manifest.base));
    manifest_format(&manifest, &text);
    is_ok = write_file(folder, folder->log, MANIFEST_NAME, buf_bytes(&text), error);
    buf_deinit(&text);
    return is_ok;
}

/* ---- the stream --------------------------------------------------------------------------------- */

static bool sync_segment(struct backup_folder *folder, struct errmsg *error)
{
    if (folder->segment >= 0 && fsync(folder->segment) != 0) {
        return fail(folder, "syncing", "a segment", error);
    }
    folder->durable = folder->written;
    return true;
}

/* The one before, which a run that was broken off may have left in the system's memory. */
static bool sync_last(struct backup_folder *folder, struct errmsg *error)
{
    char name[SEGMENT_NAME_SIZE];

    if (folder->segment < 0 && folder->number > 0) {
        segment_format_name(folder->number, name);
        folder->segment = openat(folder->log, name, O_RDONLY | O_CLOEXEC);
        if (folder->segment < 0) {
            return fail(folder, "opening", name, error);
        }
    }
    return sync_segment(folder, error);
}

static bool open_segment(struct backup_folder *folder, struct bytes head, struct errmsg *error)
{
    char name[SEGMENT_NAME_SIZE];

    segment_format_name(folder->number, name);
    /* One that is there has no whole head: an earlier run was just beginning it. */
    folder->segment =
        openat(folder->log, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, FILE_MODE);
    if (folder->segment < 0 || !write_all(folder->segment, head) || fsync(folder->segment) != 0 ||
        fsync(folder->log) != 0) {
        return fail(folder, "beginning", name, error);
    }
    folder->segment_bytes = head.len;
    return true;
}

bool backup_folder_begin_segment(struct backup_folder *folder, const struct history_id *history,
                                 int64_t unix_ms, struct errmsg *error)
{
    struct segment_head head = {
        .history = *history, .start = folder->written, .begun_unix_ms = unix_ms};
    struct buf bytes = {0};
    bool is_ok;

    if (!sync_last(folder, error)) {
        return false; /* (3) */
    }
    close_fd(&folder->segment);
    if (folder->number > 0 && !history_id_equal(&folder->history, history)) {
        head.parent = folder->history;
        head.parent_end = folder->written;
    }
    head.durable = folder->durable;
    folder->number++;
    folder->history = *history;
    segment_write_head(&bytes, &head);
    is_ok = open_segment(folder, buf_bytes(&bytes), error);
    buf_deinit(&bytes);
    if (is_ok && backup_state_is_whole(&folder->state)) {
        folder->state.end = (struct sync_place){*history, folder->written};
        is_ok = write_state(folder, error);
    }
    return is_ok;
}

bool backup_folder_add(struct backup_folder *folder, struct bytes bytes, int64_t unix_ms,
                       struct errmsg *error)
{
    struct buf out = {0};
    uint64_t before = folder->written;
    bool is_ok = true;

    ASSERT(folder->segment >= 0);
    if (folder->segment_bytes >= SEGMENT_FULL &&
        !backup_folder_begin_segment(folder, &folder->history, unix_ms, error)) {
        return false;
    }
    while (bytes.len > 0) {
        struct segment_frame frame = {
            .start = folder->written,
            .durable = folder->durable,
            .written_unix_ms = unix_ms,
            .bytes =
                bytes_prefix(bytes, bytes.len < SEGMENT_FRAME_MAX ? bytes.len : SEGMENT_FRAME_MAX)};

        segment_write_frame(&out, &frame);
        folder->written += frame.bytes.len;
        bytes = bytes_from(bytes, frame.bytes.len);
    }
    folder->segment_bytes += out.len;
    is_ok =
        write_all(folder->segment, buf_bytes(&out)) || fail(folder, "writing", "a segment", error);
    if (!is_ok) {
        folder->written = before; /* a later run looks how much of it is there */
    }
    buf_deinit(&out);
    return is_ok;
}

bool backup_folder_sync(struct backup_folder *folder, struct errmsg *error)
{
    bool was_whole = backup_state_is_whole(&folder->state);

    if (!sync_segment(folder, error) || (!was_whole && !finish_first_part(folder, error))) {
        return false;
    }
    if (was_whole && folder->state.end.offset == folder->written) {
        return true;
    }
    folder->state.end = (struct sync_place){folder->history, folder->written};
    return write_state(folder, error);
}
